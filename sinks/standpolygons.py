"""Every sub-compartment with its carbon and its interval, as a GeoPackage: one layer per survey."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from sinks.biomass.density import Density
from sinks.biomass.readers.subcompartments import Asked, Records, read_records
from sinks.biomass.standdensity import PlacedStands, StandDensity
from sinks.biomass.stands import StandCarbon
from sinks.biomass.subcompartments import polygons
from sinks.boundaries.geopackage import append_geopackage
from sinks.checks import Problems
from sinks.inputs import Inputs
from sinks.results import STANDS


def write_stands_file(inputs: Inputs, density: Density, *, folder: Path) -> list[dict[str, Any]]:
    """Write `subcompartments.gpkg` of a study whose densities rest on sub-compartments.

    Parameters
    ----------
    inputs : Inputs
    density : Density
    folder : Path
        Gets the file, with a layer ``subcompartments_YEAR`` for every survey, named by the first
        year of the study that it serves; none without sub-compartments.

    Returns
    -------
    list of dict
        One record per layer for the manifest: ``layer``, ``years`` that it serves, ``file`` that
        it was read from, ``model`` and the number of ``polygons``.

    Notes
    -----
    The polygons are read again: a run holds none of them while it computes.
    """
    config, stands = inputs.study.density.subcompartments, density.stands
    if config is None or stands is None:
        return []
    layers = []
    for k, path in _surveys(stands):
        asked = Asked(
            path, config.fields, config.crs, config.encoding, config.layer, inputs.study.limits
        )
        records = read_records(inputs.study.path_of(path), asked, problems=Problems())
        if records is not None:  # it was read before, and is watched
            model, carbon = next(iter(stands.carbon[k].items()))
            frame = _frame(
                inputs, records, placed=stands.placed[k], carbon=carbon,
                level=inputs.study.uncertainty.level,
            )  # fmt: skip
            layer = f"subcompartments_{stands.years[k]}"
            append_geopackage(frame, folder / STANDS, layer=layer, more=False)
            years = [
                year
                for year, placed in zip(stands.years, stands.placed, strict=True)
                if placed is stands.placed[k]
            ]
            layers.append(
                {"layer": layer, "years": years, "file": path, "model": model,
                 "polygons": len(frame)}
            )  # fmt: skip
    return layers


def _surveys(stands: StandDensity) -> Iterator[tuple[int, str]]:
    """Yield place among the study's years and path of every survey in use."""
    told = set()
    for k, placed in enumerate(stands.placed):
        if id(placed) not in told:
            told.add(id(placed))
            yield k, placed.stands.shown


def _frame(
    inputs: Inputs, records: Records, *, placed: PlacedStands, carbon: StandCarbon, level: float
) -> gpd.GeoDataFrame:
    """Return the polygons with what a reader asks of each."""
    table = polygons(placed.stands, carbon)
    row = table["row"].to_numpy() - 1
    spread, area = carbon.each(level=level), table["area_ha"]
    code = np.array([*inputs.regions.codes, ""], dtype=object)[placed.region]
    table = table.drop(columns=["outside_range", "region"]).assign(
        species=records.frame["species"].to_numpy()[row], region_code=code,
        age=placed.stands.frame["age"], se_t_c=spread.se * area, low_t_c=spread.low * area,
        high_t_c=spread.high * area, outside_range=table["outside_range"],
    )  # fmt: skip
    parts = [geometry if geometry is not None else shapely.MultiPolygon()
             for geometry in records.shapes[row]]  # fmt: skip
    crs = records.crs or inputs.regions.frame.crs
    return gpd.GeoDataFrame(table, geometry=parts, crs=crs)
