"""Styles that QGIS reads: in the GeoPackage and beside the rasters."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from xml.etree import ElementTree as ET

import geopandas as gpd
import numpy as np
import pyogrio
import pytest

from sinks.boundaries.geopackage import write_geopackage
from sinks.qgis import add_styles, style_surfaces
from tests.map_sample import CODES, sample_regions


@pytest.fixture
def frame() -> gpd.GeoDataFrame:
    values = {"change_t_c": [-500.0, 0.0, 1000.0, np.nan], "stock_t_c": [1e6, 2e6, 3e6, 4e6]}
    return sample_regions().assign(**values)


def test_geopackage_has_styles_and_is_read_as_before(
    frame: gpd.GeoDataFrame, tmp_path: Path
) -> None:
    for name in ("a.gpkg", "b.gpkg"):
        write_geopackage(frame, tmp_path / name, layer="regions")
        add_styles(tmp_path / name, frame, layer="regions", language="zh")
    assert (tmp_path / "a.gpkg").read_bytes() == (tmp_path / "b.gpkg").read_bytes()
    with sqlite3.connect(tmp_path / "a.gpkg") as connection:
        rows = connection.execute(
            "SELECT f_table_name, f_geometry_column, useAsDefault, styleQML FROM layer_styles"
        ).fetchall()
        column = connection.execute("SELECT column_name FROM gpkg_geometry_columns").fetchone()[0]
    assert [(row[0], row[1], row[2]) for row in rows] == [("regions", column, 1),
                                                          ("regions", column, 0)]  # fmt: skip
    renderer = ET.fromstring(rows[0][3].split("\n", 1)[1]).find("renderer-v2")
    assert renderer is not None
    ranges = renderer.findall("ranges/range")
    lows = [float(item.get("lower", "nan")) for item in ranges]
    highs = [float(item.get("upper", "nan")) for item in ranges]
    assert lows[1:] == highs[:-1]
    assert lows == [-high for high in reversed(highs)], "symmetric around zero"
    assert highs[-1] == 1000.0
    names = {symbol.get("name") for symbol in renderer.findall("symbols/symbol")}
    assert names == {item.get("symbol") for item in ranges}
    read = gpd.read_file(tmp_path / "a.gpkg", layer="regions")
    assert list(read["region_code"]) == list(CODES)
    assert pyogrio.list_layers(tmp_path / "a.gpkg")[0][0] == "regions", "what opens by default"
    spatial = [name for name, kind in pyogrio.list_layers(tmp_path / "a.gpkg") if kind is not None]
    assert spatial == ["regions"]


def test_rasters_have_a_ramp_beside_them(tmp_path: Path) -> None:
    for name in ("carbon-density-2010", "carbon-change-2010-2015", "other"):
        (tmp_path / f"{name}.tif").touch()
    style_surfaces(tmp_path, high=140.0)
    assert not (tmp_path / "other.qml").exists()
    for name, ends in (("density-2010", (0.0, 140.0)), ("change-2010-2015", (-70.0, 70.0))):
        text = (tmp_path / f"carbon-{name}.qml").read_text(encoding="utf-8")
        items = ET.fromstring(text.split("\n", 1)[1]).findall(".//item")
        values = [float(item.get("value", "nan")) for item in items]
        assert (values[0], values[-1]) == ends
        assert values == sorted(values)
