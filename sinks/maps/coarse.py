"""A map of very many regions shows the coarser level that a browser can draw and a reader can see.

Regions are merged on the map alone: the numbers are the tables' own rows of that level, and sums
of the regions' where a table holds regions only.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

if TYPE_CHECKING:
    from sinks.results import Results

#: Regions that one file of at most 15 MB holds, and a browser draws without delay.
MOST: Final = 3200
#: Columns that keep rows of the tables without levels apart, beside the region.
APART: Final = {
    "coverage": ("year",),
    "stock": ("year", "stratum", "pool"),
    "transitions": ("start", "end", "from_stratum", "to_stratum"),
}
#: Level and code of the whole.
WHOLE: Final = ("study", "ALL")


def shown_results(results: Results) -> Results:
    """Return a run as a map shows it: itself, or its regions merged where there are too many.

    Parameters
    ----------
    results : Results

    Returns
    -------
    Results
        Its regions are those of the finest level with at most `MOST`, of the whole if the study
        has none; ``meta["study"]["merged"]`` says how many they stand for.
    """
    count = len(results.regions)
    if count <= MOST:
        return results
    parents = [
        name for name in results.meta["study"].get("parents") or () if name in results.regions
    ]
    fitting = [name for name in parents if results.regions[name].nunique() <= MOST]
    level = fitting[0] if fitting else WHOLE[0]
    if fitting:
        codes = results.regions[level].astype(str).to_numpy()
    else:
        codes = np.full(count, WHOLE[1], dtype=object)
    of = dict(zip(results.regions["region_code"].astype(str), codes, strict=True))
    tables = {
        name: _summed(table, of, apart=APART[name]) if name in APART else _of_level(table, level)
        for name, table in results.tables.items()
    }
    study = dict(results.meta["study"]) | {
        "merged": count, "parents": parents[parents.index(level) + 1 :] if fitting else [],
    }  # fmt: skip
    names = _names(tables["regions"])
    regions = _merged(results.regions, codes, names=names, parents=study["parents"])
    return replace(
        results, meta=dict(results.meta) | {"study": study}, tables=tables, regions=regions
    )


def _of_level(table: pd.DataFrame, level: str) -> pd.DataFrame:
    """Return the rows of a level as those of the regions, and the whole's."""
    if "level" not in table.columns:
        return table
    own = table[table["level"] == level].assign(level="region")
    return pd.concat([own, table[table["level"] == WHOLE[0]]], ignore_index=True)


def _summed(table: pd.DataFrame, of: dict[str, Any], *, apart: tuple[str, ...]) -> pd.DataFrame:
    """Return the sums of what adds up; intervals do not, and the map shows none of these tables."""
    keys = ["region_code", *apart]
    own = table.assign(region_code=table["region_code"].astype(str).map(of))
    amounts = [name for name in own.columns if name.endswith(("_ha", "_t_c"))]
    amounts = [name for name in amounts if name.split("_")[0] not in ("se", "low", "high")]
    return own.groupby(keys, sort=True)[amounts].sum(min_count=1).reset_index()


def _names(table: pd.DataFrame) -> dict[str, str]:
    own = table[table["level"] == "region"]
    return dict(zip(own["region_code"].astype(str), own["region_name"].astype(str), strict=True))


def _merged(
    regions: gpd.GeoDataFrame, codes: Any, *, names: dict[str, str], parents: list[str]
) -> gpd.GeoDataFrame:
    """Dissolve the regions."""
    shapes = np.asarray(regions.geometry.values)
    rows = []
    for code in sorted(set(codes)):
        own = codes == code
        first = regions[own].iloc[0]
        rows.append(
            {"region_code": code, "region_name": names.get(code, code)}
            | {name: first[name] for name in parents}
            | {"geometry": shapely.union_all(shapely.make_valid(shapes[own]))}
        )
    return gpd.GeoDataFrame(rows, crs=regions.crs)
