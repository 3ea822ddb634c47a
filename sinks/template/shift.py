"""Rows that are repeated push the rest down: where every row, range and formula comes to lie."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from openpyxl.formula import Tokenizer
from openpyxl.formula.tokenizer import Token

#: A cell, a range, or whole rows, with or without a sheet before it.
REFERENCE: Final = re.compile(
    r"(?P<sheet>(?:'(?:[^']|'')+'|[^'!:]+)!)?"
    r"(?P<c1>\$?[A-Za-z]{1,3})?(?P<d1>\$?)(?P<r1>\d+)"
    r"(?::(?P<c2>\$?[A-Za-z]{1,3})?(?P<d2>\$?)(?P<r2>\d+))?"
)


@dataclass(frozen=True)
class Rows:
    """Where the rows of a sheet come to lie: `counts` copies of each row that is repeated."""

    counts: Mapping[int, int]

    def first(self, row: int) -> int:
        """Return the new row of a row, of a repeated one its first copy."""
        return row + sum(count - 1 for own, count in self.counts.items() if own < row)

    def last(self, row: int) -> int:
        """Return the new row of a row, of a repeated one its last copy."""
        return self.first(row) + self.counts.get(row, 1) - 1

    def span(self, low: int, high: int) -> tuple[int, int]:
        """Return the new ends of a range of rows."""
        return self.first(low), self.last(high)


def area(reference: str, rows: Rows) -> str:
    """Return a range or a list of ranges, as areas to print are, after the shift.

    Examples
    --------
    >>> area("$A$1:$C$9", Rows({6: 10}))
    '$A$1:$C$18'
    """

    def moved(found: re.Match[str]) -> str:
        return _moved(found, rows, own=0, copy=0, spread=True)

    return REFERENCE.sub(moved, reference)


def formula(
    words: str, sheets: Mapping[str, Rows], *, sheet: str, own: int = 0, copy: int = 0
) -> str:
    """Return a formula as it reads after the shift.

    Parameters
    ----------
    words : str
        With its equals sign.
    sheets : mapping of name to Rows
    sheet : str
        Where the formula stands.
    own, copy : int
        If it stands in a row that is repeated: that row, and which copy this is, from 0.

    Notes
    -----
    A reference to a repeated row means all of its copies (``SUM(C6)`` becomes ``SUM(C6:C108)``);
    within the row itself it means the same copy.

    Examples
    --------
    >>> formula("=SUM(C6:C6)/C$2", {"s": Rows({6: 103})}, sheet="s")
    '=SUM(C6:C108)/C$2'
    >>> formula("=C6/D6", {"s": Rows({6: 103})}, sheet="s", own=6, copy=2)
    '=C8/D8'
    """
    tokens = Tokenizer(words)
    parts = []
    for token in tokens.items:
        if token.type == Token.OPERAND and token.subtype == Token.RANGE:
            parts.append(_reference(token.value, sheets, sheet=sheet, own=own, copy=copy))
        else:
            parts.append(token.value)
    return "=" + "".join(parts)


def _reference(words: str, sheets: Mapping[str, Rows], *, sheet: str, own: int, copy: int) -> str:
    found = REFERENCE.fullmatch(words)
    if found is None:
        return words  # a name, or whole columns
    named = (found["sheet"] or "").removesuffix("!").strip("'").replace("''", "'")
    rows = sheets.get(named or sheet)
    if rows is None:
        return words
    here = own if not named or named == sheet else 0
    return _moved(found, rows, own=here, copy=copy, spread=True)


def _moved(found: re.Match[str], rows: Rows, *, own: int, copy: int, spread: bool) -> str:
    low = int(found["r1"])
    high = int(found["r2"] or low)
    if own and low == high == own:
        start = end = rows.first(own) + copy
    else:
        start, end = rows.span(low, high)
    sheet, c1, d1 = found["sheet"] or "", found["c1"] or "", found["d1"]
    head = f"{sheet}{c1}{d1}{start}"
    if found["r2"] is not None:
        return f"{head}:{found['c2'] or ''}{found['d2']}{end}"
    return f"{head}:{c1}{d1}{end}" if spread and end > start else head
