"""Map totals beside official totals, or those of plots: the difference, and what it is made of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from sinks.biomass.density import Density
from sinks.checks import Problems, first_few
from sinks.draws import summarise
from sinks.inputs import Inputs
from sinks.landcover.activity import Activity
from sinks.levels import group_indices, summed, without_data
from sinks.official import UNITS, Figure
from sinks.plottotals import plot_figures
from sinks.raked import Margins, check_margins, margins_of, raked_tables
from sinks.stock import Selection, Stock
from sinks.tabulate import ROUNDING

Floats = npt.NDArray[np.float64]

COLUMNS: Final = (
    "reconcile", "source", "basis", "region_code", "region_name", "level", "year", "quantity",
    "strata", "pools", "unit", "map_value", "map_se", "map_low", "map_high", "other_value",
    "other_se", "difference", "se", "low", "high", "detectable", "area_part", "area_part_se",
    "density_part", "density_part_se", "definition_part", "rest", "map_area_ha", "other_area_ha",
    "map_density_t_c_ha", "other_density_t_c_ha", "uncovered_ha", "remark",
)  # fmt: skip


def figures_of(inputs: Inputs, density: Density, *, problems: Problems) -> dict[str, list[Figure]]:
    """Return the figures of every `[[reconcile]]`: those of its table, or of the plots."""
    out = {}
    for config in inputs.study.reconcile:
        if config.plots:
            out[config.name] = plot_figures(config, inputs, density=density, problems=problems)
        else:
            out[config.name] = list(inputs.figures.get(config.name, ()))
    return out


def check_reconcile(
    inputs: Inputs, activity: Activity, *, density: Density, problems: Problems
) -> None:
    """Refuse totals that regions cannot be raked to; warn of figures that are not like the map's.

    Parameters
    ----------
    inputs : Inputs
    activity : Activity
    density : Density
    problems : Problems
    """
    pools = [str(name) for name in density.value["pool"].values]
    stock = Stock(activity, density, level=inputs.study.uncertainty.level)
    found = figures_of(inputs, density, problems=problems)
    for config in inputs.study.reconcile:
        figures = found[config.name]
        place = config.table or f"reconcile ({config.name})"
        bare = [own for own in figures if math.isnan(own.se) and own.draws is None]
        if bare and inputs.study.uncertainty.draws > 1:
            problems.warn("official.no_error", file=place, count=len(bare), all=len(figures))
        unseen = sorted({pool for own in figures for pool in own.pools or ()} - set(pools))
        lacking = [own for own in figures if set(own.pools or ()) & set(unseen)]
        if any(own.definition == 0 for own in lacking):
            problems.warn(
                "official.pools_not_mapped", file=place, pools=", ".join(unseen),
                known=", ".join(pools), items=first_few(
                    (own.words for own in lacking if own.definition == 0), problems.language
                ),
            )  # fmt: skip
        absent = [own for own in lacking if not set(own.pools or ()) & set(pools)]
        if absent:
            problems.error(
                "official.no_pool", file=place, known=", ".join(pools),
                items=first_few((own.words for own in absent), problems.language),
            )  # fmt: skip
        elif config.rake:
            for margins in margins_of(figures, inputs.regions, stock=stock):
                check_margins(margins, place=place, problems=problems)


def reconcile_tables(
    inputs: Inputs, stock: Stock, *, activity: Activity, problems: Problems
) -> dict[str, pd.DataFrame]:
    """Return `reconciliation.csv`, and `raked.csv` where regions are to be raked; else nothing.

    Parameters
    ----------
    inputs : Inputs
    stock : Stock
    activity : Activity
    problems : Problems
    """
    if not inputs.study.reconcile:
        return {}
    figures = figures_of(inputs, stock.density, problems=problems)
    books = _Books(inputs, stock, activity=activity)
    rows: list[dict[str, Any]] = []
    raked: list[tuple[str, Margins]] = []
    for config in inputs.study.reconcile:
        own = figures[config.name]
        rows += [_row(figure, books, counted=config.pools) for figure in own]
        if config.rake:
            found = margins_of(own, inputs.regions, stock=stock)
            raked += [(config.name, margins) for margins in found]
    out = {"reconciliation": pd.DataFrame(rows, columns=list(COLUMNS))}
    seed = inputs.study.uncertainty.seed
    return out | raked_tables(raked, inputs.regions, stock=stock, seed=seed)


class _Books:
    """The map's own totals, made once for each choice of strata and pools."""

    def __init__(self, inputs: Inputs, stock: Stock, *, activity: Activity) -> None:
        self.stock, self.seed = stock, inputs.study.uncertainty.seed
        self.levels, self.indices = group_indices(inputs.regions)
        pairs = self.levels[["level", "region_code"]].to_numpy().tolist()
        self.place = {(level, code): i for i, (level, code) in enumerate(pairs)}
        self.years = [int(year) for year in stock.area["year"].values]
        self.unknown = without_data(activity, self.indices)
        land = activity.coverage["inside"] + activity.coverage["outside"]
        self.uncovered = summed((land - activity.coverage["common_valid"]).values, self.indices)
        self._carbon: dict[Selection, tuple[Floats, Floats]] = {}
        self._area: dict[object, tuple[Floats, Floats]] = {}

    @property
    def pools(self) -> tuple[str, ...]:
        """The pools that the study counts."""
        return tuple(str(name) for name in self.stock.density.value["pool"].values)

    def carbon(self, figure: Figure, pools: Sequence[str]) -> tuple[float, Floats]:
        """Return the map's carbon in a figure's region, year and strata: central and draws."""
        chosen = Selection(figure.strata, tuple(pools))
        if chosen not in self._carbon:
            totals = self.stock.totals(self.indices, chosen)
            self._carbon[chosen] = totals.central, totals.draws
        return self._one(figure, self._carbon[chosen])

    def area(self, figure: Figure) -> tuple[float, Floats]:
        """Return the map's hectares in a figure's region, year and strata: central and draws."""
        if figure.strata not in self._area:
            area = self.stock.area
            names = [str(name) for name in area["stratum"].values]
            strata = names if figure.strata is None else figure.strata
            present = [name for name in names if name in strata]
            own = area.sel(stratum=present).sum("stratum").transpose("region", "year").values
            central = summed(own, self.indices)
            draws = np.broadcast_to(central[..., None], (*central.shape, self.stock.density.draws))
            if self.stock.correction is not None:
                draws = self.stock.areas(self.indices, present).draws
            self._area[figure.strata] = central, draws
        return self._one(figure, self._area[figure.strata])

    def _one(self, figure: Figure, of: tuple[Floats, Floats]) -> tuple[float, Floats]:
        group = self.place[figure.level, figure.region_code]
        year = self.years.index(figure.year)
        return float(of[0][group, year]), of[1][group, year]


def _row(figure: Figure, books: _Books, *, counted: Sequence[str] | None) -> dict[str, Any]:
    """Return one row of `reconciliation.csv`."""
    carbon = figure.quantity == "carbon"
    mine = [pool for pool in books.pools if pool in (counted or figure.pools or books.pools)]
    like = [pool for pool in mine if figure.pools is None or pool in figure.pools]
    value, draws = books.carbon(figure, mine) if carbon else books.area(figure)
    alike, same = books.carbon(figure, like) if carbon else (value, draws)
    area, land = books.area(figure)
    group = books.place[figure.level, figure.region_code]
    other = figure.drawn(seed=books.seed, count=draws.shape[-1])
    parts = decompose(alike, area, figure=figure)
    parts["definition_part"] += value - alike
    level = books.stock.level
    own, apart = summarise(draws, level=level), summarise(draws - other, level=level)
    several = draws.shape[-1] > 1
    size = max(abs(value), abs(figure.value))
    gap = value - figure.value
    found = {
        "map_value": value, "map_se": float(own.se), "map_low": float(own.low),
        "map_high": float(own.high), "difference": gap, "se": float(apart.se),
        "low": float(apart.low), "high": float(apart.high), **parts,
        **_part_errors((same, land), figure, other=other, se=float(apart.se)),
    }  # fmt: skip
    if not carbon and books.stock.correction is None:  # a map area: its error is not known
        found |= dict.fromkeys(("map_se", "map_low", "map_high"), math.nan)
    blank = bool(books.unknown[group])
    if blank:
        found = dict.fromkeys(found, math.nan)
    detectable = (apart.low > 0 or apart.high < 0) and abs(gap) > ROUNDING * size
    base = figure.area if carbon else figure.value
    return found | {
        "reconcile": figure.section, "source": figure.source, "basis": figure.basis,
        "region_code": figure.region_code, "region_name": books.levels["region_name"][group],
        "level": figure.level, "year": figure.year, "quantity": figure.quantity,
        "strata": ";".join(figure.strata or ()),
        "pools": ";".join(like) if carbon else "", "unit": UNITS[figure.quantity],
        "other_value": figure.value, "other_se": figure.se,
        "detectable": bool(detectable and several and not blank), "map_area_ha": area,
        "other_area_ha": base, "map_density_t_c_ha": _ratio(value, area) if carbon else math.nan,
        "other_density_t_c_ha": figure.density if carbon else math.nan,
        "uncovered_ha": float(books.uncovered[group]), "remark": figure.remark,
    }  # fmt: skip


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else math.nan


def decompose(value: float, area: float, *, figure: Figure) -> dict[str, float]:
    """Split what the map's total differs from a figure into parts that add up to it.

    Parameters
    ----------
    value : float
        The map's total of what the figure counts, [t C] or [ha].
    area : float
        The land that it stands on [ha].
    figure : Figure

    Returns
    -------
    dict
        ``area_part``, ``density_part``, ``definition_part``, ``rest``; the first two are NaN where
        the figure does not say what land its carbon stands on.

    Notes
    -----
    With the figure ``O = A d`` and what the map cannot show of it, ``S`` on ``A_S`` hectares, the
    comparable figure is ``A' = A − A_S``, ``d' = (A d − S) / A'``. With the map's area ``a`` and
    density ``v``, and the interaction shared equally:
    ``area = (a − A')(v + d')/2``, ``density = (a + A')/2 (v − d')``, ``definition = −S``. What is
    left is ``A d − O``: the figure's own area and density may be rounded.

    Examples
    --------
    12 ha of 44 t C/ha on the map, 10 ha of 50 t C/ha published, of which 20 t C on no land that
    the map could show:

    >>> own = Figure("a", "study", "ALL", 2015, "carbon", None, None, 500.0, area=10.0,
    ...              density=50.0, definition=20.0)
    >>> decompose(528.0, 12.0, figure=own)
    {'area_part': 92.0, 'density_part': -44.0, 'definition_part': -20.0, 'rest': 0.0}
    """
    parts = {"definition_part": -figure.definition}
    if figure.quantity == "area":
        return {"area_part": value - figure.comparable, "density_part": 0.0, **parts, "rest": 0.0}
    if not figure.area > 0:
        gap = value - figure.comparable
        return {"area_part": math.nan, "density_part": math.nan, **parts, "rest": gap}
    other, land = _comparable(figure)
    by_area, by_density = (float(part) for part in _split(value, area, other=other, land=land))
    rest = figure.area * figure.density - figure.value
    return {
        "area_part": by_area,
        "density_part": by_density,
        **parts,
        "rest": rest if abs(rest) > ROUNDING * abs(figure.value) else 0.0,
    }


def _comparable(figure: Figure) -> tuple[float, float]:
    """Return what can be compared of a figure of carbon, and the land that it stands on."""
    carbon = figure.area * figure.density - figure.definition
    return carbon, figure.area - figure.definition_area


def _split(
    value: npt.ArrayLike, area: npt.ArrayLike, *, other: npt.ArrayLike, land: npt.ArrayLike
) -> tuple[Floats, Floats]:
    """Split the difference of two totals, each an area times a density, dims (draw) or none."""
    value, area, other, land = map(np.asarray, (value, area, other, land))
    # Where one side has no land, all of the difference is area.
    dense = np.divide(other, land, out=np.zeros(land.shape), where=land > 0)
    own = np.divide(value, area, out=dense.copy(), where=area > 0)
    dense = np.where(land > 0, dense, own)
    return (area - land) * (own + dense) / 2, (area + land) / 2 * (own - dense)


def _part_errors(
    draws: tuple[Floats, Floats], figure: Figure, *, other: Floats, se: float
) -> dict[str, float]:
    """Return the standard errors of the parts; `draws` are the map's total and its land.

    The land of a published figure is taken for certain: its error is that of its density.
    """
    if figure.quantity == "area":
        return {"area_part_se": se, "density_part_se": 0.0}
    if not figure.area > 0:
        return {"area_part_se": math.nan, "density_part_se": math.nan}
    central, hectares = _comparable(figure)
    drawn, land = central + other - figure.value, np.full(other.shape, hectares)
    if figure.area_draws is not None:
        land = np.maximum(figure.area_draws - figure.definition_area, 0.0)
    parts = _split(*draws, other=drawn, land=land)
    found = [float(summarise(part, level=0.95).se) for part in parts]
    return {"area_part_se": found[0], "density_part_se": found[1]}
