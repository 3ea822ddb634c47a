"""Activity data: from quanta by path to hectares by stratum, with every cell accounted for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinks.joint import JointTable
from sinks.landcover.activity import (
    NO_DATA,
    UNKNOWN,
    Activity,
    activity,
    pairs_of,
    strata_of_symbols,
    unknown_symbols,
)
from sinks.legend import LandClass, Legend
from sinks.symbols import NODATA_SYMBOL, UNKNOWN_SYMBOL, symbols


def land_class(code: int, stratum: str) -> LandClass:
    return LandClass(
        code=code, stratum=stratum, name_en=stratum, name_zh=stratum, ipcc="forest_land",
        group="forest", colour="#000000", source="", confidence="",
    )  # fmt: skip


#: Two codes of one stratum; 0 is the legend's own no data.
LEGEND = Legend(
    "test",
    (
        land_class(1, "forest"),
        land_class(2, "crop"),
        land_class(3, "forest"),
        land_class(9, "lake"),
    ),
    frozenset({0}),
)
YEARS = (2010, 2015, 2020)
BYTES = symbols(LEGEND.codes, [0], dtype="uint8")


def table(rows: dict[tuple[int, tuple[int, ...]], int], *, outside: list[int]) -> JointTable:
    """Return a joint table with areas of 2,500 m² per quantum, a quarter of a hectare."""
    paths = sorted({path for _, path in rows})
    keys = sorted(rows)
    return JointTable(
        years=YEARS,
        region=np.array([region for region, _ in keys], np.int64),
        path=np.array([paths.index(path) for _, path in keys], np.int64),
        area=np.array([rows[key] for key in keys], np.int64),
        paths=np.array(paths, np.uint8).reshape(len(paths), len(YEARS)),
        outside=np.array(outside, np.int64),
        quantum=2500.0,
    )


def lookup_of(nodata: dict[int, int | None] | None = None) -> Any:
    return strata_of_symbols(LEGEND, BYTES, nodata=nodata or dict.fromkeys(YEARS, 255), years=YEARS)


def areas_of(joint: JointTable, codes: tuple[str, ...] = ("01", "02")) -> Activity:
    return activity(joint, lookup_of(), strata=LEGEND.strata, codes=codes)


# ---------------------------------------------------------------- strata of symbols


def test_strata_of_bytes() -> None:
    lookup = lookup_of({2010: None, 2015: 255, 2020: 2})
    assert lookup.shape == (3, 256)
    assert lookup[:, 1].tolist() == [0, 0, 0]
    assert lookup[:, 3].tolist() == [0, 0, 0], "two codes, one stratum"
    assert lookup[:, 9].tolist() == [2, 2, 2]
    assert lookup[:, 2].tolist() == [1, 1, NO_DATA], "a file's no data holds for its year alone"
    assert lookup[:, 0].tolist() == [NO_DATA] * 3
    assert lookup[:, 255].tolist() == [UNKNOWN, NO_DATA, UNKNOWN]
    assert lookup[:, NODATA_SYMBOL].tolist() == [UNKNOWN] * 3, "254 is a code like any other"
    assert (lookup[:, 10:200] == UNKNOWN).all()


def test_strata_of_wider_types() -> None:
    wide = symbols(LEGEND.codes, [0], dtype="int16")
    lookup = strata_of_symbols(LEGEND, wide, nodata={2010: None, 2015: 9}, years=(2010, 2015))
    assert lookup[0, :4].tolist() == [0, 1, 0, 2]
    assert lookup[1, :4].tolist() == [0, 1, 0, NO_DATA]
    assert (lookup[:, NODATA_SYMBOL] == NO_DATA).all()
    assert (lookup[:, UNKNOWN_SYMBOL] == UNKNOWN).all()
    assert (lookup[:, 4:NODATA_SYMBOL] == UNKNOWN).all()


def test_codes_that_no_class_has_are_counted_in_hectares() -> None:
    joint = table(
        {(0, (1, 77, 1)): 8, (0, (2, 77, 88)): 4, (1, (88, 1, 1)): 2, (1, (1, 255, 0)): 100},
        outside=[0, 0],
    )
    assert list(unknown_symbols(joint, lookup_of())) == [
        (2010, 88, 0.5),
        (2015, 77, 3.0),
        (2020, 88, 1.0),
    ]


# ---------------------------------------------------------------- worked by hand


def worked() -> Activity:
    return areas_of(
        table(
            {
                (0, (1, 1, 1)): 40,  # forest all the time
                (0, (1, 3, 2)): 8,  # forest under two codes, then cropland
                (0, (2, 1, 0)): 4,  # valid in two years of three
                (1, (9, 9, 9)): 20,
                (1, (255, 255, 9)): 12,
                (1, (0, 255, 0)): 4,
            },
            outside=[0, 2],
        )
    )


def test_areas_are_of_the_land_that_is_valid_in_every_year() -> None:
    area = worked().area
    assert area.dims == ("region", "stratum", "year")
    assert area["stratum"].values.tolist() == ["forest", "crop", "lake"]
    assert area.sel(region="01").values.tolist() == [[12, 12, 10], [0, 0, 2], [0, 0, 0]]
    assert area.sel(region="02", stratum="lake").values.tolist() == [5, 5, 5]


def test_transitions_of_every_pair() -> None:
    moves = worked().transitions
    assert list(moves) == [(2010, 2015), (2015, 2020), (2010, 2020)]
    for pair, out_of_forest in ((2010, 2015), 0), ((2015, 2020), 2), ((2010, 2020), 2):
        first = moves[pair].sel(region="01", from_stratum="forest")
        assert first.sel(to_stratum="crop").item() == out_of_forest
        assert first.sum().item() == 12
        assert moves[pair].sel(region="01", from_stratum="crop").sum() == 0


def test_coverage_accounts_for_all_land() -> None:
    coverage = worked().coverage
    assert coverage["inside"].values.tolist() == [13, 9]
    assert coverage["outside"].values.tolist() == [0, 0.5]
    assert coverage["common_valid"].values.tolist() == [12, 5]
    assert coverage["valid"].values.tolist() == [[13, 13, 12], [5, 5, 8]]
    assert coverage["nodata"].values.tolist() == [[0, 0, 1], [4, 4, 1]]


def test_strata_that_do_not_occur_are_left_out() -> None:
    areas = areas_of(table({(0, (9, 9, 9)): 4, (1, (9, 9, 2)): 4}, outside=[0, 0]))
    assert areas.area["stratum"].values.tolist() == ["crop", "lake"], "in the legend's order"


def test_a_county_without_common_land() -> None:
    areas = areas_of(table({(0, (1, 1, 0)): 4, (1, (0, 1, 1)): 8}, outside=[0, 0]))
    assert areas.area.shape == (2, 0, 3)
    assert areas.coverage["common_valid"].values.tolist() == [0, 0]
    assert areas.coverage["valid"].values.tolist() == [[1, 1, 0], [0, 2, 2]]


def test_regions_that_miss_the_rasters() -> None:
    areas = areas_of(table({}, outside=[4, 0]))
    assert areas.coverage["inside"].values.tolist() == [0, 0]
    assert areas.coverage["outside"].values.tolist() == [1, 0]
    assert areas.area.shape == (2, 0, 3)


@pytest.mark.parametrize(
    ("years", "pairs"),
    [
        ([2015, 2010], [(2010, 2015)]),
        ([1, 2, 3], [(1, 2), (2, 3), (1, 3)]),
        ([4, 1, 3, 2], [(1, 2), (2, 3), (3, 4), (1, 4)]),
    ],
)
def test_pairs(years: list[int], pairs: list[tuple[int, int]]) -> None:
    assert pairs_of(years) == pairs


# ---------------------------------------------------------------- closure


SYMBOLS = st.sampled_from([0, 1, 2, 3, 9, 255])


@given(
    rows=st.dictionaries(
        st.tuples(st.integers(0, 2), st.tuples(SYMBOLS, SYMBOLS, SYMBOLS)),
        st.integers(0, 2**55),
        max_size=40,
    ),
    outside=st.lists(st.integers(0, 2**50), min_size=3, max_size=3),
)
@settings(max_examples=50, deadline=None)
def test_everything_adds_up(
    rows: dict[tuple[int, tuple[int, ...]], int], outside: list[int]
) -> None:
    joint = table(rows, outside=outside)
    areas = areas_of(joint, ("a", "b", "c"))
    close = {"rtol": 1e-14, "atol": 1e-6 * max(1, sum(rows.values())) * 1e-9}
    coverage = areas.coverage
    total = np.zeros(3)
    np.add.at(total, joint.region, joint.area.astype(float) * 0.25)
    np.testing.assert_allclose(coverage["inside"].values, total, **close)
    for year in YEARS:
        of_year = coverage.sel(year=year)
        np.testing.assert_allclose(of_year["valid"] + of_year["nodata"], of_year["inside"], **close)
        common = areas.area.sel(year=year).sum("stratum")
        np.testing.assert_allclose(common, coverage["common_valid"], **close)
        assert (of_year["valid"] + 1e-9 >= coverage["common_valid"]).all()
    for (start, end), moved in areas.transitions.items():
        before, after = areas.area.sel(year=start), areas.area.sel(year=end)
        np.testing.assert_allclose(moved.sum("to_stratum"), before.values, **close)
        np.testing.assert_allclose(moved.sum("from_stratum"), after.values, **close)
    assert (areas.area >= 0).all()
