"""What stands on a sheet beside its map, from the tables: key numbers, legend, sources."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final

import pandas as pd

from sinks import chain
from sinks.layers import change_class
from sinks.palettes import CHANGES
from sinks.results import Results
from sinks.summary import finding, goal, target_lines
from sinks.units import HA_PER_MU
from sinks.wording import MINUS, Words, half_width, number, significant

#: Code of the sheet of the whole.
ALL: Final = "ALL"
#: Targets on a region's sheet, and on that of the whole.
TARGETS, TARGETS_OF_ALL = 2, 3
#: Files named as a source, by role; the rest is counted.
NAMED: Final = 2
#: From so many mu on, areas stand in 万亩.
LARGE_MU: Final = 1e5


@dataclass(frozen=True)
class Figure:
    """One key number: what it is, how much, and what must be known of it."""

    label: str
    value: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Entry:
    """One line of a legend: a colour, a name, and the area that it covers in the region."""

    colour: str
    name: str
    hectares: str
    mu: str


@dataclass(frozen=True)
class Legend:
    """A legend: its title, the units of its two columns, its lines; or a ramp from low to high."""

    title: str
    units: tuple[str, str] = ("", "")
    entries: tuple[Entry, ...] = ()
    ramp: tuple[str, str] | None = None


@dataclass(frozen=True)
class Facts:
    """Everything that is printed on a sheet, in the study's language."""

    code: str
    name: str
    above: str
    figures: tuple[Figure, ...]
    legend: Legend
    sources: str
    basis: str


def facts_of(results: Results, words: Words, *, code: str, layer: dict[str, Any]) -> Facts:
    """Return what is printed on the sheet of a region, or of the whole (`ALL`).

    Parameters
    ----------
    results : Results
    words : Words
    code : str
    layer : dict
        Record of the picture that the map shows.
    """
    whole = code == ALL
    now, change = _row(results, "regions", code=code), _row(results, "change", code=code)
    figures = [_stock(now, results, words=words), _change(change, results, words=words)]
    figures += [
        Figure(words.t(f"sheets.{group}", year=results.last), *_area(now[f"{group}_ha"], words))
        for group in ("forest", "wetland")
    ]
    figures += _goals(results, words) if whole else _shares(results, words, code=code)
    return Facts(
        code="" if whole else code,
        name=results.title if whole else str(now["region_name"]) or code,
        above="" if whole else _above(results, code),
        figures=tuple(figures),
        legend=_legend(results, words, code=code, layer=layer),
        sources=_sources(results, words),
        basis=words.t(f"sheets.basis.{results.meta.get('area_basis', 'map')}", level=words.percent),
    )


def _row(results: Results, table: str, *, code: str) -> dict[str, Any]:
    """Return a region's row of the last year, or from the first to the last."""
    rows = results.tables[table]
    level = chain.WHOLE if code == ALL else chain.UNIT
    rows = rows[(rows["level"] == level) & (rows["region_code"] == code)]
    if table == "regions":
        rows = rows[rows["year"] == results.last]
    else:
        rows = rows[(rows["start"] == results.first) & (rows["end"] == results.last)]
    return chain.records(rows)[0]


def _above(results: Results, code: str) -> str:
    """Return the names of the coarser units that a region belongs to, coarsest first."""
    parents = [str(name) for name in results.meta["study"].get("parents") or ()]
    row = results.regions[results.regions["region_code"] == code].iloc[0]
    names = [str(row[parent]) for parent in reversed(parents) if parent in row]
    return " · ".join(name for name in names if name and name != "None")


def _stock(row: dict[str, Any], results: Results, *, words: Words) -> Figure:
    scale = words.carbon(row["stock_t_c"])
    spread = half_width(row["low_t_c"], row["high_t_c"])
    return Figure(
        words.t("sheets.stock", year=results.last),
        words.amount(row["stock_t_c"], scale, spread=spread),
        (words.interval(row["low_t_c"], row["high_t_c"], scale=scale),),
    )


def _change(row: dict[str, Any], results: Results, *, words: Words) -> Figure:
    spread = half_width(row["low_t_c"], row["high_t_c"])
    biggest = max(abs(row["change_t_c"]), spread if math.isfinite(spread) else 0.0)
    scale = words.carbon(biggest)
    found = finding(row)
    notes = [words.interval(row["low_t_c"], row["high_t_c"], scale=scale)]
    notes += [] if found == "unassessed" else [words.t(f"sheets.finding.{found}")]
    return Figure(
        words.t("sheets.change", start=results.first, end=results.last),
        words.amount(row["change_t_c"], scale, spread=spread, signed=True),
        tuple(notes),
    )


def _area(hectares: float, words: Words) -> tuple[str, tuple[str, ...]]:
    mu = hectares / HA_PER_MU
    value = words.amount(hectares, words.area(hectares))
    return value, (words.amount(mu, words.unit("mu", mu)),)


def _shares(results: Results, words: Words, *, code: str) -> list[Figure]:
    """Return a region's shares of the targets that have a rule for them."""
    titles = {line.name: line.title for line in target_lines(results)}
    rows = results.tables["targets"]
    rows = rows[(rows["level"] == chain.UNIT) & (rows["region_code"] == code)]
    found = []
    for row in chain.records(rows[rows["share_achieved"].notna()])[:TARGETS]:
        scale = words.unit(str(row["unit"]), row["required"])
        found.append(
            Figure(
                words.t("sheets.share", target=titles.get(str(row["target"]), row["target"])),
                words.share(row["share_achieved"]),
                (
                    words.t("sheets.share.of", required=words.amount(row["required"], scale)),
                    _verdict(str(row["verdict"]), row["probability"], words=words),
                ),
            )
        )
    return found


def _verdict(verdict: str, probability: float, *, words: Words) -> str:
    shown = words.probability(probability)
    told = words.term("verdict", verdict) if verdict else words.term("finding", "unassessed")
    return words.t("sheets.verdict", verdict=told, probability=shown)


def _goals(results: Results, words: Words) -> list[Figure]:
    """Return the whole's targets with both readings of their unit."""
    found = []
    for line in target_lines(results)[:TARGETS_OF_ALL]:
        known = [reading for reading in line.readings if math.isfinite(reading.share)]
        if not known:
            continue
        notes = [goal(line, words)]
        notes += [
            words.t("sheets.other", unit=words.term("unit", reading.unit),
                    share=words.share(reading.share),
                    verdict=_verdict(reading.verdict, reading.probability, words=words))
            for reading in known[1:]
            if reading.verdict in ("met", "not_met", "uncertain")
        ]  # fmt: skip
        first = known[0]
        value = words.share(first.share)
        if first.verdict in ("met", "not_met", "uncertain"):
            value = f"{value}  {words.term('verdict', first.verdict)}"
        found.append(Figure(line.title, value, tuple(notes)))
    return found


def _legend(results: Results, words: Words, *, code: str, layer: dict[str, Any]) -> Legend:
    """Return the legend of what the map shows, with what of it lies in the region."""
    kind, year = str(layer["kind"]), int(layer["year"])
    title = words.t(f"sheets.layer.{kind}", start=layer.get("start", ""), year=year)
    if kind == "density":
        ends = significant(float(layer["low"])), significant(float(layer["high"]))
        return Legend(title, (words.t("report.unit.density"), ""), ramp=ends)
    areas = (
        _changed(results, layer, code=code)
        if kind == "change"
        else _covered(results, code, year=year)
    )
    named = {
        str(row["stratum"]): (str(row["colour"]), str(row[f"name_{words.language}"]))
        for row in chain.records(results.strata)
    }
    if kind == "change":
        named = {name: (CHANGES[name], words.t(f"map.shift.{name}")) for name in CHANGES}
    shown = {name: float(areas[name]) for name in named if areas.get(name, 0.0) > 0}
    total = math.fsum(shown.values())
    large = words.language == "zh" and total / HA_PER_MU >= LARGE_MU
    mu = (1e4, "wan") if large else (1.0, "one")
    entries = [
        Entry(*named[name], _plain(area), _plain(area / HA_PER_MU / mu[0], 2 if large else 0))
        for name, area in shown.items()
    ]
    if kind == "landcover" and entries:
        entries.append(Entry("", words.t("sheets.sum"), _plain(total),
                             _plain(total / HA_PER_MU / mu[0], 2 if large else 0)))  # fmt: skip
    units = words.t("report.unit.ha.one"), words.t(f"report.unit.mu.{mu[1]}")
    return Legend(title, units, tuple(entries))


def _plain(value: float, places: int = 0) -> str:
    """Return an area: whole units, and two decimals where it is less than ten."""
    return number(value, max(places, 2 if value < 10 else 0)).replace(MINUS, "-")


def _covered(results: Results, code: str, *, year: int) -> dict[str, float]:
    """Return hectares by stratum; a stratum's area stands once per pool in the table."""
    rows = chain.of_units(results, "stock")
    rows = rows[rows["year"] == year]
    if code != ALL:
        rows = rows[rows["region_code"] == code]
    areas = rows.drop_duplicates(["region_code", "stratum"]).groupby("stratum")["area_ha"].sum()
    return {str(name): float(area) for name, area in areas.items()}


def _changed(results: Results, layer: dict[str, Any], *, code: str) -> dict[str, float]:
    """Return hectares that became or ceased to be forest or wetland."""
    group = {str(row["stratum"]): str(row["group"]) for row in results.meta["strata"]}
    rows = chain.of_units(results, "transitions")
    rows = rows[(rows["start"] == layer["start"]) & (rows["end"] == layer["year"])]
    if code != ALL:
        rows = rows[rows["region_code"] == code]
    names = pd.Series(
        [
            change_class(group.get(before, ""), group.get(after, ""))
            for before, after in zip(rows["from_stratum"], rows["to_stratum"], strict=True)
        ],
        index=rows.index,
        dtype=object,
    )
    return {str(name): float(area) for name, area in rows["area_ha"].groupby(names).sum().items()}


def _sources(results: Results, words: Words) -> str:
    """Return which files the sheet rests on."""
    inputs = results.meta.get("inputs") or ()
    parts = []
    for role in ("landcover", "regions", "density", "density_raster", "plots", "subcompartments"):
        files = [PurePath(str(item["path"])).name for item in inputs if item["role"] == role]
        if not files:
            continue
        listed = words.t("report.list.comma").join(files[-NAMED:])
        more = len(files) - NAMED
        names = words.t("sheets.more", files=listed, count=more) if more > 0 else listed
        parts.append(words.t(f"sheets.source.{role}", files=names))
    return words.t("sheets.sources", files=words.t("sheets.and").join(parts))
