"""Targets: kinds, units, shares, probabilities and verdicts on the tiny province.

Forest above ground gains 208 ± 16 t C from 2010 to 2015 (12 × 44 − 8 × 40; 4 ha more of one
error of 4 t C/ha), all of it in 甲县. Forest covers 8 ha, then 12 ha, of the 47 ha compared.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from sinks.checks import Problems
from sinks.legend import packaged_legend
from sinks.run import check_study
from sinks.sections import TargetConfig
from sinks.target import COLUMNS, check_targets
from tests.tiny import CODES, cell, cover, rows_of, run_tables, target, write_raster, write_study
from tests.tiny import write_tiny as write_province

CO2 = 44 / 12
GAIN = 208.0

WOOD: dict[str, Any] = {"pools": ["agb"]}
LAND: dict[str, Any] = {"quantity": "area", "unit": "ha"}
COVER: dict[str, Any] = {"quantity": "cover", "unit": "%"}
TARGETS = {
    "increase": target(**WOOD, value=208),
    "level": target(**WOOD, kind="level", value=500),
    "rate": target(**WOOD, kind="rate", value=40),
    "all_pools": target(value=600),
    "in_co2": target(**WOOD, value=GAIN * CO2, unit="t CO2"),
    "same_in_c": target(**WOOD, value=GAIN * CO2, unit="t C"),
    "as_co2": target(**WOOD, value=208, unit="t CO2"),
    "wetland": target(groups=["wetland"], value=100),
    "both": target(groups=["forest", "wetland"], value=700),
    "area": target(**LAND, value=4),
    "area_level": target(**LAND, kind="level", value=10),
    "area_mu": target(quantity="area", unit="mu", value=60),
    "area_亩": target(quantity="area", unit="亩", value=60),
    "cover_level": target(**COVER, kind="level", value=25),
    "cover": target(**COVER, value=5),
    "cover_rate": target(**COVER, kind="rate", value=2),
    "by_area": target(**WOOD, value=160, share_by="area"),
    "by_forest": target(**WOOD, value=160, share_by="forest_area"),
    "by_stock": target(value=160, groups=["forest", "wetland"], share_by="stock"),
    "by_area_ha": target(**LAND, value=3, share_by="area"),
    "by_capacity": target(**WOOD, value=160, share_by="capacity", share_strata=["crop", "lake"]),
    "lakes_by_forest": target(groups=["wetland"], value=100, share_by="forest_area"),
}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    targets = [spec | {"name": f"t{place}"} for place, spec in enumerate(TARGETS.values())]
    study = write_province(tmp_path_factory.mktemp("targets"), targets=targets)
    found = run_tables(study)["targets"]
    names = {f"t{place}": name for place, name in enumerate(TARGETS)}
    return found.assign(target=found["target"].map(names))


def whole(table: pd.DataFrame, name: str) -> pd.Series:
    (row,) = [row for _, row in rows_of(table, target=name, level="study").iterrows()]
    return row


def test_columns_and_rows(table: pd.DataFrame) -> None:
    assert tuple(table.columns) == COLUMNS
    assert list(dict.fromkeys(table["target"])) == list(TARGETS)
    assert (table.groupby("target").size() == 6).all()
    assert set(table["verdict"]) <= {"met", "not_met", "uncertain", ""}


@pytest.mark.parametrize(
    ("name", "achieved"),
    [
        ("increase", 208.0),
        ("level", 12 * 44.0),
        ("rate", 208 / 5),
        ("all_pools", 12 * 144 - 8 * 140.0),
        ("in_co2", GAIN * CO2),
        ("wetland", 120.0),  # 甲 nothing, 乙 nothing, 丙 one hectare of lake more
        ("both", 12 * 144 - 8 * 140 + 120.0),
        ("area", 4.0),
        ("area_level", 12.0),
        ("area_mu", 60.0),
        ("area_亩", 60.0),
        ("cover_level", 100 * 12 / 47),
        ("cover", 100 * 4 / 47),
        ("cover_rate", 100 * 4 / 47 / 5),
    ],
)
def test_achieved(table: pd.DataFrame, name: str, achieved: float) -> None:
    assert whole(table, name)["achieved"] == pytest.approx(achieved, rel=1e-11)


@pytest.mark.parametrize(
    ("name", "se"),
    [
        ("increase", 16.0),
        ("level", 12 * 4.0),
        ("rate", 16 / 5),
        ("in_co2", 16 * CO2),
        ("wetland", 12.0),
    ],
)
def test_spread(table: pd.DataFrame, name: str, se: float) -> None:
    """One pool alone: drawn by Latin hypercube, its spread is right to 1 % at 1000 draws."""
    row = whole(table, name)
    assert row["se"] == pytest.approx(se, rel=0.01)
    assert row["low"] == pytest.approx(row["achieved"] - 1.96 * se, abs=0.05 * se)
    assert row["high"] == pytest.approx(row["achieved"] + 1.96 * se, abs=0.05 * se)


@pytest.mark.parametrize(
    ("name", "probability", "verdict", "other", "other_verdict"),
    [
        # 208 of 208 ± 16 t C is even; 208 t CO2 is only 56.7 t C.
        ("increase", 0.5, "uncertain", 1.0, "met"),
        ("as_co2", 1.0, "met", 0.5, "uncertain"),
        # 762.7 t CO2 are 208 t C; 762.7 t C are far off.
        ("in_co2", 0.5, "uncertain", 0.0, "not_met"),
        ("same_in_c", 0.0, "not_met", 0.5, "uncertain"),
        ("level", norm.sf(-28 / 48), "uncertain", 1.0, "met"),
        ("rate", norm.sf(-1.6 / 3.2), "uncertain", 1.0, "met"),
        ("wetland", norm.sf(-20 / 12), "met", 1.0, "met"),
    ],
)
def test_probability_and_both_readings_of_the_unit(
    table: pd.DataFrame,
    name: str,
    probability: float,
    verdict: str,
    *,
    other: float,
    other_verdict: str,
) -> None:
    row = whole(table, name)
    # Even slices of probability: one of a thousand may fall on either side.
    assert row["probability"] == pytest.approx(probability, abs=0.0015)
    assert row["probability_other_unit"] == pytest.approx(other, abs=0.0015)
    assert (row["verdict"], row["verdict_other_unit"]) == (verdict, other_verdict)


def test_the_other_unit_stands_beside(table: pd.DataFrame) -> None:
    row = whole(table, "increase")
    assert (row["unit"], row["other_unit"]) == ("t C", "t CO2")
    assert row["achieved_other_unit"] == pytest.approx(208 * CO2)
    row = whole(table, "in_co2")
    assert (row["unit"], row["other_unit"]) == ("t CO2", "t C")
    assert row["achieved_other_unit"] == pytest.approx(208)


@pytest.mark.parametrize("name", ["area", "area_level", "area_mu", "cover", "cover_level"])
def test_map_areas_carry_no_interval_and_decide_nothing(table: pd.DataFrame, name: str) -> None:
    """Without a reference sample an area is a map's: its error is not known."""
    rows = rows_of(table, target=name)
    spread = ["se", "low", "high", "probability", "probability_other_unit"]
    assert rows[spread].isna().all(axis=None)
    assert whole(table, name)["verdict"] == "uncertain"
    assert set(rows["verdict_other_unit"]) == {""}


@pytest.mark.parametrize(
    ("name", "unit", "other"),
    [("area", "mu", 60.0), ("area_mu", "ha", 4.0), ("area_亩", "ha", 4.0), ("cover", "", np.nan)],
)
def test_areas_stand_in_hectares_and_mu(
    table: pd.DataFrame, name: str, unit: str, other: float
) -> None:
    row = whole(table, name)
    assert row["other_unit"] == unit
    assert row["achieved_other_unit"] == pytest.approx(other, nan_ok=True)


def test_cover_of_a_part_is_of_its_own_land(table: pd.DataFrame) -> None:
    rows = rows_of(table, target="cover_level").set_index("region_code")["achieved"]
    # 甲县 12 of 16 ha, 江北市 12 of 31, 丙县 none.
    assert rows[["0101", "江北市", "0203"]].tolist() == pytest.approx([75, 1200 / 31, 0])


def test_without_a_rule_only_the_whole_has_a_requirement(table: pd.DataFrame) -> None:
    rows = rows_of(table, target="increase")
    parts = rows[rows["level"] != "study"]
    assert parts[["required", "share_achieved", "probability"]].isna().all(axis=None)
    assert set(parts["verdict"]) == {""}
    assert parts["achieved"].notna().all()
    assert whole(table, "increase")["required"] == 208


@pytest.mark.parametrize(
    ("name", "required"),
    [
        # 16, 16 and 16 ha: a third each.
        ("by_area", [160 / 3] * 3),
        # All the forest of 2010 was in 甲县.
        ("by_forest", [160, 0, 0]),
        # Stock of forest and lakes in 2010: 8 × 140 = 1120, 7 × 120 = 840, 8 × 120 = 960.
        ("by_stock", [160 * part / 2920 for part in (1120, 840, 960)]),
        # Cropland and lakes of 2010: 8, 8 + 7 and 8 ha.
        ("by_capacity", [160 * part / 31 for part in (8, 15, 8)]),
        ("by_area_ha", [1, 1, 1]),
        ("lakes_by_forest", [100, 0, 0]),
    ],
)
def test_shares_sum_to_the_whole(table: pd.DataFrame, name: str, required: list[float]) -> None:
    rows = rows_of(table, target=name).set_index("region_code")
    assert rows.loc[list(CODES), "required"].tolist() == pytest.approx(required)
    value = TARGETS[name]["value"]
    for level in ("region", "prefecture", "study"):
        total = rows.loc[rows["level"] == level, "required"].sum()
        assert total == pytest.approx(value, rel=1e-11)
    asked = rows[rows["required"] > 0]
    share = (asked["achieved"] / asked["required"]).tolist()
    assert asked["share_achieved"].tolist() == pytest.approx(share)
    assert (asked["verdict"] != "").all()
    assert (rows.loc[rows["required"] == 0, "verdict"] == "").all()


def test_shares_are_those_at_the_start_of_the_period(tmp_path: Path) -> None:
    """In 2005 乙县 had the forest, in 2010 甲县: a target from 2010 on is shared by 2010."""
    write_province(tmp_path)
    cells = cover(2010)
    cells[:, :2], cells[:, 6:8] = 2, 1
    write_raster(tmp_path / "lc2005.tif", cells)
    files = ", ".join(f'{year} = "lc{year}.tif"' for year in (2005, 2010, 2015))
    (tmp_path / "density.csv").write_text(
        "stratum,pool,value,se,unit\nforest,agb,40,4,t C/ha\ncrop,agb,5,1,t C/ha\n"
        "lake,agb,0,0,t C/ha\ntown,agb,1,0,t C/ha\n",
        encoding="utf-8",
    )
    rule = {"share_by": "forest_area", "value": 10}
    study = write_study(
        tmp_path,
        landcover=f'legend = "legend.csv"\nrasters = {{ {files} }}',
        targets=[
            target(name="late", **rule),
            target(name="early", **rule, start=2005),
            target(name="rate", start=2005, kind="rate", value=1),
        ],
    )
    table = run_tables(study)["targets"]
    required = {
        (name, code): cell(table, "required", target=name, region_code=code)
        for name in ("late", "early")
        for code in ("0101", "0102")
    }
    # 2005: no data in one lake cell of 2015 takes 1 ha of the forest of 乙县; 甲县 had none.
    assert required == {
        ("late", "0101"): 10, ("late", "0102"): 0, ("early", "0101"): 0, ("early", "0102"): 10,
    }  # fmt: skip
    # 12 ha in 2015, 7 ha in 2005 at 40 t C/ha, in ten years.
    assert cell(table, "achieved", target="rate", level="study") == 40 * (12 - 7) / 10


def test_what_is_exactly_reached_is_met(tmp_path: Path) -> None:
    """0.1 + 0.2 is not 0.3 in a computer; that must not decide a target."""
    study = write_province(tmp_path, targets=[target(value=0.3, groups=["forest", "wetland"])])
    (tmp_path / "density.csv").write_text(
        "stratum,pool,value,se,unit,year\nforest,agb,0.1,0,t C/ha,2010\n"
        "forest,agb,0.1,0,t C/ha,2015\nlake,agb,0,0,t C/ha,\ncrop,agb,0,0,t C/ha,\n"
        "lake,soil,0,0,t C/ha,\ncrop,soil,0,0,t C/ha,\nforest,soil,0,0,t C/ha,\n",
        encoding="utf-8",
    )
    cells = cover(2010)[:, :8]
    for year in (2010, 2015):
        write_raster(tmp_path / f"lc{year}.tif", cells, interleave="pixel")
        cells = cells.copy()
        cells[:3, 2] = 1
    row = whole(run_tables(study)["targets"], "carbon")
    assert row["achieved"] == pytest.approx(0.3)
    assert (row["probability"], row["verdict"]) == (1.0, "met")


# Targets that speak of what is not counted


def test_a_pool_without_densities_is_refused(tmp_path: Path) -> None:
    study = write_province(tmp_path, targets=[target(pools=["agb", "bgb"])])
    (problem,) = check_study(study)
    assert (problem.code, problem.severity) == ("target.no_such_pool", "ERROR")
    assert problem.place == "targets.0 (carbon)"
    assert "bgb" in problem.text("en")
    assert "agb, soil" in problem.text("zh")


def test_a_group_that_the_legend_cannot_see_is_refused(tmp_path: Path) -> None:
    study = write_province(tmp_path, targets=[target(groups=["urban_green"])])
    (problem,) = check_study(study)
    assert (problem.code, problem.severity) == ("target.no_class", "ERROR")
    assert "urban_green" in problem.text("en")


def test_a_group_that_the_legend_sees_in_part_is_told(tmp_path: Path) -> None:
    study = write_province(tmp_path, targets=[target(groups=["forest", "urban_green"])])
    (problem,) = check_study(study)
    assert (problem.code, problem.severity) == ("target.no_class", "WARN")


def test_a_group_that_is_not_on_the_maps_is_zero_not_unknown(tmp_path: Path) -> None:
    study = write_province(tmp_path, targets=[target(value=1)])
    for year in (2010, 2015):
        cells = cover(year)
        cells[cells == 1] = 2
        write_raster(tmp_path / f"lc{year}.tif", cells)
    row = whole(run_tables(study)["targets"], "carbon")
    assert (row["achieved"], row["probability"], row["verdict"]) == (0, 0, "not_met")


def test_areas_need_no_pools() -> None:
    spec = target(quantity="area", unit="ha") | {"groups": ("forest",), "value": 1.0}
    problems = Problems("en")
    config = TargetConfig(**spec)
    check_targets([config], pools=[], legend=packaged_legend("clcd"), problems=problems)
    assert list(problems) == []
