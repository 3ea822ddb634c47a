"""Planting records: polygons with a year, a species and an area, as overlays of kind `planting`."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely

from sinks.boundaries.polygons import hectares
from sinks.checks import Problems, first_few
from sinks.overlays import Overlay
from sinks.regions import Regions
from sinks.sections import OverlayConfig
from sinks.units import AREA_UNITS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

KIND: Final = "planting"
YEAR: Final = re.compile(r"(1[89][0-9]{2}|2[01][0-9]{2})(?:\D.*)?")
#: Part of a record that lies outside the regions or in another record before it is told.
TOLD: Final = 0.01


@dataclass(frozen=True, eq=False)
class PlantingRecords:
    """The records of one overlay, one after the other as in the file.

    Attributes
    ----------
    config : OverlayConfig
    names : tuple of str
        The record's name, or its row.
    shapes : ndarray of shapely polygons
        In the regions' CRS.
    year : ndarray of int
    species : tuple of str
        Empty where the file says nothing.
    declared : ndarray [ha]
        Area that the record states; NaN where it states none.
    drawn : ndarray [ha]
        Area of its polygon.
    share : ndarray, dims (record, region)
        Part of the polygon that lies in each region.
    overlap : ndarray [ha]
        Part of the polygon that other records of the overlay cover, too.
    """

    config: OverlayConfig
    names: tuple[str, ...]
    shapes: npt.NDArray[Any]
    year: Ints
    species: tuple[str, ...]
    declared: Floats
    drawn: Floats
    share: Floats
    overlap: Floats


def columns_of(config: OverlayConfig) -> tuple[str, ...]:
    """Return the columns that an overlay is read with besides its part."""
    named = (config.record, config.year, config.species, config.area)
    return tuple(name for name in named if name) if config.kind == KIND else ()


def planting_records(
    overlays: Sequence[Overlay], regions: Regions, *, problems: Problems
) -> list[PlantingRecords]:
    """Take the overlays of kind `planting` as records.

    Parameters
    ----------
    overlays : sequence of Overlay
    regions : Regions
    problems : Problems
        Is told of records without a year or area (refused), and of those that lie outside the
        regions or over each other.

    Returns
    -------
    list of PlantingRecords
    """
    found = []
    for overlay in overlays:
        if overlay.config.kind == KIND:
            records = _records(overlay, regions, problems=problems)
            _tell(records, problems=problems)
            found.append(records)
    return found


def _records(overlay: Overlay, regions: Regions, *, problems: Problems) -> PlantingRecords:
    config, count = overlay.config, len(overlay.shapes)
    names = _texts(overlay, config.record)
    names = [name or str(row + 1) for row, name in enumerate(names)]
    shapes = np.asarray(overlay.shapes.values)
    crs = regions.frame.crs
    drawn = hectares(shapes, crs)
    own = np.asarray(regions.frame.geometry.values)
    share = np.zeros((count, len(own)))
    record, region = shapely.STRtree(own).query(shapes, predicate="intersects")
    inside = hectares(shapely.intersection(shapes[record], own[region]), crs)
    share[record, region] = inside / drawn[record]
    overlap = np.zeros(count)
    tree = shapely.STRtree(shapes)
    first, second = tree.query(shapes, predicate="intersects")
    for row in np.unique(first[first != second]).tolist():
        others = shapely.union_all(shapes[second[(first == row) & (second != row)]])
        overlap[row] = hectares(np.array([shapely.intersection(shapes[row], others)]), crs)[0]
    return PlantingRecords(
        config, tuple(names), shapes,
        _years(_texts(overlay, config.year), names, config=config, problems=problems),
        tuple(_texts(overlay, config.species)),
        _areas(_texts(overlay, config.area), names, config=config, problems=problems),
        drawn, share, np.where(overlap > TOLD * 1e-3 * drawn, overlap, 0.0),
    )  # fmt: skip


def _texts(overlay: Overlay, column: str | None) -> list[str]:
    """Return a column as text; empty cells, and all of a column that is not named, are empty."""
    if not column:
        return [""] * len(overlay.shapes)
    cells = overlay.columns[column]
    empty = [cell is None or (isinstance(cell, float) and math.isnan(cell)) for cell in cells]
    return [
        "" if nothing else str(cell).strip() for nothing, cell in zip(empty, cells, strict=True)
    ]


def _years(
    texts: Sequence[str], names: Sequence[str], *, config: OverlayConfig, problems: Problems
) -> Ints:
    """Return the years of planting; a date counts by its year."""
    matches = [YEAR.fullmatch(text) for text in texts]
    bad = [f"{name}: {text or '–'}" for name, text, match in
           zip(names, texts, matches, strict=True) if match is None]  # fmt: skip
    if bad:
        shown = first_few(bad, problems.language)
        problems.error(
            "planting.year", file=config.path, place=config.year or "", count=len(bad), first=shown
        )
    return np.array([int(match.group(1)) if match else 0 for match in matches], np.int64)


def _areas(
    texts: Sequence[str], names: Sequence[str], *, config: OverlayConfig, problems: Problems
) -> Floats:
    """Return the areas that the records state [ha]."""
    factor = AREA_UNITS.get(config.area_unit or "ha", 1.0)
    values = [_positive(text) for text in texts]
    bad = [f"{name}: {text}" for name, text, value in
           zip(names, texts, values, strict=True) if text and math.isnan(value)]  # fmt: skip
    if bad:
        shown = first_few(bad, problems.language)
        problems.error(
            "planting.area", file=config.path, place=config.area or "", count=len(bad), first=shown
        )
    return np.array(values, np.float64) * factor


def _positive(text: str) -> float:
    try:
        value = float(text) if text else math.nan
    except ValueError:
        return math.nan
    return value if 0 < value < math.inf else math.nan


def _tell(records: PlantingRecords, *, problems: Problems) -> None:
    """List records outside the regions, and records that lie over each other."""
    outside = 1 - records.share.sum(axis=1)
    cases = (
        ("planting.outside", outside > TOLD, float((outside * records.drawn).sum())),
        ("planting.overlap", records.overlap > TOLD * records.drawn, float(records.overlap.sum())),
    )
    for code, rows, size in cases:
        if rows.any():
            names = [records.names[row] for row in np.flatnonzero(rows).tolist()]
            problems.warn(
                code, file=records.config.path, count=len(names), hectares=f"{size:,.6g}",
                first=first_few(names, problems.language),
            )  # fmt: skip
