"""Tables of the classes of change, and of changes that the rules doubt; no second pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from sinks.biomass.density import Density
from sinks.landcover.activity import Activity, pairs_of
from sinks.landcover.change import Rule, again, change_classes, class_table, implausible
from sinks.legend import Legend
from sinks.levels import group_indices, summed
from sinks.regions import Regions
from sinks.units import HA_PER_MU

Ints = npt.NDArray[np.int64]

IMPLAUSIBLE: Final = (
    "region_code", "start", "end", "rule", "from_stratum", "to_stratum", "area_ha",
    "share_of_change_pct",
)  # fmt: skip


def change_classes_table(
    activity: Activity, density: Density, *, regions: Regions, legend: Legend
) -> pd.DataFrame:
    """Return ``change_classes.csv``: hectares and carbon of every class of change, every level.

    Reforestation is new forest on land that was forest in a year of the study before the pair's.
    """
    strata = [str(name) for name in activity.area["stratum"].values]
    years = [int(year) for year in activity.area["year"].values]
    paths, region = activity.paths["stratum"].values, activity.paths["region"].values
    forest = np.array([legend.group_of(name) == "forest" for name in strata], dtype=bool)
    codes, kinds = class_table(strata, legend), change_classes()
    carbon = density.value.sum("pool").transpose(..., "stratum", "year").sel(stratum=strata)
    levels, indices = group_indices(regions)
    frames = []
    for start, end in pairs_of(years):
        a, b = years.index(start), years.index(end)
        before, after = paths[:, a], paths[:, b]
        code = again(codes[before, after], forest[paths[:, :a]].any(axis=1))
        first, last = (carbon.sel(year=year).values for year in (start, end))
        where = (region,) if density.by_region else ()
        step = last[(*where, after)] - first[(*where, before)]
        sums = np.zeros((2, len(regions), max(kind.code for kind in kinds) + 1))
        area = activity.paths["area"].values
        for place, weight in enumerate((area, area * step)):
            np.add.at(sums[place], (region, code), weight)
        hectares, tonnes = (summed(item, indices) for item in sums)
        r, k = np.nonzero(hectares)
        names = np.array([""] * sums.shape[2], dtype=object)
        for kind in kinds:
            names[kind.code] = kind.name
        own = levels.iloc[r][["region_code", "region_name", "level"]].reset_index(drop=True)
        frames.append(
            own.assign(
                start=start, end=end, change_class=names[k], area_ha=hectares[r, k],
                area_mu=hectares[r, k] / HA_PER_MU, change_t_c=tonnes[r, k],
            )
        )  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def implausible_table(activity: Activity, rules: Sequence[Rule], *, legend: Legend) -> pd.DataFrame:
    """Return ``implausible.csv``: land whose change a rule doubts, by region and pair of years."""
    strata = [str(name) for name in activity.area["stratum"].values]
    years = [int(year) for year in activity.area["year"].values]
    paths, region = activity.paths["stratum"].values, activity.paths["region"].values
    area = activity.paths["area"].values
    frames = []
    for pair in pairs_of(years):
        a, b = (years.index(year) for year in pair)
        before, after = paths[:, a], paths[:, b]
        rule = doubted(paths, rules, pair=pair, years=years, strata=strata, legend=legend)
        changed = np.bincount(region, area * (before != after), minlength=len(activity.area))
        key = np.column_stack([region, rule, before, after])[rule > 0]
        rows, place = np.unique(key, axis=0, return_inverse=True)
        size = np.bincount(place.reshape(-1), area[rule > 0], minlength=len(rows))
        frames.append(
            pd.DataFrame(
                {
                    "region_code": activity.area["region"].values[rows[:, 0]],
                    "start": pair[0],
                    "end": pair[1],
                    "rule": np.array([item.name for item in rules], dtype=object)[rows[:, 1] - 1]
                    if rules else np.zeros(0, object),
                    "from_stratum": np.array(strata, dtype=object)[rows[:, 2]],
                    "to_stratum": np.array(strata, dtype=object)[rows[:, 3]],
                    "area_ha": size,
                    "share_of_change_pct": 100 * size / changed[rows[:, 0]],
                },
                columns=list(IMPLAUSIBLE),
            )
        )  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def doubted(
    paths: Ints, rules: Sequence[Rule], *, pair: tuple[int, int], years: Sequence[int],
    strata: Sequence[str], legend: Legend,
) -> npt.NDArray[np.int16]:  # fmt: skip
    """Return the rule that doubts the change of every path between two years; 0 for none.

    Two neighbouring years are judged with all years around them: a change may be doubted because
    the land came back. Years further apart are judged by themselves.
    """
    ends = [years.index(year) for year in pair]
    if ends[1] == ends[0] + 1:
        flags = implausible(paths, rules, years=years, strata=strata, legend=legend)
        return np.asarray(flags[:, ends[1]])
    flags = implausible(paths[:, ends], rules, years=pair, strata=strata, legend=legend)
    return np.asarray(flags[:, 1])
