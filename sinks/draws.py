"""Draws of uncertain parameters: one stream per named parameter, shared by all counties and years.

A draw is a quantile: the stream of a parameter's *name* gives probabilities, the parameter's
distribution turns them into values. So adding a county, a class or a year never moves the draws
of another parameter, and one expansion factor is the same number everywhere within one draw.

Probabilities are a Latin hypercube sample (McKay, Beckman & Conover 1979, Technometrics 21:239,
doi:10.1080/00401706.1979.10489755): one value in each of n equal slices, in random order, which
keeps the mean and spread of every single parameter nearly exact at 1,000 draws. They come from
the raw output of Philox, whose stream numpy keeps stable between its versions.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

Floats = npt.NDArray[np.float64]
Distribution = Literal["fixed", "normal", "lognormal"]

#: Relative standard error from which a positive quantity is drawn lognormal, not normal:
#: half of a 30 % half-width of the 95 % interval (IPCC 2006, vol. 1, ch. 3, section 3.2.2.4).
LOGNORMAL_FROM: Final = 0.15


def probabilities(name: str, *, seed: int, count: int) -> Floats:
    """Return the stream of `name`: one probability in each of `count` equal slices.

    Parameters
    ----------
    name : str
        The parameter's name, e.g. ``density/forest_enf/agb``.
    seed : int
        The run's seed.
    count : int
        Number of draws; one draw is the central value, 0.5.

    Returns
    -------
    ndarray, dims (draw)

    Examples
    --------
    >>> probabilities("density/forest/agb", seed=1, count=1).tolist()
    [0.5]
    """
    digest = hashlib.sha256(f"{seed}\x1f{name}".encode()).digest()
    raw = np.random.Philox(key=int.from_bytes(digest[:16], "little")).random_raw(2 * count)
    order = np.argsort(raw[:count], kind="stable")
    within = (raw[count:] >> np.uint64(11)).astype(np.float64) / 2.0**53 if count > 2 else 0.5
    return np.asarray((order + within) / count)


def usual_distribution(value: float, se: float) -> Distribution:
    """Return the distribution for a value that names none.

    Normal for small relative errors or values that may be negative, lognormal for wide positive
    ones (IPCC 2006, vol. 1, ch. 3), fixed without a spread.
    """
    if se == 0 or not np.isfinite(se):
        return "fixed"
    return "lognormal" if value > 0 and se / value > LOGNORMAL_FROM else "normal"


def range_se(low: float, high: float, *, value: float, interval: float, lognormal: bool) -> float:
    """Return the standard error that a range means.

    Parameters
    ----------
    low, high : float
        Bounds of the central part `interval` of the distribution.
    value : float
        Mean, in the parameter's unit.
    interval : float
        Probability, e.g. 0.95.
    lognormal : bool
        Whether the range is one of a lognormal; its lower bound must be positive.

    Notes
    -----
    With ``z = Φ⁻¹((1 + interval) / 2)`` the range of a normal distribution spans ``2 z se``; of a
    lognormal, ``sigma = ln(high / low) / 2 z`` and ``se = value · sqrt(exp(sigma²) − 1)``.

    Examples
    --------
    >>> round(range_se(8.04, 11.96, value=10.0, interval=0.95, lognormal=False), 3)
    1.0
    """
    z = float(ndtri((1 + interval) / 2))
    if lognormal and low > 0 and value > 0:
        sigma = np.log(high / low) / (2 * z)
        return float(value * np.sqrt(np.expm1(sigma**2)))
    return (high - low) / (2 * z)


def quantiles(p: Floats, *, value: float, se: float, distribution: Distribution) -> Floats:
    """Turn probabilities into values of a parameter with mean `value` and standard error `se`.

    Parameters
    ----------
    p : ndarray, dims (draw)
        Probabilities of the parameter's stream. The single probability 0.5 of a plain run gives
        the central value exactly, for the lognormal its mean and not its median.
    value, se : float
        Mean and standard error, in the parameter's unit.
    distribution : {"fixed", "normal", "lognormal"}
        The lognormal is matched by its moments: sigma² = ln(1 + (se/value)²).

    Returns
    -------
    ndarray, dims (draw)

    Examples
    --------
    >>> quantiles(np.array([0.5]), value=20.0, se=8.0, distribution="lognormal").tolist()
    [20.0]
    """
    return from_normal(ndtri(p), value=value, se=se, distribution=distribution)


def from_normal(z: Floats, *, value: float, se: float, distribution: Distribution) -> Floats:
    """Turn standard normal draws into values, as `quantiles` does of their probabilities."""
    if distribution == "fixed" or z.size == 1:
        return np.full(z.shape, value)
    if distribution == "normal":
        return np.asarray(value + se * z)
    sigma2 = np.log1p((se / value) ** 2)
    return np.asarray(value * np.exp(np.sqrt(sigma2) * z - sigma2 / 2))


def around(name: str, value: float, *, se: float, seed: int, count: int) -> Floats:
    """Return a parameter's central value followed by its draws, dims (1 + draw).

    Parameters
    ----------
    name : str
        Of its stream.
    value, se : float
        Mean and standard error; see `usual_distribution` for the distribution.
    seed, count : int
        Of the run; with one draw it is the central value, too.
    """
    stream = probabilities(name, seed=seed, count=count)
    kind = usual_distribution(value, se)
    drawn = quantiles(stream, value=value, se=se, distribution=kind)
    return np.concatenate([[value], drawn])


@dataclass(frozen=True)
class Summary:
    """Spread of a set of draws.

    Attributes
    ----------
    se, low, high : ndarray
        Standard deviation and the bounds of the central interval, with the draws' other dims.
    """

    se: Floats
    low: Floats
    high: Floats


def summarise(draws: Floats, *, level: float) -> Summary:
    """Summarise draws along the last axis.

    Parameters
    ----------
    draws : ndarray, dims (..., draw)
    level : float
        Probability of the interval, e.g. 0.95.

    Notes
    -----
    With one draw the standard error is 0 and the interval is the value: nothing was varied.
    """
    tail = (1 - level) / 2
    low, high = np.quantile(draws, [tail, 1 - tail], axis=-1)
    ddof = 1 if draws.shape[-1] > 1 else 0
    # The mean of equal numbers is not always that number: what does not vary has no error.
    # What is not known in a draw is not known: its error is no 0.
    most = draws.max(axis=-1)
    varies = (most > draws.min(axis=-1)) | np.isnan(most)
    se = np.where(varies, draws.std(axis=-1, ddof=ddof), 0.0)
    return Summary(se=se, low=low, high=high)
