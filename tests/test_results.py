"""Tables as files, and a finished run read back: text stays text, nothing becomes a formula."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinks.errors import OutputFailed
from sinks.escape import spreadsheet_cell
from sinks.results import MANIFEST, REGIONS, TABLES, Results, read_table, write_table
from sinks.run import Options, run_study
from tests.tiny import CODES, counties, target, write_tiny

FORMULAS = (
    '=HYPERLINK("http://x")',
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "＝1+1",
    "＋1",
    "－1",
    "＠SUM(A1)",
    "'=1",
    "''=1",
)
PLAIN = (
    "甲县",
    "O'Brien",
    "'t Hooft",
    "'",
    "-",
    "=",
    "+",
    "a=b",
    "NA",
    "nan",
    "null",
    "0101",
    "",
    "1e5",
)


def round_trip(table: pd.DataFrame, folder: Path) -> tuple[bytes, pd.DataFrame]:
    write_table(table, folder / "t.csv")
    return (folder / "t.csv").read_bytes(), read_table(folder / "t.csv")


def test_csv_is_for_excel_in_chinese(tmp_path: Path) -> None:
    table = pd.DataFrame({"region_code": ["0101"], "region_name": ["甲县"], "area_ha": [1234.5]})
    raw, _ = round_trip(table, tmp_path)
    assert raw == (
        b"\xef\xbb\xbfregion_code,region_name,area_ha\r\n" + "0101,甲县,1234.5\r\n".encode()
    )


def test_numbers_are_plain(tmp_path: Path) -> None:
    values = [1.0, -0.0, math.nan, 0.1 + 0.2, 1e-7, 123456789012.5, -1.5]
    raw, back = round_trip(pd.DataFrame({"area_ha": values, "level": "x"}), tmp_path)
    cells = raw.decode("utf-8-sig").split("\r\n")[1:-1]
    expected = ["1", "0", "", "0.3", "1e-07", "123456789012", "-1.5"]
    assert cells == [f"{number},x" for number in expected]
    assert back["area_ha"].dtype == float
    assert math.isnan(back["area_ha"].iloc[2])


def test_truth_years_and_gaps(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "detectable": np.array([True, False]),
            "start": pd.array([2010, None], dtype="Int64"),
            "verdict": ["met", None],
        }
    )
    raw, back = round_trip(table, tmp_path)
    assert raw.decode("utf-8-sig") == "detectable,start,verdict\r\ntrue,2010,met\r\nfalse,,\r\n"
    assert back["detectable"].tolist() == [True, False]
    assert back["start"].tolist() == [2010, pd.NA]
    assert back["verdict"].tolist() == ["met", ""]


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_are_neutralised_and_come_back(tmp_path: Path, text: str) -> None:
    raw, back = round_trip(pd.DataFrame({"region_name": [text]}), tmp_path)
    (_, (written,)) = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline="")))
    assert written == f"'{text}"
    assert back["region_name"].tolist() == [text]


@pytest.mark.parametrize("text", PLAIN)
def test_other_text_is_left_alone(tmp_path: Path, text: str) -> None:
    table = pd.DataFrame({"region_name": [text], "region_code": ["1"]})
    raw, back = round_trip(table, tmp_path)
    assert list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline="")))[1][0] == text
    assert back["region_name"].tolist() == [text]


cells = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12)
starts = st.sampled_from(["", "'", "''", "=", "+", "-", "@", "\t", "＝", "'＠", ","])


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(st.builds(str.__add__, starts, cells), min_size=1, max_size=5))
def test_any_text_comes_back(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    folder = tmp_path_factory.getbasetemp()
    raw, back = round_trip(pd.DataFrame({"region_name": texts, "level": "region"}), folder)
    assert back["region_name"].tolist() == texts
    rows = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline="")))[1:]
    assert not [row[0] for row in rows if len(row[0]) > 1 and row[0][0] in "=+-@\t\r＝＋－＠"]
    assert [row[0] for row in rows] == [spreadsheet_cell(text) for text in texts]


# A finished run


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Results:
    folder = tmp_path_factory.mktemp("results")
    study = write_tiny(folder, targets=[target(pools=["agb"])], language="zh")
    names = ["=cmd|' /C calc'!A0", "@乙县", "-丙县"]
    counties(name=names).to_file(folder / "counties.gpkg", layer="counties")
    return run_study(study, folder / "out", options=Options(parts=("regions", "workbook")))


def test_results_know_their_run(finished: Results) -> None:
    assert set(TABLES) <= set(finished.tables)
    assert (finished.language, finished.title) == ("zh", "A tiny province")
    assert (finished.years, finished.first, finished.last) == ([2010, 2015], 2010, 2015)
    assert finished.strata["stratum"].tolist() == ["forest", "crop", "lake", "town"]
    assert finished.strata["colour"].tolist() == ["#006400", "#ffcc00", "#0000ff", "#ff0000"]


def test_hostile_names_are_text_in_csv_and_whole_in_results(finished: Results) -> None:
    raw = (finished.root / "tables" / "change.csv").read_text(encoding="utf-8-sig")
    assert "\r\n0101,'=cmd|' /C calc'!A0,region," in raw.replace("\n", "\r\n").replace("\r\r", "\r")
    change = finished.tables["change"].set_index("region_code")["region_name"]
    assert change[list(CODES)].tolist() == ["=cmd|' /C calc'!A0", "@乙县", "-丙县"]


def test_hostile_names_are_text_in_the_workbook(finished: Results) -> None:
    book = openpyxl.load_workbook(finished.root / "workbook.xlsx")
    kinds = {
        entry.data_type
        for sheet in book
        for row in sheet.iter_rows()
        for entry in row
        if isinstance(entry.value, str) and entry.value.startswith(("=cmd", "@乙", "-丙"))
    }
    assert kinds == {"s"}


def test_codes_are_text_everywhere(finished: Results) -> None:
    for name, table in finished.tables.items():
        if "region_code" in table and len(table):
            assert set(CODES) <= set(table["region_code"]), name
    assert finished.regions["region_code"].tolist() == list(CODES)


def test_regions_of_a_run(finished: Results) -> None:
    frame = finished.regions
    assert frame.crs.to_epsg() == 6933, "the CRS of the study's own regions"
    columns = {"region_code", "region_name", "prefecture", "year", "start", "region_ha",
               "forest_ha", "wetland_ha", "stock_t_c", "se_t_c", "change_t_c", "change_se_t_c",
               "detectable"}  # fmt: skip
    assert columns <= set(frame.columns)
    assert frame["stock_t_c"].tolist() == [2068, 1520, 1437]
    assert frame["change_t_c"].tolist() == [268, 0, 69]
    assert frame.area.tolist() == pytest.approx([160_000] * 3)


@pytest.mark.parametrize(
    "harm",
    [
        "no folder",
        "no manifest",
        "half a manifest",
        "a list",
        "another language",
        "no table",
        "no geopackage inside",
    ],
)
def test_what_is_not_a_complete_run_is_refused(
    finished: Results, tmp_path: Path, harm: str
) -> None:
    root = tmp_path / "out"
    if harm != "no folder":
        for path in finished.root.rglob("*"):
            if path.is_file() and not path.name.startswith("."):
                copy = root / path.relative_to(finished.root)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(path.read_bytes())
        assert Results.open(root).years == [2010, 2015]
    manifest = root / MANIFEST

    def forge(**study: object) -> None:
        meta = dict(finished.meta) | {"study": dict(finished.meta["study"]) | study}
        manifest.write_text(json.dumps(meta), encoding="utf-8")

    changes: dict[str, Any] = {
        "no folder": lambda: None,
        "no manifest": manifest.unlink,
        "half a manifest": lambda: manifest.write_bytes(manifest.read_bytes()[:500]),
        "another language": lambda: forge(language="tlh"),
        "a list": lambda: manifest.write_text("[]", encoding="utf-8"),
        "no table": (root / "tables" / "change.csv").unlink,
        "no geopackage inside": lambda: (root / REGIONS).write_text("<OGRVRTDataSource/>", "utf-8"),
    }
    changes[harm]()
    with pytest.raises(OutputFailed) as raised:
        Results.open(root, "en")
    assert raised.value.exit_code == 3
    assert "no complete run" in str(raised.value)


def test_a_run_that_lost_a_file_since_it_was_written_is_none(
    finished: Results, tmp_path: Path
) -> None:
    (tmp_path / MANIFEST).write_text(json.dumps(finished.meta), encoding="utf-8")
    with pytest.raises(OutputFailed):
        Results.open(tmp_path, staged=finished)


def test_a_damaged_geopackage_is_refused(finished: Results, tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    for name in TABLES:
        source = finished.root / "tables" / f"{name}.csv"
        (tmp_path / "tables" / f"{name}.csv").write_bytes(source.read_bytes())
    (tmp_path / MANIFEST).write_text(json.dumps(finished.meta), encoding="utf-8")
    (tmp_path / REGIONS).write_bytes((finished.root / REGIONS).read_bytes()[:3000])
    with pytest.raises(OutputFailed):
        Results.open(tmp_path)
