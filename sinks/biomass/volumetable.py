"""A table of growing stock per hectare that a study states: `[volume] table`."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

from sinks.biomass.expansion import LARGEST_VOLUME
from sinks.biomass.volume import VolumeRow
from sinks.checks import Problems, first_few, nearest
from sinks.legend import Legend
from sinks.limits import Limits
from sinks.regions import Regions
from sinks.rows import Row, read_rows
from sinks.sections import YEAR
from sinks.study import Study
from sinks.texts import text
from sinks.units import HA_PER_MU

REQUIRED: Final = ("stratum", "value", "unit")
COLUMNS: Final = (*REQUIRED, "se", "year", "region", "source", "confidence", "note")
#: What a cell is divided by to be m³/ha.
VOLUME_UNITS: Final[Mapping[str, float]] = {"m3/ha": 1.0, "m3/mu": HA_PER_MU}


def study_volumes(
    study: Study, legend: Legend | None, *, regions: Regions | None, refused: Collection[str],
    problems: Problems,
) -> Sequence[VolumeRow]:  # fmt: skip
    """Read the table of growing stock per hectare of a study, if it has one and its path is right.

    Parameters
    ----------
    study : Study
    legend : Legend, optional
    regions : Regions, optional
    refused : collection of str
        Keys of the study that are wrong.
    problems : Problems
    """
    written = study.volume.table if study.volume else None
    if written is None or legend is None or regions is None or "volume.table" in refused:
        return ()
    rows = load_volume_table(
        written, base=study.base, strata=legend.strata, regions=regions.codes, problems=problems,
        limits=study.limits,
    )  # fmt: skip
    return rows or ()


def load_volume_table(
    written: str, *, base: Path, strata: Sequence[str], regions: Collection[str],
    problems: Problems, limits: Limits | None = None,
) -> list[VolumeRow] | None:  # fmt: skip
    """Read growing stock per hectare by stratum, and by year and region where the table has them.

    Parameters
    ----------
    written : str
        The file as the study names it.
    base : Path
        The study's folder.
    strata, regions : sequence
        Of the legend and of the boundaries: names of others are told.
    problems : Problems
    limits : Limits, optional

    Returns
    -------
    list of VolumeRow or None
        In m³/ha; None if the table was refused, and then all that is wrong is told at once.
    """
    rows = read_rows(base / written, required=REQUIRED, shown=written, problems=problems,
                     limits=limits)  # fmt: skip
    if rows is None:
        return None
    language, bad = problems.language, _Bad(problems)
    found = [item for row in rows if (item := _row(row, written, bad=bad)) is not None]
    names = [row.name for row in found]
    bad.items |= {
        code: items
        for code, items in {
            "repeated": sorted({name for name in names if names.count(name) > 1}),
            "region": sorted({row.region for row in found} - {""} - set(regions)),
        }.items()
        if items
    }
    for code, items in bad.items.items():
        problems.error(
            f"volume.{code}", file=written, count=len(items), items=first_few(items, language),
            units=", ".join(VOLUME_UNITS), limit=f"{LARGEST_VOLUME:g}",
            nearest=nearest(items[0], regions),
        )  # fmt: skip
    odd = [title for title in rows[0].cells if title not in COLUMNS]
    if odd:
        near = nearest(odd[0], COLUMNS, count=1)
        problems.warn(
            "volume.column", file=written, names=first_few(map(repr, odd), language), nearest=near
        )
    strange = sorted({row.stratum for row in found}.difference(strata))
    if strange:
        problems.warn(
            "volume.strata", file=written, names=first_few(strange, language),
            nearest=nearest(strange[0], strata),
        )  # fmt: skip
    return None if bad.items else found


class _Bad:
    """What is wrong with the rows, kind by kind."""

    def __init__(self, problems: Problems) -> None:
        self.language = problems.language
        self.items: dict[str, list[str]] = {}

    def note(self, code: str, row: Row, *, detail: str) -> None:
        line = text("table.lines", self.language, lines=row.line)
        self.items.setdefault(code, []).append(f"{line}: {detail[:60]}")


def _row(row: Row, written: str, *, bad: _Bad) -> VolumeRow | None:
    """Return a row in m³/ha, None if it has no value that can be understood."""
    unit, year = row["unit"], row.cells.get("year", "")
    if unit not in VOLUME_UNITS:
        bad.note("unit", row, detail=unit or "∅")
    if not row["stratum"]:
        bad.note("stratum", row, detail="∅")
    if year and not YEAR.fullmatch(year):
        bad.note("year", row, detail=year)
        year = ""
    per_ha = 1 / VOLUME_UNITS.get(unit, 1.0)
    value = _number(row, "value", bad=bad) * per_ha
    se = _number(row, "se", bad=bad) * per_ha if row.cells.get("se") else math.nan
    if math.isnan(value):
        return None
    if value > LARGEST_VOLUME:
        bad.note("too_large", row, detail=f"{value:g} m³/ha")
    return VolumeRow(
        row["stratum"], value, se, int(year or 0), row.cells.get("region", ""),
        source=row.cells.get("source") or written, confidence=row.cells.get("confidence", ""),
        file=written,
    )  # fmt: skip


def _number(row: Row, title: str, *, bad: _Bad) -> float:
    cell = row[title]
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or "_" in cell or not cell.isascii():
        bad.note("not_a_number", row, detail=f"{title} = {cell or '∅'}")
        return math.nan
    if value < 0:
        bad.note("negative", row, detail=f"{title} = {cell}")
    return value
