"""Density and change as cloud-optimised GeoTIFF: the right cells and overviews, GDAL's layout."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import rasterio
import rasterio.shutil
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sinks import cog
from sinks.cog import BLOCK, TileStore, halved, packed, shapes_of, tiles_of, write_cog
from sinks.run import Options, run_study
from tests.patchwork import at, patches, write_patchwork, write_whole

#: Three levels, the last tiles of each cut off.
SIZE = 1333
NAMES = ("carbon-density-2010", "carbon-density-2015", "carbon-change-2010-2015")
Floats = npt.NDArray[np.float32]


def stored(folder: Path, values: Floats, *, name: str = "a.tif") -> Path:
    """Write values as the run does, tile by tile."""
    height, width = values.shape
    path = folder / name
    with TileStore(folder / ".tiles", height, width=width) as store:
        for row, col in np.ndindex(tiles_of((height, width))):
            tile = values[row * BLOCK : (row + 1) * BLOCK, col * BLOCK : (col + 1) * BLOCK]
            store.take([(0, row, col, packed(tile))], [])
        if len(store.shapes) > 1:
            first = halved(values)
            for row, col in np.ndindex(tiles_of(first.shape)):
                tile = first[row * BLOCK : (row + 1) * BLOCK, col * BLOCK : (col + 1) * BLOCK]
                store.take([(1, row, col, packed(tile))], [(row, col, halved(tile))])
        profile = {"crs": "EPSG:4547", "transform": at(0, 0)}
        write_cog(path, store, profile=profile, tags={"years": "2010"}, unit="t C/ha")
    return path


def field(height: int, width: int) -> Floats:
    """Return values with gaps of every size."""
    rng = np.random.default_rng(7)
    values = rng.integers(0, 50, (height, width)).astype(np.float32)
    values[rng.random((height, width)) < 0.4] = np.nan
    values[: height // 3, : width // 3] = np.nan
    return values


def places(path: Path, level: int) -> list[int]:
    """Return where the tiles of a level stand, as GDAL reads the file; −1 is the raster itself."""
    with rasterio.open(path, **({} if level < 0 else {"overview_level": level})) as dataset:
        down, right = tiles_of(dataset.shape)
    with rasterio.open(path) as dataset:
        own: dict[str, Any] = {} if level < 0 else {"ovr": level}
        return [
            int(dataset.get_tag_item(f"BLOCK_OFFSET_{col}_{row}", "TIFF", bidx=1, **own))
            for row in range(down)
            for col in range(right)
        ]


# The file


@pytest.mark.parametrize("shape", [(1, 1), (512, 512), (513, 40), (700, 1500), (2050, 1030)])
@pytest.mark.parametrize("big", [False, True])
def test_gdal_reads_what_was_written(
    tmp_path: Path, shape: tuple[int, int], big: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if big:
        monkeypatch.setattr(cog, "CLASSIC_BYTES", 0)
    values = field(*shape)
    path = stored(tmp_path, values)
    assert path.read_bytes()[2] == (43 if big else 42)
    assert list(tmp_path.iterdir()) == [path]
    with rasterio.open(path) as dataset:
        assert dataset.profile["compress"] == "deflate"
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert (dataset.crs.to_epsg(), dataset.transform) == (4547, at(0, 0))
        assert (dataset.units, dataset.tags(1)["unit"]) == (("t C/ha",), "t C/ha")
        assert dataset.tags()["years"] == "2010"
        assert np.isnan(dataset.nodata)
        np.testing.assert_array_equal(dataset.read(1), values)
        levels = len(dataset.overviews(1))
    assert levels == len(shapes_of(*shape)) - 1
    for level in range(levels):
        values = halved(values)
        with rasterio.open(path, overview_level=level) as dataset:
            np.testing.assert_array_equal(dataset.read(1), values)
    ordered = [place for level in reversed(range(-1, levels)) for place in places(path, level)]
    assert ordered == sorted(ordered), "coarse before fine, row by row"


def test_overviews_are_those_of_gdal(tmp_path: Path) -> None:
    """An independent program averages the known cells to the same values."""
    values = field(2048, 1024)
    path = stored(tmp_path, values)
    other = tmp_path / "gdal.tif"
    rasterio.shutil.copy(
        path, other, driver="COG", compress="deflate", overview_resampling="average",
        overviews="IGNORE_EXISTING",
    )  # fmt: skip
    for level in range(2):
        one, two = (rasterio.open(p, overview_level=level) for p in (path, other))
        np.testing.assert_allclose(one.read(1), two.read(1), rtol=1e-6)


@given(
    arrays(
        np.float32,
        st.tuples(st.integers(1, 9), st.integers(1, 9)),
        elements=st.one_of(st.just(np.float32("nan")), st.integers(-8, 8).map(np.float32)),
    )
)
def test_half_the_resolution_is_the_mean_of_what_is_known(values: Floats) -> None:
    half = halved(values)
    assert half.shape == tuple((n + 1) // 2 for n in values.shape)
    for row, col in np.ndindex(half.shape):
        four = values[2 * row : 2 * row + 2, 2 * col : 2 * col + 2]
        known = four[~np.isnan(four)]
        if known.size:
            assert half[row, col] == np.float32(known.mean())
        else:
            assert np.isnan(half[row, col]), "no data is never zero"


# The run


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("surfaces")
    rasters = {
        year: write_whole(folder / f"lc{year}.tif", patches(year, SIZE)) for year in (2010, 2015)
    }
    return write_patchwork(folder, rasters, size=SIZE)


@pytest.fixture(scope="module")
def rasters(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("surfaces") / "out"
    parts: list[float] = []

    def progress(stage: str, part: float) -> None:
        parts.extend([part] if stage == "rasters" else [])

    run_study(study, out, options=Options(parts=("rasters",), progress=progress))
    assert parts == sorted(parts)
    assert len(parts) > 1
    return out / "rasters"


def test_every_cell_has_the_density_of_its_class(study: Path, rasters: Path) -> None:
    """Class by class what the tables say, no data where nothing is known, and the difference."""
    stock = pd.read_csv(rasters.parent / "tables" / "stock.csv", encoding="utf-8-sig")
    stock = stock.groupby(["region_code", "year", "stratum"]).agg(
        carbon=("stock_t_c", "sum"), area=("area_ha", "first")
    )
    read = {}
    for name in NAMES:
        with rasterio.open(rasters / f"{name}.tif") as dataset:
            read[name] = dataset.read(1)
    density = {year: read[f"carbon-density-{year}"] for year in (2010, 2015)}
    for year, values in density.items():
        codes = patches(year, SIZE)
        assert np.isnan(values[codes == 0]).all()
        found = [np.unique(values[codes == code]) for code in (1, 2, 3, 4)]
        assert [len(values) for values in found] == [1, 1, 1, 1]
        said = (stock["carbon"] / stock["area"]).xs(year, level="year").groupby("stratum").mean()
        ours = sorted(float(values[0]) for values in found if np.isfinite(values[0]))
        assert ours == pytest.approx(sorted(said), rel=1e-6)
    np.testing.assert_array_equal(read[NAMES[2]], density[2015] - density[2010])
    assert np.isfinite(read[NAMES[2]]).any()


def test_neither_memory_nor_threads_change_a_byte(
    study: Path, rasters: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    run_study(study, tmp_path / "out", options=Options(parts=("rasters",), strip_bytes=1 << 20))
    for name in NAMES:
        other = tmp_path / "out" / "rasters" / f"{name}.tif"
        assert other.read_bytes() == (rasters / f"{name}.tif").read_bytes()
