"""Carbon densities of regions and strata from sub-compartments, with the draws of their models."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from sinks.biomass.models import DEFAULT_MODEL, model_row, models
from sinks.biomass.readers.subcompartments import Records, unknown_fields
from sinks.biomass.stands import TREE_POOLS, Draws, Floats, StandCarbon
from sinks.biomass.subcompartments import (
    Stands,
    carbon_of,
    region_totals,
    regions_by_place,
    stands_of,
    sums,
)
from sinks.biomass.table import DensityRow
from sinks.checks import Problems, first_few, nearest
from sinks.parameters import CONFIDENCES, Parameter, load_table
from sinks.regions import Regions
from sinks.sections import SubcompartmentsConfig
from sinks.texts import Language, text

Ints = npt.NDArray[np.int64]
#: Land of stands that a region needs in a stratum for a mean of its own [ha].
LEAST_HA: Final = 10.0
#: A survey serves the year of the study that is no further off than this without a word [years].
NEAR_YEARS: Final = 3
PLACE: Final = "density.subcompartments"


@dataclass(frozen=True, eq=False)
class PlacedStands:
    """Sub-compartments of one survey and the region that each lies in.

    Attributes
    ----------
    stands : Stands
    region : ndarray of int, dims (stand)
        By position; −1 for none.
    """

    stands: Stands
    region: Ints


def placed_stands(
    records: Records, by: str, *, regions: Regions, problems: Problems
) -> PlacedStands:
    """Return the stands of a file and the region of each, by place or by its field of counties."""
    stands = stands_of(records, problems=problems)
    frame = stands.frame
    if by == "field":
        place = {code: i for i, code in enumerate(regions.codes)}
        region = np.array([place.get(code, -1) for code in frame["region"]], dtype=np.int64)
    else:
        region = regions_by_place(records, frame["row"].to_numpy(), regions=regions)
    lost = region < 0
    if lost.any():
        area = f"{frame['area'][lost].sum():.6g}"
        problems.warn(
            "subcompartments.no_region", file=stands.shown, count=int(lost.sum()), area=area
        )
    return PlacedStands(stands, region)


@dataclass(frozen=True, eq=False)
class StandDensity:
    """Mean carbon per hectare of the stands of each region, stratum and year.

    Attributes
    ----------
    strata, years, regions : tuple
    carbon : tuple of mapping of str to StandCarbon, dims (year)
        The stands by each model; the first model gives the densities.
    area, wood : ndarray, dims (year) of (region × stratum, cell)
        Hectares of computed stands, and hectares times growing stock [m³], by cell; the last
        block of strata is the whole.
    hectares : ndarray, dims (year, region + 1, stratum)
        Computed land; the last region is the whole.
    placed : tuple of PlacedStands, dims (year)
    """

    strata: tuple[str, ...]
    years: tuple[int, ...]
    regions: tuple[str, ...]
    carbon: tuple[Mapping[str, StandCarbon], ...]
    area: tuple[Floats, ...]
    wood: tuple[Floats, ...]
    hectares: Floats
    placed: tuple[PlacedStands, ...]

    def own(self, region: int, stratum: int) -> bool:
        """Tell whether a region has a mean of its own in a stratum, in every year."""
        return bool((self.hectares[:, region, stratum] >= LEAST_HA).all())

    @cached_property
    def _lines(self) -> list[tuple[Floats, Floats]]:
        return [next(iter(own.values())).lines() for own in self.carbon]

    def drawn(self, region: int, only: Collection[str] | None = None) -> Floats:
        """Draw the densities of a region (the whole's where it has none of its own).

        Returns
        -------
        ndarray, dims (stratum, pool, year, draw) [t C/ha]
        """
        lines = self._lines
        if only is not None:
            lines = [next(iter(own.values())).vary(only).lines() for own in self.carbon]
        size = len(self.strata)
        draws = lines[0][0].shape[-1]
        out = np.zeros((size, len(TREE_POOLS), len(self.years), draws))
        for t, (slope, intercept) in enumerate(lines):
            for s in range(size):
                r = region if self.own(region, s) else len(self.regions)
                row = r * size + s
                total = self.wood[t][row] @ slope + self.area[t][row] @ intercept
                out[s, :, t] = total / self.hectares[t, r, s]
        return out

    @cached_property
    def central(self) -> Floats:
        """The densities at the central parameters, dims (region + 1, stratum, pool, year)."""
        size, count = len(self.strata), len(self.regions) + 1
        out = np.full((count, size, len(TREE_POOLS), len(self.years)), np.nan)
        for t, each in enumerate(self.carbon):
            first = next(iter(each.values()))
            slope, intercept = (array[..., 0] for array in first.lines(Draws(0, 1)))
            total = self.wood[t] @ slope.T + self.area[t] @ intercept.T
            with np.errstate(invalid="ignore", divide="ignore"):
                mean = total.reshape(count, size, -1) / self.hectares[t][..., None]
            out[..., t] = mean
        return out

    def central_of(self, model: str) -> tuple[Floats, Ints]:
        """Return the densities by one model, and the stands behind the mean of the whole.

        Returns
        -------
        ndarray, dims (region + 1, stratum, pool, year) [t C/ha]
            At its central parameters, of the stands that it can compute; NaN where there are none.
        ndarray of int, dims (stratum, year)
        """
        size, regions = len(self.strata), len(self.regions)
        shape = (regions + 1, size)
        out = np.zeros((*shape, len(TREE_POOLS), len(self.years)))
        count = np.zeros((size, len(self.years)), dtype=np.int64)
        for t, (own, each) in enumerate(zip(self.placed, self.carbon, strict=True)):
            carbon, target = each[model], targets_of(own.stands.frame["stratum"], self.strata)
            weight = own.stands.frame["area"].to_numpy()
            land = np.zeros(shape)
            for group in groups_of(own, target, sizes=(regions, size)):
                used = (group >= 0) & carbon.computable
                land += _summed(group[used], weight[used], shape=shape)
                for p, values in enumerate(carbon.central):
                    out[:, :, p, t] += _summed(group[used], (weight * values)[used], shape=shape)
            here = (target >= 0) & (own.region >= 0) & carbon.computable
            count[:, t] = np.bincount(target[here], minlength=size)
            with np.errstate(invalid="ignore", divide="ignore"):
                out[..., t] /= land[..., None]
        return out, count

    @property
    def parameters(self) -> tuple[tuple[Parameter, float], ...]:
        """Every parameter of the first model with its standard error, once, by name."""
        cells = [cell for own in self.carbon for cell in next(iter(own.values())).cells]
        factors = [factor for cell in cells for factor in cell.factors]
        rows = {own.parameter.name: (own.parameter, own.spread()[0]) for own in factors}
        return tuple(rows[name] for name in sorted(rows))

    @property
    def groups(self) -> frozenset[str]:
        """The groups of parameters that the first model has."""
        cells = [cell for own in self.carbon for cell in next(iter(own.values())).cells]
        return frozenset(factor.group for cell in cells for factor in cell.factors)

    def rows(self, *, language: Language) -> list[DensityRow]:
        """Return the densities as rows of a density table: of regions, and of the whole."""
        known = [row.confidence for row, _ in self.parameters if row.confidence in CONFIDENCES]
        worst = max(known, key=CONFIDENCES.index, default="")
        name = next(iter(self.carbon[0]))
        out = []
        for r, code in enumerate((*self.regions, "")):
            drawn = self.drawn(r)
            for s, stratum in enumerate(self.strata):
                if code and not self.own(r, s):
                    continue
                for p, pool in enumerate(TREE_POOLS):
                    for t, year in enumerate(self.years):
                        source = text(
                            "subcompartments.source", language, file=self.placed[t].stands.shown,
                            area=f"{self.hectares[t, r, s]:,.0f}", name=name,
                            model=model_row(name)[f"name_{language}"],
                        )  # fmt: skip
                        se = float(drawn[s, p, t].std(ddof=min(drawn.shape[-1] - 1, 1)))
                        out.append(
                            DensityRow(
                                stratum, pool, float(self.central[r, s, p, t]), se=se, year=year,
                                region=code, source=source, confidence=worst, from_plots=True,
                            )
                        )  # fmt: skip
        return out


def check_config(config: SubcompartmentsConfig, *, file: str, problems: Problems) -> None:
    """Refuse models and field meanings that nobody knows, with the nearest names."""
    known = models()
    for name in config.models or ():
        if name not in known:
            near = nearest(name, known)
            problems.error("model.unknown", file=file, place=PLACE, name=name, nearest=near)
    strange = unknown_fields(config.fields)
    if strange:
        problems.error("subcompartments.field_name", file=file, place=PLACE, found=strange)


def stand_density(
    surveys: Mapping[int, PlacedStands],
    config: SubcompartmentsConfig,
    *,
    strata: Sequence[str],
    years: Sequence[int],
    regions: Sequence[str],
    draws: Draws,
    problems: Problems,
) -> StandDensity | None:
    """Return the densities that sub-compartments give to the strata of the legend.

    Parameters
    ----------
    surveys : mapping of int to PlacedStands
        By year; 0 for one that serves every year.
    config : SubcompartmentsConfig
    strata : sequence of str
        Strata of the legend that occur on the maps.
    years, regions : sequence
        The study's.
    draws : Draws
    problems : Problems
        Gains what the models tell, and which strata and years the surveys do not serve.

    Returns
    -------
    StandDensity or None
        None if no stratum is served.
    """
    placed = _by_year(surveys, years, problems=problems)
    targets = [targets_of(own.stands.frame["stratum"], strata) for own in placed]
    _tell_unused(placed, targets, strata=strata, problems=problems)
    names = config.models or (DEFAULT_MODEL,)
    cache: dict[int, Mapping[str, StandCarbon]] = {}
    for own in placed:
        if id(own) not in cache:
            cache[id(own)] = {
                name: carbon_of(
                    own.stands, name, draws=draws, problems=problems, growth=config.growth,
                    memory=config.unchecked,
                )
                for name in names
            }  # fmt: skip
    carbon = tuple(cache[id(own)] for own in placed)
    area, wood = [], []
    for own, target, each in zip(placed, targets, carbon, strict=True):
        first = next(iter(each.values()))
        sizes = (len(regions), len(strata))
        both = _cell_sums(first, own, target=target, sizes=sizes)
        area.append(both[0])
        wood.append(both[1])
    hectares = np.stack([
        _computed(next(iter(each.values())), own, target=target, sizes=(len(regions), len(strata)))
        for own, target, each in zip(placed, targets, carbon, strict=True)
    ])  # fmt: skip
    whole = StandDensity(
        tuple(strata), tuple(years), tuple(regions), carbon, tuple(area), tuple(wood), hectares,
        tuple(placed),
    )  # fmt: skip
    served = [s for s in range(len(strata)) if whole.own(len(regions), s)]
    return _only(whole, served) if served else None


def _by_year(
    surveys: Mapping[int, PlacedStands], years: Sequence[int], *, problems: Problems
) -> list[PlacedStands]:
    """Return the survey that serves each year of the study: the nearest; a far one is told."""
    known = sorted(surveys)
    out = []
    for year in years:
        near = min(known, key=lambda survey: (abs(survey - year) if survey else 0, survey))
        if near and abs(near - year) > NEAR_YEARS:
            problems.warn("subcompartments.far_year", year=year, survey=near)
        out.append(surveys[near])
    if len(years) > 1 and len({id(own) for own in out}) == 1:
        problems.warn("subcompartments.one_survey", file=out[0].stands.shown)
    return out


def targets_of(own: pd.Series, strata: Sequence[str]) -> Ints:
    """Return the stratum of the legend of each stand: its own, or undivided forest."""
    table = load_table("strata").set_index("stratum")["group"]
    place = {name: i for i, name in enumerate(strata)}
    codes, distinct = pd.factorize(own)
    found = [
        place.get(name, place.get("forest", -1) if table.get(name) == "forest" else -1)
        for name in distinct
    ]
    return np.array([*found, -1], dtype=np.int64)[codes]


def _tell_unused(
    placed: Sequence[PlacedStands], targets: Sequence[Ints], *, strata: Sequence[str],
    problems: Problems,
) -> None:  # fmt: skip
    for own, target in zip(placed, targets, strict=True):
        frame = own.stands.frame
        lost = (target < 0) & (frame["stratum"] != "").to_numpy()
        if lost.any():
            problems.warn(
                "subcompartments.unused_strata", file=own.stands.shown, count=int(lost.sum()),
                names=first_few(sorted(set(frame["stratum"][lost])), problems.language),
                strata=first_few(strata, problems.language, count=12),
            )  # fmt: skip


def groups_of(own: PlacedStands, target: Ints, *, sizes: tuple[int, int]) -> tuple[Ints, Ints]:
    """Return the block of each stand in its region and in the whole, −1 for none."""
    regions, strata = sizes
    inside = (own.region >= 0) & (target >= 0)
    by_region = np.where(inside, own.region * strata + target, -1)
    whole = np.where(inside, regions * strata + target, -1)
    return by_region, whole


def _cell_sums(
    carbon: StandCarbon, own: PlacedStands, *, target: Ints, sizes: tuple[int, int]
) -> tuple[Floats, Floats]:
    """Return hectares, and hectares times volume, by region × stratum and cell."""
    weight = own.stands.frame["area"].to_numpy()
    count = (sizes[0] + 1) * sizes[1]
    by_region, whole = groups_of(own, target, sizes=sizes)
    one = carbon.cell_sums(weight, by_region, count=count)
    other = carbon.cell_sums(weight, whole, count=count)
    return one[0] + other[0], one[1] + other[1]


def _computed(
    carbon: StandCarbon, own: PlacedStands, *, target: Ints, sizes: tuple[int, int]
) -> Floats:
    """Return the computed hectares, dims (region + 1, stratum), bare stands included."""
    weight = np.where(carbon.computable, own.stands.frame["area"].to_numpy(), 0.0)
    count = (sizes[0] + 1) * sizes[1]
    total = np.zeros(count)
    for group in groups_of(own, target, sizes=sizes):
        used = group >= 0
        total += np.bincount(group[used], weight[used], minlength=count)
    return total.reshape(sizes[0] + 1, sizes[1])


def _summed(group: Ints, values: Floats, *, shape: tuple[int, int]) -> Floats:
    sums = np.bincount(group, values, minlength=shape[0] * shape[1])
    return sums.astype(np.float64).reshape(shape)


def _only(density: StandDensity, served: Sequence[int]) -> StandDensity:
    """Keep the strata that are served."""
    size, count = len(density.strata), len(density.regions) + 1
    kept = [r * size + s for r in range(count) for s in served]
    return StandDensity(
        tuple(density.strata[s] for s in served), density.years, density.regions, density.carbon,
        tuple(area[kept] for area in density.area), tuple(wood[kept] for wood in density.wood),
        density.hectares[:, :, list(served)], density.placed,
    )  # fmt: skip


def stand_tables(density: StandDensity, *, level: float) -> dict[str, pd.DataFrame]:
    """Return what the sub-compartments themselves hold, by model, region, stratum and pool."""
    parts: list[pd.DataFrame] = []
    wholes: list[pd.DataFrame] = []
    for year, own, each in zip(density.years, density.placed, density.carbon, strict=True):
        for name, carbon in each.items():
            kwargs = {"group": own.region, "names": density.regions, "level": level}
            strata = sums(own.stands, carbon, **kwargs)  # type: ignore[arg-type]
            regions = region_totals(own.stands, carbon, **kwargs)  # type: ignore[arg-type]
            for table, out in ((strata, parts), (regions, wholes)):
                table.insert(0, "model", name)
                table.insert(1, "year", year)
                out.append(table)
    return {
        "subcompartments": pd.concat(parts, ignore_index=True),
        "subcompartment_regions": pd.concat(wholes, ignore_index=True),
    }
