"""The published example is what the program writes today."""

from __future__ import annotations

import re
from pathlib import Path

from sinks.faces import FACES
from sinks.run import Options, run_study
from tests.conftest import ROOT
from tests.published import FOLDER, PICTURES, STUDY


def test_the_report_is_the_one_of_today(tmp_path: Path) -> None:
    run_study(STUDY, tmp_path / "out", options=Options(parts=("report",)))
    kept, made = ((folder / FACES["report"]).read_bytes() for folder in (FOLDER, tmp_path / "out"))
    assert kept == made, "run: python -m tests.published"


def test_every_file_is_told_and_no_script_is_kept() -> None:
    told = set(re.findall(r"`sample/([\w.-]+)`", (ROOT / "maps/README.md").read_text("utf-8")))
    files = {path.name for path in FOLDER.iterdir()}
    assert told == files >= {FACES["report"], *PICTURES}
    assert not [path for path in FOLDER.iterdir() if b"<script" in path.read_bytes()]
