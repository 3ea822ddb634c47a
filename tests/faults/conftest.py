"""The driver that all fault tests share, and small file systems that can be full or read-only."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@dataclass
class Ended:
    """How a command ended."""

    code: int
    said: str
    seconds: float


class Driver:
    """Runs commands of sinks in processes of their own, all forked from one."""

    def __init__(self, logs: Path) -> None:
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("driver.py"))], cwd=ROOT, env=environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.logs, self.count = logs, 0

    def _ask(self, **order: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def start(self, *words: object, **faults: Any) -> tuple[int, Path]:
        """Start a command; return its process id and where its words go."""
        self.count += 1
        log = self.logs / f"{self.count}.log"
        shown = [str(word) for word in words]
        answer = self._ask(do="start", words=shown, log=str(log), **faults)
        return int(answer["pid"]), log

    def wait(self, started: tuple[int, Path], kill_after: float | None = None) -> Ended:
        """Wait for a command, or kill it after a while."""
        before = time.monotonic()
        code = self._ask(do="wait", pid=started[0], kill_after=kill_after)["code"]
        said = started[1].read_text(encoding="utf-8", errors="replace")
        return Ended(code, said, time.monotonic() - before)

    def run(self, *words: object, kill_after: float | None = None, **faults: Any) -> Ended:
        """Run a command to its end, or kill it after a while."""
        return self.wait(self.start(*words, **faults), kill_after)

    def close(self) -> None:
        """End the driver."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(30)


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    """One driver for all tests, warm: its children need not load or compile anything."""
    folder = tmp_path_factory.mktemp("driver")
    own = Driver(folder)
    yield own
    own.close()


@contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[None]:
    """Mount a file system of a few kilobytes; skip where that is not allowed."""
    folder.mkdir()
    if not mounted("-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", folder):
        pytest.skip("mounting a small file system needs root")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def mounted(*words: object) -> bool:
    """Mount something; tell whether that was allowed."""
    try:
        done = subprocess.run(["mount", *map(str, words)], capture_output=True, check=False)
    except OSError:
        return False
    return done.returncode == 0
