"""GCJ-02, the shifted coordinates of Chinese web maps, to and from WGS 84.

Boundaries taken from AMap, Tencent and most Chinese web services are in GCJ-02: WGS 84 moved by
300 to 700 m, along a course that no transformation of PROJ undoes. Read as WGS 84 they cut every
county half a kilometre off the land cover below it. GCJ-02 has no EPSG code, so that a file cannot
declare it: the user asserts it (`datum = "gcj02"`).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

#: Semi-major axis and squared eccentricity of the Krassovsky 1940 ellipsoid, which GCJ-02 uses.
SEMI_MAJOR_M: Final = 6378245.0
ECCENTRICITY_2: Final = 0.00669342162296594323
#: Outside this box (longitude, latitude [degree]) GCJ-02 is WGS 84.
BOX: Final = (72.004, 137.8347, 0.8293, 55.8271)
#: Origin of the polynomials [degree].
ORIGIN: Final = (105.0, 35.0)
#: The inverse stops when no point moves by more than this [degree]: a micrometre.
TOLERANCE_DEG: Final = 1e-11
#: Each round shrinks the error by a factor of 100 or more; 1e-11 degree takes six.
MAX_ROUNDS: Final = 30


def _inside(lon: Floats, lat: Floats) -> npt.NDArray[np.bool_]:
    """Tell which points the shift applies to; NaN is outside."""
    west, east, south, north = BOX
    return (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)


def _shift(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Return GCJ-02 minus WGS 84 [degree] at WGS 84 points, whether inside the box or not."""
    x, y = lon - ORIGIN[0], lat - ORIGIN[1]
    root = np.sqrt(np.abs(x))
    # The metre polynomials. Both carry the waves of x with period 1/3 and 1; the rest differs.
    quick = 20.0 * np.sin(6.0 * np.pi * x) + 20.0 * np.sin(2.0 * np.pi * x)
    south_north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    south_north += (2.0 / 3.0) * (quick + 20.0 * np.sin(np.pi * y) + 40.0 * np.sin(np.pi * y / 3.0))
    south_north += (2.0 / 3.0) * (
        160.0 * np.sin(np.pi * y / 12.0) + 320.0 * np.sin(np.pi * y / 30.0)
    )
    west_east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    west_east += (2.0 / 3.0) * (quick + 20.0 * np.sin(np.pi * x) + 40.0 * np.sin(np.pi * x / 3.0))
    west_east += (2.0 / 3.0) * (150.0 * np.sin(np.pi * x / 12.0) + 300.0 * np.sin(np.pi * x / 30.0))
    # Metres to degrees by the radii of curvature in the meridian and the prime vertical.
    phi = np.radians(lat)
    w2 = 1.0 - ECCENTRICITY_2 * np.sin(phi) ** 2
    meridian = SEMI_MAJOR_M * (1.0 - ECCENTRICITY_2) / w2**1.5
    parallel = SEMI_MAJOR_M / np.sqrt(w2) * np.cos(phi)
    return np.degrees(west_east / parallel), np.degrees(south_north / meridian)


def wgs84_to_gcj02(lon: npt.ArrayLike, lat: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Shift WGS 84 coordinates to GCJ-02.

    Parameters
    ----------
    lon, lat : array_like
        Longitude and latitude, WGS 84 [degree]; scalars or arrays that broadcast.

    Returns
    -------
    tuple of ndarray
        Longitude and latitude, GCJ-02 [degree]; unchanged outside `BOX` and where NaN.

    Notes
    -----
    ``Δlat = P(x, y) / M(φ)`` and ``Δlon = Q(x, y) / (N(φ) cos φ)`` with ``x = lon − 105``,
    ``y = lat − 35``, the metre polynomials P and Q (quadratic terms plus sine waves of 1/3 to 60
    degrees) and the radii of curvature M, N of the Krassovsky ellipsoid. The formulas are not
    official; they are the publicly known reconstruction that every map library uses, and agree
    with the services to about a metre.

    Examples
    --------
    Tian'anmen, moved 6.2 millidegrees (0.5 km) east and 1.4 north:

    >>> lon, lat = wgs84_to_gcj02(116.391, 39.907)
    >>> round(float(lon) - 116.391, 4), round(float(lat) - 39.907, 4)
    (0.0062, 0.0014)
    """
    lon, lat = np.broadcast_arrays(np.asarray(lon, np.float64), np.asarray(lat, np.float64))
    inside = _inside(lon, lat)
    # Points outside are computed at the origin, so that infinite or absurd input raises no alarm.
    east, north = _shift(np.where(inside, lon, ORIGIN[0]), np.where(inside, lat, ORIGIN[1]))
    return np.where(inside, lon + east, lon), np.where(inside, lat + north, lat)


def gcj02_to_wgs84(lon: npt.ArrayLike, lat: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Undo the GCJ-02 shift, by iteration to far below a millimetre.

    The one-step inverse found in most libraries (subtract the shift taken at the shifted point)
    is off by metres; this one is not.

    Parameters
    ----------
    lon, lat : array_like
        Longitude and latitude, GCJ-02 [degree]; scalars or arrays that broadcast.

    Returns
    -------
    tuple of ndarray
        Longitude and latitude, WGS 84 [degree]; unchanged outside `BOX` and where NaN.

    Notes
    -----
    Fixed point of ``p = q − Δ(p)``. Δ changes by less than 1/100 of the distance between points,
    so every round gains two digits. Within a shift's length of the edge of `BOX` the forward
    function is not one-to-one; there the GCJ-02 point decides whether it is inside.

    Examples
    --------
    >>> lon, lat = gcj02_to_wgs84(*wgs84_to_gcj02(114.3, 30.6))
    >>> round(float(lon), 9), round(float(lat), 9)
    (114.3, 30.6)
    """
    lon, lat = np.broadcast_arrays(np.asarray(lon, np.float64), np.asarray(lat, np.float64))
    inside = _inside(lon, lat)
    target_lon, target_lat = np.where(inside, lon, ORIGIN[0]), np.where(inside, lat, ORIGIN[1])
    x, y = target_lon, target_lat
    for _ in range(MAX_ROUNDS):
        east, north = _shift(x, y)
        moved = max(
            np.max(np.abs(target_lon - east - x), initial=0.0),
            np.max(np.abs(target_lat - north - y), initial=0.0),
        )
        x, y = target_lon - east, target_lat - north
        if moved < TOLERANCE_DEG:
            break
    return np.where(inside, x, lon), np.where(inside, y, lat)
