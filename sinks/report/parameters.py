"""The parameters in the report: the densities used, the others, how far they were checked."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final

from sinks import chain
from sinks.parameters import load_table
from sinks.report.figures import names_of
from sinks.report.ledgers import Ledger
from sinks.results import Results
from sinks.texts import Language
from sinks.wording import DASH, MINUS, Words, number, places_for

#: Rows that the report prints; the CSV holds them all.
SHOWN: Final = 400
#: A computed value is told to so many digits.
DIGITS: Final = 6


def _years_text(years: Iterable[str], words: Words, *, total: int) -> str:
    """Return the years a value holds for, runs joined by a dash."""
    known = [year for year in years if year]
    if not known or len(known) == total:
        return words.t("report.all_years")
    if len(known) > 3:
        return f"{known[0]}{DASH}{known[-1]} ({len(known)})"
    return words.t("report.list.comma").join(known)


def density_ledger(results: Results, words: Words) -> Ledger:
    """Return the densities used, years with equal values on one row, sources by number.

    ``extra["sources"]`` is the list that the numbers point to.
    """
    names = names_of(results, words)
    places = {
        str(row["region_code"]): str(row["region_name"]) or str(row["region_code"])
        for row in chain.records(chain.units(results))
    }
    merged: dict[tuple[str, ...], list[str]] = {}
    for item in chain.densities(results):
        facts = (str(item.value), str(item.se), item.unit, item.source, item.confidence)
        merged.setdefault((item.stratum, item.pool, item.region, *facts), []).append(item.year)
    order = {name: place for place, name in enumerate(names)}
    kept = sorted(merged.items(), key=lambda pair: order.get(pair[0][0], len(order)))
    sources: dict[str, int] = {}
    rows = []
    for key, years in kept[:SHOWN]:
        stratum, pool, region, value, se, unit, source, confidence = key
        rows.append(
            {
                "stratum": names.get(stratum, (stratum, ""))[0],
                "pool": words.term("pool", pool),
                "region": places.get(region, region),
                "years": _years_text(years, words, total=len(results.years)),
                **parameter_cells(float(value), float(se)),
                "unit": words.term("unit", unit),
                "source": sources.setdefault(source, len(sources) + 1),
                "confidence": confidence,
                "confidence_text": words.term("confidence", confidence) if confidence else DASH,
            }
        )
    left_out = max(0, len(merged) - SHOWN)
    return Ledger(rows, left_out=left_out, extra={"sources": list(sources)})


def parameter_cells(value: float, se: float) -> dict[str, str]:
    """Return a parameter's value to six digits at most, and its standard error."""
    known = math.isfinite(se) and se > 0
    whole = abs(value) >= 10 ** (DIGITS - 1)
    told = f"{value:,.0f}" if whole else f"{value:,.{DIGITS}g}"
    shown = told.replace("-", MINUS) if math.isfinite(value) else DASH
    return {"value": shown, "se": number(se, max(0, places_for(se))) if known else DASH}


def other_parameters(results: Results, words: Words) -> Ledger:
    """Return the parameters that are not densities, as the table has them."""
    table = results.tables["parameters"]
    others = [row for row in chain.records(table) if chain.density_of(row) is None]
    names = {name: title for name, (title, _) in names_of(results, words).items()}
    settings = results.meta.get("settings", {}).get("scenarios", ())
    titles = {str(item["name"]): str(item.get("title") or item["name"]) for item in settings}
    rows = [
        {
            "name": _parameter_name(str(row["name"]), names, titles=titles, words=words),
            **parameter_cells(float(row["value"]), float(row["se"])),
            "unit": DASH if row["unit"] == "1" else words.term("unit", str(row["unit"])),
            "source": str(row["source"]),
            "confidence": str(row["confidence"]),
            "confidence_text": words.term("confidence", str(row["confidence"]))
            if row["confidence"]
            else DASH,
        }
        for row in others[:SHOWN]
    ]
    return Ledger(rows, left_out=max(0, len(others) - SHOWN))


@cache
def _kinds(language: Language) -> Mapping[str, str]:
    """Return the names of the forest types that the packaged models know."""
    table = load_table("models/forest_types")
    return {str(row["forest_type"]): str(row[f"name_{language}"]) for row in chain.records(table)}


def _parameter_name(
    name: str, names: Mapping[str, str], *, titles: Mapping[str, str], words: Words
) -> str:
    """Return a parameter's name with its parts in words: strata, species, the strings' own."""
    parts = name.split("/")

    def one(place: int, part: str) -> str:
        if part in names:
            return names[part]
        if parts[0] == "scenario" and place == 1:
            return titles.get(part, part)
        if parts[0] == "scenario" and place == 3 and part.isdecimal():
            return words.t("report.parameter.item", n=int(part) + 1)
        found = words.term("parameter", part)
        if found != part:
            return found
        return _kinds(words.language).get(part, words.term("pool", part))

    return " · ".join(one(place, part) for place, part in enumerate(parts))


def confidence_counts(results: Results) -> dict[str, int]:
    """Return how many parameter rows there are of each confidence."""
    given = results.tables["parameters"]["confidence"].fillna("").astype(str)
    counts = given.where(given != "", "unstated").value_counts(sort=False)
    return {str(name): int(size) for name, size in counts.items()}


def steady_density(results: Results) -> bool:
    """Tell whether no density differs between years: growth of standing forest is then not in."""
    seen: dict[tuple[str, str, str], set[float]] = {}
    for item in chain.densities(results):
        seen.setdefault((item.stratum, item.pool, item.region), set()).add(item.value)
    return all(len(values) == 1 for values in seen.values())


def waters_without_soil(results: Results, words: Words) -> list[str]:
    """Return the wetland strata whose soil density is zero where that of other land is not."""
    soil = [item for item in chain.densities(results) if item.pool == "soil"]
    held = {item.stratum for item in soil if item.value}
    bare = {item.stratum for item in soil} - held if held else set()
    return [
        str(item[f"name_{words.language}"])
        for item in results.meta.get("strata", ())
        if item["stratum"] in bare and item["group"] == "wetland"
    ]
