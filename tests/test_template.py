"""A bureau's own workbook: filled with the tables' numbers, its looks kept, nothing dangerous."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.formatting.rule import CellIsRule
from openpyxl.styles import Border, Font, Side
from openpyxl.worksheet.datavalidation import DataValidation
from typer.testing import CliRunner

from sinks.checks import Problems, Severity
from sinks.cli import app
from sinks.errors import InputProblems, UnusableOption
from sinks.folder import sha256_of
from sinks.results import Results
from sinks.run import Options, check_study, run_study
from sinks.template import FILLED, write_filled
from sinks.template.reading import open_template
from sinks.template.shift import Rows, area, formula
from sinks.template.terms import Known, Term, term_of
from sinks.verify import verify
from tests.tiny import write_tiny as write_inputs
from tests.tiny_results import CHANGE, FORMULA, MARKUP, NAMES, write_tiny

Page = Any
KNOWN = Known(
    (2010, 2015), frozenset({"ALL", "420101", "42.01"}), ("region", "prefecture"),
    frozenset({"forest"}), frozenset({"agb"}), frozenset({"carbon"}),
)  # fmt: skip


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return write_tiny(tmp_path_factory.mktemp("run") / "out")


def bureau(path: Path, change: Callable[[Any, Page], None] = lambda _book, _page: None) -> Path:
    """Write a form as a clerk would make it: title, head, one row to repeat, a sum, a note."""
    book = openpyxl.Workbook()
    page = book.active
    page.title = "汇总 表"
    page["A1"] = "{{study.title}}"
    page.merge_cells("A1:F1")
    for column, head in enumerate(("序号", "名称", "森林（亩）", "碳储量", "变化", "每亩"), 1):
        page.cell(3, column, head).font = Font(bold=True)
    row = ("{{row}}", "{{region_name}}", "{{forest_mu@2015}}", "{{stock_t_c}}",
           "｛｛change_t_c＠2010-2015｝｝", "=D4/C4")  # fmt: skip
    for column, words in enumerate(row, 1):
        cell = page.cell(4, column, words)
        cell.border = Border(bottom=Side(style="thin"))
        cell.number_format = "#,##0" if column in (4, 5) else "General"
    page.row_dimensions[4].height = 21
    page["A5"], page["C5"], page["D5"] = "合计", "=SUM(C4)", "=SUM(D4:D4)"
    page["E5"], page["F5"] = "=SUM('汇总 表'!E4:E4)", "=D5/$C$5"
    page["A6"] = "全省 {{ALL.stock_t_c@last}} 吨碳"
    page.merge_cells("A6:F6")
    page.row_dimensions[6].height = 33
    page.print_area, page.print_title_rows, page.freeze_panes = "A1:F6", "1:3", "C4"
    second = book.create_sheet("封面")
    second["A1"], second["A2"] = "=SUM('汇总 表'!D4:D4)", "='汇总 表'!D5"
    change(book, page)
    book.save(path)
    return path


def filled(results: Results, template: Path) -> Any:
    out = template.parent / FILLED
    write_filled(results, template, path=out)
    return openpyxl.load_workbook(out)


def at(table: pd.DataFrame, column: str, code: str, **keys: Any) -> float:
    for name, value in {"region_code": code, **keys}.items():
        table = table[table[name] == value]
    return float(table[column].iloc[0])


def test_one_row_becomes_one_for_every_region(results: Results, tmp_path: Path) -> None:
    page = filled(results, bureau(tmp_path / "b.xlsx"))["汇总 表"]
    regions = results.tables["regions"]
    for number, code in enumerate(sorted(NAMES)):
        cells = [cell.value for cell in page[4 + number]]
        assert cells[0] == number + 1
        assert cells[1] == NAMES[code]
        assert cells[2] == pytest.approx(at(regions, "forest_ha", code, year=2015) * 15)
        assert cells[3] == pytest.approx(at(regions, "stock_t_c", code, year=2015))
        assert cells[4] == CHANGE[code]
        assert cells[5] == f"=D{4 + number}/C{4 + number}"
        assert page.cell(4 + number, 4).number_format == "#,##0"
        assert page.cell(4 + number, 3).number_format != "General"
        assert page.cell(4 + number, 1).border.bottom.style == "thin"
        assert page.row_dimensions[4 + number].height == 21


def test_what_lies_below_moves_with_its_formulas(results: Results, tmp_path: Path) -> None:
    book = filled(results, bureau(tmp_path / "b.xlsx"))
    page = book["汇总 表"]
    assert [page[f"{column}7"].value for column in "ACDEF"] == [
        "合计", "=SUM(C4:C6)", "=SUM(D4:D6)", "=SUM('汇总 表'!E4:E6)", "=D7/$C$7",
    ]  # fmt: skip
    assert page["A1"].value == "三县小省 <b>"
    total = at(results.tables["regions"], "stock_t_c", "ALL", year=2015)
    assert page["A8"].value == f"全省 {float(f'{total:.4g}'):,.0f} 吨碳"
    assert page.row_dimensions[8].height == 33
    assert {str(part) for part in page.merged_cells.ranges} == {"A1:F1", "A8:F8"}
    assert page.print_area == "'汇总 表'!$A$1:$F$8"
    assert page.print_title_rows == "$1:$3"
    assert page.freeze_panes == "C4"
    assert book["封面"]["A1"].value == "=SUM('汇总 表'!D4:D6)"
    assert book["封面"]["A2"].value == "='汇总 表'!D7"


def test_names_from_data_are_never_formulas(results: Results, tmp_path: Path) -> None:
    page = filled(results, bureau(tmp_path / "b.xlsx"))["汇总 表"]
    shown = {page.cell(row, 2).value: page.cell(row, 2) for row in (4, 5, 6)}
    assert set(shown) == {"青山县", MARKUP, FORMULA}
    assert all(cell.data_type == "s" for cell in shown.values())
    assert shown[FORMULA].quotePrefix
    with zipfile.ZipFile(tmp_path / FILLED) as parts:
        body = parts.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>HYPERLINK" not in body
    assert "<f>=" not in body


def test_rows_of_parents_strata_and_targets(results: Results, tmp_path: Path) -> None:
    def change(_book: Any, page: Page) -> None:
        page["A8"], page["B8"] = "{{#prefecture}}", "{{region_name}}"
        page["C8"], page["D8"] = "{{area_ha[forest]@first}}", "{{stock_t_c[forest/soil]@2015}}"
        page["A10"] = "{{420101.stock_t_co2@2010}}"
        page["B10"] = "{{420101.detectable@2010-2015}}"
        page["C10"] = "{{ALL.stock_wan_t_c@2015}}"

    page = filled(results, bureau(tmp_path / "b.xlsx", change))["汇总 表"]
    stock = results.tables["stock"]
    # 甲市 holds 420101 and 420102, 乙市 420201: in the order of their counties' codes.
    assert [page[f"B{row}"].value for row in (10, 11)] == ["甲市", "乙市"]
    assert page["A10"].value is None
    for row, codes in ((10, ("420101", "420102")), (11, ("420201",))):
        keys = {"stratum": "forest", "pool": "soil"}
        areas = sum(at(stock, "area_ha", code, year=2010, **keys) for code in codes)
        stocks = sum(at(stock, "stock_t_c", code, year=2015, **keys) for code in codes)
        assert page[f"C{row}"].value == pytest.approx(areas)
        assert page[f"D{row}"].value == pytest.approx(stocks)
    regions = results.tables["regions"]
    assert page["A13"].value == pytest.approx(
        at(regions, "stock_t_c", "420101", year=2010) * 44 / 12
    )
    assert page["B13"].value == "增加"
    assert page["C13"].value == pytest.approx(at(regions, "stock_t_c", "ALL", year=2015) / 1e4)


def test_conditions_and_checks_move_along(results: Results, tmp_path: Path) -> None:
    def change(book: Any, page: Page) -> None:
        rule = CellIsRule(operator="lessThan", formula=["$D$5"], font=Font(color="FF0000"))
        page.conditional_formatting.add("D4:D4", rule)
        valid = DataValidation(type="decimal", operator="greaterThan", formula1="0")
        valid.add("D4:D5")
        page.add_data_validation(valid)
        book.defined_names["total"] = openpyxl.workbook.defined_name.DefinedName(
            "total", attr_text="'汇总 表'!$D$5"
        )

    book = filled(results, bureau(tmp_path / "b.xlsx", change))
    page = book["汇总 表"]
    condition = next(iter(page.conditional_formatting))
    assert str(condition.sqref) == "D4:D6"
    assert condition.rules[0].formula == ["$D$7"]
    assert str(page.data_validations.dataValidation[0].sqref) == "D4:D7"
    assert book.defined_names["total"].attr_text == "'汇总 表'!$D$7"


def test_equal_runs_give_equal_bytes(results: Results, tmp_path: Path) -> None:
    template = bureau(tmp_path / "b.xlsx")
    write_filled(results, template, path=tmp_path / "1.xlsx")
    write_filled(results, template, path=tmp_path / "2.xlsx")
    assert (tmp_path / "1.xlsx").read_bytes() == (tmp_path / "2.xlsx").read_bytes()


@pytest.mark.parametrize(
    ("words", "code", "near"),
    [
        ("{{forrest_ha}}", "template.unknown_name", "forest_ha"),
        ("{{stock_t_c@2014}}", "template.unknown_year", "2015"),
        ("{{change_t_c@2015-2010}}", "template.unknown_year", "2010-2015"),
        ("{{420109.stock_t_c}}", "template.unknown_region", "420101"),
        ("{{area_ha[forst]}}", "template.unknown_key", "forest"),
        ("{{#province}}", "template.unknown_name", "#prefecture"),
        ("{{study.titel}}", "template.unknown_name", "title"),
        ("{{}}", "template.unknown_name", "region_name"),
        ('="{{region_name}}"', "template.in_formula", ""),
    ],
)
def test_what_cannot_be_filled_is_named_by_sheet_and_cell(
    results: Results, tmp_path: Path, words: str, code: str, near: str
) -> None:
    def change(_book: Any, page: Page) -> None:
        page["B9"] = words

    with pytest.raises(InputProblems) as raised:
        write_filled(results, bureau(tmp_path / "b.xlsx", change), path=tmp_path / "out.xlsx")
    problem = raised.value.problems[0]
    assert (problem.code, problem.place) == (code, "汇总 表!B9")
    assert near in problem.part("expected")
    assert not (tmp_path / "out.xlsx").exists()


def rezipped(path: Path, **parts: bytes) -> Path:
    """Write a workbook again with parts of it added or replaced."""
    names = {"macro": "xl/vbaProject.bin", "link": "xl/externalLinks/externalLink1.xml",
             "rels": "xl/_rels/workbook.xml.rels", "bomb": "xl/media/zero.bin",
             "types": "[Content_Types].xml", "book": "xl/workbook.xml",
             "data": "xl/connections.xml", "chart": "xl/charts/chart1.xml"}  # fmt: skip
    added = {names[key]: content for key, content in parts.items()}
    source = path.read_bytes()
    with (
        zipfile.ZipFile(BytesIO(source)) as old,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            if name not in added:
                new.writestr(name, old.read(name))
        for name, content in added.items():
            new.writestr(name, content)
    return path


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ({"macro": b"x"}, "template.refused"),
        ({"link": b"<externalLink/>"}, "template.refused"),
        ({"data": b"<connections/>"}, "template.refused"),
        ({"types": b"<Types>application/vnd.ms-excel.sheet.macroEnabled.main+xml</Types>"},
         "template.refused"),
        ({"rels": b'<Relationships><Relationship Type="x/oleObject" TargetMode="External" '
                  b'Target="file:///etc/passwd"/></Relationships>'}, "template.refused"),
        ({"bomb": bytes(101 << 20)}, "template.too_large"),
        ({"book": b'<!DOCTYPE x [<!ENTITY a "b">]><workbook/>'}, "template.unreadable"),
        ({"book": b"<workbook"}, "template.unreadable"),
    ],
)  # fmt: skip
def test_dangerous_workbooks_are_refused(
    tmp_path: Path, parts: dict[str, bytes], code: str
) -> None:
    problems = Problems("en")
    path = rezipped(bureau(tmp_path / "b.xlsx"), **parts)
    assert open_template(path, problems, file="b.xlsx") is None
    assert code in {problem.code for problem in problems}


@pytest.mark.parametrize("content", [b"", b"not a workbook", b"PK\x03\x04"])
def test_what_is_no_workbook_is_refused(tmp_path: Path, content: bytes) -> None:
    problems = Problems("en")
    (tmp_path / "b.xlsx").write_bytes(content)
    assert open_template(tmp_path / "b.xlsx", problems, file="b.xlsx") is None
    assert problems.of(Severity.ERROR)


def test_charts_are_said_to_be_lost(tmp_path: Path) -> None:
    problems = Problems("en")
    path = rezipped(bureau(tmp_path / "b.xlsx"), chart=b"<chart/>")
    assert open_template(path, problems, file="b.xlsx") is not None
    assert [problem.code for problem in problems] == ["template.lost"]


@given(
    st.dictionaries(st.integers(1, 40), st.integers(1, 50), max_size=4),
    st.integers(1, 40), st.integers(0, 39),
)  # fmt: skip
def test_a_range_holds_all_that_its_rows_became(
    counts: dict[int, int], low: int, more: int
) -> None:
    """Rows one after the other: every copy of every row in the range, and nothing else."""
    rows, new, place = Rows(counts), {}, 1
    for row in range(1, 81):
        new[row] = list(range(place, place + counts.get(row, 1)))
        place += counts.get(row, 1)
    start, end = rows.span(low, low + more)
    inside = [copy for row in range(low, low + more + 1) for copy in new[row]]
    assert list(range(start, end + 1)) == inside
    assert area(f"$B${low}:D{low + more}", rows) == f"$B${start}:D{end}"


@pytest.mark.parametrize(
    ("words", "moved"),
    [
        ("=SUM(C6)", "=SUM(C6:C15)"),
        ("=IF(A7>0,\"C6\",B$5)", "=IF(A16>0,\"C6\",B$5)"),
        ("=SUM(C:C)+total", "=SUM(C:C)+total"),
        ("=Other!C7+'my sheet'!$C$7", "=Other!C7+'my sheet'!$C$16"),
        ("=ROUND(C7*1.5E6,2)&LOG10(7)", "=ROUND(C16*1.5E6,2)&LOG10(7)"),
    ],
)  # fmt: skip
def test_formulas_move(words: str, moved: str) -> None:
    assert formula(words, {"my sheet": Rows({6: 10})}, sheet="my sheet") == moved


@pytest.mark.parametrize(
    ("words", "term"),
    [
        ("forest_mu", Term("", "forest_ha", "", (2015,), 15.0)),
        ("42.01.stock_t_c@first", Term("42.01", "stock_t_c", "", (2010,))),
        ("low_t_c@2010–2015", Term("", "low_t_c", "", (2010, 2015))),
        ("low_t_c", Term("", "low_t_c", "", (2015,))),
        ("share_achieved[carbon]", Term("", "share_achieved", "carbon", ())),
        ("area_wan_mu[forest]@2010", Term("", "area_ha", "forest", (2010,), 15e-4)),
    ],
)
def test_placeholders_are_understood(words: str, term: Term) -> None:
    found = term_of(words, KNOWN)
    assert isinstance(found, Term)
    assert found.factor == pytest.approx(term.factor)
    assert (found.where, found.name, found.key, found.when) == (
        term.where, term.name, term.key, term.when,
    )  # fmt: skip


def study_with(folder: Path, name: str) -> Path:
    study = write_inputs(folder, language="zh")
    text = study.read_text(encoding="utf-8") + f'[output]\ntemplate = "{name}"\n'
    study.write_text(text, encoding="utf-8")
    return study


def test_a_run_fills_the_studys_template(tmp_path: Path) -> None:
    study = study_with(tmp_path / "in", "bureau.xlsx")
    bureau(tmp_path / "in" / "bureau.xlsx")
    done = run_study(study, tmp_path / "out", options=Options(parts=("workbook",), workers=1))
    verify(tmp_path / "out")
    page = openpyxl.load_workbook(tmp_path / "out" / FILLED)["汇总 表"]
    whole = done.tables["regions"]
    count = len(whole[whole["level"] == "region"]["region_code"].unique())
    values = [page.cell(4 + place, 4).value for place in range(count)]
    assert sum(values) == pytest.approx(at(whole, "stock_t_c", "ALL", year=done.last))
    named = {item["path"]: item for item in done.meta["inputs"]}
    assert named["bureau.xlsx"]["role"] == "template"
    assert len(named["bureau.xlsx"]["sha256"]) == 64
    assert FILLED in done.meta["outputs"]


def test_check_finds_what_a_template_asks_for_in_vain(tmp_path: Path) -> None:
    def change(_book: Any, page: Page) -> None:
        page["B9"], page["B10"] = "{{stok_t_c}}", "{{forest_ha@1999}}"

    study = study_with(tmp_path / "in", "bureau.xlsx")
    bureau(tmp_path / "in" / "bureau.xlsx", change)
    found = {problem.code: problem.place for problem in check_study(study)}
    assert found["template.unknown_name"] == "汇总 表!B9"
    assert found["template.unknown_year"] == "汇总 表!B10"
    missing = study_with(tmp_path / "other", "none.xlsx")
    assert "study.no_such_file" in {problem.code for problem in check_study(missing)}


def test_the_command_fills_a_template_of_a_finished_run(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_study(write_inputs(tmp_path / "in"), out, options=Options(parts=("workbook",), workers=1))
    template = bureau(tmp_path / "form.xlsx")
    runner = CliRunner()
    done = runner.invoke(app, ["workbook", str(out), "--template", str(template)])
    assert done.exit_code == 0, done.output
    verify(out)
    noted = Results.open(out).meta["template"]
    assert noted == {"name": "form.xlsx", "sha256": sha256_of(template)}
    refused = runner.invoke(app, ["workbook", str(out), "--template", str(tmp_path / "none.xlsx")])
    assert isinstance(refused.exception, UnusableOption)
