"""Classes of change between two years, and rules for changes that land can hardly make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sinks.checks import Problems, nearest
from sinks.legend import GROUPS, Legend
from sinks.limits import Limits
from sinks.parameters import load_table, tables
from sinks.rows import read_rows

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.uint8]

#: The packaged rules.
RULES: Final = "change_rules"
COLUMNS: Final = ("rule", "before", "middle", "after", "within_years")
ANY: Final = "*"
#: Classes that are told apart by more than the groups of two years.
REFORESTATION: Final = "reforestation"
NOT_COUNTED: Final = "not_counted"
STABLE: Final = ("stable_forest", "stable_wetland", "stable_other")


@dataclass(frozen=True)
class ChangeClass:
    """One class of change, as on the maps."""

    code: int
    name: str
    from_group: str
    to_group: str
    label: Mapping[str, str]
    colour: str


@dataclass(frozen=True)
class Rule:
    """A sequence of strata that land can hardly go through in so short a time.

    Attributes
    ----------
    name : str
    before, middle, after : tuple of str
        Strata, and groups behind an ``@``; an empty middle is a direct change.
    within_years : float
        From the last year before to the first year after [yr].
    """

    name: str
    before: tuple[str, ...]
    middle: tuple[str, ...]
    after: tuple[str, ...]
    within_years: float


def change_classes() -> tuple[ChangeClass, ...]:
    """Return the classes of change, in the order in which the first that fits is taken."""
    return tuple(
        ChangeClass(
            int(row["code"]), row["change_class"], row["from_group"], row["to_group"],
            {"en": row["name_en"], "zh": row["name_zh"]}, row["colour"],
        )
        for row in load_table("change_classes").to_dict("records")
    )  # fmt: skip


def class_table(strata: Sequence[str], legend: Legend) -> npt.NDArray[np.uint8]:
    """Return the code of the class of change of every pair of strata.

    Returns
    -------
    ndarray, dims (from, to)
        New forest counts as afforestation; see `again` for land that was forest before.

    Examples
    --------
    >>> from sinks.legend import packaged_legend
    >>> codes = class_table(["forest", "cropland"], packaged_legend("clcd"))
    >>> names = {item.code: item.name for item in change_classes()}
    >>> [names[code] for code in codes.ravel().tolist()]
    ['stable_forest', 'deforestation', 'afforestation', 'stable_other']
    """
    group = [legend.group_of(name) for name in strata]
    kinds = [item for item in change_classes() if item.name not in (REFORESTATION, NOT_COUNTED)]
    out = np.zeros((len(strata), len(strata)), np.uint8)
    for i, before in enumerate(group):
        for j, after in enumerate(group):
            out[i, j] = next(
                item.code for item in kinds if _fits(item, (before, after), same=i == j)
            )
    return out


def _fits(item: ChangeClass, groups: tuple[str, str], *, same: bool) -> bool:
    if item.name in ("other_change", "stable_other") and same != (item.name in STABLE):
        return False
    return item.from_group in (ANY, groups[0]) and item.to_group in (ANY, groups[1])


def again(codes: Codes, was_forest: npt.NDArray[np.bool_]) -> Codes:
    """Return classes of change with new forest on land that had been forest told apart."""
    code = {item.name: item.code for item in change_classes()}
    back = (codes == code["afforestation"]) & was_forest
    return np.where(back, np.uint8(code[REFORESTATION]), codes)


def load_rules(
    name_or_path: str, legend: Legend, *, base: Path, problems: Problems,
    limits: Limits | None = None,
) -> tuple[Rule, ...]:  # fmt: skip
    """Return the packaged rules, or read and check a user's.

    Parameters
    ----------
    name_or_path : str
        ``change_rules``, or a CSV with the columns rule, before, middle, after, within_years.
    legend : Legend
        A packaged rule may speak of strata that it has not; a user's may not.
    base : Path
    problems : Problems
    limits : Limits, optional

    Returns
    -------
    tuple of Rule
    """
    if name_or_path == RULES:
        rows = [(str(i), row) for i, row in enumerate(load_table(RULES).to_dict("records"))]
        return tuple(_rule({str(k): str(v) for k, v in row.items()}) for _, row in rows)
    if not name_or_path.lower().endswith(".csv"):
        problems.error(
            "change.no_rules", place="change.rules", found=name_or_path[:80],
            nearest=nearest(name_or_path, [RULES, *tables()]) or RULES,
        )  # fmt: skip
        return ()
    read = read_rows(
        base / name_or_path, required=COLUMNS, shown=name_or_path, problems=problems, limits=limits
    )
    known = {*legend.strata, *(f"@{group}" for group in GROUPS)}
    rules = []
    for row in read or ():
        words = [word for side in COLUMNS[1:4] for word in _words(row[side])]
        unknown = [word for word in words if word not in known]
        years = _positive(row["within_years"])
        if unknown or years is None or not row["before"] or not row["after"] or not row["rule"]:
            problems.error(
                "change.bad_rule", file=name_or_path, place=str(row.line),
                found=", ".join(unknown or [row["within_years"]])[:120], rule=row["rule"][:80],
                known=", ".join(sorted(known)),
            )  # fmt: skip
            continue
        rules.append(_rule(row.cells))
    return tuple(rules)


def _words(cell: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in cell.split("|") if word.strip())


def _positive(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if 0 < value < 1000 else None


def _rule(cells: Mapping[str, str]) -> Rule:
    before, middle, after = (_words(cells[name]) for name in COLUMNS[1:4])
    return Rule(cells["rule"], before, middle, after, float(cells["within_years"]))


def implausible(
    stratum: npt.NDArray[Any], rules: Sequence[Rule], *, years: Sequence[int],
    strata: Sequence[str], legend: Legend,
) -> npt.NDArray[np.int16]:  # fmt: skip
    """Tell which steps of paths the rules doubt.

    Parameters
    ----------
    stratum : ndarray, dims (row, year)
        Stratum of each path in each year, by position in `strata`.
    rules : sequence of Rule
        In the order in which the first that fits is taken.
    years : sequence of int
        Ascending.
    strata : sequence of str
    legend : Legend

    Returns
    -------
    ndarray, dims (row, year)
        Number of the rule that doubts the change into that year, from 1; 0 for none. A sequence
        there and back doubts both of its changes.
    """
    out = np.zeros(stratum.shape, np.int16)
    for number, rule in enumerate(rules, start=1):
        sides = [
            _members(side, strata, legend=legend) for side in (rule.before, rule.middle, rule.after)
        ]
        if rule.middle:
            _there_and_back(stratum, out, sides=sides, rule=rule, number=number, years=years)
            continue
        before, _, after = sides
        for k in range(1, len(years)):
            if years[k] - years[k - 1] <= rule.within_years:
                last, now = stratum[:, k - 1], stratum[:, k]
                hit = before[last] & after[now] & (last != now)
                out[hit & (out[:, k] == 0), k] = number
    return out


def _members(
    words: Sequence[str], strata: Sequence[str], *, legend: Legend
) -> npt.NDArray[np.bool_]:
    return np.array([name in words or f"@{legend.group_of(name)}" in words for name in strata])


def _there_and_back(
    stratum: npt.NDArray[Any], out: npt.NDArray[np.int16], *,
    sides: Sequence[npt.NDArray[np.bool_]], rule: Rule, number: int, years: Sequence[int],
) -> None:  # fmt: skip
    """Mark both changes of before → middle → after, however many years the middle was seen."""
    before, middle, after = sides
    entered = np.zeros(len(stratum), np.int64)  # year in which the middle began; 0 for none
    when = np.asarray(years, np.float64)
    for k in range(1, len(years)):
        last, now = stratum[:, k - 1], stratum[:, k]
        inside = (entered > 0) & middle[now]
        back = (entered > 0) & ~inside & after[now]
        back &= when[k] - when[np.maximum(entered - 1, 0)] <= rule.within_years
        rows = np.flatnonzero(back)
        for step in (np.full(len(rows), k), entered[rows]):
            free = out[rows, step] == 0
            out[rows[free], step[free]] = number
        starts = (last != now) & before[last] & middle[now] & ~inside
        entered = np.where(starts, k, np.where(inside, entered, 0))
