"""Pictures as XYZ tiles and as one PMTiles archive each, both in the web's own tile grid.

A pixel of a tile takes the pixel of the picture below its centre: from the finest level while a
tile's pixels are smaller than the picture's, else from the coarser level (classes by mode,
densities by average) whose pixels are the next smaller ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pmtiles.tile import Compression, TileType

from sinks.layers.frame import MERCATOR_EDGE
from sinks.maps.tiles import encoded, layer_name, levels_of, picture_of
from sinks.publish.archive import Held, write_archive

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Side of a tile [pixels]: what every map library expects.
SIDE: Final = 256
#: Ending of a tile's name.
TYPE: Final = "webp"

Place = tuple[int, int, int]


def _mercator(lat: float, lon: float) -> tuple[float, float]:
    """Return Web Mercator coordinates [m]; EPSG Guidance Note 7-2, method 1024."""
    y = math.asinh(math.tan(math.radians(lat))) / math.pi * MERCATOR_EDGE
    return lon / 180 * MERCATOR_EDGE, y


def _pixel(zoom: int) -> float:
    """Return the side of a tile's pixel [m]."""
    return 2 * MERCATOR_EDGE / (SIDE * 2.0**zoom)


class _Sheet:
    """A picture with its levels, and where it lies."""

    def __init__(self, root: Path, layer: Mapping[str, Any]) -> None:
        pixels, palette = picture_of(root / layer["path"])
        self.levels = levels_of(pixels, palette, kind=str(layer["kind"]))
        (south, west), (north, east) = layer["bounds"]
        self.west, self.north = _mercator(north, west)
        self.east, self.south = _mercator(south, east)
        self.size = (self.east - self.west) / pixels.shape[1]
        # The last zoom whose tiles have pixels no larger than the picture's.
        self.last = min(22, max(0, math.ceil(math.log2(_pixel(0) / self.size) - 1e-9)))
        widest = max(self.east - self.west, self.north - self.south)
        self.first = max(0, min(self.last, int(math.log2(2 * MERCATOR_EDGE / widest))))

    def places(self, zoom: int) -> list[Place]:
        """Return the tiles that a zoom may have."""
        side = SIDE * _pixel(zoom)
        left = int((self.west + MERCATOR_EDGE) // side)
        right = math.ceil((self.east + MERCATOR_EDGE) / side)
        top = int((MERCATOR_EDGE - self.north) // side)
        below = math.ceil((MERCATOR_EDGE - self.south) / side)
        return [(zoom, x, y) for x in range(left, right) for y in range(top, below)]

    def tile(self, place: Place) -> NDArray[np.uint8] | None:
        """Return a tile's pixels; None where the picture shows nothing."""
        zoom, x, y = place
        pixel = _pixel(zoom)
        depth = int(max(0.0, math.floor(math.log2(pixel / self.size) + 1e-9)))
        depth = min(depth, len(self.levels) - 1)
        level, size = self.levels[depth], self.size * 2.0**depth
        centres = (np.arange(SIDE) + 0.5) * pixel
        columns = np.floor((centres + x * SIDE * pixel - MERCATOR_EDGE - self.west) / size)
        rows = np.floor((self.north - MERCATOR_EDGE + centres + y * SIDE * pixel) / size)
        inside_x = (columns >= 0) & (columns < level.shape[1])
        inside_y = (rows >= 0) & (rows < level.shape[0])
        if not (inside_x.any() and inside_y.any()):
            return None
        out = np.zeros((SIDE, SIDE, 4), dtype=np.uint8)
        cut = level[rows[inside_y].astype(int)][:, columns[inside_x].astype(int)]
        out[np.ix_(inside_y, inside_x)] = cut
        return out if out[..., 3].any() else None


def _encoded(sheet: _Sheet, zoom: int) -> Iterator[tuple[Place, bytes]]:
    """Yield the tiles of a zoom that show anything."""

    def one(place: Place) -> bytes | None:
        pixels = sheet.tile(place)
        return None if pixels is None else encoded(pixels)

    places = sheet.places(zoom)
    with ThreadPoolExecutor() as pool:
        for place, tile in zip(places, pool.map(one, places), strict=True):
            if tile is not None:
                yield place, tile


def write_tiles(
    root: Path, layers: Sequence[Mapping[str, Any]], *, folder: Path
) -> dict[str, dict[str, Any]]:
    """Write every picture of a run as XYZ tiles and as a PMTiles archive.

    Parameters
    ----------
    root : Path
        The folder of the run.
    layers : sequence of mapping
        Its pictures, as the manifest names them.
    folder : Path
        Gets ``NAME/Z/X/Y.webp`` and ``NAME.pmtiles``.

    Returns
    -------
    dict
        By name what a page needs: ``side``, ``zoom`` of the finest level, and ``levels``, finest
        first, each the list of its tiles as ``x-y``.
    """
    found = {}
    for layer in layers:
        name = layer_name(layer)
        sheet = _Sheet(root, layer)
        levels: list[list[str]] = []
        held: list[Held] = []
        for zoom in range(sheet.last, sheet.first - 1, -1):
            places = []
            for (z, x, y), tile in _encoded(sheet, zoom):
                path = folder / name / str(z) / str(x) / f"{y}.{TYPE}"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(tile)
                held.append(((z, x, y), tile))
                places.append(f"{x}-{y}")
            levels.append(places)
        (south, west), (north, east) = layer["bounds"]
        write_archive(
            folder / f"{name}.pmtiles", held, kind=(TileType.WEBP, Compression.NONE),
            bounds=(west, south, east, north), metadata={"name": name},
        )  # fmt: skip
        found[name] = {"side": SIDE, "zoom": sheet.last, "levels": levels}
    return found
