"""Carbon densities of regions and strata from maps of carbon or biomass per hectare."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from sinks.biomass.table import LARGEST, DensityRow, default_fraction
from sinks.checks import Problems, first_few
from sinks.rastersections import DensityRasterConfig
from sinks.regions import Regions
from sinks.texts import Language, text
from sinks.units import density_to_t_c_ha
from sinks.zonalmeans import Sums

Floats = npt.NDArray[np.float64]
#: A map serves the year of the study that is no further off than this without a word [years].
NEAR_YEARS: Final = 3
#: A map and a table that differ by more than this factor are not of one unit [times].
APART: Final = 3.0
COLUMNS: Final = (
    "region_code", "region_name", "level", "year", "pool", "stratum", "raster_year", "area_ha",
    "valid_ha", "share", "density_t_c_ha", "se_t_c_ha", "used",
)  # fmt: skip
#: Where the density of a stratum comes from: its own cells, those of all regions, another source.
OWN, WHOLE, OTHER = "region", "study", "other"


@dataclass(frozen=True)
class MappedPool:
    """What the maps of one pool hold.

    Attributes
    ----------
    pool : str
    config : DensityRasterConfig
    serving : mapping of int to int
        The year of the map that serves each year of the study.
    sums : mapping of int to Sums
        By year of the map; regions, and in the last row the whole; strata as in `strata`.
    names : mapping of int to str
        The file of each year as the study names it.
    strata : tuple of str
        Those that the map is taken for.
    """

    pool: str
    config: DensityRasterConfig
    serving: Mapping[int, int]
    sums: Mapping[int, Sums]
    names: Mapping[int, str]
    strata: tuple[str, ...]

    def mean(self, year: int) -> Floats:
        """Return the mean of valid cells, dims (region + 1, stratum) [t C/ha]; NaN for none."""
        own = self.sums[year]
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(own.valid > 0, own.tonnes / own.valid, np.nan)

    def error(self, year: int) -> Floats:
        """Return the standard error of these means [t C/ha]; NaN where none is stated.

        Notes
        -----
        Errors of such a map are largely common to all its cells, so the error of a mean is the
        mean of the errors, ``se = Σ aᵢ seᵢ / Σ aᵢ``: nothing cancels.
        """
        own = self.sums[year]
        if self.config.se is not None:
            return self.mean(year) * self.config.se
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(own.with_error > 0, own.error_tonnes / own.with_error, np.nan)


def serving_years(
    config: DensityRasterConfig, years: Sequence[int], *, pool: str, problems: Problems
) -> dict[int, int]:
    """Return the year of the map that serves each year of the study: the nearest, told if far."""
    known = sorted(int(year) for year in config.rasters)
    place = f"density.raster.{pool}"
    out = {}
    for year in years:
        near = min(known, key=lambda own: (abs(own - year), own))
        if abs(near - year) > NEAR_YEARS:
            problems.warn("density_raster.far_year", place=place, year=year, raster=near)
        out[year] = near
    unused = sorted(set(known) - set(out.values()))
    if unused:
        names = ", ".join(map(str, unused))
        problems.warn("density_raster.unused_year", place=place, years=names)
    if len(years) > 1 and len(set(out.values())) == 1:
        problems.warn("density_raster.one_year", place=place, year=known[0] if known else "")
    return out


def map_year(raster_year: int, years: Sequence[int]) -> int:
    """Return the year of the land cover that a map of densities is laid over: the nearest."""
    return min(years, key=lambda own: (abs(own - raster_year), own))


def factor_of(
    config: DensityRasterConfig, *, pool: str, file: str, problems: Problems
) -> float | None:
    """Return what turns a raster's values into t C/ha; None if its carbon fraction is missing."""
    fraction = config.carbon_fraction
    if config.unit == "t d.m./ha" and fraction is None:
        fraction = default_fraction(pool, file=file, problems=problems)
        if fraction is None:
            problems.error("density_raster.fraction", file=file, place=f"density.raster.{pool}")
            return None
    return density_to_t_c_ha(1.0, config.unit, carbon_fraction=fraction)


def check_values(
    sums: Sums, file: str, *, error_file: str, factor: float, problems: Problems
) -> bool:
    """Refuse values that are no amounts, with the first cell; tell whether there are none."""
    for odd in sums.strange:
        problems.error(
            "density_raster.value", file=error_file if odd.of_error else file,
            place=f"({odd.row}, {odd.col})", value=f"{odd.value / factor:g}",
            hectares=f"{odd.hectares:.6g}", limit=f"{LARGEST:g}",
        )  # fmt: skip
    return not sums.strange


def with_whole(sums: Sums) -> Sums:
    """Return the sums of regions with those of all of them as a last row."""

    def both(values: Floats) -> Floats:
        return np.concatenate([values, values.sum(axis=0, keepdims=True)])

    return replace(
        sums, land=both(sums.land), valid=both(sums.valid), tonnes=both(sums.tonnes),
        with_error=both(sums.with_error), error_tonnes=both(sums.error_tonnes),
    )  # fmt: skip


def raster_rows(
    mapped: MappedPool, codes: Sequence[str], *, language: Language
) -> list[DensityRow]:
    """Return the densities as rows of a density table: of regions, and of the whole."""
    out = []
    for year, own in mapped.serving.items():
        mean, error, sums = mapped.mean(own), mapped.error(own), mapped.sums[own]
        # The mean of the only region is that of the whole.
        places = [*enumerate(codes), (-1, "")] if len(codes) > 1 else [(-1, "")]
        dry = mapped.config.unit == "t d.m./ha" and mapped.config.carbon_fraction is None
        for place, code in places:
            for s, stratum in enumerate(mapped.strata):
                if not sums.valid[place, s] > 0:
                    continue
                source = text(
                    "density_raster.row_source", language, raster=own,
                    product=mapped.config.source or mapped.names[own],
                    share=f"{sums.valid[place, s] / sums.land[place, s]:.1%}",
                )  # fmt: skip
                out.append(
                    DensityRow(
                        stratum, mapped.pool, float(mean[place, s]), se=float(error[place, s]),
                        year=year, region=code, source=source, from_raster=True,
                        usual_fraction=dry,
                    )
                )  # fmt: skip
    return out


def rows_with_rasters(
    rows: Sequence[DensityRow], own: Sequence[DensityRow], *, years: Sequence[int]
) -> list[DensityRow]:
    """Return rows of other sources with those of rasters in their place, year by year.

    A row for all years that a raster takes some from stays for the others.
    """
    given = {(row.stratum, row.pool, row.year) for row in own}
    out = []
    for row in rows:
        if row.year:
            if (row.stratum, row.pool, row.year) not in given:
                out.append(row)
            continue
        left = [year for year in years if (row.stratum, row.pool, year) not in given]
        if len(left) == len(years):
            out.append(row)
        else:
            stated = {r.year for r in rows if r.name == replace(row, year=r.year).name}
            out += [replace(row, year=year) for year in left if year not in stated]
    return [*out, *own]


def tell_gaps(mapped: Sequence[MappedPool], codes: Sequence[str], *, problems: Problems) -> None:
    """Tell where maps have no value: what takes the whole's mean, and what another source."""
    for pool in mapped:
        file = next(iter(pool.names.values()))
        for year in sorted(set(pool.serving.values())):
            sums = pool.sums[year]
            bare = (sums.land > 0) & (sums.valid == 0)
            other = [name for s, name in enumerate(pool.strata) if bare[-1, s]]
            lent = [
                f"{code}/{pool.strata[s]}"
                for r, code in enumerate(codes)
                for s in range(len(pool.strata))
                if bare[r, s] and not bare[-1, s]
            ]
            told = {"file": pool.names.get(year, file), "place": f"{pool.pool} {year}"}
            if other:
                names = first_few(other, problems.language)
                problems.warn("density_raster.no_cells", count=len(other), names=names, **told)
            if lent:
                names = first_few(lent, problems.language)
                problems.warn("density_raster.whole_mean", count=len(lent), names=names, **told)
            land, valid = sums.land[-1].sum(), sums.valid[-1].sum()
            if valid < land * (1 - 1e-9):
                problems.warn(
                    "density_raster.without_data", share=f"{1 - valid / land:.2%}",
                    hectares=f"{land - valid:,.0f}", **told,
                )  # fmt: skip


def tell_other_scale(
    mapped: Sequence[MappedPool], rows: Sequence[DensityRow], *, problems: Problems
) -> None:
    """Tell of maps that hold several times what the other source holds on the same land."""
    other: dict[tuple[str, str], float] = {}
    for row in rows:
        other.setdefault((row.stratum, row.pool), row.value)
    for pool in mapped:
        year = next(iter(pool.serving.values()))
        sums = pool.sums[year]
        both = [s for s, name in enumerate(pool.strata) if (name, pool.pool) in other]
        by_map = float(sums.tonnes[-1, both].sum())
        known = [other[pool.strata[s], pool.pool] for s in both]
        by_table = float((sums.valid[-1, both] * known).sum())
        if by_map > 0 and by_table > 0 and not 1 / APART <= by_map / by_table <= APART:
            problems.warn(
                "density_raster.scale_doubt", file=pool.names[year], place=pool.pool,
                unit=pool.config.unit, times=f"{by_map / by_table:.3g}",
            )  # fmt: skip


def raster_table(mapped: Sequence[MappedPool], regions: Regions) -> pd.DataFrame:
    """Return `density_raster.csv`: what the maps hold of every region and stratum, and its use."""
    rows = [row for pool in mapped for row in _records(pool, regions)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _records(pool: MappedPool, regions: Regions) -> Iterator[tuple[object, ...]]:
    names = regions.frame["region_name"].tolist()
    whole = regions.levels.iloc[-1]
    places = [(code, name, "region") for code, name in zip(regions.codes, names, strict=True)]
    places.append((str(whole["region_code"]), str(whole["region_name"]), str(whole["level"])))
    for year, raster in pool.serving.items():
        sums, mean, error = pool.sums[raster], pool.mean(raster), pool.error(raster)
        for r, place in enumerate(places):
            for s, stratum in enumerate(pool.strata):
                land, valid = float(sums.land[r, s]), float(sums.valid[r, s])
                if not land > 0:
                    continue
                own = WHOLE if place[2] == "study" else OWN
                used = own if valid > 0 else WHOLE if sums.valid[-1, s] > 0 else OTHER
                yield (
                    *place, year, pool.pool, stratum, raster, land, valid, valid / land,
                    mean[r, s], error[r, s], used,
                )  # fmt: skip
