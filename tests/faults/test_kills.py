"""kill −9 of a real process at any moment: the folder holds one complete run, old or new."""

from __future__ import annotations

import json
import math
import random
import shutil
from pathlib import Path

import pytest

from sinks.folder import MANIFEST, READY, files_in, held, verify_outputs
from sinks.lock import LOCK
from sinks.results import Results
from tests.faults.conftest import Driver
from tests.tiny import DENSITY, target, write_study, write_tiny

KILLED = -9
KILLS = 6
#: Changes of the disk between one kill and the next.
STEP = 6


class Pair:
    """Two studies that differ in one number, and a complete run of each."""

    def __init__(self, folder: Path, driver: Driver, *more: str) -> None:
        write_tiny(folder)
        (folder / "more.csv").write_text(DENSITY.replace("2015,44", "2015,45"), encoding="utf-8")
        self.studies, self.runs, self.seconds = {}, {}, math.inf
        for name, table in (("old", "density.csv"), ("new", "more.csv")):
            study = write_study(
                folder, density=f'table = "{table}"', targets=[target(pools=["agb"])]
            )
            self.studies[name] = study.rename(folder / f"{name}.toml")
            self.runs[name] = folder / name
            ended = driver.run("run", self.studies[name], "--out", self.runs[name], *more)
            assert ended.code == 0, ended.said
            self.seconds = min(self.seconds, ended.seconds)
        assert outputs(self.runs["old"]) != outputs(self.runs["new"])

    def which(self, out: Path) -> str:
        """Return which of the runs a folder holds, whole and with nothing else in sight."""
        verify_outputs(out, "en")
        seen = {name for name in files_in(out) if not name.startswith(".")}
        assert seen == {*outputs(out), MANIFEST}
        (found,) = [name for name, run in self.runs.items() if outputs(run) == outputs(out)]
        return found


def outputs(out: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads((out / MANIFEST).read_text(encoding="utf-8"))["outputs"]
    return found


def hidden(out: Path) -> set[str]:
    return {path.name for path in out.iterdir() if path.name.startswith(".")}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, driver: Driver) -> Pair:
    return Pair(tmp_path_factory.mktemp("pair"), driver)


@pytest.fixture
def out(pair: Pair, tmp_path: Path) -> Path:
    """A folder with a complete run of the old study."""
    return Path(shutil.copytree(pair.runs["old"], tmp_path / "out"))


def test_killed_at_random_moments(driver: Driver, tmp_path: Path) -> None:
    """Each kill strikes a run of the study that does not stand in the folder."""
    light = ("--only", "tables,regions")
    pair = Pair(tmp_path / "pair", driver, *light)
    out = Path(shutil.copytree(pair.runs["old"], tmp_path / "out"))
    moments, stands, killed = random.Random(20101231), "old", 0
    for _ in range(KILLS):
        other = "new" if stands == "old" else "old"
        moment = moments.uniform(0, 0.95) * pair.seconds
        ended = driver.run("run", pair.studies[other], "--out", out, *light, kill_after=moment)
        assert ended.code in (0, KILLED), ended.said
        killed += ended.code == KILLED
        assert Results.open(out).years == [2010, 2015]
        stands = pair.which(out)
        assert ended.code == KILLED or stands == other
    assert killed, "most end in time only on a machine that just became idle"
    assert driver.run("run", pair.studies["old"], "--out", out, *light).code == 0
    assert (pair.which(out), hidden(out)) == ("old", set())


def test_killed_before_any_change_of_the_disk(pair: Pair, driver: Driver, tmp_path: Path) -> None:
    """Step by step through one run, from the first folder to the last file taken away."""
    for step in range(0, 400, STEP):
        out = Path(shutil.copytree(pair.runs["old"], tmp_path / str(step)))
        words = ("run", pair.studies["new"], "--out", out, "--only", "tables")
        ended = driver.run(*words, disk=step, folder=str(out))
        if ended.code == 0:
            break
        assert ended.code == KILLED, ended.said
        Results.open(out)
        verify_outputs(out, "en")
        with held(out, "en"):
            pass
        assert hidden(out) == set(), "the next run cleans up"
    assert step > 30, "few changes were seen"


@pytest.mark.parametrize("place", ["compute", "write", "publish"])
def test_killed_before_the_first_rename_nothing_is_changed(
    pair: Pair, driver: Driver, out: Path, place: str
) -> None:
    words = ("run", pair.studies["new"], "--out", out, "--only", "tables")
    assert driver.run(*words, when=[place, 0], act="kill").code == KILLED
    assert hidden(out) == {".sinks-staging", LOCK}
    assert pair.which(out) == "old"
    assert driver.run("verify", out).code == 0
    assert driver.run(*words, when=["publish", 0], act="interrupt").code == 130
    assert hidden(out) == set(), "the next run cleans up"


@pytest.mark.parametrize(
    ("rename", "command"),
    [(1, "verify"), (4, "map"), (9, "report"), (13, "explain"), (16, "run")],
)
def test_killed_while_it_is_put_in_place_the_next_command_finishes(
    pair: Pair, driver: Driver, out: Path, rename: int, command: str
) -> None:
    ended = driver.run("run", pair.studies["new"], "--out", out, when=["swap", rename], act="kill")
    assert ended.code == KILLED
    assert (out / READY).is_dir()
    words = {
        "run": [pair.studies["new"], "--out", out, "--only", "tables"],
        "explain": [out, "0101"],
    }
    ended = driver.run(command, *words.get(command, [out]))
    assert ended.code == 0, ended.said
    assert hidden(out) == set()
    if command != "run":
        assert pair.which(out) == "new"


def test_killed_while_the_old_run_is_removed(pair: Pair, driver: Driver, out: Path) -> None:
    words = ("run", pair.studies["new"], "--out", out)
    names = len({name.partition("/")[0] for name in outputs(out)}) + 1
    # Before a name moves aside, what may be in its way is removed: one call for each.
    ended = driver.run(*words, when=["remove", names + 3], act="kill")
    assert ended.code == KILLED
    assert pair.which(out) == "new"
    assert driver.run("verify", out).code == 0
    assert hidden(out) <= {".sinks-old", LOCK}
