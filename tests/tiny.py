"""A province small enough to work out by hand: 3 counties, 4 classes, 2 years, 2 prefectures.

Every cell is 100 m × 100 m in a cylindrical equal-area projection, so exactly one hectare; each
county is 4 × 4 cells. Columns 0–3 are 甲县, 4–7 乙县, 8–11 丙县; all four rows are alike but for
the changes. F forest, C cropland, L lake, T town:

    2010   F F C C | C C L L | L L T T
    2015   the same, but
           rows 0 and 1 of columns 2 and 3: cropland became forest (4 ha of 甲县);
           row 0 of column 6: no data (1 ha of 乙县, a lake in 2010);
           row 3 of column 11: town became lake (1 ha of 丙县).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import rasterio
from rasterio.transform import Affine, from_origin
from shapely.geometry import box

from sinks.run import Options, run_study

#: EASE-Grid 2.0, global: equal-area on the ellipsoid. The corner lies at about 114° E, 30.4° N.
CRS = "EPSG:6933"
WEST, NORTH = 11_000_000.0, 3_700_000.0
CELL = 100.0
YEARS = (2010, 2015)
CODES = {"0101": "甲县", "0102": "乙县", "0203": "丙县"}
PREFECTURES = {"0101": "江北市", "0102": "江北市", "0203": "江南市"}

LEGEND = """code,stratum,name_en,name_zh,ipcc,group,colour
1,forest,Forest,森林,forest_land,forest,#006400
2,crop,Cropland,耕地,cropland,cropland,#ffcc00
3,lake,Lake,湖泊,wetlands,wetland,#0000ff
4,town,Town,城镇,settlements,other,#ff0000
"""
#: Forest above ground grows from 40 to 44 t C/ha; nothing else depends on the year.
DENSITY = """stratum,pool,year,value,se,unit,source,confidence
forest,agb,2010,40,4,t C/ha,plots of 2010,verified
forest,agb,2015,44,4,t C/ha,plots of 2015,verified
forest,soil,,100,10,t C/ha,profiles,verified
crop,agb,,5,1,t C/ha,yearbook,secondary
crop,soil,,80,8,t C/ha,profiles,verified
lake,agb,,0,,t C/ha,open water,verified
lake,soil,,120,12,t C/ha,cores,secondary
town,agb,,1,0.5,t C/ha,a guess,secondary
town,soil,,50,5,t C/ha,profiles,secondary
"""
STUDY = 'name = "tiny"\ntitle = "A tiny province"'
REGIONS = 'path = "counties.gpkg"\ncode = "code"\nname = "name"\nparents = ["prefecture"]'
LANDCOVER = 'legend = "legend.csv"\nrasters = { 2010 = "lc2010.tif", 2015 = "lc2015.tif" }'


def cover(year: int) -> npt.NDArray[np.uint8]:
    """Return the class codes of a year, dims (row, column)."""
    cells = np.array([[1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4]] * 4, np.uint8)
    if year == 2015:
        cells[:2, 2:4] = 1
        cells[0, 6] = 0
        cells[3, 11] = 3
    return cells


def write_raster(
    path: Path,
    cells: npt.NDArray[Any],
    *,
    crs: str | None = CRS,
    transform: Affine | None = None,
    nodata: int | None = 0,
    **options: Any,
) -> Path:
    """Write class codes as a GeoTIFF; dims (row, column) or (band, row, column)."""
    bands = cells if cells.ndim == 3 else cells[None]
    profile = {
        "driver": "GTiff", "count": bands.shape[0], "height": bands.shape[1],
        "width": bands.shape[2], "dtype": bands.dtype, "crs": crs, "nodata": nodata,
        "transform": transform or from_origin(WEST, NORTH, CELL, CELL),
    } | options  # fmt: skip
    with rasterio.open(path, "w", **profile) as dataset:
        dataset.write(bands)
    return path


def counties(**columns: Sequence[str]) -> gpd.GeoDataFrame:
    """Return the three counties; columns replace or add to code, name and prefecture."""
    data = {
        "code": list(CODES),
        "name": list(CODES.values()),
        "prefecture": list(PREFECTURES.values()),
    } | {key: list(values) for key, values in columns.items()}
    shapes = [
        box(WEST + 400 * i, NORTH - 400, WEST + 400 * (i + 1), NORTH) for i in range(len(CODES))
    ]
    return gpd.GeoDataFrame(data, geometry=shapes, crs=CRS)


def write_study(
    folder: Path,
    *,
    study: str = STUDY,
    language: str = "en",
    regions: str = REGIONS,
    landcover: str = LANDCOVER,
    density: str = 'table = "density.csv"',
    uncertainty: str = "draws = 1000",
    targets: Iterable[Mapping[str, Any]] = (),
) -> Path:
    """Write the study file alone and return its path."""
    lines = ["[study]", study, f'language = "{language}"', "[regions]", regions]
    lines += ["[landcover]", landcover, "[density]", density, "[uncertainty]", uncertainty]
    for target in targets:
        lines.append("[[targets]]")
        lines += [f"{key} = {literal(value)}" for key, value in target.items()]
    path = folder / "study.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def literal(value: Any) -> str:
    """Return a value as TOML writes it."""
    if isinstance(value, list):
        return "[" + ", ".join(literal(item) for item in value) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)


def write_tiny(folder: Path, **study: Any) -> Path:
    """Write the province and its study; return the study file."""
    folder.mkdir(parents=True, exist_ok=True)
    for year in YEARS:
        write_raster(folder / f"lc{year}.tif", cover(year))
    counties().to_file(folder / "counties.gpkg", layer="counties")
    (folder / "legend.csv").write_text(LEGEND, encoding="utf-8")
    (folder / "density.csv").write_text(DENSITY, encoding="utf-8")
    return write_study(folder, **study)


def target(**keys: Any) -> dict[str, Any]:
    """Return a carbon target of the tiny province; keys replace or add."""
    return {
        "name": "carbon", "quantity": "carbon", "groups": ["forest"], "kind": "increase",
        "value": 100, "unit": "t C", "start": 2010, "end": 2015,
    } | keys  # fmt: skip


def run_tables(study: Path, **options: Any) -> dict[str, pd.DataFrame]:
    """Run a study, its tables alone, into `out` beside it; return the tables as written."""
    done = run_study(study, study.parent / "out", options=Options(parts=(), workers=1, **options))
    return dict(done.tables)


def rows_of(table: pd.DataFrame, **values: object) -> pd.DataFrame:
    """Return the rows that have these values."""
    for column, value in values.items():
        table = table[table[column] == value]
    return table


def cell(table: pd.DataFrame, column: str, **values: object) -> Any:
    """Return one cell of the one row that has these values."""
    rows = rows_of(table, **values)
    assert len(rows) == 1, f"{len(rows)} rows have {values}"
    return rows[column].iloc[0]
