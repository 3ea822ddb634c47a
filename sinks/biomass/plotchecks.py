"""What a sheet of plots may say by mistake though every cell can be read."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from sinks.biomass.plotcells import Notes
from sinks.biomass.species import classify
from sinks.sections import POOLS, PlotsConfig

Floats = npt.NDArray[np.float64]
#: Mu in a hectare: how far two readings of one volume lie apart.
MU: Final = 15.0
#: Largest values that are not a slip of the unit or the pen.
LARGEST: Final[dict[str, float]] = {
    "volume": 3_000.0, "plot_area": 100.0, "age": 2_000.0, "mean_height": 120.0, "share": 1.0,
    **{str(pool): 5_000.0 for pool in POOLS if pool != "dead_organic"},
}  # fmt: skip
#: Tenths of centimetres in one.
TENTHS: Final = 10.0
#: Stems as thick as this on average stand in no inventory: tenths of centimetres [cm].
THICKEST: Final = 60.0
#: Growing stock of ordinary forest is above this, per mu it is not [m³/ha].
USUAL_VOLUME: Final = 15.0
#: Fewer plots than this show no pattern.
PATTERN: Final = 10
#: Share of plots that the smaller of two groups must have to be one.
SMALL_GROUP: Final = 0.1


def check_plots(frame: pd.DataFrame, notes: Notes, *, config: PlotsConfig) -> None:
    """Note what is wrong with the rows of one sheet, and with all of them together.

    Parameters
    ----------
    frame : DataFrame
        As `sinks.biomass.plots` reads it, units settled.
    notes : Notes
        Takes every finding with its row.
    config : PlotsConfig
        A unit that it asserts is not doubted.
    """
    _identities(frame, notes)
    _ranges(frame, notes, growth=config.growth)
    _species(frame, notes, config=config)
    if config.volume_unit is None:
        for place in per_mu(frame["volume"].to_numpy(dtype=np.float64)):
            row = frame.iloc[int(place)]
            notes.add("plots.per_mu", int(row["line"]), detail=f"{row['volume']:g}")
    if config.dbh_unit is None:
        for place in tenths(frame["mean_dbh"].to_numpy(dtype=np.float64)):
            row = frame.iloc[int(place)]
            notes.add("plots.tenths", int(row["line"]), detail=f"{row['mean_dbh']:g}")


def _identities(frame: pd.DataFrame, notes: Notes) -> None:
    for line in frame["line"][frame["plot_id"] == ""]:
        notes.add("plots.no_id", int(line), detail="\u2205")
    named = frame[frame["plot_id"] != ""]
    repeated = named[named.duplicated(["plot_id", "year"], keep=False)]
    for line, name in zip(repeated["line"], repeated["plot_id"], strict=True):
        notes.add("plots.duplicate_id", int(line), detail=str(name))


def named_types(frame: pd.DataFrame, config: PlotsConfig) -> pd.Series:
    """Return what every plot says that grows on it: its species, else its forest type."""
    names = frame["species"].where(frame["species"] != "", frame["forest_type"])
    return names.replace(config.species)


def needs_type(frame: pd.DataFrame, config: PlotsConfig) -> pd.Series:
    """Return the plots whose trees a model or a growth curve makes, dims (plot)."""
    aged = frame["volume"].isna() & (frame["age"] > 0) & config.growth
    return frame["agb"].isna() & ((frame["volume"] > 0) | aged)


def _species(frame: pd.DataFrame, notes: Notes, *, config: PlotsConfig) -> None:
    """Note species that nothing is known of where a model would ask for them."""
    names = named_types(frame, config)
    _, unknown = classify(list(names))
    asked = needs_type(frame, config) & names.isin(list(unknown))
    for line, name in zip(frame["line"][asked], names[asked], strict=True):
        notes.add("plots.unknown_species", int(line), detail=f"{name} ({unknown[name]})")


def _ranges(frame: pd.DataFrame, notes: Notes, *, growth: bool) -> None:
    for name, most in LARGEST.items():
        values = frame[name].to_numpy(dtype=np.float64)
        for place in np.flatnonzero(values < 0):
            detail = f"{name} = {values[place]:g}"
            notes.add("plots.negative", int(frame["line"].iloc[place]), detail=detail)
        for place in np.flatnonzero(values > most):
            detail = f"{name} = {values[place]:g} > {most:g}"
            notes.add("plots.range", int(frame["line"].iloc[place]), detail=detail)
    empty = frame["volume"].isna() & frame[[p for p in LARGEST if p in POOLS]].isna().all(axis=1)
    aged = (frame["age"] > 0) & growth
    for line in frame["line"][empty & (frame["trees"] == 0) & ~aged]:
        notes.add("plots.no_amount", int(line), detail="\u2205")


def per_mu(volume: Floats) -> npt.NDArray[np.intp]:
    """Return the plots whose volumes look like m³ per mu, not per hectare.

    Parameters
    ----------
    volume : ndarray, dims (plot) [m³/ha]

    Returns
    -------
    ndarray of int
        All plots with growing stock, if nine tenths of them stand below any ordinary forest and
        their median is above what young growth of all plots would have; or the lower group, if
        the volumes fall into two whose medians differ by about 15.

    Notes
    -----
    Two groups are found by the largest gap that two means leave between the logarithms
    (one-dimensional 2-means); they count where each is narrower than the gap between them.
    """
    stocked = np.flatnonzero((volume > 0) & (volume <= LARGEST["volume"]))
    if stocked.size < PATTERN:
        return np.empty(0, dtype=np.intp)
    own = volume[stocked]
    if np.quantile(own, 0.9) < USUAL_VOLUME and np.median(own) > 1.0:
        return stocked
    return stocked[own < _border(own, apart=MU)]


def _border(values: Floats, *, apart: float) -> float:
    """Return what parts positive values into two groups so many times apart, 0 if nothing does."""
    logs = np.log(values)
    cut = _two_means(logs)
    low, high = logs[logs < cut], logs[logs >= cut]
    if min(low.size, high.size) < max(3.0, SMALL_GROUP * logs.size):
        return 0.0
    between = float(np.median(high) - np.median(low))
    spread = float(max(low.std(), high.std()))
    gap = float(high.min() - low.max())
    alike = abs(between - np.log(apart)) < np.log(1.6)
    return float(np.exp(cut)) if alike and spread < between / 4 and gap > spread else 0.0


def _two_means(values: Floats) -> float:
    """Return the value that parts numbers into two groups with the least squares within."""
    ordered = np.sort(values)
    n = ordered.size
    left = np.cumsum(ordered)[:-1]
    counts = np.arange(1, n)
    between = left**2 / counts + (ordered.sum() - left) ** 2 / (n - counts)
    place = int(between.argmax())
    return float((ordered[place] + ordered[place + 1]) / 2)


def tenths(dbh: Floats) -> npt.NDArray[np.intp]:
    """Return the plots whose mean diameters look like tenths of centimetres.

    Parameters
    ----------
    dbh : ndarray, dims (plot) [cm]

    Returns
    -------
    ndarray of int
        All measured plots, if half of them are thicker than any forest is on average; the upper
        group, if the diameters fall into two that differ by about 10; else those that are
        thicker than any.
    """
    measured = np.flatnonzero(dbh > 0)
    if measured.size and np.median(dbh[measured]) > THICKEST:
        return measured
    border = _border(dbh[measured], apart=TENTHS) if measured.size >= PATTERN else 0.0
    if border > 0 and np.median(dbh[measured[dbh[measured] >= border]]) > THICKEST:
        return measured[dbh[measured] >= border]
    return np.flatnonzero(dbh > THICKEST * 2)
