"""Whether a results folder is what its run wrote: nothing missing, changed or added."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from sinks.errors import OutputFailed
from sinks.folder import (
    MANIFEST,
    OLD,
    READY,
    STAGING,
    UNREADABLE,
    differences,
    differs,
    outputs_of,
    recover,
)
from sinks.lock import LOCK
from sinks.texts import LANGUAGES, Language, text

#: What another run that is at work in the folder keeps there, or left when it was killed.
OURS = (LOCK, STAGING, READY, OLD, ".sinks-partial")
#: What a published site says of itself; a folder without it is none.
SITE_MARK = "site.json"


def verify(root: Path) -> str:
    """Hash every file of a finished run again and look for files that it did not write.

    Parameters
    ----------
    root : Path
        The output folder.

    Returns
    -------
    str
        The sentence that all is well.

    Raises
    ------
    OutputFailed
        If there is no finished run, or files are missing, changed or additional; each is named.
        The manifest itself is not hashed: who can forge it can forge the rest.
    """
    recover(root, language_in(root))
    language = language_in(root)
    bad = differences(root, language)
    bad += [differs(name, "additional", language=language) for name in additional(root, language)]
    if bad:
        remedy = text("output.remedy", language, manifest=root / MANIFEST)
        raise OutputFailed("\n".join([*bad, remedy]))
    return text("cli.verified", language, count=len(outputs_of(root, language)))


def language_in(root: Path) -> Language:
    """Return the language of the run in a folder; Chinese, as everywhere, if there is none."""
    try:
        written = json.loads((root / MANIFEST).read_text(encoding="utf-8"))["study"]["language"]
    except UNREADABLE:
        written = ""
    return next((known for known in LANGUAGES if known == written), "zh")


def additional(root: Path, language: Language) -> Iterator[str]:
    """Yield what a finished run did not write; empty folders and published sites do not count."""
    own = {*outputs_of(root, language), MANIFEST}
    sites = {path.parent.name for path in root.glob(f"*/{SITE_MARK}") if is_site(path.parent)}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root)
        known = name.parts[0] in {*OURS, *sites} or name.as_posix() in own
        if not known and (path.is_symlink() or not path.is_dir()):
            yield name.as_posix()


def is_site(folder: Path) -> bool:
    """Tell whether a folder holds a site that was published from a run."""
    try:
        mark = json.loads((folder / SITE_MARK).read_text(encoding="utf-8"))
    except UNREADABLE:
        return False
    return isinstance(mark, dict) and {"sinks", "manifest_sha256"} <= set(mark)
