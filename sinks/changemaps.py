"""Maps of change: classes as rasters, patches as polygons, and what every filter took off them.

One pass over the class rasters in strips of rows. A strip is read with as many rows beside it as a
filter can reach, so that what it decides is what it would decide on the whole raster.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import rasterio
import rasterio.shutil
from rasterio.transform import Affine
from rasterio.windows import Window

from sinks import __version__
from sinks.changetables import doubted
from sinks.checks import Problems
from sinks.grid import Grid, cell_areas
from sinks.inputs import Inputs
from sinks.joint import Execution, joint_table
from sinks.landcover.activity import Pair, pairs_of
from sinks.landcover.change import NOT_COUNTED, STABLE, again, change_classes, class_table
from sinks.landcover.patches import IMPLAUSIBLE, MINIMUM_AREA, SIEVE, Filters
from sinks.measure import coding
from sinks.outlines import outlines
from sinks.patchpolygons import Patches, key_of
from sinks.raster import GDAL_OPTIONS, RasterSource, read_window
from sinks.sections import ChangeConfig
from sinks.study import Study
from sinks.symbols import to_symbols
from sinks.texts import text
from sinks.units import M2_PER_HA
from sinks.windows import on_raster

Codes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

#: File of the polygons.
POLYGONS: Final = "changes.gpkg"
#: A value of the working raster is a class of change plus so much times the filter.
FILTER: Final = 32
INVALID: Final = 255
#: Rows of a strip at most, and bytes that the cells of one may take.
STRIP_ROWS: Final = 512
STRIP_BYTES: Final = 192 << 20
#: Rows beside a strip that a filter may ask for.
MOST_ROWS: Final = 4096
#: Bytes of a cell beside its classes: masks, labels, keys.
CELL_BYTES: Final = 16
SCRATCH: Final = {"driver": "GTiff", "count": 1, "dtype": "uint8", "nodata": 0, "compress": "zstd",
                  "zstd_level": 1, "blockysize": 16, "bigtiff": "if_safer"}  # fmt: skip
COG: Final = {"driver": "COG", "compress": "deflate", "predictor": "no", "blocksize": 512,
              "overview_resampling": "mode", "num_threads": "all_cpus",
              "bigtiff": "if_safer"}  # fmt: skip
COLUMNS: Final = (
    "region_code", "start", "end", "change_class", "map_ha", "implausible_ha", "sieve_ha",
    "minimum_area_ha", "counted_ha", "removed_pct",
)  # fmt: skip


@dataclass(frozen=True)
class _Strip:
    """Rows of the raster: those that are decided on, and those that are read for it."""

    first: int
    last: int
    top: int
    bottom: int

    @property
    def core(self) -> slice:
        """The rows decided on, among those read."""
        return slice(self.first - self.top, self.last - self.top)


@dataclass(frozen=True)
class Extent:
    """The part of the class rasters that the maps show: the frame around the regions.

    Attributes
    ----------
    grid : Grid
        Of the maps; its cells are those of the class rasters.
    row, col : int
        Of its first cell, in the class rasters.
    """

    grid: Grid
    row: int
    col: int

    @classmethod
    def of(cls, inputs: Inputs) -> Extent:
        """Return the frame around the regions of a study, which lie on the rasters."""
        grid = next(iter(inputs.sources.values())).grid
        shapes = np.asarray(inputs.regions.frame.geometry.values)
        around = outlines(shapes, grid, transformer=inputs.transformer).window
        row0, row1, col0, col1 = on_raster(around, grid) or (0, 1, 0, 1)
        own = replace(
            grid, x0=grid.x0 + col0 * grid.dx, y0=grid.y0 + row0 * grid.dy,
            width=col1 - col0, height=row1 - row0,
        )  # fmt: skip
        return cls(own, row0, col0)

    def window(self, strip: _Strip) -> tuple[int, int, int, int]:
        """Return the rows and columns of a strip in the class rasters."""
        top, bottom = self.row + strip.top, self.row + strip.bottom
        return top, bottom, self.col, self.col + self.grid.width

    def row_hectares(self) -> npt.NDArray[np.float64]:
        """Return the area of a cell in the middle of every row [ha]."""
        areas = cell_areas(self.grid, (0, self.grid.height, 0, self.grid.width))
        nodes = areas.at_rows(0, self.grid.height)
        middle = self.grid.width / 2
        place = int(np.clip(np.searchsorted(areas.col_nodes, middle) - 1, 0, nodes.shape[1] - 2))
        left, right = areas.col_nodes[place : place + 2]
        weight = (middle - left) / (right - left)
        mean = nodes[:, place] * (1 - weight) + nodes[:, place + 1] * weight
        return np.asarray(mean / M2_PER_HA)


def config_of(study: Study) -> ChangeConfig:
    """Return what a study says of change; without a word of it, every change counts."""
    return study.change or ChangeConfig.model_validate({})


def check_reach(inputs: Inputs, problems: Problems) -> None:
    """Refuse filters that would need half of the raster in memory."""
    config = config_of(inputs.study)
    reach = filters_of(config).reach(float(Extent.of(inputs).row_hectares().min()))
    if reach > MOST_ROWS:
        problems.error(
            "change.reach", file=inputs.study.file, place="change", rows=f"{reach:,}",
            limit=f"{MOST_ROWS:,}", area=f"{config.minimum_area_ha:g}", sieve=config.sieve,
        )  # fmt: skip


def filters_of(config: ChangeConfig) -> Filters:
    """Return the filters that a study asks for."""
    return Filters(config.sieve, config.minimum_area_ha, config.connectivity)


def write_change_maps(inputs: Inputs, *, folder: Path, execution: Execution) -> pd.DataFrame:
    """Write ``rasters/change_class_START_END.tif`` and ``changes.gpkg``.

    Parameters
    ----------
    inputs : Inputs
    folder : Path
        Of the run.
    execution : Execution

    Returns
    -------
    DataFrame
        ``change_filters.csv``: by region, pair of years and class of change, the area before and
        after the filters, and what each took out.
    """
    pairs = pairs_of(inputs.study.years)
    extent = Extent.of(inputs)
    scratch = folder / ".change"
    scratch.mkdir()
    (folder / "rasters").mkdir(exist_ok=True)
    areas = [scratch / f"{start}_{end}.tif" for start, end in pairs]
    _draw(inputs, extent, files=dict(zip(pairs, areas, strict=True)), polygons=folder / POLYGONS)
    frames = []
    for pair, file in zip(pairs, areas, strict=True):
        drawn = RasterSource(file, file.name, 1, extent.grid, "uint8", 0, (16, extent.grid.width))
        frames.append(_filter_table(inputs, pair, drawn=drawn, execution=execution))
        _finish(inputs, pair, file=file, folder=folder / "rasters")
    shutil.rmtree(scratch)
    return pd.concat(frames, ignore_index=True)


def _draw(inputs: Inputs, extent: Extent, *, files: Mapping[Pair, Path], polygons: Path) -> None:
    """Write the working raster of every pair, and the polygons of what counts."""
    config, grid = config_of(inputs.study), extent.grid
    hectares = extent.row_hectares()
    reach = filters_of(config).reach(float(hectares.min()))
    profile = {
        **SCRATCH, "width": grid.width, "height": grid.height, "crs": grid.wkt,
        "transform": Affine(grid.dx, 0, grid.x0, 0, grid.dy, grid.y0),
    }  # fmt: skip
    classes = _Classes(inputs, config)
    with rasterio.Env(**GDAL_OPTIONS), ExitStack() as stack:
        outputs = [
            stack.enter_context(rasterio.open(file, "w", **profile)) for file in files.values()
        ]
        patches = [
            stack.enter_context(Patches(inputs, pair, grid=grid, path=polygons)) for pair in files
        ]
        opened = {y: stack.enter_context(item.open()) for y, item in inputs.sources.items()}
        for strip in _strips(grid.height, grid.width * (len(opened) + CELL_BYTES), reach=reach):
            cover = _cover(inputs, opened, window=extent.window(strip), classes=classes)
            own = hectares[strip.top : strip.bottom]
            for pair, output, patch in zip(files, outputs, patches, strict=True):
                values, keys = classes.of(pair, cover, hectares=own)
                shape = Window(0, strip.first, grid.width, strip.last - strip.first)
                output.write(values[strip.core], 1, window=shape)
                patch.add(keys[strip.core], strip.first)


def _strips(height: int, row_bytes: int, *, reach: int) -> Iterator[_Strip]:
    rows = int(np.clip(STRIP_BYTES // row_bytes // 16 * 16, 16, STRIP_ROWS))
    for first in range(0, height, rows):
        last = min(first + rows, height)
        yield _Strip(first, last, max(0, first - reach), min(height, last + reach))


def _cover(
    inputs: Inputs, opened: Mapping[int, Any], *, window: tuple[int, int, int, int],
    classes: _Classes,
) -> Codes:  # fmt: skip
    """Return the strata of a window, dims (year, row, column); `INVALID` where there is none."""
    out = np.empty((len(opened), window[1] - window[0], window[3] - window[2]), np.uint8)
    blank = sorted(inputs.legend.nodata_codes)
    for k, (year, dataset) in enumerate(opened.items()):
        source = inputs.sources[year]
        values = read_window(dataset, [source.band], window=window)[0]
        codes = to_symbols(values, classes.table, nodata=(*blank, *source.blank))
        out[k] = classes.lookup[k][codes]
    return out


class _Classes:
    """Classes of change of a strip, and what the filters take out."""

    def __init__(self, inputs: Inputs, config: ChangeConfig) -> None:
        self.table, strata = coding(inputs)
        self.lookup = np.where(strata >= 0, strata, INVALID).astype(np.uint8)
        self._legend, self._rules, self._config = inputs.legend, inputs.rules, config
        self._years, self._strata = list(inputs.study.years), inputs.legend.strata
        count = len(self._strata)
        self._codes = np.zeros((INVALID + 1, INVALID + 1), np.uint8)
        self._codes[:count, :count] = class_table(self._strata, self._legend)
        stable = [kind.code for kind in change_classes() if kind.name in STABLE]
        self._change = np.ones(INVALID + 1, dtype=bool)
        self._change[[0, *stable]] = False
        forest = [self._legend.group_of(name) == "forest" for name in self._strata]
        self._forest = np.zeros(INVALID + 1, dtype=bool)
        self._forest[:count] = forest

    def of(
        self, pair: Pair, cover: Codes, *, hectares: npt.NDArray[np.float64]
    ) -> tuple[Codes, npt.NDArray[np.int32]]:
        """Return class and filter of every cell, and a key of the strata where change counts.

        The key is that of `sinks.patchpolygons.key_of`; 0 where no change counts.
        """
        start, end = (self._years.index(year) for year in pair)
        before, after = cover[start], cover[end]
        valid = (cover != INVALID).all(axis=0)
        codes = np.where(valid, self._codes[before, after], np.uint8(0))
        earlier = np.asarray(self._forest[cover[:start]].any(axis=0))
        codes = again(codes, earlier)
        changed = self._change[codes]
        removed = np.zeros(codes.shape, np.uint8)
        if self._config.remove_implausible:
            removed[changed] = IMPLAUSIBLE * self._doubted(pair, cover[:, changed])
        left = changed & (removed == 0)
        small = filters_of(self._config).of(codes, left, hectares=hectares)
        removed = np.where(left, small, removed)
        counted = changed & (removed == 0)
        keys = np.zeros(codes.shape, np.int32)
        keys[counted] = key_of(codes[counted], before[counted], after=after[counted])
        return codes + FILTER * removed, keys

    def _doubted(self, pair: Pair, cells: Codes) -> Mask:
        paths = cells.T.astype(np.int64)
        rules, strata, legend = self._rules, self._strata, self._legend
        found = doubted(paths, rules, pair=pair, years=self._years, strata=strata, legend=legend)
        return np.asarray(found > 0)


def _filter_table(
    inputs: Inputs, pair: Pair, *, drawn: RasterSource, execution: Execution
) -> pd.DataFrame:
    """Sum the working raster of one pair over the regions."""
    shapes = np.asarray(inputs.regions.frame.geometry.values)
    exact = inputs.study.landcover.coverage == "exact"
    joint = joint_table(
        {pair[1]: drawn}, outlines(shapes, drawn.grid, transformer=inputs.transformer),
        symbols=np.arange(256), nodata=(0,), exact=exact,
        execution=replace(execution, progress=None),
    )  # fmt: skip
    value = joint.paths[joint.path, 0].astype(np.int64)
    kinds = [kind for kind in change_classes() if kind.name != NOT_COUNTED]
    sums = np.zeros((len(inputs.regions), max(kind.code for kind in kinds) + 1, 4))
    area = joint.area * (joint.quantum / M2_PER_HA)
    np.add.at(sums, (joint.region, value % FILTER, value // FILTER), np.where(value > 0, area, 0.0))
    names = {kind.code: kind.name for kind in kinds}
    stable = [kind.code for kind in kinds if kind.name in STABLE]
    sums[:, [0, *stable]] = 0
    region, code = np.nonzero(sums.sum(axis=-1))
    rows = sums[region, code]
    whole = rows.sum(axis=-1)
    return pd.DataFrame(
        {
            "region_code": np.asarray(inputs.regions.codes, dtype=object)[region],
            "start": pair[0], "end": pair[1],
            "change_class": [names[i] for i in code.tolist()],
            "map_ha": whole, "implausible_ha": rows[:, IMPLAUSIBLE], "sieve_ha": rows[:, SIEVE],
            "minimum_area_ha": rows[:, MINIMUM_AREA], "counted_ha": rows[:, 0],
            "removed_pct": 100 * (whole - rows[:, 0]) / whole,
        },
        columns=list(COLUMNS),
    )  # fmt: skip


def _finish(inputs: Inputs, pair: Pair, *, file: Path, folder: Path) -> None:
    """Turn a working raster into a cloud-optimised GeoTIFF with its colours and names."""
    study, language = inputs.study, inputs.study.language
    kinds = change_classes()
    out = np.arange(256, dtype=np.uint8)
    out[FILTER:] = next(kind.code for kind in kinds if kind.name == NOT_COUNTED)
    plain = file.with_name(f"plain_{file.name}")
    with rasterio.Env(**GDAL_OPTIONS):
        with rasterio.open(file) as source, rasterio.open(plain, "w", **source.profile) as target:
            for strip in _strips(source.height, source.width * CELL_BYTES, reach=0):
                shape = Window(0, strip.first, source.width, strip.last - strip.first)
                target.write(out[source.read(1, window=shape)], 1, window=shape)
            colours = {kind.code: _rgb(kind.colour) for kind in kinds}
            target.write_colormap(1, {0: (0, 0, 0, 0), **colours})
            tags = {f"class_{kind.code}": f"{kind.name}: {kind.label[language]}" for kind in kinds}
            target.update_tags(
                source=f"sinks {__version__}", title=study.study.title,
                years=" ".join(map(str, pair)), **tags,
            )  # fmt: skip
            if study.study.synthetic:
                target.update_tags(synthetic=text("surfaces.synthetic", language))
        rasterio.shutil.copy(plain, folder / f"change_class_{pair[0]}_{pair[1]}.tif", **COG)


def _rgb(colour: str) -> tuple[int, int, int, int]:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return red, green, blue, 255
