"""The packaged tables: every number cited, typed and within its range; errors that help."""

from __future__ import annotations

import csv
import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sinks.checks import Problems
from sinks.errors import InputProblems
from sinks.parameters import (
    CONFIDENCES,
    describe,
    load_table,
    lookup,
    references,
    tables,
    warn_unchecked,
)
from sinks.units import CARBON_UNITS, DENSITY_UNITS
from tests.conftest import ROOT, SHARED, needs_shared

FOLDER = ROOT / "sinks" / "tables"
POOLS = {"agb", "bgb", "dead_wood", "litter", "soil", "dead_organic"}
DENSITY = [name for name in tables() if name.startswith("density/")]
UNITS = {
    *("", "1", "%", "percentage points", "count", "m", "km", "km2", "ha", "degree", "m3"),
    *("mu/yr", "t C/m3", "t C/t d.m.", "t CO2/head", "t CO2/1e4 yuan", "yr", "t d.m./ha/yr"),
    *("1e4 t", "1e8 t C", "1e8 t CO2", "1e4 t CO2", "1e6 t C", "1e6 t CO2"),
    *("1e4 m3", "1e8 m3", "1e6 m3", "1e4 ha", "1e4 mu/yr"),
    *(
        "t CO2e/t CH4",
        "t C/ha/yr",
        "t CH4/ha/yr",
        "m3/ha",
        "t d.m./m3",
        "t d.m./ha",
        "1/yr",
        "cm",
        "kg d.m.",
        "t C/ha/yr",
        "t CH4/ha/yr",
    ),
    *CARBON_UNITS,
    *DENSITY_UNITS,
}
SHARED_PARAMETERS = SHARED / "parameters"


def shared(name: str) -> list[dict[str, str]]:
    with (SHARED_PARAMETERS / name).open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def cells(name: str) -> list[list[str]]:
    with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream, strict=True))


@pytest.fixture(params=tables())
def table(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def test_all_tables_are_found() -> None:
    paths = {path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("*.csv")}
    assert set(tables()) == {name for name in paths if not name.startswith("strings/")}


def test_file_is_plain_utf8(table: str) -> None:
    data = (FOLDER / f"{table}.csv").read_bytes()
    data.decode("utf-8")
    assert not data.startswith(b"\xef\xbb\xbf")
    assert b"\r" not in data
    assert data.endswith(b"\n")
    rows = cells(table)
    assert len(rows) > 1
    assert {len(row) for row in rows} == {len(rows[0])}
    assert len(set(rows[0])) == len(rows[0])
    assert all(cell == cell.strip() for row in rows for cell in row)


def test_every_column_is_described(table: str) -> None:
    header, *rows = cells(table)
    for place, title in enumerate(header):
        row = describe(table, title)
        assert row["type"] in {"text", "number", "integer"}
        assert row["description"]
        assert row["description_zh"]
        unit = row["unit"]
        units = {line[header.index(unit)] for line in rows} if unit in header else {unit}
        assert units <= UNITS, title
        if row["type"] != "text":
            pattern = r"-?\d+" if row["type"] == "integer" else r"-?\d+(\.\d+)?(e-?\d+)?"
            wrong = [r[place] for r in rows if r[place] and not re.fullmatch(pattern, r[place])]
            assert not wrong, title
            # A leading zero is a code, and codes are text.
            assert not [r[place] for r in rows if re.match(r"0\d", r[place])], title


def test_every_description_has_a_column() -> None:
    columns = load_table("columns")
    for row in columns.itertuples():
        names = [name for name in tables() if Path(name).match(str(row.table))]
        titles = {title for name in names for title in cells(name)[0]}
        assert row.table == "*" or row.column in titles, f"{row.table}.{row.column}"


def test_confidence_and_references(table: str) -> None:
    rows = load_table(table)
    known = set(references().index)
    if "confidence" in rows:
        assert set(rows["confidence"]) <= set(CONFIDENCES)
    if "ref" in rows:
        used = {key for cell in rows["ref"] for key in cell.split(";")}
        assert used <= known
    if "source" in rows:
        assert rows["source"].str.len().gt(0).all()


def test_references_have_unique_keys_and_plain_dois() -> None:
    rows = references()
    assert rows.index.is_unique
    assert rows["citation"].str.len().gt(10).all()
    assert rows["doi"].str.fullmatch(r"(10\.\d{4,9}/\S+)?").all()


def test_no_table_speaks_of_where_it_was_written(table: str) -> None:
    content = (FOLDER / f"{table}.csv").read_text(encoding="utf-8").lower()
    for word in ("web copy", "mirror", "stored", "/work", "/tmp", ".txt", "parameters.md"):
        assert word not in content.replace("restored", "")


@pytest.mark.parametrize("name", DENSITY)
def test_density_table_is_sound(name: str) -> None:
    rows = load_table(name)
    assert set(rows["pool"]) <= POOLS
    assert set(rows["unit"]) <= set(DENSITY_UNITS)
    assert set(rows["stratum"]) <= set(load_table("strata")["stratum"])
    assert not rows.duplicated(["stratum", "pool"]).any()
    # A stratum that lacks a pool would lose carbon without a word.
    assert rows.groupby("stratum")["pool"].nunique().eq(4).all()
    assert rows["value"].ge(0).all()
    assert set(rows["distribution"]) <= {"fixed", "normal", "lognormal", ""}
    ranged = rows[rows["low"].notna() | rows["high"].notna()]
    assert (ranged["low"] <= ranged["value"]).all()
    assert (ranged["value"] <= ranged["high"]).all()
    assert ranged["interval"].between(0.5, 0.999).all()
    assert ranged["se"].isna().all()
    assert ranged["value"].gt(0).all()
    fixed = rows[rows["distribution"] == "fixed"]
    assert fixed["se"].eq(0).all()
    assert rows.loc[rows["value"] == 0, "distribution"].isin(["fixed", ""]).all()


def test_spreads_cover_every_pool() -> None:
    rows = load_table("spreads").set_index("pool")
    assert set(rows.index) == POOLS
    assert rows.loc["agb", "relative_se"] == pytest.approx(0.7369)
    assert rows.loc["soil", "relative_se"] == pytest.approx(0.7175)
    # Zhao & Li 2018 print mean and standard deviation.
    assert rows.loc["dead_wood", "relative_se"] == pytest.approx(3.3988 / 0.7612, abs=0.006)


@needs_shared
def test_forest_growth_is_that_of_the_curves() -> None:
    """Each row is the difference of two points of a fitted curve, over the years between."""
    curves = {row["group_zh"]: row for row in shared("growth_curves_groa.csv")}
    rows = load_table("forest_growth")
    assert set(rows["species_zh"]) == set(curves)
    for row in rows.itertuples():
        curve = curves[str(row.species_zh)]
        ends = [float(curve[f"B_{age}y"]) if age else 0.0 for age in (row.age_from, row.age_to)]
        growth = (ends[1] - ends[0]) / (row.age_to - row.age_from)
        assert row.value == pytest.approx(growth, abs=6e-4), row


def test_plan_values_are_the_restored_figures() -> None:
    rows = load_table("plan_targets").set_index("quantity")
    assert rows.index.is_unique
    target = rows.loc["forest_carbon_increase_2015"]
    assert (target["value"], target["unit"]) == (60e6, "t C")
    for row in rows.itertuples():
        factor = re.match(r"1e\d ", str(row.restored_unit))
        scale = float(factor.group()) if factor else 1.0
        assert row.value == pytest.approx(float(str(row.restored)) * scale), row.Index


def test_plan_digits_are_those_printed() -> None:
    for row in load_table("plan_targets").itertuples():
        digits = re.match(r"\d+", str(row.printed))
        if digits:
            assert f"{row.restored:.12g}".replace(".", "") == digits.group()


def test_counties_have_unique_codes_in_both_years() -> None:
    rows = load_table("hubei_counties")
    assert len(rows) == 103
    for year in ("2010", "today"):
        codes = rows[f"code_{year}"]
        assert codes.is_unique
        assert codes.str.fullmatch(r"42\d{4}").all()
        assert rows[f"prefecture_code_{year}"].str.fullmatch(r"42\d\d00|429000").all()
        inside = codes.str[:4] == rows[f"prefecture_code_{year}"].str[:4]
        assert inside.all()
    changed = rows[rows["code_2010"] != rows["code_today"]]
    recoded = load_table("hubei_county_changes").query("change == 'recode'")
    assert dict(zip(changed["code_2010"], changed["code_today"], strict=True)) == dict(
        zip(recoded["code_before"], recoded["code_after"], strict=True)
    )


def test_wetland_parts_add_up() -> None:
    rows = load_table("hubei_wetland_survey").query("scope == 'Hubei'")
    areas = rows.set_index(["survey", "wetland_type"])["area_ha"]
    for survey in ("1st national survey 1995-2003", "2nd national survey 2009-2013"):
        area = areas[survey]
        assert area[["river", "lake", "marsh", "artificial"]].sum() == pytest.approx(
            area["total"], abs=100
        )


def test_load_table_gives_a_copy() -> None:
    first = load_table("spreads")
    first.loc[:, "pool"] = "nothing"
    assert "soil" in set(load_table("spreads")["pool"])


def test_codes_stay_text_and_empty_numbers_are_missing() -> None:
    rows = load_table("hubei_counties")
    assert all(isinstance(code, str) for code in rows["code_2010"])
    assert pd.api.types.is_integer_dtype(load_table("legends/clcd")["code"])
    assert math.isnan(load_table("density/mata_loess_2021")["se"].iloc[0])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_unknown_table_names_the_nearest(language: str) -> None:
    with pytest.raises(InputProblems, match="hubei_2010") as caught:
        load_table("density/hubei_2011", language=language)
    assert caught.value.exit_code == 2
    assert caught.value.problems[0].code == "parameter.no_table"


@pytest.mark.parametrize("name", ["../study", "strings/core", "/etc/passwd", "", "density"])
def test_a_name_is_never_a_path(name: str) -> None:
    with pytest.raises(InputProblems):
        load_table(name)


def test_lookup_returns_one_cited_number() -> None:
    soil = lookup("density/hubei_2010", stratum="bamboo", pool="soil")
    assert (soil.name, soil.value, soil.low, soil.high) == ("hubei_2010/bamboo/soil", 71.6, 53, 140)
    assert (soil.unit, soil.distribution, soil.interval) == ("t C/ha", "lognormal", 0.9)
    assert math.isnan(soil.se)
    spread = lookup("spreads", column="relative_se", pool="litter")
    assert (spread.value, spread.unit, spread.confidence) == (0.6648, "1", "verified")


def test_lookup_of_nothing_names_table_key_and_nearest() -> None:
    with pytest.raises(InputProblems) as caught:
        lookup("density/hubei_2010", stratum="forest_enfo", pool="agb", language="en")
    message = caught.value.problems[0].text("en")
    assert "density/hubei_2010" in message
    assert "stratum = forest_enfo" in message
    assert "stratum = forest_enf" in message
    with pytest.raises(InputProblems, match="pool = dead_organic"):
        lookup("density/hubei_2010", stratum="forest", pool="dead_organics", language="en")


def test_lookup_of_many_rows_is_our_bug() -> None:
    with pytest.raises(LookupError, match="names 4 rows"):
        lookup("density/hubei_2010", stratum="forest")


def test_unchecked_parameters_warn_once() -> None:
    problems = Problems("en")
    warn_unchecked(["hubei_2010/lake/agb", "hubei_2010/lake/agb"], table="t.csv", problems=problems)
    warn_unchecked([], table="t.csv", problems=problems)
    (problem,) = problems
    assert (problem.code, str(problem.severity)) == ("parameter.memory", "WARN")
    assert "1 in use" in problem.text("en")


#: Strata of the group urban_green, which the facts have no rows for: see docs/wetlands.md.
GREEN = ("urban_green", "urban_park", "green_belt")


def test_urban_green_has_densities_of_its_own() -> None:
    strata = load_table("strata").set_index("stratum")
    rows = load_table("density/hubei_2010").set_index(["stratum", "pool"])
    for name in GREEN:
        assert strata.loc[name, "group"] == "urban_green"
        ratio = rows.loc[(name, "bgb"), "value"] / rows.loc[(name, "agb"), "value"]
        assert ratio == pytest.approx(4.1 / 16.7, abs=0.01)
        # The soils of Shanghai lie between gardens and urban forest.
        assert 21.3 <= rows.loc[(name, "soil"), "value"] <= 31.5
        assert set(rows.loc[name, "confidence"]) == {"secondary"}
    # Street trees hold a third to a half of what forests hold.
    assert 16.7 / 3 <= rows.loc[("green_belt", "agb"), "value"] <= 16.7 / 2


@needs_shared
def test_sediment_is_the_option_of_the_facts_or_the_land_it_covers() -> None:
    """A soil of 0 under water would lose a field's carbon at once: see docs/wetlands.md."""
    rows = load_table("density/hubei_2010").set_index(["stratum", "pool"])
    numbers = ["value", "low", "high"]
    facts = {f["sinks_class"]: f for f in shared("landcover_carbon_pools.csv")}
    lake = rows.loc["lake", "soil"]
    told = f"{lake['value']:g} ({lake['low']:g}-{lake['high']:g})"
    assert told in " ".join(str(value) for value in facts["lake"].values())
    for water, land in (("river", "floodplain"), ("reservoir_pond", "cropland")):
        assert rows.loc[water, "soil"][numbers].tolist() == (
            rows.loc[land, "soil"][numbers].tolist()
        )
    mean = np.mean(
        [rows.loc[name, "soil"]["value"] for name in ("lake", "river", "reservoir_pond")]
    )
    assert rows.loc["water", "soil"]["value"] == pytest.approx(mean, abs=1.5)
    assert set(rows.xs("soil", level="pool")["depth"]) == {"0-100 cm"}


@needs_shared
def test_hubei_densities_are_the_facts() -> None:
    rows = load_table("density/hubei_2010").set_index(["stratum", "pool"])
    pools = {"c_above": "agb", "c_below": "bgb", "c_soil": "soil", "c_dead": "dead_organic"}
    facts = [f for f in shared("landcover_carbon_pools.csv") if "hubei" in f["param_set"]]
    assert len(rows) == 4 * (len(facts) + len(GREEN))
    for fact in facts:
        for title, pool in pools.items():
            row = rows.loc[fact["sinks_class"], pool]
            if fact[title] == "0" and fact[f"{title}_range"] == "0-150":
                continue  # the sediment of open water, see below
            assert row["value"] == float(fact[title])
            assert row["confidence"] == fact["confidence"]
            assert row["unit"] == fact["unit"]
            if row["value"] > 0:
                assert f"{row['low']:g}-{row['high']:g}" == fact[f"{title}_range"]


@needs_shared
@pytest.mark.parametrize("name", ["mata_loess_2021", "invest_guide_example"])
def test_other_density_tables_are_the_facts(name: str) -> None:
    rows = load_table(f"density/{name}").set_index(["stratum", "pool"])["value"]
    for fact in shared("landcover_carbon_pools.csv"):
        if fact["param_set"] == name:
            values = rows.loc[fact["sinks_class"], ["agb", "bgb", "soil", "dead_organic"]]
            assert list(values) == [
                float(fact[title]) for title in ("c_above", "c_below", "c_soil", "c_dead")
            ]


@needs_shared
def test_validation_figures_are_the_facts() -> None:
    scale = {"1e4 m3": 1e4, "1e8 m3": 1e8, "1e4 ha": 1e4, "Tg C": 1e6, "Mha": 1e6, "1e8 t C": 1e8}
    scale |= {"Pg C": 1e9, "1e4 ha (>)": 1e4}
    facts = [float(f["value"]) * scale.get(f["unit"], 1) for f in shared("hubei_validation.csv")]
    assert sorted(load_table("hubei_validation")["value"]) == pytest.approx(sorted(facts))


@needs_shared
def test_counties_plan_and_wetlands_are_the_facts() -> None:
    rows = load_table("hubei_counties").set_index("code_2010")
    for fact in shared("hubei_counties.csv"):
        row = rows.loc[fact["code_2010"]]
        assert (row["code_today"], row["name_2010"]) == (fact["code_2024"], fact["name_2010"])
        assert (row["name_today"], row["area_km2"]) == (
            fact["name_2024"],
            float(fact["area_geodesic_km2"]),
        )
    restored = [float(fact["restored"]) for fact in shared("plan_targets.csv")]
    assert list(load_table("plan_targets")["restored"]) == restored
    areas = [float(fact["area_ha"]) for fact in shared("hubei_wetland_survey.csv")]
    assert list(load_table("hubei_wetland_survey")["area_ha"]) == areas
