"""A raster in many files: where the tiles lie, whether they fit, and reading them as one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
from rasterio.errors import RasterioError, RasterioIOError
from rasterio.windows import Window

from sinks.checks import Problems
from sinks.grid import SAME_GRID, Grid
from sinks.limits import Limits

if TYPE_CHECKING:
    from sinks.raster import RasterSource

#: Files of one raster that a reader keeps open: windows are cut along tiles, so few are enough.
OPEN_FILES: Final = 4


def reason_of(error: BaseException) -> str:
    """Return the words of the error that started it: what GDAL said before rasterio did."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error)[:300]


@dataclass(frozen=True)
class Tile:
    """A file of a raster, and where its first cell lies in the whole.

    Attributes
    ----------
    path, shown : Path, str
        Where it is and how the study names it.
    band : int
    grid : Grid
        Its own.
    block : (int, int)
        Rows and columns of a stored block.
    row, col : int
        Of its first cell, in the whole raster.
    """

    path: Path
    shown: str
    band: int
    grid: Grid
    block: tuple[int, int]
    row: int = 0
    col: int = 0

    @property
    def box(self) -> tuple[int, int, int, int]:
        """First row, last row, first column, last column (exclusive), in the whole raster."""
        row1, col1 = self.row + self.grid.height, self.col + self.grid.width
        return self.row, row1, self.col, col1


def joined(
    sources: Sequence[RasterSource],
    *,
    blank: Sequence[int] | None,
    limits: Limits,
    problems: Problems,
) -> RasterSource | None:
    """Put the tiles of one year together.

    Parameters
    ----------
    sources : sequence of RasterSource
        Each file by itself, checked.
    blank : sequence of int or None
        The legend's no-data codes, with which gaps may be filled; None if they are not known.
    limits : Limits
    problems : Problems

    Returns
    -------
    RasterSource or None
        One raster over all tiles. Refused are tiles that differ in CRS, type or no-data code,
        that lie between each other's cells, or of which two hold the same cell, and gaps that
        no code can stand for.
    """
    if len(sources) == 1:
        return sources[0]
    # The first to the north-west is the measure, in whatever order the study lists them.
    sources = sorted(sources, key=lambda item: (item.grid.y0 / item.grid.dy, item.grid.x0))
    if not _alike(sources, problems) or not _on_grid(sources, problems):
        return None
    first, tiles = sources[0], _placed(sources)
    grid = _whole(tiles)
    cells = grid.height * grid.width
    if cells > limits.cells:
        size = f"{grid.width} × {grid.height}"
        limit = f"{limits.cells:,}"
        problems.error("raster.too_large", file=first.shown, key="cells", limit=limit, size=size)
        return None
    if _overlap(tiles, problems):
        return None
    filler = _filler(first, blank or ())
    missing = cells - sum(tile.grid.height * tile.grid.width for tile in tiles)
    if missing and filler is None and blank is not None:
        problems.error("raster.gap_without_code", file=first.shown, cells=f"{missing:,}")
        return None
    name = f"{first.shown} (+{len(tiles) - 1})"
    return replace(first, shown=name, grid=grid, parts=tiles, filler=filler)


def _whole(tiles: Sequence[Tile]) -> Grid:
    """Return the grid over all tiles."""
    boxes = np.array([tile.box for tile in tiles], np.int64)
    west = next(tile for tile in tiles if tile.col == 0)
    north = next(tile for tile in tiles if tile.row == 0)
    return replace(
        tiles[0].grid,
        x0=west.grid.x0, y0=north.grid.y0,
        width=int(boxes[:, 3].max()), height=int(boxes[:, 1].max()),
    )  # fmt: skip


def _alike(sources: Sequence[RasterSource], problems: Problems) -> bool:
    """Refuse tiles that cannot be read as one raster."""
    first = sources[0]

    def of(source: RasterSource) -> dict[str, str]:
        same = source.grid.wkt == first.grid.wkt or source.grid.crs.equals(
            first.grid.crs, ignore_axis_order=True
        )
        nodata = "-" if source.nodata is None else str(source.nodata)
        crs = first.grid.crs.name if same else source.grid.crs.name
        return {"CRS": crs, "dtype": source.dtype, "nodata": nodata}

    wanted = of(first)
    alike = True
    for source in sources[1:]:
        differ = {key: value for key, value in of(source).items() if value != wanted[key]}
        for key, value in differ.items():
            problems.error(
                "raster.tiles_differ", file=source.shown, place=key, first=first.shown,
                wanted=wanted[key], found=value,
            )  # fmt: skip
        alike &= not differ
    return alike


def _offsets(source: RasterSource, first: RasterSource) -> npt.NDArray[np.float64]:
    """Return the rows and columns from the first tile's corner to both corners of another."""
    own, grid = first.grid, source.grid
    rows = ((grid.y0 - own.y0) / own.dy, (grid.y0 + grid.height * grid.dy - own.y0) / own.dy)
    cols = ((grid.x0 - own.x0) / own.dx, (grid.x0 + grid.width * grid.dx - own.x0) / own.dx)
    return np.array([rows, cols])


def _on_grid(sources: Sequence[RasterSource], problems: Problems) -> bool:
    """Refuse tiles whose cells lie between those of the first, or are of another size."""
    first, fits = sources[0], True
    for source in sources[1:]:
        offsets = _offsets(source, first)
        shape = np.array([source.grid.height, source.grid.width])
        shift = float(np.abs(offsets - np.rint(offsets)).max())
        sized = (np.rint(offsets[:, 1]) - np.rint(offsets[:, 0]) == shape).all()
        if shift >= SAME_GRID or not sized:
            fits = False
            problems.error(
                "raster.tiles_off_grid", file=source.shown, first=first.shown,
                grid=first.grid.described(), other=source.grid.described(),
                shift=f"{shift:.3g}",
            )  # fmt: skip
    return fits


def _placed(sources: Sequence[RasterSource]) -> tuple[Tile, ...]:
    """Return the tiles, from north to south and west to east as the grid runs."""
    corners = [np.rint(_offsets(source, sources[0])[:, 0]).astype(np.int64) for source in sources]
    top, left = np.min(corners, axis=0)
    tiles = [
        Tile(
            item.path, item.shown, item.band, item.grid, item.block,
            row=int(row - top), col=int(col - left),
        )
        for item, (row, col) in zip(sources, corners, strict=True)
    ]  # fmt: skip
    return tuple(sorted(tiles, key=lambda tile: (tile.row, tile.col, tile.shown)))


def _overlap(tiles: Sequence[Tile], problems: Problems) -> bool:
    """Refuse cells that two tiles hold: which of them counts would be a guess."""
    boxes, pairs = np.array([tile.box for tile in tiles], np.int64), []
    for i, (row0, row1, col0, col1) in enumerate(boxes.tolist()):
        later = boxes[i + 1 :]
        hit = (later[:, 0] < row1) & (later[:, 1] > row0)
        hit &= (later[:, 2] < col1) & (later[:, 3] > col0)
        pairs += [(i, i + 1 + int(k)) for k in np.flatnonzero(hit)]
    for i, k in islice(pairs, 1):
        (a0, a1, a2, a3), (b0, b1, b2, b3) = tiles[i].box, tiles[k].box
        rows, cols = (max(a0, b0), min(a1, b1)), (max(a2, b2), min(a3, b3))
        problems.error(
            "raster.tiles_overlap", file=tiles[k].shown, first=tiles[i].shown,
            second=tiles[k].shown, cells=(rows[1] - rows[0]) * (cols[1] - cols[0]),
            rows=f"{rows[0]}–{rows[1] - 1}", cols=f"{cols[0]}–{cols[1] - 1}", pairs=len(pairs),
        )  # fmt: skip
    return bool(pairs)


def _filler(first: RasterSource, blank: Sequence[int]) -> float | None:
    """Return the value that stands for no data where there is no tile, if one can."""
    dtype = np.dtype(first.dtype)
    if dtype.kind == "f":
        return float("nan")
    limits = np.iinfo(dtype)
    codes = (*first.blank, *sorted(blank))
    return next((code for code in codes if limits.min <= code <= limits.max), None)


class TileReader:
    """Reads tiles as one raster, by the methods of a rasterio dataset that sinks uses.

    Parameters
    ----------
    source : RasterSource
        With its parts.
    opener : callable
        Opens a file.
    """

    def __init__(self, source: RasterSource, opener: Callable[[Path], Any]) -> None:
        self._source, self._opener = source, opener
        self._boxes = np.array([tile.box for tile in source.parts], np.int64)
        self._open: OrderedDict[int, Any] = OrderedDict()

    def read(
        self, indexes: Sequence[int], *, window: Window, out: npt.NDArray[Any] | None = None
    ) -> npt.NDArray[Any]:
        """Read bands of a window; where there is no tile is no data.

        Raises
        ------
        OSError, rasterio.errors.RasterioError
            If a tile cannot be read; the message names it.
        """
        row0, col0 = int(window.row_off), int(window.col_off)
        row1, col1 = row0 + int(window.height), col0 + int(window.width)
        if out is None:
            shape = (len(indexes), row1 - row0, col1 - col0)
            out = np.empty(shape, self._source.dtype)
        first, last = (
            np.maximum(self._boxes[:, 0::2], (row0, col0)),
            np.minimum(self._boxes[:, 1::2], (row1, col1)),
        )
        sides = (last - first).clip(min=0)
        cells = sides[:, 0] * sides[:, 1]
        if cells.sum() < (row1 - row0) * (col1 - col0):
            out[...] = self._source.filler
        for i in np.flatnonzero(cells).tolist():
            (top, left), (bottom, right) = first[i].tolist(), last[i].tolist()
            tile = self._source.parts[i]
            part = out[:, top - row0 : bottom - row0, left - col0 : right - col0]
            shape = Window(left - tile.col, top - tile.row, right - left, bottom - top)
            bands = [index - self._source.band + tile.band for index in indexes]
            try:
                self._dataset(i).read(bands, window=shape, out=part)
            except (RasterioError, ValueError) as error:  # a file that is no TIFF any more
                raise RasterioIOError(f"{tile.shown}: {reason_of(error)}") from None
        return out

    def _dataset(self, i: int) -> Any:
        if i not in self._open:
            while len(self._open) >= OPEN_FILES:
                self._open.popitem(last=False)[1].close()
            self._open[i] = self._opener(self._source.parts[i].path)
        self._open.move_to_end(i)
        return self._open[i]

    def close(self) -> None:
        """Close every file."""
        with ExitStack() as stack:
            for dataset in self._open.values():
                stack.callback(dataset.close)
        self._open.clear()
