"""The land cover of 2015: the land of 2010 after five years of planned and unplanned change.

Only cells with a class are looked at, as one long list, which halves the work.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sinks.demo.cover import NUMBER, STRATA, Cover, Landscape, totals
from sinks.demo.frame import CELL_HA, records
from sinks.demo.noise import Field, Mask, around, highest
from sinks.demo.woods import FOREST

#: Where trees are planted, on top of what suits them: shrub first, rice land hardly.
PLANTED: Final = {
    "shrubland": 0.72,
    "grassland": 0.35,
    "dry_cropland": 0.58,
    "barren": 0.6,
    "orchard": -0.9,
    "paddy": -1.5,
}
WETLAND: Final = ("lake", "river", "reservoir_pond", "marsh", "floodplain")
#: How many patterns of patches the kinds of change share.
PATTERNS: Final = 4


@dataclass
class Change:
    """The change in progress.

    Attributes
    ----------
    land : Landscape
    cells : ndarray of int
        Where the cells with a class stand in the grid; the other arrays go with it.
    before, after : ndarray of uint8
    inside : ndarray of bool
    patches : list of ndarray
        Random fields whose patches hold some ten hectares.
    near : dict
        How much of a stratum was around each cell, filled as needed.
    """

    land: Landscape
    cells: npt.NDArray[np.intp]
    before: Cover
    after: Cover
    inside: Mask
    patches: list[Field]
    near: dict[str, npt.NDArray[np.float16]] = field(default_factory=dict)

    def at(self, grid: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the values of a grid at the cells."""
        return np.take(grid.ravel(), self.cells)

    def beside(self, stratum: str) -> npt.NDArray[np.float16]:
        """Return the share of a stratum of 2010 around each cell."""
        if stratum not in self.near:
            self.near[stratum] = self.at(around(self.land.cover == NUMBER[stratum], 3)).astype(
                np.float16
            )
        return self.near[stratum]


def change_to_2015(land: Landscape) -> Cover:
    """Return the land cover of 2015.

    Dams fill and towns grow first; then each row of the table ``changes`` moves its area from one
    stratum to another, preferably beside what is there already; last, trees are planted until the
    forest reaches its total of 2015. No cell changes twice.
    """
    cells = np.flatnonzero(land.cover)
    before = land.cover.ravel()[cells]
    change = Change(land, cells, before, before.copy(), land.site.frame.inside.ravel()[cells], [])
    for number in range(PATTERNS):
        texture = land.site.frame.texture(f"change/{number}", (60, 24, 10, 5), gain=1.15)
        change.patches.append(change.at(texture))
    change.after[change.at(land.flooded)] = NUMBER["reservoir_pond"]
    change.after[change.at(land.built) & ~_is_any(before, WETLAND)] = NUMBER["built_up"]
    for number, row in enumerate(records("changes")):
        _move(change, row, patches=change.patches[number % PATTERNS])
    _plant(change)
    cover = np.zeros_like(land.cover)
    cover.ravel()[cells] = change.after
    return cover


def _is_any(cover: Cover, strata: tuple[str, ...]) -> Mask:
    lookup = np.zeros(1 + len(STRATA), dtype=bool)
    lookup[[NUMBER[name] for name in strata]] = True
    return np.asarray(lookup[cover])


def _choose(change: Change, score: Field, *, places: npt.NDArray[np.intp], quota: int) -> Any:
    """Choose `quota` places inside the province by score, and those of the rim that match."""
    chosen = highest(score, change.inside[places], count=quota)
    if chosen.any():
        chosen |= ~change.inside[places] & (score >= score[chosen].min())
    return places[chosen]


def _move(change: Change, row: Any, *, patches: Field) -> None:
    """Move the area of one row of the table to its new stratum."""
    sources = FOREST if row.from_stratum == "forest" else (row.from_stratum,)
    unchanged = change.after == change.before
    places = np.flatnonzero(unchanged & _is_any(change.before, sources))
    score = patches[places] + row.edge * change.beside(row.to_stratum)[places].astype(np.float32)
    if row.slope:
        slope = change.land.site.slope.ravel()[change.cells[places]]
        score += np.float32(row.slope) * slope
    moved = _choose(change, score, places=places, quota=round(row.area_ha / CELL_HA))
    change.after[moved] = NUMBER[row.to_stratum]


def _plant(change: Change) -> None:
    """Plant trees until the province holds the forest of 2015."""
    land = change.land
    forest = _is_any(change.after, FOREST)
    wanted = round(totals()["forest"][1] / CELL_HA) - int(np.sum(forest & change.inside))
    allowed = _is_any(change.before, tuple(PLANTED)) & (change.after == change.before)
    places = np.flatnonzero(allowed)
    spots = change.cells[places]
    bonus = np.zeros(1 + len(STRATA), dtype=np.float32)
    for name, value in PLANTED.items():
        bonus[NUMBER[name]] = value
    edge = around(_is_any(land.cover, FOREST), 3)
    score = 0.8 * change.patches[-1][places] + bonus[change.before[places]]
    score += 1.5 * edge.ravel()[spots] + 0.35 * land.site.slope.ravel()[spots]
    score += 0.35 * land.forest_score.ravel()[spots]
    planted = _choose(change, score, places=places, quota=wanted)
    change.after[planted] = _kind(change, planted)


def _kind(change: Change, places: npt.NDArray[np.intp]) -> Cover:
    """Return the kind of new stands: what grows around them; poplar on the plain."""
    shares = np.stack([change.beside(name)[places] for name in FOREST])
    # Pine and fir are what nurseries sell.
    shares[FOREST.index("forest_enf")] *= 1.5
    kind = np.array([NUMBER[name] for name in FOREST], dtype=np.uint8)[shares.argmax(axis=0)]
    plain = change.land.site.relief.elevation.ravel()[change.cells[places]] < 45
    kind[plain] = NUMBER["forest_dbf"]
    return np.asarray(kind)
