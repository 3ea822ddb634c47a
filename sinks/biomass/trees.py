"""Carbon of measured trees under shared draws: the tree equations, their error and the carbon."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from sinks.biomass.allometry import TreeBiomass, TreeEquation, tree_biomass
from sinks.biomass.cells import carbon_fraction
from sinks.biomass.species import near_names
from sinks.biomass.stands import GROUPS, TREE_POOLS, Draws, Factor, Floats, Ints, StandCarbon
from sinks.checks import Problems, first_few
from sinks.parameters import Parameter, lookup

#: The model that takes single trees in place of the growing stock.
TREE_MODEL: Final = "tree_equations"
#: Diameters that no measured tree of an inventory has: in tenths of centimetres, or in millimetres.
LARGEST_DBH = 400.0


@dataclass(frozen=True)
class TreeCarbon:
    """Carbon of single trees by their equations.

    Attributes
    ----------
    biomass : TreeBiomass
    draws : Draws
    only : tuple of str
        Groups of parameters that vary from draw to draw.
    """

    biomass: TreeBiomass
    draws: Draws
    only: tuple[str, ...] = GROUPS

    @property
    def pools(self) -> tuple[str, ...]:
        """The pools of the arrays' first dimension."""
        return TREE_POOLS

    @property
    def computable(self) -> npt.NDArray[np.bool_]:
        """Trees that an equation serves, dims (tree)."""
        return np.asarray(self.biomass.index >= 0)

    @property
    def central(self) -> Floats:
        """Carbon of each tree at the central values, dims (pool, tree) [t C]."""
        return self.biomass.pools * (carbon_fraction().value / 1_000)

    @cached_property
    def factors(self) -> tuple[tuple[Factor, Factor], ...]:
        """The error of each equation above and below ground, a factor about 1."""
        return tuple((_error(e, "agb"), _error(e, "bgb")) for e in self.biomass.equations)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Every parameter in use, by name."""
        rows = [factor.parameter for pair in self.factors for factor in pair]
        rows.append(carbon_fraction().parameter)
        return tuple(sorted(rows, key=lambda row: row.name))

    def total(self, weight: npt.ArrayLike, group: npt.ArrayLike, *, count: int) -> Floats:
        """Return the weighted sum of the carbon of the trees of each group, for all draws.

        Parameters
        ----------
        weight : array_like, dims (tree)
            Trees, or trees per hectare, that each tree stands for.
        group : array_like of int, dims (tree)
            Group (plot, stratum) of each tree, −1 for none.
        count : int
            Number of groups.

        Returns
        -------
        ndarray, dims (pool, group, draw) [t C, or t C/ha]
            Trees that no equation serves are left out; `computable` names them.
        """
        weights = np.asarray(weight, dtype=np.float64)
        groups = np.asarray(group, dtype=np.int64)
        cells = len(self.biomass.equations)
        out = np.zeros((2, count, self.draws.count))
        used = self.computable & (groups >= 0)
        place = groups[used] * cells + self.biomass.index[used]
        pools = self.biomass.pools[:, used] * (weights[used] / 1_000)
        carbon = self._drawn(carbon_fraction())
        for p in range(2 if cells else 0):
            sums = np.bincount(place, pools[p], minlength=count * cells).reshape(count, cells)
            factors = np.stack([self._drawn(pair[p]) for pair in self.factors])
            out[p] = sums @ (factors * carbon)
        return out

    def _drawn(self, factor: Factor) -> Floats:
        return factor.drawn(self.draws, fixed=factor.group not in self.only)

    def vary(self, only: Collection[str]) -> TreeCarbon:
        """Return the same trees with only some groups of parameters drawn, others central."""
        return replace(self, only=tuple(only))


@dataclass(frozen=True)
class TreeStands:
    """Carbon of plots as the sum of their trees, in place of a model of the growing stock.

    Attributes
    ----------
    trees : TreeCarbon
    plot : ndarray of int, dims (tree)
        Plot of each tree.
    per_ha : ndarray, dims (tree) [1/ha]
        Trees per hectare that each stands for.
    count : int
        Number of plots; those without trees have no carbon of trees.
    """

    trees: TreeCarbon
    plot: Ints
    per_ha: Floats
    count: int

    @property
    def factors(self) -> tuple[Factor, ...]:
        """The error of every equation in use, and the carbon fraction."""
        return (*(factor for pair in self.trees.factors for factor in pair), carbon_fraction())

    @property
    def central(self) -> Floats:
        """Carbon at the central values, dims (pool, plot) [t C/ha]."""
        carbon = self.trees.central * self.per_ha
        return np.stack([np.bincount(self.plot, own, minlength=self.count) for own in carbon])

    def total(self, weight: npt.ArrayLike, group: npt.ArrayLike, *, count: int) -> Floats:
        """Return the weighted sum of the carbon of the plots of each group, dims (…, draw)."""
        weights = np.asarray(weight, dtype=np.float64)[self.plot] * self.per_ha
        groups = np.asarray(group, dtype=np.int64)[self.plot]
        return self.trees.total(weights, groups, count=count)

    def vary(self, only: Collection[str]) -> TreeStands:
        """Return the same plots with only some groups of parameters drawn, others central."""
        return replace(self, trees=self.trees.vary(only))


#: Carbon of plots by a model of the growing stock, or by their trees.
PlotCarbon = StandCarbon | TreeStands


def tree_stands(
    frame: pd.DataFrame, trees: pd.DataFrame, *, draws: Draws, problems: Problems
) -> TreeStands | None:
    """Return the carbon of plots as the sum of their trees.

    Parameters
    ----------
    frame : DataFrame
        Plots with ``stand``, the key of their trees, ``volume``, ``line`` and ``file``.
    trees : DataFrame
        Of `sinks.biomass.treesheets.join_trees`.
    draws : Draws
    problems : Problems
        Gains errors for plots with growing stock but without trees, and for trees that no
        equation serves: left out, they would count as none.

    Returns
    -------
    TreeStands or None
        None if there is an error.
    """
    places = frame[["stand"]].assign(plot=np.arange(len(frame), dtype=np.int64))
    own = trees.merge(places, on="stand", sort=False)
    lost = frame[(frame["volume"] > 0) & frame["agb"].isna() & (frame["trees"] == 0)]
    if len(lost):
        problems.error(
            "plots.tree_missing", file=str(lost["file"].iloc[0]), count=len(lost),
            lines=first_few(lost["line"], problems.language),
        )  # fmt: skip
        return None
    size = own["dbh"].to_numpy(dtype=np.float64)
    height = own["height"].to_numpy(dtype=np.float64)
    found = apply_trees(
        size, height, species=list(own["species"]), draws=draws, problems=problems
    )  # fmt: skip
    unserved = own[~found.computable].drop_duplicates(["file", "line"])
    if len(unserved):
        problems.error(
            "plots.tree_no_equation", file=str(unserved["file"].iloc[0]), count=len(unserved),
            names=first_few(sorted(set(unserved["species"])), problems.language),
            lines=first_few(unserved["line"], problems.language),
        )  # fmt: skip
        return None
    plot = own["plot"].to_numpy(dtype=np.int64)
    return TreeStands(found, plot, own["per_ha"].to_numpy(dtype=np.float64), len(frame))


def _error(equation: TreeEquation, pool: str) -> Factor:
    spread = lookup("models/limits", item=f"tree_equation_{pool}")
    name = f"tree_biomass/{equation.name}/{pool}"
    row = Parameter(
        name=name, value=1.0, se=spread.value, low=np.nan, high=np.nan, interval=np.nan, unit="1",
        distribution="lognormal", source=equation.source, confidence=equation.confidence,
    )  # fmt: skip
    return Factor(row, name, "expansion")


def apply_trees(
    dbh: npt.ArrayLike,
    height: npt.ArrayLike | None = None,
    *,
    species: Sequence[object],
    draws: Draws,
    problems: Problems,
    region: str = "Hubei",
) -> TreeCarbon:
    """Return the carbon of single trees by the biomass equations of their species.

    Parameters
    ----------
    dbh : array_like, dims (tree) [cm]
    height : array_like, dims (tree) [m], optional
    species : sequence, dims (tree)
        Names, forest types or national codes.
    draws : Draws
    problems : Problems
        Gains an error for diameters that no tree has, and warnings for species that no equation
        serves and for trees beyond the range of their equations.
    region : str
        Province in English, whose equations come first.

    Returns
    -------
    TreeCarbon

    Notes
    -----
    One error factor per equation and pool, and one carbon fraction, are drawn for all trees: the
    errors of single trees average out, those of an equation do not.

    Examples
    --------
    >>> trees = apply_trees(
    ...     [20.0], [15.0], species=["马尾松"], draws=Draws(), problems=Problems()
    ... )
    >>> trees.central.sum().round(4)
    np.float64(0.102)
    """
    d = np.asarray(dbh, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        wrong = np.flatnonzero((d < 0) | (d > LARGEST_DBH))
    if wrong.size:
        shown = first_few([f"{d[i]:g}" for i in wrong], problems.language)
        problems.error("model.dbh", count=wrong.size, values=shown, limit=f"{LARGEST_DBH:g}")
    biomass = tree_biomass(d, height, species=species, region=region)
    _warn(biomass, d, species=species, problems=problems)
    return TreeCarbon(biomass, draws)


def _warn(
    biomass: TreeBiomass, dbh: Floats, *, species: Sequence[object], problems: Problems
) -> None:
    lost = (biomass.index < 0) & (dbh > 0)
    if lost.any():
        names = list(dict.fromkeys(str(name) for name in np.asarray(species, dtype=object)[lost]))
        problems.warn(
            "model.no_equation", count=int(lost.sum()), names=first_few(names, problems.language),
            nearest=near_names(names[0]),
        )  # fmt: skip
    if biomass.outside.any():
        whole = np.nansum(biomass.pools)
        share = float(biomass.pools[:, biomass.outside].sum() / whole)
        used = np.unique(biomass.index[biomass.outside])
        problems.warn(
            "model.trees_outside", count=int(biomass.outside.sum()), carbon=f"{share:.1%}",
            equations=first_few([biomass.equations[i].name for i in used], problems.language),
        )  # fmt: skip
