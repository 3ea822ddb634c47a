"""Measure tasks in turns, each in a fresh process; tell medians, spreads and ratios."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
READ_BYTES = 1 << 24


@dataclass(frozen=True)
class Task:
    """Something to measure.

    Attributes
    ----------
    name : str
        As the table shows it.
    call : str
        ``module:function``; the function is given a dict to fill and the arguments.
    arguments : mapping
        As JSON can carry them.
    python : str
        Interpreter.
    environment : mapping
        Variables on top of this process's own.
    """

    name: str
    call: str
    arguments: Mapping[str, Any]
    python: str = sys.executable
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Record:
    """One measurement: wall and processor time of the work [s], of the process, memory [MB]."""

    seconds: float
    cpu: float
    process: float
    peak: float
    found: Mapping[str, Any]


Spawn = Callable[[Task], Record]


def spawn(task: Task) -> Record:
    """Measure a task once, in a fresh process."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder, "answer.json")
        arguments = [task.call, json.dumps(task.arguments), str(answer)]
        before, start = os.times(), time.perf_counter()
        done = subprocess.run(
            [task.python, "-m", "benchmarks.child", *arguments],
            cwd=ROOT, env=dict(os.environ) | task.environment, text=True, encoding="utf-8",
            errors="replace", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
        process, after = time.perf_counter() - start, os.times()
        if done.returncode:
            sys.exit(f"{task.name} ended with {done.returncode}:\n{done.stderr[-2000:]}")
        found = json.loads(answer.read_text(encoding="utf-8"))
    used = after.children_user + after.children_system
    used -= before.children_user + before.children_system
    return Record(
        found.get("seconds", process), found.get("cpu", used), process, found["peak"], found
    )


def in_turns(
    tasks: Sequence[Task], runs: int, *, spawner: Spawn = spawn
) -> dict[str, list[Record]]:
    """Measure every task `runs` times, one after the other in every round.

    What else the machine does then falls on all of them alike, and a ratio is taken within a
    round.
    """
    records: dict[str, list[Record]] = {task.name: [] for task in tasks}
    for number in range(runs):
        for task in tasks:
            record = spawner(task)
            records[task.name].append(record)
            told = f"{number + 1}/{runs}  {task.name}: {record.seconds:.2f} s, {record.peak:.0f} MB"
            print(told, file=sys.stderr, flush=True)
    return records


def warm(paths: Iterable[Path]) -> None:
    """Read files once, so that none of the measurements waits for the disk."""
    for path in paths:
        with path.open("rb") as stream:
            while stream.read(READ_BYTES):
                pass


def spread(values: Sequence[float], *, digits: int = 3) -> str:
    """Return the median and, of several values, the least and the largest."""
    middle, low, high = (
        _shown(v, digits=digits) for v in (median(values), min(values), max(values))
    )
    return f"{middle} ({low}–{high})" if len(values) > 1 else middle


def _shown(value: float, *, digits: int) -> str:
    """Return a number with so many significant digits, at most four of them decimals."""
    size = math.floor(math.log10(abs(value))) if value else 0
    return f"{value:.{min(4, max(0, digits - 1 - size))}f}"


def ratios(
    own: Sequence[Record], reference: Sequence[Record], *, key: str = "seconds"
) -> list[float]:
    """Return the ratio of two tasks, round by round."""
    pairs = zip(own, reference, strict=True)
    return [getattr(a, key) / max(getattr(b, key), 1e-9) for a, b in pairs]


def rows(
    records: Mapping[str, Sequence[Record]], references: Mapping[str, str]
) -> list[dict[str, str]]:
    """Return one row per task for `markdown`; `references` names what each is compared with."""
    out = []
    for name, own in records.items():
        row = {
            "": name,
            "wall [s]": spread([record.seconds for record in own]),
            "CPU [s]": spread([record.cpu for record in own]),
            "peak memory [MB]": f"{median(record.peak for record in own):.0f}",
        }
        if references:
            with_what = records.get(references.get(name, ""))
            row["× wall"] = spread(ratios(own, with_what)) if with_what else ""
            row["× CPU"] = spread(ratios(own, with_what, key="cpu")) if with_what else ""
        out.append(row)
    return out


def markdown(content: Sequence[Mapping[str, str]]) -> str:
    """Return rows as a Markdown table; numbers stand to the right."""
    titles = list(content[0])
    lines = [f"| {' | '.join(titles)} |", f"|---|{'---:|' * (len(titles) - 1)}"]
    lines += [f"| {' | '.join(row[title] for title in titles)} |" for row in content]
    return "\n".join(lines)
