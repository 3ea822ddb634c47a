"""A whole run: what it writes, that it writes the same bytes, and that it is complete or absent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from sinks import run as module
from sinks.errors import FolderLocked, InputChanged, InputProblems, SinksError
from sinks.folder import files_in, held, verify_outputs
from sinks.results import Results
from sinks.run import PARTS, Options, check_study, run_study
from sinks.sections import POOLS
from tests.tiny import (
    CODES,
    DENSITY,
    LANDCOVER,
    cell,
    counties,
    cover,
    rows_of,
    run_tables,
    target,
    write_raster,
    write_study,
    write_tiny,
)

TABLES = Options(parts=(), workers=1)
TARGETS = [
    target(pools=["agb"], share_by="area"),
    target(name="cover", quantity="cover", unit="%", kind="level", value=30),
]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """A run with every part, on one thread, from a folder of its own."""
    folder = tmp_path_factory.mktemp("first")
    study = write_tiny(folder, language="zh", targets=TARGETS)
    options = Options(workers=1, parts=(*PARTS, "rasters"))
    return run_study(study, folder / "out", options=options)


# What is written


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("stock", "region_code region_name year stratum pool area_ha stock_t_c se_t_c low_t_c "
                  "high_t_c"),
        ("regions", "region_code region_name level parent_code year region_ha valid_ha nodata_ha "
                    "forest_ha wetland_ha stock_t_c se_t_c low_t_c high_t_c"),
        ("change", "region_code region_name level start end change_t_c se_t_c low_t_c high_t_c "
                   "gain_t_c loss_t_c area_effect_t_c density_effect_t_c detectable"),
        ("transitions", "region_code start end from_stratum to_stratum area_ha change_t_c"),
        ("targets", "target region_code level start end quantity unit required achieved se low "
                    "high share_achieved probability verdict achieved_other_unit other_unit "
                    "share_by"),
        ("coverage", "region_code year region_ha inside_ha valid_ha nodata_ha outside_ha "
                     "common_valid_ha"),
        ("parameters", "name value se unit distribution source confidence"),
    ],
)  # fmt: skip
def test_tables_have_the_columns_of_the_contract(
    finished: Results, table: str, columns: str
) -> None:
    raw = (finished.root / "tables" / f"{table}.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf"), "Excel in Chinese needs the mark"
    assert raw.count(b"\r\n") == raw.count(b"\n") > 1
    head = raw.decode("utf-8-sig").split("\r\n")[0].split(",")
    assert [name for name in head if name in columns.split()] == columns.split()


def test_a_run_returns_what_stands_in_its_folder(finished: Results) -> None:
    """Faces only read: what was handed to them is still what the files hold."""
    again = Results.open(finished.root)
    assert finished.meta == again.meta
    assert list(finished.tables) == list(again.tables)
    for name, table in again.tables.items():
        pd.testing.assert_frame_equal(finished.tables[name], table)
    pd.testing.assert_frame_equal(finished.regions, again.regions)


def test_words_are_those_of_the_contract(finished: Results) -> None:
    tables, meta = finished.tables, finished.meta
    assert set(tables["stock"]["pool"]) <= set(POOLS)
    assert list(dict.fromkeys(tables["regions"]["level"])) == ["region", "prefecture", "study"]
    whole = rows_of(tables["regions"], level="study")
    assert set(whole["region_code"]) == {"ALL"}
    assert set(whole["parent_code"]) == {""}
    assert set(tables["targets"]["verdict"]) <= {"met", "not_met", "uncertain", ""}
    groups = {"forest", "wetland", "urban_green", "cropland", "grassland", "other"}
    assert {row["group"] for row in meta["strata"]} <= groups
    ipcc = {"forest_land", "cropland", "grassland", "wetlands", "settlements", "other_land"}
    assert {row["ipcc"] for row in meta["strata"]} <= ipcc
    raw = (finished.root / "tables" / "change.csv").read_text(encoding="utf-8-sig")
    assert {line.rpartition(",")[2] for line in raw.splitlines()[1:]} == {"true", "false"}
    assert set(tables["parameters"]["unit"]) == {"t C/ha"}
    assert set(tables["parameters"]["distribution"]) <= {"normal", "lognormal", "fixed"}


def test_every_part_is_there(finished: Results) -> None:
    files = set(files_in(finished.root))
    assert {name for name in files if "/" not in name} == {
        "manifest.json", "problems.json", "regions.gpkg", "workbook.xlsx", "report.html",
        "map.html",
    }  # fmt: skip
    assert {name for name in files if name.startswith("tables/")} == {
        f"tables/{name}.csv" for name in finished.tables
    }
    assert {name.partition("/")[0] for name in files if "/" in name} == {
        "tables", "layers", "rasters",
    }  # fmt: skip


def test_regions_of_a_run_are_a_geopackage(finished: Results) -> None:
    frame = gpd.read_file(finished.root / "regions.gpkg", layer="regions")
    assert frame["region_code"].tolist() == list(CODES)
    assert frame.crs.to_epsg() == 6933
    assert frame["detectable"].tolist() == [True, False, True]


def test_the_manifest_is_complete(finished: Results) -> None:
    meta = json.loads((finished.root / "manifest.json").read_text(encoding="utf-8"))
    outputs = {name for name in files_in(finished.root) if name != "manifest.json"}
    assert set(meta["outputs"]) == outputs
    for name, value in meta["outputs"].items():
        assert hashlib.sha256((finished.root / name).read_bytes()).hexdigest() == value
    assert verify_outputs(finished.root, "en") == len(outputs)
    base = finished.root.parent
    roles = {}
    for record in meta["inputs"]:
        content = (base / record["path"]).read_bytes()
        assert record["size"] == len(content)
        assert record["sha256"] == hashlib.sha256(content).hexdigest()
        roles[record["path"]] = record["role"]
    assert roles == {
        "study.toml": "study", "counties.gpkg": "regions", "lc2010.tif": "landcover",
        "lc2015.tif": "landcover", "legend.csv": "legend", "density.csv": "density",
    }  # fmt: skip
    raster = next(record for record in meta["inputs"] if record["path"] == "lc2010.tif")
    assert "EASE-Grid 2.0" in raster["crs"]
    assert "EPSG:6933 · 12 × 4 · 100 × 100" in raster["grid"]
    assert {"gdal_rasterio", "gdal_pyogrio", "proj", "python", "numpy", "platform"} <= set(
        meta["versions"]
    )
    assert meta["area_basis"] == "map"
    assert meta["pools"] == ["agb", "soil"]
    assert meta["study"]["years"] == [2010, 2015]
    assert meta["study"]["seed"] == meta["seeds"]["draws"] == 20101231
    assert [item["name"] for item in meta["study"]["targets"]] == ["carbon", "cover"]
    assert len(meta["parameters"]) == 9
    assert all(row["source"] for row in meta["parameters"])
    assert set(meta["run"]) >= {"command", "seconds", "started", "workers"}
    problems = (finished.root / "problems.json").read_text(encoding="utf-8")
    assert json.loads(problems) == meta["problems"] == []


def test_parts_of_a_shapefile_are_inputs(tmp_path: Path) -> None:
    """The codes are in the .dbf: a manifest without its hash would not say what was run."""
    write_tiny(tmp_path)
    counties().rename(columns={"prefecture": "pref"}).to_file(tmp_path / "c.shp", encoding="utf-8")
    regions = 'path = "c.shp"\ncode = "code"\nname = "name"\nparents = ["pref"]'
    study = write_study(tmp_path, regions=regions)
    done = run_study(study, tmp_path / "out", options=TABLES)
    roles = {record["path"]: record["role"] for record in done.meta["inputs"]}
    assert {name for name, role in roles.items() if role == "regions"} == {
        "c.shp", "c.shx", "c.dbf", "c.prj", "c.cpg",
    }  # fmt: skip
    assert list(done.tables["change"]["region_code"][:3]) == list(CODES)


def test_tables_alone(tmp_path: Path) -> None:
    study = write_tiny(tmp_path)
    done = run_study(study, tmp_path / "out", options=TABLES)
    files = set(files_in(tmp_path / "out"))
    assert {name for name in files if not name.startswith("tables/")} == {
        "manifest.json", "problems.json",
    }  # fmt: skip
    tables = {name for name in files if name.startswith("tables/")}
    assert tables == {f"tables/{name}.csv" for name in done.tables}


def test_warnings_are_in_the_run(tmp_path: Path) -> None:
    study = write_tiny(tmp_path, language="zh")
    text = DENSITY.replace(",4,t C/ha", ",,t C/ha").replace("a guess,secondary", "a guess,memory")
    (tmp_path / "density.csv").write_text(text, encoding="utf-8")
    done = run_study(study, tmp_path / "out", options=TABLES)
    assert [item["code"] for item in done.meta["problems"]] == [
        "density.spread_assumed", "parameter.memory",
    ]  # fmt: skip
    for record in done.meta["problems"]:
        assert set(record) == {
            "code", "severity", "file", "place", "expected", "found", "remedy", "text",
        }  # fmt: skip
        assert set(record["text"]) == {"zh", "en"}
        assert record["severity"] == "WARN"
        assert record["found"] in record["text"]["zh"]


# Same inputs, same bytes


def without_run(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return {key: value for key, value in content.items() if key != "run"}


def assert_same_bytes(first: Path, second: Path) -> None:
    assert files_in(first) == files_in(second)
    different = [
        name
        for name in files_in(first)
        if name != "manifest.json" and (first / name).read_bytes() != (second / name).read_bytes()
    ]
    assert different == []
    assert without_run(first / "manifest.json") == without_run(second / "manifest.json")


def test_a_rerun_gives_the_same_bytes(tmp_path: Path) -> None:
    study = write_tiny(tmp_path, targets=TARGETS)
    for name in ("one", "two"):
        run_study(study, tmp_path / name, options=TABLES)
    run_study(study, tmp_path / "one", options=TABLES)
    assert_same_bytes(tmp_path / "one", tmp_path / "two")


def test_another_seed_moves_the_spread_and_no_central_value(tmp_path: Path) -> None:
    write_tiny(tmp_path)
    first = run_tables(write_study(tmp_path))["regions"]
    other = run_tables(write_study(tmp_path, uncertainty="draws = 1000\nseed = 5"))["regions"]
    assert first["stock_t_c"].equals(other["stock_t_c"])
    assert (first["se_t_c"] != other["se_t_c"]).any()


# Complete or absent


def test_a_rerun_replaces(tmp_path: Path) -> None:
    study = write_tiny(tmp_path)
    options = Options(workers=1, parts=("regions", "workbook"))
    first = run_study(study, tmp_path / "out", options=options)
    assert (tmp_path / "out" / "workbook.xlsx").exists()
    (tmp_path / "density.csv").write_text(DENSITY.replace("2015,44", "2015,50"), encoding="utf-8")
    second = run_study(study, tmp_path / "out", options=TABLES)
    # 12 ha of forest hold 6 t C/ha more.
    totals = [
        cell(done.tables["regions"], "stock_t_c", region_code="ALL", year=2015)
        for done in (first, second)
    ]
    assert totals == [5025, 5025 + 12 * 6]
    assert not (tmp_path / "out" / "workbook.xlsx").exists()
    assert verify_outputs(tmp_path / "out", "en") == len(files_in(tmp_path / "out")) - 1


@pytest.fixture
def stands(tmp_path: Path) -> Iterator[Path]:
    """A study whose finished run must stand unchanged, whatever the test does."""
    study = write_tiny(tmp_path)
    out = tmp_path / "out"
    run_study(study, out, options=TABLES)
    before = {name: (out / name).read_bytes() for name in files_in(out)}
    yield study
    assert {name: (out / name).read_bytes() for name in files_in(out)} == before
    assert {path.name for path in out.iterdir() if path.name.startswith(".")} == set()


def test_problems_leave_the_run_before(stands: Path) -> None:
    density = stands.parent / "density.csv"
    density.write_text(DENSITY.replace("lake,soil", "lake,litter"), encoding="utf-8")
    with pytest.raises(InputProblems) as raised:
        run_study(stands, stands.parent / "out", options=TABLES)
    assert raised.value.exit_code == 2
    assert "lake/soil/2010" in str(raised.value)


def test_a_held_folder_is_left_alone(stands: Path) -> None:
    out = stands.parent / "out"
    with held(out, "en"), pytest.raises(FolderLocked) as raised:
        run_study(stands, out, options=TABLES)
    assert raised.value.exit_code == 4


@pytest.mark.parametrize(
    ("name", "harm"),
    [
        *[(name, "changed") for name in ("density.csv", "study.toml", "counties.gpkg")],
        ("lc2015.tif", "removed"),
    ],
)
def test_an_input_that_changes_meanwhile_refuses_the_run(
    stands: Path, monkeypatch: pytest.MonkeyPatch, name: str, harm: str
) -> None:
    write = module.write_table

    def meanwhile(*args: Any) -> None:
        path = stands.parent / name
        if harm == "removed":
            path.unlink(missing_ok=True)
        else:
            path.write_bytes(path.read_bytes() + b"\n")
        write(*args)

    monkeypatch.setattr(module, "write_table", meanwhile)
    with pytest.raises(InputChanged) as raised:
        run_study(stands, stands.parent / "out", options=TABLES)
    assert raised.value.exit_code == 5
    assert name in str(raised.value)


def test_a_sum_that_does_not_close_is_not_published(
    stands: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = module.tabulate.change_table
    monkeypatch.setattr(
        module.tabulate,
        "change_table",
        lambda *args, **more: wrong(*args, **more).assign(gain_t_c=1e6),
    )
    with pytest.raises(SinksError, match="gain_loss") as raised:
        run_study(stands, stands.parent / "out", options=TABLES)
    assert raised.value.exit_code == 1


# Checking


def test_check_writes_nothing(tmp_path: Path) -> None:
    study = write_tiny(tmp_path, targets=TARGETS)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert list(check_study(study)) == []
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_problems_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    study = write_tiny(
        tmp_path,
        landcover='legend = "legend.csv"\nrasters = { 2010 = "lc2010.tif", 2015 = "missing.tif" }',
        targets=[target(unit="t")],
    )
    counties(code=["1", "1", "2"]).to_file(tmp_path / "counties.gpkg", layer="counties")
    (tmp_path / "density.csv").write_text(DENSITY.replace("80,8", "x,8"), encoding="utf-8")
    write_raster(tmp_path / "lc2010.tif", cover(2010), crs=None)
    found = {(problem.code, problem.file) for problem in check_study(study)}
    assert found == {
        ("study.target_unit", "study.toml"),
        ("study.no_such_file", "study.toml"),
        ("regions.duplicate_code", "counties.gpkg"),
        ("density.not_a_number", "density.csv"),
        ("raster.no_crs", "lc2010.tif"),
    }


def test_problems_of_the_pass_come_together(tmp_path: Path) -> None:
    """An unknown code on the map does not hide a missing density or a strange target."""
    study = write_tiny(tmp_path, targets=[target(pools=["bgb"])])
    cells = cover(2010)
    cells[2, 5] = 77
    write_raster(tmp_path / "lc2010.tif", cells)
    (tmp_path / "density.csv").write_text(DENSITY.replace("town,soil", "town,litter"), "utf-8")
    problems = list(check_study(study))
    assert {problem.code for problem in problems} == {
        "raster.unknown_code", "density.missing", "target.no_such_pool",
    }  # fmt: skip
    (unknown,) = [problem for problem in problems if problem.code == "raster.unknown_code"]
    sentence = unknown.text("en")
    assert "code 77 on 1 ha" in sentence
    assert "(2, 5)" in sentence
    assert unknown.file == "lc2010.tif"


def test_an_asserted_crs_is_used_and_recorded(tmp_path: Path) -> None:
    study = write_tiny(tmp_path, landcover=f'{LANDCOVER}\ncrs = "EPSG:6933"')
    for year in (2010, 2015):
        write_raster(tmp_path / f"lc{year}.tif", cover(year), crs=None)
    done = run_study(study, tmp_path / "out", options=TABLES)
    assert {item["code"] for item in done.meta["problems"]} == {"raster.crs_asserted"}
    assert cell(done.tables["regions"], "stock_t_c", region_code="ALL", year=2015) == 5025


def test_a_packaged_legend_and_packaged_densities_by_name(tmp_path: Path) -> None:
    """CLCD: 1 cropland, 2 forest, 3 shrub, 4 grassland; 16.7 t C/ha above ground in forest."""
    study = write_tiny(
        tmp_path,
        landcover=LANDCOVER.replace("legend.csv", "CLCD"),
        density='table = "hubei_2010"',
        targets=[target(pools=["agb", "bgb"])],
    )
    done = run_study(study, tmp_path / "out", options=TABLES)
    stock = rows_of(done.tables["stock"], region_code="0102", year=2010, stratum="forest")
    assert cell(stock, "stock_t_c", pool="agb") == pytest.approx(8 * 16.7)
    codes = {item["code"] for item in done.meta["problems"]}
    assert codes <= {"parameter.memory", "density.spread_assumed"}
    assert {row["confidence"] for row in done.meta["parameters"]} <= {
        "verified", "secondary", "memory",
    }  # fmt: skip
    assert {record["path"] for record in done.meta["inputs"]} == {
        "study.toml", "counties.gpkg", "lc2010.tif", "lc2015.tif",
    }  # fmt: skip


def test_repairs_are_refused_under_strict(tmp_path: Path) -> None:
    study = write_tiny(tmp_path)
    for year in (2010, 2015):
        write_raster(tmp_path / f"lc{year}.tif", cover(year).astype(np.float32))
    done = run_study(study, tmp_path / "out", options=TABLES)
    assert {item["severity"] for item in done.meta["problems"]} == {"REPAIR"}
    assert cell(done.tables["regions"], "stock_t_c", region_code="ALL", year=2015) == 5025
    with pytest.raises(InputProblems):
        run_study(study, tmp_path / "strict", options=Options(strict=True, parts=()))
    assert not (tmp_path / "strict").exists()


# No data is never zero


def test_a_county_without_data_is_empty_not_zero(tmp_path: Path) -> None:
    """丙县 is cloud in 2015: nothing is known of its stock, its change or its target."""
    study = write_tiny(tmp_path, targets=[target(share_by="area", value=99)])
    cells = cover(2015)
    cells[:, 8:] = 0
    write_raster(tmp_path / "lc2015.tif", cells)
    done = run_study(study, tmp_path / "out", options=Options(workers=1))
    for code in ("0203", "江南市"):
        rows = rows_of(done.tables["regions"], region_code=code)
        assert rows[["forest_ha", "wetland_ha", "stock_t_c", "se_t_c"]].isna().all(axis=None)
        assert rows["valid_ha"].tolist() == [16, 0]
        change = rows_of(done.tables["change"], region_code=code).iloc[0]
        assert change[["change_t_c", "se_t_c", "gain_t_c", "loss_t_c"]].isna().all()
        assert not change["detectable"]
        goal = rows_of(done.tables["targets"], region_code=code).iloc[0]
        assert goal["required"] == pytest.approx(33)
        assert goal[["achieved", "share_achieved", "probability"]].isna().all()
        assert goal["verdict"] == "uncertain"
    assert rows_of(done.tables["stock"], region_code="0203").empty
    # The whole is what is known: 江北市.
    whole = rows_of(done.tables["regions"], year=2015).set_index("region_code")["stock_t_c"]
    assert whole["ALL"] == whole["江北市"] == 3588
    headline = done.regions.set_index("region_code").loc["0203"]
    assert headline[["stock_t_c", "change_t_c"]].isna().all()
