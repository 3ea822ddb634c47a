"""Estimated areas: the map's hectares of every county, corrected by one reference sample.

Every county has the error rates of the whole: of what is mapped as i in it, the part that the
sample finds to be j, is j. So counties add up to the estimate for the whole, and the error of the
rates is the same number in every county within one draw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import numpy.typing as npt
import xarray as xr

from sinks.landcover.activity import Activity, Pair
from sinks.landcover.correction import Correction
from sinks.landcover.rates import Rates
from sinks.landcover.scheme import THEN, Scheme

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Adjustment:
    """How mapped strata become true ones.

    Attributes
    ----------
    rates : Rates
        Of the classes of `scheme`, or of their changes.
    scheme : Scheme
    years : tuple of int
        Two years if the classes are those of change, else one.
    strata : tuple of str
        Of map and truth together, in the legend's order.
    mix : mapping of class to shares of its strata
        What land is made of that comes into a class from another one.
    """

    rates: Rates
    scheme: Scheme
    years: tuple[int, ...]
    strata: tuple[str, ...]
    mix: Mapping[str, Mapping[str, float]]

    def parts(self, stratum: str, true: str) -> Mapping[str, float]:
        """Return the strata that land mapped as `stratum` is made of where it truly is `true`."""
        return {stratum: 1.0} if self.scheme.of_stratum[stratum] == true else self.mix[true]


def mixes(activity: Activity, scheme: Scheme) -> dict[str, dict[str, float]]:
    """Return what each class is made of on the maps of all years and regions together.

    A class without land on the maps has the one stratum of the legend, or no mix.
    """
    total = activity.area.sum(("region", "year"))
    hectares = dict(zip(total["stratum"].values.tolist(), total.values.tolist(), strict=True))
    out: dict[str, dict[str, float]] = {}
    for name in scheme.classes:
        strata = scheme.strata_in(name)
        own = {stratum: hectares.get(stratum, 0.0) for stratum in strata}
        land = sum(own.values())
        if land > 0:
            out[name] = {stratum: area / land for stratum, area in own.items() if area > 0}
        elif len(strata) == 1:
            out[name] = {strata[0]: 1.0}
    return out


def adjusted(activity: Activity, adjustment: Adjustment) -> Activity:
    """Return the activity with estimated areas and transitions, and with what draws them.

    Parameters
    ----------
    activity : Activity
        Map areas.
    adjustment : Adjustment

    Returns
    -------
    Activity
        Areas and transitions close as those of the map do, and on the same land.

    Notes
    -----
    A sample of one map serves all years. With ``q(j | i)`` the share of land mapped as i that
    is j, ``A_j = Σ_i A_i q(j | i)`` in each year. Land mapped alike in both years is taken to
    be in error alike: ``T_jj += T_ii q(j | i)``; where the map changes, the two errors are taken
    as independent: ``T_jk += T_il q(j | i) q(k | l)``. Both margins are then the areas. A sample
    of change gives the transitions themselves.
    """
    every = {dim: list(adjustment.strata) for dim in ("stratum", "from_stratum", "to_stratum")}
    area = activity.area.reindex({"stratum": every["stratum"]}, fill_value=0.0)
    moves = {
        pair: item.reindex(
            {dim: every[dim] for dim in ("from_stratum", "to_stratum")}, fill_value=0.0
        )
        for pair, item in activity.transitions.items()
    }
    change = len(adjustment.years) > 1
    correction = (
        _of_change(moves, adjustment) if change else _of_state(area, moves, adjustment=adjustment)
    )
    central = correction.central_area()
    found = xr.DataArray(central, dims=area.dims, coords=area.coords)
    if change:
        pair = cast(Pair, adjustment.years)
        transitions = {pair: _moved(moves[pair], correction)}
    else:
        shares = correction.shares()
        transitions = {pair: _carried(item, shares) for pair, item in moves.items()}
    return replace(
        activity, area=found, transitions=transitions, map_area=area, correction=correction,
        paths=_renumbered(activity, adjustment.strata),
    )  # fmt: skip


def _renumbered(activity: Activity, strata: Sequence[str]) -> xr.Dataset:
    """Return the mapped paths, which stay as they are, with the new places of their strata."""
    if "stratum" not in activity.paths:
        return activity.paths
    place = {name: i for i, name in enumerate(strata)}
    new = np.array([place[name] for name in activity.area["stratum"].values.tolist()], np.int64)
    numbers = (
        new[activity.paths["stratum"].values] if len(new) else activity.paths["stratum"].values
    )
    return activity.paths.assign(stratum=(("row", "year"), numbers))


def _of_state(
    area: xr.DataArray, moves: Mapping[Pair, xr.DataArray], *, adjustment: Adjustment
) -> Correction:
    """Return the correction of the strata of one year, by one matrix for all years."""
    place = {name: i for i, name in enumerate(adjustment.strata)}
    entries: list[tuple[int, int, int, int, float]] = []
    for r, (mapped, true) in enumerate(adjustment.rates.pairs):
        for stratum in adjustment.scheme.strata_in(mapped):
            if stratum not in place:
                continue
            for name, share in adjustment.parts(stratum, true).items():
                own = (place[stratum], place[name])
                entries += [(*own, year, r, share) for year in range(area.sizes["year"])]
    base = area.transpose("region", "stratum", "year").values
    return _correction(base, entries, moves=moves, adjustment=adjustment)


def _of_change(moves: Mapping[Pair, xr.DataArray], adjustment: Adjustment) -> Correction:
    """Return the correction of pairs of strata, by the matrix of change."""
    area = moves[cast(Pair, adjustment.years)]
    base = area.transpose("region", "from_stratum", "to_stratum").values
    size = len(adjustment.strata)
    entries: list[tuple[int, int, int, int, float]] = []
    place = {name: i for i, name in enumerate(adjustment.strata)}
    ways: list[tuple[int, int, int, int]] = []
    shares: list[float] = []
    for k, r, before, after in _changes(adjustment):
        for year, parts in enumerate((before, after)):
            entries += [(k, place[name], year, r, share) for name, share in parts.items()]
        for name, share in before.items():
            ways += [(k, place[name], place[other], r) for other in after]
            shares += [share * part for part in after.values()]
    flat = base.reshape(len(base), size * size, 1)
    found = _correction(np.repeat(flat, 2, axis=2), entries, moves=moves, adjustment=adjustment)
    return replace(found, ways=np.array(ways, np.int64), way_share=np.array(shares))


def _changes(
    adjustment: Adjustment,
) -> list[tuple[int, int, Mapping[str, float], Mapping[str, float]]]:
    """Return place of the mapped pair, place of the rate, and what it truly was and became."""
    place = {name: i for i, name in enumerate(adjustment.strata)}
    size, out = len(place), []
    for r, (mapped, true) in enumerate(adjustment.rates.pairs):
        ends, ways = mapped.split(THEN), true.split(THEN)
        for first in adjustment.scheme.strata_in(ends[0]):
            for last in adjustment.scheme.strata_in(ends[1]):
                if first in place and last in place:
                    before = adjustment.parts(first, ways[0])
                    after = adjustment.parts(last, ways[1])
                    out.append((place[first] * size + place[last], r, before, after))
    return out


def _correction(
    base: Floats,
    entries: Sequence[tuple[int, int, int, int, float]],
    *,
    moves: Mapping[Pair, xr.DataArray],
    adjustment: Adjustment,
) -> Correction:
    columns = list(zip(*entries, strict=True))
    mapped, stratum, year, rate = (np.array(column, np.int64) for column in columns[:4])
    dims = ("region", "from_stratum", "to_stratum")
    return Correction(
        base, len(adjustment.strata), mapped, stratum, year, rate, np.array(columns[4]),
        adjustment.rates.central, adjustment.rates.draws,
        {pair: area.transpose(*dims).values for pair, area in moves.items()},
    )  # fmt: skip


def _carried(area: xr.DataArray, shares: Floats) -> xr.DataArray:
    """Return the transitions of a pair of years under one matrix, dims (mapped, true) of shares."""
    moved = area.values.copy()
    size = moved.shape[1]
    stable = np.einsum("rii->ri", moved).copy()
    moved[:, np.arange(size), np.arange(size)] = 0.0
    out = np.einsum("ril,ij,lk->rjk", moved, shares, shares, optimize=True)
    out[:, np.arange(size), np.arange(size)] += stable @ shares
    return area.copy(data=out)


def _moved(area: xr.DataArray, correction: Correction) -> xr.DataArray:
    """Return the transitions that a sample of change gives."""
    ways, shares = correction.ways, correction.way_share
    out = np.zeros(area.shape)
    if ways is not None and shares is not None:
        for (k, i, j, r), share in zip(ways.tolist(), shares.tolist(), strict=True):
            out[:, i, j] += correction.base[:, k, 0] * correction.central[r] * share
    return area.copy(data=out)
