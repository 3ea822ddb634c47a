"""Every page of a run whose names are all weapons, in a real browser: nothing runs, all is shown.

A dialog, a message on the console or a request of any page fails the test (`show`).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sinks.publish import publish
from sinks.results import Results
from tests.hostile import names


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return names.run(tmp_path_factory.mktemp("names"))


def strangers(page: Any) -> list[str]:
    """Return elements that only a name could have made."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll("*")].filter(element =>
            [...element.attributes].some(a => a.name.startsWith("on"))
            || (element.tagName === "IMG" && !element.src.startsWith("data:"))
        ).map(element => element.outerHTML.slice(0, 120))"""
    )
    return found


def test_map(show: Callable[..., Any], out: Path) -> None:
    page = show(out / "map.html")
    page.wait_for_selector("html.ready")
    for code, name in zip(names.CODES, names.NAMES, strict=True):
        page.evaluate("code => document.querySelector(`[data-code=${CSS.escape(code)}]`)", code)
        row = page.locator("[data-code]").filter(has_text=name)
        row.first.click()
        assert name in page.locator("[data-region]").first.inner_text()
        assert page.locator("[data-region]").first.get_attribute("data-region") == code
    assert names.TITLE in page.title()
    assert strangers(page) == []


def test_report(show: Callable[..., Any], out: Path) -> None:
    page = show(out / "report.html")
    text = page.inner_text("body")
    for words in (*names.NAMES, names.IMAGE, names.TITLE):
        assert words in text
    assert page.title().startswith("碳汇 </script>")
    assert strangers(page) == []


def test_site(show: Callable[..., Any], out: Path, tmp_path: Path) -> None:
    publish(Results.open(out, "en"), tmp_path / "site")
    for path in sorted((tmp_path / "site").rglob("*.html")):
        page = show(path)
        page.wait_for_load_state("load")
        assert strangers(page) == [], path.name
