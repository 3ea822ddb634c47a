"""The map in a real browser, from disk, without a network: what a reader sees and does."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from PIL import Image
from pyproj import Geod
from rasterio.warp import transform

from sinks.layers.paint import density_colours
from sinks.maps import write_map
from sinks.publish import publish
from tests.map_sample import CODES, HOSTILE, LEGEND, NAMES, PER_HECTARE, YEARS, areas, sample, stock

Show = Callable[..., Any]


@pytest.fixture(scope="module")
def map_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("map")
    path = folder / "map.html"
    write_map(sample(folder), path)
    return path


@pytest.fixture
def page(show: Show, map_file: Path) -> Any:
    return ready(show(map_file))


def ready(page: Any) -> Any:
    page.wait_for_selector("html.ready")
    return page


def choose_layer(page: Any, name: str) -> None:
    page.check(f"input[name=layer][value={name}]", force=True)


def card_values(page: Any) -> list[float]:
    return [
        float(v) for v in page.eval_on_selector_all("[data-region] data", "e=>e.map(x=>x.value)")
    ]


def click_region(page: Any, code: str) -> None:
    """Click the map where the region's name stands."""
    index = CODES.index(code)
    box = page.locator("path.leaflet-interactive").nth(index).bounding_box()
    page.mouse.click(box["x"] + box["width"] / 3, box["y"] + box["height"] / 2)


def test_first_view_says_what_it_is(page: Any) -> None:
    body = page.inner_text("body")
    for words in (
        "合成示例 · synthetic example",
        "内部使用，未经地图审核",
        "样例 <b>&amp;</b> 碳汇",
    ):
        assert words in body
    assert page.get_attribute("html", "lang") == "zh-CN"
    assert page.locator(".leaflet-attribution-flag").count() == 0
    assert page.locator(".leaflet-tile").count() == 0
    assert page.locator("path.leaflet-interactive").count() == len(CODES)


def test_click_on_the_map_opens_the_county_card(page: Any) -> None:
    click_region(page, "0301")
    card = page.locator('[data-region="0301"]')
    assert card.count() == 1
    assert "江岸区" in card.inner_text()
    values = card_values(page)
    gain = stock(0, 2020) - stock(0, 2010)
    for value in (stock(0, 2020), gain, gain + 70, -70.0, gain - 10, 10.0, areas(0, 2020)["pine"]):
        assert any(math.isclose(value, shown) for shown in values), value
    page.keyboard.press("Escape")
    assert page.locator("[data-region]").count() == 0


@pytest.mark.parametrize("code", CODES)
def test_hostile_names_are_text_everywhere(page: Any, code: str) -> None:
    name = NAMES[CODES.index(code)]
    click_region(page, code)
    assert page.inner_text(f'[data-region="{code}"] h2') == name
    assert page.inner_text(f'[data-code="{code}"] .name') == name
    assert page.inner_text(".sinks-tip strong") == name
    assert name in page.locator(".sinks-name").all_inner_texts()
    assert page.locator("body img, body b, body u, body i > img").count() == 0


def test_no_name_becomes_an_element(page: Any) -> None:
    choose_layer(page, "landcover")
    pictures = page.eval_on_selector_all("img", "e=>e.map(x=>x.src.slice(0,22))")
    assert set(pictures) == {"data:image/webp;base64"}
    assert "49" not in page.inner_text(".ranking")


def test_numbers_equal_the_tables_in_every_unit(page: Any) -> None:
    row = page.locator('[data-code="420684"] data')
    value = stock(2, 2020)
    factors = {
        "t_c": 1,
        "t_co2": 44 / 12,
        "wan_t_c": 1e-4,
        "wan_t_co2": 44e-4 / 12,
        "mt_co2": 44e-6 / 12,
    }
    for unit, factor in factors.items():
        page.select_option("[data-key=carbon]", unit)
        shown = float(row.inner_text().replace(",", ""))
        assert shown == pytest.approx(value * factor, rel=5e-4), unit
        assert float(row.get_attribute("value")) == value
    page.select_option("[data-key=carbon]", "t_c")
    page.select_option("[data-key=area]", "mu")
    choose_layer(page, "density")
    shown = float(row.inner_text().replace(",", ""))
    assert shown == pytest.approx(value / 9500 / 15, rel=5e-4)
    assert page.inner_text(".legend summary .unit") == "t C/亩"


def test_layers_years_and_periods_change_map_legend_and_list(page: Any) -> None:
    expected = {
        "stock": stock(0, 2020),
        "density": stock(0, 2020) / 9500,
        "change": stock(0, 2020) - stock(0, 2010),
        "rate": (stock(0, 2020) - stock(0, 2010)) / 9500,
        "target": 25 * 400 / 40_000,
        "uncertainty": 0.2,
        "landcover": areas(0, 2020)["pine"],
    }
    fills = {}
    for name, value in expected.items():
        choose_layer(page, name)
        shown = float(page.get_attribute('[data-code="0301"] data', "value"))
        assert shown == pytest.approx(value), name
        assert page.inner_text(".chip input:checked + span") in page.inner_text(".legend summary")
        fills[name] = page.get_attribute("path.leaflet-interactive >> nth=0", "fill")
        if name != "landcover":
            counts = page.locator(".classes li:not(:has(.hatch)) .count").all_inner_texts()
            assert sum(int(count) for count in counts) == len(CODES), name
    assert len({fills[name] for name in ("stock", "change", "uncertainty")}) == 3
    choose_layer(page, "change")
    page.click("text=2015–2020")
    shown = float(page.get_attribute('[data-code="0301"] data', "value"))
    assert shown == pytest.approx(stock(0, 2020) - stock(0, 2015))


def test_changes_are_symmetric_and_hatched_where_not_detectable(page: Any) -> None:
    choose_layer(page, "change")
    rows = [
        row
        for row in page.locator(".classes li span:first-of-type").all_inner_texts()
        if "不可检出" not in row
    ]
    limits = [row.replace("−", "-") for row in rows]
    assert len(limits) % 2 == 1
    assert limits[0].split()[0] == limits[-1].split()[-1].lstrip("-")
    fill = page.get_attribute("path.leaflet-interactive >> nth=2", "fill")
    assert fill.startswith("url(#sinks-hatch-")
    assert page.locator(f"{fill[4:-1]} rect").count() == 2
    click_region(page, "420684")
    assert page.locator("[data-region] .badge.unsure").count() == 1


def test_search_finds_by_name_code_and_parent(page: Any) -> None:
    def found(words: str) -> list[str]:
        page.fill("input[type=search]", words)
        rows: list[str] = page.eval_on_selector_all(
            ".ranking li button", "e=>e.map(x=>x.dataset.code)"
        )
        return rows

    assert found("宜城") == ["420684"]
    assert found("0302") == ["0302"]
    assert found("jianganqu") == found("Jiang An") == found("jaq") == ["0301"]
    assert found("yicheng") == ["420684"]
    assert set(found("乙市")) == {"420684", "__proto__"}
    assert found("<img") == ["0302"]
    assert found("nowhere") == []
    assert page.inner_text(".ranking .empty") != ""
    assert page.locator(".targets").is_hidden(), "what is found stands right below the field"
    assert found("0302")[0] == "0302"
    assert page.locator(".targets").is_hidden()
    found("江岸")
    page.press("input[type=search]", "Enter")
    assert page.locator('[data-region="0301"]').count() == 1


def test_language_switch_says_the_same_in_english(page: Any) -> None:
    click_region(page, "0302")
    before = card_values(page)
    page.click("button[lang=en]")
    assert page.get_attribute("html", "lang") == "en-GB"
    body = page.inner_text("body")
    assert "Carbon stock 2020" in body
    assert "内部使用，未经地图审核" in body
    assert card_values(page) == before
    known = {"样", "例", "碳", "汇", "江", "岸", "区", "宜", "城", "市", "甲", "乙"}
    panel = page.inner_text(".figures") + page.inner_text(".controls") + page.inner_text(".legend")
    assert not {sign for sign in panel if "\u4e00" <= sign <= "\u9fff"} - known


def test_keyboard_reaches_everything(page: Any) -> None:
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.type") == "search"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    code = page.evaluate("document.activeElement.dataset.code")
    page.keyboard.press("Enter")
    assert page.get_attribute("[data-region]", "data-region") == code
    assert page.evaluate("document.activeElement.id") == "sinks-card-title"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.dataset.code") == code
    page.focus("input[value=stock]")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.value") == "density"
    assert "单位面积储量" in page.inner_text(".legend summary")


def test_address_keeps_the_view(show: Show, map_file: Path) -> None:
    page = ready(show(map_file, part="#lang=en&layer=change&region=420684"))
    assert page.locator('[data-region="420684"]').count() == 1
    assert page.inner_text(".legend summary strong").startswith("Change")
    page = ready(show(map_file, part="#lang=xx&layer=__proto__&region=%3Cimg%3E"))
    assert page.locator("[data-region]").count() == 0


def test_card_tells_causes_rank_and_the_chain_behind_the_stock(page: Any) -> None:
    choose_layer(page, "change")
    click_region(page, "0301")
    text = page.inner_text("[data-region]")
    assert "第 4 位，共 4 个（95% 区间第 3 至 4 位）" in text
    values = card_values(page)
    gain = stock(0, 2020) - stock(0, 2010)
    assert values.count(gain / 2) == 2
    assert gain / 8 in values  # the part of new forest that error alone could make
    assert "仅误差可造成" in text
    assert "新增森林" in text
    assert "其他土地" not in text
    lines = page.locator(".why details")
    assert lines.count() == 3
    summary = [
        float(v) for v in lines.first.locator("summary data").evaluate_all("e=>e.map(x=>x.value)")
    ]
    assert summary == pytest.approx([areas(0, 2020)["pine"], 25.0, areas(0, 2020)["pine"] * 25.0])
    lines.first.locator("summary").click()
    assert "<b>A</b> (转引)" in lines.first.inner_text().replace("（", "(")


def test_measure_is_right_on_the_ellipsoid(page: Any) -> None:
    """A square of the study's corners, against the geodesic library."""
    page.click("[data-key=measure]")
    name = page.evaluate("document.querySelector('.folium-map').id")
    corners = [(30.02, 112.02), (30.02, 112.18), (30.18, 112.18), (30.18, 112.02)]
    page.evaluate(
        "([name, corners]) => corners.forEach(([lat, lng]) =>"
        " window[name].fire('click', {latlng: L.latLng(lat, lng)}))",
        [name, [list(corner) for corner in corners]],
    )
    values = [float(v) for v in page.locator(".measure data").evaluate_all("e=>e.map(x=>x.value)")]
    ring = shapely.Polygon([(lon, lat) for lat, lon in corners])
    area, _ = Geod(ellps="WGS84").geometry_area_perimeter(ring)
    length = Geod(ellps="WGS84").line_length(*zip(*[(x, y) for y, x in corners], strict=True))
    assert values[0] == pytest.approx(length / 1000, rel=1e-4)
    assert values[1] == pytest.approx(abs(area) / 1e4, rel=1e-3)
    assert values[2] == pytest.approx(values[1] * 15)
    click_region(page, "0301")
    assert page.locator("[data-region]").count() == 0, "a click measures and opens no card"
    page.keyboard.press("Escape")
    assert page.locator(".measure").is_hidden()


def test_pointer_reads_coordinates_and_the_cell(page: Any, map_file: Path) -> None:
    choose_layer(page, "landcover")
    name = page.evaluate("document.querySelector('.folium-map').id")
    strata = {row.code: row.name_zh for row in LEGEND.classes} | {4: "松林"}
    with rasterio.open(map_file.parent / "rasters" / f"{YEARS[-1]}.tif") as raster:
        values = raster.read(1)
        for row, column in ((50, 50), (130, 201), (200, 90)):
            x, y = raster.xy(row, column)
            lon, lat = transform(raster.crs, "EPSG:4326", [x], [y])
            page.evaluate(
                "([name, lat, lng]) =>"
                " window[name].fire('mousemove', {latlng: L.latLng(lat, lng)})",
                [name, lat[0], lon[0]],
            )
            page.wait_for_selector(".pointer strong")
            page.wait_for_function(
                "words => document.querySelector('.pointer').textContent.includes(words)",
                arg=f"{lon[0]:.4f}° E, {lat[0]:.4f}° N · {strata[int(values[row, column])]}",
            )


def test_address_keeps_year_and_base_map_needs_a_key(show: Show, tmp_path: Path) -> None:
    results = sample(tmp_path, pictures=False)
    key = {"basemap": "tianditu", "key": "0123456789abcdef"}
    results.meta["settings"] = {"map": key}
    write_map(results, tmp_path / "map.html")
    page = ready(show(tmp_path / "map.html", part="#year=2010&period=2015-2020"))
    assert page.inner_text(".legend summary strong").endswith("2010")
    assert page.get_attribute("[data-key=base]", "aria-pressed") == "false"
    assert page.locator(".leaflet-tile").count() == 0, "no tile is asked for before the reader does"
    policy = page.get_attribute("meta[http-equiv]", "content")
    assert "img-src data: https://*.tianditu.gov.cn;" in policy


def test_opacity_slider_is_not_replaced_while_it_moves(page: Any) -> None:
    handle = page.query_selector("[data-key=opacity]")
    handle.evaluate("e => { e.value = 40; e.dispatchEvent(new Event('input')); }")
    assert handle.evaluate("e => e.isConnected")
    assert page.get_attribute("path.leaflet-interactive >> nth=0", "fill-opacity") == "0.4"


def test_printing_makes_one_sheet_of_the_map(page: Any) -> None:
    """By the button or the browser's own menu, whatever the width of the window."""
    click_region(page, "0301")
    page.evaluate(
        "() => { const part = name => document.querySelector(`[data-part=${name}]`);"
        " const shown = node => node.getClientRects().length > 0;"
        " addEventListener('beforeprint', () => { window.sheet ="
        " [document.body.clientWidth, ...['legend', 'corner', 'card', 'ranking', 'find']"
        " .map(name => shown(part(name)))]; }); }"
    )
    pages = page.pdf(prefer_css_page_size=True).count(b"/Type /Page\n")
    assert page.evaluate("window.sheet") == [1040, True, True, True, False, False]
    assert pages == 1
    assert not page.evaluate("document.documentElement.classList.contains('printing')")


def test_two_years_can_be_compared(page: Any) -> None:
    choose_layer(page, "landcover")
    page.click("text=两期对比")
    assert page.inner_text(".legend summary strong") == "土地覆盖 2015 | 2020"
    assert page.inner_text(".classes li:first-child .two").split() == ["2015", "2020"]
    assert page.locator(".leaflet-image-layer").count() == 2
    assert page.locator(".swipe span").all_inner_texts() == ["2015", "2020"]
    before = page.evaluate("document.querySelector('.leaflet-sinks-right-pane').style.clipPath")
    page.focus(".swipe")
    page.keyboard.press("ArrowRight")
    after = page.evaluate("document.querySelector('.leaflet-sinks-right-pane').style.clipPath")
    assert before.startswith("polygon(")
    assert before != after


@pytest.mark.parametrize("layer", ["landcover", "carbon"])
def test_pixel_on_the_map_is_the_class_in_the_raster(page: Any, map_file: Path, layer: str) -> None:
    """At ten random places: what the screen shows there is what the raster holds there."""
    choose_layer(page, layer)
    page.eval_on_selector(
        "[data-key=opacity]", "e => { e.value = 100; e.dispatchEvent(new Event('input')); }"
    )
    colours = {row.code: row.colour for row in LEGEND.classes}
    if layer == "carbon":
        ramp = density_colours()
        high = max(PER_HECTARE[2020].values())
        held = {row.code: PER_HECTARE[2020][row.stratum] for row in LEGEND.classes}
        index = {code: round(1 + 254 * value / high) for code, value in held.items()}
        colours = {code: "#{:02x}{:02x}{:02x}".format(*ramp[i]) for code, i in index.items()}
    generator = np.random.default_rng(7)
    name = page.evaluate("document.querySelector('.folium-map').id")
    with rasterio.open(map_file.parent / "rasters" / f"{YEARS[-1]}.tif") as raster:
        values = raster.read(1)
        for row, column in generator.integers(20, 260, size=(10, 2)):
            x, y = raster.xy(row, column)
            lon, lat = transform(raster.crs, "EPSG:4326", [x], [y])
            page.evaluate(
                "([name, place]) => { const map = window[name];"
                " map.setView(place, 15, {animate: false}); }",
                [name, [lat[0], lon[0]]],
            )
            box = page.locator(".folium-map").bounding_box()
            middle = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
            # Off the very middle, so that no border of a region crosses the sample.
            shot = page.screenshot(clip={**middle, "width": 1, "height": 1})
            seen = Image.open(io.BytesIO(shot)).convert("RGB").getpixel((0, 0))
            assert "#{:02x}{:02x}{:02x}".format(*seen) == colours[int(values[row, column])]


@pytest.mark.parametrize("layer", ["stock", "landcover"])
def test_phone_has_no_sideways_scroll_and_the_card_fits(
    show: Show, map_file: Path, layer: str
) -> None:
    page = ready(show(map_file, width=390, height=844, part=f"#layer={layer}"))
    wide = "document.documentElement.scrollWidth <= window.innerWidth"
    assert page.evaluate(wide)
    page.locator('[data-code="0302"]').click()
    card = page.locator("[data-region]").bounding_box()
    assert card["x"] >= 0
    assert card["width"] <= 390
    assert card["y"] + card["height"] <= 845
    assert page.evaluate(wide)
    assert page.inner_text("[data-region] h2") == HOSTILE
    assert page.locator("[data-region] .close").bounding_box()["width"] >= 40


def test_study_without_targets_intervals_pictures_or_parents(show: Show, tmp_path: Path) -> None:
    results = sample(
        tmp_path, pictures=False, targets=[], parents=[], draws=1, map_approval="鄂S(2024)001号"
    )
    for name, columns in {
        "regions": ("low_t_c", "high_t_c"),
        "change": ("low_t_c", "high_t_c"),
    }.items():
        results.tables[name].loc[:, list(columns)] = float("nan")
    path = tmp_path / "map.html"
    write_map(results, path)
    page = ready(show(path))
    layers = page.eval_on_selector_all("input[name=layer]", "e=>e.map(x=>x.value)")
    assert layers == ["stock", "density", "change", "rate"]
    assert "审图号：鄂S(2024)001号" in page.inner_text(".corner")
    click_region(page, "0301")
    assert page.locator("[data-region] .badge").count() == 0
    assert not page.is_visible(".targets")


def test_site_opens_from_disk_with_its_tiles_and_pages(show: Show, tmp_path: Path) -> None:
    results = sample(tmp_path / "run")
    (tmp_path / "run" / "manifest.json").write_text("{}", encoding="utf-8")
    (tmp_path / "run" / "tables").mkdir()
    index = publish(results, tmp_path / "site")
    page = ready(show(index, part="#layer=landcover"))
    page.wait_for_function(
        "[...document.querySelectorAll('.leaflet-image-layer')]"
        ".some(image => image.complete && image.naturalWidth === 256)"
    )
    page.click("text=两期对比")
    assert page.locator(".swipe span").all_inner_texts() == ["2015", "2020"]
    page.locator('[data-code="0302"]').click()
    page.click(".card .note a")
    page.wait_for_selector("h1")
    assert page.inner_text("h1") == HOSTILE
    page.click(".back a")
    ready(page)
    assert page.locator('[data-region="0302"]').count() == 1
