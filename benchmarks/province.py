"""Input for the benchmarks: a province's frame of invented land cover, real counties' size."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numba
import numpy as np
import numpy.typing as npt
import rasterio
from pyproj import CRS, Transformer
from rasterio.transform import from_origin
from rasterio.windows import Window

Bytes = npt.NDArray[np.uint8]

#: Hubei's frame [degree]: west, south, east, north.
BOUNDS = (108.3, 29.0, 116.2, 33.3)
#: Frames by name: their CRS and a cell of about 30 m in its unit.
FRAMES = {
    "geographic": ("EPSG:4326", 0.00025),
    "utm": ("EPSG:32649", 30.0),
    "equal-area": ("+proj=laea +lat_0=31 +lon_0=112.25 +datum=WGS84 +units=m", 30.0),
}
BLOCK = 512
#: Patch sizes [cells of 30 m] and their weights, broad to fine.
OCTAVES = ((4096.0, 1.0), (900.0, 0.7), (180.0, 0.5), (36.0, 0.35), (9.0, 0.4))
#: Patch size of change, and of the mistakes that a yearly map makes [cells of 30 m].
CHANGE, MISTAKE = 25.0, 6.0
#: Noise above this is a mistake; maps of neighbouring years then differ in about 1 % of cells.
MISTAKEN = 0.965
CLASSES = 9
#: Seeds of the fields of change; those below are the octaves'.
SEED_CHANGE, SEED_WHEN, WRONG = 99, 199, 1000


@dataclass(frozen=True)
class Frame:
    """A raster frame over the province.

    Attributes
    ----------
    name : str
        Of `FRAMES`.
    factor : int
        How many times coarser than 30 m.
    """

    name: str = "geographic"
    factor: int = 1

    @property
    def crs(self) -> CRS:
        """Its CRS."""
        return CRS.from_user_input(FRAMES[self.name][0])

    @property
    def cell(self) -> float:
        """Size of a cell [CRS units]."""
        return FRAMES[self.name][1] * self.factor

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north, on whole cells [CRS units]."""
        own = Transformer.from_crs("EPSG:4326", self.crs, always_xy=True)
        west, south, east, north = own.transform_bounds(*BOUNDS, densify_pts=101)
        size = self.cell
        return (
            math.floor(west / size + 1e-6) * size, math.floor(south / size + 1e-6) * size,
            math.ceil(east / size - 1e-6) * size, math.ceil(north / size - 1e-6) * size,
        )  # fmt: skip

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        west, south, east, north = self.bounds
        return round((north - south) / self.cell), round((east - west) / self.cell)

    def path(self, folder: Path, year: int, *, of: int = 2) -> Path:
        """Return where the raster of a year is kept; `of` so many years."""
        return folder / f"{self.name}-{self.factor}-{of}-{year}.tif"


@numba.njit(cache=True, nogil=True)
def _noise(x: float, y: float, seed: int) -> float:
    """Return a smooth value noise in 0 … 1 at a position."""
    x0, y0 = math.floor(x), math.floor(y)
    fx, fy = x - x0, y - y0
    fx, fy = fx * fx * (3 - 2 * fx), fy * fy * (3 - 2 * fy)
    value = 0.0
    for i in range(2):
        for j in range(2):
            mixed = np.int64(x0 + i) * 374761393 + np.int64(y0 + j) * 668265263 + seed * 977
            h = np.uint64(mixed) * np.uint64(0x9E3779B97F4A7C15)
            h = (h ^ (h >> np.uint64(31))) * np.uint64(0xD6E8FEB86659FD93)
            h = (h ^ (h >> np.uint64(29))) >> np.uint64(32)
            weight = (fx if i else 1 - fx) * (fy if j else 1 - fy)
            value += weight * (np.float64(h) / 4294967296.0)
    return value


@numba.njit(cache=True, nogil=True)
def _classes(row0, factor, out, octaves, patches):  # type: ignore[no-untyped-def]
    """Fill the classes of all years, dims (year, row, column).

    Thresholds of a fractal field; a seventh of the land changes once, in some year, patch by
    patch; with more than two years every map also has mistakes of its own.
    """
    years = out.shape[0]
    total = octaves[:, 1].sum()
    for r in range(out.shape[1]):
        y = (row0 + r) * factor
        for c in range(out.shape[2]):
            x = c * factor
            value = 0.0
            for k in range(octaves.shape[0]):
                value += octaves[k, 1] * _noise(x / octaves[k, 0], y / octaves[k, 0], k)
            code = 1 + int(min(max((value / total - 0.25) * 2.0, 0.0), 0.999) * CLASSES)
            when = years
            if _noise(x / patches[0], y / patches[0], SEED_CHANGE) > 0.86:
                place = _noise(x / patches[0], y / patches[0], SEED_WHEN)
                when = 1 + int(min(max(1.6 * place - 0.3, 0.0), 0.999) * (years - 1))
            for k in range(years):
                now = 1 + code % CLASSES if k >= when else code
                # A map's own mistakes.
                if years > 2 and _noise(x / patches[1], y / patches[1], WRONG + k) > MISTAKEN:
                    now = 1 + (now + 3) % CLASSES
                out[k, r, c] = now


def make_rasters(folder: Path, frame: Frame, years: Sequence[int] = (2010, 2015)) -> list[Path]:
    """Write the rasters of all years as tiled DEFLATE GeoTIFFs; keep what is there already."""
    paths = [frame.path(folder, year, of=len(years)) for year in years]
    if not all(path.exists() for path in paths):
        folder.mkdir(parents=True, exist_ok=True)
        parts = [path.with_suffix(".part") for path in paths]
        _write(parts, frame)
        for part, path in zip(parts, paths, strict=True):
            part.replace(path)
    return paths


def _write(paths: Sequence[Path], frame: Frame) -> None:
    height, width = frame.shape
    west, _, _, north = frame.bounds
    profile = {
        "driver": "GTiff", "width": width, "height": height, "count": 1, "dtype": "uint8",
        "crs": frame.crs.to_wkt(), "transform": from_origin(west, north, frame.cell, frame.cell),
        "nodata": 0, "tiled": True, "blockxsize": BLOCK, "blockysize": BLOCK,
        "compress": "deflate", "num_threads": "2", "bigtiff": "if_safer",
    }  # fmt: skip
    files = [rasterio.open(path, "w", **profile) for path in paths]
    try:
        for row, classes in _strips(len(paths), frame):
            window = Window(0, row, width, classes.shape[1])
            for file, layer in zip(files, classes, strict=True):
                file.write(layer, 1, window=window)
    finally:
        for file in files:
            file.close()


def _strips(years: int, frame: Frame) -> Iterator[tuple[int, Bytes]]:
    height, width = frame.shape
    octaves, patches = np.array(OCTAVES), np.array([CHANGE, MISTAKE])

    def strip(row: int) -> tuple[int, Bytes]:
        out = np.empty((years, min(BLOCK, height - row), width), np.uint8)
        _classes(row, frame.factor, out, octaves, patches)
        return row, out

    with ThreadPoolExecutor(2) as pool:
        rows = range(0, height, BLOCK)
        for start in range(0, len(rows), 2):  # never more than two strips at a time
            yield from pool.map(strip, rows[start : start + 2])
