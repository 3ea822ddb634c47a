"""Single trees: stem volume from two-way tables, and biomass from form and coefficients.

An equation is a form, named in a table, and its coefficients: never text that is evaluated.
Diameters are at breast height in cm, heights in m, volumes in m³, biomass in kg of dry matter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from sinks.biomass.species import classify, lineage
from sinks.parameters import load_table

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
ORGANS: Final = ("stem", "branch", "leaf", "root")
#: Where an equation of the tree's own region is wanting: Hubei first, then its neighbours.
REGIONS: Final = (
    "Hubei", "Hunan", "Anhui", "Jiangxi", "Chongqing", "Sichuan", "Zhejiang", "Jiangsu", "Shanghai",
)  # fmt: skip

#: Types that hold unlike species: none of them speaks for the others, the generic equations do.
MIXED_BAGS: Final = ("hardwood", "softwood", "other_pine")


def _power(d: Floats, h: Floats, *, c: Mapping[str, float]) -> Floats:
    return np.asarray(c["a"] * d ** c["b"] * h ** c["c"])


def _power_changing(d: Floats, h: Floats, *, c: Mapping[str, float]) -> Floats:
    size = d + h
    return np.asarray(c["a"] * d ** (c["b"] + c["b2"] * size) * h ** (c["c"] + c["c2"] * size))


VOLUME_FORMS: Final[Mapping[str, Callable[..., Floats]]] = {
    "power": _power,
    "power_changing": _power_changing,
}


def tree_volume(
    dbh: npt.ArrayLike,
    height: npt.ArrayLike,
    *,
    species: Sequence[object],
    table: str | None = None,
) -> Floats:
    """Return the volume of stems with bark from a two-way volume table.

    Right for living trees of southern China from about 5 cm; a table of one province leaves a
    bias of a few per cent in another, and a single tree errs by some 12 %.

    Parameters
    ----------
    dbh : array_like, dims (tree) [cm]
    height : array_like, dims (tree) [m]
    species : sequence, dims (tree)
        Names, forest types or national codes; see `sinks.biomass.species.classify`.
    table : str, optional
        One table of models/tree_volume, for example ``db35t1823``; without it, the default of
        each species.

    Returns
    -------
    ndarray, dims (tree) [m³]
        NaN where the species has no table, or a size is missing or not positive.

    Notes
    -----
    ``V = a D^b H^c`` (form ``power``), or with exponents that change with the size of the tree,
    ``V = a D^(b + b2 (D + H)) H^(c + c2 (D + H))`` (form ``power_changing``).

    References
    ----------
    LY 208-77 and the provincial standards named in models/tree_volume.

    Examples
    --------
    Masson pine of 20 cm and 15 m by DB51/T 1466-2012, which prints 0.248:

    >>> tree_volume([20.0], [15.0], species=["马尾松"], table="db51t1466").round(3).tolist()
    [0.248]
    """
    d, h = np.asarray(dbh, dtype=np.float64), np.asarray(height, dtype=np.float64)
    types, _ = classify(species)
    codes, distinct = pd.factorize(types)
    out = np.full(d.size, np.nan)
    for number, kind in enumerate(distinct):
        row = _volume_row(str(kind), table) if kind else None
        if row is not None:
            trees = (codes == number) & (d > 0) & (h > 0)
            form, coefficients = row
            out[trees] = VOLUME_FORMS[form](d[trees], h[trees], c=coefficients)
    return out


@cache
def _volume_row(kind: str, table: str | None) -> tuple[str, dict[str, float]] | None:
    """Return form and coefficients of the table that serves a type or its nearest ancestor."""
    rows = load_table("models/tree_volume")
    rows = rows[rows["default"] == "yes"] if table is None else rows[rows["table"] == table]
    for name in lineage(kind):
        own = rows[rows["forest_type"] == name]
        if not own.empty:
            titles = ("a", "b", "b2", "c", "c2")
            return str(own["form"].iloc[0]), {name: float(own[name].iloc[0]) for name in titles}
    return None


@dataclass(frozen=True)
class TreeEquation:
    """The equations of the four organs of one species from one source.

    Attributes
    ----------
    name : str
        ``set/region/species``.
    form : str
        ``power_d2h``, ``W = a (D² H)^b``, or ``power_d``, ``W = a D^b``.
    a, b : tuple of float
        Coefficients, in the order of `ORGANS`.
    valid : tuple of float
        Diameters that the equations were fitted to [cm]; infinite where the source tells none.
    source, confidence : str
    """

    name: str
    form: str
    a: tuple[float, ...]
    b: tuple[float, ...]
    valid: tuple[float, float]
    source: str
    confidence: str


@cache
def _equations() -> pd.DataFrame:
    """Return the usable equations that have all four organs, one row each."""
    table = load_table("models/tree_biomass")
    table = table[table["status"] == "usable"]
    keys = ["param_set", "region", "species", "name_zh", "forest_type", "form"]
    rows = []
    for key, group in table.groupby(keys, sort=True):
        organs = group.drop_duplicates("organ").set_index("organ")
        if set(organs.index) == set(ORGANS):
            first = organs.iloc[0]
            equation = TreeEquation(
                f"{key[0]}/{key[1]}/{key[2]}", str(key[5]),
                tuple(organs["a"].reindex(list(ORGANS)).astype(float)),
                tuple(organs["b"].reindex(list(ORGANS)).astype(float)),
                _range(first["valid_min"], first["valid_max"]),
                str(first["source"]), str(first["confidence"]),
            )  # fmt: skip
            rows.append({**dict(zip(keys, key, strict=True)), "equation": equation})
    return pd.DataFrame(rows)


def _range(low: float, high: float) -> tuple[float, float]:
    return (0.0 if np.isnan(low) else float(low), np.inf if np.isnan(high) else float(high))


@cache
def tree_equation(species: str, *, region: str = "Hubei", form: str) -> TreeEquation | None:
    """Return the equations that serve a species: its own before those of its forest type.

    Parameters
    ----------
    species : str
        Name, forest type or national code.
    region : str
        Province in English; its equations come first, then those of Hubei and its neighbours,
        and of one species those with a printed range first.
    form : {"power_d2h", "power_d"}

    Returns
    -------
    TreeEquation or None
        None if the name is unknown or no equation of the form serves it.

    Examples
    --------
    >>> tree_equation("马尾松", form="power_d2h").name
    'anhui2016/Anhui/Pinus massoniana'
    """
    rows = _equations()
    rows = rows[rows["form"] == form]
    kind = str(classify([species])[0][0])
    latin = " ".join(species.split()[:2]).lower()
    exact = rows[(rows["species"].str.lower() == latin) | (rows["name_zh"] == species.strip())]
    candidates = [exact]
    if kind:
        kinds = [name for name in lineage(kind) if name not in MIXED_BAGS]
        candidates += [rows[rows["forest_type"] == name] for name in kinds]
    order = {name: place for place, name in enumerate(dict.fromkeys((region, *REGIONS)))}
    for own in candidates:
        if not own.empty:
            ranged = ~np.isfinite([equation.valid[1] for equation in own["equation"]])
            place = own["region"].map(lambda name: order.get(name, len(order)))
            return _first(own.assign(ranged=ranged, place=place))
    return None


def _first(rows: pd.DataFrame) -> TreeEquation:
    best = rows.sort_values(["ranged", "place", "species"]).iloc[0]
    equation: TreeEquation = best["equation"]
    return equation


@dataclass(frozen=True)
class TreeBiomass:
    """Biomass of single trees by organ.

    Attributes
    ----------
    organs : ndarray, dims (organ, tree) [kg d.m.]
        In the order of `ORGANS`; NaN where no equation serves the tree.
    index : ndarray of int, dims (tree)
        Equation of each tree, −1 for none.
    equations : tuple of TreeEquation
    outside : ndarray of bool, dims (tree)
        Trees beyond the diameters that their equations were fitted to.
    """

    organs: Floats
    index: Ints
    equations: tuple[TreeEquation, ...]
    outside: npt.NDArray[np.bool_]

    @property
    def pools(self) -> Floats:
        """Biomass above and below ground, dims (pool, tree) [kg d.m.]."""
        return np.stack([self.organs[:3].sum(axis=0), self.organs[3]])


def tree_biomass(
    dbh: npt.ArrayLike,
    height: npt.ArrayLike | None = None,
    *,
    species: Sequence[object],
    region: str = "Hubei",
) -> TreeBiomass:
    """Return the biomass of the organs of single trees.

    Parameters
    ----------
    dbh : array_like, dims (tree) [cm]
    height : array_like, dims (tree) [m], optional
        Trees without one take the equations that need the diameter alone.
    species : sequence, dims (tree)
        Names, forest types or national codes.
    region : str
        Province in English, whose equations come first.

    Returns
    -------
    TreeBiomass

    Notes
    -----
    ``W = a (D² H)^b`` or ``W = a D^b`` for each of stem, branches, leaves and roots. Equations
    marked suspect in models/tree_biomass are never taken.

    References
    ----------
    Ji Y H et al. 2016, doi:10.17521/cjpe.2015.0147, table 1; Zhou G Y et al. 2018 (book).

    Examples
    --------
    Masson pine of 20 cm and 15 m, Ji et al. 2016: stem 136.82, branches 36.24, leaves 23.05 and
    roots 20.91 kg:

    >>> tree_biomass([20.0], [15.0], species=["马尾松"]).organs[:, 0].round(2).tolist()
    [136.82, 36.24, 23.05, 20.91]
    """
    d = np.asarray(dbh, dtype=np.float64)
    h = np.full(d.size, np.nan) if height is None else np.asarray(height, dtype=np.float64)
    codes, distinct = pd.factorize(np.asarray(species, dtype=object))
    equations: list[TreeEquation] = []
    index = np.full(d.size, -1, dtype=np.int64)
    tall = h > 0
    for form, trees in (("power_d2h", tall), ("power_d", ~tall)):
        chosen = np.full(len(distinct) + 1, -1, dtype=np.int64)
        for number, name in enumerate(distinct):
            equation = tree_equation(str(name), region=region, form=form)
            if equation is not None:
                chosen[number] = _place(equation, equations)
        index = np.where(trees & (d > 0), chosen[codes], index)
    return _computed(d, h, index=index, equations=tuple(equations))


def _place(equation: TreeEquation, equations: list[TreeEquation]) -> int:
    if equation not in equations:
        equations.append(equation)
    return equations.index(equation)


def _computed(
    d: Floats, h: Floats, *, index: Ints, equations: tuple[TreeEquation, ...]
) -> TreeBiomass:
    blank = (np.nan,) * len(ORGANS)
    a = np.array([equation.a for equation in equations] + [blank])[index].T
    b = np.array([equation.b for equation in equations] + [blank])[index].T
    squared = np.array([equation.form == "power_d2h" for equation in equations] + [False])[index]
    with np.errstate(invalid="ignore", divide="ignore"):
        size = np.log(np.where(squared, d * d * h, d))
        organs = a * np.exp(b * size)
    low = np.array([equation.valid[0] for equation in equations] + [0.0])[index]
    high = np.array([equation.valid[1] for equation in equations] + [np.inf])[index]
    outside = (index >= 0) & ((d < low) | (d > high))
    return TreeBiomass(organs, index, equations, outside)
