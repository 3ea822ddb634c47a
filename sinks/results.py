"""A finished run as every face sees it: tables, regions and manifest, read from its folder."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final, cast

import geopandas as gpd
import pandas as pd
from pyogrio.errors import DataSourceError

from sinks.display import table
from sinks.errors import OutputFailed
from sinks.escape import spreadsheet_cell, text_of_cell
from sinks.folder import UNREADABLE, recover
from sinks.lock import refusal
from sinks.texts import LANGUAGES, Language, has_text, text

TABLES: Final = (
    "stock", "regions", "change", "transitions", "targets", "coverage", "parameters"
)  # fmt: skip
#: The checks of a run, written after the tables that they check.
QUALITY: Final = "qc"
MANIFEST: Final = "manifest.json"
REGIONS: Final = "regions.gpkg"
STANDS: Final = "subcompartments.gpkg"
#: Columns that hold numbers; everything else is text, codes above all.
NUMBERS: Final = frozenset(
    {"required", "achieved", "se", "low", "high", "share_achieved", "probability", "value",
     "achieved_other_unit", "probability_other_unit", "found", "rank", "rank_low", "rank_high",
     "of", "probability_top", "probability_bottom", "baseline", "on_path", "rate_so_far",
     "rate_planned", "rate_needed", "implied_low", "implied_high", "units", "share",
     "settle_years", "share_of_variance", "map_value", "map_se", "map_low", "map_high",
     "other_value", "other_se", "difference", "area_part", "density_part", "definition_part",
     "rest", "factor", "raked_value", "projected", "gap", "official", "official_se",
     "found_implied_low", "found_implied_high", "probability_found", "area_part_se",
     "density_part_se"}
)  # fmt: skip
#: Columns that hold whole numbers.
WHOLE: Final = frozenset(
    {
        "year",
        "raster_year",
        "start",
        "end",
        "plots",
        "first_change",
        "last_change",
        "changes",
        "flips",
        "planted_year",
        "age",
        "records",
    }
)
#: Endings of the names of columns that hold numbers in that unit.
UNITS: Final = ("_ha", "_mu", "_m3", "_t_c", "_pct", "_per_yr")
#: First bytes of a GeoPackage: only that is opened, whatever stands under its name.
SQLITE: Final = b"SQLite format 3\x00"
#: Rows that are text in memory at a time.
ROWS_AT_ONCE: Final = 50_000
#: Significant digits of a number in a CSV.
DIGITS: Final = 12


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV: UTF-8 with BOM, `.` decimals, empty for not known.

    Text that a spreadsheet would take for a formula is written behind an apostrophe.
    """
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\r\n")
        writer.writerow(table.columns)
        for first in range(0, len(table), ROWS_AT_ONCE):
            part = table.iloc[first : first + ROWS_AT_ONCE]
            columns = (_cells(part[name]) for name in part.columns)
            writer.writerows(zip(*columns, strict=True))


def _cells(column: pd.Series) -> list[str]:
    """Return a column as text; words are few and repeated, so each is looked at once."""
    values = column.tolist()
    kinds = {type(value) for value in values}
    if kinds == {str}:
        known = {value: _cell(value) for value in set(values)}
        return [known[value] for value in values]
    return [_number(value) for value in values] if kinds == {float} else list(map(_cell, values))


def _number(value: float) -> str:
    # Adding 0 turns −0 into 0.
    return "" if math.isnan(value) else format(value + 0.0, f".{DIGITS}g")


def _cell(value: Any) -> str:
    if value is None or value is pd.NA:
        return ""
    if isinstance(value, str):
        return spreadsheet_cell(value)
    if isinstance(value, bool) or type(value).__name__ in ("bool", "bool_"):
        return "true" if value else "false"
    if isinstance(value, float):
        return _number(value)
    return str(value)


def read_table(path: Path) -> pd.DataFrame:
    """Read a table that `write_table` wrote: codes as text, numbers as floats."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        kinds = {column: _kind(column) for column in next(csv.reader(stream), [])}
    frame = pd.read_csv(
        path, dtype=kinds, encoding="utf-8-sig", keep_default_na=False,
        na_values={column: [""] for column, kind in kinds.items() if kind != "str"},
    )  # fmt: skip
    for column in frame.columns:
        if column == "detectable":
            frame[column] = (frame[column] == "true").to_numpy(dtype=bool)
        elif kinds[column] == "str":
            known = {cell: text_of_cell(cell) for cell in frame[column].unique()}
            if any(cell != meant for cell, meant in known.items()):
                frame[column] = frame[column].map(known)
    return frame


def _kind(column: str) -> str:
    """Return the type of a column's cells."""
    if column in WHOLE:
        return "Int64"
    return "float64" if column in NUMBERS or column.endswith(UNITS) else "str"


def _read_regions(path: Path) -> gpd.GeoDataFrame:
    with path.open("rb") as stream:
        if stream.read(len(SQLITE)) != SQLITE:
            raise ValueError(path.name)
    return gpd.read_file(path, layer="regions")


def _check_shape(meta: Any) -> None:
    """Raise ValueError on what is no manifest of ours: faces take its parts as they are."""
    kinds = {
        dict: ("study", "outputs", "settings", "versions", "run"),
        list: ("inputs", "strata", "problems", "pools", "layers", "parts"),
    }
    whole = isinstance(meta, dict) and {"study", "outputs"} <= set(meta)
    wrong = [
        name
        for kind, names in kinds.items()
        for name in names
        if whole and not isinstance(meta.get(name, kind()), kind)
    ]
    if not whole or wrong or meta["study"].get("language") not in LANGUAGES:
        raise ValueError(", ".join([MANIFEST, *wrong]))


def _level(level: str, language: Language) -> str:
    """Return a level in words; a column's name where the strings have none."""
    key = f"report.level.{level}"
    return text(key, language) if has_text(key) else level


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
    def open(
        cls, root: Path, language: Language = "zh", *, staged: Results | None = None
    ) -> Results:
        """Read a finished run; one that was cut off while it was put in place is put in place.

        Parameters
        ----------
        root : Path
        language : {"zh", "en"}
            Of what is told if there is none.
        staged : Results, optional
            A run as it was read before it was put in place: if it is the one that stands there,
            only its manifest is read again, and its files are looked for.

        Raises
        ------
        OutputFailed
            If the folder holds no complete run.
        FolderLocked
            If another run is just replacing it.
        """
        recover(root, language)
        path = root / MANIFEST
        try:
            raw = path.read_bytes()
            meta = json.loads(raw)
            _check_shape(meta)
            same = staged is not None and staged.meta == meta
            results = staged.placed(root) if staged and same else cls.read(root, meta)
            whole = path.read_bytes() == raw  # it leaves first and comes last
        except (*UNREADABLE, DataSourceError) as error:
            raise OutputFailed(text("results.incomplete", language, folder=root)) from error
        if not whole:
            raise refusal(root, language)
        return results

    @classmethod
    def read(cls, root: Path, meta: Mapping[str, Any]) -> Results:
        """Read the tables and regions of a folder whose manifest is `meta`."""
        more = {path.stem for path in (root / "tables").glob("*.csv")} - set(TABLES)
        names = (*TABLES, *sorted(more))
        tables = {name: read_table(root / "tables" / f"{name}.csv") for name in names}
        path = root / REGIONS
        return cls(
            root, meta, tables, _read_regions(path) if path.is_file() else gpd.GeoDataFrame()
        )

    def with_table(self, name: str) -> Results:
        """Read one more table of the folder."""
        tables = {**self.tables, name: read_table(self.root / "tables" / f"{name}.csv")}
        names = (*TABLES, *sorted(set(tables) - set(TABLES)))
        return replace(self, tables={name: tables[name] for name in names})

    def placed(self, root: Path) -> Results:
        """Return the same results in the folder where they now stand.

        Raises
        ------
        FileNotFoundError
            If one of its files is not there.
        """
        for name in self.meta["outputs"]:
            (root / name).stat()
        return replace(self, root=root)

    def _repr_html_(self) -> str:
        """Show the stock of every level above the regions, by year, and where the files are."""
        stock = self.tables["regions"]
        top = stock[stock["level"] != "region"].iloc[::-1]
        head = ("level", "region_name", "year", "stock_t_c", "low_t_c", "high_t_c")
        whole = text("report.total", self.language)
        rows = [
            [_level(str(row[0]), self.language), whole if row[1] == "ALL" else row[1], row[2]]
            + [f"{amount:,.0f}" for amount in row[3:]]
            for row in top[list(head)].itertuples(index=False)
        ]
        named = [text(f"report.column.{name}", self.language) for name in head]
        return table(f"{self.title} · {self.root}", named, rows=rows)

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
