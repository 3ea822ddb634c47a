"""What the header of a class raster says: refused, repaired or told before a cell is read."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
from pyproj import CRS
from pyproj.exceptions import CRSError
from rasterio.enums import MaskFlags
from rasterio.errors import RasterioError

from sinks.boundaries.position import degrees_of_area, horizontal, names_file
from sinks.checks import Problems
from sinks.limits import Limits

#: First bytes of a TIFF: classic and BigTIFF, little and big endian.
TIFF_MAGIC: Final = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
#: What is found under the name of a TIFF, by its first bytes.
KINDS: Final = {
    b"<vrt": "GDAL VRT", b"<mrf": "MRF", b"<!doctype html": "HTML", b"<html": "HTML",
    b"<?xml": "XML", b"\x89png": "PNG", b"\xff\xd8\xff": "JPEG", b"gif8": "GIF", b"bm": "BMP",
    b"pk\x03\x04": "ZIP", b"\x1f\x8b": "gzip", b"rar!": "RAR", b"7z\xbc\xaf": "7-Zip",
    b"sqlite format 3": "SQLite / GeoPackage", b"cdf": "NetCDF", b"\x89hdf": "HDF5 / NetCDF-4",
    b"\x00\x00\x00\x0cjp": "JPEG 2000", b"%pdf": "PDF", b"ehfa_header_tag": "ERDAS Imagine",
    b"ncols": "ASCII grid",
}  # fmt: skip
#: Smaller files may stand for as many cells as they like [cells].
FREE_CELLS: Final = 100_000_000
#: Cells are called square if their sides differ by less than this part.
SQUARE: Final = 0.01
#: Metadata of a TIFF that can name another file: GDAL would open it, whatever it is.
OUTSIDE: Final = {"OVERVIEWS": ("OVERVIEW_FILE",), "GEOLOCATION": ("X_DATASET", "Y_DATASET")}
#: Cells smaller than this part of their coordinates cannot be told from their neighbours.
FINEST: Final = 1e-11
#: From this error on LERC changes whole numbers.
LERC_CHANGES: Final = 0.5


class NotTiff(Exception):
    """A file under a raster's name is something else; says what."""


@contextmanager
def refusals(shown: str, problems: Problems) -> Iterator[None]:
    """Report why a raster cannot be opened, instead of raising it."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        problems.error("raster.unreadable", file=shown, reason=reason[:300])
    except NotTiff as error:
        problems.error("raster.not_geotiff", file=shown, kind=str(error))
    except (RasterioError, ValueError) as error:
        problems.error("raster.unreadable", file=shown, reason=str(error)[:300])


def tiff_or_what(head: bytes) -> str:
    """Return what a file is by its first bytes, "" if it is a TIFF.

    Examples
    --------
    >>> tiff_or_what(b"<!DOCTYPE html><html>")
    'HTML (3c 21 44 4f)'
    """
    if head[:4] in TIFF_MAGIC:
        return ""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    kind = next((name for mark, name in KINDS.items() if start.startswith(mark)), "")
    shown = head[:4].hex(" ") or "0 B"
    return f"{kind} ({shown})" if kind else shown


def header_fits(
    dataset: Any, path: Path, *, shown: str, limits: Limits, problems: Problems
) -> bool:
    """Tell whether a raster may be read at all, whatever the study says of it.

    Refused are more cells, bands or bytes than the limits allow, pages of which GDAL reads only
    the first, metadata that leads to other files, compression that changes codes, and grids that
    are not upright.
    """
    found = [
        _too_large(dataset, path, shown=shown, limits=limits, problems=problems),
        _leads_outside(dataset, shown=shown, problems=problems),
        _lossy(dataset, shown=shown, problems=problems),
        not _upright(dataset, shown=shown, problems=problems),
    ]
    if dataset.subdatasets:
        problems.error("raster.several_pages", file=shown, count=len(dataset.subdatasets))
    return not any(found) and not dataset.subdatasets


def _too_large(dataset: Any, path: Path, *, shown: str, limits: Limits, problems: Problems) -> bool:
    cells = dataset.width * dataset.height
    size = np.dtype(dataset.dtypes[0].replace("complex_int16", "complex64")).itemsize
    pixels = dataset.tags(ns="IMAGE_STRUCTURE").get("INTERLEAVE") == "PIXEL"
    together = dataset.count if pixels else 1  # one stored block holds all bands, or one
    block = max(rows * cols for rows, cols in dataset.block_shapes) * size * together
    per_byte = cells / max(path.stat().st_size, 1) if cells > FREE_CELLS else 0
    whole = f"{dataset.width} × {dataset.height}"
    found = {
        "cells": (cells, limits.cells, whole),
        "bands": (dataset.count, limits.bands, f"{whole} × {dataset.count}"),
        "block_mb": (block / 2**20, limits.block_mb, f"{block >> 20} MB"),
        "cells_per_byte": (per_byte, limits.cells_per_byte, f"{whole}: {per_byte:.4g}"),
    }
    large = [key for key, (value, most, _) in found.items() if value > most]
    for key in large:
        _, most, size_text = found[key]
        problems.error("raster.too_large", file=shown, key=key, limit=f"{most:,}", size=size_text)
    return bool(large)


def _leads_outside(dataset: Any, *, shown: str, problems: Problems) -> bool:
    """Refuse metadata by which GDAL would open a file or address that nobody named."""
    for domain, names in OUTSIDE.items():
        tags = dataset.tags(ns=domain)
        for name in names:
            if name in tags:
                problems.error(
                    "raster.leads_outside", file=shown, place=name, found=str(tags[name])[:120]
                )
                return True
    return False


def _lossy(dataset: Any, *, shown: str, problems: Problems) -> bool:
    """Refuse compression for photographs: near borders it invents codes of other classes."""
    tags = dataset.tags(ns="IMAGE_STRUCTURE")
    name = tags.get("COMPRESSION", "").upper()
    changes = "JPEG" in name
    if name in ("WEBP", "JXL"):
        changes = tags.get("COMPRESSION_REVERSIBILITY") != "LOSSLESS"
    if name.startswith("LERC"):
        changes = float(tags.get("MAX_Z_ERROR", 0)) >= LERC_CHANGES
    if changes:
        problems.error("raster.lossy", file=shown, found=name)
    return changes


def _upright(dataset: Any, *, shown: str, problems: Problems) -> bool:
    """Refuse rasters without a position, rotated ones and cells without a size."""
    transform = dataset.transform
    numbers = ", ".join(f"{value:.12g}" for value in tuple(transform)[:6])
    finest = FINEST * max(abs(transform.c), abs(transform.f))
    if transform.is_identity and not dataset.gcps[0]:
        problems.error("raster.no_geotransform", file=shown)
    elif dataset.gcps[0] or transform.b or transform.d:
        problems.error("raster.rotated", file=shown, transform=numbers)
    elif (
        not np.isfinite(tuple(transform)).all()
        or not transform.a > 0
        or not (abs(transform.e) > 0 and min(transform.a, abs(transform.e)) >= finest)
    ):
        problems.error("raster.bad_cells", file=shown, transform=numbers)
    else:
        return True
    return False


def settled_crs(
    dataset: Any, *, shown: str, asserted: str | None, problems: Problems
) -> CRS | None:
    """Return the horizontal CRS that holds: the file's, or the user's where the study names one."""
    try:
        own = dataset.crs.to_wkt() if dataset.crs else None
        wkt = own if asserted is None else rasterio.crs.CRS.from_user_input(asserted).to_wkt()
        crs = horizontal(CRS.from_wkt(wkt)) if wkt else None
    except (RasterioError, CRSError, ValueError) as error:
        found = asserted or "-"
        problems.error("raster.bad_crs", file=shown, found=found, reason=str(error)[:200])
        return None
    if crs is None:
        problems.error("raster.no_crs", file=shown)
        return None
    if names_file(CRS.from_wkt(str(wkt))):
        problems.error("crs.grid_file", file=shown, crs=crs.name)
        return None
    if not (crs.is_geographic or crs.is_projected):
        problems.error("raster.crs_kind", file=shown, crs=crs.name)
        return None
    if asserted is not None:
        problems.warn("raster.crs_asserted", file=shown, crs=asserted, own=dataset.crs or "-")
    return crs


def position_fits(dataset: Any, crs: CRS, *, shown: str, problems: Problems) -> bool:
    """Tell whether the coordinates of a raster can be those of its CRS; say what they look like."""
    transform, box = dataset.transform, dataset.bounds
    frame = f"x {box.left:.10g} … {box.right:.10g}, y {box.bottom:.10g} … {box.top:.10g}"
    low, high = min(box.bottom, box.top), max(box.bottom, box.top)
    code = ""
    if crs.is_geographic:
        slack = 2 * max(transform.a, abs(transform.e))
        full = 2 * np.pi / crs.axis_info[0].unit_conversion_factor  # 360, but for grads
        across = box.left < -full / 2 - slack or box.right > full + slack
        if across or low < -full / 4 - slack or high > full / 4 + slack:
            code = "raster.not_degrees"
    elif degrees_of_area((box.left, low, box.right, high), crs):
        code = "raster.degrees_in_projected"
    if code:
        problems.error(code, file=shown, crs=crs.name, box=frame)
    elif abs(transform.a / abs(transform.e) - 1) > SQUARE:
        size = f"{transform.a:.8g} × {abs(transform.e):.8g}"
        problems.warn("raster.not_square", file=shown, size=size)
    return not code


def settled_band(dataset: Any, *, shown: str, band: int | None, problems: Problems) -> int | None:
    """Return the band that holds: the one the study names, or the only one."""
    if band is None and dataset.count > 1:
        problems.error("raster.several_bands", file=shown, count=dataset.count)
        return None
    band = band or 1
    if band > dataset.count:
        problems.error("raster.no_such_band", file=shown, band=band, count=dataset.count)
        return None
    return band


def settled_nodata(
    dataset: Any, band: int, *, shown: str, asserted: int | None, problems: Problems
) -> tuple[bool, int | None]:
    """Return whether the no-data code can be used, and the one that holds, if any.

    The user's, else the file's own. NaN cells of a float raster are no data in any case.
    """
    own = dataset.nodatavals[band - 1]
    value: float | int | None = own if asserted is None else asserted
    if asserted is not None:
        problems.warn("raster.nodata_asserted", file=shown, nodata=asserted, own=own)
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return True, None
    if value != int(value):
        problems.error("raster.bad_nodata", file=shown, found=value)
        return False, None
    dtype = np.dtype(dataset.dtypes[band - 1])
    low, high = _range(dtype)
    if not low <= value <= high:
        problems.warn("raster.nodata_out_of_range", file=shown, found=int(value), dtype=dtype.name)
        return True, None
    return True, int(value)


def _range(dtype: np.dtype[Any]) -> tuple[int, int]:
    """Return the least and the largest whole number that cells of a type can hold."""
    if dtype.kind in "iu":
        return int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    return int(np.finfo(dtype).min), int(np.finfo(dtype).max)


def tell_oddities(dataset: Any, band: int, *, shown: str, problems: Problems) -> None:
    """Tell what other software would do with the values and this one does not."""
    scale, offset = dataset.scales[band - 1], dataset.offsets[band - 1]
    if (scale, offset) != (1.0, 0.0):
        problems.warn("raster.scaled", file=shown, scale=f"{scale:g}", offset=f"{offset:g}")
    if MaskFlags.alpha in dataset.mask_flag_enums[band - 1]:
        # Not refused: the fourth of four bytes, say of four years, is called so by default.
        problems.warn("raster.alpha", file=shown, band=dataset.count)
