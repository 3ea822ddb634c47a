"""Estimates from inventory plots alone, without rasters: `sinks inventory`, and as a function."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import pandas as pd

from sinks.biomass.plotinventory import plot_inventory
from sinks.biomass.population import System, check_design, inventory_table
from sinks.biomass.readers.fia import Fia, population, read_fia
from sinks.biomass.readers.fiaplots import plain_plots
from sinks.checks import Problems, first_few, nearest
from sinks.errors import OutputFailed
from sinks.results import write_table
from sinks.texts import Language, text

Domain = Literal["forest_type", "county", "unit", "plot"]


@dataclass(frozen=True)
class Question:
    """What is asked of an inventory.

    Parameters
    ----------
    evaluations : tuple of str
        FIA's EVALID; all evaluations of current volume when empty.
    by : {None, "forest_type", "county", "unit", "plot"}
        Domains beside the whole; ``plot`` asks for no estimate but for the plots themselves.
    system : {"metric", "us"}
        Units of the result.
    tables : tuple of Path
        Tables of strata or units that stand outside the folder, known by their columns.
    """

    evaluations: tuple[str, ...] = ()
    by: Domain | None = None
    system: System = "metric"
    tables: tuple[Path, ...] = ()


def inventory_of(
    folder: Path, question: Question | None = None, *, language: Language = "en"
) -> tuple[pd.DataFrame, Problems]:
    """Estimate a population from its plots: FIA's tables, or a sheet of plots and models.

    Parameters
    ----------
    folder : Path
        FIA's CSV tables, or a TOML file that names plots: see docs/plots.md.
    question : Question, optional
    language : {"zh", "en"}
        Language of the problems.

    Returns
    -------
    table : DataFrame
        One row per evaluation, domain, attribute and reference: see
        `sinks.biomass.population.inventory_table`; or the plain sheet of plots that
        `[density.plots]` reads: see `sinks.biomass.readers.fiaplots.plain_plots`.
    problems : Problems
        Warnings.

    Raises
    ------
    InputProblems
        If tables, columns, areas or weights are missing; all are named.

    Examples
    --------
    >>> inventory_of(Path("no such folder"))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    sinks.errors.InputProblems: ...
    """
    question, problems = question or Question(), Problems(language)
    if Path(folder).suffix.lower() == ".toml":
        return plot_inventory(Path(folder), problems=problems), problems
    fia, wanted = _asked(Path(folder), question, problems=problems)
    if question.by == "plot":
        sheets = [plain_plots(fia, name) for name in wanted]
        return pd.concat(sheets, ignore_index=True), problems
    tables = []
    for name in wanted:
        own = population(fia, name, by=question.by)
        if check_design(own, problems, shown=name or Path(folder).name):
            tables.append(inventory_table(own, system=question.system))
    problems.raise_errors()
    return pd.concat(tables, ignore_index=True), problems


def _asked(folder: Path, question: Question, *, problems: Problems) -> tuple[Fia, tuple[str, ...]]:
    """Read FIA's tables and settle which evaluations are wanted."""
    fia = read_fia(folder, problems=problems, extra=question.tables)
    problems.raise_errors()
    fia = cast(Fia, fia)  # without an error it is complete
    known = fia.evaluations()
    wanted = question.evaluations or tuple(known)
    strange = [name for name in wanted if name not in known]
    if strange:
        problems.error(
            "inventory.evaluation", file=folder.name,
            found=first_few(strange, problems.language),
            nearest=nearest(strange[0], known),
        )  # fmt: skip
    problems.raise_errors()
    return fia, wanted


def text_table(table: pd.DataFrame, language: Language) -> str:
    """Return the estimates as lines for a terminal; plots as the sheet that they are."""
    if "attribute" not in table:
        return str(table.to_csv(index=False)).rstrip()
    lines = []
    for _, rows in table.groupby(["evaluation", "year", "domain"], sort=False):
        first = rows.iloc[0]
        lines.append(
            text(
                "inventory.head", language, evaluation=first["evaluation"] or "-",
                year=first["year"] or "-", domain=first["domain"], plots=first["plots"],
            )
        )  # fmt: skip
        lines += [_line(row, language) for _, row in rows.iterrows()]
    return "\n".join(lines)


def _line(row: pd.Series, language: Language) -> str:
    error = float(row["sampling_error_percent"])
    shown = f"{error:.2f}" if math.isfinite(error) else "-"
    return text(
        "inventory.row", language, name=_named(str(row["attribute"]), language),
        value=f"{row['value']:,.1f}", unit=row["unit"], error=shown,
    )  # fmt: skip


def _named(attribute: str, language: Language) -> str:
    plain = attribute.removesuffix("_change")
    name = text(f"inventory.{plain}", language)
    return name if plain == attribute else text("inventory.change", language, name=name)


def write_inventory(table: pd.DataFrame, path: Path, *, language: Language) -> None:
    """Write the estimates as CSV, whole or not at all.

    Raises
    ------
    OutputFailed
        If the disk or its permissions refuse.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write_table(table, aside)
        aside.replace(path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        reason = error.strerror or str(error)
        raise OutputFailed(
            text("inventory.not_written", language, path=path, reason=reason)
        ) from error
