"""The good study that every bad one is made from, and the words in which a case is written.

Twelve columns and eight rows of hectares in CGCS2000 / 3-degree Gauss-Kruger CM 114E (EPSG:4547);
three counties of four columns each, as in `tests.tiny`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import numpy.typing as npt
from rasterio.transform import Affine, from_origin
from shapely.geometry import box

from tests import tiny

CRS: Final = "EPSG:4547"
WEST, NORTH, CELL = 500_000.0, 3_370_000.0, 100.0
AT: Final = from_origin(WEST, NORTH, CELL, CELL)
STUDY: Final = """\
[study]
name = "hostile"
title = "A small province"
language = "en"
[regions]
path = "counties.gpkg"
code = "code"
name = "name"
parents = ["prefecture"]
[landcover]
legend = "legend.csv"
rasters = { 2010 = "lc2010.tif", 2015 = "lc2015.tif" }
[density]
table = "density.csv"
[uncertainty]
draws = 20
seed = 1
[[targets]]
name = "carbon"
quantity = "carbon"
groups = ["forest"]
pools = ["agb"]
kind = "increase"
value = 100
unit = "t C"
start = 2010
end = 2015
"""
#: The density table of the tiny province, with a spread in every row.
DENSITY: Final = tiny.DENSITY.replace("lake,agb,,0,,", "lake,agb,,0,0,")
COUNTIES: Final = {"code": ["420101", "420102", "420203"], "name": ["甲县", "乙县", "丙县"]}

Maker = Callable[[Path], object]


@dataclass(frozen=True)
class Case:
    """A bad input and its answer.

    Attributes
    ----------
    name : str
    make : callable
        Takes the folder of a good study and breaks one thing in it.
    answer : {"ERROR", "REPAIR", "WARN", "FINE"}
        ERROR refuses with exactly these codes; REPAIR and WARN run and tell exactly these.
    codes : tuple of str
    file : str
        What the first problem must name.
    place : str
        Pattern that its place must match.
    says : str
        Pattern that the English text must match.
    """

    name: str
    make: Maker
    answer: str
    codes: tuple[str, ...]
    file: str
    place: str = ""
    says: str = ""


CASES: Final[list[Case]] = []


def _name(make: Callable[..., object]) -> str:
    """Return how a case is called: its module's and its function's name."""
    return f"{make.__module__.rpartition('.')[2]}.{make.__name__}"


def case(
    answer: str, *codes: str, file: str = "", place: str = "", says: str = ""
) -> Callable[[Maker], Maker]:
    """Return a decorator that makes a case of a function; its name is the case's."""

    def note(make: Maker) -> Maker:
        CASES.append(Case(_name(make), make, answer, codes, file, place, says))
        return make

    return note


def each(
    answer: str, *codes: str, file: str = "", variants: Mapping[str, Any], says: str = ""
) -> Callable[[Callable[[Path, Any], object]], Callable[[Path, Any], object]]:
    """Return a decorator that makes a case of every variant, which the function is given."""

    def note(make: Callable[[Path, Any], object]) -> Callable[[Path, Any], object]:
        for label, value in variants.items():
            name = f"{_name(make)}-{label}"

            def one(folder: Path, value: Any = value) -> object:
                return make(folder, value)

            CASES.append(Case(name, one, answer, codes, file, "", says))
        return make

    return note


def cells(year: int) -> npt.NDArray[np.uint8]:
    """Return the class codes of a year, dims (row, column): no cell without data."""
    codes = np.array([[1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4]] * 8, np.uint8)
    if year == 2015:
        codes[:2, 2:4] = 1
        codes[7, 11] = 3
    return codes


def raster(
    folder: Path,
    year: int = 2015,
    *,
    values: npt.NDArray[Any] | None = None,
    crs: str | None = CRS,
    transform: Affine | None = AT,
    **options: Any,
) -> Path:
    """Write the raster of a year again, in another way."""
    path = folder / f"lc{year}.tif"
    path.unlink(missing_ok=True)
    values = cells(year) if values is None else values
    return tiny.write_raster(path, values, crs=crs, transform=transform, **options)


def rasters(folder: Path, **options: Any) -> None:
    """Write the rasters of both years again, in another way."""
    for year in (2010, 2015):
        raster(folder, year, **options)


def counties(**columns: Any) -> gpd.GeoDataFrame:
    """Return the three counties; columns replace or add."""
    shapes = [
        box(WEST + 400 * i, NORTH - 800, WEST + 400 * (i + 1), NORTH)
        for i in range(len(COUNTIES["code"]))
    ]
    data = COUNTIES | {"prefecture": ["江北市", "江北市", "江南市"]} | columns
    return gpd.GeoDataFrame(data, geometry=shapes, crs=CRS)


def regions(folder: Path, frame: gpd.GeoDataFrame, name: str = "counties.gpkg", **how: Any) -> Path:
    """Write another boundary file and name it in the study."""
    path = folder / name
    path.unlink(missing_ok=True)
    frame.to_file(path, **how)
    return named(folder, name)


def named(folder: Path, name: str) -> Path:
    """Name another boundary file in the study."""
    replace(folder, 'path = "counties.gpkg"', f'path = "{name}"')
    return folder / name


def replace(folder: Path, old: str, new: str, *, file: str = "study.toml") -> None:
    """Replace a piece of a text file that is there exactly once."""
    text = (folder / file).read_text(encoding="utf-8")
    assert text.count(old) == 1, (file, old)
    (folder / file).write_text(text.replace(old, new), encoding="utf-8")


def study(old: str, new: str) -> Maker:
    """Return what replaces a piece of the study file."""
    return lambda folder: replace(folder, old, new)


def key(line: str, *, under: str) -> Maker:
    """Return what adds a line under a table's head."""
    return lambda folder: replace(folder, f"[{under}]\n", f"[{under}]\n{line}\n")


def write_good(folder: Path) -> None:
    """Write the good study."""
    folder.mkdir(parents=True)
    rasters(folder)
    counties().to_file(folder / "counties.gpkg", layer="counties")
    (folder / "legend.csv").write_text(tiny.LEGEND, encoding="utf-8")
    (folder / "density.csv").write_text(DENSITY, encoding="utf-8")
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")


def unfilled(text: str) -> list[str]:
    """Return the placeholders that were left in a text."""
    return re.findall(r"\{[a-z_]+(?:[.:!\[][^{}]*)?\}", text)
