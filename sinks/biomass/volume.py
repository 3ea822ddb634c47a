"""Growing stock per hectare of strata: from sub-compartments, plots or a table, with its draws."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt
import xarray as xr

from sinks.biomass.cells import BY_AREA
from sinks.biomass.density import Density
from sinks.biomass.plotdensity import PlotDensity
from sinks.biomass.plotdraws import VOLUME
from sinks.biomass.species import forest_types
from sinks.biomass.standdensity import LEAST_HA, StandDensity, groups_of, targets_of
from sinks.draws import probabilities, quantiles, usual_distribution
from sinks.texts import Language, text

Floats = npt.NDArray[np.float64]
#: Where a volume per hectare comes from, the one that goes first before the others.
SUBCOMPARTMENTS: Final = "subcompartments"
PLOTS: Final = "plots"
TABLE: Final = "table"
DEFINITION: Final = "definition"
ORDER: Final = (SUBCOMPARTMENTS, PLOTS, TABLE, DEFINITION)


@dataclass(frozen=True)
class VolumeRow:
    """Growing stock per hectare of a stratum [m³/ha]; year 0 and region "" mean all.

    `se` is NaN where the source states none; `basis` is one of `ORDER`.
    """

    stratum: str
    value: float
    se: float = math.nan
    year: int = 0
    region: str = ""
    source: str = ""
    confidence: str = ""
    basis: str = TABLE
    file: str = ""

    @property
    def name(self) -> str:
        """The parameter's name, ``volume/stratum[/year][/region]``."""
        parts = [VOLUME, self.stratum] + ([str(self.year)] if self.year else [])
        return "/".join(parts + ([self.region] if self.region else []))


@dataclass(frozen=True)
class VolumeDensity(Density):
    """Growing stock per hectare [m³/ha] in the shape of a density: what multiplies areas.

    The one «pool» of its arrays is `VOLUME`: it never meets the pools of carbon.

    Attributes
    ----------
    volumes : tuple of (VolumeRow, float)
        The rows in use, with the standard error that each has in the draws; NaN for unknown.
    from_plots : mapping of str to ndarray, dims (year, draw)
        Strata whose draws are those of a sample of plots.
    """

    volumes: tuple[tuple[VolumeRow, float], ...] = ()
    from_plots: Mapping[str, Floats] = field(default_factory=dict)

    @property
    def served(self) -> frozenset[str]:
        """Strata whose volume is known."""
        return frozenset(row.stratum for row, _ in self.volumes)

    @property
    def unsure(self) -> frozenset[str]:
        """Strata whose volume is known without its error: nothing is said of probability."""
        return frozenset(row.stratum for row, se in self.volumes if math.isnan(se))

    @cached_property
    def _streams(self) -> dict[str, Floats]:
        return {
            name: probabilities(f"{VOLUME}/{name}", seed=self.seed, count=self.draws)
            for name in self.served.difference(self.from_plots)
        }

    def drawn(self, region: int = 0) -> xr.DataArray:
        """Draw the growing stock (of one region, where it differs).

        Returns
        -------
        DataArray, dims (stratum, pool, year, draw) [m³/ha]

        Notes
        -----
        One stream per stratum, shared by all regions and years; of plots, the errors of their
        sample, which correlate with those of the carbon of the same plots.
        """
        index = {"region": region} if self.by_region else {}
        value, se = (array.isel(index) for array in (self.value, self.se))
        out = np.repeat(value.values[..., None], self.draws, axis=-1)
        for s, stratum in enumerate(value["stratum"].values.tolist()):
            if stratum in self.from_plots:
                out[s, 0] = self.from_plots[stratum]
                continue
            for t in np.flatnonzero(se.values[s, 0] > 0):
                own, middle = float(se.values[s, 0, t]), float(value.values[s, 0, t])
                out[s, 0, t] = quantiles(
                    self._streams[stratum], value=middle, se=own,
                    distribution=usual_distribution(middle, own),
                )  # fmt: skip
        coords = {name: value.coords[name] for name in ("stratum", "pool", "year")}
        return xr.DataArray(out, dims=("stratum", "pool", "year", "draw"), coords=coords)


def bare_strata() -> frozenset[str]:
    """Return strata that bear no growing stock by their nature: bamboo is counted in culms."""
    types = forest_types()
    wooded = set(types.loc[[name not in BY_AREA for name in types.index], "stratum"])
    return frozenset(types.loc[list(BY_AREA), "stratum"]) - wooded


def bare_rows(strata: Sequence[str], *, language: Language) -> list[VolumeRow]:
    """Return a growing stock of 0 for the strata that have none by their nature."""
    source = text("volume.source.definition", language)
    bare = bare_strata()
    return [
        VolumeRow(name, 0.0, 0.0, source=source, basis=DEFINITION)
        for name in strata
        if name in bare
    ]


def plot_volumes(plots: PlotDensity, *, language: Language) -> list[VolumeRow]:
    """Return the growing stock of every stratum and year that plots estimate."""
    wood = plots.wood
    if wood is None:
        return []
    rows = []
    for s, stratum in enumerate(wood.strata):
        if np.isnan(wood.mean[s]).any():
            continue
        for t, year in enumerate(wood.years):
            source = text(
                "volume.source.plots", language, count=int(plots.count[s, t]),
                design=text(f"plots.design.{plots.config.estimator}", language),
                file=plots.files[t],
            )  # fmt: skip
            value, se = float(wood.mean[s, t]), float(wood.se[s, t])
            rows.append(
                VolumeRow(stratum, value, se, year, source=source, basis=PLOTS, file=plots.files[t])
            )
    return rows


def stand_volumes(stands: StandDensity, *, language: Language) -> list[VolumeRow]:
    """Return the mean growing stock of the stands of each region and stratum, and of all.

    Notes
    -----
    ``Σ area · volume / Σ area`` over the stands whose volume is known; bamboo, shrubs and economic
    trees count with none. A region with less than `LEAST_HA` hectares of such stands in any year
    has no mean of its own. A survey states no error of its volumes: none is made up.
    """
    sizes = len(stands.regions), len(stands.strata)
    count = (sizes[0] + 1) * sizes[1]
    area, wood = np.zeros((2, len(stands.years), count))
    for t, own in enumerate(stands.placed):
        frame = own.stands.frame
        volume = frame["volume"].to_numpy(dtype=np.float64)
        by_area = frame["forest_type"].isin(BY_AREA).to_numpy()
        volume = np.where(np.isnan(volume) & by_area, 0.0, volume)
        hectares = frame["area"].to_numpy(dtype=np.float64)
        target = targets_of(frame["stratum"], stands.strata)
        for group in groups_of(own, target, sizes=sizes):
            used = (group >= 0) & ~np.isnan(volume)
            area[t] += np.bincount(group[used], hectares[used], minlength=count)
            wood[t] += np.bincount(group[used], (hectares * volume)[used], minlength=count)
    shape = (len(stands.years), sizes[0] + 1, sizes[1])
    return _stand_rows(
        stands, area=area.reshape(shape), wood=wood.reshape(shape), language=language
    )


def _stand_rows(
    stands: StandDensity, *, area: Floats, wood: Floats, language: Language
) -> list[VolumeRow]:
    enough = np.all(area >= LEAST_HA, axis=0)
    rows = []
    for s, stratum in enumerate(stands.strata):
        if not enough[-1, s]:
            continue
        for r, code in enumerate((*stands.regions, "")):
            for t, year in enumerate(stands.years if enough[r, s] else ()):
                file = stands.placed[t].stands.shown
                source = text(
                    "volume.source.subcompartments", language, file=file,
                    area=f"{area[t, r, s]:,.0f}",
                )  # fmt: skip
                rows.append(
                    VolumeRow(
                        stratum, float(wood[t, r, s] / area[t, r, s]), year=year, region=code,
                        source=source, basis=SUBCOMPARTMENTS, file=file,
                    )
                )  # fmt: skip
    return rows


def preferred(rows: Sequence[VolumeRow]) -> list[VolumeRow]:
    """Return the rows of each stratum's first source: a change of source would be no change."""
    best: dict[str, str] = {}
    for row in sorted(rows, key=lambda row: ORDER.index(row.basis)):
        best.setdefault(row.stratum, row.basis)
    return [row for row in rows if best[row.stratum] == row.basis]


@dataclass(frozen=True)
class Axes:
    """What the volumes of a study are needed for, and how they are drawn."""

    strata: tuple[str, ...]
    years: tuple[int, ...]
    regions: tuple[str, ...]
    seed: int
    draws: int
    relative_se: float | None = None

    def spread(self, row: VolumeRow) -> float:
        """Return a row's standard error [m³/ha]: stated, asserted by the study, or unknown."""
        if row.value == 0:
            return 0.0
        if math.isnan(row.se) and self.relative_se is not None:
            return row.value * self.relative_se
        return row.se


def volume_density(
    rows: Sequence[VolumeRow], axes: Axes, *, plots: PlotDensity | None
) -> tuple[VolumeDensity | None, list[str]]:
    """Bring volumes onto the strata, years and regions of a study.

    Parameters
    ----------
    rows : sequence of VolumeRow
        From `preferred`.
    axes : Axes
    plots : PlotDensity, optional
        Whose draws hold for the strata that plots serve.

    Returns
    -------
    density : VolumeDensity or None
        None without any row. Strata that no row serves hold 0 in its arrays, and are not among
        `VolumeDensity.served`.
    missing : list of str
        ``stratum/year[/region]`` that a source leaves out of a stratum that it serves.
    """
    rows = [row for row in rows if row.stratum in axes.strata]
    table = {(row.stratum, row.year, row.region): row for row in rows}
    local = any(row.region in axes.regions for row in rows)
    regions = axes.regions if local else ("",)
    value = np.zeros((len(regions), len(axes.strata), 1, len(axes.years)))
    se, missing, used = np.zeros_like(value), [], dict[str, VolumeRow]()
    served = {row.stratum for row in rows}
    for r, region in enumerate(regions):
        for s, stratum in enumerate(axes.strata):
            for t, year in enumerate(axes.years if stratum in served else ()):
                keys = ((year, region), (0, region), (year, ""), (0, ""))
                row = next((table[stratum, *k] for k in keys if (stratum, *k) in table), None)
                if row is None:
                    missing.append(f"{stratum}/{year}" + (f"/{region}" if region else ""))
                    continue
                value[r, s, 0, t], se[r, s, 0, t] = row.value, np.nan_to_num(axes.spread(row))
                used[row.name] = row
    if not used:
        return None, missing
    coords = {
        "region": list(regions), "stratum": list(axes.strata), "pool": [VOLUME],
        "year": list(axes.years),
    }  # fmt: skip
    arrays = [xr.DataArray(array, dims=tuple(coords), coords=coords) for array in (value, se)]
    if not local:
        arrays = [array.isel(region=0, drop=True) for array in arrays]
    drawn = _plot_draws(plots, {row.stratum for row in used.values() if row.basis == PLOTS})
    none = xr.zeros_like(arrays[1], dtype=bool)
    return VolumeDensity(
        arrays[0], arrays[1], none, none, (), axes.seed, axes.draws,
        volumes=tuple((used[name], axes.spread(used[name])) for name in sorted(used)),
        from_plots=drawn,
    ), missing  # fmt: skip


def _plot_draws(plots: PlotDensity | None, strata: set[str]) -> dict[str, Floats]:
    if plots is None or plots.wood is None:
        return {}
    drawn = plots.wood.drawn()
    return {name: drawn[s] for s, name in enumerate(plots.wood.strata) if name in strata}
