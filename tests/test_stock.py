"""Stock and change: true areas, no data that is never zero, parts that add up."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pyproj import Geod, Transformer
from rasterio.transform import from_origin
from shapely.geometry import box

from sinks.biomass.density import Density
from sinks.biomass.table import DensityRow
from sinks.landcover.activity import Activity
from sinks.stock import Selection, Stock, change_parts
from tests.tiny import (
    CELL,
    CODES,
    CRS,
    NORTH,
    WEST,
    cell,
    counties,
    cover,
    rows_of,
    run_tables,
    write_raster,
    write_study,
    write_tiny,
)

# Guards


def write_density(folder: Path, *rows: str) -> None:
    text = "\n".join(["stratum,pool,year,region,value,se,unit", *rows]) + "\n"
    (folder / "density.csv").write_text(text, encoding="utf-8")


OTHERS = ("crop,agb,,,5,0,t C/ha", "lake,agb,,,0,0,t C/ha", "town,agb,,,1,0,t C/ha")


def test_a_change_of_minus_one_tonne_per_hectare_stays(tmp_path: Path) -> None:
    """InVEST marks no data with −1 and so loses exactly this change."""
    study = write_tiny(tmp_path)
    forest = ("forest,agb,2010,,10,0,t C/ha", "forest,agb,2015,,9,0,t C/ha")
    write_density(tmp_path, *forest, *OTHERS)
    for year in (2010, 2015):
        write_raster(tmp_path / f"lc{year}.tif", np.full((4, 12), 1, np.uint8), interleave="pixel")
    tables = run_tables(study)
    change = tables["change"].set_index("region_code")
    assert change["change_t_c"].to_dict() == {
        "0101": -16, "0102": -16, "0203": -16, "江北市": -32, "江南市": -16, "ALL": -48,
    }  # fmt: skip
    assert (change["loss_t_c"] == -change["change_t_c"]).all()
    assert (change["gain_t_c"] == 0).all()
    assert change["detectable"].all()
    per_hectare = tables["transitions"]["change_t_c"] / tables["transitions"]["area_ha"]
    assert per_hectare.tolist() == [-1, -1, -1]


@pytest.mark.parametrize("year", [2010, 2015])
def test_a_cell_valid_in_one_year_only_leaves_both(tmp_path: Path, year: int) -> None:
    """A forest that is cloud in one year is neither gained nor lost."""
    study = write_tiny(tmp_path)
    for name in (2010, 2015):
        cells = cover(2010)
        if name == year:
            cells[0, :2] = 0
        write_raster(tmp_path / f"lc{name}.tif", cells)
    density = ("forest,agb,,,40,4,t C/ha", *OTHERS)
    write_density(tmp_path, *density)
    tables = run_tables(study)
    assert (tables["change"]["change_t_c"] == 0).all()
    assert not tables["change"]["detectable"].any()
    forest = rows_of(tables["stock"], region_code="0101", stratum="forest")
    assert forest["area_ha"].tolist() == [6, 6]
    coverage = rows_of(tables["coverage"], region_code="0101").set_index("year")
    assert coverage.loc[year, ["valid_ha", "nodata_ha", "common_valid_ha"]].tolist() == [14, 2, 14]
    other = 4025 - year
    assert coverage.loc[other, ["valid_ha", "nodata_ha", "common_valid_ha"]].tolist() == [16, 0, 14]


def test_no_change_is_not_detectable_and_exactly_zero(tmp_path: Path) -> None:
    study = write_tiny(tmp_path)
    for year in (2010, 2015):
        write_raster(tmp_path / f"lc{year}.tif", cover(2010), interleave="pixel")
    write_density(tmp_path, "forest,agb,,,40,4,t C/ha", *OTHERS)
    change = run_tables(study)["change"]
    numbers = change.select_dtypes(float)
    assert (numbers == 0).all(axis=None)
    assert not change["detectable"].any()


def test_what_lies_outside_the_raster_is_in_the_ledger(tmp_path: Path) -> None:
    study = write_tiny(tmp_path)
    for year in (2010, 2015):
        write_raster(tmp_path / f"lc{year}.tif", cover(year)[:, :10])
    coverage = rows_of(run_tables(study)["coverage"], region_code="0203")
    columns = ["region_ha", "inside_ha", "outside_ha", "valid_ha", "common_valid_ha"]
    for row in coverage[columns].to_numpy().tolist():
        assert row == pytest.approx([16, 8, 8, 8, 8], rel=1e-9)


def test_border_cells_count_by_the_part_inside(tmp_path: Path) -> None:
    """Regions moved by 30 m east: 0.3 of a column leaves 甲县 at the west and comes at the east."""
    write_tiny(tmp_path)
    moved = counties()
    moved.geometry = moved.translate(30)
    moved.to_file(tmp_path / "counties.gpkg", layer="counties")
    exact = run_tables(write_study(tmp_path))
    # 2010: 2 columns of forest less 0.3; 2 of cropland and 0.3 of that of 乙县; 4 rows of 1 ha.
    area = rows_of(exact["stock"], region_code="0101", year=2010, pool="agb").set_index("stratum")
    assert area["area_ha"].to_dict() == pytest.approx({"forest": 6.8, "crop": 9.2})
    assert cell(exact["coverage"], "outside_ha", region_code="0203", year=2010) == pytest.approx(
        1.2
    )
    centre = 'coverage = "centre"'
    text = (tmp_path / "study.toml").read_text(encoding="utf-8")
    (tmp_path / "study.toml").write_text(text.replace("[density]", f"{centre}\n[density]"), "utf-8")
    whole = run_tables(tmp_path / "study.toml")
    # 30 m is not past a centre: every cell stays where it was.
    area = rows_of(whole["stock"], region_code="0101", year=2010, pool="agb").set_index("stratum")
    assert area["area_ha"].to_dict() == {"forest": 8, "crop": 8}


def test_codes_with_leading_zeros_stay_text(tmp_path: Path) -> None:
    tables = run_tables(write_tiny(tmp_path))
    for name in ("stock", "regions", "change", "coverage", "transitions"):
        codes = set(tables[name]["region_code"])
        assert set(CODES) <= codes, name
        assert not codes & {"101", "102", "203"}
        raw = (tmp_path / "out" / "tables" / f"{name}.csv").read_text(encoding="utf-8-sig")
        assert "\n0101," in raw


def test_densities_of_regions_meet_their_regions(tmp_path: Path) -> None:
    """乙县 holds twice as much under its fields: its own row, by code, whatever the order."""
    study = write_tiny(tmp_path)
    write_density(
        tmp_path,
        "forest,soil,,,100,10,t C/ha",
        "lake,soil,,,120,12,t C/ha",
        "town,soil,,,50,5,t C/ha",
        "crop,soil,,0102,160,16,t C/ha",
        "crop,soil,,,80,8,t C/ha",
    )
    tables = run_tables(study)
    crop = rows_of(tables["stock"], year=2015, stratum="crop").set_index("region_code")
    assert crop["stock_t_c"].to_dict() == {"0101": 4 * 80, "0102": 8 * 160}
    assert crop["se_t_c"].to_dict() == pytest.approx({"0101": 4 * 8, "0102": 8 * 16}, rel=0.01)
    whole = rows_of(tables["regions"], region_code="ALL", year=2015).iloc[0]
    # Forest 12 × 100, cropland 4 × 80 + 8 × 160, lake 16 × 120, town 7 × 50.
    assert whole["stock_t_c"] == 1200 + 320 + 1280 + 1920 + 350
    # The error of cropland is shared: 4 × 8 + 8 × 16 = 160 before squares add.
    se = math.hypot(12 * 10, 160, 16 * 12, 7 * 5)
    # A standard error of 1000 draws errs by 1 / √(2 · 1000) = 2.2 % of it; three are allowed.
    assert whole["se_t_c"] == pytest.approx(se, rel=0.067)


def test_every_pair_of_three_years(tmp_path: Path) -> None:
    write_tiny(tmp_path)
    cells = cover(2010)
    cells[:, 0] = 2  # in 2005 the first column of 甲县 was cropland: 4 ha
    write_raster(tmp_path / "lc2005.tif", cells)
    files = ", ".join(f'{year} = "lc{year}.tif"' for year in (2015, 2005, 2010))
    write_density(tmp_path, "forest,agb,,,40,4,t C/ha", *OTHERS)
    study = write_study(tmp_path, landcover=f'legend = "legend.csv"\nrasters = {{ {files} }}')
    tables = run_tables(study)
    pairs = [(2005, 2010), (2010, 2015), (2005, 2015)]
    for name in ("change", "transitions"):
        found = tables[name][["start", "end"]].drop_duplicates().itertuples(index=False, name=None)
        assert list(found) == pairs, name
    county = rows_of(tables["change"], region_code="0101")
    # 4 ha of cropland (5 t C/ha) became forest (40) in either period.
    assert county["change_t_c"].tolist() == [140, 140, 280]
    assert county["gain_t_c"].tolist() == [140, 140, 280]
    assert sorted(tables["stock"]["year"].unique()) == [2005, 2010, 2015]
    # The cell without data in 2015 leaves all three years.
    lakes = rows_of(tables["stock"], region_code="0102", stratum="lake")
    assert lakes["area_ha"].tolist() == [7, 7, 7]


# True areas


def ellipsoidal_ha(west: float, south: float, east: float, north: float) -> float:
    """Return the area between meridians and parallels on WGS 84, by geodesics of short steps."""
    lon = np.linspace(west, east, 2001)
    x = np.concatenate([lon, lon[::-1]])
    y = np.concatenate([np.full(2001, south), np.full(2001, north)])
    area, _ = Geod(ellps="WGS84").polygon_area_perimeter(x, y)
    return float(abs(area)) / 10_000


#: A county of about 1,100 km² in Hubei.
BOX = (112.0, 30.0, 112.3, 30.3)


@pytest.mark.parametrize(
    ("crs", "size"),
    [
        ("EPSG:4326", 0.002), ("EPSG:3857", 200.0), ("EPSG:4547", 200.0), ("EPSG:4526", 200.0),
        ("EPSG:6933", 200.0),
    ],
)  # fmt: skip
def test_areas_are_true_on_every_grid(tmp_path: Path, crs: str, size: float) -> None:
    """Web Mercator stretches areas by a third at 30°, zones of 3° by 1e-3: all must come out."""
    write_tiny(tmp_path)
    frame = gpd.GeoDataFrame(
        {"code": ["1"], "name": ["one"]}, geometry=[box(*BOX)], crs="EPSG:4326"
    )
    frame.to_file(tmp_path / "counties.gpkg", layer="counties")
    bounds = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform_bounds(*BOX)
    west, north = bounds[0] - 5.3 * size, bounds[3] + 5.7 * size
    shape = [math.ceil((bounds[i + 2] - bounds[i]) / size) + 12 for i in (1, 0)]
    for year, part in ((2010, 0.5), (2015, 0.25)):
        cells = np.full(shape, 2, np.uint8)
        cells[:, : int(shape[1] * part)] = 1
        place = from_origin(west, north, size, size)
        write_raster(tmp_path / f"lc{year}.tif", cells, crs=crs, transform=place)
    regions = 'path = "counties.gpkg"\ncode = "code"\nname = "name"'
    tables = run_tables(write_study(tmp_path, regions=regions, uncertainty="draws = 1"))
    true = ellipsoidal_ha(*BOX)
    coverage = tables["coverage"].iloc[0]
    assert coverage["region_ha"] == pytest.approx(true, rel=1e-4)
    assert coverage["valid_ha"] == coverage["region_ha"]
    stock = rows_of(tables["stock"], year=2015, pool="agb")
    assert stock["area_ha"].sum() == pytest.approx(true, rel=1e-4)


# Parts


def density_of(values: npt.NDArray[np.float64]) -> Density:
    """Return certain densities, dims (stratum, pool, year)."""
    strata, pools, years = values.shape
    coords = {
        "stratum": [f"s{i}" for i in range(strata)],
        "pool": ["agb", "bgb", "soil"][:pools],
        "year": [2010, 2015][:years],
    }
    array = xr.DataArray(values, dims=tuple(coords), coords=coords)
    row = DensityRow("s0", "agb", 1.0)
    return Density(array, array * 0, array < 0, array < 0, (("density/s0/agb", row, 0.0),), 1, 2)


hectares = st.floats(0, 1e6, allow_subnormal=False)
tonnes = st.floats(0, 300, allow_subnormal=False)


@settings(max_examples=40, deadline=None)
@given(
    area=arrays(np.float64, (2, 3, 3), elements=hectares),
    values=arrays(np.float64, (3, 2, 2), elements=tonnes),
)
def test_parts_of_a_change_add_up_to_it(
    area: npt.NDArray[np.float64], values: npt.NDArray[np.float64]
) -> None:
    strata = ["s0", "s1", "s2"]
    coords = {"region": ["a", "b"], "from_stratum": strata, "to_stratum": strata}
    moves = xr.DataArray(area, dims=tuple(coords), coords=coords)
    parts = change_parts({(2010, 2015): moves}, density_of(values).value, pair=(2010, 2015))
    per_ha = values.sum(axis=1)
    before, after = area.sum(axis=2) @ per_ha[:, 0], area.sum(axis=1) @ per_ha[:, 1]
    room = 1e-9 * (np.abs(before) + np.abs(after)) + 1e-9
    assert (np.abs(parts.gain - parts.loss - (after - before)) <= room).all()
    assert (np.abs(parts.area_effect + parts.density_effect - (after - before)) <= room).all()
    assert (parts.gain >= 0).all()
    assert (parts.loss >= 0).all()
    assert (np.abs(parts.by_transition.sum(("from_stratum", "to_stratum")) - (after - before))
            <= room).all()  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(
    area=arrays(np.float64, (3, 3, 2), elements=hectares),
    values=arrays(np.float64, (3, 2, 2), elements=tonnes),
)
def test_groups_and_selections_add_up(
    area: npt.NDArray[np.float64], values: npt.NDArray[np.float64]
) -> None:
    coords = {"region": list("abc"), "stratum": ["s0", "s1", "s2"], "year": [2010, 2015]}
    array = xr.DataArray(area, dims=tuple(coords), coords=coords)
    stock = Stock(Activity(array, {}, xr.Dataset()), density_of(values), level=0.95)
    groups = [np.array([0, 1, 2]), np.array([0, 0, 1]), np.array([0, 0, 0])]

    def totals(selection: Selection) -> Any:
        return stock.totals(groups, selection).central

    whole = totals(Selection())
    expected = np.einsum("rsy,spy->ry", area, values)
    room = 1e-9 * expected.sum() + 1e-9
    assert np.allclose(whole[:3], expected, rtol=1e-9, atol=1e-9)
    assert np.allclose(whole[3:5], [expected[:2].sum(0), expected[2]], rtol=0, atol=room)
    assert np.allclose(whole[5], expected.sum(0), rtol=0, atol=room)
    by_pool = totals(Selection(pools=("agb",))) + totals(Selection(pools=("bgb",)))
    by_stratum = totals(Selection(strata=("s0",))) + totals(Selection(strata=("s1", "s2")))
    assert np.allclose(by_pool, whole, rtol=0, atol=room)
    assert np.allclose(by_stratum, whole, rtol=0, atol=room)
    assert (totals(Selection(strata=())) == 0).all()
    assert (totals(Selection(pools=("litter",))) == 0).all()


def test_certain_densities_give_certain_stocks() -> None:
    coords = {"region": ["a"], "stratum": ["s0"], "year": [2010, 2015]}
    array = xr.DataArray(np.array([[[10.0, 20.0]]]), dims=tuple(coords), coords=coords)
    stock = Stock(Activity(array, {}, xr.Dataset()), density_of(np.full((1, 1, 2), 3.0)), level=0.9)
    totals = stock.totals([np.array([0])], Selection())
    spread = totals.spread()
    assert totals.central.tolist() == [[30, 60]]
    assert spread.se.tolist() == [[0, 0]]
    assert spread.low.tolist() == spread.high.tolist() == [[30, 60]]


def test_the_grid_of_the_tiny_province_is_exact(tmp_path: Path) -> None:
    """What the hand-worked numbers rest on: in this projection a cell is one hectare."""
    frame = counties().to_crs("EPSG:4326")
    west, south, east, north = frame.total_bounds
    assert (round(west), round(north)) == (114, 30)
    assert ellipsoidal_ha(west, south, east, north) == pytest.approx(48, rel=1e-6)
    assert (CRS, CELL) == ("EPSG:6933", 100.0)
    assert (WEST % CELL, NORTH % CELL) == (0, 0)
    assert isinstance(frame, pd.DataFrame)
