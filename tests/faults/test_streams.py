"""Readers of what a command says: ones that go away, a full disk, an old character set."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.tiny import write_tiny

SINKS = (sys.executable, "-m", "sinks")


def environment(**more: str) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT)} | more


def closed_pipe() -> int:
    """Return the end of a pipe that nobody reads from."""
    reader, writer = os.pipe()
    os.close(reader)
    return writer


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other pipes")
def test_a_run_does_not_need_a_reader(tmp_path: Path) -> None:
    """`sinks run … | head`: the run is published; nothing is said that nobody reads."""
    study, pipe = write_tiny(tmp_path), closed_pipe()
    done = subprocess.run(
        [*SINKS, "run", str(study), "--out", str(tmp_path / "out"), "--only", "tables"],
        stdout=pipe, stderr=subprocess.PIPE, env=environment(), text=True, check=False,
    )  # fmt: skip
    os.close(pipe)
    assert done.returncode == 0, done.stderr
    assert "Broken pipe" not in done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "out" / "manifest.json").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other pipes")
def test_not_even_for_its_errors() -> None:
    pipe = closed_pipe()
    command = [*SINKS, "verify", "nowhere"]
    done = subprocess.run(command, stdout=pipe, stderr=pipe, env=environment(), check=False)
    os.close(pipe)
    assert done.returncode == 3


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_list_on_a_full_disk() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*SINKS, "legends"], stdout=full, stderr=subprocess.PIPE, env=environment(), check=False
        )
    said = done.stderr.decode()
    assert done.returncode == 3, said
    assert "No space left" in said
    assert "读写失败" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("encoding", ["ascii", "gbk"])
def test_any_character_set(encoding: str) -> None:
    """What it lacks is replaced: a run must not fail at its last sentence."""
    done = subprocess.run(
        [*SINKS, "legends"], capture_output=True, check=False,
        env=environment(PYTHONIOENCODING=encoding, PYTHONUTF8="0"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert b"clcd" in done.stdout
    if encoding == "gbk":
        assert "农田" in done.stdout.decode(encoding)
