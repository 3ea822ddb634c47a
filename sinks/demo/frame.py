"""The grid of the example province: equal-area Albers, 200 m, and its packaged tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Any, Final

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import rasterio
import rasterio.features
import shapely
from affine import Affine
from pyproj import CRS, Transformer
from scipy import ndimage

from sinks.demo.noise import Field, Mask, Shape, Textures, enlarge

#: Side of a cell [m]; 25 cells are one square kilometre.
CELL: Final = 200.0
CELL_HA: Final = CELL * CELL / 1e4

#: Equal-area conic for Hubei: standard parallels a sixth inside 29.0–33.3° N.
ALBERS: Final = (
    'PROJCS["WGS 84 / Albers equal area, Hubei",GEOGCS["WGS 84",DATUM["WGS_1984",'
    'SPHEROID["WGS 84",6378137,298.257223563,AUTHORITY["EPSG","7030"]],AUTHORITY["EPSG","6326"]],'
    'PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433],AUTHORITY["EPSG","4326"]],'
    'PROJECTION["Albers_Conic_Equal_Area"],PARAMETER["latitude_of_center",31],'
    'PARAMETER["longitude_of_center",112.25],PARAMETER["standard_parallel_1",29.75],'
    'PARAMETER["standard_parallel_2",32.55],PARAMETER["false_easting",0],'
    'PARAMETER["false_northing",0],UNIT["metre",1],AXIS["Easting",EAST],AXIS["Northing",NORTH]]'
)


def table(name: str) -> pd.DataFrame:
    """Return a packaged table of the example, e.g. ``rivers``."""
    with files("sinks").joinpath("tables", "demo", f"{name}.csv").open("rb") as stream:
        return pd.read_csv(stream, encoding="utf-8-sig")


def records(name: str) -> list[Any]:
    """Return the rows of a packaged table of the example, columns as attributes."""
    return list(table(name).itertuples(index=False))


@cache
def _projection() -> Transformer:
    return Transformer.from_crs(4326, ALBERS, always_xy=True)


@dataclass(frozen=True)
class Frame:
    """The grid and the province on it.

    Attributes
    ----------
    transform : Affine
    shape : tuple of int
    covered : ndarray of bool
        Cells that carry a class: the province and three cells more, so that no border county
        has a gap at its edge.
    inside : ndarray of bool
        Cells whose centre lies in the province: what the totals are calibrated on.
    """

    transform: Affine
    shape: Shape
    covered: Mask
    inside: Mask

    @cached_property
    def crs(self) -> rasterio.crs.CRS:
        """The projection, for rasterio."""
        return rasterio.crs.CRS.from_wkt(ALBERS)

    @cached_property
    def latitude(self) -> Field:
        """Latitude of the cell centres [degree], good to 0.001."""
        factor = 20
        rows, columns = (-(-size // factor) for size in self.shape)
        x, y = np.meshgrid(
            self.transform.c + (np.arange(columns) + 0.5) * factor * CELL,
            self.transform.f - (np.arange(rows) + 0.5) * factor * CELL,
        )
        coarse = _projection().transform(x, y, direction="INVERSE")[1]
        return enlarge(coarse.astype(np.float32), self.shape, factor=factor)

    @cached_property
    def _textures(self) -> Textures:
        return Textures(self.shape)

    def texture(self, name: str, wavelengths: Sequence[float], *, gain: float = 0.5) -> Field:
        """Return a random field on this grid (see `Textures.field`)."""
        return self._textures.field(name, wavelengths, gain=gain)

    def regional(self, field: str) -> Field:
        """Return the sum of bells that the table ``regional`` lists under a field's name.

        A bell is its weight at the place and 0.6 of it at `reach_km`.
        """
        factor = 10
        rows, columns = (-(-size // factor) for size in self.shape)
        total = np.zeros((rows, columns), dtype=np.float32)
        for place in (row for row in records("regional") if row.field == field):
            x, y = self.cells(place.lon, place.lat)
            reach = place.reach_km * 1000 / CELL / factor
            down = np.exp(-0.5 * ((np.arange(rows) + 0.5 - float(y) / factor) / reach) ** 2)
            right = np.exp(-0.5 * ((np.arange(columns) + 0.5 - float(x) / factor) / reach) ** 2)
            total += np.float32(place.weight) * np.outer(down, right).astype(np.float32)
        return enlarge(total, self.shape, factor=factor)

    def cells(self, lon: npt.ArrayLike, lat: npt.ArrayLike) -> tuple[npt.NDArray[np.float64], ...]:
        """Return fractional column and row of geographic positions."""
        x, y = _projection().transform(lon, lat)
        column = (np.asarray(x) - self.transform.c) / CELL
        return column, (self.transform.f - np.asarray(y)) / CELL

    def lines(self, wkt: Iterable[str]) -> list[npt.NDArray[np.float64]]:
        """Return polylines as arrays of (column, row), dims (vertex, 2)."""
        every = [shapely.get_coordinates(shapely.from_wkt(text)) for text in wkt]
        return [np.stack(self.cells(line[:, 0], line[:, 1]), axis=1) for line in every]


def frame_of(regions: gpd.GeoDataFrame) -> Frame:
    """Lay the grid over the counties.

    Parameters
    ----------
    regions : GeoDataFrame
        Polygons in any CRS.
    """
    shapes = regions.geometry.to_crs(CRS.from_wkt(ALBERS))
    west, south, east, north = shapes.total_bounds
    margin, step = 3000.0, 1000.0
    left, top = np.floor((west - margin) / step) * step, np.ceil((north + margin) / step) * step
    shape = (
        int(np.ceil((top - south + margin) / step) * step / CELL),
        int(np.ceil((east + margin - left) / step) * step / CELL),
    )
    transform = Affine(CELL, 0.0, left, 0.0, -CELL, top)
    inside = rasterio.features.rasterize(shapes, shape, transform=transform, dtype="uint8") > 0
    covered = ndimage.binary_dilation(inside, ndimage.generate_binary_structure(2, 2), 3)
    return Frame(transform=transform, shape=shape, covered=covered, inside=inside)
