"""Densities that differ between regions, cell by cell: rasters and pictures say what tables say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from PIL import Image
from rasterio.warp import transform

from sinks.checks import Problems
from sinks.grid import Grid
from sinks.inputs import load
from sinks.layers import Regional, write, write_layers
from sinks.layers.paint import LAST
from sinks.regioncells import RegionCells
from sinks.run import Options, run_study
from tests.map_sample import LEGEND, PER_HECTARE, sample_classes, write_raster
from tests.tiny import CODES, NORTH, WEST, write_tiny

DENSITIES = Path("density.csv")


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny province; the forest of 甲县 holds more than that of the others."""
    folder = tmp_path_factory.mktemp("in")
    study = write_tiny(folder)
    table = pd.read_csv(folder / DENSITIES, dtype=str, keep_default_na=False)
    table.insert(0, "region", "")
    own = table[(table["stratum"] == "forest")].assign(region="0101")
    own["value"] = [str(2 * float(value)) for value in own["value"]]
    pd.concat([table, own]).to_csv(folder / DENSITIES, index=False)
    out = tmp_path_factory.mktemp("run") / "out"
    run_study(study, out, options=Options(parts=("map", "rasters", "regions")))
    return out


def said(out: Path) -> pd.Series:
    """Return the carbon per hectare of every region, year and stratum by the tables."""
    stock = pd.read_csv(
        out / "tables" / "stock.csv", encoding="utf-8-sig", dtype={"region_code": str}
    )
    sums = stock.groupby(["region_code", "year", "stratum"]).agg(
        carbon=("stock_t_c", "sum"), area=("area_ha", "first")
    )
    return (sums["carbon"] / sums["area"])[sums["area"] > 0]


def test_no_warning_is_left_and_all_rasters_are_there(out: Path) -> None:
    names = {path.name for path in (out / "rasters").glob("*.tif")}
    assert "carbon-density-2010.tif" in names
    assert "carbon-change-2010-2015.tif" in names
    assert "surfaces.by_region" not in (out / "problems.json").read_text(encoding="utf-8")


def test_cells_have_the_density_of_their_region_and_sum_to_its_stock(out: Path) -> None:
    """The counties' borders lie on cells here: one hectare each, no rest."""
    table = said(out)
    stock = pd.read_csv(
        out / "tables" / "regions.csv", encoding="utf-8-sig", dtype={"region_code": str}
    ).set_index(["region_code", "year"])["stock_t_c"]
    with rasterio.open(out / "rasters" / "carbon-change-2010-2015.tif") as dataset:
        both = np.isfinite(dataset.read(1))  # the tables speak of land that is known in every year
    for year in (2010, 2015):
        with rasterio.open(out / "rasters" / f"carbon-density-{year}.tif") as dataset:
            values = dataset.read(1).astype(float)
        for k, code in enumerate(CODES):
            known = values[:4, 4 * k : 4 * k + 4][both[:4, 4 * k : 4 * k + 4]]
            assert set(np.round(known, 3)) == set(np.round(table.loc[code, year], 3))
            assert known.sum() == pytest.approx(stock[code, year], rel=1e-6)
    assert table["0101", 2010, "forest"] == 280.0


def test_the_picture_has_the_rasters_density(out: Path) -> None:
    """At every cell's centre, to the ramp's step."""
    meta = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    layer = next(own for own in meta["layers"] if own["kind"] == "density" and own["year"] == 2015)
    with Image.open(out / layer["path"]) as image:
        pixels = np.array(image)
    (south, west), (north, east) = layer["bounds"]
    (left, right), (below, top) = transform("EPSG:4326", "EPSG:3857", [west, east], [south, north])
    with rasterio.open(out / "rasters" / "carbon-density-2015.tif") as dataset:
        values = dataset.read(1)
        rows, cols = np.indices(values.shape)
        x, y = dataset.xy(rows.ravel(), cols.ravel())
        u, v = transform(dataset.crs, "EPSG:3857", list(x), list(y))
    place = ((np.array(u) - left) / (right - left) * pixels.shape[1]).astype(int)
    down = ((top - np.array(v)) / (top - below) * pixels.shape[0]).astype(int)
    inside = (place >= 0) & (place < pixels.shape[1]) & (down >= 0) & (down < pixels.shape[0])
    shown = pixels[down[inside], place[inside]].astype(float)
    held = values.ravel()[inside]
    assert ((shown == 0) == np.isnan(held)).all()
    known = np.isfinite(held)
    assert known.any()
    seen = (shown[known] - 1) / (LAST - 1) * layer["high"]
    assert seen == pytest.approx(held[known], abs=layer["high"] / 254)


def test_a_cell_belongs_to_the_region_that_holds_its_centre(out: Path, tmp_path: Path) -> None:
    problems = Problems("en")
    inputs = load(write_tiny(tmp_path), problems)
    assert inputs is not None
    grid = inputs.sources[2010].grid
    cells = RegionCells.of(inputs.regions, grid, transformer=inputs.transformer)
    whole = cells.at((0, grid.height, 0, grid.width))
    assert whole.shape == (grid.height, grid.width)
    for row, col in np.ndindex(whole.shape):
        x, y = grid.x0 + (col + 0.5) * grid.dx, grid.y0 + (row + 0.5) * grid.dy
        county = (
            int((x - WEST) // 400) if WEST <= x < WEST + 1200 and NORTH - 400 < y < NORTH else -1
        )
        assert whole[row, col] == county
        assert cells.at((row, row + 1, col, col + 1))[0, 0] == county
    assert (cells.at((0, 2, 0, 3)) == whole[:2, :3]).all()


@pytest.mark.parametrize("longest", [4096, 90])
def test_equal_densities_give_the_picture_of_one_for_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, longest: int
) -> None:
    """Seen from near and from afar, where several cells are averaged."""
    monkeypatch.setattr(write, "LONGEST", longest)
    source = write_raster(tmp_path / "a.tif", sample_classes(2020))
    per_hectare = PER_HECTARE[2020]
    shape = np.array([_everything(source.grid)])
    regions = Regional(
        RegionCells(source.grid, shape, shapely.STRtree(shape)),
        {2020: np.array([[per_hectare[name] for name in LEGEND.strata]], np.float32)},
    )
    seen = []
    for name, densities in (("one", {2020: per_hectare}), ("each", regions)):
        layers = write_layers({2020: source}, LEGEND, folder=tmp_path / name, densities=densities)
        layer = next(own for own in layers if own["kind"] == "density")
        with Image.open(tmp_path / layer["path"]) as image:
            seen.append((np.array(image).astype(int), layer["high"]))
    assert seen[0][1] == pytest.approx(seen[1][1])
    assert ((seen[0][0] == 0) == (seen[1][0] == 0)).all()
    assert np.abs(seen[0][0] - seen[1][0]).max() <= (1 if longest < 100 else 0)


def _everything(grid: Grid) -> shapely.Geometry:
    x, y = grid.x0 + grid.width * grid.dx, grid.y0 + grid.height * grid.dy
    return shapely.box(grid.x0, y, x, grid.y0)
