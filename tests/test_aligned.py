"""Rasters read on another grid: each cell by hand, against GDAL, and what it does to areas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer
from rasterio.warp import Resampling, reproject
from rasterio.windows import Window

from sinks import aligned
from sinks.checks import Problems
from sinks.errors import InputProblems
from sinks.raster import load_rasters
from sinks.run import Options, run_study
from tests.conftest import SHARED, needs_shared
from tests.rasters import config_of, load, write_raster
from tests.tiny import LANDCOVER, NORTH, WEST, cover, write_tiny
from tests.tiny import write_raster as write_tiny_raster

VAUD = SHARED / "data" / "landcover" / "vaud_corine"
UTM = {"crs": "EPSG:32649", "transform": Affine(30, 0, 500_000, 0, -30, 3_400_000)}


def noise(shape: tuple[int, int], seed: int = 3) -> Any:
    return np.random.default_rng(seed).integers(1, 9, shape).astype(np.uint8)


def read_all(source: Any, window: Window | None = None) -> Any:
    with source.open() as dataset:
        whole = window or Window(0, 0, source.grid.width, source.grid.height)
        return dataset.read([source.band], window=whole)[0]


@settings(max_examples=40, deadline=None)
@given(
    dx=st.floats(7, 90),
    dy=st.floats(7, 90),
    east=st.floats(-200, 200),
    north=st.floats(-200, 200),
    up=st.booleans(),
    rows=st.integers(1, 5),
)
def test_every_cell_is_the_one_below_its_centre(
    tmp_path_factory: pytest.TempPathFactory, dx: float, dy: float, east: float, north: float,
    up: bool, rows: int,
) -> None:  # fmt: skip
    folder = tmp_path_factory.getbasetemp()
    first = write_raster(folder / "h1.tif", noise((9, 11)), nodata=0, **UTM)
    values = noise((13, 8), 5)
    top = 3_400_000 + north - (0 if not up else 13 * dy)
    place = Affine(dx, 0, 500_000 + east, 0, dy if up else -dy, top)
    other = write_raster(folder / "h2.tif", values, crs=UTM["crs"], transform=place, nodata=0)
    sources = load({2000: first, 2001: other}, align="nearest", align_year=None)
    found = read_all(sources[2001], Window(0, 0, 11, rows))
    for row in range(rows):
        for col in range(11):
            x, y = 500_000 + 30 * (col + 0.5), 3_400_000 - 30 * (row + 0.5)
            c, r = np.floor((x - place.c) / place.a), np.floor((y - place.f) / place.e)
            inside = 0 <= c < 8 and 0 <= r < 13
            assert found[row, col] == (values[int(r), int(c)] if inside else 0)


def test_another_projection_is_gdals_nearest(tmp_path: Path, monkeypatch: Any) -> None:
    first = write_raster(tmp_path / "a.tif", noise((120, 140)), nodata=0, **UTM)
    west, north = Transformer.from_crs("EPSG:32649", "EPSG:4326", always_xy=True).transform(
        500_000, 3_400_000
    )
    place = Affine(0.0004, 0, west - 0.003, 0, -0.0003, north + 0.002)
    values = noise((150, 140), 8)
    other = write_raster(tmp_path / "b.tif", values, crs="EPSG:4326", transform=place, nodata=0)
    sources = load({2000: first, 2001: other}, align="nearest", align_year=None)
    found = read_all(sources[2001])
    wanted = np.zeros_like(found)
    reproject(
        values, wanted, src_crs="EPSG:4326", src_transform=place, dst_crs=UTM["crs"],
        dst_transform=UTM["transform"], resampling=Resampling.nearest, tolerance=0.0,
    )  # fmt: skip
    back = Transformer.from_crs("EPSG:32649", "EPSG:4326", always_xy=True)
    x, y = np.meshgrid(500_015 + 30 * np.arange(140), 3_399_985 - 30 * np.arange(120))
    lon, lat = back.transform(x, y)
    edge = np.minimum.reduce(
        [abs(np.mod(at + 0.5, 1) - 0.5)
         for at in ((lon - place.c) / place.a, (lat - place.f) / place.e)]
    )  # fmt: skip
    assert (found == wanted)[edge > 0.13].all(), "GDAL places centres to an eighth of a cell"
    assert (found == wanted).mean() > 0.99
    assert (found > 0).all()
    monkeypatch.setattr(aligned, "CELLS_AT_ONCE", 500)
    assert (read_all(sources[2001]) == found).all(), "in pieces as in one"


def test_a_year_on_the_same_grid_is_left_alone(tmp_path: Path) -> None:
    first = write_raster(tmp_path / "a.tif", noise((9, 11)), **UTM)
    second = write_raster(tmp_path / "b.tif", noise((9, 11), 4), **UTM)
    sources = load({2000: first, 2001: second}, align="nearest", align_year=None)
    assert [source.native for source in sources.values()] == [None, None]


def test_land_without_a_code_for_it_is_refused(tmp_path: Path) -> None:
    first = write_raster(tmp_path / "a.tif", noise((9, 11)), **UTM)
    moved = UTM | {"transform": Affine(30, 0, 500_100, 0, -30, 3_400_000)}
    second = write_raster(tmp_path / "b.tif", noise((9, 11), 4), **moved)
    problems = Problems("en")
    config = config_of({2000: first, 2001: second}, align="nearest", align_year=None)
    assert load_rasters(config, base=Path(), problems=problems) is None
    assert [problem.code for problem in problems] == ["raster.align_gap"]


# ---------------------------------------------------------------- whole studies


def fine(year: int) -> Any:
    """Return the tiny province in cells of 25 m: four times four for one."""
    return np.kron(cover(year), np.ones((4, 4), np.uint8))


def test_finer_cells_of_the_same_land_change_nothing(tmp_path: Path) -> None:
    """2015 in cells of 25 m, shifted by a quarter of a cell of 100 m: not a hectare moves."""
    study = write_tiny(tmp_path, landcover=LANDCOVER + '\nalign = "nearest"')
    plain = dict(run_study(study, tmp_path / "one", options=Options(parts=(), workers=1)).tables)
    place = rasterio.transform.from_origin(WEST - 25, NORTH, 25, 25)
    padded = np.pad(fine(2015), ((0, 0), (1, 0)), mode="edge")
    write_tiny_raster(tmp_path / "lc2015.tif", padded, transform=place)
    done = run_study(study, tmp_path / "two", options=Options(parts=(), workers=1))
    for name in ("stock", "change", "transitions", "coverage"):
        assert done.tables[name].equals(plain[name]), name
    table = done.tables["alignment"]
    assert set(table["year"]) == {2015}
    assert table["difference_ha"].abs().max() < 1e-9
    codes = [problem["code"] for problem in done.meta["problems"]]
    assert {"raster.aligned", "raster.area_moved"} <= set(codes)
    assert "alignment" not in plain


def test_a_shift_moves_area_and_says_so(tmp_path: Path) -> None:
    """2015 lies 60 m to the east: every cell takes the class of its western neighbour's land."""
    study = write_tiny(tmp_path, landcover=LANDCOVER + '\nalign = "nearest"')
    place = rasterio.transform.from_origin(WEST + 60, NORTH, 100, 100)
    write_tiny_raster(tmp_path / "lc2015.tif", cover(2015), transform=place)
    done = run_study(study, tmp_path / "out", options=Options(parts=(), workers=1))
    table = done.tables["alignment"].set_index(["region_code", "stratum"])
    # 甲县 on the own grid: its land from 0.6 cells on. Rows 0, 1: F F F F, rows 2, 3: F F C C.
    own = table.loc["0101", "own_grid_ha"]
    assert own["forest"] == pytest.approx(2 * 3.4 + 2 * 2)
    assert own["crop"] == pytest.approx(2 * 1.4)
    # Aligned, the first column has no data, then F F F in rows 0, 1 and F F C in rows 2, 3.
    aligned_ha = table.loc["0101", "aligned_ha"]
    assert (aligned_ha["forest"], aligned_ha["crop"]) == pytest.approx((10, 2))
    coverage = done.tables["coverage"]
    row = coverage[(coverage["region_code"] == "0101") & (coverage["year"] == 2015)]
    assert row["nodata_ha"].item() == pytest.approx(4)
    assert row["inside_ha"].item() == pytest.approx(16), "area totals are true"


def test_the_grid_of_a_later_year_can_hold(tmp_path: Path) -> None:
    study = write_tiny(tmp_path, landcover=LANDCOVER + '\nalign = "nearest"\nalign_year = 2015')
    place = rasterio.transform.from_origin(WEST, NORTH, 25, 25)
    write_tiny_raster(tmp_path / "lc2015.tif", fine(2015), transform=place)
    done = run_study(study, tmp_path / "out", options=Options(parts=("changes",), workers=1))
    assert set(done.tables["alignment"]["year"]) == {2010}
    with rasterio.open(done.root / "rasters" / "change_class_2010_2015.tif") as dataset:
        assert (dataset.width, dataset.height) == (48, 16)
    grids = {item["path"]: item.get("grid") for item in done.meta["inputs"]}
    assert "100 × 100" in grids["lc2010.tif"], "the manifest names the file's own grid"
    assert "25 × 25" in grids["lc2015.tif"]


CORINE = "code,stratum,name_en,name_zh,ipcc,group,colour\n"


def write_vaud(folder: Path, *, align: str = "") -> Path:
    """Write a study of the two CORINE rasters of Vaud, which are on two grids."""
    codes: set[int] = set()
    for year in ("06", "12"):
        with rasterio.open(VAUD / f"ls100_{year}.tif") as dataset:
            codes |= set(np.unique(dataset.read(1)).tolist()) - {int(dataset.nodata or 0)}
            bounds, crs = dataset.bounds, dataset.crs
    rows = [f"{code},c{code},c{code},c{code},other_land,other,#0000{code:02x}" for code in codes]
    (folder / "legend.csv").write_text(CORINE + "\n".join(rows) + "\n", "utf-8")
    densities = [f"c{code},agb,1,0.1,t C/ha,test,verified" for code in codes]
    head = "stratum,pool,value,se,unit,source,confidence\n"
    (folder / "density.csv").write_text(head + "\n".join(densities) + "\n", "utf-8")
    centre = shapely.box(*bounds).centroid.buffer(9000)
    frame = gpd.GeoDataFrame({"code": ["1"], "name": ["Vaud"]}, geometry=[centre], crs=crs)
    frame.to_file(folder / "vaud.gpkg")
    text = f"""[study]
name = "vaud"
title = "Vaud"
language = "en"
[regions]
path = "vaud.gpkg"
code = "code"
name = "name"
[landcover]
legend = "legend.csv"
rasters = {{ 2006 = "{VAUD}/ls100_06.tif", 2012 = "{VAUD}/ls100_12.tif" }}
{align}
[density]
table = "density.csv"
[uncertainty]
draws = 1
"""
    path = folder / "study.toml"
    path.write_text(text, "utf-8")
    return path


@needs_shared
def test_vaud_is_refused_and_then_aligned(tmp_path: Path) -> None:
    study = write_vaud(tmp_path)
    with pytest.raises(InputProblems) as caught:
        run_study(study, tmp_path / "out", options=Options(parts=(), workers=1))
    assert [item.code for item in caught.value.problems if item.severity == "ERROR"] == [
        "raster.different_grids"
    ]
    write_vaud(tmp_path, align='align = "nearest"')
    done = run_study(study, tmp_path / "out", options=Options(parts=(), workers=1))
    table = done.tables["alignment"]
    assert set(table["year"]) == {2012}
    # Every hectare is a hectare still: what one class loses another gains, or was at the rim.
    own, moved = table["own_grid_ha"].sum(), table["aligned_ha"].sum()
    assert moved == pytest.approx(own, rel=2e-3)
    whole = done.tables["coverage"].set_index("year")["region_ha"]
    assert whole[2012] == whole[2006]
    share = table["difference_ha"].abs().sum() / 2 / own
    assert 0 < share < 0.02
