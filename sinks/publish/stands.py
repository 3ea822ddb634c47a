"""Sub-compartments as vector tiles: tens of thousands of polygons, a few hundred at a time.

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

from sinks.biomass.species import forest_types
from sinks.errors import OutputFailed
from sinks.palettes import AMOUNT
from sinks.parameters import load_table
from sinks.publish.archive import Held, write_archive
from sinks.results import SQLITE, STANDS
from sinks.texts import text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sinks.results import Results

    Shapes = NDArray[np.object_]
    Ints = NDArray[np.int64]

#: Name of the layer inside the tiles.
LAYER: Final = "subcompartments"
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
#: What a tile of the last zoom says of a polygon: short name, column, digits after the point.
FACTS: Final = (
    ("id", "polygon_id", None), ("code", "region_code", None), ("species", "species", None),
    ("type", "forest_type", None), ("group", "age_group", None), ("origin", "origin", None),
    ("age", "age", 1), ("ha", "area_ha", 4), ("volume", "volume_m3_ha", 3),
    ("stock", "stock_t_c", 3), ("low", "low_t_c", 3), ("high", "high_t_c", 3),
    ("outside", "outside_range", None),
)  # fmt: skip


def write_stands(results: Results, *, folder: Path) -> list[dict[str, Any]]:
    """Write the sub-compartments of a run as tiles.

    Parameters
    ----------
    results : Results
    folder : Path
        Gets ``subcompartments-YEAR/Z/X/Y.pbf`` (Mapbox Vector Tiles, not compressed, so that any
        static server will do), ``subcompartments-YEAR/ids/K.json`` and
        ``subcompartments-YEAR.pmtiles``.

    Returns
    -------
    list of dict
        For every year that a survey serves, what the page needs to know.

    Raises
    ------
    OutputFailed
        If the run's file of polygons is none.
    """
    held = list(results.meta.get("stands") or ())
    frames = {str(own["layer"]): _frame(results, own["layer"]) for own in held}
    known = [frame["density"].to_numpy() for frame in frames.values()]
    limits = class_limits(np.concatenate(known)) if known else []
    records = []
    for own in held:
        name = f"subcompartments-{own['years'][0]}"
        frame = frames[str(own["layer"])]
        made = _write(frame, folder / name, limits=limits)
        same = {"kind": "stands", "name": name, "limits": limits, "file": own["file"],
                "model": own["model"]} | made  # fmt: skip
        records += [same | {"year": year, "time": str(year)} for year in own["years"]]
    return records


def _frame(results: Results, layer: str) -> gpd.GeoDataFrame:
    """Return the polygons that are drawn, in Web Mercator, with their carbon per hectare."""
    path = results.root / STANDS
    with path.open("rb") as stream:
        if stream.read(len(SQLITE)) != SQLITE:
            message = text("results.incomplete", results.language, folder=results.root)
            raise OutputFailed(message)
    frame = gpd.read_file(path, layer=layer).to_crs("EPSG:3857")
    shapes = frame.geometry.to_numpy()
    bad = ~shapely.is_valid(shapes)
    shapes[bad] = shapely.make_valid(shapes[bad], method="structure")
    frame = frame.set_geometry(gpd.GeoSeries(shapes, crs=frame.crs))
    frame["density"] = frame["stock_t_c"] / frame["area_ha"]
    return frame[~frame.geometry.is_empty].reset_index(drop=True)


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


def _write(frame: gpd.GeoDataFrame, folder: Path, *, limits: Sequence[float]) -> dict[str, Any]:
    shapes = frame.geometry.to_numpy()
    density = frame["density"].to_numpy()
    kind = np.where(np.isfinite(density), np.searchsorted(limits, density, side="right"), -1)
    first, last = zooms_of(shapes)
    held: list[Held] = []
    light = shapes
    for zoom in range(last, first - 1, -1):
        light = shapely.coverage_simplify(light, tolerance=STRAY * WORLD / SIDE / 2.0**zoom)
        own = gpd.GeoDataFrame({"c": kind, "i": frame["row"]}, geometry=light, crs=frame.crs)
        if zoom == last:
            own = own.join(_facts(frame))
        held += _tiles(own[~own.geometry.is_empty], zoom, folder=folder)
    bounds = gpd.GeoSeries(shapes, crs=frame.crs).to_crs("EPSG:4326").total_bounds
    west, south, east, north = (round(float(value), 7) for value in bounds)
    write_archive(
        folder.with_suffix(".pmtiles"),
        [(place, gzip.compress(tile, mtime=0)) for place, tile in held],
        kind=(TileType.MVT, Compression.GZIP), bounds=(west, south, east, north),
        metadata=_metadata(folder.name, (first, last)),
    )  # fmt: skip
    counts = [int((kind == k).sum()) for k in range(-1, len(limits) + 1)]
    return {
        "bounds": [[south, west], [north, east]], "zooms": [first, last], "tiles": _runs(held),
        "counts": counts, "shards": _index(frame, folder / "ids"),
    }  # fmt: skip


def _facts(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    columns = {}
    for name, column, digits in FACTS:
        values = frame[column]
        columns[name] = values.fillna("") if digits is None else values.round(digits)
    columns["id"] = _ids(frame)
    return gpd.GeoDataFrame(columns)


def _ids(frame: gpd.GeoDataFrame) -> Any:
    """Return what a polygon is searched by: its id, or its row where the file gives none."""
    own = frame["polygon_id"].fillna("").astype(str)
    return own.where(own != "", frame["row"].astype(str))


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
    rows = zip(_ids(frame), places.x.round(6), places.y.round(6), frame["row"], strict=True)
    for name, x, y, row in rows:
        word = name.strip().lower()
        shards[shard_of(word, count)].setdefault(word, []).append([float(x), float(y), int(row)])
    folder.mkdir()
    for k, shard in enumerate(shards):
        content = json.dumps(shard, ensure_ascii=False, separators=(",", ":"))
        (folder / f"{k}.json").write_bytes(content.encode("utf-8"))
    return count


def stand_words() -> dict[str, dict[str, dict[str, str]]]:
    """Return the names of forest types, age groups and origins, by kind, slug and language."""
    codes = load_table("inventory/cfi_codes")
    kinds = {
        "types": forest_types().reset_index().rename(columns={"forest_type": "slug"}),
        "groups": codes[codes["family"] == "age_group"],
        "origins": codes[codes["family"] == "origin"],
    }
    return {
        kind: {
            str(row["slug"]): {"zh": str(row["name_zh"]), "en": str(row["name_en"])}
            for row in table.to_dict("records")
        }
        for kind, table in kinds.items()
    }


def _metadata(name: str, zooms: tuple[int, int]) -> dict[str, Any]:
    """Return what a map library asks of an archive of vector tiles."""
    fields = {short: "String" if digits is None else "Number" for short, _, digits in FACTS}
    layer = {"id": LAYER, "minzoom": zooms[0], "maxzoom": zooms[1],
             "fields": {"c": "Number", "i": "Number"} | fields}  # fmt: skip
    return {"name": name, "vector_layers": [layer]}
