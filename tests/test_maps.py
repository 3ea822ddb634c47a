"""The map as a file: what it holds, what it must never hold, and that it is always the same."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from itertools import combinations
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely

from sinks.errors import OutputFailed
from sinks.escape import script_data
from sinks.maps import render_map, write_map
from sinks.maps.data import map_data, map_strings
from sinks.maps.geometry import region_shapes, rings_of
from sinks.maps.page import SCRIPTS, STATIC
from sinks.maps.story import sounds
from sinks.palettes import AMOUNT, CHANGES, DIVERGING, UNCERTAINTY
from sinks.results import Results
from tests.conftest import ROOT, SHARED, needs_shared
from tests.map_sample import CODES, HOSTILE, META, NAMES, sample, stock


class Reader(HTMLParser):
    """Collects elements, and the text of scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {"script": [], "style": [], "json": [], "title": []}
        self._open: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        is_json = tag == "script" and dict(attrs).get("type") == "application/json"
        self._open = "json" if is_json else tag if tag in self.texts else None
        if self._open:
            self.texts[self._open].append("")

    def handle_endtag(self, tag: str) -> None:
        self._open = None

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts[self._open][-1] += data


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return sample(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def document(results: Results) -> str:
    return render_map(results)


@pytest.fixture(scope="module")
def read(document: str) -> Reader:
    reader = Reader()
    reader.feed(document)
    return reader


@pytest.fixture(scope="module")
def data(results: Results) -> dict[str, Any]:
    return map_data(results)


# One file, no network, no chance


def test_nothing_is_loaded_from_anywhere(document: str, read: Reader) -> None:
    for tag, attributes in read.elements:
        assert tag not in {"link", "iframe", "object", "embed", "base", "img"}
        assert "src" not in attributes
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
    addresses = set(re.findall(r"https?://[\w./-]+", document))
    # Leaflet's credit, a note in its style sheet, names of XML vocabularies: nothing fetches them.
    assert addresses <= {
        "https://leafletjs.com",
        "https://bugzilla.mozilla.org/show_bug.cgi",
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    assert not re.search(r"url\((?!#|\\?\$|`)", "".join(read.texts["style"]))
    assert "sourceMappingURL" not in document
    for name in ("jquery", "bootstrap", "awesome", "cdn."):
        assert name not in document.lower()


def test_folium_carries_the_map(read: Reader) -> None:
    classes = [attributes.get("class") for _, attributes in read.elements]
    assert classes.count("folium-map") == 1


def test_policy_stands_first_and_admits_only_this_page(read: Reader) -> None:
    metas = [
        (tag, attributes) for tag, attributes in read.elements if tag in {"meta", "script", "style"}
    ]
    assert metas[0][1] == {"charset": "utf-8"}
    assert metas[1][1]["http-equiv"] == "Content-Security-Policy"
    policy = str(metas[1][1]["content"])
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert not re.search(r"https?:|\*|'self'", policy)
    for tag in ("script", "style"):
        for text in read.texts[tag]:
            digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            assert f"'sha256-{digest}'" in policy


def test_same_results_same_bytes_in_any_process(results: Results, tmp_path: Path) -> None:
    write_map(results, tmp_path / "here.html")
    code = (
        "from pathlib import Path; from sinks.maps import write_map; "
        "from tests.map_sample import sample; import sys; "
        "folder = Path(sys.argv[1]); write_map(sample(folder), folder / 'there.html')"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=ROOT,
        check=True,
        env={"PYTHONHASHSEED": "7"},
    )
    assert (tmp_path / "here.html").read_bytes() == (tmp_path / "there.html").read_bytes()


def test_names_from_data_are_never_markup(document: str, read: Reader) -> None:
    assert HOSTILE not in document
    assert "<b>" not in document
    assert document.count("</script>") == len(re.findall("<script", document))
    assert read.texts["title"] == [META["study"]["title"]]
    parsed = json.loads(read.texts["json"][0])
    assert parsed["regions"]["0302"]["name"] == HOSTILE
    assert [parsed["regions"][code]["name"] for code in CODES] == list(NAMES)


def test_script_data_keeps_the_value() -> None:
    value = {"a<b>&": "\u2028\u2029</script><!-- é 碳"}
    written = str(script_data(value))
    assert json.loads(written) == value
    assert not set(written) & set("<>&\u2028\u2029")


def test_what_no_map_may_lack(results: Results, document: str, tmp_path: Path) -> None:
    page = document.rsplit("</style>", maxsplit=1)[-1]
    assert "内部使用，未经地图审核" in page
    assert "合成示例 · synthetic example" in page
    approved = render_map(
        sample(tmp_path, pictures=False, synthetic=False, map_approval="鄂S(2024)<001>号")
    )
    corner = re.search(r'data-part="corner">(.*?)</p>', approved)
    assert corner is not None
    assert corner.group(1) == "审图号：鄂S(2024)&lt;001&gt;号"


def test_run_without_regions_is_refused_in_words(results: Results) -> None:
    bare = Results(results.root, results.meta, results.tables, gpd.GeoDataFrame())
    with pytest.raises(OutputFailed, match=r"regions\.gpkg"):
        map_data(bare)


# The numbers are the tables'


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"overlays": [{"name": "reserves", "replaces": []}]}, False),
        ({"overlays": [{"name": "lakes", "replaces": ["water"]}]}, True),
        ({"wetland": {"seasonal": ["water"]}}, True),
    ],
)
def test_pictures_say_where_tables_count_other_strata(
    results: Results, settings: dict[str, Any], told: bool
) -> None:
    meta = {**results.meta, "settings": settings}
    own = map_data(Results(results.root, meta, results.tables, results.regions))
    assert own["study"]["asMapped"] is told


def test_numbers_are_the_tables_own(data: dict[str, Any], results: Results) -> None:
    assert data["codes"] == list(CODES)
    for i, code in enumerate(CODES):
        region = data["regions"][code]
        assert region["years"]["2015"]["stock"] == stock(i, 2015)
        assert region["years"]["2015"]["low"] == pytest.approx(0.8 * stock(i, 2015))
        assert region["changes"]["2010-2020"]["change"] == stock(i, 2020) - stock(i, 2010)
        assert region["shared"] == 9500.0
    assert data["whole"]["years"]["2020"]["stock"] == sum(stock(i, 2020) for i in range(4))
    assert data["whole"]["shared"] == 38_000.0
    assert data["study"]["periods"] == ["2010-2020", "2010-2015", "2015-2020"]


def test_strata_count_area_once_and_all_pools(data: dict[str, Any]) -> None:
    area, held = data["regions"]["0301"]["strata"]["2020"]["pine"]
    assert (area, held) == (1400.0, 1400.0 * 25)
    assert data["whole"]["strata"]["2020"]["lake"] == [2000.0, 0.0]
    for i, code in enumerate(CODES):
        parts = data["regions"][code]["strata"]["2015"].values()
        assert sum(part[1] for part in parts) == pytest.approx(stock(i, 2015))


def test_region_without_a_share_shows_its_part_of_the_whole(data: dict[str, Any]) -> None:
    targets = [data["regions"][code]["targets"]["forest-carbon"] for code in CODES]
    assert {target["share"] for target in targets} == {None}
    whole = data["whole"]["targets"]["forest-carbon"]
    assert sum(target["part"] for target in targets) == pytest.approx(whole["share"])
    assert whole["required"] == 40_000.0


def test_a_share_of_the_land_is_no_part_of_the_whole(tmp_path: Path) -> None:
    results = sample(tmp_path, pictures=False)
    results.tables["targets"]["unit"] = "%"
    for own in map_data(results)["regions"].values():
        assert [target["part"] for target in own["targets"].values()] == [None]


def test_names_are_found_by_every_common_reading() -> None:
    names = ["曾都区", "长阳县", "吕梁市", "Wyoming", "甲A市"]
    heads = {name: {"name": name, "parents": ["随州市"]} for name in names}
    assert sounds(heads) == {
        "曾都区": "ceng|zeng dou|du qu",
        "长阳县": "chang|zhang yang xian",
        "吕梁市": "lu|lv liang shi",
        "甲A市": "jia a shi",
        "随州市": "sui zhou shi",
    }


def test_moves_are_the_largest_conversions(data: dict[str, Any]) -> None:
    assert data["regions"]["0301"]["moves"]["2010-2020"] == [["paddy", "pine", 400.0, 9000.0]]
    assert data["regions"]["__proto__"]["moves"]["2010-2020"][0][:2] == ["pine", "paddy"]


def test_one_draw_has_nothing_to_detect(tmp_path: Path) -> None:
    results = sample(tmp_path, pictures=False, draws=1)
    table = results.tables["change"]
    for column in ("low_t_c", "high_t_c"):  # as a run writes them
        table[column] = table["change_t_c"]
    own = map_data(results)["regions"]["0301"]
    assert own["changes"]["2010-2020"]["low"] is None
    assert own["changes"]["2010-2020"]["detectable"] is None
    assert own["years"]["2020"]["low"] is None
    assert own["years"]["2020"]["stock"] is not None


# The shapes


def drawn_shapes(made: dict[str, Any]) -> list[shapely.MultiPolygon]:
    """Return the shapes of the regions from the steps of their rings."""
    return [
        shapely.MultiPolygon(
            [
                shapely.Polygon(rings[0], rings[1:])
                for rings in (rings_of(polygon, made["decimals"]) for polygon in polygons)
            ]
        )
        for polygons in made["shapes"]
    ]


def test_neighbours_keep_one_border(data: dict[str, Any]) -> None:
    shapes = drawn_shapes(data)
    assert data["codes"] == list(CODES)
    union = shapely.union_all(shapes)
    assert union.area == pytest.approx(0.04, rel=1e-6)
    assert sum(item.area for item in shapes) == pytest.approx(union.area, rel=1e-9)
    assert np.array(data["bounds"]) == pytest.approx(np.array([[30.0, 112.0], [30.2, 112.2]]))
    assert set(data["outlines"]) == {"study", "city"}
    lat, lon = data["labels"]["0301"][0]
    assert (lat, lon) == pytest.approx((30.15, 112.05), abs=2e-3)


def test_ten_metre_study_keeps_its_shape() -> None:
    """InVEST's case is ten metres wide: rounding for a province would make it a point."""
    square = shapely.box(500_000, 3_300_000, 500_010, 3_300_010)
    frame = gpd.GeoDataFrame({"region_code": ["a"]}, geometry=[square], crs="EPSG:32649")
    made = region_shapes(frame, [])
    drawn = drawn_shapes(made)[0]
    assert drawn.area == pytest.approx(frame.to_crs("EPSG:4326").geometry.iloc[0].area, rel=1e-3)


@needs_shared
def test_hubei_is_light_and_has_no_gaps() -> None:
    frame = gpd.read_file(SHARED / "data" / "boundaries" / "hubei_counties_wgs84.geojson")
    frame = frame.rename(columns={"code": "region_code"})
    made = region_shapes(frame, ["city"])
    shapes = drawn_shapes(made)
    assert len(shapes) == 103
    assert len(script_data(made)) < 2_000_000
    union = shapely.union_all(shapely.make_valid(np.array(shapes)))
    true = frame.geometry.to_numpy()
    assert union.area == pytest.approx(shapely.union_all(true).area, rel=1e-4)
    for drawn, given in zip(shapes, true, strict=True):
        assert drawn.area == pytest.approx(given.area, rel=0.01)


# The scripts


def test_every_sentence_the_scripts_say_is_in_the_table() -> None:
    keys = map_strings()["en"]
    for path in STATIC.glob("*.js"):
        text = path.read_text(encoding="utf-8")
        for key in re.findall(r"\bt\(\"([\w.]+)\"", text):
            assert key in keys, f"{path.name}: {key}"
        for prefix in re.findall(r"\bt\(`([\w.]+\.)\$\{", text):
            assert any(key.startswith(prefix) for key in keys), f"{path.name}: {prefix}"


def test_scripts_are_short_and_all_in_use() -> None:
    files = {path.stem: path.read_text(encoding="utf-8") for path in STATIC.glob("*.js")}
    assert set(files) == set(SCRIPTS)
    for name, text in files.items():
        assert len(text.splitlines()) <= 250, name
        assert max(len(line) for line in text.splitlines()) <= 120, name
        assert not re.search(
            r"innerHTML|insertAdjacent|document\.write|\beval\b|new Function", text
        )


# The colours

#: Full deficiency by Machado, Oliveira & Fernandes (2009), IEEE TVCG 15(6), for linear sRGB.
DEFICIENCIES = {
    "none": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
               [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
               [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
               [0.004733, 0.691367, 0.303900]],
}  # fmt: skip
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def lab(colour: str, deficiency: str) -> np.ndarray:
    """Return CIE L*a*b* (D65) of a colour as a reader with the deficiency sees it."""
    channels = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.array(DEFICIENCIES[deficiency]) @ linear, 0, 1)
    scaled = XYZ @ seen / np.array([0.9505, 1.0, 1.089])
    f = np.where(scaled > (6 / 29) ** 3, np.cbrt(scaled), scaled / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_steps_are_told_apart_by_every_reader(deficiency: str) -> None:
    for ramp in (AMOUNT, UNCERTAINTY, DIVERGING[3:], DIVERGING[3::-1]):
        steps = np.array([lab(colour, deficiency) for colour in ramp])
        assert (np.diff(steps[:, 0]) < -4).all(), "lightness falls from step to step"
        assert (np.linalg.norm(np.diff(steps, axis=0), axis=1) > 8).all()
    for loss, gain in zip(DIVERGING[:3], DIVERGING[:3:-1], strict=True):
        assert np.linalg.norm(lab(loss, deficiency) - lab(gain, deficiency)) > 15
    assert len(DIVERGING) % 2 == 1


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_changes_are_told_apart_by_every_reader(deficiency: str) -> None:
    """Gain and loss of forest above all: green and red are one to one man in twelve."""
    seen = [lab(colour, deficiency) for colour in CHANGES.values()]
    for a, b in combinations(seen, 2):
        assert np.linalg.norm(a - b) > 30
