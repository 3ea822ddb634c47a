"""A user's CSV as rows of text: one way to open one, plain words about what is wrong with it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sinks.checks import Problems, first_few
from sinks.texts import text

#: A user's table is a page or two; anything far larger is another file by mistake.
LARGEST_TABLE: Final = 20_000_000
#: How workbooks begin (xlsx and xls): people rename them to .csv.
WORKBOOKS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


@dataclass(frozen=True)
class Row:
    """One row of a user's table: its line in the file, and its cells by column name."""

    line: int
    cells: Mapping[str, str]

    def __getitem__(self, title: str) -> str:
        return self.cells[title]


def read_rows(
    path: Path, *, required: Iterable[str], shown: str, problems: Problems
) -> list[Row] | None:
    """Read a user's CSV: UTF-8 with or without BOM, or GB18030; cells are stripped text.

    Parameters
    ----------
    path : Path
    required : iterable of str
        Columns the table must have; others are kept.
    shown : str
        The file as messages name it.
    problems : Problems
        Gets what is wrong with the file as a whole.

    Returns
    -------
    list of Row, or None if the table cannot be used
    """
    data = _content(path, shown=shown, problems=problems)
    return None if data is None else parse_rows(data, required, shown=shown, problems=problems)


def _content(path: Path, *, shown: str, problems: Problems) -> bytes | None:
    try:
        # A pipe or a device would never end: only files are opened.
        if path.exists() and not path.is_file():
            problems.error("table.not_a_file", file=shown)
            return None
        with path.open("rb") as stream:
            data = stream.read(LARGEST_TABLE + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        problems.error("table.unreadable", file=shown, reason=reason)
        return None
    if len(data) > LARGEST_TABLE:
        problems.error("table.too_large", file=shown, limit=LARGEST_TABLE // 1_000_000)
        return None
    return data


def parse_rows(
    data: bytes, required: Iterable[str], *, shown: str, problems: Problems
) -> list[Row] | None:
    """Take the bytes of a CSV apart, as `read_rows` does with a file."""
    content = _decoded(data)
    if content is None:
        problems.error("table.encoding", file=shown)
        return None
    reader = csv.reader(io.StringIO(content, newline=""), strict=True)
    try:
        numbered = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except csv.Error as error:
        place = _line(reader.line_num, problems)
        problems.error("table.not_csv", file=shown, place=place, reason=str(error))
        return None
    numbered = [(line, row) for line, row in numbered if any(row)]
    if len(numbered) < 2:
        problems.error("table.empty", file=shown, count=len(numbered))
        return None
    return _rows(numbered, tuple(required), shown=shown, problems=problems)


def _decoded(data: bytes) -> str | None:
    if b"\x00" in data or data.startswith(WORKBOOKS):
        return None
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def _line(number: int, problems: Problems) -> str:
    return text("table.lines", problems.language, lines=number)


def _rows(
    numbered: list[tuple[int, list[str]]],
    required: tuple[str, ...],
    *,
    shown: str,
    problems: Problems,
) -> list[Row] | None:
    header = numbered[0][1]
    size = max(place for place, title in enumerate(header, start=1) if title)
    # Spreadsheets leave empty columns at the right, not always in every row.
    header = header[:size]
    body = [(line, row if any(row[size:]) else row[:size]) for line, row in numbered[1:]]
    missing = [title for title in required if title not in header]
    repeated = sorted({title for title in header if title and header.count(title) > 1})
    ragged = [line for line, row in body if len(row) != len(header)]
    language = problems.language
    if missing:
        problems.error(
            "table.columns",
            file=shown,
            place=_line(numbered[0][0], problems),
            required=", ".join(required),
            missing=", ".join(missing),
            found=first_few((title[:40] for title in header), language, count=12),
        )
    if repeated:
        problems.error("table.repeated_column", file=shown, names=first_few(repeated, language))
    if ragged:
        problems.error(
            "table.ragged",
            file=shown,
            columns=len(header),
            count=len(ragged),
            lines=first_few(ragged, language),
        )
    if missing or repeated or ragged:
        return None
    return [Row(line, dict(zip(header, row, strict=True))) for line, row in body]
