"""Sub-compartments of a run and of its site: numbers of the models, tiles that hold them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import shapely
from pmtiles.reader import MmapSource, Reader

from sinks.biomass.models import apply_model
from sinks.biomass.stands import Draws
from sinks.checks import Problems
from sinks.publish.polygons import WORLD, class_limits, shard_of, zooms_of
from sinks.publish.stands import write_stands
from sinks.run import Options, run_study
from tests.conftest import ROOT
from tests.test_stand_density import MODEL, polygons, write_study

FORTY = 40


def grid_of(count: int, side: float, **columns: Any) -> gpd.GeoDataFrame:
    """Return count × count squares side by side, north of 30°N, each with numbers of its own."""
    west, north = 12_400_000.0, 3_600_000.0
    k = np.arange(count * count)
    x, y = west + side * (k % count), north - side * (k // count)
    data = {
        "row": k + 1, "polygon_id": [f"{i:05d}" for i in k], "region_code": "0301",
        "species": "220", "forest_type": "masson_pine", "age_group": "young", "origin": "natural",
        "age": np.nan, "area_ha": 4.0, "volume_m3_ha": k % 97 + 0.5, "stock_t_c": 4.0 * (k % 97),
        "low_t_c": 3.0 * (k % 97), "high_t_c": 5.0 * (k % 97), "outside_range": "false",
    } | columns  # fmt: skip
    return gpd.GeoDataFrame(data, geometry=shapely.box(x, y, x + side, y + side), crs="EPSG:3857")


def tiles_of(folder: Path, frame: gpd.GeoDataFrame) -> tuple[dict[str, Any], Path]:
    folder.mkdir()
    frame.to_file(folder / "subcompartments.gpkg", layer="subcompartments_2015", driver="GPKG")
    held = {
        "layer": "subcompartments_2015", "years": [2010, 2015], "file": "xb.gpkg", "model": MODEL,
    }  # fmt: skip
    results: Any = SimpleNamespace(root=folder, language="en", meta={"stands": [held]})
    records = write_stands(results, folder=folder / "tiles")
    assert [record["year"] for record in records] == [2010, 2015]
    assert records[0] | {"year": 0, "time": ""} == records[1] | {"year": 0, "time": ""}
    return records[0], folder / "tiles" / records[0]["name"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path, gpd.GeoDataFrame]:
    frame = grid_of(FORTY, 200.0)
    frame.loc[7, ["stock_t_c", "low_t_c", "high_t_c"]] = np.nan
    record, folder = tiles_of(tmp_path_factory.mktemp("stands") / "run", frame)
    return record, folder, frame


def test_a_run_writes_every_polygon_with_its_interval(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    volumes = [60.0] * 13 + [0.0] * 13
    polygons(
        tmp_path / "in" / "xb2010.gpkg", {"0101": volumes}, XIAO_BAN=[f"b{i}" for i in range(26)]
    )
    polygons(tmp_path / "in" / "xb2015.gpkg", {"0101": [70.0] * 26})
    study = write_study(tmp_path / "in", uncertainty="draws = 300")
    results = run_study(study, tmp_path / "out", options=Options(parts=("regions",)))
    told = {own["layer"]: own["years"] for own in results.meta["stands"]}
    assert told == {"subcompartments_2010": [2010], "subcompartments_2015": [2015]}
    frame = gpd.read_file(tmp_path / "out" / "subcompartments.gpkg", layer="subcompartments_2010")
    carbon = apply_model(
        MODEL, volume=volumes, forest_type=["masson_pine"] * 26, problems=Problems(),
        draws=Draws(results.meta["study"]["seed"], 300),
    )  # fmt: skip
    drawn = carbon.at(slice(None)).sum(axis=0) * 0.4
    assert frame["polygon_id"].tolist() == [f"b{i}" for i in range(26)]
    assert frame["stock_t_c"].to_numpy() == pytest.approx(carbon.central.sum(axis=0) * 0.4)
    assert frame["se_t_c"].to_numpy() == pytest.approx(drawn.std(axis=1, ddof=1))
    for name, part in (("low_t_c", 0.025), ("high_t_c", 0.975)):
        assert frame[name].to_numpy() == pytest.approx(np.quantile(drawn, part, axis=1))
    assert set(frame["region_code"]) == {"0101"}
    assert "subcompartments.gpkg" in results.meta["outputs"]
    # As a user types it: the command line keeps most of GDAL's drivers out.
    command = ["-m", "sinks", "publish", str(tmp_path / "out"), str(tmp_path / "site")]
    subprocess.run([sys.executable, *command], check=True, cwd=ROOT, capture_output=True)
    assert list((tmp_path / "site" / "tiles" / "subcompartments-2015").rglob("*.pbf"))


def test_every_zoom_holds_every_polygon_and_its_class(
    made: tuple[dict[str, Any], Path, gpd.GeoDataFrame],
) -> None:
    record, folder, frame = made
    density = (frame["stock_t_c"] / frame["area_ha"]).to_numpy()
    classes = np.where(
        np.isnan(density), -1, np.searchsorted(record["limits"], density, side="right")
    )
    first, last = record["zooms"]
    assert sum(record["counts"]) == len(frame)
    for zoom in range(first, last + 1):
        seen: dict[int, set[int]] = {}
        for path in (folder / str(zoom)).rglob("*.pbf"):
            x, y = path.parent.name, int(path.stem)
            runs = record["tiles"][str(zoom)][x]
            assert any(a <= y <= b for a, b in zip(runs[::2], runs[1::2], strict=True))
            tile = pyogrio.read_dataframe(path, read_geometry=False)
            assert ("stock" in tile.columns) == (zoom == last)
            for i, c in zip(tile["i"], tile["c"], strict=True):
                seen.setdefault(int(i), set()).add(int(c))
        assert set(seen) == set(frame["row"]), zoom
        assert all(seen[i] == {classes[i - 1]} for i in seen)


def test_the_last_zoom_says_what_the_table_says_at_the_right_place(
    made: tuple[dict[str, Any], Path, gpd.GeoDataFrame],
) -> None:
    record, folder, frame = made
    zoom = record["zooms"][1]
    side = WORLD / 2**zoom
    reader = Reader(MmapSource(folder.with_suffix(".pmtiles").open("rb")))
    for k in np.random.default_rng(3).choice(len(frame), 10, replace=False):
        row = frame.iloc[k]
        point = row.geometry.centroid
        x, y = (point.x + WORLD / 2) / side, (WORLD / 2 - point.y) / side
        path = folder / str(zoom) / f"{int(x)}" / f"{int(y)}.pbf"
        # GDAL reads a tile with y upward from its own lower left corner.
        tile = gpd.read_file(path, engine="pyogrio")
        bounds = (int(x) * side - WORLD / 2, WORLD / 2 - (int(y) + 1) * side)
        here = shapely.Point(point.x, point.y)
        if abs(tile.total_bounds).max() < 10_000:  # steps of the tile's own grid
            step = 4096 / side
            here = shapely.Point((point.x - bounds[0]) * step, (point.y - bounds[1]) * step)
        found = tile[tile.contains(here)]
        assert found["i"].tolist() == [row["row"]]
        assert found["id"].iloc[0] == row["polygon_id"]
        if np.isfinite(row["stock_t_c"]):
            for name, column in (("stock", "stock_t_c"), ("low", "low_t_c"), ("high", "high_t_c"),
                                 ("volume", "volume_m3_ha"), ("ha", "area_ha")):  # fmt: skip
                assert float(found[name].iloc[0]) == pytest.approx(row[column])
        else:
            assert "stock" not in found or found["stock"].isna().all()
        held = reader.get(zoom, int(x), int(y))
        assert held is not None
        assert held[:2] == b"\x1f\x8b"


def test_an_id_is_found_in_its_part_of_the_index(
    made: tuple[dict[str, Any], Path, gpd.GeoDataFrame],
) -> None:
    record, folder, frame = made
    places = frame.geometry.to_crs("EPSG:4326")
    for k in (0, 7, 1599):
        word = frame["polygon_id"].iloc[k]
        shard = json.loads(
            (folder / "ids" / f"{shard_of(word, record['shards'])}.json").read_text("utf-8")
        )
        ((x, y, row),) = shard[word]
        assert row == k + 1
        assert places.iloc[k].contains(shapely.Point(x, y))


def test_neighbours_keep_one_border_at_every_zoom(tmp_path: Path) -> None:
    """Wavy polygons of a coverage: no gap opens between them when they are simplified."""
    frame = grid_of(20, 400.0)
    waves = shapely.transform(
        shapely.segmentize(frame.geometry.to_numpy(), 10.0),
        lambda a: a + np.column_stack([30 * np.sin(a[:, 1] / 50), 30 * np.sin(a[:, 0] / 50)]),
    )
    record, folder = tiles_of(tmp_path / "run", frame.set_geometry(waves, crs="EPSG:3857"))
    gaps, land = 0.0, 0.0
    for path in (folder / str(record["zooms"][1] - 2)).rglob("*.pbf"):
        shapes = gpd.read_file(path, engine="pyogrio").geometry.make_valid()
        whole = shapely.union_all(shapes.to_numpy())
        holes = [ring for part in shapely.get_parts(whole) for ring in part.interiors]
        gaps += sum(shapely.Polygon(ring).area for ring in holes)
        overlap = shapes.area.sum() - whole.area
        gaps += overlap
        land += whole.area
    assert land > 0
    assert gaps < 2e-3 * land, "what the tiles' own grid rounds, and no more"


def test_same_polygons_same_bytes(
    made: tuple[dict[str, Any], Path, gpd.GeoDataFrame], tmp_path: Path
) -> None:
    record, folder, frame = made
    again, other = tiles_of(tmp_path / "run", frame)
    assert again == record
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    assert files == sorted(p.relative_to(other) for p in other.rglob("*") if p.is_file())
    assert all((folder / name).read_bytes() == (other / name).read_bytes() for name in files)
    assert folder.with_suffix(".pmtiles").read_bytes() == other.with_suffix(".pmtiles").read_bytes()


def test_forty_thousand_polygons_stay_small_tiles() -> None:
    """By arithmetic: what the first view of a province or a county must load."""
    shapes = grid_of(200, 200.0).geometry.to_numpy()
    first, last = zooms_of(shapes)
    assert (first, last) == (9, 14)
    west, south, east, north = shapely.total_bounds(shapes)
    across = max(east - west, north - south) / (WORLD / 2**first)
    assert across <= 3
    assert class_limits(np.array([np.nan])) == []
    assert class_limits(np.full(9, 5.0)) in ([5.0], [])
