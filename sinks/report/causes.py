"""Why the stock changed: each cause with its interval, and what wrong maps alone could make."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

from markupsafe import Markup

from sinks import chain
from sinks.falsechange import BASES
from sinks.report.charts import Mark, waterfall
from sinks.report.ledgers import Ledger, area_places, around, fixed
from sinks.results import Results
from sinks.summary import change_of, finding, span_of
from sinks.units import HA_PER_MU
from sinks.wording import Scale, Words, half_width, number, places_for, significant

#: Smallest part of the largest cause that the drawing shows.
SEEN: Final = 1e-3


def cause_rows(results: Results) -> list[dict[str, Any]]:
    """Return the whole's causes from the first to the last year."""
    start, end = span_of(results)
    return chain.causes(results, chain.EVERYTHING, level=chain.WHOLE, start=start, end=end)


def causes_ledger(results: Results, words: Words) -> Ledger:
    """Return the causes of the whole's change; they add up to its last row, the change.

    ``extra["noise"]`` tells whether it is known what classification error alone could make, and
    ``extra["notes"]`` what that rests on.
    """
    rows = cause_rows(results)
    if not rows:
        return Ledger([])
    carbon = words.carbon(max(abs(row["change_t_c"]) for row in rows))
    moved = [row["area_ha"] for row in rows if row["noise_basis"] != "none"]
    area = words.area(max(moved, default=0.0) / 10)
    mu = words.unit("mu", max(moved, default=0.0) / HA_PER_MU / 10)
    largest = max(row["area_ha"] for row in rows)
    places = (
        area_places(largest / area.factor),
        area_places(largest / HA_PER_MU / mu.factor),
    )
    shown = [
        {
            "area": fixed(row["area_ha"] / area.factor, places[0]),
            "mu": fixed(row["area_ha"] / HA_PER_MU / mu.factor, places[1]),
            **_row(row, words, area=area, carbon=carbon),
        }
        for row in rows
    ]
    total = change_of(results)
    last = {"name": words.t("report.total"), "area": "", "mu": "", "total": True}
    last |= dict.fromkeys(("noise_area", "noise_share", "noise_carbon"), "")
    last |= {"change": _change(total, carbon), "finding": finding(total)}
    known = any(math.isfinite(row["noise_ha"]) for row in rows)
    extra = {"mu": mu.label, "noise": known, "notes": noise_notes(rows, words)}
    return Ledger([*shown, last], carbon.label, area.label, extra=extra)


def _row(row: dict[str, Any], words: Words, *, area: Scale, carbon: Scale) -> dict[str, Any]:
    part = row["noise_ha"] / row["map_ha"] if row["map_ha"] > 0 else math.nan
    return {
        "name": words.t(f"map.cause.{row['cause']}"),
        "change": _change(row, carbon),
        "finding": finding(_tested(row)),
        "total": False,
        "noise_area": significant(row["noise_ha"] / area.factor),
        "noise_share": words.share(part),
        "noise_carbon": significant(row["noise_t_c"] / carbon.factor, signed=True),
    }


def _change(row: dict[str, Any], scale: Scale) -> dict[str, str]:
    return around(row["change_t_c"], (row["low_t_c"], row["high_t_c"]), scale=scale)


def _tested(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with whether its interval leaves zero out."""
    low, high = row["low_t_c"], row["high_t_c"]
    return {**row, "detectable": bool(low > 0 or high < 0)}


def noise_notes(rows: Iterable[Mapping[str, Any]], words: Words) -> list[str]:
    """Return what the change that classification error alone could make rests on, best first."""
    found = {str(row["noise_basis"]) for row in rows}
    if found <= {"unknown", "none"} and "unknown" in found:
        return [words.t("report.noise.unknown")]
    return [words.t(f"map.noise.{basis}") for basis in BASES if basis in found]


def causes_chart(results: Results, words: Words) -> Markup | None:
    """Draw the causes of the whole's change as steps that lead to it; None of an older run."""
    rows = cause_rows(results)
    if not rows:
        return None
    start, end = span_of(results)
    total = change_of(results)
    most = max(abs(row["change_t_c"]) for row in rows)
    scale = words.carbon(most)
    marks = [
        _mark(words.t(f"map.cause.{row['cause']}"), row, factor=scale.factor)
        for row in rows
        if abs(row["change_t_c"]) >= SEEN * most
    ]
    last = _mark(words.t("report.step.change"), total, factor=scale.factor)
    title = words.t("report.chart.causes", start=start, end=end)
    return waterfall(title, [("", [*marks, last])], unit=scale.label)


def _mark(label: str, row: dict[str, Any], *, factor: float) -> Mark:
    """Return a step; the places of its number are those that its interval leaves."""
    value, low, high = (row[name] / factor for name in ("change_t_c", "low_t_c", "high_t_c"))
    spread = half_width(low, high)
    known = math.isfinite(spread)
    text = number(value, places_for(spread) if known else 1, signed=True)
    if not known:
        low = high = math.nan
    return Mark(label, value, low, high, True, text)
