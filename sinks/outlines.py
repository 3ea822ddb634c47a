"""Region boundaries as edges in a grid's own cells: what the zonal kernel walks along."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import CRS, Transformer
from pyproj.aoi import AreaOfInterest
from pyproj.exceptions import ProjError
from pyproj.transformer import TransformerGroup

from sinks.checks import Problems
from sinks.grid import Grid, authalic_position

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Datums whose shift to WGS 84 PROJ cannot know for a given county.
CLASSICAL_DATUMS: Final = ("beijing 1954", "xian 1980", "new beijing")
#: How far a straight edge may stray from its transformed course [cells].
TOLERANCE_CELLS: Final = 1e-3
#: Mean radius of the Earth, for lengths that need not be exact [m].
EARTH_RADIUS_M: Final = 6.371e6
#: Halvings of an edge at most, so that no geometry can ask for endless memory.
MAX_HALVINGS: Final = 12
#: Vertices whose edges are worked out at a time, so that memory does not grow with all of them.
PORTION: Final = 100_000
#: An edge that strays further than this after all halvings is torn, not bent [cells].
TORN_CELLS: Final = 1.0
#: Longest piece over which an edge beyond the raster is taken as straight in true area [m].
PIECE_M: Final = 2_000.0
#: A datum that nothing is known of may lie this far from WGS 84 [m]; cells must be 4 times larger.
UNKNOWN_DATUM_SHIFT_M: Final = 500.0


@dataclass(frozen=True)
class Outlines:
    """Edges of all regions in cell coordinates, grouped by region.

    Attributes
    ----------
    edges : ndarray, dims (edge, 4)
        x0, y0, x1, y1: fractional column and row of both ends.
    starts : ndarray, dims (region + 1)
        Edges of region i are ``edges[starts[i]:starts[i + 1]]``.
    boxes : ndarray, dims (region, 4)
        First row, last row, first column, last column of each region (last exclusive).
    """

    edges: Floats
    starts: Ints
    boxes: Ints

    @property
    def count(self) -> int:
        """Number of regions."""
        return len(self.starts) - 1

    @property
    def window(self) -> tuple[int, int, int, int]:
        """First row, last row, first column, last column of all regions together."""
        low, high = self.boxes.min(axis=0), self.boxes.max(axis=0)
        return int(low[0]), int(high[1]), int(low[2]), int(high[3])


def transformer_between(
    source: CRS, grid: Grid, *, file: str, problems: Problems
) -> Transformer | None:
    """Return the transformer from the regions' CRS to the grid's, if one is known.

    A change of datum for which PROJ knows no parameters would leave the coordinates as they
    are. That is refused, unless the cells are so large that the shift cannot matter; then it is
    told. Geocentric datums on GRS 80 or WGS 84 (CGCS2000, ITRF …) are taken as one.

    Returns
    -------
    Transformer or None
        None if it was refused; `problems` says why.
    """
    target = grid.crs
    if _needs_parameters(source, target):
        problems.error("crs.needs_parameters", file=file, source=source.name, target=target.name)
        return None
    if source.equals(target, ignore_axis_order=True):
        return Transformer.from_crs(source, target, always_xy=True)
    names = {"source": source.name, "target": target.name}
    group = _known_ways(source, grid)
    if group is None or not group.transformers:
        problems.error("crs.no_transformation", file=file, **names)
        return None
    best = group.transformers[0]
    if "ballpark" not in best.description.lower() or _both_geocentric(source, target):
        if not group.best_available:
            accuracy = f"{best.accuracy:g}" if best.accuracy >= 0 else "?"
            problems.warn("crs.second_best", file=file, accuracy=accuracy, **names)
        return best
    cell = abs(grid.dx) * grid.unit * (EARTH_RADIUS_M if target.is_geographic else 1.0)
    names |= {"shift": f"{UNKNOWN_DATUM_SHIFT_M:g}", "cell": f"{cell:.4g}"}
    if cell < 4 * UNKNOWN_DATUM_SHIFT_M:
        problems.error("crs.unknown_datum", file=file, **names)
        return None
    problems.warn("crs.unknown_datum_small", file=file, **names)
    return best


def _known_ways(source: CRS, grid: Grid) -> TransformerGroup | None:
    """Return the transformations that PROJ knows for the place of the grid, best first.

    A datum may have a shift of its own for every country. None if there can be none.
    """
    where: Any = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # missing grid files: told as a problem instead
        try:
            inverse = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
            frame = inverse.transform_bounds(*grid.bounds, errcheck=False)
            if np.isfinite(frame).all() and -180 <= frame[0] <= frame[2] <= 180:
                where = AreaOfInterest(*frame)
            return TransformerGroup(
                source, grid.crs, always_xy=True, area_of_interest=where, allow_ballpark=True
            )
        except ProjError:
            return None


def _needs_parameters(source: CRS, target: CRS) -> bool:
    """Tell whether one side, and not the other, is on a classical Chinese datum.

    Their shift of 50 to 120 m differs from sheet to sheet and its parameters are not published.
    """
    names = [str(crs.datum.name if crs.datum else "").lower() for crs in (source, target)]
    classical = [any(old in name for old in CLASSICAL_DATUMS) for name in names]
    return any(classical) and names[0] != names[1]


def _both_geocentric(source: CRS, target: CRS) -> bool:
    """Tell whether both datums sit on the GRS 80 or WGS 84 ellipsoid.

    Such datums (WGS 84, CGCS2000, ITRF, SIRGAS …) are geocentric and agree within about 2 m.
    """
    ellipsoids = [crs.ellipsoid for crs in (source, target)]
    return all(
        item is not None
        and abs(item.semi_major_metre - 6378137.0) < 0.5
        and abs(item.inverse_flattening - 298.25722) < 1e-3
        for item in ellipsoids
    )


def outlines(geometry: npt.NDArray[Any], grid: Grid, *, transformer: Transformer) -> Outlines:
    """Turn polygons into edges in the grid's cells.

    Parameters
    ----------
    geometry : ndarray of shapely (Multi)Polygon, dims (region)
        Valid polygons.
    grid : Grid
    transformer : Transformer
        From the polygons' CRS to the grid's.

    Returns
    -------
    Outlines

    Raises
    ------
    ValueError
        If the grid's projection does not reach over a polygon, or tears one of its edges apart.

    Notes
    -----
    An edge is straight in the CRS in which its polygon is given. Where the transformation bends
    it by more than a thousandth of a cell, it is halved until it does not, so that the same
    county has the same area on grids of any projection.
    """
    sizes = np.cumsum(shapely.get_num_coordinates(geometry))
    total = int(sizes[-1]) if len(sizes) else 0
    cuts = np.searchsorted(sizes, np.arange(PORTION, total, PORTION)) + 1
    portions = [
        _edges(part, grid, transformer=transformer)
        for part in np.split(geometry, cuts)
        if len(part)
    ]
    edges = np.concatenate([own for own, _ in portions])
    starts = np.concatenate([[0], *(counts for _, counts in portions)]).cumsum()
    return Outlines(edges, starts, _boxes(edges, starts[:-1]))


def _edges(
    geometry: npt.NDArray[Any], grid: Grid, *, transformer: Transformer
) -> tuple[Floats, Ints]:
    """Return the edges of some polygons, one after the other, and how many each has."""
    wound = shapely.orient_polygons(geometry)  # rings of one sense; holes the other
    parts, region = shapely.get_parts(wound, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    same = ring[1:] == ring[:-1]
    start, stop = points[:-1][same], points[1:][same]
    owner = region[part[ring[:-1][same]]].astype(np.int64)
    x0, y0, x1, y1, owner = _bent(start, stop, owner=owner, grid=grid, transformer=transformer)
    order = np.argsort(owner, kind="stable")
    counts = np.bincount(owner, minlength=len(geometry)).astype(np.int64)
    return np.column_stack([x0, y0, x1, y1])[order], counts


def _boxes(edges: Floats, starts: Ints) -> Ints:
    """Return the boxes of `Outlines`; every region has edges."""
    low = np.floor(np.minimum.reduceat(np.minimum(edges[:, :2], edges[:, 2:]), starts))
    high = np.ceil(np.maximum.reduceat(np.maximum(edges[:, :2], edges[:, 2:]), starts))
    high = np.maximum(high, low + 1)
    return np.column_stack([low[:, 1], high[:, 1], low[:, 0], high[:, 0]]).astype(np.int64)


def _bent(
    start: Floats, stop: Floats, *, owner: Ints, grid: Grid, transformer: Transformer
) -> tuple[Floats, Floats, Floats, Floats, Ints]:
    """Transform edges to cells, halving those that the transformation bends."""

    def cells(points: Floats) -> Floats:
        x, y = transformer.transform(points[:, 0], points[:, 1])
        place = np.column_stack(grid.to_cells(np.asarray(x), np.asarray(y)))
        if not np.isfinite(place).all():
            raise ValueError(grid.crs.name)
        return place

    a, b = cells(start), cells(stop)
    key = np.arange(len(owner), dtype=np.float64)  # keeps the order of edges along each ring
    done: list[tuple[Floats, Floats, Floats, Ints]] = []
    for halving in range(MAX_HALVINGS + 1):
        middle = (start + stop) / 2
        mapped = cells(middle)
        # An edge bent like an S has its middle in place: both quarters are looked at too, so that
        # the decision is the same for the neighbour, who walks along the edge from its other end.
        stray = np.abs(mapped - (a + b) / 2).max(axis=1)
        for near, far, p, q in ((start, stop, a, b), (stop, start, b, a)):
            quarter = cells(0.75 * near + 0.25 * far) - (0.75 * p + 0.25 * q)
            stray = np.maximum(stray, np.abs(quarter).max(axis=1))
        fine = stray <= TOLERANCE_CELLS
        if halving == MAX_HALVINGS:
            if stray.max(initial=0.0) > TORN_CELLS:
                raise ValueError(grid.crs.name)
            fine[:] = True
        done.append((key[fine], a[fine], b[fine], owner[fine]))
        if fine.all():
            break
        bad = ~fine
        half = 0.5 ** (halving + 1)
        start, stop, a, b, key, owner = (
            np.concatenate([start[bad], middle[bad]]),
            np.concatenate([middle[bad], stop[bad]]),
            np.concatenate([a[bad], mapped[bad]]),
            np.concatenate([mapped[bad], b[bad]]),
            np.concatenate([key[bad], key[bad] + half]),
            np.concatenate([owner[bad], owner[bad]]),
        )
    keys, firsts, lasts, owners = (np.concatenate(column) for column in zip(*done, strict=True))
    order = np.argsort(keys, kind="stable")
    first, last = firsts[order], lasts[order]
    return first[:, 0], first[:, 1], last[:, 0], last[:, 1], owners[order]


def area_beyond(outline: Outlines, grid: Grid) -> Floats:
    """Return the true area of each region that lies beyond the raster.

    Returns
    -------
    ndarray, dims (region) [m²]

    Raises
    ------
    ValueError
        If the grid's projection cannot be inverted there.

    Notes
    -----
    By Green's theorem the area of a polygon is ``∮ λ dQ`` (see `authalic_position`). Its part
    inside a box is the same integral over the outline clamped to the box, so the part beyond is
    the sum of the differences; pieces of the outline inside the box cancel to exactly 0.
    """
    boxes, last = outline.boxes, np.array([grid.height, grid.width])
    leaves = (boxes[:, [0, 2]] < 0).any(axis=1) | (boxes[:, [1, 3]] > last).any(axis=1)
    beyond = np.zeros(outline.count)
    for region in np.flatnonzero(leaves):
        edges = outline.edges[outline.starts[region] : outline.starts[region + 1]]
        beyond[region] = _beyond(edges, grid)
    return beyond


def _beyond(edges: Floats, grid: Grid) -> float:
    for axis, limit in ((0, 0.0), (0, float(grid.width)), (1, 0.0), (1, float(grid.height))):
        edges = _split(edges, axis, limit=limit)
    size = np.array([grid.width, grid.height, grid.width, grid.height], dtype=np.float64)
    edges = edges[((edges < 0) | (edges > size)).any(axis=1)]
    metres = np.array([abs(grid.dx), abs(grid.dy)]) * grid.unit
    metres *= EARTH_RADIUS_M if grid.crs.is_geographic else 1.0
    length = np.abs((edges[:, 2:] - edges[:, :2]) * metres).max(axis=1)
    pieces = np.maximum(1, np.ceil(length / PIECE_M)).astype(np.int64)
    owner = np.repeat(np.arange(len(edges)), pieces)
    step = np.arange(len(owner)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    t0, t1 = (step / pieces[owner])[:, None], ((step + 1) / pieces[owner])[:, None]
    first, across = edges[owner, :2], edges[owner, 2:] - edges[owner, :2]
    start, stop = first + t0 * across, first + t1 * across
    if not len(start):
        return 0.0
    reference = float(authalic_position(grid, start[:1, 0], rows=start[:1, 1])[0][0])
    whole = _integral(start, stop, grid=grid, reference=reference)
    start, stop = np.clip(start, 0, size[:2]), np.clip(stop, 0, size[:2])
    beyond = abs(whole - _integral(start, stop, grid=grid, reference=reference))
    if not np.isfinite(beyond):
        raise ValueError(grid.crs.name)
    return beyond


def _integral(start: Floats, stop: Floats, *, grid: Grid, reference: float) -> float:
    """Return ``Σ λ ΔQ`` over pieces, longitudes relative to a reference [m²]."""
    lon0, q0 = authalic_position(grid, start[:, 0], rows=start[:, 1])
    lon1, q1 = authalic_position(grid, stop[:, 0], rows=stop[:, 1])
    turn = 2 * np.pi
    lon0, lon1 = (np.remainder(lon - reference + np.pi, turn) - np.pi for lon in (lon0, lon1))
    return float(np.sum((lon0 + lon1) / 2 * (q1 - q0)))


def _split(edges: Floats, axis: int, *, limit: float) -> Floats:
    """Cut edges where they cross a border line of the raster."""
    a, b = edges[:, axis], edges[:, axis + 2]
    crosses = (a < limit) & (b > limit) | (a > limit) & (b < limit)
    if not crosses.any():
        return edges
    cut = edges[crosses]
    t = (limit - cut[:, axis]) / (cut[:, axis + 2] - cut[:, axis])
    point = cut[:, :2] + t[:, None] * (cut[:, 2:] - cut[:, :2])
    point[:, axis] = limit
    halves = np.concatenate([np.hstack([cut[:, :2], point]), np.hstack([point, cut[:, 2:]])])
    return np.concatenate([edges[~crosses], halves])
