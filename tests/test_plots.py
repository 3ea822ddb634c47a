"""Sheets of plots: every format reads alike, and everything wrong is listed at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import box

from sinks.biomass.plotcells import Notes, date, number
from sinks.biomass.plotchecks import per_mu, tenths
from sinks.biomass.plotplaces import place_plots
from sinks.biomass.plots import Plots, load_plots
from sinks.biomass.readers.sheets import Sheet
from sinks.checks import Problems, Severity
from sinks.limits import Limits
from sinks.sections import PlotsConfig
from tests.conftest import SHARED, needs_shared

CHINA = SHARED / "data/inventory/china_forestat"
HEAD = "plot_id,x,y,date,species,age,stratum,volume_m3_ha"
ROWS = [
    "1,114.1,30.1,2015-07-01,杉木,21,conifer,80.5", "2,114.2,30.2,2015-07-02,马尾松,33,conifer,61",
    "3,114.3,30.3,2015-07-03,栎类,40,broadleaf,95", "4,114.4,30.4,2015-07-04,杉木,8,conifer,0",
]  # fmt: skip


def written(folder: Path, *rows: str, head: str = HEAD, name: str = "plots.csv") -> Path:
    path = folder / name
    path.write_text("\n".join([head, *(rows or ROWS)]) + "\n", encoding="utf-8")
    return path


def loaded(path: Path, **config: Any) -> tuple[Plots | None, Problems]:
    problems = Problems("en")
    sheet = Sheet(path, path.name)
    plots = load_plots([sheet], PlotsConfig(**config), problems=problems)
    return (None if problems.of(Severity.ERROR) else plots), problems


def codes(problems: Problems, *severities: Severity) -> list[str]:
    return [problem.code for problem in problems.of(*(severities or tuple(Severity)))]


def said(problems: Problems, code: str) -> str:
    return next(problem.text() for problem in problems if problem.code == code)


def test_csv_excel_and_geopackage_read_alike(tmp_path: Path) -> None:
    path = written(tmp_path)
    frame = pd.read_csv(path)
    frame["date"] = pd.to_datetime(frame["date"])
    frame.to_excel(tmp_path / "plots.xlsx", index=False)
    points = gpd.points_from_xy(frame["x"], frame["y"])
    table = frame.drop(columns=["x", "y"]).assign(date=frame["date"].dt.strftime("%Y-%m-%d"))
    gpd.GeoDataFrame(table, geometry=points, crs="EPSG:4326").to_file(tmp_path / "plots.gpkg")
    found = []
    for name in ("plots.csv", "plots.xlsx", "plots.gpkg"):
        plots, problems = loaded(tmp_path / name)
        assert plots is not None, [problem.text() for problem in problems]
        assert not list(problems)
        found.append(plots.frame.drop(columns=["file", "line", "crs"]))
    for other in found[1:]:
        pd.testing.assert_frame_equal(found[0], other)
    assert found[0]["volume"].tolist() == [80.5, 61, 95, 0]
    assert found[0]["year"].tolist() == [2015] * 4
    assert found[0]["date"].iloc[0] == "2015-07-01"


def test_everything_wrong_is_listed_at_once_with_rows(tmp_path: Path) -> None:
    path = written(
        tmp_path, ROWS[0],
        "1,114.2,30.2,2015-07-02,马尾松,33,conifer,-61",
        "3,114.3,30.3,31/07/2015,栎类,forty,broadleaf,95",
        ",114.3,30.3,42186,栎类,40,broadleaf,99999",
        '5,114.3,30.3,2015年7月3日,栎类,40,broadleaf,"1,095.5"',
        "6,114.3,30.3,2015-07-03,栎类,40,broadleaf,",
    )  # fmt: skip
    plots, problems = loaded(path)
    assert plots is None
    assert set(codes(problems, Severity.ERROR)) == {
        "plots.duplicate_id", "plots.negative", "plots.date", "plots.not_a_number",
        "plots.no_id", "plots.range", "plots.no_amount",
    }  # fmt: skip
    assert codes(problems, Severity.REPAIR) == ["plots.thousands", "plots.excel_date"]
    assert "line 2: 1, line 3: 1" in said(problems, "plots.duplicate_id")
    assert "line 3: volume = -61" in said(problems, "plots.negative")
    assert "line 4: date = 31/07/2015" in said(problems, "plots.date")
    assert "42186 → 2015-07-01" in said(problems, "plots.excel_date")
    assert "line 6: volume_m3_ha = 1,095.5" in said(problems, "plots.thousands")


def test_chinese_titles_and_volumes_per_mu_by_title(tmp_path: Path) -> None:
    path = written(tmp_path, "A1,杉木,4", "A2,马尾松,5", head="样地号,优势树种,每亩蓄积")
    plots, problems = loaded(path)
    assert plots is not None
    assert not list(problems)
    assert plots.frame["volume"].tolist() == [60.0, 75.0]
    assert plots.frame["species"].tolist() == ["杉木", "马尾松"]


@pytest.mark.parametrize(("unit", "expected"), [("m3/mu", 75.0), ("m3/ha", 5.0)])
def test_volumes_that_look_like_per_mu_are_asked_about(
    tmp_path: Path, unit: str, expected: float
) -> None:
    rows = [f"{k},{3 + k / 5:.1f}" for k in range(20)]
    path = written(tmp_path, *rows, head="plot_id,volume_m3_ha")
    plots, problems = loaded(path)
    assert plots is None
    assert codes(problems) == ["plots.per_mu"]
    assert "20 plots" in said(problems, "plots.per_mu")
    plots, problems = loaded(path, volume_unit=unit)
    assert plots is not None
    assert plots.frame["volume"].iloc[10] == pytest.approx(expected)


def test_a_second_mode_at_a_fifteenth_is_found() -> None:
    generator = np.random.default_rng(7)
    right = generator.lognormal(np.log(75), 0.35, 60)
    mixed = right.copy()
    mixed[:15] /= 15
    assert per_mu(right).size == 0
    assert set(per_mu(mixed)) == set(range(15))


@given(st.lists(st.floats(20, 400), min_size=0, max_size=40))
def test_ordinary_forest_is_never_taken_for_per_mu(volumes: list[float]) -> None:
    spread = np.array(volumes)
    middling = spread[(spread > 40) & (spread < 200)]
    assert per_mu(middling).size == 0


def test_diameters_in_tenths() -> None:
    assert tenths(np.array([12.0, 15.0, 0.0, 22.5])).size == 0
    assert tenths(np.array([125.0, 159.0, 0.0, 97.0])).tolist() == [0, 1, 3]
    assert tenths(np.array([12.5, 159.0, 9.7])).tolist() == [1]
    some = np.concatenate([np.linspace(8, 20, 12), np.linspace(80, 200, 5)])
    assert tenths(some).tolist() == [12, 13, 14, 15, 16]  # a fifth of the rows, by another crew
    assert tenths(np.linspace(4, 58, 30)).size == 0


def test_diameters_are_asked_about_and_asserted(tmp_path: Path) -> None:
    rows = [f"{k},80,{100 + k}" for k in range(4)]
    path = written(tmp_path, *rows, head="plot_id,volume_m3_ha,mean_dbh_cm")
    assert codes(loaded(path)[1]) == ["plots.tenths"]
    plots, _ = loaded(path, dbh_unit="mm")
    assert plots is not None
    assert plots.frame["mean_dbh"].tolist() == [10.0, 10.1, 10.2, 10.3]


def test_volumes_per_plot_need_its_area(tmp_path: Path) -> None:
    path = written(tmp_path, "1,6", "2,3", head="plot_id,volume_m3_plot")
    assert codes(loaded(path)[1]) == ["plots.plot_area"]
    plots, _ = loaded(path, plot_area=0.06)
    assert plots is not None
    assert plots.frame["volume"].tolist() == pytest.approx([100, 50])


def test_missing_columns_are_named_with_the_nearest(tmp_path: Path) -> None:
    path = written(tmp_path, "1,6", head="plotid,volum")
    _, problems = loaded(path)
    assert codes(problems) == ["plots.columns"]
    assert "plot_id" in said(problems, "plots.columns")


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("plots.txt", b"a", "plots.format"), ("plots.xlsx", b"no zip", "table.unreadable"),
        ("plots.gpkg", b"no base", "regions.content"),
        ("plots.csv", b"\xff\xfe\x00", "table.encoding"),
    ],
)  # fmt: skip
def test_files_that_are_none_are_refused(
    tmp_path: Path, name: str, content: bytes, code: str
) -> None:
    (tmp_path / name).write_bytes(content)
    plots, problems = loaded(tmp_path / name)
    assert plots is None
    assert codes(problems) == [code]


def test_a_workbook_too_large_unfolded_is_refused(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for _ in range(2):
        sheet.append(["x" * 30_000] * 400)
    book.save(tmp_path / "plots.xlsx")
    problems = Problems("en")
    limits = Limits(table_mb=1, field_chars=10**6)
    sheets = [Sheet(tmp_path / "plots.xlsx", "plots.xlsx", limits=limits)]
    assert load_plots(sheets, PlotsConfig(), problems=problems) is None
    assert codes(problems) == ["table.too_large"]


@pytest.mark.parametrize(
    ("cell", "value"),
    [("1,234.5", 1234.5), ("12 345", 12345.0), ("-3e2", -300.0), ("7.", 7.0), ("1，234", 1234.0)],
)
def test_numbers(cell: str, value: float) -> None:
    assert number(cell, 2, title="v", notes=Notes("f", Problems("en"))) == value


@pytest.mark.parametrize("cell", ["1,23", "12,34,5", "0x10", "1_000", "nan", "inf", "五"])
def test_what_is_no_number(cell: str) -> None:
    notes = Notes("f", Problems("en"))
    assert np.isnan(number(cell, 2, title="v", notes=notes))
    assert list(notes.found) == ["plots.not_a_number"]


@given(st.dates(pd.Timestamp("1951-01-01").date(), pd.Timestamp("2099-01-01").date()))
def test_day_numbers_of_excel_come_back_as_dates(day: Any) -> None:
    serial = (day - pd.Timestamp("1899-12-30").date()).days
    notes = Notes("f", Problems("en"))
    assert date(str(serial), 2, title="d", notes=notes) == day.isoformat()
    assert date(f"{day.year}/{day.month}/{day.day}", 2, title="d", notes=notes) == day.isoformat()


@pytest.fixture(name="regions")
def _regions() -> gpd.GeoDataFrame:
    columns = {"region_code": ["01", "02"]}
    shapes = [box(114, 30, 114.25, 31), box(114.25, 30, 115, 31)]
    return gpd.GeoDataFrame(columns, geometry=shapes, crs="EPSG:4490")


def test_plots_are_put_into_their_regions(tmp_path: Path, regions: gpd.GeoDataFrame) -> None:
    plots, problems = loaded(written(tmp_path, *ROWS, "9,100,20,2015-07-01,杉木,2,conifer,4"))
    assert plots is not None
    placed = place_plots(plots, regions, crs=None, problems=problems)
    assert placed is not None
    assert placed.frame["region"].tolist() == ["01", "01", "02", "02"]
    assert codes(problems) == ["plots.crs_assumed", "plots.outside"]
    assert "6 (9)" in said(problems, "plots.outside")


def test_exchanged_coordinates_are_told(tmp_path: Path, regions: gpd.GeoDataFrame) -> None:
    plots, problems = loaded(written(tmp_path, *ROWS, head=HEAD.replace("x,y", "y,x")))
    assert plots is not None
    assert place_plots(plots, regions, crs="EPSG:4326", problems=problems) is None
    assert codes(problems) == ["plots.swapped"]
    assert "4 plots" in said(problems, "plots.swapped")


def test_places_and_species_are_told_beside_what_is_wrong_in_the_cells(
    tmp_path: Path, regions: gpd.GeoDataFrame
) -> None:
    """One look at a sheet names all of it: nobody mends volumes first to be told of places then."""
    path = written(
        tmp_path, *ROWS[:3], "4,30.4,114.4,2015-07-04,杉木,8,conifer,10",
        "5,100,20,2015-07-01,杉木,2,conifer,4", "6,114.1,30.1,2015-07-01,杉目,2,conifer,40",
        "7,114.1,30.1,2015-07-01,杉木,2,conifer,-40",
    )  # fmt: skip
    problems = Problems("en")
    plots = load_plots([Sheet(path, path.name)], PlotsConfig(crs="EPSG:4326"), problems=problems)
    assert plots is not None
    assert place_plots(plots, regions, crs="EPSG:4326", problems=problems) is None
    assert codes(problems) == [
        "plots.negative", "plots.unknown_species", "plots.swapped", "plots.outside",
    ]  # fmt: skip
    assert "line 7: 杉目 (杉树, 杉木" in said(problems, "plots.unknown_species")
    assert "1 plots that lie in the regions only with x and y exchanged: line 5 (4)" in said(
        problems, "plots.swapped"
    )
    assert "left out: line 6 (5)" in said(problems, "plots.outside")


def test_coordinates_need_a_crs_that_fits(tmp_path: Path, regions: gpd.GeoDataFrame) -> None:
    rows = ["1,500000,3330000,5", "2,510000,3340000,6"]
    plots, problems = loaded(written(tmp_path, *rows, head="plot_id,x,y,volume_m3_ha"))
    assert plots is not None
    assert place_plots(plots, regions, crs=None, problems=problems) is None
    assert place_plots(plots, regions, crs="EPSG:99999", problems=problems) is None
    assert place_plots(plots, regions, crs="EPSG:32650", problems=problems) is None
    assert codes(problems) == ["plots.no_crs", "plots.unknown_crs", "plots.all_outside"]
    placed = place_plots(plots, regions, crs="EPSG:32649", problems=Problems("en"))
    assert placed is None
    found = place_plots(plots, regions, crs="EPSG:4547", problems=Problems("en"))
    assert found is not None
    assert found.frame["region"].tolist() == ["01", "01"]


def test_plots_without_coordinates_stay(tmp_path: Path, regions: gpd.GeoDataFrame) -> None:
    plots, problems = loaded(written(tmp_path, "1,5", "2,6", head="plot_id,volume_m3_ha"))
    assert plots is not None
    placed = place_plots(plots, regions, crs=None, problems=problems)
    assert placed is not None
    assert placed.frame["region"].tolist() == ["", ""]
    assert not list(problems)


@needs_shared
def test_three_rounds_of_the_chinese_inventory() -> None:
    """Diameters are tenths of cm in two rounds and cm in the third: the plots say so themselves.

    Plot 700000005: 12.5, 15.9 and 14 cm; 4.816, 5.853 and 6.072 m³ on 0.06 ha.
    """
    problems = Problems("en")
    sheets = [Sheet(CHINA / f"plot_{k}.csv", f"plot_{k}.csv", 2000 + 5 * k) for k in (1, 2, 3)]
    plots = load_plots(sheets, PlotsConfig(format="china_cfi", plot_area=0.06), problems=problems)
    assert plots is not None
    assert codes(problems) == ["plots.tenths_cfi"] * 2
    own = plots.frame[plots.frame["plot_id"] == "700000005"]
    assert own["year"].tolist() == [2005, 2010, 2015]
    assert own["mean_dbh"].tolist() == pytest.approx([12.5, 15.9, 14])
    assert own["mean_height"].tolist() == pytest.approx([11.6, 13.1, 13])
    assert own["volume"].tolist() == pytest.approx([4.816 / 0.06, 5.853 / 0.06, 6.072 / 0.06])
    assert own["land_type"].tolist() == ["tree_forest"] * 3
    assert own["age_group"].tolist() == ["middle_aged", "near_mature", "near_mature"]
    assert own["origin"].tolist() == ["natural"] * 3
    assert own["species"].tolist() == ["620", "421", "421"]
    forest = plots.frame[plots.frame["land_type"] == "tree_forest"]
    assert forest.groupby("year").size().tolist() == [42, 73, 76]
    assert forest.groupby("year")["mean_dbh"].median().between(5, 20).all()


@needs_shared
def test_the_chinese_plots_per_hectare_are_ordinary_forest() -> None:
    path = CHINA / "forestData.csv"
    volumes = pd.read_csv(path)["V_ha"].to_numpy()
    assert per_mu(volumes).size == 0
    assert per_mu(volumes / 15).size == volumes.size
