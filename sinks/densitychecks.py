"""What the keys of `[density]` say of each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sinks.checks import Problems
from sinks.sections import YEAR

#: Inventories under [density]: one file, or one file per round.
INVENTORIES: Final = ("plots", "subcompartments")


def check_density_keys(density: object, *, file: str, problems: Problems) -> None:
    """Check that densities have a source, and every source its files.

    Parameters
    ----------
    density : object
        What the file has under `density`, of whatever type.
    file : str
    problems : Problems
    """
    if not isinstance(density, dict):
        return  # told as a missing table already
    given = [key for key in INVENTORIES if isinstance(density.get(key), dict)]
    if not given and not {"table", "raster", *INVENTORIES}.intersection(density):
        problems.error("study.missing_key", file=file, place="density.table", key="table")
    for key in given:
        _check_inventory(density[key], f"density.{key}", file=file, problems=problems)
    for pool, own in _inner(density.get("raster")).items():
        _check_map(_inner(own), f"density.raster.{pool}", file=file, problems=problems)


def _inner(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _check_inventory(own: Mapping[str, Any], place: str, *, file: str, problems: Problems) -> None:
    """Check that an inventory has one file or one file per round, of years."""
    if own.get("path") is None and not own.get("rounds"):
        problems.error("study.missing_key", file=file, place=place, key="path")
    if own.get("path") is not None and own.get("rounds"):
        problems.error("plots.path_and_rounds", file=file, place=place)
    for inner in ("rounds", "trees"):
        for year in _inner(own.get(inner)):
            if not YEAR.fullmatch(year):
                where = f"{place}.{inner}"
                problems.error("study.bad_year", file=file, place=where, found=year[:80])


def _check_map(own: Mapping[str, Any], place: str, *, file: str, problems: Problems) -> None:
    """Check the years of a map of densities, and that its errors are stated once."""
    known = _inner(own.get("rasters"))
    if own.get("se") is not None and own.get("se_rasters"):
        problems.error("density_raster.two_errors", file=file, place=place)
    years = [("rasters", year) for year in known]
    years += [("se_rasters", year) for year in _inner(own.get("se_rasters"))]
    for key, year in years:
        if not YEAR.fullmatch(year):
            problems.error("study.bad_year", file=file, place=f"{place}.{key}", found=year[:80])
        elif year not in known:
            problems.error(
                "study.year_without_raster", file=file, place=place, key=key, year=year,
                years=", ".join(known),
            )  # fmt: skip
