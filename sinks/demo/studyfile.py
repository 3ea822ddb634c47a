"""Commented study files, in Chinese or English."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sinks.demo.raster import LEGEND
from sinks.texts import Language, text

Value = str | int | float | bool | Sequence[str] | Mapping[str, str | int]
#: Column from which a comment beside a value starts.
COMMENT_COLUMN: Final = 40


@dataclass(frozen=True)
class Section:
    """One table of a study file.

    Attributes
    ----------
    header : str
        ``[study]``, ``[[targets]]`` …
    entries : dict
        Keys and values.
    head : str
        Comment above the table, possibly several lines.
    notes : dict
        Comments beside the values, by key.
    """

    header: str
    entries: Mapping[str, Value]
    head: str = ""
    notes: Mapping[str, str] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """Return the lines of the table."""
        out = [f"# {line}" for line in self.head.splitlines()]
        out.append(self.header)
        for key, value in self.entries.items():
            line = f"{key} = {literal(value)}"
            note = self.notes.get(key)
            out.append(f"{line:<{COMMENT_COLUMN}}# {note}" if note else line)
        return out


def literal(value: Value) -> str:
    """Return a value as TOML writes it.

    Examples
    --------
    >>> literal({"2010": "a.tif"})
    '{ 2010 = "a.tif" }'
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        inner = ", ".join(f"{key} = {literal(item)}" for key, item in value.items())
        return f"{{ {inner} }}"
    if isinstance(value, Sequence):
        return "[" + ", ".join(literal(item) for item in value) + "]"
    return repr(value)


def study_text(head: str, sections: Sequence[Section]) -> str:
    """Return a study file: a comment at its head, then table by table."""
    parts = ["\n".join(f"# {line}" for line in head.splitlines())]
    parts += ["\n".join(section.lines()) for section in sections]
    return "\n\n".join(parts) + "\n"


def example_study(language: Language) -> str:
    """Return the study file of the example province."""
    source = text("demo.target.source", language)
    carbon: dict[str, Value] = {
        "name": "forest-carbon",
        "title": text("demo.title.forest-carbon", language),
        "quantity": "carbon",
        "groups": ["forest"],
        "pools": ["agb", "bgb"],
        "kind": "increase",
        "value": 60_000_000,
        "unit": "t C",
        "start": 2010,
        "end": 2015,
        "share_by": "forest_area",
        "source": source,
    }
    cover: dict[str, Value] = {
        "name": "forest-cover",
        "title": text("demo.title.forest-cover", language),
        "quantity": "cover",
        "groups": ["forest"],
        "kind": "level",
        "value": 41.2,
        "unit": "%",
        "end": 2015,
        "source": source,
    }
    share = {"share_by": text("demo.target.share", language)}
    head = text("demo.study.head", language)
    title = text("demo.study.title", language)
    sections = [
        study_section("hubei-2010-2015", title, language=language),
        regions_section(
            "data/boundaries/counties.gpkg",
            ["prefecture", "province"],
            comment="demo.regions",
            language=language,
        ),
        landcover_section("data/rasters/lc{year}.tif", language),
        *run_sections(language),
        Section("[wetland]", {"gwp": "AR5"}, text("demo.wetland.head", language)),
        *overlay_sections(language),
        reconcile_section(language),
        Section("[[targets]]", carbon, text("demo.target.carbon", language), share),
        Section("[[targets]]", cover, text("demo.target.cover", language)),
        *ledger_sections(language),
        *scenario_sections(language),
    ]
    return study_text(head, sections)


def overlay_sections(language: Language) -> list[Section]:
    """Return the two ``[[overlays]]``: all reserves, and those of wetlands."""
    return [
        Section(
            "[[overlays]]",
            {
                "name": name,
                "title": text(f"demo.overlay.{name}", language),
                "path": f"data/boundaries/{name.replace('-', '_')}.gpkg",
                "kind": "reserve",
                "part": "name",
            },
            text("demo.overlay.head", language) if name == "reserves" else "",
        )
        for name in ("reserves", "wetland-reserves")
    ]


def reconcile_section(language: Language) -> Section:
    """Return ``[[reconcile]]``: the invented official figures beside the map's."""
    entries: dict[str, Value] = {
        "name": "bureau",
        "title": text("demo.official.title", language),
        "table": "official.csv",
        "rake": True,
    }
    notes = {"rake": text("demo.official.rake", language)}
    return Section("[[reconcile]]", entries, text("demo.official.head", language), notes)


def ledger_sections(language: Language) -> list[Section]:
    """Return the other figures of the plan, each as a target."""
    source = text("demo.target.source", language)
    forest, wetland = {"groups": ["forest"]}, {"groups": ["wetland"]}
    area = {"quantity": "area", "unit": "ha"}
    rows: dict[str, dict[str, Value]] = {
        "forest-volume": {
            "quantity": "volume", "kind": "level", "value": 330_000_000, "unit": "m3", "end": 2015,
            "baseline": 286_500_000, "baseline_volume": "growing_stock",
            "reported": {"value": 365_080_000, "source": text("demo.target.nfi9", language)},
        },
        "forest-land": {**area, **forest, "kind": "level", "value": 8_450_000, "end": 2015},
        "reserve-share": {
            "quantity": "area", "kind": "share", "value": 6.8, "unit": "%", "end": 2015,
            "overlay": "reserves",
        },
        "protected-wetland": {
            **area, "strata": ["river", "lake", "marsh", "swamp", "floodplain"], "kind": "level",
            "value": 450_000, "end": 2015, "overlay": "reserves",
        },
        "wetland-reserves": {
            "quantity": "count", "kind": "count", "value": 20, "unit": "count", "end": 2015,
            "overlay": "wetland-reserves",
        },
        "wetland-restored": {
            **area, **wetland, "kind": "increase", "value": 16_300, "start": 2010, "end": 2015,
        },
        "planting": {
            "quantity": "area", **forest, "kind": "rate", "value": 2_600_000, "unit": "mu",
            "start": 2010, "end": 2015,
        },
    }  # fmt: skip
    return [
        Section(
            "[[targets]]",
            {"name": name, "title": text(f"demo.title.{name}", language)}
            | row
            | {"source": text("demo.target.source.3", language) if name in LATER else source},
            text(f"demo.note.{name}", language),
        )
        for name, row in rows.items()
    ]


def scenario_sections(language: Language) -> list[Section]:
    """Return one ``[[scenarios]]`` from the first map on: the plan's planting, half and half."""
    opening: dict[str, Value] = {
        "name": "planting-plan",
        "title": text("demo.scenario.title", language),
        "from": 2010,
        "until": 2020,
        "growth": "observed",
    }
    notes = {key: text(f"demo.scenario.{key}", language) for key in ("from", "growth")}
    common: dict[str, Value] = {"per_year": PLANTED_MU // 2, "unit": "mu", "survival": 85}
    common |= {"survival_low": 70, "survival_high": 95, "start": 2011, "end": 2015}
    halves = (("forest_enf", "masson_pine", "shrubland"), ("forest_dbf", "oak", "dry_cropland"))
    rows = [
        Section(
            "[[scenarios.planting]]",
            {"stratum": stratum, "species": species, "on": land, **common}
            | {"source": text("demo.scenario.source", language)},
            "",
            {"survival": text("demo.scenario.survival", language)} if not i else {},
        )
        for i, (stratum, species, land) in enumerate(halves)
    ]
    head = text("demo.scenario.head", language)
    return [Section("[[scenarios]]", opening, head, notes), *rows]


#: What the plan has planted in each year [mu], ``afforestation_per_year`` of plan_targets.
PLANTED_MU: Final = 2_600_000
#: Targets of the plan's section on projects.
LATER: Final = ("wetland-reserves", "wetland-restored", "planting")


def study_section(name: str, title: str, *, language: Language) -> Section:
    """Return ``[study]``."""
    entries: dict[str, Value] = {
        "name": name,
        "title": title,
        "language": language,
        "synthetic": True,
    }
    keys = ("name", "language", "synthetic")
    return Section(
        "[study]", entries, notes={key: text(f"demo.study.{key}", language) for key in keys}
    )


def regions_section(
    path: str, parents: Sequence[str], *, comment: str, language: Language
) -> Section:
    """Return ``[regions]``; `comment` is the stem of the keys of its comments."""
    entries: dict[str, Value] = {
        "path": path,
        "code": "region_code",
        "name": "region_name",
        "parents": parents,
    }
    notes = {
        "code": text("demo.regions.code", language),
        "parents": text(f"{comment}.parents", language),
    }
    return Section("[regions]", entries, text(f"{comment}.head", language), notes)


def landcover_section(pattern: str, language: Language) -> Section:
    """Return ``[landcover]`` for 2010 and 2015; the pattern's ``{year}`` stands for the year."""
    rasters = {year: pattern.format(year=year) for year in ("2010", "2015")}
    entries: dict[str, Value] = {"legend": LEGEND, "rasters": rasters}
    return Section("[landcover]", entries, text("demo.landcover.head", language))


def run_sections(language: Language) -> list[Section]:
    """Return ``[density]`` and ``[uncertainty]``."""
    draws: dict[str, Value] = {"draws": 1000, "seed": 20101231, "level": 0.95}
    return [
        Section("[density]", {"table": "density.csv"}, text("demo.density.head", language)),
        Section("[uncertainty]", draws, text("demo.uncertainty.head", language)),
    ]
