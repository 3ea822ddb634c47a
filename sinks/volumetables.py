"""The tables of growing stock: by stratum, of all forests, and its change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from sinks.draws import summarise
from sinks.landcover.activity import Activity
from sinks.levels import group_indices, summed, without_data
from sinks.regions import Regions
from sinks.volume import FOREST, Volume

Floats = npt.NDArray[np.float64]
PLACE: Final = ("region_code", "region_name", "level")
SPREAD: Final = ("se_m3", "low_m3", "high_m3")
#: A change smaller than this part of the volume is rounding.
ROUNDING: Final = 1e-12


def volume_tables(
    volume: Volume | None, areas: Activity, *, regions: Regions
) -> dict[str, pd.DataFrame]:
    """Return `volume.csv`, `volume_groups.csv` and `volume_change.csv`; nothing without volumes.

    Notes
    -----
    Every level is summed draw by draw, so that regions add up to the whole and the interval of the
    whole is not that of independent parts. Forests as a whole are told only where every stratum of
    forest on the maps has a volume: a part of them is no growing stock of the province.
    """
    if volume is None:
        return {}
    present = [str(name) for name in areas.area["stratum"].values]
    known = [name for name in present if name in volume.density.served]
    forest = [name for name in volume.legend.strata_in(FOREST) if name in present]
    tables = {
        "volume": pd.concat(
            [
                own[(own["area_ha"] > 0) | own["volume_m3"].isna()]
                for own in (_stock(volume, areas, strata=[name], regions=regions) for name in known)
            ],
            ignore_index=True,
        )
    }
    if forest and set(forest) <= volume.density.served:
        whole = _stock(volume, areas, strata=forest, regions=regions)
        tables["volume_groups"] = whole.drop(columns="stratum")
        tables["volume_change"] = _change(volume, areas, strata=forest, regions=regions)
    return tables


def _stock(
    volume: Volume, areas: Activity, *, strata: Sequence[str], regions: Regions
) -> pd.DataFrame:
    """Return the volume of some strata together, at every level and in every year."""
    levels, indices = group_indices(regions)
    found = volume.totals(indices, strata)
    hectares = summed(_hectares(areas, strata), indices)
    spread = _spread(found.draws, level=found.level)
    frames = [
        levels[list(PLACE)].assign(
            year=int(year), group=volume.legend.group_of(strata[0]), stratum=strata[0],
            area_ha=hectares[:, t],
            volume_m3_ha=np.divide(
                found.central[:, t], hectares[:, t], out=np.full(len(levels), np.nan),
                where=hectares[:, t] > 0,
            ),
            volume_m3=found.central[:, t],
            **{name: column[:, t] for name, column in spread.items()},
        )
        for t, year in enumerate(areas.area["year"].values)
    ]  # fmt: skip
    table = pd.concat(frames, ignore_index=True)
    lost = np.tile(without_data(areas, indices), len(frames))
    table.loc[lost, ["volume_m3", *SPREAD]] = np.nan
    return table


def _spread(draws: Floats, *, level: float) -> dict[str, Floats]:
    found = summarise(draws, level=level)
    return dict(zip(SPREAD, (found.se, found.low, found.high), strict=True))


def _hectares(areas: Activity, strata: Sequence[str]) -> Floats:
    own = areas.area.sel(stratum=list(strata)).sum("stratum")
    return np.asarray(own.transpose("region", "year").values)


def _change(
    volume: Volume, areas: Activity, *, strata: Sequence[str], regions: Regions
) -> pd.DataFrame:
    """Return the change of the volume, draw by draw: permanent plots make it surer."""
    levels, indices = group_indices(regions)
    found = volume.totals(indices, strata)
    years = [int(year) for year in areas.area["year"].values]
    unknown = without_data(areas, indices)
    frames = []
    for start, end in areas.transitions:
        central, draws = found.change(years.index(start), years.index(end))
        spread = _spread(draws, level=found.level)
        size = np.abs(found.central).max(axis=1)
        apart = (spread["low_m3"] > 0) | (spread["high_m3"] < 0)
        frame = levels[list(PLACE)].assign(
            start=start, end=end, group=FOREST[0], change_m3=central, **spread,
            detectable=apart & (np.abs(central) > ROUNDING * size) & (draws.shape[-1] > 1),
        )  # fmt: skip
        frame.loc[unknown, ["change_m3", *SPREAD]] = np.nan
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)
