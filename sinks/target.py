"""Targets: a sum, a subtraction and a comparison, draw by draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from sinks.achieved import ESTIMATED, REPORTED, Accounts, Achieved, achieved
from sinks.checks import Problems, nearest
from sinks.draws import summarise
from sinks.legend import Legend
from sinks.levels import group_indices, summed, without_data
from sinks.sections import TargetConfig
from sinks.stock import Selection
from sinks.units import AREA_UNITS, CARBON_UNITS, OTHER_CARBON_UNIT, OTHER_UNIT

Floats = npt.NDArray[np.float64]

#: What is missing to a target by less than this part of it is rounding.
ROUNDING: Final = 1e-9
#: Probabilities from which a target counts as met and up to which as not met.
MET: Final = 0.95
NOT_MET: Final = 0.05
COLUMNS: Final = (
    "target", "region_code", "level", "start", "end", "quantity", "unit", "required", "achieved",
    "se", "low", "high", "share_achieved", "probability", "verdict", "achieved_other_unit",
    "other_unit", "probability_other_unit", "verdict_other_unit", "share_by", "basis",
    "basis_source", "official", "official_se",
)  # fmt: skip


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
        named = (*target.strata, *target.share_strata)
        unknown = [name for name in named if name not in legend.strata]
        if unknown:
            problems.error(
                "target.no_such_stratum", place=place, names=", ".join(unknown),
                near=nearest(unknown[0], legend.strata), legend=legend.name,
            )  # fmt: skip
        groups = target.groups or ()
        unseen = [group for group in groups if not legend.strata_in((group,))]
        if unseen:
            alone = len(unseen) == len(groups) and not target.strata
            report = problems.error if alone else problems.warn
            report("target.no_class", place=place, groups=", ".join(unseen), legend=legend.name)


def targets_table(targets: Sequence[TargetConfig], accounts: Accounts) -> pd.DataFrame:
    """Compare every target with what was achieved, at every level.

    Returns
    -------
    DataFrame
        Columns of `tables/targets.csv`. `required` of a part of the study is its share by the
        target's own rule and empty where there is none.
    """
    levels, indices = group_indices(accounts.regions)
    unknown = without_data(accounts.activity, indices)
    frames = []
    for target in targets:
        if target.end not in accounts.years:
            continue  # what is to come is a scenario's to answer
        found = achieved(target, accounts, indices=indices)
        if accounts.basis(target) != REPORTED:
            found.central[unknown] = np.nan
        share = shares_of(target, accounts, indices=indices)
        frame = _frame(target, levels, found=found, share=share, level=accounts.stock.level)
        frames.append(_with_basis(frame, target, accounts=accounts))
    if not frames:
        return pd.DataFrame(columns=list(COLUMNS))
    return pd.concat(frames, ignore_index=True)[list(COLUMNS)]


def shares_of(
    target: TargetConfig, accounts: Accounts, *, indices: Sequence[npt.NDArray[np.int64]]
) -> Floats | None:
    """Return each group's share of the target by the study's rule; the last group is the whole.

    Areas and stocks are those at the start of the target's period.
    """
    if target.share_by is None:
        return None
    activity, stock = accounts.of(target.overlay)
    legend = accounts.legend
    strata = legend.counted(target.groups, target.strata)
    if target.share_by in ("forest_area", "capacity"):
        groups = ("forest",) if target.share_by == "forest_area" else None
        strata = legend.counted(groups, target.share_strata)
    base = accounts.years.index(target.start) if target.start is not None else 0
    if target.share_by == "table":
        weight = accounts.shares[target.name]
    elif target.share_by == "area":
        weight = (activity.coverage["inside"] + activity.coverage["outside"]).values
    elif target.share_by in ("forest_area", "capacity"):
        present = [name for name in strata or () if name in activity.area["stratum"].values]
        weight = activity.area.sel(stratum=present).isel(year=base).sum("stratum").values
    elif accounts.basis(target) == ESTIMATED and accounts.volume is not None:
        own = [np.arange(activity.area.sizes["region"])]
        wood = accounts.volume.strata_of(target)
        weight = accounts.volume.totals(own, wood, activity=activity).central[:, base]
    else:
        own = [np.arange(activity.area.sizes["region"])]
        weight = stock.totals(own, Selection(strata, target.pools or None)).central[:, base]
    parts = summed(weight, indices)
    return parts / parts[-1] if parts[-1] > 0 else None


def _frame(
    target: TargetConfig,
    levels: pd.DataFrame,
    *,
    found: Achieved,
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
            "achieved": found.central,
            "share_achieved": np.divide(
                found.central, required, out=np.full(count, np.nan), where=known
            ),
        }
    )
    other, sizes = OTHER_UNIT.get(target.unit), {**CARBON_UNITS, **AREA_UNITS}
    ratio = sizes[target.unit] / sizes[other] if other else np.nan
    frame["achieved_other_unit"] = found.central * ratio
    # Only tonnes may have been meant in the other unit: hectares and mu are never confused.
    reading = ratio if target.unit in OTHER_CARBON_UNIT else np.nan
    frame["other_unit"] = other or ""
    frame["share_by"] = target.share_by or ""
    frame["se"] = frame["low"] = frame["high"] = np.nan
    if found.draws is not None:
        spread = summarise(found.draws, level=level)
        frame["se"], frame["low"], frame["high"] = spread.se, spread.low, spread.high
        frame.loc[frame["achieved"].isna(), ["se", "low", "high"]] = np.nan
    for suffix, factor in (("", 1.0), ("_other_unit", reading)):
        wanted = np.where(known & np.isfinite(factor), required, np.nan)
        chance = _probability(found, wanted / factor)
        frame[f"probability{suffix}"] = chance
        frame[f"verdict{suffix}"] = [
            verdict_of(p) if ok else "" for p, ok in zip(chance, np.isfinite(wanted), strict=True)
        ]
    return frame


def _with_basis(frame: pd.DataFrame, target: TargetConfig, *, accounts: Accounts) -> pd.DataFrame:
    """Say what the figures rest on, and set an official one of the whole beside them."""
    frame["basis"], frame["basis_source"] = accounts.basis(target), accounts.source(target)
    frame["official"] = frame["official_se"] = np.nan
    if target.reported is not None:
        se = target.reported.se
        frame.loc[len(frame) - 1, "official"] = target.reported.value
        frame.loc[len(frame) - 1, "official_se"] = np.nan if se is None else se
    return frame


def _probability(achieved: Achieved, required: Floats) -> Floats:
    """Return the part of the draws that reach what is required, NaN where nothing was drawn."""
    draws = achieved.draws
    if draws is None or draws.shape[-1] == 1:
        return np.full(required.shape, np.nan)
    enough = (required - ROUNDING * np.abs(required))[:, None]
    known = np.isfinite(required) & np.isfinite(achieved.central)
    known &= np.isfinite(draws).all(axis=-1)  # an error that is not known gives no probability
    return np.where(known, (draws >= enough).mean(axis=-1), np.nan)


def verdict_of(probability: float) -> str:
    """Return met, not_met or uncertain; without a probability nothing is certain."""
    if probability >= MET:
        return "met"
    return "not_met" if probability <= NOT_MET else "uncertain"
