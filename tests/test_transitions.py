"""Transitions: published tables, hand-worked cases, and what every matrix must obey."""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sinks.landcover.activity import activity
from sinks.landcover.trajectories import trajectories
from sinks.landcover.transitions import annual_rate, components, compound_rate
from sinks.transitions import trajectories_table
from tests.conftest import SHARED, needs_shared
from tests.rasters import joint_of, load, write_raster
from tests.tiny import cell, rows_of, run_tables, write_tiny

LANDCOVER = SHARED / "data" / "landcover"

matrices = arrays(np.float64, st.tuples(st.just(4), st.just(4)), elements=st.integers(0, 1000))


@given(matrices)
def test_components_close_on_the_margins(matrix: np.ndarray) -> None:
    parts = components(matrix)
    assert (parts.start == matrix.sum(axis=1)).all()
    assert (parts.end == matrix.sum(axis=0)).all()
    assert (parts.persistence + parts.loss == parts.start).all()
    assert (parts.persistence + parts.gain == parts.end).all()
    assert (parts.gain + parts.loss == np.abs(parts.net) + parts.swap).all()
    assert parts.net.sum() == 0, "what one category gains another loses"


@given(matrices)
def test_swapping_years_turns_gains_into_losses(matrix: np.ndarray) -> None:
    there, back = components(matrix), components(matrix.T)
    assert (there.gain == back.loss).all()
    assert (there.net == -back.net).all()
    assert (there.swap == back.swap).all()


@given(st.floats(0.1, 1e6), st.floats(0.1, 1e6), st.integers(1, 50))
def test_both_rates_say_the_same(start: float, end: float, years: int) -> None:
    log, compound = annual_rate(start, end, years=years), compound_rate(start, end, years=years)
    assert math.log1p(float(compound)) == pytest.approx(float(log), rel=1e-6, abs=1e-9)
    assert start * (1 + float(compound)) ** years == pytest.approx(end, rel=1e-9)


def test_land_that_is_gone_has_no_rate() -> None:
    assert np.isnan(annual_rate([0.0, 3.0, 0.0], [2.0, 0.0, 0.0], years=5)).all()
    assert np.isnan(compound_rate([0.0, 3.0], [2.0, 0.0], years=5)).all()


# ---------------------------------------------------------------- paths over many years


@settings(max_examples=60)
@given(
    arrays(np.int64, st.tuples(st.integers(1, 12), st.integers(2, 7)), elements=st.integers(0, 3))
)
def test_paths_are_those_that_a_loop_would_find(strata: np.ndarray) -> None:
    found = trajectories(strata)
    for row, path in enumerate(strata.tolist()):
        steps, flips, when = [path[0]], 0, []
        for year in range(1, len(path)):
            if path[year] != path[year - 1]:
                flips += path[year] in path[:year]
                steps.append(path[year])
                when.append(year)
        kept = [step for step in found.steps[row].tolist() if step >= 0]
        assert kept == steps
        assert (found.changes[row], found.flips[row]) == (len(when), flips)
        assert (found.first[row], found.last[row]) == ((when[0], when[-1]) if when else (-1, -1))


def test_paths_of_the_tiny_province(tmp_path: Path) -> None:
    tables = run_tables(write_tiny(tmp_path))
    rows = tables["trajectories"]
    # 甲县: 8 ha stay forest, 4 stay cropland, 4 ha of cropland are forest in 2015.
    own = rows_of(rows, region_code="0101").set_index("path")
    assert own["area_ha"].to_dict() == {"crop": 4.0, "forest": 8.0, "crop>forest": 4.0}
    assert own["changes"].to_dict() == {"crop": 0, "forest": 0, "crop>forest": 1}
    assert own.loc["crop>forest", ["first_change", "last_change"]].tolist() == [2015, 2015]
    assert own.loc[["crop", "forest"], "first_change"].isna().all()
    assert (rows["flips"] == 0).all()
    valid = tables["coverage"].drop_duplicates("region_code").set_index("region_code")
    sums = rows.groupby("region_code")["area_ha"].sum()
    assert sums.to_dict() == valid["common_valid_ha"].to_dict()


def test_components_of_the_tiny_province(tmp_path: Path) -> None:
    tables = run_tables(write_tiny(tmp_path))
    rows = tables["transition_summary"]

    def own(column: str, stratum: str, code: str = "0101") -> float:
        return float(cell(rows, column, region_code=code, stratum=stratum))

    # 甲县: forest 8 → 12 ha, nothing lost; 8 ha grow by 4 t, 4 ha of cropland gain 59 t each.
    assert [own(name, "forest") for name in ("start_ha", "end_ha", "persistence_ha")] == [8, 12, 8]
    assert [own(name, "forest") for name in ("gain_ha", "loss_ha", "net_ha")] == [4, 0, 4]
    assert own("swap_ha", "forest") == 0
    assert own("annual_rate_pct", "forest") == pytest.approx(100 * math.log(1.5) / 5)
    assert own("compound_rate_pct", "forest") == pytest.approx(100 * (1.5**0.2 - 1))
    assert own("persistence_change_t_c", "forest") == pytest.approx(32)
    assert own("gain_change_t_c", "forest") == pytest.approx(236)
    assert own("loss_change_t_c", "crop") == pytest.approx(236)
    # The whole: 16 ha of cropland lose 4; 15 ha of lakes gain one of town.
    assert own("loss_ha", "crop", "ALL") == 4
    assert own("net_ha", "lake", "ALL") == 1
    groups = tables["group_summary"]
    assert cell(groups, "gain_ha", region_code="江南市", group="wetland") == 1
    assert "town" not in set(groups["group"])


def test_components_add_up_to_the_change(tmp_path: Path) -> None:
    tables = run_tables(write_tiny(tmp_path))
    change = tables["change"].set_index(["level", "region_code"])["change_t_c"]
    for name in ("transition_summary", "group_summary"):
        sums = (
            tables[name]
            .groupby(["level", "region_code"])[
                ["persistence_change_t_c", "gain_change_t_c", "loss_change_t_c", "net_ha"]
            ]
            .sum()
        )
        for side in ("gain_change_t_c", "loss_change_t_c"):
            both = sums["persistence_change_t_c"] + sums[side]
            assert both.to_dict() == pytest.approx(change.to_dict())
        assert sums["net_ha"].abs().max() < 1e-9


# ---------------------------------------------------------------- published and real


def published(name: str) -> dict[tuple[int, int], dict[tuple[int, int], tuple[float, int]]]:
    """Return km² and pixels by pair of years and transition."""
    out: dict[tuple[int, int], dict[tuple[int, int], tuple[float, int]]] = defaultdict(dict)
    path = LANDCOVER / "openland_saolourenco" / f"{name}.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            pair = int(row["yearFrom"]), int(row["yearTo"])
            move = int(row["From"]), int(row["To"])
            out[pair][move] = float(row["km2"]), int(row["QtPixel"])
    return out


def as_raster(folder: Path, moves: dict[tuple[int, int], tuple[float, int]]) -> dict[int, Path]:
    """Lay the published pixels of one pair out, one after the other, as two rasters of 30 m."""
    sides = [
        np.repeat(
            np.array([move[side] for move in moves], np.uint8),
            [pixels for _, pixels in moves.values()],
        )
        for side in (0, 1)
    ]
    width = 4096
    paths = {}
    for year, cells in zip((1, 2), sides, strict=True):
        filled = np.full(-(-cells.size // width) * width, 255, np.uint8)
        filled[: cells.size] = cells
        grid = filled.reshape(-1, width)

        transform = Affine(30, 0, 0, 0, -30, 0)
        path = folder / f"{year}.tif"
        paths[year] = write_raster(path, grid, transform=transform, nodata=255, compress="deflate")
    return paths


@needs_shared
@pytest.mark.parametrize(
    ("name", "pair"), [("lulc_Multistep", (2002, 2008)), ("lulc_Onestep", (2002, 2014))]
)
def test_sao_lourenco_is_the_published_table(
    name: str, pair: tuple[int, int], tmp_path: Path
) -> None:
    """The São Lourenço basin (OpenLand): 11 classes, 30 m; every transition to the last pixel."""
    moves = published(name)[pair]
    sources = load(as_raster(tmp_path, moves), nodata=255)
    grid = sources[1].grid
    joint = joint_of(sources, [shapely.box(*grid.bounds)], nodata=[255])
    codes = sorted({code for move in moves for code in move})
    lookup = np.full((2, 256), -1, np.int64)
    lookup[:, codes] = np.arange(len(codes))
    names = [f"c{code}" for code in codes]
    found = activity(joint, lookup, strata=names, codes=["basin"])
    table = found.transitions[1, 2].sel(region="basin")
    for (before, after), (km2, _) in moves.items():
        own = table.sel(from_stratum=f"c{before}", to_stratum=f"c{after}").item()
        assert own / 100 == pytest.approx(km2, rel=1e-9)
    total = sum(km2 for km2, _ in moves.values())
    assert float(table.sum()) / 100 == pytest.approx(total, rel=1e-9)
    # Components from the published rows alone, added in another way.
    parts = components(table.values)
    for place, code in enumerate(codes):
        gain = sum(km2 for (a, b), (km2, _) in moves.items() if b == code != a)
        loss = sum(km2 for (a, b), (km2, _) in moves.items() if a == code != b)
        assert parts.gain[place] / 100 == pytest.approx(gain, abs=1e-6)
        assert parts.loss[place] / 100 == pytest.approx(loss, abs=1e-6)


@needs_shared
def test_the_published_steps_of_sao_lourenco_close_on_each_other() -> None:
    """The land of a class at the end of one period is that at the start of the next."""
    steps = published("lulc_Multistep")
    once = published("lulc_Onestep")[2002, 2014]
    codes = sorted({code for moves in steps.values() for move in moves for code in move})

    def matrix(moves: dict[tuple[int, int], tuple[float, int]]) -> np.ndarray:
        return np.array([[moves.get((a, b), (0.0, 0))[1] for b in codes] for a in codes], float)

    parts = [components(matrix(steps[pair])) for pair in sorted(steps)]
    for before, after in pairwise(parts):
        assert before.end == pytest.approx(after.start, rel=1e-3)
    whole = components(matrix(once))
    assert sum(part.net for part in parts) == pytest.approx(whole.net, abs=2e-3 * whole.start.sum())


@needs_shared
def test_thirty_eight_years_of_amapa() -> None:
    """MapBiomas, 38 bands of one file: paths, transitions and areas tell of the same land."""
    path = LANDCOVER / "mapbiomas_amapa" / "lorenco_85a22.tif"
    years = {1985 + band: (path, band + 1) for band in range(38)}
    sources = load(years)
    grid = sources[1985].grid
    cut = shapely.box(*grid.bounds).centroid.buffer(6000)
    joint = joint_of(sources, [cut])
    codes = [int(code) for code in np.unique(joint.paths)]
    lookup = np.full((38, 256), -1, np.int64)
    lookup[:, codes] = np.arange(len(codes))
    found = activity(joint, lookup, strata=[f"c{code}" for code in codes], codes=["a"])
    table = trajectories_table(found)
    area = found.coverage["common_valid"].item()
    assert table["area_ha"].sum() == pytest.approx(area)
    assert len(found.transitions) == 38
    for pair, matrix in found.transitions.items():
        for side, year in (("to_stratum", pair[0]), ("from_stratum", pair[1])):
            sums = matrix.sum(side).values
            assert sums == pytest.approx(found.area.sel(year=year).values)
    still = table[table["changes"] == 0]
    assert still["last_change"].isna().all()
    assert not still["path"].str.contains(">").any()
    moved = table[table["changes"] > 0]
    assert (moved["first_change"] <= moved["last_change"]).all()
    assert moved["flips"].max() >= 1
    assert pd.Series(moved["path"].str.count(">") == moved["changes"]).all()
    # An independent count: cells whose 38 bands are one value.
    import rasterio
    from rasterio.features import geometry_mask

    with rasterio.open(path) as dataset:
        cells = dataset.read()
        inside = geometry_mask([cut], cells.shape[1:], dataset.transform, invert=True)
    same = (cells == cells[0]).all(axis=0) & inside
    share = same.sum() / inside.sum()
    assert float(still["area_ha"].sum()) / area == pytest.approx(share, abs=2e-3)
