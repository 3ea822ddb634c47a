"""The tiny province of `tests/tiny.py`: every number of every table, worked by hand.

Tonnes per hectare, all pools: forest 140 in 2010 and 144 in 2015 (agb 40 → 44, soil 100),
cropland 85, lake 120, town 51.
"""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest
from scipy.stats import lognorm, norm

from tests.tiny import cell, rows_of, run_tables, target, write_study, write_tiny

DRAWS = 10_000
#: The standard error of n draws is itself uncertain by 1 / √(2n) of it: 0.7 % at 10,000. Four of
#: these are allowed for sums of several pools.
MONTE_CARLO = 4 / math.sqrt(2 * DRAWS)
#: A single pool is drawn by Latin hypercube, which all but fixes its mean and spread.
ONE_POOL = 0.002
Z = 1.959964  # half a 95 % interval of the normal distribution, in standard errors


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    folder = tmp_path_factory.mktemp("tiny")
    targets = [
        target(name="c", pools=["agb"], share_by="forest_area"),
        target(
            name="lakes", quantity="area", groups=["wetland"], kind="level", value=20, unit="ha"
        ),
    ]
    study = write_tiny(folder, uncertainty=f"draws = {DRAWS}", targets=targets)
    return run_tables(study)


def as_text(table: pd.DataFrame, *, without: tuple[str, ...] = ()) -> str:
    """Return a table as CSV without the columns that carry the noise of the draws."""
    return table.drop(columns=list(without)).to_csv(index=False, lineterminator="\n")


SPREAD = ("se_t_c", "low_t_c", "high_t_c")

# Cells are hectares: each of four rows holds two of every class of its county. The lake cell
# without data in 2015 leaves 乙县 in both years. Stock is area × density:
# 甲县 2010: 8 × 40, 8 × 100, 8 × 5, 8 × 80; 2015: 12 × 44, 12 × 100, 4 × 5, 4 × 80.
# 乙县, both years: 8 × 5, 8 × 80, 7 × 0, 7 × 120.
# 丙县 2010: 8 × 0, 8 × 120, 8 × 1, 8 × 50; 2015: 9 × 0, 9 × 120, 7 × 1, 7 × 50.
STOCK = """region_code,region_name,year,stratum,pool,area_ha,stock_t_c
0101,甲县,2010,forest,agb,8.0,320.0
0101,甲县,2010,forest,soil,8.0,800.0
0101,甲县,2010,crop,agb,8.0,40.0
0101,甲县,2010,crop,soil,8.0,640.0
0101,甲县,2015,forest,agb,12.0,528.0
0101,甲县,2015,forest,soil,12.0,1200.0
0101,甲县,2015,crop,agb,4.0,20.0
0101,甲县,2015,crop,soil,4.0,320.0
0102,乙县,2010,crop,agb,8.0,40.0
0102,乙县,2010,crop,soil,8.0,640.0
0102,乙县,2010,lake,agb,7.0,0.0
0102,乙县,2010,lake,soil,7.0,840.0
0102,乙县,2015,crop,agb,8.0,40.0
0102,乙县,2015,crop,soil,8.0,640.0
0102,乙县,2015,lake,agb,7.0,0.0
0102,乙县,2015,lake,soil,7.0,840.0
0203,丙县,2010,lake,agb,8.0,0.0
0203,丙县,2010,lake,soil,8.0,960.0
0203,丙县,2010,town,agb,8.0,8.0
0203,丙县,2010,town,soil,8.0,400.0
0203,丙县,2015,lake,agb,9.0,0.0
0203,丙县,2015,lake,soil,9.0,1080.0
0203,丙县,2015,town,agb,7.0,7.0
0203,丙县,2015,town,soil,7.0,350.0
"""

# Stock 甲县: 320 + 800 + 40 + 640 = 1800; 528 + 1200 + 20 + 320 = 2068.
# 乙县: 40 + 640 + 840 = 1520 in both years. 丙县: 960 + 8 + 400 = 1368; 1080 + 7 + 350 = 1437.
# 江北市 is 甲县 and 乙县, 江南市 is 丙县. Wetland of 2010 counts the land compared: 7 ha in 乙县.
REGIONS = """region_code,region_name,level,parent_code,year,region_ha,valid_ha,nodata_ha,forest_ha,\
wetland_ha,stock_t_c
0101,甲县,region,江北市,2010,16.0,16.0,0.0,8.0,0.0,1800.0
0102,乙县,region,江北市,2010,16.0,16.0,0.0,0.0,7.0,1520.0
0203,丙县,region,江南市,2010,16.0,16.0,0.0,0.0,8.0,1368.0
江北市,江北市,prefecture,ALL,2010,32.0,32.0,0.0,8.0,7.0,3320.0
江南市,江南市,prefecture,ALL,2010,16.0,16.0,0.0,0.0,8.0,1368.0
ALL,ALL,study,,2010,48.0,48.0,0.0,8.0,15.0,4688.0
0101,甲县,region,江北市,2015,16.0,16.0,0.0,12.0,0.0,2068.0
0102,乙县,region,江北市,2015,16.0,15.0,1.0,0.0,7.0,1520.0
0203,丙县,region,江南市,2015,16.0,16.0,0.0,0.0,9.0,1437.0
江北市,江北市,prefecture,ALL,2015,32.0,31.0,1.0,12.0,7.0,3588.0
江南市,江南市,prefecture,ALL,2015,16.0,16.0,0.0,0.0,9.0,1437.0
ALL,ALL,study,,2015,48.0,47.0,1.0,12.0,16.0,5025.0
"""

# 甲县: 8 ha of forest grow by 144 − 140 = 4, so 32; 4 ha of cropland become forest, 144 − 85 = 59
# each, so 236; gain 268. Area effect: forest +4 ha at (140 + 144) / 2 = 142, cropland −4 ha at 85:
# 568 − 340 = 228. Density effect: (8 + 12) / 2 ha of forest × 4 = 40. Together 268 again.
# 丙县: 1 ha of town becomes lake, 120 − 51 = 69, all of it by area. 乙县: nothing.
CHANGE = """region_code,region_name,level,start,end,change_t_c,gain_t_c,loss_t_c,area_effect_t_c,\
density_effect_t_c,detectable
0101,甲县,region,2010,2015,268.0,268.0,0.0,228.0,40.0,True
0102,乙县,region,2010,2015,0.0,0.0,0.0,0.0,0.0,False
0203,丙县,region,2010,2015,69.0,69.0,0.0,69.0,0.0,True
江北市,江北市,prefecture,2010,2015,268.0,268.0,0.0,228.0,40.0,True
江南市,江南市,prefecture,2010,2015,69.0,69.0,0.0,69.0,0.0,True
ALL,ALL,study,2010,2015,337.0,337.0,0.0,297.0,40.0,True
"""

TRANSITIONS = """region_code,start,end,from_stratum,to_stratum,area_ha,change_t_c
0101,2010,2015,forest,forest,8.0,32.0
0101,2010,2015,crop,forest,4.0,236.0
0101,2010,2015,crop,crop,4.0,0.0
0102,2010,2015,crop,crop,8.0,0.0
0102,2010,2015,lake,lake,7.0,0.0
0203,2010,2015,lake,lake,8.0,0.0
0203,2010,2015,town,lake,1.0,69.0
0203,2010,2015,town,town,7.0,0.0
"""

COVERAGE = """region_code,year,region_ha,inside_ha,valid_ha,nodata_ha,outside_ha,common_valid_ha
0101,2010,16.0,16.0,16.0,0.0,0.0,16.0
0102,2010,16.0,16.0,16.0,0.0,0.0,15.0
0203,2010,16.0,16.0,16.0,0.0,0.0,16.0
0101,2015,16.0,16.0,16.0,0.0,0.0,16.0
0102,2015,16.0,16.0,15.0,1.0,0.0,15.0
0203,2015,16.0,16.0,16.0,0.0,0.0,16.0
"""

# Relative errors above 15 % are drawn lognormal: cropland and town above ground.
PARAMETERS = """name,value,se,unit,distribution,source,confidence
density/crop/agb,5.0,1.0,t C/ha,lognormal,yearbook,secondary
density/crop/soil,80.0,8.0,t C/ha,normal,profiles,verified
density/forest/agb/2010,40.0,4.0,t C/ha,normal,plots of 2010,verified
density/forest/agb/2015,44.0,4.0,t C/ha,normal,plots of 2015,verified
density/forest/soil,100.0,10.0,t C/ha,normal,profiles,verified
density/lake/agb,0.0,0.0,t C/ha,fixed,open water,verified
density/lake/soil,120.0,12.0,t C/ha,normal,cores,secondary
density/town/agb,1.0,0.5,t C/ha,lognormal,a guess,secondary
density/town/soil,50.0,5.0,t C/ha,normal,profiles,secondary
"""

# Forest above ground: 12 × 44 − 8 × 40 = 208 t C, all of it in 甲县, which had all the forest of
# 2010 and so the whole requirement; 208 × 44 / 12 = 762.666… t CO2. The lakes: 7 + 9 = 16 of 20 ha.
TARGETS = """target,region_code,level,start,end,quantity,unit,required,achieved,share_achieved,\
verdict,achieved_other_unit,other_unit,verdict_other_unit,share_by
c,0101,region,2010,2015,carbon,t C,100.0,208.0,2.08,met,762.666666667,t CO2,met,forest_area
c,0102,region,2010,2015,carbon,t C,0.0,0.0,,,0.0,t CO2,,forest_area
c,0203,region,2010,2015,carbon,t C,0.0,0.0,,,0.0,t CO2,,forest_area
c,江北市,prefecture,2010,2015,carbon,t C,100.0,208.0,2.08,met,762.666666667,t CO2,met,forest_area
c,江南市,prefecture,2010,2015,carbon,t C,0.0,0.0,,,0.0,t CO2,,forest_area
c,ALL,study,2010,2015,carbon,t C,100.0,208.0,2.08,met,762.666666667,t CO2,met,forest_area
lakes,0101,region,2010,2015,area,ha,,0.0,,,0.0,mu,,
lakes,0102,region,2010,2015,area,ha,,7.0,,,105.0,mu,,
lakes,0203,region,2010,2015,area,ha,,9.0,,,135.0,mu,,
lakes,江北市,prefecture,2010,2015,area,ha,,7.0,,,105.0,mu,,
lakes,江南市,prefecture,2010,2015,area,ha,,9.0,,,135.0,mu,,
lakes,ALL,study,2010,2015,area,ha,20.0,16.0,0.8,uncertain,240.0,mu,,
"""


UNSURE = ("se", "low", "high", "probability", "probability_other_unit")


@pytest.mark.parametrize(
    ("name", "expected", "without"),
    [
        ("stock", STOCK, SPREAD),
        ("regions", REGIONS, SPREAD),
        ("change", CHANGE, SPREAD),
        ("transitions", TRANSITIONS, ()),
        ("coverage", COVERAGE, ()),
        ("parameters", PARAMETERS, ()),
        ("targets", TARGETS, (*UNSURE, "basis", "basis_source", "official", "official_se")),
    ],
)
def test_every_certain_number(
    tables: dict[str, pd.DataFrame], name: str, expected: str, without: tuple[str, ...]
) -> None:
    assert as_text(tables[name], without=without) == expected


#: Standard error of each pool that has one [t C/ha].
SE = {
    ("forest", "agb"): 4.0,
    ("forest", "soil"): 10.0,
    ("crop", "agb"): 1.0,
    ("crop", "soil"): 8.0,
    ("lake", "soil"): 12.0,
    ("town", "agb"): 0.5,
    ("town", "soil"): 5.0,
}


def test_stock_of_a_pool_has_the_spread_of_its_density(tables: dict[str, pd.DataFrame]) -> None:
    """Its error is area × that of the density; the interval is that of its distribution."""
    for row in tables["stock"].itertuples():
        se = row.area_ha * SE.get((row.stratum, row.pool), 0.0)
        assert row.se_t_c == pytest.approx(se, rel=ONE_POOL)
        low, high = row.stock_t_c - Z * se, row.stock_t_c + Z * se
        if (row.stratum, row.pool) in (("crop", "agb"), ("town", "agb")):
            # Matched by moments: σ² = ln(1 + (se / mean)²), median = mean · exp(−σ² / 2).
            sigma = math.sqrt(math.log1p((se / row.stock_t_c) ** 2))
            median = row.stock_t_c * math.exp(-(sigma**2) / 2)
            low, high = lognorm.ppf([0.025, 0.975], sigma, scale=median)
        # A quantile of n even slices is right to a slice or two: here 1 % of a standard error.
        assert row.low_t_c == pytest.approx(low, abs=0.01 * se + 1e-9)
        assert row.high_t_c == pytest.approx(high, abs=0.01 * se + 1e-9)


# Pools are independent, so squares add; counties and years share a pool's error, so their hectares
# add before they are squared. Each list is hectares × se of one pool:
# forest agb, forest soil, crop agb, crop soil, lake soil, town agb, town soil.
SQUARES = {
    ("0101", 2010): [8 * 4, 8 * 10, 8 * 1, 8 * 8, 0, 0, 0],  # √11584 = 107.6
    ("0102", 2010): [0, 0, 8 * 1, 8 * 8, 7 * 12, 0, 0],  # √11216 = 105.9
    ("0203", 2010): [0, 0, 0, 0, 8 * 12, 8 * 0.5, 8 * 5],  # √10832 = 104.1
    ("江北市", 2010): [8 * 4, 8 * 10, 16 * 1, 16 * 8, 7 * 12, 0, 0],  # √31120 = 176.4
    ("江南市", 2010): [0, 0, 0, 0, 8 * 12, 8 * 0.5, 8 * 5],
    ("ALL", 2010): [8 * 4, 8 * 10, 16 * 1, 16 * 8, 15 * 12, 8 * 0.5, 8 * 5],  # √58080 = 241.0
    ("0101", 2015): [12 * 4, 12 * 10, 4 * 1, 4 * 8, 0, 0, 0],  # √17744 = 133.2
    ("0102", 2015): [0, 0, 8 * 1, 8 * 8, 7 * 12, 0, 0],
    ("0203", 2015): [0, 0, 0, 0, 9 * 12, 7 * 0.5, 7 * 5],  # √12901.25 = 113.6
    ("江北市", 2015): [12 * 4, 12 * 10, 12 * 1, 12 * 8, 7 * 12, 0, 0],
    ("江南市", 2015): [0, 0, 0, 0, 9 * 12, 7 * 0.5, 7 * 5],
    ("ALL", 2015): [12 * 4, 12 * 10, 12 * 1, 12 * 8, 16 * 12, 7 * 0.5, 7 * 5],
}


@pytest.mark.parametrize(("code", "year"), SQUARES)
def test_spread_of_a_total(tables: dict[str, pd.DataFrame], code: str, year: int) -> None:
    row = rows_of(tables["regions"], region_code=code, year=year).iloc[0]
    se = math.hypot(*SQUARES[code, year])
    assert row["se_t_c"] == pytest.approx(se, rel=MONTE_CARLO)
    # The sum of many pools is all but normal; its ends are known to a few per cent of se.
    assert row["low_t_c"] == pytest.approx(row["stock_t_c"] - Z * se, abs=0.08 * se)
    assert row["high_t_c"] == pytest.approx(row["stock_t_c"] + Z * se, abs=0.08 * se)


# Of a change only the hectares that differ count: the same error stands in both years.
# 甲县: forest +4 ha, cropland −4 ha. 丙县: lake +1 ha, town −1 ha.
CHANGE_SE = {
    "0101": [4 * 4, 4 * 10, 4 * 1, 4 * 8],  # √2896 = 53.8
    "0102": [0],
    "0203": [12, 0.5, 5],  # √169.25 = 13.0
    "江北市": [4 * 4, 4 * 10, 4 * 1, 4 * 8],
    "江南市": [12, 0.5, 5],
    "ALL": [4 * 4, 4 * 10, 4 * 1, 4 * 8, 12, 0.5, 5],
}


@pytest.mark.parametrize("code", CHANGE_SE)
def test_spread_of_a_change(tables: dict[str, pd.DataFrame], code: str) -> None:
    row = rows_of(tables["change"], region_code=code).iloc[0]
    se = math.hypot(*CHANGE_SE[code])
    assert row["se_t_c"] == pytest.approx(se, rel=MONTE_CARLO)
    assert row["low_t_c"] == pytest.approx(row["change_t_c"] - Z * se, abs=0.08 * se)
    assert row["high_t_c"] == pytest.approx(row["change_t_c"] + Z * se, abs=0.08 * se)


def test_spread_of_a_target(tables: dict[str, pd.DataFrame]) -> None:
    """12 (44 + 4 z) − 8 (40 + 4 z) = 208 + 16 z."""
    row = rows_of(tables["targets"], target="c", region_code="ALL").iloc[0]
    assert row["se"] == pytest.approx(16.0, rel=ONE_POOL)
    assert row["low"] == pytest.approx(208 - Z * 16, abs=0.2)
    assert row["high"] == pytest.approx(208 + Z * 16, abs=0.2)
    assert row["probability"] == 1.0
    lakes = rows_of(tables["targets"], target="lakes")
    assert lakes[["se", "low", "high", "probability"]].isna().all(axis=None)


def test_parents_come_from_joint_draws_not_from_quadrature(tmp_path: Path) -> None:
    """One uncertain parameter: counties share its error, so standard errors add up."""
    study = write_tiny(tmp_path)
    text = (tmp_path / "density.csv").read_text(encoding="utf-8")
    certain = "\n".join(
        line if line.startswith(("stratum", "crop,soil")) else cut_se(line)
        for line in text.splitlines()
    )
    (tmp_path / "density.csv").write_text(certain, encoding="utf-8")
    regions = run_tables(study)["regions"]
    se = {
        code: cell(regions, "se_t_c", region_code=code, year=2015)
        for code in ("0101", "0102", "0203", "江北市", "ALL")
    }
    # Cropland of 2015: 4 and 8 ha, se of its soil 8 t C/ha.
    assert se["0101"] == pytest.approx(4 * 8, rel=0.01)
    assert se["0102"] == pytest.approx(8 * 8, rel=0.01)
    assert se["0203"] == 0
    assert se["ALL"] == pytest.approx(se["0101"] + se["0102"], rel=1e-9)
    assert se["江北市"] == se["ALL"]
    assert math.hypot(se["0101"], se["0102"]) < 0.76 * se["ALL"]


def cut_se(line: str) -> str:
    """Return a row of the density table without its spread."""
    cells = line.split(",")
    return ",".join([*cells[:4], "0", *cells[5:]])


def test_probability_is_that_of_the_normal_distribution(tmp_path: Path) -> None:
    """The forest gain is 208 ± 16 t C: a target one standard error below is met with P = 84 %."""
    write_tiny(tmp_path)
    targets = [
        target(name=f"t{value}", pools=["agb"], value=value) for value in (176, 192, 208, 224, 248)
    ]
    table = run_tables(write_study(tmp_path, targets=targets))["targets"]
    whole = rows_of(table, level="study")
    expected = norm.sf([-2, -1, 0, 1, 2.5])
    # One slice in a thousand may fall on either side of the requirement.
    assert whole["probability"].tolist() == pytest.approx(expected.tolist(), abs=0.002)
    verdicts = ["met", "uncertain", "uncertain", "uncertain", "not_met"]
    assert whole["verdict"].tolist() == verdicts


def test_one_draw_gives_central_values_and_claims_nothing(tmp_path: Path) -> None:
    study = write_tiny(tmp_path, uncertainty="draws = 1", targets=[target(pools=["agb"])])
    tables = run_tables(study)
    assert as_text(tables["stock"], without=SPREAD) == STOCK
    assert not tables["change"]["detectable"].any()
    assert cell(tables["targets"], "verdict", level="study") == "uncertain"
    assert math.isnan(cell(tables["targets"], "probability", level="study"))


@pytest.mark.parametrize("coverage", ["exact", "centre"])
def test_both_rules_agree_where_borders_follow_cells(tmp_path: Path, coverage: str) -> None:
    study = write_tiny(tmp_path)
    text = study.read_text(encoding="utf-8")
    study.write_text(text.replace("[density]", f'coverage = "{coverage}"\n[density]'), "utf-8")
    tables = run_tables(study)
    assert as_text(tables["coverage"]) == COVERAGE
    assert as_text(tables["transitions"]) == TRANSITIONS
