"""The regions with the figures that a map would show, as a GeoPackage that opens coloured."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import geopandas as gpd
import pandas as pd

from sinks.boundaries.geopackage import write_geopackage
from sinks.inputs import Inputs
from sinks.qgis import add_styles


def write_regions_file(inputs: Inputs, path: Path, *, tables: Mapping[str, pd.DataFrame]) -> None:
    """Write `regions.gpkg`: the study's polygons with their headline figures and styles."""
    frame = headline(inputs, tables)
    write_geopackage(frame, path, layer="regions")
    add_styles(path, frame, layer="regions", language=inputs.study.language)


def headline(inputs: Inputs, tables: Mapping[str, pd.DataFrame]) -> gpd.GeoDataFrame:
    """Return the regions with the figures that a map of them would show."""
    frame = inputs.regions.frame
    table = tables["regions"]
    last, first = inputs.study.years[-1], inputs.study.years[0]
    own = table[(table["level"] == "region") & (table["year"] == last)].set_index("region_code")
    change = tables["change"]
    span = change[
        (change["level"] == "region") & (change["start"] == first) & (change["end"] == last)
    ].set_index("region_code")
    columns = {
        name: own[name].reindex(frame["region_code"]).to_numpy()
        for name in ("region_ha", "forest_ha", "wetland_ha", "stock_t_c", "se_t_c")
    }
    columns |= {
        name: span[key].reindex(frame["region_code"]).to_numpy()
        for name, key in (("change_t_c", "change_t_c"), ("change_se_t_c", "se_t_c"),
                          ("detectable", "detectable"))
    }  # fmt: skip
    return frame.assign(year=last, start=first, **columns)
