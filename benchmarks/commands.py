"""The subcommands: what is measured together, and the tables that come of it."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from benchmarks import machine
from benchmarks.measure import (
    Record,
    Spawn,
    Task,
    in_turns,
    markdown,
    ratios,
    rows,
    spawn,
    spread,
    warm,
)
from benchmarks.province import Frame, make_rasters
from benchmarks.studies import write_study
from benchmarks.zones import COUNTIES, zones

YEARS = (2010, 2015)
COUNTS = (17, COUNTIES, 1_000, 10_000, 100_000)
SERIES = (2, 8, 38)
FIRST_YEAR = 1985
#: Maps of many years are made this much coarser.
SERIES_FACTOR = 4
THREADS = os.cpu_count() or 1


@dataclass(frozen=True)
class Options:
    """What the command line asks for.

    Attributes
    ----------
    folder : Path
        Where inputs are made and kept.
    factor : int
        How many times coarser than 30 m.
    runs : int
        Measurements of each task.
    only : tuple of str
        Tasks whose name holds one of these; all when empty.
    peer_python : str
        Interpreter that has pygeoprocessing and InVEST.
    spawn : callable
        Measures a task once.
    """

    folder: Path
    factor: int = 1
    runs: int = 5
    only: tuple[str, ...] = ()
    peer_python: str = sys.executable
    spawn: Spawn = spawn

    @property
    def small(self) -> bool:
        """Whether this is a look and no measurement."""
        return self.factor > SERIES_FACTOR

    def measured(self, tasks: Sequence[Task]) -> dict[str, list[Record]]:
        """Measure the tasks that are asked for, in turns."""
        wanted = [
            task for task in tasks if not self.only or any(part in task.name for part in self.only)
        ]
        if not wanted:
            sys.exit(f"no task of: {', '.join(task.name for task in tasks)}")
        return in_turns(wanted, self.runs, spawner=self.spawn)


def _million_cells(frame: Frame) -> float:
    return frame.shape[0] * frame.shape[1] / 1e6


def _titled(title: str, options: Options, *parts: str) -> str:
    told = f"Median of {options.runs} (least–largest); each a fresh process, files in the cache."
    return "\n".join([f"### {title}", "", told, machine.described(), "\n\n".join(parts), ""])


def _joint(
    name: str, paths: Sequence[Path], polygons: Path, *, years: Sequence[int] = YEARS,
    exact: bool = True, workers: int = THREADS,
) -> Task:  # fmt: skip
    arguments = {
        "paths": {str(year): str(path) for year, path in zip(years, paths, strict=True)},
        "zones": str(polygons), "workers": workers, "exact": exact,
    }  # fmt: skip
    return Task(name, "benchmarks.areas:joint", arguments)


def _read(name: str, paths: Sequence[Path], workers: int = THREADS) -> Task:
    arguments = {"paths": [str(path) for path in paths], "workers": workers}
    return Task(name, "benchmarks.areas:read", arguments)


def areas(options: Options) -> str:
    """Joint table of two dates, against only reading and decompressing them."""
    frame = Frame(factor=options.factor)
    paths = make_rasters(options.folder, frame)
    counties = zones(options.folder, COUNTIES, frame)
    warm([*paths, counties])
    tasks, references = [], {}
    for workers in sorted({THREADS, 1}, reverse=True):
        tail = f"{workers} thread{'s' if workers > 1 else ''}"
        reading = _read(f"only read and decompress, {tail}", paths, workers)
        tasks.append(reading)
        for rule, exact in (("exact coverage", True), ("cell centres", False)):
            name = f"joint table, {rule}, {tail}"
            tasks.append(_joint(name, paths, counties, exact=exact, workers=workers))
            references[name] = reading.name
    records = options.measured(tasks)
    load = [record.found["load"] for own in records.values() for record in own
            if "load" in record.found]  # fmt: skip
    told = f"Loading the compiled kernel in a fresh process, not in the above: {spread(load)} s."
    if not options.small:
        told += f" Compiling it, once after an installation: {_compiled(options):.0f} s."
    title = f"Areas: {_million_cells(frame):.0f} M cells, two dates, {COUNTIES} counties"
    return _titled(title, options, markdown(rows(records, references)), told)


def _compiled(options: Options) -> float:
    """Return how long the first call takes where nothing is compiled yet [s]."""
    with tempfile.TemporaryDirectory() as cache:
        task = Task(
            "compile the kernel", "benchmarks.areas:first_call", {},
            environment={"NUMBA_CACHE_DIR": cache},
        )  # fmt: skip
        return options.spawn(task).seconds


def polygons(options: Options) -> str:
    """Joint table of the same rasters for more and more polygons."""
    frame = Frame(factor=options.factor)
    paths = make_rasters(options.folder, frame)
    counts = COUNTS[:3] if options.small else COUNTS
    files = {count: zones(options.folder, count, frame) for count in counts}
    warm([*paths, *files.values()])
    tasks = [_joint(f"{count:,}", paths, file) for count, file in files.items()]
    records = options.measured(tasks)
    reference = next(iter(records.values()))
    table = [
        {
            "polygons": name,
            "vertices": f"{own[0].found['vertices']:,}",
            "wall [s]": spread([record.seconds for record in own]),
            "CPU [s]": spread([record.cpu for record in own]),
            "× CPU": spread(ratios(own, reference, key="cpu")),
            "peak memory [MB]": f"{median(record.peak for record in own):.0f}",
            "rows of the table": f"{own[0].found['rows']:,}",
        }
        for name, own in records.items()
    ]
    title = f"Polygons: {_million_cells(frame):.0f} M cells, two dates, exact coverage"
    return _titled(title, options, markdown(table))


def years(options: Options) -> str:
    """Joint table of more and more years in one pass."""
    frame = Frame(factor=max(options.factor, SERIES_FACTOR))
    counties = zones(options.folder, COUNTIES, frame)
    tasks = []
    for count in SERIES[:2] if options.small else SERIES:
        span = range(FIRST_YEAR, FIRST_YEAR + count)
        paths = make_rasters(options.folder, frame, span)
        warm(paths)
        tasks += [
            _read(f"{count}, only read", paths),
            _joint(str(count), paths, counties, years=span),
        ]
    records = options.measured(tasks)
    first = next(own for name, own in records.items() if "read" not in name)
    table = []
    for name, own in records.items():
        if "read" in name:
            continue
        count = int(name)
        per = [record.seconds / count for record in own]
        base = [record.seconds / SERIES[0] for record in first]
        reading = records.get(f"{name}, only read")
        table.append(
            {
                "years": name,
                "wall [s]": spread([record.seconds for record in own]),
                "per year [s]": spread(per),
                "× per year of two": spread([a / b for a, b in zip(per, base, strict=True)]),
                "× only read": spread(ratios(own, reading)) if reading else "",
                "peak memory [MB]": f"{median(record.peak for record in own):.0f}",
                "class paths": f"{own[0].found['paths']:,}",
                "rows of the table": f"{own[0].found['rows']:,}",
            }
        )
    title = f"Years: {_million_cells(frame):.0f} M cells a year, {COUNTIES} counties"
    return _titled(title, options, markdown(table))


def grid(options: Options) -> str:
    """Joint table of the same land on grids of different projections."""
    tasks, references, cells = [], {}, {}
    for name in ("geographic", "utm", "equal-area"):
        frame = Frame(name, options.factor)
        paths = make_rasters(options.folder, frame)
        counties = zones(options.folder, COUNTIES, frame)
        warm([*paths, counties])
        tasks += [_read(f"{name}, only read", paths), _joint(name, paths, counties)]
        references[name] = f"{name}, only read"
        cells[name] = _million_cells(frame)
    records = options.measured(tasks)
    table = [
        {
            "frame": name,
            "cells [M]": f"{size:.0f}",
            "wall [s]": spread([record.seconds for record in records[name]]),
            "CPU per 1,000 M cells [s]": spread(
                [record.cpu / size * 1e3 for record in records[name]]
            ),
            "× only read, CPU": spread(ratios(records[name], records[references[name]], key="cpu")),
            "peak memory [MB]": f"{median(record.peak for record in records[name]):.0f}",
        }
        for name, size in cells.items()
        if name in records and references[name] in records
    ]
    title = f"Grids: two dates, {COUNTIES} counties, exact coverage"
    return _titled(title, options, markdown(table))


def run(options: Options) -> str:
    """Whole `sinks run` on the province, as a user types it."""
    frame = Frame(factor=options.factor)
    paths = make_rasters(options.folder, frame)
    rasters = dict(zip(YEARS, paths, strict=True))
    tasks = []
    for count in (COUNTIES,) if options.small else (COUNTIES, COUNTS[3]):
        study = write_study(
            options.folder / f"study-{options.factor}-{count}", rasters=rasters,
            zones=zones(options.folder, count, frame),
        )  # fmt: skip
        warm([*paths, study.with_name("regions.gpkg")])
        out = str(study.with_name("out"))
        for title, tail in (("tables", ["--only", "tables"]), ("everything", [])):
            arguments = {"arguments": ["run", str(study), "--out", out, *tail]}
            name = f"{count:,} regions, {title}"
            tasks.append(Task(name, "benchmarks.studies:command", arguments))
    if not options.small:
        tasks.pop()  # a report and a map of 10,000 regions are for nobody
    records = options.measured(tasks)
    title = f"Whole run: {_million_cells(frame):.0f} M cells, two dates, 1,000 draws"
    return _titled(title, options, markdown(rows(records, {})))


def draws(options: Options) -> str:
    """All tables with draws, without a raster."""
    sizes = ((1_000, COUNTIES), (10_000, COUNTIES), (1_000, 10_000))
    tasks = [
        Task(
            f"{count:,} draws, {regions:,} regions", "benchmarks.draws:tables",
            {"draws": count, "regions": regions, "strata": 16},
        )
        for count, regions in (sizes[:1] if options.small else sizes)
    ]  # fmt: skip
    records = options.measured(tasks)
    title = "Draws: tables of 16 strata, 5 pools, 2 years"
    return _titled(title, options, markdown(rows(records, {})))


def main_job(options: Options) -> str:
    """The main job, as the README gives it, on the built-in example."""
    with tempfile.TemporaryDirectory() as folder:
        study, out = str(Path(folder, "study.toml")), str(Path(folder, "again"))
        steps = {
            "start and print the version": ["version"],
            "demo: invent the province and run it": ["demo", folder],
            "check: open and check every input": ["check", study],
            "run, tables only": ["run", study, "--out", out, "--only", "tables"],
            "run, everything": ["run", study, "--out", out],
        }
        if options.small:
            steps = dict(list(steps.items())[:1])
        tasks = [
            Task(name, "benchmarks.studies:command", {"arguments": arguments})
            for name, arguments in steps.items()
        ]
        records = replace(options, only=()).measured(tasks)
    return _titled("The main job", options, markdown(rows(records, {})))
