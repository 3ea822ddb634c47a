"""The scenarios of a study, their planting plans read and checked against legend and regions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any, Final

from sinks.biomass.growth import growth_curve
from sinks.biomass.species import forest_type_of, near_names
from sinks.checks import Problems, first_few, nearest
from sinks.legend import Legend
from sinks.regions import Regions
from sinks.rows import Row, read_rows
from sinks.scenarioparts import (
    OBSERVED,
    GrowthConfig,
    LossConfig,
    PlantingConfig,
    ScenarioConfig,
    carries,
)
from sinks.sections import TargetConfig
from sinks.study import Study
from sinks.texts import text
from sinks.validation import read_part

#: Years that a scenario may look ahead: longer than any growth curve was fitted to.
FURTHEST: Final = 100
#: Columns that a planting plan must have, and those that hold numbers.
REQUIRED: Final = ("stratum", "species", "on", "per_year", "unit", "survival", "source")
NUMBERS: Final = ("per_year", "survival", "survival_low", "survival_high", "relative_se")
YEARS: Final = ("start", "end")


@dataclass(frozen=True)
class Planting:
    """A row of a planting plan, its forest type found and its years filled in."""

    config: PlantingConfig
    kind: str
    start: int
    end: int


@dataclass(frozen=True)
class Scenario:
    """A scenario that fits its study.

    Attributes
    ----------
    config : ScenarioConfig
    start, until : int
        Year of the maps that it starts from, and the last year it reaches.
    plantings : tuple of Planting
    place : str
        Where it stands in the study file.
    """

    config: ScenarioConfig
    start: int
    until: int
    plantings: tuple[Planting, ...]
    place: str

    @property
    def name(self) -> str:
        """Its short name."""
        return self.config.name

    @property
    def losses(self) -> tuple[LossConfig, ...]:
        """The stated rates of loss; none where they are observed."""
        return self.config.loss if isinstance(self.config.loss, tuple) else ()

    @property
    def growths(self) -> tuple[GrowthConfig, ...]:
        """The stated growth of standing forest; none where it is observed."""
        return self.config.growth if isinstance(self.config.growth, tuple) else ()


def load_scenarios(
    study: Study,
    legend: Legend | None,
    *,
    regions: Regions | None,
    refused: AbstractSet[str],
    problems: Problems,
) -> tuple[Scenario, ...]:
    """Return the scenarios of a study; what is wrong with them is told all at once.

    Parameters
    ----------
    study : Study
    legend, regions
        None where they could not be read: what hangs on them is then not checked.
    refused : set of str
        Places of files that are refused already.
    problems : Problems
    """
    found = []
    for i, config in enumerate(study.scenarios):
        place = f"scenarios.{i} ({config.name})"
        start = study.years[-1] if config.from_ is None else config.from_
        if not _span_fits(study, config, start=start, place=place, problems=problems):
            continue
        rows: Sequence[tuple[str, str, PlantingConfig]] = ()
        if f"scenarios.{i}.planting" not in refused:
            rows = _plan(study, config, place=place, problems=problems)
        plantings = tuple(
            _placed(config, row, start=start, file=file, place=where, problems=problems)
            for file, where, row in rows
        )
        scenario = Scenario(config, start, config.until, plantings, place)
        check = _Check(legend, regions, problems)
        for (file, where, _), planting in zip(rows, plantings, strict=True):
            check.planting(planting, file=file, place=where)
        check.rates(scenario, file=study.file)
        found.append(scenario)
    return tuple(found)


def _span_fits(
    study: Study, config: ScenarioConfig, *, start: int, place: str, problems: Problems
) -> bool:
    """Refuse a start without a map, and an end before it or too far ahead."""
    if start not in study.years:
        years = ", ".join(map(str, study.years))
        problems.error(
            "study.year_without_raster", file=study.file, place=place, key="from", year=start,
            years=years,
        )  # fmt: skip
        return False
    if start < config.until <= start + FURTHEST:
        return True
    problems.error(
        "scenario.until", file=study.file, place=place, start=start, until=config.until,
        furthest=start + FURTHEST,
    )  # fmt: skip
    return False


def _plan(
    study: Study, config: ScenarioConfig, *, place: str, problems: Problems
) -> list[tuple[str, str, PlantingConfig]]:
    """Return the rows of the planting plan with the file and place of each."""
    if not isinstance(config.planting, str):
        return [(study.file, f"{place}.planting.{i}", row) for i, row in enumerate(config.planting)]
    written = config.planting
    rows = read_rows(
        study.base / written, required=REQUIRED, shown=written, problems=problems,
        limits=study.limits,
    )  # fmt: skip
    found = []
    for row in rows or ():
        where = text("table.lines", problems.language, lines=row.line)
        own = Problems(problems.language)
        part = read_part(PlantingConfig, _values(row), file=written, problems=own)
        for problem in own:
            problems.add(replace(problem, place=f"{where} {problem.place}"))
        if part is not None and not len(own):
            found.append((written, where, part))
    return found


def _values(row: Row) -> Mapping[str, Any]:
    """Return the cells of a row as the keys of a study; numbers that are none stay text."""
    out: dict[str, Any] = {}
    for key, cell in row.cells.items():
        if not key or (not cell and key not in REQUIRED):
            continue
        out[key] = cell
        kind: Callable[[str], object] | None = (
            float if key in NUMBERS else int if key in YEARS else None
        )
        if kind is not None:
            try:
                out[key] = kind(cell.removesuffix("%") if kind is float else cell)
            except ValueError:
                continue  # the check of the row says what is wrong
    return out


def _placed(
    config: ScenarioConfig, row: PlantingConfig, *, start: int, file: str, place: str,
    problems: Problems,
) -> Planting:  # fmt: skip
    """Fill in the years and the forest type of a row, and refuse what they cannot be."""
    first = start + 1 if row.start is None else row.start
    last = config.until if row.end is None else row.end
    if not start < first <= last <= config.until:
        problems.error(
            "scenario.planting_years", file=file, place=place, first=first, last=last,
            earliest=start + 1, latest=config.until,
        )  # fmt: skip
    kind = forest_type_of(row.species) or ""
    if not kind or growth_curve(kind) is None:
        near = near_names(row.species)
        problems.error(
            "scenario.species", file=file, place=place, species=row.species[:80], nearest=near
        )
    low = row.survival if row.survival_low is None else row.survival_low
    high = row.survival if row.survival_high is None else row.survival_high
    half = (row.survival_low is None) != (row.survival_high is None)
    if half or not low <= row.survival <= high:
        problems.error(
            "scenario.survival", file=file, place=place, survival=f"{row.survival:g}",
            low="-" if row.survival_low is None else f"{row.survival_low:g}",
            high="-" if row.survival_high is None else f"{row.survival_high:g}",
        )  # fmt: skip
    return Planting(row, kind, first, last)


@dataclass(frozen=True)
class _Check:
    """What rows name, against the legend and the regions."""

    legend: Legend | None
    regions: Regions | None
    problems: Problems

    def _strata(self, names: Mapping[str, str], *, file: str, place: str) -> None:
        if self.legend is None:
            return
        for key, name in names.items():
            if name not in self.legend.strata:
                self.problems.error(
                    "scenario.no_such_stratum", file=file, place=f"{place}.{key}", name=name[:80],
                    nearest=nearest(name, self.legend.strata),
                )  # fmt: skip

    def _apart(self, one: str, other: str, *, file: str, place: str) -> None:
        if one == other:
            self.problems.error("scenario.same_stratum", file=file, place=place, name=one[:80])

    def planting(self, planting: Planting, *, file: str, place: str) -> None:
        """Refuse strata and regions that the study has not."""
        row = planting.config
        self._strata({"stratum": row.stratum, "on": row.on}, file=file, place=place)
        self._apart(row.stratum, row.on, file=file, place=place)
        if self.regions is None or not row.region_code:
            return
        codes = set(self.regions.levels["region_code"])
        if row.region_code not in codes:
            self.problems.error(
                "scenario.no_such_region", file=file, place=f"{place}.region_code",
                code=row.region_code[:80], nearest=nearest(row.region_code, sorted(codes)),
            )  # fmt: skip

    def rates(self, scenario: Scenario, *, file: str) -> None:
        """Refuse rates of strata that the legend has not, and two rates of one."""
        given: dict[str, Sequence[LossConfig | GrowthConfig]] = {
            "loss": scenario.losses, "growth": scenario.growths,
        }  # fmt: skip
        for key, rows in given.items():
            for i, row in enumerate(rows):
                place = f"{scenario.place}.{key}.{i}"
                self._strata({"stratum": row.stratum}, file=file, place=place)
                if isinstance(row, LossConfig):
                    self._strata({"to": row.to}, file=file, place=place)
                    self._apart(row.stratum, row.to, file=file, place=place)
            names = [row.stratum for row in rows]
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                self.problems.error(
                    "scenario.repeated_stratum", file=file, place=f"{scenario.place}.{key}",
                    names=first_few(twice, self.problems.language),
                )  # fmt: skip


def answers(scenario: Scenario, target: TargetConfig, *, legend: Legend) -> bool:
    """Tell whether a scenario has anything to say of a target.

    One that assumes something, but nothing of the land a target speaks of, has not: that wetlands
    stay as they are is no finding of a planting plan. One that assumes nothing says what holds if
    everything stays.
    """
    if not carries(scenario.start, scenario.until, target=target):
        return False
    moved = {name for row in scenario.plantings for name in (row.config.stratum, row.config.on)}
    moved |= {name for row in scenario.losses for name in (row.stratum, row.to)}
    moved |= {row.stratum for row in scenario.growths}
    if OBSERVED in (scenario.config.growth, scenario.config.loss):
        moved |= set(legend.strata_in(("forest",)))
    wanted = legend.counted(target.groups, target.strata) or legend.strata
    return not moved or not moved.isdisjoint(wanted)


def planted_years(scenario: Scenario, *, until: int) -> Iterator[int]:
    """Yield the years up to `until` in which something is planted."""
    for year in range(scenario.start + 1, until + 1):
        rows = (row for row in scenario.plantings if row.config.per_year > 0)
        if any(row.start <= year <= row.end for row in rows):
            yield year
