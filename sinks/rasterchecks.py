"""What class rasters say together with the legend, the regions and each other."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Final

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import CRS, Transformer

from sinks.boundaries.vectors import Geometries
from sinks.checks import Problems
from sinks.datum import BOX, gcj02_to_wgs84
from sinks.joint import JointTable, joint_table
from sinks.legend import Legend
from sinks.outlines import outlines
from sinks.raster import RasterSource, UnreadableBlock

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: A year in a file's name.
YEAR: Final = re.compile(r"(?<![0-9])(?:1[89]|2[01])[0-9]{2}(?![0-9])")
#: More than this part of the regions without data in a year is told.
MUCH_NODATA: Final = 0.1
#: More than this part of the land in another stratum a few years later is told.
MUCH_CHANGE: Final = 0.5
#: Regions looked at for a shift of datum: those that miss the most land.
SUSPECTS: Final = 5
#: They miss so much [part of their area], and so much less of it once GCJ-02 is undone.
MISSING: Final = 1e-3
LESS: Final = 0.2


def check_nodata(
    sources: Mapping[int, RasterSource], legend: Legend, *, asserted: bool, problems: Problems
) -> None:
    """Refuse a file's no-data code that is a class of the legend: its land would vanish.

    A code that the user asserts is taken at the user's word, with a warning.
    """
    for year, source in sources.items():
        if source.nodata is not None and source.nodata in legend.codes:
            add = problems.warn if asserted else problems.error
            code = "raster.nodata_takes_class" if asserted else "raster.nodata_is_class"
            stratum = legend.stratum_of(source.nodata)
            add(code, file=source.shown, place=str(year), nodata=source.nodata, stratum=stratum)


def warn_names(names: Mapping[int, Sequence[str]], problems: Problems) -> None:
    """Tell of files named after another year of the study than the one they are given for.

    Parameters
    ----------
    names : mapping of year to sequence of str
        The files of every year, as the study names them.
    problems : Problems
    """
    for year, files in names.items():
        for file in files:
            told = {int(found) for found in YEAR.findall(PurePosixPath(file).name)}
            other = sorted(told.intersection(names) - {year})
            if other and year not in told:
                found = ", ".join(str(item) for item in other)
                problems.warn(
                    "raster.year_in_name", file=file, place=str(year), year=year, found=found
                )


def warn_doubtful_change(
    joint: JointTable,
    lookup: Ints,
    *,
    sources: Mapping[int, RasterSource],
    problems: Problems,
) -> None:
    """Tell of years that are equal in every cell, and of those that hardly agree in any.

    The first are one map under two names; the second two products or two legends, not two years.
    """
    area = joint.area.astype(np.float64)
    for (i, one), (j, two) in pairwise(enumerate(joint.years)):
        before, after = (joint.paths[joint.path, k] for k in (i, j))
        strata = lookup[i, before], lookup[j, after]
        valid = (strata[0] >= 0) & (strata[1] >= 0)
        whole = area[valid].sum()
        if not whole:
            continue
        if (before == after).all():
            problems.warn("raster.equal_years", file=sources[two].shown, first=one, second=two)
        changed = float(area[valid & (strata[0] != strata[1])].sum() / whole)
        if changed > MUCH_CHANGE:
            part = f"{100 * changed:.0f}"
            problems.warn(
                "raster.much_change", file=sources[two].shown, first=one, second=two, percent=part
            )


def warn_nodata(
    nodata: Mapping[int, float],
    inside: float,
    *,
    sources: Mapping[int, RasterSource],
    problems: Problems,
) -> None:
    """Tell of years without data on a good part of the regions [ha]."""
    for year, hectares in nodata.items():
        if MUCH_NODATA * inside < hectares < inside:
            problems.warn(
                "raster.much_nodata",
                file=sources[year].shown,
                year=year,
                hectares=f"{hectares:.6g}",
                percent=f"{100 * hectares / inside:.3g}",
            )


def fits_without_gcj02(
    shapes: Geometries,
    missing: Floats,
    *,
    crs: CRS,
    sources: Mapping[int, RasterSource],
    coding: tuple[Ints, Ints],
    blank: Sequence[int],
) -> tuple[float, float] | None:
    """Tell whether regions meet the data of the rasters much better once GCJ-02 is undone.

    Land cover clipped to a province ends where the province ends. Regions in GCJ-02 lie half a
    kilometre to the south-east: on one side they miss land, and moved back they do not.

    Parameters
    ----------
    shapes : ndarray of shapely (Multi)Polygon, dims (region)
    missing : ndarray, dims (region)
        Part of each region without data.
    crs : CRS
        Of the shapes.
    sources : mapping of year to RasterSource
    coding : (table, lookup)
        See `sinks.measure.coding`.
    blank : sequence of int
        The legend's no-data codes.

    Returns
    -------
    (float, float) or None
        Missing part of the suspects as they are and moved; None if there is no suspicion.
    """
    worst = np.argsort(-missing, kind="stable")[:SUSPECTS]
    before = float(missing[worst].mean()) if len(worst) else 0.0
    if before < MISSING or crs.geodetic_crs is None:
        return None
    degrees = Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
    own = shapely.transform(shapes[worst], degrees.transform, interleaved=False)
    west, south, east, north = shapely.total_bounds(own).tolist()
    if not (BOX[0] < west and east < BOX[1] and BOX[2] < south and north < BOX[3]):
        return None
    moved = shapely.transform(own, gcj02_to_wgs84, interleaved=False)
    grid = next(iter(sources.values())).grid
    there = Transformer.from_crs("EPSG:4326", grid.crs, always_xy=True)
    try:
        joint = joint_table(
            sources, outlines(moved, grid, transformer=there), symbols=coding[0], nodata=blank,
            exact=False,
        )  # fmt: skip
    except (UnreadableBlock, ValueError):
        return None
    after = _missing(joint, coding[1])
    return (before, after) if after < LESS * before else None


def _missing(joint: JointTable, lookup: Ints) -> float:
    """Return the mean part of the regions that has no class in some year, or no cell."""
    strata = np.stack([lookup[k, joint.paths[:, k]] for k in range(len(joint.years))], axis=1)
    valid = np.asarray((strata >= 0).all(axis=1))[joint.path]
    known = np.bincount(joint.region[valid], joint.area[valid], len(joint.outside))
    whole = np.bincount(joint.region, joint.area, len(joint.outside)) + joint.outside
    return float((1 - known / np.maximum(whole, 1)).mean())
