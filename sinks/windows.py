"""How the pass over the rasters is cut: along tiles and stored blocks, into what a worker holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from sinks.grid import Grid

if TYPE_CHECKING:
    from sinks.raster import RasterSource

Ints = npt.NDArray[np.int64]
#: First row, last row, first column, last column (exclusive).
Window = tuple[int, int, int, int]

#: Bytes that one engine's piece of work reads; small enough to share out, large enough to pay.
GROUP_BYTES: Final = 128 << 20
#: Bytes per cell for the places at which the path changes.
CHANGE_BYTES: Final = 4
#: Rows of a strip of a raster that is stored in thin stripes.
STRIP_ROWS: Final = 256


def on_raster(window: Window, grid: Grid) -> Window | None:
    """Return the part of a window that lies on the grid, None if there is none."""
    row0, row1, col0, col1 = window
    row0, row1 = max(row0, 0), min(row1, grid.height)
    col0, col1 = max(col0, 0), min(col1, grid.width)
    return (row0, row1, col0, col1) if row0 < row1 and col0 < col1 else None


def cell_bytes(sources: Sequence[RasterSource]) -> int:
    """Return what a cell of all years takes while it is summed."""
    return sum(np.dtype(source.dtype).itemsize for source in sources) + CHANGE_BYTES


def strips(
    window: Window, sources: Sequence[RasterSource], *, strip_bytes: int
) -> Iterator[Window]:
    """Cut a window of the rasters of all years into pieces that a worker can hold.

    No piece reaches over the border of a tile of any year, so that every file is opened once
    and no stored block is unpacked twice. No sum depends on the cuts.
    """
    room = strip_bytes // cell_bytes(sources)
    for row0, row1, col0, col1 in _between_tiles(window, sources):
        tile = _tile_at(sources[0], row0, col=col0)
        yield from _along_blocks((row0, row1, col0, col1), tile, room=max(1, room))


def _along_blocks(
    window: Window, tile: tuple[Window, tuple[int, int]] | None, *, room: int
) -> Iterator[Window]:
    """Cut a window inside a tile (its box and block) along its blocks, of at most `room` cells."""
    row0, row1, col0, col1 = window
    (top, _, left, right), (block_rows, block_cols) = tile or (window, (1, col1 - col0))
    rows = block_rows * max(1, STRIP_ROWS // block_rows)
    if block_cols >= right - left:  # stored in stripes
        left, cols = col0, col1 - col0
        rows = min(rows, block_rows * max(1, room // (block_rows * cols)))
    else:
        rows = rows if room >= rows * block_cols else block_rows
        cols = block_cols * max(1, room // (rows * block_cols))
    for row in range(top + (row0 - top) // rows * rows, row1, rows):
        for col in range(left + (col0 - left) // cols * cols, col1, cols):
            first, last = max(row, row0), min(row + rows, row1)
            yield from _slices((first, last, max(col, col0), min(col + cols, col1)), room)


def _slices(window: Window, room: int) -> Iterator[Window]:
    """Cut what is larger than the room: a single block, which the system keeps for the next."""
    row0, row1, col0, col1 = window
    cols = min(col1 - col0, room)
    rows = max(1, room // cols)
    for row in range(row0, row1, rows):
        for col in range(col0, col1, cols):
            yield row, min(row + rows, row1), col, min(col + cols, col1)


def _between_tiles(window: Window, sources: Sequence[RasterSource]) -> Iterator[Window]:
    """Cut a window where a tile of any year begins or ends."""
    boxes = {tile.box for source in sources for tile in source.parts}
    if not boxes:
        yield window
        return
    row0, row1, col0, col1 = window
    edges = np.array(sorted(boxes), np.int64)
    rows = _cuts(edges[:, :2], row0, last=row1)
    for first, last in pairwise(rows):
        beside = edges[(edges[:, 0] < last) & (edges[:, 1] > first)]
        cols = _cuts(beside[:, 2:], col0, last=col1)
        for left, right in pairwise(cols):
            yield first, last, left, right


def _cuts(edges: Ints, first: int, *, last: int) -> list[int]:
    inside = {int(edge) for edge in np.unique(edges) if first < edge < last}
    return sorted(inside | {first, last})


def _tile_at(source: RasterSource, row: int, *, col: int) -> tuple[Window, tuple[int, int]] | None:
    """Return box and block of the tile that holds a cell, None in a gap."""
    for tile in source.tiles:
        row0, row1, col0, col1 = tile.box
        if row0 <= row < row1 and col0 <= col < col1:
            return tile.box, tile.block
    return None


def groups(pieces: Iterable[Window], *, per_cell: int) -> dict[int, tuple[Window, ...]]:
    """Bring pieces together, in their order, until they are worth a worker's while."""
    out: dict[int, tuple[Window, ...]] = {}
    group: list[Window] = []
    size = 0
    for piece in pieces:
        group.append(piece)
        size += (piece[1] - piece[0]) * (piece[3] - piece[2]) * per_cell
        if size >= GROUP_BYTES:
            out[len(out)] = tuple(group)
            group, size = [], 0
    if group:
        out[len(out)] = tuple(group)
    return out
