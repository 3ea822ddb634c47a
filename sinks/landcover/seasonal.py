"""Seasonal water: cells that maps of different seasons show now as water, now as land.

An image shows the water of its day. Where water comes and goes, two maps differ and no land has
changed: such cells stay what they were. What counts as seasonal is said by the study: polygons
that the water reaches, or a return within some years. Land is moved from row to row of the joint
table in whole quanta, so that all sums close as before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from sinks.joint import JointTable
from sinks.landcover.activity import Activity, Pair, pairs_of
from sinks.legend import Legend
from sinks.units import M2_PER_HA

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

#: IPCC classes of land that water does not come to and leave again within a season or two: trees
#: and towns that the maps show under water are changes, or errors of another kind.
NEVER: Final = ("forest_land", "settlements")


@dataclass(frozen=True)
class Returned:
    """Land that the maps show as water here and as land there, and that counts as unchanged.

    Attributes
    ----------
    region, area : ndarray, dims (row)
        Position of the region; quanta.
    mapped, counted : ndarray, dims (row, year)
        Stratum by number, as the maps show it and as it is counted.
    quantum : float
        Area of one quantum [m²].
    """

    region: Ints
    area: Ints
    mapped: Ints
    counted: Ints
    quantum: float

    def rows(self, chosen: Bools) -> Returned:
        """Return some of the rows."""
        return Returned(
            self.region[chosen], self.area[chosen], self.mapped[chosen], self.counted[chosen],
            self.quantum,
        )  # fmt: skip

    @property
    def hectares(self) -> npt.NDArray[np.float64]:
        """Area of every row [ha]."""
        return np.asarray(self.area * (self.quantum / M2_PER_HA))


def kinds(strata: Sequence[str], legend: Legend, *, water: Sequence[str]) -> tuple[Bools, Bools]:
    """Tell which strata are water that comes and goes, and which land it may come to.

    Returns
    -------
    ndarray, dims (stratum), twice
        Water; and land of any class but `NEVER`.
    """
    wet = np.array([name in water for name in strata])
    land = np.array([legend.ipcc_of(name) not in NEVER for name in strata]) & ~wet
    return wet, land


def held_within(stratum: Ints, wet: Bools, *, land: Bools) -> Ints:
    """Return for each year the year whose stratum counts, inside the reach of the water.

    Parameters
    ----------
    stratum : ndarray, dims (row, year)
        By number; negative where there is no data.
    wet, land : ndarray, dims (stratum)
        From `kinds`.

    Returns
    -------
    ndarray, dims (row, year)
        Position of a year. A step from water to land or back is undone: the cell stays what it
        was, until it becomes something else again, such as forest.

    Examples
    --------
    >>> wet, land = np.array([True, False, False]), np.array([False, True, False])
    >>> held_within(np.array([[0, 1, 1], [1, 0, 2]]), wet, land=land).tolist()
    [[0, 0, 0], [0, 0, 2]]
    """
    out = np.tile(np.arange(stratum.shape[1]), (len(stratum), 1))
    rows = np.arange(len(stratum))
    for k in range(1, stratum.shape[1]):
        before, now = stratum[rows, out[:, k - 1]], stratum[:, k]
        flip = (_in(wet, before) & _in(land, now)) | (_in(land, before) & _in(wet, now))
        out[flip, k] = out[flip, k - 1]
    return out


def held_between(
    stratum: Ints, wet: Bools, *, land: Bools, years: Sequence[int], within: float
) -> Ints:
    """Return for each year the year whose stratum counts, where water or land came back.

    Water between two years of one stratum of land, or land between two years of one stratum of
    water, no more than `within` years apart, counts as what it was before and is again. What does
    not return is a change.

    Examples
    --------
    >>> wet, land = np.array([True, False]), np.array([False, True])
    >>> path = np.array([[1, 0, 1, 1], [1, 0, 0, 0]])
    >>> years = [2000, 2005, 2010, 2015]
    >>> held_between(path, wet, land=land, years=years, within=10).tolist()
    [[0, 0, 2, 3], [0, 1, 2, 3]]
    """
    out = np.tile(np.arange(stratum.shape[1]), (len(stratum), 1))
    rows = np.arange(len(stratum))
    for first in range(len(years) - 2):
        for last in range(first + 2, len(years)):
            if years[last] - years[first] > within:
                break
            seen = stratum[rows[:, None], out]
            outer, inner = seen[:, first], seen[:, first + 1 : last]
            back = (outer >= 0) & (outer == seen[:, last])
            wet_between = _in(wet, inner).all(axis=1) & _in(land, outer)
            land_between = _in(land, inner).all(axis=1) & _in(wet, outer)
            hit = np.flatnonzero(back & (wet_between | land_between))
            out[hit, first + 1 : last] = out[hit, first][:, None]
    return out


def _in(which: Bools, stratum: Ints) -> Bools:
    return which[np.maximum(stratum, 0)] & (stratum >= 0)


def strata_of(paths: Ints, lookup: Ints) -> Ints:
    """Return the strata of paths of symbols, dims (row, year)."""
    return np.stack([lookup[k, paths[:, k]] for k in range(paths.shape[1])], axis=1)


def settled(paths: Ints, held: Ints, *, lookup: Ints) -> tuple[Ints, Ints]:
    """Return paths with the symbols of the years that count, and their strata.

    A symbol means one stratum in every year, but for a code that one year declares as no data:
    such a path stays as it is.
    """
    mapped = strata_of(paths, lookup)
    after, counted = (np.take_along_axis(item, held, axis=1) for item in (paths, mapped))
    other = (strata_of(after, lookup) != counted).any(axis=1)
    after[other], counted[other] = paths[other], mapped[other]
    return after, counted


def settle_returns(
    joint: JointTable, lookup: Ints, *, strata: Sequence[str], legend: Legend,
    water: Sequence[str], within: float,
) -> tuple[JointTable, Returned]:  # fmt: skip
    """Undo water that came and went everywhere, and land that fell dry and drowned again.

    Parameters
    ----------
    joint : JointTable
    lookup : ndarray, dims (year, symbol)
    strata : sequence of str
        The legend's strata.
    legend : Legend
    water : sequence of str
        Strata of water.
    within : float
        Longest time from the last year before to the first year after [yr].

    Returns
    -------
    JointTable
        The same land in the same regions.
    Returned
        What was undone.
    """
    paths = joint.paths.astype(np.int64)
    wet, land = kinds(strata, legend, water=water)
    mapped = strata_of(paths, lookup)
    held = held_between(mapped, wet, land=land, years=joint.years, within=within)
    after, counted = settled(paths, held, lookup=lookup)
    moved = (counted != mapped).any(axis=1)[joint.path]
    found = Returned(joint.region, joint.area, mapped[joint.path], counted[joint.path],
                     joint.quantum).rows(moved)  # fmt: skip
    unique, place = np.unique(after, axis=0, return_inverse=True)
    return replace(joint, path=place.reshape(-1)[joint.path], paths=unique), found


def in_place(found: Sequence[Returned], activity: Activity, *, strata: Sequence[str]) -> Activity:
    """Return an activity that knows which of its unchanged land the maps show as changed."""
    names = [str(name) for name in activity.area["stratum"].values]
    where = {strata.index(name): i for i, name in enumerate(names)}
    years = [int(year) for year in activity.area["year"].values]
    stays: dict[Pair, npt.NDArray[np.float64]] = {}
    for pair in pairs_of(years):
        start, end = years.index(pair[0]), years.index(pair[1])
        held = np.zeros((activity.area.sizes["region"], len(names)))
        for part in found:
            same = (part.counted >= 0).all(axis=1) & (part.region < len(held))
            same &= part.counted[:, start] == part.counted[:, end]
            same &= part.mapped[:, start] != part.mapped[:, end]
            own = part.rows(same)
            place = np.array([where[i] for i in own.counted[:, start].tolist()], dtype=np.int64)
            np.add.at(held, (own.region, place), own.hectares)
        stays[pair] = held
    return replace(activity, seasonal=stays)


def undone(
    found: Sequence[Returned], *, pair: Pair, years: Sequence[int], regions: int
) -> Mapping[tuple[int, int, int, int], npt.NDArray[np.float64]]:
    """Return the hectares by what the maps show and what is counted, for one pair of years.

    Returns
    -------
    dict of (mapped before, mapped after, counted before, counted after) to ndarray, dims (region)
        Strata by number; steps that are counted as mapped are not in it.
    """
    start, end = years.index(pair[0]), years.index(pair[1])
    out: dict[tuple[int, int, int, int], npt.NDArray[np.float64]] = {}
    for part in found:
        known = (part.counted >= 0).all(axis=1) & (part.region < regions)
        own = part.rows(known)
        steps = np.column_stack([own.mapped[:, [start, end]], own.counted[:, [start, end]]])
        for row in np.unique(steps, axis=0):
            if (row[:2] == row[2:]).all():
                continue
            here = (steps == row).all(axis=1)
            key = (int(row[0]), int(row[1]), int(row[2]), int(row[3]))
            held = out.setdefault(key, np.zeros(regions))
            np.add.at(held, own.region[here], own.hectares[here])
    return dict(sorted(out.items()))
