"""From a run's tables to the rows that the charts draw: pick, scale, label."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
from markupsafe import Markup

from sinks import chain
from sinks.report.charts import POOL_COLOURS, Bar, Mark, dots, path, share_axis, stacked_bars
from sinks.report.charts import waterfall as draw_waterfall
from sinks.report.choropleth import choropleth, diverging
from sinks.report.svg import ACCENT, LOSS
from sinks.results import Results
from sinks.summary import TargetLine, change_of, finding, span_of, unit_words
from sinks.wording import DASH, Words, end_text, half_width, number, places_for, significant

#: Charts show so many strata, and so many regions at either end of a ranking.
STRATA_SHOWN = 12
ENDS_SHOWN = 8
OTHER_COLOUR = "#c9cfcd"


def names_of(results: Results, words: Words) -> dict[str, tuple[str, str]]:
    """Return label and colour of every stratum."""
    column = f"name_{words.language}"
    return {
        str(row["stratum"]): (str(row[column]), str(row["colour"]))
        for row in chain.records(results.strata)
    }


def stock_chart(results: Results, words: Words) -> Markup:
    """Draw the stock of the largest strata by pool, first and last year."""
    start, end = span_of(results)
    names = names_of(results, words)
    stock = chain.of_units(results, "stock")
    sums = stock.groupby(["year", "stratum", "pool"])["stock_t_c"].sum()
    ranked = sums[end].groupby("stratum").sum().sort_values(ascending=False, kind="stable")
    shown = list(ranked.index[:STRATA_SHOWN])
    rest = list(ranked.index[STRATA_SHOWN:])
    scale = words.carbon(float(ranked.iloc[0]) / 10)
    pools = [str(pool) for pool in results.meta["pools"]]
    bars = []
    for members in [*([name] for name in shown), *([rest] if rest else [])]:
        lone = members[0] if members is not rest else ""
        title = words.t("report.other_strata", n=len(rest)) if not lone else names[lone][0]
        for year in (start, end):
            parts = []
            for pool in pools:
                size = sum(float(sums.get((year, name, pool), 0.0)) for name in members)
                parts.append((POOL_COLOURS.get(pool, OTHER_COLOUR), size / scale.factor))
            total = significant(sum(size for _, size in parts))
            swatch = names[lone][1] if lone else OTHER_COLOUR
            first = year == start
            bars.append(
                Bar(
                    title if first else "",
                    str(year),
                    tuple(parts),
                    swatch if first else None,
                    total,
                )
            )
    legend = [(POOL_COLOURS.get(pool, OTHER_COLOUR), words.term("pool", pool)) for pool in pools]
    return stacked_bars(words.t("report.chart.stock"), bars, legend=legend, unit=scale.label)


def waterfall(results: Results, words: Words) -> Markup:
    """Draw the whole's change three ways: by cause, by direction, by kind of land."""
    start, end = span_of(results)
    row = change_of(results)
    spread = half_width(row["low_t_c"], row["high_t_c"])
    sizes = ["change_t_c", "gain_t_c", "loss_t_c"]
    scale = words.carbon(max(abs(row[name]) for name in sizes))
    places = places_for(spread / scale.factor) if math.isfinite(spread) else 1

    def step(key: str, value: float) -> Mark:
        size = value / scale.factor
        text = number(size, places, signed=True)
        return Mark(words.t(f"report.step.{key}"), size, math.nan, math.nan, True, text)

    low, high = (row[name] / scale.factor for name in ("low_t_c", "high_t_c"))
    known = math.isfinite(spread)
    size = row["change_t_c"] / scale.factor
    total = Mark(
        words.t("report.step.change"),
        size,
        low if known else math.nan,
        high if known else math.nan,
        bool(row["detectable"]),
        number(size, places, signed=True),
    )
    cause = [
        step("area", row["area_effect_t_c"]),
        step("density", row["density_effect_t_c"]),
        total,
    ]
    way = [step("gain", row["gain_t_c"]), step("loss", -row["loss_t_c"]), total]
    panels = [(words.t("report.panel.cause"), cause), (words.t("report.panel.direction"), way)]
    title = words.t("report.chart.waterfall", start=start, end=end)
    return draw_waterfall(title, panels, unit=scale.label)


def ranking(results: Results, words: Words) -> Markup:
    """Draw the regions with the largest gains and losses, each with its interval."""
    start, end = span_of(results)
    rows = chain.of_units(results, "change")
    rows = rows[(rows["start"] == start) & (rows["end"] == end)]
    rows = rows.sort_values("change_t_c", ascending=False, kind="stable")
    gap = None
    if len(rows) > 2 * ENDS_SHOWN + 2:
        rows = pd.concat([rows.head(ENDS_SHOWN), rows.tail(ENDS_SHOWN)])
        gap = ENDS_SHOWN
    scale = words.carbon(float(rows["change_t_c"].abs().max()) / 10)
    marks = []
    for row in chain.records(rows):
        low, value, high = (
            row[name] / scale.factor for name in ("low_t_c", "change_t_c", "high_t_c")
        )
        spread = half_width(low, high)
        known = math.isfinite(spread)
        places = places_for(spread) if known else 1
        text = number(value, places, signed=True)
        if known:
            ends = words.t("report.range", low=end_text(low, spread), high=end_text(high, spread))
            text += f" ({ends})"
        none = math.nan
        marks.append(
            Mark(
                str(row["region_name"]),
                value,
                low if known else none,
                high if known else none,
                finding(row) in ("up", "down"),
                text,
            )
        )
    title = words.t("report.chart.ranking", units=unit_words(results)[0], start=start, end=end)
    return dots(title, marks, unit=scale.label, gap_after=gap)


def change_per_ha(results: Results) -> pd.Series:
    """Return the change per hectare compared [t C/ha] by region code; NaN where none was."""
    start, end = span_of(results)
    rows = chain.of_units(results, "change")
    rows = rows[(rows["start"] == start) & (rows["end"] == end)].set_index("region_code")
    valid = chain.of_units(results, "coverage").groupby("region_code")["common_valid_ha"].first()
    valid = valid.reindex(rows.index)
    return (rows["change_t_c"] / valid.where(valid > 0)).rename("change_t_c_ha")


def change_map(results: Results, words: Words) -> Markup | None:
    """Draw the change per hectare of every region, hatched where it is not detectable.

    None where the run wrote no outlines (``--only tables``).
    """
    if results.regions.empty:
        return None
    start, end = span_of(results)
    values = {str(code): float(value) for code, value in change_per_ha(results).items()}
    rows = chain.of_units(results, "change")
    rows = rows[(rows["start"] == start) & (rows["end"] == end)]
    unsure = frozenset(
        str(row["region_code"]) for row in chain.records(rows) if finding(row) == "none"
    )
    parents = [name for name in chain.levels(results)[1:-1] if name in results.regions.columns]
    groups = [str(name) for name in results.regions[parents[0]]] if parents else None
    terms = {
        "id": "hatch-change",
        "title": words.t("report.chart.map", start=start, end=end),
        "legend": words.t("report.map.legend", start=start, end=end),
        "unsure": words.t("report.finding.none"),
        "no_data": words.t("report.no_data"),
        "range": words.t("report.range", low="{low}", high="{high}"),
    }
    classes = diverging(list(values.values()))
    return choropleth(
        results.regions, values, classes=classes, words=terms, unsure=unsure, groups=groups
    )


def stock_path(results: Results, words: Words) -> Markup | None:
    """Draw the whole's stock over the years; None with two years, where it says nothing new."""
    rows = chain.whole(results, "regions").sort_values("year", kind="stable")
    if len(rows) < 3:
        return None
    scale = words.carbon(float(rows["stock_t_c"].max()))
    marks = []
    for row in chain.records(rows):
        low, value, high = (
            row[name] / scale.factor for name in ("low_t_c", "stock_t_c", "high_t_c")
        )
        marks.append(Mark(str(row["year"]), value, low, high, True))
    return path(words.t("report.chart.path"), marks, unit=scale.label)


def target_chart(line: TargetLine, words: Words) -> Markup:
    """Draw what was achieved of a target as a share of what is required, in each reading."""
    marks = []
    for reading in line.readings:
        spread = half_width(reading.low, reading.high)
        known = math.isfinite(spread)
        label = words.t("report.reading.label", unit=words.term("unit", reading.unit))
        text = words.share(reading.share, spread)
        marks.append(
            Mark(
                label if len(line.readings) > 1 else words.t("report.reading.achieved"),
                reading.share * 100,
                reading.low * 100 if known else math.nan,
                reading.high * 100 if known else math.nan,
                True,
                text or DASH,
            )
        )
    return share_axis(words.t("report.chart.target", name=line.title), marks)


def shares_chart(lines: Sequence[TargetLine], words: Words) -> Markup:
    """Draw what was achieved of every target, as a share of what its own unit asks."""
    marks = []
    for line in lines:
        asked = line.readings[0]
        spread = half_width(asked.low, asked.high)
        ends = (asked.low * 100, asked.high * 100) if math.isfinite(spread) else (math.nan,) * 2
        if math.isfinite(asked.share):
            text = words.share(asked.share, spread)
            marks.append(Mark(line.title, asked.share * 100, *ends, sure=True, text=text))
    return share_axis(words.t("report.chart.shares"), marks, alike=True)


def target_path(results: Results, line: TargetLine, *, words: Words) -> Markup | None:
    """Draw where a target stood over the years against the straight path to it."""
    table = results.tables.get("target_path")
    if table is None:
        return None
    rows = chain.records(table[table["target"] == line.name].sort_values("year"))
    rows = [row for row in rows if math.isfinite(row["achieved"])]
    if len(rows) < 2 or not math.isfinite(half_width(rows[-1]["low"], rows[-1]["high"])):
        return None
    most = max(abs(row[name]) for row in rows for name in ("achieved", "on_path"))
    scale = words.unit(str(rows[0]["unit"]), most)

    def mark(row: dict[str, Any], names: tuple[str, str, str]) -> Mark:
        value, low, high = (row[name] / scale.factor for name in names)
        return Mark(str(int(row["year"])), value, low, high, True)

    due = [mark(row, ("on_path",) * 3) for row in rows]
    return path(
        words.t("report.chart.target_path", name=line.title),
        [mark(row, ("achieved", "low", "high")) for row in rows],
        unit=scale.label, goal=due,
        legend=[(ACCENT, words.t("report.path.achieved")), (LOSS, words.t("report.path.due"))],
    )  # fmt: skip
