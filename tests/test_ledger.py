"""The plan's ledger on the tiny province: every kind of target, its path, and who shares it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest

from sinks.consistency import implied_carbon
from sinks.results import Results
from sinks.run import Options, check_study, run_study
from sinks.summary import goal, target_lines
from sinks.wording import Words
from tests.test_overlays import cells
from tests.tiny import CRS, cell, rows_of, run_tables, target, write_tiny

#: Three reserves: two in 甲县, of which one reaches into 乙县, and one in 丙县.
RESERVES = {"甲": cells(0, 0, 2, 2), "乙": cells(3, 1, 8, 3), "丙": cells(8, 0, 10, 2)}
LAND: dict[str, Any] = {"quantity": "area", "kind": "level", "unit": "ha"}
TARGETS = [
    target(name="gain", pools=["agb"], value=416),
    target(name="cover", quantity="cover", kind="level", unit="%", value=25),
    target(name="forest", groups=["forest"], **LAND | {"value": 13}),
    {"name": "reserved", "quantity": "area", "kind": "share", "unit": "%", "value": 30,
     "overlay": "reserves", "end": 2015},
    {"name": "wet-reserved", **LAND, "groups": ["wetland"], "value": 5, "overlay": "reserves",
     "end": 2015},
    {"name": "reserves", "quantity": "count", "kind": "count", "unit": "count", "value": 3,
     "overlay": "reserves", "end": 2015},
    {"name": "too-many", "quantity": "count", "kind": "count", "unit": "count", "value": 4,
     "overlay": "reserves", "end": 2015},
    target(name="inside", pools=["agb"], value=1, overlay="reserves"),
    target(name="rate", quantity="area", kind="rate", unit="mu", value=20),
    # Forest and, by its name alone, cropland; the lake alone, inside the reserves.
    target(name="wooded", **LAND | {"value": 13}, strata=["crop"]),
    {"name": "lake", **LAND, "strata": ["lake"], "value": 5, "overlay": "reserves", "end": 2015},
    # Ends after the last map: its path is known up to there, and no more.
    {"name": "ahead", **LAND, "strata": ["lake"], "value": 13, "overlay": "reserves", "end": 2020},
]  # fmt: skip


def study_with(folder: Path, targets: list[dict[str, Any]], extra: str = "") -> Path:
    study = write_tiny(folder, targets=targets)
    frame = gpd.GeoDataFrame({"name": list(RESERVES)}, geometry=list(RESERVES.values()), crs=CRS)
    frame.to_file(folder / "reserves.gpkg")
    overlay = '[[overlays]]\nname = "reserves"\npath = "reserves.gpkg"\npart = "name"\n'
    study.write_text(study.read_text("utf-8") + extra + overlay, encoding="utf-8")
    return study


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Results:
    extra = (
        '[[targets]]\nname = "volume"\nquantity = "volume"\nkind = "level"\nunit = "m3"\n'
        'value = 2000\nend = 2015\nbaseline = 1500\nbaseline_volume = "growing_stock"\n'
        'reported = { value = 2100, se = 100, source = "bureau" }\n'
        '[[targets]]\nname = "planted"\nquantity = "area"\nkind = "rate"\nunit = "mu"\n'
        'groups = ["forest"]\nvalue = 10\nstart = 2010\nend = 2015\n'
        'reported = { value = 12, source = "bureau" }\n'
        '[[scenarios]]\nname = "as-it-is"\nuntil = 2020\n'
    )
    study = study_with(tmp_path_factory.mktemp("ledger"), TARGETS, extra)
    return run_study(study, study.parent / "out", options=Options(parts=(), workers=1))


@pytest.fixture(scope="module")
def tables(done: Results) -> dict[str, pd.DataFrame]:
    return dict(done.tables)


@pytest.mark.parametrize(
    ("name", "achieved", "verdict"),
    [
        ("gain", 208.0, "not_met"),
        ("forest", 12.0, "uncertain"),
        # 4 + 10 + 4 ha of 48 ha of land.
        ("reserved", 100 * 18 / 48, "uncertain"),
        # 乙 holds the lake of columns 6 and 7 in rows 1 and 2: 4 ha; 丙 columns 8 and 9: 4 ha.
        ("wet-reserved", 8.0, "uncertain"),
        ("reserves", 3.0, "met"),
        ("too-many", 3.0, "not_met"),
        # 甲's forest of rows 0 and 1 stays and grows: 4 ha × 4 t; 乙 gains 1 ha of 44 t.
        ("inside", 4 * 4 + 44.0, "met"),
        ("rate", 4 * 15 / 5, "uncertain"),
        ("wooded", 12.0 + 12.0, "uncertain"),
        ("lake", 8.0, "uncertain"),
        ("volume", 2100.0, "uncertain"),  # 84 %: one standard error above
        ("planted", 12.0, "uncertain"),  # no error reported: nothing is said of probability
    ],
)
def test_each_kind(
    tables: dict[str, pd.DataFrame], name: str, achieved: float, verdict: str
) -> None:
    row = rows_of(tables["targets"], target=name, region_code="ALL").iloc[0]
    assert row["achieved"] == pytest.approx(achieved)
    assert row["verdict"] == verdict
    assert row["basis"] == ("reported" if name in ("volume", "planted") else "measured")


def test_a_reported_figure_stands_for_the_whole_alone(tables: dict[str, pd.DataFrame]) -> None:
    rows = rows_of(tables["targets"], target="volume")
    assert rows["achieved"].notna().sum() == 1
    chance = cell(tables["targets"], "probability", target="volume", region_code="ALL")
    assert chance == pytest.approx(0.841, abs=0.005)


@pytest.mark.parametrize(("code", "count"), [("0101", 2), ("0102", 1), ("0203", 1), ("江北市", 2)])
def test_a_reserve_in_two_counties_counts_in_both(
    tables: dict[str, pd.DataFrame], code: str, count: int
) -> None:
    assert cell(tables["targets"], "achieved", target="reserves", region_code=code) == count


def test_the_path_is_a_straight_line(tables: dict[str, pd.DataFrame]) -> None:
    path = tables["target_path"]
    start = rows_of(path, target="gain", year=2010).iloc[0]
    assert (start["on_path"], start["achieved"]) == (0, 0)
    assert start["rate_needed"] == pytest.approx(416 / 5)
    end = rows_of(path, target="gain", year=2015).iloc[0]
    assert (end["on_path"], end["rate_planned"]) == (416, pytest.approx(416 / 5))
    assert end["rate_so_far"] == pytest.approx(208 / 5)
    assert pd.isna(end["rate_needed"])
    cover = rows_of(path, target="cover", year=2010).iloc[0]
    assert cover["baseline"] == cover["on_path"] == pytest.approx(100 * 8 / 47)
    assert cover["rate_needed"] == pytest.approx((25 - 100 * 8 / 47) / 5)
    volume = rows_of(path, target="volume").iloc[0]
    assert (volume["year"], volume["baseline"], volume["on_path"]) == (2015, 1500, 2000)


def test_halfway_to_a_target(tables: dict[str, pd.DataFrame]) -> None:
    """8 ha of lake in reserves in both years, 13 asked for by 2020: 5 ha in the 5 years left."""
    assert "ahead" not in set(tables["targets"]["target"])
    path = rows_of(tables["target_path"], target="ahead")
    assert path["year"].tolist() == [2010, 2015]
    now = path.iloc[-1]
    assert (now["baseline"], now["achieved"], now["on_path"]) == pytest.approx((8, 8, 10.5))
    rates = now[["rate_planned", "rate_so_far", "rate_needed"]]
    assert rates.tolist() == pytest.approx([0.5, 0, 1])


def test_what_volume_and_cover_imply(tables: dict[str, pd.DataFrame]) -> None:
    """500 m³ more, and 25 % of 48 ha less the 8 of 47 ha that were: the plan's own arithmetic."""
    row = tables["consistency"].iloc[0]
    area = (25 - 100 * 8 / 47) / 100 * 48
    assert row["implied_low"] == pytest.approx(0.5 * (0.5 * 500 + 5 * area))
    assert row["implied_high"] == pytest.approx(0.5 * (1.15 * 500 + 20 * area))
    assert (row["consistent"], row["consistent_other_unit"]) == ("false", "false")


def test_the_plan_of_hubei_implies_12_to_30_million_tonnes() -> None:
    """+43.5 M m³ and +2.74 points of 18.59 M ha, against the 60 Mt C of the carbon target."""
    low, high = implied_carbon(43.5e6, 0.0274 * 18.59e6)
    assert (round(low / 1e6), round(high / 1e6)) == (12, 30)
    assert low < 60e6 * 12 / 44 < high < 60e6


def shares_of(folder: Path, text: str) -> Path:
    spec = target(pools=["agb"], value=100, share_by="table", share_table="shares.csv")
    (folder / "shares.csv").write_text(text, encoding="utf-8")
    return study_with(folder, [spec])


def test_a_table_shares_a_target_out(tmp_path: Path) -> None:
    study = shares_of(tmp_path, "region_code,share\n0101,50\n0102,30\n0203,20\n")
    table = run_tables(study)["targets"].set_index("region_code")
    assert table.loc[["0101", "0102", "0203"], "required"].tolist() == [50, 30, 20]
    assert table.loc["江北市", "required"] == pytest.approx(80)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("region_code,share\n0101,50\n0102,30\n0203,10\n", "shares.sum"),
        ("region_code,share\n0101,50\n0102,50\n", "shares.missing"),
        ("region_code,share\n0101,50\n0102,30\n0203,20\n9,0\n", "shares.unknown"),
        ("region_code,share\n0101,50\n0102,30\n0203,x\n", "shares.not_share"),
        ("region_code,share\n0101,50\n0101,30\n0102,20\n0203,0\n", "shares.repeated"),
    ],
)
def test_a_wrong_table_of_shares_is_refused(tmp_path: Path, text: str, code: str) -> None:
    assert code in {problem.code for problem in check_study(shares_of(tmp_path, text))}


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ({"quantity": "volume", "kind": "level", "unit": "m3"}, "study.volume_unknown"),
        ({"quantity": "count", "kind": "count", "unit": "count"}, "study.nothing_to_count"),
        ({"overlay": "reserve"}, "study.no_such_overlay"),
        ({"strata": ["forrest"]}, "target.no_such_stratum"),
        ({"quantity": "volume", "kind": "level", "unit": "m3", "strata": ["crop"]},
         "study.volume_groups"),
        ({"kind": "share"}, "study.target_kind"),
        ({"quantity": "volume", "kind": "level", "unit": "m3", "baseline": 313246900,
          "baseline_volume": "standing_volume"}, "study.volume_baseline"),
    ],
)  # fmt: skip
def test_contradictions_are_refused(tmp_path: Path, keys: dict[str, Any], code: str) -> None:
    """Standing volume is another quantity than growing stock: never compared silently."""
    problems = check_study(study_with(tmp_path, [target(**keys)]))
    assert code in {problem.code for problem in problems}


def test_strata_are_called_by_their_names(done: Results) -> None:
    """Also one that no map shows."""
    lines = {line.name: line for line in target_lines(done)}
    assert "耕地" in goal(lines["wooded"], Words("zh"))
    assert "forest, Cropland" in goal(lines["wooded"], Words("en"))
