"""By keyboard and screen reader, on a phone, from disk and on a site: names, order, corners."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sinks.maps import write_map
from sinks.publish import publish
from tests.map_sample import sample

Show = Callable[..., Any]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with `map.html` and `site/index.html` of the same run."""
    root = tmp_path_factory.mktemp("run")
    results = sample(root)
    (root / "tables").mkdir()
    (root / "manifest.json").write_text("{}", encoding="utf-8")
    write_map(results, root / "map.html")
    publish(results, root / "site")
    return root


@pytest.fixture(params=["map", "site"])
def opened(request: pytest.FixtureRequest, show: Show, run: Path) -> Callable[..., Any]:
    """Open the map from disk, or the site from a server."""
    if request.param == "map":
        return lambda **how: ready(show(run / "map.html", **how))
    return lambda **how: ready(show(run / "site" / "index.html", online=True, **how))


def ready(page: Any) -> Any:
    page.wait_for_selector("html.ready")
    return page


@pytest.mark.parametrize("language", ["zh", "en"])
def test_everything_that_can_be_used_has_a_name(opened: Callable[..., Any], language: str) -> None:
    page = opened(part=f"#lang={language}&layer=landcover&region=0301")
    page.check("[data-key=compare]", force=True)
    tree = page.locator("body").aria_snapshot()
    roles = r"button|slider|combobox|searchbox|textbox|radio|checkbox|link|dialog|region|img"
    unnamed = re.findall(rf"^\s*- (?:{roles})(?:\s*\[[^\]]*\])*:?\s*$", tree, flags=re.M)
    assert not unnamed, tree
    for role in ("main", "navigation", "dialog", "slider", "searchbox", "radio", "group"):
        assert re.search(rf"- {role}\b", tree), role
    assert page.locator("h1").count() == 1
    positive = page.eval_on_selector_all("[tabindex]", "e => e.filter(x => x.tabIndex > 0).length")
    assert positive == 0, "the order of the page is the order of the focus"


def test_focus_goes_from_the_skip_link_through_the_page_in_order(
    opened: Callable[..., Any],
) -> None:
    page = opened()
    order = []
    for _ in range(40):
        page.keyboard.press("Tab")
        order.append(
            page.evaluate(
                "() => { const part = document.activeElement.closest('[data-part]');"
                " return part ? part.dataset.part : document.activeElement.className; }"
            )
        )
        if order[-1] == "ranking":
            break
    assert order[0] == "skip"
    parts = list(dict.fromkeys(order[1:]))
    wanted = [name for name in ("head", "controls", "tools", "legend", "ranking") if name in parts]
    assert [name for name in parts if name in wanted] == wanted
    assert {"head", "controls", "tools", "ranking"} <= set(parts)


def test_years_slide_by_keyboard_and_say_so(opened: Callable[..., Any]) -> None:
    page = opened(part="#layer=stock&year=2010")
    page.focus("input[data-key=year]")
    before = page.inner_text(".figures .kpi")
    for year in ("2015", "2020"):
        page.keyboard.press("ArrowRight")
        assert page.get_attribute("input[data-key=year]", "aria-valuetext") == year
        assert year in page.inner_text(".legend summary")
        assert page.evaluate("document.activeElement.dataset.key") == "year"
    assert page.inner_text(".figures .kpi") != before


def test_swipe_is_a_slider_between_its_ends(opened: Callable[..., Any]) -> None:
    page = opened(part="#layer=landcover")
    page.check("[data-key=compare]", force=True)
    page.focus(".swipe")
    for _ in range(60):
        page.keyboard.press("ArrowLeft")
    assert page.get_attribute(".swipe", "role") == "slider"
    assert page.get_attribute(".swipe", "aria-valuenow") == "2"
    box, stage = page.locator(".swipe").bounding_box(), page.locator(".folium-map").bounding_box()
    assert stage["x"] <= box["x"] + box["width"] / 2 <= stage["x"] + 0.03 * stage["width"]
    page.mouse.move(box["x"] + box["width"] / 2, stage["y"] + stage["height"] / 2)
    page.mouse.down()
    page.mouse.move(stage["x"] + stage["width"] * 0.75, stage["y"] + stage["height"] / 2)
    page.mouse.up()
    assert abs(int(page.get_attribute(".swipe", "aria-valuenow")) - 75) <= 1


def test_phone_layout(opened: Callable[..., Any]) -> None:
    page = opened(width=390, height=844, part="#layer=landcover&lang=en")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    small = page.eval_on_selector_all(
        ".chip, .tools button, .search input",
        "e => e.filter(x => x.getBoundingClientRect().height < 36).map(x => x.textContent)",
    )
    assert small == [], "too small for a finger"


def test_pictures_lie_on_their_known_corners(show: Show, run: Path) -> None:
    """North-western corner and size of a cell on the screen, against the projection's formula."""
    page = ready(show(run / "map.html", part="#layer=landcover"))
    data = json.loads(page.inner_text("#sinks-data") or page.text_content("#sinks-data"))
    layer = next(own for own in data["layers"] if own["name"] == "landcover-2020")
    name = page.evaluate("document.querySelector('.folium-map').id")
    for zoom in (11.3, 13):
        corners = page.evaluate(
            """([name, [[south, west], [north, east]], zoom]) => {
                const map = window[name];
                map.setView([(south + north) / 2, (west + east) / 2], zoom, {animate: false});
                const box = map.getContainer().getBoundingClientRect();
                return [[north, west], [south, east]].map(place => {
                    const {x, y} = map.latLngToContainerPoint(place);
                    return [x + box.left, y + box.top];
                });
            }""",
            [name, layer["bounds"], zoom],
        )
        page.wait_for_timeout(400)
        boxes = page.eval_on_selector_all(
            ".leaflet-image-layer",
            "e => e.map(x => { const b = x.getBoundingClientRect();"
            " return [b.left, b.top, b.right, b.bottom]; })",
        )
        assert min(b[0] for b in boxes) == pytest.approx(corners[0][0], abs=1)
        assert min(b[1] for b in boxes) == pytest.approx(corners[0][1], abs=1)
        assert max(b[2] for b in boxes) == pytest.approx(corners[1][0], abs=1)
        assert max(b[3] for b in boxes) == pytest.approx(corners[1][1], abs=1)
