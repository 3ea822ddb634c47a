"""What the map shows, as one plain dictionary: results in, JSON-ready numbers out.

Nothing is estimated here. Numbers are the tables' own, in t C and ha; units, rounding and
languages are the page's business.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from sinks.basemap import MapConfig, basemap_of
from sinks.chain import records
from sinks.errors import OutputFailed
from sinks.evidence import evidence_of
from sinks.layers import change_class
from sinks.maps.geometry import region_shapes
from sinks.maps.story import (
    add_causes,
    add_ranks,
    chain_densities,
    number,
    period_of,
    sounds,
)
from sinks.maps.tiles import SIDE, layer_name
from sinks.palettes import CHANGES, PALETTES
from sinks.texts import LANGUAGES, has_text, strings, text

if TYPE_CHECKING:
    from sinks.results import Results

#: Prefix of the map's strings in the strings table.
PREFIX: Final = "map."
#: Transitions listed on a region's card.
MOVES: Final = 4
#: Beyond so many regions a card holds the region's own rows, not what stands behind them.
DETAILED: Final = 1000
#: Key of the whole among the regions; no region's code is empty.
WHOLE: Final = ""

#: Columns that hold the ends of an interval.
ENDS: Final = ("low", "high", "low_t_c", "high_t_c")

Heads = dict[str, dict[str, Any]]


def _text(value: Any) -> str:
    """Return text; a missing cell is empty."""
    return "" if pd.isna(value) else str(value)


def _drawn(results: Results) -> Results:
    """Return the run; one of a single draw without intervals, whose ends are the value itself."""
    if (results.meta["study"].get("draws") or 1) > 1:
        return results
    blank = {
        name: table.assign(**{column: math.nan for column in ENDS if column in table})
        for name, table in results.tables.items()
    }
    return replace(results, tables=blank)


def _region_heads(results: Results) -> Heads:
    """Return an empty record per region, and one for the whole under `WHOLE`."""
    parents = list(results.meta["study"].get("parents") or ())
    heads: Heads = {}
    for row in records(pd.DataFrame(results.regions.drop(columns="geometry"))):
        names = [_text(row[parent]) for parent in parents if parent in row]
        heads[str(row["region_code"])] = {"name": _text(row["region_name"]), "parents": names}
    heads[WHOLE] = {"name": "", "parents": []}
    for head in heads.values():
        head |= {"years": {}, "changes": {}, "targets": {}, "strata": {}, "moves": {}}
        head |= {"shifts": {}, "causes": {}, "ranks": {}}
    return heads


def _with_heads(heads: Heads, table: pd.DataFrame) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return head and row of the regions themselves and of the whole."""
    pairs = []
    for row in records(table[table["level"].isin(["region", "study"])]):
        key = WHOLE if row["level"] == "study" else str(row["region_code"])
        if key in heads:
            pairs.append((heads[key], row))
    return pairs


def _add_years(heads: Heads, results: Results) -> None:
    shared = {
        str(row["region_code"]): number(row["common_valid_ha"])
        for row in records(results.tables["coverage"])
    }
    for head, row in _with_heads(heads, results.tables["regions"]):
        head["area"] = number(row["region_ha"])
        head["years"][str(int(row["year"]))] = {
            "stock": number(row["stock_t_c"]),
            "low": number(row["low_t_c"]),
            "high": number(row["high_t_c"]),
            "forest": number(row["forest_ha"]),
            "wetland": number(row["wetland_ha"]),
            "valid": number(row["valid_ha"]),
        }
    for code, head in heads.items():
        head["shared"] = shared.get(code)
    parts = [head["shared"] for head in heads.values() if head["shared"] is not None]
    heads[WHOLE]["shared"] = math.fsum(parts)


def _add_changes(heads: Heads, results: Results) -> list[str]:
    """Add the changes; returns the periods, first–last at the front."""
    periods: list[str] = []
    for head, row in _with_heads(heads, results.tables["change"]):
        period = period_of(row)
        if period not in periods:
            periods.append(period)
        tested = number(row["low_t_c"]) is not None  # one draw has no interval to test against
        head["changes"][period] = {
            "change": number(row["change_t_c"]),
            "low": number(row["low_t_c"]),
            "high": number(row["high_t_c"]),
            "gain": number(row["gain_t_c"]),
            "loss": number(row["loss_t_c"]),
            "areaEffect": number(row["area_effect_t_c"]),
            "densityEffect": number(row["density_effect_t_c"]),
            "detectable": bool(row["detectable"]) if tested else None,
        }
    longest = f"{results.first}-{results.last}"
    return sorted(periods, key=lambda period: (period != longest, period))


def _add_targets(heads: Heads, results: Results) -> None:
    rows = _with_heads(heads, results.tables["targets"])
    required = {
        row["target"]: number(row["required"]) for _, row in rows if row["level"] == "study"
    }
    for head, row in rows:
        keys = ("required", "achieved", "low", "high", "probability")
        record = {key: number(row[key]) for key in keys}
        achieved, whole = record["achieved"], required.get(row["target"])
        record["share"] = number(row["share_achieved"])
        # Without a share of its own, a county shows what it adds to the whole's requirement.
        record["part"] = None
        if achieved is not None and whole and row["unit"] != "%":
            record["part"] = achieved / whole
        record["other"] = number(row["achieved_other_unit"])
        head["targets"][str(row["target"])] = record | {
            "verdict": _text(row["verdict"]),
            "otherUnit": _text(row["other_unit"]),
        }


def _add_strata(heads: Heads, results: Results) -> None:
    """Add area and stock by stratum; a stratum's area stands once per pool in the table."""
    table = results.tables["stock"]
    keys = ["region_code", "year", "stratum"]
    sums = table.groupby(keys, sort=True).agg(area=("area_ha", "first"), stock=("stock_t_c", "sum"))
    for (code, year, stratum), area, stock in sums.itertuples(name=None):
        if (head := heads.get(str(code))) is not None:
            by_year = head["strata"].setdefault(str(int(year)), {})
            by_year[str(stratum)] = [number(area), number(stock)]
    whole = sums.groupby(["year", "stratum"], sort=True).sum()
    for (year, stratum), area, stock in whole.itertuples(name=None):
        by_year = heads[WHOLE]["strata"].setdefault(str(int(year)), {})
        by_year.setdefault(str(stratum), [number(area), number(stock)])


def _add_moves(heads: Heads, results: Results) -> None:
    """Add the transitions that moved most carbon, between different strata."""
    table = results.tables["transitions"]
    table = table[table["from_stratum"] != table["to_stratum"]]
    order = table.assign(size=table["change_t_c"].abs()).sort_values(
        ["region_code", "start", "end", "size"], ascending=[True, True, True, False], kind="stable"
    )
    for row in records(order.groupby(["region_code", "start", "end"]).head(MOVES)):
        if (head := heads.get(str(row["region_code"]))) is not None:
            move = [str(row["from_stratum"]), str(row["to_stratum"])]
            numbers = [number(row["area_ha"]), number(row["change_t_c"])]
            head["moves"].setdefault(period_of(row), []).append(move + numbers)


def _add_shifts(heads: Heads, results: Results) -> None:
    """Add the hectares that became or ceased to be forest or wetland, by period."""
    group = {str(row["stratum"]): str(row["group"]) for row in results.meta["strata"]}
    table = results.tables["transitions"]
    names = [
        change_class(group.get(before, ""), group.get(after, ""))
        for before, after in zip(table["from_stratum"], table["to_stratum"], strict=True)
    ]
    keys = ["region_code", "start", "end", "shift"]
    sums = table.assign(shift=names).groupby(keys, sort=True)["area_ha"].sum()
    for row in records(sums.reset_index()):
        code, name, area = row["region_code"], row["shift"], row["area_ha"]
        if (head := heads.get(str(code))) is not None and name in CHANGES:
            for record in (head, heads[WHOLE]):
                areas = record["shifts"].setdefault(period_of(row), dict.fromkeys(CHANGES, 0.0))
                areas[name] += float(area)


def _layers(results: Results) -> list[dict[str, Any]]:
    """Return what the page needs to know of every picture."""
    keys = ("kind", "year", "bounds", "width", "height", "low", "high")
    return [
        {key: layer[key] for key in keys if key in layer}
        | {
            "name": layer_name(layer),
            "side": SIDE,
            "time": f"{layer['start']}-{layer['year']}" if "start" in layer else str(layer["year"]),
        }
        for layer in results.meta.get("layers") or ()
    ]


def _study(results: Results, periods: list[str]) -> dict[str, Any]:
    study = results.meta["study"]
    return {
        "title": results.title,
        "language": results.language,
        "synthetic": bool(study.get("synthetic")),
        "approval": _text(study.get("map_approval")),
        "years": [int(year) for year in results.years],
        "periods": periods,
        "merged": study.get("merged"),
        "level": number(study.get("level")),
        "draws": study.get("draws"),
        "seed": study.get("seed"),
        "legend": _text(study.get("legend")),
        "coverage": _text(study.get("coverage")),
        "areaBasis": _text(results.meta.get("area_basis")) or "map",
        "asMapped": _counted_otherwise(results),
        "version": _text(results.meta.get("sinks")),
        "pools": [str(pool) for pool in results.meta.get("pools") or ()],
    }


def _counted_otherwise(results: Results) -> bool:
    """Tell whether polygons or seasons make the tables count other strata than pictures show."""
    settings = results.meta.get("settings") or {}
    seasons = bool((settings.get("wetland") or {}).get("seasonal"))
    return seasons or any(item.get("replaces") for item in settings.get("overlays") or ())


def _target_heads(results: Results) -> list[dict[str, Any]]:
    """Return what the study asks for, in its order."""
    keys = ("name", "title", "quantity", "kind", "unit", "source", "share_by")
    own = results.tables["targets"]
    rows = {row["target"]: row for row in records(own[own["level"] == "study"])}
    heads = []
    for target in results.meta["study"].get("targets") or ():
        if target.get("name") not in rows:
            continue  # one that is still to come: nothing of it was measured
        head: dict[str, Any] = {key: _text(target.get(key)) for key in keys}
        head["value"] = number(target.get("value"))
        head["groups"] = [str(group) for group in target.get("groups") or ()]
        head["strata"] = [str(stratum) for stratum in target.get("strata") or ()]
        head["pools"] = [str(pool) for pool in target.get("pools") or ()]
        head["start"], head["end"] = target.get("start"), target.get("end")
        told = evidence_of(rows.get(head["name"], {}), target)
        for basis in ("reported", "estimated"):
            head[basis] = _text(told.source if told.basis == basis else "")
        heads.append(head)
    return heads


def _inputs(results: Results) -> list[dict[str, Any]]:
    keys = ("path", "sha256", "licence")
    return [
        {key: _text(item.get(key)) for key in keys if item.get(key)}
        | {"role": _role(_text(item.get("role")))}
        for item in results.meta.get("inputs") or ()
    ]


def _role(role: str) -> dict[str, str]:
    """Return what a file is to the study, by language, as the report calls it."""
    key = f"report.role.{role}"
    return {lang: text(key, lang) if has_text(key) else role for lang in LANGUAGES}


def map_strings() -> dict[str, dict[str, str]]:
    """Return the map's strings by language, without their common prefix."""
    table = strings()
    return {
        language: {
            key.removeprefix(PREFIX): cell[language]
            for key, cell in table.items()
            if key.startswith(PREFIX)
        }
        for language in LANGUAGES
    }


def basemap(results: Results) -> dict[str, Any] | None:
    """Return the base map that the study names; None without one."""
    settings = results.meta.get("settings", {}).get("map", {})
    return basemap_of(MapConfig.model_validate(settings))


def map_data(results: Results) -> dict[str, Any]:
    """Return everything the page needs.

    Parameters
    ----------
    results : Results
        A finished run.

    Returns
    -------
    dict
        ``study``, ``codes``, ``regions`` (by code) and ``whole`` with their years, changes,
        targets, strata, largest transitions and changed groups [t C, ha], ``targets``,
        ``strata``, ``layers``, ``inputs``, ``palettes``, ``strings`` and the shapes of
        `region_shapes`.

    Raises
    ------
    OutputFailed
        If the folder holds no regions to draw.
    """
    if results.regions.empty:
        raise OutputFailed(text("map.no_regions", results.language, folder=results.root))
    results = _drawn(results)
    heads = _region_heads(results)
    brief = len(heads) > DETAILED
    _add_years(heads, results)
    periods = _add_changes(heads, results)
    _add_targets(heads, results)
    _add_strata(heads, results)
    _add_moves(heads, results)
    _add_shifts(heads, results)
    add_causes(heads, results, whole=WHOLE)
    add_ranks(heads, results, whole=WHOLE)
    if brief:
        for code in set(heads) - {WHOLE}:
            heads[code] |= {"strata": {}, "moves": {}, "causes": {}}
    return {
        "study": _study(results, periods),
        "sounds": sounds(heads),
        "whole": heads.pop(WHOLE),
        "codes": list(heads),
        "regions": heads,
        "targets": _target_heads(results),
        "strata": [dict(stratum) for stratum in results.meta["strata"]],
        "layers": _layers(results),
        "densities": {} if brief else chain_densities(results),
        "brief": brief,
        "basemap": basemap(results),
        "inputs": _inputs(results),
        "palettes": {name: list(colours) for name, colours in PALETTES.items()}
        | {"changes": dict(CHANGES)},
        "strings": map_strings(),
        **region_shapes(results.regions, list(results.meta["study"].get("parents") or ())),
    }
