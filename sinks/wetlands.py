"""Wetlands on their own: areas by every definition, pools, yearly fluxes, and soils in change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from sinks.biomass.wetland import Flux
from sinks.draws import summarise
from sinks.inputs import Inputs
from sinks.landcover.activity import Activity
from sinks.legend import Legend
from sinks.levels import group_indices, summed, without_data
from sinks.parameters import load_table, lookup
from sinks.regions import Regions
from sinks.sections import WetlandConfig
from sinks.stock import Selection, Stock

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Pools of plants; soil stands beside them and is never added to them here.
PLANTS: Final = ("agb", "bgb")
FLUX_COLUMNS: Final = {"burial": "burial{}_t_c_per_yr", "ch4": "ch4{}_t_per_yr"}


def wetland_table(
    stock: Stock,
    activity: Activity,
    *,
    regions: Regions,
    legend: Legend,
    fluxes: Sequence[Flux],
    gwp: str,
) -> pd.DataFrame:
    """Return `wetland.csv`: each wetland stratum by level and year.

    Notes
    -----
    A flux is area × flux per hectare of the year's own wetland: ``burial`` is carbon that stays
    in sediment, ``ch4`` is methane, told in tonnes and in t CO2e with the GWP named. Neither is
    in any stock or change. A flux that no table knows is empty, not zero.
    """
    levels, indices = group_indices(regions)
    unknown = without_data(activity, indices)
    factor = lookup("gwp", name=gwp, gas="CH4").value
    years = [int(year) for year in activity.area["year"].values]
    frames = []
    for stratum in legend.strata_in(("wetland",)):
        if stratum not in activity.area["stratum"].values:
            continue
        area = activity.area.sel(stratum=stratum).transpose("region", "year").values
        hectares = summed(area, indices)
        plants, soil = (
            _held(stock, stratum, pools=pools, indices=indices) for pools in (PLANTS, ("soil",))
        )
        drawn = _drawn(stock, stratum, hectares=hectares, indices=indices)
        for k, year in enumerate(years):
            frame = levels[["region_code", "region_name", "level"]].assign(
                year=year, stratum=stratum, area_ha=hectares[:, k],
                vegetation_t_c=plants[:, k], soil_t_c=soil[:, k],
            )  # fmt: skip
            for name, column in FLUX_COLUMNS.items():
                _add_flux(
                    frame, column, flux=_flux_of(fluxes, stratum, flux=name),
                    hectares=(hectares[:, k], drawn[:, k]), stock=stock,
                )  # fmt: skip
            frame["ch4_t_co2e_per_yr"] = frame["ch4_t_per_yr"] * factor
            frame["gwp"] = np.where(frame["ch4_t_per_yr"].notna(), gwp, "")
            if unknown.any():
                frame.loc[unknown, frame.columns[5:-1]] = np.nan
            frames.append(frame)
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=COLUMNS)


COLUMNS: Final = [
    "region_code", "region_name", "level", "year", "stratum", "area_ha", "vegetation_t_c",
    "soil_t_c", "burial_t_c_per_yr", "burial_low_t_c_per_yr", "burial_high_t_c_per_yr",
    "ch4_t_per_yr", "ch4_low_t_per_yr", "ch4_high_t_per_yr", "ch4_t_co2e_per_yr", "gwp",
]  # fmt: skip


def _held(stock: Stock, stratum: str, *, pools: Sequence[str], indices: Sequence[Ints]) -> Floats:
    """Return the stock in some pools, dims (group, year); nothing where no density is known."""
    known = any((stratum, pool) in stock.density.held for pool in pools)
    own = Selection((stratum,), tuple(pools)).of(stock.central()).sum(["stratum", "pool"])
    values = summed(own.transpose("region", "year").values, indices)
    return values if known else np.full(values.shape, np.nan)


def _drawn(stock: Stock, stratum: str, *, hectares: Floats, indices: Sequence[Ints]) -> Floats:
    """Return the draws of a stratum's area, dims (group, year, draw); one where it is certain."""
    if stock.correction is None:
        return hectares[..., None]
    return stock.areas(indices, (stratum,)).draws


def _flux_of(fluxes: Sequence[Flux], stratum: str, *, flux: str) -> Flux | None:
    return next((item for item in fluxes if (item.stratum, item.flux) == (stratum, flux)), None)


def _add_flux(
    frame: pd.DataFrame,
    column: str,
    *,
    flux: Flux | None,
    hectares: tuple[Floats, Floats],
    stock: Stock,
) -> None:
    """Add a flux with the interval that its own error and that of the area make together.

    Parameters
    ----------
    hectares : (ndarray, ndarray), dims (group) and (group, draw)
    """
    names = [column.format(end) for end in ("", "_low", "_high")]
    if flux is None:
        frame[names] = np.nan
        return
    per_hectare = flux.drawn(seed=stock.density.seed, count=stock.density.draws)
    spread = summarise(hectares[1] * per_hectare, level=stock.level)
    ends = (np.nan, np.nan) if np.isnan(flux.se) else (spread.low, spread.high)
    values = (hectares[0] * flux.value, *ends)
    for name, value in zip(names, values, strict=True):
        frame[name] = value


def definitions_table(stock: Stock, activity: Activity, *, regions: Regions) -> pd.DataFrame:
    """Return `wetland_definitions.csv`: area and carbon by every definition, side by side."""
    levels, indices = group_indices(regions)
    unknown = without_data(activity, indices)
    known = load_table("wetland_definitions")
    years = [int(year) for year in activity.area["year"].values]
    frames = []
    for name, rows in known.groupby("definition", sort=False):
        strata = [item for item in rows["stratum"] if item in activity.area["stratum"].values]
        area = activity.area.sel(stratum=strata).sum("stratum").transpose("region", "year")
        hectares = summed(area.values, indices)
        totals = stock.totals(indices, Selection(tuple(strata)))
        spread = totals.spread()
        for k, year in enumerate(years):
            frame = levels[["region_code", "region_name", "level"]].assign(
                year=year, definition=name, area_ha=hectares[:, k],
                stock_t_c=totals.central[:, k], low_t_c=spread.low[:, k],
                high_t_c=spread.high[:, k],
            )  # fmt: skip
            if unknown.any():
                frame.loc[unknown, frame.columns[5:]] = np.nan
            frames.append(frame.assign(strata=";".join(strata)))
    return pd.concat(frames, ignore_index=True)


def soil_table(
    stock: Stock, activity: Activity, *, regions: Regions, legend: Legend, years_to_settle: float
) -> pd.DataFrame:
    """Return `wetland_soil.csv`: soil carbon of land that became or ceased to be wetland.

    Notes
    -----
    The stock tables take the new land's soil density at once. A soil takes time: with the IPCC
    default it goes from the old to the new density in a straight line over `years_to_settle`
    (20), at ``committed / settle`` a year. Land that was converted evenly over the ``T`` years
    between the maps has on average gone ``T / (2 settle)`` of the way; where ``T`` is longer than
    a soil takes, the first of it is settled: ``1 − settle / (2 T)``.
    """
    levels, indices = group_indices(regions)
    strata = [str(name) for name in activity.area["stratum"].values]
    wet = np.array([legend.group_of(name) == "wetland" for name in strata])
    soil = Selection(None, ("soil",)).of(stock.density.value).sum("pool")
    frames = []
    for (start, end), moved in activity.transitions.items():
        step = soil.sel(year=end, drop=True).rename(stratum="to_stratum") - soil.sel(
            year=start, drop=True
        ).rename(stratum="from_stratum")
        area = moved.transpose("region", "from_stratum", "to_stratum")
        carbon = (area * step).transpose("region", "from_stratum", "to_stratum").values
        part, moving = progress(end - start, years_to_settle)
        for name, which in (
            ("restored", ~wet[:, None] & wet[None, :]),
            ("reclaimed", wet[:, None] & ~wet[None, :]),
        ):
            hectares = summed(np.where(which, area.values, 0.0).sum(axis=(1, 2)), indices)
            whole = summed(np.where(which, carbon, 0.0).sum(axis=(1, 2)), indices)
            frames.append(
                levels[["region_code", "region_name", "level"]].assign(
                    start=start,
                    end=end,
                    direction=name,
                    area_ha=hectares,
                    committed_t_c=whole,
                    realised_t_c=whole * part,
                    rate_t_c_per_yr=whole * moving / years_to_settle,
                    settle_years=years_to_settle,
                )
            )
    return pd.concat(frames, ignore_index=True)


def progress(years: float, settle: float) -> tuple[float, float]:
    """Return how far soils have gone, and what part of them still goes on, at the end.

    Parameters
    ----------
    years : float
        Time over which the land was converted, evenly [yr].
    settle : float
        Years that a soil takes [yr].

    Examples
    --------
    >>> progress(5, 20), progress(40, 20)
    ((0.125, 1.0), (0.75, 0.5))
    """
    if years <= settle:
        return years / (2 * settle), 1.0
    return 1 - settle / (2 * years), settle / years


def wetland_tables(
    stock: Stock, activity: Activity, *, inputs: Inputs
) -> Mapping[str, pd.DataFrame]:
    """Return the tables of wetlands; none where the maps hold no wetland."""
    regions, legend = inputs.regions, inputs.legend
    config = inputs.study.wetland or WetlandConfig()
    table = wetland_table(
        stock, activity, regions=regions, legend=legend, fluxes=inputs.fluxes, gwp=config.gwp
    )
    if table.empty:
        return {}
    soil = soil_table(
        stock, activity, regions=regions, legend=legend, years_to_settle=config.settle_years
    )
    return {
        "wetland": table,
        "wetland_definitions": definitions_table(stock, activity, regions=regions),
        "wetland_soil": soil,
    }
