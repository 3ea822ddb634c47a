"""The hot kernel: one pass over all years to the joint table [region × class path], in true area.

Per strip of rows, the edges of each region become runs of whole cells and a list of border cells
with their exact coverage; no zone raster exists anywhere. Along each run, neighbouring cells of
one path (the classes of all years together) form a segment, whose area is looked up from the
row's running true area. Areas are integers in a power-of-two part of a square metre, so that sums
are exact: any order of strips, any number of workers, the same bits.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sinks.compiled import compiled, inlined
from sinks.hashtable import Ints, Table, Words, slot_of

Bytes = npt.NDArray[np.uint8]
Columns = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]
#: Class codes (year, row, column); columns at which the path changes, row after row, and where
#: each row of them starts; first column of the window.
Cells = tuple[Bytes, Columns, Ints, int]
#: First column node, columns from node to node; by row: cell area at nodes, half slopes, sum.
Areas = tuple[int, float, Floats, Floats, Floats]
#: Area by path of the region in hand, the paths it has met, how many these are.
Sums = tuple[Ints, Ints, Ints]

#: Coverage nearer to 0 or 1 than this is rounding of the coordinates: a border that follows the
#: cells must not bring in the classes beyond it.
SNAP: Final = 1e-9
#: Rows with more border pieces than this are sorted by merging, not by insertion.
MANY: Final = 64
_ROOT: Final = -2


def new_sums(paths: Table) -> Sums:
    """Return room for the sums of one region over all paths that `paths` can hold."""
    size = paths[0].size
    return np.zeros(size, np.int64), np.zeros(size, np.int64), np.zeros(1, np.int64)


@inlined
def _path(
    keys: Ints, words: Words, values: Ints, fill: Ints, codes: Bytes, row: int, col: int
) -> int:
    """Return the number of a cell's path: its classes in all years, eight to a word."""
    years = codes.shape[0]
    node = np.int64(_ROOT)
    for first in range(0, years, 8):
        word = np.uint64(0)
        for k in range(first, min(first + 8, years)):
            word |= np.uint64(codes[k, row, col]) << np.uint64(8 * (k - first))
        count = fill[0]
        slot = slot_of(keys, words, fill, node, word)
        if values[slot] < 0:
            values[slot] = count
        node = values[slot]
    return node


@inlined
def area_until(
    first: int,
    step: float,
    at_node: Floats,
    half_slope: Floats,
    total: Floats,
    row: int,
    col: int,
) -> int:
    """Return the true area of a row from the first node to a column [quanta]."""
    k = min(int((col - first) / step), half_slope.shape[1] - 1) if half_slope.shape[1] > 1 else 0
    t = (col - first) - k * step
    return np.int64(total[row, k] + t * (at_node[row, k] + t * half_slope[row, k]) + 0.5)


@inlined
def _note(totals: Ints, touched: Ints, count: Ints, path: int, area: int) -> None:
    if totals[path] == 0 and area > 0:  # a cell at a pole may be less than half a quantum
        touched[count[0]] = path
        count[0] += 1
    totals[path] += area


@compiled
def _after(changes: Columns, first: int, last: int, col: int) -> tuple[int, int]:
    """Return the place of the first change right of a column, and the end of the row's."""
    end = last
    while first < last:
        middle = (first + last) // 2
        if changes[middle] > col:
            last = middle
        else:
            first = middle + 1
    return first, end


@compiled
def _sum_runs(
    tables: tuple[Table, Sums], runs: Ints, count: int, cells: Cells, areas: Areas
) -> bool:
    """Sum runs (row, first column, last column); False if the table of paths is full."""
    keys, words, values, fill = tables[0]
    totals, touched, met = tables[1]
    codes, changes, row_starts, col0 = cells
    node, per, at_node, half_slope, total = areas
    room = keys.size // 2 - codes.shape[0] - 1
    for i in range(count):
        row, begin, last = runs[i, 0], max(runs[i, 1], col0), min(runs[i, 2], col0 + codes.shape[2])
        if begin >= last:
            continue
        change, no_more = _after(changes, row_starts[row], row_starts[row + 1], begin - col0)
        done = area_until(node, per, at_node, half_slope, total, row, begin)
        while begin < last:
            stop = last
            if change < no_more:
                stop = min(last, col0 + changes[change])
                change += 1
            if fill[0] > room:
                return False
            until = area_until(node, per, at_node, half_slope, total, row, stop)
            path = _path(keys, words, values, fill, codes, row, begin - col0)
            _note(totals, touched, met, path, until - done)
            begin, done = stop, until
    return True


@compiled
def _sum_borders(
    tables: tuple[Table, Sums], places: Ints, coverage: Floats, cells: Cells, areas: Areas
) -> bool:
    """Sum border cells (row, column) by their coverage; False if the table of paths is full."""
    keys, words, values, fill = tables[0]
    totals, touched, met = tables[1]
    codes, _, _, col0 = cells
    node, per, at_node, half_slope, total = areas
    room = keys.size // 2 - codes.shape[0] - 1
    for i in range(coverage.size):
        row, col = places[i, 0], places[i, 1]
        if col < col0 or col >= col0 + codes.shape[2]:
            continue
        if fill[0] > room:
            return False
        whole = area_until(node, per, at_node, half_slope, total, row, col + 1) - area_until(
            node, per, at_node, half_slope, total, row, col
        )
        area = np.int64(coverage[i] * whole + 0.5)
        if area > 0:
            path = _path(keys, words, values, fill, codes, row, col - col0)
            _note(totals, touched, met, path, area)
    return True


@compiled
def _longer(array: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    new = np.empty(size, array.dtype)
    new[: array.size] = array
    return new


@compiled
def _more_places(places: Ints, size: int) -> Ints:
    new = np.empty((size, 2), np.int64)
    new[: places.shape[0]] = places
    return new


@compiled
def _edge_cells(edges: Floats, row0: int, row1: int) -> tuple[Any, ...]:
    """Cut edges into the cells of rows row0 … row1−1.

    Returns row, column, own share (signed height × part of the cell to the right of the edge)
    and cover (signed height) of every piece, in the order of the edges.
    """
    size, count = 256, 0
    rows, cols = np.empty(size, np.int32), np.empty(size, np.int64)
    share, cover = np.empty(size, np.float64), np.empty(size, np.float64)
    for e in range(edges.shape[0]):
        x0, y0, x1, y1 = edges[e, 0], edges[e, 1], edges[e, 2], edges[e, 3]
        sign = 1.0
        if y0 > y1:
            x0, y0, x1, y1, sign = x1, y1, x0, y0, -1.0
        if y0 == y1 or y1 <= row0 or y0 >= row1:
            continue
        slope = (x1 - x0) / (y1 - y0)
        for r in range(max(int(np.floor(y0)), row0), min(int(np.ceil(y1)), row1)):
            ya, yb = max(y0, float(r)), min(y1, float(r + 1))
            xa = x0 if ya == y0 else x0 + (ya - y0) * slope
            xb = x1 if yb == y1 else x0 + (yb - y0) * slope
            xl, xr = min(xa, xb), max(xa, xb)
            c0, c1 = int(np.floor(xl)), int(np.floor(xr))
            while count + (c1 - c0 + 1) > size:
                size *= 2
                rows, cols = _longer(rows, size), _longer(cols, size)
                share, cover = _longer(share, size), _longer(cover, size)
            height = sign * (yb - ya)
            for c in range(c0, c1 + 1):
                left, right = max(xl, float(c)), min(xr, float(c + 1))
                part = height if c0 == c1 else height * (right - left) / (xr - xl)
                rows[count], cols[count] = r - row0, c
                cover[count] = part
                share[count] = part * (c + 1 - 0.5 * (left + right))
                count += 1
    return rows[:count], cols[:count], share[:count], cover[:count]


@compiled
def _crossings(edges: Floats, row0: int, row1: int) -> tuple[Any, ...]:
    """Return row and column of each crossing of a row's centre line.

    The column is the first whose centre is not left of the crossing, so that a centre on a
    common border belongs to one side only.
    """
    size, count = 256, 0
    rows, cols = np.empty(size, np.int32), np.empty(size, np.int64)
    for e in range(edges.shape[0]):
        x0, y0, x1, y1 = edges[e, 0], edges[e, 1], edges[e, 2], edges[e, 3]
        if y0 > y1:
            x0, y0, x1, y1 = x1, y1, x0, y0
        for r in range(max(int(np.ceil(y0 - 0.5)), row0), min(int(np.ceil(y1 - 0.5)), row1)):
            if count == size:
                size *= 2
                rows, cols = _longer(rows, size), _longer(cols, size)
            x = x0 + (r + 0.5 - y0) * (x1 - x0) / (y1 - y0)
            rows[count], cols[count] = r - row0, int(np.ceil(x - 0.5))
            count += 1
    return rows[:count], cols[:count]


@compiled
def _row_order(rows: npt.NDArray[np.int32], cols: Ints, height: int) -> tuple[Ints, Ints]:
    """Return a stable order of pieces by row and column, and where each row starts in it."""
    starts = np.zeros(height + 1, np.int64)
    for i in range(rows.size):
        starts[rows[i] + 1] += 1
    for r in range(height):
        starts[r + 1] += starts[r]
    order = np.empty(rows.size, np.int64)
    fill = starts[:-1].copy()
    for i in range(rows.size):
        order[fill[rows[i]]] = i
        fill[rows[i]] += 1
    for r in range(height):
        a, b = starts[r], starts[r + 1]
        if b - a > MANY:
            part = order[a:b].copy()
            order[a:b] = part[np.argsort(cols[part], kind="mergesort")]
            continue
        for i in range(a + 1, b):
            item, j = order[i], i
            while j > a and cols[order[j - 1]] > cols[item]:
                order[j] = order[j - 1]
                j -= 1
            order[j] = item
    return order, starts


@compiled
def whole_and_parts(edges: Floats, row0: int, row1: int) -> tuple[Any, ...]:
    """Return one region's part of a strip: runs of whole cells, border cells, their coverage."""
    row_of, cols, share, cover = _edge_cells(edges, row0, row1)
    order, starts = _row_order(row_of, cols, row1 - row0)
    size, cells, count = 256, 0, 0
    runs = np.empty((2 * row_of.size + 1, 3), np.int64)
    places, coverage = np.empty((size, 2), np.int64), np.empty(size, np.float64)
    for r in range(row1 - row0):
        inside = 0.0
        i, end = starts[r], starts[r + 1]
        while i < end:
            col = cols[order[i]]
            own = inside
            while i < end and cols[order[i]] == col:
                own += share[order[i]]
                inside += cover[order[i]]
                i += 1
            following = cols[order[i]] if i < end else col + 1
            # The cell of the edge, and the cells up to the next edge: these are in part covered
            # only below or above an exactly horizontal edge.
            for first, last, part in ((col, col + 1, abs(own)), (col + 1, following, abs(inside))):
                if part > 1.0 - SNAP:
                    runs[count, 0], runs[count, 1], runs[count, 2] = r, first, last
                    count += 1
                elif part > SNAP:
                    while cells + last - first > size:
                        size *= 2
                        places, coverage = _more_places(places, size), _longer(coverage, size)
                    for c in range(first, last):
                        places[cells, 0], places[cells, 1], coverage[cells] = r, c, part
                        cells += 1
    return runs, count, places[:cells], coverage[:cells]


@compiled
def whole_by_centre(edges: Floats, row0: int, row1: int) -> tuple[Any, ...]:
    """Return one region's part of a strip likewise: the cells whose centre lies in it."""
    row_of, cols = _crossings(edges, row0, row1)
    order, starts = _row_order(row_of, cols, row1 - row0)
    runs = np.empty((row_of.size // 2 + 1, 3), np.int64)
    count = 0
    for r in range(row1 - row0):
        for i in range(starts[r], starts[r + 1] - 1, 2):
            runs[count, 0], runs[count, 1], runs[count, 2] = r, cols[order[i]], cols[order[i + 1]]
            count += 1
    return runs, count, np.empty((0, 2), np.int64), np.empty(0, np.float64)


@compiled
def find_changes(codes: Bytes, mark: Bytes, changes: Columns, row_starts: Ints) -> None:
    """Find the columns at which the path differs from that of the cell to their left.

    `mark` is room for one row. The position is stored whether or not there is a change, and
    kept only if there is: no branch that the processor could guess wrong.
    """
    count = 0
    for r in range(codes.shape[1]):
        row_starts[r] = count
        mark[:] = 0
        for k in range(codes.shape[0]):
            row = codes[k, r]
            for c in range(1, row.size):
                mark[c] |= row[c] ^ row[c - 1]
        for c in range(1, mark.size):
            changes[count] = c
            count += mark[c] != 0
    row_starts[codes.shape[1]] = count


@compiled
def _book(table: Table, region: int, sums: Sums, keep: bool) -> None:
    """Move one region's sums into the table of areas, or drop them, and clear them."""
    totals, touched, count = sums
    keys, words, values, fill = table
    for i in range(count[0]):
        if keep:
            slot = slot_of(keys, words, fill, region, np.uint64(touched[i]))
            values[slot] = max(values[slot], 0) + totals[touched[i]]
        totals[touched[i]] = 0
    count[0] = 0


@compiled
def add_strip(
    tables: tuple[Table, Table, Sums],
    outline: tuple[Floats, Ints, Ints],
    *,
    rows: tuple[int, int],
    cells: Cells,
    areas: Areas,
    first: int,
    exact: bool,
) -> int:
    """Add a window of cells to the tables of paths and areas.

    Parameters
    ----------
    tables : (Table, Table, Sums)
        Paths: (previous path, word of eight classes) → path. Areas: (region, path) → area
        [quanta]. Room for one region's sums.
    outline : tuple of ndarray
        Edges, starts and boxes as in `sinks.outlines.Outlines`.
    rows : (int, int)
        First and last row (exclusive) of the window.
    cells : tuple
        See `Cells`; the changes are from `find_changes`.
    areas : tuple
        See `Areas` [quanta].
    first : int
        The region to begin with.
    exact : bool
        Border cells by exact coverage; otherwise whole cells by their centre.

    Returns
    -------
    int
        The first region that is not in the tables yet: the number of regions when done, less
        when a table must grow first. No region is ever booked in part.
    """
    paths, table, sums = tables
    edges, starts, boxes = outline
    codes, _, _, col0 = cells
    for region in range(first, boxes.shape[0]):
        if boxes[region, 1] <= rows[0] or boxes[region, 0] >= rows[1]:
            continue
        if boxes[region, 3] <= col0 or boxes[region, 2] >= col0 + codes.shape[2]:
            continue
        own = edges[starts[region] : starts[region + 1]]
        if exact:
            runs, count, places, coverage = whole_and_parts(own, rows[0], rows[1])
        else:
            runs, count, places, coverage = whole_by_centre(own, rows[0], rows[1])
        fits = _sum_runs((paths, sums), runs, count, cells, areas)
        fits = fits and _sum_borders((paths, sums), places, coverage, cells, areas)
        fits = fits and 2 * (table[3][0] + sums[2][0]) < table[0].size
        _book(table, region, sums, fits)
        if not fits:
            return region
    return boxes.shape[0]
