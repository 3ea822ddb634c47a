"""Change maps: classes, filters and polygons, against the tables and a plain second way."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from sinks import changemaps
from sinks.checks import Problems
from sinks.errors import InputProblems
from sinks.landcover.change import (
    Rule,
    change_classes,
    class_table,
    implausible,
    load_rules,
)
from sinks.landcover.patches import MINIMUM_AREA, SIEVE, Filters
from sinks.legend import packaged_legend
from sinks.results import Results
from sinks.run import PARTS, Options, run_study
from tests.tiny import CRS, NORTH, WEST, counties, write_raster, write_tiny

CODE = {kind.name: kind.code for kind in change_classes()}
CLCD = packaged_legend("clcd")
STRATA = list(CLCD.strata)


# ---------------------------------------------------------------- classes


def test_every_pair_of_groups_has_its_class() -> None:
    codes = class_table(STRATA, CLCD)
    names = {code: name for name, code in CODE.items()}

    def own(before: str, after: str) -> str:
        return names[int(codes[STRATA.index(before), STRATA.index(after)])]

    assert own("cropland", "forest") == "afforestation"
    assert own("forest", "cropland") == "deforestation"
    assert own("forest", "forest") == "stable_forest"
    assert own("forest", "water") == "forest_to_wetland"
    assert own("water", "forest") == "wetland_to_forest"
    assert own("cropland", "water") == "wetland_gain"
    assert own("water", "cropland") == "wetland_loss"
    assert own("cropland", "grassland") == "other_change"
    assert own("cropland", "cropland") == "stable_other"


def test_swapping_years_swaps_gains_and_losses() -> None:
    there = class_table(STRATA, CLCD)
    turned = {
        "afforestation": "deforestation", "wetland_gain": "wetland_loss",
        "forest_to_wetland": "wetland_to_forest",
    }  # fmt: skip
    turned |= {after: before for before, after in turned.items()}
    for name, code in CODE.items():
        back = CODE[turned.get(name, name)]
        assert ((there == code) == (back == there.T)).all(), name


# ---------------------------------------------------------------- rules


def flags(path: str, years: list[int], rule: Rule) -> list[int]:
    short = {"F": "forest", "B": "built_up", "C": "cropland", "W": "water"}
    row = np.array([[STRATA.index(short[sign]) for sign in path]])
    found = implausible(row, [rule], years=years, strata=STRATA, legend=CLCD)
    return [int(flag) for flag in found[0]]


BACK = Rule("r", ("@forest",), ("built_up",), ("@forest",), 15)


def test_there_and_back_doubts_both_changes() -> None:
    assert flags("FBF", [2000, 2005, 2010], BACK) == [0, 1, 1]
    assert flags("FBBF", [2000, 2005, 2010, 2015], BACK) == [0, 1, 0, 1]
    assert flags("FBF", [1990, 2005, 2010], BACK) == [0, 0, 0], "20 years are long enough"
    assert flags("FBC", [2000, 2005, 2010], BACK) == [0, 0, 0]
    assert flags("BFB", [2000, 2005, 2010], BACK) == [0, 0, 0]
    assert flags("FBFBF", [2000, 2002, 2004, 2006, 2008], BACK) == [0, 1, 1, 1, 1]
    assert flags("CBF", [2000, 2005, 2010], BACK) == [0, 0, 0], "it was no forest before"


def test_a_direct_rule_doubts_one_change_in_few_years() -> None:
    rule = Rule("r", ("built_up",), (), ("@forest",), 5)
    assert flags("BF", [2010, 2015], rule) == [0, 1]
    assert flags("BF", [2010, 2016], rule) == [0, 0]
    assert flags("BBFF", [2000, 2005, 2010, 2015], rule) == [0, 0, 1, 0]
    assert flags("FF", [2010, 2015], Rule("r", ("@forest",), (), ("@forest",), 5)) == [0, 0]


def test_the_packaged_rules_speak_of_known_strata() -> None:
    known = {*packaged_legend("sinks").strata}
    for name in ("clcd", "cnlucc", "globeland30"):
        known |= set(packaged_legend(name).strata)
    for rule in load_rules("change_rules", CLCD, base=Path(), problems=Problems()):
        words = {*rule.before, *rule.middle, *rule.after}
        assert {word for word in words if not word.startswith("@")} <= known
        assert rule.within_years > 0


@pytest.mark.parametrize(
    "row", ["r,forest,,lakes,5", "r,forest,,@woods,5", "r,forest,,water,-1", "r,,,water,5"]
)
def test_a_wrong_rule_is_refused(row: str, tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(f"rule,before,middle,after,within_years\n{row}\n", "utf-8")
    problems = Problems("en")
    assert load_rules("r.csv", CLCD, base=tmp_path, problems=problems) == ()
    assert [problem.code for problem in problems] == ["change.bad_rule"]


# ---------------------------------------------------------------- filters


def plain_filter(changed: Any, codes: Any, filters: Filters, *, hectares: Any) -> Any:
    """Return what the filters take out, patch by patch on the whole array."""
    touch = ndimage.generate_binary_structure(2, 2 if filters.connectivity == 8 else 1)
    out = np.zeros(changed.shape, np.uint8)
    labels, count = ndimage.label(changed, touch)
    for label in range(1, count + 1):
        if (labels == label).sum() < filters.sieve:
            out[labels == label] = SIEVE
    for code in np.unique(codes):
        labels, count = ndimage.label(changed & (out != SIEVE) & (codes == code), touch)
        for label in range(1, count + 1):
            own = labels == label
            if (own * hectares[:, None]).sum() < filters.minimum_area * (1 - 1e-12):
                out[own] = MINIMUM_AREA
    return out


@settings(max_examples=60, deadline=None)
@given(
    codes=arrays(np.uint8, (24, 7), elements=st.integers(0, 2)),
    sieve=st.integers(0, 4),
    area=st.sampled_from([0.0, 0.2, 0.25, 0.5]),
    connectivity=st.sampled_from([4, 8]),
    rows=st.integers(1, 9),
)
def test_strips_decide_as_the_whole(
    codes: Any, sieve: int, area: float, connectivity: int, rows: int
) -> None:
    filters = Filters(sieve, area, connectivity)
    hectares = np.linspace(0.09, 0.11, len(codes))
    changed = codes > 0
    wanted = plain_filter(changed, codes, filters, hectares=hectares)
    reach = filters.reach(float(hectares.min()))
    for first in range(0, len(codes), rows):
        top, bottom = max(0, first - reach), min(len(codes), first + rows + reach)
        cut = slice(top, bottom)
        found = filters.of(codes[cut], changed[cut], hectares=hectares[cut])
        last = min(first + rows, len(codes))
        assert (found[first - top : last - top] == wanted[first:last]).all()


# ---------------------------------------------------------------- whole runs


def write_noisy(folder: Path, *, change: str, years: int = 3, side: int = 60) -> Path:
    """Write a province of noise: three counties of different patches, three years."""
    study = write_tiny(folder)
    rng = np.random.default_rng(7)
    base = ndimage.zoom(rng.integers(1, 5, (6, 12)), (side / 6, 3 * side / 12), order=0)
    transform = rasterio.transform.from_origin(WEST, NORTH, 100, 100)
    names = []
    for year in range(years):
        cells = base.astype(np.uint8).copy()
        blobs = ndimage.gaussian_filter(rng.normal(size=cells.shape), 1.5) > 0.12
        cells[blobs] = rng.integers(1, 5, blobs.sum()).astype(np.uint8)
        cells[rng.random(cells.shape) < 0.01] = 0
        write_raster(folder / f"n{year}.tif", cells, transform=transform)
        names.append(f'{2000 + 5 * year} = "n{year}.tif"')
    frame = counties()
    frame.geometry = frame.geometry.scale(side / 4, side / 4, origin=(WEST, NORTH)).rotate(
        7, origin=(WEST + 150 * side, NORTH - 50 * side)
    )
    frame.to_file(folder / "counties.gpkg", layer="counties")
    text = study.read_text("utf-8").replace(
        '{ 2010 = "lc2010.tif", 2015 = "lc2015.tif" }', "{ " + ", ".join(names) + " }"
    )
    density = (folder / "density.csv").read_text("utf-8").replace("agb,2010,40", "agb,,40")
    density = "\n".join(line for line in density.splitlines() if "2015" not in line) + "\n"
    (folder / "density.csv").write_text(density, "utf-8")
    study.write_text(text + f"\n[change]\n{change}\n", "utf-8")
    return study


RULES = """rule,before,middle,after,within_years
town_forest,town,,@forest,5
lake_crop_lake,lake,crop,lake,12
"""


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> Results:
    folder = tmp_path_factory.mktemp("noisy")
    (folder / "rules.csv").write_text(RULES, "utf-8")
    change = (
        'sieve = 3\nminimum_area_ha = 5\nconnectivity = 8\nrules = "rules.csv"\n'
        "remove_implausible = true"
    )
    study = write_noisy(folder, change=change)
    return run_study(study, folder / "out", options=Options(parts=("regions", "report"), workers=2))


def test_filters_close_on_the_classes_of_change(noisy: Results) -> None:
    filters, classes = noisy.tables["change_filters"], noisy.tables["change_classes"]
    sizes = ["implausible_ha", "sieve_ha", "minimum_area_ha", "counted_ha"]
    assert filters["map_ha"].to_numpy() == pytest.approx(filters[sizes].sum(axis=1).to_numpy())
    assert (filters[sizes].sum() > 0).all(), "every filter has something to do"
    key = ["region_code", "start", "end", "change_class"]
    own = classes[classes["level"] == "region"]
    own = own[~own["change_class"].str.startswith("stable")].set_index(key)["area_ha"]
    assert filters.set_index(key)["map_ha"].to_dict() == pytest.approx(own.to_dict(), abs=1e-6)
    assert "reforestation" in set(filters["change_class"])
    removed = 100 * (1 - filters["counted_ha"] / filters["map_ha"])
    assert filters["removed_pct"].to_numpy() == pytest.approx(removed.to_numpy(), abs=1e-6)


def test_classes_close_on_groups(noisy: Results) -> None:
    key = ["region_code", "start", "end"]
    classes = noisy.tables["change_classes"]
    gains = classes[
        classes["change_class"].isin(["afforestation", "reforestation", "wetland_to_forest"])
    ]
    groups = noisy.tables["group_summary"]
    groups = groups[(groups["group"] == "forest") & (groups["gain_ha"] > 0)]
    sums = gains.groupby(key)["area_ha"].sum()
    assert groups.set_index(key)["gain_ha"].to_dict() == pytest.approx(sums.to_dict())
    change = noisy.tables["change"].set_index(key)["change_t_c"]
    assert classes.groupby(key)["change_t_c"].sum().to_dict() == pytest.approx(change.to_dict())


def test_polygons_are_what_counts(noisy: Results) -> None:
    filters = noisy.tables["change_filters"]
    key = ["region_code", "change_class"]
    for (start, end), rows in filters.groupby(["start", "end"]):
        frame = gpd.read_file(noisy.root / "changes.gpkg", layer=f"changes_{start}_{end}")
        assert frame.geometry.is_valid.all()
        assert frame["area_mu"].to_numpy() == pytest.approx(15 * frame["area_ha"].to_numpy())
        sums = frame.groupby(key)["area_ha"].sum()
        wanted = rows[rows["counted_ha"] > 0].set_index(key)["counted_ha"]
        assert sums.to_dict() == pytest.approx(wanted.to_dict(), rel=1e-5, abs=1e-3)
        # The shapes have the area that they say: an equal-area projection.
        assert frame.area.to_numpy() / 1e4 == pytest.approx(
            frame["area_ha"].to_numpy(), rel=1e-4, abs=1e-3
        )
        assert (frame["from_stratum"] != frame["to_stratum"]).all()


def test_raster_is_a_cog_with_colours(noisy: Results) -> None:
    with rasterio.open(noisy.root / "rasters" / "change_class_2000_2010.tif") as dataset:
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert dataset.nodata == 0
        assert dataset.colormap(1)[CODE["afforestation"]] == (155, 211, 106, 255)
        assert dataset.tags()["years"] == "2000 2010"
        assert dataset.tags()["class_4"].startswith("deforestation")
        cells = dataset.read(1)
    assert set(np.unique(cells)) <= {0, *CODE.values()}
    assert CODE["not_counted"] in cells
    report = (noisy.root / "report.html").read_text("utf-8")
    assert "What the filters took off the change maps" in report


def test_strips_do_not_show(noisy: Results, tmp_path: Path, monkeypatch: Any) -> None:
    """Sixteen rows at a time: the same rasters, tables and patches."""
    study = noisy.root.parent / "study.toml"
    monkeypatch.setattr(changemaps, "STRIP_BYTES", 1)
    other = run_study(study, tmp_path / "out", options=Options(parts=("regions", "report")))
    pd.testing.assert_frame_equal(noisy.tables["change_filters"], other.tables["change_filters"])
    for name in ("change_class_2000_2005", "change_class_2005_2010", "change_class_2000_2010"):
        sides = []
        for results in (noisy, other):
            with rasterio.open(results.root / "rasters" / f"{name}.tif") as dataset:
                sides.append(dataset.read(1))
        assert (sides[0] == sides[1]).all()
    key = ["region_code", "from_stratum", "to_stratum", "area_ha"]
    frames = [
        gpd.read_file(item.root / "changes.gpkg", layer="changes_2000_2010")
        for item in (noisy, other)
    ]
    ordered = [frame.assign(area_ha=frame["area_ha"].round(6)).sort_values(key) for frame in frames]
    assert len(frames[0]) == len(frames[1])
    for column in key:
        assert ordered[0][column].tolist() == ordered[1][column].tolist()


def test_same_inputs_same_bytes(noisy: Results, tmp_path: Path) -> None:
    study = noisy.root.parent / "study.toml"
    other = run_study(study, tmp_path / "out", options=Options(parts=("regions", "report")))
    for name in ("changes.gpkg", "rasters/change_class_2000_2010.tif"):
        sums = [
            hashlib.sha256((item.root / name).read_bytes()).hexdigest() for item in (noisy, other)
        ]
        assert sums[0] == sums[1], name
    assert not (noisy.root / ".change").exists()


def test_the_tiny_province_by_hand(tmp_path: Path) -> None:
    """甲县: four cells of cropland become forest, in one patch; 丙县: one of town becomes lake."""
    study = write_tiny(tmp_path)
    study.write_text(study.read_text("utf-8") + "\n[change]\nminimum_area_ha = 1.5\n", "utf-8")
    done = run_study(study, tmp_path / "out", options=Options(parts=(*PARTS[:1],), workers=1))
    rows = done.tables["change_filters"].set_index(["region_code", "change_class"])
    assert rows.loc[("0101", "afforestation"), "counted_ha"] == pytest.approx(4)
    assert rows.loc[("0203", "wetland_gain"), "minimum_area_ha"] == pytest.approx(1)
    assert rows.loc[("0203", "wetland_gain"), "counted_ha"] == 0
    frame = gpd.read_file(done.root / "changes.gpkg")
    assert frame["region_name"].tolist() == ["甲县"]
    assert frame["area_mu"].tolist() == pytest.approx([60], rel=1e-6)
    assert frame.crs.to_epsg() == int(CRS.split(":")[1])
    with rasterio.open(done.root / "rasters" / "change_class_2010_2015.tif") as dataset:
        cells = dataset.read(1)
    assert (cells[:2, 2:4] == CODE["afforestation"]).all()
    assert cells[3, 11] == CODE["not_counted"]
    assert cells[0, 6] == 0, "no data in 2015"
    assert cells[1, 6] == CODE["stable_wetland"]


def test_maps_only_when_asked(tmp_path: Path) -> None:
    study = write_tiny(tmp_path)
    done = run_study(study, tmp_path / "out", options=Options(parts=(*PARTS[:1],), workers=1))
    assert not (done.root / "changes.gpkg").exists()
    assert "change_filters" not in done.tables
    asked = run_study(study, tmp_path / "out", options=Options(parts=("changes",), workers=1))
    assert (asked.root / "changes.gpkg").exists()


def test_a_filter_beyond_memory_is_refused(tmp_path: Path) -> None:
    study = write_tiny(tmp_path)
    study.write_text(study.read_text("utf-8") + "\n[change]\nminimum_area_ha = 99999\n", "utf-8")
    with pytest.raises(InputProblems) as caught:
        run_study(study, tmp_path / "out", options=Options(parts=(), workers=1))
    assert [problem.code for problem in caught.value.problems] == ["change.reach"]


def test_implausible_change_is_told(noisy: Results) -> None:
    rows = noisy.tables["implausible"]
    moves = noisy.tables["transitions"]
    direct = rows[rows["rule"] == "town_forest"].set_index(["region_code", "start", "end"])
    wanted = moves[(moves["from_stratum"] == "town") & (moves["to_stratum"] == "forest")]
    wanted = wanted[wanted["end"] - wanted["start"] == 5].set_index(["region_code", "start", "end"])
    assert direct["area_ha"].to_dict() == pytest.approx(wanted["area_ha"].to_dict())
    back = rows[rows["rule"] == "lake_crop_lake"]
    paths = noisy.tables["trajectories"]
    land = paths[paths["path"] == "lake>crop>lake"].groupby("region_code")["area_ha"].sum()
    for start in (2000, 2005):
        own = back[back["start"] == start].groupby("region_code")["area_ha"].sum()
        assert own.to_dict() == pytest.approx(land.to_dict())
