"""The study file: every mistake has its code and place, all at once, in both languages."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from sinks.basemap import MapConfig, basemap_of, check_map
from sinks.checks import Problem, Problems
from sinks.starter import starter_study
from sinks.study import Study, load_study, schema
from sinks.studyfile import LARGEST
from sinks.texts import LANGUAGES
from tests.tiny import CODES, write_tiny

STUDY = """[study]
name = "tiny"
title = "A tiny province"
language = "en"

[regions]
path = "counties.gpkg"
code = "code"
name = "name"
parents = ["prefecture"]

[landcover]
legend = "legend.csv"
rasters = { 2010 = "lc2010.tif", 2015 = { path = "lc2015.tif", band = 1 } }
coverage = "centre"

[density]
table = "density.csv"
pools = ["agb", "soil"]
relative_se = 0.3

[uncertainty]
draws = 100
level = 0.9

[[targets]]
name = "forest"
quantity = "carbon"
groups = ["forest"]
pools = ["agb"]
kind = "increase"
value = 60e6
unit = "t C"
start = 2010
end = 2015
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("study")
    write_tiny(place)
    (place / "a_folder").mkdir()
    return place


def read(folder: Path, text: str | bytes) -> tuple[Study | None, list[Problem]]:
    """Load a study file with this content."""
    path = folder / "study.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    problems = Problems()
    return load_study(path, problems), list(problems)


def places(found: list[Problem]) -> list[tuple[str, str]]:
    return [(problem.code, problem.place) for problem in found]


def test_a_right_study_has_no_problem(folder: Path) -> None:
    study, found = read(folder, STUDY)
    assert found == []
    assert study is not None
    assert study.years == (2010, 2015)
    assert study.language == "en"
    assert study.path_of(study.regions.path) == folder.resolve() / "counties.gpkg"
    assert [item.path for item in study.landcover.sources(2010)] == ["lc2010.tif"]
    assert [item.band for item in study.landcover.sources(2015)] == [1]
    assert study.uncertainty.seed == 20101231
    assert study.targets[0].value == 60_000_000
    assert study.files == {
        "regions.path": "counties.gpkg",
        "landcover.rasters.2010": "lc2010.tif",
        "landcover.rasters.2015": "lc2015.tif",
        "landcover.legend": "legend.csv",
        "density.table": "density.csv",
    }


def test_a_band_for_all_holds_where_a_year_names_none(folder: Path) -> None:
    study, found = read(folder, STUDY.replace("coverage =", "band = 3\ncoverage ="))
    assert (found, study is not None) == ([], True)
    assert study is not None
    assert [study.landcover.sources(year)[0].band for year in (2010, 2015)] == [3, 1]


def test_whole_numbers_are_numbers(folder: Path) -> None:
    study, found = read(folder, STUDY.replace("60e6", "60").replace("0.3", "1"))
    assert found == []
    assert study is not None
    assert (study.targets[0].value, study.density.relative_se) == (60.0, 1.0)


def test_a_byte_order_mark_is_no_fault(folder: Path) -> None:
    study, found = read(folder, b"\xef\xbb\xbf" + STUDY.encode())
    assert (found, study is not None) == ([], True)


#: What is written for what, the problem's code, and the place it names.
MISTAKES = {
    "unknown table": ("[density]", "[densities]\n[density]", "unknown_key", "densities"),
    "unknown key": ("coverage =", "coverrage =", "unknown_key", "landcover.coverrage"),
    "unknown key of a year": ("band = 1", "bnad = 1", "unknown_key", "landcover.rasters.2015.bnad"),
    "unknown key of a target": ("source =", "sauce =", "unknown_key", "targets.0.sauce"),
    "key of our own": ("[study]", 'base = "x"\n[study]', "unknown_key", "base"),
    "missing table": ("[regions]", "[uncertainty.x]", "missing_key", "regions"),
    "missing key": ('name = "name"\n', "", "missing_key", "regions.name"),
    "missing unit": ('unit = "t C"\n', "", "missing_key", "targets.0.unit"),
    "missing start": ("start = 2010\n", "", "missing_key", "targets.0 (forest)"),
    "wrong choice": ('"centre"', '"center"', "bad_choice", "landcover.coverage"),
    "wrong language": ('language = "en"', 'language = "fr"', "bad_choice", "study.language"),
    "wrong pool": ('["agb", "soil"]', '["abg"]', "bad_choice", "density.pools.0"),
    "wrong group": ('["forest"]', '["woods"]', "bad_choice", "targets.0.groups.0"),
    "text for number": ("draws = 100", 'draws = "100"', "bad_value", "uncertainty.draws"),
    "fraction for whole": ("draws = 100", "draws = 0.5", "bad_value", "uncertainty.draws"),
    "number for text": ('code = "code"', "code = 1", "bad_value", "regions.code"),
    "text for list": ('["prefecture"]', '"prefecture"', "bad_value", "regions.parents"),
    "list for table": ("[study]", "study = []\n[x]", "bad_value", "study"),
    "number for path": ('"lc2010.tif"', "2010", "bad_value", "landcover.rasters.2010"),
    "level of 95": ("level = 0.9", "level = 95", "bad_value", "uncertainty.level"),
    "no draws": ("draws = 100", "draws = 0", "bad_value", "uncertainty.draws"),
    "seed below 0": ("draws = 100", "seed = -1", "bad_value", "uncertainty.seed"),
    "spread below 0": ("relative_se = 0.3", "relative_se = -1", "bad_value", "density.relative_se"),
    "empty title": ('"A tiny province"', '""', "bad_value", "study.title"),
    "name with a path": ('name = "tiny"', 'name = "../tiny"', "bad_value", "study.name"),
    "no groups": ('groups = ["forest"]', "groups = []", "bad_value", "targets.0.groups"),
    "value is no number": ("60e6", "nan", "bad_value", "targets.0.value"),
    "value is a truth": ("60e6", "true", "bad_value", "targets.0.value"),
    "one year": ('2010 = "lc2010.tif", ', "", "bad_value", "landcover.rasters"),
    "letter for digit": ("2010 = ", "201O = ", "bad_year", "landcover.rasters"),
    "digits of another script": ("2010 = ", '"20１０" = ', "bad_year", "landcover.rasters"),
    "no such year": ("end = 2015", "end = 2014", "year_without_raster", "targets.0 (forest)"),
    "years reversed": ("start = 2010", "start = 2015", "years_reversed", "targets.0 (forest)"),
    "unit of area": ('"t C"', '"ha"', "target_unit", "targets.0 (forest)"),
    "unit not named": ('"t C"', '"t"', "target_unit", "targets.0 (forest)"),
    "value below 0": ("60e6", "-60e6", "target_value", "targets.0 (forest)"),
    "value of 0": ("60e6", "0", "target_value", "targets.0 (forest)"),
    "pool not counted": ('["agb"]', '["agb", "bgb"]', "target_pools", "targets.0 (forest)"),
    "volume": ('"carbon"', '"volume"', "volume_unknown", "targets.0 (forest)"),
    "count": ('"carbon"', '"count"', "nothing_to_count", "targets.0 (forest)"),
    "share of carbon": ('"increase"', '"share"', "target_kind", "targets.0 (forest)"),
    "no such overlay": ('"t C"', '"t C"\noverlay = "x"', "no_such_overlay", "targets.0 (forest)"),
    "shares unnamed": ('"t C"', '"t C"\nshare_by = "table"', "share_table", "targets.0 (forest)"),
    "missing sample": ("[uncertainty]", '[accuracy]\nsample = "s.csv"\n[uncertainty]',
                       "no_such_file", "accuracy.sample"),
    "sample of a year without a map": (
        "[uncertainty]", '[accuracy]\nsample = "density.csv"\nyear = 2012\n[uncertainty]',
        "year_without_raster", "accuracy.year",
    ),
    "grid of no year": ("coverage =", 'align = "nearest"\nalign_year = 1999\ncoverage =',
                        "year_without_raster", "landcover.align_year"),
    "plots": ("[uncertainty]", '[density.plots]\npath = "p.csv"\n[uncertainty]',
              "no_such_file", "density.plots.path"),
    "missing file": ("counties.gpkg", "countries.gpkg", "no_such_file", "regions.path"),
    "missing raster": ("lc2015.tif", "lc2016.tif", "no_such_file", "landcover.rasters.2015"),
    "missing legend": ("legend.csv", "legends.csv", "no_such_file", "landcover.legend"),
    "missing densities": ("density.csv", "sub/density.csv", "no_such_file", "density.table"),
    "folder for file": ("counties.gpkg", "a_folder", "not_a_file", "regions.path"),
    "name too long": ("lc2010.tif", "x" * 5000, "no_such_file", "landcover.rasters.2010"),
    "address": ("counties.gpkg", "https://example.org/c.gpkg", "not_a_file_path", "regions.path"),
    "virtual file": ("lc2010.tif", "/vsicurl/x.tif", "not_a_file_path", "landcover.rasters.2010"),
    "zero byte": ("lc2010.tif", "lc\\u0000.tif", "not_a_file_path", "landcover.rasters.2010"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_has_its_code_and_place(folder: Path, name: str) -> None:
    old, new, code, place = MISTAKES[name]
    text = STUDY + 'source = "plan"\n'
    assert old in text
    _, found = read(folder, text.replace(old, new, 1))
    assert (f"study.{code}", place) in places(found)
    for problem in found:
        for language in LANGUAGES:
            assert problem.place in problem.text(language)


def test_everything_is_told_at_once(folder: Path) -> None:
    changes = [
        MISTAKES[name]
        for name in ("unknown key", "missing key", "level of 95", "missing unit", "missing raster")
    ]
    text = STUDY
    for old, new, _, _ in changes:
        text = text.replace(old, new, 1)
    text += '[[targets]]\nname = "x"\nquantity = "area"\ngroups = ["forest"]\nkind = "rate"\n'
    text += 'value = 1\nunit = "t C"\nstart = 2015\nend = 2012\n'
    _, found = read(folder, text)
    assert sorted(places(found)) == [
        ("study.bad_value", "uncertainty.level"),
        ("study.missing_key", "regions.name"),
        ("study.missing_key", "targets.0.unit"),
        ("study.no_such_file", "landcover.rasters.2015"),
        ("study.target_unit", "targets.1 (x)"),
        ("study.unknown_key", "landcover.coverrage"),
        ("study.year_without_raster", "targets.1 (x)"),
        ("study.years_reversed", "targets.1 (x)"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "near"),
    [
        ("coverage =", "coverrage =", "coverage"),
        ("band = 1", "bnad = 1", "band"),
        ("draws =", "draw =", "draws"),
        ("[uncertainty]", "[uncertanty]", "uncertainty"),
        ("kind =", "kinds =", "kind"),
    ],
)
def test_the_nearest_key_is_named(folder: Path, old: str, new: str, near: str) -> None:
    _, found = read(folder, STUDY.replace(old, new, 1))
    (problem,) = [item for item in found if item.code == "study.unknown_key"]
    for language in LANGUAGES:
        assert near in problem.part("expected", language)


def test_messages_are_in_the_language_of_the_study(folder: Path) -> None:
    wrong = STUDY.replace("draws = 100", "draws = 0.5")
    _, (english,) = read(folder, wrong)
    assert english.part("expected") == "a whole number, without quotes"
    _, (chinese,) = read(folder, wrong.replace('"en"', '"zh"'))
    assert chinese.part("expected") == "整数，不加引号"
    assert "expected" not in chinese.text()


@pytest.mark.parametrize(
    ("new", "found"),
    [("true", "true"), ('"a"', '"a"'), ("[1, 2]", "[1, 2]"), ("1979-05-27", '"1979-05-27"')],
)
def test_values_are_shown_as_the_file_writes_them(folder: Path, new: str, found: str) -> None:
    _, (problem,) = read(folder, STUDY.replace("draws = 100", f"draws = {new}"))
    assert problem.part("found") == found


def test_cover_has_no_shares(folder: Path) -> None:
    text = STUDY.replace('"carbon"', '"cover"').replace('"t C"', '"%"')
    assert read(folder, text)[1] == []
    _, (problem,) = read(folder, text + 'share_by = "area"\n')
    assert (problem.code, problem.place) == ("study.share_of_cover", "targets.0 (forest)")
    assert "percentages" in problem.text("en")
    assert "百分比" in problem.text("zh")


def test_targets_have_names_of_their_own(folder: Path) -> None:
    _, found = read(folder, STUDY + STUDY[STUDY.index("[[targets]]") :])
    assert places(found) == [("study.repeated_name", "targets.1 (forest)")]


def test_a_level_needs_no_start(folder: Path) -> None:
    _, found = read(folder, STUDY.replace('"increase"', '"level"').replace("start = 2010\n", ""))
    assert found == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("[study\n", "line 1"),
        (STUDY.replace("[study]", "study"), "line 1"),
        (STUDY + "[study]\n", "line"),
        (STUDY.replace("draws = 100", "draws = " + "9" * 5000), "4300 digits"),
        ("a = " + "[" * 3000, ""),
        (".".join("a" * 3000) + " = 1", ""),
        (STUDY.replace("tiny", "甲").encode("gb18030"), "utf-8"),
        (b"PK\x03\x04\x00\x00", ""),
        (STUDY.encode("utf-16"), "utf-8"),
    ],
)
def test_what_is_not_toml_is_refused(folder: Path, content: str | bytes, reason: str) -> None:
    study, (problem,) = read(folder, content)
    assert study is None
    assert problem.code == "study.not_toml"
    assert reason in problem.part("found")
    for language in LANGUAGES:
        assert "study.toml" in problem.text(language)


def test_the_line_is_named(folder: Path) -> None:
    _, (problem,) = read(folder, STUDY.replace("[landcover]", "[landcover"))
    assert (problem.code, problem.place) == ("study.not_toml", "line 12")


def test_an_empty_file_lacks_its_tables(folder: Path) -> None:
    study, found = read(folder, "")
    assert study is None
    assert places(found) == [
        ("study.missing_key", name) for name in ("study", "regions", "landcover", "density")
    ]


def test_a_huge_file_is_not_read_to_its_end(folder: Path) -> None:
    _, (problem,) = read(folder, b"#" * (LARGEST + 1))
    assert problem.code == "study.too_large"


@pytest.mark.parametrize(
    ("name", "code"), [("missing.toml", "study.unreadable"), ("a_folder", "study.not_a_file")]
)
def test_a_study_that_cannot_be_read(folder: Path, name: str, code: str) -> None:
    problems = Problems("en")
    assert load_study(folder / name, problems) is None
    (problem,) = problems
    assert (problem.code, problem.file) == (code, name)


def test_a_link_may_not_lead_out_of_the_folder(folder: Path, tmp_path: Path) -> None:
    for name in ("inside.gpkg", "outside.gpkg"):
        (folder / name).unlink(missing_ok=True)
    (folder / "inside.gpkg").symlink_to(folder / "counties.gpkg")
    assert read(folder, STUDY.replace("counties.gpkg", "inside.gpkg"))[1] == []
    outside = tmp_path / "counties.gpkg"
    outside.write_bytes((folder / "counties.gpkg").read_bytes())
    (folder / "outside.gpkg").symlink_to(outside)
    _, found = read(folder, STUDY.replace("counties.gpkg", "outside.gpkg"))
    assert places(found) == [("study.link_leaves_folder", "regions.path")]
    # Who writes where it lies hides nothing.
    assert read(folder, STUDY.replace("counties.gpkg", outside.as_posix()))[1] == []


def test_a_linked_folder_may_not_lead_out_either(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "counties.gpkg").write_bytes((folder / "counties.gpkg").read_bytes())
    (folder / "data").unlink(missing_ok=True)
    (folder / "data").symlink_to(tmp_path)
    _, found = read(folder, STUDY.replace("counties.gpkg", "data/counties.gpkg"))
    assert places(found) == [("study.link_leaves_folder", "regions.path")]


def test_paths_start_from_the_study_not_from_here(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert read(folder, STUDY)[1] == []


def validator() -> jsonschema.protocols.Validator:
    return jsonschema.Draft202012Validator(schema())


def test_the_schema_is_json_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    assert json.loads(json.dumps(schema())) == schema()
    assert set(schema()["required"]) == {"study", "regions", "landcover", "density"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_starter_fits_the_schema_and_the_models(language: Any, tmp_path: Path) -> None:
    validator().validate(tomllib.loads(starter_study(language)))
    _, found = read(tmp_path, starter_study(language))
    assert {problem.code for problem in found} == {"study.no_such_file"}


def test_the_schema_takes_what_we_take() -> None:
    validator().validate(tomllib.loads(STUDY))


@pytest.mark.parametrize(
    "name",
    [
        *("unknown key", "missing unit", "wrong choice", "number for path", "level of 95"),
        *("text for list", "one year", "empty title"),
    ],
)
def test_the_schema_refuses_what_we_refuse(name: str) -> None:
    old, new, _, _ = MISTAKES[name]
    with pytest.raises(jsonschema.ValidationError):
        validator().validate(tomllib.loads(STUDY.replace(old, new, 1)))


def test_codes_of_regions_are_not_touched(folder: Path) -> None:
    """TOML has no bare key or number that begins with 0: codes are text or refused."""
    assert all(code.startswith("0") for code in CODES)
    _, (problem,) = read(folder, STUDY.replace("draws = 100", "draws = 0100"))
    assert problem.code == "study.not_toml"


# The base map


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ('basemap = "tianditu"', "study.basemap_key"),
        ('basemap = "http://a.example/{z}/{x}/{y}.png"', "study.basemap_address"),
        ('basemap = "https://a.example/tiles.png"', "study.basemap_address"),
        ('basemap = "https://a.example;script-src *{z}{x}{y}"', "study.basemap_address"),
        (
            'basemap = "https://webrd0{s}.is.autonavi.com/?x={x}&y={y}&z={z}"',
            "study.basemap_shifted",
        ),
        ('basemap = "https://mt1.google.cn/vt?x={x}&y={y}&z={z}"', "study.basemap_shifted"),
        ('basemap = "https://a.example/{z}/{x}/{y}.png"', "study.basemap_attribution"),
    ],
)
def test_base_maps_that_would_mislead_are_refused(lines: str, code: str) -> None:
    problems = Problems()
    config = MapConfig.model_validate(tomllib.loads(lines))
    check_map(config, file="study.toml", problems=problems)
    assert [problem.code for problem in problems] == [code]


def test_base_map_names_its_hosts_and_no_other() -> None:
    problems = Problems()
    own = MapConfig(basemap="https://{s}.a.example/{z}/{x}/{y}.png", attribution="A")
    for config in (own, MapConfig(basemap="tianditu", key="0123456789abcdef"), MapConfig()):
        check_map(config, file="study.toml", problems=problems)
    assert not list(problems)
    assert basemap_of(MapConfig()) is None
    made = basemap_of(own)
    assert made is not None
    assert made["hosts"] == ["https://*.a.example"]
