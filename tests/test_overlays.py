"""Overlays on the hand-worked province: land counts once, and no region's figure moves."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import Polygon, box

from sinks.run import Options, check_study, run_study
from tests.tiny import CELL, CRS, NORTH, WEST, cell, rows_of, run_tables, write_tiny


def cells(col0: float, row0: float, col1: float, row1: float) -> Polygon:
    """Return the rectangle between two corners, in cells of the tiny province."""
    return box(WEST + CELL * col0, NORTH - CELL * row1, WEST + CELL * col1, NORTH - CELL * row0)


#: 甲 covers columns 1–4 of rows 0–1; 乙 overlaps it and goes on into 乙县: columns 3–7, rows 1–2.
RESERVES = {"甲": cells(1, 0, 5, 2), "乙": cells(3, 1, 8, 3)}


def with_overlay(
    folder: Path, shapes: dict[str, Polygon], *, keys: str = 'part = "name"', crs: str = CRS
) -> Path:
    """Write the tiny province with one overlay; return its study file."""
    study = write_tiny(folder)
    frame = gpd.GeoDataFrame({"name": list(shapes)}, geometry=list(shapes.values()), crs=CRS)
    frame.to_crs(crs).to_file(folder / "reserves.gpkg", layer="reserves")
    entry = f'[[overlays]]\nname = "reserves"\npath = "reserves.gpkg"\nkind = "reserve"\n{keys}\n'
    study.write_text(study.read_text("utf-8") + entry, encoding="utf-8")
    return study


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    return run_tables(with_overlay(tmp_path_factory.mktemp("overlay"), RESERVES))


def test_overlapping_polygons_count_once(tables: dict[str, pd.DataFrame]) -> None:
    """8 + 10 ha less the 2 ha both cover: inclusion and exclusion."""
    table = rows_of(tables["overlay_regions"], year=2010, region_code="ALL")
    areas = dict(zip(table["part"], table["overlay_ha"], strict=True))
    assert areas == pytest.approx({"": 16.0, "甲": 8.0, "乙": 10.0})


def test_every_figure_of_the_overlay_by_hand(tables: dict[str, pd.DataFrame]) -> None:
    """甲's reserve in 甲县: columns 1–3 of rows 0 and 1, forest · crop · crop in 2010."""
    place = {"part": "甲", "region_code": "0101"}
    regions = tables["overlay_regions"]
    assert cell(regions, "overlay_ha", year=2010, **place) == pytest.approx(6)
    assert cell(regions, "forest_ha", year=2010, **place) == pytest.approx(2)
    assert cell(regions, "forest_ha", year=2015, **place) == pytest.approx(6)
    # 2 ha of forest with 140 t/ha and 4 of crop with 85; then 6 ha of forest with 144.
    assert cell(regions, "stock_t_c", year=2010, **place) == pytest.approx(2 * 140 + 4 * 85)
    assert cell(regions, "stock_t_c", year=2015, **place) == pytest.approx(6 * 144)
    change = rows_of(tables["overlay_change"], **place)
    assert change["change_t_c"].iloc[0] == pytest.approx(6 * 144 - 2 * 140 - 4 * 85)
    moved = rows_of(tables["overlay_transitions"], **place, to_stratum="forest")
    assert dict(zip(moved["from_stratum"], moved["area_ha"], strict=True)) == pytest.approx(
        {"forest": 2.0, "crop": 4.0}
    )
    stock = rows_of(tables["overlay_stock"], **place, year=2015)
    assert stock["stock_t_c"].sum() == pytest.approx(6 * 144)


def test_no_data_in_one_year_leaves_the_overlay_too(tables: dict[str, pd.DataFrame]) -> None:
    place = {"part": "乙", "region_code": "0102", "year": 2015}
    assert cell(tables["overlay_regions"], "overlay_ha", **place) == pytest.approx(8)
    assert cell(tables["overlay_regions"], "nodata_ha", **place) == 0


def test_levels_of_the_overlay_add_up(tables: dict[str, pd.DataFrame]) -> None:
    table = rows_of(tables["overlay_regions"], part="", year=2015)
    for column in ("overlay_ha", "stock_t_c"):
        sums = table.groupby("level")[column].sum()
        assert sums["region"] == pytest.approx(sums["prefecture"]) == pytest.approx(sums["study"])


def test_an_overlay_of_everything_is_the_regions(tmp_path: Path) -> None:
    study = with_overlay(tmp_path, {"all": cells(-5, -5, 20, 20)}, keys="")
    done = run_tables(study)
    for name in ("regions", "change", "stock", "transitions"):
        own = done[f"overlay_{name}"].drop(columns=["overlay", "part"])
        own = own.rename(columns={"overlay_ha": "region_ha"})
        pd.testing.assert_frame_equal(own, done[name])


def test_no_figure_of_the_regions_moves(tmp_path: Path) -> None:
    plain = run_study(write_tiny(tmp_path / "a"), tmp_path / "a/out", options=Options(parts=()))
    more = with_overlay(tmp_path / "b", RESERVES)
    done = run_study(more, tmp_path / "b/out", options=Options(parts=()))
    for path in sorted((plain.root / "tables").glob("*.csv")):
        assert path.read_bytes() == (done.root / "tables" / path.name).read_bytes(), path.name


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:4490", "EPSG:32650"])
def test_an_overlay_in_another_crs_has_the_same_area(tmp_path: Path, crs: str) -> None:
    done = run_tables(with_overlay(tmp_path, RESERVES, crs=crs))
    table = rows_of(done["overlay_regions"], year=2010, region_code="ALL", part="")
    assert table["overlay_ha"].iloc[0] == pytest.approx(16.0, rel=1e-5)


@pytest.mark.parametrize(
    ("shapes", "code"),
    [
        ({"far": cells(40, 0, 50, 4)}, "overlays.no_overlap"),
        ({"half": cells(10, 0, 14, 4)}, "overlays.outside"),
        ({"in": cells(1, 1, 2, 2), "far": cells(40, 0, 50, 4)}, "overlays.outside"),
    ],
)
def test_what_lies_outside_is_told(tmp_path: Path, shapes: dict[str, Polygon], code: str) -> None:
    problems = check_study(with_overlay(tmp_path, shapes))
    assert code in {problem.code for problem in problems}


def test_two_overlays_of_one_name_are_refused(tmp_path: Path) -> None:
    study = with_overlay(tmp_path, RESERVES)
    text = study.read_text("utf-8")
    study.write_text(text + text[text.index("[[overlays]]") :], encoding="utf-8")
    assert "study.repeated_name" in {problem.code for problem in check_study(study)}


def test_a_missing_file_is_named_by_its_key(tmp_path: Path) -> None:
    study = with_overlay(tmp_path, RESERVES)
    (tmp_path / "reserves.gpkg").unlink()
    (problem,) = [item for item in check_study(study) if item.code == "study.no_such_file"]
    assert problem.place == "overlays.0.path"


def test_fractions_of_border_cells(tmp_path: Path) -> None:
    """A triangle over half of a 4 × 4 county: 8 ha, whatever cells its edge crosses."""
    corner = Polygon([(WEST, NORTH), (WEST + 400, NORTH), (WEST, NORTH - 400)])
    done = run_tables(with_overlay(tmp_path, {"t": corner}))
    area = cell(done["overlay_regions"], "overlay_ha", part="", region_code="0101", year=2010)
    assert area == pytest.approx(8.0, rel=1e-9)
    assert np.isfinite(done["overlay_regions"]["stock_t_c"]).all()


#: What a register of reserves holds beside their names; level as a number, with stray spaces.
REGISTER = {"type": [" 湿地", "森林"], "level": [1, 2]}


@pytest.mark.parametrize(
    ("where", "hectares", "parts"),
    [
        ('{ type = "湿地" }', 8.0, {"", "甲"}),
        ('{ type = ["湿地", "森林"], level = 2 }', 10.0, {"", "乙"}),
        ('{ level = ["1", "2"] }', 16.0, {"", "甲", "乙"}),
    ],
)
def test_rows_that_a_study_asks_for(
    tmp_path: Path, where: str, hectares: float, parts: set[str]
) -> None:
    study = registered(tmp_path, where)
    table = rows_of(run_tables(study)["overlay_regions"], year=2010, region_code="ALL")
    assert set(table["part"]) == parts
    assert cell(table, "overlay_ha", part="") == pytest.approx(hectares)


@pytest.mark.parametrize(
    ("where", "code"),
    [
        ('{ type = ["湿地", "湖泊"] }', "overlays.no_such_value"),
        ('{ type = "湿地", level = 2 }', "overlays.no_row_left"),
        ('{ status = "国家级" }', "regions.no_column"),
    ],
)
def test_a_value_that_is_not_there_is_refused(tmp_path: Path, where: str, code: str) -> None:
    assert code in {problem.code for problem in check_study(registered(tmp_path, where))}


def registered(folder: Path, where: str) -> Path:
    study = with_overlay(folder, RESERVES, keys=f'part = "name"\nwhere = {where}')
    frame = gpd.read_file(folder / "reserves.gpkg").assign(**REGISTER)
    frame.to_file(folder / "reserves.gpkg", layer="reserves")
    return study
