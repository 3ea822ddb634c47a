"""Regions: codes as text, levels that add up, polygons without faults or with told repairs."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pyproj import CRS, Geod
from shapely.geometry import GeometryCollection, LineString, MultiPolygon, Polygon, box

from sinks.boundaries.polygons import hectares, without_overlaps
from sinks.checks import Problems, Severity
from sinks.grid import authalic
from sinks.regions import Regions, load_regions, write_regions
from sinks.sections import RegionsConfig
from tests.conftest import SHARED, needs_shared

CODES = ["420102", "420103", "420104"]
NAMES = ["江岸区", "江汉区", "硚口区"]
SHAPES = [box(114 + i / 10, 30, 114.1 + i / 10, 30.1) for i in range(3)]


def frame(**columns: Any) -> gpd.GeoDataFrame:
    content = {"code": CODES, "name": NAMES, "geometry": SHAPES} | columns
    return gpd.GeoDataFrame(content, crs="EPSG:4326")


def load(
    content: gpd.GeoDataFrame, folder: Path, *, ending: str = ".gpkg", **asserted: Any
) -> tuple[Regions | None, Problems]:
    path = folder / f"regions{ending}"
    path.unlink(missing_ok=True)
    if ending == ".geojson":
        path.write_text(content.to_json(drop_id=True), encoding="utf-8")
    else:
        content.to_file(path)
    problems = Problems("en")
    keys = {"code": "code", "name": "name"} | asserted
    config = RegionsConfig(path=path.name, **keys)
    return load_regions(config, problems=problems, base=folder), problems


def found(problems: Problems, severity: Severity) -> dict[str, str]:
    """Return the English text of the problems of a severity, by code."""
    for problem in problems:
        assert problem.text("zh")
    return {item.code.removeprefix("regions."): item.text("en") for item in problems.of(severity)}


def errors(content: gpd.GeoDataFrame, folder: Path, **options: Any) -> dict[str, str]:
    regions, problems = load(content, folder, **options)
    assert regions is None
    return found(problems, Severity.ERROR)


def repaired(
    content: gpd.GeoDataFrame, folder: Path, **options: Any
) -> tuple[Regions, dict[str, str]]:
    regions, problems = load(content, folder, **options)
    assert regions is not None, [problem.text("en") for problem in problems]
    return regions, found(problems, Severity.REPAIR)


# Codes and names


def test_leading_zeros_stay(tmp_path: Path) -> None:
    codes = ["0301", "0301A", "00301"]
    for ending in (".gpkg", ".geojson", ".shp"):
        regions, told = repaired(frame(code=codes), tmp_path, ending=ending)
        assert regions.codes == ("00301", "0301", "0301A")
        assert not told


def test_rows_are_sorted_by_code_with_their_polygons(tmp_path: Path) -> None:
    regions, _ = repaired(frame(code=["c", "a", "b"]), tmp_path)
    assert regions.codes == ("a", "b", "c")
    assert list(regions.frame["region_name"]) == ["江汉区", "硚口区", "江岸区"]
    assert regions.frame.geometry[2].equals(SHAPES[0])


@pytest.mark.parametrize("ending", [".gpkg", ".geojson", ".shp"])
def test_whole_numbers_become_their_digits(tmp_path: Path, ending: str) -> None:
    regions, told = repaired(frame(code=[int(c) for c in CODES]), tmp_path, ending=ending)
    assert list(regions.codes) == CODES
    assert not told


@pytest.mark.parametrize("ending", [".gpkg", ".geojson", ".shp"])
def test_numbers_from_a_spreadsheet_are_repaired(tmp_path: Path, ending: str) -> None:
    regions, told = repaired(frame(code=[float(c) for c in CODES]), tmp_path, ending=ending)
    assert list(regions.codes) == CODES
    assert list(told) == ["code_number"]
    assert "3 values" in told["code_number"]
    assert "420102" in told["code_number"]


def test_fractions_truth_values_and_lists_are_no_codes(tmp_path: Path) -> None:
    assert "#2" in errors(frame(code=[1.0, 2.5, 3.0]), tmp_path)["not_text"]
    assert "3 other" in errors(frame(code=[1e300, 2e300, 3e300]), tmp_path)["not_text"]
    content = json.loads(frame().to_json(drop_id=True))
    for row, value in enumerate((True, [1], {"a": 1})):
        content["features"][row]["properties"]["code"] = value
    (tmp_path / "a.geojson").write_text(json.dumps(content), encoding="utf-8")
    problems = Problems("en")
    config = RegionsConfig(path="a.geojson", code="code", name="name")
    assert load_regions(config, problems=problems, base=tmp_path) is None
    assert "#1, #2, #3" in found(problems, Severity.ERROR)["not_text"]


def test_empty_codes_and_names(tmp_path: Path) -> None:
    content = frame(code=["1", None, " "], name=["a", "b", ""])
    told = errors(content, tmp_path)
    assert list(told) == ["empty_text"]
    texts = [problem.text("en") for problem in load(content, tmp_path)[1].of(Severity.ERROR)]
    assert "2 empty values, in rows #2, #3" in texts[0]
    assert "1 empty values, in rows #3" in texts[1]


def test_null_among_integers(tmp_path: Path) -> None:
    content = frame(code=np.array([1, 2, None], dtype=object))
    told = errors(content, tmp_path, ending=".geojson")
    assert list(told) == ["empty_text"]


def test_spaces_and_invisible_characters_are_taken_off(tmp_path: Path) -> None:
    content = frame(code=[" 420102", "\ufeff420103", "420104\u3000"], name=["a", "b\u200b", "c"])
    regions, told = repaired(content, tmp_path)
    assert list(regions.codes) == CODES
    assert list(regions.frame["region_name"]) == ["a", "b", "c"]
    assert "spaces" in told


def test_duplicates_are_named(tmp_path: Path) -> None:
    told = errors(frame(code=["1", "2", "1"]), tmp_path)
    assert "1: 江岸区 #1, 硚口区 #3" in told["duplicate_code"]
    # Codes that differ by a space only are one code to every table they are joined with.
    assert "duplicate_code" in errors(frame(code=["1", "2", "1 "]), tmp_path)


def test_a_text_that_is_too_long(tmp_path: Path) -> None:
    assert "#1" in errors(frame(name=["x" * 500, "b", "c"]), tmp_path)["text_too_long"]


def test_missing_columns_name_the_nearest(tmp_path: Path) -> None:
    told = errors(frame(), tmp_path, code="codes")["no_column"]
    assert "`codes`; the nearest: code" in told
    assert "name" in told
    assert "no_column" in errors(frame(), tmp_path, ending=".geojson", parents=("province",))
    assert "no_column" in errors(frame(), tmp_path, ending=".shp", name="县名")


def test_a_feature_id_can_be_the_code(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    path.write_text(frame().drop(columns="code").to_json(), encoding="utf-8")
    config = RegionsConfig(path="a.geojson", code="id", name="name")
    regions = load_regions(config, problems=Problems("en"), base=tmp_path)
    assert regions is not None
    assert regions.codes == ("0", "1", "2")


def test_hostile_names_stay_data(tmp_path: Path) -> None:
    names = ["{file}<script>alert(1)</script>", "=cmd|' /C calc'!A0", "../../etc/passwd\r\n"]
    regions, problems = load(frame(name=names), tmp_path)
    assert regions is not None
    assert sorted(regions.frame["region_name"])[0] == "../../etc/passwd"
    assert found(problems, Severity.REPAIR)


def test_no_rows(tmp_path: Path) -> None:
    assert "no_rows" in errors(frame().iloc[:0], tmp_path)


# Levels


def with_parents(prefecture: list[str], province: list[str]) -> gpd.GeoDataFrame:
    return frame(prefecture=prefecture, province=province)


PARENTS = ("prefecture", "province")


def test_levels_and_membership(tmp_path: Path) -> None:
    content = with_parents(["武汉市", "黄石市", "武汉市"], ["湖北省"] * 3)
    regions, _ = repaired(content, tmp_path, parents=PARENTS)
    assert regions.parents == PARENTS
    assert regions.levels.to_dict("split", index=False)["data"] == [
        ["420102", "江岸区", "region", "武汉市"],
        ["420103", "江汉区", "region", "黄石市"],
        ["420104", "硚口区", "region", "武汉市"],
        ["武汉市", "武汉市", "prefecture", "湖北省"],
        ["黄石市", "黄石市", "prefecture", "湖北省"],
        ["湖北省", "湖北省", "province", "ALL"],
        ["ALL", "ALL", "study", ""],
    ]
    members = {level: list(codes) for level, codes in regions.membership.items()}
    assert members == {
        "region": CODES,
        "prefecture": ["武汉市", "黄石市", "武汉市"],
        "province": ["湖北省"] * 3,
        "study": ["ALL"] * 3,
    }


def test_levels_without_parents(tmp_path: Path) -> None:
    regions, _ = repaired(frame(), tmp_path)
    assert list(regions.levels["parent_code"]) == ["ALL", "ALL", "ALL", ""]
    assert list(regions.levels["level"]) == ["region"] * 3 + ["study"]


def test_a_prefecture_in_two_provinces(tmp_path: Path) -> None:
    content = with_parents(["武汉市"] * 3, ["湖北省", "湖南省", "湖北省"])
    told = errors(content, tmp_path, parents=PARENTS)
    assert "武汉市 → 湖北省, 湖南省" in told["not_nested"]
    # Province before prefecture is the same fault: the order is finest first.
    content = with_parents(["武汉市", "黄石市", "武汉市"], ["湖北省"] * 3)
    assert "not_nested" in errors(content, tmp_path, parents=PARENTS[::-1])


def test_codes_used_by_two_levels(tmp_path: Path) -> None:
    content = with_parents(["420102", "b", "b"], ["湖北省"] * 3)
    told = errors(content, tmp_path, parents=PARENTS)
    assert "420102 (prefecture, region)" in told["code_in_two_levels"]
    assert "code_in_two_levels" in errors(frame(code=["ALL", "2", "3"]), tmp_path)
    content = with_parents(["北京市"] * 3, ["北京市"] * 3)
    assert "code_in_two_levels" in errors(content, tmp_path, parents=PARENTS)


def test_parents_are_filled_and_have_names_of_their_own(tmp_path: Path) -> None:
    content = with_parents(["武汉市", None, "武汉市"], ["湖北省"] * 3)  # type: ignore[list-item]
    assert "#2" in errors(content, tmp_path, parents=PARENTS)["empty_text"]
    content = frame(study=["a"] * 3)
    assert "parent_name" in errors(content, tmp_path, parents=("study",))
    content = with_parents(["武汉市"] * 3, ["湖北省"] * 3)
    assert "parent_name" in errors(content, tmp_path, parents=("province", "province"))


# Polygons


def test_missing_and_empty_polygons(tmp_path: Path) -> None:
    for nothing in (None, Polygon(), MultiPolygon()):
        shapes = [SHAPES[0], nothing, SHAPES[2]]
        told = errors(frame(geometry=shapes), tmp_path, ending=".geojson")
        assert "江汉区 (420103)" in told["geometry_missing"]


def test_heights_are_dropped(tmp_path: Path) -> None:
    shapes = [shapely.force_3d(SHAPES[0], 25.0), *SHAPES[1:]]
    for ending in (".gpkg", ".geojson"):
        regions, told = repaired(frame(geometry=shapes), tmp_path, ending=ending)
        assert "1 with heights" in told["heights"]
        assert not shapely.has_z(regions.frame.geometry.values).any()


def test_collections_of_polygons_are_opened_others_refused(tmp_path: Path) -> None:
    shapes = [GeometryCollection([SHAPES[0], SHAPES[2]]), SHAPES[1], box(115, 30, 116, 31)]
    regions, told = repaired(frame(geometry=shapes), tmp_path, ending=".geojson")
    assert regions.frame.geometry[0].geom_type == "MultiPolygon"
    assert "geometry_collection" in told
    mixed = GeometryCollection([SHAPES[0], LineString([(0, 0), (1, 1)])])
    told = errors(frame(geometry=[mixed, *SHAPES[1:]]), tmp_path, ending=".geojson")
    assert "江岸区 (420102)" in told["geometry_type"]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_coordinates_that_are_no_numbers(tmp_path: Path, number: str) -> None:
    text = frame().to_json(drop_id=True).replace("[114.2, 30.1]", f"[114.2, {number}]")
    (tmp_path / "a.geojson").write_text(text, encoding="utf-8")
    problems = Problems("en")
    config = RegionsConfig(path="a.geojson", code="code", name="name")
    assert load_regions(config, problems=problems, base=tmp_path) is None
    assert "硚口区 (420104)" in found(problems, Severity.ERROR)["not_finite"]


def test_a_ring_that_crosses_itself_is_repaired(tmp_path: Path) -> None:
    # A bow tie: by its direction the two halves cancel; repaired, both count.
    bow = Polygon([(114, 30), (114.1, 30.1), (114.1, 30), (114, 30.1)])
    regions, told = repaired(frame(geometry=[bow, *SHAPES[1:]]), tmp_path)
    assert regions.frame.geometry[0].is_valid
    assert regions.frame.geometry[0].area == pytest.approx(0.005, rel=1e-9)
    halves = hectares(np.array([regions.frame.geometry[0]]), CRS("EPSG:4326"))[0]
    assert "江岸区 (420102)" in told["geometry_invalid"]
    # Almost all of the repaired area is change: the halves differ a little in latitude only.
    change = float(
        told["geometry_invalid"].split("changed by ")[1].split(" ha")[0].replace(",", "")
    )
    assert change == pytest.approx(halves, rel=0.01)


def test_parts_that_overlap_count_once(tmp_path: Path) -> None:
    double = MultiPolygon([box(113.7, 30, 113.9, 30.1), box(113.8, 30, 114, 30.1)])
    regions, told = repaired(frame(geometry=[double, *SHAPES[1:]]), tmp_path)
    assert regions.frame.geometry[0].area == pytest.approx(0.03, rel=1e-9)
    assert "geometry_invalid" in told


def test_a_spike_without_area_falls_away_and_a_line_is_refused(tmp_path: Path) -> None:
    spike = Polygon(
        [(114, 30), (114.1, 30), (114.1, 30.1), (114.1, 30.9), (114.1, 30.1), (114, 30.1)]
    )
    regions, told = repaired(frame(geometry=[spike, *SHAPES[1:]]), tmp_path)
    assert regions.frame.geometry[0].equals(SHAPES[0])
    assert "geometry_invalid" in told
    flat = Polygon([(114, 30), (114.1, 30), (114.05, 30)])
    told = errors(frame(geometry=[flat, *SHAPES[1:]]), tmp_path)
    assert "江岸区" in told["geometry_collapsed"]


def test_overlaps_are_named_with_their_area(tmp_path: Path) -> None:
    shapes = [SHAPES[0], box(114.09, 30, 114.2, 30.1), SHAPES[2]]
    told = errors(frame(geometry=shapes), tmp_path)["overlap"]
    assert "1 pairs" in told
    assert "江岸区 (420102) × 江汉区 (420103)" in told
    expected = hectares(np.array([box(114.09, 30, 114.1, 30.1)]), CRS("EPSG:4326"))[0]
    assert f"{expected:,.2f} ha" in told


@pytest.mark.parametrize("inner", [box(114.02, 30.02, 114.03, 30.03), SHAPES[0]])
def test_a_region_inside_another_overlaps(tmp_path: Path, inner: Polygon) -> None:
    told = errors(frame(geometry=[SHAPES[0], inner, SHAPES[2]]), tmp_path)
    assert list(told) == ["overlap"]


def test_a_region_in_the_hole_of_another_does_not_overlap(tmp_path: Path) -> None:
    hole = box(114.02, 30.02, 114.03, 30.03)
    shapes = [SHAPES[0].difference(hole), hole, SHAPES[2]]
    _, told = repaired(frame(geometry=shapes), tmp_path)
    assert not told


def test_slivers_are_told_and_let_pass(tmp_path: Path) -> None:
    shapes = [SHAPES[0], box(114.1 - 1e-9, 30, 114.2, 30.1), SHAPES[2]]
    regions, problems = load(frame(geometry=shapes), tmp_path)
    assert regions is not None
    assert list(found(problems, Severity.WARN)) == ["overlap_slivers"]


def test_copies_of_one_polygon_are_answered_in_time(tmp_path: Path) -> None:
    shapes = np.array([SHAPES[0]] * 5_000, dtype=object)
    labels = [str(i) for i in range(len(shapes))]
    problems = Problems("en")
    start = time.process_time()
    assert not without_overlaps(shapes, labels, crs=CRS("EPSG:4326"), file="x", problems=problems)
    assert time.process_time() - start < 20  # 2.5 s of one core
    assert "20000+ pairs" in found(problems, Severity.ERROR)["overlap"]


def test_ten_thousand_neighbours_in_seconds() -> None:
    x, y = np.meshgrid(np.arange(100.0), np.arange(100.0))
    shapes = shapely.segmentize(
        shapely.box(x.ravel(), y.ravel(), x.ravel() + 1, y.ravel() + 1), 0.05
    )
    labels = [str(i) for i in range(10_000)]
    problems = Problems("en")
    start = time.process_time()
    assert without_overlaps(shapes, labels, crs=CRS("EPSG:3857"), file="x", problems=problems)
    assert time.process_time() - start < 15  # 1.5 s of one core
    assert len(problems) == 0


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    content = frame(code=["1", "1", ""], name=["a", "", "c"], geometry=[None, *SHAPES[1:]])
    told = errors(content, tmp_path, parents=())
    assert {"duplicate_code", "empty_text", "geometry_missing"} <= told.keys()


def test_a_second_reading_is_refused_again(tmp_path: Path) -> None:
    frame(code=["1", "1", "2"]).to_file(tmp_path / "a.gpkg")
    problems = Problems("en")
    config = RegionsConfig(path="a.gpkg", code="code", name="name")
    for _ in range(2):
        assert load_regions(config, problems=problems, base=tmp_path) is None


# Areas, the invariant, writing


def test_hectares_of_a_cell_between_parallels() -> None:
    # Edges so short that parallel and geodesic are one; the area then has a closed form.
    cell = np.array([shapely.segmentize(box(114, 30, 115, 31), 0.001)])
    found_ha = hectares(cell, CRS("EPSG:4326"))[0]
    low, high = authalic(np.radians([30.0, 31.0]), a=6378137.0, b=6356752.314245179)
    assert found_ha == pytest.approx((high - low) * np.radians(1.0) / 1e4, rel=1e-9)
    metres = gpd.GeoSeries(cell, crs=4326).to_crs(3857)
    assert hectares(metres.values, CRS("EPSG:3857"))[0] == pytest.approx(found_ha, rel=1e-9)


def test_hectares_take_holes_off() -> None:
    ring = box(114, 30, 114.1, 30.1)
    hole = box(114.02, 30.02, 114.05, 30.05)
    crs = CRS("EPSG:4326")
    parts = hectares(np.array([ring, hole, ring.difference(hole)], dtype=object), crs)
    assert parts[2] == pytest.approx(parts[0] - parts[1], rel=1e-12)
    geod = Geod(ellps="WGS84").geometry_area_perimeter(shapely.geometry.polygon.orient(ring))[0]
    assert parts[0] == pytest.approx(geod / 1e4, rel=1e-12)


def regions_of(content: gpd.GeoDataFrame, parents: tuple[str, ...] = ()) -> Regions:
    named = content.rename(columns={"code": "region_code", "name": "region_name"})
    return Regions(named[["region_code", "region_name", *parents, "geometry"]], parents)


def test_the_invariant_holds() -> None:
    assert len(regions_of(frame())) == 3
    bow = Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    for content in (
        frame(code=["b", "a", "c"]),
        frame(code=["a", "a", "c"]),
        frame(name=["a", "", "c"]),
        frame(geometry=[bow, *SHAPES[1:]]),
        frame().set_crs(None, allow_override=True),
        frame().iloc[:0],
        frame().set_index(np.array([3, 4, 5])),
    ):
        with pytest.raises(ValueError):  # noqa: PT011 - any of them
            regions_of(content)


def test_equal_regions_give_equal_bytes(tmp_path: Path) -> None:
    regions = regions_of(with_parents(["武汉市"] * 3, ["湖北省"] * 3), PARENTS)
    write_regions(regions, tmp_path / "a.gpkg")
    time.sleep(1.1)  # GeoPackages count time in seconds
    write_regions(regions, tmp_path / "b.gpkg")
    write_regions(regions, tmp_path / "b.gpkg")  # over the one that is there
    assert (tmp_path / "a.gpkg").read_bytes() == (tmp_path / "b.gpkg").read_bytes()
    problems = Problems("en")
    config = RegionsConfig(path="a.gpkg", code="region_code", name="region_name", parents=PARENTS)
    back = load_regions(config, problems=problems, base=tmp_path)
    assert back is not None
    assert len(problems) == 0
    assert back.frame.equals(regions.frame)


@needs_shared
def test_hubei_is_read_within_a_second() -> None:
    config = RegionsConfig(
        path="hubei_counties_wgs84.geojson", code="code", name="name", parents=("city", "province")
    )
    problems = Problems("en")
    start = time.process_time()
    regions = load_regions(config, problems=problems, base=SHARED / "data" / "boundaries")
    seconds = time.process_time() - start
    assert regions is not None
    assert len(regions) == 103
    assert seconds < 5  # 0.5 s of one core
    # 1,020 ha in three pieces belong to no county of this file
    assert [problem.code for problem in problems] == ["regions.gaps"]
    whole = hectares(regions.frame.geometry.values, regions.frame.crs).sum()
    assert whole == pytest.approx(18.59e6, rel=0.005)  # 185,900 km², Hubei statistical yearbook


@needs_shared
def test_raw_and_converted_counties_agree() -> None:
    folder = SHARED / "data" / "boundaries"
    raw = load_regions(
        RegionsConfig(
            path="hubei_counties_gcj02_raw.geojson", code="code", name="district", datum="gcj02"
        ),
        problems=Problems("en"),
        base=folder,
    )
    good = load_regions(
        RegionsConfig(path="hubei_counties_wgs84.geojson", code="code", name="name"),
        problems=Problems("en"),
        base=folder,
    )
    assert raw is not None
    assert good is not None
    assert raw.codes == good.codes
    assert raw.frame.geom_equals_exact(good.frame, 1e-6).all()
