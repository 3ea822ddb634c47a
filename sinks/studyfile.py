"""A study file as it is stored: read once and within bounds, its language known, parsed as TOML."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, Final

from sinks.checks import Problems
from sinks.texts import LANGUAGES, Language, text
from sinks.validation import tuples

#: A study file is a page; anything far larger is another file by mistake [bytes].
LARGEST: Final = 1 << 20


def language_of(content: str) -> Language:
    """Return the language that a study file names, be the rest of it TOML or not."""
    found = re.search(r"""^[ \t]*language[ \t]*=[ \t]*["'](zh|en)["']""", content, re.MULTILINE)
    return next((name for name in LANGUAGES if found and name == found[1]), "zh")


def spoken(path: Path) -> Language:
    """Return the language of a study file before it is checked; Chinese if it cannot be read."""
    content = read_bytes(path, Problems()) or b""
    return language_of(content.decode("utf-8-sig", errors="replace"))


def read_bytes(path: Path, problems: Problems) -> bytes | None:
    """Return what a study file holds, a little more than `LARGEST` at most."""
    if path.exists() and not path.is_file():  # a pipe or a device would never end
        problems.error("study.not_a_file", file=path.name, found=path.name)
        return None
    try:
        with path.open("rb") as stream:
            return stream.read(LARGEST + 1)
    except OSError as error:
        problems.error("study.unreadable", file=path.name, reason=error.strerror or str(error))
        return None


def parsed(raw: bytes, problems: Problems, *, file: str) -> dict[str, Any] | None:
    """Return a study file's tables, arrays as tuples; set the language of its problems."""
    problems.language = language_of(raw.decode("utf-8-sig", errors="replace"))
    if len(raw) > LARGEST:
        problems.error("study.too_large", file=file, limit=LARGEST >> 20)
        return None
    try:
        data: dict[str, Any] = tuples(tomllib.loads(raw.decode("utf-8-sig")))
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, too
        reason = str(error)[:200]
        line = re.search(r"line ([0-9]+)", reason)
        place = text("table.lines", problems.language, lines=line[1]) if line else ""
        problems.error("study.not_toml", file=file, place=place, reason=reason)
        return None
    return data
