"""Inputs that nobody thought of: whatever the bytes, clean problems or a clean result.

In continuous integration the same few hundred inputs every time. By hand, many times as many and
another seed each time: ``SINKS_FUZZ=100 python -m pytest tests/hostile/test_fuzz.py``.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sinks.biomass.table import load_density_table
from sinks.checks import Problems, Severity
from sinks.legend import load_legend
from sinks.regions import load_regions
from sinks.run import check_study
from sinks.study import RegionsConfig, load_study
from tests.hostile.base import DENSITY, STUDY, counties, raster, unfilled, write_good
from tests.tiny import LEGEND

TIMES = int(os.environ.get("SINKS_FUZZ", "0"))


def fuzz(examples: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return the settings of a fuzzed test of so many examples."""
    return settings(
        max_examples=examples * max(TIMES, 1),
        deadline=None,
        derandomize=not TIMES,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fuzz") / "study"
    write_good(path)
    return path


#: What people and machines put where something else belongs.
PIECES = st.one_of(
    st.sampled_from(
        ["", " ", '"', "'", '"""', ",", ";", "\t", "\n", "\r\n", "=", "[", "]", "{", "}", "[[", "#",
         "0", "-1", "1e999", "nan", "inf", "true", "2010-01-01", "0x1f", "1_0", "\ufeff", "\x00",
         "\u202e", "../", "%s", "{0}", "=1+1", "<b>", "１", "，", "99999999999999999999", "森林"]
    ),
    st.text(max_size=6),
    st.integers().map(str),
    st.floats().map(str),
)  # fmt: skip
#: Where, how many characters go, and what comes instead.
EDITS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), PIECES), min_size=1, max_size=4)


def edited(text: str, edits: list[tuple[float, int, str]]) -> str:
    """Return a text with some pieces replaced."""
    for where, length, piece in edits:
        at = int(where * len(text))
        text = text[:at] + piece + text[at + length :]
    return text


def clean(problems: Problems, *, refused: bool) -> None:
    """Check that an answer is one: problems told in full, and an error if nothing was read."""
    assert bool(problems.of(Severity.ERROR)) >= refused
    for problem in problems:
        assert not unfilled(problem.text("zh").replace("{0}", ""))
        assert problem.text("en").strip()
        assert problem.as_dict()["expected"]


def raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


@fuzz(150)
@given(edits=EDITS)
def test_study(folder: Path, edits: list[tuple[float, int, str]]) -> None:
    problems = Problems()
    content = raw(edited(STUDY, edits))
    study = load_study(folder / "study.toml", problems, content=content)
    clean(problems, refused=study is None)


@fuzz(100)
@given(edits=EDITS, encoding=st.sampled_from(["utf-8", "gb18030", "utf-16"]))
def test_legend(folder: Path, edits: list[tuple[float, int, str]], encoding: str) -> None:
    content = edited(LEGEND, edits).encode(encoding, "replace")
    (folder / "fuzzed.csv").write_bytes(content)
    problems = Problems()
    legend = load_legend("fuzzed.csv", base=folder, problems=problems)
    clean(problems, refused=legend is None)
    if legend is not None:
        assert legend.codes
        assert all(legend.group_of(stratum) for stratum in legend.strata)


@fuzz(100)
@given(edits=EDITS)
def test_densities(folder: Path, edits: list[tuple[float, int, str]]) -> None:
    (folder / "fuzzed.csv").write_bytes(raw(edited(DENSITY, edits)))
    problems = Problems()
    strata = {1: "forest", 2: "crop", 3: "lake", 4: "town"}
    rows = load_density_table("fuzzed.csv", base=folder, stratum_of=strata, problems=problems)
    clean(problems, refused=rows is None)
    assert all(row.value >= 0 for row in rows or ())


@fuzz(60)
@given(edits=EDITS)
def test_geojson(folder: Path, edits: list[tuple[float, int, str]]) -> None:
    document = counties().to_crs("EPSG:4490").to_json()
    (folder / "fuzzed.geojson").write_bytes(raw(edited(document, edits)))
    problems = Problems()
    config = RegionsConfig(path="fuzzed.geojson", code="code", name="name")
    regions = load_regions(config, base=folder, problems=problems)
    clean(problems, refused=regions is None)


#: Bytes to put somewhere: single bits, and the numbers that break readers.
BYTES = st.one_of(
    st.binary(min_size=1, max_size=4),
    st.sampled_from([b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f"]),
)
PATCHES = st.lists(st.tuples(st.floats(0, 1), BYTES), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Return small rasters whose headers differ."""
    folder = tmp_path_factory.mktemp("seeds")
    kinds: list[dict[str, Any]] = [
        {}, {"compress": "deflate"}, {"compress": "lzw", "predictor": 2, "bigtiff": "yes"},
        {"tiled": True, "blockxsize": 16, "blockysize": 16, "endianness": "big"},
    ]  # fmt: skip
    return [raster(folder, **kind).read_bytes() for kind in kinds]


@fuzz(60)
@given(which=st.integers(0, 3), patches=PATCHES, keep=st.sampled_from([1.0, 1.0, 1.0, 0.9, 0.5]))
def test_geotiff(
    folder: Path, seeds: list[bytes], which: int, patches: list[tuple[float, bytes]], keep: float
) -> None:
    """Most of a small file is its header; data come last, and are few."""
    data = bytearray(seeds[which])
    for where, piece in patches:
        at = int(where * (len(data) - len(piece)))
        data[at : at + len(piece)] = piece
    study = folder.parent / "raster"
    if not study.exists():
        shutil.copytree(folder, study)
    (study / "lc2015.tif").write_bytes(data[: int(keep * len(data))])
    clean(check_study(study / "study.toml"), refused=False)
