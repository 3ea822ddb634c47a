"""The tables of the overlays: those of the regions once more, for each overlay and its parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from sinks import tabulate
from sinks.biomass.density import Density
from sinks.landcover.activity import Activity
from sinks.legend import Legend
from sinks.levels import Groups, group_indices
from sinks.overlays import Zones
from sinks.regions import Regions
from sinks.stock import Stock

Ints = npt.NDArray[np.int64]

#: Tables of the overlays, by the table of the regions whose columns they share.
TABLES: Final = {
    "overlay_regions": "regions", "overlay_change": "change", "overlay_stock": "stock",
    "overlay_transitions": "transitions",
}  # fmt: skip
#: Zones whose tables are made together, so that their draws have room; an overlay stays whole.
AT_ONCE: Final = 512


@dataclass(frozen=True)
class Inside:
    """What some overlays hold, zone by zone, as if the regions ended at their borders.

    Attributes
    ----------
    groups : Groups
        The levels of every overlay and part, which begin with the zones themselves.
    key : ndarray, dims (group)
        The overlay or part that a group of land belongs to, by position in ``zones.keys``.
    activity : Activity
    """

    groups: Groups
    key: Ints
    activity: Activity


def inside(zones: Zones, rows: slice, *, regions: Regions, areas: Activity) -> Inside:
    """Return the land of some zones, grouped by overlay or part and by the regions' levels.

    Parameters
    ----------
    zones : Zones
    rows : slice
        Which zones: all of some keys.
    regions : Regions
    areas : Activity
        Of all zones, with the strata of the study.
    """
    levels, positions = group_indices(regions)
    key, region = zones.key[rows], zones.region[rows]
    first, frames, keys, indices = 0, [], [], []
    for position in positions:
        count = int(position.max()) + 1
        met, index = np.unique(key * count + position[region], return_inverse=True)
        frames.append(levels.iloc[first + met % count])
        keys.append(met // count)
        indices.append(index.reshape(-1).astype(np.int64))
        first += count
    groups = pd.concat(frames, ignore_index=True), indices
    correction = None if areas.correction is None else areas.correction.of_regions(
        np.arange(rows.start, rows.stop)
    )  # fmt: skip
    activity = Activity(
        areas.area.isel(region=rows),
        {pair: array.isel(region=rows) for pair, array in areas.transitions.items()},
        areas.coverage.isel(region=rows),
        correction=correction,
    )
    return Inside(groups, np.concatenate(keys), activity)


def _with_strata(areas: Activity, strata: list[str]) -> Activity:
    """Return areas with the strata of the study, in its order: none has no land."""

    def fill(array: xr.DataArray) -> xr.DataArray:
        every = {dim: strata for dim in array.dims if str(dim).endswith("stratum")}
        return array.reindex(every, fill_value=0.0)

    transitions = {pair: fill(array) for pair, array in areas.transitions.items()}
    return Activity(fill(areas.area), transitions, areas.coverage, correction=areas.correction)


def _together(zones: Zones) -> Iterator[slice]:
    """Yield the zones in runs of whole keys."""
    ends = np.flatnonzero(np.diff(zones.key, append=-1)) + 1
    first = 0
    for i, end in enumerate(ends.tolist()):
        if i + 1 == len(ends) or int(ends[i + 1]) - first > AT_ONCE:
            yield slice(first, end)
            first = end


def overlay_tables(
    zones: Zones,
    areas: Activity,
    *,
    density: Density,
    regions: Regions,
    legend: Legend,
    level: float,
) -> Mapping[str, pd.DataFrame]:
    """Return the tables of all overlays; none if the study has no overlay.

    Returns
    -------
    mapping of str to DataFrame
        The columns of `tables/regions.csv`, `change.csv`, `stock.csv` and `transitions.csv` with
        ``overlay`` and ``part`` before them; ``region_ha`` is called ``overlay_ha``: it is the
        overlay's land in the region. Draws are those of the regions, so that overlay and region
        agree.
    """
    frames: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES}
    filled = _with_strata(areas, [str(name) for name in density.value["stratum"].values])
    for rows in _together(zones):
        held = inside(zones, rows, regions=regions, areas=filled)
        stock = Stock(held.activity, density, level=level, places=zones.region[rows])
        for name, table in _tables(held, stock, legend=legend).items():
            frames[name].append(_labelled(table, held, zones=zones))
    return {name: pd.concat(parts, ignore_index=True) for name, parts in frames.items() if parts}


def _tables(held: Inside, stock: Stock, *, legend: Legend) -> dict[str, pd.DataFrame]:
    """Return the tables of some overlays; a row names its group by number, not by code."""
    activity, (levels, indices) = held.activity, held.groups
    numbered = levels.assign(region_code=np.arange(len(levels)))
    groups = numbered, indices
    by_year = tabulate.regions_table(stock, activity, groups=groups, legend=legend)
    return {
        "overlay_regions": by_year.rename(columns={"region_ha": "overlay_ha"}),
        "overlay_change": tabulate.change_table(stock, activity, groups=groups),
        "overlay_stock": tabulate.stock_table(stock, numbered),
        "overlay_transitions": tabulate.transitions_table(stock, activity, levels=numbered),
    }


def _labelled(table: pd.DataFrame, held: Inside, *, zones: Zones) -> pd.DataFrame:
    """Bring the rows of each overlay and part together, under its name and with their codes."""
    group = table["region_code"].to_numpy(dtype=np.int64)
    order = np.argsort(held.key[group], kind="stable")
    group = group[order]
    table = table.iloc[order].reset_index(drop=True)
    codes = held.groups[0]["region_code"].to_numpy(dtype=object)
    keys = [zones.keys[key] for key in held.key[group].tolist()]
    table["region_code"] = codes[group]
    table.insert(0, "overlay", [overlay for overlay, _ in keys])
    table.insert(1, "part", [part for _, part in keys])
    return table
