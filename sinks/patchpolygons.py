"""Patches of change as polygons: traced strip by strip, joined at the seams, cut by regions."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Final

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from rasterio.features import shapes
from scipy.sparse import coo_array

from sinks.boundaries.geopackage import append_geopackage
from sinks.grid import Grid, authalic_position
from sinks.inputs import Inputs
from sinks.landcover.activity import Pair
from sinks.landcover.change import change_classes
from sinks.units import HA_PER_MU, M2_PER_HA

Shapes = npt.NDArray[np.object_]
Keys = npt.NDArray[np.int32]

#: Polygons that are in memory before they are written.
AT_ONCE: Final = 20_000
#: Edges of regions are cut into so many parts of their frame before they change their CRS.
PIECES: Final = 4096
#: What an outline leaves of a patch that only touches it is no land [ha].
SLIVER_HA: Final = 1e-6


def key_of(
    codes: npt.NDArray[np.uint8], before: npt.NDArray[np.uint8], *, after: npt.NDArray[np.uint8]
) -> Keys:
    """Return what makes cells one patch: their class of change and both strata; never 0."""
    wide = (part.astype(np.int32) for part in (codes, before, after))
    code, first, last = wide
    return np.asarray((code << 16) + (first << 8) + last, np.int32)


class Patches:
    """Writes the patches of one pair of years into a layer, as they are completed.

    Parameters
    ----------
    inputs : Inputs
    pair : (int, int)
    grid : Grid
        Of the rows that will come.
    path : Path
        The GeoPackage; the layer is ``changes_START_END``.
    """

    def __init__(self, inputs: Inputs, pair: Pair, *, grid: Grid, path: Path) -> None:
        self._pair, self._path, self._grid = pair, path, grid
        self._strata = np.array(inputs.legend.strata, dtype=object)
        self._names = {kind.code: kind.name for kind in change_classes()}
        frame = inputs.regions.frame
        self._codes = frame["region_code"].to_numpy(dtype=object)
        self._titles = frame["region_name"].to_numpy(dtype=object)
        self._regions = _moved(np.asarray(frame.geometry.values), inputs.transformer)
        shapely.prepare(self._regions)
        self._tree = shapely.STRtree(self._regions)
        self._open: tuple[Shapes, Keys] = (np.zeros(0, object), np.zeros(0, np.int32))
        self._done: list[tuple[Shapes, Keys]] = []
        self._written = False

    def __enter__(self) -> Patches:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        if kind is None:
            self._done.append(self._open)
            self._flush()

    def add(self, keys: Keys, first: int) -> None:
        """Add a strip of keys whose first row is `first`; strips come from the top, without gaps.

        Patches are joined along sides of cells; one that ends before the last row is complete.
        """
        traced = list(shapes(keys, mask=keys > 0, connectivity=4))
        geometry = shapely.from_geojson([_geojson(item) for item, _ in traced])
        geometry = shapely.transform(geometry, lambda xy: xy + np.array([0.0, float(first)]))
        own = np.array([value for _, value in traced], np.int32)
        geometry, own = _joined(self._open, (geometry, own), seam=float(first))
        last = float(first + len(keys))
        reaches = shapely.bounds(geometry).reshape(-1, 4)[:, 3] >= last
        self._open = geometry[reaches], own[reaches]
        self._done.append((geometry[~reaches], own[~reaches]))
        if sum(len(part) for part, _ in self._done) >= AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        """Cut what is complete by the regions and write it."""
        geometry, keys = (np.concatenate(side) for side in zip(*self._done, strict=True))
        self._done = []
        grid = self._grid
        corner, step = np.array([grid.x0, grid.y0]), np.array([grid.dx, grid.dy])
        geometry = shapely.transform(geometry, lambda xy: corner + xy * step)
        region, patch = self._tree.query(geometry, predicate="intersects")[::-1]
        order = np.lexsort((patch, region))
        region, patch = region[order], patch[order]
        cut = geometry[patch]
        across = ~shapely.contains_properly(self._regions[region], cut)
        cut[across] = _polygonal(shapely.intersection(cut[across], self._regions[region[across]]))
        size = _hectares(cut, grid)
        kept = size > SLIVER_HA
        if self._written and not kept.any():
            return
        frame = self._frame(cut[kept], region[kept], keys=keys[patch[kept]], size=size[kept])
        layer = "changes_{}_{}".format(*self._pair)
        append_geopackage(frame, self._path, layer=layer, more=self._written)
        self._written = True

    def _frame(
        self, geometry: Shapes, region: npt.NDArray[Any], *, keys: Keys,
        size: npt.NDArray[np.float64],
    ) -> gpd.GeoDataFrame:  # fmt: skip
        code, before, after = keys >> 16, keys >> 8 & 255, keys & 255
        return gpd.GeoDataFrame(
            {
                "region_code": self._codes[region], "region_name": self._titles[region],
                "start": np.full(len(keys), self._pair[0]),
                "end": np.full(len(keys), self._pair[1]),
                "from_stratum": self._strata[before], "to_stratum": self._strata[after],
                "change_class": np.array([self._names[i] for i in code.tolist()], dtype=object),
                "area_ha": size, "area_mu": size / HA_PER_MU,
            },
            geometry=_multi(geometry), crs=self._grid.wkt,
        )  # fmt: skip


def _hectares(geometry: Shapes, grid: Grid) -> npt.NDArray[np.float64]:
    """Return the true area of polygons in a grid's CRS [ha].

    In the plane of longitude and authalic area sides of cells are all but straight.
    """
    middle = authalic_position(grid, np.array([grid.width / 2]), rows=np.array([grid.height / 2]))

    def place(xy: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        cols, rows = grid.to_cells(xy[:, 0], xy[:, 1])
        lon, area = authalic_position(grid, cols, rows=rows)
        east = np.remainder(lon - middle[0] + np.pi, 2 * np.pi) - np.pi
        return np.column_stack([east, area - middle[1]])

    if not len(geometry):
        return np.zeros(0)
    return np.asarray(shapely.area(shapely.transform(geometry, place)) / M2_PER_HA)


def _geojson(item: dict[str, Any]) -> str:
    rings = [[[int(x), int(y)] for x, y in ring] for ring in item["coordinates"]]
    return f'{{"type":"Polygon","coordinates":{rings}}}'


def _multi(geometry: Shapes) -> Shapes:
    """Return multipolygons of polygons and multipolygons: a layer holds one type."""
    parts, owner = shapely.get_parts(geometry, return_index=True)
    return np.asarray(shapely.multipolygons(parts, indices=owner))


def _joined(
    above: tuple[Shapes, Keys], below: tuple[Shapes, Keys], *, seam: float
) -> tuple[Shapes, Keys]:
    """Join the patches on both sides of a seam that share a part of it and a key."""
    geometry = np.concatenate([above[0], below[0]])
    keys = np.concatenate([above[1], below[1]])
    if not len(above[0]) or not len(below[0]):
        return geometry, keys
    touching = np.flatnonzero(shapely.bounds(below[0])[:, 1] <= seam)
    line = shapely.LineString([(-1.0, seam), (1e9, seam)])
    tree = shapely.STRtree(above[0])
    lower, upper = tree.query(below[0][touching], predicate="intersects")
    lower = touching[lower]
    same = above[1][upper] == below[1][lower]
    lower, upper = lower[same], upper[same]
    shared = shapely.intersection(shapely.intersection(above[0][upper], line), below[0][lower])
    real = shapely.length(shared) > 0.5  # at a corner alone they stay apart
    lower, upper = lower[real] + len(above[0]), upper[real]
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415 - slow to load

    graph = coo_array((np.ones(len(lower)), (lower, upper)), shape=(len(keys), len(keys)))
    count, group = connected_components(graph, directed=False)
    order = np.argsort(group, kind="stable")
    sizes = np.bincount(group, minlength=count)
    starts = np.cumsum(sizes) - sizes
    out = geometry[order[starts]]
    for place in np.flatnonzero(sizes > 1).tolist():
        own = order[starts[place] : starts[place] + sizes[place]]
        out[place] = shapely.union_all(geometry[own])
    return out, keys[order[starts]]


def _polygonal(cut: Shapes) -> Shapes:
    """Return the polygons of intersections: shared borders leave lines and points, too."""
    parts, owner = shapely.get_parts(cut, return_index=True)
    inner, place = shapely.get_parts(parts, return_index=True)
    flat = shapely.get_dimensions(inner) == 2
    out = np.full(len(cut), shapely.MultiPolygon(), dtype=object)
    if flat.any():
        shapely.multipolygons(inner[flat], indices=owner[place[flat]], out=out)
    return out


def _moved(regions: Shapes, transformer: Any) -> Shapes:
    """Bring regions into the raster's CRS; long edges are cut first, so that they bend with it."""
    bounds = shapely.total_bounds(regions)
    piece = max(bounds[2] - bounds[0], bounds[3] - bounds[1]) / PIECES
    cut = shapely.segmentize(regions, piece)
    moved = shapely.transform(
        cut, lambda xy: np.column_stack(transformer.transform(xy[:, 0], xy[:, 1]))
    )
    return np.asarray(shapely.make_valid(moved))
