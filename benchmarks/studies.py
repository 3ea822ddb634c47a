"""Whole commands, timed as a user runs them, and the study of the province they run on."""

from __future__ import annotations

import csv
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.child import clock

POOLS = ("agb", "bgb", "dead_wood", "litter", "soil")
#: Standard error of the invented densities, and their growth between the years.
RELATIVE_SE, GROWTH = 0.1, 1.06
STUDY = """\
[study]
name = "benchmark"
title = "Benchmark, invented data"
language = "en"
synthetic = true

[regions]
path = "regions.gpkg"
code = "code"
name = "name"
parents = ["prefecture"]

[landcover]
legend = "clcd"
rasters = {{ {rasters} }}

[density]
table = "density.csv"

[uncertainty]
draws = {draws}

[[targets]]
name = "forest-carbon"
quantity = "carbon"
groups = ["forest"]
pools = ["agb", "bgb"]
kind = "increase"
value = 60e6
unit = "t C"
start = {start}
end = {end}
share_by = "area"
"""


def command(found: dict[str, Any], *, arguments: Sequence[str]) -> None:
    """Run one command of sinks in this process, from nothing imported to its end."""
    sys.argv = ["sinks", *arguments]
    with clock(found):
        from sinks.__main__ import main  # noqa: PLC0415 (loading it is part of what a user waits for)

        try:
            main()
        except SystemExit as end:
            if end.code:
                raise RuntimeError(f"sinks ended with {end.code}") from end


def write_study(
    folder: Path, *, rasters: Mapping[int, Path], zones: Path, draws: int = 1000
) -> Path:
    """Write a study of rasters and polygons, every pool of every class with an invented density.

    The inputs are hard links where the disk can, copies elsewhere: a study's files lie in it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for year, path in rasters.items():
        _link(path, folder / f"{year}.tif")
    _link(zones, folder / "regions.gpkg")
    from sinks.checks import Problems  # noqa: PLC0415 (only the maker of inputs needs it)
    from sinks.legend import load_legend  # noqa: PLC0415

    legend = load_legend("clcd", base=folder, problems=Problems())
    assert legend is not None
    years = sorted(rasters)
    with (folder / "density.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["stratum", "pool", "year", "value", "se", "unit", "source"])
        for s, stratum in enumerate(legend.strata):
            for p, pool in enumerate(POOLS):
                for k, year in enumerate(years):
                    value = (5 + 7 * s + 3 * p) * GROWTH ** (k / max(1, len(years) - 1))
                    row = [stratum, pool, year, f"{value:.4f}", f"{value * RELATIVE_SE:.4f}"]
                    writer.writerow([*row, "t C/ha", "invented"])
    content = STUDY.format(
        rasters=", ".join(f'{year} = "{year}.tif"' for year in years), draws=draws,
        start=years[0], end=years[-1],
    )  # fmt: skip
    study = folder / "study.toml"
    study.write_text(content, encoding="utf-8")
    return study


def _link(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
