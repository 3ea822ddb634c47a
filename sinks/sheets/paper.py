"""A sheet of paper: text and lines in millimetres of A4, larger paper enlarges all of it."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, Final, Literal

import matplotlib as mpl
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.textpath import text_to_path

from sinks.sheets.fonts import Faces

Paper = Literal["a4", "a3"]
#: Width of the paper [mm]; both lie on their long side and have one shape.
WIDTHS: Final[dict[Paper, float]] = {"a4": 297.0, "a3": 420.0}
WIDTH, HEIGHT = 297.0, 210.0
MM_PER_INCH, MM_PER_POINT = 25.4, 25.4 / 72
INK, GREY, RULE, ACCENT, STAMP = "#22302f", "#5d6a68", "#aab6b3", "#0b4f4a", "#b3261e"
#: Dots of a PNG per inch.
DPI: Final = 200
#: Smallest text on A4 [pt].
SMALLEST: Final = 4.5
#: Letters of a PDF as outlines that can be searched: the way that also holds for fonts with
#: PostScript outlines, as the freely available Chinese ones are.
FONT_TYPE: Final = 3
ELLIPSIS: Final = "…"


@dataclass(frozen=True)
class Ink:
    """How text looks: size [pt on A4], weight, colour."""

    size: float
    bold: bool = False
    colour: str = INK


class Page:
    """A page with an outer frame of its own; `axes` cover it in millimetres of A4.

    Parameters
    ----------
    paper : {"a4", "a3"}
    faces : Faces
    """

    def __init__(self, paper: Paper, faces: Faces) -> None:
        self.faces, self.paper = faces, paper
        self.enlarged = WIDTHS[paper] / WIDTH
        size = [side * self.enlarged / MM_PER_INCH for side in (WIDTH, HEIGHT)]
        self.figure = Figure(figsize=(size[0], size[1]), dpi=DPI, facecolor="white")
        self.axes = self.inset((0, 0, WIDTH, HEIGHT))
        self.axes.set(xlim=(0, WIDTH), ylim=(0, HEIGHT))
        self.axes.set_axis_off()
        self.axes.set_zorder(2)  # what it holds lies over the insets

    def inset(self, box: tuple[float, float, float, float]) -> Any:
        """Return axes that fill a box (left, bottom, width, height) [mm]."""
        left, bottom, width, height = box
        return self.figure.add_axes((left / WIDTH, bottom / HEIGHT, width / WIDTH, height / HEIGHT))

    def points(self, size: float) -> float:
        """Return a line width or font size [pt] on this paper of one on A4."""
        return size * self.enlarged

    def width(self, words: str, ink: Ink) -> float:
        """Return how wide a text is [mm on A4]."""
        look = self.faces.look(ink.size, bold=ink.bold)
        wide, _, _ = text_to_path.get_text_width_height_descent(words, look, ismath=False)
        return float(wide) * MM_PER_POINT

    def fitted(self, words: str, ink: Ink, *, room: float) -> tuple[str, Ink]:
        """Return text that fits: smaller down to two thirds, then cut."""
        words = self.faces.printable(words)
        wide = self.width(words, ink)
        least = max(ink.size * 2 / 3, min(SMALLEST, ink.size))
        if wide > room:
            ink = Ink(max(least, ink.size * room / wide), ink.bold, ink.colour)
        while len(words) > 1 and self.width(words, ink) > room:
            keep = max(1, int(len(words) * room / self.width(words, ink)) - 1)
            words = words[: min(keep, len(words) - 2)].rstrip(ELLIPSIS + " ") + ELLIPSIS
        return words, ink

    def wrapped(self, words: str, ink: Ink, *, room: float, most: int = 9) -> list[str]:
        """Return text in lines that fit; what `most` lines cannot hold is cut."""
        lines: list[str] = []
        rest = self.faces.printable(words)
        while rest and len(lines) < most - 1 and self.width(rest, ink) > room:
            end = max(1, int(len(rest) * room / self.width(rest, ink)))
            while end < len(rest) and self.width(rest[: end + 1], ink) <= room:
                end += 1
            while end > 1 and self.width(rest[:end], ink) > room:
                end -= 1
            end = _break(rest, end)
            lines.append(rest[:end].rstrip())
            rest = rest[end:].lstrip()
        return [*lines, self.fitted(rest, ink, room=room)[0]] if rest else lines

    def write(self, at: tuple[float, float], words: str, *, ink: Ink, room: float = 0.0,
              **where: Any) -> None:  # fmt: skip
        """Write one line; with `room` [mm] it is made to fit.

        `where` holds matplotlib's ``ha``, ``va``, ``rotation``, ``zorder``, ``axes`` and ``halo``.
        """
        if room:
            words, ink = self.fitted(words, ink, room=room)
        axes, halo = where.pop("axes", self.axes), where.pop("halo", 0.0)
        look = self.faces.look(self.points(ink.size), bold=ink.bold)
        effects = [withStroke(linewidth=self.points(halo), foreground="white")] if halo else []
        axes.text(
            *at, self.faces.printable(words), fontproperties=look, color=ink.colour,
            parse_math=False, path_effects=effects, **{"va": "baseline", **where},
        )  # fmt: skip

    def line(self, start: tuple[float, float], end: tuple[float, float], *, width: float,
             colour: str = INK) -> None:  # fmt: skip
        """Draw a straight line of a width [pt]."""
        xs, ys = zip(start, end, strict=True)
        self.axes.add_line(
            Line2D(xs, ys, lw=self.points(width), color=colour, solid_capstyle="butt")
        )

    def box(self, box: tuple[float, float, float, float], *, fill: str = "none", edge: str = "none",
            width: float = 0.5, **more: Any) -> None:  # fmt: skip
        """Draw a rectangle (left, bottom, width, height) [mm]."""
        left, bottom, wide, high = box
        look: dict[str, Any] = {
            "fc": fill,
            "ec": edge,
            "lw": self.points(width),
            "joinstyle": "miter",
        }
        self.axes.add_artist(Rectangle((left, bottom), wide, high, **look, **more))

    def saved(self, form: str, *, title: str) -> bytes:
        """Return the page as ``pdf`` or ``png``; equal pages give equal bytes."""
        stream = io.BytesIO()
        if form == "png":
            about: dict[str, Any] = {"Title": title, "Software": "sinks"}
            self.figure.savefig(stream, format="png", dpi=DPI, metadata=about)
            return stream.getvalue()
        about = {"Title": title, "Creator": "sinks", "CreationDate": None}
        with _as_pdf():
            self.figure.savefig(stream, format="pdf", metadata=about)
        return stream.getvalue()


class Book:
    """Sheets one after the other in one PDF, which holds every letter's outline once."""

    def __init__(self, title: str) -> None:
        self.stream = io.BytesIO()
        about: dict[str, Any] = {"Title": title, "Creator": "sinks", "CreationDate": None}
        with _as_pdf():
            self.pages: Any = PdfPages(self.stream, metadata=about)

    def add(self, page: Page) -> None:
        """Append a page."""
        with _as_pdf():
            self.pages.savefig(page.figure)

    def saved(self) -> bytes:
        """Return the file; equal sheets give equal bytes."""
        with _as_pdf():
            self.pages.close()
        return self.stream.getvalue()


def _as_pdf() -> Any:
    """Return the settings that a PDF is written with."""
    return mpl.rc_context({"pdf.fonttype": FONT_TYPE, "pdf.compression": 9})


def _break(words: str, end: int) -> int:
    """Return where a line may end at or before `end`: never within a Latin word or number."""
    for place in range(end, max(end - 24, 1), -1):
        here = words[place : place + 1]
        if here in ("", " ") or (words[place - 1] == " "):
            return place
        both_han = ord(words[place - 1]) > 0x2E80 or ord(here) > 0x2E80
        if both_han and here not in "，。；：、）】》%":
            return place
    return end
