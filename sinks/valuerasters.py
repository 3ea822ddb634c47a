"""Rasters of amounts per hectare: opened as safely as class rasters, read as numbers by windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from rasterio.enums import MaskFlags

from sinks.aligned import moved_onto
from sinks.checks import Problems
from sinks.grid import Grid
from sinks.limits import Limits
from sinks.raster import RasterSource, load_files, numbers, read_window
from sinks.rastersections import DensityRasterConfig, Source, files_of
from sinks.tiles import joined
from sinks.windows import Window

Floats = npt.NDArray[np.float64]
#: Scale and offset of a file that states none.
PLAIN: Final = (1.0, 0.0)


@dataclass(frozen=True)
class ValueRaster:
    """A checked raster of amounts.

    Attributes
    ----------
    source : RasterSource
        Where its cells are; on another grid after `on_grid`.
    scale, offset : float
        What the file says that its cells are multiplied with, and what is added then.
    """

    source: RasterSource
    scale: float = 1.0
    offset: float = 0.0

    def read(self, dataset: Any, window: Window) -> Floats:
        """Return the values of a window, NaN where there are none, dims (row, column)."""
        cells = read_window(dataset, [self.source.band], window=window)[0]
        out: Floats = cells.astype(np.float64)
        if self.source.nodata is not None:
            out[out == float(self.source.nodata)] = np.nan
        if (self.scale, self.offset) != PLAIN:
            out *= self.scale
            out += self.offset
        return out


#: Values, and their errors where the study names them.
DensityMap = tuple[ValueRaster, ValueRaster | None]


def load_density_maps(
    config: DensityRasterConfig,
    grid: Grid,
    *,
    base: Path,
    problems: Problems,
    limits: Limits | None = None,
) -> dict[int, DensityMap]:
    """Open the maps of a pool, of every year, and put them on the grid of the land cover.

    Returns
    -------
    dict of int to DensityMap
        By year; without those that were refused.
    """
    found: dict[int, DensityMap] = {}
    for year, written in sorted(config.rasters.items()):
        ready = []
        for item in (written, (config.se_rasters or {}).get(year)):
            if item is None:
                continue
            loaded = load_value_raster(
                files_of(item, config.band), config, base=base, problems=problems, limits=limits
            )
            ready.append(
                None if loaded is None
                else on_grid(loaded, grid, align=config.align is not None, problems=problems)
            )  # fmt: skip
        value, error = ready[0], ready[1] if len(ready) > 1 else None
        if value is not None and (error is not None or len(ready) == 1):
            found[int(year)] = value, error
    return found


def load_value_raster(
    written: Sequence[Source],
    config: DensityRasterConfig,
    *,
    base: Path,
    problems: Problems,
    limits: Limits | None = None,
) -> ValueRaster | None:
    """Open and check the raster of one year, in one file or in tiles.

    Parameters
    ----------
    written : sequence of Source
    config : DensityRasterConfig
        CRS, band and no-data value, where the user asserts them.
    base : Path
        The study's folder.
    problems : Problems
    limits : Limits, optional

    Returns
    -------
    ValueRaster or None
        None if it was refused; `problems` says everything found.
    """
    limits = limits or Limits()
    scales: dict[tuple[float, float], str] = {}

    def check(
        dataset: Any, *, path: Path, shown: str, band: int | None, problems: Problems
    ) -> RasterSource | None:
        source = numbers(dataset, (path, shown, band), config=config, problems=problems)
        if source is None:
            return None
        own = (float(dataset.scales[source.band - 1]), float(dataset.offsets[source.band - 1]))
        scales.setdefault(own, shown)
        if MaskFlags.alpha in dataset.mask_flag_enums[source.band - 1]:
            problems.error("raster.mask", file=shown)
            return None
        return source

    parts = load_files(written, base=base, limits=limits, problems=problems, check=check)
    whole = joined(parts, blank=(), limits=limits, problems=problems) if parts else None
    if whole is None:
        return None
    found = {own: f"{own[0]:g}, {own[1]:g}" for own in scales}
    if len(scales) > 1:
        (first, name), (other, shown) = list(scales.items())[:2]
        problems.error(
            "raster.tiles_differ", file=shown, place="scale, offset", first=name,
            wanted=found[first], found=found[other],
        )  # fmt: skip
        return None
    scale, offset = next(iter(scales))
    if not (np.isfinite((scale, offset)).all() and scale > 0):
        problems.error("density_raster.bad_scale", file=whole.shown, found=found[scale, offset])
        return None
    if (scale, offset) != PLAIN:
        problems.repair(
            "density_raster.scaled", file=whole.shown, scale=f"{scale:g}", offset=f"{offset:g}"
        )
    return ValueRaster(whole, scale, offset)


def on_grid(
    raster: ValueRaster, grid: Grid, *, align: bool, problems: Problems
) -> ValueRaster | None:
    """Return a raster on the grid of the land cover.

    Parameters
    ----------
    raster : ValueRaster
    grid : Grid
    align : bool
        Whether the study allows another grid: each cell then takes the value of the nearest.
    problems : Problems

    Returns
    -------
    ValueRaster or None
        None if the grids differ and may not, or no way leads from one to the other.
    """
    source = raster.source
    if source.grid.same_cells(grid):
        return raster
    grids = {"own": source.grid.described(), "grid": grid.described()}
    if not align:
        problems.error("density_raster.grid", file=source.shown, **grids)
        return None
    moved = moved_onto(source, grid, blank=(), problems=problems)
    if moved is None:
        return None
    problems.warn("density_raster.aligned", file=source.shown, **grids)
    return replace(raster, source=moved)
