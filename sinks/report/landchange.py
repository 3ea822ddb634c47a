"""Land-cover change in the report: flows, matrices, components of change, paths over the years."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

import pandas as pd
from markupsafe import Markup

from sinks import chain
from sinks.parameters import load_table
from sinks.report.figures import OTHER_COLOUR, names_of
from sinks.report.ledgers import Ledger, area_places, fixed
from sinks.report.matrix import matrix
from sinks.report.sankey import Flow, sankey
from sinks.results import Results
from sinks.summary import span_of
from sinks.wording import DASH, Words, number, significant

#: Matrices and flows show so many strata; a Sankey diagram so many years.
STRATA_SHOWN = 18
YEARS_SHOWN = 6
#: Paths with so many changes or more are one row.
MANY_CHANGES = 4

Names = Mapping[str, tuple[str, str]]


def _moves(results: Results, words: Words, *, start: int, end: int) -> tuple[pd.DataFrame, Names]:
    """Return the whole's transitions and the strata in them; the lesser ones as one."""
    names = names_of(results, words)
    moves = chain.moves(results, list(chain.units(results)["region_code"]), start=start, end=end)
    present = set(moves["from_stratum"]) | set(moves["to_stratum"])
    if len(present) > STRATA_SHOWN:
        moved = moves[moves["from_stratum"] != moves["to_stratum"]]
        size = (
            moved.groupby("from_stratum")["area_ha"]
            .sum()
            .add(moved.groupby("to_stratum")["area_ha"].sum(), fill_value=0.0)
        )
        kept = set(size.sort_values(ascending=False, kind="stable").index[: STRATA_SHOWN - 1])
        other = words.t("report.other_strata", n=len(present - kept))
        names = {**names, "": (other, OTHER_COLOUR)}
        moves = moves.assign(
            **{
                side: moves[side].where(moves[side].isin(kept), "")
                for side in ("from_stratum", "to_stratum")
            }
        )
        present = kept | {""}
    return moves, {name: names[name] for name in names if name in present}


def _matrix(results: Results, words: Words, *, column: str) -> tuple[pd.Series, Names]:
    start, end = span_of(results)
    moves, names = _moves(results, words, start=start, end=end)
    return moves.groupby(["from_stratum", "to_stratum"])[column].sum(), names


def _drawn(
    results: Results, words: Words, *, column: str, factor: float, unit: str, title: str
) -> Markup:
    """Draw the matrix of a column of `tables/transitions.csv`."""
    start, end = span_of(results)
    sums, names = _matrix(results, words, column=column)
    return matrix(
        words.t(title, start=start, end=end),
        list(names.values()),
        cells=[[float(sums.get((a, b), 0.0)) / factor for b in names] for a in names],
        unit=unit,
        corner=(
            words.t("report.matrix.rows", year=start),
            words.t("report.matrix.columns", year=end),
        ),
        signed=column == "change_t_c",
    )


def area_matrix(results: Results, words: Words) -> Markup:
    """Draw what each stratum of the first year had become in the last [ha, scaled]."""
    sums, _ = _matrix(results, words, column="area_ha")
    large = len(sums) > 0 and sums.max() >= 1e4
    factor, unit = (1e3, "thousand") if large else (1.0, "one")
    return _drawn(
        results, words, column="area_ha", factor=factor,
        unit=words.t(f"report.unit.ha.{unit}"), title="report.chart.transitions",
    )  # fmt: skip


def carbon_matrix(results: Results, words: Words) -> Markup:
    """Draw the change of the carbon stock on the land of every transition [t C, scaled]."""
    sums, _ = _matrix(results, words, column="change_t_c")
    scale = words.carbon(float(sums.abs().max()) / 10 if len(sums) else 0.0)
    return _drawn(
        results, words, column="change_t_c", factor=scale.factor, unit=scale.label,
        title="report.chart.carbon_transitions",
    )  # fmt: skip


def flows(results: Results, words: Words) -> Markup:
    """Draw the flows between strata: through every year, or first to last where they are many."""
    start, end = span_of(results)
    years = results.years if len(results.years) <= YEARS_SHOWN else [start, end]
    steps, names = [], dict[str, tuple[str, str]]()
    for column, (before, after) in enumerate(pairwise(years)):
        moves, own = _moves(results, words, start=before, end=after)
        names |= own
        sums = moves.groupby(["from_stratum", "to_stratum"])["area_ha"].sum().reset_index()
        steps += [
            Flow(column, str(row["from_stratum"]), str(row["to_stratum"]), float(row["area_ha"]))
            for row in chain.records(sums)
        ]
    order = [name for name in (*names_of(results, words), "") if name in names]
    title = words.t("report.chart.flows", start=start, end=end)
    return sankey(title, {name: names[name] for name in order}, years=years, flows=steps)


def components_ledger(results: Results, words: Words) -> Ledger:
    """Return gain, loss, persistence, net change, swap and rate of every stratum of the whole."""
    if "transition_summary" not in results.tables:
        return Ledger([])
    start, end = span_of(results)
    rows = chain.whole(results, "transition_summary")
    rows = rows[(rows["start"] == start) & (rows["end"] == end)]
    moved = float((rows["gain_ha"] + rows["loss_ha"]).max()) if len(rows) else 0.0
    area = words.area(moved / 10)
    names = names_of(results, words)
    sizes = ("start_ha", "persistence_ha", "gain_ha", "loss_ha", "swap_ha", "end_ha")
    places = area_places(float(rows["start_ha"].max()) / area.factor if len(rows) else 0.0)
    shown = []
    for row in chain.records(rows):
        title, colour = names[str(row["stratum"])]
        shown.append(
            {"name": title, "colour": colour}
            | {name: fixed(row[name] / area.factor, places) for name in sizes}
            | {
                "net_ha": fixed(row["net_ha"] / area.factor, places, signed=True),
                "rate": number(row["annual_rate_pct"], 2, signed=True),
                "compound": number(row["compound_rate_pct"], 2, signed=True),
            }
        )
    return Ledger(shown, area=area.label)


def trajectories_ledger(results: Results, words: Words) -> Ledger:
    """Return how often land changed over the years; nothing with two years."""
    if "trajectories" not in results.tables or len(results.years) < 3:
        return Ledger([])
    rows = results.tables["trajectories"]
    total = float(rows["area_ha"].sum())
    area = words.area(total / 100)
    often = rows["changes"].astype(int).clip(upper=MANY_CHANGES)
    shown = []
    for count, part in rows.groupby(often):
        size, back = (float(of["area_ha"].sum()) for of in (part, part[part["flips"] > 0]))
        many = words.t("report.changes.many", n=count) if count == MANY_CHANGES else str(count)
        shown.append(
            {
                "changes": many,
                "area": significant(size / area.factor, 4),
                "share": words.share(size / total if total else math.nan),
                "back": significant(back / area.factor, 4) if count else DASH,
            }
        )
    return Ledger(shown, area=area.label)


def _terms(table: str, key: str, *, language: str) -> dict[str, str]:
    """Return the names of the rows of a packaged table."""
    return {str(row[key]): str(row[f"name_{language}"]) for row in chain.records(load_table(table))}


def implausible_ledger(results: Results, words: Words) -> Ledger:
    """Return the land whose change a rule doubts, by rule, first to last and between years."""
    if "implausible" not in results.tables or results.tables["implausible"].empty:
        return Ledger([])
    rows = results.tables["implausible"]
    moves = results.tables["transitions"]
    moves = moves[moves["from_stratum"] != moves["to_stratum"]]
    changed = moves.groupby(["start", "end"])["area_ha"].sum()
    sums = rows.groupby(["start", "end", "rule"])["area_ha"].sum().reset_index()
    area = words.area(float(sums["area_ha"].max()) / 10)
    names = _terms("change_rules", "rule", language=words.language)
    shown = [
        {
            "period": f"{row['start']}–{row['end']}",
            "rule": names.get(str(row["rule"]), str(row["rule"])),
            "area": significant(row["area_ha"] / area.factor),
            "share": words.share(row["area_ha"] / float(changed[row["start"], row["end"]])),
        }
        for row in chain.records(sums)
    ]
    return Ledger(shown, area=area.label)


def filters_ledger(results: Results, words: Words) -> Ledger:
    """Return what every filter took off the change maps, by class, first to last year."""
    if "change_filters" not in results.tables:
        return Ledger([])
    start, end = span_of(results)
    rows = results.tables["change_filters"]
    rows = rows[(rows["start"] == start) & (rows["end"] == end)]
    sizes = ["map_ha", "implausible_ha", "sieve_ha", "minimum_area_ha", "counted_ha"]
    sums = rows.groupby("change_class", sort=False)[sizes].sum()
    area = words.area(float(sums["map_ha"].max()) / 10 if len(sums) else 0.0)
    kinds = _terms("change_classes", "change_class", language=words.language)
    shown = [
        {"name": kinds[str(row["change_class"])]}
        | {name: significant(row[name] / area.factor, 4) for name in sizes}
        | {"removed": words.share(1 - row["counted_ha"] / row["map_ha"])}
        for row in chain.records(sums.reset_index())
    ]
    return Ledger(shown, area=area.label)


def planting_ledger(results: Results, words: Words) -> Ledger:
    """Return what was planted by year, for the whole, and what of it the last map shows."""
    if "planting_regions" not in results.tables:
        return Ledger([])
    rows = chain.whole(results, "planting_regions")
    shown = [
        {
            "overlay": str(row["overlay"]),
            "year": str(row["planted_year"]),
            "records": f"{int(row['records']):,}",
            "mu": significant(row["planted_mu"] / 1e4, 4),
            "plan": words.share(row["share_of_plan_pct"] / 100),
            "verified": words.share(row["verified_pct"] / 100),
        }
        for row in chain.records(rows)
    ]
    return Ledger(shown)
