"""Another product read through a named crosswalk: its codes, its faults, its warning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from sinks.errors import InputProblems
from sinks.run import Options, run_study
from tests.tiny import LANDCOVER, NORTH, WEST, cover, write_raster, write_tiny

#: GlobeLand30 has codes in tens: forest 20, cropland 10 and 30, water 60, towns 80.
OTHER = {1: 20, 2: 10, 3: 60, 4: 80, 0: 255}
TABLE = "from_code,to_code,note\n20,1,forest\n10,2,cropland\n30,2,grass\n60,3,water\n80,4,towns\n"
CROSSED = LANDCOVER + '\ncrosswalks = { 2015 = "walk.csv" }'


def write_other(
    folder: Path, *, table: str = TABLE, landcover: str = CROSSED, **options: Any
) -> Path:
    """Write the tiny province with 2015 of another product."""
    study = write_tiny(folder, landcover=landcover)
    cells = np.vectorize(OTHER.get)(cover(2015)).astype(np.uint8)
    cells[2, 2] = 30
    write_raster(folder / "lc2015.tif", cells, **({"nodata": 255} | options))
    (folder / "walk.csv").write_text(table, "utf-8")
    return study


def run(study: Path, **options: Any) -> Any:
    return run_study(study, study.parent / "out", options=Options(parts=(), workers=1, **options))


def codes_of(study: Path) -> list[str]:
    with pytest.raises(InputProblems) as caught:
        run(study)
    return [item.code for item in caught.value.problems if item.severity == "ERROR"]


def test_the_same_land_in_other_codes_gives_the_same_tables(tmp_path: Path) -> None:
    plain = run(write_tiny(tmp_path / "plain"))
    done = run(write_other(tmp_path / "other"))
    for name in ("stock", "change", "transitions", "coverage", "trajectories"):
        assert done.tables[name].equals(plain.tables[name]), name
    warned = [item for item in done.meta["problems"] if item["code"] == "crosswalk.product_change"]
    assert "2015" in warned[0]["found"]
    assert "walk.csv" in warned[0]["found"]
    assert "walk.csv" in {item["path"] for item in done.meta["inputs"]}


def test_it_is_read_on_another_grid_too(tmp_path: Path) -> None:
    plain = run(write_tiny(tmp_path / "plain"))
    study = write_other(tmp_path / "other", landcover=CROSSED + '\nalign = "nearest"')
    with rasterio.open(tmp_path / "other" / "lc2015.tif") as dataset:
        fine = np.kron(dataset.read(1), np.ones((2, 2), np.uint8))
    place = rasterio.transform.from_origin(WEST, NORTH, 50, 50)
    write_raster(tmp_path / "other" / "lc2015.tif", fine, transform=place, nodata=255)
    assert run(study).tables["transitions"].equals(plain.tables["transitions"])


def test_a_code_without_a_row_is_refused_by_its_own_name(tmp_path: Path) -> None:
    table = "\n".join(line for line in TABLE.splitlines() if not line.startswith("80")) + "\n"
    study = write_other(tmp_path, table=table)
    with pytest.raises(InputProblems) as caught:
        run(study)
    (problem,) = [item for item in caught.value.problems if item.severity == "ERROR"]
    assert problem.code == "crosswalk.unknown_code"
    assert "code 80" in problem.text("en")
    assert "7 ha" in problem.text("en")


@pytest.mark.parametrize("row", ["20,9", "20,forest", "20,2\n20,1", "x,1", "20,"])
def test_bad_rows_are_refused(row: str, tmp_path: Path) -> None:
    study = write_other(tmp_path, table=f"from_code,to_code\n{row}\n60,3\n")
    assert set(codes_of(study)) == {"crosswalk.bad_row"}


def test_no_data_is_no_class(tmp_path: Path) -> None:
    study = write_other(tmp_path, table=TABLE + "255,1,x\n")
    assert codes_of(study) == ["crosswalk.nodata"]


def test_a_crosswalk_for_no_year_is_refused(tmp_path: Path) -> None:
    study = write_other(tmp_path, landcover=CROSSED.replace('2015 = "walk', '1999 = "walk'))
    assert codes_of(study) == ["study.year_without_raster"]
