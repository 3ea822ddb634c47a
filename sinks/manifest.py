"""The manifest: what a run read, assumed, used and warned of, so that it can be repeated."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyogrio
import pyproj
import rasterio

from sinks import __version__
from sinks.checks import Problems
from sinks.inputs import Inputs
from sinks.legend import Legend
from sinks.sections import POOLS
from sinks.texts import Language, text

#: Libraries whose version can change a number or a byte.
LIBRARIES: Final = (
    "numpy", "numba", "scipy", "pandas", "xarray", "shapely", "geopandas", "pyogrio", "rasterio",
    "pyproj", "folium", "Jinja2", "XlsxWriter", "pillow",
)  # fmt: skip
#: Rules of counting that hold in every run, told in words.
RULES: Final = ("groups", "forest_and_wetland", "fluxes")
#: Sections of the study that are recorded as they were understood.
SETTINGS: Final = (
    "regions", "landcover", "density", "volume", "change", "overlays", "accuracy", "scenarios",
    "map",
    "reconcile", "wetland",
)  # fmt: skip


def manifest(
    inputs: Inputs, *, parameters: pd.DataFrame, strata: list[str], parts: list[str],
    problems: Problems, estimated: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Return the manifest without its outputs and the section of the run itself.

    `estimated` tells whether areas are estimated from a sample or those of the map.
    """
    study, legend = inputs.study, inputs.legend
    info = study.model_dump(mode="json", exclude={"targets"})
    used = {name.split("/")[2] for name in parameters["name"] if name.startswith("density/")}
    targets = [
        target.model_dump(mode="json") | _names_of(target.strata, legend)
        for target in study.targets
    ]
    records = [
        {
            "stratum": name, "name_zh": legend.label(name, "zh"),
            "name_en": legend.label(name, "en"), "ipcc": legend.ipcc_of(name),
            "group": legend.group_of(name), "colour": legend.colour_of(name),
        }
        for name in strata
    ]  # fmt: skip
    return {
        "sinks": __version__,
        "study": info["study"] | info["uncertainty"] | {
            "years": list(study.years), "legend": legend.name, "targets": targets,
            "parents": list(study.regions.parents), "coverage": study.landcover.coverage,
        },
        "settings": {key: info[key] for key in SETTINGS},
        "study_file": {"name": study.file, "text": study.content.decode("utf-8")},
        "parts": parts,
        "area_basis": "estimated" if estimated else "map",
        "strata": records,
        "pools": [pool for pool in POOLS if pool in used],
        "rules": {name: text(f"manifest.rule.{name}", study.language) for name in RULES},
        "layers": [],
        "inputs": list(_inputs(inputs)),
        "parameters": parameters.astype(object).fillna("").to_dict("records"),
        "versions": _versions(),
        "seeds": {"draws": study.uncertainty.seed},
        "problems": [problem.as_dict() for problem in problems],
    }  # fmt: skip


def _names_of(strata: Sequence[str], legend: Legend) -> dict[str, Any]:
    """Return what strata are called, those too that no map shows; nothing for none."""
    if not strata:
        return {}
    languages: tuple[Language, ...] = ("zh", "en")
    return {f"strata_{own}": [legend.label(name, own) for name in strata] for own in languages}


def _inputs(inputs: Inputs) -> Iterator[dict[str, Any]]:
    """Yield what the manifest says of every input file."""
    study = inputs.study
    roles = {study.landcover.legend: "legend", study.density.table or "": "density"}
    roles |= {scenario.planting_file: "planting_plan" for scenario in study.scenarios}
    plots = study.density.plots
    if plots is not None:
        roles |= dict.fromkeys(plots.files.values(), "plots")
        roles |= dict.fromkeys(plots.tree_files.values(), "trees")
    surveys = study.density.subcompartments
    if surveys is not None:
        named = [surveys.path or "", *(surveys.rounds or {}).values()]
        roles |= dict.fromkeys(named, "subcompartments")
    if study.volume is not None:
        roles[study.volume.table or ""] = "volume"
    maps = [
        own for pool in inputs.density_rasters.values() for pair in pool.values() for own in pair
    ]
    opened = [own.source.native or own.source for own in maps if own is not None]
    mapped = {tile.shown: tile.grid for source in opened for tile in source.tiles}
    roles |= dict.fromkeys(mapped, "density_raster")
    roles[str(study.output.template)] = "template"
    if study.accuracy is not None:
        roles |= dict.fromkeys((study.accuracy.sample, str(study.accuracy.strata)), "accuracy")
    roles |= {str(config.table): "official" for config in study.reconcile if config.table}
    boundaries = Path(study.regions.path)
    read = [source.native or source for source in inputs.sources.values()]
    grids = {tile.shown: tile.grid for source in read for tile in source.tiles}
    for name, value in inputs.hashes.items():
        own = name == study.file
        size = len(study.content) if own else study.path_of(name).stat().st_size
        role = "landcover" if name in grids else roles.get(name, "study")
        if Path(name).with_suffix("") == boundaries.with_suffix(""):
            role = "regions"  # a Shapefile's parts, too
        record: dict[str, Any] = {
            "role": role, "path": name, "sha256": value, "size": size,
        }  # fmt: skip
        if any(Path(name).with_suffix("") == Path(o.path).with_suffix("") for o in study.overlays):
            record["role"] = "overlay"
        if (grid := grids.get(name) or mapped.get(name)) is not None:
            record |= {"crs": grid.crs.name, "grid": grid.described()}
        elif name == study.regions.path:
            record["crs"] = inputs.regions.frame.crs.name
        yield record


def _versions() -> dict[str, str]:
    """Return the versions of everything that a number may hang on."""
    own = {name: metadata.version(name) for name in LIBRARIES}
    return own | {
        "python": platform.python_version(),
        "gdal_rasterio": rasterio.__gdal_version__,
        "gdal_pyogrio": ".".join(str(part) for part in pyogrio.__gdal_version__),
        "proj": pyproj.proj_version_str,
        "platform": f"{sys.platform}-{platform.machine()}",
    }


def pass_key(inputs: Inputs) -> dict[str, object]:
    """Return everything that the sums of the pass over the rasters depend on."""
    settings = inputs.study.model_dump(mode="json", include={"regions", "landcover", "overlays"})
    return {"sinks": __version__, "inputs": dict(inputs.hashes), **settings}
