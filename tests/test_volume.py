"""Growing stock: worked by hand, beside the carbon of the same plots, against published figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pytest

from sinks.biomass.estimators import change_between, simple_random
from sinks.biomass.plotdraws import VOLUME
from sinks.biomass.readers.fia import population, read_fia
from sinks.biomass.readers.sheets import Sheet
from sinks.biomass.volume import VolumeRow, bare_strata, preferred
from sinks.biomass.volumetable import load_volume_table
from sinks.checks import Problems, Severity
from sinks.closure import closures
from sinks.consistency import implied_carbon
from sinks.errors import InputProblems
from sinks.explain import explain
from sinks.inventory import Question, inventory_of
from sinks.results import Results
from sinks.run import Options, check_study, run_study
from sinks.summary import sentences, target_lines, target_sentence, words_of
from sinks.wording import Words
from tests.conftest import SHARED, needs_shared
from tests.test_adjusted import by_stratum, sampled
from tests.test_inventory import WYOMING, write_wyoming
from tests.test_ledger import study_with
from tests.test_plot_density import VOLUMES, densities, two_rounds
from tests.test_plot_density import write_study as with_plots
from tests.test_stand_density import polygons
from tests.test_stand_density import write_study as with_stands
from tests.tiny import STUDY, cell, rows_of, run_tables, target, write_tiny

ROUNDS = 'rounds = { 2010 = "p10.csv", 2015 = "p15.csv" }'
LEVEL = {"quantity": "volume", "kind": "level", "unit": "m3", "groups": ["forest"]}
STOCK = target(name="stock", **LEVEL, value=1000)
MORE = target(name="more", **LEVEL | {"kind": "increase"}, value=400)
#: Every stratum of the tiny province: growing stock of the forest, single trees elsewhere.
ALL_LAND = "stratum,value,se,unit,source\n" + "".join(
    f"{name},{value},{se},m3/ha,yearbook\n"
    for name, value, se in (("forest", 60, 3), ("crop", 2, 1), ("lake", 0, ""), ("town", 5, 1))
)


def with_table(folder: Path, rows: str, keys: str = "", **study: Any) -> Path:
    path = write_tiny(folder, **study)
    (folder / "volume.csv").write_text(rows, encoding="utf-8")
    content = path.read_text(encoding="utf-8")
    path.write_text(f'{content}\n[volume]\ntable = "volume.csv"\n{keys}\n', encoding="utf-8")
    return path


def codes(study: Path) -> dict[str, Severity]:
    return {problem.code: problem.severity for problem in check_study(study)}


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    """Forest of 甲县: 8 ha in 2010, 12 ha in 2015; plots of 77.5 and 93 m³/ha."""
    folder = tmp_path_factory.mktemp("plots")
    two_rounds(folder)
    targets = [target(pools=["agb", "bgb"], value=100), STOCK, MORE]
    return run_tables(with_plots(folder, ROUNDS, targets=targets))


def test_hectares_times_volume(tables: dict[str, pd.DataFrame]) -> None:
    mean = float(np.mean(VOLUMES))
    volume = tables["volume"]
    for year, hectares, per_ha in ((2010, 8, mean), (2015, 12, 1.2 * mean)):
        row = rows_of(volume, region_code="0101", year=year).iloc[0]
        assert (row["group"], row["stratum"]) == ("forest", "forest")
        assert row["volume_m3"] == pytest.approx(hectares * per_ha)
        assert row["volume_m3_ha"] == pytest.approx(per_ha)
    direct = simple_random(VOLUMES)
    assert rows_of(volume, year=2010)["se_m3"].iloc[0] == pytest.approx(8 * direct.se[0], rel=0.03)
    assert set(volume["region_code"]) == {"0101", "江北市", "ALL"}  # land of forest alone


def test_every_level_adds_up(tables: dict[str, pd.DataFrame]) -> None:
    for name, column in (("volume_groups", "volume_m3"), ("volume_change", "change_m3")):
        table = tables[name]
        whole = rows_of(table, level="study")[column].to_numpy()
        for level in ("region", "prefecture"):
            own = rows_of(table, level=level)
            sums = own.groupby("year" if "year" in own else "start")[column].sum()
            assert sums.to_numpy() == pytest.approx(whole)
    groups, volume = tables["volume_groups"], tables["volume"]
    assert len(rows_of(groups, level="region")) == 6  # no forest is a known 0
    for code in ("0101", "ALL"):
        parts = rows_of(volume, region_code=code).groupby("year")["volume_m3"].sum()
        own = rows_of(groups, region_code=code).set_index("year")["volume_m3"]
        assert parts.to_dict() == pytest.approx(own.to_dict())


def test_permanent_plots_make_the_change_surer(tmp_path: Path) -> None:
    found, _ = densities(two_rounds(tmp_path), draws=4000)
    other, _ = densities(two_rounds(tmp_path, moved=True), draws=4000)
    assert found is not None
    assert found.wood is not None
    assert other is not None
    assert other.wood is not None
    both = np.column_stack([VOLUMES, [v * 1.2 for v in VOLUMES]])
    paired = change_between(simple_random(both))
    own = found.wood.own_covariance[0]
    assert own[0, 0] + own[1, 1] - 2 * own[0, 1] == pytest.approx(paired.covariance[0, 0])
    step = np.diff(found.wood.drawn()[0], axis=0)
    assert step.std() == pytest.approx(paired.se[0], rel=0.15)
    assert np.diff(other.wood.drawn()[0], axis=0).std() > 3 * step.std()


def test_volume_and_carbon_of_a_draw_are_the_same_plots(tmp_path: Path) -> None:
    """The joint covariance holds: linear models make carbon and volume err together."""
    found, _ = densities(two_rounds(tmp_path), draws=2000)
    assert found is not None
    assert found.wood is not None
    assert VOLUME not in found.pools
    assert found.wood.pools == (*found.pools, VOLUME)
    carbon, wood = found.drawn({"plot_sampling"})[0, 0, 0], found.wood.drawn()[0, 0]
    assert np.corrcoef(carbon, wood)[0, 1] > 0.98
    assert wood.mean() == pytest.approx(np.mean(VOLUMES), rel=0.01)


def test_targets_take_the_estimate(tables: dict[str, pd.DataFrame]) -> None:
    targets = tables["targets"]
    mean = float(np.mean(VOLUMES))
    for name, achieved in (("stock", 12 * 1.2 * mean), ("more", (14.4 - 8) * mean)):
        row = rows_of(targets, target=name, level="study").iloc[0]
        assert row["achieved"] == pytest.approx(achieved)
        assert row["low"] < achieved < row["high"]
        assert 0.5 < row["probability"] < 0.95
        assert row["basis"] == "estimated"
        assert row["basis_source"] == "plots (p10.csv, p15.csv)"
    path = rows_of(tables["target_path"], target="stock").set_index("year")
    assert path.loc[2010, "baseline"] == pytest.approx(8 * mean)
    assert path.loc[2015, "rate_so_far"] == pytest.approx((14.4 - 8) * mean / 5)
    assert set(path["basis"]) == {"estimated"}


def test_what_was_found_of_volume_implies_a_range_of_carbon(
    tables: dict[str, pd.DataFrame],
) -> None:
    row = tables["consistency"].iloc[0]
    more = (14.4 - 8) * float(np.mean(VOLUMES))
    assert row["volume_target"] == "stock"
    assert row["volume_increase_m3"] == pytest.approx(1000 - 8 * float(np.mean(VOLUMES)))
    assert row["volume_found_m3"] == pytest.approx(more)
    assert row["volume_found_low_m3"] < more < row["volume_found_high_m3"]
    assert row["forest_found_ha"] == 4
    found = (row["found_implied_low"], row["found_implied_high"])
    assert found == pytest.approx(implied_carbon(more, 4))
    assert row["found"] == cell(tables["targets"], "achieved", target="carbon", level="study")
    assert found[0] < row["found"] < found[1]
    assert row["probability_found"] > 0.9


def test_volume_is_never_a_pool(tables: dict[str, pd.DataFrame]) -> None:
    assert VOLUME not in set(tables["stock"]["pool"])
    rows = tables["parameters"]
    own = rows[rows["name"].str.startswith("volume/")]
    assert set(own["unit"]) == {"m3/ha"}
    assert own["source"].iloc[0] == "8 plots, simple random sample: p10.csv"


def test_carbon_is_what_it_was_without_a_target_of_volume(tmp_path: Path) -> None:
    two_rounds(tmp_path)
    run_tables(with_plots(tmp_path, ROUNDS))
    one = (tmp_path / "out/tables/stock.csv").read_bytes()
    run_tables(with_plots(tmp_path, ROUNDS, targets=[STOCK]))
    assert (tmp_path / "out/tables/stock.csv").read_bytes() == one
    first = (tmp_path / "out/tables/volume.csv").read_bytes()
    run_tables(with_plots(tmp_path, ROUNDS, targets=[STOCK]))
    assert (tmp_path / "out/tables/volume.csv").read_bytes() == first


def test_an_official_figure_stands_beside_the_estimate(tmp_path: Path) -> None:
    two_rounds(tmp_path)
    study = with_plots(tmp_path, ROUNDS, targets=[STOCK])
    with study.open("a", encoding="utf-8") as stream:
        stream.write('reported = { value = 990, se = 20, source = "bureau" }\n')
    row = rows_of(run_tables(study)["targets"], target="stock", level="study").iloc[0]
    assert row["basis"] == "estimated"
    assert row["achieved"] == pytest.approx(14.4 * float(np.mean(VOLUMES)))
    assert (row["official"], row["official_se"]) == (990, 20)


def told(study: Path, name: str) -> str:
    """Return the sentence of the summary on one target."""
    done = run_study(study, study.parent / "out", options=Options(parts=(), workers=1))
    line = next(line for line in target_lines(done) if line.name == name)
    return target_sentence(line, words_of(done))


def test_sentences_say_what_a_figure_rests_on(tmp_path: Path) -> None:
    two_rounds(tmp_path)
    study = with_plots(tmp_path, ROUNDS, targets=[STOCK])
    assert "growing stock of forest to reach 1,000 m³ in 2015" in told(study, "stock")
    assert "Estimated from plots (p10.csv, p15.csv): 1,120 m³ (95% interval" in told(study, "stock")
    with study.open("a", encoding="utf-8") as stream:
        stream.write('reported = { value = 990, source = "the bureau" }\n')
    assert "The official figure beside it: 990 m³ (the bureau)." in told(study, "stock")
    official = write_tiny(tmp_path, targets=[STOCK])
    with official.open("a", encoding="utf-8") as stream:
        stream.write('reported = { value = 990, source = "the bureau" }\n')
    sentence = told(official, "stock")
    assert "Official figure: 990 m³ (the bureau), 99.0% of what is required." in sentence
    assert "the official figure states no error" in sentence
    assert "central value" not in sentence


def test_a_summary_without_targets_tells_the_volume_once(tmp_path: Path) -> None:
    two_rounds(tmp_path)
    study = with_plots(tmp_path, ROUNDS, study=f"{STUDY}\nsynthetic = true")
    done = run_study(study, tmp_path / "out", options=Options(workers=1, parts=("workbook",)))
    (line,) = [line for line in sentences(done) if "growing stock" in line]
    assert line.startswith("Forests held 1,120 m³ (95% interval ")
    assert "it changed by +500 m³ (95% interval" in line
    checks = done.tables["qc"].set_index("check")["passed"]
    for name in ("volume_levels", "volume_strata", "volume_change"):
        assert checks[f"closure.{name}"] == "true"
    book = openpyxl.load_workbook(tmp_path / "out/workbook.xlsx")
    cells = [cell.value for row in book["Growing stock"].iter_rows() for cell in row]
    assert "Growing stock, m³" in cells
    shown = explain(done, "0101", language="en").splitlines()
    place = next(k for k, text in enumerate(shown) if text.startswith("5. Growing stock"))
    assert "8 plots, simple random sample: p15.csv" in shown[place + 2]
    assert shown[place + 2].split()[1:4] == ["12.0000", "93.00", "1,116"]


@pytest.mark.parametrize(
    ("table", "column", "check"),
    [
        ("volume", "volume_m3", "volume_strata"), ("volume_groups", "volume_m3", "volume_levels"),
        ("volume_change", "change_m3", "volume_change"),
    ],
)  # fmt: skip
def test_sums_that_do_not_close_are_found(
    tables: dict[str, pd.DataFrame], table: str, column: str, check: str
) -> None:
    spoilt = tables[table].copy()
    spoilt.loc[spoilt["level"] == "region", column] += 5.0
    meta: dict[str, Any] = {"study": {"parents": ["prefecture"]}}
    one, other = (
        {
            item.name: item.passed
            for item in closures(Results(Path(), meta, own, gpd.GeoDataFrame()))
        }
        for own in (tables, tables | {table: spoilt})
    )
    assert one[check] is True
    assert other[check] is False


def test_chinese_volumes_come_in_both_units() -> None:
    words = Words("zh")
    assert words.both(330e6, "m3") == "3.3 亿立方米（33,000 万立方米）"
    assert words.both(43.5e6, "m3") == "4,350 万立方米"
    assert Words("en").both(330e6, "m3") == "330 million m³"


def test_plots_without_volumes_leave_the_official_figure(tmp_path: Path) -> None:
    head = "plot_id,stratum,agb_t_c_ha,bgb_t_c_ha\n"
    (tmp_path / "p.csv").write_text(head + "1,forest,40,10\n2,forest,50,12\n", encoding="utf-8")
    study = with_plots(tmp_path, 'path = "p.csv"', targets=[STOCK])
    assert codes(study)["volume.no_source"] is Severity.ERROR
    with study.open("a", encoding="utf-8") as stream:
        stream.write('reported = { value = 990, source = "bureau" }\n')
    tables = run_tables(study)
    assert "volume" not in tables
    row = rows_of(tables["targets"], target="stock", level="study").iloc[0]
    assert (row["basis"], row["basis_source"], row["achieved"]) == ("reported", "bureau", 990)
    assert (row["official"], row["verdict"]) == (990, "uncertain")


def test_standing_volume_of_forest_plots_is_refused(tmp_path: Path) -> None:
    two_rounds(tmp_path)
    spec = target(**LEVEL, value=1000, volume="standing_volume")
    del spec["groups"]
    study = with_plots(tmp_path, ROUNDS, targets=[spec])
    with pytest.raises(InputProblems) as refused:
        run_tables(study)
    (told,) = [p for p in refused.value.problems if p.code == "volume.forest_only"]
    assert "every living tree" in told.part("expected")
    assert "crop, lake, town" in told.part("found")
    assert "growing_stock" in told.part("remedy")


def test_standing_volume_of_all_land(tmp_path: Path) -> None:
    """2015: 12 ha of forest, 12 of cropland, 16 of lake, 7 of town."""
    spec = target(**LEVEL, name="standing", value=700, volume="standing_volume")
    del spec["groups"]
    tables = run_tables(with_table(tmp_path, ALL_LAND, targets=[spec, STOCK]))
    targets = tables["targets"]
    standing = cell(targets, "achieved", target="standing", level="study")
    assert standing == pytest.approx(12 * 60 + 12 * 2 + 0 + 7 * 5)
    assert cell(targets, "achieved", target="stock", level="study") == pytest.approx(12 * 60)
    assert cell(targets, "se", target="stock", level="study") == pytest.approx(36, rel=0.02)
    assert set(tables["volume"]["stratum"]) == {"forest", "crop", "lake", "town"}


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ({"groups": ["cropland"]}, "study.volume_groups"),
        ({"volume": "standing_volume"}, "study.volume_groups"),
        ({"baseline": 900, "baseline_volume": "standing_volume"}, "study.volume_baseline"),
    ],
)
def test_targets_of_other_land_are_refused(tmp_path: Path, keys: dict[str, Any], code: str) -> None:
    study = with_table(tmp_path, ALL_LAND, targets=[STOCK | keys])
    assert codes(study)[code] is Severity.ERROR


def test_an_error_that_nobody_states_is_not_made_up(tmp_path: Path) -> None:
    rows = "stratum,value,se,unit,source\nforest,60,,m3/ha,yearbook\n"
    study = with_table(tmp_path, rows, targets=[STOCK])
    assert codes(study)["volume.no_error"] is Severity.WARN
    row = rows_of(run_tables(study)["targets"], target="stock", level="study").iloc[0]
    assert row["achieved"] == pytest.approx(720)
    assert row[["se", "low", "high", "probability"]].isna().all()
    assert row["verdict"] == "uncertain"
    row = rows_of(run_tables(study)["target_path"], target="stock", year=2015).iloc[0]
    assert row[["se", "low", "high", "probability"]].isna().all()
    asserted = with_table(tmp_path, rows, "relative_se = 0.05", targets=[STOCK])
    row = rows_of(run_tables(asserted)["targets"], target="stock", level="study").iloc[0]
    assert row["se"] == pytest.approx(36, rel=0.02)
    assert row["probability"] == 0


def test_a_table_by_region_and_year(tmp_path: Path) -> None:
    rows = "stratum,region,year,value,se,unit\n"
    rows += "forest,0101,2010,4,0.2,m3/mu\nforest,0101,2015,90,3,m3/ha\nforest,,,50,3,m3/ha\n"
    volume = run_tables(with_table(tmp_path, rows))["volume"]
    assert cell(volume, "volume_m3", region_code="0101", year=2010) == pytest.approx(8 * 60)
    assert cell(volume, "volume_m3", region_code="ALL", year=2015) == pytest.approx(12 * 90)


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ("forest,60,3,t/ha,\n", "volume.unit"),
        (",60,3,m3/ha,\n", "volume.stratum"),
        ("forest,sixty,3,m3/ha,\n", "volume.not_a_number"),
        ("forest,,3,m3/ha,\n", "volume.not_a_number"),
        ("forest,nan,3,m3/ha,\n", "volume.not_a_number"),
        ("forest,-60,3,m3/ha,\n", "volume.negative"),
        ("forest,60,-3,m3/ha,\n", "volume.negative"),
        ("forest,60000,3,m3/ha,\n", "volume.too_large"),
        ("forest,60,3,m3/ha,1\nforest,61,3,m3/ha,1\n", "volume.repeated"),
    ],
)
def test_hostile_tables_are_refused(tmp_path: Path, rows: str, code: str) -> None:
    study = with_table(tmp_path, "stratum,value,se,unit,source\n" + rows)
    assert codes(study)[code] is Severity.ERROR


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    text = "stratum,value,unit,year,region,vlaue\n"
    text += "forest,-1,m3/ha,201,0101,\nforest,x,m3/acre,,101,\nforst,5,m3/ha,,101,\n"
    (tmp_path / "v.csv").write_text(text, encoding="utf-8")
    problems = Problems("en")
    found = load_volume_table(
        "v.csv", base=tmp_path, strata=["forest"], regions=["0101"], problems=problems
    )
    assert found is None
    assert {problem.code.removeprefix("volume.") for problem in problems} == {
        "negative", "year", "not_a_number", "unit", "region", "column", "strata",
    }  # fmt: skip


def test_a_year_that_a_table_leaves_out_is_named(tmp_path: Path) -> None:
    rows = "stratum,year,value,se,unit\nforest,2010,60,3,m3/ha\n"
    problems = check_study(with_table(tmp_path, rows))
    (told,) = [problem for problem in problems if problem.code == "volume.missing"]
    assert "forest/2015" in told.text("en")


def test_sub_compartments_give_regions_their_own_volume(tmp_path: Path) -> None:
    """甲县 with 60 and 0 m³/ha: 30 of 8 ha; a bare stand counts, and no error is made up."""
    first = {"0101": [60.0] * 13 + [0.0] * 13, "0102": [90.0] * 26}
    later = {"0101": [70.0] * 13 + [0.0] * 13, "0102": [100.0] * 26}
    polygons(tmp_path / "xb2010.gpkg", first)
    polygons(tmp_path / "xb2015.gpkg", later)
    study = with_stands(tmp_path, targets=[STOCK])
    assert codes(study)["volume.no_error"] is Severity.WARN
    tables = run_tables(study)
    volume = rows_of(tables["volume"], region_code="0101").set_index("year")
    assert volume["volume_m3"].to_dict() == pytest.approx({2010: 8 * 30, 2015: 12 * 35})
    assert volume["se_m3"].isna().all()
    names = tables["parameters"].set_index("name")["value"]
    assert names["volume/forest/2010"] == pytest.approx((30 + 90) / 2)
    assert names["volume/forest/2010/0102"] == pytest.approx(90)
    row = rows_of(tables["targets"], target="stock", level="study").iloc[0]
    assert row["basis_source"] == "sub-compartments (xb2010.gpkg, xb2015.gpkg)"


def test_estimated_areas_give_volume_their_error(tmp_path: Path) -> None:
    """The draws of areas are those of the carbon: an exact volume takes the area's error alone."""
    land = target(name="land", quantity="area", kind="level", unit="ha", value=10)
    study = sampled(tmp_path, by_stratum(), targets=[STOCK, land])
    rows = "stratum,value,se,unit,source\nforest,50,0,m3/ha,exact\n"
    (study.parent / "volume.csv").write_text(rows, encoding="utf-8")
    with study.open("a", encoding="utf-8") as stream:
        stream.write('\n[volume]\ntable = "volume.csv"\n')
    targets = rows_of(run_tables(study)["targets"], level="study").set_index("target")
    for column in ("achieved", "se", "low", "high"):
        assert targets.loc["stock", column] == pytest.approx(50 * targets.loc["land", column])


def test_volume_inside_an_overlay(tmp_path: Path) -> None:
    """4 ha of forest in the reserve of 甲县, and the one hectare of column 3 that became forest."""
    study = study_with(tmp_path, [STOCK | {"overlay": "reserves"}])
    rows = "stratum,value,se,unit\nforest,50,1,m3/ha\n"
    (tmp_path / "volume.csv").write_text(rows, encoding="utf-8")
    with study.open("a", encoding="utf-8") as stream:
        stream.write('\n[volume]\ntable = "volume.csv"\n')
    found = cell(run_tables(study)["targets"], "achieved", target="stock", level="study")
    assert found == pytest.approx(50 * 5)


def test_bamboo_bears_no_growing_stock_and_one_source_serves_a_stratum() -> None:
    assert "bamboo" in bare_strata()
    assert not bare_strata() & {"forest", "forest_enf", "forest_ebf"}
    rows = [
        VolumeRow("forest", 50.0, basis="table"), VolumeRow("forest", 60.0, basis="plots"),
        VolumeRow("bamboo", 0.0, 0.0, basis="definition"),
    ]  # fmt: skip
    assert [row.value for row in preferred(rows)] == [60.0, 0.0]


def plain_mean(values: Sequence[float]) -> tuple[float, float]:
    array = np.asarray(values, dtype=float)
    return float(array.mean()), float(array.std(ddof=1) / np.sqrt(array.size))


@needs_shared
def test_chinese_plots_as_a_plain_sum_has_them(tmp_path: Path) -> None:
    """Rounds 2 and 3 of the continuous inventory: mean, error and change of the volume per ha."""
    source = SHARED / "data/inventory/china_forestat"
    file = tmp_path / "plots.toml"
    file.write_text(
        f'[plots]\nrounds = {{ 2010 = "{source}/plot_2.csv", 2015 = "{source}/plot_3.csv" }}\n'
        'format = "china_cfi"\nplot_area = 0.06\nstrata = { tree_forest = "forest" }\n'
        "[areas]\nforest = 100000\n",
        encoding="utf-8",
    )
    table, _ = inventory_of(file)
    own = rows_of(table, domain="forest", attribute="volume", per="ha").set_index("year")
    raw = [pd.read_csv(source / f"plot_{k}.csv", dtype=str) for k in (2, 3)]
    for year, frame in zip((2010, 2015), raw, strict=True):
        forest = frame[frame["land_type"].str.split(".").str[0] == "111"]
        mean, se = plain_mean(forest["standing_stock"].astype(float) / 0.06)
        assert own.loc[year, "value"] == pytest.approx(mean)
        assert own.loc[year, "se"] == pytest.approx(se)
        assert own.loc[year, "plots"] == len(forest)
    total = rows_of(table, domain="forest", attribute="volume", per="", year=2015)
    assert total["value"].iloc[0] == pytest.approx(own.loc[2015, "value"] * 100_000)
    change = rows_of(table, domain="forest", attribute="volume_change", per="ha").iloc[0]
    assert change["se"] < np.hypot(own.loc[2010, "se"], own.loc[2015, "se"])


@pytest.fixture(name="wyoming")
def _wyoming(tmp_path: Path) -> tuple[Path, Path]:
    return write_wyoming(tmp_path)


@needs_shared
def test_a_county_of_wyoming_as_the_published_machinery_has_it(
    tmp_path: Path, wyoming: tuple[Path, Path]
) -> None:
    """The same plots as a sheet: total and error are those that agree with the published ones."""
    table, _ = inventory_of(WYOMING, Question(by="unit", tables=wyoming))
    fia = read_fia(WYOMING, problems=Problems("en"), extra=wyoming)
    assert fia is not None
    whole = population(fia, fia.evaluations()[0], by="unit")
    for unit in ("1", "13"):
        here = (whole.unit == unit).to_numpy()
        volume = whole.observed("volume", unit)[here]
        labels = [f"s{name}" for name in whole.stratum[here]]
        rows = [
            f"{k},{s},{v:.17g},0,0" for k, (s, v) in enumerate(zip(labels, volume, strict=True))
        ]
        head = "plot_id,stratum,volume_m3_ha,agb_t_c_ha,bgb_t_c_ha"
        path = tmp_path / f"plots{unit}.csv"
        path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
        weights = {f"s{name}": area for name, area in whole.weights[unit].items()}
        found, problems = densities(
            [Sheet(path, path.name)], years=(2000, 2005), estimator="post_stratified",
            weights=weights, strata=dict.fromkeys(set(labels), "forest"),
        )  # fmt: skip
        assert found is not None, [problem.text() for problem in problems]
        assert found.wood is not None
        total = rows_of(table, domain=unit, attribute="volume", per="").iloc[0]
        area = whole.areas[unit]
        assert found.wood.mean[0, 0] * area == pytest.approx(total["value"], rel=1e-9)
        assert found.wood.se[0, 0] * area == pytest.approx(total["se"], rel=1e-9)
