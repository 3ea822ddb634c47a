"""Planting verified: what of each record the maps show as forest, and what should stand there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from sinks.biomass.density import Density
from sinks.biomass.growth import apply_growth
from sinks.biomass.species import forest_type_of, near_names
from sinks.biomass.stands import Draws
from sinks.checks import Problems, first_few
from sinks.inputs import Inputs
from sinks.landcover.activity import Activity
from sinks.legend import Legend
from sinks.levels import group_indices, summed
from sinks.measure import Measured
from sinks.parameters import lookup
from sinks.records import PlantingRecords
from sinks.regions import Regions
from sinks.units import HA_PER_MU

Floats = npt.NDArray[np.float64]

#: Pools of the growth curves: whole trees.
TREES: Final = ("agb", "bgb")
PLAN: Final = "afforestation_per_year"


def planting_tables(
    inputs: Inputs, measured: Measured, *, density: Density, problems: Problems
) -> Mapping[str, pd.DataFrame]:
    """Return ``planting.csv`` and ``planting_regions.csv``; none without planting records.

    Parameters
    ----------
    inputs : Inputs
    measured : Measured
    density : Density
    problems : Problems
        Is told of species without a growth curve.
    """
    if measured.records is None or not measured.plantings:
        return {}
    records, totals, first = [], [], 0
    for own in measured.plantings:
        rows = slice(first, first + len(own.names))
        land = _Land(measured.records, rows, legend=inputs.legend)
        expected = _expected(own, land.years, problems=problems)
        regions = inputs.regions
        records.append(
            _record_table(own, land, expected=expected, regions=regions, density=density)
        )
        totals.append(_region_table(own, land, regions=regions))
        first = rows.stop
    return {
        "planting": pd.concat(records, ignore_index=True),
        "planting_regions": pd.concat(totals, ignore_index=True),
    }


class _Land:
    """What the maps show on the land of some records, year by year."""

    def __init__(self, measured: Activity, rows: slice, *, legend: Legend) -> None:
        paths = measured.paths
        self.years = [int(year) for year in paths["year"].values]
        self.strata = [str(name) for name in measured.area["stratum"].values]
        count = rows.stop - rows.start
        here = (paths["region"].values >= rows.start) & (paths["region"].values < rows.stop)
        record, area = paths["region"].values[here] - rows.start, paths["area"].values[here]
        self.area = np.zeros((count, len(self.strata), len(self.years)))
        for k in range(len(self.years)):
            np.add.at(self.area[:, :, k], (record, paths["stratum"].values[here, k]), area)
        self.valid = self.area.sum(axis=1)
        self.forest_strata = [legend.group_of(name) == "forest" for name in self.strata]
        self.forest = self.area[:, self.forest_strata].sum(axis=1)

    def share(self) -> Floats:
        """Return the part of each record's land that is forest, dims (record, year)."""
        known = self.valid > 0
        return np.where(known, self.forest, np.nan) / np.where(known, self.valid, np.nan)


def _expected(records: PlantingRecords, years: list[int], *, problems: Problems) -> Floats:
    """Return the carbon of trees that the growth curves give, dims (record, year) [t C/ha]."""
    types = [forest_type_of(name) or "" if name else "" for name in records.species]
    lost = [name for name, kind in zip(records.species, types, strict=True) if name and not kind]
    if lost:
        problems.warn(
            "planting.species", file=records.config.path, place=records.config.species or "",
            count=len(lost), first=first_few(dict.fromkeys(lost), problems.language),
            nearest=near_names(lost[0]),
        )  # fmt: skip
    age = np.array(years)[None, :] - records.year[:, None]
    kinds = np.repeat(np.array(types, dtype=str), len(years))
    grown = apply_growth(
        np.maximum(age, 0).ravel(), forest_type=kinds, draws=Draws(), problems=problems
    )
    carbon = np.asarray(grown.central).sum(axis=0).reshape(age.shape)
    unknown = np.array([not kind for kind in types])
    return np.where((age < 0) | unknown[:, None] | ~np.isfinite(carbon), np.nan, carbon)


def _record_table(
    records: PlantingRecords, land: _Land, *, expected: Floats, regions: Regions, density: Density
) -> pd.DataFrame:
    """Return one row for every record and year of the study."""
    main = records.share.argmax(axis=1)
    inside = records.share.sum(axis=1)
    value = density.value.sel(pool=[pool for pool in TREES if pool in density.value["pool"].values])
    trees = value.sum("pool").reindex(stratum=land.strata).transpose(..., "stratum", "year").values
    per_hectare = trees[main] if density.by_region else np.broadcast_to(
        trees, (len(main), *trees.shape)
    )  # fmt: skip
    shown = np.where(land.area > 0, land.area * per_hectare, 0.0)[:, land.forest_strata].sum(axis=1)
    codes = np.asarray(regions.codes, dtype=object)
    names = regions.frame["region_name"].to_numpy(dtype=object)
    planted = np.where(np.isnan(records.declared), records.drawn, records.declared)
    frames = []
    for k, year in enumerate(land.years):
        frames.append(
            pd.DataFrame(
                {
                    "overlay": records.config.name, "record": records.names,
                    "region_code": np.where(inside > 0, codes[main], ""),
                    "region_name": np.where(inside > 0, names[main], ""),
                    "planted_year": records.year, "species": records.species,
                    "declared_ha": records.declared, "drawn_ha": records.drawn,
                    "outside_regions_ha": np.maximum(0, 1 - inside) * records.drawn,
                    "overlap_ha": records.overlap, "year": year, "age": year - records.year,
                    "valid_ha": land.valid[:, k], "forest_ha": land.forest[:, k],
                    "forest_pct": 100 * land.share()[:, k],
                    "expected_t_c": expected[:, k] * planted, "map_t_c": shown[:, k],
                }
            )
        )  # fmt: skip
    order = np.arange(len(main) * len(land.years)).reshape(len(land.years), -1).T.ravel()
    table: pd.DataFrame = pd.concat(frames, ignore_index=True).iloc[order]
    return table.reset_index(drop=True)


def _region_table(records: PlantingRecords, land: _Land, *, regions: Regions) -> pd.DataFrame:
    """Return totals by region of any level and year of planting, against the plan's."""
    levels, indices = group_indices(regions)
    planted = np.where(np.isnan(records.declared), records.drawn, records.declared)
    share = np.nan_to_num(land.share()[:, -1])
    plan = np.nan
    if records.config.plan:
        plan = lookup("plan_targets", quantity=PLAN).value
    frames = []
    for year in np.unique(records.year).tolist():
        own = (records.year == year)[:, None] * records.share
        sums = [
            summed((own * weight[:, None]).sum(axis=0), indices)
            for weight in (planted, records.drawn, planted * share)
        ]
        meets = [(summed(part, indices) > 0).astype(np.int64) for part in own]
        count = np.sum(meets, axis=0)
        rows = count > 0
        frame = levels.loc[rows, ["region_code", "region_name", "level"]].reset_index(drop=True)
        frame.insert(0, "overlay", records.config.name)
        mu = sums[0][rows] / HA_PER_MU
        frames.append(
            frame.assign(
                planted_year=year, records=count[rows], planted_ha=sums[0][rows],
                planted_mu=mu, drawn_ha=sums[1][rows], verified_ha=sums[2][rows],
                verified_pct=100 * sums[2][rows] / sums[0][rows],
                plan_mu=plan, share_of_plan_pct=100 * mu / plan,
            )
        )  # fmt: skip
    found: pd.DataFrame = pd.concat(frames, ignore_index=True)
    return found
