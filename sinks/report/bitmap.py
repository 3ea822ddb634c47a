"""The report's drawings as pictures of dots, for programs that show no SVG.

It reads what `svg` writes and nothing else: rectangles, lines, circles, polygons, paths, text.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable
from typing import Any, Final
from xml.etree import ElementTree as ET

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, PathPatch, Polygon, Rectangle
from matplotlib.path import Path as Outline
from matplotlib.patheffects import withStroke
from matplotlib.text import Text
from matplotlib.transforms import Affine2D

from sinks.sheets.fonts import Faces

#: A unit of a drawing is a point; dots per inch of it.
POINTS: Final = 72
DPI: Final = 160
HALO: Final = 2.5
TOKEN: Final = re.compile(r"[MLCZ]|-?\d+(?:\.\d+)?")
NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?")
HATCH: Final = "#6a7775"
CODES: Final = {
    "M": (Outline.MOVETO, 1), "L": (Outline.LINETO, 1), "C": (Outline.CURVE4, 3),
}  # fmt: skip


def bitmap(drawing: ET.Element, faces: Faces) -> bytes:
    """Return a drawing as PNG; equal drawings give equal bytes where the fonts are the same.

    Parameters
    ----------
    drawing : Element
        An ``svg`` element of the report.
    faces : Faces
    """
    _, _, wide, high = (float(word) for word in str(drawing.get("viewBox")).split())
    figure = Figure(figsize=(wide / POINTS, high / POINTS), dpi=DPI, facecolor="white")
    axes: Any = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, wide), ylim=(high, 0))
    axes.set_axis_off()
    for order, part in enumerate(_parts(drawing)):
        for artist in _drawn(part, faces):
            artist.set_zorder(order)
            axes.add_artist(artist)
            if not artist.is_transform_set():
                artist.set_transform(axes.transData)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=DPI, metadata={"Software": "sinks"})
    return stream.getvalue()


def _parts(node: ET.Element) -> Iterable[ET.Element]:
    for part in node:
        if part.tag.endswith("}g"):
            yield from _parts(part)
        elif not part.tag.endswith(("}title", "}defs")):
            yield part


def _drawn(part: ET.Element, faces: Faces) -> list[Any]:
    name = part.tag.rpartition("}")[2]
    if name == "text":
        return [_text(part, faces)]
    return [SHAPES[name](part)] if name in SHAPES else []


def _of(part: ET.Element, *names: str) -> list[float]:
    return [float(part.get(name) or 0.0) for name in names]


def _look(part: ET.Element) -> dict[str, Any]:
    """Return fill and stroke; a pattern is the hatching."""
    fill, stroke = part.get("fill", "#000"), part.get("stroke")
    if fill.startswith("url("):
        return {"fc": "none", "ec": HATCH, "lw": 0.0, "hatch": "/////"}
    wide = float(part.get("stroke-width") or 1.0) if stroke else 0.0
    look: dict[str, Any] = {"fc": fill, "ec": stroke or "none", "lw": wide, "joinstyle": "round"}
    return look | {"alpha": float(part.get("fill-opacity") or 1.0)}


def _rectangle(part: ET.Element) -> Any:
    x, y, wide, high = _of(part, "x", "y", "width", "height")
    shape = Rectangle((x, y), wide, high, **_look(part))
    if turn := part.get("transform"):
        angle, *centre = (float(word) for word in NUMBER.findall(turn))
        shape = Rectangle((x, y), wide, high, angle=angle, rotation_point=(centre[0], centre[1]),
                          **_look(part))  # fmt: skip
    return shape


def _line(part: ET.Element) -> Any:
    xs, ys = _of(part, "x1", "x2"), _of(part, "y1", "y2")
    return Line2D(xs, ys, color=part.get("stroke"), lw=float(part.get("stroke-width") or 1.0),
                  solid_capstyle="butt")  # fmt: skip


def _circle(part: ET.Element) -> Any:
    x, y, radius = _of(part, "cx", "cy", "r")
    return Circle((x, y), radius, **_look(part))


def _points(part: ET.Element) -> list[tuple[float, float]]:
    numbers = [float(word) for word in NUMBER.findall(str(part.get("points")))]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def _polygon(part: ET.Element) -> Any:
    return Polygon(_points(part) or [(0.0, 0.0)], **_look(part))


def _polyline(part: ET.Element) -> Any:
    spots = _points(part)
    dashes = [float(word) for word in NUMBER.findall(part.get("stroke-dasharray") or "")]
    style: Any = (0, tuple(dashes)) if dashes else "-"
    wide = float(part.get("stroke-width") or 1.0)
    style = (0, tuple(dash / wide for dash in dashes)) if dashes else style
    return Line2D([x for x, _ in spots], [y for _, y in spots], color=part.get("stroke"), lw=wide,
                  ls=style)  # fmt: skip


def _path(part: ET.Element) -> Any:
    places: list[tuple[float, float]] = []
    codes: list[Any] = []
    command, waiting = "M", list[float]()
    for sign in TOKEN.findall(str(part.get("d"))):
        if sign == "Z":
            places.append(places[-1])
            codes.append(Outline.CLOSEPOLY)
        elif sign in CODES:
            command = sign
        else:
            waiting.append(float(sign))
            code, count = CODES[command]
            if len(waiting) == 2 * count:
                places += zip(waiting[::2], waiting[1::2], strict=True)
                codes += [code] * count
                waiting = []
    return PathPatch(Outline(places, codes), **_look(part))


def _text(part: ET.Element, faces: Faces) -> Any:
    x, y = _of(part, "x", "y")
    turn = part.get("transform")
    angle = 0.0
    if turn:
        given, *centre = (float(word) for word in NUMBER.findall(turn))
        angle = -given
        x, y = Affine2D().rotate_deg_around(centre[0], centre[1], given).transform((x, y))
    side = {"end": "right", "middle": "center"}.get(part.get("text-anchor") or "", "left")
    bold = part.get("font-weight") in ("600", "700", "bold")
    shown = Text(
        x, y, faces.printable("".join(part.itertext())), color=part.get("fill") or "#000",
        ha=side, va="baseline", rotation=angle, rotation_mode="anchor", parse_math=False,
        fontproperties=faces.look(float(part.get("font-size") or 11.0), bold=bold),
    )  # fmt: skip
    if part.get("stroke"):
        shown.set_path_effects([withStroke(linewidth=HALO, foreground=part.get("stroke"))])
    return shown


SHAPES: Final[dict[str, Callable[[ET.Element], Any]]] = {
    "rect": _rectangle, "line": _line, "circle": _circle, "polygon": _polygon,
    "polyline": _polyline, "path": _path,
}  # fmt: skip
