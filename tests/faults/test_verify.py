"""`sinks verify`: a results folder is what its run wrote, or each file that is not is named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sinks.errors import OutputFailed
from sinks.folder import files_in
from sinks.texts import LANGUAGES, Language
from sinks.verify import verify
from tests.faults.conftest import Driver
from tests.tiny import write_tiny

WORDS = {
    "missing": {"en": "missing", "zh": "缺失"},
    "changed": {"en": "changed", "zh": "内容已变"},
    "additional": {"en": "additional, not written by this run", "zh": "多出的文件"},
}


@pytest.fixture(scope="module", params=["zh"])
def finished(
    driver: Driver, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> tuple[Path, str]:
    """A finished run and its language."""
    folder = tmp_path_factory.mktemp("finished")
    study = write_tiny(folder, language=request.param)
    assert driver.run("run", study, "--out", folder / "out", "--only", "regions").code == 0
    return folder / "out", request.param


@pytest.fixture
def run(finished: tuple[Path, str], tmp_path: Path) -> tuple[Path, str]:
    """A copy of it that a test may spoil."""
    return Path(shutil.copytree(finished[0], tmp_path / "out")), finished[1]


def flip(path: Path) -> None:
    """Change one bit."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_whole_folder(driver: Driver, run: tuple[Path, str]) -> None:
    out, language = run
    done = driver.run("verify", out)
    assert done.code == 0, done.said
    assert str(len(files_in(out)) - 1) in done.said
    assert {"en": "as the manifest says", "zh": "一致"}[language] in done.said
    (out / "empty").mkdir()
    assert driver.run("verify", out).code == 0, "a folder without files holds nothing"


@pytest.mark.parametrize(
    ("name", "what", "harm"),
    [
        ("tables/stock.csv", "missing", Path.unlink),
        ("regions.gpkg", "missing", Path.unlink),
        ("problems.json", "missing", Path.unlink),
        ("tables/stock.csv", "changed", flip),
        ("regions.gpkg", "changed", flip),
        ("tables/regions.csv", "changed", lambda path: path.write_bytes(b"")),
        ("tables/regions.csv", "changed", lambda path: path.write_bytes(path.read_bytes() + b"\n")),
        ("tables/more.csv", "additional", lambda path: path.write_bytes(b"region_code\n")),
        ("notes.txt", "additional", lambda path: path.write_bytes(b"")),
        (".hidden", "additional", lambda path: path.write_bytes(b"")),
        ("rasters/a.tif", "additional", lambda path: path.write_bytes(b"II")),
        ("link", "additional", lambda path: path.symlink_to("/nowhere")),
    ],
)
def test_what_is_not_as_it_was_is_named(
    driver: Driver, run: tuple[Path, str], name: str, what: str, harm: Callable[[Path], object]
) -> None:
    out, language = run
    (out / name).parent.mkdir(exist_ok=True)
    harm(out / name)
    done = driver.run("verify", out)
    assert done.code == 3, done.said
    lines = done.said.splitlines()
    assert len(lines) == 2, "one file, and what to do"
    assert name in lines[0]
    assert WORDS[what][language] in lines[0]
    assert "--from-manifest" in lines[1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_in_the_language_of_the_run(run: tuple[Path, str], language: Language) -> None:
    path = run[0] / "manifest.json"
    meta = json.loads(path.read_text(encoding="utf-8"))
    meta["study"]["language"] = language
    path.write_text(json.dumps(meta), encoding="utf-8")
    assert str(len(meta["outputs"])) in verify(run[0])
    (run[0] / "problems.json").unlink()
    flip(run[0] / "regions.gpkg")
    (run[0] / "notes.txt").touch()
    with pytest.raises(OutputFailed) as raised:
        verify(run[0])
    assert raised.value.exit_code == 3
    assert all(words[language] in str(raised.value) for words in WORDS.values())


def test_all_are_named_at_once(driver: Driver, run: tuple[Path, str]) -> None:
    out, _ = run
    (out / "tables" / "stock.csv").unlink()
    flip(out / "tables" / "change.csv")
    (out / "tables" / "other.csv").write_bytes(b"")
    said = driver.run("verify", out).said
    assert len(said.splitlines()) == 4
    assert all(f"tables/{name}.csv" in said for name in ("stock", "change", "other"))


@pytest.mark.parametrize(
    "harm",
    [
        Path.unlink,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"[]"),
        lambda path: path.write_bytes(b"[" * 100_000),
        lambda path: path.write_bytes(b'{"study": {"language": "en"}, "outputs": {"../x": "y"}}'),
    ],
)
def test_without_its_manifest_there_is_no_run(
    driver: Driver, run: tuple[Path, str], harm: Callable[[Path], object]
) -> None:
    out, _ = run
    harm(out / "manifest.json")
    done = driver.run("verify", out)
    assert done.code == 3, done.said
    assert str(out) in done.said
    assert "Traceback" not in done.said


def test_a_folder_that_is_not_there(driver: Driver, tmp_path: Path) -> None:
    done = driver.run("verify", tmp_path / "nowhere")
    assert done.code == 3, done.said
    assert list(tmp_path.iterdir()) == []
