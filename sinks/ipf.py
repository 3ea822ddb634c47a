"""Raking: the smallest change of proportions that makes cells add up to given totals.

Iterative proportional fitting of Deming & Stephan (1940, Ann. Math. Stat. 11:427,
doi:10.1214/aoms/1177731829): margin after margin, the cells of each total are multiplied by what
it is over their sum, until all totals hold. Where it converges, the result is the table with
these margins that is nearest to the first in relative entropy (Csiszár 1975, Ann. Probab. 3:146,
doi:10.1214/aop/1176996454), so the order of the margins does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import sparse

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Sums that miss their total by no more than this part of it are equal to it.
TOLERANCE: Final = 1e-10
#: Times that all margins are gone through at most.
SWEEPS: Final = 2_000
#: Draws that are raked together: few enough to stay near the processor.
AT_ONCE: Final = 64
#: Published figures are rounded: the least standard error that one can have, as a part of it.
PRINTED: Final = 1e-4
#: Eigenvalues below this part of the largest are zero.
SINGULAR: Final = 1e-9


@dataclass(frozen=True)
class Raked:
    """What raking gave.

    Attributes
    ----------
    cells : ndarray, dims (cell, draw)
    worst : ndarray, dims (margin)
        How far each sum is from its total, as a part of it, in the worst draw.
    """

    cells: Floats
    worst: Floats


def rake(cells: Floats, margins: Sequence[Ints], *, totals: Floats, sweeps: int = SWEEPS) -> Raked:
    """Multiply cells so that they add up to totals.

    Parameters
    ----------
    cells : ndarray, dims (cell, draw)
        Not negative; a zero stays a zero.
    margins : sequence of ndarray of int
        For each total, the cells that it is the sum of.
    totals : ndarray, dims (margin, draw)
    sweeps : int

    Returns
    -------
    Raked

    Examples
    --------
    Rows are to add up to 5 and 15, columns to 10 each:

    >>> start = np.array([[7.0], [9.0], [12.0], [7.0]])
    >>> sides = [np.array(cells) for cells in ([0, 1], [2, 3], [0, 2], [1, 3])]
    >>> found = rake(start, sides, totals=np.array([[5.0], [15.0], [10.0], [10.0]]))
    >>> [round(float(found.cells[sides[k]].sum()), 6) for k in range(4)]
    [5.0, 15.0, 10.0, 10.0]
    """
    families = _families(margins, count=len(cells))
    out, worst = cells.copy(), np.zeros(len(margins))
    for first in range(0, cells.shape[1], AT_ONCE):
        part = slice(first, first + AT_ONCE)
        out[:, part], missed = _raked(out[:, part], families, totals=totals[:, part], sweeps=sweeps)
        worst = np.maximum(worst, missed)
    return Raked(out, worst)


@dataclass(frozen=True)
class _Family:
    """Margins without a common cell: they are fitted together."""

    margins: Ints
    sums: sparse.csr_array
    cells: Ints
    of: Ints


def _families(margins: Sequence[Ints], *, count: int) -> list[_Family]:
    """Gather margins without common cells, in their order."""
    labels: list[Ints] = []
    members: list[list[int]] = []
    for k, cells in enumerate(margins):
        place = next((i for i, own in enumerate(labels) if (own[cells] < 0).all()), len(labels))
        if place == len(labels):
            labels.append(np.full(count, -1, dtype=np.int64))
            members.append([])
        labels[place][cells] = len(members[place])
        members[place].append(k)
    out = []
    for own, chosen in zip(labels, members, strict=True):
        cells = np.flatnonzero(own >= 0)
        ones = np.ones(len(cells))
        sums = sparse.csr_array((ones, (own[cells], cells)), shape=(len(chosen), count))
        out.append(_Family(np.array(chosen), sums, cells, own[cells]))
    return out


def _raked(
    cells: Floats, families: Sequence[_Family], *, totals: Floats, sweeps: int
) -> tuple[Floats, Floats]:
    worst = np.zeros(len(totals))
    for _ in range(sweeps):
        for family in families:
            sums, wanted = family.sums @ cells, totals[family.margins]
            factor = np.divide(wanted, sums, out=np.ones_like(sums), where=sums > 0)
            cells[family.cells] *= factor[family.of]
        for family in families:
            wanted = totals[family.margins]
            scale = np.where(wanted > 0, wanted, 1.0)
            worst[family.margins] = (np.abs(family.sums @ cells - wanted) / scale).max(axis=1)
        if worst.max(initial=0.0) <= TOLERANCE:
            break
    return cells, worst


@dataclass(frozen=True)
class Balance:
    """How totals that hang on each other are made to agree.

    Attributes
    ----------
    ties : ndarray, dims (margin, tie)
        Every tie is a weighted sum of totals that must be zero.
    spread : ndarray, dims (margin, tie)
        What is taken off the totals for one unit of each tie's sum.
    """

    ties: Floats
    spread: Floats

    def apply(self, totals: Floats) -> Floats:
        """Return the totals that agree, dims (margin, draw)."""
        return np.asarray(totals - self.spread @ (self.ties.T @ totals))


def balance(margins: Sequence[Ints], totals: Floats, *, se: Floats, cells: Floats) -> Balance:
    """Find what totals must agree on, and who gives way.

    Parameters
    ----------
    margins : sequence of ndarray of int
    totals, se : ndarray, dims (margin)
        Figures and their standard errors.
    cells : ndarray, dims (cell)
        Cells of zero hold nothing together.

    Notes
    -----
    Prefectures add up to their province, and rows to what columns add up to: ``N`` with
    ``Nᵀ b = 0`` for totals ``b`` that agree. Of totals that do not, the nearest that do, by their
    own errors ``V``, are ``b − V N (Nᵀ V N)⁻¹ Nᵀ b`` (Stone, Champernowne & Meade 1942, Rev. Econ.
    Stud. 9:111, doi:10.2307/2967664): the surer a figure, the less it moves.
    """
    kept = np.flatnonzero(cells > 0)
    place = np.full(len(cells), -1)
    place[kept] = np.arange(len(kept))
    rows = np.concatenate([np.full(len(own), k) for k, own in enumerate(margins)])
    columns = place[np.concatenate(list(margins))]
    held = columns >= 0
    shape = (len(margins), max(len(kept), 1))
    table = sparse.csr_array((np.ones(held.sum()), (rows[held], columns[held])), shape=shape)
    size, vectors = np.linalg.eigh((table @ table.T).toarray())
    ties = vectors[:, size <= SINGULAR * max(float(size.max()), 1.0)]
    variance = np.maximum(se, PRINTED * np.abs(totals)) ** 2
    weighted = variance[:, None] * ties
    return Balance(ties, weighted @ np.linalg.pinv(ties.T @ weighted, hermitian=True))
