"""Bad boundary files."""

from __future__ import annotations

import json
import sqlite3
import struct
import zipfile
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from shapely.geometry import GeometryCollection, LineString, MultiPolygon, Point, Polygon, box

from sinks.datum import wgs84_to_gcj02
from tests.conftest import SHARED
from tests.hostile.base import (
    NORTH,
    WEST,
    case,
    counties,
    each,
    key,
    named,
    regions,
    replace,
    study,
)

GPKG = "counties.gpkg"


def changed(row: int, shape: shapely.Geometry) -> gpd.GeoDataFrame:
    """Return the counties with another polygon in one row."""
    frame = counties()
    shapes = list(frame.geometry)
    shapes[row] = shape
    return frame.set_geometry(gpd.GeoSeries(shapes, crs=frame.crs))


def in_gcj02(frame: gpd.GeoDataFrame, *, size: int) -> gpd.GeoDataFrame:
    """Return counties `size` times as large, in degrees, shifted as web maps of China are."""
    wide = frame.scale(size, size, origin=(WEST, NORTH)).to_crs("EPSG:4326")
    moved = shapely.transform(
        wide.to_numpy(), lambda xy: np.column_stack(wgs84_to_gcj02(xy[:, 0], xy[:, 1]))
    )
    return frame.set_geometry(gpd.GeoSeries(list(moved), crs="EPSG:4326"))


def as_geojson(folder: Path, frame: gpd.GeoDataFrame | None = None) -> tuple[Path, dict[str, Any]]:
    """Write the counties as GeoJSON in degrees; return the path and the document."""
    frame = counties().to_crs("EPSG:4490") if frame is None else frame
    path = folder / "counties.geojson"
    document: dict[str, Any] = json.loads(frame.to_json())
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    named(folder, path.name)
    return path, document


def rewrite(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")


def as_shapefile(folder: Path, frame: gpd.GeoDataFrame | None = None, **how: Any) -> Path:
    return regions(folder, counties() if frame is None else frame, "counties.shp", **how)


# Polygons


@case("REPAIR", "regions.geometry_invalid", file=GPKG)
def ring_that_crosses_itself(folder: Path) -> None:
    x, y = WEST, NORTH
    bow = Polygon([(x, y), (x + 400, y - 800), (x + 400, y), (x, y - 800)])
    regions(folder, changed(0, bow))


@case("ERROR", "regions.geometry_collapsed", file=GPKG)
def ring_without_area(folder: Path) -> None:
    x, y = WEST, NORTH
    regions(folder, changed(0, Polygon([(x, y), (x + 400, y), (x, y), (x + 400, y)])))


@case("ERROR", "regions.overlap", file=GPKG, says="8.00 ha")
def overlap(folder: Path) -> None:
    regions(folder, changed(0, box(WEST, NORTH - 800, WEST + 500, NORTH)))


@case("ERROR", "regions.overlap", file=GPKG)
def same_polygon_twice(folder: Path) -> None:
    frame = counties()
    regions(folder, changed(1, frame.geometry[0]))


@case("WARN", "regions.overlap_slivers", file=GPKG)
def slivers(folder: Path) -> None:
    regions(folder, changed(0, box(WEST, NORTH - 800, WEST + 400.0005, NORTH)))


@case("WARN", "regions.gaps", file=GPKG, says="4.00 ha")
def gap(folder: Path) -> None:
    hole = box(WEST + 500, NORTH - 500, WEST + 700, NORTH - 300)
    regions(folder, changed(1, box(WEST + 400, NORTH - 800, WEST + 800, NORTH).difference(hole)))


@each("ERROR", "regions.geometry_missing", file=GPKG, variants={"none": None, "empty": Polygon()})
def no_polygon(folder: Path, shape: shapely.Geometry | None) -> None:
    regions(folder, changed(1, shape))


@case("REPAIR", "regions.heights", file=GPKG)
def heights(folder: Path) -> None:
    regions(folder, changed(0, shapely.force_3d(counties().geometry[0], 12.0)))


@each(
    "ERROR", "regions.geometry_type", file=GPKG,
    variants={"point": Point(WEST, NORTH), "line": LineString([(WEST, NORTH), (WEST + 9, NORTH)])},
)  # fmt: skip
def no_polygon_but(folder: Path, shape: shapely.Geometry) -> None:
    regions(folder, changed(2, shape))


@case("ERROR", "regions.geometry_type", file=GPKG)
def polygon_and_line_in_one(folder: Path) -> None:
    both = [counties().geometry[0], LineString([(WEST, NORTH), (WEST + 9, NORTH)])]
    regions(folder, changed(0, GeometryCollection(both)))


@case("REPAIR", "regions.geometry_collection", file=GPKG)
def collection_of_polygons(folder: Path) -> None:
    regions(folder, changed(0, GeometryCollection([counties().geometry[0]])))


@case("FINE")
def parts_of_a_county(folder: Path) -> None:
    x, y = WEST, NORTH
    parts = [box(x, y - 800, x + 100, y), box(x + 200, y - 800, x + 400, y)]
    regions(folder, changed(0, MultiPolygon(parts)))


@each(
    "ERROR", "regions.not_finite", file="counties.geojson", variants={"nan": "NaN", "inf": "1e999"}
)
def coordinates_that_are_no_numbers(folder: Path, number: str) -> None:
    path, document = as_geojson(folder)
    document["features"][0]["geometry"]["coordinates"][0][1][0] = 12345.678
    path.write_text(json.dumps(document).replace("12345.678", number), encoding="utf-8")


@case("ERROR", "regions.geometry_unreadable", file="counties.geojson")
def coordinates_of_words(folder: Path) -> None:
    path, document = as_geojson(folder)
    document["features"][0]["geometry"]["coordinates"] = [[["a", "b"]]]
    rewrite(path, document)


@case("ERROR", "regions.geometry_missing", file=GPKG)
def geometry_of_noise(folder: Path) -> None:
    path = regions(folder, counties(), layer="counties")
    with sqlite3.connect(path) as base:
        for (name,) in base.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            base.execute(f'DROP TRIGGER "{name}"')
        base.execute("UPDATE counties SET geom = x'475000010000000001030000000100' WHERE fid = 1")


@case("FINE")
def curves(folder: Path) -> None:
    """A curve polygon of one circular string, as ArcGIS writes them: GDAL makes it straight."""
    path = regions(folder, counties(), layer="counties")
    x, y = WEST, NORTH - 400
    points = [(x, y), (x + 200, y - 90), (x + 400, y), (x + 200, y + 90), (x, y)]
    ring = struct.pack("<BII", 1, 8, len(points)) + b"".join(struct.pack("<dd", *p) for p in points)
    blob = b"GP\0\1" + struct.pack("<i", 4547) + struct.pack("<BII", 1, 10, 1) + ring
    with sqlite3.connect(path) as base:
        for (name,) in base.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            base.execute(f'DROP TRIGGER "{name}"')
        base.execute("UPDATE counties SET geom = ? WHERE fid = 1", (blob,))


@case("ERROR", "regions.too_many_vertices", file=GPKG, says="`vertices`")
def vertices(folder: Path) -> None:
    path = folder / "study.toml"
    path.write_text(
        path.read_text(encoding="utf-8") + "[limits]\nvertices = 14\n", encoding="utf-8"
    )


@case("ERROR", "regions.no_rows", file=GPKG)
def no_rows(folder: Path) -> None:
    regions(folder, counties().iloc[:0])


# Coordinates


@case("ERROR", "regions.axes_swapped", file="counties.geojson")
def axes_swapped(folder: Path) -> None:
    frame = counties().to_crs("EPSG:4490")
    shapes = shapely.transform(frame.geometry.to_numpy(), lambda xy: xy[:, ::-1])
    as_geojson(folder, frame.set_geometry(gpd.GeoSeries(list(shapes), crs=frame.crs)))


@case("ERROR", "regions.outside_projection", file=GPKG)
def zone_before_the_easting(folder: Path) -> None:
    frame = counties()
    regions(folder, frame.set_geometry(frame.translate(38_000_000)))


@case("ERROR", "regions.degrees_in_projected", file=GPKG)
def degrees_under_a_projection(folder: Path) -> None:
    frame = counties().to_crs("EPSG:4490").set_crs("EPSG:4547", allow_override=True)
    regions(folder, frame)


@case("ERROR", "regions.not_degrees", file=GPKG)
def metres_under_degrees(folder: Path) -> None:
    regions(folder, counties().set_crs("EPSG:4490", allow_override=True))


@case("ERROR", "raster.no_overlap", file=GPKG)
def next_zone(folder: Path) -> None:
    regions(folder, counties().set_crs("EPSG:4546", allow_override=True))


@each(
    "ERROR", "crs.needs_parameters", file=GPKG,
    variants={"beijing-1954": "EPSG:2433", "xian-1980": "EPSG:2382"},
)  # fmt: skip
def classical_datum(folder: Path, crs: str) -> None:
    regions(folder, counties().set_crs(crs, allow_override=True))


@case("ERROR", "regions.no_crs", file="counties.shp")
def no_prj(folder: Path) -> None:
    as_shapefile(folder).with_suffix(".prj").unlink()


@case("ERROR", "regions.crs_unknown", file="counties.shp")
def prj_of_noise(folder: Path) -> None:
    as_shapefile(folder).with_suffix(".prj").write_text("PROJCS[rubbish", encoding="utf-8")


@case("ERROR", "regions.crs_kind", file=GPKG)
def engineering_crs(folder: Path) -> None:
    regions(folder, counties().set_crs(None, allow_override=True))
    wkt = "ENGCRS['site',EDATUM['here'],CS[Cartesian,2],AXIS['x',east],AXIS['y',north],UNIT['m',1]]"
    key(f'crs = "{wkt}"', under="regions")(folder)


@case("ERROR", "regions.crs_unknown", file="counties.geojson")
def crs_behind_a_link(folder: Path) -> None:
    path, document = as_geojson(folder)
    document["crs"] = {"type": "link", "properties": {"href": "http://example.org/crs.prj"}}
    rewrite(path, document)


@case("FINE")
def crs84(folder: Path) -> None:
    path, document = as_geojson(folder)
    document["crs"] = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
    rewrite(path, document)


@case("WARN", "regions.gcj02", file=GPKG)
def asserted_gcj02(folder: Path) -> None:
    regions(folder, in_gcj02(counties(), size=1))
    key('datum = "gcj02"', under="regions")(folder)


if (SHARED / "data").is_dir():

    @case("ERROR", "regions.gcj02_suspected", file="hubei.geojson")
    def counties_of_a_web_map(folder: Path) -> None:
        source = SHARED / "data" / "boundaries" / "hubei_counties_gcj02_raw.geojson"
        document = json.loads(source.read_text(encoding="utf-8"))
        document["features"] = document["features"][:4]
        rewrite(named(folder, "hubei.geojson"), document)
        replace(folder, 'name = "name"\nparents = ["prefecture"]', 'name = "district"')


# Text


@case("REPAIR", "regions.encoding_detected", file="counties.shp")
def gbk_without_cpg(folder: Path) -> None:
    as_shapefile(folder, encoding="GBK").with_suffix(".cpg").unlink()
    _no_language_driver(folder / "counties.dbf")


@case("REPAIR", "regions.encoding_replaced", file="counties.shp")
def gbk_called_utf8(folder: Path) -> None:
    as_shapefile(folder, encoding="GBK").with_suffix(".cpg").write_text("UTF-8", encoding="utf-8")


def _no_language_driver(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[29] = 0
    path.write_bytes(data)


@case("REPAIR", "regions.column_cut", file="counties.shp")
def column_cut_at_ten_bytes(folder: Path) -> None:
    frame = counties().rename(columns={"prefecture": "所属地级市名称"})
    as_shapefile(folder, frame, encoding="UTF-8")
    replace(folder, 'parents = ["prefecture"]', 'parents = ["所属地级市名称"]')


@case("REPAIR", "regions.code_number", file=GPKG)
def codes_as_floats(folder: Path) -> None:
    regions(folder, counties(code=[420101.0, 420102.0, 420203.0]))


@case("ERROR", "regions.not_text", file=GPKG)
def codes_with_fractions(folder: Path) -> None:
    regions(folder, counties(code=[1.5, 2.5, 3.5]))


@case("FINE")
def codes_as_integers(folder: Path) -> None:
    regions(folder, counties(code=[420101, 420102, 420203]))


@case("REPAIR", "regions.spaces", file=GPKG, place="code")
def codes_with_spaces(folder: Path) -> None:
    regions(folder, counties(code=[" 420101", "420102\u3000", "420203"]))


@case("REPAIR", "regions.full_width", file=GPKG, place="code", says="420101")
def codes_in_full_width(folder: Path) -> None:
    regions(folder, counties(code=["４２０１０１", "420102", "420203"]))


@case("ERROR", "regions.empty_text", file=GPKG, place="code")
def empty_code(folder: Path) -> None:
    regions(folder, counties(code=["420101", "", None]))


@case("ERROR", "regions.duplicate_code", file=GPKG, place="code")
def code_twice(folder: Path) -> None:
    regions(folder, counties(code=["420101", "420101", "420203"]))


@case("ERROR", "regions.duplicate_code", file=GPKG)
def codes_equal_once_trimmed(folder: Path) -> None:
    regions(folder, counties(code=["420101", "420101 ", "420203"]))


@case("ERROR", "regions.code_in_two_levels", file=GPKG)
def code_of_the_whole(folder: Path) -> None:
    regions(folder, counties(code=["ALL", "420102", "420203"]))


@case("ERROR", "regions.not_nested", file=GPKG)
def prefecture_in_two_provinces(folder: Path) -> None:
    regions(folder, counties(province=["湖北省", "湖南省", "湖北省"]))
    replace(folder, '["prefecture"]', '["prefecture", "province"]')


@case("ERROR", "regions.parent_name", file=GPKG)
def parent_named_like_a_result(folder: Path) -> None:
    regions(folder, counties(level=["a", "b", "c"]))
    replace(folder, '["prefecture"]', '["level"]')


@case("ERROR", "regions.text_too_long", file=GPKG, place="name")
def name_of_a_page(folder: Path) -> None:
    regions(folder, counties(name=["甲" * 5000, "乙县", "丙县"]))


@each(
    "FINE",
    variants={
        "markup": "<script>alert(1)</script>",
        "formula": '=HYPERLINK("http://example.org","x")',
        "quotes": 'O\'Brien "x" \\ {0} %s',
        "path": "../../etc/passwd",
        "emoji": "🌲𠮷县",
    },
)
def names_that_are_more(folder: Path, name: str) -> None:
    regions(folder, counties(name=[name, "乙县", "丙县"]))


@each("REPAIR", "regions.spaces", file=GPKG, variants={"control": "甲\x07县", "bidi": "甲\u202e县"})
def invisible_characters(folder: Path, name: str) -> None:
    regions(folder, counties(name=[name, "乙县", "丙县"]))


@case("ERROR", "regions.no_column", file=GPKG, says="code")
def no_such_column(folder: Path) -> None:
    study('code = "code"', 'code = "Code"')(folder)


@case("ERROR", "regions.encoding_unknown", file=GPKG)
def encoding_of_nowhere(folder: Path) -> None:
    key('encoding = "klingon"', under="regions")(folder)


# Containers


@case("ERROR", "regions.several_layers", file=GPKG)
def several_layers(folder: Path) -> None:
    counties().iloc[:1].to_file(folder / GPKG, layer="one")


@case("ERROR", "regions.no_such_layer", file=GPKG)
def no_such_layer(folder: Path) -> None:
    key('layer = "Counties"', under="regions")(folder)


@case("ERROR", "regions.layer_is_view", file=GPKG)
def view(folder: Path) -> None:
    with sqlite3.connect(folder / GPKG) as base:
        base.execute("CREATE VIEW v AS SELECT * FROM counties")
        row = "SELECT 'v', data_type, 'v', '', last_change, min_x, min_y, max_x, max_y, srs_id"
        base.execute(f"INSERT INTO gpkg_contents {row} FROM gpkg_contents")
        row = "SELECT 'v', column_name, geometry_type_name, srs_id, z, m"
        base.execute(f"INSERT INTO gpkg_geometry_columns {row} FROM gpkg_geometry_columns")
    key('layer = "v"', under="regions")(folder)


@case("ERROR", "regions.open_elsewhere", file=GPKG)
def open_in_another_program(folder: Path) -> None:
    (folder / "counties.gpkg-wal").write_bytes(b"x" * 100)


@each("ERROR", "regions.corrupt", file=GPKG, variants={"half": 0.5, "most": 0.9})
def cut_off(folder: Path, part: float) -> None:
    path = folder / GPKG
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])


@each(
    "ERROR", "regions.content", file=GPKG,
    variants={
        "zip": b"PK\x03\x04", "kml": b"<?xml version='1.0'?><kml/>", "empty": b"",
        "sqlite": b"SQLite format 3\0" + bytes(100), "vrt": b"<OGRVRTDataSource/>",
    },
)  # fmt: skip
def named_gpkg(folder: Path, content: bytes) -> None:
    (folder / GPKG).write_bytes(content)


@each(
    "ERROR", "regions.format",
    variants={
        "kml": ".kml", "gml": ".gml", "csv": ".csv", "vrt": ".vrt", "fgb": ".fgb", "tab": ".tab",
        "none": "",
    },
)  # fmt: skip
def other_endings(folder: Path, ending: str) -> None:
    (folder / f"counties{ending}").write_bytes((folder / GPKG).read_bytes())
    named(folder, f"counties{ending}")


@each(
    "ERROR", "regions.not_geojson", file="counties.geojson",
    variants={
        "topojson": {"type": "Topology", "arcs": []},
        "esri": {"geometryType": "esriGeometryPolygon", "features": []},
        "geometry": {"type": "Polygon", "coordinates": []},
        "features-of-numbers": {"type": "FeatureCollection", "features": [1, 2]},
    },
)  # fmt: skip
def other_json(folder: Path, document: dict[str, Any]) -> None:
    rewrite(named(folder, "counties.geojson"), document)


@each(
    "ERROR", "regions.corrupt", file="counties.geojson",
    variants={
        "cut": '{"type": "FeatureCollection", "features": [',
        "deep": '{"type": "FeatureCollection", "features": [' + "[" * 100_000,
    },
)  # fmt: skip
def broken_json(folder: Path, text: str) -> None:
    named(folder, "counties.geojson").write_text(text, encoding="utf-8")


@case("ERROR", "regions.content", file="counties.geojson")
def web_page_named_geojson(folder: Path) -> None:
    named(folder, "counties.geojson").write_text("<!DOCTYPE html>", encoding="utf-8")


@each("ERROR", "regions.missing_part", file="counties.shp", variants={"dbf": ".dbf", "shx": ".shx"})
def missing_part(folder: Path, ending: str) -> None:
    as_shapefile(folder).with_suffix(ending).unlink()


@case("ERROR", "regions.link_leaves_folder", file="counties.shp")
def part_behind_a_link(folder: Path) -> None:
    part = as_shapefile(folder).with_suffix(".dbf")
    outside = folder.parent / "outside.dbf"
    part.rename(outside)
    part.symlink_to(outside)


def _zip(folder: Path, members: dict[str, bytes], *, compress: bool = True) -> Path:
    path = named(folder, "counties.zip")
    how = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def _parts(folder: Path) -> dict[str, bytes]:
    inner = folder / "inner"
    inner.mkdir()
    counties().to_file(inner / "counties.shp", encoding="UTF-8")
    parts = {part.suffix: part.read_bytes() for part in inner.iterdir()}
    for part in inner.iterdir():
        part.unlink()
    inner.rmdir()
    return parts


@case("FINE")
def zipped_shapefile(folder: Path) -> None:
    _zip(folder, {f"a/counties{ending}": data for ending, data in _parts(folder).items()})


@each(
    "ERROR", "regions.zip_name", file="counties.zip",
    variants={"up": "../evil.dbf", "absolute": "/tmp/evil.dbf", "drive": "C:\\evil.dbf"},
)  # fmt: skip
def archive_that_climbs(folder: Path, name: str) -> None:
    parts = {f"counties{ending}": data for ending, data in _parts(folder).items()}
    _zip(folder, parts | {name: b"x"})


@case("ERROR", "regions.zip_limit", file="counties.zip")
def archive_that_explodes(folder: Path) -> None:
    parts = {f"counties{ending}": data for ending, data in _parts(folder).items()}
    _zip(folder, parts | {"counties.sbn": bytes(60 << 20)})


@case("ERROR", "regions.several_layers", file="counties.zip")
def archive_of_two(folder: Path) -> None:
    parts = _parts(folder)
    _zip(folder, {f"{name}{ending}": data for name in "ab" for ending, data in parts.items()})


@case("ERROR", "regions.no_layer", file="counties.zip")
def archive_of_something_else(folder: Path) -> None:
    _zip(folder, {"counties.gpkg": (folder / GPKG).read_bytes()})


@case("ERROR", "regions.bad_zip", file="counties.zip")
def broken_archive(folder: Path) -> None:
    path = _zip(folder, {f"counties{end}": data for end, data in _parts(folder).items()})
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


@case("ERROR", "regions.bad_zip", file="counties.zip")
def encrypted_archive(folder: Path) -> None:
    path = _zip(folder, {f"counties{end}": data for end, data in _parts(folder).items()})
    data = bytearray(path.read_bytes())
    data[data.find(b"PK\x01\x02") + 8] |= 1  # the flag of encryption
    path.write_bytes(data)
