"""A second, slow way to the same areas: cell by cell with shapely, for the smallest regions.

The kernel of `sinks.zonal` is fast because it never looks at a cell twice; here every cell is a
polygon that is cut with the region, and plain sums go by class. Both must agree to the last digits.
A third way, the area of the region's polygon on the ellipsoid, checks outlines and cell areas too.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely

from sinks.grid import Grid, cell_areas
from sinks.inputs import Inputs
from sinks.landcover.activity import Activity
from sinks.outlines import EARTH_RADIUS_M, Outlines, outlines
from sinks.raster import read_window
from sinks.units import M2_PER_HA

Floats = npt.NDArray[np.float64]
Window = tuple[int, int, int, int]

#: Stands for codes that no class has; none is inside a region.
OTHER: Final = "?"
#: Regions that are computed a second time.
SAMPLE: Final = 3
#: Cells that they may have together: as many, or a part of a raster that is larger, to a ceiling.
MOST_CELLS: Final = (150_000, 1_000_000)
RASTER_SHARE: Final = 5_000
#: Cells that are polygons at one time.
CELLS_AT_ONCE: Final = 1 << 15
#: The same county has the same area on any grid within this part of it by design.
AREA_ROOM: Final = 1e-4
#: Pieces into which edges are cut before they are taken for geodesics [m] and [degrees].
PIECE_M: Final = 1_000.0
PIECE_DEGREES: Final = 0.01


@dataclass(frozen=True)
class Recount:
    """A region computed a second time.

    Attributes
    ----------
    code : str
    cells : int
        Cells looked at.
    worst : float
        Largest difference of a class's area between both ways, over the region's area.
    """

    code: str
    cells: int
    worst: float


@dataclass(frozen=True)
class Polygon:
    """A region's area by its polygon.

    Attributes
    ----------
    code : str
    hectares : float
    room : float
        By how much the raster's answer may differ from it, relative.
    """

    code: str
    hectares: float
    room: float


def recounts(inputs: Inputs, activity: Activity) -> list[Recount]:
    """Compute the areas of the smallest regions a second time.

    Parameters
    ----------
    inputs : Inputs
    activity : Activity
        What the kernel found.

    Returns
    -------
    list of Recount
        Smallest region first; empty if all have too many cells.
    """
    inside = activity.coverage["inside"].values
    order = [int(i) for i in np.argsort(inside, kind="stable") if inside[i] > 0][:SAMPLE]
    if not order:
        return []
    grid = next(iter(inputs.sources.values())).grid
    shapes = np.asarray(inputs.regions.frame.geometry.values)[order]
    outline = outlines(shapes, grid, transformer=inputs.transformer)
    window = _window(inputs, grid)
    most = min(max(MOST_CELLS[0], grid.width * grid.height // RASTER_SHARE), MOST_CELLS[1])
    found = []
    for place, region in enumerate(order):
        box = _on_raster(outline.boxes[place].tolist(), grid)
        cells = (box[1] - box[0]) * (box[3] - box[2])
        if cells > most:
            continue
        most -= cells
        weights = _coverage(outline, place, box=box, exact=_exact(inputs))
        weights *= _cell_areas(grid, box, window=window)
        worst = _difference(_sums(inputs, weights, box=box), activity, region=region)
        found.append(Recount(inputs.regions.codes[region], cells, worst))
    return found


def _exact(inputs: Inputs) -> bool:
    return inputs.study.landcover.coverage == "exact"


def _on_raster(box: Sequence[int], grid: Grid) -> Window:
    """Return first and last row, first and last column of a box, cut to the raster."""
    rows = [min(max(int(value), 0), grid.height) for value in box[:2]]
    cols = [min(max(int(value), 0), grid.width) for value in box[2:]]
    return rows[0], rows[1], cols[0], cols[1]


def _window(inputs: Inputs, grid: Grid) -> Window:
    """Return the window of all regions: whether a projection is equal-area is decided on it."""
    bounds = inputs.transformer.transform_bounds(*inputs.regions.frame.total_bounds)
    x, y = np.array(bounds[::2]), np.array(bounds[1::2])
    cols, rows = grid.to_cells(x, y)
    box = (math.floor(rows.min()), math.ceil(rows.max()),
           math.floor(cols.min()), math.ceil(cols.max()))  # fmt: skip
    row0, row1, col0, col1 = _on_raster(box, grid)
    return row0, max(row1, row0 + 1), col0, max(col1, col0 + 1)


def _rings(outline: Outlines, region: int) -> Iterator[Floats]:
    """Yield the rings of a region as points, from its edges in their order."""
    edges = outline.edges[outline.starts[region] : outline.starts[region + 1]]
    first = 0
    for i in range(1, len(edges) + 1):
        if i == len(edges) or (edges[i, :2] != edges[i - 1, 2:]).any():
            yield np.vstack([edges[first:i, :2], edges[i - 1, 2:]])
            first = i


def _turn(ring: Floats) -> float:
    """Return twice the signed area of a ring."""
    x, y = (ring - ring[0]).T
    return float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]))


def _coverage(outline: Outlines, region: int, *, box: Window, exact: bool) -> Floats:
    """Return the part of every cell of a box that belongs to a region, dims (row, column)."""
    rings = list(_rings(outline, region))
    turns = [_turn(ring) for ring in rings]
    sense = math.copysign(1.0, max(turns, key=abs))  # the largest ring is no hole
    origin = np.array([box[2], box[0]], dtype=np.float64)
    shape = (box[1] - box[0], box[3] - box[2])
    total = np.zeros(shape)
    for ring, turn in zip(rings, turns, strict=True):
        part = _covered(ring - origin, shape) if exact else _centred(ring - origin, shape)
        total += math.copysign(1.0, turn) * sense * part
    return total


def _covered(ring: Floats, shape: tuple[int, int]) -> Floats:
    """Return the part of every cell inside one ring: cells are cut where they meet the border."""
    polygon = shapely.Polygon(ring)
    shapely.prepare(polygon)
    part = np.zeros(shape)
    height = max(1, CELLS_AT_ONCE // shape[1])
    for row in range(0, shape[0], height):
        cols, rows = np.meshgrid(np.arange(shape[1]), np.arange(row, min(row + height, shape[0])))
        cells = shapely.box(cols, rows, cols + 1, rows + 1)
        own = shapely.contains_properly(polygon, cells).astype(np.float64)
        border = (own == 0) & shapely.intersects(polygon, cells)
        own[border] = shapely.area(shapely.intersection(polygon, cells[border]))
        part[row : row + height] = own
    return part


def _centred(ring: Floats, shape: tuple[int, int]) -> Floats:
    """Return 1 where a cell's centre lies inside one ring, by counting crossings to its left."""
    start, stop = ring[:-1], ring[1:]
    part = np.zeros(shape)
    for row in range(shape[0]):
        y = row + 0.5
        low, high = np.minimum(start[:, 1], stop[:, 1]), np.maximum(start[:, 1], stop[:, 1])
        a, b = start[(low <= y) & (y < high)], stop[(low <= y) & (y < high)]
        x = np.sort(a[:, 0] + (y - a[:, 1]) * (b[:, 0] - a[:, 0]) / (b[:, 1] - a[:, 1]))
        left = np.searchsorted(x, np.arange(shape[1]) + 0.5, side="right")
        part[row] = left % 2
    return part


def _cell_areas(grid: Grid, box: Window, *, window: Window) -> Floats:
    """Return the true area of every cell of a box [m²], dims (row, column)."""
    areas = cell_areas(grid, window)
    nodes, at_nodes = areas.col_nodes, areas.at_rows(box[0], box[1])
    centres = np.arange(box[2], box[3]) + 0.5
    return np.stack([np.interp(centres, nodes, row) for row in at_nodes])


def _sums(inputs: Inputs, weights: Floats, *, box: Window) -> dict[tuple[Any, ...], float]:
    """Sum the weights of cells by stratum and year, and by what is valid [ha]."""
    years = list(inputs.sources)
    classes = [_strata(inputs, year, box=box) for year in years]
    sums: dict[tuple[Any, ...], float] = defaultdict(float)
    for weight, *strata in zip(weights.ravel().tolist(), *classes, strict=True):
        if weight == 0:
            continue
        hectares = weight / M2_PER_HA
        sums["inside",] += hectares
        for year, stratum in zip(years, strata, strict=True):
            if stratum is not None:
                sums["valid", year] += hectares
                if None not in strata:
                    sums["area", stratum, year] += hectares
    return sums


def _strata(inputs: Inputs, year: int, *, box: Window) -> list[str | None]:
    """Return the stratum of every cell of a box in one year, None for no data."""
    source, legend = inputs.sources[year], inputs.legend
    with source.open() as dataset:
        values = read_window(dataset, [source.band], window=box)[0].ravel()
    strata = {code: legend.stratum_of(code) for code in legend.codes}
    blank = {*legend.nodata_codes, source.nodata}
    return [
        None if value in blank or math.isnan(value) else strata.get(value, OTHER)
        for value in values.tolist()
    ]


def _difference(sums: dict[tuple[Any, ...], float], activity: Activity, *, region: int) -> float:
    """Return the largest difference to what the kernel found, over the region's area."""
    coverage = activity.coverage.isel(region=region)
    area = activity.counted.isel(region=region)
    gaps = [abs(sums["inside",] - float(coverage["inside"]))]
    for year in area["year"].values.tolist():
        gaps.append(abs(sums["valid", year] - float(coverage["valid"].sel(year=year))))
        for stratum in area["stratum"].values.tolist():
            own = float(area.sel(stratum=stratum, year=year))
            gaps.append(abs(sums["area", stratum, year] - own))
    return max(gaps) / float(coverage["inside"])


def polygons(inputs: Inputs) -> list[Polygon]:
    """Compute the area of every region on the ellipsoid from its polygon alone.

    Notes
    -----
    Karney's geodesic area (GeographicLib through PROJ), after cutting edges into pieces so short
    that a line of the regions' own CRS and a geodesic are one.
    """
    frame = inputs.regions.frame
    crs, unit = frame.crs, frame.crs.axis_info[0].unit_conversion_factor
    piece = math.radians(PIECE_DEGREES) if crs.is_geographic else PIECE_M
    pieces = frame.geometry.segmentize(piece / unit)
    if crs.is_geographic:
        lonlat = shapely.transform(pieces.values, lambda points: points * math.degrees(unit))
    else:
        lonlat = pieces.to_crs(crs.geodetic_crs).values
    geod = crs.get_geod()
    grid = next(iter(inputs.sources.values())).grid
    border = 0.0 if _exact(inputs) else _cell_side(grid) / 2
    found = []
    for code, shape in zip(
        inputs.regions.codes, shapely.orient_polygons(np.asarray(lonlat)), strict=True
    ):
        area, perimeter = geod.geometry_area_perimeter(shape)
        room = max(AREA_ROOM, border * perimeter / area)
        found.append(Polygon(code, area / M2_PER_HA, room))
    return found


def _cell_side(grid: Grid) -> float:
    """Return about how long a cell is [m]."""
    radius = EARTH_RADIUS_M if grid.crs.is_geographic else 1.0
    return max(abs(grid.dx), abs(grid.dy)) * grid.unit * radius
