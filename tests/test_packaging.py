"""What a newcomer installs: the package, its lock, the environments and the READMEs agree."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from sinks import __version__
from tests.conftest import ROOT

#: What requirements.lock was resolved for; `stac` is left to those who fetch imagery.
LOCKED_EXTRAS = {"bench", "china", "distributed", "docs", "test"}
PYTHONS = ("3.11", "3.12", "3.13")
PLATFORMS = {
    "linux": {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"},
    "darwin": {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"},
    "win32": {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"},
}
DEMO = "python3 start.py demo"
TEST = "python3 start.py test"
READMES = ("README.md", "README.zh.md")


@cache
def project() -> dict[str, Any]:
    with (ROOT / "pyproject.toml").open("rb") as stream:
        table: dict[str, Any] = tomllib.load(stream)["project"]
    return table


@cache
def locked() -> list[tuple[Requirement, list[str]]]:
    """Return every pinned package of the lock with its hashes."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8").replace("\\\n", " ")
    entries = []
    for line in text.splitlines():
        requirement, *hashes = re.split(r"\s+--hash=", line.strip())
        entries.append((Requirement(requirement), hashes))
    return entries


def wanted() -> list[Requirement]:
    extras = project()["optional-dependencies"]
    lists = [project()["dependencies"], *(extras[name] for name in sorted(LOCKED_EXTRAS))]
    return [Requirement(line) for lines in lists for line in lines]


def marker_environment(python: str, platform: str) -> dict[str, str]:
    return {
        **PLATFORMS[platform],
        "python_version": python,
        "python_full_version": f"{python}.7",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "extra": "",
    }


def test_lock_pins_every_package_with_hashes() -> None:
    for requirement, hashes in locked():
        assert [spec.operator for spec in requirement.specifier] == ["=="], requirement
        assert hashes, f"{requirement} has no hash"
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", value) for value in hashes), requirement


def test_lock_names_no_host_and_no_path() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "/" not in text
    assert not re.search(r"^\s*-(?!-hash=)", text, flags=re.M)
    assert not [str(requirement) for requirement, _ in locked() if requirement.url]


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("platform", PLATFORMS)
def test_lock_satisfies_the_project(python: str, platform: str) -> None:
    environment = marker_environment(python, platform)
    pins: dict[str, Version] = {}
    for requirement, _ in locked():
        if requirement.marker is None or requirement.marker.evaluate(environment):
            name = canonicalize_name(requirement.name)
            assert name not in pins, f"{name} is pinned twice"
            pins[name] = Version(next(iter(requirement.specifier)).version)
    for requirement in wanted():
        name = canonicalize_name(requirement.name)
        assert name in pins, f"{name} is not in the lock: run `make lock`"
        assert requirement.specifier.contains(pins[name]), f"{requirement} against {pins[name]}"


def test_extras_are_the_promised_ones() -> None:
    extras = project()["optional-dependencies"]
    assert set(extras) == LOCKED_EXTRAS | {"stac"}
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert set(re.findall(r"--extra (\w+)", makefile)) == LOCKED_EXTRAS


def test_conda_environment_follows_the_project() -> None:
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    entries = [line.strip()[2:] for line in lines if line.strip().startswith("- ")]
    channel, python, pip, nested, lock = entries
    assert channel == "conda-forge"
    assert python == f"python {project()['requires-python']}"
    assert re.fullmatch(r"pip >=[\d.]+", pip)
    assert nested == "pip:"
    assert lock == "-r requirements.lock"


def test_supported_pythons_are_one_list() -> None:
    listed = [line.rpartition(" ")[2] for line in project()["classifiers"] if ":: 3." in line]
    assert tuple(listed) == PYTHONS
    assert project()["requires-python"] == ">=3.11,<3.14"
    start = (ROOT / "start.py").read_text(encoding="utf-8")
    assert "(3, 11) <= sys.version_info[:2] <= (3, 13)" in start


def test_wheel_holds_the_package_and_nothing_else(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="hatchling is not installed")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name == f"sinks-{__version__}-py3-none-any.whl"
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    present = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "sinks").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert packed == present


def fenced(readme: str) -> list[str]:
    """Return the code blocks of a README, with the language each is marked as."""
    text = (ROOT / readme).read_text(encoding="utf-8")
    return re.findall(r"^```(\w*\n.*?)^```", text, flags=re.S | re.M)


def headings(readme: str) -> list[str]:
    text = re.sub(r"^```.*?^```", "", (ROOT / readme).read_text("utf-8"), flags=re.S | re.M)
    return re.findall(r"^#+(?= )", text, flags=re.M)


def without_comments(block: str) -> str:
    lines = (re.sub(r"\s*#.*$", "", line) for line in block.splitlines())
    block = "\n".join(line for line in lines if line)
    return re.sub(r'^(title|language) = ".*"$', r"\1", block, flags=re.M)


def test_readmes_are_of_equal_rank() -> None:
    english, chinese = READMES
    assert headings(english) == headings(chinese)
    blocks = [[without_comments(block) for block in fenced(readme)] for readme in READMES]
    assert blocks[0] == blocks[1]
    rows = [
        len(re.findall(r"^\|", (ROOT / name).read_text("utf-8"), flags=re.M)) for name in READMES
    ]
    assert rows[0] == rows[1]


@pytest.mark.parametrize("readme", READMES)
def test_two_commands_do_everything(readme: str) -> None:
    commands = [line.strip() for block in fenced(readme) for line in block.splitlines()[1:]]
    assert DEMO in commands
    assert TEST in commands
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert re.search(rf"^{DEMO} ", ci, flags=re.M)
    assert re.search(rf"^{TEST} ", ci, flags=re.M)


@cache
def commands() -> frozenset[str]:
    """Return the names of the commands that `sinks --help` lists."""
    cli = pytest.importorskip("sinks.cli", reason="the command line is not there yet")
    group: Any = typer.main.get_command(cli.app)
    return frozenset(name for name, command in group.commands.items() if not command.hidden)


@pytest.mark.parametrize("readme", READMES)
def test_readme_lists_the_commands_there_are(readme: str) -> None:
    text = (ROOT / readme).read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `sinks (\w+)", text, flags=re.M))
    shown = commands()
    assert listed == shown
    mentioned = set(re.findall(r"`sinks ([a-z]+)", text))
    assert mentioned <= shown


@pytest.mark.parametrize("readme", [*READMES, "CHANGELOG.md", "SECURITY.md"])
def test_links_lead_somewhere(readme: str) -> None:
    text = (ROOT / readme).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)", text):
        if "://" not in target:
            assert (ROOT / target).exists(), target


def test_changelog_tells_changed_numbers_first() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    groups = re.findall(r"^### (.+)$", text, flags=re.M)
    assert groups[0] == "Numbers change"
    assert f"## {__version__}" in text
