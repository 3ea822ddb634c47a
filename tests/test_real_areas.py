"""Areas on real input: MODIS with an odd CRS, 38 years of MapBiomas, rasters of other kinds."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from pyproj import Geod, Transformer

from sinks.checks import Problems, Severity
from sinks.landcover.activity import Activity, activity, strata_of_symbols
from sinks.legend import LandClass, Legend
from sinks.outlines import outlines, transformer_between
from sinks.symbols import symbols
from tests.conftest import SHARED, needs_shared
from tests.rasters import joint_of, load, region_totals, square_metres

LANDCOVER = SHARED / "data/landcover"
MODIS = LANDCOVER / "mcd12c1_2019/MCD12C1.A2019001.tif"
MAPBIOMAS = LANDCOVER / "mapbiomas_amapa/lorenco_85a22.tif"
HUBEI = SHARED / "data/boundaries/hubei_counties_wgs84.geojson"

pytestmark = needs_shared


def geodesic(polygon: Any, ellipsoid: str = "WGS84") -> float:
    return abs(Geod(ellps=ellipsoid).geometry_area_perimeter(polygon)[0])


# ---------------------------------------------------------------- Hubei and MODIS


def test_hubei_on_modis_has_true_areas() -> None:
    """103 counties on cells of 5 km in degrees on an unknown datum (Clarke 1866)."""
    import geopandas as gpd

    counties = gpd.read_file(HUBEI)
    sources = load({2019: MODIS})
    problems = Problems("en")
    transformer = transformer_between(
        counties.crs, sources[2019].grid, file="counties", problems=problems
    )
    assert transformer is not None
    (told,) = problems
    assert (told.code, told.severity) == ("crs.unknown_datum_small", Severity.WARN)
    assert "Clarke 1866" in told.text("en") or "unknown" in told.text("en")
    shapes = counties.geometry.values
    outline = outlines(np.asarray(shapes), sources[2019].grid, transformer=transformer)
    corners = shapely.get_coordinates(shapes)
    x, y = sources[2019].grid.to_cells(corners[:, 0], corners[:, 1])
    assert outline.window == (
        math.floor(y.min()), math.ceil(y.max()), math.floor(x.min()), math.ceil(x.max())
    )  # fmt: skip
    joint = joint_of(sources, shapes, crs=counties.crs)
    totals = region_totals(joint, len(counties))
    assert len(counties) == 103
    assert totals.tolist() == pytest.approx([geodesic(shape) for shape in shapes], rel=1e-4)
    on_clarke = sum(geodesic(shape, "clrk66") for shape in shapes)
    assert totals.sum() == pytest.approx(on_clarke, rel=1e-7)


# ---------------------------------------------------------------- MapBiomas, 38 years


YEARS = tuple(range(1985, 2023))
CODES = (3, 6, 11, 12, 15, 24, 30, 33, 41)
#: The file's no data; a class in some versions of the legend.
NODATA = 27
#: An equal-area projection around the place of the file's coordinates: cells count alike.
FLAT = "+proj=laea +lat_0=2 +lon_0=-48 +x_0=430000 +y_0=256000 +ellps=GRS80 +units=m"
#: Rows and columns of two regions that follow the cells.
BLOCKS = ((100, 900, 200, 1100), (850, 1341, 0, 700))


@pytest.fixture(scope="module")
def stack() -> Any:
    import rasterio

    with rasterio.open(MAPBIOMAS) as dataset:
        return dataset.read()


def blocks_of(grid: Any) -> list[Any]:
    return [
        shapely.box(
            grid.x0 + west * grid.dx, grid.y0 + south * grid.dy,
            grid.x0 + east * grid.dx, grid.y0 + north * grid.dy,
        )
        for north, south, west, east in BLOCKS
    ]  # fmt: skip


@pytest.fixture(scope="module")
def paths() -> tuple[Any, float]:
    """Return the joint table of 38 years on the two blocks, and the area of a cell [m²]."""
    sources = load({year: (MAPBIOMAS, i + 1) for i, year in enumerate(YEARS)}, crs=FLAT)
    grid = sources[1985].grid
    return joint_of(sources, blocks_of(grid), workers=2), abs(grid.dx * grid.dy)


@pytest.fixture(scope="module")
def mapbiomas(paths: tuple[Any, float]) -> Activity:
    rows = [
        LandClass(code, f"c{code}", "", "", "other_land", "other", "#000000", "", "")
        for code in CODES
    ]
    legend = Legend("mapbiomas", tuple(rows))
    table = symbols(CODES, [], dtype="uint8")
    lookup = strata_of_symbols(legend, table, nodata=dict.fromkeys(YEARS, NODATA), years=YEARS)
    return activity(paths[0], lookup, strata=legend.strata, codes=["north", "south"])


def cells_of(stack: Any, block: tuple[int, int, int, int]) -> Any:
    """Return the classes of a block, dims (year, cell), of cells valid in every year."""
    north, south, west, east = block
    cells = stack[:, north:south, west:east].reshape(len(YEARS), -1)
    return cells[:, (cells != NODATA).all(axis=0)]


def test_every_path_of_38_years_is_counted(paths: tuple[Any, float], stack: Any) -> None:
    joint, cell = paths
    found = square_metres(joint)
    for region, (north, south, west, east) in enumerate(BLOCKS):
        cells = np.ascontiguousarray(stack[:, north:south, west:east].reshape(len(YEARS), -1).T)
        truth, count = np.unique(cells.view(f"V{len(YEARS)}"), return_counts=True)
        assert len(truth) > 100
        own = {tuple(path.tobytes()): n * cell for path, n in zip(truth, count, strict=True)}
        mine = {path: area for (of, path), area in found.items() if of == region}
        assert mine == pytest.approx(own, rel=1e-9)


def test_areas_of_every_year(mapbiomas: Activity, paths: tuple[Any, float], stack: Any) -> None:
    hectares = paths[1] / 10_000
    for region, block in enumerate(BLOCKS):
        cells = cells_of(stack, block)
        assert cells.size
        for k, year in enumerate(YEARS):
            count = np.bincount(cells[k], minlength=256)
            own = mapbiomas.area[region].sel(year=year)
            for stratum in mapbiomas.area["stratum"].values:
                truth = count[int(stratum[1:])] * hectares
                assert float(own.sel(stratum=stratum)) == pytest.approx(truth, rel=1e-9)
            assert float(own.sum()) == pytest.approx(count.sum() * hectares, rel=1e-9)


def test_every_consecutive_pair_and_the_whole_span(
    mapbiomas: Activity, paths: tuple[Any, float], stack: Any
) -> None:
    hectares = paths[1] / 10_000
    strata = [int(name[1:]) for name in mapbiomas.area["stratum"].values]
    assert list(mapbiomas.transitions) == [*pairwise(YEARS), (1985, 2022)]
    moved = 0.0
    for region, block in enumerate(BLOCKS):
        cells = cells_of(stack, block).astype(np.int64)
        for (start, end), table in mapbiomas.transitions.items():
            pair = 256 * cells[start - 1985] + cells[end - 1985]
            count = np.bincount(pair, minlength=65536).reshape(256, 256)[np.ix_(strata, strata)]
            np.testing.assert_allclose(table[region].values, count * hectares, rtol=1e-9)
            moved += (count.sum() - np.trace(count)) * hectares
    assert moved > 1000


def test_in_its_own_projection_the_areas_are_those_of_the_ellipsoid() -> None:
    sources = load({1985: (MAPBIOMAS, 1)})
    grid = sources[1985].grid
    shapes = blocks_of(grid)
    totals = region_totals(joint_of(sources, shapes), 2)
    back = Transformer.from_crs(grid.crs, grid.crs.geodetic_crs, always_xy=True)
    for shape, total in zip(shapes, totals, strict=True):
        ring = shapely.transform(shapely.segmentize(shape, 100), back.transform, interleaved=False)
        assert total == pytest.approx(geodesic(ring, "GRS80"), rel=1e-6)
        assert abs(total / shape.area - 1) > 1e-4, "the scale of UTM is not nothing"


# ---------------------------------------------------------------- other real rasters


@pytest.mark.parametrize(
    ("files", "nodata"),
    [
        ([f"pie/lu_pie_{year}.tif" for year in (1985, 1991, 1999)], -32768),
        ([f"neiba_cgls_lc100/LC100_{year}.tif" for year in (2015, 2019)], 255),
        ([f"vaud_corine/ls250_{year}.tif" for year in ("06", "12")], 255),
    ],
)
def test_counts_of_whole_rasters(files: list[str], nodata: int) -> None:
    """16-bit, degrees, stripes of odd height: each cell once, each path with its cells."""
    import rasterio

    years = []
    for name in files:
        with rasterio.open(LANDCOVER / name) as dataset:
            years.append(dataset.read(1))
    cells = np.stack(years).reshape(len(files), -1)
    sources = load({i: LANDCOVER / name for i, name in enumerate(files)})
    grid = sources[0].grid
    codes = sorted(set(np.unique(cells).tolist()) - {nodata})
    joint = joint_of(sources, [shapely.box(*grid.bounds)], codes=codes, strip_bytes=30_000)
    table = symbols(codes, [], dtype=sources[0].dtype)
    found = {
        tuple(nodata if symbol in (254, nodata) else int(table[symbol]) for symbol in path): area
        for (_, path), area in square_metres(joint).items()
    }
    paths, count = np.unique(cells, axis=1, return_counts=True)
    assert found.keys() == {tuple(path) for path in paths.T.tolist()}
    mean = sum(found.values()) / count.sum()
    for path, n in zip(paths.T.tolist(), count, strict=True):
        # Cells differ in size by the scale of the projection, or by the latitude.
        assert found[tuple(path)] == pytest.approx(n * mean, rel=0.01)


def test_the_chinese_datum_of_a_real_raster_is_told() -> None:
    """A Fujian watershed on Beijing 1954: no known shift to the counties' WGS 84."""
    folder = SHARED / "data/dem/youwuzhen_fujian"
    sources = load({2000: Path(folder / "ywzlanduse30m_upd.tif")})
    problems = Problems("zh")
    grid = sources[2000].grid
    import pyproj

    wgs84 = pyproj.CRS.from_epsg(4326)
    assert transformer_between(wgs84, grid, file="县界", problems=problems) is None
    assert [problem.code for problem in problems] == ["crs.needs_parameters"]
