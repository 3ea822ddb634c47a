"""Carbon per hectare, and of known areas, from plots alone: `sinks inventory FILE.toml`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from sinks.biomass.estimators import Estimate, change_between
from sinks.biomass.plotdensity import PlotDensity
from sinks.biomass.plots import Plots, load_plots
from sinks.biomass.plotsample import plot_densities
from sinks.biomass.population import COLUMNS
from sinks.biomass.readers.sheets import Sheet
from sinks.biomass.stands import Draws
from sinks.checks import Problems
from sinks.sections import PlotsConfig
from sinks.studyfile import parsed, read_bytes
from sinks.texts import Language
from sinks.validation import Part, read_part


class PlotInventory(Part):
    """A file of an inventory without rasters: the plots, and the areas that they speak for."""

    language: Language = Field("zh", description="language of messages; that asked for, if absent")
    plots: PlotsConfig
    areas: dict[str, float] = Field({}, description="stratum = area [ha], for totals")


def plot_inventory(path: Path, *, problems: Problems) -> pd.DataFrame:
    """Estimate carbon and volume per hectare of every stratum and round, and their changes.

    Parameters
    ----------
    path : Path
        TOML: `[plots]` with the keys of `[density.plots]`, and `[areas]`, stratum = hectares.
    problems : Problems

    Returns
    -------
    DataFrame
        Columns of `sinks.biomass.population.inventory_table`; ``evaluation`` is the model. Errors
        are those of the sample alone; of changes, with the covariance of permanent plots.

    Raises
    ------
    InputProblems
        If anything must be corrected; everything is listed.
    """
    raw, asked = read_bytes(path, problems), problems.language
    data = None if raw is None else parsed(raw, problems, file=path.name)
    found = None
    if data is not None:
        problems.language = problems.language if "language" in data else asked
        found = read_part(PlotInventory, data, file=path.name, problems=problems)
    problems.raise_errors()
    if found is None:
        return pd.DataFrame(columns=list(COLUMNS))
    config = found.plots
    plots = _plots(path, config, problems=problems)
    problems.raise_errors()
    if plots is None:
        return pd.DataFrame(columns=list(COLUMNS))
    years = sorted(int(year) for year in plots.frame["year"].unique() if year) or [0]
    rows: list[dict[str, Any]] = []
    for place, model in enumerate(config.models or (None,)):
        own = config if model is None else config.model_copy(update={"models": (model,)})
        density = plot_densities(
            plots, own, strata=None, years=years, draws=Draws(0, 1), problems=problems
        )
        problems.raise_errors()
        if density is not None:
            rows += _rows(density, found.areas)
            rows += _volumes(density, found.areas) if place == 0 else ()
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _plots(path: Path, config: PlotsConfig, *, problems: Problems) -> Plots | None:
    """Read the plots, and their trees, that a file of an inventory names."""
    for key, named in (("rounds", config.rounds), ("trees", config.trees)):
        for year in named if isinstance(named, dict) else ():
            if not year.isdigit():
                place = f"plots.{key}"
                problems.error("study.bad_year", file=path.name, place=place, found=year[:80])
    sheets, trees = (
        [Sheet(path.parent / name, name, year) for year, name in own.items()]
        for own in (config.files, config.tree_files)
    )
    if not sheets:
        problems.error("study.missing_key", file=path.name, place="plots", key="path")
        return None
    return load_plots(sheets, config, problems=problems, trees=trees)


def _rows(density: PlotDensity, areas: dict[str, float]) -> Iterator[dict[str, Any]]:
    """Yield means, totals and changes of every stratum and pool."""
    names = list(density.stands)
    size = len(density.years)
    for s, stratum in enumerate(density.strata):
        for p, pool in enumerate(density.pools):
            if np.isnan(density.value[s, p]).any():
                continue
            model = "measured" if density.is_measured(s, p) or not names else names[0]
            part = slice(p * size, (p + 1) * size)
            joint = Estimate(
                density.value[s, p], density.covariance[s][part, part],
                int(density.count[s].min()),
            )  # fmt: skip
            area = areas.get(stratum)
            for t, year in enumerate(density.years):
                one = Estimate(
                    joint.value[[t]], joint.covariance[[t]][:, [t]], int(density.count[s, t])
                )
                base = {"evaluation": model, "year": year, "domain": stratum}
                yield from _lines(one, base | {"attribute": f"carbon_{pool}"}, area=area)
                if t:
                    step = change_between(joint, start=t - 1, end=t)
                    base |= {"attribute": f"carbon_{pool}_change"}
                    yield from _lines(step, base, area=area)


def _volumes(density: PlotDensity, areas: dict[str, float]) -> Iterator[dict[str, Any]]:
    """Yield growing stock of every stratum and round, and its change; no model takes part."""
    wood = density.wood
    for s, stratum in enumerate(wood.strata if wood is not None else ()):
        if wood is None or np.isnan(wood.mean[s]).any():
            continue
        joint = Estimate(wood.mean[s], wood.own_covariance[s], int(density.count[s].min()))
        for t, year in enumerate(wood.years):
            one = Estimate(
                joint.value[[t]], joint.covariance[[t]][:, [t]], int(density.count[s, t])
            )
            base = {"evaluation": "measured", "year": year, "domain": stratum}
            area, units = areas.get(stratum), ("m3/ha", "m3")
            yield from _lines(one, base | {"attribute": "volume"}, area=area, units=units)
            if t:
                step = change_between(joint, start=t - 1, end=t)
                base |= {"attribute": "volume_change"}
                yield from _lines(step, base, area=area, units=units)


def _lines(
    found: Estimate,
    base: dict[str, Any],
    *,
    area: float | None,
    units: tuple[str, str] = ("t C/ha", "t C"),
) -> Iterator[dict[str, Any]]:
    """Yield the mean per hectare, and the total where the area is known."""
    several = [("ha", found, units[0])]
    several += [] if area is None else [("", found.total(area), units[1])]
    for per, own, unit in several:
        yield base | {
            "per": per, "value": float(own.value[0]), "se": float(own.se[0]),
            "sampling_error_percent": 100 * float(own.relative_se[0]), "unit": unit,
            "plots": own.plots, "plots_nonzero": own.plots, "estimable": own.estimable,
        }  # fmt: skip
