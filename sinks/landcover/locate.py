"""What the maps say where the units of a sample lie."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from sinks.checks import Problems, first_few
from sinks.landcover.answers import Answers, Unit
from sinks.legend import Legend
from sinks.raster import RasterSource, read_window
from sinks.regions import Regions
from sinks.texts import text

Floats = npt.NDArray[np.float64]


def located(
    answers: Answers, *, sources: Mapping[int, RasterSource], regions: Regions,
    transformer: Transformer, legend: Legend, problems: Problems,
) -> Answers | None:  # fmt: skip
    """Read the map classes of units that bring coordinates.

    Parameters
    ----------
    answers : Answers
    sources : mapping of year to RasterSource
    regions : Regions
    transformer : Transformer
        From the regions' CRS to the rasters'.
    legend : Legend
    problems : Problems
        Takes units outside the regions (an error: the sample is of another area) and on cells
        without data (left out with a warning: that land is in no area of the study either).

    Returns
    -------
    Answers or None
    """
    if not math.isfinite(answers.units[0].x):
        return answers
    grid = next(iter(sources.values())).grid
    x = np.array([unit.x for unit in answers.units])
    y = np.array([unit.y for unit in answers.units])
    shown = answers.config.sample
    try:
        if answers.crs:
            there = Transformer.from_crs(CRS.from_user_input(answers.crs), grid.crs, always_xy=True)
            x, y = there.transform(x, y, errcheck=False)
    except CRSError:
        problems.error("accuracy.crs", file=shown, found=answers.crs[:80])
        return None
    inside = _in_regions(x, y, regions=regions, transformer=transformer)
    if not inside.all():
        _tell("accuracy.outside", answers, bad=~inside, problems=problems)
        return None
    cols, rows = grid.to_cells(x, y)
    on = (cols >= 0) & (cols < grid.width) & (rows >= 0) & (rows < grid.height)
    classes = np.full((len(answers.units), len(sources)), "", dtype=object)
    cells = np.stack([np.floor(rows[on]), np.floor(cols[on])], axis=1).astype(np.int64)
    for k, source in enumerate(sources.values()):
        codes = codes_at(source, cells)
        blank = {float(code) for code in (*source.blank, *legend.nodata_codes)}
        names: dict[float, str] = dict.fromkeys(blank, "")
        for code in legend.codes:
            names.setdefault(code, answers.scheme.of_stratum[legend.stratum_of(code)])
        classes[on, k] = [names.get(code, "") for code in codes]
    known = (classes != "").all(axis=1)
    if not known.all():
        _tell("accuracy.no_data", answers, bad=~known, problems=problems)
    places = [list(sources).index(year) for year in answers.years]
    units = [
        replace(unit, mapped=tuple(str(classes[i, k]) for k in places))
        for i, unit in enumerate(answers.units) if known[i]
    ]  # fmt: skip
    if not units:
        problems.error("accuracy.no_answers", file=shown, count=len(answers.units))
        return None
    return replace(answers, units=tuple(units))


def _tell(code: str, answers: Answers, *, bad: npt.NDArray[np.bool_], problems: Problems) -> None:
    units: Sequence[Unit] = [answers.units[int(i)] for i in np.flatnonzero(bad)]
    language = problems.language
    place = text("table.lines", language, lines=first_few((u.line for u in units), language))
    items = first_few((f"({unit.x:.10g}, {unit.y:.10g})" for unit in units), language)
    report = problems.warn if code == "accuracy.no_data" else problems.error
    report(code, file=answers.config.sample, place=place, count=len(units), items=items)


def _in_regions(
    x: Floats, y: Floats, *, regions: Regions, transformer: Transformer
) -> npt.NDArray[np.bool_]:
    """Tell which points, in the rasters' CRS, lie in a region or on its border."""
    own = transformer.transform(x, y, direction="INVERSE", errcheck=False)
    xy = np.where(np.isfinite(own), own, np.inf)
    inside = np.zeros(len(x), dtype=bool)
    tree = shapely.STRtree(np.asarray(regions.frame.geometry.values))
    finite = np.flatnonzero(np.isfinite(xy).all(axis=0))
    points = shapely.points(xy[0][finite], xy[1][finite])
    inside[finite[tree.query(points, predicate="intersects")[0]]] = True
    return inside


def codes_at(source: RasterSource, cells: npt.NDArray[np.int64]) -> list[float]:
    """Return the values of cells (row, column), each stored block read once."""
    out = [math.nan] * len(cells)
    height, width = source.block
    blocks: dict[tuple[int, int], list[int]] = defaultdict(list)
    for i, (row, col) in enumerate(cells.tolist()):
        blocks[row // height, col // width].append(i)
    with source.open() as dataset:
        for _, members in sorted(blocks.items()):
            chosen = cells[members]
            row0, col0 = chosen.min(axis=0).tolist()
            row1, col1 = (chosen.max(axis=0) + 1).tolist()
            values = read_window(dataset, [source.band], window=(row0, row1, col0, col1))[0]
            for i, (row, col) in zip(members, chosen.tolist(), strict=True):
                out[i] = float(values[row - row0, col - col0])
    return out
