"""The way to a target as inline SVG: what was measured, what may come with its band, the target."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from sinks.report.charts import WIDTH, Axis, Mark, key
from sinks.report.svg import (
    ACCENT,
    GREY,
    INK,
    LOSS,
    Point,
    box,
    element,
    label,
    line,
    picture,
    text_width,
)

#: Height of the drawing, and where its field begins and ends.
HEIGHT: Final = 250.0
TOP: Final = 40.0
LEFT: Final = 66.0
BAND: Final = "#dbe9e7"
#: Years with a label at most.
LABELS: Final = 13


def fan(
    title: str, measured: Sequence[Mark], *, projected: Sequence[Mark], goal: Mark | None,
    unit: str, names: Sequence[str],
) -> Markup:  # fmt: skip
    """Draw measured values, the projection with its interval, and the target.

    Parameters
    ----------
    title : str
        For readers who do not see it.
    measured, projected : sequence of Mark
        Labels are the years; the projection begins at the last measured year that it starts from.
    goal : Mark, optional
        What is required, at its year.
    unit : str
    names : sequence of str
        What measured, projected and required are called.
    """
    marks = [*measured, *projected, *([goal] if goal else [])]
    ends = [
        end for mark in marks for end in (mark.low, mark.high, mark.value) if math.isfinite(end)
    ]
    room = (max(ends) - min(ends)) * 0.1 or 1.0
    axis = Axis((min(ends) - room, max(ends) + room), (HEIGHT - 28, TOP))
    years = [float(mark.label) for mark in marks]
    across = Axis((min(years), max(years)), (LEFT + 14, WIDTH - 24))

    def spot(mark: Mark, value: float) -> Point:
        return across.at(float(mark.label)), axis.at(value)

    colours = [(INK, names[0]), (ACCENT, names[1]), *([(LOSS, names[2])] if goal else [])]
    width = sum(30 + text_width(words, 10) for _, words in colours)
    parts = [label((0, 10), unit, size=10, fill=GREY), *key(colours, (WIDTH - width, 10))[0]]
    parts += axis.rungs(LEFT)
    band = [mark for mark in projected if math.isfinite(mark.low) and math.isfinite(mark.high)]
    edge = [spot(mark, mark.high) for mark in band]
    edge += [spot(mark, mark.low) for mark in reversed(band)]
    parts.append(element("polygon", points=_points(edge), fill=BAND))
    course = _points([spot(mark, mark.value) for mark in projected])
    parts.append(
        element(
            "polyline", points=course, fill="none", stroke=ACCENT, stroke_width=2.0,
            stroke_dasharray="6 3",
        )
    )  # fmt: skip
    seen = _points([spot(mark, mark.value) for mark in measured])
    parts.append(element("polyline", points=seen, fill="none", stroke=INK, stroke_width=1.6))
    for mark in measured:
        x, y = spot(mark, mark.value)
        if math.isfinite(mark.low) and math.isfinite(mark.high):
            parts.append(line(spot(mark, mark.low), spot(mark, mark.high), stroke=INK, width=1.4))
        parts.append(element("circle", cx=x, cy=y, r=4.0, fill=INK))
    if goal is not None:
        x, y = spot(goal, goal.value)
        parts.append(line((x - 14, y), (x + 14, y), stroke=LOSS, width=2.4))
        parts.append(box((x - 3, y - 3, 6, 6), LOSS, transform=f"rotate(45 {x:.1f} {y:.1f})"))
    shown = sorted({int(year) for year in years})
    every = max(1, math.ceil(len(shown) / LABELS))
    for place, year in enumerate(shown):
        if place % every == 0 or (year == shown[-1] and place % every > every // 2):
            at = (across.at(float(year)), HEIGHT - 12)
            parts.append(label(at, str(year), anchor="middle", size=9.5, fill=GREY))
    return picture((WIDTH, HEIGHT), parts, title=title)


def _points(spots: Sequence[Point]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
