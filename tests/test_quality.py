"""Quality control of a run: each check finds what it is for, and readers see it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pytest
import shapely

from sinks.checks import Problems
from sinks.comparison import comparison, sentences
from sinks.errors import SinksError
from sinks.inputs import Inputs, load
from sinks.joint import Execution
from sinks.landcover.activity import Activity
from sinks.measure import measure
from sinks.quality import COLUMNS, growth_range, quality, refuse_broken, remarks
from sinks.reference import Polygon, Recount, polygons, recounts
from sinks.results import Results
from sinks.run import Options, run_study
from sinks.texts import LANGUAGES, Language
from tests.patchwork import counties, write_patchwork
from tests.tiny import DENSITY, cell, rows_of, target, write_tiny

TARGET = target(pools=["agb"])
NOTES = ("note_zh", "note_en")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Results:
    study = write_tiny(tmp_path_factory.mktemp("tiny"), targets=[TARGET])
    options = Options(workers=1, parts=("regions", "workbook", "report"))
    return run_study(study, study.parent / "out", options=options)


def sound() -> tuple[list[Polygon], list[Recount]]:
    """Polygons and recounts that agree with the tiny province."""
    codes = ("0101", "0102", "0203")
    return [Polygon(code, 16.0, 1e-4) for code in codes], [Recount("0101", 16, 0.0)]


def checked(results: Results, table: str = "", **harm: Callable[[Any], Any]) -> pd.DataFrame:
    """Check a run again after columns of a table were changed."""
    tables = dict(results.tables)
    for column, change in harm.items():
        tables[table] = tables[table].assign(**{column: change(tables[table][column])})
    areas, again = sound()
    return quality(replace(results, tables=tables), polygons=areas, recounts=again)


def failed(table: pd.DataFrame) -> set[str]:
    return set(rows_of(table, passed="false")["check"])


def test_the_tiny_province_passes_everything(finished: Results) -> None:
    table = finished.tables["qc"]
    assert list(table.columns) == list(COLUMNS)
    assert set(table["passed"]) == {"true"}
    # Forest above ground grows from 40 to 44 t C/ha in five years; nothing below ground is known.
    assert cell(table, "found", check="growth") == pytest.approx(0.8)
    assert cell(table, "subject", check="growth") == "forest 2010–2015"
    assert set(rows_of(table, check="reference")["subject"]) == {"0101", "0102", "0203"}
    assert all("16" in note for note in rows_of(table, check="reference")["note_en"])


def test_the_fastest_growth_is_a_published_one() -> None:
    low, high, source = growth_range()
    assert (low, round(high, 2)) == (0, 2.54)
    assert "Cook-Patton" in source


@pytest.mark.parametrize(
    ("check", "table", "column", "factor"),
    [
        ("unit.product", "stock", "stock_t_c", 1.01),
        ("unit.co2", "targets", "achieved_other_unit", 1.01),
        ("closure.parents_stock", "regions", "stock_t_c", None),
        ("closure.parents_area", "regions", "region_ha", None),
        ("closure.parents_area", "regions", "nodata_ha", None),
        ("closure.parents_area", "regions", "forest_ha", None),
        ("closure.pools", "stock", "stock_t_c", 1.01),
        ("closure.difference", "change", "change_t_c", 1.01),
        ("closure.gain_loss", "change", "gain_t_c", 1.01),
        ("closure.effects", "change", "area_effect_t_c", 1.01),
        ("closure.transitions_area", "transitions", "area_ha", 1.01),
        ("closure.transitions_change", "transitions", "change_t_c", 1.01),
        ("closure.coverage", "coverage", "nodata_ha", None),
    ],
)
def test_each_check_finds_what_it_is_for(
    finished: Results, check: str, table: str, column: str, factor: float | None
) -> None:
    def spoil(values: pd.Series) -> pd.Series:
        return values * factor if factor else values.where(values.index > 0, values + 1)

    assert not failed(checked(finished))
    found = checked(finished, table, **{column: spoil})
    assert check in failed(found)
    if not check.startswith("unit"):
        with pytest.raises(SinksError, match=check.removeprefix("closure.")):
            refuse_broken(found, "en")


def test_areas_that_differ_from_the_polygons_are_told(finished: Results) -> None:
    areas, again = sound()
    areas[1] = replace(areas[1], hectares=16.01)
    table = quality(finished, polygons=areas, recounts=again)
    assert failed(table) == {"area.polygon"}
    assert cell(table, "subject", check="area.polygon") == "0102"
    refuse_broken(table, "en")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_recount_that_differs_stops_the_run(finished: Results, language: Language) -> None:
    areas, _ = sound()
    table = quality(finished, polygons=areas, recounts=[Recount("0203", 16, 1e-6)])
    assert failed(table) == {"reference"}
    with pytest.raises(SinksError, match="reference 0203"):
        refuse_broken(table, language)


@pytest.mark.parametrize(("value", "yearly"), [("80", 8.0), ("30", -2.0)])
@pytest.mark.parametrize("language", LANGUAGES)
def test_growth_that_no_forest_has_is_told_and_published(
    tmp_path: Path, value: str, yearly: float, language: Language
) -> None:
    study = write_tiny(tmp_path, language=language)
    table = tmp_path / "density.csv"
    table.write_text(DENSITY.replace("2015,44", f"2015,{value}"), encoding="utf-8")
    done = run_study(study, tmp_path / "out", options=Options(parts=(), workers=1))
    found = done.tables["qc"]
    assert failed(found) == {"growth"}
    assert cell(found, "found", check="growth") == pytest.approx(yearly)
    said = remarks(found, language)
    assert len(said) == 2
    assert "forest 2010–2015" in said[1]
    assert {"en": "Not passed", "zh": "未通过"}[language] in said[1]


def test_what_does_not_apply_is_said(finished: Results) -> None:
    strata = finished.strata.assign(group="other").to_dict("records")
    bare = replace(finished, meta={**finished.meta, "strata": strata})
    bare = replace(bare, tables={**bare.tables, "targets": bare.tables["targets"].head(0)})
    table = quality(bare, polygons=[], recounts=[])
    idle = rows_of(table, passed="not_applicable")
    assert {"unit.co2", "growth", "area.polygon", "reference"} <= set(idle["check"])
    assert idle["found"].isna().all()
    assert all(len(row[note]) > 5 for _, row in idle.iterrows() for note in NOTES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_report_and_workbook_show_every_check(tmp_path: Path, language: Language) -> None:
    study = write_tiny(tmp_path, targets=[TARGET], language=language)
    options = Options(workers=1, parts=("regions", "workbook", "report"))
    done = run_study(study, tmp_path / "out", options=options)
    notes = list(done.tables["qc"][f"note_{language}"])
    book = openpyxl.load_workbook(done.root / "workbook.xlsx", read_only=True)
    sheet = book[{"en": "Quality checks", "zh": "质量检查"}[language]]
    shown = {str(value) for row in sheet.iter_rows(values_only=True) for value in row}
    assert set(notes) <= shown
    page = (done.root / "report.html").read_text(encoding="utf-8")
    others = done.tables["qc"][~done.tables["qc"]["check"].str.startswith("closure.")]
    assert all(note in page for note in others[f"note_{language}"])


# The slow way


def areas_of(study: Path) -> tuple[Inputs, Activity]:
    problems = Problems()
    inputs = load(study, problems)
    assert inputs is not None, [problem.text() for problem in problems]
    measured = measure(inputs, problems, execution=Execution())
    assert measured is not None
    return inputs, measured.regions


@pytest.mark.parametrize("coverage", ["exact", "centre"])
@pytest.mark.parametrize("seed", range(3))
def test_both_ways_agree_on_ragged_counties(tmp_path: Path, coverage: str, seed: int) -> None:
    """Counties with holes, in several parts, thinner than a cell, beyond the raster."""
    study = write_patchwork(tmp_path, size=120, extra=f'coverage = "{coverage}"\n')
    rng = np.random.default_rng(seed)
    frame = counties(120)
    west, south, east, north = frame.total_bounds
    centres = np.array([west, south]) + rng.random((3, 2)) * np.array([east - west, north - south])
    size = (east - west) * rng.uniform(0.05, 0.3, 3)
    blobs = [shapely.Point(xy).buffer(r, quad_segs=4) for xy, r in zip(centres, size, strict=True)]
    holes = [blob.buffer(-0.4 * r) for blob, r in zip(blobs, size, strict=True)]
    rings = [blob.difference(hole) for blob, hole in zip(blobs, holes, strict=True)]
    rest = shapely.box(west, south, east, north).difference(shapely.union_all(rings))
    first, second = rings[0], rings[1].difference(rings[0])
    frame = frame.set_geometry([first, second, rest.difference(shapely.union_all(rings))])
    frame.to_file(tmp_path / "counties.gpkg", layer="counties")
    inputs, activity = areas_of(study)
    found = recounts(inputs, activity)
    assert len(found) == 3
    assert all(item.worst < 1e-9 for item in found), found


def test_a_fault_of_the_kernel_is_found(tmp_path: Path) -> None:
    inputs, activity = areas_of(write_patchwork(tmp_path, size=120))
    assert max(item.worst for item in recounts(inputs, activity)) < 1e-9
    wrong = activity.counted.copy()
    wrong[0, 0, 0] += 1e-3
    found = recounts(inputs, replace(activity, area=wrong))
    assert max(item.worst for item in found) > 1e-9


def test_polygons_have_their_area_on_the_ellipsoid(tmp_path: Path) -> None:
    """Cells of 100 m in an equal-area projection: 16 ha to a county, another way round."""
    inputs, _ = areas_of(write_tiny(tmp_path))
    assert [item.code for item in polygons(inputs)] == ["0101", "0102", "0203"]
    assert [item.hectares for item in polygons(inputs)] == pytest.approx([16.0] * 3, rel=1e-6)


# The run before


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_run_is_compared_with_the_one_before(tmp_path: Path, language: Language) -> None:
    study, out = write_tiny(tmp_path, language=language), tmp_path / "out"
    tables = Options(parts=(), workers=1)
    run_study(study, out, options=tables)
    same = run_study(study, out, options=tables)
    assert "compared" not in same.meta["run"]
    assert sentences({}, language) == []
    changed = DENSITY.replace("2015,44", "2015,50")
    (tmp_path / "density.csv").write_text(changed, encoding="utf-8")
    done = run_study(study, out, options=tables)
    found = done.meta["run"]["compared"]
    assert found["inputs"] == ["density.csv"]
    assert found["parameters"] == ["density/forest/agb/2015"]
    assert "settings" not in found
    # 12 ha of forest hold 6 t C/ha more; 2010 is as it was.
    ((year, before, after),) = [tuple(row.values()) for row in found["totals"]]
    assert (year, after - before) == (2015, pytest.approx(12 * 6))
    lines = sentences(found, language)
    assert any("density.csv" in line for line in lines)
    assert any("5,025" in line and "5,097" in line for line in lines)
    assert json.loads(json.dumps(found)) == found


def test_a_folder_without_a_run_has_nothing_to_compare(finished: Results, tmp_path: Path) -> None:
    assert comparison(tmp_path, finished) == {}
    (tmp_path / "manifest.json").write_text('{"inputs": [3]}', encoding="utf-8")
    assert comparison(tmp_path, finished) == {}
