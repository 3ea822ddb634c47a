"""Estimates of a population from its inventory plots alone: totals and means per hectare of forest.

No raster takes part: the areas of the estimation units are known, the plots say what stands there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from sinks.biomass import estimators
from sinks.biomass.estimators import Estimate
from sinks.checks import Problems, first_few
from sinks.units import HA_PER_ACRE, M3_PER_CUBIC_FOOT, SHORT_TON_T

Floats = npt.NDArray[np.float64]
Method = Literal["simple", "stratified", "post_stratified", "two_phase"]
System = Literal["metric", "us"]
METHODS: Final[tuple[Method, ...]] = get_args(Method)

#: The domain of everything, first in every table.
WHOLE: Final = "ALL"
FOREST_AREA: Final = "forest_area"
#: Unit of each attribute's total, and what a metric unit is divided by for the US one.
UNITS: Final[dict[str, tuple[str, str, float]]] = {
    FOREST_AREA: ("ha", "acres", HA_PER_ACRE),
    "volume": ("m3", "ft3", M3_PER_CUBIC_FOOT),
    "biomass_agb": ("t d.m.", "short tons d.m.", SHORT_TON_T),
    "carbon_agb": ("t C", "short tons C", SHORT_TON_T),
    "carbon_bgb": ("t C", "short tons C", SHORT_TON_T),
    "carbon_dead_wood": ("t C", "short tons C", SHORT_TON_T),
    "carbon_litter": ("t C", "short tons C", SHORT_TON_T),
    "carbon_soil": ("t C", "short tons C", SHORT_TON_T),
    "trees": ("trees", "trees", 1.0),
}
COLUMNS: Final = (
    "evaluation", "year", "domain", "attribute", "per", "value", "se", "sampling_error_percent",
    "unit", "plots", "plots_nonzero", "estimable",
)  # fmt: skip


@dataclass(frozen=True)
class Population:
    """One evaluation of an inventory: plots, their design, and the areas it speaks for.

    Attributes
    ----------
    name, year : str, int
        Evaluation and the last year of its plots; 0 where it is not known.
    values : DataFrame, dims (plot, (attribute, domain))
        Amounts per hectare of all land; ``forest_area`` as a share of the plot. A plot without a
        domain holds 0 there: it was visited.
    unit, stratum : Series, dims (plot)
    weights : mapping of unit to mapping of stratum to float
        Area of a stratum in any unit, or points of the first phase.
    areas : mapping of unit to float
        [ha]
    method : Method
    """

    name: str
    year: int
    values: pd.DataFrame
    unit: pd.Series
    stratum: pd.Series
    weights: Mapping[str, Mapping[str, float]]
    areas: Mapping[str, float]
    method: Method = "post_stratified"

    @property
    def attributes(self) -> list[str]:
        """The attributes that the plots hold, in the order of `UNITS`."""
        held = set(self.values.columns.get_level_values(0))
        return [name for name in UNITS if name in held]

    @property
    def domains(self) -> list[str]:
        """The domains besides the whole, sorted."""
        return sorted({str(name) for name in self.values.columns.get_level_values(1)} - {WHOLE})

    def observed(self, attribute: str, domain: str) -> Floats:
        """Return an attribute in a domain, dims (plot)."""
        held = self.values.columns
        chosen = held.get_level_values(0) == attribute
        if domain != WHOLE:
            chosen &= held.get_level_values(1) == domain
        return np.asarray(self.values.to_numpy()[:, chosen].sum(axis=1))


def check_design(population: Population, problems: Problems, *, shown: str) -> bool:
    """Tell whether every plot's unit and stratum have an area; what lacks one is an error."""
    language = problems.language
    units = sorted(set(population.unit.unique()) - set(population.areas))
    if units:
        problems.error(
            "inventory.unit_area", file=shown, count=len(units), units=first_few(units, language)
        )
    pairs = set(zip(population.unit, population.stratum, strict=True))
    lost = sorted(
        f"{unit}/{stratum}"
        for unit, stratum in pairs
        if not population.weights.get(unit, {}).get(stratum, 0.0) > 0
    )
    if lost and population.method != "simple":
        problems.error(
            "inventory.weight", file=shown, count=len(lost), strata=first_few(lost, language)
        )
    return not (units or (lost and population.method != "simple"))


def estimate(population: Population, observed: Floats) -> Estimate:
    """Estimate totals over all units, each sampled on its own.

    Parameters
    ----------
    population : Population
    observed : ndarray, dims (plot, variable)
        Amounts per hectare.

    Returns
    -------
    Estimate, dims (variable)
    """
    parts = []
    units, strata = population.unit.to_numpy(), population.stratum.to_numpy()
    for unit in population.unit.unique():
        here = units == unit
        found = _by_method(population, unit, y=observed[here], stratum=list(strata[here]))
        parts.append(found.total(population.areas[unit]))
    return estimators.combine(parts)


def _by_method(population: Population, unit: str, *, y: Floats, stratum: Sequence[str]) -> Estimate:
    weights = dict(population.weights.get(unit, {}))
    if population.method == "simple":
        return estimators.simple_random(y)
    if population.method == "two_phase":
        return estimators.two_phase(y, stratum, counts=weights)
    if population.method == "stratified":
        return estimators.stratified(y, stratum, weights=weights)
    return estimators.post_stratified(y, stratum, weights=weights)


def inventory_table(population: Population, *, system: System = "metric") -> pd.DataFrame:
    """Estimate every attribute, as a total and per hectare of forest, for every domain.

    Parameters
    ----------
    population : Population
    system : {"metric", "us"}
        Units of the result; ``us`` is what FIA publishes: acres, cubic feet, short tons.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`; ``per`` is empty for totals. A stratum with one plot leaves the errors
        of the whole unknown: ``estimable`` is false and the cells are empty.
    """
    names = population.attributes
    rows: list[dict[str, object]] = []
    for domain in [WHOLE, *population.domains]:
        observed = np.column_stack([population.observed(name, domain) for name in names])
        totals = estimate(population, observed)
        rows += _rows(population, totals, observed=observed, domain=domain, system=system)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _rows(
    population: Population, totals: Estimate, *, observed: Floats, domain: str, system: System
) -> list[dict[str, object]]:
    names = population.attributes
    found = [(name, "", totals, k) for k, name in enumerate(names)]
    if FOREST_AREA in names:
        place = names.index(FOREST_AREA)
        ratios = estimators.ratio_of_means(totals, over=place)
        rest = [name for name in names if name != FOREST_AREA]
        found += [(name, "forest_area", ratios, k) for k, name in enumerate(rest)]
    rows = []
    for name, per, own, k in found:
        metric, us, factor = UNITS[name]
        unit, area = (metric, "ha") if system == "metric" else (us, "acre")
        scale = 1.0 if system == "metric" else 1.0 / factor
        scale *= HA_PER_ACRE if per and system == "us" else 1.0
        rows.append({
            "evaluation": population.name, "year": population.year, "domain": domain,
            "attribute": name, "per": per, "value": float(own.value[k]) * scale,
            "se": float(own.se[k]) * scale,
            "sampling_error_percent": 100 * float(own.relative_se[k]),
            "unit": f"{unit}/{area}" if per else unit, "plots": own.plots,
            "plots_nonzero": int((observed[:, names.index(name)] > 0).sum()),
            "estimable": own.estimable,
        })  # fmt: skip
    return rows
