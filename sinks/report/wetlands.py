"""The report's section on wetlands: types with pools and fluxes, definitions, soils, seasons."""

from __future__ import annotations

import math
from typing import Any, Final

import pandas as pd

from sinks import chain
from sinks.report.ledgers import around
from sinks.results import Results
from sinks.summary import span_of
from sinks.wording import (
    DASH,
    Scale,
    Words,
    end_text,
    half_width,
    number,
    places_for,
    significant,
)

#: What each type is told: columns of `wetland.csv` behind the area.
HELD: Final = ("vegetation_t_c", "soil_t_c")
#: Ends of the interval of a flux.
ENDS: Final = ("low", "high")


def wetlands(results: Results, words: Words) -> dict[str, Any]:
    """Return the small tables of the section; nothing where the maps hold no wetland."""
    table = results.tables.get("wetland")
    if table is None or table.empty:
        return {}
    start, end = span_of(results)
    whole = _whole(table)
    now = whole[whole["year"] == end]
    if now["area_ha"].isna().all():
        return {}
    before = whole[whole["year"] == start].set_index("stratum")["area_ha"]
    names = {
        str(item["stratum"]): str(item[f"name_{results.language}"])
        for item in results.meta.get("strata", ())
    }
    area = words.area(float(now["area_ha"].max()))
    carbon = words.carbon(float(now["soil_t_c"].max()) if now["soil_t_c"].notna().any() else 0.0)
    return {
        "area": area.label,
        "carbon": carbon.label,
        "gwp": next((str(name) for name in now["gwp"] if isinstance(name, str) and name), ""),
        "types": [
            _type(row, before.get(row["stratum"], math.nan), words=words, scales=(area, carbon))
            | {"name": names.get(str(row["stratum"]), str(row["stratum"]))}
            for row in chain.records(now)
        ],
        "definitions": _definitions(results, words, scales=(area, carbon)),
        "soils": _soils(results, words, area=area),
        "seasonal": _seasonal(results, words),
    }


def _whole(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["level"] == chain.WHOLE]


def _type(
    row: dict[Any, Any], before: float, *, words: Words, scales: tuple[Scale, Scale]
) -> dict[str, str]:
    """Return one type's cells: area of both years, plants, soil, and the yearly fluxes."""
    area, carbon = scales
    return {
        "before": significant(before / area.factor),
        "after": significant(row["area_ha"] / area.factor),
        **{key: significant(row[key] / carbon.factor) for key in HELD},
        "burial": _flux(row, "burial", unit="t_c_per_yr", words=words),
        "ch4": _flux(row, "ch4", unit="t_per_yr", words=words, shown="ch4_t_co2e_per_yr"),
    }


def _flux(row: dict[Any, Any], name: str, *, unit: str, words: Words, shown: str = "") -> str:
    """Return a yearly flux, with its interval where it has one; a gas in the unit of `shown`."""
    value = float(row[f"{name}_{unit}"])
    told = float(row[shown]) if shown else value
    ratio = told / value if value else 1.0
    low, high = (float(row.get(f"{name}_{end}_{unit}", math.nan)) * ratio for end in ENDS)
    spread = half_width(low, high)
    if not math.isfinite(spread):
        return significant(told)
    ends = words.t("report.range", low=end_text(low, spread), high=end_text(high, spread))
    return f"{number(told, places_for(spread))} ({ends})"


def _definitions(
    results: Results, words: Words, *, scales: tuple[Scale, Scale]
) -> list[dict[str, str]]:
    """Return area and carbon by every definition, with the interval of the carbon."""
    table = results.tables.get("wetland_definitions")
    if table is None or "stock_t_c" not in table.columns:
        return []
    area, carbon = scales
    rows = _whole(table)
    rows = rows[rows["year"] == span_of(results)[1]]
    return [
        {
            "name": words.t(f"report.wetland.definition.{row['definition']}"),
            "area": significant(row["area_ha"] / area.factor),
            **around(row["stock_t_c"], (row["low_t_c"], row["high_t_c"]), scale=carbon),
        }
        for row in chain.records(rows)
    ]


def _soils(results: Results, words: Words, *, area: Scale) -> list[dict[str, str]]:
    """Return soils of restored and reclaimed land: committed, realised, and the yearly rate."""
    table = results.tables.get("wetland_soil")
    if table is None or "rate_t_c_per_yr" not in table.columns:
        return []
    start, end = span_of(results)
    rows = _whole(table)
    rows = rows[(rows["start"] == start) & (rows["end"] == end)]
    keys = {"committed": "committed_t_c", "realised": "realised_t_c", "rate": "rate_t_c_per_yr"}
    return [
        {
            "name": words.t(f"report.wetland.soil.{row['direction']}"),
            "area": significant(row["area_ha"] / area.factor),
            **{key: significant(row[name], signed=True) for key, name in keys.items()},
        }
        for row in chain.records(rows)
        if row["area_ha"] > 0
    ]


def _seasonal(results: Results, words: Words) -> str:
    """Return what the maps show as water come or gone and the study counts as unchanged."""
    table = results.tables.get("wetland_seasonal")
    if table is None:
        return ""
    start, end = span_of(results)
    rows = _whole(table)
    rows = rows[(rows["start"] == start) & (rows["end"] == end)]
    if rows.empty:
        return ""
    hectares, made = float(rows["area_ha"].sum()), rows["mapped_change_t_c"]
    area = words.area(hectares)
    carbon = words.carbon(abs(float(made.sum())))
    told = DASH if made.isna().any() else (
        f"{significant(float(made.sum()) / carbon.factor, signed=True)} {carbon.label}"
    )  # fmt: skip
    return words.t(
        "report.wetland.seasonal", start=start, end=end, carbon=told,
        area=f"{significant(hectares / area.factor)} {area.label}",
    )  # fmt: skip
