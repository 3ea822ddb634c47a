"""Carbon density and its change as rasters: one pass over the classes, cloud-optimised GeoTIFFs."""

from __future__ import annotations

import os
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
import xarray as xr
from rasterio.transform import Affine
from rasterio.windows import Window

from sinks import __version__
from sinks.inputs import Inputs
from sinks.landcover.activity import pairs_of
from sinks.measure import coding
from sinks.raster import GDAL_OPTIONS, RasterSource, read_window, to_symbols
from sinks.texts import text

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


def write_surfaces(inputs: Inputs, total: xr.DataArray, *, folder: Path) -> list[str]:
    """Write carbon density per year and its change, in one pass over the class rasters.

    Parameters
    ----------
    inputs : Inputs
    total : DataArray, dims (stratum, year)
        Density of all pools [t C/ha].
    folder : Path
        Where the files go.

    Returns
    -------
    list of str
        Names of the files: float32, NaN for no data (no data is never zero), unit and years in
        the tags. A change is known only where both years are.
    """
    study, sources = inputs.study, inputs.sources
    surfaces = surfaces_of(study.years, pairs_of(study.years))
    table, lookup = coding(inputs)
    per_symbol = _per_symbol(total, lookup, strata=inputs.legend.strata)
    tags = {"source": f"sinks {__version__}", "title": study.study.title, "unit": UNIT}
    if study.study.synthetic:
        tags["synthetic"] = text("surfaces.synthetic", study.language)
    folder.mkdir(parents=True, exist_ok=True)
    scratch = folder / ".scratch"
    scratch.mkdir()
    with rasterio.Env(**GDAL_OPTIONS), ExitStack() as stack:
        datasets = {year: stack.enter_context(source.open()) for year, source in sources.items()}
        first = next(iter(sources.values()))
        outputs = [
            stack.enter_context(
                rasterio.open(scratch / f"{surface.name}.tif", "w", **_profile(first))
            )
            for surface in surfaces
        ]
        for window, codes in _blocks(inputs, datasets, table=table):
            density = {year: per_symbol[year][codes[year]] for year in sources}
            for surface, dataset in zip(surfaces, outputs, strict=True):
                values = density[surface.years[0]]
                if len(surface.years) == 2:
                    values = density[surface.years[1]] - values
                dataset.write(values, 1, window=window)
        for surface, dataset in zip(surfaces, outputs, strict=True):
            dataset.update_tags(**tags, years=" ".join(map(str, surface.years)))
            dataset.update_tags(1, unit=UNIT)
            dataset.set_band_unit(1, UNIT)
    names = [f"{surface.name}.tif" for surface in surfaces]
    # Most of the time goes into overviews, which GDAL builds on one processor per file.
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        list(
            pool.map(_finish, [scratch / name for name in names], [folder / name for name in names])
        )
    scratch.rmdir()
    return names


def _finish(scratch: Path, path: Path) -> None:
    """Turn a scratch file into a cloud-optimised GeoTIFF."""
    with rasterio.Env(**GDAL_OPTIONS):
        rasterio.shutil.copy(scratch, path, **COG)
    scratch.unlink()


def _per_symbol(
    total: xr.DataArray, lookup: npt.NDArray[np.int64], *, strata: Sequence[str]
) -> dict[int, Floats]:
    """Return the density of every symbol by year [t C/ha], NaN where it has none."""
    out = {}
    for k, year in enumerate(total["year"].values):
        own = {str(name): float(total.sel(stratum=name, year=year)) for name in total["stratum"]
               .values}  # fmt: skip
        values = [own.get(strata[i], np.nan) if i >= 0 else np.nan for i in lookup[k]]
        out[int(year)] = np.array(values, dtype=np.float32)
    return out


def _profile(source: RasterSource) -> dict[str, Any]:
    grid = source.grid
    return {
        "driver": "GTiff", "width": grid.width, "height": grid.height, "count": 1,
        "dtype": "float32", "nodata": np.nan, "crs": grid.wkt,
        "transform": Affine(grid.dx, 0, grid.x0, 0, grid.dy, grid.y0), **SCRATCH,
    }  # fmt: skip


def _blocks(
    inputs: Inputs, datasets: Mapping[int, Any], *, table: npt.NDArray[np.int64]
) -> Iterator[tuple[Window, dict[int, npt.NDArray[np.uint8]]]]:
    """Yield strips of symbols of all years; those of the next are read meanwhile."""
    sources, blank = inputs.sources, sorted(inputs.legend.nodata_codes)
    grid = next(iter(sources.values())).grid
    rows = [(row, min(row + BLOCK, grid.height)) for row in range(0, grid.height, BLOCK)]

    def read(span: tuple[int, int]) -> dict[int, npt.NDArray[np.uint8]]:
        window = (span[0], span[1], 0, grid.width)
        return {
            year: to_symbols(
                read_window(datasets[year], [source.band], window=window)[0],
                table,
                nodata=(*blank, *source.blank),
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
