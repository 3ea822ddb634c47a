"""Shares of the land that its strata take by a sample of plots: areas without a map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from sinks.biomass import estimators, plotdesign
from sinks.biomass.estimators import Estimate
from sinks.biomass.plots import Plots
from sinks.biomass.plotsample import labelled_plots
from sinks.checks import Problems, first_few
from sinks.sections import PlotsConfig

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PlotShares:
    """What part of the sampled land the strata take.

    Attributes
    ----------
    strata, years : tuple
    value : ndarray, dims (year, stratum)
    covariance : ndarray, dims (year, stratum, stratum)
    """

    strata: tuple[str, ...]
    years: tuple[int, ...]
    value: Floats
    covariance: Floats


def plot_shares(
    plots: Plots,
    config: PlotsConfig,
    *,
    strata: Sequence[str],
    years: Sequence[int],
    problems: Problems,
) -> PlotShares | None:
    """Estimate the share of each stratum from plots on all of the land, wooded or not.

    Parameters
    ----------
    plots : Plots
        Plots of no stratum in `strata` stand for the rest of the land.
    config : PlotsConfig
        Its design; the weights of stratified designs are needed for every stratum of the plots.
    strata : sequence of str
    years : sequence of int
    problems : Problems

    Returns
    -------
    PlotShares or None
        None if weights are missing, or a year has fewer than two plots.

    Notes
    -----
    A plot counts by the part of it that lies in a stratum. Simple random: the mean and its
    covariance; clusters and plots of different sizes: ratios to the area observed. Stratified
    designs: the shares of the weights, without error where they are areas, multinomial where they
    are points of a first phase. Post-strata that cut across the strata: totals of the strata over
    the total of all that was seen.
    """
    frame = labelled_plots(plots, config, strata=strata, years=years, problems=problems)
    if frame is None:
        return None
    found = []
    for year in years:
        rows = frame[frame["year"] == year]
        weighted = config.estimator in plotdesign.WEIGHTED
        lost = sorted(set(rows["label"]) - set(config.weights)) if weighted else []
        if lost or len(rows) < 2:
            problems.error(
                "plottotals.not_estimable", file=plots.shown, year=year, count=len(rows),
                names=first_few((name or "∅" for name in lost), problems.language) or "-",
            )  # fmt: skip
            return None
        if config.estimator == plotdesign.ACROSS:
            found.append(_across(rows, strata=strata))
        else:
            found.append((_weighted if weighted else _observed)(rows, config, strata=strata))
    return PlotShares(
        tuple(strata), tuple(years), np.stack([own.value for own in found]),
        np.stack([own.covariance for own in found]),
    )  # fmt: skip


def _observed(rows: pd.DataFrame, config: PlotsConfig, *, strata: Sequence[str]) -> Estimate:
    """Estimate shares from what was seen on the plots."""
    part = rows["share"].fillna(1.0).to_numpy(dtype=np.float64)
    targets = rows["target"].to_numpy()
    seen = np.stack([np.where(targets == name, part, 0.0) for name in strata], axis=1)
    if config.estimator == "simple":
        return estimators.simple_random(seen)
    area = rows["plot_area"].to_numpy(dtype=np.float64)
    size = area if np.isfinite(area).all() else np.ones(len(rows))
    groups = plotdesign.keys_of(rows)
    named = config.estimator == "clusters"
    return estimators.clusters(
        seen * size[:, None], size, cluster=list(groups if named else range(len(rows)))
    )


def _across(rows: pd.DataFrame, *, strata: Sequence[str]) -> Estimate:
    """Estimate shares from post-strata across the strata: totals over the total of all seen."""
    part = rows["share"].fillna(1.0).to_numpy(dtype=np.float64)
    targets = rows["target"].to_numpy()
    seen = np.stack([*(np.where(targets == name, part, 0.0) for name in strata), part], axis=1)
    design = plotdesign.design_of(rows)
    return estimators.ratio_of_means(plotdesign.totals_across(seen, rows, design=design))


def _weighted(rows: pd.DataFrame, config: PlotsConfig, *, strata: Sequence[str]) -> Estimate:
    """Return the shares of the weights of the plots' own strata."""
    targets = dict(zip(rows["label"], rows["target"], strict=True))
    whole = sum(config.weights[name] for name in targets)
    shares = [
        sum(config.weights[label] for label, own in targets.items() if own == name) / whole
        for name in strata
    ]
    value = np.array(shares)
    spread = np.zeros((len(strata), len(strata)))
    if config.estimator == "two_phase":
        spread = (np.diag(value) - np.outer(value, value)) / max(whole - 1, 1.0)
    return Estimate(value, spread, len(rows))
