"""US Forest Inventory and Analysis (FIA): its tables as plots with a post-stratified design.

References
----------
Burrill, E. A. et al. The Forest Inventory and Analysis database: database description and user
guide for Phase 2. USDA Forest Service. Tables PLOT, COND, TREE, POP_STRATUM, POP_ESTN_UNIT,
POP_PLOT_STRATUM_ASSGN, POP_EVAL and POP_EVAL_TYP.
Bechtold, W. A. & Patterson, P. L., eds. (2005). USDA Forest Service GTR SRS-80, chapter 4.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd

from sinks.biomass.population import WHOLE, Method, Population
from sinks.checks import Problems, first_few
from sinks.limits import ordinary
from sinks.units import HA_PER_ACRE, M3_PER_CUBIC_FOOT, POUND_T, SHORT_TON_T

#: Names of each table's file after the state's two letters: FIADB's own, and FIESTA's.
NAMES: Final[dict[str, tuple[str, ...]]] = {
    "plot": ("plot", "plt"),
    "cond": ("cond",),
    "tree": ("tree",),
    "assignment": ("pop_plot_stratum_assgn", "pltassgn"),
    "stratum": ("pop_stratum", "stratalut", "strlut"),
    "unit": ("pop_estn_unit", "unitarea"),
    "evaluation": ("pop_eval",),
    "type": ("pop_eval_typ",),
}
#: Columns without which a table is of no use.
REQUIRED: Final[dict[str, tuple[str, ...]]] = {
    "cond": ("PLT_CN", "CONDID", "COND_STATUS_CD", "CONDPROP_UNADJ"),
    "tree": ("PLT_CN", "CONDID", "STATUSCD", "DIA", "TPA_UNADJ"),
    "assignment": ("PLT_CN", "ESTN_UNIT", "STRATUMCD"),
    "stratum": ("ESTN_UNIT", "STRATUMCD", "WEIGHT"),
    "unit": ("ESTN_UNIT", "ACRES"),
}
#: Other names of a column, in the order of preference.
ALIASES: Final[dict[str, tuple[str, ...]]] = {
    "PLT_CN": ("CN",),
    "WEIGHT": ("P1POINTCNT", "STRWT"),
    "ACRES": ("AREA_USED", "AREAUSED", "ACRES_GIS", "AREATOT_EU"),
}
FOREST, NOT_SAMPLED, LIVE = 1, 5, 1
#: Below this diameter trees stand on the microplot [inches].
MICROPLOT_BELOW: Final = 5.0
#: Tree columns that are summed, with the factor to metric units and the name of the sum.
TREE_SUMS: Final[dict[str, tuple[str, float]]] = {
    "volume": ("VOLCFNET", M3_PER_CUBIC_FOOT),
    "biomass_agb": ("DRYBIO_AG", POUND_T),
    "carbon_agb": ("CARBON_AG", POUND_T),
    "carbon_bgb": ("CARBON_BG", POUND_T),
}
#: Condition columns that are summed over forest land [short tons per acre].
COND_SUMS: Final[dict[str, tuple[str, ...]]] = {
    "carbon_dead_wood": ("CARBON_DOWN_DEAD", "CARBON_STANDING_DEAD"),
    "carbon_litter": ("CARBON_LITTER",),
    "carbon_soil": ("CARBON_SOIL_ORG",),
}
#: What was visited and is no forest, as a share of the plot: no attribute of its own.
OTHER_AREA: Final = "other_area"
TREE_COLUMNS: Final = {*REQUIRED["tree"], *(title for title, _ in TREE_SUMS.values())}


@dataclass(frozen=True)
class Fia:
    """The tables of one state, columns by FIADB's names; ids are text."""

    tables: Mapping[str, pd.DataFrame]

    def evaluations(self) -> list[str]:
        """Return the evaluations of current volume, in order; "" where the tables know none."""
        assigned = self.tables["assignment"]
        if "EVALID" not in assigned:
            return [""]
        known = sorted(assigned["EVALID"].unique())
        if "type" not in self.tables or "evaluation" not in self.tables:
            return known
        kinds = self.tables["type"]
        wanted = set(kinds[kinds["EVAL_TYP"] == "EXPVOL"]["EVAL_CN"])
        rows = self.tables["evaluation"]
        return sorted(set(rows[rows["CN"].isin(wanted)]["EVALID"]) & set(known))

    def rows(self, name: str, evaluation: str) -> pd.DataFrame:
        """Return a table's rows of one evaluation."""
        table = self.tables[name]
        return table[table["EVALID"] == evaluation] if "EVALID" in table else table


def read_fia(folder: Path, *, problems: Problems, extra: Iterable[Path] = ()) -> Fia | None:
    """Read the tables of a folder; missing tables and columns are all told at once.

    Parameters
    ----------
    folder : Path
        CSV files as FIADB names them (``PLOT.csv``, ``RI_TREE.csv``, ``POP_STRATUM.csv``), or as
        FIESTA's data sets are named (``WYplt.csv``, ``WYpltassgn.csv``).
    problems : Problems
    extra : iterable of Path, optional
        Tables of strata or estimation units that stand elsewhere, known by their columns:
        ESTN_UNIT with STRATUMCD and P1POINTCNT, or with AREA_USED.

    Returns
    -------
    Fia or None
    """
    files = _files(folder) | {_kind(path): path for path in extra}
    absent = [NAMES[name][0] for name in REQUIRED if name not in files]
    if absent:
        found = first_few(sorted(path.name for path in files.values()), problems.language)
        problems.error(
            "inventory.tables", file=folder.name, missing=", ".join(absent), found=found or "-"
        )
        return None
    tables = {name: _read(path, name, problems=problems) for name, path in files.items()}
    known = {name: table for name, table in tables.items() if table is not None}
    return Fia(known) if len(known) == len(files) else None


def _files(folder: Path) -> dict[str, Path]:
    """Return the files of a folder by the table that they hold."""
    found: dict[str, Path] = {}
    for path in sorted(folder.glob("*.csv")) if folder.is_dir() else ():
        stem = path.stem.lower()
        for name, words in NAMES.items():
            if any(re.fullmatch(f"([a-z]{{2}}_?)?{word}", stem) for word in words):
                found.setdefault(name, path)
    return found


def _kind(path: Path) -> str:
    """Return which table a file is, by its first line: strata, or else estimation units."""
    try:
        with ordinary(path).open(encoding="utf-8-sig") as stream:
            head = stream.readline().upper()
    except (OSError, ValueError):
        head = ""  # what is wrong is told when it is read
    return "stratum" if "STRATUMCD" in head else "unit"


def _read(path: Path, name: str, *, problems: Problems) -> pd.DataFrame | None:
    """Read one table with the columns that are known by their usual names; ids stay text."""
    try:
        # CN numbers have up to 19 digits: as floating-point numbers they would run together.
        table = pd.read_csv(ordinary(path), dtype=str, encoding="utf-8-sig", keep_default_na=False)
    except (OSError, ValueError) as error:
        problems.error("table.unreadable", file=path.name, reason=str(error)[:200])
        return None
    table.columns = [str(title).upper() for title in table.columns]
    for usual, others in ALIASES.items():
        other = next((title for title in others if title in table), None)
        if usual not in table and other is not None and usual in REQUIRED.get(name, ("PLT_CN",)):
            table[usual] = table[other]
    missing = [title for title in REQUIRED.get(name, ()) if title not in table]
    if missing:
        problems.error(
            "inventory.columns", file=path.name, missing=", ".join(missing),
            found=first_few(table.columns, problems.language, count=12),
        )  # fmt: skip
        return None
    return table


def population(fia: Fia, evaluation: str, *, by: str | None = None) -> Population:
    """Bring one evaluation onto plots, strata and estimation units, in metric units.

    Parameters
    ----------
    fia : Fia
    evaluation : str
        One of `Fia.evaluations`.
    by : {None, "forest_type", "county", "unit", "condition"}
        Domains of the estimates; None for the whole alone.

    Notes
    -----
    A condition's share of the plot, and a tree's amount per acre, are divided by the sampled
    share of all plots of the stratum: what could not be visited is taken to be like the rest.
    """
    assigned = fia.rows("assignment", evaluation).drop_duplicates("PLT_CN").set_index("PLT_CN")
    sampled = _numbers(fia.tables["cond"])
    sampled = sampled[sampled["PLT_CN"].isin(assigned.index)]
    sampled = sampled[sampled["COND_STATUS_CD"] != NOT_SAMPLED]
    factors = _adjustments(fia.rows("stratum", evaluation), assigned, sampled=sampled)
    forest = sampled[sampled["COND_STATUS_CD"] == FOREST].copy()
    forest["domain"] = _domain(fia, forest, assigned=assigned, by=by)
    forest["forest_area"] = forest["CONDPROP_UNADJ"] * forest["PLT_CN"].map(factors["area"])
    for name, titles in COND_SUMS.items():
        if set(titles) <= set(forest):
            carbon = forest[list(titles)].fillna(0.0).sum(axis=1)
            per_hectare = carbon * SHORT_TON_T / HA_PER_ACRE
            forest[name] = per_hectare * forest["forest_area"]
    trees = _trees(fia.tables["tree"], forest, factors=factors)
    other = sampled[sampled["COND_STATUS_CD"] != FOREST].assign(domain=WHOLE)
    other[OTHER_AREA] = other["CONDPROP_UNADJ"] * other["PLT_CN"].map(factors["area"])
    parts = [_wide(forest, ("forest_area", *COND_SUMS)), trees, _wide(other, (OTHER_AREA,))]
    values = pd.concat(parts, axis=1)
    years = _evaluation(fia, evaluation, title="END_INVYR")
    return Population(
        name=evaluation,
        year=int(years) if years.isdigit() else 0,
        values=values.reindex(assigned.index).fillna(0.0).sort_index(axis=1),
        unit=assigned["ESTN_UNIT"],
        stratum=assigned["STRATUMCD"],
        weights=_weights(fia.rows("stratum", evaluation)),
        areas=_areas(fia.rows("unit", evaluation)),
        method=_method(_evaluation(fia, evaluation, title="ESTN_METHOD")),
    )


def _numbers(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with its measurements as numbers; identities and codes of types stay text."""
    titles = [str(title) for title in table]
    text = [title for title in titles if title.endswith("CN") or title in ("CONDID", "FORTYPCD")]
    rest = [title for title in titles if title not in text]
    numbers = {title: pd.to_numeric(table[title], errors="coerce") for title in rest}
    codes = {title: table[title].str.removesuffix(".0") for title in text}
    return pd.DataFrame(codes | numbers)


def _adjustments(
    strata: pd.DataFrame, assigned: pd.DataFrame, *, sampled: pd.DataFrame
) -> dict[str, pd.Series]:
    """Return by plot what areas, trees of the subplots and of the microplot are divided by.

    FIADB's own factors are taken where the tables hold them, else computed in the same way.
    """
    key = pd.Series(list(zip(assigned["ESTN_UNIT"], assigned["STRATUMCD"], strict=True)))
    key.index = assigned.index
    names = {"SUBP": "SUBPPROP_UNADJ", "MICR": "MICRPROP_UNADJ"}
    own = {name: f"ADJ_FACTOR_{name}" for name in names}
    if set(own.values()) <= set(strata):
        rows = _numbers(strata[list(own.values())])
        rows.index = pd.Index(list(zip(strata["ESTN_UNIT"], strata["STRATUMCD"], strict=True)))
        found = {name: key.map(rows[title]) for name, title in own.items()}
        return {"area": found["SUBP"], "SUBP": found["SUBP"], "MICR": found["MICR"]}
    shares = {"area": "CONDPROP_UNADJ"}
    shares |= {
        name: title if title in sampled else "CONDPROP_UNADJ" for name, title in names.items()
    }
    out = {}
    for name, title in shares.items():
        share = sampled.groupby("PLT_CN")[title].sum().reindex(assigned.index).fillna(0.0)
        out[name] = key.map(1.0 / share.groupby(key).mean())
    return out


def _domain(fia: Fia, forest: pd.DataFrame, *, assigned: pd.DataFrame, by: str | None) -> pd.Series:
    """Return the domain of every forest condition."""
    if by == "forest_type":
        return forest["FORTYPCD"]
    if by == "condition":
        return forest["CONDID"]
    if by == "unit":
        return forest["PLT_CN"].map(assigned["ESTN_UNIT"])
    if by == "county":
        own = "COUNTYCD" in assigned or "plot" not in fia.tables
        holder = assigned if own else fia.tables["plot"].drop_duplicates("PLT_CN")
        holder = holder if own else holder.set_index("PLT_CN")
        county = holder["COUNTYCD"] if "COUNTYCD" in holder else assigned["ESTN_UNIT"]
        return forest["PLT_CN"].map(county)
    return pd.Series(WHOLE, index=forest.index)


def _trees(
    table: pd.DataFrame, forest: pd.DataFrame, *, factors: Mapping[str, pd.Series]
) -> pd.DataFrame:
    """Return amounts per hectare of live trees on forest land, summed by plot and domain."""
    live = table[table["PLT_CN"].isin(set(forest["PLT_CN"]))]
    live = _numbers(live[[title for title in live if title in TREE_COLUMNS]])
    live = live[live["STATUSCD"] == LIVE]
    live = live.merge(forest[["PLT_CN", "CONDID", "domain"]], on=["PLT_CN", "CONDID"])
    small = live["DIA"] < MICROPLOT_BELOW
    plot = live["PLT_CN"]
    factor = plot.map(factors["MICR"]).where(small, plot.map(factors["SUBP"]))
    per_hectare = live["TPA_UNADJ"] * factor / HA_PER_ACRE
    for name, (title, unit) in TREE_SUMS.items():
        if title in live:
            live[name] = live[title].fillna(0.0) * per_hectare * unit
    live["trees"] = per_hectare
    return _wide(live, (*TREE_SUMS, "trees"))


def _wide(rows: pd.DataFrame, names: Iterable[str]) -> pd.DataFrame:
    """Return sums by plot, columns (attribute, domain)."""
    held = [name for name in names if name in rows]
    sums = rows.groupby(["PLT_CN", "domain"])[held].sum()
    return pd.DataFrame(sums.unstack("domain", fill_value=0.0))


def _weights(strata: pd.DataFrame) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    numbers = pd.to_numeric(strata["WEIGHT"], errors="coerce").fillna(0.0)
    for unit, stratum, weight in zip(
        strata["ESTN_UNIT"], strata["STRATUMCD"], numbers, strict=True
    ):
        found.setdefault(unit, {})[stratum] = float(weight)
    return found


def _areas(units: pd.DataFrame) -> dict[str, float]:
    numbers = pd.to_numeric(units["ACRES"], errors="coerce") * HA_PER_ACRE
    return dict(zip(units["ESTN_UNIT"], numbers.astype(float), strict=True))


def _evaluation(fia: Fia, evaluation: str, *, title: str) -> str:
    known = evaluation and "evaluation" in fia.tables
    rows = fia.rows("evaluation", evaluation) if known else pd.DataFrame()
    return str(rows[title].iloc[0]) if title in rows and len(rows) else ""


def _method(words: str) -> Method:
    """Return the estimator that FIADB's ``ESTN_METHOD`` names; its usual one where it is silent."""
    low = words.lower()
    if "double" in low:
        return "two_phase"
    if "simple" in low:
        return "simple"
    return "stratified" if low.startswith("stratified") else "post_stratified"
