"""A finished run small enough to work out by hand, for the tests of the faces.

Three counties in two prefectures, three strata, two pools, 2010 and 2015. Areas [ha] are given as
transitions and densities [t C/ha] per year; every table follows by multiplication. Intervals are
the value ± 2 standard errors, and a change's standard error is 60 t C everywhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
from shapely.geometry import box

from sinks.results import TABLES, Results, write_table

MARKUP = "<img src=x onerror=alert(1)>"
FORMULA = '=HYPERLINK("http://x")'
FIRST, LAST = 2010, 2015
STRATA = ("forest", "marsh", "crop")
POOLS = ("agb", "soil")
#: t C/ha by (stratum, pool): 2010, 2015. Forest grows; nothing else does.
DENSITY = {
    ("forest", "agb"): (40.0, 42.0),
    ("forest", "soil"): (100.0, 100.0),
    ("marsh", "agb"): (3.0, 3.0),
    ("marsh", "soil"): (120.0, 120.0),
    ("crop", "agb"): (2.0, 2.0),
    ("crop", "soil"): (60.0, 60.0),
}
#: ha by county and (stratum in 2010, stratum in 2015).
MOVES = {
    "420101": {
        ("forest", "forest"): 100.0,
        ("crop", "forest"): 20.0,
        ("crop", "crop"): 80.0,
        ("marsh", "marsh"): 10.0,
    },
    "420102": {("forest", "forest"): 50.0, ("forest", "crop"): 10.0, ("marsh", "crop"): 5.0},
    "420201": {("crop", "crop"): 200.0, ("crop", "forest"): 0.5},
}
NAMES = {"420101": "青山县", "420102": MARKUP, "420201": FORMULA}
PREFECTURE = {"420101": "甲市", "420102": "甲市", "420201": "乙市"}
#: Worked by hand: 100 ha grow by 2, 20 ha gain 142 − 62 = 80; 50 by 2, 10 lose 78, 5 lose 61;
#: 0.5 ha gain 80.
CHANGE = {"420101": 1800.0, "420102": -985.0, "420201": 40.0}
NODATA = {"420101": 3.0, "420102": 0.0, "420201": 0.0}
CHANGE_SE = 60.0


def per_ha(stratum: str, year: int) -> float:
    """Return the density of a stratum over its pools."""
    return sum(DENSITY[stratum, pool][year == LAST] for pool in POOLS)


def area(code: str, stratum: str, *, year: int) -> float:
    side = 1 if year == LAST else 0
    return sum(size for move, size in MOVES[code].items() if move[side] == stratum)


def interval(value: float, se: float, *, certain: bool) -> dict[str, float]:
    if certain:
        return {"se_t_c": 0.0, "low_t_c": value, "high_t_c": value}
    return {"se_t_c": se, "low_t_c": value - 2 * se, "high_t_c": value + 2 * se}


def places(parents: Sequence[str]) -> list[tuple[str, str, str, str, list[str]]]:
    """Return (level, code, name, parent, counties) of every level."""
    top = "ALL"
    found = [
        ("region", code, NAMES[code], PREFECTURE[code] if parents else top, [code])
        for code in sorted(MOVES)
    ]
    if parents:
        for name in dict.fromkeys(PREFECTURE.values()):
            inside = [code for code in MOVES if PREFECTURE[code] == name]
            found.append(("prefecture", name, name, top, inside))
    return [*found, ("study", "ALL", "ALL", "", sorted(MOVES))]


def _stock(certain: bool) -> list[dict[str, Any]]:
    rows = []
    for code in sorted(MOVES):
        for year in (FIRST, LAST):
            for stratum, pool in DENSITY:
                size = area(code, stratum, year=year)
                value = size * DENSITY[stratum, pool][year == LAST]
                key = {"region_code": code, "region_name": NAMES[code], "year": year}
                cell = {"stratum": stratum, "pool": pool, "area_ha": size, "stock_t_c": value}
                rows.append({**key, **cell, **interval(value, value * 0.05, certain=certain)})
    return rows


def _regions(parents: Sequence[str], certain: bool) -> list[dict[str, Any]]:
    rows = []
    for level, code, name, parent, inside in places(parents):
        for year in (FIRST, LAST):
            sizes = {
                stratum: sum(area(item, stratum, year=year) for item in inside)
                for stratum in STRATA
            }
            valid = sum(sizes.values())
            stock = sum(size * per_ha(stratum, year) for stratum, size in sizes.items())
            gap = sum(NODATA[item] for item in inside)
            rows.append(
                {
                    "region_code": code,
                    "region_name": name,
                    "level": level,
                    "parent_code": parent,
                    "year": year,
                    "region_ha": valid + gap,
                    "valid_ha": valid,
                    "nodata_ha": gap,
                    "forest_ha": sizes["forest"],
                    "wetland_ha": sizes["marsh"],
                    "stock_t_c": stock,
                    **interval(stock, stock * 0.05, certain=certain),
                }
            )
    return rows


def _effects(inside: Iterable[str]) -> tuple[float, float]:
    """Return area and density effect, the interaction shared."""
    by_area = by_density = 0.0
    for code in inside:
        for stratum in STRATA:
            old, new = (area(code, stratum, year=year) for year in (FIRST, LAST))
            before, after = (per_ha(stratum, year) for year in (FIRST, LAST))
            by_area += (new - old) * (before + after) / 2
            by_density += (after - before) * (old + new) / 2
    return by_area, by_density


def _change(parents: Sequence[str], certain: bool) -> list[dict[str, Any]]:
    rows = []
    for level, code, name, _, inside in places(parents):
        steps = [
            size * (per_ha(after, LAST) - per_ha(before, FIRST))
            for item in inside
            for (before, after), size in MOVES[item].items()
        ]
        value = sum(steps)
        by_area, by_density = _effects(inside)
        ends = interval(value, CHANGE_SE, certain=certain)
        rows.append(
            {
                "region_code": code,
                "region_name": name,
                "level": level,
                "start": FIRST,
                "end": LAST,
                "change_t_c": value,
                **ends,
                "gain_t_c": sum(step for step in steps if step > 0),
                "loss_t_c": -sum(step for step in steps if step < 0),
                "area_effect_t_c": by_area,
                "density_effect_t_c": by_density,
                "detectable": not certain and (ends["low_t_c"] > 0 or ends["high_t_c"] < 0),
            }
        )
    return rows


def cause(before: str, after: str) -> str:
    """Return the cause of a transition of the three strata."""
    if before == after:
        return {"forest": "forest_in_place", "marsh": "wetland_in_place"}.get(before, "other")
    if "forest" in (before, after):
        return "new_forest" if after == "forest" else "forest_loss"
    return "new_wetland" if after == "marsh" else "wetland_loss"


def _attribution(parents: Sequence[str], certain: bool) -> list[dict[str, Any]]:
    """Causes with a standard error of 30 t C; of what was mapped as changed a fifth is false."""
    rows = []
    names = ("new_forest", "forest_in_place", "forest_loss", "wetland_in_place", "wetland_loss")
    for level, code, name, _, inside in places(parents):
        for own in (*names, "other"):
            moves = [
                (size, size * (per_ha(after, LAST) - per_ha(before, FIRST)))
                for item in inside
                for (before, after), size in MOVES[item].items()
                if cause(before, after) == own
            ]
            size, change = (sum(column) for column in zip((0.0, 0.0), *moves, strict=True))
            moved = own not in ("forest_in_place", "wetland_in_place", "other")
            rows.append(
                {
                    "region_code": code, "region_name": name, "level": level, "start": FIRST,
                    "end": LAST, "cause": own, "area_ha": size, "change_t_c": change,
                    **interval(change, 30.0, certain=certain), "map_ha": size,
                    "noise_ha": size / 5 if moved else None,
                    "noise_t_c": change / 5 if moved else None,
                    "noise_basis": "published" if moved else "none",
                }
            )  # fmt: skip
    return rows


def _transitions() -> list[dict[str, Any]]:
    return [
        {
            "region_code": code,
            "start": FIRST,
            "end": LAST,
            "from_stratum": before,
            "to_stratum": after,
            "area_ha": size,
            "change_t_c": size * (per_ha(after, LAST) - per_ha(before, FIRST)),
        }
        for code, moves in MOVES.items()
        for (before, after), size in moves.items()
    ]


def _targets(parents: Sequence[str], certain: bool) -> list[dict[str, Any]]:
    """A carbon target of +1,000 t C for the forests, shared out by their area in 2010."""
    rows = []
    whole = sum(area(code, "forest", year=FIRST) for code in MOVES)
    for level, code, _, _, inside in places(parents):
        stock = [
            sum(area(item, "forest", year=year) for item in inside) * per_ha("forest", year)
            for year in (FIRST, LAST)
        ]
        achieved = stock[1] - stock[0]
        share = sum(area(item, "forest", year=FIRST) for item in inside) / whole
        required = 1000.0 * share
        se = 0.0 if certain else CHANGE_SE
        reached = achieved / required if required else None
        rows.append(
            {
                "target": "forest-carbon",
                "region_code": code,
                "level": level,
                "start": FIRST,
                "end": LAST,
                "quantity": "carbon",
                "unit": "t C",
                "required": required if required else None,
                "achieved": achieved,
                "se": se,
                "low": achieved - 2 * se,
                "high": achieved + 2 * se,
                "share_achieved": reached,
                "probability": None if reached is None else float(reached >= 1),
                "verdict": "" if reached is None else "met" if reached >= 1 else "not_met",
                "achieved_other_unit": achieved * 44 / 12,
                "other_unit": "t CO2",
                "share_by": "forest_area",
                "basis": "measured",
                "basis_source": "",
                "official": None,
                "official_se": None,
            }
        )
    return rows


def _coverage() -> list[dict[str, Any]]:
    rows = []
    for code, moves in MOVES.items():
        valid = sum(moves.values())
        for year in (FIRST, LAST):
            gap = NODATA[code]
            sizes = {"region_ha": valid + gap, "inside_ha": valid + gap, "valid_ha": valid}
            rest = {"nodata_ha": gap, "outside_ha": 0.0, "common_valid_ha": valid}
            rows.append({"region_code": code, "year": year, **sizes, **rest})
    return rows


def _parameters() -> list[dict[str, Any]]:
    return [
        {
            "name": f"density/{stratum}/{pool}/{year}",
            "value": DENSITY[stratum, pool][year == LAST],
            "se": DENSITY[stratum, pool][year == LAST] * 0.05,
            "unit": "t C/ha",
            "distribution": "normal",
            "source": "@SUM(1+1)*cmd" if stratum == "marsh" else "worked by hand",
            "confidence": "memory" if stratum == "marsh" else "verified",
        }
        for stratum, pool in DENSITY
        for year in (FIRST, LAST)
    ]


def _meta(language: str, parents: Sequence[str], certain: bool) -> dict[str, Any]:
    named = {
        "forest": ("森林", "Forest", "forest_land", "forest", "#1b6b4a"),
        "marsh": ("沼泽", "Marsh", "wetlands", "wetland", "#62b3a8"),
        "crop": ("耕地", "Cropland", "cropland", "cropland", "#e9dc8f"),
    }
    fields = ("name_zh", "name_en", "ipcc", "group", "colour")
    target = {
        "name": "forest-carbon",
        "quantity": "carbon",
        "kind": "increase",
        "unit": "t C",
        "value": 1000.0,
        "start": FIRST,
        "end": LAST,
        "groups": ["forest"],
        "pools": ["agb", "soil"],
        "source": "plan of the tiny province",
        "share_by": "forest_area",
    }
    return {
        "sinks": "0.0",
        "study": {
            "name": "tiny",
            "title": "Tiny & true" if language == "en" else "三县小省 <b>",
            "language": language,
            "synthetic": True,
            "map_approval": None,
            "years": [FIRST, LAST],
            "level": 0.95,
            "draws": 1 if certain else 1000,
            "seed": 7,
            "legend": "tiny",
            "coverage": "exact",
            "parents": list(parents),
            "targets": [target],
        },
        "strata": [
            {"stratum": stratum, **dict(zip(fields, values, strict=True))}
            for stratum, values in named.items()
        ],
        "pools": list(POOLS),
        "layers": [],
        "inputs": [{"role": "regions", "path": "counties.gpkg", "sha256": "ab" * 32, "size": 12}],
        "versions": {"python": "3"},
        "problems": [],
        "area_basis": "map",
        "outputs": {},
        "run": {},
    }


def write_tiny(
    root: Path,
    *,
    language: str = "zh",
    parents: Sequence[str] = ("prefecture",),
    certain: bool = False,
    outlines: bool = True,
) -> Results:
    """Write the tiny run into `root` and open it.

    Parameters
    ----------
    certain : bool
        As a run with one draw writes it: no intervals.
    outlines : bool
        Whether there is a `regions.gpkg`.
    """
    (root / "tables").mkdir(parents=True)
    rows = {
        "stock": _stock(certain),
        "regions": _regions(parents, certain),
        "change": _change(parents, certain),
        "transitions": _transitions(),
        "targets": _targets(parents, certain),
        "coverage": _coverage(),
        "parameters": _parameters(),
    }
    assert set(rows) == set(TABLES)
    rows["attribution"] = _attribution(parents, certain)
    for name, table in rows.items():
        write_table(pd.DataFrame(table), root / "tables" / f"{name}.csv")
    if outlines:
        codes = sorted(MOVES)
        frame = {"region_code": codes, "region_name": [NAMES[code] for code in codes]}
        if parents:
            frame["prefecture"] = [PREFECTURE[code] for code in codes]
        shapes = [box(112 + place, 30, 113 + place, 31) for place in range(len(codes))]
        regions = gpd.GeoDataFrame(frame, geometry=shapes, crs="EPSG:4326")
        regions.to_file(root / "regions.gpkg", layer="regions")
    meta = _meta(language, parents, certain)
    (root / "manifest.json").write_text(json.dumps(meta), encoding="utf-8")
    return Results.open(root)
