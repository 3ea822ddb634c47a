"""What stands on the report's pages: every section's text, tables and drawings, ready to print."""

from __future__ import annotations

import math
from typing import Any, Final

from sinks import chain
from sinks.report import figures, landchange, ledgers, parameters, plan
from sinks.report.accuracy import accuracy, false_change
from sinks.report.ahead import scenarios
from sinks.report.causes import causes_chart, causes_ledger
from sinks.report.checks import check_rows, problem_rows, quality_rows
from sinks.report.errors import errors
from sinks.report.ranks import sure_places
from sinks.report.reconciled import reconciled
from sinks.report.targets import goal_sources, share_rule, target_sections
from sinks.report.wetlands import wetlands
from sinks.results import Results
from sinks.summary import (
    TargetLine,
    change_of,
    finding,
    sentences,
    span_of,
    stock_of,
    target_lines,
    unit_words,
    words_of,
)
from sinks.wording import Words, half_width, number, significant

#: A table of so many rows is kept on one page.
SHORT: Final = 30
#: Sections of the page in its order; those without anything to say are left out.
SECTIONS: Final = (
    "summary", "targets", "scenarios", "where", "why", "landcover", "stock", "errors", "regions",
    "wetlands", "overlays", "reconcile", "accuracy", "coverage", "method", "limits", "checks",
    "parameters", "origin", "sign",
)  # fmt: skip


def header(results: Results, words: Words) -> dict[str, Any]:
    """Return title, stamps and the headline's tiles."""
    study = results.meta["study"]
    start, end = span_of(results)
    count = len(chain.units(results))
    draws = int(study.get("draws", 1))
    note = "report.note.units" if draws > 1 else "report.note.units.plain"
    approval = study.get("map_approval")
    return {
        "title": results.title,
        "subtitle": words.t(
            "report.subtitle", n=count, units=unit_words(results)[1], start=start, end=end
        ),
        "synthetic": bool(study.get("synthetic")),
        "approval": words.t("report.approval", number=approval)
        if approval
        else words.t("report.internal"),
        "tiles": tiles(results, words),
        "note": words.t(note, level=words.percent, draws=f"{draws:,}"),
    }


def tiles(results: Results, words: Words) -> list[dict[str, Any]]:
    """Return the four figures at the head of the report."""
    start, end = span_of(results)
    stock, change = stock_of(results, end), change_of(results)
    shown = finding(change)
    rows = [(stock, "stock_t_c", False), (change, "change_t_c", True)]
    texts = []
    for row, column, signed in rows:
        spread = half_width(row["low_t_c"], row["high_t_c"])
        scale = words.carbon(max(abs(row[column]), spread if math.isfinite(spread) else 0.0))
        value = words.amount(row[column], scale, spread=spread, signed=signed)
        texts.append((value, words.interval(row["low_t_c"], row["high_t_c"], scale=scale)))
    found = "report.tile.detectable" if shown in ("up", "down") else f"report.finding.{shown}"
    boxes = [
        {
            "title": words.t("report.tile.stock", year=end),
            "value": texts[0][0],
            "notes": [texts[0][1]],
        },
        {
            "title": words.t("report.tile.change", start=start, end=end),
            "value": texts[1][0],
            "notes": [texts[1][1], words.t(found)],
        },
    ]
    lines = target_lines(results)
    basis = "map_area" if results.meta.get("area_basis", "map") == "map" else "estimated"
    for group in ("forest", "wetland"):
        size = float(stock[f"{group}_ha"])
        scale = words.area(size)
        boxes.append(
            {
                "title": words.t(f"report.tile.{group}", year=end),
                "value": f"{significant(size / scale.factor)} {scale.label}",
                "notes": [words.t(f"report.tile.{basis}")],
            }
        )
    if lines:
        boxes[3] = _target_tile(lines[0], words)
    return boxes


def _target_tile(line: TargetLine, words: Words) -> dict[str, Any]:
    asked = line.readings[0]
    scale = words.unit(asked.unit, max(abs(asked.achieved), abs(asked.required)))
    share = words.share(asked.share, half_width(asked.low, asked.high))
    told = words.t("report.tile.share", share=share, required=words.exactly(asked.required, scale))
    chance = words.t("report.tile.chance", p=words.probability(asked.probability))
    return {
        "title": words.t("report.tile.target", name=line.title),
        "value": words.term("verdict", asked.verdict),
        "notes": [told, chance] if math.isfinite(asked.probability) else [told],
    }


def drawings(results: Results, words: Words) -> dict[str, Any]:
    """Return the report's charts and map."""
    return {
        "map": figures.change_map(results, words),
        "ranking": figures.ranking(results, words),
        "causes": causes_chart(results, words),
        "waterfall": figures.waterfall(results, words),
        "transitions": landchange.area_matrix(results, words),
        "carbon_transitions": landchange.carbon_matrix(results, words),
        "flows": landchange.flows(results, words),
        "shares": figures.shares_chart(target_lines(results), words),
        "stock": figures.stock_chart(results, words),
        "path": figures.stock_path(results, words),
    }


def tables(results: Results, words: Words) -> dict[str, Any]:
    """Return the report's ledgers."""
    return {
        "causes": causes_ledger(results, words),
        "strata": ledgers.strata_ledger(results, words),
        "whole": ledgers.regions_ledger(results, words, level=chain.WHOLE),
        "parents": ledgers.parents_ledgers(results, words),
        "regions": ledgers.regions_ledger(results, words, level=chain.UNIT),
        "periods": ledgers.periods_ledger(results, words),
        "components": landchange.components_ledger(results, words),
        "trajectories": landchange.trajectories_ledger(results, words),
        "implausible": landchange.implausible_ledger(results, words),
        "change_filters": landchange.filters_ledger(results, words),
        "planting": landchange.planting_ledger(results, words),
        "coverage": ledgers.coverage_ledger(results, words),
        "densities": parameters.density_ledger(results, words),
        "parameters": parameters.other_parameters(results, words),
    }


def method(results: Results, words: Words) -> dict[str, Any]:
    """Return the method's paragraphs and equation."""
    study = results.meta["study"]
    draws = int(study.get("draws", 1))
    coverage = words.term("method.coverage", str(study.get("coverage", "exact")))
    uncertainty = (
        words.t("report.method.3", draws=f"{draws:,}", seed=study.get("seed"), level=words.percent)
        if draws > 1
        else words.t("report.method.3.plain")
    )
    return {
        "opening": words.t("report.method.1"),
        "equation": words.t("report.method.equation"),
        "rest": [
            words.t("report.method.2", legend=study.get("legend", ""), coverage=coverage),
            uncertainty,
            words.t("report.method.4"),
            words.t("report.method.5"),
        ],
    }


def parameters_note(results: Results, words: Words) -> str:
    """Return how many parameter rows there are of each confidence."""
    counts = parameters.confidence_counts(results)
    parts = [
        words.t("report.parameters.count", n=size, confidence=words.term("confidence", name))
        for name, size in counts.items()
    ]
    comma = words.t("report.list.comma")
    return words.t(
        "report.parameters.note", total=f"{sum(counts.values()):,}", counts=comma.join(parts)
    )


def limits(results: Results, words: Words) -> list[str]:
    """Return the limits that hold for this run; those that do not are left out."""
    study = results.meta["study"]
    counts = parameters.confidence_counts(results)
    memory, total = counts.get("memory", 0), sum(counts.values())
    bare = words.t("report.list.comma").join(parameters.waters_without_soil(results, words))
    cases = [
        (bool(study.get("synthetic")), "synthetic"),
        (results.meta.get("area_basis", "map") == "map", "area"),
        (int(study.get("draws", 1)) < 2, "draws"),
        (parameters.steady_density(results), "steady"),
        (True, "density"),
        ("soil" in results.meta.get("pools", ()), "soil"),
        (bool(bare), "water_soil"),
        (memory > 0, "memory"),
    ]
    return [
        words.t(f"report.limit.{name}", n=f"{memory:,}", total=f"{total:,}", strata=bare)
        for holds, name in cases
        if holds
    ]


def origin(results: Results, words: Words) -> dict[str, Any]:
    """Return inputs, versions and settings."""
    study = results.meta["study"]
    inputs = [
        {
            **{name: str(item.get(name) or "") for name in ("path", "crs", "grid")},
            "role": words.term("role", str(item.get("role") or "")),
            "size": f"{int(item.get('size') or 0):,}",
            "sha": str(item.get("sha256") or "")[:16],
        }
        for item in results.meta.get("inputs", ())
    ]
    settings = {name: study.get(name, "") for name in ("legend", "draws", "seed")}
    settings["coverage"] = words.term("method.coverage", str(study.get("coverage", "exact")))
    return {
        "inputs": inputs,
        "versions": sorted((str(k), str(v)) for k, v in results.meta.get("versions", {}).items()),
        "settings": words.t("report.versions.text", **settings),
    }


def page(results: Results) -> dict[str, Any]:
    """Return everything that the template prints.

    Parameters
    ----------
    results : Results

    Returns
    -------
    dict
        Names of the template. Text is plain and escaped there; only drawings are markup.
    """
    words = words_of(results)
    start, end = span_of(results)
    data = tables(results, words)
    whole = data["coverage"].extra
    basis = str(results.meta.get("area_basis", "map"))
    built = {
        "lang": "zh-CN" if words.language == "zh" else "en",
        "words": words,
        "t": words.t,
        "first": start,
        "last": end,
        "level": words.percent,
        "units": unit_words(results)[0],
        "header": header(results, words),
        "summary": sentences(results),
        "targets": target_sections(results, words),
        "ledger": plan.ledger(results, words),
        "paths": plan.paths(results, words),
        "places": sure_places(results, words),
        "sources": goal_sources(results),
        "implied": plan.implied(results, words),
        "overlays": plan.overlays(results, words),
        "wetlands": wetlands(results, words),
        "reconciled": reconciled(results, words),
        "scenarios": scenarios(results, words),
        "charts": drawings(results, words),
        "errors": errors(results, words),
        "tables": data,
        "target_rule": share_rule(results, words, target=data["regions"].extra["target"]),
        **_looks(data["parents"]),
        "mapped": basis == "map",
        "area_basis": words.t(f"report.area_basis.{basis}"),
        "accuracy": accuracy(results, words),
        "false_change": false_change(results, words),
        "left_out": words.t(
            "report.coverage.left" if whole["left"] >= 0.5 else "report.coverage.none",
            left=number(whole["left"]),
            share=words.share(whole["left"] / whole["all"] if whole["all"] else math.nan),
        ),
        "method": method(results, words),
        "parameters_note": parameters_note(results, words),
        "limits": limits(results, words),
        "problems": problem_rows(results, words),
        "checks": check_rows(results, words),
        "quality": quality_rows(results, words),
        "origin": origin(results, words),
        "version": str(results.meta.get("sinks", "")),
    }
    return built | {"contents": _contents(built, words)}


def _looks(parents: list[tuple[str, ledgers.Ledger]]) -> dict[str, bool]:
    """Return whether the table of coarser units has codes, and whether it fits one page."""
    rows = [row for _, ledger in parents for row in ledger.rows]
    return {"coded": any(row["code"] for row in rows), "short": len(rows) <= SHORT}


def _contents(built: dict[str, Any], words: Words) -> list[tuple[str, str]]:
    """Return the sections that the page has, in its order, with their headings."""
    key = {"reconcile": "reconciled"}
    there = [name for name in SECTIONS if built.get(key.get(name, name), True)]
    return [(name, words.t(f"report.h.{name}")) for name in there]
