"""The only wiring: a study in, a complete folder of results out.

Read it from the top: `load` opens and checks every input; `compute` makes hectares (`landcover`),
densities (`biomass`) and their product (`stock`), and the tables that follow; `run` writes
everything aside, lets the faces read it, checks that all sums close, and publishes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, cast

import pandas as pd

from sinks import tabulate
from sinks.accuracytables import accuracy_tables, sample_parameters
from sinks.alignment import alignment_table
from sinks.attribution import attribution_table, ranking_table
from sinks.biomass.density import Density
from sinks.biomass.wetland import check_depths
from sinks.budget import error_budget
from sinks.changemaps import check_reach, write_change_maps
from sinks.changetables import change_classes_table, implausible_table
from sinks.checkpoint import Checkpoint
from sinks.checks import Problems, Severity
from sinks.comparison import comparison
from sinks.faces import write_faces
from sinks.folder import OutputFolder, held
from sinks.fromplots import densities, models_tables, survey_tables
from sinks.fromrasters import mapped_pools
from sinks.headline import write_regions_file
from sinks.inputs import Inputs, load
from sinks.joint import STRIP_BYTES, Engine, Execution, threads
from sinks.landcover.activity import Activity
from sinks.layers import budget_beside, write_layers
from sinks.ledger import accounts, ledger_tables
from sinks.levels import group_indices
from sinks.lock import refuse_locked
from sinks.manifest import manifest, pass_key
from sinks.measure import Measured, measure
from sinks.memory import take_room
from sinks.outlook import scenario_tables
from sinks.overlaytables import overlay_tables
from sinks.planting import planting_tables
from sinks.qgis import style_surfaces
from sinks.quality import quality, refuse_broken
from sinks.reconcile import check_reconcile, reconcile_tables
from sinks.reference import polygons, recounts
from sinks.results import QUALITY, REGIONS, Results, write_table
from sinks.scenariochecks import check_scenarios, scenario_parameters
from sinks.seasons import seasonal_table, warn_not_in_rasters
from sinks.standpolygons import write_stands_file
from sinks.stock import Stock
from sinks.study import load_study
from sinks.surfaces import pictured, write_surfaces
from sinks.target import check_targets, targets_table
from sinks.texts import Language
from sinks.transitions import trajectories_table, transition_summary
from sinks.unchanged import unchanged
from sinks.volume import Volume
from sinks.volumeinputs import volume_of, volume_parameters
from sinks.volumetables import volume_tables
from sinks.wetlands import wetland_tables

Progress = Callable[[str, float], None]

#: What `run` writes beside the tables; each may be left out.
PARTS: Final = ("regions", "workbook", "report", "map")
#: What it writes only when the command or the study asks for it.
ON_REQUEST: Final = ("rasters", "changes")

#: Address space for the libraries that write [bytes].
WRITING_BYTES: Final = 256 << 20


@dataclass(frozen=True)
class Computed:
    """What a run computes, before anything is written."""

    activity: Activity
    mapped: Activity
    density: Density
    tables: Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class Options:
    """How a run is carried out; no number depends on it."""

    strict: bool = False
    workers: int | None = None
    parts: tuple[str, ...] = PARTS
    progress: Progress = field(default=lambda _stage, _part: None)
    command: str = ""
    engine: Engine | None = None
    strip_bytes: int = STRIP_BYTES


def factors(
    inputs: Inputs, problems: Problems, *, options: Options
) -> tuple[Measured, Density, Volume | None] | None:
    """Make the two factors of every stock, hectares and densities; None if they were refused.

    All that can be wrong with inputs is found by then: `check_study` goes no further.
    """
    study = inputs.study
    execution = Execution(
        options.engine or threads(options.workers),
        options.strip_bytes,
        lambda part: options.progress("areas", part),
    )
    measured = measure(inputs, problems, execution=execution)
    if measured is None:
        return None
    areas = measured.regions
    strata = [str(name) for name in areas.area["stratum"].values]
    maps = mapped_pools(
        inputs, strata, problems=problems, workers=options.workers, held=options.strip_bytes
    )
    if maps is None:
        return None
    rows, density = densities(inputs, areas, problems=problems, maps=maps)
    check_depths(rows, strata, file=study.density.table or study.file, problems=problems)
    pools = sorted({row.pool for row in rows})
    check_targets(study.targets, pools=pools, legend=inputs.legend, problems=problems)
    if study.output.template is not None:
        from sinks.template import check_template  # noqa: PLC0415 - slow to load

        check_template(inputs, problems, pools=pools)
    if density is None or problems.of(Severity.ERROR):
        return None
    check_reconcile(inputs, areas, density=density, problems=problems)
    check_scenarios(inputs, areas, density=density, problems=problems)
    if options.parts:
        warn_not_in_rasters(inputs, problems)
    if study.change is not None or _wants_changes(inputs, options):
        check_reach(inputs, problems)
    volume = volume_of(inputs, areas, density=density, problems=problems)
    return None if problems.of(Severity.ERROR) else (measured, density, volume)


def compute(inputs: Inputs, problems: Problems, *, options: Options) -> Computed | None:
    """Compute every table of a run; None if the inputs were refused."""
    made = factors(inputs, problems, options=options)
    if made is None:
        return None
    measured, density, volume = made
    study, regions, legend = inputs.study, inputs.regions, inputs.legend
    areas, groups = measured.regions, group_indices(regions)
    stock = Stock(areas, density, level=study.uncertainty.level)
    held = accounts(inputs, measured, stock=stock, volume=volume)
    execution = Execution(options.engine or threads(options.workers), options.strip_bytes)
    moved = alignment_table(inputs, problems, execution=execution)
    options.progress("tables", 0.0)
    tables = {
        "stock": tabulate.stock_table(stock, groups[0]),
        "regions": tabulate.regions_table(stock, areas, groups=groups, legend=legend),
        "change": tabulate.change_table(stock, areas, groups=groups),
        "transitions": tabulate.transitions_table(stock, areas, levels=groups[0]),
        **transition_summary(areas, density, regions=regions, legend=legend),
        "trajectories": trajectories_table(areas),
        "targets": targets_table(study.targets, held),
        **ledger_tables(study.targets, held),
        **scenario_tables(inputs.scenarios, study.targets, held=held),
        **wetland_tables(stock, areas, inputs=inputs),
        **seasonal_table(
            measured.seasonal, density, regions=regions, strata=legend.strata, years=study.years
        ),
        "attribution": attribution_table(
            stock, areas, regions=regions, legend=legend, assessment=measured.assessment
        ),
        "ranking": ranking_table(stock, areas, regions=regions),
        "change_classes": change_classes_table(areas, density, regions=regions, legend=legend),
        "implausible": implausible_table(areas, inputs.rules, legend=legend),
        "coverage": tabulate.coverage_table(areas),
        "parameters": _parameters(measured, density, volume=volume, inputs=inputs),
        **volume_tables(volume, areas, regions=regions),
        **accuracy_tables(
            measured.assessment, stock=stock, activity=areas, regions=regions, legend=legend
        ),
        **({} if moved is None else {"alignment": moved}),
        **planting_tables(inputs, measured, density=density, problems=problems),
        **models_tables(areas, density),
        **survey_tables(density, regions, level=study.uncertainty.level),
        **reconcile_tables(inputs, stock, activity=areas, problems=problems),
        **error_budget(stock, areas, regions=regions),
        **overlay_tables(
            inputs.zones, measured.zones, density=density, regions=regions, legend=legend,
            level=study.uncertainty.level,
        ),
    }  # fmt: skip
    return Computed(areas, measured.mapped, density, tables)


def _parameters(
    measured: Measured, density: Density, *, volume: Volume | None, inputs: Inputs
) -> pd.DataFrame:
    """Return every parameter used: densities, volumes, fluxes, shares of the error matrix."""
    study = inputs.study
    own = tabulate.parameters_table(density, inputs.fluxes)
    if inputs.scenarios:
        ahead = scenario_parameters(inputs, measured.regions, density=density)
        own = pd.concat([own, ahead], ignore_index=True)
    if wood := volume_parameters(volume):
        own = pd.concat([own, pd.DataFrame(wood, columns=own.columns)], ignore_index=True)
    if measured.assessment is None or study.accuracy is None:
        return own
    sampled = sample_parameters(measured.assessment, study.accuracy.sample)
    return pd.concat([own, sampled], ignore_index=True) if len(sampled) else own


def _wants_rasters(inputs: Inputs, options: Options) -> bool:
    return "rasters" in options.parts or (options.parts != () and inputs.study.output.rasters)


def _wants_changes(inputs: Inputs, options: Options) -> bool:
    asked = inputs.study.change is not None and inputs.study.change.maps
    return "changes" in options.parts or (options.parts != () and asked)


def check_study(path: Path, *, strict: bool = False) -> Problems:
    """Check a study as `run` would, the rasters' cells included, and write nothing."""
    problems = Problems()
    inputs = load(path, problems)
    if inputs is not None:
        factors(inputs, problems, options=Options(strict=strict))
    return problems


def run_study(
    path: Path, out: Path, *, options: Options | None = None, content: bytes | None = None
) -> Results:
    """Run a study and publish its results.

    Parameters
    ----------
    path : Path
        The study file.
    out : Path
        The output folder; a finished run in it is replaced, by one that is complete.
    options : Options, optional
    content : bytes, optional
        What the study file holds, where a run is repeated from its manifest.

    Returns
    -------
    Results

    Raises
    ------
    InputProblems
        If the inputs have problems; nothing was written.
    FolderLocked, OutputFailed, InputChanged
        See `sinks.errors`; a run that stood in the folder before stays.
    """
    options = options or Options()
    started = time.time()
    problems = Problems()
    options.progress("inputs", 0.0)
    refuse_locked(out, _language_of(path, content))
    inputs = load(path, problems, content=content)
    problems.raise_errors(strict=options.strict)
    inputs = cast(Inputs, inputs)  # without an error they are complete
    with held(out, inputs.study.language) as folder:
        checkpoint = Checkpoint(out, pass_key(inputs))
        engine = checkpoint.resuming(options.engine or threads(options.workers))
        options = replace(options, engine=engine)
        with unchanged(inputs, None if content is not None else path):
            computed = cast(Computed, compute(inputs, problems, options=options))
            problems.raise_errors(strict=options.strict)
            meta = manifest(
                inputs, parameters=computed.tables["parameters"],
                strata=[str(name) for name in computed.activity.area["stratum"].values],
                parts=sorted(options.parts), problems=problems,
                estimated=computed.activity.correction is not None,
            )  # fmt: skip
            results = _write(folder, inputs, computed=computed, meta=meta, options=options)
        placed = folder.publish(meta | {"run": _own(inputs, results, out=out, options=options) | {
            "started": round(started, 3), "seconds": round(time.time() - started, 3)
        }})  # fmt: skip
        checkpoint.forget()
    staged = replace(results, meta=placed)
    return Results.open(out, inputs.study.language, staged=staged)


def _language_of(path: Path, content: bytes | None) -> Language:
    """Return a study's language before anything long is begun."""
    problems = Problems()
    load_study(path, problems, content=content)
    return problems.language


def _own(inputs: Inputs, results: Results, *, out: Path, options: Options) -> dict[str, Any]:
    """Return the section `run` of the manifest: what may differ between equal runs."""
    base = inputs.study.base
    with suppress(ValueError):  # on another drive
        base = Path(os.path.relpath(base, out.resolve()))
    own = {"command": options.command, "workers": options.workers, "base": base.as_posix()}
    found = comparison(out, results)
    return own | ({"compared": found} if found else {})


def _write(
    folder: OutputFolder, inputs: Inputs, *, computed: Computed, meta: dict[str, Any],
    options: Options,
) -> Results:  # fmt: skip
    """Write tables first; then the faces, which read what was written and nothing else."""
    staging = folder.staging
    take_room(WRITING_BYTES)
    (staging / "tables").mkdir()
    for name, table in computed.tables.items():
        write_table(table, staging / "tables" / f"{name}.csv")
    (staging / "problems.json").write_text(
        tabulate.json_text(meta["problems"]), encoding="utf-8", newline="\n"
    )
    if options.parts:
        write_regions_file(inputs, staging / REGIONS, tables=computed.tables)
        if stands := write_stands_file(inputs, computed.density, folder=staging):
            meta["stands"] = stands
    if _wants_rasters(inputs, options):
        total = computed.density.value.sum("pool")
        write_surfaces(
            inputs, total, folder=staging / "rasters", held=options.strip_bytes // 2,
            progress=lambda part: options.progress("rasters", part),
        )  # fmt: skip
        style_surfaces(staging / "rasters", high=float(total.max()))
    if _wants_changes(inputs, options):
        options.progress("changes", 0.0)
        execution = Execution(threads(options.workers), options.strip_bytes)
        filters = write_change_maps(inputs, folder=staging, execution=execution)
        write_table(filters, staging / "tables" / "change_filters.csv")
    if "map" in options.parts:
        shown = inputs.regions.frame.to_crs("EPSG:4326").total_bounds
        clip = (float(shown[0]), float(shown[1]), float(shown[2]), float(shown[3]))
        meta["layers"] = write_layers(
            inputs.sources, inputs.legend, folder=staging / "layers", clip=clip,
            densities=pictured(inputs, computed.density.value.sum("pool")),
            budget=budget_beside(len(inputs.regions)),
        )  # fmt: skip
    results = Results.read(staging, meta)
    table = quality(results, polygons=polygons(inputs), recounts=recounts(inputs, computed.mapped))
    refuse_broken(table, folder.language)
    write_table(table, staging / "tables" / f"{QUALITY}.csv")
    results = results.with_table(QUALITY)
    write_faces(
        results, options.parts, folder=staging, template=inputs.study.template,
        progress=lambda part: options.progress("faces", part),
    )  # fmt: skip
    return results
