"""The surroundings of GDAL and PROJ are ours, whatever the user's shell says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import rasterio

from sinks.checks import Severity
from sinks.environment import GDAL_OPTIONS, KEPT_DRIVERS, PROCESS_OPTIONS, SKIPPED_DRIVERS, lock
from sinks.raster import GDAL_OPTIONS as RASTER_OPTIONS
from sinks.raster import open_raster
from sinks.run import check_study
from tests.conftest import ROOT
from tests.hostile.base import cells, raster, write_good

#: What other programs and tired people leave in the shell.
HOSTILE = {
    "GDAL_DATA": "/nowhere/gdal",
    "PROJ_LIB": "/nowhere/proj",
    "PROJ_DATA": "/nowhere/proj",
    "GDAL_VRT_ENABLE_PYTHON": "YES",
    "GDAL_DRIVER_PATH": "/nowhere/plugins",
    "GDAL_PYTHON_DRIVER_PATH": "/nowhere/plugins",
    "GDAL_CONFIG_FILE": "/nowhere/gdalrc",
    "GDAL_DISABLE_READDIR_ON_OPEN": "FALSE",
    "GDAL_PAM_ENABLED": "YES",
    "GTIFF_IGNORE_READ_ERRORS": "YES",
    "GTIFF_POINT_GEO_IGNORE": "YES",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".tif",
    "CPL_DEBUG": "ON",
    "OGR_ENABLE_PARTIAL_REPROJECTION": "YES",
    "OGR_SQLITE_LOAD_EXTENSIONS": "/nowhere/evil.so",
    "SHAPE_ENCODING": "CP1252",
    "PROJ_NETWORK": "ON",
    "PROJ_DEBUG": "3",
}

#: Asks both GDALs for all their drivers, through their own libraries.
PROBE = """
import json, os, sys
from pathlib import Path
from sinks.environment import lock
lock()
import ctypes, pyogrio, pyproj, rasterio
def drivers(module):
    folder = Path(module.__file__).parent
    names = []
    for path in folder.parent.glob(folder.name + ".libs/libgdal*"):
        library = ctypes.CDLL(str(path))
        library.GDALGetDriver.restype = ctypes.c_void_p
        library.GDALGetDriverShortName.restype = ctypes.c_char_p
        library.GDALGetDriverShortName.argtypes = [ctypes.c_void_p]
        for i in range(library.GDALGetDriverCount()):
            names.append(library.GDALGetDriverShortName(library.GDALGetDriver(i)).decode())
    return names
with rasterio.Env() as env:
    inside = sorted(env.drivers())
json.dump({
    "rasterio": inside + drivers(rasterio),
    "pyogrio": sorted(pyogrio.list_drivers()) + drivers(pyogrio),
    "network": pyproj.network.is_network_enabled(),
    "proj": pyproj.Transformer.from_crs("EPSG:4490", "EPSG:4547").transform(30.0, 114.0),
    "left": [name for name in os.environ if name in json.loads(sys.argv[1])],
}, sys.stdout)
"""


def python(*words: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    env = {"PYTHONPATH": str(ROOT)} | variables
    return subprocess.run(
        [sys.executable, *words], cwd=cwd, env=env, capture_output=True, text=True,
        encoding="utf-8", check=False, timeout=120,
    )  # fmt: skip


@pytest.fixture(scope="module")
def probed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    names = json.dumps(sorted(set(HOSTILE) - set(GDAL_OPTIONS) - set(PROCESS_OPTIONS)))
    done = python("-c", PROBE, names, cwd=tmp_path_factory.mktemp("probe"), **HOSTILE)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    result: dict[str, object] = json.loads(done.stdout)
    return result


@pytest.mark.parametrize("library", ["rasterio", "pyogrio"])
def test_no_driver_but_those_we_read_with(probed: dict[str, list[str]], library: str) -> None:
    """A failure after an upgrade of GDAL names the new drivers: add them to SKIPPED_DRIVERS."""
    assert sorted(set(probed[library]) - set(KEPT_DRIVERS)) == []
    wanted = {"GTiff"} if library == "rasterio" else {"GPKG", "ESRI Shapefile"}
    assert wanted <= set(probed[library])


def test_what_the_shell_said_is_forgotten(probed: dict[str, object]) -> None:
    assert probed["left"] == []
    assert probed["network"] is False
    assert probed["proj"] == pytest.approx([3_320_113.398, 500_000.0], abs=1e-3)


def test_kept_and_skipped_drivers_are_apart() -> None:
    skipped = SKIPPED_DRIVERS.split(",")
    assert len(set(skipped)) == len(skipped)
    assert not set(skipped) & set(KEPT_DRIVERS)


def test_lock_leaves_other_variables_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = dict.fromkeys([*GDAL_OPTIONS, *PROCESS_OPTIONS, "OGR_SQLITE_PRAGMA"], "theirs")
    monkeypatch.setattr(os, "environ", theirs | {"HOME": "somewhere", "LANG": "zh_CN.UTF-8"})
    lock()
    own = {"HOME": "somewhere", "LANG": "zh_CN.UTF-8"}
    assert os.environ == {**own, **GDAL_OPTIONS, **PROCESS_OPTIONS}


def test_every_raster_is_opened_under_our_options() -> None:
    assert RASTER_OPTIONS.items() >= GDAL_OPTIONS.items()


def test_same_answers_in_a_hostile_shell(tmp_path: Path) -> None:
    """Among others: read errors ignored would turn a cut file into zeros."""
    write_good(tmp_path / "study")
    path = raster(tmp_path / "study", values=cells(2015), compress="deflate")
    (tmp_path / "study" / "lc2015.tfw").write_text("1\n0\n0\n-1\n0\n0\n", encoding="ascii")
    done = python("-m", "sinks", "check", "study/study.toml", cwd=tmp_path, **HOSTILE)
    assert done.returncode == 0, done.stderr
    assert "[raster.side_cars]" in done.stderr
    break_stream(path)
    done = python("-m", "sinks", "check", "study/study.toml", cwd=tmp_path, **HOSTILE)
    assert done.returncode == 2
    assert "[raster.unreadable_block]" in done.stderr


def break_stream(path: Path) -> None:
    """Damage the only block of a raster that is compressed."""
    data = bytearray(path.read_bytes())
    start = data.index(b"\x78\x9c")
    data[start + 2 : start + 12] = b"\xff" * 10
    path.write_bytes(data)


def test_as_a_library_our_own_calls_are_safe_and_the_rest_is_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_good(tmp_path / "study")
    break_stream(raster(tmp_path / "study", values=cells(2015), compress="deflate"))
    monkeypatch.setenv("GTIFF_IGNORE_READ_ERRORS", "YES")
    problems = check_study(tmp_path / "study" / "study.toml")
    assert [item.code for item in problems.of(Severity.ERROR)] == ["raster.unreadable_block"]
    assert os.environ["GTIFF_IGNORE_READ_ERRORS"] == "YES"


def test_metadata_that_leads_outside_is_not_followed_when_opened(tmp_path: Path) -> None:
    """The header's check refuses such a file; until then nothing may have been opened."""
    write_good(tmp_path / "study")
    path = raster(tmp_path / "study")
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(ns="OVERVIEWS", OVERVIEW_FILE="/vsicurl/http://127.0.0.1:9/a.tif")
    with rasterio.Env(**RASTER_OPTIONS), open_raster(path) as dataset:
        assert dataset.read(1).shape == (8, 12)
