"""Placeholders in a template's cells: what may be asked for, and what is wrong with the rest.

``{{WHERE.NAME[KEY]@WHEN}}``: WHERE is a code, ``ALL`` or ``study``; without it the row is one of
those that are repeated. NAME is a column of the tables, in its own unit or another. KEY is a
stratum, ``stratum/pool`` or a target. WHEN is a year or two, ``first``, ``last``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from sinks.units import CO2_PER_C, HA_PER_MU

if TYPE_CHECKING:
    from sinks.inputs import Inputs
    from sinks.results import Results

#: Full-width signs of a Chinese keyboard are meant as the plain ones.
PLAIN_SIGNS: Final = str.maketrans("\uff5b\uff5d\uff20\uff3b\uff3d\uff0e\uff03", "{}@[].#")
MARKED: Final = re.compile(r"\{\{\s*(.*?)\s*\}\}", re.DOTALL)
FORM: Final = re.compile(
    r"(?:(?P<where>[^@\[\]]+)\.)?(?P<name>[a-z][a-z0-9_]*)(?:\[(?P<key>[^\]]+)\])?(?:@(?P<when>.+))?"
)
WHOLE: Final = "ALL"
STUDY: Final = "study"
#: What a cell can tell of the study, of a region by its row, and when.
OF_STUDY: Final = ("title", "name", "first_year", "last_year", "level", "map_approval", "version")
OF_ROW: Final = ("row", "region_code", "region_name", "parent_code", "level")
OF_YEAR: Final = (
    "region_ha", "valid_ha", "nodata_ha", "forest_ha", "wetland_ha", "stock_t_c", "se_t_c",
    "low_t_c", "high_t_c",
)  # fmt: skip
OF_PERIOD: Final = (
    "change_t_c", "se_t_c", "low_t_c", "high_t_c", "gain_t_c", "loss_t_c", "area_effect_t_c",
    "density_effect_t_c", "detectable",
)  # fmt: skip
OF_STRATUM: Final = ("area_ha", "stock_t_c")
OF_TARGET: Final = (
    "required", "achieved", "se", "low", "high", "share_achieved", "probability", "verdict",
)  # fmt: skip
#: Other units of a column by the ending of its name: ending, the column's own, and the factor.
UNITS: Final = (
    ("_wan_t_co2", "_t_c", CO2_PER_C / 1e4), ("_wan_t_c", "_t_c", 1e-4),
    ("_mt_co2", "_t_c", CO2_PER_C / 1e6), ("_mt_c", "_t_c", 1e-6),
    ("_t_co2", "_t_c", CO2_PER_C), ("_wan_mu", "_ha", 1 / HA_PER_MU / 1e4),
    ("_wan_ha", "_ha", 1e-4), ("_mu", "_ha", 1 / HA_PER_MU), ("_km2", "_ha", 1e-2),
)  # fmt: skip


@dataclass(frozen=True)
class Known:
    """What a study has: years, codes, levels, strata, pools and targets."""

    years: Sequence[int]
    codes: frozenset[str]
    levels: Sequence[str]
    strata: frozenset[str]
    pools: frozenset[str]
    targets: frozenset[str]

    @classmethod
    def of_inputs(cls, inputs: Inputs, pools: Sequence[str]) -> Known:
        """Return what a study that is checked will have."""
        regions, study = inputs.regions, inputs.study
        frame = regions.frame
        codes = {str(code) for code in frame["region_code"]}
        for parent in study.regions.parents:
            codes |= {str(name) for name in frame[parent]}
        return cls(
            study.years, frozenset(codes | {WHOLE}), ("region", *study.regions.parents),
            frozenset(inputs.legend.strata), frozenset(pools),
            frozenset(target.name for target in study.targets),
        )  # fmt: skip

    @classmethod
    def of_results(cls, results: Results) -> Known:
        """Return what a finished run has."""
        study = results.meta["study"]
        return cls(
            results.years, frozenset(map(str, results.tables["regions"]["region_code"])),
            ("region", *map(str, study.get("parents") or ())),
            frozenset(map(str, results.strata["stratum"])),
            frozenset(map(str, results.meta.get("pools", ()))),
            frozenset(str(target["name"]) for target in study.get("targets") or ()),
        )  # fmt: skip


@dataclass(frozen=True)
class Term:
    """One placeholder, understood: the table's column, its factor, and which row it is of."""

    where: str
    name: str
    key: str
    when: tuple[int, ...]
    factor: float = 1.0


@dataclass(frozen=True)
class Fault:
    """What is wrong with a placeholder: the kind of problem, and what would be known."""

    kind: str
    found: str
    known: Sequence[str]


def marks(words: Any) -> list[tuple[str, str]]:
    """Return the placeholders of a cell, as written and their content."""
    if not isinstance(words, str):
        return []
    plain = words.translate(PLAIN_SIGNS)
    return [(words[m.start() : m.end()], m.group(1)) for m in MARKED.finditer(plain)]


def term_of(content: str, known: Known) -> Term | Fault:
    """Understand a placeholder.

    Examples
    --------
    >>> known = Known((2010, 2015), frozenset({"ALL"}), ("region",), frozenset({"pine"}),
    ...               frozenset({"agb"}), frozenset())
    >>> term_of("ALL.forest_mu@2015", known)
    Term(where='ALL', name='forest_ha', key='', when=(2015,), factor=15.0)
    >>> term_of("forrest_ha", known).kind
    'name'
    """
    form = FORM.fullmatch(content)
    if form is None:
        return Fault("name", content, names())
    where, name, key, when = (form[part] or "" for part in ("where", "name", "key", "when"))
    if where == STUDY:
        return Term(where, name, "", ()) if name in OF_STUDY else Fault("name", name, OF_STUDY)
    if where and where not in known.codes:
        return Fault("region", where, sorted(known.codes))
    if key:
        return _of_key(where, name, key=key, when=when, known=known)
    if name in OF_ROW:
        return Term(where, name, "", ())
    base, factor = _base(name, (*OF_YEAR, *OF_PERIOD))
    if not base:
        return Fault("name", name, names())
    period = base not in OF_YEAR or "-" in _dashed(when)
    if period and base not in OF_PERIOD:
        return Fault("year", when, [str(year) for year in known.years])
    years = _period(when, known) if period else _year(when, known)
    if years is None:
        pairs = [f"{a}-{b}" for a, b in _pairs(known)]
        return Fault("year", when, pairs if period else [str(year) for year in known.years])
    return Term(where, base, "", years, factor)


def names() -> list[str]:
    """Return the names that may be asked for of a region, in the tables' own units."""
    return list(dict.fromkeys((*OF_ROW, *OF_YEAR, *OF_PERIOD)))


def _of_key(where: str, name: str, *, key: str, when: str, known: Known) -> Term | Fault:
    if key in known.targets:
        ok = name in OF_TARGET
        return Term(where, name, key, ()) if ok else Fault("name", name, OF_TARGET)
    base, factor = _base(name, OF_STRATUM)
    stratum, _, pool = key.partition("/")
    if stratum not in known.strata or (pool and pool not in known.pools):
        return Fault("key", key, sorted({*known.strata, *known.targets, *known.pools}))
    if not base or (pool and base == "area_ha"):
        return Fault("name", name, OF_STRATUM)
    years = _year(when, known)
    if years is None:
        return Fault("year", when, [str(year) for year in known.years])
    return Term(where, base, key, years, factor)


def _base(name: str, columns: Sequence[str]) -> tuple[str, float]:
    """Return the table's column of a name and the factor to its unit; empty if there is none."""
    if name in columns:
        return name, 1.0
    for ending, own, factor in UNITS:
        base = name.removesuffix(ending) + own
        if name.endswith(ending) and base in columns:
            return base, factor
    return "", 1.0


def _dashed(when: str) -> str:
    return when.replace("\u2013", "-").replace("\u2014", "-")


def _words(known: Known) -> Mapping[str, int]:
    ends = {"first": known.years[0], "last": known.years[-1]}
    return {str(year): year for year in known.years} | ends


def _year(when: str, known: Known) -> tuple[int, ...] | None:
    year = _words(known).get(when.strip() or "last")
    return None if year is None else (year,)


def _pairs(known: Known) -> list[tuple[int, int]]:
    """Return the pairs of years that `change.csv` compares."""
    years = list(known.years)
    return list(dict.fromkeys([*pairwise(years), (years[0], years[-1])]))


def _period(when: str, known: Known) -> tuple[int, ...] | None:
    start, _, end = (_dashed(when) or "first-last").partition("-")
    pair = (_words(known).get(start.strip(), 0), _words(known).get(end.strip(), 0))
    return pair if pair in _pairs(known) else None
