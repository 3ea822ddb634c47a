"""Where the growing stock of a study comes from, and which of its targets that can answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from sinks.biomass.density import Density
from sinks.biomass.volume import (
    Axes,
    VolumeRow,
    bare_rows,
    plot_volumes,
    preferred,
    stand_volumes,
    volume_density,
)
from sinks.checks import Problems, first_few
from sinks.draws import usual_distribution
from sinks.inputs import Inputs
from sinks.landcover.activity import Activity
from sinks.sections import TargetConfig
from sinks.stock import Stock
from sinks.volume import Volume


def volume_of(
    inputs: Inputs, areas: Activity, *, density: Density, problems: Problems
) -> Volume | None:
    """Return the growing stock that a study can estimate; None without any source of it.

    Parameters
    ----------
    inputs : Inputs
    areas : Activity
        Hectares by stratum, and their draws.
    density : Density
        Of the carbon: it brings the plots and the sub-compartments.
    problems : Problems
        Takes volumes that a source leaves out, errors that none states, and targets of volume
        that nothing answers.
    """
    study, legend = inputs.study, inputs.legend
    strata = tuple(str(name) for name in areas.area["stratum"].values)
    config = study.volume
    axes = Axes(
        strata, study.years, tuple(inputs.regions.codes), study.uncertainty.seed,
        study.uncertainty.draws, config.relative_se if config else None,
    )  # fmt: skip
    rows = _rows(inputs, density, strata=strata)
    made, missing = volume_density(rows, axes, plots=density.plots) if rows else (None, [])
    if missing:
        problems.error(
            "volume.missing", file=config.table if config else "", count=len(missing),
            items=first_few(missing, problems.language),
        )  # fmt: skip
        return None
    volume = None
    if made is not None:
        stock = Stock(areas, made, level=study.uncertainty.level)
        volume = Volume(stock, made, legend)
        if made.unsure and made.draws > 1:
            names = first_few(sorted(made.unsure), problems.language)
            problems.warn("volume.no_error", file=study.file, strata=names)
    for index, target in enumerate(study.targets):
        if target.quantity == "volume":
            place = f"targets.{index} ({target.name})"
            _check(target, volume, place=place, problems=problems)
    return volume


def _rows(inputs: Inputs, density: Density, *, strata: Sequence[str]) -> list[VolumeRow]:
    """Return the volumes of each stratum's first source; none if nothing but bamboo is known."""
    language = inputs.study.language
    rows = list(inputs.volumes)
    if density.plots is not None:
        rows += plot_volumes(density.plots, language=language)
    if density.stands is not None:
        rows += stand_volumes(density.stands, language=language)
    return preferred([*rows, *bare_rows(strata, language=language)]) if rows else []


def _check(target: TargetConfig, volume: Volume | None, *, place: str, problems: Problems) -> None:
    """Refuse a target of volume that nothing answers; an official figure answers instead."""
    if volume is not None and volume.serves(target):
        return
    wanted = volume.strata_of(target) if volume else ()
    served = volume.density.served if volume else frozenset()
    lost = first_few([name for name in wanted if name not in served] or ["-"], problems.language)
    known = first_few(sorted(served) or ["-"], problems.language)
    if target.reported is not None:
        if volume is not None:
            problems.warn("volume.official_instead", place=place, strata=lost)
        return
    if target.volume == "standing_volume":
        problems.error("volume.forest_only", place=place, strata=lost, known=known)
    else:
        problems.error("volume.no_source", place=place, strata=lost, known=known)


def volume_parameters(volume: Volume | None) -> list[Mapping[str, object]]:
    """Return the volumes per hectare in use as rows of `parameters.csv`."""
    return [] if volume is None else [
        {
            "name": row.name, "value": row.value, "se": se, "unit": "m3/ha",
            "distribution": _kind(row, se), "source": row.source, "confidence": row.confidence,
        }
        for row, se in volume.density.volumes
    ]  # fmt: skip


def _kind(row: VolumeRow, se: float) -> str:
    if se == 0:
        return "fixed"
    return "" if np.isnan(se) else usual_distribution(row.value, se)
