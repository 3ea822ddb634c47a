"""Areas estimated from a reference sample, from the file of answers to every table."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from sinks.checks import Severity
from sinks.landcover.accuracy import error_matrix, estimate
from sinks.landcover.activity import Activity
from sinks.landcover.adjust import Adjustment, adjusted, mixes
from sinks.landcover.rates import Rates, rates
from sinks.landcover.scheme import scheme
from sinks.legend import LandClass, Legend
from sinks.run import Options, check_study, run_study
from tests.test_accuracy import CHANGE_2014, PIXELS_2014, by_map_class
from tests.tiny import CELL, LEGEND, NORTH, WEST, cell, rows_of, run_tables, target, write_tiny

#: Map class, true class, units: users' accuracies of 0.9, 0.85, 1 and 0.9.
ANSWERS = [
    ("forest", "forest", 18), ("forest", "crop", 2), ("crop", "crop", 17), ("crop", "forest", 3),
    ("lake", "lake", 10), ("town", "town", 9), ("town", "crop", 1),
]  # fmt: skip
DRAWS = 4000
#: Draws of a share are a gamma over a sum of gammas: their spread is known to this part.
MONTE_CARLO = 0.05


def sampled(
    folder: Path, lines: Iterable[str], *, keys: str = "", draws: int = DRAWS, **study: object
) -> Path:
    """Write the tiny province with a reference sample; return the study file."""
    path = write_tiny(folder, uncertainty=f"draws = {draws}", **study)
    (folder / "sample.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with path.open("a", encoding="utf-8") as stream:
        stream.write(f'\n[accuracy]\nsample = "sample.csv"\n{keys}\n')
    return path


def by_stratum(answers: Iterable[tuple[str, str, int]] = ANSWERS) -> list[str]:
    """Return a sample that says nothing but stratum and reference class."""
    lines = [f"{mapped},{true}" for mapped, true, count in answers for _ in range(count)]
    return ["stratum,reference", *lines]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    folder = tmp_path_factory.mktemp("sampled")
    targets = [
        target(pools=["agb"]),
        target(name="woods", quantity="area", value=3, unit="ha"),
        target(name="cover", quantity="cover", kind="level", value=25, unit="%"),
    ]
    return run_tables(sampled(folder, by_stratum(), targets=targets))


def test_headline_is_the_estimated_area(tables: dict[str, pd.DataFrame]) -> None:
    """甲县 has 8 + 8 ha of forest and crop in 2010, 12 + 4 in 2015; 乙县 8 ha of crop.

    Forest is 0.9 of what is mapped as forest and 0.15 of what is mapped as cropland.
    """
    regions = tables["regions"]
    for code, year, expected in (
        ("0101", 2010, 0.9 * 8 + 0.15 * 8), ("0101", 2015, 0.9 * 12 + 0.15 * 4),
        ("0102", 2015, 0.15 * 8), ("0203", 2015, 0.0), ("ALL", 2015, 0.9 * 12 + 0.15 * 12),
    ):  # fmt: skip
        found = cell(regions, "forest_ha", region_code=code, year=year)
        assert found == pytest.approx(expected)
    # Stock of 甲县 in 2015: 11.4 ha × 144 + 4.6 ha × 85.
    assert cell(regions, "stock_t_c", region_code="0101", year=2015) == pytest.approx(2032.6)


def test_errors_of_areas_are_those_of_the_formulas(tables: dict[str, pd.DataFrame]) -> None:
    areas = rows_of(tables["area_estimates"], level="study", kind="stratum", year=2015)
    paper = rows_of(tables["accuracy"], measure="area").set_index("class")
    for row in areas.to_dict("records"):
        formula = paper.loc[row["class"]]
        assert row["area_ha"] == pytest.approx(formula["value"])
        assert row["se_ha"] == pytest.approx(formula["se"], rel=MONTE_CARLO, abs=1e-12)
    assert paper.loc["forest", "se"] == pytest.approx(
        np.sqrt(12**2 * 0.9 * 0.1 / 19 + 12**2 * 0.85 * 0.15 / 19)
    )


def test_one_matrix_serves_every_county(tables: dict[str, pd.DataFrame]) -> None:
    """In 乙县 all forest is mapped as cropland, in 甲县 a part: both err by the same 0.15."""
    areas = rows_of(tables["area_estimates"], kind="stratum", year=2015)
    areas = areas[areas["class"] == "forest"].set_index("region_code")
    own = 8 * np.sqrt(0.85 * 0.15 / 19)
    assert areas.loc["0102", "se_ha"] == pytest.approx(own, rel=MONTE_CARLO)
    forest, crop = 12**2 * 0.9 * 0.1 / 19, 0.85 * 0.15 / 19
    assert areas.loc["0101", "se_ha"] == pytest.approx(np.sqrt(forest + 4**2 * crop), rel=0.05)
    assert areas.loc["ALL", "se_ha"] == pytest.approx(np.sqrt(forest + 12**2 * crop), rel=0.05)
    assert areas.loc[["0101", "0102"], "area_ha"].sum() == pytest.approx(12.6)


def test_area_and_density_errors_meet(tables: dict[str, pd.DataFrame]) -> None:
    """Forest of 乙县: 1.2 ± 0.655 ha at 100 ± 10 t C/ha of soil; variance of a product."""
    row = rows_of(tables["stock"], region_code="0102", year=2015, stratum="forest", pool="soil")
    area, hectare = 8 * np.sqrt(0.85 * 0.15 / 19), 10.0
    expected = np.sqrt((100 * area) ** 2 + (1.2 * hectare) ** 2 + (area * hectare) ** 2)
    assert row["se_t_c"].iloc[0] == pytest.approx(expected, rel=MONTE_CARLO)
    assert row["low_t_c"].iloc[0] > 0


def test_tables_close(tables: dict[str, pd.DataFrame]) -> None:
    """`run` refuses a study whose sums do not close; here is why it did not."""
    assert set(tables["qc"].query("check.str.startswith('closure')")["passed"]) == {"true"}
    stock = tables["stock"].drop_duplicates(["region_code", "year", "stratum"])
    assert stock.groupby("year")["area_ha"].sum().tolist() == pytest.approx([47.0, 47.0])
    moves = rows_of(tables["transitions"], region_code="0101")
    assert moves["area_ha"].sum() == pytest.approx(16.0)
    into = moves[moves["to_stratum"] == "forest"]["area_ha"].sum()
    assert into == pytest.approx(11.4)


def test_targets_of_areas_have_probabilities(tables: dict[str, pd.DataFrame]) -> None:
    """Gain of forest: 12.6 − 9.6 = 3 ha, from 4 ha × (0.9 − 0.15)."""
    woods = rows_of(tables["targets"], target="woods", level="study").iloc[0]
    assert woods["achieved"] == pytest.approx(3.0)
    spread = 4 * np.sqrt(0.9 * 0.1 / 19 + 0.85 * 0.15 / 19)
    assert woods["se"] == pytest.approx(spread, rel=MONTE_CARLO)
    assert 0.4 < woods["probability"] < 0.6
    assert woods["verdict"] == "uncertain"
    cover = rows_of(tables["targets"], target="cover", level="study").iloc[0]
    assert cover["achieved"] == pytest.approx(100 * 12.6 / 47)
    assert 0 < cover["probability"] < 1


def test_manifest_says_what_areas_are(tmp_path: Path) -> None:
    study = sampled(tmp_path, by_stratum(), draws=100)
    run_tables(study)
    meta = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert meta["area_basis"] == "estimated"
    assert "accuracy" in [record["role"] for record in meta["inputs"]]
    assert [problem["code"] for problem in meta["problems"]] == ["accuracy.one_matrix"]


def test_without_a_sample_nothing_is_estimated(tmp_path: Path) -> None:
    found = run_tables(write_tiny(tmp_path, uncertainty="draws = 100"))
    assert not {"accuracy", "error_matrix", "area_estimates"} & set(found)
    assert "false_change" not in found  # nothing is known of a legend of the user's own
    causes = found["attribution"]
    assert set(causes["noise_basis"]) == {"unknown", "none"}
    assert causes[["noise_ha", "noise_t_c"]].isna().all(axis=None)
    meta = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert meta["area_basis"] == "map"


def test_false_change_that_a_published_accuracy_allows(tmp_path: Path) -> None:
    """Worked by hand: 47 ha, 5 of them changed; CLCD is right on 79.31 % of the land.

    In CLCD the codes 1 and 2 are cropland and forest: the 4 ha of 甲县 are a loss of forest.
    """
    study = write_tiny(tmp_path, uncertainty="draws = 100")
    text = study.read_text(encoding="utf-8").replace('legend = "legend.csv"', 'legend = "clcd"')
    text = text.replace('table = "density.csv"', 'table = "hubei_2010"')
    study.write_text(text, encoding="utf-8")
    tables = run_tables(study)
    lost = rows_of(tables["attribution"], cause="forest_loss", region_code="0101").iloc[0]
    assert lost["noise_ha"] == pytest.approx(4 * (1 - 0.7931**2))
    assert lost["noise_t_c"] == pytest.approx((1 - 0.7931**2) * lost["change_t_c"])
    assert lost["noise_basis"] == "published"
    found = tables["false_change"].iloc[0]
    assert found["basis"] == "published"
    assert found["mapped_change_ha"] == pytest.approx(5.0)
    assert found["at_most_ha"] == pytest.approx(47 * 2 * 0.2069)
    assert found["independent_ha"] == pytest.approx(47 * (1 - 0.7931**2))


def test_report_shows_the_accuracy(tmp_path: Path) -> None:
    study = sampled(tmp_path, by_stratum(), draws=100)
    run_study(study, tmp_path / "out", options=Options(parts=("report",), workers=1))
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    section = page[page.index('id="accuracy"') : page.index('id="coverage"')]
    for words in ("92.1 ± ", "60", "Forest", "90.0 ± ", "12.6 ± 2.5"):
        assert words in section
    assert "false change" in page


def test_one_draw_gives_central_areas(tmp_path: Path) -> None:
    found = run_tables(sampled(tmp_path, by_stratum(), draws=1))
    row = rows_of(found["area_estimates"], level="study", kind="group", year=2015).iloc[0]
    assert (row["area_ha"], row["se_ha"]) == (pytest.approx(12.6), 0.0)


# Where units lie


def place(row: int, col: int) -> str:
    """Return the centre of a cell of the tiny province."""
    return f"{WEST + (col + 0.5) * CELL},{NORTH - (row + 0.5) * CELL}"


def test_map_classes_are_read_where_units_lie(tmp_path: Path) -> None:
    """A simple random sample by coordinates: 8 of 24 are forest, map and truth."""
    lines = ["x,y,reference"]
    for row in range(4):
        for col, name in (
            (0, "森林"),
            (1, "1"),
            (3, "Cropland"),
            (6, "lake"),
            (9, "lake"),
            (10, "4"),
        ):
            if (row, col) != (0, 6) and not (row < 2 and col == 3):
                lines.append(f"{place(row, col)},{name}")
    found = run_tables(sampled(tmp_path, lines, keys='design = "simple"', draws=200))
    assert cell(found["accuracy"], "value", measure="overall") == 1.0
    forest = found["accuracy"].query("measure == 'area' and `class` == 'forest'").iloc[0]
    assert forest["value"] == pytest.approx(47 * 8 / 21)  # 21 units: the sample's own estimate
    # Hectares of the map cannot all be forest's: sample and map differ, and counties still add up.
    assert cell(found["regions"], "valid_ha", region_code="ALL", year=2010) == 48.0


def test_units_outside_and_without_data_are_told(tmp_path: Path) -> None:
    lines = ["x,y,reference", f"{WEST - 50},{NORTH - 50},forest", f"{place(1, 1)},forest"]
    found = check_study(sampled(tmp_path / "a", lines))
    assert [item.code for item in found.of(Severity.ERROR)] == ["accuracy.outside"]
    assert "2" in found.of(Severity.ERROR)[0].place
    lines = ["x,y,reference", *[f"{place(r, c)},forest" for r in range(4) for c in (0, 1)]]
    lines += [f"{place(0, 6)},lake", *[f"{place(r, 4)},crop" for r in range(4)]]
    found = check_study(sampled(tmp_path / "b", lines, keys='design = "post_stratified"'))
    assert "accuracy.no_data" in [item.code for item in found.of(Severity.WARN)]
    assert "accuracy.kept" in [item.code for item in found.of(Severity.WARN)]
    assert not found.of(Severity.ERROR)


# What the file may say


@pytest.mark.parametrize(
    ("lines", "keys", "code"),
    [
        (["stratum,reference,training", "forest,forest,yes"], "", "training"),
        (["stratum,reference,role", "forest,forest,Training"], "", "training"),
        (["stratum,truth", "forest,forest"], "", "reference"),
        (["stratum,reference_2012", "forest,forest"], "", "reference"),
        (["reference", "forest"], "", "no_map_class"),
        (["stratum,reference", "forest,forrest"], "", "class"),
        (["stratum,reference", "north,forest"], "", "stratum_no_class"),
        (["x,y,reference", "a,b,forest"], "", "coordinates"),
        (["stratum,reference", "forest,"], "", "no_answers"),
        (["stratum,map,reference", "crop,forest,forest"], "", "stratum_differs"),
        (["x,y,reference", "1,1,forest"], 'crs = "moon"', "crs"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, lines: list[str], keys: str, code: str) -> None:
    problems = check_study(sampled(tmp_path, lines, keys=keys))
    assert [item.code for item in problems.of(Severity.ERROR)] == [f"accuracy.{code}"]
    for language in ("en", "zh"):
        assert all(item.text(language) for item in problems)


def test_all_faults_of_all_rows_at_once(tmp_path: Path) -> None:
    lines = ["x,y,map,reference", "1,1,forest,forest", "1,1,wood,crop", "1,1,crop,bush,"[:-1]]
    problems = check_study(sampled(tmp_path, lines))
    assert [item.code for item in problems.of(Severity.ERROR)] == ["accuracy.class"] * 2
    assert ["3" in item.place or "4" in item.place for item in problems.of(Severity.ERROR)]


def test_answers_may_be_coarser_than_the_legend(tmp_path: Path) -> None:
    """Interpreters who tell forest from the rest: what is not forest keeps its own strata."""
    lines = ["stratum,reference", *["forest,forest"] * 9, "forest,non-forest"]
    lines += ["Non-forest,non-forest"] * 18 + ["not_forest,forest"] * 2
    found = run_tables(sampled(tmp_path, lines, draws=200))
    assert set(found["accuracy"]["class"]) == {"", "forest", "not_forest"}
    # 12 ha of forest in 2015, of which a tenth goes to what the province has besides forest.
    assert cell(found["regions"], "forest_ha", region_code="0101", year=2015) == pytest.approx(
        0.9 * 12 + 0.1 * 4
    )
    closing = found["qc"][found["qc"]["check"].str.startswith("closure")]
    assert set(closing["passed"]) == {"true"}


def test_a_class_that_the_map_does_not_show_gets_a_stock(tmp_path: Path) -> None:
    study = sampled(
        tmp_path,
        by_stratum([*ANSWERS[:4], ("lake", "marsh", 2), ("lake", "lake", 8), *ANSWERS[5:]]),
    )
    marsh = "5,marsh,Marsh,沼泽,wetlands,wetland,#00ffff\n"
    (tmp_path / "legend.csv").write_text(LEGEND + marsh, encoding="utf-8")
    with (tmp_path / "density.csv").open("a", encoding="utf-8") as stream:
        stream.write(
            "marsh,agb,,2,1,t C/ha,a survey,verified\nmarsh,soil,,200,20,t C/ha,a survey,verified\n"
        )
    found = run_tables(study)
    row = rows_of(found["stock"], region_code="0102", year=2015, stratum="marsh", pool="soil")
    assert row["area_ha"].iloc[0] == pytest.approx(0.2 * 7)
    assert row["stock_t_c"].iloc[0] == pytest.approx(280.0)
    assert cell(found["regions"], "wetland_ha", region_code="0102", year=2015) == pytest.approx(7.0)


def test_strata_without_two_units_keep_their_map(tmp_path: Path) -> None:
    few = [*ANSWERS[:5], ("town", "town", 1)]
    study = sampled(tmp_path, by_stratum(few), draws=100)
    found = run_tables(study)
    status = found["accuracy"].set_index(["measure", "class"])["status"]
    assert status["overall", ""] == "not_estimable"
    assert status["users", "town"] == "not_estimable"
    assert status["users", "forest"] == "estimable"
    stock = rows_of(found["stock"], region_code="0203", year=2010, stratum="town", pool="soil")
    assert stock["area_ha"].iloc[0] == 8.0
    codes = [item.code for item in check_study(study)]
    assert "accuracy.thin" in codes
    assert "accuracy.kept" in codes


# Strata that are not the map


def strata_table(folder: Path, rows: str) -> None:
    (folder / "strata.csv").write_text(rows, encoding="utf-8")


def test_strata_of_their_own_give_stehmans_estimate(tmp_path: Path) -> None:
    """Counties add up to the sample's own estimate, although no county's strata are known."""
    lines = ["stratum,map,reference"]
    lines += ["hills,forest,forest"] * 12 + ["hills,crop,forest"] * 2 + ["hills,crop,crop"] * 6
    lines += ["plain,crop,crop"] * 7 + ["plain,lake,lake"] * 8 + ["plain,town,town"] * 4
    lines += ["plain,town,crop"]
    study = sampled(tmp_path, lines, keys='strata = "strata.csv"\nyear = 2015')
    strata_table(tmp_path, "stratum,area_ha\nhills,20\nplain,27\n")
    found = run_tables(study)
    area = rows_of(found["accuracy"], measure="area").set_index("class")["value"]
    assert area["forest"] == pytest.approx(20 * 14 / 20)
    assert area["lake"] == pytest.approx(27 * 8 / 20)
    whole = rows_of(found["area_estimates"], level="study", kind="stratum", year=2015)
    assert whole.set_index("class")["area_ha"].to_dict() == pytest.approx(area.to_dict(), abs=1e-6)
    formula = rows_of(found["accuracy"], measure="area").set_index("class")["se"]
    drawn = whole.set_index("class")["se_ha"]
    assert drawn["forest"] == pytest.approx(formula["forest"], rel=0.1)


def test_thin_strata_of_their_own_leave_the_map_area(tmp_path: Path) -> None:
    lines = ["stratum,map,reference", *["hills,forest,forest"] * 5, "plain,crop,crop"]
    study = sampled(tmp_path, lines, keys='strata = "strata.csv"', draws=50)
    strata_table(tmp_path, "stratum,area_ha\nhills,20\nplain,27\n")
    found = run_tables(study)
    assert "area_estimates" not in found
    assert cell(found["regions"], "forest_ha", region_code="ALL", year=2015) == 12.0
    assert "accuracy.map_area" in [item.code for item in check_study(study)]


# Change


def test_a_sample_of_change_gives_the_transitions(tmp_path: Path) -> None:
    """4 ha became forest on the map, 1 ha became lake, 42 ha stayed.

    Of 20 units of mapped gain 15 are gain; of 20 of stable cropland 1 is gain, too.
    """
    lines = ["map_2010,map_2015,reference_2010,reference_2015"]
    lines += ["crop,forest,crop,forest"] * 15 + ["crop,forest,crop,crop"] * 5
    lines += ["crop,crop,crop,crop"] * 19 + ["crop,crop,crop,forest"]
    for name in ("forest", "lake", "town"):
        lines += [f"{name},{name},{name},{name}"] * 5
    lines += ["town,lake,town,lake"] * 4
    study = sampled(tmp_path, lines, keys='design = "post_stratified"')
    found = run_tables(study)
    moves = rows_of(found["transitions"], region_code="0101")
    gain = moves.query("from_stratum == 'crop' and to_stratum == 'forest'")["area_ha"].sum()
    assert gain == pytest.approx(4 * 15 / 20 + 4 * 1 / 20)
    area = rows_of(found["accuracy"], measure="area").set_index("class")
    assert area.loc["crop>forest", "value"] == pytest.approx(4 * 0.75 + 12 * 0.05)
    se = np.sqrt(4**2 * 0.75 * 0.25 / 19 + 12**2 * 0.05 * 0.95 / 19)
    assert area.loc["crop>forest", "se"] == pytest.approx(se)
    assert area.loc["crop>forest", "start"] == 2010
    # All of it is a gain of forest: the change of its area has that error.
    assert cell(found["regions"], "forest_ha", region_code="ALL", year=2010) == pytest.approx(8.0)
    assert cell(found["regions"], "forest_ha", region_code="ALL", year=2015) == pytest.approx(11.6)
    whole = found["area_estimates"].query("level == 'study' and kind == 'group' and year == 2015")
    assert whole.set_index("class").loc["forest", "se_ha"] == pytest.approx(se, rel=MONTE_CARLO)
    closing = found["qc"][found["qc"]["check"].str.startswith("closure")]
    assert set(closing["passed"]) == {"true"}


# Rates and areas by themselves


def test_draws_of_rates_have_the_errors_of_olofsson_2014() -> None:
    matrix = by_map_class(CHANGE_2014, [0.09 * pixels for pixels in PIXELS_2014])
    areas = dict(zip(matrix.classes, matrix.area.tolist(), strict=True))
    made = rates(matrix, areas, seed=1, count=5000)
    assert made is not None
    drawn = {name: np.zeros(5000) for name in matrix.classes}
    for (mapped, true), draws in zip(made.pairs, made.draws, strict=True):
        drawn[true] += areas[mapped] * draws
    paper = estimate(matrix).area
    for name, value, se in zip(matrix.classes, paper.value, paper.se, strict=True):
        assert drawn[name].mean() == pytest.approx(value, rel=2e-3)
        assert drawn[name].std(ddof=1) == pytest.approx(se, rel=0.03)
        assert drawn[name].min() >= 0


def test_small_samples_never_leave_the_possible() -> None:
    rows = [("a", "a", "a"), ("a", "a", "b"), ("b", "b", "b"), ("b", "b", "b"), ("b", "b", "a")]
    own = {"a": "a", "b": "b"}
    matrix = error_matrix(rows, area={"a": 1.0, "b": 1.0}, map_class=own)
    made = rates(matrix, {"a": 1.0, "b": 1.0}, seed=3, count=20_000)
    assert made is not None
    assert np.isfinite(made.draws).all()
    assert ((made.draws >= 0) & (made.draws <= 1)).all()
    first = made.draws[made.pairs.index(("a", "b"))]
    assert first.mean() == pytest.approx(0.5, abs=0.01)
    assert first.std() == pytest.approx(0.5, rel=0.05)  # √(p (1 − p) / (n − 1)), p = ½, n = 2


NAMES = ("forest", "crop", "lake")
GROUPS = ("forest", "cropland", "wetland")


def small_legend() -> Legend:
    rows = [
        LandClass(i, name, name, name, "other_land", group, "#000000")
        for i, (name, group) in enumerate(zip(NAMES, GROUPS, strict=True))
    ]
    return Legend("small", tuple(rows))


@given(st.data())
def test_estimated_transitions_close_on_estimated_areas(data: st.DataObject) -> None:
    number = st.floats(0.0, 1000.0)
    moves = np.array([[[data.draw(number) for _ in NAMES] for _ in NAMES] for _ in range(2)])
    moves[:, 0, 0] += 1.0
    share = np.array([[data.draw(st.floats(0.01, 1.0)) for _ in NAMES] for _ in NAMES])
    share /= share.sum(axis=1, keepdims=True)
    coords = {"region": ["a", "b"], "from_stratum": list(NAMES), "to_stratum": list(NAMES)}
    transitions = {(1, 2): xr.DataArray(moves, dims=tuple(coords), coords=coords)}
    area = np.stack([moves.sum(axis=2), moves.sum(axis=1)], axis=-1)
    at = {"region": ["a", "b"], "stratum": list(NAMES), "year": [1, 2]}
    activity = Activity(xr.DataArray(area, dims=tuple(at), coords=at), transitions, xr.Dataset())
    own = scheme(small_legend(), "stratum")
    pairs = tuple((i, j) for i in NAMES for j in NAMES)
    made = Rates(pairs, share.ravel(), share.ravel()[:, None], (), 0.0)
    found = adjusted(activity, Adjustment(made, own, (2,), NAMES, mixes(activity, own)))
    table = found.transitions[1, 2]
    assert table.values.min() >= -1e-9
    for year, dim in ((1, "to_stratum"), (2, "from_stratum")):
        expected = found.area.sel(year=year).values
        assert table.sum(dim).values == pytest.approx(expected, rel=1e-9, abs=1e-6)
        assert expected.sum(axis=1) == pytest.approx(area.sum(axis=1)[:, 0], rel=1e-9)


def test_what_error_alone_could_make_of_each_cause(tables: dict[str, pd.DataFrame]) -> None:
    """甲县: 4 ha mapped crop → forest at 59 t C/ha; it was no forest (0.85) and is one (0.9).

    丙县: 1 ha mapped town → lake; no town and no lake of the sample was anything but dry, or wet.
    """
    own = rows_of(tables["attribution"], region_code="0101").set_index("cause")
    assert own.loc["new_forest", "map_ha"] == pytest.approx(4.0)
    assert own.loc["new_forest", "noise_ha"] == pytest.approx(4 * (1 - 0.85 * 0.9))
    assert own.loc["new_forest", "noise_t_c"] == pytest.approx(4 * (1 - 0.85 * 0.9) * 59)
    assert own.loc["new_forest", "area_ha"] == pytest.approx(4 * 0.85 * 0.9)
    assert own.loc["new_forest", "noise_basis"] == "sample"
    # Land mapped alike twice shows no change, and so none that is false.
    assert own.loc["forest_in_place", "noise_basis"] == "none"
    assert np.isnan(own.loc["forest_in_place", "noise_ha"])
    wet = rows_of(tables["attribution"], cause="new_wetland", region_code="0203").iloc[0]
    assert (wet["map_ha"], wet["noise_ha"]) == (pytest.approx(1.0), pytest.approx(0.0))
    whole = rows_of(tables["attribution"], cause="new_forest").set_index("region_code")
    parts = whole.loc[["0101", "0102", "0203"], "noise_t_c"].sum()
    assert whole.loc["ALL", "noise_t_c"] == pytest.approx(parts)


def test_a_sample_of_change_says_itself_what_is_false(tmp_path: Path) -> None:
    """20 units on 4 ha mapped crop → forest: 13 are, 4 stayed crop, 2 were forest, 1 is a town."""
    units = [
        ("forest>forest", "forest>forest", 10), ("crop>crop", "crop>crop", 10),
        ("lake>lake", "lake>lake", 10), ("town>town", "town>town", 10),
        ("town>lake", "town>lake", 1), ("town>lake", "town>town", 1),
        ("crop>forest", "crop>forest", 13), ("crop>forest", "crop>crop", 4),
        ("crop>forest", "forest>forest", 2), ("crop>forest", "crop>town", 1),
    ]  # fmt: skip
    lines = [
        ",".join([*mapped.split(">"), *true.split(">")])
        for mapped, true, count in units
        for _ in range(count)
    ]
    head = "map_2010,map_2015,reference_2010,reference_2015"
    found = run_tables(sampled(tmp_path, [head, *lines], draws=100))["attribution"]
    own = rows_of(found, cause="new_forest", region_code="0101").iloc[0]
    assert own["noise_ha"] == pytest.approx(4 * 7 / 20)
    assert own["noise_basis"] == "sample"


def test_a_sample_of_forest_and_not_says_nothing_of_other_change(tmp_path: Path) -> None:
    """New forest rests on the sample; a town that became a lake is told by nobody, never by 0."""
    words = {"forest": "forest", "crop": "not_forest", "lake": "not_forest", "town": "not_forest"}
    merged = [(words[a], words[b], n) for a, b, n in ANSWERS]
    study = sampled(tmp_path, by_stratum(merged), keys='level = "forest"', draws=100)
    found = run_tables(study)["attribution"]
    own = rows_of(found, region_code="ALL").set_index("cause")
    assert own.loc["new_forest", "noise_basis"] == "sample"
    # 40 units of the rest, 3 of them forest.
    assert own.loc["new_forest", "noise_ha"] == pytest.approx(4 * (1 - 37 / 40 * 0.9))
    assert own.loc["new_wetland", "noise_basis"] == "unknown"
    assert np.isnan(own.loc["new_wetland", ["noise_ha", "noise_t_c"]].astype(float)).all()


def test_causes_sum_to_the_change_in_every_draw(tables: dict[str, pd.DataFrame]) -> None:
    """The causes carry the error of the areas, too; in 乙县 there is but one, forest that grows."""
    causes = rows_of(tables["attribution"], level="study")
    whole = rows_of(tables["change"], level="study").iloc[0]
    assert causes["change_t_c"].sum() == pytest.approx(whole["change_t_c"])
    own = rows_of(tables["attribution"], region_code="0102").set_index("cause")
    assert own.loc["forest_in_place", "area_ha"] == pytest.approx(1.2)
    only = rows_of(tables["change"], region_code="0102").iloc[0]
    for name in ("change_t_c", "se_t_c", "low_t_c", "high_t_c"):
        assert own.loc["forest_in_place", name] == pytest.approx(only[name])
