"""Flows between the strata of several years as inline SVG: what became of what, to scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from sinks.report.charts import WIDTH
from sinks.report.svg import GREY, box, clipped, element, label, picture, text_width

#: Height of the drawing without its heading, width of a bar, gap between bars.
TALL = 300.0
BAR = 12.0
GAP = 4.0
#: Room for the heading, and at most for the names on either side.
HEAD = 22.0
SIDE = 165.0


@dataclass(frozen=True)
class Flow:
    """Land that went from one stratum to another between two neighbouring columns."""

    column: int
    start: str
    end: str
    size: float


@dataclass
class _Bar:
    """One stratum in one column: its place, and how far flows have filled its two sides."""

    top: float
    height: float
    came: float = 0.0
    went: float = 0.0


def sankey(
    title: str, names: Mapping[str, tuple[str, str]], *, years: Sequence[int], flows: Sequence[Flow]
) -> Markup:
    """Draw flows between strata, a column for every year.

    Parameters
    ----------
    title : str
        Read aloud by screen readers.
    names : mapping of stratum to (label, colour)
        In the order from top to bottom.
    years : sequence of int
        Headings of the columns.
    flows : sequence of Flow
        Every flow between columns i and i + 1; land that stayed among them, drawn pale.
    """
    bars = _bars(list(names), flows, columns=len(years))
    side = min(SIDE, 10 + max((text_width(name, 10) for name, _ in names.values()), default=0.0))
    step = (WIDTH - 2 * side - BAR) / max(1, len(years) - 1)
    left = [side + place * step for place in range(len(years))]
    order = {name: place for place, name in enumerate(names)}
    parts: list[Markup] = []
    for flow in sorted(flows, key=lambda item: (item.column, order[item.start], order[item.end])):
        before, after = bars[flow.column, flow.start], bars[flow.column + 1, flow.end]
        tall = flow.size * _scale(bars)
        ends = (left[flow.column] + BAR, left[flow.column + 1])
        tops = (before.top + before.went, after.top + after.came)
        before.went, after.came = before.went + tall, after.came + tall
        moved = flow.start != flow.end
        parts.append(_ribbon(ends, tops, tall=tall, colour=names[flow.start][1], moved=moved))
    for (column, name), bar in bars.items():
        tall = bar.height * _scale(bars)
        parts.append(box((left[column], bar.top, BAR, tall), names[name][1]))
        if column in (0, len(years) - 1) and tall >= 6:
            x, anchor = (side - 5, "end") if column == 0 else (WIDTH - side + 5, "start")
            words = clipped(names[name][0], side - 6, size=10)
            parts.append(label((x, bar.top + tall / 2), words, anchor=anchor, size=10))
    for x, year in zip(left, years, strict=True):
        parts.append(label((x + BAR / 2, 8), str(year), anchor="middle", size=10, fill=GREY))
    return picture((WIDTH, HEAD + TALL + 6), parts, title=title)


def _bars(
    names: Sequence[str], flows: Sequence[Flow], *, columns: int
) -> dict[tuple[int, str], _Bar]:
    """Return the bars from top to bottom; a stratum without land in a year has none."""
    sizes: dict[tuple[int, str], float] = {}
    for flow in flows:
        # A year between two others is an end and a start: its land is counted once, as a start.
        keys = [(flow.column, flow.start)]
        keys += [(flow.column + 1, flow.end)] if flow.column + 2 == columns else []
        for key in keys:
            sizes[key] = sizes.get(key, 0.0) + flow.size
    bars = {key: _Bar(0.0, size) for key, size in sizes.items()}
    scale = _scale(bars)
    ordered: dict[tuple[int, str], _Bar] = {}
    for column in range(columns):
        top = HEAD
        for name in names:
            if (bar := bars.get((column, name))) is not None:
                bar.top, top = top, top + bar.height * scale + GAP
                ordered[column, name] = bar
    return ordered


def _scale(bars: Mapping[tuple[int, str], _Bar]) -> float:
    """Return pixels per unit: the fullest column fills the height."""
    columns = {column for column, _ in bars}
    return min(
        (
            (TALL - GAP * len(own)) / total
            for own in ([bar for key, bar in bars.items() if key[0] == at] for at in columns)
            if (total := sum(bar.height for bar in own)) > 0
        ),
        default=0.0,
    )


def _ribbon(
    ends: tuple[float, float], tops: tuple[float, float], *, tall: float, colour: str, moved: bool
) -> Markup:
    """Return the band of one flow; land that moved stands out from land that stayed."""
    (x0, x1), (y0, y1) = ends, tops
    middle = (x0 + x1) / 2

    def at(*values: float) -> str:
        return " ".join(f"{value:.1f}" for value in values)

    path = (
        f"M{at(x0, y0)}C{at(middle, y0, middle, y1, x1, y1)}L{at(x1, y1 + tall)}"
        f"C{at(middle, y1 + tall, middle, y0 + tall, x0, y0 + tall)}Z"
    )
    return element("path", d=path, fill=colour, fill_opacity=0.75 if moved else 0.18)
