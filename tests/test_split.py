"""Polygons that tell strata apart: the same tables as from a raster with another code there."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from shapely.geometry import Polygon

from sinks.run import Options, check_study, run_study
from tests.test_overlays import RESERVES, cells
from tests.tiny import (
    CRS,
    DENSITY,
    LEGEND,
    YEARS,
    cell,
    cover,
    rows_of,
    run_tables,
    write_raster,
    write_tiny,
)

#: Every lake of the tiny province west of column 7 is a marsh, says the polygon.
MARSHES = cells(3, 0, 7, 3)
MARSH = "marsh,agb,,3,1,t C/ha,survey,verified\nmarsh,soil,,200,20,t C/ha,cores,verified\n"
RIVER = "river,agb,,0,,t C/ha,open water,verified\nriver,soil,,10,,t C/ha,cores,verified\n"


def polygons(folder: Path, name: str, shapes: list[Polygon]) -> None:
    frame = gpd.GeoDataFrame(
        {"name": [str(i) for i in range(len(shapes))]}, geometry=shapes, crs=CRS
    )
    frame.to_file(folder / f"{name}.gpkg")


def add(study: Path, *entries: str) -> Path:
    study.write_text(study.read_text("utf-8") + "\n".join(entries) + "\n", encoding="utf-8")
    return study


def split(folder: Path, *, outside: str = "", shapes: list[Polygon] | None = None) -> Path:
    study = write_tiny(folder)
    (folder / "density.csv").write_text(DENSITY + MARSH + RIVER, encoding="utf-8")
    polygons(folder, "marshes", shapes or [MARSHES])
    entry = '[[overlays]]\nname = "marshes"\npath = "marshes.gpkg"\nreplaces = ["lake"]'
    rest = [f'outside = "{outside}"'] if outside else []
    return add(study, entry, 'stratum = "marsh"', *rest)


def recoded(folder: Path, *, outside: bool = False) -> Path:
    """Write the same province with the marsh, and the river, as codes of the raster."""
    study = write_tiny(folder)
    (folder / "density.csv").write_text(DENSITY + MARSH + RIVER, encoding="utf-8")
    marsh = "5,marsh,Herbaceous marsh,草本沼泽,wetlands,wetland,#49baad\n"
    river = "6,river,River,河流,wetlands,wetland,#15357f\n"
    (folder / "legend.csv").write_text(LEGEND + marsh + river, encoding="utf-8")
    for year in YEARS:
        codes: npt.NDArray[np.uint8] = cover(year)
        part = codes[:3, 3:7]
        part[part == 3] = 5
        if outside:
            codes[codes == 3] = 6
        write_raster(folder / f"lc{year}.tif", codes)
    return study


@pytest.mark.parametrize("outside", ["", "river"])
def test_the_tables_of_a_raster_with_another_code(tmp_path: Path, outside: str) -> None:
    ours = run_tables(split(tmp_path / "a", outside=outside))
    theirs = run_tables(recoded(tmp_path / "b", outside=bool(outside)))
    for name in ("regions", "change", "coverage"):
        pd.testing.assert_frame_equal(ours[name], theirs[name], rtol=1e-12)
    for name, keys in (
        ("stock", ["region_code", "year", "stratum", "pool"]),
        ("transitions", ["region_code", "start", "end", "from_stratum", "to_stratum"]),
        ("trajectories", ["region_code", "path"]),
    ):
        a, b = (table[name].sort_values(keys).reset_index(drop=True) for table in (ours, theirs))
        pd.testing.assert_frame_equal(a, b, rtol=1e-12)


def test_a_raster_cell_is_split_by_its_fraction(tmp_path: Path) -> None:
    """The polygon ends in the middle of column 6: half of each lake cell is a marsh."""
    done = run_tables(split(tmp_path, shapes=[cells(3, 0, 6.5, 3)]))
    row = rows_of(done["stock"], region_code="0102", year=2010, pool="soil")
    areas = dict(zip(row["stratum"], row["area_ha"], strict=True))
    # Rows 1 and 2 of column 6 are lake in both years; row 0 has no data in 2015.
    assert areas["marsh"] == pytest.approx(1.0)
    assert areas["lake"] == pytest.approx(7 - 1.0)


def test_other_overlays_are_split_too(tmp_path: Path) -> None:
    study = split(tmp_path)
    polygons(tmp_path, "reserves", list(RESERVES.values()))
    add(study, '[[overlays]]\nname = "reserves"\npath = "reserves.gpkg"')
    done = run_tables(study)
    stock = rows_of(done["overlay_stock"], overlay="reserves", pool="soil", year=2010)
    marsh = stock[stock["stratum"] == "marsh"]["area_ha"].sum()
    # 乙 covers columns 3–7 of rows 1 and 2; of its lakes, columns 6 are marsh and 7 stay.
    assert marsh == pytest.approx(2.0)
    assert stock[stock["stratum"] == "lake"]["area_ha"].sum() == pytest.approx(2.0)


def test_the_first_overlay_counts_where_two_overlap(tmp_path: Path) -> None:
    study = split(tmp_path)
    polygons(tmp_path, "rivers", [cells(6, 1, 9, 4)])
    add(study, '[[overlays]]\nname = "rivers"\npath = "rivers.gpkg"\nreplaces = ["lake"]',
        'stratum = "river"')  # fmt: skip
    stock = rows_of(run_tables(study)["stock"], pool="soil", year=2010)
    areas = stock.groupby("stratum")["area_ha"].sum()
    assert areas["marsh"] == pytest.approx(2.0)
    # Columns 6–8 of rows 1–3 are nine lakes, less the two that are a marsh.
    assert areas["river"] == pytest.approx(7.0)
    assert areas[["marsh", "river", "lake"]].sum() == pytest.approx(15.0)


def test_a_whole_run_checks_and_draws(tmp_path: Path) -> None:
    """The slow second count is of the maps as they are; all faces read the split strata."""
    done = run_study(split(tmp_path, outside="river"), tmp_path / "out", options=Options())
    assert {"marsh", "river"} <= {item["stratum"] for item in done.meta["strata"]}
    assert "overlays.not_in_rasters" in {item["code"] for item in done.meta["problems"]}
    assert set(done.tables["qc"]["passed"]) <= {"true", "not_applicable"}


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ('replaces = ["lakes"]\nstratum = "marsh"', "overlays.no_such_stratum"),
        ('replaces = ["lake"]\nstratum = "marshes"', "overlays.no_such_stratum"),
        ('replaces = ["lake"]', "study.missing_key"),
        ('stratum = "marsh"', "study.missing_key"),
    ],
)
def test_unknown_strata_are_refused(tmp_path: Path, keys: str, code: str) -> None:
    study = write_tiny(tmp_path)
    polygons(tmp_path, "marshes", [MARSHES])
    add(study, f'[[overlays]]\nname = "marshes"\npath = "marshes.gpkg"\n{keys}')
    assert code in {problem.code for problem in check_study(study)}


def test_a_stratum_without_a_density_is_named(tmp_path: Path) -> None:
    study = split(tmp_path)
    (tmp_path / "density.csv").write_text(DENSITY, encoding="utf-8")
    (problem,) = [item for item in check_study(study) if item.code == "density.missing"]
    assert "marsh" in problem.text()


def test_nothing_moves_that_is_not_there(tmp_path: Path) -> None:
    """A polygon over land without the stratum changes nothing."""
    plain = run_tables(write_tiny(tmp_path / "a"))
    done = run_tables(split(tmp_path / "b", shapes=[cells(0, 0, 2, 2)]))
    pd.testing.assert_frame_equal(plain["stock"], done["stock"])
    assert cell(done["regions"], "wetland_ha", region_code="ALL", year=2010) == 15
