"""Single trees and growth curves: printed values, forms, ranges, speed."""

from __future__ import annotations

import csv
import doctest
import math
import time
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.biomass.allometry import ORGANS, tree_biomass, tree_equation, tree_volume
from sinks.biomass.growth import apply_growth, growth_curve, richards
from sinks.biomass.species import forest_types
from sinks.biomass.stands import Draws
from sinks.biomass.trees import apply_trees
from sinks.checks import Problems, Severity
from sinks.parameters import load_table
from tests.conftest import SHARED, needs_shared

FACTS = SHARED / "parameters"


def facts(name: str) -> list[dict[str, str]]:
    with (FACTS / name).open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("name", ["allometry", "growth", "trees"])
def test_examples_of_the_docstrings(name: str) -> None:
    assert doctest.testmod(import_module(f"sinks.biomass.{name}")).failed == 0


# --- volume ----------------------------------------------------------------------------------


def test_every_volume_table_gives_its_volume_at_20_cm_and_15_m() -> None:
    """The value of the row, to the digits that it has; those that a standard prints agree."""
    for row in load_table("models/tree_volume").itertuples():
        if row.confidence == "memory":
            continue
        volume = tree_volume([20.0], [15.0], species=[row.forest_type], table=row.table)
        assert volume[0] == pytest.approx(row.value, abs=6e-5), (row.forest_type, row.table)


@needs_shared
def test_volumes_are_those_that_the_standards_print() -> None:
    printed = [f for f in facts("volume_tables.csv") if f["check_printed"]]
    assert len(printed) >= 5
    rows = load_table("models/tree_volume").set_index("a")["value"]
    for fact in printed:
        digits = len(fact["check_printed"].split(".")[1])
        value = rows[float(fact["a"])]
        assert value == pytest.approx(float(fact["check_printed"]), abs=0.51 * 10**-digits)


def test_changing_exponents_by_hand() -> None:
    """DB52/T 702-2011, Chinese fir: V = a D^(b + b2 (D + H)) H^(c + c2 (D + H))."""
    a, b, b2, c, c2 = 8.0597e-5, 1.96709, -0.0059006, 0.7699, 0.0072346
    d, h = 12.0, 9.0
    expected = a * d ** (b + b2 * (d + h)) * h ** (c + c2 * (d + h))
    volume = tree_volume([d], [h], species=["杉木"], table="db52t702")
    assert volume[0] == pytest.approx(expected, rel=1e-12)


def test_volume_of_nothing_is_no_number() -> None:
    volume = tree_volume([0.0, 20.0, 20.0, np.nan], [15.0, 0.0, 15.0, 15.0], species=["杉木"] * 4)
    assert np.isnan(volume).tolist() == [True, True, False, True]
    assert np.isnan(tree_volume([20.0], [15.0], species=["毛竹"])).all()
    assert np.isnan(tree_volume([20.0], [15.0], species=["no such tree"])).all()


@given(st.floats(5, 60), st.floats(3, 35))
def test_volume_lies_within_the_cylinder(d: float, h: float) -> None:
    cylinder = math.pi * (d / 200) ** 2 * h
    volume = tree_volume([d], [h], species=["马尾松"])[0]
    assert 0.25 * cylinder < volume < 0.9 * cylinder


# --- biomass ---------------------------------------------------------------------------------


def test_every_usable_equation_gives_its_biomass_at_20_cm_and_15_m() -> None:
    table = load_table("models/tree_biomass")
    size = {"power_d2h": 20.0**2 * 15, "power_d": 20.0}
    for row in table.itertuples():
        assert row.a * size[row.form] ** row.b == pytest.approx(row.value, rel=2e-3, abs=0.011)
    assert set(table["organ"]) == set(ORGANS)


@needs_shared
def test_equations_are_the_facts() -> None:
    names = ("allometry_anhui_guangxi.csv", "allometry_yangtze_provinces.csv")
    given_ = sorted((float(f["a"]), float(f["b"])) for name in names for f in facts(name))
    table = load_table("models/tree_biomass")
    assert sorted(zip(table["a"], table["b"], strict=True)) == given_
    suspect = [f for name in names for f in facts(name) if "SUSPECT" in f["note"]]
    flagged = table[table["status"] == "suspect"]
    assert len(flagged) > len(suspect) > 0


@pytest.mark.parametrize("form", ["power_d2h", "power_d"])
def test_every_woody_type_is_served_by_equations_of_reason(form: str) -> None:
    types = forest_types()
    for kind in types.index[types["root_to_shoot"] != ""]:
        equation = tree_equation(str(kind), form=form)
        assert equation is not None, kind
        height = [15.0] if form == "power_d2h" else None
        agb, bgb = tree_biomass([20.0], height, species=[str(kind)]).pools[:, 0]
        assert 60 < agb < 260, (kind, equation.name)
        assert 0.1 < bgb / agb < 0.65, (kind, equation.name)


def test_own_species_before_its_type_and_own_region_first() -> None:
    assert "Quercus aliena" in str(tree_equation("槲栎", form="power_d2h"))
    hunan = tree_equation("Schima superba", region="Zhejiang", form="power_d2h")
    assert hunan is not None
    assert hunan.name.startswith("zhou2018/Zhejiang/")
    generic = tree_equation("女贞", form="power_d2h")
    other = tree_equation("化香", form="power_d2h")
    assert generic is not None
    assert other is not None
    assert "Ligustrum" in generic.name
    assert "generic" in other.name, "one species never speaks for a bag of unlike ones"


def test_trees_without_height_take_the_other_form() -> None:
    biomass = tree_biomass([20.0, 20.0], [15.0, np.nan], species=["杉木", "杉木"])
    assert [biomass.equations[i].form for i in biomass.index] == ["power_d2h", "power_d"]
    assert np.isfinite(biomass.organs).all()


def test_trees_beyond_the_fitted_diameters_are_told() -> None:
    problems = Problems("en")
    trees = apply_trees(
        [20.0, 60.0], [15.0, 30.0], species=["马尾松"] * 2, draws=Draws(), problems=problems
    )
    assert trees.biomass.outside.tolist() == [False, True]  # fitted to 1-50.4 cm
    assert [problem.code for problem in problems] == ["model.trees_outside"]


def test_unknown_species_are_left_out_and_told() -> None:
    problems = Problems("en")
    trees = apply_trees(
        [20.0, 20.0], [15.0, 15.0], species=["杉木", "杉木木"], draws=Draws(), problems=problems
    )
    assert trees.computable.tolist() == [True, False]
    (problem,) = problems
    assert problem.code == "model.no_equation"
    assert "杉木" in problem.text("en")
    total = trees.total([1.0, 1.0], [0, 0], count=1)
    assert total.sum() == pytest.approx(trees.central[:, 0].sum())


def test_diameters_in_millimetres_are_refused() -> None:
    problems = Problems("en")
    apply_trees([1_250.0], [15.0], species=["杉木"], draws=Draws(), problems=problems)
    assert problems.of(Severity.ERROR)[0].code == "model.dbh"


def test_sums_of_trees_are_those_of_the_trees() -> None:
    rng = np.random.default_rng(1)
    species = [["马尾松", "杉木", "麻栎", "杨树"][i] for i in rng.integers(0, 4, 100)]
    d, group, weight = rng.gamma(4, 4, 100), rng.integers(-1, 3, 100), rng.random(100)
    plain = apply_trees(d, d * 0.7, species=species, draws=Draws(), problems=Problems())
    total = plain.total(weight, group, count=3)
    for g in range(3):
        expected = (plain.central * weight)[:, group == g].sum(axis=1)
        assert np.allclose(total[:, g, 0], expected)
    drawn = apply_trees(d, d * 0.7, species=species, draws=Draws(1, 2000), problems=Problems())
    many = drawn.total(weight, group, count=3)
    assert np.allclose(many.mean(axis=-1), total[..., 0], rtol=0.01)
    only = drawn.vary(["carbon_fraction"]).total(weight, group, count=3)
    ratio = only / total
    assert np.ptp(ratio, axis=(0, 1)).max() < 1e-9
    names = {row.name.split("/")[0] for row in drawn.parameters}
    assert names == {"tree_biomass", "carbon_fraction"}


def test_a_million_trees_take_seconds() -> None:
    rng = np.random.default_rng(0)
    kinds = np.array(["马尾松", "杉木", "麻栎", "杨树", "枫香"], dtype=object)
    species = kinds[rng.integers(0, 5, 1_000_000)]
    d = rng.gamma(4, 4, 1_000_000)
    begun = time.process_time()
    volume = tree_volume(d, d * 0.7, species=species)
    trees = apply_trees(d, d * 0.7, species=species, draws=Draws(1, 1000), problems=Problems())
    total = trees.total(np.full(d.size, 15.0), rng.integers(0, 1000, d.size), count=1000)
    assert time.process_time() - begun < 15
    assert volume.shape == (1_000_000,)
    assert total.shape == (2, 1000, 1000)


# --- growth ----------------------------------------------------------------------------------


@needs_shared
def test_curves_go_through_their_printed_points() -> None:
    kinds = {"马尾松": "masson_pine", "杉木": "chinese_fir", "栎类": "oak"}
    for fact in facts("growth_curves_groa.csv"):
        curve = growth_curve(kinds[fact["group_zh"]])
        assert curve is not None
        for age in (10, 20, 30, 40, 60):
            assert float(curve.at([age])[0]) == pytest.approx(float(fact[f"B_{age}y"]), abs=0.35)


@given(st.floats(0, 200), st.floats(0.001, 50))
def test_growth_never_shrinks_nor_passes_its_maximum(age: float, more: float) -> None:
    early, late = richards([age, age + more], maximum=300.0, rate=0.03, shape=1.5)
    assert 0 <= early <= late <= 300.0


def test_stands_of_known_age() -> None:
    problems = Problems("en")
    result = apply_growth(
        [0.0, 30.0, 95.0, np.nan, 30.0],
        forest_type=["chinese_fir", "chinese_fir", "chinese_fir", "oak", "bamboo"],
        draws=Draws(),
        problems=problems,
    )
    carbon = result.central.sum(axis=0)
    assert carbon[0] == 0
    assert carbon[1] == pytest.approx(80.6 * 0.47, abs=0.2)
    assert np.isnan(carbon[3:]).all()
    assert result.outside.tolist() == [False, False, True, False, False]
    assert len(problems) == 0
    poplar = apply_growth([20.0], forest_type=["poplar"], draws=Draws(), problems=problems)
    assert poplar.substituted == {"poplar": "oak"}
    assert [problem.code for problem in problems] == ["model.substituted"]


def test_the_mean_curve_has_the_error_of_its_plots() -> None:
    curve = growth_curve("oak")
    assert curve is not None
    assert curve.relative_se == pytest.approx(69.0 / math.sqrt(105) / 124.4, abs=2e-4)
    drawn = apply_growth(
        [30.0], forest_type=["oak"], draws=Draws(1, 4000), problems=Problems()
    ).vary(["expansion"])
    carbon = drawn.at(slice(None)).sum(axis=0)[0]
    assert carbon.std() / carbon.mean() == pytest.approx(curve.relative_se, rel=0.02)
