"""What a density table may say by mistake though every cell can be read."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Final, Protocol

from sinks.checks import Problems, first_few, nearest
from sinks.rows import Row

COLUMNS: Final = (
    "stratum", "pool", "year", "region", "value", "se", "unit", "low", "high", "interval",
    "distribution", "carbon_fraction", "depth", "source", "confidence", "note",
)  # fmt: skip
CONFIDENCE: Final = ("verified", "secondary", "memory", "")
NUMBER: Final = re.compile(r"[0-9]+(?:[.][0-9]+)?(?:[Ee][+][0-9]{1,2})?", re.ASCII)
#: Numbers that a spreadsheet shortens: their digits are lost.
MANGLED: Final = re.compile(r"[0-9](?:[.][0-9]+)?[Ee][+][0-9]+")
#: Units of which a table should use one: they differ by 44/12, and look alike.
ALIKE: Final = {"t C/ha", "t CO2/ha"}


def as_number(code: str) -> float | None:
    """Return the number that a spreadsheet sees in a code, None if it sees none.

    Examples
    --------
    >>> as_number("0420101") == as_number("420101.0") == as_number("4.20101E+05")
    True
    """
    if not NUMBER.fullmatch(code):
        return None
    return float(code)


def mangled(code: str) -> bool:
    """Tell whether a code was shortened to a number with an exponent."""
    return MANGLED.fullmatch(code) is not None


class Spread(Protocol):
    """A density with its spread; `sinks.biomass.table.DensityRow` is one."""

    @property
    def name(self) -> str:
        """The parameter's name."""

    @property
    def value(self) -> float:
        """Central value [t C/ha]."""

    @property
    def se(self) -> float:
        """Standard error [t C/ha], NaN if none is stated."""


def warn_doubts(
    rows: Sequence[Row],
    densities: Iterable[Spread],
    *,
    strata: Collection[str],
    shown: str,
    problems: Problems,
) -> None:
    """Tell what a careful reader would ask about a user's table.

    Parameters
    ----------
    rows : sequence of Row
        The table as text.
    densities : iterable of Spread
        What was read from it.
    strata : collection of str
        The legend's; empty if they are not known.
    shown : str
        The file as messages name it.
    problems : Problems
        Takes warnings on columns and strata that are not used, on units that look alike, and on
        spreads larger than the value, as of two columns exchanged.
    """
    language = problems.language
    odd = [title for title in rows[0].cells if title not in COLUMNS]
    if odd:
        names = first_few((repr(title[:40]) for title in odd), language)
        near = "; ".join(nearest(title, COLUMNS, count=1) for title in odd[:5])
        problems.warn("density.unknown_column", file=shown, names=names, nearest=near)
    strange = sorted({row["stratum"] for row in rows}.difference(strata)) if strata else []
    if strange:
        names = first_few((name[:40] for name in strange), language)
        near = nearest(strange[0], sorted(strata))
        problems.warn("density.strange_strata", file=shown, names=names, nearest=near)
    words = {row.cells.get("confidence", "") for row in rows}
    if unknown := sorted(words.difference(CONFIDENCE)):
        names = first_few((repr(word[:40]) for word in unknown), language)
        problems.warn("density.confidence", file=shown, names=names)
    if {row["unit"] for row in rows} >= ALIKE:
        carbon = sum(row["unit"] == "t C/ha" for row in rows)
        dioxide = sum(row["unit"] == "t CO2/ha" for row in rows)
        problems.warn("density.units_mixed", file=shown, carbon=carbon, dioxide=dioxide)
    wide = [row for row in densities if row.se > row.value > 0]
    if wide:
        items = (f"{row.name}: {row.value:g} ± {row.se:g}" for row in wide)
        names = first_few(items, language)
        problems.warn("density.wide", file=shown, count=len(wide), items=names)
