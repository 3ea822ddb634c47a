"""How a run is carried out: threads, a limit of memory, many files; no number depends on it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sinks.errors import UnusableOption
from sinks.execution import BASE_BYTES, LEAST_STRIP, WORKING, memory_of, options_of
from sinks.run import Options, run_study
from tests.conftest import ROOT
from tests.patchwork import contents, cut, patches, write_patchwork, write_whole

#: Runs a study and prints the largest memory that the process ever held [MB].
PROGRAM = """
import sys
sys.argv = ["sinks", *sys.argv[1:]]
from sinks.__main__ import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
status = open("/proc/self/status").read().split()
print("peak", int(status[status.index("VmHWM:") + 1]) * 1024 / 1e6)
"""


# A limit of memory


@pytest.mark.parametrize(
    ("written", "amount"),
    [("500MB", 500e6), ("1.5GB", 1.5e9), ("2 gb", 2e9), (" 600000kB ", 6e8), ("0.001TB", 1e9)],
)
def test_amounts_of_memory(written: str, amount: float) -> None:
    assert memory_of(written, "en") == amount


@pytest.mark.parametrize("written", ["", "lots", "2", "2G", "-1GB", "1e9", "100MB", "0GB", "1,5GB"])
def test_no_amount_or_too_little(written: str) -> None:
    with pytest.raises(UnusableOption, match="500MB") as caught:
        memory_of(written, "en")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("workers", [None, 1, 2, 7, 64])
@pytest.mark.parametrize("limit", ["500MB", "700MB", "2GB", "64GB"])
def test_what_the_threads_hold_stays_below_the_limit(limit: str, workers: int | None) -> None:
    strip = options_of(workers=workers, max_memory=limit).strip_bytes
    threads = workers or os.cpu_count() or 1
    room = memory_of(limit, "en") - BASE_BYTES
    assert strip == LEAST_STRIP or strip * threads * WORKING <= room


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_fifty_million_cells_stay_below_the_limit(tmp_path: Path) -> None:
    """Held at once, with the places at which they change, they would break it."""
    rows, cols = 5_000, 5_000
    part = np.kron(patches(2010), np.ones((2, 2), np.uint8))
    whole = np.tile(part, (rows // 600 + 1, cols // 600 + 1))[:rows, :cols]
    rasters = {
        year: write_whole(tmp_path / f"{year}.tif", whole + np.uint8(year == 2015) * (whole == 1),
                          compress="deflate", tiled=True, blockxsize=512, blockysize=512)
        for year in (2010, 2015)
    }  # fmt: skip
    study = write_patchwork(tmp_path, rasters, size=rows)
    arguments = ["run", str(study), "--out", str(tmp_path / "out"), "--only", "tables"]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments, "--max-memory", "500MB", "--workers", "2"],
        cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split()[-1]) < 500


# Neither changes a byte


def test_threads_and_memory_change_no_byte(tmp_path: Path) -> None:
    study = write_patchwork(tmp_path / "study")
    outputs = []
    for name, chosen in {
        "default": Options(parts=("regions", "rasters")),
        "little": options_of(workers=1, max_memory="500MB"),
        "much": options_of(workers=5, max_memory="8GB"),
    }.items():
        how = Options(
            workers=chosen.workers, strip_bytes=chosen.strip_bytes, parts=("regions", "rasters")
        )
        outputs.append(contents(run_study(study, tmp_path / name, options=how).root))
    assert outputs[0] == outputs[1] == outputs[2]


def test_one_file_or_many_is_the_same_province(tmp_path: Path) -> None:
    """A raster in files of any size, some columns of them missing in none: the same tables."""
    tables = []
    cuts = {
        "whole": ((0, 300), (0, 300)),
        "four": ((0, 171, 300), (0, 64, 300)),
        "many": ((0, 40, 41, 200, 300), (0, 7, 150, 299, 300)),
    }
    for name, (rows, cols) in cuts.items():
        folder = tmp_path / name
        folder.mkdir()
        rasters = {
            year: cut(folder, patches(year), rows=rows, cols=cols, name=f"t{year}")
            for year in (2010, 2015)
        }
        study = write_patchwork(folder, rasters)
        results = run_study(study, folder / "out", options=Options(parts=()))
        assert len(results.meta["inputs"]) >= 2 * (len(rows) - 1) * (len(cols) - 1)
        tables.append(
            {
                path.name: path.read_bytes()
                for path in sorted((results.root / "tables").iterdir())
                if path.name != "qc.csv"  # which samples whole files
            }
        )
    assert tables[0] == tables[1] == tables[2]
