"""QGIS opens the outputs coloured: styles inside the GeoPackage, and beside each raster.

QGIS takes the default style of a GeoPackage's layer from its table ``layer_styles``, and that of a
raster from the ``.qml`` of the same name.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree as ET

import numpy as np

from sinks.palettes import AMOUNT, DIVERGING
from sinks.texts import Language, text

if TYPE_CHECKING:
    import geopandas as gpd

#: A fixed time, so that equal content gives equal bytes.
TIME: Final = "2000-01-01T00:00:00.000Z"
VERSION: Final = "3.28.0"
DOCTYPE: Final = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
#: The table as QGIS itself makes it.
TABLE: Final = """
CREATE TABLE layer_styles (
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256),
  f_table_schema TEXT(256), f_table_name TEXT(256), f_geometry_column TEXT(256),
  styleName TEXT(30), styleQML TEXT, styleSLD TEXT, useAsDefault BOOLEAN, description TEXT,
  owner TEXT(30), ui TEXT(30), update_time DATETIME)
"""
#: Styles of the regions: column, ramp and whether it diverges from zero; the first is shown.
STYLES: Final = (("change_t_c", DIVERGING, True), ("stock_t_c", AMOUNT, False))


def _colour(colour: str) -> str:
    """Return ``#rrggbb`` as QGIS writes it."""
    return ",".join(str(int(colour[at : at + 2], 16)) for at in (1, 3, 5)) + ",255"


def _limits(values: Any, count: int, *, diverging: bool) -> list[float]:
    """Return class limits: quantiles; around zero and symmetric where the ramp diverges."""
    known = np.asarray(values, dtype=float)
    known = known[np.isfinite(known)]
    if known.size == 0:
        return [0.0, 1.0]
    if diverging:
        arm = np.quantile(np.abs(known), np.linspace(0, 1, (count + 1) // 2 + 1))[1:]
        ends = [*(-arm[::-1]), *arm]
    else:
        ends = list(np.quantile(known, np.linspace(0, 1, count + 1)))
    return [float(f"{end:.4g}") for end in ends]


def _plain(value: float) -> str:
    """Return a number of a legend: no power of ten, no digit that its size does not need."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.4g}"


def _renderer(column: str, limits: Sequence[float], *, colours: Sequence[str]) -> ET.Element:
    """Return QGIS's graduated renderer."""
    renderer = ET.Element(
        "renderer-v2", type="graduatedSymbol", attr=column, graduatedMethod="GraduatedColor",
        symbollevels="0", enableorderby="0", forceraster="0",
    )  # fmt: skip
    ranges, symbols = ET.SubElement(renderer, "ranges"), ET.SubElement(renderer, "symbols")
    places = np.linspace(0, len(colours) - 1, len(limits) - 1).round().astype(int)
    for i, (low, high) in enumerate(pairwise(limits)):
        ET.SubElement(
            ranges, "range", lower=repr(low), upper=repr(high), symbol=str(i), render="true",
            label=f"{_plain(low)} – {_plain(high)}",
        )  # fmt: skip
        symbol = ET.SubElement(symbols, "symbol", name=str(i), type="fill", alpha="1")
        layer = ET.SubElement(symbol, "layer", {"class": "SimpleFill", "enabled": "1"})
        options = ET.SubElement(layer, "Option", type="Map")
        look = {
            "color": _colour(colours[places[i]]), "outline_color": "255,255,255,255",
            "outline_style": "solid", "outline_width": "0.2", "style": "solid",
        }  # fmt: skip
        for name, value in look.items():
            ET.SubElement(options, "Option", name=name, value=value, type="QString")
    return renderer


def _document(part: ET.Element) -> str:
    root = ET.Element("qgis", version=VERSION, styleCategories="Symbology")
    root.append(part)
    return DOCTYPE + ET.tostring(root, encoding="unicode")


def add_styles(path: Path, frame: gpd.GeoDataFrame, *, layer: str, language: Language) -> None:
    """Put styles of the change and of the stock into a GeoPackage.

    Parameters
    ----------
    path : Path
        The GeoPackage.
    frame : GeoDataFrame
        What its layer holds; columns that are missing have no style.
    layer : str
        Name of the layer.
    language : {"zh", "en"}
        Language of the styles' names.
    """
    rows: list[tuple[object, ...]] = []
    for column, colours, diverging in STYLES:
        if column not in frame.columns:
            continue
        limits = _limits(frame[column], len(colours), diverging=diverging)
        style = _document(_renderer(column, limits, colours=colours))
        name = text(f"qgis.style.{column}", language)
        rows.append((layer, "geom", name[:30], style, not rows, name, TIME))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(TABLE)
        connection.executemany(
            "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name,"
            " f_geometry_column, styleName, styleQML, styleSLD, useAsDefault, description, owner,"
            " update_time) VALUES ('', '', ?, ?, ?, ?, '', ?, ?, '', ?)",
            rows,
        )


def write_raster_style(raster: Path, *, low: float, high: float) -> None:
    """Write the style of a raster beside it: a ramp from `low` to `high`.

    Parameters
    ----------
    raster : Path
    low, high : float
        Ends of the ramp, in the raster's unit; it diverges from zero where `low` is negative.
    """
    colours = DIVERGING if low < 0 else AMOUNT
    renderer = ET.Element(
        "rasterrenderer", type="singlebandpseudocolor", band="1", opacity="1", alphaBand="-1",
        classificationMin=repr(low), classificationMax=repr(high), nodataColor="",
    )  # fmt: skip
    shader = ET.SubElement(
        ET.SubElement(renderer, "rastershader"), "colorrampshader", colorRampType="INTERPOLATED",
        classificationMode="1", clip="0", minimumValue=repr(low), maximumValue=repr(high),
    )  # fmt: skip
    for value, colour in zip(np.linspace(low, high, len(colours)), colours, strict=True):
        ET.SubElement(
            shader, "item", value=repr(float(value)), color=colour, alpha="255",
            label=_plain(float(value)),
        )  # fmt: skip
    pipe = ET.Element("pipe")
    pipe.append(renderer)
    raster.with_suffix(".qml").write_text(_document(pipe), encoding="utf-8", newline="\n")


def style_surfaces(folder: Path, *, high: float) -> None:
    """Write the styles of the carbon rasters in a folder.

    Parameters
    ----------
    folder : Path
        With ``carbon-density-YEAR.tif`` and ``carbon-change-START-END.tif``.
    high : float
        Highest density of the study [t C/ha]; a change is drawn up to half of it either way.
    """
    for raster in sorted(folder.glob("carbon-*.tif")):
        change = raster.name.startswith("carbon-change-")
        ends = (-high / 2, high / 2) if change else (0.0, high)
        write_raster_style(raster, low=ends[0], high=ends[1])
