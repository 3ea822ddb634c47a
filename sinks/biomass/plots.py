"""Inventory plots: one plain schema, read from a sheet, checked as a whole.

What a column may be called stands in ``tables/inventory/plot_columns.csv``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pandas as pd

from sinks.biomass.plotcells import Notes, date, number
from sinks.biomass.plotchecks import check_plots
from sinks.biomass.readers.chinese import from_national_codes
from sinks.biomass.readers.sheets import read_sheet
from sinks.checks import Problems, first_few, nearest
from sinks.limits import Limits
from sinks.parameters import load_table
from sinks.rows import Row
from sinks.sections import POOLS, PlotsConfig
from sinks.units import HA_PER_MU

NUMBERS: Final = (
    "x", "y", "plot_area", "age", "share", "mean_dbh", "mean_height", "volume", "volume_plot",
    *(pool for pool in POOLS if pool != "dead_organic"),
)  # fmt: skip
TEXTS: Final = (
    "plot_id", "crs", "round", "species", "forest_type", "land_type", "age_group", "origin",
    "stratum", "cluster",
)  # fmt: skip


@dataclass(frozen=True)
class Plots:
    """Plots of one or more rounds, checked.

    Attributes
    ----------
    frame : DataFrame
        One row per plot and round: ``line`` of its file, ``year`` (0: every year), the texts and
        numbers of the schema; volumes in m³/ha, pools in t C/ha, areas in ha, NaN or "" where
        the file says nothing.
    shown : str
        The files as messages name them.
    """

    frame: pd.DataFrame
    shown: str

    @property
    def pools(self) -> tuple[str, ...]:
        """Pools that were measured on the plots themselves."""
        return tuple(pool for pool in NUMBERS if pool in POOLS and self.frame[pool].notna().any())


@dataclass(frozen=True)
class Sheet:
    """One file of plots: where it is, how messages name it, its round."""

    path: Path
    shown: str
    year: int = 0
    limits: Limits = field(default_factory=Limits)


def titles(kind: str, present: Iterable[str]) -> dict[str, tuple[str, float]]:
    """Return, for what a sheet's columns hold, the column and the factor to its unit.

    Parameters
    ----------
    kind : str
        ``plain``, ``china_cfi`` or ``trees``.
    present : iterable of str
        Columns of the file.
    """
    table = load_table("inventory/plot_columns")
    known = {title.strip().lower(): title for title in present}
    found: dict[str, tuple[str, float]] = {}
    for row in table[table["format"] == kind].to_dict("records"):
        title = known.get(str(row["column"]).lower())
        if title is not None:
            found.setdefault(str(row["name"]), (title, float(row["factor"])))
    return found


def load_plots(sheets: Sequence[Sheet], config: PlotsConfig, *, problems: Problems) -> Plots | None:
    """Read and check the sheets of an inventory.

    Parameters
    ----------
    sheets : sequence of Sheet
        One file per round, or one file with a column of rounds or dates.
    config : PlotsConfig
        `[density.plots]`: format, asserted units and plot area.
    problems : Problems
        Takes everything that is wrong, kind by kind, with the rows.

    Returns
    -------
    Plots or None
        None if anything must be corrected first.
    """
    frames = []
    for sheet in sheets:
        rows = read_sheet(sheet.path, shown=sheet.shown, problems=problems, limits=sheet.limits)
        if rows is not None:
            frames.append(_frame(rows, sheet, config=config, problems=problems))
    known = [frame for frame in frames if frame is not None]
    if len(known) < len(sheets):
        return None
    shown = ", ".join(sheet.shown for sheet in sheets)
    return Plots(pd.concat(known, ignore_index=True), shown)


def _frame(
    rows: Sequence[Row], sheet: Sheet, *, config: PlotsConfig, problems: Problems
) -> pd.DataFrame | None:
    """Return one sheet's rows by the names of the schema, None if they must be corrected."""
    found = titles(config.format, rows[0].cells)
    if not _complete(found, rows[0].cells, sheet=sheet, config=config, problems=problems):
        return None
    notes = Notes(sheet.shown, problems)
    data: dict[str, object] = {"line": [row.line for row in rows], "file": sheet.shown}
    for name in TEXTS:
        data[name] = _texts(rows, found.get(name))
    for name in NUMBERS:
        title, factor = found.get(name, ("", 1.0))
        data[name] = [
            number(row[title], row.line, title=title, notes=notes) * factor if title else math.nan
            for row in rows
        ]
    title = found.get("date", ("", 1.0))[0]
    data["date"] = [
        date(row[title], row.line, title=title, notes=notes) if title else "" for row in rows
    ]
    frame = pd.DataFrame(data)
    frame["year"] = sheet.year or _years(frame)
    _settle_units(frame, config)
    if config.format == "china_cfi":
        from_national_codes(frame, notes, config=config)
    check_plots(frame, notes, config=config)
    return frame if _tell(notes, problems) else None


def _texts(rows: Sequence[Row], found: tuple[str, float] | None) -> list[str]:
    if found is None:
        return [""] * len(rows)
    # Spreadsheets turn codes into numbers with a decimal point.
    return [row[found[0]].removesuffix(".0") for row in rows]


def _complete(
    found: Mapping[str, object], header: Iterable[str], *, sheet: Sheet, config: PlotsConfig,
    problems: Problems,
) -> bool:  # fmt: skip
    """Tell whether a sheet has the columns that anything can be computed from."""
    amounts = {"volume", "volume_plot", *POOLS}.intersection(found)
    missing = [name for name in ("plot_id",) if name not in found]
    missing += [] if amounts else ["volume_m3_ha"]
    needs_area = amounts == {"volume_plot"} and "plot_area" not in found
    if needs_area and config.plot_area is None:
        problems.error("plots.plot_area", file=sheet.shown)
    if missing:
        table = load_table("inventory/plot_columns")
        known = table[table["format"] == config.format]["column"].tolist()
        problems.error(
            "plots.columns", file=sheet.shown, missing=", ".join(missing),
            found=first_few(header, problems.language, count=12),
            nearest="; ".join(nearest(title, known, count=1) for title in list(header)[:5]),
        )  # fmt: skip
    return not missing and not (needs_area and config.plot_area is None)


def _years(frame: pd.DataFrame) -> pd.Series:
    """Return the round of each plot: its column, else the year of its date, else 0."""
    stated = frame["round"].where(frame["round"] != "", frame["date"].str[:4])
    return pd.to_numeric(stated, errors="coerce").fillna(0).astype(int)


def _settle_units(frame: pd.DataFrame, config: PlotsConfig) -> None:
    """Bring volumes to m³/ha and diameters to cm, by what the study asserts."""
    if config.plot_area is not None:
        frame["plot_area"] = frame["plot_area"].fillna(config.plot_area)
    whole = frame["volume_plot"] / frame["plot_area"]
    frame["volume"] = frame["volume"].fillna(whole)
    if config.volume_unit == "m3/mu":
        frame["volume"] /= HA_PER_MU
    if config.dbh_unit == "mm":
        frame["mean_dbh"] /= 10.0


def _tell(notes: Notes, problems: Problems) -> bool:
    """Put what was found into the list of problems, mended things first; tell if that was all."""
    for code in ("plots.thousands", "plots.excel_date", "plots.tenths_cfi"):
        notes.tell(problems.repair, code)
    notes.tell(problems.warn, "plots.land_type")
    wrong = sorted(notes.found)
    for code in wrong:
        notes.tell(problems.error, code)
    return not wrong
