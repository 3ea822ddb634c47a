"""Class rasters: what is refused with which words, what is taken on the user's word, symbols."""

from __future__ import annotations

import pickle
import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.control import GroundControlPoint

from sinks.checks import Problem, Problems, Severity
from sinks.raster import RasterSource, UnreadableBlock, load_rasters, open_raster
from sinks.rasterheader import NotTiff
from sinks.run import check_study
from sinks.symbols import NODATA_SYMBOL, UNKNOWN_SYMBOL, symbols, to_symbols
from tests import tiny
from tests.conftest import SHARED, needs_shared
from tests.rasters import config_of, joint_of, load, square_metres, write_raster

ONES = np.ones((6, 8), np.uint8)
PLACE = {"crs": "EPSG:32649", "transform": Affine(30, 0, 500_000, 0, -30, 3_400_000)}


def found(*files: Any, **asserted: Any) -> tuple[dict[int, RasterSource] | None, list[Problem]]:
    """Load files as those of 2001, 2002 …; return the sources and all problems."""
    problems = Problems("en")
    rasters = {2001 + i: file for i, file in enumerate(files)}
    sources = load_rasters(config_of(rasters, **asserted), base=Path(), problems=problems)
    return sources, list(problems)


def refusal(*files: Any, **asserted: Any) -> Problem:
    """Return the only problem of files that must be refused, its sentence written out."""
    sources, problems = found(*files, **asserted)
    assert sources is None
    (problem,) = [item for item in problems if item.severity is Severity.ERROR]
    for language in ("en", "zh"):
        assert len(problem.text(language).splitlines()) >= 3
    return problem


# ---------------------------------------------------------------- what is no raster of ours


def test_a_missing_file(tmp_path: Path) -> None:
    problem = refusal(tmp_path / "none.tif")
    assert problem.code == "raster.unreadable"
    assert "No such file" in problem.text("en")


def test_a_folder_under_the_name_of_a_raster(tmp_path: Path) -> None:
    (tmp_path / "folder.tif").mkdir()
    assert refusal(tmp_path / "folder.tif").code == "raster.unreadable"


VRT = """<VRTDataset rasterXSize="8" rasterYSize="6"><VRTRasterBand dataType="Byte" band="1">
<SimpleSource><SourceFilename>{target}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"""


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (VRT.encode(), "VRT"),
        (b"<MRF_META><Raster/></MRF_META>", "MRF"),
        (b"<!DOCTYPE html><title>Sign in</title>", "HTML"),
        (b"\xef\xbb\xbf <html>", "HTML"),
        (b"\x89PNG\r\n\x1a\n" + b"0" * 40, "PNG"),
        (b"PK\x03\x04" + b"0" * 40, "ZIP"),
        (b"", "0 B"),
        (b"II", "49 49"),
    ],
)
def test_other_formats_named_tif(tmp_path: Path, content: bytes, kind: str) -> None:
    path = tmp_path / "map.tif"
    path.write_bytes(content)
    problem = refusal(path)
    assert problem.code == "raster.not_geotiff"
    assert kind in problem.text("en")
    with pytest.raises(NotTiff):
        open_raster(path)


def test_a_vrt_named_tif_reads_no_other_file(tmp_path: Path) -> None:
    """It is refused by its first bytes; nothing it names is ever opened."""
    secret = write_raster(tmp_path / "secret.tif", ONES, **PLACE)
    path = tmp_path / "map.tif"
    path.write_text(VRT.format(target=secret))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(path) as harmful:
            assert harmful.driver == "VRT", "the danger is real: GDAL would open it"
    assert refusal(path).code == "raster.not_geotiff"


def test_a_header_alone(tmp_path: Path) -> None:
    path = tmp_path / "head.tif"
    path.write_bytes(b"II*\x00\x08\x00\x00\x00")
    assert refusal(path).code == "raster.unreadable"


def test_a_truncated_file_is_refused_at_once_or_at_the_block(tmp_path: Path) -> None:
    whole = write_raster(
        tmp_path / "whole.tif", np.random.default_rng(1).integers(0, 9, (200, 200)).astype("u1")
    )
    size = whole.stat().st_size
    for part in (60, size // 2, size - 100):
        path = tmp_path / f"{part}.tif"
        path.write_bytes(whole.read_bytes()[:part])
        sources, problems = found(path)
        if sources is None:
            assert problems[0].code == "raster.unreadable"
            continue
        with pytest.raises(UnreadableBlock):
            joint_of(sources, [shapely.box(0, -200, 200, 0)])


def huge_tiff(width: int, height: int) -> bytes:
    """Return a TIFF of 200 bytes or so whose header claims a raster of any size."""
    entries = [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 8),
        (262, 3, 1, 1), (273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, 8),
    ]  # fmt: skip
    pixel = struct.pack("<3d", 30, 30, 0)
    tie = struct.pack("<6d", 0, 0, 0, 500_000, 3_400_000, 0)
    start = 16
    data = start + 2 + 12 * (len(entries) + 2) + 4
    entries += [(33550, 12, 3, data), (33922, 12, 6, data + len(pixel))]
    body = struct.pack("<H", len(entries))
    for tag, kind, count, value in entries:
        value_bytes = struct.pack("<HH", value, 0) if kind == 3 else struct.pack("<I", value)
        body += struct.pack("<HHI", tag, kind, count) + value_bytes
    return b"II*\x00" + struct.pack("<I", start) + b"\0" * 8 + body + b"\0" * 4 + pixel + tie


@pytest.mark.parametrize("size", [(2_000_000, 2_000_000), (1_000_000, 400_000), (40_000, 40_000)])
def test_a_few_bytes_that_claim_a_huge_raster(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "huge.tif"
    path.write_bytes(huge_tiff(*size))
    sources, problems = found(path, crs="EPSG:32649")
    assert sources is None
    assert {problem.code for problem in problems} <= {"raster.too_large", "raster.unreadable"}
    path.write_bytes(huge_tiff(64, 64))
    assert found(path, crs="EPSG:32649")[0] is not None, "it is the size that was refused"


# ---------------------------------------------------------------- position and bands


def test_no_crs_is_refused_and_may_be_asserted(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "plain.tif", ONES, **PLACE | {"crs": None})
    assert refusal(path).code == "raster.no_crs"
    sources, problems = found(path, crs="EPSG:32649")
    assert sources is not None
    assert sources[2001].grid.crs.to_epsg() == 32649
    assert [(item.code, item.severity) for item in problems] == [
        ("raster.crs_asserted", Severity.WARN)
    ]
    assert "EPSG:32649" in problems[0].text("en")


def test_an_asserted_crs_overrules_the_files(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "wrong.tif", ONES, **PLACE)
    sources, problems = found(path, crs="EPSG:32650")
    assert sources is not None
    assert sources[2001].grid.crs.to_epsg() == 32650
    assert "32649" in problems[0].text("en"), "the file's own is told"


def test_an_asserted_crs_that_is_none(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "plain.tif", ONES, **PLACE)
    problem = refusal(path, crs="EPSG:999999")
    assert problem.code == "raster.bad_crs"
    assert "EPSG:999999" in problem.text("en")


def test_a_crs_of_another_kind(tmp_path: Path) -> None:
    local = 'LOCAL_CS["plan",UNIT["metre",1]]'
    assert refusal(write_raster(tmp_path / "l.tif", ONES, **PLACE | {"crs": local})).code in (
        "raster.crs_kind",
        "raster.bad_crs",
    )
    plain = write_raster(tmp_path / "p.tif", ONES, **PLACE)
    assert refusal(plain, crs="EPSG:4978").code == "raster.crs_kind"  # geocentric X, Y, Z


def test_rotated_and_sheared_grids(tmp_path: Path) -> None:
    turned = Affine(29.9, 2.6, 500_000, 2.6, -29.9, 3_400_000)
    sheared = Affine(30, 2, 500_000, 0, -30, 3_400_000)
    for i, transform in enumerate((turned, sheared)):
        path = write_raster(tmp_path / f"{i}.tif", ONES, **PLACE | {"transform": transform})
        assert refusal(path).code == "raster.rotated"


def test_ground_control_points_are_no_grid(tmp_path: Path) -> None:
    path = tmp_path / "gcps.tif"
    points = [
        GroundControlPoint(row, col, 110 + col / 100, 30 - row / 100)
        for row, col in ((0, 0), (0, 8), (6, 0), (6, 8))
    ]
    with rasterio.open(
        path, "w", driver="GTiff", height=6, width=8, count=1, dtype="uint8", gcps=points,
        crs="EPSG:4326",
    ) as dataset:  # fmt: skip
        dataset.write(ONES, 1)
    codes = {problem.code for problem in found(path, crs="EPSG:4326")[1]}
    assert "raster.rotated" in codes


def test_no_position_even_with_a_world_file_beside(tmp_path: Path) -> None:
    path = tmp_path / "bare.tif"
    write_raster(path, ONES, crs=None, transform=Affine.identity())
    path.with_suffix(".tfw").write_text("30\n0\n0\n-30\n500015\n3399985\n")
    assert refusal(path, crs="EPSG:32649").code == "raster.no_geotransform"


def test_cells_that_run_westwards(tmp_path: Path) -> None:
    mirrored = Affine(-30, 0, 500_000, 0, -30, 3_400_000)
    path = write_raster(tmp_path / "m.tif", ONES, **PLACE | {"transform": mirrored})
    assert refusal(path).code == "raster.bad_cells"


def test_south_up_is_a_repair(tmp_path: Path) -> None:
    upwards = Affine(30, 0, 500_000, 0, 30, 3_400_000)
    sources, problems = found(
        write_raster(tmp_path / "s.tif", ONES, **PLACE | {"transform": upwards})
    )
    assert sources is not None
    assert sources[2001].grid.dy == 30
    assert [(item.code, item.severity) for item in problems] == [
        ("raster.south_up", Severity.REPAIR)
    ]


def test_several_bands_need_a_name(tmp_path: Path) -> None:
    stack = write_raster(tmp_path / "stack.tif", np.stack([ONES, ONES * 2, ONES * 3]), **PLACE)
    problem = refusal(stack)
    assert problem.code == "raster.several_bands"
    assert "3" in problem.text("en")
    assert found(stack, band=2)[0][2001].band == 2  # type: ignore[index]
    sources, problems = found((stack, 3), (stack, 1))
    assert sources is not None
    assert [sources[year].band for year in (2001, 2002)] == [3, 1]
    assert problems == []
    assert refusal((stack, 4)).code == "raster.no_such_band"


def test_the_band_of_a_year_goes_before_that_of_all(tmp_path: Path) -> None:
    stack = write_raster(tmp_path / "stack.tif", np.stack([ONES, ONES * 2]), **PLACE)
    sources, _ = found((stack, 1), (stack, 2), band=2)
    assert sources is not None
    assert [sources[year].band for year in (2001, 2002)] == [1, 2]


# ---------------------------------------------------------------- cells


def test_complex_numbers_are_no_classes(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "c.tif", ONES.astype(np.complex64), **PLACE)
    assert refusal(path).code == "raster.not_classes"


def test_whole_floats_are_a_repair(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "f.tif", ONES.astype(np.float32), **PLACE)
    sources, problems = found(path)
    assert sources is not None
    assert [(item.code, item.severity) for item in problems] == [
        ("raster.float_classes", Severity.REPAIR)
    ]


def test_an_internal_mask_is_not_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "masked.tif"
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(
            path, "w", driver="GTiff", height=6, width=8, count=1, dtype="uint8", **PLACE
        ) as dataset,
    ):
        dataset.write(ONES, 1)
        dataset.write_mask(np.eye(6, 8) > 0)
    assert refusal(path).code == "raster.mask"


def test_four_years_in_bytes_are_no_alpha(tmp_path: Path) -> None:
    """GDAL writes four byte bands as red, green, blue and alpha unless told otherwise."""
    stack = tmp_path / "stack.tif"
    with rasterio.open(
        stack, "w", driver="GTiff", height=6, width=8, count=4, dtype="uint8", **PLACE
    ) as dataset:
        dataset.write(np.stack([ONES * i for i in range(4)]))
    with rasterio.open(stack) as dataset:
        assert dataset.colorinterp[3].name == "alpha"
    assert load({1: (stack, 1), 4: (stack, 4)}).keys() == {1, 4}


def test_no_data_codes(tmp_path: Path) -> None:
    plain = write_raster(tmp_path / "plain.tif", ONES, **PLACE)
    assert load({1: plain})[1].nodata is None
    assert load({1: plain})[1].blank == ()
    own = write_raster(tmp_path / "own.tif", ONES.astype(np.int16), nodata=-9999, **PLACE)
    assert load({1: own})[1].nodata == -9999
    assert load({1: own})[1].blank == (-9999,)
    sources, problems = found(own, nodata=7)
    assert sources is not None
    assert sources[2001].nodata == 7
    assert [(item.code, item.severity) for item in problems] == [
        ("raster.nodata_asserted", Severity.WARN)
    ]
    assert "-9999" in problems[0].text("en"), "the file's own is told"


def test_no_data_of_floats(tmp_path: Path) -> None:
    floats = ONES.astype(np.float32)
    nan = write_raster(tmp_path / "nan.tif", floats, nodata=np.nan, **PLACE)
    assert load({1: nan})[1].nodata is None
    half = write_raster(tmp_path / "half.tif", floats, nodata=0.5, **PLACE)
    errors = [item.code for item in found(half)[1] if item.severity is Severity.ERROR]
    assert errors == ["raster.bad_nodata"]
    lowest = float(np.finfo(np.float32).min)
    values = np.where(np.eye(6, 8) > 0, np.float32(lowest), np.float32(2))
    low = write_raster(tmp_path / "low.tif", values, nodata=lowest)
    joint = joint_of(load({1: low}), [shapely.box(0, -6, 8, 0)], codes=[2])
    assert square_metres(joint) == {(0, (0,)): 42.0, (0, (NODATA_SYMBOL,)): 6.0}


# ---------------------------------------------------------------- several years


def test_one_file_for_two_years(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", ONES, **PLACE)
    (tmp_path / "link.tif").symlink_to(path)
    for other in (path, tmp_path / "link.tif"):
        (problem,) = found(path, other)[1]
        assert (problem.code, problem.severity) == ("raster.same_twice", Severity.ERROR)
        assert "2001" in problem.text("en")


def shifted(cells: float) -> Affine:
    return Affine(30, 0, 500_000 + 30 * cells, 0, -30, 3_400_000)


@pytest.mark.parametrize(
    "changed",
    [
        {"transform": shifted(0.5)},
        {"transform": shifted(1)},
        {"transform": shifted(0.01)},
        {"transform": Affine(29, 0, 500_000, 0, -30, 3_400_000)},
        {"crs": "EPSG:32650"},
        {"crs": "EPSG:3857"},
    ],
)
def test_years_on_two_grids_are_refused(tmp_path: Path, changed: dict[str, Any]) -> None:
    first = write_raster(tmp_path / "a.tif", ONES, **PLACE)
    second = write_raster(tmp_path / "b.tif", ONES * 2, **PLACE | changed)
    problem = refusal(first, second)
    assert problem.code == "raster.different_grids"
    sentence = problem.text("en")
    assert sentence.count("8 × 6") == 2, "both grids are named"


def test_another_number_of_rows_is_another_grid(tmp_path: Path) -> None:
    first = write_raster(tmp_path / "a.tif", ONES, **PLACE)
    second = write_raster(tmp_path / "b.tif", ONES[:5], **PLACE)
    assert refusal(first, second).code == "raster.different_grids"


def test_a_shift_of_a_ten_thousandth_of_a_cell_is_rounding(tmp_path: Path) -> None:
    first = write_raster(tmp_path / "a.tif", ONES, **PLACE)
    second = write_raster(tmp_path / "b.tif", ONES * 2, **PLACE | {"transform": shifted(1e-4)})
    assert found(first, second)[0] is not None


@needs_shared
def test_two_dates_of_corine_are_on_two_grids() -> None:
    folder = SHARED / "data/landcover/vaud_corine"
    problem = refusal(folder / "ls100_06.tif", folder / "ls100_12.tif")
    assert problem.code == "raster.different_grids"


def test_every_year_is_checked(tmp_path: Path) -> None:
    bad = write_raster(tmp_path / "bad.tif", ONES, **PLACE | {"crs": None})
    good = write_raster(tmp_path / "good.tif", ONES, **PLACE)
    sources, problems = found(bad, good, tmp_path / "none.tif")
    assert sources is None
    assert [item.code for item in problems] == ["raster.no_crs", "raster.unreadable"]


# ---------------------------------------------------------------- symbols


DTYPES = ["uint8", "int8", "int16", "uint16", "int32", "uint32", "int64", "float32", "float64"]


@given(
    dtype=st.sampled_from(DTYPES),
    codes=st.sets(st.integers(0, 70_000), min_size=1, max_size=40),
    nodata=st.sets(st.sampled_from([0, -1, 255, -9999, 3, 2**31]), max_size=2),
    data=st.data(),
)
@settings(max_examples=200, deadline=None)
def test_symbols_stand_for_their_codes(
    dtype: str, codes: set[int], nodata: set[int], data: Any
) -> None:
    kind = np.dtype(dtype)
    low, high = (np.iinfo(kind).min, np.iinfo(kind).max) if kind.kind in "iu" else (-70_000, 70_000)
    any_value = st.integers(int(low), int(high))
    likely = st.sampled_from(sorted(codes | nodata)).filter(lambda code: low <= code <= high)
    values = data.draw(st.lists(any_value | likely, min_size=1, max_size=30))
    table = symbols(sorted(codes), sorted(nodata), dtype="int16")
    out = to_symbols(np.array([values], kind), table, nodata=sorted(nodata))
    for value, symbol in zip(values, out[0].tolist(), strict=True):
        if value in nodata:
            assert symbol == NODATA_SYMBOL
        elif value in codes:
            assert table[symbol] == value
        else:
            assert symbol == UNKNOWN_SYMBOL


def test_negative_numbers_are_not_taken_for_large_codes() -> None:
    table = symbols([65535, 40000], [], dtype="int16")
    values = np.array([[-1, -25536, 3]], np.int16)
    assert to_symbols(values, table, nodata=[]).tolist() == [[UNKNOWN_SYMBOL] * 3]
    assert to_symbols(values.view(np.uint16), table, nodata=[]).tolist() == [[1, 0, UNKNOWN_SYMBOL]]


def test_bytes_alone_pass_as_they_are() -> None:
    values = np.arange(256, dtype=np.uint8)
    table = symbols([1, 2], [0], dtype="uint8")
    assert table.tolist() == list(range(256))
    assert to_symbols(values, table, nodata=[0]) is values


def test_a_legend_too_long_for_the_kernel() -> None:
    with pytest.raises(ValueError, match="254"):
        symbols(range(1, 300), [], dtype="int16")
    assert symbols(range(254), [], dtype="int16")[253] == 253


@pytest.mark.parametrize("bad", [0.5, -0.25, np.inf, -np.inf, 1e300 + 0.5, 3.0000002])
def test_floats_that_are_no_codes(bad: float) -> None:
    values = np.array([[1.0, np.nan, bad]], np.float32 if abs(bad) < 4 else np.float64)
    if np.rint(values[0, 2]) == values[0, 2] and np.isfinite(bad):
        table = symbols([1], [], dtype="float64")
        assert to_symbols(values, table, nodata=[]).tolist() == [[0, 254, 255]]
    else:
        with pytest.raises(ValueError, match=r"inf|[0-9]"):
            to_symbols(values, symbols([1], [], dtype="float64"), nodata=[])


# ---------------------------------------------------------------- cells that cannot be used


def test_an_unreadable_block_travels_between_machines(tmp_path: Path) -> None:
    source = load({1: write_raster(tmp_path / "a.tif", ONES, **PLACE)})[1]
    error = UnreadableBlock(source, 7, reason="torn", not_whole=True)
    twin = pickle.loads(pickle.dumps(error))
    assert str(twin) == str(error)
    assert (twin.source, twin.row, twin.reason, twin.not_whole) == (source, 7, "torn", True)


def wider(year: int, dtype: str) -> Any:
    """Return the tiny province with a row and a column more, north and west of it."""
    cells = np.zeros((5, 13), dtype)
    cells[1:, 1:] = tiny.cover(year)
    return cells


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
def test_an_unknown_code_is_named_with_its_hectares_and_first_cell(
    tmp_path: Path, dtype: str
) -> None:
    """The first in the regions: what lies outside of them is nobody's trouble."""
    study = tiny.write_tiny(tmp_path)
    corner = Affine(100, 0, tiny.WEST - 100, 0, -100, tiny.NORTH + 100)
    for year in tiny.YEARS:
        cells = wider(year, dtype)
        if year == 2015:
            cells[0, 3] = 99  # outside, another code
            cells[0, 0] = 77  # outside, the same code
            cells[2:4, 5] = 77
        tiny.write_raster(tmp_path / f"lc{year}.tif", cells, transform=corner)
    unknown = [item for item in check_study(study) if item.code == "raster.unknown_code"]
    (problem,) = unknown
    assert problem.file == "lc2015.tif"
    assert problem.values["code"] == 77
    assert problem.values["hectares"] == "2"
    x, y = tiny.WEST + 450, tiny.NORTH - 150
    assert problem.place == f"(2, 5) · x {x:.10g}, y {y:.10g}"


@pytest.mark.parametrize("value", [1.5, np.inf])
def test_a_resampled_class_map_is_refused_in_plain_words(tmp_path: Path, value: float) -> None:
    study = tiny.write_tiny(tmp_path)
    cells = tiny.cover(2015).astype(np.float32)
    cells[2, 3] = value
    tiny.write_raster(tmp_path / "lc2015.tif", cells)
    (problem,) = [item for item in check_study(study) if item.severity is Severity.ERROR]
    assert problem.code == "raster.not_whole"
    assert f"{value:g}" in problem.text("en")


def test_a_damaged_raster_is_refused_in_plain_words(tmp_path: Path) -> None:
    study = tiny.write_tiny(tmp_path)
    noise = np.random.default_rng(3).integers(1, 5, (400, 400)).astype(np.uint8)
    place = Affine(3, 0, tiny.WEST, 0, -1, tiny.NORTH)
    for year in tiny.YEARS:
        path = tmp_path / f"lc{year}.tif"
        tiny.write_raster(path, np.roll(noise, year, axis=0), transform=place, compress="deflate")
    content = bytearray(path.read_bytes())
    content[len(content) // 2 :] = b"\0" * (len(content) - len(content) // 2)
    path.write_bytes(content)
    codes = {item.code for item in check_study(study) if item.severity is Severity.ERROR}
    assert codes in ({"raster.unreadable_block"}, {"raster.unreadable"})


def test_regions_that_the_projection_cannot_show(tmp_path: Path) -> None:
    """A county on the other side of the Earth, as a slip of a digit makes one."""
    study = tiny.write_tiny(tmp_path)
    for year in tiny.YEARS:
        tiny.write_raster(
            tmp_path / f"lc{year}.tif",
            tiny.cover(year),
            crs="+proj=ortho +lat_0=30 +lon_0=114",
            transform=Affine(100, 0, 0, 0, -100, 0),
        )
    counties = tiny.counties().to_crs("EPSG:4326")
    counties.loc[1, "geometry"] = shapely.box(-60, -30, -59, -29)
    (tmp_path / "counties.gpkg").unlink()
    counties.to_file(tmp_path / "counties.gpkg", layer="counties")
    codes = {item.code for item in check_study(study) if item.severity is Severity.ERROR}
    assert codes == {"raster.crs_reach"}
