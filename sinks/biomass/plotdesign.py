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
#: Post-strata cut across the strata of the legend: ratios of totals over all plots.
ACROSS: Final = "post_stratified_ratio"
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


def keys_of(rows: pd.DataFrame) -> pd.Series:
    """Return what each row is a part of: its cluster, else the plot itself."""
    return rows["cluster"].where(rows["cluster"] != "", rows["plot_id"])


def design_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the design of one year's plots, wooded or not: one row per plot or cluster.

    Parameters
    ----------
    rows : DataFrame
        All plots of a year: ``cluster``, ``plot_id``, ``estimation_unit``, ``post_stratum``,
        ``post_stratum_ha``.

    Returns
    -------
    DataFrame, dims (plot)
        Index the plot or cluster; ``unit``, ``stratum``, ``hectares`` of that post-stratum, and
        ``weight``, the hectares that the plot speaks for.
    """
    own = pd.DataFrame({
        "key": keys_of(rows), "unit": rows["estimation_unit"], "stratum": rows["post_stratum"],
        "hectares": rows["post_stratum_ha"],
    }).drop_duplicates("key").set_index("key")  # fmt: skip
    size = own.groupby(["unit", "stratum"])["hectares"].transform("size")
    return own.assign(weight=own["hectares"] / size)


def _on_plots(y: Floats, rows: pd.DataFrame, *, design: pd.DataFrame) -> Floats:
    """Sum rows by plot of the design, dims (plot of the design, variable); 0 where none lies."""
    place = design.index.get_indexer(pd.Index(keys_of(rows)))
    out = np.zeros((len(design), y.shape[1]))
    np.add.at(out, place, y)
    return out


def totals_across(y: Floats, rows: pd.DataFrame, *, design: pd.DataFrame) -> Estimate:
    """Estimate totals of a part of the plots from the post-strata of all of them.

    Parameters
    ----------
    y : ndarray, dims (row, variable)
        Amounts times the share of the plot.
    rows : DataFrame
        The rows of a stratum of the legend.
    design : DataFrame
        As `design_of` gives it: plots without such a row hold 0, they were visited.

    Notes
    -----
    ``Ŷ = Σ_u Σ_h A_uh ȳ_uh`` over estimation units u and their post-strata h, every unit a
    sample of its own (Bechtold & Patterson 2005, section 4.2.1).
    """
    observed, parts = _on_plots(y, rows, design=design), []
    for unit in design["unit"].unique():
        here = (design["unit"] == unit).to_numpy()
        own = design[here]
        areas = own.drop_duplicates("stratum").set_index("stratum")["hectares"].to_dict()
        found = estimators.post_stratified(observed[here], list(own["stratum"]), weights=areas)
        parts.append(found.total(sum(areas.values())))
    return estimators.combine(parts)


def _share(rows: pd.DataFrame) -> Floats:
    return rows["share"].fillna(1.0).to_numpy(dtype=np.float64)


def own_weights(rows: pd.DataFrame, config: PlotsConfig) -> dict[str, float]:
    """Return the weights of the plots' strata that meet in one stratum of the legend."""
    labels = rows["label"].unique()
    return {str(name): config.weights[str(name)] for name in labels if str(name) in config.weights}


def estimate(
    y: Floats, rows: pd.DataFrame, *, config: PlotsConfig, design: pd.DataFrame
) -> Estimate:
    """Estimate means per hectare of a stratum of the legend.

    Parameters
    ----------
    y : ndarray, dims (plot, variable)
        Amounts per hectare of the part of the plot in the stratum.
    rows : DataFrame
        The plots: columns ``label`` (the plots' own stratum), ``cluster``, ``plot_id``,
        ``share``, ``plot_area``.
    config : PlotsConfig
    design : DataFrame
        Of all plots of the year: see `design_of`.

    Returns
    -------
    Estimate, dims (variable)
        `Estimate.short` names the strata with fewer than two plots.
    """
    if config.estimator == "simple":
        return estimators.simple_random(y)
    if config.estimator == ACROSS:
        share = _share(rows)[:, None]
        both = np.column_stack([y * share, share])
        return estimators.ratio_of_means(totals_across(both, rows, design=design))
    if config.estimator in ("ratio", "clusters"):
        size = sizes(rows)
        named = config.estimator == "clusters"
        groups = keys_of(rows)
        return estimators.clusters(
            y * size[:, None], size, cluster=list(groups if named else range(len(rows)))
        )
    labels, weights = [str(name) for name in rows["label"]], own_weights(rows, config)
    if config.estimator == "stratified":
        return estimators.stratified(y, labels, weights=weights)
    if config.estimator == "two_phase":
        return estimators.two_phase(y, labels, counts=weights)
    return estimators.post_stratified(y, labels, weights=weights)


def weights(rows: pd.DataFrame, config: PlotsConfig, *, design: pd.DataFrame) -> Floats:
    """Return the weight of each plot in its stratum's mean, dims (plot); they add up to 1.

    Every estimator's mean is ``Σ w_i y_i``: what is linear in the plots can be drawn exactly.
    """
    n = len(rows)
    if config.estimator == ACROSS:
        hectares = _share(rows) * design["weight"].reindex(keys_of(rows)).to_numpy()
        return np.asarray(hectares / hectares.sum())
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
    first: tuple[pd.DataFrame, Floats, Floats],
    second: tuple[pd.DataFrame, Floats, Floats],
    *,
    config: PlotsConfig,
) -> Floats:
    """Return the covariance of the means of two rounds, from the plots that were in both.

    Parameters
    ----------
    first, second : tuple of DataFrame, ndarray, ndarray
        Of each round: the plots of the stratum, what was observed on them, dims (plot, variable),
        and the covariance of the means, dims (variable, variable).
    config : PlotsConfig

    Returns
    -------
    ndarray, dims (variable of the first, variable of the second)

    Notes
    -----
    With n₁ and n₂ plots of which m are the same, and the correlations r of their residuals,
    ``cov = r · m / √(n₁ n₂) · se₁ se₂``: exact for simple random samples of equal spread, and 0
    for samples without a common plot. Clusters and plots of other shares pair as a whole.
    """
    (rows, y, own), (others, z, other) = first, second
    a, b = _residuals(y, rows, config=config), _residuals(z, others, config=config)
    both = a.index.intersection(b.index)
    if len(both) < 2:
        return np.zeros((y.shape[1], z.shape[1]))
    here, there = (part.loc[both].to_numpy() for part in (a, b))
    here, there = here - here.mean(axis=0), there - there.mean(axis=0)
    scale = np.sqrt(np.outer((here**2).sum(axis=0), (there**2).sum(axis=0)))
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = np.where(scale > 0, here.T @ there / scale, 0.0)
    overlap = len(both) / np.sqrt(len(a) * len(b))
    se, later = np.sqrt(np.diag(own)), np.sqrt(np.diag(other))
    return np.asarray(correlation * overlap * np.outer(se, later))


def _residuals(y: Floats, rows: pd.DataFrame, *, config: PlotsConfig) -> pd.DataFrame:
    """Return what the variance of a stratum's mean is made of, dims (plot or cluster, variable).

    Of ratios the linear residual ``m (y − R)``, summed by cluster; of strata the distance from
    their own mean.
    """
    if config.estimator in WEIGHTED:
        frame = pd.DataFrame(y, index=pd.Index(rows["plot_id"]))
        return frame - frame.groupby(rows["label"].to_numpy()).transform("mean")
    if config.estimator == "simple":
        return pd.DataFrame(y, index=pd.Index(rows["plot_id"]))
    size = _share(rows) if config.estimator == ACROSS else sizes(rows)
    ratio = (y * size[:, None]).sum(axis=0) / size.sum()
    keys = rows["plot_id"] if config.estimator == "ratio" else keys_of(rows)
    frame = pd.DataFrame((y - ratio) * size[:, None])
    return frame.groupby(keys.to_numpy(), sort=False).sum()
