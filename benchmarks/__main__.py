"""Measure sinks on this machine: `python3 start.py bench [COMMAND]`."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks import commands, maps, rivals
from benchmarks.measure import ROOT

COMMANDS = {
    "main": commands.main_job,
    "areas": commands.areas,
    "polygons": commands.polygons,
    "years": commands.years,
    "grid": commands.grid,
    "run": commands.run,
    "draws": commands.draws,
    "map": maps.maps,
    "peers": rivals.compared,
}
SMALL = 16


def options_of(arguments: list[str] | None = None) -> tuple[str, commands.Options]:
    """Return what the command line asks for."""
    lines = "\n".join(f"  {name:<9} {call.__doc__}" for name, call in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, epilog=lines,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    add = parser.add_argument
    add("command", nargs="?", default="main", choices=COMMANDS)
    add("--runs", type=int, help="measurements of each (5; 1 with --small)")
    add("--small", action="store_true", help="cells of 480 m: a look, no measurement")
    add("--factor", type=int, default=1, help="how many times coarser than 30 m")
    add("--only", nargs="+", default=[], help="tasks whose name holds one of these")
    add("--folder", type=Path, default=ROOT / "build" / "benchmarks", help="inputs are kept there")
    default = commands.Options.peer_python
    add("--peer-python", default=default, help="interpreter with pygeoprocessing and InVEST")
    found = parser.parse_args(arguments)
    factor = SMALL if found.small else found.factor
    runs = found.runs or (1 if found.small else 5)
    return found.command, commands.Options(
        found.folder.resolve(), factor, runs, tuple(found.only), found.peer_python
    )


def main() -> None:
    """Print one Markdown section."""
    command, options = options_of()
    print(COMMANDS[command](options))


if __name__ == "__main__":
    main()
