"""Towns and villages of the example province, in 2010 and grown by 2015."""

from __future__ import annotations

import numpy as np

from sinks.demo.frame import CELL_HA, Frame, records
from sinks.demo.noise import Field, Mask, around, highest
from sinks.demo.relief import Relief
from sinks.demo.waters import KM2, choose, inside


def add_villages(
    frame: Frame,
    relief: Relief,
    *,
    cities: tuple[Mask, Mask],
    free: Mask,
    area: tuple[float, float],
) -> tuple[Mask, Mask]:
    """Return built-up land of 2010 and of 2015; the later holds the earlier.

    Parameters
    ----------
    cities : tuple of ndarray of bool
        From `build_cities`.
    free : ndarray of bool
        Cells that may be built on.
    area : tuple of float
        Province totals [ha] of the two years.
    """
    early, late = cities
    score = _villages(frame, relief, cities=early)
    quota = [round(value / CELL_HA) for value in area]
    early = early | choose(
        frame, score, allowed=free & ~late, quota=quota[0] - inside(frame, early)
    )
    # Villages grow at the edges of what stands; roads and works go uphill too.
    works = frame.texture("village/works", (60, 24, 10, 5), gain=0.9)
    edge = score + 1.4 * around(early, 3) + 0.7 * works + 0.25 * np.log1p(relief.hill / 25)
    late = late | early
    late |= choose(frame, edge, allowed=free & ~late, quota=quota[1] - inside(frame, late))
    return early, late


def build_cities(frame: Frame, relief: Relief, *, free: Mask) -> tuple[Mask, Mask]:
    """Fill each town outwards from its centre, over flat land first."""
    towns = records("towns")
    column, row = frame.cells([town.lon for town in towns], [town.lat for town in towns])
    edge = frame.texture("town/edge", (26, 11, 5, 2.6), gain=0.75)
    early, late = np.zeros(frame.shape, dtype=bool), np.zeros(frame.shape, dtype=bool)
    for x, y, town in zip(column, row, towns, strict=True):
        radius = float(np.sqrt(town.area_2015_km2 * KM2 / np.pi))
        reach = 3.2 * radius + 6
        window = (
            slice(max(int(y - reach), 0), int(y + reach)),
            slice(max(int(x - reach), 0), int(x + reach)),
        )
        down, right = np.mgrid[window].astype(np.float32) + np.float32(0.5)
        distance = np.hypot(right - float(x), down - float(y)) / radius
        steep = np.minimum(relief.hill[window] / 130, 1.5)
        score = np.float32(0.34) * edge[window] - distance - steep
        allowed = free[window] & ~early[window]
        early[window] |= highest(score, allowed, count=round(town.area_2010_km2 * KM2))
        late[window] |= highest(score, allowed, count=round(town.area_2015_km2 * KM2))
    return early, late | early


def _villages(frame: Frame, relief: Relief, *, cities: Mask) -> Field:
    """Return where villages stand: along lines on the plain, in the valleys of the hills."""
    line = 1 - 1.9 * np.abs(frame.texture("village/line", (44, 19), gain=0.7))
    spot = frame.texture("village/spot", (10, 2.6), gain=1.3)
    flat = np.exp(-relief.hill / 38)
    low = np.exp(-relief.elevation / 420)
    score = 1.25 * spot + 0.5 * line + 1.35 * flat + 1.0 * low + 2.2 * around(cities, 20)
    return np.asarray(score, dtype=np.float32)
