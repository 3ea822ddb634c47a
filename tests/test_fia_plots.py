"""FIA's tables as plots of a study: the same means as FIA's own, by the same public path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sinks.inventory import Question, inventory_of
from sinks.results import read_table
from tests.conftest import SHARED, needs_shared
from tests.test_cli import program
from tests.test_plot_density import cell, rows_of, write_study
from tests.tiny import run_tables

RHODE_ISLAND = SHARED / "data/inventory/fia_rhode_island"
ROUNDS = ("441401", "441801")
pytestmark = needs_shared


def plots(*evaluations: str) -> pd.DataFrame:
    return inventory_of(RHODE_ISLAND, Question(evaluations, by="plot"))[0]


def ratio(sheet: pd.DataFrame, title: str) -> tuple[float, float]:
    """Return ``Σ share y / Σ share`` and its standard error over plots, worked out here."""
    y = (sheet[title] * sheet["share"]).groupby(sheet["cluster"]).sum()
    x = sheet["share"].groupby(sheet["cluster"]).sum()
    mean, n = y.sum() / x.sum(), len(x)
    return float(mean), float(np.sqrt(n / (n - 1) * ((y - mean * x) ** 2).sum()) / x.sum())


@pytest.mark.parametrize("evaluation", ROUNDS)
def test_means_are_those_of_the_post_stratified_estimate(evaluation: str) -> None:
    """Without post-strata the mean moves, but by less than half of its standard error."""
    sheet = plots(evaluation)
    whole, _ = inventory_of(RHODE_ISLAND, Question((evaluation,)))
    for attribute, title in (("carbon_agb", "agb_t_c_ha"), ("volume", "volume_m3_ha")):
        own = whole[(whole["attribute"] == attribute) & (whole["per"] == "forest_area")].iloc[0]
        mean, se = ratio(sheet, title)
        assert abs(mean - own["value"]) < 0.5 * own["se"]
        assert own["se"] <= se < 1.2 * own["se"]  # what the post-strata explain is not taken off


def test_one_row_a_condition_and_one_name_a_place() -> None:
    both = plots(*ROUNDS)
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
    names = ", ".join(f'"{code}" = "forest"' for code in sorted(sheet["stratum"].unique()))
    keys = f'path = "plots.csv"\nestimator = "clusters"\nstrata = {{ {names} }}'
    study = write_study(tmp_path, keys)
    pools = 'table = "density.csv"\npools = ["agb", "bgb", "soil"]'  # the table has no litter
    text = study.read_text(encoding="utf-8").replace('table = "density.csv"', pools)
    study.write_text(text, encoding="utf-8")
    tables: dict[str, Any] = run_tables(study)
    for year in (2010, 2015):
        mean, se = ratio(sheet[sheet["round"] == year], "agb_t_c_ha")
        row = rows_of(tables["parameters"], name=f"density/forest/agb/{year}").iloc[0]
        assert float(row["value"]) == pytest.approx(mean, rel=1e-9)
        # that of a thousand draws
        assert float(row["se"]) == pytest.approx(se, rel=0.01)
        stock = cell(
            tables["stock"], "stock_t_c", region_code="0101", year=year, stratum="forest",
            pool="agb",
        )  # fmt: skip
        hectares = cell(
            tables["stock"], "area_ha", region_code="0101", year=year, stratum="forest", pool="agb"
        )
        assert stock == pytest.approx(hectares * mean, rel=1e-9)
    volume = read_table(tmp_path / "out/tables/volume.csv")
    own = rows_of(volume, region_code="0101", year=2015, stratum="forest").iloc[0]
    mean, _ = ratio(sheet[sheet["round"] == 2015], "volume_m3_ha")
    assert own["volume_m3"] == pytest.approx(own["area_ha"] * mean, rel=1e-9)


def test_tables_without_places_and_types_still_give_plots(tmp_path: Path) -> None:
    """FIESTA's names, no PLOT table: the control number is the plot, the forest type unknown."""
    for name in ("COND", "TREE", "POP_STRATUM", "POP_ESTN_UNIT", "POP_PLOT_STRATUM_ASSGN"):
        table = pd.read_csv(RHODE_ISLAND / f"{name}.csv", dtype=str)
        table.drop(columns=["FORTYPCD"], errors="ignore").to_csv(
            tmp_path / f"{name}.csv", index=False
        )
    bare = inventory_of(tmp_path, Question((ROUNDS[0],), by="plot"))[0]
    full = plots(ROUNDS[0])
    assert set(bare["stratum"]) == {""}
    assert "x" not in bare
    assert sorted(bare["agb_t_c_ha"]) == pytest.approx(sorted(full["agb_t_c_ha"]))
