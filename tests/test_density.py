"""Density tables: units, spreads, the most specific row, and what is refused with its line."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from sinks.biomass.density import Density, density_array, standard_error
from sinks.biomass.table import DensityRow, load_density_table, packaged_densities
from sinks.checks import Problem, Problems
from sinks.legend import packaged_legend
from sinks.sections import DensityConfig, UncertaintyConfig
from sinks.texts import LANGUAGES

HEAD = "stratum,pool,value,se,unit"


def table(folder: Path, text: str) -> tuple[list[DensityRow], Problems]:
    """Read a density table with this content."""
    (folder / "density.csv").write_text(text, encoding="utf-8")
    problems = Problems("en")
    stratum_of = {1: "forest", 2: "crop", 3: "crop"}
    rows = load_density_table("density.csv", base=folder, stratum_of=stratum_of, problems=problems)
    return rows or [], problems


def arranged(
    rows: list[DensityRow],
    *,
    strata: Iterable[str] = ("forest",),
    regions: Iterable[str] = ("0101", "0102"),
    draws: int = 1000,
    **config: object,
) -> tuple[Density | None, Problems]:
    problems = Problems("en")
    density = density_array(
        rows,
        strata=list(strata),
        years=[2010, 2015],
        regions=list(regions),
        config=DensityConfig(table="density.csv", **config),
        uncertainty=UncertaintyConfig(draws=draws),
        problems=problems,
    )
    return density, problems


def value(density: Density | None, **place: object) -> float:
    assert density is not None
    return float(density.value.sel(place))


def codes(problems: Iterable[Problem]) -> list[str]:
    return [problem.code for problem in problems]


# Units


@pytest.mark.parametrize(
    ("unit", "number", "carbon"),
    [
        ("t C/ha", "40", 40.0),
        ("t CO2/ha", "44", 12.0),  # 44 t CO2 hold 12 t C
        ("t CO2/ha", "146.6666667", 40.0),
        ("t d.m./ha", "100", 47.0),  # IPCC 2006, vol. 4, table 4.3: 0.47
    ],
)
def test_units_become_t_c_per_hectare(
    tmp_path: Path, unit: str, number: str, carbon: float
) -> None:
    (row,), _ = table(tmp_path, f"{HEAD}\nforest,agb,{number},{number},{unit}\n")
    assert row.value == pytest.approx(carbon)
    assert row.se == pytest.approx(carbon), "a spread is in the unit of its value"


def test_ranges_are_converted_with_their_values(tmp_path: Path) -> None:
    text = "stratum,pool,value,low,high,unit\nforest,agb,44,22,88,t CO2/ha\n"
    (row,), _ = table(tmp_path, text)
    assert (row.low, row.value, row.high) == pytest.approx((6, 12, 24))


def test_a_carbon_fraction_of_the_table_wins(tmp_path: Path) -> None:
    text = f"{HEAD},carbon_fraction\nforest,agb,100,10,t d.m./ha,0.5\nforest,soil,9,1,t C/ha,\n"
    rows, problems = table(tmp_path, text)
    assert [(row.value, row.se) for row in rows] == [(50, 5), (9, 1)]
    assert list(problems) == []


@pytest.mark.parametrize(
    ("pool", "fraction"), [("agb", 0.47), ("bgb", 0.47), ("dead_wood", 0.47), ("litter", 0.37)]
)
def test_the_default_carbon_fraction_is_named(tmp_path: Path, pool: str, fraction: float) -> None:
    (row,), problems = table(tmp_path, f"{HEAD}\nforest,{pool},100,1,t d.m./ha\n")
    assert row.value == pytest.approx(100 * fraction)
    (warning,) = problems
    assert (warning.code, warning.severity, warning.place) == (
        "density.default_fraction", "WARN", pool,
    )  # fmt: skip
    for language in LANGUAGES:
        assert "IPCC 2006" in warning.part("found", language)
        assert str(fraction) in warning.part("found", language)


# Refusals


@pytest.mark.parametrize(
    ("row", "code", "detail"),
    [
        ("forest,agb,NaN,1,t C/ha", "not_a_number", "value = NaN"),
        ("forest,agb,,1,t C/ha", "not_a_number", "value = ∅"),
        ("forest,agb,inf,1,t C/ha", "not_a_number", "value = inf"),
        ("forest,agb,1e999,1,t C/ha", "not_a_number", "value = 1e999"),
        ('forest,agb,"1,5",1,t C/ha', "not_a_number", "value = 1,5"),
        ("forest,agb,about 40,1,t C/ha", "not_a_number", "value = about 40"),
        ("forest,agb,=A1*2,1,t C/ha", "not_a_number", "value = =A1*2"),
        ("forest,agb,1_000,1,t C/ha", "not_a_number", "value = 1_000"),
        ("forest,agb,40,x,t C/ha", "not_a_number", "se = x"),
        ("forest,agb,-40,1,t C/ha", "negative", "value = -40"),
        ("forest,agb,40,-1,t C/ha", "negative", "se = -1"),
        ("forest,agb,40,1,t/ha", "unit", "t/ha"),
        ("forest,agb,40,1,tC/ha", "unit", "tC/ha"),
        ("forest,agb,40,1,kg/m2", "unit", "kg/m2"),
        ("forest,agb,40,1,", "unit", "∅"),
        ("forest,wood,40,1,t C/ha", "pool", "wood"),
        ("forest,,40,1,t C/ha", "pool", "∅"),
        (",agb,40,1,t C/ha", "stratum", "∅"),
        ("forest,agb,16700,1,t C/ha", "too_large", "16700"),
        ("forest,soil,40,1,t d.m./ha", "fraction", "∅"),
        ("forest,dead_organic,40,1,t d.m./ha", "fraction", "∅"),
        ("crop,agb,1,1,t C/ha", "repeated", "density/crop/agb"),
    ],
)
def test_a_row_that_is_wrong_is_refused_with_its_line(
    tmp_path: Path, row: str, code: str, detail: str
) -> None:
    rows, problems = table(tmp_path, f"{HEAD}\ncrop,agb,5,1,t C/ha\n\n{row}\n")
    assert rows == []
    (problem,) = [item for item in problems if item.severity == "ERROR"]
    assert (problem.code, problem.file) == (f"density.{code}", "density.csv")
    assert detail in problem.part("found")
    assert "line 4" in problem.part("found") or code == "repeated"
    assert detail in problem.part("found", "zh")


def test_lines_are_named_in_the_language_of_the_study(tmp_path: Path) -> None:
    (tmp_path / "density.csv").write_text(f"{HEAD}\nforest,agb,x,1,t C/ha\n", encoding="utf-8")
    problems = Problems("zh")
    load_density_table("density.csv", base=tmp_path, stratum_of={}, problems=problems)
    (problem,) = problems
    assert "第 2 行" in problem.text()


@pytest.mark.parametrize(
    ("columns", "cells", "code"),
    [
        ("low,high", "50,60", "range"),
        ("low,high", "30,35", "range"),
        ("low,high", "60,30", "range"),
        ("low,high", "30,", "range"),
        ("low,high,interval", "30,50,95", "interval"),
        ("low,high,interval", "30,50,0.2", "interval"),
        ("low,high,interval", "30,50,x", "not_a_number"),
        ("distribution", "gamma", "distribution"),
        ("year", "10", "year"),
        ("year", "0000", "year"),
        ("year", "2010.0", "year"),
        ("carbon_fraction", "0", None),
    ],
)
def test_other_columns_are_checked(
    tmp_path: Path, columns: str, cells: str, code: str | None
) -> None:
    _, problems = table(tmp_path, f"{HEAD},{columns}\nforest,agb,40,,t C/ha,{cells}\n")
    assert (f"density.{code}" in codes(problems)) is (code is not None)


@pytest.mark.parametrize("fraction", ["0", "1.2", "47", "-0.5", "x"])
def test_a_carbon_fraction_is_a_fraction(tmp_path: Path, fraction: str) -> None:
    text = f"{HEAD},carbon_fraction\nforest,agb,100,10,t d.m./ha,{fraction}\n"
    _, problems = table(tmp_path, text)
    assert "density.fraction" in codes(problems)


def test_every_kind_of_fault_is_told_at_once(tmp_path: Path) -> None:
    text = f"{HEAD}\nforest,agb,-1,1,t C/ha\nforest,bgb,x,1,t C/ha\nforest,soil,1,1,kg\n"
    _, problems = table(tmp_path, text + "forest,trunk,1,1,t C/ha\ncrop,agb,-2,1,t C/ha\n")
    found = {problem.code: problem.values["count"] for problem in problems}
    assert found == {
        "density.negative": 2,
        "density.not_a_number": 1,
        "density.unit": 1,
        "density.pool": 1,
    }


def test_missing_columns_are_named(tmp_path: Path) -> None:
    _, (problem,) = table(tmp_path, "stratum,pool,density,se\nforest,agb,40,1\n")
    assert problem.code == "density.columns"
    assert "missing: value, unit" in problem.text("en")
    assert "缺少：value, unit" in problem.text("zh")


def test_an_unknown_set_names_the_nearest() -> None:
    problems = Problems("en")
    name = "hubei_2001"
    assert load_density_table(name, base=Path(), stratum_of={}, problems=problems) is None
    (problem,) = problems
    assert problem.code == "density.unknown_set"
    assert "hubei_2010" in problem.text("en")


# What is missing


def test_a_missing_density_names_table_key_and_nearest_keys(tmp_path: Path) -> None:
    rows, _ = table(tmp_path, f"{HEAD}\nforrest,agb,40,1,t C/ha\ncrop,agb,5,1,t C/ha\n")
    density, problems = arranged(rows, strata=["forest", "crop"])
    assert density is None
    (problem,) = problems
    assert (problem.code, problem.file) == ("density.missing", "density.csv")
    for language in LANGUAGES:
        assert "forest/agb/2010, forest/agb/2015" in problem.part("found", language)
        assert "forrest/agb" in problem.part("found", language)


def test_a_pool_that_one_stratum_lacks_is_missing(tmp_path: Path) -> None:
    text = f"{HEAD}\nforest,agb,40,1,t C/ha\nforest,soil,90,1,t C/ha\ncrop,agb,5,1,t C/ha\n"
    rows, _ = table(tmp_path, text)
    density, (problem,) = arranged(rows, strata=["forest", "crop"])
    assert density is None
    assert "crop/soil/2010" in problem.text("en")


def test_a_year_without_a_row_is_missing(tmp_path: Path) -> None:
    rows, _ = table(tmp_path, f"{HEAD},year\nforest,agb,40,1,t C/ha,2010\n")
    density, (problem,) = arranged(rows)
    assert density is None
    assert problem.values["keys"] == "forest/agb/2015"


def test_a_region_without_a_row_is_missing(tmp_path: Path) -> None:
    rows, _ = table(tmp_path, f"{HEAD},region\nforest,agb,40,1,t C/ha,0101\n")
    density, (problem,) = arranged(rows)
    assert density is None
    assert problem.values["keys"] == "forest/agb/2010/0102, forest/agb/2015/0102"


def test_a_pool_that_the_study_wants_is_never_left_out_silently(tmp_path: Path) -> None:
    rows, _ = table(tmp_path, f"{HEAD}\nforest,agb,40,1,t C/ha\n")
    density, (problem,) = arranged(rows, pools=("agb", "litter"))
    assert density is None
    assert "forest/litter/2010" in problem.text("en")


def test_strata_that_are_not_on_the_maps_need_no_pools(tmp_path: Path) -> None:
    text = f"{HEAD}\nforest,agb,40,1,t C/ha\nlake,soil,120,1,t C/ha\n"
    rows, _ = table(tmp_path, text)
    density, problems = arranged(rows)
    assert density is not None
    assert density.value["pool"].values.tolist() == ["agb"]
    assert [name for name, _, _ in density.rows] == ["density/forest/agb"]
    assert list(problems) == []


def test_pools_of_the_study_are_chosen(tmp_path: Path) -> None:
    rows, _ = table(tmp_path, f"{HEAD}\nforest,agb,40,1,t C/ha\nforest,soil,90,1,t C/ha\n")
    density, _ = arranged(rows, pools=("soil",))
    assert density is not None
    assert density.value["pool"].values.tolist() == ["soil"]


def test_dead_organic_matter_is_whole_or_split(tmp_path: Path) -> None:
    text = f"{HEAD}\nforest,dead_wood,3,1,t C/ha\nforest,litter,2,1,t C/ha\n"
    rows, _ = table(tmp_path, text + "crop,dead_organic,1,1,t C/ha\n")
    density, problems = arranged(rows, strata=["forest", "crop"])
    assert list(problems) == []
    assert density is not None
    by_pool = density.value.sel(year=2010, stratum=["forest", "crop"]).to_pandas()
    assert by_pool.to_dict("index") == {
        "forest": {"dead_wood": 3, "litter": 2, "dead_organic": 0},
        "crop": {"dead_wood": 0, "litter": 0, "dead_organic": 1},
    }
    assert len(density.rows) == 3


def test_half_of_dead_organic_matter_is_missing_its_other_half(tmp_path: Path) -> None:
    text = f"{HEAD}\nforest,dead_wood,3,1,t C/ha\nforest,litter,2,1,t C/ha\n"
    rows, _ = table(tmp_path, text + "crop,litter,1,1,t C/ha\n")
    density, (problem,) = arranged(rows, strata=["forest", "crop"])
    assert density is None
    assert "crop/dead_wood/2010" in problem.text("en")


# The most specific row


def test_the_most_specific_row_wins(tmp_path: Path) -> None:
    text = f"""{HEAD},year,region
forest,agb,1,0,t C/ha,,
forest,agb,2,0,t C/ha,2015,
forest,agb,3,0,t C/ha,,0102
forest,agb,4,0,t C/ha,2015,0102
"""
    rows, _ = table(tmp_path, text)
    density, problems = arranged(rows, regions=["0101", "0102", "0203"])
    assert list(problems) == []
    place = {"stratum": "forest", "pool": "agb"}
    found = {
        (region, year): value(density, region=region, year=year, **place)
        for region in ("0101", "0102", "0203")
        for year in (2010, 2015)
    }
    assert found == {
        ("0101", 2010): 1, ("0101", 2015): 2,
        ("0102", 2010): 3, ("0102", 2015): 4,
        ("0203", 2010): 1, ("0203", 2015): 2,
    }  # fmt: skip
    assert density is not None
    assert [name for name, _, _ in density.rows] == [
        "density/forest/agb", "density/forest/agb/0102", "density/forest/agb/2015",
        "density/forest/agb/2015/0102",
    ]  # fmt: skip


def test_without_rows_of_regions_there_is_no_region_axis(tmp_path: Path) -> None:
    rows, _ = table(tmp_path, f"{HEAD}\nforest,agb,1,0,t C/ha\n")
    density, _ = arranged(rows)
    assert density is not None
    assert not density.by_region


def test_rows_of_other_regions_are_told(tmp_path: Path) -> None:
    """A spreadsheet made 101 of 0101: its row would silently be lost. Another country's is told."""
    text = f"{HEAD},region\nforest,agb,1,0,t C/ha,\nforest,agb,9,0,t C/ha,101\n"
    rows, _ = table(tmp_path, text)
    density, (warning,) = arranged(rows)
    assert value(density, stratum="forest", pool="agb", year=2010) == 1
    assert (warning.code, warning.severity) == ("density.region_form", "ERROR")
    assert "101" in warning.part("found", "zh")
    _, (warning,) = arranged(table(tmp_path, text.replace(",101", ",7"))[0])
    assert (warning.code, warning.severity) == ("density.strange_regions", "WARN")
    assert "0101" in warning.part("expected", "en")


# Spreads


def test_a_range_gives_the_standard_error_of_its_distribution() -> None:
    z = norm.ppf(0.95)
    normal = DensityRow("f", "agb", 40, low=30, high=50, interval=0.9, distribution="normal")
    assert standard_error(normal) == pytest.approx(20 / (2 * z))
    wide = DensityRow("f", "agb", 16.7, low=8, high=40, interval=0.9, distribution="lognormal")
    sigma = math.log(40 / 8) / (2 * z)
    assert standard_error(wide) == pytest.approx(16.7 * math.sqrt(math.exp(sigma**2) - 1))
    # Without a word on the interval it is one of 95 %: ± 1.96 standard errors.
    plain = DensityRow("f", "agb", 40, low=30.2, high=49.8, distribution="normal")
    assert standard_error(plain) == pytest.approx(5.0, rel=1e-4)


@given(
    middle=st.floats(1, 1000),
    factor=st.floats(1.01, 5),
    interval=st.floats(0.5, 0.99),
)
def test_a_wider_range_is_a_larger_error(middle: float, factor: float, interval: float) -> None:
    def error(by: float) -> float:
        row = DensityRow("f", "agb", middle, low=middle / by, high=middle * by, interval=interval)
        return standard_error(row)

    assert 0 < error(factor) < error(factor * 1.1)


def test_a_stated_error_wins_over_a_range() -> None:
    assert standard_error(DensityRow("f", "agb", 40, se=3, low=1, high=90)) == 3


def test_without_a_spread_the_cited_default_is_assumed_aloud(tmp_path: Path) -> None:
    rows, _ = table(tmp_path, f"{HEAD}\nforest,agb,40,,t C/ha\nforest,soil,90,,t C/ha\n")
    density, problems = arranged(rows)
    assert density is not None
    # Dai et al. 2017: 0.7369 of the biomass, 0.7175 of the soil.
    assert {name: se for name, _, se in density.rows} == pytest.approx(
        {"density/forest/agb": 40 * 0.7369, "density/forest/soil": 90 * 0.7175}
    )
    assert [(item.code, item.severity, item.place) for item in problems] == [
        ("density.spread_assumed", "WARN", "agb"),
        ("density.spread_assumed", "WARN", "soil"),
    ]
    for problem in problems:
        for language in LANGUAGES:
            assert "10.5846/stxb201609271947" in problem.part("found", language)


def test_an_asserted_spread_is_used_and_recorded(tmp_path: Path) -> None:
    text = f"{HEAD}\nforest,agb,40,,t C/ha\nforest,bgb,10,3,t C/ha\n"
    rows, _ = table(tmp_path, text)
    density, (warning,) = arranged(rows, relative_se=0.25)
    assert density is not None
    assert {name: se for name, _, se in density.rows} == {
        "density/forest/agb": 10.0, "density/forest/bgb": 3.0,
    }  # fmt: skip
    assert (warning.code, warning.place) == ("density.spread_asserted", "agb")


def test_nothing_and_what_is_fixed_have_no_spread(tmp_path: Path) -> None:
    text = f"{HEAD},distribution\nforest,agb,0,,t C/ha,\nforest,soil,90,5,t C/ha,fixed\n"
    rows, _ = table(tmp_path, text)
    density, problems = arranged(rows)
    assert list(problems) == []
    assert density is not None
    assert [se for _, _, se in density.rows] == [0, 0]
    assert (density.drawn().std("draw") == 0).all()


def test_numbers_from_memory_warn(tmp_path: Path) -> None:
    text = f"{HEAD},confidence\nforest,agb,40,1,t C/ha,memory\nforest,soil,90,1,t C/ha,verified\n"
    rows, _ = table(tmp_path, text)
    _, (warning,) = arranged(rows)
    assert (warning.code, warning.severity) == ("parameter.memory", "WARN")
    assert "forest/agb" in warning.text("en")
    assert "forest/soil" not in warning.text("en")
    _, (refused,) = arranged(rows, unchecked=False)
    assert (refused.code, refused.severity) == ("parameter.memory_refused", "ERROR")
    assert "forest/agb" in refused.text("en")


# Draws


def test_wide_densities_never_fall_below_zero(tmp_path: Path) -> None:
    rows, _ = table(tmp_path, f"{HEAD}\nforest,agb,40,30,t C/ha\nforest,soil,90,9,t C/ha\n")
    density, _ = arranged(rows)
    assert density is not None
    drawn = density.drawn().sel(stratum="forest", year=2010)
    assert float(drawn.min()) > 0
    assert drawn.mean("draw").values == pytest.approx([40, 90], rel=0.01)
    assert float(drawn.sel(pool="soil").std("draw")) == pytest.approx(9, rel=0.01)
    # The lognormal of mean 40 and se 30: median = mean / √(1 + (30 / 40)²) = 32.
    assert float(drawn.sel(pool="agb").median("draw")) == pytest.approx(32, rel=0.01)


def test_years_and_regions_share_the_error_of_a_pool(tmp_path: Path) -> None:
    text = f"{HEAD},year,region\nforest,agb,40,4,t C/ha,,\nforest,agb,50,4,t C/ha,2015,0102\n"
    rows, _ = table(tmp_path, text)
    density, _ = arranged(rows)
    assert density is not None
    here, there = density.drawn(0).squeeze(), density.drawn(1).squeeze()
    assert np.allclose(here.sel(year=2010) + 10, there.sel(year=2015))
    assert (here.sel(year=2010) == here.sel(year=2015)).all()


def test_another_row_never_moves_the_draws_of_one(tmp_path: Path) -> None:
    rows, _ = table(tmp_path, f"{HEAD}\nforest,agb,40,4,t C/ha\ncrop,agb,5,1,t C/ha\n")
    alone, _ = arranged(rows)
    together, _ = arranged(rows, strata=["crop", "forest"], regions=["1"])
    assert alone is not None
    assert together is not None
    own = {"stratum": "forest", "pool": "agb"}
    assert (alone.drawn().sel(own).values == together.drawn().sel(own).values).all()


def test_pools_err_independently(tmp_path: Path) -> None:
    rows, _ = table(tmp_path, f"{HEAD}\nforest,agb,40,4,t C/ha\nforest,soil,90,9,t C/ha\n")
    density, _ = arranged(rows, draws=10_000)
    assert density is not None
    drawn = density.drawn().sel(stratum="forest", year=2010).values
    # Of n independent pairs the correlation is within 4 / √n of zero.
    assert abs(np.corrcoef(drawn)[0, 1]) < 0.04


# InVEST's table


def test_an_invest_table_is_read_as_it_is(tmp_path: Path) -> None:
    text = "lucode,LULC_name,C_above,C_below,C_soil,C_dead\n1,Forest,15,10,60,1\n2,Field,5,3,20,0\n"
    rows, problems = table(tmp_path, text)
    assert list(problems) == []
    assert {(row.stratum, row.pool): row.value for row in rows} == {
        ("forest", "agb"): 15, ("forest", "bgb"): 10, ("forest", "soil"): 60,
        ("forest", "dead_organic"): 1,
        ("crop", "agb"): 5, ("crop", "bgb"): 3, ("crop", "soil"): 20, ("crop", "dead_organic"): 0,
    }  # fmt: skip


INVEST = "lucode,c_above,c_below,c_soil,c_dead\n"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("1,15,10,,1\n", ["density.not_a_number"]),
        ("1,15,10,-60,1\n", ["density.negative"]),
        ("x,15,10,60,1\n1,1,1,1,1\n", ["density.strange_codes", "density.not_a_number"]),
        ("1,15,10,60,1\n9,1,1,1,1\n", ["density.strange_codes"]),
        ("1.5,15,10,60,1\n1,1,1,1,1\n", ["density.strange_codes"]),
        ("2,5,3,20,0\n3,5,3,20,0\n", []),
        ("2,5,3,20,0\n3,6,3,20,0\n", ["density.codes_disagree"]),
    ],
)
def test_rows_of_an_invest_table_are_checked(
    tmp_path: Path, rows: str, expected: list[str]
) -> None:
    _, problems = table(tmp_path, INVEST + rows)
    assert codes(problems) == expected


def test_an_invest_table_lacks_a_column(tmp_path: Path) -> None:
    _, (problem,) = table(tmp_path, "lucode,c_above,c_below,c_soil\n1,15,10,60\n")
    assert problem.code == "density.columns"
    assert "missing: c_dead" in problem.text("en")


# Packaged sets


@pytest.mark.parametrize("name", packaged_densities())
def test_packaged_sets_are_read_by_name(name: str) -> None:
    problems = Problems("en")
    stratum_of = {row.code: row.stratum for row in packaged_legend("sinks").classes}
    rows = load_density_table(name, base=Path(), stratum_of=stratum_of, problems=problems)
    assert rows
    assert all(row.source for row in rows)
    assert not [item for item in problems if item.severity == "ERROR"]


def test_hubei_2010_serves_every_class_of_clcd_and_says_where_it_guesses() -> None:
    problems = Problems("zh")
    legend = packaged_legend("clcd")
    rows = load_density_table("hubei_2010", base=Path(), stratum_of={}, problems=problems)
    assert rows is not None
    density, found = arranged(rows, strata=legend.strata)
    assert density is not None
    assert set(codes(found)) <= {"parameter.memory", "density.spread_assumed"}
    forest = density.value.sel(stratum="forest", year=2010)
    assert float(forest.sel(pool="agb")) == 16.7
    (row,) = [row for name, row, _ in density.rows if name == "density/forest/agb"]
    assert row.confidence == "secondary"
    assert row.source
