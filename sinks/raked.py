"""Regions raked to published totals: the factor of each, and what it leaves, with all errors.

The map's own figures stay as they are; these stand in tables of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from sinks.checks import Problems, first_few
from sinks.draws import summarise
from sinks.ipf import Balance, balance, rake
from sinks.levels import group_indices, summed
from sinks.official import UNITS, Figure
from sinks.regions import Regions
from sinks.stock import Selection, Stock

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

COLUMNS: Final = (
    "reconcile", "region_code", "region_name", "level", "year", "quantity", "strata", "pools",
    "unit", "map_value", "factor", "raked_value", "se", "low", "high",
)  # fmt: skip
#: Totals that disagree may move by so many standard errors, or by this part of themselves.
ERRORS: Final = 3.0
ROUNDING: Final = 5e-3
#: A move by less than this part is no move worth a word.
UNSEEN: Final = 1e-6
#: A sum may miss its total by this part when raking has come to its end.
REACHED: Final = 1e-6


@dataclass(frozen=True)
class Margins:
    """Totals of one year and quantity, and the cells that they are the sums of.

    A cell is a region and a class: strata that no total tells apart.

    Attributes
    ----------
    figures : sequence of Figure
    year, quantity, pools
        Of all the figures; pools None for all.
    classes : tuple of tuple of str
        Strata of each class.
    members : sequence of ndarray
        Cells of each total, by their position: region × class.
    cells : ndarray, dims (cell)
        The map's own, at the central values [t C or ha].
    """

    figures: Sequence[Figure]
    year: int
    quantity: str
    pools: tuple[str, ...] | None
    classes: tuple[tuple[str, ...], ...]
    members: Sequence[Ints]
    cells: Floats

    @property
    def totals(self) -> Floats:
        """What the cells are to add up to, dims (margin)."""
        return np.array([figure.comparable for figure in self.figures])

    @property
    def se(self) -> Floats:
        """Standard errors of the totals, dims (margin)."""
        return np.array([figure.comparable_se for figure in self.figures])

    @property
    def balance(self) -> Balance:
        """How totals that disagree are made to agree."""
        return balance(self.members, self.totals, se=self.se, cells=self.cells)

    @property
    def covered(self) -> npt.NDArray[np.bool_]:
        """Which cells some total speaks of, dims (cell)."""
        out = np.zeros(len(self.cells), dtype=bool)
        for cells in self.members:
            out[cells] = True
        return out


def margins_of(figures: Sequence[Figure], regions: Regions, *, stock: Stock) -> list[Margins]:
    """Gather figures that rake the same cells: those of one year, quantity and pools.

    Parameters
    ----------
    figures : sequence of Figure
    regions : Regions
    stock : Stock

    Returns
    -------
    list of Margins
    """
    gathered: dict[tuple[int, str, tuple[str, ...] | None], list[Figure]] = {}
    for figure in figures:
        key = figure.year, figure.quantity, figure.pools
        gathered.setdefault(key, []).append(figure)
    return [
        _margins(own, key, regions=regions, stock=stock) for key, own in sorted(
            gathered.items(), key=lambda item: (item[0][1], item[0][0], item[0][2] or ())
        )
    ]  # fmt: skip


def _margins(
    figures: Sequence[Figure], key: tuple[int, str, tuple[str, ...] | None], *, regions: Regions,
    stock: Stock,
) -> Margins:  # fmt: skip
    year, quantity, pools = key
    names = [str(name) for name in stock.area["stratum"].values]
    counted = np.array(
        [[own.strata is None or name in own.strata for own in figures] for name in names]
    )
    patterns = [pattern for pattern in dict.fromkeys(map(tuple, counted)) if any(pattern)]
    classes = tuple(
        tuple(name for name, own in zip(names, counted, strict=True) if tuple(own) == pattern)
        for pattern in patterns
    )
    members = []
    for k, figure in enumerate(figures):
        inside = np.flatnonzero(regions.membership[figure.level] == figure.region_code)
        chosen = np.array([i for i, pattern in enumerate(patterns) if pattern[k]], dtype=np.int64)
        members.append((inside[:, None] * len(classes) + chosen).ravel())
    cells = np.stack(
        [_central(stock, own, year=year, of=(quantity, pools)) for own in classes], axis=-1
    ) if classes else np.zeros((len(regions), 0))  # fmt: skip
    return Margins(figures, year, quantity, pools, classes, members, cells.ravel())


def _central(
    stock: Stock, strata: tuple[str, ...], *, year: int, of: tuple[str, tuple[str, ...] | None]
) -> Floats:
    """Return the map's total of some strata in every region, dims (region)."""
    area = stock.area.sel(year=year, stratum=list(strata))
    if of[0] == "area":
        return np.asarray(area.sum("stratum").values)
    density = Selection(strata, of[1]).of(stock.density.value.sel(year=year)).sum("pool")
    return np.asarray((area * density).sum("stratum").transpose("region").values)


def check_margins(margins: Margins, *, place: str, problems: Problems) -> None:
    """Refuse totals of nothing, totals that contradict each other, and what does not converge.

    Parameters
    ----------
    margins : Margins
    place : str
        The table, for the messages.
    problems : Problems
    """
    totals, language = margins.totals, problems.language
    sums = np.array([margins.cells[own].sum() for own in margins.members])
    empty = [
        own.words for own, s, b in zip(margins.figures, sums, totals, strict=True) if b > 0 >= s
    ]
    if empty:
        items = first_few(empty, language)
        problems.error("raking.empty", file=place, count=len(empty), items=items)
        return
    agreed = margins.balance.apply(totals[:, None])[:, 0]
    moved = np.abs(agreed - totals)
    if (moved > np.maximum(ERRORS * margins.se, ROUNDING * totals)).any():
        items = first_few(_moves(margins, agreed), language)
        problems.error("raking.inconsistent", file=place, items=items)
        return
    if (moved > UNSEEN * totals).any():
        items = first_few(_moves(margins, agreed), language)
        problems.warn("raking.adjusted", file=place, items=items)
    found = rake(margins.cells[:, None], margins.members, totals=agreed[:, None])
    missed = [k for k, own in enumerate(found.worst) if own > REACHED]
    if missed:
        worst = sorted(missed, key=lambda k: -found.worst[k])
        items = first_few(
            (f"{margins.figures[k].words}: {100 * found.worst[k]:.2g} %" for k in worst), language
        )
        problems.error("raking.no_convergence", file=place, items=items)


def _moves(margins: Margins, agreed: Floats) -> list[str]:
    """Return totals that would have to move, the farthest first."""
    totals = margins.totals
    by = np.abs(agreed - totals) / np.maximum(totals, 1e-300)
    order = [int(k) for k in np.argsort(-by, kind="stable") if by[k] > UNSEEN]
    return [f"{margins.figures[k].words}: {totals[k]:,.6g} → {agreed[k]:,.6g}" for k in order]


def raked_tables(
    asked: Sequence[tuple[str, Margins]], regions: Regions, *, stock: Stock, seed: int
) -> dict[str, pd.DataFrame]:
    """Return `raked.csv`, and `raked_strata.csv` where totals tell strata apart.

    Parameters
    ----------
    asked : sequence of (str, Margins)
        Name of the `[[reconcile]]`, and its totals.
    regions : Regions
    stock : Stock
    seed : int

    Returns
    -------
    dict of str to DataFrame
        Every level, of which all regions are covered.
    """
    whole: list[pd.DataFrame] = []
    parts: list[pd.DataFrame] = []
    for name, margins in asked:
        cells, draws = _raked_cells(margins, stock=stock, seed=seed)
        covered = margins.covered.reshape(len(regions), -1)
        every = np.arange(len(margins.classes))
        own = _Rows(name, margins, regions, stock.level)
        used = np.array([k for k in every if covered[:, k].any()], dtype=np.int64)
        whole.append(own.frame(cells, draws, chosen=used, covered=covered))
        if len(used) > 1:
            parts += [
                own.frame(cells, draws, chosen=used[[i]], covered=covered)
                for i in range(len(used))
            ]  # fmt: skip
    found = {"raked": whole, "raked_strata": parts}
    return {name: pd.concat(own, ignore_index=True) for name, own in found.items() if own}


def _raked_cells(margins: Margins, *, stock: Stock, seed: int) -> tuple[Floats, Floats]:
    """Return the raked cells: central, dims (cell), and draws, dims (cell, draw).

    Every draw of the map is raked to a draw of the totals, made to agree like the totals.
    """
    even = margins.balance
    count = stock.density.draws
    central = rake(
        margins.cells[:, None], margins.members, totals=even.apply(margins.totals[:, None])
    ).cells[:, 0]
    start = np.stack([_drawn(stock, own, margins=margins) for own in margins.classes], axis=1)
    totals = np.stack([own.drawn_comparable(seed=seed, count=count) for own in margins.figures])
    drawn = np.maximum(even.apply(totals), 0.0)
    found = rake(start.reshape(-1, count), margins.members, totals=drawn, sweeps=DRAWN_SWEEPS)
    return central, found.cells


#: Draws of totals whose errors are wide may agree badly with each other: they stop here.
DRAWN_SWEEPS: Final = 100


def _drawn(stock: Stock, strata: tuple[str, ...], *, margins: Margins) -> Floats:
    """Return the draws of the map's total of some strata in every region, dims (region, draw)."""
    each = [np.arange(stock.area.sizes["region"])]
    year = [int(own) for own in stock.area["year"].values].index(margins.year)
    if margins.quantity == "carbon":
        return stock.totals(each, Selection(strata, margins.pools)).draws[:, year]
    if stock.correction is not None:
        return np.maximum(stock.areas(each, strata).draws[:, year], 0.0)
    area = _central(stock, strata, year=margins.year, of=("area", None))
    return np.repeat(area[:, None], stock.density.draws, axis=1)


@dataclass(frozen=True)
class _Rows:
    """Makes the rows of one set of totals."""

    name: str
    margins: Margins
    regions: Regions
    level: float

    def frame(
        self, cells: Floats, draws: Floats, *, chosen: Ints, covered: npt.NDArray[np.bool_]
    ) -> pd.DataFrame:
        """Return the rows of some classes together, at all levels that are wholly covered."""
        levels, indices = group_indices(self.regions)
        shape = (len(self.regions), len(self.margins.classes))
        own = self.margins.cells.reshape(shape)[:, chosen].sum(axis=1)
        raked = summed(cells.reshape(shape)[:, chosen].sum(axis=1), indices)
        drawn = summed(draws.reshape(*shape, -1)[:, chosen].sum(axis=1), indices)
        before = summed(own, indices)
        missing = np.where(covered[:, chosen].all(axis=1), 0.0, 1.0)
        whole = summed(missing, indices) == 0
        spread = summarise(drawn, level=self.level)
        strata = [name for k in chosen for name in self.margins.classes[k]]
        columns: dict[str, Any] = {
            "reconcile": self.name, "year": self.margins.year, "quantity": self.margins.quantity,
            "strata": ";".join(strata), "pools": ";".join(self.margins.pools or ()),
            "unit": UNITS[self.margins.quantity], "map_value": before,
            "factor": np.divide(
                raked, before, out=np.full(len(before), np.nan), where=before > 0
            ),
            "raked_value": raked, "se": spread.se, "low": spread.low, "high": spread.high,
        }  # fmt: skip
        return levels.assign(**columns)[list(COLUMNS)].iloc[np.flatnonzero(whole)]
