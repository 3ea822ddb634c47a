"""Densities from plots: worked by hand, against the estimators, and through a whole run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.biomass.estimators import change_between, simple_random
from sinks.biomass.growth import apply_growth
from sinks.biomass.models import apply_model
from sinks.biomass.plotdensity import CHOICE, SAMPLING, PlotDensity
from sinks.biomass.plotdraws import root
from sinks.biomass.plots import Plots, load_plots
from sinks.biomass.plotsample import plot_densities
from sinks.biomass.readers.sheets import Sheet
from sinks.biomass.stands import Draws
from sinks.checks import Problems, Severity
from sinks.errors import InputProblems
from sinks.explain import explain
from sinks.results import Results, read_table
from sinks.run import Options, check_study, run_study
from sinks.sections import PlotsConfig
from tests.conftest import SHARED, needs_shared
from tests.test_adjusted import by_stratum, sampled
from tests.tiny import DENSITY, cell, rows_of, run_tables, write_tiny

MODEL = "continuous_bcef_zhejiang2016"
OTHERS = ("ipcc_bcef_subtropical", "ipcc_bef")
MORE = """crop,bgb,,1,0.2,t C/ha,yearbook,secondary
lake,bgb,,0,,t C/ha,open water,verified
town,bgb,,0,,t C/ha,a guess,secondary
forest,bgb,,10,1,t C/ha,plots,verified
"""
VOLUMES = [35.0, 60.0, 72.0, 88.0, 95.0, 110.0, 140.0, 20.0]


def sheet(
    folder: Path, volumes: Sequence[float], *, name: str = "plots.csv", first: int = 0,
    species: str = "马尾松", stratum: str = "forest",
) -> Path:  # fmt: skip
    path = folder / name
    rows = [f"{first + k},{species},{stratum},{v}" for k, v in enumerate(volumes)]
    text = "\n".join(["plot_id,species,stratum,volume_m3_ha", *rows]) + "\n"
    path.write_text(text, encoding="utf-8")
    return path


def densities(
    sheets: Sequence[Sheet], *, draws: int = 1, years: Sequence[int] = (2010, 2015), **config: Any
) -> tuple[PlotDensity | None, Problems]:
    problems = Problems("en")
    settings = PlotsConfig(**({"volume_unit": "m3/ha"} | config))
    plots = load_plots(sheets, settings, problems=problems)
    assert plots is not None, [problem.text() for problem in problems]
    found = plot_densities(
        plots, settings, strata=["forest", "crop"], years=years, draws=Draws(7, draws),
        problems=problems,
    )  # fmt: skip
    return found, problems


def two_rounds(folder: Path, *, moved: bool = False, growth: float = 1.2) -> list[Sheet]:
    later = [volume * growth for volume in VOLUMES]
    first = 100 if moved else 0
    one = sheet(folder, VOLUMES, name="p10.csv")
    other = sheet(folder, later, name="p15.csv", first=first)
    return [Sheet(one, "p10.csv", 2010), Sheet(other, "p15.csv", 2015)]


def carbon(volumes: Sequence[float], model: str = MODEL) -> npt.NDArray[np.float64]:
    """Return the carbon of masson pine, dims (pool, plot), straight from the model."""
    kinds = ["masson_pine"] * len(volumes)
    stands = apply_model(
        model, volume=volumes, forest_type=kinds, draws=Draws(7, 1), problems=Problems("en")
    )
    return stands.central


def test_central_values_and_errors_are_the_estimators(tmp_path: Path) -> None:
    found, problems = densities(two_rounds(tmp_path))
    assert found is not None
    assert not problems.of(Severity.ERROR)
    assert (found.strata, found.pools, found.years) == (("forest",), ("agb", "bgb"), (2010, 2015))
    direct = simple_random(carbon(VOLUMES).T)
    assert found.value[0, :, 0] == pytest.approx(direct.value)
    assert found.se[0, :, 0] == pytest.approx(direct.se)
    assert found.count.tolist() == [[8, 8]]


def test_permanent_plots_make_the_change_surer(tmp_path: Path) -> None:
    """The error of the change from the joint covariance is that of the paired plots."""
    found, _ = densities(two_rounds(tmp_path))
    assert found is not None
    both = carbon(VOLUMES)[0], carbon([v * 1.2 for v in VOLUMES])[0]
    paired = change_between(simple_random(np.column_stack(both)))
    own = found.covariance[0]
    assert own[0, 0] + own[1, 1] - 2 * own[0, 1] == pytest.approx(paired.covariance[0, 0])
    other, _ = densities(two_rounds(tmp_path, moved=True))
    assert other is not None
    assert other.covariance[0, 0, 1] == 0
    assert found.covariance[0, 0, 1] > 0


def test_draws_have_the_error_of_the_sample(tmp_path: Path) -> None:
    found, _ = densities(two_rounds(tmp_path), draws=4000)
    assert found is not None
    only = found.drawn({SAMPLING})
    assert only.mean(axis=-1) == pytest.approx(found.value, rel=0.01)
    assert only.std(axis=-1) == pytest.approx(found.se, rel=0.05)
    step = only[0, 0, 1] - only[0, 0, 0]
    own = found.covariance[0]
    assert step.std() == pytest.approx(np.sqrt(own[0, 0] + own[1, 1] - 2 * own[0, 1]), rel=0.15)
    assert (only > 0).all()
    still = found.drawn(set())
    assert still.std(axis=-1) == pytest.approx(0, abs=1e-9)
    assert found.all_drawn.std(axis=-1)[0, 0, 0] > only.std(axis=-1)[0, 0, 0]


def test_parameters_are_drawn_as_the_models_draw_them(tmp_path: Path) -> None:
    """Without sampling error a draw of the mean is the mean of the plots' carbon in that draw."""
    found, _ = densities(two_rounds(tmp_path), draws=50)
    assert found is not None
    own = found.drawn({"expansion", "root_to_shoot", "carbon_fraction", "wood_density"})
    stands = apply_model(
        MODEL, volume=VOLUMES, forest_type=["masson_pine"] * 8, draws=Draws(7, 50),
        problems=Problems("en"),
    )  # fmt: skip
    assert own[0, :, 0] == pytest.approx(stands.at(slice(None)).mean(axis=1))


def test_choice_of_model_is_a_source_of_error(tmp_path: Path) -> None:
    names = (MODEL, *OTHERS)
    found, _ = densities(two_rounds(tmp_path), draws=300, models=names, model_choice=True)
    assert found is not None
    means = [carbon(VOLUMES, name)[0].mean() for name in names]
    assert found.value[0, 0, 0] == pytest.approx(np.mean(means))
    only = found.drawn({CHOICE})[0, 0, 0]
    assert sorted(set(only.round(9))) == pytest.approx(sorted(means))
    one, _ = densities(two_rounds(tmp_path), draws=300, models=names)
    assert one is not None
    assert one.value[0, 0, 0] == pytest.approx(means[0])
    assert [one.central_of(name)[0, 0, 0] for name in names] == pytest.approx(means)


def test_measured_pools_need_no_model(tmp_path: Path) -> None:
    path = tmp_path / "plots.csv"
    head = "plot_id,stratum,agb_t_c_ha,bgb_t_c_ha,litter_t_c_ha\n"
    path.write_text(head + "1,forest,40,10,4\n2,forest,50,12,6\n", encoding="utf-8")
    found, _ = densities([Sheet(path, "plots.csv")])
    assert found is not None
    assert found.stands == {}
    assert found.pools == ("agb", "bgb", "litter")
    assert found.value[0, :, 1].tolist() == [45, 11, 5]
    assert found.se[0, 0, 0] == 5
    drawn, _ = densities([Sheet(path, "plots.csv")], draws=500)
    assert drawn is not None
    assert drawn.all_drawn.mean(axis=-1)[0, :, 0] == pytest.approx([45, 11, 5], rel=0.01)


def test_weights_of_the_plots_own_strata(tmp_path: Path) -> None:
    """Two plots of conifer (mean 30) and three of broadleaf (mean 90), areas 3 to 1: 45."""
    path = tmp_path / "plots.csv"
    rows = ["1,conifer,20", "2,conifer,40", "3,broad,80", "4,broad,90", "5,broad,100"]
    text = "\n".join(["plot_id,stratum,agb_t_c_ha,bgb_t_c_ha", *(f"{r},0" for r in rows)])
    path.write_text(text + "\n", encoding="utf-8")
    strata = {"conifer": "forest", "broad": "forest"}
    for estimator in ("stratified", "post_stratified", "two_phase"):
        found, _ = densities(
            [Sheet(path, "plots.csv")], estimator=estimator, strata=strata,
            weights={"conifer": 300.0, "broad": 100.0},
        )  # fmt: skip
        assert found is not None
        assert found.value[0, 0, 0] == pytest.approx(45)
    assert (found.weight[:5] * [20, 40, 80, 90, 100]).sum() == pytest.approx(45)
    _, problems = densities(
        [Sheet(path, "plots.csv")], estimator="stratified", strata=strata, weights={"conifer": 3.0}
    )
    assert "plots.no_weight" in [problem.code for problem in problems]


def test_shares_and_clusters(tmp_path: Path) -> None:
    """Half a plot counts half: (40·1 + 100·0.5) / 1.5 = 60; clusters take their plots together."""
    path = tmp_path / "plots.csv"
    rows = ["1,forest,40,1,a", "2,forest,100,0.5,b"]
    head = "plot_id,stratum,agb_t_c_ha,share,cluster,bgb_t_c_ha"
    path.write_text("\n".join([head, *(f"{r},0" for r in rows)]) + "\n", encoding="utf-8")
    for estimator in ("ratio", "clusters"):
        found, _ = densities([Sheet(path, "plots.csv")], estimator=estimator)
        assert found is not None
        assert found.value[0, 0, 0] == pytest.approx(60)


def test_one_round_is_told_and_serves_every_year(tmp_path: Path) -> None:
    found, problems = densities([Sheet(sheet(tmp_path, VOLUMES), "plots.csv")], draws=100)
    assert found is not None
    assert "plots.one_round" in [problem.code for problem in problems]
    assert found.value[0, :, 0].tolist() == found.value[0, :, 1].tolist()
    assert found.all_drawn[0, :, 0] == pytest.approx(found.all_drawn[0, :, 1])


def test_too_few_plots_fall_back_in_every_year(tmp_path: Path) -> None:
    sheets = two_rounds(tmp_path)
    sheet(tmp_path, VOLUMES[:1], name="p15.csv")
    found, problems = densities(sheets)
    assert found is None
    (told,) = [problem for problem in problems if problem.code == "plots.not_estimable"]
    assert "forest (2015: 1)" in told.text("en")


def test_plots_of_known_age_take_a_growth_curve(tmp_path: Path) -> None:
    """Two plots tell their volume, two their age alone: one mean of both, in every draw."""
    path = tmp_path / "plots.csv"
    rows = ["1,马尾松,forest,60,", "2,马尾松,forest,80,", "3,杉木,forest,,12", "4,杉木,forest,,20"]
    path.write_text("\n".join(["plot_id,species,stratum,volume_m3_ha,age", *rows]) + "\n", "utf-8")
    found, problems = densities([Sheet(path, "plots.csv")], models=(MODEL,), growth=True, draws=200)
    assert found is not None, [problem.text() for problem in problems]
    aged = apply_growth([12, 20], forest_type=["chinese_fir"] * 2, draws=Draws(), problems=problems)
    tall = apply_model(
        MODEL, volume=[60.0, 80.0], forest_type=["masson_pine"] * 2, draws=Draws(),
        problems=problems,
    )  # fmt: skip
    expected = np.column_stack([tall.central, aged.central]).mean(axis=1)
    assert found.value[0, :, 0] == pytest.approx(expected)
    assert "growth/chinese_fir" in {row.name for row, _ in found.parameters}
    assert found.all_drawn[0, :, 0].mean(axis=-1) == pytest.approx(expected, rel=0.1)
    problems = Problems("en")
    load_plots([Sheet(path, "plots.csv")], PlotsConfig(), problems=problems)
    assert [problem.code for problem in problems.of(Severity.ERROR)] == ["plots.no_amount"]


def test_names_that_are_not_known(tmp_path: Path) -> None:
    path = sheet(tmp_path, VOLUMES, species="马尾杉")
    found, problems = densities([Sheet(path, "plots.csv")])
    assert found is None
    (told,) = problems.of(Severity.ERROR)
    assert told.code == "plots.unknown_species"
    assert "马尾松" in told.text("en")
    found, _ = densities([Sheet(path, "plots.csv")], species={"马尾杉": "masson_pine"})
    assert found is not None
    _, problems = densities([Sheet(sheet(tmp_path, VOLUMES, species=""), "plots.csv")])
    assert [problem.code for problem in problems.of(Severity.ERROR)] == ["plots.no_species"]
    _, problems = densities([Sheet(sheet(tmp_path, VOLUMES), "plots.csv")], models=("fang",))
    assert [problem.code for problem in problems.of(Severity.ERROR)] == ["plots.unknown_model"]
    _, problems = densities(
        [Sheet(sheet(tmp_path, VOLUMES), "plots.csv")], models=("ipcc_bef_ccer",), unchecked=False
    )
    assert [problem.code for problem in problems.of(Severity.ERROR)] == ["model.memory_refused"]
    _, problems = densities([Sheet(sheet(tmp_path, VOLUMES, stratum="woods"), "plots.csv")])
    assert [problem.code for problem in problems.of(Severity.ERROR)] == ["plots.no_stratum"]
    _, problems = densities([Sheet(path, "plots.csv")], strata={"bush": "forest"})
    assert "plots.strata_key" in [problem.code for problem in problems]


def test_rounds_by_date_and_far_from_the_study(tmp_path: Path) -> None:
    path = tmp_path / "plots.csv"
    years = {2009: 40, 2014: 50, 2001: 9}
    rows = [f"{k},forest,{v + k},0,{y}-07-01" for y, v in years.items() for k in (1, 2)]
    head = "plot_id,stratum,agb_t_c_ha,bgb_t_c_ha,date"
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    found, problems = densities([Sheet(path, "plots.csv")])
    assert found is not None
    assert found.value[0, 0].tolist() == [41.5, 51.5]
    (told,) = [problem for problem in problems if problem.code == "plots.other_years"]
    assert "2001" in told.text("en")


@given(st.lists(st.floats(-3, 3), min_size=9, max_size=9))
def test_root_of_a_covariance(numbers: list[float]) -> None:
    own = np.array(numbers).reshape(3, 3)
    matrix = own @ own.T
    lower = root(matrix)
    assert np.triu(lower, 1).any() == np.False_
    assert lower @ lower.T == pytest.approx(matrix, abs=1e-6)


def write_study(folder: Path, plots: str, **study: Any) -> Path:
    path = write_tiny(folder, density=f'table = "density.csv"\n[density.plots]\n{plots}', **study)
    (folder / "density.csv").write_text(DENSITY + MORE, encoding="utf-8")
    return path


def test_plots_that_say_what_the_table_says_give_its_numbers(tmp_path: Path) -> None:
    """Measured 40 t C/ha in 2010 and 44 in 2015, without spread: the tiny province's own stock."""
    for year, value in ((2010, 40), (2015, 44)):
        rows = [f"{k},forest,{value},10" for k in range(3)]
        text = "\n".join(["plot_id,stratum,agb_t_c_ha,bgb_t_c_ha", *rows]) + "\n"
        (tmp_path / f"p{year}.csv").write_text(text, encoding="utf-8")
    plots = 'rounds = { 2010 = "p2010.csv", 2015 = "p2015.csv" }'
    own = run_tables(write_study(tmp_path, plots))
    (tmp_path / "plain").mkdir()
    plain = write_tiny(tmp_path / "plain")
    (tmp_path / "plain/density.csv").write_text(DENSITY + MORE, encoding="utf-8")
    table = run_tables(plain)
    for name in ("stock", "change"):
        for column in ("stock_t_c", "change_t_c"):
            if column in own[name]:
                expected = table[name][column].tolist()
                assert own[name][column].tolist() == pytest.approx(expected)
    forest = rows_of(own["stock"], stratum="forest", pool="agb")
    assert (forest["se_t_c"] == 0).all()


def test_run_says_which_source_and_shows_the_models(tmp_path: Path) -> None:
    two_rounds(tmp_path)
    names = ", ".join(f'"{name}"' for name in (MODEL, *OTHERS))
    plots = f'rounds = {{ 2010 = "p10.csv", 2015 = "p15.csv" }}\nmodels = [{names}]'
    study = write_study(tmp_path, plots)
    tables = run_tables(study)
    row = rows_of(tables["parameters"], name="density/forest/agb/2010").iloc[0]
    assert row["source"].startswith("8 plots of p10.csv, simple random sample, sampling error")
    assert MODEL in row["source"]
    assert row["value"] == pytest.approx(carbon(VOLUMES)[0].mean())
    assert "density/forest/soil" in set(tables["parameters"]["name"])
    assert (tables["parameters"]["name"] == "carbon_fraction/ipcc2006/tree").any()
    stock = cell(
        tables["stock"], "stock_t_c", region_code="0101", year=2010, stratum="forest", pool="agb"
    )
    assert stock == pytest.approx(8 * row["value"])
    models = read_table(study.parent / "out/tables/models.csv")
    assert set(models["model"]) == {MODEL, *OTHERS}
    held = rows_of(models, year=2015, pool="agb", model="ipcc_bef").iloc[0]
    assert held["stock_t_c"] == pytest.approx(held["area_ha"] * held["density_t_c_ha"])
    assert held["central"] == "false"
    assert (held["outside_area_pct"], held["outside_carbon_pct"]) == (0.0, 0.0)
    # enough to work a density out by hand: the intercept, which is never drawn, stands there too
    chain = explain(Results.open(study.parent / "out"), "0101")
    known = tables["parameters"].set_index("name")
    for name in ("slope", "intercept"):
        (line,) = (row for row in chain.splitlines() if f"masson_pine/{name} " in row)
        row = known.loc[f"continuous_bcef/zhejiang2016/masson_pine/{name}"]
        assert f" {row['value']:g} " in line
        assert "10.17521/cjpe.2015.0193, table 1" in line
    assert row["se"] == 0
    # permanent plots that all grew: the change of density shows, whatever its level's error
    change = rows_of(tables["change"], level="study").iloc[0]
    assert change["density_effect_t_c"] > 0


def test_same_inputs_same_bytes(tmp_path: Path) -> None:
    two_rounds(tmp_path)
    plots = 'rounds = { 2010 = "p10.csv", 2015 = "p15.csv" }\nmodel_choice = true'
    study = write_study(tmp_path, plots)
    run_tables(study)
    first = (study.parent / "out/tables/stock.csv").read_bytes()
    run_tables(study)
    assert (study.parent / "out/tables/stock.csv").read_bytes() == first


def test_plots_alone_need_no_table_where_they_cover_the_map(tmp_path: Path) -> None:
    two_rounds(tmp_path)
    study = write_study(tmp_path, 'rounds = { 2010 = "p10.csv", 2015 = "p15.csv" }')
    text = study.read_text(encoding="utf-8").replace('table = "density.csv"\n', "")
    study.write_text(text, encoding="utf-8")
    problems = check_study(study)
    (told,) = problems.of(Severity.ERROR)
    assert told.code == "density.missing"  # cropland, lakes and towns have no plots
    assert "crop/agb" in told.text("en")


@pytest.mark.parametrize(
    ("plots", "code"),
    [
        ("", "study.missing_key"),
        ('path = "p10.csv"\nrounds = { 2010 = "p10.csv" }', "plots.path_and_rounds"),
        ('rounds = { y2010 = "p10.csv" }', "study.bad_year"),
        ('path = "nowhere.csv"', "study.no_such_file"),
        ('path = "p10.csv"\nestimator = "guess"', "study.bad_choice"),
        ('path = "p10.csv"\nspecie = { a = "b" }', "study.unknown_key"),
    ],
)
def test_keys_of_the_study_are_checked(tmp_path: Path, plots: str, code: str) -> None:
    two_rounds(tmp_path)
    problems = check_study(write_study(tmp_path, plots))
    assert code in [problem.code for problem in problems.of(Severity.ERROR)]


def test_everything_wrong_with_plots_refuses_the_run(tmp_path: Path) -> None:
    sheet(tmp_path, [10, -5, 20])
    with pytest.raises(InputProblems) as refused:
        run_tables(write_study(tmp_path, 'path = "plots.csv"'))
    assert "plots.negative" in [problem.code for problem in refused.value.problems]


@needs_shared
def test_chinese_plots_through_the_models_against_their_own_biomass() -> None:
    """Stand biomass of 320 plots (column Bio, above ground, t/ha) by the expansion models.

    The models were made for other provinces: they agree in the mean within a third and follow the
    plots closely.
    """
    table = pd.read_csv(SHARED / "data/inventory/china_forestat/forestData.csv")
    volume, biomass = table["V_ha"].to_numpy(), table["Bio"].to_numpy()
    kinds = ["broadleaf_mixed"] * len(table)
    for name in (MODEL, "ipcc_bcef_temperate"):
        stands = apply_model(
            name, volume=volume, forest_type=kinds, draws=Draws(1, 1), problems=Problems("en")
        )
        modelled = stands.central[0] / 0.47
        assert np.corrcoef(modelled, biomass)[0, 1] > 0.9
        assert modelled.mean() == pytest.approx(biomass.mean(), rel=0.35)


@needs_shared
def test_chinese_rounds_as_densities() -> None:
    """Tree forest of the three rounds; permanent plots make the change surer than two samples."""
    folder = SHARED / "data/inventory/china_forestat"
    sheets = [Sheet(folder / f"plot_{k}.csv", f"plot_{k}.csv", 2000 + 5 * k) for k in (2, 3)]
    found, problems = densities(
        sheets, format="china_cfi", plot_area=0.06, strata={"tree_forest": "forest"}
    )
    assert found is not None, [problem.text() for problem in problems]
    assert found.count.tolist() == [[73, 76]]
    assert 15 < found.value[0, 0, 0] < found.value[0, 0, 1] < 60
    own = found.covariance[0]
    assert own[0, 1] > 0.3 * np.sqrt(own[0, 0] * own[1, 1])


def test_plots_are_frozen() -> None:
    plots = Plots(pd.DataFrame({"volume": [1.0]}), "f")
    with pytest.raises(AttributeError):
        plots.shown = "g"  # type: ignore[misc]


@pytest.fixture(name="budgeted", scope="module")
def _budgeted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, pd.DataFrame]]:
    folder = tmp_path_factory.mktemp("budget")
    two_rounds(folder)
    names = ", ".join(f'"{name}"' for name in (MODEL, *OTHERS))
    plots = f'rounds = {{ 2010 = "p10.csv", 2015 = "p15.csv" }}\nmodels = [{names}]'
    study = write_study(folder, plots + "\nmodel_choice = true", uncertainty="draws = 2000")
    run_study(study, folder / "out", options=Options(workers=1))
    return folder, dict(Results.open(folder / "out").tables)


def budget_of(table: pd.DataFrame, quantity: str, code: str = "ALL") -> pd.DataFrame:
    rows = rows_of(table, quantity=quantity, region_code=code)
    return rows.drop_duplicates("source").set_index("source")


def test_budget_adds_up_and_agrees_with_the_tables(
    budgeted: tuple[Path, dict[str, pd.DataFrame]],
) -> None:
    _, tables = budgeted
    budget = tables["error_budget"]
    whole = budget_of(budget, "stock")
    shares = whole["share_of_variance"].drop(["all", "area"])
    assert shares.sum() == pytest.approx(1)
    held = rows_of(tables["regions"], level="study", year=2015)["se_t_c"].iloc[0]
    assert whole.loc["all", "se_t_c"] == pytest.approx(held)
    moved = budget_of(budget, "change")
    step = rows_of(tables["change"], level="study")["se_t_c"].iloc[0]
    assert moved.loc["all", "se_t_c"] == pytest.approx(step)
    assert np.isnan(whole.loc["area", "se_t_c"])  # no reference sample: not known, and not zero


def test_budget_of_a_county_by_hand(budgeted: tuple[Path, dict[str, pd.DataFrame]]) -> None:
    """In 2015 甲县 has 12 ha of forest and 4 of cropland; 乙县 has no forest, no plot error."""
    _, tables = budgeted
    budget = tables["error_budget"]
    own = budget_of(budget, "stock", "0101")
    table = np.sqrt((12 * 10) ** 2 + (4 * 1) ** 2 + (4 * 8) ** 2 + (4 * 0.2) ** 2)
    assert own.loc["density_table", "se_t_c"] == pytest.approx(table, rel=0.03)
    later = [volume * 1.2 for volume in VOLUMES]
    trees = np.array([carbon(later, name).sum(axis=0) for name in (MODEL, *OTHERS)])
    spread = 12 * np.std(trees.mean(axis=1))
    assert own.loc["model_choice", "se_t_c"] == pytest.approx(spread, rel=0.02)
    sample = simple_random(trees.mean(axis=0))
    assert own.loc["plot_sampling", "se_t_c"] == pytest.approx(12 * sample.se[0], rel=0.05)
    other = budget_of(budget, "stock", "0102")
    assert other.loc["plot_sampling", "se_t_c"] == 0
    assert other.loc["density_table", "share_of_variance"] == pytest.approx(1)


def test_approach_one_beside_the_draws(budgeted: tuple[Path, dict[str, pd.DataFrame]]) -> None:
    """Independent errors in quadrature hold for 乙县's stock, not where errors are shared."""
    _, tables = budgeted
    budget = tables["error_budget"]
    own = budget_of(budget, "stock", "0102").loc["all"]
    area = {"crop": 8, "lake": 7}
    by_hand = np.sqrt((8 * 1) ** 2 + (8 * 8) ** 2 + (8 * 0.2) ** 2 + (7 * 12) ** 2)
    assert sum(area.values()) == 15
    assert own["approach1_se_t_c"] == pytest.approx(by_hand)
    assert own["approach1_holds"] == "true"
    change = budget_of(budget, "change", "0203").loc["all"]
    assert change["approach1_se_t_c"] >= 0


def test_report_shows_budget_and_models(budgeted: tuple[Path, dict[str, pd.DataFrame]]) -> None:
    folder, _ = budgeted
    page = (folder / "out/report.html").read_text(encoding="utf-8")
    assert 'id="errors"' in page
    assert "Approach 1" in page
    assert "choice of the model" in page
    assert "volume × wood density × BEF" in page


def test_explain_names_plots_and_model(budgeted: tuple[Path, dict[str, pd.DataFrame]]) -> None:
    folder, _ = budgeted
    words = explain(Results.open(folder / "out"), "0101")
    assert "8 plots of p15.csv, simple random sample" in words
    assert "ipcc_bef" in words
    assert "12" in words


def test_area_is_a_source_where_a_sample_estimates_it(tmp_path: Path) -> None:
    """乙县 in 2015: 8 ha mapped as cropland, 0.15 ± 0.082 of it forest, 144 for 85 t C/ha."""
    tables = run_tables(sampled(tmp_path, by_stratum(), draws=2000))
    budget = tables["error_budget"]
    own = budget_of(budget, "stock", "0102")
    by_hand = 8 * np.sqrt(0.85 * 0.15 / 19) * (144 - 85)
    assert own.loc["area", "se_t_c"] == pytest.approx(by_hand, rel=0.06)
    shares = own["share_of_variance"].drop("all")
    assert shares.sum() == pytest.approx(1)
    assert 0 < shares["area"] < 1
    whole = budget_of(budget, "stock").loc["all"]
    held = rows_of(tables["regions"], level="study", year=2015)["se_t_c"].iloc[0]
    assert whole["se_t_c"] == pytest.approx(held)
    assert whole["approach1_se_t_c"] > 0
