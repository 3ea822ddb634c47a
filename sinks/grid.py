"""One grid type: where a raster's cells are and how large they really are on the ellipsoid."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Final, cast

import numpy as np
import numpy.typing as npt
from pyproj import CRS, Transformer

Floats = npt.NDArray[np.float64]

#: Spacing of the lattice on which the area scale of a projection is sampled [m].
LATTICE_M: Final = 8_000.0
#: Half-step of the difference quotient of the area scale [m]; its own error is below 1e-8.
STEP_M: Final = 1_000.0
#: An area scale nearer to 1 than this is an equal-area projection's rounding.
EQUAL_AREA: Final = 1e-7
#: Two grids are one if corresponding corners are nearer than this part of a cell.
SAME_GRID: Final = 1e-3


def authalic(latitude: npt.ArrayLike, *, a: float, b: float) -> Floats:
    """Return the ellipsoid's area from the equator to a latitude, per radian of longitude.

    Parameters
    ----------
    latitude : array_like
        Geodetic latitude [rad].
    a, b : float
        Semi-axes of the ellipsoid [m].

    Returns
    -------
    ndarray [m² / rad]

    Notes
    -----
    ``Q = b²/2 · (sinφ / (1 − e² sin²φ) + artanh(e sinφ) / e)`` with ``e² = 1 − b²/a²``; on a
    sphere ``Q = a² sinφ``. The area between two parallels and two meridians is ``Δλ · ΔQ``.

    References
    ----------
    Snyder, J. P. (1987). Map Projections: A Working Manual. USGS Prof. Paper 1395, eq. 3-12
    (times a²/2).

    Examples
    --------
    The whole WGS 84 ellipsoid has 510,065,621.7 km² (NGA.STND.0036, table 3.6):

    >>> half = authalic(math.pi / 2, a=6378137.0, b=6356752.314245)
    >>> round(float(4 * math.pi * half) / 1e6, 1)
    510065621.7
    """
    sine = np.sin(np.asarray(latitude, dtype=np.float64))
    e2 = 1.0 - (b / a) ** 2
    if e2 <= 0:
        return np.asarray(a * a * sine)
    e = math.sqrt(e2)
    return np.asarray(b * b / 2 * (sine / (1 - e2 * sine**2) + np.arctanh(e * sine) / e))


@dataclass(frozen=True)
class Grid:
    """A north- or south-up raster grid.

    Parameters
    ----------
    wkt : str
        CRS.
    x0, y0 : float
        Outer corner of the first cell [CRS units].
    dx, dy : float
        Cell size, `dy` negative in the usual north-up grid [CRS units].
    width, height : int
        Columns and rows.
    """

    wkt: str
    x0: float
    y0: float
    dx: float
    dy: float
    width: int
    height: int

    @cached_property
    def crs(self) -> CRS:
        """The grid's CRS."""
        return CRS.from_wkt(self.wkt)

    @cached_property
    def unit(self) -> float:
        """Radians (geographic) or metres (projected) in one CRS unit."""
        return float(self.crs.axis_info[0].unit_conversion_factor)

    @cached_property
    def semi_axes(self) -> tuple[float, float]:
        """Semi-axes of the CRS's ellipsoid [m]; ValueError if it has none."""
        ellipsoid = self.crs.ellipsoid
        if ellipsoid is None or self.crs.geodetic_crs is None:
            raise ValueError(self.crs.name)
        return float(ellipsoid.semi_major_metre), float(ellipsoid.semi_minor_metre)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north [CRS units]."""
        x1, y1 = self.x0 + self.width * self.dx, self.y0 + self.height * self.dy
        return min(self.x0, x1), min(self.y0, y1), max(self.x0, x1), max(self.y0, y1)

    def to_cells(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Turn CRS coordinates into fractional columns and rows."""
        return (x - self.x0) / self.dx, (y - self.y0) / self.dy

    def same_cells(self, other: Grid) -> bool:
        """Tell whether both grids have the same cells: CRS, corners and size."""
        if (self.width, self.height) != (other.width, other.height):
            return False
        if not self.crs.equals(other.crs, ignore_axis_order=True):  # cells are x, y in any case
            return False
        ends = ((0.0, 0.0), (float(self.width), float(self.height)))
        shifts = [
            max(
                abs(other.x0 + c * other.dx - self.x0 - c * self.dx) / abs(self.dx),
                abs(other.y0 + r * other.dy - self.y0 - r * self.dy) / abs(self.dy),
            )
            for c, r in ends
        ]
        return max(shifts) < SAME_GRID

    def described(self) -> str:
        """Return the grid in one line, for messages and the manifest."""
        name = _name_of(self.crs)
        cell = f"{abs(self.dx):.12g} × {abs(self.dy):.12g}"
        origin = f"({self.x0:.12g}, {self.y0:.12g})"
        return f"{name} · {self.width} × {self.height} · {cell} · {origin}"


@lru_cache(maxsize=64)
def _name_of(crs: CRS) -> str:
    """Return a CRS's code or, after a long search of the register, its own name."""
    code = crs.to_authority(min_confidence=100)
    return ":".join(code) if code else str(crs.name)


@dataclass(frozen=True)
class CellAreas:
    """True areas of a grid's cells, sampled so that any run of cells in a row can be summed.

    Attributes
    ----------
    row_nodes : ndarray, dims (lattice row)
        Rows at which `scale` is known; linear between them.
    col_nodes : ndarray, dims (lattice column)
        Columns at which it is known; linear between them.
    scale : ndarray, dims (lattice row, lattice column)
        Area of a cell at these nodes [m²].
    exact_rows : bool
        True for geographic grids: the area depends on the row alone and comes from `authalic`.
    """

    grid: Grid
    row_nodes: Floats
    col_nodes: Floats
    scale: Floats
    exact_rows: bool

    def at_rows(self, first: int, last: int) -> Floats:
        """Return cell areas of the rows first … last−1 at the column nodes.

        Returns
        -------
        ndarray, dims (row, lattice column) [m²]
        """
        if self.exact_rows:
            return np.repeat(_row_areas(self.grid, first, last=last)[:, None], 2, axis=1)
        rows = np.arange(first, last) + 0.5
        if self.row_nodes.size == 1:
            return np.repeat(self.scale, rows.size, axis=0)
        index = np.clip(np.searchsorted(self.row_nodes, rows) - 1, 0, self.row_nodes.size - 2)
        span = self.row_nodes[index + 1] - self.row_nodes[index]
        weight = ((rows - self.row_nodes[index]) / span)[:, None]
        return np.asarray(self.scale[index] * (1 - weight) + self.scale[index + 1] * weight)

    def tabulated(self, window: tuple[int, int, int, int]) -> CellAreas:
        """Return the same areas for the rows of a window, each of them as a number.

        Sines and logarithms differ between processors in their last bit, sums and products do
        not: of these areas every machine makes the same table.
        """
        if not self.exact_rows:
            return self
        rows = np.arange(window[0], window[1], dtype=np.float64) + 0.5
        return replace(
            self, row_nodes=rows, scale=self.at_rows(window[0], window[1]), exact_rows=False
        )


def _row_areas(grid: Grid, first: int, *, last: int) -> Floats:
    """Return the area of one cell of each row of a geographic grid [m²].

    The difference of `authalic` between the row's parallels, in a form that does not subtract
    two nearly equal numbers: a cell of 10 m would lose half of its digits.
    """
    edges = (grid.y0 + np.arange(first, last + 1) * grid.dy) * grid.unit
    inside = np.clip(edges, -math.pi / 2, math.pi / 2)
    whole = (edges[1:] == inside[1:]) & (edges[:-1] == inside[:-1])
    height = np.where(whole, grid.dy * grid.unit, np.diff(inside))
    sine = np.sin(inside)
    rise = 2 * np.cos((inside[1:] + inside[:-1]) / 2) * np.sin(height / 2)
    a, b = grid.semi_axes
    e2 = max(0.0, 1.0 - (b / a) ** 2)
    product = e2 * sine[1:] * sine[:-1]
    rational = (1 + product) / ((1 - e2 * sine[1:] ** 2) * (1 - e2 * sine[:-1] ** 2))
    ratio = math.sqrt(e2) * rise / (1 - product)
    logarithmic = np.arctanh(ratio) / math.sqrt(e2) if e2 else rise
    return np.asarray(np.abs(b * b / 2 * (rise * rational + logarithmic) * grid.dx * grid.unit))


def cell_areas(grid: Grid, window: tuple[int, int, int, int]) -> CellAreas:
    """Sample the true area of the grid's cells over a window.

    Parameters
    ----------
    grid : Grid
    window : tuple of int
        First row, last row, first column, last column (exclusive); may reach beyond the grid.

    Returns
    -------
    CellAreas

    Raises
    ------
    ValueError
        If the projection cannot be inverted somewhere in the window.

    Notes
    -----
    Geographic grids: `authalic` between the parallels of each row, exact. Projected grids: the
    nominal cell times the Jacobian of (x, y) → (λ, Q), which takes the projection's area scale
    out whatever the projection is (conformal, equidistant, Web Mercator's sphere).
    """
    row0, row1, col0, col1 = window
    if grid.crs.is_geographic:
        nodes = np.array([float(col0), float(max(col1, col0 + 1))])
        return CellAreas(grid, np.array([0.0]), nodes, np.zeros((1, 2)), exact_rows=True)
    rows, cols = (
        _nodes(row0, row1, cell_m=abs(grid.dy) * grid.unit),
        _nodes(col0, col1, cell_m=abs(grid.dx) * grid.unit),
    )
    jacobian = _area_scale(grid, rows, cols=cols)
    if not np.isfinite(jacobian).all():
        raise ValueError(grid.crs.name)
    if np.abs(jacobian - 1).max() < EQUAL_AREA:
        jacobian = np.ones((1, 2))
        rows, cols = rows[:1], cols[[0, -1]]
    nominal = abs(grid.dx * grid.dy) * grid.unit**2
    return CellAreas(grid, rows, cols, jacobian * nominal, exact_rows=False)


def _nodes(first: int, last: int, *, cell_m: float) -> Floats:
    """Return lattice positions from `first` to `last`, independent of where the window starts."""
    step = max(1, int(LATTICE_M / cell_m))
    start, stop = first // step, max(-(-last // step), first // step + 1)
    return np.arange(start, stop + 1, dtype=np.float64) * step


def authalic_position(grid: Grid, cols: Floats, *, rows: Floats) -> tuple[Floats, Floats]:
    """Return longitude [rad] and `authalic` [m²/rad] of positions in a grid.

    In this plane areas are true, whatever the grid's projection: a polygon's area on the
    ellipsoid is the integral of dλ dQ. Positions that the projection cannot invert are NaN.
    """
    crs = grid.crs
    a, b = grid.semi_axes
    x, y = grid.x0 + cols * grid.dx, grid.y0 + rows * grid.dy
    if crs.is_geographic:
        lon, lat = x * grid.unit, np.clip(y * grid.unit, -math.pi / 2, math.pi / 2)
    else:
        geodetic = cast(CRS, crs.geodetic_crs)  # `semi_axes` has seen to it that there is one
        unit = float(geodetic.axis_info[0].unit_conversion_factor)
        inverse = Transformer.from_crs(crs, geodetic, always_xy=True)
        angles = np.asarray(inverse.transform(x, y, errcheck=False))
        lon, lat = np.where(np.isfinite(angles), angles, np.nan) * unit
    return lon, authalic(lat, a=a, b=b)


def _area_scale(grid: Grid, rows: Floats, *, cols: Floats) -> Floats:
    """Return true area over nominal area at lattice points, dims (row, column)."""
    c, r = np.meshgrid(cols, rows)
    dc = max(1.0, STEP_M / (abs(grid.dx) * grid.unit))
    dr = max(1.0, STEP_M / (abs(grid.dy) * grid.unit))
    east, west = authalic_position(grid, c + dc, rows=r), authalic_position(grid, c - dc, rows=r)
    south, north = authalic_position(grid, c, rows=r + dr), authalic_position(grid, c, rows=r - dr)
    lon_c = np.remainder(east[0] - west[0] + math.pi, 2 * math.pi) - math.pi
    lon_r = np.remainder(south[0] - north[0] + math.pi, 2 * math.pi) - math.pi
    determinant = lon_c * (south[1] - north[1]) - lon_r * (east[1] - west[1])
    nominal = abs(grid.dx * grid.dy) * grid.unit**2
    return np.asarray(np.abs(determinant) / (4 * dc * dr * nominal))
