"""Where maps of densities meet the land cover: one pass over both, then rows and a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from sinks.biomass.rasterdensity import (
    MappedPool,
    check_values,
    factor_of,
    map_year,
    serving_years,
    tell_gaps,
    with_whole,
)
from sinks.biomass.table import LARGEST
from sinks.checks import Problems, Severity
from sinks.inputs import Inputs
from sinks.joint import STRIP_BYTES, job_of
from sinks.measure import coding
from sinks.outlines import outlines
from sinks.overlays import splitting
from sinks.raster import UnreadableBlock
from sinks.rastersections import DensityRasterConfig
from sinks.texts import text
from sinks.zonalmeans import Floats, Layer, Sums, layer_sums

#: Part of a stratum's land that is rounding.
ROUNDING: Final = 1e-9
#: A map by pool and its own year.
Key = tuple[str, int]


def mapped_pools(
    inputs: Inputs,
    strata: Sequence[str],
    *,
    problems: Problems,
    workers: int | None = None,
    held: int = STRIP_BYTES,
) -> list[MappedPool] | None:
    """Sum the study's maps of densities over regions and strata.

    Parameters
    ----------
    inputs : Inputs
    strata : sequence of str
        Strata that occur on the land-cover maps.
    problems : Problems
        Gains errors for values that are no amounts, warnings for what is left out.
    workers : int, optional
        Threads; all processors when left out.
    held : int
        Memory that one worker may use for the cells it holds [bytes].

    Returns
    -------
    list of MappedPool or None
        Empty without maps; None if they were refused.
    """
    study = inputs.study
    layers: dict[Key, Layer] = {}
    serving = {}
    for pool, config in _configs(inputs).items():
        serving[pool] = serving_years(config, study.years, pool=pool, problems=problems)
        place = f"density.raster.{pool}"
        factor = factor_of(config, pool=pool, file=place, problems=problems)
        for year in sorted(set(serving[pool].values())):
            value, error = inputs.density_rasters[pool][year]
            over = study.years.index(map_year(year, study.years))
            layers[pool, year] = Layer(value, error, factor or 1.0, over)
    if not layers:
        return []
    if problems.of(Severity.ERROR):
        return None
    found = _summed(inputs, layers, problems=problems, workers=workers, held=held)
    if found is None:
        return None
    out = [
        _mapped(inputs, pool, serving=years, found=found, layers=layers, strata=strata)
        for pool, years in serving.items()
    ]
    tell_gaps(out, inputs.regions.codes, problems=problems)
    return out


def _configs(inputs: Inputs) -> Mapping[str, DensityRasterConfig]:
    maps = inputs.study.density.raster
    return {} if maps is None else maps.by_pool


def _summed(
    inputs: Inputs, layers: Mapping[Key, Layer], *, problems: Problems, workers: int | None,
    held: int,
) -> dict[Key, Sums] | None:  # fmt: skip
    """Sum all maps in one pass; None if they cannot be read or hold what is no amount."""
    table, lookup = coding(inputs)
    sources = tuple(inputs.sources[year] for year in inputs.study.years)
    shapes = np.concatenate([
        np.asarray(inputs.regions.frame.geometry.values), inputs.cuts.shapes
    ])  # fmt: skip
    outline = outlines(shapes, sources[0].grid, transformer=inputs.transformer)
    job, _ = job_of(
        sources, outline, symbols=table, nodata=sorted(inputs.legend.nodata_codes),
        exact=inputs.study.landcover.coverage == "exact",
    )  # fmt: skip
    try:
        sums = layer_sums(
            job, list(layers.values()), lookup=lookup, strata=len(inputs.legend.strata),
            limit=LARGEST, workers=workers, held=held,
        )  # fmt: skip
    except UnreadableBlock as error:
        place = text("raster.row", problems.language, row=error.row)
        problems.error(
            "raster.unreadable_block", file=error.source.shown, place=place, reason=error.reason
        )
        return None
    good = True
    for layer, own in zip(layers.values(), sums, strict=True):
        shown = "" if layer.error is None else layer.error.source.shown
        good &= check_values(
            own, layer.value.source.shown, error_file=shown, factor=layer.factor, problems=problems
        )
    count = len(inputs.regions)
    return (
        dict(zip(layers, (_told_apart(inputs, own, count=count) for own in sums), strict=True))
        if good
        else None
    )


def _mapped(
    inputs: Inputs, pool: str, *, serving: Mapping[int, int], found: Mapping[Key, Sums],
    layers: Mapping[Key, Layer], strata: Sequence[str],
) -> MappedPool:  # fmt: skip
    """Bring the sums of a pool's maps onto the strata that they are taken for."""
    config = _configs(inputs)[pool]
    wanted = tuple(name for name in strata if config.strata is None or name in config.strata)
    place = [inputs.legend.strata.index(name) for name in wanted]
    years = sorted(set(serving.values()))
    sums = {}
    for year in years:
        own = found[pool, year]
        chosen = {
            name: getattr(own, name)[:, place]
            for name in ("land", "valid", "tonnes", "with_error", "error_tonnes")
        }
        sums[year] = with_whole(replace(own, **chosen))
    names = {year: layers[pool, year].value.source.shown for year in years}
    return MappedPool(pool, config, serving, sums, names, wanted)


def _told_apart(inputs: Inputs, sums: Sums, *, count: int) -> Sums:
    """Move what lies inside polygons that tell strata apart, as the areas were moved."""
    arrays = [sums.land, sums.valid, sums.tonnes, sums.with_error, sums.error_tonnes]
    values = np.stack(arrays)
    own, cuts = values[:, :count].copy(), values[:, count:]
    number = {name: i for i, name in enumerate(inputs.legend.strata)}
    configs = [overlay.config for overlay in splitting(inputs.overlays)]
    # Where polygons say how far seasonal water reaches, the cells stay what their map shows.
    splits = {k: config for k, config in enumerate(configs) if not config.seasonal}
    for k, split in splits.items():
        for cut in np.flatnonzero((inputs.cuts.which == k) & (inputs.cuts.target < count)):
            region, inside = int(inputs.cuts.target[cut]), number[str(split.stratum)]
            for name in split.replaces:
                part = cuts[:, cut, number[name]]
                _move(own[:, region], part, start=number[name], end=inside)
    for split in splits.values():
        for name in split.replaces if split.outside is not None else ():
            for region in range(count):
                part = own[:, region, number[name]]
                _move(own[:, region], part, start=number[name], end=number[str(split.outside)])
    return Sums(own[0], own[1], own[2], own[3], own[4], sums.strange)


def _move(sums: Floats, part: Floats, *, start: int, end: int) -> None:
    """Move a part of a stratum, dims (sum), to another, dims (sum, stratum); no more than there is.

    What is left by rounding alone is nothing: its mean would be noise.
    """
    before = sums[:, start].copy()
    moved = np.minimum(part, before)
    left = before - moved
    sums[:, start] = 0.0 if left[0] <= ROUNDING * before[0] else left
    sums[:, end] += moved
