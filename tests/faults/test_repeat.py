"""`sinks run --from-manifest`: the same study on the same inputs, or a refusal; the same bytes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults.conftest import Driver
from tests.patchwork import contents
from tests.tiny import target, write_tiny

WORDS = {
    "same": {"en": "are the same, to the byte", "zh": "逐字节相同"},
    "differ": {"en": "not those of the run that is to be repeated", "zh": "与要重做的那次运行不同"},
    "missing": {"en": "no such file there", "zh": "该处没有此文件"},
}


@pytest.fixture(scope="module", params=["zh"])
def finished(
    driver: Driver, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> tuple[Path, str]:
    """A study with a finished run in `out` beside it, and its language."""
    folder = tmp_path_factory.mktemp("finished")
    study = write_tiny(folder, targets=[target(pools=["agb"])], language=request.param)
    done = driver.run("run", study, "--out", folder / "out", "--only", "tables,regions")
    assert done.code == 0, done.said
    return folder, request.param


@pytest.fixture
def folder(finished: tuple[Path, str], tmp_path: Path) -> Path:
    """A copy of it that a test may spoil."""
    return Path(shutil.copytree(finished[0], tmp_path / "copy"))


@pytest.fixture
def language(finished: tuple[Path, str]) -> str:
    return finished[1]


def manifest_of(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "out" / "manifest.json").read_bytes())
    return content


def test_the_same_inputs_give_the_same_bytes(driver: Driver, folder: Path, language: str) -> None:
    """The study file need not be there any more: the manifest holds it."""
    (folder / "study.toml").unlink()
    done = driver.run("run", "--from-manifest", folder / "out/manifest.json", "--out", folder / "b")
    assert done.code == 0, done.said
    assert WORDS["same"][language] in done.said
    assert contents(folder / "b") == contents(folder / "out")


def test_a_repeated_run_can_be_repeated(driver: Driver, folder: Path) -> None:
    words = ("run", f"--from-manifest={folder / 'out/manifest.json'}")
    assert driver.run(*words, "--out", folder / "deeper" / "b", "--workers", 2).code == 0
    again = ("run", "--from-manifest", folder / "deeper/b/manifest.json", "--out", folder / "out")
    assert driver.run(*again).code == 0
    assert contents(folder / "deeper" / "b") == contents(folder / "out")


def test_results_sent_to_another_place(
    driver: Driver, folder: Path, tmp_path: Path, language: str
) -> None:
    """An assessor has the results in one folder, the inputs in another: where the command runs."""
    sent = Path(shutil.copytree(folder / "out", tmp_path / "inbox"))
    inputs = Path(shutil.copytree(folder, tmp_path / "inputs"))
    shutil.rmtree(folder)
    words = ("run", "--from-manifest", sent / "manifest.json", "--out", tmp_path / "check")
    lost = driver.run(*words, cwd=str(tmp_path))
    assert lost.code == 2, lost.said
    assert WORDS["missing"][language] in lost.said
    assert all(name in lost.said for name in ("lc2010.tif", "counties.gpkg", "density.csv"))
    assert not (tmp_path / "check").exists()
    done = driver.run(*words, cwd=str(inputs))
    assert done.code == 0, done.said
    assert contents(tmp_path / "check") == contents(sent)


@pytest.mark.parametrize("name", ["lc2015.tif", "counties.gpkg", "density.csv", "legend.csv"])
def test_an_input_that_differs_is_refused(
    driver: Driver, folder: Path, name: str, language: str
) -> None:
    path = folder / name
    path.write_bytes(path.read_bytes() + b"\n")
    before = contents(folder / "out")
    words = ("run", "--from-manifest", folder / "out/manifest.json", "--out", folder / "out")
    done = driver.run(*words)
    assert done.code == 5, done.said
    assert name in done.said
    assert WORDS["differ"][language] in done.said
    assert contents(folder / "out") == before


def test_refusals_in_english(driver: Driver, tmp_path: Path) -> None:
    study = write_tiny(tmp_path, language="en")
    assert driver.run("run", study, "--out", tmp_path / "out", "--only", "tables").code == 0
    words = ("run", "--from-manifest", tmp_path / "out/manifest.json", "--out", tmp_path / "b")
    assert WORDS["same"]["en"] in driver.run(*words).said
    (tmp_path / "density.csv").write_bytes(b"")
    refused = driver.run(*words)
    assert (refused.code, WORDS["differ"]["en"] in refused.said) == (5, True), refused.said
    (tmp_path / "density.csv").unlink()
    refused = driver.run(*words)
    assert (refused.code, WORDS["missing"]["en"] in refused.said) == (2, True), refused.said


def test_another_study_file_does_not_matter(driver: Driver, folder: Path) -> None:
    """What is repeated is the run, not what became of its study file."""
    (folder / "study.toml").write_text("[study]\n", encoding="utf-8")
    words = ("run", "--from-manifest", folder / "out/manifest.json", "--out", folder / "b")
    assert driver.run(*words).code == 0
    assert contents(folder / "b") == contents(folder / "out")


def test_files_that_differ_are_told_with_the_versions(
    driver: Driver, folder: Path, language: str
) -> None:
    """A run of another version cannot be expected to give the same bytes; it is said which."""
    meta = manifest_of(folder)
    meta["outputs"]["tables/stock.csv"] = "0" * 64
    meta["versions"]["numpy"] = "1.0.0"
    (folder / "out" / "manifest.json").write_text(json.dumps(meta), encoding="utf-8")
    words = ("run", "--from-manifest", folder / "out/manifest.json", "--out", folder / "b")
    done = driver.run(*words)
    assert done.code == 0, done.said
    assert WORDS["same"][language] not in done.said
    assert "tables/stock.csv" in done.said
    assert "numpy 1.0.0 → " in done.said


def edited(**keys: Any) -> Callable[[dict[str, Any]], object]:
    return lambda meta: meta.update(keys)


@pytest.mark.parametrize(
    "edit",
    [
        dict.clear,
        edited(study_file={"name": "study.toml", "text": "[study]\nname = 'other'\n"}),
        edited(study_file={"name": "../study.toml", "text": ""}),
        edited(study_file=None),
        edited(inputs=None),
        edited(inputs=[{"path": 3, "sha256": "x"}]),
        edited(outputs=[]),
        edited(run={}),
        edited(versions="1"),
    ],
)
def test_what_is_no_manifest_of_ours_is_refused(
    driver: Driver, folder: Path, edit: Callable[[dict[str, Any]], object]
) -> None:
    meta = manifest_of(folder)
    edit(meta)
    path = folder / "edited.json"
    path.write_text(json.dumps(meta), encoding="utf-8")
    done = driver.run("run", "--from-manifest", path, "--out", folder / "b")
    assert done.code == 2, done.said
    assert "edited.json" in done.said
    assert "Traceback" not in done.said
    assert not (folder / "b").exists()


@pytest.mark.parametrize("name", ["nowhere.json", "out", "density.csv"])
def test_what_is_no_file_of_the_kind_is_refused(driver: Driver, folder: Path, name: str) -> None:
    done = driver.run("run", "--from-manifest", folder / name, "--out", folder / "b")
    assert done.code == 2, done.said
    assert name in done.said
    assert not (folder / "b").exists()


def test_parts_are_those_of_the_run(driver: Driver, folder: Path) -> None:
    done = driver.run(
        "run", "--from-manifest", folder / "out/manifest.json", "--out", folder / "b",
        "--only", "tables",
    )  # fmt: skip
    assert done.code == 2, "what is written is what was written"
    assert "--only" in done.said
