"""The few SVG primitives that the report's charts are drawn with.

Everything is escaped by construction (markupsafe), text stays text in the reader's fonts, and
coordinates are printed with one decimal, so that equal results give equal bytes.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable

from markupsafe import Markup, escape

INK = "#22302f"
GREY = "#6a7775"
RULE = "#d5dcda"
PALE = "#eef2f1"
GAIN = "#1f7a72"
LOSS = "#b0651d"
ACCENT = "#0b4f4a"

Point = tuple[float, float]
#: Left, top, width, height.
Frame = tuple[float, float, float, float]


def coordinate(value: float) -> str:
    """Return a coordinate with one decimal and no trailing zero."""
    shown = f"{value:.1f}"
    shown = shown[:-2] if shown.endswith(".0") else shown
    return "0" if shown == "-0" else shown


def element(name: str, *children: str, **attributes: object) -> Markup:
    """Return one element; attribute names take ``_`` for ``-``, numbers one decimal.

    Examples
    --------
    >>> element("text", "<b>", x=1.25, text_anchor="end")
    Markup('<text x="1.2" text-anchor="end">&lt;b&gt;</text>')
    """
    parts = [
        Markup(' {}="{}"').format(
            key.rstrip("_").replace("_", "-"),
            coordinate(value) if isinstance(value, float) else value,
        )
        for key, value in attributes.items()
        if value is not None
    ]
    head = Markup("").join(parts)
    if not children:
        return Markup("<{}{}/>").format(name, head)
    body = Markup("").join(escape(child) for child in children)
    return Markup("<{0}{1}>{2}</{0}>").format(name, head, body)


def label(
    at: Point,
    words: str,
    *,
    anchor: str = "start",
    size: float = 11.0,
    fill: str = INK,
    weight: str | None = None,
    turn: float | None = None,
) -> Markup:
    """Return a text element centred in height on the point `at`."""
    x, y = at
    return element(
        "text",
        words,
        x=float(x),
        y=float(y) + size * 0.35,
        text_anchor=None if anchor == "start" else anchor,
        font_size=float(size),
        fill=fill,
        font_weight=weight,
        transform=None
        if turn is None
        else f"rotate({coordinate(turn)} {coordinate(x)} {coordinate(y)})",
    )


def box(frame: Frame, fill: str, **attributes: object) -> Markup:
    """Return a rectangle (x, y, width, height); a negative width is drawn to the left."""
    x, y, width, height = frame
    corner = {"x": float(min(x, x + width)), "y": float(y)}
    size = {"width": float(abs(width)), "height": float(max(height, 0.0))}
    return element("rect", **corner, **size, fill=fill, **attributes)


def line(start: Point, end: Point, *, stroke: str = RULE, width: float = 1.0) -> Markup:
    """Return a straight line."""
    ends = {"x1": start[0], "y1": start[1], "x2": end[0], "y2": end[1]}
    return element(
        "line",
        **{name: float(value) for name, value in ends.items()},
        stroke=stroke,
        stroke_width=float(width),
    )


def picture(size: Point, parts: Iterable[str], *, title: str) -> Markup:
    """Return a whole drawing that scales to the page and names itself to a screen reader."""
    return element(
        "svg",
        element("title", title),
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {coordinate(size[0])} {coordinate(size[1])}",
        role="img",
        aria_label=title,
    )


def text_width(words: str, size: float = 11.0) -> float:
    """Return about how wide a text is: a full em for Chinese, a good half for Latin."""
    wide = sum(1.0 if unicodedata.east_asian_width(sign) in "WF" else 0.56 for sign in words)
    return wide * size


def clipped(words: str, width: float, *, size: float = 11.0) -> str:
    """Return the text, cut with an ellipsis where it would not fit `width`."""
    if text_width(words, size) <= width:
        return words
    while words and text_width(words + "…", size) > width:
        words = words[:-1]
    return words + "…"


def wrapped(words: str, width: float, *, size: float = 11.0) -> list[str]:
    """Return the text on as few lines as fit `width`; Latin text is broken at blanks.

    Chinese is broken before a bracket, or wherever a line is full.

    Examples
    --------
    >>> wrapped("Standing forest: growth", 90.0), wrapped("原有森林（生长）", 60.0)
    (['Standing', 'forest: growth'], ['原有森林', '（生长）'])
    """
    lines, latin = [""], words.isascii()
    for part in words.split(" ") if latin else words.replace("（", "\n（").split("\n"):
        joined = f"{lines[-1]} {part}".strip() if latin else lines[-1] + part
        if text_width(joined, size) <= width:
            lines[-1] = joined
        else:
            lines.append(clipped(part, width, size=size))
    return [line for line in lines if line]


def nice_step(span: float, count: int = 5) -> float:
    """Return a step of 1, 2 or 5 times a power of ten that cuts `span` about `count` times.

    Examples
    --------
    >>> nice_step(87.0), nice_step(0.0)
    (20.0, 1.0)
    """
    if not math.isfinite(span) or span <= 0:
        return 1.0
    raw = span / count
    power = 10.0 ** math.floor(math.log10(raw))
    return next(
        factor * power for factor in (1.0, 2.0, 5.0, 10.0) if raw <= factor * power * 1.0001
    )


def ticks(low: float, high: float, *, count: int = 5) -> list[float]:
    """Return round values between `low` and `high`, zero among them if it lies there."""
    step = nice_step(high - low, count)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


def tick_text(value: float, step: float) -> str:
    """Return the label of a tick with as many decimals as its step needs."""
    places = max(0, -math.floor(math.log10(step) + 1e-9))
    return f"{value:,.{places}f}".replace("-", "\u2212")
