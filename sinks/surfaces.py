"""Carbon density and its change as rasters: one pass over the classes, cloud-optimised GeoTIFFs."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import rasterio
import xarray as xr
from rasterio.transform import Affine

from sinks import __version__
from sinks.cog import BLOCK, Floats, TileStore, halved, packed, write_cog
from sinks.grid import Grid
from sinks.inputs import Inputs
from sinks.landcover.activity import pairs_of
from sinks.layers import Regional
from sinks.measure import coding
from sinks.raster import GDAL_OPTIONS, read_window
from sinks.regioncells import RegionCells
from sinks.symbols import to_symbols
from sinks.texts import text
from sinks.windows import Window

UNIT: Final = "t C/ha"
#: Rows and columns of the squares that are made at a time: two tiles.
SQUARE: Final = 2 * BLOCK
#: See `write_surfaces`.
HELD_BYTES: Final = 8 << 20
#: Pieces of work that wait for each thread.
AHEAD: Final = 2


@dataclass(frozen=True)
class Surface:
    """One raster to write: the density of a year, or the change between two.

    Attributes
    ----------
    name : str
        File name without suffix, e.g. ``carbon-density-2010``.
    years : tuple of int
        One year, or start and end.
    """

    name: str
    years: tuple[int, ...]


def surfaces_of(years: Sequence[int], pairs: Sequence[tuple[int, int]]) -> list[Surface]:
    """Return the surfaces of a study: each year, each compared pair."""
    own = [Surface(f"carbon-density-{year}", (year,)) for year in years]
    return own + [Surface(f"carbon-change-{start}-{end}", (start, end)) for start, end in pairs]


def write_surfaces(
    inputs: Inputs,
    total: xr.DataArray,
    *,
    folder: Path,
    held: int = HELD_BYTES,
    progress: Callable[[float], None] | None = None,
) -> list[str]:
    """Write carbon density per year and its change, in one pass over the class rasters.

    Parameters
    ----------
    inputs : Inputs
    total : DataArray, dims (stratum, year) or (region, stratum, year)
        Density of all pools [t C/ha]. Where it differs between regions a cell has that of the
        region that holds its centre, and none outside all of them.
    folder : Path
        Where the files go.
    held : int
        Memory that one thread may use for the classes it holds [bytes].
    progress : callable, optional
        Is told the part done, 0 … 1.

    Returns
    -------
    list of str
        Names of the files: float32, NaN for no data (no data is never zero), unit and years in
        the tags. A change is known only where both years are. A cell of an overview is the mean
        of the known ones among the four below it.
    """
    study = inputs.study
    surfaces = surfaces_of(study.years, pairs_of(study.years))
    table, lookup = coding(inputs)
    per_symbol = _per_symbol(total, lookup, strata=inputs.legend.strata)
    cells = region_cells(inputs) if "region" in total.dims else None
    tags = {"source": f"sinks {__version__}", "title": study.study.title, "unit": UNIT}
    if study.study.synthetic:
        tags["synthetic"] = text("surfaces.synthetic", study.language)
    folder.mkdir(parents=True, exist_ok=True)
    work = _Work(inputs, surfaces, table, per_symbol, held, cells)
    grid, names = work.grid, [f"{surface.name}.tif" for surface in surfaces]
    profile = {"crs": grid.wkt, "transform": Affine(grid.dx, 0, grid.x0, 0, grid.dy, grid.y0)}
    with rasterio.Env(**GDAL_OPTIONS), ExitStack() as stack:
        stores = [
            stack.enter_context(TileStore(folder / f".{name}", grid.height, width=grid.width))
            for name in names
        ]
        count = len(work.windows())
        for done, pieces in enumerate(_in_order(work)):
            for store, piece in zip(stores, pieces, strict=True):
                store.take(piece.tiles, piece.halves)
            if progress:
                progress(done / count)
        for surface, store, name in zip(surfaces, stores, names, strict=True):
            own = tags | {"years": " ".join(map(str, surface.years))}
            write_cog(folder / name, store, profile=profile, tags=own, unit=UNIT)
    return names


def _per_symbol(
    total: xr.DataArray, lookup: npt.NDArray[np.int64], *, strata: Sequence[str]
) -> dict[int, Floats]:
    """Return the density by year, region and symbol [t C/ha], NaN where there is none.

    The last region is none; a density that holds for all has no other.
    """
    out = {}
    for k, (year, own) in enumerate(by_region(total, strata).items()):
        none = np.full_like(own[: "region" in total.dims], np.nan)
        wide = np.concatenate([own, none])
        out[year] = np.where(lookup[k] >= 0, wide[:, lookup[k]], np.nan).astype(np.float32)
    return out


def by_region(total: xr.DataArray, strata: Sequence[str]) -> dict[int, Floats]:
    """Return the density by year, dims (region, stratum) [t C/ha]; one region where all agree."""
    wide = total if "region" in total.dims else total.expand_dims("region")
    known = wide.transpose("year", "region", "stratum").reindex(stratum=list(strata))
    values = np.asarray(known.values, dtype=np.float32)
    return {int(year): own for year, own in zip(known["year"].values, values, strict=True)}


def pictured(inputs: Inputs, total: xr.DataArray) -> Regional | dict[int, dict[str, float]]:
    """Return the density of all pools as `sinks.layers.write_layers` takes it."""
    strata = inputs.legend.strata
    known = by_region(total, strata)
    if "region" in total.dims:
        return Regional(region_cells(inputs), known)
    return {
        year: {name: float(value) for name, value in zip(strata, own[0], strict=True)}
        for year, own in known.items()
    }


def region_cells(inputs: Inputs) -> RegionCells:
    """Lay the regions onto the grid of the rasters."""
    grid = next(iter(inputs.sources.values())).grid
    return RegionCells.of(inputs.regions, grid, transformer=inputs.transformer)


@dataclass(frozen=True)
class _Piece:
    """What one thread made of one surface: packed tiles, and halves of those of level 1."""

    tiles: list[tuple[int, int, int, bytes]]
    halves: list[tuple[int, int, Floats]]


@dataclass(frozen=True)
class _Work:
    """What every thread needs; nothing in it changes."""

    inputs: Inputs
    surfaces: Sequence[Surface]
    table: npt.NDArray[np.int64]
    per_symbol: Mapping[int, Floats]
    held: int
    cells: RegionCells | None = None

    @property
    def grid(self) -> Grid:
        """The grid of all surfaces."""
        return next(iter(self.inputs.sources.values())).grid

    def windows(self) -> list[Window]:
        """Cut the raster into windows of whole squares, so that no overview needs two threads."""
        height, width = self.grid.height, self.grid.width
        cols = SQUARE * max(1, self.held // len(self.inputs.sources) // SQUARE**2)
        return [
            (row, min(row + SQUARE, height), col, min(col + cols, width))
            for row in range(0, height, SQUARE)
            for col in range(0, width, cols)
        ]

    def made(self, window: Window) -> list[_Piece]:
        """Make all surfaces of a window."""
        codes = self._codes(window)
        shape = (window[1] - window[0], window[3] - window[2])
        regions = self.cells.at(window) if self.cells else np.zeros(shape, np.int32)
        pieces = [_Piece([], []) for _ in self.surfaces]
        overview = max(self.grid.height, self.grid.width) > BLOCK
        for left in range(0, window[3] - window[2], SQUARE):
            place = window[0] // BLOCK, (window[2] + left) // BLOCK
            part = slice(left, left + SQUARE)
            values = {
                year: self.per_symbol[year][regions[:, part], own[:, part]]
                for year, own in codes.items()
            }
            for surface, piece in zip(self.surfaces, pieces, strict=True):
                square = values[surface.years[-1]]
                if len(surface.years) == 2:
                    square = square - values[surface.years[0]]
                _pack(square, place, piece=piece, overview=overview)
        return pieces

    def _codes(self, window: Window) -> dict[int, npt.NDArray[np.uint8]]:
        """Read the symbols of all years."""
        blank, out = sorted(self.inputs.legend.nodata_codes), {}
        for year, source in self.inputs.sources.items():
            with source.open() as dataset:
                values = read_window(dataset, [source.band], window=window)[0]
            out[year] = to_symbols(values, self.table, nodata=(*blank, *source.blank))
        return out


def _pack(square: Floats, place: tuple[int, int], *, piece: _Piece, overview: bool) -> None:
    """Add the tiles of a square of two by two, and that of its overview."""
    row, col = place
    for i in range(-(-square.shape[0] // BLOCK)):
        for j in range(-(-square.shape[1] // BLOCK)):
            tile = square[i * BLOCK : (i + 1) * BLOCK, j * BLOCK : (j + 1) * BLOCK]
            piece.tiles.append((0, row + i, col + j, packed(tile)))
    if overview:
        half = halved(square)
        piece.tiles.append((1, row // 2, col // 2, packed(half)))
        piece.halves.append((row // 2, col // 2, halved(half)))


def _in_order(work: _Work) -> Iterator[list[_Piece]]:
    """Yield what the threads make, in the order of the windows, and never far ahead."""
    count = os.cpu_count() or 1
    waiting: deque[Future[list[_Piece]]] = deque()
    with ThreadPoolExecutor(max_workers=count) as pool:
        try:
            for window in work.windows():
                waiting.append(pool.submit(work.made, window))
                if len(waiting) > AHEAD * count:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
