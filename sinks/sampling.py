"""``sinks sample``: design a reference sample, draw its points, write the sheets to fill in."""

from __future__ import annotations

import json
import os
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
from pyproj import Transformer

from sinks.boundaries.geopackage import write_geopackage
from sinks.checks import Problems, Severity, nearest
from sinks.errors import OutputFailed, UnusableOption
from sinks.inputs import Inputs, load
from sinks.joint import STRIP_BYTES, Execution, threads
from sinks.landcover.assess import class_areas
from sinks.landcover.points import Frame, Points, draw_points, in_grid
from sinks.landcover.sample import (
    Allocation,
    allocate,
    area_error,
    expected_cells,
    size_for_area,
    size_for_overall,
    size_for_share,
)
from sinks.landcover.scheme import THEN, Scheme, scheme
from sinks.measure import coding, measure
from sinks.parameters import load_table, lookup
from sinks.results import write_table
from sinks.texts import Language, text
from sinks.wishes import MOST_UNITS, Wishes

#: The files that are written, and the design beside them.
SHEETS: Final = ("sample.csv", "sample.kml", "sample.gpkg")
DESIGN: Final = "design.csv"
SECTION: Final = "accuracy.toml"
#: User's accuracy that is most cautious to expect: its spread is the largest.
CAUTIOUS: Final = 0.5
KML: Final = "http://www.opengis.net/kml/2.2"


@dataclass(frozen=True)
class Designed:
    """A sample as it was written: where, how many units, and its strata."""

    folder: Path
    design: pd.DataFrame
    problems: Problems

    @property
    def units(self) -> int:
        """Units in all."""
        return int(self.design["units"].sum())


def design_sample(path: Path, wishes: Wishes, *, out: Path | None = None) -> Designed:
    """Design a reference sample for a study and write its sheets.

    Parameters
    ----------
    path : Path
        The study file.
    wishes : Wishes
    out : Path, optional
        Folder; ``sample`` beside the study by default.

    Returns
    -------
    Designed

    Raises
    ------
    InputProblems
        If the study has problems.
    UnusableOption
        If a wish cannot be met.
    OutputFailed
        If the folder holds a sample already: somebody may have filled it in.
    """
    problems = Problems()
    inputs = load(path, problems)
    folder = path.resolve().parent / "sample" if out is None else out
    _refuse_filled(folder, problems.language)
    problems.raise_errors()
    if inputs is None:  # never: without an error inputs are complete
        raise UnusableOption(str(path))
    year = inputs.study.years[-1] if wishes.year is None else wishes.year
    if year not in inputs.study.years:
        known = ", ".join(map(str, inputs.study.years))
        raise _refused("year", problems.language, found=year, known=known)
    if wishes.strata == "change" and len(inputs.study.years) != 2:
        found = ", ".join(map(str, inputs.study.years))
        raise _refused("change", problems.language, found=found, known="2")
    measured = measure(inputs, problems, execution=Execution(threads(), STRIP_BYTES))
    problems.raise_errors()
    own = scheme(inputs.legend, wishes.level)
    about = inputs.study.years if wishes.strata == "change" else (year,)
    activity = measured.mapped if measured else None  # points are drawn on the map
    if activity is None or problems.of(Severity.ERROR):
        raise UnusableOption(str(path))
    areas = class_areas(activity, own, years=about)
    design = _design(areas, wishes, language=problems.language, legend=inputs.legend.name,
                     level=inputs.study.uncertainty.level)  # fmt: skip
    points = _points(inputs, design, own=own, wishes=wishes, about=about)
    _write(inputs, points, folder=folder, design=design, about=about, wishes=wishes)
    return Designed(folder, design, problems)


def _refuse_filled(folder: Path, language: Language) -> None:
    held = [name for name in (*SHEETS, DESIGN, SECTION) if (folder / name).exists()]
    if held:
        raise OutputFailed(text("sample.exists", language, path=folder / held[0]))


def _refused(what: str, language: Language, *, found: object, known: str) -> UnusableOption:
    return UnusableOption(text(f"sample.refused.{what}", language, found=found, known=known))


def _design(
    areas: Mapping[str, float], wishes: Wishes, *, language: Language, legend: str, level: float
) -> pd.DataFrame:
    """Return a row for each stratum: its land, what is expected, and its units."""
    names = list(areas)
    hectares = np.array([areas[name] for name in names])
    weights = hectares / hectares.sum()
    for name in [*wishes.expect, *([wishes.area] if wishes.area else [])]:
        if name not in areas:
            raise _refused("class", language, found=name, known=nearest(name, names, count=8))
    usual = _usual_accuracy(legend)
    users = np.array([wishes.expect.get(name, usual) for name in names])
    least = wishes.least if wishes.least is not None else int(_default("least_units"))
    how: Allocation = "proportional" if wishes.strata == "none" else wishes.allocation
    size = wishes.size
    if size is None and wishes.area is not None and wishes.strata == "none":
        share = float(weights[names.index(wishes.area)])
        size = size_for_share(share, half_width=wishes.within * share, level=level)
    elif size is None and wishes.area is not None:
        size = size_for_area(
            weights.tolist(), users.tolist(), place=names.index(wishes.area),
            half_width=wishes.within, level=level, how=how, least=least,
        )  # fmt: skip
    elif size is None:
        se = _default("se_overall") if wishes.se is None else wishes.se
        size = size_for_overall(weights, users, se=se)
    if size > MOST_UNITS:
        raise _refused("large", language, found=f"{size:.3g}", known=f"{MOST_UNITS:,}")
    if size < 2 * len(names) and wishes.strata != "none":
        raise _refused("size", language, found=size, known=str(2 * len(names)))
    units = allocate(weights, users, size=size, how=how, least=least)
    error = area_error(expected_cells(weights, users), weights, units=units)
    return pd.DataFrame(
        {
            "stratum": names, "map_ha": hectares, "share": weights, "expected_users": users,
            "units": units,
            "expected_users_se": np.sqrt(users * (1 - users) / np.maximum(units - 1, 1)),
            "expected_area_se_ha": error * hectares.sum(),
        }
    )  # fmt: skip


def _default(name: str) -> float:
    return lookup("sample_design", name=name).value


def _usual_accuracy(legend: str) -> float:
    """Return the overall accuracy that a product's makers published, else the cautious one."""
    rows = load_table("landcover_products").set_index("product")
    found = float(rows["overall_accuracy"].get(legend, np.nan)) / 100
    return found if 0 < found < 1 else CAUTIOUS


def _points(
    inputs: Inputs, design: pd.DataFrame, *, own: Scheme, wishes: Wishes, about: Sequence[int]
) -> Points:
    """Draw the points of every stratum."""
    table, lookup_ = coding(inputs)
    years = inputs.study.years
    number = {name: i for i, name in enumerate(own.classes)}
    frame = Frame(
        common=[inputs.sources[year] for year in years],
        years=[years.index(year) for year in about],
        symbols=table, stratum=lookup_,
        classes=np.array([number[own.of_stratum[name]] for name in inputs.legend.strata]),
        count=len(number),
        shapes=in_grid(np.asarray(inputs.regions.frame.geometry.values), inputs.transformer),
        nodata=sorted(inputs.legend.nodata_codes),
    )  # fmt: skip
    if wishes.strata == "none":
        wanted = {-1: int(design["units"].sum())}
    else:
        wanted = {}
        for name, units in zip(design["stratum"], design["units"], strict=True):
            code = 0
            for part in str(name).split(THEN):
                code = code * len(number) + number[part]
            wanted[code] = int(units)
    seed = inputs.study.uncertainty.seed if wishes.seed is None else wishes.seed
    return draw_points(frame, wanted, seed=seed)


def _write(
    inputs: Inputs, points: Points, *, folder: Path, design: pd.DataFrame, about: Sequence[int],
    wishes: Wishes,
) -> None:  # fmt: skip
    """Write the sheets: points without what the map says, so that interpreters do not know."""
    grid = inputs.sources[inputs.study.years[0]].grid
    lon, lat = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True).transform(
        points.x, points.y
    )
    count = len(points.x)
    width = len(str(count))
    answers = [f"reference_{year}" for year in about]
    sheet = pd.DataFrame(
        {
            "id": [f"{i:0{width}d}" for i in range(1, count + 1)],
            "x": points.x, "y": points.y, "lon": np.round(lon, 7), "lat": np.round(lat, 7),
            **{name: [""] * count for name in answers},
            **{name: [""] * count for name in ("certain", "interpreter", "date", "note")},
        }
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    write_table(sheet, folder / "sample.csv")
    write_table(design, folder / DESIGN)
    places = gpd.GeoDataFrame(sheet, geometry=gpd.points_from_xy(lon, lat), crs="EPSG:4326")
    write_geopackage(places, folder / "sample.gpkg", layer="sample")
    _write_kml(sheet, folder / "sample.kml", title=inputs.study.study.title)
    code = grid.crs.to_authority(min_confidence=100)
    place = Path(os.path.relpath((folder / "sample.csv").resolve(), inputs.study.base))
    lines = ["[accuracy]", f"sample = {json.dumps(place.as_posix(), ensure_ascii=False)}"]
    lines.append(f'design = "{"simple" if wishes.strata == "none" else "stratified"}"')
    lines.append(f'level = "{wishes.level}"')
    if code:
        lines.append(f'crs = "{":".join(code)}"')
    (folder / SECTION).write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def _write_kml(sheet: pd.DataFrame, path: Path, *, title: str) -> None:
    """Write points for Google Earth and the like; names are escaped by the library."""
    ET.register_namespace("", KML)
    root = ET.Element(f"{{{KML}}}kml")
    document = ET.SubElement(root, f"{{{KML}}}Document")
    ET.SubElement(document, f"{{{KML}}}name").text = title
    for name, lon, lat in zip(sheet["id"], sheet["lon"], sheet["lat"], strict=True):
        mark = ET.SubElement(document, f"{{{KML}}}Placemark")
        ET.SubElement(mark, f"{{{KML}}}name").text = str(name)
        point = ET.SubElement(mark, f"{{{KML}}}Point")
        ET.SubElement(point, f"{{{KML}}}coordinates").text = f"{lon:.7f},{lat:.7f}"
    ET.indent(root)
    tree = ET.ElementTree(root)
    tree.write(path, encoding="utf-8", xml_declaration=True)


def described(made: Designed, language: Language) -> list[str]:
    """Return what a command line says of a sample."""
    rows = made.design.to_dict("records")
    return [
        text("sample.written", language, path=made.folder, units=f"{made.units:,}"),
        *(
            text(
                "sample.stratum", language, stratum=row["stratum"], units=row["units"],
                share=f"{100 * row['share']:.3g}", se=f"{row['expected_area_se_ha']:,.0f}",
            )
            for row in rows
        ),
        text("sample.next", language, path=made.folder / SECTION),
    ]  # fmt: skip
