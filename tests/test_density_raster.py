"""Maps of densities in a study: means by region and stratum, what is missing, what is refused."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import rasterio
import shapely
from exactextract import exact_extract
from exactextract.raster import NumPyRasterSource
from pyproj import CRS, Transformer
from rasterio.transform import from_origin
from shapely.geometry import box

from sinks.checks import Problems, Severity
from sinks.errors import InputProblems
from sinks.joint import job_of
from sinks.outlines import outlines
from sinks.rastersections import DensityRasterConfig, Source
from sinks.run import check_study, run_study
from sinks.valuerasters import load_value_raster
from sinks.zonalmeans import Layer, Sums, layer_sums
from tests import rasters
from tests.tiny import (
    CELL,
    NORTH,
    WEST,
    counties,
    cover,
    rows_of,
    run_tables,
    write_raster,
    write_tiny,
)

#: Carbon above ground by class code: forest, cropland, lake, town [t C/ha].
HELD = np.array([np.nan, 40.0, 5.0, 0.0, 1.0])
MAPS = "rasters = { 2010 = 'agb2010.tif', 2015 = 'agb2015.tif' }"
UNIT = f'{MAPS}\nunit = "t C/ha"'
Cells = npt.NDArray[Any]


def write_maps(folder: Path, cells: Mapping[int, Cells], name: str = "agb", **options: Any) -> None:
    for year, own in cells.items():
        options = {"nodata": None} | options
        write_raster(folder / f"{name}{year}.tif", own, **options)


def study(
    folder: Path, keys: str, cells: Mapping[int, Cells] | None = None, *, pool: str = "agb",
    **more: Any,
) -> Path:  # fmt: skip
    """Write the tiny province with a map of densities."""
    path = write_tiny(folder)
    write_maps(folder, cells or {year: held(year) for year in (2010, 2015)}, **more)
    content = path.read_text(encoding="utf-8")
    path.write_text(f"{content}\n[density.raster.{pool}]\n{keys}\n", encoding="utf-8")
    return path


def held(year: int) -> Cells:
    """Return what the classes of a year hold, cell by cell."""
    return HELD[cover(year)].astype(np.float32)


def codes_of(path: Path) -> list[str]:
    return [problem.code for problem in check_study(path)]


def agb(tables: Mapping[str, pd.DataFrame], **chosen: Any) -> pd.DataFrame:
    return rows_of(tables["stock"], pool="agb", **chosen)


def test_a_map_made_of_densities_gives_them_back(tmp_path: Path) -> None:
    tables = run_tables(study(tmp_path, f"{UNIT}\nse = 0.1"))
    for row in agb(tables).itertuples():
        code = {"forest": 1, "crop": 2, "lake": 3, "town": 4}[row.stratum]
        assert row.stock_t_c == pytest.approx(row.area_ha * HELD[code], rel=1e-9, abs=1e-9)
        assert row.se_t_c == pytest.approx(0.1 * row.stock_t_c, rel=0.05, abs=1e-9)
    sources = tables["parameters"].set_index("name")["source"]
    assert "agb2010.tif" in sources["density/forest/agb/2010/0101"]
    assert sources["density/forest/soil"] == "profiles"


def test_stock_is_the_sum_of_the_cells(tmp_path: Path) -> None:
    """Every cell its own value, all land with one: the stock is the sum over cells of 1 ha."""
    rng = np.random.default_rng(7)
    cells = {year: rng.uniform(0, 90, (4, 12)).astype(np.float32) for year in (2010, 2015)}
    tables = run_tables(study(tmp_path, f"{UNIT}\nse = 0", cells))
    known = (cover(2010) > 0) & (cover(2015) > 0)
    for place, code in enumerate(("0101", "0102", "0203")):
        for year, own in cells.items():
            part = np.where(known, own, 0.0)[:, 4 * place : 4 * place + 4].sum(dtype=np.float64)
            found = agb(tables, region_code=code, year=year)["stock_t_c"].sum()
            assert found == pytest.approx(part, rel=1e-9)
    change = rows_of(tables["change"], level="study").iloc[0]
    soil = rows_of(tables["stock"], pool="soil").groupby("year")["stock_t_c"].sum()
    whole = {year: np.where(known, own, 0.0).sum(dtype=np.float64) for year, own in cells.items()}
    assert change["change_t_c"] == pytest.approx(
        whole[2015] - whole[2010] + soil[2015] - soil[2010], rel=1e-9
    )


@pytest.mark.parametrize(
    ("unit", "times"),
    [('unit = "t CO2/ha"', 44 / 12), ('unit = "t d.m./ha"\ncarbon_fraction = 0.5', 2.0)],
)
def test_units_lead_to_the_same_carbon(tmp_path: Path, unit: str, times: float) -> None:
    cells = {year: (held(year) * times).astype(np.float64) for year in (2010, 2015)}
    errors = {year: 0.25 * own for year, own in cells.items()}
    path = study(tmp_path, f"{MAPS}\n{unit}\nse_{MAPS.replace('agb', 'sd')}", cells)
    write_maps(tmp_path, errors, "sd")
    table = run_tables(path)["density_raster"]
    forest = rows_of(table, region_code="ALL", stratum="forest")
    assert forest["density_t_c_ha"].tolist() == pytest.approx([40.0, 40.0], rel=1e-6)
    assert forest["se_t_c_ha"].tolist() == pytest.approx([10.0, 10.0], rel=1e-6)


def test_dry_matter_takes_the_cited_fraction_and_says_so(tmp_path: Path) -> None:
    path = study(tmp_path, f'{MAPS}\nunit = "t d.m./ha"\nse = 0.2')
    assert "density.default_fraction" in codes_of(path)
    table = rows_of(run_tables(path)["density_raster"], region_code="ALL", stratum="forest")
    assert table["density_t_c_ha"].tolist() == pytest.approx([40 * 0.47] * 2, rel=1e-6)
    soil = study(tmp_path / "soil", f'{MAPS}\nunit = "t d.m./ha"', pool="soil")
    assert "density_raster.fraction" in codes_of(soil)


def test_no_data_is_never_zero(tmp_path: Path) -> None:
    """Half the forest of a county without data: the other half stands for it."""
    cells = {year: held(year) for year in (2010, 2015)}
    cells[2010][:2, 0] = np.nan
    cells[2010][2:, 0] = 60.0
    path = study(tmp_path, f"{UNIT}\nse = 0.1", cells)
    assert "density_raster.without_data" in codes_of(path)
    tables = run_tables(path)
    row = rows_of(tables["density_raster"], region_code="0101", year=2010, stratum="forest").iloc[0]
    assert (row["area_ha"], row["valid_ha"]) == pytest.approx((8.0, 6.0))
    assert row["share"] == pytest.approx(0.75)
    assert row["density_t_c_ha"] == pytest.approx((4 * 40 + 2 * 60) / 6)
    stock = agb(tables, region_code="0101", year=2010, stratum="forest").iloc[0]
    assert stock["stock_t_c"] == pytest.approx(8 * (4 * 40 + 2 * 60) / 6)


def test_a_county_without_a_value_takes_the_mean_of_the_study(tmp_path: Path) -> None:
    """乙县 has cropland and lake alike; its cropland has no value, 甲县's has."""
    cells = {year: held(year) for year in (2010, 2015)}
    for own in cells.values():
        own[:, 4:6] = np.nan
        own[:, 2:4] = np.where(own[:, 2:4] == 5, 7, own[:, 2:4])
    path = study(tmp_path, f"{UNIT}\nse = 0.1", cells)
    assert "density_raster.whole_mean" in codes_of(path)
    tables = run_tables(path)
    own = rows_of(tables["density_raster"], region_code="0102", stratum="crop")
    assert set(own["used"]) == {"study"}
    assert own["density_t_c_ha"].isna().all()
    stock = agb(tables, region_code="0102", stratum="crop")
    assert (stock["stock_t_c"] / stock["area_ha"]).tolist() == pytest.approx([7.0, 7.0])


def test_a_stratum_without_any_value_keeps_the_table(tmp_path: Path) -> None:
    cells = {year: np.where(cover(year) == 4, np.nan, held(year)) for year in (2010, 2015)}
    path = study(tmp_path, f"{UNIT}\nse = 0.1", cells)
    assert "density_raster.no_cells" in codes_of(path)
    tables = run_tables(path)
    town = agb(tables, stratum="town")
    assert (town["stock_t_c"] / town["area_ha"]).tolist() == pytest.approx([1.0] * len(town))
    assert set(rows_of(tables["density_raster"], stratum="town")["used"]) == {"other"}
    assert "density/town/agb" in set(tables["parameters"]["name"])


def test_strata_limit_what_a_map_is_taken_for(tmp_path: Path) -> None:
    cells = {year: np.full((4, 12), 33.0) for year in (2010, 2015)}
    keys = f'{UNIT}\nse = 0.1\nstrata = ["forest"]'
    tables = run_tables(study(tmp_path, keys, cells))
    stock = agb(tables)
    per = (stock["stock_t_c"] / stock["area_ha"]).groupby(stock["stratum"]).unique()
    assert {name: own.tolist() for name, own in per.items()} == {
        "forest": [pytest.approx(33.0)], "crop": [5.0], "lake": [0.0], "town": [1.0]
    }  # fmt: skip
    wrong = study(tmp_path / "b", keys.replace('"forest"', '"forrest"'), cells)
    assert "density_raster.stratum" in codes_of(wrong)


def test_one_map_is_laid_over_the_cover_of_its_own_year(tmp_path: Path) -> None:
    """The map of 2010 serves 2015, too; land that became forest since then does not thin it."""
    keys = 'rasters = { 2010 = "agb2010.tif" }\nunit = "t C/ha"\nse = 0.1'
    path = study(tmp_path, keys)
    assert {"density_raster.one_year", "density_raster.far_year"} <= set(codes_of(path))
    stock = agb(run_tables(path), stratum="forest")
    assert (stock["stock_t_c"] / stock["area_ha"]).tolist() == pytest.approx([40.0] * len(stock))


def test_errors_are_shared_by_all_cells_strata_and_years(tmp_path: Path) -> None:
    cells = {year: np.where(cover(year) == 0, np.nan, 50.0) for year in (2010, 2015)}
    errors = {year: np.where(cover(year) == 1, 5.0, 15.0) for year in (2010, 2015)}
    keys = f"{MAPS}\nunit = 't C/ha'\nse_rasters = {{ 2010 = 'sd2010.tif', 2015 = 'sd2015.tif' }}"
    path = study(tmp_path, keys, cells)
    write_maps(tmp_path, errors, "sd")
    text = path.read_text(encoding="utf-8").replace("[density]\n", '[density]\npools = ["agb"]\n')
    path.write_text(text.replace("draws = 1000", "draws = 4000"), encoding="utf-8")
    tables = run_tables(path)
    whole = rows_of(tables["regions"], level="study", year=2010).iloc[0]
    strata = agb(tables, year=2010).groupby("stratum")["area_ha"].sum()
    # Fully correlated: the error of the whole is the sum of the errors, nothing in quadrature.
    expected = 5.0 * strata["forest"] + 15.0 * (strata.sum() - strata["forest"])
    assert whole["se_t_c"] == pytest.approx(expected, rel=0.03)
    change = rows_of(tables["change"], level="study").iloc[0]
    assert change["se_t_c"] < 0.1 * expected
    budget = rows_of(tables["error_budget"], region_code="ALL", quantity="stock")
    shares = budget.set_index("source")["share_of_variance"].astype(float)
    assert shares["density_raster"] == pytest.approx(1.0, abs=1e-6)


def test_a_map_without_errors_takes_the_cited_spread_and_says_so(tmp_path: Path) -> None:
    path = study(tmp_path, UNIT)
    assert "density.spread_assumed" in codes_of(path)


def test_polygons_that_tell_strata_apart_split_the_map_too(tmp_path: Path) -> None:
    """The northern half of 乙县's lake is a peatland with another value."""
    path = study(tmp_path, f'{UNIT}\nse = 0.1\nstrata = ["lake", "peatland"]')
    for year in (2010, 2015):
        cells = np.where(cover(year) == 3, 8.0, np.nan)
        cells[:2, 6:8] = 2.0
        write_maps(tmp_path, {year: cells})
    peatland = counties().iloc[[1]].copy()
    shape = peatland.geometry.iloc[0]
    west, _, east, north = shape.bounds
    peatland.geometry = [box(west, north - 200, east, north)]
    peatland.to_file(tmp_path / "ponds.gpkg")
    content = path.read_text(encoding="utf-8")
    content += '\n[[overlays]]\nname = "ponds"\npath = "ponds.gpkg"\n'
    content += 'replaces = ["lake"]\nstratum = "peatland"\n'
    path.write_text(content, encoding="utf-8")
    with (tmp_path / "density.csv").open("a", encoding="utf-8") as stream:
        stream.write(
            "peatland,agb,,0,,t C/ha,water,verified\npeatland,soil,,100,10,t C/ha,cores,verified\n"
        )
    tables = run_tables(path)
    stock = agb(tables, region_code="0102", year=2015)
    per = dict(zip(stock["stratum"], stock["stock_t_c"] / stock["area_ha"], strict=True))
    assert per["peatland"] == pytest.approx(2.0)
    assert per["lake"] == pytest.approx(8.0)


# ---------------------------------------------------------------- hostile


def spoiled(value: float) -> dict[int, Cells]:
    cells = {year: held(year).astype(np.float64) for year in (2010, 2015)}
    cells[2015][1, 1] = value
    return cells


@pytest.mark.parametrize("value", [-9999.0, -0.1, math.inf, -math.inf, 65535.0])
def test_values_that_are_no_amounts_are_refused_with_their_place(
    tmp_path: Path, value: float
) -> None:
    path = study(tmp_path, f"{UNIT}\nse = 0.1", spoiled(value))
    told = [p for p in check_study(path) if p.code == "density_raster.value"]
    assert [(p.file, p.place) for p in told] == [("agb2015.tif", "(1, 1)")]
    assert told[0].severity is Severity.ERROR
    with pytest.raises(InputProblems):
        run_study(path, tmp_path / "out")


def test_no_data_by_the_file_by_the_study_and_nan_are_one(tmp_path: Path) -> None:
    means = []
    for name, value, own, more in (
        ("file", -9999.0, -9999.0, ""), ("study", -9999.0, None, "nodata = -9999"),
        ("nan", math.nan, None, ""),
    ):  # fmt: skip
        path = study(tmp_path / name, f"{UNIT}\nse = 0.1\n{more}", spoiled(value), nodata=own)
        table = run_tables(path)["density_raster"]
        means.append(table[["area_ha", "valid_ha", "density_t_c_ha"]])
    pd.testing.assert_frame_equal(means[0], means[1])
    pd.testing.assert_frame_equal(means[0], means[2])
    assert (means[0]["area_ha"] - means[0]["valid_ha"]).max() == pytest.approx(1.0)


def test_values_beyond_the_regions_do_not_matter(tmp_path: Path) -> None:
    path = study(tmp_path, f"{UNIT}\nse = 0.1", spoiled(-5.0))
    frame = counties()
    frame.iloc[1:].to_file(tmp_path / "counties.gpkg", layer="counties")
    assert "density_raster.value" not in codes_of(path)


def test_errors_that_are_none_are_refused(tmp_path: Path) -> None:
    keys = f"{MAPS}\nunit = 't C/ha'\nse_rasters = {{ 2015 = 'sd2015.tif' }}"
    path = study(tmp_path, keys)
    write_maps(tmp_path, {2015: np.full((4, 12), -1.0)}, "sd")
    told = [p for p in check_study(path) if p.code == "density_raster.value"]
    assert [p.file for p in told] == ["sd2015.tif"]


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        (f'{MAPS}\nunit = "kg/m2"', "study.bad_choice"),
        (MAPS, "study.missing_key"),
        ('unit = "t C/ha"', "study.missing_key"),
        ('rasters = { now = "agb2010.tif" }\nunit = "t C/ha"', "study.bad_year"),
        ('rasters = { 2010 = "none.tif" }\nunit = "t C/ha"', "study.no_such_file"),
        (f'{UNIT}\nse_rasters = {{ 2012 = "agb2010.tif" }}', "study.year_without_raster"),
        (f'{UNIT}\nse = 0.1\nse_rasters = {{ 2010 = "agb2010.tif" }}', "density_raster.two_errors"),
        (f'{UNIT}\ncarbon = 1', "study.unknown_key"),
        (f'{UNIT}\ncarbon_fraction = 47', "study.bad_value"),
        (f'{UNIT}\nband = 2', "raster.no_such_band"),
        (f'{UNIT}\ncrs = "EPSG:nonsense"', "raster.bad_crs"),
    ],
)  # fmt: skip
def test_what_the_study_says_wrongly(tmp_path: Path, keys: str, code: str) -> None:
    assert code in codes_of(study(tmp_path, keys))


def test_a_pool_that_is_none_is_refused(tmp_path: Path) -> None:
    path = study(tmp_path, UNIT, pool="leaves")
    assert "study.unknown_key" in codes_of(path)


def test_a_map_that_is_no_tiff_is_refused(tmp_path: Path) -> None:
    path = study(tmp_path, UNIT)
    (tmp_path / "agb2010.tif").write_text("<VRTDataset/>", encoding="utf-8")
    assert "raster.not_geotiff" in codes_of(path)


def test_complex_numbers_and_several_bands_are_refused(tmp_path: Path) -> None:
    cells = {year: held(year).astype(np.complex64) for year in (2010, 2015)}
    path = study(tmp_path, UNIT, cells)
    assert "raster.not_classes" in codes_of(path)
    write_maps(tmp_path, {year: np.stack([held(year)] * 2) for year in (2010, 2015)})
    assert "raster.several_bands" in codes_of(path)


def test_a_scale_in_the_file_is_applied_and_told(tmp_path: Path) -> None:
    cells = {year: np.nan_to_num(10 * held(year)).astype(np.int16) for year in (2010, 2015)}
    path = study(tmp_path, f"{UNIT}\nse = 0.1", cells)
    for year in (2010, 2015):
        with rasterio.open(tmp_path / f"agb{year}.tif", "r+") as dataset:
            dataset.scales = (0.1,)
    assert "density_raster.scaled" in codes_of(path)
    stock = agb(run_tables(path), stratum="forest")
    assert (stock["stock_t_c"] / stock["area_ha"]).tolist() == pytest.approx([40.0] * len(stock))


def coarse(year: int) -> Cells:
    """Return the values on cells of 200 m: each the mean of four."""
    return held(year).reshape(2, 2, 6, 2).mean(axis=(1, 3))


def test_another_grid_is_refused_unless_the_study_says_how(tmp_path: Path) -> None:
    cells = {2010: coarse(2010)}
    place = from_origin(WEST, NORTH, 2 * CELL, 2 * CELL)
    keys = 'rasters = { 2010 = "agb2010.tif" }\nunit = "t C/ha"\nse = 0.1'
    path = study(tmp_path, keys, cells, transform=place)
    assert "density_raster.grid" in codes_of(path)
    path.write_text(path.read_text(encoding="utf-8") + 'align = "nearest"\n', encoding="utf-8")
    codes = codes_of(path)
    assert "density_raster.grid" not in codes
    assert "density_raster.aligned" in codes
    stock = agb(run_tables(path), stratum="forest", year=2010)
    assert (stock["stock_t_c"] / stock["area_ha"]).tolist() == pytest.approx([40.0])


def test_another_crs_is_read_where_the_study_allows_it(tmp_path: Path) -> None:
    """The same constant in degrees, over a wider frame."""
    keys = 'rasters = { 2010 = "agb2010.tif" }\nunit = "t C/ha"\nse = 0.1\nalign = "nearest"'
    cells = {2010: np.full((60, 60), 12.5)}
    frame = counties().to_crs("EPSG:4326").total_bounds
    place = from_origin(frame[0] - 0.01, frame[3] + 0.01, 0.001, 0.001)
    path = study(tmp_path, keys, cells, crs="EPSG:4326", transform=place)
    assert "density_raster.aligned" in codes_of(path)
    stock = agb(run_tables(path))
    assert (stock["stock_t_c"] / stock["area_ha"]).tolist() == pytest.approx([12.5] * len(stock))


def test_a_map_in_another_unit_than_it_says_is_doubted(tmp_path: Path) -> None:
    cells = {year: (10 * held(year)) for year in (2010, 2015)}
    path = study(tmp_path, f"{UNIT}\nse = 0.1", cells)
    assert "density_raster.scale_doubt" in codes_of(path)
    right = study(tmp_path / "right", f"{UNIT}\nse = 0.1")
    assert "density_raster.scale_doubt" not in codes_of(right)


# ---------------------------------------------------------------- oracle


def stars() -> list[Any]:
    """Return three stars with a hole, which share cells and cut most of those they touch."""
    shapes = []
    for x, y, spikes in ((20.3, -21.2, 7), (38.7, -27.9, 13), (30.0, -44.0, 4)):
        turn = np.linspace(0, 2 * math.pi, 200)[:-1]
        ray = 11 + 5 * np.sin(spikes * turn)
        ring = np.column_stack([x + ray * np.cos(turn), y + ray * np.sin(turn)])
        shapes.append(shapely.Polygon(ring) - shapely.Point(x, y).buffer(2.2))
    return shapes


def summed(folder: Path, codes: Cells, values: Cells, errors: Cells, **how: Any) -> Sums:
    """Sum one map of values and errors over the stars; the codes of classes are 1, 2 and 3."""
    arrays = {"lc": codes, "value": values, "error": errors}
    paths = {name: rasters.write_raster(folder / f"{name}.tif", a) for name, a in arrays.items()}
    config = DensityRasterConfig(rasters={"2010": "value.tif"}, unit="t C/ha")
    value, error = (
        load_value_raster([Source(path=str(paths[name]))], config, base=folder, problems=Problems())
        for name in ("value", "error")
    )
    assert value is not None
    sources = tuple(rasters.load({2010: paths["lc"]}).values())
    grid = sources[0].grid
    there = Transformer.from_crs(grid.crs, grid.crs, always_xy=True)
    outline = outlines(np.array(stars(), dtype=object), grid, transformer=there)
    table = np.arange(256, dtype=np.int64)
    job, _ = job_of(sources, outline, symbols=table, nodata=[0], exact=True)
    lookup = np.full((1, 256), -1, np.int64)
    lookup[0, 1:4] = [0, 1, 2]
    layer = Layer(value, error, 1.0, 0)
    return layer_sums(job, [layer], lookup=lookup, strata=3, limit=5000.0, **how)[0]


@pytest.fixture
def patchy() -> tuple[Cells, Cells, Cells]:
    """Classes with gaps, values with gaps, errors."""
    rng = np.random.default_rng(11)
    codes = rng.integers(0, 4, (64, 60)).astype(np.uint8)
    values = rng.gamma(2.0, 30.0, codes.shape)
    values[rng.random(codes.shape) < 0.2] = np.nan
    return codes, values, rng.uniform(1, 20, codes.shape)


def test_sums_are_those_of_exactextract(tmp_path: Path, patchy: tuple[Cells, Cells, Cells]) -> None:
    codes, values, errors = patchy
    found = summed(tmp_path, codes, values, errors)
    height, width = codes.shape
    place = np.arange(codes.size, dtype=np.float64).reshape(codes.shape)
    source = NumPyRasterSource(
        place, 0, -height, width, 0, srs_wkt=CRS.from_user_input(rasters.EQUAL_AREA).to_wkt()
    )
    frame = gpd.GeoDataFrame(geometry=stars(), crs=rasters.EQUAL_AREA)
    rows = exact_extract(source, frame, ["values", "coverage"], output="pandas")
    for region, (cells, coverage) in enumerate(zip(rows["values"], rows["coverage"], strict=True)):
        index = np.asarray(cells, np.int64)
        own, held, error = (array.ravel()[index] for array in patchy)
        for stratum in range(3):
            here = own == stratum + 1
            known = here & ~np.isnan(held)
            expected = {
                "land": coverage[here].sum(), "valid": coverage[known].sum(),
                "tonnes": (coverage * held)[known].sum(),
                "error_tonnes": (coverage * error)[known].sum(),
            }  # fmt: skip
            for name, number in expected.items():  # a cell is 1 m²
                mine = getattr(found, name)[region, stratum] * 1e4
                assert mine == pytest.approx(number, rel=1e-5), (region, stratum, name)


def test_sums_are_the_same_bits_for_any_windows_and_workers(
    tmp_path: Path, patchy: tuple[Cells, Cells, Cells]
) -> None:
    one = summed(tmp_path, *patchy, workers=1)
    for held in (1, 4_000):
        other = summed(tmp_path, *patchy, workers=2, held=held)
        for name in ("land", "valid", "tonnes", "with_error", "error_tonnes"):
            assert np.array_equal(getattr(one, name), getattr(other, name)), name


def test_strange_values_are_found_wherever_windows_end(
    tmp_path: Path, patchy: tuple[Cells, Cells, Cells]
) -> None:
    codes, values, errors = patchy
    codes[20:24, 10:40], values[22, 24], values[21, 30] = 1, -1.0, -2.0
    for held in (16 << 20, 1):
        odd = summed(tmp_path, codes, values, errors, workers=1, held=held).strange
        assert [(cell.row, cell.col, cell.value) for cell in odd] == [(21, 30, -2.0)]
        assert odd[0].hectares == pytest.approx(2e-4, rel=0.6)
