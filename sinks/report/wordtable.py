"""Tables of the Word document: thin rules, columns as wide as what stands in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Mm, Pt

from sinks.report.svg import text_width

#: Size of the text [pt], an em of it and the empty sides of a cell [mm].
SIZE: Final = 8
EM: Final = SIZE * 25.4 / 72
SIDES: Final = 2.6
#: A column of sentences is wide enough at so many ems, and never narrower than so many.
LONGEST, SHORTEST = 30.0, 4.0
ACCENT, RULE, SHADE = "0B4F4A", "D5DCDA", "F3F6F5"
LOOK: Final = (
    f"<w:tblPr {nsdecls('w')}><w:tblW w:w='0' w:type='auto'/><w:tblBorders>"
    f"<w:top w:val='single' w:sz='8' w:color='{ACCENT}'/>"
    f"<w:bottom w:val='single' w:sz='8' w:color='{ACCENT}'/>"
    f"<w:insideH w:val='single' w:sz='4' w:color='{RULE}'/></w:tblBorders>"
    "<w:tblLayout w:type='fixed'/><w:tblCellMar><w:top w:w='28' w:type='dxa'/>"
    "<w:left w:w='68' w:type='dxa'/>"
    "<w:bottom w:w='28' w:type='dxa'/><w:right w:w='68' w:type='dxa'/></w:tblCellMar>"
    "</w:tblPr>"
)


@dataclass(frozen=True)
class Cell:
    """A cell: its text, how many columns it spans, and how it looks."""

    words: str
    span: int = 1
    bold: bool = False
    right: bool = False
    #: Never broken into lines of its own accord.
    whole: bool = False


@dataclass(frozen=True)
class Row:
    """A row of cells; a head is repeated on every page, a shaded one stands out."""

    cells: tuple[Cell, ...]
    head: bool = False
    shaded: bool = False


def widths(rows: Sequence[Row], columns: int, *, room: float) -> list[float]:
    """Return the width of each column [mm]: what its cells need, then what they would like.

    Examples
    --------
    >>> row = Row((Cell("神农架林区的森林碳储量"), Cell("12,345", right=True, whole=True)))
    >>> [round(width) for width in widths([row], 2, room=100.0)]
    [60, 40]
    """
    least, liked = [SHORTEST] * columns, [SHORTEST] * columns
    for row in rows:
        place = 0
        for cell in row.cells:
            lines = [text_width(line, 1.0) for line in cell.words.split("\n")] or [0.0]
            if cell.span == 1 and place < columns:
                longest = max(lines)
                words = [text_width(word, 1.0) for word in cell.words.split()] or [0.0]
                need = longest if cell.whole else min(max(words), SHORTEST * 2)
                least[place] = max(least[place], need)
                liked[place] = max(liked[place], min(longest, LONGEST))
            place += cell.span
    needed = [EM * value + SIDES for value in least]
    wanted = [max(EM * value + SIDES, own) for value, own in zip(liked, needed, strict=True)]
    if sum(wanted) <= room:
        spare = (room - sum(wanted)) / columns
        return [width + spare for width in wanted]
    if sum(needed) >= room:
        return [width * room / sum(needed) for width in needed]
    part = (room - sum(needed)) / (sum(wanted) - sum(needed))
    return [low + part * (high - low) for low, high in zip(needed, wanted, strict=True)]


def add_table(document: Any, rows: Sequence[Row], *, columns: int, room: float) -> None:
    """Write a table of `columns` into the document, `room` [mm] wide."""
    made = document.add_table(rows=0, cols=columns)
    sides = widths(rows, columns, room=room)
    made._tbl.replace(made._tbl.tblPr, parse_xml(LOOK))
    for grid, width in zip(made._tbl.tblGrid.gridCol_lst, sides, strict=True):
        grid.w = Mm(width)
    for row in rows:
        shown = made.add_row()
        marks = shown._tr.get_or_add_trPr()
        marks.append(marks.makeelement(qn("w:cantSplit"), {}))
        if row.head:
            marks.append(marks.makeelement(qn("w:tblHeader"), {}))
        _fill_row(shown.cells, row, sides=sides)
    document.add_paragraph().paragraph_format.space_after = Pt(2)


def _fill_row(cells: Any, row: Row, *, sides: Sequence[float]) -> None:
    """Write a row's cells; the last may span more columns than are left."""
    place = 0
    for cell in row.cells:
        span = min(cell.span, len(cells) - place)
        if span < 1:
            break
        made = cells[place] if span == 1 else cells[place].merge(cells[place + span - 1])
        made.width = Mm(sum(sides[place : place + span]))
        if row.shaded:
            made._tc.get_or_add_tcPr().append(
                parse_xml(f"<w:shd {nsdecls('w')} w:val='clear' w:fill='{SHADE}'/>")
            )
        paragraph = made.paragraphs[0]
        paragraph.paragraph_format.space_after = Pt(0)
        paragraph.paragraph_format.keep_with_next = row.head
        run = paragraph.add_run(cell.words)
        run.font.size, run.font.bold = Pt(SIZE), cell.bold or None
        if cell.right:
            paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
        place += span
