"""Seasonal water makes no carbon: by the reach of the water, and by its returns."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.landcover.seasonal import held_between, held_within
from sinks.report.page import limits
from sinks.report.wetlands import wetlands
from sinks.run import Options, check_study, run_study
from sinks.summary import words_of
from tests.test_overlays import cells
from tests.test_split import MARSH, add, polygons
from tests.tiny import DENSITY, cell, cover, rows_of, run_tables, write_raster, write_tiny

FOREST, CROP, LAKE, TOWN = 1, 2, 3, 4
#: Cells (row, column, code) that differ from the map of 2010. In 乙县, column 4 is cropland and
#: column 6 lake: (0, 4) is flooded once, (1, 6) falls dry once, (2, 4) becomes a lake for good.
YEARS = {
    2010: [],
    2012: [(0, 4, LAKE), (1, 6, CROP), (2, 4, LAKE)],
    2015: [(2, 4, LAKE)],
}
RETURNS = '[wetland]\nseasonal = ["lake"]\n'
#: t C/ha of cropland and of lake, all pools.
D_CROP, D_LAKE = 85, 120


def province(folder: Path, years: Mapping[int, list[tuple[int, int, int]]] = YEARS) -> Path:
    """Write the tiny province with the cover of 2010 in every year, but for some cells."""
    study = write_tiny(folder)
    steady = "\n".join(line for line in DENSITY.splitlines() if ",2015," not in line)
    (folder / "density.csv").write_text(steady.replace(",2010,", ",,") + "\n", encoding="utf-8")
    for year, changes in years.items():
        codes = cover(2010)
        for row, col, code in changes:
            codes[row, col] = code
        write_raster(folder / f"lc{year}.tif", codes)
    text = study.read_text("utf-8")
    before, after = text.split("rasters = ")
    named = ", ".join(f'{year} = "lc{year}.tif"' for year in years)
    text = f"{before}rasters = {{ {named} }}\n" + after.split("\n", 1)[1]
    study.write_text(text, encoding="utf-8")
    return study


@pytest.fixture(scope="module")
def as_mapped(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    return run_tables(province(tmp_path_factory.mktemp("mapped")))


@pytest.fixture(scope="module")
def returns(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    return run_tables(add(province(tmp_path_factory.mktemp("returns")), RETURNS))


def change(tables: dict[str, pd.DataFrame], start: int, end: int, code: str = "0102") -> float:
    return float(cell(tables["change"], "change_t_c", region_code=code, start=start, end=end))


def test_the_maps_alone_make_carbon_of_it(as_mapped: dict[str, pd.DataFrame]) -> None:
    """Two hectares drown and one falls dry, then one each comes back."""
    assert change(as_mapped, 2010, 2012) == pytest.approx(D_LAKE - D_CROP)
    assert change(as_mapped, 2012, 2015) == pytest.approx(0)
    gained = cell(as_mapped["change"], "gain_t_c", region_code="0102", start=2010, end=2012)
    assert gained == pytest.approx(2 * (D_LAKE - D_CROP))
    assert "wetland_seasonal" not in as_mapped
    assert "seasonal_water" not in set(as_mapped["attribution"]["cause"])


def test_what_returns_makes_none(returns: dict[str, pd.DataFrame]) -> None:
    """Only the hectare that stays a lake has changed."""
    row = rows_of(returns["change"], region_code="0102", start=2010, end=2012).iloc[0]
    assert row["gain_t_c"] == pytest.approx(D_LAKE - D_CROP)
    assert row["loss_t_c"] == 0
    assert change(returns, 2012, 2015) == pytest.approx(0)
    assert change(returns, 2010, 2015) == pytest.approx(D_LAKE - D_CROP)


def test_stock_is_still_area_times_density(returns: dict[str, pd.DataFrame]) -> None:
    rows = rows_of(returns["stock"], region_code="0102", year=2012, pool="soil")
    areas = dict(zip(rows["stratum"], rows["area_ha"], strict=True))
    assert areas["crop"] == pytest.approx(7)
    assert areas["lake"] == pytest.approx(9)
    assert rows_of(rows, stratum="lake")["stock_t_c"].item() == pytest.approx(9 * 120)


def test_the_table_says_what_was_left_out(returns: dict[str, pd.DataFrame]) -> None:
    rows = rows_of(returns["wetland_seasonal"], region_code="0102", start=2010, end=2012)
    steps = {
        (row["mapped_from"], row["mapped_to"]): (
            row["area_ha"], row["mapped_change_t_c"], row["counted_change_t_c"],
        )
        for _, row in rows.iterrows()
    }  # fmt: skip
    assert steps == {
        ("crop", "lake"): (pytest.approx(1), pytest.approx(D_LAKE - D_CROP), 0),
        ("lake", "crop"): (pytest.approx(1), pytest.approx(D_CROP - D_LAKE), 0),
    }
    whole = rows_of(returns["wetland_seasonal"], region_code="ALL", start=2012, end=2015)
    assert whole["area_ha"].sum() == pytest.approx(2)
    # From the first year to the last the maps agree: nothing was taken out.
    assert rows_of(returns["wetland_seasonal"], start=2010, end=2015).empty


def test_attribution_tells_the_season_apart(
    returns: dict[str, pd.DataFrame], as_mapped: dict[str, pd.DataFrame]
) -> None:
    table = rows_of(returns["attribution"], region_code="0102", start=2010, end=2012)
    season = rows_of(table, cause="seasonal_water").iloc[0]
    assert season["area_ha"] == pytest.approx(2)
    assert season["change_t_c"] == pytest.approx(0)
    new = rows_of(table, cause="new_wetland").iloc[0]
    assert (new["area_ha"], new["change_t_c"]) == (
        pytest.approx(1), pytest.approx(D_LAKE - D_CROP)
    )  # fmt: skip
    both = [
        rows_of(item["attribution"], region_code="0102", start=2010, end=2012)["area_ha"].sum()
        for item in (returns, as_mapped)
    ]
    assert both[0] == pytest.approx(both[1])
    assert table["change_t_c"].sum() == pytest.approx(change(returns, 2010, 2012))


def test_a_return_that_took_too_long_is_a_change(
    tmp_path: Path, as_mapped: dict[str, pd.DataFrame]
) -> None:
    done = run_tables(add(province(tmp_path), RETURNS + "seasonal_years = 4\n"))
    pd.testing.assert_frame_equal(done["change"], as_mapped["change"])
    assert "wetland_seasonal" not in done


REACH = '[[overlays]]\nname = "reach"\npath = "reach.gpkg"\nreplaces = ["lake"]\nseasonal = true'


def reached(folder: Path, *entries: str, col1: float = 7) -> Path:
    """Two years only: the reach of the water is known from elsewhere."""
    study = province(folder, {2010: [(3, 6, CROP)], 2015: [*YEARS[2012], (0, 5, TOWN)]})
    polygons(folder, "reach", [cells(4, 0, col1, 4)])
    return add(study, REACH, *entries)


def test_within_the_reach_of_the_water_two_years_are_enough(tmp_path: Path) -> None:
    """What was cropland in 2010 stays cropland and what was lake stays lake; a town is new."""
    done = run_tables(reached(tmp_path))
    row = rows_of(done["transitions"], region_code="0102")
    moved = row[row["from_stratum"] != row["to_stratum"]]
    assert [tuple(item) for item in moved[["from_stratum", "to_stratum"]].values] == [
        ("crop", "town")
    ]
    assert change(done, 2010, 2015) == pytest.approx(51 - 85)
    table = rows_of(done["wetland_seasonal"], region_code="0102")
    assert table["area_ha"].sum() == pytest.approx(4)
    # Two cells drowned for ever or a while, one came up dry, one (3, 6) filled.
    assert table["mapped_change_t_c"].sum() == pytest.approx((2 + 1 - 1) * (D_LAKE - D_CROP))


def test_the_reach_cuts_cells(tmp_path: Path) -> None:
    """The polygon ends in the middle of column 4: the other half of the flooded cells counts."""
    done = run_tables(reached(tmp_path, col1=4.5))
    table = rows_of(done["wetland_seasonal"], region_code="0102")
    assert table["area_ha"].sum() == pytest.approx(1.0)
    gone = cell(done["transitions"], "area_ha", region_code="0102", from_stratum="crop",
                to_stratum="lake")  # fmt: skip
    assert gone == pytest.approx(1.0 + 1.0)  # half of (0, 4) and (2, 4); all of (3, 6)


def test_polygons_may_name_the_water_too(tmp_path: Path) -> None:
    study = reached(tmp_path, 'stratum = "marsh"')
    with (tmp_path / "density.csv").open("a", encoding="utf-8") as file:
        file.write(MARSH)
    done = run_tables(study)
    stock = rows_of(done["stock"], region_code="0102", pool="soil")
    areas = {key: part["area_ha"].item() for key, part in stock.groupby(["stratum", "year"])}
    # Column 6 was lake in rows 0 to 2, and is a marsh; (3, 6) was cropland and stays so.
    assert (areas["marsh", 2010], areas["marsh", 2015]) == (pytest.approx(3), pytest.approx(3))
    assert areas["lake", 2010] == pytest.approx(4)
    assert areas["crop", 2010] == pytest.approx(9)


def test_a_whole_run_closes_and_says_where_it_is_not_shown(tmp_path: Path) -> None:
    done = run_study(reached(tmp_path), tmp_path / "out", options=Options())
    codes = {item["code"] for item in done.meta["problems"]}
    assert "wetland.seasonal_not_in_rasters" in codes
    assert set(done.tables["qc"]["passed"]) <= {"true", "not_applicable"}


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ('[wetland]\nseasonal = ["lakes"]', "wetland.no_such_stratum"),
        ('[wetland]\nseasonal = ["lake"]', "wetland.seasonal_two_years"),
        (REACH.replace('replaces = ["lake"]\n', ""), "study.missing_key"),
        (f'{REACH}\noutside = "river"', "study.missing_key"),
    ],
)
def test_what_cannot_be_is_told(tmp_path: Path, entry: str, code: str) -> None:
    study = add(write_tiny(tmp_path), entry)
    polygons(tmp_path, "reach", [cells(4, 0, 7, 4)])
    assert code in {problem.code for problem in check_study(study)}


def test_water_without_soil_is_among_the_limits(tmp_path: Path) -> None:
    study = write_tiny(tmp_path / "a")
    plain = run_study(study, tmp_path / "a" / "out", options=Options(parts=()))
    bare = DENSITY.replace("lake,soil,,120,12", "lake,soil,,0,")
    (tmp_path / "a" / "density.csv").write_text(bare, encoding="utf-8")
    done = run_study(study, tmp_path / "a" / "out2", options=Options(parts=()))
    told = [[line for line in limits(item, words_of(item)) if "left out, not absent" in line]
            for item in (plain, done)]  # fmt: skip
    assert told[0] == []
    assert "Lake" in told[1][0]


PATHS = st.lists(st.lists(st.integers(-1, 3), min_size=5, max_size=5), min_size=1, max_size=20)
WET, LAND = np.array([True, False, False, False]), np.array([False, True, True, False])


@given(PATHS)
def test_no_flip_is_left_within_the_reach(paths: list[list[int]]) -> None:
    stratum = np.array(paths, np.int64)
    seen = np.take_along_axis(stratum, held_within(stratum, WET, land=LAND), axis=1)
    for before, after in zip(seen[:, :-1].T, seen[:, 1:].T, strict=True):
        flips = np.isin(before, [0]) & np.isin(after, [1, 2])
        assert not (flips | (np.isin(before, [1, 2]) & np.isin(after, [0]))).any()
    assert ((seen == 3) == (stratum == 3)).all(), "what is neither is left alone"
    assert ((seen == -1) == (stratum == -1)).all()


@given(PATHS)
def test_returns_keep_both_ends(paths: list[list[int]]) -> None:
    stratum = np.array(paths, np.int64)
    years = [2000, 2002, 2004, 2006, 2008]
    held = held_between(stratum, WET, land=LAND, years=years, within=8)
    seen = np.take_along_axis(stratum, held, axis=1)
    assert (seen[:, [0, -1]] == stratum[:, [0, -1]]).all()
    assert (held_between(seen, WET, land=LAND, years=years, within=8) == np.arange(5)).all()
    never = held_between(stratum, WET, land=LAND, years=years, within=1)
    assert (never == np.arange(5)).all()


def test_the_report_says_what_the_season_would_have_made(tmp_path: Path) -> None:
    done = run_study(reached(tmp_path), tmp_path / "out", options=Options(parts=("report",)))
    told = wetlands(done, words_of(done))["seasonal"]
    assert told.startswith("4.00 ha")
    assert "+70.0 t C" in told  # two more hectares of lake for cropland, 35 t C each
