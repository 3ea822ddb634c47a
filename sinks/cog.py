"""Write a cloud-optimised GeoTIFF tile by tile, its overviews in the same pass.

GDAL's COG driver reads a finished file, averages it on one processor and packs everything once
more: three times the work. Here each tile is packed once, where it is made, by whichever thread
made it. GDAL writes the tags, which say what the cells are and where they lie.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Final, Self

import numpy as np
import numpy.typing as npt
from rasterio.io import MemoryFile

from sinks.compiled import compiled

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
#: Number, type, count and value of a tag; the value as it stands in the file.
Tag = tuple[int, int, int, bytes]

#: Rows and columns of a tile.
BLOCK: Final = 512
#: Level of zlib: the next ones take two to three times as long and save a third.
LEVEL: Final = 1
#: Bytes of the types of tags.
TYPE_BYTES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 11: 4, 12: 8, 16: 8}
SHORT, LONG, LONG8 = 3, 4, 16
WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, SAMPLES, PLANAR = 256, 257, 258, 259, 262, 277, 284
SUBFILE, TILE_WIDTH, TILE_HEIGHT, OFFSETS, COUNTS, FORMAT = 254, 322, 323, 324, 325, 339
ADOBE_DEFLATE, FLOATS, OVERVIEW = 8, 3, 1
#: Tags of GDAL that are taken over: position, projection, metadata and no data.
TAKEN: Final = frozenset({33550, 33922, 34264, 34735, 34736, 34737, 42112, 42113})
NODATA: Final = 42113
#: Tells GDAL how the file is laid out; every tile stands between its size and its last bytes.
STRUCTURE: Final = (
    b"LAYOUT=IFDS_BEFORE_DATA\nBLOCK_ORDER=ROW_MAJOR\nBLOCK_LEADER=SIZE_AS_UINT4\n"
    b"BLOCK_TRAILER=LAST_4_BYTES_REPEATED\nKNOWN_INCOMPATIBLE_EDITION=NO\n "
)
GHOST: Final = b"GDAL_STRUCTURAL_METADATA_SIZE=%06d bytes\n" % len(STRUCTURE) + STRUCTURE
#: Files up to here have offsets of 32 bits, as every program can read them.
CLASSIC_BYTES: Final = 4_000_000_000


def packed(tile: Floats) -> bytes:
    """Return a tile as it stands in the file; beyond the raster's border nothing is known."""
    if tile.shape != (BLOCK, BLOCK):
        part, tile = tile, np.full((BLOCK, BLOCK), np.nan, np.float32)
        tile[: part.shape[0], : part.shape[1]] = part
    return zlib.compress(tile.astype("<f4", copy=False).tobytes(), LEVEL)


@compiled
def halved(tile: Floats) -> Floats:
    """Return a tile at half the resolution: the mean of the cells that are known, NaN if none."""
    rows, cols = (tile.shape[0] + 1) // 2, (tile.shape[1] + 1) // 2
    out = np.empty((rows, cols), np.float32)
    for r in range(rows):
        for c in range(cols):
            total, count = 0.0, 0
            for i in range(2 * r, min(2 * r + 2, tile.shape[0])):
                for j in range(2 * c, min(2 * c + 2, tile.shape[1])):
                    if not np.isnan(tile[i, j]):
                        total += tile[i, j]
                        count += 1
            out[r, c] = np.float32(total / count) if count else np.float32(np.nan)
    return out


def shapes_of(height: int, width: int) -> list[tuple[int, int]]:
    """Return rows and columns of a raster and its overviews, down to one that is a tile."""
    shapes = [(height, width)]
    while max(shapes[-1]) > BLOCK:
        shapes.append(((shapes[-1][0] + 1) // 2, (shapes[-1][1] + 1) // 2))
    return shapes


def tiles_of(shape: tuple[int, int]) -> tuple[int, int]:
    """Return how many tiles lie below and beside each other."""
    return -(-shape[0] // BLOCK), -(-shape[1] // BLOCK)


class TileStore:
    """The packed tiles of a raster and its overviews, in the order in which they come.

    Parameters
    ----------
    path : Path
        Of the file that holds them until all are there.
    height, width : int
        Of the raster.
    """

    def __init__(self, path: Path, height: int, *, width: int) -> None:
        self.path, self.shapes = path, shapes_of(height, width)
        self._stream: IO[bytes] = path.open("w+b")
        self._starts = [np.zeros(tiles_of(shape), np.int64) for shape in self.shapes]
        self.sizes = [np.zeros(tiles_of(shape), np.int64) for shape in self.shapes]
        self._waiting: dict[tuple[int, int, int], tuple[Floats, int]] = {}

    def take(
        self,
        tiles: Iterable[tuple[int, int, int, bytes]],
        halves: Iterable[tuple[int, int, Floats]],
    ) -> None:
        """Take tiles, each once.

        Parameters
        ----------
        tiles : iterable of (int, int, int, bytes)
            Level, row and column of tiles of the raster and its first overview.
        halves : iterable of (int, int, ndarray)
            Row and column of tiles of the first overview, at half their resolution: the tiles of
            the overviews above are made of these.
        """
        for level, row, col, tile in tiles:
            self._add(level, row, col=col, tile=tile)
        for row, col, half in halves:
            self._above(1, row, col=col, half=half)

    def _add(self, level: int, row: int, *, col: int, tile: bytes) -> None:
        self._starts[level][row, col] = self._stream.tell()
        self.sizes[level][row, col] = len(tile)
        self._stream.write(tile)

    def _above(self, level: int, row: int, *, col: int, half: Floats) -> None:
        """Take a tile at half its resolution; where four meet, the next level has a tile more."""
        if level + 1 >= len(self.shapes):
            return
        place = (level + 1, row // 2, col // 2)
        down, right = tiles_of(self.shapes[level])
        whole, missing = self._waiting.pop(place, (None, 0))
        if whole is None:
            height, width = self.shapes[level + 1]
            size = (min(BLOCK, height - place[1] * BLOCK), min(BLOCK, width - place[2] * BLOCK))
            whole = np.full(size, np.nan, np.float32)
            missing = min(2, down - row // 2 * 2) * min(2, right - col // 2 * 2)
        top, left = row % 2 * (BLOCK // 2), col % 2 * (BLOCK // 2)
        whole[top : top + half.shape[0], left : left + half.shape[1]] = half
        if missing > 1:
            self._waiting[place] = (whole, missing - 1)
            return
        self._add(place[0], place[1], col=place[2], tile=packed(whole))
        self._above(place[0], place[1], col=place[2], half=halved(whole))

    def tiles(self, level: int) -> Iterator[bytes]:
        """Yield the tiles of a level, row by row."""
        starts, sizes = self._starts[level].ravel().tolist(), self.sizes[level].ravel().tolist()
        for start, size in zip(starts, sizes, strict=True):
            self._stream.seek(start)
            yield self._stream.read(size)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        self.path.unlink(missing_ok=True)


def write_cog(
    path: Path, store: TileStore, *, profile: Mapping[str, Any], tags: Mapping[str, str], unit: str
) -> None:
    """Write a raster whose tiles are all there.

    Parameters
    ----------
    path : Path
    store : TileStore
        float32, NaN for no data.
    profile : mapping
        ``crs`` and ``transform``, as rasterio takes them.
    tags : mapping
        Of the file.
    unit : str
        Of its band, which has it as a tag, too.

    Notes
    -----
    TIFF 6.0; BigTIFF from 4 GB on. Directories stand first, the raster's before its overviews';
    then the tiles, the coarsest level first: GDAL's `COG driver documentation`, "File format".
    """
    taken = _taken(profile, tags=tags, unit=unit)
    spans = [sizes + 8 for sizes in store.sizes]  # with what stands before and after each tile
    rough = sum(int(span.sum()) + 16 * span.size for span in spans)
    form = _Form(big=rough > CLASSIC_BYTES)
    directories = [_directory(store, level, taken=taken) for level in range(len(spans))]
    start = form.header_bytes + len(GHOST)
    data = start + sum(form.size(tags) for tags in directories)
    offsets = {}
    for level in reversed(range(len(spans))):
        ends = data + np.cumsum(spans[level])
        offsets[level] = ends - spans[level].ravel() + 4
        data = int(ends[-1])
    with path.open("wb") as out:
        out.write(form.header(start) + GHOST)
        for level, content in enumerate(directories):
            following = start + form.size(content) if level + 1 < len(directories) else 0
            own = [*content, form.places(OFFSETS, offsets[level])]
            out.write(form.directory(own, start, following=following))
            start = following
        for level in reversed(range(len(spans))):
            for tile in store.tiles(level):
                out.write(struct.pack("<I", len(tile)) + tile + tile[-4:])


class _Form:
    """Classic TIFF or BigTIFF: the same directories with numbers of another length."""

    def __init__(self, *, big: bool) -> None:
        self.big = big
        self.header_bytes, self.room = (16, 8) if big else (8, 4)
        self._count, self._entry, self._next = ("<Q", "<HHQ", "<Q") if big else ("<H", "<HHI", "<I")

    def header(self, first: int) -> bytes:
        if self.big:
            return struct.pack("<2sHHHQ", b"II", 43, 8, 0, first)
        return struct.pack("<2sHI", b"II", 42, first)

    def places(self, tag: int, values: Ints) -> Tag:
        """Return a tag of places in the file."""
        kind, dtype = (LONG8, "<u8") if self.big else (LONG, "<u4")
        return tag, kind, values.size, values.astype(dtype).tobytes()

    def size(self, tags: list[Tag]) -> int:
        """Return the bytes of a directory to which the places of its tiles are yet to be added."""
        counts = next(tag for tag in tags if tag[0] == COUNTS)
        every = [*tags, self.places(OFFSETS, np.zeros(counts[2], np.int64))]
        return len(self.directory(every, 0, following=0))

    def directory(self, tags: list[Tag], start: int, *, following: int) -> bytes:
        """Return a directory that begins at `start`, its longer values behind it."""
        entry = struct.calcsize(self._entry) + self.room
        tail = start + struct.calcsize(self._count) + len(tags) * entry + self.room
        out, longer = [struct.pack(self._count, len(tags))], b""
        for number, kind, count, value in sorted(tags):
            out.append(struct.pack(self._entry, number, kind, count))
            if len(value) <= self.room:
                out.append(value.ljust(self.room, b"\0"))
            else:
                out.append(struct.pack(self._next, tail + len(longer)))
                longer += value + b"\0" * (len(value) % 2)
        return b"".join([*out, struct.pack(self._next, following), longer])


def _directory(store: TileStore, level: int, *, taken: list[Tag]) -> list[Tag]:
    """Return the tags of a level, all but the places of its tiles."""
    height, width = store.shapes[level]
    numbers = {
        WIDTH: width, HEIGHT: height, BITS: 32, COMPRESSION: ADOBE_DEFLATE, PHOTOMETRIC: 1,
        SAMPLES: 1, PLANAR: 1, TILE_WIDTH: BLOCK, TILE_HEIGHT: BLOCK, FORMAT: FLOATS,
    }  # fmt: skip
    shorts = [number for number in numbers if number not in (WIDTH, HEIGHT)]
    tags = [(number, SHORT, 1, struct.pack("<H", numbers[number])) for number in shorts]
    tags += [(number, LONG, 1, struct.pack("<I", numbers[number])) for number in (WIDTH, HEIGHT)]
    if level:
        tags.append((SUBFILE, LONG, 1, struct.pack("<I", OVERVIEW)))
    sizes = store.sizes[level]
    tags.append((COUNTS, LONG, sizes.size, sizes.astype("<u4").tobytes()))
    return tags + [tag for tag in taken if level == 0 or tag[0] == NODATA]


def _taken(profile: Mapping[str, Any], *, tags: Mapping[str, str], unit: str) -> list[Tag]:
    """Let GDAL write a file of one cell, and return the tags that all files of its kind have."""
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            width=1,
            height=1,
            count=1,
            dtype="float32",
            nodata=np.nan,
            endianness="little",
            **profile,
        ) as dataset:
            dataset.update_tags(**tags)
            dataset.update_tags(1, unit=unit)
            dataset.set_band_unit(1, unit)
        content = bytes(memory.getbuffer())
    (start,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, start)
    found = []
    for i in range(count):
        place = start + 2 + 12 * i
        number, kind, items = struct.unpack_from("<HHI", content, place)
        size = TYPE_BYTES.get(kind, 0) * items
        if number in TAKEN:
            (where,) = (place + 8,) if size <= 4 else struct.unpack_from("<I", content, place + 8)
            found.append((number, kind, items, content[where : where + size]))
    return found
