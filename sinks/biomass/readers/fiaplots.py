"""FIA's tables as a plain sheet of plots, which a study reads as it reads any other."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from sinks.biomass.readers.fia import Fia, population

#: FIA's coordinates are NAD83, moved and exchanged by up to a mile to keep the owners private.
CRS: Final = "EPSG:4269"
#: What tells a plot from all others, on every visit.
PLACE: Final = ("STATECD", "UNITCD", "COUNTYCD", "PLOT")
#: Columns of the sheet, by the amounts of the population [m³/ha, t C/ha].
PER_HECTARE: Final = {
    "volume": "volume_m3_ha", "carbon_agb": "agb_t_c_ha", "carbon_bgb": "bgb_t_c_ha",
    "carbon_litter": "litter_t_c_ha", "carbon_soil": "soil_t_c_ha",
}  # fmt: skip


def plain_plots(fia: Fia, evaluation: str) -> pd.DataFrame:
    """Return one evaluation as plots of the plain schema, one row per forest condition.

    Parameters
    ----------
    fia : Fia
    evaluation : str
        One of `Fia.evaluations`.

    Returns
    -------
    DataFrame
        ``plot_id`` (plot and condition, the same on every visit), ``cluster`` (the plot),
        ``round``, ``stratum`` (FORTYPCD), ``share``, ``x``, ``y``, ``crs``, and per hectare of
        the condition ``volume_m3_ha``, ``agb_t_c_ha``, ``bgb_t_c_ha``, ``litter_t_c_ha``,
        ``soil_t_c_ha``; columns that FIA's tables cannot fill are left out.

    Notes
    -----
    A condition's amounts y and its proportion x are divided by the sampled share of all plots of
    FIA's stratum, as in FIA's own estimates. Only ratios ``Σy / Σx`` follow from the sheet
    (estimators `clusters` and `ratio`), so proportions are divided by the largest plot's, and no
    share is above 1. FIA's post-strata are not carried: `sinks.biomass.population` has them.
    """
    people = population(fia, evaluation, by="condition")
    wide = people.values.rename_axis(index="cluster")
    rows = wide.stack(level=1, future_stack=True).reset_index()
    rows = rows.rename(columns={str(rows.columns[1]): "condition"})
    rows = rows[rows["forest_area"] > 0].reset_index(drop=True)
    largest = max(1.0, float(rows.groupby("cluster")["forest_area"].sum().max()))
    place = _places(fia, rows["cluster"])
    found = pd.DataFrame({"plot_id": place + "-" + rows["condition"], "cluster": place})
    found["round"] = people.year or ""
    found["stratum"] = _types(fia, rows)
    found["share"] = rows["forest_area"] / largest
    for name, title in PER_HECTARE.items():
        if name in rows:
            found[title] = rows[name].fillna(0.0) / rows["forest_area"]
    found = found.join(_coordinates(fia, rows["cluster"]))
    return found.sort_values("plot_id", ignore_index=True)


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
