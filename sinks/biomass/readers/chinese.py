"""The Chinese continuous forest inventory: national codes and the units of its rounds.

Plots are visited every five years; a table holds one round. Volumes are per plot [m³]. Mean
diameters and heights are tenths of cm and m in some rounds and whole ones in others.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from sinks.biomass.plotcells import Notes
from sinks.biomass.plotchecks import tenths
from sinks.parameters import load_table
from sinks.sections import PlotsConfig

#: Land of which nothing more is known.
OTHER: Final = "other_land"


def codes(family: str) -> pd.DataFrame:
    """Return the codes of one factor: index ``code``; columns ``slug``, names, ``counts``."""
    table = load_table("inventory/cfi_codes")
    return table[table["family"] == family].set_index("code")


def from_national_codes(frame: pd.DataFrame, notes: Notes, *, config: PlotsConfig) -> None:
    """Turn national codes into words and settle the round's units, in place.

    Parameters
    ----------
    frame : DataFrame
        As `sinks.biomass.plots` reads it; afterwards ``land_type``, ``age_group`` and ``origin``
        are words, and ``stratum``, where the file has none, is the land type.
    notes : Notes
        Takes land types that no table knows, and that a round measured in tenths.
    config : PlotsConfig
        A unit that it asserts is taken as it is.
    """
    if config.dbh_unit is None and len(tenths(frame["mean_dbh"].to_numpy(np.float64))):
        # The two are written in the same way in a round: tenths of their units.
        first = int(frame["line"].iloc[0])
        detail = f"{frame['mean_dbh'].median():g} → {frame['mean_dbh'].median() / 10:g} cm"
        notes.add("plots.tenths_cfi", first, detail=detail)
        frame["mean_dbh"] /= 10.0
        frame["mean_height"] /= 10.0
    land = codes("land_type")["slug"]
    plain = frame["land_type"].str.lstrip("0")
    strange = (plain != "") & ~plain.isin(land.index)
    for line, code in zip(frame["line"][strange], plain[strange], strict=True):
        notes.add("plots.land_type", int(line), detail=str(code))
    frame["land_type"] = plain.map(land).fillna(OTHER)
    frame["age_group"] = frame["age_group"].map(codes("age_group")["slug"]).fillna("")
    frame["origin"] = frame["origin"].str[:1].map(codes("origin")["slug"]).fillna("")
    frame["species"] = frame["species"].replace("0", "")
    frame["stratum"] = frame["stratum"].where(frame["stratum"] != "", frame["land_type"])
