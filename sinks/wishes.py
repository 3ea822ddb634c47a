"""What a reference sample is to tell, as the options of ``sinks sample`` say it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, cast

from sinks.errors import UnusableOption
from sinks.landcover.sample import ALLOCATIONS, Allocation
from sinks.landcover.scheme import LEVELS, Level

Strata = Literal["map", "change", "none"]
#: Units of a sample; more were never interpreted by anybody.
MOST_UNITS: Final = 1_000_000
STRATA: Final[tuple[Strata, ...]] = ("map", "change", "none")


@dataclass(frozen=True)
class Wishes:
    """What a sample is to tell.

    Attributes
    ----------
    strata : {"map", "change", "none"}
        Classes of one map; classes of change between the first and the last; all land as one.
    level : {"stratum", "group", "forest"}
    year : int, optional
        Of the map; the last by default.
    size : int, optional
        Units in all; by `se` or `area` if absent.
    se : float, optional
        Wanted standard error of the overall accuracy.
    area, within : str, float, optional
        A class, and the half width of the interval of its area that is wanted, relative.
    expect : mapping of class to user's accuracy
    allocation : {"balanced", "proportional", "equal", "neyman"}
    least : int, optional
    seed : int, optional
        The study's by default.
    """

    strata: Strata = "map"
    level: Level = "group"
    year: int | None = None
    size: int | None = None
    se: float | None = None
    area: str | None = None
    within: float = 0.2
    expect: Mapping[str, float] = field(default_factory=dict)
    allocation: Allocation = "balanced"
    least: int | None = None
    seed: int | None = None


def wishes_of(
    *, strata: str = "map", size: str | None = None, allocation: str = "balanced",
    expect: str = "", seed: int | None = None,
) -> Wishes:  # fmt: skip
    """Read the options of the command line.

    Parameters
    ----------
    strata : str
        ``map``, ``change`` or ``none``, with a level and a year behind colons.
    size : str, optional
        A number of units; ``se=0.01``, the wanted standard error of the overall accuracy; or
        ``forest=0.1``, the wanted half width of the interval of a class's area, relative to it.
    allocation : str
        Its name; for ``balanced`` with the least number of units behind a colon.
    expect : str
        ``class=accuracy`` with commas between.
    seed : int, optional

    Raises
    ------
    UnusableOption
        If one of them cannot be read; the message repeats it.

    Examples
    --------
    >>> found = wishes_of(strata="map:forest:2010", size="forest=0.1", expect="forest=0.9")
    >>> found.level, found.year, found.area, found.within, dict(found.expect)
    ('forest', 2010, 'forest', 0.1, {'forest': 0.9})
    """
    kind, *more = strata.split(":")
    level = more[0] if more else "group"
    year = more[1] if len(more) > 1 else ""
    name, _, least = allocation.partition(":")
    ok = kind in STRATA and level in LEVELS and len(more) < 3 and (not year or year.isdecimal())
    if not ok:
        raise UnusableOption(f"--strata {strata}: {'|'.join(STRATA)}[:{'|'.join(LEVELS)}[:YEAR]]")
    if name not in ALLOCATIONS or (least and (name != "balanced" or not _is_count(least))):
        raise UnusableOption(f"--allocation {allocation}: {'|'.join(ALLOCATIONS)}")
    units, se, area, within = _size(size)
    return Wishes(
        cast(Strata, kind), cast(Level, level), int(year) if year else None, units, se, area,
        within, expectations(expect), name, int(least) if least else None, seed,
    )  # fmt: skip


def _is_count(written: str) -> bool:
    """Tell whether text is a number of units that somebody could mean."""
    return written.isdecimal() and int(written[: len(str(MOST_UNITS)) + 1]) <= MOST_UNITS


def _size(written: str | None) -> tuple[int | None, float | None, str | None, float]:
    """Return units, standard error, class and half width: one of the first three, or none."""
    if written is None:
        return None, None, None, 0.0
    name, mark, value = (part.strip() for part in written.rpartition("="))
    if not mark and _is_count(value) and int(value) > 1:
        return int(value), None, None, 0.0
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not name or not 0 < number < (0.5 if name == "se" else 10):
        raise UnusableOption(f"--size {written}: N | se=0.01 | CLASS=0.1")
    return (None, number, None, 0.0) if name == "se" else (None, None, name, number)


def expectations(written: str) -> dict[str, float]:
    """Read expected user's accuracies as the command line gives them.

    Raises
    ------
    UnusableOption
        If they are not ``class=number,class=number`` with numbers from 0 to 1.

    Examples
    --------
    >>> expectations("forest=0.9, cropland = 0.8")
    {'forest': 0.9, 'cropland': 0.8}
    """
    found = {}
    for item in filter(None, (part.strip() for part in written.split(","))):
        name, _, value = (part.strip() for part in item.partition("="))
        try:
            number = float(value)
        except ValueError:
            number = -1.0
        if not 0 <= number <= 1:
            raise UnusableOption(f"--expect: {item}")
        found[name] = number
    return found
