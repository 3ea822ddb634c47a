"""InVEST's published regression case of its carbon model, from its own kind of table.

10 × 10 cells of 1 m: now all of class 1, later all of class 2, with the pools of the table below.
InVEST says 86, 28 and −58 t C/ha on every cell, and 0.86, 0.28 and −0.58 t C in all.
"""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from pyproj import Proj
from rasterio.transform import from_origin
from shapely.geometry import box

from tests.tiny import NORTH, WEST, cell, rows_of, run_tables, write_raster, write_study

TABLE = "lucode,c_above,c_below,c_soil,c_dead\n1,15,10,60,1\n2,5,3,20,0\n"
LEGEND = """code,stratum,name_en,name_zh,ipcc,group,colour
1,forest,Forest,森林,forest_land,forest,#006400
2,crop,Cropland,耕地,cropland,cropland,#ffcc00
"""


def run_case(folder: Path, *, crs: str, corner: tuple[float, float]) -> dict[str, pd.DataFrame]:
    """Run the case with its north-western corner there; `relative_se = 0` asserts InVEST's view."""
    west, north = corner
    for year, code in ((2010, 1), (2015, 2)):
        cells = np.full((10, 10), code, np.uint8)
        place = from_origin(west, north, 1, 1)
        write_raster(folder / f"lc{year}.tif", cells, crs=crs, transform=place)
    shape = box(west, north - 10, west + 10, north)
    frame = gpd.GeoDataFrame({"code": ["1"], "name": ["plot"]}, geometry=[shape], crs=crs)
    frame.to_file(folder / "counties.gpkg", layer="plot")
    (folder / "legend.csv").write_text(LEGEND, encoding="utf-8")
    (folder / "pools.csv").write_text(TABLE, encoding="utf-8")
    density = 'table = "pools.csv"\nrelative_se = 0'
    regions = 'path = "counties.gpkg"\ncode = "code"\nname = "name"'
    return run_tables(write_study(folder, regions=regions, density=density))


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    """The case in an equal-area projection, where a cell of 1 m is a square metre of ground.

    In InVEST's own example (UTM) it is not quite: InVEST takes the nominal cell, we the true one.
    """
    return run_case(tmp_path_factory.mktemp("invest"), crs="EPSG:6933", corner=(WEST, NORTH))


def test_pools_are_invests(tables: dict[str, pd.DataFrame]) -> None:
    stock = tables["stock"]
    per_ha = (stock["stock_t_c"] / stock["area_ha"]).round(9)
    found = dict(zip(zip(stock["stratum"], stock["pool"], strict=True), per_ha, strict=True))
    assert found == {
        ("forest", "agb"): 15, ("forest", "bgb"): 10, ("forest", "soil"): 60,
        ("forest", "dead_organic"): 1,
        ("crop", "agb"): 5, ("crop", "bgb"): 3, ("crop", "soil"): 20, ("crop", "dead_organic"): 0,
    }  # fmt: skip


def test_totals_are_invests(tables: dict[str, pd.DataFrame]) -> None:
    regions, change = tables["regions"], tables["change"]
    assert cell(regions, "region_ha", level="study", year=2010) == 0.01
    for year, per_ha in ((2010, 86), (2015, 28)):
        total = cell(regions, "stock_t_c", level="study", year=year)
        assert total == pytest.approx(per_ha / 100, rel=1e-12)
        assert total / 0.01 == pytest.approx(per_ha, rel=1e-12)
    row = rows_of(change, level="study").iloc[0]
    assert row["change_t_c"] == pytest.approx(-0.58, rel=1e-12)
    assert row["change_t_c"] / 0.01 == pytest.approx(-58, rel=1e-12)
    assert (row["gain_t_c"], row["loss_t_c"]) == (0, pytest.approx(0.58))
    assert row["se_t_c"] == 0


def test_in_utm_the_scale_of_the_projection_is_taken_out(tmp_path: Path) -> None:
    """At InVEST's own place UTM shrinks areas by 0.08 %: the ground, and its carbon, is more."""
    tables = run_case(tmp_path, crs="EPSG:26910", corner=(461261.0, 4923265.0))
    utm = Proj("EPSG:26910")
    longitude, latitude = utm(461266.0, 4923260.0, inverse=True)
    scale = utm.get_factors(longitude, latitude).areal_scale
    assert scale == pytest.approx(0.9996**2, rel=1e-4)
    change = cell(tables["change"], "change_t_c", level="study")
    assert change == pytest.approx(-0.58 / scale, rel=1e-7)
    assert change == pytest.approx(-0.58, rel=1e-3)
    area = cell(tables["regions"], "region_ha", level="study", year=2010)
    assert area == pytest.approx(0.01 / scale, rel=1e-7)
    # Per hectare nothing depends on the projection.
    assert change / area == pytest.approx(-58, rel=1e-9)
