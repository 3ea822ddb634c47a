"""What happened to land over many years: its path through the strata, its changes and returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

#: Stands for no year and no stratum.
NONE: Final = -1


@dataclass(frozen=True)
class Trajectories:
    """Paths of land, without the years in which nothing changed.

    Attributes
    ----------
    steps : ndarray, dims (row, step)
        The strata one after the other, each different from the one before; `NONE` behind the last.
    changes : ndarray, dims (row)
        How often the stratum changed.
    flips : ndarray, dims (row)
        How many of the changes led back to a stratum that the land had been in before.
    first, last : ndarray, dims (row)
        Position of the first year of the new stratum, for the first and the last change; `NONE`
        where nothing changed.
    """

    steps: Ints
    changes: Ints
    flips: Ints
    first: Ints
    last: Ints


def trajectories(stratum: Ints) -> Trajectories:
    """Describe paths of strata over the years.

    Parameters
    ----------
    stratum : ndarray, dims (row, year)
        Stratum of each path in each year.

    Returns
    -------
    Trajectories

    Examples
    --------
    Forest (0), cleared for cropland (1), planted again:

    >>> found = trajectories(np.array([[0, 0, 1, 1, 0]]))
    >>> found.steps.tolist(), found.changes.tolist(), found.flips.tolist()
    ([[0, 1, 0, -1, -1]], [2], [1])
    >>> found.first.tolist(), found.last.tolist()
    ([2], [4])
    """
    rows, years = stratum.shape
    changed = np.zeros((rows, years), dtype=bool)
    changed[:, 1:] = stratum[:, 1:] != stratum[:, :-1]
    back = np.zeros(rows, np.int64)
    for year in range(2, years):
        seen = (stratum[:, :year] == stratum[:, year : year + 1]).any(axis=1)
        back += changed[:, year] & seen
    count = changed.sum(axis=1).astype(np.int64)
    place = changed.cumsum(axis=1)
    steps = np.full((rows, years), NONE, np.int64)
    np.put_along_axis(steps, place, stratum, axis=1)  # of a stay, the same stratum again
    moved = count > 0
    first = np.where(moved, changed.argmax(axis=1), NONE)
    last = np.where(moved, years - 1 - changed[:, ::-1].argmax(axis=1), NONE)
    return Trajectories(steps, count, back, first, last)
