"""A bureau's own workbook, opened only if it is one: no macros, no links, no bomb."""

from __future__ import annotations

import warnings
from io import BytesIO
from pathlib import Path
from typing import Final

from openpyxl import Workbook, load_workbook

from sinks.checks import Problems
from sinks.limits import ordinary
from sinks.texts import text
from sinks.workbookfile import BROKEN, LISTING, TooLargeError, parts_of

#: What the main part of a workbook without macros is called in its list of contents.
PLAIN: Final = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
#: Parts that run programs or reach for other files; the word tells which was found.
REFUSED: Final = {
    "vbaProject": "macros",
    "xl/macrosheets/": "macros",
    "xl/activeX/": "controls",
    "xl/ctrlProps/": "controls",
    "customUI": "controls",
    "xl/embeddings/": "embedded",
    "xl/externalLinks/": "links",
    "xl/connections": "connections",
    "xl/queryTables/": "connections",
}
#: Parts that are not carried over.
LOST: Final = {
    "xl/charts/": "charts", "xl/drawings/drawing": "drawings", "xl/media/": "pictures",
    "xl/pivotTables/": "pivots", "xl/slicers/": "slicers",
}  # fmt: skip
#: Most that a template may hold on disk, and unpacked [bytes].
MOST_PACKED: Final = 20 << 20
MOST_BYTES: Final = 100 << 20


def open_template(path: Path, problems: Problems, *, file: str) -> Workbook | None:
    """Open a template.

    Parameters
    ----------
    path : Path
    problems : Problems
        Takes what is wrong with it.
    file : str
        The template as the study names it.

    Returns
    -------
    Workbook or None
        None if it was refused.
    """
    try:
        raw = path.read_bytes() if ordinary(path).stat().st_size <= MOST_PACKED else None
        if raw is None:
            problems.error("template.too_large", file=file, most=MOST_BYTES >> 20)
            return None
        if not _is_safe(raw, problems, file=file):
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is lost has been told above
            return load_workbook(BytesIO(raw), keep_vba=False, keep_links=False, rich_text=False)
    except TooLargeError:
        problems.error("template.too_large", file=file, most=MOST_BYTES >> 20)
        return None
    except BROKEN as error:
        problems.error(
            "template.unreadable", file=file, reason=str(error)[:120] or type(error).__name__
        )
        return None


def _is_safe(raw: bytes, problems: Problems, *, file: str) -> bool:
    """Tell whether a workbook holds nothing but cells; name every other thing."""
    found, lost = set(), set()
    for name, content in parts_of(raw, most=MOST_BYTES):
        found |= {word for mark, word in REFUSED.items() if mark in name}
        lost |= {word for mark, word in LOST.items() if name.startswith(mark)}
        if name == LISTING and PLAIN not in content:
            found.add("macros" if b"macroEnabled" in content else "no_workbook")
        if name.endswith(".rels") and _leads_out(content):
            found.add("links")
    for word in sorted(found):
        problems.error("template.refused", file=file, what=_named(word, problems))
    if lost:
        words = ", ".join(_named(word, problems) for word in sorted(lost))
        problems.warn("template.lost", file=file, what=words)
    return not found


def _named(word: str, problems: Problems) -> str:
    return text(f"template.part.{word}", problems.language)


def _leads_out(content: bytes) -> bool:
    """Tell whether relations lead to other files; the addresses of hyperlinks are only text."""
    return any(
        b'TargetMode="External"' in relation and b"/hyperlink" not in relation
        for relation in content.split(b"<Relationship ")
    )
