"""Yearly fluxes of wetlands: carbon buried in sediment, and methane as a gas of its own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sinks.biomass.density import standard_error
from sinks.biomass.table import DensityRow
from sinks.checks import Problems, first_few
from sinks.draws import Distribution, probabilities, quantiles, usual_distribution
from sinks.limits import Limits
from sinks.parameters import warn_unchecked
from sinks.rows import Row, parse_rows, read_rows

Floats = npt.NDArray[np.float64]

#: The packaged table, which a study may replace by its own.
PACKAGED: Final = "wetland_fluxes"
REQUIRED: Final = ("stratum", "flux", "value", "unit")
#: Units of each flux. Burial is carbon that stays; methane is never netted against it.
UNITS: Final = {"burial": "t C/ha/yr", "ch4": "t CH4/ha/yr"}


@dataclass(frozen=True)
class Flux:
    """One flux of one stratum, per hectare and year, in the unit of `UNITS`.

    A flux whose source states no error has an `se` of NaN: it is used, and has no interval.
    """

    stratum: str
    flux: str
    value: float
    se: float
    distribution: Distribution
    source: str
    confidence: str

    @property
    def name(self) -> str:
        """The parameter's name."""
        return f"flux/{self.stratum}/{self.flux}"

    def drawn(self, *, seed: int, count: int) -> Floats:
        """Draw the flux, dims (draw); one stream per name, shared by all regions and years."""
        stream = probabilities(self.name, seed=seed, count=count)
        se = 0.0 if math.isnan(self.se) else self.se
        return quantiles(stream, value=self.value, se=se, distribution=self.distribution)


def load_fluxes(
    written: str, *, base: Path, problems: Problems, limits: Limits | None = None
) -> list[Flux] | None:
    """Read a table of wetland fluxes: the packaged one, or a CSV of the study.

    Parameters
    ----------
    written : str
        ``wetland_fluxes``, or a CSV with `stratum, flux, value, unit` and, as far as they are
        known, `se` or `low, high, interval`, `distribution`, `source`, `confidence`.
    base : Path
        The study's folder.
    problems : Problems
    limits : Limits, optional

    Returns
    -------
    list of Flux, or None if the table was refused
    """
    if written == PACKAGED:
        raw = files("sinks").joinpath("tables", f"{PACKAGED}.csv").read_bytes()
        rows = parse_rows(raw, REQUIRED, shown=written, problems=problems)
    else:
        rows = read_rows(
            base / written, required=REQUIRED, shown=written, problems=problems, limits=limits
        )
    if rows is None:
        return None
    found = [_flux(row) for row in rows]
    wrong = [row.line for row, flux in zip(rows, found, strict=True) if flux is None]
    keys = [(flux.stratum, flux.flux) for flux in found if flux is not None]
    twice = sorted({f"{a}/{b}" for a, b in keys if keys.count((a, b)) > 1})
    for code, items in (("wetland.bad_row", wrong), ("wetland.repeated", twice)):
        if items:
            first = first_few(items, problems.language)
            units = ", ".join(f"{flux}: {unit}" for flux, unit in UNITS.items())
            problems.error(code, file=written, count=len(items), first=first, units=units)
    if wrong or twice:
        return None
    fluxes = [flux for flux in found if flux is not None]
    unchecked = {flux.name for flux in fluxes if flux.confidence == "memory"}
    warn_unchecked(unchecked, table=written, problems=problems)
    return fluxes


def _flux(row: Row) -> Flux | None:
    """Return a row as a flux; None if it is none."""
    if not row["stratum"] or UNITS.get(row["flux"]) != row["unit"]:
        return None
    names = ("value", "se", "low", "high", "interval")
    numbers: Mapping[str, Any] = {name: _number(row.cells.get(name, "")) for name in names}
    if any(number is None for number in numbers.values()) or math.isnan(numbers["value"]):
        return None
    interval = 0.95 if math.isnan(numbers["interval"]) else numbers["interval"]
    if not 0 < interval < 1 or numbers["se"] < 0 or numbers["low"] > numbers["high"]:
        return None
    said = row.cells.get("distribution", "")
    if said not in ("", "fixed", "normal", "lognormal"):
        return None
    like = DensityRow(
        row["stratum"], row["flux"], numbers["value"], se=numbers["se"], low=numbers["low"],
        high=numbers["high"], interval=interval,
    )  # fmt: skip
    se = standard_error(like)
    se = 0.0 if said == "fixed" else se
    kind: Distribution = usual_distribution(numbers["value"], 0.0 if math.isnan(se) else se)
    if se > 0 and said == "lognormal" and numbers["value"] > 0:
        kind = "lognormal"
    return Flux(
        row["stratum"], row["flux"], numbers["value"], se, kind,
        row.cells.get("source", ""), row.cells.get("confidence", ""),
    )  # fmt: skip


def _number(cell: str) -> float | None:
    """Return a cell as a number, NaN if it is empty and None if it is no finite number."""
    if not cell:
        return math.nan
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def check_depths(
    rows: Sequence[DensityRow], strata: Sequence[str], *, file: str, problems: Problems
) -> None:
    """Refuse soil densities of different depths in one study: 0–30 and 0–100 cm never add up."""
    depths: dict[str, list[str]] = {}
    for row in rows:
        if row.pool == "soil" and row.stratum in strata and row.depth and row.value != 0:
            depths.setdefault(normal_depth(row.depth), []).append(row.stratum)
    if len(depths) > 1:
        found = "; ".join(
            f"{depth}: {first_few(dict.fromkeys(names), problems.language)}"
            for depth, names in sorted(depths.items())
        )
        problems.error("density.depths", file=file, found=found)


def normal_depth(text: str) -> str:
    """Return a depth in one spelling.

    Examples
    --------
    >>> normal_depth("0–100 cm"), normal_depth("0-1 m"), normal_depth("30cm")
    ('0-100 cm', '0-100 cm', '0-30 cm')
    """
    plain = text.lower().replace("–", "-").replace("—", "-").replace("~", "-").replace(" ", "")
    metres = plain.endswith("m") and not plain.endswith("cm")
    ends = plain.removesuffix("cm").removesuffix("m").split("-")
    try:
        numbers = [float(end) * (100 if metres else 1) for end in ends]
    except ValueError:
        return text
    top, bottom = (0.0, numbers[0]) if len(numbers) == 1 else (numbers[0], numbers[-1])
    return f"{top:g}-{bottom:g} cm"
