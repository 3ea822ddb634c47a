"""Copies the rows of a sheet that are repeated; all that belongs to the others moves with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any

from openpyxl.cell.cell import Cell
from openpyxl.formatting.formatting import ConditionalFormattingList
from openpyxl.worksheet.cell_range import MultiCellRange
from openpyxl.worksheet.worksheet import Worksheet

from sinks.template.shift import Rows, area, formula

#: Writes what stands in a cell: gets the cell, its old value, its old row, and which copy it is.
Write = Callable[[Cell, Any, int, int], None]


@dataclass(frozen=True)
class _Kept:
    """A cell before its sheet was cleared."""

    row: int
    column: int
    value: Any
    style: Any
    comment: Any
    link: Any


def relaid(page: Worksheet, sheets: Mapping[str, Rows], *, write: Write) -> None:
    """Lay a sheet anew with its repeated rows.

    Parameters
    ----------
    page : Worksheet
        Changed in place.
    sheets : mapping of name to Rows
        Where the rows of every sheet come to lie.
    write : callable
    """
    rows = sheets[page.title]
    kept = [
        _Kept(cell.row, cell.column, getattr(cell, "value", None), copy(cell._style),
              copy(cell.comment), copy(cell.hyperlink))
        for _, cell in sorted(page._cells.items())
    ]  # fmt: skip
    heights = {row: copy(shape) for row, shape in page.row_dimensions.items()}
    merged = [part.bounds for part in page.merged_cells.ranges]
    for left, top, right, bottom in merged:
        page.unmerge_cells(start_row=top, start_column=left, end_row=bottom, end_column=right)
    page._cells.clear()  # cell by cell: a sheet may have one in its last corner
    page.row_dimensions.clear()
    for item in kept:
        for number in range(rows.counts.get(item.row, 1)):
            cell = page.cell(rows.first(item.row) + number, item.column)
            cell._style = copy(item.style)
            if item.comment is not None and number == 0:
                cell.comment = copy(item.comment)
            if item.link is not None:
                cell.hyperlink = item.link.target
            write(cell, item.value, item.row, number)
    _heights(page, heights, rows=rows)
    _merge(page, merged, rows=rows)
    _moved_areas(page, sheets)


def _heights(page: Worksheet, heights: Mapping[int, Any], *, rows: Rows) -> None:
    for row, shape in heights.items():
        for number in range(rows.counts.get(row, 1)):
            own = page.row_dimensions[rows.first(row) + number]
            own.height, own.hidden = shape.height, shape.hidden
            own.outlineLevel = shape.outlineLevel


def _merge(page: Worksheet, merged: list[tuple[int, int, int, int]], *, rows: Rows) -> None:
    for left, top, right, bottom in sorted(merged):
        copies = rows.counts.get(top, 1) if top == bottom else 1
        for number in range(copies):
            start, end = (
                (rows.first(top) + number,) * 2 if top == bottom else rows.span(top, bottom)
            )
            if (start, left) != (end, right) and end >= start:
                page.merge_cells(start_row=start, start_column=left, end_row=end, end_column=right)


def _moved_areas(page: Worksheet, sheets: Mapping[str, Rows]) -> None:
    """Move what refers to cells by their places: filters, print areas, conditions, tables."""
    rows, name = sheets[page.title], page.title
    _moved_print(page, rows)
    if page.auto_filter.ref:
        page.auto_filter.ref = area(page.auto_filter.ref, rows)
    if page.freeze_panes:
        page.freeze_panes = area(str(page.freeze_panes), rows).partition(":")[0]
    for table in page.tables.values():
        table.ref = area(table.ref, rows)
        if table.autoFilter is not None:
            table.autoFilter.ref = area(table.autoFilter.ref, rows)
    for rule in page.data_validations.dataValidation:
        rule.sqref = MultiCellRange(area(str(rule.sqref), rows))
    conditions = page.conditional_formatting
    page.conditional_formatting = ConditionalFormattingList()
    for condition in conditions:
        for rule in condition.rules:
            rule.formula = [formula(f"={words}", sheets, sheet=name)[1:] for words in rule.formula]
            page.conditional_formatting.add(area(str(condition.sqref), rows), rule)


def _moved_print(page: Worksheet, rows: Rows) -> None:
    """Move the area to print, the rows repeated on every page, and the breaks between pages."""
    if page.print_area:
        parts = str(page.print_area).split(",")
        page.print_area = ",".join(area(part.rpartition("!")[2], rows) for part in parts)
    if page.print_title_rows:
        page.print_title_rows = area(page.print_title_rows, rows)
    for stop in page.row_breaks.brk:
        stop.id = rows.last(stop.id)
