"""Scenarios against land and densities: what cannot be is refused, what is doubtful is told."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from sinks.assumptions import Assumptions
from sinks.biomass.cohorts import cohort_parameters, oldest_age, saturated, survival_se
from sinks.biomass.density import Density
from sinks.checks import Problems, first_few
from sinks.draws import usual_distribution
from sinks.inputs import Inputs
from sinks.landcover.activity import Activity
from sinks.scenarioparts import OBSERVED, projectable
from sinks.scenarios import Planting, Scenario, answers
from sinks.target import ROUNDING
from sinks.texts import Language, text
from sinks.units import AREA_UNITS

#: What the columns of `parameters.csv` are called.
COLUMNS = ("name", "value", "se", "unit", "distribution", "source", "confidence")
#: What a study states is neither checked in its source nor out of somebody's memory.
STATED = "secondary"


def check_scenarios(
    inputs: Inputs, activity: Activity, *, density: Density, problems: Problems
) -> None:
    """Refuse scenarios that the study's land or densities cannot bear.

    Parameters
    ----------
    inputs : Inputs
    activity : Activity
    density : Density
    problems : Problems
    """
    for i, target in enumerate(inputs.study.targets):
        said = (answers(scenario, target, legend=inputs.legend) for scenario in inputs.scenarios)
        if target.end not in inputs.study.years and not any(said):
            where = f"targets.{i} ({target.name})"
            code = "unanswered" if projectable(target) else "not_carried"
            problems.warn(f"scenario.{code}", file=inputs.study.file, place=where)
    for scenario in inputs.scenarios:
        assumed = Assumptions(
            scenario, activity, density=density, regions=inputs.regions, legend=inputs.legend
        )
        place = {"file": inputs.study.file, "place": scenario.place}
        absent = sorted(set(_needed(scenario)) - set(assumed.strata[: assumed.mapped]))
        if absent:
            problems.error("scenario.no_density", **place, names=", ".join(absent))
            continue
        _check_land(assumed, problems=problems, file=inputs.study.file)
        _tell_growth(assumed, problems=problems, file=inputs.study.file)
        if scenario.config.loss == OBSERVED and activity.correction is None:
            problems.warn("scenario.observed_loss", **place)
        for row in scenario.plantings:
            if scenario.until - row.start > oldest_age(row.kind):
                oldest = f"{oldest_age(row.kind):g}"
                problems.warn(
                    "scenario.old_stand", **place, species=row.config.species, oldest=oldest
                )


def _needed(scenario: Scenario) -> Iterator[str]:
    """Yield the strata that must have land and densities: planted on, and what losses become."""
    yield from (row.to for row in scenario.losses)
    yield from (row.config.on for row in scenario.plantings)


def _check_land(assumed: Assumptions, *, problems: Problems, file: str) -> None:
    """Refuse plans for more land than there is."""
    scenario = assumed.scenario
    for row, hectares in zip(scenario.plantings, assumed.hectares, strict=True):
        if row.config.per_year > 0 and hectares.sum() == 0:
            problems.error(
                "scenario.no_land", file=file, place=scenario.place, stratum=row.config.on,
                where=row.config.region_code or "ALL", year=scenario.start,
            )  # fmt: skip
    names = assumed.regions.frame["region_name"].tolist()
    for stratum, (there, taken) in assumed.land().items():
        over = taken - there * (1 + ROUNDING)
        short = np.flatnonzero((over > ROUNDING).any(axis=1))
        if not short.size:
            continue
        worst = {r: int(over[r].argmax()) for r in short.tolist()}
        first = [f"{names[r]}: {taken[r, n]:,.6g} > {there[r, n]:,.6g}" for r, n in worst.items()]
        year = scenario.start + min(int((over[r] > ROUNDING).argmax()) for r in worst)
        problems.error(
            "scenario.too_much_land", file=file, place=scenario.place, stratum=stratum,
            count=short.size, first=first_few(first, problems.language), year=year,
        )  # fmt: skip


def _tell_growth(assumed: Assumptions, *, problems: Problems, file: str) -> None:
    """Refuse growth that the densities do not show; tell where growth meets its ceiling."""
    scenario = assumed.scenario
    met: dict[str, int] = {}
    grows = False
    for region in range(len(assumed.regions) if assumed.density.by_region else 1):
        densities = assumed.densities(region)
        gain = assumed.gain(densities)
        grows = grows or bool((gain != 0).any())
        trees = densities[:, assumed.tree_pools, assumed.base]
        found = saturated(trees, gain, ceiling=assumed.ceilings, years=assumed.span)
        for s, years in found.items():
            name = assumed.strata[s]
            met[name] = min(met.get(name, scenario.until), scenario.start + years)
    if scenario.config.growth == OBSERVED and not grows:
        problems.error("scenario.no_yearly_density", file=file, place=scenario.place)
    for name, year in sorted(met.items()):
        ceiling = assumed.ceilings[assumed.strata.index(name)]
        problems.warn(
            "scenario.saturated", file=file, place=scenario.place, stratum=name, year=year,
            ceiling=f"{ceiling:g}",
        )  # fmt: skip


def scenario_parameters(inputs: Inputs, activity: Activity, *, density: Density) -> pd.DataFrame:
    """Return the rows of `parameters.csv` that scenarios add: rates, survival, growth curves."""
    rows: dict[str, tuple[float, float, str, str, str, str]] = {}
    for scenario in inputs.scenarios:
        assumed = Assumptions(
            scenario, activity, density=density, regions=inputs.regions, legend=inputs.legend
        )
        for name, *cells in _stated(assumed, language=inputs.study.language):
            rows[f"scenario/{scenario.name}/{name}"] = tuple(cells)  # type: ignore[assignment]
        for row in scenario.plantings:
            for own in cohort_parameters(row.kind, row.config.relative_se):
                se = 0.0 if np.isnan(own.se) else own.se
                kind = own.distribution or usual_distribution(own.value, se)
                rows[own.name] = (own.value, se, own.unit, kind, own.source, own.confidence)
    table = [(name, *cells) for name, cells in rows.items()]
    return pd.DataFrame(table, columns=list(COLUMNS))


Row = tuple[str, float, float, str, str, str, str]


def _stated(assumed: Assumptions, *, language: Language) -> Iterator[Row]:
    """Yield the assumptions of a scenario as parameters."""
    scenario = assumed.scenario
    for i, row in enumerate(scenario.plantings):
        yield from _planting(row, f"planting/{i}")
    for loss in scenario.losses:
        se = loss.se or 0.0
        kind = usual_distribution(loss.percent_per_year, se)
        yield (
            f"loss/{loss.stratum}/{loss.to}", loss.percent_per_year, se, "%/yr", kind,
            loss.source, STATED,
        )  # fmt: skip
    for growth in scenario.growths:
        se = growth.se or 0.0
        kind = usual_distribution(growth.t_c_ha_per_year, se)
        yield (
            f"growth/{growth.stratum}", growth.t_c_ha_per_year, se, "t C/ha/yr", kind,
            growth.source, STATED,
        )  # fmt: skip
    if scenario.config.loss == OBSERVED:
        source = text("scenario.source.loss", language)
        for name, rate in zip(assumed.strata, 100 * assumed.losses.rate, strict=True):
            if rate[0] > 0:
                se = float(rate[1:].std(ddof=1)) if (rate != rate[0]).any() else 0.0
                yield f"loss/{name}", float(rate[0]), se, "%/yr", "empirical", source, STATED
    if scenario.config.growth == OBSERVED and not assumed.density.by_region:
        source = text("scenario.source.growth", language)
        for name, rate in zip(assumed.strata, assumed.gain(assumed.densities(0)), strict=True):
            if rate[0] != 0:
                se = float(rate[1:].std(ddof=1)) if (rate != rate[0]).any() else 0.0
                yield f"growth/{name}", float(rate[0]), se, "t C/ha/yr", "empirical", source, STATED


def _planting(row: Planting, name: str) -> Iterator[Row]:
    """Yield what is planted every year, and how much of it is kept."""
    config = row.config
    hectares = config.per_year * AREA_UNITS[config.unit]
    yield f"{name}/per_year", hectares, 0.0, "ha/yr", "fixed", config.source, STATED
    ends = (config.survival_low, config.survival_high)
    known = (ends[0], ends[1]) if ends[0] is not None and ends[1] is not None else None
    se = survival_se(config.survival, known)
    kind = usual_distribution(config.survival, se)
    yield f"{name}/survival", config.survival, se, "%", kind, config.source, STATED
