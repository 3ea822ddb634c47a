"""Regions of a run as vector tiles, where there are too many for the page itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import geopandas as gpd
import numpy as np

from sinks.publish.polygons import class_limits, write_polygons

if TYPE_CHECKING:
    from sinks.results import Results

#: What is told of a region: its own rows of the tables.
FACTS: Final = (
    ("id", "region_code", None), ("name", "region_name", None), ("code", "parent_code", None),
    ("ha", "region_ha", 4), ("stock", "stock_t_c", 3), ("low", "low_t_c", 3),
    ("high", "high_t_c", 3), ("forest", "forest_ha", 4), ("wetland", "wetland_ha", 4),
    ("change", "change_t_c", 3), ("changeLow", "change_low", 3), ("changeHigh", "change_high", 3),
    ("detectable", "sure", None),
)  # fmt: skip


def write_units(results: Results, *, folder: Path) -> list[dict[str, Any]]:
    """Write the regions as tiles, with their stock of the last year and their change.

    Parameters
    ----------
    results : Results
    folder : Path
        Gets ``regions-YEAR`` and ``regions-YEAR.pmtiles``: see `write_polygons`.

    Returns
    -------
    list of dict
        What the page needs to know.
    """
    frame = _frame(results)
    limits = class_limits(frame["density"].to_numpy())
    name = f"regions-{results.last}"
    made = write_polygons(frame, folder / name, limits=limits, facts=FACTS)
    head = {"kind": "units", "name": name, "limits": limits, "year": results.last,
            "time": str(results.last), "start": results.first}  # fmt: skip
    return [head | made]


def _frame(results: Results) -> gpd.GeoDataFrame:
    """Return the regions in Web Mercator with their rows of the tables."""
    frame = results.regions[["region_code", "geometry"]].to_crs("EPSG:3857")
    table = results.tables["regions"]
    own = table[(table["level"] == "region") & (table["year"] == results.last)]
    change = results.tables["change"]
    span = change[
        (change["level"] == "region")
        & (change["start"] == results.first)
        & (change["end"] == results.last)
    ]
    span = span.rename(columns={"low_t_c": "change_low", "high_t_c": "change_high"})
    kept = ["region_code", "change_t_c", "change_low", "change_high", "detectable"]
    frame = frame.merge(own, on="region_code", how="left").merge(
        span[kept], on="region_code", how="left"
    )
    known = frame["change_low"].notna()
    sure = np.where(frame["detectable"] == True, "true", "false")  # noqa: E712 - missing is no
    frame["sure"] = np.where(known, sure, "")
    frame["row"] = np.arange(1, len(frame) + 1)
    frame["word"] = frame["region_code"].astype(str)
    frame["density"] = frame["stock_t_c"] / frame["valid_ha"].where(frame["valid_ha"] > 0)
    return frame
