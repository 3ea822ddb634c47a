"""The inputs of a study, opened and checked together: every problem of every input, in one list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pyproj import Transformer

from sinks.biomass.table import DensityRow, load_density_table
from sinks.checks import Problems, Severity
from sinks.folder import sha256_of
from sinks.legend import Legend, check_versions, load_legend
from sinks.outlines import transformer_between
from sinks.raster import RasterSource, load_rasters
from sinks.regions import Regions, load_regions
from sinks.study import Study, load_study


@dataclass(frozen=True)
class Inputs:
    """Everything a run computes from, opened and checked."""

    study: Study
    legend: Legend
    regions: Regions
    sources: Mapping[int, RasterSource]
    densities: Sequence[DensityRow]
    transformer: Transformer
    hashes: Mapping[str, str]


def load(path: Path, problems: Problems) -> Inputs | None:
    """Open and check every input of a study, gathering all problems.

    Parameters
    ----------
    path : Path
        The study file.
    problems : Problems

    Returns
    -------
    Inputs or None
        None if anything was refused.
    """
    study = load_study(path, problems)
    if study is None or problems.of(Severity.ERROR):
        return None
    hashes = input_hashes(path, study)
    legend = load_legend(study.landcover.legend, base=study.base, problems=problems)
    regions = load_regions(study.regions, base=study.base, problems=problems)
    sources = load_rasters(study.landcover, base=study.base, problems=problems)
    densities, transformer = None, None
    if legend is not None:
        forced = study.landcover.allow_version_change
        check_versions(legend.name, study.years, allow=forced, problems=problems)
        stratum_of = {code: legend.stratum_of(code) for code in legend.codes}
        densities = load_density_table(
            study.density.table, base=study.base, stratum_of=stratum_of, problems=problems
        )
    if regions is not None and sources is not None:
        grid = sources[study.years[0]].grid
        transformer = transformer_between(
            regions.frame.crs, grid, file=study.regions.path, problems=problems
        )
    if (
        legend is None or regions is None or sources is None or densities is None
        or transformer is None or problems.of(Severity.ERROR)
    ):  # fmt: skip
        return None
    return Inputs(study, legend, regions, sources, densities, transformer, hashes)


def input_hashes(path: Path, study: Study) -> dict[str, str]:
    """Hash every input file, by the name the study gives it."""
    named = {path.name: path, study.regions.path: study.path_of(study.regions.path)}
    for year in study.years:
        written = study.landcover.source(year).path
        named[written] = study.path_of(written)
    for written in (study.landcover.legend, study.density.table):
        if written.lower().endswith(".csv"):
            named[written] = study.path_of(written)
    return {name: sha256_of(file) for name, file in named.items()}
