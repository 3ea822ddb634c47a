"""Faces written again, or for the first time, from a finished run; the manifest learns of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sinks.checks import Problems
from sinks.errors import UnusableOption
from sinks.folder import replace_outputs, sha256_of
from sinks.results import Results
from sinks.template import FILLED, write_filled
from sinks.template.reading import open_template
from sinks.texts import text

if TYPE_CHECKING:
    from sinks.sheets import SheetOptions


def rewrite(folder: Path, name: str, *, write: Callable[[Results, Path], None]) -> str:
    """Write one file of a finished run anew.

    Parameters
    ----------
    folder : Path
        The run's.
    name : str
        The file's.
    write : callable
        Writes it.

    Returns
    -------
    str
        The sentence that it was written.
    """
    language = Results.open(folder).language

    def written(staging: Path) -> None:
        # Read while it is held: no other run can come in between.
        write(Results.open(folder), staging / name)

    replace_outputs(folder, [name], write=written, language=language)
    return text("cli.wrote", language, path=folder / name)


def rewrite_sheets(
    folder: Path, options: SheetOptions, *, progress: Callable[[str, float], None]
) -> str:
    """Print the map sheets of a finished run into its folder.

    Returns
    -------
    str
        The sentence that they were written.
    """
    from sinks.sheets import FOLDER, sheet_names, write_sheets  # noqa: PLC0415 - slow to load

    results = Results.open(folder)
    names = sheet_names(results, options)

    def written(staging: Path) -> None:
        held = Results.open(folder)
        write_sheets(held, staging / FOLDER, options=options, progress=progress)

    replace_outputs(folder, names, write=written, language=results.language)
    return text("cli.wrote_sheets", results.language, count=len(names), path=folder / FOLDER)


def fill_template(folder: Path, template: Path) -> str:
    """Fill a bureau's own workbook from a finished run; the manifest keeps its hash.

    Returns
    -------
    str
        The sentence that it was written.
    """
    language = Results.open(folder).language

    def written(staging: Path) -> None:
        write_filled(Results.open(folder), template, path=staging / FILLED)

    problems = Problems(language)
    try:
        if template.exists():  # what is no workbook is not even hashed: it might never end
            open_template(template, problems, file=template.name)
            problems.raise_errors()
        noted = {"template": {"name": template.name, "sha256": sha256_of(template)}}
    except OSError as error:
        reason = error.strerror or str(error)
        raise UnusableOption(
            text("cli.no_template", language, path=template, reason=reason)
        ) from error
    replace_outputs(folder, [FILLED], write=written, language=language, noted=noted)
    return text("cli.wrote", language, path=folder / FILLED)
