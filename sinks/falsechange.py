"""Change that wrong maps alone can make: of all land, and of every mapped transition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from sinks.landcover.activity import Activity, Pair
from sinks.landcover.adjust import Adjustment
from sinks.landcover.assess import Assessment
from sinks.landcover.scheme import then
from sinks.legend import Legend
from sinks.parameters import load_table

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

FALSE: Final = (
    "start", "end", "basis", "source", "overall_accuracy_pct", "compared_ha", "mapped_change_ha",
    "independent_ha", "at_most_ha",
)  # fmt: skip
#: What an accuracy rests on, the best first.
BASES: Final = ("sample", "published", "unknown")
SAMPLE, PUBLISHED, UNKNOWN = range(len(BASES))
#: Basis of a cause that no change of class belongs to.
NONE: Final = "none"


@dataclass(frozen=True)
class Known:
    """The overall accuracy of one map, of a sample or as the product's makers published it."""

    value: float
    basis: str
    source: str


@dataclass(frozen=True)
class Wrong:
    """The part of each mapped transition that is not the change it seems to be.

    Attributes
    ----------
    share : ndarray, dims (from, to)
        0 on land that is mapped alike twice: it shows no change. NaN where nothing is known.
    basis : ndarray, dims (from, to)
        What it rests on, by position in `BASES`.
    """

    share: Floats
    basis: Ints

    def of(self, area: Floats, among: Bools) -> tuple[Floats, str]:
        """Return the false part of some transitions and what it rests on: the weakest of them.

        Parameters
        ----------
        area : ndarray, dims (region, from, to)
            Hectares, or what else is counted on them.
        among : ndarray, dims (from, to)

        Returns
        -------
        ndarray, dims (region, from, to)
            NaN throughout where something is unknown of land that there is.
        str
            ``sample``, ``published``, ``unknown``, or ``none`` where no class changes.
        """
        moved = among & ~np.eye(len(among), dtype=bool)
        own = np.where(moved & (area != 0), area, 0.0)
        if not moved.any():
            return np.full(area.shape, np.nan), NONE
        seen = moved & (area != 0).any(axis=0)
        basis = int(self.basis[seen if seen.any() else moved].max())
        if basis == UNKNOWN:
            return np.full(area.shape, np.nan), BASES[basis]
        return own * np.nan_to_num(self.share), BASES[basis]


def _published(legend: Legend) -> Known | None:
    """Return what the makers of a packaged legend's product published; None if nothing."""
    rows = load_table("landcover_products").set_index("product")
    if legend.name not in rows.index:
        return None
    value = float(str(rows.at[legend.name, "overall_accuracy"])) / 100
    source = str(rows.at[legend.name, "source"])
    return Known(value, BASES[PUBLISHED], source) if value >= 0 else None


def _overall(assessment: Assessment | None, legend: Legend) -> Known | None:
    """Return the overall accuracy of a map: the sample's, else the product's; None if neither.

    A sample of change speaks of a change map and not of its two maps.
    """
    if assessment is not None and len(assessment.years) == 1:
        value = float(assessment.accuracy.overall.value[0])
        if value >= 0:
            return Known(value, BASES[SAMPLE], "")
    return _published(legend)


def false_change_table(
    assessment: Assessment | None, activity: Activity, *, legend: Legend
) -> pd.DataFrame | None:
    """Return `false_change.csv`: how much of the mapped change wrong maps alone can make.

    Returns
    -------
    DataFrame or None
        None where no accuracy is known: a legend of the user's own and no sample.

    Notes
    -----
    A cell shows false change only where one of its two maps is wrong. With overall accuracies a
    and b that is at most ``(1 − a) + (1 − b)`` of the land, and ``1 − a b`` if the maps err
    independently. Accuracies of all classes together, elsewhere: a what-if, not an estimate.
    """
    known = _overall(assessment, legend)
    if known is None:
        return None
    value, found = known.value, []
    for (start, end), area in mapped_moves(activity).items():
        whole = float(area.sum())
        stayed = float(np.einsum("rii->", area))
        found.append({
            "start": start, "end": end, "basis": known.basis, "source": known.source,
            "overall_accuracy_pct": 100 * value, "compared_ha": whole,
            "mapped_change_ha": whole - stayed, "independent_ha": whole * (1 - value**2),
            "at_most_ha": whole * min(1.0, 2 * (1 - value)),
        })  # fmt: skip
    return pd.DataFrame(found, columns=list(FALSE))


def mapped_moves(activity: Activity) -> Mapping[Pair, Floats]:
    """Return what the maps show between two years, dims (region, from, to) [ha]."""
    if activity.correction is not None:
        return activity.correction.moves
    dims = ("region", "from_stratum", "to_stratum")
    return {pair: area.transpose(*dims).values for pair, area in activity.transitions.items()}


def wrong_changes(
    assessment: Assessment | None, activity: Activity, *, cause: Ints, legend: Legend
) -> Wrong:
    """Return how much of each mapped transition classification error alone could make.

    Parameters
    ----------
    assessment : Assessment or None
        Of a reference sample.
    activity : Activity
        Corrected by it, where it can be.
    cause : ndarray, dims (from, to)
        The cause of each transition between the activity's strata.
    legend : Legend
        A packaged one may have a product with a published accuracy.

    Notes
    -----
    Land mapped i and then l is truly the change of cause c with

    ``P(c | i, l) = Σ q(j | i) q(k | l)`` over the pairs j ≠ k of that cause,

    q the shares of a map class that the error matrix finds (its diagonal: user's accuracies), if
    the two maps err independently; ``1 − P`` is false. A sample of change gives P itself, without
    that assumption. With an overall accuracy a alone it is ``1 − a²``: the accuracy of a
    comparison of two maps is the product of theirs. Errors that the two maps share lessen it;
    where true change is rare beside the errors, it is more.

    Map classes on which the sample says too little have its overall accuracy. Classes that it
    does not tell apart (two strata of one group in a sample of groups) have the published one,
    or none.

    References
    ----------
    Burnicki, A. C., Brown, D. G., Goovaerts, P. (2007). Comput. Environ. Urban Syst. 31, 282-302
    (errors that two maps share). doi:10.1016/j.compenvurbsys.2006.07.005
    """
    right = np.full(cause.shape, np.nan)
    basis = np.full(cause.shape, UNKNOWN, np.int64)
    if (known := _published(legend)) is not None:
        right[:], basis[:] = known.value**2, PUBLISHED
    if assessment is not None and assessment.adjustment is not None:
        told, thin = _told(assessment, activity)
        own = np.where(thin, _pooled(assessment), _of_sample(activity, cause=cause))
        told &= own >= 0
        right[told], basis[told] = own[told], SAMPLE
    wrong = np.clip(1 - right, 0.0, 1.0)
    np.fill_diagonal(wrong, 0.0)
    return Wrong(wrong, basis)


def _pooled(assessment: Assessment) -> float:
    """Return the part of mapped change that is right by the sample's overall accuracy."""
    own = float(assessment.accuracy.overall.value[0])
    return own**2 if len(assessment.years) == 1 else own


def _of_sample(activity: Activity, *, cause: Ints) -> Floats:
    """Return P(c | i, l) by the error matrix, dims (from, to)."""
    right = np.full(cause.shape, np.nan)
    correction = activity.correction
    if correction is None:
        return right
    moved = ~np.eye(len(cause), dtype=bool)
    if correction.ways is not None and correction.way_share is not None:
        size, flat = len(cause), np.zeros(cause.size)
        for (k, i, j, r), share in zip(correction.ways.tolist(), correction.way_share, strict=True):
            if moved[i, j] and cause[i, j] == cause[k // size, k % size]:
                flat[k] += share * correction.central[r]
        return flat.reshape(cause.shape)
    shares = correction.shares()
    for c in np.unique(cause):
        of_cause = shares @ ((cause == c) & moved).astype(np.float64) @ shares.T
        right[cause == c] = of_cause[cause == c]
    return right


def _told(assessment: Assessment, activity: Activity) -> tuple[Bools, Bools]:
    """Tell which transitions the sample tells apart, and which on too few units; (from, to)."""
    adjustment = cast(Adjustment, assessment.adjustment)
    names: list[str] = activity.area["stratum"].values.tolist()
    of, kept = [adjustment.scheme.of_stratum[name] for name in names], set(adjustment.rates.kept)
    told = np.array([[a != b for b in of] for a in of], dtype=bool)
    if len(assessment.years) > 1:
        thin = [[then((a, b)) in kept for b in of] for a in of]
    else:
        thin = [[a in kept or b in kept for b in of] for a in of]
    return told, np.array(thin, dtype=bool)
