"""The example province: one file of at most 15 MB whose first paint takes less than two seconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

MEGABYTES = 15
SECONDS = 2.0


def test_the_example_is_small_and_soon_seen(show: Callable[..., Any], example: Path) -> None:
    path = example / "out" / "map.html"
    assert path.stat().st_size <= MEGABYTES * 1e6
    taken = []
    for _ in range(3):
        page = show(path)
        page.wait_for_selector("html.ready")
        paint = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
        taken.append(float(page.evaluate(paint)) / 1000)
    assert min(taken) < SECONDS, "the best of three: other programs may use the processor, too"
