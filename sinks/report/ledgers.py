"""The rows of the report's tables: text already, rounded to its uncertainty, in code order."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sinks import chain
from sinks.report.figures import names_of
from sinks.results import Results
from sinks.summary import finding, span_of, target_lines
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

#: Rows that the report prints of a table that may be very long; the CSV holds them all.
GAPS_SHOWN = 15


@dataclass(frozen=True)
class Ledger:
    """A table of the report: units of its columns, rows, and how many rows it leaves to the CSV."""

    rows: list[dict[str, Any]]
    carbon: str = ""
    area: str = ""
    left_out: int = 0
    extra: dict[str, Any] = field(default_factory=dict)


def around(value: float, ends: tuple[float, float], *, scale: Scale) -> dict[str, str]:
    """Return value, half width and ends of an interval, rounded to two digits of its width."""
    low, high = ends
    spread = half_width(low, high) / scale.factor
    if not math.isfinite(spread):
        shown = {
            "value": significant(value / scale.factor),
            "half": DASH,
            "low": DASH,
            "high": DASH,
        }
        return {**shown, "signed": significant(value / scale.factor, signed=True)}
    places = places_for(spread)
    return {
        "value": number(value / scale.factor, places),
        "signed": number(value / scale.factor, places, signed=True),
        "half": number(spread, places),
        "low": end_text(low / scale.factor, spread),
        "high": end_text(high / scale.factor, spread),
    }


def area_places(largest: float) -> int:
    """Return the decimals of a column of areas: alike in all its rows, fewer in large numbers.

    Examples
    --------
    >>> area_places(274.35), area_places(3657.0)
    (2, 1)
    """
    return 2 if largest < 1e3 else 1 if largest < 1e4 else 0


def fixed(value: float, places: int, *, signed: bool = False) -> str:
    """Return a value with so many decimals; what is not zero is not told as zero.

    Examples
    --------
    >>> fixed(0.0004, 2), fixed(12.3, 2)
    ('< 0.01', '12.30')
    """
    if value > 0 and not signed and round(value, places) == 0:
        return f"< {10.0**-places:g}"
    return number(value, places, signed=signed)


def _target_columns(results: Results) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the first target that is shared out among regions, by (level, code)."""
    table = results.tables["targets"]
    shared = table[(table["level"] == chain.UNIT) & table["required"].notna()]
    if shared.empty:
        return {}
    rows = table[table["target"] == shared["target"].iloc[0]]
    return {(str(row["level"]), str(row["region_code"])): row for row in chain.records(rows)}


def regions_ledger(results: Results, words: Words, *, level: str) -> Ledger:
    """Return one row per region of a level: stock, change, what it shows, share.

    Parameters
    ----------
    level : str
        ``region``, a parent column's name, or ``study``.
    """
    start, end = span_of(results)
    regions, change = results.tables["regions"], results.tables["change"]
    stocks = regions[(regions["year"] == end) & (regions["level"] == level)]
    moves = change[(change["start"] == start) & (change["end"] == end) & (change["level"] == level)]
    units = change[change["level"] == chain.UNIT]
    carbon = words.carbon(float(units["change_t_c"].abs().max()) / 10)
    area = words.area(float(regions[regions["level"] == chain.UNIT]["region_ha"].max()))
    total = float(chain.whole(results, "regions").set_index("year")["stock_t_c"][end])
    valid = _common_valid(results)
    shares = _target_columns(results)
    by_code = {str(row["region_code"]): row for row in chain.records(moves)}
    rows = []
    for row in sorted(chain.records(stocks), key=_order(results, level)):
        code = str(row["region_code"])
        moved = by_code[code]
        compared = valid.get((level, code), math.nan)
        stock = around(row["stock_t_c"], (row["low_t_c"], row["high_t_c"]), scale=carbon)
        shown = around(moved["change_t_c"], (moved["low_t_c"], moved["high_t_c"]), scale=carbon)
        share = shares.get((level, code))
        rows.append(
            {
                "code": code if code not in (str(row["region_name"]), "ALL") else "",
                "name": words.t("report.total")
                if level == chain.WHOLE
                else str(row["region_name"]),
                "parent": str(row["parent_code"]) if row["parent_code"] != "ALL" else "",
                "area": significant(row["region_ha"] / area.factor),
                "stock": stock,
                "density": significant(row["stock_t_c"] / compared) if compared else DASH,
                "change": shown,
                "finding": finding(moved),
                "share": words.share(row["stock_t_c"] / total) if total else DASH,
                "target": _target_cells(share, words) if share else None,
            }
        )
    name = str(next(iter(shares.values()))["target"]) if shares else None
    titles = {line.name: line.title for line in target_lines(results)}
    extra = {"target": name, "title": titles.get(str(name), name)}
    return Ledger(rows, carbon.label, area.label, extra=extra)


def _order(results: Results, level: str) -> Callable[[dict[Any, Any]], str]:
    """Return the sort key of a level: the code, or the first code of a parent's own regions."""
    if level in (chain.UNIT, chain.WHOLE):
        return lambda row: str(row["region_code"])
    return lambda row: min(chain.members(results, str(row["region_code"]), level=level), default="")


def _target_cells(row: dict[str, Any], words: Words) -> dict[str, str]:
    required = float(row["required"])
    spread = half_width(row["low"], row["high"]) / abs(required) if required else math.nan
    verdict = str(row["verdict"])
    return {
        "share": words.share(float(row["share_achieved"]), spread),
        "probability": words.probability(float(row["probability"])),
        "verdict": words.term("verdict", verdict) if verdict else DASH,
    }


def _common_valid(results: Results) -> dict[tuple[str, str], float]:
    """Return the area compared of every region of every level [ha]."""
    valid = chain.of_units(results, "coverage").groupby("region_code")["common_valid_ha"].first()
    found = {(chain.UNIT, str(code)): float(size) for code, size in valid.items()}
    for level in chain.levels(results)[1:]:
        table = results.tables["regions"]
        for code in table[table["level"] == level]["region_code"].unique():
            parts = chain.members(results, str(code), level=level)
            found[(level, str(code))] = float(valid.reindex(parts).sum())
    return found


def parents_ledgers(results: Results, words: Words) -> list[tuple[str, Ledger]]:
    """Return one ledger per parent level, with the level's name."""
    return [
        (words.term("level", level), regions_ledger(results, words, level=level))
        for level in chain.levels(results)[1:-1]
    ]


def strata_ledger(results: Results, words: Words) -> Ledger:
    """Return area and stock of every stratum of the whole, first and last year."""
    start, end = span_of(results)
    stock = chain.of_units(results, "stock")
    tonnes = stock.groupby(["year", "stratum"])["stock_t_c"].sum()
    # every pool of a stratum repeats its area: count it once
    once = stock.drop_duplicates(["region_code", "year", "stratum"])
    areas = once.groupby(["year", "stratum"])["area_ha"].sum()
    area = words.area(float(areas.max()) / 10)
    carbon = words.carbon(float(tonnes.max()) / 10)
    info = {str(row["stratum"]): row for row in chain.records(results.strata)}
    places = area_places(float(areas.max()) / area.factor)
    rows = []
    for stratum, (name, colour) in names_of(results, words).items():
        old, new = (float(areas.get((year, stratum), 0.0)) for year in (start, end))
        if not old and not new:
            continue
        before, after = (float(tonnes.get((year, stratum), 0.0)) for year in (start, end))
        rows.append(
            {
                "name": name,
                "colour": colour,
                "group": words.term("group", str(info[stratum]["group"])),
                "ipcc": words.term("ipcc", str(info[stratum]["ipcc"])),
                "old": fixed(old / area.factor, places),
                "new": fixed(new / area.factor, places),
                "moved": fixed((new - old) / area.factor, places, signed=True),
                "before": significant(before / carbon.factor),
                "after": significant(after / carbon.factor),
                "density": significant(after / new) if new else DASH,
            }
        )
    return Ledger(rows, carbon.label, area.label)


def coverage_ledger(results: Results, words: Words) -> Ledger:
    """Return the area account of every year [ha] and the regions with the largest gaps."""
    table = chain.of_units(results, "coverage")
    columns = ["region_ha", "inside_ha", "valid_ha", "nodata_ha", "outside_ha", "common_valid_ha"]
    years = table.groupby("year")[columns].sum()
    rows = [
        {"year": str(row["year"]), **{name: number(float(row[name])) for name in columns}}
        for row in chain.records(years.reset_index())
    ]
    once = table.drop_duplicates("region_code").set_index("region_code")
    left = once["region_ha"] - once["common_valid_ha"]
    share = (left / once["region_ha"]).sort_values(ascending=False, kind="stable")
    share = share[share > 0.005]
    names = dict(chain.units(results)[["region_code", "region_name"]].to_numpy().tolist())
    worst = [str(code) for code in share.head(GAPS_SHOWN).index]
    gaps = [
        {
            "code": code,
            "name": str(names[code]),
            "left": number(float(left[code])),
            "share": words.share(float(share[code])),
        }
        for code in worst
    ]
    extra = {
        "gaps": gaps,
        "worse": len(share),
        "left": float(left.sum()),
        "all": float(once["region_ha"].sum()),
    }
    return Ledger(rows, left_out=max(0, len(share) - len(gaps)), extra=extra)


def periods_ledger(results: Results, words: Words) -> Ledger | None:
    """Return the whole's change in every period; None where first to last is the only one."""
    table = chain.whole(results, "change")
    if len(table) < 2:
        return None
    scale = words.carbon(float(table["change_t_c"].abs().max()))
    rows = [
        {
            "period": f"{row['start']}{DASH}{row['end']}",
            "change": around(row["change_t_c"], (row["low_t_c"], row["high_t_c"]), scale=scale),
            "gain": significant(row["gain_t_c"] / scale.factor),
            "loss": significant(row["loss_t_c"] / scale.factor),
            "finding": finding(row),
        }
        for row in chain.records(table.sort_values(["start", "end"], kind="stable"))
    ]
    return Ledger(rows, scale.label)
