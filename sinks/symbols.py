"""Class codes as the kernel knows them: bytes that number the codes of a legend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

#: Symbols of the kernel that stand for no class.
NODATA_SYMBOL: Final = 254
UNKNOWN_SYMBOL: Final = 255


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
        raise ValueError("more than 254 codes; a legend has no more")
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
        place = np.searchsorted(known, values)
        out = np.where(np.isin(values, known), place, UNKNOWN_SYMBOL).astype(np.uint8)
    out[missing] = NODATA_SYMBOL
    return out
