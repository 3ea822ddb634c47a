"""Seasonal water as told: what it would have made, and where rasters and maps do not know it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from sinks.biomass.density import Density
from sinks.checks import Problems
from sinks.inputs import Inputs
from sinks.landcover.activity import Pair, pairs_of
from sinks.landcover.seasonal import Returned, undone
from sinks.levels import group_indices, summed
from sinks.overlays import splitting
from sinks.regions import Regions

Floats = npt.NDArray[np.float64]

STEPS = ("mapped_from", "mapped_to", "counted_from", "counted_to")


def warn_not_in_rasters(inputs: Inputs, problems: Problems) -> None:
    """Tell that pictures and rasters show the maps' classes, not what polygons or seasons say."""
    told = [str(item.config.stratum) for item in splitting(inputs.overlays) if item.config.stratum]
    if told:
        names = ", ".join(told)
        problems.warn("overlays.not_in_rasters", file=inputs.study.file, names=names)
    wetland = inputs.study.wetland
    if (wetland and wetland.seasonal) or any(item.config.seasonal for item in inputs.overlays):
        problems.warn("wetland.seasonal_not_in_rasters", file=inputs.study.file)


def seasonal_table(
    found: Sequence[Returned], density: Density, *, regions: Regions, strata: Sequence[str],
    years: Sequence[int],
) -> dict[str, pd.DataFrame]:  # fmt: skip
    """Return `wetland_seasonal.csv`: steps of the maps that count as seasonal water.

    Parameters
    ----------
    found : sequence of Returned
    density : Density
    regions : Regions
    strata : sequence of str
        The legend's strata, by number.
    years : sequence of int

    Returns
    -------
    dict of str to DataFrame
        Empty where no season was taken out.

    Notes
    -----
    Land ``A`` that the maps show as i and then j would have changed by ``A (d_j,end − d_i,start)``;
    it counts as what it was, with the change of that.
    """
    levels, indices = group_indices(regions)
    total = density.value.sum("pool")
    frames = []
    for pair in pairs_of(years):
        held = undone(found, pair=pair, years=years, regions=len(regions))
        for steps, hectares in held.items():
            names = [strata[i] for i in steps]
            mapped, counted = (
                hectares * _step(total, names[k], end=names[k + 1], pair=pair) for k in (0, 2)
            )
            area = summed(hectares, indices)
            frame = levels[["region_code", "region_name", "level"]].assign(
                start=pair[0], end=pair[1], **dict(zip(STEPS, names, strict=True)), area_ha=area,
                mapped_change_t_c=summed(mapped, indices),
                counted_change_t_c=summed(counted, indices),
            )  # fmt: skip
            frames.append(frame[area > 0])
    return {"wetland_seasonal": pd.concat(frames, ignore_index=True)} if frames else {}


def _step(total: xr.DataArray, start: str, *, end: str, pair: Pair) -> Floats:
    """Return the change per hectare from one stratum to another [t C/ha], of every region."""
    strata = [str(name) for name in total["stratum"].values]
    if start not in strata or end not in strata:
        return np.asarray(np.nan)  # nothing on the map is that any more, so no table need know it
    after, before = (
        total.sel(stratum=name, year=year, drop=True).values
        for name, year in ((end, pair[1]), (start, pair[0]))
    )
    return np.asarray(after - before)
