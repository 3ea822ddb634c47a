"""The subcommand `peers`: other tools on the same input, their answers compared first."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine, peers
from benchmarks.commands import THREADS, Options
from benchmarks.measure import Task, markdown, rows, warm
from benchmarks.province import Frame, make_rasters
from benchmarks.zones import COUNTIES, zones

#: Tool → the distribution it needs, whether that comes from the other interpreter, its rule.
TOOLS = {
    "exactextract": ("exactextract", False, "exact"),
    "rasterstats": ("rasterstats", False, "centre"),
    "mask_loop": ("rasterio", False, "centre"),
    "bincount": ("rasterio", False, "centre"),
    "pygeoprocessing": ("pygeoprocessing", True, "centre"),
    "invest": ("natcap.invest", True, "centre"),
}
TITLES = {
    "exactextract": "exactextract, both dates",
    "rasterstats": "rasterstats, categorical, both dates",
    "mask_loop": "rasterio.mask, polygon by polygon, both dates",
    "bincount": f"zones burnt per block + numpy.bincount, {THREADS} threads",
    "pygeoprocessing": "pygeoprocessing: reclassify + zonal statistics, both dates",
    "invest": "InVEST Carbon + zonal statistics, both dates",
}
OWN = {"exact": "sinks, exact coverage", "centre": "sinks, cell centres"}
#: Answers further apart than this part of a region are answers to another question.
AGREE = {"exact": 1e-5, "centre": 1e-5}


def compared(options: Options) -> str:
    """Other tools on the same question, in turns; their answers are compared first."""
    frame = Frame("equal-area", options.factor)
    paths = make_rasters(options.folder, frame)
    counties = zones(options.folder, COUNTIES, frame)
    warm([*paths, counties])
    with tempfile.TemporaryDirectory() as folder:
        tasks, missing = _tasks(options, paths, counties, answers=Path(folder))
        wanted = [
            task
            for task in tasks
            if not options.only or any(part in task.name for part in (*options.only, "sinks"))
        ]
        records = replace(options, runs=1, only=()).measured(wanted)
        differences = _differences(wanted)
        again = replace(options, runs=options.runs - 1, only=()).measured(wanted)
        records = {name: [*own, *again[name]] for name, own in records.items()}
    references = {name: OWN["exact"] for name in records if name != OWN["exact"]}
    table = rows(records, references)
    for row in table:
        row["differs by"] = differences.get(row[""], "")
    cells = frame.shape[0] * frame.shape[1] / 1e6
    told = [
        f"### Peers: {cells:.0f} M cells, two dates, {COUNTIES} counties",
        "",
        f"Median of {options.runs} (least–largest); each a fresh process, in turns, files in the "
        "cache. Times count from closed files to the areas (carbon, for the last two) of every "
        "county; × is to the exact joint table of sinks. «Differs by» is the largest difference "
        "of a class in a county (of a county's carbon) to sinks by the same rule, as a part of "
        "the county's area (carbon).",
        machine.described(),
        f"Peers: {_versions(options)}."
        + (f" Not installed: {', '.join(missing)}." if missing else ""),
        "",
        markdown(table),
        "",
    ]
    return "\n".join(told)


def _tasks(
    options: Options, paths: Sequence[Path], counties: Path, *, answers: Path
) -> tuple[list[Task], list[str]]:
    """Return the tasks of the tools that are installed, and the others' names."""
    own = {
        "paths": {"2010": str(paths[0]), "2015": str(paths[1])},
        "zones": str(counties), "workers": THREADS,
    }  # fmt: skip
    tasks = [
        Task(
            title, "benchmarks.areas:joint",
            own | {"exact": rule == "exact", "result": str(answers / f"{rule}.npy")},
        )
        for rule, title in OWN.items()
    ]  # fmt: skip
    missing = []
    for tool, (package, other, _) in TOOLS.items():
        python = options.peer_python if other else sys.executable
        if package not in machine.versions_of(python, [package]):
            missing.append(package)
            continue
        arguments: dict[str, Any] = {
            "paths": [str(path) for path in paths], "zones": str(counties),
            "result": str(answers / f"{tool}.npy"),
        }  # fmt: skip
        if tool == "bincount":
            arguments["workers"] = THREADS
        tasks.append(Task(TITLES[tool], f"benchmarks.peers:{tool}", arguments, python))
    return tasks, missing


def _differences(tasks: Sequence[Task]) -> Mapping[str, str]:
    """Return how far each answer is from ours by the same rule; end where that is too far."""
    answers = {task.name: np.load(task.arguments["result"]) for task in tasks}
    out = {}
    for tool, (_, _, rule) in TOOLS.items():
        theirs, ours = answers.get(TITLES[tool]), answers[OWN[rule]]
        if theirs is None:
            continue
        if theirs.ndim == 2:
            per_hectare = [peers.density(code) for code in range(peers.CLASSES)]
            ours = ours @ np.array(per_hectare) / peers.HA
            apart = np.abs(theirs - ours) / ours
        else:
            apart = np.abs(theirs - ours) / ours.sum(axis=2, keepdims=True)
        if not apart.max() < AGREE[rule]:
            sys.exit(f"{TITLES[tool]} answers something else: {apart.max():.2g}")
        out[TITLES[tool]] = f"{apart.max():.1e}"
    return out


def _versions(options: Options) -> str:
    found = dict(machine.versions_of(sys.executable, machine.PEERS[:2]))
    found |= machine.versions_of(options.peer_python, machine.PEERS[2:5])
    return machine.listed(found)
