"""The density table of the example: the packaged set, its forest calibrated for two years."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pandas as pd

from sinks.demo.frame import table
from sinks.parameters import load_table
from sinks.texts import Language, text

COLUMNS: Final = (
    *("stratum", "pool", "year", "value", "se", "low", "high", "interval", "distribution"),
    *("unit", "depth", "source", "confidence"),
)
YEARS: Final = (2010, 2015)
#: Pools whose density grows with the standing forest.
GROWING: Final = ("agb", "bgb")


def density_table(strata: tuple[str, ...], *, language: Language) -> pd.DataFrame:
    """Return the densities of the example's strata [t C/ha].

    Parameters
    ----------
    strata : tuple of str
    language : {"zh", "en"}
        Language of the sources.

    Notes
    -----
    Forest biomass is the packaged value times a factor of the table ``demo/stocking``, one per
    stratum and year, with one relative standard error; everything else is the packaged row.
    """
    packaged = load_table("density/hubei_2010")
    stocking = table("stocking").set_index("stratum")
    rows: list[dict[Any, Any]] = []
    for row in packaged[packaged["stratum"].isin(strata)].to_dict("records"):
        if row["stratum"] in stocking.index and row["pool"] in GROWING:
            calibration = stocking.loc[row["stratum"]]
            rows += [_calibrated(row, calibration, year=year, language=language) for year in YEARS]
        else:
            words = text("demo.density.other", language, source=row["source"])
            rows.append(row | {"year": "", "source": words})
    order = {stratum: place for place, stratum in enumerate(strata)}
    out = pd.DataFrame(rows, columns=list(COLUMNS))
    return out.sort_values("stratum", key=lambda names: names.map(order), kind="stable")


def _calibrated(
    row: dict[Any, Any], calibration: Any, *, year: int, language: Language
) -> dict[Any, Any]:
    base, factor = float(row["value"]), float(calibration[f"factor_{year}"])
    relative = float(calibration["relative_se"])
    value = round(base * factor, 3)
    words = text(
        "demo.density.forest",
        language,
        base=f"{base:g}",
        factor=f"{factor:g}",
        relative=f"{100 * relative:g}",
        source=row["source"],
    )
    return {
        "stratum": row["stratum"],
        "pool": row["pool"],
        "year": str(year),
        "value": value,
        "se": round(value * relative, 3),
        "distribution": "normal",
        "unit": row["unit"],
        "depth": row["depth"],
        "source": words,
        "confidence": "secondary",
    }


def write_density(path: Path, strata: tuple[str, ...], *, language: Language) -> None:
    """Write the density table as CSV, UTF-8 with a byte-order mark as Excel wants it."""
    content = density_table(strata, language=language).to_csv(index=False, lineterminator="\n")
    path.write_bytes(content.encode("utf-8-sig"))
