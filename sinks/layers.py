"""Land cover as pictures: class rasters become palette PNGs that lie true on a web map.

A web map stretches a picture linearly in Web Mercator (EPSG:3857). A picture in any other
projection is off by kilometres inside its frame even when its corners fit, so every raster is
warped to EPSG:3857 first and its bounds are those of the warped pixels, to the last digit.

The picture has one colour per stratum, at the raster's own resolution up to a cap. Finer rasters
are thinned by the most frequent class in each pixel, never by averages of codes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from affine import Affine
from PIL import Image
from rasterio.enums import Resampling
from rasterio.warp import reproject, transform, transform_bounds
from rasterio.windows import Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sinks.grid import Grid
    from sinks.legend import Legend
    from sinks.raster import RasterSource

#: Longest side of a picture [pixels]: what every browser and phone can hold as one image.
LONGEST: Final = 4096
#: All pictures of a map together [bytes]: embedded as base64 they grow by a third.
BUDGET: Final = 9_000_000
#: Half the side of the Web Mercator square [m]: the sphere of radius 6 378 137 m, times pi.
MERCATOR_EDGE: Final = 20037508.342789244
#: Where Web Mercator ends [degrees of latitude].
MERCATOR_LATITUDE: Final = 85.0511287798
#: Memory of one strip while warping [pixels].
STRIP_PIXELS: Final = 2**21
#: From this many source cells per pixel side on, the most frequent class is taken.
THINNED: Final = 1.5
#: Source cells of tiles that are warped at a time, and how many more on each side.
PASTED_CELLS: Final = 2**24
MARGIN: Final = 4

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True)
class _Palette:
    """Colour 0 is transparent; colour i belongs to the i-th stratum."""

    codes: NDArray[np.int64]
    indices: NDArray[np.uint8]
    colours: tuple[tuple[int, int, int], ...]

    @classmethod
    def of(cls, legend: Legend) -> _Palette:
        strata = list(legend.strata)
        index = {stratum: position + 1 for position, stratum in enumerate(strata)}
        rows = sorted(
            (code, index[legend.stratum_of(code)])
            for code in set(legend.codes) - legend.nodata_codes
        )
        colours = [_rgb(legend.colour_of(stratum)) for stratum in strata]
        return cls(
            codes=np.array([code for code, _ in rows], dtype=np.int64),
            indices=np.array([position for _, position in rows], dtype=np.uint8),
            colours=((0, 0, 0), *colours),
        )

    def paint(self, values: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """Return the colour index of every cell; 0 where it holds no class."""
        if values.dtype == np.uint8:
            table = np.zeros(256, dtype=np.uint8)
            byte = (self.codes >= 0) & (self.codes < table.size)
            table[self.codes[byte]] = self.indices[byte]
            return np.where(valid, table[values], 0).astype(np.uint8, copy=False)
        place = np.searchsorted(self.codes, values).clip(max=len(self.codes) - 1)
        known = valid & (self.codes[place] == values)
        return np.where(known, self.indices[place], 0).astype(np.uint8)


def _rgb(colour: str) -> tuple[int, int, int]:
    """Return the three bytes of ``#rrggbb``."""
    return (int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16))


@dataclass(frozen=True)
class _Frame:
    """The pixel grid of a picture in EPSG:3857."""

    transform: Affine
    width: int
    height: int
    cells_per_pixel: float

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


def _frame(grid: Grid, clip: Bounds | None, *, longest: int) -> _Frame:
    """Lay the picture's grid: the raster's own cell size, or coarser to stay within `longest`."""
    extent = _extent(grid, clip)
    west, south, east, north = transform_bounds("EPSG:4326", "EPSG:3857", *extent, densify_pts=0)
    cell = _cell(grid, extent)
    pixel = max(cell, max(east - west, north - south) / longest)
    return _Frame(
        transform=Affine(pixel, 0.0, west, 0.0, -pixel, north),
        width=min(longest, max(1, int(np.ceil((east - west) / pixel - 1e-6)))),
        height=min(longest, max(1, int(np.ceil((north - south) / pixel - 1e-6)))),
        cells_per_pixel=pixel / cell,
    )


def _picture(source: RasterSource, palette: _Palette, *, clip: Bounds | None, longest: int) -> Any:
    """Warp and colour one raster, piece by piece; returns the image and its frame."""
    frame = _frame(source.grid, clip, longest=longest)
    pixels = np.zeros((frame.height, frame.width), dtype=np.uint8)
    with source.open() as dataset:
        _draw(dataset, source, frame=frame, palette=palette, pixels=pixels)
    image = Image.fromarray(pixels, mode="P")
    image.putpalette([channel for colour in palette.colours for channel in colour])
    return image, frame


def _draw(
    dataset: Any,
    source: RasterSource,
    *,
    frame: _Frame,
    palette: _Palette,
    pixels: NDArray[np.uint8],
) -> None:
    """Colour and warp a raster, square by square.

    The tiles of a mosaic are put together before they are warped: pixels on a seam take cells of
    both sides.
    """
    side = max(8, int(PASTED_CELLS**0.5 / frame.cells_per_pixel) - 2 * MARGIN)
    for top in range(0, frame.height, side):
        for left in range(0, frame.width, side):
            part = np.zeros_like(pixels[top : top + side, left : left + side])
            a, _, west, _, e, north = tuple(frame.transform)[:6]
            target = Affine(a, 0, west + left * a, 0, e, north + top * e)
            window = _cells_below(source.grid, target, shape=part.shape)
            if window is None:
                continue
            values = dataset.read([source.band], window=window)[0]
            valid = np.ones(values.shape, dtype=bool)
            if source.nodata is not None:
                valid = values != source.nodata
            reproject(
                palette.paint(values, valid),
                part,
                src_crs=source.grid.wkt,
                src_transform=_corner(source.grid, window),
                src_nodata=0,
                dst_crs="EPSG:3857",
                dst_transform=target,
                dst_nodata=0,
                resampling=_resampling(frame),
                warp_mem_limit=64,
            )
            pixels[top : top + side, left : left + side] = part


def _corner(grid: Grid, window: Window) -> Affine:
    """Return the transform of a window of cells."""
    x, y = grid.x0 + window.col_off * grid.dx, grid.y0 + window.row_off * grid.dy
    return Affine(grid.dx, 0, x, 0, grid.dy, y)


def _moved(transform: Affine, left: float, *, top: float) -> Affine:
    """Return the transform of a window of an upright grid."""
    x, y = transform.c + left * transform.a, transform.f + top * transform.e
    return Affine(transform.a, 0.0, x, 0.0, transform.e, y)


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


def _resampling(frame: _Frame) -> Resampling:
    return Resampling.mode if frame.cells_per_pixel >= THINNED else Resampling.nearest


def landcover_layer(
    source: RasterSource,
    legend: Legend,
    *,
    path: Path,
    clip: Bounds | None = None,
    longest: int = LONGEST,
) -> dict[str, object]:
    """Write one class raster as a palette PNG in Web Mercator.

    Parameters
    ----------
    source : RasterSource
        The checked raster; its grid's CRS and its no-data code hold, not the file's.
    legend : Legend
        Gives every code its stratum and the stratum its colour.
    path : Path
        The PNG to write: one byte per pixel, colour 0 transparent, no metadata.
    clip : (west, south, east, north), optional
        Show only this part [degrees], e.g. the extent of the regions.
    longest : int
        Cap on the longer side [pixels].

    Returns
    -------
    dict
        ``bounds`` ``[[south, west], [north, east]]`` of the outer pixel edges [degrees, WGS 84],
        ``width``, ``height`` [pixels] and ``resampling`` (``nearest`` or ``mode``).

    Raises
    ------
    ValueError
        If raster and `clip` do not meet.

    Notes
    -----
    The same raster and legend give the same bytes: no time stamp, no random palette order.
    """
    image, frame = _picture(source, _Palette.of(legend), clip=clip, longest=longest)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, format="PNG", transparency=0, compress_level=7, optimize=False)
    return {
        "bounds": frame.bounds,
        "width": frame.width,
        "height": frame.height,
        "resampling": _resampling(frame).name,
    }


def write_layers(
    sources: Mapping[int, RasterSource],
    legend: Legend,
    *,
    folder: Path,
    clip: Bounds | None = None,
    budget: int = BUDGET,
) -> list[dict[str, object]]:
    """Write the land cover of every year as ``landcover-YEAR.png``.

    Parameters
    ----------
    sources : mapping of year to RasterSource
    legend : Legend
    folder : Path
        Where the pictures go; their ``path`` in the result is relative to its parent.
    clip : (west, south, east, north), optional
        Show only this part [degrees].
    budget : int
        All pictures together [bytes]. Above it all of them are drawn again, coarser: a long
        series stays a map that opens at once.

    Returns
    -------
    list of dict
        One record per year, ascending: ``kind``, ``year``, ``path``, ``bounds``, ``width``,
        ``height``, ``resampling``.
    """
    longest = LONGEST
    while True:
        records: list[dict[str, object]] = []
        size = 0
        files = {year: folder / f"landcover-{year}.png" for year in sorted(sources)}

        draw = partial(landcover_layer, legend=legend, clip=clip, longest=longest)
        with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
            jobs = {
                year: pool.submit(draw, sources[year], path=path) for year, path in files.items()
            }
            drawn = {year: job.result() for year, job in jobs.items()}
        for year, path in files.items():
            layer = drawn[year]
            shown = f"{folder.name}/{path.name}"
            records.append({"kind": "landcover", "year": year, "path": shown, **layer})
            size += path.stat().st_size
        if size <= budget or longest <= 256:
            return records
        # Size grows with the pixels, a little less; aim just below the budget.
        shrink = 0.95 * (budget / size) ** 0.5
        longest = max(256, int(min(longest, _longest_side(records)) * shrink))


def _longest_side(records: list[dict[str, object]]) -> int:
    """Return the longest side of all pictures [pixels]."""
    return max(int(str(record[side])) for record in records for side in ("width", "height"))
