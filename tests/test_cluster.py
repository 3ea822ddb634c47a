"""Many machines: a real scheduler and two workers on loopback give the bytes of one machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
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


class Cluster:
    """A scheduler and two workers, each a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.address = folder, ""
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def restore(self) -> None:
        """Start what is missing."""
        from distributed import Client

        if not self._alive("scheduler"):
            self.kill("first", "second")
            info = self.folder / "scheduler.json"
            info.unlink(missing_ok=True)
            self._start("scheduler", "--port", "0", "--scheduler-file", str(info))
            until = time.monotonic() + WAIT_S
            while not info.exists() and time.monotonic() < until:
                time.sleep(0.05)
            self.address = json.loads(info.read_text(encoding="utf-8"))["address"]
        for name in ("first", "second"):
            if not self._alive(name):
                own = ("--no-nanny", "--nthreads", "1", "--local-directory", str(self.folder))
                self._start(name, self.address, "--name", name, *own)
        with Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=WAIT_S)

    def kill(self, *names: str) -> None:
        """Kill processes, as a power cut would."""
        for name in names:
            if self._alive(name):
                self.processes[name].kill()
                self.processes[name].wait()

    def on_workers(self, function: Callable[[], None], *, first: bool = False) -> None:
        """Run a function on all workers, or on one."""
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            names = sorted(client.nthreads())
            client.run(function, workers=names[:1] if first else names)

    def _alive(self, name: str) -> bool:
        return name in self.processes and self.processes[name].poll() is None

    def _start(self, name: str, *arguments: str) -> None:
        program = "scheduler" if name == "scheduler" else "worker"
        command = [sys.executable, "-m", f"distributed.cli.dask_{program}", "--host", "127.0.0.1"]
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [*command, "--no-dashboard", *arguments], stdout=log, stderr=log,
                cwd=self.folder, env=os.environ | {"PYTHONPATH": str(ROOT)},
            )  # fmt: skip


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    found = Cluster(tmp_path_factory.mktemp("cluster"))
    yield found
    found.kill(*found.processes)


@pytest.fixture
def two_workers(processes: Cluster) -> Cluster:
    processes.restore()
    return processes


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
    assert len(parts) > 30
    assert parts[-1] == 1.0
    assert contents(tmp_path / "out") == alone


@needs_distributed
def test_workers_and_scheduler_are_lost(
    study: Path,
    alone: dict[str, bytes],
    two_workers: Cluster,
    tmp_path: Path,
    small_groups: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One of two: the other does its part. The scheduler, or both workers: it is said."""
    monkeypatch.setattr(module, "PATIENCE_S", 1)
    engine = cluster(two_workers.address, "en")

    def killing(name: str) -> Options:
        def run(job: Any, groups: Any) -> Iterator[Any]:
            for count, found in enumerate(engine(job, groups)):
                if count == 5:
                    two_workers.kill(name)
                yield found

        return options(run)

    run_study(study, tmp_path / "out", options=killing("first"))
    assert contents(tmp_path / "out") == alone
    with pytest.raises(ClusterFailed, match="lost all its workers") as caught:
        run_study(study, tmp_path / "lost", options=killing("second"))
    assert caught.value.exit_code == 3
    assert not (tmp_path / "lost" / "tables").exists()
    with monkeypatch.context() as short:
        short.setattr(module, "TIMEOUT_S", 1)
        with pytest.raises(ClusterFailed, match="has no workers"):
            run_study(study, tmp_path / "lost", options=options(engine))
    two_workers.restore()
    with pytest.raises(ClusterFailed, match="connection to the scheduler was lost"):
        run_study(study, tmp_path / "lost", options=killing("scheduler"))


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
    assert "The scheduler at tcp://127.0.0.1:9 does not answer" in said, "in the study's language"
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


def replacing(name: str, what: str) -> Callable[[], None]:
    """Return a function that replaces something in the program of a worker; it travels whole."""

    def replace() -> None:
        import sinks
        import sinks.cluster

        def no_file(path: Any) -> Any:
            raise FileNotFoundError(2, "No such file or directory", str(path))

        def another(path: Any) -> Any:
            return (1, "")

        value = {"no file": no_file, "another": another}.get(what, what)
        sinks.cluster.__dict__.setdefault("before", {})[name] = getattr(sinks.cluster, name)
        setattr(sinks.cluster, name, value)
        if name == "__version__":
            sinks.__version__ = value

    return replace


def mended() -> Callable[[], None]:
    """Return a function that puts back what `replacing` replaced."""

    def mend() -> None:
        import sinks
        import sinks.cluster

        for name, value in sinks.cluster.__dict__.pop("before", {}).items():
            setattr(sinks.cluster, name, value)
        sinks.__version__ = sinks.cluster.__version__

    return mend


@needs_distributed
@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("fingerprint", "no file", "cannot read .*\\.tif: No such file or directory"),
        ("fingerprint", "another", "sees another file under .*\\.tif"),
        ("__version__", "0.0.9", f"has sinks 0.0.9, this machine {__version__}"),
        ("sum_windows", "nothing", "could not do its part: TypeError"),
    ],
)
def test_workers_that_cannot_help(
    study: Path, two_workers: Cluster, tmp_path: Path, name: str, value: str, words: str
) -> None:
    """A clear message, exit code 3, and nothing published."""
    two_workers.on_workers(replacing(name, value))
    try:
        with pytest.raises(ClusterFailed, match=words) as caught:
            run_study(study, tmp_path / "out", options=options(cluster(two_workers.address, "en")))
    finally:
        two_workers.on_workers(mended())
    assert caught.value.exit_code == 3
    assert not (tmp_path / "out" / "manifest.json").exists()
    assert not (tmp_path / "out" / "tables").exists()


@needs_distributed
def test_one_worker_that_sees_nothing_is_done_without(
    study: Path, alone: dict[str, bytes], two_workers: Cluster, tmp_path: Path
) -> None:
    """Its part is tried again, and by the other."""
    two_workers.on_workers(replacing("fingerprint", "no file"), first=True)
    try:
        engine = cluster(two_workers.address, "en")
        run_study(study, tmp_path / "out", options=options(engine))
        assert contents(tmp_path / "out") == alone
    finally:
        two_workers.on_workers(mended())


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
        piece(job, [], version="0.0.1", prints={})
    assert version.value.args[1] == __version__
    with pytest.raises(OtherFile) as other:
        piece(job, [], version=__version__, prints={str(path): (104, "")})
    assert other.value.args[1:] == (str(path), "")
    with pytest.raises(OtherFile) as gone:
        piece(job, [], version=__version__, prints={str(tmp_path / "b.tif"): (104, "")})
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
