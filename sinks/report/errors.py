"""The report's section on errors: their sources, and the models side by side."""

from __future__ import annotations

import math
from typing import Any, Final

import pandas as pd
from markupsafe import Markup

from sinks import chain
from sinks.report.charts import Bar, stacked_bars
from sinks.report.ledgers import Ledger
from sinks.results import Results
from sinks.summary import span_of
from sinks.wording import DASH, Words, significant

#: One colour per source, told apart by colour-blind readers; the order is that of the legend.
COLOURS: Final = {
    "area": "#8f4f7a",
    "plot_sampling": "#0f5e57", "model_choice": "#63aaa0", "expansion": "#b98a55",
    "wood_density": "#dcc069", "root_to_shoot": "#7d8583", "carbon_fraction": "#4f6d8f",
    "density": "#a3b8cc", "density_table": "#c9cdcb",
    "density_raster": "#7f9c8b",
    "density_table/agb": "#0f5e57", "density_table/bgb": "#63aaa0",
    "density_table/dead_wood": "#7d8583", "density_table/litter": "#dcc069",
    "density_table/dead_organic": "#c9cdcb", "density_table/soil": "#b98a55",
    "density_raster/agb": "#4f6d8f", "density_raster/bgb": "#a3b8cc",
    "density_raster/dead_wood": "#5b6168", "density_raster/litter": "#e8d9a4",
    "density_raster/dead_organic": "#dfe2e0", "density_raster/soil": "#8a6238",
    "interaction": "#33383a",
}  # fmt: skip
#: Parts too small to be seen are left out of the drawing [share].
SMALLEST: Final = 0.002


def errors(results: Results, words: Words) -> dict[str, Any]:
    """Return the section's drawing and table; empty where a run has neither."""
    found = {"budget": budget(results, words), "models": models(results, words)}
    return found if any(part is not None for part in found.values()) else {}


def budget(results: Results, words: Words) -> dict[str, Any] | None:
    """Return the chart of the error budget of the whole, and what Approach 1 would say."""
    if "error_budget" not in results.tables:
        return None
    table = _by_pool(results, chain.whole(results, "error_budget"))
    if not (table["se_t_c"] > 0).any():
        return None
    start, end = span_of(results)
    names = {
        "stock": words.t("report.budget.stock", end=end),
        "change": words.t("report.budget.change", start=start, end=end),
    }
    sources = [name for name in COLOURS if name in set(_seen(table)["source"])]
    alone = (
        [words.t("report.budget.alone", source=_named(sources[0], words))]
        if len(sources) == 1
        else []
    )
    lines = [_approach_one(table, name, words=words, title=names[name]) for name in names]
    known = table.loc[table["source"] == "area", "se_t_c"].notna().any()
    note = [] if known else [words.t("report.budget.note")]
    return {
        "chart": _chart(table, words, names=names) if len(sources) > 1 else None,
        "lines": [*alone, *(line for line in lines if line), *note],
    }


def _by_pool(results: Results, table: pd.DataFrame) -> pd.DataFrame:
    """Put the pools of a source in its place, where there are several."""
    if "error_budget_pools" not in results.tables:
        return table
    pools = chain.whole(results, "error_budget_pools")
    pools = pools[pools["pool"] != ""]
    for source, own in pools.groupby("source"):
        if own["pool"].nunique() > 1:
            parts = own.assign(source=own["source"] + "/" + own["pool"])
            table = pd.concat([table[table["source"] != source], parts], ignore_index=True)
    return table


def _named(source: str, words: Words) -> str:
    """Return a source in words, with the pool that it is a part of."""
    name, _, pool = source.partition("/")
    own = words.term("source", name)
    return words.t("report.source.pool", source=own, pool=words.term("pool", pool)) if pool else own


def _seen(table: pd.DataFrame) -> pd.DataFrame:
    """Return the parts that a drawing can show."""
    return table[(table["source"] != "all") & (table["share_of_variance"] > SMALLEST)]


def _chart(table: pd.DataFrame, words: Words, *, names: dict[str, str]) -> Markup:
    bars, seen = [], []
    for name, title in names.items():
        rows = table[table["quantity"] == name].set_index("source")["share_of_variance"]
        parts = [(source, float(rows.get(source, math.nan))) for source in COLOURS]
        kept = [(source, share) for source, share in parts if share > SMALLEST]
        seen += [source for source, _ in kept if source not in seen]
        drawn = tuple((COLOURS[source], 100 * share) for source, share in kept)
        if drawn:
            bars.append(Bar(title, "", drawn))
    legend = [(COLOURS[name], _named(name, words)) for name in COLOURS if name in seen]
    return stacked_bars(
        words.t("report.budget.title"), bars, legend=legend, unit=words.t("report.budget.unit")
    )


def _approach_one(table: pd.DataFrame, quantity: str, *, words: Words, title: str) -> str:
    rows = table[(table["quantity"] == quantity) & (table["source"] == "all")]
    row = rows.iloc[0]
    first, second = float(row["approach1_se_t_c"]), float(row["se_t_c"])
    if not (math.isfinite(first) and second > 0):
        return ""
    scale = words.carbon(max(first, second))
    shown = [f"{significant(value / scale.factor)} {scale.label}" for value in (first, second)]
    told = words.t("report.budget.first", quantity=title, first=shown[0], second=shown[1])
    holds = str(row["approach1_holds"]) == "true"
    return told if holds else told + " " + words.t("report.budget.warning")


def models(results: Results, words: Words) -> Ledger | None:
    """Return living biomass by every model in the first and the last year."""
    if "models" not in results.tables:
        return None
    table = results.tables["models"]
    start, end = span_of(results)
    scale = words.carbon(float(table.groupby(["model", "year"])["stock_t_c"].sum().abs().max()))
    rows, ends = [], []
    for name in table["model"].unique():
        own = table[table["model"] == name]
        sums = own.groupby("year")["stock_t_c"].sum()
        before, after = float(sums.get(start, math.nan)), float(sums.get(end, math.nan))
        ends.append(after)
        first = own.iloc[0]
        rows.append({
            "name": str(first[f"model_{words.language}"]),
            "before": significant(before / scale.factor),
            "after": significant(after / scale.factor),
            "change": significant((after - before) / scale.factor, signed=True),
            "outside": _outside(own[own["year"] == end]),
            "central": words.t("report.models.central") if first["central"] == "true" else "",
        })  # fmt: skip
    low, high = (f"{significant(v / scale.factor)} {scale.label}" for v in (min(ends), max(ends)))
    note = words.t("report.models.note", end=end, low=low, high=high) if len(rows) > 1 else ""
    return Ledger(rows, carbon=scale.label, extra={"note": note})


def _outside(rows: pd.DataFrame) -> str:
    """Return the part of the carbon beyond a model's range [%]; a dash where it is not known."""
    if "outside_carbon_pct" not in rows:  # of an older run
        return DASH
    known = rows[rows["outside_carbon_pct"].notna() & (rows["stock_t_c"] > 0)]
    whole = float(known["stock_t_c"].sum())
    if not whole > 0:
        return DASH
    return f"{float((known['outside_carbon_pct'] * known['stock_t_c']).sum()) / whole:.1f}"
