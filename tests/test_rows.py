"""Reading a user's CSV: encodings people have, and files that are not what they say."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinks.checks import Problems, Severity
from sinks.limits import Limits
from sinks.rows import Row, parse_rows, read_rows

TEXT = "code,name\n1,森林\n02,水\n"


def read(path: Path, *required: str) -> tuple[list[Row] | None, list[str], Problems]:
    problems = Problems("en")
    rows = read_rows(path, required=required, shown=path.name, problems=problems)
    return rows, [problem.code for problem in problems], problems


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk"])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends(tmp_path: Path, encoding: str, ends: str) -> None:
    path = tmp_path / "图例.csv"
    path.write_bytes(TEXT.replace("\n", ends).encode(encoding))
    rows, codes, _ = read(path, "code", "name")
    assert codes == ([] if encoding.startswith("utf") else ["table.gb18030"])
    assert rows is not None
    assert [(row.line, row["code"], row["name"]) for row in rows] == [
        (2, "1", "森林"),
        (3, "02", "水"),
    ]


def test_spreadsheet_habits_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(' code , name ,,\n1,"a, b",,\n\n,,,\n2, x ,\n', encoding="utf-8")
    rows, codes, _ = read(path, "code", "name")
    assert codes == []
    assert rows is not None
    assert [(row.line, dict(row.cells)) for row in rows] == [
        (2, {"code": "1", "name": "a, b"}),
        (5, {"code": "2", "name": "x"}),
    ]


def test_a_quoted_line_break_stays_in_its_cell(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('code,name\n1,"a\nb"\n', encoding="utf-8")
    rows, _, _ = read(path, "code")
    assert rows is not None
    assert rows[0]["name"] == "a\nb"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "table.empty"),
        (b"\n\n ,\n", "table.empty"),
        (b"code,name\n", "table.empty"),
        (b"PK\x03\x04 a workbook", "table.workbook"),
        ("code,name\n1,森林\n".encode("utf-16"), "table.encoding"),
        (b"code,name\n1,\x00\n", "table.encoding"),
        (b"code,name\n1,\xff\xff\xff\n", "table.encoding"),
        (b'code,name\n1,"never closed\n', "table.not_csv"),
        (b"code,name\n1," + b"x" * 200_000 + b"\n", "table.not_csv"),
        (b"code,name\n1," + b"x" * 20_000 + b"\n", "table.long_cell"),
        (b"Code,name\n1,a\n", "table.columns"),
        (b",,\n1,a,b\n", "table.empty"),
        (b"code,name,code\n1,a,2\n", "table.repeated_column"),
        (b"code,name\n1\n2,a,b\n", "table.ragged"),
    ],
)
def test_bad_files_are_refused_in_words(tmp_path: Path, content: bytes, code: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    rows, codes, problems = read(path, "code", "name")
    assert rows is None
    assert code in codes
    for problem in problems:
        assert problem.file == "t.csv"
        assert "{" not in problem.text("zh") + problem.text("en")


@pytest.mark.parametrize("separator", ["\t", ";", "|"])
def test_other_separators_are_taken_and_told(tmp_path: Path, separator: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(TEXT.replace(",", separator), encoding="utf-8")
    rows, codes, _ = read(path, "code", "name")
    assert codes == ["table.separator"]
    assert rows is not None
    assert rows[1]["name"] == "水"


def test_a_table_has_a_limit_of_rows(tmp_path: Path) -> None:
    problems = Problems("en")
    content = b"code\n" + b"1\n" * 4
    assert parse_rows(content, ["code"], shown="t", problems=problems, limits=Limits(table_rows=4))
    assert not parse_rows(
        content, ["code"], shown="t", problems=problems, limits=Limits(table_rows=3)
    )
    assert [problem.code for problem in problems] == ["table.too_many_rows"]


def test_missing_columns_are_named(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("stratum,code\nforest,1\n", encoding="utf-8")
    _, _, problems = read(path, "code", "stratum", "group", "colour")
    message = next(iter(problems)).text("en")
    assert "group, colour missing" in message
    assert "stratum, code" in message
    assert "line 1" in message


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    assert read(tmp_path)[1] == ["table.not_a_file"]
    assert read(tmp_path / "nothing.csv")[1] == ["table.unreadable"]
    assert read(tmp_path / "a\x00b.csv")[1] == ["table.unreadable"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_never_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    os.mkfifo(path)
    assert read(path)[1] == ["table.not_a_file"]


def test_a_huge_file_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    with path.open("wb") as stream:
        stream.truncate(Limits().table_mb << 26)
    assert read(path)[1] == ["table.too_large"]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_give_rows_or_a_problem(content: bytes) -> None:
    problems = Problems("en")
    rows = parse_rows(content, ["code"], shown="t.csv", problems=problems)
    assert (rows is None) == bool(problems.of(Severity.ERROR))
