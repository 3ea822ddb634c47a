"""How right the maps are: accuracies and estimated areas, or what is known without a sample."""

from __future__ import annotations

import math
from typing import Any

from sinks import chain
from sinks.report.figures import names_of
from sinks.results import Results
from sinks.summary import span_of
from sinks.wording import DASH, Words, number, places_for

#: Between the classes of a change, in the tables and for people.
THEN, ARROW = ">", " → "


def class_name(results: Results, words: Words, *, name: str) -> str:
    """Return a class's name: a stratum, a group, forest or not, or a change between two."""
    strata = names_of(results, words)

    def one(part: str) -> str:
        if part in strata:
            return strata[part][0]
        return words.term("group", part) if part != "not_forest" else words.t("report.not_forest")

    return ARROW.join(one(part) for part in name.split(THEN))


def accuracy(results: Results, words: Words) -> dict[str, Any] | None:
    """Return what the report says of a reference sample; None if there was none."""
    table = results.tables.get("accuracy")
    if table is None:
        return None
    found = {(str(row["measure"]), str(row["class"])): row for row in chain.records(table)}
    mapped = _mapped(results)
    names = [name for measure, name in found if measure == "area"]
    rows = [
        {
            "name": class_name(results, words, name=name),
            "units": number(found["users", name]["units"]),
            "users": _share(found["users", name]),
            "producers": _share(found["producers", name]),
            "mapped": number(mapped[name]) if name in mapped else DASH,
            "area": _hectares(found["area", name]),
        }
        for name in names
    ]
    overall = found["overall", ""]
    return {
        "rows": rows,
        "overall": words.t(
            "report.accuracy.overall", value=_share(overall), units=number(overall["units"]),
            year=overall["year"],
        ),
    }  # fmt: skip


def _mapped(results: Results) -> dict[str, float]:
    """Return the mapped area of classes that the tables hold one for: those that are strata."""
    table = results.tables["error_matrix"]
    same = table[(table["stratum"] == table["map_class"]) | (table["map_class"] == "")]
    return {str(row["stratum"]): float(row["stratum_area_ha"]) for row in chain.records(same)}


def _half(row: dict[str, Any]) -> float:
    return (float(row["high"]) - float(row["low"])) / 2


def _share(row: dict[str, Any]) -> str:
    """Return a share and half its interval, in per cent."""
    value, half = 100 * float(row["value"]), 100 * _half(row)
    if not math.isfinite(value):
        return DASH
    return f"{number(value, 1)} ± {number(half, 1)}" if math.isfinite(half) else number(value, 1)


def _hectares(row: dict[str, Any]) -> str:
    """Return an area and half its interval."""
    value, half = float(row["value"]), _half(row)
    if not math.isfinite(value):
        return DASH
    places = places_for(half) if half > 0 else 0
    return f"{number(value, places)} ± {number(half, places)}" if half >= 0 else number(value)


def false_change(results: Results, words: Words) -> str:
    """Return how much false change the maps' accuracies allow; empty if none is known."""
    table = results.tables.get("false_change")
    start, end = span_of(results)
    rows = [] if table is None else chain.records(table)
    for row in rows:
        if (int(row["start"]), int(row["end"])) == (start, end):
            key = f"report.false_change.{row['basis']}"
            return words.t(
                key, accuracy=number(float(row["overall_accuracy_pct"]), 1), source=row["source"],
                mapped=number(float(row["mapped_change_ha"])),
                independent=number(float(row["independent_ha"])),
                most=number(float(row["at_most_ha"])), start=start, end=end,
            )  # fmt: skip
    return ""
