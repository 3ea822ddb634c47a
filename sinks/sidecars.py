"""Files beside a raster that other software would let overrule it: told, never read as data."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from affine import Affine

from sinks.checks import Problems

#: World files: six numbers that place the raster.
WORLD: Final = (".tfw", ".tifw", ".tiffw", ".wld")
#: Overviews, masks and tables of coordinates: after the whole name, or in place of its ending.
OTHERS: Final = (".ovr", ".msk", ".aux", ".rrd", ".rpb", ".tab")
#: What an .aux.xml overrules; those with nothing but statistics are harmless.
OVERRULES: Final = re.compile(
    rb"<(SRS|GeoTransform|GCPList|NoDataValue|MaskBand|Scale|Offset|UnitType|Overview"
    rb"|GeodataXform|ColorInterp)\b", re.IGNORECASE,
)  # fmt: skip
#: No more of a side-car is looked at [bytes], nor more files of a folder.
LOOKED_AT: Final = 1 << 20
FILES: Final = 100_000


def tell_side_cars(path: Path, transform: Affine, *, shown: str, problems: Problems) -> None:
    """Warn of side-cars that say something else than the raster itself.

    Parameters
    ----------
    path : Path
        The raster.
    transform : Affine
        Its own.
    shown : str
        The raster as messages name it.
    problems : Problems
    """
    names = sorted(_overruling(path, transform))
    if names:
        problems.warn("raster.side_cars", file=shown, names=", ".join(names[:5]))


def _overruling(path: Path, transform: Affine) -> Iterator[str]:
    whole, stem = path.name.lower(), path.stem.lower()
    with os.scandir(path.parent) as entries:  # names only: beside a tile lie thousands of others
        beside = [entry.name for entry in islice(entries, FILES)]
    for own in beside:
        name = own.lower()
        if not name.startswith(stem) or name == whole:
            continue
        item = path.parent / own
        if not item.is_file():
            continue
        ending = name.removeprefix(whole if name.startswith(whole) else stem)
        if ending == ".aux.xml":
            overrules = OVERRULES.search(_head(item)) is not None
        elif ending in WORLD:
            overrules = not _says_the_same(_head(item), transform)
        else:
            overrules = ending in OTHERS
        if overrules:
            yield item.name


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(LOOKED_AT)
    except OSError:
        return b""


def _says_the_same(content: bytes, transform: Affine) -> bool:
    """Tell whether a world file places the raster where it is: x and y of the first centre."""
    try:
        a, d, b, e, x, y = (float(word) for word in content.split()[:6])
    except ValueError:
        return False
    size = max(abs(transform.a), abs(transform.e))
    t = transform
    centre = (t.c + (t.a + t.b) / 2, t.f + (t.d + t.e) / 2)
    pairs = ((a, transform.a), (d, transform.d), (b, transform.b), (e, transform.e))
    return all(abs(p - q) < 1e-6 * size for p, q in pairs) and all(
        abs(p - q) < 1e-2 * size for p, q in zip((x, y), centre, strict=True)
    )
