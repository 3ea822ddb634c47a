"""Rivers of the example province: smoothed, meandering, as wide as they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from sinks.demo.frame import CELL, Frame, table
from sinks.demo.noise import Field, Mask, Shape, enlarge, fractal, knots

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Rivers:
    """The digitised rivers on the grid.

    Attributes
    ----------
    channel : ndarray of bool
        Water of the digitised rivers, islands left out.
    islands : ndarray of bool
        Bars and islands within the widest channels.
    nearness : ndarray
        How near a cell is to a river that floods: 1 at the bank, 0 at the edge of its
        floodplain, negative beyond.
    distance : ndarray
        Distance to the nearest river wider than 300 m [cells].
    """

    channel: Mask
    islands: Mask
    nearness: Field
    distance: Field


def build_rivers(frame: Frame) -> Rivers:
    """Draw the digitised rivers on the grid."""
    rivers = table("rivers")
    warp = _warp(frame.shape)
    channel = np.zeros(frame.shape, dtype=bool)
    big, islands = np.zeros(frame.shape, dtype=bool), np.zeros(frame.shape, dtype=bool)
    half = tuple(-(-size // 2) for size in frame.shape)
    reach = np.full(half, -9.0, dtype=np.float32)
    widths = rivers.width_m.to_numpy(float) / CELL
    for line, width, plain, swing in zip(
        frame.lines(rivers.wkt),
        widths,
        rivers.floodplain_m.to_numpy(float) / CELL,
        rivers.meander_m.to_numpy(float) / CELL,
        strict=True,
    ):
        path = _meander(line, swing, warp=warp)
        braid = _braid(path) if width * CELL > 550 else np.zeros(len(path))
        radius = _radius(path, width) * (1 + 0.4 * braid)
        stamp(channel, path, radius=radius)
        stamp(islands, path[braid > 0], radius=0.5 * (radius * braid)[braid > 0])
        if width * CELL > 300:
            stamp(big, path, radius=np.maximum(radius, 0.6))
        if plain > 0:
            _reach(reach, path / 2, radius=float(width) / 4, plain=float(plain) / 2)
    far = 2 * ndimage.distance_transform_edt(~big[::2, ::2]).astype(np.float32)
    return Rivers(
        channel=channel & ~islands,
        islands=islands,
        nearness=enlarge(reach, frame.shape, factor=2),
        distance=enlarge(far, frame.shape, factor=2),
    )


def _warp(shape: Shape) -> list[list[Field]]:
    """Return displacement fields (x, y), wide and narrow, on coarse grids."""
    return [
        [
            ndimage.spline_filter(
                fractal(f"river/{size}/{axis}", knots(shape, size / 6), wavelengths=(6, 3))
            )
            for axis in "xy"
        ]
        for size in (54.0, 24.0)
    ]


def _meander(line: Floats, swing: float, *, warp: list[list[Field]]) -> Floats:
    """Round the corners of a digitised line and let it swing by `swing` cells."""
    for _ in range(3):  # Chaikin's corner cutting
        inner = np.stack([0.75 * line[:-1] + 0.25 * line[1:], 0.25 * line[:-1] + 0.75 * line[1:]])
        line = np.concatenate([line[:1], inner.transpose(1, 0, 2).reshape(-1, 2), line[-1:]])
    path = _resample(line, 0.5)
    for (across, along), spacing, part in zip(warp, (9.0, 4.0), (0.75, 0.55), strict=True):
        place = [path[:, 1] / spacing, path[:, 0] / spacing]
        shift = [
            ndimage.map_coordinates(field, place, order=3, mode="nearest", prefilter=False)
            for field in (across, along)
        ]
        path = path + part * swing * np.stack(shift, axis=1)
    return _resample(path, 0.4)


def _resample(line: Floats, step: float) -> Floats:
    """Return points every `step` cells along a line."""
    length = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    at = np.arange(0.0, length[-1], step)
    return np.stack([np.interp(at, length, line[:, k]) for k in range(2)], axis=1)


def _radius(path: Floats, width: float) -> Floats:
    """Return the half width along a path: narrows and wide reaches some kilometres long."""
    at = np.arange(len(path)) * 0.4
    wave = np.sin(at / 9.0 + path[0, 0]) + 0.6 * np.sin(at / 23.0 + path[0, 1])
    return np.asarray(0.5 * width * (1 + 0.22 * wave))


def _braid(path: Floats) -> Floats:
    """Return where a wide river splits around an island: 0 to 1, every 20–30 km."""
    at = np.arange(len(path)) * 0.4
    wave = np.sin(at / 21.0 + path[0, 1]) + 0.35 * np.sin(at / 8.3 + path[0, 0])
    return np.asarray(np.clip((wave - 0.62) / 0.55, 0, 1))


def stamp(mask: Mask, path: Floats, *, radius: Floats) -> None:
    """Set the cells whose centre lies within `radius` of a path point, and the point's own."""
    if path.size == 0:
        return
    reach = int(np.ceil(radius.max())) + 1
    offsets = np.arange(-reach, reach + 1)
    column, row = np.floor(path[:, 0]).astype(int), np.floor(path[:, 1]).astype(int)
    for down in offsets:
        for right in offsets:
            gap = np.hypot(column + right + 0.5 - path[:, 0], row + down + 0.5 - path[:, 1])
            hit = gap <= radius if (down or right) else np.ones(len(path), dtype=bool)
            y, x = row[hit] + down, column[hit] + right
            fits = (y >= 0) & (x >= 0) & (y < mask.shape[0]) & (x < mask.shape[1])
            mask[y[fits], x[fits]] = True


def _reach(reach: Field, path: Floats, *, radius: float, plain: float) -> None:
    """Raise `reach` (half-resolution) around one river: 1 at the bank, 0 at the plain's edge."""
    margin = int(3 * plain + radius) + 3
    low = np.maximum(path.min(axis=0).astype(int) - margin, 0)
    high = path.max(axis=0).astype(int) + margin
    window = reach[low[1] : high[1], low[0] : high[0]]
    line = np.zeros(window.shape, dtype=bool)
    stamp(line, path - low, radius=np.zeros(len(path)))
    distance = np.float32(ndimage.distance_transform_edt(~line))
    np.maximum(window, 1 - (distance - radius) / plain, out=window)
