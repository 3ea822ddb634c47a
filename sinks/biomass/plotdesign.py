"""The design of a sample of plots within one stratum of the legend: weights, means, covariances."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from sinks.biomass import estimators
from sinks.biomass.estimators import Estimate
from sinks.sections import PlotsConfig

Floats = npt.NDArray[np.float64]
#: Estimators that need the weights of the plots' own strata.
WEIGHTED: Final = frozenset({"stratified", "post_stratified", "two_phase"})


def sizes(rows: pd.DataFrame) -> Floats:
    """Return the size of the part of each plot that lies in the stratum, dims (plot).

    The plot's area times its share in the stratum; plots of areas that are not all known count
    alike.
    """
    share = rows["share"].fillna(1.0).to_numpy(dtype=np.float64)
    area = rows["plot_area"].to_numpy(dtype=np.float64)
    return share * area if np.isfinite(area).all() else share


def own_weights(rows: pd.DataFrame, config: PlotsConfig) -> dict[str, float]:
    """Return the weights of the plots' strata that meet in one stratum of the legend."""
    labels = rows["label"].unique()
    return {str(name): config.weights[str(name)] for name in labels if str(name) in config.weights}


def estimate(y: Floats, rows: pd.DataFrame, *, config: PlotsConfig) -> Estimate:
    """Estimate means per hectare of a stratum of the legend.

    Parameters
    ----------
    y : ndarray, dims (plot, variable)
        Amounts per hectare of the part of the plot in the stratum.
    rows : DataFrame
        The plots: columns ``label`` (the plots' own stratum), ``cluster``, ``plot_id``,
        ``share``, ``plot_area``.
    config : PlotsConfig

    Returns
    -------
    Estimate, dims (variable)
        `Estimate.short` names the strata with fewer than two plots.
    """
    if config.estimator == "simple":
        return estimators.simple_random(y)
    if config.estimator in ("ratio", "clusters"):
        size = sizes(rows)
        named = config.estimator == "clusters"
        groups = rows["cluster"].where(rows["cluster"] != "", rows["plot_id"])
        return estimators.clusters(
            y * size[:, None], size, cluster=list(groups if named else range(len(rows)))
        )
    labels, weights = [str(name) for name in rows["label"]], own_weights(rows, config)
    if config.estimator == "stratified":
        return estimators.stratified(y, labels, weights=weights)
    if config.estimator == "two_phase":
        return estimators.two_phase(y, labels, counts=weights)
    return estimators.post_stratified(y, labels, weights=weights)


def weights(rows: pd.DataFrame, config: PlotsConfig) -> Floats:
    """Return the weight of each plot in its stratum's mean, dims (plot); they add up to 1.

    Every estimator's mean is ``Σ w_i y_i``: what is linear in the plots can be drawn exactly.
    """
    n = len(rows)
    if config.estimator in ("ratio", "clusters"):
        size = sizes(rows)
        return np.asarray(size / size.sum())
    if config.estimator not in WEIGHTED:
        return np.full(n, 1.0 / n)
    areas = own_weights(rows, config)
    counts = {str(name): int(n) for name, n in rows["label"].value_counts().items()}
    whole = sum(areas.values())
    return np.array([areas[str(name)] / whole / counts[str(name)] for name in rows["label"]])


def covariance_between(
    first: tuple[pd.DataFrame, Floats, Floats], second: tuple[pd.DataFrame, Floats, Floats]
) -> Floats:
    """Return the covariance of the means of two rounds, from the plots that were in both.

    Parameters
    ----------
    first, second : tuple of DataFrame, ndarray, ndarray
        Of each round: the plots of the stratum, what was observed on them, dims (plot, variable),
        and the covariance of the means, dims (variable, variable).

    Returns
    -------
    ndarray, dims (variable of the first, variable of the second)

    Notes
    -----
    With n₁ and n₂ plots of which m are the same, and the correlations r of what was observed on
    those, ``cov = r · m / √(n₁ n₂) · se₁ se₂``: exact for simple random samples of equal spread,
    and 0 for samples without a common plot.
    """
    (rows, y, own), (others, z, other) = first, second
    size = y.shape[1]
    place = {name: i for i, name in enumerate(others["plot_id"])}
    pairs = [(i, place[name]) for i, name in enumerate(rows["plot_id"]) if name in place]
    if len(pairs) < 2:
        return np.zeros((size, size))
    here, there = (np.array(index) for index in zip(*pairs, strict=True))
    a, b = y[here] - y[here].mean(axis=0), z[there] - z[there].mean(axis=0)
    scale = np.sqrt(np.outer((a**2).sum(axis=0), (b**2).sum(axis=0)))
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = np.where(scale > 0, a.T @ b / scale, 0.0)
    overlap = len(pairs) / np.sqrt(len(rows) * len(others))
    se, later = np.sqrt(np.diag(own)), np.sqrt(np.diag(other))
    return np.asarray(correlation * overlap * np.outer(se, later))
