"""Boundary files: good ones are read exactly, all others are answered in plain words."""

from __future__ import annotations

import io
import json
import random
import sqlite3
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import pyogrio
import pytest
from pyproj import CRS
from shapely.geometry import LineString, Point, box

from sinks.checks import Problems, Severity
from sinks.datum import wgs84_to_gcj02
from sinks.limits import Limits
from sinks.regions import Regions, load_regions
from sinks.sections import RegionsConfig

CODES = ["0301", "0302", "0303"]
NAMES = ["宜昌市", "随县", "神农架林区"]


def counties(crs: object = "EPSG:4326", **columns: Any) -> gpd.GeoDataFrame:
    """Three counties side by side, a tenth of a degree wide."""
    shapes = [box(111 + i / 10, 30, 111.1 + i / 10, 30.1) for i in range(3)]
    return gpd.GeoDataFrame({"code": CODES, "name": NAMES} | columns, geometry=shapes, crs=crs)


def load(
    path: Path, limits: Limits | None = None, **asserted: Any
) -> tuple[Regions | None, Problems]:
    keys = {"code": "code", "name": "name"} | asserted
    problems = Problems("en")
    config = RegionsConfig(path=path.name, **keys)
    return load_regions(config, problems=problems, base=path.parent, limits=limits), problems


def codes_of(problems: Problems, severity: Severity) -> list[str]:
    return [problem.code.removeprefix("regions.") for problem in problems.of(severity)]


def refused(path: Path, code: str, limits: Limits | None = None, **asserted: Any) -> str:
    """Check that a file is refused for one reason, told in both languages; return the English."""
    regions, problems = load(path, limits, **asserted)
    assert regions is None
    assert codes_of(problems, Severity.ERROR) == [code]
    assert all(problem.text("zh") and problem.text("en") for problem in problems)
    assert problems.of(Severity.ERROR)[0].file == path.name
    return problems.of(Severity.ERROR)[0].text("en")


def zipped(folder: Path, target: Path, *, under: str = "", skip: tuple[str, ...] = ()) -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in sorted(folder.iterdir()):
            if part.suffix not in skip:
                archive.write(part, under + part.name)
    return target


@pytest.fixture
def shapefile(tmp_path: Path) -> Path:
    """A Shapefile in UTF-8, alone in its folder."""
    folder = tmp_path / "shp"
    folder.mkdir()
    counties().to_file(folder / "counties.shp", encoding="UTF-8")
    return folder / "counties.shp"


def test_every_format_gives_the_same_regions(tmp_path: Path, shapefile: Path) -> None:
    frame = counties()
    frame.to_file(tmp_path / "a.gpkg")
    frame.to_file(tmp_path / "a.geojson", driver="GeoJSON")
    paths = [tmp_path / "a.gpkg", tmp_path / "a.geojson", shapefile]
    paths.append(zipped(shapefile.parent, tmp_path / "a.zip", under="县界/"))
    for path in paths:
        regions, problems = load(path)
        assert regions is not None, [problem.text() for problem in problems]
        assert list(regions.codes) == CODES
        assert list(regions.frame["region_name"]) == NAMES
        assert regions.frame.crs.to_epsg() == 4326
        same = regions.frame.normalize().geom_equals_exact(frame.normalize(), 1e-9)
        assert same.all()
        assert len(problems) == 0, path.suffix


def test_nothing_is_written_beside_the_input(tmp_path: Path, shapefile: Path) -> None:
    counties().to_file(tmp_path / "a.gpkg")
    before = {item: item.stat().st_mtime_ns for item in tmp_path.rglob("*")}
    load(tmp_path / "a.gpkg")
    load(shapefile)
    assert {item: item.stat().st_mtime_ns for item in tmp_path.rglob("*")} == before


# What a name promises and the content does not keep


VRT = b'<OGRVRTDataSource><OGRVRTLayer name="a"><SrcDataSource>/etc/passwd</SrcDataSource>'
PIPELINE = b'{"type": "gdal_streamed_alg", "command_line": "gdal vector read /etc/passwd"}'


@pytest.mark.parametrize("ending", [".gpkg", ".geojson", ".json", ".shp", ".zip"])
@pytest.mark.parametrize(
    "content", [VRT, b"<!DOCTYPE html><html>", b"", b"code,name\n1,a\n", b"%PDF-1.4", b"\0" * 300]
)
def test_other_content_under_a_known_ending(tmp_path: Path, ending: str, content: bytes) -> None:
    path = tmp_path / f"counties{ending}"
    path.write_bytes(content)
    assert "begins with" in refused(path, "content")


@pytest.mark.parametrize("ending", [".vrt", ".kml", ".gml", ".csv", ".dbf", ".sqlite", ""])
def test_endings_that_are_not_read(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"counties{ending}"
    path.write_bytes(VRT)
    refused(path, "format")


@pytest.mark.parametrize(
    "content",
    [
        PIPELINE,
        b'{"type": "Topology", "objects": {}, "arcs": []}',
        b'{"geometryType": "esriGeometryPolygon", "features": []}',
        b'{"type": "FeatureCollection", "features": 5}',
        b'{"type": "FeatureCollection", "features": [7]}',
        b'{"type": "Polygon", "coordinates": []}',
    ],
)
def test_other_dialects_of_json(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "counties.geojson"
    path.write_bytes(content)
    refused(path, "not_geojson")


@pytest.mark.parametrize("content", [b'{"type": "Feat', b"{}{}", b'{"a":' * 100_000, b"{\x00}"])
def test_broken_json(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "counties.geojson"
    path.write_bytes(content)
    refused(path, "corrupt")


def test_a_database_that_is_no_geopackage(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "counties.gpkg") as connection:
        connection.execute("CREATE TABLE counties (code TEXT)")
    refused(tmp_path / "counties.gpkg", "content")


def test_missing_file_and_folder(tmp_path: Path) -> None:
    refused(tmp_path / "counties.gpkg", "unreadable")
    (tmp_path / "folder.gpkg").mkdir()
    refused(tmp_path / "folder.gpkg", "unreadable")


@pytest.mark.parametrize("keep", [0.3, 0.6, 0.9])
def test_cut_off_files_give_no_regions(tmp_path: Path, shapefile: Path, keep: float) -> None:
    counties().to_file(tmp_path / "a.gpkg")
    counties().to_file(tmp_path / "a.geojson", driver="GeoJSON")
    for path in (tmp_path / "a.gpkg", tmp_path / "a.geojson", shapefile):
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * keep)])
        regions, problems = load(path)
        assert regions is None, (path.suffix, keep)
        assert problems.of(Severity.ERROR)


def test_limits(tmp_path: Path) -> None:
    path, text = tmp_path / "a.gpkg", tmp_path / "a.geojson"
    counties().to_file(path)
    counties(note="x" * (1 << 20)).to_file(text, driver="GeoJSON")
    assert "`features`" in refused(path, "too_many_rows", Limits(features=2))
    assert "`vertices`" in refused(path, "too_many_vertices", Limits(vertices=14))
    assert "`geojson_mb`" in refused(text, "too_large", Limits(geojson_mb=1))
    assert "`boundary_mb`" in refused(text, "too_large", Limits(boundary_mb=1))
    assert load(path, Limits(features=3, vertices=15, boundary_mb=1))[0] is not None


# GeoPackages


def test_several_layers_want_a_choice(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    counties().to_file(path, layer="counties")
    counties().iloc[:1].to_file(path, layer="one")
    assert "counties, one" in refused(path, "several_layers")
    refused(path, "no_such_layer", layer="three")
    regions, _ = load(path, layer="one")
    assert regions is not None
    assert regions.codes == ("0301",)


def test_tables_without_geometry_are_no_layers(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    counties().to_file(path, layer="counties")
    pyogrio.write_dataframe(counties()[["code"]], path, layer="layer_styles", append=True)
    regions, _ = load(path)
    assert regions is not None


def test_a_view_is_not_run(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    counties().to_file(path, layer="counties")
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE VIEW trap AS SELECT * FROM counties")
        for table in ("gpkg_contents", "gpkg_geometry_columns"):
            names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            values = ", ".join("'trap'" if n in ("table_name", "identifier") else n for n in names)
            connection.execute(f"INSERT INTO {table} SELECT {values} FROM {table}")
    refused(path, "layer_is_view", layer="trap")


def test_one_that_is_being_edited(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    counties().to_file(path, SPATIAL_INDEX="NO")
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("UPDATE a SET name = 'x' WHERE code = '0301'")
    connection.commit()
    assert "a.gpkg-wal" in refused(path, "open_elsewhere")
    connection.close()  # writes the changes and removes the log; the format stays WAL
    regions, _ = load(path)
    assert regions is not None
    assert regions.frame["region_name"][0] == "x"
    assert [item.name for item in tmp_path.iterdir()] == ["a.gpkg"]


# Shapefiles and archives


def test_missing_parts(shapefile: Path, tmp_path: Path) -> None:
    (shapefile.parent / "counties.dbf").unlink()
    assert "missing: .dbf" in refused(shapefile, "missing_part")
    refused(zipped(shapefile.parent, tmp_path / "a.zip"), "missing_part")


@pytest.mark.filterwarnings("ignore:'crs' was not provided")
def test_no_crs(shapefile: Path, tmp_path: Path) -> None:
    (shapefile.parent / "counties.prj").unlink()
    refused(shapefile, "no_crs")
    regions, problems = load(shapefile, crs="EPSG:4490")
    assert regions is not None
    assert regions.frame.crs.to_epsg() == 4490
    assert codes_of(problems, Severity.WARN) == ["crs_asserted"]
    counties(crs=None).to_file(tmp_path / "a.gpkg")
    refused(tmp_path / "a.gpkg", "no_crs")


def test_a_prj_of_a_chinese_program(shapefile: Path) -> None:
    wkt = CRS("EPSG:4547").to_wkt("WKT1_ESRI").replace("CGCS2000_3_Degree_GK", "国家2000_3度带")
    prj = shapefile.with_suffix(".prj")
    frame = counties().to_crs("EPSG:4547")
    frame.to_file(shapefile)
    for content in (wkt.encode("gbk"), wkt.encode(), b"\xef\xbb\xbf" + wkt.encode()):
        prj.write_bytes(content)
        regions, problems = load(shapefile)
        assert regions is not None
        assert len(problems) == 0
        assert regions.frame.crs.coordinate_operation == CRS("EPSG:4547").coordinate_operation
    prj.write_bytes(b"GEOGCS[nonsense")
    refused(shapefile, "crs_unknown")
    prj.write_bytes(b" \r\n")
    refused(shapefile, "no_crs")


def make_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo()
            info.filename = name  # as it stands: ZipInfo(name) would tidy it
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    return path


@pytest.mark.parametrize(
    "name", ["../counties.shp", "a/../../b.shp", "/etc/cron.d/x", "C:\\x.shp", "..\\x.shp"]
)
def test_members_that_leave_the_archive(tmp_path: Path, shapefile: Path, name: str) -> None:
    members = {part.name: part.read_bytes() for part in shapefile.parent.iterdir()}
    refused(make_zip(tmp_path / "a.zip", members | {name: b"x"}), "zip_name")
    assert sorted(item.name for item in tmp_path.iterdir()) == ["a.zip", "shp"]


def test_a_member_that_is_a_link(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        info = zipfile.ZipInfo("counties.shp")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    refused(tmp_path / "a.zip", "zip_name")


def test_an_archive_that_expands_without_end(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("sinks.boundaries.shapefile.FREE_BYTES", 1 << 20)
    path = make_zip(tmp_path / "a.zip", {"a.shp": b"", "a.dbf": bytes(4 << 20)})
    refused(path, "zip_limit")
    refused(path, "missing_part", Limits(zip_ratio=10_000))
    refused(path, "zip_limit", Limits(zip_ratio=10_000, boundary_mb=1))
    path = make_zip(tmp_path / "b.zip", {"a.shp": b"", "a.dbf": b""})
    refused(path, "zip_limit", Limits(zip_members=1))


def test_archives_without_one_shapefile(tmp_path: Path, shapefile: Path) -> None:
    refused(make_zip(tmp_path / "a.zip", {"readme.txt": b"x"}), "no_layer")
    parts = {part.suffix: part.read_bytes() for part in shapefile.parent.iterdir()}
    two = {f"{stem}{ending}": parts[ending] for stem in "ab" for ending in parts}
    assert "a, b" in refused(make_zip(tmp_path / "b.zip", two), "several_layers")
    regions, _ = load(tmp_path / "b.zip", layer="b")
    assert regions is not None
    shadow = {"__MACOSX/._a.shp": b"x"} | {f"a{ending}": parts[ending] for ending in parts}
    regions, _ = load(make_zip(tmp_path / "c.zip", shadow))
    assert regions is not None


def test_damaged_and_encrypted_archives(tmp_path: Path, shapefile: Path) -> None:
    path = zipped(shapefile.parent, tmp_path / "a.zip")
    good = path.read_bytes()
    path.write_bytes(good[: len(good) // 2])
    refused(path, "bad_zip")
    locked = bytearray(good)
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = 0
        while (start := locked.find(signature, start)) >= 0:
            locked[start + offset] |= 1
            start += 4
    path.write_bytes(locked)
    refused(path, "bad_zip")
    path.write_bytes(good)
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo("counties.shp").header_offset + 60
    flipped = bytearray(good)
    flipped[start : start + 10] = b"\xff" * 10
    path.write_bytes(flipped)
    refused(path, "bad_zip")


# Text


def write_dbf(path: Path, encoding: str, *, cpg: str | None = None, code: str = "code") -> Path:
    """Write a Shapefile whose table has one encoding and whose .cpg says another thing or none."""
    frame = counties().rename(columns={"code": code})
    with pytest.warns(RuntimeWarning) if len(code.encode(encoding)) > 10 else _calm():
        frame.to_file(path, encoding=encoding)
    path.with_suffix(".cpg").unlink()
    if cpg is not None:
        path.with_suffix(".cpg").write_text(cpg, encoding="ascii")
    table = bytearray(path.with_suffix(".dbf").read_bytes())
    table[29] = 0
    path.with_suffix(".dbf").write_bytes(table)
    return path


class _calm:  # noqa: N801 - a context like pytest.warns
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


@pytest.mark.parametrize(
    ("encoding", "cpg", "told"),
    [
        ("GBK", None, ["encoding_detected"]),
        ("UTF-8", None, ["encoding_detected"]),
        ("GBK", "GBK", []),
        ("GBK", "936", []),
        ("UTF-8", "65001", []),
        ("GBK", "UTF-8", ["encoding_replaced"]),
        ("GBK", "ISO-8859-1", ["encoding_replaced"]),
        ("UTF-8", "1252", ["encoding_replaced"]),
        ("GBK", "nonsense", ["encoding_detected"]),
    ],
)
def test_encodings_of_tables(
    tmp_path: Path, encoding: str, cpg: str | None, told: list[str]
) -> None:
    path = write_dbf(tmp_path / "a.shp", encoding, cpg=cpg)
    regions, problems = load(path)
    assert regions is not None
    assert list(regions.frame["region_name"]) == NAMES
    assert codes_of(problems, Severity.REPAIR) == told


def test_asserted_encodings(tmp_path: Path) -> None:
    path = write_dbf(tmp_path / "a.shp", "GBK")
    regions, problems = load(path, encoding="GBK")
    assert regions is not None
    assert len(problems) == 0
    refused(path, "encoding_wrong", encoding="UTF-8")
    refused(path, "encoding_unknown", encoding="UTF-9")
    refused(path, "encoding_unknown", encoding="base64")


def test_assertions_that_do_not_apply(tmp_path: Path, shapefile: Path) -> None:
    counties().to_file(tmp_path / "a.gpkg")
    regions, problems = load(tmp_path / "a.gpkg", encoding="GBK")
    assert regions is not None
    assert codes_of(problems, Severity.WARN) == ["encoding_unused"]
    counties().to_file(tmp_path / "a.geojson", driver="GeoJSON")
    for path in (tmp_path / "a.gpkg", tmp_path / "a.geojson", shapefile):
        refused(path, "no_such_layer", layer="other")


def test_european_names_stay_latin(tmp_path: Path) -> None:
    names = ["Zürich", "Genève", "Neuchâtel"]
    counties(name=names).to_file(tmp_path / "a.shp", encoding="ISO-8859-1")
    (tmp_path / "a.cpg").write_text("ISO-8859-1", encoding="ascii")
    regions, problems = load(tmp_path / "a.shp")
    assert regions is not None
    assert list(regions.frame["region_name"]) == names
    assert len(problems) == 0


@pytest.mark.parametrize("encoding", ["UTF-8", "GBK"])
def test_column_names_cut_at_ten_bytes(tmp_path: Path, encoding: str) -> None:
    path = write_dbf(tmp_path / "a.shp", encoding, cpg=encoding, code="县级行政区划代码")
    regions, problems = load(path, code="县级行政区划代码")
    assert regions is not None
    assert list(regions.codes) == CODES
    assert codes_of(problems, Severity.REPAIR) == ["column_cut"]


def test_geojson_in_a_chinese_encoding(tmp_path: Path) -> None:
    counties().to_file(tmp_path / "a.geojson", driver="GeoJSON")
    text = (tmp_path / "a.geojson").read_text(encoding="utf-8")
    (tmp_path / "a.geojson").write_text(text, encoding="gb18030")
    regions, problems = load(tmp_path / "a.geojson")
    assert regions is not None
    assert list(regions.frame["region_name"]) == NAMES
    assert codes_of(problems, Severity.REPAIR) == ["encoding_detected"]
    (tmp_path / "a.geojson").write_bytes(b"\xef\xbb\xbf" + text.encode())
    regions, problems = load(tmp_path / "a.geojson")
    assert regions is not None
    assert len(problems) == 0


# Where it lies


def write_geojson(path: Path, frame: gpd.GeoDataFrame, **members: object) -> Path:
    document = json.loads(frame.to_json(drop_id=True)) | members
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def named(name: str) -> dict[str, object]:
    return {"type": "name", "properties": {"name": name}}


@pytest.mark.parametrize(
    ("name", "epsg"),
    [
        ("urn:ogc:def:crs:OGC:1.3:CRS84", 4326),
        ("urn:ogc:def:crs:EPSG::4490", 4490),
        ("EPSG:4490", 4490),
    ],
)
def test_old_geojson_names_its_crs(tmp_path: Path, name: str, epsg: int) -> None:
    path = write_geojson(tmp_path / "a.geojson", counties(crs=None), crs=named(name))
    regions, _ = load(path)
    assert regions is not None
    assert regions.frame.crs.to_epsg() == epsg


def test_geojson_with_a_linked_or_unknown_crs(tmp_path: Path) -> None:
    link = {"type": "link", "properties": {"href": "file:///etc/passwd", "type": "proj4"}}
    for member in (link, named("+proj=longlat +nadgrids=/etc/passwd"), named("EPSG:99999")):
        path = write_geojson(tmp_path / "a.geojson", counties(crs=None), crs=member)
        refused(path, "crs_unknown")
    refused(write_geojson(tmp_path / "a.geojson", counties(crs=None), crs=None), "no_crs")


def moved(change: Callable[[float, float], tuple[float, float]]) -> gpd.GeoDataFrame:
    frame = counties(crs=None)
    frame["geometry"] = [
        type(shape)([change(x, y) for x, y in shape.exterior.coords]) for shape in frame.geometry
    ]
    return frame


@pytest.mark.parametrize(
    ("change", "crs", "code"),
    [
        (lambda x, y: (y, x), "EPSG:4326", "axes_swapped"),
        (lambda x, y: (x * 1e5, y * 1e5), "EPSG:4326", "not_degrees"),
        (lambda x, y: (x, y), "EPSG:4547", "degrees_in_projected"),
        (lambda x, y: (38_500_000 + x * 1e3, y * 1e5), "EPSG:4547", "outside_projection"),
        (lambda x, y: (500_000 + x * 1e3, y * 1e5), "EPSG:4526", "outside_projection"),
        (lambda x, y: (y * 1e5, 500_000 + x * 1e3), "EPSG:4547", "outside_crs_area"),
    ],
)
def test_coordinates_that_cannot_be_those_of_the_crs(
    tmp_path: Path, change: Callable[[float, float], tuple[float, float]], crs: str, code: str
) -> None:
    frame = moved(change).set_crs(crs)
    frame.to_file(tmp_path / "a.gpkg")
    assert "\n" in refused(tmp_path / "a.gpkg", code)


def test_an_asserted_crs_wins_and_is_told(tmp_path: Path) -> None:
    counties().to_file(tmp_path / "a.gpkg")
    regions, problems = load(tmp_path / "a.gpkg", crs="EPSG:4490")
    assert regions is not None
    assert regions.frame.crs.to_epsg() == 4490
    assert codes_of(problems, Severity.WARN) == ["crs_overruled"]
    assert len(load(tmp_path / "a.gpkg", crs="EPSG:4326")[1]) == 0
    refused(tmp_path / "a.gpkg", "crs_unknown", crs="EPSG:99999")
    refused(tmp_path / "a.gpkg", "crs_kind", crs="EPSG:4978")


def test_heights_in_the_crs_are_dropped(tmp_path: Path) -> None:
    counties(crs="EPSG:4979").to_file(tmp_path / "a.gpkg")
    regions, _ = load(tmp_path / "a.gpkg")
    assert regions is not None
    assert len(regions.frame.crs.axis_info) == 2


@pytest.mark.filterwarnings("ignore:'crs' was not provided")
@pytest.mark.parametrize("declared", [None, "EPSG:4326", "EPSG:3857"])
def test_gcj02_is_moved_when_asserted(tmp_path: Path, declared: str | None) -> None:
    frame = moved(lambda x, y: tuple(map(float, wgs84_to_gcj02(x, y))))  # type: ignore[arg-type,return-value]
    if declared:
        frame = frame.set_crs("EPSG:4326").to_crs(declared)
    frame.to_file(tmp_path / "a.gpkg")
    regions, problems = load(tmp_path / "a.gpkg", datum="gcj02")
    assert regions is not None
    assert regions.frame.crs.to_epsg() == 4326
    assert regions.frame.geometry.geom_equals_exact(counties().geometry, 1e-9).all()
    assert codes_of(problems, Severity.WARN) == ["gcj02"]


def test_lines_and_points_are_no_regions(tmp_path: Path) -> None:
    frame = counties()
    frame.geometry = [*frame.geometry[:1], Point(111.5, 30), LineString([(111, 30), (112, 31)])]
    text = refused(write_geojson(tmp_path / "a.geojson", frame), "geometry_type")
    assert "随县 (0302), 神农架林区 (0303)" in text


def test_unreadable_geometry_in_geojson(tmp_path: Path) -> None:
    document = json.loads(counties().to_json(drop_id=True))
    for coordinates in ("abc", [[["x", "y"]]], [[[1, 2], [3, 4]]], [[{}]], {"a": 1}):
        document["features"][1]["geometry"]["coordinates"] = coordinates
        (tmp_path / "a.geojson").write_text(json.dumps(document), encoding="utf-8")
        refused(tmp_path / "a.geojson", "geometry_unreadable")


def test_a_ring_with_a_lying_count_in_a_shapefile(shapefile: Path) -> None:
    content = bytearray(shapefile.read_bytes())
    content[100 + 8 + 40 : 100 + 8 + 44] = struct.pack("<i", 2**31 - 1)
    shapefile.write_bytes(content)
    regions, problems = load(shapefile)
    assert regions is None
    assert problems.of(Severity.ERROR)


def test_bytes_in_memory_are_all_that_gdal_sees(monkeypatch: Any, shapefile: Path) -> None:
    seen: list[object] = []
    real = pyogrio.raw.read

    def spy(source: object, *args: Any, **options: Any) -> Any:
        seen.append(source)
        return real(source, *args, **options)

    monkeypatch.setattr(pyogrio.raw, "read", spy)
    load(shapefile)
    assert all(isinstance(source, bytes) for source in seen)
    assert io.BytesIO(seen[0]).read(2) == b"PK"  # type: ignore[arg-type]


def damaged(content: bytes, dice: random.Random) -> bytes:
    """Return content with some bytes changed, overwritten, left out or put in."""
    data = bytearray(content)
    for _ in range(dice.choice([1, 3, 10])):
        place, kind = dice.randrange(len(data) or 1), dice.randrange(4)
        if kind == 0:
            data[place : place + 1] = dice.randbytes(1)
        elif kind == 1:
            data[place : place + 4] = dice.choice([b"\xff\xff\xff\x7f", bytes(4), b"\xff" * 4])
        elif kind == 2:
            del data[place : place + dice.randrange(1, 50)]
        else:
            data[place:place] = dice.randbytes(4)
    return bytes(data) or b"x"


@pytest.mark.parametrize("seed", range(5))
def test_damaged_files_are_read_or_refused_but_never_a_traceback(
    tmp_path: Path, shapefile: Path, seed: int
) -> None:
    dice = random.Random(seed)
    counties().to_file(tmp_path / "a.gpkg")
    counties().to_file(tmp_path / "a.geojson", driver="GeoJSON")
    zipped(shapefile.parent, tmp_path / "a.zip")
    victims = [tmp_path / name for name in ("a.gpkg", "a.geojson", "a.zip")]
    victims += sorted(shapefile.parent.iterdir())
    for victim in victims * 4:
        good = victim.read_bytes()
        victim.write_bytes(damaged(good, dice))
        regions, problems = load(shapefile if victim.parent == shapefile.parent else victim)
        assert (regions is None) == bool(problems.of(Severity.ERROR))
        assert [problem.as_dict() for problem in problems] or regions is not None
        victim.write_bytes(good)
