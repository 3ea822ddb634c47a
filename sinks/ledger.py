"""The ledger of a plan: where each target stands on its path, and whether targets agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from sinks.achieved import MEASURED, REPORTED, Accounts, Achieved, Bools, achieved
from sinks.draws import summarise
from sinks.inputs import Inputs
from sinks.landcover.activity import Activity
from sinks.measure import Measured
from sinks.overlays import WHOLE, Zones
from sinks.parameters import load_table
from sinks.sections import TargetConfig
from sinks.stock import Stock
from sinks.target import ROUNDING
from sinks.units import CARBON_UNITS

PATH_COLUMNS: Final = (
    "target", "year", "unit", "baseline", "on_path", "achieved", "se", "low", "high",
    "probability", "rate_so_far", "rate_needed", "basis",
)  # fmt: skip
IMPLIED_COLUMNS: Final = (
    "target", "unit", "required", "volume_increase_m3", "forest_increase_ha", "implied_low",
    "implied_high", "consistent", "consistent_other_unit", "volume_target", "cover_target",
)  # fmt: skip


def accounts(inputs: Inputs, measured: Measured, *, stock: Stock) -> Accounts:
    """Gather what the targets of a study are held against."""
    zones, activity = inputs.zones, measured.regions
    whole = {
        name: _on_regions(zones, measured.zones, key=key, like=activity)
        for key, (name, part) in enumerate(zones.keys)
        if part == WHOLE
    }
    return Accounts(
        stock, activity, inputs.regions, inputs.legend, whole,
        {name: _parts(zones, name, count=len(inputs.regions)) for name in whole}, inputs.shares,
        inputs.study.uncertainty.seed,
    )  # fmt: skip


def _on_regions(zones: Zones, areas: Activity, *, key: int, like: Activity) -> Activity:
    """Return an overlay's land by all regions and strata of the study, zero where it has none."""
    rows = np.flatnonzero(zones.key == key)
    codes = like.area["region"].values

    def spread(array: xr.DataArray, model: xr.DataArray) -> xr.DataArray:
        own = array.isel(region=rows).assign_coords(region=codes[zones.region[rows]])
        return own.reindex_like(model, fill_value=0.0).transpose(*model.dims)

    coverage = areas.coverage.isel(region=rows)
    coverage = coverage.assign_coords(region=codes[zones.region[rows]])
    correction = areas.correction
    if correction is not None:
        places, count = zones.region[rows], like.area.sizes["region"]
        correction = correction.of_regions(rows).spread(places, count)
    return Activity(
        spread(areas.area, like.area),
        {pair: spread(areas.transitions[pair], model) for pair, model in like.transitions.items()},
        coverage.reindex_like(like.coverage, fill_value=0.0),
        correction=correction,
    )


def _parts(zones: Zones, name: str, *, count: int) -> Bools:
    """Return which parts of an overlay lie in which region, dims (part, region)."""
    keys = [key for key, (own, part) in enumerate(zones.keys) if own == name and part != WHOLE]
    inside = np.zeros((len(keys), count), dtype=bool)
    for row, key in enumerate(keys):
        inside[row, zones.region[zones.key == key]] = True
    return inside


def _whole(held: Accounts) -> list[npt.NDArray[np.int64]]:
    """Return the one level that the ledger speaks of: every region in one group."""
    return [np.zeros(len(held.regions), np.int64)]


def path_table(targets: Sequence[TargetConfig], held: Accounts) -> pd.DataFrame:
    """Return `target_path.csv`: each target of the whole study in each of its years.

    Notes
    -----
    The path is a straight line from the start to what the target asks at its end: for an
    increase from zero; for a level, share or count from the stated baseline or, without one,
    from the first year's own value; for a rate it is the rate itself. `rate_needed` is what must
    be gained in each year that is left.
    """
    indices = _whole(held)
    rows = []
    for target in targets:
        first = target.start if target.start is not None else held.years[0]
        years = [year for year in held.years if first <= year <= target.end]
        base = target.baseline
        if target.reported is None and base is None and target.kind not in ("increase", "rate"):
            base = float(achieved(target, held, indices=indices, year=first).central[-1])
        for year in years if target.reported is None else [target.end]:
            if target.kind == "rate" and year == first:
                continue
            found = achieved(target, held, indices=indices, year=year)
            rows.append(_place(target, found, year=year, span=(first, base), held=held))
    return pd.DataFrame(rows, columns=list(PATH_COLUMNS))


def _place(
    target: TargetConfig, found: Achieved, *, year: int, span: tuple[int, float | None],
    held: Accounts,
) -> dict[str, object]:  # fmt: skip
    """Return one row: where a target stands in a year, and what is left to do."""
    first, base = span
    elapsed, left, whole = year - first, target.end - year, max(target.end - first, 1)
    now = float(found.central[-1])
    if target.kind == "rate":
        start, path = np.nan, target.value
        so_far = now
        needed = (target.value * whole - now * elapsed) / left if left else np.nan
    else:
        start = 0.0 if target.kind == "increase" else (np.nan if base is None else base)
        path = start + (target.value - start) * elapsed / whole
        so_far = (now - start) / elapsed if elapsed else np.nan
        needed = (target.value - now) / left if left else np.nan
    if not left:
        path = target.value
    several = found.draws is not None and found.draws.shape[-1] > 1
    spread = summarise(found.draws[-1], level=held.stock.level) if found.draws is not None else None
    chance = np.nan
    if several and found.draws is not None and np.isfinite(path):
        chance = float((found.draws[-1] >= path - ROUNDING * abs(path)).mean())
    return {
        "target": target.name, "year": year, "unit": target.unit,
        "baseline": start, "on_path": path,
        "achieved": now, "probability": chance, "rate_so_far": so_far, "rate_needed": needed,
        "basis": MEASURED if target.reported is None else REPORTED,
    } | {
        name: np.nan if spread is None else float(getattr(spread, name))
        for name in ("se", "low", "high")
    }  # fmt: skip


def consistency_table(targets: Sequence[TargetConfig], held: Accounts) -> pd.DataFrame:
    """Return `consistency.csv`: what targets of volume and cover imply for a carbon target.

    Notes
    -----
    With volume-to-biomass functions ``B = a V + b`` of the forest types, more volume ΔV and more
    forest ΔA hold ``ΔC = CF (a ΔV + b ΔA)``; `tables/implied_carbon.csv` has the ranges of a, b
    and CF. A target that asks for more than the high end cannot follow from the others.
    """
    carbon = [
        target for target in targets
        if target.quantity == "carbon" and target.kind == "increase"
        and target.groups is not None and set(target.groups) == {"forest"}
    ]  # fmt: skip
    volume = _with_baseline(targets, "volume", held=held)
    cover = _with_baseline(targets, "cover", held=held)
    if not carbon or volume is None:
        return pd.DataFrame(columns=list(IMPLIED_COLUMNS))
    more_volume = volume[0].value - volume[1]
    land = float((held.activity.coverage["inside"] + held.activity.coverage["outside"]).sum())
    more_forest = (cover[0].value - cover[1]) / 100 * land if cover else 0.0
    low, high = implied_carbon(more_volume, more_forest)
    rows = []
    for target in carbon:
        unit = CARBON_UNITS[target.unit]
        other = next(value for name, value in CARBON_UNITS.items() if name != target.unit)
        rows.append(
            {
                "target": target.name, "unit": target.unit, "required": target.value,
                "volume_increase_m3": more_volume, "forest_increase_ha": more_forest,
                "implied_low": low / unit, "implied_high": high / unit,
                "consistent": _words(low <= target.value * unit <= high),
                "consistent_other_unit": _words(low <= target.value * other <= high),
                "volume_target": volume[0].name, "cover_target": cover[0].name if cover else "",
            }
        )  # fmt: skip
    return pd.DataFrame(rows, columns=list(IMPLIED_COLUMNS))


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
    ends = load_table("implied_carbon").set_index("name")[["low", "high"]].to_dict()

    def end(column: str) -> float:
        slope, base, fraction = (
            float(ends[column][name])
            for name in ("volume_slope", "area_intercept", "carbon_fraction")
        )
        return fraction * (slope * volume + base * area)

    return end("low"), end("high")


def _with_baseline(
    targets: Sequence[TargetConfig], quantity: str, *, held: Accounts
) -> tuple[TargetConfig, float] | None:
    """Return the first target of a level with what it starts from, stated or measured."""
    indices = _whole(held)
    for target in targets:
        if target.quantity != quantity or target.kind != "level":
            continue
        if target.baseline is not None:
            return target, target.baseline
        if quantity == "cover" and target.reported is None:
            first = held.years[0]
            return target, float(achieved(target, held, indices=indices, year=first).central[-1])
    return None


def ledger_tables(targets: Sequence[TargetConfig], held: Accounts) -> Mapping[str, pd.DataFrame]:
    """Return the tables of the ledger; the one on consistency only where targets can disagree."""
    path, implied = path_table(targets, held), consistency_table(targets, held)
    return {"target_path": path} | ({"consistency": implied} if len(implied) else {})
