"""A user's CSV as rows of text: one way to open one, plain words about what is wrong with it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sinks.checks import Problems, first_few
from sinks.limits import Limits
from sinks.texts import text

#: How workbooks begin (xlsx and xls): people rename them to .csv.
WORKBOOKS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
#: How web pages and XML begin: a failed download.
PAGES: Final = (b"<!", b"<?", b"<html", b"<HTML")
#: The line by which Excel says what parts the cells; not a row.
SEP_LINE: Final = re.compile(r"\A\ufeff?sep=([,;\t|])\r?\n", re.IGNORECASE)
#: Columns of a table.
MOST_COLUMNS: Final = 1_000
#: What spreadsheets of other countries part cells with, and its name.
SEPARATORS: Final = {"\t": "tab", ";": ";", "|": "|"}


@dataclass(frozen=True)
class Row:
    """One row of a user's table: its line in the file, and its cells by column name."""

    line: int
    cells: Mapping[str, str]

    def __getitem__(self, title: str) -> str:
        return self.cells[title]


def read_rows(
    path: Path,
    *,
    required: Iterable[str],
    shown: str,
    problems: Problems,
    limits: Limits | None = None,
) -> list[Row] | None:
    """Read a user's CSV: UTF-8 with or without BOM; cells are stripped text.

    GB18030 and cells parted by tabs or semicolons are taken, too, and told as repairs.

    Parameters
    ----------
    path : Path
    required : iterable of str
        Columns the table must have; others are kept.
    shown : str
        The file as messages name it.
    problems : Problems
        Gets what is wrong with the file as a whole.
    limits : Limits, optional

    Returns
    -------
    list of Row, or None if the table cannot be used
    """
    limits = limits or Limits()
    data = _content(path, shown=shown, problems=problems, most_mb=limits.table_mb)
    if data is None:
        return None
    return parse_rows(data, required, shown=shown, problems=problems, limits=limits)


def _content(path: Path, *, shown: str, problems: Problems, most_mb: int) -> bytes | None:
    try:
        # A pipe or a device would never end: only files are opened.
        if path.exists() and not path.is_file():
            problems.error("table.not_a_file", file=shown)
            return None
        with path.open("rb") as stream:
            data = stream.read((most_mb << 20) + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        problems.error("table.unreadable", file=shown, reason=reason)
        return None
    if len(data) > most_mb << 20:
        problems.error("table.too_large", file=shown, limit=most_mb)
        return None
    return data


def parse_rows(
    data: bytes,
    required: Iterable[str],
    *,
    shown: str,
    problems: Problems,
    limits: Limits | None = None,
) -> list[Row] | None:
    """Take the bytes of a CSV apart, as `read_rows` does with a file."""
    content = _decoded(data, shown=shown, problems=problems)
    if content is None:
        return None
    numbered = _numbered(content, limits or Limits(), shown=shown, problems=problems)
    if numbered is None:
        return None
    if len(numbered) < 2:
        problems.error("table.empty", file=shown, count=len(numbered))
        return None
    return _rows(numbered, tuple(required), shown=shown, problems=problems)


def _decoded(data: bytes, *, shown: str, problems: Problems) -> str | None:
    if data.startswith(WORKBOOKS):
        problems.error("table.workbook", file=shown)
        return None
    if data.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(PAGES):
        problems.error("table.page", file=shown)
        return None
    for encoding in ("utf-8-sig", "gb18030") if b"\x00" not in data else ():
        try:
            content = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "gb18030":
            problems.repair("table.gb18030", file=shown)
        return content
    problems.error("table.encoding", file=shown)
    return None


def _separator(content: str) -> str:
    """Return what the first line with content parts its cells with; a comma if in doubt."""
    first = next((line for line in content.splitlines() if line.strip()), "")
    return next((mark for mark in SEPARATORS if mark in first and "," not in first), ",")


def _numbered(
    content: str, limits: Limits, *, shown: str, problems: Problems
) -> list[tuple[int, list[str]]] | None:
    """Return the rows that hold anything, with their lines."""
    said = SEP_LINE.match(content)
    skipped = 0
    if said:
        problems.repair("table.sep_line", file=shown)
        content, skipped = content[said.end() :], 1
    separator = said[1] if said else _separator(content)
    if separator != ",":
        problems.repair("table.separator", file=shown, found=SEPARATORS[separator])
    reader = csv.reader(io.StringIO(content, newline=""), strict=True, delimiter=separator)
    numbered: list[tuple[int, list[str]]] = []
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if max(map(len, cells), default=0) > limits.field_chars:
                place = _line(reader.line_num + skipped, problems)
                most = limits.field_chars
                problems.error("table.long_cell", file=shown, place=place, limit=most)
                return None
            if any(cells):
                numbered.append((reader.line_num + skipped, cells))
            if len(cells) > MOST_COLUMNS:
                problems.error("table.too_wide", file=shown, count=len(cells), limit=MOST_COLUMNS)
                return None
            if len(numbered) > limits.table_rows + 1:
                problems.error("table.too_many_rows", file=shown, limit=limits.table_rows)
                return None
    except csv.Error as error:
        place = _line(reader.line_num + skipped, problems)
        problems.error("table.not_csv", file=shown, place=place, reason=str(error))
        return None
    return numbered


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
