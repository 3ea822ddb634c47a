"""The tables of a run: one fact per row, the unit in the column's name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from sinks.biomass.density import Density
from sinks.biomass.wetland import UNITS, Flux
from sinks.draws import summarise
from sinks.landcover.activity import Activity
from sinks.legend import Legend
from sinks.levels import Groups, Mask, summed, without_data
from sinks.stock import ChangeParts, Selection, Stock, change_parts

Floats = npt.NDArray[np.float64]

#: A change smaller than this part of the stocks is rounding, not change.
ROUNDING: Final = 1e-12
ALL: Final = Selection()
#: Columns that are about the land compared.
STOCKED: Final = ("stock_t_c", "se_t_c", "low_t_c", "high_t_c")
COMPARED: Final = ("forest_ha", "wetland_ha", *STOCKED)
CHANGED: Final = (
    "change_t_c", *STOCKED[1:], "gain_t_c", "loss_t_c", "area_effect_t_c", "density_effect_t_c",
)  # fmt: skip


def stock_table(stock: Stock, levels: pd.DataFrame) -> pd.DataFrame:
    """Return `stock.csv`: every region, year, stratum and pool that has land.

    `levels` begins with the regions of the areas. A pool that the table does not know for a
    stratum has no row: that is not a stock of zero.
    """
    area = stock.area.transpose("region", "year", "stratum").values
    value = stock.central().transpose("region", "year", "stratum", "pool").values
    pools, strata = stock.density.value["pool"].values, stock.area["stratum"].values
    held = np.array([[(i, j) in stock.density.held for j in pools] for i in strata], dtype=bool)
    r, y, s, p = np.nonzero((area[..., None] > 0) & held.reshape(len(strata), len(pools)))
    hectares = area[r, y, s]
    spread = {name: np.empty(len(r)) for name in ("se", "low", "high")}
    # Rows come region by region; one density for all regions is one spread for all rows.
    drawn = stock.correction is not None
    several = stock.density.by_region or drawn
    ends = np.searchsorted(r, np.arange(len(area) + 1)).tolist() if several else [0, len(r)]
    weight = np.ones(len(r)) if drawn else hectares
    for region in stock.by_density.tolist() if several else [0]:
        own = stock.spread(region) if drawn else stock.cell_spread(region)
        rows = slice(ends[region], ends[region + 1])
        for name, column in spread.items():
            column[rows] = getattr(own, name)[s[rows], p[rows], y[rows]]
    return pd.DataFrame(
        {
            "region_code": levels["region_code"].to_numpy(dtype=object)[r],
            "region_name": levels["region_name"].to_numpy(dtype=object)[r],
            "year": stock.area["year"].values[y],
            "stratum": strata[s],
            "pool": pools[p],
            "area_ha": hectares,
            "stock_t_c": value[r, y, s, p],
            "se_t_c": weight * spread["se"],
            "low_t_c": weight * spread["low"],
            "high_t_c": weight * spread["high"],
        }
    )


def regions_table(
    stock: Stock, activity: Activity, *, groups: Groups, legend: Legend
) -> pd.DataFrame:
    """Return `regions.csv`: every level and year, all pools and strata."""
    levels, indices = groups
    totals = stock.totals(indices, ALL)
    spread = totals.spread()
    coverage = activity.coverage
    whole = summed((coverage["inside"] + coverage["outside"]).values, indices)
    valid = summed(coverage["valid"].transpose("region", "year").values, indices)
    nodata = summed(coverage["nodata"].transpose("region", "year").values, indices)
    hectares = {
        name: summed(_area_of(activity, legend, group=name), indices)
        for name in ("forest", "wetland")
    }
    years = activity.area["year"].values
    frames = [
        levels.assign(
            year=year,
            region_ha=whole,
            valid_ha=valid[:, k],
            nodata_ha=nodata[:, k],
            forest_ha=hectares["forest"][:, k],
            wetland_ha=hectares["wetland"][:, k],
            stock_t_c=totals.central[:, k],
            se_t_c=spread.se[:, k],
            low_t_c=spread.low[:, k],
            high_t_c=spread.high[:, k],
        )
        for k, year in enumerate(years)
    ]
    unknown = without_data(activity, indices)
    return pd.concat(
        [_blank(frame, unknown, columns=COMPARED) for frame in frames], ignore_index=True
    )


def _blank(frame: pd.DataFrame, unknown: Mask, *, columns: Sequence[str]) -> pd.DataFrame:
    """Empty what nothing is known of: no data is never zero."""
    if unknown.any():
        frame.loc[unknown, list(columns)] = np.nan
    return frame


def _area_of(activity: Activity, legend: Legend, *, group: str) -> Floats:
    """Return the hectares of a group, dims (region, year)."""
    strata = [
        name for name in legend.strata_in((group,)) if name in activity.area["stratum"].values
    ]
    area = activity.area.sel(stratum=strata).sum("stratum")
    return np.asarray(area.transpose("region", "year").values)


def change_table(stock: Stock, activity: Activity, *, groups: Groups) -> pd.DataFrame:
    """Return `change.csv`: every level and pair of years."""
    levels, indices = groups
    totals = stock.totals(indices, ALL)
    unknown = without_data(activity, indices)
    years = [int(year) for year in activity.area["year"].values]
    frames = []
    for pair in activity.transitions:
        central, draws = totals.change(years.index(pair[0]), years.index(pair[1]))
        spread = summarise(draws, level=stock.level)
        parts = change_parts(activity.transitions, stock.value, pair=pair)
        size = np.abs(totals.central).max(axis=1)
        apart = (spread.low > 0) | (spread.high < 0)
        several = draws.shape[-1] > 1  # from one draw there is no interval
        frame = levels[["region_code", "region_name", "level"]].assign(
            start=pair[0],
            end=pair[1],
            change_t_c=central,
            se_t_c=spread.se,
            low_t_c=spread.low,
            high_t_c=spread.high,
            gain_t_c=summed(parts.gain, indices),
            loss_t_c=summed(parts.loss, indices),
            area_effect_t_c=summed(parts.area_effect, indices),
            density_effect_t_c=summed(parts.density_effect, indices),
            detectable=apart & (np.abs(central) > ROUNDING * size) & several,
        )
        frames.append(_blank(frame, unknown, columns=CHANGED))
    return pd.concat(frames, ignore_index=True)


def transitions_table(stock: Stock, activity: Activity, *, levels: pd.DataFrame) -> pd.DataFrame:
    """Return `transitions.csv`: from and to of every region and pair, persistence included."""
    codes = levels["region_code"].to_numpy(dtype=object)
    frames = []
    for pair, area in activity.transitions.items():
        parts: ChangeParts = change_parts(activity.transitions, stock.value, pair=pair)
        hectares, change = area.values, parts.by_transition.values
        r, i, j = np.nonzero(hectares > 0)
        frames.append(
            pd.DataFrame(
                {
                    "region_code": codes[r],
                    "start": pair[0],
                    "end": pair[1],
                    "from_stratum": area["from_stratum"].values[i],
                    "to_stratum": area["to_stratum"].values[j],
                    "area_ha": hectares[r, i, j],
                    "change_t_c": change[r, i, j],
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def coverage_table(activity: Activity) -> pd.DataFrame:
    """Return `coverage.csv`: where each region's area went, by year."""
    coverage = activity.coverage
    frames = []
    for year in coverage["year"].values:
        one = coverage.sel(year=year)
        inside, outside = one["inside"].values, one["outside"].values
        frames.append(
            pd.DataFrame(
                {
                    "region_code": one["region"].values,
                    "year": year,
                    "region_ha": inside + outside,
                    "inside_ha": inside,
                    "valid_ha": one["valid"].values,
                    "nodata_ha": one["nodata"].values,
                    "outside_ha": outside,
                    "common_valid_ha": one["common_valid"].values,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def parameters_table(density: Density, fluxes: Sequence[Flux] = ()) -> pd.DataFrame:
    """Return `parameters.csv`: every parameter used, the fluxes of the study's wetlands too."""
    columns = ["name", "value", "se", "unit", "distribution", "source", "confidence"]
    own: list[tuple[str, float, float, str, str, str, str]] = [
        (name, row.value, se, "t C/ha", row.kind(se), row.source, row.confidence)
        for name, row, se in density.rows
    ]
    models = [] if density.plots is None else list(density.plots.parameters)
    models += [] if density.stands is None else list(density.stands.parameters)
    models += [(row, row.se) for row in density.assumed]
    own += [
        (row.name, row.value, se, row.unit, row.distribution, row.source, row.confidence)
        for row, se in models
    ]
    present = set(density.value["stratum"].values.tolist())
    own += [
        (
            flux.name, flux.value, flux.se, UNITS[flux.flux], flux.distribution, flux.source,
            flux.confidence,
        )
        for flux in fluxes
        if flux.stratum in present
    ]  # fmt: skip
    return pd.DataFrame(own, columns=columns)


def json_text(content: Any) -> str:
    """Return content as JSON text, as every file of a run writes it."""
    return json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
