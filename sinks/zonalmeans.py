"""Amounts per hectare summed by region and stratum: the kernel's coverage, in exact integers.

Where a raster of classes and one of amounts lie on one grid, every cell counts by the part of it
that a region covers and by its true area, as in `sinks.zonal`. Tonnes are counted in a power-of-two
part of a tonne, so that sums do not depend on the order of windows or on the number of workers.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.errors import RasterioError

from sinks import zonal
from sinks.compiled import compiled, inlined
from sinks.joint import SUM_BITS, THREAD_BYTES, Job, codes_of, open_all, row_areas
from sinks.memory import take_room
from sinks.raster import GDAL_OPTIONS, UnreadableBlock
from sinks.rasterheader import NotTiff
from sinks.tiles import reason_of
from sinks.valuerasters import ValueRaster
from sinks.windows import Window, groups, on_raster, strips

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
#: What is summed of every region and stratum: land, land with a value, its tonnes; land with a
#: value and an error, the tonnes of the errors.
LAND, VALID, TONNES, WITH_ERROR, ERROR_TONNES = range(5)
#: Stratum, value and error by row and column; first row and column of the window.
Cells = tuple[npt.NDArray[np.uint8], Floats, Floats, int, int]
#: Stratum of a cell that is not counted.
NONE: Final = 255
#: Bytes per cell of a window while it is summed, beside the class codes: stratum, value, error.
CELL_BYTES: Final = 24


@dataclass(frozen=True)
class Layer:
    """One raster of amounts and the map of strata that it is laid over.

    Attributes
    ----------
    value : ValueRaster
    error : ValueRaster or None
        Standard error of every cell.
    factor : float
        From its unit to tonnes per hectare.
    year : int
        Year of the map, by position.
    """

    value: ValueRaster
    error: ValueRaster | None
    factor: float
    year: int

    @property
    def rasters(self) -> tuple[ValueRaster, ...]:
        """The files to read."""
        return (self.value,) if self.error is None else (self.value, self.error)


@dataclass(frozen=True)
class Strange:
    """A value that is no amount: negative, infinite, or more than any land holds."""

    row: int
    col: int
    value: float
    hectares: float
    of_error: bool


@dataclass(frozen=True)
class Sums:
    """What a layer holds.

    Attributes
    ----------
    land, valid, with_error : ndarray, dims (region, stratum) [ha]
    tonnes, error_tonnes : ndarray, dims (region, stratum) [t]
    strange : tuple of Strange
        The first of the values and of the errors.
    """

    land: Floats
    valid: Floats
    tonnes: Floats
    with_error: Floats
    error_tonnes: Floats
    strange: tuple[Strange, ...]


@dataclass(frozen=True)
class _Work:
    """What every worker needs; nothing in it changes."""

    job: Job
    lookup: Ints
    layers: tuple[Layer, ...]
    strata: int
    limit: float
    quantum_t: float


def layer_sums(
    job: Job,
    layers: Sequence[Layer],
    *,
    lookup: Ints,
    strata: int,
    limit: float,
    workers: int | None = None,
    held: int = 16 << 20,
) -> list[Sums]:
    """Sum rasters of amounts by region and stratum, in one pass over all of them.

    Parameters
    ----------
    job : Job
        Class rasters and outlines: see `sinks.joint.job_of`.
    layers : sequence of Layer
        On the grid of the class rasters.
    lookup : ndarray, dims (year, symbol)
        Stratum of every symbol, negative for none. Cells count that have one in every year.
    strata : int
        How many there are; fewer than 255.
    limit : float
        Amount that no land holds [t/ha].
    workers : int, optional
        Threads; all processors when left out.
    held : int
        Memory that one worker may use for the cells it holds [bytes].

    Returns
    -------
    list of Sums
        In the order of the layers; no number depends on workers or memory.

    Raises
    ------
    UnreadableBlock
        If a window cannot be read.
    """
    grid, outline = job.sources[0].grid, job.outline
    window = on_raster(outline.window, grid)
    whole = float(job.areas.scale.max()) * max(grid.height * grid.width, 1)
    quantum_t = 2.0 ** (math.ceil(math.log2(whole / 1e4 * limit)) - SUM_BITS)
    work = _Work(job, lookup, tuple(layers), strata, limit, quantum_t)
    sources = (*job.sources, *(own.source for layer in layers for own in layer.rasters))
    per_cell = len(sources) * 8 + CELL_BYTES
    pieces = strips(window, sources, strip_bytes=max(held // 4, 1)) if window else ()
    parts = list(groups(pieces, per_cell=per_cell).values())
    count = max(1, min(workers or os.cpu_count() or 1, len(parts)))
    take_room(count * THREAD_BYTES)
    shape = (len(layers), outline.count, strata, 5)
    sums, strange = np.zeros(shape, np.int64), np.full((len(layers), 2, 4), -1.0)
    with ThreadPoolExecutor(max_workers=count) as pool:
        try:
            for own, odd in pool.map(lambda part: _summed(work, part), parts):
                sums += own
                _first(strange, odd)
        finally:
            pool.shutdown(cancel_futures=True)
    return [_unpacked(sums[k], strange[k], work=work) for k in range(len(layers))]


def _first(known: Floats, other: Floats) -> None:
    """Keep the first strange cell of the raster, and add the land of all."""
    for mine, new in zip(known.reshape(-1, 4), other.reshape(-1, 4), strict=True):
        if new[0] < 0:
            continue
        land = max(mine[3], 0.0) + new[3]
        if mine[0] < 0 or tuple(new[:2]) < tuple(mine[:2]):
            mine[:] = new
        mine[3] = land


def _unpacked(sums: Ints, strange: Floats, *, work: _Work) -> Sums:
    size = np.array([work.job.quantum / 1e4] * 5, dtype=np.float64)
    size[[TONNES, ERROR_TONNES]] = work.quantum_t
    found: Floats = sums * size
    odd = tuple(
        Strange(int(row), int(col), float(value), float(land * size[LAND]), bool(k))
        for k, (row, col, value, land) in enumerate(strange)
        if row >= 0
    )
    return Sums(
        found[..., LAND], found[..., VALID], found[..., TONNES], found[..., WITH_ERROR],
        found[..., ERROR_TONNES], odd,
    )  # fmt: skip


def _summed(work: _Work, windows: Sequence[Window]) -> tuple[Ints, Floats]:
    """Sum some windows: what a worker does."""
    job = work.job
    sums = np.zeros((len(work.layers), job.outline.count, work.strata, 5), np.int64)
    strange = np.full((len(work.layers), 2, 4), -1.0)
    outline = (job.outline.edges, job.outline.starts, job.outline.boxes)
    per = job.quantum / 1e4 / work.quantum_t
    with ExitStack() as stack:
        stack.enter_context(rasterio.Env(**GDAL_OPTIONS))
        files = open_all(job.sources, stack)
        opened = [[_opened(own, stack) for own in layer.rasters] for layer in work.layers]
        for window in windows:
            strata = _strata(work, codes_of(job, files, window=window))
            areas = row_areas(job, window[0], row1=window[1])
            for k, layer in enumerate(work.layers):
                value, error = _values(layer, opened[k], window=window)
                cells = (strata[layer.year], value, error, window[0], window[2])
                _add_layer(
                    (sums[k], strange[k]), outline, cells, areas, (per, work.limit), job.exact
                )
    return sums, strange


def _opened(raster: ValueRaster, stack: ExitStack) -> Any:
    with _reading(raster, 0):
        return stack.enter_context(raster.source.open())


@contextmanager
def _reading(raster: ValueRaster, row: int) -> Iterator[None]:
    try:
        yield
    except (RasterioError, OSError, NotTiff) as error:
        raise UnreadableBlock(raster.source, row, reason=reason_of(error)) from error


def _strata(work: _Work, codes: npt.NDArray[np.uint8]) -> Mapping[int, npt.NDArray[np.uint8]]:
    """Return the stratum of every cell in the years that are asked for, `NONE` where it counts not.

    Stocks are compared on the land that every year knows: so are densities.
    """
    unknown = np.zeros(codes.shape[1:], np.bool_)
    for year, own in enumerate(codes):
        unknown |= (work.lookup[year] < 0)[own]
    out = {}
    for year in {layer.year for layer in work.layers}:
        table = np.where(work.lookup[year] < 0, NONE, work.lookup[year]).astype(np.uint8)
        out[year] = np.where(unknown, np.uint8(NONE), table[codes[year]])
    return out


def _values(layer: Layer, opened: Sequence[Any], *, window: Window) -> tuple[Floats, Floats]:
    """Return values and errors of a window [t/ha]; no errors where the layer has none."""
    found = []
    for raster, dataset in zip(layer.rasters, opened, strict=True):
        with _reading(raster, window[0]):
            found.append(raster.read(dataset, window) * layer.factor)
    return found[0], found[1] if len(found) > 1 else np.zeros((0, 0))


@inlined
def _note(strange: Floats, row: int, col: int, value: float, area: int) -> None:
    if strange[0] < 0 or row < strange[0] or (row == strange[0] and col < strange[1]):
        strange[0], strange[1], strange[2] = row, col, value
    strange[3] = max(strange[3], 0.0) + area


@inlined
def _add_cell(
    sums: Ints, strange: Floats, value: float, error: float, area: int,
    place: tuple[int, int], per: tuple[float, float],
) -> None:  # fmt: skip
    """Add one cell, or the part of it that a region covers, to the sums of its stratum."""
    sums[0] += area
    if np.isnan(value):
        return
    if value < 0 or value > per[1]:
        _note(strange[0], place[0], place[1], value, area)
        return
    sums[1] += area
    sums[2] += np.int64(area * value * per[0] + 0.5)
    if np.isnan(error):
        return
    if error < 0 or error > per[1]:
        _note(strange[1], place[0], place[1], error, area)
        return
    sums[3] += area
    sums[4] += np.int64(area * error * per[0] + 0.5)


@compiled
def _add_runs(
    sums: Ints, strange: Floats, runs: Ints, cells: Cells, areas: zonal.Areas,
    per: tuple[float, float],
) -> None:  # fmt: skip
    """Add runs of whole cells: row, first column, last column."""
    strata, values, errors, row0, col0 = cells
    node, step, at_node, half_slope, total = areas
    for i in range(runs.shape[0]):
        row = runs[i, 0]
        first, last = max(runs[i, 1], col0), min(runs[i, 2], col0 + strata.shape[1])
        if first >= last:
            continue
        done = zonal.area_until(node, step, at_node, half_slope, total, row, first)
        for col in range(first, last):
            until = zonal.area_until(node, step, at_node, half_slope, total, row, col + 1)
            stratum = strata[row, col - col0]
            if stratum != NONE:
                error = errors[row, col - col0] if errors.size > 0 else np.nan
                place = (row0 + row, col)
                value = values[row, col - col0]
                _add_cell(sums[stratum], strange, value, error, until - done, place, per)
            done = until


@compiled
def _add_parts(
    sums: Ints, strange: Floats, parts: tuple[Ints, Floats], cells: Cells, areas: zonal.Areas,
    per: tuple[float, float],
) -> None:  # fmt: skip
    """Add border cells (row, column) by their coverage."""
    strata, values, errors, row0, col0 = cells
    node, step, at_node, half_slope, total = areas
    places, coverage = parts
    for i in range(coverage.size):
        row, col = places[i, 0], places[i, 1]
        if col < col0 or col >= col0 + strata.shape[1]:
            continue
        stratum = strata[row, col - col0]
        if stratum == NONE:
            continue
        before = zonal.area_until(node, step, at_node, half_slope, total, row, col)
        whole = zonal.area_until(node, step, at_node, half_slope, total, row, col + 1) - before
        area = np.int64(coverage[i] * whole + 0.5)
        error = errors[row, col - col0] if errors.size > 0 else np.nan
        place = (row0 + row, col)
        _add_cell(sums[stratum], strange, values[row, col - col0], error, area, place, per)


@compiled
def _add_layer(
    totals: tuple[Ints, Floats],
    outline: tuple[Floats, Ints, Ints],
    cells: Cells,
    areas: zonal.Areas,
    per: tuple[float, float],
    exact: bool,
) -> None:
    """Add a window of one layer to the sums (region, stratum, 5) and the first strange cells."""
    sums, strange = totals
    edges, starts, boxes = outline
    row0, row1 = cells[3], cells[3] + cells[0].shape[0]
    col0, col1 = cells[4], cells[4] + cells[0].shape[1]
    for region in range(boxes.shape[0]):
        if boxes[region, 1] <= row0 or boxes[region, 0] >= row1:
            continue
        if boxes[region, 3] <= col0 or boxes[region, 2] >= col1:
            continue
        own = edges[starts[region] : starts[region + 1]]
        if exact:
            runs, count, places, coverage = zonal.whole_and_parts(own, row0, row1)
        else:
            runs, count, places, coverage = zonal.whole_by_centre(own, row0, row1)
        _add_runs(sums[region], strange, runs[:count], cells, areas, per)
        _add_parts(sums[region], strange, (places, coverage), cells, areas, per)
