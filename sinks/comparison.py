"""What differs from the run that stood in the folder before: inputs, settings, parameters, totals.

It goes into the manifest's section `run` and on the terminal, nowhere else: the files of a run
depend on its inputs alone, not on what was there before.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pandas as pd

from sinks.chain import WHOLE, records
from sinks.checks import first_few
from sinks.folder import UNREADABLE
from sinks.results import MANIFEST, Results, read_table
from sinks.texts import Language, text

#: Parts of the manifest that say how the run was set up.
SETTINGS: Final = ("sinks", "study", "settings", "area_basis", "pools", "parts")
#: What is compared by name, in the order of the sentences.
NAMED: Final = ("inputs", "settings", "parameters", "versions")
TOTALS: Final = Path("tables") / "regions.csv"


def comparison(before: Path, results: Results) -> dict[str, Any]:
    """Compare a run with the one that stands in a folder.

    Parameters
    ----------
    before : Path
        The folder.
    results : Results
        The new run.

    Returns
    -------
    dict
        ``inputs``, ``settings``, ``parameters``, ``versions``: names of what was changed, added
        or removed; ``totals``: stock of the whole by year, before and after [t C]. Empty if
        nothing differs, or no run stands there.
    """
    try:
        old = json.loads((before / MANIFEST).read_text(encoding="utf-8"))
        totals = _totals(read_table(before / TOTALS))
        named = {name: (_named(old, name), _named(results.meta, name)) for name in NAMED}
    except UNREADABLE:
        return {}
    found: dict[str, Any] = {}
    for name, (first, second) in named.items():
        different = sorted(key for key in {*first, *second} if first.get(key) != second.get(key))
        if different:
            found[name] = different
    now = _totals(results.tables["regions"])
    rows = [
        {"year": year, "before_t_c": totals.get(year), "after_t_c": now.get(year)}
        for year in sorted({*totals, *now})
        if totals.get(year) != now.get(year)
    ]
    return found | ({"totals": rows} if rows else {})


def _named(meta: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a part of a manifest as values by name."""
    if name == "inputs":
        return {str(item["path"]): item["sha256"] for item in meta["inputs"]}
    if name == "parameters":
        return {str(item["name"]): item for item in meta["parameters"]}
    if name == "versions":
        return dict(meta["versions"])
    return dict(_flat({key: meta.get(key) for key in SETTINGS}))


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of nested tables by key path; lists are values."""
    if not isinstance(value, dict):
        yield name, value
        return
    for key, inner in value.items():
        yield from _flat(inner, f"{name}.{key}" if name else str(key))


def _totals(regions: pd.DataFrame) -> dict[int, float | None]:
    """Return the stock of the whole by year [t C], None where nothing is known of it."""
    rows = records(regions[regions["level"] == WHOLE])
    return {
        int(row["year"]): None if pd.isna(row["stock_t_c"]) else float(row["stock_t_c"])
        for row in rows
    }


def sentences(found: Mapping[str, Any], language: Language) -> list[str]:
    """Put a comparison in words; no word where nothing differs."""
    lines = [
        text(f"compare.{name}", language, names=first_few(found[name], language))
        for name in NAMED
        if found.get(name)
    ]
    for row in found.get("totals", ()):
        ends = [row["before_t_c"], row["after_t_c"]]
        shown = ["–" if value is None else f"{value:,.0f}" for value in ends]
        lines.append(
            text("compare.total", language, year=row["year"], before=shown[0], after=shown[1])
        )
    head = [text("compare.head", language)] if lines else []
    return head + [f"  {line}" for line in lines]
