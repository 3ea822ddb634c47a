"""Inventory plots: one plain schema, read from a sheet, checked as a whole.

What a column may be called stands in ``tables/inventory/plot_columns.csv``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd

from sinks.biomass.plotcells import Notes, date, numbers
from sinks.biomass.plotchecks import check_plots
from sinks.biomass.readers.chinese import from_national_codes
from sinks.biomass.readers.sheets import Sheet, read_sheet, texts, titles
from sinks.biomass.treesheets import join_trees, load_trees
from sinks.checks import Problems, first_few, nearest
from sinks.parameters import load_table
from sinks.rows import Row
from sinks.sections import POOLS, PlotsConfig
from sinks.units import HA_PER_MU

NUMBERS: Final = (
    "x", "y", "plot_area", "age", "share", "post_stratum_ha", "mean_dbh", "mean_height",
    "volume", "volume_plot",
    *(pool for pool in POOLS if pool != "dead_organic"),
)  # fmt: skip
TEXTS: Final = (
    "plot_id", "crs", "round", "species", "forest_type", "land_type", "age_group", "origin",
    "stratum", "cluster", "estimation_unit", "post_stratum",
)  # fmt: skip


@dataclass(frozen=True)
class Plots:
    """Plots of one or more rounds, checked.

    Attributes
    ----------
    frame : DataFrame
        One row per plot and round: ``line`` of its file, ``year`` (0: every year), the texts and
        numbers of the schema; volumes in m³/ha, pools in t C/ha, areas in ha, NaN or "" where
        the file says nothing; ``stand``, the key of its trees, and ``trees``, their number.
    shown : str
        The files as messages name them.
    trees : DataFrame, optional
        As `sinks.biomass.treesheets.join_trees` gives them.
    """

    frame: pd.DataFrame
    shown: str
    trees: pd.DataFrame | None = None

    @property
    def pools(self) -> tuple[str, ...]:
        """Pools that were measured on the plots themselves."""
        return tuple(pool for pool in NUMBERS if pool in POOLS and self.frame[pool].notna().any())


def load_plots(
    sheets: Sequence[Sheet],
    config: PlotsConfig,
    *,
    problems: Problems,
    trees: Sequence[Sheet] = (),
) -> Plots | None:
    """Read and check the sheets of an inventory.

    Parameters
    ----------
    sheets : sequence of Sheet
        One file per round, or one file with a column of rounds or dates.
    config : PlotsConfig
        `[density.plots]`: format, asserted units and plot area.
    problems : Problems
        Takes everything that is wrong, kind by kind, with the rows.
    trees : sequence of Sheet
        Single trees of these plots, if there are any.

    Returns
    -------
    Plots or None
        None if a file cannot be used. With errors among the problems the plots are good for one
        thing alone: to look for what else is wrong with them.
    """
    found = []
    for sheet in sheets:
        rows = read_sheet(sheet.path, shown=sheet.shown, problems=problems, limits=sheet.limits)
        if rows is not None:
            found.append(_frame(rows, sheet, config=config, problems=problems))
    single = load_trees(trees, config, problems=problems) if trees else None
    known = [pair for pair in found if pair is not None]
    if len(known) < len(sheets) or (trees and single is None):
        return None
    whole = pd.concat([frame for frame, _ in known], ignore_index=True).assign(stand="", trees=0)
    if single is not None:
        single = join_trees(whole, single, config=config, problems=problems)
    for place, (frame, notes) in enumerate(known):
        first = sum(len(earlier) for earlier, _ in known[:place])
        check_plots(whole.iloc[first : first + len(frame)], notes, config=config)
        _tell(notes, problems)
    return Plots(whole, ", ".join(sheet.shown for sheet in sheets), single)


def _frame(
    rows: Sequence[Row], sheet: Sheet, *, config: PlotsConfig, problems: Problems
) -> tuple[pd.DataFrame, Notes] | None:
    """Return one sheet's rows by the names of the schema, None if it lacks columns."""
    found = titles(config.format, rows[0].cells)
    if not _complete(found, rows[0].cells, sheet=sheet, config=config, problems=problems):
        return None
    notes = Notes(sheet.shown, problems)
    data: dict[str, object] = {"line": [row.line for row in rows], "file": sheet.shown}
    for name in TEXTS:
        data[name] = texts(rows, found.get(name))
    for name in NUMBERS:
        data[name] = numbers(rows, found.get(name), notes=notes)
    title = found.get("date", ("", 1.0))[0]
    data["date"] = [
        date(row[title], row.line, title=title, notes=notes) if title else "" for row in rows
    ]
    frame = pd.DataFrame(data)
    frame["year"] = sheet.year or _years(frame)
    _settle_units(frame, config)
    if config.format == "china_cfi":
        from_national_codes(frame, notes, config=config)
    return frame, notes


def _complete(
    found: Mapping[str, object], header: Iterable[str], *, sheet: Sheet, config: PlotsConfig,
    problems: Problems,
) -> bool:  # fmt: skip
    """Tell whether a sheet has the columns that anything can be computed from."""
    amounts = {"volume", "volume_plot", *POOLS}.intersection(found)
    missing = [name for name in ("plot_id",) if name not in found]
    missing += [] if amounts or config.trees else ["volume_m3_ha"]
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


def _tell(notes: Notes, problems: Problems) -> None:
    """Put what was found into the list of problems, mended things first."""
    for code in ("plots.thousands", "plots.excel_date", "plots.tenths_cfi"):
        notes.tell(problems.repair, code)
    notes.tell(problems.warn, "plots.land_type")
    for code in sorted(notes.found):
        notes.tell(problems.error, code)
