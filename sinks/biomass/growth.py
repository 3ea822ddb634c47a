"""Growth of stands with their age, for plantations and young forest without an inventory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import pandas as pd

from sinks.biomass.cells import carbon_fraction, root_to_shoot
from sinks.biomass.species import lineage
from sinks.biomass.stands import Draws, Factor, Floats, StandCarbon, VolumeCell
from sinks.checks import Problems, first_few
from sinks.parameters import Parameter, load_table, lookup

#: Age at which the error of a curve is told relative to its value [yr].
USUAL_AGE = 30.0


def richards(
    age: npt.ArrayLike, *, maximum: npt.ArrayLike, rate: npt.ArrayLike, shape: npt.ArrayLike
) -> Floats:
    """Return a quantity that grows with age towards a maximum.

    Parameters
    ----------
    age : array_like [yr]
    maximum : array_like
        Value that is approached [any unit].
    rate : array_like [1/yr]
    shape : array_like [1]

    Returns
    -------
    ndarray
        0 at age 0, in the unit of `maximum`.

    Notes
    -----
    ``y = maximum (1 − exp(−rate · age))^shape``, the Chapman–Richards curve.

    References
    ----------
    Richards F J 1959, Journal of Experimental Botany 10:290, doi:10.1093/jxb/10.2.290.

    Examples
    --------
    >>> richards([0.0, 30.0], maximum=100.0, rate=0.05, shape=1.0).round(2).tolist()
    [0.0, 77.69]
    """
    age, rate = np.asarray(age, dtype=np.float64), np.asarray(rate)
    return np.asarray(np.asarray(maximum) * (-np.expm1(-rate * age)) ** np.asarray(shape))


@dataclass(frozen=True)
class Curve:
    """A fitted growth curve of whole-tree biomass [t d.m./ha].

    Attributes
    ----------
    row : str
        Forest type that it was fitted for.
    maximum, rate, shape : float
    oldest : float
        Oldest stand it was fitted to [yr].
    relative_se : float
        Standard error of the mean curve at 30 years, over its value there.
    parameters : tuple of Parameter
    """

    row: str
    maximum: float
    rate: float
    shape: float
    oldest: float
    relative_se: float
    parameters: tuple[Parameter, ...]

    def at(self, age: npt.ArrayLike) -> Floats:
        """Return the biomass at an age [t d.m./ha]."""
        return richards(age, maximum=self.maximum, rate=self.rate, shape=self.shape)


@cache
def growth_curve(forest_type: str) -> Curve | None:
    """Return the curve that serves a forest type, None where there is none.

    Broadleaves take the curve of the oaks and conifers other than pines that of Chinese fir, as
    the nearest that were measured; pines take that of Masson pine.

    Examples
    --------
    >>> growth_curve("chinese_fir").at([20.0]).round(1).tolist()
    [53.2]
    """
    stands_in = {
        "other_pine": "masson_pine", "conifer_mixed": "chinese_fir", "broadleaf_mixed": "oak",
    }  # fmt: skip
    table = load_table("models/growth")
    known = set(table["row"])
    for name in lineage(forest_type):
        row = name if name in known else stands_in.get(name)
        if row:
            return _curve(row, table[table["row"] == row])
    return None


def _curve(row: str, own: pd.DataFrame) -> Curve:
    values = own.set_index("coefficient")["value"]
    maximum, rate, shape = (float(values[name]) for name in ("maximum", "rate", "shape"))
    usual = float(richards(USUAL_AGE, maximum=maximum, rate=rate, shape=shape))
    mean_error = float(own["residual_sd"].iloc[0]) / float(own["n"].iloc[0]) ** 0.5
    parameters = tuple(
        lookup("models/growth", row=row, coefficient=name) for name in ("maximum", "rate", "shape")
    )
    oldest = float(own["valid_max"].iloc[0])
    return Curve(row, maximum, rate, shape, oldest, mean_error / usual, parameters)


def apply_growth(
    age: npt.ArrayLike,
    *,
    forest_type: Sequence[str] | npt.NDArray[np.str_],
    draws: Draws,
    problems: Problems,
) -> StandCarbon:
    """Return the carbon of stands of known age by the growth curve of their type.

    Right for plantations and young stands whose age is all that is known; the curves come from
    naturally regenerated stands with a large scatter, so a measured volume is always better.

    Parameters
    ----------
    age : array_like, dims (stand) [yr]
    forest_type : sequence of str, dims (stand)
        Keys of models/forest_types; empty where unknown.
    draws : Draws
    problems : Problems
        Gains a warning for types that another type's curve stands in for.

    Returns
    -------
    StandCarbon
        Its `volume` holds the curve's biomass [t d.m./ha]; stands older than the oldest the curve
        was fitted to are `outside`.

    Notes
    -----
    The error of the mean curve, its residual standard deviation over the root of the number of
    plots, is drawn as one factor per curve; the curve's three coefficients are not drawn apart,
    because their covariance was not kept.

    Examples
    --------
    >>> plantation = apply_growth(
    ...     [0.0, 20.0], forest_type=["chinese_fir"] * 2, draws=Draws(), problems=Problems()
    ... )
    >>> plantation.central.sum(axis=0).round(2).tolist()
    [0.0, 25.02]
    """
    ages = np.asarray(age, dtype=np.float64)
    codes, distinct = pd.factorize(np.asarray(forest_type, dtype=object))
    biomass = np.full(ages.size, np.nan)
    index = np.full(ages.size, -1, dtype=np.int64)
    cells: list[VolumeCell] = []
    substituted: dict[str, str] = {}
    for number, kind in enumerate(map(str, distinct)):
        curve = growth_curve(kind) if kind else None
        if curve is None:
            continue
        if curve.row != kind:
            substituted[kind] = curve.row
        stands = (codes == number) & (ages >= 0)
        biomass[stands] = curve.at(ages[stands])
        index[stands] = len(cells)
        cells.append(growth_cell(kind, curve))
    if substituted:
        pairs = first_few([f"{a} → {b}" for a, b in substituted.items()], problems.language)
        problems.warn("model.substituted", place="growth", count=len(substituted), pairs=pairs)
    ceiling = lookup("models/limits", item="largest_stand").value
    return StandCarbon("growth", biomass, index, tuple(cells), draws, ceiling, substituted)


def with_curves(carbon: StandCarbon, young: StandCarbon) -> StandCarbon:
    """Return the carbon of stands with those of a growth curve in place of their volume's.

    Parameters
    ----------
    carbon : StandCarbon
        By a model of the growing stock.
    young : StandCarbon
        Of the same stands, as `apply_growth` gives it: those that it can compute are taken.
    """
    told = young.index >= 0
    index = np.where(told, young.index + len(carbon.cells), carbon.index)
    return StandCarbon(
        carbon.model, np.where(told, young.volume, carbon.volume), index,
        carbon.cells + young.cells, carbon.draws, carbon.ceiling,
        {**carbon.substituted, **young.substituted}, carbon.only,
    )  # fmt: skip


def growth_cell(kind: str, curve: Curve, *, relative_se: float | None = None) -> VolumeCell:
    """Return what turns the biomass of a curve into carbon, with the curve's error as a factor.

    Parameters
    ----------
    kind : str
        Forest type: its root-to-shoot ratio splits the whole tree.
    curve : Curve
    relative_se : float, optional
        Of the curve, in place of its own.
    """
    row = curve.parameters[0]
    name = f"growth/{curve.row}"
    se = curve.relative_se if relative_se is None else relative_se
    mean = Parameter(
        name=name, value=1.0, se=se, low=np.nan, high=np.nan, interval=np.nan,
        unit="1", distribution="lognormal" if se > 0 else "fixed", source=row.source,
        confidence=row.confidence,
    )  # fmt: skip
    return VolumeCell(
        kind, (Factor(mean, name, "expansion"),), root_to_shoot(kind), carbon_fraction(),
        None, True, (0.0, float(curve.at(curve.oldest))),
    )  # fmt: skip
