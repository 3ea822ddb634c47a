"""Legends: the packaged ones against their sources, users' own, and files that mean harm."""

from __future__ import annotations

import csv
import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinks.checks import Problems
from sinks.legend import (
    COLOUR,
    COLUMNS,
    GROUPS,
    IPCC,
    STRATUM,
    Legend,
    check_versions,
    load_legend,
    packaged_legend,
    packaged_legends,
)
from sinks.parameters import load_table
from sinks.rows import parse_rows
from tests.conftest import SHARED, needs_shared

PRODUCTS = {
    *("clcd", "cnlucc", "globeland30", "esa_worldcover", "glc_fcs30d", "gwl_fcs30"),
    *("mcd12q1_igbp", "esri_lulc10"),
}
#: Strata of packaged legends for which no cited density of Hubei is known.
WITHOUT_DENSITY = {"mangrove", "non_wetland"}
HEADER = ",".join(COLUMNS)
GOOD = f"""{HEADER}
1,forest_enf,pine,松林,forest_land,forest,#0A4A45
2,forest_enf,fir,杉木林,forest_land,forest,#0b4a45
30,tea_garden,tea garden,茶园,cropland,cropland,#ca86c4
255,nodata,,,,,
"""


@pytest.fixture(params=sorted(PRODUCTS | {"sinks"}))
def legend(request: pytest.FixtureRequest) -> Legend:
    return packaged_legend(request.param)


def load(path: Path) -> tuple[Legend | None, Problems]:
    problems = Problems("en")
    return load_legend(path.name, base=path.parent, problems=problems), problems


def written(folder: Path, content: str, encoding: str = "utf-8") -> Path:
    path = folder / "legend.csv"
    path.write_bytes(content.encode(encoding))
    return path


def test_packaged_legends_are_the_products_and_our_own() -> None:
    assert set(packaged_legends()) == PRODUCTS | {"sinks"}
    products = set(load_table("landcover_products")["product"])
    assert products >= PRODUCTS


def test_classes_use_the_vocabulary(legend: Legend) -> None:
    assert len(set(legend.codes)) == len(legend.codes)
    assert not set(legend.codes) & legend.nodata_codes
    for row in legend.classes:
        assert row.group in GROUPS
        assert row.ipcc in IPCC
        assert STRATUM.fullmatch(row.stratum)
        assert COLOUR.fullmatch(row.colour)
        assert row.name_en
        assert row.name_zh
        assert row.source
        assert 0 <= row.code <= 255


def test_a_stratum_means_one_thing_everywhere() -> None:
    strata = load_table("strata").set_index("stratum")
    assert strata.index.is_unique
    for name in packaged_legends():
        for row in packaged_legend(name).classes:
            known = strata.loc[row.stratum]
            assert (row.ipcc, row.group) == (known["ipcc"], known["group"]), (name, row)
            if name != "esa_worldcover":
                assert row.colour == known["colour"], (name, row)


def test_packaged_files_pass_the_checks_of_users_files(legend: Legend, tmp_path: Path) -> None:
    table = load_table(f"legends/{legend.name}").astype(str)
    path = written(tmp_path, table.to_csv(index=False))
    again, problems = load(path)
    assert not len(problems)
    assert again is not None
    assert (again.classes, again.nodata_codes) == (legend.classes, legend.nodata_codes)


def test_no_data_codes_of_the_products() -> None:
    codes = {name: packaged_legend(name).nodata_codes for name in packaged_legends()}
    assert codes == {
        "clcd": {0},
        "cnlucc": {0, 255},
        "esa_worldcover": {0},
        "esri_lulc10": {0, 10},
        "glc_fcs30d": {0, 250},
        "globeland30": {0, 255},
        "gwl_fcs30": set(),
        "mcd12q1_igbp": {255},
        "sinks": {0},
    }
    for row in load_table("landcover_products").itertuples():
        if row.product in codes:
            named = {int(code) for code in str(row.nodata).split(";") if code.strip()}
            assert named <= codes[str(row.product)]


def test_groups_follow_the_plan_and_the_inventory() -> None:
    cnlucc = packaged_legend("cnlucc")
    assert cnlucc.strata_in(["forest"]) == ("forest",)
    assert "open_forest" not in cnlucc.strata_in(["forest", "wetland"])
    assert cnlucc.ipcc_of("open_forest") == "forest_land"
    assert cnlucc.ipcc_of("shrubland") == "grassland"
    assert cnlucc.group_of("orchard") == "cropland"
    own = packaged_legend("sinks")
    assert own.strata_in(["forest"]) == (
        *("forest_enf", "forest_ebf", "forest_dbf", "forest_mixed", "bamboo"),
    )
    assert own.strata_in(["wetland"]) == (
        *("lake", "river", "reservoir_pond", "marsh", "swamp", "floodplain"),
    )
    assert own.strata_in(["urban_green"]) == ("urban_green",)


def test_every_stratum_has_a_density_or_is_a_known_gap() -> None:
    known = set(load_table("density/hubei_2010")["stratum"])
    gaps = {
        stratum
        for name in packaged_legends()
        for stratum in packaged_legend(name).strata
        if stratum not in known
    }
    assert gaps == WITHOUT_DENSITY


def test_names_of_strata() -> None:
    clcd = packaged_legend("clcd")
    assert clcd.label("marsh", "zh") == "湿地"
    glc = packaged_legend("glc_fcs30d")
    assert glc.label("forest_ebf", "zh") == "常绿阔叶林"
    assert glc.label("forest_ebf", "en") == "evergreen broadleaf forest"
    assert glc.stratum_of(51) == glc.stratum_of(52) == "forest_ebf"
    with pytest.raises(KeyError, match="no class has the code 77"):
        glc.stratum_of(77)
    with pytest.raises(KeyError, match="no stratum 'forrest'"):
        glc.group_of("forrest")


@needs_shared
def test_packaged_legends_are_the_facts() -> None:
    plain = str.maketrans("（）", "()")
    with (SHARED / "parameters" / "landcover_legends.csv").open(
        encoding="utf-8-sig", newline=""
    ) as stream:
        facts = list(csv.DictReader(stream))
    assert {fact["product"].lower() for fact in facts} == PRODUCTS
    seen: dict[str, set[int]] = {}
    for fact in facts:
        legend = packaged_legend(fact["product"].lower())
        code = int(fact["code"])
        seen.setdefault(legend.name, set()).add(code)
        if fact["sinks_class"] == "nodata":
            assert code in legend.nodata_codes
            continue
        (row,) = [row for row in legend.classes if row.code == code]
        assert row.stratum == fact["sinks_class"]
        assert row.name_en == fact["name_en"]
        assert row.name_zh.translate(plain) == fact["name_zh"]
        assert row.confidence == fact["confidence"]
        if fact["color_hex"]:
            assert row.colour == "#" + fact["color_hex"]
    for name, codes in seen.items():
        assert set(packaged_legend(name).codes) <= codes


# -- colours: CIEDE2000 (Sharma, Wu & Dalal 2005), dichromacy after Machado et al. 2009

SIGHT = {
    "normal": np.eye(3),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
}
TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)


def lab(colour: str, sight: str) -> np.ndarray:
    channels = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    ratio = TO_XYZ @ np.clip(SIGHT[sight] @ linear, 0, 1) / [0.95047, 1.0, 1.08883]
    f = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def difference(one: np.ndarray, two: np.ndarray) -> float:
    chroma = (np.hypot(*one[1:]) + np.hypot(*two[1:])) / 2
    stretch = 1.5 - 0.5 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7))
    a1, b1, a2, b2 = one[1] * stretch, one[2], two[1] * stretch, two[2]
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = np.degrees(np.arctan2(b1, a1)) % 360, np.degrees(np.arctan2(b2, a2)) % 360
    turn = (h2 - h1 + 180) % 360 - 180
    light, mean = (one[0] + two[0]) / 2, (c1 + c2) / 2
    hue = (h1 + h2) / 2 + (180 if abs(h1 - h2) > 180 else 0)
    t = 1 - 0.17 * np.cos(np.radians(hue - 30)) + 0.24 * np.cos(np.radians(2 * hue))
    t += 0.32 * np.cos(np.radians(3 * hue + 6)) - 0.2 * np.cos(np.radians(4 * hue - 63))
    dl = (two[0] - one[0]) / (1 + 0.015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2))
    dc = (c2 - c1) / (1 + 0.045 * mean)
    dh = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn) / 2) / (1 + 0.015 * mean * t)
    bend = np.exp(-(((hue % 360 - 275) / 25) ** 2))
    rotation = -2 * np.sqrt(mean**7 / (mean**7 + 25.0**7)) * np.sin(np.radians(60 * bend))
    return float(np.sqrt(dl**2 + dc**2 + dh**2 + rotation * dc * dh))


def test_difference_is_ciede2000() -> None:
    # Sharma, Wu & Dalal 2005, table 1, pairs 1, 7 and 25.
    pairs = [
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, 0.0, 0.0), (50.0, -1.0, 2.0), 2.3669),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ]
    for one, two, expected in pairs:
        assert difference(np.array(one), np.array(two)) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("sight", sorted(SIGHT))
def test_colours_of_a_legend_can_be_told_apart(legend: Legend, sight: str) -> None:
    if legend.name == "esa_worldcover":
        pytest.skip("WorldCover publishes its own colours")
    least = 13.0 if sight == "normal" else 8.0
    for one, two in itertools.combinations(legend.strata, 2):
        colours = [lab(legend.colour_of(stratum), sight) for stratum in (one, two)]
        assert difference(*colours) >= least, (one, two)


# -- finding a legend


@pytest.mark.parametrize("name", ["clcd", "CLCD", " Clcd ", "ESA-WorldCover", "MCD12Q1_IGBP"])
def test_packaged_names_in_any_case(name: str, tmp_path: Path) -> None:
    problems = Problems()
    found = load_legend(name, base=tmp_path, problems=problems)
    assert found is not None
    assert found.name == name.strip().lower().replace("-", "_")
    assert not len(problems)


def test_unknown_name_gets_the_nearest(tmp_path: Path) -> None:
    problems = Problems("en")
    assert load_legend("clcdd", base=tmp_path, problems=problems) is None
    (problem,) = problems
    assert problem.code == "legend.unknown"
    assert "clcd" in problem.text("en")


@pytest.mark.parametrize("name", ["missing.csv", "sub/dir", "..", "/etc/passwd", "a\x00.csv"])
def test_paths_that_hold_no_legend(name: str, tmp_path: Path) -> None:
    problems = Problems()
    assert load_legend(name, base=tmp_path, problems=problems) is None
    assert len(problems)


# -- a user's legend


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_user_legend(tmp_path: Path, encoding: str) -> None:
    found, problems = load(written(tmp_path, GOOD, encoding))
    told = [problem.code for problem in problems]
    assert told == (["table.gb18030"] if encoding == "gb18030" else [])
    assert found is not None
    assert found.name == "legend.csv"
    assert found.codes == (1, 2, 30)
    assert found.nodata_codes == {255}
    assert found.strata == ("forest_enf", "tea_garden")
    assert found.colour_of("forest_enf") == "#0a4a45"
    assert found.label("tea_garden", "zh") == "茶园"
    assert found.label("forest_enf", "zh") == "常绿针叶林"


def test_user_strata_without_a_general_name_join_the_classes(tmp_path: Path) -> None:
    content = f"""{HEADER}
1,pine,masson pine,马尾松,forest_land,forest,#0a4a45
2,pine,,华山松,forest_land,forest,#0a4a46
-9999,nodata,,,,,
"""
    found, problems = load(written(tmp_path, content))
    assert not len(problems)
    assert found is not None
    assert found.label("pine", "zh") == "马尾松 / 华山松"
    assert found.label("pine", "en") == "masson pine / 华山松"
    assert found.nodata_codes == {-9999}


def test_extra_columns_and_any_order(tmp_path: Path) -> None:
    content = "remark,colour,group,ipcc,name_zh,name_en,stratum,code,source,confidence\n"
    content += "x,#b0121b,other,settlements,城镇,town,built_up,8,survey 2020,verified\n"
    found, problems = load(written(tmp_path, content))
    assert not len(problems)
    assert found is not None
    assert (found.classes[0].source, found.classes[0].confidence) == ("survey 2020", "verified")


def test_missing_columns_are_named(tmp_path: Path) -> None:
    found, problems = load(written(tmp_path, "stratum,code\nforest,1\n"))
    assert found is None
    (problem,) = problems
    assert problem.code == "table.columns"
    for title in ("name_en", "name_zh", "ipcc", "group", "colour"):
        assert title in problem.part("found", "en")


CASES = [
    ("1.0,forest,a,林,forest_land,forest,#000001", "legend.code"),
    ("1e3,forest,a,林,forest_land,forest,#000001", "legend.code"),
    ("１,forest,a,林,forest_land,forest,#000001", "legend.code"),
    (",forest,a,林,forest_land,forest,#000001", "legend.code"),
    ("99999999999999,forest,a,林,forest_land,forest,#000001", "legend.code"),
    ("1,Forest,a,林,forest_land,forest,#000001", "legend.stratum"),
    ("1,森林,a,林,forest_land,forest,#000001", "legend.stratum"),
    ("1,../forest,a,林,forest_land,forest,#000001", "legend.stratum"),
    ("1,=1+1,a,林,forest_land,forest,#000001", "legend.stratum"),
    ("1,,a,林,forest_land,forest,#000001", "legend.stratum"),
    ("1,forest,a,林,forest_land,forrest,#000001", "legend.group"),
    ("1,forest,a,林,forest,forest,#000001", "legend.ipcc"),
    ("1,forest,a,林,forest_land,forest,green", "legend.colour"),
    ('1,forest,a,林,forest_land,forest,"#000001""onload="', "legend.colour"),
    ("1,forest,,,forest_land,forest,#000001", "legend.nameless"),
    (f"1,forest,{'a' * 81},林,forest_land,forest,#000001", "legend.name"),
    ("1,forest,a\u202eb,林,forest_land,forest,#000001", "legend.name"),
    ('1,forest,"a\nb",林,forest_land,forest,#000001', "legend.name"),
    (
        "1,forest,a,林,forest_land,forest,#000001\n01,water,b,水,wetlands,wetland,#000002",
        "legend.duplicate_code",
    ),
    (
        "1,forest,a,林,forest_land,forest,#000001\n2,forest,b,林,forest_land,other,#000002",
        "legend.stratum_split",
    ),
    (
        "1,forest,a,林,forest_land,forest,#000001\n2,forest,b,林,grassland,forest,#000002",
        "legend.stratum_split",
    ),
    ("1,nodata,,,,,", "legend.no_classes"),
]


@pytest.mark.parametrize(("rows", "code"), CASES)
def test_faults_are_named_with_their_line(tmp_path: Path, rows: str, code: str) -> None:
    found, problems = load(written(tmp_path, f"{HEADER}\n{rows}\n"))
    assert found is None
    assert [problem.code for problem in problems] == [code]
    (problem,) = problems
    assert problem.file == "legend.csv"
    assert "line" in problem.place
    for language in ("zh", "en"):
        assert "{" not in problem.text(language)


def test_all_faults_come_at_once(tmp_path: Path) -> None:
    rows = "\n".join(f"x{n},Bad {n},a,林,forest_land,woods,red" for n in range(9))
    found, problems = load(written(tmp_path, f"{HEADER}\n{rows}\n"))
    assert found is None
    codes = [problem.code for problem in problems]
    assert codes == ["legend.code", "legend.stratum", "legend.group", "legend.colour"]
    message = next(iter(problems)).text("en")
    assert "line 2, 3, 4, 5, 6 … and 4 more" in message
    assert "9 rows" in message


def test_group_names_get_the_nearest(tmp_path: Path) -> None:
    rows = "1,forest,a,林,forest_land,urban-green,#000001"
    _, problems = load(written(tmp_path, f"{HEADER}\n{rows}\n"))
    assert "urban_green" in next(iter(problems)).part("found", "en")


def test_markup_in_names_is_kept_as_text(tmp_path: Path) -> None:
    name = "<img src=x onerror=alert(1)>"
    found, problems = load(
        written(tmp_path, f"{HEADER}\n1,forest,{name},=HYPERLINK(1),forest_land,forest,#000001\n")
    )
    assert not len(problems)
    assert found is not None
    assert found.classes[0].name_en == name


cell = st.text(max_size=12) | st.sampled_from(["1", "forest", "nodata", "#000001", *GROUPS, *IPCC])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(cell, min_size=7, max_size=7), min_size=1, max_size=5))
def test_any_table_is_a_legend_or_a_problem(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    lines = [",".join('"' + c.replace('"', '""') + '"' for c in row) for row in rows]
    data = "\n".join([HEADER, *lines]).encode("utf-8", "surrogatepass")
    folder = tmp_path_factory.mktemp("legend")
    (folder / "legend.csv").write_bytes(data)
    found, problems = load(folder / "legend.csv")
    assert (found is None) == (len(problems) > 0)
    if found is None:
        return
    assert parse_rows(data, COLUMNS, shown="", problems=Problems()) is not None
    assert all(found.group_of(stratum) in GROUPS for stratum in found.strata)
    assert len(set(found.codes)) == len(found.codes)


# -- versions


def test_two_versions_are_no_change_pair() -> None:
    problems = Problems("en")
    check_versions("ESA_WorldCover", [2020, 2021], allow=False, problems=problems)
    (problem,) = problems
    assert (problem.code, str(problem.severity)) == ("legend.versions", "ERROR")
    assert "2020: v100, 2021: v200" in problem.text("en")
    assert "allow_version_change" in problem.text("en")


def test_two_versions_are_told_when_forced() -> None:
    problems = Problems("en")
    check_versions("esa_worldcover", [2020, 2021], allow=True, problems=problems)
    (problem,) = problems
    assert str(problem.severity) == "WARN"


@pytest.mark.parametrize(
    ("name", "years"),
    [("esa_worldcover", [2020]), ("clcd", [2010, 2020]), ("my legend.csv", [2020, 2021])],
)
def test_one_version_is_fine(name: str, years: list[int]) -> None:
    problems = Problems()
    check_versions(name, years, allow=False, problems=problems)
    assert not len(problems)
