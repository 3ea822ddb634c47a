"""Where hectares and densities meet: stock = area × density, and what follows from it.

``stock[region, stratum, pool, year, draw] = area[region, stratum, year(, draw)]
× density[(region,) stratum, pool, year, draw]``

Areas have draws where a reference sample corrects them. They are linear in what is mapped, so a
density becomes one per hectare of what is mapped, draw by draw, and the rest is the same code.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

import numpy as np
import numpy.typing as npt
import xarray as xr

from sinks.biomass.density import Density
from sinks.draws import Summary, summarise
from sinks.landcover.activity import Activity, Pair
from sinks.landcover.correction import Correction

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Groups whose draws are made together: few enough to stay near the processor.
AT_ONCE: Final = 64


@dataclass(frozen=True)
class Selection:
    """The strata and pools that a total counts; None counts all."""

    strata: tuple[str, ...] | None = None
    pools: tuple[str, ...] | None = None

    def of(self, array: xr.DataArray) -> xr.DataArray:
        """Return the part of an array that is counted."""
        for dim, names in (("stratum", self.strata), ("pool", self.pools)):
            if names is not None and dim in array.dims:
                array = array.sel({dim: [name for name in names if name in array[dim].values]})
        return array


class Stock:
    """Carbon stocks of a study, on demand: the full array with its draws is never built.

    Parameters
    ----------
    activity : Activity
        Areas [ha].
    density : Density
        Densities with their spreads [t C/ha].
    level : float
        Probability of the intervals.
    places : ndarray, dims (region), optional
        The region of the densities that each region of the areas lies in; its own by default.
    """

    def __init__(
        self, activity: Activity, density: Density, *, level: float, places: Ints | None = None
    ) -> None:
        self.area, self.density, self.level = activity.area, density, level
        self.correction = activity.correction
        self.places = np.arange(activity.area.sizes["region"]) if places is None else places
        self._drawn: tuple[int, xr.DataArray] | None = None
        self._spread: tuple[int, Summary] | None = None

    @property
    def value(self) -> xr.DataArray:
        """The central densities, dims ([region,] stratum, pool, year), of the areas' regions."""
        value = self.density.value
        if not self.density.by_region:
            return value
        return value.isel(region=self.places).assign_coords(region=self.area["region"].values)

    @property
    def by_density(self) -> Ints:
        """The regions in an order in which those of one density follow each other."""
        return np.argsort(self.places, kind="stable")

    def _density_draws(self, region: int) -> xr.DataArray:
        place = int(self.places[region])
        key = place if self.density.by_region else -1
        if self._drawn is None or self._drawn[0] != key:
            self._drawn = key, self.density.drawn(place)
        return self._drawn[1]

    def on(self, area: xr.DataArray, correction: Correction | None = None) -> Stock:
        """Return the stock of other hectares, dims (region, stratum, year), at the same draws."""
        self._density_draws(0)
        other = copy.copy(self)
        other.area, other.correction = area, correction
        return other

    def like(self, density: Density, *, certain: bool = False) -> Stock:
        """Return the stock of the same hectares, their error left out if `certain`, otherwise."""
        other = copy.copy(self)
        other.correction = None if certain else self.correction
        other.density, other._drawn, other._spread = density, None, None
        return other

    def central(self) -> xr.DataArray:
        """Return the stock at the central densities.

        Returns
        -------
        DataArray, dims (region, stratum, year, pool) [t C]
        """
        product = self.area * self.value
        return product.transpose("region", "stratum", "year", "pool")

    def cell_spread(self, region: int) -> Summary:
        """Return the spread of one hectare of each stratum, pool and year in a region.

        Returns
        -------
        Summary, dims (stratum, pool, year) [t C/ha]
            Where areas are certain, a stock's spread is its area times this.
        """
        key = int(self.places[region]) if self.density.by_region else -1
        if self._spread is None or self._spread[0] != key:
            draws = self._density_draws(region)
            self._spread = key, summarise(draws.values, level=self.level)
        return self._spread[1]

    def spread(self, region: int) -> Summary:
        """Return the spread of each stock of a region whose areas are estimated.

        Returns
        -------
        Summary, dims (stratum, pool, year) [t C]
        """
        correction = cast(Correction, self.correction)
        area = correction.drawn_area(region)
        density = self._density_draws(region).transpose("stratum", "pool", "year", "draw")
        return summarise(area[:, None] * density.values, level=self.level)

    def areas(self, groups: Sequence[Ints], strata: Sequence[str]) -> Totals:
        """Sum estimated areas over regions and strata, draw by draw.

        Parameters
        ----------
        groups : sequence of ndarray
            As in `totals`.
        strata : sequence of str

        Returns
        -------
        Totals [ha]
        """
        correction = cast(Correction, self.correction)
        counted = np.isin(self.area["stratum"].values, list(strata)).astype(float)
        shape = (len(counted), correction.base.shape[2])
        flag = np.broadcast_to(counted[:, None], shape)
        flags = np.broadcast_to(flag[..., None], (*shape, correction.draws.shape[1]))
        values = correction.per_mapped(flag), correction.per_mapped(flags)
        return _grouped(correction.base, groups, values=values, level=self.level)

    def flow(self, groups: Sequence[Ints], pair: Pair, *, chosen: npt.NDArray[np.bool_]) -> Totals:
        """Sum the change that some estimated transitions make, over regions, draw by draw.

        Parameters
        ----------
        groups : sequence of ndarray
            As in `totals`.
        pair : (start, end)
        chosen : ndarray of bool, dims (from_stratum, to_stratum)

        Returns
        -------
        Totals [t C]
            With one «year»: the change. Over transitions that are each chosen once, flows sum to
            the change of the totals in every draw.
        """
        correction = cast(Correction, self.correction)
        start, end = (self.area["year"].values.tolist().index(year) for year in pair)

        def values(region: int) -> tuple[Floats, Floats]:
            density = self._density_draws(region).sum("pool").transpose("stratum", "year", "draw")
            middle = self.density.value.sum("pool")
            if self.density.by_region:
                middle = middle.isel(region=int(self.places[region]))
            out = []
            for rates, held in (
                (
                    correction.central[:, None],
                    middle.transpose("stratum", "year").values[..., None],
                ),
                (correction.draws, density.values),
            ):
                gain = held[None, :, end] - held[:, None, start]
                out.append(correction.per_move(rates, np.where(chosen[..., None], gain, 0.0)))
            return out[0], out[1][:, None]

        moves = correction.moves[pair]
        return self._grouped(moves.reshape(len(moves), chosen.size, 1), groups, values=values)

    def totals(self, groups: Sequence[Ints], selection: Selection) -> Totals:
        """Sum the stock over regions, strata and pools, draw by draw.

        Parameters
        ----------
        groups : sequence of ndarray
            Index of the group that each region belongs to, one array per level.
        selection : Selection

        Returns
        -------
        Totals
            Groups of all levels one after the other.
        """
        return self._grouped(
            self._hectares(selection), groups,
            values=lambda region: (
                self._middle(region, selection), self._per_hectare(region, selection)
            ),
        )  # fmt: skip

    def _grouped(
        self, area: Floats, groups: Sequence[Ints], *,
        values: Callable[[int], tuple[Floats, Floats]],
    ) -> Totals:  # fmt: skip
        """Sum area × value, where the values, central and drawn, may differ between regions."""
        if not self.density.by_region:
            return _grouped(area, groups, values=values(0), level=self.level)
        offsets = _offsets(groups)
        draws = np.zeros((int(offsets[-1]), area.shape[2], self.density.draws))
        central = np.zeros(draws.shape[:2])
        for region in self.by_density.tolist():
            per_hectare = values(region)
            own = np.zeros((1, *draws.shape[1:]))
            _add(own, area[[region]], per_hectare=per_hectare[1])
            middle = np.zeros((1, *central.shape[1:]))
            _add(middle, area[[region]], per_hectare=per_hectare[0])
            for offset, index in zip(offsets[:-1], groups, strict=True):
                draws[offset + index[region]] += own[0]
                central[offset + index[region]] += middle[0]
        return Totals(central, draws, self.level)

    def _hectares(self, selection: Selection) -> Floats:
        """Return what is multiplied with `_per_hectare`, dims (region, mapped, year) [ha]."""
        if self.correction is not None:
            return self.correction.base
        return np.asarray(selection.of(self.area).transpose("region", "stratum", "year").values)

    def _per_hectare(self, region: int, selection: Selection) -> Floats:
        """Return the draws of the pools' sum, dims (mapped, year, draw) [t C/ha]."""
        chosen = selection.of(self._density_draws(region)).sum("pool")
        return self._of_mapped(chosen, ("stratum", "year", "draw"))

    def _middle(self, region: int, selection: Selection) -> Floats:
        """Return the central values of the pools' sum, dims (mapped, year) [t C/ha]."""
        value = self.density.value
        if self.density.by_region:
            value = value.isel(region=int(self.places[region]))
        return self._of_mapped(selection.of(value).sum("pool"), ("stratum", "year"))

    def _of_mapped(self, density: xr.DataArray, dims: tuple[str, ...]) -> Floats:
        """Bring a density of strata onto what is mapped: the same, where areas are the map's."""
        if self.correction is None:
            return np.asarray(density.transpose(*dims).values)
        every = density.reindex(stratum=self.area["stratum"].values, fill_value=0.0)
        return self.correction.per_mapped(np.asarray(every.transpose(*dims).values))


def _offsets(groups: Sequence[Ints]) -> Ints:
    """Return where the groups of each level begin, and how many there are in all."""
    sizes = [int(index.max()) + 1 if len(index) else 0 for index in groups]
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def _grouped(
    area: Floats, groups: Sequence[Ints], *, values: tuple[Floats, Floats],
    level: float,
) -> Totals:  # fmt: skip
    """Sum area × value over the regions of groups; `values` are central and drawn, per hectare.

    One value for all regions: their areas are added first, and only then drawn.
    """
    offsets = _offsets(groups)
    draws = np.zeros((int(offsets[-1]), area.shape[2], values[1].shape[-1]))
    central = np.zeros(draws.shape[:2])
    for first, last, index in zip(offsets[:-1], offsets[1:], groups, strict=True):
        hectares = np.zeros((int(last - first), *area.shape[1:]))
        np.add.at(hectares, index, area)
        _add(draws[first:last], hectares, per_hectare=values[1])
        _add(central[first:last], hectares, per_hectare=values[0])
    return Totals(central, draws, level)


def _add(out: Floats, hectares: Floats, *, per_hectare: Floats) -> None:
    """Add Σ hectares × density over strata to `out`, dims (group, year[, draw]).

    Strata are added one by one: a fixed order gives the same bits everywhere.
    """
    weight = hectares if per_hectare.ndim == 2 else hectares[..., None]
    for first in range(0, len(out), AT_ONCE):
        part = slice(first, first + AT_ONCE)
        for s in range(per_hectare.shape[0]):
            out[part] += weight[part, s] * per_hectare[s]


@dataclass(frozen=True)
class Totals:
    """Sums by group and year with their draws [t C].

    Attributes
    ----------
    central : ndarray, dims (group, year)
    draws : ndarray, dims (group, year, draw)
    level : float
    """

    central: Floats
    draws: Floats
    level: float

    def spread(self) -> Summary:
        """Return the spread of every sum, dims (group, year)."""
        return summarise(self.draws, level=self.level)

    def change(self, start: int, end: int) -> tuple[Floats, Floats]:
        """Return the change between two years (by position): central and draws, paired."""
        return (
            self.central[:, end] - self.central[:, start],
            self.draws[:, end] - self.draws[:, start],
        )


@dataclass(frozen=True)
class ChangeParts:
    """What a change is made of, by region [t C]; ``gain − loss`` and both effects sum to it.

    Attributes
    ----------
    by_transition : DataArray, dims (region, from_stratum, to_stratum)
    gain, loss, area_effect, density_effect : ndarray, dims (region)
    """

    by_transition: xr.DataArray
    gain: Floats
    loss: Floats
    area_effect: Floats
    density_effect: Floats


def change_parts(
    transitions: Mapping[Pair, xr.DataArray], value: xr.DataArray, *, pair: Pair
) -> ChangeParts:
    """Split the change of one pair of years at the central densities (`Stock.value`).

    Notes
    -----
    Land that went from stratum i to j changed by ``A_ij (d_j,end − d_i,start)``; gain and loss
    are the sums of the positive and of the negative of these. For the effects, with ``A`` the
    areas and ``d`` the densities of a stratum in both years, the interaction is shared equally:
    ``area effect = Σ (A₁ − A₀)(d₀ + d₁)/2`` and ``density effect = Σ (A₀ + A₁)/2 (d₁ − d₀)``.
    """
    area = transitions[pair]
    total = value.sum("pool")
    start, end = total.sel(year=pair[0], drop=True), total.sel(year=pair[1], drop=True)
    step = end.rename(stratum="to_stratum") - start.rename(stratum="from_stratum")
    by_transition = (area * step).transpose("region", "from_stratum", "to_stratum")
    dims = ("from_stratum", "to_stratum")
    before = area.sum("to_stratum").rename(from_stratum="stratum")
    after = area.sum("from_stratum").rename(to_stratum="stratum")
    area_effect = ((after - before) * (start + end) / 2).sum("stratum")
    density_effect = ((after + before) / 2 * (end - start)).sum("stratum")
    return ChangeParts(
        by_transition,
        by_transition.where(by_transition > 0, 0.0).sum(dims).values,
        -by_transition.where(by_transition < 0, 0.0).sum(dims).values,
        area_effect.transpose("region").values,
        density_effect.transpose("region").values,
    )
