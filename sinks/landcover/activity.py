"""Activity data: from the joint table to hectares by region, stratum and year."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import xarray as xr

from sinks.joint import JointTable
from sinks.landcover.correction import Correction
from sinks.legend import Legend
from sinks.symbols import NODATA_SYMBOL
from sinks.units import M2_PER_HA

Ints = npt.NDArray[np.int64]
Pair = tuple[int, int]

#: Stratum numbers of cells that belong to none.
NO_DATA: Final = -1
UNKNOWN: Final = -2


@dataclass(frozen=True)
class Activity:
    """Areas of a study [ha].

    Attributes
    ----------
    area : DataArray, dims (region, stratum, year)
        On the land that is valid in every year: only there can years be compared.
    transitions : dict of (start, end) to DataArray, dims (region, from_stratum, to_stratum)
        The same land by its strata in two years: every consecutive pair and first–last.
    coverage : Dataset
        ``inside, outside, common_valid`` (region) and ``valid, nodata`` (region, year):
        ``valid + nodata = inside`` and ``inside + outside`` is the region.
    paths : Dataset, dims (row, year)
        The same land by everything that happened to it: ``area`` [ha], ``region`` (by position)
        and ``stratum`` (by position, every year). No two rows are alike in region and strata.
    map_area : DataArray or None
        Where `area` is estimated from a sample: what the map shows, with the same dims.
    correction : Correction or None
        Where `area` is estimated: its draws.
    seasonal : dict of (start, end) to ndarray, dims (region, stratum)
        Of the land that stayed in its stratum, what the maps show as water come or gone [ha].
    """

    area: xr.DataArray
    transitions: Mapping[Pair, xr.DataArray]
    coverage: xr.Dataset
    paths: xr.Dataset = field(default_factory=xr.Dataset)
    map_area: xr.DataArray | None = None
    correction: Correction | None = None
    seasonal: Mapping[Pair, npt.NDArray[np.float64]] = field(default_factory=dict)

    @property
    def counted(self) -> xr.DataArray:
        """Map areas, whether they are the areas of the study or not."""
        return self.area if self.map_area is None else self.map_area


def pairs_of(years: Sequence[int]) -> list[Pair]:
    """Return the pairs of years that are compared: every consecutive one and first–last.

    Examples
    --------
    >>> pairs_of([2005, 2010, 2015])
    [(2005, 2010), (2010, 2015), (2005, 2015)]
    """
    ordered = sorted(years)
    pairs = list(pairwise(ordered))
    return pairs if len(ordered) == 2 else [*pairs, (ordered[0], ordered[-1])]


def strata_of_symbols(
    legend: Legend, symbols: Ints, *, nodata: Mapping[int, int | None], years: Sequence[int]
) -> Ints:
    """Return the stratum number of every symbol in every year.

    Parameters
    ----------
    legend : Legend
    symbols : ndarray, dims (symbol)
        Class code of each symbol, −1 for none.
    nodata : mapping of year to code
        No-data code that the raster of the year declares.
    years : sequence of int

    Returns
    -------
    ndarray, dims (year, symbol)
        Index into ``legend.strata``, `NO_DATA` or `UNKNOWN`.
    """
    number = {stratum: i for i, stratum in enumerate(legend.strata)}
    by_code = {code: number[legend.stratum_of(code)] for code in legend.codes}
    out = np.full((len(years), len(symbols)), UNKNOWN, np.int64)
    byte = bool((symbols >= 0).all())
    for k, year in enumerate(years):
        for symbol, code in enumerate(symbols.tolist()):
            if code == nodata[year] or code in legend.nodata_codes:
                out[k, symbol] = NO_DATA
            elif code in by_code:
                out[k, symbol] = by_code[code]
        if not byte:
            out[k, NODATA_SYMBOL] = NO_DATA
    return out


def unknown_symbols(joint: JointTable, lookup: Ints) -> Iterator[tuple[int, int, float]]:
    """Yield year, symbol and hectares of every code inside the regions that no class has."""
    for k, year in enumerate(joint.years):
        symbol = joint.paths[joint.path, k]
        bad = lookup[k, symbol] == UNKNOWN
        for value in np.unique(symbol[bad]):
            quanta = joint.area[bad & (symbol == value)].sum()
            yield year, int(value), float(quanta) * joint.quantum / M2_PER_HA


def activity(
    joint: JointTable, lookup: Ints, *, strata: Sequence[str], codes: Sequence[str]
) -> Activity:
    """Turn the joint table into areas.

    Parameters
    ----------
    joint : JointTable
    lookup : ndarray, dims (year, symbol)
        From `strata_of_symbols`; no cell may be `UNKNOWN` any more.
    strata : sequence of str
        The legend's strata.
    codes : sequence of str
        Region codes, in the order of the joint table's regions.

    Returns
    -------
    Activity
        With the strata that occur, in the legend's order.
    """
    years, count = joint.years, len(codes)
    stratum = np.stack([lookup[k, joint.paths[joint.path, k]] for k in range(len(years))])
    valid = stratum >= 0
    common = valid.all(axis=0)
    used = np.unique(stratum[:, common]) if common.any() else np.zeros(0, np.int64)
    place = np.full(len(strata), -1, np.int64)
    place[used] = np.arange(len(used))
    names = [strata[int(i)] for i in used]
    region, quanta = joint.region, joint.area
    scale = joint.quantum / M2_PER_HA

    def table(index: list[Ints], shape: tuple[int, ...], *, kept: Any) -> npt.NDArray[np.float64]:
        sums = np.zeros(shape, np.int64)
        np.add.at(sums, tuple(axis[kept] for axis in index), quanta[kept])
        return np.asarray(sums * scale)

    seen = [place[np.maximum(stratum[k], 0)] for k in range(len(years))]
    area = np.stack(
        [table([region, seen[k]], (count, len(names)), kept=common) for k in range(len(years))],
        axis=-1,
    )
    transitions = {}
    for pair in pairs_of(years):
        start, end = years.index(pair[0]), years.index(pair[1])
        shape = (count, len(names), len(names))
        transitions[pair] = xr.DataArray(
            table([region, seen[start], seen[end]], shape, kept=common),
            dims=("region", "from_stratum", "to_stratum"),
            coords={"region": list(codes), "from_stratum": names, "to_stratum": names},
        )
    every = np.ones(len(region), dtype=bool)
    by_year = [table([region], (count,), kept=valid[k]) for k in range(len(years))]
    inside = table([region], (count,), kept=every)
    coverage = xr.Dataset(
        {
            "inside": ("region", inside),
            "outside": ("region", joint.outside * scale),
            "common_valid": ("region", table([region], (count,), kept=common)),
            "valid": (("region", "year"), np.stack(by_year, axis=-1)),
            "nodata": (("region", "year"), inside[:, None] - np.stack(by_year, axis=-1)),
        },
        coords={"region": list(codes), "year": list(years)},
    )
    coords = {"region": list(codes), "stratum": names, "year": list(years)}
    by_stratum = xr.DataArray(area, dims=tuple(coords), coords=coords)
    rows = np.column_stack([region[common], np.stack(seen, axis=-1)[common]])
    paths = _paths(rows, quanta[common], scale=scale, years=years)
    return Activity(by_stratum, transitions, coverage, paths)


def _paths(rows: Ints, quanta: Ints, *, scale: float, years: Sequence[int]) -> xr.Dataset:
    """Bring together the rows (region, stratum of every year) that are alike."""
    keys, place = np.unique(rows, axis=0, return_inverse=True)
    total = np.zeros(len(keys), np.int64)
    np.add.at(total, place.reshape(-1), quanta)
    return xr.Dataset(
        {
            "area": ("row", total * scale),
            "region": ("row", keys[:, 0]),
            "stratum": (("row", "year"), keys[:, 1:]),
        },
        coords={"year": list(years)},
    )
