"""The lie of the land: elevation and valleys of the example province.

Elevation and local relief of some 240 places (from general geographical knowledge, to the
nearest 10–50 m) are interpolated; between them water is led to the nearest large river along
the cheapest path over random ground, and the tree of those paths carves the valleys.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage, sparse
from scipy.interpolate import RBFInterpolator
from scipy.sparse import csgraph

from sinks.demo.frame import Frame, table
from sinks.demo.noise import Field, Mask, enlarge, fractal, knots, spread

#: Side of a routing cell, in cells of the grid.
ROUTE: Final = 3


@dataclass(frozen=True)
class Relief:
    """Fields that the land cover follows.

    Attributes
    ----------
    elevation : ndarray
        Height above sea level [m].
    hill : ndarray
        Height above the nearest valley floor [m].
    ruggedness : ndarray
        Height difference between ridges and valleys around [m].
    streams : tuple of ndarray
        Column, row [cells] and catchment [km²] of points along the small streams, dense enough
        that every cell on the way holds one.
    """

    elevation: Field
    hill: Field
    ruggedness: Field
    streams: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], Field]

    @cached_property
    def plain(self) -> Field:
        """How much a cell belongs to the lake plain: 1 there, 0 in the hills."""
        low = 1 + np.exp(np.minimum((self.elevation - 44) / 6, 30))
        return np.asarray(np.exp(-self.ruggedness / 28) / low, dtype=np.float32)


def build_relief(frame: Frame, rivers: Mask) -> Relief:
    """Build the relief.

    Parameters
    ----------
    frame : Frame
    rivers : ndarray of bool
        The large rivers, which all water flows to.
    """
    base, ruggedness = _interpolated(frame)
    catchment, column, row, parent = _drainage(frame, base, ruggedness=ruggedness, rivers=rivers)
    streams = _points(catchment, column, row=row, parent=parent)
    valley = _valley_distance(frame, streams, rivers=rivers)
    fine = frame.texture("relief/fine", (34, 16, 10, 5), gain=0.6)
    # Slopes rise to the full relief about 2 km from the stream.
    share = 1 - np.exp(-valley / np.float32(7.0))
    hill = np.maximum(ruggedness * (1.15 * share + 0.11 * share**0.5 * fine), 0)
    elevation = np.maximum(base + hill - 0.62 * ruggedness, 12)
    return Relief(elevation, hill.astype(np.float32), ruggedness, streams)


def _interpolated(frame: Frame) -> tuple[Field, Field]:
    """Return elevation and ruggedness between the places, smooth."""
    places = table("relief")
    column, row = frame.cells(places.lon, places.lat)
    step = 30.0
    rows, columns = knots(frame.shape, step)
    y, x = np.meshgrid((np.arange(rows) - 1) * step, (np.arange(columns) - 1) * step, indexing="ij")
    # Roots keep the plain flat beside mountains a hundred times as high.
    values = np.sqrt(places[["elevation_m", "relief_m"]].to_numpy(float))
    model = RBFInterpolator(
        np.stack([column, row], axis=1), values, kernel="linear", neighbors=24, smoothing=0.0
    )
    coarse = model(np.stack([x.ravel(), y.ravel()], axis=1)).reshape(rows, columns, 2)
    fields = [
        spread(coarse[..., k].astype(np.float32), frame.shape, spacing=step) for k in range(2)
    ]
    return np.square(np.maximum(fields[0], 3)), np.square(np.maximum(fields[1], 1))


def _drainage(
    frame: Frame, base: Field, *, ruggedness: Field, rivers: Mask
) -> tuple[Field, npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Return, per routing node, catchment [km²], position [cells] and the node downstream."""
    part = slice(ROUTE // 2, None, ROUTE)
    height = base[part, part] / 30 + np.sqrt(ruggedness[part, part])
    near = ndimage.binary_dilation(frame.covered[part, part], iterations=8)
    rough = fractal("relief/route", near.shape, wavelengths=(20, 9, 4.5, 2.4), gain=0.75)
    cost = np.exp(0.9 * rough) * (1 + 0.05 * height)
    outlet = ndimage.maximum_filter(rivers, ROUTE)[part, part] & near
    number = np.full(near.shape, -1)
    number[near] = np.arange(near.sum())
    graph = _graph(number, cost)
    seeds = number[outlet]
    distance, parent, _ = csgraph.dijkstra(
        graph, directed=False, indices=seeds, min_only=True, return_predecessors=True
    )
    row, column = np.nonzero(near)
    # Shifted nodes hide the eight directions of the routing grid.
    sway = [
        fractal(f"relief/sway/{k}", near.shape, wavelengths=(13, 6, 3), gain=0.75)[near]
        for k in "xy"
    ]
    x, y = (column + 0.5 + 0.62 * sway[0]) * ROUTE, (row + 0.5 + 0.62 * sway[1]) * ROUTE
    return _catchments(distance, parent), x, y, parent.astype(np.int64)


def _graph(number: npt.NDArray[np.int64], cost: Field) -> sparse.csr_matrix:
    """Return the graph of neighbouring nodes, weighted by distance and cost."""
    starts, ends, weights = [], [], []
    rows, columns = number.shape
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        one = (slice(0, rows - down), slice(max(-right, 0), columns - max(right, 0)))
        two = (slice(down, rows), slice(max(right, 0), columns - max(-right, 0)))
        both = (number[one] >= 0) & (number[two] >= 0)
        starts.append(number[one][both])
        ends.append(number[two][both])
        weights.append((cost[one] + cost[two])[both] * np.hypot(down, right))
    entries = (np.concatenate(weights), (np.concatenate(starts), np.concatenate(ends)))
    size = int(number.max()) + 1
    return sparse.csr_matrix(entries, shape=(size, size), dtype=np.float64)


def _catchments(distance: npt.NDArray[np.float64], parent: npt.NDArray[np.int32]) -> Field:
    """Return the area draining through each node [km²]: far nodes hand theirs down first."""
    area = [(ROUTE * 0.2) ** 2] * distance.size
    downstream = parent.tolist()
    for node in np.argsort(-distance, kind="stable").tolist():
        if downstream[node] >= 0:
            area[downstream[node]] += area[node]
    return np.asarray(area, dtype=np.float32)


def _points(
    catchment: Field,
    column: npt.NDArray[np.float64],
    *,
    row: npt.NDArray[np.float64],
    parent: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], Field]:
    """Return points along every stretch with a catchment over 4 km²."""
    node = np.flatnonzero((parent >= 0) & (catchment > 4))
    along = np.linspace(0, 1, 6)[:-1]
    x = column[node, None] + along * (column[parent[node]] - column[node])[:, None]
    y = row[node, None] + along * (row[parent[node]] - row[node])[:, None]
    return x.ravel(), y.ravel(), np.repeat(catchment[node], along.size)


def _valley_distance(
    frame: Frame,
    streams: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], Field],
    *,
    rivers: Mask,
) -> Field:
    """Return the distance to the nearest stream or river [cells], measured on a grid of half."""
    x, y, _ = streams
    wet = rivers[::2, ::2].copy()
    column, line = (x / 2).astype(int), (y / 2).astype(int)
    fits = (column >= 0) & (line >= 0) & (column < wet.shape[1]) & (line < wet.shape[0])
    wet[line[fits], column[fits]] = True
    distance = 2 * ndimage.distance_transform_edt(~wet).astype(np.float32)
    return enlarge(distance, frame.shape, factor=2)
