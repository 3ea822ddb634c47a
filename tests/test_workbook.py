"""The workbook: numbers are numbers, text is text, totals first, and the chain's formulas hold."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

from sinks.results import Results
from sinks.texts import has_text
from sinks.workbook import layout, write_workbook
from tests.conftest import ROOT
from tests.tiny_results import CHANGE, FORMULA, MARKUP, write_tiny

Book = openpyxl.Workbook
SHEETS = {
    "zh": [
        "摘要", "分区汇总表", "碳储量", "分级统计", "变化", "地类转移", "目标", "面积账",
        "参数", "碳变化归因", "计算链",
    ],
    "en": [
        "Summary", "Regions at a glance", "Stock", "Regions by level", "Change", "Transitions",
        "Targets", "Area account", "Parameters", "Causes of change",
        "Why this number",
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return write_tiny(tmp_path_factory.mktemp("zh") / "out")


@pytest.fixture(scope="module")
def path(results: Results, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("book") / "workbook.xlsx"
    write_workbook(results, path)
    return path


@pytest.fixture(scope="module")
def book(path: Path) -> Book:
    return openpyxl.load_workbook(path)


def rows_of(book: Book, name: str) -> list[dict[str, Any]]:
    """Return the rows under the headings, by heading."""
    values = list(book[name].iter_rows(min_row=3, values_only=True))
    return [dict(zip(values[0], row, strict=True)) for row in values[1:]]


def cells(book: Book) -> Iterator[Any]:
    for sheet in book:
        for row in sheet.iter_rows():
            yield from row


def test_names_stay_text(book: Book) -> None:
    shown = [cell for cell in cells(book) if cell.value in (FORMULA, MARKUP, "@SUM(1+1)*cmd")]
    assert {cell.value for cell in shown} == {FORMULA, MARKUP, "@SUM(1+1)*cmd"}
    assert {cell.data_type for cell in shown} == {"s"}


def test_formulas_stand_on_the_last_sheet_alone(book: Book) -> None:
    formulas = {cell.parent.title for cell in cells(book) if cell.data_type == "f"}
    assert formulas == {"计算链"}
    assert not [cell for cell in cells(book) if cell.hyperlink]


def test_equal_results_give_equal_bytes(results: Results, path: Path, tmp_path: Path) -> None:
    write_workbook(results, tmp_path / "again.xlsx")
    assert (tmp_path / "again.xlsx").read_bytes() == path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        assert {item.date_time[0] for item in archive.infolist()} == {1980}
        dates = re.findall(r">(\d{4})-\d\d-\d\dT", archive.read("docProps/core.xml").decode())
        assert dates == ["1980", "1980"]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_sheets_are_named_in_the_language(tmp_path: Path, language: str) -> None:
    write_workbook(write_tiny(tmp_path / "out", language=language), tmp_path / "w.xlsx")
    assert openpyxl.load_workbook(tmp_path / "w.xlsx").sheetnames == SHEETS[language]


def test_overview_has_the_bureaus_layout(book: Book) -> None:
    sheet = book["分区汇总表"]
    assert sheet["A1"].value == "三县小省 <b> 分区汇总表"
    assert sheet["A2"].value.startswith("单位：公顷、吨碳")
    rows = rows_of(book, "分区汇总表")
    assert [row["名称"] for row in rows] == ["合计", "青山县", MARKUP, FORMULA]
    assert [row["代码"] for row in rows] == [None, "420101", "420102", "420201"]
    assert sheet.freeze_panes == "C4"
    assert sheet.print_area == f"'分区汇总表'!$A$1:$N${3 + len(rows)}"
    assert sheet.page_setup.paperSize == 9


def test_headings_are_in_the_readers_language(book: Book) -> None:
    heads = [cell.value for sheet in book for cell in sheet[3] if isinstance(cell.value, str)]
    assert len(heads) > 50
    assert not [head for head in heads if re.fullmatch(r"[a-z0-9_]+", head)]


def test_every_documented_column_has_a_heading() -> None:
    page = (ROOT / "docs/outputs.md").read_text(encoding="utf-8")
    page = page[page.index("## `tables/stock.csv`") : page.index("## Other files")]
    firsts = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    lists = [line for line in page.splitlines() if line.startswith("`")]
    names = set(re.findall(r"`([a-z0-9_]+)`", " ".join(firsts + lists)))
    assert len(names) > 150
    told = {"note_zh", "note_en", "survey", "broad"}  # one column of two; words of the prose
    assert not sorted(name for name in names - told if not has_text(f"report.column.{name}"))


def test_every_printed_table_asks_who_filled_it_and_when(book: Book) -> None:
    for sheet in book.worksheets[1:]:
        footer = sheet.oddFooter
        assert "填表人" in footer.left.text, sheet.title
        assert "填表日期" in footer.right.text
        assert "/" in footer.center.text


def test_numbers_are_numbers_with_all_their_digits(book: Book, results: Results) -> None:
    rows = rows_of(book, "分区汇总表")
    heading = "2010—2015 年变化（吨碳）"
    assert {row["代码"]: row[heading] for row in rows[1:]} == CHANGE
    assert rows[0][heading] == sum(CHANGE.values())
    whole = results.tables["regions"].query("level == 'study' and year == 2015").iloc[0]
    assert rows[0]["2015 年碳储量（吨碳）"] == whole["stock_t_c"]
    assert rows[0]["占 2015 年总储量"] == 1


def test_codes_stay_text(book: Book) -> None:
    column = [cell for cell in book["变化"]["A"] if cell.value == "420101"]
    assert column
    assert {cell.data_type for cell in column} == {"s"}


def test_every_table_is_there_whole(book: Book, results: Results) -> None:
    names = dict(zip(SHEETS["en"][2:9], SHEETS["zh"][2:9], strict=True))
    order = ("stock", "regions", "change", "transitions", "targets", "coverage", "parameters")
    totals = {"stock": 2, "transitions": 1, "coverage": 2}
    for name, sheet in zip(order, names.values(), strict=True):
        expected = len(results.tables[name]) + totals.get(name, 0)
        assert len(rows_of(book, sheet)) == expected, name


def test_totals_stand_first(book: Book) -> None:
    for name in ("碳储量", "分级统计", "变化", "地类转移", "目标", "面积账"):
        assert rows_of(book, name)[0]["名称"] == "合计", name
    moved = rows_of(book, "地类转移")[0]
    assert moved["净变化（吨碳）"] == pytest.approx(sum(CHANGE.values()))
    areas = rows_of(book, "面积账")[0]
    assert areas["单元面积（公顷）"] == pytest.approx(478.5)


def test_coarse_levels_come_before_counties(book: Book) -> None:
    shown = [row["层级"] for row in rows_of(book, "变化")]
    assert shown == ["全部", "市（州）", "市（州）", "统计单元", "统计单元", "统计单元"]


def evaluated(formula: str, sheet: Any) -> float:
    """Evaluate the few formulas that the sheet holds, from the cells it names."""

    def value(name: str) -> float:
        inner = sheet[name].value
        return evaluated(inner, sheet) if isinstance(inner, str) else float(inner or 0)

    body = formula.removeprefix("=")
    if body == "0":
        return 0.0
    if match := re.fullmatch(r"SUM\(([A-Z]+)(\d+):\1(\d+)\)", body):
        column, top, bottom = match.groups()
        return sum(value(f"{column}{row}") for row in range(int(top), int(bottom) + 1))
    if match := re.fullmatch(r"IF\((\w+)=0,0,(\w+)/\1-1\)", body):
        under, over = match.groups()
        return 0.0 if value(under) == 0 else value(over) / value(under) - 1
    left, sign, right = re.fullmatch(r"(\w+)([*+])(\w+)", body).groups()  # type: ignore[union-attr]
    return value(left) * value(right) if sign == "*" else value(left) + value(right)


def test_chain_formulas_give_the_published_stock(path: Path, book: Book, results: Results) -> None:
    live, stored = book["计算链"], openpyxl.load_workbook(path, data_only=True)["计算链"]
    found = 0
    for row in live.iter_rows():
        for cell in row:
            if cell.data_type == "f":
                kept = stored[cell.coordinate].value
                assert evaluated(cell.value, live) == pytest.approx(kept, abs=1e-9)
                found += 1
    assert found > 8
    whole = results.tables["regions"].query("level == 'study' and year == 2015").iloc[0]
    last = live.max_row
    assert [live.cell(row, 1).value for row in (last - 2, last - 1, last)] == [
        "以上合计", "其余地类", "总计",
    ]  # fmt: skip
    assert stored.cell(last, 5).value == pytest.approx(whole["stock_t_c"])
    assert stored.cell(last, 6).value == pytest.approx(whole["stock_t_c"])


def test_chain_without_a_density_shows_the_implied_one(results: Results, tmp_path: Path) -> None:
    parameters = results.tables["parameters"]
    tables = {**results.tables, "parameters": parameters.head(0)}
    bare = Results(results.root, results.meta, tables, results.regions)
    write_workbook(bare, tmp_path / "w.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "w.xlsx")["计算链"]
    assert sheet["D4"].value == pytest.approx(42.0)
    assert "发布储量除以面积" in sheet["H4"].value


def test_long_table_is_cut_and_says_so(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sinks.workbook.sheets.MOST_ROWS", 120)
    tables = dict(results.tables)
    stock = tables["stock"]
    years = [stock.assign(year=year) for year in range(2010, 2016)]
    tables["stock"] = pd.concat(years, ignore_index=True)
    write_workbook(
        Results(results.root, results.meta, tables, results.regions), tmp_path / "w.xlsx"
    )
    book = openpyxl.load_workbook(tmp_path / "w.xlsx")
    assert "tables/stock.csv" in book["碳储量"]["A2"].value
    assert {row["年份"] for row in rows_of(book, "碳储量")} <= {2010, 2015}


def test_longest_text_fits_a_cell() -> None:
    assert layout.LONGEST_TEXT == 32_767


def test_synthetic_run_is_stamped_on_every_sheet(book: Book) -> None:
    for sheet in book:
        assert "合成示例" in f"{sheet['A1'].value}{sheet['A2'].value}", sheet.title


def test_no_table_is_left_out(results: Results, tmp_path: Path) -> None:
    """A table that the workbook has no words for stands under its own name."""
    more = {"something_new": pd.DataFrame({"what": ["=1+1"], "area_ha": [2.5]})}
    write_workbook(replace(results, tables={**results.tables, **more}), tmp_path / "w.xlsx")
    book = openpyxl.load_workbook(tmp_path / "w.xlsx")
    assert len(book.sheetnames) == len(results.tables) + 4
    cells = [cell.value for cell in book["something_new"][4]]
    assert cells == ["=1+1", 2.5]
    assert book["something_new"]["A4"].data_type == "s"
