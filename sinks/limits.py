"""How large inputs may be: every ceiling a named key of the study, so that one can be moved."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Annotated

from pydantic import Field

from sinks.validation import Part

Count = Annotated[int, Field(ge=1, le=2**50)]


class Limits(Part):
    """`[limits]`: what a file may ask of this computer; above it a problem names the key."""

    cells: Count = Field(500_000_000_000, description="cells of a raster (China at 10 m: 3e11)")
    bands: Count = Field(1_000, description="bands of a raster")
    block_mb: Count = Field(512, description="one stored block of a raster, unpacked [MB]")
    cells_per_byte: Count = Field(20_000, description="cells that a byte of a raster may stand for")
    boundary_mb: Count = Field(1_024, description="a boundary file, or what its zip holds [MB]")
    geojson_mb: Count = Field(256, description="a GeoJSON file [MB]")
    features: Count = Field(200_000, description="regions")
    polygons: Count = Field(2_000_000, description="sub-compartments in a file")
    vertices: Count = Field(30_000_000, description="vertices of all regions")
    zip_members: Count = Field(1_000, description="files in a zip archive")
    zip_ratio: Count = Field(200, description="how many times a zip archive may expand")
    table_mb: Count = Field(20, description="a table [MB]")
    table_rows: Count = Field(200_000, description="rows of a table")
    field_chars: Count = Field(10_000, description="characters of one cell of a table")


def ordinary(path: Path) -> Path:
    """Return the path of a file that somebody named, unless reading it might never end.

    Raises
    ------
    OSError
        If it is a folder, a pipe or a device. What is not there is left to who opens it.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "Is a directory", str(path))
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "Is a pipe or a device, not a file", str(path))
    return path
