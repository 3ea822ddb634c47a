"""Sub-compartments of a site in a real browser: drawn from tiles, clicked, found by their id."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest

from sinks.maps import coarse, write_map
from sinks.publish import publish
from sinks.publish import site as site_module
from tests.many_regions import many
from tests.map_sample import NAMES, sample, stock
from tests.test_stands_site import MODEL, grid_of

HOSTILE = "<img src=x onerror=alert(3)>"


@pytest.fixture(scope="module")
def polygons() -> gpd.GeoDataFrame:
    """Return 10,000 squares over the four regions of the sample; one id is a weapon."""
    frame = grid_of(100, 200.0).to_crs("EPSG:4326")
    west, south, east, north = frame.total_bounds
    scale = [0.2 / (east - west), 0, 0, 0.2 / (north - south)]
    moved = frame.geometry.affine_transform([*scale, 112 - west * scale[0], 30 - south * scale[3]])
    frame = frame.set_geometry(moved, crs="EPSG:4326")
    frame.loc[4242, "polygon_id"] = HOSTILE
    return frame


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, polygons: gpd.GeoDataFrame) -> Path:
    root = tmp_path_factory.mktemp("run")
    results = sample(root)
    polygons.to_file(root / "subcompartments.gpkg", layer="subcompartments_2010", driver="GPKG")
    (root / "tables").mkdir()
    (root / "manifest.json").write_text("{}", encoding="utf-8")
    results.meta["stands"] = [
        {"layer": "subcompartments_2010", "years": [2010, 2020], "file": "xb.gpkg", "model": MODEL}
    ]
    return publish(results, tmp_path_factory.mktemp("site"))


@pytest.fixture
def page(show: Callable[..., Any], site: Path) -> Any:
    page = show(site, online=True, part="#layer=stands")
    page.wait_for_selector("html.ready")
    return page


def facts(page: Any) -> list[float]:
    return [
        float(v) for v in page.eval_on_selector_all("[data-stand] data", "e=>e.map(x=>x.value)")
    ]


def test_ten_clicks_say_what_the_file_says(page: Any, polygons: gpd.GeoDataFrame) -> None:
    name = page.evaluate("document.querySelector('.folium-map').id")
    for k in np.random.default_rng(11).choice(len(polygons), 10, replace=False):
        row = polygons.iloc[k]
        place = row.geometry.centroid
        page.evaluate(
            "([name, lat, lng]) => window[name].fire('click', {latlng: L.latLng(lat, lng)})",
            [name, place.y, place.x],
        )
        page.wait_for_selector(f'[data-stand="{row["row"]}"]')
        card = page.inner_text("[data-stand]")
        assert row["polygon_id"] in card
        assert "马尾松" in card
        assert "幼龄林" in card
        shown = facts(page)
        for value in (row["stock_t_c"], row["stock_t_c"] / 4, row["volume_m3_ha"], 4.0):
            assert any(abs(value - one) < 1e-9 + 1e-3 * value for one in shown), (value, shown)
    page.keyboard.press("Escape")
    assert page.locator("[data-stand]").count() == 0


def test_polygons_are_painted_in_the_colours_of_the_legend(page: Any) -> None:
    page.wait_for_function("document.querySelectorAll('canvas.leaflet-tile-loaded').length > 3")
    colours = page.eval_on_selector_all(
        ".classes .swatch", "e => e.map(x => getComputedStyle(x).backgroundColor)"
    )
    assert len(colours) >= 4
    seen = page.evaluate(
        """() => [...document.querySelectorAll("canvas.leaflet-tile-loaded")].flatMap(canvas => {
            const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            const found = new Set();
            for (let k = 0; k < data.length; k += 4) {
                const [red, green, blue, opacity] = data.slice(k, k + 4);
                if (opacity === 255) found.add(`rgb(${red}, ${green}, ${blue})`);
            }
            return [...found];
        })"""
    )
    assert set(colours) <= set(seen)


def test_search_finds_an_id_and_a_weapon_is_text(page: Any) -> None:
    page.fill("input[type=search]", "00777")
    page.click(".row.stand")
    page.wait_for_selector('[data-stand="778"]')
    assert page.evaluate("document.activeElement.id") == "sinks-card-title"
    page.fill("input[type=search]", HOSTILE)
    page.click(".row.stand")
    page.wait_for_selector('[data-stand="4243"]')
    assert HOSTILE in page.inner_text("[data-stand] h2")
    page.fill("input[type=search]", "constructor")
    page.wait_for_timeout(300)
    assert page.locator(".row.stand").count() == 0


def test_from_disk_the_legend_says_what_to_do(show: Callable[..., Any], site: Path) -> None:
    page = show(site, part="#layer=stands&lang=en")
    page.wait_for_selector("html.ready")
    assert "python -m http.server" in page.inner_text(".legend .note")


def test_thousands_of_regions_are_drawn_and_clicked_on_a_canvas(
    show: Callable[..., Any], tmp_path: Path
) -> None:
    write_map(many(tmp_path, 1200), tmp_path / "map.html")
    page = show(tmp_path / "map.html", part="#layer=change")
    page.wait_for_selector("html.ready")
    assert page.locator("path.leaflet-interactive").count() == 0
    assert page.locator(".ranking ol button").count() == 200
    page.click(".more")
    assert page.locator(".ranking ol button").count() == 400
    name = page.evaluate("document.querySelector('.folium-map').id")
    spot = page.evaluate(
        "name => { const {x, y} = window[name].latLngToContainerPoint([30.01, 112.03]);"
        " const box = window[name].getContainer().getBoundingClientRect();"
        " return [x + box.left, y + box.top]; }",
        name,
    )
    page.mouse.click(*spot)
    page.wait_for_selector("[data-region]")
    region = page.get_attribute("[data-region]", "data-region")
    across = 35
    row, column = divmod(int(region), across)
    side = 2 / across
    assert 111 + side * column <= 112.03 <= 111 + side * (column + 1)
    assert 31 - side * (row + 1) <= 30.01 <= 31 - side * row
    assert "attribution" in page.inner_text("[data-region]")


def test_regions_of_a_site_that_are_too_many_are_clicked_one_by_one(
    show: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coarse, "MOST", 3)
    monkeypatch.setattr(site_module, "MOST", 3)
    results = sample(tmp_path / "run", pictures=False)
    (tmp_path / "run" / "tables").mkdir(parents=True)
    (tmp_path / "run" / "manifest.json").write_text("{}", encoding="utf-8")
    index = publish(results, tmp_path / "site")
    page = show(index, online=True, part="#layer=units")
    page.wait_for_selector("html.ready")
    assert "共 4 个单元" in page.inner_text(".head")
    name = page.evaluate("document.querySelector('.folium-map').id")
    page.evaluate("name => window[name].fire('click', {latlng: L.latLng(30.15, 112.15)})", name)
    page.wait_for_selector("[data-stand]")
    assert page.inner_text("[data-stand] h2") == NAMES[1]
    shown = facts(page)
    change = stock(1, 2020) - stock(1, 2010)
    for value in (stock(1, 2020), change, 9600.0):
        assert any(abs(value - one) < 1e-6 * abs(value) for one in shown), value
    page.fill("input[type=search]", "0302")
    page.click(".row.stand")
    page.wait_for_selector("[data-stand]")
