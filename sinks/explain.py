"""Why this number? The chain behind a region's stock and change, as text for a terminal."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from typing import Any

from sinks import chain
from sinks.checks import Problems, first_few, nearest
from sinks.closure import ABSOLUTE, RELATIVE
from sinks.results import Results
from sinks.summary import finding, span_of
from sinks.texts import Language
from sinks.wording import DASH, Words, end_text, half_width, number, places_for

#: Transitions printed; the rest are added up on one line.
MOVES_SHOWN = 15
#: Parameters of models printed; the rest stand in the table.
PARAMETERS_SHOWN = 40


@dataclass(frozen=True)
class Place:
    """A region of any level, found by code or name, with the study's regions it is made of."""

    code: str
    name: str
    level: str
    members: list[str]


def plain(words: object) -> str:
    """Return text without control characters, which a terminal would obey."""
    return "".join(
        sign if unicodedata.category(sign)[0] != "C" else "\ufffd" for sign in str(words)
    )


def _folded(words: str) -> str:
    return unicodedata.normalize("NFKC", words).strip().casefold()


def find_region(results: Results, region: str, *, language: Language) -> Place:
    """Return the region that a code or a name means, at any level.

    Raises
    ------
    InputProblems
        If no region, or more than one, is called so; the nearest names are named.
    """
    problems = Problems(language)
    table = results.tables["regions"].drop_duplicates(["level", "region_code"])
    rows = chain.records(table)
    order = {level: place for place, level in enumerate(chain.levels(results))}
    rows.sort(key=lambda row: (order[str(row["level"])], str(row["region_code"])))
    wanted = _folded(region)
    by_code = [row for row in rows if _folded(str(row["region_code"])) == wanted]
    by_name = [row for row in rows if _folded(str(row["region_name"])) == wanted]
    found = by_code or by_name
    finest = [row for row in found if row["level"] == found[0]["level"]]
    if not found:
        names = [plain(row[key]) for row in rows for key in ("region_name", "region_code")]
        near = nearest(region, dict.fromkeys(names))
        problems.error("explain.unknown_region", region=plain(region), nearest=near)
    elif len(finest) > 1:
        codes = first_few([plain(row["region_code"]) for row in finest], language)
        problems.error("explain.ambiguous_region", region=plain(region), codes=codes)
    problems.raise_errors()
    row = finest[0]
    code, level = str(row["region_code"]), str(row["level"])
    return Place(code, plain(row["region_name"]), level, chain.members(results, code, level=level))


def _wide(words: str) -> int:
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in words)


def _table(rows: list[list[str]], *, sides: str) -> list[str]:
    """Return aligned lines; `sides` says ``l`` or ``r`` for each column."""
    widths = [max(_wide(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = []
        for place, (words, width) in enumerate(zip(row, widths, strict=True)):
            gap = " " * (width - _wide(words))
            cells.append(words + gap if sides[place] == "l" else gap + words)
        lines.append(("  " + "  ".join(cells)).rstrip())
    return lines


def _tonnes(value: float, *, signed: bool = False) -> str:
    """Return tonnes whole, or with decimals where there are few: the chain is to be checked."""
    return number(value, 0 if abs(value) >= 1000 else 3, signed=signed)


def _hectares(value: float) -> str:
    return number(value, 1 if value >= 1000 else 4)


class _Sources:
    """Numbered sources, each printed once below the chain."""

    def __init__(self, words: Words) -> None:
        self.words = words
        self.known: dict[tuple[str, str], int] = {}

    def mark(self, density: chain.Density) -> str:
        """Return the number of a density's source."""
        key = (density.source, density.confidence)
        return f"[{self.known.setdefault(key, len(self.known) + 1)}]"

    def lines(self) -> list[str]:
        """Return the list of sources with their confidence."""
        shown = []
        for (source, confidence), place in self.known.items():
            flag = "▲ " if confidence == "memory" else ""
            trust = f" ({flag}{self.words.term('confidence', confidence)})" if confidence else ""
            shown.append(f"  [{place}] {plain(source) or DASH}{trust}")
        return shown


def _stock_lines(results: Results, place: Place, *, words: Words) -> list[str]:
    """Return area × density → tonnes by stratum and pool in the last year."""
    last = span_of(results)[1]
    links = [link for link in chain.links(results, place.members, year=last) if link.area_ha > 0]
    names = chain.stratum_names(results, words.language)
    links.sort(key=lambda link: list(names).index(link.stratum) if link.stratum in names else 999)
    sources = _Sources(words)
    keys = ("stratum", "area", "pool", "density", "se", "product", "published", "source")
    rows = [[words.t(f"explain.c.{key}") for key in keys]]
    before = ""
    for link in links:
        first = link.stratum != before
        before = link.stratum
        name = plain(names.get(link.stratum, link.stratum))
        head = [name, _hectares(link.area_ha)] if first else ["", ""]
        rows.append(
            [*head, words.term("pool", link.pool), *_link_cells(link, sources, words=words)]
        )
    total = sum(link.stock_t_c for link in links)
    rows.append([words.t("report.total"), *[""] * 5, _tonnes(total), ""])
    title = words.t("explain.h.stock", year=last)
    note = words.t("explain.note.stock")
    return [
        title,
        *_table(rows, sides="lrlrrrrl"),
        note,
        words.t("explain.h.sources"),
        *sources.lines(),
        *_parameter_lines(results, words=words),
    ]


def _parameter_lines(results: Results, *, words: Words) -> list[str]:
    """Return the parameters that turned volumes into carbon; nothing without models."""
    found = chain.model_parameters(results)
    keys = ("parameter", "value", "se", "unit", "source")
    rows = [[words.t(f"explain.c.{key}") for key in keys]]
    for row in found[:PARAMETERS_SHOWN]:
        se, trust = float(row["se"]), str(row["confidence"])
        flag = f" ({words.term('confidence', trust)})" if trust else ""
        rows.append([
            plain(row["name"]), f"{float(row['value']):,.6g}", f"{se:.3g}" if se > 0 else DASH,
            plain(row["unit"]), plain(row["source"]) + flag,
        ])  # fmt: skip
    more = len(found) - PARAMETERS_SHOWN
    rest = [words.t("explain.parameters.rest", n=more)] if more > 0 else []
    factors = any(str(row["name"]).startswith(chain.AS_FACTORS) for row in found)
    rest += [words.t("explain.parameters.factors")] if factors else []
    title = words.t("explain.h.parameters")
    return [title, *_table(rows, sides="lrrll"), *rest] if found else []


def _link_cells(link: chain.Link, sources: _Sources, *, words: Words) -> list[str]:
    """Return density, standard error, product, published stock and source of one link."""
    published = _tonnes(link.stock_t_c)
    density = link.density
    if density is None or not math.isfinite(density.t_c_ha):
        implied = number(link.implied, places_for(abs(link.implied), 4))
        return [implied, DASH, DASH, published, words.t("explain.implied")]
    se = density.se * density.t_c_ha / density.value if density.value else density.se
    shown = f"{density.t_c_ha:,.6g}"
    spread = number(se, places_for(se)) if math.isfinite(se) and se > 0 else DASH
    mark = "" if link.agrees else " *"
    return [shown, spread, _tonnes(link.product), published + mark, sources.mark(density)]


def _change_lines(results: Results, place: Place, *, words: Words) -> list[str]:
    """Return the change by transition, the largest first."""
    start, end = span_of(results)
    moves = chain.records(chain.moves(results, place.members, start=start, end=end))
    names = chain.stratum_names(results, words.language)

    def named(stratum: object) -> str:
        return plain(names.get(str(stratum), stratum))

    keys = ("from", "to", "area", "change", "per_ha")
    rows = [[words.t(f"explain.c.{key}") for key in keys]]
    for row in moves[:MOVES_SHOWN]:
        size, change = float(row["area_ha"]), float(row["change_t_c"])
        each = number(change / size, 2, signed=True) if size else DASH
        ends = [named(row["from_stratum"]), named(row["to_stratum"])]
        rows.append([*ends, _hectares(size), _tonnes(change, signed=True), each])
    rest = moves[MOVES_SHOWN:]
    if rest:
        size = sum(float(row["area_ha"]) for row in rest)
        change = sum(float(row["change_t_c"]) for row in rest)
        label = words.t("explain.rest", n=len(rest))
        rows.append([label, "", _hectares(size), _tonnes(change, signed=True), ""])
    size = sum(float(row["area_ha"]) for row in moves)
    change = sum(float(row["change_t_c"]) for row in moves)
    label = words.t("report.total")
    rows.append([label, "", _hectares(size), _tonnes(change, signed=True), ""])
    return [words.t("explain.h.change", start=start, end=end), *_table(rows, sides="llrrr")]


def _cause_lines(results: Results, place: Place, *, words: Words) -> list[str]:
    """Return the change by cause, and what classification error alone could make of each."""
    start, end = span_of(results)
    told = chain.causes(results, place.code, level=place.level, start=start, end=end)
    if not told:
        return []
    keys = ("cause", "area", "change", "interval", "noise_area", "noise_carbon", "noise_basis")
    rows = [[words.t(f"explain.c.{key}") for key in keys]]
    for row in told:
        spread = half_width(row["low_t_c"], row["high_t_c"])
        ends = (end_text(row[end], spread) for end in ("low_t_c", "high_t_c"))
        rows.append([
            words.t(f"map.cause.{row['cause']}"), _hectares(row["area_ha"]),
            _tonnes(row["change_t_c"], signed=True),
            " … ".join(ends) if math.isfinite(spread) else DASH,
            _hectares(row["noise_ha"]), _tonnes(row["noise_t_c"], signed=True),
            words.t(f"explain.noise.{row['noise_basis']}"),
        ])  # fmt: skip
    title = words.t("explain.h.causes", start=start, end=end)
    return [title, *_table(rows, sides="lrrrrrl"), words.t("explain.note.noise")]


def _row(results: Results, place: Place, *, table: str, **when: int) -> dict[str, Any]:
    """Return a place's row of a table that has levels."""
    rows = results.tables[table]
    rows = rows[(rows["level"] == place.level) & (rows["region_code"] == place.code)]
    for column, year in when.items():
        rows = rows[rows[column] == year]
    return chain.records(rows)[0]


def _closure_lines(results: Results, place: Place, *, words: Words) -> list[str]:
    """Return whether the parts printed add up to what the tables say of the whole place."""
    start, end = span_of(results)
    stock = _row(results, place, table="regions", year=end)
    change = _row(results, place, table="change", start=start, end=end)
    links = chain.links(results, place.members, year=end)
    moves = chain.moves(results, place.members, start=start, end=end)
    cover = chain.of_units(results, "coverage")
    cover = cover[cover["region_code"].isin(place.members)]
    valid = float(cover.drop_duplicates("region_code")["common_valid_ha"].sum())
    year = cover[cover["year"] == end]
    parts = float(year[["valid_ha", "nodata_ha", "outside_ha"]].to_numpy().sum())
    size = abs(float(stock["stock_t_c"]))
    checks = [
        ("stock", sum(link.stock_t_c for link in links), float(stock["stock_t_c"]), size),
        ("change", float(moves["change_t_c"].sum()), float(change["change_t_c"]), size),
        ("area", float(moves["area_ha"].sum()), valid, valid),
        ("coverage", parts, float(year["region_ha"].sum()), parts),
    ]
    rows = []
    for name, left, right, extent in checks:
        closes = abs(left - right) <= RELATIVE * extent + ABSOLUTE
        verdict = words.t("report.check.passed" if closes else "report.check.failed")
        rows.append([words.t(f"explain.check.{name}"), _tonnes(left), "=", _tonnes(right), verdict])
    return [words.t("explain.h.closure"), *_table(rows, sides="lrlrl")]


def _volume_lines(results: Results, place: Place, *, words: Words) -> list[str]:
    """Return hectares × volume per hectare → m³ by stratum; nothing without volumes."""
    table, last = results.tables.get("volume"), span_of(results)[1]
    if table is None:
        return []
    here = (table["region_code"] == place.code) & (table["level"] == place.level)
    names = results.strata.set_index("stratum")[f"name_{words.language}"].to_dict()
    known = results.tables["parameters"].set_index("name")["source"].to_dict()
    keys = ("stratum", "area", "volume_per_ha", "volume", "se", "source")
    rows = [[words.t(f"explain.c.{key}") for key in keys]]
    for row in chain.records(table[here & (table["year"] == last)]):
        stem = f"volume/{row['stratum']}"
        spellings = (f"{stem}/{last}/{place.code}", f"{stem}/{place.code}", f"{stem}/{last}", stem)
        source = next((known[name] for name in spellings if name in known), DASH)
        rows.append([
            plain(names.get(row["stratum"], row["stratum"])), _hectares(row["area_ha"]),
            number(row["volume_m3_ha"], 2), _tonnes(row["volume_m3"]), _tonnes(row["se_m3"]),
            plain(source),
        ])  # fmt: skip
    title = words.t("explain.h.volume", year=last)
    return [title, *_table(rows, sides="lrrrrl")] if len(rows) > 1 else []


def _headline(results: Results, place: Place, *, words: Words) -> list[str]:
    """Return stock and change of the place with their intervals."""
    start, end = span_of(results)
    stock = _row(results, place, table="regions", year=end)
    change = _row(results, place, table="change", start=start, end=end)
    name = words.term("level", chain.WHOLE) if place.level == chain.WHOLE else place.name
    lines = [f"{name} ({plain(place.code)}) · {plain(results.title)}"]
    if results.meta["study"].get("synthetic"):
        lines.append(words.t("report.synthetic"))
    rows = ((stock, "stock_t_c", "stock"), (change, "change_t_c", "change"))
    for row, column, key in rows:
        spread = half_width(row["low_t_c"], row["high_t_c"])
        scale = words.carbon(max(abs(row[column]), spread if math.isfinite(spread) else 0.0))
        value = words.amount(row[column], scale, spread=spread, signed=key == "change")
        interval = words.interval(row["low_t_c"], row["high_t_c"], scale=scale)
        shown = words.term("finding", finding(change))
        lines.append(
            words.t(
                f"explain.{key}", year=end, start=start, value=value, interval=interval, shown=shown
            )
        )
    return lines


def explain(results: Results, region: str, *, language: Language | None = None) -> str:
    """Return the chain behind a region's numbers: hectares × density → tonnes, and the change.

    Parameters
    ----------
    results : Results
        A finished run.
    region : str
        Code or name of a region of any level; ``ALL`` is the whole.
    language : {"zh", "en"}, optional
        The study's language if absent.

    Returns
    -------
    str
        Lines for a terminal, without control characters.

    Raises
    ------
    InputProblems
        If the region is not known, or its name is not the only one.
    """
    language = language or results.language
    words = Words(language, float(results.meta["study"].get("level", 0.95)))
    place = find_region(results, region, language=language)
    stock = _row(results, place, table="regions", year=span_of(results)[1])
    if not math.isfinite(stock["stock_t_c"]):
        shown = f"{place.name} ({plain(place.code)}) · {plain(results.title)}"
        return f"{shown}\n{words.t('explain.no_data')}\n"
    parts = [
        _headline(results, place, words=words),
        _stock_lines(results, place, words=words),
        _change_lines(results, place, words=words),
        _cause_lines(results, place, words=words),
        _closure_lines(results, place, words=words),
        _volume_lines(results, place, words=words),
    ]
    return "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n"
