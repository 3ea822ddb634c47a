"""Printed sheets: the scale is right, the colours are the picture's, numbers are the tables'."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pyproj import Geod
from rasterio.warp import transform
from shapely.geometry import box
from typer.testing import CliRunner

from sinks.cli import app
from sinks.errors import OutputFailed, UnusableOption
from sinks.layers.paint import rgb
from sinks.results import Results
from sinks.run import Options, run_study
from sinks.sheets import SheetOptions, fonts, sheet_name, write_sheets
from sinks.sheets.draw import MAP
from sinks.sheets.facts import ALL, facts_of
from sinks.sheets.frame import ROUND, bar_metres, frame_of, graticule, round_scale
from sinks.sheets.picture import painted
from sinks.sheets.write import layer_of
from sinks.summary import words_of
from sinks.verify import verify
from tests.map_sample import CODES, LEGEND, NAMES, YEARS, areas, sample, stock
from tests.tiny import write_tiny

PAPER = (0.197, 0.1535)
GEOD = Geod(ellps="WGS84")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return sample(tmp_path_factory.mktemp("sheets"), language="zh")


def number(words: str) -> float:
    return float(words.replace(",", ""))


@given(st.floats(min_value=100.0, max_value=9e8))
def test_scales_are_round_and_no_larger_than_fits(least: float) -> None:
    ratio = round_scale(least)
    assert ratio >= least * (1 - 1e-6)
    assert ratio <= least * 1.25 + 1
    mantissa = ratio / 10 ** math.floor(math.log10(ratio))
    assert ratio < 10 or any(math.isclose(mantissa, known) for known in ROUND)


@settings(deadline=None, max_examples=30)
@given(st.floats(-179, 179), st.floats(-75, 75), st.floats(0.005, 3.0), st.floats(0.005, 3.0))
def test_a_millimetre_is_the_scale_wherever_the_region_lies(
    lon: float, lat: float, wide: float, high: float
) -> None:
    """The frame's middle line, measured on the ellipsoid, is its width on paper times the ratio."""
    region = gpd.GeoSeries([box(lon, lat, lon + wide, lat + high)], crs="EPSG:4326")
    frame = frame_of(region, PAPER)
    left, bottom, right, top = frame.extent
    for start, end, paper in (
        ((left, 0.0), (right, 0.0), PAPER[0]),
        ((0.0, bottom), (0.0, top), PAPER[1]),
    ):
        a, b = frame.degrees(*start), frame.degrees(*end)
        ground = GEOD.inv(*a, *b)[2]
        assert ground == pytest.approx(paper * frame.ratio, rel=2e-3 if frame.ratio > 1e6 else 3e-5)
    fitted = region.to_crs(frame.crs).total_bounds
    assert fitted[0] >= left
    assert fitted[1] >= bottom
    assert fitted[2] <= right
    assert fitted[3] <= top


def test_scale_bar_is_round_and_within_its_room() -> None:
    for ratio in (1_000, 25_000, 350_000, 4_500_000):
        length = bar_metres(ratio, 0.052)
        assert 0.052 / 2.6 <= length / ratio <= 0.052
        assert length / 4 * 2 == round(length / 2, 6)
    assert bar_metres(350_000, 0.052) == 10_000 or bar_metres(350_000, 0.052) == 20_000


def test_graticule_lies_on_its_degrees() -> None:
    frame = frame_of(gpd.GeoSeries([box(113.1, 30.2, 114.3, 31.0)], crs="EPSG:4326"), PAPER)
    meridians, parallels = graticule(frame)
    assert 2 <= len(parallels) <= len(meridians) <= 8
    for line in meridians:
        longitude, latitude = frame.degrees(line.ends[0], frame.extent[1])
        assert longitude == pytest.approx(line.value / 3600, abs=2e-5)
        assert latitude < 30.2
    for line in parallels:
        latitude = frame.degrees(frame.extent[2], line.ends[1])[1]
        assert latitude == pytest.approx(line.value / 3600, abs=2e-5)


def test_colours_on_paper_are_those_of_the_raster(run: Results) -> None:
    frame = frame_of(run.regions.to_crs("EPSG:4326").geometry, PAPER)
    colours = painted(run.root, layer_of(run, "landcover"), frame=frame, paper=PAPER[0])
    known = {rgb(row.colour) for row in LEGEND.classes}
    shown = {tuple(map(int, pixel[:3])) for pixel in colours[colours[..., 3] == 255][::97]}
    assert shown <= known
    generator = np.random.default_rng(3)
    by_code = {row.code: rgb(row.colour) for row in LEGEND.classes}
    with rasterio.open(run.root / "rasters" / f"{YEARS[-1]}.tif") as raster:
        values = raster.read(1)
        # Inside the blocks of four: two warps may each move an edge by half a cell.
        cells = generator.integers(5, 65, size=(40, 2)) * 4 + generator.integers(1, 3, (40, 2))
        for row, column in cells:
            xs, ys = transform(
                raster.crs, frame.crs.to_wkt(), *[[v] for v in raster.xy(row, column)]
            )
            left, bottom, right, top = frame.extent
            down = int((top - ys[0]) / (top - bottom) * colours.shape[0])
            across = int((xs[0] - left) / (right - left) * colours.shape[1])
            assert tuple(colours[down, across, :3]) == by_code[int(values[row, column])]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_numbers_are_those_of_the_tables(tmp_path: Path, language: str) -> None:
    results = sample(tmp_path, language=language, pictures=False)
    layer = {"kind": "landcover", "year": YEARS[-1]}
    words = words_of(results)
    for place, code in enumerate(CODES):
        facts = facts_of(results, words, code=code, layer=layer)
        held = areas(place, YEARS[-1])
        shown = {entry.name: number(entry.hectares) for entry in facts.legend.entries}
        names = {row.stratum: getattr(row, f"name_{language}") for row in LEGEND.classes[:3]}
        assert {names[name]: area for name, area in held.items()} == {
            name: area for name, area in shown.items() if name in names.values()
        }
        total = facts.legend.entries[-1]
        assert number(total.hectares) == sum(held.values())
        assert number(total.mu) * (1e4 if "万" in facts.legend.units[1] else 1) == pytest.approx(
            sum(held.values()) * 15, rel=1e-3
        )
        assert facts.name == NAMES[place]
        value = number(facts.figures[0].value.split()[0])
        scale = words.carbon(stock(place, YEARS[-1])).factor
        assert value * scale == pytest.approx(stock(place, YEARS[-1]), rel=0.02)
    whole = facts_of(results, words, code=ALL, layer=layer)
    assert number(whole.legend.entries[0].hectares) == sum(
        areas(i, YEARS[-1])["pine"] for i in range(4)
    )


def test_a_change_that_is_not_detectable_says_so(run: Results) -> None:
    table = run.tables["change"]
    rows = table[(table["level"] == "region") & (table["start"] == 2010) & (table["end"] == 2020)]
    words = words_of(run)
    for code, detectable in zip(rows["region_code"], rows["detectable"], strict=True):
        layer = {"kind": "landcover", "year": 2020}
        notes = " ".join(facts_of(run, words, code=code, layer=layer).figures[1].notes)
        assert ("不可检出" in notes) == (not detectable)


def test_pages_have_the_size_of_paper_and_the_same_bytes_again(
    run: Results, tmp_path: Path
) -> None:
    options = SheetOptions(paper="a3", formats=("pdf", "png", "atlas"), regions=(CODES[1],))
    first = write_sheets(run, tmp_path / "a", options=options)
    second = write_sheets(run, tmp_path / "b", options=options)
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    pdf, png, atlas = first
    assert atlas.name == "atlas.pdf"
    assert b"CreationDate" not in pdf.read_bytes() + atlas.read_bytes()
    assert b"/MediaBox [ 0 0 1190.55" in pdf.read_bytes()
    with Image.open(png) as image:
        assert image.size == pytest.approx((420 / 25.4 * 200, 297 / 25.4 * 200), abs=1)
        assert set(image.info) <= {"Title", "Software", "dpi"}


def test_every_region_and_the_whole_get_a_sheet(run: Results, tmp_path: Path) -> None:
    told: list[float] = []
    written = write_sheets(
        run,
        tmp_path,
        options=SheetOptions(formats=("png",)),
        progress=lambda _, part: told.append(part),
    )
    assert {path.name for path in written} == {sheet_name(code, "png") for code in (ALL, *CODES)}
    assert {path.parent for path in written} == {tmp_path}
    assert told == sorted(told)
    for path in written:
        with Image.open(path) as image:
            assert len(image.convert("RGB").getcolors(1 << 24) or ()) > 50


@pytest.mark.parametrize("layer", ["density", "change"])
def test_other_layers_have_files_of_their_own(run: Results, tmp_path: Path, layer: Any) -> None:
    options = SheetOptions(formats=("png",), regions=("宜城市",), layer=layer)
    assert [path.name for path in write_sheets(run, tmp_path, options=options)] == [
        f"420684-{layer}.png"
    ]


@given(st.lists(st.text(min_size=1, max_size=150), min_size=2, max_size=20, unique=True))
def test_codes_become_file_names_of_their_own(codes: list[str]) -> None:
    codes = [code.encode("utf-8", "replace").decode() for code in codes]
    codes = list(
        dict.fromkeys([*codes, "overview", "a-density", "CON", "nul.x", "..", "x-41", "A"])
    )
    names = [
        sheet_name(code, "pdf", layer=layer) for code in codes for layer in ("landcover", "density")
    ]  # type: ignore[list-item]
    assert len({name.lower() for name in names}) == len(names)
    for name in names:
        assert "/" not in name
        assert "\\" not in name
        assert not name.startswith((".", "con.", "nul."))
        assert len(name) < 200


def test_an_unknown_region_is_refused_with_the_nearest(run: Results, tmp_path: Path) -> None:
    with pytest.raises(UnusableOption, match="420684"):
        write_sheets(run, tmp_path, options=SheetOptions(regions=("42068",)))
    assert not list(tmp_path.iterdir())


def test_a_run_without_pictures_says_what_to_do(tmp_path: Path) -> None:
    results = sample(tmp_path, language="en", pictures=False)
    with pytest.raises(OutputFailed, match=r"Expected: .* Found: .* Run the study again"):
        write_sheets(results, tmp_path / "sheets")


def test_without_a_chinese_font_nothing_is_printed(
    run: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fonts, "_chinese", lambda _entries: None)
    with pytest.raises(OutputFailed, match="fonts-noto-cjk"):
        write_sheets(run, tmp_path / "sheets")
    assert not (tmp_path / "sheets").exists()
    plain = fonts.faces_for(["Legend", "Hubei"], "en")
    assert plain.families == (fonts.PLAIN,)


def test_what_no_font_has_is_printed_as_its_number() -> None:
    faces = fonts.Faces(("x",), frozenset(range(32, 127)))
    assert faces.printable("a\u202eb\x07\U0001f600$x^2$") == "ab<U+1F600>$x^2$"


def test_sheets_join_a_finished_run(tmp_path: Path) -> None:
    """They stand in the manifest, `verify` vouches for them, and a rerun of all replaces some."""
    out = tmp_path / "out"
    results = run_study(write_tiny(tmp_path / "in"), out, options=Options(parts=("regions", "map")))
    code = str(results.regions["region_code"].iloc[0])
    runner = CliRunner()
    done = runner.invoke(app, ["map", str(out), "--sheets", "--region", code])
    assert done.exit_code == 0, done.output
    verify(out)
    again = Results.open(out)
    assert f"sheets/{code}.pdf" in again.meta["outputs"]
    before = again.meta["outputs"]
    done = runner.invoke(app, ["map", str(out), "--sheets", "--region", "ALL", "--paper", "a3"])
    assert done.exit_code == 0, done.output
    verify(out)
    after = Results.open(out).meta["outputs"]
    assert after == before | {"sheets/overview.pdf": after["sheets/overview.pdf"]}


def test_map_frame_has_the_shape_that_the_tests_measure() -> None:
    assert pytest.approx((MAP[2] / 1000, MAP[3] / 1000)) == PAPER
