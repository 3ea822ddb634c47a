"""The tables of the overlays: those of the regions once more, for each overlay and its parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from sinks import tabulate
from sinks.biomass.density import Density
from sinks.landcover.activity import Activity
from sinks.legend import Legend
from sinks.overlays import Zones
from sinks.regions import Regions
from sinks.stock import Stock

#: Tables of the overlays, by the table of the regions whose columns they share.
TABLES: Final = {
    "overlay_regions": "regions", "overlay_change": "change", "overlay_stock": "stock",
    "overlay_transitions": "transitions",
}  # fmt: skip


@dataclass(frozen=True)
class Inside:
    """What one overlay, or one part of it, holds: areas and densities by the regions it meets."""

    regions: Regions
    activity: Activity
    density: Density


def inside(
    zones: Zones, key: int, *, regions: Regions, areas: Activity, density: Density
) -> Inside | None:
    """Return the land of one overlay (or part) as if the regions ended at its border.

    Parameters
    ----------
    zones : Zones
    key : int
        Position in ``zones.keys``.
    regions : Regions
    areas : Activity
        Of all zones.
    density : Density
        Of the study; its draws are those of the regions, so that overlay and region agree.

    Returns
    -------
    Inside or None
        None where the overlay has no land in any region.
    """
    rows = np.flatnonzero(zones.key == key)
    if not len(rows):
        return None
    members = zones.region[rows]
    frame = regions.frame.iloc[members].reset_index(drop=True)
    frame = frame.set_geometry(list(zones.shapes[rows]), crs=regions.frame.crs)
    own = Regions(frame, regions.parents)
    densities = _of_members(density, members)
    strata = [str(name) for name in density.value["stratum"].values]
    return Inside(own, _of_rows(areas, rows, codes=own.codes, strata=strata), densities)


def _of_rows(
    areas: Activity, rows: npt.NDArray[np.int64], *, codes: tuple[str, ...], strata: list[str]
) -> Activity:
    """Return the areas of some zones, with the strata of the study in the study's order."""

    def pick(array: xr.DataArray) -> xr.DataArray:
        every = {dim: strata for dim in array.dims if str(dim).endswith("stratum")}
        picked = array.isel(region=rows).reindex(every, fill_value=0.0)
        return picked.assign_coords(region=list(codes))

    transitions = {pair: pick(array) for pair, array in areas.transitions.items()}
    coverage = areas.coverage.isel(region=rows).assign_coords(region=list(codes))
    correction = areas.correction
    if correction is not None:
        correction = correction.of_regions(rows)
    counted = None if areas.map_area is None else pick(areas.map_area)
    return Activity(
        pick(areas.area), transitions, coverage, map_area=counted, correction=correction
    )


def _of_members(density: Density, members: npt.NDArray[np.int64]) -> Density:
    """Return the densities of some regions, where densities differ between regions."""
    if not density.by_region:
        return density
    value, se, lognormal = (
        array.isel(region=members) for array in (density.value, density.se, density.lognormal)
    )
    return replace(density, value=value, se=se, lognormal=lognormal)


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
        overlay's land in the region.
    """
    frames: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES}
    for i, (overlay, part) in enumerate(zones.keys):
        held = inside(zones, i, regions=regions, areas=areas, density=density)
        if held is None:
            continue
        stock = Stock(held.activity, held.density, level=level)
        own = {
            "overlay_regions": tabulate.regions_table(
                stock, held.activity, regions=held.regions, legend=legend
            ).rename(columns={"region_ha": "overlay_ha"}),
            "overlay_change": tabulate.change_table(stock, held.activity, regions=held.regions),
            "overlay_stock": tabulate.stock_table(stock, held.regions),
            "overlay_transitions": tabulate.transitions_table(held.activity, held.density),
        }
        for name, table in own.items():
            table.insert(0, "overlay", overlay)
            table.insert(1, "part", part)
            frames[name].append(table)
    return {name: pd.concat(parts, ignore_index=True) for name, parts in frames.items() if parts}
