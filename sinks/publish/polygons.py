"""Polygons as vector tiles: tens of thousands of them, a few hundred at a time.

GDAL's MVT driver cuts and encodes them, zoom by zoom. Before that the polygons of a zoom are
simplified together, so that neighbours keep one border. What is known of a polygon stands in the
tiles of the last zoom, where a click looks it up, and nowhere else; the others hold its class.
"""

from __future__ import annotations

import gzip
import json
import math
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import geopandas as gpd
import numpy as np
import pyogrio
import shapely
from pmtiles.tile import Compression, TileType

from sinks.maps.geometry import simplified
from sinks.palettes import AMOUNT
from sinks.publish.archive import Held, write_archive

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Shapes = NDArray[np.object_]

#: Name of the layer inside the tiles.
LAYER: Final = "polygons"
#: Width of the Web Mercator world [m].
WORLD: Final = 40075016.68557849
#: Side of a tile on the screen [pixels].
SIDE: Final = 256
#: Pixels across a polygon of median size at the last zoom, and zooms before it: there it has two.
WIDE: Final = 64
ZOOMS: Final = 5
#: The last zoom of all: a quarter of a metre per step of a tile's own grid.
DEEPEST: Final = 14
#: Borders may stray so far from those of the next zoom [pixels]; from the true ones, twice.
STRAY: Final = 0.25
#: Ids that one file of the index holds, about.
IDS: Final = 2000
#: How GDAL cuts: no tile is ever thinned out to keep it small.
OPTIONS: Final = {
    "FORMAT": "DIRECTORY", "COMPRESS": "NO", "TILE_EXTENSION": "pbf", "EXTENT": "4096",
    "BUFFER": "64", "MAX_SIZE": "100000000", "MAX_FEATURES": "10000000",
}  # fmt: skip
#: What a tile of the last zoom says of a polygon: short name, column, digits (None is text).
Facts = Sequence[tuple[str, str, int | None]]


def class_limits(density: NDArray[np.float64]) -> list[float]:
    """Return round limits between classes with about as many polygons each [t C/ha]."""
    known = density[np.isfinite(density)]
    if not known.size:
        return []
    ends = np.quantile(known, np.arange(1, len(AMOUNT)) / len(AMOUNT))
    limits = {float(f"{end:.2g}") for end in ends}
    return sorted(limit for limit in limits if known.min() < limit <= known.max())


def zooms_of(shapes: Shapes) -> tuple[int, int]:
    """Return the first zoom, by the extent and the size of the polygons, and the last."""
    west, south, east, north = shapely.total_bounds(shapes)
    side = math.sqrt(max(float(np.median(shapely.area(shapes))), 1.0))
    last = min(DEEPEST, max(0, math.floor(math.log2(WIDE * WORLD / SIDE / side))))
    whole = max(east - west, north - south, 1.0)
    fitting = math.floor(math.log2(WORLD / whole))
    return min(last, max(0, fitting, last - ZOOMS)), last


def write_polygons(
    frame: gpd.GeoDataFrame, folder: Path, *, limits: Sequence[float], facts: Facts
) -> dict[str, Any]:
    """Write polygons as tiles.

    Parameters
    ----------
    frame : GeoDataFrame
        In Web Mercator: ``row`` (whole numbers that name each), ``density`` (what it is coloured
        by), ``word`` (what it is searched by) and the columns of `facts`.
    folder : Path
        Gets ``Z/X/Y.pbf`` (Mapbox Vector Tiles, not compressed, so that any static server will
        do) and ``ids/K.json``; beside it stands ``NAME.pmtiles``.
    limits : sequence of float
        Between the classes of `density`.
    facts : sequence of (name, column, digits)

    Returns
    -------
    dict
        What the page needs: ``bounds``, ``zooms``, ``tiles`` that there are, ``counts`` of the
        classes (first those without a value), ``shards`` of the index.
    """
    shapes = frame.geometry.to_numpy()
    density = frame["density"].to_numpy()
    kind = np.where(np.isfinite(density), np.searchsorted(limits, density, side="right"), -1)
    first, last = zooms_of(shapes)
    held: list[Held] = []
    light = shapes
    for zoom in range(last, first - 1, -1):
        light = simplified(light, STRAY * WORLD / SIDE / 2.0**zoom)
        own = gpd.GeoDataFrame({"c": kind, "i": frame["row"]}, geometry=light, crs=frame.crs)
        if zoom == last:
            own = own.join(_facts(frame, facts))
        held += _tiles(own[~own.geometry.is_empty], zoom, folder=folder)
    bounds = gpd.GeoSeries(shapes, crs=frame.crs).to_crs("EPSG:4326").total_bounds
    west, south, east, north = (round(float(value), 7) for value in bounds)
    write_archive(
        folder.with_suffix(".pmtiles"),
        [(place, gzip.compress(tile, mtime=0)) for place, tile in held],
        kind=(TileType.MVT, Compression.GZIP), bounds=(west, south, east, north),
        metadata=_metadata(folder.name, (first, last), facts=facts),
    )  # fmt: skip
    counts = [int((kind == k).sum()) for k in range(-1, len(limits) + 1)]
    return {
        "bounds": [[south, west], [north, east]], "zooms": [first, last], "tiles": _runs(held),
        "counts": counts, "shards": _index(frame, folder / "ids"),
    }  # fmt: skip


def _facts(frame: gpd.GeoDataFrame, facts: Facts) -> gpd.GeoDataFrame:
    columns = {}
    for name, column, digits in facts:
        values = frame[column]
        columns[name] = values.fillna("") if digits is None else values.round(digits)
    return gpd.GeoDataFrame(columns)


def _tiles(own: gpd.GeoDataFrame, zoom: int, *, folder: Path) -> list[Held]:
    """Cut the tiles of one zoom and move them into their folder."""
    found: list[Held] = []
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".cut-") as name:
        cut = Path(name) / "tiles"
        options = OPTIONS | {
            "MINZOOM": str(zoom), "MAXZOOM": str(zoom), "TEMPORARY_DB": str(Path(name) / "cut.db"),
        }  # fmt: skip
        pyogrio.write_dataframe(own, cut, driver="MVT", layer=LAYER, dataset_options=options)
        for path in sorted(cut.glob("*/*/*.pbf")):
            x, y = int(path.parent.name), int(path.stem)
            found.append(((zoom, x, y), path.read_bytes()))
        shutil.move(cut / str(zoom), folder / str(zoom))
    return found


def _runs(held: Sequence[Held]) -> dict[str, dict[str, list[int]]]:
    """Return which tiles there are: by zoom and column the first and the last row of each run."""
    runs: dict[str, dict[str, list[int]]] = {}
    for zoom, x, y in sorted(place for place, _ in held):
        rows = runs.setdefault(str(zoom), {}).setdefault(str(x), [])
        if rows and rows[-1] == y - 1:
            rows[-1] = y
        else:
            rows += [y, y]
    return runs


def shard_of(word: str, count: int) -> int:
    """Return which file of the index holds an id; the page reckons the same."""
    number = 0
    for sign in word:
        number = (number * 31 + ord(sign)) % 1_000_003
    return number % count


def _index(frame: gpd.GeoDataFrame, folder: Path) -> int:
    """Write where every id lies: ``{id: [[longitude, latitude, row], …]}``, in some files."""
    points = shapely.point_on_surface(frame.geometry.to_numpy())
    places = gpd.GeoSeries(points, crs=frame.crs).to_crs("EPSG:4326")
    count = max(1, math.ceil(len(frame) / IDS))
    shards: list[dict[str, list[list[float]]]] = [{} for _ in range(count)]
    rows = zip(frame["word"], places.x.round(6), places.y.round(6), frame["row"], strict=True)
    for name, x, y, row in rows:
        word = name.strip().lower()
        shards[shard_of(word, count)].setdefault(word, []).append([float(x), float(y), int(row)])
    folder.mkdir()
    for k, shard in enumerate(shards):
        content = json.dumps(shard, ensure_ascii=False, separators=(",", ":"))
        (folder / f"{k}.json").write_bytes(content.encode("utf-8"))
    return count


def _metadata(name: str, zooms: tuple[int, int], *, facts: Facts) -> dict[str, Any]:
    """Return what a map library asks of an archive of vector tiles."""
    fields = {short: "String" if digits is None else "Number" for short, _, digits in facts}
    layer = {"id": LAYER, "minzoom": zooms[0], "maxzoom": zooms[1],
             "fields": {"c": "Number", "i": "Number"} | fields}  # fmt: skip
    return {"name": name, "vector_layers": [layer]}
