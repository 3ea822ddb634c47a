"""Random points in strata of the maps: uniform by true area, block by block, from a seed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely
from affine import Affine
from pyproj import Transformer
from rasterio.features import geometry_mask

from sinks.grid import Grid, cell_areas
from sinks.raster import RasterSource, read_window
from sinks.symbols import to_symbols
from sinks.windows import Window, on_raster, strips

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Memory for the cells of one strip [bytes].
STRIP_BYTES: Final = 8 << 20
#: Rounds of drawing before it is given up: points that fall outside the regions are drawn again.
ROUNDS: Final = 60


@dataclass(frozen=True)
class Frame:
    """What points are drawn from.

    Attributes
    ----------
    common : sequence of RasterSource
        All years, on one grid: land without data in one of them is not drawn.
    years : sequence of int
        Positions of the years that the sample is about.
    symbols, stratum : ndarray
        Symbols of the kernel, and the stratum of each symbol by year, dims (year, symbol);
        negative for no data.
    classes : ndarray, dims (stratum)
        Class of each stratum of the legend.
    count : int
        Number of classes.
    shapes : sequence of geometries
        Regions, in the grid's CRS.
    nodata : sequence of int
    """

    common: Sequence[RasterSource]
    years: Sequence[int]
    symbols: Ints
    stratum: Ints
    classes: Ints
    count: int
    shapes: npt.NDArray[Any]
    nodata: Sequence[int]

    @property
    def grid(self) -> Grid:
        """The grid of all years."""
        return self.common[0].grid


@dataclass(frozen=True)
class Points:
    """Points: coordinates in the grid's CRS, and stratum; one row each, in random order."""

    x: Floats
    y: Floats
    stratum: Ints


def draw_points(frame: Frame, units: Mapping[int, int], *, seed: int) -> Points:
    """Draw points at random, so many in each stratum.

    Parameters
    ----------
    frame : Frame
    units : mapping of stratum to number
        A stratum is a class, or of two years ``before · count + after``; −1 is all land.
    seed : int

    Returns
    -------
    Points

    Raises
    ------
    ValueError
        If a stratum has no land, or so little that its points could not be found.

    Notes
    -----
    A first pass adds up the true area of each stratum's cells by strip. A point is a position on
    that running area: so a cell is drawn in proportion to its area on the ellipsoid, be the grid
    geographic or projected. The point is uniform within the cell, and drawn again if it lies
    outside the regions, whose border may cut the cell.
    """
    windows = list(_windows(frame))
    strata = sorted(units)
    totals = np.stack([_areas(frame, window, strata=strata)[0].sum(axis=1) for window in windows])
    tree = shapely.STRtree(frame.shapes)
    found: list[tuple[Floats, Floats]] = []
    for k, stratum in enumerate(strata):
        if not totals[:, k].sum() > 0:
            raise ValueError(stratum)
        x, y = np.zeros(0), np.zeros(0)
        for round_ in range(ROUNDS):
            missing = units[stratum] - len(x)
            if missing <= 0:
                break
            stream = _uniform(f"{stratum}/{round_}", seed=seed, count=3 * (missing + 16))
            new = _candidates(frame, windows, totals=totals[:, k], stratum=stratum, stream=stream)
            inside = _inside(tree, new)
            x, y = np.concatenate([x, new[0][inside]]), np.concatenate([y, new[1][inside]])
        if len(x) < units[stratum]:
            raise ValueError(stratum)
        found.append((x[: units[stratum]], y[: units[stratum]]))
    x, y = (np.concatenate([pair[axis] for pair in found]) for axis in (0, 1))
    own = np.repeat(np.array(strata, np.int64), [units[stratum] for stratum in strata])
    order = np.argsort(_uniform("order", seed=seed, count=len(x)), kind="stable")
    return Points(x[order], y[order], own[order])


def _uniform(name: str, *, seed: int, count: int) -> Floats:
    """Return numbers in [0, 1) of a stream of that name."""
    digest = hashlib.sha256(f"{seed}\x1fsample/{name}".encode()).digest()
    raw = np.random.Philox(key=int.from_bytes(digest[:16], "little")).random_raw(count)
    return np.asarray((raw >> np.uint64(11)).astype(np.float64) / 2.0**53)


def _windows(frame: Frame) -> Iterator[Window]:
    """Yield the strips of the rasters on which the regions lie."""
    grid = frame.grid
    west, south, east, north = shapely.total_bounds(frame.shapes)
    cols, rows = grid.to_cells(np.array([west, east]), np.array([south, north]))
    box = (int(np.floor(rows.min())), int(np.ceil(rows.max())),
           int(np.floor(cols.min())), int(np.ceil(cols.max())))  # fmt: skip
    window = on_raster(box, grid)
    if window is not None:
        yield from strips(window, frame.common, strip_bytes=STRIP_BYTES)


def _classes(frame: Frame, window: Window) -> Ints:
    """Return the class, or the class of change, of every cell; −1 where there is none."""
    numbers = []
    with ExitStack() as stack:
        for k, source in enumerate(frame.common):
            dataset = stack.enter_context(source.open())
            values = read_window(dataset, [source.band], window=window)[0]
            symbol = to_symbols(values, frame.symbols, nodata=(*frame.nodata, *source.blank))
            numbers.append(frame.stratum[k][symbol])
    valid = np.all([number >= 0 for number in numbers], axis=0)
    out = np.zeros(valid.shape, np.int64)
    for year in frame.years:
        out = out * frame.count + frame.classes[np.maximum(numbers[year], 0)]
    return np.where(valid, out, -1)


def _areas(frame: Frame, window: Window, *, strata: Sequence[int]) -> tuple[Floats, Ints]:
    """Return the area of the cells of each stratum that regions touch, and these cells.

    Returns
    -------
    ndarray, dims (stratum, cell) [m²]
        Zero where a cell is of another stratum.
    ndarray, dims (cell)
        Places of the cells in the window, row by row.
    """
    grid = frame.grid
    row0, row1, col0, col1 = window
    corner = Affine(grid.dx, 0, grid.x0 + col0 * grid.dx, 0, grid.dy, grid.y0 + row0 * grid.dy)
    shape = (row1 - row0, col1 - col0)
    ends = [grid.x0 + col0 * grid.dx, grid.y0 + row0 * grid.dy,
            grid.x0 + col1 * grid.dx, grid.y0 + row1 * grid.dy]  # fmt: skip
    near = frame.shapes[shapely.intersects(frame.shapes, shapely.box(*ends))]
    if not len(near):
        return np.zeros((len(strata), 0)), np.zeros(0, np.int64)
    touched = geometry_mask(list(near), shape, corner, all_touched=True, invert=True)
    classes = _classes(frame, window)
    cells = np.flatnonzero((touched & (classes >= 0)).ravel())
    areas = cell_areas(grid, window)
    centres = np.arange(col0, col1) + 0.5
    by_row = np.stack(
        [np.interp(centres, areas.col_nodes, row) for row in areas.at_rows(row0, row1)]
    )
    own, size = classes.ravel()[cells], by_row.ravel()[cells]
    return np.stack([np.where((own == s) | (s < 0), size, 0.0) for s in strata]), cells


def _candidates(
    frame: Frame, windows: Sequence[Window], *, totals: Floats, stratum: int, stream: Floats
) -> tuple[Floats, Floats]:
    """Return points in cells of a stratum, by three numbers each; some may lie outside."""
    grid, third = frame.grid, len(stream) // 3
    where, u, v = stream[:third], stream[third : 2 * third], stream[2 * third : 3 * third]
    ends = np.cumsum(totals)
    position = where * ends[-1]
    strip = np.minimum(np.searchsorted(ends, position, side="right"), len(windows) - 1)
    cols, rows = np.empty(third), np.empty(third)
    for k in np.unique(strip).tolist():
        own = strip == k
        areas, cells = _areas(frame, windows[k], strata=[stratum])
        running = np.cumsum(areas[0])
        rest = (position[own] - (ends[k] - totals[k])) / totals[k] * running[-1]
        cell = cells[np.minimum(np.searchsorted(running, rest, side="right"), len(cells) - 1)]
        row0, _, col0, col1 = windows[k]
        row, col = np.divmod(cell, col1 - col0)
        rows[own], cols[own] = row + row0, col + col0
    y = grid.y0 + (rows + v) * grid.dy
    if grid.crs.is_geographic:  # uniform by area within the cell, too
        top, bottom = (np.sin((grid.y0 + (rows + k) * grid.dy) * grid.unit) for k in (0, 1))
        y = np.arcsin(top + v * (bottom - top)) / grid.unit
    return grid.x0 + (cols + u) * grid.dx, y


def _inside(tree: shapely.STRtree, points: tuple[Floats, Floats]) -> npt.NDArray[np.bool_]:
    """Tell which points lie in a region."""
    inside = np.zeros(len(points[0]), dtype=bool)
    inside[tree.query(shapely.points(*points), predicate="intersects")[0]] = True
    return inside


def in_grid(shapes: npt.NDArray[Any], transformer: Transformer) -> npt.NDArray[Any]:
    """Return the regions in the grid's CRS."""
    moved = shapely.transform(shapes, transformer.transform, interleaved=False)
    return np.asarray(moved)
