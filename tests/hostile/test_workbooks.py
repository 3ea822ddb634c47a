"""Workbooks of other people, as a sheet of plots and as a template: no bomb, no endless sheet."""

from __future__ import annotations

import os
import time
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import openpyxl
import pytest

from sinks.biomass.readers.sheets import read_sheet
from sinks.boundaries.reading import read_layer
from sinks.boundaries.vectors import Request
from sinks.checks import Problems, Severity
from sinks.errors import InputProblems
from sinks.limits import Limits
from sinks.repeat import recipe_of
from sinks.results import Results
from sinks.template import FILLED, write_filled
from sinks.template.reading import open_template
from tests.tiny_results import write_tiny

SMALL = Limits(table_mb=4)
SHEET = "xl/worksheets/sheet1.xml"
MERGED = b'<mergeCells count="1"><mergeCell ref="A1:XFD1048576"/></mergeCells>'


def plain() -> bytes:
    """Return a sheet of two plots, which is a template, too."""
    book = openpyxl.Workbook()
    for row in (["plot_id", "x"], ["a", "{{study.title}}"], ["b", 2]):
        book.active.append(row)
    return saved(book)


def saved(book: openpyxl.Workbook) -> bytes:
    stream = BytesIO()
    book.save(stream)
    return stream.getvalue()


def packed(change: Callable[[str, bytes], bytes]) -> bytes:
    """Return the workbook with its parts changed."""
    out = BytesIO()
    with zipfile.ZipFile(BytesIO(plain())) as old, zipfile.ZipFile(out, "w", 8) as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return out.getvalue()


def sheet(old: bytes, new: bytes) -> bytes:
    """Return the workbook with a piece of its sheet replaced."""
    return packed(lambda name, body: body.replace(old, new) if name == SHEET else body)


def damaged() -> bytes:
    """Return a workbook whose compressed data are broken."""
    data = bytearray(plain())
    at = data.index(b"sheet1.xml") + 10
    data[at : at + 40] = b"\xff" * 40
    return bytes(data)


def chart_alone() -> bytes:
    book = openpyxl.Workbook()
    book.create_chartsheet()
    book.remove(book.worksheets[0])
    return saved(book)


REFUSED: dict[str, Callable[[], bytes]] = {
    "merged": lambda: sheet(b"</sheetData>", b"</sheetData>" + MERGED),
    "damaged": damaged,
    "chart": chart_alone,
    "entity": lambda: sheet(b"<worksheet", b'<!DOCTYPE a [<!ENTITY b "c">]><worksheet'),
    "no-xml": lambda: sheet(b"<row ", b"<row <"),
    "bomb": lambda: packed(
        lambda name, body: b" " * (101 << 20) if name == "xl/styles.xml" else body
    ),
    "empty": lambda: b"",
}


@pytest.mark.parametrize("make", REFUSED.values(), ids=REFUSED)
def test_refused_as_both(make: Callable[[], bytes], tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(make())
    started = time.monotonic()
    for read in (read_sheet, open_template):
        problems = Problems("en")
        if read is read_sheet:
            assert read_sheet(path, shown="a.xlsx", problems=problems, limits=SMALL) is None
        else:
            assert open_template(path, problems, file="a.xlsx") is None
        (problem,) = problems.of(Severity.ERROR)
        assert problem.file == "a.xlsx"
        assert problem.text("zh")
    assert time.monotonic() - started < 10


def test_a_sheet_without_an_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(sheet(b'<row r="3"', b'<row r="99999999999"'))
    problems = Problems("en")
    assert read_sheet(path, shown="a.xlsx", problems=problems) is None
    assert [problem.code for problem in problems] == ["table.too_many_rows"]


def test_a_cell_in_the_last_corner_harms_nobody(tmp_path: Path) -> None:
    """Excel leaves such cells behind when whole columns were formatted."""
    path = tmp_path / "a.xlsx"
    corner = b'<row r="1048576"><c r="XFD1048576"/></row></sheetData>'
    path.write_bytes(sheet(b"</sheetData>", corner))
    rows = read_sheet(path, shown="a.xlsx", problems=Problems("en"))
    assert rows is not None
    assert [row["plot_id"] for row in rows] == ["a", "b"]
    results: Results = write_tiny(tmp_path / "out")
    write_filled(results, path, path=tmp_path / FILLED)
    assert openpyxl.load_workbook(tmp_path / FILLED).active["B2"].value == results.title


def test_what_never_ends_is_not_read(tmp_path: Path) -> None:
    problems = Problems("zh")
    assert open_template(Path("/dev/zero"), problems, file="a.xlsx") is None
    assert open_template(tmp_path, problems, file="b.xlsx") is None
    assert [problem.code for problem in problems] == ["template.unreadable"] * 2


def test_pipes_are_refused_where_a_command_names_a_file(tmp_path: Path) -> None:
    """Who opens a pipe that nobody writes to waits for ever."""
    pipe = tmp_path / "a.gpkg"
    os.mkfifo(pipe)
    problems = Problems("en")
    assert read_layer(pipe, Request("a.gpkg", ()), problems=problems) is None
    assert read_sheet(pipe, shown="a.gpkg", problems=problems) is None
    assert [problem.code for problem in problems] == ["regions.unreadable", "table.unreadable"]
    with pytest.raises(InputProblems, match="pipe"):
        recipe_of(pipe)
