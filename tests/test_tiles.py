"""Rasters in many files: the same numbers as from one, and clear words where they do not fit."""

from __future__ import annotations

import hashlib
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from sinks import tiles as module
from sinks import windows
from sinks.checks import Problem, Problems
from sinks.errors import InputProblems
from sinks.limits import Limits
from sinks.raster import load_rasters, read_window
from sinks.rastersections import LandcoverConfig, Source
from sinks.run import Options, check_study, run_study
from tests.patchwork import (
    CELL,
    CRS,
    NORTH,
    WEST,
    YEARS,
    at,
    contents,
    counties,
    cut,
    patches,
    write_patchwork,
    write_whole,
)
from tests.rasters import joint_of, same_rows, square_metres

SIZE = 300
TABLES = Options(parts=(), workers=2)


def load(
    folder: Path, rasters: dict[int, Any], *, blank: Any = (0,), limits: Any = None, **asserted: Any
) -> tuple[Any, list[Problem]]:
    """Return the rasters of a study and the problems of loading them."""
    named = {str(year): tuple(v) if isinstance(v, list) else v for year, v in rasters.items()}
    config = LandcoverConfig.model_construct(legend="none", rasters=named, **asserted)
    problems = Problems("en")
    found = load_rasters(config, base=folder, problems=problems, blank=blank, limits=limits)
    return found, list(problems)


def right(folder: Path, rasters: dict[int, Any], **options: Any) -> Any:
    found, problems = load(folder, rasters, **options)
    assert not problems
    return found


# The same numbers


def test_a_study_of_tiles_gives_the_same_bytes(tmp_path: Path) -> None:
    """Two by three tiles of one year, another tiling of the other, listed in any order."""
    write_patchwork(tmp_path / "whole")
    folder = tmp_path / "tiles"
    folder.mkdir()
    first = cut(folder, patches(2010), rows=(0, 100, 300), cols=(0, 130, 199, 300), name="a")
    second = cut(folder, patches(2015), rows=(0, 77, 78, 300), cols=(0, 300), name="b")
    study = write_patchwork(folder, {2010: first[::-1], 2015: second})
    options = Options(parts=("regions", "map", "rasters"), workers=2)
    one = run_study(tmp_path / "whole" / "study.toml", tmp_path / "one", options=options)
    many = run_study(study, tmp_path / "many", options=options)
    apart = ("manifest.json", "map.html")  # they name the files
    found = contents(many.root, without=apart)
    assert found == contents(one.root, without=apart)
    assert {"layers/landcover-2010.png", "rasters/carbon-change-2010-2015.tif"} < set(found)
    recorded = {item["path"]: item for item in many.meta["inputs"] if item["role"] == "landcover"}
    assert set(recorded) == {*first, *second}
    for name, item in recorded.items():
        assert item["sha256"] == hashlib.sha256((folder / name).read_bytes()).hexdigest()
        assert item["size"] == (folder / name).stat().st_size
        assert "EPSG:4326" in item["grid"]


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
@pytest.mark.parametrize("strip_bytes", [3_000, 16 << 20])
def test_joint_table_of_tiles(
    tmp_path: Path, dtype: str, exact: bool, strip_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "GROUP_BYTES", 100_000)
    values = {year: patches(year, 90).astype(dtype) for year in YEARS}
    whole = {y: write_whole(tmp_path / f"{y}.tif", v) for y, v in values.items()}
    parted = {
        2010: cut(tmp_path, values[2010], rows=(0, 31, 90), cols=(0, 40, 41, 90), name="a"),
        2015: cut(
            tmp_path, values[2015], rows=(0, 64, 90), cols=(0, 48, 90), name="b",
            tiled=True, blockxsize=16, blockysize=16,
        ),
    }  # fmt: skip
    how = {"codes": (1, 2, 3, 4), "nodata": (0,), "exact": exact, "strip_bytes": strip_bytes}
    shapes = list(counties(90).geometry)
    one = joint_of(right_or_repaired(tmp_path, whole), shapes, crs=CRS, **how)
    many = joint_of(right_or_repaired(tmp_path, parted), shapes, crs=CRS, workers=2, **how)
    assert len(one.area) == 30
    assert same_rows(one, many)


def right_or_repaired(folder: Path, rasters: dict[int, Any]) -> Any:
    """Load rasters of which floats may be told."""
    found, problems = load(folder, rasters)
    assert {problem.code for problem in problems} <= {"raster.float_classes"}
    assert len(problems) <= len(rasters), "what is said of a thousand tiles is said once"
    return found


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_windows_keep_to_tiles_and_cover_all(data: Any) -> None:
    """However many years are tiled, however differently, with gaps or without."""
    from types import SimpleNamespace

    height, width = data.draw(st.integers(2, 60)), data.draw(st.integers(2, 60))
    sources = []
    for _ in range(data.draw(st.integers(1, 3))):
        rows = sorted({0, height, *data.draw(st.lists(st.integers(1, height - 1), max_size=3))})
        cols = sorted({0, width, *data.draw(st.lists(st.integers(1, width - 1), max_size=3))})
        boxes = [(*ab, *cd) for ab in pairwise(rows) for cd in pairwise(cols)]
        kept = data.draw(st.lists(st.sampled_from(boxes), min_size=1, unique=True))
        block = data.draw(st.tuples(st.integers(1, 20), st.integers(1, 20)))
        tiles = tuple(SimpleNamespace(box=box, block=block) for box in kept)
        sources.append(SimpleNamespace(tiles=tiles, parts=tiles, dtype="uint8"))
    window = (0, height, 0, width)
    seen = np.zeros((height, width), int)
    room = data.draw(st.integers(1, 10_000))
    for row0, row1, col0, col1 in windows.strips(window, sources, strip_bytes=room):  # type: ignore[arg-type]
        seen[row0:row1, col0:col1] += 1
        for source in sources:
            for a, b, c, d in (tile.box for tile in source.tiles):
                meets = row0 < b and row1 > a and col0 < d and col1 > c
                assert not meets or (a <= row0 and row1 <= b and c <= col0 and col1 <= d)
    assert (seen == 1).all()


def test_a_file_of_many_bands_per_tile(tmp_path: Path) -> None:
    """Both years in one set of files; in one of them the bands are the other way round."""
    both = np.stack([patches(year, 60) for year in YEARS])
    names = cut(tmp_path, both, rows=(0, 25, 60), cols=(0, 60))
    write_whole(tmp_path / names[1], both[::-1, 25:], transform=at(25, 0))
    parted = right(
        tmp_path,
        {
            year: [Source(path=names[0], band=band), Source(path=names[1], band=3 - band)]
            for year, band in ((2010, 1), (2015, 2))
        },
    )
    whole = {y: write_whole(tmp_path / f"{y}.tif", patches(y, 60)) for y in YEARS}
    shapes = list(counties(60).geometry)
    one = joint_of(right(tmp_path, whole), shapes, crs=CRS)
    assert same_rows(one, joint_of(parted, shapes, crs=CRS))


def test_tiles_with_bands_in_a_study_file(tmp_path: Path) -> None:
    cut(tmp_path, np.stack([patches(2010, 60)] * 2), rows=(0, 25, 60), cols=(0, 60))
    write_patchwork(tmp_path, size=60)
    text = (tmp_path / "study.toml").read_text(encoding="utf-8")
    tiles = '[{ path = "tile-0-0.tif", band = 2 }, { path = "tile-25-0.tif", band = 2 }]'
    text = text.replace('2010 = "lc2010.tif"', f"2010 = {tiles}")
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    problems = check_study(tmp_path / "study.toml")
    assert {problem.code for problem in problems} == {"raster.regions_outside"}


def test_south_up_tiles(tmp_path: Path) -> None:
    values = patches(2010, 60)
    up = Affine(CELL, 0, WEST, 0, CELL, NORTH - 60 * CELL)
    whole = write_whole(tmp_path / "whole.tif", values[::-1], transform=up)
    other = write_whole(tmp_path / "other.tif", patches(2015, 60)[::-1], transform=up)
    for name, rows in (("south", slice(0, 20)), ("north", slice(20, 60))):
        place = Affine(CELL, 0, WEST, 0, CELL, NORTH - (60 - rows.start) * CELL)
        write_whole(tmp_path / f"{name}.tif", values[::-1][rows], transform=place)
    shapes = list(counties(60).geometry)
    tables = []
    for first in (whole, ["north.tif", "south.tif"]):
        found, problems = load(tmp_path, {2010: first, 2015: other})
        assert [problem.code for problem in problems] == ["raster.south_up"] * 2
        tables.append(joint_of(found, shapes, crs=CRS))
    assert same_rows(*tables)


def test_a_list_of_one_is_a_file(tmp_path: Path) -> None:
    name = write_whole(tmp_path / "a.tif", patches(2010, 30))
    other = write_whole(tmp_path / "b.tif", patches(2015, 30))
    assert right(tmp_path, {2010: [name], 2015: other}) == right(
        tmp_path, {2010: name, 2015: other}
    )


# Gaps


def gappy(folder: Path, **options: Any) -> tuple[dict[int, Any], Any]:
    """Write a raster of which one tile of four is missing; return the rasters and the values."""
    values = patches(2010, 60)
    values[values == 0] = 1
    names = cut(folder, values, rows=(0, 25, 60), cols=(0, 40, 60), **options)
    other = write_whole(folder / "other.tif", values)
    return {2010: names[:2] + names[3:], 2015: other}, values


def test_what_no_tile_holds_is_no_data(tmp_path: Path) -> None:
    rasters, values = gappy(tmp_path)
    box = shapely.box(WEST, NORTH - 60 * CELL, WEST + 60 * CELL, NORTH)
    joint = joint_of(right(tmp_path, rasters), [box])
    found = {path: area for (_, path), area in square_metres(joint).items()}
    whole = joint_of(right(tmp_path, {2010: "other.tif", 2015: rasters[2010]}), [box])
    assert sum(found.values()) == pytest.approx(sum(square_metres(whole).values()), rel=1e-15)
    missing = {int(code) for code in np.unique(values[25:, :40])}
    assert {path[1] for path in found if path[0] == 0} == missing
    gap = sum(area for path, area in found.items() if path[0] == 0)
    assert gap / sum(found.values()) == pytest.approx(35 * 40 / 60**2, rel=1e-4)


def test_gaps_are_in_the_ledger(tmp_path: Path) -> None:
    rasters, _ = gappy(tmp_path)
    done = run_study(write_patchwork(tmp_path, rasters, size=60), tmp_path / "out", options=TABLES)
    coverage = done.tables["coverage"].set_index(["region_code", "year"])
    assert (coverage.xs(2015, level="year")["nodata_ha"] == 0).all()
    gap = coverage.loc[("0101", 2010)]
    assert gap["nodata_ha"] > 0.2 * gap["inside_ha"]
    assert gap["valid_ha"] + gap["nodata_ha"] == pytest.approx(gap["inside_ha"], rel=1e-12)
    assert gap["common_valid_ha"] == gap["valid_ha"]


@pytest.mark.parametrize(
    ("dtype", "nodata", "blank", "filler"),
    [
        ("uint8", None, (0, 9), 0),
        ("uint8", 200, (0,), 200),
        ("uint8", None, (300, 7), 7),
        ("int16", None, (-1,), -1),
        ("uint8", None, (), None),
        ("uint8", None, (300,), None),
        ("float32", None, (), "NaN"),
    ],
)
def test_what_stands_for_no_data_in_gaps(
    tmp_path: Path, dtype: str, nodata: int | None, blank: Any, filler: Any
) -> None:
    values = patches(2010, 60).astype(dtype)
    names = cut(tmp_path, values, rows=(0, 25, 60), cols=(0, 40, 60), nodata=nodata)
    found, problems = load(tmp_path, {2010: names[1:]}, blank=blank)
    codes = [problem.code for problem in problems if problem.code != "raster.float_classes"]
    if filler is None:
        assert codes == ["raster.gap_without_code"]
        assert "1,000 cells" in problems[0].text("en")
        # The legend could not be read: that is told, and this waits until it can be.
        assert not load(tmp_path, {2010: names[1:]}, blank=None)[1]
        return
    assert codes == []
    with found[2010].open() as dataset:
        corner = read_window(dataset, [1], window=(0, 30, 0, 45))[0]
    gap = corner[:25, :40]
    assert np.isnan(gap).all() if filler == "NaN" else (gap == filler).all()
    corner[:25, :40] = values[:25, :40]
    assert np.array_equal(corner, values[:30, :45])


# Refused


def told(folder: Path, rasters: dict[int, Any], **options: Any) -> list[Problem]:
    found, problems = load(folder, rasters, **options)
    assert found is None
    return problems


def test_overlapping_tiles(tmp_path: Path) -> None:
    values = patches(2010, 60)
    names = cut(tmp_path, values, rows=(0, 30, 60), cols=(0, 60))
    write_whole(tmp_path / "more.tif", values[28:50, 10:20], transform=at(28, 10))
    (problem,) = told(tmp_path, {2010: [*names, "more.tif"]})
    assert (problem.code, problem.file) == ("raster.tiles_overlap", "more.tif")
    message = problem.text("en")
    assert "tile-0-0.tif and more.tif both hold 20 cells: rows 28–29, columns 10–19" in message
    assert "2 such pairs" in message
    assert "tile-0-0.tif 与 more.tif 有 20 个像元重叠" in problem.text("zh")


def test_a_tile_listed_twice(tmp_path: Path) -> None:
    names = cut(tmp_path, patches(2010, 60), rows=(0, 30, 60), cols=(0, 60))
    assert [p.code for p in told(tmp_path, {2010: [*names, names[0]]})] == ["raster.tiles_overlap"]
    _, problems = load(tmp_path, {2010: names, 2015: names})
    assert [p.code for p in problems] == ["raster.same_twice"] * 2


@pytest.mark.parametrize(
    ("change", "place", "wanted", "found"),
    [
        ({"nodata": None}, "nodata", "0", "-"),
        ({"dtype": "int16"}, "dtype", "uint8", "int16"),
        ({"crs": "EPSG:4490"}, "CRS", "WGS 84", "China Geodetic Coordinate System 2000"),
    ],
)
def test_tiles_that_differ(
    tmp_path: Path, change: dict[str, Any], place: str, wanted: str, found: str
) -> None:
    values = patches(2010, 60)
    names = cut(tmp_path, values, rows=(0, 30, 60), cols=(0, 60))
    part = values[30:].astype(change.pop("dtype", "uint8"))
    write_whole(tmp_path / names[1], part, **({"transform": at(30, 0)} | change))
    (problem,) = told(tmp_path, {2010: names})
    assert (problem.code, problem.file, problem.place) == ("raster.tiles_differ", names[1], place)
    assert (problem.values["wanted"], problem.values["found"]) == (wanted, found)
    assert names[0] in problem.text("en")
    if place == "nodata":  # an assertion settles it
        repaired = load(tmp_path, {2010: names}, nodata=0)
        assert repaired[0] is not None
        assert [p.code for p in repaired[1]] == ["raster.nodata_asserted"]


@pytest.mark.parametrize(
    ("transform", "shift"),
    [
        (Affine(CELL, 0, WEST, 0, -CELL, NORTH - 30.4 * CELL), "0.4"),
        (Affine(CELL, 0, WEST + 0.01 * CELL, 0, -CELL, NORTH - 30 * CELL), "0.01"),
        (Affine(2 * CELL, 0, WEST, 0, -CELL, NORTH - 30 * CELL), "0"),
        (Affine(1.0001 * CELL, 0, WEST, 0, -CELL, NORTH - 30 * CELL), "0.006"),
        (Affine(CELL, 0, WEST, 0, CELL, NORTH - 60 * CELL), "0"),
    ],
    ids=["between rows", "between columns", "double cells", "slightly larger cells", "south up"],
)
def test_tiles_between_the_cells(tmp_path: Path, transform: Affine, shift: str) -> None:
    values = patches(2010, 60)
    names = cut(tmp_path, values, rows=(0, 30, 60), cols=(0, 60))
    write_whole(tmp_path / names[1], values[30:], transform=transform)
    problems = [p for p in told(tmp_path, {2010: names}) if p.code == "raster.tiles_off_grid"]
    assert [problem.file for problem in problems] == [names[1]]
    assert float(str(problems[0].values["shift"])) == pytest.approx(float(shift), abs=1e-9)


def test_hardly_shifted_tiles_are_in_place(tmp_path: Path) -> None:
    values = patches(2010, 60)
    names = cut(tmp_path, values, rows=(0, 30, 60), cols=(0, 60))
    write_whole(tmp_path / names[1], values[30:], transform=at(30, 0.0005))  # type: ignore[arg-type]
    found = right(tmp_path, {2010: names})
    assert (found[2010].grid.height, found[2010].grid.width) == (60, 60)


def test_another_extent_in_another_year(tmp_path: Path) -> None:
    names = cut(tmp_path, patches(2010, 60), rows=(0, 30, 60), cols=(0, 60))
    other = write_whole(tmp_path / "other.tif", patches(2015, 60)[:59])
    problems = told(tmp_path, {2010: names, 2015: other})
    assert [problem.code for problem in problems] == ["raster.different_grids"]


def test_every_tile_is_checked(tmp_path: Path) -> None:
    values = patches(2010, 60)
    names = cut(tmp_path, values, rows=(0, 20, 40, 60), cols=(0, 60))
    (tmp_path / names[1]).write_bytes(b"no raster at all")
    write_whole(tmp_path / names[2], np.stack([values[40:]] * 2), transform=at(40, 0))
    problems = told(tmp_path, {2010: names})
    assert [(problem.code, problem.file) for problem in problems] == [
        ("raster.not_geotiff", names[1]),
        ("raster.several_bands", names[2]),
    ]


def test_missing_and_doubtful_paths_name_their_place(tmp_path: Path) -> None:
    names = cut(tmp_path, patches(2010, 60), rows=(0, 30, 60), cols=(0, 60))
    other = write_whole(tmp_path / "other.tif", patches(2015, 60))
    years = {2010: [names[0], "gone.tif", "https://x.org/a.tif"], 2015: other}
    problems = check_study(write_patchwork(tmp_path, years, size=60))
    found = [(problem.code, problem.place) for problem in problems]
    assert found == [
        ("study.no_such_file", "landcover.rasters.2010.1"),
        ("study.not_a_file_path", "landcover.rasters.2010.2"),
    ]
    years = {2010: [], 2015: [1, other]}
    problems = check_study(write_patchwork(tmp_path, years, size=60))
    assert [(p.code, p.place) for p in problems] == [
        ("study.bad_value", "landcover.rasters.2010"),
        ("study.bad_value", "landcover.rasters.2015.0"),
    ]


def test_a_damaged_tile_is_named(tmp_path: Path) -> None:
    values = {year: patches(year, 300) for year in YEARS}
    names = cut(tmp_path, values[2010], rows=(0, 130, 300), cols=(0, 300), compress="deflate")
    other = write_whole(tmp_path / "other.tif", values[2015])
    path = tmp_path / names[1]
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(content[:middle] + b"\xff" * 500 + content[middle + 500 :])
    study = write_patchwork(tmp_path, {2010: names, 2015: other})
    with pytest.raises(InputProblems) as caught:
        run_study(study, tmp_path / "out", options=TABLES)
    codes = [problem.code for problem in caught.value.problems]
    assert "raster.unreadable_block" in codes
    assert names[1] in str(caught.value)
    assert not (tmp_path / "out" / "tables").exists()


# Sizes


def test_tiles_far_apart(tmp_path: Path) -> None:
    """A frame of 1e11 cells that only two small tiles fill costs no more than the tiles."""
    fine = 1e-5
    for name, x in (("west", 100.0), ("east", 103.0)):
        place = Affine(fine, 0, x, 0, -fine, 30.0)
        write_whole(tmp_path / f"{name}.tif", patches(2010, 60), transform=place)
        write_whole(tmp_path / f"{name}-2.tif", patches(2015, 60), transform=place)
    low = Affine(fine, 0, 101.0, 0, -fine, 27.0)
    for year in ("", "-2"):
        write_whole(tmp_path / f"low{year}.tif", patches(2010, 60), transform=low)
    years = {
        2010: ["west.tif", "east.tif", "low.tif"],
        2015: ["low-2.tif", "east-2.tif", "west-2.tif"],
    }
    found = right(tmp_path, years)
    assert found[2010].grid.width * found[2010].grid.height > 9e10
    started = time.process_time()
    joint = joint_of(found, [shapely.box(102.9999, 29.9997, 103.0004, 30.0)])
    assert time.process_time() - started < 20, "it goes through the cells of the region's frame"
    assert sum(square_metres(joint).values()) == pytest.approx(0.0005 * 0.0003 * 1.07e10, rel=0.01)
    (problem,) = told(tmp_path, {2010: years[2010]}, limits=Limits(cells=10**10))
    assert (problem.code, problem.values["key"]) == ("raster.too_large", "cells")


def test_many_tiles_keep_few_files_open(tmp_path: Path) -> None:
    rows = tuple(range(0, 97, 6))
    names = cut(tmp_path, patches(2010, 96), rows=rows, cols=rows)
    other = write_whole(tmp_path / "other.tif", patches(2015, 96))
    whole = write_whole(tmp_path / "whole.tif", patches(2010, 96))
    found = right(tmp_path, {2010: names, 2015: other})
    assert len(found[2010].tiles) == 256
    shapes = list(counties(96).geometry)
    many = joint_of(found, shapes, crs=CRS)
    assert same_rows(joint_of(right(tmp_path, {2010: whole, 2015: other}), shapes, crs=CRS), many)
    with found[2010].open() as dataset:
        read_window(dataset, [1], window=(0, 96, 0, 96))
        assert len(dataset._open) == module.OPEN_FILES
        descriptors = Path("/proc/self/fd")
        if descriptors.is_dir():
            own = [item.readlink().name for item in descriptors.iterdir() if item.is_symlink()]
            assert sum(name.startswith("tile-") for name in own) <= module.OPEN_FILES


def test_a_reader_gives_what_a_dataset_gives(tmp_path: Path) -> None:
    both = np.stack([patches(2010, 60), patches(2015, 60)])
    names = cut(tmp_path, both, rows=(0, 17, 60), cols=(0, 31, 60))
    write_whole(tmp_path / "whole.tif", both)
    found = right(tmp_path, {2010: names}, band=2)
    window = rasterio.windows.Window(10, 5, 45, 50)
    with found[2010].open() as dataset, rasterio.open(tmp_path / "whole.tif") as whole:
        for bands in ([2], [2, 1]):
            assert np.array_equal(
                dataset.read(bands, window=window), whole.read(bands, window=window)
            )
        out = np.zeros((1, 50, 45), np.uint8)
        assert dataset.read([2], window=window, out=out) is out
        assert np.array_equal(out, whole.read([2], window=window))
