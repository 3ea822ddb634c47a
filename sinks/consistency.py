"""Whether the targets of a plan agree: what volume and cover imply in carbon, asked and found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from sinks.achieved import ESTIMATED, REPORTED, Accounts, achieved, hectares_of
from sinks.draws import summarise
from sinks.levels import summed
from sinks.parameters import load_table
from sinks.sections import TargetConfig
from sinks.units import CARBON_UNITS

Floats = npt.NDArray[np.float64]

COLUMNS: Final = (
    "target", "unit", "required", "volume_increase_m3", "forest_increase_ha", "implied_low",
    "implied_high", "consistent", "consistent_other_unit", "volume_target", "cover_target",
    "volume_found_m3", "volume_found_low_m3", "volume_found_high_m3", "forest_found_ha",
    "found_implied_low", "found_implied_high", "found", "probability_found",
)  # fmt: skip


def consistency_table(targets: Sequence[TargetConfig], held: Accounts) -> pd.DataFrame:
    """Return `consistency.csv`: what targets of volume and cover imply for a carbon target.

    Notes
    -----
    With volume-to-biomass functions ``B = a V + b`` of the forest types, more volume ΔV and more
    forest ΔA hold ``ΔC = CF (a ΔV + b ΔA)``; `tables/implied_carbon.csv` has the ranges of a, b
    and CF. A target that asks for more than the high end cannot follow from the others. Where the
    study estimates volume itself, the same is asked of what was found, draw by draw.
    """
    carbon = [
        target for target in targets
        if target.quantity == "carbon" and target.kind == "increase"
        and target.groups is not None and set(target.groups) == {"forest"} and not target.strata
    ]  # fmt: skip
    volume = _asked(targets, "volume", held=held)
    cover = _asked(targets, "cover", held=held)
    if not carbon or volume is None:
        return pd.DataFrame(columns=list(COLUMNS))
    land = float((held.activity.coverage["inside"] + held.activity.coverage["outside"]).sum())
    more_forest = cover[1] / 100 * land if cover else 0.0
    low, high = implied_carbon(volume[1], more_forest)
    rows = []
    for target in carbon:
        unit = CARBON_UNITS[target.unit]
        other = next(value for name, value in CARBON_UNITS.items() if name != target.unit)
        rows.append(
            {
                "target": target.name, "unit": target.unit, "required": target.value,
                "volume_increase_m3": volume[1], "forest_increase_ha": more_forest,
                "implied_low": low / unit, "implied_high": high / unit,
                "consistent": _words(low <= target.value * unit <= high),
                "consistent_other_unit": _words(low <= target.value * other <= high),
                "volume_target": volume[0].name, "cover_target": cover[0].name if cover else "",
            }
            | _found(target, volume[0], held=held)
        )  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _words(truth: bool) -> str:
    return "true" if truth else "false"


def implied_carbon(volume: float, area: float) -> tuple[float, float]:
    """Return the range of carbon that more volume and more forest hold [t C].

    Parameters
    ----------
    volume : float
        Increase of growing stock [m³].
    area : float
        Increase of forest [ha].

    Examples
    --------
    The plan's volume and cover targets, +43.5 M m³ and +0.51 M ha:

    >>> [round(value / 1e6, 1) for value in implied_carbon(43.5e6, 0.51e6)]
    [12.1, 30.1]
    """
    low, high = _implied(np.array(volume), np.array(area))
    return float(low), float(high)


def _implied(volume: Floats, area: Floats) -> tuple[Floats, Floats]:
    """Return both ends of the range; less volume has its ends the other way round."""
    ends = load_table("implied_carbon").set_index("name")[["low", "high"]].to_dict()

    def end(column: str) -> Floats:
        slope, base, fraction = (
            float(ends[column][name])
            for name in ("volume_slope", "area_intercept", "carbon_fraction")
        )
        return np.asarray(fraction * (slope * volume + base * area))

    low, high = end("low"), end("high")
    return np.minimum(low, high), np.maximum(low, high)


def _asked(
    targets: Sequence[TargetConfig], quantity: str, *, held: Accounts
) -> tuple[TargetConfig, float] | None:
    """Return the first target of a quantity and the increase that it asks for.

    A level asks for what lies above its baseline, stated or found in the first year.
    """
    for target in targets:
        if target.quantity != quantity:
            continue
        if target.kind == "increase":
            return target, target.value
        if target.kind == "rate" and target.start is not None:
            return target, target.value * (target.end - target.start)
        if target.kind != "level":
            continue
        base = target.baseline
        if base is None and held.basis(target) != REPORTED:
            found = achieved(target, held, indices=held.whole, year=held.years[0])
            base = float(found.central[-1])
        if base is not None:
            return target, target.value - base
    return None


def _found(target: TargetConfig, wood: TargetConfig, *, held: Accounts) -> dict[str, Any]:
    """Return what was found of volume, forest and carbon over the span of a carbon target.

    The probability is the share of the draws in which the carbon lies in the range that volume and
    forest of the same draw imply.
    """
    empty = dict.fromkeys(COLUMNS[-8:], np.nan)
    if held.volume is None or held.basis(wood) != ESTIMATED:
        return empty
    if target.start is None or not {target.start, target.end} <= set(held.years):
        return empty
    start, end = (held.years.index(year) for year in (target.start, target.end))
    strata = held.volume.strata_of(wood)
    more, drawn = held.volume.totals(held.whole, strata).change(start, end)
    spread = summarise(drawn, level=held.stock.level)
    forest = summed(hectares_of(held.activity, strata), held.whole)
    area, areas = forest[0, end] - forest[0, start], np.array(forest[0, end] - forest[0, start])
    if held.activity.correction is not None:
        areas = held.stock.areas(held.whole, strata).change(start, end)[1][0]
    unit = CARBON_UNITS[target.unit]
    low, high = implied_carbon(float(more[0]), float(area))
    carbon = achieved(target, held, indices=held.whole)
    chance = np.nan
    if carbon.draws is not None and drawn.shape[-1] > 1 and np.isfinite(drawn).all():
        ends = _implied(drawn[0], areas)
        own = carbon.draws[-1] * unit
        chance = float(((own >= ends[0]) & (own <= ends[1])).mean())
    values = (
        float(more[0]), float(spread.low[0]), float(spread.high[0]), float(area), low / unit,
        high / unit, float(carbon.central[-1]), chance,
    )  # fmt: skip
    return dict(zip(empty, values, strict=True))
