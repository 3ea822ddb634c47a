"""Input for the benchmarks: a province's frame of invented land cover, two dates, real counties."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numba
import numpy as np
import rasterio
from rasterio.transform import from_origin
from rasterio.windows import Window

#: Hubei's frame [degree].
WEST, NORTH, WIDTH, HEIGHT = 108.3, 33.3, 7.9, 4.3
#: Cell of about 30 m [degree].
CELL = 0.00025
BLOCK = 512
#: Patch sizes [cells] and their weights, broad to fine.
OCTAVES = ((4096.0, 1.0), (900.0, 0.7), (180.0, 0.5), (36.0, 0.35), (9.0, 0.4))


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
def _classes(row0, col0, out, first, second, sizes, weights):  # type: ignore[no-untyped-def]
    """Fill the classes of both dates: thresholds of a fractal field, a little change."""
    total = weights.sum()
    for r in range(out.shape[0]):
        for c in range(out.shape[1]):
            value = 0.0
            for k in range(sizes.size):
                value += weights[k] * _noise((col0 + c) / sizes[k], (row0 + r) / sizes[k], k)
            level = min(max((value / total - 0.25) * 2.0, 0.0), 0.999)
            code = 1 + int(level * 9)
            first[r, c] = code
            change = _noise((col0 + c) / 25.0, (row0 + r) / 25.0, 99)
            second[r, c] = 1 + code % 9 if change > 0.86 else code


def make_rasters(folder: Path, cell: float = CELL) -> tuple[Path, Path]:
    """Write both dates as tiled DEFLATE GeoTIFFs; keep what is there already."""
    paths = (folder / f"a_{cell:g}.tif", folder / f"b_{cell:g}.tif")
    if all(path.exists() for path in paths):
        return paths
    folder.mkdir(parents=True, exist_ok=True)
    width, height = round(WIDTH / cell), round(HEIGHT / cell)
    profile = {
        "driver": "GTiff", "width": width, "height": height, "count": 1, "dtype": "uint8",
        "crs": "EPSG:4326", "transform": from_origin(WEST, NORTH, cell, cell), "nodata": 0,
        "tiled": True, "blockxsize": BLOCK, "blockysize": BLOCK, "compress": "deflate",
        "num_threads": "2",
    }  # fmt: skip
    scale = CELL / cell
    sizes = np.array([size * scale for size, _ in OCTAVES])
    weights = np.array([weight for _, weight in OCTAVES])

    def strip(row: int) -> tuple[int, np.ndarray, np.ndarray]:
        rows = min(BLOCK, height - row)
        first, second = np.empty((rows, width), np.uint8), np.empty((rows, width), np.uint8)
        _classes(row, 0, first, first, second, sizes, weights)
        return row, first, second

    with (
        rasterio.open(paths[0], "w", **profile) as a,
        rasterio.open(paths[1], "w", **profile) as b,
        ThreadPoolExecutor(2) as pool,
    ):
        for row, first, second in pool.map(strip, range(0, height, BLOCK)):
            window = Window(0, row, width, first.shape[0])
            a.write(first, 1, window=window)
            b.write(second, 1, window=window)
    return paths
