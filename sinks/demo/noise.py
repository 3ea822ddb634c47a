"""Smooth random fields of the example province, from named streams.

Every field is a sum of octaves: random numbers on a coarse grid, spread to the fine grid by
cubic B-splines (two sparse matrix products, so a field of nine million cells costs a tenth of a
second). The numbers are the raw output of Philox, which numpy keeps stable between versions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import sparse

Field = npt.NDArray[np.floating[Any]]
Mask = npt.NDArray[np.bool_]
Shape = tuple[int, int]

#: Seed of the example province: the last day of the plan's base year.
SEED: Final = 20101231
#: Wavelengths of the octaves that all fields of a grid share [cells].
GRAIN: Final = (10.0, 5.0, 2.6)
#: Room for their windows [cells].
SLACK: Final = 240
#: Wider octaves are summed on a grid coarser by this factor.
COARSE: Final = 4


def white(name: str, shape: Shape) -> Field:
    """Return uniform random numbers in [-1, 1), one stream per name."""
    digest = hashlib.sha256(f"demo/{SEED}/{name}".encode()).digest()
    count = shape[0] * shape[1]
    raw = np.random.Philox(key=int.from_bytes(digest[:16], "little")).random_raw(-(-count // 4))
    # Each 64-bit word gives four numbers, always in the same order.
    parts = raw.astype("<u8").view("<u2")[:count].reshape(shape)
    return np.asarray(parts * np.float32(2.0**-15) - np.float32(1), dtype=np.float32)


def _weights(count: int, spacing: float, *, knots: int) -> sparse.csr_matrix:
    """Return the matrix that spreads `knots` B-spline coefficients over `count` cells."""
    place = (np.arange(count) + 0.5) / spacing
    first = np.floor(place).astype(np.int64)
    t = place - first
    values = np.stack(
        [
            (1 - t) ** 3 / 6,
            (3 * t**3 - 6 * t**2 + 4) / 6,
            (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6,
            t**3 / 6,
        ],
        axis=1,
    )
    columns = np.clip(first[:, None] + np.arange(4), 0, knots - 1)
    rows = np.repeat(np.arange(count), 4)
    entries = (values.astype(np.float32).ravel(), (rows, columns.ravel()))
    return sparse.csr_matrix(entries, shape=(count, knots), dtype=np.float32)


def spread(coarse: Field, shape: Shape, *, spacing: float) -> Field:
    """Spread coefficients on a coarse grid smoothly over a fine one.

    Parameters
    ----------
    coarse : ndarray, dims (knot_y, knot_x)
        Coefficients; knot (j, i) stands at cell ((j - 1) × spacing, (i - 1) × spacing).
    shape : tuple of int
        Rows and columns of the fine grid.
    spacing : float
        Distance of two knots in fine cells.
    """
    rows = _weights(shape[0], spacing, knots=coarse.shape[0])
    columns = _weights(shape[1], spacing, knots=coarse.shape[1])
    # Columns first: the small array is the one that is transposed.
    across = np.ascontiguousarray((columns @ np.ascontiguousarray(coarse.T)).T)
    return np.asarray(rows @ across, dtype=np.float32)


def knots(shape: Shape, spacing: float) -> Shape:
    """Return how many knots `spread` needs for a grid of `shape`."""
    return int(shape[0] / spacing) + 4, int(shape[1] / spacing) + 4


def enlarge(small: Field, shape: Shape, *, factor: int) -> Field:
    """Return a block grid (one value per `factor` × `factor` cells) smoothed to fine cells."""
    padded = np.pad(small, 2, mode="edge")
    # Block centres lie half a block inside: the knot grid of `spread` starts one knot earlier.
    wide = spread(padded, (shape[0] + factor, shape[1] + factor), spacing=factor)
    half = factor // 2
    return wide[factor - half : factor - half + shape[0], factor - half : factor - half + shape[1]]


def fractal(name: str, shape: Shape, *, wavelengths: Sequence[float], gain: float = 0.5) -> Field:
    """Return a field of mean 0 and standard deviation about 1, summed over octaves.

    Parameters
    ----------
    name : str
        Names the streams.
    shape : tuple of int
    wavelengths : sequence of float
        Sizes of the patches [cells], largest first.
    gain : float
        Standard deviation of an octave relative to the one before it.
    """
    total = np.zeros(shape, dtype=np.float32)
    for wavelength, weight in zip(wavelengths, _shares(len(wavelengths), gain), strict=True):
        total += _octave(name, shape, wavelength=wavelength, cells=wavelength) * weight
    return total


def _octave(name: str, shape: Shape, *, wavelength: float, cells: float) -> Field:
    """Return one octave whose wavelength is `cells` on the grid asked for, deviation 1."""
    noise = white(f"{name}/{wavelength}", knots(shape, cells / 2))
    # B-spline blending of uniform numbers leaves a standard deviation of 0.277.
    return spread(noise * np.float32(1 / 0.277), shape, spacing=cells / 2)


def _shares(count: int, gain: float) -> Field:
    """Return the weights of octaves whose sum has a standard deviation of 1."""
    weights = gain ** np.arange(count)
    return np.asarray(weights / np.sqrt(np.sum(weights**2)), dtype=np.float32)


class Textures:
    """The random fields of one grid; the finest octaves are shared to save time.

    The octaves of `GRAIN` are made once, on a grid `SLACK` cells larger than asked for; every
    field looks at them through a window of its own, further off than their patches reach.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the grid.
    """

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        large = (shape[0] + SLACK, shape[1] + SLACK)
        self._grain = {size: _octave("grain", large, wavelength=size, cells=size) for size in GRAIN}

    def field(self, name: str, wavelengths: Sequence[float], *, gain: float = 0.5) -> Field:
        """Return what `fractal` returns; wavelengths are of `GRAIN`, or larger than all of them."""
        shares = dict(zip(wavelengths, _shares(len(wavelengths), gain), strict=True))
        small = (self.shape[0] // COARSE + 1, self.shape[1] // COARSE + 1)
        wide = np.zeros(small, dtype=np.float32)
        for size in sorted(shares.keys() - self._grain.keys()):
            wide += _octave(name, small, wavelength=size, cells=size / COARSE) * shares[size]
        total = enlarge(wide, self.shape, factor=COARSE)
        for size in sorted(shares.keys() & self._grain.keys()):
            total += self._window(f"{name}/{size}", size) * shares[size]
        return total

    def _window(self, name: str, size: float) -> Field:
        down, right = (white(name, (1, 2))[0] * 0.5 + 0.5) * SLACK
        rows, columns = slice(int(down), None), slice(int(right), None)
        return self._grain[size][rows, columns][: self.shape[0], : self.shape[1]]


def blocks(grid: Field | Mask, factor: int) -> Field:
    """Return the means of `factor` × `factor` cells; a rest at the edge repeats the last cell."""
    pad = [(0, -size % factor) for size in grid.shape]
    full = np.pad(grid.view(np.uint8) if grid.dtype == bool else grid, pad, mode="edge")
    kind = np.uint16 if grid.dtype == bool else np.float32
    total = np.zeros((full.shape[0] // factor, full.shape[1] // factor), dtype=kind)
    for row in range(factor):
        for column in range(factor):
            total += full[row::factor, column::factor]
    return np.asarray(total / np.float32(factor**2), dtype=np.float32)


def around(grid: Field | Mask, factor: int) -> Field:
    """Return the smooth local mean of a grid over about 2 × `factor` cells."""
    return enlarge(blocks(grid, factor), (grid.shape[0], grid.shape[1]), factor=factor)


def highest(score: Field, allowed: Mask, *, count: int) -> Mask:
    """Return the `count` allowed cells of highest score (fewer if fewer are allowed)."""
    cells = np.flatnonzero(allowed)
    chosen = np.zeros(allowed.size, dtype=bool)
    count = min(count, cells.size)
    if count > 0:
        order = np.argpartition(-score[allowed], count - 1)[:count]
        chosen[cells[order]] = True
    return chosen.reshape(allowed.shape)
