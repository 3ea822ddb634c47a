"""Map totals beside official ones on the tiny province, worked by hand; and real figures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinks.checks import Severity
from sinks.official import Figure
from sinks.reconcile import decompose
from sinks.run import Options, check_study, run_study
from tests.conftest import SHARED, needs_shared
from tests.test_adjusted import by_stratum, sampled
from tests.tiny import cell, rows_of, run_tables, write_tiny

COLUMNS = [
    "region_code", "level", "year", "quantity", "groups", "strata", "pools", "value", "se", "unit",
    "area_ha", "density_t_c_ha", "part", "remark", "source",
]  # fmt: skip
PARTS = ["area_part", "density_part", "definition_part", "rest"]
#: 12 ha of 44 t C/ha on the map; published: 10 ha of 50 t C/ha, of which 20 t beside roads.
OFFICIAL: list[dict[str, Any]] = [
    {"quantity": "area", "value": 150, "se": 7.5, "unit": "亩"},
    {"quantity": "carbon", "pools": "agb", "value": 500, "se": 20, "unit": "t C", "area_ha": 10},
    {"quantity": "carbon", "pools": "agb", "value": 20, "unit": "t C", "part": "definition",
     "remark": "trees beside roads", "source": "roads office"},
]  # fmt: skip


def write(folder: Path, rows: list[dict[str, Any]], *, keys: str = "", **study: Any) -> Path:
    """Write the tiny province with a table of official figures of its forest of 2015."""
    path = write_tiny(folder, **study)
    usual = {"region_code": "ALL", "year": 2015, "groups": "forest", "source": "bureau"}
    lines = [",".join(COLUMNS)]
    lines += [",".join(str((usual | row).get(name, "")) for name in COLUMNS) for row in rows]
    (folder / "official.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    more = f'[[reconcile]]\nname = "bureau"\ntable = "official.csv"\n{keys}\n'
    path.write_text(path.read_text("utf-8") + more, encoding="utf-8")
    return path


def codes(study: Path, *severities: Severity) -> set[str]:
    return {problem.code for problem in check_study(study).of(*severities)}


def test_parts_worked_by_hand(tmp_path: Path) -> None:
    """Comparable: 480 t on 10 ha, 48 t/ha: (12 − 10)(44 + 48)/2, (12 + 10)/2 (44 − 48)."""
    table = run_tables(write(tmp_path, OFFICIAL))["reconciliation"]
    row = rows_of(table, quantity="carbon").iloc[0]
    assert row[["map_value", "other_value", "difference"]].tolist() == [528, 500, 28]
    assert row[PARTS].tolist() == pytest.approx([92, -44, -20, 0])
    assert (row["map_area_ha"], row["other_area_ha"]) == (12, 10)
    assert (row["map_density_t_c_ha"], row["other_density_t_c_ha"]) == (44, 50)
    assert row["source"] == "bureau; roads office"
    assert row["remark"] == "trees beside roads"
    # v ± 4 and d' ± 2 (20 t on 10 ha) by the equations: (12 − 10)/2 and (12 + 10)/2 of both.
    assert row["area_part_se"] == pytest.approx(np.hypot(4, 2), rel=0.05)
    assert row["density_part_se"] == pytest.approx(11 * np.hypot(4, 2), rel=0.05)
    # 12 ha × 4 t/ha of the map and the bureau's 20 t, independent.
    assert row["se"] == pytest.approx(np.hypot(48, 20), rel=0.05)
    assert not row["detectable"]
    area = rows_of(table, quantity="area").iloc[0]
    assert (area["map_value"], area["other_value"], area["other_se"]) == (12, 10, 0.5)
    assert area[PARTS].tolist() == [2, 0, 0, 0]
    assert area["detectable"]
    assert area["se"] == pytest.approx(0.5, rel=0.01)


def test_pools_that_only_the_map_counts(tmp_path: Path) -> None:
    """The map's side counts soil, too: 1,200 t of the difference are definition."""
    study = write(tmp_path, OFFICIAL[1:], keys='pools = ["agb", "soil"]')
    row = run_tables(study)["reconciliation"].iloc[0]
    assert row["map_value"] == 528 + 1200
    assert row[PARTS].tolist() == pytest.approx([92, -44, 1200 - 20, 0])
    assert row["map_density_t_c_ha"] == 144


def test_carbon_without_its_land_is_not_split(tmp_path: Path) -> None:
    rows = [{"quantity": "carbon", "pools": "agb", "value": 500, "unit": "t C"}]
    row = run_tables(write(tmp_path, rows))["reconciliation"].iloc[0]
    assert row[["area_part", "density_part"]].isna().all()
    assert (row["definition_part"], row["rest"]) == (0, 28)


def test_levels_units_and_rounded_densities(tmp_path: Path) -> None:
    """甲县 alone has the forest; 44/12 t of CO2 are a t of carbon; 49.5 × 10 is not 500."""
    rows = [
        {"region_code": "0101", "quantity": "carbon", "pools": "agb", "unit": "t CO2",
         "value": 500 * 44 / 12, "area_ha": 10, "density_t_c_ha": 49.5},
        {"region_code": "江北市", "quantity": "area", "value": 0.12, "unit": "km2"},
        {"region_code": "江南市", "quantity": "area", "groups": "wetland", "value": 0.001,
         "unit": "1e4 ha", "year": 2010},
    ]  # fmt: skip
    table = run_tables(write(tmp_path, rows))["reconciliation"]
    county = rows_of(table, level="region").iloc[0]
    assert county["other_value"] == pytest.approx(500)
    assert county["rest"] == pytest.approx(-5)
    assert county[PARTS].sum() == pytest.approx(28)
    assert cell(table, "difference", region_code="江北市") == 0
    assert not cell(table, "detectable", region_code="江北市")
    lakes = rows_of(table, region_code="江南市").iloc[0]
    assert (lakes["map_value"], lakes["other_value"], lakes["strata"]) == (8, 10, "lake")


@settings(deadline=None)
@given(
    value=st.floats(0, 1e9), area=st.floats(1e-3, 1e7), other=st.floats(0, 1e9),
    land=st.floats(1e-3, 1e7), part=st.floats(0, 0.5), slip=st.floats(-0.05, 0.05),
)  # fmt: skip
def test_parts_add_up(
    value: float, area: float, other: float, land: float, part: float, slip: float
) -> None:
    figure = Figure(
        "a", "study", "ALL", 2015, "carbon", None, None, other, area=land,
        density=other / land * (1 + slip), definition=part * other, definition_area=part * land,
    )  # fmt: skip
    parts = decompose(value, area, figure=figure)
    total = float(np.nansum(list(parts.values())))
    largest = max(abs(one) for one in parts.values() if not np.isnan(one))
    assert total == pytest.approx(
        value - other, rel=1e-9, abs=1e-12 * max(largest, value, other, 1)
    )


def test_where_the_map_has_no_land_all_is_area() -> None:
    figure = Figure("a", "study", "ALL", 2015, "carbon", None, None, 500, area=10, density=50)
    assert decompose(0.0, 0.0, figure=figure)["area_part"] == -500


def test_one_total_is_shared_out_and_the_factor_shown(tmp_path: Path) -> None:
    tables = run_tables(write(tmp_path, OFFICIAL, keys="rake = true"))
    raked = rows_of(tables["raked"], quantity="carbon")
    county = rows_of(raked, region_code="0101").iloc[0]
    assert county["factor"] == pytest.approx(480 / 528)
    assert county["raked_value"] == pytest.approx(480)
    assert county["se"] == pytest.approx(20, rel=0.05)  # the map's own error cancels
    empty = rows_of(raked, region_code="0203").iloc[0]
    assert (empty["map_value"], empty["raked_value"]) == (0, 0)
    assert np.isnan(empty["factor"])


def test_raking_moves_no_other_table_and_repeats_itself(tmp_path: Path) -> None:
    study = write(tmp_path / "raked", OFFICIAL, keys="rake = true")
    plain = write_tiny(tmp_path / "plain")
    out = {}
    for name, path in (("raked", study), ("again", study), ("plain", plain)):
        folder = tmp_path / f"out-{name}"
        run_study(path, folder, options=Options(parts=(), workers=1))
        files = sorted((folder / "tables").glob("*.csv"))
        out[name] = {file.name: file.read_bytes() for file in files}
    assert out["raked"] == out["again"]
    own = {name for name in out["raked"] if name not in out["plain"]}
    assert own == {"reconciliation.csv", "raked.csv"}
    assert {name: out["raked"][name] for name in out["plain"]} == out["plain"]


#: Strata of both prefectures and both strata of the province, 2015: three classes and two levels.
TWO_WAYS: list[dict[str, Any]] = [
    {"region_code": code, "groups": "", "strata": "crop;lake", "quantity": "area", "unit": "ha",
     "value": value, "se": 1}
    for code, value in (("江北市", 20), ("江南市", 9))
] + [
    {"groups": "", "strata": stratum, "quantity": "area", "unit": "ha", "value": value, "se": 1}
    for stratum, value in (("crop", 11), ("lake", 18))
]  # fmt: skip


def test_two_margins(tmp_path: Path) -> None:
    """甲 4 crop; 乙 8 crop and 7 lake; 丙 9 lake: zeros stay, and both margins hold."""
    tables = run_tables(write(tmp_path, TWO_WAYS, keys="rake = true"))
    parts, whole = tables["raked_strata"], tables["raked"]
    for stratum, value in (("crop", 11), ("lake", 18)):
        own = rows_of(parts, strata=stratum)
        assert rows_of(own, level="region")["raked_value"].sum() == pytest.approx(value)
        assert cell(own, "raked_value", region_code="ALL") == pytest.approx(value)
    for code, value in (("江北市", 20), ("江南市", 9)):
        assert cell(whole, "raked_value", region_code=code) == pytest.approx(value)
    assert cell(parts, "raked_value", strata="crop", region_code="0203") == 0
    assert cell(parts, "raked_value", strata="lake", region_code="0203") == pytest.approx(9)
    # Crop is in 江北市 alone: 11 of its 20 ha, as 4 to 8; the other 9 are lake, all of 乙县.
    assert cell(parts, "raked_value", strata="crop", region_code="0101") == pytest.approx(11 / 3)
    assert cell(parts, "factor", strata="crop", region_code="0102") == pytest.approx(11 / 12)
    assert cell(parts, "factor", strata="lake", region_code="0102") == pytest.approx(9 / 7)
    assert cell(whole, "factor", region_code="0102") == pytest.approx((22 / 3 + 9) / 15)


def test_margins_of_the_map_itself_leave_factors_of_one(tmp_path: Path) -> None:
    same = [row | {"value": value} for row, value in zip(TWO_WAYS, (19, 9, 12, 16), strict=True)]
    tables = run_tables(write(tmp_path, same, keys="rake = true"))
    for name in ("raked", "raked_strata"):
        factors = tables[name]["factor"].dropna()
        assert factors.to_numpy() == pytest.approx(1)


def test_totals_that_differ_by_rounding_are_evened_out_and_told(tmp_path: Path) -> None:
    study = write(
        tmp_path, [row | {"se": "", "value": row["value"] + (0.02 if row.get("region_code") else 0)}
                   for row in TWO_WAYS], keys="rake = true",
    )  # fmt: skip
    assert "raking.adjusted" in codes(study, Severity.WARN)
    tables = run_tables(study)
    regions = rows_of(tables["raked"], level="region")["raked_value"].sum()
    assert 29 < regions < 29.04
    assert cell(tables["raked"], "raked_value", region_code="ALL") == pytest.approx(regions)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"value": 30, "se": ""}, "raking.inconsistent"),
        ({"groups": "forest", "strata": "", "region_code": "江南市"}, "raking.empty"),
    ],
)
def test_totals_that_no_raking_can_meet(tmp_path: Path, change: dict[str, Any], code: str) -> None:
    rows = [row | {"se": ""} for row in TWO_WAYS]
    study = write(tmp_path, [*rows[:-1], rows[-1] | change], keys="rake = true")
    assert codes(study, Severity.ERROR) == {code}


def test_totals_that_leave_no_room_are_refused(tmp_path: Path) -> None:
    """丙县 has lake alone: 9 of 5 ha of lake cannot be there, though all sums agree."""
    rows = [row | {"value": value, "se": ""} for row, value in
            zip(TWO_WAYS, (20, 9, 24, 5), strict=True)]  # fmt: skip
    assert codes(write(tmp_path, rows, keys="rake = true"), Severity.ERROR) == {
        "raking.no_convergence"
    }


BAD: list[tuple[dict[str, Any], str]] = [
    ({"region_code": "0104"}, "official.region"),
    ({"level": "county"}, "official.level"),
    ({"year": 2012}, "official.year"),
    ({"quantity": "volume"}, "official.quantity"),
    ({"unit": "hectares"}, "official.unit"),
    ({"unit": "t C"}, "official.unit"),
    ({"value": "1 200"}, "official.number"),
    ({"value": ""}, "official.number"),
    ({"value": "nan"}, "official.number"),
    ({"value": "1e999"}, "official.number"),
    ({"se": -1}, "official.negative"),
    ({"value": -3}, "official.negative"),
    ({"value": 1e12}, "official.too_large"),
    ({"value": 1e300, "se": 1e300}, "official.too_large"),
    ({"se": 5000}, "official.too_large"),
    ({"source": ""}, "official.source"),
    ({"part": "some"}, "official.part"),
    ({"part": "definition", "year": 2010}, "official.orphan"),
    ({"groups": "forrest"}, "official.strata"),
    ({"strata": "wood"}, "official.strata"),
    ({"groups": "grassland"}, "official.no_class"),
    ({"pools": "agb"}, "official.beside"),
    ({"area_ha": 10}, "official.beside"),
    ({}, "official.repeated"),
    ({"part": "definition", "value": 99}, "official.definition"),
    ({"quantity": "carbon", "unit": "t C", "pools": "wood"}, "official.pools"),
    ({"quantity": "carbon", "unit": "t C", "area_ha": 10, "density_t_c_ha": 40},
     "official.product"),
    ({"quantity": "carbon", "unit": "t C", "pools": "litter"}, "official.no_pool"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "code"), BAD)
def test_rows_that_are_wrong(tmp_path: Path, change: dict[str, Any], code: str) -> None:
    good = {"quantity": "area", "value": 10, "unit": "ha"}
    study = write(tmp_path, [good, good | change])
    assert codes(study, Severity.ERROR) == {code}
    (told,) = check_study(study).of(Severity.ERROR)
    assert told.file == "official.csv"
    assert "line " in told.text("en") or code == "official.no_pool"


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ('name = "a"', "reconcile.one_source"),
        (
            'name = "a"\ntable = "official.csv"\nplots = true\npopulation_ha = 1',
            "reconcile.one_source",
        ),
        ('name = "a"\nplots = true\npopulation_ha = 48', "study.missing_key"),
        ('name = "a"\ntable = "official.csv"\ngroups = ["forest"]', "reconcile.plots_key"),
        ('name = "bureau"\ntable = "official.csv"', "study.repeated_name"),
        ('name = "a"\ntable = "none.csv"', "study.no_such_file"),
        ('name = "a"\ntabel = "official.csv"', "study.unknown_key"),
    ],
)
def test_keys_that_are_wrong(tmp_path: Path, entry: str, code: str) -> None:
    study = write(tmp_path, OFFICIAL, keys=f"[[reconcile]]\n{entry}")
    assert code in codes(study, Severity.ERROR)


def test_what_is_told_of_errors_and_pools(tmp_path: Path) -> None:
    rows = [{"quantity": "carbon", "pools": "agb;litter", "value": 500, "unit": "t C"}]
    told = codes(write(tmp_path, rows), Severity.WARN)
    assert {"official.no_error", "official.pools_not_mapped"} <= told
    part = {"part": "definition", "value": 30, "remark": "litter"}
    assert "official.pools_not_mapped" not in codes(
        write(tmp_path / "stated", [rows[0], rows[0] | part]), Severity.WARN
    )


def test_manifest_names_the_table(tmp_path: Path) -> None:
    study = write(tmp_path, OFFICIAL)
    run_tables(study)
    meta = json.loads((tmp_path / "out" / "manifest.json").read_text("utf-8"))
    assert [own["path"] for own in meta["inputs"] if own["role"] == "official"] == ["official.csv"]


def plots(folder: Path, *, reconcile: str, wooded: int = 10, others: int = 30) -> Path:
    """Write the tiny province with 40 plots on all of its land, a quarter of them in forest."""
    rows = ["plot_id,stratum,agb_t_c_ha"]
    rows += [f"{k},forest,{30 + 2 * k}" for k in range(wooded)]
    rows += [f"{100 + k},elsewhere,0" for k in range(others)]
    density = 'table = "density.csv"\n[density.plots]\npath = "plots.csv"'
    study = write_tiny(folder, density=density)
    (folder / "plots.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    more = f'[[reconcile]]\nname = "plots"\nplots = true\n{reconcile}\n'
    study.write_text(study.read_text("utf-8") + more, encoding="utf-8")
    return study


def test_totals_of_plots_by_their_design(tmp_path: Path) -> None:
    """The domain estimator: Σ y / n × A, whose variance takes bare plots for 0."""
    table = run_tables(plots(tmp_path, reconcile="population_ha = 48"))["reconciliation"]
    carbon = np.r_[30 + 2.0 * np.arange(10), np.zeros(30)]
    row = rows_of(table, quantity="carbon", year=2015).iloc[0]
    assert row["other_value"] == pytest.approx(48 * carbon.mean())
    assert row["other_se"] == pytest.approx(48 * carbon.std(ddof=1) / np.sqrt(40), rel=0.05)
    assert (row["basis"], row["pools"]) == ("plots", "agb")
    assert row["map_value"] == pytest.approx(12 * 39)
    # The densities are the same and vary together: nothing but areas differs.
    assert row["density_part"] == pytest.approx(0, abs=1e-9)
    assert row["area_part"] == pytest.approx(row["difference"])
    assert row["density_part_se"] == pytest.approx(0, abs=1e-9)
    assert row["area_part_se"] == pytest.approx(row["se"])
    area = rows_of(table, quantity="area", year=2015).iloc[0]
    assert area["other_value"] == pytest.approx(12)
    assert area["other_se"] == pytest.approx(48 * np.sqrt(0.25 * 0.75 / 39), rel=0.05)
    assert row["se"] == pytest.approx(39 * area["other_se"], rel=0.05)


def test_regions_raked_to_the_plots(tmp_path: Path) -> None:
    study = plots(tmp_path, reconcile="population_ha = 96\nrake = true")
    raked = run_tables(study)["raked"]
    own = rows_of(raked, quantity="area", year=2015, region_code="0101").iloc[0]
    assert (own["factor"], own["raked_value"]) == pytest.approx((2, 24))


def test_weights_must_cover_all_land(tmp_path: Path) -> None:
    study = plots(tmp_path, reconcile="population_ha = 48")
    text = study.read_text("utf-8").replace(
        'path = "plots.csv"', 'path = "plots.csv"\nestimator = "stratified"\nweights = { WHICH }'
    )
    study.write_text(text.replace("WHICH", "forest = 1"), encoding="utf-8")
    assert "plottotals.not_estimable" in codes(study, Severity.ERROR)
    study.write_text(text.replace("WHICH", "forest = 1, elsewhere = 3"), encoding="utf-8")
    table = run_tables(study)["reconciliation"]
    area = rows_of(table, quantity="area", year=2015).iloc[0]
    assert (area["other_value"], area["other_se"]) == (12, 0)


def test_areas_from_a_sample_bring_their_error(tmp_path: Path) -> None:
    """Estimated areas vary: the map's side, the difference and the raked shares with them."""
    study = sampled(tmp_path, by_stratum())
    rows = [
        "region_code,year,quantity,groups,pools,value,se,unit,area_ha,source",
        "ALL,2015,area,forest,,12,,ha,,bureau", "ALL,2015,carbon,forest,agb,500,20,t C,11,bureau",
    ]  # fmt: skip
    (tmp_path / "official.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    more = '[[reconcile]]\nname = "a"\ntable = "official.csv"\nrake = true\n'
    study.write_text(study.read_text("utf-8") + more, encoding="utf-8")
    tables = run_tables(study)
    row = rows_of(tables["reconciliation"], quantity="area").iloc[0]
    own = rows_of(tables["regions"], region_code="ALL", year=2015).iloc[0]
    assert row["map_value"] == pytest.approx(own["forest_ha"])
    estimated = rows_of(tables["area_estimates"], region_code="ALL", year=2015)
    forest = estimated[estimated["class"] == "forest"].iloc[0]
    assert row["map_se"] == pytest.approx(forest["se_ha"], rel=0.1)
    assert row["se"] == pytest.approx(row["map_se"])
    carbon = rows_of(tables["reconciliation"], quantity="carbon").iloc[0]
    assert carbon["area_part_se"] > 0
    assert carbon[PARTS].sum() == pytest.approx(carbon["difference"])
    raked = rows_of(tables["raked"], quantity="area")
    assert cell(raked, "raked_value", region_code="ALL") == pytest.approx(12)
    assert cell(raked, "se", region_code="ALL") == pytest.approx(0, abs=1e-9)
    assert cell(raked, "se", region_code="0101") > 0


def test_densities_that_differ_by_region(tmp_path: Path) -> None:
    study = write(tmp_path, OFFICIAL, keys="rake = true")
    density = "stratum,pool,region,value,se,unit,source,confidence\n" + "".join(
        f"{stratum},agb,{code},{value},{se},t C/ha,plots,verified\n"
        for stratum, value, se in (
            ("forest", 44, 4),
            ("crop", 5, 1),
            ("lake", 0, 0),
            ("town", 1, 0),
        )
        for code in ("0101", "0102", "0203")
    )
    (tmp_path / "density.csv").write_text(density, encoding="utf-8")
    tables = run_tables(study)
    row = rows_of(tables["reconciliation"], quantity="carbon").iloc[0]
    assert row[PARTS].tolist() == pytest.approx([92, -44, -20, 0])
    raked = rows_of(tables["raked"], quantity="carbon")
    assert cell(raked, "raked_value", region_code="ALL") == pytest.approx(480)


def test_words_of_the_table_do_nothing(tmp_path: Path) -> None:
    """Formulas and markup in a source stay text, in the tables and on the page."""
    rows = [OFFICIAL[0] | {"source": "=1+1", "remark": "<script>alert(1)</script>"}]
    study = write(tmp_path, rows)
    run_study(study, tmp_path / "out", options=Options(parts=("report",), workers=1))
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "<script>alert" not in page
    assert "'=1+1" in (tmp_path / "out/tables/reconciliation.csv").read_text("utf-8-sig")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_report_and_workbook(tmp_path: Path, language: str) -> None:
    keys = 'rake = true\ntitle = "Bureau"'
    study = write(tmp_path, OFFICIAL[1:], keys=keys, language=language)
    parts = ("report", "workbook")
    run_study(study, tmp_path / "out", options=Options(parts=parts, workers=1))
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    section = page[page.index('id="reconcile"') :].partition("</section>")[0]
    for words in ("Bureau", "528", "500", "+92.0", "−44.0", "−20.0", "0.909"):
        assert words in section
    book = openpyxl.load_workbook(tmp_path / "out" / "workbook.xlsx")
    names = {"zh": {"总量对账", "平差结果"}, "en": {"Reconciliation", "Raked figures"}}
    assert names[language] <= set(book.sheetnames)


IGBP = """code,stratum,name_en,name_zh,ipcc,group,colour
{forest}
{other}
"""
LAND = SHARED / "data/landcover/mcd12c1_2019/MCD12C1.A2019001.tif"
COUNTIES = SHARED / "data/boundaries/hubei_counties_wgs84.geojson"
#: As printed: the 9th inventory of the province, and two prefectures in their own units.
PRINTED = """region_code,year,quantity,groups,value,unit,remark,source
湖北省,2019,area,forest,736,1e4 ha,of 2014,绿色科技 2015(5):19
恩施土家族苗族自治州,2019,area,forest,2208,万亩,of 2017,恩施新闻网 2018-01-21
十堰市,2019,area,forest,1.2989e6,ha,of 2013,湖北日报 2013-03-06
"""


@needs_shared
def test_hubei_on_modis_beside_its_official_figures(tmp_path: Path) -> None:
    """Real counties, a real map and printed figures: what a coarse map shows of forest."""
    wooded = [1, 2, 3, 4, 5, 8]  # woody savanna too: tree cover of 30 % and more
    lines = {
        "forest": [f"{k},wood{k},wood,林,forest_land,forest,#006400" for k in wooded],
        "other": [f"{k},land{k},land,地,other_land,other,#cccccc" for k in range(18)
                  if k not in wooded],
    }  # fmt: skip
    legend = IGBP.format(**{name: "\n".join(own) for name, own in lines.items()})
    (tmp_path / "legend.csv").write_text(legend, encoding="utf-8")
    strata = [line.split(",")[1] for line in (*lines["forest"], *lines["other"])]
    density = ["stratum,pool,value,se,unit,source,confidence"]
    density += [
        f"{name},agb,{20 * name.startswith('wood')},,t C/ha,test,secondary" for name in strata
    ]
    (tmp_path / "density.csv").write_text("\n".join(density) + "\n", encoding="utf-8")
    gpd.read_file(COUNTIES).to_file(tmp_path / "counties.gpkg")
    for year in (2018, 2019):  # the map of one year stands for both: only totals are looked at
        shutil.copy(LAND, tmp_path / f"{year}.tif")
    (tmp_path / "official.csv").write_text(PRINTED, encoding="utf-8")
    study = tmp_path / "study.toml"
    study.write_text(
        '[study]\nname = "modis"\ntitle = "MODIS"\nlanguage = "zh"\n'
        '[regions]\npath = "counties.gpkg"\ncode = "code"\nname = "name"\n'
        'parents = ["city", "province"]\n'
        '[landcover]\nlegend = "legend.csv"\nrasters = { 2018 = "2018.tif", 2019 = "2019.tif" }\n'
        '[density]\ntable = "density.csv"\n[uncertainty]\ndraws = 20\n'
        '[[reconcile]]\nname = "printed"\ntable = "official.csv"\nrake = true\n',
        encoding="utf-8",
    )
    tables = run_tables(study)
    found: pd.DataFrame = tables["reconciliation"].set_index("region_code")
    assert found.loc["湖北省", "other_value"] == 7.36e6
    assert found.loc["恩施土家族苗族自治州", "other_value"] == pytest.approx(1.472e6)
    # Classes of the majority in 5 km cells: forest of 30 % tree cover swallows fields and towns.
    more = found["map_value"] / found["other_value"]
    assert more["湖北省"] == pytest.approx(1.284, abs=0.001)
    assert more["恩施土家族苗族自治州"] == pytest.approx(1.622, abs=0.001)
    raked = rows_of(tables["raked"], level="region")
    assert raked["raked_value"].sum() == pytest.approx(7.36e6)
    parents = rows_of(tables["raked"], level="city").set_index("region_code")["raked_value"]
    assert parents["十堰市"] == pytest.approx(1.2989e6)
    codes = gpd.read_file(COUNTIES).set_index("code")["city"]
    sums = raked.groupby(raked["region_code"].map(codes))["raked_value"].sum()
    assert sums[parents.index].to_numpy() == pytest.approx(parents.to_numpy())
