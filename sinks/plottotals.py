"""Totals that the study's own plots give by their design: no map takes part."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from sinks.biomass.density import Density
from sinks.biomass.plotdensity import PlotDensity
from sinks.biomass.plotdraws import root
from sinks.biomass.plotshares import PlotShares, plot_shares
from sinks.boundaries.codes import ALL, STUDY_LEVEL
from sinks.checks import Problems, first_few
from sinks.draws import probabilities
from sinks.inputs import Inputs
from sinks.official import Figure
from sinks.sections import ReconcileConfig

Floats = npt.NDArray[np.float64]

PLOTS = "plots"


def plot_figures(
    config: ReconcileConfig, inputs: Inputs, *, density: Density, problems: Problems
) -> list[Figure]:
    """Return the area and the carbon of a group of strata by the plots, for the whole study.

    Parameters
    ----------
    config : ReconcileConfig
        `population_ha` is the land that the plots were drawn from.
    inputs : Inputs
    density : Density
        Holds what the plots say of each stratum.
    problems : Problems

    Returns
    -------
    list of Figure
        For each year, hectares and, where plots hold carbon, tonnes; with draws that share the
        plots' errors with the map's densities.

    Notes
    -----
    ``a = A p`` and ``C = Σ A p_s d_s`` over strata, ``p`` the share of the plots and ``d`` their
    mean per hectare. Of a simple random sample this is the domain estimator of Cochran (1977,
    section 2.13): ``p`` and ``d`` are uncorrelated, and their variances make up its variance to
    first order.
    """
    plots, own = inputs.plots, inputs.study.density.plots
    held = density.plots
    if plots is None or own is None or held is None or config.population_ha is None:
        return []
    groups = config.groups or ("forest",)
    names = [str(name) for name in density.value["stratum"].values]
    strata = [name for name in inputs.legend.strata_in(groups) if name in names]
    years = [int(year) for year in density.value["year"].values]
    if not strata:
        problems.error("plottotals.no_stratum", file=plots.shown, groups=", ".join(groups))
        return []
    shares = plot_shares(plots, own, strata=strata, years=years, problems=problems)
    if shares is None:
        return []
    lacking = [name for name in strata if name not in held.strata]
    if lacking:
        named = first_few(lacking, problems.language)
        problems.warn("plottotals.strata", file=plots.shown, names=named)
    areas = _areas(shares, config, density=density)
    pools = _pools(held, strata, density=density)
    out = []
    for t, year in enumerate(years):
        hectares = config.population_ha * shares.value[t]
        base = Figure(
            config.name, STUDY_LEVEL, ALL, year, "area", tuple(strata), None,
            float(hectares.sum()), _se(areas[t].sum(axis=0)), source=plots.shown, basis=PLOTS,
            draws=areas[t].sum(axis=0),
        )  # fmt: skip
        out.append(base)
        if pools:
            found = _carbon(base, (hectares, areas[t]), pools=pools, held=held, year=t)
            out.append(found)
    return out


def _se(draws: Floats) -> float:
    return float(draws.std(ddof=1)) if draws.size > 1 else float("nan")


def _areas(shares: PlotShares, config: ReconcileConfig, *, density: Density) -> Floats:
    """Return draws of the areas, dims (year, stratum, draw) [ha]."""
    whole = config.population_ha or 0.0
    out = np.empty((*shares.value.shape, density.draws))
    for t, year in enumerate(shares.years):
        normal = np.stack([
            ndtri(
                probabilities(
                    f"plots/share/{stratum}/{year}", seed=density.seed, count=density.draws
                )
            )
            for stratum in shares.strata
        ])  # fmt: skip
        error = root(shares.covariance[t]) @ normal
        out[t] = whole * np.maximum(shares.value[t][:, None] + error, 0.0)
    return out


def _pools(held: PlotDensity, strata: Sequence[str], *, density: Density) -> tuple[str, ...]:
    """Return the pools that the study counts and the plots hold in all of these strata."""
    counted = [str(name) for name in density.value["pool"].values]
    rows = [held.strata.index(name) for name in strata if name in held.strata]
    if not rows:
        return ()
    known = np.isfinite(held.value[rows].sum(axis=(0, 2))).tolist()
    return tuple(
        pool for pool, own in zip(held.pools, known, strict=True) if own and pool in counted
    )


def _carbon(
    area: Figure, hectares: tuple[Floats, Floats], *, pools: Sequence[str], held: PlotDensity,
    year: int,
) -> Figure:  # fmt: skip
    """Return the carbon of the strata that the plots can estimate."""
    names = [name for name in area.strata or () if name in held.strata]
    rows = [held.strata.index(name) for name in names]
    chosen = [(area.strata or ()).index(name) for name in names]
    layers = [held.pools.index(pool) for pool in pools]
    middle = held.value[rows][:, layers, year].sum(axis=1)
    drawn = held.all_drawn[rows][:, layers, year].sum(axis=1)
    central, draws = hectares[0][chosen], hectares[1][chosen]
    total, spread = float((central * middle).sum()), (draws * drawn).sum(axis=0)
    land = float(central.sum())
    return Figure(
        area.section, area.level, area.region_code, area.year, "carbon", tuple(names),
        tuple(pools), total, _se(spread), area=land, density=total / land if land > 0 else 0.0,
        source=area.source, basis=PLOTS, draws=spread,
        area_draws=draws.sum(axis=0),
    )  # fmt: skip
