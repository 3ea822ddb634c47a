"""The error budget: which source of error makes how much of the variance of stocks and changes.

Approach 2 (IPCC 2006, vol. 1, ch. 3): all sources drawn together, the same draws for every county
and both years; then each source alone, the others at their central values. Approach 1 stands beside
it: errors of every stratum and pool taken for independent and added in quadrature.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from sinks.biomass.density import RASTER, TABLE, Density
from sinks.biomass.plotdensity import CHOICE, SAMPLING
from sinks.biomass.stands import GROUPS
from sinks.landcover.activity import Activity
from sinks.levels import group_indices, without_data
from sinks.regions import Regions
from sinks.sections import POOLS
from sinks.stock import Selection, Stock

Floats = npt.NDArray[np.float64]
#: Approach 1 holds for coefficients of variation up to this (IPCC 2006, vol. 1, ch. 3, 3.2.3.1).
WIDEST: Final = 0.3
#: How far Approach 1 may lie from Approach 2 before its independence is said not to hold.
APART: Final = 0.2
#: Parts of the variance below this do not decide whether it holds.
SMALL: Final = 0.05
#: All sources drawn together, and what the sources drawn one by one leave of it.
ALL: Final = "all"
INTERACTION: Final = "interaction"
#: Of areas: without a reference sample their error is not known, which is not zero.
AREA: Final = "area"
POOL_COLUMNS: Final = (
    "region_code", "region_name", "level", "quantity", "start", "end", "source", "pool", "se_t_c",
    "share_of_variance",
)  # fmt: skip
COLUMNS: Final = (
    "region_code", "region_name", "level", "quantity", "start", "end", "source", "se_t_c",
    "share_of_variance", "approach1_se_t_c", "approach1_holds",
)  # fmt: skip


@dataclass(frozen=True)
class _Quantity:
    """Errors of one quantity of every group, dims (group)."""

    name: str
    start: int | None
    end: int
    by_source: dict[str, Floats]
    by_pool: dict[tuple[str, str], Floats]
    whole: Floats
    first: Floats
    holds: npt.NDArray[np.bool_]


def sources(density: Density) -> list[str]:
    """Return the sources of error that a study's densities have, in the order of the table."""
    rows = [row for _, row, _ in density.rows]
    own = [TABLE] if any(not (row.from_plots or row.from_raster) for row in rows) else []
    own += [RASTER] if any(row.from_raster for row in rows) else []
    plots, stands = density.plots, density.stands
    known = frozenset() if stands is None else stands.groups
    if plots is None:
        return [group for group in GROUPS if group in known] + own
    groups = [group for group in GROUPS if group in plots.groups | known]
    choice = [CHOICE] if plots.config.model_choice and len(plots.stands) > 1 else []
    return [SAMPLING, *choice, *groups, *own]


def error_budget(stock: Stock, activity: Activity, *, regions: Regions) -> dict[str, pd.DataFrame]:
    """Return `error_budget.csv` and its parts by pool; nothing for a plain run: it varies nothing.

    Parameters
    ----------
    stock : Stock
    activity : Activity
    regions : Regions

    Returns
    -------
    dict of str to DataFrame
        Every level: the stock of the last year, and the change from the first to the last.
    """
    density = stock.density
    if density.draws < 2:
        return {}
    levels, indices = group_indices(regions)
    unknown = without_data(activity, indices)
    known = [] if stock.correction is None else [AREA]
    quantities = list(_quantities(stock, indices, names=known + sources(density)))
    found = {}
    for name, frames_of, columns in (
        ("error_budget", _frames, COLUMNS), ("error_budget_pools", _pool_frames, POOL_COLUMNS)
    ):  # fmt: skip
        frames = [own for each in quantities for own in frames_of(levels, each, unknown=unknown)]
        if frames:
            found[name] = pd.concat(frames, ignore_index=True)[list(columns)]
    return found


def pools_of(density: Density) -> list[tuple[str, str]]:
    """Return the pools that a table, and that maps of densities, give: parts of these sources."""
    rows = [row for _, row, _ in density.rows if not row.from_plots]
    held = {(RASTER if row.from_raster else TABLE, row.pool) for row in rows}
    return [(name, pool) for name in (TABLE, RASTER) for pool in POOLS if (name, pool) in held]


def _quantities(
    stock: Stock, indices: Sequence[npt.NDArray[np.int64]], *, names: Sequence[str]
) -> Iterator[_Quantity]:
    years = [int(year) for year in stock.area["year"].values]
    together = stock.totals(indices, Selection())
    # One source alone is all there is: it need not be drawn once more.
    alone = {
        name: together.draws if len(names) == 1 else _totals(stock, indices, only=name)
        for name in names
    }
    pools = pools_of(stock.density)
    single = {name for name, _ in pools if sum(other == name for other, _ in pools) == 1}
    parts = {
        (name, pool): alone[name] if name in single
        else _totals(stock, indices, only=f"{name}/{pool}")
        for name, pool in pools
    }  # fmt: skip
    stocks, changes, holds = approach_one(stock, indices)
    size = np.abs(together.central[:, -1])
    for name, start, first in (("stock", None, stocks), ("change", years[0], changes)):

        def spread(draws: Floats, since: int | None = start) -> Floats:
            own = draws[:, -1] if since is None else draws[:, -1] - draws[:, 0]
            return _spread(own, size)

        whole = spread(together.draws)
        near = np.abs(first - whole) <= APART * np.maximum(whole, 1e-12)
        yield _Quantity(
            name, start, years[-1], {source: spread(own) for source, own in alone.items()},
            {part: spread(own) for part, own in parts.items()}, whole, first, holds & near,
        )  # fmt: skip


def _spread(draws: Floats, size: Floats) -> Floats:
    """Return standard deviations, dims (group); of what varies by rounding alone, 0."""
    found = draws.std(axis=-1, ddof=1)
    return np.where(found > 1e-9 * size, found, 0.0)


def _totals(stock: Stock, indices: Sequence[npt.NDArray[np.int64]], *, only: str) -> Floats:
    """Return the draws of all groups with one source varying, dims (group, year, draw)."""
    density = replace(stock.density, only=frozenset({only}))
    own = stock.like(density, certain=only != AREA)
    return own.totals(indices, Selection()).draws


def approach_one(
    stock: Stock, indices: Sequence[npt.NDArray[np.int64]]
) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """Return Approach 1's errors of the last stock and of the change, and where it may be used.

    Returns
    -------
    stocks, changes : ndarray, dims (group) [t C]
    holds : ndarray of bool, dims (group)
        Whether the densities that matter have a coefficient of variation of 0.3 or less: those
        that make a twentieth of the stock's variance.

    Notes
    -----
    With areas A and densities' errors e of strata and pools, each independent of all others and
    the same in both years, as emission factors are: ``se²(stock) = Σ (A₁ e₁)²`` and
    ``se²(change) = Σ (A₁ e₁ − A₀ e₀)²``; errors of estimated areas are added, each year's and
    stratum's on its own (IPCC 2006, vol. 1, ch. 3, 3.2.3.1). Regions of a group
    are added first: they share their densities.
    """
    density = stock.density
    area = stock.area.transpose("region", "stratum", "year").values
    codes = stock.area["region"].values
    arrays = (density.value, density.se)
    full = [own if "region" in own.dims else own.expand_dims(region=codes) for own in arrays]
    value, error = (own.transpose("region", "stratum", "pool", "year").values for own in full)
    wide = error[..., -1] > WIDEST * np.abs(value[..., -1])
    stocks, changes, holds = [], [], []
    for index in indices:
        size = int(index.max()) + 1
        sums, some = np.zeros((size, *error.shape[1:])), np.zeros((size, *wide.shape[1:]))
        np.add.at(sums, index, area[:, :, None, :] * error)
        np.add.at(some, index, (area[:, :, None, -1] > 0) & wide)
        squares = (sums[..., -1] ** 2).sum(axis=(1, 2))
        matters = sums[..., -1] ** 2 >= SMALL * squares[:, None, None]
        stocks.append(squares)
        changes.append(((sums[..., -1] - sums[..., 0]) ** 2).sum(axis=(1, 2)))
        holds.append(~((some > 0) & matters).any(axis=(1, 2)))
    areas = _area_variance(stock, indices)
    return (
        np.sqrt(np.concatenate(stocks) + areas[:, -1]),
        np.sqrt(np.concatenate(changes) + areas[:, -1] + areas[:, 0]),
        np.concatenate(holds),
    )


def _area_variance(stock: Stock, indices: Sequence[npt.NDArray[np.int64]]) -> Floats:
    """Return the variance that estimated areas bring, strata independent, dims (group, year)."""
    groups = sum(int(index.max()) + 1 for index in indices)
    out = np.zeros((groups, stock.area.sizes["year"]))
    if stock.correction is None:
        return out
    density = stock.density.value.sum("pool")
    density = density.mean("region") if "region" in density.dims else density
    for stratum in density["stratum"].values:
        draws = stock.areas(indices, [str(stratum)]).draws
        held = density.sel(stratum=stratum).transpose("year").values
        out += (draws.std(axis=-1, ddof=1) * held) ** 2
    return out


def _frames(
    levels: pd.DataFrame, quantity: _Quantity, *, unknown: npt.NDArray[np.bool_]
) -> Iterator[pd.DataFrame]:
    base = levels[["region_code", "region_name", "level"]].assign(
        quantity=quantity.name, start=quantity.start, end=quantity.end
    )
    variance = quantity.whole**2
    rest = variance - sum((se**2 for se in quantity.by_source.values()), np.zeros_like(variance))
    empty = np.full(len(base), np.nan)
    rows = [(ALL, quantity.whole, np.ones_like(variance))]
    rows += [] if AREA in quantity.by_source else [(AREA, empty, empty)]
    with np.errstate(divide="ignore", invalid="ignore"):
        rows += [(name, se, se**2 / variance) for name, se in quantity.by_source.items()]
        rows.append((INTERACTION, empty, rest / variance))
    for name, se, share in rows:
        known = ~unknown
        whole = name == ALL
        yield base.assign(
            source=name,
            se_t_c=np.where(known, se, np.nan),
            share_of_variance=np.where(known & (variance > 0), share, np.nan),
            approach1_se_t_c=np.where(known, quantity.first, np.nan) if whole else empty,
            approach1_holds=np.where(quantity.holds, "true", "false") if whole else "",
        )


def _pool_frames(
    levels: pd.DataFrame, quantity: _Quantity, *, unknown: npt.NDArray[np.bool_]
) -> Iterator[pd.DataFrame]:
    """Yield the parts of a table's and of maps' error by pool, and what they leave of it."""
    base = levels[["region_code", "region_name", "level"]].assign(
        quantity=quantity.name, start=quantity.start, end=quantity.end
    )
    variance = quantity.whole**2
    for source in dict.fromkeys(name for name, _ in quantity.by_pool):
        parts = {pool: se for (name, pool), se in quantity.by_pool.items() if name == source}
        rest = quantity.by_source[source] ** 2 - sum(
            (se**2 for se in parts.values()), np.zeros_like(variance)
        )
        empty = np.full(len(base), np.nan)
        rows = [(pool, se, se**2) for pool, se in parts.items()]
        rows += [("", empty, rest)] if len(parts) > 1 else []
        for pool, se, own in rows:
            with np.errstate(divide="ignore", invalid="ignore"):
                share = np.where(~unknown & (variance > 0), own / variance, np.nan)
            yield base.assign(
                source=source, pool=pool, se_t_c=np.where(unknown, np.nan, se),
                share_of_variance=share,
            )  # fmt: skip
