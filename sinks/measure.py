"""Hectares of a study: the pass over its rasters, and the problems that only the pass can see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely
from affine import Affine
from rasterio.features import geometry_mask

from sinks.checks import Problems, Severity
from sinks.inputs import Inputs
from sinks.joint import Execution, JointTable, joint_table
from sinks.landcover.activity import Activity, activity, strata_of_symbols, unknown_symbols
from sinks.landcover.adjust import adjusted
from sinks.landcover.assess import Assessment, assess
from sinks.landcover.locate import located
from sinks.landcover.seasonal import Returned, in_place, kinds, settle_returns
from sinks.landcover.split import Split, split_joint
from sinks.outlines import outlines
from sinks.overlays import splitting
from sinks.raster import RasterSource, UnreadableBlock, read_window
from sinks.rasterchecks import fits_without_gcj02, warn_doubtful_change, warn_nodata
from sinks.records import PlantingRecords, planting_records
from sinks.sections import OverlayConfig
from sinks.symbols import symbols, to_symbols
from sinks.texts import text

Ints = npt.NDArray[np.int64]

#: Part of a region beyond the raster that is more than a boundary drawn with another pen.
WORTH_TELLING: Final = 1e-6
#: Cells that are looked through at a time for the first one with a code.
SEARCHED: Final = 1 << 24


@dataclass(frozen=True)
class Measured:
    """What one pass over the rasters found.

    Attributes
    ----------
    regions : Activity
    zones : Activity
        Of the zones of the overlays, by number.
    mapped : Activity
        The regions as the maps alone show them: nothing split by polygons, nothing estimated.
    assessment : Assessment or None
        What the reference sample says of the maps, where there is one.
    records : Activity or None
        Of the planting records, one after the other; always as the maps show it.
    plantings : sequence of PlantingRecords
    seasonal : sequence of Returned
        Water that came and went with the season, in regions and zones, and counts as no change.
    """

    regions: Activity
    zones: Activity
    mapped: Activity
    assessment: Assessment | None = None
    records: Activity | None = None
    plantings: Sequence[PlantingRecords] = ()
    seasonal: Sequence[Returned] = ()


def measure(inputs: Inputs, problems: Problems, *, execution: Execution) -> Measured | None:
    """Sum the areas in one pass over all years; report what the pass alone can see.

    Returns
    -------
    Measured or None
        None if the rasters cannot be read or miss the regions; of rasters that must be refused
        for another reason, what they hold, so that the densities can be checked, too.
    """
    study, grid = inputs.study, inputs.sources[inputs.study.years[0]].grid
    table, lookup = coding(inputs)
    plantings = planting_records(inputs.overlays, inputs.regions, problems=problems)
    everything = _pass(inputs, table, plantings=plantings, problems=problems, execution=execution)
    if everything is None:
        return None
    count = len(inputs.regions)
    joint = everything.of_regions(0, count)
    for year, symbol, hectares in unknown_symbols(joint, lookup):
        _refuse_code(inputs, table, year=year, symbol=symbol, hectares=hectares, problems=problems)
    areas = activity(joint, lookup, strata=inputs.legend.strata, codes=inputs.regions.codes)
    coverage = areas.coverage
    if float(coverage["inside"].sum()) == 0:
        bounds = ", ".join(f"{value:.6g}" for value in grid.bounds)
        own = ", ".join(f"{value:.6g}" for value in inputs.regions.frame.total_bounds)
        turned = grid.crs.is_geographic and grid.bounds[2] > np.pi / grid.unit + grid.dx
        code = "raster.longitudes" if turned else "raster.no_overlap"
        problems.error(code, file=study.regions.path, raster=bounds, regions=own)
        return None
    read = not problems.of(Severity.ERROR)
    for year in study.years if read else ():
        if float(coverage["valid"].sel(year=year).sum()) == 0:
            problems.error("raster.all_nodata", file=inputs.sources[year].shown, year=year)
    beyond = coverage["outside"].values
    if (beyond > WORTH_TELLING * coverage["inside"].values).any():
        name = inputs.regions.frame["region_name"].iloc[int(beyond.argmax())]
        problems.warn(
            "raster.regions_outside", file=study.regions.path, count=int((beyond > 0).sum()),
            first=name, hectares=f"{beyond.sum():.6g}",
        )  # fmt: skip
    if not areas.area.size and not problems.of(Severity.ERROR):
        problems.error("raster.nothing_common", file=inputs.sources[study.years[0]].shown)
    if not problems.of(Severity.ERROR):
        _tell_doubts(inputs, joint, areas=areas, coding=(table, lookup), problems=problems)
    apart = _told_apart(inputs, everything, mapped=areas, lookup=lookup, plantings=plantings)
    return _assessed(inputs, apart, problems=problems)


def _told_apart(
    inputs: Inputs, everything: JointTable, *, mapped: Activity, lookup: Ints,
    plantings: Sequence[PlantingRecords],
) -> Measured:  # fmt: skip
    """Return the areas of regions and zones, with strata told apart by polygons."""
    count, last = len(inputs.regions), len(inputs.regions) + len(inputs.zones)
    strata, unsplit = inputs.legend.strata, lookup
    joint = whole = everything.of_regions(0, last)
    splits = [_split(inputs, overlay.config) for overlay in splitting(inputs.overlays)]
    seasonal: list[Returned] = []
    if splits:
        joint, lookup, seasonal = split_joint(
            joint, everything.of_regions(last, last + len(inputs.cuts.target)),
            target=inputs.cuts.target, which=inputs.cuts.which, lookup=lookup, splits=splits,
            strata=strata,
        )  # fmt: skip
    if inputs.study.wetland is not None and inputs.study.wetland.seasonal:
        joint, returned = settle_returns(
            joint, lookup, strata=strata, legend=inputs.legend,
            water=inputs.study.wetland.seasonal, within=inputs.study.wetland.seasonal_years,
        )  # fmt: skip
        seasonal = [*seasonal, returned]
    regions = mapped
    if joint is not whole:
        regions = activity(
            joint.of_regions(0, count), lookup, strata=strata, codes=inputs.regions.codes
        )
    if seasonal:
        regions = in_place(seasonal, regions, strata=strata)
    zones = activity(
        joint.of_regions(count, last), lookup, strata=strata,
        codes=[str(i) for i in range(len(inputs.zones))],
    )  # fmt: skip
    first = last + len(inputs.cuts.target)
    count = sum(len(own.names) for own in plantings)
    records = activity(
        everything.of_regions(first, first + count), unsplit, strata=strata,
        codes=[str(i) for i in range(count)],
    )  # fmt: skip
    return Measured(regions, zones, mapped, records=records, plantings=plantings, seasonal=seasonal)


def _split(inputs: Inputs, config: OverlayConfig) -> Split:
    """Return what an overlay's polygons do to the strata of the maps."""
    split = Split(config.replaces, config.stratum, config.outside)
    if not config.seasonal:
        return split
    strata = inputs.legend.strata
    _, land = kinds(strata, inputs.legend, water=(*config.replaces, *split.waters))
    return replace(split, land=tuple(name for name, dry in zip(strata, land, strict=True) if dry))


def _assessed(inputs: Inputs, measured: Measured, *, problems: Problems) -> Measured:
    """Correct the areas by the reference sample, if there is one."""
    if inputs.answers is None or problems.of(Severity.ERROR):
        return measured
    settles = inputs.study.wetland is not None and inputs.study.wetland.seasonal
    if settles or splitting(inputs.overlays):
        code = "wetland.seasonal_with_sample" if settles else "overlays.split_with_sample"
        problems.error(code, file=inputs.study.file, place="accuracy")
        return measured
    answers = located(
        inputs.answers, sources=inputs.sources, regions=inputs.regions,
        transformer=inputs.transformer, legend=inputs.legend, problems=problems,
    )  # fmt: skip
    if answers is None:
        return measured
    found = assess(
        answers, measured.regions, legend=inputs.legend, uncertainty=inputs.study.uncertainty,
        problems=problems,
    )  # fmt: skip
    if found is None or found.adjustment is None:
        return replace(measured, assessment=found)
    regions, zones = (
        adjusted(item, found.adjustment) for item in (measured.regions, measured.zones)
    )
    return replace(measured, regions=regions, zones=zones, assessment=found)


def _tell_doubts(
    inputs: Inputs, joint: JointTable, *, areas: Activity, coding: tuple[Ints, Ints],
    problems: Problems,
) -> None:  # fmt: skip
    """Tell what a careful reader of the areas would ask."""
    sources, coverage = inputs.sources, areas.coverage
    warn_doubtful_change(joint, coding[1], sources=sources, problems=problems)
    nodata = {year: float(coverage["nodata"].sel(year=year).sum()) for year in joint.years}
    warn_nodata(nodata, float(coverage["inside"].sum()), sources=sources, problems=problems)
    if inputs.study.regions.datum is not None:
        return
    whole = (coverage["inside"] + coverage["outside"]).values
    frame, common = inputs.regions.frame, coverage["common_valid"].values
    fits = fits_without_gcj02(
        np.asarray(frame.geometry.values), 1 - common / np.where(whole > 0, whole, 1),
        crs=frame.crs, sources=sources, coding=coding, blank=sorted(inputs.legend.nodata_codes),
    )  # fmt: skip
    if fits is not None:
        before, after = (f"{100 * part:.2g}" for part in fits)
        file = inputs.study.regions.path
        problems.warn("regions.gcj02_doubt", file=file, before=before, after=after)


def coding(inputs: Inputs) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the class code of every symbol of the kernel, and its stratum by year.

    Returns
    -------
    ndarray, dims (symbol)
        See `sinks.symbols.symbols`.
    ndarray, dims (year, symbol)
        See `sinks.landcover.activity.strata_of_symbols`.
    """
    wide = [source.dtype for source in inputs.sources.values() if source.dtype != "uint8"]
    blank = sorted(inputs.legend.nodata_codes)
    table = symbols(inputs.legend.codes, blank, dtype=wide[0] if wide else "uint8")
    nodata = {year: source.nodata for year, source in inputs.sources.items()}
    years = inputs.study.years
    return table, strata_of_symbols(inputs.legend, table, nodata=nodata, years=years)


def _pass(
    inputs: Inputs, table: npt.NDArray[np.int64], *, plantings: Sequence[PlantingRecords],
    problems: Problems, execution: Execution,
) -> JointTable | None:  # fmt: skip
    """Run the kernel over the rasters."""
    study, sources = inputs.study, inputs.sources
    grid = sources[study.years[0]].grid
    own = np.asarray(inputs.regions.frame.geometry.values)
    planted = [records.shapes for records in plantings]
    shapes = np.concatenate([own, inputs.zones.shapes, inputs.cuts.shapes, *planted])
    try:
        return joint_table(
            sources, outlines(shapes, grid, transformer=inputs.transformer), symbols=table,
            nodata=sorted(inputs.legend.nodata_codes),
            exact=study.landcover.coverage == "exact",
            execution=execution,
        )  # fmt: skip
    except UnreadableBlock as error:
        code = "raster.not_whole" if error.not_whole else "raster.unreadable_block"
        place = text("raster.row", problems.language, row=error.row)
        problems.error(code, file=error.source.shown, place=place, reason=error.reason)
    except ValueError as error:
        problems.error("raster.crs_reach", file=study.regions.path, crs=str(error))
    return None


def _refuse_code(
    inputs: Inputs, table: npt.NDArray[np.int64], *, year: int, symbol: int, hectares: float,
    problems: Problems,
) -> None:  # fmt: skip
    """Say which code no class of the legend has, how much of it there is and where."""
    source, legend = inputs.sources[year], inputs.legend
    there = inputs.transformer.transform
    shapes = shapely.transform(inputs.regions.frame.geometry.values, there, interleaved=False)
    code, place = _first_cell(
        source, symbol, table=table, nodata=sorted(legend.nodata_codes), shapes=list(shapes)
    )
    table_name = (source.native or source).recode
    if table_name is not None:
        problems.error(
            "crosswalk.unknown_code", file=source.shown, place=place, code=code,
            hectares=f"{hectares:.6g}", table=table_name.shown,
        )  # fmt: skip
        return
    problems.error(
        "raster.unknown_code", file=source.shown, place=place, code=code,
        codes=", ".join(str(known) for known in legend.codes),
        hectares=f"{hectares:.6g}", legend=legend.name, place_text=place,
    )  # fmt: skip


def _stored(source: RasterSource, row: int, *, col: int) -> int:
    """Return the code of a cell as its file holds it."""
    own = source.uncrossed
    with own.open() as dataset:
        return int(read_window(dataset, [own.band], window=(row, row + 1, col, col + 1))[0, 0, 0])


def _first_cell(
    source: RasterSource,
    symbol: int,
    *,
    table: npt.NDArray[np.int64],
    nodata: Sequence[int],
    shapes: Sequence[Any],
) -> tuple[int, str]:
    """Return the code behind a symbol that no class has, and its first cell in the regions.

    Parameters
    ----------
    source : RasterSource
    symbol : int
        A byte value, or `UNKNOWN_SYMBOL` for any value of a wider type that is not known.
    table, nodata
        As the kernel was given them: see `symbols` and `to_symbols`.
    shapes : sequence of shapely geometries
        The regions, in the raster's CRS.

    Returns
    -------
    code : int
    place : str
        Row, column and coordinates of the first cell, row by row, that a region touches.
    """
    grid = source.grid
    with source.open() as dataset:
        rows = max(1, min(256, SEARCHED // grid.width))
        for row in range(0, grid.height, rows):
            part = (row, min(row + rows, grid.height), 0, grid.width)
            values = read_window(dataset, [source.band], window=part)[0]
            hit = to_symbols(values, table, nodata=(*nodata, *source.blank)) == symbol
            if hit.any():
                corner = Affine(grid.dx, 0, grid.x0, 0, grid.dy, grid.y0 + row * grid.dy)
                hit &= geometry_mask(shapes, hit.shape, corner, all_touched=True, invert=True)
            if hit.any():
                r, c = (int(index[0]) for index in np.nonzero(hit))
                x, y = grid.x0 + (c + 0.5) * grid.dx, grid.y0 + (row + r + 0.5) * grid.dy
                code = _stored(source, row + r, col=c)
                return code, f"({row + r}, {c}) · x {x:.10g}, y {y:.10g}"
    return symbol, ""
