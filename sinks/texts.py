"""Every sentence a user reads, in Chinese and English, from one strings table.

The table is `tables/strings/*.csv` with the columns ``key,en,zh``; a file holds the keys of one
part of the program. Keys are unique over all files and every cell is filled (tested).
"""

from __future__ import annotations

import csv
import io
from functools import cache
from importlib.resources import files
from typing import Literal

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")


@cache
def strings() -> dict[str, dict[Language, str]]:
    """Return the whole table, ``{key: {"zh": …, "en": …}}``.

    Raises
    ------
    ValueError
        If a key stands twice or lacks a language.
    """
    table: dict[str, dict[Language, str]] = {}
    folder = files("sinks").joinpath("tables", "strings")
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        if not entry.name.endswith(".csv"):
            continue
        content = entry.read_bytes().decode("utf-8-sig")
        for row in csv.DictReader(io.StringIO(content, newline="")):
            key = row["key"]
            if key in table or not row["en"] or not row["zh"]:
                raise ValueError(f"{entry.name}: {key!r} is repeated or lacks a language")
            table[key] = {"en": row["en"], "zh": row["zh"]}
    return table


def has_text(key: str) -> bool:
    """Tell whether the strings table holds `key`."""
    return key in strings()


def text(key: str, language: Language = "zh", /, **values: object) -> str:
    """Return the string of `key` in `language`, its ``{placeholders}`` filled from `values`.

    Raises
    ------
    KeyError
        If the key or a placeholder's value is missing: a bug of ours, found by the tests.

    Examples
    --------
    >>> text("unit.t_c", "en")
    't C'
    """
    return strings()[key][language].format(**values)
