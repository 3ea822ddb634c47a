"""What a scenario assumes, on the land and the densities of its study: rates, cohorts, hectares.

Arrays over draws have the central value first. One stream of draws serves each named parameter:
``loss/STRATUM``, ``growth_rate/STRATUM``, ``survival/FOREST_TYPE``, ``growth/CURVE``. So scenarios
of one study differ in what they assume, never in their luck.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt

from sinks.biomass.cohorts import cohort_carbon, largest_stand, survival
from sinks.biomass.density import Density
from sinks.biomass.stands import TREE_POOLS, Draws
from sinks.draws import around
from sinks.landcover.activity import Activity
from sinks.landcover.losses import Losses, no_losses, observed_losses, stated_losses
from sinks.legend import Legend
from sinks.regions import Regions
from sinks.scenarioparts import OBSERVED
from sinks.scenarios import Planting, Scenario
from sinks.units import AREA_UNITS

Floats = npt.NDArray[np.float64]


class Assumptions:
    """One scenario on the land and the densities of a study.

    Parameters
    ----------
    scenario : Scenario
    activity : Activity
        Areas [ha].
    density : Density
        Densities [t C/ha].
    regions : Regions
    legend : Legend
    """

    def __init__(
        self, scenario: Scenario, activity: Activity, *, density: Density, regions: Regions,
        legend: Legend,
    ) -> None:  # fmt: skip
        self.scenario, self.activity, self.density = scenario, activity, density
        self.regions, self.legend = regions, legend
        mapped = [str(name) for name in activity.area["stratum"].values]
        planted = dict.fromkeys(row.config.stratum for row in scenario.plantings)
        self.mapped = len(mapped)
        #: Strata of the maps, then those that planting alone brings.
        self.strata = tuple(dict.fromkeys([*mapped, *planted]))
        self.pools = tuple(str(name) for name in density.value["pool"].values)
        self.draws = Draws(density.seed, density.draws)
        self.base = [int(year) for year in activity.area["year"].values].index(scenario.start)

    @property
    def years(self) -> list[int]:
        """The start, and every year up to the last."""
        return list(range(self.scenario.start, self.scenario.until + 1))

    @property
    def span(self) -> int:
        """Years from the start to the last."""
        return self.scenario.until - self.scenario.start

    @cached_property
    def forest(self) -> npt.NDArray[np.bool_]:
        """Which strata are forest, dims (stratum)."""
        return np.array([self.legend.group_of(name) == "forest" for name in self.strata])

    @cached_property
    def losses(self) -> Losses:
        """The yearly losses of every stratum."""
        if self.scenario.config.loss != OBSERVED:
            return stated_losses(
                self.scenario.losses, self.strata, seed=self.draws.seed, count=self.draws.count
            )
        own = observed_losses(
            self.activity, self.forest[: self.mapped].tolist(), count=self.draws.count
        )
        whole = no_losses(len(self.strata), self.draws.count + 1)
        whole.rate[: self.mapped] = own.rate
        whole.to[: self.mapped, : self.mapped] = own.to
        return whole

    @cached_property
    def moved(self) -> Floats:
        """Where land is after 0, 1, 2 … years, dims (years, from, to, draw or 1)."""
        losses = self._steady
        land = np.eye(len(self.strata))[..., None] * np.ones(losses.rate.shape[1])
        steps = [land]
        for _ in range(self.span):
            steps.append(losses.onward(steps[-1]))
        return np.stack(steps)

    @cached_property
    def _steady(self) -> Losses:
        """The losses, in one draw where no rate varies."""
        rate = self.losses.rate
        return Losses(rate[:, :1], self.losses.to) if (rate == rate[:, :1]).all() else self.losses

    @cached_property
    def cohorts(self) -> tuple[Floats, Floats]:
        """Return planted land that is kept, and where the lost part is, after 0, 1, 2 … years.

        dims (planting, years, draw or 1) and (planting, years, stratum, draw or 1).
        """
        losses, count = self._steady, len(self.scenario.plantings)
        size = losses.rate.shape[1]
        kept = np.ones((count, self.span + 1, size))
        gone = np.zeros((count, self.span + 1, len(self.strata), size))
        for k, row in enumerate(self.scenario.plantings):
            s = self.strata.index(row.config.stratum)
            for n in range(self.span):
                arrived = kept[k, n] * losses.rate[s] * losses.to[s][:, None]
                gone[k, n + 1] = losses.onward(gone[k, n]) + arrived
                kept[k, n + 1] = kept[k, n] * (1 - losses.rate[s])
        return kept, gone

    @cached_property
    def hectares(self) -> Floats:
        """Land planted in each year of a row, dims (planting, region) [ha/yr].

        A row for several regions is shared out by the land that it is planted on.
        """
        out = np.zeros((len(self.scenario.plantings), len(self.regions)))
        area = self.activity.area.isel(year=self.base)
        for k, row in enumerate(self.scenario.plantings):
            if row.config.on not in area["stratum"].values:
                continue
            land = area.sel(stratum=row.config.on).values * self.members(row)
            if land.sum() > 0:
                yearly = row.config.per_year * AREA_UNITS[row.config.unit]
                out[k] = yearly * land / land.sum()
        return out

    def members(self, row: Planting) -> npt.NDArray[np.bool_]:
        """Return the regions that a row of the plan speaks of, dims (region)."""
        if not row.config.region_code:
            return np.ones(len(self.regions), dtype=bool)
        levels = self.regions.membership.values()
        return np.asarray(np.any([codes == row.config.region_code for codes in levels], axis=0))

    def land(self) -> dict[str, tuple[Floats, Floats]]:
        """Return, by planted stratum, the land there is and the land the plan takes.

        Returns
        -------
        dict of str to (ndarray, ndarray), dims (region, year) [ha]
            Central; what is lost every year is gone from both.
        """
        area = self.activity.area.isel(year=self.base).transpose("region", "stratum").values
        out: dict[str, tuple[Floats, Floats]] = {}
        for name in dict.fromkeys(row.config.on for row in self.scenario.plantings):
            o = self.strata.index(name)
            there = np.einsum("rs,ns->rn", area, self.moved[:, : self.mapped, o, 0])
            taken = np.zeros_like(there)
            left = self.losses.rate[o, 0]
            for k, row in enumerate(self.scenario.plantings):
                if row.config.on == name:
                    for n in range(self.span + 1):
                        ages = self.ages(row, n)
                        taken[:, n] += self.hectares[k] * sum((1 - left) ** age for age in ages)
            out[name] = there, taken
        return out

    def ages(self, row: Planting, years: int) -> range:
        """Return the ages of a row's cohorts some years after the start, youngest first."""
        now = self.scenario.start + years
        return range(max(0, now - row.end), now - row.start + 1)

    @cached_property
    def survivals(self) -> list[Floats]:
        """The kept part of each row of the plan, dims (draw); one stream per forest type."""
        out = []
        for row in self.scenario.plantings:
            ends = (row.config.survival_low, row.config.survival_high)
            known = (ends[0], ends[1]) if ends[0] is not None and ends[1] is not None else None
            name = f"survival/{row.kind}"
            out.append(survival(name, row.config.survival, ends=known, draws=self.draws))
        return out

    @cached_property
    def trees(self) -> list[Floats]:
        """Carbon of each row's trees by age, dims (pool, age, draw) [t C/ha]."""
        ages = np.arange(self.span + 1, dtype=np.float64)
        return [
            cohort_carbon(row.kind, ages, draws=self.draws, relative_se=row.config.relative_se)
            for row in self.scenario.plantings
        ]

    def densities(self, region: int) -> Floats:
        """Return densities of all map years, dims (stratum, pool, year, draw) [t C/ha]."""
        value = self.density.value
        value = value.isel(region=region) if self.density.by_region else value
        dims = ("stratum", "pool", "year")
        drawn = self.density.drawn(region).transpose(*dims, "draw").values
        middle = value.transpose(*dims).values[..., None]
        known = [str(name) for name in value["stratum"].values]
        out = np.zeros((len(self.strata), *drawn.shape[1:3], drawn.shape[3] + 1))
        places = [self.strata.index(name) for name in known if name in self.strata]
        rows = [i for i, name in enumerate(known) if name in self.strata]
        out[places] = np.concatenate([middle, drawn], axis=-1)[rows]
        return out

    def gain(self, densities: Floats) -> Floats:
        """Return what standing trees gain, dims (stratum, draw) [t C/ha/yr]."""
        out = np.zeros((densities.shape[0], densities.shape[3]))
        if self.scenario.config.growth == OBSERVED:
            years = self.activity.area["year"].values
            trees = densities[:, self.tree_pools].sum(axis=1)
            step = (trees[:, -1] - trees[:, 0]) / float(years[-1] - years[0])
            out[self.forest] = step[self.forest]
        for row in self.scenario.growths:
            if row.stratum in self.strata:
                out[self.strata.index(row.stratum)] = around(
                    f"growth_rate/{row.stratum}", row.t_c_ha_per_year, se=row.se or 0.0,
                    seed=self.draws.seed, count=self.draws.count,
                )  # fmt: skip
        return out

    @cached_property
    def tree_pools(self) -> list[int]:
        """Places of the pools of living trees."""
        return [i for i, name in enumerate(self.pools) if name in TREE_POOLS]

    @cached_property
    def ceilings(self) -> Floats:
        """Density of trees that growth never passes, dims (stratum) [t C/ha]."""
        out = np.full(len(self.strata), largest_stand())
        for row in self.scenario.growths:
            if row.saturation is not None and row.stratum in self.strata:
                out[self.strata.index(row.stratum)] = row.saturation
        return out
