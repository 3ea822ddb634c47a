"""Every further table of a study, spoilt cell by cell: clean problems or a clean result."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.checks import Severity
from sinks.run import check_study
from tests.hostile import full
from tests.hostile.test_fuzz import clean, fuzz

TEXTS = {**full.TABLES, "sample.csv": full.sample()}
#: What a cell may hold by mistake.
CELLS = st.sampled_from(
    ["", "nan", "-1", "1e999", "=1+1", "9" * 400, "a\u202eb", "0", "1e-320", "x" * 300, "森林",
     '"1,5"', "10%", "TRUE", "2015", "<b>", "[x]{0}", "-0.0", "1e308", '"', "4.20E+05"]
)  # fmt: skip


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return full.write_full(tmp_path_factory.mktemp("full") / "study")


def test_the_full_study_has_no_error(study: Path) -> None:
    problems = check_study(study)
    assert problems.of(Severity.ERROR, Severity.REPAIR) == []


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 50, b"<!DOCTYPE html>", b"PK\x03\x04", b"\xff\xfe1\0", b"a\n"],
    ids=["empty", "nul", "page", "workbook", "utf16", "head"],
)  # fmt: skip
def test_files_of_another_kind_are_refused_all_at_once(study: Path, content: bytes) -> None:
    for name in TEXTS:
        (study.parent / name).write_bytes(content)
    problems = check_study(study)
    for name, text in TEXTS.items():
        (study.parent / name).write_text(text, encoding="utf-8")
    assert set(TEXTS) <= {problem.file for problem in problems.of(Severity.ERROR)}
    clean(problems, refused=True)


@fuzz(25)
@given(
    name=st.sampled_from(sorted(TEXTS)), row=st.integers(0, 6), column=st.integers(0, 8),
    cell=CELLS,
)  # fmt: skip
def test_cells(study: Path, name: str, row: int, column: int, cell: str) -> None:
    lines = [line.split(",") for line in TEXTS[name].splitlines()]
    cells = lines[row % len(lines)]
    cells[column % len(cells)] = cell
    path = study.parent / name
    path.write_text("\n".join(",".join(line) for line in lines) + "\n", encoding="utf-8")
    problems = check_study(study)
    path.write_text(TEXTS[name], encoding="utf-8")
    clean(problems, refused=False)
