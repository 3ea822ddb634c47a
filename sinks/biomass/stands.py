"""Carbon of stands under shared draws of the parameters, without an array of stands by draws.

Every model here is linear in the growing stock within a *cell*: the stands of one forest type and
one class of growing stock. Within a draw a cell has one slope and one intercept per pool, so sums
over any stands need only the sums of weight and of weight times volume per cell, for all draws.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from sinks.checks import Problems, first_few
from sinks.draws import Distribution, Summary, probabilities, quantiles, range_se, summarise
from sinks.parameters import Parameter

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
#: The pools of living trees, in the order of every array here.
TREE_POOLS: Final = ("agb", "bgb")
#: What a parameter speaks of: the parts of an error budget.
GROUPS: Final = ("expansion", "wood_density", "root_to_shoot", "carbon_fraction", "density")
#: Stands whose draws are in memory at a time.
STANDS_AT_ONCE: Final = 2048


@dataclass(frozen=True)
class Draws:
    """How many draws of the parameters, and the run's seed; one draw is the central values."""

    seed: int = 0
    count: int = 1


@dataclass(frozen=True)
class Factor:
    """One cited parameter in a model, the name of its stream of draws, and its group."""

    parameter: Parameter
    stream: str
    group: str

    @property
    def value(self) -> float:
        """Central value."""
        return self.parameter.value

    def drawn(self, draws: Draws, *, fixed: bool = False) -> Floats:
        """Return the values of the parameter, dims (draw); all central where `fixed`."""
        if fixed or draws.count == 1:
            return np.full(draws.count, self.value)
        p = probabilities(self.stream, seed=draws.seed, count=draws.count)
        se, kind = self.spread()
        return quantiles(p, value=self.value, se=se, distribution=kind)

    def spread(self) -> tuple[float, Distribution]:
        """Return standard error and distribution; fixed where the source states neither."""
        row = self.parameter
        kind: Distribution = "lognormal" if row.distribution == "lognormal" else "normal"
        se = row.se
        if np.isnan(se) and not np.isnan(row.low + row.high + row.interval):
            se = range_se(
                row.low, row.high, value=row.value, interval=row.interval,
                lognormal=kind == "lognormal",
            )  # fmt: skip
        return (0.0, "fixed") if np.isnan(se) or row.distribution == "fixed" else (se, kind)


class Cell(Protocol):
    """Stands that one slope and one intercept serve within a draw."""

    @property
    def name(self) -> str:
        """Forest type, and the class of growing stock if there are several."""

    @property
    def factors(self) -> tuple[Factor, ...]:
        """The parameters that it rests on."""

    @property
    def valid(self) -> tuple[float, float]:
        """Growing stocks that the model was made for [m³/ha]."""

    def line(self, draws: Draws, only: Collection[str]) -> tuple[Floats, Floats]:
        """Return slope [t C/m³] and intercept [t C/ha], dims (pool, draw)."""


@dataclass(frozen=True)
class VolumeCell:
    """Stands whose carbon follows from their volume.

    Attributes
    ----------
    expansion : tuple of Factor
        Their product is the biomass per volume [t d.m./m³].
    intercept : Factor, optional
        Biomass of whole trees at vanishing volume [t d.m./ha]; never drawn.
    whole : bool
        Whether the expansion holds the roots; they are then split off, never added.
    """

    name: str
    expansion: tuple[Factor, ...]
    root_to_shoot: Factor
    carbon_fraction: Factor
    intercept: Factor | None = None
    whole: bool = False
    valid: tuple[float, float] = (0.0, np.inf)

    @property
    def factors(self) -> tuple[Factor, ...]:
        """The parameters that it rests on."""
        fixed = () if self.intercept is None else (self.intercept,)
        return (*fixed, *self.expansion, self.root_to_shoot, self.carbon_fraction)

    def line(self, draws: Draws, only: Collection[str]) -> tuple[Floats, Floats]:
        """Return slope [t C/m³] and intercept [t C/ha], dims (pool, draw)."""
        used = (*self.expansion, self.root_to_shoot, self.carbon_fraction)
        values = [factor.drawn(draws, fixed=factor.group not in only) for factor in used]
        *expansion, root, carbon = values
        slope = np.prod(expansion, axis=0) * carbon
        base = (0.0 if self.intercept is None else self.intercept.value) * carbon
        shares = np.stack([np.ones_like(root), root]) / (1 + root if self.whole else 1.0)
        return shares * slope, shares * base


@dataclass(frozen=True)
class AreaCell:
    """Stands without growing stock, such as bamboo: carbon per hectare, above and below ground."""

    name: str
    agb: Factor
    bgb: Factor
    valid: tuple[float, float] = (0.0, np.inf)

    @property
    def factors(self) -> tuple[Factor, ...]:
        """The parameters that it rests on."""
        return (self.agb, self.bgb)

    def line(self, draws: Draws, only: Collection[str]) -> tuple[Floats, Floats]:
        """Return slope 0 and intercept [t C/ha], dims (pool, draw)."""
        values = [factor.drawn(draws, fixed=factor.group not in only) for factor in self.factors]
        return np.zeros((2, draws.count)), np.stack(values)


@dataclass(frozen=True)
class StandCarbon:
    """Carbon of stands by one model: ``slope · V + intercept`` of each stand's cell.

    Attributes
    ----------
    model : str
    volume : ndarray, dims (stand) [m³/ha]
    index : ndarray of int, dims (stand)
        Cell of each stand; −1 where the carbon cannot be computed.
    cells : tuple of Cell
    draws : Draws
    ceiling : float
        Carbon of the densest stand ever measured [t C/ha].
    substituted : mapping of str to str
        Forest types that the set lacks, and the row that stands in for each.
    only : tuple of str
        Groups of parameters that vary from draw to draw; the others stay central.
    """

    model: str
    volume: Floats
    index: Ints
    cells: tuple[Cell, ...]
    draws: Draws
    ceiling: float
    substituted: Mapping[str, str] = field(default_factory=dict)
    only: tuple[str, ...] = GROUPS

    @property
    def pools(self) -> tuple[str, ...]:
        """The pools of the arrays' first dimension."""
        return TREE_POOLS

    @property
    def factors(self) -> tuple[Factor, ...]:
        """The factors of all cells, repeated where cells share them."""
        return tuple(factor for cell in self.cells for factor in cell.factors)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Every parameter in use, once, by name."""
        rows = {factor.parameter.name: factor.parameter for factor in self.factors}
        return tuple(rows[name] for name in sorted(rows))

    @property
    def computable(self) -> Bools:
        """Stands whose type and volume are known, dims (stand)."""
        return np.asarray(self.index >= 0)

    def lines(self, draws: Draws | None = None) -> tuple[Floats, Floats]:
        """Return slopes [t C/m³] and intercepts [t C/ha], dims (pool, cell, draw)."""
        draws = draws or self.draws
        if not self.cells:
            return np.zeros((2, 0, draws.count)), np.zeros((2, 0, draws.count))
        pairs = [cell.line(draws, self.only) for cell in self.cells]
        return np.stack([p[0] for p in pairs], axis=1), np.stack([p[1] for p in pairs], axis=1)

    @property
    def _standing(self) -> Bools:
        """Stands that bear carbon: with growing stock, or of a type that is told by area."""
        by_area = np.array([isinstance(cell, AreaCell) for cell in self.cells] + [False])
        return np.asarray(by_area[self.index] | (self.volume > 0))

    @property
    def central(self) -> Floats:
        """Carbon at the central values, dims (pool, stand) [t C/ha]; NaN where not computable."""
        return self._blocks(Draws(self.draws.seed, 1), slice(None))[..., 0]

    def at(self, draws: slice) -> Floats:
        """Return the carbon of every stand in some draws, dims (pool, stand, draw) [t C/ha]."""
        return self._blocks(self.draws, draws)

    def each(self, *, level: float) -> Summary:
        """Return the spread of the carbon of all pools of every stand, dims (stand) [t C/ha].

        Equal stands are drawn once, and never more than some thousand are in memory.
        """
        pairs = np.column_stack([self.index, self.volume])
        alike, place = np.unique(pairs, axis=0, return_inverse=True, equal_nan=True)
        parts = []
        for first in range(0, len(alike), STANDS_AT_ONCE):
            index, volume = alike[first : first + STANDS_AT_ONCE].T
            some = replace(self, index=index.astype(np.int64), volume=volume)
            parts.append(summarise(some.at(slice(None)).sum(axis=0), level=level))
        joined = (np.concatenate([getattr(part, name) for part in parts] or [np.zeros(0)])
                  for name in ("se", "low", "high"))  # fmt: skip
        return Summary(*(values[place.reshape(-1)] for values in joined))

    def _blocks(self, draws: Draws, part: slice) -> Floats:
        if not self.cells:
            width = len(range(*part.indices(draws.count)))
            return np.full((2, self.volume.size, width), np.nan)
        slope, intercept = (array[..., part] for array in self.lines(draws))
        volume = np.where(np.isnan(self.volume), 0.0, self.volume)[None, :, None]
        carbon = slope[:, self.index] * volume + intercept[:, self.index]
        carbon = np.where(self._standing[None, :, None], carbon, 0.0)
        return np.asarray(np.where(self.computable[None, :, None], carbon, np.nan))

    def total(self, weight: npt.ArrayLike, group: npt.ArrayLike, *, count: int) -> Floats:
        """Return the weighted sum of the carbon of the stands of each group, for all draws.

        Parameters
        ----------
        weight : array_like, dims (stand) [ha]
            Area that each stand stands for.
        group : array_like of int, dims (stand)
            Group of each stand, −1 for none.
        count : int
            Number of groups.

        Returns
        -------
        ndarray, dims (pool, group, draw) [t C]
            Stands that cannot be computed are left out; `computable` names them.
        """
        area, wood = self.cell_sums(weight, group, count=count)
        slope, intercept = self.lines()
        return np.stack([wood @ slope[p] + area @ intercept[p] for p in range(2)])

    def cell_sums(
        self, weight: npt.ArrayLike, group: npt.ArrayLike, *, count: int
    ) -> tuple[Floats, Floats]:
        """Return the weights, and weights times volume, of the stands that bear carbon.

        Returns
        -------
        area, wood : ndarray, dims (group, cell) [ha] and [m³]
        """
        weights = np.asarray(weight, dtype=np.float64)
        groups = np.asarray(group, dtype=np.int64)
        cells = len(self.cells)
        used = self.computable & (groups >= 0) & self._standing
        place = groups[used] * cells + self.index[used]
        held = np.where(np.isnan(self.volume[used]), 0.0, self.volume[used])
        sums = [
            np.bincount(place, values, minlength=count * cells).reshape(count, cells)
            for values in (weights[used], weights[used] * held)
        ]
        return sums[0].astype(np.float64), sums[1].astype(np.float64)

    @property
    def outside(self) -> Bools:
        """Stands beyond the range that their parameters were made for, dims (stand)."""
        low = np.array([cell.valid[0] for cell in self.cells] + [0.0])[self.index]
        high = np.array([cell.valid[1] for cell in self.cells] + [np.inf])[self.index]
        with np.errstate(invalid="ignore"):
            beyond = (self.volume > 0) & ((self.volume < low) | (self.volume > high))
            dense = self.central.sum(axis=0) > self.ceiling
        return np.asarray(self.computable & (beyond | dense))

    def outside_shares(self, weight: npt.ArrayLike | None = None) -> tuple[int, float, float]:
        """Return how many stands are outside, and their share of the area and of the carbon."""
        area = np.ones(self.volume.size) if weight is None else np.asarray(weight, dtype=np.float64)
        carbon = np.nan_to_num(self.central.sum(axis=0)) * area
        bearing = self.computable & self._standing
        out = self.outside

        def share(part: Floats) -> float:
            whole = float(part[bearing].sum())
            return float(part[out].sum()) / whole if whole > 0 else 0.0

        return int(out.sum()), share(area), share(carbon)

    def outside_by(
        self, weight: npt.ArrayLike, group: npt.ArrayLike, *, count: int
    ) -> tuple[Floats, Floats]:
        """Return what part of each group's area and carbon lies outside the validity range.

        Parameters
        ----------
        weight : array_like, dims (stand) [ha]
        group : array_like of int, dims (stand)
            Group of each stand, −1 for none.
        count : int
            Number of groups.

        Returns
        -------
        area, carbon : ndarray, dims (group) and (pool, group)
            Shares of the stands that bear carbon; NaN where there are none.
        """
        groups, carbon = np.asarray(group, dtype=np.int64), np.nan_to_num(self.central)
        used = self.computable & self._standing & (groups >= 0)
        parts = []
        for amount in np.stack([np.ones_like(self.volume), *carbon]):
            held = np.asarray(weight, dtype=np.float64) * amount
            whole = np.bincount(groups[used], held[used], minlength=count)
            out = used & self.outside
            beyond = np.bincount(groups[out], held[out], minlength=count)
            with np.errstate(invalid="ignore", divide="ignore"):
                parts.append(np.where(whole > 0, beyond / whole, np.nan))
        return parts[0], np.stack(parts[1:])

    def warn_range(
        self, problems: Problems, *, file: str = "", weight: npt.ArrayLike | None = None
    ) -> None:
        """Warn of stands outside the validity range, with their share of area and carbon."""
        count, area, carbon = self.outside_shares(weight)
        if count:
            kinds = [self.cells[i].name for i in np.unique(self.index[self.outside])]
            problems.warn(
                "model.outside_range", file=file, place=self.model, count=count,
                area=f"{area:.1%}", carbon=f"{carbon:.1%}",
                types=first_few(kinds, problems.language),
            )  # fmt: skip

    def vary(self, only: Collection[str]) -> StandCarbon:
        """Return the same stands with only some groups of parameters drawn, others central."""
        return replace(self, only=tuple(only))
