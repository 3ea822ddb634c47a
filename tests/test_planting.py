"""Planting records of the tiny province: areas, survival, plan and carbon, worked by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
from shapely.geometry import Polygon, box

from sinks.biomass.growth import growth_curve
from sinks.run import Options, check_study, run_study
from tests.tiny import CRS, NORTH, WEST, cell, rows_of, run_tables, write_tiny

KEYS = 'kind = "planting"\nrecord = "id"\nyear = "planted"\nspecies = "tree"\n'
AREA = 'area = "mu"\narea_unit = "亩"\n'


def cells(col0: float, row0: float, col1: float, row1: float) -> Polygon:
    return box(WEST + 100 * col0, NORTH - 100 * row1, WEST + 100 * col1, NORTH - 100 * row0)


#: Name: polygon, year, species, declared mu. 甲县 is columns 0–3; its rows 0, 1 of columns 2, 3
#: are cropland in 2010 and forest in 2015.
RECORDS: dict[str, tuple[Polygon, Any, str, float | None]] = {
    "grown": (cells(2, 0, 4, 2), 2011, "杉木", 60.0),
    "half": (cells(2, 1, 4, 3), "2011-03-12", "马尾松", 75.0),
    "old": (cells(0, 3, 2, 4), 2012, "杉木", None),
    "border": (cells(3, 3, 5, 4), 2012, "未知树", 30.0),
    "out": (cells(11, 0, 13, 1), 2012, "", 30.0),
}


def with_records(
    folder: Path, *, records: dict[str, Any] = RECORDS, keys: str = KEYS + AREA, crs: str = CRS
) -> Path:
    study = write_tiny(folder)
    shapes, years, trees, areas = zip(*records.values(), strict=True)
    frame = gpd.GeoDataFrame(
        {"id": list(records), "planted": [str(y) for y in years], "tree": trees, "mu": areas},
        geometry=list(shapes), crs=CRS,
    )  # fmt: skip
    frame.to_crs(crs).to_file(folder / "planting.gpkg")
    text = f'\n[[overlays]]\nname = "p"\npath = "planting.gpkg"\n{keys}'
    study.write_text(study.read_text("utf-8") + text, "utf-8")
    return study


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    return run_tables(with_records(tmp_path_factory.mktemp("planting")))


def test_forest_share_of_every_record(tables: dict[str, pd.DataFrame]) -> None:
    rows = tables["planting"]
    assert rows["record"].tolist() == [name for name in RECORDS for _ in range(2)]

    def share(record: str, year: int) -> float:
        return float(cell(rows, "forest_pct", record=record, year=year))

    assert (share("grown", 2010), share("grown", 2015)) == (0, 100)
    assert (share("half", 2010), share("half", 2015)) == (0, 50)
    assert (share("old", 2010), share("old", 2015)) == (100, 100), "it was forest before"
    assert (share("border", 2010), share("border", 2015)) == (0, 0)
    assert cell(rows, "valid_ha", record="out", year=2015) == pytest.approx(1)
    assert cell(rows, "age", record="half", year=2010) == -1
    assert cell(rows, "age", record="half", year=2015) == 4


def test_where_records_lie_and_what_they_share(tables: dict[str, pd.DataFrame]) -> None:
    rows = rows_of(tables["planting"], year=2015).set_index("record")
    assert rows["drawn_ha"].to_dict() == pytest.approx(
        {"grown": 4, "half": 4, "old": 2, "border": 2, "out": 2}, rel=1e-4
    )
    # "grown" and "half" share row 1 of columns 2 and 3.
    assert rows["overlap_ha"].to_dict() == pytest.approx(
        {"grown": 2, "half": 2, "old": 0, "border": 0, "out": 0}, rel=1e-4
    )
    outside = rows["outside_regions_ha"].to_dict()
    assert outside == pytest.approx({**dict.fromkeys(RECORDS, 0), "out": 1}, rel=1e-4, abs=1e-6)
    assert rows["declared_ha"].fillna(-1).to_dict() == pytest.approx(
        {"grown": 4, "half": 5, "old": -1, "border": 2, "out": 2}
    )
    assert rows.loc["out", "region_code"] == "0203"


def test_carbon_expected_and_on_the_map(tables: dict[str, pd.DataFrame]) -> None:
    rows = tables["planting"]
    # Whole trees at 4 years, half of it carbon (0.47, IPCC 2006), on the 4 ha that were declared.
    curve = growth_curve("chinese_fir")
    assert curve is not None
    expected = float(curve.at([4.0])[0]) * 0.47 * 4
    assert cell(rows, "expected_t_c", record="grown", year=2015) == pytest.approx(
        expected, rel=1e-9
    )
    assert pd.isna(cell(rows, "expected_t_c", record="grown", year=2010)), "not planted yet"
    assert pd.isna(cell(rows, "expected_t_c", record="border", year=2015)), "no such species"
    # Forest above ground has 44 t C/ha in 2015; the tiny province knows no roots.
    assert cell(rows, "map_t_c", record="grown", year=2015) == pytest.approx(4 * 44)
    assert cell(rows, "map_t_c", record="half", year=2015) == pytest.approx(2 * 44)
    assert cell(rows, "map_t_c", record="grown", year=2010) == 0


def test_totals_by_region_against_the_plan(tables: dict[str, pd.DataFrame]) -> None:
    rows = tables["planting_regions"]
    own = rows_of(rows, region_code="0101", planted_year=2011)
    assert own["planted_ha"].item() == pytest.approx(9, rel=1e-4)
    assert own["planted_mu"].item() == pytest.approx(135, rel=1e-4)
    assert own["verified_ha"].item() == pytest.approx(4 + 2.5, rel=1e-4)
    assert own["plan_mu"].item() == 2_600_000
    assert own["share_of_plan_pct"].item() == pytest.approx(100 * 135 / 2.6e6, rel=1e-4)
    # "border" is half in 甲县, half in 乙县; half of "out" is in no county at all.
    later = rows_of(rows, planted_year=2012, level="region").set_index("region_code")
    assert later["planted_ha"].to_dict() == pytest.approx(
        {"0101": 2 + 1, "0102": 1, "0203": 1}, rel=1e-4
    )
    assert later["records"].to_dict() == {"0101": 2, "0102": 1, "0203": 1}
    whole = rows_of(rows, planted_year=2012, level="study")
    assert whole["planted_ha"].item() == pytest.approx(5, rel=1e-4)
    assert whole["records"].item() == 3


def test_what_is_wrong_with_records_is_told(tmp_path: Path) -> None:
    problems = {item.code: item.text("en") for item in check_study(with_records(tmp_path))}
    assert "out" in problems["planting.outside"]
    assert "grown, half" in problems["planting.overlap"]


def test_no_figure_of_the_regions_moves(tmp_path: Path) -> None:
    plain = run_study(write_tiny(tmp_path / "a"), tmp_path / "a/out", options=Options(parts=()))
    done = run_study(with_records(tmp_path / "b"), tmp_path / "b/out", options=Options(parts=()))
    for path in sorted((plain.root / "tables").glob("*.csv")):
        assert path.read_bytes() == (done.root / "tables" / path.name).read_bytes(), path.name


def test_records_in_degrees_are_the_same(tmp_path: Path, tables: dict[str, pd.DataFrame]) -> None:
    other = run_tables(with_records(tmp_path, crs="EPSG:4326"))["planting"]
    for column in ("forest_ha", "drawn_ha", "overlap_ha"):
        wanted = tables["planting"][column].to_numpy()
        assert other[column].to_numpy() == pytest.approx(wanted, abs=1e-3)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"grown": (cells(2, 0, 4, 2), "spring", "杉木", 60.0)}, "planting.year"),
        ({"grown": (cells(2, 0, 4, 2), 2011, "杉木", -5.0)}, "planting.area"),
    ],
)
def test_bad_cells_are_refused(change: dict[str, Any], code: str, tmp_path: Path) -> None:
    study = with_records(tmp_path, records=RECORDS | change)
    assert code in {item.code for item in check_study(study)}


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ('kind = "planting"\n', "study.missing_key"),
        (KEYS + 'area = "mu"\n', "study.missing_key"),
        ('year = "planted"\n', "study.planting_key"),
    ],
)
def test_keys_that_do_not_fit_are_refused(keys: str, code: str, tmp_path: Path) -> None:
    study = with_records(tmp_path, keys=keys)
    assert code in {item.code for item in check_study(study)}


def test_the_report_and_the_workbook_hold_it(tmp_path: Path) -> None:
    parts = ("regions", "report", "workbook")
    done = run_study(with_records(tmp_path), tmp_path / "out", options=Options(parts=parts))
    report = (done.root / "report.html").read_text("utf-8")
    assert "Planting by year, whole study area" in report
