"""The reference sample as a file: its columns, its words, and everything that is wrong with it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sinks.checks import Problems, first_few, nearest
from sinks.landcover.scheme import THEN, Scheme, scheme_for, then
from sinks.legend import Legend
from sinks.limits import Limits
from sinks.rows import Row, read_rows
from sinks.sections import AccuracyConfig
from sinks.texts import text

#: Other names under which columns are found.
ALSO: Final = {"map": "map_class", "reference": "reference_class"}
#: Pairs of columns that say where a unit lies; the second pair is in degrees on WGS 84.
PLACES: Final = (("x", "y"), ("lon", "lat"))
DEGREES: Final = "EPSG:4326"
OF_YEAR: Final = re.compile(r"(?:map|reference)_([0-9]{4})", re.ASCII)
TRUE: Final = frozenset({"true", "1", "yes", "y", "t"})
TRAINING: Final = ("train", "training", "calibration")


@dataclass(frozen=True)
class Unit:
    """One unit of the sample.

    Attributes
    ----------
    line : int
        In the file.
    stratum : str
        As drawn; empty where the map class decides.
    x, y : float
        NaN where the file says the map class itself.
    mapped, truth : tuple of str
        Classes, one per year of the sample; `mapped` is empty until it is read from the map.
    """

    line: int
    stratum: str
    x: float
    y: float
    mapped: tuple[str, ...]
    truth: tuple[str, ...]


@dataclass(frozen=True)
class StratumArea:
    """A stratum of the design that is no map class: its area [ha], units, and what fills it."""

    area_ha: float
    units: float = math.nan
    map_class: str = ""


@dataclass(frozen=True)
class Answers:
    """A sample that was read without an error.

    Attributes
    ----------
    units : tuple of Unit
    scheme : Scheme
    years : tuple of int
        The map or the two maps that the answers are about.
    config : AccuracyConfig
    strata : mapping of stratum to StratumArea
        Empty where the strata are map classes, or there are none.
    crs : str
        Of the coordinates; empty if it is the raster's.
    """

    units: tuple[Unit, ...]
    scheme: Scheme
    years: tuple[int, ...]
    config: AccuracyConfig
    strata: Mapping[str, StratumArea] = field(default_factory=dict)
    crs: str = ""

    @property
    def change(self) -> bool:
        """Whether the answers are about two years, so that the classes are those of change."""
        return len(self.years) > 1


class _Table:
    """A table in the making, with one way to tell what is wrong with rows of it."""

    def __init__(self, rows: list[Row], *, shown: str, problems: Problems) -> None:
        self.rows, self.shown, self.problems = rows, shown, problems
        self.titles = frozenset(rows[0].cells)
        self.failed = False

    def title(self, name: str) -> str | None:
        """Return a column's title by its name or its other name."""
        return next((own for own in (name, ALSO.get(name, name)) if own in self.titles), None)

    def fail(
        self, code: str, rows: Sequence[Row], *, cells: Iterable[str], known: Iterable[str]
    ) -> None:
        """Tell of rows that cannot be used."""
        self.failed = True
        language = self.problems.language
        shown = list(dict.fromkeys(repr(cell[:40]) for cell in cells))
        names = list(known)
        self.problems.error(
            code, file=self.shown, place=self.lines(rows), count=len(rows),
            items=first_few(shown, language), known=first_few(names, language, count=12),
            nearest="; ".join(nearest(cell[1:-1], names, count=1) for cell in shown[:5]),
        )  # fmt: skip

    def lines(self, rows: Sequence[Row]) -> str:
        """Return the lines of rows, the first few."""
        language = self.problems.language
        return text("table.lines", language, lines=first_few((r.line for r in rows), language))

    def column(
        self, title: str, read: Callable[[str], str | None], *, code: str, known: Iterable[str]
    ) -> list[str]:
        """Return what every cell of a column means; tell of the cells that mean nothing."""
        values = [read(row[title]) for row in self.rows]
        pairs = zip(self.rows, values, strict=True)
        bad = [row for row, value in pairs if value is None and row[title]]
        if bad:
            self.fail(code, bad, cells=(row[title] for row in bad), known=known)
        return [value or "" for value in values]


def load_answers(
    config: AccuracyConfig,
    *,
    base: Path,
    legend: Legend,
    years: Sequence[int],
    problems: Problems,
    limits: Limits | None = None,
) -> Answers | None:
    """Read a reference sample and the areas of its strata.

    Parameters
    ----------
    config : AccuracyConfig
    base : Path
        The study's folder.
    legend : Legend
    years : sequence of int
        The study's.
    problems : Problems
        Takes every fault of every row.
    limits : Limits, optional

    Returns
    -------
    Answers or None
        None if there was an error. Units without an answer are left out, with a warning.
    """
    rows = read_rows(base / config.sample, required=(), shown=config.sample, problems=problems,
                     limits=limits)  # fmt: skip
    strata = _load_strata(config, base=base, problems=problems, limits=limits)
    if rows is None or strata is None:
        return None
    table = _Table(rows, shown=config.sample, problems=problems)
    _refuse_training(table)
    about = _years(table, config, years=years)
    if about is None:
        return None
    answered = _answered(table, about)
    if not answered:
        return None
    table.rows = answered
    units, scheme = _units(table, config, legend=legend, about=about, strata=strata)
    if table.failed:
        return None
    place = next((pair for pair in PLACES if set(pair) <= table.titles), PLACES[0])
    crs = DEGREES if place == PLACES[1] else (config.crs or "")
    return Answers(tuple(units), scheme, about, config, strata, crs)


def _refuse_training(table: _Table) -> None:
    """Refuse units that the classifier has learnt from: it knows them by heart."""
    bad = [
        row for row in table.rows
        if row.cells.get("training", "").casefold() in (*TRUE, *TRAINING)
        or row.cells.get("role", "").casefold() in TRAINING
    ]  # fmt: skip
    if bad:
        table.fail("accuracy.training", bad, cells=(), known=())


def _years(
    table: _Table, config: AccuracyConfig, *, years: Sequence[int]
) -> tuple[int, ...] | None:
    """Return the year or the two years that the answers are about."""
    named = [title for title in sorted(table.titles) if OF_YEAR.fullmatch(title)]
    asked = sorted({int(t[-4:]) for t in named if t.startswith("reference_")})
    if not asked and table.title("reference"):
        return (config.year or max(years),)
    if len(asked) == 1 and asked[0] in years:
        return (asked[0],)
    if len(asked) == 2 and asked == sorted(years):
        return tuple(asked)
    table.problems.error(
        "accuracy.reference", file=table.shown,
        found=first_few(sorted(table.titles), table.problems.language, count=12),
        years=", ".join(str(year) for year in sorted(years)),
    )  # fmt: skip
    return None


def _of(table: _Table, name: str, *, about: tuple[int, ...]) -> list[str]:
    """Return the columns of map or reference, one per year; empty if they are not all there."""
    titles = [f"{name}_{year}" for year in about]
    if all(title in table.titles for title in titles):
        return titles
    plain = table.title(name)
    return [plain] if plain and len(about) == 1 else []


def _answered(table: _Table, about: tuple[int, ...]) -> list[Row]:
    """Return the rows with an answer for every year."""
    titles = _of(table, "reference", about=about)
    full = [row for row in table.rows if all(row[title] for title in titles)]
    empty = [row for row in table.rows if not all(row[title] for title in titles)]
    if not full:
        table.problems.error("accuracy.no_answers", file=table.shown, count=len(empty))
    elif empty:
        part = f"{100 * len(empty) / len(table.rows):.2g}"
        table.problems.warn(
            "accuracy.unanswered", file=table.shown, place=table.lines(empty), count=len(empty),
            part=part,
        )  # fmt: skip
    return full


def _units(
    table: _Table, config: AccuracyConfig, *, legend: Legend, about: tuple[int, ...],
    strata: Mapping[str, StratumArea],
) -> tuple[list[Unit], Scheme]:  # fmt: skip
    """Return the units, and the classes that they are told in."""
    truth, mapped = _of(table, "reference", about=about), _of(table, "map", about=about)
    cells = (row[title] for row in table.rows for title in (*truth, *mapped))
    scheme = scheme_for(legend, cells, level=config.level)
    read = {
        title: table.column(title, scheme.read, code="accuracy.class", known=scheme.classes)
        for title in (*truth, *mapped)
    }
    drawn = _strata_drawn(table, config, scheme=scheme, strata=strata)
    places = [] if mapped else _places(table)
    by_stratum = not mapped and not places and config.design == "stratified" and not strata
    if by_stratum and "stratum" in table.titles:
        classes = [tuple(name.split(THEN)) for name in drawn]
    elif mapped or places:
        classes = list(zip(*(read[title] for title in mapped), strict=True)) if mapped else []
    else:
        titles = first_few(sorted(table.titles), table.problems.language, count=12)
        table.failed = True
        table.problems.error("accuracy.no_map_class", file=table.shown, found=titles)
    if table.failed:
        return [], scheme
    answers = list(zip(*(read[title] for title in truth), strict=True))
    units = [
        Unit(
            row.line, drawn[i] if drawn else "", *(places[i] if places else (math.nan, math.nan)),
            mapped=classes[i] if classes else (), truth=answers[i],
        )
        for i, row in enumerate(table.rows)
    ]  # fmt: skip
    return units, scheme


def _strata_drawn(
    table: _Table, config: AccuracyConfig, *, scheme: Scheme, strata: Mapping[str, StratumArea]
) -> list[str]:
    """Return the stratum of every row; empty where the map class or nothing is the stratum."""
    if config.design != "stratified":
        return []
    if strata:
        if "stratum" not in table.titles:
            table.fail("accuracy.no_stratum", table.rows, cells=(), known=strata)
            return []
        return table.column(
            "stratum", lambda cell: cell if cell in strata else None, code="accuracy.stratum",
            known=strata,
        )  # fmt: skip
    if "stratum" not in table.titles:
        return []

    def of_classes(cell: str) -> str | None:
        parts = [scheme.read(part) for part in cell.split(THEN)]
        return None if None in parts else then(part for part in parts if part)

    return table.column(
        "stratum", of_classes, code="accuracy.stratum_no_class", known=scheme.classes
    )


def _places(table: _Table) -> list[tuple[float, float]]:
    """Return the coordinates of every row, if the file has any."""
    titles = next((pair for pair in PLACES if set(pair) <= table.titles), None)
    if titles is None:
        return []
    found, bad = [], []
    for row in table.rows:
        try:
            place = (float(row[titles[0]]), float(row[titles[1]]))
        except ValueError:
            place = (math.nan, math.nan)
        found.append(place)
        if not all(map(math.isfinite, place)):
            bad.append(row)
    if bad:
        cells = (f"{row[titles[0]]}, {row[titles[1]]}" for row in bad)
        table.fail("accuracy.coordinates", bad, cells=cells, known=titles)
    return found


def _load_strata(
    config: AccuracyConfig, *, base: Path, problems: Problems, limits: Limits | None
) -> dict[str, StratumArea] | None:
    """Read the table of strata: ``stratum, area_ha[, units][, map_class]``."""
    if config.strata is None:
        return {}
    rows = read_rows(base / config.strata, required=("stratum", "area_ha"), shown=config.strata,
                     problems=problems, limits=limits)  # fmt: skip
    if rows is None:
        return None
    table = _Table(rows, shown=config.strata, problems=problems)
    found: dict[str, StratumArea] = {}
    bad, twice = [], []
    for row in rows:
        try:
            area = float(row["area_ha"])
            units = float(row.cells.get("units") or "nan")
        except ValueError:
            area = units = math.nan
        if not (0 < area < math.inf) or units <= 0 or not row["stratum"]:
            bad.append(row)
        if row["stratum"] in found:
            twice.append(row)
        found[row["stratum"]] = StratumArea(area, units, row.cells.get("map_class", ""))
    if bad:
        table.fail("accuracy.stratum_area", bad, cells=(row["area_ha"] for row in bad), known=())
    if twice:
        table.fail("accuracy.stratum_twice", twice, cells=(r["stratum"] for r in twice), known=())
    return None if table.failed else found
