"""Codes of one land-cover product in terms of another's legend, by a table that the user names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
from rasterio.windows import Window

from sinks.checks import Problems, first_few
from sinks.legend import CODE, Legend
from sinks.limits import Limits
from sinks.rows import read_rows

if TYPE_CHECKING:
    from sinks.raster import RasterSource

COLUMNS: Final = ("from_code", "to_code")


@dataclass(frozen=True)
class Crosswalk:
    """A table of codes: what a code of a raster means in the study's legend.

    Attributes
    ----------
    shown : str
        The table as the study names it.
    pairs : tuple of (int, int)
        Code of the raster and code of the legend, sorted.
    blank, unknown : int
        Codes that stand for no data and for a code that the table lacks; neither is a class.
    """

    shown: str
    pairs: tuple[tuple[int, int], ...]
    blank: int
    unknown: int

    def applied(self, source: RasterSource, *, problems: Problems) -> RasterSource | None:
        """Return a raster as it reads through the table; None if its no data is a class there."""
        taken = [code for code in source.blank if code in dict(self.pairs)]
        if taken:
            problems.error("crosswalk.nodata", file=self.shown, code=taken[0], raster=source.shown)
            return None
        top = max(self.blank, self.unknown, *(after for _, after in self.pairs))
        low = min(self.blank, *(after for _, after in self.pairs))
        dtype = "uint8" if low >= 0 and top <= 255 else "int32"
        return replace(source, recode=self, raw=source, dtype=dtype, nodata=self.blank)


def load_crosswalks(
    named: Mapping[int, str], legend: Legend, *, base: Path, problems: Problems,
    limits: Limits | None = None,
) -> dict[int, Crosswalk]:  # fmt: skip
    """Read the crosswalk tables of a study.

    Parameters
    ----------
    named : mapping of year to str
        The table of each year whose raster holds codes of another product.
    legend : Legend
        The study's: what the tables must lead to.
    base : Path
    problems : Problems
        Is told, besides all faults, that a change of product is no change of land.
    limits : Limits, optional

    Returns
    -------
    dict of year to Crosswalk
    """
    found = {}
    for year, path in named.items():
        pairs = _pairs(path, legend, base=base, problems=problems, limits=limits)
        if not pairs:
            continue
        free = (
            code for code in range(1 << 16) if code not in {*legend.codes, *legend.nodata_codes}
        )
        blank = min(legend.nodata_codes) if legend.nodata_codes else next(free)
        found[year] = Crosswalk(path, tuple(sorted(pairs.items())), blank, next(free))
    if found:
        years = first_few(found, problems.language)
        tables = first_few(dict.fromkeys(item.shown for item in found.values()), problems.language)
        problems.warn("crosswalk.product_change", years=years, tables=tables, legend=legend.name)
    return found


def _pairs(
    path: str, legend: Legend, *, base: Path, problems: Problems, limits: Limits | None
) -> dict[int, int] | None:
    """Return the pairs of one table; None if it was refused."""
    rows = read_rows(base / path, required=COLUMNS, shown=path, problems=problems, limits=limits)
    known = {*legend.codes, *legend.nodata_codes}
    pairs: dict[int, int] = {}
    sound = rows is not None
    for row in rows or ():
        cells = [row[name] for name in COLUMNS]
        codes = [int(cell) for cell in cells if CODE.fullmatch(cell)]
        if len(codes) < 2 or codes[1] not in known or pairs.get(codes[0], codes[1]) != codes[1]:
            sound = False
            problems.error(
                "crosswalk.bad_row", file=path, place=str(row.line), found=" → ".join(cells)[:80],
                known=first_few(sorted(known), problems.language, count=40), legend=legend.name,
            )  # fmt: skip
            continue
        pairs[codes[0]] = codes[1]
    return pairs if sound else None


class RecodedReader:
    """Reads a raster through a crosswalk, by the methods of a rasterio dataset that sinks uses.

    Parameters
    ----------
    source : RasterSource
        With its crosswalk and raw raster.
    dataset : dataset
        The raw raster, opened.
    """

    def __init__(self, source: RasterSource, dataset: Any) -> None:
        if source.recode is None or source.raw is None:
            raise ValueError(source.shown)
        self._dataset, self._dtype, self._table = dataset, source.dtype, source.recode
        self._blank = source.raw.blank
        before, after = zip(*source.recode.pairs, strict=True)
        self._before = np.array(before, np.int64)
        self._after = np.array(after, self._dtype)

    def read(
        self, indexes: Sequence[int], *, window: Window, out: npt.NDArray[Any] | None = None
    ) -> npt.NDArray[Any]:
        """Read bands of a window in codes of the study's legend."""
        values = self._dataset.read(list(indexes), window=window)
        place = np.clip(np.searchsorted(self._before, values), 0, self._before.size - 1)
        known = self._before[place] == values
        found = np.where(known, self._after[place], self._after.dtype.type(self._table.unknown))
        missing = np.isnan(values) | np.isin(values, self._blank)
        found[missing] = self._table.blank
        if out is None:
            return np.asarray(found)
        out[...] = found
        return out
