"""The study file: TOML in, a checked and frozen `Study` out, every problem in one list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import PrivateAttr, ValidationError

from sinks.basemap import MapConfig, check_map
from sinks.checks import Problems, Severity
from sinks.densitychecks import INVENTORIES, check_density_keys
from sinks.limits import Limits
from sinks.rastersections import LandcoverConfig
from sinks.reconcilechecks import check_reconcile_keys
from sinks.scenarioparts import ScenarioConfig, check_names, reached
from sinks.sections import (
    YEAR,
    AccuracyConfig,
    ChangeConfig,
    DensityConfig,
    OutputConfig,
    OverlayConfig,
    ReconcileConfig,
    RegionsConfig,
    StudyInfo,
    TargetConfig,
    UncertaintyConfig,
    VolumeConfig,
    WetlandConfig,
)
from sinks.studyfile import parsed, read_bytes
from sinks.targetchecks import check_quantity
from sinks.texts import Language
from sinks.validation import Part, read_part, shown


class Study(Part):
    """A whole study, checked; paths are as written, resolved by `path_of`."""

    study: StudyInfo
    regions: RegionsConfig
    landcover: LandcoverConfig
    density: DensityConfig
    accuracy: AccuracyConfig | None = None
    uncertainty: UncertaintyConfig = UncertaintyConfig()
    wetland: WetlandConfig | None = None
    volume: VolumeConfig | None = None
    output: OutputConfig = OutputConfig()
    limits: Limits = Limits()
    change: ChangeConfig | None = None
    overlays: tuple[OverlayConfig, ...] = ()
    targets: tuple[TargetConfig, ...] = ()
    reconcile: tuple[ReconcileConfig, ...] = ()
    scenarios: tuple[ScenarioConfig, ...] = ()
    map: MapConfig = MapConfig()
    _base: Path = PrivateAttr(default=Path())
    _file: str = PrivateAttr(default="")
    _content: bytes = PrivateAttr(default=b"")

    @property
    def base(self) -> Path:
        """The study's folder."""
        return self._base

    @property
    def file(self) -> str:
        """Name of the study file."""
        return self._file

    @property
    def content(self) -> bytes:
        """What the study file held when it was read."""
        return self._content

    @property
    def language(self) -> Language:
        """Language of every text of the study."""
        return self.study.language

    @property
    def years(self) -> tuple[int, ...]:
        """The study's years, ascending."""
        return self.landcover.years

    @property
    def files(self) -> dict[str, str]:
        """The files that the study names, as written, by the key that names them."""
        return _files(self.model_dump())

    @property
    def template(self) -> Path | None:
        """The bureau's own workbook that is to be filled."""
        written = self.output.template
        return None if written is None else self.path_of(written)

    def path_of(self, written: str) -> Path:
        """Return the path that a study value names, relative to the study's folder."""
        return self.base / written


def _table(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a table of a file that may hold anything; empty if it is no table."""
    value = data.get(name)
    return value if isinstance(value, dict) else {}


def _entries(data: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Return the tables of an array of a file that may hold anything."""
    value = data.get(name)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, tuple) else []


def _files(data: Mapping[str, Any]) -> dict[str, str]:
    """Return the files that a study names, by key path, whatever else is wrong with it."""
    landcover = _table(data, "landcover")
    named = {"regions.path": _table(data, "regions").get("path")}
    for i, target in enumerate(_entries(data, "targets")):
        named[f"targets.{i}.share_table"] = target.get("share_table")
    inner_keys = {"overlays": "path", "reconcile": "table", "scenarios": "planting"}
    for key, inner in inner_keys.items():
        for i, entry in enumerate(_entries(data, key)):
            named[f"{key}.{i}.{inner}"] = entry.get(inner)
    named |= _rasters(landcover, "rasters", place="landcover")
    for key in INVENTORIES:
        own = _table(_table(data, "density"), key)
        named[f"density.{key}.path"] = own.get("path")
        for year, path in _table(own, "rounds").items():
            named[f"density.{key}.rounds.{year}"] = path
    trees = _table(_table(data, "density"), "plots").get("trees")
    yearly = trees.items() if isinstance(trees, dict) else [("", trees)]
    for year, path in yearly:
        named[f"density.plots.trees.{year}".removesuffix(".")] = path
    maps = _table(_table(data, "density"), "raster")
    for pool in maps:
        for key in ("rasters", "se_rasters"):
            named |= _rasters(_table(maps, pool), key, place=f"density.raster.{pool}")
    accuracy = _table(data, "accuracy")
    named["output.template"] = _table(data, "output").get("template")
    named |= {f"accuracy.{key}": accuracy.get(key) for key in ("sample", "strata")}
    for year, table in _table(landcover, "crosswalks").items():
        named[f"landcover.crosswalks.{year}"] = table
    # Anything without these marks is the name of a packaged table.
    tables = (
        ("landcover.legend", landcover.get("legend"), (".csv", "/", "\\")),
        ("density.table", _table(data, "density").get("table"), (".csv",)),
        ("wetland.fluxes", _table(data, "wetland").get("fluxes"), (".csv", "/", "\\")),
        ("change.rules", _table(data, "change").get("rules"), (".csv", "/", "\\")),
        ("volume.table", _table(data, "volume").get("table"), ("",)),
    )
    named |= {
        place: value
        for place, value, marks in tables
        if isinstance(value, str) and any(mark in value.lower() for mark in marks)
    }
    return {place: value for place, value in named.items() if isinstance(value, str) and value}


def _rasters(table: Mapping[str, Any], key: str, *, place: str) -> dict[str, Any]:
    """Return the rasters of a table by year, and by position where they are tiles."""
    named = {}
    for year, value in _table(table, key).items():
        tiled = isinstance(value, tuple)
        for i, item in enumerate(value if tiled else (value,)):
            where = f"{place}.{key}.{year}.{i}" if tiled else f"{place}.{key}.{year}"
            named[where] = item.get("path") if isinstance(item, dict) else item
    return named


def _check_files(data: Mapping[str, Any], base: Path, *, file: str, problems: Problems) -> None:
    for place, path in _files(data).items():
        if "\x00" in path or "://" in path or path.startswith("/vsi"):
            problems.error("study.not_a_file_path", file=file, place=place, found=shown(path))
        elif not _exists(base / path):
            problems.error("study.no_such_file", file=file, place=place, found=path)
        elif not (base / path).is_file():
            problems.error("study.not_a_file", file=file, place=place, found=path)
        elif _leaves_by_link(base, path):
            problems.error("study.link_leaves_folder", file=file, place=place, found=path)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name too long for any disk
        return False


def _leaves_by_link(base: Path, written: str) -> bool:
    """Tell whether a symbolic link inside the study's folder leads out of it."""
    if Path(written).is_absolute() or ".." in Path(written).parts:
        return False  # the user wrote where it leads; a link hides it
    return not (base / written).resolve().is_relative_to(base.resolve())


def _years(data: Mapping[str, Any], *, file: str, problems: Problems) -> list[int]:
    """Return the years that have a raster, and report keys that are none."""
    keys = _table(_table(data, "landcover"), "rasters")
    for key in keys:
        if not YEAR.fullmatch(key):
            problems.error("study.bad_year", file=file, place="landcover.rasters", found=key[:80])
    return sorted(int(key) for key in keys if YEAR.fullmatch(key))


def _check_targets(
    data: Mapping[str, Any], years: Sequence[int], *, file: str, problems: Problems
) -> None:
    """Check what one target's keys say of each other and of the rest of the study."""
    entries = data.get("targets")
    counted = _table(data, "density").get("pools")
    names: set[str] = set()
    for index, entry in enumerate(entries if isinstance(entries, tuple) else ()):
        try:
            target = TargetConfig.model_validate(entry)
        except ValidationError:
            continue  # reported already, key by key
        place = f"targets.{index} ({target.name})"
        if target.name in names:
            problems.error("study.repeated_name", file=file, place=place, name=target.name)
        names.add(target.name)
        overlays = _entries(data, "overlays")
        volumes = any(_table(_table(data, "density"), key) for key in INVENTORIES)
        volumes |= bool(_table(data, "volume").get("table"))
        check_quantity(target, overlays, volumes=volumes, file=file, place=place, problems=problems)
        scenarios = _entries(data, "scenarios")
        ahead = bool(years) and reached(target, scenarios, last=years[-1])
        _check_period(target, years, ahead=ahead, file=file, place=place, problems=problems)
        beyond = set(target.pools) - set(counted) if isinstance(counted, tuple) else set()
        if beyond:
            pools = ", ".join(sorted(beyond))
            problems.error("study.target_pools", file=file, place=place, pools=pools)


def _check_crosswalks(study: Study | None, *, file: str, problems: Problems) -> None:
    """Refuse a crosswalk for a year that has no raster."""
    for key in study.landcover.crosswalks if study else ():
        if study is not None and key not in study.landcover.rasters:
            problems.error(
                "study.year_without_raster", file=file, place="landcover.crosswalks",
                key="crosswalks", year=key[:40], years=", ".join(study.landcover.rasters),
            )  # fmt: skip


def _check_align(study: Study | None, *, file: str, problems: Problems) -> None:
    """Refuse a grid of a year that the study has not."""
    year = study.landcover.align_year if study else None
    if study is not None and year is not None and year not in study.years:
        years = ", ".join(str(own) for own in study.years)
        problems.error(
            "study.year_without_raster", file=file, place="landcover.align_year",
            key="align_year", year=year, years=years,
        )  # fmt: skip


def _check_planting(
    overlay: Mapping[str, Any], *, place: str, file: str, problems: Problems
) -> None:
    """Refuse planting records without a year or the unit of their areas; elsewhere, their keys."""
    needed = ["year"] + (["area_unit"] if overlay.get("area") else [])
    if overlay.get("kind") == "planting":
        for key in needed:
            if not overlay.get(key):
                problems.error("study.missing_key", file=file, place=place, key=key)
        return
    for key in ("record", "year", "species", "area", "area_unit"):
        if overlay.get(key):
            problems.error("study.planting_key", file=file, place=f"{place}.{key}", key=key)


def _lacking(overlay: Mapping[str, Any]) -> list[str]:
    """Return the keys that others of an overlay need: what is told apart, and what it becomes."""
    asked = any(overlay.get(key) for key in ("stratum", "outside", "seasonal"))
    if asked and not overlay.get("replaces"):
        return ["replaces"]
    needs = overlay.get("outside") or (overlay.get("replaces") and not overlay.get("seasonal"))
    return ["stratum"] if needs and not overlay.get("stratum") else []


def _check_overlays(data: Mapping[str, Any], *, file: str, problems: Problems) -> None:
    """Refuse two overlays of one name: their rows could not be told apart."""
    names: set[object] = set()
    for i, overlay in enumerate(_entries(data, "overlays")):
        name = overlay.get("name")
        if isinstance(name, str) and name in names:
            problems.error("study.repeated_name", file=file, place=f"overlays.{i}", name=name)
        for key in _lacking(overlay):
            problems.error("study.missing_key", file=file, place=f"overlays.{i}", key=key)
        names.add(name if isinstance(name, str) else None)
        _check_planting(overlay, place=f"overlays.{i}", file=file, problems=problems)


def _check_accuracy(
    data: Mapping[str, Any], years: Sequence[int], *, file: str, problems: Problems
) -> None:
    """Check that the sample speaks of a map that the study has."""
    year = _table(data, "accuracy").get("year")
    if isinstance(year, int) and years and year not in years:
        known = ", ".join(str(known) for known in years)
        problems.error(
            "study.year_without_raster", file=file, place="accuracy.year", key="year", year=year,
            years=known,
        )  # fmt: skip


def _check_period(
    target: TargetConfig, years: Sequence[int], *, ahead: bool, file: str, place: str,
    problems: Problems,
) -> None:  # fmt: skip
    """Refuse years without a raster; an end that a scenario reaches needs none (`ahead`)."""
    known = ", ".join(str(year) for year in years)
    for key, year in (("start", target.start), ("end", target.end)):
        if year is None and target.kind in ("increase", "rate"):
            problems.error("study.missing_key", file=file, place=place, key=key)
        elif year is None or year in years or (ahead and key == "end"):
            continue
        elif key == "end" and len(years) > 1 and year > years[-1]:
            problems.error("study.target_ahead", file=file, place=place, year=year, years=known)
        else:
            problems.error(
                "study.year_without_raster", file=file, place=place, key=key, year=year, years=known
            )
    if target.start is not None and target.start >= target.end:
        start, end = target.start, target.end
        problems.error("study.years_reversed", file=file, place=place, start=start, end=end)


def load_study(path: Path, problems: Problems, *, content: bytes | None = None) -> Study | None:
    """Read a study file.

    Parameters
    ----------
    path : Path
        The TOML file; its folder is the base of the paths in it.
    problems : Problems
        Takes every problem found; its language is set to the study's.
    content : bytes, optional
        What the file holds, where it is known already; the file need not be there then.

    Returns
    -------
    Study or None
        None if the file could not be understood. A study in spite of errors in `problems` is not
        to be run; its files can be checked.
    """
    file, raw = path.name, read_bytes(path, problems) if content is None else content
    data = None if raw is None else parsed(raw, problems, file=file)
    if raw is None or data is None:
        return None
    base = path.resolve().parent
    study = read_part(Study, data, file=file, problems=problems)
    years = _years(data, file=file, problems=problems)
    check_density_keys(data.get("density"), file=file, problems=problems)
    _check_targets(data, years, file=file, problems=problems)
    _check_overlays(data, file=file, problems=problems)
    check_names(_entries(data, "scenarios"), file=file, problems=problems)
    _check_accuracy(data, years, file=file, problems=problems)
    entries, plots = _entries(data, "reconcile"), bool(_table(data, "density").get("plots"))
    check_reconcile_keys(entries, plots=plots, file=file, problems=problems)
    if not problems.of(Severity.ERROR):
        _check_align(study, file=file, problems=problems)
        _check_crosswalks(study, file=file, problems=problems)
    _check_files(data, base, file=file, problems=problems)
    if study is not None:
        check_map(study.map, file=file, problems=problems)
    if study is None or any(problem.code == "study.bad_year" for problem in problems):
        return None
    study._base, study._file, study._content = base, file, raw
    return study


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the study file."""
    return Study.model_json_schema()
