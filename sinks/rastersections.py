"""The sections of a study file that name rasters: land cover, and maps of densities."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from sinks.units import DensityUnit
from sinks.validation import Line, Part


class Source(Part):
    """The raster of one year: a path and, in a file of several bands, the band."""

    path: str = Field(min_length=1)
    band: int | None = Field(None, ge=1)


def _written_as(value: object) -> str:
    """Tell a path from a table and a list; the marks keep pydantic from naming all three."""
    if isinstance(value, tuple):
        return "<tiles>"
    return "<table>" if isinstance(value, dict | Source) else "<path>"


PathOrSource = Annotated[
    Annotated[str, Tag("<path>")] | Annotated[Source, Tag("<table>")], Discriminator(_written_as)
]
Tiles = Annotated[tuple[PathOrSource, ...], Field(min_length=1)]
Written = Annotated[
    Annotated[str, Tag("<path>")]
    | Annotated[Source, Tag("<table>")]
    | Annotated[Tiles, Tag("<tiles>")],
    Discriminator(_written_as),
]


def files_of(
    written: str | Source | tuple[str | Source, ...], band: int | None
) -> tuple[Source, ...]:
    """Return the files of a raster, one or its tiles, with the band that holds for each."""
    items = written if isinstance(written, tuple) else (written,)
    named = (item if isinstance(item, Source) else Source(path=item) for item in items)
    return tuple(Source(path=item.path, band=item.band or band) for item in named)


class LandcoverConfig(Part):
    """`[landcover]`: class rasters of two or more years, all on one grid."""

    legend: str = Field(min_length=1, description="packaged legend, or a CSV")
    rasters: dict[str, Written] = Field(min_length=2, description="year = path, or list of tiles")
    crs: str | None = Field(None, description="asserted CRS of all rasters")
    band: int | None = Field(None, ge=1, description="asserted band of all rasters")
    nodata: int | None = Field(None, description="asserted no-data code of all rasters")
    align: Literal["nearest"] | None = Field(None, description="policy for different grids")
    align_year: int | None = Field(None, description="year whose grid holds; the first if absent")
    coverage: Literal["exact", "centre"] = Field("exact", description="rule for border cells")
    crosswalks: dict[str, str] = Field(
        default_factory=dict, description="year = table from the codes of another product"
    )
    allow_version_change: bool = Field(False, description="compare product versions all the same")

    @property
    def years(self) -> tuple[int, ...]:
        """The study's years, ascending."""
        return tuple(sorted(int(year) for year in self.rasters))

    def sources(self, year: int) -> tuple[Source, ...]:
        """Return the files of `year`, one or its tiles, with the band that holds for each."""
        return files_of(self.rasters[str(year)], self.band)


class DensityRasterConfig(Part):
    """`[density.raster.POOL]`: a map of carbon or biomass per hectare, of one pool."""

    rasters: dict[str, Written] = Field(min_length=1, description="year = path, or list of tiles")
    unit: DensityUnit = Field(description="of the values, and of the errors")
    carbon_fraction: float | None = Field(
        None, gt=0, le=1, description="carbon in dry matter, for t d.m./ha"
    )
    se: float | None = Field(None, ge=0, le=5, description="standard error over mean, asserted")
    se_rasters: dict[str, Written] | None = Field(
        None, min_length=1, description="year = standard errors of the cells, in the same unit"
    )
    strata: tuple[str, ...] | None = Field(
        None, min_length=1, description="strata that it is taken for; all when absent"
    )
    source: Line = Field("", description="product and version, for the tables")
    crs: str | None = Field(None, description="asserted CRS of all its rasters")
    band: int | None = Field(None, ge=1, description="asserted band of all its rasters")
    nodata: int | None = Field(None, description="asserted no-data value of all its rasters")
    align: Literal["nearest"] | None = Field(
        None, description="policy for another grid than the land cover's"
    )


class DensityRasters(Part):
    """`[density.raster]`: maps of densities, pool by pool."""

    agb: DensityRasterConfig | None = None
    bgb: DensityRasterConfig | None = None
    dead_wood: DensityRasterConfig | None = None
    litter: DensityRasterConfig | None = None
    dead_organic: DensityRasterConfig | None = None
    soil: DensityRasterConfig | None = None

    @property
    def by_pool(self) -> dict[str, DensityRasterConfig]:
        """The maps that there are."""
        named = ((pool, getattr(self, pool)) for pool in type(self).model_fields)
        return {pool: config for pool, config in named if config is not None}
