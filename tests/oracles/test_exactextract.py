"""Areas against exactextract (its coverage is a 32-bit float: 6e-8 of a border cell)."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from affine import Affine
from exactextract import exact_extract
from exactextract.raster import NumPyRasterSource
from scipy.integrate import quad

from sinks.joint import JointTable
from sinks.landcover.activity import Activity, activity, strata_of_symbols
from sinks.legend import LandClass, Legend
from sinks.symbols import symbols
from tests.conftest import SHARED, needs_shared
from tests.rasters import EQUAL_AREA, joint_of, load, region_totals, square_metres, write_raster

NEW_GUINEA = SHARED / "data/landcover/new_guinea_ccilc"
MODIS = SHARED / "data/landcover/mcd12c1_2019/MCD12C1.A2019001.tif"
HUBEI = SHARED / "data/boundaries/hubei_counties_wgs84.geojson"
#: Areas of classes smaller than this part of a region are compared with that part.
SMALL = 1e-3


def counted(values: Any, grid: Any, shapes: Any) -> dict[tuple[int, int], float]:
    """Return exactextract's cells by region and value, of an array on a grid."""
    west, south, east, north = grid.bounds
    source = NumPyRasterSource(values, west, south, east, north, srs_wkt=grid.wkt)
    frame = gpd.GeoDataFrame(geometry=list(shapes), crs=grid.crs)
    rows = exact_extract(source, frame, ["count", "unique", "frac"], output="pandas")
    return {
        (region, int(value)): float(count) * float(part)
        for region, (count, unique, parts) in enumerate(
            zip(rows["count"], rows["unique"], rows["frac"], strict=True)
        )
        for value, part in zip(unique, parts, strict=True)
    }


def assert_alike(
    found: dict[tuple[int, int], float], oracle: dict[tuple[int, int], float], *, rel: float
) -> None:
    totals: dict[int, float] = {}
    for (region, _), area in oracle.items():
        totals[region] = totals.get(region, 0.0) + area
    for key in found.keys() | oracle.keys():
        one, other = found.get(key, 0.0), oracle.get(key, 0.0)
        assert abs(one - other) <= rel * max(other, SMALL * totals[key[0]]), key


def test_stars_on_a_patchy_map(tmp_path: Path) -> None:
    values = np.random.default_rng(4).integers(1, 6, (120, 150)).astype(np.uint8)
    sources = load(
        {1: write_raster(tmp_path / "map.tif", values, transform=Affine(1, 0, 0, 0, -1, 0))}
    )
    shapes = []
    for x, y, spikes in ((40.3, -50.2, 7), (100.7, -60.9, 13), (75.0, -90.0, 4)):
        turn = np.linspace(0, 2 * math.pi, 300)[:-1]
        ray = 18 + 9 * np.sin(spikes * turn)
        ring = np.column_stack([x + ray * np.cos(turn), y + ray * np.sin(turn)])
        shapes.append(shapely.Polygon(ring) - shapely.Point(x, y).buffer(4.2))
    joint = joint_of(sources, shapes)
    found = {(region, path[0]): area for (region, path), area in square_metres(joint).items()}
    assert_alike(found, counted(values, sources[1].grid, shapes), rel=1e-6)
    assert region_totals(joint, 3).tolist() == pytest.approx([s.area for s in shapes], rel=1e-9)


# ---------------------------------------------------------------- New Guinea, 2001 and 2015


CLASSES = (1, 2, 3, 5, 6, 7, 9)
YEARS = (2001, 2015)


@pytest.fixture(scope="module")
def ecoregions() -> gpd.GeoDataFrame:
    return gpd.read_file(NEW_GUINEA / "ecoregions.gpkg")


@pytest.fixture(scope="module")
def sources() -> dict[int, Any]:
    loaded: dict[int, Any] = load({year: NEW_GUINEA / f"landcover{year}.tif" for year in YEARS})
    return loaded


@pytest.fixture(scope="module")
def joint(sources: dict[int, Any], ecoregions: gpd.GeoDataFrame) -> JointTable:
    return joint_of(sources, ecoregions.geometry.values, crs=ecoregions.crs, workers=2)


@pytest.fixture(scope="module")
def both_years() -> Any:
    """Return the classes of both years in one number, the first in the hundreds."""
    out = np.zeros((1, 1), np.int16)
    for year in YEARS:
        with rasterio.open(NEW_GUINEA / f"landcover{year}.tif") as dataset:
            values = dataset.read(1).astype(np.int16)
        values[values == 255] = 99
        out = out * 100 + values
    return out


@pytest.fixture(scope="module")
def areas(joint: JointTable, ecoregions: gpd.GeoDataFrame) -> Activity:
    """Return the activity data, every class a stratum of its own."""
    rows = [
        LandClass(code, f"class_{code}", str(code), str(code), "other_land", "other", "#000000",
                  "", "")
        for code in CLASSES
    ]  # fmt: skip
    legend = Legend("new guinea", tuple(rows))
    lookup = strata_of_symbols(
        legend, symbols(CLASSES, [], dtype="uint8"), nodata=dict.fromkeys(YEARS, 255), years=YEARS
    )
    codes = [f"{i:02d}" for i in range(len(ecoregions))]
    return activity(joint, lookup, strata=legend.strata, codes=codes)


@needs_shared
def test_new_guinea_by_ecoregion_and_class(
    sources: dict[int, Any], ecoregions: gpd.GeoDataFrame, areas: Activity, both_years: Any
) -> None:
    cells = counted(both_years, sources[2001].grid, ecoregions.geometry)
    hectares = 300.0 * 300.0 / 10_000
    moves = areas.transitions[YEARS]
    found, oracle = {}, {}
    for (region, pair), count in cells.items():
        if 99 not in divmod(pair, 100):
            oracle[region, pair] = count * hectares
    for region in range(len(ecoregions)):
        for one in CLASSES:
            for two in CLASSES:
                row = moves[region].sel(from_stratum=f"class_{one}", to_stratum=f"class_{two}")
                found[region, 100 * one + two] = float(row)
    assert_alike(found, oracle, rel=1e-6)
    assert sum(oracle.values()) > 7e7  # the whole island: 78 million hectares
    for k, year in enumerate(YEARS):
        by_class: dict[tuple[int, int], float] = {}
        for (region, pair), area in oracle.items():
            key = (region, divmod(pair, 100)[k])
            by_class[key] = by_class.get(key, 0.0) + area
        of_year = areas.area.sel(year=year)
        own = {
            (region, code): float(of_year[region].sel(stratum=f"class_{code}"))
            for region in range(len(ecoregions))
            for code in CLASSES
        }
        assert_alike(own, by_class, rel=1e-6)
    nodata = {
        (region, 0): count * hectares for (region, pair), count in cells.items() if pair == 9999
    }
    lost = areas.coverage["nodata"].sel(year=2015).values
    whole = (areas.coverage["inside"] + areas.coverage["outside"]).values
    for region, area in enumerate(lost):
        assert area == pytest.approx(nodata.get((region, 0), 0.0), abs=1e-6 * whole[region])


@needs_shared
def test_new_guinea_closes(ecoregions: gpd.GeoDataFrame, areas: Activity) -> None:
    moves, coverage = areas.transitions[YEARS], areas.coverage
    for year, other in ((2001, "to_stratum"), (2015, "from_stratum")):
        np.testing.assert_allclose(
            moves.sum(other).values, areas.area.sel(year=year).values, rtol=1e-12
        )
        of_year = coverage.sel(year=year)
        np.testing.assert_allclose(
            of_year["valid"] + of_year["nodata"], of_year["inside"], rtol=1e-12
        )
    # In an equal-area projection the polygons' own areas are true.
    whole = (coverage["inside"] + coverage["outside"]).values * 10_000
    np.testing.assert_allclose(whole, ecoregions.geometry.area.values, rtol=1e-9)


@needs_shared
@pytest.mark.parametrize("place", [7, 13])
def test_small_ecoregions_cell_by_cell(
    sources: dict[int, Any],
    ecoregions: gpd.GeoDataFrame,
    joint: JointTable,
    both_years: Any,
    place: int,
) -> None:
    """Every border cell cut out of the polygon by shapely."""
    polygon, grid = ecoregions.geometry.iloc[place], sources[2001].grid
    west, south, east, north = polygon.bounds
    cols = np.arange(int((west - grid.x0) / grid.dx) - 1, int((east - grid.x0) / grid.dx) + 2)
    rows = np.arange(int((north - grid.y0) / grid.dy) - 1, int((south - grid.y0) / grid.dy) + 2)
    cols, rows = cols[(cols >= 0) & (cols < grid.width)], rows[(rows >= 0) & (rows < grid.height)]
    col, row = (axis.ravel() for axis in np.meshgrid(cols, rows))
    x, y = grid.x0 + col * grid.dx, grid.y0 + row * grid.dy
    shapely.prepare(polygon)
    pieces = shapely.intersection(polygon, shapely.box(x, y + grid.dy, x + grid.dx, y))
    table = pd.DataFrame({"pair": both_years[row, col], "area": shapely.area(pieces)})
    truth = {pair: area for pair, area in table.groupby("pair")["area"].sum().items() if area > 0}
    found = {
        100 * (99 if one == 255 else one) + (99 if two == 255 else two): area
        for (region, (one, two)), area in square_metres(joint).items()
        if region == place
    }
    assert found.keys() == truth.keys()
    for pair, area in truth.items():
        assert found[pair] == pytest.approx(area, rel=1e-9, abs=1e-9 * polygon.area)


# ---------------------------------------------------------------- Hubei, MODIS 0.05°


@needs_shared
def test_hubei_counties_by_class_with_areas_of_the_ellipsoid() -> None:
    """Coverage by exactextract, areas of the cells by integration on Clarke's ellipsoid of 1866."""
    counties = gpd.read_file(HUBEI)
    loaded = load({2019: MODIS})
    grid = loaded[2019].grid
    with rasterio.open(MODIS) as dataset:
        values = dataset.read(1, window=((1100, 1250), (5740, 5940)))
    box = (
        grid.x0 + 5740 * 0.05,
        grid.y0 - 1250 * 0.05,
        grid.x0 + 5940 * 0.05,
        grid.y0 - 1100 * 0.05,
    )
    a, b = 6378206.4, 6356583.8
    e2 = 1 - (b / a) ** 2

    def strip(latitude: float) -> float:
        return a * a * (1 - e2) * math.cos(latitude) / (1 - e2 * math.sin(latitude) ** 2) ** 2

    edges = np.radians(grid.y0 - 0.05 * np.arange(1100, 1251))
    cell = [math.radians(0.05) * quad(strip, low, high)[0] for high, low in pairwise(edges)]
    source = NumPyRasterSource(values, *box, srs_wkt=counties.crs.to_wkt())
    cells = exact_extract(
        source, counties[["geometry"]], ["values", "coverage", "center_y"], output="pandas"
    )
    oracle: dict[tuple[int, int], float] = {}
    for region, row in enumerate(cells.itertuples()):
        line = np.rint((grid.y0 - row.center_y) / 0.05 - 0.5).astype(int) - 1100
        area = row.coverage * np.array(cell)[line]
        for code in np.unique(row.values):
            oracle[region, int(code)] = float(area[row.values == code].sum())
    joint = joint_of(loaded, counties.geometry.values, crs=counties.crs)
    found = {(region, path[0]): area for (region, path), area in square_metres(joint).items()}
    assert len(oracle) > 400
    assert_alike(found, oracle, rel=1e-6)


def test_the_comparison_can_fail(tmp_path: Path) -> None:
    """A hundredth of a cell more is seen."""
    values = np.ones((30, 30), np.uint8)
    loaded = load({1: write_raster(tmp_path / "one.tif", values, crs=EQUAL_AREA)})
    shapes = [shapely.box(2.5, -25.5, 25.5, -2.5)]
    wider = [shapely.box(2.5, -25.5, 25.51, -2.5)]
    found = {(0, 1): float(region_totals(joint_of(loaded, wider), 1)[0])}
    with pytest.raises(AssertionError):
        assert_alike(found, counted(values, loaded[1].grid, shapes), rel=1e-6)
