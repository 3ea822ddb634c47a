"""What was achieved of a target, in the target's own quantity and unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from sinks.draws import Distribution, probabilities, quantiles
from sinks.landcover.activity import Activity
from sinks.legend import Legend
from sinks.levels import summed
from sinks.regions import Regions
from sinks.sections import TargetConfig
from sinks.stock import Selection, Stock
from sinks.texts import Language
from sinks.units import AREA_UNITS, CARBON_UNITS
from sinks.volume import Volume

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

#: Where a figure comes from: maps and densities, plots or surveys of volume, an official source.
MEASURED: Final = "measured"
ESTIMATED: Final = "estimated"
REPORTED: Final = "reported"


@dataclass(frozen=True)
class Accounts:
    """What targets are held against.

    Attributes
    ----------
    stock : Stock
    activity : Activity
    regions : Regions
    legend : Legend
    overlays : mapping of str to Activity
        Land of each overlay by all regions, zero where it has none.
    parts : mapping of str to ndarray of bool, dims (part, region)
        Which parts of an overlay have land in which region.
    shares : mapping of str to ndarray, dims (region)
        Of targets that are shared out by a table of the study.
    seed : int
    volume : Volume, optional
        Growing stock, where the study has a source of it.
    language : {"zh", "en"}
        Of the words that say what a figure was estimated from.
    """

    stock: Stock
    activity: Activity
    regions: Regions
    legend: Legend
    overlays: Mapping[str, Activity]
    parts: Mapping[str, Bools]
    shares: Mapping[str, Floats]
    seed: int
    volume: Volume | None = None
    language: Language = "zh"

    @property
    def years(self) -> list[int]:
        """The study's years, ascending."""
        return [int(year) for year in self.activity.area["year"].values]

    @property
    def whole(self) -> list[Ints]:
        """The one level that a ledger speaks of: every region in one group."""
        return [np.zeros(len(self.regions), np.int64)]

    def basis(self, target: TargetConfig) -> str:
        """Return where the figure of a target comes from.

        An official figure stands for what neither map nor plots show: a volume that the study
        estimates itself goes before it, and the official one stands beside.
        """
        if target.quantity == "volume" and self.volume is not None and self.volume.serves(target):
            return ESTIMATED
        return MEASURED if target.reported is None else REPORTED

    def source(self, target: TargetConfig) -> str:
        """Return in words what a figure rests on: an official source, plots or surveys."""
        basis = self.basis(target)
        if basis == REPORTED and target.reported is not None:
            return target.reported.source
        if basis == ESTIMATED and self.volume is not None:
            return self.volume.basis(self.volume.strata_of(target), self.language)
        return ""

    def of(self, overlay: str | None) -> tuple[Activity, Stock]:
        """Return areas and stocks of the regions, or of what an overlay has in them."""
        if overlay is None:
            return self.activity, self.stock
        activity = self.overlays[overlay]
        return activity, self.stock.on(activity.area, activity.correction)


@dataclass(frozen=True)
class Achieved:
    """What was achieved, by group: central, and draws where the quantity has any."""

    central: Floats
    draws: Floats | None


def achieved(
    target: TargetConfig, accounts: Accounts, *, indices: Sequence[Ints], year: int | None = None
) -> Achieved:
    """Return what was achieved by a year, in the target's unit, by group.

    Parameters
    ----------
    target : TargetConfig
    accounts : Accounts
    indices : sequence of ndarray
        Group of each region, by level.
    year : int, optional
        The target's end by default.

    Notes
    -----
    ``increase``: end minus start. ``rate``: that per year. ``level``, ``share`` and ``count``:
    the value of the year itself. An official figure stands for the whole alone, at the end.
    """
    if accounts.basis(target) == REPORTED:
        return _reported(target, accounts, indices=indices)
    values, draws = _amounts(target, accounts, indices=indices)
    years = accounts.years
    now = years.index(target.end if year is None else year)
    start = years.index(target.start) if target.start is not None else 0
    elapsed = years[now] - years[start]

    def by_kind(amount: Floats) -> Floats:
        if target.kind not in ("increase", "rate"):
            return amount[:, now]
        increase = amount[:, now] - amount[:, start]
        return increase / elapsed if target.kind == "rate" else increase

    return Achieved(by_kind(values), None if draws is None else by_kind(draws))


def _reported(target: TargetConfig, accounts: Accounts, *, indices: Sequence[Ints]) -> Achieved:
    """Return an official figure; it varies by the error that comes with it, if one does."""
    count = sum(int(index.max()) + 1 for index in indices)
    central = np.full(count, np.nan)
    if target.reported is None:
        return Achieved(central, None)
    central[-1] = target.reported.value
    if target.reported.se is None:
        return Achieved(central, None)
    number = accounts.stock.density.draws
    stream = probabilities(f"reported/{target.name}", seed=accounts.seed, count=number)
    draws = np.full((count, number), np.nan)
    kind: Distribution = "normal" if target.reported.se > 0 else "fixed"
    draws[-1] = quantiles(
        stream, value=target.reported.value, se=target.reported.se, distribution=kind
    )
    return Achieved(central, draws)


def _amounts(
    target: TargetConfig, accounts: Accounts, *, indices: Sequence[Ints]
) -> tuple[Floats, Floats | None]:
    """Return a target's quantity, dims (group, year) and (group, year, draw)."""
    activity, stock = accounts.of(target.overlay)
    if target.quantity == "volume":
        return _volumes(target, accounts, indices=indices)
    if target.quantity == "count":
        return _counts(target, accounts, indices=indices)
    strata = accounts.legend.counted(target.groups, target.strata)
    if target.quantity == "carbon":
        totals = stock.totals(indices, Selection(strata, target.pools or None))
        unit = CARBON_UNITS[target.unit]
        return totals.central / unit, totals.draws / unit
    hectares = summed(hectares_of(activity, strata), indices)
    drawn = None
    if activity.correction is not None and strata is not None:
        drawn = stock.areas(indices, strata).draws
    if target.quantity != "cover" and target.kind != "share":
        unit = AREA_UNITS[target.unit]
        return hectares / unit, None if drawn is None else drawn / unit
    whole = accounts.activity.coverage
    land = (
        activity.coverage["common_valid"]
        if target.quantity == "cover"
        else (whole["inside"] + whole["outside"])
    )
    of = summed(land.values, indices)
    return _percent(hectares, of), None if drawn is None else _percent(drawn, of)


def _volumes(
    target: TargetConfig, accounts: Accounts, *, indices: Sequence[Ints]
) -> tuple[Floats, Floats | None]:
    """Return the growing stock, dims (group, year) and (group, year, draw) [m³]."""
    if accounts.volume is None:
        raise LookupError(target.name)  # refused when the inputs were checked
    inside = None if target.overlay is None else accounts.overlays[target.overlay]
    strata = accounts.volume.strata_of(target)
    found = accounts.volume.totals(indices, strata, activity=inside)
    return found.central, found.draws


def hectares_of(activity: Activity, strata: Sequence[str] | None) -> Floats:
    """Return the hectares of some strata, or all land of an overlay; dims (region, year)."""
    if strata is None:
        land = (activity.coverage["inside"] + activity.coverage["outside"]).values
        return np.repeat(land[:, None], activity.area.sizes["year"], axis=1)
    present = [name for name in strata if name in activity.area["stratum"].values]
    area = activity.area.sel(stratum=present).sum("stratum")
    return np.asarray(area.transpose("region", "year").values)


def _percent(part: Floats, whole: Floats) -> Floats:
    """Return parts of a whole [%], dims (group, year[, draw]); NaN where there is no whole."""
    land = np.broadcast_to(whole.reshape(-1, *[1] * (part.ndim - 1)), part.shape)
    return 100 * np.divide(part, land, out=np.full_like(part, np.nan), where=land > 0)


def _counts(
    target: TargetConfig, accounts: Accounts, *, indices: Sequence[Ints]
) -> tuple[Floats, Floats]:
    """Return how many parts of an overlay each group holds: a count has no error."""
    inside = accounts.parts[str(target.overlay)]
    found = []
    for index in indices:
        groups = np.zeros((int(index.max()) + 1, len(inside)), dtype=bool)
        np.logical_or.at(groups, index, inside.T)
        found.append(groups.sum(axis=1).astype(np.float64))
    central = np.repeat(np.concatenate(found)[:, None], len(accounts.years), axis=1)
    number = accounts.stock.density.draws
    return central, np.repeat(central[..., None], number, axis=2)
