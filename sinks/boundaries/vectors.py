"""Vector files as data, never as programs: the limits, GDAL's place, and what readers return.

GDAL guesses a format from the content, and some formats (VRT, pipelines, services) make it open
other files or the network. So the content is checked here first, GDAL is only ever given bytes in
memory, never a path, and the driver it took is compared with the one meant. GeoJSON does not go
through GDAL at all. Nothing is written: no side-car, no journal, no temporary file.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyogrio
import pyogrio.raw
import shapely
from pyproj import CRS
from pyproj.exceptions import CRSError

from sinks.checks import nearest
from sinks.limits import Limits

Geometries = npt.NDArray[np.object_]

#: What pyogrio raises on damaged content: its own errors are RuntimeError, wrong UTF-8 is
#: ValueError; files without layers or with a CRS that is no UTF-8 make it stumble over itself.
BAD_CONTENT: Final = (RuntimeError, ValueError, LookupError, NameError, TypeError, ArithmeticError)


class RefusedError(Exception):
    """A file that cannot be read on; carries the problem's code and values."""

    def __init__(self, code: str, **values: object) -> None:
        self.code = code
        self.values = values
        super().__init__(code)


@dataclass(frozen=True)
class Request:
    """What is wanted of a file.

    Parameters
    ----------
    shown : str
        The file as the study names it.
    columns : tuple of str
        The columns to read, as the study writes them.
    layer, encoding : str, optional
        Asserted by the user.
    limits : Limits
    optional : tuple of str
        Columns to read, too, where the file has them, in any case of letters.
    """

    shown: str
    columns: tuple[str, ...]
    layer: str | None = None
    encoding: str | None = None
    limits: Limits = field(default_factory=Limits)
    optional: tuple[str, ...] = ()

    def wanted(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the columns to read of those that a file has; all that it must have first.

        Raises
        ------
        RefusedError
            If one that it must have is not there.
        """
        for column in self.columns:
            require_column(column, names)
        known = {name.lower() for name in self.optional}
        more = (name for name in names if name.lower() in known)
        return tuple(dict.fromkeys((*self.columns, *more)))


@dataclass(frozen=True)
class VectorLayer:
    """One layer as it stands in its file: only text encodings are settled.

    Attributes
    ----------
    columns : dict of str to list
        The wanted columns, by the names the study uses: str, int, float, bool or None per row.
    geometry : ndarray of shapely geometries
        None where a row has none.
    unreadable : tuple of int
        Rows whose geometry is there but cannot be parsed.
    crs : CRS or None
        None if the file declares none.
    """

    columns: dict[str, list[object]]
    geometry: Geometries
    unreadable: tuple[int, ...]
    crs: CRS | None


def few(items: Sequence[object], count: int = 5) -> str:
    """Return the first items and how many more, the same in every language.

    Examples
    --------
    >>> few(range(7))
    '0, 1, 2, 3, 4 … (+2)'
    """
    head = ", ".join(str(item) for item in items[:count])
    return head if len(items) <= count else f"{head} … (+{len(items) - count})"


def require_column(wanted: str, names: Sequence[str]) -> None:
    """Refuse a file that lacks a wanted column, naming the nearest ones.

    Raises
    ------
    RefusedError
        If `wanted` is not among `names`.
    """
    if wanted not in names:
        near = nearest(wanted, names) or "-"
        raise RefusedError(
            "regions.no_column", column=wanted, nearest=near, columns=few(names, 20) or "-"
        )


def limit_rows(count: int, limits: Limits) -> None:
    """Refuse a layer with more rows than `limits.features`.

    Raises
    ------
    RefusedError
        If there are too many.
    """
    if count > limits.features:
        most = f"{limits.features:,}"
        raise RefusedError("regions.too_many_rows", count=f"{count:,}", limit=most)


def limit_size(size: int, most_mb: int, *, key: str) -> None:
    """Refuse a file of more bytes than `most_mb` megabytes; `key` of `[limits]` says so.

    Raises
    ------
    RefusedError
        If it is larger.
    """
    if size > most_mb << 20:
        raise RefusedError("regions.too_large", size=size >> 20, limit=most_mb, key=key)


def gdal_info(data: bytes, driver: str, *, limits: Limits, **options: Any) -> dict[str, Any]:
    """Describe a layer held in memory, and make sure that the driver meant has opened it.

    Raises
    ------
    RefusedError
        If GDAL cannot read the content, took another driver, or the layer is too large.
    """
    info: dict[str, Any] = gdal(pyogrio.read_info, data, force_feature_count=True, **options)
    if info["driver"] != driver:
        raise RefusedError("regions.corrupt", reason=f"{info['driver']} ≠ {driver}")
    limit_rows(int(info["features"]), limits)
    return info


def gdal_read(
    data: bytes, columns: Sequence[str], *, info: dict[str, Any], **options: Any
) -> tuple[dict[str, list[object]], Geometries, tuple[int, ...]]:
    """Read columns and geometries of a layer held in memory.

    Returns
    -------
    columns : dict of str to list
    geometry : ndarray of shapely geometries
    unreadable : tuple of int
        Rows whose geometry could not be parsed.

    Raises
    ------
    RefusedError
        If GDAL cannot read the content.
    """
    meta, _, blobs, values = gdal(
        pyogrio.raw.read, data, columns=list(dict.fromkeys(columns)), **options
    )
    if blobs is None:
        raise RefusedError("regions.no_layer")
    whole = {
        str(name)
        for name, kind in zip(info["fields"], info["dtypes"], strict=True)
        if "int" in str(kind)
    }
    table = {
        str(name): _plain(column, integer=str(name) in whole)
        for name, column in zip(meta["fields"], values, strict=True)
    }
    geometry = shapely.from_wkb(blobs, on_invalid="ignore")
    bad = [row for row, blob in enumerate(blobs) if blob is not None and geometry[row] is None]
    return table, geometry, tuple(bad)


def gdal(function: Callable[..., Any], data: bytes, **options: Any) -> Any:
    """Call a reader of pyogrio; its warnings are answered by our own checks of the result."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return function(data, **options)
    except BAD_CONTENT as error:
        plain = isinstance(error, RuntimeError | UnicodeError)
        reason = _reason(str(error)) if plain else "GDAL: no layer"
        raise RefusedError("regions.corrupt", reason=reason) from error


def _reason(words: str) -> str:
    """Return what GDAL says without the name that the bytes have in memory, and its advice."""
    return re.sub(r"'?/vsimem/\S+'?", "…", words.partition("; It might help")[0])[:200]


def _plain(column: npt.NDArray[Any], *, integer: bool) -> list[object]:
    """Return plain Python values; integers that pandas-style nulls made floats are whole again."""
    if column.dtype.kind != "f":
        return list(column.tolist())
    known = [None if math.isnan(value) else value for value in column.tolist()]
    return [int(value) if integer and value is not None else value for value in known]


def as_crs(declared: object) -> CRS | None:
    """Return a CRS from what GDAL reports; None if there is none or it says "undefined"."""
    if not declared or re.match(r'\w+\["Undefined', str(declared)):
        return None
    try:
        return CRS.from_user_input(declared)
    except CRSError as error:
        raise RefusedError("regions.crs_unknown", found=str(declared)[:120]) from error


def choose_layer(layers: Sequence[str], wanted: str | None) -> str:
    """Return the layer to read.

    Raises
    ------
    RefusedError
        If there is none, several and none is chosen, or the chosen one is not there.
    """
    if not layers:
        raise RefusedError("regions.no_layer")
    if wanted is None and len(layers) > 1:
        raise RefusedError("regions.several_layers", layers=few(layers, 20))
    if wanted is not None and wanted not in layers:
        raise RefusedError("regions.no_such_layer", layer=wanted, layers=few(layers, 20))
    return wanted or layers[0]
