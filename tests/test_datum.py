"""GCJ-02 to WGS 84 and back."""

from __future__ import annotations

import numpy as np
import pyogrio
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from sinks.datum import BOX, gcj02_to_wgs84, wgs84_to_gcj02
from tests.conftest import SHARED, needs_shared

BOUNDARIES = SHARED / "data" / "boundaries"
#: Inside the box by more than any shift (7 millidegrees).
LON = st.floats(BOX[0] + 0.01, BOX[1] - 0.01)
LAT = st.floats(BOX[2] + 0.01, BOX[3] - 0.01)


@given(LON, LAT)
def test_the_inverse_undoes_the_shift(lon: float, lat: float) -> None:
    back = gcj02_to_wgs84(*wgs84_to_gcj02(lon, lat))
    assert abs(float(back[0]) - lon) < 1e-9
    assert abs(float(back[1]) - lat) < 1e-9


@given(LON, LAT)
def test_the_shift_undoes_the_inverse(lon: float, lat: float) -> None:
    again = wgs84_to_gcj02(*gcj02_to_wgs84(lon, lat))
    assert abs(float(again[0]) - lon) < 1e-9
    assert abs(float(again[1]) - lat) < 1e-9


@pytest.mark.parametrize(
    ("lon", "lat"), [(-0.1276, 51.5072), (151.2, -33.9), (0.0, 0.0), (139.7, 35.7), (114.0, 60.0)]
)
def test_outside_china_nothing_moves(lon: float, lat: float) -> None:
    assert tuple(map(float, wgs84_to_gcj02(lon, lat))) == (lon, lat)
    assert tuple(map(float, gcj02_to_wgs84(lon, lat))) == (lon, lat)


def test_scalars_arrays_and_broadcasting() -> None:
    lon, lat = wgs84_to_gcj02(114.3, 30.6)
    assert np.shape(lon) == np.shape(lat) == ()
    grid_lon, grid_lat = gcj02_to_wgs84(np.linspace(108, 116, 5), np.linspace(29, 33, 3)[:, None])
    assert grid_lon.shape == grid_lat.shape == (3, 5)
    assert gcj02_to_wgs84([], [])[0].shape == (0,)


def test_no_number_stays_no_number_and_raises_no_alarm() -> None:
    with np.errstate(all="raise"):
        lon, lat = gcj02_to_wgs84([np.nan, np.inf, 114.0], [30.0, 30.0, np.nan])
    assert np.isnan(lon[0])
    assert np.isinf(lon[1])
    assert lon[2] == 114.0  # a point without latitude cannot be moved
    assert lat[0] == 30.0


def test_the_shift_in_hubei_is_some_hundred_metres() -> None:
    lon, lat = np.meshgrid(np.linspace(108.4, 116.1, 40), np.linspace(29.1, 33.2, 30))
    there = wgs84_to_gcj02(lon, lat)
    _, _, metres = Geod(ellps="WGS84").inv(lon, lat, *there)
    assert np.min(metres) > 200
    assert np.max(metres) < 800


def _coordinates(name: str) -> np.ndarray:
    frame = pyogrio.read_dataframe(BOUNDARIES / name)
    return shapely.get_coordinates(frame.geometry.values)


@needs_shared
def test_hubei_counties_equal_an_independent_conversion() -> None:
    raw = _coordinates("hubei_counties_gcj02_raw.geojson")
    expected = _coordinates("hubei_counties_wgs84.geojson")
    found = np.column_stack(gcj02_to_wgs84(raw[:, 0], raw[:, 1]))
    off = np.abs(found - expected).max(axis=1)
    # The writer of that file rounded to 7 digits and, where a run of zeros followed the first
    # digit, to that digit (113.70000038 became 113.7): those few longitudes say no more.
    blunt = np.isclose(expected[:, 0] * 10, np.round(expected[:, 0] * 10), rtol=0, atol=1e-12)
    assert blunt.sum() < 20
    assert off[~blunt].max() < 1e-7
    assert off.max() < 1e-6
