"""Carbon densities from a table: what was read, what it means, and its draws."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.special import ndtri

from sinks.biomass.doubts import as_number, mangled
from sinks.biomass.plotdensity import PlotDensity
from sinks.biomass.rasterdensity import MappedPool
from sinks.biomass.standdensity import StandDensity
from sinks.biomass.stands import TREE_POOLS
from sinks.biomass.table import DensityRow
from sinks.checks import Problems, first_few, nearest
from sinks.draws import Distribution, from_normal, probabilities, range_se
from sinks.parameters import Parameter, lookup, warn_unchecked
from sinks.sections import POOLS, DensityConfig, UncertaintyConfig
from sinks.texts import Language, text

Floats = npt.NDArray[np.float64]
#: A table that splits dead organic matter needs no row for the whole, and the other way round.
SPLIT: Final = {"dead_organic": ("dead_wood", "litter")}
#: The densities of the table, and of maps, as sources of error.
TABLE: Final = "density_table"
RASTER: Final = "density_raster"


@dataclass(frozen=True)
class Density:
    """Carbon densities of a study with everything needed to draw them.

    Attributes
    ----------
    value, se : DataArray, dims (stratum, pool, year) or (region, stratum, pool, year) [t C/ha]
    lognormal, raster : DataArray of bool, the same dims
        What is drawn lognormal; what comes from maps of densities.
    rows : tuple of (str, DensityRow, float)
        Every parameter used: its name, its row and its standard error [t C/ha].
    seed : int
    draws : int
    plots : PlotDensity, optional
        Where densities come from plots; they bring their own draws.
    stands : StandDensity, optional
        Where they come from sub-compartments, which go before plots.
    maps : tuple of MappedPool
        Where they come from maps of densities, which go before all others.
    only : frozenset of str, optional
        Sources of error that vary: `TABLE`, `RASTER` (of one pool: ``density_table/agb``) and
        those of inventories; all when left out.
    assumed : tuple of Parameter
        Spreads that stand for errors that nobody stated, and default carbon fractions.
    """

    value: xr.DataArray
    se: xr.DataArray
    lognormal: xr.DataArray
    raster: xr.DataArray
    rows: tuple[tuple[str, DensityRow, float], ...]
    seed: int
    draws: int
    plots: PlotDensity | None = None
    stands: StandDensity | None = None
    maps: tuple[MappedPool, ...] = ()
    only: frozenset[str] | None = None
    assumed: tuple[Parameter, ...] = ()

    @property
    def held(self) -> frozenset[tuple[str, str]]:
        """The strata and pools that the table knows: dead organic matter as a whole or split."""
        return frozenset((row.stratum, row.pool) for _, row, _ in self.rows)

    @property
    def by_region(self) -> bool:
        """Whether the density differs between regions."""
        return "region" in self.value.dims

    def drawn(self, region: int = 0) -> xr.DataArray:
        """Draw the densities (of one region, where they differ).

        Returns
        -------
        DataArray, dims (stratum, pool, year, draw) [t C/ha]

        Notes
        -----
        One stream per stratum and pool, shared by all regions and years: the error of a density
        is that of its survey and its expansion factors, which serve every county in both years.
        Maps have one stream per pool: their errors are largely common to all cells, strata and
        years.
        """
        value = self.value.isel(region=region) if self.by_region else self.value
        out = np.empty((*value.shape, self.draws))
        self._fill(out, region, of_raster=False)
        if self.plots is not None:
            _from_plots(out, value, density=self, plots=self.plots)
        if self.stands is not None:
            drawn = self.stands.drawn(region, self.only)
            _from_stands(out, value, drawn=drawn, stands=self.stands)
        self._fill(out, region, of_raster=True)
        coords = {name: value.coords[name] for name in ("stratum", "pool", "year")}
        return xr.DataArray(out, dims=("stratum", "pool", "year", "draw"), coords=coords)

    @cached_property
    def _streams(self) -> dict[str, Floats]:
        """Standard normal draws by the name of their stream: every region asks for the same."""
        return {}

    def _stream(self, name: str) -> Floats:
        if name not in self._streams:
            stream = probabilities(name, seed=self.seed, count=self.draws)
            self._streams[name] = ndtri(stream)
        return self._streams[name]

    def _fill(self, out: Floats, region: int, *, of_raster: bool) -> None:
        """Draw what has a value and an error, dims (stratum, pool, year, draw)."""
        arrays = (self.value, self.se, self.lognormal, self.raster)
        index = region if self.by_region else ...
        value, se, wide, raster = (array.values[index] for array in arrays)
        strata, pools = self.value["stratum"].values, self.value["pool"].values
        source = RASTER if of_raster else TABLE
        for s, p in np.argwhere((raster == of_raster).any(axis=2)):
            part = f"{source}/{pools[p]}"
            varies = self.only is None or not self.only.isdisjoint((source, part))
            stream = self._stream(part if of_raster else f"density/{strata[s]}/{pools[p]}")
            for y in np.flatnonzero(raster[s, p] == of_raster):
                own = float(se[s, p, y]) if varies else 0.0
                out[s, p, y] = from_normal(
                    stream, value=float(value[s, p, y]), se=own,
                    distribution=_distribution(own, bool(wide[s, p, y])),
                )  # fmt: skip


def _from_plots(out: Floats, value: xr.DataArray, *, density: Density, plots: PlotDensity) -> None:
    """Put the draws of plots in the place of a table's, dims (stratum, pool, year, draw)."""
    strata = [str(name) for name in value["stratum"].values]
    pools = [str(name) for name in value["pool"].values]
    drawn = plots.all_drawn if density.only is None else plots.drawn(density.only)
    for s, stratum in enumerate(plots.strata):
        for p, pool in enumerate(plots.pools):
            if pool in pools and not np.isnan(plots.value[s, p]).any():
                out[strata.index(stratum), pools.index(pool)] = drawn[s, p]


def _from_stands(out: Floats, value: xr.DataArray, *, drawn: Floats, stands: StandDensity) -> None:
    """Put the draws of sub-compartments in the place of others."""
    strata = [str(name) for name in value["stratum"].values]
    pools = [str(name) for name in value["pool"].values]
    for s, stratum in enumerate(stands.strata):
        for p, pool in enumerate(TREE_POOLS):
            if pool in pools:
                out[strata.index(stratum), pools.index(pool)] = drawn[s, p]


def _distribution(se: float, wide: bool) -> Distribution:
    if se == 0:
        return "fixed"
    return "lognormal" if wide else "normal"


def standard_error(row: DensityRow) -> float:
    """Return the standard error that a row states [t C/ha], NaN if it states none."""
    if not math.isnan(row.se) or math.isnan(row.low) or math.isnan(row.high):
        return row.se
    return range_se(
        row.low, row.high, value=row.value, interval=row.interval,
        lognormal=row.distribution != "normal",
    )  # fmt: skip


def density_array(
    rows: Sequence[DensityRow],
    *,
    strata: Sequence[str],
    years: Sequence[int],
    regions: Sequence[str],
    config: DensityConfig,
    uncertainty: UncertaintyConfig,
    problems: Problems,
) -> Density | None:
    """Bring the rows of a density table onto the study's strata, pools, years and regions.

    Parameters
    ----------
    rows : sequence of DensityRow
        The table, in t C/ha.
    strata : sequence of str
        Strata that occur on the maps: each needs every pool of the table.
    years : sequence of int
    regions : sequence of str
        Codes of the study's regions, for tables that differ by region.
    config, uncertainty
        `[density]` and `[uncertainty]` of the study.
    problems : Problems

    Returns
    -------
    Density or None
        None if a value is missing; `problems` names table, key and the nearest keys.
    """
    pools = _pools(rows, strata, config=config)
    used_regions = {row.region for row in rows}.intersection(regions)
    _warn_strange_regions(rows, regions, config=config, problems=problems)
    table = {(row.stratum, row.pool, row.year, row.region): row for row in rows}
    found: dict[tuple[str, str, int, str], DensityRow] = {}
    missing: list[str] = []
    for stratum in strata:
        for pool in _pools_of(stratum, pools, rows=rows):
            for year in years:
                for region in regions if used_regions else ("",):
                    row = _pick(table, stratum, pool=pool, year=year, region=region)
                    if row is None:
                        missing.append(
                            f"{stratum}/{pool}/{year}" + (f"/{region}" if region else "")
                        )
                    else:
                        found[stratum, pool, year, region] = row
    if missing:
        known = sorted({f"{row.stratum}/{row.pool}" for row in rows})
        problems.error(
            "density.missing",
            file=config.table or "",
            count=len(missing),
            keys=first_few(missing, problems.language),
            nearest=nearest(missing[0], known),
        )
        return None
    spread, assumed = _spreads(found.values(), config, problems=problems)
    _warn_memory(found.values(), config, problems=problems)
    axes = (strata, pools, years, regions if used_regions else ("",))
    return replace(_assembled(found, spread, axes=axes, uncertainty=uncertainty), assumed=assumed)


def _warn_strange_regions(
    rows: Iterable[DensityRow], regions: Sequence[str], *, config: DensityConfig, problems: Problems
) -> None:
    """Tell of rows for other regions: a code that lost its zeros would go unnoticed."""
    strange = sorted({row.region for row in rows if row.region}.difference(regions))
    numbers = {as_number(code) for code in regions} - {None}
    changed = [code for code in strange if as_number(code) in numbers or mangled(code)]
    if changed:
        items = first_few((f"{code[:40]!r}" for code in changed), problems.language)
        problems.error(
            "density.region_form", file=config.table or "", count=len(changed), items=items
        )
    elif strange:
        problems.warn(
            "density.strange_regions",
            file=config.table or "",
            count=len(strange),
            codes=first_few(strange, problems.language),
            nearest=nearest(strange[0], regions),
        )


def _pools(
    rows: Iterable[DensityRow], strata: Sequence[str], *, config: DensityConfig
) -> list[str]:
    """Return the pools that the study asks for; without a wish, all that the table holds."""
    present = {row.pool for row in rows if row.stratum in strata}
    return [pool for pool in POOLS if pool in (config.pools or present)]


def _pools_of(stratum: str, pools: Sequence[str], *, rows: Iterable[DensityRow]) -> list[str]:
    """Return the pools a stratum must have: the whole or the split of dead organic matter."""
    own = {row.pool for row in rows if row.stratum == stratum}
    out = list(pools)
    for whole, parts in SPLIT.items():
        if whole in own.intersection(pools) and not own.intersection(parts):
            out = [pool for pool in out if pool not in parts]
        elif own.intersection(parts, pools):
            out = [pool for pool in out if pool != whole]
    return out


def _pick(
    table: dict[tuple[str, str, int, str], DensityRow],
    stratum: str,
    *,
    pool: str,
    year: int,
    region: str,
) -> DensityRow | None:
    """Return the most specific row: of region and year, of the region, of the year, of all."""
    for key in ((year, region), (0, region), (year, ""), (0, "")):
        row = table.get((stratum, pool, *key))
        if row is not None:
            return row
    return None


def _spreads(
    rows: Iterable[DensityRow], config: DensityConfig, *, problems: Problems
) -> tuple[dict[DensityRow, float], tuple[Parameter, ...]]:
    """Return each row's standard error: stated, asserted by the study, or the cited default.

    Also what was assumed for them: spreads that nobody stated, and default carbon fractions.
    """
    out: dict[DensityRow, float] = {}
    silent: dict[tuple[str, str], list[str]] = {}
    assumed: dict[str, Parameter] = {}
    for row in rows:
        se = standard_error(row)
        if row.distribution == "fixed" or (math.isnan(se) and row.value == 0):
            se = 0.0
        elif math.isnan(se):
            origin = f"density.raster.{row.pool}" if row.from_raster else config.table or ""
            silent.setdefault((origin, row.pool), []).append(row.stratum)
            spread = _spread_of(row.pool, config, language=problems.language)
            assumed[spread.name] = spread
            se = row.value * spread.value
        if row.usual_fraction:
            fraction = lookup("carbon_fractions", pool=row.pool)
            assumed[fraction.name] = fraction
        out[row] = se
    code = "density.spread_assumed" if config.relative_se is None else "density.spread_asserted"
    for (file, pool), strata in silent.items():
        names = first_few(dict.fromkeys(strata), problems.language)
        spread = _spread_of(pool, config, language=problems.language)
        problems.warn(
            code, file=file, place=pool, strata=names, relative=spread.value, source=spread.source
        )
    return out, tuple(assumed[name] for name in sorted(assumed))


def _spread_of(pool: str, config: DensityConfig, *, language: Language) -> Parameter:
    """Return the relative error of densities that state none: the study's, or the cited one."""
    default = replace(lookup("spreads", column="relative_se", pool=pool), unit="1")
    if config.relative_se is None:
        return default
    return replace(
        default, name=f"relative_se/{pool}", value=config.relative_se, confidence="",
        source=text("density.asserted_source", language),
    )  # fmt: skip


def _warn_memory(rows: Iterable[DensityRow], config: DensityConfig, *, problems: Problems) -> None:
    names = {
        f"{row.stratum}/{row.pool}"
        for row in rows
        if row.confidence == "memory" and not row.from_plots
    }
    warn_unchecked(names, table=config.table or "", problems=problems, allowed=config.unchecked)


def _assembled(
    found: dict[tuple[str, str, int, str], DensityRow],
    spread: dict[DensityRow, float],
    *,
    axes: tuple[Sequence[str], Sequence[str], Sequence[int], Sequence[str]],
    uncertainty: UncertaintyConfig,
) -> Density:
    strata, pools, years, regions = axes
    shape = (len(regions), len(strata), len(pools), len(years))
    value, se = np.zeros(shape), np.zeros(shape)
    wide, mapped = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    named: dict[str, tuple[DensityRow, float]] = {}
    for r, region in enumerate(regions):
        for s, stratum in enumerate(strata):
            for p, pool in enumerate(pools):
                for y, year in enumerate(years):
                    row = found.get((stratum, pool, year, region))
                    if row is None:
                        continue  # the other form of dead organic matter holds this stratum's
                    own = spread[row]
                    value[r, s, p, y], se[r, s, p, y] = row.value, own
                    wide[r, s, p, y] = row.kind(own) == "lognormal"
                    mapped[r, s, p, y] = row.from_raster
                    named.setdefault(row.name, (row, own))
    coords = {
        "region": list(regions),
        "stratum": list(strata),
        "pool": list(pools),
        "year": list(years),
    }
    arrays = [
        xr.DataArray(array, dims=tuple(coords), coords=coords)
        for array in (value, se, wide, mapped)
    ]
    if len(regions) == 1 and not regions[0]:
        arrays = [array.isel(region=0, drop=True) for array in arrays]
    used = tuple((name, row, own) for name, (row, own) in sorted(named.items()))
    return Density(
        arrays[0], arrays[1], arrays[2], arrays[3], used, uncertainty.seed, uncertainty.draws
    )
