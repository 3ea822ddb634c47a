"""How finely map and reference are compared: the classes of an error matrix, and how to read them.

Interpreters of images can tell forest from the rest, often the groups of a legend, seldom every
one of its strata. A scheme joins the strata of a legend to the classes that they can tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from sinks.legend import Legend
from sinks.texts import LANGUAGES, text

Level = Literal["stratum", "group", "forest"]
#: Finest first.
LEVELS: Final[tuple[Level, ...]] = ("stratum", "group", "forest")
FOREST: Final = "forest"
NOT_FOREST: Final = "not_forest"
#: Stands between the class before and the class after in the name of a class of change.
THEN: Final = ">"


@dataclass(frozen=True)
class Scheme:
    """The classes of an error matrix.

    Attributes
    ----------
    level : {"stratum", "group", "forest"}
    of_stratum : mapping of stratum to class
        In the legend's order.
    words : mapping of word to class
        Everything that a cell of a sample may say: codes, strata, names of classes and groups.
    """

    level: Level
    of_stratum: Mapping[str, str]
    words: Mapping[str, str]

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes, in the legend's order."""
        return tuple(dict.fromkeys(self.of_stratum.values()))

    def read(self, cell: str) -> str | None:
        """Return the class that a cell names, None if it names none.

        Examples
        --------
        >>> from sinks.legend import packaged_legend
        >>> scheme(packaged_legend("clcd"), "forest").read("Non-forest")
        'not_forest'
        """
        return self.words.get(_plain(cell))

    def strata_in(self, name: str) -> tuple[str, ...]:
        """Return the strata of a class."""
        return tuple(stratum for stratum, own in self.of_stratum.items() if own == name)


def _plain(cell: str) -> str:
    return cell.strip().casefold().replace("-", "_").replace(" ", "_")


def scheme(legend: Legend, level: Level) -> Scheme:
    """Return the classes of a legend at a level."""
    of = {stratum: _class_of(legend, stratum, level=level) for stratum in legend.strata}
    words: dict[str, str] = {}
    for row in legend.classes:
        for word in (str(row.code), row.name_en, row.name_zh, row.stratum):
            if word:
                words[_plain(word)] = of[row.stratum]
    if level == "group":
        words |= {group: group for group in of.values()}
    elif level == "forest":
        words |= _two_words()
    return Scheme(level, of, words)


def _class_of(legend: Legend, stratum: str, *, level: Level) -> str:
    if level == "stratum":
        return stratum
    group = legend.group_of(stratum)
    if level == "group":
        return group
    return FOREST if group == FOREST else NOT_FOREST


def _two_words() -> dict[str, str]:
    """Return what people write for forest and for the rest."""
    words: dict[str, str] = {}
    for name in (FOREST, NOT_FOREST):
        keys = [name, *(text(f"accuracy.class.{name}", language) for language in LANGUAGES)]
        words |= {_plain(word): name for word in keys}
    return words | {"nonforest": NOT_FOREST, "non_forest": NOT_FOREST}


def scheme_for(legend: Legend, cells: Iterable[str], *, level: Level | None) -> Scheme:
    """Return the scheme that the study names, or the finest at which every cell can be read.

    Where no level can read them all, the one that reads the most: its gaps are then told.
    """
    if level is not None:
        return scheme(legend, level)
    said = [cell for cell in dict.fromkeys(cells) if cell]
    schemes = [scheme(legend, name) for name in LEVELS]
    read = [sum(item.read(cell) is not None for cell in said) for item in schemes]
    return schemes[read.index(max(read))]


def then(classes: Iterable[str]) -> str:
    """Return the name of a class of change, or of the one class.

    Examples
    --------
    >>> then(["forest", "cropland"]), then(["forest"])
    ('forest>cropland', 'forest')
    """
    return THEN.join(classes)
