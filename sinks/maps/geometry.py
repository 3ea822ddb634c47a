"""Region outlines for the screen: light enough for a phone, without gaps between neighbours."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

if TYPE_CHECKING:
    from collections.abc import Sequence

    import geopandas as gpd

#: Detail kept, as a part of the study's longer side: 0.3 px when the study fills 3000 px.
DETAIL: Final = 1e-4
#: Radius of the Web Mercator sphere [m].
RADIUS: Final = 6378137.0


def _decimals(bounds: Sequence[float]) -> int:
    """Return the decimals [degrees] that keep a tenth of the detail, at most a nanodegree's."""
    extent = max(bounds[2] - bounds[0], bounds[3] - bounds[1], 1e-9)
    return int(min(9, max(5, math.ceil(-math.log10(extent * DETAIL)) + 1)))


def _polygons(geometries: Any) -> Any:
    """Return the geometries with their polygon parts only."""
    parts, owner = shapely.get_parts(geometries, return_index=True)
    keep = shapely.get_type_id(parts) == shapely.GeometryType.POLYGON
    out = [shapely.multipolygons(parts[keep & (owner == i)]) for i in range(len(geometries))]
    return np.array(out, dtype=object)


def _coordinates(geometry: Any, decimals: int) -> list[Any]:
    """Return the rounded MultiPolygon coordinates; rings that collapse are left out."""
    polygons = []
    for polygon in geometry.geoms:
        rings = []
        for ring in (polygon.exterior, *polygon.interiors):
            points = np.round(shapely.get_coordinates(ring), decimals)
            moved = np.r_[True, np.any(np.diff(points, axis=0) != 0, axis=1)]
            if moved.sum() >= 4:
                rings.append(points[moved].tolist())
            elif ring is polygon.exterior:
                break
        if rings:
            polygons.append(rings)
    return polygons


def _label(geometry: Any) -> tuple[list[float], float]:
    """Return the centre [lat, lon] and radius [m in Web Mercator] of the largest inner circle."""
    line = shapely.maximum_inscribed_circle(geometry, tolerance=_size(geometry) / 100)
    lon, lat = line.coords[0]
    scale = math.radians(1.0) * RADIUS / max(math.cos(math.radians(lat)), 0.01)
    return [round(lat, 6), round(lon, 6)], round(line.length * scale, 1)


def _size(geometry: Any) -> float:
    west, south, east, north = geometry.bounds
    return float(max(east - west, north - south, 1e-9))


def _outline(geometries: Any, decimals: int) -> list[Any]:
    """Return the rings of the union of some regions, as line coordinates."""
    union = _polygons(np.array([shapely.union_all(geometries)], dtype=object))[0]
    return [ring for polygon in _coordinates(union, decimals) for ring in polygon]


def region_shapes(regions: gpd.GeoDataFrame, parents: Sequence[str]) -> dict[str, Any]:
    """Return what the map draws of the regions.

    Parameters
    ----------
    regions : GeoDataFrame
        ``region_code``, the parent columns and polygons in any CRS.
    parents : sequence of str
        Parent columns, finest first.

    Returns
    -------
    dict
        ``shapes``: a GeoJSON FeatureCollection in region order, ``id`` the region's code;
        ``labels``: per code ``[lat, lon]`` and the radius [Web Mercator m] free for a name;
        ``outlines``: per coarser level (and ``study``) rings of ``[lon, lat]``;
        ``bounds``: ``[[south, west], [north, east]]`` [degrees].

    Notes
    -----
    Neighbours share their simplified border (`shapely.coverage_simplify`), so no slivers open
    between them; nothing is computed from these shapes.
    """
    frame = regions.to_crs("EPSG:4326")
    bounds = [float(value) for value in frame.total_bounds]
    decimals = _decimals(bounds)
    extent = max(bounds[2] - bounds[0], bounds[3] - bounds[1])
    raw = _polygons(frame.geometry.to_numpy())
    light = _polygons(shapely.coverage_simplify(raw, tolerance=extent * DETAIL))
    codes = [str(code) for code in frame["region_code"]]
    features = []
    labels = {}
    for code, geometry in zip(codes, light, strict=True):
        shape = {"type": "MultiPolygon", "coordinates": _coordinates(geometry, decimals)}
        features.append({"type": "Feature", "id": code, "properties": {}, "geometry": shape})
        if not geometry.is_empty:
            labels[code] = _label(geometry)
    outlines = {"study": _outline(light, decimals)}
    for parent in parents:
        groups = frame[parent].astype(str).to_numpy()
        if parent in frame and len(set(groups)) > 1:
            rings = [_outline(light[groups == group], decimals) for group in sorted(set(groups))]
            outlines[parent] = [ring for group in rings for ring in group]
    return {
        "shapes": {"type": "FeatureCollection", "features": features},
        "labels": labels,
        "outlines": outlines,
        "bounds": [[bounds[1], bounds[0]], [bounds[3], bounds[2]]],
    }
