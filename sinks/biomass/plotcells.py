"""Cells of a plot sheet as numbers and dates: mended where there is one reading, else refused."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Sequence
from typing import Final

from sinks.checks import Problems, first_few
from sinks.rows import Row
from sinks.texts import text

#: Numbers with thousands separators, ASCII or full-width: groups of three, at least one.
THOUSANDS: Final = re.compile(r"[+-]?\d{1,3}([,\uff0c' \u00a0]\d{3})+(\.\d+)?")
PLAIN: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
#: Day 0 of Excel's calendar, which takes 1900 for a leap year.
EXCEL_EPOCH: Final = dt.date(1899, 12, 30)
#: Serial numbers of Excel that can be the date of a survey: 1950 to 2099.
EXCEL_DAYS: Final = range(18_264, 73_051)
#: Dates as people write them, with signs or words between; year first, as month first and day
#: first cannot be told apart.
DATES: Final = (
    re.compile(r"(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})([T ].*)?"),
    re.compile(r"(?P<y>\d{4})[^\W\d_](?P<m>\d{1,2})[^\W\d_](?P<d>\d{1,2})[^\W\d_]?"),
    re.compile(r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})"),
)


class Notes:
    """What was found in the cells, kind by kind, with the rows where it was."""

    def __init__(self, shown: str, problems: Problems) -> None:
        self.shown, self.problems = shown, problems
        self.found: dict[str, list[str]] = {}

    def add(self, code: str, line: int, *, detail: str) -> None:
        """Note something in a row."""
        place = text("table.lines", self.problems.language, lines=line)
        self.found.setdefault(code, []).append(f"{place}: {detail[:60]}")

    def tell(self, say: Callable[..., None], code: str, **values: object) -> None:
        """Tell of one kind, if there was any, in one problem."""
        items = self.found.pop(code, [])
        if items:
            shown = first_few(items, self.problems.language)
            say(code, file=self.shown, count=len(items), items=shown, **values)


def number(cell: str, line: int, *, title: str, notes: Notes) -> float:
    """Return a cell's number, NaN if it is empty or none.

    Separators of thousands are taken out and noted; a decimal comma is not guessed.
    """
    if not cell:
        return math.nan
    if PLAIN.fullmatch(cell):
        return float(cell)
    if THOUSANDS.fullmatch(cell):
        notes.add("plots.thousands", line, detail=f"{title} = {cell}")
        return float(re.sub(r"[,\uff0c' \u00a0]", "", cell))
    notes.add("plots.not_a_number", line, detail=f"{title} = {cell}")
    return math.nan


def numbers(rows: Sequence[Row], found: tuple[str, float] | None, *, notes: Notes) -> list[float]:
    """Return a column in the unit of the schema, NaN throughout where the sheet has none."""
    if found is None:
        return [math.nan] * len(rows)
    title, factor = found
    return [number(row[title], row.line, title=title, notes=notes) * factor for row in rows]


def date(cell: str, line: int, *, title: str, notes: Notes) -> str:
    """Return a cell's date as ISO 8601, "" if it is empty or none.

    Excel's day numbers are turned into the dates that they stand for, and noted; a year alone
    stays one.
    """
    if not cell or re.fullmatch(r"(18|19|20|21)\d\d", cell):
        return cell
    if cell.isdigit() and int(cell) in EXCEL_DAYS:
        day = EXCEL_EPOCH + dt.timedelta(days=int(cell))
        notes.add("plots.excel_date", line, detail=f"{title} = {cell} → {day.isoformat()}")
        return day.isoformat()
    for pattern in DATES:
        match = pattern.fullmatch(cell)
        try:
            if match:
                return dt.date(*(int(match[part]) for part in "ymd")).isoformat()
        except ValueError:
            break
    notes.add("plots.date", line, detail=f"{title} = {cell}")
    return ""
