"""Bad class rasters."""

from __future__ import annotations

import io
import os
import shutil
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from PIL import Image
from rasterio.control import GroundControlPoint
from rasterio.transform import Affine, from_origin

from tests.hostile.base import (
    CELL,
    CRS,
    NORTH,
    WEST,
    case,
    cells,
    counties,
    each,
    key,
    raster,
    rasters,
    regions,
    replace,
    study,
)
from tests.hostile.rawtiff import (
    ASCII,
    DOUBLE,
    SHORT,
    grey,
    place_tags,
    tag_place,
    with_tag,
    with_text,
    write_tiff,
)

LAST = "lc2015.tif"
FIRST = "lc2010.tif"


# Position and CRS


@case("ERROR", "raster.no_crs", file=LAST)
def no_crs(folder: Path) -> None:
    raster(folder, crs=None)


@case("ERROR", "raster.no_geotransform", file=LAST)
def no_geotransform(folder: Path) -> None:
    raster(folder, transform=Affine.identity())


@each(
    "ERROR", "raster.rotated", file=LAST,
    variants={
        "turned": Affine(99.0, -17.0, WEST, -17.0, -99.0, NORTH),
        "sheared": Affine(100.0, 9.0, WEST, 0.0, -100.0, NORTH),
    },
)  # fmt: skip
def not_upright(folder: Path, transform: Affine) -> None:
    raster(folder, transform=transform)


@case("ERROR", "raster.rotated", file=LAST)
def control_points_only(folder: Path) -> None:
    path = raster(folder, transform=Affine.identity(), crs=None)
    corners = [(0, 0), (0, 12), (8, 0), (8, 12)]
    points = [
        GroundControlPoint(row, col, WEST + col * CELL, NORTH - row * CELL) for row, col in corners
    ]
    with rasterio.open(path, "r+") as dataset:
        dataset.gcps = (points, rasterio.crs.CRS.from_string(CRS))


@case("ERROR", "raster.bad_cells", file=LAST)
def cells_from_east_to_west(folder: Path) -> None:
    raster(folder, transform=Affine(-CELL, 0, WEST + 12 * CELL, 0, -CELL, NORTH))


@each("ERROR", "raster.bad_cells", file=LAST, variants={"nan": np.nan})
def cells_without_size(folder: Path, size: float) -> None:
    tags = grey(12, 8) | place_tags(WEST, NORTH, CELL, epsg=4547)
    tags |= {33550: (DOUBLE, (size, CELL, 0.0)), 42113: (ASCII, b"0\0")}
    write_tiff(folder / LAST, tags)


@case("REPAIR", "raster.south_up", file=FIRST)
def south_up(folder: Path) -> None:
    at = Affine(CELL, 0, WEST, 0, CELL, NORTH - 8 * CELL)
    for year in (2010, 2015):
        raster(folder, year, values=cells(year)[::-1].copy(), transform=at)


@case("ERROR", "raster.different_grids", file=LAST)
def one_year_south_up(folder: Path) -> None:
    at = Affine(CELL, 0, WEST, 0, CELL, NORTH - 8 * CELL)
    raster(folder, values=cells(2015)[::-1].copy(), transform=at)


@case("WARN", "raster.not_square", file=FIRST)
def cells_not_square(folder: Path) -> None:
    for year in (2010, 2015):
        at = Affine(CELL, 0, WEST, 0, -CELL / 2, NORTH)
        raster(folder, year, values=np.repeat(cells(year), 2, axis=0), transform=at)


@case("ERROR", "raster.not_degrees", file=FIRST)
def metres_under_degrees(folder: Path) -> None:
    rasters(folder, crs="EPSG:4490")


@case("ERROR", "raster.degrees_in_projected", file=FIRST)
def degrees_under_metres(folder: Path) -> None:
    rasters(folder, transform=from_origin(114.0, 30.45, 0.001, 0.001))


@case("ERROR", "raster.no_overlap", file="counties.gpkg")
def another_zone_than_declared(folder: Path) -> None:
    rasters(folder, crs="EPSG:4548")


@case("ERROR", "raster.crs_kind", file=LAST)
def engineering_crs(folder: Path) -> None:
    path = raster(folder, crs=None)
    wkt = 'LOCAL_CS["site grid",UNIT["metre",1],AXIS["x",EAST],AXIS["y",NORTH]]'
    with rasterio.open(path, "r+") as dataset:
        dataset.crs = rasterio.crs.CRS.from_wkt(wkt)


@each(
    "ERROR", "crs.needs_parameters", file="counties.gpkg",
    variants={"beijing-1954": "EPSG:2433", "xian-1980": "EPSG:2382"},
)  # fmt: skip
def classical_datum(folder: Path, crs: str) -> None:
    rasters(folder, crs=crs)


@case("ERROR", "crs.unknown_datum", file="counties.gpkg")
def datum_nobody_knows(folder: Path) -> None:
    rasters(folder, crs="+proj=tmerc +lon_0=114 +x_0=500000 +ellps=krass +units=m +no_defs")


@case("FINE")
def heights_in_the_crs(folder: Path) -> None:
    rasters(folder, crs="EPSG:4547+5737")


@case("ERROR", "raster.bad_crs", file=FIRST)
def asserted_crs_is_none(folder: Path) -> None:
    key('crs = "EPSG:999999"', under="landcover")(folder)


@case("WARN", "raster.crs_asserted", file=FIRST)
def asserted_crs(folder: Path) -> None:
    rasters(folder, crs=None)
    key('crs = "EPSG:4547"', under="landcover")(folder)


@case("ERROR", "raster.longitudes", file="counties.gpkg")
def longitudes_beyond_180(folder: Path) -> None:
    """Longitudes from 0 to 360: America lies at 270, its counties at −90."""
    rasters(folder, crs="EPSG:4326", transform=from_origin(270.0, 30.0, 0.001, 0.001))
    frame = counties().set_crs("EPSG:4326", allow_override=True)
    frame["geometry"] = frame.translate(-WEST, -NORTH).scale(1e-5, 1e-5, origin=(0, 0))
    frame["geometry"] = frame.translate(-90.0, 30.0)
    regions(folder, frame)


# Grids of the years


@each(
    "ERROR", "raster.different_grids", file=LAST,
    variants={
        "half-cell": from_origin(WEST + CELL / 2, NORTH, CELL, CELL),
        "other-place": from_origin(WEST, NORTH + CELL, CELL, CELL),
        "other-size": from_origin(WEST, NORTH, CELL * 1.01, CELL * 1.01),
    },
)  # fmt: skip
def shifted_years(folder: Path, transform: Affine) -> None:
    raster(folder, transform=transform)


@each(
    "ERROR", "raster.different_grids", file=LAST,
    variants={"crs": "EPSG:4548", "utm-zone": "EPSG:32649", "datum": "EPSG:32650"},
)  # fmt: skip
def years_of_two_crs(folder: Path, crs: str) -> None:
    raster(folder, crs=crs)


@case("ERROR", "raster.different_grids", file=LAST)
def years_of_two_extents(folder: Path) -> None:
    raster(folder, values=cells(2015)[:-1])


@case("ERROR", "raster.same_twice", file=FIRST)
def same_file_twice(folder: Path) -> None:
    study('2015 = "lc2015.tif"', '2015 = "lc2010.tif"')(folder)


@case("ERROR", "raster.same_twice", file=LAST)
def same_file_by_link(folder: Path) -> None:
    (folder / LAST).unlink()
    (folder / LAST).symlink_to(FIRST)


@case("WARN", "raster.equal_years", file=LAST)
def copy_under_another_year(folder: Path) -> None:
    shutil.copy(folder / FIRST, folder / LAST)


@case("WARN", "raster.equal_years", file=LAST)
def copy_compressed_anew(folder: Path) -> None:
    raster(folder, values=cells(2010), compress="deflate")


@case("WARN", "raster.much_change", file=LAST)
def years_of_two_products(folder: Path) -> None:
    raster(folder, values=(cells(2015) % 4 + 1).astype(np.uint8))


@case("WARN", "raster.year_in_name", file="lc2015_v1.tif")
def years_exchanged(folder: Path) -> None:
    for year in (2010, 2015):
        (folder / f"lc{year}.tif").rename(folder / f"lc{year}_v1.tif")
    replace(folder, '2010 = "lc2010.tif"', '2010 = "lc2015_v1.tif"')
    replace(folder, '2015 = "lc2015.tif"', '2015 = "lc2010_v1.tif"')


@case("ERROR", "legend.versions", place="esa_worldcover")
def two_versions_of_a_product(folder: Path) -> None:
    _worldcover(folder)


@case("WARN", "legend.versions", place="esa_worldcover")
def two_versions_allowed(folder: Path) -> None:
    _worldcover(folder)
    key("allow_version_change = true", under="landcover")(folder)


def _worldcover(folder: Path) -> None:
    values = np.full((8, 12), 10, np.uint8)
    for year in (2020, 2021):
        values[year - 2020] = 40
        raster(folder, year, values=values)
    replace(folder, '"legend.csv"', '"esa_worldcover"')
    replace(
        folder, '2010 = "lc2010.tif", 2015 = "lc2015.tif"',
        '2020 = "lc2020.tif", 2021 = "lc2021.tif"',
    )  # fmt: skip
    replace(folder, "start = 2010\nend = 2015", "start = 2020\nend = 2021")
    text = (folder / "density.csv").read_text(encoding="utf-8")
    head = text.splitlines()[0]
    rows = [
        f"{name},{pool},,10,1,t C/ha,s,verified"
        for name in ("forest", "cropland")
        for pool in ("agb",)
    ]
    (folder / "density.csv").write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")


# Bands, types and codes


@case("ERROR", "raster.several_bands", file=LAST)
def two_bands(folder: Path) -> None:
    raster(folder, values=np.stack([cells(2010), cells(2015)]))


@case("ERROR", "raster.no_such_band", file=LAST)
def no_such_band(folder: Path) -> None:
    raster(folder, values=np.stack([cells(2010), cells(2015)]))
    study('2015 = "lc2015.tif"', '2015 = { path = "lc2015.tif", band = 3 }')(folder)


@each("ERROR", "raster.several_bands", file=LAST, variants={"rgb": "rgb", "cmyk": "cmyk"})
def photograph(folder: Path, photometric: str) -> None:
    values = np.stack([cells(2015)] * (3 if photometric == "rgb" else 4))
    raster(folder, values=values, photometric=photometric)


@case("REPAIR", "raster.float_classes", file=LAST)
def whole_floats(folder: Path) -> None:
    raster(folder, values=cells(2015).astype(np.float32))


@case("REPAIR", "raster.float_classes", file=LAST)
def floats_with_nan(folder: Path) -> None:
    values = cells(2015).astype(np.float64)
    values[0, 11] = np.nan
    raster(folder, values=values, nodata=np.nan)


@each(
    "ERROR", "raster.not_whole", file=LAST,
    variants={"fraction": 1.5, "infinity": np.inf, "nearly": 1.0001},
)  # fmt: skip
def floats_that_are_no_codes(folder: Path, value: float) -> None:
    values = cells(2015).astype(np.float32)
    values[3, 3] = value
    raster(folder, values=values, nodata=-1)


@case("ERROR", "raster.not_classes", file=LAST)
def complex_numbers(folder: Path) -> None:
    raster(folder, values=cells(2015).astype(np.complex64))


@each(
    "FINE",
    variants={
        name: name for name in ("int8", "int16", "uint16", "int32", "uint32", "int64", "uint64")
    },
)
def wide_integers(folder: Path, dtype: str) -> None:
    raster(folder, values=cells(2015).astype(dtype))


@each(
    "ERROR", "raster.unknown_code", file=LAST,
    variants={"negative": -3, "above-255": 300, "above-32767": 40_000, "huge": 2**31 - 1},
)  # fmt: skip
def codes_of_no_class(folder: Path, code: int) -> None:
    values = cells(2015).astype(np.int32)
    values[3, 3] = code
    raster(folder, values=values)


@case(
    "ERROR", "raster.unknown_code", file=LAST, place=r"\(3, 3\)", says=r"code 77 on 0?1(\.0+\d)? ha"
)
def one_unknown_cell(folder: Path) -> None:
    values = cells(2015)
    values[3, 3] = 77
    raster(folder, values=values)


@case("FINE")
def unknown_code_outside_the_regions(folder: Path) -> None:
    at = from_origin(WEST - CELL, NORTH + CELL, CELL, CELL)
    for year in (2010, 2015):
        raster(folder, year, values=np.pad(cells(year), 1, constant_values=77), transform=at)


@case("ERROR", "raster.unknown_code", file=LAST)
def another_legend_in_one_year(folder: Path) -> None:
    raster(folder, values=cells(2015) * 10)


@case("FINE")
def palette(folder: Path) -> None:
    path = raster(folder, photometric="palette")
    with rasterio.open(path, "r+") as dataset:
        dataset.write_colormap(1, {1: (0, 99, 0, 255), 2: (255, 200, 0, 255)})


@case("FINE")
def four_bits(folder: Path) -> None:
    raster(folder, nbits=4)


@case("WARN", "raster.scaled", file=LAST)
def scale_and_offset(folder: Path) -> None:
    with rasterio.open(raster(folder), "r+") as dataset:
        dataset.scales, dataset.offsets = (0.1,), (5.0,)


# No data


@case("ERROR", "raster.nodata_is_class", file=LAST, says="2, which is crop")
def nodata_is_the_commonest_class(folder: Path) -> None:
    raster(folder, nodata=2)


@case(
    "WARN", "raster.nodata_asserted", "raster.nodata_takes_class", "raster.much_nodata",
    file=FIRST,
)  # fmt: skip
def asserted_nodata_is_a_class(folder: Path) -> None:
    key("nodata = 4", under="landcover")(folder)


@case("ERROR", "raster.unknown_code", file=LAST, says="code 0")
def nodata_undeclared(folder: Path) -> None:
    values = cells(2015)
    values[:, 0] = 0
    raster(folder, values=values, nodata=None)


@each("FINE", variants={"below": b"-9", "above": b"999"})
def nodata_no_cell_can_hold(folder: Path, text: bytes) -> None:
    """GDAL takes a file's own code for none, which is what it is."""
    with_text(raster(folder, nodata=255), 42113, text)


@each(
    "WARN", "raster.nodata_asserted", "raster.nodata_out_of_range", file=FIRST,
    variants={"below": -9999, "above": 999},
)  # fmt: skip
def asserted_nodata_no_cell_can_hold(folder: Path, code: int) -> None:
    key(f"nodata = {code}", under="landcover")(folder)


@case("ERROR", "raster.bad_nodata", file=LAST)
def nodata_is_a_fraction(folder: Path) -> None:
    raster(folder, values=cells(2015).astype(np.float32), nodata=0.5)


@case("FINE")
def nodata_is_no_number(folder: Path) -> None:
    with_text(raster(folder, nodata=255), 42113, b"x")


@each("ERROR", "raster.all_nodata", file=LAST, variants={"one-year": False})
def all_nodata(folder: Path, both: bool) -> None:
    raster(folder, values=np.zeros((8, 12), np.uint8))


@case("ERROR", "raster.nothing_common", file=FIRST)
def years_valid_in_different_places(folder: Path) -> None:
    for year, part in ((2010, slice(0, 6)), (2015, slice(6, 12))):
        values = cells(year)
        values[:, part] = 0
        raster(folder, year, values=values)


@case("WARN", "raster.much_nodata", file=LAST)
def much_nodata(folder: Path) -> None:
    values = cells(2015)
    values[:, 4:8] = 0
    raster(folder, values=values)


@case("ERROR", "raster.mask", file=LAST)
def internal_mask(folder: Path) -> None:
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        path = raster(folder, nodata=None)
        with rasterio.open(path, "r+") as dataset:
            dataset.write_mask(np.tri(8, 12, dtype=bool))


@case("WARN", "raster.alpha", file=LAST)
def alpha_band(folder: Path) -> None:
    values = np.stack([cells(2015), np.full((8, 12), 255, np.uint8)])
    raster(folder, values=values, nodata=None, alpha="yes")
    study('2015 = "lc2015.tif"', '2015 = { path = "lc2015.tif", band = 1 }')(folder)


# Place of the regions


@case("ERROR", "raster.no_overlap", file="counties.gpkg")
def elsewhere(folder: Path) -> None:
    rasters(folder, transform=from_origin(WEST + 50_000, NORTH, CELL, CELL))


@case("WARN", "raster.regions_outside", file="counties.gpkg", says="32 ha")
def partly_elsewhere(folder: Path) -> None:
    rasters(folder, transform=from_origin(WEST - 400, NORTH, CELL, CELL))


@case("WARN", "raster.regions_outside", "regions.gcj02_doubt", file="counties.gpkg")
def regions_of_a_web_map(folder: Path) -> None:
    """Land cover clipped to the counties, and the counties shifted as GCJ-02 is."""
    from tests.hostile.regions import in_gcj02

    at = from_origin(WEST, NORTH, CELL, CELL)
    for year in (2010, 2015):
        raster(folder, year, values=np.repeat(np.repeat(cells(year), 8, 0), 8, 1), transform=at)
    regions(folder, in_gcj02(counties(), size=8))


# Side-cars


@each(
    "WARN", "raster.side_cars", file=LAST,
    variants={
        "srs": (".tif.aux.xml", b"<PAMDataset><SRS>EPSG:4326</SRS></PAMDataset>"),
        "nodata": (".tif.aux.xml", b"<PAMDataset><PAMRasterBand><NoDataValue>1</NoDataValue>"),
        "world-file": (".tfw", b"30\n0\n0\n-30\n500000\n3370000\n"),
        "world-file-of-words": (".tfw", b"not numbers"),
        "overviews": (".tif.ovr", b"II*\0"),
        "mask": (".tif.msk", b"II*\0"),
        "upper-case": (".TFW", b"1\n0\n0\n-1\n0\n0\n"),
    },
)  # fmt: skip
def side_car(folder: Path, side: tuple[str, bytes]) -> None:
    (folder / f"lc2015{side[0]}").write_bytes(side[1])


@each(
    "FINE",
    variants={
        "statistics": (
            ".tif.aux.xml",
            b"<PAMDataset><PAMRasterBand><Metadata><MDI key='x'>1</MDI>",
        ),
        "same-place": (".tfw", b"100.0\n0\n0\n-100.0\n500050.0\n3369950.0\n"),
    },
)
def harmless_side_car(folder: Path, side: tuple[str, bytes]) -> None:
    (folder / f"lc2015{side[0]}").write_bytes(side[1])


# Damage


@each("ERROR", "raster.unreadable_block", file=LAST, variants={"none": None, "deflate": "deflate"})
def cut_off_data(folder: Path, compress: str | None) -> None:
    """The last tile's bytes are not there: a download that stopped."""
    values = np.tile(cells(2015), (8, 8))
    noise = np.random.default_rng(1).integers(1, 5, values.shape).astype(np.uint8)
    options: dict[str, Any] = {"tiled": True, "blockxsize": 16, "blockysize": 16}
    if compress:
        options["compress"] = compress
    at = from_origin(WEST, NORTH, CELL / 8, CELL / 8)
    raster(folder, 2010, values=values, transform=at)
    path = raster(folder, values=noise, transform=at, **options)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) - 100])


@case("ERROR", "raster.unreadable_block", file=LAST)
def corrupt_stream(folder: Path) -> None:
    path = raster(folder, compress="deflate")
    data = bytearray(path.read_bytes())
    entry = tag_place(bytes(data), 273)
    (where,) = struct.unpack_from("<I", data, entry + 8)
    data[where + 2 : where + 12] = b"\xff" * 10
    path.write_bytes(data)


@each("ERROR", "raster.unreadable", file=LAST, variants={"8": 8, "20": 20, "60": 60, "120": 120})
def cut_off_header(folder: Path, size: int) -> None:
    path = folder / LAST
    path.write_bytes(path.read_bytes()[:size])


@case("ERROR", "raster.unreadable", file=LAST)
def directory_beyond_the_end(folder: Path) -> None:
    path = folder / LAST
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, 4, 0x7FFFFFF0)
    path.write_bytes(data)


@case("ERROR", "raster.unreadable", file=LAST)
def directory_of_noise(folder: Path) -> None:
    path = folder / LAST
    data = bytearray(path.read_bytes())
    (first,) = struct.unpack_from("<I", data, 4)
    data[first : first + 60] = bytes(range(100, 160))
    path.write_bytes(data)


@case("ERROR", "raster.unreadable", file=LAST)
def no_width(folder: Path) -> None:
    with_tag(folder / LAST, 256, 0)


@case("ERROR", "raster.not_geotiff", file=LAST)
def zero_bytes(folder: Path) -> None:
    (folder / LAST).write_bytes(b"")


# Size


@case("ERROR", "raster.too_large", file=FIRST, says="`cells`")
def absurd_size(folder: Path) -> None:
    place = place_tags(WEST, NORTH, CELL, epsg=4547)
    tags = grey(2_000_000, 2_000_000, tile=32_768, offsets=62 * 62) | place
    for year in (FIRST, LAST):
        write_tiff(folder / year, tags)


@case("ERROR", "raster.too_large", file=FIRST, says="`cells_per_byte`")
def sparse_giant(folder: Path) -> None:
    place = place_tags(WEST, NORTH, 0.01, epsg=4547)
    tags = grey(500_000, 500_000, tile=16_384, offsets=31 * 31) | place
    for year in (FIRST, LAST):
        write_tiff(folder / year, tags)


@case("ERROR", "raster.too_large", file=LAST, says="`block_mb`")
def giant_block(folder: Path) -> None:
    place = place_tags(WEST, NORTH, 0.1, epsg=4547)
    write_tiff(folder / LAST, grey(40_000, 40_000, tile=32_768, offsets=4) | place)


@case("ERROR", "raster.too_large", file=LAST, says="`bands`")
def thousands_of_bands(folder: Path) -> None:
    raster(folder, values=np.ones((1_001, 2, 2), np.uint8), interleave="band")


@case("ERROR", "raster.too_large", file=FIRST, says="at most 50")
def above_a_limit_of_the_study(folder: Path) -> None:
    path = folder / "study.toml"
    text = path.read_text(encoding="utf-8") + "[limits]\ncells = 50\n"
    path.write_text(text, encoding="utf-8")


# Other files under a raster's name


def _png() -> bytes:
    out = io.BytesIO()
    Image.fromarray(cells(2015)).save(out, "PNG")
    return out.getvalue()


def _zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("lc2015.tif", b"II*\0")
    return out.getvalue()


VRT = b"""<VRTDataset rasterXSize="12" rasterYSize="8"><VRTRasterBand dataType="Byte" band="1">
<SimpleSource><SourceFilename relativeToVRT="1">lc2010.tif</SourceFilename></SimpleSource>
</VRTRasterBand></VRTDataset>"""


@each(
    "ERROR", "raster.not_geotiff", file=LAST,
    variants={
        "vrt": VRT,
        "vrt-after-a-bom": b"\xef\xbb\xbf" + VRT,
        "vrt-with-python": VRT.replace(b"band", b'subClass="VRTDerivedRasterBand" band'),
        "mrf": b"<MRF_META><CachedSource><Source>/vsicurl/http://example.org/a.tif</Source>",
        "wms": b"<GDAL_WMS><Service name='TMS'><ServerUrl>http://example.org</ServerUrl>",
        "html": b"<!DOCTYPE html><html><title>404 Not Found</title></html>",
        "xml": b"<?xml version='1.0'?><kml/>",
        "png": _png(),
        "jpeg": b"\xff\xd8\xff\xe0\0\x10JFIF",
        "netcdf": b"CDF\x02" + bytes(60),
        "hdf5": b"\x89HDF\r\n\x1a\n" + bytes(60),
        "jpeg2000": b"\0\0\0\x0cjP  \r\n\x87\n",
        "zip": _zip(),
        "gzip": b"\x1f\x8b\x08\0" + bytes(20),
        "geopackage": b"SQLite format 3\0" + bytes(100),
        "text": b"1 1 2 2\n",
        "arcgrid": b"ncols 12\nnrows 8\n",
        "imagine": b"EHFA_HEADER_TAG\0",
        "noise": bytes(range(1, 200)),
        "nul": bytes(1000),
    },
)  # fmt: skip
def named_tif(folder: Path, content: bytes) -> None:
    (folder / LAST).write_bytes(content)


@case("ERROR", "study.not_a_file", file="study.toml", place="landcover.rasters.2015")
def folder_named_tif(folder: Path) -> None:
    (folder / LAST).unlink()
    (folder / LAST).mkdir()


@case("ERROR", "study.not_a_file", file="study.toml", place="landcover.rasters.2015")
def pipe_named_tif(folder: Path) -> None:
    (folder / LAST).unlink()
    os.mkfifo(folder / LAST)


@case("ERROR", "raster.several_pages", file=LAST)
def several_pages(folder: Path) -> None:
    first = grey(12, 8) | place_tags(WEST, NORTH, CELL, epsg=4547)
    write_tiff(folder / LAST, first, grey(12, 8))


@each(
    "ERROR", "raster.leads_outside", file=LAST,
    variants={
        "overviews": ("OVERVIEWS", "OVERVIEW_FILE", "/vsicurl/http://example.org/secret.tif"),
        "geolocation": ("GEOLOCATION", "X_DATASET", "/etc/passwd"),
    },
)  # fmt: skip
def leads_outside(folder: Path, tag: tuple[str, str, str]) -> None:
    domain, name, target = tag
    with rasterio.open(raster(folder), "r+") as dataset:
        dataset.update_tags(ns=domain, **{name: target})


@case("FINE")
def metadata_of_nonsense(folder: Path) -> None:
    tags = grey(12, 8) | place_tags(WEST, NORTH, CELL, epsg=4547)
    data = cells(2015).tobytes()
    junk = b"<GDALMetadata><Item name=<<<]]>" + b"&x;" * 20 + b"\0"
    tags |= {42112: (ASCII, junk), 42113: (ASCII, b"0\0"), 279: (4, (len(data),))}
    path = write_tiff(folder / LAST, tags)
    with_tag(path, 273, path.stat().st_size)
    path.write_bytes(path.read_bytes() + data)


# Compression and layout


@each(
    "ERROR",
    "raster.lossy",
    file=LAST,
    variants={"jpeg": {"compress": "jpeg"}, "lerc": {"compress": "lerc", "max_z_error": 2}},
)
def changed_by_compression(folder: Path, options: dict[str, Any]) -> None:
    raster(folder, **options)


@each(
    "FINE",
    variants={
        "zstd": {"compress": "zstd"},
        "lzw": {"compress": "lzw", "predictor": 2},
        "packbits": {"compress": "packbits"},
        "lzma": {"compress": "lzma"},
        "lerc": {"compress": "lerc"},
        "bigtiff": {"bigtiff": "yes"},
        "big-endian": {"endianness": "big"},
        "tiles": {"tiled": True, "blockxsize": 16, "blockysize": 16},
        "sparse": {"sparse_ok": True},
    },
)
def good_layout(folder: Path, options: dict[str, Any]) -> None:
    raster(folder, **options)


@case("FINE")
def broken_overviews(folder: Path) -> None:
    at = from_origin(WEST, NORTH, CELL / 64, CELL / 64)
    for year in (2010, 2015):
        values = np.repeat(np.repeat(cells(year), 64, 0), 64, 1)
        path = raster(folder, year, values=values, transform=at)
        with rasterio.open(path, "r+") as dataset:
            dataset.build_overviews([2, 4])
    data = bytearray((folder / LAST).read_bytes())
    (folder / LAST).write_bytes(bytes(data[: len(data) - 2000]) + bytes(2000))


@case("ERROR", "raster.crs_kind", file=LAST)
def geocentric(folder: Path) -> None:
    tags = grey(12, 8) | place_tags(WEST, NORTH, CELL, epsg=4547)
    keys = (1, 1, 0, 3, 1024, 0, 1, 3, 1025, 0, 1, 1, 2048, 0, 1, 4978)
    write_tiff(folder / LAST, tags | {34735: (SHORT, keys)})
