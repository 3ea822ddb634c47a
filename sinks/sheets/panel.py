"""The right side of a sheet: where the region lies, its key numbers, its legend."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import shapely
from matplotlib.patches import PathPatch

from sinks.palettes import AMOUNT
from sinks.sheets.facts import Facts, Figure, Legend
from sinks.sheets.paper import ACCENT, GREY, INK, RULE, STAMP, Ink, Page
from sinks.sheets.scene import Scene, outline_of
from sinks.wording import Words

LEFT, RIGHT, TOP, BOTTOM = 224.0, 287.0, 183.0, 21.0
WIDE: Final = RIGHT - LEFT
#: Height of the map that shows where the region lies.
LOCATOR: Final = 34.0
#: Height of a legend's line: at most, and how much larger than its text.
LINE, LEADING = 4.6, 0.62


def draw_panel(page: Page, scene: Scene, *, facts: Facts, words: Words) -> None:
    """Draw the panel from the top; the legend takes what is left."""
    y = TOP
    if scene.study:
        _locator(page, scene, top=y)
        y -= LOCATOR + 2
    y = _figures(page, facts.figures, top=y, title=words.t("sheets.figures"))
    _legend(page, facts.legend, top=y - 1.5, title=words.t("sheets.legend"))


def _heading(page: Page, words: str, *, y: float) -> float:
    """Write a heading over a rule; return where the next line may stand."""
    page.write((LEFT, y - 3.2), words, ink=Ink(8.5, bold=True, colour=ACCENT))
    page.line((LEFT, y - 4.4), (RIGHT, y - 4.4), width=0.7, colour=ACCENT)
    return y - 4.4


def _locator(page: Page, scene: Scene, *, top: float) -> None:
    axes = page.inset((LEFT, top - LOCATOR, WIDE, LOCATOR))
    axes.set(xticks=[], yticks=[], facecolor="#fbfbf8")
    for spine in axes.spines.values():
        spine.set(linewidth=page.points(0.5), color=RULE)
    for shape in scene.study:
        axes.add_artist(
            PathPatch(outline_of(shape), fc="#e3e8dd", ec="white", lw=page.points(0.25))
        )
    axes.add_artist(PathPatch(outline_of(scene.region), fc=STAMP, ec=STAMP, lw=page.points(0.8)))
    left, bottom, right, up = shapely.total_bounds(list(scene.study))
    per_mm = max((right - left) / (WIDE - 3), (up - bottom) / (LOCATOR - 3))
    x, y = (left + right) / 2, (bottom + up) / 2
    axes.set(xlim=(x - WIDE / 2 * per_mm, x + WIDE / 2 * per_mm),
             ylim=(y - LOCATOR / 2 * per_mm, y + LOCATOR / 2 * per_mm))  # fmt: skip
    spot = scene.region.centroid
    axes.plot([spot.x], [spot.y], marker="o", ms=page.points(9), mfc="none", mec=STAMP,
              mew=page.points(0.9))  # fmt: skip


def _figures(page: Page, figures: tuple[Figure, ...], *, top: float, title: str) -> float:
    """Write the key numbers; the two areas stand side by side. Return where they end."""
    y = _heading(page, title, y=top) - 0.6
    pair = [index for index, figure in enumerate(figures) if index in (2, 3)]
    for index, figure in enumerate(figures):
        if index == (pair[1] if len(pair) > 1 else -1):
            continue
        beside = figures[pair[1]] if pair and index == pair[0] else None
        room = WIDE / 2 - 1.5 if beside else WIDE
        end = _figure(page, figure, at=(LEFT, y), room=room)
        if beside:
            end = min(end, _figure(page, beside, at=(LEFT + WIDE / 2 + 1.5, y), room=room))
        y = end
    return y


def _figure(page: Page, figure: Figure, *, at: tuple[float, float], room: float) -> float:
    x, y = at
    page.write((x, y - 2.6), figure.label, ink=Ink(6.4, colour=GREY), room=room)
    page.write((x, y - 6.9), figure.value, ink=Ink(11, bold=True), room=room)
    y -= 7.4
    for note in figure.notes:
        for part in page.wrapped(note, Ink(6.0), room=room, most=2):
            y -= 2.5
            page.write((x, y), part, ink=Ink(6.0))
    return y - 1.4


def _legend(page: Page, legend: Legend, *, top: float, title: str) -> None:
    y = _heading(page, title, y=top)
    if legend.ramp:
        _ramp(page, legend, y=y)
        return
    line = min(LINE, (y - BOTTOM - 3.4) / max(len(legend.entries), 1))
    size = min(7.0, line / LEADING)
    units = [(RIGHT - 15.5, legend.units[0]), (RIGHT, legend.units[1])]
    for x, unit in units:
        page.write((x, y - 2.9), unit, ink=Ink(5.8, colour=GREY), ha="right")
    y -= 3.4
    for entry in legend.entries:
        middle = y - line / 2
        if entry.colour:
            page.box((LEFT, middle - line * 0.36, 6.5, line * 0.72), fill=entry.colour,
                     edge="#6d7976", width=0.3)  # fmt: skip
        else:
            page.line((LEFT, y), (RIGHT, y), width=0.4, colour=RULE)
        ink = Ink(size, bold=not entry.colour)
        start = LEFT + 8 if entry.colour else LEFT
        _on_line(page, (start, middle), words=entry.name, ink=ink, room=WIDE - 8 - 30)
        for (x, _), words in zip(units, (entry.hectares, entry.mu), strict=True):
            _on_line(page, (x, middle), words=words, ink=ink, room=14.5, ha="right")
        y -= line


def _on_line(page: Page, at: tuple[float, float], *, words: str, ink: Ink, **more: Any) -> None:
    """Write text whose middle lies at a height."""
    x, y = at
    page.write((x, y - ink.size * 0.125), words, ink=ink, **more)


def _ramp(page: Page, legend: Legend, *, y: float) -> None:
    """Draw a ramp of the colours with the values of its ends."""
    stops = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in AMOUNT])
    places = np.linspace(0, len(stops) - 1, 255)
    row = np.stack([np.interp(places, range(len(stops)), stops[:, k]) for k in range(3)], axis=1)
    axes = page.inset((LEFT, y - 8.5, WIDE, 5))
    axes.imshow(row[None], aspect="auto", interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(linewidth=page.points(0.4), color=INK)
    low, high = legend.ramp or ("", "")
    page.write((LEFT, y - 11.8), low, ink=Ink(7))
    page.write((RIGHT, y - 11.8), high, ink=Ink(7), ha="right")
    page.write(((LEFT + RIGHT) / 2, y - 11.8), legend.units[0], ink=Ink(7), ha="center")
