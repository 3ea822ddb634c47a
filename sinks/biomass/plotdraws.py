"""Draws of what a sample of plots estimates: the sampling errors of carbon and volume together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from sinks.biomass.stands import Draws
from sinks.draws import LOGNORMAL_FROM, probabilities

Floats = npt.NDArray[np.float64]
#: Growing stock, estimated beside the pools and never one of them.
VOLUME: Final = "volume"


class Means(Protocol):
    """Means of strata, variables and years with the covariance of their sample."""

    @property
    def strata(self) -> tuple[str, ...]:
        """Names of the first dimension."""

    @property
    def pools(self) -> tuple[str, ...]:
        """Names of the variables."""

    @property
    def years(self) -> tuple[int, ...]:
        """Names of the last dimension."""

    @property
    def value(self) -> Floats:
        """The means, dims (stratum, variable, year)."""

    @property
    def covariance(self) -> Floats:
        """Of the means, dims (stratum, variable × year, variable × year)."""

    @property
    def draws(self) -> Draws:
        """How many draws, from which seed."""


def sampling_factors(means: Means) -> Floats:
    """Draw factors of mean 1 with the sample's relative covariance, dims (…, draw).

    One stream per stratum, variable and year, taken in this order: another variable behind them
    leaves the draws of those before it as they are.
    """
    out = np.ones((*means.value.shape, means.draws.count))
    names = [f"{pool}/{year}" for pool in means.pools for year in means.years]
    for s, stratum in enumerate(means.strata):
        centre = means.value[s].reshape(-1)
        kept = np.flatnonzero(np.nan_to_num(centre) > 0)
        if not kept.size:
            continue
        relative = means.covariance[s][np.ix_(kept, kept)] / np.outer(centre[kept], centre[kept])
        normal = np.stack([
            ndtri(
                probabilities(
                    f"plots/{stratum}/{names[k]}", seed=means.draws.seed, count=means.draws.count
                )
            )
            for k in kept
        ])  # fmt: skip
        wide = np.sqrt(np.diag(relative)).max() > LOGNORMAL_FROM
        own = np.log1p(relative) if wide else relative
        error = root(own) @ normal
        shift = np.diag(own)[:, None] / 2
        factors = np.exp(error - shift) if wide else 1.0 + error
        out[s].reshape(-1, means.draws.count)[kept] = factors
    return out


def root(matrix: Floats) -> Floats:
    """Return a lower triangular L with ``L Lᵀ = matrix``, the nearest that there is.

    A covariance put together from parts may have small negative eigenvalues; they are set to 0.
    The result keeps the order of the variables, so that one more never moves those before it.

    Examples
    --------
    >>> root(np.array([[4.0, 2.0], [2.0, 1.0]])).round(6).tolist()
    [[2.0, 0.0], [1.0, 0.0]]
    """
    out = np.zeros_like(matrix)
    for i in range(len(matrix)):
        for j in range(i + 1):
            rest = float(matrix[i, j] - out[i, :j] @ out[j, :j])
            if i == j:
                out[i, i] = np.sqrt(max(rest, 0.0))
            elif out[j, j] > 1e-9 * np.sqrt(matrix[j, j]):
                room = np.sqrt(max(matrix[i, i] - out[i, :j] @ out[i, :j], 0.0))
                out[i, j] = np.clip(rest / out[j, j], -room, room)
    return out


@dataclass(frozen=True)
class PlotVolume:
    """Growing stock of plots beside the carbon of the same plots.

    Attributes
    ----------
    strata, pools, years : tuple
        As of `PlotDensity`, with `VOLUME` the last of the pools: the joint covariance makes the
        errors of volume and carbon correlate as they do on the plots.
    value : ndarray, dims (stratum, pool, year) [t C/ha], of the last pool [m³/ha]
    covariance : ndarray, dims (stratum, pool × year, pool × year)
    draws : Draws
    """

    strata: tuple[str, ...]
    pools: tuple[str, ...]
    years: tuple[int, ...]
    value: Floats
    covariance: Floats
    draws: Draws

    @property
    def mean(self) -> Floats:
        """Growing stock, dims (stratum, year) [m³/ha]; NaN where a plot does not tell it."""
        return self.value[:, -1]

    @property
    def own_covariance(self) -> Floats:
        """Covariance of the growing stock, dims (stratum, year, year) [(m³/ha)²]."""
        size = len(self.years)
        return self.covariance[:, -size:, -size:]

    @property
    def se(self) -> Floats:
        """Standard errors of sampling, dims (stratum, year) [m³/ha]."""
        diagonal = np.diagonal(self.own_covariance, axis1=1, axis2=2)
        return np.sqrt(np.maximum(diagonal, 0.0))

    def drawn(self) -> Floats:
        """Draw the growing stock, dims (stratum, year, draw) [m³/ha]."""
        if self.draws.count == 1:
            return self.mean[..., None].copy()
        return self.mean[..., None] * sampling_factors(self)[:, -1]
