"""A run repeated from its manifest: the same study on the same inputs, or a refusal in words.

The manifest holds the study file itself, so that it need not be there any more.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sinks import __version__
from sinks.checks import Problems, first_few
from sinks.errors import InputChanged
from sinks.escape import is_file_name
from sinks.folder import sha256_of
from sinks.limits import ordinary
from sinks.results import Results
from sinks.studyfile import language_of
from sinks.texts import Language, text

#: A manifest of a country has some megabytes; anything far larger is another file [bytes].
LARGEST: Final = 256 << 20


@dataclass(frozen=True)
class Recipe:
    """What a manifest says of how its run was made.

    Attributes
    ----------
    study : Path
        Name of the study file, in the folder that its paths start from; it need not be there.
    content : bytes
        What it held.
    parts : tuple of str
        What was written beside the tables.
    outputs : mapping of name to SHA-256
    versions : mapping of library to version
        With ``sinks`` itself.
    """

    study: Path
    content: bytes
    parts: tuple[str, ...]
    outputs: Mapping[str, str]
    versions: Mapping[str, str]


def recipe_of(manifest: Path) -> Recipe:
    """Read how a run was made, and make sure that its inputs are still what they were.

    Parameters
    ----------
    manifest : Path
        ``manifest.json`` of a finished run. Inputs are looked for where they were, seen from
        there, or else in the current folder.

    Raises
    ------
    InputProblems
        If it is no manifest of sinks, or inputs are missing.
    InputChanged
        If inputs differ from those of the run.
    """
    problems = Problems()
    meta = _manifest(manifest, problems)
    problems.raise_errors()
    content = str(meta["study_file"]["text"]).encode("utf-8")
    name = str(meta["study_file"]["name"])
    problems.language = language_of(content.decode("utf-8-sig"))
    hashes = {str(item["path"]): str(item["sha256"]) for item in meta["inputs"]}
    if hashes.pop(name, "") != hashlib.sha256(content).hexdigest():
        problems.error("manifest.not_ours", file=manifest.name)
        problems.raise_errors()
    base = _base(manifest, str(meta["run"]["base"]), names=hashes)
    _check_inputs(base, hashes, manifest=manifest.name, problems=problems)
    return Recipe(
        base / name, content, tuple(str(part) for part in meta["parts"]),
        dict(meta["outputs"]), {"sinks": str(meta["sinks"]), **meta["versions"]},
    )  # fmt: skip


def _manifest(path: Path, problems: Problems) -> dict[str, Any]:
    """Return a manifest, empty if it is none."""
    try:
        with ordinary(path).open("rb") as stream:
            raw = stream.read(LARGEST + 1)
        meta: dict[str, Any] = json.loads(raw) if len(raw) <= LARGEST else {}
        complete = (
            all(isinstance(item["path"] + item["sha256"], str) for item in meta["inputs"])
            and is_file_name(meta["study_file"]["name"])
            and isinstance(meta["study_file"]["text"].encode(), bytes)
            and isinstance(meta["run"]["base"], str)
            and isinstance(meta["parts"], list)
            and isinstance(meta["outputs"] | meta["versions"], dict)
            and bool(meta["sinks"])
        )
    except OSError as error:
        problems.error("manifest.unreadable", file=path.name, reason=error.strerror or str(error))
        return {}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        complete = False
    if not complete:
        problems.error("manifest.not_ours", file=path.name)
    return meta if complete else {}


def _base(manifest: Path, written: str, *, names: Mapping[str, str]) -> Path:
    """Return the folder that the study's paths start from: as recorded, or where we stand."""
    recorded = (manifest.resolve().parent / written).resolve()
    here = Path.cwd()
    there = all((recorded / name).is_file() for name in names)
    return recorded if there or not all((here / name).is_file() for name in names) else here


def _check_inputs(
    base: Path, hashes: Mapping[str, str], *, manifest: str, problems: Problems
) -> None:
    """Refuse inputs that are missing or differ."""
    missing = [name for name in hashes if not (base / name).is_file()]
    for name in missing:
        problems.error("manifest.input_missing", file=manifest, place=name, folder=base)
    problems.raise_errors()
    different = [name for name, value in hashes.items() if sha256_of(base / name) != value]
    if different:
        names = first_few(different, problems.language)
        raise InputChanged(text("repeat.inputs_differ", problems.language, names=names))


def outcome(recipe: Recipe, results: Results) -> list[str]:
    """Say whether a repeated run gave the same bytes, and if not, which files and why.

    Parameters
    ----------
    recipe : Recipe
    results : Results
        The new run.

    Returns
    -------
    list of str
    """
    language: Language = results.language
    now = results.meta["outputs"]
    different = sorted(
        name for name in {*recipe.outputs, *now} if recipe.outputs.get(name) != now.get(name)
    )
    if not different:
        return [text("repeat.same", language, count=len(now))]
    lines = [text("repeat.different", language, names=first_few(different, language))]
    versions = {"sinks": __version__, **results.meta["versions"]}
    changed = [
        f"{name} {recipe.versions.get(name, '–')} → {versions.get(name, '–')}"
        for name in sorted({*recipe.versions, *versions})
        if recipe.versions.get(name) != versions.get(name)
    ]
    if changed:
        lines.append(text("repeat.versions", language, names=first_few(changed, language)))
    return lines
