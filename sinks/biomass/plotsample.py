"""From plots as they were read to a sample of the legend's strata in the study's years."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from sinks.biomass import plotdesign
from sinks.biomass.growth import apply_growth, with_curves
from sinks.biomass.models import DEFAULT_MODEL, apply_model, models
from sinks.biomass.plotchecks import named_types, needs_type
from sinks.biomass.plotdensity import PlotDensity, Sample, estimate_all
from sinks.biomass.plots import Plots
from sinks.biomass.readers.chinese import OTHER
from sinks.biomass.species import classify, forest_types
from sinks.biomass.stands import TREE_POOLS, Draws, StandCarbon
from sinks.biomass.trees import TREE_MODEL, PlotCarbon, tree_stands
from sinks.checks import Problems, first_few, nearest
from sinks.sections import PlotsConfig

#: A second opinion beside the default model where the study names none.
USUAL_MODELS: Final = (DEFAULT_MODEL, "ipcc_bcef_subtropical")
#: Plots that no stratum is known of, where there is no map.
ALL: Final = "ALL"
#: A survey counts for the year of the study that is no further off than this [years].
NEAR_YEARS: Final = 3


def plot_densities(
    plots: Plots,
    config: PlotsConfig,
    *,
    strata: Sequence[str] | None,
    years: Sequence[int],
    draws: Draws,
    problems: Problems,
) -> PlotDensity | None:
    """Estimate the densities that plots can give.

    Parameters
    ----------
    plots : Plots
        Placed, where they have coordinates.
    config : PlotsConfig
    strata : sequence of str, optional
        Strata of the legend that occur on the maps; those of the plots when there are no maps.
    years : sequence of int
        The study's.
    draws : Draws
    problems : Problems
        Gains errors for what must be corrected, and warnings for what falls back to the table.

    Returns
    -------
    PlotDensity or None
        None if there is an error, or no stratum can be estimated.
    """
    labelled = labelled_plots(plots, config, strata=strata, years=years, problems=problems)
    if labelled is None:
        return None
    frame = _targeted(labelled, config, strata=strata, shown=plots.shown, problems=problems)
    if frame is None:
        return None
    designs = _designs(labelled, config, years=years, shown=plots.shown, problems=problems)
    if designs is None:
        return None
    cells = _estimable(frame, config, years=years, shown=plots.shown, problems=problems)
    frame = frame[frame["target"].isin(list(cells))].reset_index(drop=True)
    if frame.empty or not _species_known(frame, config, shown=plots.shown, problems=problems):
        return None
    measured = {pool: frame[pool].to_numpy(dtype=np.float64) for pool in plots.pools}
    stands = _stands(plots, config, frame=frame, measured=measured, draws=draws, problems=problems)
    if stands is None:
        return None
    for own in stands.values() if config.model_choice else list(stands.values())[:1]:
        if isinstance(own, StandCarbon):
            own.warn_range(problems, file=plots.shown)
    sample = Sample(frame, measured, stands, designs)
    return estimate_all(sample, config, cells=cells, draws=draws)


def labelled_plots(
    plots: Plots, config: PlotsConfig, *, strata: Sequence[str] | None, years: Sequence[int],
    problems: Problems,
) -> pd.DataFrame | None:  # fmt: skip
    """Return every plot by years of the study, with its own stratum and that of the legend.

    Returns
    -------
    DataFrame or None
        Columns ``label`` and ``target`` beside those of `Plots`; a ``target`` may be none of
        `strata`. None if two plots stand for one place and year.
    """
    frame = _rounds(plots, years, problems=problems)
    if frame is None:
        return None
    named = named_types(frame, config)
    frame = frame.assign(named=named, forest_type=classify(list(named))[0])
    own = forest_types()["stratum"]
    by_type = frame["forest_type"].map(own).fillna("")
    label = frame["stratum"].where(frame["stratum"] != "", by_type)
    if strata is None:
        label = label.where(label != "", ALL)
        strata = _all_strata(label, config)
    target = label.map(lambda name: _stratum_of(str(name), config, strata=strata))
    return frame.assign(label=label, target=target)


def _all_strata(label: pd.Series, config: PlotsConfig) -> list[str]:
    """Return the strata of plots that no map restricts."""
    return sorted({config.strata.get(str(name), str(name)) for name in label})


def _rounds(plots: Plots, years: Sequence[int], *, problems: Problems) -> pd.DataFrame | None:
    """Return the plots with a year of the study each; one round serves all years, and is told."""
    frame = plots.frame
    rounds = sorted(int(year) for year in frame["year"].unique() if year)
    near = {year: min(years, key=lambda known: (abs(known - year), known)) for year in rounds}
    far = [year for year in rounds if abs(near[year] - year) > NEAR_YEARS]
    used = {year: near[year] for year in rounds if year not in far}
    if len(set(used.values())) <= 1:
        problems.warn("plots.one_round", file=plots.shown, years=", ".join(map(str, rounds)) or "-")
        whole = [frame.assign(year=year) for year in years]
        return pd.concat(whole, ignore_index=True)
    if far or (frame["year"] == 0).any():
        count = int((frame["year"].isin(far) | (frame["year"] == 0)).sum())
        problems.warn(
            "plots.other_years", file=plots.shown, count=count,
            years=", ".join(map(str, years)), found=", ".join(map(str, far)) or "-",
        )  # fmt: skip
    kept = frame[frame["year"].isin(list(used))]
    mapped = kept.assign(year=kept["year"].map(used))
    repeated = mapped[mapped.duplicated(["plot_id", "year"])]
    if len(repeated):
        problems.error(
            "plots.same_year", file=plots.shown, count=len(repeated),
            items=first_few(repeated["plot_id"], problems.language),
        )  # fmt: skip
        return None
    return mapped.reset_index(drop=True)


def _targeted(
    frame: pd.DataFrame, config: PlotsConfig, *, strata: Sequence[str] | None, shown: str,
    problems: Problems,
) -> pd.DataFrame | None:  # fmt: skip
    """Leave out plots that speak for no stratum of the legend, and tell of them."""
    label, target = frame["label"], frame["target"]
    if strata is None:
        strata = _all_strata(label, config)
    strange = sorted(set(config.strata) - set(label))
    lost = target[~target.isin(list(strata))]
    if strange:
        problems.error(
            "plots.strata_key", file=shown, names=first_few(strange, problems.language),
            nearest=nearest(strange[0], sorted(set(label))),
        )  # fmt: skip
    if len(lost) == len(frame):
        problems.error(
            "plots.no_stratum", file=shown, found=first_few(sorted(set(lost)), problems.language),
            strata=first_few(strata, problems.language, count=12),
        )  # fmt: skip
        return None
    # Across post-strata the rest of the land takes part: it is not left out, as the others are.
    told = lost[label != OTHER] if config.estimator == plotdesign.ACROSS else lost
    if len(told):
        problems.warn(
            "plots.unused_strata", file=shown, count=len(told),
            names=first_few(sorted(set(told)), problems.language),
            strata=first_few(strata, problems.language, count=12),
        )  # fmt: skip
    return frame[target.isin(list(strata))]


def _stratum_of(label: str, config: PlotsConfig, *, strata: Sequence[str]) -> str:
    """Return the stratum of the legend for a stratum of the plots.

    A legend that knows forest only as such takes every forest stratum of the packaged types.
    """
    name = config.strata.get(label, label)
    whole = name.partition("_")[0]
    return whole if name not in strata and whole in strata else name


def _designs(
    frame: pd.DataFrame, config: PlotsConfig, *, years: Sequence[int], shown: str,
    problems: Problems,
) -> dict[int, pd.DataFrame] | None:  # fmt: skip
    """Return the design of all plots of each year; None if post-strata lack areas or plots."""
    found = {year: plotdesign.design_of(frame[frame["year"] == year]) for year in years}
    if config.estimator != plotdesign.ACROSS:
        return found
    wrong: list[str] = []
    for year, design in found.items():
        strata = design.fillna({"hectares": 0.0}).groupby(["unit", "stratum"])["hectares"]
        for key, areas in strata:
            unit, name = map(str, key)
            named = "/".join(part for part in (unit, name or "\u2205") if part)
            if not areas.min() > 0 or areas.nunique() > 1:
                wrong.append(f"{year} {named}: {areas.min():g} ha")
            elif len(areas) < 2:
                wrong.append(f"{year} {named}: 1")
    if wrong:
        items = first_few(wrong, problems.language)
        problems.error("plots.post_strata", file=shown, count=len(wrong), items=items)
    return None if wrong else found


def _estimable(
    frame: pd.DataFrame, config: PlotsConfig, *, years: Sequence[int], shown: str,
    problems: Problems,
) -> dict[str, Sequence[int]]:  # fmt: skip
    """Return the strata that can be estimated in every year; a change of source is no change."""
    out: dict[str, Sequence[int]] = {}
    lacking: list[str] = []
    unweighted: set[str] = set()
    for stratum in sorted(set(frame["target"])):
        short = []
        for year in years:
            rows = frame[(frame["target"] == stratum) & (frame["year"] == year)]
            if config.estimator in plotdesign.WEIGHTED:
                unweighted |= set(rows["label"]) - set(config.weights)
            short += _short(rows, config, year=year)
        if short:
            lacking.append(f"{stratum} ({', '.join(short)})")
        else:
            out[stratum] = tuple(years)
    if unweighted:
        problems.error(
            "plots.no_weight", file=shown, names=first_few(sorted(unweighted), problems.language)
        )
        return {}
    if lacking:
        problems.warn(
            "plots.not_estimable", file=shown, count=len(lacking),
            items=first_few(lacking, problems.language),
        )  # fmt: skip
    return out


def _short(rows: pd.DataFrame, config: PlotsConfig, *, year: int) -> list[str]:
    """Return why a stratum is not estimable in a year; empty if it is."""
    if config.estimator in plotdesign.WEIGHTED:
        counts = rows["label"].value_counts()
        few = [f"{name}: {counts[name]}" for name in counts.index if counts[name] < 2]
        return [f"{year}: {item}" for item in few] or ([] if len(rows) else [f"{year}: 0"])
    units = len(rows)
    if config.estimator in ("clusters", plotdesign.ACROSS):
        units = int(plotdesign.keys_of(rows).nunique())
    return [] if units > 1 else [f"{year}: {units}"]


def _species_known(
    frame: pd.DataFrame, config: PlotsConfig, *, shown: str, problems: Problems
) -> bool:
    """Tell whether every plot with growing stock says what grows there."""
    asked = needs_type(frame, config)
    wooded = asked & (frame["named"] == "")
    if wooded.any():
        lines = first_few(frame.loc[wooded, "line"], problems.language)
        problems.error("plots.no_species", file=shown, count=int(wooded.sum()), lines=lines)
    return not (asked & (frame["forest_type"] == "")).any()


def _stands(
    plots: Plots, config: PlotsConfig, *, frame: pd.DataFrame,
    measured: Mapping[str, npt.NDArray[np.float64]], draws: Draws, problems: Problems,
) -> dict[str, PlotCarbon] | None:  # fmt: skip
    """Return the plots by each model; none is needed where all of the trees' pools are measured."""
    if all(pool in measured and not np.isnan(measured[pool]).any() for pool in TREE_POOLS):
        return {}
    names = config.models or USUAL_MODELS
    known = (*models(), TREE_MODEL)
    strange = [name for name in names if name not in known]
    for name in strange:
        problems.error("plots.unknown_model", place=name, nearest=nearest(name, known))
    if TREE_MODEL in names and plots.trees is None:
        problems.error("plots.tree_needed", file=plots.shown, place=TREE_MODEL)
        return None
    if strange:
        return None
    found: dict[str, PlotCarbon] = {}
    aged = _aged(frame, config, draws=draws, problems=problems)
    for name in names:
        if name == TREE_MODEL and plots.trees is not None:
            own = tree_stands(frame, plots.trees, draws=draws, problems=problems)
            if own is None:
                return None
            found[name] = own
        else:
            modelled = apply_model(
                name, volume=frame["volume"].to_numpy(dtype=np.float64),
                forest_type=frame["forest_type"].to_numpy(dtype=object), draws=draws,
                problems=problems, memory=config.unchecked,
            )  # fmt: skip
            found[name] = with_curves(modelled, aged) if aged is not None else modelled
    return found


def _aged(
    frame: pd.DataFrame, config: PlotsConfig, *, draws: Draws, problems: Problems
) -> StandCarbon | None:
    """Return the carbon of plots that tell their age alone by growth curves; None if not asked."""
    if not config.growth:
        return None
    alone = needs_type(frame, config) & frame["volume"].isna()
    return apply_growth(
        frame["age"].where(alone).to_numpy(dtype=np.float64),
        forest_type=frame["forest_type"].where(alone, "").to_numpy(dtype=object),
        draws=draws, problems=problems,
    )  # fmt: skip
