"""Scenarios of a study as tables: stocks to come, targets to come, the planting they need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from sinks.achieved import Accounts, achieved
from sinks.assumptions import Assumptions
from sinks.draws import summarise
from sinks.levels import group_indices, summed, without_data
from sinks.projection import Measure, carried_on
from sinks.scenarios import Scenario, answers, planted_years
from sinks.sections import TargetConfig
from sinks.target import MET, ROUNDING, shares_of, verdict_of
from sinks.units import AREA_UNITS, CARBON_UNITS, HA_PER_MU

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Probabilities that the needed planting is told for.
EVEN: Final = 0.5
MEASURED: Final = "measured"
PROJECTED: Final = "projected"

STOCK_COLUMNS: Final = (
    "scenario", "region_code", "region_name", "level", "year", "stock_t_c", "se_t_c", "low_t_c",
    "high_t_c", "change_t_c", "change_se_t_c", "change_low_t_c", "change_high_t_c",
    "growth_part_t_c", "planting_part_t_c", "loss_part_t_c", "planted_ha",
)  # fmt: skip
TARGET_COLUMNS: Final = (
    "scenario", "target", "region_code", "level", "start", "end", "quantity", "unit", "required",
    "projected", "se", "low", "high", "gap", "probability", "verdict", "planned_ha_per_yr",
    "limit_ha_per_yr", "needed_ha_per_yr", "needed_mu_per_yr", "answer", "needed_p50_ha_per_yr",
    "needed_p50_mu_per_yr", "answer_p50", "needed_p95_ha_per_yr", "needed_p95_mu_per_yr",
    "answer_p95",
)  # fmt: skip
PATH_COLUMNS: Final = (
    "scenario", "target", "year", "unit", "value", "se", "low", "high", "required", "basis"
)  # fmt: skip


def assumptions_of(scenarios: Sequence[Scenario], held: Accounts) -> list[Assumptions]:
    """Put every scenario on the land and the densities of the study."""
    return [
        Assumptions(
            scenario, held.activity, density=held.stock.density, regions=held.regions,
            legend=held.legend,
        )
        for scenario in scenarios
    ]  # fmt: skip


def scenario_tables(
    scenarios: Sequence[Scenario], targets: Sequence[TargetConfig], *, held: Accounts
) -> Mapping[str, pd.DataFrame]:
    """Return `projection.csv`, `scenario_targets.csv` and `scenario_path.csv`; none without.

    Parameters
    ----------
    scenarios : sequence of Scenario
    targets : sequence of TargetConfig
        Of the whole study: those that end while a scenario lasts are answered by it.
    held : Accounts
    """
    if not scenarios:
        return {}
    stocks, answered, paths = [], [], []
    for assumed in assumptions_of(scenarios, held):
        stocks.append(_stocks(assumed, held))
        paths.append(_path(assumed, None, held=held))
        for target in targets:
            if answers(assumed.scenario, target, legend=held.legend):
                answered.append(_answers(assumed, target, held=held))
                paths.append(_path(assumed, target, held=held))
    empty = pd.DataFrame(columns=list(TARGET_COLUMNS))
    return {
        "projection": pd.concat(stocks, ignore_index=True),
        "scenario_targets": pd.concat(answered, ignore_index=True) if answered else empty,
        "scenario_path": pd.concat(paths, ignore_index=True),
    }


def _stocks(assumed: Assumptions, held: Accounts) -> pd.DataFrame:
    """Return the stock of all strata and pools by group and year, and what its change is of."""
    levels, indices = group_indices(held.regions)
    count, years = len(levels), assumed.years
    numbers = {name: np.zeros((count, len(years))) for name in STOCK_COLUMNS[5:]}
    for ahead in carried_on(assumed, Measure(), indices=indices):
        at = ahead.groups
        change = ahead.total - ahead.total[0]
        for prefix, values in (("", ahead.total), ("change_", change)):
            spread = summarise(values[..., 1:], level=held.stock.level)
            for name in ("se", "low", "high"):
                numbers[f"{prefix}{name}_t_c"][at] = getattr(spread, name).T
        numbers["stock_t_c"][at], numbers["change_t_c"][at] = (
            ahead.total[..., 0].T, change[..., 0].T,
        )  # fmt: skip
        numbers["growth_part_t_c"][at], numbers["loss_part_t_c"][at] = ahead.growth.T, ahead.loss.T
        numbers["planting_part_t_c"][at] = ahead.planting[..., 0].T
    for place, year in enumerate(years):
        numbers["planted_ha"][:, place] = _planted(assumed, indices, until=year)
    unknown = without_data(held.activity, indices)
    for name, values in numbers.items():
        if name != "planted_ha":
            values[unknown] = np.nan
    rows = np.repeat(np.arange(count), len(years))
    frame = levels.iloc[rows][["region_code", "region_name", "level"]].reset_index(drop=True)
    frame.insert(0, "scenario", assumed.scenario.name)
    frame["year"] = pd.array(np.tile(years, count), dtype="Int64")
    return frame.assign(**{name: values.ravel() for name, values in numbers.items()})[
        list(STOCK_COLUMNS)
    ]


def _planted(assumed: Assumptions, indices: Sequence[Ints], *, until: int) -> Floats:
    """Return the land planted by a year, dims (group) [ha]."""
    sums = np.zeros(len(assumed.regions))
    for row, hectares in zip(assumed.scenario.plantings, assumed.hectares, strict=True):
        sums += hectares * max(0, min(until, row.end) - row.start + 1)
    return summed(sums, indices)


@dataclass(frozen=True)
class _Reached:
    """A target's quantity in its unit: with the plan, and the part that the plan makes.

    Attributes
    ----------
    value, planting : ndarray, dims (year, group, draw)
        The first draw is the central one.
    """

    value: Floats
    planting: Floats


def _reached(
    assumed: Assumptions, target: TargetConfig, *, held: Accounts, indices: Sequence[Ints],
    years: Sequence[int],
) -> _Reached:  # fmt: skip
    """Carry a target's quantity on, for all groups, to some years."""
    places = [year - assumed.scenario.start for year in years]
    strata = held.legend.counted(target.groups, target.strata)
    carbon = target.quantity == "carbon"
    measure = Measure(strata, (target.pools or None) if carbon else None, area=not carbon)
    size = sum(int(index.max()) + 1 for index in indices)
    shape = (len(years), size, assumed.draws.count + 1)
    value, planting = np.zeros(shape), np.zeros(shape)
    for ahead in carried_on(assumed, measure, indices=indices):
        value[:, ahead.groups] = ahead.total[places]
        planting[:, ahead.groups] = ahead.planting[places]
    scale = _scale(target, held, indices=indices)[:, None]
    value, planting = value * scale, planting * scale
    if target.kind not in ("increase", "rate"):
        return _Reached(value, planting)
    value = value - _at_start(target, held, indices=indices)
    if target.kind == "increase":
        return _Reached(value, planting)
    elapsed = (np.array(years) - int(target.start or 0))[:, None, None]
    return _Reached(value / elapsed, planting / elapsed)


def _scale(target: TargetConfig, held: Accounts, *, indices: Sequence[Ints]) -> Floats:
    """Return what turns t C or ha into the target's unit, dims (group)."""
    size = sum(int(index.max()) + 1 for index in indices)
    if target.quantity == "carbon":
        return np.full(size, 1 / CARBON_UNITS[target.unit])
    coverage = held.activity.coverage
    if target.quantity == "area" and target.kind != "share":
        return np.full(size, 1 / AREA_UNITS[target.unit])
    whole = (
        coverage["common_valid"]
        if target.quantity == "cover"
        else coverage["inside"] + coverage["outside"]
    )
    land = summed(whole.values, indices)
    return np.asarray(np.divide(100.0, land, out=np.full(size, np.nan), where=land > 0))


def _at_start(target: TargetConfig, held: Accounts, *, indices: Sequence[Ints]) -> Floats:
    """Return what the target starts from, with its draws, dims (group, draw)."""
    level = target.model_copy(update={"kind": "level"})
    found = achieved(level, held, indices=indices, year=target.start)
    count = held.stock.density.draws
    drawn = found.draws
    if drawn is None:
        drawn = np.repeat(found.central[:, None], count, axis=1)
    return np.concatenate([found.central[:, None], drawn], axis=1)


def _answers(assumed: Assumptions, target: TargetConfig, *, held: Accounts) -> pd.DataFrame:
    """Return what a scenario says of one target: of the whole, and of regions that share it."""
    levels, indices = group_indices(held.regions)
    if target.share_by is None:
        levels, indices = levels.tail(1), indices[-1:]
    reached = _reached(assumed, target, held=held, indices=indices, years=[target.end])
    share = shares_of(target, held, indices=indices)
    weight = np.full(len(levels), np.nan) if share is None else share.copy()
    weight[-1] = 1.0
    unknown = without_data(held.activity, indices)
    planned = _planted(assumed, indices, until=target.end)
    planned /= max(1, len(list(planted_years(assumed.scenario, until=target.end))))
    limits = _limits(assumed, indices, years=target.end - assumed.scenario.start)
    rows = []
    for group in np.flatnonzero(np.isfinite(weight) & (weight > 0) & ~unknown):
        plan = _Plan(
            reached.value[0, group], reached.planting[0, group],
            required=float(target.value * weight[group]), planned=float(planned[group]),
            limit=float(limits[group]),
        )  # fmt: skip
        where = {name: levels[name].iloc[group] for name in ("region_code", "level")}
        rows.append(where | plan.row(level=held.stock.level))
    frame = pd.DataFrame(rows, columns=list(TARGET_COLUMNS))
    frame["scenario"], frame["target"] = assumed.scenario.name, target.name
    frame["quantity"], frame["unit"] = target.quantity, target.unit
    for name in ("start", "end"):
        frame[name] = pd.array([getattr(target, name)] * len(frame), dtype="Int64")
    return frame


def _limits(assumed: Assumptions, indices: Sequence[Ints], *, years: int) -> Floats:
    """Return how many times the plan there is land for, dims (group); its tightest region holds."""
    own = np.full(len(assumed.regions), np.inf)
    for there, taken in assumed.land().values():
        now, asked = there[:, : years + 1], taken[:, : years + 1]
        times = np.divide(now, asked, out=np.full_like(now, np.inf), where=asked > 0)
        own = np.minimum(own, times.min(axis=1))
    parts = []
    for index in indices:
        out = np.full(int(index.max()) + 1, np.inf)
        np.minimum.at(out, index, own)
        parts.append(out)
    return np.concatenate(parts)


@dataclass(frozen=True)
class _Plan:
    """One target in one place: what the plan makes of it, and how much of the plan it needs.

    Attributes
    ----------
    value, planting : ndarray, dims (draw)
        The first draw is the central one.
    required : float
    planned : float
        Yearly planting [ha/yr].
    limit : float
        Times the plan that there is land for.
    """

    value: Floats
    planting: Floats
    required: float
    planned: float
    limit: float

    def times(self) -> Floats:
        """Return how many times the plan reaches what is required, dims (draw).

        Notes
        -----
        ``value(x) = (value − planting) + x · planting``; never below zero, infinite where more
        planting does not bring more.
        """
        without = self.value - self.planting
        short = self.required - without
        more = self.planting > 0
        found = np.divide(short, self.planting, out=np.full_like(short, np.inf), where=more)
        return np.where(short <= ROUNDING * abs(self.required), 0.0, np.maximum(found, 0.0))

    def needed(self, probability: float | None) -> float:
        """Return the times at the central values, or those that reach a probability."""
        times = self.times()
        if probability is None:
            return float(times[0])
        drawn = np.sort(times[1:])
        return float(drawn[int(np.ceil(probability * len(drawn) - 1e-9)) - 1])

    def answer(self, times: float) -> str:
        """Return in a word what planting can do for the target."""
        if times == 0:
            return "none_needed"
        if self.planned == 0:
            return "no_planting"
        if not np.isfinite(times):
            return "no_effect"
        if times > self.limit * (1 + ROUNDING):
            return "beyond_land"
        return "plan_enough" if times <= 1 + ROUNDING else "more_needed"

    def row(self, *, level: float) -> dict[str, object]:
        """Return the columns of the table that follow from the draws."""
        central, drawn = float(self.value[0]), self.value[1:]
        spread = summarise(drawn, level=level)
        varies = bool(drawn.max() > drawn.min())
        enough = self.required - ROUNDING * abs(self.required)
        chance = float((drawn >= enough).mean()) if varies else np.nan
        found: dict[str, object] = {
            "required": self.required, "projected": central, "se": float(spread.se),
            "low": float(spread.low), "high": float(spread.high),
            "gap": max(0.0, self.required - central), "probability": chance,
            "verdict": verdict_of(chance), "planned_ha_per_yr": self.planned,
            "limit_ha_per_yr": self.planned * self.limit if self.planned else np.nan,
        }  # fmt: skip
        for mark, probability in (("", None), ("_p50", EVEN), ("_p95", MET)):
            found |= {f"needed{mark}_ha_per_yr": np.nan, f"needed{mark}_mu_per_yr": np.nan}
            found[f"answer{mark}"] = ""
            if probability is not None and not varies:
                continue
            times = self.needed(probability)
            found[f"answer{mark}"] = self.answer(times)
            if np.isfinite(times) and (self.planned or not times):
                hectares = times * self.planned
                found[f"needed{mark}_ha_per_yr"] = hectares
                found[f"needed{mark}_mu_per_yr"] = hectares / HA_PER_MU
        return found


def _path(assumed: Assumptions, target: TargetConfig | None, *, held: Accounts) -> pd.DataFrame:
    """Return the whole study's way: measured on the maps, then carried on.

    Without a target it is the stock of all strata and pools.
    """
    whole, years = [np.zeros(len(held.regions), np.int64)], assumed.years[1:]
    if target is None:
        (ahead,) = carried_on(assumed, Measure(), indices=whole)
        later = ahead.total[1:, 0]
    else:
        later = _reached(assumed, target, held=held, indices=whole, years=years).value[:, 0]
    level, rows = held.stock.level, []
    for year, drawn in _measured(assumed, target, held=held, indices=whole):
        rows.append((year, MEASURED, drawn))
    rows += [(year, PROJECTED, drawn) for year, drawn in zip(years, later, strict=True)]
    frame = pd.DataFrame(
        [_step(year, drawn, basis=basis, level=level) for year, basis, drawn in rows],
    )
    frame["scenario"] = assumed.scenario.name
    frame["target"] = "" if target is None else target.name
    frame["unit"] = "t C" if target is None else target.unit
    frame["required"] = np.nan
    if target is not None:
        frame.loc[frame["year"] == target.end, "required"] = target.value
    frame["year"] = frame["year"].astype("Int64")
    return frame[list(PATH_COLUMNS)].sort_values(["year", "basis"], kind="stable")


def _measured(
    assumed: Assumptions, target: TargetConfig | None, *, held: Accounts, indices: list[Ints]
) -> Iterator[tuple[int, Floats]]:
    """Yield the years of the maps with their draws; the first draw is the central one."""
    if target is None:
        target = TargetConfig(
            name="stock", quantity="carbon", kind="level", value=1.0, unit="t C", end=held.years[0]
        )
    first = held.years[0] if target.start is None else target.start
    for year in held.years:
        rated = target.kind == "rate" and year <= first
        if year < first or rated:
            continue
        found = achieved(target, held, indices=indices, year=year)
        count = assumed.draws.count
        drawn = np.repeat(found.central[-1], count) if found.draws is None else found.draws[-1]
        yield year, np.concatenate([found.central[-1:], drawn])


def _step(year: int, drawn: Floats, *, basis: str, level: float) -> dict[str, object]:
    spread = summarise(drawn[1:], level=level)
    return {
        "year": year, "value": float(drawn[0]), "se": float(spread.se), "low": float(spread.low),
        "high": float(spread.high), "basis": basis,
    }  # fmt: skip
