"""Why this number: the chain closes, regions are found, and a terminal cannot be played with."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from sinks.chain import links, members
from sinks.errors import InputProblems
from sinks.explain import explain, find_region, plain
from sinks.results import Results
from tests.tiny_results import CHANGE, FORMULA, MARKUP, write_tiny


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return write_tiny(tmp_path_factory.mktemp("run") / "out")


def lines(text: str, *words: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines() if all(w in line for w in words)]


def test_chain_of_a_county(results: Results) -> None:
    text = explain(results, "420101", language="en")
    assert text.startswith("青山县 (420101)")
    # 120 ha × 42 t C/ha, and the sources' numbers
    assert lines(text, "Forest", "biomass") == [
        "Forest 120.0000 above-ground biomass 42 2.1 5,040 5,040 [1]"
    ]
    assert "[2] @SUM(1+1)*cmd (▲ unverified)" in text
    assert lines(text, "Cropland", "Forest") == ["Cropland Forest 20.0000 +1,600 +80.00"]
    assert lines(text, "Total") == ["Total 23,230", "Total 210.0000 +1,800"]
    assert text.count("closes") == 4
    assert "DOES NOT CLOSE" not in text


def test_region_is_found_by_name_code_or_level(results: Results) -> None:
    assert find_region(results, "青山县", language="zh").code == "420101"
    assert find_region(results, FORMULA, language="zh").code == "420201"
    assert find_region(results, "甲市", language="zh").members == ["420101", "420102"]
    assert find_region(results, "all", language="zh").level == "study"


def test_parent_adds_up_its_counties(results: Results) -> None:
    text = explain(results, "甲市")
    assert f"+{CHANGE['420101'] + CHANGE['420102']:.3f}" in text
    assert text.count("闭合") == 5  # four checks and their heading


def test_whole_is_explained_too(results: Results) -> None:
    assert lines(explain(results, "ALL"), "合计")[0] == "合计 43,731"
    assert members(results, "ALL", level="study") == sorted(CHANGE)


def test_unknown_region_names_the_nearest(results: Results) -> None:
    with pytest.raises(InputProblems) as caught:
        explain(results, "青山")
    assert caught.value.exit_code == 2
    assert "青山县" in str(caught.value)
    assert "explain.unknown_region" in str(caught.value)


def test_name_of_two_regions_asks_for_the_code(results: Results) -> None:
    regions = results.tables["regions"]
    twice = regions.assign(region_name=regions["region_name"].replace(MARKUP, "青山县"))
    tables = {**results.tables, "regions": twice}
    double = Results(results.root, results.meta, tables, results.regions)
    with pytest.raises(InputProblems, match="420101, 420102"):
        explain(double, "青山县", language="en")
    assert explain(double, "420102")


def test_terminal_is_not_obeyed() -> None:
    assert plain("甲\x1b[2Jb\n") == "甲\ufffd[2Jb\ufffd"


def test_causes_and_what_error_alone_could_make_of_them(results: Results) -> None:
    """青山县: 20 ha of new forest at 80 t C/ha, a fifth of it false; growth changes no class."""
    lines = explain(results, "420101", language="en").splitlines()
    new = next(line for line in lines if line.strip().startswith("New forest")).split()
    assert new[2:4] == ["20.0000", "+1,600"]
    assert {"4.0000", "+320.000"} <= set(new)
    assert "published accuracy" in " ".join(new)
    growth = next(line for line in lines if line.strip().startswith("Standing forest"))
    assert "no class changed" in growth
    assert "+200" in growth


def test_older_run_without_causes_is_explained_all_the_same(results: Results) -> None:
    tables = {name: table for name, table in results.tables.items() if name != "attribution"}
    text = explain(Results(results.root, results.meta, tables, results.regions), "420101")
    assert "成因" not in text


def test_gap_in_the_sum_is_shown(results: Results) -> None:
    stock = results.tables["stock"]
    tables = {**results.tables, "stock": stock.assign(stock_t_c=stock["stock_t_c"] + 1)}
    text = explain(Results(results.root, results.meta, tables, results.regions), "420101")
    assert "不闭合" in text


def test_run_without_intervals(tmp_path: Path) -> None:
    results = write_tiny(tmp_path / "out", language="en", certain=True)
    assert "not assessed" in explain(results, "420101")


def test_density_of_a_region_goes_before_the_common_one(results: Results) -> None:
    table = results.tables["parameters"]
    own = table.iloc[[1]].assign(name="density/forest/agb/2015/420101", value=50.0)
    tables = {**results.tables, "parameters": pd.concat([table, own])}
    local = Results(results.root, results.meta, tables, results.regions)

    def found(codes: list[str]) -> float | None:
        link = next(item for item in links(local, codes, year=2015) if item.pool == "agb")
        return link.density.value if link.density else None

    assert found(["420101"]) == 50.0
    assert found(["420102"]) == 42.0
    # several regions with several values: no single density stands behind their sum
    assert found(["420101", "420102"]) is None


def test_density_in_another_unit_is_converted(results: Results) -> None:
    table = results.tables["parameters"]
    tables = {
        **results.tables,
        "parameters": table.assign(value=table["value"] * 44 / 12, unit="t CO2/ha"),
    }
    other = Results(results.root, results.meta, tables, results.regions)
    for link in links(other, ["420101"], year=2015):
        assert link.agrees
        assert link.product == pytest.approx(link.stock_t_c)
