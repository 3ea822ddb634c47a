"""The lock of an output folder: one process at a time, and a dead one holds nothing.

The system holds the lock (``flock``) and lets go of it when the process ends, however it ends. What
stands in the file, process and computer, is for people: a lock file left behind is no obstacle. It
is removed with the lock, so that a finished run is its files and nothing else.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from filelock import FileLock, SoftFileLock, Timeout

from sinks.errors import FolderLocked
from sinks.texts import Language, text

LOCK: Final = ".sinks.lock"
#: Longest name of a computer that is repeated in a message [characters].
LONGEST_NAME: Final = 64


@contextmanager
def locked(root: Path, language: Language) -> Iterator[None]:
    """Hold the lock of a folder for the time of a ``with`` block.

    Raises
    ------
    FolderLocked
        If another process holds it.
    OSError
        If it cannot be taken at all.
    """
    lock = FileLock(root / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise refusal(root, language) from error
    soft = isinstance(lock, SoftFileLock)  # where the system has no locks; it signs and removes
    if not soft:
        with suppress(OSError):  # a full disk: without a name it is a lock all the same
            (root / LOCK).write_text(f"{os.getpid()}\n{platform.node()}\n", encoding="utf-8")
    try:
        yield
    finally:
        if not soft:
            with suppress(OSError):  # while it is held: nobody can have taken it meanwhile
                (root / LOCK).unlink()
        lock.release()


def refusal(root: Path, language: Language) -> FolderLocked:
    """Return the error that says who holds a folder, as far as that is known."""
    try:
        lines = (root / LOCK).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    who = ""
    if lines and lines[0].isdecimal():
        node = "".join(lines[1:2]).strip()[:LONGEST_NAME] or "?"
        who = text("output.holder", language, pid=lines[0], node=node)
    return FolderLocked(text("output.locked", language, folder=root, who=who))


def refuse_locked(root: Path, language: Language) -> None:
    """Refuse at once a folder that another process holds, before anything long is begun.

    Raises
    ------
    FolderLocked
    """
    if not (root / LOCK).is_file():
        return
    with suppress(OSError), locked(root, language):
        pass  # a folder that cannot be written: who writes says so
