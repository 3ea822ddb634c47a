"""Class rasters of the example: tiled GeoTIFF with the legend's colours."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import rasterio
from affine import Affine

from sinks.demo.cover import STRATA, Cover
from sinks.legend import Legend, packaged_legend
from sinks.texts import text

#: The legend that the example's codes belong to.
LEGEND: Final = "sinks"


def to_codes(cover: Cover, legend: Legend) -> Cover:
    """Turn positions in `STRATA` into the codes of a legend; 0 stays no data."""
    first = {legend.stratum_of(code): code for code in reversed(legend.codes)}
    lookup = np.array([0, *(first[name] for name in STRATA)], dtype=np.uint8)
    return np.asarray(lookup[cover])


def write_cover(
    path: Path, cover: Cover, *, transform: Affine, crs: rasterio.crs.CRS, year: int
) -> None:
    """Write one year's land cover.

    Parameters
    ----------
    cover : ndarray of uint8
        Numbered as in `STRATA`.
    transform, crs
        Where the upper left corner is and in which projection.
    year : int
        Goes into the tags with the stamp of a synthetic example.
    """
    legend = packaged_legend(LEGEND)
    profile = {
        "driver": "GTiff",
        "height": cover.shape[0],
        "width": cover.shape[1],
        "count": 1,
        "dtype": "uint8",
        "nodata": 0,
        "crs": crs,
        "transform": transform,
        "tiled": True,
        "blockxsize": 256,
        "blockysize": 256,
        "compress": "deflate",
        "zlevel": 6,
    }
    colours = dict.fromkeys(range(256), (255, 255, 255, 0))
    for row in legend.classes:
        red, green, blue = bytes.fromhex(row.colour[1:])
        colours[row.code] = (red, green, blue, 255)
    with rasterio.open(path, "w", **profile) as target:
        target.write(to_codes(cover, legend), 1)
        target.write_colormap(1, colours)
        target.update_tags(year=str(year), source=text("demo.stamp", "en"), legend=LEGEND)
        target.set_band_description(1, f"land cover {year}")
