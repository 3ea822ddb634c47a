"""Checkpoints of a long pass: sums of finished windows, kept until the run is complete."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from sinks.joint import Engine, Job, Partial
from sinks.windows import Window

#: A pass shorter than this is quicker to repeat than to keep [s].
AFTER_S: Final = 60.0
FOLDER: Final = ".sinks-partial"
#: Before the sums stands their SHA-256.
DIGEST_BYTES: Final = 32


@dataclass(frozen=True)
class Checkpoint:
    """Where the sums of one pass are kept.

    Parameters
    ----------
    root : Path
        The output folder.
    key : mapping
        Everything the sums depend on: hashes of the inputs, settings, version. Sums of another
        key are never used.
    """

    root: Path
    key: Mapping[str, object]

    def _folder(self, groups: Mapping[int, Sequence[Window]]) -> Path:
        content = json.dumps([self.key, sorted(groups.items())], sort_keys=True, default=str)
        return self.root / FOLDER / hashlib.sha256(content.encode()).hexdigest()[:24]

    def resuming(self, engine: Engine) -> Engine:
        """Return an engine that goes on where a killed run stopped.

        Finished groups are taken from the folder; when a pass has lasted a minute, everything
        finished so far is saved there, and from then on each group as it comes.
        """

        def run(job: Job, groups: Mapping[int, Sequence[Window]]) -> Iterator[tuple[int, Partial]]:
            folder = self._folder(groups)
            self._forget_others(folder)
            known = {i: part for i in groups if (part := _load(_file(folder, i))) is not None}
            yield from known.items()
            todo = {i: part for i, part in groups.items() if i not in known}
            started, unsaved = time.monotonic(), dict[int, Partial]()
            keep = True
            for i, partial in engine(job, todo) if todo else ():
                unsaved[i] = partial
                if time.monotonic() - started >= AFTER_S:
                    keep = keep and _save(folder, unsaved)
                    unsaved = {}
                yield i, partial

        return run

    def _forget_others(self, folder: Path) -> None:
        for other in folder.parent.glob("*") if folder.parent.is_dir() else ():
            if other != folder:
                shutil.rmtree(other, ignore_errors=True)

    def forget(self) -> None:
        """Remove the sums: the run they were for is complete."""
        shutil.rmtree(self.root / FOLDER, ignore_errors=True)


def _file(folder: Path, group: int) -> Path:
    return folder / f"{group}.sums"


def _save(folder: Path, partials: Mapping[int, Partial]) -> bool:
    """Save sums; tell whether that was possible. A run without checkpoints is still a run."""
    aside = folder / "being-written"
    if folder.parent.is_symlink():  # nothing is written outside the output folder
        return False
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for i, partial in partials.items():
            stream = io.BytesIO()
            np.savez(stream, region=partial.region, symbols=partial.symbols, area=partial.area)
            body = stream.getvalue()
            aside.write_bytes(hashlib.sha256(body).digest() + body)
            aside.replace(_file(folder, i))
    except OSError:  # above all a full disk: the results will need the room
        shutil.rmtree(folder, ignore_errors=True)
        return False
    return True


def _load(path: Path) -> Partial | None:
    """Return saved sums, None if there are none or they are not as they were written."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, body = content[:DIGEST_BYTES], content[DIGEST_BYTES:]
    if hashlib.sha256(body).digest() != digest:
        return None
    with np.load(io.BytesIO(body), allow_pickle=False) as saved:
        return Partial(saved["region"], saved["symbols"], saved["area"])
