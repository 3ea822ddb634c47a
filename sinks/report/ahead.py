"""The report's section of what may come: each scenario, its path, and the planting it needs."""

from __future__ import annotations

import math
from typing import Any, Final

import pandas as pd

from sinks import chain
from sinks.report.charts import Mark
from sinks.report.fan import fan
from sinks.results import Results
from sinks.summary import Reading, TargetLine, goal
from sinks.wording import DASH, Words, end_text, half_width

#: Of which the needed planting is told: central values, and two probabilities.
NEEDED: Final = ("", "_p50", "_p95")
#: Answers that a number of hectares goes with.
COUNTED: Final = ("plan_enough", "more_needed", "beyond_land")


def scenarios(results: Results, words: Words) -> list[dict[str, Any]]:
    """Return one entry per scenario: assumptions, parts of the change, targets, drawings."""
    stocks = results.tables.get("projection")
    if stocks is None or stocks.empty:
        return []
    whole = stocks[stocks["level"] == chain.WHOLE]
    settings = results.meta.get("settings", {}).get("scenarios", ())
    infos = {str(item["name"]): item for item in settings}
    out = []
    for name, rows in whole.groupby("scenario", sort=False):
        info = infos.get(str(name), {})
        answers = results.tables["scenario_targets"]
        own = answers[(answers["scenario"] == name) & (answers["level"] == chain.WHOLE)]
        steps = chain.records(rows.sort_values("year"))
        out.append(
            {
                "title": str(info.get("title") or name),
                "assumed": _assumed(info, steps, words=words),
                "parts": _parts(steps[0], steps[-1], words=words),
                "rows": [_row(row, results, words=words) for row in chain.records(own)],
                "charts": _charts(results, str(name), words=words),
            }
        )
    return out


def _assumed(info: dict[str, Any], steps: list[dict[Any, Any]], *, words: Words) -> list[str]:
    """Return what is assumed of growth, losses and planting, one sentence each."""
    out = []
    for key in ("growth", "loss"):
        stated = info.get(key) or ()
        kind = "observed" if stated == "observed" else "stated" if stated else "none"
        out.append(words.t(f"report.scenario.{key}.{kind}"))
    hectares = float(steps[-1]["planted_ha"])
    kind = "some" if hectares > 0 else "none"
    out.append(
        words.t(
            f"report.scenario.planting.{kind}", until=int(steps[-1]["year"]),
            area=_both(hectares, words),
        )
    )  # fmt: skip
    return out


def _both(hectares: float, words: Words) -> str:
    """Return an area in hectares and in mu."""
    mu = hectares * 15
    shown = words.amount(hectares, words.area(hectares))
    return words.t("report.scenario.both", ha=shown, mu=words.amount(mu, words.unit("mu", mu)))


def _parts(start: dict[Any, Any], end: dict[Any, Any], *, words: Words) -> str:
    """Return the change to the last year and what makes it, as a sentence."""
    columns = ("change_t_c", "growth_part_t_c", "planting_part_t_c", "loss_part_t_c")
    scale = words.carbon(max(abs(float(end[name])) for name in columns))
    spread = half_width(end["change_low_t_c"], end["change_high_t_c"])
    shown = {
        name.removesuffix("_t_c").removesuffix("_part"): words.amount(
            float(end[name]), scale, spread=spread if name == "change_t_c" else math.nan,
            signed=True,
        )
        for name in columns
    }  # fmt: skip
    interval = words.interval(end["change_low_t_c"], end["change_high_t_c"], scale=scale)
    years = {"start": int(start["year"]), "until": int(end["year"])}
    return words.t("report.scenario.parts", interval=interval, **years, **shown)


def _line(row: dict[Any, Any], results: Results) -> TargetLine:
    """Return a target as the ledger knows it, with what the scenario reaches in its place."""
    infos = {str(item["name"]): dict(item) for item in results.meta["study"].get("targets", ())}
    value, required = float(row["projected"]), float(row["required"])
    reading = Reading(
        unit=str(row["unit"]), achieved=value, required=required, share=value / required,
        low=float(row["low"]) / required, high=float(row["high"]) / required,
        probability=float(row["probability"]), verdict=str(row["verdict"]), asked=True,
    )  # fmt: skip
    start = row["start"]
    return TargetLine(
        str(row["target"]), infos.get(str(row["target"]), {}),
        int(start) if pd.notna(start) else int(row["end"]), int(row["end"]),
        str(row["quantity"]), (reading,),
    )  # fmt: skip


def _row(row: dict[Any, Any], results: Results, *, words: Words) -> dict[str, str]:
    """Return one target: what is asked, what is projected, how likely, what it would take."""
    line = _line(row, results)
    value, required = float(row["projected"]), float(row["required"])
    scale = words.unit(str(row["unit"]), max(abs(value), abs(required)))
    spread = half_width(row["low"], row["high"])
    sure = math.isfinite(float(row["probability"]))
    ends = [end_text(float(row[end]) / scale.factor, spread / scale.factor)
            for end in ("low", "high")] if math.isfinite(spread) else []  # fmt: skip
    return {
        "title": line.title, "goal": goal(line, words),
        "required": words.exactly(required, scale),
        "projected": words.amount(value, scale, spread=spread),
        "interval": words.t("report.range", low=ends[0], high=ends[1]) if ends else DASH,
        "probability": words.probability(float(row["probability"])),
        "verdict": words.term("projected", str(row["verdict"])) if sure else DASH,
        "state": str(row["verdict"]) if sure else "",
    } | _planting(row, words)  # fmt: skip


def _planting(row: dict[Any, Any], words: Words) -> dict[str, str]:
    """Return the planting that is planned and that is needed, and all of it in one line."""
    cells = {"planned": _rate(float(row["planned_ha_per_yr"]), words)}
    cells |= {f"needed{mark}": _needed(row, mark, words=words) for mark in NEEDED}
    pairs = [
        words.t("report.scenario.pair", name=words.t(f"report.scenario.c.{key}"), value=value)
        for key, value in cells.items()
    ]
    return cells | {"line": words.t("report.scenario.stop").join(pairs)}


def _rate(hectares: float, words: Words) -> str:
    if not math.isfinite(hectares) or hectares == 0:
        return DASH
    return words.t("report.scenario.per_year", area=_both(hectares, words))


def _needed(row: dict[Any, Any], mark: str, *, words: Words) -> str:
    """Return the planting that a target needs, or why none would do."""
    answer = str(row[f"answer{mark}"])
    if not answer:
        return DASH
    said = words.t(f"report.answer.{answer}")
    if answer not in COUNTED:
        return said
    rate = _rate(float(row[f"needed{mark}_ha_per_yr"]), words)
    return words.t("report.scenario.needed", rate=rate, answer=said)


def _charts(results: Results, name: str, *, words: Words) -> list[dict[str, Any]]:
    """Return a drawing for every target, or of the whole stock where there is none."""
    table = results.tables["scenario_path"]
    own = table[table["scenario"] == name]
    targets = [str(target) for target in own["target"].unique() if target]
    infos = {str(item["name"]): item for item in results.meta["study"].get("targets", ())}
    names = [words.t(f"report.scenario.{key}") for key in ("measured", "projected", "goal")]
    out = []
    for target in targets or [""]:
        rows = own[own["target"] == target]
        unit = str(rows["unit"].iloc[0])
        scale = words.unit(unit, float(rows[["value", "required"]].abs().max().max()))
        measured = [_mark(row, scale.factor) for row in chain.records(rows) if _seen(row)]
        projected = [_mark(row, scale.factor) for row in chain.records(rows) if not _seen(row)]
        first = int(projected[0].label) - 1
        joined = [mark for mark in measured if int(mark.label) == first]
        asked = [row for row in chain.records(rows) if math.isfinite(float(row["required"]))]
        title = words.t("report.scenario.stock")
        if target:
            title = str(infos.get(target, {}).get("title") or target)
        out.append(
            {
                "title": title,
                "chart": fan(
                    title, measured, projected=[*joined, *projected],
                    goal=_goal(asked, scale.factor), unit=scale.label, names=names,
                ),
            }
        )  # fmt: skip
    return out


def _seen(row: dict[Any, Any]) -> bool:
    return str(row["basis"]) == "measured"


def _mark(row: dict[Any, Any], factor: float) -> Mark:
    value, low, high = (float(row[key]) / factor for key in ("value", "low", "high"))
    return Mark(str(int(row["year"])), value, low, high, sure=True)


def _goal(asked: list[dict[Any, Any]], factor: float) -> Mark | None:
    if not asked:
        return None
    value = float(asked[0]["required"]) / factor
    return Mark(str(int(asked[0]["year"])), value, math.nan, math.nan, sure=True)
