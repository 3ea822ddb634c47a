"""Small patches of change: found in a window of rows, exactly as in the whole raster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Codes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

#: What took a cell off a map; 0 is nothing.
IMPLAUSIBLE: Final = 1
SIEVE: Final = 2
MINIMUM_AREA: Final = 3


@dataclass(frozen=True)
class Filters:
    """What counts as change on a map.

    Attributes
    ----------
    sieve : int
        Changed cells that touch each other, whatever they became, count from so many on.
    minimum_area : float
        Changed cells of one class that touch each other count from so much area on [ha].
    connectivity : int
        4: cells touch along a side; 8: at a corner, too.
    """

    sieve: int = 0
    minimum_area: float = 0.0
    connectivity: int = 4

    def reach(self, smallest_cell: float) -> int:
        """Return how many rows beside a cell decide on it.

        A patch of n cells spans n rows at most, so what a filter takes out lies within n rows.

        Parameters
        ----------
        smallest_cell : float
            Area of the smallest cell [ha].
        """
        cells = int(np.ceil(self.minimum_area / smallest_cell)) if self.minimum_area else 0
        return self.sieve + cells

    def of(self, codes: Codes, changed: Mask, *, hectares: npt.NDArray[np.float64]) -> Codes:
        """Return which filter takes a cell out, 0 for none.

        Parameters
        ----------
        codes : ndarray, dims (row, column)
            Class of change.
        changed : ndarray, dims (row, column)
            Cells of change that nothing has taken out yet.
        hectares : ndarray, dims (row)
            Area of a cell of each row [ha].

        Returns
        -------
        ndarray, dims (row, column)
            `SIEVE`, `MINIMUM_AREA` or 0; exact from `reach` rows inside the window's edges on.
        """
        out = np.zeros(codes.shape, np.uint8)
        if self.sieve > 1:
            small = _small(changed, self.connectivity, weight=np.ones(len(codes)), least=self.sieve)
            out[small] = SIEVE
        if self.minimum_area > 0:
            left = changed & (out == 0)
            for code in np.unique(codes[left]):
                own = left & (codes == code)
                small = _small(own, self.connectivity, weight=hectares, least=self.minimum_area)
                out[small] = MINIMUM_AREA
        return out


def _small(mask: Mask, connectivity: int, *, weight: npt.NDArray[np.float64], least: float) -> Mask:
    """Return the cells of patches whose weight, summed over cells, is less than `least`."""
    structure: npt.NDArray[Any] = ndimage.generate_binary_structure(
        2, 2 if connectivity == 8 else 1
    )
    labels, count = ndimage.label(mask, structure=structure, output=np.int32)
    rows, columns = np.nonzero(mask)
    own = labels[rows, columns]
    size = np.bincount(own, weights=weight[rows], minlength=count + 1)
    # Sums of the same cells in another order differ in the last digits only.
    small = size < least * (1 - 1e-12)
    out = np.zeros(mask.shape, dtype=bool)
    out[rows, columns] = small[own]
    return out
