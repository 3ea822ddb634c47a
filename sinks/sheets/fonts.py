"""Fonts for printed maps: one that has Chinese characters, or a message that says what to install.

A character that no font has would be printed as an empty box; here it is found beforehand.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from matplotlib import font_manager
from matplotlib.font_manager import FontEntry, FontProperties
from matplotlib.ft2font import FT2Font

from sinks.errors import OutputFailed
from sinks.texts import Language, text

#: Fonts with simplified Chinese forms as systems and office programs bring them, best first.
CHINESE: Final = (
    "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN",
    "Microsoft YaHei", "PingFang SC", "Hiragino Sans GB", "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei", "SimHei", "Heiti SC", "STHeiti", "Noto Serif CJK SC",
    "Source Han Serif SC", "SimSun", "Songti SC",
)  # fmt: skip
#: Comes with matplotlib: there is always a font for Latin letters and signs.
PLAIN: Final = "DejaVu Sans"
#: Carbon, sink, wetland, forest, mu, and characters of place names: who has these prints them all.
PROBE: Final = frozenset(
    (0x78B3, 0x6C47, 0x6E7F, 0x5730, 0x68EE, 0x6797, 0x4EA9, 0x9102, 0x8862, 0x6FEE)
)
REGULAR, BOLD = 400, 700
#: Where Chinese, Japanese and Korean characters begin.
FIRST_HAN: Final = 0x2E80


@dataclass(frozen=True)
class Faces:
    """The fonts that a page is set in: the first that has a character prints it."""

    families: tuple[str, ...]
    held: frozenset[int]

    def look(self, size: float, *, bold: bool = False) -> FontProperties:
        """Return a font of `size` [pt]."""
        weight = BOLD if bold else REGULAR
        return FontProperties(family=list(self.families), weight=weight, size=size)

    def printable(self, words: str) -> str:
        r"""Return text that prints: nothing that steers, no character that would be a box.

        Examples
        --------
        >>> Faces((), frozenset(map(ord, "<U+0123456789ABCDEF>"))).printable("A\u202e\U00020bb7")
        'A<U+20BB7>'
        """
        kept = (sign for sign in words if unicodedata.category(sign)[0] != "C")
        return "".join(sign if ord(sign) in self.held else f"<U+{ord(sign):04X}>" for sign in kept)


def _entries() -> list[FontEntry]:
    """Return every face installed, those of fonts installed since the last start included."""
    manager = font_manager.fontManager
    known = {str(entry.fname) for entry in manager.ttflist}
    for path in sorted(set(font_manager.findSystemFonts()) - known):
        try:
            manager.addfont(path)
        except (OSError, RuntimeError):  # a broken font is none
            continue
    upright = [entry for entry in manager.ttflist if entry.style == "normal"]
    return sorted(upright, key=lambda entry: (entry.name, str(entry.fname), entry.index))


def _characters(entry: FontEntry) -> frozenset[int]:
    """Return what a face can print."""
    try:
        return frozenset(FT2Font(entry.fname, face_index=entry.index).get_charmap())
    except (OSError, RuntimeError):
        return frozenset()


def _chinese(entries: list[FontEntry]) -> FontEntry | None:
    """Return the face that prints Chinese best; None if none does."""
    regular = [entry for entry in entries if entry.weight in (REGULAR, "normal")]
    for family in CHINESE:
        for entry in regular:
            if entry.name == family:
                return entry
    return next((entry for entry in regular if _characters(entry) >= PROBE), None)


def faces_for(words: Iterable[str], language: Language) -> Faces:
    """Return the fonts for what is to be printed.

    Parameters
    ----------
    words : iterable of str
        Everything that comes from data or strings.
    language : {"zh", "en"}
        Of the message.

    Raises
    ------
    OutputFailed
        If there is Chinese among the words and no font with Chinese characters is installed.
    """
    entries = _entries()
    plain = next(entry for entry in entries if entry.name == PLAIN)
    main = _chinese(entries)
    if main is None:
        found = next((w for w in words if any(ord(sign) >= FIRST_HAN for sign in w)), None)
        if found is not None:
            raise OutputFailed(text("sheets.no_font", language, text=found[:40]))
        return Faces((PLAIN,), _characters(plain))
    return Faces((main.name, PLAIN), _characters(main) | _characters(plain))
