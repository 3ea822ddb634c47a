"""A wetland case worked by hand from cover to ledger: every pool, flux, cause and target.

Cells are 1 km × 1 km in an equal-area projection, 100 ha each; two counties of 10 × 24 cells.
All figures of the tests are worked out here, from hectares and t C/ha; nothing is looked up.

    甲县, 24,000 ha           2010      2015    what happened
    cropland               17,000     1,700    16,300 became marsh, 1,000 came from marsh
    marsh                   3,000    18,300
    lake                    4,000     4,000

    乙县, 24,000 ha
    forested swamp          2,000     2,300      500 became lake, 800 came from forest
    forest                 10,000     9,200
    lake                   12,000    11,900      600 became cropland
    cropland                    0       600

    t C/ha            agb    bgb   soil  |   all
    cropland          2.0    0.5     62  |  64.5
    marsh             3.0    4.0     92  |  99.0
    lake              0.2    0.1     80  |  80.3
    swamp            15.0    4.0    110  | 129.0
    forest           20.0    5.0     90  | 115.0

The restoration project covers 17,000 ha of cropland of 甲县, of which 700 stayed cropland.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from rasterio.transform import from_origin
from shapely.geometry import box

from sinks.report.wetlands import wetlands
from sinks.results import Results
from sinks.run import Options, run_study
from sinks.summary import words_of
from tests.tiny import CRS, NORTH, WEST, cell, rows_of, target, write_raster, write_study

KM = 1000.0
CROP, MARSH, LAKE, SWAMP, FOREST = 1, 2, 3, 4, 5
LEGEND = """code,stratum,name_en,name_zh,ipcc,group,colour
1,cropland,Cropland,耕地,cropland,cropland,#ffcc00
2,marsh,Marsh,草本沼泽,wetlands,wetland,#49baad
3,lake,Lake,湖泊,wetlands,wetland,#2f7fc1
4,swamp,Forested swamp,木本沼泽,wetlands,wetland,#008086
5,forest,Forest,森林,forest_land,forest,#29703d
"""
PER_HECTARE = {
    "cropland": (2.0, 0.5, 62.0), "marsh": (3.0, 4.0, 92.0), "lake": (0.2, 0.1, 80.0),
    "swamp": (15.0, 4.0, 110.0), "forest": (20.0, 5.0, 90.0),
}  # fmt: skip
FLUXES = """stratum,flux,value,se,unit,source,confidence
lake,burial,0.3,0.06,t C/ha/yr,cores,verified
marsh,ch4,0.235,,t CH4/ha/yr,chambers,verified
swamp,ch4,0.235,,t CH4/ha/yr,chambers,verified
"""


def filled(*counts: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Return a county of 24 × 10 cells, filled column by column with (code, cells)."""
    codes = np.concatenate([np.full(cells, code, np.uint8) for code, cells in counts])
    return codes.reshape(10, 24).T


def cover(year: int) -> npt.NDArray[np.uint8]:
    """Return both counties side by side."""
    if year == 2010:
        one = filled((CROP, 170), (MARSH, 30), (LAKE, 40))
        two = filled((SWAMP, 20), (FOREST, 100), (LAKE, 120))
    else:
        one = filled((MARSH, 163), (CROP, 7), (CROP, 10), (MARSH, 20), (LAKE, 40))
        two = filled(
            (LAKE, 5), (SWAMP, 15), (SWAMP, 8), (FOREST, 92), (CROP, 6), (LAKE, 114)
        )  # fmt: skip
    return np.hstack([one, two])


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Run the whole, with map, report and workbook."""
    folder = tmp_path_factory.mktemp("case")
    for year in (2010, 2015):
        place = from_origin(WEST, NORTH, KM, KM)
        write_raster(folder / f"lc{year}.tif", cover(year), transform=place)
    shapes = [box(WEST + KM * x, NORTH - 24 * KM, WEST + KM * (x + 10), NORTH) for x in (0, 10)]
    gpd.GeoDataFrame(
        {"code": ["01", "02"], "name": ["甲县", "乙县"], "prefecture": ["江市"] * 2},
        geometry=shapes, crs=CRS,
    ).to_file(folder / "counties.gpkg")  # fmt: skip
    # Seven columns and two rows of an eighth: 170 cells.
    project = [box(WEST, NORTH - 24 * KM, WEST + 7 * KM, NORTH),
               box(WEST + 7 * KM, NORTH - 2 * KM, WEST + 8 * KM, NORTH)]  # fmt: skip
    gpd.GeoDataFrame(geometry=project, crs=CRS).to_file(folder / "restoration.gpkg")
    (folder / "legend.csv").write_text(LEGEND, encoding="utf-8")
    rows = [
        f"{stratum},{pool},{value},,t C/ha,by hand,verified"
        for stratum, values in PER_HECTARE.items()
        for pool, value in zip(("agb", "bgb", "soil"), values, strict=True)
    ]
    head = "stratum,pool,value,se,unit,source,confidence"
    (folder / "density.csv").write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    (folder / "fluxes.csv").write_text(FLUXES, encoding="utf-8")
    restored = target(
        name="restored", quantity="area", groups=["wetland"], value=16_300, unit="ha",
        overlay="restoration",
    )  # fmt: skip
    study = write_study(folder, density='table = "density.csv"\nrelative_se = 0.1',
                        uncertainty="draws = 200", targets=[restored])  # fmt: skip
    extra = """[wetland]
fluxes = "fluxes.csv"
[[overlays]]
name = "restoration"
path = "restoration.gpkg"
kind = "restoration"
"""
    study.write_text(study.read_text("utf-8") + extra, encoding="utf-8")
    return run_study(study, folder / "out", options=Options(workers=1))


@pytest.fixture(scope="module")
def tables(done: Results) -> dict[str, pd.DataFrame]:
    return dict(done.tables)


def test_stock_and_change(tables: dict[str, pd.DataFrame]) -> None:
    """甲: 1,096,500 + 297,000 + 321,200, then 109,650 + 1,811,700 + 321,200 t C."""
    stocks = tables["regions"].set_index(["region_code", "year"])["stock_t_c"]
    assert stocks["01", 2010] == pytest.approx(1_714_700)
    assert stocks["01", 2015] == pytest.approx(2_242_550)
    changes = tables["change"].set_index("region_code")
    # 16,300 × (99 − 64.5) gained and 1,000 × the same lost.
    assert changes.loc["01", "gain_t_c"] == pytest.approx(562_350)
    assert changes.loc["01", "loss_t_c"] == pytest.approx(34_500)
    assert changes.loc["01", "change_t_c"] == pytest.approx(527_850)
    # 800 × (129 − 115) − 500 × (129 − 80.3) − 600 × (80.3 − 64.5).
    assert changes.loc["02", "change_t_c"] == pytest.approx(11_200 - 24_350 - 9_480)


def test_pools_and_fluxes_of_each_wetland(tables: dict[str, pd.DataFrame]) -> None:
    table = rows_of(tables["wetland"], year=2015).set_index(["region_code", "stratum"])
    marsh, lake, swamp = (table.loc[key] for key in (("01", "marsh"), ("01", "lake"),
                                                     ("02", "swamp")))  # fmt: skip
    assert marsh["vegetation_t_c"] == pytest.approx(18_300 * 7)
    assert marsh["soil_t_c"] == pytest.approx(1_683_600)
    assert marsh["ch4_t_per_yr"] == pytest.approx(4_300.5)
    assert marsh["ch4_t_co2e_per_yr"] == pytest.approx(120_414)
    assert marsh["gwp"] == "AR5"
    assert np.isnan(marsh["burial_t_c_per_yr"])
    assert lake["burial_t_c_per_yr"] == pytest.approx(1_200)
    # ± 20 % at one standard error, 39 % at 95 %.
    assert lake["burial_high_t_c_per_yr"] == pytest.approx(1_200 * 1.39, rel=0.1)
    assert swamp["vegetation_t_c"] == pytest.approx(2_300 * 19)
    assert swamp["ch4_t_per_yr"] == pytest.approx(540.5)


def test_gains_and_losses_by_type_and_county(tables: dict[str, pd.DataFrame]) -> None:
    table = tables["transition_summary"].set_index(["region_code", "stratum"])
    expected = {
        ("01", "marsh"): (16_300, 1_000), ("01", "lake"): (0, 0), ("02", "swamp"): (800, 500),
        ("02", "lake"): (500, 600), ("ALL", "lake"): (500, 600),
    }  # fmt: skip
    for key, (gain, loss) in expected.items():
        assert table.loc[key, "gain_ha"] == pytest.approx(gain), key
        assert table.loc[key, "loss_ha"] == pytest.approx(loss), key
    groups = tables["group_summary"].set_index(["region_code", "group"])
    # Swamp that became lake has stayed wetland; forest that became swamp is new.
    assert groups.loc[("02", "wetland"), "gain_ha"] == pytest.approx(800)
    assert groups.loc[("02", "wetland"), "loss_ha"] == pytest.approx(600)


@pytest.mark.parametrize(
    ("code", "direction", "hectares", "committed"),
    [
        ("01", "restored", 16_300, 16_300 * (92 - 62)),
        ("01", "reclaimed", 1_000, 1_000 * (62 - 92)),
        ("02", "restored", 800, 800 * (110 - 90)),
        ("02", "reclaimed", 600, 600 * (62 - 80)),
        ("ALL", "restored", 17_100, 489_000 + 16_000),
    ],
)
def test_soils_follow_over_twenty_years(
    tables: dict[str, pd.DataFrame], code: str, direction: str, hectares: float, committed: float
) -> None:
    """After five years of even conversion an eighth has come; a twentieth follows each year."""
    row = rows_of(tables["wetland_soil"], region_code=code, direction=direction).iloc[0]
    assert row["area_ha"] == pytest.approx(hectares)
    assert row["committed_t_c"] == pytest.approx(committed)
    assert row["realised_t_c"] == pytest.approx(committed / 8)
    assert row["rate_t_c_per_yr"] == pytest.approx(committed / 20)


def test_the_restoration_target_is_met_to_the_hectare(tables: dict[str, pd.DataFrame]) -> None:
    row = rows_of(tables["targets"], target="restored", region_code="ALL").iloc[0]
    assert row["required"] == 16_300
    assert row["achieved"] == pytest.approx(16_300)
    assert row["share_achieved"] == pytest.approx(1)
    own = rows_of(tables["overlay_regions"], overlay="restoration", region_code="01")
    wet = own.set_index("year")["wetland_ha"]
    assert (wet[2010], wet[2015]) == (pytest.approx(0), pytest.approx(16_300))
    change = cell(tables["overlay_change"], "change_t_c", overlay="restoration", region_code="ALL",
                  part="")  # fmt: skip
    assert change == pytest.approx(562_350)


def test_swamp_forest_counts_once(done: Results, tables: dict[str, pd.DataFrame]) -> None:
    """Swamp is wetland in every area; land that leaves the forest for it is a loss of forest."""
    row = rows_of(tables["regions"], region_code="02", year=2015).iloc[0]
    assert row["forest_ha"] == pytest.approx(9_200)
    assert row["wetland_ha"] == pytest.approx(2_300 + 11_900)
    assert row["forest_ha"] + row["wetland_ha"] + 600 == pytest.approx(row["valid_ha"])
    causes = rows_of(tables["attribution"], region_code="02").set_index("cause")
    told = causes[["area_ha", "change_t_c"]]
    assert told.loc["forest_loss"].tolist() == pytest.approx([800, 11_200])
    assert told.loc["new_wetland"].tolist() == pytest.approx([0, 0])
    assert told.loc["wetland_in_place", "change_t_c"] == pytest.approx(-24_350)
    assert told.loc["wetland_loss"].tolist() == pytest.approx([600, -9_480])
    assert causes["change_t_c"].sum() == pytest.approx(-22_630)
    rules = done.meta["rules"]
    assert "swamp" in rules["groups"]
    assert "forest" in rules["forest_and_wetland"]


def test_definitions_side_by_side(tables: dict[str, pd.DataFrame]) -> None:
    """Narrow: marsh and swamp; the survey adds lakes; the broad one paddy: there is none."""
    table = rows_of(tables["wetland_definitions"], region_code="ALL", year=2015)
    areas = dict(zip(table["definition"], table["area_ha"], strict=True))
    assert areas == pytest.approx({"narrow": 20_600, "survey": 36_500, "broad": 36_500})
    stocks = dict(zip(table["definition"], table["stock_t_c"], strict=True))
    narrow = 18_300 * 99 + 2_300 * 129
    assert stocks["narrow"] == pytest.approx(narrow)
    assert stocks["survey"] == pytest.approx(narrow + 15_900 * 80.3)
    assert (table["low_t_c"] < table["stock_t_c"]).all()


def test_everything_closes(tables: dict[str, pd.DataFrame]) -> None:
    assert set(tables["qc"]["passed"]) <= {"true", "not_applicable"}


def test_the_report_tells_it(done: Results) -> None:
    """Types, definitions and soils as the tables have them; the unit of methane with its GWP."""
    section = wetlands(done, words_of(done))
    types = {row["name"]: row for row in section["types"]}
    marsh, lake = types["Marsh"], types["Lake"]
    assert section["gwp"] == "AR5"
    assert (marsh["ch4"], marsh["burial"]) == ("120,000", "–")
    assert (lake["ch4"], lake["burial"]) == ("–", "4,800 (3,200 to 6,900)")  # 15,900 ha × 0.3
    assert len(section["definitions"]) == 3
    soils = {row["name"]: row for row in section["soils"]}
    # 505,000 and −40,800 t C once settled; an eighth by 2015; a twentieth each year.
    restored, reclaimed = soils["Became wetland"], soils["Ceased to be wetland"]
    assert [restored[key] for key in ("committed", "realised", "rate")] == [
        "+505,000", "+63,100", "+25,200",
    ]  # fmt: skip
    assert reclaimed["committed"] == "−40,800"
    assert section["seasonal"] == ""
    page = (done.root / "report.html").read_text("utf-8")
    assert '<section id="wetlands">' in page
    assert "t CO2e/yr · AR5" in page
