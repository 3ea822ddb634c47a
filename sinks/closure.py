"""The closures of a finished run, recomputed from the tables that were published.

The run checks itself before it writes; this is the second look that any reader could take with a
spreadsheet, and what the report prints.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sinks.chain import levels, of_units
from sinks.results import Results

#: Allowed difference: relative to the size of the thing, plus what rounding in a CSV may leave.
RELATIVE = 1e-6
ABSOLUTE = 1e-3
#: Areas that regions, their parents and the whole share out.
AREAS = ("region_ha", "valid_ha", "nodata_ha", "forest_ha", "wetland_ha")


@dataclass(frozen=True)
class Closure:
    """One check: how many sums were compared and by how much the worst missed.

    `worst` is relative to the stock or the area of the region that it was found in.
    """

    name: str
    cases: int
    worst: float
    passed: bool


def _closure(name: str, sides: tuple[pd.Series, pd.Series], *, size: pd.Series) -> Closure:
    """Compare two series on one index; a pair with a side missing fails.

    A region without data has neither: nothing is claimed of it.
    """
    left, right = sides if sides[0].index.equals(sides[1].index) else sides[0].align(sides[1])
    if not size.index.equals(left.index):
        size = size.reindex(left.index)
    one, other, extent = (item.to_numpy(float) for item in (left, right, size))
    known = ~(np.isnan(one) & np.isnan(other))
    extent = np.abs(np.where(np.isnan(extent), 0.0, extent)[known])
    gap = np.abs(one - other)[known]
    relative = gap / np.maximum(extent, 1.0)
    worst = float("nan") if np.isnan(relative).any() else float(relative.max(initial=0.0))
    return Closure(name, len(gap), worst, bool((gap <= RELATIVE * extent + ABSOLUTE).all()))


def _parents(results: Results) -> list[Closure]:
    """Regions sum to their parents and to the whole: stocks and areas."""
    table = results.tables["regions"]
    order = levels(results)
    sums, own = [], []
    for below, above in itertools.pairwise(order):
        rows = table[table["level"] == below].assign(level=above)
        rows = rows.assign(region_code=rows["parent_code"])
        if above == order[-1]:
            rows = rows.assign(region_code="ALL")
        key = ["level", "region_code", "year"]
        sums.append(rows.groupby(key)[["stock_t_c", *AREAS]].sum(min_count=1))
        own.append(table[table["level"] == above].set_index(key)[["stock_t_c", *AREAS]])
    left, right = pd.concat(sums), pd.concat(own)
    extents = pd.concat([right["region_ha"]] * len(AREAS), keys=AREAS)
    return [
        _closure("parents_stock", (left["stock_t_c"], right["stock_t_c"]), size=right["stock_t_c"]),
        _closure("parents_area", (_stacked(left), _stacked(right)), size=extents),
    ]


def _stacked(frame: pd.DataFrame) -> pd.Series:
    """Return the areas of a table one below the other, by their name."""
    areas: pd.Series = pd.concat([frame[name] for name in AREAS], keys=AREAS)
    return areas


def _stock(results: Results) -> Closure:
    """Strata and pools sum to a region's stock."""
    key = ["region_code", "year"]
    parts = of_units(results, "stock").groupby(key)["stock_t_c"].sum()
    total = of_units(results, "regions").set_index(key)["stock_t_c"]
    return _closure("pools", (parts, total), size=total)


def _change(results: Results) -> list[Closure]:
    """Change is end less start, gain less loss, and area effect plus density effect."""
    key = ["level", "region_code"]
    change = results.tables["change"].set_index([*key, "start", "end"])
    stock = results.tables["regions"].set_index([*key, "year"])["stock_t_c"]
    keys = change.index.to_frame(index=False)

    def at(when: str) -> pd.Series:
        wanted = pd.MultiIndex.from_frame(keys[[*key, when]], names=[*key, "year"])
        return pd.Series(stock.reindex(wanted).to_numpy(), index=change.index)

    before, after = at("start"), at("end")
    own = change["change_t_c"]
    effects = change["area_effect_t_c"] + change["density_effect_t_c"]
    return [
        _closure("difference", (after - before, own), size=after),
        _closure("gain_loss", (change["gain_t_c"] - change["loss_t_c"], own), size=after),
        _closure("effects", (effects, own), size=after),
    ]


def _transitions(results: Results) -> list[Closure]:
    """Transitions sum to the area compared and to the change."""
    key = ["region_code", "start", "end"]
    sums = of_units(results, "transitions").groupby(key)[["area_ha", "change_t_c"]].sum()
    valid = of_units(results, "coverage").groupby("region_code")["common_valid_ha"].first()
    area = pd.Series(valid.reindex(sums.index.get_level_values(0)).to_numpy(), index=sums.index)
    change = of_units(results, "change").set_index(key)["change_t_c"]
    change = change[change.index.isin(sums.index)]
    stock = of_units(results, "regions").groupby("region_code")["stock_t_c"].max()
    size = pd.Series(stock.reindex(sums.index.get_level_values(0)).to_numpy(), index=sums.index)
    return [
        _closure("transitions_area", (sums["area_ha"], area), size=area),
        _closure("transitions_change", (sums["change_t_c"], change), size=size),
    ]


def _coverage(results: Results) -> Closure:
    """Valid, no data and outside the raster sum to the region's area."""
    rows = of_units(results, "coverage").set_index(["region_code", "year"])
    parts = rows["valid_ha"] + rows["nodata_ha"] + rows["outside_ha"]
    return _closure("coverage", (parts, rows["region_ha"]), size=rows["region_ha"])


def _volume(results: Results) -> list[Closure]:
    """Regions and strata sum to the growing stock of the whole; its change is end less start."""
    groups = results.tables.get("volume_groups")
    if groups is None:
        return []
    own = groups.set_index(["level", "region_code", "year"])["volume_m3"]
    forest = results.tables["volume"]
    forest = forest[forest["group"] == groups["group"].iloc[0]]
    strata = forest.groupby(["level", "region_code", "year"])["volume_m3"].sum(min_count=1)
    order = levels(results)
    parts = groups[groups["level"] == order[0]].groupby("year")["volume_m3"].sum(min_count=1)
    whole = groups[groups["level"] == order[-1]].set_index("year")["volume_m3"]
    change = results.tables["volume_change"].set_index(["level", "region_code"])
    ends = [
        pd.Series(
            own.reindex(pd.MultiIndex.from_arrays([*_keys(change), change[when]])).to_numpy(),
            index=change.index,
        )
        for when in ("start", "end")
    ]
    pairs = change.set_index(["start", "end"], append=True)["change_m3"]
    moved = pd.Series((ends[1] - ends[0]).to_numpy(), index=pairs.index)
    size = pd.Series(ends[1].to_numpy(), index=pairs.index)
    return [
        _closure("volume_levels", (parts, whole), size=whole),
        _closure("volume_strata", (strata, own.reindex(strata.index)), size=own),
        _closure("volume_change", (moved, pairs), size=size),
    ]


def _keys(frame: pd.DataFrame) -> list[pd.Index]:
    """Return the levels of an index, row by row."""
    return [frame.index.get_level_values(place) for place in range(frame.index.nlevels)]


def closures(results: Results) -> list[Closure]:
    """Check every sum of DESIGN §6 on the tables of a finished run.

    Parameters
    ----------
    results : Results

    Returns
    -------
    list of Closure
        In a fixed order; a study without parents is compared with the whole only.
    """
    return [
        *_parents(results),
        _stock(results),
        *_change(results),
        *_transitions(results),
        _coverage(results),
        *_volume(results),
    ]
