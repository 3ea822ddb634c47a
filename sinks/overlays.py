"""Overlays: reserves, programmes and other polygons that cut across the regions.

The pass over the rasters takes what an overlay has in each region as a zone of its own beside the
regions, so one reading of the cells serves all of them, and no overlay moves a region's figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from sinks.boundaries.codes import texts_of
from sinks.boundaries.polygons import hectares, make_valid, polygons_only
from sinks.boundaries.position import coordinates_fit, from_gcj02, settle_crs
from sinks.boundaries.reading import read_layer
from sinks.boundaries.vectors import Request
from sinks.boundaries.where import chosen
from sinks.checks import Problems, first_few
from sinks.grid import Grid
from sinks.limits import Limits
from sinks.outlines import transformer_between
from sinks.regions import Regions
from sinks.sections import OverlayConfig

Shapes = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]

#: The whole of an overlay, beside its parts.
WHOLE: Final = ""
#: A straight edge longer than this is cut before it is moved to another CRS [m].
PIECE_M: Final = 500.0
METRES_PER_DEGREE: Final = 111_320.0
#: What two outlines of one border leave between them is no land of an overlay [ha].
SLIVER_HA: Final = 1e-4


@dataclass(frozen=True, eq=False)
class Overlay:
    """One overlay as it stands in its file, checked.

    Attributes
    ----------
    config : OverlayConfig
    shapes : GeoSeries
        One valid polygon per record, in the regions' CRS.
    parts : tuple of str
        The part that each record belongs to; empty where the study names no column.
    columns : dict of str to list
        Further columns that were asked for, as the file holds them.
    """

    config: OverlayConfig
    shapes: gpd.GeoSeries
    parts: tuple[str, ...]
    columns: dict[str, list[object]]


@dataclass(frozen=True, eq=False)
class Zones:
    """What every overlay, and every part of it, has in every region that it meets.

    Attributes
    ----------
    keys : tuple of (str, str)
        Overlay and part; `WHOLE` for all parts together, where overlaps count once.
    key, region : ndarray, dims (zone)
        Which key and which region (by position) a zone belongs to; sorted by both.
    shapes : ndarray of shapely polygons, dims (zone)
        In the regions' CRS.
    """

    keys: tuple[tuple[str, str], ...]
    key: Ints
    region: Ints
    shapes: Shapes

    def __len__(self) -> int:
        return len(self.region)


def load_overlay(
    config: OverlayConfig,
    *,
    base: Path,
    regions: Regions,
    grid: Grid,
    problems: Problems,
    limits: Limits | None = None,
    columns: Sequence[str] = (),
) -> Overlay | None:
    """Read and check an overlay, and bring it into the regions' CRS.

    Parameters
    ----------
    config : OverlayConfig
    base : Path
        The study's folder.
    regions : Regions
    grid : Grid
        Of the rasters: the datum of an overlay must have a known way to theirs.
    problems : Problems
    limits : Limits, optional
    columns : sequence of str
        Columns to keep besides the part's.

    Returns
    -------
    Overlay or None
        None if it had to be refused; then `problems` says why.
    """
    file, limits = config.path, limits or Limits()
    named = [config.part] if config.part else []
    wanted = tuple(dict.fromkeys((*named, *columns, *config.where)))
    request = Request(file, wanted, config.layer, config.encoding, limits)
    layer = read_layer(base / config.path, request, problems=problems)
    if layer is None:
        return None
    if not len(layer.geometry):
        problems.error("regions.no_rows", file=file)
        return None
    if config.where:
        layer = chosen(layer, config.where, file=file, problems=problems)
        if layer is None:
            return None
    parts = ("",) * len(layer.geometry)
    if config.part:
        own = texts_of(layer.columns[config.part], config.part, file=file, problems=problems)
        parts = tuple(own)
    labels = [part or str(row + 1) for row, part in enumerate(parts)]
    gcj02 = config.datum == "gcj02"
    shapes = polygons_only(layer, labels, file=file, problems=problems, limits=limits)
    crs = settle_crs(layer.crs, config.crs, gcj02=gcj02, file=file, problems=problems)
    if shapes is None or crs is None or "" in parts[: len(parts) * bool(config.part)]:
        return None
    if not coordinates_fit(shapes, crs, file=file, problems=problems):
        return None
    if gcj02:
        shapes, crs = from_gcj02(shapes, crs, file=file, problems=problems)
    valid = make_valid(shapes, labels, crs=crs, file=file, problems=problems)
    if valid is None or transformer_between(crs, grid, file=file, problems=problems) is None:
        return None
    moved = _moved(gpd.GeoSeries(list(valid), crs=crs), regions)
    return Overlay(config, moved, parts, layer.columns)


def _moved(shapes: gpd.GeoSeries, regions: Regions) -> gpd.GeoSeries:
    """Bring polygons into the regions' CRS; long edges are cut first, so that they bend with it."""
    target = regions.frame.crs
    if shapes.crs.equals(target, ignore_axis_order=True):
        return shapes.set_crs(target, allow_override=True)
    piece = PIECE_M
    if shapes.crs.is_geographic:
        piece /= METRES_PER_DEGREE
    else:
        piece /= shapes.crs.axis_info[0].unit_conversion_factor
    cut = shapely.segmentize(np.asarray(shapes.values), piece)
    moved = gpd.GeoSeries(list(cut), crs=shapes.crs).to_crs(target)
    return moved.make_valid()


def zones_of(overlays: Sequence[Overlay], regions: Regions, *, problems: Problems) -> Zones:
    """Return what every overlay and each of its parts has in every region.

    Parameters
    ----------
    overlays : sequence of Overlay
    regions : Regions
    problems : Problems
        Is told of overlays that lie outside the regions, wholly or in part.

    Returns
    -------
    Zones
        Polygons of one key never overlap: land counts once, however often it is drawn.
    """
    own = np.asarray(regions.frame.geometry.values)
    tree = shapely.STRtree(own)
    keys: list[tuple[str, str]] = []
    found: list[tuple[Ints, Ints, Shapes]] = []
    for overlay in overlays:
        shapes = np.asarray(overlay.shapes.values)
        names = sorted(set(overlay.parts)) if overlay.config.part else []
        for name in (WHOLE, *names):
            chosen = [name in (WHOLE, part) for part in overlay.parts]
            whole = shapely.union_all(shapes[chosen])
            where, cut = _cut(whole, own, tree=tree, crs=regions.frame.crs)
            found.append((np.full(len(where), len(keys), np.int64), where, cut))
            keys.append((overlay.config.name, name))
            if name == WHOLE:
                _tell_outside(overlay, whole, cut=cut, regions=regions, problems=problems)
    empty: list[tuple[Ints, Ints, Shapes]] = [
        (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, object))
    ]
    key, region, cuts = (np.concatenate(part) for part in zip(*(found or empty), strict=True))
    return Zones(tuple(keys), key, region, cuts)


def _cut(
    whole: shapely.Geometry, regions: Shapes, *, tree: shapely.STRtree, crs: Any
) -> tuple[Ints, Shapes]:
    """Return the regions that a polygon meets, and what it has in each."""
    near = np.sort(tree.query(whole, predicate="intersects"))
    shapely.prepare(whole)
    inside = shapely.contains_properly(whole, regions[near])
    cut = np.where(inside, regions[near], shapely.intersection(whole, regions[near]))
    cut = np.array([_polygonal(item) for item in cut], dtype=object)
    there = ~shapely.is_empty(cut) if len(cut) else np.zeros(0, bool)
    if there.any():
        there[there] = hectares(cut[there], crs) > SLIVER_HA
    return near[there].astype(np.int64), cut[there]


def _polygonal(shape: shapely.Geometry) -> shapely.Geometry:
    """Return the polygons of what an intersection left: shared borders leave lines, too."""
    parts = shapely.get_parts(shapely.get_parts(shape))
    return shapely.union_all(parts[shapely.get_dimensions(parts) == 2])


def _tell_outside(
    overlay: Overlay, whole: shapely.Geometry, *, cut: Shapes, regions: Regions, problems: Problems
) -> None:
    """Tell of an overlay, or of records of it, that no region holds."""
    file, crs = overlay.config.path, regions.frame.crs
    if not len(cut):
        problems.error("overlays.no_overlap", file=file, name=overlay.config.name)
        return
    total = float(hectares(np.array([whole], dtype=object), crs)[0])
    outside = total - float(hectares(cut, crs).sum())
    if outside > 1e-3 * total:
        met = shapely.intersects(np.asarray(overlay.shapes.values), shapely.union_all(cut))
        away = [str(part or row + 1) for row, part in enumerate(overlay.parts) if not met[row]]
        problems.warn(
            "overlays.outside", file=file, hectares=f"{outside:,.6g}",
            part=f"{outside / total:.1%}", count=len(away),
            first=first_few(away, problems.language) if away else "–",
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Cuts:
    """What the polygons of a split have in every region and zone.

    Attributes
    ----------
    target : ndarray, dims (cut)
        Region, or number of regions plus zone, that a cut belongs to.
    which : ndarray, dims (cut)
        Position of the overlay among those that split strata.
    shapes : ndarray of shapely polygons, dims (cut)
    """

    target: Ints
    which: Ints
    shapes: Shapes


def cuts_of(overlays: Sequence[Overlay], regions: Regions, *, zones: Zones) -> Cuts:
    """Return where strata are told apart, in every region and in every zone.

    Where polygons of two overlays split the same stratum, the first overlay of the study counts.
    """
    places = np.concatenate([np.asarray(regions.frame.geometry.values), zones.shapes])
    tree = shapely.STRtree(places)
    parts: list[tuple[Ints, Ints, Shapes]] = [
        (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, object))
    ]
    earlier: list[tuple[frozenset[str], shapely.Geometry]] = []
    for which, overlay in enumerate(splitting(overlays)):
        whole = shapely.union_all(np.asarray(overlay.shapes.values))
        replaced = frozenset(overlay.config.replaces)
        rest = whole
        for strata, shape in earlier:
            rest = shapely.difference(rest, shape) if strata & replaced else rest
        earlier.append((replaced, whole))
        where, cut = _cut(rest, places, tree=tree, crs=regions.frame.crs)
        parts.append((where, np.full(len(where), which, np.int64), cut))
    target, number, shapes = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Cuts(target, number, shapes)


def splitting(overlays: Sequence[Overlay]) -> list[Overlay]:
    """Return the overlays that tell strata apart, in the study's order."""
    return [overlay for overlay in overlays if overlay.config.replaces]
