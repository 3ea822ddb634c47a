"""`[[scenarios]]` of a study file: what is assumed of the years to come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from sinks.checks import Problems
from sinks.sections import SLUG, TargetConfig
from sinks.units import AreaUnit
from sinks.validation import Line, Part, Stated, Title

#: What the study's own years show stands for a stated rate.
OBSERVED: Final = "observed"
#: Quantities that a scenario can carry on.
CARRIED_ON: Final = ("carbon", "area", "cover")


def _said(value: str) -> str:
    """Refuse an empty source: a figure about the future needs to say whose it is."""
    if not value.strip():
        raise PydanticCustomError("one_line", "one line of text")
    return value


Source = Annotated[Line, Field(min_length=1, max_length=500), AfterValidator(_said)]
Percent = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
PerYear = Annotated[Stated, Field(ge=0, le=1e9)]
Density = Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]


class PlantingConfig(Part):
    """`[[scenarios.planting]]`: so much land planted in each of some years."""

    stratum: str = Field(min_length=1, description="what the planted land becomes")
    species: str = Field(min_length=1, description="whose growth curve it follows")
    on: str = Field(min_length=1, description="stratum of the land that is planted")
    per_year: PerYear = Field(description="land planted in each year")
    unit: AreaUnit = Field(description="unit of per_year")
    survival: Percent = Field(description="part of the planted land that is kept [%]")
    survival_low: Percent | None = Field(None, description="lower bound of its 95 % range [%]")
    survival_high: Percent | None = Field(None, description="upper bound of its 95 % range [%]")
    region_code: str = Field("", description="region or parent; shared out over all if absent")
    start: int | None = Field(None, description="first year of planting")
    end: int | None = Field(None, description="last year of planting")
    relative_se: float | None = Field(
        None, ge=0, le=5, description="of the growth curve; the curve's own if absent"
    )
    source: Source = Field(description="the plan and its section")


class LossConfig(Part):
    """`[[scenarios.loss]]`: part of a stratum's land that goes over to another every year."""

    stratum: str = Field(min_length=1, description="what loses land")
    to: str = Field(min_length=1, description="what the lost land becomes")
    percent_per_year: Percent = Field(description="of the land that is left [%]")
    se: Percent | None = Field(None, description="its standard error [%]")
    source: Source = Field(description="who found it")


class GrowthConfig(Part):
    """`[[scenarios.growth]]`: what standing trees gain every year."""

    stratum: str = Field(min_length=1, description="what grows")
    t_c_ha_per_year: Density = Field(description="above and below ground [t C/ha/yr]")
    se: Density | None = Field(None, description="its standard error [t C/ha/yr]")
    saturation: Density | None = Field(None, description="density of trees never passed [t C/ha]")
    source: Source = Field(description="who found it")


def _kind(value: object) -> str:
    """Tell one word or path from a list of tables; the marks keep pydantic from naming both."""
    return "<tables>" if isinstance(value, tuple) else "<word>"


Planting = Annotated[
    Annotated[str, Tag("<word>")] | Annotated[tuple[PlantingConfig, ...], Tag("<tables>")],
    Discriminator(_kind),
]
Loss = Annotated[
    Annotated[Literal["observed"], Tag("<word>")]
    | Annotated[tuple[LossConfig, ...], Tag("<tables>")],
    Discriminator(_kind),
]
Growth = Annotated[
    Annotated[Literal["observed"], Tag("<word>")]
    | Annotated[tuple[GrowthConfig, ...], Tag("<tables>")],
    Discriminator(_kind),
]


class ScenarioConfig(Part):
    """`[[scenarios]]`: the stock carried on to a later year under stated assumptions."""

    name: str = Field(pattern=SLUG, description="short name, the key of its rows in the tables")
    title: Title | None = Field(None, description="name on the report; the short name if absent")
    until: int = Field(ge=1800, le=2199, description="last year of the projection")
    from_: int | None = Field(
        None, alias="from", description="year with a raster to start from; the last if absent"
    )
    planting: Planting = Field((), description="CSV of the planting plan, or its rows")
    loss: Loss = Field((), description='rows, or "observed"; none is lost if absent')
    growth: Growth = Field((), description='rows, or "observed"; standing forest stays if absent')

    @property
    def planting_file(self) -> str:
        """The CSV of the planting plan; empty where its rows stand in the study."""
        return self.planting if isinstance(self.planting, str) else ""


def reached(target: TargetConfig, entries: Sequence[Mapping[str, Any]], *, last: int) -> bool:
    """Tell whether a scenario of a study, as written, lasts to the end of a target.

    What it does not carry on (an overlay's land, a volume, a count) has its path up to the last
    map; an official figure of a year to come there cannot be.

    Parameters
    ----------
    target : TargetConfig
    entries : sequence of mapping
        `[[scenarios]]`, right or wrong.
    last : int
        Last year of the study's rasters.
    """
    spans = [(entry.get("from", last), entry.get("until")) for entry in entries]
    return target.reported is None and any(
        isinstance(begin, int) and isinstance(end, int) and _lasts(begin, end, target=target)
        for begin, end in spans
    )


def carries(start: int, until: int, *, target: TargetConfig) -> bool:
    """Tell whether a scenario of these years answers a target: it begins before, and lasts."""
    return projectable(target) and _lasts(start, until, target=target)


def _lasts(start: int, until: int, *, target: TargetConfig) -> bool:
    return (target.start is None or target.start <= start) and start < target.end <= until


def projectable(target: TargetConfig) -> bool:
    """Tell whether a target speaks of land and carbon that a scenario can carry on."""
    whole = target.overlay is None and target.reported is None
    return whole and target.quantity in CARRIED_ON


def check_names(entries: Sequence[Mapping[str, Any]], *, file: str, problems: Problems) -> None:
    """Refuse two scenarios of one name: their rows could not be told apart."""
    names: set[object] = set()
    for i, entry in enumerate(entries):
        name = entry.get("name")
        if isinstance(name, str) and name in names:
            problems.error("study.repeated_name", file=file, place=f"scenarios.{i}", name=name)
        names.add(name if isinstance(name, str) else None)
