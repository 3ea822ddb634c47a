"""Numbers and terms as people read them: rounded to their uncertainty, with unit, in two languages.

The faces (report, workbook, explain) share these, so that one number reads the same everywhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from sinks.texts import Language, has_text, text
from sinks.units import AREA_UNITS, OTHER_UNIT

MINUS = "\u2212"
DASH = "\u2013"


@dataclass(frozen=True)
class Scale:
    """A unit to print in: the number printed is the value divided by `factor`."""

    factor: float
    label: str


def places_for(spread: float, digits: int = 2) -> int:
    """Return the decimal places that keep `digits` significant digits of `spread`.

    Examples
    --------
    >>> places_for(6.7), places_for(52.0), places_for(0.0123)
    (1, 0, 3)
    """
    if not math.isfinite(spread) or spread <= 0:
        return 0
    places = digits - 1 - math.floor(math.log10(spread))
    # 9.96 becomes 10.0 when rounded: one digit more than was meant
    return places - 1 if round(spread, places) >= 10 ** (digits - places) else places


def number(value: float, places: int = 0, *, signed: bool = False) -> str:
    """Return `value` with thousands separators, rounded to `places` (negative: tens, hundreds).

    Examples
    --------
    >>> number(-1234567.0, -3)
    '−1,235,000'
    >>> number(12.345, 1, signed=True)
    '+12.3'
    """
    if not math.isfinite(value):
        return DASH
    shown = round(float(value), places)
    body = f"{abs(shown):,.{max(places, 0)}f}"
    if shown < 0:
        return MINUS + body
    return f"+{body}" if signed and shown > 0 else body


def significant(value: float, digits: int = 3, *, signed: bool = False) -> str:
    """Return `value` with so many significant digits, for numbers that carry no uncertainty.

    Examples
    --------
    >>> significant(1234567.0), significant(0.04567)
    ('1,230,000', '0.0457')
    """
    if not math.isfinite(value):
        return DASH
    return number(value, places_for(abs(value), digits) if value else 0, signed=signed)


def half_width(low: float, high: float) -> float:
    """Return half the width of an interval; NaN where there is none or it has no width."""
    width = (high - low) / 2
    return width if math.isfinite(width) and width > 0 else math.nan


def end_text(value: float, spread: float) -> str:
    """Return one end of an interval to two digits of its half width, never rounded onto zero.

    On which side of zero an end lies decides what the interval shows: it is not rounded away.

    Examples
    --------
    >>> end_text(19.6, 52.0), end_text(0.4, 52.0), end_text(-0.04, 52.0)
    ('20', '0.4', '−0.04')
    """
    places = places_for(spread)
    if round(value, places) == 0 and abs(value) > 1e-6 * spread:
        return significant(value, 1)
    return number(value, places)


@dataclass(frozen=True)
class Words:
    """The terms and units of one language.

    Parameters
    ----------
    language : {"zh", "en"}
    level : float
        Level of the run's intervals, e.g. 0.95.
    """

    language: Language
    level: float = 0.95

    def t(self, key: str, **values: object) -> str:
        """Return a string of the strings table."""
        return text(key, self.language, **values)

    def term(self, kind: str, word: str) -> str:
        """Return a word of the tables (pool, verdict, confidence, level …) in the language."""
        key = f"report.{kind}.{word}"
        return text(key, self.language) if has_text(key) else word

    def terms(self, kind: str, words: list[str]) -> str:
        """Return a list of words, joined as the language joins them."""
        return self.t("report.list.comma").join(self.term(kind, word) for word in words)

    @property
    def percent(self) -> str:
        """The level of the intervals, e.g. ``95%``."""
        return f"{self.level * 100:g}%"

    def _pick(self, family: str, steps: list[tuple[float, float, str]], *, biggest: float) -> Scale:
        for least, factor, name in steps:
            if abs(biggest) >= least:
                return Scale(factor, self.t(f"report.unit.{family}.{name}"))
        return Scale(1.0, self.t(f"report.unit.{family}.one"))

    def carbon(self, biggest: float, gas: str = "c") -> Scale:
        """Return the unit for masses up to `biggest` [t]: t, kt, Mt or, in Chinese, 万吨, 亿吨."""
        if self.language == "zh":
            return self._pick(gas, [(1e9, 1e8, "yi"), (1e4, 1e4, "wan")], biggest=biggest)
        return self._pick(gas, [(1e6, 1e6, "mega"), (1e4, 1e3, "kilo")], biggest=biggest)

    def area(self, biggest: float) -> Scale:
        """Return the unit for areas up to `biggest` [ha]."""
        if self.language == "zh":
            return self._pick("ha", [(1e4, 1e4, "wan")], biggest=biggest)
        return self._pick("ha", [(1e6, 1e6, "mega"), (1e4, 1e3, "kilo")], biggest=biggest)

    def unit(self, unit: str, biggest: float) -> Scale:
        """Return the scale for a target's unit: carbon and area are scaled, the rest is as is."""
        if unit in ("t C", "t CO2"):
            return self.carbon(biggest, "c" if unit == "t C" else "co2")
        if unit == "ha":
            return self.area(biggest)
        if unit == "m3" or unit in AREA_UNITS:
            family = "m3" if unit == "m3" else "mu"
            steps = [(1e8, 1e8, "yi")] if family == "m3" else []
            large = [*steps, (1e4, 1e4, "wan")] if self.language == "zh" else [(1e6, 1e6, "mega")]
            return self._pick(family, large, biggest=biggest)
        return Scale(1.0, self.term("unit", unit))

    def amount(
        self, value: float, scale: Scale, *, spread: float = math.nan, signed: bool = False
    ) -> str:
        """Return number and unit; two digits of `spread` decide the places, else three digits."""
        shown = value / scale.factor
        if math.isfinite(spread) and spread > 0:
            body = number(shown, places_for(spread / scale.factor), signed=signed)
        else:
            body = significant(shown, signed=signed)
        gap = "" if scale.label == "%" else " "
        return f"{body}{gap}{scale.label}"

    def exactly(self, value: float, scale: Scale) -> str:
        """Return number and unit with the digits that it was given, as for a target's figure."""
        gap = "" if scale.label == "%" else " "
        body = f"{value / scale.factor:,.10g}".replace("-", MINUS)
        return f"{body}{gap}{scale.label}"

    def both(self, value: float, unit: str) -> str:
        """Return a target's figure in both units in use: ha and mu; in Chinese 亿 and 万 m³."""
        scale = self.unit(unit, value)
        shown, smaller = self.exactly(value, scale), self.unit(unit, 1e4)
        if unit in AREA_UNITS:
            return self.t("report.unit.both", first=shown, second=self.other_area(value, unit))
        if unit != "m3" or self.language != "zh" or scale.factor <= smaller.factor:
            return shown
        return self.t("report.unit.both", first=shown, second=self.exactly(value, smaller))

    def other_area(self, value: float, unit: str) -> str:
        """Return an area in mu if its unit is hectares, and the other way round."""
        other = OTHER_UNIT[unit]
        size = float(f"{value * AREA_UNITS[unit] / AREA_UNITS[other]:.5g}")
        return self.exactly(size, self.unit(other, size))

    def interval(self, low: float, high: float, *, scale: Scale) -> str:
        """Return "95% interval low to high", or that none was computed."""
        spread = half_width(low, high)
        if not math.isfinite(spread):
            return self.t("report.interval.none")
        ends = [end_text(end / scale.factor, spread / scale.factor) for end in (low, high)]
        return self.t("report.interval", level=self.percent, low=ends[0], high=ends[1])

    def probability(self, value: float) -> str:
        """Return a probability, never 0 or 1: draws cannot show certainty."""
        if not math.isfinite(value):
            return DASH
        if value < 0.01:
            return "< 0.01"
        if value > 0.99:
            return "> 0.99"
        # a third digit where two would hide on which side of a verdict's threshold it lies
        return (
            f"{value:.3f}" if min(abs(value - 0.05), abs(value - 0.95)) < 0.01 else f"{value:.2f}"
        )

    def share(self, value: float, spread: float = math.nan) -> str:
        """Return a share as a percentage."""
        if not math.isfinite(value):
            return DASH
        places = places_for(spread * 100) if math.isfinite(spread) and spread > 0 else 1
        return f"{number(value * 100, min(places, 1))}%"
