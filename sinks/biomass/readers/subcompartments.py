"""Sub-compartments (小班) as they stand in a file, by the names of this program.

Field names and code families are data: ``inventory/subcompartment_fields`` (forest map LY/T 1955,
planning inventory GB/T 26424), ``inventory/subcompartment_land`` and ``inventory/cfi_codes``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from pyproj import CRS, Transformer

from sinks.biomass.expansion import LARGEST_VOLUME
from sinks.biomass.plotchecks import per_mu
from sinks.boundaries.position import settle_crs
from sinks.boundaries.reading import read_layer
from sinks.boundaries.vectors import Request, VectorLayer
from sinks.checks import Problems, first_few, nearest
from sinks.limits import Limits
from sinks.parameters import load_table
from sinks.units import HA_PER_MU, M2_PER_HA

Floats = npt.NDArray[np.float64]
NUMBERS: Final = ("area", "volume", "volume_total", "age")
TEXTS: Final = ("polygon_id", "region", "land_type", "origin", "age_group", "species")
#: Equal-area grid of the world, for areas of many small polygons at once.
EQUAL_AREA: Final = "EPSG:6933"
#: Stated over drawn area where the unit is another: mu, and square metres.
AREA_UNITS: Final = {"mu": 1 / HA_PER_MU, "m2": M2_PER_HA}
#: Stated and drawn area of one polygon differ by less than this many times.
AREA_ROOM: Final = 1.5
#: How far the median of that ratio may lie from a unit's own.
UNIT_ROOM: Final = 0.1


@dataclass(frozen=True)
class Asked:
    """What a study says of a file of sub-compartments.

    Attributes
    ----------
    shown : str
        The file as messages name it.
    fields : mapping of str to str
        Field by what it holds, where the packaged names do not fit.
    crs, encoding, layer : str, optional
        Asserted by the user.
    limits : Limits
    """

    shown: str
    fields: Mapping[str, str]
    crs: str | None = None
    encoding: str | None = None
    layer: str | None = None
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, eq=False)
class Records:
    """Sub-compartments of one file.

    Attributes
    ----------
    frame : DataFrame
        One row each, in the file's order: the texts and numbers above; areas in ha, volumes in
        m³/ha, NaN or "" where the file says nothing.
    shapes : ndarray of shapely polygons
        None where a row has none.
    crs : CRS or None
    shown : str
    """

    frame: pd.DataFrame
    shapes: npt.NDArray[Any]
    crs: CRS | None
    shown: str


def read_records(path: Path, asked: Asked, *, problems: Problems) -> Records | None:
    """Read the sub-compartments of a GeoPackage, Shapefile, zipped Shapefile or GeoJSON.

    Parameters
    ----------
    path : Path
    asked : Asked
    problems : Problems
        Takes everything that is wrong, with the rows.

    Returns
    -------
    Records or None
        None if the file cannot be used. With errors among the problems the records are good for
        one thing alone: to look for what else is wrong with them.
    """
    table = load_table("inventory/subcompartment_fields")
    limits = asked.limits.model_copy(update={"features": asked.limits.polygons})
    request = Request(
        asked.shown, tuple(asked.fields.values()), asked.layer, asked.encoding, limits,
        tuple(table["column"]),
    )  # fmt: skip
    layer = read_layer(path, request, problems=problems)
    if layer is None:
        return None
    found = _titles(layer, asked.fields)
    if not _complete(found, layer, asked=asked, problems=problems):
        return None
    crs = settle_crs(layer.crs, asked.crs, gcj02=False, file=asked.shown, problems=problems)
    frame = _frame(layer, found, asked=asked, problems=problems)
    if crs is None:
        return None
    drawn = equal_area_hectares(layer.geometry, crs)
    frame["area"] = _settled_area(frame["area"].to_numpy(), drawn, asked=asked, problems=problems)
    whole = frame["volume_total"] / frame["area"]
    frame["volume"] = frame["volume"].fillna(whole)
    _check(frame, layer.geometry, asked=asked, problems=problems)
    return Records(frame, layer.geometry, crs, asked.shown)


def _titles(layer: VectorLayer, fields: Mapping[str, str]) -> dict[str, tuple[str, float]]:
    """Return the field and the factor of everything that the file holds.

    The family of names with the most fields in the file comes first: two of them may share one.
    """
    table = load_table("inventory/subcompartment_fields")
    known = {title.lower(): title for title in layer.columns}
    own = table[table["column"].str.lower().isin(known)]
    order = own["format"].map(own["format"].value_counts())
    found = {name: (title, 1.0) for name, title in fields.items()}
    for row in own.iloc[(-order).argsort(kind="stable")].to_dict("records"):
        title = known[str(row["column"]).lower()]
        found.setdefault(str(row["name"]), (title, float(row["factor"])))
    return found


def _complete(
    found: Mapping[str, object], layer: VectorLayer, *, asked: Asked, problems: Problems
) -> bool:
    missing = [] if {"volume", "volume_total"}.intersection(found) else ["volume"]
    missing += [] if "species" in found else ["species"]
    if missing:
        table = load_table("inventory/subcompartment_fields")
        titles = ", ".join(table[table["name"].isin(missing)]["column"])
        problems.error(
            "subcompartments.fields", file=asked.shown, missing=", ".join(missing), known=titles,
            found=first_few(layer.columns, problems.language, count=12) or "-",
        )  # fmt: skip
    return not missing


def _frame(
    layer: VectorLayer, found: Mapping[str, tuple[str, float]], *, asked: Asked, problems: Problems
) -> pd.DataFrame:
    count = len(layer.geometry)
    data: dict[str, Any] = {}
    for name in TEXTS:
        blank: list[object] = [""] * count
        data[name] = _texts(layer.columns[found[name][0]] if name in found else blank)
    for name in NUMBERS:
        if name not in found:
            data[name] = np.full(count, np.nan)
            continue
        title, factor = found[name]
        numbers, wrong = _numbers(layer.columns[title])
        if wrong:
            shown = first_few(wrong, problems.language)
            problems.error(
                "subcompartments.number", file=asked.shown, place=title, count=len(wrong),
                items=shown,
            )  # fmt: skip
        data[name] = numbers * factor
    return pd.DataFrame(data)


def _numbers(values: Sequence[object]) -> tuple[Floats, list[str]]:
    """Return a column as numbers, and the cells that are none or negative, with their rows."""
    column = pd.Series(list(values), dtype=object).replace("", None)
    numbers = np.asarray(pd.to_numeric(column, errors="coerce"), dtype=np.float64)
    given = np.asarray(column.notna())
    with np.errstate(invalid="ignore"):
        wrong = np.flatnonzero((np.isnan(numbers) & given) | (numbers < 0))
    # Negative is not measured: the rest of the checks goes on without it.
    numbers = np.where(numbers < 0, np.nan, numbers)
    return numbers, [f"{i + 1}: {values[i]}" for i in wrong.tolist()]


def _texts(values: Sequence[object]) -> npt.NDArray[np.object_]:
    """Return a column as text; codes that a table turned into numbers lose their decimal point."""
    codes, distinct = pd.factorize(np.asarray(values, dtype=object))
    plain = [str(value).strip().removesuffix(".0") for value in distinct]
    return np.array([*plain, ""], dtype=object)[codes]


def equal_area_hectares(shapes: npt.NDArray[Any], crs: CRS) -> Floats:
    """Return the areas of many small polygons [ha], on an equal-area grid.

    Edges are taken as straight on that grid: where they are a kilometre long the area of a polygon
    moves by some hundred-thousandths, where they are a hundred metres by less than a millionth.
    """
    there = Transformer.from_crs(crs, EQUAL_AREA, always_xy=True)

    def move(points: Floats) -> Floats:
        return np.column_stack(there.transform(points[:, 0], points[:, 1]))

    return np.asarray(shapely.area(shapely.transform(shapes, move)) / M2_PER_HA)


def _settled_area(stated: Floats, drawn: Floats, *, asked: Asked, problems: Problems) -> Floats:
    """Return the areas in hectares: stated, mended where their unit is surely another, or drawn."""
    both = (stated > 0) & (drawn > 0)
    if not both.any():
        return np.where(stated > 0, stated, drawn)
    ratio = float(np.median(stated[both] / drawn[both]))
    for unit, factor in AREA_UNITS.items():
        if abs(ratio / factor - 1) < UNIT_ROOM:
            problems.repair(
                "subcompartments.area_unit", file=asked.shown, unit=unit, ratio=f"{ratio:.4g}"
            )
            stated = stated / factor
            ratio = 1.0
    if abs(ratio - 1) > UNIT_ROOM:
        problems.error("subcompartments.area", file=asked.shown, ratio=f"{ratio:.4g}")
    else:
        _tell_areas(stated, drawn, asked=asked, problems=problems)
    return np.where(stated > 0, stated, drawn)


def _tell_areas(stated: Floats, drawn: Floats, *, asked: Asked, problems: Problems) -> None:
    """Warn of single polygons whose stated area is not that of what is drawn."""
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = stated / drawn
        apart = np.flatnonzero((stated > 0) & ((ratio > AREA_ROOM) | (ratio < 1 / AREA_ROOM)))
    if apart.size:
        items = [f"{i + 1}: {stated[i]:.4g} / {drawn[i]:.4g}" for i in apart.tolist()]
        problems.warn(
            "subcompartments.area_rows", file=asked.shown, count=apart.size,
            items=first_few(items, problems.language),
            difference=f"{(stated - drawn)[apart].sum():.6g}",
        )  # fmt: skip


def _check(
    frame: pd.DataFrame, shapes: npt.NDArray[Any], *, asked: Asked, problems: Problems
) -> None:
    """Tell of polygons without an area, drawn twice, and of volumes that are per mu."""
    empty = np.flatnonzero(~(frame["area"].to_numpy() > 0))
    if empty.size:
        rows = first_few((empty + 1).tolist(), problems.language)
        problems.warn("subcompartments.no_area", file=asked.shown, count=empty.size, rows=rows)
    twice = np.flatnonzero(pd.Series(shapely.to_wkb(shapes)).duplicated() & ~pd.isna(shapes))
    if twice.size:
        rows = first_few((twice + 1).tolist(), problems.language)
        problems.error("subcompartments.twice", file=asked.shown, count=twice.size, rows=rows)
    volumes = frame["volume"].to_numpy(dtype=np.float64)
    with np.errstate(invalid="ignore"):
        large = np.flatnonzero(volumes > LARGEST_VOLUME)
    if large.size:
        items = first_few([f"{i + 1}: {volumes[i]:g}" for i in large.tolist()], problems.language)
        problems.error(
            "subcompartments.volume", file=asked.shown, count=large.size, items=items,
            limit=f"{LARGEST_VOLUME:g}",
        )  # fmt: skip
    volume = frame["volume"][frame["volume"] > 0]
    # Stands of China hold 50 to 100 m³/ha; the same per mu is a fifteenth.
    if len(volume) >= 30 and volume.median() < 8:
        problems.warn("subcompartments.per_mu", file=asked.shown, median=f"{volume.median():.3g}")
    elif (low := per_mu(volumes)).size:
        items = first_few([f"{i + 1}: {volumes[i]:g}" for i in low.tolist()], problems.language)
        problems.warn("subcompartments.per_mu_rows", file=asked.shown, count=low.size, items=items)


def unknown_fields(fields: Mapping[str, str]) -> str:
    """Return the names that a study gives and no field has, with the nearest; empty if none."""
    known = (*TEXTS, *NUMBERS)
    strange = [name for name in fields if name not in known]
    return "; ".join(f"{name} ({nearest(name, known)})" for name in strange)
