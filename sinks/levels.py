"""The levels of a study: groups of regions, and sums over them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from sinks.landcover.activity import Activity
from sinks.regions import Regions

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
#: The groups of all levels, one after the other, and the group of each region by level.
Groups = tuple[pd.DataFrame, list[npt.NDArray[np.int64]]]


def group_indices(regions: Regions) -> Groups:
    """Return all groups in order, and the group of each region by level.

    Returns
    -------
    DataFrame
        `Regions.levels`.
    list of ndarray
        One per level, dims (region): position of its group among the groups of that level.
    """
    return regions.levels, regions.positions


def summed(values: Floats, indices: Sequence[npt.NDArray[np.int64]]) -> Floats:
    """Sum values of regions, dims (region, ...), to the groups of all levels."""
    parts = []
    for index in indices:
        out = np.zeros((int(index.max()) + 1, *values.shape[1:]))
        np.add.at(out, index, values)
        parts.append(out)
    return np.concatenate(parts)


def without_data(activity: Activity, indices: Sequence[npt.NDArray[np.int64]]) -> Mask:
    """Tell which groups have no land that is valid in every year: nothing is known of them."""
    return np.asarray(summed(activity.coverage["common_valid"].values, indices) == 0)
