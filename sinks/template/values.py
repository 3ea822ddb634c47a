"""What a placeholder stands for: a number of the tables as it is, or a word in the language."""

from __future__ import annotations

import math
from typing import Any

from sinks import chain
from sinks.results import Results
from sinks.summary import finding, words_of
from sinks.template.terms import STUDY, WHOLE, Term

Value = float | int | str | None
Place = tuple[str, str]


class Values:
    """The tables of a run, by region and year."""

    def __init__(self, results: Results) -> None:
        self.results, self.words = results, words_of(results)
        self.of_year = {
            (str(row["level"]), str(row["region_code"]), int(row["year"])): row
            for row in chain.records(results.tables["regions"])
        }
        self.of_period = {
            (str(row["level"]), str(row["region_code"]), int(row["start"]), int(row["end"])): row
            for row in chain.records(results.tables["change"])
        }
        self.of_target = {
            (str(row["level"]), str(row["region_code"]), str(row["target"])): row
            for row in chain.records(results.tables["targets"])
        }
        self.order = chain.order(results)
        self.levels: dict[str, str] = {}
        for level in reversed(chain.levels(results)):
            self.levels |= dict.fromkeys(self.codes(level), level)
        self._sums: dict[Place, dict[tuple[int, str, str], list[float]]] = {}

    def codes(self, level: str) -> list[str]:
        """Return the codes of a level in their order."""
        found = {code for (own, code, _) in self.of_year if own == level}
        return sorted(found, key=lambda code: self.order[level, code])

    def value(self, term: Term, place: Place, *, row: int) -> Value:
        """Return what a placeholder stands for; None for what is not known.

        Parameters
        ----------
        term : Term
        place : (level, code)
            Of the row that is repeated; a term with a place of its own has that.
        row : int
            Its number among the repeated ones, from 1.
        """
        if term.where == STUDY:
            return self._of_study(term.name)
        if term.where:
            place = (self.levels[term.where], term.where)
        if term.name == "row":
            return row
        found = self._found(term, place)
        if isinstance(found, int | float):
            return float(found) * term.factor if math.isfinite(found) else None
        return found

    def _of_study(self, name: str) -> Value:
        study = self.results.meta["study"]
        special: dict[str, Value] = {
            "first_year": self.results.first, "last_year": self.results.last,
            "version": str(self.results.meta.get("sinks", "")),
        }  # fmt: skip
        value = special.get(name, study.get(name))
        return value if isinstance(value, int | float) else str(value or "")

    def _found(self, term: Term, place: Place) -> Value:
        if term.key:
            is_target = (*place, term.key) in self.of_target
            return self._of_target(term, place) if is_target else self._of_stratum(term, place)
        if len(term.when) == 2:
            row = self.of_period.get((*place, *term.when))
            if row is not None and term.name == "detectable":
                return self.words.term("finding", finding(row))
            return None if row is None else row[term.name]
        year = term.when[0] if term.when else self.results.last
        row = self.of_year.get((*place, year))
        if row is None:
            return None
        if term.name == "level":
            return self.words.term("level", str(row["level"]))
        value = row[term.name]
        if place[1] == WHOLE and term.name in ("region_code", "region_name"):
            return "" if term.name == "region_code" else self.words.t("report.total")
        return value if isinstance(value, float) else str(value)

    def _of_target(self, term: Term, place: Place) -> Value:
        value: Any = self.of_target[*place, term.key][term.name]
        if term.name == "verdict":
            return self.words.term("verdict", str(value)) if value else ""
        return float(value)

    def _of_stratum(self, term: Term, place: Place) -> Value:
        stratum, _, pool = term.key.partition("/")
        area, stock = self._members(place).get((term.when[0], stratum, pool), [0.0, 0.0])
        return area if term.name == "area_ha" else stock

    def _members(self, place: Place) -> dict[tuple[int, str, str], list[float]]:
        """Return hectares and stock of a unit by year, stratum and pool (empty: all pools)."""
        if place not in self._sums:
            codes = chain.members(self.results, place[1], level=place[0])
            rows = chain.of_units(self.results, "stock")
            sums: dict[tuple[int, str, str], list[float]] = {}
            seen = set()
            for row in chain.records(rows[rows["region_code"].isin(codes)]):
                key = (int(row["year"]), str(row["stratum"]))
                once = (*key, str(row["region_code"]))
                for pool in (str(row["pool"]), ""):
                    cell = sums.setdefault((*key, pool), [0.0, 0.0])
                    cell[1] += float(row["stock_t_c"])
                    if pool or once not in seen:
                        cell[0] += float(row["area_ha"])
                seen.add(once)
            self._sums[place] = sums
        return self._sums[place]
