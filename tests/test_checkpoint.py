"""Checkpoints: a killed run goes on where it was and ends in the same bytes, or starts anew."""

from __future__ import annotations

import errno
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sinks import checkpoint as module
from sinks import windows
from sinks.checkpoint import FOLDER, Checkpoint
from sinks.joint import Partial, threads
from sinks.run import Options, run_study
from tests.conftest import ROOT
from tests.patchwork import contents, patches, write_patchwork, write_whole

STRIP_BYTES, GROUP_BYTES = 8_000, 30_000
#: Runs a study and kills itself, as a power cut would, once so many groups are done.
KILLED = """
import os, signal, sys
from pathlib import Path
from sinks import checkpoint, windows
from sinks.run import Options, run_study

study, out, after, workers = sys.argv[1:]
checkpoint.AFTER_S, windows.GROUP_BYTES = 0, {group_bytes}
done = []

def progress(stage, part):
    if stage == "areas":
        done.append(part)
        if len(done) == int(after):
            os.kill(os.getpid(), signal.SIGKILL)

options = Options(parts=(), workers=int(workers), strip_bytes={strip_bytes}, progress=progress)
run_study(Path(study), Path(out), options=options)
"""


class Counting:
    """The engine of one machine, and the groups that it was asked for."""

    def __init__(self, workers: int = 2) -> None:
        self.asked: list[int] = []
        self.engine = threads(workers)

    def __call__(self, job: Any, groups: Mapping[int, Any]) -> Iterator[tuple[int, Partial]]:
        self.asked += groups
        yield from self.engine(job, groups)


@pytest.fixture
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "GROUP_BYTES", GROUP_BYTES)


def killed(study: Path, out: Path, *, after: int, workers: int = 2) -> int:
    """Run until killed; return how many groups were saved."""
    code = KILLED.format(group_bytes=GROUP_BYTES, strip_bytes=STRIP_BYTES)
    command = [sys.executable, "-c", code, str(study), str(out), str(after), str(workers)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert not (out / "manifest.json").exists()
    return len(list((out / FOLDER).rglob("*.sums")))


def run(study: Path, out: Path, *, workers: int = 2, strip_bytes: int = STRIP_BYTES) -> list[int]:
    """Run to the end; return the groups that were computed."""
    counting = Counting(workers)
    options = Options(parts=(), engine=counting, strip_bytes=strip_bytes)
    run_study(study, out, options=options)
    assert not (out / FOLDER).exists()
    return counting.asked


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_killed_run_goes_on(tmp_path: Path, small_groups: None) -> None:
    study, out = write_patchwork(tmp_path), tmp_path / "out"
    every = run(study, tmp_path / "alone")
    assert len(every) > 15
    saved = killed(study, out, after=6)
    assert 5 <= saved <= 6, "the last one may have been seen before it was saved"
    again = killed(study, out, after=9, workers=1)
    assert saved < again <= 9, "killed twice, by another number of workers: it still goes on"
    computed = run(study, out, workers=3)
    assert len(computed) == len(every) - again
    assert contents(out) == contents(tmp_path / "alone")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_what_was_saved_for_something_else_is_not_used(tmp_path: Path, small_groups: None) -> None:
    study, out = write_patchwork(tmp_path), tmp_path / "out"
    assert killed(study, out, after=9)
    kept = {path: path.read_bytes() for path in (out / FOLDER).rglob("*") if path.is_file()}
    every = run(study, tmp_path / "coarser", strip_bytes=2 * STRIP_BYTES)
    assert run(study, out, strip_bytes=2 * STRIP_BYTES) == every, "other strips: other groups"

    def put_back() -> None:
        for path, body in kept.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)

    put_back()
    assert len(run(study, out)) + 8 <= len(every) * 2, "as it was: it is used"
    put_back()
    values = patches(2010)
    values[0, 0] = 4
    write_whole(tmp_path / "lc2010.tif", values)
    changed = run(study, out)
    assert changed == run(study, tmp_path / "anew"), "another input: all is computed"
    assert contents(out) == contents(tmp_path / "anew")
    put_back()
    write_whole(tmp_path / "lc2010.tif", patches(2010))
    text = study.read_text(encoding="utf-8").replace("[density]", 'coverage = "centre"\n[density]')
    study.write_text(text, encoding="utf-8")
    assert run(study, out) == changed, "another setting: all is computed"


# One pass, on sums made up


def made_up(group: int) -> Partial:
    values = np.arange(group + 3)
    return Partial(values, np.full((group + 3, 2), group, np.uint8), values * 10**12)


class Engine:
    """Yields made-up sums; may stop as if killed."""

    def __init__(self, stop: int = 10**9) -> None:
        self.asked: list[int] = []
        self.stop = stop

    def __call__(self, _job: Any, groups: Mapping[int, Any]) -> Iterator[tuple[int, Partial]]:
        self.asked = list(groups)
        for count, i in enumerate(groups):
            if count == self.stop:
                raise KeyboardInterrupt
            yield i, made_up(i)


GROUPS: dict[int, Sequence[Any]] = {i: ((i, i + 1, 0, 5),) for i in range(10)}


def passed(out: Path, engine: Engine, *, key: Any = "k", groups: Any = GROUPS) -> dict[int, Any]:
    """Go through all groups; return their sums."""
    job: Any = None
    return dict(Checkpoint(out, {"key": key}).resuming(engine)(job, groups))


def equal(found: Partial, wanted: Partial) -> bool:
    return all(
        np.array_equal(getattr(found, name), getattr(wanted, name))
        and getattr(found, name).dtype == getattr(wanted, name).dtype
        for name in ("region", "symbols", "area")
    )


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AFTER_S", 0)


def interrupted(out: Path, stop: int) -> list[Path]:
    """Stop a pass after so many groups; return the files that it saved."""
    with pytest.raises(KeyboardInterrupt):
        passed(out, Engine(stop))
    return sorted((out / FOLDER).rglob("*.sums"))


def test_a_short_pass_saves_nothing(tmp_path: Path) -> None:
    assert interrupted(tmp_path, 7) == []
    assert not (tmp_path / FOLDER).exists()


def test_finished_groups_are_not_computed_again(tmp_path: Path, at_once: None) -> None:
    assert len(interrupted(tmp_path, 7)) == 7
    engine = Engine()
    found = passed(tmp_path, engine)
    assert engine.asked == [7, 8, 9]
    assert all(equal(found[i], made_up(i)) for i in GROUPS)
    engine = Engine()
    assert len(passed(tmp_path, engine)) == 10
    assert engine.asked == [], "all is there: the engine is not even asked"
    Checkpoint(tmp_path, {}).forget()
    assert not (tmp_path / FOLDER).exists()


def test_early_groups_are_saved_with_the_first_late_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, *(15.0 * i for i in range(100))])
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock))
    assert len(interrupted(tmp_path, 4)) == 0  # at 45 s
    clock = iter([0.0, *(15.0 * i for i in range(100))])
    assert len(interrupted(tmp_path, 7)) == 7  # at 90 s


@pytest.mark.parametrize("change", ["key", "groups"])
def test_other_sums_are_forgotten(tmp_path: Path, at_once: None, change: str) -> None:
    interrupted(tmp_path, 7)
    engine = Engine()
    other = {i: ((i, i + 1, 0, 6),) for i in range(10)}
    passed(tmp_path, engine, **({"key": "other"} if change == "key" else {"groups": other}))
    assert len(engine.asked) == 10
    assert len(list((tmp_path / FOLDER).iterdir())) == 1


@pytest.mark.parametrize("seed", range(5))
def test_damaged_sums_are_computed_again(tmp_path: Path, at_once: None, seed: int) -> None:
    files = interrupted(tmp_path, 7)
    rng = np.random.default_rng(seed)
    for path in files[:6]:
        content = bytearray(path.read_bytes())
        at = int(rng.integers(len(content)))
        content[at] ^= int(rng.integers(1, 256))
        path.write_bytes(content)
    files[0].write_bytes(b"")
    files[1].write_bytes(files[1].read_bytes()[:-1])
    engine = Engine()
    found = passed(tmp_path, engine)
    assert len(engine.asked) == 9
    assert all(equal(found[i], made_up(i)) for i in GROUPS)


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_a_full_disk_does_not_end_the_run(
    tmp_path: Path, at_once: None, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    tried = []
    write = Path.write_bytes

    def full(path: Path, body: bytes) -> int:
        tried.append(path)
        if len(tried) < 4:
            return write(path, body)
        raise OSError(error, "no")

    monkeypatch.setattr(Path, "write_bytes", full)
    found = passed(tmp_path, Engine())
    assert all(equal(found[i], made_up(i)) for i in GROUPS)
    assert len(tried) == 4, "once is enough"
    assert not list((tmp_path / FOLDER).rglob("*.sums")), "the results need the room"


def test_a_link_leads_nowhere(tmp_path: Path, at_once: None) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    out = tmp_path / "out"
    out.mkdir()
    (out / FOLDER).symlink_to(elsewhere, target_is_directory=True)
    assert len(passed(out, Engine())) == 10
    assert list(elsewhere.iterdir()) == []
