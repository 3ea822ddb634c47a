"""What each map class truly is: the rows of an error matrix as shares, with their draws.

A draw of the sample's error is a Dirichlet vector for each stratum, made of one gamma quantile for
each of its cells. Its parameter is chosen so that mean and covariance are those of the estimated
cell shares: ``Var = p (1 − p) (1 − n/N) / (n − 1)``. So the draws of every area have the standard
error that Olofsson's and Stehman's formulas give, and no draw is negative.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincinv

from sinks.draws import probabilities
from sinks.landcover.accuracy import FEWEST, ErrorMatrix

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Least sum of a Dirichlet's parameters: two units that disagree ask for 0.
LEAST: Final = 0.05
#: Most rounds of fitting to the margins, and the gap at which it is done [share of all land].
ROUNDS: Final = 400
FITTED: Final = 1e-9
#: Land that every confusion is granted before fitting, seen by the sample or not [share of all
#: land]: without it a class that the sample never finds confused could not meet both margins.
GRANTED: Final = 1e-6
#: Confusions up to which unseen ones are granted any.
MOST_CELLS: Final = 2_500


@dataclass(frozen=True)
class Rates:
    """Shares of map classes that truly are a class.

    Attributes
    ----------
    pairs : tuple of (map class, true class)
    central : ndarray, dims (pair)
        The shares of one map class sum to 1.
    draws : ndarray, dims (pair, draw)
    kept : tuple of str
        Map classes on which the sample says too little: they are taken as they are.
    gap : float
        By how much the areas differ from the sample's own estimate after fitting [share].
    """

    pairs: tuple[tuple[str, str], ...]
    central: Floats
    draws: Floats
    kept: tuple[str, ...]
    gap: float


def rates(
    matrix: ErrorMatrix, map_area: Mapping[str, float], *, seed: int, count: int
) -> Rates | None:
    """Return the shares of each map class that truly are each class.

    Parameters
    ----------
    matrix : ErrorMatrix
    map_area : mapping of map class to area
        On the maps of the study.
    seed, count : int
        Of the run's draws.

    Returns
    -------
    Rates or None
        None where a stratum that is no map class has fewer than two units: then no area of the
        whole can be estimated. A map class that is a stratum of its own, with too few units, is
        kept as it is mapped.

    Notes
    -----
    Where the strata are the map classes the shares are ``n_ij / n_i``. Otherwise the estimated
    cells ``P_ij = Σ_h W_h n_hij / n_h`` are fitted to two margins, the known areas of the map
    classes and the estimated areas ``Σ_i P_ij`` of the true ones, by iterative proportional
    fitting: then county areas add up to Stehman's estimate for the whole. Where both margins
    cannot be met by confusions that the sample saw, others are granted as little as needed.

    References
    ----------
    Deming, W. E., Stephan, F. F. (1940). Ann. Math. Stat. 11, 427. doi:10.1214/aoms/1177731829
    """
    own = all(place is not None for place in matrix.map_class)
    own = own and len(set(matrix.map_class)) == len(matrix.map_class)
    if not own and matrix.thin:
        return None
    found: dict[tuple[str, str], tuple[float, Floats]] = {}
    weight = matrix.area / matrix.area.sum()
    for h, n in enumerate(matrix.sizes):
        if n < FEWEST or weight[h] == 0:
            continue
        for pair, share, draws in _of_stratum(matrix, h, seed=seed, count=count):
            before = found.get(pair, (0.0, np.zeros(count)))
            found[pair] = before[0] + weight[h] * share, before[1] + weight[h] * draws
    if not own:
        _grant(found, map_area, count=count)
    pairs = tuple(sorted(found, key=lambda pair: tuple(map(matrix.classes.index, pair))))
    cells = np.stack([np.concatenate([[found[p][0]], found[p][1]]) for p in pairs])
    names = list(dict.fromkeys(pair[0] for pair in pairs))
    row = np.array([names.index(pair[0]) for pair in pairs])
    gap = 0.0
    if not own:
        margin = np.array([map_area.get(name, 0.0) for name in names])
        if not margin.sum() > 0:
            return None
        cells, gap = _fitted(cells, pairs, row=row, margin=margin / margin.sum())
    sums = _summed(cells, row)[row]
    shares = np.divide(cells, sums, out=np.repeat(cells[:, :1], cells.shape[1], 1), where=sums > 0)
    shares /= _summed(shares, row)[row]
    kept = tuple(name for name, area in map_area.items() if area > 0 and name not in names)
    ones = np.ones((len(kept), shares.shape[1]))
    shares = np.concatenate([shares, ones])
    every = (*pairs, *((name, name) for name in kept))
    return Rates(every, shares[:, 0], shares[:, 1:], kept, gap)


def _grant(
    found: dict[tuple[str, str], tuple[float, Floats]], map_area: Mapping[str, float], *, count: int
) -> None:
    """Grant every confusion of the classes that were found a trace of land."""
    rows, cols = (list(dict.fromkeys(pair[k] for pair in found)) for k in (0, 1))
    land = sum(map_area.get(name, 0.0) for name in rows)
    if len(rows) * len(cols) > MOST_CELLS or not land > 0:
        return
    true = {name: sum(item[0] for pair, item in found.items() if pair[1] == name) for name in cols}
    for i in rows:
        for j in cols:
            trace = GRANTED * map_area.get(i, 0.0) / land * true[j]
            central, draws = found.get((i, j), (0.0, np.zeros(count)))
            found[i, j] = central + trace, draws + trace


def _of_stratum(
    matrix: ErrorMatrix, h: int, *, seed: int, count: int
) -> list[tuple[tuple[str, str], float, Floats]]:
    """Return pair, share and drawn shares of every cell that a stratum's units fill."""
    i, j = np.nonzero(matrix.counts[h])
    size = matrix.sizes[h]
    share = matrix.counts[h][i, j] / size
    pairs = [
        (matrix.classes[a], matrix.classes[b]) for a, b in zip(i.tolist(), j.tolist(), strict=True)
    ]
    part = float(matrix.unsampled_part[h])
    if len(pairs) == 1 or count == 1 or part == 0:
        fixed = np.repeat(share[:, None], count, axis=1)
        return list(zip(pairs, share.tolist(), fixed, strict=True))
    total = max((size - 1) / part - 1, LEAST)
    drawn = np.stack(
        [
            gammaincinv(
                total * own,
                probabilities(f"accuracy/{matrix.strata[h]}/{a}/{b}", seed=seed, count=count),
            )
            for own, (a, b) in zip(share.tolist(), pairs, strict=True)
        ]
    )
    return list(zip(pairs, share.tolist(), drawn / drawn.sum(axis=0), strict=True))


def _summed(cells: Floats, place: Ints) -> Floats:
    """Sum cells, dims (pair, draw), that have the same place."""
    out = np.zeros((int(place.max()) + 1, cells.shape[1]))
    np.add.at(out, place, cells)
    return out


def _fitted(
    cells: Floats, pairs: tuple[tuple[str, str], ...], *, row: Ints, margin: Floats
) -> tuple[Floats, float]:
    """Fit cells to the map's areas and to their own column sums; return the gap that is left."""
    names = list(dict.fromkeys(pair[1] for pair in pairs))
    col = np.array([names.index(pair[1]) for pair in pairs])
    cells = cells / cells.sum(axis=0)
    wanted = _summed(cells, col)
    for _ in range(ROUNDS):
        for place, target in ((col, wanted), (row, margin[:, None])):
            sums = _summed(cells, place)
            factor = np.divide(target, sums, out=np.ones_like(sums), where=sums > 0)
            cells = cells * factor[place]
        gap = np.abs(_summed(cells, col) - wanted)
        if gap.max() < FITTED:
            break
    return cells, float(gap[:, 0].max())
