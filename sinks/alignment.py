"""How much area moved when a raster was read on another grid: class by class, before and after."""

from __future__ import annotations

from typing import Final, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from pyproj import Transformer

from sinks.checks import Problems
from sinks.inputs import Inputs
from sinks.joint import Execution, joint_table
from sinks.measure import coding
from sinks.outlines import outlines, transformer_between
from sinks.raster import RasterSource
from sinks.units import M2_PER_HA

Floats = npt.NDArray[np.float64]

COLUMNS: Final = ("region_code", "year", "stratum", "own_grid_ha", "aligned_ha", "difference_ha")


def alignment_table(
    inputs: Inputs, problems: Problems, *, execution: Execution
) -> pd.DataFrame | None:
    """Return ``alignment.csv``: areas of every year that was moved, on its own grid and aligned.

    Parameters
    ----------
    inputs : Inputs
    problems : Problems
        Is told how much area moved, year by year.
    execution : Execution

    Returns
    -------
    DataFrame or None
        None if all years lie on one grid. Both areas are of the land with data in that year.
    """
    frames = []
    for place, (year, source) in enumerate(inputs.sources.items()):
        if source.native is None:
            continue
        sides = [
            _areas(inputs, item, place=place, execution=execution)
            for item in (source.native, source)
        ]
        own, aligned = sides
        moved = np.abs(own - aligned).sum() / 2
        problems.warn(
            "raster.area_moved", file=source.shown, place=str(year), hectares=f"{moved:,.6g}",
            part=f"{moved / max(own.sum(), 1e-12):.3%}",
        )  # fmt: skip
        region, stratum = np.nonzero((own > 0) | (aligned > 0))
        before, after = own[region, stratum], aligned[region, stratum]
        columns = (
            np.asarray(inputs.regions.codes, dtype=object)[region], year,
            np.array(inputs.legend.strata, dtype=object)[stratum], before, after, after - before,
        )  # fmt: skip
        frames.append(pd.DataFrame(dict(zip(COLUMNS, columns, strict=True))))
    return pd.concat(frames, ignore_index=True) if frames else None


def _areas(inputs: Inputs, source: RasterSource, *, place: int, execution: Execution) -> Floats:
    """Return the areas of one raster by region and stratum [ha]."""
    grid = source.grid
    there = inputs.transformer
    if source.native is None:  # the way was found when the raster was aligned
        file, crs = inputs.study.regions.path, inputs.regions.frame.crs
        there = cast(Transformer, transformer_between(crs, grid, file=file, problems=Problems()))
    table, lookup = coding(inputs)
    shapes = np.asarray(inputs.regions.frame.geometry.values)
    joint = joint_table(
        {0: source}, outlines(shapes, grid, transformer=there), symbols=table,
        nodata=sorted(inputs.legend.nodata_codes),
        exact=inputs.study.landcover.coverage == "exact",
        execution=Execution(execution.engine, execution.strip_bytes),
    )  # fmt: skip
    stratum = lookup[place, joint.paths[joint.path, 0]]
    known = stratum >= 0
    out = np.zeros((len(inputs.regions), len(inputs.legend.strata)))
    hectares = joint.area * (joint.quantum / M2_PER_HA)
    np.add.at(out, (joint.region[known], stratum[known]), hectares[known])
    return out
