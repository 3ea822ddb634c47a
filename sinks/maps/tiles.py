"""Pictures cut into tiles with coarser levels, so that a page draws only what it shows.

The finest level holds the picture's own pixels, untouched. Every coarser level halves the side:
a pixel of a class is the most frequent class of the pixels below it, one of a density their
average, one of a change the most frequent change, the fainter the less of its land changed.
All levels share the north-western corner, and tiles follow the pixels: no seam, no shift.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image

from sinks.layers import CHANGE_CLASSES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from sinks.results import Results

    Pixels = NDArray[np.uint8]

#: Side of a tile [pixels].
SIDE: Final = 512
#: The coarsest level fits into so many pixels.
COARSEST: Final = 700
#: Colour index of land that stayed in its group, in a picture of changes.
UNCHANGED: Final = len(CHANGE_CLASSES)


def _halved(values: NDArray[Any]) -> NDArray[Any]:
    """Return the sums of two by two cells; what sticks out is filled with zeros."""
    height, width = (side + side % 2 for side in values.shape)
    padded = np.zeros((height, width), dtype=values.dtype)
    padded[: values.shape[0], : values.shape[1]] = values
    return padded[::2, ::2] + padded[1::2, ::2] + padded[::2, 1::2] + padded[1::2, 1::2]


def _depth(shape: tuple[int, ...]) -> int:
    """Return how many coarser levels a picture needs."""
    return max(0, int(np.ceil(np.log2(max(shape) / COARSEST))))


def _counts(pixels: Pixels, index: int, *, depth: int) -> Iterator[NDArray[np.uint16]]:
    """Yield, level by level, how many pixels of the finest level have a colour index."""
    count = (pixels == index).astype(np.uint16)
    for _ in range(depth):
        count = _halved(count)
        yield count


def _modes(pixels: Pixels, indices: list[int]) -> tuple[list[Pixels], list[NDArray[np.uint16]]]:
    """Return, for every coarser level, the most frequent of some indices and their total."""
    depth = _depth(pixels.shape)
    best: list[Any] = [None] * depth
    for index in indices:
        for k, count in enumerate(_counts(pixels, index, depth=depth)):
            if best[k] is None:
                best[k] = [np.zeros(count.shape, np.uint8), np.zeros_like(count), count * 0]
            mode, most, total = best[k]
            mode[count > most] = index
            np.maximum(most, count, out=most)
            total += count
    return [level[0] for level in best], [level[2] for level in best]


def _averages(pixels: Pixels) -> list[Pixels]:
    """Return the mean of the valid colour indices for every coarser level."""
    total, count = pixels.astype(np.float32), (pixels > 0).astype(np.float32)
    levels = []
    for _ in range(_depth(pixels.shape)):
        total, count = _halved(total), _halved(count)
        mean = np.divide(total, count, out=np.zeros_like(total), where=count > 0)
        levels.append(np.rint(mean).astype(np.uint8))
    return levels


def _faded(mode: Pixels, changed: NDArray[Any], *, valid: NDArray[Any], palette: Pixels) -> Pixels:
    """Colour a level of changes; the eye reads the square root of a share of ink as its half."""
    share = np.divide(changed, valid, out=np.zeros(mode.shape), where=valid > 0)
    painted = palette[mode]
    painted[..., 3] = np.rint(255 * np.sqrt(share)) * (mode > 0)
    return painted


def levels_of(pixels: Pixels, palette: Pixels, *, kind: str) -> list[Pixels]:
    """Return a picture and its coarser levels.

    Parameters
    ----------
    pixels : ndarray, dims (row, column)
        Colour indices; 0 is no data.
    palette : ndarray, dims (index, channel)
        Red, green, blue and opacity of every index.
    kind : {"landcover", "density", "change"}

    Returns
    -------
    list of ndarray, dims (row, column, channel)
        Finest first.
    """
    finest = palette[pixels]
    if kind == "density":
        return [finest, *(palette[level] for level in _averages(pixels))]
    present = [int(index) for index in np.unique(pixels) if index]
    if kind == "landcover":
        return [finest, *(palette[level] for level in _modes(pixels, present)[0])]
    changes = [index for index in present if index != UNCHANGED]
    if not changes:
        return [finest]
    modes, changed = _modes(pixels, changes)
    valid = _modes(pixels, present)[1]
    coarser = zip(modes, changed, valid, strict=True)
    return [finest, *(_faded(m, c, valid=v, palette=palette) for m, c, v in coarser)]


def encoded(tile: Pixels) -> bytes:
    """Return a tile as lossless WebP."""
    stream = io.BytesIO()
    Image.fromarray(tile).save(stream, format="WEBP", lossless=True, quality=20, method=1)
    return stream.getvalue()


def _cut(level: Pixels) -> dict[str, bytes]:
    """Return the tiles of a level that show anything, by ``column-row``."""
    places = [
        (row, column)
        for row in range(0, level.shape[0], SIDE)
        for column in range(0, level.shape[1], SIDE)
        if level[row : row + SIDE, column : column + SIDE, 3].any()
    ]
    return {
        f"{column // SIDE}-{row // SIDE}": encoded(
            np.ascontiguousarray(level[row : row + SIDE, column : column + SIDE])
        )
        for row, column in places
    }


def picture_of(path: Any) -> tuple[Pixels, Pixels]:
    """Return the colour indices of a layer's picture and its palette with opacities."""
    with Image.open(path) as image:
        pixels = np.array(image)
        colours = np.array(image.getpalette("RGB"), dtype=np.uint8).reshape(-1, 3)
        opaque = image.info.get("transparency", b"")
    opacity = np.full(len(colours), 255, dtype=np.uint8)
    if isinstance(opaque, int):  # a picture with a single transparent colour gives its index
        opacity[opaque] = 0
    else:
        opacity[: len(opaque)] = np.frombuffer(opaque, dtype=np.uint8)
    return pixels, np.column_stack([colours, opacity])


def _tiled(root: Any, layer: Mapping[str, Any]) -> dict[str, Any]:
    pixels, palette = picture_of(root / layer["path"])
    return {
        "levels": [
            {name: base64.b64encode(tile).decode("ascii") for name, tile in _cut(level).items()}
            for level in levels_of(pixels, palette, kind=str(layer["kind"]))
        ],
    }


def layer_name(layer: Mapping[str, Any]) -> str:
    """Return what a layer is called on the page, e.g. ``change-2010-2015``."""
    years = [layer["start"]] if "start" in layer else []
    return "-".join(str(part) for part in (layer["kind"], *years, layer["year"]))


def tile_sets(results: Results) -> dict[str, dict[str, Any]]:
    """Return the tiles of every layer of a run, ready for the page.

    Parameters
    ----------
    results : Results

    Returns
    -------
    dict
        By `layer_name`: ``levels``, finest first, each with its tiles (lossless WebP in base64)
        by ``column-row``; tiles without a pixel are left out.
    """
    layers = list(results.meta.get("layers") or ())
    with ThreadPoolExecutor() as pool:  # zlib and WebP work without the interpreter's lock
        made = pool.map(lambda layer: _tiled(results.root, layer), layers)
        return {layer_name(layer): tiles for layer, tiles in zip(layers, made, strict=True)}
