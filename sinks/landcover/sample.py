"""Design of a reference sample: how many units, and how many of them in which stratum."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Allocation = Literal["balanced", "proportional", "equal", "neyman"]

ALLOCATIONS: Final[tuple[Allocation, ...]] = ("balanced", "proportional", "equal", "neyman")
#: Without two units a stratum has no error.
FEWEST: Final = 2


def size_for_overall(weights: npt.ArrayLike, users: npt.ArrayLike, *, se: float) -> int:
    """Return the size of a stratified sample for a wanted error of the overall accuracy.

    Parameters
    ----------
    weights : array_like, dims (stratum)
        Shares of the land; they sum to 1.
    users : array_like, dims (stratum)
        User's accuracies that are expected; 0.5 is the most cautious.
    se : float
        Wanted standard error of the overall accuracy.

    Notes
    -----
    ``n = (Σ W_i S_i / S(Ô))²`` with ``S_i = √(U_i (1 − U_i))``: Olofsson et al. (2014), eq. 13,
    after Cochran (1977), eq. 5.25, for a population that is large against the sample.

    Examples
    --------
    The example of the paper (section 5.1.1):

    >>> size_for_overall([0.02, 0.015, 0.32, 0.645], [0.7, 0.6, 0.9, 0.95], se=0.01)
    641
    """
    w, u = np.asarray(weights, dtype=float), np.asarray(users, dtype=float)
    return _rounded(float((w * np.sqrt(u * (1 - u))).sum() / se) ** 2)


def size_for_share(share: float, *, half_width: float, level: float) -> int:
    """Return the size of a simple random sample for a wanted interval of a share of the land.

    Parameters
    ----------
    share : float
        Expected share, such as that of a class on the map.
    half_width : float
        Wanted half width of the interval, in the same unit: not relative.
    level : float
        Probability of the interval.

    Notes
    -----
    ``n = z² p (1 − p) / d²`` (Cochran 1977, eq. 4.2). A class of 1 % of the land that is to be
    known to a fifth needs 9,508 units: rare classes need strata.

    Examples
    --------
    >>> [size_for_share(p, half_width=d, level=0.95) for p, d in ((0.5, 0.05), (0.01, 0.002))]
    [385, 9508]
    """
    z = float(ndtri((1 + level) / 2))
    return _rounded(z**2 * share * (1 - share) / half_width**2, up=True)


def expected_cells(weights: npt.ArrayLike, users: npt.ArrayLike) -> Floats:
    """Return the shares of each stratum that are expected to be each class.

    Returns
    -------
    ndarray, dims (stratum, class)
        User's accuracy on the diagonal; what is wrong is each other class in proportion to its
        area. So a rare class is expected to be missed in large strata, which is what decides how
        well its area can be known.
    """
    w, u = np.asarray(weights, dtype=float), np.asarray(users, dtype=float)
    others = np.repeat(w[None], len(w), axis=0) * (1 - np.eye(len(w)))
    total = others.sum(axis=1, keepdims=True)
    wrong = np.divide(others, total, out=np.zeros_like(others), where=total > 0)
    return np.asarray(np.diag(np.where(total[:, 0] > 0, u, 1.0)) + (1 - u)[:, None] * wrong)


def area_error(cells: Floats, weights: npt.ArrayLike, *, units: npt.ArrayLike) -> Floats:
    """Return the expected standard error of each class's share of the land.

    Parameters
    ----------
    cells : ndarray, dims (stratum, class)
        From `expected_cells`.
    weights, units : array_like, dims (stratum)

    Returns
    -------
    ndarray, dims (class)
        ``√(Σ W_h² p_hj (1 − p_hj) / (n_h − 1))`` (Olofsson et al. 2014, eq. 10).
    """
    w, n = np.asarray(weights, dtype=float), np.asarray(units, dtype=float)
    spread = cells * (1 - cells) * (w**2 / np.maximum(n - 1, 1))[:, None]
    return np.asarray(np.sqrt(spread.sum(axis=0)))


def allocate(
    weights: npt.ArrayLike, users: npt.ArrayLike, *, size: int, how: Allocation, least: int
) -> Ints:
    """Share a sample out to strata.

    Parameters
    ----------
    weights, users : array_like, dims (stratum)
        As in `size_for_overall`.
    size : int
        Units in all; more where the strata need more to have `least` (or two) each.
    how : {"balanced", "proportional", "equal", "neyman"}
        By area, but at least `least` in every stratum; by area; alike; by area times expected
        spread, which is best for the overall accuracy and starves rare classes.
    least : int
        For ``balanced``: what a rare stratum is to have.

    Returns
    -------
    ndarray of int, dims (stratum)

    References
    ----------
    Olofsson et al. (2014), section 5.1.2; Cochran (1977), section 5.5.

    Examples
    --------
    >>> allocate([0.02, 0.015, 0.32, 0.645], [0.7, 0.6, 0.9, 0.95],
    ...          size=641, how="proportional", least=50).tolist()
    [13, 10, 205, 413]
    """
    w, u = np.asarray(weights, dtype=float), np.asarray(users, dtype=float)
    spread = np.sqrt(u * (1 - u))
    if how == "neyman" and (w * spread).sum() > 0:
        wanted = w * spread
    elif how == "equal":
        wanted = np.ones_like(w)
    else:
        wanted = w.copy()
    floor = np.full(len(w), min(least, max(size // len(w), FEWEST)) if how == "balanced" else 0)
    floor = np.maximum(floor, FEWEST)
    units = _largest_remainder(wanted, size)
    fixed = units < floor
    while fixed.any():
        left = size - int(floor[fixed].sum())
        units = floor.copy()
        if (~fixed).any():
            units[~fixed] = _largest_remainder(wanted[~fixed], max(left, 0))
        more = fixed | (units < floor)
        if (more == fixed).all():
            break
        fixed = more
    return np.asarray(np.maximum(units, floor), dtype=np.int64)


def _largest_remainder(wanted: Floats, size: int) -> Ints:
    """Return whole numbers in proportion to `wanted` that sum to `size`."""
    exact = wanted / wanted.sum() * size
    units = np.floor(exact).astype(np.int64)
    order = np.argsort(-(exact - units), kind="stable")
    units[order[: size - int(units.sum())]] += 1
    return np.asarray(units, dtype=np.int64)


def _rounded(size: float, *, up: bool = False) -> int:
    """Return a size as a whole number, at least two."""
    return max(math.ceil(size - 1e-9) if up else round(size), FEWEST)


def size_for_area(
    weights: Sequence[float], users: Sequence[float], *, place: int, half_width: float,
    level: float, how: Allocation, least: int,
) -> int:  # fmt: skip
    """Return the smallest stratified sample for a wanted interval of one class's area.

    Parameters
    ----------
    weights, users : sequence of float, dims (stratum)
    place : int
        The class whose area is wanted.
    half_width : float
        Wanted half width of the interval, relative to the expected share of the class.
    level : float
    how, least
        Allocation, see `allocate`.

    Returns
    -------
    int
        By bisection, so that it knows what the least number of units in rare strata does.
    """
    cells = expected_cells(weights, users)
    z = float(ndtri((1 + level) / 2))
    share = float((np.asarray(weights) * cells[:, place]).sum())

    def enough(size: int) -> bool:
        units = allocate(weights, users, size=size, how=how, least=least)
        return z * float(area_error(cells, weights, units=units)[place]) <= half_width * share

    low, high = FEWEST * len(weights), FEWEST * len(weights)
    while not enough(high) and high < 10**7:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
