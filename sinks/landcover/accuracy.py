"""Accuracy and area from a reference sample: error matrix, accuracies with their errors, areas.

One estimator serves every design. A unit of the sample lies in a stratum h of known area A_h and
has a map class and a reference class; every figure is a total, or a ratio of two totals, of
something that is 0 or 1 for a unit. Where the strata are the map classes this is Olofsson et al.
(2013, 2014), where they are not it is Stehman (2014), with a single stratum it is simple random
sampling, and with strata made after sampling it is post-stratification (Card 1982).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

#: Units that a stratum needs for a variance.
FEWEST: Final = 2


@dataclass(frozen=True)
class ErrorMatrix:
    """Counts of a sample by stratum, map class and reference class, and what the strata stand for.

    Attributes
    ----------
    strata, classes : tuple of str
        `classes` are those of map and reference together: the reference may find a class that
        the map does not have.
    counts : ndarray, dims (stratum, map class, reference class)
    area : ndarray, dims (stratum)
        Area of each stratum [any unit; results are in it].
    map_class : tuple of (int or None)
        The one map class that fills a stratum, where it is known to: then nothing about another
        class can be hidden in it, however few its units.
    units : ndarray, dims (stratum), optional
        Number of units (pixels) of each stratum, where the sample is a noticeable part of it.
    """

    strata: tuple[str, ...]
    classes: tuple[str, ...]
    counts: Floats
    area: Floats
    map_class: tuple[int | None, ...]
    units: Floats | None = None

    @property
    def sizes(self) -> Floats:
        """Units sampled, dims (stratum)."""
        return np.asarray(self.counts.sum(axis=(1, 2)))

    @property
    def thin(self) -> tuple[str, ...]:
        """Strata with land but fewer than two units: what hangs on them is not estimable."""
        few = (self.sizes < FEWEST) & (self.area > 0)
        return tuple(name for name, thin in zip(self.strata, few, strict=True) if thin)

    @property
    def unsampled_part(self) -> Floats:
        """Finite population correction, 1 − n/N, dims (stratum)."""
        if self.units is None:
            return np.ones(len(self.strata))
        return np.asarray(1 - np.minimum(self.sizes / self.units, 1.0))


def error_matrix(
    rows: Iterable[tuple[str, str, str]],
    *,
    area: Mapping[str, float],
    map_class: Mapping[str, str] | None = None,
    units: Mapping[str, float] | None = None,
    classes: Sequence[str] = (),
) -> ErrorMatrix:
    """Count a sample.

    Parameters
    ----------
    rows : iterable of (stratum, map class, reference class)
    area : mapping of stratum to area
        Every stratum of the design; one without a unit is kept, for it is not estimable.
    map_class : mapping of stratum to map class, optional
        See `ErrorMatrix`.
    units : mapping of stratum to number, optional
    classes : sequence of str, optional
        Order of the classes; others follow in the order in which they appear.

    Raises
    ------
    KeyError
        If a unit lies in a stratum of unknown area.
    """
    units_of = list(rows)
    strata = tuple(area)
    found = [name for _, mapped, true in units_of for name in (mapped, true)]
    names = tuple(dict.fromkeys([*classes, *found]))
    place, number = {s: i for i, s in enumerate(strata)}, {c: i for i, c in enumerate(names)}
    counts = np.zeros((len(strata), len(names), len(names)))
    for stratum, mapped, true in units_of:
        counts[place[stratum], number[mapped], number[true]] += 1
    of = map_class or {}
    return ErrorMatrix(
        strata, names, counts, np.array([area[s] for s in strata], dtype=float),
        tuple(number.get(of[s]) if s in of else None for s in strata),
        None if units is None else np.array([units[s] for s in strata], dtype=float),
    )  # fmt: skip


@dataclass(frozen=True)
class Estimate:
    """Values with their standard errors; NaN is «not estimable»."""

    value: Floats
    se: Floats


@dataclass(frozen=True)
class Accuracy:
    """What a sample says of a map.

    Attributes
    ----------
    classes : tuple of str
    overall : Estimate of one number
    users, producers : Estimate, dims (class) [1]
    area : Estimate, dims (class) [unit of the strata's areas]
    proportions : ndarray, dims (map class, reference class)
        Estimated share of all land.
    """

    classes: tuple[str, ...]
    overall: Estimate
    users: Estimate
    producers: Estimate
    area: Estimate
    proportions: Floats


def _total(matrix: ErrorMatrix, value: Floats) -> tuple[float, float]:
    """Return the estimated total of `value`, dims (map class, reference class), and its variance.

    Notes
    -----
    ``T = Σ A_h z̄_h`` and ``V(T) = Σ A_h² (1 − n_h/N_h) s²_h / n_h`` (Stehman 2014, eq. 25).
    """
    total, variance = 0.0, 0.0
    for h, n in enumerate(matrix.sizes):
        known = matrix.map_class[h]
        if matrix.area[h] == 0 or (known is not None and not value[known].any()):
            continue
        if n == 0:
            return np.nan, np.nan
        mean = float((value * matrix.counts[h]).sum() / n)
        total += matrix.area[h] * mean
        if n < FEWEST:
            variance = np.nan
            continue
        # From deviations, not from a difference of squares: a class without errors has no variance.
        spread = float(((value - mean) ** 2 * matrix.counts[h]).sum() / (n - 1))
        variance += matrix.area[h] ** 2 * matrix.unsampled_part[h] * spread / n
    return total, variance


def _ratio(matrix: ErrorMatrix, part: Floats, *, whole: Floats) -> tuple[float, float]:
    """Return the ratio of two totals and its standard error (Stehman 2014, eq. 27 and 28)."""
    numerator, denominator = _total(matrix, part)[0], _total(matrix, whole)[0]
    if not denominator > 0:
        return np.nan, np.nan
    ratio = numerator / denominator
    return ratio, float(np.sqrt(_total(matrix, part - ratio * whole)[1]) / denominator)


def estimate(matrix: ErrorMatrix) -> Accuracy:
    """Estimate accuracies and areas.

    Parameters
    ----------
    matrix : ErrorMatrix
        Of a probability sample. It is wrong for points that somebody chose, and too hopeful for
        the points that trained the classifier.

    Returns
    -------
    Accuracy
        A figure that hangs on a stratum without a unit is NaN; with one unit its error is NaN.

    Notes
    -----
    For strata that are the map classes the formulas reduce to those of Olofsson et al. (2014):
    user's accuracy ``n_ii / n_i`` with variance ``U (1 − U) / (n_i − 1)`` and area
    ``A_j = Σ W_i n_ij / n_i``. A systematic sample is treated as a simple random one, as is usual;
    the error is then as a rule too large, not too small.

    References
    ----------
    Olofsson, P. et al. (2013). Remote Sens. Environ. 129, 122. doi:10.1016/j.rse.2012.10.031
    Olofsson, P. et al. (2014). Remote Sens. Environ. 148, 42. doi:10.1016/j.rse.2014.02.015
    Stehman, S. V. (2014). Int. J. Remote Sens. 35, 4923. doi:10.1080/01431161.2014.930207
    Card, D. H. (1982). Photogramm. Eng. Remote Sens. 48, 431.

    Examples
    --------
    >>> rows = [("f", "f", "f")] * 9 + [("f", "f", "o")] + [("o", "o", "o")] * 10
    >>> found = estimate(error_matrix(rows, area={"f": 100.0, "o": 300.0}))
    >>> found.area.value.tolist()
    [90.0, 310.0]
    """
    count = len(matrix.classes)
    whole = float(matrix.area.sum())
    right = np.eye(count)
    area = np.empty((2, count))
    users, producers = np.empty((2, count)), np.empty((2, count))
    cells = np.empty((count, count))
    for j in range(count):
        in_map, in_truth = np.zeros((count, count)), np.zeros((count, count))
        in_map[j], in_truth[:, j] = 1.0, 1.0
        both = in_map * in_truth
        total, variance = _total(matrix, in_truth)
        area[:, j] = total, np.sqrt(variance)
        users[:, j] = _ratio(matrix, both, whole=in_map)
        producers[:, j] = _ratio(matrix, both, whole=in_truth)
        for i in range(count):
            cell = np.zeros((count, count))
            cell[i, j] = 1.0
            cells[i, j] = _total(matrix, cell)[0] / whole
    hits, variance = _total(matrix, right)
    return Accuracy(
        matrix.classes,
        Estimate(np.array([hits / whole]), np.array([np.sqrt(variance) / whole])),
        Estimate(*users),
        Estimate(*producers),
        Estimate(*area),
        cells,
    )
