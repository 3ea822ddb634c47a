"""The study file: TOML in, a checked and frozen `Study` out, every problem in one list."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from sinks.checks import Problems, nearest
from sinks.texts import LANGUAGES, Language
from sinks.units import AREA_UNITS, CARBON_UNITS

Group = Literal["forest", "wetland", "urban_green", "cropland", "grassland", "other"]
Pool = Literal["agb", "bgb", "dead_wood", "litter", "soil", "dead_organic"]
POOLS: tuple[Pool, ...] = ("agb", "bgb", "dead_wood", "litter", "dead_organic", "soil")

#: Units that a target of each quantity may be written in.
TARGET_UNITS: dict[str, tuple[str, ...]] = {
    "carbon": tuple(CARBON_UNITS),
    "area": tuple(AREA_UNITS),
    "cover": ("%",),
    "volume": ("m3",),
    "count": ("count",),
}
#: What the design names and this version cannot compute yet, by key path.
NOT_YET = ("overlays", "accuracy", "density.plots", "density.raster", "density.subcompartments")
SLUG = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$"


class Part(BaseModel):
    """Base of the study's tables: frozen, no unknown keys, no silent conversions."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class StudyInfo(Part):
    """`[study]`: what the study is called and how its outputs are labelled."""

    name: str = Field(pattern=SLUG, description="slug, used in file and layer names")
    title: str = Field(min_length=1, max_length=300, description="title of report and map")
    language: Language = Field("zh", description="language of messages, report and map")
    synthetic: bool = Field(False, description="stamp every output as a synthetic example")
    map_approval: str | None = Field(None, max_length=100, description="map approval no. (审图号)")


class RegionsConfig(Part):
    """`[regions]`: the polygons to report by."""

    path: str = Field(min_length=1, description="GeoPackage, GeoJSON, Shapefile or its zip")
    code: str = Field(description="column of the unique region code, kept as text")
    name: str = Field(description="column of the region name")
    parents: tuple[str, ...] = Field((), description="columns of coarser levels, finest first")
    datum: Literal["gcj02"] | None = Field(None, description="asserted datum of the coordinates")
    encoding: str | None = Field(None, description="asserted encoding of a Shapefile's table")
    layer: str | None = Field(None, description="layer of a file that has several")
    crs: str | None = Field(None, description="asserted CRS of a file that declares none")


class Source(Part):
    """The raster of one year: a path and, in a file of several bands, the band."""

    path: str = Field(min_length=1)
    band: int | None = Field(None, ge=1)


class LandcoverConfig(Part):
    """`[landcover]`: class rasters of two or more years, all on one grid."""

    legend: str = Field(min_length=1, description="packaged legend, or a CSV")
    rasters: dict[str, str | Source] = Field(min_length=2, description="year = path")
    crs: str | None = Field(None, description="asserted CRS of all rasters")
    band: int | None = Field(None, ge=1, description="asserted band of all rasters")
    nodata: int | None = Field(None, description="asserted no-data code of all rasters")
    align: Literal["nearest"] | None = Field(None, description="policy for different grids")
    coverage: Literal["exact", "centre"] = Field("exact", description="rule for border cells")
    allow_version_change: bool = Field(False, description="compare product versions all the same")

    @property
    def years(self) -> tuple[int, ...]:
        """The study's years, ascending."""
        return tuple(sorted(int(year) for year in self.rasters))

    def source(self, year: int) -> Source:
        """Return the raster of `year` with the band that holds for it."""
        value = self.rasters[str(year)]
        source = value if isinstance(value, Source) else Source(path=value)
        if source.band is None and self.band is not None:
            return Source(path=source.path, band=self.band)
        return source


class DensityConfig(Part):
    """`[density]`: carbon per hectare by stratum, pool and year."""

    table: str = Field(min_length=1, description="CSV, an InVEST table, or a packaged set")
    pools: tuple[Pool, ...] | None = Field(None, description="pools to count; all when absent")
    relative_se: float | None = Field(
        None, ge=0, le=5, description="asserted spread of values that state none"
    )
    plots: dict[str, Any] | None = None
    raster: dict[str, Any] | None = None
    subcompartments: dict[str, Any] | None = None


class UncertaintyConfig(Part):
    """`[uncertainty]`: how many draws, from which seed, at which level."""

    draws: Annotated[int, Field(ge=1, le=100_000)] = 1000
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = 20101231
    level: Annotated[float, Field(gt=0.5, lt=1)] = 0.95


class TargetConfig(Part):
    """`[[targets]]`: a figure to reach, with the document it comes from."""

    name: str = Field(pattern=SLUG)
    quantity: Literal["carbon", "area", "cover", "volume", "count"]
    groups: tuple[Group, ...] = Field(min_length=1)
    pools: tuple[Pool, ...] = ()
    kind: Literal["increase", "level", "rate"]
    value: float = Field(allow_inf_nan=False)
    unit: str
    start: int | None = None
    end: int
    source: str = ""
    share_by: Literal["area", "forest_area", "stock"] | None = None

    @field_validator("value", mode="before")
    @classmethod
    def _number(cls, value: object) -> object:
        """TOML writes whole numbers as integers; a target of 60 is as good as 60.0."""
        return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


class Study(Part):
    """A whole study, checked; paths are as written, resolved by `path_of`."""

    study: StudyInfo
    regions: RegionsConfig
    landcover: LandcoverConfig
    density: DensityConfig
    accuracy: dict[str, Any] | None = None
    uncertainty: UncertaintyConfig = UncertaintyConfig()
    overlays: tuple[dict[str, Any], ...] = ()
    targets: tuple[TargetConfig, ...] = ()
    base: Path = Field(exclude=True)

    @property
    def language(self) -> Language:
        """Language of every text of the study."""
        return self.study.language

    @property
    def years(self) -> tuple[int, ...]:
        """The study's years, ascending."""
        return self.landcover.years

    def path_of(self, written: str) -> Path:
        """Return the path that a study value names, relative to the study's folder."""
        return self.base / written


def _tuples(value: Any) -> Any:
    """Turn TOML arrays into tuples, which the strict frozen models ask for."""
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def _known_keys(location: tuple[Any, ...]) -> list[str]:
    """Return the keys that the table at `location` may hold."""
    model: Any = Study
    for key in location:
        if isinstance(key, int) or not (isinstance(model, type) and issubclass(model, Part)):
            continue
        field = model.model_fields.get(str(key))
        if field is None:
            break
        inner = [field.annotation, *getattr(field.annotation, "__args__", ())]
        parts = [item for item in inner if isinstance(item, type) and issubclass(item, Part)]
        model = parts[0] if parts else model
    return [name for name in model.model_fields if name != "base"]


def _report(error: ValidationError, problems: Problems, *, file: str) -> None:
    """Turn pydantic's findings into problems in plain words."""
    for item in error.errors():
        location = tuple(key for key in item["loc"] if key not in ("str", "Source"))
        place = ".".join(str(key) for key in location)
        found = repr(item.get("input"))[:120]
        if item["type"] == "missing":
            problems.error("study.missing_key", file=file, place=place, key=str(location[-1]))
        elif item["type"] == "extra_forbidden":
            near = nearest(str(location[-1]), _known_keys(location[:-1]))
            problems.error(
                "study.unknown_key", file=file, place=place, key=str(location[-1]), nearest=near
            )
        elif "expected" in item.get("ctx", {}):
            expected = str(item["ctx"]["expected"])
            problems.error(
                "study.bad_choice", file=file, place=place, choices=expected, found=found
            )
        else:
            problems.error("study.bad_value", file=file, place=place, rule=item["msg"], found=found)


def _check_years(study: Study, problems: Problems, *, file: str) -> None:
    for index, target in enumerate(study.targets):
        place = f"targets.{index} ({target.name})"
        years = ", ".join(str(year) for year in study.years)
        for key, year in (("start", target.start), ("end", target.end)):
            if year is None and target.kind != "level":
                problems.error("study.missing_key", file=file, place=place, key=key)
            elif year is not None and year not in study.years:
                problems.error(
                    "study.year_without_raster",
                    file=file,
                    place=place,
                    key=key,
                    year=year,
                    years=years,
                )
        if target.start is not None and target.start >= target.end:
            problems.error(
                "study.years_reversed", file=file, place=place, start=target.start, end=target.end
            )


def _check_targets(study: Study, problems: Problems, *, file: str) -> None:
    names = [target.name for target in study.targets]
    for index, target in enumerate(study.targets):
        place = f"targets.{index} ({target.name})"
        allowed = TARGET_UNITS[target.quantity]
        if target.unit not in allowed:
            choices = ", ".join(repr(unit) for unit in allowed)
            problems.error(
                "study.target_unit",
                file=file,
                place=place,
                choices=choices,
                found=repr(target.unit),
            )
        if target.quantity in ("volume", "count"):
            problems.error(
                "study.not_yet", file=file, place=place, what=f"quantity = {target.quantity!r}"
            )
        if target.value <= 0:
            problems.error("study.target_value", file=file, place=place, found=target.value)
        if names.count(target.name) > 1:
            problems.error("study.repeated_name", file=file, place=place, name=target.name)


def _check_rasters(data: dict[str, Any], problems: Problems, *, file: str) -> None:
    """Check year keys before the model reads them: `201O` would be dropped as text."""
    landcover = data.get("landcover")
    rasters = landcover.get("rasters") if isinstance(landcover, dict) else None
    for key in rasters if isinstance(rasters, dict) else ():
        if not re.fullmatch(r"1[89]\d\d|20\d\d|21\d\d", key):
            problems.error("study.bad_year", file=file, place="landcover.rasters", found=key)


def _check_paths(study: Study, problems: Problems, *, file: str) -> None:
    written = [("regions.path", study.regions.path)]
    written += [
        (f"landcover.rasters.{year}", study.landcover.source(year).path) for year in study.years
    ]
    if study.landcover.legend.lower().endswith(".csv"):
        written.append(("landcover.legend", study.landcover.legend))
    if study.density.table.lower().endswith(".csv"):
        written.append(("density.table", study.density.table))
    for place, path in written:
        if "\x00" in path or "://" in path or path.startswith("/vsi"):
            problems.error("study.not_a_file_path", file=file, place=place, found=path[:120])
        elif not study.path_of(path).is_file():
            problems.error("study.no_such_file", file=file, place=place, found=path)
        elif _leaves_by_link(study.base, path):
            problems.error("study.link_leaves_folder", file=file, place=place, found=path)


def _leaves_by_link(base: Path, written: str) -> bool:
    """Tell whether a symbolic link inside the study's folder leads out of it."""
    if Path(written).is_absolute() or ".." in Path(written).parts:
        return False  # the user wrote where it leads; a link hides it
    return not (base / written).resolve().is_relative_to(base.resolve())


def _language_of(data: dict[str, Any]) -> Language:
    head = data.get("study")
    language = head.get("language") if isinstance(head, dict) else None
    return language if language in LANGUAGES else "zh"


def load_study(path: Path, problems: Problems) -> Study | None:
    """Read a study file.

    Parameters
    ----------
    path : Path
        The TOML file; its folder is the base of the paths in it.
    problems : Problems
        Takes every problem found; its language is set to the study's.

    Returns
    -------
    Study or None
        None if the file could not be understood; then `problems` says why.
    """
    file = path.name
    try:
        raw = path.read_bytes()
        data = tomllib.loads(raw.decode("utf-8-sig"))
    except OSError as error:
        problems.error("study.unreadable", file=file, reason=error.strerror or str(error))
        return None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        problems.error("study.not_toml", file=file, reason=str(error)[:200])
        return None
    problems.language = _language_of(data)
    _check_rasters(data, problems, file=file)
    for key in NOT_YET:
        table, _, inner = key.partition(".")
        value = data.get(table)
        if value.get(inner) if inner and isinstance(value, dict) else not inner and value:
            problems.error("study.not_yet", file=file, place=key, what=key)
    try:
        study = Study.model_validate(_tuples(data) | {"base": path.resolve().parent})
    except ValidationError as error:
        _report(error, problems, file=file)
        return None
    if any(problem.code == "study.bad_year" for problem in problems):
        return None
    for check in (_check_years, _check_targets, _check_paths):
        check(study, problems, file=file)
    return study


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the study file."""
    return Study.model_json_schema()
