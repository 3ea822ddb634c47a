"""Whether the files that a run read are still what they were."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sinks.errors import InputChanged
from sinks.filehashes import file_hashes
from sinks.folder import sha256_of
from sinks.inputs import Inputs
from sinks.texts import text


@contextmanager
def unchanged(inputs: Inputs, path: Path | None) -> Iterator[None]:
    """Refuse to publish what was computed from files that changed meanwhile.

    A change explains whatever else went wrong: it is told first.

    Parameters
    ----------
    inputs : Inputs
    path : Path or None
        The study file, if the run depends on it to the end.
    """
    try:
        yield
    except Exception:
        _refuse_changed(inputs, path)
        raise
    _refuse_changed(inputs, path)


def _refuse_changed(inputs: Inputs, path: Path | None) -> None:
    study = inputs.study
    try:
        now = file_hashes(study) | ({study.file: sha256_of(path)} if path else {})
    except OSError as error:
        name = Path(str(error.filename)).name
        raise InputChanged(text("output.input_changed", study.language, name=name)) from error
    for name, value in inputs.hashes.items():
        if now.get(name, value) != value:
            raise InputChanged(text("output.input_changed", study.language, name=name))
