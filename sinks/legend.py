"""Legends: what the codes of a land-cover raster mean, in strata, groups and IPCC categories.

A stratum is what the density tables speak of. Every stratum lies in one group of the results and
in one IPCC category; the packaged legends agree on both (`tables/strata.csv` gives the reasons).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final

from sinks.checks import Problems, first_few, nearest
from sinks.display import swatch, table
from sinks.limits import Limits
from sinks.parameters import load_table, tables
from sinks.rows import Row, read_rows
from sinks.texts import Language, text

GROUPS: Final = ("forest", "wetland", "urban_green", "cropland", "grassland", "other")
IPCC: Final = ("forest_land", "cropland", "grassland", "wetlands", "settlements", "other_land")
NODATA: Final = "nodata"
COLUMNS: Final = ("code", "stratum", "name_en", "name_zh", "ipcc", "group", "colour")
CODE: Final = re.compile(r"[+-]?[0-9]{1,10}", re.ASCII)
#: A word in small letters; it becomes part of names, never of a path or a formula.
STRATUM: Final = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
COLOUR: Final = re.compile(r"#[0-9a-f]{6}", re.ASCII)
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
LONGEST_NAME: Final = 80
#: Classes of one legend: the areas are summed by byte, and two bytes mean no data and no class.
MOST_CLASSES: Final = 254
FOLDER: Final = "legends/"


@dataclass(frozen=True)
class LandClass:
    """One class of a land-cover product: one code of the raster."""

    code: int
    stratum: str
    name_en: str
    name_zh: str
    ipcc: str
    group: str
    colour: str
    source: str = ""
    confidence: str = ""

    def name(self, language: Language) -> str:
        """Return the class's name, in the other language if this one is empty."""
        names = (self.name_zh, self.name_en) if language == "zh" else (self.name_en, self.name_zh)
        return names[0] or names[1]


@dataclass(frozen=True)
class Legend:
    """The classes of one product; codes are unique, a stratum has one group and one category.

    Attributes
    ----------
    name : str
        A packaged legend, or the file as the study names it.
    classes : tuple of LandClass
    nodata_codes : frozenset of int
        Codes that say that nothing is known: the ledger's no data, never a class.
    without_code : tuple of LandClass
        Strata that no code of the raster has, but polygons tell apart; their codes mean nothing.
    """

    name: str
    classes: tuple[LandClass, ...]
    nodata_codes: frozenset[int] = frozenset()
    without_code: tuple[LandClass, ...] = ()

    @property
    def codes(self) -> tuple[int, ...]:
        """The codes of the classes, without those of no data."""
        return tuple(row.code for row in self.classes)

    @property
    def strata(self) -> tuple[str, ...]:
        """The strata, in order of first appearance."""
        return tuple(dict.fromkeys(row.stratum for row in (*self.classes, *self.without_code)))

    def with_strata(self, names: Iterable[str]) -> Legend:
        """Return the legend with more strata, as `strata.csv` describes them.

        Raises
        ------
        KeyError
            If a stratum is in neither.
        """
        known = {row["stratum"]: row for row in load_table("strata").to_dict("records")}
        more = tuple(
            LandClass(-1, name, *(str(known[name][key]) for key in COLUMNS[2:]))
            for name in dict.fromkeys(names)
            if name not in self.strata
        )
        return replace(self, without_code=(*self.without_code, *more))

    def _first(self, stratum: str) -> LandClass:
        for row in (*self.classes, *self.without_code):
            if row.stratum == stratum:
                return row
        raise KeyError(f"{self.name}: no stratum {stratum!r}; it has {', '.join(self.strata)}")

    def stratum_of(self, code: int) -> str:
        """Return the stratum of a code.

        Raises
        ------
        KeyError
            If no class has the code (no-data codes have no stratum).
        """
        for row in self.classes:
            if row.code == code:
                return row.stratum
        raise KeyError(f"{self.name}: no class has the code {code}")

    def _repr_html_(self) -> str:
        """Show the classes with their colours in a notebook."""
        head = ("", "code", "stratum", "name_zh", "name_en", "group", "ipcc")
        rows = [
            (swatch(row.colour), row.code, row.stratum, row.name_zh, row.name_en, row.group,
             row.ipcc)
            for row in self.classes
        ]  # fmt: skip
        return table(self.name, head, rows=rows)

    def group_of(self, stratum: str) -> str:
        """Return the group of a stratum."""
        return self._first(stratum).group

    def ipcc_of(self, stratum: str) -> str:
        """Return the IPCC land-use category of a stratum."""
        return self._first(stratum).ipcc

    def colour_of(self, stratum: str) -> str:
        """Return the colour of a stratum on maps, ``#rrggbb``: that of its first class."""
        return self._first(stratum).colour

    def strata_in(self, groups: Iterable[str]) -> tuple[str, ...]:
        """Return the strata of the given groups, in the legend's order."""
        wanted = set(groups)
        return tuple(stratum for stratum in self.strata if self.group_of(stratum) in wanted)

    def counted(
        self, groups: Iterable[str] | None, strata: Iterable[str] = ()
    ) -> tuple[str, ...] | None:
        """Return the strata of some groups with others named one by one; None if none is named."""
        named = set(strata)
        if groups is None and not named:
            return None
        wanted = named | set(self.strata_in(groups or ()))
        return tuple(stratum for stratum in self.strata if stratum in wanted)

    def label(self, stratum: str, language: Language) -> str:
        """Return the name of a stratum.

        The name of its class; where several classes share the stratum, its general name
        (``strata.csv``), and for strata of the user's own the classes' names together.

        Examples
        --------
        >>> packaged_legend("clcd").label("marsh", "zh")
        '湿地'
        """
        names = dict.fromkeys(
            row.name(language)
            for row in (*self.classes, *self.without_code)
            if row.stratum == stratum
        )
        if len(names) == 1:
            return next(iter(names))
        general = _strata().get(stratum)
        return general[language] if general else " / ".join(names) or self._first(stratum).stratum


@cache
def _strata() -> dict[str, dict[Language, str]]:
    rows = load_table("strata").to_dict("records")
    return {row["stratum"]: {"zh": row["name_zh"], "en": row["name_en"]} for row in rows}


def packaged_legends() -> tuple[str, ...]:
    """Return the names of the packaged legends.

    Examples
    --------
    >>> "clcd" in packaged_legends()
    True
    """
    return tuple(name.removeprefix(FOLDER) for name in tables() if name.startswith(FOLDER))


@cache
def packaged_legend(name: str) -> Legend:
    """Return a packaged legend by its exact name."""
    rows = load_table(FOLDER + name).astype(str).to_dict("records")
    return _legend(name, [{str(key): str(cell) for key, cell in row.items()} for row in rows])


def load_legend(
    name_or_path: str, *, base: Path, problems: Problems, limits: Limits | None = None
) -> Legend | None:
    """Return a packaged legend, or read and check a user's.

    Parameters
    ----------
    name_or_path : str
        Packaged name in any case (``CLCD``), or the path of a CSV with the columns
        code, stratum, name_en, name_zh, ipcc, group, colour.
    base : Path
        Folder that relative paths start from.
    problems : Problems
        Gets every fault of the legend.
    limits : Limits, optional

    Returns
    -------
    Legend or None
        None if there was an error.

    Examples
    --------
    >>> load_legend("CLCD", base=Path(), problems=Problems()).stratum_of(2)
    'forest'
    """
    name = name_or_path.strip().lower().replace("-", "_")
    if name in packaged_legends():
        return packaged_legend(name)
    if not name.endswith(".csv") and "/" not in name and "\\" not in name:
        problems.error(
            "legend.unknown", place=name_or_path[:80], nearest=nearest(name, packaged_legends())
        )
        return None
    rows = read_rows(
        base / name_or_path, required=COLUMNS, shown=name_or_path, problems=problems, limits=limits
    )
    if rows is None:
        return None
    checks = _Checks(rows, shown=name_or_path, problems=problems)
    return _legend(name_or_path, [row.cells for row in rows]) if checks.passed() else None


def _legend(name: str, rows: Iterable[Mapping[str, str]]) -> Legend:
    classes, nodata = [], []
    for row in rows:
        code = int(row["code"])
        if row["stratum"] == NODATA:
            nodata.append(code)
            continue
        texts = (row["stratum"], row["name_en"], row["name_zh"], row["ipcc"], row["group"])
        extra = (row["colour"].lower(), row.get("source", ""), row.get("confidence", ""))
        classes.append(LandClass(code, *texts, *extra))
    return Legend(name, tuple(classes), frozenset(nodata))


class _Checks:
    """The checks of a user's legend: every fault of every row, one problem for each kind."""

    def __init__(self, rows: list[Row], *, shown: str, problems: Problems) -> None:
        self.rows, self.shown, self.problems = rows, shown, problems
        self.classes = [row for row in rows if row["stratum"] != NODATA]
        self.failed = False

    def passed(self) -> bool:
        if not self.classes:
            self._fail("legend.no_classes", self.rows)
        if len(self.classes) > MOST_CLASSES:
            self._fail("legend.too_many", self.classes[MOST_CLASSES:], limit=MOST_CLASSES)
            return False
        self._cells("legend.code", "code", good=CODE.fullmatch)
        self._cells("legend.stratum", "stratum", good=STRATUM.fullmatch)
        self._cells("legend.group", "group", good=GROUPS.__contains__, known=GROUPS)
        self._cells("legend.ipcc", "ipcc", good=IPCC.__contains__, known=IPCC)
        self._cells("legend.colour", "colour", good=lambda cell: COLOUR.fullmatch(cell.lower()))
        for title in ("name_en", "name_zh"):
            self._cells("legend.name", title, good=_plain)
        nameless = [row for row in self.classes if not (row["name_en"] or row["name_zh"])]
        if nameless:
            self._fail("legend.nameless", nameless)
        self._duplicates()
        for title in ("group", "ipcc"):
            self._one_each(title)
        return not self.failed

    def _fail(self, code: str, rows: list[Row], **values: object) -> None:
        self.failed = True
        language = self.problems.language
        place = text("table.lines", language, lines=first_few((row.line for row in rows), language))
        self.problems.error(code, file=self.shown, place=place, count=len(rows), **values)

    def _cells(
        self, code: str, title: str, *, good: Callable[[str], object], known: Iterable[str] = ()
    ) -> None:
        rows = self.rows if title == "code" else self.classes
        bad = [row for row in rows if not good(row[title])]
        if bad:
            cells = list(dict.fromkeys(row[title][:40] for row in bad))
            self._fail(
                code,
                bad,
                title=title,
                cells=first_few((repr(cell) for cell in cells), self.problems.language),
                known=", ".join(known),
                nearest="; ".join(nearest(cell, known, count=1) for cell in cells[:5]),
            )

    def _duplicates(self) -> None:
        seen: dict[int, list[Row]] = {}
        for row in self.rows:
            if CODE.fullmatch(row["code"]):
                seen.setdefault(int(row["code"]), []).append(row)
        repeated = {code: rows for code, rows in seen.items() if len(rows) > 1}
        if repeated:
            codes = first_few(sorted(repeated), self.problems.language)
            self._fail(
                "legend.duplicate_code",
                [r for rows in repeated.values() for r in rows],
                codes=codes,
            )

    def _one_each(self, title: str) -> None:
        found: dict[str, dict[str, list[Row]]] = {}
        for row in self.classes:
            found.setdefault(row["stratum"], {}).setdefault(row[title], []).append(row)
        for stratum, values in found.items():
            if len(values) > 1:
                rows = [row for rows in values.values() for row in rows]
                names = ", ".join(value[:40] for value in values)
                self._fail(
                    "legend.stratum_split", rows, title=title, stratum=stratum[:40], values=names
                )


def _plain(name: str) -> bool:
    return len(name) <= LONGEST_NAME and not CONTROL.search(name)


def check_versions(
    legend_name: str, years: Iterable[int], *, allow: bool, problems: Problems
) -> None:
    """Refuse years of one product that different versions of its algorithm made.

    Their difference is a change of the algorithm as much as of the land: ESA WorldCover 2020
    (v100) against 2021 (v200) is the known case (`tables/landcover_versions.csv`).

    Parameters
    ----------
    legend_name : str
        Legend of the study; only packaged products have known versions.
    years : iterable of int
        Years of the rasters.
    allow : bool
        The study takes the pair all the same: a warning instead of an error.
    problems : Problems
        Gets the error or the warning.

    Examples
    --------
    >>> problems = Problems("en")
    >>> check_versions("esa_worldcover", [2020, 2021], allow=False, problems=problems)
    >>> [problem.code for problem in problems]
    ['legend.versions']
    """
    table = load_table("landcover_versions")
    name = legend_name.strip().lower().replace("-", "_")
    known = table[(table["legend"] == name) & table["year"].isin(list(years))]
    if known["version"].nunique() < 2:
        return
    pairs = ", ".join(f"{row.year}: {row.version}" for row in known.itertuples())
    add = problems.warn if allow else problems.error
    add("legend.versions", place=name, pairs=pairs)


def listed() -> Iterator[str]:
    """Yield the packaged legends and their classes, a line each."""
    for name in packaged_legends():
        yield name
        for row in packaged_legend(name).classes:
            yield f"  {row.code:>4}  {row.stratum:<16} {row.name_zh} · {row.name_en}"
