"""Why a stock changed, and who stands where: causes of each change, and ranks with their doubt."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from sinks.boundaries.codes import REGION_LEVEL
from sinks.draws import summarise
from sinks.falsechange import Wrong, mapped_moves, wrong_changes
from sinks.landcover.activity import Activity
from sinks.landcover.assess import Assessment
from sinks.legend import Legend
from sinks.levels import group_indices, summed, without_data
from sinks.regions import Regions
from sinks.stock import Selection, Stock

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

#: Causes of a change, in the order of the table. Every transition has exactly one.
CAUSES: Final = (
    "new_forest", "forest_in_place", "forest_conversion", "forest_loss", "new_wetland",
    "wetland_in_place", "wetland_loss", "other",
)  # fmt: skip
#: Land in place that the maps show as water come or gone; only where a study says what is.
SEASONAL: Final = "seasonal_water"
#: Groups whose coming and going is a cause of its own.
CAUSED: Final = ("forest", "wetland")
#: How many places at the top and at the bottom a rank is told for.
PLACES: Final = 10


def causes(groups: list[str]) -> npt.NDArray[np.int64]:
    """Return the cause of every transition between strata, by position in `CAUSES`.

    Parameters
    ----------
    groups : list of str
        The group of each stratum.

    Returns
    -------
    ndarray, dims (from_stratum, to_stratum)

    Notes
    -----
    What becomes or ceases to be forest is told as forest, whatever it was or becomes: swamp
    forest that floods is a loss of forest, once, and not a gain of wetland, too.

    Examples
    --------
    >>> [CAUSES[i] for i in causes(["forest", "wetland"]).ravel()]
    ['forest_in_place', 'forest_loss', 'new_forest', 'wetland_in_place']
    """
    forest, wetland = (np.array([name == group for name in groups]) for group in CAUSED)
    same = np.eye(len(groups), dtype=bool)
    before, after = forest[:, None], forest[None, :]
    wet_before, wet_after = wetland[:, None], wetland[None, :]
    rules: dict[str, Bools] = {
        "new_forest": ~before & after,
        "forest_in_place": same & before,
        "forest_conversion": before & after & ~same,
        "forest_loss": before & ~after,
        "new_wetland": ~before & ~wet_before & wet_after,
        "wetland_in_place": wet_before & wet_after,
        "wetland_loss": wet_before & ~wet_after & ~after,
    }
    out = np.full(same.shape, CAUSES.index("other"), np.int64)
    for name, holds in rules.items():
        out[holds] = CAUSES.index(name)
    return out


def attribution_table(
    stock: Stock, activity: Activity, *, regions: Regions, legend: Legend,
    assessment: Assessment | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Return `attribution.csv`: every change by its causes, at every level.

    Beside each cause stands what the maps show of it, and how much of that classification error
    alone could make: see `falsechange.wrong_changes`.

    Notes
    -----
    Land that went from stratum i to j changed by ``A_ij (d_j,end − d_i,start)``. A cause is a
    set of such transitions, so its change is ``Σ_j E_j d_j,end − Σ_i S_i d_i,start`` with S and E
    its hectares by stratum before and after. Causes sum to the change, draw by draw. Land that
    the maps show as water come or gone, and that the study counts as unchanged, has its own row.
    """
    levels, indices = group_indices(regions)
    unknown = without_data(activity, indices)
    strata = [str(name) for name in activity.area["stratum"].values]
    cause = causes([legend.group_of(name) for name in strata])
    years = [int(year) for year in activity.area["year"].values]
    wrong = wrong_changes(assessment, activity, cause=cause, legend=legend)
    mapped, frames = mapped_moves(activity), []
    for (start, end), moved in activity.transitions.items():
        counted = mapped[start, end], _steps(stock, strata, pair=(start, end))
        area = moved.transpose("region", "from_stratum", "to_stratum").values
        still = np.zeros(area.shape)
        if (start, end) in activity.seasonal:
            still += activity.seasonal[start, end][:, :, None] * np.eye(len(strata))
            still = np.minimum(still, area)
        for name in (*CAUSES, SEASONAL):
            k = CAUSES.index(name) if name in CAUSES else -1
            own = still if k < 0 else np.where(cause == k, area - still, 0.0)
            if not ((cause == k).any() or own.any()):
                continue
            hectares = np.zeros((len(area), len(strata), len(years)))
            hectares[:, :, years.index(start)] = own.sum(axis=2)
            hectares[:, :, years.index(end)] = own.sum(axis=1)
            if activity.correction is None:
                own_change = _between(
                    stock, activity, hectares=hectares, pair=(start, end), indices=indices
                )
            else:
                found = stock.flow(indices, (start, end), chosen=cause == k)
                own_change = found.central[:, 0], found.draws[:, 0]
            into = hectares[:, :, years.index(end)].sum(axis=1)
            frame = _flow(own_change, summed(into, indices), level=stock.level)
            frame, basis = _with_noise(
                frame, wrong, counted=counted, among=cause == k, indices=indices
            )
            if still.any():  # never with a sample: the map's hectares are the study's
                frame["map_ha"] = frame["area_ha"]
            if unknown.any():
                frame.loc[unknown, frame.columns] = np.nan
            head = levels[["region_code", "region_name", "level"]].assign(
                start=start, end=end, cause=name
            )
            frames.append(pd.concat([head, frame], axis=1).assign(noise_basis=basis))
    return pd.concat(frames, ignore_index=True)


def _between(
    stock: Stock,
    activity: Activity,
    *,
    hectares: Floats,
    pair: tuple[int, int],
    indices: list[npt.NDArray[np.int64]],
) -> tuple[Floats, Floats]:
    """Return the change that some land's strata before and after make, by group, with draws."""
    area = activity.area.copy(data=hectares, deep=False)
    years = [int(year) for year in area["year"].values]
    start, end = years.index(pair[0]), years.index(pair[1])
    return stock.on(area).totals(indices, Selection()).change(start, end)


def _flow(change: tuple[Floats, Floats], hectares: Floats, *, level: float) -> pd.DataFrame:
    """Return a change with its interval, and the land that it is about."""
    spread = summarise(change[1], level=level)
    return pd.DataFrame(
        {
            "area_ha": hectares,
            "change_t_c": change[0], "se_t_c": spread.se, "low_t_c": spread.low,
            "high_t_c": spread.high,
        }
    )  # fmt: skip


def _steps(stock: Stock, strata: list[str], *, pair: tuple[int, int]) -> Floats:
    """Return what a hectare of every transition brings, dims (region or 1, from, to) [t C/ha]."""
    total = stock.density.value.sum("pool").reindex(stratum=strata, fill_value=0.0)
    dims = ("region", "stratum") if stock.density.by_region else ("stratum",)
    before, after = (total.sel(year=year).transpose(*dims).values for year in pair)
    step = after[..., None, :] - before[..., :, None]
    return np.asarray(step if stock.density.by_region else step[None])


def _with_noise(
    frame: pd.DataFrame, wrong: Wrong, *, counted: tuple[Floats, Floats], among: Bools,
    indices: list[npt.NDArray[np.int64]],
) -> tuple[pd.DataFrame, str]:  # fmt: skip
    """Add what the maps show of a cause, and the part of it that error alone could make.

    `counted` holds the mapped hectares and what each brings, dims (region, from, to).
    """
    area, step = counted
    false, basis = wrong.of(area, among)
    parts = {
        "map_ha": np.where(among, area, 0.0),
        "noise_ha": false,
        "noise_t_c": false * step,
    }
    sums = {name: summed(part.sum(axis=(1, 2)), indices) for name, part in parts.items()}
    return frame.assign(**sums), basis


def ranking_table(stock: Stock, activity: Activity, *, regions: Regions) -> pd.DataFrame:
    """Return `ranking.csv`: each region's place by stock, change and change per hectare.

    Notes
    -----
    Regions are ranked anew in every draw (1 is the largest), so that what they share, a density
    that is wrong everywhere, moves no rank. Land without data has no rank.
    """
    own = [np.arange(len(regions))]
    totals = stock.totals(own, Selection())
    years = [int(year) for year in activity.area["year"].values]
    land = activity.coverage["common_valid"].values
    known = land > 0
    quantities = [
        ("stock", years[-1], years[-1], totals.central[:, -1], totals.draws[:, -1]),
    ]
    for start, end in activity.transitions:
        central, draws = totals.change(years.index(start), years.index(end))
        per = np.where(known, land, 1.0)
        quantities.append(("change", start, end, central, draws))
        quantities.append(("change_per_ha", start, end, central / per, draws / per[:, None]))
    frames = [
        _ranks(regions, known, quantity=name, pair=(start, end), values=(central, draws),
               level=stock.level)
        for name, start, end, central, draws in quantities
    ]  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def _ranks(
    regions: Regions,
    known: Bools,
    *,
    quantity: str,
    pair: tuple[int, int],
    values: tuple[Floats, Floats],
    level: float,
) -> pd.DataFrame:
    """Return one quantity's ranks among the regions that are known."""
    central, draws = (array[known] for array in values)
    count = len(central)
    places = np.argsort(np.argsort(-draws, axis=0, kind="stable"), axis=0) + 1
    tail = (1 - level) / 2
    several = draws.shape[1] > 1 and count > 0
    frame = regions.frame.loc[known, ["region_code", "region_name"]].reset_index(drop=True)
    blank = np.full(count, np.nan)
    low, high = (
        np.quantile(places, [tail, 1 - tail], axis=1, method="inverted_cdf")
        if several
        else (blank, blank)
    )
    ranked: pd.DataFrame = frame.assign(
        level=REGION_LEVEL,
        quantity=quantity,
        start=pair[0],
        end=pair[1],
        rank=np.argsort(np.argsort(-central, kind="stable")) + 1,
        rank_low=low,
        rank_high=high,
        of=count,
        probability_top=(places <= PLACES).mean(axis=1) if several else blank,
        probability_bottom=(places > count - PLACES).mean(axis=1) if several else blank,
    )
    return ranked
