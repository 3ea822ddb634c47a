"""A bureau's own workbook, opened only if it is one: no macros, no links, no bomb."""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path
from typing import Final

from openpyxl import Workbook, load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from sinks.checks import Problems

#: What the main part of a workbook without macros is called in its list of contents.
PLAIN: Final = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
LISTING: Final = "[Content_Types].xml"
#: Parts that run programs or reach for other files; the word tells which was found.
REFUSED: Final = {
    "vbaProject": "macros",
    "xl/macrosheets/": "macros",
    "xl/activeX/": "controls",
    "xl/ctrlProps/": "controls",
    "customUI": "controls",
    "xl/embeddings/": "embedded files",
    "xl/externalLinks/": "links to other files",
    "xl/connections": "data connections",
    "xl/queryTables/": "data connections",
}
#: Parts that are not carried over.
LOST: Final = {
    "xl/charts/": "charts", "xl/drawings/drawing": "drawings", "xl/media/": "pictures",
    "xl/pivotTables/": "pivot tables", "xl/slicers/": "slicers",
}  # fmt: skip
#: Most that a template may hold: parts, bytes on disk, bytes unpacked.
MOST_PARTS: Final = 2_000
MOST_PACKED: Final = 20 << 20
MOST_BYTES: Final = 100 << 20
#: What reading a broken workbook can raise.
BROKEN: Final = (
    OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, SyntaxError,
    zipfile.BadZipFile, InvalidFileException, RuntimeError, EOFError,
)  # fmt: skip


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
        raw = path.read_bytes() if path.stat().st_size <= MOST_PACKED else b""
        if not raw:
            problems.error("template.too_large", file=file, most=MOST_BYTES >> 20)
            return None
        if not _is_safe(raw, problems, file=file):
            return None
        return load_workbook(BytesIO(raw), keep_vba=False, keep_links=False, rich_text=False)
    except BROKEN as error:
        problems.error(
            "template.unreadable", file=file, reason=str(error)[:120] or type(error).__name__
        )
        return None


def _is_safe(raw: bytes, problems: Problems, *, file: str) -> bool:
    """Tell whether a workbook holds nothing but cells; name every other thing."""
    with zipfile.ZipFile(BytesIO(raw)) as parts:
        listed = parts.infolist()
        size = sum(part.file_size for part in listed)
        if len(listed) > MOST_PARTS or size > MOST_BYTES:
            problems.error("template.too_large", file=file, most=MOST_BYTES >> 20)
            return False
        names = [part.filename for part in listed]
        if len(set(names)) != len(names) or LISTING not in names:
            raise ValueError(LISTING)
        found = {word for mark, word in REFUSED.items() for name in names if mark in name}
        total = 0
        for part in listed:
            with parts.open(part) as stream:
                content = stream.read(part.file_size + 1)
            total += len(content)
            if len(content) > part.file_size or total > MOST_BYTES:
                problems.error("template.too_large", file=file, most=MOST_BYTES >> 20)
                return False
            if part.filename.endswith((".xml", ".rels")) and b"<!DOCTYPE" in content:
                raise ValueError("DOCTYPE")
            if part.filename == LISTING and PLAIN not in content:
                found.add("macros" if b"macroEnabled" in content else "no workbook")
            if part.filename.endswith(".rels") and _leads_out(content):
                found.add("links to other files")
        lost = {word for mark, word in LOST.items() for name in names if name.startswith(mark)}
    for word in sorted(found):
        problems.error("template.refused", file=file, what=word)
    if lost:
        problems.warn("template.lost", file=file, what=", ".join(sorted(lost)))
    return not found


def _leads_out(content: bytes) -> bool:
    """Tell whether relations lead to other files; the addresses of hyperlinks are only text."""
    return any(
        b'TargetMode="External"' in relation and b"/hyperlink" not in relation
        for relation in content.split(b"<Relationship ")
    )
