"""A static map of the study's regions as inline SVG, for the printed page.

The web map is another face; this one needs no script and is small: the outlines are simplified
together (shared borders stay shared), and coordinates keep a tenth of a pixel.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from markupsafe import Markup
from shapely.geometry.base import BaseGeometry

from sinks.report.svg import (
    GREY,
    INK,
    box,
    coordinate,
    element,
    label,
    line,
    nice_step,
    picture,
    text_width,
)

WIDTH = 720.0
#: Losses to gains, symmetric about zero; brown and blue-green stay apart for colour-blind readers.
LOSSES = ("#8a4f12", "#c58a3d", "#ecd3a0")
GAINS = ("#bfe3dc", "#5fb0a4", "#14655d")
#: Low to high, one hue.
SEQUENCE = ("#eef3e4", "#cfe0bd", "#a3c796", "#6aa878", "#35825f", "#0f5a48")
NO_DATA = "#dfe3e2"
#: Room around the outermost outlines [px].
EDGE = 2.0


@dataclass(frozen=True)
class Classes:
    """Breaks and colours of a choropleth: value < breaks[0] has colours[0], and so on."""

    breaks: tuple[float, ...]
    colours: tuple[str, ...]

    def colour(self, value: float) -> str:
        """Return the colour of a value, grey where there is none."""
        if not math.isfinite(value):
            return NO_DATA
        return self.colours[int(np.searchsorted(self.breaks, value, side="right"))]


def _typical(values: Sequence[float], share: float) -> float:
    finite = np.abs([value for value in values if math.isfinite(value)])
    return float(np.quantile(finite, share)) if finite.size else 0.0


def diverging(values: Sequence[float]) -> Classes:
    """Return six classes of equal width, symmetric about zero, round at their edges.

    Examples
    --------
    >>> diverging([-2.0, 5.5]).breaks
    (-4.0, -2.0, 0.0, 2.0, 4.0)
    """
    step = nice_step(_typical(values, 0.95), 3)
    return Classes((-2 * step, -step, 0.0, step, 2 * step), (*LOSSES, *GAINS))


def sequential(values: Sequence[float]) -> Classes:
    """Return up to six classes from zero upwards, round at their edges."""
    step = nice_step(_typical(values, 0.97), 6)
    return Classes(tuple(step * index for index in range(1, 6)), SEQUENCE)


def _rings(shape: BaseGeometry) -> Iterator[np.ndarray]:
    """Yield the coordinates of every ring of a (multi)polygon."""
    for part in shapely.get_parts(shape):
        if part.geom_type == "Polygon" and not part.is_empty:
            yield shapely.get_coordinates(part.exterior)
            for hole in part.interiors:
                yield shapely.get_coordinates(hole)


def outline(shape: BaseGeometry) -> str:
    """Return the path of a shape already in pixels."""
    moves = []
    for ring in _rings(shape):
        points = [f"{coordinate(x)} {coordinate(y)}" for x, y in ring[:-1]]
        kept = [
            here for here, before in zip(points, [None, *points], strict=False) if here != before
        ]
        if len(kept) > 2:
            moves.append("M" + "L".join(kept) + "Z")
    return "".join(moves)


class Sheet:
    """The regions on a page: a local equal-area projection, simplified, in pixels.

    Parameters
    ----------
    regions : GeoDataFrame
        With a CRS; one row per region.
    width : float
        Width of the sheet [px].
    """

    def __init__(self, regions: gpd.GeoDataFrame, width: float = WIDTH) -> None:
        west, south, east, north = regions.to_crs("EPSG:4326").total_bounds
        centre = f"+lat_0={(south + north) / 2:.4f} +lon_0={(west + east) / 2:.4f}"
        local = regions.to_crs(f"+proj=laea {centre} +datum=WGS84 +units=m").geometry
        left, bottom, right, top = local.total_bounds
        span = max(right - left, (top - bottom) * 1.2, 1e-9)
        # a little room keeps the outermost strokes on the sheet
        self.metres = span / (width - 2 * EDGE)
        self.width, self.height = width, (top - bottom) / self.metres + 2 * EDGE
        shift = (width - (right - left) / self.metres) / 2
        shapes = shapely.coverage_simplify(local.to_numpy(), 0.7 * self.metres)
        ends = np.array([left, top])

        def to_pixels(xy: np.ndarray) -> np.ndarray:
            pixels = (xy - ends) / self.metres * np.array([1.0, -1.0])
            return np.asarray(pixels + np.array([shift, EDGE]))

        self.shapes: list[BaseGeometry] = list(shapely.transform(shapes, to_pixels))

    def scale_bar(self, y: float) -> list[Markup]:
        """Return a bar of a round number of kilometres."""
        length = nice_step(self.width * self.metres / 1000, 6)
        pixels = length * 1000 / self.metres
        words = f"{length:,.10g} km"
        return [
            line((0, y), (pixels, y), stroke=INK, width=1.4),
            line((0, y - 4), (0, y + 1), stroke=INK, width=1.4),
            line((pixels, y - 4), (pixels, y + 1), stroke=INK, width=1.4),
            label((pixels + 6, y - 1), words, size=9.5, fill=GREY),
        ]


def _hatch(name: str) -> Markup:
    """Return the pattern laid over regions whose value is not told apart from zero."""
    stroke = line((0, 0), (0, 5), stroke="#4a5755", width=0.9)
    look = {"width": 5, "height": 5, "patternUnits": "userSpaceOnUse"}
    pattern = element("pattern", stroke, id=name, **look, patternTransform="rotate(45)")
    return element("defs", pattern)


def _legend(
    classes: Classes, counts: Mapping[str, int], *, words: Mapping[str, str], y: float
) -> list[Markup]:
    """Return the classes with their ranges and how many regions each holds."""
    parts = [label((0, y), words["legend"], size=10, weight="600")]
    edges = [f"{edge:,.10g}".replace("-", "\u2212") for edge in classes.breaks]
    ranges = [f"< {edges[0]}"]
    pairs = itertools.pairwise(edges)
    ranges += [words["range"].format(low=low, high=high) for low, high in pairs]
    ranges.append(f"≥ {edges[-1]}")
    wide = WIDTH / len(ranges) * 0.86
    for index, (colour, words_of) in enumerate(zip(classes.colours, ranges, strict=True)):
        x = index * wide
        parts.append(box((x, y + 11, wide - 3, 11), colour, stroke="#8b9896", stroke_width=0.5))
        parts.append(label((x + wide / 2, y + 31), words_of, anchor="middle", size=9.5))
        count = str(counts.get(colour, 0))
        parts.append(
            label((x + wide / 2, y + 43), f"n = {count}", anchor="middle", size=8.5, fill=GREY)
        )
    x = wide * len(ranges) + 6
    if "unsure" in words:
        parts.append(box((x, y + 11, 18, 11), "#fff", stroke="#8b9896", stroke_width=0.5))
        parts.append(box((x, y + 11, 18, 11), f"url(#{words['id']})"))
        parts.append(label((x + 22, y + 17), words["unsure"], size=9.5))
    if counts.get(NO_DATA):
        parts.append(box((x, y + 28, 18, 11), NO_DATA))
        parts.append(label((x + 22, y + 34), words["no_data"], size=9.5))
    return parts


def _groups(sheet: Sheet, groups: Sequence[str]) -> list[Markup]:
    """Return the borders of coarser units and, where they have room, their names."""
    names = np.array(groups, dtype=object)
    shapes = np.array(sheet.shapes, dtype=object)
    parts, words = [], []
    for name in dict.fromkeys(groups):
        merged = shapely.union_all(shapes[names == name])
        parts.append(
            element("path", d=outline(merged), fill="none", stroke="#46524f", stroke_width=1.1)
        )
        spot = shapely.point_on_surface(merged)
        west, _, east, _ = merged.bounds
        if name and text_width(name, 9.5) < (east - west) * 0.9:
            words.append(
                element(
                    "text",
                    name,
                    x=float(spot.x),
                    y=float(spot.y),
                    text_anchor="middle",
                    font_size=9.5,
                    fill=INK,
                    stroke="#fff",
                    stroke_width=2.4,
                    stroke_linejoin="round",
                    paint_order="stroke",
                )
            )
    return [*parts, *words]


def choropleth(
    regions: gpd.GeoDataFrame,
    values: Mapping[str, float],
    *,
    classes: Classes,
    words: Mapping[str, str],
    unsure: frozenset[str] = frozenset(),
    groups: Sequence[str] | None = None,
) -> Markup:
    """Draw one value per region.

    Parameters
    ----------
    regions : GeoDataFrame
        Columns region_code, region_name, geometry; with a CRS.
    values : mapping of region_code to value
        In the unit that the legend names; missing or NaN is grey, never zero.
    classes : Classes
    words : mapping
        ``id`` (unique on the page), ``title``, ``legend`` (with unit and years), ``no_data`` and,
        where `unsure` regions are hatched, ``unsure``.
    unsure : set of region_code
        Regions whose value is not told apart from zero.
    groups : sequence of str, optional
        One name per region of the coarser unit whose borders are drawn.

    Returns
    -------
    Markup
        One SVG element; region names are tooltips, escaped.
    """
    sheet = Sheet(regions)
    counts: dict[str, int] = {}
    fills, hatches = [], []
    rows = zip(regions["region_code"], regions["region_name"], sheet.shapes, strict=True)
    for code, name, shape in rows:
        colour = classes.colour(float(values.get(str(code), math.nan)))
        counts[colour] = counts.get(colour, 0) + 1
        path = outline(shape)
        tip = element("title", str(name))
        look = {"fill": colour, "stroke": "#fff", "stroke_width": 0.6, "fill_rule": "evenodd"}
        fills.append(element("path", tip, d=path, **look))
        if str(code) in unsure:
            hatches.append(path)
    parts: list[Markup] = [_hatch(words["id"]), *fills]
    if hatches:
        look = {"fill": f"url(#{words['id']})", "fill_rule": "evenodd", "pointer_events": "none"}
        parts.append(element("path", d="".join(hatches), **look))
    parts += _groups(sheet, groups) if groups is not None else []
    y = sheet.height + 14
    parts += sheet.scale_bar(y)
    parts += _legend(classes, counts, words=words, y=y + 24)
    return picture((WIDTH, y + 74), parts, title=words["title"])
