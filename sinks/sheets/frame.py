"""The map frame of a sheet: its projection, its round scale, its graticule and scale bar.

The projection is Lambert's azimuthal equal-area one, centred on the frame: areas are true, and
at the edge of a province (350 km from the centre) lengths differ by 0.04 % from the scale.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import geopandas as gpd
import numpy as np
from pyproj import CRS, Transformer

#: Mantissas of the round scales, 1:1 000 to 1:800 000 000.
ROUND: Final = (1.0, 1.2, 1.5, 1.8, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0, 9.0)
#: Of the frame's sides, on either side of the region.
MARGIN: Final = 0.03
#: Spacing of the graticule [seconds of arc].
STEPS: Final = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 18000, 36000,
)  # fmt: skip
#: Lengths of a scale bar: a round number of metres and its halves.
BARS: Final = (1.0, 2.0, 4.0, 5.0)
#: Points along a meridian or parallel.
POINTS: Final = 60


@dataclass(frozen=True)
class Frame:
    """A map frame: where its middle lies, how large it is on paper, and its scale.

    Attributes
    ----------
    crs : CRS
        Equal-area about the middle; the middle is (0, 0) [m].
    longitude, latitude : float
        Of the middle [degrees].
    ratio : int
        Of lengths on the ground and on paper.
    width, height : float
        On the ground [m].
    """

    crs: CRS
    longitude: float
    latitude: float
    ratio: int
    width: float
    height: float

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Left, bottom, right, top [m]."""
        return (-self.width / 2, -self.height / 2, self.width / 2, self.height / 2)

    def degrees(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Return longitude and latitude of places [m]."""
        return _transformer(self.crs, back=True).transform(x, y)

    def metres(self, longitude: Any, latitude: Any) -> tuple[Any, Any]:
        """Return the places [m] of longitudes and latitudes."""
        return _transformer(self.crs, back=False).transform(longitude, latitude)


def _transformer(crs: CRS, *, back: bool) -> Transformer:
    degrees = CRS("EPSG:4326")
    start, end = (crs, degrees) if back else (degrees, crs)
    return Transformer.from_crs(start, end, always_xy=True)


def _centred(longitude: float, latitude: float) -> CRS:
    return CRS.from_proj4(
        f"+proj=laea +lat_0={latitude:.8f} +lon_0={longitude:.8f} +datum=WGS84 +units=m +no_defs"
    )


def round_scale(least: float) -> int:
    """Return the largest round scale that is not larger than 1 : `least`.

    Examples
    --------
    >>> round_scale(131_072), round_scale(250_000), round_scale(2_600_000)
    (150000, 250000, 3000000)
    """
    power = 10.0 ** math.floor(math.log10(max(least, 1.0)))
    wanted = least * (1 - 1e-9)
    return round(next(m * power for m in (*ROUND, 10.0) if m * power >= wanted))


def frame_of(region: gpd.GeoSeries, size: tuple[float, float]) -> Frame:
    """Return the frame that shows a region at the largest round scale.

    Parameters
    ----------
    region : GeoSeries
        What is to be shown, in EPSG:4326.
    size : (width, height)
        Of the frame on paper [m].
    """
    west, south, east, north = region.total_bounds
    first = _centred((west + east) / 2, (south + north) / 2)
    left, bottom, right, top = region.to_crs(first).total_bounds
    middle = _transformer(first, back=True).transform((left + right) / 2, (bottom + top) / 2)
    room = 1 - 2 * MARGIN
    least = max((right - left) / (size[0] * room), (top - bottom) / (size[1] * room))
    ratio = round_scale(max(least, 100.0))
    return Frame(_centred(*middle), *middle, ratio, size[0] * ratio, size[1] * ratio)


@dataclass(frozen=True)
class Line:
    """A meridian or parallel across the frame, and where it leaves it."""

    value: int
    xs: Any
    ys: Any
    ends: tuple[float, float]


def graticule(frame: Frame, lines: int = 5) -> tuple[list[Line], list[Line]]:
    """Return the meridians and the parallels to draw, about `lines` along the longer side.

    `value` is in seconds of arc; `ends` are where a meridian crosses the lower and the upper
    edge, or a parallel the left and the right one [m].
    """
    left, bottom, right, top = frame.extent
    xs, ys = np.linspace(left, right, POINTS), np.linspace(bottom, top, POINTS)
    border = [
        np.concatenate([xs, xs, np.full(POINTS, left), np.full(POINTS, right)]),
        np.concatenate([np.full(POINTS, bottom), np.full(POINTS, top), ys, ys]),
    ]
    longitudes, latitudes = frame.degrees(*border)
    if longitudes.max() - longitudes.min() > 180:  # across the date line
        longitudes = np.where(longitudes < 0, longitudes + 360, longitudes)
    spans = (longitudes.min(), longitudes.max()), (latitudes.min(), latitudes.max())
    across = max(spans[0][1] - spans[0][0], spans[1][1] - spans[1][0]) * 3600
    step = next((step for step in STEPS if across / step <= lines + 1), STEPS[-1])
    meridians, parallels = [], []
    for value in _multiples(*spans[0], step=step):
        x, y = frame.metres(np.full(POINTS, value / 3600), np.linspace(*spans[1], POINTS))
        meridians.append(Line(value, x, y, _crossings(y, x, edges=(bottom, top))))
    for value in _multiples(*spans[1], step=step):
        x, y = frame.metres(np.linspace(*spans[0], POINTS), np.full(POINTS, value / 3600))
        parallels.append(Line(value, x, y, _crossings(x, y, edges=(left, right))))
    return meridians, parallels


def _crossings(along: Any, across: Any, *, edges: tuple[float, float]) -> tuple[float, float]:
    return tuple(float(np.interp(edge, along, across)) for edge in edges)  # type: ignore[return-value]


def _multiples(low: float, high: float, *, step: int) -> list[int]:
    """Return the multiples of `step` [seconds] between two angles [degrees]."""
    first = math.ceil(low * 3600 / step - 1e-9)
    return [value * step for value in range(first, math.floor(high * 3600 / step + 1e-9) + 1)]


def angle(seconds: int, *, letters: str) -> str:
    """Return degrees, minutes and, if there are any, seconds.

    Parameters
    ----------
    seconds : int
    letters : str
        Sign of positive and of negative angles.

    Examples
    --------
    >>> angle(410_400, letters="EW"), angle(-5_430, letters="NS")
    ('114°00′E', '1°30′30″S')
    """
    wrapped = seconds - 360 * 3600 if seconds > 180 * 3600 else seconds
    minutes, rest = divmod(abs(wrapped), 60)
    degrees, minutes = divmod(minutes, 60)
    tail = f"{rest:02d}″" if rest else ""
    sign = letters[wrapped < 0] if wrapped else letters[0]
    return f"{degrees}°{minutes:02d}′{tail}{sign}"


def bar_metres(ratio: int, longest: float) -> float:
    """Return the length on the ground of a scale bar of at most `longest` on paper [m].

    Examples
    --------
    >>> bar_metres(250_000, 0.05)
    10000.0
    """
    most = ratio * longest
    power = 10.0 ** math.floor(math.log10(most))
    return next(m * power for m in reversed(BARS) if m * power <= most * (1 + 1e-9))
