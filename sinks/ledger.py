"""The ledger of a plan: where each target stands on its path, and whether targets agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd
import xarray as xr

from sinks.achieved import REPORTED, Accounts, Achieved, Bools, achieved
from sinks.consistency import consistency_table
from sinks.draws import summarise
from sinks.inputs import Inputs
from sinks.landcover.activity import Activity
from sinks.measure import Measured
from sinks.overlays import WHOLE, Zones
from sinks.sections import TargetConfig
from sinks.stock import Stock
from sinks.target import ROUNDING
from sinks.volume import Volume

PATH_COLUMNS: Final = (
    "target", "year", "unit", "baseline", "on_path", "achieved", "se", "low", "high",
    "probability", "rate_planned", "rate_so_far", "rate_needed", "basis",
)  # fmt: skip


def accounts(
    inputs: Inputs, measured: Measured, *, stock: Stock, volume: Volume | None
) -> Accounts:
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
        inputs.study.uncertainty.seed, volume, inputs.study.language,
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


def path_table(targets: Sequence[TargetConfig], held: Accounts) -> pd.DataFrame:
    """Return `target_path.csv`: each target of the whole study in each of its years.

    Notes
    -----
    The path is a straight line from the start to what the target asks at its end: for an
    increase from zero; for a level, share or count from the stated baseline or, without one,
    from the first year's own value; for a rate it is the rate itself. `rate_planned` is what the
    path asks of each year, `rate_needed` what must be gained in each year that is left.
    """
    indices = held.whole
    rows = []
    for target in targets:
        first = target.start if target.start is not None else held.years[0]
        years = [year for year in held.years if first <= year <= target.end]
        base, official = target.baseline, held.basis(target) == REPORTED
        if not official and base is None and target.kind not in ("increase", "rate"):
            base = float(achieved(target, held, indices=indices, year=first).central[-1])
        for year in [target.end] if official else years:
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
    planned = target.value if target.kind == "rate" else (target.value - start) / whole
    several = found.draws is not None and found.draws.shape[-1] > 1
    spread = summarise(found.draws[-1], level=held.stock.level) if found.draws is not None else None
    chance = np.nan
    sure = several and found.draws is not None and bool(np.isfinite(found.draws[-1]).all())
    if sure and found.draws is not None and np.isfinite(path):
        chance = float((found.draws[-1] >= path - ROUNDING * abs(path)).mean())
    return {
        "target": target.name, "year": year, "unit": target.unit,
        "baseline": start, "on_path": path,
        "achieved": now, "probability": chance,
        "rate_planned": planned, "rate_so_far": so_far, "rate_needed": needed,
        "basis": held.basis(target),
    } | {
        name: np.nan if spread is None else float(getattr(spread, name))
        for name in ("se", "low", "high")
    }  # fmt: skip


def ledger_tables(targets: Sequence[TargetConfig], held: Accounts) -> Mapping[str, pd.DataFrame]:
    """Return the tables of the ledger; the one on consistency only where targets can disagree."""
    path, implied = path_table(targets, held), consistency_table(targets, held)
    return {"target_path": path} | ({"consistency": implied} if len(implied) else {})
