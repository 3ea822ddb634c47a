"""The transition matrix as inline SVG: what each stratum became, shaded by area."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from sinks.report.charts import WIDTH
from sinks.report.svg import GREY, INK, PALE, box, clipped, label, picture, text_width
from sinks.wording import MINUS

#: Darkest shades: of land that moved and of carbon lost, and of carbon gained.
MOVED = (122, 62, 20)
GAINED = (11, 79, 74)


def matrix(
    title: str,
    names: Sequence[tuple[str, str]],
    *,
    cells: Sequence[Sequence[float]],
    unit: str,
    corner: tuple[str, str],
    signed: bool = False,
) -> Markup:
    """Draw transitions as a table shaded by size: rows are what was, columns what became of it.

    Parameters
    ----------
    names : sequence of (label, colour)
        The strata, in the order of rows and columns.
    cells : sequence of rows
        Sizes in `unit`; the diagonal is land that stayed as it was and is not shaded.
    corner : (str, str)
        What rows and columns are called.
    signed : bool
        Sizes are gains and losses, in two colours, of the land that stayed, too.
    """
    side = min(165.0, 26 + max((text_width(name, 10) for name, _ in names), default=0.0))
    head = min(150.0, 24 + max((text_width(name, 10) for name, _ in names), default=0.0))
    cell = min(64.0, (WIDTH - side - 8) / max(1, len(names)))
    tall = 17.0
    moved = [
        abs(value)
        for index, row in enumerate(cells)
        for column, value in enumerate(row)
        if signed or index != column
    ]
    top = max([*moved, 0.0])
    parts = [
        label((0, head - 8), f"{corner[0]} ↓", size=9.5, fill=GREY),
        label((0, head - 22), f"{corner[1]} →", size=9.5, fill=GREY),
        label((0, 8), unit, size=10, fill=GREY),
    ]
    for index, (name, colour) in enumerate(names):
        x, y = side + (index + 0.5) * cell, head + (index + 0.5) * tall
        parts.append(box((x - 5, head - 10, 10, 6), colour))
        parts.append(label((x, head - 14), clipped(name, head - 16, size=10), size=10, turn=-90.0))
        parts.append(box((0, y - 5, 10, 10), colour))
        parts.append(label((15, y), clipped(name, side - 18, size=10), size=10))
        origin = (side, head + index * tall)
        stays = None if signed else index
        parts += _matrix_row(cells[index], stays, origin=origin, size=(cell, tall), top=top)
    return picture((WIDTH, head + tall * len(names) + 4), parts, title=title)


def _matrix_row(
    row: Sequence[float],
    index: int | None,
    *,
    origin: tuple[float, float],
    size: tuple[float, float],
    top: float,
) -> list[Markup]:
    """Return the cells of one row of a matrix; the one at `index` is not shaded."""
    parts = []
    for column, value in enumerate(row):
        x = origin[0] + column * size[0]
        share = math.sqrt(abs(value) / top) if top > 0 and column != index else 0.0
        shade = PALE if column == index else _blend(share, GAINED if index is None else MOVED)
        shade = _blend(share, MOVED) if value < 0 else shade
        parts.append(box((x, origin[1], size[0], size[1]), shade, stroke="#fff", stroke_width=0.8))
        words = _size_text(value, signed=index is None)
        dark = share > 0.6 and column != index
        fill = "#fff" if dark else GREY if column == index else INK
        middle = (x + size[0] / 2, origin[1] + size[1] / 2)
        if words:
            parts.append(label(middle, words, anchor="middle", size=8.5, fill=fill))
    return parts


def _size_text(value: float, *, signed: bool) -> str:
    """Return a size in few digits: blank for none, a sign before what rounds to zero."""
    if value == 0:
        return ""
    sign = "" if not signed else MINUS if value < 0 else "+"
    size = abs(value)
    if size < 0.005 and not signed:
        return "<0.01"
    places = 2 if size < 0.095 else 1 if size < 99.95 else 0
    return f"{sign}{size:,.{places}f}"


def _blend(share: float, dark: tuple[int, int, int]) -> str:
    """Return a colour between white and the darkest shade."""
    mixed = [round(255 + (end - 255) * min(1.0, share)) for end in dark]
    return "#" + "".join(f"{value:02x}" for value in mixed)
