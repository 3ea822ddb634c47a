"""Every bad input gets the answer that a careful analyst would want, and nothing is written."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest

from sinks.checks import Problem, Problems, Severity
from sinks.errors import InputProblems
from sinks.run import Options, check_study, run_study
from sinks.texts import LANGUAGES
from tests.hostile import (  # noqa: F401 - they note their cases
    headers,
    rasters,
    regions,
    shapes,
    spreadsheets,
    studies,
    tables,
)
from tests.hostile.base import CASES, Case, unfilled, write_good

#: Repairs that a run is made of, too; what it writes down does not depend on the repair.
RECORDED = {"rasters.south_up", "regions.heights", "regions.gbk_without_cpg", "tables.tabs"}
PARTS = ("expected", "found", "remedy")


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile") / "good"
    write_good(folder)
    return folder


@pytest.fixture
def folder(good: Path, tmp_path: Path) -> Path:
    """A good study of one's own to break, in a folder with nothing else beside it."""
    own = tmp_path / "world" / "study"
    shutil.copytree(good, own)
    return own


def contents(folder: Path) -> dict[str, tuple[int, int]]:
    """Return size and time of every file below a folder: what a check must not touch."""
    found = {}
    for path in folder.rglob("*"):
        state = path.lstat()
        found[path.relative_to(folder).as_posix()] = (state.st_size, state.st_mtime_ns)
    return found


def told_well(problem: Problem) -> None:
    """Check that a problem is told in three filled parts, in both languages."""
    for language in LANGUAGES:
        for part in PARTS:
            text = problem.part(part, language)
            assert text.strip(), (problem.code, part, language)
            assert not unfilled(text), (problem.code, text)
    assert re.search(r"[\u4e00-\u9fff]", problem.text("zh"))
    record = problem.as_dict()
    assert set(record) >= {"code", "severity", "file", "place", *PARTS, "text"}
    json.dumps(record)


def agrees(case: Case, problems: list[Problem]) -> None:
    """Check what was told against the case."""
    assert {problem.code for problem in problems} == set(case.codes), [
        problem.text("en") for problem in problems
    ]
    first = problems[0]
    if case.file:
        assert first.file == case.file
    assert re.search(case.place, first.place), first.place
    assert re.search(case.says, first.text("en")), first.text("en")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_answer(case: Case, folder: Path, tmp_path: Path) -> None:
    case.make(folder)
    before = contents(tmp_path / "world")
    if case.answer == "ERROR":
        problems = check_study(folder / "study.toml")
        errors = problems.of(Severity.ERROR)
        agrees(case, errors)
        with pytest.raises(InputProblems) as refused:
            problems.raise_errors()
        assert refused.value.exit_code == 2
    else:
        problems = check_study(folder / "study.toml")
        told = problems.of(Severity.ERROR, Severity.REPAIR, Severity.WARN)
        assert {problem.severity.value for problem in told} <= {case.answer} - {"FINE"}
        if case.codes:
            agrees(case, told)
        assert refuses(problems) == (case.answer == "REPAIR")
        if case.name in RECORDED:
            recorded(problems, folder / "study.toml", out=tmp_path / "out")
    for problem in problems:
        told_well(problem)
    assert contents(tmp_path / "world") == before


def refuses(problems: Problems) -> bool:
    """Tell whether a strict run would be refused."""
    try:
        problems.raise_errors(strict=True)
    except InputProblems:
        return True
    return False


def recorded(problems: Problems, study: Path, *, out: Path) -> None:
    """Check that a run records exactly what a check tells, in both places."""
    results = run_study(study, out, options=Options(parts=(), workers=1))
    written = json.loads((out / "problems.json").read_text(encoding="utf-8"))
    assert written == results.meta["problems"] == [problem.as_dict() for problem in problems]


def test_the_good_study_has_no_problem(folder: Path) -> None:
    assert [problem.text("en") for problem in check_study(folder / "study.toml")] == []


def test_there_are_many_cases_and_no_two_of_a_name() -> None:
    names = Counter(case.name for case in CASES)
    assert len(CASES) >= 300
    answers = Counter(case.answer for case in CASES)
    assert answers["ERROR"] > 100
    assert set(names) >= RECORDED
    assert not [name for name, count in names.items() if count > 1]
