"""Sub-compartments without rasters: `sinks subcompartments`, and as a function."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from sinks.biomass.models import DEFAULT_MODEL, model_row
from sinks.biomass.readers.subcompartments import Asked, Records, read_records, unknown_fields
from sinks.biomass.stands import Draws
from sinks.biomass.subcompartments import (
    Stands,
    carbon_of,
    polygons,
    region_totals,
    stands_of,
    sums,
)
from sinks.checks import Problems
from sinks.errors import OutputFailed
from sinks.results import write_table
from sinks.texts import Language, text


@dataclass(frozen=True)
class Question:
    """What is asked of sub-compartments.

    Parameters
    ----------
    models : tuple of str
        Models side by side; the first gives the carbon of every polygon.
    fields : mapping of str to str
        Field of the file by what it holds, where the packaged names do not fit.
    year : int
        Year of the survey, for the tables; 0 for none.
    draws : Draws
    level : float
        Probability of the intervals.
    growth : bool
        Whether stands without a volume but of known age take the growth curve of their type.
    memory : bool
        Whether parameters that were never checked may be used.
    crs : str, optional
        Asserted by the user.
    """

    models: tuple[str, ...] = (DEFAULT_MODEL,)
    fields: Mapping[str, str] = field(default_factory=dict)
    year: int = 0
    draws: Draws = field(default_factory=lambda: Draws(20101231, 1000))
    level: float = 0.95
    growth: bool = False
    memory: bool = True
    crs: str | None = None


@dataclass(frozen=True)
class Answer:
    """The carbon of sub-compartments.

    Attributes
    ----------
    strata : DataFrame
        Sums by model, region, stratum and pool: see `sinks.biomass.subcompartments.sums`.
    regions : DataFrame
        Sums by model and region, and for the whole: see `region_totals` there.
    polygons : DataFrame
        Every stand, by the first model: see `polygons` there.
    parameters : DataFrame
        Every parameter in use, by model.
    problems : Problems
        Warnings and repairs.
    """

    strata: pd.DataFrame
    regions: pd.DataFrame
    polygons: pd.DataFrame
    parameters: pd.DataFrame
    problems: Problems


def subcompartments_of(
    path: Path, question: Question | None = None, *, language: Language = "en"
) -> Answer:
    """Compute the carbon of sub-compartments, by polygon, by county and by stratum.

    Parameters
    ----------
    path : Path
        GeoPackage, Shapefile, zipped Shapefile or GeoJSON: see docs/subcompartments.md.
    question : Question, optional
    language : {"zh", "en"}
        Language of the problems.

    Returns
    -------
    Answer

    Raises
    ------
    InputProblems
        If anything must be corrected first; all is named.
    """
    question, problems = question or Question(), Problems(language)
    strange = unknown_fields(question.fields)
    if strange:
        problems.error("subcompartments.field_name", found=strange)
    for name in question.models:
        model_row(name)
    problems.raise_errors()
    shown = Path(path).name
    records = read_records(
        Path(path), Asked(shown, question.fields, question.crs), problems=problems
    )
    if records is None:
        problems.raise_errors()
    stands = stands_of(cast(Records, records), problems=problems)
    problems.raise_errors()
    group, names = _groups(stands, problems)
    tables: dict[str, list[pd.DataFrame]] = {"strata": [], "regions": [], "parameters": []}
    each = pd.DataFrame()
    for name in question.models:
        carbon = carbon_of(
            stands, name, draws=question.draws, problems=problems, growth=question.growth,
            memory=question.memory,
        )  # fmt: skip
        each = polygons(stands, carbon) if each.empty else each
        found = {
            "strata": sums(stands, carbon, group=group, names=names, level=question.level),
            "regions": region_totals(
                stands, carbon, group=group, names=names, level=question.level
            ),
            "parameters": pd.DataFrame([asdict(row) for row in carbon.parameters]),
        }
        for key, table in found.items():
            table.insert(0, "model", name)
            if question.year and key != "parameters":
                table.insert(1, "year", question.year)
            tables[key].append(table)
    problems.raise_errors()
    whole = {key: pd.concat(parts, ignore_index=True) for key, parts in tables.items()}
    return Answer(whole["strata"], whole["regions"], each, whole["parameters"], problems)


def _groups(stands: Stands, problems: Problems) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Return the region of each stand by position, and the regions' codes."""
    codes, names = pd.factorize(stands.frame["region"].replace("", None), sort=True)
    if not len(names):
        return np.zeros(len(codes), dtype=np.int64), ["-"]
    lost = codes < 0
    if lost.any():
        area = f"{stands.frame['area'][lost].sum():.6g}"
        problems.warn(
            "subcompartments.no_region", file=stands.shown, count=int(lost.sum()), area=area
        )
    return codes.astype(np.int64), [str(name) for name in names]


def asked(models: Sequence[str], fields: Sequence[str], *, year: int, growth: bool) -> Question:
    """Return a question as a command line asks it; fields are written ``name=FIELD``."""
    pairs = (pair.partition("=") for pair in fields)
    return Question(
        models=tuple(models) or (DEFAULT_MODEL,), year=year, growth=growth,
        fields={name.strip(): title.strip() for name, _, title in pairs},
    )  # fmt: skip


def told(answer: Answer, folder: Path | None, *, language: Language) -> list[str]:
    """Write the tables, if a folder is given; return the lines that a command shows."""
    paths = [] if folder is None else write_subcompartments(answer, folder, language=language)
    wrote = [text("cli.wrote", language, path=path) for path in paths]
    return [*summary_lines(answer, language), *wrote]


def summary_lines(answer: Answer, language: Language) -> list[str]:
    """Return the sums by model and region as lines for a terminal."""
    lines = []
    for model, own in answer.regions.groupby("model", sort=False):
        lines.append(text("subcompartments.model", language, name=model))
        lines += [
            text(
                "subcompartments.line", language, region=row.region_code,
                polygons=f"{row.polygons:,.0f}", area=f"{row.area_ha:,.1f}",
                volume=f"{row.volume_m3:,.0f}", stock=f"{row.stock_t_c:,.0f}",
                se=f"{row.se_t_c:,.0f}",
            )
            for row in own.itertuples()
        ]  # fmt: skip
    return lines


def write_subcompartments(answer: Answer, folder: Path, *, language: Language) -> list[Path]:
    """Write the tables into a folder, each file whole or not at all; return their paths.

    Raises
    ------
    OutputFailed
        If the disk or its permissions refuse.
    """
    names = {
        "subcompartments_strata.csv": answer.strata, "subcompartments_regions.csv": answer.regions,
        "subcompartments_polygons.csv": answer.polygons,
        "subcompartments_parameters.csv": answer.parameters,
    }  # fmt: skip
    aside = folder / f".subcompartments.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, table in names.items():
            write_table(table, aside)
            aside.replace(folder / name)
    except OSError as error:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        reason = error.strerror or str(error)
        raise OutputFailed(
            text("inventory.not_written", language, path=folder, reason=reason)
        ) from error
    return [folder / name for name in names]
