"""Pictures of land cover lie where the raster lies, in the legend's colours, within the budget."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.warp import transform

from sinks.grid import Grid
from sinks.layers import landcover_layer, write_layers
from sinks.legend import LandClass, Legend
from sinks.raster import RasterSource
from tests.map_sample import LEGEND, YEARS, sample_classes, write_raster

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
    assert [record["year"] for record in full] == list(YEARS)
    assert full[0]["path"] == "full/landcover-2010.png"
    assert full[0]["kind"] == "landcover"
    budget = int(0.6 * sum(path.stat().st_size for path in (tmp_path / "full").iterdir()))
    small = write_layers(sources, LEGEND, folder=tmp_path / "small", budget=budget)
    assert sum(path.stat().st_size for path in (tmp_path / "small").iterdir()) <= budget
    assert small[0]["width"] < full[0]["width"]
