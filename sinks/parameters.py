"""Cited tables: every number the package brings, with its unit, source and confidence.

The tables are `tables/**.csv`; `tables/columns.csv` says what each column means, its type and its
unit. A number that is not there is an error that names the table, the key and the nearest keys.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

import numpy as np
import pandas as pd

from sinks.checks import Problem, Problems, Severity, first_few, nearest
from sinks.errors import InputProblems
from sinks.texts import Language

CONFIDENCES: Final = ("verified", "secondary", "memory")


@dataclass(frozen=True)
class Parameter:
    """One number of a packaged table.

    Attributes
    ----------
    name : str
        Table and key, ``spreads/soil``.
    value, se, low, high, interval : float
        NaN where the table gives none; `low` and `high` bound the central `interval`.
    unit, distribution, source, confidence : str
        Empty where the table gives none.
    """

    name: str
    value: float
    se: float
    low: float
    high: float
    interval: float
    unit: str
    distribution: str
    source: str
    confidence: str


def _walk(folder: Traversable, prefix: str = "") -> dict[str, Traversable]:
    found: dict[str, Traversable] = {}
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        if entry.is_dir() and entry.name != "strings":
            found |= _walk(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(".csv"):
            found[prefix + entry.name.removesuffix(".csv")] = entry
    return found


@cache
def _files() -> dict[str, Traversable]:
    return _walk(files("sinks").joinpath("tables"))


def tables() -> tuple[str, ...]:
    """Return the names of the packaged tables, ``folder/name`` for those in folders."""
    return tuple(_files())


def _read(name: str) -> pd.DataFrame:
    content = io.BytesIO(_files()[name].read_bytes())
    return pd.read_csv(content, encoding="utf-8", dtype=str, keep_default_na=False)


@cache
def _columns() -> tuple[dict[str, str], ...]:
    return tuple(
        {str(key): str(value) for key, value in row.items()}
        for row in _read("columns").to_dict("records")
    )


def describe(table: str, name: str) -> Mapping[str, str]:
    """Return what `columns.csv` says of one column: type, unit and description.

    Raises
    ------
    InputProblems
        If the column is not described.
    """
    described = [row for row in _columns() if row["column"] == name]
    for row in described:
        if row["table"] != "*" and fnmatchcase(table, row["table"]):
            return row
    for row in described:
        if row["table"] == "*":
            return row
    known = [row["column"] for row in _columns() if fnmatchcase(table, row["table"])]
    raise _missing(table, name, known=known)


def _missing(
    table: str,
    key: str,
    *,
    known: Iterable[object],
    code: str = "parameter.missing",
    language: Language = "zh",
) -> InputProblems:
    values = {"table": table, "key": key, "nearest": nearest(key, dict.fromkeys(known))}
    return InputProblems([Problem(code, Severity.ERROR, f"{table}.csv", key, values, language)])


def load_table(name: str, *, language: Language = "zh") -> pd.DataFrame:
    """Return a packaged table; codes and other text stay text, empty cells of numbers are NaN.

    Parameters
    ----------
    name : str
        As `tables` lists it, e.g. ``density/hubei_2010``.
    language : {"zh", "en"}
        Language of the error.

    Raises
    ------
    InputProblems
        If there is no such table; the nearest names are in the message.

    Examples
    --------
    >>> load_table("spreads").set_index("pool").loc["soil", "relative_se"]
    np.float64(0.7175)
    """
    if name not in _files():
        raise _missing(name, name, known=tables(), code="parameter.no_table", language=language)
    return _typed(name).copy(deep=False)  # copied where it is written to


@cache
def _typed(name: str) -> pd.DataFrame:
    table = _read(name)
    for title in map(str, table.columns):
        kind = _type(name, title)
        if kind != "text":
            numbers = pd.to_numeric(table[title].where(table[title] != "", np.nan))
            table[title] = numbers.astype("Int64") if kind == "integer" else numbers.astype(float)
    return table


def _type(table: str, title: str) -> str:
    try:
        return describe(table, title)["type"]
    except InputProblems:
        # A table still being written has columns that columns.csv does not know: they are text.
        return "text"


def references() -> pd.DataFrame:
    """Return the references, one row per key: citation, doi, where, licence, confidence, note."""
    return load_table("references").set_index("key")


def lookup(
    table: str, *, column: str = "value", language: Language = "zh", **key: object
) -> Parameter:
    """Return the one row of `table` that `key` names.

    Parameters
    ----------
    table : str
        Packaged table.
    column : str
        The column that holds the number.
    language : {"zh", "en"}
        Language of the error.
    **key
        Column = value; together they must name one row.

    Raises
    ------
    InputProblems
        If no row has the key, naming table, key and nearest keys.
    LookupError
        If several rows have it: the key is too short, a bug of ours.

    Examples
    --------
    >>> lookup("density/hubei_2010", stratum="forest", pool="agb").value
    16.7
    """
    rows = load_table(table, language=language)
    for title, wanted in key.items():
        kept = rows[rows[title].astype(str) == str(wanted)]
        if kept.empty:
            place = f"{title} = {wanted}"
            raise _missing(table, place, known=_keys(rows, title), language=language)
        rows = kept
    if len(rows) > 1:
        raise LookupError(f"{table}: {key} names {len(rows)} rows")
    name = "/".join([table.rpartition("/")[2], *map(str, key.values())])
    row = {str(title): cell for title, cell in rows.iloc[0].items()}
    return _parameter(row, name=name, value=column, unit=describe(table, column)["unit"])


def _keys(rows: pd.DataFrame, title: str) -> list[str]:
    return [f"{title} = {value}" for value in rows[title]]


def _parameter(row: Mapping[str, object], *, name: str, value: str, unit: str) -> Parameter:
    return Parameter(
        name=name,
        value=_number(row[value]),
        se=_number(row.get("se")),
        low=_number(row.get("low")),
        high=_number(row.get("high")),
        interval=_number(row.get("interval")),
        unit=str(row[unit]) if unit in row else unit,
        distribution=str(row.get("distribution", "")),
        source=str(row.get("source", "")),
        confidence=str(row.get("confidence", "")),
    )


def _number(cell: object) -> float:
    return float(str(cell)) if cell is not None and str(cell) not in {"", "<NA>"} else np.nan


def warn_unchecked(
    names: Iterable[str], *, table: str, problems: Problems, allowed: bool = True
) -> None:
    """Warn of parameters in use whose digits were never seen in their source (``memory``).

    Where the study does not allow them they are an error.
    """
    unchecked = sorted(set(names))
    if unchecked:
        shown = first_few(unchecked, problems.language)
        tell = problems.warn if allowed else problems.error
        code = "parameter.memory" if allowed else "parameter.memory_refused"
        tell(code, file=table, count=len(unchecked), names=shown)


def listed(name: str | None = None) -> str:
    """Return the names of the cited tables, or one of them as CSV."""
    return "\n".join([*tables(), ""]) if name is None else load_table(name).to_csv(index=False)
