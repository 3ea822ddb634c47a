"""Same inputs, same bytes: however, wherever and whenever a run is carried out.

Beside the tiny province, a study that has everything: border cells, cells without data, a county
that reaches beyond the raster, another grid than the web map's, pictures, pages, a workbook.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sinks import windows
from sinks.run import Options, run_study
from tests.conftest import ROOT
from tests.faults.conftest import Driver
from tests.patchwork import contents, landcover, patches, write_patchwork, write_whole
from tests.tiny import target, write_study, write_tiny

PARTS = ("regions", "workbook", "report", "map", "rasters", "changes")
EVERYTHING = ("--only", ",".join(("tables", *PARTS)))
SIZE = 420
#: Unlike any that a developer is likely to work in.
ELSEWHERE = {
    "TZ": "Pacific/Chatham", "LC_ALL": "zh_CN.GB18030", "LANG": "de_DE", "LANGUAGE": "tr",
    "PYTHONHASHSEED": "7", "OMP_NUM_THREADS": "1", "COLUMNS": "40",
    "GDAL_NUM_THREADS": "3", "GDAL_CACHEMAX": "1", "SOURCE_DATE_EPOCH": "86400",
    "TMPDIR": "/", "MPLBACKEND": "pdf", "NUMBA_NUM_THREADS": "1",
}  # fmt: skip


@pytest.fixture(scope="module")
def finished(driver: Driver, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The larger study with a finished run, on one thread, in `out` beside it."""
    folder = tmp_path_factory.mktemp("finished")
    study = write_patchwork(folder, size=SIZE)
    targets = [target(pools=["agb"], value=1e4), target(name="cover", quantity="area", unit="ha")]
    text = study.read_text(encoding="utf-8")
    extra = write_study(folder, targets=targets).read_text(encoding="utf-8")
    study.write_text(text + extra[extra.index("[[targets]]") :], encoding="utf-8")
    done = driver.run("run", study, "--out", folder / "out", *EVERYTHING, "--workers", 1)
    assert done.code == 0, done.said
    return folder


def moved(finished: Path, folder: Path) -> Path:
    """Copy its inputs elsewhere, with other time stamps; return the study file."""
    folder.mkdir(parents=True)
    for age, path in enumerate(sorted(finished.iterdir())):
        if path.is_file():
            copied = Path(shutil.copyfile(path, folder / path.name))
            os.utime(copied, (10**9 + age, 10**9 - age))
    return folder / "study.toml"


def assert_same(first: Path, second: Path, *, without: tuple[str, ...] = ()) -> None:
    one, two = contents(first, without=without), contents(second, without=without)
    assert sorted(one) == sorted(two)
    assert len(one) > 10
    assert [name for name in one if one[name] != two[name]] == []


def test_it_has_everything(finished: Path) -> None:
    kinds = {Path(name).suffix for name in contents(finished / "out")}
    assert kinds >= {".csv", ".gpkg", ".xlsx", ".html", ".tif", ".png", ".json"}
    meta = json.loads((finished / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert set(meta["run"]) >= {"started", "seconds", "command", "workers"}


@pytest.mark.parametrize(("workers", "more"), [(2, ()), (4, ("--max-memory", "500MB"))])
def test_threads_and_memory(
    driver: Driver, finished: Path, tmp_path: Path, workers: int, more: tuple[str, ...]
) -> None:
    out = tmp_path / "out"
    words = ("run", finished / "study.toml", "--out", out, *EVERYTHING, "--workers", workers)
    done = driver.run(*words, *more)
    assert done.code == 0, done.said
    assert_same(finished / "out", out)


@pytest.mark.parametrize("strip_bytes", [1_000, 30_000])
def test_strips_and_groups(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, strip_bytes: int
) -> None:
    monkeypatch.setattr(windows, "GROUP_BYTES", 50_000)
    options = Options(parts=(), workers=3, strip_bytes=strip_bytes)
    run_study(finished / "study.toml", tmp_path / "out", options=options)
    others = ("manifest", "regions", "workbook", "report", "map", "layers", "rasters", "changes",
              "tables/change_filters")  # fmt: skip
    assert_same(finished / "out", tmp_path / "out", without=others)


def test_another_place_time_locale_and_user(finished: Path, tmp_path: Path) -> None:
    """All at once, in a new process: other folders, umask, hash seed, language, clock."""
    study = moved(finished, tmp_path / "另一个 folder")
    done = subprocess.run(
        [sys.executable, "-m", "sinks", "run", os.path.relpath(study, tmp_path), "--out", "out",
         *EVERYTHING, "--workers", "3"],
        cwd=tmp_path, env=os.environ | ELSEWHERE | {"PYTHONPATH": str(ROOT)}, umask=0o077,
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    assert_same(finished / "out", tmp_path / "out")


def test_what_stood_there_before(driver: Driver, finished: Path, tmp_path: Path) -> None:
    """Another study's run in the folder, a note of the user's: neither leaves a trace."""
    out = tmp_path / "out"
    other = write_tiny(tmp_path / "other")
    assert driver.run("run", other, "--out", out, *EVERYTHING).code == 0
    (out / "notes.txt").write_text("mine", encoding="utf-8")
    done = driver.run("run", finished / "study.toml", "--out", out, *EVERYTHING)
    assert done.code == 0, done.said
    (out / "notes.txt").unlink()
    assert_same(finished / "out", out)


def test_a_page_written_anew(driver: Driver, finished: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(finished / "out", tmp_path / "out"))
    for command in ("map", "report"):
        assert driver.run(command, out).code == 0
    assert_same(finished / "out", out)


def test_the_same_cells_in_other_blocks(driver: Driver, finished: Path, tmp_path: Path) -> None:
    """The raster's own blocks and compression are in the manifest, and in no number."""
    study = moved(finished, tmp_path / "tiled")
    options = {"tiled": True, "blockxsize": 64, "blockysize": 64, "compress": "deflate"}
    named = {
        year: write_whole(study.parent / f"lc{year}.tif", patches(year, SIZE), **options)
        for year in (2010, 2015)
    }
    assert landcover(named) in study.read_text(encoding="utf-8")
    done = driver.run("run", study, "--out", tmp_path / "out", *EVERYTHING)
    assert done.code == 0, done.said
    others = ("manifest", "workbook", "report", "map")
    assert_same(finished / "out", tmp_path / "out", without=others)


def test_the_tiny_province(driver: Driver, tmp_path: Path) -> None:
    study = write_tiny(tmp_path, targets=[target(pools=["agb"])], language="zh")
    for workers in (1, 2, 4):
        out = tmp_path / str(workers)
        words = ("run", study, "--out", out, *EVERYTHING, "--workers", workers)
        assert driver.run(*words).code == 0
        assert_same(tmp_path / "1", out)
