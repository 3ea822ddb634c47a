"""Targets: a sum, a subtraction and a comparison, draw by draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from sinks.checks import Problems
from sinks.draws import summarise
from sinks.landcover.activity import Activity
from sinks.legend import Legend
from sinks.regions import Regions
from sinks.sections import TargetConfig
from sinks.stock import Selection, Stock
from sinks.units import AREA_UNITS, CARBON_UNITS, OTHER_CARBON_UNIT

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

#: What is missing to a target by less than this part of it is rounding.
ROUNDING: Final = 1e-9
#: Probabilities from which a target counts as met and up to which as not met.
MET: Final = 0.95
NOT_MET: Final = 0.05
COLUMNS: Final = (
    "target", "region_code", "level", "start", "end", "quantity", "unit", "required", "achieved",
    "se", "low", "high", "share_achieved", "probability", "verdict", "achieved_other_unit",
    "other_unit", "probability_other_unit", "verdict_other_unit", "share_by",
)  # fmt: skip


@dataclass(frozen=True)
class Achieved:
    """What was achieved, by group: central, and draws where the quantity has any."""

    central: Floats
    draws: Floats | None


def group_indices(regions: Regions) -> tuple[pd.DataFrame, list[npt.NDArray[np.int64]]]:
    """Return all groups in order, and the group of each region by level.

    Returns
    -------
    DataFrame
        `Regions.levels`.
    list of ndarray
        One per level, dims (region): position of its group among the groups of that level.
    """
    levels = regions.levels
    indices = []
    for level, members in regions.membership.items():
        codes = levels.loc[levels["level"] == level, "region_code"].tolist()
        place = {code: i for i, code in enumerate(codes)}
        indices.append(np.array([place[code] for code in members], dtype=np.int64))
    return levels, indices


def summed(values: Floats, indices: Sequence[npt.NDArray[np.int64]]) -> Floats:
    """Sum values of regions, dims (region, ...), to the groups of all levels."""
    parts = []
    for index in indices:
        out = np.zeros((int(index.max()) + 1, *values.shape[1:]))
        np.add.at(out, index, values)
        parts.append(out)
    return np.concatenate(parts)


def check_targets(
    targets: Sequence[TargetConfig], *, pools: Sequence[str], legend: Legend, problems: Problems
) -> None:
    """Refuse targets that speak of what is not counted: they would look missed.

    Parameters
    ----------
    targets : sequence of TargetConfig
    pools : sequence of str
        Pools that the densities hold.
    legend : Legend
        Of the maps: a group without a class cannot be seen on them.
    problems : Problems
    """
    for index, target in enumerate(targets):
        place = f"targets.{index} ({target.name})"
        absent = [pool for pool in target.pools if pool not in pools]
        if target.quantity == "carbon" and absent:
            problems.error(
                "target.no_such_pool", place=place, pools=", ".join(absent), known=", ".join(pools)
            )
        unseen = [group for group in target.groups if not legend.strata_in((group,))]
        if unseen:
            report = problems.error if len(unseen) == len(target.groups) else problems.warn
            report("target.no_class", place=place, groups=", ".join(unseen), legend=legend.name)


def without_data(activity: Activity, indices: Sequence[npt.NDArray[np.int64]]) -> Mask:
    """Tell which groups have no land that is valid in every year: nothing is known of them."""
    return np.asarray(summed(activity.coverage["common_valid"].values, indices) == 0)


def targets_table(
    targets: Sequence[TargetConfig],
    *,
    stock: Stock,
    activity: Activity,
    regions: Regions,
    legend: Legend,
) -> pd.DataFrame:
    """Compare every target with what was achieved, at every level.

    Parameters
    ----------
    targets : sequence of TargetConfig
    stock : Stock
    activity : Activity
    regions : Regions
    legend : Legend

    Returns
    -------
    DataFrame
        Columns of `tables/targets.csv`. `required` of a part of the study is its share by the
        target's own rule and empty where there is none.
    """
    levels, indices = group_indices(regions)
    unknown = without_data(activity, indices)
    frames = []
    for target in targets:
        achieved = _achieved(target, stock, activity=activity, legend=legend, indices=indices)
        achieved.central[unknown] = np.nan
        share = _shares(target, stock, activity=activity, legend=legend, indices=indices)
        frames.append(_frame(target, levels, achieved=achieved, share=share, level=stock.level))
    if not frames:
        return pd.DataFrame(columns=list(COLUMNS))
    return pd.concat(frames, ignore_index=True)[list(COLUMNS)]


def _achieved(
    target: TargetConfig,
    stock: Stock,
    *,
    activity: Activity,
    legend: Legend,
    indices: Sequence[npt.NDArray[np.int64]],
) -> Achieved:
    """Return what was achieved in the target's unit, by group."""
    strata = legend.strata_in(target.groups)
    years = [int(year) for year in activity.area["year"].values]
    end = years.index(target.end)
    start = years.index(target.start) if target.start is not None else 0
    if target.quantity == "carbon":
        totals = stock.totals(indices, Selection(strata, target.pools or None))
        unit = CARBON_UNITS[target.unit]
        values, draws = totals.central / unit, totals.draws / unit
        return Achieved(
            _by_kind(values, target, start=start, end=end),
            _by_kind(draws, target, start=start, end=end),
        )
    present = [name for name in strata if name in activity.area["stratum"].values]
    area = activity.area.sel(stratum=present).sum("stratum").transpose("region", "year").values
    hectares = summed(area, indices)
    if target.quantity == "cover":
        land = summed(activity.coverage["common_valid"].values, indices)[:, None]
        values = 100 * np.divide(hectares, land, out=np.full_like(hectares, np.nan), where=land > 0)
    else:
        values = hectares / AREA_UNITS[target.unit]
    return Achieved(_by_kind(values, target, start=start, end=end), None)


def _by_kind(values: Floats, target: TargetConfig, *, start: int, end: int) -> Floats:
    """Return the end year's value, the increase, or its yearly mean; dims (group[, draw])."""
    if target.kind == "level":
        return values[:, end]
    increase = values[:, end] - values[:, start]
    if target.kind == "rate":
        return increase / (target.end - (target.start or 0))
    return increase


def _shares(
    target: TargetConfig,
    stock: Stock,
    *,
    activity: Activity,
    legend: Legend,
    indices: Sequence[npt.NDArray[np.int64]],
) -> Floats | None:
    """Return each group's share of the target by the study's rule; the last group is the whole.

    Areas and stocks are those at the start of the target's period.
    """
    if target.share_by is None:
        return None
    strata = legend.strata_in(("forest",) if target.share_by == "forest_area" else target.groups)
    years = [int(year) for year in activity.area["year"].values]
    base = years.index(target.start) if target.start is not None else 0
    if target.share_by == "area":
        weight = (activity.coverage["inside"] + activity.coverage["outside"]).values
    elif target.share_by == "forest_area":
        present = [name for name in strata if name in activity.area["stratum"].values]
        weight = activity.area.sel(stratum=present).isel(year=base).sum("stratum").values
    else:
        own = [np.arange(activity.area.sizes["region"])]
        weight = stock.totals(own, Selection(strata, target.pools or None)).central[:, base]
    groups = summed(weight, indices)
    return groups / groups[-1] if groups[-1] > 0 else None


def _frame(
    target: TargetConfig,
    levels: pd.DataFrame,
    *,
    achieved: Achieved,
    share: Floats | None,
    level: float,
) -> pd.DataFrame:
    count = len(levels)
    weight = np.full(count, np.nan) if share is None else share.copy()
    weight[-1] = 1.0
    required = target.value * weight
    known = np.isfinite(required) & (required > 0)
    frame = pd.DataFrame(
        {
            "target": target.name,
            "region_code": levels["region_code"],
            "level": levels["level"],
            "start": pd.array([target.start] * count, dtype="Int64"),
            "end": pd.array([target.end] * count, dtype="Int64"),
            "quantity": target.quantity,
            "unit": target.unit,
            "required": required,
            "achieved": achieved.central,
            "share_achieved": np.divide(
                achieved.central, required, out=np.full(count, np.nan), where=known
            ),
        }
    )
    other = OTHER_CARBON_UNIT.get(target.unit)
    ratio = CARBON_UNITS[target.unit] / CARBON_UNITS[other] if other else np.nan
    frame["achieved_other_unit"] = achieved.central * ratio
    frame["other_unit"] = other or ""
    frame["share_by"] = target.share_by or ""
    frame["se"] = frame["low"] = frame["high"] = np.nan
    if achieved.draws is not None:
        spread = summarise(achieved.draws, level=level)
        frame["se"], frame["low"], frame["high"] = spread.se, spread.low, spread.high
        frame.loc[frame["achieved"].isna(), ["se", "low", "high"]] = np.nan
    for suffix, factor in (("", 1.0), ("_other_unit", ratio)):
        wanted = np.where(known & np.isfinite(factor), required, np.nan)
        chance = _probability(achieved, wanted / factor)
        frame[f"probability{suffix}"] = chance
        frame[f"verdict{suffix}"] = [
            _verdict(p) if ok else "" for p, ok in zip(chance, np.isfinite(wanted), strict=True)
        ]
    return frame


def _probability(achieved: Achieved, required: Floats) -> Floats:
    """Return the part of the draws that reach what is required, NaN where nothing was drawn."""
    draws = achieved.draws
    if draws is None or draws.shape[-1] == 1:
        return np.full(required.shape, np.nan)
    enough = (required - ROUNDING * np.abs(required))[:, None]
    known = np.isfinite(required) & np.isfinite(achieved.central)
    return np.where(known, (draws >= enough).mean(axis=-1), np.nan)


def _verdict(probability: float) -> str:
    """Return met, not_met or uncertain; without a probability nothing is certain."""
    if probability >= MET:
        return "met"
    return "not_met" if probability <= NOT_MET else "uncertain"
