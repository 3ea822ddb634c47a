"""Carbon density and its change as rasters: one pass over the classes, cloud-optimised GeoTIFFs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import rasterio
import rasterio.shutil
from rasterio.transform import Affine
from rasterio.windows import Window

from sinks.raster import GDAL_OPTIONS, RasterSource, read_window, to_symbols

Floats = npt.NDArray[np.float32]

BLOCK: Final = 512
UNIT: Final = "t C/ha"
#: The file that GDAL's COG driver reads: quick to write, gone afterwards.
SCRATCH: Final = {"tiled": True, "blockxsize": BLOCK, "blockysize": BLOCK, "compress": "zstd",
                  "zstd_level": 1, "num_threads": "all_cpus", "sparse_ok": True,
                  "bigtiff": "if_safer"}  # fmt: skip
COG: Final = {"driver": "COG", "compress": "deflate", "level": 1, "predictor": "no",
              "blocksize": BLOCK, "overview_resampling": "average", "num_threads": "all_cpus",
              "bigtiff": "if_safer"}  # fmt: skip


@dataclass(frozen=True)
class Surface:
    """One raster to write: the density of a year, or the change between two.

    Attributes
    ----------
    name : str
        File name without suffix, e.g. ``carbon-density-2010``.
    years : tuple of int
        One year, or start and end.
    """

    name: str
    years: tuple[int, ...]


def surfaces_of(years: Sequence[int], pairs: Sequence[tuple[int, int]]) -> list[Surface]:
    """Return the surfaces of a study: each year, each compared pair."""
    own = [Surface(f"carbon-density-{year}", (year,)) for year in years]
    return own + [Surface(f"carbon-change-{start}-{end}", (start, end)) for start, end in pairs]


def write_surfaces(
    sources: Mapping[int, RasterSource],
    surfaces: Sequence[Surface],
    *,
    per_symbol: Mapping[int, Floats],
    symbols: npt.NDArray[np.int64],
    nodata: Sequence[int],
    folder: Path,
    tags: Mapping[str, str],
) -> list[Path]:
    """Write the surfaces in one pass over the class rasters.

    Parameters
    ----------
    sources : mapping of year to RasterSource
        Rasters of one grid.
    surfaces : sequence of Surface
    per_symbol : mapping of year to ndarray, dims (symbol)
        Density of each symbol of the kernel [t C/ha], NaN where it is none.
    symbols, nodata
        As for `sinks.joint.joint_table`.
    folder : Path
        Where the files go.
    tags : mapping of str to str
        Written into every file beside unit and year.

    Returns
    -------
    list of Path
        float32, NaN for no data: no data is never zero. A change is known only where both years
        are.
    """
    folder.mkdir(parents=True, exist_ok=True)
    scratch = folder / ".scratch"
    scratch.mkdir()
    with rasterio.Env(**GDAL_OPTIONS), ExitStack() as stack:
        inputs = {year: stack.enter_context(source.open()) for year, source in sources.items()}
        first = next(iter(sources.values()))
        outputs = [
            stack.enter_context(
                rasterio.open(scratch / f"{surface.name}.tif", "w", **_profile(first))
            )
            for surface in surfaces
        ]
        for window, codes in _blocks(sources, inputs, symbols=symbols, nodata=nodata):
            density = {year: per_symbol[year][codes[year]] for year in sources}
            for surface, dataset in zip(surfaces, outputs, strict=True):
                values = density[surface.years[0]]
                if len(surface.years) == 2:
                    values = density[surface.years[1]] - values
                dataset.write(values, 1, window=window)
        for surface, dataset in zip(surfaces, outputs, strict=True):
            dataset.update_tags(**tags, unit=UNIT, years=" ".join(map(str, surface.years)))
            dataset.update_tags(1, unit=UNIT)
            dataset.set_band_unit(1, UNIT)
    paths = []
    with rasterio.Env(**GDAL_OPTIONS):
        for surface in surfaces:
            source_path, path = scratch / f"{surface.name}.tif", folder / f"{surface.name}.tif"
            rasterio.shutil.copy(source_path, path, **COG)
            source_path.unlink()
            paths.append(path)
    scratch.rmdir()
    return paths


def _profile(source: RasterSource) -> dict[str, Any]:
    grid = source.grid
    return {
        "driver": "GTiff", "width": grid.width, "height": grid.height, "count": 1,
        "dtype": "float32", "nodata": np.nan, "crs": grid.wkt,
        "transform": Affine(grid.dx, 0, grid.x0, 0, grid.dy, grid.y0), **SCRATCH,
    }  # fmt: skip


def _blocks(
    sources: Mapping[int, RasterSource],
    inputs: Mapping[int, Any],
    *,
    symbols: npt.NDArray[np.int64],
    nodata: Sequence[int],
) -> Iterator[tuple[Window, dict[int, npt.NDArray[np.uint8]]]]:
    """Yield strips of symbols of all years; the years of the next are read meanwhile."""
    grid = next(iter(sources.values())).grid
    rows = [(row, min(row + BLOCK, grid.height)) for row in range(0, grid.height, BLOCK)]

    def read(span: tuple[int, int]) -> dict[int, npt.NDArray[np.uint8]]:
        window = (span[0], span[1], 0, grid.width)
        return {
            year: to_symbols(
                read_window(inputs[year], [source.band], window=window)[0], symbols, nodata=nodata
            )
            for year, source in sources.items()
        }

    with ThreadPoolExecutor(max_workers=1) as pool:
        ahead = pool.submit(read, rows[0])
        for i, (first, last) in enumerate(rows):
            codes = ahead.result()
            if i + 1 < len(rows):
                ahead = pool.submit(read, rows[i + 1])
            yield Window(0, first, grid.width, last - first), codes
