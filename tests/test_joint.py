"""The joint table: every cell once, whatever the strips, workers, blocks, types and tables."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod, Transformer

from sinks import joint as joint_module
from sinks import windows
from sinks.hashtable import new_table
from sinks.joint import JointTable, threads
from sinks.raster import UnreadableBlock
from sinks.symbols import NODATA_SYMBOL, UNKNOWN_SYMBOL
from tests.rasters import (
    EQUAL_AREA,
    joint_of,
    load,
    region_totals,
    same_rows,
    square_metres,
    write_raster,
)

DEGREES = {"crs": "EPSG:4326", "transform": Affine(0.01, 0, 110.0, 0, -0.01, 31.0)}
WIDTH, HEIGHT = 90, 70


def patchy(seed: int, *, classes: int = 5, shape: tuple[int, int] = (HEIGHT, WIDTH)) -> Any:
    """Return random patches of some cells, as land cover has them."""
    small = np.random.default_rng(seed).integers(
        1, classes + 1, (shape[0] // 3 + 1, shape[1] // 4 + 1)
    )
    return np.kron(small, np.ones((3, 4), int))[: shape[0], : shape[1]].astype(np.uint8)


def counties() -> list[Any]:
    """Return three polygons on the raster of `DEGREES`: two neighbours and one with a hole."""
    left = shapely.Polygon([(110.03, 30.42), (110.31, 30.35), (110.35, 30.71), (110.02, 30.96)])
    right = shapely.Polygon([(110.31, 30.35), (110.61, 30.5), (110.55, 30.9), (110.35, 30.71)])
    holed = shapely.Point(110.72, 30.62).buffer(0.15, quad_segs=6)
    return [left, right, holed - shapely.box(110.7, 30.6, 110.74, 30.66)]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Any]:
    folder = tmp_path_factory.mktemp("pair")
    tiled = {"tiled": True, "blockxsize": 16, "blockysize": 16}
    files = {
        year: write_raster(folder / f"{year}.tif", patchy(year), **DEGREES, **tiled)
        for year in (2010, 2015)
    }
    sources: dict[int, Any] = load(files)
    return sources


# ---------------------------------------------------------------- strips and workers


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_strips_cover_the_window_once(data: Any) -> None:
    """Whatever the blocks, the memory and the window."""
    height, width = data.draw(st.integers(1, 400)), data.draw(st.integers(1, 400))
    blocks = st.tuples(st.integers(1, height), st.integers(1, width))
    striped = st.integers(1, height).map(lambda rows: (rows, width))
    block = data.draw(blocks | striped)
    row0, col0 = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    row1 = data.draw(st.integers(row0 + 1, height))
    col1 = data.draw(st.integers(col0 + 1, width))
    whole = SimpleNamespace(box=(0, height, 0, width), block=block)
    dtype = data.draw(st.sampled_from(["uint8", "int16", "float64"]))
    source: Any = SimpleNamespace(parts=(), tiles=(whole,), dtype=dtype)
    sources = (source,) * data.draw(st.integers(1, 40))
    room = data.draw(st.integers(1, 3_000_000))
    pieces = list(windows.strips((row0, row1, col0, col1), sources, strip_bytes=room))
    assert all(a < b and c < d for a, b, c, d in pieces)
    seen = np.zeros((height, width), int)
    for a, b, c, d in pieces:
        seen[a:b, c:d] += 1
    assert (seen[row0:row1, col0:col1] == 1).all()
    assert seen.sum() == (row1 - row0) * (col1 - col0)
    cells = max(1, room // windows.cell_bytes(sources))
    assert max((b - a) * (d - c) for a, b, c, d in pieces) <= cells
    if math.prod(block) <= cells:  # a stored block is cut only where it has no room
        assert all(a == row0 or a % block[0] == 0 for a, _, _, _ in pieces)
        assert all(c == col0 or c % block[1] == 0 for _, _, c, _ in pieces)


def test_groups_hold_every_piece_once_and_in_order() -> None:
    pieces = [(i, i + 1, 0, 1000) for i in range(23)]
    for per_cell in (1, windows.GROUP_BYTES // 5000, windows.GROUP_BYTES):
        groups = windows.groups(pieces, per_cell=per_cell)
        assert [piece for i in range(len(groups)) for piece in groups[i]] == pieces
        assert len(groups) == {1: 1, windows.GROUP_BYTES: 23}.get(per_cell, 4)


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("strip_bytes", [500, 2_000, 40_000])
def test_the_same_integers_for_any_strips_and_workers(
    pair: dict[int, Any],
    monkeypatch: pytest.MonkeyPatch,
    strip_bytes: int,
    workers: int,
    exact: bool,
) -> None:
    whole = joint_of(pair, counties(), exact=exact)
    monkeypatch.setattr(windows, "STRIP_ROWS", 16)
    monkeypatch.setattr(windows, "GROUP_BYTES", strip_bytes // 8)
    calls = []
    sum_windows = joint_module.sum_windows
    monkeypatch.setattr(
        joint_module, "sum_windows", lambda job, part: calls.append(part) or sum_windows(job, part)
    )
    cut = joint_of(pair, counties(), exact=exact, workers=workers, strip_bytes=strip_bytes)
    assert len(calls) > 2
    assert same_rows(whole, cut)


def test_progress_rises_to_one(pair: dict[int, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "GROUP_BYTES", 2_000)
    told: list[float] = []
    joint_of(pair, counties(), strip_bytes=2_000, workers=2, progress=told.append)
    assert len(told) > 3
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_an_engine_may_give_the_parts_in_any_order(
    pair: dict[int, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "GROUP_BYTES", 2_000)

    def backwards(job: Any, groups: Any) -> Iterator[Any]:
        yield from reversed(list(threads(1)(job, groups)))

    whole = joint_of(pair, counties())
    assert same_rows(whole, joint_of(pair, counties(), strip_bytes=2_000, engine=backwards))


# ---------------------------------------------------------------- growing tables


def test_tables_grow_from_almost_nothing(
    pair: dict[int, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = joint_of(pair, counties())
    grown: list[int] = []
    grow = joint_module.grown
    monkeypatch.setattr(joint_module, "new_table", lambda: new_table(2))
    monkeypatch.setattr(joint_module, "grown", lambda t: grown.append(t[0].size) or grow(t))
    assert same_rows(whole, joint_of(pair, counties()))
    assert min(grown) == 2
    assert len(grown) > 8


def test_many_paths_make_the_first_tables_grow(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (2, 60, 60)).astype(np.uint8)
    files = {
        year: write_raster(tmp_path / f"{year}.tif", noise[i]) for i, year in enumerate((1, 2))
    }
    joint = joint_of(load(files), [shapely.box(0, -60, 60, 0), shapely.box(3, -9, 9, -3)])
    pairs, count = np.unique(noise.reshape(2, -1), axis=1, return_counts=True)
    assert len(count) > new_table()[0].size
    found = {key[1]: area for key, area in square_metres(joint).items() if key[0] == 0}
    assert found == {tuple(p): float(n) for p, n in zip(pairs.T.tolist(), count, strict=True)}
    inner = {key[1]: area for key, area in square_metres(joint).items() if key[0] == 1}
    assert sum(inner.values()) == 36.0


def test_areas_below_half_a_quantum_are_nothing(
    pair: dict[int, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As at the poles of a world of 10 m: very many cells, none of which counts."""
    monkeypatch.setattr(joint_module, "SUM_BITS", 2)
    monkeypatch.setattr(joint_module, "new_table", lambda: new_table(64))
    joint = joint_of(pair, [shapely.box(110.0, 30.3, 110.9, 31.0)])
    assert (joint.area >= 0).all()
    assert joint.area.sum() <= 2**3


# ---------------------------------------------------------------- many years


@pytest.mark.parametrize("years", [1, 2, 7, 8, 9, 16, 17, 38])
def test_paths_of_many_years(tmp_path: Path, years: int) -> None:
    """A path is stored eight years to a word: none may get lost or change places."""
    values = np.random.default_rng(years).integers(0, 4, (years, 12, 15)).astype(np.uint8)
    values[:, ::2] = values[:, :1, :1]  # rows of one path, and rows of many
    values[-1, 3] = 255
    stack = write_raster(tmp_path / "stack.tif", values)
    sources = load({1900 + i: (stack, i + 1) for i in range(years)})
    joint = joint_of(sources, [shapely.box(0, -12, 15, 0), shapely.box(2, -4, 9, -1)])
    assert joint.years == tuple(range(1900, 1900 + years))
    for region, (rows, cols) in enumerate(((slice(None), slice(None)), (slice(1, 4), slice(2, 9)))):
        part = values[:, rows, cols].reshape(years, -1)
        paths, count = np.unique(part, axis=1, return_counts=True)
        found = {key[1]: area for key, area in square_metres(joint).items() if key[0] == region}
        assert found == {tuple(p): float(n) for p, n in zip(paths.T.tolist(), count, strict=True)}


def test_paths_are_in_lexical_order(pair: dict[int, Any]) -> None:
    joint = joint_of(pair, counties())
    assert joint.paths.tolist() == sorted(joint.paths.tolist())
    rows = list(zip(joint.region.tolist(), joint.path.tolist(), strict=True))
    assert rows == sorted(set(rows))


def test_bands_of_one_file_and_bands_of_several(tmp_path: Path) -> None:
    values = np.stack([patchy(i) for i in range(4)])
    together = write_raster(
        tmp_path / "all.tif", values, **DEGREES, interleave="pixel", photometric="minisblack"
    )
    single = [write_raster(tmp_path / f"{i}.tif", values[i], **DEGREES) for i in range(4)]
    shuffled = load({1: (together, 3), 2: single[0], 3: (together, 2), 4: (together, 4)})
    apart = load({1: single[2], 2: single[0], 3: single[1], 4: single[3]})
    assert same_rows(joint_of(shuffled, counties()), joint_of(apart, counties()))


# ---------------------------------------------------------------- regions


def test_overlapping_regions_have_their_full_areas(pair: dict[int, Any]) -> None:
    shapes = counties()
    doubled = [shapes[0], shapes[0] | shapes[1], shapes[1], shapes[0]]
    totals = region_totals(joint_of(pair, doubled), 4)
    alone = [region_totals(joint_of(pair, [shape]), 1)[0] for shape in doubled]
    assert totals.tolist() == alone
    assert totals[1] == pytest.approx(totals[0] + totals[2], rel=1e-12)


def test_a_region_does_not_depend_on_the_others(pair: dict[int, Any]) -> None:
    together = square_metres(joint_of(pair, counties()))
    for i, shape in enumerate(counties()):
        alone = square_metres(joint_of(pair, [shape]))
        own = {key[1]: area for key, area in together.items() if key[0] == i}
        assert {key[1]: area for key, area in alone.items()} == pytest.approx(own, rel=1e-12)


def geodesic(polygon: Any) -> float:
    fine = shapely.segmentize(polygon, 0.0005)
    return abs(Geod(ellps="WGS84").geometry_area_perimeter(fine)[0])


def test_inside_and_outside_make_the_region(pair: dict[int, Any]) -> None:
    frame = shapely.box(110.0, 30.3, 110.9, 31.0)
    shapes = [
        shapely.Point(110.9, 30.5).buffer(0.3),
        shapely.Point(110.0, 31.0).buffer(0.4),
        shapely.box(111.5, 30.0, 112.0, 30.5),
        shapely.box(109.0, 29.0, 112.0, 32.0),
        *counties(),
    ]
    joint = joint_of(pair, shapes)
    inside, outside = region_totals(joint, len(shapes)), joint.outside * joint.quantum
    for i, shape in enumerate(shapes):
        # In a border cell the ellipsoid is taken as even: a hundredth of a degree is a large one.
        assert inside[i] == pytest.approx(geodesic(shape & frame), rel=1e-6, abs=1)
        assert outside[i] == pytest.approx(geodesic(shape - frame), rel=1e-6, abs=1)
    assert inside[2] == 0.0
    assert outside[4:].tolist() == [0.0] * 3


def test_all_regions_beyond_the_raster(pair: dict[int, Any]) -> None:
    away = shapely.box(112.0, 29.0, 112.5, 29.4)
    joint = joint_of(pair, [away])
    assert joint.area.size == 0
    assert joint.paths.shape == (0, 2)
    assert joint.outside[0] * joint.quantum == pytest.approx(geodesic(away), rel=1e-7)


def test_a_region_very_much_larger_than_the_raster_fits_its_integers(tmp_path: Path) -> None:
    """A cell of this grid shows a hundredth of the area that it would have at the equator."""
    north = Affine(100, 0, 0, 0, -100, 19_000_000)
    ones = np.ones((4, 5), np.uint8)
    sources = load({1: write_raster(tmp_path / "n.tif", ones, crs="EPSG:3857", transform=north)})
    half = shapely.box(-80, -60, 80, 84.99)
    joint = joint_of(sources, [half], crs="EPSG:4326")
    assert joint.outside[0] > 0
    total = float(joint.area.sum() + joint.outside[0]) * joint.quantum
    assert total == pytest.approx(geodesic(shapely.box(-8, -60, 8, 84.99)) * 10, rel=1e-6)


def test_a_region_across_the_antimeridian(tmp_path: Path) -> None:
    crs = "+proj=laea +lat_0=-17 +lon_0=180 +ellps=WGS84"
    place = Affine(2000, 0, -300_000, 0, -2000, 250_000)
    ones = np.ones((250, 300), np.uint8)
    sources = load({1: write_raster(tmp_path / "f.tif", ones, crs=crs, transform=place)})
    parts = shapely.MultiPolygon(
        [shapely.box(178, -18.5, 180, -16), shapely.box(-180, -18.5, -179, -16)]
    )
    total = region_totals(joint_of(sources, [parts], crs="EPSG:4326"), 1)[0]
    assert total == pytest.approx(geodesic(shapely.box(0, -18.5, 3, -16)), rel=1e-5)


# ---------------------------------------------------------------- types of cells


CODES = (1, 2, 3, 4, 5)


@pytest.mark.parametrize(
    "dtype", ["int8", "int16", "uint16", "int32", "uint32", "float32", "float64"]
)
def test_wider_types_give_the_same_areas(pair: dict[int, Any], tmp_path: Path, dtype: str) -> None:
    files = {
        year: write_raster(tmp_path / f"{year}.tif", patchy(year).astype(dtype), **DEGREES)
        for year in (2010, 2015)
    }
    wide = joint_of(load(files), counties(), codes=CODES)
    as_codes = {
        (region, tuple(CODES[symbol] for symbol in path)): area
        for (region, path), area in square_metres(wide).items()
    }
    assert as_codes == square_metres(joint_of(pair, counties()))


def test_a_byte_raster_among_wider_ones(pair: dict[int, Any], tmp_path: Path) -> None:
    """Its bytes are codes, not the numbers that the wider ones are given."""
    shifted = {
        2010: write_raster(tmp_path / "a.tif", patchy(2010) * 10, **DEGREES),
        2015: write_raster(tmp_path / "b.tif", patchy(2015).astype(np.int16) * 10, **DEGREES),
    }
    mixed = joint_of(load(shifted), counties(), codes=[code * 10 for code in CODES])
    as_codes = {
        (region, tuple(CODES[symbol] for symbol in path)): area
        for (region, path), area in square_metres(mixed).items()
    }
    assert as_codes == square_metres(joint_of(pair, counties()))


def test_no_data_of_wider_types(tmp_path: Path) -> None:
    """The file's, the legend's and NaN are no data; the code of one year's is no other year's."""
    first = np.array([[1, 2, -9999, 7], [0, 1, 2, 2]], np.int16)
    second = np.array([[1, np.nan, 1, 2], [1, -9999, 0, 7]], np.float32)
    sources = load(
        {
            1: write_raster(tmp_path / "a.tif", first, nodata=-9999),
            2: write_raster(tmp_path / "b.tif", second, nodata=7),
        }
    )
    joint = joint_of(sources, [shapely.box(0, -2, 4, 0)], codes=[1, 2, 7], nodata=[0])
    none, unknown = NODATA_SYMBOL, UNKNOWN_SYMBOL
    assert square_metres(joint) == {
        (0, (0, 0)): 1.0,
        (0, (1, none)): 3.0,  # NaN, the legend's 0 and the second file's 7
        (0, (none, 0)): 2.0,
        (0, (2, 1)): 1.0,  # 7 is a class in the first year
        (0, (0, unknown)): 1.0,  # −9999 is no data of the first file alone
    }


def test_values_that_are_no_whole_numbers_are_refused(tmp_path: Path) -> None:
    for bad in (1.5, np.inf, 1e12 + 0.5):
        values = np.full((20, 9), 2.0)
        values[17, 3] = bad
        sources = load({1: write_raster(tmp_path / "half.tif", values, blockysize=1)})
        with pytest.raises(UnreadableBlock) as caught:
            joint_of(sources, [shapely.box(0, -20, 9, 0)], codes=[2])
        assert caught.value.not_whole
        assert f"{bad:g}" in caught.value.reason


def test_a_block_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "cut.tif", patchy(3, shape=(400, 300)), blockysize=10)
    sources = load({1: path})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UnreadableBlock, match=r"cut\.tif: row \d+") as caught:
        joint_of(sources, [shapely.box(0, -400, 300, 0)], workers=2, strip_bytes=20_000)
    assert not caught.value.not_whole


# ---------------------------------------------------------------- how it is stored


STORED: dict[str, dict[str, Any]] = {
    "one row to a stripe": {"blockysize": 1},
    "one stripe": {"blockysize": HEIGHT},
    "stripes of eleven": {"blockysize": 11},
    "tiles": {"tiled": True, "blockxsize": 32, "blockysize": 16},
    "one tile": {"tiled": True, "blockxsize": 128, "blockysize": 128},
    "deflate and predictor": {"compress": "deflate", "predictor": 2},
    "big-endian BigTIFF": {"bigtiff": "YES", "endianness": "BIG"},
}


@pytest.mark.parametrize("name", list(STORED))
def test_storage_does_not_matter(pair: dict[int, Any], tmp_path: Path, name: str) -> None:
    files = {
        year: write_raster(tmp_path / f"{year}.tif", patchy(year), **DEGREES, **STORED[name])
        for year in (2010, 2015)
    }
    found = joint_of(load(files), counties(), strip_bytes=3_000, workers=2)
    assert same_rows(found, joint_of(pair, counties()))


def test_a_south_up_raster_equals_its_twin(pair: dict[int, Any], tmp_path: Path) -> None:
    south_up = Affine(0.01, 0, 110.0, 0, 0.01, 31.0 - 0.01 * HEIGHT)
    files = {
        year: write_raster(
            tmp_path / f"{year}.tif", patchy(year)[::-1], crs="EPSG:4326", transform=south_up
        )
        for year in (2010, 2015)
    }
    for exact in (True, False):
        one = square_metres(joint_of(pair, counties(), exact=exact))
        twin = square_metres(joint_of(load(files), counties(), exact=exact))
        assert one.keys() == twin.keys()
        for key, area in one.items():
            # A sliver of a cell is known as well as its corners are: to 1e-16 of 110 degrees.
            assert twin[key] == pytest.approx(area, rel=1e-9, abs=1e-3)


@pytest.mark.parametrize("shape", [(1, 40), (40, 1), (1, 1)])
def test_a_raster_of_one_row_or_column(tmp_path: Path, shape: tuple[int, int]) -> None:
    values = np.arange(shape[0] * shape[1]).reshape(shape).astype(np.uint8)
    sources = load({1: write_raster(tmp_path / "thin.tif", values)})
    height, width = shape
    joint = joint_of(sources, [shapely.box(-1, -height - 1, width + 1, 1)])
    assert square_metres(joint) == {(0, (int(v),)): 1.0 for v in values.ravel()}
    half = joint_of(sources, [shapely.box(0, -height, width / 2, 0)])
    assert region_totals(half, 1)[0] == height * width / 2
    outside = (height + 2) * (width + 2) - height * width
    # On cells of 1 m the projection's own inverse (to some 0.1 mm) begins to show.
    assert joint.outside[0] * joint.quantum == pytest.approx(outside, rel=1e-3)


# ---------------------------------------------------------------- true areas along a row


def test_runs_in_mercator_add_up_to_the_lattice(tmp_path: Path) -> None:
    """A region of whole cells of a projected raster, far wider than the lattice of the scale."""
    transformer = Transformer.from_crs("EPSG:4326", "EPSG:3857", always_xy=True)
    x, y = transformer.transform(110.0, 32.0)
    place = Affine(500, 0, x, 0, -500, y)
    values = patchy(7, shape=(300, 400))
    sources = load({1: write_raster(tmp_path / "m.tif", values, crs="EPSG:3857", transform=place)})
    back = Transformer.from_crs("EPSG:3857", "EPSG:4326", always_xy=True)
    west, north = back.transform(x + 20 * 500, y - 30 * 500)
    east, south = back.transform(x + 380 * 500, y - 290 * 500)
    joint = joint_of(sources, [shapely.box(x + 10_000, y - 145_000, x + 190_000, y - 15_000)])
    assert region_totals(joint, 1)[0] == pytest.approx(
        geodesic(shapely.box(west, south, east, north)), rel=1e-7
    )
    # One row, cut into runs by its classes, has the area that it has in one piece.
    row = shapely.box(x, y - 500 * 151, x + 400 * 500, y - 500 * 150)
    runs = joint_of(sources, [row])
    flat = write_raster(tmp_path / "f.tif", np.ones_like(values), crs="EPSG:3857", transform=place)
    assert len(runs.area) > 1
    assert runs.area.sum() == joint_of(load({1: flat}), [row]).area.sum()


def test_areas_are_true_on_the_equal_area_grid_of_the_tests(tmp_path: Path) -> None:
    sources = load({1: write_raster(tmp_path / "e.tif", np.ones((3, 3), np.uint8), crs=EQUAL_AREA)})
    joint: JointTable = joint_of(sources, [shapely.box(0.5, -2.5, 2.5, -1)])
    assert square_metres(joint) == {(0, (1,)): 3.0}
    assert math.log2(joint.quantum) % 1 == 0
