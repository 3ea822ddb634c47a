"""Time the main job on this machine: `python3 start.py bench`.

Each step is a process of its own, as a user runs it; its peak memory is that of the process and
its children, sampled every 20 milliseconds.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

INTERVAL = 0.02


def resident(process: psutil.Process) -> int:
    """Return the memory of a process and its children [bytes], 0 once it has ended."""
    try:
        family = [process, *process.children(recursive=True)]
        return sum(member.memory_info().rss for member in family)
    except psutil.Error:
        return 0


def timed(*arguments: str) -> tuple[float, float]:
    """Run `sinks` with arguments; return wall time [s] and peak memory [MB]."""
    start = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "sinks", *arguments], stdout=subprocess.DEVNULL
    ) as process:
        watched, peak = psutil.Process(process.pid), 0
        while process.poll() is None:
            peak = max(peak, resident(watched))
            time.sleep(INTERVAL)
    if process.returncode:
        sys.exit(f"sinks {' '.join(arguments)} ended with {process.returncode}")
    return time.perf_counter() - start, peak / 1e6


def main() -> None:
    """Print one line per step."""
    print(f"{psutil.cpu_count()} processors, {psutil.virtual_memory().total / 1e9:.0f} GB memory")
    print(f"{'step':<44}{'seconds':>9}{'MB':>8}")
    with tempfile.TemporaryDirectory() as folder:
        study, out = Path(folder, "study.toml"), Path(folder, "again")
        steps = {
            "start and print the version": ["version"],
            "demo: invent the province and run it": ["demo", folder],
            "check: open and check every input": ["check", str(study)],
            "run, tables only": ["run", str(study), "--out", str(out), "--only", "tables"],
            "run, everything": ["run", str(study), "--out", str(out)],
        }
        for title, arguments in steps.items():
            seconds, memory = timed(*arguments)
            print(f"{title:<44}{seconds:>9.1f}{memory:>8.0f}", flush=True)


if __name__ == "__main__":
    main()
