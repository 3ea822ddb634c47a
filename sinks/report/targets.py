"""The targets in detail: each reading of its unit as a row, its drawing, its rule and source."""

from __future__ import annotations

import math
from typing import Any

from sinks.report import figures
from sinks.results import Results
from sinks.summary import goal, target_lines
from sinks.units import CARBON_UNITS
from sinks.wording import DASH, Words, end_text, half_width


def target_sections(results: Results, words: Words) -> list[dict[str, Any]]:
    """Return one entry per target: what it asks, its readings as rows, and its drawing."""
    entries = []
    lines = target_lines(results)
    for line in lines:
        rows = []
        for reading in line.readings:
            scale = words.unit(reading.unit, max(abs(reading.achieved), abs(reading.required)))
            low, high = reading.low * reading.required, reading.high * reading.required
            spread = half_width(low, high)
            verdict = reading.verdict
            plain = f"report.reading.{verdict or 'unassessed'}"
            rows.append(
                {
                    "unit": words.term("unit", reading.unit),
                    "required": words.exactly(reading.required, scale),
                    "achieved": words.amount(reading.achieved, scale, spread=spread),
                    "interval": _ends(low, high, factor=scale.factor, words=words),
                    "share": words.share(reading.share, half_width(reading.low, reading.high)),
                    "probability": words.probability(reading.probability),
                    "verdict": words.term("verdict", verdict)
                    if verdict in ("met", "not_met", "uncertain")
                    else words.t(plain, p=DASH),
                    "asked": reading.asked,
                    "state": verdict,
                }
            )
        asked = line.readings[0]
        entries.append(
            {
                "name": line.title,
                "goal": goal(line, words),
                "source": str(line.info.get("source") or ""),
                "rows": rows,
                "chart": figures.target_chart(line, words),
                "path": figures.target_path(results, line, words=words),
                # One reading without an interval is a row of the ledger and says no more.
                "detailed": len(lines) == 1
                or len(line.readings) > 1
                or math.isfinite(half_width(asked.low, asked.high)),
                "two": len(line.readings) > 1,
                "unit_note": words.t("report.target.unit_note", unit=words.term("unit", asked.unit))
                if asked.unit in CARBON_UNITS
                else "",
            }
        )
    return entries


def _ends(low: float, high: float, *, factor: float, words: Words) -> str:
    spread = half_width(low, high)
    if not math.isfinite(spread):
        return DASH
    ends = [end_text(end / factor, spread / factor) for end in (low, high)]
    return words.t("report.range", low=ends[0], high=ends[1])


def share_rule(results: Results, words: Words, *, target: str | None) -> str:
    """Return by what a target was shared out among the regions, in words."""
    rows = results.tables["targets"]
    if target is None or "share_by" not in rows.columns:
        return ""
    rules = [str(rule) for rule in rows[rows["target"] == target]["share_by"].dropna() if rule]
    return words.term("rule", rules[0]) if rules else ""


def goal_sources(results: Results) -> list[str]:
    """Return where the targets stand, each source once."""
    told = (str(line.info.get("source") or "") for line in target_lines(results))
    return [source for source in dict.fromkeys(told) if source]
