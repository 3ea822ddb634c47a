"""One measurement: a process that does one thing, times it, writes down what it found, and ends.

`python -m benchmarks.child module:function ARGUMENTS FILE`. Nothing is imported here that the
thing measured does not import itself; rivals run under an interpreter that may not have sinks.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def cpu_seconds() -> float:
    """Return the processor time of this process and of its children that have ended [s]."""
    used = os.times()
    return time.process_time() + used.children_user + used.children_system


def peak_memory() -> float:
    """Return the largest memory this process ever held [MB]."""
    status = Path("/proc/self/status")
    if status.is_file():  # ru_maxrss starts at the size of the process that started this one
        lines = status.read_text(encoding="ascii", errors="replace").splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
    try:
        import resource  # noqa: PLC0415 (not on Windows)
    except ImportError:
        import psutil  # noqa: PLC0415

        return float(psutil.Process().memory_info().peak_wset) / 2**20
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


@contextmanager
def clock(found: dict[str, Any]) -> Iterator[None]:
    """Time the body of a ``with`` block: wall and processor time [s]."""
    wall, cpu = time.perf_counter(), cpu_seconds()
    yield
    found["cpu"] = cpu_seconds() - cpu
    found["seconds"] = time.perf_counter() - wall


def perform(call: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Call ``module:function`` and return what it found, with the peak memory [MB]."""
    module, _, name = call.partition(":")
    found: dict[str, Any] = {}
    getattr(importlib.import_module(module), name)(found, **arguments)
    return found | {"peak": peak_memory()}


if __name__ == "__main__":
    Path(sys.argv[3]).write_text(json.dumps(perform(sys.argv[1], json.loads(sys.argv[2]))))
