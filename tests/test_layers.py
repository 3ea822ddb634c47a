"""Pictures of land cover lie where the raster lies, in the legend's colours, within the budget."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from pyproj import CRS, Transformer
from rasterio.warp import transform
from rasterio.windows import Window

from sinks.grid import Grid
from sinks.layers import CHANGE_CLASSES, landcover_layer, thin, write_layers
from sinks.layers import frame as frame_module
from sinks.layers.frame import frame_of
from sinks.layers.write import _drawn
from sinks.legend import LandClass, Legend
from sinks.maps.tiles import SIDE, _averages, _cut, _modes, levels_of, picture_of
from sinks.raster import RasterSource
from tests.map_sample import (
    LEGEND,
    PAIRS,
    PER_HECTARE,
    YEARS,
    sample_classes,
    write_raster,
)

COLOURS = {row.code: row.colour for row in LEGEND.classes}
RADIUS = 6378137.0


def mercator(lat: float, lon: float) -> tuple[float, float]:
    """Spherical Mercator, written out: what Leaflet does with the bounds."""
    y = RADIUS * math.log(math.tan(math.pi / 4 + math.radians(lat) / 2))
    return RADIUS * math.radians(lon), y


def place_in(layer: dict[str, Any], lat: float, lon: float) -> tuple[float, float]:
    """Return column and row, with fractions, where Leaflet shows a place in the picture."""
    (south, west), (north, east) = layer["bounds"]
    left, bottom = mercator(south, west)
    right, top = mercator(north, east)
    x, y = mercator(lat, lon)
    return (x - left) / (right - left) * layer["width"], (top - y) / (top - bottom) * layer[
        "height"
    ]


def colour_at(image: Image.Image, column: int, row: int) -> str | None:
    red, green, blue, alpha = image.getpixel((column, row))
    return f"#{red:02x}{green:02x}{blue:02x}" if alpha else None


def picture(path: Path) -> Image.Image:
    with Image.open(path) as image:
        assert image.mode == "P"
        return image.convert("RGBA")


@pytest.fixture
def source(tmp_path: Path) -> RasterSource:
    return write_raster(tmp_path / "lc.tif", sample_classes(2010))


def test_every_place_shows_its_class(source: RasterSource, tmp_path: Path) -> None:
    layer = landcover_layer(source, LEGEND, path=tmp_path / "lc.png")
    image = picture(tmp_path / "lc.png")
    assert image.size == (layer["width"], layer["height"])
    generator = np.random.default_rng(3)
    # Inside the blocks of four: at their borders the nearest cell may be either neighbour.
    cells = generator.integers(2, 68, size=(300, 2)) * 4 + generator.integers(1, 3, size=(300, 2))
    with rasterio.open(source.path) as raster:
        values = raster.read(1)
        xs, ys = zip(*(raster.xy(row, column) for row, column in cells), strict=True)
        lons, lats = transform(raster.crs, "EPSG:4326", list(xs), list(ys))
    for (row, column), lat, lon in zip(cells, lats, lons, strict=True):
        x, y = place_in(layer, lat, lon)
        assert colour_at(image, int(x), int(y)) == COLOURS[int(values[row, column])]


def test_corners_are_true_to_half_a_pixel(tmp_path: Path) -> None:
    """A single cell of another class appears with its centre where its own centre is."""
    values = np.full((201, 201), 2, dtype=np.uint8)
    marks = [(20, 20), (20, 180), (180, 20), (180, 180), (100, 100)]
    for row, column in marks:
        values[row - 1 : row + 2, column - 1 : column + 2] = 3
    source = write_raster(tmp_path / "marks.tif", values)
    layer = landcover_layer(source, LEGEND, path=tmp_path / "marks.png")
    pixels = np.array(picture(tmp_path / "marks.png"))[..., :3]
    lake = (pixels == [0x3D, 0x85, 0xC6]).all(axis=2)
    with rasterio.open(source.path) as raster:
        for row, column in marks:
            x, y = raster.xy(row, column)
            lon, lat = transform(raster.crs, "EPSG:4326", [x], [y])
            u, v = place_in(layer, lat[0], lon[0])
            near = np.argwhere(lake[int(v) - 6 : int(v) + 7, int(u) - 6 : int(u) + 7])
            centre = near.mean(axis=0) + 0.5
            assert centre[1] + int(u) - 6 == pytest.approx(u, abs=0.5)
            assert centre[0] + int(v) - 6 == pytest.approx(v, abs=0.5)


def test_geographic_raster_is_not_stretched_linearly(tmp_path: Path) -> None:
    """Over 40 degrees of latitude a linear stretch would be wrong by hundreds of kilometres."""
    values = np.full((400, 100), 2, dtype=np.uint8)
    values[300:] = 3
    path = tmp_path / "geo.tif"
    grid = rasterio.Affine(0.1, 0, 100, 0, -0.1, 60)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=400,
        width=100,
        count=1,
        dtype="uint8",
        crs="EPSG:4326",
        transform=grid,
    ) as file:
        file.write(values, 1)
        wkt = file.crs.to_wkt()
    source = RasterSource(
        path, "geo", 1, Grid(wkt, 100, 60, 0.1, -0.1, 100, 400), "uint8", None, (1, 100)
    )
    layer = landcover_layer(source, LEGEND, path=tmp_path / "geo.png")
    image = picture(tmp_path / "geo.png")
    _, border = place_in(layer, 30.0, 105.0)
    assert abs(border - 0.75 * layer["height"]) > 20
    middle = image.width // 2
    assert colour_at(image, middle, int(border) - 2) == COLOURS[2]
    assert colour_at(image, middle, int(border) + 2) == COLOURS[3]
    assert layer["bounds"][0] == pytest.approx([20, 100], abs=0.1)


def test_no_data_and_outside_are_transparent_and_zero_is_a_class(tmp_path: Path) -> None:
    values = sample_classes(2010)
    source = write_raster(tmp_path / "lc.tif", values)
    landcover_layer(source, LEGEND, path=tmp_path / "a.png")
    image = picture(tmp_path / "a.png")
    corners = [(0, 0), (image.width - 1, 0), (0, image.height - 1)]
    assert {colour_at(image, *corner) for corner in corners} == {None}
    values[:] = 0
    bare = write_raster(tmp_path / "b.tif", values, nodata=None)
    landcover_layer(bare, LEGEND, path=tmp_path / "b.png")
    assert np.array(picture(tmp_path / "b.png"))[..., 3].max() == 0
    water = LandClass(0, "water", "Water", "水", "wetlands", "wetland", "#112233")
    landcover_layer(bare, Legend("zero", (water,)), path=tmp_path / "c.png")
    image = picture(tmp_path / "c.png")
    assert colour_at(image, 150, 150) == "#112233"
    assert {colour_at(image, *corner) for corner in corners} == {None}


def test_asserted_crs_and_no_data_hold(source: RasterSource, tmp_path: Path) -> None:
    shifted = rasterio.crs.CRS.from_string("+proj=aea +lat_1=25 +lat_2=47 +lon_0=106 +datum=WGS84")
    grid = Grid(shifted.to_wkt(), source.grid.x0, source.grid.y0, 100.0, -100.0, 280, 280)
    asserted = RasterSource(source.path, "x", 1, grid, "uint8", 1, source.block)
    plain = landcover_layer(source, LEGEND, path=tmp_path / "plain.png")
    moved = landcover_layer(asserted, LEGEND, path=tmp_path / "moved.png")
    assert moved["bounds"][0][1] - plain["bounds"][0][1] == pytest.approx(1.0, abs=0.01)
    seen = np.array(picture(tmp_path / "moved.png"))
    before = np.array(picture(tmp_path / "plain.png"))
    pines = [((item == [0x2F, 0x6B, 0x4F, 255]).all(axis=2)).sum() for item in (before, seen)]
    assert 0 < pines[1] < 0.6 * pines[0]  # code 1 is no data now, code 4 is still pine


def test_fine_raster_is_thinned_by_the_most_frequent_class(tmp_path: Path) -> None:
    values = np.full((256, 256), 2, dtype=np.uint8)
    values[::2, ::2] = 3  # a quarter of all cells, and all of those that nearest would hit
    source = write_raster(tmp_path / "fine.tif", values)
    layer = landcover_layer(source, LEGEND, path=tmp_path / "fine.png", longest=64)
    assert layer["resampling"] == "mode"
    assert max(layer["width"], layer["height"]) == 64
    shown = np.array(picture(tmp_path / "fine.png"))[20:40, 20:40]
    assert (shown[..., :3] == [0xF0, 0xE2, 0xA0]).all()


def test_same_raster_same_bytes(source: RasterSource, tmp_path: Path) -> None:
    landcover_layer(source, LEGEND, path=tmp_path / "a.png")
    landcover_layer(source, LEGEND, path=tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_clip_shows_the_regions_only(source: RasterSource, tmp_path: Path) -> None:
    layer = landcover_layer(
        source, LEGEND, path=tmp_path / "a.png", clip=(112.0, 30.0, 112.1, 30.2)
    )
    (south, west), (north, east) = layer["bounds"]
    assert (west, north) == pytest.approx((112.0, 30.2), abs=1e-6)
    assert (south, east) == pytest.approx((30.0, 112.1), abs=2e-3)
    with pytest.raises(ValueError, match="do not meet"):
        landcover_layer(source, LEGEND, path=tmp_path / "b.png", clip=(0, 0, 1, 1))


def test_long_series_stays_within_the_budget(tmp_path: Path) -> None:
    generator = np.random.default_rng(5)
    sources = {
        year: write_raster(
            tmp_path / f"{year}.tif", generator.choice([1, 2, 3], size=(400, 400)).astype(np.uint8)
        )
        for year in YEARS
    }
    full = write_layers(sources, LEGEND, folder=tmp_path / "full")
    made = [(record["kind"], record.get("start"), record["year"]) for record in full]
    assert made == [
        *(("landcover", None, year) for year in YEARS),
        *(("change", *pair) for pair in sorted(PAIRS)),
    ]
    assert full[0]["path"] == "full/landcover-2010.png"
    assert full[0]["kind"] == "landcover"
    budget = int(0.6 * sum(path.stat().st_size for path in (tmp_path / "full").iterdir()))
    small = write_layers(sources, LEGEND, folder=tmp_path / "small", budget=budget)
    assert sum(path.stat().st_size for path in (tmp_path / "small").iterdir()) <= budget
    assert small[0]["width"] < full[0]["width"]


def cells_and_pixels(
    source: RasterSource, layer: dict[str, Any], *, count: int = 200
) -> list[tuple[int, int, int, int]]:
    """Return random cells inside the blocks of four, and the pixels that show them."""
    generator = np.random.default_rng(11)
    cells = generator.integers(3, 67, size=(count, 2)) * 4 + generator.integers(
        1, 3, size=(count, 2)
    )
    with rasterio.open(source.path) as raster:
        xs, ys = zip(*(raster.xy(row, column) for row, column in cells), strict=True)
        lons, lats = transform(raster.crs, "EPSG:4326", list(xs), list(ys))
    places = [place_in(layer, lat, lon) for lat, lon in zip(lats, lons, strict=True)]
    return [
        (row, column, int(y), int(x)) for (row, column), (x, y) in zip(cells, places, strict=True)
    ]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, Any]:
    folder = tmp_path_factory.mktemp("drawn")
    sources = {year: write_raster(folder / f"{year}.tif", sample_classes(year)) for year in YEARS}
    records = write_layers(sources, LEGEND, folder=folder / "layers", densities=PER_HECTARE)
    return folder, sources, {(r["kind"], r.get("start"), r["year"]): r for r in records}


def test_density_picture_holds_the_density_of_the_cell(drawn: tuple[Path, Any, Any]) -> None:
    folder, sources, records = drawn
    layer = records["density", None, 2015]
    assert (layer["unit"], layer["low"], layer["high"]) == ("t C/ha", 0.0, 25.0)
    pixels, _ = picture_of(folder / layer["path"])
    values = sample_classes(2015)
    held = {row.code: PER_HECTARE[2015][row.stratum] for row in LEGEND.classes}
    for row, column, y, x in cells_and_pixels(sources[2015], layer):
        shown = (int(pixels[y, x]) - 1) / 254 * layer["high"]
        assert shown == pytest.approx(held[int(values[row, column])], abs=0.05)
    assert pixels[0, 0] == 0, "no data is never zero"


def test_change_picture_names_what_happened_to_the_cell(drawn: tuple[Path, Any, Any]) -> None:
    folder, sources, records = drawn
    layer = records["change", 2010, 2020]
    pixels, palette = picture_of(folder / layer["path"])
    group = {row.code: row.group for row in LEGEND.classes}
    seen = set()
    for row, column, y, x in cells_and_pixels(sources[2010], layer):
        before, after = (group[int(sample_classes(year)[row, column])] for year in (2010, 2020))
        expected = {
            ("cropland", "forest"): "new_forest", ("wetland", "forest"): "new_forest",
            ("forest", "cropland"): "lost_forest", ("forest", "wetland"): "lost_forest",
            ("cropland", "wetland"): "new_wetland", ("wetland", "cropland"): "lost_wetland",
        }.get((before, after), "unchanged")  # fmt: skip
        index = int(pixels[y, x])
        assert CHANGE_CLASSES[index - 1] == expected
        assert palette[index, 3] == (0 if expected == "unchanged" else 255)
        seen.add(expected)
    assert seen == set(CHANGE_CLASSES)


def test_fine_density_is_averaged(tmp_path: Path) -> None:
    """A quarter pine at 25 t/ha, three quarters paddy at 2.5: no cell holds their average."""
    values = np.full((256, 256), 2, dtype=np.uint8)
    values[::2, ::2] = 1
    source = write_raster(tmp_path / "fine.tif", values)
    (tmp_path / "l").mkdir()
    records = _drawn(
        {2010: source}, LEGEND, folder=tmp_path / "l", clip=None, densities=PER_HECTARE, longest=64
    )
    layer = next(record for record in records if record["kind"] == "density")
    assert layer["resampling"] == "average"
    pixels, _ = picture_of(tmp_path / layer["path"])
    height, width = pixels.shape
    inner = pixels[height // 3 : height // 2, width // 3 : width // 2].astype(float)
    assert ((inner - 1) / 254 * layer["high"]).mean() == pytest.approx(8.125, rel=0.02)


# Tiles: what the page carries


def test_finest_tiles_put_together_are_the_picture(drawn: tuple[Path, Any, Any]) -> None:
    folder, _, records = drawn
    layer = records["landcover", None, 2010]
    pixels, palette = picture_of(folder / layer["path"])
    big = np.tile(pixels, (5, 4))
    levels = levels_of(big, palette, kind="landcover")
    assert max(levels[-1].shape) <= 700 < max(levels[-2].shape)
    whole = np.zeros_like(levels[0])
    for name, tile in _cut(levels[0]).items():
        column, row = (int(part) * SIDE for part in name.split("-"))
        with Image.open(io.BytesIO(tile)) as image:
            part = np.array(image.convert("RGBA"))
        whole[row : row + part.shape[0], column : column + part.shape[1]] = part
    assert (whole[whole[..., 3] > 0] == levels[0][levels[0][..., 3] > 0]).all()
    assert (whole[..., 3] == levels[0][..., 3]).all()


@given(arrays(np.uint8, (9, 13), elements=st.integers(0, 4)))
def test_coarser_levels_are_modes_and_averages(pixels: Any) -> None:
    """Against the definition, written out cell by cell."""
    modes, totals = _modes(np.kron(pixels, np.ones((80, 80), np.uint8))[::80, ::80], [1, 2, 3, 4])
    assert not modes  # nine by thirteen needs no coarser level
    big = np.zeros((1401, 20), dtype=np.uint8)
    big[: pixels.shape[0], : pixels.shape[1]] = pixels
    modes, totals = _modes(big, [1, 2, 3, 4])
    means = _averages(big)
    assert len(modes) == 2
    for k, (mode, total, mean) in enumerate(zip(modes, totals, means, strict=True), start=1):
        size = 2**k
        for i in range(3):
            for j in range(4):
                block = big[i * size : (i + 1) * size, j * size : (j + 1) * size].ravel()
                held = block[block > 0]
                assert total[i, j] == len(held)
                if len(held) == 0:
                    assert mode[i, j] == mean[i, j] == 0
                    continue
                counts = np.bincount(held, minlength=5)
                assert counts[mode[i, j]] == counts.max()
                assert abs(mean[i, j] - held.mean()) <= 0.5


def test_change_fades_with_its_share() -> None:
    pixels = np.full((1400, 8), 5, dtype=np.uint8)
    pixels[:2, :2] = 1
    pixels[0, 2] = 2
    palette = np.zeros((6, 4), dtype=np.uint8)
    palette[1:5] = [[10 * k, 0, 0, 255] for k in range(1, 5)]
    _, half = levels_of(pixels, palette, kind="change")
    assert half[0, 0].tolist() == [10, 0, 0, 255]
    assert half[0, 1].tolist() == [20, 0, 0, 128]  # a quarter of the land, half the ink
    assert half[0, 2].tolist()[3] == 0


@pytest.mark.parametrize(
    "crs", ["EPSG:4326", "EPSG:32649", "+proj=aea +lat_1=25 +lat_2=47 +lon_0=105"]
)
def test_a_pixel_stands_for_the_cells_whose_centres_lie_in_it(crs: str) -> None:
    """Counted again cell by cell, each centre projected by itself."""
    size, cell = (90, 140), 0.0004 if crs == "EPSG:4326" else 40.0
    x0, y0 = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(112.3, 30.8)
    grid = Grid(CRS.from_user_input(crs).to_wkt(), x0, y0, cell, -cell, size[1], size[0])
    kinds = np.random.default_rng(3).integers(0, 5, size).astype(np.uint8)
    frame = frame_of(grid, None, longest=25)
    shape = (frame.height, frame.width, 5)
    found = thin.counts_of(
        kinds,
        grid,
        window=Window(0, 0, size[1], size[0]),
        frame=frame.transform,
        corner=(0, 0),
        shape=shape,
    )
    cols, rows = np.meshgrid(np.arange(size[1]) + 0.5, np.arange(size[0]) + 0.5)
    there = Transformer.from_crs(crs, "EPSG:3857", always_xy=True)
    x, y = there.transform(x0 + cols * cell, y0 - rows * cell)
    u, v = (x - frame.transform.c) / frame.transform.a, (y - frame.transform.f) / frame.transform.e
    right = np.zeros(shape, int)
    np.add.at(right, (v.astype(int).clip(0), u.astype(int).clip(0), kinds), 1)
    assert right.sum() == size[0] * size[1]
    assert np.abs(found.astype(int) - right).sum() <= 0.01 * right.sum()
    assert frame.cells_per_pixel > 4


def test_several_cells_to_a_pixel() -> None:
    """By hand: of two as frequent the first; no data counts for nothing, nor does no density."""
    counts = np.array([[[9, 2, 2, 1], [5, 0, 0, 0], [0, 1, 0, 3]]], np.uint32)
    assert thin.most_frequent(counts, np.arange(4)).tolist() == [[1, 0, 3]]
    density = np.array([np.nan, 10.0, 40.0, np.nan], np.float32)
    found = thin.mean(counts, density)
    assert found[0, 0] == 25.0
    assert np.isnan(found[0, 1])
    assert found[0, 2] == 10.0


def test_pieces_do_not_show(
    drawn: tuple[Path, Any, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture is the same in whatever pieces it is made, of stripes or of blocks."""
    source = drawn[1][2010]
    striped = replace(source, block=(1, source.grid.width))
    seen = set()
    for cells in (2**22, 2**11):
        monkeypatch.setattr(frame_module, "PIECE_CELLS", cells)
        for item in (replace(source, block=(16, 16)), striped):
            landcover_layer(item, LEGEND, path=tmp_path / "a.png", longest=60)
            seen.add((tmp_path / "a.png").read_bytes())
    assert len(seen) == 1
