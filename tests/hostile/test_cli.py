"""The command line on bad inputs: exit code, words on stderr, no traceback, nothing written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.hostile import (  # noqa: F401 - they note their cases
    headers,
    rasters,
    regions,
    shapes,
    spreadsheets,
    studies,
    tables,
)
from tests.hostile.base import CASES, cells, raster, write_good

#: One of each kind: what only the whole program can get wrong.
SHOWN = {
    "studies.missing": 2,
    "studies.not_toml-deep": 2,
    "rasters.one_unknown_cell": 2,
    "rasters.cut_off_data-deflate": 2,
    "regions.web_page_named_geojson": 2,
    "regions.heights": 0,
}


def sinks(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sinks", *words]
    return subprocess.run(
        command, cwd=cwd, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        encoding="utf-8", check=False, timeout=120,
    )  # fmt: skip


@pytest.mark.parametrize(("name", "exit_code"), SHOWN.items())
def test_check(name: str, exit_code: int, tmp_path: Path) -> None:
    (case,) = [case for case in CASES if case.name == name]
    folder = tmp_path / "study"
    write_good(folder)
    case.make(folder)
    before = sorted(path.name for path in tmp_path.rglob("*"))
    done = sinks("check", "study/study.toml", "--json", "problems.json", cwd=tmp_path)
    assert done.returncode == exit_code, done.stderr
    assert "Traceback" not in done.stderr
    told = json.loads((tmp_path / "problems.json").read_text(encoding="utf-8"))
    assert [record["code"] for record in told if record["severity"] == case.answer] == list(
        case.codes
    )
    assert all(f"[{code}]" in done.stderr for code in case.codes)
    after = sorted(path.name for path in tmp_path.rglob("*"))
    assert after == sorted([*before, "problems.json"])


def test_run_refuses_without_a_trace(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    write_good(folder)
    (folder / "lc2015.tif").write_bytes(b"<VRTDataset/>")
    done = sinks("run", "study/study.toml", "--out", "out", cwd=tmp_path)
    assert done.returncode == 2
    assert "[raster.not_geotiff] lc2015.tif" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_run_refused_after_the_pass_leaves_nothing(tmp_path: Path) -> None:
    """The codes of a raster are known once it was read: the output folder was made by then."""
    folder = tmp_path / "study"
    write_good(folder)
    values = cells(2015)
    values[3, 3] = 77
    raster(folder, values=values)
    done = sinks("run", "study/study.toml", "--out", "new/out", cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert not (tmp_path / "new").exists()


def test_files_that_may_not_be_read_are_all_told(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    write_good(folder)
    names = ("legend.csv", "counties.gpkg", "lc2010.tif", "lc2015.tif")
    for name in names:
        (folder / name).chmod(0)
    if os.access(folder / "legend.csv", os.R_OK):
        pytest.skip("this user may read everything")
    done = sinks("check", "study/study.toml", cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert all(name in done.stderr for name in names)


def test_a_name_that_is_no_text_is_told(tmp_path: Path) -> None:
    """A file's name may be any bytes; the message must be text all the same."""
    done = sinks("check", os.fsdecode(b"\xff\x1b[31m.toml"), cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stderr


def test_a_folder_of_data_is_none_of_programs(tmp_path: Path) -> None:
    """A file called like a library lies beside the study; `python -m` would run it."""
    write_good(tmp_path / "study")
    trap = "raise SystemExit('a program among the data was run')\n"
    for name in ("rasterio", "pyogrio", "numpy", "pandas", "typer"):
        (tmp_path / "study" / f"{name}.py").write_text(trap, encoding="utf-8")
    done = sinks("check", "study.toml", cwd=tmp_path / "study")
    assert done.returncode == 0, done.stderr
