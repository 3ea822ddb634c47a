"""Quality control with every run: units, sums, plausibility, and the same numbers another way.

The checks follow IPCC 2006, vol. 1, ch. 6 (general QC procedures, table 6.1): units and conversion
factors, sums, plausible rates of growth, and recalculation of a sample by another method. They are
written to ``tables/qc.csv``. A sum that does not close, or a second calculation that differs, stops
the run; what is merely unusual is told.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pandas as pd

from sinks import closure
from sinks.chain import densities, of_units, records
from sinks.errors import SinksError
from sinks.parameters import load_table, lookup, references
from sinks.reference import Polygon, Recount
from sinks.results import Results
from sinks.texts import LANGUAGES, Language, text
from sinks.units import CARBON_UNITS

#: Columns of ``tables/qc.csv``.
COLUMNS: Final = (
    "check", "subject", "expected", "found", "unit", "passed", "note_zh", "note_en",
)  # fmt: skip
BIOMASS: Final = ("agb", "bgb")
#: Relative difference that is no more than rounding in a table.
ROUNDING: Final = 1e-6
#: Relative difference that two ways to one area may have.
SAME: Final = 1e-9
#: Checks whose failure stops a run, by the first part of their name.
STOPPING: Final = ("closure", "reference")
#: The table that each sum is of.
SUBJECTS: Final = {
    "parents_stock": "tables/regions.csv", "parents_area": "tables/regions.csv",
    "pools": "tables/stock.csv", "difference": "tables/change.csv",
    "gain_loss": "tables/change.csv", "effects": "tables/change.csv",
    "transitions_area": "tables/transitions.csv", "transitions_change": "tables/transitions.csv",
    "coverage": "tables/coverage.csv", "volume_levels": "tables/volume_groups.csv",
    "volume_strata": "tables/volume.csv", "volume_change": "tables/volume_change.csv",
}  # fmt: skip
WORDS: Final = {True: "true", False: "false", None: "not_applicable"}


@dataclass(frozen=True)
class Check:
    """One check: what was expected of what, what was found, and why it is asked.

    Attributes
    ----------
    check, subject : str
    expected : str
        ``≤ a`` or ``[a, b]``.
    found : float
        NaN where the check does not apply.
    unit : str
    passed : bool or None
        None where the check does not apply.
    note : str
        Key of the string that explains it, filled from `values`.
    """

    check: str
    subject: str
    expected: str
    found: float
    unit: str
    passed: bool | None
    note: str
    values: dict[str, Any] = field(default_factory=dict)

    def row(self) -> dict[str, Any]:
        """Return the row of ``tables/qc.csv``."""
        notes = {f"note_{lang}": self._note(lang) for lang in LANGUAGES}
        own = (self.check, self.subject, self.expected, self.found, self.unit)
        row = dict(zip(COLUMNS, own, strict=False)) | {"passed": WORDS[self.passed]} | notes
        return {name: row[name] for name in COLUMNS}

    def _note(self, language: Language) -> str:
        """Fill the note; values that are pairs are (zh, en)."""
        place = LANGUAGES.index(language)
        values = {
            name: value[place] if isinstance(value, tuple) else value
            for name, value in self.values.items()
        }
        return text(self.note, language, **values)


def quality(
    results: Results, *, polygons: Sequence[Polygon], recounts: Sequence[Recount]
) -> pd.DataFrame:
    """Check a run.

    Parameters
    ----------
    results : Results
        Its tables as written.
    polygons, recounts : sequence
        From `sinks.reference`.

    Returns
    -------
    DataFrame
        ``tables/qc.csv``; every check stands in it, applicable or not.
    """
    checks = [
        _products(results),
        _both_readings(results),
        *_closures(results),
        *_growth(results),
        _areas(results, polygons),
        *_recounted(recounts),
    ]
    return pd.DataFrame([check.row() for check in checks], columns=list(COLUMNS))


def refuse_broken(table: pd.DataFrame, language: Language) -> None:
    """Refuse to publish a run that contradicts itself.

    Raises
    ------
    SinksError
        If a sum does not close or a second calculation differs: a fault of ours.
    """
    stopping = table["check"].str.partition(".")[0].isin(STOPPING)
    broken = table[stopping & (table["passed"] == WORDS[False])]
    if len(broken):
        names = [
            f"{row['check'].removeprefix('closure.')} {row['subject']}" for row in records(broken)
        ]
        raise SinksError(text("run.closure_broken", language, names=", ".join(names)))


def remarks(table: pd.DataFrame, language: Language) -> list[str]:
    """Return a sentence on the checks, and one for each that was not passed."""
    states = table["passed"].value_counts()
    counts = {name: int(states.get(word, 0)) for name, word in
              (("passed", "true"), ("failed", "false"), ("idle", "not_applicable"))}  # fmt: skip
    lines = [text("qc.summary", language, **counts)]
    for row in records(table[table["passed"] == WORDS[False]]):
        found = f"{row['found']:.3g} {row['unit']}"
        note, expected = row[f"note_{language}"], row["expected"]
        lines.append(
            text("qc.failed", language, subject=row["subject"], note=note, found=found,
                 expected=expected)
        )  # fmt: skip
    return lines


def _at_most(limit: float) -> str:
    return f"≤ {limit:g}"


def _worst(gaps: pd.Series) -> float:
    """Return the largest gap; NaN counts as infinite."""
    return float(gaps.abs().fillna(np.inf).max()) if len(gaps) else math.nan


def _products(results: Results) -> Check:
    """Hectares × t C/ha = t C, wherever a parameter stands behind a row."""
    rows = of_units(results, "stock")
    known = {(item.stratum, item.pool, item.year, item.region): item.t_c_ha
             for item in densities(results)}  # fmt: skip
    parts = (rows["stratum"], rows["pool"], rows["year"].astype(str), rows["region_code"])
    found = [
        next((known[key] for key in ((s, p, y, r), (s, p, "", r), (s, p, y, ""), (s, p, "", ""))
              if key in known), math.nan)
        for s, p, y, r in zip(*parts, strict=True)
    ]  # fmt: skip
    value = pd.Series(found, index=rows.index, dtype=float)
    product = (rows["area_ha"] * value)[value.notna()]
    stock = rows["stock_t_c"].reindex(product.index)
    worst = _worst((product - stock) / product.abs().clip(lower=1.0))
    passed = None if math.isnan(worst) else worst <= ROUNDING
    return Check(
        "unit.product", "tables/stock.csv", _at_most(ROUNDING), worst, "1", passed,
        "qc.unit.product", {"cases": f"{len(product):,}"},
    )  # fmt: skip


def _both_readings(results: Results) -> Check:
    """Tonnes of carbon and of CO2 of one target differ by 44/12."""
    rows = results.tables["targets"]
    rows = rows[rows["unit"].isin(CARBON_UNITS) & rows["other_unit"].isin(CARBON_UNITS)]
    rows = rows[rows["achieved"].notna()]
    own, other = (
        rows[name].astype(float) * rows[unit].map(CARBON_UNITS).astype(float)
        for name, unit in (("achieved", "unit"), ("achieved_other_unit", "other_unit"))
    )
    worst = _worst((own - other) / own.abs().clip(lower=1.0))
    passed = None if math.isnan(worst) else worst <= SAME
    return Check(
        "unit.co2", "tables/targets.csv", _at_most(SAME), worst, "1", passed, "qc.unit.co2",
        {"cases": f"{len(rows):,}"},
    )  # fmt: skip


def _closures(results: Results) -> Iterator[Check]:
    """Every sum of the tables."""
    expected = f"≤ {closure.RELATIVE:g} + {closure.ABSOLUTE:g}/x"
    for item in closure.closures(results):
        names = tuple(text(f"report.check.{item.name}", language) for language in LANGUAGES)
        passed = item.passed if item.cases else None
        yield Check(
            f"closure.{item.name}", SUBJECTS[item.name], expected, item.worst, "1", passed,
            "qc.closure", {"name": names, "cases": f"{item.cases:,}"},
        )  # fmt: skip


def growth_range() -> tuple[float, float, str]:
    """Return the plausible yearly growth of living forest biomass [t C/ha/yr], and its row.

    From none to the fastest decade of the packaged growth curves. Plantations on the best sites
    grow faster for some years; the mean of a stratum does not.
    """
    rows = load_table("forest_growth")
    fastest = records(rows.nlargest(1, "value"))[0]
    carbon = lookup("carbon_fractions", pool="agb").value
    work = str(references().loc[fastest["ref"], "citation"]).partition(":")[0]
    ages = f"{fastest['age_from']}–{fastest['age_to']}"
    return 0.0, float(fastest["value"]) * carbon, f"{fastest['species']} {ages}; {work}"


def _growth(results: Results) -> Iterator[Check]:
    """Living biomass per hectare of each forest stratum grows, and no faster than forests do."""
    low, high, source = growth_range()
    strata = results.strata
    names = {
        str(row["stratum"]): (row["name_zh"], row["name_en"])
        for row in records(strata[strata["group"] == "forest"] if len(strata) else strata)
    }
    density = _biomass(results, list(names))
    expected, unit = f"[{low:g}, {high:.3g}]", "t C/ha/yr"
    found = 0
    for start, end in pairwise(results.years):
        for stratum, name in names.items():
            ends = [density.get((stratum, year), math.nan) for year in (start, end)]
            growth = round((ends[1] - ends[0]) / (end - start), 9)
            if math.isnan(growth):
                continue
            found += 1
            yield Check(
                "growth", f"{stratum} {start}–{end}", expected, growth, unit,
                low <= growth <= high, "qc.growth", {"name": name, "source": source},
            )  # fmt: skip
    if not found:
        yield Check("growth", "", expected, math.nan, unit, None, "qc.growth.none")


def _biomass(results: Results, strata: Sequence[str]) -> dict[tuple[str, int], float]:
    """Return the mean density of living biomass by stratum and year [t C/ha]."""
    rows = of_units(results, "stock")
    rows = rows[rows["stratum"].isin(strata) & rows["pool"].isin(BIOMASS)]
    key = ["stratum", "year"]
    sums = pd.DataFrame(
        {
            "stock": rows.groupby(key)["stock_t_c"].sum(min_count=1),
            "area": rows.drop_duplicates([*key, "region_code"]).groupby(key)["area_ha"].sum(),
        }
    ).reset_index()
    return {
        (str(row["stratum"]), int(row["year"])): float(row["stock"]) / float(row["area"])
        for row in records(sums[sums["area"] > 0])
    }


def _areas(results: Results, polygons: Sequence[Polygon]) -> Check:
    """Each region has the area of its polygon on the ellipsoid."""
    rows = of_units(results, "regions")
    own = dict(zip(rows["region_code"], rows["region_ha"].astype(float), strict=True))
    gaps = [(abs(own[item.code] / item.hectares - 1), item) for item in polygons]
    if not gaps:
        return Check("area.polygon", "", "", math.nan, "1", None, "qc.area", {"cases": "0"})
    gap, item = max(gaps, key=lambda pair: pair[0] / pair[1].room)
    return Check(
        "area.polygon", item.code, _at_most(float(f"{item.room:.3g}")), gap, "1",
        gap <= item.room, "qc.area", {"cases": f"{len(gaps):,}"},
    )  # fmt: skip


def _recounted(recounts: Sequence[Recount]) -> Iterator[Check]:
    """A sample of regions has the same areas when every cell is cut one by one."""
    limit = _at_most(SAME)
    for item in recounts:
        values = {"cells": f"{item.cells:,}"}
        yield Check(
            "reference", item.code, limit, item.worst, "1", item.worst <= SAME, "qc.reference",
            values,
        )  # fmt: skip
    if not recounts:
        yield Check("reference", "", limit, math.nan, "1", None, "qc.reference.none")
