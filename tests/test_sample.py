"""The design of a reference sample: sizes, allocation, random points, sheets, and the way back."""

from __future__ import annotations

import csv
import math
import xml.etree.ElementTree as ET
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from rasterio.transform import from_origin
from shapely.geometry import box
from typer.testing import CliRunner

from sinks.cli import app
from sinks.errors import OutputFailed, UnusableOption
from sinks.landcover.sample import (
    allocate,
    area_error,
    expected_cells,
    size_for_area,
    size_for_overall,
    size_for_share,
)
from sinks.sampling import SHEETS, design_sample
from sinks.wishes import wishes_of
from tests.tiny import (
    CRS,
    cell,
    counties,
    cover,
    rows_of,
    run_tables,
    write_raster,
    write_study,
    write_tiny,
)

WEIGHTS = [0.02, 0.015, 0.32, 0.645]
USERS = [0.7, 0.6, 0.9, 0.95]


def test_size_of_olofsson_2014() -> None:
    """Section 5.1.1 of the paper: 641 units for a standard error of 0.01."""
    assert size_for_overall(WEIGHTS, USERS, se=0.01) == 641
    assert size_for_overall(WEIGHTS, USERS, se=0.02) == pytest.approx(641 / 4, abs=1)


def test_size_of_a_simple_sample() -> None:
    """The 385 of every textbook: half of the land, 5 %, 95 %."""
    assert size_for_share(0.5, half_width=0.05, level=0.95) == 385


def test_allocations() -> None:
    share = {"size": 641, "least": 50}
    assert allocate(WEIGHTS, USERS, how="proportional", **share).tolist() == [13, 10, 205, 413]
    assert allocate(WEIGHTS, USERS, how="equal", **share).tolist() == [161, 160, 160, 160]
    balanced = allocate(WEIGHTS, USERS, how="balanced", **share)
    assert balanced.tolist() == [50, 50, 179, 362]
    neyman = allocate(WEIGHTS, USERS, how="neyman", **share)
    spread = np.array(WEIGHTS) * np.sqrt(np.array(USERS) * (1 - np.array(USERS)))
    assert neyman.tolist() == pytest.approx((641 * spread / spread.sum()).tolist(), abs=1)
    for units in (balanced, neyman):
        assert units.sum() == 641


def test_no_stratum_is_left_without_two_units() -> None:
    for how in ("proportional", "neyman", "balanced", "equal"):
        units = allocate([1e-6, 0.3, 0.7 - 1e-6], [0.9, 0.9, 1.0], size=30, how=how, least=50)
        assert units.min() >= 2
        assert units.sum() == 30


def test_size_for_a_rare_class_meets_its_interval() -> None:
    """Forest loss of 2 % known to a fifth: what other strata hide of it decides."""
    size = size_for_area(
        WEIGHTS, USERS, place=0, half_width=0.2, level=0.95, how="balanced", least=50
    )
    cells = expected_cells(WEIGHTS, USERS)
    for units, enough in ((size, True), (size - 1, False)):
        own = allocate(WEIGHTS, USERS, size=units, how="balanced", least=50)
        error = 1.959964 * area_error(cells, WEIGHTS, units=own)[0]
        share = float((np.array(WEIGHTS) * cells[:, 0]).sum())
        assert bool(error <= 0.2 * share) is enough
    simple = size_for_share(0.02, half_width=0.004, level=0.95)
    assert size < simple


# Points


def drawn(study: Path, **wishes: str) -> pd.DataFrame:
    made = design_sample(study, wishes_of(seed=5, **wishes), out=study.parent / "drawn")
    return pd.read_csv(made.folder / "sample.csv", dtype={"id": str}, encoding="utf-8-sig")


def test_points_lie_in_their_strata(tmp_path: Path) -> None:
    study = write_tiny(tmp_path)
    made = design_sample(study, wishes_of(size="200", strata="map:stratum"))
    sheet = pd.read_csv(made.folder / "sample.csv", encoding="utf-8-sig")
    assert len(sheet) == 200
    columns = np.floor((sheet["x"] - 11_000_000) / 100).astype(int)
    rows = np.floor((3_700_000 - sheet["y"]) / 100).astype(int)
    assert columns.between(0, 11).all()
    codes = cover(2015)[rows, columns]
    counts = {name: int((codes == code).sum()) for code, name in
              enumerate(("forest", "crop", "lake", "town"), start=1)}  # fmt: skip
    assert counts == made.design.set_index("stratum")["units"].to_dict()
    assert not ((rows == 0) & (columns == 6)).any()  # no data in 2015
    # Interpreters are not told what the map says.
    assert "map" not in " ".join(sheet.columns)
    assert "stratum" not in sheet.columns


def test_equal_seeds_give_equal_bytes(tmp_path: Path) -> None:
    study = write_tiny(tmp_path)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        design_sample(study, wishes_of(size="40", seed=seed), out=tmp_path / name)
    for sheet in SHEETS:
        assert (tmp_path / "a" / sheet).read_bytes() == (tmp_path / "b" / sheet).read_bytes()
    assert (tmp_path / "a/sample.csv").read_bytes() != (tmp_path / "c/sample.csv").read_bytes()


def test_points_are_uniform_by_true_area(tmp_path: Path) -> None:
    """From the equator to 80° N: half of the sphere's band lies below asin(sin 80° / 2) = 29.5°."""
    codes = np.ones((160, 20), np.uint8)
    for year in (2010, 2015):
        write_raster(
            tmp_path / f"lc{year}.tif", codes, crs="EPSG:4326",
            transform=from_origin(100, 80, 0.5, 0.5), nodata=0,
        )  # fmt: skip
    shape = gpd.GeoDataFrame(
        {"code": ["1"], "name": ["A"], "prefecture": ["P"]}, geometry=[box(100, 0, 110, 80)],
        crs="EPSG:4326",
    )  # fmt: skip
    shape.to_file(tmp_path / "counties.gpkg", layer="counties")
    for name in ("legend.csv", "density.csv"):
        source = write_tiny(tmp_path / "other").parent / name
        (tmp_path / name).write_bytes(source.read_bytes())
    sheet = drawn(write_study(tmp_path), size="4000", strata="none")
    share = np.sin(np.radians(sheet["y"])) / math.sin(math.radians(80))
    assert share.between(0, 1).all()
    observed, _ = np.histogram(share, bins=20, range=(0, 1))
    chi2 = ((observed - 200) ** 2 / 200).sum()
    assert chi2 < 43.8  # 19 degrees of freedom, P = 0.001
    assert abs(sheet["x"].mean() - 105) < 4 * 10 / math.sqrt(12 * 4000)


def test_border_cells_are_drawn_by_the_part_inside(tmp_path: Path) -> None:
    """A region that covers a quarter of each of its border columns."""
    study = write_tiny(tmp_path)
    frame = counties().iloc[:1].copy()
    west, south, east, north = frame.total_bounds
    frame.geometry = [box(west + 75, south, east, north)]
    frame.to_file(tmp_path / "counties.gpkg", layer="counties")
    sheet = drawn(study, size="2000", strata="none")
    assert sheet["x"].min() >= west + 75
    first = ((sheet["x"] - west) < 100).mean()
    assert first == pytest.approx(25 / 325, abs=4 * math.sqrt(0.077 * 0.923 / 2000))


# Sheets, and back


def answered(sheet: Path, truth: dict[int, dict[int, str]]) -> None:
    """Fill in the answers of a sheet from maps of what is there, by year and code."""
    with sheet.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        col = int((float(row["x"]) - 11_000_000) // 100)
        line = int((3_700_000 - float(row["y"])) // 100)
        for year, names in truth.items():
            row[f"reference_{year}"] = names[int(cover(year)[line, col])]
    with sheet.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)


GROUPS = {1: "forest", 2: "cropland", 3: "wetland", 4: "other"}
TWO = {1: "forest", 2: "not_forest", 3: "not_forest", 4: "not_forest"}


def test_a_filled_sheet_is_read_back(tmp_path: Path) -> None:
    """Interpreters who agree with the map find accuracies of 1, and its areas."""
    study = write_tiny(tmp_path, uncertainty="draws = 100")
    made = design_sample(study, wishes_of(size="80"))
    answered(made.folder / "sample.csv", {2015: GROUPS})
    section = (made.folder / "accuracy.toml").read_text(encoding="utf-8")
    study.write_text(study.read_text(encoding="utf-8") + section, encoding="utf-8")
    found = run_tables(study)
    assert set(found["accuracy"].query("measure != 'area'")["value"]) == {1.0}
    assert cell(found["regions"], "forest_ha", region_code="ALL", year=2015) == 12.0
    assert cell(found["area_estimates"], "se_ha", region_code="ALL", year=2015, kind="group",
                **{"class": "forest"}) == 0.0  # fmt: skip


def test_a_filled_sheet_of_change_is_read_back(tmp_path: Path) -> None:
    study = write_tiny(tmp_path, uncertainty="draws = 100")
    made = design_sample(study, wishes_of(size="120", strata="change:forest"))
    assert set(made.design["stratum"]) == {
        "forest>forest", "not_forest>forest", "not_forest>not_forest"
    }  # fmt: skip
    answered(made.folder / "sample.csv", {2010: TWO, 2015: TWO})
    section = (made.folder / "accuracy.toml").read_text(encoding="utf-8")
    study.write_text(study.read_text(encoding="utf-8") + section, encoding="utf-8")
    found = run_tables(study)
    gain = rows_of(found["accuracy"], measure="area").set_index("class")
    assert gain.loc["not_forest>forest", "value"] == pytest.approx(4.0)
    assert cell(found["change"], "change_t_c", region_code="ALL") == pytest.approx(337.0)


def test_sheets_open_elsewhere(tmp_path: Path) -> None:
    study = write_tiny(tmp_path, study='name = "tiny"\ntitle = "<b>A & B</b>"')
    made = design_sample(study, wishes_of(size="30"))
    places = gpd.read_file(made.folder / "sample.gpkg", layer="sample")
    sheet = pd.read_csv(made.folder / "sample.csv", encoding="utf-8-sig")
    moved = places.to_crs(CRS)
    assert shapely.get_x(moved.geometry.values) == pytest.approx(sheet["x"].to_numpy(), abs=0.02)
    root = ET.parse(made.folder / "sample.kml").getroot()
    marks = root.findall(".//{*}Placemark")
    assert len(marks) == 30
    assert root.find(".//{*}name").text == "<b>A & B</b>"
    lon, lat = map(float, marks[0].find(".//{*}coordinates").text.split(","))
    assert (lon, lat) == pytest.approx((sheet["lon"][0], sheet["lat"][0]))


def test_a_sample_is_never_overwritten(tmp_path: Path) -> None:
    study = write_tiny(tmp_path)
    design_sample(study, wishes_of(size="30"))
    with pytest.raises(OutputFailed):
        design_sample(study, wishes_of(size="30"))


@pytest.mark.parametrize(
    "wish",
    [
        {"strata": "maps"}, {"strata": "map:county"}, {"strata": "map:group:x"},
        {"strata": "map:group:2012"}, {"size": "few"}, {"size": "se=1"}, {"size": "meadow=0.1"},
        {"size": "4"}, {"size": "9999999999999999999"}, {"size": "se=1e-7"},
        {"allocation": "balanced:x"}, {"allocation": "balanced:9999999999"}, {"allocation": "best"},
        {"expect": "forest=2"}, {"expect": "meadow=0.5"},
    ],
)  # fmt: skip
def test_wishes_that_cannot_be_met(tmp_path: Path, wish: dict[str, str]) -> None:
    study = write_tiny(tmp_path)
    with pytest.raises(UnusableOption):
        design_sample(study, wishes_of(**wish))
    assert not (tmp_path / "sample").exists()


def test_command(tmp_path: Path) -> None:
    study = write_tiny(tmp_path)
    found = CliRunner().invoke(app, ["sample", str(study), "--size", "forest=0.5"])
    assert found.exit_code == 0, found.output
    assert "forest" in found.output
    assert sorted(path.name for path in (tmp_path / "sample").iterdir()) == [
        "accuracy.toml", "design.csv", "sample.csv", "sample.gpkg", "sample.kml"
    ]  # fmt: skip
