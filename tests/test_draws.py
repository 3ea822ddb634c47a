"""Draws: what a Latin hypercube promises, moments by known answers, streams that never move."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinks.draws import probabilities, quantiles, summarise, usual_distribution

NAME = "density/forest_enf/agb"


@given(name=st.text(max_size=30), seed=st.integers(0, 2**63 - 1), count=st.integers(1, 300))
@settings(max_examples=60, deadline=None)
def test_every_slice_has_one_draw(name: str, seed: int, count: int) -> None:
    p = probabilities(name, seed=seed, count=count)
    assert p.shape == (count,)
    assert sorted(np.floor(p * count).astype(int).tolist()) == list(range(count))
    assert (p > 0).all()
    assert (p < 1).all()


def test_one_draw_is_the_central_value() -> None:
    assert probabilities(NAME, seed=7, count=1).tolist() == [0.5]
    for distribution in ("fixed", "normal", "lognormal"):
        one = quantiles(np.array([0.5]), value=20.0, se=8.0, distribution=distribution)
        assert one.tolist() == [20.0]


def test_the_stream_of_a_name_and_a_seed_never_changes() -> None:
    assert probabilities(NAME, seed=20101231, count=5).tolist() == [
        0.35767061060175614,
        0.16221649115322906,
        0.7246199767128534,
        0.8637135736207128,
        0.5903404244490236,
    ]
    assert probabilities(NAME, seed=20101231, count=2).tolist() == [0.75, 0.25]


def test_other_names_and_seeds_have_other_streams() -> None:
    own = probabilities(NAME, seed=1, count=100)
    assert not np.array_equal(own, probabilities(NAME, seed=2, count=100))
    assert not np.array_equal(own, probabilities("density/forest_enf/bgb", seed=1, count=100))
    # The seed and the name are not run together: seed 1 of "1x" is not seed 11 of "x".
    joined = probabilities("x", seed=11, count=100)
    assert not np.array_equal(probabilities("1x", seed=1, count=100), joined)


def test_drawing_other_names_in_between_moves_nothing() -> None:
    before = probabilities(NAME, seed=3, count=50)
    for other in ("a", "b", "county/420112"):
        probabilities(other, seed=3, count=50)
    assert np.array_equal(before, probabilities(NAME, seed=3, count=50))


def test_streams_of_two_names_are_not_correlated() -> None:
    streams = np.stack([probabilities(f"p{i}", seed=5, count=1000) for i in range(20)])
    off = np.corrcoef(streams)[~np.eye(20, dtype=bool)]
    assert np.abs(off).max() < 4.5 / math.sqrt(1000)


def test_normal_moments_at_a_thousand_draws() -> None:
    values = quantiles(
        probabilities(NAME, seed=11, count=1000), value=50.0, se=5.0, distribution="normal"
    )
    assert values.mean() == pytest.approx(50.0, abs=5.0 * 1e-3)  # plain draws: 0.16
    assert values.std(ddof=1) == pytest.approx(5.0, rel=5e-3)


def test_lognormal_has_the_mean_and_the_error_that_were_asked_for() -> None:
    p = (np.arange(200_000) + 0.5) / 200_000
    values = quantiles(p, value=30.0, se=15.0, distribution="lognormal")
    assert (values > 0).all()
    assert values.mean() == pytest.approx(30.0, rel=1e-4)
    assert values.std() == pytest.approx(15.0, rel=5e-3)
    # The median of a lognormal of mean m and relative error c is m / sqrt(1 + c²).
    assert np.median(values) == pytest.approx(30.0 / math.sqrt(1.25), rel=1e-6)


def test_quantiles_of_a_normal_from_its_table() -> None:
    values = quantiles(np.array([0.025, 0.975]), value=0.0, se=2.0, distribution="normal")
    assert values.tolist() == pytest.approx([-3.919928, 3.919928], abs=1e-6)


def test_fixed_values_do_not_vary() -> None:
    p = probabilities(NAME, seed=1, count=10)
    assert set(quantiles(p, value=4.0, se=9.0, distribution="fixed").tolist()) == {4.0}


@pytest.mark.parametrize(
    ("value", "se", "expected"),
    [
        (10.0, 0.0, "fixed"),
        (10.0, math.nan, "fixed"),
        (10.0, 1.5, "normal"),
        (10.0, 1.6, "lognormal"),
        (-10.0, 9.0, "normal"),
        (0.0, 1.0, "normal"),
    ],
)
def test_usual_distribution(value: float, se: float, expected: str) -> None:
    assert usual_distribution(value, se) == expected


def test_summary_of_known_draws() -> None:
    draws = np.stack([np.arange(101.0), np.full(101, 7.0)])
    spread = summarise(draws, level=0.9)
    assert spread.low.tolist() == pytest.approx([5.0, 7.0])
    assert spread.high.tolist() == pytest.approx([95.0, 7.0])
    assert spread.se.tolist() == pytest.approx([math.sqrt(101 * 102 / 12), 0.0])


def test_summary_of_one_draw_has_no_spread() -> None:
    spread = summarise(np.array([[3.0]]), level=0.95)
    assert (spread.se.item(), spread.low.item(), spread.high.item()) == (0.0, 3.0, 3.0)
