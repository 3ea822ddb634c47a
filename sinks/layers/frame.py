"""The pixel grid of a map's pictures, and the warp that brings cells onto it.

A web map stretches a picture linearly in Web Mercator (EPSG:3857). A picture in any other
projection is off by kilometres inside its frame even when its corners fit, so every raster is
warped to EPSG:3857 first and its bounds are those of the warped pixels, to the last digit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from affine import Affine
from rasterio.enums import Resampling
from rasterio.warp import reproject, transform, transform_bounds
from rasterio.windows import Window

from sinks.layers.thin import counts_of, mean, most_frequent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sinks.grid import Grid
    from sinks.raster import RasterSource

#: Longest side of a picture [pixels]: what every browser and phone can hold as one image.
LONGEST: Final = 4096
#: Half the side of the Web Mercator square [m]: the sphere of radius 6 378 137 m, times pi.
MERCATOR_EDGE: Final = 20037508.342789244
#: Where Web Mercator ends [degrees of latitude].
MERCATOR_LATITUDE: Final = 85.0511287798
#: From this many source cells per pixel side on, cells are summed up instead of picked.
THINNED: Final = 1.5
#: Source cells of a piece that is made at a time, and how many more on each side.
PIECE_CELLS: Final = 2**22
MARGIN: Final = 4
#: Kinds of cells in pixels that are counted at a time.
COUNTS: Final = 2**22

Bounds = tuple[float, float, float, float]
#: Cells of every year's raster, and their window, to their kinds.
Paint = Callable[[list[Any], Window], Any]
#: More kinds than so many are numbered piece by piece: few of them meet in one.
FEW: Final = 64


@dataclass(frozen=True)
class Frame:
    """The pixel grid of a picture in EPSG:3857."""

    transform: Affine
    width: int
    height: int
    cells_per_pixel: float

    @property
    def thinned(self) -> bool:
        """Whether a pixel stands for several cells."""
        return self.cells_per_pixel >= THINNED

    @property
    def bounds(self) -> list[list[float]]:
        """``[[south, west], [north, east]]`` of the outer pixel edges [degrees]."""
        grid = self.transform
        south, west = _degrees(grid.c, grid.f + self.height * grid.e)
        north, east = _degrees(grid.c + self.width * grid.a, grid.f)
        return [[south, west], [north, east]]


def _degrees(x: float, y: float) -> tuple[float, float]:
    """Invert Web Mercator: ``lat = atan(sinh(pi y / edge))``; EPSG Guidance Note 7-2, 1024."""
    latitude = np.degrees(np.arctan(np.sinh(np.pi * y / MERCATOR_EDGE)))
    return (round(float(latitude), 10), round(x / MERCATOR_EDGE * 180.0, 10))


def _sides(grid: Grid) -> Bounds:
    """Return left, bottom, right, top [units of the raster's CRS]."""
    xs = (grid.x0, grid.x0 + grid.width * grid.dx)
    ys = (grid.y0, grid.y0 + grid.height * grid.dy)
    return (min(xs), min(ys), max(xs), max(ys))


def _extent(grid: Grid, clip: Bounds | None) -> Bounds:
    """Return west, south, east, north [degrees] of what is to be shown."""
    west, south, east, north = transform_bounds(
        grid.wkt, "EPSG:4326", *_sides(grid), densify_pts=99
    )
    south, north = max(south, -MERCATOR_LATITUDE), min(north, MERCATOR_LATITUDE)
    if clip is not None:
        west, south = max(west, clip[0]), max(south, clip[1])
        east, north = min(east, clip[2]), min(north, clip[3])
    if not (west < east and south < north):
        raise ValueError("the raster and the regions do not meet")
    return (west, south, east, north)


def _cell(grid: Grid, extent: Bounds) -> float:
    """Return the shorter side of a cell in the middle of the extent [Web Mercator m]."""
    west, south, east, north = extent
    xs, ys = transform("EPSG:4326", grid.wkt, [(west + east) / 2], [(south + north) / 2])
    right, down = xs[0] + grid.dx, ys[0] + grid.dy
    us, vs = transform(grid.wkt, "EPSG:3857", [xs[0], right, xs[0]], [ys[0], ys[0], down])
    sides = [np.hypot(us[i] - us[0], vs[i] - vs[0]) for i in (1, 2)]
    return float(min(sides))


def frame_of(grid: Grid, clip: Bounds | None, *, longest: int) -> Frame:
    """Lay the picture's grid: the raster's own cell size, or coarser to stay within `longest`."""
    extent = _extent(grid, clip)
    west, south, east, north = transform_bounds("EPSG:4326", "EPSG:3857", *extent, densify_pts=0)
    cell = _cell(grid, extent)
    pixel = max(cell, max(east - west, north - south) / longest)
    return Frame(
        transform=Affine(pixel, 0.0, west, 0.0, -pixel, north),
        width=min(longest, max(1, int(np.ceil((east - west) / pixel - 1e-6)))),
        height=min(longest, max(1, int(np.ceil((north - south) / pixel - 1e-6)))),
        cells_per_pixel=pixel / cell,
    )


def warp(
    sources: Sequence[RasterSource],
    frame: Frame,
    *,
    paint: Paint,
    values: NDArray[Any],
    out: NDArray[Any],
    averaged: bool = False,
) -> None:
    """Bring painted cells onto a frame, piece by piece.

    Parameters
    ----------
    sources : sequence of RasterSource
        Rasters on one grid; what their files declare gives way to what they hold.
    frame : Frame
    paint : callable
        Gets the cells of every source; gives each place a kind, 0 for none.
    values : ndarray, dims (kind)
        What a pixel is by its kind.
    out : ndarray, dims (row, column)
        Filled.
    averaged : bool
        Where there are several cells to a pixel: their mean value; otherwise the value of the
        most frequent kind. Where a cell is as large as a pixel, the nearest is picked.

    Notes
    -----
    The tiles of a mosaic are put together before they are warped: pixels on a seam take cells of
    both sides.
    """
    grid = sources[0].grid
    a, _, west, _, e, north = tuple(frame.transform)[:6]
    rows, cols = _piece(sources[0], frame, kinds=min(len(values), FEW))
    with ExitStack() as stack:
        datasets = [stack.enter_context(source.open()) for source in sources]
        for top in range(0, frame.height, rows):
            for left in range(0, frame.width, cols):
                part = out[top : top + rows, left : left + cols]
                part[...] = values[0]
                target = Affine(a, 0, west + left * a, 0, e, north + top * e)
                window = _cells_below(grid, target, shape=part.shape)
                if window is None:
                    continue
                cells = [
                    dataset.read([source.band], window=window)[0]
                    for dataset, source in zip(datasets, sources, strict=True)
                ]
                kinds = paint(cells, window)
                own = values
                if len(values) > FEW:
                    kinds, own = _present(kinds, values)
                if frame.thinned:
                    shape = (*part.shape, len(own))
                    counts = counts_of(
                        kinds, grid, window=window, frame=frame.transform, corner=(top, left),
                        shape=shape,
                    )  # fmt: skip
                    part[...] = (mean if averaged else most_frequent)(counts, own)
                    empty = ~counts.any(axis=-1)
                    if not empty.any():
                        continue
                else:
                    empty = np.ones(part.shape, bool)
                nearest = _nearest(kinds, grid, window=window, target=target, shape=part.shape)
                part[empty] = own[nearest[empty]]


def _present(
    kinds: NDArray[np.uint8], values: NDArray[Any]
) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """Number the kinds that occur, none first, and return the value of each."""
    occurs = np.zeros(len(values), bool)
    occurs[0] = True
    occurs[np.unique(kinds)] = True
    number = (np.cumsum(occurs) - 1).astype(np.uint8)
    return number[kinds], values[occurs]


def _piece(source: RasterSource, frame: Frame, *, kinds: int) -> tuple[int, int]:
    """Return rows and columns of the pixels that are made at a time."""
    per_pixel = max(frame.cells_per_pixel, 1e-3)
    side = max(8, int(min((PIECE_CELLS**0.5 - 2 * MARGIN) / per_pixel, (COUNTS / kinds) ** 0.5)))
    if source.block[1] < source.grid.width:
        return side, side
    # Stored in stripes: a square would have every stripe unpacked again for each of its columns.
    return max(8, side**2 // frame.width), frame.width


def _nearest(
    kinds: NDArray[np.uint8],
    grid: Grid,
    *,
    window: Window,
    target: Affine,
    shape: tuple[int, ...],
) -> NDArray[np.uint8]:
    """Return the kind of the cell at every pixel's centre."""
    out = np.zeros(shape, np.uint8)
    reproject(
        kinds, out, src_crs=grid.wkt, src_transform=_corner(grid, window), src_nodata=0,
        dst_crs="EPSG:3857", dst_transform=target, dst_nodata=0, resampling=Resampling.nearest,
        warp_mem_limit=64,
    )  # fmt: skip
    return out


def _corner(grid: Grid, window: Window) -> Affine:
    """Return the transform of a window of cells."""
    x, y = grid.x0 + window.col_off * grid.dx, grid.y0 + window.row_off * grid.dy
    return Affine(grid.dx, 0, x, 0, grid.dy, y)


def _cells_below(grid: Grid, target: Affine, *, shape: tuple[int, ...]) -> Window | None:
    """Return the cells that a piece of the picture shows, and some on each side."""
    height, width = shape
    west, north = target.c, target.f
    east, south = west + width * target.a, north + height * target.e
    box = transform_bounds("EPSG:3857", grid.wkt, west, south, east, north, densify_pts=21)
    xs, ys = np.array([box[0], box[2]]), np.array([box[1], box[3]])
    cols, rows = grid.to_cells(xs, ys)
    col0, col1 = max(0, int(cols.min()) - MARGIN), min(grid.width, int(cols.max()) + MARGIN)
    row0, row1 = max(0, int(rows.min()) - MARGIN), min(grid.height, int(rows.max()) + MARGIN)
    if col0 >= col1 or row0 >= row1:
        return None
    return Window(col0, row0, col1 - col0, row1 - row0)
