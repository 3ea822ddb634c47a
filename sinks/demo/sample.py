"""The small sample in `data/`: a window of the example province and six invented districts.

`python -m sinks.demo.sample data` writes it again; a test compares the two.
"""

from __future__ import annotations

import csv
import hashlib
import io
import sys
from pathlib import Path
from typing import Final

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from affine import Affine

from sinks.demo.change import change_to_2015
from sinks.demo.cover import STRATA, Cover, Landscape, build_2010
from sinks.demo.density import write_density
from sinks.demo.frame import ALBERS, CELL, Frame
from sinks.demo.inputs import counties
from sinks.demo.raster import write_cover
from sinks.demo.studyfile import (
    Section,
    Value,
    landcover_section,
    regions_section,
    run_sections,
    study_section,
    study_text,
)
from sinks.regions import Regions, write_regions
from sinks.texts import Language, text

#: Middle of the window: the lakes north and the bamboo hills south of Xianning.
CENTRE: Final = (114.28, 29.82)
#: Side of the window [cells]: 40 km.
SIDE: Final = 200
#: Where the districts grow from, as parts of the window's width and height.
SEEDS: Final = ((0.2, 0.8), (0.55, 0.85), (0.85, 0.6), (0.2, 0.3), (0.5, 0.4), (0.8, 0.15))
LICENCE: Final = "Apache-2.0"
LANGUAGE: Final[Language] = "zh"
FILES: Final = (
    "boundaries/sample_districts.gpkg",
    "density.csv",
    "rasters/sample_2010.tif",
    "rasters/sample_2015.tif",
    "study.toml",
)


def write_sample(folder: Path, land: Landscape, *, later: Cover) -> None:
    """Write the sample and its registry.

    Parameters
    ----------
    folder : Path
    land : Landscape
        The example province in 2010.
    later : ndarray of uint8
        Its land cover of 2015.
    """
    for name in ("boundaries", "rasters"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    rows, columns, transform = window(land.site.frame)
    for year, cover in ((2010, land.cover), (2015, later)):
        path = folder / "rasters" / f"sample_{year}.tif"
        write_cover(
            path, cover[rows, columns], transform=transform, crs=land.site.frame.crs, year=year
        )
    write_regions(districts(transform), folder / "boundaries" / "sample_districts.gpkg")
    write_density(folder / "density.csv", STRATA, language=LANGUAGE)
    (folder / "study.toml").write_text(_study(LANGUAGE), encoding="utf-8", newline="\n")
    (folder / "registry.csv").write_text(_registry(folder), encoding="utf-8", newline="\n")


def window(frame: Frame) -> tuple[slice, slice, Affine]:
    """Return rows and columns of the window and the transform of its upper left corner."""
    column, row = (int(np.rint(float(place))) - SIDE // 2 for place in frame.cells(*CENTRE))
    west, north = frame.transform.c + column * CELL, frame.transform.f - row * CELL
    corner = Affine(CELL, 0.0, west, 0.0, -CELL, north)
    return slice(row, row + SIDE), slice(column, column + SIDE), corner


def districts(corner: Affine) -> Regions:
    """Return six districts that fill the window: Voronoi cells with winding borders."""
    size = SIDE * CELL
    seeds = shapely.MultiPoint([(x * size, y * size) for x, y in SEEDS])
    frame = shapely.box(0, 0, size, size)
    cells = shapely.get_parts(shapely.voronoi_polygons(seeds, extend_to=frame))
    cells = shapely.segmentize(shapely.intersection(cells, frame), 500.0)
    shapes = shapely.transform(cells, lambda xy: _bent(xy, size))
    shapes = shapely.transform(shapes, lambda xy: xy + np.array([corner.c, corner.f - size]))
    where = [int(np.flatnonzero(shapely.contains(cells, point))[0]) for point in seeds.geoms]
    names = [
        " · ".join(text(f"demo.sample.district.{number}", language) for language in ("zh", "en"))
        for number in range(1, len(SEEDS) + 1)
    ]
    county = " · ".join(text("demo.sample.county", language) for language in ("zh", "en"))
    columns = {
        "region_code": [f"S{number}" for number in range(1, len(SEEDS) + 1)],
        "region_name": names,
        "county": [county] * len(SEEDS),
    }
    geometry = [shapes[place] for place in where]
    return Regions(gpd.GeoDataFrame(columns, geometry=geometry, crs=ALBERS), parents=("county",))


def _bent(xy: npt.NDArray[np.float64], size: float) -> npt.NDArray[np.float64]:
    """Shift points by waves that die out at the window's edge; equal points stay equal."""
    x, y = np.asarray(np.round(xy, 3)).T
    calm = 16 * (x / size) * (1 - x / size) * (y / size) * (1 - y / size)
    east = 900 * np.sin(y / 1900) + 420 * np.sin(x / 1100 + 1.3)
    north = 900 * np.sin(x / 2100 + 0.6) + 420 * np.sin(y / 1000)
    return np.asarray(np.round(xy + np.stack([calm * east, calm * north], axis=1), 2))


def _study(language: Language) -> str:
    target: dict[str, Value] = {
        "name": "forest-carbon",
        "quantity": "carbon",
        "groups": ["forest"],
        "pools": ["agb", "bgb"],
        "kind": "increase",
        "value": 100_000,
        "unit": "t C",
        "start": 2010,
        "end": 2015,
        "share_by": "forest_area",
        "source": text("demo.sample.source", language),
    }
    share = {"share_by": text("demo.target.share", language)}
    regions = regions_section(
        "boundaries/sample_districts.gpkg",
        ["county"],
        comment="demo.sample.regions",
        language=language,
    )
    sections = [
        study_section("sample-2010-2015", text("demo.sample.title", language), language=language),
        regions,
        landcover_section("rasters/sample_{year}.tif", language),
        *run_sections(language),
        Section("[[targets]]", target, text("demo.sample.target", language), share),
    ]
    return study_text(text("demo.sample.head", language), sections)


def _registry(folder: Path) -> str:
    """Return the registry: path, SHA-256, licence and source of every file."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["path", "sha256", "licence", "source"])
    for name in FILES:
        digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        writer.writerow([name, digest, LICENCE, f"{text('demo.stamp', 'en')}; sinks.demo.sample"])
    return out.getvalue()


def main(folder: str) -> None:
    """Build the province and write the sample into a folder."""
    land = build_2010(counties().frame)
    write_sample(Path(folder), land, later=change_to_2015(land))


if __name__ == "__main__":
    main(sys.argv[1])
