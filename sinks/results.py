"""A finished run as every face sees it: tables, regions and manifest, read from its folder."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, cast

import geopandas as gpd
import pandas as pd
from pyogrio.errors import DataSourceError

from sinks.errors import OutputFailed
from sinks.texts import Language, text

TABLES: Final = (
    "stock", "regions", "change", "transitions", "targets", "coverage", "parameters"
)  # fmt: skip
MANIFEST: Final = "manifest.json"
REGIONS: Final = "regions.gpkg"
#: Columns that hold numbers; everything else is text, codes above all.
NUMBERS: Final = frozenset(
    {"required", "achieved", "se", "low", "high", "share_achieved", "probability", "value",
     "achieved_other_unit", "probability_other_unit"}
)  # fmt: skip
YEARS: Final = frozenset({"year", "start", "end"})
#: Text that a spreadsheet takes for a formula, in China and Japan after full-width signs, too.
FORMULA: Final = re.compile(r"'*[=+\-@\t\r＝＋－＠].")
#: First bytes of a GeoPackage: only that is opened, whatever stands under its name.
SQLITE: Final = b"SQLite format 3\x00"
#: Significant digits of a number in a CSV.
DIGITS: Final = 12


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV: UTF-8 with BOM, `.` decimals, empty for not known.

    Text that a spreadsheet would take for a formula is written behind an apostrophe.
    """
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(table.columns)
    for row in table.itertuples(index=False):
        writer.writerow([_cell(value) for value in row])
    path.write_bytes(b"\xef\xbb\xbf" + stream.getvalue().encode("utf-8"))


def _cell(value: Any) -> str:
    if value is None or value is pd.NA:
        return ""
    if isinstance(value, str):
        return f"'{value}" if FORMULA.match(value) else value
    if isinstance(value, bool) or type(value).__name__ in ("bool", "bool_"):
        return "true" if value else "false"
    if isinstance(value, float):
        # Adding 0 turns −0 into 0.
        return "" if math.isnan(value) else format(value + 0.0, f".{DIGITS}g")
    return str(value)


def read_table(path: Path) -> pd.DataFrame:
    """Read a table that `write_table` wrote: codes as text, numbers as floats."""
    frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    for column in frame.columns:
        if column in YEARS:
            frame[column] = pd.to_numeric(frame[column].replace("", None)).astype("Int64")
        elif column in NUMBERS or column.endswith(("_ha", "_t_c")):
            frame[column] = pd.to_numeric(frame[column].replace("", None)).astype(float)
        elif column == "detectable":
            frame[column] = (frame[column] == "true").to_numpy(dtype=bool)
        else:
            frame[column] = frame[column].str.replace(rf"^'(?={FORMULA.pattern})", "", regex=True)
    return frame


def _read_regions(path: Path) -> gpd.GeoDataFrame:
    with path.open("rb") as stream:
        if stream.read(len(SQLITE)) != SQLITE:
            raise ValueError(path.name)
    return gpd.read_file(path, layer="regions")


@dataclass(frozen=True)
class Results:
    """A finished run.

    Attributes
    ----------
    root : Path
        Its folder.
    meta : dict
        What `manifest.json` holds.
    tables : dict of str to DataFrame
        By name, without ``.csv``.
    regions : GeoDataFrame
        Geometry and headline columns.
    """

    root: Path
    meta: Mapping[str, Any]
    tables: Mapping[str, pd.DataFrame]
    regions: gpd.GeoDataFrame

    @classmethod
    def open(cls, root: Path, language: Language = "zh") -> Results:
        """Read a finished run.

        Raises
        ------
        OutputFailed
            If the folder holds no complete run.
        """
        try:
            meta = json.loads((root / MANIFEST).read_text(encoding="utf-8"))
            return cls.read(root, meta)
        except (OSError, ValueError, KeyError, TypeError, DataSourceError) as error:
            raise OutputFailed(text("results.incomplete", language, folder=root)) from error

    @classmethod
    def read(cls, root: Path, meta: Mapping[str, Any]) -> Results:
        """Read the tables and regions of a folder whose manifest is `meta`."""
        tables = {name: read_table(root / "tables" / f"{name}.csv") for name in TABLES}
        path = root / REGIONS
        return cls(
            root, meta, tables, _read_regions(path) if path.is_file() else gpd.GeoDataFrame()
        )

    @property
    def language(self) -> Language:
        """The study's language."""
        return cast(Language, self.meta["study"]["language"])

    @property
    def title(self) -> str:
        """The study's title."""
        return str(self.meta["study"]["title"])

    @property
    def years(self) -> list[int]:
        """The study's years, ascending."""
        return [int(year) for year in self.meta["study"]["years"]]

    @property
    def first(self) -> int:
        """The first year."""
        return self.years[0]

    @property
    def last(self) -> int:
        """The last year."""
        return self.years[-1]

    @cached_property
    def strata(self) -> pd.DataFrame:
        """The strata that occur: names in both languages, IPCC category, group, colour."""
        return pd.DataFrame(self.meta["strata"])
