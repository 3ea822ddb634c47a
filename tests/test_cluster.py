"""Many machines: a real scheduler and two workers on loopback give the bytes of one machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from sinks import __version__, windows
from sinks import cluster as module
from sinks.cli import run_command
from sinks.cluster import OtherFile, OtherVersion, cluster, fingerprint, piece
from sinks.errors import ClusterFailed, InputProblems, UnusableOption
from sinks.run import Options, run_study
from tests.conftest import ROOT
from tests.patchwork import contents, cut, patches, write_patchwork

needs_distributed = pytest.mark.skipif(
    find_spec("distributed") is None, reason="the extra `distributed` is not installed"
)
SIZE = 300
#: Strips and groups so small that there are some dozens of them.
STRIP_BYTES, GROUP_BYTES = 8_000, 12_000
WAIT_S = 60


@dataclass
class Cluster:
    """A scheduler and its workers, each a process of its own."""

    address: str
    scheduler: subprocess.Popen[bytes]
    workers: list[subprocess.Popen[bytes]]

    def on_workers(self, function: Callable[..., Any], *arguments: Any, first: bool = False) -> Any:
        """Run a function on all workers, or on one."""
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            names = sorted(client.scheduler_info()["workers"])
            return client.run(function, *arguments, workers=names[:1] if first else names)


@contextmanager
def started(folder: Path, workers: int = 2) -> Iterator[Cluster]:
    """Start a cluster for the time of a ``with`` block."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "DASK_DISTRIBUTED__WORKER__DAEMON": "0"}
    info = folder / "scheduler.json"
    processes = []

    def start(name: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.dask_{name}", "--host", "127.0.0.1"]
        with (folder / f"{name}-{len(processes)}.log").open("wb") as log:
            process = subprocess.Popen(
                [*command, "--no-dashboard", *arguments],
                env=environment, stdout=log, stderr=log, cwd=folder,
            )  # fmt: skip
        processes.append(process)
        return process

    try:
        scheduler = start("scheduler", "--port", "0", "--scheduler-file", str(info))
        until = time.monotonic() + WAIT_S
        while not info.exists() and time.monotonic() < until:
            time.sleep(0.05)
        address = json.loads(info.read_text(encoding="utf-8"))["address"]
        own = ("--no-nanny", "--nthreads", "1", "--local-directory", str(folder))
        started = [start("worker", address, *own) for _ in range(workers)]
        if workers:
            from distributed import Client

            with Client(address, set_as_default=False) as client:
                client.wait_for_workers(workers, timeout=WAIT_S)
        yield Cluster(address, scheduler, started)
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with started(tmp_path_factory.mktemp("cluster")) as found:
        yield found


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a study of which one year is in tiles."""
    folder = tmp_path_factory.mktemp("study")
    tiles = cut(folder, patches(2010), rows=(0, 140, SIZE), cols=(0, 100, SIZE))
    whole = cut(folder, patches(2015), rows=(0, SIZE), cols=(0, SIZE), name="whole")[0]
    return write_patchwork(folder, {2010: tiles, 2015: whole})


@pytest.fixture(scope="module")
def alone(study: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return every output of the run on this machine."""
    out = tmp_path_factory.mktemp("alone") / "out"
    return contents(run_study(study, out, options=Options(parts=("regions",))).root)


@pytest.fixture
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "GROUP_BYTES", GROUP_BYTES)


def options(engine: Any, **more: Any) -> Options:
    return Options(parts=("regions",), engine=engine, strip_bytes=STRIP_BYTES, **more)


def exit_code(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["sinks", *arguments])
    return run_command()


# The same bytes


@needs_distributed
def test_the_command_on_a_cluster(
    study: Path, alone: dict[str, bytes], two_workers: Cluster, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "sinks", "run", str(study), "--out", str(tmp_path / "out")]
    command += ["--only", "tables,regions", "--scheduler", two_workers.address]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    assert "distributed" not in done.stderr.lower(), "no log of another program"
    assert contents(tmp_path / "out") == alone


@needs_distributed
def test_many_small_groups(
    study: Path, alone: dict[str, bytes], two_workers: Cluster, tmp_path: Path, small_groups: None
) -> None:
    parts: list[float] = []
    told = options(
        cluster(two_workers.address, "en"),
        progress=lambda stage, part: parts.append(part) if stage == "areas" else None,
    )
    run_study(study, tmp_path / "out", options=told)
    assert len(parts) > 40
    assert parts[-1] == 1.0
    assert contents(tmp_path / "out") == alone


@needs_distributed
def test_workers_and_scheduler_are_lost(
    study: Path,
    alone: dict[str, bytes],
    tmp_path: Path,
    small_groups: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One of two: the other does its part. Both: it is said. The scheduler: it is said."""
    monkeypatch.setattr(module, "PATIENCE_S", 1)
    monkeypatch.setattr(module, "TIMEOUT_S", 5)

    def killing(process: subprocess.Popen[bytes], engine: Any) -> Any:
        def run(job: Any, groups: Any) -> Iterator[Any]:
            for count, found in enumerate(engine(job, groups)):
                if count == 5:
                    process.kill()
                    process.wait()
                yield found

        return run

    with started(tmp_path / "first") as found:
        engine = cluster(found.address, "en")
        run_study(study, tmp_path / "out", options=options(killing(found.workers[0], engine)))
        assert contents(tmp_path / "out") == alone
        assert [worker.poll() is None for worker in found.workers] == [False, True]
        with pytest.raises(ClusterFailed, match="lost all its workers") as caught:
            run_study(study, tmp_path / "lost", options=options(killing(found.workers[1], engine)))
        assert caught.value.exit_code == 3
        assert not (tmp_path / "lost" / "tables").exists()
        with pytest.raises(ClusterFailed, match="has no workers"):
            run_study(study, tmp_path / "none", options=options(engine))
    with started(tmp_path / "second") as found:
        engine = cluster(found.address, "en")
        with pytest.raises(ClusterFailed, match="connection to the scheduler was lost"):
            run_study(study, tmp_path / "lost", options=options(killing(found.scheduler, engine)))


# Refused


@needs_distributed
def test_no_scheduler_answers(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "TIMEOUT_S", 1)
    out = tmp_path / "out"
    arguments = ("run", str(study), "--out", str(out), "--scheduler", "tcp://127.0.0.1:9")
    assert exit_code(monkeypatch, *arguments) == 3
    said = capsys.readouterr().err
    assert "The scheduler at tcp://127.0.0.1:9 does not answer" in said
    assert "Traceback" not in said
    assert not (out / "manifest.json").exists()
    for address in ("nonsense", "tcp://127.0.0.1", "ftp://127.0.0.1:1"):
        with pytest.raises(ClusterFailed, match="does not answer"):
            run_study(study, out, options=options(cluster(address, "en")))


def test_the_extra_is_not_installed(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "find_spec", lambda _name: None)
    with pytest.raises(UnusableOption, match=r"sinks\[distributed\]"):
        cluster("tcp://127.0.0.1:1", "en")
    arguments = ("run", str(study), "--out", str(tmp_path / "out"), "--scheduler", "tcp://x:1")
    assert exit_code(monkeypatch, *arguments) == 2
    assert "pip install 'sinks[distributed]'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def set_on_worker(name: str, value: Any) -> None:
    """Replace something in the module on a worker."""
    import sinks
    import sinks.cluster

    if name == "__version__":
        sinks.__version__ = value
    setattr(sinks.cluster, name, value)


def no_file(path: Path) -> tuple[int, str]:
    raise FileNotFoundError(2, "No such file or directory", str(path))


def another(path: Path) -> tuple[int, str]:
    return (1, "")


@needs_distributed
@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("fingerprint", no_file, "cannot read .*\\.tif: No such file or directory"),
        ("fingerprint", another, "sees another file under .*\\.tif"),
        ("__version__", "0.0.9", f"has sinks 0.0.9, this machine {__version__}"),
        ("sum_windows", None, "could not do its part: TypeError"),
    ],
)
def test_workers_that_cannot_help(
    study: Path, two_workers: Cluster, tmp_path: Path, name: str, value: Any, words: str
) -> None:
    """A clear message, exit code 3, and nothing published."""
    before = getattr(module, name)
    two_workers.on_workers(set_on_worker, name, value)
    try:
        with pytest.raises(ClusterFailed, match=words) as caught:
            run_study(study, tmp_path / "out", options=options(cluster(two_workers.address, "en")))
    finally:
        two_workers.on_workers(set_on_worker, name, before)
    assert caught.value.exit_code == 3
    assert not (tmp_path / "out" / "manifest.json").exists()
    assert not (tmp_path / "out" / "tables").exists()


@needs_distributed
def test_one_worker_that_sees_nothing_is_done_without(
    study: Path, alone: dict[str, bytes], two_workers: Cluster, tmp_path: Path
) -> None:
    """Its part is tried again, and by the other."""
    two_workers.on_workers(set_on_worker, "fingerprint", no_file, first=True)
    try:
        engine = cluster(two_workers.address, "en")
        run_study(study, tmp_path / "out", options=options(engine))
    except ClusterFailed as error:
        assert "cannot read" in str(error)
    else:
        assert contents(tmp_path / "out") == alone
    finally:
        two_workers.on_workers(set_on_worker, "fingerprint", fingerprint)


@needs_distributed
def test_damage_is_told_as_on_one_machine(two_workers: Cluster, tmp_path: Path) -> None:
    rows = (0, 130, SIZE)
    tiles = cut(tmp_path, patches(2010), rows=rows, cols=(0, SIZE), compress="deflate")
    study = write_patchwork(tmp_path, {2010: tiles, 2015: "lc2015.tif"})
    cut(tmp_path, patches(2015), rows=(0, SIZE), cols=(0, SIZE), name="lc2015")
    (tmp_path / "lc2015-0-0.tif").rename(tmp_path / "lc2015.tif")
    path = tmp_path / tiles[1]
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(content[:middle] + b"\xff" * 500 + content[middle + 500 :])
    said = []
    for engine in (None, cluster(two_workers.address, "en")):
        with pytest.raises(InputProblems) as caught:
            run_study(study, tmp_path / "out", options=options(engine))
        said.append([problem.as_dict() for problem in caught.value.problems])
    assert said[0] == said[1]
    assert "raster.unreadable_block" in {problem["code"] for problem in said[0]}


# Pieces of work


def test_a_piece_is_done_only_by_the_same_program_on_the_same_files(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(b"II*\0" + bytes(100))
    job: Any = None
    with pytest.raises(OtherVersion) as version:
        piece("0.0.1", {}, job, [])
    assert version.value.args[1] == __version__
    with pytest.raises(OtherFile) as other:
        piece(__version__, {str(path): (104, "")}, job, [])
    assert other.value.args[1:] == (str(path), "")
    with pytest.raises(OtherFile) as gone:
        piece(__version__, {str(tmp_path / "b.tif"): (104, "")}, job, [])
    assert gone.value.args[1:] == (str(tmp_path / "b.tif"), "No such file or directory")


@pytest.mark.parametrize("size", [0, 1, 4096, 5000, 1_000_000])
def test_fingerprints_tell_files_apart(tmp_path: Path, size: int) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(content[:size])
    two.write_bytes(content[:size])
    assert fingerprint(one) == fingerprint(two)
    for changed in (content[: size + 1], b"\xff" + content[1:size], content[: size - 1] + b"\xee"):
        two.write_bytes(changed)
        if changed != content[:size]:
            assert fingerprint(one) != fingerprint(two)


def test_nothing_else_loads_the_extra() -> None:
    code = (
        "import sys, sinks, sinks.cli, sinks.run, sinks.execution, sinks.cluster\n"
        "assert not {'dask', 'distributed', 'tornado'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
