"""Class rasters, opened safely: one driver, checked before a cell is read, read by windows."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine
from rasterio.enums import MaskFlags
from rasterio.errors import CRSError, RasterioError
from rasterio.features import geometry_mask
from rasterio.windows import Window

from sinks.checks import Problems, first_few
from sinks.grid import Grid
from sinks.study import LandcoverConfig

#: The only format that is opened: a `.tif` that is something else may read or write any file.
DRIVER: Final = "GTiff"
#: First bytes of a TIFF: classic and BigTIFF, little and big endian.
TIFF_MAGIC: Final = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
#: Files beside a raster could override what it says; the network is never asked.
GDAL_OPTIONS: Final[Mapping[str, str | int]] = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_TIFF_INTERNAL_MASK": "YES",
    "GDAL_CACHEMAX": 64 << 20,
    "PROJ_NETWORK": "OFF",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": "{none}",
}
#: Cells of a raster at most: China at 10 m is 1e11.
MAX_CELLS: Final = 2_000_000_000_000
MAX_BANDS: Final = 1000
#: Symbols of the kernel that stand for no class.
NODATA_SYMBOL: Final = 254
UNKNOWN_SYMBOL: Final = 255


class UnreadableBlock(Exception):
    """A window of a raster cannot be read or holds values that are no classes."""

    def __init__(
        self, source: RasterSource, row: int, *, reason: str, not_whole: bool = False
    ) -> None:
        self.source, self.row, self.reason, self.not_whole = source, row, reason, not_whole
        super().__init__(f"{source.shown}: row {row}: {reason}")


@dataclass(frozen=True)
class RasterSource:
    """A checked band of a raster file.

    Attributes
    ----------
    path, shown : Path, str
        Where it is and how the study names it.
    band : int
    grid : Grid
    dtype : str
    nodata : int or None
        No-data code that holds for it: asserted by the user, else the file's own.
    block : (int, int)
        Rows and columns of a stored block.
    """

    path: Path
    shown: str
    band: int
    grid: Grid
    dtype: str
    nodata: int | None
    block: tuple[int, int]

    @property
    def blank(self) -> tuple[int, ...]:
        """The no-data code, if there is one."""
        return () if self.nodata is None else (self.nodata,)

    @contextmanager
    def open(self) -> Iterator[Any]:
        """Open the dataset, safely, for the time of a ``with`` block."""
        with rasterio.Env(**GDAL_OPTIONS), open_raster(self.path) as dataset:
            yield dataset


def open_raster(path: Path) -> Any:
    """Open a GeoTIFF and nothing else.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is not a TIFF, whatever its name says.
    rasterio.errors.RasterioError
        If GDAL cannot read its header.
    """
    with path.open("rb") as stream:
        magic = stream.read(4)
    if magic not in TIFF_MAGIC:
        raise ValueError(magic.hex(" "))
    return rasterio.open(os.fspath(path.resolve()), driver=DRIVER)


def load_rasters(
    config: LandcoverConfig, *, base: Path, problems: Problems
) -> dict[int, RasterSource] | None:
    """Open and check the rasters of every year.

    Returns
    -------
    dict of int to RasterSource, or None
        By year, ascending; None if any was refused. `problems` says everything found.
    """
    sources: dict[int, RasterSource] = {}
    seen: dict[tuple[Path, int], int] = {}
    for year in config.years:
        written = config.source(year)
        source = _load_one(
            base / written.path,
            shown=written.path,
            band=written.band,
            config=config,
            problems=problems,
        )
        if source is None:
            continue
        key = (source.path.resolve(), source.band)
        if key in seen:
            problems.error(
                "raster.same_twice", file=source.shown, place=str(year), year=year, other=seen[key]
            )
        seen[key] = year
        sources[year] = source
    if len(sources) < len(config.years):
        return None
    return sources if _one_grid(sources, problems) else None


def _load_one(
    path: Path, *, shown: str, band: int | None, config: LandcoverConfig, problems: Problems
) -> RasterSource | None:
    """Check one file; report what is wrong with it."""
    try:
        with rasterio.Env(**GDAL_OPTIONS), open_raster(path) as dataset:
            return _checked(
                dataset, path=path, shown=shown, band=band, config=config, problems=problems
            )
    except OSError as error:
        reason = error.strerror or str(error)
        problems.error("raster.unreadable", file=shown, reason=reason[:300])
    except ValueError as error:
        problems.error("raster.not_geotiff", file=shown, magic=str(error)[:60])
    except RasterioError as error:
        problems.error("raster.unreadable", file=shown, reason=str(error)[:300])
    return None


def _checked(
    dataset: Any,
    *,
    path: Path,
    shown: str,
    band: int | None,
    config: LandcoverConfig,
    problems: Problems,
) -> RasterSource | None:
    wkt = _crs(dataset, shown=shown, asserted=config.crs, problems=problems)
    band = _band(dataset, shown=shown, band=band, problems=problems)
    if not _shape_ok(dataset, shown=shown, problems=problems) or wkt is None or band is None:
        return None
    dtype = dataset.dtypes[band - 1]
    nodata = _nodata(dataset, band, shown=shown, asserted=config.nodata, problems=problems)
    if MaskFlags.per_dataset in dataset.mask_flag_enums[band - 1]:
        problems.error("raster.mask", file=shown)
        return None
    if dtype.startswith("complex"):
        problems.error("raster.not_classes", file=shown, dtype=dtype)
        return None
    if dtype.startswith("float"):
        problems.repair("raster.float_classes", file=shown, dtype=dtype)
    transform = dataset.transform
    grid = Grid(
        wkt, transform.c, transform.f, transform.a, transform.e, dataset.width, dataset.height
    )
    if not (grid.crs.is_geographic or grid.crs.is_projected):
        problems.error("raster.crs_kind", file=shown, crs=grid.crs.name)
        return None
    if transform.e > 0:
        problems.repair("raster.south_up", file=shown)
    block = dataset.block_shapes[band - 1]
    return RasterSource(path, shown, band, grid, dtype, nodata, (int(block[0]), int(block[1])))


def _crs(dataset: Any, *, shown: str, asserted: str | None, problems: Problems) -> str | None:
    """Return the WKT that holds: the file's, or the user's for a file without one."""
    own = dataset.crs.to_wkt() if dataset.crs else None
    if asserted is None:
        if own is None:
            problems.error("raster.no_crs", file=shown)
        return own
    try:
        wkt = str(rasterio.crs.CRS.from_user_input(asserted).to_wkt())
    except (RasterioError, CRSError) as error:
        problems.error("raster.bad_crs", file=shown, found=asserted, reason=str(error)[:200])
        return None
    problems.warn("raster.crs_asserted", file=shown, crs=asserted, own=dataset.crs or "-")
    return wkt


def _band(dataset: Any, *, shown: str, band: int | None, problems: Problems) -> int | None:
    if band is None and dataset.count > 1:
        problems.error("raster.several_bands", file=shown, count=dataset.count)
        return None
    band = band or 1
    if band > dataset.count:
        problems.error("raster.no_such_band", file=shown, band=band, count=dataset.count)
        return None
    return band


def _shape_ok(dataset: Any, *, shown: str, problems: Problems) -> bool:
    transform = dataset.transform
    if transform.is_identity and not dataset.gcps[0]:
        problems.error("raster.no_geotransform", file=shown)
    elif dataset.gcps[0] or transform.b or transform.d:
        problems.error("raster.rotated", file=shown, transform=str(tuple(transform)[:6]))
    elif not np.isfinite(tuple(transform)).all() or not transform.a > 0 or not transform.e:
        problems.error("raster.bad_cells", file=shown, transform=str(tuple(transform)[:6]))
    elif dataset.width * dataset.height > MAX_CELLS or dataset.count > MAX_BANDS:
        size = f"{dataset.width} × {dataset.height} × {dataset.count}"
        problems.error("raster.too_large", file=shown, size=size)
    else:
        return True
    return False


def _nodata(
    dataset: Any, band: int, *, shown: str, asserted: int | None, problems: Problems
) -> int | None:
    own = dataset.nodatavals[band - 1]
    if asserted is not None:
        problems.warn("raster.nodata_asserted", file=shown, nodata=asserted, own=own)
        return asserted
    if own is None or not np.isfinite(own):
        return None  # NaN cells of a float raster are no data in any case
    if own != int(own):
        problems.error("raster.bad_nodata", file=shown, found=own)
        return None
    return int(own)


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


def symbols(codes: Sequence[int], nodata: Sequence[int], *, dtype: str) -> npt.NDArray[np.int64]:
    """Return the class code of every symbol of the kernel, −1 for none.

    The kernel works on bytes. If all rasters are bytes they pass as they are. Otherwise the
    codes are numbered in their order, in the byte rasters among them too; no-data codes become
    `NODATA_SYMBOL`, other values `UNKNOWN_SYMBOL`.
    """
    if dtype == "uint8":
        return np.arange(256, dtype=np.int64)
    table = np.full(256, -1, dtype=np.int64)
    known = sorted(set(codes) - set(nodata))
    if len(known) > NODATA_SYMBOL:
        raise ValueError("a legend of more than 254 classes needs byte rasters")
    table[: len(known)] = known
    return table


def pass_as_they_are(dtype: str, table: npt.NDArray[np.int64]) -> bool:
    """Tell whether the values of a raster are symbols already."""
    return dtype == "uint8" and int(table[-1]) >= 0


def to_symbols(
    values: npt.NDArray[Any], table: npt.NDArray[np.int64], *, nodata: Sequence[int]
) -> npt.NDArray[np.uint8]:
    """Number the values of a window by the table of `symbols`.

    Raises
    ------
    ValueError
        If a float raster holds a value that is not whole.
    """
    if pass_as_they_are(str(values.dtype), table):
        return values
    missing = np.isnan(values)
    for code in nodata:
        missing |= values == code
    known, values = table[table >= 0], np.where(missing, 0, values)
    with np.errstate(invalid="ignore"):
        narrow = values.astype(np.int16)
    if (narrow == values).all():  # all but always, and ten times as fast
        short = known[known < 1 << 15]
        number = np.full(1 << 16, UNKNOWN_SYMBOL, np.uint8)
        number[short] = np.arange(short.size)
        out = number[narrow.view(np.uint16)]
    else:
        whole = np.isfinite(values) & (np.rint(values) == values)
        if not whole.all():
            raise ValueError(f"{values[~whole].ravel()[0]:g}")
        place = np.searchsorted(known, values).clip(max=known.size - 1)
        out = np.where(known[place] == values, place, UNKNOWN_SYMBOL).astype(np.uint8)
    out[missing] = NODATA_SYMBOL
    return out


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


def first_cell(
    source: RasterSource,
    symbol: int,
    *,
    table: npt.NDArray[np.int64],
    nodata: Sequence[int],
    shapes: Sequence[Any],
) -> tuple[int, str]:
    """Return the code behind a symbol that no class has, and its first cell in the regions.

    Parameters
    ----------
    source : RasterSource
    symbol : int
        A byte value, or `UNKNOWN_SYMBOL` for any value of a wider type that is not known.
    table, nodata
        As the kernel was given them: see `symbols` and `to_symbols`.
    shapes : sequence of shapely geometries
        The regions, in the raster's CRS.

    Returns
    -------
    code : int
    place : str
        Row, column and coordinates of the first cell, row by row, that a region touches.
    """
    grid = source.grid
    with source.open() as dataset:
        for row in range(0, grid.height, 256):
            part = (row, min(row + 256, grid.height), 0, grid.width)
            values = read_window(dataset, [source.band], window=part)[0]
            hit = to_symbols(values, table, nodata=(*nodata, *source.blank)) == symbol
            if hit.any():
                corner = Affine(grid.dx, 0, grid.x0, 0, grid.dy, grid.y0 + row * grid.dy)
                hit &= geometry_mask(shapes, hit.shape, corner, all_touched=True, invert=True)
            if hit.any():
                r, c = (int(index[0]) for index in np.nonzero(hit))
                x, y = grid.x0 + (c + 0.5) * grid.dx, grid.y0 + (row + r + 0.5) * grid.dy
                return int(values[r, c]), f"({row + r}, {c}) · x {x:.10g}, y {y:.10g}"
    return symbol, ""
