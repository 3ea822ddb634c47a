"""Draws a sheet: map frame to the left, key numbers and legend to the right, sources below."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import shapely
from matplotlib.patches import PathPatch, Polygon
from shapely.geometry.base import BaseGeometry

from sinks.sheets.facts import Facts
from sinks.sheets.frame import Frame, angle, bar_metres, graticule
from sinks.sheets.panel import draw_panel
from sinks.sheets.paper import ACCENT, GREY, INK, RULE, STAMP, Ink, Page
from sinks.sheets.scene import Scene, outline_of
from sinks.wording import Words

#: The map frame (left, bottom, width, height) [mm of A4].
MAP: Final = (17.0, 25.0, 197.0, 153.5)
#: The page's own frame.
OUTER: Final = (6.0, 6.0, 285.0, 198.0)
LEFT, RIGHT = 10.0, 287.0
#: What is not the region is veiled in white so much.
VEIL: Final = 0.66
BAND: Final = "#8d6a9f"
#: Longest scale bar [mm].
BAR: Final = 52.0


@dataclass(frozen=True)
class Imprint:
    """What is printed on every sheet of a run."""

    title: str
    approval: str
    synthetic: str
    made: str
    words: Words


def draw_sheet(page: Page, scene: Scene, *, facts: Facts, imprint: Imprint) -> None:
    """Draw everything on a page."""
    page.box(OUTER, edge=INK, width=1.4)
    page.box((7.0, 7.0, 283.0, 196.0), edge=INK, width=0.4)
    _title(page, facts, imprint=imprint)
    _map(page, scene)
    _graticule_labels(page, scene.frame)
    _north(page, scene)
    draw_panel(page, scene, facts=facts, words=imprint.words)
    _foot(page, scene.frame, facts=facts, imprint=imprint)


def _title(page: Page, facts: Facts, *, imprint: Imprint) -> None:
    name, ink = page.fitted(facts.name, Ink(21, bold=True, colour=ACCENT), room=150)
    page.write((LEFT + 1, 192.6), name, ink=ink)
    end = LEFT + 1 + page.width(name, ink)
    above = "  ".join(part for part in (facts.above, facts.code) if part)
    page.write((end + 4, 192.6), above, ink=Ink(9, colour=GREY), room=max(20.0, 205 - end))
    page.write((LEFT + 1, 186.4), facts.legend.title, ink=Ink(9.5, bold=True), room=90)
    wide = page.width(page.fitted(facts.legend.title, Ink(9.5, bold=True), room=90)[0],
                      Ink(9.5, bold=True))  # fmt: skip
    if facts.code:
        page.write((LEFT + 5 + wide, 186.4), imprint.title, ink=Ink(9.5, colour=GREY),
                   room=205 - LEFT - wide)  # fmt: skip
    page.write((RIGHT, 196.5), imprint.approval, ink=Ink(8.5, bold=True), room=74, ha="right")
    if imprint.synthetic:
        ink = Ink(9, bold=True, colour=STAMP)
        words, ink = page.fitted(imprint.synthetic, ink, room=68)
        wide = page.width(words, ink)
        page.box((RIGHT - wide - 4, 186.2, wide + 4, 6.4), edge=STAMP, width=1.1)
        page.write((RIGHT - 2 - wide / 2, 189.3), words, ink=ink, ha="center", va="center_baseline")


def _map(page: Page, scene: Scene) -> None:
    axes = page.inset(MAP)
    left, bottom, right, top = scene.frame.extent
    axes.set(xlim=(left, right), ylim=(bottom, top), xticks=[], yticks=[], facecolor="#fbfbf8")
    for spine in axes.spines.values():
        spine.set(linewidth=page.points(0.9), color=INK)
    axes.imshow(scene.picture, extent=(left, right, bottom, top), interpolation="none",
                origin="upper", zorder=1, aspect="auto")  # fmt: skip
    box = shapely.box(left, bottom, right, top)
    outside = box.difference(scene.region)
    axes.add_artist(PathPatch(outline_of(outside), fc="white", ec="none", alpha=VEIL, zorder=2))
    meridians, parallels = graticule(scene.frame)
    for line in (*meridians, *parallels):
        axes.plot(line.xs, line.ys, color=INK, lw=page.points(0.25), alpha=0.35, zorder=3)
    for _, shape in scene.around:
        axes.add_artist(PathPatch(outline_of(shape), fc="none", ec=GREY, lw=page.points(0.45),
                                 joinstyle="round", zorder=4))  # fmt: skip
    for shape in scene.inner:
        axes.add_artist(PathPatch(outline_of(shape), fc="none", ec=INK, lw=page.points(1.0),
                                 joinstyle="round", zorder=5))  # fmt: skip
    border = outline_of(scene.region)
    band = PathPatch(border, fc="none", ec=BAND, lw=page.points(7), alpha=0.35, joinstyle="round",
                     zorder=5)  # fmt: skip
    axes.add_artist(band)
    band.set_clip_path(outline_of(outside), axes.transData)
    axes.add_artist(PathPatch(border, fc="none", ec="#2b1d33", lw=page.points(1.1),
                             joinstyle="round", zorder=6))  # fmt: skip
    axes.set(xlim=(left, right), ylim=(bottom, top))
    _names(page, axes, scene=scene, box=box)


def _names(page: Page, axes: Any, *, scene: Scene, box: BaseGeometry) -> None:
    """Write the names of what lies around where there is room, larger shapes first."""
    per_mm = scene.frame.width / MAP[2]
    ink = Ink(6.2, colour="#3b4a48")
    taken: list[tuple[float, float, float]] = []
    seen = [(name, shape.intersection(box)) for name, shape in scene.around]
    for name, shape in sorted(seen, key=lambda item: (-item[1].area, item[0])):
        if shape.is_empty or not name:
            continue
        largest = max(shapely.get_parts(shape), key=lambda part: part.area)
        spot = shapely.point_on_surface(largest)
        west, south, east, north = largest.bounds
        words = page.faces.printable(name)
        wide = page.width(words, ink)
        x, y = float(spot.x) / per_mm, float(spot.y) / per_mm
        fits = wide < (east - west) / per_mm * 0.95 and (north - south) / per_mm > 3
        edge = abs(x) + wide / 2 > MAP[2] / 2 - 1 or abs(y) > MAP[3] / 2 - 3
        clash = any(abs(x - u) < (wide + w) / 2 and abs(y - v) < 3.4 for u, v, w in taken)
        if fits and not edge and not clash:
            taken.append((x, y, wide))
            page.write((float(spot.x), float(spot.y)), words, ink=ink, axes=axes, ha="center",
                       va="center", halo=1.6, zorder=7)  # fmt: skip


def _graticule_labels(page: Page, frame: Frame) -> None:
    """Write longitudes below and above the map frame, latitudes on its sides, with ticks."""
    left, bottom, width, height = MAP
    per_mm = frame.width / width
    ink = Ink(5.6, colour=INK)
    page.box((left - 5, bottom - 5, width + 10, height + 10), edge=INK, width=0.6)
    meridians, parallels = graticule(frame)
    for line in meridians:
        words = angle(line.value, letters="EW")
        for end, y, tick in zip(line.ends, (bottom - 3.6, bottom + height + 1.6), (-1, 1),
                                strict=True):  # fmt: skip
            x, edge = left + width / 2 + end / per_mm, bottom if tick < 0 else bottom + height
            if left + 8 < x < left + width - 8:
                page.line((x, edge), (x, edge + 1.1 * tick), width=0.5)
                page.write((x, y), words, ink=ink, ha="center")
    for line in parallels:
        words = angle(line.value, letters="NS")
        for end, x, tick in zip(line.ends, (left - 2.6, left + width + 2.6), (-1, 1), strict=True):
            y, edge = bottom + height / 2 + end / per_mm, left if tick < 0 else left + width
            if bottom + 8 < y < bottom + height - 8:
                page.line((edge, y), (edge + 1.1 * tick, y), width=0.5)
                page.write((x, y), words, ink=ink, ha="center", va="center", rotation=90)


def _north(page: Page, scene: Scene) -> None:
    """Draw an arrow to the north in that upper corner which covers less of the region."""
    left, bottom, width, height = MAP
    per_mm = scene.frame.width / width
    corners = {left + 9.0: 1, left + width - 9.0: 0}
    y = bottom + height - 13.0

    def covered(x: float) -> tuple[float, int]:
        east, up = (x - left - width / 2) * per_mm, (y - bottom - height / 2) * per_mm
        room = shapely.box(east - 8 * per_mm, up - 9 * per_mm, east + 8 * per_mm, up + 12 * per_mm)
        return scene.region.intersection(room).area, corners[x]

    x = min(corners, key=covered)
    white: dict[str, Any] = {"fc": "white", "ec": "none", "alpha": 0.75, "zorder": 8}
    page.axes.add_artist(Polygon([(x - 6, y - 7), (x + 6, y - 7), (x + 6, y + 10), (x - 6, y + 10)],
                                **white))  # fmt: skip
    for side, fill in ((-1, INK), (1, "white")):
        half = [(x, y + 5), (x + side * 3.2, y - 6), (x, y - 3.4)]
        page.axes.add_artist(Polygon(half, fc=fill, ec=INK, lw=page.points(0.6), zorder=9,
                                    joinstyle="miter"))  # fmt: skip
    page.write((x, y + 6), "N", ink=Ink(9, bold=True), ha="center", zorder=9)


def _foot(page: Page, frame: Frame, *, facts: Facts, imprint: Imprint) -> None:
    """Draw scale bar and ratio, sources, what the numbers rest on, and who made the sheet."""
    words = imprint.words
    length = bar_metres(frame.ratio, BAR * page.enlarged / 1000)
    mm = length / frame.ratio * 1000 / page.enlarged
    x, y = 17.0, 13.0
    for part in range(4):
        start = x + part * mm / 4
        page.box(
            (start, y, mm / 4, 1.3), fill=INK if part % 2 == 0 else "white", edge=INK, width=0.5
        )
    unit, size = ("km", 1000.0) if length >= 1000 else ("m", 1.0)
    for part in (0, 2, 4):
        label = f"{length * part / 4 / size:,.10g}"
        page.write((x + part * mm / 4, y - 2.7), label + (f" {unit}" if part == 4 else ""),
                   ink=Ink(5.8), ha="center")  # fmt: skip
    ratio = f"{frame.ratio:,}".replace(",", "\u2009")
    page.write((x, y + 2.6), words.t("sheets.scale", ratio=ratio), ink=Ink(8, bold=True))
    centre = [angle(round(value * 60) * 60, letters=letters)
              for value, letters in ((frame.longitude, "EW"), (frame.latitude, "NS"))]  # fmt: skip
    projection = words.t("sheets.projection", longitude=centre[0], latitude=centre[1])
    ink, height = Ink(5.8, colour=GREY), 16.2
    for sentence in (facts.sources, f"{facts.basis}{projection}"):
        for line in page.wrapped(sentence, ink, room=138, most=2):
            page.write((78, height), line, ink=ink)
            height -= 2.7
    page.line((222, 19.2), (RIGHT, 19.2), width=0.4, colour=RULE)
    page.write((RIGHT, 9.2), imprint.made, ink=Ink(5.8, colour=GREY), ha="right", room=65)
