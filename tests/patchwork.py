"""A study on larger rasters than the tiny province's, whole or cut into tiles."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from affine import Affine

from sinks.folder import files_in
from tests.tiny import DENSITY, LEGEND, REGIONS, write_raster, write_study

CRS = "EPSG:4326"
CELL = 0.00025
WEST, NORTH = 112.0, 31.0
YEARS = (2010, 2015)


def patches(year: int, size: int = 300) -> npt.NDArray[np.uint8]:
    """Return class codes 1 to 4 in patches of a few cells, some without data (0).

    After 2010 a fifth of the patches is another class.
    """
    shape = (size // 5 + 1, size // 7 + 1)
    rng = np.random.default_rng(1)
    coarse = rng.choice([1, 2, 3, 4, 0], shape, p=[0.4, 0.3, 0.1, 0.15, 0.05])
    if year > YEARS[0]:
        changed = np.random.default_rng(year).random(shape) < 0.2
        coarse = np.where(changed, rng.choice([1, 2, 3, 4], shape), coarse)
    return np.kron(coarse, np.ones((5, 7), int))[:size, :size].astype(np.uint8)


def at(row: int, col: int) -> Affine:
    """Return the transform of a raster whose first cell is this one of the whole."""
    return Affine(CELL, 0, WEST + col * CELL, 0, -CELL, NORTH - row * CELL)


def write_whole(path: Path, values: npt.NDArray[Any], **options: Any) -> str:
    """Write a raster in one file; return its name."""
    write_raster(path, values, **({"crs": CRS, "transform": at(0, 0)} | options))
    return path.name


def cut(
    folder: Path,
    values: npt.NDArray[Any],
    *,
    rows: Sequence[int],
    cols: Sequence[int],
    name: str = "tile",
    **options: Any,
) -> list[str]:
    """Write a raster in tiles between the rows and columns named; return the tiles' names."""
    names = []
    for top, bottom in pairwise(rows):
        for left, right in pairwise(cols):
            path = folder / f"{name}-{top}-{left}.tif"
            part = np.ascontiguousarray(values[..., top:bottom, left:right])
            place = {"crs": CRS, "transform": at(top, left)}
            write_raster(path, part, **(place | options))
            names.append(path.name)
    return names


def counties(size: int = 300) -> gpd.GeoDataFrame:
    """Return counties whose borders cross cells; one reaches beyond the raster."""
    side = size * CELL
    x, y = WEST, NORTH
    shapes = [
        shapely.Polygon([(x, y), (x + 0.47 * side, y), (x + 0.61 * side, y - side), (x, y - side)]),
        shapely.Polygon(
            [
                (x + 0.47 * side, y),
                (x + side, y),
                (x + side, y - 0.8 * side),
                (x + 0.61 * side, y - side),
            ]
        ),
        shapely.Point(x + side, y - 0.93 * side).buffer(0.06 * side),
    ]
    data = {
        "code": ["0101", "0102", "0203"],
        "name": ["甲县", "乙县", "丙县"],
        "prefecture": ["江北市", "江北市", "江南市"],
    }
    return gpd.GeoDataFrame(data, geometry=shapes, crs=CRS)


def write_patchwork(
    folder: Path, rasters: Mapping[int, object] | None = None, *, size: int = 300, extra: str = ""
) -> Path:
    """Write a study of two years; `rasters` are as the study file names them."""
    folder.mkdir(parents=True, exist_ok=True)
    named = rasters or {
        year: write_whole(folder / f"lc{year}.tif", patches(year, size)) for year in YEARS
    }
    counties(size).to_file(folder / "counties.gpkg", layer="counties")
    (folder / "legend.csv").write_text(LEGEND, encoding="utf-8")
    (folder / "density.csv").write_text(DENSITY, encoding="utf-8")
    return write_study(
        folder, regions=REGIONS, landcover=landcover(named) + extra, uncertainty="draws = 200"
    )


def landcover(rasters: Mapping[int, object]) -> str:
    """Return the keys of `[landcover]` for these rasters: a name or a list of names by year."""
    values = ", ".join(f"{year} = {json.dumps(value)}" for year, value in rasters.items())
    return f'legend = "legend.csv"\nrasters = {{ {values} }}\n'


def contents(folder: Path, *, without: Iterable[str] = ()) -> dict[str, bytes]:
    """Return every output of a run; of the manifest, all but the section on the run itself."""
    found = {
        name: (folder / name).read_bytes()
        for name in files_in(folder)
        if not name.startswith(tuple(without))
    }
    if "manifest.json" in found:
        manifest = json.loads(found["manifest.json"])
        del manifest["run"]
        found["manifest.json"] = json.dumps(manifest, sort_keys=True).encode()
    return found
