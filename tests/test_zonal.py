"""The kernel against exact arithmetic: which part of which cell belongs to a polygon.

Every cell of the small test rasters has a path of its own (two years, base 256), so the joint
table tells the coverage of each cell. The truth is computed with fractions, without rounding.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sinks.joint import JointTable
from sinks.zonal import MANY, SNAP
from tests.rasters import joint_of, load, write_raster

WIDTH, HEIGHT = 13, 11
Point = tuple[Fraction, Fraction]


@pytest.fixture(scope="module")
def numbered(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Any]:
    """Two years that number the cells: row r is y = −r … −r−1, cells are 1 m."""
    folder = tmp_path_factory.mktemp("numbered")
    cell = np.arange(WIDTH * HEIGHT).reshape(HEIGHT, WIDTH)
    first = write_raster(folder / "low.tif", (cell % 256).astype(np.uint8))
    second = write_raster(folder / "high.tif", (cell // 256 + 1).astype(np.uint8))
    sources: dict[int, Any] = load({2010: first, 2015: second})
    return sources


def quanta(joint: JointTable, count: int = 1, shape: tuple[int, int] = (HEIGHT, WIDTH)) -> Any:
    """Return the area of each cell in each region, dims (region, row, column) [quanta]."""
    low, high = joint.paths[joint.path].astype(np.int64).T
    out = np.zeros((count, shape[0] * shape[1]), np.int64)
    np.add.at(out, (joint.region, low + 256 * (high - 1)), joint.area)
    return out.reshape(count, *shape)


# ---------------------------------------------------------------- the truth


def clipped(ring: list[Point], axis: int, limit: int, keep_above: bool) -> list[Point]:
    """Cut a ring at a line; what is left may run along the line, which adds no area."""

    def inside(point: Point) -> bool:
        return point[axis] >= limit if keep_above else point[axis] <= limit

    out: list[Point] = []
    for before, point in zip(ring[-1:] + ring[:-1], ring, strict=True):
        if inside(before) != inside(point):
            t = (limit - before[axis]) / (point[axis] - before[axis])
            out.append(tuple(b + t * (p - b) for b, p in zip(before, point, strict=True)))
        if inside(point):
            out.append(point)
    return out


def ring_area(ring: list[Point]) -> Fraction:
    pairs = zip(ring[-1:] + ring[:-1], ring, strict=True)
    return sum((a[0] * b[1] - b[0] * a[1] for a, b in pairs), Fraction(0)) / 2


def true_coverage(polygon: Any, width: int = WIDTH, height: int = HEIGHT) -> Any:
    """Return the covered part of each cell, by cutting every ring to every cell's square."""
    out = np.zeros((height, width))
    for part in shapely.get_parts(polygon):
        for i, ring in enumerate([part.exterior, *part.interiors]):
            west, south, east, north = ring.bounds
            points = [(Fraction(x), Fraction(-y)) for x, y in ring.coords[:-1]]
            for row in range(max(0, math.floor(-north)), min(height, math.ceil(-south))):
                strip = clipped(clipped(points, 1, row, True), 1, row + 1, False)
                for col in range(max(0, math.floor(west)), min(width, math.ceil(east))):
                    piece = clipped(clipped(strip, 0, col, True), 0, col + 1, False)
                    out[row, col] += (1 if i == 0 else -1) * abs(ring_area(piece))
    return out


def agree(found: Any, truth: Any) -> bool:
    """Tell whether coverages agree to 1e-12; what nearly fills or misses a cell may snap."""
    snaps = np.minimum(np.abs(truth), np.abs(1 - truth)) < 1.01 * SNAP
    return bool((np.abs(found - truth) <= np.where(snaps, 1.01 * SNAP, 1e-12)).all())


def covered(numbered: dict[int, Any], polygon: Any, exact: bool = True) -> Any:
    joint = joint_of(numbered, [polygon], exact=exact)
    return quanta(joint)[0] * joint.quantum


# ---------------------------------------------------------------- random polygons


def coordinate(low: float, high: float) -> st.SearchStrategy[float]:
    """Return numbers of every kind: on cell corners, on centres, anywhere."""
    quarters = st.integers(int(4 * low), int(4 * high)).map(lambda n: n / 4)
    return st.one_of(quarters, st.floats(low, high))


@st.composite
def pieces(draw: Any) -> Any:
    """Draw a box or a triangle on, across or beyond the raster; some smaller than a cell."""
    size = draw(st.sampled_from([0.3, 3.0, 12.0]))
    x, y = draw(coordinate(-2, WIDTH + 1)), draw(coordinate(-HEIGHT - 1, 2))
    if draw(st.booleans()):
        return shapely.box(x, y, x + draw(coordinate(0.0, size)), y + draw(coordinate(0.0, size)))
    corners = [
        (x + draw(coordinate(-size, size)), y + draw(coordinate(-size, size))) for _ in range(3)
    ]
    return shapely.Polygon(corners)


@st.composite
def polygons(draw: Any) -> Any:
    """Draw polygons with holes, parts, horizontal and vertical edges, corners on corners."""
    shape = draw(pieces())
    for piece in draw(st.lists(st.tuples(st.booleans(), pieces()), max_size=5)):
        shape = shape | piece[1] if piece[0] else shape - piece[1]
    parts = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon"]
    shape = shapely.MultiPolygon([part for part in parts if part.area > 0])
    assume(not shape.is_empty and shape.is_valid)
    return shape


@given(polygon=polygons())
@settings(max_examples=60, deadline=None)
def test_coverage_is_exact(numbered: dict[int, Any], polygon: Any) -> None:
    assert agree(covered(numbered, polygon), true_coverage(polygon))


@given(
    base=st.tuples(coordinate(0, WIDTH), coordinate(-HEIGHT, 0)),
    tip=st.tuples(coordinate(0, WIDTH), coordinate(-HEIGHT, 0)),
    thin=st.sampled_from([1e-3, 1e-7, 1e-12]),
)
@settings(max_examples=30, deadline=None)
def test_slivers(
    numbered: dict[int, Any], base: tuple[float, float], tip: tuple[float, float], thin: float
) -> None:
    sliver = shapely.Polygon([base, tip, (base[0] + thin, base[1] + thin / 3)])
    assume(sliver.is_valid and sliver.area > 0)
    assert agree(covered(numbered, sliver), true_coverage(sliver))


def test_agreement_with_shapely_on_a_star(numbered: dict[int, Any]) -> None:
    turn = np.linspace(0, 2 * np.pi, 401)[:-1]
    ray = 3.5 + 1.5 * np.sin(9 * turn)
    star = shapely.Polygon(np.column_stack([6.3 + ray * np.cos(turn), -5.4 + ray * np.sin(turn)]))
    col, row = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    truth = shapely.area(shapely.intersection(star, shapely.box(col, -row - 1, col + 1, -row)))
    assert agree(covered(numbered, star), truth)
    assert 0.2 < (np.abs(truth - 0.5) < 0.5 - 1e-6).mean() < 0.8, "border and inner cells"


@pytest.mark.parametrize(
    ("polygon", "cells"),
    [
        (shapely.box(2, -5, 4, -3), {(3, 2): 1.0, (3, 3): 1.0, (4, 2): 1.0, (4, 3): 1.0}),
        (shapely.box(2.25, -3.5, 2.5, -3.25), {(3, 2): 0.0625}),
        (shapely.box(0, -0.5, 3, 0), {(0, 0): 0.5, (0, 1): 0.5, (0, 2): 0.5}),
        (shapely.box(1, -3, 1.5, -1), {(1, 1): 0.5, (2, 1): 0.5}),
        (shapely.Polygon([(0, 0), (1, 0), (0, -1)]), {(0, 0): 0.5}),
        (shapely.Polygon([(5, -5), (6, -4), (7, -5), (6, -6)]),
         {(4, 5): 0.5, (4, 6): 0.5, (5, 5): 0.5, (5, 6): 0.5}),
        (shapely.box(-3, -1, 0.25, 3), {(0, 0): 0.25}),
        (shapely.box(2, -3, 5, 0) - shapely.box(3, -2, 4, -1),
         {(r, c): 1.0 for r in range(3) for c in (2, 3, 4) if (r, c) != (1, 3)}),
    ],
)  # fmt: skip
def test_polygons_worked_by_hand(
    numbered: dict[int, Any], polygon: Any, cells: dict[tuple[int, int], float]
) -> None:
    found = covered(numbered, polygon)
    expected = np.zeros((HEIGHT, WIDTH))
    for place, part in cells.items():
        expected[place] = part
    assert np.abs(found - expected).max() < 1e-15


def test_a_polygon_beyond_the_raster_covers_nothing(numbered: dict[int, Any]) -> None:
    joint = joint_of(numbered, [shapely.box(20, -5, 25, -2), shapely.box(1, 1, 5, 5)])
    assert joint.area.size == 0


def test_a_row_with_very_many_border_pieces(tmp_path: Path) -> None:
    """A comb whose teeth cross one row hundreds of times: the other way of sorting."""
    width = 120
    cell = np.arange(2 * width).reshape(2, width)
    sources = load(
        {
            2010: write_raster(tmp_path / "a.tif", (cell % 256).astype(np.uint8)),
            2015: write_raster(tmp_path / "b.tif", (cell // 256 + 1).astype(np.uint8)),
        }
    )
    teeth = [(0.0, -0.1)]
    for i in range(width - 1):
        teeth += [(i + 0.3, -1.9), (i + 0.7, -0.4)]
    comb = shapely.Polygon([*teeth, (width - 1.0, 0.0), (0.0, 0.0)])
    assert comb.is_valid
    assert len(teeth) > 2 * MANY
    joint = joint_of(sources, [comb])
    found = quanta(joint, shape=(2, width))[0] * joint.quantum
    assert agree(found, true_coverage(comb, width, 2))


# ---------------------------------------------------------------- tiles


@cache
def rectangle() -> Any:
    return shapely.box(0, -HEIGHT, WIDTH, 0)


def between(low: int, high: int) -> st.SearchStrategy[float]:
    """Return numbers that are nowhere so near to each other that triangulation fails."""
    return st.one_of(
        st.integers(2 * low, 2 * high).map(lambda n: n / 2),
        st.integers(1000 * low, 1000 * high).map(lambda n: n / 1000),
    )


@st.composite
def tilings(draw: Any) -> list[Any]:
    """Draw triangles that fill the raster without a gap, corners on corners."""
    inner = draw(
        st.lists(st.tuples(between(0, WIDTH), between(-HEIGHT, 0)), min_size=1, max_size=9)
    )
    corners = list(rectangle().exterior.coords[:-1])
    triangles = shapely.delaunay_triangles(shapely.MultiPoint([*corners, *inner]))
    tiles = [tile for tile in triangles.geoms if tile.area > 0]
    assume(sum(tile.area for tile in tiles) == pytest.approx(WIDTH * HEIGHT, rel=1e-12))
    return tiles


@given(tiles=tilings())
@settings(max_examples=30, deadline=None)
def test_tiles_fill_every_cell(numbered: dict[int, Any], tiles: list[Any]) -> None:
    whole = joint_of(numbered, [rectangle()])
    parts = joint_of(numbered, tiles)
    assert whole.quantum == parts.quantum
    cell = quanta(whole)[0]
    by_tile = quanta(parts, len(tiles))
    touching = (by_tile > 0).sum(axis=0)
    gap = np.abs(by_tile.sum(axis=0) - cell)
    alone = np.array([[inside(tiles, row, col) for col in range(WIDTH)] for row in range(HEIGHT)])
    assert (gap[alone] == 0).all(), "cells of one tile are counted to the last quantum"
    # A border cell is rounded once per tile; slips of a tile that small are not counted.
    slips = len(tiles) * SNAP * cell
    assert (gap <= touching * (0.5 + cell * 2.0**-50) + slips).all()


def inside(tiles: list[Any], row: int, col: int) -> bool:
    box = shapely.box(col - 1e-6, -row - 1 - 1e-6, col + 1 + 1e-6, -row + 1e-6)
    clip = box & rectangle()
    return any(tile.contains(clip) for tile in tiles)


@given(tiles=tilings())
@settings(max_examples=30, deadline=None)
def test_every_centre_belongs_to_one_tile(numbered: dict[int, Any], tiles: list[Any]) -> None:
    """Also where a border runs right through it: half of the coordinates are on the centres."""
    joint = joint_of(numbered, tiles, exact=False)
    by_tile = quanta(joint, len(tiles))
    assert (by_tile > 0).sum(axis=0).tolist() == [[1] * WIDTH] * HEIGHT
    whole = quanta(joint_of(numbered, [rectangle()], exact=False))[0]
    assert np.array_equal(by_tile.sum(axis=0), whole)


# ---------------------------------------------------------------- the centre rule


@given(polygon=polygons())
@settings(max_examples=60, deadline=None)
def test_centre_rule_is_point_in_polygon(numbered: dict[int, Any], polygon: Any) -> None:
    col, row = np.meshgrid(np.arange(WIDTH) + 0.5, -np.arange(HEIGHT) - 0.5)
    with np.errstate(all="ignore"):  # edges may be shorter than any normal number
        on_border = shapely.distance(polygon.boundary, shapely.points(col, row)) < 1e-9
    truth = shapely.contains_xy(polygon, col, row)
    found = covered(numbered, polygon, exact=False)
    assert set(np.unique(found).tolist()) <= {0.0, 1.0}
    assert np.array_equal((found > 0)[~on_border], truth[~on_border])


def test_centres_on_a_border_are_half_open(numbered: dict[int, Any]) -> None:
    """The left and the upper border count, the right and the lower one do not."""
    found = covered(numbered, shapely.box(1.5, -6.5, 4.5, -2.5), exact=False)
    assert np.argwhere(found > 0).tolist() == [[r, c] for r in range(2, 6) for c in range(1, 4)]


def test_a_polygon_without_a_centre_has_no_area_by_the_centre_rule(
    numbered: dict[int, Any],
) -> None:
    small = shapely.box(2.1, -3.4, 2.4, -3.1)
    assert joint_of(numbered, [small], exact=False).area.size == 0
    assert covered(numbered, small)[3, 2] == pytest.approx(0.09, abs=1e-13)
