"""What the coordinates of a boundary file mean: its CRS, whether they fit it, GCJ-02."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import numpy as np
import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError

from sinks.boundaries.vectors import Geometries
from sinks.checks import Problems
from sinks.datum import gcj02_to_wgs84

WGS84: Final = "EPSG:4326"
#: Longitude and latitude may overshoot by rounding [degree].
ROUNDING_DEG: Final = 1e-6
#: A projection must return its own coordinates to this [m].
RETURN_M: Final = 1.0
#: A CRS is doubted when all regions lie this far from the area it is meant for [degree].
FAR_DEG: Final = 10.0
#: A CRS meant for more than this is not told by its area [degree].
WORLD_DEG: Final = 180.0
#: How WKT names a file: in PROJ's words (`@null` is none), or as a transformation's parameter.
GRID_FILE: Final = re.compile(r"grids=(?!@null\b)|PARAMETERFILE\[", re.IGNORECASE)


def settle_crs(
    declared: CRS | None, asserted: str | None, *, gcj02: bool, file: str, problems: Problems
) -> CRS | None:
    """Return the horizontal CRS of a layer: declared by its file or asserted by the user.

    Parameters
    ----------
    declared : CRS or None
        From the file.
    asserted : str or None
        From the study (`crs`); wins over the file, with a warning.
    gcj02 : bool
        The user asserts GCJ-02, which is longitude and latitude where the file declares nothing.
    file : str
        The file as the study names it.
    problems : Problems
        Takes the warnings, or why there is no usable CRS.
    """
    crs = declared
    if asserted is not None:
        try:
            crs = CRS.from_user_input(asserted)
        except CRSError:
            problems.error("regions.crs_unknown", file=file, found=asserted[:120] or "-")
            return None
        if declared is None:
            problems.warn("regions.crs_asserted", file=file, crs=crs.name)
        elif not crs.equals(declared, ignore_axis_order=True):
            problems.warn("regions.crs_overruled", file=file, crs=crs.name, declared=declared.name)
    elif declared is None and gcj02:
        crs = CRS.from_user_input(WGS84)
    if crs is None:
        problems.error("regions.no_crs", file=file)
        return None
    if names_file(crs):
        problems.error("crs.grid_file", file=file, crs=crs.name)
        return None
    crs = horizontal(crs)
    if not (crs.is_geographic or crs.is_projected) or crs.geodetic_crs is None:
        problems.error("regions.crs_kind", file=file, crs=crs.name, kind=crs.type_name)
        return None
    return crs


def names_file(crs: CRS) -> bool:
    """Tell whether a CRS names a grid file of its own: PROJ would open whatever lies there."""
    return GRID_FILE.search(crs.to_wkt()) is not None


def horizontal(crs: CRS) -> CRS:
    """Return a CRS without its heights."""
    if crs.is_compound:
        return crs.sub_crs_list[0]
    return crs.to_2d() if len(crs.axis_info) > 2 else crs


def coordinates_fit(polygons: Geometries, crs: CRS, *, file: str, problems: Problems) -> bool:
    """Tell whether the coordinates can be those of the CRS; say what they look like if not.

    Found are: exchanged axes, metres without a CRS of metres, degrees in a projected CRS, eastings
    with the zone's number in front under a CRS without it (and the reverse), and a wrong zone.
    """
    west, south, east, north = shapely.total_bounds(polygons).tolist()
    box = f"x {west:.10g} … {east:.10g}, y {south:.10g} … {north:.10g}"
    code = ""
    if crs.is_geographic:
        limits = (180 + ROUNDING_DEG, 90 + ROUNDING_DEG)
        if max(abs(west), abs(east)) > limits[0] or max(abs(south), abs(north)) > limits[1]:
            swapped = max(abs(south), abs(north)) <= limits[0] and max(abs(west), abs(east)) <= 90
            code = "regions.axes_swapped" if swapped else "regions.not_degrees"
    elif degrees_of_area((west, south, east, north), crs):
        code = "regions.degrees_in_projected"
    elif not _returns((west, south, east, north), crs):
        code = "regions.outside_projection"
    if not code and _far((west, south, east, north), crs):
        code = "regions.outside_crs_area"
    if code:
        problems.error(code, file=file, crs=crs.name, box=box)
    return not code


@lru_cache(maxsize=64)
def _area_of_use(crs: CRS) -> tuple[float, float, float, float] | None:
    """Return the box [°] that a CRS is meant for; old forms of WKT leave it to the register.

    A CRS of one's own is looked for in all of the register, which takes long, so once is enough.
    """
    area = crs.area_of_use
    if area is None and (code := crs.to_epsg()) is not None:
        area = CRS.from_epsg(code).area_of_use
    return None if area is None else (area.west, area.south, area.east, area.north)


def degrees_of_area(box: tuple[float, float, float, float], crs: CRS) -> bool:
    """Tell whether coordinates, taken as degrees, lie in the area that a projected CRS is for.

    Near the origin of a world-wide projection small numbers may be metres; if they are not, the
    regions do not meet the raster, which is refused later.
    """
    area = _area_of_use(crs)
    if area is None or not 0 < area[2] - area[0] < WORLD_DEG:
        return False
    west, south, east, north = box
    return bool(
        area[0] - FAR_DEG <= west
        and east <= area[2] + FAR_DEG
        and area[1] - FAR_DEG <= south
        and north <= area[3] + FAR_DEG
    )


def _corners(box: tuple[float, float, float, float]) -> tuple[list[float], list[float]]:
    west, south, east, north = box
    middle = ((west + east) / 2, (south + north) / 2)
    return [west, east, west, east, middle[0]], [south, south, north, north, middle[1]]


def _returns(box: tuple[float, float, float, float], crs: CRS) -> bool:
    """Tell whether the corners of a box survive the way to longitude and latitude and back."""
    x, y = _corners(box)
    try:
        there = Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
        back = there.transform(*there.transform(x, y), direction="INVERSE")
    except ProjError:
        return False
    # The tolerance is in metres; a CRS in feet or kilometres is held to its own unit.
    return bool(np.allclose(back[0], x, rtol=0, atol=RETURN_M)) and bool(
        np.allclose(back[1], y, rtol=0, atol=RETURN_M)
    )


def _far(box: tuple[float, float, float, float], crs: CRS) -> bool:
    """Tell whether a box lies wholly, and far, outside the area that its CRS is meant for."""
    area = _area_of_use(crs)
    if area is None or crs.geodetic_crs is None or area[0] > area[2]:
        return False
    x, y = _corners(box)
    lon, lat = Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True).transform(x, y)
    return bool(
        min(lon) > area[2] + FAR_DEG
        or max(lon) < area[0] - FAR_DEG
        or min(lat) > area[3] + FAR_DEG
        or max(lat) < area[1] - FAR_DEG
    )


def from_gcj02(
    polygons: Geometries, crs: CRS, *, file: str, problems: Problems
) -> tuple[Geometries, CRS]:
    """Move polygons that the user asserts to be in GCJ-02 to WGS 84, and record it.

    Projected ones (Web Mercator of a map service) are unprojected first.
    """
    target = CRS.from_user_input(WGS84)
    to_degrees = Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)

    def move(xy: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> object:
        lon, lat = to_degrees.transform(xy[:, 0], xy[:, 1])
        return np.column_stack(gcj02_to_wgs84(lon, lat))

    moved: Geometries = shapely.transform(polygons, move)
    problems.warn("regions.gcj02", file=file, count=len(polygons))
    return moved, target
