"""Carbon densities from inventory plots: models turn volume into carbon, the design into errors."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from sinks.biomass import plotdesign
from sinks.biomass.models import model_of_draw
from sinks.biomass.plotdraws import VOLUME, PlotVolume, sampling_factors
from sinks.biomass.stands import GROUPS, TREE_POOLS, Draws, StandCarbon
from sinks.biomass.trees import PlotCarbon
from sinks.parameters import Parameter
from sinks.sections import POOLS, PlotsConfig

Floats = npt.NDArray[np.float64]
#: A stratum of the legend and a year of the study.
Cell = tuple[str, int]
#: Sources of error of a density from plots besides the groups of parameters.
SAMPLING: Final = "plot_sampling"
CHOICE: Final = "model_choice"


@dataclass(frozen=True)
class PlotDensity:
    """Densities of the strata that plots can estimate.

    Attributes
    ----------
    strata, pools, years : tuple
    value : ndarray, dims (stratum, pool, year) [t C/ha]
        At the central parameters: of the first model, or the mean of all where draws choose; NaN
        where the plots do not hold the pool.
    covariance : ndarray, dims (stratum, pool × year, pool × year)
        Of the sampling errors; permanent plots correlate the years.
    count : ndarray of int, dims (stratum, year)
        Plots behind each estimate.
    weight, group : ndarray, dims (plot)
        Of each plot in its mean; stratum × year that it belongs to.
    measured : ndarray, dims (pool, plot) [t C/ha]
        Pools measured on the plots themselves; NaN where models give them.
    stands : mapping of str to StandCarbon or TreeStands
        The plots by each model; empty if all pools were measured.
    config : PlotsConfig
    draws : Draws
    files : tuple of str, dims (year)
        Where the plots of a year stand.
    wood : PlotVolume, optional
        Growing stock of the same plots; None where they tell none.
    """

    strata: tuple[str, ...]
    pools: tuple[str, ...]
    years: tuple[int, ...]
    value: Floats
    covariance: Floats
    count: npt.NDArray[np.int64]
    weight: Floats
    group: npt.NDArray[np.int64]
    measured: Floats
    stands: Mapping[str, PlotCarbon]
    config: PlotsConfig
    draws: Draws
    files: tuple[str, ...]
    wood: PlotVolume | None = None

    @property
    def se(self) -> Floats:
        """Standard errors of sampling alone, dims (stratum, pool, year) [t C/ha]."""
        diagonal = np.diagonal(self.covariance, axis1=1, axis2=2)
        return np.sqrt(np.maximum(diagonal, 0.0)).reshape(self.value.shape)

    @cached_property
    def all_drawn(self) -> Floats:
        """The densities with all sources of error, dims (stratum, pool, year, draw) [t C/ha]."""
        return self.drawn()

    @property
    def parameters(self) -> tuple[tuple[Parameter, float], ...]:
        """Every parameter of the models in use with its standard error, once, by name."""
        models = list(self.stands.values())
        used = models if self.config.model_choice else models[:1]
        factors = [factor for model in used for factor in model.factors]
        rows = {own.parameter.name: (own.parameter, own.spread()[0]) for own in factors}
        return tuple(rows[name] for name in sorted(rows))

    @property
    def groups(self) -> frozenset[str]:
        """The groups of parameters that the models in use have."""
        models = list(self.stands.values())
        used = models if self.config.model_choice else models[:1]
        return frozenset(factor.group for model in used for factor in model.factors)

    def is_measured(self, stratum: int, pool: int) -> bool:
        """Tell whether a pool was measured on the plots of a stratum themselves."""
        size = len(self.years)
        here = (self.group >= stratum * size) & (self.group < (stratum + 1) * size)
        return not bool(np.isnan(self.measured[pool][here]).any())

    def central_of(self, model: str) -> Floats:
        """Return the densities by one model, dims (stratum, pool, year) [t C/ha]."""
        return self._means(self.stands[model], central=True)[..., 0]

    def outside_of(self, model: str) -> tuple[Floats, Floats]:
        """Return what part of the area and of the carbon lies outside a model's validity range.

        Returns
        -------
        area, carbon : ndarray, dims (stratum, year) and (pool, stratum, year)
            By the plots' weights; NaN of models of single trees, which have their own range.
        """
        shape, own = (len(self.strata), len(self.years)), self.stands[model]
        if not isinstance(own, StandCarbon):
            return np.full(shape, np.nan), np.full((len(TREE_POOLS), *shape), np.nan)
        area, carbon = own.outside_by(self.weight, self.group, count=shape[0] * shape[1])
        return area.reshape(shape), carbon.reshape(len(TREE_POOLS), *shape)

    def drawn(self, only: Collection[str] | None = None) -> Floats:
        """Draw the densities.

        Parameters
        ----------
        only : collection of str, optional
            Sources of error that vary: groups of parameters, `SAMPLING`, `CHOICE`; all when left
            out.

        Returns
        -------
        ndarray, dims (stratum, pool, year, draw) [t C/ha]

        Notes
        -----
        Within a draw every plot has the same parameters and the same model: ``Σ w_i c_i(θ)`` is
        exact. The sampling error multiplies it, normal or, where it is wide, lognormal.
        """
        wanted = {*GROUPS, SAMPLING, CHOICE} if only is None else set(only)
        if self.draws.count == 1:
            return self.value[..., None].copy()
        out = self._modelled(wanted)
        return out * sampling_factors(self) if SAMPLING in wanted else out

    def _modelled(self, wanted: Collection[str]) -> Floats:
        names = list(self.stands)
        shape = (*self.value.shape, self.draws.count)
        if not names:
            return np.broadcast_to(np.nan_to_num(self.value)[..., None], shape).copy()
        if not self.config.model_choice:
            return self._means(self.stands[names[0]].vary(wanted))
        means = [self._means(self.stands[name].vary(wanted)) for name in names]
        if CHOICE not in wanted:
            return np.asarray(np.mean(means, axis=0))
        choice = model_of_draw(names, self.draws)
        out = np.empty(shape)
        for k, mean in enumerate(means):
            out[..., choice == k] = mean[..., choice == k]
        return out

    def _means(self, stands: PlotCarbon, *, central: bool = False) -> Floats:
        """Return the means of all strata and years by one model, dims (…, draw)."""
        size = len(self.strata) * len(self.years)
        count = 1 if central else self.draws.count
        out = np.zeros((len(self.pools), size, count))
        used = self.group >= 0
        if central:
            carbon = np.nan_to_num(stands.central)
            sums = [np.bincount(self.group[used], (self.weight * c)[used], size) for c in carbon]
            trees = np.stack(sums).astype(np.float64)[..., None]
        else:
            trees = stands.total(self.weight, self.group, count=size)
        for p, pool in enumerate(self.pools):
            own, known = self.measured[p], used & ~np.isnan(self.measured[p])
            if pool in TREE_POOLS:
                out[p] = trees[TREE_POOLS.index(pool)]
            means = np.bincount(self.group[known], (self.weight * own)[known], minlength=size)
            held = np.bincount(self.group[known], minlength=size) > 0
            out[p][held] = means[held, None]
        parts = out.reshape(len(self.pools), len(self.strata), len(self.years), count)
        return parts.transpose(1, 0, 2, 3)


@dataclass(frozen=True)
class Sample:
    """Plots of the strata of the legend in the years of the study, ready to be estimated.

    Attributes
    ----------
    frame : DataFrame
        Plots with ``target`` (stratum of the legend), ``label``, ``year`` and ``forest_type``.
    measured : mapping of str to ndarray
        Pools measured on the plots.
    stands : mapping of str to StandCarbon or TreeStands
    designs : mapping of int to DataFrame
        The design of all plots of each year, of the other strata, too.
    """

    frame: pd.DataFrame
    measured: Mapping[str, Floats]
    stands: Mapping[str, PlotCarbon]
    designs: Mapping[int, pd.DataFrame]

    def amount(self, pool: str, models: Sequence[str]) -> Floats:
        """Return a pool, the mean of the models, or the volume of every plot, dims (plot)."""
        if pool == VOLUME:
            return self.frame["volume"].to_numpy(dtype=np.float64)
        out = self.measured.get(pool, np.full(len(self.frame), np.nan))
        if pool in TREE_POOLS and models:
            place = TREE_POOLS.index(pool)
            modelled = np.mean([self.stands[name].central[place] for name in models], axis=0)
            # Land without growing stock has no tree carbon, of whatever species.
            bare = self.frame["volume"].to_numpy(dtype=np.float64) == 0
            modelled = np.where(np.isnan(modelled) & bare, 0.0, modelled)
            out = np.where(np.isnan(out), modelled, out)
        return out


def estimate_all(
    sample: Sample, config: PlotsConfig, *, cells: Mapping[str, Sequence[int]], draws: Draws
) -> PlotDensity:
    """Estimate the densities of strata that have their two plots in every year.

    Parameters
    ----------
    sample : Sample
    config : PlotsConfig
    cells : mapping of str to sequence of int
        Strata to estimate and the years of the study, the same for all.
    draws : Draws
    """
    strata, years = tuple(cells), tuple(next(iter(cells.values()), ()))
    names = tuple(sample.stands)
    used = names if config.model_choice else names[:1]
    held = [p for p in POOLS if p in sample.measured or (p in TREE_POOLS and names)]
    pools = (*map(str, held), VOLUME)
    y = np.stack([sample.amount(pool, used) for pool in pools])
    frame, size = sample.frame, len(pools) * len(years)
    weight, group = np.zeros(len(frame)), np.full(len(frame), -1, dtype=np.int64)
    value = np.zeros((len(strata), len(pools), len(years)))
    covariance = np.zeros((len(strata), size, size))
    count = np.zeros((len(strata), len(years)), dtype=np.int64)
    for s, stratum in enumerate(strata):
        rounds: list[tuple[pd.DataFrame, Floats, Floats]] = []
        for t, year in enumerate(years):
            here = ((frame["target"] == stratum) & (frame["year"] == year)).to_numpy()
            rows, own = frame[here], y[:, here].T
            design = sample.designs[year]
            found = plotdesign.estimate(np.nan_to_num(own), rows, config=config, design=design)
            unknown = np.isnan(own).any(axis=0)
            value[s, :, t] = np.where(unknown, np.nan, found.value)
            count[s, t], rounds = len(rows), [*rounds, (rows, np.nan_to_num(own), found.covariance)]
            weight[here] = plotdesign.weights(rows, config, design=design)
            group[here] = s * len(years) + t
        covariance[s] = _joint(rounds, len(pools), config=config)
    files = (frame.loc[frame["year"] == year, "file"].unique() for year in years)
    absent = np.full(len(frame), np.nan)
    kept, carbon = (len(pools) - 1) * len(years), pools[:-1]
    measured = np.stack([sample.measured.get(pool, absent) for pool in carbon])
    wood = PlotVolume(strata, pools, years, value, covariance, draws)
    return PlotDensity(
        strata, carbon, years, value[:, :-1], covariance[:, :kept, :kept], count, weight, group,
        measured, sample.stands, config, draws,
        tuple(", ".join(map(str, names)) for names in files),
        None if np.isnan(wood.mean).all() else wood,
    )  # fmt: skip


def _joint(
    rounds: Sequence[tuple[pd.DataFrame, Floats, Floats]], pools: int, *, config: PlotsConfig
) -> Floats:
    """Return the covariance of a stratum's means, dims (pool × year, pool × year)."""
    years = len(rounds)
    out = np.zeros((pools, years, pools, years))
    for t in range(years):
        out[:, t, :, t] = rounds[t][2]
        for u in range(t):
            cross = plotdesign.covariance_between(rounds[t], rounds[u], config=config)
            out[:, t, :, u], out[:, u, :, t] = cross, cross.T
    return out.reshape(pools * years, pools * years)
