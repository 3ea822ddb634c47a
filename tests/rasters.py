"""Small rasters for tests: written as GeoTIFF, loaded as a study would, summed by the kernel."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import shapely
from affine import Affine
from pyproj import CRS, Transformer
from rasterio.errors import NotGeoreferencedWarning

from sinks.checks import Problems
from sinks.grid import Grid
from sinks.joint import Execution, JointTable, joint_table, threads
from sinks.outlines import outlines
from sinks.raster import RasterSource, load_rasters
from sinks.rastersections import LandcoverConfig, Source
from sinks.symbols import symbols

#: A plane on which cells have the area that they say: no distortion to take out.
EQUAL_AREA = "+proj=laea +lat_0=31 +lon_0=112 +ellps=GRS80 +units=m +no_defs"


def write_raster(
    path: Path,
    values: Any,
    *,
    crs: object = EQUAL_AREA,
    transform: Affine | None = None,
    nodata: float | None = None,
    **options: Any,
) -> Path:
    """Write an array, dims (row, column) or (band, row, column), as GeoTIFF; cells of 1 m."""
    values = np.asarray(values)
    bands = values if values.ndim == 3 else values[None]
    profile = {
        "driver": "GTiff",
        "height": bands.shape[1],
        "width": bands.shape[2],
        "count": bands.shape[0],
        "dtype": bands.dtype,
        "crs": crs,
        "transform": transform or Affine(1, 0, 0, 0, -1, 0),
        "nodata": nodata,
    }
    with warnings.catch_warnings():  # of a place without one, or at the origin, as asked for
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", **(profile | options)) as dataset:
            dataset.write(bands)
    return path


def config_of(rasters: Mapping[int, Path | tuple[Path, int]], **asserted: Any) -> LandcoverConfig:
    """Return the configuration of a study with these rasters, of one year or more."""
    named = {
        str(year): Source(path=str(item[0]), band=item[1]) if isinstance(item, tuple) else str(item)
        for year, item in rasters.items()
    }
    return LandcoverConfig.model_construct(legend="none", rasters=named, **asserted)


def load(rasters: Mapping[int, Path | tuple[Path, int]], **asserted: Any) -> Any:
    """Load rasters that must be accepted."""
    problems = Problems("en")
    sources = load_rasters(config_of(rasters, **asserted), base=Path(), problems=problems)
    problems.raise_errors()
    assert sources is not None
    return sources


def joint_of(
    sources: Mapping[int, RasterSource],
    shapes: Sequence[Any],
    *,
    crs: object | None = None,
    codes: Sequence[int] = (),
    nodata: Sequence[int] = (),
    exact: bool = True,
    workers: int = 1,
    **how: Any,
) -> JointTable:
    """Sum the areas of shapes, given in `crs` or else in that of the rasters."""
    grid = next(iter(sources.values())).grid
    source = CRS.from_user_input(crs) if crs is not None else grid.crs
    transformer = Transformer.from_crs(source, grid.crs, always_xy=True)
    wide = [item.dtype for item in sources.values() if item.dtype != "uint8"]
    table = symbols(codes, nodata, dtype=wide[0] if wide else "uint8")
    geometry = np.array(list(shapes), dtype=object)
    outline = outlines(geometry, grid, transformer=transformer)
    execution = Execution(**({"engine": threads(workers)} | how))
    return joint_table(
        sources, outline, symbols=table, nodata=nodata, exact=exact, execution=execution
    )


def square_metres(joint: JointTable) -> dict[tuple[int, tuple[int, ...]], float]:
    """Return the areas by region and path of symbols [m²]."""
    rows = zip(joint.region.tolist(), joint.path.tolist(), joint.area.tolist(), strict=True)
    return {
        (region, tuple(joint.paths[path].tolist())): area * joint.quantum
        for region, path, area in rows
    }


def region_totals(joint: JointTable, count: int) -> Any:
    """Return the area of each region on the raster [m²]."""
    totals = np.zeros(count, dtype=np.int64)
    np.add.at(totals, joint.region, joint.area)
    return totals * joint.quantum


def same_rows(first: JointTable, second: JointTable) -> bool:
    """Tell whether two tables are the same, integer by integer."""
    return first.quantum == second.quantum and all(
        np.array_equal(getattr(first, name), getattr(second, name))
        for name in ("region", "path", "area", "paths", "outside")
    )


def cell_box(grid: Grid, row: int, col: int) -> Any:
    """Return a cell as a polygon in the grid's CRS."""
    x, y = grid.x0 + col * grid.dx, grid.y0 + row * grid.dy
    west, east = sorted((x, x + grid.dx))
    south, north = sorted((y, y + grid.dy))
    return shapely.box(west, south, east, north)
