"""Many machines: the same sums on a dask.distributed cluster (extra ``distributed``)."""

from __future__ import annotations

import hashlib
import logging
import os
import queue
import socket
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import numpy as np

from sinks import __version__
from sinks.errors import ClusterFailed, UnusableOption
from sinks.joint import Engine, Job, Partial, sum_windows
from sinks.raster import RasterSource, UnreadableBlock
from sinks.texts import Language, text
from sinks.windows import Window

#: How often a group is tried again where a worker could not do it.
RETRIES: Final = 3
#: How long to wait for the scheduler, and for a first worker [s].
TIMEOUT_S: Final = 20
#: How long to wait for a result before looking whether there still are workers [s].
PATIENCE_S: Final = 60
#: How long to wait before a scheduler that does not answer is asked again [s].
PAUSE_S: Final = 0.2
#: How an address may begin.
SCHEMES: Final = ("tcp", "tls")
#: A file is told from another by its size and this many samples of so many bytes.
SAMPLES: Final = 16
SAMPLE_BYTES: Final = 4096

#: Size and digest of every file, by its path.
Prints = Mapping[str, tuple[int, str]]


class OtherFile(Exception):
    """A worker sees no file, or another, under a path. Host, path, reason ("" if another)."""


class OtherVersion(Exception):
    """A worker has another version of sinks. Host, version."""


def cluster(address: str, language: Language) -> Engine:
    """Return the engine of a cluster.

    Parameters
    ----------
    address : str
        Of its scheduler, ``tcp://host:port``. Its workers must see the inputs under the same
        paths and have the same version of sinks.
    language : {"zh", "en"}
        Language of the errors.

    Raises
    ------
    UnusableOption
        If the extra is not installed.

    Notes
    -----
    Each group of windows is one task; a task of a lost worker is done again by another. The job,
    with the regions' outlines, is a task, too, so that any worker that comes later can have it.
    What comes back are integers, added in no order that matters; what is computed before them on
    the workers are sums and products only, which all processors round alike. So the bytes equal
    those of one machine. The engine raises `ClusterFailed` for whatever the cluster cannot do.
    """
    if find_spec("distributed") is None:
        raise UnusableOption(text("cluster.not_installed", language))

    def run(job: Job, groups: Mapping[int, Sequence[Window]]) -> Iterator[tuple[int, Partial]]:
        with _quietly(), _connected(address, language) as client:
            try:
                _refuse_other_versions(client, address, language=language)
                yield from _results(client, job, groups=groups, language=language)
            except OSError as error:
                raise ClusterFailed(text("cluster.scheduler_lost", language)) from error

    return run


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep distributed from logging with a traceback what we say in a sentence."""
    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def _connected(address: str, language: Language) -> Iterator[Any]:
    """Connect to the scheduler for the time of a ``with`` block; wait for a first worker."""
    from distributed import Client  # noqa: PLC0415 (an extra, slow to load)

    client, reason = None, _no_answer(address)
    try:
        client = None if reason else Client(address, timeout=TIMEOUT_S, set_as_default=False)
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
    if client is None:
        # Outside of the handler: an error that outlives it would keep half a client alive, which
        # ends all clients of this process with it when it is cleared away at a bad moment.
        raise ClusterFailed(text("cluster.unreachable", language, address=address, reason=reason))
    with client:
        try:
            client.wait_for_workers(1, timeout=TIMEOUT_S)
        except TimeoutError as error:
            raise ClusterFailed(text("cluster.no_workers", language, address=address)) from error
        yield client


def _no_answer(address: str) -> str:
    """Return why nobody answers at an address, "" if somebody does; wait for one that starts."""
    try:
        where = urlsplit(address)
        scheme, host, port = where.scheme, where.hostname, where.port
    except ValueError as error:
        return str(error)[:200]
    if scheme not in SCHEMES or not host or not port:
        return f"{' | '.join(f'{name}://host:port' for name in SCHEMES)}"
    until = time.monotonic() + TIMEOUT_S
    while True:
        left = max(0.1, until - time.monotonic())
        try:
            socket.create_connection((host, port), timeout=left).close()
        except OSError as error:
            if time.monotonic() + PAUSE_S > until:
                return (error.strerror or str(error) or type(error).__name__)[:200]
            time.sleep(PAUSE_S)
        else:
            return ""


def _refuse_other_versions(client: Any, address: str, *, language: Language) -> None:
    """Refuse workers that could compute something else, and a scheduler that cannot pass it on."""

    def version() -> str:  # by value: a worker may have no sinks, or one without this module
        try:
            from sinks import __version__ as own  # noqa: PLC0415
        except ImportError:
            return "-"
        return own

    found_on = client.run(version, on_error="return")
    for worker, found in (found_on | {address: client.run_on_scheduler(version)}).items():
        if found != __version__:
            raise ClusterFailed(
                text(
                    "cluster.other_version", language, worker=worker, found=str(found)[:200],
                    own=__version__,
                )
            )  # fmt: skip


def _results(
    client: Any, job: Job, *, groups: Mapping[int, Sequence[Window]], language: Language
) -> Iterator[tuple[int, Partial]]:
    """Hand out all groups; yield their sums as they come."""
    done: queue.SimpleQueue[int] = queue.SimpleQueue()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of a large task: it is sent once
        shared = client.submit(_itself, job, pure=False)
    futures = {}
    files = _Files(job.sources)
    for i, windows in groups.items():
        futures[i] = client.submit(
            piece,
            shared,
            windows,
            version=__version__,
            prints=files.under(windows),
            retries=RETRIES,
            pure=False,
        )
        futures[i].add_done_callback(lambda _future, i=i: done.put(i))
    while futures:
        arrived = None
        try:
            arrived = done.get(timeout=PATIENCE_S)
            result = _result(futures[arrived], language)
        except (queue.Empty, TimeoutError):
            if not client.nthreads():
                raise ClusterFailed(text("cluster.workers_lost", language)) from None
            if arrived is not None:  # it was done, but lost before it came here
                done.put(arrived)
            continue
        del futures[arrived]  # so that the cluster does not keep it any longer
        yield arrived, result


def _result(future: Any, language: Language) -> Partial:
    """Return what a worker found, or raise what it met in words for the user.

    Raises
    ------
    TimeoutError
        If it is not to be had now.
    """
    try:
        error = future.exception(timeout=PATIENCE_S)
        if error is None:
            partial: Partial = future.result(timeout=PATIENCE_S)
            return partial
    except CancelledError as cancelled:
        raise ClusterFailed(text("cluster.scheduler_lost", language)) from cancelled
    if isinstance(error, UnreadableBlock):
        raise error
    if isinstance(error, OtherFile):
        host, path, reason = error.args
        key = "cluster.no_file" if reason else "cluster.other_file"
        raise ClusterFailed(text(key, language, host=host, path=path, reason=reason)) from error
    if isinstance(error, OtherVersion):
        worker, found = error.args
        message = text(
            "cluster.other_version", language, worker=worker, found=found, own=__version__
        )
        raise ClusterFailed(message) from error
    if type(error).__name__ == "KilledWorker":
        raise ClusterFailed(text("cluster.worker_killed", language)) from error
    reason = f"{type(error).__name__}: {error}"[:300]
    raise ClusterFailed(text("cluster.worker_failed", language, reason=reason)) from error


def _itself(job: Job) -> Job:
    return job


def piece(job: Job, windows: Sequence[Window], *, version: str, prints: Prints) -> Partial:
    """Sum some windows on a worker, if it has the same program and the same files.

    Raises
    ------
    OtherVersion, OtherFile
        If it has not.
    UnreadableBlock
        If a window cannot be read.
    """
    if version != __version__:
        raise OtherVersion(socket.gethostname(), __version__)
    for path, expected in prints.items():
        try:
            same = fingerprint(Path(path)) == expected
        except OSError as error:
            reason = error.strerror or str(error)
            raise OtherFile(socket.gethostname(), path, reason) from error
        if not same:
            raise OtherFile(socket.gethostname(), path, "")
    try:
        return sum_windows(job, windows)
    except UnreadableBlock as error:
        source, row, reason, not_whole = error.source, error.row, error.reason, error.not_whole
    # Alone: GDAL's errors that led to it cannot travel.
    raise UnreadableBlock(source, row, reason=reason, not_whole=not_whole)


class _Files:
    """The files of all years, and where they lie."""

    def __init__(self, sources: Sequence[RasterSource]) -> None:
        self.owners = [(source, tile) for source in sources for tile in source.tiles]
        self.boxes = np.array([tile.box for _, tile in self.owners], np.int64)

    def under(self, windows: Sequence[Window]) -> dict[str, tuple[int, str]]:
        """Return the fingerprints of the files that windows are read from."""
        found = {}
        row0, row1, col0, col1 = self.boxes.T
        hit = np.zeros(len(self.owners), bool)
        for first, last, left, right in windows:
            hit |= (row0 < last) & (row1 > first) & (col0 < right) & (col1 > left)
        for k in np.flatnonzero(hit).tolist():
            source, tile = self.owners[k]
            try:
                found[os.fspath(tile.path)] = fingerprint(tile.path)
            except OSError as error:  # it was there a moment ago
                raise UnreadableBlock(source, tile.row, reason=str(error)[:300]) from error
        return found


def fingerprint(path: Path) -> tuple[int, str]:
    """Return the size of a file and a digest of samples from all over it.

    A worker that has an old copy under the same path would compute, and compute something else.
    Reading all of every file on every worker would cost as much as the work itself.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    status = path.stat()
    return _digest(path, status.st_size, changed=status.st_mtime_ns)


@lru_cache(maxsize=4096)
def _digest(path: Path, size: int, *, changed: int) -> tuple[int, str]:  # noqa: ARG001 (a key)
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for i in range(SAMPLES):
            stream.seek(max(0, size - SAMPLE_BYTES) * i // (SAMPLES - 1))
            digest.update(stream.read(SAMPLE_BYTES))
    return size, digest.hexdigest()
