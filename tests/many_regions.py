"""The sample run with as many regions as wanted: each is the first one again, in its own square."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from sinks.results import Results
from tests.map_sample import CITIES, CODES, sample


def many(folder: Path, count: int) -> Results:
    """Return a run of `count` regions in a square of two degrees, half of them in either city."""
    results = sample(folder, pictures=False)
    codes = [f"{k:06d}" for k in range(count)]
    across = int(np.ceil(np.sqrt(count)))
    side, k = 2.0 / across, np.arange(count)
    x, y = 111 + side * (k % across), 31 - side * (k // across)
    tables = {name: _repeated(table, codes) for name, table in results.tables.items()}
    columns = {
        "region_code": codes, "region_name": [f"第{k}村" for k in range(count)],
        "city": [CITIES[0] if k < count / 2 else CITIES[2] for k in range(count)],
    }  # fmt: skip
    shapes = shapely.box(x, y - side, x + side, y)
    regions = gpd.GeoDataFrame(columns, geometry=shapes, crs="EPSG:4326")
    return replace(results, tables=tables, regions=regions)


def _repeated(table: pd.DataFrame, codes: list[str]) -> pd.DataFrame:
    """Repeat the first region's rows; other levels stay as they are."""
    if "region_code" not in table.columns:
        return table
    own = table[table["region_code"] == CODES[0]]
    parts = [own] * len(codes)
    whole = pd.concat(parts, ignore_index=True)
    whole["region_code"] = np.repeat(codes, len(own))
    if "region_name" in whole.columns:
        whole["region_name"] = [f"第{int(code)}村" for code in whole["region_code"]]
    rest = table[~table["region_code"].isin(CODES)]
    return pd.concat([whole, rest], ignore_index=True)
