"""What a command says of a finished run: what was found, how it was checked, where to look."""

from __future__ import annotations

from collections.abc import Iterator

from sinks.comparison import sentences as differences
from sinks.quality import remarks
from sinks.results import Results
from sinks.summary import sentences
from sinks.texts import text

#: What a reader opens.
SHOWN = ("map.html", "report.html", "workbook.xlsx", "tables")


def told(results: Results) -> Iterator[str]:
    """Yield the findings of a run, its checks, what differs from the run before, its files."""
    language = results.language
    yield from sentences(results)
    yield from remarks(results.tables["qc"], language)
    yield from differences(results.meta["run"].get("compared", {}), language)
    for name in SHOWN:
        if (results.root / name).exists():
            label = text(f"cli.out.{name.partition('.')[0]}", language)
            yield f"{label}  {results.root / name}"
