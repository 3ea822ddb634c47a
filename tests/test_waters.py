"""Real outlines of lakes tell one class of water apart: areas against polygons cut by hand."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from rasterio.features import rasterize, shapes
from rasterio.transform import from_origin

from tests.conftest import SHARED, needs_shared
from tests.tiny import rows_of, run_tables, write_raster

pytestmark = needs_shared

LAKES = SHARED / "data" / "wetland" / "hubei_lakes_max_extent.geojson"
COUNTIES = SHARED / "data" / "boundaries" / "hubei_counties_wgs84.geojson"
#: Codes of the legend clcd.
CROP, WATER = 1, 5
STEP = 0.005
TRANSFORM = from_origin(110.6, 32.9, STEP, STEP)
SIZE = (660, 830)
#: Equal-area and cylindrical: cells of a geographic grid stay rectangles in it.
EQUAL_AREA = "EPSG:6933"


def water(year: int) -> np.ndarray:
    """Return a raster that knows only water: lakes, a river as a band, and half of it later."""
    outlines = gpd.read_file(LAKES).geometry
    codes = rasterize(
        [(shape, WATER) for shape in outlines], SIZE, transform=TRANSFORM, fill=CROP,
        all_touched=True, dtype="uint8",
    )  # fmt: skip
    codes[300:304] = WATER
    if year == 2015:
        codes[:, 700:] = CROP
    return np.asarray(codes)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("waters")
    for year in (2010, 2015):
        write_raster(
            folder / f"lc{year}.tif", water(year), crs="EPSG:4326", transform=TRANSFORM
        )  # fmt: skip
    frame = gpd.read_file(COUNTIES)
    inside = frame.intersects(shapely.box(110.7, 29.7, 114.65, 32.8))
    frame[inside][["code", "name", "geometry"]].to_file(folder / "counties.gpkg")
    lakes = gpd.read_file(LAKES)
    lakes[lakes["name"].str.contains("水库", na=False)].to_file(folder / "reservoirs.gpkg")
    (folder / "study.toml").write_text(
        f"""[study]
name = "waters"
title = "Waters"
[regions]
path = "counties.gpkg"
code = "code"
name = "name"
[landcover]
legend = "clcd"
rasters = {{ 2010 = "lc2010.tif", 2015 = "lc2015.tif" }}
[density]
table = "hubei_2010"
[uncertainty]
draws = 10
[[overlays]]
name = "reservoirs"
path = "reservoirs.gpkg"
kind = "water"
replaces = ["water"]
stratum = "reservoir_pond"
outside = "river"
[[overlays]]
name = "lakes"
path = "{LAKES.as_posix()}"
kind = "lake"
part = "id"
replaces = ["water"]
stratum = "lake"
outside = "river"
""",
        encoding="utf-8",
    )
    return folder / "study.toml"


@pytest.fixture(scope="module")
def tables(study: Path) -> dict[str, pd.DataFrame]:
    return run_tables(study)


def wet(year: int) -> gpd.GeoSeries:
    """Return the cells of water as polygons."""
    codes = water(year)
    found = [shapely.geometry.shape(item) for item, _ in
             shapes(codes, codes == WATER, transform=TRANSFORM)]  # fmt: skip
    return gpd.GeoSeries(found, crs="EPSG:4326")


def hectares(shape: shapely.Geometry) -> float:
    """Return the area in an equal-area projection; edges are cut first, so that they bend."""
    series = gpd.GeoSeries([shapely.segmentize(shape, 0.02)], crs="EPSG:4326")
    return float(series.to_crs(EQUAL_AREA).area.iloc[0]) / 1e4


@pytest.mark.parametrize("year", [2010, 2015])
def test_lake_river_and_reservoir_by_county(
    study: Path, tables: dict[str, pd.DataFrame], year: int
) -> None:
    counties = gpd.read_file(study.parent / "counties.gpkg").set_index("code").geometry
    outlines = gpd.read_file(LAKES)
    dam = outlines["name"].str.contains("水库", na=False)
    reservoir = shapely.union_all(outlines.geometry[dam].values)
    lake = shapely.difference(shapely.union_all(outlines.geometry.values), reservoir)
    whole = shapely.union_all(wet(year).values)
    expected = {
        "reservoir_pond": shapely.intersection(whole, reservoir),
        "lake": shapely.intersection(whole, lake),
        "river": shapely.difference(whole, shapely.union_all([lake, reservoir])),
    }
    found = rows_of(tables["stock"], year=year, pool="soil").set_index(["region_code", "stratum"])
    assert "water" not in set(found.index.get_level_values("stratum"))
    for stratum, shape in expected.items():
        own = found.xs(stratum, level="stratum")["area_ha"]
        for code, county in counties.items():
            here = hectares(shapely.intersection(shape, county))
            # A column that is common to both years is what is compared: all cells are valid.
            assert own.get(code, 0.0) == pytest.approx(here, rel=1e-4, abs=0.02), (code, stratum)


def test_large_lakes_have_their_published_size(tables: dict[str, pd.DataFrame]) -> None:
    """Honghu and others are as large as the file says."""
    own = rows_of(tables["overlay_regions"], overlay="lakes", region_code="ALL", year=2010)
    parts = own.set_index("part")["overlay_ha"]
    real = gpd.read_file(LAKES)
    for name in ("洪湖 Honghu", "长湖 Changhu", "斧头湖 Futou"):
        lake = real[real["name"] == name].iloc[0]
        assert parts[lake["id"]] == pytest.approx(hectares(lake.geometry), rel=1e-4)
        assert parts[lake["id"]] / 100 == pytest.approx(lake["km2"], rel=0.02)


def test_drained_lakes_are_losses_of_their_type(tables: dict[str, pd.DataFrame]) -> None:
    moved = tables["transitions"]
    lost = rows_of(moved, from_stratum="lake", to_stratum="cropland")["area_ha"].sum()
    types = rows_of(tables["transition_summary"], region_code="ALL", stratum="lake")
    assert lost > 1000
    assert types["loss_ha"].item() == pytest.approx(lost)
    assert types["gain_ha"].item() == 0
