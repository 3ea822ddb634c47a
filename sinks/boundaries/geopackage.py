"""GeoPackages: read without running what is stored in them, written to the same bytes."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

import geopandas as gpd
import pyogrio

from sinks.boundaries.vectors import (
    RefusedError,
    Request,
    VectorLayer,
    as_crs,
    choose_layer,
    gdal,
    gdal_info,
    gdal_read,
)
from sinks.checks import Problems

#: A fixed time for the time stamps of GeoPackages, so that equal content gives equal bytes.
GPKG_TIME: Final = "2000-01-01T00:00:00Z"


def is_geopackage(head: bytes) -> bool:
    """Tell whether a file's first bytes are a GeoPackage's: SQLite with its application id."""
    return head[:16] == b"SQLite format 3\x00" and head[68:72] in (b"GPKG", b"GP10", b"GP11")


def read_geopackage(path: Path, request: Request, *, problems: Problems) -> VectorLayer:
    """Read one layer of a GeoPackage.

    Raises
    ------
    RefusedError
        If it is open elsewhere, has several layers and none is chosen, or is no clean GeoPackage.
    """
    if request.encoding:
        problems.warn("regions.encoding_unused", file=request.shown, encoding=request.encoding)
    for ending in ("-wal", "-journal"):
        side = path.with_name(path.name + ending)
        if side.is_file() and side.stat().st_size:
            raise RefusedError("regions.open_elsewhere", side=side.name)
    views = _views(path)
    data = bytearray(path.read_bytes())
    # A write-ahead log needs files beside the database, which memory does not have. There is none
    # (checked above), so the header's two format bytes may say so.
    data[18:20] = b"\x01\x01"
    content = bytes(data)
    layers = gdal(pyogrio.list_layers, content)
    spatial = [str(name) for name, kind in layers if kind is not None]
    layer = choose_layer(spatial, request.layer)
    if layer in views:
        raise RefusedError("regions.layer_is_view", layer=layer)
    info = gdal_info(content, "GPKG", limits=request.limits, layer=layer)
    names = [str(name) for name in info["fields"]]
    table, geometry, bad = gdal_read(content, request.wanted(names), info=info, layer=layer)
    return VectorLayer(table, geometry, bad, as_crs(info["crs"]))


def columns_of(path: Path) -> tuple[str, ...]:
    """Return the columns of a GeoPackage's only layer of features.

    Raises
    ------
    RefusedError
        If it has none or several, or cannot be read.
    """
    data = bytearray(path.read_bytes())
    data[18:20] = b"\x01\x01"
    layers = gdal(pyogrio.list_layers, bytes(data))
    layer = choose_layer([str(name) for name, kind in layers if kind is not None], None)
    info = gdal(pyogrio.read_info, bytes(data), layer=layer)
    return tuple(str(name) for name in info["fields"])


def _views(path: Path) -> set[str]:
    """Return the GeoPackage's views and virtual tables: SQL of whoever made the file."""
    try:
        connection = sqlite3.connect(
            f"file:{quote(os.fsencode(path))}?mode=ro&immutable=1", uri=True
        )
        try:
            connection.execute("PRAGMA trusted_schema = OFF")
            rows = connection.execute("SELECT name, type, sql FROM sqlite_master").fetchall()
        finally:
            connection.close()
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise RefusedError("regions.corrupt", reason=str(error)[:200]) from error
    views = {
        str(name)
        for name, kind, sql in rows
        if kind == "view" or "CREATE VIRTUAL" in str(sql).upper()
    }
    own = sorted(name for name in views if name.lower().startswith("gpkg_"))
    if own:
        raise RefusedError("regions.corrupt", reason=f"{own[0]}: VIEW")
    return views


def write_geopackage(frame: gpd.GeoDataFrame, path: Path, *, layer: str) -> None:
    """Write a GeoPackage whose bytes depend on nothing but its content.

    Parameters
    ----------
    frame : GeoDataFrame
        Columns in the order wanted.
    path : Path
        The file; one that is there is replaced.
    layer : str
        Name of its only layer.

    Notes
    -----
    GeoPackages carry the time of their last change; GDAL's OGR_CURRENT_DATE fixes it.
    """
    path.unlink(missing_ok=True)
    with _fixed_time():
        pyogrio.write_dataframe(frame, path, driver="GPKG", layer=layer)


def append_geopackage(frame: gpd.GeoDataFrame, path: Path, *, layer: str, more: bool) -> None:
    """Write a layer of multipolygons into a GeoPackage, in as many pieces as there are.

    Parameters
    ----------
    frame : GeoDataFrame
    path : Path
        The file; other layers in it stay.
    layer : str
    more : bool
        Whether the layer is there and gets further rows.
    """
    with _fixed_time():
        pyogrio.write_dataframe(
            frame, path, driver="GPKG", layer=layer, append=more, geometry_type="MultiPolygon"
        )


@contextmanager
def _fixed_time() -> Iterator[None]:
    """Let GDAL write `GPKG_TIME` for the time of a ``with`` block."""
    before = pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": GPKG_TIME})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": before})
