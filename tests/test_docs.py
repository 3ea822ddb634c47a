"""The documentation names every key and every column, and no other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from shapely.geometry import box

from sinks.checks import Severity
from sinks.run import check_study
from tests.conftest import ROOT


def sections(page: str) -> dict[str, str]:
    """Return the text of each second-level section by its heading's first code word."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    parts = re.split(r"^## (.+)$", text, flags=re.M)
    return {title.strip("`"): body for title, body in zip(parts[1::2], parts[2::2], strict=True)}


def first_column(body: str, title: str) -> set[str]:
    """Return the code words in the first column of the table that begins with `title`."""
    words: set[str] = set()
    inside = False
    for line in body.splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        inside = bool(cells) and (inside or cells[0] == title)
        words |= set(re.findall(r"`(\w+)`", cells[0])) if inside else set()
    return words


def keys_of(schema: dict[str, Any], name: str) -> set[str]:
    """Return the keys of one table of the study file, by its JSON Schema."""
    node = schema["properties"][name]
    node = node.get("items", node)
    node = next((item for item in node.get("anyOf", ()) if "$ref" in item), node)  # or absent
    while "$ref" in node:
        node = schema["$defs"][node["$ref"].rpartition("/")[2]]
    return set(node["properties"])


def test_every_key_of_the_study_is_explained() -> None:
    study = pytest.importorskip("sinks.study")
    schema = study.schema()
    assert "base" not in schema["properties"], "the study's own folder is no key of the file"
    pages = {re.sub(r"[\[\]]", "", title): body for title, body in sections("study.md").items()}
    for name in schema["properties"]:
        body = pages[name].partition("###")[0]
        assert first_column(body, "Key") == keys_of(schema, name), name
    planned = {"Planting": "planting", "Loss": "loss", "Growth": "growth"}
    for part, key in planned.items():
        body = pages["scenarios"].partition(f"### `[[scenarios.{key}]]`")[2].partition("###")[0]
        assert first_column(body, "Key") == set(schema["$defs"][f"{part}Config"]["properties"])
    for name, part in (("plots", "PlotsConfig"), ("raster.POOL", "DensityRasterConfig")):
        keys = set(schema["$defs"][part]["properties"])
        assert first_column(pages[f"density.{name}"], "Key") == keys


def documented_columns(body: str) -> set[str]:
    """Return the columns that a section of outputs.md lists, in its sentence and its table."""
    lists = [line for line in body.splitlines() if re.match(r"`\w+`,", line)]
    return {word for line in lists for word in re.findall(r"`(\w+)`", line)} | first_column(
        body, "Column"
    )


RAKED = [
    *["reconcile", "region_code", "region_name", "level", "year", "quantity", "strata", "pools"],
    *["unit", "map_value", "factor", "raked_value", "se", "low", "high"],
]


def columns_promised() -> dict[str, list[str]]:
    """Return the columns of DESIGN's contract, table by table."""
    interval = ["se_t_c", "low_t_c", "high_t_c"]
    region = ["region_code", "region_name"]
    place = [*region, "level", "start", "end"]
    cubic_metres = ["volume_m3_ha", "volume_m3", "se_m3", "low_m3", "high_m3"]
    components = [
        *["start_ha", "end_ha", "persistence_ha", "gain_ha", "loss_ha", "net_ha", "swap_ha"],
        *["annual_rate_pct", "compound_rate_pct", "persistence_change_t_c", "gain_change_t_c"],
        "loss_change_t_c",
    ]
    return {
        "stock": [*region, "year", "stratum", "pool", "area_ha", "stock_t_c", *interval],
        "regions": [
            *[*region, "level", "parent_code", "year", "region_ha", "valid_ha", "nodata_ha"],
            *["forest_ha", "wetland_ha", "stock_t_c", *interval],
        ],
        "change": [
            *[*region, "level", "start", "end", "change_t_c", *interval, "gain_t_c", "loss_t_c"],
            *["area_effect_t_c", "density_effect_t_c", "detectable"],
        ],
        "transitions": [
            *["region_code", "start", "end", "from_stratum", "to_stratum", "area_ha"],
            "change_t_c",
        ],
        "transition_summary": [*place, "stratum", *components],
        "group_summary": [*place, "group", *components],
        "planting": [
            *[*region, "year", "overlay", "record", "planted_year", "species", "declared_ha"],
            *["drawn_ha", "outside_regions_ha", "overlap_ha", "age", "valid_ha", "forest_ha"],
            *["forest_pct", "expected_t_c", "map_t_c"],
        ],
        "planting_regions": [
            *[*region, "level", "planted_year", "overlay", "records", "planted_ha", "planted_mu"],
            *["drawn_ha", "verified_ha", "verified_pct", "plan_mu", "share_of_plan_pct"],
        ],
        "alignment": [
            *["region_code", "year", "stratum", "own_grid_ha", "aligned_ha", "difference_ha"],
        ],
        "change_classes": [*place, "change_class", "area_ha", "area_mu", "change_t_c"],
        "implausible": [
            *["region_code", "start", "end", "rule", "from_stratum", "to_stratum", "area_ha"],
            "share_of_change_pct",
        ],
        "change_filters": [
            *["region_code", "start", "end", "change_class", "map_ha", "implausible_ha"],
            *["sieve_ha", "minimum_area_ha", "counted_ha", "removed_pct"],
        ],
        "trajectories": [
            *["region_code", "path", "changes", "flips", "first_change", "last_change", "area_ha"],
        ],
        "targets": [
            *["target", "region_code", "level", "start", "end", "quantity", "unit", "required"],
            *["achieved", "se", "low", "high", "share_achieved", "probability", "verdict"],
            *["achieved_other_unit", "other_unit", "probability_other_unit"],
            *["verdict_other_unit", "share_by", "basis", "basis_source"],
            *["official", "official_se"],
        ],
        "target_path": [
            *["target", "year", "unit", "baseline", "on_path", "achieved", "se", "low", "high"],
            *["probability", "rate_planned", "rate_so_far", "rate_needed", "basis"],
        ],
        "consistency": [
            *["target", "unit", "required", "volume_increase_m3", "forest_increase_ha"],
            *["implied_low", "implied_high", "consistent", "consistent_other_unit"],
            *["volume_target", "cover_target", "volume_found_m3", "volume_found_low_m3"],
            *["volume_found_high_m3", "forest_found_ha", "found_implied_low"],
            *["found_implied_high", "found", "probability_found"],
        ],
        "volume": [*region, "level", "year", "group", "stratum", "area_ha", *cubic_metres],
        "volume_groups": [*region, "level", "year", "group", "area_ha", *cubic_metres],
        "volume_change": [
            *[*place, "group", "change_m3", "se_m3", "low_m3", "high_m3", "detectable"],
        ],
        "reconciliation": [
            *["reconcile", "source", "basis", *region, "level", "year", "quantity", "strata"],
            *["pools", "unit", "map_value", "map_se", "map_low", "map_high", "other_value"],
            *["other_se", "difference", "se", "low", "high", "detectable", "area_part"],
            *["area_part_se", "density_part", "density_part_se", "definition_part", "rest"],
            *["map_area_ha", "other_area_ha"],
            *["map_density_t_c_ha", "other_density_t_c_ha", "uncovered_ha", "remark"],
        ],
        "raked": RAKED,
        "raked_strata": RAKED,
        "projection": [
            *["scenario", *region, "level", "year", "stock_t_c", *interval, "change_t_c"],
            *["change_se_t_c", "change_low_t_c", "change_high_t_c", "growth_part_t_c"],
            *["planting_part_t_c", "loss_part_t_c", "planted_ha"],
        ],
        "scenario_targets": [
            *["scenario", "target", "region_code", "level", "start", "end", "quantity", "unit"],
            *["required", "projected", "se", "low", "high", "gap", "probability", "verdict"],
            *["planned_ha_per_yr", "limit_ha_per_yr", "answer", "answer_p50", "answer_p95"],
            *[f"needed{p}_{u}_per_yr" for p in ("", "_p50", "_p95") for u in ("ha", "mu")],
        ],
        "scenario_path": [
            *["scenario", "target", "year", "unit", "value", "se", "low", "high", "required"],
            "basis",
        ],
        "coverage": [
            *["region_code", "year", "region_ha", "inside_ha", "valid_ha", "nodata_ha"],
            *["outside_ha", "common_valid_ha"],
        ],
        "parameters": ["name", "value", "se", "unit", "distribution", "source", "confidence"],
        "density_raster": [
            *[*region, "level", "year", "pool", "stratum", "raster_year", "area_ha", "valid_ha"],
            *["share", "density_t_c_ha", "se_t_c_ha", "used"],
        ],
        "models": [
            *["model", "model_zh", "model_en", "central", "year", "stratum", "pool", "plots"],
            *["density_t_c_ha", "area_ha", "stock_t_c", "outside_area_pct", "outside_carbon_pct"],
        ],
        "error_budget": [
            *[*region, "level", "quantity", "start", "end", "source", "se_t_c"],
            *["share_of_variance", "approach1_se_t_c", "approach1_holds"],
        ],
        "error_budget_pools": [
            *[*region, "level", "quantity", "start", "end", "source", "pool", "se_t_c"],
            "share_of_variance",
        ],
        "attribution": [
            *[*region, "level", "start", "end", "cause", "area_ha", "change_t_c", *interval],
            *["map_ha", "noise_ha", "noise_t_c", "noise_basis"],
        ],
        "ranking": [
            *[*region, "level", "quantity", "start", "end", "rank", "rank_low", "rank_high"],
            *["of", "probability_top", "probability_bottom"],
        ],
        "accuracy": [
            *["measure", "class", "start", "year", "value", "se", "low", "high", "unit", "units"],
            "status",
        ],
        "false_change": [
            *["start", "end", "basis", "source", "overall_accuracy_pct", "compared_ha"],
            *["mapped_change_ha", "independent_ha", "at_most_ha"],
        ],
        "error_matrix": [
            *["stratum", "stratum_area_ha", "map_class", "reference_class", "units", "share"],
        ],
        "area_estimates": [
            *[*region, "level", "year", "kind", "class", "map_ha", "area_ha", "se_ha", "low_ha"],
            "high_ha",
        ],
        "wetland": [
            *[*region, "level", "year", "stratum", "area_ha", "vegetation_t_c", "soil_t_c"],
            *["burial_t_c_per_yr", "burial_low_t_c_per_yr", "burial_high_t_c_per_yr"],
            *["ch4_t_per_yr", "ch4_low_t_per_yr", "ch4_high_t_per_yr", "ch4_t_co2e_per_yr"],
            "gwp",
        ],
        "wetland_definitions": [
            *[*region, "level", "year", "definition", "area_ha", "stock_t_c", "low_t_c"],
            *["high_t_c", "strata"],
        ],
        "wetland_seasonal": [
            *[*place, "mapped_from", "mapped_to", "counted_from", "counted_to", "area_ha"],
            *["mapped_change_t_c", "counted_change_t_c"],
        ],
        "wetland_soil": [
            *[*region, "level", "start", "end", "direction", "area_ha", "committed_t_c"],
            *["realised_t_c", "rate_t_c_per_yr", "settle_years"],
        ],
        "overlay_regions": [
            *["overlay", "part", *region, "level", "parent_code", "year", "overlay_ha"],
            *["valid_ha", "nodata_ha", "forest_ha", "wetland_ha", "stock_t_c", *interval],
        ],
        "overlay_change": [
            *["overlay", "part", *region, "level", "start", "end", "change_t_c", *interval],
            *["gain_t_c", "loss_t_c", "area_effect_t_c", "density_effect_t_c", "detectable"],
        ],
        "overlay_stock": [
            *["overlay", "part", *region, "year", "stratum", "pool", "area_ha", "stock_t_c"],
            *interval,
        ],
        "overlay_transitions": [
            *["overlay", "part", "region_code", "start", "end", "from_stratum", "to_stratum"],
            *["area_ha", "change_t_c"],
        ],
        "qc": [
            *["check", "subject", "expected", "found", "unit", "passed", "note_zh", "note_en"],
        ],
    }


@pytest.mark.parametrize("table", columns_promised())
def test_every_column_is_explained(table: str) -> None:
    body = sections("outputs.md")[f"tables/{table}.csv"]
    assert documented_columns(body) == set(columns_promised()[table])


def test_every_page_is_reachable() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    pages = {path.stem for path in (ROOT / "docs").glob("*.md")} - {"index"}
    assert set(re.findall(r"^(\w+)$", index, flags=re.M)) == pages


@pytest.mark.parametrize("readme", ["README.md", "README.zh.md"])
def test_study_of_the_readme_is_a_study(readme: str, tmp_path: Path) -> None:
    """Beside two counties and two small CLCD rasters, the README's file has no problem."""
    text = (ROOT / readme).read_text(encoding="utf-8")
    (study,) = re.findall(r"^```toml\n(.*?)^```", text, flags=re.S | re.M)
    (tmp_path / "study.toml").write_text(study, encoding="utf-8")
    columns = {"code": ["420101", "420102"], "name": ["甲县", "乙县"]}
    shapes = [box(0, 0, 300, 600), box(300, 0, 600, 600)]
    frame = gpd.GeoDataFrame(columns, geometry=shapes, crs="EPSG:32649")
    frame.geometry = frame.translate(500_000, 3_400_000)
    frame.to_file(tmp_path / "counties.gpkg", driver="GPKG")
    classes = np.tile(np.arange(1, 5, dtype=np.uint8), (20, 5))  # cropland, forest, shrub, grass
    for year in (2010, 2015):
        with rasterio.open(
            tmp_path / f"lc{year}.tif",
            "w",
            driver="GTiff",
            width=20,
            height=20,
            count=1,
            dtype="uint8",
            crs="EPSG:32649",
            transform=rasterio.Affine(30, 0, 500_000, 0, -30, 3_400_600),
        ) as raster:
            raster.write(classes, 1)
    problems = check_study(tmp_path / "study.toml")
    assert not [problem.text("en") for problem in problems.of(Severity.ERROR, Severity.REPAIR)]
