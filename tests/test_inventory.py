"""Estimates of two real FIA inventories, through the command and the function."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path
from statistics import mean, stdev

import pandas as pd
import pytest

from sinks.biomass.population import COLUMNS
from sinks.errors import InputProblems
from sinks.inventory import Question, inventory_of, text_table
from sinks.results import read_table
from tests.conftest import SHARED, needs_shared
from tests.test_cli import program

RHODE_ISLAND = SHARED / "data/inventory/fia_rhode_island"
WYOMING = SHARED / "data/inventory/fia_wyoming"
CURRENT = ("441401", "441501", "441601", "441701", "441801")
#: Wyoming, evaluation 561301 of FIADB: points of the first phase by county and stratum.
POINTS = {
    (1, 1): 30603, (1, 2): 147961, (3, 1): 15896, (3, 2): 114985, (5, 2): 198981, (7, 1): 50473,
    (7, 2): 279551, (9, 1): 13946, (9, 2): 162778, (11, 1): 34965, (11, 2): 83981,
    (13, 1): 60592, (13, 2): 323374, (15, 2): 92483, (17, 2): 83149, (19, 1): 24652,
    (19, 2): 148336, (21, 2): 111389, (23, 1): 49359, (23, 2): 120085, (25, 2): 222755,
    (27, 2): 108902, (29, 1): 140049, (29, 2): 148717, (31, 2): 87474, (33, 1): 24037,
    (33, 2): 80693, (35, 1): 55527, (35, 2): 148984, (37, 2): 434729, (39, 1): 128994,
    (39, 2): 45959, (41, 2): 86508, (43, 2): 92938, (45, 2): 99461,
}  # fmt: skip
#: Areas of six counties and of the state [acres], as FIESTA's documentation prints them.
ACRES = {1: 2757613, 11: 1837124, 13: 5930088, 15: 1428579, 17: 1283969, 19: 2671802}
STATE_ACRES = 62600430
#: FIESTA's printed forest area of those counties [acres] and its variance per unit of area.
PRINTED = {
    1: ("574816.56", 0.0004226522), 11: ("466356.38", 0.0005556666),
    13: ("988473.50", 0.0001399449), 15: ("40816.54", 0.0004022479),
    17: ("127290.03", 0.0013966899), 19: ("393412.08", 0.0005090321),
}  # fmt: skip


def one(table: pd.DataFrame, attribute: str, *, per: str = "", domain: str = "ALL") -> pd.Series:
    rows = table[
        (table["attribute"] == attribute) & (table["per"] == per) & (table["domain"] == domain)
    ]
    assert len(rows) == 1
    return rows.iloc[0]


def raw(name: str) -> list[dict[str, str]]:
    with (RHODE_ISLAND / f"{name}.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@needs_shared
@pytest.mark.parametrize("evaluation", CURRENT)
def test_rhode_island_live_carbon_from_the_raw_tables(evaluation: str) -> None:
    """FIADB's own expansion: Σ CARBON_AG × TPA × adjustment × EXPNS, tree by tree."""
    strata = {row["CN"]: row for row in raw("POP_STRATUM") if row["EVALID"] == evaluation}
    plots = {
        row["PLT_CN"]: strata[row["STRATUM_CN"]]
        for row in raw("POP_PLOT_STRATUM_ASSGN")
        if row["EVALID"] == evaluation
    }
    forest = {
        (row["PLT_CN"], float(row["CONDID"])) for row in raw("COND") if row["COND_STATUS_CD"] == "1"
    }
    pounds = 0.0
    for tree in raw("TREE"):
        stratum = plots.get(tree["PLT_CN"])
        place = tree["PLT_CN"], float(tree["CONDID"])
        if stratum is None or tree["STATUSCD"] != "1" or place not in forest:
            continue
        kind = "MICR" if float(tree["DIA"] or 9) < 5 else "SUBP"
        pounds += (
            float(tree["CARBON_AG"] or 0) * float(tree["TPA_UNADJ"])
            * float(stratum[f"ADJ_FACTOR_{kind}"]) * float(stratum["EXPNS"])
        )  # fmt: skip
    table, problems = inventory_of(RHODE_ISLAND, Question((evaluation,)))
    found = one(table, "carbon_agb")
    assert found["value"] == pytest.approx(pounds * 0.45359237e-3, rel=1e-9)
    assert found["unit"] == "t C"
    assert 4 < found["sampling_error_percent"] < 6
    assert not list(problems)


@needs_shared
def test_rhode_island_trees_per_acre_as_rfia_prints_them() -> None:
    """The README of rFIA prints 427 trees per acre in 2018, sampling error 6.63 %."""
    table, _ = inventory_of(RHODE_ISLAND, Question(("441801",), system="us"))
    trees = one(table, "trees", per="forest_area")
    assert f"{trees['value']:.0f}" == "427"
    assert f"{trees['sampling_error_percent']:.2f}" == "6.63"
    assert (trees["unit"], trees["year"]) == ("trees/acre", 2018)


@needs_shared
def test_domains_add_up_to_the_whole() -> None:
    table, _ = inventory_of(RHODE_ISLAND, Question(("441801",), by="county"))
    totals = table[(table["attribute"] == "volume") & (table["per"] == "")]
    parts = totals[totals["domain"] != "ALL"]
    assert len(parts) == 5
    assert parts["value"].sum() == pytest.approx(one(table, "volume")["value"])


def write_wyoming(folder: Path) -> tuple[Path, Path]:
    """Write the two tables that the inventory's folder lacks.

    Areas of the counties that are not printed share the rest of the state by their points.
    """
    points: dict[int, int] = defaultdict(int)
    for (unit, _), count in POINTS.items():
        points[unit] += count
    rest = sum(count for unit, count in points.items() if unit not in ACRES)
    per_point = (STATE_ACRES - sum(ACRES.values())) / rest
    strata, units = folder / "strata.csv", folder / "units.csv"
    lines = [f"{unit},{stratum},{count}" for (unit, stratum), count in POINTS.items()]
    strata.write_text("\n".join(["ESTN_UNIT,STRATUMCD,P1POINTCNT", *lines]) + "\n", "utf-8")
    lines = [f"{unit},{ACRES.get(unit, count * per_point)}" for unit, count in points.items()]
    units.write_text("\n".join(["ESTN_UNIT,ACRES", *lines]) + "\n", "utf-8")
    return strata, units


@pytest.fixture(name="wyoming")
def _wyoming(tmp_path: Path) -> tuple[Path, Path]:
    return write_wyoming(tmp_path)


@needs_shared
def test_wyoming_as_published(wyoming: tuple[Path, Path]) -> None:
    """What FIESTA prints of this evaluation.

    10,455,771.5 acres ± 2.37 %, 13,516,579,068.4 ft³ ± 4.7 %, 1292.7 ft³/acre ± 4.46 % and 413.1
    trees/acre ± 4.55 %. Sampling errors and ratios agree to the printed digit; totals to the
    five digits that the approximate areas of 17 counties leave.
    """
    table, _ = inventory_of(WYOMING, Question(system="us", tables=wyoming))
    area, volume = one(table, "forest_area"), one(table, "volume")
    assert area["plots"] == 3047
    assert area["plots_nonzero"] == 556
    assert area["value"] == pytest.approx(10455771.5, rel=1e-5)
    assert volume["value"] == pytest.approx(13516579068.4, rel=1e-5)
    assert f"{area['sampling_error_percent']:.2f}" == "2.37"
    assert f"{volume['sampling_error_percent']:.1f}" == "4.7"
    assert f"{one(table, 'trees')['sampling_error_percent']:.2f}" == "4.83"
    per_acre = one(table, "volume", per="forest_area")
    assert f"{per_acre['value']:.1f}" == "1292.7"
    assert f"{per_acre['sampling_error_percent']:.2f}" == "4.46"
    assert per_acre["unit"] == "ft3/acre"
    trees = one(table, "trees", per="forest_area")
    assert f"{trees['value']:.1f}" == "413.1"
    assert f"{trees['sampling_error_percent']:.2f}" == "4.55"


@needs_shared
def test_wyoming_counties_to_the_printed_digit(wyoming: tuple[Path, Path]) -> None:
    table, _ = inventory_of(WYOMING, Question(by="unit", system="us", tables=wyoming))
    for unit, (acres, variance) in PRINTED.items():
        found = one(table, "forest_area", domain=str(unit))
        assert f"{found['value']:.2f}" == acres
        share = found["se"] / ACRES[unit]
        assert share**2 == pytest.approx(variance, rel=1e-6)


@needs_shared
def test_wyoming_forest_types_as_published(wyoming: tuple[Path, Path]) -> None:
    """Area by forest type and volume per acre: FIESTA's test snapshots of the same data."""
    table, _ = inventory_of(WYOMING, Question(by="forest_type", system="us", tables=wyoming))
    published = {
        "201": ("14.21", "1451.9", "13.70"), "221": ("12.82", "1275.4", "10.25"),
        "266": ("10.41", "2101.4", "7.10"), "281": ("7.79", "1569.8", "7.27"),
        "901": ("17.39", "681.5", "22.93"), "999": ("14.62", "64.2", "39.80"),
    }  # fmt: skip
    for kind, (area_error, per_acre, ratio_error) in published.items():
        area = one(table, "forest_area", domain=kind)
        ratio = one(table, "volume", per="forest_area", domain=kind)
        assert f"{area['sampling_error_percent']:.2f}" == area_error
        assert f"{ratio['value']:.1f}" == per_acre
        assert f"{ratio['sampling_error_percent']:.2f}" == ratio_error


@needs_shared
def test_command_writes_csv_and_prints(tmp_path: Path, wyoming: tuple[Path, Path]) -> None:
    out = tmp_path / "wyoming.csv"
    extra = [word for path in wyoming for word in ("--with", str(path))]
    done = program("inventory", WYOMING, *extra, "--system", "us", "--out", out, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    table = read_table(out)
    assert tuple(table.columns) == COLUMNS
    shown = program(
        "inventory", RHODE_ISLAND, "--evaluation", "441801", "--language", "en", folder=tmp_path
    )
    assert "forest area: 148,502.9 ha (sampling error 3.53%)" in shown.stdout


@needs_shared
def test_missing_tables_and_evaluations_are_named() -> None:
    with pytest.raises(InputProblems) as refused:
        inventory_of(WYOMING)
    assert "pop_stratum, pop_estn_unit" in refused.value.problems[0].text("en")
    with pytest.raises(InputProblems) as refused:
        inventory_of(RHODE_ISLAND, Question(("441899",)))
    assert "441801" in refused.value.problems[0].text("en")


@needs_shared
def test_strata_and_units_without_weights_are_named(wyoming: tuple[Path, Path]) -> None:
    strata, units = wyoming
    strata.write_text(strata.read_text("utf-8").replace("45,2,99461\n", ""), "utf-8")
    units.write_text(units.read_text("utf-8").partition("45,")[0], "utf-8")
    with pytest.raises(InputProblems) as refused:
        inventory_of(WYOMING, Question(tables=(strata, units)))
    assert [problem.code for problem in refused.value.problems] == [
        "inventory.unit_area", "inventory.weight"
    ]  # fmt: skip
    assert "45/2" in refused.value.problems[1].text("en")


def test_text_for_a_terminal_in_both_languages() -> None:
    row = {
        "evaluation": "", "year": 0, "domain": "ALL", "attribute": "volume", "per": "",
        "value": 1234.5, "se": float("nan"), "sampling_error_percent": float("nan"),
        "unit": "m3", "plots": 1, "plots_nonzero": 1, "estimable": False,
    }  # fmt: skip
    table = pd.DataFrame([row])
    assert "1,234.5 m3 (sampling error -%)" in text_table(table, "en")
    assert "活立木净蓄积：1,234.5 m3" in text_table(table, "zh")


def rounds_of(folder: Path, keys: str, *, areas: str = "") -> Path:
    path = folder / "inventory.toml"
    path.write_text(f'language = "en"\n[plots]\n{keys}\n[areas]\n{areas}\n', encoding="utf-8")
    return path


@needs_shared
def test_bartlett_change_with_its_covariance(tmp_path: Path) -> None:
    """Permanent plots at two dates: the change's error is that of the plots' differences."""
    with (SHARED / "data/inventory/bartlett/bartlett_bef_1991_2002.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    tonnes = {
        year: [float(row[f"ALLBIO{year % 100:02d}_KGH"]) / 1000 * 0.5 for row in rows]
        for year in (1991, 2002)
    }
    for year, values in tonnes.items():
        lines = [f"{row['PLOT_ID2']},forest,{v},0" for row, v in zip(rows, values, strict=True)]
        text = "\n".join(["plot_id,stratum,agb_t_c_ha,bgb_t_c_ha", *lines]) + "\n"
        (tmp_path / f"bef{year}.csv").write_text(text, encoding="utf-8")
    keys = 'rounds = { 1991 = "bef1991.csv", 2002 = "bef2002.csv" }'
    table, _ = inventory_of(rounds_of(tmp_path, keys, areas="forest = 1000"))
    found = one(table, "carbon_agb_change", per="ha", domain="forest")
    steps = [late - early for early, late in zip(tonnes[1991], tonnes[2002], strict=True)]
    assert found["value"] == pytest.approx(mean(steps))
    assert found["se"] == pytest.approx(stdev(steps) / len(steps) ** 0.5, rel=1e-6)
    whole = one(table, "carbon_agb_change", domain="forest")
    assert whole["se"] == pytest.approx(1000 * found["se"])
    first = table[(table["attribute"] == "carbon_agb") & (table["year"] == 1991)]
    assert first["plots"].tolist() == [437, 437]


@needs_shared
def test_chinese_rounds_by_two_models(tmp_path: Path) -> None:
    folder = SHARED / "data/inventory/china_forestat"
    keys = (
        f'rounds = {{ 2010 = "{folder}/plot_2.csv", 2015 = "{folder}/plot_3.csv" }}\n'
        'format = "china_cfi"\nplot_area = 0.06\n'
        'models = ["continuous_bcef_zhejiang2016", "ipcc_bcef_temperate"]'
    )
    table, problems = inventory_of(rounds_of(tmp_path, keys, areas="tree_forest = 100000"))
    codes = [problem.code for problem in problems]
    assert "plots.tenths_cfi" in codes
    assert "plots.not_estimable" in codes
    rows = table[(table["domain"] == "tree_forest") & (table["attribute"] == "carbon_agb")]
    assert set(rows["evaluation"]) == {"continuous_bcef_zhejiang2016", "ipcc_bcef_temperate"}
    per_hectare = rows[(rows["per"] == "ha") & (rows["year"] == 2015)]["value"].tolist()
    assert per_hectare[1] > 1.2 * per_hectare[0]  # the choice of the model alone
    shown = text_table(table, "zh")
    assert "地上碳较上期的变化" in shown


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ("", "study.missing_key"), ('path = "no.csv"', "table.unreadable"),
        ('path = "p.csv"\nmodel = "x"', "study.unknown_key"),
    ],
)  # fmt: skip
def test_a_file_that_names_plots_is_checked(tmp_path: Path, keys: str, code: str) -> None:
    (tmp_path / "p.csv").write_text("plot_id,volume_m3_ha\n1,5\n", encoding="utf-8")
    with pytest.raises(InputProblems) as refused:
        inventory_of(rounds_of(tmp_path, keys))
    assert code in [problem.code for problem in refused.value.problems]
