"""Shapefiles, plain and zipped: the parts checked and put together in memory, text decoded by us.

A Shapefile seldom says in which encoding its table is, and column names are cut at ten bytes, in
the middle of a Chinese character if need be. So GDAL hands the bytes through as they are (as
Latin-1, which maps every byte to one character), and the decoding is done here, strictly.
"""

from __future__ import annotations

import codecs
import io
import lzma
import stat
import struct
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Final

from pyproj import CRS
from pyproj.exceptions import CRSError

from sinks.boundaries.vectors import (
    RefusedError,
    Request,
    VectorLayer,
    choose_layer,
    few,
    gdal_info,
    gdal_read,
    limit_size,
    require_column,
)
from sinks.checks import Problems
from sinks.limits import Limits

#: The parts read; all others (indexes, metadata) are left alone.
PARTS: Final = (".shp", ".shx", ".dbf", ".prj", ".cpg")
NEEDED: Final = (".shp", ".shx", ".dbf")
#: Every byte is a character of Latin-1: nothing is lost between GDAL and us. Spelt as GDAL spells
#: it; in lower case GDAL does not know it and passes the bytes on as if they were UTF-8.
RAW: Final = "ISO-8859-1"
#: Code pages that programs write without knowing; Chinese text decodes to rubbish under them.
UNRELIABLE: Final = frozenset({"iso8859-1", "iso8859-15", "cp1252", "cp437", "cp850", "ascii"})
#: What a .cpg may hold besides names that Python knows.
CODE_PAGES: Final = {
    "936": "gbk", "ansi 936": "gbk", "54936": "gb18030", "950": "big5", "65001": "utf-8",
    "88591": "iso8859-1", "1252": "cp1252", "ansi 1252": "cp1252", "437": "cp437", "850": "cp850",
}  # fmt: skip
#: The table's own mark (byte 29 of the .dbf), where it names a Chinese code page.
LANGUAGE_DRIVERS: Final = {0x4D: "gbk", 0x4F: "big5", 0x7A: "gbk", 0x78: "big5"}
#: A dBase table begins with a head of at least so many bytes.
DBF_HEAD: Final = 33
#: dBase cuts column names at this many bytes.
NAME_BYTES: Final = 10
#: What reading a damaged archive can raise.
BAD_ZIP: Final = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError,
    RuntimeError, ValueError, LookupError,
)  # fmt: skip
#: Smaller archives may expand as they like [bytes].
FREE_BYTES: Final = 50 << 20


def is_shapefile(head: bytes) -> bool:
    """Tell whether a file's first bytes are a Shapefile's: code 9994 and version 1000."""
    if len(head) < 100:
        return False
    code, version = struct.unpack(">i", head[:4])[0], struct.unpack("<i", head[28:32])[0]
    return (code, version) == (9994, 1000)


def read_shapefile(path: Path, request: Request, *, problems: Problems) -> VectorLayer:
    """Read a Shapefile that lies open, with its parts beside it.

    Raises
    ------
    RefusedError
        If a part is missing or too large, or the content is not a Shapefile's.
    """
    choose_layer([path.stem], request.layer)
    parts: dict[str, bytes] = {}
    beside = {item.name.lower(): item for item in path.parent.iterdir() if item.is_file()}
    for ending in PARTS:
        part = beside.get(path.stem.lower() + ending)
        own = path if ending == ".shp" else path.with_suffix(ending)
        part = own if own.is_file() else part
        if part is None:
            continue
        if part.is_symlink() and not part.resolve().is_relative_to(path.parent.resolve()):
            raise RefusedError("regions.link_leaves_folder", part=part.name)
        size = part.stat().st_size + sum(map(len, parts.values()))
        limit_size(size, request.limits.boundary_mb, key="boundary_mb")
        parts[ending] = part.read_bytes()
    return _read_parts(parts, request, problems=problems)


def read_zip(path: Path, request: Request, *, problems: Problems) -> VectorLayer:
    """Read the one Shapefile of a zip archive, or the one that `layer` names.

    Raises
    ------
    RefusedError
        If the archive is damaged, encrypted, climbs out of its folder, expands too far, or holds
        no or several Shapefiles.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = _members(archive, request.limits)
            shapes = {PurePosixPath(name).stem: name for name in members if name.endswith(".shp")}
            stem = choose_layer(list(shapes), request.layer)
            base = shapes[stem].removesuffix(".shp")
            parts: dict[str, bytes] = {}
            for ending in PARTS:
                if base + ending in members:
                    with archive.open(members[base + ending]) as stream:
                        # The size a member declares may be a lie: read no further than the limit.
                        parts[ending] = stream.read((request.limits.boundary_mb << 20) + 1)
    except BAD_ZIP as error:
        raise RefusedError("regions.bad_zip", reason=str(error)[:200]) from error
    limit_size(sum(map(len, parts.values())), request.limits.boundary_mb, key="boundary_mb")
    return _read_parts(parts, request, problems=problems)


def _members(archive: zipfile.ZipFile, limits: Limits) -> dict[str, zipfile.ZipInfo]:
    """Return an archive's files by name (ending in lower case), after checking all of them."""
    infos = [info for info in archive.infolist() if not info.is_dir()]
    bad = [info.filename for info in infos if _climbs(info)]
    if bad:
        raise RefusedError("regions.zip_name", names=few([name[:80] for name in bad]))
    size = sum(info.file_size for info in infos)
    ratio = size / max(sum(info.compress_size for info in infos), 1)
    too_thin = size > FREE_BYTES and ratio > limits.zip_ratio
    if len(infos) > limits.zip_members or size > limits.boundary_mb << 20 or too_thin:
        raise RefusedError(
            "regions.zip_limit",
            size=f"{size >> 20:,}",
            ratio=f"{ratio:,.0f}",
            members=len(infos),
            most_mb=f"{limits.boundary_mb:,}",
            most_members=f"{limits.zip_members:,}",
            most_ratio=f"{limits.zip_ratio:,}",
        )
    names = [info.filename.lower() for info in infos]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise RefusedError("regions.bad_zip", reason=f"2 × {twice[:80]}")
    if any(info.flag_bits & 1 for info in infos):
        raise RefusedError("regions.bad_zip", reason="encrypted")
    named: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        name = PurePosixPath(info.filename)
        # macOS adds a shadow of every file.
        if name.parts[0] != "__MACOSX" and not name.name.startswith("._"):
            named[str(name.with_suffix(name.suffix.lower()))] = info
    return named


def _climbs(info: zipfile.ZipInfo) -> bool:
    """Tell whether a member's name leaves the archive's folder, or the member is a link."""
    name = PurePosixPath(info.filename.replace("\\", "/"))
    drive = len(info.filename) > 1 and info.filename[1] == ":"
    link = stat.S_ISLNK(info.external_attr >> 16)
    return name.is_absolute() or ".." in name.parts or drive or link


def _read_parts(parts: dict[str, bytes], request: Request, *, problems: Problems) -> VectorLayer:
    """Read a Shapefile from its parts, under the first encoding that all its text fits."""
    missing = [ending for ending in NEEDED if ending not in parts]
    if missing:
        raise RefusedError("regions.missing_part", parts=", ".join(missing))
    if not is_shapefile(parts[".shp"]):
        raise RefusedError("regions.content", found=repr(parts[".shp"][:24])[1:])
    _compare_counts(parts, request, problems=problems)
    content = _packed(parts)
    info = gdal_info(content, "ESRI Shapefile", limits=request.limits, encoding=RAW)
    raw_names = [str(name).encode(RAW) for name in info["fields"]]
    failed = []
    for encoding in _candidates(parts, request):
        try:
            names = [_decode(name, encoding)[0] for name in raw_names]
            asked = _asked(request, names)
            places = [_place(column, names, encoding=encoding) for column in asked]
            wanted = [str(info["fields"][place]) for place in places]
            table, geometry, bad = gdal_read(content, wanted, info=info, encoding=RAW)
            columns, cut = _decoded(table, encoding)
        except UnicodeError:
            failed.append(encoding)
            continue
        told = raw_names + _bytes_of(table)
        _tell_encoding(parts, request, used=encoding, texts=told, problems=problems)
        for column, place, name in zip(asked, places, wanted, strict=True):
            where = {"file": request.shown, "place": column}
            if names[place] != column:
                problems.repair("regions.column_cut", **where, found=names[place])
            if cut[name]:
                problems.repair("regions.text_cut", **where, count=cut[name])
        values = dict(zip(asked, (columns[name] for name in wanted), strict=True))
        return VectorLayer(values, geometry, bad, _crs(parts))
    raise RefusedError("regions.encoding_wrong", encoding=", ".join(failed))


def _compare_counts(parts: dict[str, bytes], request: Request, *, problems: Problems) -> None:
    """Refuse a table with another number of rows than there are shapes; tell of deleted rows.

    GDAL would read as many as both have, and leave the deleted ones out: land without a word.
    """
    table = parts[".dbf"]
    if len(table) < DBF_HEAD:
        return
    rows, head, size = struct.unpack_from("<IHH", table, 4)
    shapes = max(len(parts[".shx"]) - 100, 0) // 8
    if rows != shapes:
        raise RefusedError("regions.parts_disagree", rows=rows, shapes=shapes)
    marks = table[head : head + rows * size : max(size, 1)]
    if b"*" in marks:
        count = marks.count(b"*")
        problems.warn("regions.rows_deleted", file=request.shown, count=count)


def _asked(request: Request, names: Sequence[str]) -> tuple[str, ...]:
    """Return the columns to read; those that must be there may have lost the end of their name."""
    more = replace(request, columns=()).wanted(names)
    return tuple(dict.fromkeys((*request.columns, *more)))


def _packed(parts: dict[str, bytes]) -> bytes:
    """Return the parts that GDAL needs as an archive in memory, under names of our own."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for ending in NEEDED:
            archive.writestr("regions" + ending, parts[ending])
    return buffer.getvalue()


def _crs(parts: dict[str, bytes]) -> CRS | None:
    """Return the CRS of the .prj; its name may be in GBK, which GDAL cannot take."""
    raw = parts.get(".prj", b"").strip(b" \r\n\t\0")
    if not raw:
        return None
    try:
        written = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        written = raw.decode("gb18030", "replace")
    try:
        crs = CRS.from_wkt(written)
    except CRSError as error:
        raise RefusedError("regions.crs_unknown", found=written[:120]) from error
    # Esri's names differ from EPSG's: the same CRS under its code, if it is surely one.
    code = crs.to_epsg(min_confidence=90)
    return crs if code is None else CRS.from_epsg(code)


def _declared(parts: dict[str, bytes]) -> str | None:
    """Return the encoding that the .cpg or the table's own mark declares, if Python knows it."""
    written = parts.get(".cpg", b"")[:40].decode("ascii", "ignore").strip().lower()
    name = CODE_PAGES.get(written, written.replace("ansi ", "cp").replace(" ", "-"))
    if not name:
        table = parts[".dbf"]
        name = LANGUAGE_DRIVERS.get(table[29], "") if len(table) > 29 else ""
    if not name:
        return None
    try:
        b"1".decode(name)  # refuses also codecs that are not of text, such as base64
    except (LookupError, ValueError):
        return None
    return codecs.lookup(name).name


def _candidates(parts: dict[str, bytes], request: Request) -> list[str]:
    """Return the encodings to try, in order: asserted, declared, then by strict decoding."""
    if request.encoding:
        return [request.encoding]
    declared = _declared(parts)
    if declared is None:
        return ["utf-8", "gb18030"]
    if declared in UNRELIABLE:
        # Every byte decodes under these. Text that is also strict UTF-8, or made of the double
        # bytes of GB2312 only, is that: in a European language accents do not come in pairs.
        return ["utf-8", "gb2312", declared]
    return list(dict.fromkeys([declared, "utf-8", "gb18030"]))


def _tell_encoding(
    parts: dict[str, bytes],
    request: Request,
    *,
    used: str,
    texts: list[bytes],
    problems: Problems,
) -> None:
    """Record how the encoding was found, unless the text is plain ASCII or it was declared."""
    declared = _declared(parts)
    if request.encoding or used == declared or all(item.isascii() for item in texts):
        return
    if declared is None:
        problems.repair("regions.encoding_detected", file=request.shown, encoding=used.upper())
    else:
        problems.repair(
            "regions.encoding_replaced",
            file=request.shown,
            encoding=used.upper(),
            declared=declared,
        )


def _decode(raw: bytes, encoding: str) -> tuple[str, bool]:
    """Decode strictly, but for a last character that was cut; tell whether one was."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    content = decoder.decode(raw, final=False)
    return content, bool(decoder.getstate()[0])


def _place(column: str, names: Sequence[str], *, encoding: str) -> int:
    """Return the place of a column, found also under the ten bytes that dBase left of its name."""
    if column in names:
        return list(names).index(column)
    long = column.encode(encoding, "replace")
    short = _decode(long[:NAME_BYTES], encoding)[0]
    cut = [place for place, name in enumerate(names) if len(long) > NAME_BYTES and name == short]
    if len(cut) != 1:
        require_column(column, names)
    return cut[0]


def _bytes_of(table: dict[str, list[object]]) -> list[bytes]:
    """Return the raw bytes of all text values."""
    return [v.encode(RAW) for values in table.values() for v in values if isinstance(v, str)]


def _decoded(
    table: dict[str, list[object]], encoding: str
) -> tuple[dict[str, list[object]], dict[str, int]]:
    """Decode the text values, and count those whose last character was cut."""
    columns: dict[str, list[object]] = {}
    cut: dict[str, int] = {}
    for name, values in table.items():
        pairs = [
            _decode(value.encode(RAW), encoding) if isinstance(value, str) else (value, False)
            for value in values
        ]
        columns[name] = [value for value, _ in pairs]
        cut[name] = sum(was_cut for _, was_cut in pairs)
    return columns, cut
