"""Polygons for the benchmarks: the real counties, and partitions of their land into n parts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from benchmarks.province import Frame
from sinks.regions import from_cnmaps

Floats = npt.NDArray[np.float64]

PROVINCE = "湖北省"
#: Numbers of polygons that are real: prefectures and counties.
PREFECTURES, COUNTIES = 17, 103
#: How the codes of counties begin that are under the province itself, each its own prefecture.
DIRECT = "4290"
#: Edges of invented polygons are bent: pieces this long, moved so far, in waves so long [degree].
PIECE, SHIFT, WAVE = 0.003, 0.004, 0.03
SEED = 20101231


def zones(folder: Path, count: int, frame: Frame) -> Path:
    """Return a GeoPackage of `count` polygons that cover the province, in the frame's CRS.

    Columns code, name and prefecture. Prefectures and counties are the real ones; any other
    number are Voronoi polygons with bent edges.
    """
    path = folder / f"zones-{count}-{frame.name}.gpkg"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part.gpkg")
        _zones(count).to_crs(frame.crs).to_file(part, layer="zones", driver="GPKG")
        part.replace(path)
    return path


def _zones(count: int) -> gpd.GeoDataFrame:
    counties = from_cnmaps(PROVINCE).frame.rename(
        columns={"region_code": "code", "region_name": "name"}
    )[["code", "name", "prefecture", "geometry"]]
    if count == COUNTIES:
        return counties
    if count == PREFECTURES:
        direct = counties["code"].str.startswith(DIRECT)
        key = counties["prefecture"].mask(direct, counties["name"])
        frame = counties.assign(code=key, name=key).dissolve("code", as_index=False)
        return frame[counties.columns]
    shapes, owner = _voronoi(counties, count)
    codes = [f"{i:06d}" for i in range(count)]
    prefecture = counties["prefecture"].to_numpy()[owner]
    columns = {"code": codes, "name": codes, "prefecture": prefecture}
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=counties.crs)


def _voronoi(
    counties: gpd.GeoDataFrame, count: int
) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """Return `count` polygons that share the province's land, and the county each is seeded in."""
    land = counties.union_all()
    shapely.prepare(land)
    points = _points(land, count)
    cells = shapely.get_parts(
        shapely.voronoi_polygons(shapely.multipoints(points), extend_to=land.envelope)
    )
    cells = shapely.transform(shapely.segmentize(cells, PIECE), _bent)
    cut = ~shapely.contains_properly(land, cells)
    cells[cut] = [_polygonal(shape) for shape in shapely.intersection(land, cells[cut])]
    inside = shapely.point_on_surface(cells)
    return cells, shapely.STRtree(counties.geometry.values).nearest(inside)


def _points(land: Any, count: int) -> Floats:
    """Return random points on the land, the same in every run."""
    random = np.random.default_rng(SEED)
    west, south, east, north = land.bounds
    kept = np.empty((0, 2))
    while len(kept) < count:
        some = random.uniform((west, south), (east, north), (4 * count, 2))
        kept = np.concatenate([kept, some[shapely.contains_xy(land, some[:, 0], some[:, 1])]])
    return kept[:count]


def _bent(points: Floats) -> Floats:
    """Move points by smooth waves: neighbours move alike, so that shared edges stay shared."""
    x, y = np.round(points, 9).T
    turn = 2 * np.pi / WAVE
    dx = np.sin(turn * (y + 0.3 * x)) + 0.5 * np.sin(2.7 * turn * (y - 0.2 * x))
    dy = np.sin(turn * (x - 0.4 * y)) + 0.5 * np.sin(3.1 * turn * (x + 0.1 * y))
    return np.round(points + SHIFT / 4 * np.column_stack([dx, dy]), 9)


def _polygonal(shape: Any) -> Any:
    """Return the polygons of an intersection; lines and points fall away."""
    parts = shapely.get_parts(shape)
    return shapely.multipolygons(parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON])
