"""Tables of land-cover change: per stratum and group, per path, at every level."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from sinks.biomass.density import Density
from sinks.landcover.activity import Activity, Pair
from sinks.landcover.trajectories import NONE, trajectories
from sinks.landcover.transitions import annual_rate, components, compound_rate
from sinks.legend import Legend
from sinks.levels import group_indices, summed
from sinks.regions import Regions
from sinks.stock import change_parts

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Between the strata of a path.
STEP: Final = ">"


def transition_summary(
    activity: Activity, density: Density, *, regions: Regions, legend: Legend
) -> dict[str, pd.DataFrame]:
    """Return what the transitions say of every stratum and of every group, at every level.

    Returns
    -------
    dict of str to DataFrame
        ``transition_summary`` by stratum and ``group_summary`` by group of strata: there land that
        went from one stratum of a group to another has stayed.
    """
    strata = [str(name) for name in activity.area["stratum"].values]
    groups = list(dict.fromkeys(legend.group_of(name) for name in strata))
    into = np.array([[legend.group_of(name) == group for group in groups] for name in strata])
    own = np.eye(len(strata))
    kinds = {
        "transition_summary": ("stratum", strata, own),
        "group_summary": ("group", groups, into.reshape(len(strata), len(groups))),
    }
    levels, indices = group_indices(regions)
    found: dict[str, list[pd.DataFrame]] = {name: [] for name in kinds}
    for pair, area in activity.transitions.items():
        change = change_parts(activity.transitions, density.value, pair=pair).by_transition
        hectares, tonnes = (summed(item.values, indices) for item in (area, change))
        for name, (title, labels, matrix) in kinds.items():
            sums = [_collapsed(item, matrix) for item in (hectares, tonnes)]
            found[name].append(_summary(sums, levels, pair=pair, labels=(title, labels)))
    return {name: pd.concat(frames, ignore_index=True) for name, frames in found.items()}


def _collapsed(table: Floats, into: npt.NDArray[Any]) -> Floats:
    """Sum rows and columns of matrices, dims (region, from, to), into fewer."""
    weight = into.astype(np.float64)
    return np.asarray(np.einsum("rij,ia,jb->rab", table, weight, weight, optimize=True))


def _summary(
    sums: Sequence[Floats], levels: pd.DataFrame, *, pair: Pair, labels: tuple[str, Sequence[str]]
) -> pd.DataFrame:
    """Return the rows of one pair of years; a category that a region never had has none."""
    hectares, tonnes = sums
    parts, moved = components(hectares), tonnes * (1.0 - np.eye(tonnes.shape[-1]))
    r, k = np.nonzero((parts.start > 0) | (parts.end > 0))
    span = pair[1] - pair[0]
    columns = {
        "start_ha": parts.start, "end_ha": parts.end, "persistence_ha": parts.persistence,
        "gain_ha": parts.gain, "loss_ha": parts.loss, "net_ha": parts.net, "swap_ha": parts.swap,
        "annual_rate_pct": 100 * annual_rate(parts.start, parts.end, years=span),
        "compound_rate_pct": 100 * compound_rate(parts.start, parts.end, years=span),
        "persistence_change_t_c": np.diagonal(tonnes, axis1=1, axis2=2),
        "gain_change_t_c": moved.sum(axis=1), "loss_change_t_c": moved.sum(axis=2),
    }  # fmt: skip
    title, names = labels
    own = levels.iloc[r][["region_code", "region_name", "level"]].reset_index(drop=True)
    return own.assign(
        start=pair[0], end=pair[1],
        **{title: np.asarray(names, dtype=object)[k]},
        **{name: np.asarray(values)[r, k] for name, values in columns.items()},
    )  # fmt: skip


def trajectories_table(activity: Activity) -> pd.DataFrame:
    """Return ``trajectories.csv``: land of each region by its path through the strata.

    Every hectare that is valid in every year stands in exactly one row.
    """
    paths = activity.paths
    found = trajectories(np.asarray(paths["stratum"].values, np.int64))
    years = np.array([NONE, *paths["year"].values.tolist()], np.int64)
    key = np.column_stack(
        [paths["region"].values, found.first + 1, found.last + 1, found.flips, found.steps]
    )
    keys, place = np.unique(key, axis=0, return_inverse=True)
    area = np.bincount(place.reshape(-1), paths["area"].values, minlength=len(keys))
    steps = keys[:, 4:]
    count = (steps != NONE).sum(axis=1)
    frame = pd.DataFrame(
        {
            "region_code": activity.area["region"].values[keys[:, 0]],
            "path": _written(steps, [str(name) for name in activity.area["stratum"].values]),
            "changes": count - 1,
            "flips": keys[:, 3],
            "first_change": years[keys[:, 1]],
            "last_change": years[keys[:, 2]],
            "area_ha": area,
        }
    )
    for name in ("first_change", "last_change"):
        frame[name] = frame[name].astype("Int64").mask(frame[name] == NONE)
    order = [*frame.columns[:1], "changes", "path", "first_change", "last_change"]
    return frame.sort_values(order, kind="stable", ignore_index=True)


def _written(steps: Ints, names: Sequence[str]) -> list[str]:
    """Return paths as text, such as ``forest>cropland>forest``."""
    known, place = np.unique(steps, axis=0, return_inverse=True)
    texts = [STEP.join(names[i] for i in row if i != NONE) for row in known.tolist()]
    return [texts[i] for i in place.reshape(-1).tolist()]
