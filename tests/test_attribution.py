"""Causes of change and ranks: sums that close, and a province worked by hand."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sinks.attribution import CAUSES, causes
from tests.tiny import cell, rows_of, run_tables, write_tiny

GROUPS = ["forest", "forest", "wetland", "wetland", "cropland"]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    return run_tables(write_tiny(tmp_path_factory.mktemp("causes")))


def test_every_transition_has_the_cause_that_its_name_says() -> None:
    table = causes(GROUPS)
    expected = {
        (0, 0): "forest_in_place", (0, 1): "forest_conversion", (0, 2): "forest_loss",
        (0, 4): "forest_loss", (2, 0): "new_forest", (4, 0): "new_forest",
        (2, 2): "wetland_in_place", (2, 3): "wetland_in_place", (2, 4): "wetland_loss",
        (4, 2): "new_wetland", (4, 4): "other",
    }  # fmt: skip
    assert {pair: CAUSES[table[pair]] for pair in expected} == expected
    assert all(0 <= table[pair] < len(CAUSES) for pair in itertools.product(range(5), repeat=2))


def test_the_tiny_province_by_hand(tables: dict[str, pd.DataFrame]) -> None:
    """甲县: 4 ha of crop (85 t/ha) became forest (144), 8 ha of forest grew by 4 t/ha each."""
    table, place = tables["attribution"], {"region_code": "0101"}
    new = rows_of(table, cause="new_forest", **place)
    assert new["change_t_c"].iloc[0] == pytest.approx(4 * (144 - 85))
    assert new["area_ha"].iloc[0] == pytest.approx(4)
    assert cell(table, "change_t_c", cause="forest_in_place", **place) == pytest.approx(8 * 4)
    assert cell(table, "area_ha", cause="forest_loss", **place) == 0
    # 丙县: 1 ha of town (51 t/ha) became lake (120).
    town = cell(table, "change_t_c", cause="new_wetland", region_code="0203")
    assert town == pytest.approx(120 - 51)


def test_causes_sum_to_the_change(tables: dict[str, pd.DataFrame]) -> None:
    keys = ["region_code", "level", "start", "end"]
    parts = tables["attribution"].groupby(keys)["change_t_c"].sum()
    whole = tables["change"].set_index(keys)["change_t_c"]
    np.testing.assert_allclose(parts.reindex(whole.index), whole, atol=1e-9)


def test_new_forest_is_as_doubtful_as_its_two_densities(tables: dict[str, pd.DataFrame]) -> None:
    """4 ha × (forest 2015 − crop): errors 4, 10 (forest), 1, 8 (crop) t/ha, all independent."""
    se = cell(tables["attribution"], "se_t_c", cause="new_forest", region_code="0101")
    assert se == pytest.approx(4 * np.sqrt(4**2 + 10**2 + 1**2 + 8**2), rel=0.05)


def test_ranks_of_the_tiny_province(tables: dict[str, pd.DataFrame]) -> None:
    table = tables["ranking"]
    stock = rows_of(table, quantity="stock").set_index("region_code")
    regions = rows_of(tables["regions"], level="region", year=2015)
    order = regions.sort_values("stock_t_c", ascending=False)["region_code"].tolist()
    assert stock["rank"].sort_values().index.tolist() == order
    assert (stock["of"] == 3).all()
    assert (stock["probability_top"] == 1).all()
    assert ((table["rank_low"] <= table["rank"]) & (table["rank"] <= table["rank_high"])).all()


def test_ranks_are_sure_where_a_change_is_certain(tables: dict[str, pd.DataFrame]) -> None:
    """乙县 did not change at all; 甲县 gained 268 t and 丙县 69 t, each with its doubt."""
    change = rows_of(tables["ranking"], quantity="change").set_index("region_code")
    assert change.loc["0101", "rank"] == 1
    assert change.loc["0101", "rank_high"] <= 2


def test_one_draw_has_ranks_without_intervals(tmp_path: Path) -> None:
    table = run_tables(write_tiny(tmp_path, uncertainty="draws = 1"))["ranking"]
    assert table["rank"].notna().all()
    assert table[["rank_low", "rank_high", "probability_top"]].isna().all(axis=None)
