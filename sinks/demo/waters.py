"""Lakes, reservoirs, ponds, marsh and floodplain of the example province."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from sinks.demo.frame import CELL_HA, Frame, records
from sinks.demo.noise import Field, Mask, around, highest
from sinks.demo.relief import Relief
from sinks.demo.rivers import Rivers, stamp

#: Cells of one square kilometre.
KM2: Final = 100 / CELL_HA


@dataclass(frozen=True)
class Waters:
    """Water and wetland masks of one year; no cell is in two of them."""

    river: Mask
    lake: Mask
    reservoir: Mask
    floodplain: Mask
    marsh: Mask

    def by_stratum(self) -> dict[str, Mask]:
        """Return the masks by the name of their stratum."""
        return {
            "river": self.river,
            "lake": self.lake,
            "reservoir_pond": self.reservoir,
            "floodplain": self.floodplain,
            "marsh": self.marsh,
        }


def build_waters(
    frame: Frame, relief: Relief, *, rivers: Rivers, area: dict[str, float]
) -> tuple[Waters, Mask]:
    """Place the waters of 2010.

    Parameters
    ----------
    frame, relief, rivers
        What was built before.
    area : dict
        Province totals [ha] of ``river``, ``lake``, ``reservoir_pond``, ``floodplain``, ``marsh``.

    Returns
    -------
    Waters
        Of 2010.
    ndarray of bool
        What the reservoirs flood by 2015.
    """
    quota = {name: round(value / CELL_HA) for name, value in area.items()}
    dams, later = _reservoirs(frame, relief, channel=rivers.channel)
    lakes = _lakes(frame, rivers) & ~dams
    water = dams | lakes
    river = _streams(
        frame, relief, channel=rivers.channel & ~water, water=water, quota=quota["river"]
    )
    water |= river
    free = ~water & ~rivers.islands
    lakes |= _small_lakes(
        frame, relief.plain, allowed=free, quota=quota["lake"] - inside(frame, lakes)
    )
    water |= lakes
    floodplain = _floodplain(frame, rivers, allowed=~water, quota=quota["floodplain"])
    marsh = _marsh(frame, lakes, allowed=~water & ~floodplain, quota=quota["marsh"])
    waters = Waters(river & ~dams, lakes, dams, floodplain, marsh)
    return waters, later & ~(water | marsh)


def add_ponds(frame: Frame, relief: Relief, *, waters: Waters, town: Mask, area: float) -> Waters:
    """Add fish ponds and village ponds until reservoirs and ponds reach `area` [ha].

    Parameters
    ----------
    town : ndarray of bool
        Where towns stand or will stand: no ponds there.
    """
    free = ~(np.logical_or.reduce(list(waters.by_stratum().values())) | town)
    quota = round(area / CELL_HA) - inside(frame, waters.reservoir)
    ponds = _ponds(frame, relief, near=around(waters.lake, 25), allowed=free, quota=quota)
    return replace(waters, reservoir=waters.reservoir | ponds)


def inside(frame: Frame, mask: Mask) -> int:
    """Return how many cells of a mask lie inside the province."""
    return int(np.count_nonzero(mask & frame.inside))


def choose(frame: Frame, score: Field, *, allowed: Mask, quota: int) -> Mask:
    """Choose so that `quota` cells lie inside the province; the rim gets the same threshold."""
    chosen = highest(score, allowed & frame.inside, count=quota)
    if not chosen.any():
        return chosen
    rim = frame.covered & ~frame.inside & allowed
    chosen |= rim & (score >= score[chosen].min())
    return chosen


def _window(frame: Frame, column: float, *, row: float, reach: float) -> tuple[slice, slice]:
    top, left = max(int(row - reach), 0), max(int(column - reach), 0)
    bottom, right = min(int(row + reach), frame.shape[0]), min(int(column + reach), frame.shape[1])
    return slice(top, bottom), slice(left, right)


def _connected(mask: Mask, seed: Mask) -> Mask:
    """Keep the parts of a mask that touch the seed."""
    labels, _ = ndimage.label(mask)
    keep = np.unique(labels[seed & mask])
    return np.isin(labels, keep[keep > 0])


def _lakes(frame: Frame, rivers: Rivers) -> Mask:
    """Draw the named lakes: an ellipse of the right size whose shore follows a random field."""
    lakes = np.zeros(frame.shape, dtype=bool)
    shore = frame.texture("lake/shore", (42, 20, 10, 5), gain=0.72)
    lakes_known = records("lakes")
    column, row = frame.cells(
        [lake.lon for lake in lakes_known], [lake.lat for lake in lakes_known]
    )
    for x, y, lake in zip(column, row, lakes_known, strict=True):
        size = float(np.sqrt(lake.area_km2 * KM2 / np.pi))
        long = size * float(np.sqrt(lake.elongation))
        window = _window(frame, float(x), row=float(y), reach=2.2 * long + 4)
        down, right = np.mgrid[window].astype(np.float32) + np.float32(0.5)
        turn = np.deg2rad(lake.bearing_deg)
        east, north = right - x, y - down
        along = (east * np.sin(turn) + north * np.cos(turn)) / long
        across = (east * np.cos(turn) - north * np.sin(turn)) / (size**2 / long)
        score = lake.roughness * 0.62 * shore[window] - np.hypot(along, across)
        free = ~lakes[window] & (rivers.distance[window] > 4)
        chosen = highest(score.astype(np.float32), free, count=round(lake.area_km2 * KM2))
        heart = np.hypot(along, across) < 0.6
        lakes[window] |= _connected(chosen, heart)
    return lakes


def _reservoirs(frame: Frame, relief: Relief, *, channel: Mask) -> tuple[Mask, Mask]:
    """Fill valleys around each reservoir's axis, lowest ground first, for 2010 and for 2015."""
    now, later = np.zeros(frame.shape, dtype=bool), np.zeros(frame.shape, dtype=bool)
    dams = records("reservoirs")
    rough = frame.texture("reservoir/shore", (12, 5))
    for line, dam in zip(frame.lines(dam.wkt for dam in dams), dams, strict=True):
        reach = 11 * dam.spread_km + 4
        low, high = line.min(axis=0) - reach, line.max(axis=0) + reach
        top, left = np.maximum(low[::-1], 0).astype(int)
        window = (slice(top, int(high[1])), slice(left, int(high[0])))
        axis = np.zeros(now[window].shape, dtype=bool)
        path = _dense(line) - [left, top]
        stamp(axis, path, radius=np.zeros(len(path)))
        away = ndimage.distance_transform_edt(~axis) / (5 * dam.spread_km)
        height = relief.hill[window] / (0.35 * relief.ruggedness[window] + 6)
        score = -(height + 1.1 * away**2 - 0.12 * rough[window]).astype(np.float32)
        score[channel[window] & (away < 0.7)] = 9
        for mask, area in ((now, dam.area_km2), (later, dam.area_2015_km2)):
            # Danjiangkou reaches into Henan: its figures are of the part in Hubei.
            mask[window] |= highest(score, frame.covered[window], count=round(area * KM2))
    return now, later & ~now


def _dense(line: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    length = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    at = np.arange(0.0, length[-1], 0.5)
    return np.stack([np.interp(at, length, line[:, k]) for k in range(2)], axis=1)


def _streams(frame: Frame, relief: Relief, *, channel: Mask, water: Mask, quota: int) -> Mask:
    """Add the largest small streams until rivers reach their total."""
    x, y, catchment = relief.streams
    column, row = np.floor(x).astype(int), np.floor(y).astype(int)
    fits = (column >= 0) & (row >= 0) & (column < frame.shape[1]) & (row < frame.shape[0])
    size = np.zeros(frame.shape, dtype=np.float32)
    np.maximum.at(size, (row[fits], column[fits]), catchment[fits])
    return channel | choose(
        frame, size, allowed=(size > 0) & ~channel & ~water, quota=quota - inside(frame, channel)
    )


def _small_lakes(frame: Frame, plain: Field, *, allowed: Mask, quota: int) -> Mask:
    """Scatter unnamed lakes over the plain."""
    basin = frame.texture("lake/basin", (150, 60))
    shape = frame.texture("lake/small", (13, 5), gain=0.45)
    score = 1.15 * shape + 0.45 * basin + 1.8 * plain
    return choose(frame, score, allowed=allowed & (plain > 0.15), quota=quota)


def _floodplain(frame: Frame, rivers: Rivers, *, allowed: Mask, quota: int) -> Mask:
    """Choose bars and banks of the rivers that flood."""
    noise = frame.texture("floodplain", (30, 12, 5), gain=0.6)
    score = rivers.nearness + 0.42 * noise
    score[rivers.islands] = 9
    return choose(frame, score, allowed=allowed & (rivers.nearness > -0.6), quota=quota)


def _marsh(frame: Frame, lakes: Mask, *, allowed: Mask, quota: int) -> Mask:
    """Choose shores of the larger lakes, and the peatland of Dajiuhu."""
    shore = around(lakes, 8)
    noise = frame.texture("marsh", (36, 12, 5), gain=0.6)
    score = noise + 4.5 * np.minimum(shore, 0.45)
    column, row = frame.cells(109.995, 31.485)
    window = _window(frame, float(column), row=float(row), reach=30)
    down, right = np.mgrid[window].astype(np.float32)
    far = np.hypot((right - float(column)) / 8, (down - float(row)) / 14)
    dajiuhu = np.zeros(frame.shape, dtype=bool)
    dajiuhu[window] = far + 0.25 * noise[window] < 1
    score[dajiuhu] = 9
    return choose(frame, score, allowed=allowed & ((shore > 0.06) | dajiuhu), quota=quota)


def _ponds(frame: Frame, relief: Relief, *, near: Field, allowed: Mask, quota: int) -> Mask:
    """Place fish ponds in clusters on the plain and village ponds in the hills."""
    cluster = frame.texture("pond/cluster", (120, 45, 18), gain=0.7)
    block = frame.texture("pond/block", (10, 5, 2.6), gain=0.8)
    score = 0.45 * cluster + 0.95 * block + 2.4 * relief.plain + 2.4 * np.minimum(near, 0.35)
    fish = choose(frame, score, allowed=allowed & (relief.plain > 0.2), quota=round(0.8 * quota))
    return fish | _village_ponds(
        frame, relief, allowed=allowed & ~fish, quota=quota - inside(frame, fish)
    )


def _village_ponds(frame: Frame, relief: Relief, *, allowed: Mask, quota: int) -> Mask:
    """Scatter small ponds over the low hills of centre and east."""
    spot = frame.texture("pond/hill", (60, 2.6), gain=1.9)
    spot -= np.maximum(relief.elevation - 80, 0) / 190
    return choose(frame, spot, allowed=allowed, quota=quota)
