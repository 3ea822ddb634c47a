"""A workbook that somebody else made, before it is opened: no bomb, no sheet without an end.

An .xlsx is an archive of XML. What it says of its size is checked against what it holds, and no
reference may stand for so many cells that a reader which makes each of them never comes to an end.
"""

from __future__ import annotations

import lzma
import re
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Final

#: Rows of a sheet of Excel.
MOST_ROWS: Final = 1_048_576
#: Files within a workbook, and cells that one of its references may stand for.
MOST_PARTS: Final = 2_000
MOST_CELLS: Final = 1_000_000
LISTING: Final = "[Content_Types].xml"
#: Elements whose every cell is made when a sheet is read.
SPREAD: Final = re.compile(
    rb"<(?:\w+:)?(?:mergeCell|hyperlink)\s[^>]*?\bref\s*=\s*[\"']"
    rb"\$?([A-Za-z]{1,9})\$?(\d{1,9}):\$?([A-Za-z]{1,9})\$?(\d{1,9})[\"']"
)
#: What reading a broken workbook can raise.
BROKEN: Final = (
    OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, SyntaxError,
    ArithmeticError, AssertionError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error,
    lzma.LZMAError,
)  # fmt: skip


class TooLargeError(ValueError):
    """A workbook holds more than it may, or more than it says."""


def parts_of(raw: bytes, *, most: int) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of every file within a workbook.

    Parameters
    ----------
    raw : bytes
    most : int
        What they may take together [bytes].

    Raises
    ------
    TooLargeError
        If they take more, or are more than they say, or a reference stands for too many cells.
    ValueError, or another of `BROKEN`
        If this is no workbook.
    """
    with zipfile.ZipFile(BytesIO(raw)) as archive:
        listed = archive.infolist()
        if len(listed) > MOST_PARTS or sum(part.file_size for part in listed) > most:
            raise TooLargeError
        names = {part.filename for part in listed}
        if len(names) != len(listed) or LISTING not in names:
            raise ValueError(LISTING)
        for part in listed:
            with archive.open(part) as stream:
                content = stream.read(part.file_size + 1)
            if len(content) > part.file_size:
                raise TooLargeError
            if part.filename.endswith((".xml", ".rels")) and b"<!DOCTYPE" in content:
                raise ValueError("DOCTYPE")
            if sum(map(_cells, SPREAD.findall(content))) > MOST_CELLS:
                raise TooLargeError
            yield part.filename, content


def _cells(ends: tuple[bytes, bytes, bytes, bytes]) -> int:
    left, top, right, bottom = ends
    return (abs(_column(right) - _column(left)) + 1) * (abs(int(bottom) - int(top)) + 1)


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = 26 * number + letter - ord("A") + 1
    return number
