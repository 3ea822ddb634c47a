"""``sinks init``: a commented study file to start from."""

from __future__ import annotations

from pathlib import Path

from sinks.demo.studyfile import Section, study_text
from sinks.errors import OutputFailed
from sinks.texts import Language, text


def write_starter(folder: Path, language: Language) -> Path:
    """Write a study file for the user's own data.

    Parameters
    ----------
    folder : Path
        Made if missing; a study file that is there is never overwritten.
    language : {"zh", "en"}
        Language of the comments and of the study.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    OutputFailed
        If the folder holds a study file already.
    """
    path = folder / "study.toml"
    if path.exists():
        raise OutputFailed(text("starter.exists", language, path=path))
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(starter_study(language), encoding="utf-8", newline="\n")
    return path


def starter_study(language: Language) -> str:
    """Return the text of the study file."""
    say = {key: text(f"starter.{key}", language) for key in ("head", "title", "datum")}
    study = Section(
        "[study]",
        {"name": "my-county", "title": say["title"], "language": language},
        notes={key: text(f"demo.study.{key}", language) for key in ("name", "language")},
    )
    regions = Section(
        "[regions]",
        {
            "path": "data/boundaries/counties.gpkg",
            "code": "code",
            "name": "name",
            "parents": ["prefecture"],
        },
        text("starter.regions", language) + "\n" + say["datum"],
        {key: text(f"demo.regions.{key}", language) for key in ("code", "parents")},
    )
    landcover = Section(
        "[landcover]",
        {
            "legend": "clcd",
            "rasters": {
                "2010": "data/rasters/CLCD_v01_2010_albert.tif",
                "2015": "data/rasters/CLCD_v01_2015_albert.tif",
            },
        },
        text("demo.landcover.head", language),
    )
    density = Section("[density]", {"table": "hubei_2010"}, text("starter.density", language))
    draws = Section(
        "[uncertainty]",
        {"draws": 1000, "seed": 20101231, "level": 0.95},
        text("demo.uncertainty.head", language),
    )
    target = _target(language)
    return study_text(say["head"], [study, regions, landcover, density, draws, target])


def _target(language: Language) -> Section:
    """Return the plan's carbon target, read literally."""
    head = text("starter.target", language) + "\n" + text("starter.share", language)
    return Section(
        "[[targets]]",
        {
            "name": "forest-carbon",
            "quantity": "carbon",
            "groups": ["forest"],
            "pools": ["agb", "bgb"],
            "kind": "increase",
            "value": 60_000_000,
            "unit": "t C",
            "start": 2010,
            "end": 2015,
            "source": text("demo.target.source", language),
        },
        head,
    )
