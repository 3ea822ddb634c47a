"""What the joint table costs, against only reading the rasters: the functions that are timed."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.transform import from_origin
from rasterio.windows import Window

from benchmarks.child import clock

#: GDAL's own cache, as small as sinks sets it [bytes].
CACHE_BYTES = 64 << 20


def read(found: dict[str, Any], *, paths: Sequence[str], workers: int) -> None:
    """Only read and decompress: every thread takes the next row of blocks of all rasters."""
    with rasterio.open(paths[0]) as first:
        height, width, rows = first.height, first.width, first.block_shapes[0][0]
    todo = iter(range(0, height, rows))
    lock = threading.Lock()

    def work() -> None:
        buffer = np.empty((rows, width), np.uint8)
        with rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES):
            files = [rasterio.open(path) for path in paths]
            while True:
                with lock:
                    row = next(todo, None)
                if row is None:
                    break
                count = min(rows, height - row)
                for file in files:
                    file.read(1, window=Window(0, row, width, count), out=buffer[:count])
            for file in files:
                file.close()

    threads = [threading.Thread(target=work) for _ in range(workers)]
    with clock(found):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def joint(
    found: dict[str, Any],
    *,
    paths: Mapping[str, str],
    zones: str,
    workers: int,
    exact: bool = True,
    result: str | None = None,
) -> None:
    """Make the joint table of all years, from open polygons and closed rasters.

    The compiled kernel is loaded before, and how long that takes is told apart (`load`). With
    `result` the areas by year, region and class [m²] are saved there.
    """
    import geopandas as gpd  # noqa: PLC0415 (not part of what `read` needs)

    from sinks.joint import JointTable  # noqa: PLC0415

    frame = gpd.read_file(zones)
    loading: dict[str, Any] = {}
    first_call(loading)
    tables: list[JointTable] = []
    with clock(found):
        tables.append(_joint(paths, frame, workers=workers, exact=exact))
    table = tables[0]
    found |= {
        "load": loading["seconds"],
        "regions": len(frame),
        "vertices": int(frame.geometry.count_coordinates().sum()),
        "paths": len(table.paths),
        "rows": len(table.area),
    }
    if result is not None:
        _save(table, len(frame), Path(result))


def _joint(paths: Mapping[str, str], frame: Any, *, workers: int, exact: bool) -> Any:
    from sinks.checks import Problems  # noqa: PLC0415
    from sinks.joint import Execution, joint_table, threads  # noqa: PLC0415
    from sinks.outlines import outlines, transformer_between  # noqa: PLC0415
    from sinks.raster import load_rasters  # noqa: PLC0415
    from sinks.rastersections import LandcoverConfig  # noqa: PLC0415
    from sinks.symbols import symbols  # noqa: PLC0415

    problems = Problems()
    config = LandcoverConfig(legend="clcd", rasters=dict(paths))
    sources = load_rasters(config, base=Path(), problems=problems)
    problems.raise_errors()
    if sources is None:
        raise RuntimeError("the rasters were refused")
    grid = next(iter(sources.values())).grid
    transformer = transformer_between(frame.crs, grid, file=zones_name(frame), problems=problems)
    if transformer is None:
        raise RuntimeError("the zones were refused")
    shapes = np.asarray(frame.geometry.values)
    return joint_table(
        sources, outlines(shapes, grid, transformer=transformer),
        symbols=symbols([], [], dtype="uint8"), nodata=[], exact=exact,
        execution=Execution(threads(workers)),
    )  # fmt: skip


def zones_name(frame: Any) -> str:
    """Return how messages name the polygons."""
    return f"{len(frame)} zones"


def first_call(found: dict[str, Any]) -> None:
    """Run the kernel on four cells: what loading it costs, or compiling it where it is new."""
    import geopandas as gpd  # noqa: PLC0415
    import shapely  # noqa: PLC0415

    frame = gpd.GeoDataFrame(geometry=[shapely.box(0.1, 0.2, 1.7, 1.8)], crs="EPSG:4326")
    with tempfile.TemporaryDirectory() as folder:
        paths = {str(year): str(Path(folder, f"{year}.tif")) for year in (2010, 2015)}
        for path in paths.values():
            with rasterio.open(
                path, "w", driver="GTiff", width=2, height=2, count=1, dtype="uint8",
                crs="EPSG:4326", transform=from_origin(0, 2, 1, 1), nodata=0,
            ) as file:  # fmt: skip
                file.write(np.ones((2, 2), np.uint8), 1)
        with clock(found):
            _joint(paths, frame, workers=1, exact=True)


def _save(table: Any, regions: int, path: Path) -> None:
    """Save areas [m²], dims (year, region, class)."""
    areas = np.zeros((len(table.years), regions, 256))
    for k in range(len(table.years)):
        np.add.at(areas[k], (table.region, table.paths[table.path, k]), table.area * table.quantum)
    np.save(path, areas)
