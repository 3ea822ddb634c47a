"""Problems of the inputs: one list, three outcomes, three-part messages in two languages.

A check never raises at the first fault: it adds a `Problem` to the run's `Problems` and goes on,
so that the user sees everything at once. Readers take a `Problems` and return what they could read.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from sinks.errors import InputProblems
from sinks.texts import LANGUAGES, Language, text

#: Characters that steer a terminal, turn text round or cannot be written; no name needs them.
STEERING: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
#: A value of an input is shown up to this length in a message [characters].
LONGEST_SHOWN: Final = 800


class Severity(StrEnum):
    """What becomes of a problem: refused, repaired in the open, or only told."""

    ERROR = "ERROR"
    REPAIR = "REPAIR"
    WARN = "WARN"


@dataclass(frozen=True)
class Problem:
    """One problem of one input.

    Parameters
    ----------
    code : str
        Key of the strings ``problem.<code>.expected``, ``.found`` and ``.remedy``.
    severity : Severity
    file : str
        The input as the study names it.
    place : str
        Row and column, key path or map position; empty if the whole file is meant.
    values : mapping
        What fills the placeholders of the three strings.
    language : {"zh", "en"}
        The language of `text` when none is asked for.
    """

    code: str
    severity: Severity
    file: str = ""
    place: str = ""
    values: Mapping[str, object] = field(default_factory=dict)
    language: Language = "zh"

    def part(self, part: str, language: Language | None = None) -> str:
        """Return one of the three parts: ``expected``, ``found`` or ``remedy``."""
        values = {
            key: told(value) if isinstance(value, str) else value
            for key, value in self.values.items()
        }
        return text(f"problem.{self.code}.{part}", language or self.language, **values)

    def text(self, language: Language | None = None) -> str:
        """Return the whole message in one language."""
        language = language or self.language
        where = " · ".join(told(part) for part in (self.file, self.place) if part)
        return text(
            "problem.sentence",
            language,
            severity=text(f"severity.{self.severity.value.lower()}", language),
            code=self.code,
            where=where or "-",
            expected=self.part("expected", language),
            found=self.part("found", language),
            remedy=self.part("remedy", language),
        )

    def as_dict(self) -> dict[str, object]:
        """Return the record of `problems.json`: main language flat, both under ``text``."""
        return {
            "code": self.code,
            "severity": self.severity.value,
            "file": plain(self.file),
            "place": plain(self.place),
            "expected": self.part("expected"),
            "found": self.part("found"),
            "remedy": self.part("remedy"),
            "text": {language: self.text(language) for language in LANGUAGES},
        }


class Problems:
    """The growing list of problems of one study.

    Parameters
    ----------
    language : {"zh", "en"}
        The study's language, once it is known.
    """

    def __init__(self, language: Language = "zh") -> None:
        self.language: Language = language
        self._items: list[tuple[str, Severity, str, str, dict[str, object]]] = []
        self._known: set[str] = set()

    def __iter__(self) -> Iterator[Problem]:
        for code, severity, file, place, values in self._items:
            yield Problem(code, severity, file, place, values, self.language)

    def __len__(self) -> int:
        return len(self._items)

    def _add(
        self, severity: Severity, code: str, *, file: str, place: str, values: dict[str, object]
    ) -> None:
        item = (code, severity, str(file), str(place), values)
        if repr(item) not in self._known:
            self._known.add(repr(item))
            self._items.append(item)

    def add(self, problem: Problem) -> None:
        """Add a problem that another list has gathered."""
        self._add(
            problem.severity, problem.code, file=problem.file, place=problem.place,
            values=dict(problem.values),
        )  # fmt: skip

    def error(
        self, code: str, /, *, file: object = "", place: object = "", **values: object
    ) -> None:
        """Add a problem that refuses the run."""
        self._add(Severity.ERROR, code, file=str(file), place=str(place), values=values)

    def repair(
        self, code: str, /, *, file: object = "", place: object = "", **values: object
    ) -> None:
        """Add a repair: done, counted, in the manifest; refused under ``--strict``."""
        self._add(Severity.REPAIR, code, file=str(file), place=str(place), values=values)

    def warn(
        self, code: str, /, *, file: object = "", place: object = "", **values: object
    ) -> None:
        """Add a warning: the run goes on and says so."""
        self._add(Severity.WARN, code, file=str(file), place=str(place), values=values)

    def of(self, *severities: Severity) -> list[Problem]:
        """Return the problems of the given severities, in the order they were found."""
        return [problem for problem in self if problem.severity in severities]

    def raise_errors(self, *, strict: bool = False) -> None:
        """Raise if the run must be refused.

        Raises
        ------
        InputProblems
            If there is an error, or under `strict` a repair; it carries the whole list.
        """
        refused = {Severity.ERROR, Severity.REPAIR} if strict else {Severity.ERROR}
        if any(problem.severity in refused for problem in self):
            raise InputProblems(list(self))


def plain(words: str) -> str:
    r"""Return words from an input with characters that steer a terminal written as their codes.

    Examples
    --------
    >>> plain("a\x1b[31m")
    'a\\u001b[31m'
    """
    return STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", words)


def told(value: str) -> str:
    """Return a value of an input as a message shows it: cut, and blanks within quotation marks.

    Examples
    --------
    >>> told("forest"), told("  ")
    ('forest', '"  "')
    """
    words = plain(value)
    if words and not words.strip():
        return f'"{words[:LONGEST_SHOWN]}"'
    return words if len(words) <= LONGEST_SHOWN else f"{words[:LONGEST_SHOWN]} …"


def nearest(word: str, known: Iterable[object], *, count: int = 3) -> str:
    """Return the known names nearest to `word`, comma-separated (all of a few if none is near).

    Examples
    --------
    >>> nearest("forrest", ["forest", "wetland"])
    'forest'
    """
    names = [str(name) for name in known]
    close = difflib.get_close_matches(str(word), names, n=count, cutoff=0.5)
    return ", ".join(close or names[: max(count, 8)])


def first_few(items: Iterable[object], language: Language, *, count: int = 5) -> str:
    """Return the first `count` items and how many more there are.

    Examples
    --------
    >>> first_few([1, 2, 3], "en", count=2)
    '1, 2 … and 1 more'
    """
    shown = [str(item) for item in items]
    head = ", ".join(shown[:count])
    if len(shown) <= count:
        return head
    return text("list.more", language, head=head, more=len(shown) - count)
