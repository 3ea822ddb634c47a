"""Official figures: areas and carbon that somebody else published, read from a table."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, get_args

import numpy as np
import numpy.typing as npt

from sinks.boundaries.codes import ALL
from sinks.checks import Problems, first_few, nearest
from sinks.draws import probabilities, quantiles, usual_distribution
from sinks.legend import Legend
from sinks.regions import Regions
from sinks.rows import Row, read_rows
from sinks.sections import POOLS, Group
from sinks.study import Study
from sinks.texts import text
from sinks.units import FIGURE_UNITS

Floats = npt.NDArray[np.float64]

REQUIRED: Final = ("region_code", "year", "quantity", "value", "unit", "source")
NUMBERS: Final = ("value", "se", "area_ha", "density_t_c_ha")
GROUPS: Final = get_args(Group)
TOTAL: Final = "total"
DEFINITION: Final = "definition"
OFFICIAL: Final = "official"
#: What figures are held in, by quantity.
UNITS: Final = {"area": "ha", "carbon": "t C"}
#: More than the Earth's land, or than its living things and soils hold: the unit is wrong.
LARGEST: Final = {"area": 1.5e10, "carbon": 1e13}
#: A standard error of more times its value says nothing; the columns hold something else.
WIDEST: Final = 100.0
#: Area times density may miss the total by this part of it, which is rounding.
ROUNDING: Final = 0.1


@dataclass(frozen=True)
class Figure:
    """One total that somebody published, or that plots give.

    Attributes
    ----------
    section : str
        Name of the `[[reconcile]]` that it belongs to.
    level, region_code : str
    year : int
    quantity : {"area", "carbon"}
    strata, pools : tuple of str, optional
        What it counts; None counts all.
    value, se : float [ha or t C]
        NaN where no error is stated.
    area, density : float [ha], [t C/ha]
        What a figure of carbon stands on, as published; NaN where not stated.
    definition, definition_se, definition_area : float
        Part of the figure that the map cannot show, and the land that it stands on.
    source, remark : str
    basis : {"official", "plots"}
    draws, area_draws : ndarray, dims (draw), optional
        Of a figure that varies together with the map, and of its land.
    """

    section: str
    level: str
    region_code: str
    year: int
    quantity: str
    strata: tuple[str, ...] | None
    pools: tuple[str, ...] | None
    value: float
    se: float = math.nan
    area: float = math.nan
    density: float = math.nan
    definition: float = 0.0
    definition_se: float = 0.0
    definition_area: float = 0.0
    source: str = ""
    remark: str = ""
    basis: str = OFFICIAL
    draws: Floats | None = None
    area_draws: Floats | None = None

    @property
    def key(self) -> tuple[str, str, int, str, tuple[str, ...], tuple[str, ...]]:
        """What the figure is about."""
        return (
            self.level, self.region_code, self.year, self.quantity, self.strata or (),
            self.pools or (),
        )  # fmt: skip

    @property
    def words(self) -> str:
        """The key as a message shows it."""
        parts = [self.region_code, str(self.year), self.quantity, "+".join(self.strata or ())]
        return "/".join(part for part in parts if part)

    @property
    def comparable(self) -> float:
        """The figure without what the map cannot show [ha or t C]."""
        return self.value - self.definition

    @property
    def comparable_se(self) -> float:
        """Standard error of the comparable figure, 0 where none is stated [ha or t C]."""
        return math.hypot(0.0 if math.isnan(self.se) else self.se, self.definition_se)

    def drawn(self, *, seed: int, count: int) -> Floats:
        """Return draws of the figure, one stream of its own name, dims (draw)."""
        return self._drawn("value", (self.value, self.se), seed=seed, count=count)

    def drawn_comparable(self, *, seed: int, count: int) -> Floats:
        """Return draws of the comparable figure, dims (draw)."""
        part = self.definition, self.definition_se
        return self.drawn(seed=seed, count=count) - self._drawn(
            DEFINITION, part, seed=seed, count=count
        )

    def _drawn(self, kind: str, of: tuple[float, float], *, seed: int, count: int) -> Floats:
        if kind == "value" and self.draws is not None:
            return self.draws
        value, se = of[0], 0.0 if math.isnan(of[1]) else of[1]
        about = "/".join((*map(str, self.key[:4]), "+".join(self.key[4]), "+".join(self.key[5])))
        stream = probabilities(f"official/{self.section}/{kind}/{about}", seed=seed, count=count)
        return quantiles(stream, value=value, se=se, distribution=usual_distribution(value, se))


def load_figures(
    written: str, *, section: str, study: Study, regions: Regions, legend: Legend,
    problems: Problems,
) -> list[Figure] | None:  # fmt: skip
    """Read a table of official figures.

    Parameters
    ----------
    written : str
        The CSV, as the study names it: see docs/reconcile.md.
    section : str
    study : Study
    regions : Regions
    legend : Legend
    problems : Problems
        Gets what is wrong, kind by kind, with the lines.

    Returns
    -------
    list of Figure or None
        Totals in the order of the table, each with what is stated of its definition; None if
        anything must be corrected.
    """
    rows = read_rows(
        study.path_of(written), required=REQUIRED, shown=written, problems=problems,
        limits=study.limits,
    )  # fmt: skip
    if rows is None:
        return None
    reader = _Reader(section, study.years, regions=regions, legend=legend, problems=problems)
    found = [(row, figure) for row in rows if (figure := reader.figure(row)) is not None]
    figures = reader.joined(found)
    reader.tell(written)
    return None if reader.bad else figures


class _Reader:
    """Reads the rows of one table and gathers what is wrong with them, kind by kind."""

    def __init__(
        self, section: str, years: Sequence[int], *, regions: Regions, legend: Legend,
        problems: Problems,
    ) -> None:  # fmt: skip
        self.section, self.years, self.legend, self.problems = section, years, legend, problems
        self.levels: dict[str, list[str]] = {}
        for code, level in regions.levels[["region_code", "level"]].to_numpy():
            self.levels.setdefault(str(code), []).append(str(level))
        self.bad: dict[str, list[str]] = {}
        self.known: dict[str, str] = {}

    def _note(self, code: str, row: Row, *, detail: str, known: str = "") -> None:
        line = text("table.lines", self.problems.language, lines=row.line)
        self.bad.setdefault(code, []).append(f"{line}: {detail[:60] or '∅'}")
        self.known.setdefault(code, known)

    def tell(self, written: str) -> None:
        """Report what was found."""
        for code, items in self.bad.items():
            shown = first_few(items, self.problems.language)
            self.problems.error(
                code, file=written, count=len(items), items=shown, known=self.known[code]
            )

    def figure(self, row: Row) -> Figure | None:
        """Return what one row says, None if it cannot be read."""
        before = self.faults
        level, year, quantity = self._level(row), self._year(row), row["quantity"]
        numbers = self._numbers(row)
        self._check_words(row, numbers)
        strata, pools = self._strata(row), self._pools(row, quantity)
        if self.faults > before:
            return None
        factor = FIGURE_UNITS[quantity][row["unit"]]
        found = Figure(
            self.section, level, row["region_code"], year, quantity, strata, pools,
            numbers["value"] * factor, numbers["se"] * factor, numbers["area_ha"],
            numbers["density_t_c_ha"], source=row["source"], remark=row.cells.get("remark", ""),
        )  # fmt: skip
        if abs(found.value) > LARGEST[quantity] or found.area > LARGEST["area"]:
            self._note("official.too_large", row, detail=f"{row['value']} {row['unit']}")
        elif found.se > WIDEST * abs(found.value) > 0:
            self._note("official.too_large", row, detail=f"{row['value']} ± {row['se']}")
        return self._founded(found, row) if self.faults == before else None

    @property
    def faults(self) -> int:
        """How many cells were refused up to now."""
        return sum(map(len, self.bad.values()))

    def _check_words(self, row: Row, numbers: Mapping[str, float]) -> None:
        """Note words that the table does not know, and numbers that an area has no room for."""
        quantity = row["quantity"]
        if quantity not in FIGURE_UNITS:
            self._note("official.quantity", row, detail=quantity, known=", ".join(FIGURE_UNITS))
        units = FIGURE_UNITS.get(quantity, {})
        if units and row["unit"] not in units:
            self._note("official.unit", row, detail=row["unit"], known=", ".join(units))
        if not row["source"]:
            self._note("official.source", row, detail="")
        if row.cells.get("part", "") not in ("", TOTAL, DEFINITION):
            known = f"{TOTAL}, {DEFINITION}"
            self._note("official.part", row, detail=row["part"], known=known)
        for title in ("area_ha", "density_t_c_ha") if quantity == "area" else ():
            if not math.isnan(numbers[title]):
                self._note("official.beside", row, detail=title)

    def _founded(self, found: Figure, row: Row) -> Figure:
        """Complete area and density of a figure of carbon; refuse a product that is another."""
        product = found.area * found.density
        if abs(product - found.value) > ROUNDING * abs(found.value):
            detail = f"{found.area:g} × {found.density:g} ≠ {found.value:g}"
            self._note("official.product", row, detail=detail)
        if math.isnan(found.area) and found.density > 0:
            return replace(found, area=found.value / found.density)
        if math.isnan(found.density) and found.area > 0:
            return replace(found, density=found.value / found.area)
        return found

    def _level(self, row: Row) -> str:
        code, asked = row["region_code"], row.cells.get("level", "")
        levels = self.levels.get(code, [])
        if not levels:
            self._note("official.region", row, detail=code, known=nearest(code, self.levels))
            return ""
        fitting = [level for level in levels if asked in ("", level)]
        if code == ALL and not asked:
            return levels[-1]
        if len(fitting) != 1:
            self._note("official.level", row, detail=f"{code} {asked}", known=", ".join(levels))
        return fitting[0] if fitting else ""

    def _year(self, row: Row) -> int:
        known = {str(year): year for year in self.years}
        if row["year"] not in known:
            self._note("official.year", row, detail=row["year"], known=", ".join(known))
        return known.get(row["year"], 0)

    def _numbers(self, row: Row) -> dict[str, float]:
        out = {}
        for title in NUMBERS:
            cell = row.cells.get(title, "")
            try:
                value = float(cell) if cell.isascii() and "_" not in cell else math.nan
            except ValueError:
                value = math.nan
            if (cell or title == "value") and not math.isfinite(value):
                self._note("official.number", row, detail=f"{title} = {cell}")
                value = math.nan
            signed = title == "value" and row.cells.get("part") == DEFINITION
            if value < 0 and not signed:
                self._note("official.negative", row, detail=f"{title} = {cell}")
            out[title] = value
        return out

    def _strata(self, row: Row) -> tuple[str, ...] | None:
        groups, strata = (_names(row.cells.get(key, "")) for key in ("groups", "strata"))
        known = {"groups": GROUPS, "strata": tuple(self.legend.strata)}
        for key, names in (("groups", groups), ("strata", strata)):
            for name in names:
                if name not in known[key]:
                    near = nearest(name, known[key])
                    self._note("official.strata", row, detail=f"{key}: {name}", known=near)
        if not groups and not strata:
            return None
        own = [name for name in groups if name in GROUPS]
        wanted = {*strata, *(self.legend.strata_in(own) if own else ())}
        chosen = tuple(name for name in self.legend.strata if name in wanted)
        if not chosen and set(groups) <= set(GROUPS) and set(strata) <= set(known["strata"]):
            self._note("official.no_class", row, detail=" ".join(groups), known=self.legend.name)
        return chosen

    def _pools(self, row: Row, quantity: str) -> tuple[str, ...] | None:
        names = _names(row.cells.get("pools", ""))
        for name in names:
            if name not in POOLS:
                self._note("official.pools", row, detail=name, known=", ".join(POOLS))
        if names and quantity == "area":
            self._note("official.beside", row, detail="pools")
        return tuple(pool for pool in POOLS if pool in names) if names else None

    def joined(self, found: Sequence[tuple[Row, Figure]]) -> list[Figure]:
        """Return the totals, each with what the rows on its definition add up to."""
        totals: dict[object, Figure] = {}
        parts: dict[object, list[Figure]] = {}
        rows: dict[object, Row] = {}
        for row, figure in found:
            if row.cells.get("part") == DEFINITION:
                parts.setdefault(figure.key, []).append(figure)
                rows.setdefault(figure.key, row)
            elif figure.key in totals:
                self._note("official.repeated", row, detail=figure.words)
            else:
                totals[figure.key] = figure
                rows[figure.key] = row
        for key in parts:
            if key not in totals:
                self._note("official.orphan", rows[key], detail=parts[key][0].words)
        out = [_with_parts(figure, parts.get(key, ())) for key, figure in totals.items()]
        for figure in out:
            own = figure.quantity == "area" or math.isnan(figure.area)
            if figure.comparable < 0 or not (own or figure.area > figure.definition_area):
                self._note("official.definition", rows[figure.key], detail=figure.words)
        return out


def _with_parts(figure: Figure, parts: Sequence[Figure]) -> Figure:
    """Return a total with the parts of it that the map cannot show."""
    if not parts:
        return figure
    errors = [0.0 if math.isnan(part.se) else part.se for part in parts]
    lands = [0.0 if math.isnan(part.area) else part.area for part in parts]
    remarks = dict.fromkeys(filter(None, (figure.remark, *(part.remark for part in parts))))
    sources = dict.fromkeys((figure.source, *(part.source for part in parts)))
    return replace(
        figure, definition=sum(part.value for part in parts), definition_se=math.hypot(*errors),
        definition_area=sum(lands), remark="; ".join(remarks), source="; ".join(sources),
    )  # fmt: skip


def _names(cell: str) -> list[str]:
    """Return the names in a cell, parted by `;` or `+`."""
    return [name.strip() for name in re.split(r"[;+]", cell) if name.strip()]
