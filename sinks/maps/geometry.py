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
    """Return polygons of rings, each a flat list of steps; rings that collapse are left out."""
    polygons = []
    for polygon in geometry.geoms:
        rings = []
        for ring in (polygon.exterior, *polygon.interiors):
            points = np.rint(shapely.get_coordinates(ring) * 10.0**decimals).astype(np.int64)
            moved = np.r_[True, np.any(np.diff(points, axis=0) != 0, axis=1)]
            if moved.sum() >= 4:
                rings.append(np.diff(points[moved], axis=0, prepend=0).ravel().tolist())
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
    """Return the rings of the union of some regions."""
    whole = shapely.union_all(shapely.make_valid(geometries))
    union = _polygons(np.array([whole], dtype=object))[0]
    return [ring for polygon in _coordinates(union, decimals) for ring in polygon]


def simplified(geometries: Any, tolerance: float) -> Any:
    """Simplify neighbours together, so that they keep one border.

    Parameters
    ----------
    geometries : ndarray of shapely polygons
    tolerance : float
        Side of the square that stands for the smallest detail [units of the coordinates].

    Notes
    -----
    GEOS gives up on some coverages whose borders nearly coincide and do not; those are simplified
    one by one, and gaps stay below the tolerance.
    """
    try:
        return shapely.coverage_simplify(geometries, tolerance=tolerance)
    except shapely.errors.GEOSException:
        return shapely.simplify(geometries, tolerance)


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
        ``shapes``: in region order the polygons, each a list of rings; a ring is a flat list of
        steps in longitude and latitude, the first from zero, in units of the last of
        ``decimals`` (see `rings_of`); ``labels``: per code ``[lat, lon]`` and the radius [Web
        Mercator m] free for a name; ``outlines``: per coarser level (and ``study``) rings;
        ``bounds``: ``[[south, west], [north, east]]`` [degrees].

    Notes
    -----
    Neighbours share their simplified border (`simplified`), so no slivers open
    between them; nothing is computed from these shapes.
    """
    frame = regions.to_crs("EPSG:4326")
    bounds = [float(value) for value in frame.total_bounds]
    decimals = _decimals(bounds)
    extent = max(bounds[2] - bounds[0], bounds[3] - bounds[1])
    raw = _polygons(frame.geometry.to_numpy())
    light = _polygons(simplified(raw, extent * DETAIL))
    codes = [str(code) for code in frame["region_code"]]
    labels = {
        code: _label(geometry)
        for code, geometry in zip(codes, light, strict=True)
        if not geometry.is_empty
    }
    outlines = {"study": _outline(light, decimals)}
    for parent in parents:
        groups = frame[parent].astype(str).to_numpy()
        if parent in frame and len(set(groups)) > 1:
            rings = [_outline(light[groups == group], decimals) for group in sorted(set(groups))]
            outlines[parent] = [ring for group in rings for ring in group]
    return {
        "shapes": [_coordinates(geometry, decimals) for geometry in light],
        "decimals": decimals,
        "labels": labels,
        "outlines": outlines,
        "bounds": [[bounds[1], bounds[0]], [bounds[3], bounds[2]]],
    }


def rings_of(polygon: Sequence[Sequence[int]], decimals: int) -> list[Any]:
    """Return the rings of a polygon as points [degrees]: what the page makes of its steps."""
    return [np.cumsum(np.reshape(steps, (-1, 2)), axis=0) / 10.0**decimals for steps in polygon]
