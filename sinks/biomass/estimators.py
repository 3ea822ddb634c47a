"""Design-based estimators for inventory plots: means with the covariance that the design gives.

Every estimator takes what was observed on the plots, dims (plot, variable), and returns the means
of all variables *with their covariances*: the error of a ratio, of a sum of pools, or of a change
between two measurements of the same plots follows from those and from nothing else.

References
----------
Cochran, W. G. (1977). Sampling Techniques, 3rd ed. Wiley. Chapters 2, 5, 5A, 6, 9A and 12.
Bechtold, W. A. & Patterson, P. L., eds. (2005). The enhanced Forest Inventory and Analysis program:
national sampling design and estimation procedures. USDA Forest Service GTR SRS-80, chapter 4
(Scott et al.). doi:10.2737/SRS-GTR-80
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """Estimates of several variables from one sample.

    Attributes
    ----------
    value : ndarray, dims (variable)
        In the unit of the observations, or times the area's after `total`.
    covariance : ndarray, dims (variable, variable)
        Of the estimates, not of the observations; NaN where the design gives none.
    plots : int
        Plots that the estimate stands on.
    short : tuple
        Strata with fewer than two plots: not estimable.
    """

    value: Floats
    covariance: Floats
    plots: int
    short: tuple[Hashable, ...] = ()

    @property
    def se(self) -> Floats:
        """Standard errors, dims (variable)."""
        return np.sqrt(np.maximum(np.diag(self.covariance), 0.0))

    @property
    def relative_se(self) -> Floats:
        """Standard errors over values, dims (variable): FIA's sampling error of 68 %."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self.se / np.abs(self.value))

    @property
    def estimable(self) -> bool:
        """Whether every stratum had the two plots that a variance needs."""
        return not self.short and bool(np.isfinite(self.covariance).all())

    def total(self, area: float) -> Estimate:
        """Return the totals over a certain area: ``Ŷ = A ȳ``, ``v(Ŷ) = A² v(ȳ)``."""
        return Estimate(self.value * area, self.covariance * area**2, self.plots, self.short)


def observations(y: npt.ArrayLike) -> Floats:
    """Return observations as dims (plot, variable).

    Raises
    ------
    ValueError
        If an observation is missing: a plot that was not measured is not one with nothing on it.
    """
    array = np.asarray(y, dtype=np.float64)
    array = array[:, None] if array.ndim == 1 else array
    if np.isnan(array).any():
        raise ValueError("observations must not be missing")
    return array


def _moments(y: Floats) -> tuple[Floats, Floats]:
    """Return mean and covariance of the mean; NaN from fewer than two plots."""
    n, size = y.shape
    if n == 0:
        return np.full(size, np.nan), np.full((size, size), np.nan)
    mean = np.array([y[:, k].mean() for k in range(size)])
    if n < 2:
        return mean, np.full((size, size), np.nan)
    centred = y - mean
    return mean, centred.T @ centred / (n * (n - 1))


def simple_random(y: npt.ArrayLike, *, population: float | None = None) -> Estimate:
    """Estimate means from a simple random (or systematic, taken as random) sample.

    Parameters
    ----------
    y : array_like, dims (plot,) or (plot, variable)
    population : float, optional
        Number of plots that would tile the area; without it no finite-population correction.

    Notes
    -----
    ``ȳ = Σ y / n``, ``cov(ȳ) = (1 − n/N) Σ (y − ȳ)(y − ȳ)ᵀ / (n (n − 1))`` (Cochran 1977, ch. 2).
    Of a systematic sample the variance is an upper bound on most landscapes.

    Examples
    --------
    >>> found = simple_random([10.0, 20.0, 30.0])
    >>> float(found.value[0]), round(float(found.se[0]), 6)
    (20.0, 5.773503)
    """
    array = observations(y)
    mean, covariance = _moments(array)
    correction = 1.0 if population is None else max(0.0, 1.0 - len(array) / population)
    short = ("all",) if len(array) < 2 else ()
    return Estimate(mean, covariance * correction, len(array), short)


def _strata(
    y: npt.ArrayLike, stratum: Sequence[Hashable], *, weights: Mapping[Any, float]
) -> tuple[list[tuple[Hashable, float, Floats]], int]:
    """Return every stratum's name, share and observations, and the number of plots.

    Raises
    ------
    ValueError
        If a plot lies in a stratum without a weight, or weights are not positive.
    """
    array, labels = observations(y), np.empty(len(stratum), dtype=object)
    labels[:] = list(stratum)
    if len(labels) != len(array):
        raise ValueError(f"{len(array)} plots and {len(labels)} strata")
    strange = sorted({str(name) for name in labels if name not in weights})
    if strange or any(not weight > 0 for weight in weights.values()):
        raise ValueError(f"strata without a positive weight: {', '.join(strange) or weights}")
    whole = sum(weights.values())
    parts = [(name, w / whole, array[labels == name]) for name, w in weights.items()]
    return parts, len(array)


def _short(parts: Sequence[tuple[Hashable, float, Floats]]) -> tuple[Hashable, ...]:
    return tuple(name for name, _, own in parts if len(own) < 2)


def stratified(
    y: npt.ArrayLike, stratum: Sequence[Hashable], *, weights: Mapping[Any, float]
) -> Estimate:
    """Estimate means from strata whose areas are known and that were sampled one by one.

    Parameters
    ----------
    y : array_like, dims (plot,) or (plot, variable)
    stratum : sequence, dims (plot)
    weights : mapping
        Area of each stratum, in any unit; only the shares count.

    Notes
    -----
    ``ȳ = Σ W_h ȳ_h``, ``cov(ȳ) = Σ W_h² cov(ȳ_h)`` (Cochran 1977, ch. 5).

    Raises
    ------
    ValueError
        If a plot lies in a stratum without a weight.
    """
    parts, plots = _strata(y, stratum, weights=weights)
    moments = [(share, *_moments(own)) for _, share, own in parts]
    value = sum(share * mean for share, mean, _ in moments)
    covariance = sum(share**2 * cov for share, _, cov in moments)
    return Estimate(np.asarray(value), np.asarray(covariance), plots, _short(parts))


def post_stratified(
    y: npt.ArrayLike, stratum: Sequence[Hashable], *, weights: Mapping[Any, float]
) -> Estimate:
    """Estimate means from one random sample sorted into strata of known area afterwards.

    The plots that fall into a stratum are then a matter of chance, which the second term pays for.

    Parameters
    ----------
    y : array_like, dims (plot,) or (plot, variable)
    stratum : sequence, dims (plot)
    weights : mapping
        Area of each stratum, or its number of map cells; only the shares count.

    Notes
    -----
    ``ȳ = Σ W_h ȳ_h`` and
    ``cov(ȳ) = (1/n) [Σ W_h n_h cov(ȳ_h) + Σ (1 − W_h) (n_h/n) cov(ȳ_h)]``
    (Bechtold & Patterson 2005, section 4.2.1; Cochran 1977, ch. 5A). This is FIA's estimator.

    Raises
    ------
    ValueError
        If a plot lies in a stratum without a weight.
    """
    parts, plots = _strata(y, stratum, weights=weights)
    moments = [(share, len(own), *_moments(own)) for _, share, own in parts]
    value = sum(share * mean for share, _, mean, _ in moments)
    covariance = sum(
        (share * n + (1 - share) * n / plots) / plots * cov for share, n, _, cov in moments
    )
    return Estimate(np.asarray(value), np.asarray(covariance), plots, _short(parts))


def two_phase(
    y: npt.ArrayLike, stratum: Sequence[Hashable], *, counts: Mapping[Any, float]
) -> Estimate:
    """Estimate means by double sampling for stratification: the strata's shares are estimated.

    Parameters
    ----------
    y : array_like, dims (plot,) or (plot, variable)
        Second phase: the plots.
    stratum : sequence, dims (plot)
    counts : mapping
        Points of the first phase in each stratum. Fewer points make the shares less sure; with
        ever more the estimate becomes that of `post_stratified`, or, for a second phase that
        was drawn within the strata, of `stratified`.

    Notes
    -----
    ``ȳ = Σ (n'_h/n') ȳ_h`` and
    ``cov(ȳ) = Σ (n'_h − 1)/(n' − 1) (n'_h/n') cov(ȳ_h)
    + 1/(n' − 1) Σ (n'_h/n') (ȳ_h − ȳ)(ȳ_h − ȳ)ᵀ``
    (Bechtold & Patterson 2005, section 4.2.2; Cochran 1977, ch. 12).

    Raises
    ------
    ValueError
        If a plot lies in a stratum without first-phase points, or there are fewer than two.
    """
    parts, plots = _strata(y, stratum, weights=counts)
    points = float(sum(counts.values()))
    if points < 2:
        raise ValueError("the first phase needs two points")
    moments = [(share, share * points, *_moments(own)) for _, share, own in parts]
    value = np.asarray(sum(share * mean for share, _, mean, _ in moments))
    within = sum((n - 1) / (points - 1) * share * cov for share, n, _, cov in moments)
    between = sum(share * np.outer(mean - value, mean - value) for share, _, mean, _ in moments)
    return Estimate(value, np.asarray(within + between / (points - 1)), plots, _short(parts))


def clusters(y: npt.ArrayLike, size: npt.ArrayLike, *, cluster: Sequence[Hashable]) -> Estimate:
    """Estimate means per unit of size where plots stand in clusters: the cluster is the sample.

    Parameters
    ----------
    y : array_like, dims (plot,) or (plot, variable)
        Amounts on each plot, not per hectare.
    size : array_like, dims (plot)
        Size of each plot, e.g. its area [ha]; clusters may differ in it.
    cluster : sequence, dims (plot)

    Notes
    -----
    With amount ``y_c`` and size ``m_c`` of each of n clusters, ``R = Σ y_c / Σ m_c`` and
    ``cov(R) = n/(n − 1) Σ (y_c − R m_c)(y_c − R m_c)ᵀ / (Σ m_c)²`` (Cochran 1977, ch. 2 and 9A).
    """
    array, sizes = observations(y), np.asarray(size, dtype=np.float64)
    index = {name: place for place, name in enumerate(dict.fromkeys(cluster))}
    places = np.array([index[name] for name in cluster], dtype=np.intp)
    amount, hectares = np.zeros((len(index), array.shape[1])), np.zeros(len(index))
    np.add.at(amount, places, array)
    np.add.at(hectares, places, sizes)
    n, whole = len(index), float(hectares.sum())
    if not whole > 0:
        empty = np.full(array.shape[1], np.nan)
        return Estimate(empty, np.full((empty.size, empty.size), np.nan), len(array), ("all",))
    ratio = amount.sum(axis=0) / whole
    if n < 2:
        unknown = np.full((ratio.size, ratio.size), np.nan)
        return Estimate(ratio, unknown, len(array), tuple(index))
    rest = amount - ratio * hectares[:, None]
    return Estimate(ratio, n / (n - 1) * rest.T @ rest / whole**2, len(array))


def ratio_of_means(estimate: Estimate, *, over: int = -1) -> Estimate:
    """Divide estimates by one of them: tonnes by hectares of forest, both of the same plots.

    Parameters
    ----------
    estimate : Estimate
        Means or totals; several units are added first, see `combine`.
    over : int
        The variable that is the denominator; it is left out of the result.

    Notes
    -----
    ``R = Ŷ/X̂`` and ``v(R) = [v(Ŷ) + R² v(X̂) − 2 R cov(Ŷ, X̂)] / X̂²``
    (Bechtold & Patterson 2005, section 4.2.1; Cochran 1977, ch. 6), right for a large sample.
    """
    size = estimate.value.size
    place = over % size
    below = float(estimate.value[place])
    keep = [k for k in range(size) if k != place]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = estimate.value[keep] / below
        change = np.zeros((len(keep), size))
        for row, k in enumerate(keep):
            change[row, k], change[row, place] = 1.0, -ratio[row]
        covariance = change @ estimate.covariance @ change.T / below**2
    return Estimate(ratio, covariance, estimate.plots, estimate.short)


def change_between(estimate: Estimate, *, start: int = 0, end: int = 1) -> Estimate:
    """Return the change between two measurements of permanent plots, its covariance counted.

    Parameters
    ----------
    estimate : Estimate
        Of the same plots at both dates, one variable each.
    start, end : int

    Notes
    -----
    ``v(ȳ₂ − ȳ₁) = v(ȳ₁) + v(ȳ₂) − 2 cov(ȳ₁, ȳ₂)`` (Cochran 1977, ch. 12): of plots that were
    measured again most of the error is shared and falls out.
    """
    step = np.zeros((1, estimate.value.size))
    step[0, start], step[0, end] = -1.0, 1.0
    return Estimate(
        step @ estimate.value, step @ estimate.covariance @ step.T, estimate.plots, estimate.short
    )


def combine(parts: Sequence[Estimate]) -> Estimate:
    """Add the totals of estimation units that were sampled independently of each other.

    Raises
    ------
    ValueError
        If there is no unit.
    """
    if not parts:
        raise ValueError("no estimation unit")

    def _add(one: Estimate, other: Estimate) -> Estimate:
        return Estimate(
            one.value + other.value,
            one.covariance + other.covariance,
            one.plots + other.plots,
            one.short + other.short,
        )

    return reduce(_add, parts)
