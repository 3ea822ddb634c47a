"""Class rasters, opened safely: one driver, checked before a cell is read, read by windows."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.enums import MaskFlags
from rasterio.windows import Window

from sinks import environment
from sinks.aligned import AlignedReader, align
from sinks.checks import Problems, Severity, first_few
from sinks.crosswalk import Crosswalk, RecodedReader
from sinks.grid import Grid
from sinks.limits import Limits
from sinks.rasterheader import (
    NotTiff,
    header_fits,
    position_fits,
    refusals,
    settled_band,
    settled_crs,
    settled_nodata,
    tell_oddities,
    tiff_or_what,
)
from sinks.rastersections import DensityRasterConfig, LandcoverConfig, Source
from sinks.sidecars import tell_side_cars
from sinks.tiles import Tile, TileReader, joined

#: The only format that is opened: a `.tif` that is something else may read or write any file.
DRIVER: Final = "GTiff"
#: For every raster that is opened.
GDAL_OPTIONS: Final[Mapping[str, str | int]] = {
    **environment.GDAL_OPTIONS,
    "GDAL_TIFF_INTERNAL_MASK": "YES",
    "GDAL_CACHEMAX": 24 << 20,
}


class UnreadableBlock(Exception):
    """A window of a raster cannot be read or holds values that are no classes."""

    def __init__(
        self, source: RasterSource, row: int, *, reason: str, not_whole: bool = False
    ) -> None:
        self.source, self.row, self.reason, self.not_whole = source, row, reason, not_whole
        super().__init__(f"{source.shown}: row {row}: {reason}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Let it travel from a worker on another machine."""
        again = partial(UnreadableBlock, reason=self.reason, not_whole=self.not_whole)
        return again, (self.source, self.row)


@dataclass(frozen=True)
class RasterSource:
    """A checked band of a raster, in one file or in tiles.

    Attributes
    ----------
    path, shown : Path, str
        Where it is and how the study names it; of tiles, the first.
    band : int
    grid : Grid
        Of the whole.
    dtype : str
    nodata : int or None
        No-data code that holds for it: asserted by the user, else the file's own.
    block : (int, int)
        Rows and columns of a stored block.
    parts : tuple of Tile
        The tiles; empty if it is one file.
    filler : float or None
        Stands for no data where there is no tile.
    native : RasterSource or None
        What it is read from, where that lies on another grid.
    recode, raw : Crosswalk, RasterSource, or None
        The crosswalk that its codes went through, and what it was before.
    """

    path: Path
    shown: str
    band: int
    grid: Grid
    dtype: str
    nodata: int | None
    block: tuple[int, int]
    parts: tuple[Tile, ...] = ()
    filler: float | None = None
    native: RasterSource | None = None
    recode: Crosswalk | None = None
    raw: RasterSource | None = None

    @property
    def tiles(self) -> tuple[Tile, ...]:
        """Its files and where they lie, be it one or many."""
        if self.native is not None:  # each of them may be asked for anything
            return tuple(
                replace(tile, grid=self.grid, block=self.block, row=0, col=0)
                for tile in self.native.tiles
            )
        own = Tile(self.path, self.shown, self.band, self.grid, self.block)
        return self.parts or (own,)

    @property
    def uncrossed(self) -> RasterSource:
        """The same raster with the codes that its file holds."""
        if self.native is None:
            return self.raw or self
        own = self.native.uncrossed
        return replace(self, native=own, dtype=own.dtype, nodata=own.nodata)

    @property
    def blank(self) -> tuple[int, ...]:
        """The no-data code, if there is one."""
        return () if self.nodata is None else (self.nodata,)

    @contextmanager
    def open(self) -> Iterator[Any]:
        """Open the dataset, safely, for the time of a ``with`` block."""
        with rasterio.Env(**GDAL_OPTIONS), ExitStack() as stack:
            if self.native is not None:
                yield AlignedReader(self, stack.enter_context(self.native.open()))
            elif self.raw is not None:
                yield RecodedReader(self, stack.enter_context(self.raw.open()))
            elif self.parts:
                yield stack.enter_context(closing(TileReader(self, open_raster)))
            else:
                yield stack.enter_context(open_raster(self.path))


def open_raster(path: Path) -> Any:
    """Open a GeoTIFF and nothing else.

    Raises
    ------
    OSError
        If the file cannot be read.
    NotTiff
        If it is something else, whatever its name says.
    rasterio.errors.RasterioError
        If GDAL cannot read its header.
    """
    with path.open("rb") as stream:
        kind = tiff_or_what(stream.read(32))
    if kind:
        raise NotTiff(kind)
    return rasterio.open(os.fspath(path.resolve()), driver=DRIVER)


def load_rasters(
    config: LandcoverConfig,
    *,
    base: Path,
    problems: Problems,
    limits: Limits | None = None,
    blank: Sequence[int] | None = None,
    crosswalks: Mapping[int, Crosswalk] | None = None,
) -> dict[int, RasterSource] | None:
    """Open and check the rasters of every year.

    Parameters
    ----------
    config : LandcoverConfig
    base : Path
        The study's folder.
    problems : Problems
    limits : Limits, optional
    blank : sequence of int, optional
        The legend's no-data codes, if it is known: they may fill gaps between tiles.
    crosswalks : mapping of year to Crosswalk, optional
        For years whose raster holds codes of another product.

    Returns
    -------
    dict of int to RasterSource, or None
        By year, ascending; None if any was refused. `problems` says everything found.
    """
    limits = limits or Limits()
    sources: dict[int, RasterSource] = {}
    seen: dict[tuple[Path, int], int] = {}
    for year in config.years:
        check = partial(_checked, config=config)
        parts = load_files(
            config.sources(year), base=base, limits=limits, problems=problems, check=check
        )
        for part in parts:
            key = (part.path.resolve(), part.band)
            if seen.setdefault(key, year) != year:
                problems.error(
                    "raster.same_twice", file=part.shown, place=str(year), year=year,
                    other=seen[key],
                )  # fmt: skip
        whole = joined(parts, blank=blank, limits=limits, problems=problems) if parts else None
        if whole is not None and crosswalks and year in crosswalks:
            whole = crosswalks[year].applied(whole, problems=problems)
        if whole is not None:
            sources[year] = whole
    if len(sources) < len(config.years):
        return None
    if config.align is not None:
        reference = config.align_year or min(sources)
        return align(sources, reference, blank=tuple(blank or ()), problems=problems)
    return sources if _one_grid(sources, problems) else None


#: Looks at an opened file: ``check(dataset, path=…, shown=…, band=…, problems=…)``.
Check = Callable[..., "RasterSource | None"]


def load_files(
    written: Sequence[Source], *, base: Path, limits: Limits, problems: Problems, check: Check
) -> list[RasterSource]:
    """Open and check the files of one raster, one or its tiles; none if any was refused."""
    loaded, said = [], set[str]()
    for item in written:
        found = Problems(problems.language)
        loaded.append(_load_one(item, base=base, limits=limits, problems=found, check=check))
        for problem in found:  # what refuses a tile is said of each, the rest of the first
            if problem.severity is Severity.ERROR or problem.code not in said:
                problems.add(problem)
        said |= {problem.code for problem in found}
    return [source for source in loaded if source is not None] if all(loaded) else []


def _load_one(
    written: Source, *, base: Path, limits: Limits, problems: Problems, check: Check
) -> RasterSource | None:
    """Check one file; report what is wrong with it."""
    path, shown, band = base / written.path, written.path, written.band
    source = None
    with refusals(shown, problems), rasterio.Env(**GDAL_OPTIONS), _quietly(path) as dataset:
        if header_fits(dataset, path, shown=shown, limits=limits, problems=problems):
            source = check(dataset, path=path, shown=shown, band=band, problems=problems)
    return source


def _quietly(path: Path) -> Any:
    """Open a raster; what it lacks is told by our own checks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return open_raster(path)


def _checked(
    dataset: Any,
    *,
    path: Path,
    shown: str,
    band: int | None,
    config: LandcoverConfig,
    problems: Problems,
) -> RasterSource | None:
    source = numbers(dataset, (path, shown, band), config=config, problems=problems)
    if source is None:
        return None
    if source.dtype.startswith("float"):
        problems.repair("raster.float_classes", file=shown, dtype=source.dtype)
    tell_oddities(dataset, source.band, shown=shown, problems=problems)
    return source


def numbers(
    dataset: Any,
    place: tuple[Path, str, int | None],
    *,
    config: LandcoverConfig | DensityRasterConfig,
    problems: Problems,
) -> RasterSource | None:
    """Check what rasters of classes and of densities have in common.

    Parameters
    ----------
    dataset : dataset
        Opened; its header fits.
    place : (Path, str, int or None)
        Its path, how the study names it, and the band that the study names.
    config : LandcoverConfig or DensityRasterConfig
        CRS and no-data code, where the user asserts them.
    problems : Problems

    Returns
    -------
    RasterSource or None
        None if it was refused.
    """
    path, shown, band = place
    crs = settled_crs(dataset, shown=shown, asserted=config.crs, problems=problems)
    band = settled_band(dataset, shown=shown, band=band, problems=problems)
    if crs is None or band is None:
        return None
    dtype = dataset.dtypes[band - 1]
    if dtype.startswith("complex"):
        problems.error("raster.not_classes", file=shown, dtype=dtype)
        return None
    fits, nodata = settled_nodata(
        dataset, band, shown=shown, asserted=config.nodata, problems=problems
    )
    fits &= position_fits(dataset, crs, shown=shown, problems=problems)
    flags = dataset.mask_flag_enums[band - 1]
    if MaskFlags.per_dataset in flags and MaskFlags.alpha not in flags:
        problems.error("raster.mask", file=shown)
        fits = False
    if not fits:
        return None
    at = dataset.transform
    if at.e > 0:
        problems.repair("raster.south_up", file=shown)
    tell_side_cars(path, at, shown=shown, problems=problems)
    grid = Grid(crs.to_wkt(), at.c, at.f, at.a, at.e, dataset.width, dataset.height)
    block = dataset.block_shapes[band - 1]
    return RasterSource(path, shown, band, grid, dtype, nodata, (int(block[0]), int(block[1])))


def _one_grid(sources: Mapping[int, RasterSource], problems: Problems) -> bool:
    """Refuse years on different grids: they must never be compared cell by cell."""
    first_year, first = next(iter(sources.items()))
    other = {year: item for year, item in sources.items() if not item.grid.same_cells(first.grid)}
    if other:
        years = first_few(other, problems.language)
        example = next(iter(other.values()))
        problems.error(
            "raster.different_grids",
            file=example.shown,
            first=first.grid.described(),
            other=example.grid.described(),
            first_year=first_year,
            years=years,
        )
    return not other


def read_window(
    dataset: Any,
    bands: Sequence[int],
    *,
    window: tuple[int, int, int, int],
    out: npt.NDArray[Any] | None = None,
) -> npt.NDArray[Any]:
    """Read bands of a window (first row, last row, first column, last column).

    Returns
    -------
    ndarray, dims (band, row, column)
        `out`, where it is given.
    """
    row0, row1, col0, col1 = window
    shape = Window(col0, row0, col1 - col0, row1 - row0)
    return np.asarray(dataset.read(list(bands), window=shape, out=out))
