"""Boundary files that are nearly right: JSON, Shapefiles and archives in which one thing is off."""

from __future__ import annotations

import json
import sqlite3
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from pyproj import CRS
from shapely.geometry import MultiPolygon

from tests.hostile.base import NORTH, WEST, case, counties, each, named, regions, replace
from tests.hostile.regions import GPKG, _parts, _zip, as_geojson, as_shapefile, changed, rewrite

JSON = "counties.geojson"
SHP = "counties.shp"
Edit = Callable[[dict[str, Any]], object]


def edited(folder: Path, edit: Edit) -> None:
    """Change the document of the GeoJSON; the edit is given its first feature."""
    path, document = as_geojson(folder)
    edit(document["features"][0])
    rewrite(path, document)


def ring(feature: dict[str, Any]) -> list[list[float]]:
    points: list[list[float]] = feature["geometry"]["coordinates"][0]
    return points


# Coordinates


@case("REPAIR", "regions.ring_open", file=JSON, says="1 open")
def ring_left_open(folder: Path) -> None:
    edited(folder, lambda feature: ring(feature).pop())


@each(
    "ERROR", "regions.geometry_unreadable", file=JSON,
    variants={
        "two-points": lambda f: f["geometry"].update(coordinates=[ring(f)[:2]]),
        "text": lambda f: f["geometry"].update(
            coordinates=[[[str(x), str(y)] for x, y in ring(f)]]
        ),
        "mixed-dimensions": lambda f: ring(f)[1].append(5.0),
        "circle": lambda f: f.update(geometry={"type": "Circle", "coordinates": [1, 2]}),
        "no-kind": lambda f: f.update(geometry={"coordinates": []}),
        "kind-number": lambda f: f.update(geometry={"type": 5, "coordinates": []}),
        "numbers": lambda f: f["geometry"].update(coordinates=[1, 2, 3]),
        "object": lambda f: f["geometry"].update(coordinates={"a": 1}),
    },
)  # fmt: skip
def geometry_of_no_kind(folder: Path, edit: Edit) -> None:
    edited(folder, edit)


@case("ERROR", "regions.hole_outside", file=JSON)
def hole_in_another_country(folder: Path) -> None:
    far = [[1, 1], [2, 1], [2, 2], [1, 1]]
    edited(folder, lambda feature: feature["geometry"]["coordinates"].append(far))


@case("ERROR", "regions.antimeridian", file=JSON)
def across_the_date_line(folder: Path) -> None:
    box = [[[179, 30], [-179, 30], [-179, 31], [179, 31], [179, 30]]]
    edited(folder, lambda feature: feature["geometry"].update(coordinates=box))


@case("ERROR", "regions.not_degrees", file=JSON)
def astronomical_coordinate(folder: Path) -> None:
    edited(folder, lambda feature: ring(feature)[1].__setitem__(0, 1e308))


@case("REPAIR", "regions.geometry_invalid", file=JSON)
def spike(folder: Path) -> None:
    def edit(feature: dict[str, Any]) -> None:
        points = ring(feature)
        points[2:2] = [[points[1][0] + 1, points[1][1] + 1], points[1]]

    edited(folder, edit)


@case("REPAIR", "regions.geometry_invalid", file=GPKG)
def part_twice(folder: Path) -> None:
    one = counties().geometry[0]
    regions(folder, changed(0, MultiPolygon([one, one])))


@case("FINE")
def ring_turned_round(folder: Path) -> None:
    edited(folder, lambda feature: ring(feature).reverse())


@case("ERROR", "regions.geometry_type", file=JSON)
def collection_in_collections(folder: Path) -> None:
    def edit(feature: dict[str, Any]) -> None:
        for _ in range(100):
            inner = feature["geometry"]
            feature["geometry"] = {"type": "GeometryCollection", "geometries": [inner]}

    edited(folder, edit)


@case("REPAIR", "regions.heights", file=GPKG)
def heights_and_measures(folder: Path) -> None:
    points = [(WEST, NORTH), (WEST + 400, NORTH), (WEST + 400, NORTH - 800), (WEST, NORTH - 800)]
    body = b"".join(struct.pack("<dddd", *point, 1, 2) for point in [*points, points[0]])
    _with_blob(folder, struct.pack("<BIII", 1, 3003, 1, 5) + body)


@each(
    "ERROR", "regions.geometry_missing", file=GPKG,
    variants={
        "endless-ring": struct.pack("<BIII", 1, 3, 1, 0xFFFFFFFF),
        "endless-nesting": struct.pack("<BII", 1, 7, 1) * 20_000,
    },
)  # fmt: skip
def geometry_that_lies(folder: Path, wkb: bytes) -> None:
    _with_blob(folder, wkb)


def _with_blob(folder: Path, wkb: bytes) -> None:
    with sqlite3.connect(folder / GPKG) as base:
        _drop_triggers(base)
        blob = b"GP\0\1" + struct.pack("<i", 4547) + wkb
        base.execute("UPDATE counties SET geom = ? WHERE fid = 1", (blob,))


def _drop_triggers(base: sqlite3.Connection) -> None:
    triggers = base.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for (name,) in triggers:
        base.execute(f'DROP TRIGGER "{name}"')


# Properties and codes


@each(
    "ERROR", "regions.not_text", file=JSON,
    variants={
        "list": ["a"], "object": {"a": 1}, "true": True, "fraction": 1.5, "infinite": float("inf"),
    },
)  # fmt: skip
def code_of_no_kind(folder: Path, value: object) -> None:
    edited(folder, lambda feature: feature["properties"].update(code=value))


@each(
    "ERROR", "regions.empty_text", file=JSON,
    variants={
        "no-code": lambda f: f["properties"].pop("code"),
        "no-properties": lambda f: f.update(properties=None),
        "surrogate": lambda f: f["properties"].update(code="\ud800"),
    },
)  # fmt: skip
def no_code(folder: Path, edit: Edit) -> None:
    path, document = as_geojson(folder)
    edit(document["features"][0])
    path.write_text(json.dumps(document), encoding="utf-8")


@case("ERROR", "regions.corrupt", file=JSON, says="'code' stands twice")
def key_twice(folder: Path) -> None:
    path, _ = as_geojson(folder)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"code":', '"code": "999", "code":', 1), encoding="utf-8")


@case("ERROR", "regions.no_rows", file=JSON)
def no_features(folder: Path) -> None:
    path, document = as_geojson(folder)
    rewrite(path, document | {"features": []})


@case("ERROR", "regions.corrupt", file=JSON)
def one_feature_a_line(folder: Path) -> None:
    path, document = as_geojson(folder)
    lines = (json.dumps(feature) for feature in document["features"])
    path.write_text("\n".join(lines), encoding="utf-8")


@case("ERROR", "regions.content", file=JSON)
def in_utf16(folder: Path) -> None:
    path, document = as_geojson(folder)
    path.write_bytes(json.dumps(document).encode("utf-16"))


@each(
    "ERROR", "regions.duplicate_code", file=GPKG,
    variants={
        "composed": ["caf\u00e9", "cafe\u0301"], "compatible": ["\u91d1", "\uf90a"],
        "tab": ["a\tb", "a b"],
    },
)  # fmt: skip
def one_code_written_twice(folder: Path, codes: list[str]) -> None:
    regions(folder, counties(code=[*codes, "420203"]))


@each(
    "ERROR", "regions.code_mangled", file=GPKG, variants={"exponent": "4.20E+05", "error": "#REF!"}
)
def code_from_a_spreadsheet(folder: Path, code: str) -> None:
    regions(folder, counties(code=[code, "420102", "420203"]))


@case("WARN", "regions.code_zeros", file=GPKG, place="code", says="1001")
def zero_lost(folder: Path) -> None:
    regions(folder, counties(code=[1001, 48001, 48003]))


@each("FINE", variants={"zeros": ["012", "0012", "12"], "cases": ["a1", "A1", "b"]})
def codes_that_differ_all_the_same(folder: Path, codes: list[str]) -> None:
    regions(folder, counties(code=codes))


@each(
    "ERROR", "regions.no_column", file=GPKG,
    variants={"quote": "x\\\"; DROP TABLE counties; --", "hidden": "fid", "shape": "geom"},
)  # fmt: skip
def column_that_is_a_query(folder: Path, column: str) -> None:
    replace(folder, 'code = "code"', f'code = "{column}"')


# Shapefiles


def patched(path: Path, at: int, kind: str, value: float) -> None:
    data = bytearray(path.read_bytes())
    struct.pack_into(kind, data, at, value)
    path.write_bytes(data)


@case("ERROR", "regions.parts_disagree", file=SHP, says="2 rows and 3 shapes")
def row_missing(folder: Path) -> None:
    patched(as_shapefile(folder).with_suffix(".dbf"), 4, "<I", 2)


@case("WARN", "regions.rows_deleted", file=SHP)
def row_deleted(folder: Path) -> None:
    table = as_shapefile(folder).with_suffix(".dbf")
    (head,) = struct.unpack_from("<H", table.read_bytes(), 8)
    patched(table, head, "<B", ord("*"))


@each(
    "ERROR", "regions.geometry_missing", file=SHP,
    variants={"kind": (108, "<i", 31), "points": (144, "<i", 2**30)},
)  # fmt: skip
def shape_that_lies(folder: Path, patch: tuple[int, str, int]) -> None:
    patched(as_shapefile(folder), *patch)


@case("ERROR", "regions.geometry_unreadable", file=SHP)
def shape_of_no_number(folder: Path) -> None:
    patched(as_shapefile(folder), 156, "<d", float("nan"))


@case("ERROR", "regions.no_column", file=SHP)
def table_of_nothing(folder: Path) -> None:
    as_shapefile(folder).with_suffix(".dbf").write_bytes(b"")


@case("ERROR", "regions.parts_disagree", file=SHP)
def table_of_zeros(folder: Path) -> None:
    as_shapefile(folder).with_suffix(".dbf").write_bytes(bytes(500))


@case("ERROR", "regions.geometry_missing", file=SHP)
def index_that_leads_astray(folder: Path) -> None:
    patched(as_shapefile(folder).with_suffix(".shx"), 100, ">i", 2**30)


@case("ERROR", "regions.geometry_missing", file=SHP)
def shapes_cut_off(folder: Path) -> None:
    path = as_shapefile(folder)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@case("ERROR", "crs.needs_parameters", file=SHP)
def prj_of_beijing_1954(folder: Path) -> None:
    prj = as_shapefile(folder).with_suffix(".prj")
    prj.write_text(CRS.from_epsg(2433).to_wkt("WKT1_ESRI"), encoding="utf-8")


@case("ERROR", "crs.grid_file", file=SHP)
def prj_that_opens_a_file(folder: Path) -> None:
    """PROJ would open whatever the projection names; a pipe would never end."""
    prj = as_shapefile(folder).with_suffix(".prj")
    wkt = CRS.from_proj4("+proj=longlat +nadgrids=/etc/passwd +type=crs").to_wkt("WKT1_GDAL")
    prj.write_text(wkt, encoding="utf-8")


@case("REPAIR", "regions.encoding_detected", file=SHP)
def encoding_of_nowhere(folder: Path) -> None:
    as_shapefile(folder).with_suffix(".cpg").write_text("KLINGON-8", encoding="ascii")


@case("FINE")
def capital_endings(folder: Path) -> None:
    path = as_shapefile(folder)
    for part in folder.glob("counties.*"):
        if part.suffix != ".gpkg":
            part.rename(folder / f"COUNTIES{part.suffix.upper()}")
    replace(folder, path.name, "COUNTIES.SHP")


# Archives


@case("ERROR", "regions.bad_zip", file="counties.zip", says="2 ×")
def member_twice(folder: Path) -> None:
    with zipfile.ZipFile(_zip(folder, _members(folder)), "a") as archive:
        archive.writestr("A.DBF", b"another table")


@case("ERROR", "regions.zip_name", file="counties.zip")
def member_that_is_a_link(folder: Path) -> None:
    members = _members(folder)
    link = zipfile.ZipInfo("a.dbf")
    link.create_system = 3
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    del members["a.dbf"]
    with zipfile.ZipFile(_zip(folder, members), "a") as archive:
        archive.writestr(link, "/etc/passwd")


@case("ERROR", "regions.zip_limit", file="counties.zip")
def thousands_of_members(folder: Path) -> None:
    _zip(folder, {str(i): b"" for i in range(1_001)})


@case("ERROR", "regions.no_layer", file="counties.zip")
def archive_in_an_archive(folder: Path) -> None:
    inner = _zip(folder, _members(folder)).read_bytes()
    replace(folder, "counties.zip", "counties.gpkg")
    _zip(folder, {"inner.zip": inner})


@each(
    "ERROR", "regions.content", file="counties.zip",
    variants={"empty": b"PK\5\6" + bytes(18), "program": b"MZ"},
)  # fmt: skip
def archive_of_no_kind(folder: Path, content: bytes) -> None:
    named(folder, "counties.zip").write_bytes(content)


def _members(folder: Path) -> dict[str, bytes]:
    return {f"a{ending}": data for ending, data in _parts(folder).items()}


# GeoPackages


@each(
    "ERROR", "regions.no_crs", file=GPKG,
    variants={
        "undefined": "UPDATE {} SET srs_id = -1", "dangling": "UPDATE {} SET srs_id = 77777",
    },
)  # fmt: skip
def reference_that_leads_nowhere(folder: Path, query: str) -> None:
    with sqlite3.connect(folder / GPKG) as base:
        for table in ("gpkg_contents", "gpkg_geometry_columns"):
            base.execute(query.format(table))


@each(
    "ERROR", "regions.no_layer", file=GPKG,
    variants={
        "attributes": "UPDATE gpkg_contents SET data_type = 'attributes'",
        "nothing": "DELETE FROM gpkg_contents",
    },
)  # fmt: skip
def nothing_to_read(folder: Path, query: str) -> None:
    with sqlite3.connect(folder / GPKG) as base:
        base.execute(query)
        base.execute("DELETE FROM gpkg_geometry_columns")


@case("ERROR", "regions.corrupt", file=GPKG)
def images_in_place_of_polygons(folder: Path) -> None:
    with sqlite3.connect(folder / GPKG) as base:
        base.execute("UPDATE gpkg_contents SET data_type = 'tiles'")


@case("ERROR", "regions.layer_is_view", file=GPKG)
def endless_query(folder: Path) -> None:
    with sqlite3.connect(folder / GPKG) as base:
        base.execute("ALTER TABLE counties RENAME TO kept")
        base.execute(
            "CREATE VIEW counties AS"
            " WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r)"
            " SELECT n AS fid, NULL AS geom, n AS code, n AS name, n AS prefecture FROM r"
        )


@case("FINE")
def column_that_computes(folder: Path) -> None:
    """Only the columns named are read: a computed one that would fill the memory is not."""
    with sqlite3.connect(folder / GPKG) as base:
        base.execute(
            "ALTER TABLE counties ADD COLUMN more TEXT"
            " GENERATED ALWAYS AS (hex(zeroblob(400000000))) VIRTUAL"
        )


@case("ERROR", "regions.corrupt", file=GPKG)
def code_of_bytes(folder: Path) -> None:
    with sqlite3.connect(folder / GPKG) as base:
        _drop_triggers(base)
        base.execute("UPDATE counties SET code = x'ff00' WHERE fid = 1")


@case("WARN", "raster.regions_outside", file=GPKG)
def county_far_from_the_maps(folder: Path) -> None:
    frame = counties()
    away = shapely.transform(frame.geometry[2], lambda xy: xy + np.array([50_000, 0]))
    regions(folder, changed(2, away))
