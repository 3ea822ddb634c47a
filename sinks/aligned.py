"""A raster read on another grid: every cell takes the class of the nearest, nothing is mixed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
from pyproj import Transformer
from rasterio.windows import Window

from sinks.checks import Problems, first_few
from sinks.grid import Grid
from sinks.outlines import transformer_between

if TYPE_CHECKING:
    from sinks.raster import RasterSource

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Rows and columns of the pieces in which an aligned raster is asked for.
BLOCK: Final = (256, 256)
#: Cells of the raster's own grid that are in memory at a time.
CELLS_AT_ONCE: Final = 1 << 24
#: Points on each side of a grid at which it is checked whether another covers it.
RIM: Final = 65


def align(
    sources: Mapping[int, RasterSource],
    reference: int,
    *,
    blank: tuple[int, ...],
    problems: Problems,
) -> dict[int, RasterSource] | None:
    """Put the rasters of all years on the grid of one of them.

    Parameters
    ----------
    sources : mapping of year to RasterSource
    reference : int
        The year whose grid the others are read on.
    blank : tuple of int
        The legend's no-data codes: one fills cells that a raster does not reach.
    problems : Problems
        Is told of every year that was moved, with both grids.

    Returns
    -------
    dict of int to RasterSource, or None
        None if a year cannot be moved.
    """
    target = sources[reference]
    out: dict[int, RasterSource] = {}
    for year, source in sources.items():
        if source.grid.same_cells(target.grid):
            out[year] = source
            continue
        moved = moved_onto(source, target.grid, blank=blank, problems=problems)
        if moved is None:
            continue
        out[year] = moved
        problems.warn(
            "raster.aligned", file=source.shown, place=str(year), other=source.grid.described(),
            first=target.grid.described(), first_year=reference,
        )  # fmt: skip
    return out if len(out) == len(sources) else None


def moved_onto(
    source: RasterSource, grid: Grid, *, blank: tuple[int, ...], problems: Problems
) -> RasterSource | None:
    """Return a raster as it is read on another grid; None if that cannot be."""
    way = transformer_between(grid.crs, source.grid, file=source.shown, problems=problems)
    if way is None:
        return None
    filler = _filler(source, blank)
    if filler is None and not _covers(source.grid, grid, way=way):
        codes = first_few(blank, problems.language) if blank else "–"
        problems.error("raster.align_gap", file=source.shown, codes=codes, dtype=source.dtype)
        return None
    return replace(
        source,
        grid=grid,
        block=BLOCK,
        parts=(),
        native=source,
        filler=filler,
        recode=None,
        raw=None,
    )


def _filler(source: RasterSource, blank: tuple[int, ...]) -> float | None:
    """Return the value that stands for no data where the raster does not reach."""
    dtype = np.dtype(source.dtype)
    if dtype.kind == "f":
        return float("nan")
    limits = np.iinfo(dtype)
    codes = (*source.blank, *blank)
    return next((code for code in codes if limits.min <= code <= limits.max), None)


def _covers(own: Grid, grid: Grid, *, way: Transformer) -> bool:
    """Tell whether a grid's cells have their centres on another, by its rim."""
    cols = np.linspace(0.5, grid.width - 0.5, RIM)
    rows = np.linspace(0.5, grid.height - 0.5, RIM)
    ends_x, ends_y = (0.5, grid.width - 0.5), (0.5, grid.height - 0.5)
    rim = [(cols, np.full(RIM, y)) for y in ends_y] + [(np.full(RIM, x), rows) for x in ends_x]
    col, row = (np.concatenate(side) for side in zip(*rim, strict=True))
    x, y = way.transform(grid.x0 + col * grid.dx, grid.y0 + row * grid.dy, errcheck=False)
    c, r = own.to_cells(np.asarray(x), np.asarray(y))
    return bool(((c >= 0) & (c < own.width) & (r >= 0) & (r < own.height)).all())


class AlignedReader:
    """Reads a raster on another grid, by the methods of a rasterio dataset that sinks uses.

    Parameters
    ----------
    source : RasterSource
        With its native raster.
    dataset : dataset
        The native raster, opened.
    """

    def __init__(self, source: RasterSource, dataset: Any) -> None:
        if source.native is None:
            raise ValueError(source.shown)
        self._grid, self._own = source.grid, source.native.grid
        self._dtype, self._filler, self._dataset = source.dtype, source.filler, dataset

    @cached_property
    def _way(self) -> Transformer | None:
        """The way from the grid's CRS to the raster's own; None where they are one."""
        if self._grid.crs.equals(self._own.crs, ignore_axis_order=True):
            return None
        found = transformer_between(self._grid.crs, self._own, file="", problems=Problems())
        if found is None:
            raise ValueError(self._own.crs.name)
        return found

    def read(
        self, indexes: list[int], *, window: Window, out: npt.NDArray[Any] | None = None
    ) -> npt.NDArray[Any]:
        """Read bands of a window of the grid, each cell from the native cell below its centre."""
        row0, col0 = int(window.row_off), int(window.col_off)
        height, width = int(window.height), int(window.width)
        if out is None:
            out = np.empty((len(indexes), height, width), self._dtype)
        grown = max(abs(self._grid.dy / self._own.dy) * abs(self._grid.dx / self._own.dx), 1.0)
        separable = self._way is None
        room = CELLS_AT_ONCE / (width * (grown if separable else 4.0))
        step = max(1, min(height, int(room)))
        for first in range(0, height, step):
            last = min(first + step, height)
            rows, cols = np.arange(row0 + first, row0 + last), np.arange(col0, col0 + width)
            self._fill(out[:, first:last], indexes, rows=rows, cols=cols)
        return out

    def _fill(self, out: npt.NDArray[Any], indexes: list[int], *, rows: Ints, cols: Ints) -> None:
        """Fill rows of the grid from one window of the native raster."""
        row, col = self._cells(rows, cols)
        inside_r = (row >= 0) & (row < self._own.height)
        inside_c = (col >= 0) & (col < self._own.width)
        if not (inside_r.any() and inside_c.any()):
            out[...] = self._filler
            return
        top, bottom = int(row[inside_r].min()), int(row[inside_r].max()) + 1
        left, right = int(col[inside_c].min()), int(col[inside_c].max()) + 1
        shape = Window(left, top, right - left, bottom - top)
        values = self._dataset.read(list(indexes), window=shape)
        r, c = (np.clip(place - low, 0, high - low - 1)
                for place, low, high in ((row, top, bottom), (col, left, right)))  # fmt: skip
        out[...] = values[:, r, c]
        if not (inside_r.all() and inside_c.all()):
            out[:, ~(inside_r & inside_c)] = self._filler

    def _cells(self, rows: Ints, cols: Ints) -> tuple[Ints, Ints]:
        """Return row and column of the native cell below every centre, as arrays that broadcast."""
        x: Floats = np.asarray(self._grid.x0 + (cols[None, :] + 0.5) * self._grid.dx, np.float64)
        y: Floats = np.asarray(self._grid.y0 + (rows[:, None] + 0.5) * self._grid.dy, np.float64)
        if self._way is not None:
            x, y = np.broadcast_arrays(x, y)
            x, y = (np.asarray(side) for side in self._way.transform(x, y, errcheck=False))
        col, row = self._own.to_cells(x, y)
        return _floor(row), _floor(col)


def _floor(place: Floats) -> Ints:
    """Return whole cells; what the projection cannot place lies outside."""
    return np.floor(np.where(np.isfinite(place), place, -1.0)).astype(np.int64)
