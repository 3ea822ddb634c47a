"""The pictures of a run, drawn year by year and kept within a budget."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image
from rasterio.enums import Resampling
from rasterio.errors import NotGeoreferencedWarning

from sinks.layers.frame import LONGEST, Bounds, Frame, Paint, frame_of, warp
from sinks.layers.paint import (
    CHANGE_CLASSES,
    LAST,
    Colour,
    StrataOf,
    change_colours,
    change_table,
    changes_of,
    density_colours,
    density_of,
    quantised,
    strata_colours,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rasterio.windows import Window

    from sinks.legend import Legend
    from sinks.raster import RasterSource
    from sinks.regioncells import RegionCells

    Pixels = NDArray[np.uint8]

#: All pictures of a map together [bytes]: embedded with their coarser levels they grow by 7/9.
BUDGET: Final = 7_000_000
#: What a region's outline and numbers take away from them [bytes], and what is left at least.
PER_REGION: Final = 1200
LEAST: Final = 3_000_000
#: The density of each year: by stratum [t C/ha].
Densities = Mapping[int, Mapping[str, float]]
Record = dict[str, Any]


@dataclass(frozen=True)
class Regional:
    """Densities that differ between regions.

    Attributes
    ----------
    cells : RegionCells
        On the grid of all years.
    densities : mapping of year to ndarray, dims (region, stratum)
        By the legend's strata [t C/ha].
    """

    cells: RegionCells
    densities: Mapping[int, NDArray[np.float32]]

    def steps(self, strata: Pixels, year: int, *, window: Window, high: float) -> NDArray[np.uint8]:
        """Return the colour index of every cell's density; cells are averaged by these steps."""
        own = self.densities[year]
        wide = np.full((len(own) + 1, own.shape[1] + 1), np.nan, np.float32)
        wide[:-1, 1:] = own  # the last region is none, the first stratum is none
        row, col = int(window.row_off), int(window.col_off)
        regions = self.cells.at((row, row + int(window.height), col, col + int(window.width)))
        return quantised(wide, high=high)[regions, strata]


def steps(*, high: float) -> NDArray[np.float32]:
    """Return the density of every colour index [t C/ha]."""
    return np.append(np.float32(np.nan), np.linspace(0, high, LAST, dtype=np.float32))


@dataclass(frozen=True)
class _Job:
    """One picture to draw: its kind, its years and how its pixels come about."""

    kind: str
    years: tuple[int, ...]
    colours: Sequence[Colour]
    summed_by: Resampling
    extra: Record

    @property
    def name(self) -> str:
        return "-".join([self.kind, *map(str, self.years)])

    @property
    def record(self) -> Record:
        """What the manifest says of it; a change goes by its later year."""
        years = {"start": self.years[0]} if len(self.years) > 1 else {}
        return {"kind": self.kind, "year": self.years[-1], **years, **self.extra}


class _Painter:
    """Draws the pictures of a study on one frame."""

    def __init__(
        self, sources: Mapping[int, RasterSource], legend: Legend, *,
        frame: Frame, densities: Densities, regional: Regional | None = None,
    ) -> None:  # fmt: skip
        self.sources, self.frame, self.densities = sources, frame, densities
        self.strata = StrataOf.of(legend)
        self.legend = legend
        self.changes = change_table(legend)
        self.regional = regional
        known = [value for held in densities.values() for value in held.values()]
        if regional is not None:
            known += [float(np.nanmax(own, initial=0.0)) for own in regional.densities.values()]
        self.high = max([value for value in known if np.isfinite(value)], default=0.0) or 1.0

    def jobs(self) -> list[_Job]:
        """Return every picture of the study: each year's, then the changes."""
        years = sorted(self.sources)
        cover = strata_colours(self.legend)
        jobs = [_Job("landcover", (year,), cover, Resampling.mode, {}) for year in years]
        scale = {"unit": "t C/ha", "low": 0.0, "high": self.high}
        jobs += [
            _Job("density", (year,), density_colours(), Resampling.average, scale)
            for year in years
            if year in self.densities or (self.regional and year in self.regional.densities)
        ]
        # Cells of two years meet only on one grid.
        pairs = sorted({*pairwise(years), (years[0], years[-1])})
        jobs += [
            _Job("change", pair, change_colours(), Resampling.mode, {})
            for pair in pairs
            if pair[0] != pair[1] and self.sources[pair[0]].grid == self.sources[pair[1]].grid
        ]
        return jobs

    def draw(self, job: _Job) -> Pixels:
        """Return the colour indices of a picture."""
        sources = [self.sources[year] for year in job.years]
        shape, density = (self.frame.height, self.frame.width), job.kind == "density"
        values: Any = np.arange(self.kinds(job), dtype=np.uint8)
        if density and self.regional is not None:
            values = steps(high=self.high)
        elif density:
            values = density_of(self.legend, self.densities[job.years[0]])
        out = np.empty(shape, values.dtype)
        warp(sources, self.frame, paint=self._paint(job), values=values, out=out, averaged=density)
        return quantised(out, high=self.high) if density else out

    def kinds(self, job: _Job) -> int:
        """Return how many kinds of cells a picture tells apart, none among them."""
        return 1 + (len(CHANGE_CLASSES) if job.kind == "change" else len(self.legend.strata))

    def _paint(self, job: _Job) -> Paint:
        def paint(cells: list[Any], window: Window) -> Any:
            indices = [
                self.strata(values, self.sources[year].nodata)
                for values, year in zip(cells, job.years, strict=True)
            ]
            if job.kind == "density" and self.regional is not None:
                return self.regional.steps(indices[0], job.years[0], window=window, high=self.high)
            return changes_of(*indices, table=self.changes) if len(indices) > 1 else indices[0]

        return paint


def _save(pixels: Pixels, path: Path, *, job: _Job) -> None:
    """Write a picture: one byte per pixel, colour 0 transparent, no metadata."""
    image = Image.fromarray(pixels, mode="P")
    image.putpalette([channel for colour in job.colours for channel in colour])
    opaque = bytearray([0, *[255] * (len(job.colours) - 1)])
    if job.kind == "change":
        opaque[len(CHANGE_CLASSES)] = 0  # what did not change shows what lies below
    image.save(path, format="PNG", transparency=bytes(opaque), compress_level=6, optimize=False)


def landcover_layer(
    source: RasterSource,
    legend: Legend,
    *,
    path: Path,
    clip: Bounds | None = None,
    longest: int = LONGEST,
) -> Record:
    """Write one class raster as a palette PNG in Web Mercator.

    Parameters
    ----------
    source : RasterSource
        The checked raster; its grid's CRS and its no-data code hold, not the file's.
    legend : Legend
        Gives every code its stratum and the stratum its colour.
    path : Path
        The PNG to write: one byte per pixel, colour 0 transparent, no metadata.
    clip : (west, south, east, north), optional
        Show only this part [degrees], e.g. the extent of the regions.
    longest : int
        Cap on the longer side [pixels].

    Returns
    -------
    dict
        ``bounds`` ``[[south, west], [north, east]]`` of the outer pixel edges [degrees, WGS 84],
        ``width``, ``height`` [pixels] and ``resampling`` (``nearest`` or ``mode``).

    Raises
    ------
    ValueError
        If raster and `clip` do not meet.

    Notes
    -----
    The same raster and legend give the same bytes: no time stamp, no random palette order.
    """
    frame = frame_of(source.grid, clip, longest=longest)
    painter = _Painter({0: source}, legend, frame=frame, densities={})
    job = painter.jobs()[0]
    path.parent.mkdir(parents=True, exist_ok=True)
    _save(painter.draw(job), path, job=job)
    return _placed(frame, job)


def _placed(frame: Frame, job: _Job) -> Record:
    """Return where a picture lies and how its pixels came about."""
    return {
        "bounds": frame.bounds,
        "width": frame.width,
        "height": frame.height,
        "resampling": (job.summed_by if frame.thinned else Resampling.nearest).name,
    }


def budget_beside(regions: int) -> int:
    """Return what the pictures of a map may take [bytes], so that the file stays below 15 MB."""
    return max(LEAST, BUDGET - PER_REGION * regions)


def write_layers(
    sources: Mapping[int, RasterSource],
    legend: Legend,
    *,
    folder: Path,
    clip: Bounds | None = None,
    densities: Densities | Regional | None = None,
    budget: int = BUDGET,
) -> list[Record]:
    """Write the pictures of a study: ``landcover-YEAR.png``, ``density-YEAR.png``, and
    ``change-START-END.png`` of every pair of years compared.

    Parameters
    ----------
    sources : mapping of year to RasterSource
    legend : Legend
    folder : Path
        Where the pictures go; their ``path`` in the result is relative to its parent.
    clip : (west, south, east, north), optional
        Show only this part [degrees].
    densities : mapping of year to mapping of stratum to float, or Regional, optional
        Carbon of all pools [t C/ha]; without it no density is drawn.
    budget : int
        All pictures together [bytes]. Above it all of them are drawn again, coarser: a long
        series stays a map that opens at once.

    Returns
    -------
    list of dict
        One record per picture: ``kind``, ``year`` (and ``start`` of a change), ``path``,
        ``bounds``, ``width``, ``height``, ``resampling``; of densities ``unit``, ``low`` and
        ``high``, the values of the first and the last colour.
    """  # noqa: D205
    folder.mkdir(parents=True, exist_ok=True)
    longest = LONGEST
    while True:
        with warnings.catch_warnings():
            # Arrays have their place in the warp's arguments; their own, which is none, is moot.
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            records = _drawn(sources, legend, folder=folder, clip=clip,
                             densities=densities or {}, longest=longest)  # fmt: skip
        size = sum((folder / Path(record["path"]).name).stat().st_size for record in records)
        if size <= budget or longest <= 256:
            return records
        # Size grows with the pixels, a little less; aim just below the budget.
        shrink = 0.95 * (budget / size) ** 0.5
        side = max(max(record["width"], record["height"]) for record in records)
        longest = max(256, int(min(longest, side) * shrink))


def _drawn(
    sources: Mapping[int, RasterSource], legend: Legend, *, folder: Path, clip: Bounds | None,
    densities: Densities | Regional, longest: int,
) -> list[Record]:  # fmt: skip
    """Draw and write every picture with sides of at most `longest` pixels."""
    regional = densities if isinstance(densities, Regional) else None
    painters = {
        year: _Painter(
            sources,
            legend,
            frame=frame_of(source.grid, clip, longest=longest),
            densities={} if isinstance(densities, Regional) else densities,
            regional=regional,
        )
        for year, source in sources.items()
    }
    jobs = next(iter(painters.values())).jobs()

    def write(job: _Job) -> Record:
        painter = painters[job.years[0]]
        path = folder / f"{job.name}.png"
        _save(painter.draw(job), path, job=job)
        return {**job.record, "path": f"{folder.name}/{path.name}", **_placed(painter.frame, job)}

    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        return list(pool.map(write, jobs))
