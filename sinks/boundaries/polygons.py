"""Polygons made fit for areas: what is refused, what is repaired in the open, and overlaps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import CRS, Geod, Transformer
from shapely import GeometryType

from sinks.boundaries.vectors import Geometries, VectorLayer, few
from sinks.checks import Problems
from sinks.limits import Limits

Floats = npt.NDArray[np.float64]

POLYGONAL: Final = (GeometryType.POLYGON, GeometryType.MULTIPOLYGON)
#: Two regions overlap if they share more than this part of the smaller one, and more than
#: OVERLAP_HA; less is a sliver of digitising, told but let pass.
OVERLAP_PART: Final = 1e-6
OVERLAP_HA: Final = 1e-4
#: How GEOS begins to say that a hole is not in its polygon: it may be land, or rubbish.
ASTRAY: Final = "Hole lies outside shell"
#: Regions looked at together, and overlapping pairs measured at most, so that a file of copies of
#: one polygon cannot ask for the square of its rows.
CHUNK: Final = 64
MAX_PAIRS: Final = 20_000


def hectares(polygons: Geometries, crs: CRS) -> Floats:
    """Return the geodesic area of polygons [ha].

    Notes
    -----
    Area between geodesics (pyproj.Geod, Karney 2013) of each ring; holes are taken off. Rings that
    cross themselves have the area that their direction gives.
    """
    base = crs.geodetic_crs
    if base is None:
        raise ValueError(f"{crs.name} has no ellipsoid")
    geod: Geod = base.get_geod() or Geod(ellps="WGS84")
    if not crs.is_geographic:
        to_degrees = Transformer.from_crs(crs, base, always_xy=True)
        polygons = shapely.transform(
            polygons, lambda xy: np.column_stack(to_degrees.transform(xy[:, 0], xy[:, 1]))
        )
    areas = np.zeros(len(polygons))
    parts, owners = shapely.get_parts(polygons, return_index=True)
    for part, owner in zip(parts, owners, strict=True):
        if part.geom_type == "GeometryCollection":
            areas[owner] += hectares(np.array([part]), base)[0]
        elif part.geom_type == "Polygon" and not part.is_empty:
            rings = [_ring_area(ring, geod) for ring in (part.exterior, *part.interiors)]
            areas[owner] += rings[0] - sum(rings[1:])
    return areas / 10_000.0


def _ring_area(ring: shapely.LinearRing, geod: Geod) -> float:
    xy = shapely.get_coordinates(ring)
    return abs(geod.polygon_area_perimeter(xy[:, 0], xy[:, 1])[0])


def polygons_only(
    layer: VectorLayer,
    labels: Sequence[str],
    *,
    file: str,
    problems: Problems,
    limits: Limits,
) -> Geometries | None:
    """Return two-dimensional polygons, one per row, or None if a row has none that can be used.

    Refused are missing, empty, unreadable and infinite geometries, and lines and points. Heights
    are dropped and collections of polygons opened, as repairs.
    """
    geometry = layer.geometry
    unreadable = np.zeros(len(geometry), dtype=bool)
    unreadable[list(layer.unreadable)] = True
    missing = ~unreadable & (shapely.is_missing(geometry) | shapely.is_empty(geometry))
    there = ~unreadable & ~missing
    kinds = shapely.get_type_id(geometry)
    opened = there & (kinds == GeometryType.GEOMETRYCOLLECTION)
    geometry = _open_collections(geometry, opened)
    other = there & ~np.isin(shapely.get_type_id(geometry), POLYGONAL)
    ok = there & ~other
    infinite = np.zeros(len(geometry), dtype=bool)
    infinite[ok] = [not np.isfinite(shapely.get_coordinates(item)).all() for item in geometry[ok]]
    faults = {
        "regions.geometry_missing": missing,
        "regions.geometry_unreadable": unreadable,
        "regions.geometry_type": other,
        "regions.not_finite": infinite,
    }
    for code, rows in faults.items():
        if rows.any():
            problems.error(code, file=file, count=int(rows.sum()), first=_named(labels, rows))
    vertices = int(shapely.get_num_coordinates(geometry).sum())
    if vertices > limits.vertices:
        problems.error(
            "regions.too_many_vertices",
            file=file,
            count=f"{vertices:,}",
            limit=f"{limits.vertices:,}",
        )
    if any(rows.any() for rows in faults.values()) or vertices > limits.vertices:
        return None
    repairs = {"regions.geometry_collection": opened, "regions.heights": _has_heights(geometry)}
    for code, rows in repairs.items():
        if rows.any():
            problems.repair(code, file=file, count=int(rows.sum()), first=_named(labels, rows))
    flat: Geometries = shapely.force_2d(geometry)
    return flat


def _named(labels: Sequence[str], rows: npt.NDArray[np.bool_]) -> str:
    return few([label for label, hit in zip(labels, rows, strict=True) if hit])


def _has_heights(geometry: Geometries) -> npt.NDArray[np.bool_]:
    """Tell which geometries have a third coordinate or a measure."""
    heights: npt.NDArray[np.bool_] = shapely.has_z(geometry)
    return heights | shapely.has_m(geometry) if hasattr(shapely, "has_m") else heights


def _open_collections(geometry: Geometries, which: npt.NDArray[np.bool_]) -> Geometries:
    """Turn collections that hold nothing but polygons into multipolygons; leave the others."""
    geometry = geometry.copy()
    for row in np.flatnonzero(which):
        parts = shapely.get_parts(geometry[row])
        if np.isin(shapely.get_type_id(parts), POLYGONAL).all():
            geometry[row] = shapely.multipolygons(shapely.get_parts(parts))
    return geometry


def without_torn(
    polygons: Geometries, labels: Sequence[str], *, crs: CRS, file: str, problems: Problems
) -> bool:
    """Tell whether no polygon jumps over the 180th meridian: read as drawn it spans the Earth."""
    if not crs.is_geographic:
        return True
    half = np.pi / crs.axis_info[0].unit_conversion_factor
    box = shapely.bounds(polygons)
    width = box[:, 2] - box[:, 0]
    torn = (width > half) & (width < 1.99 * half)
    if torn.any():
        problems.error(
            "regions.antimeridian", file=file, count=int(torn.sum()), first=_named(labels, torn)
        )
    return not torn.any()


def make_valid(
    polygons: Geometries, labels: Sequence[str], *, crs: CRS, file: str, problems: Problems
) -> Geometries | None:
    """Repair rings that cross or touch themselves, and say by how much that changed the area.

    Notes
    -----
    GEOS' "structure" repair: rings are made valid one by one, shells united, holes cut out. What
    has no area after it (spikes, collapsed rings) falls away; a region without any is refused.
    """
    invalid = ~shapely.is_valid(polygons)
    if not invalid.any():
        return polygons
    astray = np.zeros(len(polygons), dtype=bool)
    astray[invalid] = [why.startswith(ASTRAY) for why in shapely.is_valid_reason(polygons[invalid])]
    if astray.any():
        problems.error(
            "regions.hole_outside", file=file, count=int(astray.sum()), first=_named(labels, astray)
        )
        return None
    broken = polygons[invalid]
    sound = shapely.make_valid(broken, method="structure", keep_collapsed=False)
    gone = np.zeros(len(polygons), dtype=bool)
    gone[invalid] = shapely.is_empty(sound) | ~np.isin(shapely.get_type_id(sound), POLYGONAL)
    if gone.any():
        problems.error(
            "regions.geometry_collapsed",
            file=file,
            count=int(gone.sum()),
            first=_named(labels, gone),
        )
        return None
    change = np.abs(hectares(sound, crs) - hectares(broken, crs)).sum()
    problems.repair(
        "regions.geometry_invalid",
        file=file,
        count=int(invalid.sum()),
        first=_named(labels, invalid),
        hectares=amount(change),
    )
    repaired = polygons.copy()
    repaired[invalid] = sound
    return repaired


def amount(value: float) -> str:
    """Return hectares for a message: two decimals, or two digits when it is less.

    Examples
    --------
    >>> amount(1234.5), amount(0.000123)
    ('1,234.50', '0.00012')
    """
    return f"{value:,.2f}" if value >= 0.01 or value == 0 else f"{value:.2g}"


def _touching_inside(polygons: Geometries) -> npt.NDArray[np.int64]:
    """Return the pairs of polygons whose insides meet, dims (pair, 2), at most `MAX_PAIRS`."""
    tree = shapely.STRtree(polygons)
    found: list[npt.NDArray[np.int64]] = []
    count = 0
    for start in range(0, len(polygons), CHUNK):
        some = polygons[start : start + CHUNK]
        left, right = tree.query(some, predicate="intersects")
        left = left + start
        left, right = left[left < right], right[left < right]
        # Neighbours share an edge; only the insides matter (DE-9IM, II not empty).
        inside = shapely.relate_pattern(polygons[left], polygons[right], "T********")
        found.append(np.column_stack([left, right])[inside])
        count += int(inside.sum())
        if count >= MAX_PAIRS:
            break
    pairs = np.concatenate(found) if found else np.empty((0, 2), dtype=np.int64)
    return pairs[:MAX_PAIRS]


def without_overlaps(
    polygons: Geometries, labels: Sequence[str], *, crs: CRS, file: str, problems: Problems
) -> bool:
    """Tell whether no two regions overlap; the land of an overlap would count twice.

    Slivers below the tolerance (`OVERLAP_PART`, `OVERLAP_HA`) are told and let pass.
    """
    pairs = _touching_inside(polygons)
    if not len(pairs):
        return True
    shared = hectares(shapely.intersection(polygons[pairs[:, 0]], polygons[pairs[:, 1]]), crs)
    some = np.unique(pairs)
    area = dict(zip(some.tolist(), hectares(polygons[some], crs).tolist(), strict=True))
    smaller = np.array([min(area[a], area[b]) for a, b in pairs.tolist()])
    large = (shared > OVERLAP_PART * smaller) & (shared > OVERLAP_HA)
    slivers = ~large & (shared > 0)
    if slivers.any():
        problems.warn(
            "regions.overlap_slivers",
            file=file,
            count=int(slivers.sum()),
            hectares=amount(float(shared[slivers].sum())),
        )
    if large.any():
        order = np.flatnonzero(large)[np.argsort(-shared[large], kind="stable")]
        names = [
            f"{labels[pairs[i, 0]]} × {labels[pairs[i, 1]]} ({amount(float(shared[i]))} ha)"
            for i in order
        ]
        more = "+" if len(pairs) >= MAX_PAIRS else ""
        problems.error(
            "regions.overlap",
            file=file,
            count=f"{int(large.sum())}{more}",
            first=few(names),
            hectares=amount(float(shared[large].sum())),
        )
    return not large.any()


def warn_gaps(polygons: Geometries, *, crs: CRS, file: str, problems: Problems) -> None:
    """Tell of land that the regions enclose and none of them holds: it is counted nowhere.

    A lake left out on purpose and a crack between two neighbours look alike; both are told, with
    their area and the place of the largest.
    """
    parts = shapely.get_parts(shapely.union_all(polygons))
    rings = [ring for part in parts for ring in shapely.get_rings(part)[1:]]
    gaps = shapely.polygons(rings) if rings else np.empty(0, dtype=object)
    area = hectares(gaps, crs)
    if not (area > OVERLAP_HA).any():
        return
    x, y = gaps[int(area.argmax())].representative_point().coords[0]
    problems.warn(
        "regions.gaps",
        file=file,
        place=f"x {x:.8g}, y {y:.8g}",
        count=int((area > OVERLAP_HA).sum()),
        hectares=amount(float(area.sum())),
        largest=amount(float(area.max())),
    )
