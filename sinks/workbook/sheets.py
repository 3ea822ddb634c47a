"""What stands on each sheet: one per table, totals first, in the order a bureau expects."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from sinks import chain
from sinks.results import QUALITY, Results
from sinks.summary import finding, span_of
from sinks.texts import has_text
from sinks.wording import Words
from sinks.workbook.layout import MOST_ROWS, Column, Sheet
from sinks.workbook.terms import Terms

YEARS = ("year", "start", "end", "first_change", "last_change", "planted_year", "raster_year")
SHARES = ("share_achieved", "share", "share_of_variance")
ORDER = (
    "stock", "regions", "change", "transitions", "transition_summary", "group_summary",
    "trajectories", "change_classes", "implausible", "change_filters", "planting",
    "planting_regions", "volume_groups", "volume", "volume_change", "targets", "projection",
    "scenario_targets", "reconciliation", "raked", "raked_strata", "coverage", "alignment",
    "parameters", "qc",
)  # fmt: skip
#: Longest name of a sheet.
LONGEST_NAME = 31
#: The other tables follow as they are, unit by unit or row by row.
OTHERS = (
    "attribution", "ranking", "target_path", "consistency", "scenario_path",
    "subcompartments", "subcompartment_regions", "density_raster", "models", "wetland",
    "wetland_definitions", "wetland_soil", "wetland_seasonal", "error_budget",
    "error_budget_pools", "overlay_regions", "overlay_change", "overlay_stock",
    "overlay_transitions", "accuracy", "error_matrix", "area_estimates", "false_change",
)  # fmt: skip
#: Sheets whose line of units is their own.
FIXED = (*ORDER, "overview", "why")
#: Tables of regions whose rows have no sum worth a line.
PLAIN = ("trajectories", "implausible", "change_filters", "planting", "alignment")


def kind_of(name: str, values: pd.Series) -> str:
    """Return how a column is written."""
    if name in YEARS:
        return "year"
    if name in SHARES:
        return "share"
    if name.startswith("probability"):
        return "probability"
    numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    return "number" if numeric else "text"


def columns_of(table: pd.DataFrame, words: Words) -> list[Column]:
    """Return the columns of a table with headings in the reader's language."""
    return [
        Column(str(name), words.term("column", str(name)), kind_of(str(name), table[name]))
        for name in table.columns
    ]


def worded(
    rows: Sequence[dict[str, Any]], results: Results, *, words: Words
) -> list[dict[str, Any]]:
    """Return rows with the tables' words replaced by the reader's."""
    terms = Terms(results, words)
    found = []
    for row in rows:
        shown = dict(row) | terms.of(row)
        if isinstance(shown.get("detectable"), bool):
            apart = words.term("apart", "true" if shown["detectable"] else "false")
            moved = "change_t_c" in row
            shown["detectable"] = words.term("finding", finding(row)) if moved else apart
        if shown.get("region_code") == "ALL":
            shown |= {"region_code": "", "region_name": words.t("report.total")}
        if shown.get("parent_code") == "ALL":
            shown["parent_code"] = words.t("report.total")
        found.append(shown)
    return found


def _ranked(table: pd.DataFrame, results: Results) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows of the whole, and the others: coarse levels first, then by first code."""
    order = {name: -place for place, name in enumerate(chain.levels(results))}
    codes = chain.order(results)
    rest = table[table["level"] != chain.WHOLE]
    units = zip(rest["level"], rest["region_code"], strict=True)
    places = ["\t".join(codes.get(unit, (unit[1], unit[1]))) for unit in units]
    rest = rest.assign(_rank=rest["level"].map(order), _place=places)
    wanted = ("_rank", "scenario", "target", "_place", "year", "start", "end")
    keys = [name for name in wanted if name in rest]
    rest = rest.sort_values(keys, kind="stable")
    return table[table["level"] == chain.WHOLE], rest.drop(columns=["_rank", "_place"])


def _sums(table: pd.DataFrame, keys: list[str], *, columns: list[str]) -> pd.DataFrame:
    sums = table.groupby(keys, sort=True)[columns].sum().reset_index()
    return sums.assign(region_code="ALL")


def _stock_totals(results: Results, words: Words) -> pd.DataFrame:
    """Return the whole's stock of every year: its interval is of the joint draws."""
    whole = chain.whole(results, "regions")
    area = chain.of_units(results, "stock").drop_duplicates(["region_code", "year", "stratum"])
    areas = area.groupby("year")["area_ha"].sum()
    everything = words.t("workbook.all")
    return whole.assign(area_ha=whole["year"].map(areas), stratum=everything, pool=everything)[
        [
            "region_code",
            "year",
            "stratum",
            "pool",
            "area_ha",
            "stock_t_c",
            "se_t_c",
            "low_t_c",
            "high_t_c",
        ]
    ]


def _body(name: str, results: Results, *, words: Words) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return totals and rows of a table."""
    table = results.tables[name]
    if "level" in table.columns and "region_code" in table.columns:
        return _ranked(table, results)
    if name not in ORDER:
        return table.head(0), table
    if name == "parameters":
        return table.head(0), table
    if name == QUALITY:
        return table.head(0), _in_language(table, words)
    rows = chain.of_units(results, name)
    if name == "stock":
        return _stock_totals(results, words), rows
    if name == "coverage":
        sizes = [column for column in rows.columns if str(column).endswith("_ha")]
        return _sums(rows, ["year"], columns=sizes), rows
    if name in PLAIN:
        return rows.head(0), rows
    sums = _sums(rows, ["start", "end"], columns=["area_ha", "change_t_c"])
    everything = words.t("workbook.all")
    return sums.assign(from_stratum=everything, to_stratum=everything), rows


def _in_language(table: pd.DataFrame, words: Words) -> pd.DataFrame:
    """Return the checks with the note of one language and the figures as they are read."""
    found = ["" if math.isnan(value) else f"{value:.3g}" for value in table["found"]]
    shown = table.assign(found=found, note=table[f"note_{words.language}"])
    return shown.drop(columns=["note_zh", "note_en"])


def _named(rows: pd.DataFrame, results: Results) -> pd.DataFrame:
    """Return rows with the region's name beside its code, where the table has codes alone."""
    if "region_code" not in rows.columns:
        return rows
    known = results.tables["regions"].drop_duplicates("region_code").set_index("region_code")
    names = rows["region_code"].map(known["region_name"])
    kept = rows.drop(columns=["region_name"], errors="ignore")
    place = list(kept.columns).index("region_code") + 1
    kept.insert(place, "region_name", names)
    return kept


def _shortened(name: str, rows: pd.DataFrame, *, results: Results) -> pd.DataFrame:
    """Return what fits a sheet: the first and last year of a table that is too long."""
    first, last = span_of(results)
    if len(rows) <= MOST_ROWS:
        return rows
    if name == "stock":
        rows = rows[rows["year"].isin([first, last])]
    elif "start" in rows.columns:
        rows = rows[(rows["start"] == first) & (rows["end"] == last)]
    return rows.head(MOST_ROWS - 100)


def tables_in_order(results: Results) -> list[str]:
    """Return the names of the run's tables as their sheets follow each other: none is left out."""
    known = (*ORDER, *OTHERS)
    return [
        *(name for name in known if name in results.tables),
        *sorted(set(results.tables) - set(known)),
    ]


def table_sheet(results: Results, words: Words, *, name: str) -> Sheet:
    """Return the sheet of one table.

    Parameters
    ----------
    name : str
        Of a table of the run.
    """
    totals, rows = (_named(part, results) for part in _body(name, results, words=words))
    shown = _shortened(name, rows, results=results)
    cut = len(rows) - len(shown)
    note = words.t("workbook.cut", shown=f"{len(shown):,}", all=f"{len(rows):,}", name=name)
    columns = columns_of(shown, words)
    has_region = "region_code" in shown.columns
    key = f"workbook.sheet.{name}"
    called = words.t(key) if has_text(key) else name[:LONGEST_NAME]
    return Sheet(
        name=called,
        title=f"{results.title} {called}",
        unit=unit_line(results, words, name=name),
        columns=columns,
        rows=worded(chain.records(shown), results, words=words),
        totals=worded(chain.records(totals), results, words=words),
        frozen=min(2, len(columns)) if has_region else 1,
        note=note if cut else "",
    )


def unit_line(results: Results, words: Words, *, name: str) -> str:
    """Return the unit line of a sheet, with the stamp of a synthetic example."""
    key = name if name in FIXED else "other"
    line = words.t(f"workbook.unit.{key}", level=words.percent)
    stamp = words.t("report.synthetic.short")
    return f"{line}    【{stamp}】" if results.meta["study"].get("synthetic") else line


def overview_sheet(results: Results, words: Words) -> Sheet:
    """Return the bureau's table: one row per region with area, stock, change and share."""
    first, last = span_of(results)
    regions = results.tables["regions"]
    now = regions[regions["year"] == last].set_index(["level", "region_code"])
    then = regions[regions["year"] == first].set_index(["level", "region_code"])["stock_t_c"]
    change = results.tables["change"]
    change = change[(change["start"] == first) & (change["end"] == last)]
    found = [words.term("finding", finding(row)) for row in chain.records(change)]
    change = change.assign(detectable=found).drop(columns=["region_name"])
    clashing = {name: f"{name}_change" for name in ("se_t_c", "low_t_c", "high_t_c")}
    change = change.set_index(["level", "region_code"]).rename(columns=clashing)
    total = float(chain.whole(results, "regions").set_index("year")["stock_t_c"][last])
    joined = now.join(change).assign(
        before_t_c=then,
        half_t_c=(now["high_t_c"] - now["low_t_c"]) / 2,
        share=now["stock_t_c"] / total if total else math.nan,
    )
    rows = chain.records(joined.reset_index())
    picked = [row for row in rows if row["level"] in (chain.UNIT, chain.WHOLE)]
    shown = worded(
        sorted(picked, key=lambda row: str(row["region_code"])),
        results,
        words=words,
    )
    columns = [
        Column(
            name,
            words.t(f"workbook.overview.{name}", start=first, end=last, level=words.percent),
            kind,
        )
        for name, kind in OVERVIEW
    ]
    return Sheet(
        name=words.t("workbook.sheet.overview"),
        title=f"{results.title} {words.t('workbook.sheet.overview')}",
        unit=unit_line(results, words, name="overview"),
        columns=columns,
        rows=[row for row in shown if row["level"] != words.term("level", chain.WHOLE)],
        totals=[row for row in shown if row["level"] == words.term("level", chain.WHOLE)],
        frozen=2,
    )


OVERVIEW = (
    ("region_code", "text"),
    ("region_name", "text"),
    ("parent_code", "text"),
    ("region_ha", "number"),
    ("forest_ha", "number"),
    ("wetland_ha", "number"),
    ("before_t_c", "number"),
    ("stock_t_c", "number"),
    ("half_t_c", "number"),
    ("change_t_c", "number"),
    ("low_t_c_change", "number"),
    ("high_t_c_change", "number"),
    ("detectable", "text"),
    ("share", "share"),
)
