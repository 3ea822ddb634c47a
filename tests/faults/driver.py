"""A process that has loaded sinks once and forks a child for every command that a test wants run.

One JSON object per line goes in and one comes out.
The children are processes of their own: they can be killed for good, unlike an exception in a test.
"""

from __future__ import annotations

import io
import json
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

from sinks import cli
from sinks import folder as folder_module
from sinks import run as run_module
from tests.modes import obey_modes
from tests.tiny import CODES, write_tiny

#: Events that Python reports when it changes something on a disk; `shutil.rmtree` is made of them.
CHANGES = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate")
#: Longest time that a child may take [s].
PATIENCE = 60.0


def at(module: Any, name: str, *, count: int, act: Callable[[], None]) -> None:
    """Do something just before the call number `count` (from 0) of a function."""
    real, calls = getattr(module, name), iter(range(1_000_000))

    def wrapped(*args: Any, **more: Any) -> Any:
        if next(calls) == count:
            act()
        return real(*args, **more)

    setattr(module, name, wrapped)


def prepare(order: dict[str, Any]) -> None:
    """Make this child fail as it is told to."""
    own = os.getpid()
    if "cwd" in order:
        os.chdir(order["cwd"])
    if "modes" in order:
        obey_modes()
    if "largest_file" in order:
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["largest_file"],) * 2)
    if "disk" in order:
        kill_at_change(Path(order["folder"]), count=order["disk"])
    actions: dict[str, Callable[[], None]] = {
        "kill": lambda: os.kill(own, signal.SIGKILL),
        "terminate": lambda: os.kill(own, signal.SIGTERM),
        "interrupt": lambda: os.kill(own, signal.SIGINT),
        "wait": lambda: wait_for(Path(order["flag"])),
        "memory": out_of_memory,
        "array": lambda: void(np.zeros(1 << 50)),
        "cut": lambda: os.truncate(order["file"], os.path.getsize(order["file"]) // 2),
        "remove": lambda: Path(order["file"]).unlink(),
        "touch": lambda: os.utime(order["file"], (1, 1)),
        "limit": lambda: limit_memory(order["more"]),
    }
    if "when" in order:
        place, count = order["when"]
        module, name = {
            "compute": (run_module, "compute"),
            "write": (run_module, "write_table"),
            "publish": (run_module.OutputFolder, "publish"),
            "swap": (Path, "replace"),
            "remove": (folder_module, "_remove"),
        }[place]
        at(module, name, count=count, act=actions[order["act"]])


def limit_memory(more: int) -> None:
    """Let this process take so many bytes more than it has."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    size = pages * resource.getpagesize() + more
    resource.setrlimit(resource.RLIMIT_AS, (size, size))


def kill_at_change(folder: Path, *, count: int) -> None:
    """Kill this process just before change number `count` (from 0) that Python makes in a folder.

    What GDAL writes is not seen; its files stand beside others that are.
    """
    left = [count]

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in CHANGES or not str(arguments[0]).startswith(str(folder)):
            return
        if event == "open" and not int(arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            return
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1

    sys.addaudithook(hook)


def out_of_memory() -> None:
    """Fail as Python does."""
    raise MemoryError


def void(_array: object) -> None:
    """Do nothing with something that should not have come to be."""


def wait_for(flag: Path) -> None:
    """Say that we are there, and wait until the test lets us go on."""
    flag.with_suffix(".here").touch()
    started = time.monotonic()
    while not flag.exists() and time.monotonic() - started < PATIENCE:
        time.sleep(0.01)


def child(order: dict[str, Any]) -> None:
    """Run one command in this process and end it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    code = 1
    try:
        with Path(order["log"]).open("wb", buffering=0) as log:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
        sys.stdout = io.TextIOWrapper(os.fdopen(1, "wb", closefd=False), "utf-8")
        sys.stderr = io.TextIOWrapper(os.fdopen(2, "wb", closefd=False), "utf-8")
        sys.argv = ["sinks", *order["words"]]
        prepare(order)
        code = cli.run_command()
    except BaseException:  # noqa: BLE001 - what a user would see as a traceback
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def wait(pid: int, kill_after: float | None) -> int:
    """Wait for a child, killing it after a while if asked to; return its exit code (−9: killed)."""
    started = time.monotonic()
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        passed = time.monotonic() - started
        if passed > (PATIENCE if kill_after is None else kill_after):
            os.kill(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)


def warm_up() -> None:
    """Load and compile everything a run needs, so that children are quick."""
    with tempfile.TemporaryDirectory() as folder:
        study = write_tiny(Path(folder))
        run_module.run_study(study, Path(folder) / "out", options=run_module.Options(workers=1))
        cli.explain(Path(folder) / "out", next(iter(CODES)))


def main() -> None:
    """Take orders until there are no more."""
    with redirect_stdout(sys.stderr):
        warm_up()
    for line in sys.stdin:
        order = json.loads(line)
        if order["do"] == "start":
            pid = os.fork()
            if pid == 0:
                child(order)
            answer = {"pid": pid}
        else:
            answer = {"code": wait(order["pid"], order.get("kill_after"))}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
