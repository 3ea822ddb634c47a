"""Run the zonal kernel over all strips of the study's rasters, on several threads."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.errors import RasterioError

from sinks import zonal
from sinks.grid import CellAreas, cell_areas
from sinks.hashtable import Table, entries, grown, new_table
from sinks.memory import take_room
from sinks.outlines import Outlines, area_beyond
from sinks.raster import GDAL_OPTIONS, RasterSource, UnreadableBlock, read_window
from sinks.rasterheader import NotTiff
from sinks.symbols import pass_as_they_are, to_symbols
from sinks.tiles import reason_of
from sinks.windows import Window, cell_bytes, groups, on_raster, strips

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Progress = Callable[[float], None]
#: Takes a job and its groups of windows by number; yields each group's sums as they come.
Engine = Callable[["Job", Mapping[int, Sequence[Window]]], Iterator[tuple[int, "Partial"]]]

#: Bytes of class codes that one worker holds at a time.
STRIP_BYTES: Final = 16 << 20
#: Address space that a thread takes as it begins: its stack and room to breathe [bytes].
THREAD_BYTES: Final = 32 << 20
#: Bits of the largest area sum; the rest of a signed 64-bit integer is head-room.
SUM_BITS: Final = 61


@dataclass(frozen=True)
class JointTable:
    """Areas by region and class path: the only thing that is ever read from the rasters.

    Attributes
    ----------
    years : tuple of int
    region, path : ndarray, dims (row)
        Index of the region and row of `paths`.
    area : ndarray, dims (row)
        True area [quanta]; exact integers.
    paths : ndarray, dims (path, year)
        Symbols of the classes in all years, in lexical order.
    outside : ndarray, dims (region)
        Area of each region beyond the raster [quanta].
    quantum : float
        Area of one quantum [m²]; a power of two.
    """

    years: tuple[int, ...]
    region: Ints
    path: Ints
    area: Ints
    paths: npt.NDArray[np.integer[Any]]
    outside: Ints
    quantum: float

    def of_regions(self, first: int, last: int) -> JointTable:
        """Return the table of some regions alone, numbered from zero."""
        here = (self.region >= first) & (self.region < last)
        return JointTable(
            self.years, self.region[here] - first, self.path[here], self.area[here], self.paths,
            self.outside[first:last], self.quantum,
        )  # fmt: skip


def joint_table(
    sources: Mapping[int, RasterSource],
    outline: Outlines,
    *,
    symbols: npt.NDArray[np.int64],
    nodata: Sequence[int],
    exact: bool = True,
    execution: Execution | None = None,
) -> JointTable:
    """Sum the true area of every region by its class path, in one pass over all years.

    Parameters
    ----------
    sources : mapping of year to RasterSource
        Rasters of one grid.
    outline : Outlines
        The regions, in cells of that grid.
    symbols : ndarray
        Table of `sinks.symbols.symbols`.
    nodata : sequence of int
        The legend's no-data codes. A raster's own is its source's; both matter only where
        `symbols` numbers the codes.
    exact : bool
        Border cells by exact coverage; otherwise whole cells by their centre.
    execution : Execution, optional
        How the work is carried out; the result does not depend on it.

    Returns
    -------
    JointTable

    Raises
    ------
    UnreadableBlock
        If a window cannot be read.
    ValueError
        If the grid's projection cannot be inverted everywhere on the regions.
    """
    how = execution or Execution()
    layers = tuple(sources.values())
    job, beyond = job_of(layers, outline, symbols=symbols, nodata=nodata, exact=exact)
    window = on_raster(outline.window, layers[0].grid)
    pieces = strips(window, layers, strip_bytes=how.strip_bytes) if window else ()
    work = groups(pieces, per_cell=cell_bytes(layers))
    partials: dict[int, Partial] = {}
    for i, partial in (how.engine or threads())(job, work):
        partials[i] = partial
        if how.progress:
            how.progress(len(partials) / len(work))
    region, path, area, paths = _merged(list(partials.values()), len(sources))
    outside = np.rint(beyond / job.quantum).astype(np.int64)
    return JointTable(tuple(sources), region, path, area, paths, outside, job.quantum)


def job_of(
    layers: tuple[RasterSource, ...],
    outline: Outlines,
    *,
    symbols: npt.NDArray[np.int64],
    nodata: Sequence[int],
    exact: bool,
) -> tuple[Job, Floats]:
    """Return what every worker needs, and each region's area beyond the raster [m²].

    Raises
    ------
    ValueError
        If the grid's projection cannot be inverted everywhere on the regions.
    """
    grid = layers[0].grid
    window = on_raster(outline.window, grid) or (0, 1, 0, 1)
    areas = cell_areas(grid, window)
    beyond = area_beyond(outline, grid)
    quantum = _quantum(areas, beyond)
    tabulated = areas.tabulated(window)
    return Job(layers, outline, tabulated, quantum, symbols, tuple(nodata), exact), beyond


@dataclass(frozen=True)
class Execution:
    """How the work is carried out; no number depends on it.

    Attributes
    ----------
    engine : Engine, optional
        Who sums the groups of windows; `threads` on all processors by default.
    strip_bytes : int
        Memory that one worker may use for the cells it holds [bytes].
    progress : callable, optional
        Is told the part done, 0 … 1.
    """

    engine: Engine | None = None
    strip_bytes: int = STRIP_BYTES
    progress: Progress | None = None


@dataclass(frozen=True)
class Partial:
    """Sums of some windows: region, symbols of the path (row, year), area [quanta]."""

    region: Ints
    symbols: npt.NDArray[np.uint8]
    area: Ints


@dataclass(frozen=True)
class Job:
    """What every worker needs; nothing in it changes."""

    sources: tuple[RasterSource, ...]
    outline: Outlines
    areas: CellAreas
    quantum: float
    symbols: npt.NDArray[np.int64]
    nodata: tuple[int, ...]
    exact: bool


class _Tables:
    """The growing tables of one worker."""

    def __init__(self) -> None:
        self.paths, self.areas = new_table(), new_table()
        self.sums = zonal.new_sums(self.paths)

    def add(self, job: Job, window: Window, *, codes: npt.NDArray[np.uint8]) -> None:
        """Add a window of cells, growing the tables whenever the kernel asks for it."""
        row0, row1, col0, _ = window
        outline = (job.outline.edges, job.outline.starts, job.outline.boxes)
        mark = np.empty(codes.shape[2], np.uint8)
        changes = np.empty(codes.shape[1] * codes.shape[2] + 1, np.int32)
        row_starts = np.empty(codes.shape[1] + 1, np.int64)
        zonal.find_changes(codes, mark, changes, row_starts)
        per_row = row_areas(job, row0, row1=row1)
        done = 0
        while done < job.outline.count:
            done = zonal.add_strip(
                (self.paths, self.areas, self.sums),
                outline,
                rows=(row0, row1),
                cells=(codes, changes, row_starts, col0),
                areas=per_row,
                first=done,
                exact=job.exact,
            )
            if done < job.outline.count:
                self._grow(codes.shape[0])

    def _grow(self, years: int) -> None:
        """Double the table that has no room; the kernel stops only when one has none."""
        if 2 * (int(self.paths[3][0]) + years + 1) >= self.paths[0].size:
            self.paths = grown(self.paths)
            self.sums = zonal.new_sums(self.paths)
        else:
            self.areas = grown(self.areas)


def _quantum(areas: CellAreas, beyond: Floats) -> float:
    """Return the part of a square metre in which areas are counted [m²].

    It depends on the grid, and on regions that are larger than it, not on strips or workers.
    """
    grid = areas.grid
    if areas.exact_rows:
        largest = grid.semi_axes[0] ** 2 * grid.unit**2 * abs(grid.dx * grid.dy)
    else:
        largest = float(areas.scale.max())
    whole = max(largest * grid.height * grid.width, float(beyond.max()))
    return 2.0 ** (math.ceil(math.log2(whole)) - SUM_BITS)


def row_areas(job: Job, row0: int, *, row1: int) -> zonal.Areas:
    """Return the running true area along each row, as the kernel wants it [quanta]."""
    nodes = job.areas.col_nodes
    step = float(nodes[1] - nodes[0])
    at_node = np.ascontiguousarray(job.areas.at_rows(row0, row1) / job.quantum)
    half_slope = np.diff(at_node, axis=1) / (2 * step)
    total = np.zeros(at_node.shape)
    np.cumsum((at_node[:, 1:] + at_node[:, :-1]) * (step / 2), axis=1, out=total[:, 1:])
    return int(nodes[0]), step, at_node, half_slope, total


def sum_windows(job: Job, windows: Sequence[Window]) -> Partial:
    """Sum some windows: what a worker does, wherever it runs.

    Parameters
    ----------
    job : Job
    windows : sequence of (int, int, int, int)
        First row, last row, first column, last column.

    Returns
    -------
    Partial

    Raises
    ------
    UnreadableBlock
        If a window cannot be read.
    """
    tables = _Tables()
    with ExitStack() as stack:
        stack.enter_context(rasterio.Env(**GDAL_OPTIONS))
        files = open_all(job.sources, stack)
        for window in windows:
            tables.add(job, window, codes=codes_of(job, files, window=window))
    region, number, area = entries(tables.areas)
    symbols = _decoded(tables.paths, len(job.sources))[number.astype(np.int64)]
    return Partial(region, symbols, area)


def threads(workers: int | None = None) -> Engine:
    """Return the engine of one machine: as many threads, all processors by default."""

    def run(job: Job, groups: Mapping[int, Sequence[Window]]) -> Iterator[tuple[int, Partial]]:
        count = max(1, min(workers or os.cpu_count() or 1, len(groups)))
        take_room(count * THREAD_BYTES)  # Python waits for ever for a thread that gets none
        with ThreadPoolExecutor(max_workers=count) as pool:
            futures = {pool.submit(sum_windows, job, part): i for i, part in groups.items()}
            try:
                for future in as_completed(futures):
                    yield futures[future], future.result()
            finally:
                pool.shutdown(cancel_futures=True)

    return run


def open_all(
    sources: Sequence[RasterSource], stack: ExitStack
) -> list[tuple[Any, list[int], list[int]]]:
    """Open each file once: dataset, its bands, and the years (by position) they are for."""
    opened: dict[Any, tuple[Any, list[int], list[int]]] = {}
    for position, source in enumerate(sources):
        own = (source.native or source).recode
        files = (own, *((tile.path, tile.band - source.band) for tile in source.tiles))
        if files not in opened:
            try:
                dataset = stack.enter_context(source.open())
            except (RasterioError, OSError, NotTiff) as error:
                raise UnreadableBlock(source, 0, reason=reason_of(error)) from error
            opened[files] = (dataset, [], [])
        opened[files][1].append(source.band)
        opened[files][2].append(position)
    return list(opened.values())


def codes_of(
    job: Job, files: Sequence[tuple[Any, list[int], list[int]]], *, window: Window
) -> npt.NDArray[np.uint8]:
    """Read the symbols of a window, dims (year, row, column)."""
    row0, row1, col0, col1 = window
    codes = np.empty((len(job.sources), row1 - row0, col1 - col0), np.uint8)
    for dataset, bands, positions in files:
        source = job.sources[positions[0]]
        try:
            if len(bands) == 1 and pass_as_they_are(source.dtype, job.symbols):
                read_window(
                    dataset, bands, window=window, out=codes[positions[0] : positions[0] + 1]
                )
                continue
            values = read_window(dataset, bands, window=window)
            for place, layer in zip(positions, values, strict=True):
                nodata = (*job.nodata, *job.sources[place].blank)
                codes[place] = to_symbols(layer, job.symbols, nodata=nodata)
        except (RasterioError, OSError, NotTiff) as error:
            raise UnreadableBlock(source, row0, reason=reason_of(error)) from error
        except ValueError as error:
            raise UnreadableBlock(source, row0, reason=str(error), not_whole=True) from error
    return codes


def _decoded(paths: Table, years: int) -> npt.NDArray[np.uint8]:
    """Return the symbols of every path of a worker, dims (path number, year)."""
    previous, words, number = entries(paths)
    out = np.zeros((int(paths[3][0]), -(-years // 8) * 8), np.uint8)
    back = np.full(out.shape[0], -1, np.int64)
    word = np.zeros(out.shape[0], np.uint64)
    back[number], word[number] = previous, words
    node = np.arange(out.shape[0])
    for chunk in reversed(range(out.shape[1] // 8)):
        alive = node >= 0
        out[alive, 8 * chunk : 8 * chunk + 8] = (
            word[node[alive]].astype("<u8")[:, None].view(np.uint8).reshape(-1, 8)
        )
        node = np.where(alive, back[np.maximum(node, 0)], -1)
    return out[:, :years]


def _merged(
    partials: Sequence[Partial], years: int
) -> tuple[Ints, Ints, Ints, npt.NDArray[np.uint8]]:
    """Bring all sums together, in an order that no schedule can change."""
    if not sum(len(part.area) for part in partials):
        empty = np.zeros(0, np.int64)
        return empty, empty, empty, np.zeros((0, years), np.uint8)
    region = np.concatenate([part.region for part in partials])
    area = np.concatenate([part.area for part in partials])
    symbols = np.concatenate([part.symbols for part in partials])
    paths, path = np.unique(symbols, axis=0, return_inverse=True)
    keys, row = np.unique(np.column_stack([region, path.reshape(-1)]), axis=0, return_inverse=True)
    total = np.zeros(len(keys), np.int64)
    np.add.at(total, row.reshape(-1), area)
    return keys[:, 0], keys[:, 1], total, paths
