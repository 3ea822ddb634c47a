"""Yearly losses of land: stated, or as the study's own transitions show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from sinks.draws import around
from sinks.landcover.activity import Activity
from sinks.scenarioparts import LossConfig

Floats = npt.NDArray[np.float64]
#: Per cent to parts.
PERCENT: Final = 100.0


@dataclass(frozen=True)
class Losses:
    """What part of each stratum's land goes over to others in a year.

    Attributes
    ----------
    rate : ndarray, dims (stratum, draw) [1/yr]
        The first draw is the central one.
    to : ndarray, dims (from_stratum, to_stratum)
        Shares of the strata that lost land goes to; a row without losses is zero.
    """

    rate: Floats
    to: Floats

    def kept(self, years: int) -> Floats:
        """Return the part of a stratum's land that is left, dims (stratum, draw)."""
        return np.asarray((1 - self.rate) ** years)

    def onward(self, land: Floats) -> Floats:
        """Return where land is a year later, dims (..., stratum, draw).

        Notes
        -----
        ``a'[j] = a[j] (1 − λ[j]) + Σ a[s] λ[s] to[s, j]``: no land is lost to the account.
        """
        lost = land * self.rate
        arrived = np.einsum("...sd,sj->...jd", lost, self.to)
        return np.asarray(land - lost + arrived)


def no_losses(count: int, draws: int) -> Losses:
    """Return losses of nothing, of `count` strata in `draws` draws."""
    return Losses(np.zeros((count, draws)), np.zeros((count, count)))


def stated_losses(
    rows: Sequence[LossConfig], strata: Sequence[str], *, seed: int, count: int
) -> Losses:
    """Return losses that a study states; one stream per stratum, shared by all scenarios.

    Parameters
    ----------
    rows : sequence of LossConfig
        Of strata that may be absent from the maps: those are passed over.
    strata : sequence of str
    seed, count : int
        Of the run's draws.
    """
    found = no_losses(len(strata), count + 1)
    places = {name: i for i, name in enumerate(strata)}
    for row in rows:
        if row.stratum not in places:
            continue
        s = places[row.stratum]
        drawn = around(
            f"loss/{row.stratum}", row.percent_per_year / PERCENT,
            se=(row.se or 0.0) / PERCENT, seed=seed, count=count,
        )  # fmt: skip
        found.rate[s] = np.clip(drawn, 0.0, 1.0)
        found.to[s, places[row.to]] = 1.0
    return found


def observed_losses(activity: Activity, inside: Sequence[bool], *, count: int) -> Losses:
    """Return the losses of a group of strata that the first and last map show.

    Parameters
    ----------
    activity : Activity
    inside : sequence of bool, dims (stratum)
        The group's strata: what goes over from one to another of them is not lost.
    count : int
        Number of draws; they vary where a reference sample corrects the maps.

    Notes
    -----
    One rate per stratum for the whole study: ``1 − (1 − lost / area)^(1 / years)``. Where the lost
    land goes keeps its central shares in all draws.
    """
    pair = max(activity.transitions, key=lambda years: years[1] - years[0])
    group = np.asarray(inside, dtype=bool)
    size = len(group)
    found = no_losses(size, count + 1)
    summed = activity.transitions[pair].sum("region")
    moved = summed.transpose("from_stratum", "to_stratum").values
    for s in np.flatnonzero(group):
        lost, area = np.where(group, 0.0, moved[s]), float(moved[s].sum())
        if area <= 0 or lost.sum() <= 0:
            continue
        part = np.full(count + 1, lost.sum() / area)
        if activity.correction is not None:
            part[1:] = _drawn_part(activity, pair, s=int(s), lost=~group)
        part = np.clip(part, 0.0, 1.0)
        found.rate[s] = 1 - (1 - part) ** (1 / (pair[1] - pair[0]))
        found.to[s] = lost / lost.sum()
    return found


def _drawn_part(
    activity: Activity, pair: tuple[int, int], *, s: int, lost: npt.NDArray[np.bool_]
) -> Floats:
    """Return the lost part of an estimated stratum's land, dims (draw)."""
    correction = activity.correction
    if correction is None:
        raise ValueError("areas that no sample corrects have no draws")
    mapped = correction.moves[pair].sum(axis=0).ravel()
    number = correction.draws.shape[1]
    sums = []
    for chosen in (lost, np.ones_like(lost)):
        flag = np.zeros((lost.size, lost.size, number))
        flag[s] = chosen[:, None]
        per_move = correction.per_move(correction.draws, flag)
        sums.append(np.einsum("k,kd->d", mapped, per_move))
    return np.asarray(np.divide(sums[0], sums[1], out=np.zeros(number), where=sums[1] > 0))
