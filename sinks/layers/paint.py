"""What a cell becomes in a picture: its stratum, its carbon density, or how its group changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sinks.compiled import compiled
from sinks.palettes import AMOUNT, CHANGES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sinks.legend import Legend

#: Colour indices of a density picture: 1 is zero, the last is the scale's end.
LAST: Final = 255
#: Colour indices of a change picture; 0 is no data in either year.
CHANGE_CLASSES: Final = ("new_forest", "lost_forest", "new_wetland", "lost_wetland", "unchanged")
#: Groups whose gains and losses are shown; a change between the two counts as one of forest.
SHOWN_GROUPS: Final = ("forest", "wetland")

Colour = tuple[int, int, int]


def rgb(colour: str) -> Colour:
    """Return the three bytes of ``#rrggbb``."""
    return (int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16))


@dataclass(frozen=True)
class StrataOf:
    """The stratum of every code; index 0 is no class, index i the i-th stratum."""

    codes: NDArray[np.int64]
    indices: NDArray[np.uint8]

    @classmethod
    def of(cls, legend: Legend) -> StrataOf:
        """Return the strata of a legend's codes."""
        index = {stratum: position + 1 for position, stratum in enumerate(legend.strata)}
        rows = sorted(
            (code, index[legend.stratum_of(code)])
            for code in set(legend.codes) - legend.nodata_codes
        )
        return cls(
            codes=np.array([code for code, _ in rows], dtype=np.int64),
            indices=np.array([position for _, position in rows], dtype=np.uint8),
        )

    def __call__(self, values: NDArray[Any], nodata: int | None) -> NDArray[np.uint8]:
        """Return the stratum of every cell; 0 where it holds no class."""
        if values.dtype == np.uint8:
            table = np.zeros(256, dtype=np.uint8)
            byte = (self.codes >= 0) & (self.codes < table.size) & (self.codes != nodata)
            table[self.codes[byte]] = self.indices[byte]
            out = np.empty(values.shape, np.uint8)
            _look_up(values.ravel(), table, out.ravel())
            return out
        place = np.searchsorted(self.codes, values).clip(max=len(self.codes) - 1)
        known = (self.codes[place] == values) & (values != nodata)
        return np.where(known, self.indices[place], 0).astype(np.uint8)


@compiled
def _look_up(values: NDArray[np.uint8], table: NDArray[np.uint8], out: NDArray[np.uint8]) -> None:
    for i in range(values.size):
        out[i] = table[values[i]]


@compiled
def _look_up_pairs(
    before: NDArray[np.uint8], after: NDArray[np.uint8], table: NDArray[np.uint8],
    out: NDArray[np.uint8],
) -> None:  # fmt: skip
    for i in range(before.size):
        out[i] = table[before[i], after[i]]


def strata_colours(legend: Legend) -> list[Colour]:
    """Return the colours of a land-cover picture by index."""
    return [(0, 0, 0), *(rgb(legend.colour_of(stratum)) for stratum in legend.strata)]


def density_colours() -> list[Colour]:
    """Return the colours of a density picture by index: a ramp without steps."""
    stops = np.array([rgb(colour) for colour in AMOUNT], dtype=float)
    places = np.linspace(0, len(stops) - 1, LAST)
    ramp = np.stack([np.interp(places, range(len(stops)), stops[:, k]) for k in range(3)], axis=1)
    return [(0, 0, 0), *(tuple(int(x) for x in np.rint(row)) for row in ramp)]  # type: ignore[list-item]


def change_colours() -> list[Colour]:
    """Return the colours of a change picture by index; no data and no change are transparent."""
    return [(0, 0, 0), *(rgb(CHANGES[name]) for name in CHANGE_CLASSES[:-1]), (0, 0, 0)]


def density_of(legend: Legend, density: Mapping[str, float]) -> NDArray[np.float32]:
    """Return the density of every stratum by index [t C/ha]; NaN where none is known."""
    values = [np.nan, *(density.get(stratum, np.nan) for stratum in legend.strata)]
    return np.array(values, dtype=np.float32)


def quantised(density: NDArray[np.float32], *, high: float) -> NDArray[np.uint8]:
    """Return colour indices of densities [t C/ha]: ``1 + 254 density / high``, 0 where unknown."""
    index = np.rint(1 + (LAST - 1) * density / high)
    return np.where(np.isnan(index), 0, np.clip(index, 1, LAST)).astype(np.uint8)


def change_table(legend: Legend) -> NDArray[np.uint8]:
    """Return the change class of every pair of strata, by their indices before and after."""
    groups = ["", *(legend.group_of(stratum) for stratum in legend.strata)]
    table = np.zeros((len(groups), len(groups)), dtype=np.uint8)
    for i, before in enumerate(groups[1:], start=1):
        for j, after in enumerate(groups[1:], start=1):
            table[i, j] = 1 + CHANGE_CLASSES.index(change_class(before, after))
    return table


def change_class(before: str, after: str) -> str:
    """Name what happened to land of one group that came to another, by `CHANGE_CLASSES`."""
    for group in SHOWN_GROUPS:
        if before != after and group in (before, after):
            return f"{'new' if after == group else 'lost'}_{group}"
    return CHANGE_CLASSES[-1]


def changes_of(
    before: NDArray[np.uint8], after: NDArray[np.uint8], *, table: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Return the change class of every cell, from its strata and the table of `change_table`."""
    out = np.empty(before.shape, np.uint8)
    _look_up_pairs(before.ravel(), after.ravel(), table, out.ravel())
    return out
