"""The sections of a study file, each a checked and frozen noun."""

from __future__ import annotations

import math
import re
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, field_validator

from sinks.display import table
from sinks.rastersections import DensityRasters
from sinks.texts import Language
from sinks.units import AREA_UNITS, CARBON_UNITS, AreaUnit
from sinks.validation import Line, Part, Stated, Title

Group = Literal["forest", "wetland", "urban_green", "cropland", "grassland", "other"]
Pool = Literal["agb", "bgb", "dead_wood", "litter", "soil", "dead_organic"]
POOLS: tuple[Pool, ...] = ("agb", "bgb", "dead_wood", "litter", "dead_organic", "soil")

OverlayKind = Literal[
    "reserve", "programme", "restoration", "lake", "water", "urban_green", "planting", "other"
]

#: Growing stock is of forests; standing volume counts every living tree, on any land.
VolumeKind = Literal["growing_stock", "standing_volume"]

#: Units that a target of each quantity may be written in.
TARGET_UNITS: dict[str, tuple[str, ...]] = {
    "carbon": tuple(CARBON_UNITS),
    "area": tuple(AREA_UNITS),
    "cover": ("%",),
    "volume": ("m3",),
    "count": ("count",),
}
SLUG: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$"
YEAR: Final = re.compile(r"1[89][0-9]{2}|2[01][0-9]{2}")


class StudyInfo(Part):
    """`[study]`: what the study is called and how its outputs are labelled."""

    name: str = Field(pattern=SLUG, description="slug, used in file and layer names")
    title: Title = Field(description="title of report and map")
    language: Language = Field("zh", description="language of messages, report and map")
    synthetic: bool = Field(False, description="stamp every output as a synthetic example")
    map_approval: Line | None = Field(None, max_length=100, description="map approval no. (审图号)")


class RegionsConfig(Part):
    """`[regions]`: the polygons to report by."""

    path: str = Field(min_length=1, description="GeoPackage, GeoJSON, Shapefile or its zip")
    code: str = Field(description="column of the unique region code, kept as text")
    name: str = Field(description="column of the region name")
    parents: tuple[str, ...] = Field((), description="columns of coarser levels, finest first")
    datum: Literal["gcj02", "wgs84"] | None = Field(None, description="asserted datum")
    encoding: str | None = Field(None, description="asserted encoding of a Shapefile's table")
    layer: str | None = Field(None, description="layer of a file that has several")
    crs: str | None = Field(None, description="asserted CRS of a file that declares none")


#: How means are estimated from plots: see docs/plots.md.
Estimator = Literal[
    "simple", "stratified", "post_stratified", "two_phase", "ratio", "clusters",
    "post_stratified_ratio",
]  # fmt: skip


def _written_as(value: object) -> str:
    """Tell a table by year from a path; the marks keep pydantic from naming both."""
    return "<years>" if isinstance(value, dict) else "<path>"


Trees = Annotated[
    Annotated[str, Tag("<path>")] | Annotated[dict[str, str], Tag("<years>")],
    Discriminator(_written_as),
]


class PlotsConfig(Part):
    """`[density.plots]`: inventory plots, the models that turn them into carbon, their design."""

    path: str | None = Field(None, min_length=1, description="CSV, XLSX or GeoPackage of plots")
    rounds: dict[str, str] | None = Field(None, description="year = path, one file per round")
    trees: Trees | None = Field(None, description="table of single trees, or year = table")
    format: Literal["plain", "china_cfi"] = Field("plain", description="whose columns and codes")
    crs: str | None = Field(None, description="asserted CRS of the coordinates")
    plot_area: float | None = Field(None, gt=0, le=100, description="of plots that state none [ha]")
    volume_unit: Literal["m3/ha", "m3/mu"] | None = Field(None, description="asserted unit")
    dbh_unit: Literal["cm", "mm"] | None = Field(None, description="asserted unit")
    models: tuple[str, ...] | None = Field(
        None, min_length=1, description="volume to carbon; the first gives the central values"
    )
    model_choice: bool = Field(False, description="draws choose among the models")
    estimator: Estimator = Field("simple", description="design of the sample in each stratum")
    strata: dict[str, str] = Field({}, description="plots' stratum = stratum of the legend")
    weights: dict[str, float] = Field({}, description="plots' stratum = area, or phase-1 points")
    species: dict[str, str] = Field({}, description="name in the plots = forest type")
    growth: bool = Field(False, description="age curves for plots of known age without volume")
    unchecked: bool = Field(True, description="allow parameters that were never checked")

    @property
    def files(self) -> dict[int, str]:
        """Files of plots by their year; 0 is one file for all."""
        named = {0: self.path} if self.path is not None else {}
        return named | _yearly(self.rounds or {})

    @property
    def tree_files(self) -> dict[int, str]:
        """Files of single trees by their year; 0 is one file for all."""
        if isinstance(self.trees, str):
            return {0: self.trees}
        return _yearly(self.trees or {})


def _yearly(named: dict[str, str]) -> dict[int, str]:
    return {int(year): path for year, path in sorted(named.items()) if year.isdigit()}


class SubcompartmentsConfig(Part):
    """`[density.subcompartments]`: polygons of a forest map or planning inventory."""

    path: str | None = Field(None, min_length=1, description="GeoPackage, GeoJSON, Shapefile, zip")
    rounds: dict[str, str] | None = Field(None, description="year = path, one file per survey")
    by: Literal["place", "field"] = Field("place", description="how polygons find their region")
    fields: dict[str, str] = Field({}, description="what a field holds = its name in the file")
    models: tuple[str, ...] | None = Field(
        None, min_length=1, description="volume to carbon; the first gives the densities"
    )
    growth: bool = Field(False, description="age curves for stands of known age without volume")
    unchecked: bool = Field(True, description="allow parameters that were never checked")
    crs: str | None = Field(None, description="asserted CRS of files that declare none")
    encoding: str | None = Field(None, description="asserted encoding of a Shapefile's table")
    layer: str | None = Field(None, description="layer of a file that has several")


class DensityConfig(Part):
    """`[density]`: carbon per hectare by stratum, pool and year."""

    table: str | None = Field(
        None, min_length=1, description="CSV, an InVEST table, or a packaged set"
    )
    pools: tuple[Pool, ...] | None = Field(None, description="pools to count; all when absent")
    relative_se: float | None = Field(
        None, ge=0, le=5, description="asserted spread of values that state none"
    )
    unchecked: bool = Field(
        True, description="allow densities and parameters that were never checked"
    )
    plots: PlotsConfig | None = None
    raster: DensityRasters | None = None
    subcompartments: SubcompartmentsConfig | None = None


class AccuracyConfig(Part):
    """`[accuracy]`: a probability sample of reference observations, and how it was drawn."""

    sample: str = Field(min_length=1, description="CSV of the units and what they truly are")
    design: Literal["stratified", "simple", "systematic", "post_stratified"] = Field(
        "stratified", description="how the units were drawn"
    )
    strata: str | None = Field(
        None, min_length=1, description="CSV of strata that are not the map classes: their areas"
    )
    level: Literal["stratum", "group", "forest"] | None = Field(
        None, description="how finely map and reference are compared; by the answers when absent"
    )
    year: int | None = Field(None, description="year of the map that the answers are about")
    crs: str | None = Field(None, description="CRS of the columns x and y; the raster's if absent")


class UncertaintyConfig(Part):
    """`[uncertainty]`: how many draws, from which seed, at which level."""

    draws: Annotated[int, Field(ge=1, le=100_000)] = 1000
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = 20101231
    level: Annotated[float, Field(gt=0.5, lt=1)] = 0.95


def _listed(value: object) -> object:
    """Take one value for a list of one, and a whole number for its digits."""
    values = value if isinstance(value, list | tuple) else [value]
    return tuple(
        str(own) if isinstance(own, int) and not isinstance(own, bool) else own for own in values
    )


#: What a column may hold: a value, or several.
Values = Annotated[
    tuple[str, ...],
    Field(min_length=1),
    BeforeValidator(_listed, json_schema_input_type=str | int | list[str | int]),
]


class OverlayConfig(Part):
    """`[[overlays]]`: polygons of another kind whose land is told on its own, too."""

    name: str = Field(pattern=SLUG, description="short name, the key of its rows in the tables")
    title: Title | None = Field(
        None, description="name on report and map; the short name if absent"
    )
    path: str = Field(min_length=1, description="GeoPackage, GeoJSON, Shapefile or its zip")
    kind: OverlayKind = Field("other", description="what the polygons are")
    part: str | None = Field(None, description="column whose values are told one by one")
    where: dict[str, Values] = Field({}, description="only rows whose columns hold these values")
    replaces: tuple[str, ...] = Field((), description="strata that are told apart by the polygons")
    stratum: str | None = Field(None, description="what they are inside the polygons")
    outside: str | None = Field(None, description="what they are beyond them; as mapped if absent")
    seasonal: bool = Field(False, description="inside, those strata come and go with the season")
    record: str | None = Field(None, description="planting: column of the record's name")
    year: str | None = Field(None, description="planting: column of the year of planting")
    species: str | None = Field(None, description="planting: column of the species")
    area: str | None = Field(None, description="planting: column of the declared area")
    area_unit: AreaUnit | None = Field(None, description="planting: its unit")
    plan: bool = Field(True, description="planting: compare with the plan's 2.6 million mu a year")
    datum: Literal["gcj02", "wgs84"] | None = Field(None, description="asserted datum")
    encoding: str | None = Field(None, description="asserted encoding of a Shapefile's table")
    layer: str | None = Field(None, description="layer of a file that has several")
    crs: str | None = Field(None, description="asserted CRS of a file that declares none")


class ChangeConfig(Part):
    """`[change]`: maps of change between the years, and what counts as change on them."""

    maps: bool = Field(True, description="write rasters, polygons and the table of the filters")
    sieve: int = Field(0, ge=0, le=1000, description="fewest cells of a patch of change")
    minimum_area_ha: float = Field(
        0.0, ge=0, le=100_000, description="smallest patch of one class of change [ha]"
    )
    connectivity: Literal[4, 8] = Field(4, description="neighbours that make cells one patch")
    rules: str = Field("change_rules", min_length=1, description="packaged rules, or a CSV")
    remove_implausible: bool = Field(False, description="take doubted change off the maps")


class WetlandConfig(Part):
    """`[wetland]`: yearly fluxes of wetlands, and how fast soils of converted land settle."""

    fluxes: str = Field("wetland_fluxes", min_length=1, description="packaged, or a CSV")
    gwp: Literal["AR4", "AR5", "AR6"] = Field("AR5", description="potential of methane, 100 years")
    settle_years: float = Field(20, gt=0, le=1000, description="years that a soil takes")
    seasonal: tuple[str, ...] = Field((), description="strata of water whose returns are seasonal")
    seasonal_years: float = Field(10, gt=0, le=100, description="longest there and back")


class VolumeConfig(Part):
    """`[volume]`: growing stock per hectare where neither plots nor sub-compartments tell it."""

    table: str | None = Field(None, min_length=1, description="CSV of volume per hectare")
    relative_se: float | None = Field(
        None, ge=0, le=5, description="asserted spread of volumes whose source states none"
    )


class OutputConfig(Part):
    """`[output]`: what a run writes beside its tables, map, report and workbook."""

    rasters: bool = Field(False, description="carbon density of each year and its change as COG")
    template: str | None = Field(None, min_length=1, description="the bureau's own .xlsx to fill")


class ReconcileConfig(Part):
    """`[[reconcile]]`: official totals, or those of the study's own plots, beside the map's."""

    name: str = Field(pattern=SLUG, description="short name, the key of its rows in the tables")
    title: Title | None = Field(None, description="name on the report; the short name if absent")
    table: str | None = Field(None, min_length=1, description="CSV of official figures")
    plots: bool = Field(False, description="totals by the design of the study's own plots")
    population_ha: Annotated[Stated, Field(gt=0)] | None = Field(
        None, description="land that the plots were drawn from"
    )
    groups: Annotated[tuple[Group, ...], Field(min_length=1)] | None = Field(
        None, description="plots: whose totals; forest if absent"
    )
    pools: Annotated[tuple[Pool, ...], Field(min_length=1)] | None = Field(
        None, description="pools that the map's side counts; those of each figure if absent"
    )
    rake: bool = Field(False, description="bring the regions to these totals, in tables apart")


class Reported(Part):
    """`[targets.reported]`: an official figure, for what no map or plot of the study shows."""

    value: Stated
    se: Annotated[Stated, Field(ge=0)] | None = Field(None, description="its standard error")
    source: str = Field(min_length=1, description="who reported it, and where")


class TargetConfig(Part):
    """`[[targets]]`: a figure to reach, with the document it comes from."""

    name: str = Field(pattern=SLUG)
    title: Title | None = Field(
        None, description="name on report and map; the short name if absent"
    )
    quantity: Literal["carbon", "area", "cover", "volume", "count"]
    groups: Annotated[tuple[Group, ...], Field(min_length=1)] | None = None
    strata: tuple[str, ...] = Field((), description="strata that count, besides the groups")
    pools: tuple[Pool, ...] = ()
    kind: Literal["increase", "level", "rate", "share", "count"]
    value: Stated
    unit: str
    start: int | None = None
    end: int
    source: Line = ""
    share_by: Literal["area", "forest_area", "capacity", "stock", "table"] | None = None
    share_strata: tuple[str, ...] = Field(
        (), description="land that the target can still be reached on: shares by capacity"
    )
    share_table: str | None = Field(None, description="CSV: region_code, share")
    overlay: str | None = Field(
        None, description="count only the land, or the parts, of an overlay"
    )
    baseline: Stated | None = Field(None, description="stated figure at the start")
    volume: VolumeKind = Field("growing_stock", description="what a volume target speaks of")
    baseline_volume: VolumeKind | None = Field(None, description="what its baseline speaks of")
    reported: Reported | None = None

    def _repr_html_(self) -> str:
        """Show what is asked for in a notebook."""
        stated = self.model_dump(exclude_none=True, exclude_defaults=True)
        return table(self.title or self.name, ("", ""), rows=list(stated.items()))

    @field_validator("value", mode="before")
    @classmethod
    def _number(cls, value: object) -> object:
        """TOML writes whole numbers as integers; a target of 60 is as good as 60.0."""
        if not isinstance(value, int) or isinstance(value, bool):
            return value
        try:
            return float(value)
        except OverflowError:
            return math.inf  # refused as what it is
