"""Which region a cell lies in, window by window: for rasters of what differs between regions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from affine import Affine
from pyproj import Transformer
from rasterio.features import rasterize

from sinks.grid import Grid
from sinks.regions import Regions
from sinks.windows import Window


@dataclass(frozen=True)
class RegionCells:
    """The regions on a grid; a cell belongs to the region that holds its centre.

    Attributes
    ----------
    grid : Grid
    shapes : ndarray of shapely polygons, dims (region)
        In the grid's CRS.
    tree : STRtree
        Of the shapes.
    """

    grid: Grid
    shapes: npt.NDArray[Any]
    tree: shapely.STRtree

    @classmethod
    def of(cls, regions: Regions, grid: Grid, *, transformer: Transformer) -> RegionCells:
        """Lay the regions onto a grid."""
        own = np.asarray(regions.frame.geometry.values)
        shapes = shapely.transform(own, transformer.transform, interleaved=False)
        return cls(grid, shapes, shapely.STRtree(shapes))

    def at(self, window: Window) -> npt.NDArray[np.int32]:
        """Return the region of every cell of a window by position, −1 for none."""
        row0, row1, col0, col1 = window
        grid = self.grid
        x, y = grid.x0 + col0 * grid.dx, grid.y0 + row0 * grid.dy
        far = grid.x0 + col1 * grid.dx, grid.y0 + row1 * grid.dy
        frame = shapely.box(min(x, far[0]), min(y, far[1]), max(x, far[0]), max(y, far[1]))
        here = np.sort(self.tree.query(frame))
        shape = (row1 - row0, col1 - col0)
        if not here.size:
            return np.full(shape, -1, np.int32)
        return np.asarray(
            rasterize(
                zip(self.shapes[here], here.tolist(), strict=True), shape, fill=-1, dtype="int32",
                transform=Affine(grid.dx, 0, x, 0, grid.dy, y),
            )
        )  # fmt: skip
