"""Compiled kernels where nothing can be kept: no folder to write, a full disk, damaged files."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numba
import pytest

from sinks import compiled as module
from sinks.compiled import compiled, inlined
from tests.conftest import ROOT
from tests.modes import needs_modes, obey_modes, read_only, writable

#: Imports the kernels, compiles one of them, and tells where compiled code is kept.
PROGRAM = """
from sinks import zonal
from sinks.hashtable import new_table, slot_of
keys, words, values, fill = new_table(8)
assert slot_of(keys, words, fill, 3, 4) == slot_of(keys, words, fill, 3, 4)
assert fill[0] == 1
print(getattr(slot_of, "stats", None) and slot_of.stats.cache_path)
"""


@pytest.fixture
def package(tmp_path: Path) -> Iterator[Path]:
    """A copy of the package that nobody may write to."""
    root = tmp_path / "installed"
    ignored = shutil.ignore_patterns("__pycache__", "*.png")
    shutil.copytree(ROOT / "sinks", root / "sinks", ignore=ignored)
    yield read_only(root)
    writable(root)


def run(root: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the program as a user whose home, like the package, is read-only."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA")}
    home = {"HOME": str(root), "XDG_CACHE_HOME": str(root / "cache"), "PYTHONPATH": str(root)}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=root, env=clean | home | environment,
        capture_output=True, text=True, check=False, preexec_fn=obey_modes,
    )  # fmt: skip


@needs_modes
def test_it_runs_where_no_folder_can_be_written(package: Path) -> None:
    done = run(package)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "None"


@needs_modes
def test_it_keeps_code_where_it_is_told_to(package: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    done = run(package, NUMBA_CACHE_DIR=str(kept))
    assert done.returncode == 0, done.stderr
    assert list(kept.rglob("hashtable.slot_of*.nbc"))


def test_without_numba_it_is_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numba.config, "DISABLE_JIT", True)
    assert compiled(added)(1, 2) == 3


def added(a: int, b: int) -> int:
    return a + b


def written(tmp_path: Path) -> Callable[[], Any]:
    """Return a way to import one small kernel anew, as another process would."""
    path = tmp_path / "kernel.py"
    path.write_text("def plus(a, b):\n    return a + b\n", encoding="utf-8")

    def fresh() -> Any:
        scope: dict[str, Any] = {"__name__": "kernel", "__file__": str(path)}
        exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), scope)
        return compiled(scope["plus"])

    return fresh


def test_a_full_disk_does_not_stop_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = written(tmp_path)

    def full(*_args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    kernel = fresh()
    monkeypatch.setattr(kernel._cache.cache._cache_file, "save", full)
    assert kernel(2, 3) == 5
    assert not list(tmp_path.rglob("*.nbc"))


@pytest.mark.parametrize("kind", ["nbi", "nbc"])
@pytest.mark.parametrize("harm", [b"", b"\x80\x04", b"not at all"])
def test_damaged_files_are_compiled_anew(tmp_path: Path, kind: str, harm: bytes) -> None:
    fresh = written(tmp_path)
    assert fresh()(2, 3) == 5
    (path,) = tmp_path.rglob(f"*.{kind}")
    path.write_bytes(harm)
    damaged = fresh()
    assert damaged(2, 3) == 5
    assert not damaged.stats.cache_hits
    again = fresh()
    assert again(2, 3) == 5
    assert again.stats.cache_hits, "what was damaged was written anew"


def test_both_kinds_compile() -> None:
    for mark in (compiled, inlined):
        assert mark(added)(1, 2) == 3
    assert module.__doc__
