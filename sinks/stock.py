"""Where hectares and densities meet: stock = area × density, and what follows from it.

``stock[region, stratum, pool, year, draw] = area[region, stratum, year]
× density[(region,) stratum, pool, year, draw]``
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import xarray as xr

from sinks.biomass.density import Density
from sinks.draws import Summary, summarise
from sinks.landcover.activity import Activity, Pair

Floats = npt.NDArray[np.float64]

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
    """

    def __init__(self, activity: Activity, density: Density, *, level: float) -> None:
        self.area, self.density, self.level = activity.area, density, level
        self._drawn: tuple[int, xr.DataArray] | None = None
        self._spread: tuple[int, Summary] | None = None

    def _density_draws(self, region: int) -> xr.DataArray:
        key = region if self.density.by_region else -1
        if self._drawn is None or self._drawn[0] != key:
            self._drawn = key, self.density.drawn(max(region, 0))
        return self._drawn[1]

    def on(self, area: xr.DataArray) -> Stock:
        """Return the stock of other hectares, dims (region, stratum, year), at the same draws."""
        self._density_draws(0)
        other = copy.copy(self)
        other.area = area
        return other

    def central(self) -> xr.DataArray:
        """Return the stock at the central densities.

        Returns
        -------
        DataArray, dims (region, stratum, year, pool) [t C]
        """
        product = self.area * self.density.value
        return product.transpose("region", "stratum", "year", "pool")

    def cell_spread(self, region: int) -> Summary:
        """Return the spread of one hectare of each stratum, pool and year in a region.

        Returns
        -------
        Summary, dims (stratum, pool, year) [t C/ha]
            Areas are certain, so a stock's spread is its area times this.
        """
        key = region if self.density.by_region else -1
        if self._spread is None or self._spread[0] != key:
            draws = self._density_draws(region)
            self._spread = key, summarise(draws.values, level=self.level)
        return self._spread[1]

    def totals(self, groups: Sequence[npt.NDArray[np.int64]], selection: Selection) -> Totals:
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
        sizes = [int(index.max()) + 1 if len(index) else 0 for index in groups]
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        area = selection.of(self.area).transpose("region", "stratum", "year").values
        draws = np.zeros((int(offsets[-1]), area.shape[2], self.density.draws))
        central = np.zeros(draws.shape[:2])
        if self.density.by_region:
            for region in range(area.shape[0]):
                own = np.zeros((1, *draws.shape[1:]))
                _add(own, area[[region]], per_hectare=self._per_hectare(region, selection))
                middle = np.zeros((1, *central.shape[1:]))
                _add(middle, area[[region]], per_hectare=self._middle(region, selection))
                for offset, index in zip(offsets[:-1], groups, strict=True):
                    draws[offset + index[region]] += own[0]
                    central[offset + index[region]] += middle[0]
            return Totals(central, draws, self.level)
        # One density for all regions: their areas are added first, and only then drawn.
        for offset, size, index in zip(offsets[:-1], sizes, groups, strict=True):
            hectares = np.zeros((size, *area.shape[1:]))
            np.add.at(hectares, index, area)
            own, middle = draws[offset : offset + size], central[offset : offset + size]
            _add(own, hectares, per_hectare=self._per_hectare(0, selection))
            _add(middle, hectares, per_hectare=self._middle(0, selection))
        return Totals(central, draws, self.level)

    def _per_hectare(self, region: int, selection: Selection) -> Floats:
        """Return the draws of the pools' sum, dims (stratum, year, draw) [t C/ha]."""
        chosen = selection.of(self._density_draws(region)).sum("pool")
        return np.asarray(chosen.transpose("stratum", "year", "draw").values)

    def _middle(self, region: int, selection: Selection) -> Floats:
        """Return the central values of the pools' sum, dims (stratum, year) [t C/ha]."""
        value = self.density.value
        here = value.isel(region=region) if self.density.by_region else value
        chosen = selection.of(here).sum("pool")
        return np.asarray(chosen.transpose("stratum", "year").values)


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
    transitions: Mapping[Pair, xr.DataArray], density: Density, *, pair: Pair
) -> ChangeParts:
    """Split the change of one pair of years at the central densities.

    Notes
    -----
    Land that went from stratum i to j changed by ``A_ij (d_j,end − d_i,start)``; gain and loss
    are the sums of the positive and of the negative of these. For the effects, with ``A`` the
    areas and ``d`` the densities of a stratum in both years, the interaction is shared equally:
    ``area effect = Σ (A₁ − A₀)(d₀ + d₁)/2`` and ``density effect = Σ (A₀ + A₁)/2 (d₁ − d₀)``.
    """
    area = transitions[pair]
    total = density.value.sum("pool")
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
