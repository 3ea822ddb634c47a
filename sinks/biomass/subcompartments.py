"""Sub-compartments (小班) to carbon: each polygon by its model, sums by county and stratum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from pyproj import Transformer

from sinks.biomass.growth import apply_growth, with_curves
from sinks.biomass.models import apply_model
from sinks.biomass.readers.subcompartments import Records
from sinks.biomass.species import classify, forest_types
from sinks.biomass.stands import TREE_POOLS, Draws, Floats, StandCarbon
from sinks.checks import Problems, first_few
from sinks.draws import summarise
from sinks.parameters import load_table
from sinks.regions import Regions

Ints = npt.NDArray[np.int64]
Objects = npt.NDArray[np.object_]
SHRUBS: Final = ("special_shrub", "other_shrub")
OPEN: Final = "open_forest"
#: Land that is a stand whatever it bears; other land is one where it has a growing stock.
WOODED: Final = (
    "tree_forest", "mixed_tree_forest", "bamboo", OPEN, *SHRUBS, "young_planted", "young_closed",
)  # fmt: skip
#: Columns of the sums, beside region, year and model.
AMOUNTS: Final = ("polygons", "area_ha", "volume_m3", "uncomputed_ha", "outside_ha")


@dataclass(frozen=True, eq=False)
class Stands:
    """Sub-compartments that are stands, by the names of the models.

    Attributes
    ----------
    frame : DataFrame
        ``row`` (in the file, from 1), ``polygon_id``, ``region``, ``forest_type``, ``stratum``,
        ``land``, ``origin``, ``age_group``, ``age``, ``area`` [ha], ``volume`` [m³/ha].
    shown : str
    """

    frame: pd.DataFrame
    shown: str


@cache
def _land() -> dict[str, str]:
    """Return the word of every land code and land name, of all code families."""
    old = load_table("inventory/cfi_codes").query("family == 'land_type'")
    new = load_table("inventory/subcompartment_land")
    words: dict[str, str] = {}
    for table in (old, new):
        names = dict(zip(table["name_zh"], table["slug"], strict=True))
        # Land is written with its last word, land, or without it.
        words |= {name[:-1]: slug for name, slug in names.items() if len(name) > 3} | names
        words |= dict(zip(table["code"], table["slug"], strict=True))
    # The forest map writes the inventory's codes with four digits: 0111 is 111.
    words |= {f"0{code}": slug for code, slug in zip(old["code"], old["slug"], strict=True)}
    return words


@cache
def _words(family: str) -> dict[str, str]:
    table = load_table("inventory/cfi_codes")
    own = table[table["family"] == family]
    codes = dict(zip(own["code"], own["slug"], strict=True))
    names = dict(zip(own["name_zh"], own["slug"], strict=True))
    return {name[:-1]: slug for name, slug in names.items() if len(name) > 2} | names | codes


def _translated(values: pd.Series, words: dict[str, str]) -> Objects:
    """Return the words of codes or names; a longer code counts by its first digit if need be."""
    codes, distinct = pd.factorize(values)
    found = [words.get(v) or words.get(v[:-1]) or words.get(v[:1], "") for v in distinct]
    return np.array([*found, ""], dtype=object)[codes]


def _land_of(values: pd.Series) -> Objects:
    codes, distinct = pd.factorize(values)
    words = _land()
    found = [words.get(v) or words.get(v[:-1], "") for v in distinct]
    return np.array([*found, ""], dtype=object)[codes]


def stands_of(records: Records, *, problems: Problems) -> Stands:
    """Return the sub-compartments that are stands, with forest type and stratum.

    Parameters
    ----------
    records : Records
    problems : Problems
        Takes species and land types that no table knows, with the nearest names and the area.

    Notes
    -----
    The dominant species makes the forest type, but for bamboo forest and shrub land, which their
    land type makes. Land without trees is no stand, unless it bears a volume.
    """
    frame = records.frame
    types, unknown = classify(frame["species"].tolist())
    land = _land_of(frame["land_type"])
    volume = frame["volume"].to_numpy()
    kind = types.astype(object)
    kind[land == "bamboo"] = "bamboo"
    bare_shrub = np.isin(land, SHRUBS) & ~(volume > 0) & (kind != "economic")
    kind[bare_shrub] = "shrub"
    out = pd.DataFrame(
        {
            "row": np.arange(1, len(frame) + 1), "polygon_id": frame["polygon_id"],
            "region": frame["region"], "forest_type": kind, "stratum": _strata(kind, land),
            "land": land, "origin": _translated(frame["origin"], _words("origin")),
            "age_group": _translated(frame["age_group"], _words("age_group")),
            "age": frame["age"], "area": frame["area"], "volume": volume,
        }
    )  # fmt: skip
    named = (kind != "") | ~frame["species"].isin(["", "0"]).to_numpy()
    stand = np.isin(land, WOODED) | ((land == "") & named) | (volume > 0)
    stands = out[stand & (out["area"] > 0)].reset_index(drop=True)
    _tell_unknown(stands, unknown, frame=frame, shown=records.shown, problems=problems)
    strange = frame["land_type"][(land == "") & (frame["land_type"] != "")]
    if len(strange):
        problems.warn(
            "subcompartments.land", file=records.shown, count=len(strange),
            codes=first_few(strange.unique().tolist(), problems.language),
        )  # fmt: skip
    return Stands(stands, records.shown)


def _strata(kind: Objects, land: Objects) -> Objects:
    codes, distinct = pd.factorize(kind)
    table = forest_types()["stratum"]
    strata = np.array([*(table.get(name, "") for name in distinct), ""], dtype=object)[codes]
    return np.where(land == OPEN, OPEN, strata)


def _tell_unknown(
    stands: pd.DataFrame, unknown: dict[str, str], *, frame: pd.DataFrame, shown: str,
    problems: Problems,
) -> None:  # fmt: skip
    lost = stands["forest_type"] == ""
    if not lost.any():
        return
    names = frame["species"].iloc[stands["row"][lost] - 1].unique().tolist()
    told = [f"{name} ({unknown[name]})" if name in unknown else "∅" for name in names]
    problems.warn(
        "subcompartments.species", file=shown, count=int(lost.sum()),
        share=f"{stands['area'][lost].sum() / stands['area'].sum():.1%}",
        names=first_few(told, problems.language),
    )  # fmt: skip


def regions_by_place(records: Records, rows: Ints, *, regions: Regions) -> Ints:
    """Return the region (by position) that a point inside each polygon lies in, −1 for none.

    Parameters
    ----------
    records : Records
    rows : ndarray of int
        Rows of the file, from 1.
    regions : Regions
    """
    shapes = records.shapes[rows - 1]
    there = Transformer.from_crs(records.crs, regions.frame.crs, always_xy=True)
    points = shapely.point_on_surface(shapes)
    xy = np.column_stack(there.transform(shapely.get_x(points), shapely.get_y(points)))
    out = np.full(len(rows), -1, dtype=np.int64)
    usable = np.flatnonzero(np.isfinite(xy).all(axis=1))
    tree = shapely.STRtree(np.asarray(regions.frame.geometry.values))
    point, region = tree.query(shapely.points(xy[usable]), predicate="intersects")
    out[usable[point]] = region
    return out


def carbon_of(
    stands: Stands, model: str, *, draws: Draws, problems: Problems, growth: bool = False,
    memory: bool = True,
) -> StandCarbon:  # fmt: skip
    """Return the carbon of the stands by one model.

    Parameters
    ----------
    stands : Stands
    model : str
    draws : Draws
    problems : Problems
        Takes stands without a volume, and what `apply_model` tells.
    growth : bool
        Whether woody stands without a volume but of known age take the growth curve of their type;
        otherwise they cannot be computed.
    memory : bool
        Whether rows that were never checked may be used.
    """
    frame = stands.frame
    types, volume = frame["forest_type"].to_numpy(), frame["volume"].to_numpy()
    carbon = apply_model(
        model, volume=volume, forest_type=types, draws=draws, problems=problems, memory=memory
    )
    area = frame["area"].to_numpy()
    carbon.warn_range(problems, file=stands.shown, weight=area)
    lost = (carbon.index < 0) & (types != "")
    if growth:
        lost |= (volume == 0) & (frame["age"].to_numpy() > 0)
        aged = np.where(lost, frame["age"], np.nan)
        carbon = with_curves(
            carbon, apply_growth(aged, forest_type=types, draws=draws, problems=problems)
        )
        lost &= carbon.index < 0
    if lost.any():
        problems.warn(
            "subcompartments.no_volume", file=stands.shown, count=int(lost.sum()),
            share=f"{area[lost].sum() / area.sum():.1%}",
        )  # fmt: skip
    return carbon


def sums(
    stands: Stands, carbon: StandCarbon, *, group: Ints, names: Sequence[str], level: float
) -> pd.DataFrame:
    """Return areas, volumes and carbon by region, stratum and pool.

    Parameters
    ----------
    stands : Stands
    carbon : StandCarbon
    group : ndarray of int, dims (stand)
        Region of each stand by position in `names`, −1 for none.
    names : sequence of str
        Region codes.
    level : float
        Probability of the intervals.

    Returns
    -------
    DataFrame
        ``region_code, stratum, pool, polygons, area_ha, volume_m3, uncomputed_ha, outside_ha,
        stock_t_c, se_t_c, low_t_c, high_t_c``; the amounts before the stock repeat for each pool.
        The stock is that of the computed part, and empty where nothing could be computed.
    """
    frame = stands.frame
    codes, strata = pd.factorize(frame["stratum"], sort=True)
    place = np.where(group >= 0, group * len(strata) + codes, -1)
    count = len(names) * len(strata)
    area = frame["area"].to_numpy()
    volume = np.nan_to_num(frame["volume"].to_numpy())
    amounts = _amounts(place, area, volume=volume, carbon=carbon, count=count)
    stock = carbon.total(area, place, count=count)
    rows = []
    for p, pool in enumerate(TREE_POOLS):
        spread = summarise(stock[p], level=level)
        central = _central(carbon, area, place=place, count=count)[p]
        rows.append(
            pd.DataFrame(
                {
                    "region_code": np.repeat(np.asarray(names, dtype=object), len(strata)),
                    "stratum": np.tile(np.asarray(strata, dtype=object), len(names)), "pool": pool,
                    **amounts, "stock_t_c": central, "se_t_c": spread.se, "low_t_c": spread.low,
                    "high_t_c": spread.high,
                }
            )
        )  # fmt: skip
    table = pd.concat(rows, ignore_index=True)
    table = table[table["polygons"] > 0]
    nothing = table["uncomputed_ha"] >= table["area_ha"] * (1 - 1e-12)
    table.loc[nothing, ["stock_t_c", "se_t_c", "low_t_c", "high_t_c"]] = np.nan
    return table.sort_values(["region_code", "stratum", "pool"], kind="stable", ignore_index=True)


def region_totals(
    stands: Stands, carbon: StandCarbon, *, group: Ints, names: Sequence[str], level: float
) -> pd.DataFrame:
    """Return areas, volumes and carbon of all strata and pools, by region and for the whole.

    Returns
    -------
    DataFrame
        ``region_code, level`` (region; study for the row ``ALL``), the amounts of `sums`, and the
        stock with its spread from the joint draws.
    """
    area = stands.frame["area"].to_numpy()
    volume = np.nan_to_num(stands.frame["volume"].to_numpy())
    count = len(names)
    stock = carbon.total(area, group, count=count).sum(axis=0)
    central = _central(carbon, area, place=group, count=count).sum(axis=0)
    amounts = _amounts(group, area, volume=volume, carbon=carbon, count=count)
    parts = {name: np.append(values, values.sum()) for name, values in amounts.items()}
    stock, central = np.vstack([stock, stock.sum(axis=0)]), np.append(central, central.sum())
    spread = summarise(stock, level=level)
    return pd.DataFrame(
        {
            "region_code": [*names, "ALL"], "level": ["region"] * count + ["study"], **parts,
            "stock_t_c": central, "se_t_c": spread.se, "low_t_c": spread.low,
            "high_t_c": spread.high,
        }
    )  # fmt: skip


def _central(carbon: StandCarbon, area: Floats, *, place: Ints, count: int) -> Floats:
    used = (place >= 0) & carbon.computable
    values = carbon.central[:, used] * area[used]
    return np.stack([np.bincount(place[used], value, minlength=count) for value in values])


def _amounts(
    place: Ints, area: Floats, *, volume: Floats, carbon: StandCarbon, count: int
) -> dict[str, Any]:
    used = place >= 0
    lost = used & ~carbon.computable
    outside = used & carbon.outside

    def total(which: npt.NDArray[np.bool_], weight: Floats) -> Floats:
        return np.bincount(place[which], weight[which], minlength=count).astype(np.float64)

    values = (
        np.bincount(place[used], minlength=count), total(used, area), total(used, area * volume),
        total(lost, area), total(outside, area),
    )  # fmt: skip
    return dict(zip(AMOUNTS, values, strict=True))


def polygons(stands: Stands, carbon: StandCarbon) -> pd.DataFrame:
    """Return the carbon of every stand at the central values.

    Returns
    -------
    DataFrame
        ``row, polygon_id, region, forest_type, stratum, origin, age_group, area_ha, volume_m3_ha,
        agb_t_c_ha, bgb_t_c_ha, stock_t_c, outside_range``; empty where not computable.
    """
    frame, central = stands.frame, carbon.central
    named = frame[["row", "polygon_id", "region", "forest_type", "stratum", "origin", "age_group"]]
    return named.assign(
        area_ha=frame["area"], volume_m3_ha=frame["volume"],
        agb_t_c_ha=central[0], bgb_t_c_ha=central[1],
        stock_t_c=central.sum(axis=0) * frame["area"].to_numpy(),
        outside_range=np.where(carbon.outside, "true", "false"),
    )  # fmt: skip
