"""How commands end when the world is against them: signals, other runs, disks, files, memory."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sinks.errors import FolderLocked, OutputFailed
from sinks.exits import ended, no_memory
from sinks.folder import files_in, verify_outputs
from sinks.lock import LOCK
from sinks.memory import came_near_limit
from sinks.texts import LANGUAGES, Language
from tests.conftest import ROOT
from tests.faults.conftest import Driver, mounted, small_disk
from tests.modes import needs_modes, read_only, writable
from tests.tiny import target, write_tiny

TABLES = ("--only", "tables")


def state(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in files_in(out)}


def hidden(out: Path) -> set[str]:
    return {path.name for path in out.iterdir() if path.name.startswith(".")}


@pytest.fixture(scope="module")
def finished(driver: Driver, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny province with a finished run, its tables alone, in `out` beside it."""
    folder = tmp_path_factory.mktemp("finished")
    study = write_tiny(folder, targets=[target(pools=["agb"])])
    assert driver.run("run", study, "--out", folder / "out", *TABLES).code == 0
    return folder


@pytest.fixture
def study(finished: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may spoil."""
    return Path(shutil.copytree(finished, tmp_path / "study")) / "study.toml"


@pytest.fixture
def out(study: Path) -> Path:
    """Its finished run."""
    return study.parent / "out"


def change(study: Path) -> None:
    """Change a number of the study, so that another run has other results."""
    density = study.parent / "density.csv"
    density.write_text(density.read_text(encoding="utf-8").replace("2015,44", "2015,45"), "utf-8")


# Signals


@pytest.mark.parametrize(("act", "code"), [("terminate", 143), ("interrupt", 130)])
@pytest.mark.parametrize("when", [("compute", 0), ("write", 4), ("swap", 4)])
def test_told_to_end_it_cleans_up(
    driver: Driver, study: Path, out: Path, act: str, code: int, when: tuple[str, int]
) -> None:
    before = state(out)
    change(study)
    told = driver.run("run", study, "--out", out, *TABLES, when=when, act=act)
    assert told.code == code
    assert "Traceback" not in told.said
    assert "Stopped as asked" in told.said
    assert "已按要求中断" in told.said
    assert hidden(out) == set()
    verify_outputs(out, "en")
    # From the first rename on the new run is complete: it is put in place all the same.
    assert (state(out) == before) == (when[0] != "swap")


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows knows no hang-up")
def test_what_was_to_be_ignored_is_ignored() -> None:
    """`nohup sinks …` outlives its terminal."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert ended(lambda: os.kill(os.getpid(), signal.SIGHUP)) == 0
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        assert ended(lambda: os.kill(os.getpid(), signal.SIGHUP)) == 128 + signal.SIGHUP
    finally:
        signal.signal(signal.SIGHUP, before)


# Two runs


def test_the_second_run_is_refused_at_once(
    driver: Driver, study: Path, out: Path, tmp_path: Path
) -> None:
    flag = tmp_path / "go"
    first = driver.start(
        "run", study, "--out", out, *TABLES, when=("compute", 0), act="wait", flag=str(flag)
    )
    while not flag.with_suffix(".here").exists():
        time.sleep(0.01)
    before = state(out)
    for words in (("run", study, "--out", out, *TABLES), ("report", out)):
        second = driver.run(*words)
        assert (second.code, str(out) in second.said) == (4, True), second.said
        assert f"process {first[0]} on" in second.said
    assert driver.run("verify", out).code == 0, "reading needs no lock"
    assert state(out).items() >= before.items()
    flag.touch()
    assert driver.wait(first).code == 0
    assert driver.run("run", study, "--out", out, *TABLES).code == 0


def test_the_lock_of_a_killed_run_is_no_obstacle(driver: Driver, study: Path, out: Path) -> None:
    words = ("run", study, "--out", out, *TABLES)
    assert driver.run(*words, when=("compute", 0), act="kill").code == -9
    assert (out / LOCK).read_text(encoding="utf-8").partition("\n")[0].isdecimal()
    assert driver.run("verify", out).code == 0
    assert driver.run(*words).code == 0
    assert hidden(out) == set()


# Disks

EVERYTHING = ("--only", "tables,regions,workbook,report,map,rasters")


def fill(folder: Path) -> Path:
    """Fill a file system to the last block."""
    path = folder / "filler"
    with path.open("wb", buffering=0) as stream:
        for size in (4096, 512, 1):
            try:
                while True:
                    stream.write(b"\0" * size)
            except OSError:
                continue
    return path


def test_a_full_disk(driver: Driver, study: Path, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 3000):
        out = tmp_path / "disk" / "out"
        assert driver.run("run", study, "--out", out, "--only", "regions").code == 0
        filler = fill(tmp_path / "disk")
        before = state(out)
        for words in (("run", study, "--out", out), ("report", out)):
            refused = driver.run(*words)
            assert refused.code == 3, refused.said
            assert "No space left" in refused.said
            assert "Traceback" not in refused.said
            assert (state(out), hidden(out)) == (before, set())
        filler.unlink()
        assert driver.run("verify", out).code == 0
        assert driver.run("report", out).code == 0


def test_a_read_only_disk(driver: Driver, study: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with small_disk(disk, 3000):
        out = disk / "out"
        words = ("run", study, "--out", out, *TABLES)
        assert driver.run(*words).code == 0
        before = state(out)
        assert mounted("-o", "remount,ro", disk)
        refused = driver.run(*words)
        assert refused.code == 3, refused.said
        assert "Read-only" in refused.said
        assert str(out) in refused.said
        assert driver.run("verify", out).code == 0, "reading needs no writing"
        assert state(out) == before
        # Cut off half-way, and then it cannot be written any more: that is said.
        mounted("-o", "remount,rw", disk)
        change(study)
        assert driver.run(*words, when=("swap", 3), act="kill").code == -9
        mounted("-o", "remount,ro", disk)
        for command in ("verify", "report"):
            refused = driver.run(command, out)
            assert refused.code == 3
            assert "中断" in refused.said
        mounted("-o", "remount,rw", disk)
        assert driver.run("verify", out).code == 0
        assert hidden(out) == set()


@pytest.mark.parametrize("kilobytes", [8, 48, 80, 100, 160])
def test_full_while_writing_tables_regions_rasters_pictures_pages(
    driver: Driver, study: Path, out: Path, tmp_path: Path, kilobytes: int
) -> None:
    """Each library has its own word for it; the answer is one, and nothing is there."""
    with small_disk(tmp_path / "disk", kilobytes):
        refused = driver.run("run", study, "--out", tmp_path / "disk" / "new" / "out", *EVERYTHING)
        assert refused.code == 3, refused.said
        assert "No space left" in refused.said
        assert "Traceback" not in refused.said
        assert list((tmp_path / "disk").iterdir()) == []


@pytest.mark.parametrize("largest", [2_000, 20_000, 100_000])
def test_a_quota_on_files(driver: Driver, study: Path, out: Path, largest: int) -> None:
    """As `ulimit -f`: the same, and it needs no root."""
    before = state(out)
    refused = driver.run("run", study, "--out", out, *EVERYTHING, largest_file=largest)
    assert refused.code == 3, refused.said
    assert "File too large" in refused.said
    assert "Traceback" not in refused.said
    assert (state(out), hidden(out)) == (before, set())


@needs_modes
def test_a_folder_without_permission(driver: Driver, study: Path, out: Path) -> None:
    before = state(out)
    read_only(out)
    try:
        for words in (("run", study, "--out", out, *TABLES), ("report", out)):
            refused = driver.run(*words, modes=True)
            assert refused.code == 3, refused.said
            assert "Permission denied" in refused.said
            assert str(out) in refused.said
            assert "Traceback" not in refused.said
        assert driver.run("verify", out, modes=True).code == 0
        refused = driver.run("run", study, "--out", out / "new" / "deeper", modes=True)
        assert refused.code == 3, refused.said
        assert (state(out), hidden(out)) == (before, set())
    finally:
        writable(out)


@needs_modes
def test_a_folder_of_another_that_cannot_be_read(driver: Driver, study: Path, out: Path) -> None:
    (out / "manifest.json").chmod(0)
    refused = driver.run("verify", out, modes=True)
    assert refused.code == 3, refused.said
    assert str(out) in refused.said
    assert "Traceback" not in refused.said


def test_a_file_where_the_folder_should_be(driver: Driver, study: Path, out: Path) -> None:
    refused = driver.run("run", study, "--out", study, *TABLES)
    assert refused.code == 3, refused.said
    assert str(study) in refused.said


# Inputs

CHANGED = {"en": "changed while the run was reading it", "zh": "运行期间 {name} 发生了变化"}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ["lc2010.tif", "counties.gpkg", "density.csv"])
def test_an_input_that_vanishes_meanwhile(
    driver: Driver, study: Path, out: Path, name: str, language: Language
) -> None:
    before = state(out)
    told = study.read_text(encoding="utf-8").replace('"en"', f'"{language}"')
    study.write_text(told, encoding="utf-8")
    refused = driver.run(
        "run", study, "--out", out, *TABLES,
        when=("compute", 0), act="remove", file=str(study.parent / name),
    )  # fmt: skip
    assert refused.code == 5, refused.said
    assert CHANGED[language].format(name=name) in refused.said
    assert name in refused.said
    assert (state(out), hidden(out)) == (before, set())


def test_a_new_time_stamp_is_no_change(driver: Driver, study: Path, out: Path) -> None:
    raster = str(study.parent / "lc2015.tif")
    words = ("run", study, "--out", out, *TABLES)
    assert driver.run(*words, when=("compute", 0), act="touch", file=raster).code == 0


def test_an_input_cut_short_meanwhile(driver: Driver, study: Path, out: Path) -> None:
    """What cannot be read any more is no problem of the input: it changed."""
    before = state(out)
    raster = study.parent / "lc2015.tif"
    refused = driver.run(
        "run", study, "--out", out, *TABLES, when=("compute", 0), act="cut", file=str(raster)
    )
    assert refused.code == 5, refused.said
    assert "lc2015.tif changed" in refused.said
    assert (state(out), hidden(out)) == (before, set())


# Memory


def test_a_limit_that_is_too_low_is_told_before_anything_else(study: Path, out: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (10**9, 10**9))

    for words in (["run", study, "--out", study.parent / "new"], ["verify", out]):
        done = subprocess.run(
            [sys.executable, "-m", "sinks", *map(str, words)], preexec_fn=limit, cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 3, done.stderr
        assert "ulimit -v" in done.stderr
        assert "1,000 MB" in done.stderr
        assert "地址空间" in done.stderr
        assert "Traceback" not in done.stderr
    assert not (study.parent / "new").exists()


@pytest.mark.parametrize("act", ["memory", "array"])
def test_want_of_memory_is_told(driver: Driver, study: Path, out: Path, act: str) -> None:
    before = state(out)
    refused = driver.run("run", study, "--out", out, *TABLES, when=("write", 2), act=act)
    assert refused.code == 3
    assert "--max-memory" in refused.said
    assert "Traceback" not in refused.said
    assert (state(out), hidden(out)) == (before, set())


@pytest.mark.parametrize("more", [0, 60 << 20])
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux")
def test_memory_that_ends_on_the_way(driver: Driver, study: Path, out: Path, more: int) -> None:
    """Better an error in words than a library that ends the process, or waits for ever."""
    before = state(out)
    refused = driver.run(
        "run", study, "--out", out, *EVERYTHING, when=("compute", 0), act="limit", more=more
    )
    assert refused.code == 3, refused.said
    assert "--max-memory" in refused.said
    assert "Traceback" not in refused.said
    assert (state(out), hidden(out)) == (before, set())


def test_near_the_limit_every_strange_error_is_want_of_memory(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sinks.exits.came_near_limit", lambda: True)
    assert failing(RuntimeError("OGR Error code 6")) == 3
    said = capsys.readouterr().err
    assert "OGR Error code 6" in said
    assert "--max-memory" in said
    assert failing(FolderLocked("held")) == 4, "some errors have no other reading"
    monkeypatch.undo()
    assert not came_near_limit(), "the tests run without a limit"


def failing(error: Exception, cause: Exception | None = None) -> int:
    def command() -> None:
        raise error from cause

    return ended(command)


def test_a_library_out_of_memory_is_known_by_its_words(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert failing(OSError(12, "Cannot allocate memory")) == 3
    assert "--max-memory" in capsys.readouterr().err
    assert failing(OutputFailed("Writing failed"), RuntimeError("std::bad_alloc")) == 3
    assert "--max-memory" in capsys.readouterr().err
    assert failing(OutputFailed("Writing failed")) == 3
    assert capsys.readouterr().err == "Writing failed\n"
    assert not no_memory(OutputFailed("file `out of memory.csv`"))
    with pytest.raises(ZeroDivisionError):
        failing(ZeroDivisionError())
    assert ended(lambda: None) == 0
    assert ended(lambda: 2) == 2
