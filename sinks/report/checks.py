"""The report's section of checks: problems of the inputs, sums, and the run's own checks."""

from __future__ import annotations

import math
import re
from typing import Any, Final

from sinks import chain
from sinks.closure import closures
from sinks.report import figures
from sinks.results import QUALITY, Results
from sinks.wording import DASH, Words

#: A number as Python writes powers of ten.
POWER: Final = re.compile(r"(\d+(?:\.\d+)?)e([+-]\d+)")
RAISED: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def problem_rows(results: Results, words: Words) -> list[dict[str, str]]:
    """Return warnings and repairs as the run recorded them."""
    return [
        {
            "severity": words.term("severity", str(item.get("severity", "")).lower()),
            "where": " · ".join(str(item[key]) for key in ("file", "place") if item.get(key)),
            **{part: str(item.get(part, "")) for part in ("expected", "found", "remedy")},
        }
        for item in results.meta.get("problems", ())
    ]


def check_rows(results: Results, words: Words) -> list[dict[str, Any]]:
    """Return the closures, recomputed from the tables."""
    return [
        {
            "name": words.t(f"report.check.{item.name}"),
            "cases": f"{item.cases:,}",
            "worst": power(f"{item.worst:.0e}") if math.isfinite(item.worst) else DASH,
            "passed": item.passed,
        }
        for item in closures(results)
    ]


def quality_rows(results: Results, words: Words) -> list[dict[str, Any]]:
    """Return the checks beside the closures, as the run made them; none of an older run."""
    table = results.tables.get(QUALITY)
    rows = [] if table is None else chain.records(table)
    names = {name: title for name, (title, _) in figures.names_of(results, words).items()}
    names |= {
        str(row["region_code"]): str(row["region_name"])
        for row in chain.records(chain.units(results))
        if row["region_name"]
    }
    return [
        {
            "expected": power(str(row["expected"])),
            "subject": " ".join(names.get(word, word) for word in str(row["subject"]).split(" ")),
            "note": str(row[f"note_{words.language}"]),
            "found": _measured(float(row["found"]), str(row["unit"]), words=words),
            "state": str(row["passed"]),
            "result": words.term("passed", str(row["passed"])),
        }
        for row in rows
        if not str(row["check"]).startswith("closure.")
    ]


def _measured(value: float, unit: str, *, words: Words) -> str:
    if not math.isfinite(value):
        return DASH
    shown = power(f"{value:.2g}")
    return shown if unit == "1" else f"{shown} {words.term('unit', unit)}"


def power(words: str) -> str:
    """Return a text with its numbers in powers of ten as people write them.

    Examples
    --------
    >>> power("4e-12"), power("≤ 1e-06"), power("0e+00"), power("[0, 2.54]")
    ('4×10⁻¹²', '≤ 10⁻⁶', '0', '[0, 2.54]')
    """

    def told(found: re.Match[str]) -> str:
        digits, raised = found[1], f"10{str(int(found[2])).translate(RAISED)}"
        return "0" if float(digits) == 0 else raised if digits == "1" else f"{digits}×{raised}"

    return POWER.sub(told, words)
