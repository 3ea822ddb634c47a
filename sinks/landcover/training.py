"""Training polygons: read, checked, and turned into the cells that a classifier learns from."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import Transformer

from sinks.boundaries.codes import texts_of
from sinks.boundaries.polygons import make_valid, polygons_only
from sinks.boundaries.position import coordinates_fit, settle_crs
from sinks.boundaries.reading import read_layer
from sinks.boundaries.vectors import Request
from sinks.checks import Problems, first_few
from sinks.grid import Grid
from sinks.imagery import PIECE_BYTES, Imagery
from sinks.legend import Legend
from sinks.limits import Limits
from sinks.outlines import transformer_between
from sinks.windows import Window

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Shapes = npt.NDArray[Any]

CODE: Final = re.compile(r"[+-]?[0-9]{1,10}", re.ASCII)
#: Polygons that a class needs: one to learn from and one to be tested on.
LEAST_POLYGONS: Final = 2
#: Straight edges are cut into so many pieces before they are moved to another CRS.
PIECES: Final = 16


@dataclass(frozen=True, eq=False)
class Polygons:
    """Training polygons on the grid of the imagery.

    Attributes
    ----------
    file : str
    shapes : ndarray of shapely polygons, dims (polygon)
        In the grid's CRS.
    codes : ndarray, dims (polygon)
        Code of the legend.
    """

    file: str
    shapes: Shapes
    codes: Ints


@dataclass(frozen=True, eq=False)
class Cells:
    """Training cells, by row and column.

    Attributes
    ----------
    features : ndarray, dims (cell, band)
    place : ndarray, dims (cell)
        Row times the grid's width plus column.
    polygon : ndarray, dims (cell)
    codes : ndarray, dims (cell)
    empty, torn, left_out : int
        Cells without data, cells that polygons of different classes claim, and cells beyond the
        number wanted of a class: none of them is used.
    """

    features: Floats
    place: Ints
    polygon: Ints
    codes: Ints
    empty: int
    torn: int
    left_out: int


def load_polygons(
    file: str, column: str, *, base: Path, grid: Grid, legend: Legend, problems: Problems,
    layer: str | None = None,
) -> Polygons | None:  # fmt: skip
    """Read and check training polygons, and bring them onto the grid.

    Parameters
    ----------
    file, column : str
        The column holds codes of the legend.
    base : Path
    grid : Grid
    legend : Legend
    problems : Problems
    layer : str, optional

    Returns
    -------
    Polygons or None
        None if they were refused; `problems` says everything.
    """
    limits = Limits()
    found = read_layer(base / file, Request(file, (column,), layer, None, limits),
                       problems=problems)  # fmt: skip
    if found is None:
        return None
    if not len(found.geometry):
        problems.error("regions.no_rows", file=file)
        return None
    texts = texts_of(found.columns[column], column, file=file, problems=problems)
    codes = _codes(texts, column, file=file, legend=legend, problems=problems)
    labels = [str(row) for row in range(1, len(texts) + 1)]
    shapes = polygons_only(found, labels, file=file, problems=problems, limits=limits)
    crs = settle_crs(found.crs, None, gcj02=False, file=file, problems=problems)
    if (
        shapes is None
        or crs is None
        or not coordinates_fit(shapes, crs, file=file, problems=problems)
    ):
        return None
    valid = make_valid(shapes, labels, crs=crs, file=file, problems=problems)
    mover = transformer_between(crs, grid, file=file, problems=problems)
    if valid is None or mover is None:
        return None
    moved = _moved(valid, mover)
    if _outside(moved, grid, file=file, problems=problems) or codes is None:
        return None
    return Polygons(file, moved, codes)


def _codes(
    texts: list[str], column: str, *, file: str, legend: Legend, problems: Problems
) -> Ints | None:
    """Return the code of every polygon; None if some are no classes, or a class has too few."""
    known = {str(code) for code in legend.codes}
    plain = [str(int(text)) if CODE.fullmatch(text) else text for text in texts]
    bad = [row for row, text in enumerate(plain, start=1) if text not in known]
    if bad:
        cells = list(dict.fromkeys(texts[row - 1][:40] for row in bad))
        problems.error(
            "classify.unknown_code", file=file, place=column, count=len(bad),
            rows=first_few(bad, problems.language), legend=legend.name,
            cells=first_few((repr(cell) for cell in cells), problems.language),
            known=first_few(legend.codes, problems.language, count=20),
        )  # fmt: skip
    counts = Counter(text for text in plain if text in known)
    few = sorted(int(code) for code, count in counts.items() if count < LEAST_POLYGONS)
    if few:
        problems.error(
            "classify.few_polygons", file=file, place=column, least=LEAST_POLYGONS,
            codes=first_few(few, problems.language),
        )  # fmt: skip
    if not bad and len(counts) < 2:
        problems.error("classify.one_class", file=file, place=column, count=len(counts))
    return None if bad or few or len(counts) < 2 else np.array([int(t) for t in plain], np.int64)


def _moved(shapes: Shapes, mover: Transformer) -> Shapes:
    """Bring polygons into the grid's CRS; edges are cut first, so that they bend with it."""
    box = shapely.bounds(shapes)
    longest = np.maximum(box[:, 2] - box[:, 0], box[:, 3] - box[:, 1])
    cut = shapely.segmentize(shapes, np.maximum(longest / PIECES, np.finfo(np.float64).tiny))
    moved = np.asarray(shapely.transform(cut, mover.transform, interleaved=False))
    nowhere = ~np.isfinite(shapely.bounds(moved)).all(axis=1)  # where the grid's CRS has no place
    return np.where(nowhere, shapely.Polygon(), moved)


def _outside(shapes: Shapes, grid: Grid, *, file: str, problems: Problems) -> bool:
    """Tell of polygons off the imagery; refuse them if none is on it."""
    met = shapely.intersects(shapes, shapely.box(*grid.bounds))
    away = (np.flatnonzero(~met) + 1).tolist()
    if away:
        add = problems.warn if met.any() else problems.error
        code = "classify.outside" if met.any() else "classify.none_inside"
        add(code, file=file, count=len(away), rows=first_few(away, problems.language))
    return not met.any()


def training_cells(
    imagery: Imagery, polygons: Polygons, *, most: int, seed: int, piece_bytes: int = PIECE_BYTES
) -> Cells:
    """Read the cells whose centre lies in a polygon, piece by piece.

    Parameters
    ----------
    imagery : Imagery
    polygons : Polygons
    most : int
        Cells of a class; of more, a random part is taken, which hangs on the seed and on where
        the cells lie, not on how the imagery is cut.
    seed : int
    piece_bytes : int
    """
    tree = shapely.STRtree(polygons.shapes)
    grid = imagery.grid
    store = _Store(polygons.codes, most=most, seed=seed, bands=len(imagery.layers))
    with imagery.open() as reader:
        for window in imagery.pieces(piece_bytes):
            near = np.sort(tree.query(_box(window, grid)))
            if not len(near):
                continue
            place, polygon, torn = _claimed(window, near, polygons=polygons, grid=grid)
            store.torn += torn
            if len(place):
                values, valid = reader.read(window)
                row, col = place // grid.width - window[0], place % grid.width - window[2]
                store.add(values[row, col], valid[row, col], place=place, polygon=polygon)
    return store.cells()


def _box(window: Window, grid: Grid) -> shapely.Polygon:
    row0, row1, col0, col1 = window
    x = sorted((grid.x0 + col0 * grid.dx, grid.x0 + col1 * grid.dx))
    y = sorted((grid.y0 + row0 * grid.dy, grid.y0 + row1 * grid.dy))
    return shapely.box(x[0], y[0], x[1], y[1])


def _claimed(
    window: Window, near: Ints, *, polygons: Polygons, grid: Grid
) -> tuple[Ints, Ints, int]:
    """Return the cells of a window that polygons of one class claim, and the first of these.

    The third is how many cells polygons of several classes claim.
    """
    row0, row1, col0, col1 = window
    owner = np.full((row1 - row0, col1 - col0), -1, np.int64)
    torn = np.zeros(owner.shape, dtype=bool)
    for item in near.tolist():
        shape = polygons.shapes[item]
        west, south, east, north = shape.bounds
        cols, rows = grid.to_cells(np.array([west, east]), np.array([south, north]))
        first_row, last_row = max(row0, int(rows.min())), min(row1, int(rows.max()) + 1)
        first_col, last_col = max(col0, int(cols.min())), min(col1, int(cols.max()) + 1)
        if first_row >= last_row or first_col >= last_col:
            continue
        x = grid.x0 + (np.arange(first_col, last_col) + 0.5) * grid.dx
        y = grid.y0 + (np.arange(first_row, last_row) + 0.5) * grid.dy
        shapely.prepare(shape)
        inside = shapely.contains_xy(shape, *np.meshgrid(x, y))
        part = (slice(first_row - row0, last_row - row0), slice(first_col - col0, last_col - col0))
        before = owner[part]
        torn[part] |= inside & (before >= 0) & (polygons.codes[before] != polygons.codes[item])
        owner[part] = np.where(inside & (before < 0), item, before)
    row, col = np.nonzero((owner >= 0) & ~torn)
    place = (row + row0) * grid.width + col + col0
    return place.astype(np.int64), owner[row, col], int(torn.sum())


class _Store:
    """The cells taken so far: of every class those with the least random numbers."""

    def __init__(self, codes: Ints, *, most: int, seed: int, bands: int) -> None:
        self._codes, self._most, self._seed, self._bands = codes, most, seed, bands
        self._kept: dict[int, tuple[Floats, Ints, Ints]] = {}
        self.empty = self.torn = self.left_out = 0

    def add(
        self, features: Floats, valid: npt.NDArray[np.bool_], *, place: Ints, polygon: Ints
    ) -> None:
        self.empty += int((~valid).sum())
        features, place, polygon = features[valid], place[valid], polygon[valid]
        codes = self._codes[polygon]
        for code in np.unique(codes).tolist():
            own = codes == code
            parts = [(features[own], place[own], polygon[own])]
            parts += [self._kept[code]] if code in self._kept else []
            values, where, which = (np.concatenate(part) for part in zip(*parts, strict=True))
            if len(where) > self._most:
                order = np.argsort(scattered(where, self._seed), kind="stable")[: self._most]
                self.left_out += len(where) - self._most
                values, where, which = values[order], where[order], which[order]
            self._kept[code] = (values, where, which)

    def cells(self) -> Cells:
        none = (
            np.zeros((0, self._bands), np.float32),
            np.zeros(0, np.int64),
            np.zeros(0, np.int64),
        )
        parts = zip(*(self._kept.values() or [none]), strict=True)
        values, place, polygon = (np.concatenate(part) for part in parts)
        order = np.argsort(place)
        values, place, polygon = values[order], place[order], polygon[order]
        return Cells(
            values, place, polygon, self._codes[polygon], self.empty, self.torn, self.left_out
        )


def scattered(place: Ints, seed: int) -> npt.NDArray[np.uint64]:
    """Return a random number for every place, the same wherever it is asked for.

    Notes
    -----
    The finaliser of SplitMix64: Steele, Lea & Flood 2014.
    """
    start = (2 * seed + 1) * 0x9E3779B97F4A7C15 % 2**64
    mixed = place.astype(np.uint64) + np.uint64(start)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))
