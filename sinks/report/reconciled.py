"""The report's section that puts the map's totals beside official ones, or those of plots."""

from __future__ import annotations

import math
from typing import Any, Final

import pandas as pd

from sinks import chain
from sinks.report.figures import names_of
from sinks.results import Results
from sinks.wording import DASH, Scale, Words, half_width, significant

#: Rows that the report prints of one comparison; the CSV holds them all.
ROWS_SHOWN: Final = 40
#: Strata that are named one by one.
NAMES_SHOWN: Final = 3
PARTS: Final = ("area_part", "density_part", "definition_part", "rest")


def reconciled(results: Results, words: Words) -> list[dict[str, Any]]:
    """Return one entry per `[[reconcile]]`: title, rows, sentences; none without any."""
    table = results.tables.get("reconciliation")
    if table is None or table.empty:
        return []
    settings = results.meta.get("settings", {}).get("reconcile", ())
    titles = {str(item["name"]): str(item.get("title") or item["name"]) for item in settings}
    out = []
    for name, rows in table.groupby("reconcile", sort=False):
        order = {level: -place for place, level in enumerate(chain.levels(results))}
        ranked = rows.assign(_rank=rows["level"].map(order)).sort_values("_rank", kind="stable")
        shown = [_row(row, results, words=words) for row in chain.records(ranked)]
        factors = _factors(results, str(name), words=words)
        sources = dict.fromkeys(part for own in rows["source"] for part in str(own).split("; "))
        out.append(
            {
                "title": titles.get(str(name), str(name)),
                "sentence": _sentence(
                    chain.records(ranked)[0],
                    results,
                    title=titles.get(str(name), str(name)),
                    words=words,
                ),
                "rows": shown[:ROWS_SHOWN],
                "more": max(0, len(shown) - ROWS_SHOWN),
                "raked": factors,
                "sources": "; ".join(sources),
            }
        )
    return out


def _what(row: dict[str, Any], results: Results, *, words: Words) -> str:
    """Return what a row counts: its group or strata, and the pools."""
    known = {str(own["stratum"]): str(own["group"]) for own in chain.records(results.strata)}
    names = [name for name in str(row["strata"]).split(";") if name in known]
    groups = {known[name] for name in names}
    whole = {name for name, group in known.items() if group in groups}
    comma = words.t("report.list.comma")
    if not names:
        land = words.t("report.reconcile.all_land")
    elif whole == set(names):
        land = words.terms("group", sorted(groups))
    else:
        labels = [names_of(results, words)[name][0] for name in names]
        cut = ["…"] if len(labels) > NAMES_SHOWN else []
        land = comma.join(labels[:NAMES_SHOWN] + cut)
    pools = [name for name in str(row["pools"]).split(";") if name]
    quantity = words.term("quantity", str(row["quantity"]))
    if not pools:
        return words.t("report.reconcile.what", land=land, quantity=quantity)
    inner = words.terms("pool", pools)
    return words.t("report.reconcile.what_pools", land=land, quantity=quantity, pools=inner)


def _scale(row: dict[str, Any], words: Words) -> Scale:
    return words.unit(str(row["unit"]), max(abs(row["map_value"]), abs(row["other_value"])))


def _amounts(row: dict[str, Any], words: Words) -> dict[str, str]:
    scale = _scale(row, words)
    spread = half_width(row["low"], row["high"])
    own = half_width(row["map_low"], row["map_high"])
    found = {
        "map": words.amount(row["map_value"], scale, spread=own),
        "other": words.exactly(row["other_value"], scale)
        if str(row["basis"]) == "official"
        else words.amount(row["other_value"], scale, spread=1.96 * float(row["other_se"])),
        "difference": words.amount(row["difference"], scale, spread=spread, signed=True),
    }
    parts = {
        name: significant(row[name] / scale.factor, signed=True)
        if math.isfinite(row[name])
        else DASH
        for name in PARTS
    }
    return found | parts | {"unit": scale.label}


def _row(row: dict[str, Any], results: Results, *, words: Words) -> dict[str, str]:
    whole = str(row["level"]) == chain.WHOLE
    return {
        "name": words.t("report.total") if whole else str(row["region_name"]),
        "year": str(int(row["year"])),
        "what": _what(row, results, words=words),
        **_amounts(row, words),
        "detectable": _detectable(row, words),
    }


def _detectable(row: dict[str, Any], words: Words) -> str:
    return words.term("apart", "true" if row["detectable"] else "false")


def _sentence(row: dict[str, Any], results: Results, *, title: str, words: Words) -> str:
    """Return what the first row, of the coarsest level, says."""
    shown = _amounts(row, words)
    key = "split" if math.isfinite(row["area_part"]) else "whole"
    certain = "detectable" if row["detectable"] else "undetectable"
    head = words.t(
        "report.reconcile.sentence", what=_what(row, results, words=words), year=int(row["year"]),
        map=shown["map"], other=shown["other"], difference=shown["difference"],
        certain=words.t(f"report.reconcile.{certain}"), title=title,
    )  # fmt: skip
    return head + words.t(
        f"report.reconcile.{key}", unit=shown["unit"], **{name: shown[name] for name in PARTS}
    )


def _factors(results: Results, name: str, *, words: Words) -> str:
    """Return between what factors the regions of a comparison were raked; empty if none were."""
    table = results.tables.get("raked", pd.DataFrame())
    if table.empty:
        return ""
    rows = table[(table["reconcile"] == name) & (table["level"] == chain.UNIT)]
    factors = rows["factor"].dropna()
    if factors.empty:
        return ""
    ends = [significant(value) for value in (factors.min(), factors.median(), factors.max())]
    return words.t("report.reconcile.raked", low=ends[0], middle=ends[1], high=ends[2])
