"""What the keys of `[[reconcile]]` say of each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sinks.checks import Problems


def check_reconcile_keys(
    entries: Sequence[Mapping[str, Any]], *, plots: bool, file: str, problems: Problems
) -> None:
    """Refuse entries of one name, and entries with no figures, or two kinds of them.

    Parameters
    ----------
    entries : sequence of mapping
        The tables as the file has them, of whatever types.
    plots : bool
        Whether the study has plots.
    file : str
    problems : Problems
    """
    names: set[str] = set()
    for i, entry in enumerate(entries):
        place, name = f"reconcile.{i}", entry.get("name")
        if isinstance(name, str) and name in names:
            problems.error("study.repeated_name", file=file, place=place, name=name)
        names.add(str(name))
        own = bool(entry.get("plots"))
        if own == bool(entry.get("table")):
            problems.error("reconcile.one_source", file=file, place=place)
        if own and not plots:
            problems.error("study.missing_key", file=file, place=place, key="density.plots")
        if own and entry.get("population_ha") is None:
            problems.error("study.missing_key", file=file, place=place, key="population_ha")
        for key in ("population_ha", "groups"):
            if not own and entry.get(key) is not None:
                problems.error("reconcile.plots_key", file=file, place=f"{place}.{key}", key=key)
