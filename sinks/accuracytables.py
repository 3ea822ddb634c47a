"""Tables of a reference sample: accuracies, error matrix, and estimated areas at every level."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtri

from sinks.falsechange import false_change_table
from sinks.landcover.accuracy import FEWEST, Estimate
from sinks.landcover.activity import Activity
from sinks.landcover.assess import Assessment
from sinks.legend import GROUPS, Legend
from sinks.levels import group_indices, summed, without_data
from sinks.regions import Regions
from sinks.stock import Stock

Floats = npt.NDArray[np.float64]

ACCURACY: Final = (
    "measure", "class", "start", "year", "value", "se", "low", "high", "unit", "units", "status",
)  # fmt: skip
MATRIX: Final = (
    "stratum", "stratum_area_ha", "map_class", "reference_class", "units", "share",
)  # fmt: skip
AREAS: Final = (
    "region_code", "region_name", "level", "year", "kind", "class", "map_ha", "area_ha", "se_ha",
    "low_ha", "high_ha",
)  # fmt: skip
PARAMETERS: Final = ("name", "value", "se", "unit", "distribution", "source", "confidence")
ESTIMABLE: Final = {True: "estimable", False: "not_estimable"}


def accuracy_tables(
    assessment: Assessment | None, *, stock: Stock, activity: Activity, regions: Regions,
    legend: Legend,
) -> Mapping[str, pd.DataFrame]:  # fmt: skip
    """Return the tables of a reference sample, and what is known of the maps without one.

    Returns
    -------
    mapping of str to DataFrame
        `accuracy` and `error_matrix`, by the published formulas, and `area_estimates`, from the
        draws, where areas are estimated; `false_change`, where an accuracy is known.
    """
    doubt = false_change_table(assessment, activity, legend=legend)
    told = {} if doubt is None else {"false_change": doubt}
    if assessment is None:
        return told
    tables = told | {
        "accuracy": _accuracy(assessment, level=stock.level),
        "error_matrix": _matrix(assessment),
    }
    if activity.correction is not None:
        tables["area_estimates"] = _areas(stock, activity, regions=regions, legend=legend)
    return tables


def _accuracy(assessment: Assessment, *, level: float) -> pd.DataFrame:
    """Return every accuracy with its interval, by the formulas of the papers."""
    found, counts = assessment.accuracy, assessment.matrix.counts.sum(axis=0)
    years = assessment.years
    start = pd.NA if len(years) == 1 else years[0]
    z = float(ndtri((1 + level) / 2))
    rows: list[dict[str, Any]] = []

    def add(
        measure: str, item: Estimate, *, names: tuple[str, ...], sizes: Floats, top: float
    ) -> None:
        for name, value, se, size in zip(
            names, item.value.tolist(), item.se.tolist(), sizes.tolist(), strict=True
        ):
            rows.append({
                "measure": measure, "class": name, "start": start, "year": years[-1],
                "value": value, "se": se, "low": max(value - z * se, 0.0) if se >= 0 else np.nan,
                "high": min(value + z * se, top) if se >= 0 else np.nan,
                "unit": "ha" if measure == "area" else "1", "units": int(size),
                "status": ESTIMABLE[bool(np.isfinite(value) and np.isfinite(se))],
            })  # fmt: skip

    names = found.classes
    add("overall", found.overall, names=("",), sizes=np.array([counts.sum()]), top=1.0)
    add("users", found.users, names=names, sizes=counts.sum(axis=1), top=1.0)
    add("producers", found.producers, names=names, sizes=counts.sum(axis=0), top=1.0)
    land = float(assessment.matrix.area.sum())
    add("area", found.area, names=names, sizes=counts.sum(axis=0), top=land)
    table = pd.DataFrame(rows, columns=list(ACCURACY))
    table["start"] = table["start"].astype("Int64")
    return table


def _matrix(assessment: Assessment) -> pd.DataFrame:
    """Return the cells of the error matrix by stratum, and a row for strata without a unit."""
    matrix = assessment.matrix
    weight = matrix.area / matrix.area.sum()
    rows: list[tuple[Any, ...]] = []
    for h, name in enumerate(matrix.strata):
        size = float(matrix.sizes[h])
        if not size:
            rows.append((name, float(matrix.area[h]), "", "", 0, np.nan))
        for i, j in zip(*(axis.tolist() for axis in np.nonzero(matrix.counts[h])), strict=True):
            count = float(matrix.counts[h, i, j])
            cell = (matrix.classes[i], matrix.classes[j], int(count), weight[h] * count / size)
            rows.append((name, float(matrix.area[h]), *cell))
    return pd.DataFrame(rows, columns=list(MATRIX))


def _areas(stock: Stock, activity: Activity, *, regions: Regions, legend: Legend) -> pd.DataFrame:
    """Return mapped and estimated areas of strata and of groups, at every level and year."""
    levels, indices = group_indices(regions)
    unknown = without_data(activity, indices)
    frames = []
    for kind, name, strata in _subjects(activity, legend):
        found = stock.areas(indices, strata)
        spread = found.spread()
        mapped = activity.counted.sel(stratum=list(strata)).sum("stratum")
        own = summed(mapped.transpose("region", "year").values, indices)
        for k, year in enumerate(activity.area["year"].values.tolist()):
            frame = levels[["region_code", "region_name", "level"]].assign(
                year=year, kind=kind, map_ha=own[:, k], area_ha=found.central[:, k],
                se_ha=spread.se[:, k], low_ha=spread.low[:, k], high_ha=spread.high[:, k],
            )  # fmt: skip
            frame["class"] = name
            held = ~unknown & ((frame["map_ha"] > 0) | (frame["area_ha"] > 0)).to_numpy()
            frames.append(frame[held])
    return pd.concat(frames, ignore_index=True)[list(AREAS)]


def _subjects(activity: Activity, legend: Legend) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield kind, name and strata of everything that has an area of its own."""
    present = [str(name) for name in activity.area["stratum"].values]
    for stratum in present:
        yield "stratum", stratum, (stratum,)
    for group in GROUPS:
        strata = tuple(name for name in legend.strata_in((group,)) if name in present)
        if strata:
            yield "group", group, strata


def sample_parameters(assessment: Assessment | None, source: str) -> pd.DataFrame:
    """Return the rows of `parameters.csv` that are the shares of the error matrix as drawn."""
    rows: list[tuple[Any, ...]] = []
    if assessment is not None and assessment.adjustment is not None:
        matrix = assessment.matrix
        for h, stratum in enumerate(matrix.strata):
            size = float(matrix.sizes[h])
            if size < FEWEST:
                continue
            for i, j in zip(*(axis.tolist() for axis in np.nonzero(matrix.counts[h])), strict=True):
                share = float(matrix.counts[h, i, j]) / size
                part = float(matrix.unsampled_part[h])
                se = float(np.sqrt(share * (1 - share) * part / (size - 1)))
                name = f"accuracy/{stratum}/{matrix.classes[i]}/{matrix.classes[j]}"
                kind = "dirichlet" if se > 0 else "fixed"
                rows.append((name, share, se, "1", kind, source, ""))
    return pd.DataFrame(rows, columns=list(PARAMETERS))
