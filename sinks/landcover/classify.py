"""Classification of imagery: train a forest on polygons, validate it, apply it block by block."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import rasterio
import rasterio.shutil
from affine import Affine
from rasterio.windows import Window as Shape

from sinks.grid import Grid
from sinks.imagery import PIECE_BYTES, Imagery
from sinks.landcover.folds import METHODS, Validation, cross_validate
from sinks.landcover.modelfile import Model
from sinks.landcover.training import Cells, Polygons
from sinks.landcover.trees import as_arrays, grown
from sinks.legend import Legend
from sinks.raster import GDAL_OPTIONS

Ints = npt.NDArray[np.int64]

#: Probabilities are stored as whole per cent; this is no data.
NO_PERCENT: Final = 255
#: What a class takes of a cell: shares as numbers and as per cent, and their sums [bytes].
CLASS_BYTES: Final = 24
#: Metres in a degree of latitude, for the size of blocks alone.
METRES_PER_DEGREE: Final = 111_320.0
#: Blocks along the longer side of the land with polygons, where no size is given.
BLOCKS_ALONG: Final = 8
PLAIN: Final = {"driver": "GTiff", "tiled": True, "blockxsize": 256, "blockysize": 256,
                "compress": "zstd", "zstd_level": 1, "bigtiff": "if_safer"}  # fmt: skip
COG: Final = {"driver": "COG", "compress": "deflate", "predictor": "no", "blocksize": 512,
              "num_threads": "all_cpus", "bigtiff": "if_safer"}  # fmt: skip
CODES, PROBABILITY = "classes.tif", "probability.tif"


@dataclass(frozen=True)
class Settings:
    """How a forest is grown and validated.

    Attributes
    ----------
    trees, folds, seed : int
    block_m : float
        Side of the blocks of land that are held back [m].
    """

    trees: int
    folds: int
    seed: int
    block_m: float


@dataclass(frozen=True, eq=False)
class Trained:
    """A model, what cross-validation found, and the blocks.

    Attributes
    ----------
    model : Model
    validations : tuple of Validation
        By random cells, then by blocks of land.
    blocks : ndarray, dims (polygon)
    block_m : float
    """

    model: Model
    validations: tuple[Validation, ...]
    blocks: Ints
    block_m: float


@dataclass(frozen=True)
class Applied:
    """Cells of the image: classified, without data, and with a value no training cell has."""

    cells: Mapping[int, int]
    empty: int
    beyond: int


def blocks_of(
    polygons: Polygons, grid: Grid, *, used: Ints, block_m: float | None
) -> tuple[Ints, float]:
    """Return the square block of land that every polygon belongs to, by a point inside it.

    A polygon is never split: cells of one polygon never stand on both sides of the line.

    Parameters
    ----------
    polygons : Polygons
    grid : Grid
    used : ndarray
        Polygons that gave cells, by position; one at least.
    block_m : float or None
        Side [m]; an eighth of the longer side of the land of these where it is not given.

    Returns
    -------
    blocks : ndarray, dims (polygon)
        Numbers from 0; −1 for polygons that are not used.
    block_m : float
    """
    points = [shape.representative_point() for shape in polygons.shapes[used]]
    x, y = np.array([p.x for p in points]), np.array([p.y for p in points])
    metres_x = metres_y = grid.unit
    if grid.crs.is_geographic:
        metres_y = METRES_PER_DEGREE * np.degrees(grid.unit)
        metres_x = metres_y * float(np.cos(np.mean(y) * grid.unit))
    x, y = (x - x.min()) * metres_x, (y - y.min()) * metres_y
    side = block_m or max(float(x.max()), float(y.max()), 1.0) / BLOCKS_ALONG
    keys = np.column_stack([np.floor(y / side), np.floor(x / side)]).astype(np.int64)
    blocks = np.full(len(polygons.shapes), -1, np.int64)
    blocks[used] = np.unique(keys, axis=0, return_inverse=True)[1].ravel()
    return blocks, side


def train(
    cells: Cells, blocks: Ints, *, imagery: Imagery, legend: Legend, settings: Settings
) -> Trained:
    """Grow a forest on training cells and cross-validate it twice.

    Parameters
    ----------
    cells : Cells
    blocks : ndarray, dims (polygon)
        Block of land of every polygon.
    imagery : Imagery
    legend : Legend
    settings : Settings
    """
    codes, labels = np.unique(cells.codes, return_inverse=True)
    validations = tuple(
        cross_validate(
            cells.features, labels, blocks=blocks[cells.polygon], folds=settings.folds,
            trees=settings.trees, seed=settings.seed, method=method,
        )
        for method in METHODS
    )  # fmt: skip
    grove = grown(cells.features, labels, trees=settings.trees, seed=settings.seed)
    rows = {row.code: row for row in legend.classes}
    model = Model(
        tuple(rows[code] for code in codes.tolist()), as_arrays(grove),
        tuple(layer.nodata for layer in imagery.layers),
        tuple(map(float, cells.features.min(axis=0))),
        tuple(map(float, cells.features.max(axis=0))),
        {"legend": legend.name, "trees": settings.trees, "seed": settings.seed,
         "cells": len(labels)},
    )  # fmt: skip
    return Trained(model, validations, blocks, settings.block_m)


def code_type(model: Model) -> tuple[str, int]:
    """Return the type of the class raster and its no-data value, which is no class."""
    codes = {row.code for row in model.classes}
    dtype = next(
        name for name in ("uint8", "uint16", "int32", "int64")
        if np.iinfo(name).min <= min(codes) and max(codes) <= np.iinfo(name).max
    )  # fmt: skip
    high = np.iinfo(dtype).max
    return dtype, next(value for value in (0, *range(high, high - 300, -1)) if value not in codes)


def apply(
    model: Model, imagery: Imagery, *, folder: Path, tags: Mapping[str, str],
    piece_bytes: int = PIECE_BYTES, progress: Callable[[float], None] | None = None,
) -> Applied:  # fmt: skip
    """Classify imagery piece by piece; write ``classes.tif`` and ``probability.tif``.

    Parameters
    ----------
    model : Model
        Of as many bands as the imagery.
    imagery : Imagery
    folder : Path
    tags : mapping
        Of both files.
    piece_bytes : int
        For the cells of a piece; nothing hangs on it.
    progress : callable, optional
        Is told the part done.
    """
    dtype, blank = code_type(model)
    codes = np.array([row.code for row in model.classes])
    counts = np.zeros(len(codes), np.int64)
    empty = beyond = 0
    scratch = folder / ".scratch"
    scratch.mkdir()
    grid = imagery.grid
    common = {**PLAIN, "width": grid.width, "height": grid.height, "crs": grid.wkt,
              "transform": Affine(grid.dx, 0, grid.x0, 0, grid.dy, grid.y0)}  # fmt: skip
    kinds = {
        CODES: {"count": 1, "dtype": dtype, "nodata": blank},
        PROBABILITY: {"count": len(codes), "dtype": "uint8", "nodata": NO_PERCENT,
                      "interleave": "band"},
    }  # fmt: skip
    with ExitStack() as stack:
        reader = stack.enter_context(imagery.open())
        outputs = {
            name: stack.enter_context(rasterio.open(scratch / name, "w", **common, **kind))
            for name, kind in kinds.items()
        }
        _describe(outputs, model, tags=tags)
        for row0, row1, col0, col1 in imagery.pieces(piece_bytes, more=CLASS_BYTES * len(codes)):
            values, valid = reader.read((row0, row1, col0, col1))
            best, percent = _classified(model, values[valid])
            counts += np.bincount(best, minlength=len(codes))
            empty += int((~valid).sum())
            beyond += _beyond(model, values[valid])
            shape = Shape(col0, row0, col1 - col0, row1 - row0)
            written = np.full(valid.shape, blank, dtype)
            written[valid] = codes[best]
            outputs[CODES].write(written, 1, window=shape)
            shares = np.full((len(codes), *valid.shape), NO_PERCENT, np.uint8)
            shares[:, valid] = percent.T
            outputs[PROBABILITY].write(shares, window=shape)
            if progress is not None:
                progress(row1 / grid.height)
    with rasterio.Env(**GDAL_OPTIONS):
        for name, how in ((CODES, "mode"), (PROBABILITY, "average")):
            rasterio.shutil.copy(scratch / name, folder / name, **COG, overview_resampling=how)
    shutil.rmtree(scratch)
    return Applied(dict(zip(codes.tolist(), counts.tolist(), strict=True)), empty, beyond)


def _classified(
    model: Model, features: npt.NDArray[np.float32]
) -> tuple[Ints, npt.NDArray[np.uint8]]:
    """Return the class of cells, the first of the most probable, and all as per cent."""
    shares = model.forest.probabilities(features)
    return shares.argmax(axis=1), np.rint(100 * shares).astype(np.uint8)


def _beyond(model: Model, features: npt.NDArray[np.float32]) -> int:
    """Count cells with a value that lies outside those of all training cells."""
    low, high = np.array(model.low, np.float32), np.array(model.high, np.float32)
    return int(((features < low) | (features > high)).any(axis=1).sum())


def _describe(outputs: Mapping[str, Any], model: Model, *, tags: Mapping[str, str]) -> None:
    """Give the rasters their colours, names and tags."""
    for output in outputs.values():
        output.update_tags(**tags)
    codes = outputs[CODES]
    codes.update_tags(**{f"class_{row.code}": _named(row) for row in model.classes})
    if codes.dtypes[0] in ("uint8", "uint16"):
        colours = {
            row.code: (*(int(row.colour[i : i + 2], 16) for i in (1, 3, 5)), 255)
            for row in model.classes
        }
        codes.write_colormap(1, {int(codes.nodata): (0, 0, 0, 0), **colours})
    for band, row in enumerate(model.classes, start=1):
        outputs[PROBABILITY].set_band_description(band, f"{row.code} {_named(row)}")
        outputs[PROBABILITY].set_band_unit(band, "%")


def _named(row: Any) -> str:
    return f"{row.stratum}: {row.name_zh} / {row.name_en}"
