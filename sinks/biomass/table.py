"""Density tables: DESIGN's own schema, InVEST's biophysical table, and the packaged sets."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

from sinks.biomass.doubts import warn_doubts
from sinks.checks import Problems, first_few, nearest
from sinks.draws import Distribution, usual_distribution
from sinks.limits import Limits
from sinks.parameters import lookup, tables
from sinks.rows import Row, parse_rows, read_rows
from sinks.sections import POOLS, YEAR
from sinks.texts import text
from sinks.units import DENSITY_UNITS, density_to_t_c_ha

FOLDER: Final = "density/"
REQUIRED: Final = ("stratum", "pool", "value", "unit")
#: Columns of an InVEST carbon table and the pools they hold [t C/ha].
INVEST: Final = {"c_above": "agb", "c_below": "bgb", "c_soil": "soil", "c_dead": "dead_organic"}
#: Carbon per hectare that no land on Earth holds; above it the unit is wrong [t C/ha].
LARGEST: Final = 5_000.0
#: A standard error of more times its value says nothing; the columns hold something else.
WIDEST: Final = 100.0
#: Interval of a range that does not say which it is.
USUAL_INTERVAL: Final = 0.95


@dataclass(frozen=True)
class DensityRow:
    """One density of a table, in t C/ha; year 0 and region "" mean all.

    `usual_fraction` tells that its dry matter was turned into carbon by the cited default.
    """

    stratum: str
    pool: str
    value: float
    se: float = math.nan
    low: float = math.nan
    high: float = math.nan
    interval: float = USUAL_INTERVAL
    distribution: Distribution | None = None
    year: int = 0
    region: str = ""
    source: str = ""
    confidence: str = ""
    note: str = ""
    from_plots: bool = False
    from_raster: bool = False
    usual_fraction: bool = False
    depth: str = ""

    @property
    def name(self) -> str:
        """The parameter's name, ``density/stratum/pool[/year][/region]``."""
        parts = ["density", self.stratum, self.pool]
        parts += [str(self.year)] if self.year else []
        return "/".join(parts + ([self.region] if self.region else []))

    def kind(self, se: float) -> Distribution:
        """Return the distribution that holds for a standard error [t C/ha]."""
        if se == 0 or self.distribution == "fixed":
            return "fixed"
        if self.value <= 0:
            return "normal"
        return self.distribution or usual_distribution(self.value, se)


def packaged_densities() -> tuple[str, ...]:
    """Return the names of the packaged density sets."""
    return tuple(name.removeprefix(FOLDER) for name in tables() if name.startswith(FOLDER))


def load_density_table(
    name_or_path: str,
    *,
    base: Path,
    stratum_of: Mapping[int, str],
    problems: Problems,
    limits: Limits | None = None,
) -> list[DensityRow] | None:
    """Read a density table.

    Parameters
    ----------
    name_or_path : str
        A CSV, or the name of a packaged set.
    base : Path
        The study's folder.
    stratum_of : mapping of int to str
        The legend: InVEST tables speak of its codes.
    problems : Problems
    limits : Limits, optional

    Returns
    -------
    list of DensityRow or None
        In t C/ha; None if it was refused.
    """
    shown = name_or_path
    packaged = not name_or_path.lower().endswith(".csv")
    if packaged:
        if name_or_path not in packaged_densities():
            near = nearest(name_or_path, packaged_densities())
            problems.error("density.unknown_set", file=shown, nearest=near)
            return None
        entry = files("sinks").joinpath("tables", "density", f"{name_or_path}.csv")
        rows = parse_rows(entry.read_bytes(), REQUIRED, shown=shown, problems=problems)
    else:
        path = base / name_or_path
        rows = read_rows(path, required=(), shown=shown, problems=problems, limits=limits)
    if rows is None:
        return None
    if "lucode" in {title.lower() for title in rows[0].cells}:
        # InVEST takes its column names in any case of letters.
        rows = [
            Row(row.line, {key.lower(): cell for key, cell in row.cells.items()}) for row in rows
        ]
        return _Reader(shown, problems).invest(rows, stratum_of)
    missing = [title for title in REQUIRED if title not in rows[0].cells]
    if missing:
        problems.error(
            "density.columns",
            file=shown,
            missing=", ".join(missing),
            required=", ".join(REQUIRED),
            found=first_few(rows[0].cells, problems.language, count=12),
        )
        return None
    out = _Reader(shown, problems).own(rows)
    if out is not None and not packaged:
        strata = set(stratum_of.values())
        warn_doubts(rows, out, strata=strata, shown=shown, problems=problems)
    return out


def default_fraction(pool: str, *, file: str, problems: Problems) -> float | None:
    """Return the cited carbon fraction of a pool and say so; None where there is none."""
    if pool in ("soil", "dead_organic"):
        return None
    default = lookup("carbon_fractions", pool=pool)
    problems.warn(
        "density.default_fraction", file=file, place=pool, value=default.value,
        source=default.source,
    )  # fmt: skip
    return default.value


class _Reader:
    """Reads the rows of one table and gathers what is wrong with them, kind by kind."""

    def __init__(self, shown: str, problems: Problems) -> None:
        self.shown, self.problems = shown, problems
        self.bad: dict[str, list[str]] = {}

    def _note(self, code: str, row: Row, *, detail: str) -> None:
        line = text("table.lines", self.problems.language, lines=row.line)
        self.bad.setdefault(code, []).append(f"{line}: {detail[:60]}")

    def _done(self, out: list[DensityRow]) -> list[DensityRow] | None:
        self._check_repeated(out)
        for code, items in self.bad.items():
            self.problems.error(
                code,
                file=self.shown,
                count=len(items),
                items=first_few(items, self.problems.language),
                pools=", ".join(POOLS),
                units=", ".join(DENSITY_UNITS),
                limit=f"{LARGEST:g}",
            )
        return None if self.bad else out

    def _check_repeated(self, out: Iterable[DensityRow]) -> None:
        seen: set[str] = set()
        for row in out:
            if row.name in seen:
                self.bad.setdefault("density.repeated", []).append(row.name)
            seen.add(row.name)

    def _number(self, row: Row, title: str, *, needed: bool = False) -> float:
        cell = row.cells.get(title, "")
        if not cell and not needed:
            return math.nan
        try:
            value = float(cell)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or "_" in cell or not cell.isascii():
            self._note("density.not_a_number", row, detail=f"{title} = {cell or '∅'}")
            return math.nan
        if value < 0:
            self._note("density.negative", row, detail=f"{title} = {cell}")
        return value

    def own(self, rows: Sequence[Row]) -> list[DensityRow] | None:
        """Read DESIGN's schema."""
        out = [item for row in rows if (item := self._own_row(row)) is not None]
        return self._done(out)

    def _own_row(self, row: Row) -> DensityRow | None:
        pool, unit = row["pool"], row["unit"]
        if pool not in POOLS:
            self._note("density.pool", row, detail=pool or "∅")
            return None
        if unit not in DENSITY_UNITS:
            self._note("density.unit", row, detail=unit or "∅")
            return None
        if not row["stratum"]:
            self._note("density.stratum", row, detail="∅")
        fraction = self._fraction(row, pool, unit=unit)
        numbers = {
            title: self._number(row, title, needed=title == "value")
            for title in ("value", "se", "low", "high")
        }
        if fraction is None or math.isnan(numbers["value"]):
            return None
        converted = {
            title: density_to_t_c_ha(number, unit, carbon_fraction=fraction)
            for title, number in numbers.items()
        }
        self._check_range(row, converted)
        return DensityRow(
            row["stratum"],
            pool,
            value=converted["value"],
            se=converted["se"],
            low=converted["low"],
            high=converted["high"],
            interval=self._interval(row),
            distribution=self._distribution(row, converted["value"]),
            year=self._year(row),
            region=row.cells.get("region", ""),
            source=row.cells.get("source", ""),
            confidence=row.cells.get("confidence", ""),
            note=row.cells.get("note", ""),
            depth=row.cells.get("depth", ""),
            usual_fraction=unit == "t d.m./ha" and not row.cells.get("carbon_fraction"),
        )

    def _fraction(self, row: Row, pool: str, *, unit: str) -> float | None:
        """Return the carbon fraction that holds, 1 where none is needed."""
        if unit != "t d.m./ha":
            return 1.0
        if row.cells.get("carbon_fraction"):
            value = self._number(row, "carbon_fraction")
            if not 0 < value <= 1:
                self._note("density.fraction", row, detail=row["carbon_fraction"])
                return None
            return value
        default = default_fraction(pool, file=self.shown, problems=self.problems)
        if default is None:
            self._note("density.fraction", row, detail="∅")
        return default

    def _check_range(self, row: Row, numbers: Mapping[str, float]) -> None:
        value, low, high = numbers["value"], numbers["low"], numbers["high"]
        if math.isnan(low) != math.isnan(high) or low > value or value > high or low > high:
            self._note("density.range", row, detail=f"{low:g} ≤ {value:g} ≤ {high:g}")
        if value > LARGEST:
            self._note("density.too_large", row, detail=f"{value:g} t C/ha")
        if numbers["se"] > WIDEST * value > 0:
            self._note("density.spread", row, detail=f"{value:g} ± {numbers['se']:g}")

    def _interval(self, row: Row) -> float:
        cell = row.cells.get("interval", "")
        value = self._number(row, "interval") if cell else USUAL_INTERVAL
        if not 0.5 <= value < 1:
            self._note("density.interval", row, detail=cell)
            return USUAL_INTERVAL
        return value

    def _distribution(self, row: Row, value: float) -> Distribution | None:
        cell = row.cells.get("distribution", "")
        kinds: dict[str, Distribution | None] = {
            "": None,
            "normal": "normal",
            "lognormal": "lognormal",
            "fixed": "fixed",
        }
        if cell not in kinds:
            self._note("density.distribution", row, detail=cell)
        if cell == "lognormal" and value <= 0:
            self._note("density.lognormal", row, detail=f"{value:g}")
        return kinds.get(cell)

    def _year(self, row: Row) -> int:
        cell = row.cells.get("year", "")
        if cell and not YEAR.fullmatch(cell):
            self._note("density.year", row, detail=cell)
            return 0
        return int(cell) if cell else 0

    def invest(self, rows: Sequence[Row], stratum_of: Mapping[int, str]) -> list[DensityRow] | None:
        """Read InVEST's table: one row per class code, t C/ha."""
        missing = [title for title in INVEST if title not in rows[0].cells]
        if missing:
            self.problems.error(
                "density.columns",
                file=self.shown,
                missing=", ".join(missing),
                required=", ".join(("lucode", *INVEST)),
                found=first_few(rows[0].cells, self.problems.language, count=12),
            )
            return None
        out: dict[tuple[str, str], DensityRow] = {}
        strange: list[str] = []
        for row in rows:
            code = self._number(row, "lucode", needed=True)
            stratum = stratum_of.get(int(code)) if code.is_integer() else None
            if stratum is None:
                strange.append(row["lucode"])
                continue
            for title, pool in INVEST.items():
                value = self._number(row, title, needed=True)
                item = DensityRow(stratum, pool, value, source=self.shown)
                other = out.setdefault((stratum, pool), item)
                if abs(other.value - value) > 0:  # never so for one that is no number
                    detail = f"{stratum}/{pool}: {other.value:g} ≠ {value:g}"
                    self._note("density.codes_disagree", row, detail=detail)
        if strange:
            codes = first_few(strange, self.problems.language)
            self.problems.warn("density.strange_codes", file=self.shown, codes=codes)
        return self._done(list(out.values()))
