"""Strata told apart by polygons: water that is a lake here and a river there, on the joint table.

A land-cover product may have one class for what polygons can tell apart: water inside lake
outlines, green inside a built-up area. The land is moved from row to row of the joint table, in
whole quanta, just as if the raster had held another code inside the polygons; no cell is read
again and nothing is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sinks.joint import JointTable
from sinks.landcover.seasonal import Returned, held_within, settled, strata_of

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """What becomes of some strata: `stratum` inside the polygons, and `outside` beyond them.

    Attributes
    ----------
    replaces : tuple of str
        Strata of the maps.
    stratum, outside : str or None
        None leaves them as they are.
    land : tuple of str
        Strata that they come to and leave with the season, inside the polygons; see
        `sinks.landcover.seasonal`.
    """

    replaces: tuple[str, ...]
    stratum: str | None
    outside: str | None = None
    land: tuple[str, ...] = ()

    @property
    def waters(self) -> tuple[str, ...]:
        """The strata's names inside the polygons."""
        return self.replaces if self.stratum is None else (self.stratum,)


def split_joint(
    joint: JointTable,
    cuts: JointTable,
    *,
    target: Ints,
    which: Ints,
    lookup: Ints,
    splits: Sequence[Split],
    strata: Sequence[str],
) -> tuple[JointTable, Ints, list[Returned]]:
    """Move land to the strata that polygons say.

    Parameters
    ----------
    joint : JointTable
        Of regions and zones.
    cuts : JointTable
        What the polygons of a split have in a region or zone of `joint`.
    target, which : ndarray, dims (cut)
        Region of `joint`, and position in `splits`, of each region of `cuts`.
    lookup : ndarray, dims (year, symbol)
        Stratum of every symbol.
    splits : sequence of Split
    strata : sequence of str
        The legend's strata, those of the splits among them.

    Returns
    -------
    JointTable
        The same land in the same regions.
    ndarray, dims (year, symbol)
        `lookup` with one more symbol for each split.
    list of Returned
        Seasonal water that counts as what it was.
    """
    number = {name: i for i, name in enumerate(strata)}
    symbols = lookup.shape[1]
    new = [number[split.stratum or split.replaces[0]] for split in splits]
    added = np.array([new] * len(lookup), dtype=np.int64)
    wider = _beyond(np.concatenate([lookup, added], axis=1), symbols, splits=splits, number=number)
    seasonal: list[Returned] = []
    paths = joint.paths.astype(np.int64)
    region, path, area = joint.region, paths[joint.path], joint.area
    for k, split in enumerate(splits):
        old = np.array([number[name] for name in split.replaces])
        rows = np.flatnonzero(which[cuts.region] == k)
        before = cuts.paths[cuts.path[rows]].astype(np.int64)
        here = np.stack([np.isin(lookup[y, before[:, y]], old) for y in range(len(lookup))], axis=1)
        hit = here.any(axis=1)
        rows, before, here = rows[hit], before[hit], here[hit]
        after = before if split.stratum is None else np.where(here, symbols + k, before)
        if split.land:
            own = np.isin(np.arange(len(strata)), [number[n] for n in split.waters])
            dry = np.isin(np.arange(len(strata)), [number[n] for n in split.land])
            mapped = strata_of(after, wider)
            after, counted = settled(after, held_within(mapped, own, land=dry), lookup=wider)
        # Border cells are rounded to quanta one polygon at a time: no more than is there moves.
        moved = np.minimum(
            cuts.area[rows], _held(region, path, area=area, of=(target[cuts.region[rows]], before))
        )
        if split.land:
            found = Returned(target[cuts.region[rows]], moved, mapped, counted, joint.quantum)
            seasonal.append(found.rows((mapped != counted).any(axis=1)))
        region = np.concatenate([region, *([target[cuts.region[rows]]] * 2)])
        path = np.concatenate([path, before, after])
        area = np.concatenate([area, -moved, moved])
        region, path, area = _summed(region, path, area=area)
    unique, place = np.unique(path, axis=0, return_inverse=True)
    table = JointTable(
        joint.years, region, place.reshape(-1), area, unique.astype(np.int64), joint.outside,
        joint.quantum,
    )  # fmt: skip
    return table, wider, seasonal


def _beyond(lookup: Ints, symbols: int, *, splits: Sequence[Split], number: dict[str, int]) -> Ints:
    """Rename what is left of the strata beyond the polygons."""
    out = lookup.copy()
    for split in splits:
        if split.outside is not None:
            old = [number[name] for name in split.replaces]
            own = out[:, :symbols]
            own[np.isin(lookup[:, :symbols], old)] = number[split.outside]
    return out


def _held(region: Ints, path: Ints, *, area: Ints, of: tuple[Ints, Ints]) -> Ints:
    """Return the area [quanta] of some rows, given by region and path."""
    rows = np.column_stack([region, path])
    wanted = np.column_stack(of)
    _, place = np.unique(np.concatenate([rows, wanted]), axis=0, return_inverse=True)
    place = place.reshape(-1)
    sums = np.zeros(int(place.max(initial=0)) + 1, np.int64)
    np.add.at(sums, place[: len(rows)], area)
    return np.asarray(sums[place[len(rows) :]])


def _summed(region: Ints, path: Ints, *, area: Ints) -> tuple[Ints, Ints, Ints]:
    """Add up the rows that are alike; rows without land fall away."""
    rows, place = np.unique(np.column_stack([region, path]), axis=0, return_inverse=True)
    total = np.zeros(len(rows), np.int64)
    np.add.at(total, place.reshape(-1), area)
    kept = total > 0
    return rows[kept, 0], rows[kept, 1:], total[kept]
