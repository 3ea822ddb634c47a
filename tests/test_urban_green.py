"""Urban green as a group of strata with densities of its own, from polygons and from classes."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from sinks.parameters import load_table
from tests.test_overlays import cells
from tests.test_split import add, polygons
from tests.tiny import cell, cover, rows_of, run_tables, target, write_raster, write_tiny

#: Codes of the legend clcd for forest, cropland, water and impervious land.
CLCD = {1: 2, 2: 1, 3: 5, 4: 8, 0: 0}
GREEN = """[[overlays]]
name = "parks"
path = "parks.gpkg"
kind = "urban_green"
replaces = ["built_up"]
stratum = "urban_park"
[[overlays]]
name = "belts"
path = "belts.gpkg"
kind = "urban_green"
replaces = ["built_up"]
stratum = "green_belt"
"""


def town(folder: Path) -> Path:
    """Write the tiny province in the codes of a product, with a park and a belt in its town."""
    study = write_tiny(
        folder,
        landcover='legend = "clcd"\nrasters = { 2010 = "lc2010.tif", 2015 = "lc2015.tif" }',
        density='table = "hubei_2010"',
        uncertainty="draws = 50",
        targets=[target(name="green", quantity="area", groups=["urban_green"], kind="level",
                        unit="ha", value=5, pools=[])],
    )  # fmt: skip
    for year in (2010, 2015):
        codes = cover(year)
        for old, new in CLCD.items():
            codes[cover(year) == old] = new
        write_raster(folder / f"lc{year}.tif", codes)
    # The park is columns 10 and half of 11, rows 0 and 1; the belt row 3, the park's rest apart.
    polygons(folder, "parks", [cells(10, 0, 11.5, 2)])
    polygons(folder, "belts", [cells(9, 1, 12, 2), cells(9, 3, 12, 4)])
    return add(study, GREEN)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    return run_tables(town(tmp_path_factory.mktemp("green")))


def test_areas_by_hand(tables: dict[str, pd.DataFrame]) -> None:
    """Town is columns 10 and 11, less the cell (3, 11) that is water in 2015.

    The park has 3 ha. The belt has half a hectare of row 1, where the park counts first, and in
    row 3 two hectares in 2010 and one in 2015; lakes beside the town (column 9) stay lakes.
    """
    for year, belt, rest in ((2010, 2.5, 2.5), (2015, 1.5, 2.5)):
        rows = rows_of(tables["stock"], region_code="0203", year=year, pool="soil")
        areas = dict(zip(rows["stratum"], rows["area_ha"], strict=True))
        assert areas["urban_park"] == pytest.approx(3)
        assert areas["green_belt"] == pytest.approx(belt)
        assert areas["built_up"] == pytest.approx(rest)


def test_each_has_its_own_cited_density(tables: dict[str, pd.DataFrame]) -> None:
    known = load_table("density/hubei_2010").set_index(["stratum", "pool"])["value"]
    rows = rows_of(tables["stock"], region_code="0203", year=2010)
    for stratum, hectares in (("urban_park", 3), ("green_belt", 2.5), ("built_up", 2.5)):
        own = rows_of(rows, stratum=stratum).set_index("pool")["stock_t_c"]
        for pool in ("agb", "bgb", "soil", "dead_organic"):
            assert own[pool] == pytest.approx(hectares * known[stratum, pool])
    used = tables["parameters"].set_index("name")
    assert used.loc["density/urban_park/agb", "confidence"] == "secondary"
    assert "Sun" in used.loc["density/urban_park/agb", "source"]


def test_green_is_a_group_of_its_own(tables: dict[str, pd.DataFrame]) -> None:
    achieved = cell(tables["targets"], "achieved", target="green", region_code="ALL")
    assert achieved == pytest.approx(4.5)
    groups = rows_of(tables["group_summary"], region_code="ALL", group="urban_green")
    assert groups["start_ha"].item() == pytest.approx(5.5)
    assert groups["end_ha"].item() == pytest.approx(4.5)


def test_a_class_of_the_legend_does_the_same(
    tmp_path: Path, tables: dict[str, pd.DataFrame]
) -> None:
    """A raster with codes of its own for the park and the rest of the town."""
    study = write_tiny(tmp_path, density='table = "hubei_2010"', uncertainty="draws = 50")
    legend = """code,stratum,name_en,name_zh,ipcc,group,colour
1,forest,Forest,森林,forest_land,forest,#006400
2,cropland,Cropland,耕地,cropland,cropland,#ffcc00
3,water,Water,水体,wetlands,wetland,#0000ff
4,built_up,Town,城镇,settlements,other,#ff0000
5,urban_park,Park,公园绿地,settlements,urban_green,#8150d6
"""
    (tmp_path / "legend.csv").write_text(legend, encoding="utf-8")
    for year in (2010, 2015):
        codes = cover(year)
        codes[:2, 10] = 5
        write_raster(tmp_path / f"lc{year}.tif", codes)
    stock = rows_of(run_tables(study)["stock"], region_code="0203", stratum="urban_park")
    here = rows_of(tables["stock"], region_code="0203", stratum="urban_park")
    ratio = stock["stock_t_c"].values / here["stock_t_c"].values
    assert ratio == pytest.approx(2 / 3)
