"""Scenarios on the tiny province: every year by hand, closed forms, properties, intervals."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import docx
import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sinks.biomass.cells import carbon_fraction, root_to_shoot
from sinks.biomass.cohorts import cohort_carbon, standing
from sinks.biomass.stands import Draws
from sinks.checks import Severity
from sinks.maps.data import map_data
from sinks.parameters import load_table
from sinks.report.document import write_document
from sinks.run import Options, check_study, run_study
from sinks.wording import Words
from tests import tiny
from tests.conftest import SHARED, needs_shared
from tests.test_adjusted import by_stratum, sampled
from tests.tiny import cell, literal, rows_of, run_tables, target, write_tiny

#: Of the tiny province in 2015, on land with data in both years [ha].
FOREST, CROP, LAKE, TOWN = 12.0, 12.0, 16.0, 7.0
#: What the whole holds then in all pools [t C].
STOCK = FOREST * 144 + CROP * 85 + LAKE * 120 + TOWN * 51
PLANT: dict[str, Any] = {
    "stratum": "forest", "species": "杉木", "on": "crop", "per_year": 1, "unit": "ha",
    "survival": 80, "start": 2016, "end": 2017, "source": "a plan",
}  # fmt: skip
LOSS: dict[str, Any] = {
    "stratum": "forest", "to": "town", "percent_per_year": 10, "source": "a survey",
}  # fmt: skip
GROW: dict[str, Any] = {"stratum": "forest", "t_c_ha_per_year": 2, "source": "plots"}
AHEAD = target(name="ahead", value=200, end=2018)


def scenario(
    name: str = "plan", until: int = 2018, *, planting: Any = (), loss: Any = (), growth: Any = (),
    **keys: Any,
) -> str:  # fmt: skip
    """Return a scenario as a study file writes it."""
    lines = ["[[scenarios]]", f'name = "{name}"', f"until = {until}"]
    lines += [f"{key.rstrip('_')} = {literal(value)}" for key, value in keys.items()]
    tables = {"planting": planting, "loss": loss, "growth": growth}
    lines += [f'{key} = "{value}"' for key, value in tables.items() if isinstance(value, str)]
    for key, rows in tables.items():
        for row in () if isinstance(rows, str) else rows:
            lines.append(f"[[scenarios.{key}]]")
            lines += [f"{inner} = {literal(value)}" for inner, value in row.items()]
    return "\n".join(lines) + "\n"


def study_of(folder: Path, *scenarios: str, **study: Any) -> Path:
    path = write_tiny(folder, **study)
    path.write_text(path.read_text("utf-8") + "".join(scenarios), encoding="utf-8")
    return path


def tables_of(folder: Path, *scenarios: str, **study: Any) -> dict[str, pd.DataFrame]:
    return run_tables(study_of(folder, *scenarios, **study))


def fir(age: int) -> float:
    """Return the carbon above ground of a Chinese fir stand, by its printed curve [t C/ha]."""
    biomass = 160.5 * (1 - math.exp(-0.0359 * age)) ** 1.65
    return biomass * carbon_fraction().value / (1 + root_to_shoot("chinese_fir").value)


def codes(study: Path) -> list[str]:
    return [problem.code for problem in check_study(study).of(Severity.ERROR)]


def told(study: Path) -> set[str]:
    return {problem.code for problem in check_study(study)}


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    plan = scenario(planting=[PLANT], loss=[LOSS], growth=[GROW])
    return tables_of(tmp_path_factory.mktemp("scenario"), plan, targets=[target(), AHEAD])


def whole(table: pd.DataFrame, year: int, column: str = "stock_t_c", **values: Any) -> float:
    return float(cell(table, column, region_code="ALL", year=year, **values))


# Every year by hand


@pytest.mark.parametrize("years", [0, 1, 2, 3])
def test_stock_of_every_year_by_hand(tables: dict[str, pd.DataFrame], years: int) -> None:
    """Standing forest loses a tenth to the town each year; one hectare is planted in two years."""
    left = 0.9**years
    standing_forest = FOREST * (left * (144 + 2 * years) + (1 - left) * 51)
    rest = LAKE * 120 + TOWN * 51
    ages = {0: [], 1: [0], 2: [1, 0], 3: [2, 1]}[years]
    cohorts = sum(0.8 * (0.9**age * (fir(age) + 80) + (1 - 0.9**age) * 51) for age in ages)
    crop = (CROP - 0.8 * len(ages)) * 85
    table = tables["projection"]
    assert whole(table, 2015 + years) == pytest.approx(standing_forest + rest + cohorts + crop)
    growth = FOREST * 2 * years
    planting = cohorts - 0.8 * 85 * len(ages)
    assert whole(table, 2015 + years, "growth_part_t_c") == pytest.approx(growth)
    assert whole(table, 2015 + years, "planting_part_t_c") == pytest.approx(planting)
    lost = FOREST * (1 - left) * (51 - 144 - 2 * years)
    assert whole(table, 2015 + years, "loss_part_t_c") == pytest.approx(lost)
    assert whole(table, 2015 + years, "planted_ha") == len(ages)


def test_the_projection_starts_where_the_maps_end(tables: dict[str, pd.DataFrame]) -> None:
    for name in ("stock_t_c", "se_t_c", "low_t_c", "high_t_c"):
        mapped = tables["regions"].set_index(["region_code", "year"])[name]
        start = rows_of(tables["projection"], year=2015).set_index("region_code")[name]
        known = mapped.xs(2015, level="year").reindex(start.index)
        assert start.to_numpy() == pytest.approx(known.to_numpy())
    start = rows_of(tables["projection"], year=2015)
    parts = start[["change_t_c", "change_se_t_c", "growth_part_t_c", "planting_part_t_c"]]
    assert (parts.to_numpy() == 0).all()


def test_parts_are_the_change_and_regions_the_whole(tables: dict[str, pd.DataFrame]) -> None:
    table = tables["projection"]
    parts = table[["growth_part_t_c", "planting_part_t_c", "loss_part_t_c"]].sum(axis=1)
    assert parts.to_numpy() == pytest.approx(table["change_t_c"].to_numpy())
    names = [
        "stock_t_c",
        "change_t_c",
        "growth_part_t_c",
        "planting_part_t_c",
        "loss_part_t_c",
        "planted_ha",
    ]
    for level in ("region", "prefecture"):
        summed = rows_of(table, level=level).groupby("year")[names].sum()
        study = rows_of(table, level="study").set_index("year")[names]
        assert summed.to_numpy() == pytest.approx(study.to_numpy())


def test_planting_goes_where_the_land_is(tables: dict[str, pd.DataFrame]) -> None:
    """甲县 has 4 of the 12 ha of cropland, 乙县 the others, 丙县 none."""
    table = rows_of(tables["projection"], year=2018, level="region")
    planted = table.set_index("region_code")["planted_ha"]
    assert planted.to_dict() == pytest.approx({"0101": 2 / 3, "0102": 4 / 3, "0203": 0})


# Targets


def test_a_future_target_is_the_scenario_s_to_answer(tables: dict[str, pd.DataFrame]) -> None:
    assert set(tables["targets"]["target"]) == {"carbon"}
    row = rows_of(tables["scenario_targets"], target="ahead").iloc[0]
    assert len(tables["scenario_targets"]) == 1
    held = FOREST * 0.9**3 * 150 + 0.8 * sum(0.9**age * (fir(age) + 80) for age in (1, 2))
    achieved = held - 8 * 140
    assert row["projected"] == pytest.approx(achieved)
    assert row["gap"] == pytest.approx(max(0, 200 - achieved))
    path = rows_of(tables["target_path"], target="ahead")
    assert path["year"].tolist() == [2010, 2015]


def test_the_path_joins_what_was_measured_and_what_may_come(
    tables: dict[str, pd.DataFrame],
) -> None:
    path = rows_of(tables["scenario_path"], target="ahead")
    assert path["year"].tolist() == [2010, 2015, 2016, 2017, 2018]
    assert path["basis"].tolist() == ["measured"] * 2 + ["projected"] * 3
    assert path["value"].iloc[0] == 0
    assert path["value"].iloc[1] == FOREST * 144 - 8 * 140
    assert path["required"].dropna().tolist() == [200]
    stock = rows_of(tables["scenario_path"], target="")
    assert stock["value"].iloc[-1] == pytest.approx(whole(tables["projection"], 2018))


def test_needed_planting_put_back_as_the_plan_gives_the_target(tmp_path: Path) -> None:
    asked = target(name="ahead", value=600, end=2018)
    plan = scenario(planting=[PLANT], loss=[LOSS], growth=[GROW])
    first = tables_of(tmp_path / "a", plan, targets=[asked])["scenario_targets"].iloc[0]
    assert first["answer"] == "more_needed"
    assert first["planned_ha_per_yr"] == 1
    assert first["needed_mu_per_yr"] == pytest.approx(15 * first["needed_ha_per_yr"])
    row = PLANT | {"per_year": float(first["needed_ha_per_yr"])}
    plan = scenario(planting=[row], loss=[LOSS], growth=[GROW])
    again = tables_of(tmp_path / "b", plan, targets=[asked])["scenario_targets"].iloc[0]
    assert again["projected"] == pytest.approx(600)
    assert again["answer"] == "plan_enough"
    row = PLANT | {"per_year": float(first["needed_p95_ha_per_yr"])}
    plan = scenario(planting=[row], loss=[LOSS], growth=[GROW])
    sure = tables_of(tmp_path / "c", plan, targets=[asked])["scenario_targets"].iloc[0]
    assert sure["probability"] == pytest.approx(0.95)
    assert sure["verdict"] == "met"


@pytest.mark.parametrize(
    ("value", "plan", "answer"),
    [
        (100, [PLANT], "none_needed"),
        (5000, [PLANT], "beyond_land"),
        (5000, [], "no_planting"),
    ],
)
def test_answers_in_a_word(tmp_path: Path, value: float, plan: list[Any], answer: str) -> None:
    asked = target(name="ahead", value=value, end=2018)
    made = tables_of(tmp_path, scenario(planting=plan), targets=[asked])["scenario_targets"]
    row = made.iloc[0]
    assert row["answer"] == answer
    assert pd.isna(row["needed_ha_per_yr"]) == (answer == "no_planting")
    if plan:
        assert row["limit_ha_per_yr"] == pytest.approx(CROP / 2)


def test_planting_on_denser_land_has_no_effect_on_the_stock(tmp_path: Path) -> None:
    """Cropland counts, too: in its first year a plantation only takes the crop away."""
    asked = target(name="ahead", value=9000, end=2016, groups=["forest", "cropland"])
    row = PLANT | {"end": 2016}
    made = tables_of(tmp_path, scenario(until=2016, planting=[row]), targets=[asked])
    found = made["scenario_targets"].iloc[0]
    assert found["answer"] == "no_effect"
    assert pd.isna(found["needed_ha_per_yr"])


def test_areas_and_cover_are_carried_on(tmp_path: Path) -> None:
    cover = target(name="cover", quantity="cover", kind="level", unit="%", value=30, end=2018)
    land = target(name="land", quantity="area", kind="rate", unit="mu", value=10, end=2018)
    made = tables_of(tmp_path, scenario(planting=[PLANT], loss=[LOSS]), targets=[cover, land])
    table = made["scenario_targets"].set_index("target")
    forest = FOREST * 0.9**3 + 0.8 * (0.9**2 + 0.9)
    assert table.loc["cover", "projected"] == pytest.approx(100 * forest / 47)
    assert table.loc["land", "projected"] == pytest.approx((forest - 8) * 15 / 8)
    assert table.loc["land", "verdict"] == "uncertain"
    assert pd.isna(table.loc["land", "probability"])  # nothing of it varies


def test_a_shared_target_is_answered_region_by_region(tmp_path: Path) -> None:
    asked = target(name="ahead", value=900, end=2018, share_by="forest_area")
    made = tables_of(tmp_path, scenario(planting=[PLANT]), targets=[asked])["scenario_targets"]
    shares = made.set_index("region_code")["required"]
    assert shares.to_dict() == pytest.approx({"0101": 900, "江北市": 900, "ALL": 900})


def test_a_scenario_may_start_before_the_last_map(tmp_path: Path) -> None:
    """What planting of the five years would have met the target: the maps stand beside it."""
    plan = PLANT | {"start": 2011, "end": 2015}
    made = tables_of(
        tmp_path, scenario(until=2015, from_=2010, planting=[plan]), targets=[target(value=700)]
    )
    assert rows_of(made["targets"], target="carbon", region_code="ALL")["achieved"].tolist() == [
        FOREST * 144 - 8 * 140
    ]
    row = made["scenario_targets"].iloc[0]
    held = 0.8 * sum(fir(age) + 80 for age in range(5))
    assert row["projected"] == pytest.approx(held)


# Closed forms and properties


def test_constant_growth_and_loss_are_geometric(tmp_path: Path) -> None:
    """Forest alone: area × 0.97^t × (44 + 1.5 t), in every year to 2035."""
    growth, loss = GROW | {"t_c_ha_per_year": 1.5}, LOSS | {"percent_per_year": 3.0}
    asked = [
        target(name=f"y{year}", pools=["agb"], kind="level", value=1, end=year)
        for year in (2020, 2028, 2035)
    ]
    made = tables_of(tmp_path, scenario(until=2035, loss=[loss], growth=[growth]), targets=asked)
    for years in (5, 13, 20):
        row = rows_of(made["scenario_targets"], target=f"y{2015 + years}").iloc[0]
        assert row["projected"] == pytest.approx(FOREST * 0.97**years * (44 + 1.5 * years))


def test_nothing_assumed_is_nothing_changed(tmp_path: Path) -> None:
    table = tables_of(tmp_path, scenario(until=2040))["projection"]
    ends = rows_of(table, year=2040).set_index("region_code")
    start = rows_of(table, year=2015).set_index("region_code")
    pd.testing.assert_frame_equal(ends.drop(columns="year"), start.drop(columns="year"))
    assert whole(table, 2040) == STOCK
    assert whole(table, 2040, "change_se_t_c") == 0


def test_growth_stops_at_its_ceiling(tmp_path: Path) -> None:
    study = study_of(tmp_path, scenario(until=2060, growth=[GROW | {"saturation": 50.0}]))
    assert "scenario.saturated" in told(study)
    table = run_tables(study)["projection"]
    assert whole(table, 2018) - STOCK == pytest.approx(FOREST * 6)
    assert whole(table, 2019) == whole(table, 2060) == pytest.approx(STOCK + FOREST * 6)


def test_without_a_stated_ceiling_the_densest_measured_stand_is_one(tmp_path: Path) -> None:
    made = tables_of(tmp_path, scenario(until=2100, growth=[GROW]))["projection"]
    limits = load_table("models/limits").set_index("item")["value"]
    gained = whole(made, 2100) - STOCK
    assert gained == pytest.approx(FOREST * (limits["largest_stand"] - 44))


def test_observed_growth_and_loss(tmp_path: Path) -> None:
    """Trees grew from 40 to 44 t C/ha in five years; no forest was lost on the tiny maps."""
    study = study_of(tmp_path, scenario(until=2020, growth="observed", loss="observed"))
    assert {"scenario.observed_loss"} == told(study)
    table = run_tables(study)["projection"]
    assert whole(table, 2020) == pytest.approx(STOCK + FOREST * 4)
    assert whole(table, 2020, "loss_part_t_c") == pytest.approx(0)


def test_observed_loss_is_the_yearly_rate_of_the_maps(tmp_path: Path) -> None:
    """Of 8 ha of forest 2 became cropland in five years: 1 − 0.75^(1/5) a year."""
    study = study_of(tmp_path, scenario(until=2017, loss="observed"))
    cells = tiny.cover(2015)
    cells[2:, 1] = 2
    tiny.write_raster(tmp_path / "lc2015.tif", cells)
    made = run_tables(study)
    rate = cell(made["parameters"], "value", name="scenario/plan/loss/forest")
    assert rate == pytest.approx(100 * (1 - 0.75**0.2))
    left = 0.75**0.4
    assert whole(made["projection"], 2017, "loss_part_t_c") == pytest.approx(-10 * (1 - left) * 59)


@given(
    start=st.floats(0, 160), gain=st.floats(-5, 5), ceiling=st.floats(0, 200),
    years=st.integers(0, 80),
)  # fmt: skip
def test_standing_forest_never_passes_its_ceiling(
    start: float, gain: float, ceiling: float, years: int
) -> None:
    trees = np.array([[[0.8 * start], [0.2 * start]]])
    later = standing(trees, np.array([[gain]]), ceiling=[ceiling], years=years)
    assert 0 <= later.sum() <= max(start, ceiling) * (1 + 1e-12)
    if years == 0:
        assert later.sum() == pytest.approx(start)


@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rate=st.floats(0, 60), to=st.sampled_from(["town", "crop", "lake"]),
    per_year=st.just(0.0) | st.floats(1e-9, 3),
)  # fmt: skip
def test_no_land_is_made_or_lost(
    tmp_path_factory: pytest.TempPathFactory, rate: float, to: str, per_year: float
) -> None:
    """The areas of all groups stay 47 ha, whatever is planted and lost."""
    groups = ["forest", "cropland", "wetland", "other"]
    asked = target(
        name="all", quantity="area", groups=groups, kind="level", unit="ha", value=47, end=2018
    )
    plan = scenario(
        planting=[PLANT | {"per_year": per_year}],
        loss=[LOSS | {"to": to, "percent_per_year": rate}],
    )
    made = tables_of(tmp_path_factory.mktemp("land"), plan, targets=[asked])
    assert made["scenario_targets"]["projected"].iloc[0] == pytest.approx(47)


# Growth curves


@pytest.mark.parametrize(
    ("kind", "name"), [("masson_pine", "马尾松"), ("chinese_fir", "杉木"), ("oak", "栎类")]
)
@needs_shared
def test_cohorts_follow_the_published_curve(kind: str, name: str) -> None:
    """Biomass at 10, 20 … 60 years as tabulated; the coefficients are printed rounded."""
    table = pd.read_csv(SHARED / "parameters" / "growth_curves_groa.csv").set_index("group_zh")
    ages = [10, 20, 30, 40, 60]
    trees = cohort_carbon(kind, ages, draws=Draws()).sum(axis=0)[:, 0]
    printed = [table.loc[name, f"B_{age}y"] for age in ages]
    assert trees / carbon_fraction().value == pytest.approx(printed, abs=0.15)


def test_packaged_increments_are_the_curve_s_own() -> None:
    """`forest_growth` gives the increments of ten years that the curve gives."""
    table = load_table("forest_growth")
    kinds = {"马尾松": "masson_pine", "杉木": "chinese_fir", "栎类": "oak"}
    for row in table.to_dict("records"):
        ends = [float(row["age_from"]), float(row["age_to"])]
        trees = cohort_carbon(kinds[str(row["species_zh"])], ends, draws=Draws()).sum(axis=0)[:, 0]
        step = (trees[1] - trees[0]) / carbon_fraction().value / (ends[1] - ends[0])
        assert step == pytest.approx(float(row["value"]), abs=0.015)


def test_a_cohort_older_than_the_curve_stays_at_its_end() -> None:
    trees = cohort_carbon("chinese_fir", [80, 81, 200], draws=Draws())[:, :, 0]
    assert (trees == trees[:, :1]).all()


# Uncertainty


def test_what_varies_widens_the_interval_of_the_future(tmp_path: Path) -> None:
    sure = scenario("sure", planting=[PLANT], loss=[LOSS], growth=[GROW])
    ranges = {"survival_low": 60, "survival_high": 95}
    unsure = scenario(
        "unsure", planting=[PLANT | ranges], loss=[LOSS | {"se": 3}], growth=[GROW | {"se": 1}]
    )
    table = tables_of(tmp_path, sure, unsure)["projection"]
    narrow = whole(table, 2018, "change_se_t_c", scenario="sure")
    wide = whole(table, 2018, "change_se_t_c", scenario="unsure")
    assert wide > 1.5 * narrow > 0
    assert whole(table, 2018, scenario="sure") == whole(table, 2018, scenario="unsure")


def test_intervals_hold_the_truth_as_often_as_they_say(tmp_path: Path) -> None:
    """Truths made outside: survival, loss and growth out of their own distributions."""
    loss, grow = LOSS | {"se": 2}, GROW | {"se": 0.5}
    ranges = {"survival_low": 70, "survival_high": 90}
    plan = scenario(planting=[PLANT | ranges], loss=[loss], growth=[grow])
    density = "stratum,pool,value,se,unit,source,confidence\n" + "".join(
        f"{name},{pool},{value},{se},t C/ha,x,verified\n"
        for name, pool, value, se in [
            ("forest", "agb", 44, 4), ("forest", "soil", 100, 10), ("crop", "agb", 5, 0),
            ("crop", "soil", 80, 0), ("lake", "agb", 0, 0), ("lake", "soil", 120, 0),
            ("town", "agb", 1, 0), ("town", "soil", 50, 0),
        ]
    )  # fmt: skip
    study = study_of(tmp_path, plan)
    (tmp_path / "density.csv").write_text(density, encoding="utf-8")
    table = run_tables(study)["projection"]
    low, high = (whole(table, 2018, f"{end}_t_c") for end in ("low", "high"))
    random = np.random.default_rng(7)
    count = 4000
    lost = np.exp(random.normal(math.log(0.1) - math.log(1.04) / 2, math.log(1.04) ** 0.5, count))
    kept = random.normal(0.8, 0.2 / 3.92, count)
    gain = np.exp(random.normal(math.log(2) - math.log(1.0625) / 2, math.log(1.0625) ** 0.5, count))
    trees, soil = random.normal(44, 4, count), random.normal(100, 10, count)
    left = (1 - lost) ** 3
    truth = FOREST * (left * (trees + 3 * gain + soil) + (1 - left) * 51)
    for age in (1, 2):
        own = (1 - lost) ** age
        truth += kept * (own * (fir(age) + 80) + (1 - own) * 51 - 85)
    truth += CROP * 85 + LAKE * 120 + TOWN * 51
    assert ((truth >= low) & (truth <= high)).mean() == pytest.approx(0.95, abs=0.012)


def test_estimated_areas_carry_their_error_on(tmp_path: Path) -> None:
    """With a reference sample the start is the estimate, and the whole still adds up."""
    plan = scenario(loss="observed", growth="observed", planting=[PLANT])
    study = sampled(tmp_path, by_stratum(), draws=500)
    study.write_text(study.read_text("utf-8") + plan, encoding="utf-8")
    made = run_tables(study)
    table = made["projection"]
    start = rows_of(made["regions"], region_code="ALL", year=2015).iloc[0]
    assert whole(table, 2015) == pytest.approx(start["stock_t_c"])
    assert whole(table, 2015, "se_t_c") == pytest.approx(start["se_t_c"])
    assert "scenario.observed_loss" not in told(study)
    summed = rows_of(table, level="region", year=2018)["stock_t_c"].sum()
    assert summed == pytest.approx(whole(table, 2018))


def test_densities_by_region_add_up(tmp_path: Path) -> None:
    study = study_of(tmp_path, scenario(planting=[PLANT], loss=[LOSS], growth=[GROW]))
    density = tiny.DENSITY.replace("stratum,pool,year,", "stratum,pool,year,region,")
    lines = []
    for line in density.splitlines():
        cells = line.split(",")
        lines.append(line if "region" in cells else ",".join([*cells[:3], "", *cells[3:]]))
    lines.append("forest,soil,,0101,90,9,t C/ha,profiles,verified")
    (tmp_path / "density.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    table = run_tables(study)["projection"]
    names = ["stock_t_c", "growth_part_t_c", "planting_part_t_c", "loss_part_t_c"]
    summed = rows_of(table, level="region").groupby("year")[names].sum()
    study_rows = rows_of(table, level="study").set_index("year")[names]
    assert summed.to_numpy() == pytest.approx(study_rows.to_numpy())
    assert whole(table, 2015) == STOCK - 10 * FOREST
    assert not table.duplicated(["scenario", "region_code", "year", "level"]).any()


def test_same_inputs_same_bytes_and_scenarios_do_not_move_each_other(tmp_path: Path) -> None:
    ranges = {"survival_low": 60, "survival_high": 95}
    one = scenario("one", planting=[PLANT | ranges], loss=[LOSS | {"se": 1}])
    other = scenario("other", until=2030, growth=[GROW | {"se": 1}])
    first = study_of(tmp_path / "a", one, targets=[AHEAD])
    second = study_of(tmp_path / "b", one, targets=[AHEAD])
    third = study_of(tmp_path / "c", other, one, targets=[AHEAD])
    for study in (first, second):
        run_tables(study)
    both = run_tables(third)["projection"]
    for name in ("projection", "scenario_targets", "scenario_path"):
        files = [study.parent / "out" / "tables" / f"{name}.csv" for study in (first, second)]
        assert files[0].read_bytes() == files[1].read_bytes()
    alone = run_tables(first)["projection"]
    kept = rows_of(both, scenario="one").reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, alone)


# Plans as tables, and what cannot be


def test_a_plan_may_be_a_table(tmp_path: Path) -> None:
    study = study_of(tmp_path, scenario(planting="plan.csv"))
    plan = (
        "stratum,species,on,per_year,unit,survival,start,end,region_code,source\n"
        "forest,杉木,crop,15,亩,80,2016,2017,江北市,a plan\n"
    )
    (tmp_path / "plan.csv").write_text(plan, encoding="utf-8")
    same = tables_of(tmp_path / "inline", scenario(planting=[PLANT]))["projection"]
    pd.testing.assert_frame_equal(run_tables(study)["projection"], same)


HEAD = "stratum,species,on,per_year,unit,survival,source\n"


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("forest,杉木,crop,-1,ha,80,x", "study.bad_value"),
        ("forest,杉木,crop,many,ha,80,x", "study.bad_value"),
        ("forest,杉木,crop,1,acre,80,x", "study.bad_choice"),
        ("forest,杉木,crop,1,ha,101,x", "study.bad_value"),
        ("forest,杉木,crop,1,ha,80,", "study.bad_value"),
        ("forrest,杉木,crop,1,ha,80,x", "scenario.no_such_stratum"),
        ("forest,榕,crop,1,ha,80,x", "scenario.species"),
        ("forest,杉木,forest,1,ha,80,x", "scenario.same_stratum"),
    ],
)
def test_bad_rows_of_a_plan_are_named_by_line(tmp_path: Path, row: str, code: str) -> None:
    study = study_of(tmp_path, scenario(planting="plan.csv"))
    good = "forest,杉木,crop,1,ha,80,x\n"
    (tmp_path / "plan.csv").write_text(HEAD + good + row + "\n", encoding="utf-8")
    (found,) = check_study(study).of(Severity.ERROR)
    assert (found.code, found.file) == (code, "plan.csv")
    assert "3" in found.place


WRONG: dict[str, tuple[str, list[str]]] = {
    "before the start": (scenario(until=2015), ["scenario.until"]),
    "too far": (scenario(until=2190), ["scenario.until"]),
    "no map": (scenario(from_=2012), ["study.year_without_raster"]),
    "planted before": (scenario(planting=[PLANT | {"start": 2015}]), ["scenario.planting_years"]),
    "planted after": (scenario(planting=[PLANT | {"end": 2019}]), ["scenario.planting_years"]),
    "reversed": (
        scenario(planting=[PLANT | {"start": 2018, "end": 2016}]), ["scenario.planting_years"],
    ),
    "unknown region": (
        scenario(planting=[PLANT | {"region_code": "0199"}]), ["scenario.no_such_region"],
    ),
    "half a range": (scenario(planting=[PLANT | {"survival_low": 70}]), ["scenario.survival"]),
    "outside its range": (
        scenario(planting=[PLANT | {"survival_low": 85, "survival_high": 90}]),
        ["scenario.survival"],
    ),
    "negative loss": (scenario(loss=[LOSS | {"percent_per_year": -1}]), ["study.bad_value"]),
    "more than all": (scenario(loss=[LOSS | {"percent_per_year": 101}]), ["study.bad_value"]),
    "not a number": (
        scenario(loss=[LOSS]).replace("= 10", "= nan"), ["study.bad_value"],
    ),
    "no source": (
        scenario(loss=[{k: v for k, v in LOSS.items() if k != "source"}]), ["study.missing_key"],
    ),
    "blank source": (scenario(growth=[GROW | {"source": " "}]), ["study.bad_value"]),
    "no survival": (
        scenario(planting=[{k: v for k, v in PLANT.items() if k != "survival"}]),
        ["study.missing_key"],
    ),
    "loss to itself": (scenario(loss=[LOSS | {"to": "forest"}]), ["scenario.same_stratum"]),
    "loss twice": (scenario(loss=[LOSS, LOSS]), ["scenario.repeated_stratum"]),
    "unknown stratum": (scenario(loss=[LOSS | {"to": "desert"}]), ["scenario.no_such_stratum"]),
    "unknown word": (scenario(loss="guessed"), ["study.bad_choice"]),
    "unknown key": (scenario(loss=[LOSS | {"rate": 3}]), ["study.unknown_key"]),
    "two of one name": (scenario() + scenario(), ["study.repeated_name"]),
    "more than there is": (
        scenario(planting=[PLANT | {"per_year": 6.01}]), ["scenario.too_much_land"],
    ),
    "more than a county has": (
        scenario(planting=[PLANT | {"per_year": 2.1, "region_code": "0101"}]),
        ["scenario.too_much_land"],
    ),
    "where there is none": (
        scenario(planting=[PLANT | {"region_code": "0203"}]), ["scenario.no_land"],
    ),
    "no file": (scenario(planting="nowhere.csv"), ["study.no_such_file"]),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_is_refused(tmp_path: Path, name: str) -> None:
    text, expected = WRONG[name]
    assert codes(study_of(tmp_path, text)) == expected


def test_growth_that_densities_do_not_show_is_refused(tmp_path: Path) -> None:
    study = study_of(tmp_path, scenario(growth="observed"))
    steady = tiny.DENSITY.replace("forest,agb,2010,40,4,", "forest,agb,2010,44,4,")
    (tmp_path / "density.csv").write_text(steady, encoding="utf-8")
    assert codes(study) == ["scenario.no_yearly_density"]


@pytest.mark.parametrize(
    ("keys", "text", "expected"),
    [
        ({}, "", ["study.target_ahead"]),
        ({}, scenario(until=2017), ["study.target_ahead"]),
        ({}, scenario(until=2018), []),
        ({"end": 2013}, scenario(until=2018), ["study.year_without_raster"]),
        ({"start": 2012}, scenario(until=2018), ["study.year_without_raster"]),
        ({"overlay": "reserves"}, scenario(), ["study.no_such_overlay"]),
    ],
)
def test_targets_ahead_need_a_scenario(
    tmp_path: Path, keys: dict[str, Any], text: str, expected: list[str]
) -> None:
    study = study_of(tmp_path, text, targets=[AHEAD | keys])
    assert sorted(codes(study)) == sorted(expected)


# Faces


@pytest.mark.parametrize("language", ["en", "zh"])
def test_report_and_workbook_show_what_may_come(tmp_path: Path, language: str) -> None:
    ranges = {"survival_low": 60, "survival_high": 95}
    plan = scenario(planting=[PLANT | ranges], loss=[LOSS | {"se": 2}], growth=[GROW])
    study = study_of(tmp_path, plan, targets=[AHEAD | {"value": 700}], language=language)
    done = run_study(study, tmp_path / "out", options=Options(parts=("workbook", "report")))
    report = (tmp_path / "out" / "report.html").read_text("utf-8")
    section = report.partition('<section id="scenarios">')[2].partition("</section>")[0]
    words = Words(done.language)
    for key in ("report.scenario.note", "report.answer.more_needed", "report.answer.beyond_land"):
        assert words.t(key) in section
    assert words.t("report.no_targets") not in report
    assert section.count("<svg") == 1
    assert "polygon" in section
    book = openpyxl.load_workbook(tmp_path / "out" / "workbook.xlsx")
    for name in ("projection", "scenario_targets"):
        assert words.t(f"workbook.sheet.{name}") in book.sheetnames
    write_document(done, tmp_path / "report.docx")
    document = docx.Document(str(tmp_path / "report.docx"))
    assert words.t("report.h.scenarios") in [line.text for line in document.paragraphs]


def test_without_scenarios_nothing_is_written(tmp_path: Path) -> None:
    made = run_tables(write_tiny(tmp_path))
    assert not {"projection", "scenario_targets", "scenario_path"} & set(made)


def test_a_planting_plan_says_nothing_of_wetlands(tmp_path: Path) -> None:
    """What a scenario leaves as it is it does not judge; one that assumes nothing judges all."""
    wet = {"quantity": "area", "groups": ["wetland"], "kind": "level", "unit": "ha", "value": 20}
    asked = {"name": "wet", "end": 2018, **wet}
    plan, still = scenario(planting=[PLANT]), scenario("still")
    study = study_of(tmp_path / "a", plan, targets=[asked])
    assert told(study) == {"scenario.unanswered"}
    assert run_tables(study)["scenario_targets"].empty
    study = study_of(tmp_path / "b", plan, still, targets=[asked])
    assert not told(study)
    row = run_tables(study)["scenario_targets"].iloc[0]
    assert (row["scenario"], row["projected"], row["answer"]) == ("still", LAKE, "no_planting")


def test_without_losses_their_part_is_zero_exactly(tmp_path: Path) -> None:
    made = tables_of(tmp_path, scenario(planting=[PLANT], growth=[GROW]))["projection"]
    assert (made["loss_part_t_c"] == 0).all()


def test_one_draw_gives_central_values_and_no_probability(tmp_path: Path) -> None:
    ranges = {"survival_low": 60, "survival_high": 95}
    plan = scenario(planting=[PLANT | ranges], loss=[LOSS | {"se": 2}], growth=[GROW | {"se": 1}])
    made = tables_of(tmp_path, plan, targets=[AHEAD], uncertainty="draws = 1")
    row = made["scenario_targets"].iloc[0]
    assert row["low"] == row["projected"] == row["high"]
    assert pd.isna(row["probability"])
    assert row["verdict"] == "uncertain"
    assert row["answer"]
    assert not row["answer_p95"]


def test_the_map_shows_what_was_measured_alone(tmp_path: Path) -> None:
    study = study_of(tmp_path, scenario(planting=[PLANT]), targets=[AHEAD, target()])
    done = run_study(study, tmp_path / "out", options=Options(parts=("regions",)))
    heads = map_data(done)["targets"]
    assert [head["name"] for head in heads] == ["carbon"]


def test_a_plan_too_large_is_refused_unread(tmp_path: Path) -> None:
    study = study_of(tmp_path, scenario(planting="plan.csv"), "[limits]\ntable_mb = 1\n")
    (tmp_path / "plan.csv").write_bytes(HEAD.encode() + b"x" * (2 << 20))
    assert codes(study) == ["table.too_large"]
