"""Slices of a run's tables, and the chain behind one number: hectares × density → tonnes.

Nothing here computes a result: it selects rows, adds the parts of a whole, and looks up which
parameter stands behind which row.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sinks.results import Results
from sinks.units import DENSITY_UNITS, density_to_t_c_ha

WHOLE = "study"
UNIT = "region"
EVERYTHING = "ALL"
#: What a cause of an older run says of the change that classification error alone could make.
UNTOLD = {"map_ha": math.nan, "noise_ha": math.nan, "noise_t_c": math.nan, "noise_basis": "unknown"}
#: What the parameters of biomass models are called, before the first stroke of their name.
OF_MODELS = (
    "continuous_bcef", "bcef", "bef", "wood_density", "root_to_shoot", "carbon_fraction",
    "tree_biomass", "growth",
)  # fmt: skip
#: Of these the row is the error of a whole equation, a factor about 1.
AS_FACTORS = ("tree_biomass/", "growth/")
#: How far area × density may lie from the published stock before it is remarked on [share].
REMARKED = 0.005


@dataclass(frozen=True)
class Density:
    """One density row of `tables/parameters.csv`, taken apart."""

    stratum: str
    pool: str
    year: str
    region: str
    value: float
    se: float
    unit: str
    source: str
    confidence: str

    @property
    def t_c_ha(self) -> float:
        """The value [t C/ha]; NaN where the row alone does not say (dry matter)."""
        if self.unit not in DENSITY_UNITS or self.unit == "t d.m./ha":
            return math.nan
        return density_to_t_c_ha(self.value, self.unit)


@dataclass(frozen=True)
class Link:
    """One stratum and pool of a region in one year: area, density, stock.

    `density` is None when the parameters name none for it (or one per region and the link spans
    several); `implied` [t C/ha] is always the published stock over the area.
    """

    stratum: str
    pool: str
    area_ha: float
    stock_t_c: float
    density: Density | None

    @property
    def implied(self) -> float:
        """Published stock over area [t C/ha]."""
        return self.stock_t_c / self.area_ha if self.area_ha > 0 else math.nan

    @property
    def product(self) -> float:
        """Area × parameter [t C]; NaN without a parameter in t C/ha."""
        return self.area_ha * self.density.t_c_ha if self.density else math.nan

    @property
    def agrees(self) -> bool:
        """Whether the product is the published stock, but for rounding."""
        room = REMARKED * abs(self.product) + 1e-9
        return math.isfinite(self.product) and abs(self.product - self.stock_t_c) <= room


def density_of(row: dict[str, Any]) -> Density | None:
    """Return a parameter row named ``density/STRATUM/POOL[/YEAR[/REGION]]``, else None."""
    parts = str(row["name"]).split("/")
    if parts[0] != "density" or not 3 <= len(parts) <= 5:
        return None
    stratum, pool, year, region = (*parts[1:], "", "")[:4]
    return Density(
        stratum,
        pool,
        year,
        region,
        float(row["value"]),
        float(row["se"]),
        str(row["unit"]),
        str(row["source"]),
        str(row["confidence"]),
    )


def densities(results: Results) -> list[Density]:
    """Return every density parameter of the run, in the table's order."""
    found = (density_of(row) for row in records(results.tables["parameters"]))
    return [density for density in found if density is not None]


def model_parameters(results: Results) -> list[dict[str, Any]]:
    """Return the parameters of the biomass models that densities rest on, in the table's order."""
    rows = records(results.tables["parameters"])
    return [row for row in rows if str(row["name"]).partition("/")[0] in OF_MODELS]


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table as plain dictionaries."""
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def stratum_names(results: Results, language: str) -> dict[str, str]:
    """Return what each stratum is called, in the legend's order."""
    return {str(row["stratum"]): str(row[f"name_{language}"]) for row in records(results.strata)}


def units(results: Results) -> pd.DataFrame:
    """Return code, name and parent of the study's own regions, in code order."""
    table = results.tables["regions"]
    rows = table[table["level"] == UNIT].drop_duplicates("region_code")
    columns = ["region_code", "region_name", "parent_code"]
    return rows[columns].sort_values("region_code", kind="stable").reset_index(drop=True)


def whole(results: Results, table: str) -> pd.DataFrame:
    """Return the rows of the whole study area of a table that has levels."""
    rows = results.tables[table]
    return rows[rows["level"] == WHOLE].reset_index(drop=True)


def of_units(results: Results, table: str) -> pd.DataFrame:
    """Return the rows of a table that belong to the study's own regions, in code order.

    Tables without a level may or may not hold rows of parents: only the regions' are kept.
    """
    rows = results.tables[table]
    if "level" in rows.columns:
        rows = rows[rows["level"] == UNIT]
    else:
        known = results.tables["regions"]
        own = known.loc[known["level"] == UNIT, "region_code"]
        rows = rows[rows["region_code"].isin(own)]
    return rows.sort_values("region_code", kind="stable").reset_index(drop=True)


def levels(results: Results) -> list[str]:
    """Return the levels from the study's own regions to the whole."""
    return [UNIT, *(str(name) for name in results.meta["study"].get("parents", ())), WHOLE]


def order(results: Results) -> dict[tuple[str, str], tuple[str, str]]:
    """Return what to sort every unit by, under its level and code: its first region, its code.

    Prefectures known by name come so in the order of their counties' codes, as in GB/T 2260.
    """
    table = results.tables["regions"][["region_code", "level", "parent_code"]].drop_duplicates()
    found: dict[tuple[str, str], tuple[str, str]] = {}
    steps = levels(results)
    for level, above in zip(steps, [*steps[1:], ""], strict=True):
        for row in records(table[table["level"] == level]):
            code, parent = str(row["region_code"]), str(row["parent_code"])
            first = found.setdefault((level, code), (code, code))[0]
            if above:
                here = found.get((above, parent), (first, parent))
                found[above, parent] = min(here, (first, parent))
    return found


def members(results: Results, code: str, *, level: str) -> list[str]:
    """Return the codes of the study's own regions that make up `code` at `level`."""
    if level == WHOLE:
        return list(units(results)["region_code"])
    order = levels(results)
    table = results.tables["regions"][["region_code", "level", "parent_code"]].drop_duplicates()
    codes = {code}
    for below in reversed(order[: order.index(level)]):
        rows = table[(table["level"] == below) & table["parent_code"].isin(codes)]
        codes = set(rows["region_code"])
    return sorted(codes)


def links(results: Results, codes: list[str], *, year: int) -> list[Link]:
    """Return the chain of `codes` taken together in `year`, in the order of strata and pools."""
    stock = of_units(results, "stock")
    stock = stock[(stock["year"] == year) & stock["region_code"].isin(codes)]
    sums = stock.groupby(["stratum", "pool"], sort=False)[["area_ha", "stock_t_c"]].sum()
    known = {(item.stratum, item.pool, item.year, item.region): item for item in densities(results)}
    local = {key[:3] for key in known if key[3]}
    only = codes[0] if len(codes) == 1 else ""
    found = []
    for row in records(sums.reset_index()):
        pair = (str(row["stratum"]), str(row["pool"]))
        density = None
        for when in (str(year), ""):
            own = known.get((*pair, when, only)) if only else None
            spans = (*pair, when) in local and not only
            density = density or own or (None if spans else known.get((*pair, when, "")))
        found.append(Link(*pair, float(row["area_ha"]), float(row["stock_t_c"]), density))
    return found


def moves(results: Results, codes: list[str], *, start: int, end: int) -> pd.DataFrame:
    """Return the transitions of `codes` taken together, largest change first."""
    rows = of_units(results, "transitions")
    rows = rows[(rows["start"] == start) & (rows["end"] == end) & rows["region_code"].isin(codes)]
    sums = rows.groupby(["from_stratum", "to_stratum"], sort=False)[["area_ha", "change_t_c"]].sum()
    sums = sums.reset_index()
    order = sums["change_t_c"].abs().sort_values(ascending=False, kind="stable").index
    return sums.loc[order].reset_index(drop=True)


def causes(
    results: Results, code: str, *, level: str, start: int, end: int
) -> list[dict[str, Any]]:
    """Return the causes of a place's change that have land or carbon; none of an older run."""
    table = results.tables.get("attribution")
    if table is None:
        return []
    own = (table["level"] == level) & (table["region_code"] == code)
    rows = records(table[own & (table["start"] == start) & (table["end"] == end)])
    return [UNTOLD | row for row in rows if row["area_ha"] > 0 or row["change_t_c"] != 0]
