"""One of the run's pictures brought onto a sheet's frame."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image
from rasterio.enums import Resampling
from rasterio.transform import from_bounds
from rasterio.warp import reproject, transform_bounds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sinks.sheets.frame import Frame

#: Pixels of a printed picture per metre of paper, 300 to the inch.
PER_METRE: Final = 300 / 0.0254
#: From so many pixels of the picture per pixel of paper on, they are summed up.
SUMMED: Final = 1.5


@lru_cache(maxsize=2)
def _indices(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the colour indices of a palette picture, and its colours with their opacity."""
    with Image.open(path) as image:
        if image.mode != "P" or image.palette is None:
            raise OSError(path.name)
        colours = np.zeros((256, 4), np.uint8)
        palette = np.frombuffer(bytes(image.palette.palette), np.uint8).reshape(-1, 3)
        colours[: len(palette), :3], colours[:, 3] = palette, 255
        clear = image.info.get("transparency", b"")
        if isinstance(clear, int):  # one colour alone
            colours[clear, 3] = 0
        else:
            colours[: len(clear), 3] = np.frombuffer(clear, np.uint8)
        return np.asarray(image), colours


def painted(
    root: Path, layer: Mapping[str, Any], *, frame: Frame, paper: float
) -> NDArray[np.uint8]:
    """Return a layer on a frame as colours with opacity, first row at the top.

    Parameters
    ----------
    root : Path
        Folder of the run.
    layer : mapping
        Its record in the manifest.
    frame : Frame
    paper : float
        Width of the frame on paper [m].

    Returns
    -------
    ndarray, dims (row, column, channel)
        Cells as they are in the picture; where several fall on one pixel of paper, the most
        frequent class or the average density.
    """
    cells, colours = _indices(root / str(layer["path"]))
    (south, west), (north, east) = layer["bounds"]
    bounds = transform_bounds("EPSG:4326", "EPSG:3857", west, south, east, north, densify_pts=0)
    given = from_bounds(*bounds, cells.shape[1], cells.shape[0])
    # Web Mercator stretches lengths by 1 / cos of the latitude.
    cell = given.a * np.cos(np.radians(frame.latitude))
    pixel = frame.width / (paper * PER_METRE)
    summed = Resampling.average if layer["kind"] == "density" else Resampling.mode
    width, height = (max(1, round(side / pixel)) for side in (frame.width, frame.height))
    out = np.zeros((height, width), np.uint8)
    reproject(
        cells, out, src_crs="EPSG:3857", src_transform=given, src_nodata=0,
        dst_crs=frame.crs.to_wkt(), dst_transform=from_bounds(*frame.extent, width, height),
        dst_nodata=0, resampling=summed if pixel > SUMMED * cell else Resampling.nearest,
        warp_mem_limit=256,
    )  # fmt: skip
    return np.asarray(colours[out])
