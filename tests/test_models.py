"""Biomass models: known answers, properties, the cited tables behind them, real plots."""

from __future__ import annotations

import csv
import doctest
import math
from importlib import import_module

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.biomass.expansion import (
    LARGEST_VOLUME,
    bcef_biomass,
    continuous_bcef,
    direct_biomass,
    ipcc_biomass,
    split_roots,
)
from sinks.biomass.models import DEFAULT_MODEL, apply_model, model_of_draw, model_row, models
from sinks.biomass.species import classify, forest_type_of, forest_types, lineage
from sinks.biomass.stands import GROUPS, AreaCell, Draws, StandCarbon
from sinks.checks import Problems, Severity
from sinks.errors import InputProblems
from sinks.parameters import load_table
from tests.conftest import SHARED, needs_shared

FACTS = SHARED / "parameters"
PLOTS = SHARED / "data" / "inventory" / "china_forestat" / "forestData.csv"
CONTINUOUS = [name for name in models() if name.startswith("continuous_bcef")]
WOODED = [name for name, row in forest_types().iterrows() if row["root_to_shoot"]]


def facts(name: str) -> list[dict[str, str]]:
    with (FACTS / name).open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def stands(
    model: str, volume: list[float], kind: str = "masson_pine", *, draws: Draws | None = None
) -> StandCarbon:
    return apply_model(
        model,
        volume=volume,
        forest_type=[kind] * len(volume),
        draws=draws or Draws(),
        problems=Problems("en"),
    )


@pytest.mark.parametrize("name", ["expansion", "species", "models", "stands"])
def test_examples_of_the_docstrings(name: str) -> None:
    assert doctest.testmod(import_module(f"sinks.biomass.{name}")).failed == 0


# --- the equations ---------------------------------------------------------------------------


def test_parameters_chosen_so_that_carbon_is_the_volume() -> None:
    agb, bgb = ipcc_biomass(
        [0.0, 7.0], wood_density=0.5, bef=2.0, root_to_shoot=1.0, carbon_fraction=1.0
    )
    assert agb.tolist() == bgb.tolist() == [0.0, 7.0]
    assert continuous_bcef([7.0], slope=1.0, intercept=0.0).tolist() == [7.0]


def test_ipcc_worked_example_of_the_guidelines_form() -> None:
    """BCEF = BEF × D: the two forms of IPCC 2006, equation 2.8, agree."""
    one = ipcc_biomass(123.0, wood_density=0.43, bef=1.37, root_to_shoot=0.24, carbon_fraction=0.47)
    other = bcef_biomass(123.0, bcef=0.43 * 1.37, root_to_shoot=0.24, carbon_fraction=0.47)
    assert np.allclose(one, other, rtol=1e-14)
    assert float(one[0] + one[1]) == pytest.approx(123 * 0.43 * 1.37 * 1.24 * 0.47)


def test_continuous_bcef_is_for_stands() -> None:
    with pytest.raises(ValueError, match="raster"):
        continuous_bcef(np.ones((2, 2)), slope=0.5, intercept=20.0)
    with pytest.raises(ValueError, match="totals"):
        continuous_bcef([LARGEST_VOLUME * 2], slope=0.5, intercept=20.0)
    with pytest.raises(ValueError, match="totals"):
        continuous_bcef([-1.0], slope=0.5, intercept=20.0)
    assert continuous_bcef([0.0], slope=0.5, intercept=20.0).tolist() == [0.0]
    assert np.isnan(continuous_bcef([np.nan], slope=0.5, intercept=20.0)).all()


@given(st.floats(0, 1e6), st.floats(0, 3))
def test_roots_split_off_add_up_to_the_whole(biomass: float, ratio: float) -> None:
    agb, bgb = split_roots(biomass, ratio)
    assert float(agb + bgb) == pytest.approx(biomass, rel=1e-12)
    assert float(bgb) == pytest.approx(float(agb) * ratio, rel=1e-9, abs=1e-9)


def test_direct_biomass_adds_roots_and_takes_the_carbon() -> None:
    agb, bgb = direct_biomass([0.0, 80.0], root_to_shoot=0.25, carbon_fraction=0.5)
    assert agb.tolist() == [0.0, 40.0]
    assert bgb.tolist() == [0.0, 10.0]


# --- models by name --------------------------------------------------------------------------


def test_default_model_with_its_printed_coefficients() -> None:
    """Li et al. 2016, table 1: Masson pine 0.5034 V + 20.547; IPCC's carbon fraction 0.47."""
    result = stands(DEFAULT_MODEL, [60.0])
    agb, bgb = result.central[:, 0]
    assert agb + bgb == pytest.approx((0.5034 * 60 + 20.547) * 0.47)
    # GROA's 148 plots of Masson pine: 0.1858.
    assert bgb / agb == pytest.approx(0.1858)


def test_ipcc_bcef_takes_the_class_of_the_stand() -> None:
    """Table 4.5, conifers, subtropical: 6.0, 1.2, 0.6, 0.55; an edge belongs to the lower class."""
    result = stands("ipcc_bcef_subtropical", [20.0, 40.0, 80.0, 81.0])
    agb = result.central[0] / 0.47
    assert agb.tolist() == pytest.approx([6.0 * 20, 1.2 * 40, 0.6 * 80, 0.55 * 81])


def test_ipcc_roots_follow_the_above_ground_biomass() -> None:
    """IPCC 2019, table 4.4: 0.23 up to 125 t/ha above ground, 0.246 above."""
    result = stands("ipcc_bcef_subtropical", [200.0, 300.0])
    assert (result.central[1] / result.central[0]).tolist() == pytest.approx([0.23, 0.246])


def test_constant_model_of_the_guideline() -> None:
    result = stands("guideline2011_hubei", [100.0])
    assert float(result.central.sum()) == pytest.approx(100 * 0.459 * 1.848 * 0.5)


@pytest.mark.parametrize("model", models())
@pytest.mark.parametrize("kind", WOODED)
def test_every_model_serves_every_type(model: str, kind: str) -> None:
    result = stands(model, [0.0, 50.0, math.nan], kind)
    carbon = result.central.sum(axis=0)
    assert carbon[0] == 0.0
    assert 5 < carbon[1] < 80, "t C/ha of a stand of 50 m³/ha"
    assert np.isnan(carbon[2])
    assert result.computable.tolist() == [True, True, False]
    assert 0.1 < result.central[1, 1] / result.central[0, 1] < 0.7


@pytest.mark.parametrize("model", models())
def test_types_without_growing_stock_are_told_by_area(model: str) -> None:
    result = stands(model, [math.nan, 0.0], "bamboo")
    density = load_table("density/hubei_2010").set_index(["stratum", "pool"])["value"]
    for p, pool in enumerate(result.pools):
        assert result.central[p].tolist() == [density["bamboo", pool]] * 2
    assert not result.outside.any()


def test_unknown_type_and_unknown_model() -> None:
    assert np.isnan(stands(DEFAULT_MODEL, [50.0], "").central).all()
    with pytest.raises(InputProblems, match="continuous_bcef_zhejiang2016") as caught:
        stands("continuous_bcef_zhejiang2015", [50.0])
    assert caught.value.problems[0].code == "model.unknown"


def test_totals_and_negative_volumes_are_refused() -> None:
    problems = Problems("en")
    apply_model(
        DEFAULT_MODEL,
        volume=[45_000.0, -1.0],
        forest_type=["oak", "oak"],
        draws=Draws(),
        problems=problems,
    )
    (problem,) = problems.of(Severity.ERROR)
    assert problem.code == "model.volume"
    assert "45000" in problem.text("en")


def test_what_lies_beyond_the_range_is_told_by_group() -> None:
    """One pine stand of four is denser than any that was measured; of firs none is."""
    stands = apply_model(
        "continuous_bcef_zhejiang2016", volume=[60.0, 60.0, 60.0, 900.0, 50.0, np.nan],
        forest_type=["masson_pine"] * 4 + ["chinese_fir"] * 2, draws=Draws(), problems=Problems(),
    )  # fmt: skip
    area, carbon = stands.outside_by([1, 1, 1, 2, 1, 1], [0, 0, 0, 0, 1, 1], count=3)
    assert area.tolist()[:2] == [pytest.approx(2 / 5), 0.0]
    assert np.isnan(area[2])
    dense, usual = 0.5034 * 900 + 20.547, 0.5034 * 60 + 20.547
    assert carbon[:, 0] == pytest.approx([2 * dense / (2 * dense + 3 * usual)] * 2)
    assert carbon[:, 1].tolist() == [0.0, 0.0]


def test_rows_from_memory_warn_and_can_be_switched_off() -> None:
    def codes(model: str, *, memory: bool) -> list[str]:
        problems = Problems("en")
        apply_model(
            model,
            volume=[50.0],
            forest_type=["masson_pine"],
            draws=Draws(),
            problems=problems,
            memory=memory,
        )
        return [f"{problem.severity}:{problem.code}" for problem in problems]

    assert codes("ipcc_bef_ccer", memory=True) == ["WARN:parameter.memory"]
    assert codes("ipcc_bef_ccer", memory=False) == ["ERROR:model.memory_refused"]
    assert codes("continuous_bcef_fang2001", memory=False) == ["ERROR:model.memory_refused"]
    assert codes(DEFAULT_MODEL, memory=False) == []


def test_a_row_that_stands_in_is_told() -> None:
    problems = Problems("en")
    result = apply_model(
        DEFAULT_MODEL,
        volume=[50.0, 50.0],
        forest_type=["poplar", "softwood"],
        draws=Draws(),
        problems=problems,
    )
    assert result.substituted == {"poplar": "softwood"}
    assert [problem.code for problem in problems] == ["model.substituted"]
    assert "poplar → softwood" in next(iter(problems)).text("en")


def test_validity_range_is_reported_with_its_shares() -> None:
    result = stands(DEFAULT_MODEL, [1.0, 99.0, 0.0])
    assert result.outside.tolist() == [True, False, False]
    count, area, carbon = result.outside_shares([1.0, 3.0, 100.0])
    inside, outside = 0.5034 * 99 + 20.547, 0.5034 * 1 + 20.547
    assert (count, area) == (1, 0.25)
    assert carbon == pytest.approx(outside / (outside + 3 * inside))
    problems = Problems("en")
    result.warn_range(problems, file="plots.csv", weight=[1.0, 3.0, 100.0])
    assert "25.0%" in next(iter(problems)).text("en")
    quiet = Problems("en")
    stands(DEFAULT_MODEL, [99.0]).warn_range(quiet)
    assert len(quiet) == 0


def test_denser_than_any_measured_stand_is_outside() -> None:
    result = stands("ipcc_bef", [100.0, 1_500.0])
    assert result.ceiling == 164.88
    assert result.outside.tolist() == [False, True]


# --- draws -----------------------------------------------------------------------------------


@pytest.mark.parametrize("model", models())
def test_sums_per_group_are_those_of_the_stands(model: str) -> None:
    """The total by cells against the plain sum over stands, draw by draw."""
    rng = np.random.default_rng(7)
    kinds = ["masson_pine", "chinese_fir", "oak", "poplar", "bamboo", ""]
    kind = [kinds[i] for i in rng.integers(0, len(kinds), 200)]
    volume = np.where(rng.random(200) < 0.2, 0.0, rng.gamma(2, 40, 200))
    result = apply_model(
        model, volume=volume, forest_type=kind, draws=Draws(3, 50), problems=Problems()
    )
    weight, group = rng.random(200), rng.integers(-1, 3, 200)
    total = result.total(weight, group, count=3)
    plain = np.nan_to_num(result.at(slice(None)))
    for g in range(3):
        held = group == g
        expected = (plain[:, held] * weight[held][None, :, None]).sum(axis=1)
        assert np.allclose(total[:, g], expected, rtol=1e-12)
    assert np.allclose(result.at(slice(10, 20)), result.at(slice(None))[..., 10:20], equal_nan=True)


def test_one_draw_is_the_central_value_and_many_have_its_mean() -> None:
    one = stands("ipcc_bef", [80.0])
    many = stands("ipcc_bef", [80.0], draws=Draws(1, 4000))
    assert np.array_equal(one.at(slice(None))[..., 0], one.central)
    assert np.array_equal(many.central, one.central)
    assert many.at(slice(None)).mean() == pytest.approx(one.central.mean(), rel=0.01)


def test_draws_of_shared_parameters_do_not_move() -> None:
    """Another stand, type or year never moves the draws of the first."""
    draws = Draws(20101231, 200)
    alone = stands(DEFAULT_MODEL, [60.0], draws=draws).at(slice(None))[:, 0]
    beside = apply_model(
        DEFAULT_MODEL,
        volume=[10.0, 60.0],
        forest_type=["oak", "masson_pine"],
        draws=draws,
        problems=Problems(),
    ).at(slice(None))[:, 1]
    assert np.array_equal(alone, beside)
    other = stands(DEFAULT_MODEL, [60.0], draws=Draws(1, 200)).at(slice(None))[:, 0]
    assert not np.array_equal(alone, other)


def test_carbon_fraction_is_one_draw_for_all_types() -> None:
    draws = Draws(5, 500)
    only = {
        kind: stands("ipcc_bef", [60.0], kind, draws=draws)
        .vary(["carbon_fraction"])
        .at(slice(None))
        for kind in ("oak", "masson_pine")
    }
    ratio = only["oak"].sum(axis=0) / only["masson_pine"].sum(axis=0)
    assert np.ptp(ratio) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("model", ["ipcc_bef", DEFAULT_MODEL])
def test_variance_by_group_adds_up_nearly(model: str) -> None:
    """One group at a time: products of independent factors, so the parts nearly make the whole."""
    result = stands(model, [120.0], "oak", draws=Draws(2, 5000))
    whole = result.at(slice(None)).sum(axis=0).var()
    parts = [result.vary([group]).at(slice(None)).sum(axis=0).var() for group in GROUPS]
    assert sum(parts) == pytest.approx(whole, rel=0.1)
    nothing = result.vary([]).at(slice(None))
    assert nothing.std() == 0 or np.ptp(nothing, axis=-1).max() == 0


def test_root_ratio_never_changes_the_total_of_whole_tree_models() -> None:
    result = stands(DEFAULT_MODEL, [60.0], draws=Draws(1, 300)).vary(["root_to_shoot"])
    carbon = result.at(slice(None))
    assert np.ptp(carbon.sum(axis=0)) == pytest.approx(0, abs=1e-12)
    assert np.ptp(carbon[1]) > 0


def test_model_choice_is_shared_and_even() -> None:
    choice = model_of_draw(["a", "b", "c"], Draws(1, 900))
    assert np.bincount(choice).tolist() == [300, 300, 300]
    assert model_of_draw(["a", "b"], Draws(1, 1)).tolist() == [0]


# --- names -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("马尾松", "masson_pine"),
        ("  pinus   MASSONIANA ", "masson_pine"),
        ("Quercus dentata Thunb.", "oak"),
        ("柯（石栎）", "evergreen_broadleaf"),
        ("220.0", "masson_pine"),
        ("620", "broadleaf_mixed"),
        ("毛竹", "bamboo"),
        ("masson_pine", "masson_pine"),
    ],
)
def test_names_and_codes_are_known(name: str, kind: str) -> None:
    assert forest_type_of(name) == kind


def test_unknown_names_get_the_nearest() -> None:
    types, unknown = classify(["杉木", None, "", "0", float("nan"), "杉木木", "Abcdefg hij"])
    assert types.tolist() == ["chinese_fir", "", "", "", "", "", ""]
    assert list(unknown) == ["杉木木", "Abcdefg hij"]
    assert "杉木" in unknown["杉木木"]


@needs_shared
def test_every_name_of_the_parameter_sets_is_known() -> None:
    names = [row["species_zh"] for row in facts("species_wood_density.csv")]
    names += [row["species_zh"] for row in facts("allometry_yangtze_provinces.csv")]
    latin = [row["latin"] for row in facts("species_wood_density.csv")]
    unknown = classify([*names, *latin])[1]
    assert not unknown


# --- the tables ------------------------------------------------------------------------------


def test_forest_types_point_at_rows_that_exist() -> None:
    types = forest_types()
    assert types.index.is_unique
    strata = set(load_table("strata")["stratum"])
    rows = {
        "root_to_shoot": ("models/root_to_shoot", "groa"),
        "wood_density": ("models/wood_density", "gwdd2"),
        "bef": ("models/bef", "anhui2016"),
    }
    for title, (name, param_set) in rows.items():
        table = load_table(name)
        known = set(table.loc[table["param_set"] == param_set, "row"])
        assert set(types.loc[WOODED, title]) <= known, title
    for name, row in types.iterrows():
        assert row["stratum"] in strata
        assert row["parent"] == "" or row["parent"] in types.index
        assert list(lineage(str(name)))[-1] in {"mixed", name}


def test_names_of_species_are_unique_and_point_at_types() -> None:
    table = load_table("models/species_names")
    assert not table["name"].str.lower().duplicated().any()
    assert set(table["forest_type"]) <= set(forest_types().index)
    codes = load_table("models/species_codes")
    assert not codes.duplicated(["standard", "code"]).any()
    assert set(codes["forest_type"]) <= set(forest_types().index)


@pytest.mark.parametrize(
    "name", ["wood_density", "bef", "root_to_shoot", "carbon_fraction", "bcef"]
)
def test_species_constants_are_within_reason(name: str) -> None:
    table = load_table(f"models/{name}")
    low, high = {
        "wood_density": (0.2, 0.9),
        "bef": (1.05, 2.0),
        "root_to_shoot": (0.1, 0.7),
        "carbon_fraction": (0.35, 0.6),
        "bcef": (0.4, 10.0),
    }[name]
    assert table["value"].between(low, high).all()
    if "se" in table:
        assert (table["se"].dropna() < table["value"][table["se"].notna()]).all()
    if "low" in table:
        ranged = table.dropna(subset=["low", "high"])
        assert (ranged["low"] <= ranged["value"]).all()
        assert (ranged["value"] <= ranged["high"]).all()
        assert ranged["interval"].notna().all()


def test_tables_of_the_models_have_distributions_that_can_be_drawn() -> None:
    for name in ("continuous_bcef", "bcef", "root_to_shoot", "wood_density", "bef"):
        table = load_table(f"models/{name}")
        assert set(table["distribution"]) <= {"fixed", "normal", "lognormal", ""}
        normal = table[(table["distribution"] == "normal") & table.get("se", pd.Series()).notna()]
        if not normal.empty:
            # Further than six standard errors from zero: no draw turns negative.
            assert (normal["se"] / normal["value"] <= 0.1501).all()


def test_slopes_have_the_error_that_r2_and_n_mean() -> None:
    """SE(a) = a sqrt((1 − R²) / (R² (n − 2))) of a straight line fitted to n stands."""
    table = load_table("models/continuous_bcef").query("coefficient == 'slope'")
    derived = table[table["note"].str.startswith("standard error from")]
    assert len(derived) > 25
    for row in derived.itertuples():
        expected = row.value * math.sqrt((1 - row.r2) / (row.r2 * (row.n - 2)))
        assert row.se == pytest.approx(expected, abs=6e-5), row.row


def test_ranges_of_the_slopes_are_those_that_are_stated() -> None:
    limits = load_table("models/limits").set_index("item")["value"]
    table = load_table("models/continuous_bcef")
    for (_, _), pair in table.groupby(["param_set", "row"]):
        a, b = pair.set_index("coefficient")["value"][["slope", "intercept"]]
        low, high = pair["valid_min"].iloc[0], pair["valid_max"].iloc[0]
        assert a + b / low <= limits["largest_bcef_whole"] + 1e-9
        assert (a * high + b) * 0.47 <= limits["largest_stand"] + 1e-9
        assert (a * (high + 1) + b) * 0.47 > limits["largest_stand"]


@needs_shared
def test_continuous_bcef_table_is_the_facts() -> None:
    table = load_table("models/continuous_bcef").set_index(["param_set", "name_zh", "coefficient"])
    rows = facts("bef_linear.csv")
    assert len(table) == 2 * len(rows)
    for fact in rows:
        key = (fact["param_set"], fact["forest_type_zh"])
        assert table.loc[(*key, "slope"), "value"] == float(fact["a"])
        assert table.loc[(*key, "intercept"), "value"] == float(fact["b"])
        assert table.loc[(*key, "slope"), "confidence"] == fact["confidence"]


@needs_shared
def test_constants_are_the_facts() -> None:
    wood = load_table("models/wood_density").query("param_set == 'gwdd2'").set_index("row")
    for fact in facts("species_wood_density.csv"):
        row = wood.loc[fact["latin"]]
        assert (row["value"], row["se"]) == (float(fact["wood_density"]), float(fact["sd"]))
    root = load_table("models/root_to_shoot").query("param_set == 'groa'")
    by_name = root.set_index(root["name_zh"].str.replace("（全部）", "(全部)"))
    for fact in facts("root_shoot_observed.csv"):
        row = by_name.loc[fact["group_zh"]]
        assert (row["value"], row["sd"]) == (float(fact["rs_mean"]), float(fact["rs_sd"]))
        assert row["se"] == pytest.approx(row["sd"] / math.sqrt(row["n"]), abs=6e-6)
    bcef = load_table("models/bcef").query("row != 'mixed'")
    facts_bcef = [
        float(fact[title])
        for title in ("BCEF_S", "BCEF_I", "BCEF_R")
        for fact in facts("ipcc_bcef.csv")
        if fact[title]
    ]
    assert sorted(bcef["value"]) == sorted(facts_bcef)


# --- real plots ------------------------------------------------------------------------------


@needs_shared
@pytest.mark.parametrize("model", models())
def test_chinese_plots_through_every_model(model: str) -> None:
    """320 birch and broadleaf plots with a biomass of their own (t/ha, by tree equations)."""
    plots = pd.read_csv(PLOTS)
    result = apply_model(
        model,
        volume=plots["V_ha"].to_numpy(),
        forest_type=["broadleaf_mixed"] * len(plots),
        draws=Draws(1, 1000),
        problems=Problems(),
    )
    fraction = next(p.value for p in result.parameters if p.name.startswith("carbon_fraction"))
    biomass = result.central.sum(axis=0) / fraction
    # Each plot: as good as the volume itself tells, less where classes make steps.
    steps = model.startswith("ipcc_bcef")
    assert np.corrcoef(biomass, plots["Bio"])[0, 1] > (0.78 if steps else 0.95)
    # The mean: models of China's south and the world on plots of 1,866 m in the mountains.
    ratio = biomass.mean() / plots["Bio"].mean()
    assert 0.7 < ratio < 1.4
    expected = {DEFAULT_MODEL: 0.908, "continuous_bcef_zhang2013": 1.120, "ipcc_bef": 0.848}
    if model in expected:
        assert ratio == pytest.approx(expected[model], abs=0.01)


@needs_shared
def test_a_line_fitted_to_the_chinese_plots_gives_them_back() -> None:
    """The continuous BCEF with the plots' own coefficients has their mean, exactly."""
    plots = pd.read_csv(PLOTS)
    slope, intercept = np.polyfit(plots["V_ha"], plots["Bio"], 1)
    biomass = continuous_bcef(plots["V_ha"], slope=slope, intercept=intercept)
    assert biomass.mean() == pytest.approx(plots["Bio"].mean(), rel=1e-12)


def test_by_area_cells_name_the_densities_they_share() -> None:
    """Their streams are those of the density table: the two sources share their draws."""
    result = stands(DEFAULT_MODEL, [math.nan], "shrub")
    (cell,) = result.cells
    assert isinstance(cell, AreaCell)
    assert [factor.stream for factor in cell.factors] == [
        "density/shrubland/agb",
        "density/shrubland/bgb",
    ]


def test_model_rows_name_their_sources() -> None:
    for name in models():
        row = model_row(name)
        assert row["name_zh"]
        assert row["name_en"]
        assert row["ref"]


def test_a_million_stands_take_seconds() -> None:
    """Speed: volume and type of a million stands to carbon of 103 counties for 1,000 draws."""
    import time

    rng = np.random.default_rng(0)
    kinds = np.array(["masson_pine", "chinese_fir", "oak", "poplar", "bamboo"], dtype=object)
    kind, volume = kinds[rng.integers(0, 5, 1_000_000)], rng.gamma(2, 40, 1_000_000)
    begun = time.process_time()
    result = apply_model(
        DEFAULT_MODEL, volume=volume, forest_type=kind, draws=Draws(1, 1000), problems=Problems()
    )
    total = result.total(np.full(volume.size, 0.07), rng.integers(0, 103, volume.size), count=103)
    assert total.shape == (2, 103, 1000)
    assert time.process_time() - begun < 10
