"""Sub-compartments of a run as vector tiles."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import geopandas as gpd
import numpy as np
import shapely

from sinks.biomass.species import forest_types
from sinks.errors import OutputFailed
from sinks.parameters import load_table
from sinks.publish.polygons import class_limits, write_polygons
from sinks.results import SQLITE, STANDS
from sinks.texts import text

if TYPE_CHECKING:
    from sinks.results import Results

#: What is told of a polygon, as `sinks.publish.polygons.Facts`; without an id its row.
FACTS: Final = (
    ("id", "word", None), ("code", "region_code", None), ("species", "species", None),
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
        made = write_polygons(frame, folder / name, limits=limits, facts=FACTS)
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
    own = frame["polygon_id"].fillna("").astype(str)
    frame["word"] = own.where(own != "", frame["row"].astype(str))
    return frame[~frame.geometry.is_empty].reset_index(drop=True)


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
