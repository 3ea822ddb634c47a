"""The output folder: complete or absent. Written aside, verified, swapped in, manifest last."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from pyogrio.errors import DataLayerError, DataSourceError
from rasterio.errors import RasterioError
from xlsxwriter.exceptions import XlsxFileError

from sinks.errors import OutputFailed
from sinks.escape import is_file_name
from sinks.lock import locked
from sinks.texts import Language, text

MANIFEST: Final = "manifest.json"
#: Being written; nobody may read it.
STAGING: Final = ".sinks-staging"
#: Verified and complete; a swap that was cut off is finished from here.
READY: Final = ".sinks-ready"
#: The run before, until the new one stands in its place.
OLD: Final = ".sinks-old"
CHUNK: Final = 1 << 20
#: What reading a manifest can raise that is none.
UNREADABLE: Final = (
    OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError,
)  # fmt: skip
#: What is written to find out whether a disk is full.
PROBE_BLOCKS: Final = 16
PROBE_BYTES: Final = 1 << 16
#: What a full disk can look like: each library that writes has a word of its own for it.
WRITE_ERRORS: Final = (
    OSError, DataSourceError, DataLayerError, RasterioError, XlsxFileError, sqlite3.Error
)  # fmt: skip


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as hex."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def files_in(folder: Path) -> list[str]:
    """Return the files below a folder as POSIX paths relative to it, sorted."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in found)


class OutputFolder:
    """An output folder that this process holds.

    Parameters
    ----------
    root : Path
        The folder; made if it is missing.
    language : {"zh", "en"}
        Language of the errors.
    """

    def __init__(self, root: Path, language: Language) -> None:
        self.root, self.language = root, language

    @property
    def staging(self) -> Path:
        """Where the run writes; hidden, inside the folder."""
        return self.root / STAGING

    def publish(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """Verify what was written, and put it in the place of the run before.

        Parameters
        ----------
        manifest : mapping
            The manifest without `outputs`, which are hashed here.

        Returns
        -------
        dict
            The whole manifest, as its file is read.

        Raises
        ------
        OutputFailed
            If a file does not read back as it was written, or the folder holds files that are
            not ours under a name we need.
        """
        hashes = {name: sha256_of(self.staging / name) for name in files_in(self.staging)}
        self._refuse_strangers({name.partition("/")[0] for name in hashes} | {MANIFEST})
        content = dict(manifest) | {"outputs": hashes}
        body = json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
        (self.staging / MANIFEST).write_text(body, encoding="utf-8", newline="\n")
        for path in (*self.staging.rglob("*"), self.staging):
            _sync(path)
        changed = [name for name in hashes if sha256_of(self.staging / name) != hashes[name]]
        if changed:
            raise OutputFailed(text("output.not_as_written", self.language, name=changed[0]))
        self.staging.replace(self.root / READY)
        _sync(self.root)
        finish_swap(self.root)
        return dict(json.loads(body))

    def _refuse_strangers(self, names: set[str]) -> None:
        """Refuse to replace what another program or person put there."""
        ours = own_names(self.root)
        strange = sorted(name for name in names - ours if (self.root / name).exists())
        if strange:
            raise OutputFailed(
                text("output.strangers", self.language, folder=self.root, name=strange[0])
            )


def own_names(root: Path) -> set[str]:
    """Return the top-level names that the run in a folder owns, by its manifest.

    A manifest of another program, or names that lead elsewhere, own nothing.
    """
    try:
        content = json.loads((root / MANIFEST).read_text(encoding="utf-8"))
        names = {str(name).partition("/")[0] for name in content["outputs"]}
        ours = {"sinks", "study", "outputs"} <= set(content)
    except UNREADABLE:
        return set()
    return {name for name in names if is_file_name(name)} | {MANIFEST} if ours else set()


def finish_swap(root: Path) -> None:
    """Finish a swap from `READY`, wherever it was cut off; do nothing if there is none."""
    ready, old = root / READY, root / OLD
    if not is_waiting(root):
        return
    if old.is_symlink():
        old.unlink()
    if (ready / MANIFEST).exists():  # it moves last: without it all else has moved
        old.mkdir(exist_ok=True)
        # Without its manifest the old run no longer counts as complete; the new one does, here.
        names = own_names(ready) | own_names(root) | own_names(old)
        for name in [MANIFEST, *sorted(names - {MANIFEST})]:
            swapped = name in own_names(ready) and not (ready / name).exists()
            if (root / name).exists() and not swapped:
                _remove(old / name)
                (root / name).replace(old / name)
        for name in sorted(own_names(ready) - {MANIFEST}):
            if (ready / name).exists():
                (ready / name).replace(root / name)
        (ready / MANIFEST).replace(root / MANIFEST)
        _sync(root)
    _remove(ready)
    _remove(old)


def is_waiting(root: Path) -> bool:
    """Tell whether a complete run waits to be put in place; a link is none of ours."""
    ready = root / READY
    return ready.is_dir() and not ready.is_symlink()


def clean(root: Path) -> None:
    """Finish or remove what a killed run left behind."""
    finish_swap(root)
    for name in (STAGING, READY, OLD):
        _remove(root / name)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif path.exists() or path.is_symlink():
        path.unlink()


def _sync(path: Path) -> None:
    """Ask the system to put a file or folder on the disk; not every system can for folders."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass  # Windows refuses to sync a folder or a file opened for reading
    finally:
        os.close(handle)


@contextmanager
def held(root: Path, language: Language) -> Iterator[OutputFolder]:
    """Hold an output folder for the time of a ``with`` block.

    Raises
    ------
    FolderLocked
        If another run holds it.
    OutputFailed
        If it cannot be written.
    """
    try:
        with made(root), locked(root, language):
            try:
                clean(root)
                folder = OutputFolder(root, language)
                folder.staging.mkdir()
                yield folder
            except WRITE_ERRORS as error:
                raise OSError(_reason(error, folder.staging)) from error
            finally:
                with suppress(OSError):
                    clean(root)  # told to end after the first rename: the run is complete
    except OSError as error:
        raise _failure(error, root, language=language) from error


def _reason(error: Exception, folder: Path) -> str:
    """Return why writing failed; a library that has no word for a full disk is asked no more."""
    if not isinstance(error, OSError):
        probe = folder / "probe"
        try:
            with probe.open("wb", buffering=0) as stream:
                for _ in range(PROBE_BLOCKS):
                    stream.write(bytes(PROBE_BYTES))
            probe.unlink()
        except OSError as told:
            error = told
    return getattr(error, "strerror", None) or str(error)[:300]


def _failure(error: OSError, root: Path, *, language: Language) -> OutputFailed:
    """Return the error that says why a folder cannot be written, and what stands in it."""
    key = "output.half" if is_waiting(root) else "output.failed"
    reason = error.strerror or str(error)
    return OutputFailed(text(key, language, folder=root, reason=reason))


@contextmanager
def made(root: Path) -> Iterator[None]:
    """Make a folder; if nothing comes to stand in it, take it away again."""
    missing = [path for path in (root, *root.parents) if not path.exists()]
    root.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        with suppress(OSError):  # from the first that is not empty
            for path in missing:
                path.rmdir()


def recover(root: Path, language: Language) -> None:
    """Put a complete run in place that was cut off while it was put there.

    Raises
    ------
    FolderLocked
        If another process is about it.
    OutputFailed
        If it cannot be put in place; the folder is neither the old run nor the new one.
    """
    if not is_waiting(root):
        return
    try:
        with locked(root, language):
            clean(root)
    except OSError as error:
        raise _failure(error, root, language=language) from error


def outputs_of(root: Path, language: Language) -> dict[str, str]:
    """Return the SHA-256 of every output of a finished run, by its name, from the manifest.

    Raises
    ------
    OutputFailed
        If there is no manifest, or a name in it leads out of the folder.
    """
    try:
        content = json.loads((root / MANIFEST).read_text(encoding="utf-8"))
        outputs = {str(name): str(value) for name, value in content["outputs"].items()}
        inside = all(is_file_name(part) for name in outputs for part in name.split("/"))
    except UNREADABLE as error:
        raise OutputFailed(text("results.incomplete", language, folder=root)) from error
    if not inside:
        raise OutputFailed(text("results.incomplete", language, folder=root))
    return outputs


def differences(root: Path, language: Language, *, ignored: Collection[str] = ()) -> list[str]:
    """Hash every output of a finished run again; return a line for each that is not as it was.

    Parameters
    ----------
    root : Path
    language : {"zh", "en"}
    ignored : collection of str
        Outputs that may be missing or differ.

    Raises
    ------
    OutputFailed
        If there is no finished run.
    """
    found = []
    for name, expected in outputs_of(root, language).items():
        what = "" if (root / name).is_file() else "missing"
        if name in ignored:
            continue
        if not what and sha256_of(root / name) != expected:
            what = "changed"
        if what:
            found.append(differs(name, what, language=language))
    return found


def differs(name: str, what: str, *, language: Language) -> str:
    """Return the line on a file that is ``missing``, ``changed`` or ``additional``."""
    return text("output.differs", language, name=name, what=text(f"output.{what}", language))


def verify_outputs(root: Path, language: Language, *, ignored: Collection[str] = ()) -> int:
    """Refuse a finished run whose files are not those that it wrote; see `differences`.

    Returns
    -------
    int
        How many files it has.

    Raises
    ------
    OutputFailed
        If a file is missing or differs from the manifest; the message names each.
    """
    if bad := differences(root, language, ignored=ignored):
        raise OutputFailed("\n".join(bad))
    return len(outputs_of(root, language))


def replace_outputs(
    root: Path, names: Collection[str], *, write: Callable[[Path], None], language: Language,
    noted: Mapping[str, Any] | None = None,
) -> None:  # fmt: skip
    """Write outputs of a finished run anew and put their hashes into the manifest.

    Parameters
    ----------
    root : Path
    names : collection of str
        The outputs, whether the run has them yet or not.
    write : callable
        Writes them into the folder that it is given.
    language : {"zh", "en"}
    noted : mapping, optional
        What the manifest is to say beside their hashes.

    Raises
    ------
    OutputFailed
        If another output is not as the manifest says: it would be vouched for anew.
    """
    with held(root, language) as folder:
        verify_outputs(root, language, ignored=names)
        content = json.loads((root / MANIFEST).read_text(encoding="utf-8"))
        for other in sorted(set(outputs_of(root, language)) - set(names)):
            target = folder.staging / other
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / other, target)
        write(folder.staging)
        content |= noted or {}
        folder.publish({key: value for key, value in content.items() if key != "outputs"})
