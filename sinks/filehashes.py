"""What every input file held when it was read: its SHA-256, by the name that the study gives it."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from pathlib import Path

from sinks.boundaries.shapefile import PARTS
from sinks.folder import sha256_of
from sinks.study import Study


def hashed(study: Study, refused: AbstractSet[str]) -> tuple[dict[str, str], str]:
    """Hash every input; return also why one cannot be read, if so."""
    if refused or _too_large(study):
        return {}, ""
    try:
        return file_hashes(study), ""
    except OSError as error:
        return {}, f"{error.filename or ''} {error.strerror or error}".strip()


def _too_large(study: Study) -> bool:
    """Tell whether a table or the boundaries are so large that they are refused: not hashed."""
    tables = [study.landcover.legend, *filter(None, [study.density.table])]
    tables += [study.change.rules] if study.change else []
    tables += [study.volume.table or ""] if study.volume else []
    if study.accuracy is not None:
        tables += [study.accuracy.sample, study.accuracy.strata or ""]
    tables += study.landcover.crosswalks.values()
    tables += [config.table for config in study.reconcile if config.table]
    tables += [scenario.planting_file for scenario in study.scenarios]
    limits = dict.fromkeys(tables, study.limits.table_mb)
    boundaries = (study.regions.path, *(overlay.path for overlay in study.overlays))
    limits |= dict.fromkeys(boundaries, study.limits.boundary_mb)
    named = set(study.files.values()).intersection(limits)
    return any(study.path_of(name).stat().st_size > limits[name] << 20 for name in named)


def file_hashes(study: Study) -> dict[str, str]:
    """Hash every file that a study names, by the name it gives it."""
    named = {}
    for written in study.files.values():
        file = study.path_of(written)
        named[written] = file
        if file.suffix.lower() == ".shp":
            named |= {
                str(Path(written).with_name(part.name)): part
                for part in sorted(file.parent.iterdir())
                if part.stem.lower() == file.stem.lower() and part.suffix.lower() in PARTS
            }
    return {name: sha256_of(file) for name, file in named.items()}
