"""Where maps, inventories and tables of densities meet, and the models side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from sinks.biomass.density import Density, density_array
from sinks.biomass.models import model_row
from sinks.biomass.plotdensity import PlotDensity
from sinks.biomass.plotrows import rows_with_plots
from sinks.biomass.plotsample import plot_densities
from sinks.biomass.rasterdensity import (
    MappedPool,
    raster_rows,
    raster_table,
    rows_with_rasters,
    tell_other_scale,
)
from sinks.biomass.standdensity import StandDensity, stand_density, stand_tables, targets_of
from sinks.biomass.stands import TREE_POOLS, Draws, Floats
from sinks.biomass.table import DensityRow
from sinks.checks import Problems
from sinks.inputs import Inputs
from sinks.landcover.activity import Activity
from sinks.regions import Regions

MODEL_COLUMNS = (
    "model", "model_zh", "model_en", "central", "year", "stratum", "pool", "plots",
    "density_t_c_ha", "area_ha", "stock_t_c", "outside_area_pct", "outside_carbon_pct",
)  # fmt: skip


def densities(
    inputs: Inputs, areas: Activity, *, problems: Problems, maps: Sequence[MappedPool] = ()
) -> tuple[Sequence[DensityRow], Density | None]:
    """Return the density rows of a study and the densities.

    Maps of densities go first, then sub-compartments, then plots, then the table.

    Parameters
    ----------
    inputs : Inputs
    areas : Activity
        Names the strata that occur.
    problems : Problems
    maps : sequence of MappedPool
        What maps of densities hold.

    Returns
    -------
    rows : sequence of DensityRow
    density : Density or None
        None if something is missing or must be corrected.
    """
    study = inputs.study
    strata = [str(name) for name in areas.area["stratum"].values]
    plots = _plots(inputs, strata, problems=problems)
    rows = inputs.densities
    if plots is not None:
        rows = rows_with_plots(rows, plots, language=study.language)
        wanted = study.density.pools
        rows = [row for row in rows if wanted is None or row.pool in wanted or not row.from_plots]
    stands = _stands(inputs, strata, problems=problems)
    if stands is not None:
        wanted = study.density.pools
        own = stands.rows(language=study.language)
        given = {(row.stratum, row.pool) for row in own}
        rows = [row for row in rows if (row.stratum, row.pool) not in given]
        rows += [row for row in own if wanted is None or row.pool in wanted]
    tell_other_scale(maps, rows, problems=problems)
    for pool in maps:
        own = raster_rows(pool, inputs.regions.codes, language=study.language)
        rows = rows_with_rasters(rows, own, years=study.years)
    density = density_array(
        rows, strata=strata, years=study.years, regions=inputs.regions.codes,
        config=study.density, uncertainty=study.uncertainty, problems=problems,
    )  # fmt: skip
    if density is not None:
        density = replace(density, plots=plots, stands=stands, maps=tuple(maps))
    return rows, density


def _stands(inputs: Inputs, strata: Sequence[str], *, problems: Problems) -> StandDensity | None:
    study, config = inputs.study, inputs.study.density.subcompartments
    if not inputs.surveys or config is None:
        return None
    draws = Draws(study.uncertainty.seed, study.uncertainty.draws)
    allowed = config.unchecked and study.density.unchecked
    config = config.model_copy(update={"unchecked": allowed})
    return stand_density(
        inputs.surveys, config, strata=strata, years=study.years, regions=inputs.regions.codes,
        draws=draws, problems=problems,
    )  # fmt: skip


def _plots(inputs: Inputs, strata: Sequence[str], *, problems: Problems) -> PlotDensity | None:
    study, config = inputs.study, inputs.study.density.plots
    if inputs.plots is None or config is None:
        return None
    draws = Draws(study.uncertainty.seed, study.uncertainty.draws)
    allowed = config.unchecked and study.density.unchecked
    config = config.model_copy(update={"unchecked": allowed})
    return plot_densities(
        inputs.plots, config, strata=strata, years=study.years, draws=draws, problems=problems
    )


def survey_tables(density: Density, regions: Regions, *, level: float) -> dict[str, pd.DataFrame]:
    """Return what sub-compartments and maps of densities hold themselves; nothing without them."""
    own = {} if density.stands is None else stand_tables(density.stands, level=level)
    return own | ({"density_raster": raster_table(density.maps, regions)} if density.maps else {})


def models_tables(areas: Activity, density: Density) -> dict[str, pd.DataFrame]:
    """Return `models.csv`, the densities of every model side by side; nothing without models.

    Returns
    -------
    dict of str to DataFrame
        One row per model, year, stratum and pool: what the whole study area would hold by each.
        Of plots where they are turned into carbon by models, else of sub-compartments.
    """
    plots = density.plots
    if plots is not None and plots.stands:
        rows = list(_plot_models(areas, plots))
    else:
        rows = [] if density.stands is None else list(_stand_models(areas, density.stands))
    return {"models": pd.DataFrame(rows, columns=list(MODEL_COLUMNS))} if rows else {}


def _plot_models(areas: Activity, plots: PlotDensity) -> Iterator[dict[str, Any]]:
    whole = areas.area.sum("region")
    for place, name in enumerate(plots.stands):
        means, central = plots.central_of(name), place == 0 or plots.config.model_choice
        area, carbon = plots.outside_of(name)
        for s, p, t in np.ndindex(means.shape):
            stratum, pool, year = plots.strata[s], plots.pools[p], plots.years[t]
            if pool not in TREE_POOLS or plots.is_measured(s, p):
                continue
            hectares = float(whole.sel(stratum=stratum, year=year))
            yield _titled(name, central) | {
                "year": year, "stratum": stratum, "pool": pool, "plots": int(plots.count[s, t]),
                "density_t_c_ha": float(means[s, p, t]), "area_ha": hectares,
                "stock_t_c": float(means[s, p, t]) * hectares,
                "outside_area_pct": 100 * float(area[s, t]),
                "outside_carbon_pct": 100 * float(carbon[TREE_POOLS.index(pool), s, t]),
            }  # fmt: skip


def _stand_models(areas: Activity, stands: StandDensity) -> Iterator[dict[str, Any]]:
    """Yield what every model gives; a region without a mean of its own takes the whole's."""
    count = len(stands.regions)
    for place, name in enumerate(stands.carbon[0]):
        means, behind = stands.central_of(name)
        area, carbon = _outside(stands, name)
        for s, stratum in enumerate(stands.strata):
            source = [r if stands.own(r, s) else count for r in range(count)]
            for (p, pool), (t, year) in product(enumerate(TREE_POOLS), enumerate(stands.years)):
                land = areas.area.sel(stratum=stratum, year=year).values
                stock, hectares = float((land * means[source, s, p, t]).sum()), float(land.sum())
                yield _titled(name, place == 0) | {
                    "year": year, "stratum": stratum, "pool": pool, "plots": int(behind[s, t]),
                    "density_t_c_ha": stock / hectares if hectares > 0 else float("nan"),
                    "area_ha": hectares, "stock_t_c": stock,
                    "outside_area_pct": 100 * float(area[s, t]),
                    "outside_carbon_pct": 100 * float(carbon[p, s, t]),
                }  # fmt: skip


def _outside(stands: StandDensity, model: str) -> tuple[Floats, Floats]:
    """Return the parts outside a model's range, dims (stratum, year) and (pool, stratum, year)."""
    areas, carbons = [], []
    for own, each in zip(stands.placed, stands.carbon, strict=True):
        target = targets_of(own.stands.frame["stratum"], stands.strata)
        area, carbon = each[model].outside_by(
            own.stands.frame["area"], np.where(own.region >= 0, target, -1),
            count=len(stands.strata),
        )  # fmt: skip
        areas.append(area)
        carbons.append(carbon)
    return np.stack(areas, axis=-1), np.stack(carbons, axis=-1)


def _titled(name: str, central: bool) -> dict[str, Any]:
    words = model_row(name)
    return {
        "model": name, "model_zh": words["name_zh"], "model_en": words["name_en"],
        "central": "true" if central else "false",
    }  # fmt: skip
