"""A page per region: stable address, no script, fit for a screen and for sheets of A4."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import pandas as pd
import shapely
from markupsafe import Markup

from sinks import chain
from sinks.escape import file_stem
from sinks.report.causes import noise_notes
from sinks.report.choropleth import WIDTH, Sheet, outline
from sinks.report.svg import element, picture
from sinks.results import Results
from sinks.summary import finding, span_of, words_of
from sinks.wording import DASH, Words, end_text, half_width, significant

#: Strata and transitions told on a page.
ROWS: Final = 20

Row = dict[str, Any]


def page_name(code: str) -> str:
    """Return the file name of a region's page: its code, or its bytes where a code is no name.

    Examples
    --------
    >>> page_name("420102"), page_name("a/b")
    ('420102.html', 'x-612f62.html')
    """
    return f"{file_stem(code)}.html"


def _biggest(row: Mapping[str, Any], column: str) -> float:
    spread = half_width(row["low_t_c"], row["high_t_c"])
    return max(abs(float(row[column])), spread if math.isfinite(spread) else 0.0)


def _amount(row: Mapping[str, Any], column: str, *, words: Words, signed: bool = False) -> Row:
    """Return a value in t C with its interval, in words."""
    if not math.isfinite(row[column]):
        return {"value": DASH, "interval": words.t("map.legend.missing")}
    low, high = row["low_t_c"], row["high_t_c"]
    scale = words.carbon(_biggest(row, column))
    return {
        "value": words.amount(row[column], scale, spread=half_width(low, high), signed=signed),
        "interval": words.interval(low, high, scale=scale),
    }


def _column(rows: list[Row], column: str, *, words: Words, signed: bool = False) -> list[Row]:
    """Return the values of a table and their intervals, all in the unit of the largest."""
    known = [row for row in rows if math.isfinite(row[column])]
    scale = words.carbon(max((_biggest(row, column) for row in known), default=0.0))
    found = []
    for row in rows:
        low, high = row["low_t_c"], row["high_t_c"]
        spread = half_width(low, high)
        value, between = DASH, DASH
        if math.isfinite(row[column]):
            value = words.amount(row[column], scale, spread=spread, signed=signed)
        if math.isfinite(spread):
            ends = [end_text(end / scale.factor, spread / scale.factor) for end in (low, high)]
            between = words.t("map.legend.between", low=ends[0], high=ends[1])
        found.append({"value": value, "interval": between})
    return found


def slices(results: Results, codes: Sequence[str]) -> Iterator[tuple[str, Results]]:
    """Yield every region's code and the run with that region's rows alone: tables are cut once."""
    cut = {
        name: dict(tuple(table.groupby("region_code", sort=False)))
        for name, table in results.tables.items()
        if "region_code" in table.columns
    }
    for code in codes:
        own = {name: rows.get(code, results.tables[name].iloc[:0]) for name, rows in cut.items()}
        yield code, replace(results, tables={**results.tables, **own})


def _rows(results: Results, table: str, *, code: str) -> list[Row]:
    """Return the rows of a region itself; none of a table that an older run has not."""
    frame = results.tables.get(table, pd.DataFrame(columns=["region_code"]))
    if "level" in frame.columns:
        frame = frame[frame["level"] == chain.UNIT]
    return chain.records(frame[frame["region_code"] == code])


def _causes(rows: list[Row], words: Words) -> list[Row]:
    amounts = _column(rows, "change_t_c", words=words, signed=True)
    return [
        {
            "name": words.t(f"map.cause.{row['cause']}"),
            "area": significant(row["area_ha"]),
            **amount,
            "noise": _noise(row, words),
        }
        for row, amount in zip(rows, amounts, strict=True)
    ]


def _noise(row: Mapping[str, Any], words: Words) -> str:
    """Return what classification error alone could make of a cause; a dash where none is told."""
    if not math.isfinite(row["noise_ha"]):
        return DASH
    amount = words.amount(row["noise_t_c"], words.carbon(abs(row["noise_t_c"])), signed=True)
    return words.t("map.noise.amount", area=significant(row["noise_ha"]), carbon=amount)


def _ranks(results: Results, words: Words, *, code: str) -> list[str]:
    start, end = span_of(results)
    found = []
    for row in _rows(results, "ranking", code=code):
        if row["end"] != end or row["start"] not in (start, end) or not math.isfinite(row["rank"]):
            continue
        name = {"stock": "stock", "change": "change", "change_per_ha": "rate"}[row["quantity"]]
        ends = {key: f"{row[key]:g}" for key in ("rank", "rank_low", "rank_high", "of")}
        found.append(
            words.t(
                "map.card.rank_interval", layer=words.t(f"map.layer.{name}"), rank=ends["rank"],
                count=ends["of"], level=words.percent.rstrip("%"), low=ends["rank_low"],
                high=ends["rank_high"],
            )
        )  # fmt: skip
    return found


def _targets(results: Results, words: Words, *, code: str) -> list[Row]:
    found = []
    stated = results.meta["study"].get("targets") or ()
    titles = {str(info["name"]): str(info.get("title") or info["name"]) for info in stated}
    for row in _rows(results, "targets", code=code):
        if not math.isfinite(row["achieved"]):
            continue
        scale = words.unit(str(row["unit"]), abs(row["achieved"]))
        spread = half_width(row["low"], row["high"])
        known = math.isfinite(row["required"])
        found.append(
            {
                "name": titles.get(str(row["target"]), str(row["target"])),
                "achieved": words.amount(row["achieved"], scale, spread=spread),
                "required": words.amount(row["required"], scale) if known else DASH,
                "share": words.share(row["share_achieved"]),
                "probability": words.probability(row["probability"]),
                "verdict": words.term("verdict", str(row["verdict"])) if row["verdict"] else DASH,
            }
        )
    return found


def _why(results: Results, words: Words, *, code: str) -> tuple[list[Row], list[str]]:
    """Return hectares × density = tonnes of the last year, largest first, and their sources."""
    names = chain.stratum_names(results, words.language)
    links = chain.links(results, [code], year=results.last)
    links.sort(key=lambda link: -link.stock_t_c)
    marks: dict[str, int] = {}
    rows = [
        {
            "stratum": names.get(link.stratum, link.stratum),
            "pool": words.term("pool", link.pool),
            "area": significant(link.area_ha),
            "density": significant(link.density.t_c_ha) if link.density else DASH,
            "stock": significant(link.stock_t_c),
            "mark": marks.setdefault(link.density.source, len(marks) + 1) if link.density else "",
        }
        for link in links[:ROWS]
    ]
    return rows, list(marks)


def _years(results: Results, words: Words, *, code: str) -> list[Row]:
    rows = _rows(results, "regions", code=code)
    return [
        {
            "year": int(row["year"]),
            "forest": significant(row["forest_ha"]),
            "wetland": significant(row["wetland_ha"]),
            **amount,
        }
        for row, amount in zip(rows, _column(rows, "stock_t_c", words=words), strict=True)
    ]


class Locator:
    """Where a region lies in its study: drawn once, marked once per region."""

    def __init__(self, results: Results) -> None:
        self.sheet = Sheet(results.regions)
        codes = [str(code) for code in results.regions["region_code"]]
        self.shapes = dict(zip(codes, self.sheet.shapes, strict=True))
        self.study = outline(shapely.union_all(list(self.shapes.values())))

    def of(self, code: str, *, title: str) -> Markup:
        """Return the map with one region marked."""
        parts = [
            element("path", d=self.study, fill="#eceae0", stroke="#8f9a96", stroke_width=1.2),
            element("path", d=outline(self.shapes[code]), fill="#14655d", fill_rule="evenodd"),
        ]
        return picture((WIDTH, self.sheet.height + 4), parts, title=title)


def region_page(results: Results, code: str) -> dict[str, Any]:
    """Return everything that a region's page prints.

    Parameters
    ----------
    results : Results
    code : str
        Code of one of the study's own regions.

    Returns
    -------
    dict
        Names of the template ``region.html.j2``. Text is plain and escaped there.
    """
    words = words_of(results)
    start, end = span_of(results)
    head = next(row for row in _rows(results, "regions", code=code) if row["year"] == end)
    changes = _rows(results, "change", code=code)
    change = next(row for row in changes if (row["start"], row["end"]) == (start, end))
    study = results.meta["study"]
    approval = study.get("map_approval")
    told = chain.causes(results, code, level=chain.UNIT, start=start, end=end)
    told = [row for row in told if math.isfinite(row["change_t_c"])]
    why, sources = _why(results, words, code=code)
    return {
        "lang": "zh-CN" if words.language == "zh" else "en",
        "t": words.t,
        "level": words.percent,
        "code": code,
        "name": str(head["region_name"]) or code,
        "parent": str(head["parent_code"]) if head["parent_code"] != "ALL" else "",
        "title": results.title,
        "span": (start, end),
        "synthetic": bool(study.get("synthetic")),
        "approval": words.t("report.approval", number=approval)
        if approval
        else words.t("report.internal"),
        "area": words.amount(head["region_ha"], words.area(head["region_ha"])),
        "stock": _amount(head, "stock_t_c", words=words),
        "change": _amount(change, "change_t_c", words=words, signed=True),
        "finding": words.term("finding", finding(change)),
        "years": _years(results, words, code=code),
        "causes": _causes(told, words),
        "noise_notes": noise_notes(told, words),
        "ranks": _ranks(results, words, code=code),
        "targets": _targets(results, words, code=code),
        "why": why,
        "sources": sources,
        "version": str(results.meta.get("sinks", "")),
    }
