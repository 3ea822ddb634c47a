"""The command line: what each command says, its exit code, and never a traceback."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from rasterio.transform import Affine, from_origin
from shapely.geometry import Polygon

from sinks import __version__, cli
from sinks.folder import files_in, held
from sinks.legend import packaged_legends
from sinks.parameters import tables
from sinks.study import schema
from sinks.texts import LANGUAGES
from tests.conftest import ROOT
from tests.tiny import (
    CELL,
    DENSITY,
    LANDCOVER,
    LEGEND,
    NORTH,
    REGIONS,
    WEST,
    counties,
    cover,
    target,
    write_raster,
    write_study,
    write_tiny,
)

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Return what runs a command in this process: exit code, output, errors."""

    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["sinks", *map(str, words)])
        code = cli.run_command()
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny province with a finished run in `out`; tests copy it before they change it."""
    from sinks.run import Options, run_study

    folder = tmp_path_factory.mktemp("cli")
    study = write_tiny(folder, targets=[target(pools=["agb"])])
    run_study(study, folder / "out", options=Options(workers=1))
    return folder / "out"


@pytest.fixture
def out(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "out"))


# Help


def commands() -> list[str]:
    group = typer.main.get_command(cli.app)
    return sorted(name for name, item in group.commands.items() if not item.hidden)


def test_the_commands_of_the_design_are_there() -> None:
    assert set(commands()) >= {
        "demo", "init", "check", "run", "map", "report", "explain", "verify", "legends",
        "parameters", "schema",
    }  # fmt: skip


@pytest.mark.parametrize("name", commands())
def test_every_command_has_help_in_both_languages(command: Command, name: str) -> None:
    code, text, errors = command(name, "--help")
    assert (code, errors) == (0, "")
    assert "Usage: " in text
    assert any("\u4e00" <= sign <= "\u9fff" for sign in text)
    assert " · " in text


def test_without_a_command_the_help_is_shown(command: Command) -> None:
    code, text, errors = command("--help")
    assert code == 0
    assert all(name in text for name in commands())
    assert "碳汇" in text
    code, text, errors = command()
    assert "Usage: " in text + errors


@pytest.mark.parametrize(
    "words",
    [
        ["grow"],
        ["run"],
        ["run", "study.toml"],
        ["check", "study.toml", "--loud"],
        ["init", "x", "--language", "fr"],
        ["run", "study.toml", "--out", "x", "--workers", "0"],
        ["run", "study.toml", "--out", "x", "--only", "tables,pdf"],
        ["run", "study.toml", "--out", "x", "--only", ""],
    ],
)
def test_wrong_words_are_answered_with_2(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_tiny(tmp_path)
    code, _, errors = command(*words)
    assert code == 2
    assert "Traceback" not in errors
    assert not (tmp_path / "x").exists()


# Each command


@pytest.mark.parametrize("language", LANGUAGES)
def test_init_writes_a_study_once(command: Command, tmp_path: Path, language: str) -> None:
    code, text, _ = command("init", tmp_path / "new", "--language", language)
    assert code == 0
    assert "study.toml" in text
    written = (tmp_path / "new" / "study.toml").read_bytes()
    assert f'language = "{language}"'.encode() in written
    code, _, errors = command("init", tmp_path / "new", "--language", language)
    assert code == 3
    assert "study.toml" in errors
    assert (tmp_path / "new" / "study.toml").read_bytes() == written


def test_check_of_a_right_study(command: Command, tmp_path: Path) -> None:
    study = write_tiny(tmp_path)
    before = files_in(tmp_path)
    assert command("check", study) == (0, "No errors: the study can be run.\n", "")
    assert files_in(tmp_path) == before
    write_study(tmp_path, language="zh")
    assert command("check", study) == (0, "未发现错误，可以运行。\n", "")


def test_check_tells_warnings_and_goes_on(command: Command, tmp_path: Path) -> None:
    study = write_tiny(tmp_path)
    text = DENSITY.replace("a guess,secondary", "a guess,memory")
    (tmp_path / "density.csv").write_text(text, encoding="utf-8")
    code, told, errors = command("check", study)
    assert (code, told) == (0, "No errors: the study can be run.\n")
    assert errors.count("parameter.memory") == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_check_writes_its_problems_where_told(
    command: Command, tmp_path: Path, language: str
) -> None:
    study = write_tiny(tmp_path, language=language, targets=[target(unit="t")])
    code, told, errors = command("check", study, "--json", tmp_path / "problems.json")
    assert (code, told) == (2, "")
    assert errors.count("study.target_unit") == 1
    records = json.loads((tmp_path / "problems.json").read_text(encoding="utf-8"))
    (record,) = records
    assert record["code"] == "study.target_unit"
    assert (record["severity"], record["file"]) == ("ERROR", "study.toml")
    assert record["place"] == "targets.0 (carbon)"
    assert record["text"][language] + "\n" == errors
    assert set(record["text"]) == {"zh", "en"}


def test_problems_that_cannot_be_written_are_an_input_output_error(
    command: Command, tmp_path: Path
) -> None:
    code, _, errors = command(
        "check", write_tiny(tmp_path), "--json", tmp_path / "no" / "such" / "folder.json"
    )
    assert code == 3
    assert "folder.json" in errors


def test_run_says_what_was_found_and_where_to_look(command: Command, tmp_path: Path) -> None:
    study = write_tiny(tmp_path, targets=[target(pools=["agb"])])
    out = tmp_path / "out"
    code, text, errors = command("run", study, "--out", out, "--only", "tables")
    assert (code, errors) == (0, "")
    assert str(out / "tables") in text
    assert "is met" in text
    assert "t CO₂" in text
    meta = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert meta["run"]["command"] == f"sinks run {study} --out {out} --only tables"


@pytest.mark.parametrize("name", ["map", "report"])
def test_a_page_is_written_anew(command: Command, out: Path, name: str) -> None:
    page = out / f"{name}.html"
    before = page.read_bytes()
    page.unlink()
    code, text, _ = command(name, out)
    assert code == 0
    assert str(page) in text
    assert page.read_bytes() == before
    assert command("verify", out)[0] == 0


def test_verify(command: Command, out: Path) -> None:
    code, text, _ = command("verify", out)
    assert code == 0
    assert "as the manifest says" in text
    (out / "tables" / "stock.csv").write_text("mine", encoding="utf-8")
    code, text, errors = command("verify", out)
    assert (code, text) == (3, "")
    assert "tables/stock.csv" in errors


@pytest.mark.parametrize("region", ["0101", "甲县", "江北市", "ALL"])
def test_explain(command: Command, out: Path, region: str) -> None:
    code, text, _ = command("explain", out, region)
    assert code == 0
    assert "2015" in text


def test_explain_names_the_nearest_region(command: Command, out: Path) -> None:
    code, _, errors = command("explain", out, "0110")
    assert code == 2
    assert "0101" in errors


@pytest.mark.parametrize("name", ["map", "report", "verify", "explain"])
def test_a_folder_without_a_run_is_refused(command: Command, tmp_path: Path, name: str) -> None:
    words = [name, tmp_path] + (["0101"] if name == "explain" else [])
    code, _, errors = command(*words)
    assert code == 3
    assert str(tmp_path) in errors
    assert files_in(tmp_path) == []


def test_a_run_without_regions_has_no_map(command: Command, tmp_path: Path) -> None:
    study = write_tiny(tmp_path)
    out = tmp_path / "out"
    assert command("run", study, "--out", out, "--only", "tables")[0] == 0
    code, _, errors = command("map", out)
    assert code in (2, 3)
    assert "regions.gpkg" in errors
    assert not (out / "map.html").exists()


def test_lists(command: Command) -> None:
    code, text, _ = command("legends")
    assert code == 0
    assert all(name in text for name in packaged_legends())
    assert "森林" in text
    code, text, _ = command("parameters")
    assert code == 0
    assert text.split() == list(tables())
    code, text, _ = command("parameters", "spreads")
    assert code == 0
    assert text.startswith("pool,relative_se")
    code, _, errors = command("parameters", "spread")
    assert code == 2
    assert "spreads" in errors
    code, text, _ = command("schema")
    assert code == 0
    assert json.loads(text) == schema()
    assert command("version") == (0, f"{__version__}\n", "")


# Exit codes


def test_exit_code_of_a_held_folder(command: Command, tmp_path: Path) -> None:
    study = write_tiny(tmp_path)
    with held(tmp_path / "out", "en"):
        code, text, errors = command("run", study, "--out", tmp_path / "out")
    assert (code, text) == (4, "")
    assert "Another run" in errors


def test_exit_code_of_a_changing_input(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sinks import run

    study = write_tiny(tmp_path, language="zh")
    write = run.write_table

    def meanwhile(*args: Any) -> None:
        (tmp_path / "legend.csv").write_text(LEGEND + "\n", encoding="utf-8")
        write(*args)

    monkeypatch.setattr(run, "write_table", meanwhile)
    code, text, errors = command("run", study, "--out", tmp_path / "out", "--only", "tables")
    assert (code, text) == (5, "")
    assert "legend.csv" in errors
    assert "未发布" in errors


def test_exit_code_of_a_place_that_cannot_be_written(command: Command, tmp_path: Path) -> None:
    study = write_tiny(tmp_path)
    (tmp_path / "out").write_text("", encoding="utf-8")
    code, _, errors = command("run", study, "--out", tmp_path / "out")
    assert code == 3
    assert str(tmp_path / "out") in errors


def test_exit_code_of_a_strangers_folder(command: Command, tmp_path: Path) -> None:
    study = write_tiny(tmp_path)
    (tmp_path / "out" / "tables").mkdir(parents=True)
    (tmp_path / "out" / "tables" / "mine.csv").write_text("mine", encoding="utf-8")
    code, _, errors = command("run", study, "--out", tmp_path / "out", "--only", "tables")
    assert code == 3
    assert "`tables`" in errors
    assert files_in(tmp_path / "out" / "tables") == ["mine.csv"]


# Bad studies


def rasters(folder: Path, cells: Any = None, *, year: int = 2015, **options: Any) -> None:
    shown = cover(year) if cells is None else cells
    write_raster(folder / f"lc{year}.tif", shown, **options)


def both_rasters(folder: Path, **options: Any) -> None:
    for year in (2010, 2015):
        rasters(folder, year=year, **options)


def regions(folder: Path, **columns: Any) -> None:
    counties(**columns).to_file(folder / "counties.gpkg", layer="counties")


def overlapping(folder: Path) -> None:
    frame = counties()
    frame.loc[0, "geometry"] = frame.geometry[0].buffer(50)
    frame.to_file(folder / "counties.gpkg", layer="counties")


def elsewhere(folder: Path) -> None:
    frame = counties()
    frame.geometry = frame.translate(200_000)
    frame.to_file(folder / "counties.gpkg", layer="counties")


def truncated(folder: Path) -> None:
    rng = np.random.Generator(np.random.PCG64(1))
    cells = rng.integers(1, 5, (4, 12), np.uint8)
    rasters(folder, np.tile(cells, (50, 1)), compress="deflate")
    path = folder / "lc2015.tif"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def text_file(name: str, content: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / name).write_text(content, encoding="utf-8")

    return write


def study_of(**parts: Any) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        write_study(folder, **parts)

    return write


VRT = '<VRTDataset rasterXSize="1" rasterYSize="1"></VRTDataset>'
SAME = 'legend = "legend.csv"\nrasters = { 2010 = "lc2010.tif", 2015 = "lc2010.tif" }'
HALF = from_origin(WEST + CELL / 2, NORTH, CELL, CELL)
ROTATED = Affine.translation(WEST, NORTH) * Affine.rotation(10) * Affine.scale(CELL, -CELL)
BAD: dict[str, tuple[Callable[[Path], Any], str]] = {
    "half a cell apart": (lambda f: rasters(f, transform=HALF), "raster.different_grids"),
    "another size": (lambda f: rasters(f, cover(2015)[:3]), "raster.different_grids"),
    "two zones": (
        lambda f: (
            rasters(f, year=2010, crs="EPSG:32649", transform=from_origin(5e5, 3.4e6, 100, 100)),
            rasters(f, crs="EPSG:32650", transform=from_origin(5e5, 3.4e6, 100, 100)),
        ),
        "raster.different_grids",
    ),
    "no crs": (lambda f: both_rasters(f, crs=None), "raster.no_crs"),
    "rotated": (lambda f: both_rasters(f, transform=ROTATED), "raster.rotated"),
    "several bands": (lambda f: rasters(f, np.stack([cover(2010)] * 2)), "raster.several_bands"),
    "fractions": (lambda f: rasters(f, cover(2015) + np.float32(0.5)), "raster.not_whole"),
    "a page": (text_file("lc2015.tif", "<html></html>"), "raster.not_geotiff"),
    "a program": (text_file("lc2015.tif", VRT), "raster.not_geotiff"),
    "nothing": (text_file("lc2015.tif", ""), "raster."),
    "cut off": (truncated, "raster."),
    "unknown code": (
        lambda f: rasters(f, np.full((4, 12), 9, np.uint8), year=2010),
        "raster.unknown_code",
    ),
    "only no data": (
        lambda f: rasters(f, np.zeros((4, 12), np.uint8)),
        "raster.all_nodata",
    ),
    "never together": (
        lambda f: (
            rasters(f, np.where(np.arange(12) < 6, 1, 0).astype(np.uint8)[None].repeat(4, 0)),
            rasters(
                f,
                np.where(np.arange(12) < 6, 0, 1).astype(np.uint8)[None].repeat(4, 0),
                year=2010,
            ),
        ),
        "raster.nothing_common",
    ),
    "same file": (study_of(landcover=SAME), "raster.same_twice"),
    "elsewhere": (elsewhere, "raster.no_overlap"),
    "repeated codes": (lambda f: regions(f, code=["1", "1", "2"]), "regions.duplicate_code"),
    "overlaps": (overlapping, "regions."),
    "no such column": (
        study_of(regions=REGIONS.replace('"name"', '"nmae"')),
        "regions.no_column",
    ),
    "no boundaries": (text_file("counties.gpkg", "x"), "regions."),
    "legend of poems": (text_file("legend.csv", "床前明月光\n疑是地上霜\n"), "table.columns"),
    "unknown legend": (
        study_of(landcover=LANDCOVER.replace("legend.csv", "clcdd")),
        "legend.unknown",
    ),
    "unknown densities": (study_of(density='table = "hubei_2011"'), "density.unknown_set"),
    "negative density": (
        text_file("density.csv", DENSITY.replace("120", "-1")),
        "density.negative",
    ),
    "missing density": (text_file("density.csv", DENSITY.replace("crop", "c")), "density.missing"),
    "a workbook": (
        lambda f: (f / "density.csv").write_bytes(b"PK\x03\x04" + bytes(100)),
        "table.",
    ),
    "unit of area": (study_of(targets=[target(unit="ha")]), "study.target_unit"),
    "share of cover": (
        study_of(targets=[target(quantity="cover", unit="%", share_by="area")]),
        "study.share_of_cover",
    ),
    "not toml": (text_file("study.toml", "[study"), "study.not_toml"),
    "no tables": (text_file("study.toml", ""), "study.missing_key"),
    "no study": (lambda f: (f / "study.toml").unlink(), "study.unreadable"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_study_is_answered_with_2(command: Command, tmp_path: Path, name: str) -> None:
    """Code, file and what to do; no traceback, nothing written."""
    study = write_tiny(tmp_path)
    spoil, expected = BAD[name]
    spoil(tmp_path)
    before = files_in(tmp_path)
    code, told, errors = command("run", study, "--out", tmp_path / "out", "--only", "tables")
    assert (code, told) == (2, ""), errors
    assert f"[{expected}" in errors
    assert "what to do: " in errors or "怎么办：" in errors
    assert "Traceback" not in errors
    assert [name for name in files_in(tmp_path) if not name.startswith("out/.")] == before


@pytest.mark.parametrize(
    "name", ["half a cell apart", "unknown code", "missing density", "not toml"]
)
def test_check_says_what_run_would_say(command: Command, tmp_path: Path, name: str) -> None:
    study = write_tiny(tmp_path)
    BAD[name][0](tmp_path)
    assert command("check", study) == command("run", study, "--out", tmp_path / "out")


def test_a_hostile_geometry_is_no_traceback(command: Command, tmp_path: Path) -> None:
    study = write_tiny(tmp_path)
    frame = counties()
    bow = Polygon(
        [(WEST, NORTH), (WEST + 400, NORTH - 400), (WEST + 400, NORTH), (WEST, NORTH - 400)]
    )
    frame.loc[0, "geometry"] = bow
    frame.to_file(tmp_path / "counties.gpkg", layer="counties")
    code, _, errors = command("check", study)
    assert code in (0, 2)
    assert "[regions." in errors
    assert "Traceback" not in errors


# The program itself


def program(*words: object, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sinks", *map(str, words)],
        cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip


def test_the_program_turns_answers_into_exit_codes(tmp_path: Path) -> None:
    write_tiny(tmp_path)
    rasters(tmp_path, transform=HALF)
    done = program("check", "study.toml", folder=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "raster.different_grids" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Warning" not in done.stderr


def test_the_program_is_quiet_where_nobody_looks(tmp_path: Path) -> None:
    write_tiny(tmp_path)
    done = program("run", "study.toml", "--out", "out", "--only", "tables", folder=tmp_path)
    assert done.returncode == 0
    assert done.stderr == "", "no progress bars and no warnings of libraries"
