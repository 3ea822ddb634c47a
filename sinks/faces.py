"""Workbook, report and map: what reads finished results and computes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from sinks.results import Results

#: Their files, in the order in which they are written.
FACES: Final = {"workbook": "workbook.xlsx", "report": "report.html", "map": "map.html"}


def write_faces(
    results: Results, parts: Sequence[str], *, folder: Path, template: Path | None,
    progress: Callable[[float], None],
) -> None:  # fmt: skip
    """Write those of the faces that are among the parts asked for.

    With the workbook a `template`, the bureau's own, is filled.
    """
    for done, (name, file) in enumerate(FACES.items()):
        if name in parts:
            progress(done / len(FACES))
            _writer(name)(results, folder / file)
    if template is not None and "workbook" in parts:
        from sinks.template import FILLED, write_filled  # noqa: PLC0415

        write_filled(results, template, path=folder / FILLED)


def _writer(name: str) -> Callable[[Results, Path], None]:
    """Return what writes a face: its libraries take long to load, and tables need none of them."""
    if name == "workbook":
        from sinks.workbook import write_workbook as write  # noqa: PLC0415
    elif name == "report":
        from sinks.report import write_report as write  # noqa: PLC0415
    else:
        from sinks.maps import write_map as write  # noqa: PLC0415
    return write
