"""Where plots lie: their coordinates against the regions of the study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from sinks.biomass.plots import Plots
from sinks.checks import Problems, first_few
from sinks.texts import text

Ints = npt.NDArray[np.intp]
#: Assumed of coordinates in degrees that name no CRS, and told.
DEGREES: Final = "EPSG:4326"


def place_plots(
    plots: Plots, regions: gpd.GeoDataFrame, *, crs: str | None, problems: Problems
) -> Plots | None:
    """Find the region of every plot; tell of exchanged coordinates and of plots outside.

    Parameters
    ----------
    plots : Plots
    regions : GeoDataFrame
        Column ``region_code``.
    crs : str, optional
        Asserted by the study; else each row's own, else degrees are taken for WGS 84.
    problems : Problems

    Returns
    -------
    Plots or None
        With the column ``region`` ("" where a plot has no coordinates), plots outside all regions
        left out; None if the coordinates must be corrected first.
    """
    frame = plots.frame.copy()
    known = frame["x"].notna() & frame["y"].notna()
    frame["region"] = ""
    if not known.any():
        return replace(plots, frame=frame)
    placed = frame[known]
    names = sorted(set(placed["crs"])) if crs is None else [crs]
    codes = pd.Series("", index=frame.index, dtype=object)
    swapped = pd.Series(False, index=frame.index)
    for name in names:
        rows = placed if crs is not None else placed[placed["crs"] == name]
        declared = _crs(name, rows, plots=plots, problems=problems)
        if declared is None:
            return None
        codes[rows.index] = _codes(rows, regions, first="x", declared=declared)
        lost = rows[codes[rows.index] == ""]
        swapped[lost.index] = _codes(lost, regions, first="y", declared=declared) != ""
    if swapped.any():
        problems.error(
            "plots.swapped", file=plots.shown, count=int(swapped.sum()),
            items=_lines(frame[swapped], problems),
        )  # fmt: skip
    inside = _inside(plots, frame, codes=codes, known=known & ~swapped, problems=problems)
    return None if swapped.any() else inside


def _inside(
    plots: Plots, frame: pd.DataFrame, *, codes: pd.Series, known: pd.Series, problems: Problems
) -> Plots | None:
    """Keep the plots inside; refuse when none is."""
    outside = known & (codes == "")
    frame["region"] = codes
    if not known.any():
        return None
    if outside.sum() == known.sum():
        problems.error(
            "plots.all_outside", file=plots.shown, count=int(known.sum()),
            bounds=", ".join(f"{value:.6g}" for value in _bounds(frame[known])),
        )  # fmt: skip
        return None
    if outside.any():
        problems.warn(
            "plots.outside", file=plots.shown, count=int(outside.sum()),
            items=_lines(frame[outside], problems),
        )  # fmt: skip
    return replace(plots, frame=frame[~outside].reset_index(drop=True))


def _bounds(frame: pd.DataFrame) -> Sequence[float]:
    x, y = frame["x"], frame["y"]
    return [float(x.min()), float(y.min()), float(x.max()), float(y.max())]


def _lines(frame: pd.DataFrame, problems: Problems) -> str:
    rows = zip(frame["line"], frame["plot_id"], strict=True)
    named = (
        f"{text('table.lines', problems.language, lines=line)} ({name})" for line, name in rows
    )
    return first_few(named, problems.language)


def _crs(name: str, rows: pd.DataFrame, *, plots: Plots, problems: Problems) -> CRS | None:
    """Return the CRS that holds for rows; degrees without one are taken for WGS 84."""
    if not name:
        if rows["x"].abs().max() > 180 or rows["y"].abs().max() > 180:
            problems.error("plots.no_crs", file=plots.shown)
            return None
        problems.warn("plots.crs_assumed", file=plots.shown, crs=DEGREES)
        name = DEGREES
    try:
        return CRS.from_user_input(int(name) if name.isdigit() else name)
    except CRSError:
        problems.error("plots.unknown_crs", file=plots.shown, found=name[:60])
        return None


def _codes(
    rows: pd.DataFrame, regions: gpd.GeoDataFrame, *, first: str, declared: CRS
) -> npt.NDArray[np.object_]:
    """Return the region of every row, "" where none holds it; `first` is the column taken for x."""
    other = "y" if first == "x" else "x"
    there = Transformer.from_crs(declared, regions.crs, always_xy=True)
    x, y = there.transform(rows[first].to_numpy(), rows[other].to_numpy())
    codes = np.full(len(rows), "", dtype=object)
    fits = np.isfinite(x) & np.isfinite(y)
    points = shapely.points(np.where(fits, x, 0.0), np.where(fits, y, 0.0))
    tree = shapely.STRtree(regions.geometry.to_numpy())
    which, where = tree.query(points, predicate="intersects")
    order = np.argsort(-where, kind="stable")  # on a border, the first region by code
    codes[which[order]] = regions["region_code"].to_numpy()[where[order]]
    codes[~fits] = ""
    return codes
