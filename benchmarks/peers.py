"""The same question put to other tools: area, or carbon, of every polygon at two dates.

Each function runs under an interpreter that has the tool and perhaps not sinks, writes its answer
to a file and is timed from closed files to that answer. Areas have the dims (year, region,
class) [m²], carbon (year, region) [t]. Cells are squares of an equal-area projection: a tool that
counts cells need not know what a cell on the ellipsoid is.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.child import clock

CLASSES = 256
#: Class codes of the invented maps, and the room a code takes in a key of two of them.
CODES = range(1, 10)
BASE = 10
ROWS = 512
HA = 1e4


def density(code: int) -> float:
    """Return the invented carbon density of a class [t/ha]."""
    return 5.0 + 10.0 * code


def exactextract(found: dict[str, Any], *, paths: Sequence[str], zones: str, result: str) -> None:
    """Ask exactextract for the coverage-weighted share of every class."""
    import geopandas as gpd  # noqa: PLC0415
    from exactextract import exact_extract  # noqa: PLC0415

    with clock(found):
        frame = gpd.read_file(zones)
        answers = [
            exact_extract(path, frame, ["count", "unique", "frac"], output="pandas")
            for path in paths
        ]
        areas = np.zeros((len(paths), len(answers[0]), CLASSES))
        for k, answer in enumerate(answers):
            for i, (count, codes, shares) in enumerate(
                zip(answer["count"], answer["unique"], answer["frac"], strict=True)
            ):
                areas[k, i, np.asarray(codes, int)] = np.asarray(shares) * count
        areas *= _cell_area(paths[0])
    np.save(result, areas)


def rasterstats(found: dict[str, Any], *, paths: Sequence[str], zones: str, result: str) -> None:
    """Ask rasterstats for the cells of every class, by their centres."""
    from rasterstats import zonal_stats  # noqa: PLC0415

    with clock(found):
        answers = [zonal_stats(zones, path, categorical=True) for path in paths]
        areas = np.zeros((len(paths), len(answers[0]), CLASSES))
        for k, rows in enumerate(answers):
            for i, counts in enumerate(rows):
                for code, count in counts.items():
                    areas[k, i, int(code)] = count
        areas *= _cell_area(paths[0])
    np.save(result, areas)


def mask_loop(found: dict[str, Any], *, paths: Sequence[str], zones: str, result: str) -> None:
    """Cut every polygon out of every raster with rasterio.mask, and count."""
    import rasterio  # noqa: PLC0415
    from rasterio.mask import mask  # noqa: PLC0415

    with clock(found):
        shapes = _shapes(zones)
        areas = np.zeros((len(paths), len(shapes), CLASSES))
        for k, path in enumerate(paths):
            with rasterio.open(path) as dataset:
                for i, shape in enumerate(shapes):
                    cells, _ = mask(dataset, [shape], crop=True, nodata=0)
                    areas[k, i] = np.bincount(cells.ravel(), minlength=CLASSES)
        areas[..., 0] = 0
        areas *= _cell_area(paths[0])
    np.save(result, areas)


def bincount(
    found: dict[str, Any], *, paths: Sequence[str], zones: str, result: str, workers: int
) -> None:
    """Burn the polygons into each row of blocks and count zone × class × class with numpy."""
    with clock(found):
        shapes = _shapes(zones)
        size = len(shapes) + 1
        with ThreadPoolExecutor(workers) as pool:
            parts = [
                pool.submit(_counted, paths, shapes, first=first, step=workers)
                for first in range(workers)
            ]
            pairs = sum(part.result() for part in parts).reshape(size, BASE, BASE)[1:]
        areas = np.zeros((2, len(shapes), CLASSES))
        areas[0, :, :BASE], areas[1, :, :BASE] = pairs.sum(axis=2), pairs.sum(axis=1)
        areas[..., 0] = 0
        areas *= _cell_area(paths[0])
    np.save(result, areas)


def _counted(paths: Sequence[str], shapes: Sequence[Any], *, first: int, step: int) -> Any:
    """Count every so many rows of blocks."""
    import rasterio  # noqa: PLC0415
    from rasterio.features import rasterize  # noqa: PLC0415

    size = len(shapes) + 1
    counts = np.zeros(size * BASE * BASE, np.int64)
    tops = np.array([shape.bounds[3] for shape in shapes])
    bottoms = np.array([shape.bounds[1] for shape in shapes])
    with rasterio.open(paths[0]) as one, rasterio.open(paths[1]) as two:
        for window in list(_windows(one))[first::step]:
            _, south, _, north = one.window_bounds(window)
            here = np.flatnonzero((bottoms < north) & (tops > south))
            if not len(here):
                continue
            zone = rasterize(
                [(shapes[i], i + 1) for i in here], out_shape=(window.height, window.width),
                transform=one.window_transform(window), dtype="int32",
            )  # fmt: skip
            key = zone.astype(np.int64) * BASE
            key += one.read(1, window=window)
            key *= BASE
            key += two.read(1, window=window)
            counts += np.bincount(key.ravel(), minlength=counts.size)
    return counts


def _windows(dataset: Any) -> Iterator[Any]:
    from rasterio.windows import Window  # noqa: PLC0415

    for row in range(0, dataset.height, ROWS):
        yield Window(0, row, dataset.width, min(ROWS, dataset.height - row))


def pygeoprocessing(
    found: dict[str, Any], *, paths: Sequence[str], zones: str, result: str
) -> None:
    """Reclassify both maps to carbon and sum it by polygon, with pygeoprocessing."""
    import pygeoprocessing as geo  # noqa: PLC0415
    from osgeo import gdal  # noqa: PLC0415

    values = {code: density(code) for code in CODES}
    with tempfile.TemporaryDirectory() as folder, clock(found):
        rasters = [str(Path(folder, f"{k}.tif")) for k in range(len(paths))]
        for path, raster in zip(paths, rasters, strict=True):
            geo.reclassify_raster((path, 1), values, raster, gdal.GDT_Float32, -1.0)
        _sum_by_zone(rasters, zones, result)


def invest(found: dict[str, Any], *, paths: Sequence[str], zones: str, result: str) -> None:
    """Run InVEST's carbon model on both maps and sum its rasters by polygon."""
    from natcap.invest import carbon  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder, "pools.csv")
        # The whole density in one pool: the model adds all four in any case.
        lines = [f"{code},{density(code)},0,0,0" for code in CODES]
        table.write_text("\n".join(["lucode,c_above,c_below,c_soil,c_dead", *lines]))
        arguments: Mapping[str, Any] = {
            "workspace_dir": folder, "lulc_bas_path": paths[0], "lulc_alt_path": paths[1],
            "carbon_pools_path": str(table), "calc_sequestration": True, "do_valuation": False,
            "n_workers": -1,
        }  # fmt: skip
        with clock(found):
            carbon.execute(dict(arguments))
            rasters = [str(Path(folder, f"c_storage_{name}.tif")) for name in ("bas", "alt")]
            _sum_by_zone(rasters, zones, result)


def _sum_by_zone(rasters: Sequence[str], zones: str, result: str) -> None:
    """Sum rasters of carbon per hectare by polygon, the polygons known not to overlap."""
    import pygeoprocessing as geo  # noqa: PLC0415

    totals = []
    for raster in rasters:
        rows = geo.zonal_statistics((raster, 1), zones, polygons_might_overlap=False)
        cell = geo.get_raster_info(raster)["pixel_size"]
        hectares = abs(cell[0] * cell[1]) / HA
        totals.append([rows[fid]["sum"] * hectares for fid in sorted(rows)])
    np.save(result, np.array(totals))


def _shapes(zones: str) -> list[Any]:
    import geopandas as gpd  # noqa: PLC0415

    return list(gpd.read_file(zones).geometry)


def _cell_area(path: str) -> float:
    import rasterio  # noqa: PLC0415

    with rasterio.open(path) as dataset:
        return float(abs(dataset.transform.a * dataset.transform.e))
