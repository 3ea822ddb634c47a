"""The report's charts as inline SVG: stock, decomposition, counties, targets, path.

Each function takes plain rows with their labels, already scaled, and returns Markup; none reads a
table. Gains are blue-green and losses ochre throughout, which colour-blind readers can tell apart,
and sign or position always says it a second time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from sinks.report.svg import (
    ACCENT,
    GAIN,
    GREY,
    INK,
    LOSS,
    RULE,
    Point,
    box,
    clipped,
    element,
    label,
    line,
    nice_step,
    picture,
    text_width,
    tick_text,
    ticks,
    wrapped,
)

WIDTH = 720.0
#: One colour per pool: greens live above and below ground, ochre is dead or soil.
POOL_COLOURS = {
    "agb": "#0f5e57",
    "bgb": "#63aaa0",
    "dead_wood": "#7d8583",
    "litter": "#dcc069",
    "dead_organic": "#9a9f9d",
    "soil": "#b98a55",
}


@dataclass(frozen=True)
class Bar:
    """One stacked bar: its label and its parts as (colour, size); `swatch` marks the row."""

    label: str
    note: str
    parts: tuple[tuple[str, float], ...]
    swatch: str | None = None
    value: str = ""


@dataclass(frozen=True)
class Mark:
    """A value with its interval; `sure` is whether it is told apart from zero."""

    label: str
    value: float
    low: float
    high: float
    sure: bool
    text: str = ""


class Axis:
    """Values from low to high laid on pixels from left to right, or from bottom to top."""

    def __init__(self, values: Point, pixels: Point) -> None:
        low, high = values
        self.low, self.high = low, high if high > low else low + 1.0
        self.left, self.right = pixels

    def at(self, value: float) -> float:
        """Return the pixel of a value."""
        share = (value - self.low) / (self.high - self.low)
        return self.left + share * (self.right - self.left)

    def grid(self, top: float, bottom: float, *, suffix: str = "") -> list[Markup]:
        """Return the lines and labels of a horizontal axis, the labels below `bottom`."""
        step = nice_step(self.high - self.low)
        parts = []
        for value in ticks(self.low, self.high):
            x = self.at(value)
            stroke = GREY if abs(value) < step / 1e6 else RULE
            parts.append(line((x, top), (x, bottom), stroke=stroke))
            words = tick_text(value, step) + suffix
            parts.append(label((x, bottom + 9), words, anchor="middle", size=9.5, fill=GREY))
        return parts

    def rungs(self, left: float) -> list[Markup]:
        """Return the lines and labels of an upright axis, the labels left of `left`."""
        step = nice_step(self.high - self.low)
        parts = []
        for value in ticks(self.low, self.high):
            y = self.at(value)
            stroke = GREY if abs(value) < step / 1e6 else RULE
            parts.append(line((left, y), (WIDTH, y), stroke=stroke))
            words = tick_text(value, step)
            parts.append(label((left - 6, y), words, anchor="end", size=9.5, fill=GREY))
        return parts


def key(
    items: Sequence[tuple[str, str]], at: Point, *, end: float = WIDTH
) -> tuple[list[Markup], float]:
    """Return a legend, (colour, words) from left to right up to `end`, and its last line's y."""
    x, y = at
    parts = []
    for colour, words in items:
        wide = 14 + text_width(words, 10)
        if x > at[0] and x + wide > end:
            x, y = at[0], y + 15
        parts.append(box((x, y - 5, 10, 10), colour))
        parts.append(label((x + 14, y), words, size=10))
        x += wide + 16
    return parts, y


def stacked_bars(
    title: str, bars: Sequence[Bar], *, legend: Sequence[tuple[str, str]], unit: str
) -> Markup:
    """Draw stacked horizontal bars; bars without a label belong to the row above.

    Parameters
    ----------
    title : str
        Read aloud by screen readers.
    bars : sequence of Bar
        From top to bottom.
    legend : sequence of (colour, words)
    unit : str
        Unit of the axis.
    """
    side = min(190.0, 24 + max((text_width(bar.label) for bar in bars), default=0.0))
    longest = max((sum(size for _, size in bar.parts) for bar in bars), default=1.0)
    axis = Axis((0.0, longest or 1.0), (side + 34, WIDTH - 84))
    parts, below = key(legend, (0, 8), end=WIDTH - 12 - text_width(unit, 10))
    top, y = below + 18, below + 26
    rows: list[Markup] = []
    for bar in bars:
        y += 7 if bar.label and rows else 0
        if bar.label:
            if bar.swatch:
                rows.append(box((0, y + 1, 10, 10), bar.swatch))
            rows.append(label((16 if bar.swatch else 0, y + 6), clipped(bar.label, side - 16)))
        rows.append(label((axis.left - 4, y + 6), bar.note, anchor="end", size=9, fill=GREY))
        x = axis.left
        for colour, size in bar.parts:
            width = axis.at(size) - axis.left
            rows.append(box((x, y, width, 12), colour, stroke="#fff", stroke_width=0.4))
            x += width
        rows.append(label((x + 5, y + 6), bar.value, size=9.5))
        y += 14
    parts.append(label((WIDTH, 8), unit, anchor="end", size=10, fill=GREY))
    parts += axis.grid(top, y + 2)
    return picture((WIDTH, y + 22), [*parts, *rows], title=title)


def waterfall(title: str, panels: Sequence[tuple[str, Sequence[Mark]]], *, unit: str) -> Markup:
    """Draw one change split in several ways: each panel's steps lead to its last bar.

    Parameters
    ----------
    panels : sequence of (heading, marks)
        The marks of a panel but the last are steps that add up to the last, which is the change
        itself and may carry an interval.
    """
    height, top, left = 268.0, 44.0, 54.0
    low, high = _extent(panels)
    axis = Axis((low, high), (height - 44, top))
    parts = [label((0, 8), unit, size=10, fill=GREY), *axis.rungs(left)]
    room = (WIDTH - left) / max(1, len(panels))
    for index, (heading, marks) in enumerate(panels):
        start = left + index * room
        parts.append(
            label((start + room / 2, 24), heading, anchor="middle", weight="600", fill=ACCENT)
        )
        parts += _steps(axis, marks, left=start + 12, width=room - 24, height=height)
        if index:
            parts.append(line((start, 16), (start, height - 6), stroke="#aab5b2"))
    return picture((WIDTH, height), parts, title=title)


def _extent(panels: Sequence[tuple[str, Sequence[Mark]]]) -> tuple[float, float]:
    """Return the lowest and highest value that the steps and intervals of all panels reach."""
    reached = [0.0]
    for _, marks in panels:
        level = 0.0
        for index, mark in enumerate(marks):
            level = 0.0 if index == len(marks) - 1 else level
            ends = (level + mark.value, level + mark.low, level + mark.high)
            reached += [end for end in ends if math.isfinite(end)]
            level += mark.value
    room = (max(reached) - min(reached)) * 0.1 or 1.0
    return min(reached) - room * (min(reached) < 0), max(reached) + room * (max(reached) > 0)


def _steps(
    axis: Axis, marks: Sequence[Mark], *, left: float, width: float, height: float
) -> list[Markup]:
    """Return one panel of a waterfall."""
    parts: list[Markup] = []
    slot, level = width / max(1, len(marks)), 0.0
    thick = min(64.0, slot * 0.56)
    for index, mark in enumerate(marks):
        middle = left + slot * (index + 0.5)
        last = index == len(marks) - 1
        base = 0.0 if last else level
        ends = sorted((axis.at(base), axis.at(base + mark.value)))
        colour = GAIN if mark.value >= 0 else LOSS
        fill = ACCENT if last else colour
        parts.append(box((middle - thick / 2, ends[0], thick, max(ends[1] - ends[0], 0.8)), fill))
        if not last:
            level += mark.value
            y = axis.at(level)
            ends_at = (middle + slot - thick / 2, y)
            parts.append(line((middle + thick / 2, y), ends_at, stroke=GREY, width=0.8))
        if math.isfinite(mark.low) and math.isfinite(mark.high):
            parts += _whisker(axis, (base + mark.low, base + mark.high), middle=middle)
        above = min(ends[0], axis.at(base + mark.high)) if math.isfinite(mark.high) else ends[0]
        parts.append(
            label((middle, above - 8), mark.text, anchor="middle", size=10.5, weight="600")
        )
        for row, words in enumerate(wrapped(mark.label, slot - 4, size=10.0)):
            y = height - 31 + 12 * row
            parts.append(label((middle, y), words, anchor="middle", size=10.0))
    return parts


def _whisker(axis: Axis, ends: Point, *, middle: float) -> list[Markup]:
    """Return a vertical interval with caps, edged in white so that it shows on a bar."""
    low, high = (axis.at(end) for end in ends)
    parts = []
    for colour, width in (("#fff", 3.6), (INK, 1.4)):
        parts.append(line((middle, low), (middle, high), stroke=colour, width=width))
        caps = [((middle - 5, end), (middle + 5, end)) for end in (low, high)]
        parts += [line(*cap, stroke=colour, width=width) for cap in caps]
    return parts


def dots(title: str, marks: Sequence[Mark], *, unit: str, gap_after: int | None = None) -> Markup:
    """Draw values with their intervals, one row each; hollow where not told apart from zero.

    Parameters
    ----------
    gap_after : int, optional
        Leave a gap after so many rows, where the middle of a ranking was left out.
    """
    side = min(170.0, 8 + max((text_width(mark.label) for mark in marks), default=0.0))
    ends = [
        end for mark in marks for end in (mark.low, mark.high, mark.value) if math.isfinite(end)
    ]
    axis = Axis((min([0.0, *ends]), max([0.0, *ends])), (side + 12, WIDTH - 130))
    rows, y = [], 26.0
    for index, mark in enumerate(marks):
        if index == gap_after:
            rows.append(label((side, y + 6), "⋮", anchor="end", fill=GREY))
            y += 14
        colour = GAIN if mark.value >= 0 else LOSS
        middle = y + 7
        rows.append(label((side, middle), clipped(mark.label, side), anchor="end"))
        if math.isfinite(mark.low) and math.isfinite(mark.high):
            left, right = axis.at(mark.low), axis.at(mark.high)
            rows.append(line((left, middle), (right, middle), stroke=colour, width=1.8))
        centre = {"cx": axis.at(mark.value), "cy": middle}
        look = {"fill": colour if mark.sure else "#fff", "stroke": colour, "stroke_width": 1.6}
        rows.append(element("circle", **centre, r=3.6, **look))
        rows.append(label((WIDTH, middle), mark.text, anchor="end", size=9.5, fill=GREY))
        y += 15
    grid = axis.grid(20, y + 2)
    head = label((WIDTH, 8), unit, anchor="end", size=10, fill=GREY)
    return picture((WIDTH, y + 22), [head, *grid, *rows], title=title)


def share_axis(title: str, marks: Sequence[Mark], *, alike: bool = False) -> Markup:
    """Draw shares of a target [%] with their intervals against the line of 100 %.

    Parameters
    ----------
    alike : bool, optional
        Whether the marks are of equal rank; else the first is the one that counts.
    """
    side = min(300.0, 8 + max((text_width(mark.label) for mark in marks), default=0.0))
    ends = [
        end for mark in marks for end in (mark.low, mark.high, mark.value) if math.isfinite(end)
    ]
    axis = Axis((min([0.0, *ends]), max([110.0, *ends]) * 1.02), (side + 12, WIDTH - 100))
    y, rows = 10.0, []
    for index, mark in enumerate(marks):
        first = index == 0 and not alike
        colour = ACCENT if first or alike else GREY
        rows.append(label((0, y + 8), clipped(mark.label, side), weight="600" if first else None))
        rows.append(box((axis.at(0), y + 1, axis.at(mark.value) - axis.at(0), 14), colour))
        if math.isfinite(mark.low) and math.isfinite(mark.high):
            left, right = axis.at(mark.low), axis.at(mark.high)
            for stroke, width in (("#fff", 3.6), (INK, 1.4)):
                rows.append(line((left, y + 8), (right, y + 8), stroke=stroke, width=width))
                caps = [((x, y + 4), (x, y + 12)) for x in (left, right)]
                rows += [line(*cap, stroke=stroke, width=width) for cap in caps]
        rows.append(label((WIDTH, y + 8), mark.text, anchor="end", size=10.5))
        y += 22
    hundred = axis.at(100.0)
    goal = line((hundred, 2), (hundred, y), stroke=LOSS, width=2.0)
    return picture((WIDTH, y + 18), [*axis.grid(4, y, suffix="%"), *rows, goal], title=title)


def path(
    title: str, marks: Sequence[Mark], *, unit: str, goal: Sequence[Mark] = (),
    legend: Sequence[tuple[str, str]] = (),
) -> Markup:  # fmt: skip
    """Draw a quantity over the years with the band of its intervals; labels are the years.

    Parameters
    ----------
    goal : sequence of Mark, optional
        What is required in each year: a dashed line.
    legend : sequence of (colour, words), optional
    """
    height, top, left = 210.0, 22.0, 60.0
    ends = [
        end
        for mark in (*marks, *goal)
        for end in (mark.low, mark.high, mark.value)
        if math.isfinite(end)
    ]
    room = (max(ends) - min(ends)) * 0.1 or 1.0
    axis = Axis((min(ends) - room, max(ends) + room), (height - 26, top))
    years = [float(mark.label) for mark in marks]
    across = Axis((min(years), max(years)), (left + 14, WIDTH - 20))
    parts = [label((0, 8), unit, size=10, fill=GREY), *axis.rungs(left)]
    band = [mark for mark in marks if math.isfinite(mark.low) and math.isfinite(mark.high)]
    upper = [(across.at(float(mark.label)), axis.at(mark.high)) for mark in band]
    lower = [(across.at(float(mark.label)), axis.at(mark.low)) for mark in reversed(band)]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in [*upper, *lower])
    parts.append(element("polygon", points=points, fill="#cfe3e0"))
    spots = [(across.at(float(mark.label)), axis.at(mark.value)) for mark in marks]
    course = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
    parts.append(element("polyline", points=course, fill="none", stroke=ACCENT, stroke_width=2.0))
    due = " ".join(f"{across.at(float(m.label)):.1f},{axis.at(m.value):.1f}" for m in goal)
    if due:
        look = {"stroke": LOSS, "stroke_width": 2.0, "stroke_dasharray": "6 4"}
        parts.append(element("polyline", points=due, fill="none", **look))
    parts += key(legend, (left + 14, 8))[0]
    every = max(1, math.ceil(len(marks) / 13))
    for index, (mark, (x, y)) in enumerate(zip(marks, spots, strict=True)):
        parts.append(element("circle", cx=x, cy=y, r=2.6, fill=ACCENT))
        if index % every == 0 or index == len(marks) - 1:
            parts.append(label((x, height - 12), mark.label, anchor="middle", size=9.5, fill=GREY))
    return picture((WIDTH, height), parts, title=title)
