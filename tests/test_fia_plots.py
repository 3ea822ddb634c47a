"""FIA's tables as plots of a study: the same means as FIA's own, by the same public path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sinks.checks import Severity
from sinks.errors import InputProblems
from sinks.inventory import Question, inventory_of
from sinks.results import read_table
from tests.conftest import SHARED, needs_shared
from tests.test_cli import program
from tests.test_plot_density import cell, rows_of, write_study
from tests.tiny import run_tables

RHODE_ISLAND = SHARED / "data/inventory/fia_rhode_island"
ROUNDS = ("441401", "441801")
POOLS = ("agb", "bgb", "dead_wood", "litter", "soil")
pytestmark = needs_shared


def plots(*evaluations: str) -> pd.DataFrame:
    return inventory_of(RHODE_ISLAND, Question(evaluations, by="plot"))[0]


def of_forest(table: pd.DataFrame, attribute: str) -> pd.Series:
    """Return FIA's own estimate per hectare of forest."""
    return table[(table["attribute"] == attribute) & (table["per"] == "forest_area")].iloc[0]


def write_inventory(folder: Path, sheet: pd.DataFrame, *, estimator: str) -> Path:
    sheet.to_csv(folder / "plots.csv", index=False)
    types = sorted(set(sheet["stratum"]) - {"other_land"})
    names = ", ".join(f'"{code}" = "forest"' for code in types)
    text = f'[plots]\npath = "plots.csv"\nestimator = "{estimator}"\nstrata = {{ {names} }}\n'
    (folder / "plots.toml").write_text(text, encoding="utf-8")
    return folder / "plots.toml"


@pytest.fixture(scope="module")
def both() -> pd.DataFrame:
    return plots(*ROUNDS)


def test_the_sheet_gives_fias_own_estimates(tmp_path: Path, both: pd.DataFrame) -> None:
    """Post-strata and the plots without forest come along: means and errors to the last digit."""
    path = write_inventory(tmp_path, both, estimator="post_stratified_ratio")
    found, problems = inventory_of(path)
    assert not problems.of(Severity.ERROR)
    found = found[found["domain"] == "forest"]
    whole, _ = inventory_of(RHODE_ISLAND, Question(ROUNDS))
    for evaluation, year in zip(ROUNDS, (2014, 2018), strict=True):
        theirs = whole[whole["evaluation"] == evaluation]
        for attribute in ("volume", *(f"carbon_{pool}" for pool in POOLS)):
            own = rows_of(found, year=year, attribute=attribute).iloc[0]
            expected = of_forest(theirs, attribute)
            assert own["value"] == pytest.approx(expected["value"], rel=1e-9)
            assert own["se"] == pytest.approx(expected["se"], rel=1e-9)
    change = rows_of(found, year=2018, attribute="carbon_agb_change").iloc[0]
    assert change["value"] == pytest.approx(2.6068, abs=1e-3)
    # 1.4588 by the covariances of the plots' residuals within every post-stratum, worked out apart
    assert change["se"] == pytest.approx(1.4588, rel=0.01)


def test_without_its_post_strata_a_mean_is_near(tmp_path: Path, both: pd.DataFrame) -> None:
    """Plots as clusters: less sure, by what the post-strata explain, and not far off."""
    found, _ = inventory_of(write_inventory(tmp_path, both, estimator="clusters"))
    own = rows_of(found, year=2014, attribute="carbon_agb", domain="forest").iloc[0]
    theirs = of_forest(inventory_of(RHODE_ISLAND, Question(ROUNDS[:1]))[0], "carbon_agb")
    assert abs(own["value"] - theirs["value"]) < 0.5 * theirs["se"]
    assert theirs["se"] < own["se"] < 1.2 * theirs["se"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"post_stratum_ha": np.nan}, ": 0 ha"), ({"post_stratum": ""}, "\u2205"),
        ({"post_stratum": "alone"}, "2/alone: 1"),
    ],
)  # fmt: skip
def test_post_strata_without_areas_or_plots_are_refused(
    tmp_path: Path, both: pd.DataFrame, change: dict[str, Any], said: str
) -> None:
    path = write_inventory(tmp_path, both, estimator="post_stratified_ratio")
    wrong = both.astype({"post_stratum": object})
    wrong.loc[0, list(change)] = list(change.values())
    wrong.to_csv(path.parent / "plots.csv", index=False)
    with pytest.raises(InputProblems) as refused:
        inventory_of(path)
    (told,) = (own for own in refused.value.problems if own.severity is Severity.ERROR)
    assert told.code == "plots.post_strata"
    assert said in told.text("en")


def test_one_row_a_condition_and_one_name_a_place(both: pd.DataFrame) -> None:
    assert not both.duplicated(["plot_id", "round"]).any()
    assert both["share"].between(0, 1).all()
    assert both.groupby(["cluster", "round"])["share"].sum().max() == pytest.approx(1.0)
    first, second = (set(both[both["round"] == year]["plot_id"]) for year in (2014, 2018))
    assert len(first & second) > 0.8 * len(first)  # visited again under another control number
    assert both["x"].between(-72, -71).all()
    assert both["y"].between(41, 42.1).all()
    assert set(both["crs"]) == {"EPSG:4269"}


def test_a_study_takes_fias_plots(tmp_path: Path) -> None:
    """The tiny province with the forests of Rhode Island, whose rounds stand for its years."""
    made = program(
        "inventory", str(RHODE_ISLAND), "--by", "plot", "--evaluation", ROUNDS[0], "--evaluation",
        ROUNDS[1], "--out", str(tmp_path / "fia.csv"), "--language", "en",
        folder=tmp_path,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    sheet = pd.read_csv(tmp_path / "fia.csv", dtype={"stratum": str})
    sheet["round"] = sheet["round"].map({2014: 2010, 2018: 2015})
    sheet.drop(columns=["x", "y", "crs"]).to_csv(tmp_path / "plots.csv", index=False)
    types = sorted(set(sheet["stratum"]) - {"other_land"})
    names = ", ".join(f'"{code}" = "forest"' for code in types)
    keys = f'path = "plots.csv"\nestimator = "post_stratified_ratio"\nstrata = {{ {names} }}'
    study = write_study(tmp_path, keys)
    pools = 'table = "density.csv"\npools = ["agb", "bgb", "soil"]'  # the table has no litter
    text = study.read_text(encoding="utf-8").replace('table = "density.csv"', pools)
    population = '\n[[reconcile]]\nname = "fia"\nplots = true\npopulation_ha = 1000\n'
    study.write_text(text + population, encoding="utf-8")
    tables: dict[str, Any] = run_tables(study)
    whole, _ = inventory_of(RHODE_ISLAND, Question(ROUNDS))
    for evaluation, year in zip(ROUNDS, (2010, 2015), strict=True):
        theirs = of_forest(whole[whole["evaluation"] == evaluation], "carbon_agb")
        row = rows_of(tables["parameters"], name=f"density/forest/agb/{year}").iloc[0]
        assert float(row["value"]) == pytest.approx(theirs["value"], rel=1e-9)
        # that of a thousand draws
        assert float(row["se"]) == pytest.approx(theirs["se"], rel=0.01)
        stock, hectares = (
            cell(
                tables["stock"], column, region_code="0101", year=year, stratum="forest", pool="agb"
            )
            for column in ("stock_t_c", "area_ha")
        )
        assert stock == pytest.approx(hectares * theirs["value"], rel=1e-9)
    volume = read_table(tmp_path / "out/tables/volume.csv")
    own = rows_of(volume, region_code="0101", year=2015, stratum="forest").iloc[0]
    mean = of_forest(whole[whole["evaluation"] == ROUNDS[1]], "volume")["value"]
    assert own["volume_m3"] == pytest.approx(own["area_ha"] * mean, rel=1e-9)
    # plots on all of the land give its forest area, too: the share of Rhode Island's
    compared = read_table(tmp_path / "out/tables/reconciliation.csv")
    area = rows_of(compared, year=2010, quantity="area").iloc[0]
    land = whole[(whole["attribute"] == "forest_area") & (whole["evaluation"] == ROUNDS[0])]
    units = pd.read_csv(RHODE_ISLAND / "POP_ESTN_UNIT.csv")
    acres = units[units["EVALID"] == int(ROUNDS[0])]["AREA_USED"].sum()
    share = land["value"].iloc[0] / (acres * 0.40468564224)
    assert area["other_value"] == pytest.approx(1000 * share, rel=1e-4)


def test_tables_without_places_and_types_still_give_plots(tmp_path: Path) -> None:
    """FIESTA's names, no PLOT table: the control number is the plot, the forest type unknown."""
    for name in ("COND", "TREE", "POP_STRATUM", "POP_ESTN_UNIT", "POP_PLOT_STRATUM_ASSGN"):
        table = pd.read_csv(RHODE_ISLAND / f"{name}.csv", dtype=str)
        table.drop(columns=["FORTYPCD"], errors="ignore").to_csv(
            tmp_path / f"{name}.csv", index=False
        )
    bare = inventory_of(tmp_path, Question((ROUNDS[0],), by="plot"))[0]
    full = plots(ROUNDS[0])
    assert set(bare["stratum"]) == {"", "other_land"}
    assert "x" not in bare
    assert sorted(bare["agb_t_c_ha"]) == pytest.approx(sorted(full["agb_t_c_ha"]))
