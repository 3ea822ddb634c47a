"""The plan in the report: the ledger of its targets, what they imply, and the overlays."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from sinks import chain
from sinks.evidence import basis_words
from sinks.report.ledgers import area_places, around, fixed
from sinks.results import Results
from sinks.summary import TargetLine, finding, goal, span_of, target_lines
from sinks.units import CO2_PER_C
from sinks.wording import DASH, Scale, Words, half_width

#: Overlays have rows of their own for so many parts; the rest is in the tables.
PARTS_SHOWN = 40


def ledger(results: Results, words: Words) -> list[dict[str, str]]:
    """Return one row per target: what is asked, what was reached, how sure, what is left."""
    return [_row(line, words=words) for line in target_lines(results)]


def _row(line: TargetLine, *, words: Words) -> dict[str, str]:
    asked = line.readings[0]
    scale = words.unit(asked.unit, max(abs(asked.achieved), abs(asked.required)))
    spread = half_width(asked.low * asked.required, asked.high * asked.required)
    verdict = asked.verdict
    sure = math.isfinite(asked.probability)
    missing = asked.required - asked.achieved
    # What lacks between two percentages is no percentage of anything: points.
    gap = Scale(1.0, words.t("report.unit.points")) if asked.unit == "%" else scale
    counted = line.quantity == "count"
    return {
        "title": line.title,
        "goal": goal(line, words),
        "required": words.exactly(asked.required, scale),
        "achieved": words.exactly(asked.achieved, scale)
        if counted
        else words.amount(asked.achieved, scale, spread=spread),
        "share": words.share(asked.share, half_width(asked.low, asked.high)),
        "missing": words.amount(missing, gap, spread=spread)
        if math.isfinite(missing) and missing > 0
        else DASH,
        "probability": DASH if counted else words.probability(asked.probability),
        "verdict": words.term("verdict", verdict)
        if sure
        else words.t("report.plan.unsure" if math.isfinite(asked.achieved) else "report.plan.none"),
        "state": verdict if sure else "",
        "basis": basis_words(line.evidence, words, scale=scale),
    }


def paths(results: Results, words: Words) -> list[dict[str, str]]:
    """Return one row per target: its latest place on the path, and the yearly rates."""
    table = results.tables.get("target_path")
    if table is None or table.empty:
        return []
    infos = results.meta["study"].get("targets", ())
    titles = {str(info["name"]): str(info.get("title") or info["name"]) for info in infos}
    last = table[table["target"].isin(titles)].groupby("target", sort=False).tail(1)
    return [
        _place(row, title=titles[str(row["target"])], words=words) for row in chain.records(last)
    ]


def _place(row: dict[str, Any], *, title: str, words: Words) -> dict[str, str]:
    unit = str(row["unit"])

    def shown(name: str, *, points: bool = False) -> str:
        value = float(row.get(name, math.nan))
        if not math.isfinite(value):
            return DASH
        scale = words.unit(unit, abs(value))
        if points and unit == "%":
            scale = Scale(1.0, words.t("report.unit.points"))
        return words.exactly(value, scale) if unit == "count" else words.amount(value, scale)

    amounts = {name: shown(name) for name in ("baseline", "on_path", "achieved")}
    rates = {name: shown(f"rate_{name}", points=True) for name in ("planned", "so_far", "needed")}
    return {"title": title, "year": str(int(row["year"])), **amounts, **rates}


def implied(results: Results, words: Words) -> list[str]:
    """Return what volume and cover targets imply for each carbon target, as sentences."""
    table = results.tables.get("consistency")
    out = []
    titles = {line.name: line.title for line in target_lines(results)}
    for row in [] if table is None else chain.records(table):
        unit = str(row["unit"])
        gas = "c" if unit == "t C" else "co2"
        factor = 1.0 if gas == "c" else 1 / CO2_PER_C
        low, high = float(row["implied_low"]) * factor, float(row["implied_high"]) * factor
        scale, asked = words.carbon(high), words.carbon(float(row["required"]), gas)
        key = {
            ("true", "true"): "both", ("true", "false"): "own", ("false", "true"): "other",
        }.get((str(row["consistent"]), str(row["consistent_other_unit"])), "neither")  # fmt: skip
        out.append(
            words.t(
                f"report.plan.implied.{key}",
                name=titles.get(str(row["target"]), row["target"]),
                required=words.exactly(float(row["required"]), asked),
                volume=words.amount(
                    float(row["volume_increase_m3"]),
                    words.unit("m3", float(row["volume_increase_m3"])),
                ),
                forest=words.amount(
                    float(row["forest_increase_ha"]), words.area(float(row["forest_increase_ha"]))
                ),
                low=words.amount(low, scale),
                high=words.amount(high, scale),
            )
        )
        out += _found(row, words, factor=factor)
    return out


def _found(row: dict[str, Any], words: Words, *, factor: float) -> list[str]:
    """Return what the volume and the forest that were found imply; nothing without a volume."""
    names = ("volume_found_m3", "forest_found_ha", "found_implied_low", "found_implied_high")
    more, forest, low, high = (float(row.get(name, math.nan)) for name in names)
    if not math.isfinite(more):
        return []
    carbon, chance = float(row["found"]) * factor, float(row["probability_found"])
    scale = words.carbon(max(abs(high * factor), abs(carbon)))
    wood = words.unit("m3", more)
    ends = float(row["volume_found_low_m3"]), float(row["volume_found_high_m3"])
    sure = "" if math.isfinite(chance) else ".plain"
    return [
        words.t(
            f"report.plan.found{sure}",
            volume=words.amount(more, wood, spread=half_width(*ends), signed=True),
            interval=words.interval(*ends, scale=wood),
            forest=words.amount(forest, words.area(forest), signed=True),
            low=words.amount(low * factor, scale),
            high=words.amount(high * factor, scale),
            carbon=words.amount(carbon, scale, signed=True),
            p=words.probability(chance),
        )
    ]


def overlays(results: Results, words: Words) -> list[dict[str, Any]]:
    """Return a small table for each overlay: land, forest, wetland, stock and change."""
    areas, changes = results.tables.get("overlay_regions"), results.tables.get("overlay_change")
    if areas is None or changes is None:
        return []
    start, end = span_of(results)
    infos = {
        str(item["name"]): item for item in results.meta.get("settings", {}).get("overlays", ())
    }
    whole = areas[(areas["level"] == chain.WHOLE) & (areas["year"] == end)]
    moved = changes[
        (changes["level"] == chain.WHOLE) & (changes["start"] == start) & (changes["end"] == end)
    ].set_index(["overlay", "part"])
    out = []
    for name, rows in whole.groupby("overlay", sort=False):
        info = infos.get(str(name), {})
        shown = rows.head(PARTS_SHOWN + 1)
        area = words.area(float(shown["overlay_ha"].median()))
        carbon = words.carbon(float(shown["stock_t_c"].median()) / 10)
        largest = float(shown["overlay_ha"].max())
        cells = _overlay_row(words, area=area, carbon=carbon, largest=largest)
        out.append(
            {
                "title": str(info.get("title") or name),
                "rows": [
                    cells(row, moved.loc[(name, row["part"])]) for row in chain.records(shown)
                ],
                "area": area.label,
                "carbon": carbon.label,
                "more": max(0, len(rows) - PARTS_SHOWN - 1),
            }
        )
    return out


def _overlay_row(
    words: Words, *, area: Scale, carbon: Scale, largest: float
) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """Return what makes a row's cells, every column in one unit."""
    places = area_places(largest / area.factor)

    def cells(row: dict[str, Any], change: Any) -> dict[str, Any]:
        sizes = {key: f"{key}_ha" for key in ("overlay", "forest", "wetland")}
        return {
            "part": str(row["part"]) or words.t("report.plan.whole"),
            **{key: fixed(row[name] / area.factor, places) for key, name in sizes.items()},
            "stock": around(row["stock_t_c"], (row["low_t_c"], row["high_t_c"]), scale=carbon),
            "change": around(
                change["change_t_c"], (change["low_t_c"], change["high_t_c"]), scale=carbon
            ),
            "finding": finding(change),
        }

    return cells
