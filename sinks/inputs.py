"""The inputs of a study, opened and checked together: every problem of every input, in one list."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pyproj import Transformer

from sinks.biomass.plotplaces import place_plots
from sinks.biomass.plots import Plots, load_plots
from sinks.biomass.readers.sheets import Sheet
from sinks.biomass.readers.subcompartments import Asked, read_records
from sinks.biomass.standdensity import PlacedStands, check_config, placed_stands
from sinks.biomass.table import DensityRow, load_density_table
from sinks.biomass.volume import VolumeRow
from sinks.biomass.volumetable import study_volumes
from sinks.biomass.wetland import Flux, load_fluxes
from sinks.checks import Problems, Severity, nearest
from sinks.crosswalk import load_crosswalks
from sinks.filehashes import hashed
from sinks.grid import Grid
from sinks.landcover.answers import Answers, load_answers
from sinks.landcover.change import RULES, Rule, load_rules
from sinks.legend import Legend, check_versions, load_legend
from sinks.official import Figure, load_figures
from sinks.outlines import transformer_between
from sinks.overlays import Cuts, Overlay, Zones, cuts_of, load_overlay, zones_of
from sinks.parameters import load_table
from sinks.raster import RasterSource, load_rasters
from sinks.rasterchecks import check_nodata, warn_names
from sinks.records import columns_of
from sinks.regions import Regions, load_regions
from sinks.scenarios import Scenario, load_scenarios
from sinks.shares import load_shares
from sinks.study import Study, load_study
from sinks.valuerasters import DensityMap, load_density_maps


@dataclass(frozen=True)
class Inputs:
    """Everything a run computes from, opened and checked."""

    study: Study
    legend: Legend
    regions: Regions
    sources: Mapping[int, RasterSource]
    overlays: Sequence[Overlay]
    zones: Zones
    cuts: Cuts
    shares: Mapping[str, npt.NDArray[np.float64]]
    densities: Sequence[DensityRow]
    plots: Plots | None
    fluxes: Sequence[Flux]
    transformer: Transformer
    hashes: Mapping[str, str]
    rules: Sequence[Rule] = ()
    answers: Answers | None = None
    surveys: Mapping[int, PlacedStands] = field(default_factory=dict)
    figures: Mapping[str, Sequence[Figure]] = field(default_factory=dict)
    scenarios: Sequence[Scenario] = ()
    volumes: Sequence[VolumeRow] = ()
    density_rasters: Mapping[str, Mapping[int, DensityMap]] = field(default_factory=dict)


def load(path: Path, problems: Problems, *, content: bytes | None = None) -> Inputs | None:
    """Open and check every input of a study, gathering all problems.

    Parameters
    ----------
    path : Path
        The study file.
    problems : Problems
    content : bytes, optional
        What the study file holds, where a run is repeated from its manifest; `path` then says
        no more than its name and the folder that its paths start from.

    Returns
    -------
    Inputs or None
        None if anything was refused; what can be opened is checked all the same.
    """
    study = load_study(path, problems, content=content)
    if study is None:
        return None
    refused = {problem.place for problem in problems.of(Severity.ERROR)}
    named, unread = hashed(study, refused)
    hashes = {path.name: hashlib.sha256(study.content).hexdigest()} | named
    legend = _legend(study, refused, problems=problems)
    regions = None
    if "regions.path" not in refused:
        regions = load_regions(
            study.regions, base=study.base, problems=problems, limits=study.limits
        )
    sources = _sources(study, legend, refused=refused, problems=problems)
    if legend is not None and sources is not None:
        asserted = study.landcover.nodata is not None
        check_nodata(sources, legend, asserted=asserted, problems=problems)
    maps = _density_rasters(study, legend, sources=sources, refused=refused, problems=problems)
    densities = _densities(study, legend, refused=refused, problems=problems)
    rules = _rules(study, legend, refused=refused, problems=problems)
    plots = _plots(study, regions, refused=refused, problems=problems)
    surveys = _surveys(study, regions, refused=refused, problems=problems)
    answers = _answers(study, legend, refused=refused, problems=problems)
    volumes = study_volumes(study, legend, regions=regions, refused=refused, problems=problems)
    transformer = None
    overlays: list[Overlay] = []
    zones = None
    if regions is not None and sources:
        grid = next(iter(sources.values())).grid
        transformer = transformer_between(
            regions.frame.crs, grid, file=study.regions.path, problems=problems
        )
        overlays = _overlays(study, regions, grid=grid, refused=refused, problems=problems)
        zones = zones_of(overlays, regions, problems=problems)
    shares = {} if regions is None else _shares(study, regions, refused=refused, problems=problems)
    fluxes = _fluxes(study, refused, problems=problems)
    figures = _figures(study, regions, legend=legend, refused=refused, problems=problems)
    scenarios = load_scenarios(study, legend, regions=regions, refused=refused, problems=problems)
    if unread and not problems.of(Severity.ERROR):  # what reads the file knows more
        problems.error("study.unreadable", file=study.file, reason=unread)
    if (
        legend is None or regions is None or sources is None or densities is None
        or transformer is None or zones is None or fluxes is None or problems.of(Severity.ERROR)
    ):  # fmt: skip
        return None
    cuts = cuts_of(overlays, regions, zones=zones)
    return Inputs(
        study, legend, regions, sources, overlays, zones, cuts, shares, densities, plots, fluxes,
        transformer, hashes, rules, answers, surveys, figures, scenarios, volumes, maps,
    )  # fmt: skip


def _legend(study: Study, refused: AbstractSet[str], *, problems: Problems) -> Legend | None:
    """Read the legend, and refuse years of a product whose versions cannot be compared."""
    if "landcover.legend" in refused:
        return None
    legend = load_legend(
        study.landcover.legend, base=study.base, problems=problems, limits=study.limits
    )
    if legend is not None:
        forced = study.landcover.allow_version_change
        own = [year for year in study.years if str(year) not in study.landcover.crosswalks]
        check_versions(legend.name, own, allow=forced, problems=problems)
    return None if legend is None else _with_splits(study, legend, problems=problems)


def _with_splits(study: Study, legend: Legend, *, problems: Problems) -> Legend:
    """Add the strata that polygons tell apart; refuse strata that nobody knows."""
    general = load_table("strata")["stratum"].tolist()
    for i, overlay in enumerate(study.overlays):
        named = [name for name in (overlay.stratum, overlay.outside) if name is not None]
        wrong = [name for name in overlay.replaces if name not in legend.strata]
        wrong += [name for name in named if name not in {*general, *legend.strata}]
        if wrong:
            known = nearest(wrong[0], [*legend.strata, *general])
            problems.error(
                "overlays.no_such_stratum", file=study.file, place=f"overlays.{i}",
                names=", ".join(wrong), nearest=known,
            )  # fmt: skip
            continue
        legend = legend.with_strata(named)
    _check_seasonal(study, legend, problems=problems)
    return legend


def _check_seasonal(study: Study, legend: Legend, *, problems: Problems) -> None:
    """Refuse water that no class is; tell where two years can show no return."""
    water = study.wetland.seasonal if study.wetland is not None else ()
    wrong = [name for name in water if name not in legend.strata]
    if wrong:
        problems.error(
            "wetland.no_such_stratum", file=study.file, place="wetland.seasonal",
            names=", ".join(wrong), nearest=nearest(wrong[0], legend.strata),
        )  # fmt: skip
    elif water and len(study.years) < 3:
        problems.warn("wetland.seasonal_two_years", file=study.file, place="wetland.seasonal")


def _answers(
    study: Study, legend: Legend | None, *, refused: AbstractSet[str], problems: Problems
) -> Answers | None:
    """Read the reference sample, if the study has one and its paths are right."""
    wrong = any(place.startswith("accuracy.") for place in refused)
    if legend is None or study.accuracy is None or wrong:
        return None
    return load_answers(
        study.accuracy, base=study.base, legend=legend, years=study.years, problems=problems,
        limits=study.limits,
    )  # fmt: skip


def _fluxes(
    study: Study, refused: AbstractSet[str], *, problems: Problems
) -> Sequence[Flux] | None:
    """Read the table of wetland fluxes; a study without `[wetland]` has none."""
    if study.wetland is None:
        return ()
    if "wetland.fluxes" in refused:
        return None
    return load_fluxes(
        study.wetland.fluxes, base=study.base, problems=problems, limits=study.limits
    )


def _overlays(
    study: Study, regions: Regions, *, grid: Grid, refused: AbstractSet[str], problems: Problems
) -> list[Overlay]:
    """Open the overlays whose paths are right."""
    found = [
        load_overlay(
            config, base=study.base, regions=regions, grid=grid, problems=problems,
            limits=study.limits, columns=columns_of(config),
        )
        for i, config in enumerate(study.overlays)
        if f"overlays.{i}.path" not in refused
    ]  # fmt: skip
    return [overlay for overlay in found if overlay is not None]


def _shares(
    study: Study, regions: Regions, *, refused: AbstractSet[str], problems: Problems
) -> dict[str, npt.NDArray[np.float64]]:
    """Read the tables that share targets out."""
    found = {}
    for i, target in enumerate(study.targets):
        if target.share_table is None or f"targets.{i}.share_table" in refused:
            continue
        shares = load_shares(
            target.share_table, base=study.base, regions=regions, problems=problems,
            limits=study.limits,
        )  # fmt: skip
        if shares is not None:
            found[target.name] = shares
    return found


def _figures(
    study: Study, regions: Regions | None, *, legend: Legend | None, refused: AbstractSet[str],
    problems: Problems,
) -> dict[str, Sequence[Figure]]:  # fmt: skip
    """Read the tables of official figures."""
    found: dict[str, Sequence[Figure]] = {}
    for i, config in enumerate(study.reconcile):
        if config.table is None or f"reconcile.{i}.table" in refused:
            continue
        if regions is None or legend is None:
            continue
        figures = load_figures(
            config.table, section=config.name, study=study, regions=regions, legend=legend,
            problems=problems,
        )  # fmt: skip
        found[config.name] = figures or ()
    return found


def _sources(
    study: Study, legend: Legend | None, *, refused: AbstractSet[str], problems: Problems
) -> dict[int, RasterSource] | None:
    """Open the rasters whose paths are right."""
    rasters = {
        year: source
        for year, source in study.landcover.rasters.items()
        if not any(f"{place}.".startswith(f"landcover.rasters.{year}.") for place in refused)
    }
    config = study.landcover.model_copy(update={"rasters": rasters})
    if not rasters:
        return None
    names = {year: [item.path for item in config.sources(year)] for year in config.years}
    warn_names(names, problems)
    blank = None if legend is None else sorted(legend.nodata_codes)
    crosswalks = None
    if legend is not None:
        tables = {
            int(year): path
            for year, path in study.landcover.crosswalks.items()
            if year in rasters and f"landcover.crosswalks.{year}" not in refused
        }
        crosswalks = load_crosswalks(
            tables, legend, base=study.base, problems=problems, limits=study.limits
        )
        if len(crosswalks) < len(tables):
            return None
    return load_rasters(
        config, base=study.base, problems=problems, limits=study.limits, blank=blank,
        crosswalks=crosswalks,
    )  # fmt: skip


def _densities(
    study: Study, legend: Legend | None, *, refused: AbstractSet[str], problems: Problems
) -> Sequence[DensityRow] | None:
    """Read the density table; an InVEST table speaks of the legend's codes."""
    if legend is None or "density.table" in refused:
        return None
    if study.density.table is None:
        return []
    stratum_of = {code: legend.stratum_of(code) for code in legend.codes}
    return load_density_table(
        study.density.table, base=study.base, stratum_of=stratum_of, problems=problems,
        limits=study.limits,
    )  # fmt: skip


def _rules(
    study: Study, legend: Legend | None, *, refused: AbstractSet[str], problems: Problems
) -> Sequence[Rule]:
    """Read the rules for changes that land can hardly make."""
    if legend is None or "change.rules" in refused:
        return ()
    name = study.change.rules if study.change else RULES
    return load_rules(name, legend, base=study.base, problems=problems, limits=study.limits)


def _plots(
    study: Study, regions: Regions | None, *, refused: AbstractSet[str], problems: Problems
) -> Plots | None:
    """Read the plots whose paths are right and put them into their regions."""
    config = study.density.plots
    if config is None or any(place.startswith("density.plots") for place in refused):
        return None
    sheets, trees = (
        [Sheet(study.path_of(path), path, year, study.limits) for year, path in named.items()]
        for named in (config.files, config.tree_files)
    )
    plots = load_plots(sheets, config, problems=problems, trees=trees)
    if plots is None or regions is None:
        return None
    return place_plots(plots, regions.frame, crs=config.crs, problems=problems)


def _surveys(
    study: Study, regions: Regions | None, *, refused: AbstractSet[str], problems: Problems
) -> Mapping[int, PlacedStands]:
    """Read the sub-compartments whose paths are right and put them into their regions."""
    config, place = study.density.subcompartments, "density.subcompartments"
    if config is None or any(name.startswith(place) for name in refused):
        return {}
    check_config(config, file=study.file, problems=problems)
    named = {0: config.path} if config.path is not None else {}
    named |= {int(year): path for year, path in (config.rounds or {}).items()}
    found = {}
    for year, path in sorted(named.items()):
        asked = Asked(path, config.fields, config.crs, config.encoding, config.layer, study.limits)
        records = read_records(study.path_of(path), asked, problems=problems)
        if records is not None and regions is not None:
            found[year] = placed_stands(records, config.by, regions=regions, problems=problems)
    return found


def _density_rasters(
    study: Study, legend: Legend | None, *, sources: Mapping[int, RasterSource] | None,
    refused: AbstractSet[str], problems: Problems,
) -> Mapping[str, Mapping[int, DensityMap]]:  # fmt: skip
    """Open the maps of densities whose paths are right and put them on the land cover's grid."""
    maps = study.density.raster
    if maps is None or legend is None or not sources:
        return {}
    found = {}
    for pool, config in maps.by_pool.items():
        place = f"density.raster.{pool}"
        wrong = [name for name in config.strata or () if name not in legend.strata]
        if wrong:
            problems.error(
                "density_raster.stratum", file=study.file, place=place, names=", ".join(wrong),
                nearest=nearest(wrong[0], legend.strata),
            )  # fmt: skip
        if not any(name.startswith(place) for name in refused):
            found[pool] = load_density_maps(
                config, next(iter(sources.values())).grid, base=study.base, problems=problems,
                limits=study.limits,
            )  # fmt: skip
    return found
