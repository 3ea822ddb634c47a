"""How a sheet is laid out: title row, unit line, headings, totals first, then the rows.

Text is only ever written as text: a name that begins with ``=``, ``+``, ``-`` or ``@`` stays one.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

#: Excel's longest text in a cell.
LONGEST_TEXT = 32_767
#: Rows of a sheet; what is longer is cut and says so (Excel itself ends at 1,048,576).
MOST_ROWS = 200_000
WIDEST, NARROWEST = 44.0, 7.0
A4 = 9
INK, ACCENT, PALE, RULE = "#22302F", "#0B4F4A", "#EEF2F1", "#B9C3C1"


@dataclass(frozen=True)
class Column:
    """One column: its heading with the unit, and how its values are written.

    `kind` is ``text``, ``year``, ``number``, ``share`` or ``probability``.
    """

    name: str
    heading: str
    kind: str = "text"


@dataclass(frozen=True)
class Sheet:
    """One sheet: `totals` stand above `rows`; every row is a mapping by column name."""

    name: str
    title: str
    unit: str
    columns: Sequence[Column]
    rows: Sequence[dict[str, Any]]
    totals: Sequence[dict[str, Any]] = field(default_factory=tuple)
    frozen: int = 0
    note: str = ""


@dataclass(frozen=True)
class Formats:
    """The cell formats of a workbook."""

    title: Format
    unit: Format
    heading: Format
    note: Format
    book: Workbook
    footer: str

    def cell(self, number: str | None, *, total: bool = False) -> Format:
        """Return the format of a body cell; XlsxWriter merges equal ones."""
        look: dict[str, Any] = {"border": 1, "border_color": RULE, "valign": "vcenter"}
        if number:
            look["num_format"] = number
        if total:
            look.update(bold=True, bg_color=PALE)
        return self.book.add_format(look)


def formats_of(book: Workbook, *, footer: str) -> Formats:
    """Return the formats of the fixed parts of a sheet."""
    heading = {"bold": True, "text_wrap": True, "align": "center", "valign": "vcenter"}
    return Formats(
        title=book.add_format(
            {"bold": True, "font_size": 16, "align": "center", "valign": "vcenter"}
        ),
        unit=book.add_format({"font_color": "#5D6A68", "text_wrap": True, "valign": "top"}),
        heading=book.add_format({**heading, "border": 1, "border_color": RULE, "bg_color": PALE}),
        note=book.add_format({"text_wrap": True, "valign": "top"}),
        book=book,
        footer=footer,
    )


def put_text(sheet: Worksheet, cell: tuple[int, int], *, words: str, look: Format) -> None:
    """Write text as text, whatever it begins with."""
    sheet.write_string(*cell, str(words)[:LONGEST_TEXT], look)


def number_format(values: Sequence[Any], kind: str) -> str | None:
    """Return how a column's numbers are shown: decimals only where the numbers are small."""
    fixed = {"year": "0", "share": "0.0%", "probability": "0.000", "text": None}
    if kind in fixed:
        return fixed[kind]
    finite = [abs(float(item)) for item in values if _is_number(item)]
    biggest = max(finite, default=0.0)
    if biggest >= 1e5:
        return "#,##0"
    return "#,##0.00" if biggest >= 10 else "#,##0.0000"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def text_columns(words: str) -> float:
    """Return how many digits wide a text is; a Chinese character takes two."""
    return float(sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in words))


def _width(column: Column, rows: Sequence[dict[str, Any]]) -> float:
    """Return a width that shows the values and breaks a long heading in two or three."""
    longest = text_columns(column.heading) / 2
    for row in rows[:2000]:
        value = row.get(column.name, "")
        shown = f"{value:,.2f}" if _is_number(value) and column.kind == "number" else str(value)
        longest = max(longest, text_columns(shown))
    return min(max(longest + 2, NARROWEST), WIDEST)


def write_sheet(book: Workbook, sheet: Sheet, *, formats: Formats) -> Worksheet:
    """Write one sheet.

    Parameters
    ----------
    book : Workbook
    sheet : Sheet
    formats : Formats

    Returns
    -------
    Worksheet
        Frozen below the headings, filtered, set to print one page wide with headings repeated.
    """
    page = book.add_worksheet(sheet.name)
    last = len(sheet.columns) - 1
    rows = [*sheet.totals, *sheet.rows][:MOST_ROWS]
    head(page, sheet, formats=formats)
    for place, column in enumerate(sheet.columns):
        put_text(page, (2, place), words=column.heading, look=formats.heading)
        page.set_column(place, place, _width(column, rows))
        number = number_format([row.get(column.name) for row in rows], column.kind)
        looks = [formats.cell(number, total=total) for total in (False, True)]
        for index, row in enumerate(rows):
            look = looks[index < len(sheet.totals)]
            put_value(page, (3 + index, place), value=row.get(column.name), look=look)
    page.set_row(2, 32)
    page.freeze_panes(3, sheet.frozen)
    if rows:
        page.autofilter(2, 0, 2 + len(rows), last)
    print_setup(page, (2 + max(len(rows), 1), last), footer=formats.footer)
    return page


def head(page: Worksheet, sheet: Sheet, *, formats: Formats) -> None:
    """Write the title row and the unit line across the sheet."""
    last = len(sheet.columns) - 1
    for row, words, look in ((0, sheet.title, formats.title), (1, sheet.unit, formats.unit)):
        if last:
            page.merge_range(row, 0, row, last, "", look)
        put_text(page, (row, 0), words=words, look=look)
    page.set_row(0, 30)
    page.set_row(1, 30 if sheet.note else 18)
    if sheet.note:
        put_text(page, (1, 0), words=f"{sheet.unit}\n{sheet.note}", look=formats.unit)


def put_value(page: Worksheet, cell: tuple[int, int], *, value: Any, look: Format) -> None:
    """Write a number as a number, nothing as nothing, anything else as text."""
    if _is_number(value):
        page.write_number(*cell, float(value), look)
    elif value is None or value == "" or isinstance(value, float):
        page.write_blank(*cell, None, look)
    else:
        put_text(page, cell, words=str(value), look=look)


def print_setup(page: Worksheet, last: tuple[int, int], *, footer: str) -> None:
    """Set up A4 landscape, one page wide, headings on every page, who filled it below."""
    page.set_landscape()
    page.set_paper(A4)
    page.fit_to_pages(1, 0)
    page.repeat_rows(0, 2)
    page.print_area(0, 0, *last)
    page.set_margins(left=0.5, right=0.5, top=0.6, bottom=0.7)
    page.set_footer(footer)
