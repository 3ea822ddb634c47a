"""Imagery of many bands on one grid: opened as class rasters are, read block by block."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.enums import MaskFlags
from rasterio.errors import RasterioError

from sinks.checks import Problems
from sinks.grid import Grid
from sinks.limits import Limits
from sinks.raster import (
    GDAL_OPTIONS,
    open_raster,
    read_window,
)
from sinks.rasterheader import header_fits, position_fits, refusals, settled_crs
from sinks.sidecars import tell_side_cars
from sinks.tiles import reason_of
from sinks.windows import Window

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

#: Memory for the cells of one piece, all bands [bytes].
PIECE_BYTES: Final = 16 << 20
CELL_BYTES: Final = 8


@dataclass(frozen=True)
class Layer:
    """One band of one file.

    Attributes
    ----------
    path, shown : Path, str
    band : int
    nodata : float or None
        Asserted by the user, else the file's own.
    """

    path: Path
    shown: str
    band: int
    nodata: float | None


@dataclass(frozen=True)
class Imagery:
    """Checked bands on one grid, in the order in which a classifier sees them.

    Attributes
    ----------
    layers : tuple of Layer
    grid : Grid
    block : (int, int)
        Rows and columns of a stored block of the first file.
    """

    layers: tuple[Layer, ...]
    grid: Grid
    block: tuple[int, int]

    @contextmanager
    def open(self) -> Iterator[ImageryReader]:
        """Open the files, each once, for the time of a ``with`` block."""
        with rasterio.Env(**GDAL_OPTIONS), ExitStack() as stack:
            paths = dict.fromkeys(layer.path for layer in self.layers)
            yield ImageryReader(
                self, {path: stack.enter_context(open_raster(path)) for path in paths}
            )

    def pieces(self, piece_bytes: int = PIECE_BYTES, *, more: int = 0) -> Iterator[Window]:
        """Cut the grid along stored blocks into pieces that fit the memory; no result hangs on it.

        Parameters
        ----------
        piece_bytes : int
            For the cells of a piece, all bands.
        more : int
            What a cell takes besides [bytes].
        """
        room = max(1, piece_bytes // (CELL_BYTES * len(self.layers) + more))
        cols = max(1, min(self.grid.width, self.block[1], room))
        rows = max(1, min(self.block[0], room // cols))
        cols = max(cols, min(self.grid.width, room // rows // cols * cols))
        rows = max(rows, min(256, room // cols // rows * rows))
        for row in range(0, self.grid.height, rows):
            for col in range(0, self.grid.width, cols):
                ends = min(row + rows, self.grid.height), min(col + cols, self.grid.width)
                yield row, ends[0], col, ends[1]


class ImageryReader:
    """Imagery whose files are open."""

    def __init__(self, imagery: Imagery, datasets: dict[Path, Any]) -> None:
        self._imagery, self._datasets = imagery, datasets

    def read(self, window: Window) -> tuple[Floats, Mask]:
        """Read a window.

        Returns
        -------
        values : ndarray, dims (row, column, band)
            float32, 0 where there is no data.
        valid : ndarray, dims (row, column)
            True where every band has a finite value that is not its no-data value.

        Raises
        ------
        UnreadableImage
            If a file cannot be read on.
        """
        row0, row1, col0, col1 = window
        layers = self._imagery.layers
        out = np.empty((row1 - row0, col1 - col0, len(layers)), np.float32)
        valid = np.ones(out.shape[:2], dtype=bool)
        for k, layer in enumerate(layers):
            try:
                values = read_window(self._datasets[layer.path], [layer.band], window=window)[0]
            except RasterioError as error:
                raise UnreadableImage(layer.shown, row0, reason=reason_of(error)) from error
            if layer.nodata is not None:
                valid &= values != np.array(layer.nodata).astype(values.dtype)
            with np.errstate(over="ignore"):
                out[..., k] = values
            valid &= np.isfinite(out[..., k])
        out[~valid] = 0
        return out, valid


class UnreadableImage(Exception):
    """A window of an image cannot be read: file, row, and what was said."""

    def __init__(self, shown: str, row: int, *, reason: str) -> None:
        self.shown, self.row, self.reason = shown, row, reason
        super().__init__(f"{shown}: row {row}: {reason}")


def load_imagery(
    files: Sequence[str], *, base: Path, bands: Sequence[int], nodata: float | None,
    problems: Problems, limits: Limits | None = None,
) -> Imagery | None:  # fmt: skip
    """Open and check images, which must lie on one grid.

    Parameters
    ----------
    files : sequence of str
        Their bands follow each other.
    base : Path
        Folder that relative paths start from.
    bands : sequence of int
        Bands of every file; empty for all.
    nodata : float or None
        Asserted by the user for every band.
    problems : Problems
    limits : Limits, optional

    Returns
    -------
    Imagery or None
        None if any was refused; `problems` says why.
    """
    limits = limits or Limits()
    loaded = [
        _load_one(base / shown, shown, bands=bands, nodata=nodata, limits=limits, problems=problems)
        for shown in files
    ]
    whole = [item for item in loaded if item is not None]
    if len(whole) < len(files) or not whole:
        return None
    first = whole[0]
    other = [item for item in whole if not item.grid.same_cells(first.grid)]
    for item in other:
        problems.error(
            "classify.grids", file=item.layers[0].shown, first=first.grid.described(),
            other=item.grid.described(),
        )  # fmt: skip
    layers = tuple(layer for item in whole for layer in item.layers)
    if len(layers) > limits.bands:
        problems.error(
            "raster.too_large", file=files[0], key="bands", limit=f"{limits.bands:,}",
            size=len(layers),
        )  # fmt: skip
        return None
    return None if other else Imagery(layers, first.grid, first.block)


def _load_one(
    path: Path, shown: str, *, bands: Sequence[int], nodata: float | None, limits: Limits,
    problems: Problems,
) -> Imagery | None:  # fmt: skip
    imagery = None
    with refusals(shown, problems), rasterio.Env(**GDAL_OPTIONS), open_raster(path) as dataset:
        if header_fits(dataset, path, shown=shown, limits=limits, problems=problems):
            tell_side_cars(path, dataset.transform, shown=shown, problems=problems)
            imagery = _checked(
                dataset, path, shown=shown, bands=bands, nodata=nodata, problems=problems
            )
    return imagery


def _checked(
    dataset: Any, path: Path, *, shown: str, bands: Sequence[int], nodata: float | None,
    problems: Problems,
) -> Imagery | None:  # fmt: skip
    crs = settled_crs(dataset, shown=shown, asserted=None, problems=problems)
    if crs is None or not position_fits(dataset, crs, shown=shown, problems=problems):
        return None
    if not _bands_fit(dataset, bands, shown=shown, problems=problems):
        return None
    at, block = dataset.transform, dataset.block_shapes[0]
    grid = Grid(crs.to_wkt(), at.c, at.f, at.a, at.e, dataset.width, dataset.height)
    layers = tuple(
        Layer(path, shown, band, dataset.nodatavals[band - 1] if nodata is None else nodata)
        for band in bands or range(1, dataset.count + 1)
    )
    layers = tuple(_settled(layer, dataset.dtypes[layer.band - 1]) for layer in layers)
    return Imagery(layers, grid, (int(block[0]), int(block[1])))


def _settled(layer: Layer, dtype: str) -> Layer:
    """Return a band without a no-data value that its cells cannot hold (NaN holds anyway)."""
    value, kind = layer.nodata, np.dtype(dtype)
    if value is not None and kind.kind in "iu":
        own = np.iinfo(kind)
        fits = math.isfinite(value) and value == int(value) and own.min <= value <= own.max
        value = value if fits else None
    return Layer(layer.path, layer.shown, layer.band, value)


def _bands_fit(dataset: Any, bands: Sequence[int], *, shown: str, problems: Problems) -> bool:
    """Refuse bands that are not there, complex numbers, and masks that no value stands for."""
    missing = [band for band in bands if band > dataset.count]
    for band in missing[:1]:
        problems.error("raster.no_such_band", file=shown, band=band, count=dataset.count)
    chosen = [band for band in bands or range(1, dataset.count + 1) if band <= dataset.count]
    odd = [dataset.dtypes[i - 1] for i in chosen if dataset.dtypes[i - 1].startswith("complex")]
    for dtype in odd[:1]:
        problems.error("classify.dtype", file=shown, dtype=dtype)
    flags = [flag for band in chosen for flag in dataset.mask_flag_enums[band - 1]]
    masked = MaskFlags.per_dataset in flags and MaskFlags.alpha not in flags
    if masked:
        problems.error("raster.mask", file=shown)
    if MaskFlags.alpha in flags and not bands:
        problems.warn("raster.alpha", file=shown, band=dataset.count)
    return not (missing or odd or masked)
