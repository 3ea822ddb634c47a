"""Outlines: polygons as edges in cells, bent where the projection bends, and what lies beyond."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import shapely
from pyproj import CRS, Geod, Transformer

from sinks import outlines as module
from sinks.checks import Problems, Severity
from sinks.grid import Grid
from sinks.outlines import (
    TOLERANCE_CELLS,
    Outlines,
    area_beyond,
    outlines,
    transformer_between,
)
from tests.rasters import EQUAL_AREA

WGS84 = Geod(ellps="WGS84")
MERCATOR = CRS.from_epsg(3857)


def grid_of(crs: object, x0: float, y0: float, d: float, *, width: int, height: int) -> Grid:
    return Grid(CRS.from_user_input(crs).to_wkt(), x0, y0, d, -d, width, height)


def traced(shapes: list[Any], grid: Grid, crs: object | None = None) -> Outlines:
    source = grid.crs if crs is None else CRS.from_user_input(crs)
    transformer = Transformer.from_crs(source, grid.crs, always_xy=True)
    return outlines(np.array(shapes, dtype=object), grid, transformer=transformer)


def shoelace(edges: Any) -> float:
    """Return the signed area that edges enclose [cells]."""
    x0, y0, x1, y1 = edges.T
    return float((x0 * y1 - x1 * y0).sum() / 2)


# ---------------------------------------------------------------- edges


def test_edges_of_rings_holes_and_parts() -> None:
    grid = grid_of(EQUAL_AREA, 0, 100, 10, width=20, height=10)
    holed = shapely.Polygon(
        [(5, 5), (95, 5), (95, 95), (5, 95)], [[(40, 40), (60, 40), (60, 60), (40, 60)]]
    )
    pair = shapely.MultiPolygon([shapely.box(100, 0, 110, 20), shapely.box(150, 50, 170, 60)])
    backwards = shapely.Polygon([(120, 0), (120, 10), (130, 10), (130, 0)])
    outline = traced([holed, pair, backwards], grid)
    assert outline.count == 3
    assert outline.starts.tolist() == [0, 8, 16, 20]
    areas = [
        shoelace(outline.edges[a:b])
        for a, b in zip(outline.starts[:-1], outline.starts[1:], strict=True)
    ]
    # One sense for all, whatever the sense of the rings; holes take away.
    assert np.abs(areas).tolist() == pytest.approx([81 - 4, 2 + 2, 1])
    assert len({math.copysign(1, area) for area in areas}) == 1
    assert outline.boxes.tolist() == [[0, 10, 0, 10], [4, 10, 10, 17], [9, 10, 12, 13]]
    assert outline.window == (0, 10, 0, 17)


def test_every_edge_goes_on_where_one_ended() -> None:
    grid = grid_of("EPSG:32649", 300_000, 3_500_000, 100, width=5000, height=5000)
    outline = traced([shapely.box(110.0, 29.0, 113.0, 31.0)], grid, crs="EPSG:4326")
    assert len(outline.edges) > 100
    assert np.array_equal(outline.edges[:, 2:], np.roll(outline.edges[:, :2], -1, axis=0))


def test_edges_that_stay_straight_are_not_cut() -> None:
    polygon = shapely.Polygon([(110.0, 29.0), (113.0, 29.5), (112.0, 31.0)])
    for source in ("EPSG:4326", "EPSG:4490"):
        grid = grid_of("EPSG:4326", 110, 31, 0.0001, width=30_000, height=20_000)
        assert len(traced([polygon], grid, crs=source).edges) == 3


@pytest.mark.parametrize("crs", ["EPSG:32649", "EPSG:4526", "+proj=aea +lat_1=25 +lat_2=47"])
def test_bent_edges_follow_the_transformation(crs: str) -> None:
    polygon = shapely.Polygon([(110.0, 29.0), (113.0, 29.3), (112.5, 31.0), (110.2, 30.7)])
    transformer = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    x, y = transformer.transform(110.0, 31.0)
    grid = grid_of(crs, x, y, 250, width=1500, height=1500)
    outline = traced([polygon], grid, crs="EPSG:4326")
    fine = shapely.get_coordinates(shapely.segmentize(polygon, 0.0005))
    there = np.column_stack(grid.to_cells(*transformer.transform(fine[:, 0], fine[:, 1])))
    course = shapely.linestrings(outline.edges.reshape(-1, 2, 2))
    stray = shapely.distance(shapely.unary_union(course), shapely.points(there))
    assert stray.max() <= 1.1 * TOLERANCE_CELLS
    straight = shapely.Polygon(grid_ring(polygon, grid, transformer))
    assert shapely.distance(straight.exterior, shapely.points(there)).max() > 1, "bent indeed"


def grid_ring(polygon: Any, grid: Grid, transformer: Transformer) -> Any:
    corners = shapely.get_coordinates(polygon)
    return np.column_stack(grid.to_cells(*transformer.transform(corners[:, 0], corners[:, 1])))


def test_an_edge_bent_like_an_s_is_seen() -> None:
    """Across the equator the middle of the edge is in place, its quarters are not."""
    triangle = shapely.Polygon([(10.0, -20.0), (50.0, 20.0), (10.0, 20.0)])
    grid = grid_of("EPSG:3857", 0, 3e6, 1000, width=6000, height=6000)
    outline = traced([triangle], grid, crs="EPSG:4326")
    along = np.linspace(0, 1, 5001)
    x, y = Transformer.from_crs(4326, 3857, always_xy=True).transform(
        10 + 40 * along, -20 + 40 * along
    )
    there = shapely.points(np.column_stack(grid.to_cells(x, y)))
    course = shapely.unary_union(shapely.linestrings(outline.edges.reshape(-1, 2, 2)))
    assert shapely.distance(course, there).max() <= 1.1 * TOLERANCE_CELLS
    straight = shapely.LineString([there[0], there[-1]])
    assert shapely.distance(straight, there).max() > 5
    assert shapely.distance(straight, there[2500]) < 1e-6, "its middle does not tell"


def test_an_edge_is_cut_alike_from_both_ends() -> None:
    """Also where it is one end alone that bends."""
    grid = grid_of("EPSG:3857", 0, 3e6, 2000, width=6000, height=6000)
    rng = np.random.default_rng(8)
    start = np.column_stack([rng.uniform(5, 20, 300), rng.uniform(-20, 0, 300)])
    stop = np.column_stack([rng.uniform(30, 45, 300), rng.uniform(0, 20, 300)])
    below = [shapely.Polygon([a, b, (b[0], -40)]) for a, b in zip(start, stop, strict=True)]
    above = [shapely.Polygon([b, a, (a[0], 40)]) for a, b in zip(start, stop, strict=True)]
    one, other = (traced(side, grid, crs="EPSG:4326") for side in (below, above))
    x, y = Transformer.from_crs(4326, 3857, always_xy=True).transform(
        *np.concatenate([start, stop]).T
    )
    ends = np.column_stack(grid.to_cells(x, y))
    for i, length in enumerate(np.hypot(*(ends[:300] - ends[300:]).T)):
        mine = {tuple(edge) for edge in one.edges[one.starts[i] : one.starts[i + 1]].tolist()}
        theirs = other.edges[other.starts[i] : other.starts[i + 1]][:, [2, 3, 0, 1]].tolist()
        common = np.array(sorted(mine & {tuple(edge) for edge in theirs}))
        assert np.hypot(*(common[:, 2:] - common[:, :2]).T).sum() >= length * (1 - 1e-12)


def test_neighbours_cut_their_common_border_alike() -> None:
    """They walk along it from opposite ends; a slit or an overlap would count cells twice."""
    grid = grid_of("EPSG:32649", 300_000, 3_500_000, 100, width=5000, height=5000)
    left = shapely.Polygon([(110.1, 29.0), (111.7, 30.9), (110.0, 31.0)])
    right = shapely.Polygon([(110.1, 29.0), (113.0, 29.2), (111.7, 30.9)])
    outline = traced([left, right], grid, crs="EPSG:4326")
    one = {tuple(edge) for edge in outline.edges[: outline.starts[1]].tolist()}
    other = {(c, d, a, b) for a, b, c, d in outline.edges[outline.starts[1] :].tolist()}
    common = one & other
    assert len(common) > 50
    ends = np.array(sorted(common))[:, [0, 1]]
    x, y = Transformer.from_crs(4326, 32649, always_xy=True).transform([110.1, 111.7], [29.0, 30.9])
    (x0, x1), (y0, y1) = grid.to_cells(np.array(x), np.array(y))
    assert ends[:, 1].min() == pytest.approx(min(y0, y1), abs=30)
    assert ends[:, 1].max() == pytest.approx(max(y0, y1), abs=30)
    assert x0 < x1


def test_portions_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """Edges come out the same however many vertices are worked on at a time."""
    shapes = [shapely.Point(112 + 0.1 * i, 30).buffer(0.03, quad_segs=2 + 5 * i) for i in range(9)]
    grid = grid_of(EQUAL_AREA, -100_000.0, 0.0, 30.0, width=8000, height=8000)
    whole = traced(shapes, grid, "EPSG:4326")
    for portion in (1, 40, 100, 10_000):
        monkeypatch.setattr(module, "PORTION", portion)
        parts = traced(shapes, grid, "EPSG:4326")
        for name in ("edges", "starts", "boxes"):
            np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))


def test_a_polygon_out_of_the_projections_reach_is_refused() -> None:
    grid = grid_of("+proj=ortho +lat_0=30 +lon_0=110", -1e6, 1e6, 1000, width=2000, height=2000)
    with pytest.raises(ValueError, match="unknown"):
        traced([shapely.box(-80, -40, -70, -30)], grid, crs="EPSG:4326")


def test_an_edge_torn_apart_by_the_projection_is_refused() -> None:
    """From 179° to 181°: Web Mercator puts the second end on the other side of the world."""
    grid = grid_of("EPSG:3857", -20e6, 1e6, 1000, width=40_000, height=2000)
    with pytest.raises(ValueError, match="Pseudo-Mercator"):
        traced([shapely.box(179, 1, 181, 2)], grid, crs="EPSG:4326")


# ---------------------------------------------------------------- beyond the raster


def geodesic(polygon: Any) -> float:
    return abs(WGS84.geometry_area_perimeter(shapely.segmentize(polygon, 0.001))[0])


def test_nothing_lies_beyond_a_raster_that_covers_all() -> None:
    grid = grid_of("EPSG:4326", 110, 32, 0.1, width=20, height=20)
    whole = shapely.box(110, 30, 112, 32)  # its border is the raster's
    inner = shapely.box(110.3, 30.5, 111, 31)
    assert area_beyond(traced([whole, inner], grid), grid).tolist() == [0.0, 0.0]


def test_area_beyond_a_geographic_raster() -> None:
    grid = grid_of("EPSG:4326", 110, 32, 0.1, width=20, height=20)
    covered = shapely.box(110, 30, 112, 32)
    cases = [
        shapely.box(109, 29, 111, 31),  # over a corner
        shapely.box(111.5, 31, 114, 31.5),  # over one side
        shapely.box(114, 20, 115, 21),  # apart
        shapely.box(108, 28, 115, 34),  # all around
        shapely.Point(112, 31).buffer(0.7, quad_segs=8),
        shapely.MultiPolygon(
            [shapely.box(110.5, 30.5, 111, 31), shapely.box(113, 30, 113.5, 30.4)]
        ),
        shapely.box(108, 28, 115, 34) - shapely.box(109, 29, 114, 33),  # a ring around, none in it
    ]
    beyond = area_beyond(traced(cases, grid), grid)
    for polygon, area in zip(cases, beyond, strict=True):
        assert area == pytest.approx(geodesic(polygon - covered), rel=1e-6)


@pytest.mark.parametrize("crs", ["EPSG:3857", "EPSG:4547", EQUAL_AREA])
def test_area_beyond_a_projected_raster(crs: str) -> None:
    there = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    x, y = there.transform(112.0, 31.0)
    grid = grid_of(crs, x, y, 500, width=200, height=160)
    polygon = shapely.Point(112.2, 30.6).buffer(0.5, quad_segs=16)
    frame = shapely.box(*grid.bounds)
    ring = shapely.segmentize(polygon, 0.0005)
    flat = shapely.transform(ring, there.transform, interleaved=False)
    back = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    outside = shapely.segmentize(flat - frame, 50)
    truth = WGS84.geometry_area_perimeter(
        shapely.transform(outside, back.transform, interleaved=False)
    )[0]
    beyond = area_beyond(traced([polygon], grid, crs="EPSG:4326"), grid)[0]
    # The course of an edge may stray by a thousandth of a cell.
    assert beyond == pytest.approx(abs(truth), rel=1e-5)


def test_area_beyond_across_the_antimeridian() -> None:
    """Given in two parts that meet at 180°, as GeoJSON wants it, on a raster centred there."""
    crs = "+proj=laea +lat_0=-17 +lon_0=180 +ellps=WGS84"
    grid = grid_of(crs, -100_000, 100_000, 1000, width=150, height=200)
    parts = shapely.MultiPolygon(
        [shapely.box(178, -19, 180, -16), shapely.box(-180, -19, -178, -16)]
    )
    shifted = shapely.box(-2, -19, 2, -16)  # the same, elsewhere on the ellipsoid
    there = "+proj=laea +lat_0=-17 +lon_0=0 +ellps=WGS84"
    twin = grid_of(there, -100_000, 100_000, 1000, width=150, height=200)
    beyond = area_beyond(traced([parts], grid, crs="EPSG:4326"), grid)[0]
    assert beyond == pytest.approx(
        area_beyond(traced([shifted], twin, crs="EPSG:4326"), twin)[0], rel=1e-9
    )
    assert 0.5 * geodesic(shifted) < beyond < geodesic(shifted)


# ---------------------------------------------------------------- datums


def between(source: object, grid: Grid) -> tuple[Transformer | None, list[tuple[str, Severity]]]:
    problems = Problems("en")
    found = transformer_between(
        CRS.from_user_input(source), grid, file="regions.gpkg", problems=problems
    )
    return found, [(problem.code, problem.severity) for problem in problems]


@pytest.mark.parametrize("source", ["EPSG:4326", "EPSG:4490", "EPSG:4547", "EPSG:4674"])
@pytest.mark.parametrize("target", ["EPSG:4326", "EPSG:4490", "EPSG:3857"])
def test_geocentric_datums_are_one(source: str, target: str) -> None:
    grid = grid_of(target, 110, 32, 0.001, width=10, height=10)
    transformer, found = between(source, grid)
    assert transformer is not None
    assert found == []


@pytest.mark.parametrize("old", ["EPSG:4214", "EPSG:4610", "EPSG:2415", "EPSG:4555"])
def test_classical_chinese_datums_need_parameters(old: str) -> None:
    refused = ("crs.needs_parameters", Severity.ERROR)
    modern = grid_of("EPSG:4326", 110, 32, 0.001, width=10, height=10)
    assert between(old, modern) == (None, [refused])
    classical = grid_of(old, 110, 32, 0.001, width=10, height=10)
    assert between("EPSG:4490", classical) == (None, [refused])


def test_both_on_one_classical_datum_need_nothing() -> None:
    grid = grid_of("EPSG:2415", 39_500_000, 3_400_000, 30, width=10, height=10)
    transformer, found = between("EPSG:4214", grid)
    assert transformer is not None
    assert found == []


def test_parameters_that_the_user_asserts_are_used() -> None:
    asserted = "+proj=longlat +ellps=krass +towgs84=15.8,-154.4,-82.3 +no_defs"
    grid = grid_of("EPSG:4326", 110, 32, 0.001, width=10, height=10)
    transformer, found = between(asserted, grid)
    assert found == []
    assert transformer is not None
    lon, lat = transformer.transform(114.0, 30.0)
    assert 40 < WGS84.inv(114.0, 30.0, lon, lat)[2] < 200


def test_an_unknown_datum_matters_only_to_small_cells() -> None:
    clarke = CRS.from_proj4("+proj=longlat +ellps=clrk66 +no_defs")
    coarse = grid_of(clarke, 110, 32, 0.05, width=10, height=10)
    transformer, found = between("EPSG:4326", coarse)
    assert transformer is not None
    assert found == [("crs.unknown_datum_small", Severity.WARN)]
    assert transformer.transform(110.25, 31.5) == (110.25, 31.5)
    fine = grid_of(clarke, 110, 32, 0.01, width=10, height=10)
    assert between("EPSG:4326", fine) == (None, [("crs.unknown_datum", Severity.ERROR)])


@pytest.mark.filterwarnings("error")
def test_the_shift_is_that_of_the_rasters_country() -> None:
    """NAD 27 has a shift for each part of the continent."""
    here = {"Texas": (-100.0, 32.0), "Alaska": (-150.0, 62.0), "Bahamas": (-77.0, 25.0)}
    used = set()
    for lon, lat in here.values():
        grid = grid_of("EPSG:4326", lon - 0.05, lat + 0.05, 0.001, width=100, height=100)
        transformer, found = between("EPSG:4267", grid)
        assert transformer is not None
        assert found in ([], [("crs.second_best", Severity.WARN)])
        nearby = Transformer.from_crs(
            "EPSG:4267", "EPSG:4326", always_xy=True, allow_ballpark=False
        )
        assert transformer.transform(lon, lat) == pytest.approx(
            nearby.transform(lon, lat), abs=1e-4
        )
        used.add(transformer.description)
    assert len(used) == 3


def test_another_celestial_body_is_refused() -> None:
    moon = grid_of("IAU_2015:30100", 110, 32, 0.001, width=10, height=10)
    assert between("EPSG:4326", moon) == (None, [("crs.no_transformation", Severity.ERROR)])
