"""What stands behind a region's numbers on its card: causes, ranks, the densities of its chain."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final

import pandas as pd
from pypinyin import Style, pinyin

from sinks import chain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sinks.results import Results

#: The level of a row, by the key under which the page holds it.
Heads = dict[str, dict[str, Any]]
#: Readings of a Chinese sign by which a name can be found.
READINGS: Final = 3


def number(value: Any) -> float | None:
    """Return a float that JSON can hold, or None where there is no number."""
    if isinstance(value, str) or pd.isna(value):
        return None
    found = float(value)
    return found if math.isfinite(found) else None


def period_of(row: Mapping[str, Any]) -> str:
    """Return the two years that a row compares, as the page writes them."""
    return f"{int(row['start'])}-{int(row['end'])}"


def _rows(results: Results, table: str, *, whole: str) -> list[tuple[str, dict[str, Any]]]:
    """Return key and row of the regions themselves and of the whole; none of an older run."""
    frame = results.tables.get(table)
    if frame is None:
        return []
    kept = frame[frame["level"].isin([chain.UNIT, chain.WHOLE])]
    return [
        (whole if row["level"] == chain.WHOLE else str(row["region_code"]), row)
        for row in chain.records(kept)
    ]


def add_causes(heads: Heads, results: Results, *, whole: str) -> None:
    """Add the change by cause: its interval [t C], its land [ha], and what may be error alone.

    That is the part [t C, ha] of what the maps show which classification error alone could make,
    and what it rests on: ``sample``, ``published``, ``unknown``, ``none`` (no class changed).
    """
    names = ("change_t_c", "low_t_c", "high_t_c", "area_ha", "noise_t_c", "noise_ha")
    for key, row in _rows(results, "attribution", whole=whole):
        if key in heads:
            told = chain.UNTOLD | row
            causes = heads[key]["causes"].setdefault(period_of(row), [])
            numbers = [number(told[name]) for name in names]
            causes.append([str(row["cause"]), *numbers, str(told["noise_basis"])])


def add_ranks(heads: Heads, results: Results, *, whole: str) -> None:
    """Add each region's place with its interval: by stock, by change, by change per hectare."""
    for key, row in _rows(results, "ranking", whole=whole):
        if key in heads and key != whole:
            time = str(int(row["end"])) if row["quantity"] == "stock" else period_of(row)
            places = [number(row[name]) for name in ("rank", "rank_low", "rank_high", "of")]
            heads[key]["ranks"][f"{row['quantity']} {time}"] = places


def sounds(heads: Heads) -> dict[str, str]:
    """Return how Chinese names of regions and parents are typed in Latin letters.

    Syllables stand apart; the commonest readings of a sign stand side by side, as ``zhang|chang``,
    for no dictionary knows every place. The last sign, which says county or city, has one.
    """
    names = {name for head in heads.values() for name in (head["name"], *head["parents"])}
    return {name: _spelt(name) for name in sorted(names) if not name.isascii()}


def _spelt(name: str) -> str:
    """Return the readings of a name, sign by sign; of other letters, themselves."""
    signs = [found[:READINGS] for found in pinyin(name, style=Style.NORMAL, heteronym=True)]
    signs[-1] = signs[-1][:1]
    typed = [[re.sub(r"[\s'|]", "", sound).lower() for sound in found] for found in signs]
    return " ".join("|".join(sorted({*own, *(s.replace("v", "u") for s in own)})) for own in typed)


def chain_densities(results: Results) -> dict[str, Any]:
    """Return the densities behind every stock.

    Returns
    -------
    dict
        ``sources``: texts; ``rows``: by ``stratum``, then a list of ``[pool, year, region,
        value, standard error [t C/ha], position of the source, confidence]``; year and region
        are empty where a value holds for all.
    """
    sources: dict[str, int] = {}
    rows: dict[str, list[list[Any]]] = {}
    for item in chain.densities(results):
        place = sources.setdefault(item.source, len(sources))
        values = [number(item.t_c_ha), number(item.se), place, item.confidence]
        rows.setdefault(item.stratum, []).append([item.pool, item.year, item.region, *values])
    return {"sources": list(sources), "rows": rows}
