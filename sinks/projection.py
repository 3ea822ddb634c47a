"""Land and carbon carried on to later years: standing forest, planted cohorts, losses.

Everything is linear in the hectares of the start year and in the hectares planted, draw by draw:

``value[t] = Σ area[s] · V[s, t] + Σ planted[k] · F[k, t]``

``V`` is what a hectare of stratum s has become by year t, ``F`` what planting one hectare in each
of the plan's years has added by then. So regions are added before anything is drawn, and the
planting that a target needs is the solution of one linear equation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sinks.assumptions import Assumptions
from sinks.biomass.cohorts import standing
from sinks.biomass.stands import TREE_POOLS
from sinks.stock import AT_ONCE

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Measure:
    """What is carried on: the carbon of some pools of some strata, or their hectares.

    Attributes
    ----------
    strata : tuple of str, optional
        All where absent.
    pools : tuple of str, optional
        All where absent.
    area : bool
        Hectares in place of carbon.
    """

    strata: tuple[str, ...] | None = None
    pools: tuple[str, ...] | None = None
    area: bool = False


@dataclass(frozen=True)
class Ahead:
    """Some groups of regions in every year of a scenario [t C] or [ha].

    Attributes
    ----------
    groups : ndarray of int, dims (group)
        Their places among all groups.
    total, planting : ndarray, dims (year, group, draw)
        The first draw is the central one; `planting` is the part of the total that planting makes.
    growth, loss : ndarray, dims (year, group)
        Central parts of the change since the start: what growth makes as if no land were lost,
        and what losses take away (or bring).
    """

    groups: Ints
    total: Floats
    planting: Floats
    growth: Floats
    loss: Floats

    def added(self, other: Ahead | None) -> Ahead:
        """Return the sum with the same groups in another region."""
        if other is None:
            return self
        return Ahead(
            self.groups, self.total + other.total, self.planting + other.planting,
            self.growth + other.growth, self.loss + other.loss,
        )  # fmt: skip


@dataclass(frozen=True)
class _Hectare:
    """What one hectare becomes, in one place.

    Attributes
    ----------
    now : ndarray, dims (year, stratum, draw)
        With what is lost gone over to other strata.
    kept : ndarray, dims (year, stratum, draw)
        As if none were lost.
    planted : ndarray, dims (planting, year, draw)
        What one hectare planted in each of its years adds.
    """

    now: Floats
    kept: Floats
    planted: Floats


def carried_on(
    assumed: Assumptions, measure: Measure, *, indices: Sequence[Ints]
) -> Iterator[Ahead]:
    """Yield what becomes of groups of regions, a few at a time.

    Parameters
    ----------
    assumed : Assumptions
    measure : Measure
    indices : sequence of ndarray
        Group of each region, by level.
    """
    yield from _Projection(assumed, measure).groups(indices)


@dataclass(frozen=True)
class _Projection:
    """A quantity of one scenario."""

    assumed: Assumptions
    measure: Measure

    def groups(self, indices: Sequence[Ints]) -> Iterator[Ahead]:
        """Yield groups of regions: see `carried_on`."""
        offsets = np.cumsum([0, *(int(index.max()) + 1 for index in indices)])
        own, planted = self._mapped_hectares(), self.assumed.hectares.T
        if self.assumed.density.by_region and not self.measure.area:
            yield from self._by_region(indices, offsets=offsets)
            return
        hectare = self._hectare(0)
        for first, last, index in zip(offsets[:-1], offsets[1:], indices, strict=True):
            land = _grouped(own, index, count=int(last - first))
            plan = _grouped(planted, index, count=int(last - first))
            for at in range(0, len(land), AT_ONCE):
                part = slice(at, at + AT_ONCE)
                yield self._ahead(
                    np.arange(first, last)[part], hectare, land=(land[part], plan[part])
                )

    def _by_region(self, indices: Sequence[Ints], *, offsets: Ints) -> Iterator[Ahead]:
        """Yield groups whose regions have densities of their own."""
        own, planted = self._mapped_hectares(), self.assumed.hectares.T
        many: dict[int, Ahead] = {}
        for region in range(len(own)):
            land = own[[region]], planted[[region]]
            found = self._ahead(np.array([0]), self._hectare(region), land=land)
            for first, index in zip(offsets[:-1], indices, strict=True):
                group = int(first + index[region])
                here = replace(found, groups=np.array([group]))
                if (index == index[region]).sum() == 1:
                    yield here
                else:
                    many[group] = here.added(many.get(group))
        yield from many.values()

    def _held(self, densities: Floats | None) -> Floats:
        """Return what a hectare of a stratum holds in every year, dims (year, stratum, draw)."""
        assumed, wanted = self.assumed, self.measure.strata
        counted = np.array([wanted is None or name in wanted for name in assumed.strata])
        if densities is None:
            flag = counted.astype(np.float64)[None, :, None]
            return np.repeat(flag, assumed.span + 1, axis=0)
        at_start, trees = densities[:, :, assumed.base], assumed.tree_pools
        gain, own = assumed.gain(densities), self._own()
        out = []
        for years in range(assumed.span + 1):
            now = at_start.copy()
            now[:, trees] = standing(
                at_start[:, trees], gain, ceiling=assumed.ceilings, years=years
            )
            out.append(np.where(counted[:, None], now[:, own].sum(axis=1), 0.0))
        return np.stack(out)

    def _own(self) -> list[int]:
        """Return the places of the pools that count."""
        wanted = self.measure.pools
        return [i for i, name in enumerate(self.assumed.pools) if wanted is None or name in wanted]

    def _new(self, k: int, densities: Floats | None) -> Floats:
        """Return what a kept hectare of a planting holds by its age, dims (age, draw).

        Its own trees, and the dead wood, litter and soil of the land that it was planted on.
        """
        assumed, wanted = self.assumed, self.measure.strata
        row = assumed.scenario.plantings[k].config
        if wanted is not None and row.stratum not in wanted:
            return np.zeros((assumed.span + 1, 1))
        if densities is None:
            return np.ones((assumed.span + 1, 1))
        own = self._own()
        held = np.zeros((assumed.span + 1, assumed.draws.count + 1))
        for i in set(own).intersection(assumed.tree_pools):
            held += assumed.trees[k][TREE_POOLS.index(assumed.pools[i])]
        rest = [i for i in own if i not in assumed.tree_pools]
        left = densities[assumed.strata.index(row.on), rest, assumed.base].sum(axis=0)
        return np.asarray(held + left)

    def _hectare(self, region: int) -> _Hectare:
        """Return what one hectare becomes in a region; where densities are one, in all."""
        assumed = self.assumed
        densities = None if self.measure.area else assumed.densities(region)
        held = self._held(densities)
        now = np.stack([(moved * own).sum(axis=1) for moved, own in zip(
            assumed.moved, held, strict=True)])  # fmt: skip
        count = assumed.draws.count + 1
        planted = np.zeros((len(assumed.scenario.plantings), assumed.span + 1, count))
        for k in range(len(planted)):
            new = self._new(k, densities)
            for years in range(assumed.span + 1):
                planted[k, years] = self._planted(k, years, new=new, held=held[years])
        shape = (assumed.span + 1, len(assumed.strata), count)
        return _Hectare(np.broadcast_to(now, shape), np.broadcast_to(held, shape), planted)

    def _planted(self, k: int, years: int, *, new: Floats, held: Floats) -> Floats:
        """Return what planting a hectare in each year of a row has added by then, dims (draw).

        Notes
        -----
        ``Σ survival · (kept(age) · new(age) + Σ lost(age, j) · held(j) − Σ moved(age, on, j) ·
        held(j))`` over the ages of its cohorts: what stands there, and what the planted part of
        a cohort that was lost became, less what the land would hold had nobody planted it.
        """
        assumed = self.assumed
        row = assumed.scenario.plantings[k]
        kept, gone = assumed.cohorts
        on = assumed.strata.index(row.config.on)
        sums = np.zeros(assumed.draws.count + 1)
        for age in assumed.ages(row, years):
            there = kept[k, age] * new[age] + (gone[k, age] * held).sum(axis=0)
            sums += there - (assumed.moved[age, on] * held).sum(axis=0)
        return sums * assumed.survivals[k]

    def _of_mapped(self, values: Floats) -> Floats:
        """Bring values of strata onto what is mapped, dims (year, mapped, draw)."""
        correction = self.assumed.activity.correction
        if correction is None:
            return values[:, : self.assumed.mapped]
        rates = np.concatenate([correction.central[:, None], correction.draws], axis=1)
        rates = rates[:, : values.shape[2]]
        out = np.zeros((values.shape[0], correction.base.shape[1], values.shape[2]))
        columns = (correction.mapped, correction.stratum, correction.rate, correction.share)
        now = correction.year == self.assumed.base
        for k, s, r, share in zip(*(column[now].tolist() for column in columns), strict=True):
            out[:, k] += share * rates[r] * values[:, s]
        return out

    def _mapped_hectares(self) -> Floats:
        """Return the hectares that `_of_mapped` is for, dims (region, mapped)."""
        activity, base = self.assumed.activity, self.assumed.base
        if activity.correction is not None:
            return np.asarray(activity.correction.base[:, :, base])
        area = activity.area.isel(year=base)
        return np.asarray(area.transpose("region", "stratum").values)

    def _ahead(self, groups: Ints, hectare: _Hectare, *, land: tuple[Floats, Floats]) -> Ahead:
        """Sum hectares × what they become; strata one by one, so that bits are the same."""
        now, kept = self._of_mapped(hectare.now), self._of_mapped(hectare.kept[..., :1])[..., 0]
        shape = (len(now), len(groups), now.shape[2])
        total, planting = np.zeros(shape), np.zeros(shape)
        growth, loss = np.zeros(shape[:2]), np.zeros(shape[:2])
        for m in range(now.shape[1]):
            total += land[0][None, :, m, None] * now[:, None, m]
            growth += land[0][None, :, m] * (kept[:, m] - kept[0, m])[:, None]
            loss += land[0][None, :, m] * (now[:, m, 0] - kept[:, m])[:, None]
        for k, effect in enumerate(hectare.planted):
            planting += land[1][None, :, k, None] * effect[:, None]
        return Ahead(groups, total + planting, planting, growth, loss)


def _grouped(values: Floats, index: Ints, *, count: int) -> Floats:
    """Sum rows of regions to groups."""
    out = np.zeros((count, values.shape[1]))
    np.add.at(out, index, values)
    return out
