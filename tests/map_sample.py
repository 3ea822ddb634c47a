"""A small finished run, made in memory, for the tests of the map: every number is easy to check.

Four square regions (two by two), three years, three strata, two pools. Region i holds
``100 (i + 1)`` ha of forest per year step; names are as hostile as names can be.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
from shapely.geometry import box

from sinks.grid import Grid
from sinks.layers import write_layers
from sinks.legend import LandClass, Legend
from sinks.raster import RasterSource
from sinks.results import Results

HOSTILE = "<img src=x onerror=alert(1)>${7*7}"
CODES = ("0301", "0302", "420684", "__proto__")
NAMES = ("江岸区", HOSTILE, "宜城市", "</script><script>alert(2)</script>")
CITIES = ("甲市", "甲市", "乙市", "乙市")
YEARS = (2010, 2015, 2020)
PAIRS = ((2010, 2015), (2015, 2020), (2010, 2020))
CRS = "+proj=aea +lat_1=25 +lat_2=47 +lat_0=0 +lon_0=105 +datum=WGS84 +units=m"
LEGEND = Legend(
    "sample",
    (
        LandClass(1, "pine", "Pine", "松林", "forest_land", "forest", "#2f6b4f"),
        LandClass(2, "paddy", "Paddy", "水田", "cropland", "cropland", "#f0e2a0"),
        LandClass(3, "lake", "Lake", "湖泊", "wetlands", "wetland", "#3d85c6"),
        LandClass(4, "pine", "Young pine", "幼松", "forest_land", "forest", "#2f6b4f"),
    ),
    frozenset({255}),
)
DENSITY = {"pine": (20.0, 5.0), "paddy": (2.0, 0.5), "lake": (0.0, 0.0)}
PER_HECTARE = {year: {name: sum(held) for name, held in DENSITY.items()} for year in YEARS}
META: dict[str, Any] = {
    "sinks": "0.1.0",
    "study": {
        "name": "sample",
        "title": "样例 <b>&amp;</b> 碳汇 2010–2020",
        "language": "zh",
        "synthetic": True,
        "map_approval": None,
        "years": list(YEARS),
        "level": 0.95,
        "draws": 1000,
        "seed": 1,
        "legend": "sample",
        "coverage": "exact",
        "parents": ["city"],
        "targets": [
            {
                "name": "forest-carbon",
                "quantity": "carbon",
                "kind": "increase",
                "unit": "t C",
                "value": 40_000.0,
                "start": 2010,
                "end": 2020,
                "groups": ["forest"],
                "pools": ["agb", "bgb"],
                "source": "<i>规划</i>",
                "share_by": None,
            }
        ],
    },
    "strata": [
        {
            "stratum": row.stratum,
            "name_zh": row.name_zh,
            "name_en": row.name_en,
            "ipcc": row.ipcc,
            "group": row.group,
            "colour": row.colour,
        }
        for row in LEGEND.classes[:3]
    ],
    "pools": ["agb", "bgb"],
    "layers": [],
    "inputs": [{"role": "regions", "path": "<u>x</u>.gpkg", "sha256": "0" * 64}],
    "versions": {},
    "problems": [],
    "area_basis": "map",
    "outputs": {},
}


def areas(region: int, year: int) -> dict[str, float]:
    """Hectares by stratum; the last region loses forest, the third keeps it."""
    step = YEARS.index(year)
    forest = 1000.0 * (region + 1) + (200.0 * step, 120.0 * step, 0.0, -90.0 * step)[region]
    return {"pine": forest, "paddy": 9000.0 - forest, "lake": 500.0}


def stock(region: int, year: int) -> float:
    """Tonnes of carbon of all pools."""
    held = areas(region, year)
    return sum(held[name] * sum(DENSITY[name]) for name in held)


def groups() -> list[tuple[str, str, str, str, list[int]]]:
    """Level, code, name, parent and members of every group."""
    rows = [("region", CODES[i], NAMES[i], CITIES[i], [i]) for i in range(4)]
    rows += [
        ("city", city, city, "ALL", [2 * k, 2 * k + 1]) for k, city in enumerate(("甲市", "乙市"))
    ]
    return [*rows, ("study", "ALL", "全部", "", [0, 1, 2, 3])]


def tables() -> dict[str, pd.DataFrame]:
    """The seven tables of a run."""
    held: dict[str, list[dict[str, Any]]] = {name: [] for name in ("stock", "regions", "coverage")}
    for i, year in ((i, year) for year in YEARS for i in range(4)):
        head = {"region_code": CODES[i], "region_name": NAMES[i], "year": year}
        for name, area in areas(i, year).items():
            for pool, density in zip(("agb", "bgb"), DENSITY[name], strict=True):
                value = area * density
                spread = {"se_t_c": value / 10, "low_t_c": value * 0.8, "high_t_c": value * 1.2}
                cell = {"stratum": name, "pool": pool, "area_ha": area, "stock_t_c": value}
                held["stock"].append(head | cell | spread)
        cover = {"region_ha": 9600.0, "inside_ha": 9550.0, "valid_ha": 9500.0, "nodata_ha": 50.0}
        rest = {"outside_ha": 50.0, "common_valid_ha": 9500.0}
        held["coverage"].append({"region_code": CODES[i], "year": year} | cover | rest)
    for level, code, name, parent, members in groups():
        for year in YEARS:
            value = sum(stock(i, year) for i in members)
            held["regions"].append(
                {
                    "region_code": code, "region_name": name, "level": level, "parent_code": parent,
                    "year": year, "region_ha": 9600.0 * len(members),
                    "valid_ha": 9500.0 * len(members), "nodata_ha": 50.0 * len(members),
                    "forest_ha": sum(areas(i, year)["pine"] for i in members),
                    "wetland_ha": 500.0 * len(members), "stock_t_c": value, "se_t_c": value / 10,
                    "low_t_c": value * 0.8, "high_t_c": value * 1.2,
                }
            )  # fmt: skip
    made = {name: pd.DataFrame(rows) for name, rows in held.items()}
    return made | {
        "change": _changes(),
        "transitions": _transitions(),
        "targets": _targets(),
        "parameters": _parameters(),
        "attribution": _attribution(),
        "ranking": _ranking(),
    }


def _parameters() -> pd.DataFrame:
    rows = [
        {
            "name": f"density/{stratum}/{pool}", "value": value, "se": value / 10,
            "unit": "t C/ha", "distribution": "normal", "source": "<b>A</b>",
            "confidence": "secondary",
        }
        for stratum, held in DENSITY.items()
        for pool, value in zip(("agb", "bgb"), held, strict=True)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _attribution() -> pd.DataFrame:
    """Half of every change is growth, half new forest, a quarter of that maybe by error alone."""
    table = _changes()
    halves = [
        table.assign(cause=cause, area_ha=10.0, map_ha=10.0, noise_basis=basis, **{
            name: table[name] / 2 for name in ("change_t_c", "low_t_c", "high_t_c")
        })
        for cause, basis in (("new_forest", "published"), ("forest_in_place", "none"))
    ]  # fmt: skip
    halves[0] = halves[0].assign(noise_ha=2.5, noise_t_c=table["change_t_c"] / 8)
    none = table.assign(cause="other", area_ha=0.0, change_t_c=0.0, low_t_c=0.0, high_t_c=0.0)
    none = none.assign(noise_basis="published", noise_ha=0.0, noise_t_c=0.0, map_ha=0.0)
    return pd.concat([*halves, none], ignore_index=True)


def _ranking() -> pd.DataFrame:
    """Places in the order of the codes, each one place unsure."""
    times = [("stock", year, year) for year in YEARS[-1:]]
    times += [(name, *pair) for name in ("change", "change_per_ha") for pair in PAIRS]
    return pd.DataFrame(
        [
            {
                "region_code": code, "region_name": NAMES[i], "level": "region",
                "quantity": quantity, "start": start, "end": end, "rank": 4 - i,
                "rank_low": max(1, 3 - i), "rank_high": min(4, 5 - i), "of": 4,
                "probability_top": 1.0, "probability_bottom": 1.0,
            }
            for quantity, start, end in times
            for i, code in enumerate(CODES)
        ]
    )  # fmt: skip


def _changes() -> pd.DataFrame:
    rows = []
    for level, code, name, _, members in groups():
        for start, end in PAIRS:
            value = sum(stock(i, end) - stock(i, start) for i in members)
            low, high = value - 1500.0, value + 1500.0
            rows.append(
                {
                    "region_code": code, "region_name": name, "level": level, "start": start,
                    "end": end, "change_t_c": value, "se_t_c": 750.0, "low_t_c": low,
                    "high_t_c": high, "gain_t_c": max(value, 0) + 70,
                    "loss_t_c": max(-value, 0) + 70,
                    "area_effect_t_c": value - 10, "density_effect_t_c": 10.0,
                    "detectable": low > 0 or high < 0,
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def _transitions() -> pd.DataFrame:
    rows = []
    for i, (start, end) in ((i, pair) for i in range(4) for pair in PAIRS):
        moved = areas(i, end)["pine"] - areas(i, start)["pine"]
        names = ("paddy", "pine") if moved >= 0 else ("pine", "paddy")
        for origin, target, area in ((*names, abs(moved)), ("lake", "lake", 500.0)):
            change = 0.0 if origin == target else 22.5 * moved
            head = {"region_code": CODES[i], "start": start, "end": end}
            rows.append(
                head | {"from_stratum": origin, "to_stratum": target, "area_ha": area,
                        "change_t_c": change}
            )  # fmt: skip
    return pd.DataFrame(rows)


def _targets() -> pd.DataFrame:
    rows = []
    for level, code, _, _, members in groups():
        achieved = sum(25.0 * (areas(i, 2020)["pine"] - areas(i, 2010)["pine"]) for i in members)
        whole = level == "study"
        rows.append(
            {
                "target": "forest-carbon", "region_code": code, "level": level, "start": 2010,
                "end": 2020, "quantity": "carbon", "unit": "t C",
                "required": 40_000.0 if whole else np.nan, "achieved": achieved, "se": 500.0,
                "low": achieved - 1000, "high": achieved + 1000,
                "share_achieved": achieved / 40_000 if whole else np.nan,
                "probability": 0.0 if whole else np.nan, "verdict": "not_met" if whole else "",
                "achieved_other_unit": achieved * 44 / 12, "other_unit": "t CO2", "share_by": "",
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def sample_regions() -> gpd.GeoDataFrame:
    """Four squares of 0.1 degrees side by side."""
    corners = [(112.0, 30.1), (112.1, 30.1), (112.0, 30.0), (112.1, 30.0)]
    shapes = [box(x, y, x + 0.1, y + 0.1) for x, y in corners]
    columns = {"region_code": CODES, "region_name": NAMES, "city": CITIES}
    return gpd.GeoDataFrame(columns, geometry=shapes, crs="EPSG:4326")


def write_raster(path: Path, values: Any, *, nodata: int | None = 255) -> RasterSource:
    """Write classes on a 100 m equal-area grid over the four squares; returns the source."""
    west, north, cell = 662_000.0, 3_221_000.0, 100.0
    transform = rasterio.Affine(cell, 0, west, 0, -cell, north)
    profile = {"driver": "GTiff", "count": 1, "dtype": values.dtype, "nodata": nodata}
    height, width = values.shape
    with rasterio.open(
        path, "w", height=height, width=width, crs=CRS, transform=transform, **profile
    ) as file:
        file.write(values, 1)
        wkt = file.crs.to_wkt()
    grid = Grid(wkt, west, north, cell, -cell, width, height)
    return RasterSource(path, path.name, 1, grid, str(values.dtype), nodata, (1, width))


def sample_classes(year: int) -> Any:
    """Blocks of four cells of random classes, no data in one corner."""
    generator = np.random.default_rng(year)
    blocks = generator.choice([1, 2, 3, 4], size=(70, 70)).astype(np.uint8)
    values = np.kron(blocks, np.ones((4, 4), dtype=np.uint8))
    values[:8, :8] = 255
    return values


def sample(folder: Path, *, pictures: bool = True, **study: Any) -> Results:
    """Return the sample run; keywords replace keys of ``meta["study"]``."""
    meta = copy.deepcopy(META)
    meta["study"] |= study
    if pictures:
        (folder / "rasters").mkdir(parents=True, exist_ok=True)
        sources = {
            year: write_raster(folder / "rasters" / f"{year}.tif", sample_classes(year))
            for year in YEARS
        }
        meta["layers"] = write_layers(
            sources, LEGEND, folder=folder / "layers", densities=PER_HECTARE
        )
    return Results(folder, meta, tables(), sample_regions())
