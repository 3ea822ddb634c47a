"""Grids: the area of the ellipsoid by its closed form, and of cells in any projection."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS, Geod, Transformer
from scipy.integrate import quad

from sinks.grid import CellAreas, Grid, authalic, authalic_position, cell_areas
from tests.conftest import SHARED, needs_shared
from tests.rasters import EQUAL_AREA, joint_of, load, region_totals, write_raster

A, B = 6378137.0, 6356752.314245179
E2 = 1 - (B / A) ** 2
ALBERS_CHINA = "+proj=aea +lat_1=25 +lat_2=47 +lat_0=0 +lon_0=105 +ellps=GRS80 +units=m +no_defs"

#: CRS, and the corner of a block of cells of 1 km in Hubei (or where the CRS is for) [CRS units].
PROJECTED = {
    "web mercator": ("EPSG:3857", 12_500_000.0, 3_600_000.0, 1000.0),
    "web mercator far north": ("EPSG:3857", 13_000_000.0, 8_400_000.0, 1000.0),
    "gauss-krueger zone 38": ("EPSG:4526", 38_450_000.0, 3_400_000.0, 1000.0),
    "gauss-krueger far off its meridian": ("EPSG:4547", 150_000.0, 3_400_000.0, 1000.0),
    "utm 49": ("EPSG:32649", 600_000.0, 3_400_000.0, 1000.0),
    "laea": (EQUAL_AREA, -50_000.0, 50_000.0, 1000.0),
    "ease 2": ("EPSG:6933", 10_800_000.0, 3_800_000.0, 1000.0),
    "albers": (ALBERS_CHINA, 600_000.0, 3_450_000.0, 1000.0),
    "equidistant": ("EPSG:4087", 12_400_000.0, 3_400_000.0, 1000.0),
    "us feet": ("EPSG:2263", 980_000.0, 240_000.0, 3000.0),
    "degrees in grads": ("EPSG:27572", 600_000.0, 2_400_000.0, 1000.0),
    "sphere": ("+proj=sinu +R=6371007.181 +units=m", 10_500_000.0, 3_400_000.0, 1000.0),
}


def grid_of(crs: object, x0: float, y0: float, d: float, *, width: int, height: int) -> Grid:
    return Grid(CRS.from_user_input(crs).to_wkt(), x0, y0, d, -d, width, height)


def cell_integral(grid: Grid, row: int, *, a: float = A, e2: float = E2) -> float:
    """Integrate the surface element M · N · cos φ over a cell; nothing in common with the code."""
    middle = math.radians(grid.y0) + math.radians(grid.dy) * (row + 0.5)
    half = abs(math.radians(grid.dy)) / 2

    def strip(offset: float) -> float:
        latitude = middle + offset
        return a * a * (1 - e2) * math.cos(latitude) / (1 - e2 * math.sin(latitude) ** 2) ** 2

    area, _ = quad(strip, -half, half, epsabs=0, epsrel=1e-13)
    return area * abs(math.radians(grid.dx))


def cell_area(areas: CellAreas, row: int, col: int) -> float:
    """Return one cell's area as the kernel would: the mean over its columns."""
    line = areas.at_rows(row, row + 1)[0]
    return float(np.interp(col + 0.5, areas.col_nodes, line))


def geodesic_area(grid: Grid, row: int, col: int) -> float:
    """Return a cell's area by geodesics along its sides, straight in the grid's CRS."""
    side = np.linspace(0, 1, 33)[:-1]
    cols = col + np.concatenate([side, np.ones(32), 1 - side, np.zeros(32)])
    rows = row + np.concatenate([np.zeros(32), side, np.ones(32), 1 - side])
    x, y = grid.x0 + cols * grid.dx, grid.y0 + rows * grid.dy
    ellipsoid = grid.crs.ellipsoid
    geodetic = CRS.from_dict(
        {"proj": "longlat", "a": ellipsoid.semi_major_metre, "b": ellipsoid.semi_minor_metre}
    )
    base = grid.crs.geodetic_crs
    factor = base.axis_info[0].unit_conversion_factor / math.radians(1)
    lon, lat = Transformer.from_crs(grid.crs, base, always_xy=True).transform(x, y)
    geod: Geod = geodetic.get_geod()
    return abs(geod.polygon_area_perimeter(np.asarray(lon) * factor, np.asarray(lat) * factor)[0])


# ---------------------------------------------------------------- the closed form


def test_whole_ellipsoids_have_their_published_areas() -> None:
    wgs84 = 4 * math.pi * authalic(math.pi / 2, a=A, b=B)
    assert float(wgs84) == pytest.approx(510_065_621_724_088.44, rel=1e-14)
    # Clarke 1866 has the authalic radius 6370997.24 m (Snyder 1987, table 1 and eq. 3-13).
    clarke = authalic(math.pi / 2, a=6378206.4, b=6356583.8)
    assert math.sqrt(float(clarke)) == pytest.approx(6370997.24, abs=0.005)


def test_a_sphere_is_the_limit_of_flat_ellipsoids() -> None:
    latitude = np.radians([0.0, 10.0, 45.0, 90.0])
    sphere = authalic(latitude, a=A, b=A)
    assert sphere.tolist() == pytest.approx((A * A * np.sin(latitude)).tolist(), rel=1e-15)
    nearly = authalic(latitude, a=A, b=A * (1 - 1e-9))
    assert nearly.tolist() == pytest.approx(sphere.tolist(), rel=3e-9)


def test_authalic_is_odd_and_grows() -> None:
    latitude = np.radians(np.linspace(-90, 90, 181))
    values = authalic(latitude, a=A, b=B)
    assert np.array_equal(values, -values[::-1])
    assert (np.diff(values) > 0).all()


@given(
    south=st.floats(-89.0, 88.0),
    rows=st.integers(1, 60),
    cell=st.sampled_from([1.0, 0.05, 1 / 1200, 1 / 12000]),
)
@settings(max_examples=60, deadline=None)
def test_rows_add_up_to_the_zone_that_they_cut(south: float, rows: int, cell: float) -> None:
    rows = min(rows, int((90 - south) / cell))
    grid = Grid(CRS.from_epsg(4326).to_wkt(), 100.0, south, cell, cell, 10, rows)
    ends = np.radians([south, south + rows * cell])
    zone = float(np.diff(authalic(ends, a=A, b=B))[0]) * math.radians(cell)
    total = cell_areas(grid, (0, rows, 0, 10)).at_rows(0, rows)[:, 0].sum()
    # The zone is itself a difference of two great numbers: their rounding is all it may differ.
    assert float(total) == pytest.approx(zone, abs=4e13 * math.radians(cell) * 1e-15)


# ---------------------------------------------------------------- geographic grids


@pytest.mark.parametrize("cell", [5.0, 0.25, 0.05, 1 / 1200, 0.00025, 1 / 12000])
@pytest.mark.parametrize("north", [89.9, 33.3, 0.4, -45.0])
def test_geographic_cells_are_exact(cell: float, north: float) -> None:
    grid = grid_of("EPSG:4326", 108.0, north, cell, width=5, height=7)
    areas = cell_areas(grid, (0, 7, 0, 5)).at_rows(0, 7)
    for row in range(7):
        assert areas[row, 0] == areas[row, 1]
        assert areas[row, 0] == pytest.approx(cell_integral(grid, row), rel=1e-10)


def test_rows_of_a_large_grid_are_exact_far_from_its_corner() -> None:
    grid = grid_of("EPSG:4326", 108.0, 33.3, 1 / 12000, width=5, height=60_000)
    areas = cell_areas(grid, (0, 60_000, 0, 5)).at_rows(0, 60_000)[:, 0]
    for row in (0, 1, 31_415, 59_999):
        assert areas[row] == pytest.approx(cell_integral(grid, row), rel=1e-10)


def test_cgcs2000_and_clarke_have_their_own_ellipsoids() -> None:
    clarke = CRS.from_proj4("+proj=longlat +ellps=clrk66 +no_defs")
    grid = grid_of(clarke, 108.0, 33.3, 0.05, width=1, height=1)
    a, b = 6378206.4, 6356583.8
    exact = cell_integral(grid, 0, a=a, e2=1 - (b / a) ** 2)
    assert cell_areas(grid, (0, 1, 0, 1)).at_rows(0, 1)[0, 0] == pytest.approx(exact, rel=1e-10)
    wgs84 = cell_integral(replace(grid, wkt=CRS.from_epsg(4326).to_wkt()), 0)
    assert abs(exact / wgs84 - 1) > 1e-6  # the check above can tell them apart


def test_cells_beyond_the_poles_have_no_area() -> None:
    grid = grid_of("EPSG:4326", 0.0, 90.5, 1.0, width=1, height=3)
    areas = cell_areas(grid, (0, 3, 0, 1)).at_rows(-1, 3)[:, 0]
    half = grid_of("EPSG:4326", 0.0, 90.0, 0.5, width=1, height=1)
    cap = cell_areas(half, (0, 1, 0, 1)).at_rows(0, 1)[0, 0] * 2
    assert areas[0] == 0.0
    assert areas[1] == pytest.approx(cap, rel=1e-10)


def test_south_up_grids_have_positive_areas() -> None:
    north_up = grid_of("EPSG:4326", 100.0, 31.0, 0.1, width=3, height=10)
    south_up = Grid(north_up.wkt, 100.0, 30.0, 0.1, 0.1, 3, 10)
    areas = [cell_areas(grid, (0, 10, 0, 3)).at_rows(0, 10)[:, 0] for grid in (north_up, south_up)]
    assert (areas[0] > 0).all()
    assert areas[0].tolist() == pytest.approx(areas[1][::-1].tolist(), rel=1e-13)


# ---------------------------------------------------------------- projected grids


@pytest.mark.parametrize("name", list(PROJECTED))
def test_projected_cells_against_geodesics(name: str) -> None:
    crs, x0, y0, d = PROJECTED[name]
    grid = grid_of(crs, x0, y0, d, width=90, height=90)
    areas = cell_areas(grid, (0, 90, 0, 90))
    for row, col in ((0, 0), (3, 4), (45, 11), (20, 77), (89, 89)):
        geodesic = geodesic_area(grid, row, col)
        assert cell_area(areas, row, col) == pytest.approx(geodesic, rel=1e-6), (row, col)


def test_the_scale_that_is_taken_out_is_not_small() -> None:
    """Web Mercator at 31° N: without it areas would be a third too large."""
    crs, x0, y0, d = PROJECTED["web mercator"]
    areas = cell_areas(grid_of(crs, x0, y0, d, width=2, height=2), (0, 2, 0, 2))
    assert cell_area(areas, 0, 0) / d**2 < 0.75


@pytest.mark.parametrize("name", ["laea", "ease 2", "albers", "sphere"])
def test_equal_area_grids_are_taken_as_exact(name: str) -> None:
    crs, x0, y0, d = PROJECTED[name]
    areas = cell_areas(grid_of(crs, x0, y0, d, width=90, height=90), (0, 90, 0, 90))
    assert np.unique(areas.at_rows(0, 90)).tolist() == [d * d]


def test_large_cells_are_sampled_one_by_one() -> None:
    grid = grid_of("EPSG:3857", 12_000_000.0, 4_000_000.0, 25_000.0, width=8, height=8)
    areas = cell_areas(grid, (0, 8, 0, 8))
    for row, col in ((0, 0), (7, 3)):
        assert cell_area(areas, row, col) == pytest.approx(geodesic_area(grid, row, col), rel=2e-5)


def test_areas_do_not_depend_on_the_window_that_was_sampled() -> None:
    grid = grid_of("EPSG:3857", 12_000_000.0, 4_000_000.0, 300.0, width=900, height=900)
    whole, part = cell_areas(grid, (0, 900, 0, 900)), cell_areas(grid, (313, 400, 207, 555))
    for row, col in ((313, 207), (399, 554), (350, 333)):
        assert cell_area(whole, row, col) == pytest.approx(cell_area(part, row, col), rel=1e-15)


def test_a_grid_outside_its_projection_is_refused() -> None:
    grid = grid_of("+proj=ortho +lat_0=30 +lon_0=110", 7e6, 7e6, 1000.0, width=5, height=5)
    with pytest.raises(ValueError, match="unknown"):  # the name of the CRS
        cell_areas(grid, (0, 5, 0, 5))


def test_positions_of_a_projected_grid() -> None:
    crs, x0, y0, d = PROJECTED["utm 49"]
    grid = grid_of(crs, x0, y0, d, width=9, height=9)
    lon, q = authalic_position(grid, np.array([4.0]), rows=np.array([2.0]))
    there = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    east, north = there.transform(x0 + 4 * d, y0 - 2 * d)
    assert lon[0] == pytest.approx(math.radians(east), rel=1e-14)
    assert q[0] == pytest.approx(float(authalic(math.radians(north), a=A, b=B)), rel=1e-14)


# ---------------------------------------------------------------- one county, many grids

RASTERS: dict[str, tuple[object, float]] = {
    "EPSG:4326": ("EPSG:4326", 0.004),
    "EPSG:3857": ("EPSG:3857", 500.0),
    "EPSG:4526": ("EPSG:4526", 400.0),
    "EPSG:4547": ("EPSG:4547", 400.0),
    "albers": (ALBERS_CHINA, 400.0),
}


def irregular_county() -> Any:
    """Return a star of uneven rays around 112.3° E, 30.6° N, with a lake cut out of it."""
    turn = np.linspace(0, 2 * math.pi, 38)[:-1]
    ray = 0.22 + 0.09 * np.sin(3 * turn) + 0.05 * np.cos(11 * turn) + 0.03 * np.sin(7 * turn + 1)
    ring = np.column_stack([112.3 + 1.2 * ray * np.cos(turn), 30.6 + ray * np.sin(turn)])
    lake = [(112.25, 30.55), (112.31, 30.58), (112.36, 30.53), (112.28, 30.5)]
    return shapely.Polygon(ring, [lake])


def dense(polygon: Any, step: float = 0.0005) -> Any:
    return shapely.segmentize(polygon, step)


def ellipsoid_area(polygon: Any) -> float:
    """Return the area of a polygon in degrees whose edges are straight in degrees."""
    return abs(Geod(ellps="WGS84").geometry_area_perimeter(dense(polygon))[0])


def area_on(folder: Path, polygon: Any, raster: str, *, exact: bool = True) -> float:
    """Measure a county given in degrees on a raster of some CRS that lies around it."""
    crs, cell = RASTERS[raster]
    transformer = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    x, y = transformer.transform(*shapely.get_coordinates(dense(polygon, 0.01)).T)
    west, north = min(x) - 3.3 * cell, max(y) + 2.7 * cell
    width, height = int((max(x) - west) / cell) + 4, int((north - min(y)) / cell) + 4
    place = Affine(cell, 0, west, 0, -cell, north)
    values = np.ones((height, width), dtype=np.uint8)
    name = folder / f"{raster.replace(':', '')}.tif"
    sources = load({2010: write_raster(name, values, crs=crs, transform=place)})
    joint = joint_of(sources, [polygon], crs="EPSG:4326", exact=exact)
    assert joint.outside.tolist() == [0]
    return float(region_totals(joint, 1)[0])


@pytest.mark.parametrize("raster", list(RASTERS))
def test_one_county_has_one_area_on_every_grid(tmp_path: Path, raster: str) -> None:
    """Its sides are kilometres long: they must be bent as the projection bends them."""
    county = irregular_county()
    assert area_on(tmp_path, county, raster) == pytest.approx(ellipsoid_area(county), rel=1e-5)


@needs_shared
@pytest.mark.parametrize("raster", list(RASTERS))
def test_a_real_county_has_one_area_on_every_grid(tmp_path: Path, raster: str) -> None:
    import geopandas as gpd

    counties = gpd.read_file(SHARED / "data/boundaries/hubei_counties_wgs84.geojson")
    county = counties.loc[counties["code"].astype(str) == "429004", "geometry"].item()
    assert area_on(tmp_path, county, raster) == pytest.approx(ellipsoid_area(county), rel=1e-6)


def test_the_centre_rule_is_near_but_not_exact(tmp_path: Path) -> None:
    county = irregular_county()
    centre = area_on(tmp_path, county, "EPSG:4547", exact=False)
    truth = ellipsoid_area(county)
    assert abs(centre / truth - 1) > 1e-6
    assert centre == pytest.approx(truth, rel=5e-3)


# ---------------------------------------------------------------- one grid or two


def test_same_cells() -> None:
    grid = grid_of("EPSG:32649", 400_000.0, 3_500_000.0, 30.0, width=100, height=80)
    assert grid.same_cells(grid)
    assert grid.same_cells(replace(grid, x0=grid.x0 + 0.0003, y0=grid.y0 - 0.0003))
    assert not grid.same_cells(replace(grid, x0=grid.x0 + 15.0))
    assert not grid.same_cells(replace(grid, y0=grid.y0 + 0.05))
    assert not grid.same_cells(replace(grid, width=101))
    assert not grid.same_cells(replace(grid, dx=30.001))  # a tenth of a metre at the far end
    assert grid.same_cells(replace(grid, dx=30.0 + 1e-7))
    assert not grid.same_cells(replace(grid, wkt=CRS.from_epsg(32650).to_wkt()))
    assert not grid.same_cells(replace(grid, y0=grid.bounds[1], dy=30.0))  # upside down


def test_degrees_are_the_same_in_either_order_of_axes() -> None:
    one = grid_of("EPSG:4326", 108.0, 33.0, 0.01, width=9, height=9)
    other = replace(one, wkt=CRS.from_proj4("+proj=longlat +datum=WGS84 +no_defs").to_wkt())
    assert one.crs != other.crs
    assert one.same_cells(other)
    assert not one.same_cells(replace(one, wkt=CRS.from_epsg(4490).to_wkt()))


def test_bounds_and_cells() -> None:
    south_up = Grid(CRS.from_epsg(4326).to_wkt(), 108.0, 30.0, 0.5, 0.25, 4, 8)
    assert south_up.bounds == (108.0, 30.0, 110.0, 32.0)
    cols, rows = south_up.to_cells(np.array([108.75]), np.array([31.0]))
    assert (cols.item(), rows.item()) == (1.5, 4.0)


def test_a_grid_in_one_line() -> None:
    grid = grid_of("EPSG:4547", 400_000.5, 3_500_000.0, 30.0, width=100, height=80)
    assert grid.described() == "EPSG:4547 · 100 × 80 · 30 × 30 · (400000.5, 3500000)"
    unnamed = grid_of(ALBERS_CHINA, 0.0, 0.0, 10.0, width=1, height=1)
    assert unnamed.described().startswith("unknown · 1 × 1")


def test_a_raster_on_a_grid_without_an_ellipsoid_is_told() -> None:
    local = rasterio.crs.CRS.from_wkt('LOCAL_CS["plan",UNIT["metre",1]]')
    with pytest.raises(ValueError, match="plan"):
        _ = Grid(local.to_wkt(), 0.0, 0.0, 1.0, -1.0, 1, 1).semi_axes
