"""What a transition matrix says of each category: gains, losses, persistence, net change, swap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Components:
    """Components of change, one value per matrix and category, in the matrix's unit.

    Attributes
    ----------
    start, end : ndarray, dims (..., category)
        Size of the category in the first and in the last year.
    persistence, gain, loss : ndarray, dims (..., category)
        What stayed, what came and what went; all ≥ 0.
    net, swap : ndarray, dims (..., category)
        ``gain − loss``, with its sign; and what was lost in one place and gained in another.
        ``gain + loss = |net| + swap``.
    """

    start: Floats
    end: Floats
    persistence: Floats
    gain: Floats
    loss: Floats
    net: Floats
    swap: Floats


def components(matrix: npt.ArrayLike) -> Components:
    """Take a transition matrix apart, category by category.

    Parameters
    ----------
    matrix : array_like, dims (..., from, to)
        Areas (or any quantity ≥ 0) by category in the first and in the last year.

    Returns
    -------
    Components

    Notes
    -----
    With ``p`` the matrix: ``gain_j = p_+j − p_jj``, ``loss_j = p_j+ − p_jj``, and
    ``swap_j = 2 min(gain_j, loss_j)``.

    References
    ----------
    Pontius, R. G., Shusas, E. & McEachern, M. (2004). Detecting important categorical land changes
    while accounting for persistence. Agriculture, Ecosystems & Environment 101, 251–268, eq. 1–7.

    Examples
    --------
    Forest loses 3 and gains 2 of 10: a net loss of 1, and 4 that only changed place.

    >>> parts = components([[7.0, 3.0], [2.0, 8.0]])
    >>> parts.net.tolist(), parts.swap.tolist()
    ([-1.0, 1.0], [4.0, 4.0])
    """
    table = np.asarray(matrix, dtype=np.float64)
    start, end = table.sum(axis=-1), table.sum(axis=-2)
    stayed = np.diagonal(table, axis1=-2, axis2=-1).copy()
    # From the cells off the diagonal: a difference of two large sums would leave rounding.
    moved = table * (1.0 - np.eye(table.shape[-1]))
    gain, loss = moved.sum(axis=-2), moved.sum(axis=-1)
    return Components(start, end, stayed, gain, loss, gain - loss, 2 * np.minimum(gain, loss))


def annual_rate(start: npt.ArrayLike, end: npt.ArrayLike, *, years: float) -> Floats:
    """Return the mean rate of change per year, as the exponent of continuous growth.

    Parameters
    ----------
    start, end : array_like
        Area in the first and in the last year [ha].
    years : float
        Time between them [yr].

    Returns
    -------
    ndarray [1/yr]
        NaN where the area is zero at either end: such a change has no rate.

    Notes
    -----
    ``r = ln(A₂ / A₁) / (t₂ − t₁)``, recommended over `compound_rate` because it has the meaning of
    compound interest without depending on how often interest is paid.

    References
    ----------
    Puyravaud, J.-P. (2003). Standardizing the calculation of the annual rate of deforestation.
    Forest Ecology and Management 177, 593–596, eq. 2.

    Examples
    --------
    >>> round(float(annual_rate(100.0, 50.0, years=10)), 4)
    -0.0693
    """
    return np.log(_ratio(start, end)) / years


def compound_rate(start: npt.ArrayLike, end: npt.ArrayLike, *, years: float) -> Floats:
    """Return the mean rate of change per year, compounded once a year.

    Parameters
    ----------
    start, end : array_like
        Area in the first and in the last year [ha].
    years : float
        Time between them [yr].

    Returns
    -------
    ndarray [1/yr]
        NaN where the area is zero at either end.

    Notes
    -----
    ``q = (A₂ / A₁)^(1 / (t₂ − t₁)) − 1``; ``ln(1 + q)`` is `annual_rate`.

    References
    ----------
    FAO (1995). Forest Resources Assessment 1990: Global Synthesis. FAO Forestry Paper 124; as
    quoted by Puyravaud (2003), eq. 1.

    Examples
    --------
    >>> round(float(compound_rate(100.0, 50.0, years=10)), 4)
    -0.067
    """
    return np.asarray(_ratio(start, end) ** (1.0 / years) - 1.0)


def _ratio(start: npt.ArrayLike, end: npt.ArrayLike) -> Floats:
    """Return end over start, NaN where either is zero."""
    first, last = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
    known = (first > 0) & (last > 0)
    return np.where(known, last, np.nan) / np.where(known, first, np.nan)
