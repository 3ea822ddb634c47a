"""The output folder: complete or absent, whatever happens and whenever."""

from __future__ import annotations

import errno
import json
import os
import platform
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sinks import folder as module
from sinks.errors import FolderLocked, OutputFailed
from sinks.folder import (
    MANIFEST,
    OLD,
    READY,
    STAGING,
    clean,
    files_in,
    held,
    own_names,
    recover,
    replace_outputs,
    sha256_of,
    verify_outputs,
)
from sinks.lock import LOCK, refusal, refuse_locked
from sinks.texts import LANGUAGES, Language

META = {"sinks": "0", "study": {"language": "en"}}
OLD_RUN = {"tables/stock.csv": "old", "map.html": "old", "layers/a.png": "old"}
NEW_RUN = {"tables/stock.csv": "new", "tables/change.csv": "new", "map.html": "new"}


def publish(root: Path, files: dict[str, str], *, language: Language = "en") -> None:
    with held(root, language) as out:
        for name, content in files.items():
            path = out.staging / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        out.publish(META)


def state(root: Path) -> dict[str, str]:
    """Return every file but the manifest, with its content."""
    return {
        name: (root / name).read_text(encoding="utf-8")
        for name in files_in(root)
        if name != MANIFEST
    }


def hidden(root: Path) -> set[str]:
    return {path.name for path in root.iterdir() if path.name.startswith(".")}


def test_a_run_is_published_with_its_hashes(tmp_path: Path) -> None:
    publish(tmp_path / "out", OLD_RUN)
    assert state(tmp_path / "out") == OLD_RUN
    content = json.loads((tmp_path / "out" / MANIFEST).read_text(encoding="utf-8"))
    assert set(content) == {"sinks", "study", "outputs"}
    assert content["outputs"] == {
        name: sha256_of(tmp_path / "out" / name) for name in sorted(OLD_RUN)
    }
    assert verify_outputs(tmp_path / "out", "en") == 3
    assert hidden(tmp_path / "out") == set()


def test_a_rerun_replaces_what_a_run_wrote_and_nothing_else(tmp_path: Path) -> None:
    publish(tmp_path, OLD_RUN)
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    publish(tmp_path, NEW_RUN)
    assert state(tmp_path) == NEW_RUN | {"notes.txt": "mine"}
    assert not (tmp_path / "layers").exists()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ["tables/mine.csv", "map.html", "manifest.json"])
def test_what_is_not_ours_is_never_replaced(tmp_path: Path, name: str, language: Language) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("{}", encoding="utf-8")
    with pytest.raises(OutputFailed) as raised:
        publish(tmp_path, NEW_RUN, language=language)
    assert raised.value.exit_code == 3
    assert name.partition("/")[0] in str(raised.value)
    assert (tmp_path / name).read_text(encoding="utf-8") == "{}"
    assert hidden(tmp_path) == set()
    assert {path.name for path in tmp_path.iterdir()} == {name.partition("/")[0]}


@pytest.mark.parametrize(
    "manifest",
    [
        {"name": "web app", "outputs": {"map.html": "x"}},
        {"outputs": ["map.html"]},
        {"sinks": "0", "study": {}},
        [],
        "text",
    ],
)
def test_a_manifest_of_another_program_owns_nothing(tmp_path: Path, manifest: Any) -> None:
    (tmp_path / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    assert own_names(tmp_path) == set()


def test_names_that_lead_elsewhere_are_not_ours(tmp_path: Path) -> None:
    outputs = {"../a": "x", "/etc/passwd": "x", ".hidden": "x", "tables/a.csv": "x", "": "x"}
    (tmp_path / MANIFEST).write_text(json.dumps(META | {"outputs": outputs}), encoding="utf-8")
    assert own_names(tmp_path) == {"tables", MANIFEST}


# Killed at any moment


class Killed(BaseException):
    """Stands for the end of the process: nothing of ours catches it."""


@contextmanager
def killed_at(step: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Let `step` changes of the disk pass and end the process at the next."""
    count = [0]

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            if count[0] >= step:
                raise Killed
            count[0] += 1
            return call(*args, **kwargs)

        return wrapped

    with monkeypatch.context() as patch:
        for name in ("replace", "unlink", "mkdir"):
            patch.setattr(Path, name, counted(getattr(Path, name)))
        patch.setattr(module.shutil, "rmtree", counted(shutil.rmtree))
        yield count


def swap(root: Path, step: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Publish the new run over the old one, killed at `step`; return whether it came through."""
    staging = root / STAGING
    for name, content in NEW_RUN.items():
        (staging / name).parent.mkdir(parents=True, exist_ok=True)
        (staging / name).write_text(content, encoding="utf-8")
    with killed_at(step, monkeypatch):
        try:
            module.OutputFolder(root, "en").publish(META)
        except Killed:
            return False
    return True


def assert_sound(root: Path) -> None:
    """Where a manifest stands, the run that it speaks of is whole."""
    if (root / MANIFEST).exists():
        verify_outputs(root, "en")


def assert_complete(root: Path) -> str:
    """One run is whole and nothing of the other is left; return which."""
    verify_outputs(root, "en")
    assert hidden(root) == set()
    found = state(root)
    assert found in (OLD_RUN, NEW_RUN)
    return "old" if found == OLD_RUN else "new"


def test_a_swap_cut_off_anywhere_is_finished_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = []
    for step in range(100):
        root = tmp_path / str(step)
        publish(root, OLD_RUN)
        through = swap(root, step, monkeypatch)
        assert_sound(root)
        clean(root)
        ends.append(assert_complete(root))
        if through:
            break
    assert ends[0] == "old"
    assert ends[1:] == ["new"] * (len(ends) - 1), "from the first rename on it is the new run"
    # Rename to ready; move 4 old names; move 3 new ones; 3 removals and the folder of the old.
    assert len(ends) > 10


def test_a_first_run_cut_off_anywhere_is_absent_or_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in range(100):
        root = tmp_path / str(step)
        root.mkdir()
        through = swap(root, step, monkeypatch)
        assert_sound(root)
        clean(root)
        if step:
            assert assert_complete(root) == "new"
        else:
            assert files_in(root) == []
        if through:
            return
    pytest.fail("the swap never ends")


def test_even_the_cleaning_may_be_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for first in range(1, 14, 3):
        for second in range(0, 10, 2):
            root = tmp_path / f"{first}-{second}"
            publish(root, OLD_RUN)
            swap(root, first, monkeypatch)
            with killed_at(second, monkeypatch), suppressed():
                clean(root)
            assert_sound(root)
            clean(root)
            assert assert_complete(root) == "new"


@contextmanager
def suppressed() -> Iterator[None]:
    try:
        yield
    except Killed:
        return


def test_leftovers_of_a_killed_run_are_cleaned_by_the_next(tmp_path: Path) -> None:
    publish(tmp_path, OLD_RUN)
    for name in (STAGING, OLD):
        (tmp_path / name).mkdir()
        (tmp_path / name / "half.csv").write_text("half", encoding="utf-8")
    with held(tmp_path, "en") as folder:
        assert not list(folder.staging.iterdir())
        assert not (tmp_path / OLD).exists()
    assert state(tmp_path) == OLD_RUN
    assert hidden(tmp_path) == set()
    assert not (tmp_path / READY).exists()


@pytest.mark.parametrize("name", [STAGING, READY, OLD])
def test_a_link_in_our_place_is_not_followed(tmp_path: Path, name: str) -> None:
    """A results folder from elsewhere may hold links: nothing is written or moved through them."""
    elsewhere, root = tmp_path / "elsewhere", tmp_path / "out"
    publish(elsewhere, NEW_RUN)
    before = state(elsewhere)
    publish(root, OLD_RUN)
    (root / name).symlink_to(elsewhere, target_is_directory=True)
    recover(root, "en")
    assert state(root).items() >= OLD_RUN.items()
    publish(root, NEW_RUN)
    assert state(elsewhere) == before
    assert assert_complete(root) == "new"


# Errors


def test_one_run_at_a_time(tmp_path: Path) -> None:
    publish(tmp_path, OLD_RUN)
    with held(tmp_path, "en"), pytest.raises(FolderLocked) as raised, held(tmp_path, "en"):
        pytest.fail("two runs hold one folder")
    assert raised.value.exit_code == 4
    assert str(tmp_path) in str(raised.value)
    assert f"process {os.getpid()} on {platform.node()}" in str(raised.value)
    assert not (tmp_path / LOCK).exists()
    publish(tmp_path, NEW_RUN)


@pytest.mark.parametrize("content", ["", "4194305\ngone\n", "no number", "1\n"])
def test_a_lock_file_that_nobody_holds_is_no_obstacle(tmp_path: Path, content: str) -> None:
    (tmp_path / LOCK).write_text(content, encoding="utf-8")
    refuse_locked(tmp_path, "en")
    publish(tmp_path, NEW_RUN)
    assert not (tmp_path / LOCK).exists()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("content", [b"", b"x\n", b"\xff\xfe", b"1\n" + b"n" * 9999])
def test_whatever_stands_in_the_lock_file_the_refusal_is_short(
    tmp_path: Path, content: bytes, language: Language
) -> None:
    (tmp_path / LOCK).write_bytes(content)
    said = str(refusal(tmp_path, language))
    assert str(tmp_path) in said
    assert len(said) < len(str(tmp_path)) + 250


def test_a_folder_made_for_nothing_is_taken_away(tmp_path: Path) -> None:
    root = tmp_path / "new" / "deeper" / "out"
    with pytest.raises(OutputFailed):
        fill_the_disk(root)
    assert list(tmp_path.iterdir()) == []
    kept = tmp_path / "kept"
    kept.mkdir()
    with pytest.raises(OutputFailed):
        fill_the_disk(kept / "out")
    assert list(tmp_path.iterdir()) == [kept]


def fill_the_disk(root: Path) -> None:
    with held(root, "en") as out:
        (out.staging / "half.csv").write_text("half", encoding="utf-8")
        raise OSError(errno.ENOSPC, "No space left on device")


def test_an_error_leaves_the_run_before(tmp_path: Path) -> None:
    publish(tmp_path, OLD_RUN)
    with pytest.raises(OutputFailed, match="No space left"):
        fill_the_disk(tmp_path)
    assert assert_complete(tmp_path) == "old"


def test_a_file_for_a_folder_is_an_input_output_error(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("", encoding="utf-8")
    with pytest.raises(OutputFailed), held(tmp_path / "out", "en"):
        pytest.fail("a file was taken for a folder")


def test_what_does_not_read_back_is_not_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(tmp_path, OLD_RUN)
    real, seen = module.sha256_of, set()

    def failing_disk(path: Path) -> str:
        again = path in seen
        seen.add(path)
        return "0" * 64 if again and path.name == "map.html" else real(path)

    monkeypatch.setattr(module, "sha256_of", failing_disk)
    with pytest.raises(OutputFailed, match=r"map\.html does not read back"):
        publish(tmp_path, NEW_RUN)
    monkeypatch.undo()
    assert assert_complete(tmp_path) == "old"


@pytest.mark.parametrize("language", LANGUAGES)
def test_verify_names_what_differs(tmp_path: Path, language: Language) -> None:
    publish(tmp_path, OLD_RUN)
    (tmp_path / "map.html").write_text("changed", encoding="utf-8")
    (tmp_path / "layers" / "a.png").unlink()
    with pytest.raises(OutputFailed) as raised:
        verify_outputs(tmp_path, language)
    lines = str(raised.value).splitlines()
    assert len(lines) == 2
    words = {"en": ("changed", "missing"), "zh": ("内容已变", "缺失")}[language]
    for name, word in zip(("map.html", "layers/a.png"), words, strict=True):
        assert [line for line in lines if name in line and word in line], name


def test_one_output_is_written_anew(tmp_path: Path) -> None:
    publish(tmp_path, OLD_RUN)
    (tmp_path / "map.html").unlink()

    def write(folder: Path) -> None:
        (folder / "map.html").write_text("newer", encoding="utf-8")

    replace_outputs(tmp_path, ["map.html"], write=write, language="en")
    assert state(tmp_path) == OLD_RUN | {"map.html": "newer"}
    assert verify_outputs(tmp_path, "en") == 3


def test_a_changed_table_is_never_vouched_for_anew(tmp_path: Path) -> None:
    publish(tmp_path, OLD_RUN)
    (tmp_path / "tables" / "stock.csv").write_text("better", encoding="utf-8")
    with pytest.raises(OutputFailed, match=r"tables/stock\.csv"):
        replace_outputs(tmp_path, ["map.html"], write=lambda _: None, language="en")
    assert (tmp_path / "map.html").read_text(encoding="utf-8") == "old"
