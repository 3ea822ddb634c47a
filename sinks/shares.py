"""A table that shares a target out among the regions."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from sinks.checks import Problems, first_few
from sinks.limits import Limits
from sinks.regions import Regions
from sinks.rows import Row, read_rows

Floats = npt.NDArray[np.float64]

#: Shares rounded to this are still shares of one whole.
ROUNDING: Final = 5e-3


def load_shares(
    written: str, *, base: Path, regions: Regions, problems: Problems, limits: Limits
) -> Floats | None:
    """Read `region_code, share` for every region of a study.

    Returns
    -------
    ndarray, dims (region), or None
        Shares, together 1; None if the table was refused. Shares may be written as parts of 1 or
        in per cent; what rounding left over is spread evenly.
    """
    rows = read_rows(
        base / written, required=("region_code", "share"), shown=written, problems=problems,
        limits=limits,
    )  # fmt: skip
    if rows is None:
        return None
    found = {row["region_code"]: _number(row) for row in rows}
    times = Counter(row["region_code"] for row in rows)
    faults = {
        "shares.repeated": [code for code, count in times.items() if count > 1],
        "shares.unknown": [code for code in found if code not in regions.codes],
        "shares.missing": [code for code in regions.codes if code not in found],
        "shares.not_share": [code for code, value in found.items() if not value >= 0],
    }
    for code, which in faults.items():
        if which:
            first = first_few(dict.fromkeys(which), problems.language)
            problems.error(code, file=written, count=len(set(which)), first=first)
    if any(faults.values()):
        return None
    values = np.array([found[code] for code in regions.codes])
    total = float(values.sum())
    if not any(abs(total - whole) <= ROUNDING * whole for whole in (1.0, 100.0)):
        problems.error("shares.sum", file=written, total=f"{total:.6g}")
        return None
    return values / total


def _number(row: Row) -> float:
    try:
        value = float(row["share"].removesuffix("%"))
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan
