"""Which pools make the doubt: the table's error by pool, and what was assumed for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sinks.report.errors import budget
from sinks.results import Results
from sinks.run import Options, run_study
from sinks.wording import Words
from tests.tiny import DENSITY, rows_of, run_tables, write_tiny

#: Hectares of the tiny province that every year knows, in 2010 and 2015.
AREAS = {"forest": (8, 12), "crop": (16, 12), "lake": (15, 16), "town": (8, 7)}
ERRORS = {
    "agb": {"forest": (4, 4), "crop": (1, 1), "lake": (0, 0), "town": (0.5, 0.5)},
    "soil": {"forest": (10, 10), "crop": (8, 8), "lake": (12, 12), "town": (5, 5)},
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    folder = tmp_path_factory.mktemp("pools")
    study = write_tiny(folder, uncertainty="draws = 4000")
    return run_study(study, folder / "out", options=Options(parts=(), workers=1))


def whole(results: Results, quantity: str) -> pd.DataFrame:
    return rows_of(results.tables["error_budget_pools"], region_code="ALL", quantity=quantity)


@pytest.mark.parametrize("quantity", ["stock", "change"])
def test_errors_by_pool_are_those_worked_by_hand(results: Results, quantity: str) -> None:
    """Strata are independent, counties and years share their densities."""
    rows = whole(results, quantity).set_index("pool")
    for pool, errors in ERRORS.items():
        parts = [
            last * after - (first * before if quantity == "change" else 0)
            for (first, last), (before, after) in (
                (AREAS[stratum], errors[stratum]) for stratum in AREAS
            )
        ]
        by_hand = float(np.sqrt(np.square(parts).sum()))
        assert rows.loc[pool, "se_t_c"] == pytest.approx(by_hand, rel=0.04), pool


@pytest.mark.parametrize("quantity", ["stock", "change"])
def test_pools_add_up_to_their_source_everywhere(results: Results, quantity: str) -> None:
    pools = rows_of(results.tables["error_budget_pools"], quantity=quantity)
    sums = pools.groupby(["region_code", "level", "source"])["share_of_variance"].sum(min_count=1)
    table = rows_of(results.tables["error_budget"], quantity=quantity, source="density_table")
    known = table.set_index(["region_code", "level", "source"])["share_of_variance"]
    pd.testing.assert_series_equal(sums.sort_index(), known.sort_index(), check_names=False)
    rest = pools[pools["pool"] == ""]["share_of_variance"]
    assert rest.abs().max() < 0.1
    assert pools[pools["pool"] == ""]["se_t_c"].isna().all()


def test_the_report_draws_the_pools(results: Results) -> None:
    found = budget(results, Words("en"))
    assert found is not None
    assert found["chart"] is not None
    assert "soil (densities of the table)" in str(found["chart"])


def test_a_single_pool_is_its_source(tmp_path: Path) -> None:
    study = write_tiny(tmp_path, density='table = "density.csv"\npools = ["agb"]')
    tables = run_tables(study)
    rows = rows_of(tables["error_budget_pools"], region_code="ALL")
    assert rows["pool"].tolist() == ["agb", "agb"]
    assert rows["share_of_variance"].tolist() == pytest.approx([1.0, 1.0])


def silent(folder: Path, density: str) -> dict[str, pd.DataFrame]:
    """Run the province with a forest soil that states no error, in dry matter above ground."""
    study = write_tiny(folder, density=density)
    content = DENSITY.replace("forest,soil,,100,10,", "forest,soil,,100,,")
    content = content.replace("crop,agb,,5,1,t C/ha", "crop,agb,,10,2,t d.m./ha")
    (folder / "density.csv").write_text(content, encoding="utf-8")
    return run_tables(study)


def test_assumed_spreads_and_fractions_stand_among_the_parameters(tmp_path: Path) -> None:
    rows = silent(tmp_path, 'table = "density.csv"')["parameters"].set_index("name")
    spread = rows.loc["spreads/soil"]
    assert spread["value"] == pytest.approx(0.7175)
    assert spread["unit"] == "1"
    assert "Dai et al. 2017" in spread["source"]
    assert rows.loc["density/forest/soil", "se"] == pytest.approx(71.75)
    fraction = rows.loc["carbon_fractions/agb"]
    assert fraction["value"] == pytest.approx(0.47)
    assert "IPCC 2006" in fraction["source"]
    assert not [name for name in rows.index if name.startswith("relative_se/")]


def test_an_asserted_spread_says_who_asserted_it(tmp_path: Path) -> None:
    rows = silent(tmp_path, 'table = "density.csv"\nrelative_se = 0.2')["parameters"]
    row = rows_of(rows, name="relative_se/soil").iloc[0]
    assert row["value"] == pytest.approx(0.2)
    assert "relative_se" in row["source"]
    assert rows_of(rows, name="spreads/soil").empty


def test_what_states_its_errors_assumes_nothing(results: Results) -> None:
    names = results.tables["parameters"]["name"]
    assert not [name for name in names if not name.startswith("density/")]
