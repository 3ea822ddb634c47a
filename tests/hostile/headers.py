"""GeoTIFFs whose header lies, and values at the ends of their types."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import Affine, from_origin

from tests.hostile.base import CELL, NORTH, WEST, case, cells, each, key, raster, rasters, replace
from tests.hostile.rasters import FIRST, LAST
from tests.hostile.rawtiff import (
    ASCII,
    DOUBLE,
    SHORT,
    grey,
    place_tags,
    with_tag,
    with_text,
    write_tiff,
)

LARGEST = 3.4028234663852886e38


# Tags


@each(
    "ERROR", "raster.unreadable", file=LAST,
    variants={
        "bigtiff-far": b"II+\0\x08\0\0\0" + struct.pack("<Q", 2**62) + bytes(100),
        "bigtiff-offsets": b"II+\0\x04\0\0\0" + struct.pack("<Q", 16) + bytes(100),
        "bigtiff-tags": b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 2**60) + bytes(200),
        "tags": b"II*\0\x08\0\0\0\xff\xff" + bytes(100),
        "itself": b"II*\0\x04\0\0\0" + bytes(100),
        "short": b"MM\0*",
    },
)  # fmt: skip
def directory_that_lies(folder: Path, content: bytes) -> None:
    (folder / LAST).write_bytes(content)


@each(
    "ERROR", "raster.unreadable", file=LAST,
    variants={"compression": (259, 12_345), "strips": (278, 0), "no-height": (257, 0)},
)  # fmt: skip
def tag_of_no_meaning(folder: Path, tag: tuple[int, int]) -> None:
    with_tag(raster(folder), *tag)


@case("ERROR", "raster.unreadable_block", file=LAST, place="row 0", says="Read error")
def deeper_than_its_data(folder: Path) -> None:
    with_tag(raster(folder), 258, 64)


@case("ERROR", "raster.unreadable_block", file=FIRST)
def larger_than_its_data(folder: Path) -> None:
    """Both years say so: what is missing must not be read as zeros."""
    for year in (2010, 2015):
        path = raster(folder, year, nodata=None)
        with_tag(path, 256, 4_000)


@case("ERROR", "raster.too_large", file=LAST, says="`bands`")
def bands_that_are_not_there(folder: Path) -> None:
    with_tag(raster(folder), 277, 65_535)


@case("ERROR", "raster.not_geotiff", file=LAST)
def document_of_an_office(folder: Path) -> None:
    (folder / LAST).write_bytes(b"EP*\0" + (folder / LAST).read_bytes()[4:])


@each(
    "ERROR", "raster.not_geotiff", file="",
    variants={"gpkg": "counties.gpkg", "legend": "legend.csv", "study": "study.toml"},
)  # fmt: skip
def another_input_for_a_raster(folder: Path, name: str) -> None:
    replace(folder, '"lc2015.tif"', f'"{name}"')


@case("FINE")
def another_ending(folder: Path) -> None:
    (folder / LAST).rename(folder / "lc2015.IMG")
    replace(folder, '"lc2015.tif"', '"lc2015.IMG"')


@case("FINE")
def metadata_of_other_programs(folder: Path) -> None:
    with rasterio.open(raster(folder), "r+") as dataset:
        dataset.update_tags(note="<script>alert(1)</script>", sheet="=1+1")
        dataset.set_band_description(1, "=1+1\x1b[31m")


# Position


@each(
    "ERROR", "raster.bad_cells", file=LAST,
    variants={
        "infinite": (float("inf"), CELL), "tiny": (WEST, 1e-9), "nan": (float("nan"), CELL),
    },
)  # fmt: skip
def cells_nowhere(folder: Path, place: tuple[float, float]) -> None:
    west, size = place
    tags = grey(12, 8) | place_tags(west, NORTH, size, epsg=4547)
    write_tiff(folder / LAST, tags | {42113: (ASCII, b"0\0")})


@case("ERROR", "raster.crs_reach", file="counties.gpkg")
def cells_as_large_as_the_earth(folder: Path) -> None:
    rasters(folder, transform=from_origin(WEST, NORTH, 1e9, 1e9))


@case("ERROR", "raster.not_degrees", file=FIRST)
def north_of_the_pole(folder: Path) -> None:
    rasters(folder, crs="EPSG:4326", transform=from_origin(114.0, 95.0, 0.001, 0.001))


@case("ERROR", "raster.no_geotransform", file=LAST, says="world files")
def position_beside_the_file(folder: Path) -> None:
    raster(folder, transform=Affine.identity())
    (folder / "lc2015.tfw").write_text("100\n0\n0\n-100\n500050\n3369950\n", encoding="ascii")


@case("ERROR", "raster.no_crs", file=LAST)
def crs_beside_the_file(folder: Path) -> None:
    raster(folder, crs=None)
    (folder / "lc2015.prj").write_text('PROJCS["x"]', encoding="ascii")


@case("ERROR", "crs.grid_file", file=FIRST)
def crs_that_opens_a_file(folder: Path) -> None:
    rasters(folder, crs=None)
    wkt = "+proj=tmerc +lon_0=114 +x_0=500000 +nadgrids=/etc/passwd +type=crs"
    key(f'crs = "{wkt}"', under="landcover")(folder)


@each(
    "ERROR", "raster.bad_crs", file=FIRST,
    variants={"path": "/etc/passwd", "address": "http://example.org/crs", "empty": ""},
)  # fmt: skip
def crs_that_is_none(folder: Path, crs: str) -> None:
    key(f'crs = "{crs}"', under="landcover")(folder)


# Values


@each(
    "REPAIR", "raster.float_classes", file=LAST,
    variants={"least": -LARGEST, "largest": LARGEST, "nan": np.nan},
)  # fmt: skip
def nodata_at_the_end_of_a_type(folder: Path, value: float) -> None:
    values = cells(2015).astype(np.float32)
    values[0, 0] = value
    raster(folder, values=values, nodata=value)


@case("REPAIR", "raster.float_classes", file=LAST)
def nan_undeclared(folder: Path) -> None:
    values = cells(2015).astype(np.float32)
    values[0, 0] = np.nan
    raster(folder, values=values, nodata=None)


@each(
    "ERROR", "raster.unknown_code", file=LAST,
    variants={
        "float": (np.float32, 1e38), "int64": (np.int64, 2**62), "least": (np.int64, -(2**63)),
        "uint64": (np.uint64, 2**64 - 1), "int8": (np.int8, -128),
    },
)  # fmt: skip
def undeclared_at_the_end_of_a_type(folder: Path, what: tuple[type, float]) -> None:
    values = cells(2015).astype(what[0])
    values[0, 0] = what[1]
    raster(folder, values=values, nodata=None)


@case("ERROR", "raster.not_whole", file=LAST)
def infinite_nodata(folder: Path) -> None:
    values = cells(2015).astype(np.float32)
    values[0, 0] = np.inf
    raster(folder, values=values, nodata=np.inf)


@case("WARN", "raster.nodata_asserted", "raster.nodata_out_of_range", file=FIRST)
def asserted_nodata_beyond_all_types(folder: Path) -> None:
    key(f"nodata = {10**40}", under="landcover")(folder)


@each("FINE", variants={"nan": b"nan", "words": b"no"})
def nodata_of_words(folder: Path, text: bytes) -> None:
    with_text(raster(folder, nodata=255), 42113, text)


@case("ERROR", "raster.unknown_code", file=LAST, says="code 0 on 20 ha")
def forest_mask(folder: Path) -> None:
    raster(folder, values=(cells(2015) > 1).astype(np.uint8), nbits=1, nodata=None)


@case("REPAIR", "raster.float_classes", file=LAST)
def half_floats(folder: Path) -> None:
    raster(folder, values=cells(2015).astype(np.float32), nbits=16)


@case("FINE")
def band_of_a_photograph(folder: Path) -> None:
    raster(folder, values=np.stack([cells(2015)] * 3), photometric="rgb")
    replace(folder, '2015 = "lc2015.tif"', '2015 = { path = "lc2015.tif", band = 2 }')


@case("WARN", "raster.side_cars", file=LAST)
def side_car_named_otherwise(folder: Path) -> None:
    (folder / "LC2015.TIF.AUX.XML").write_bytes(b"<PAMDataset><SRS>EPSG:4326</SRS></PAMDataset>")


@case("FINE")
def side_car_without_end(folder: Path) -> None:
    (folder / "lc2015.tif.aux.xml").symlink_to("/dev/zero")


@case("ERROR", "raster.rotated", file=LAST)
def turned_by_a_matrix(folder: Path) -> None:
    matrix = (
        70.0,
        70.0,
        0.0,
        WEST,
        70.0,
        -70.0,
        0.0,
        NORTH,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        1.0,
    )
    tags = grey(12, 8) | place_tags(WEST, NORTH, CELL, epsg=4547) | {34264: (DOUBLE, matrix)}
    write_tiff(folder / LAST, {tag: tags[tag] for tag in tags if tag not in (33550, 33922)})


@case("ERROR", "raster.no_crs", file=LAST)
def keys_of_nothing(folder: Path) -> None:
    tags = grey(12, 8) | place_tags(WEST, NORTH, CELL, epsg=4547)
    write_tiff(folder / LAST, tags | {34735: (SHORT, (1, 1, 0, 0))})
