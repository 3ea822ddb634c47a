"""Several cells to a pixel: how many of each kind have their centre in it.

GDAL's warp answers the same question cell by cell and pixel by pixel, ten times as slowly; a map
of a province asks it of some thousand million cells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pyproj import Transformer

from sinks.compiled import compiled

if TYPE_CHECKING:
    from affine import Affine
    from numpy.typing import NDArray
    from rasterio.windows import Window

    from sinks.grid import Grid

#: Cells from one place that is projected to the next, at most.
STEP: Final = 64
#: A row of cells between two such places may stray by this part of a cell …
STRAY: Final = 0.02
#: … where Web Mercator bends it so much within a metre [1/m]: 60° of latitude and beyond.
BEND: Final = 1e-6


@compiled
def _count(
    kinds: NDArray[np.uint8],
    across: NDArray[np.float64],
    down: NDArray[np.float64],
    mesh: tuple[int, int, int],
    counts: NDArray[np.uint32],
) -> None:
    """Add cells to the counts (row, column, kind) of the pixels that their centres lie in.

    `across` and `down` are the pixels of the centres in every so many rows and columns; `mesh` says
    how many, and where the first cell stands in it.
    """
    height, width = counts.shape[0], counts.shape[1]
    step, row0, col0 = mesh
    for r in range(kinds.shape[0]):
        i, t = (r + row0) // step, ((r + row0) % step) / step
        for j in range(across.shape[1] - 1):
            x = across[i, j] * (1 - t) + across[i + 1, j] * t
            y = down[i, j] * (1 - t) + down[i + 1, j] * t
            dx = (across[i, j + 1] * (1 - t) + across[i + 1, j + 1] * t - x) / step
            dy = (down[i, j + 1] * (1 - t) + down[i + 1, j + 1] * t - y) / step
            start = j * step - col0
            for c in range(max(start, 0), min(start + step, kinds.shape[1])):
                u, v = x + (c - start) * dx, y + (c - start) * dy
                if u >= 0 and v >= 0 and u < width and v < height:
                    counts[int(v), int(u), kinds[r, c]] += 1


def counts_of(
    kinds: NDArray[np.uint8],
    grid: Grid,
    *,
    window: Window,
    frame: Affine,
    corner: tuple[int, int],
    shape: tuple[int, int, int],
) -> NDArray[np.uint32]:
    """Count the cells of every kind in every pixel.

    Parameters
    ----------
    kinds : ndarray of uint8, dims (row, column)
        The kind of each cell of the window.
    grid : Grid
    window : Window
        The cells, by row and column of the grid.
    frame : Affine
        From pixels to EPSG:3857; upright.
    corner : (int, int)
        Row and column of the first pixel.
    shape : (int, int, int)
        Rows and columns of pixels, number of kinds.

    Returns
    -------
    ndarray of uint32, dims (row, column, kind)
        A cell counts where its centre lies. Between places some tens of cells apart, which are
        projected, centres stand in a row.
    """
    cell = min(abs(grid.dx), abs(grid.dy)) * (111_320.0 if grid.crs.is_geographic else grid.unit)
    step = int(np.clip((8 * STRAY * cell / BEND) ** 0.5 / cell, 1, STEP))
    first = int(window.row_off) // step * step, int(window.col_off) // step * step
    offsets = int(window.row_off) - first[0], int(window.col_off) - first[1]
    rows, cols = (
        begin + step * np.arange(-(-(size + offset) // step) + 1) + 0.5
        for begin, size, offset in zip(first, kinds.shape, offsets, strict=True)
    )
    x, y = np.meshgrid(grid.x0 + cols * grid.dx, grid.y0 + rows * grid.dy)
    there: Any = Transformer.from_crs(grid.crs, "EPSG:3857", always_xy=True)
    x, y = there.transform(x, y)
    across, down = (x - frame.c) / frame.a - corner[1], (y - frame.f) / frame.e - corner[0]
    counts = np.zeros(shape, np.uint32)
    _count(kinds, across, down, (step, *offsets), counts)
    return counts


def most_frequent(counts: NDArray[np.uint32], values: NDArray[Any]) -> NDArray[Any]:
    """Return the value of the most frequent kind, of several the first; kind 0 does not count."""
    known = counts[..., 1:]
    kind = np.where(known.any(axis=-1), 1 + known.argmax(axis=-1), 0)
    return np.asarray(values[kind])


def mean(counts: NDArray[np.uint32], values: NDArray[Any]) -> NDArray[Any]:
    """Return the mean of the values that are known, NaN if none is; kind 0 does not count."""
    known = np.isfinite(values)
    known[0] = False
    weight = counts[..., known]
    total = weight.sum(axis=-1, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return np.asarray((weight @ values[known].astype(np.float64)) / total)
