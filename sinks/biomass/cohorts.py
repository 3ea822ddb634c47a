"""Trees in years to come: planted cohorts by their age, and standing forest that grows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from sinks.biomass.growth import Curve, growth_cell, growth_curve
from sinks.biomass.stands import GROUPS, Draws, Floats
from sinks.draws import around, range_se
from sinks.parameters import Parameter, lookup

#: Probability that a stated range of survival stands for.
RANGE: Final = 0.95


def cohort_carbon(
    kind: str, ages: npt.ArrayLike, *, draws: Draws, relative_se: float | None = None
) -> Floats:
    """Return the carbon of planted trees by their age.

    Parameters
    ----------
    kind : str
        Forest type with a growth curve.
    ages : array_like, dims (age) [yr]
        Beyond the oldest stand that the curve was fitted to, the value there is held.
    draws : Draws
    relative_se : float, optional
        Of the curve, in place of its own.

    Returns
    -------
    ndarray, dims (pool, age, draw) [t C/ha]
        Above and below ground; the first draw is the central one.

    Examples
    --------
    >>> trees = cohort_carbon("chinese_fir", [0.0, 20.0], draws=Draws(count=10))
    >>> trees.sum(axis=0)[:, 0].round(2).tolist()
    [0.0, 25.02]
    """
    curve = _curve(kind)
    biomass = curve.at(np.minimum(np.asarray(ages, dtype=np.float64), curve.oldest))
    cell = growth_cell(kind, curve, relative_se=relative_se)
    slopes = [cell.line(own, GROUPS)[0] for own in (Draws(draws.seed), draws)]
    slope = np.concatenate(slopes, axis=1)
    return np.asarray(slope[:, None, :] * biomass[None, :, None])


def _curve(kind: str) -> Curve:
    curve = growth_curve(kind)
    if curve is None:
        raise LookupError(f"models/growth: no curve serves {kind}")
    return curve


def oldest_age(kind: str) -> float:
    """Return the age of the oldest stand that a type's curve was fitted to [yr]."""
    return _curve(kind).oldest


def cohort_parameters(kind: str, relative_se: float | None = None) -> list[Parameter]:
    """Return the parameters that planted trees of a type rest on: curve, roots, carbon."""
    curve = _curve(kind)
    cell = growth_cell(kind, curve, relative_se=relative_se)
    return [*curve.parameters, *(factor.parameter for factor in cell.factors)]


def survival(
    name: str, percent: float, *, ends: tuple[float, float] | None, draws: Draws
) -> Floats:
    """Return the part of planted land that is kept, dims (draw); the first one is central.

    Parameters
    ----------
    name : str
        Of the stream of draws.
    percent : float [%]
    ends : (low, high) [%], optional
        Of its 95 % range; fixed without.
    """
    se = survival_se(percent, ends)
    drawn = around(name, percent / 100, se=se / 100, seed=draws.seed, count=draws.count)
    return np.asarray(np.clip(drawn, 0.0, 1.0))


def survival_se(percent: float, ends: tuple[float, float] | None) -> float:
    """Return the standard error that a range of survival means [%]."""
    if ends is None:
        return 0.0
    return range_se(*ends, value=percent, interval=RANGE, lognormal=False)


def largest_stand() -> float:
    """Return the carbon of the densest stand measured [t C/ha]: nothing grows past it."""
    return lookup("models/limits", item="largest_stand").value


def standing(trees: Floats, gain: Floats, *, ceiling: npt.ArrayLike, years: int) -> Floats:
    """Return the carbon of standing trees some years on.

    Parameters
    ----------
    trees : ndarray, dims (stratum, pool, draw) [t C/ha]
        At the start, above and below ground.
    gain : ndarray, dims (stratum, draw) [t C/ha/yr]
        Of both pools together; they keep their proportion. Where nothing stood yet, it is told as
        above ground.
    ceiling : array_like, dims (stratum) [t C/ha]
        Density that growth never passes; what is denser at the start stays.
    years : int

    Returns
    -------
    ndarray, dims (stratum, pool, draw) [t C/ha]

    Notes
    -----
    ``d(t) = min(d(0) + g t, max(ceiling, d(0)))``, and never below zero.

    Examples
    --------
    >>> standing(np.full((1, 2, 1), 20.0), np.ones((1, 1)), ceiling=[45.0], years=10).sum()
    np.float64(45.0)
    """
    whole = trees.sum(axis=1)
    top = np.maximum(np.asarray(ceiling, dtype=np.float64)[:, None], whole)
    later = np.clip(whole + gain * years, 0.0, top)
    bare = np.zeros_like(trees)
    bare[:, :1] = 1.0
    shares = np.divide(trees, whole[:, None], out=bare, where=whole[:, None] > 0)
    return np.asarray(shares * later[:, None, :])


def saturated(
    trees: Floats, gain: Floats, *, ceiling: Sequence[float] | Floats, years: int
) -> dict[int, int]:
    """Return the strata that reach their ceiling within some years, and after how many."""
    whole, top = trees.sum(axis=1)[:, 0], np.asarray(ceiling, dtype=np.float64)
    found = {}
    for s in np.flatnonzero(gain[:, 0] > 0):
        left = max(0.0, float((top[s] - whole[s]) / gain[s, 0]))
        if left < years:
            found[int(s)] = int(np.ceil(left))
    return found
