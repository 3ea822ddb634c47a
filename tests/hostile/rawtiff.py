"""TIFF files built tag by tag: what no library would write."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Final

#: Type numbers of TIFF 6.0 and how they are packed.
SHORT, LONG, DOUBLE, ASCII, BYTE = 3, 4, 12, 2, 1
PACKED: Final = {SHORT: "H", LONG: "I", DOUBLE: "d", ASCII: "s", BYTE: "B"}

Tags = Mapping[int, tuple[int, tuple[float, ...] | bytes]]


def place_tags(west: float, north: float, cell: float, *, epsg: int) -> dict[int, object]:
    """Return the tags that place a raster in a projected CRS."""
    keys = (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, epsg)
    return {
        33550: (DOUBLE, (cell, cell, 0.0)),
        33922: (DOUBLE, (0.0, 0.0, 0.0, west, north, 0.0)),
        34735: (SHORT, keys),
    }


def grey(width: int, height: int, *, tile: int = 0, offsets: int = 1) -> dict[int, object]:
    """Return the tags of a byte raster without compression; all its blocks are sparse."""
    tags: dict[int, object] = {
        256: (LONG, (width,)), 257: (LONG, (height,)), 258: (SHORT, (8,)), 259: (SHORT, (1,)),
        262: (SHORT, (1,)), 277: (SHORT, (1,)),
    }  # fmt: skip
    if tile:
        return tags | {
            322: (LONG, (tile,)), 323: (LONG, (tile,)),
            324: (LONG, (0,) * offsets), 325: (LONG, (0,) * offsets),
        }  # fmt: skip
    return tags | {278: (LONG, (height,)), 273: (LONG, (0,)), 279: (LONG, (0,))}


def write_tiff(path: Path, *directories: Mapping[int, object]) -> Path:
    """Write a little-endian classic TIFF of one directory or several."""
    out = bytearray(b"II*\0\0\0\0\0")
    link = 4
    for tags in directories:
        out += b"\0" * (len(out) % 2)
        out[link : link + 4] = struct.pack("<I", len(out))
        entries, extra = bytearray(), bytearray()
        start = len(out) + 2 + 12 * len(tags) + 4
        for tag, (kind, values) in sorted(tags.items()):  # type: ignore[misc]
            packed = (
                values
                if isinstance(values, bytes)
                else struct.pack(f"<{len(values)}{PACKED[kind]}", *values)
            )
            count = len(values)
            if len(packed) > 4:
                where = start + len(extra)
                extra += packed + b"\0" * (len(packed) % 2)
                packed = struct.pack("<I", where)
            entries += struct.pack("<HHI", tag, kind, count) + packed.ljust(4, b"\0")
        out += struct.pack("<H", len(tags)) + entries
        link = len(out)
        out += b"\0\0\0\0" + extra
    path.write_bytes(out)
    return path


def tag_place(data: bytes, tag: int) -> int:
    """Return where the entry of a tag stands in the first directory of a classic TIFF."""
    (first,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, first)
    for entry in range(first + 2, first + 2 + 12 * count, 12):
        if struct.unpack_from("<H", data, entry)[0] == tag:
            return entry
    raise KeyError(tag)


def with_tag(path: Path, tag: int, value: int) -> None:
    """Put another number into a tag of the first directory."""
    data = bytearray(path.read_bytes())
    entry = tag_place(data, tag)
    struct.pack_into("<I", data, entry + 8, value)
    path.write_bytes(data)


def with_text(path: Path, tag: int, text: bytes) -> None:
    """Put other text, no longer than the old, into a text tag of the first directory."""
    data = bytearray(path.read_bytes())
    entry = tag_place(data, tag)
    count, where = struct.unpack_from("<II", data, entry + 4)
    at = where if count > 4 else entry + 8
    assert len(text) < count, "the new text is longer than the old"
    data[at : at + count] = text.ljust(count, b"\0")
    path.write_bytes(data)
