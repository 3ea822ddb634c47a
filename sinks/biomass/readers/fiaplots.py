"""FIA's tables as a plain sheet of plots, which a study reads as it reads any other."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from sinks.biomass.population import Population
from sinks.biomass.readers.fia import OTHER_AREA, Fia, population

#: FIA's coordinates are NAD83, moved and exchanged by up to a mile to keep the owners private.
CRS: Final = "EPSG:4269"
#: What tells a plot from all others, on every visit.
PLACE: Final = ("STATECD", "UNITCD", "COUNTYCD", "PLOT")
#: Stratum of what was visited and is no forest.
OTHER: Final = "other_land"
#: Pools that FIA tells of forest land alone.
UNKNOWN_ELSEWHERE: Final = ("carbon_dead_wood", "carbon_litter", "carbon_soil")
#: Columns of the sheet, by the amounts of the population [m³/ha, t C/ha].
PER_HECTARE: Final = {
    "volume": "volume_m3_ha", "carbon_agb": "agb_t_c_ha", "carbon_bgb": "bgb_t_c_ha",
    "carbon_dead_wood": "dead_wood_t_c_ha", "carbon_litter": "litter_t_c_ha",
    "carbon_soil": "soil_t_c_ha",
}  # fmt: skip


def plain_plots(fia: Fia, evaluation: str) -> pd.DataFrame:
    """Return one evaluation as plots of the plain schema, one row per forest condition.

    What else was visited on a plot is one more row, without trees: a plot without forest is a
    plot, too, and the post-strata count it.

    Parameters
    ----------
    fia : Fia
    evaluation : str
        One of `Fia.evaluations`.

    Returns
    -------
    DataFrame
        ``plot_id`` (plot and condition, the same on every visit), ``cluster`` (the plot),
        ``round``, ``estimation_unit``, ``post_stratum``, ``post_stratum_ha``, ``stratum``
        (FORTYPCD, `OTHER` beyond the forest), ``share``, ``x``, ``y``, ``crs``, and per hectare
        of the condition ``volume_m3_ha``, ``agb_t_c_ha``, ``bgb_t_c_ha``, ``dead_wood_t_c_ha``,
        ``litter_t_c_ha``, ``soil_t_c_ha``; columns that FIA's tables cannot fill are left out.

    Notes
    -----
    A condition's amounts y and its proportion x are divided by the sampled share of all plots of
    FIA's stratum, as in FIA's own estimates. Only ratios ``Ŷ / X̂`` follow from the sheet
    (estimators `post_stratified_ratio`, which is FIA's own, `clusters` and `ratio`), so
    proportions are divided by the largest plot's, and no share is above 1.
    """
    people = population(fia, evaluation, by="condition")
    rows = _rows(people)
    largest = max(1.0, float(rows.groupby("cluster")["land"].sum().max()))
    place = _places(fia, rows["cluster"])
    found = pd.DataFrame({"plot_id": place + "-" + rows["condition"], "cluster": place})
    found["round"] = people.year or ""
    found = found.join(_design(people, rows["cluster"]))
    forest = rows["forest_area"] > 0
    found["stratum"] = _types(fia, rows).where(forest, OTHER)
    found["share"] = rows["land"] / largest
    for name, title in PER_HECTARE.items():
        if name in rows:
            amount = (rows[name].fillna(0.0) / rows["forest_area"]).where(forest)
            found[title] = amount if name in UNKNOWN_ELSEWHERE else amount.fillna(0.0)
    found = found.join(_coordinates(fia, rows["cluster"]))
    return found.sort_values("plot_id", ignore_index=True)


def _rows(people: Population) -> pd.DataFrame:
    """Return the forest conditions, and of every plot the rest of what was visited."""
    wide = people.values.rename_axis(index="cluster")
    rows = wide.stack(level=1, future_stack=True).reset_index()
    rows = rows.rename(columns={str(rows.columns[1]): "condition"})
    if OTHER_AREA not in rows:
        rows[OTHER_AREA] = 0.0
    forest = rows[rows["forest_area"] > 0].assign(land=rows["forest_area"])
    rest = rows.groupby("cluster", as_index=False)[[OTHER_AREA]].sum()
    rest = rest.assign(condition="0", land=rest[OTHER_AREA], forest_area=0.0)
    # Plots that nothing was visited of are plots of the sample, too.
    rest = rest[(rest["land"] > 0) | ~rest["cluster"].isin(forest["cluster"])]
    return pd.concat([forest, rest], ignore_index=True).drop(columns=OTHER_AREA)


def _design(people: Population, visits: pd.Series) -> pd.DataFrame:
    """Return estimation unit, post-stratum and its area [ha] of every visit."""
    areas = {}
    for unit, own in people.weights.items():
        whole = sum(own.values())
        for stratum, weight in own.items():
            areas[unit, stratum] = people.areas.get(unit, np.nan) * weight / whole
    units, strata = visits.map(people.unit), visits.map(people.stratum)
    pairs = zip(units, strata, strict=True)
    return pd.DataFrame({
        "estimation_unit": units, "post_stratum": strata,
        "post_stratum_ha": [areas.get(pair, np.nan) for pair in pairs],
    })  # fmt: skip


def _places(fia: Fia, visits: pd.Series) -> pd.Series:
    """Return what every visit to a plot has in common: its numbers, else the visit's own."""
    plots = fia.tables.get("plot", pd.DataFrame())
    if not set(PLACE) <= set(plots):
        return visits
    known = plots.drop_duplicates("PLT_CN").set_index("PLT_CN")[list(PLACE)]
    return visits.map(known.agg("_".join, axis=1)).fillna(visits)


def _types(fia: Fia, rows: pd.DataFrame) -> pd.Series:
    """Return the forest type of every condition, "" where the tables have none."""
    table = fia.tables["cond"]
    if "FORTYPCD" not in table:
        return pd.Series("", index=rows.index)
    keys = zip(table["PLT_CN"], table["CONDID"].str.removesuffix(".0"), strict=True)
    codes = dict(zip(keys, table["FORTYPCD"].str.removesuffix(".0"), strict=True))
    pairs = zip(rows["cluster"], rows["condition"], strict=True)
    return pd.Series([codes.get(pair, "") for pair in pairs], index=rows.index)


def _coordinates(fia: Fia, visits: pd.Series) -> pd.DataFrame:
    """Return ``x``, ``y``, ``crs`` of every visit; no column where the tables hold no places."""
    plots = fia.tables.get("plot", pd.DataFrame())
    if not {"LON", "LAT"} <= set(plots):
        return pd.DataFrame(index=visits.index)
    known = plots.drop_duplicates("PLT_CN").set_index("PLT_CN")
    x, y = (pd.to_numeric(visits.map(known[title]), errors="coerce") for title in ("LON", "LAT"))
    return pd.DataFrame({"x": x, "y": y, "crs": np.where(x.notna() & y.notna(), CRS, "")})
