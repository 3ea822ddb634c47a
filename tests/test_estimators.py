"""Design-based estimators: hand-worked cases, all samples of small populations, real plots."""

from __future__ import annotations

import csv
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.biomass.estimators import (
    Estimate,
    change_between,
    clusters,
    combine,
    post_stratified,
    ratio_of_means,
    simple_random,
    stratified,
    two_phase,
)
from tests.conftest import SHARED, needs_shared

amounts = st.lists(st.floats(-100, 100, width=32), min_size=2, max_size=12)


def test_simple_random_by_hand() -> None:
    found = simple_random([2.0, 4.0, 6.0, 8.0])
    assert found.value[0] == 5.0
    # s² = (9 + 1 + 1 + 9) / 3, over n = 4
    assert found.covariance[0, 0] == pytest.approx(20 / 3 / 4)
    assert found.plots == 4
    assert found.estimable


def test_finite_population_leaves_no_error_when_all_is_measured() -> None:
    assert simple_random([1.0, 5.0, 9.0], population=3).se[0] == 0.0


def test_variance_is_right_on_average_over_all_samples() -> None:
    """Of every sample of 3 of 6, the mean estimated variance is the variance of the means."""
    land = [1.0, 4.0, 4.5, 9.0, 11.0, 30.0]
    found = [simple_random(sample, population=6) for sample in combinations(land, 3)]
    means = np.array([item.value[0] for item in found])
    assert means.mean() == pytest.approx(np.mean(land))
    assert np.mean([item.covariance[0, 0] for item in found]) == pytest.approx(means.var())


def test_stratified_variance_over_all_samples() -> None:
    """As above, with both strata sampled; plots are drawn anew each time (no correction)."""
    low, high = [1.0, 2.0, 6.0], [20.0, 30.0]
    found = [
        stratified([*one, *other], ["a"] * 2 + ["b"] * 2, weights={"a": 3, "b": 2})
        for one in product(low, repeat=2)
        for other in product(high, repeat=2)
    ]
    means = np.array([item.value[0] for item in found])
    assert means.mean() == pytest.approx(np.mean(low + high))
    assert np.mean([item.covariance[0, 0] for item in found]) == pytest.approx(means.var())


def test_post_stratified_by_hand() -> None:
    """Stratum a: 10, 14 (mean 12, v = 4); b: 0, 0, 3 (mean 1, v = 1); shares 0.4 and 0.6."""
    found = post_stratified([10, 14, 0, 0, 3], list("aabbb"), weights={"a": 40, "b": 60})
    assert found.value[0] == pytest.approx(0.4 * 12 + 0.6 * 1)
    first = 0.4 * 2 * 4 + 0.6 * 3 * 1
    second = 0.6 * 2 / 5 * 4 + 0.4 * 3 / 5 * 1
    assert found.covariance[0, 0] == pytest.approx((first + second) / 5)


def test_two_phase_by_hand() -> None:
    """The sample above with 8 and 12 points of the first phase."""
    found = two_phase([10, 14, 0, 0, 3], list("aabbb"), counts={"a": 8, "b": 12})
    within = 7 / 19 * 0.4 * 4 + 11 / 19 * 0.6 * 1
    between = (0.4 * (12 - 5.4) ** 2 + 0.6 * (1 - 5.4) ** 2) / 19
    assert found.covariance[0, 0] == pytest.approx(within + between)
    sure = two_phase([10, 14, 0, 0, 3], list("aabbb"), counts={"a": 8e12, "b": 12e12})
    exact = stratified([10, 14, 0, 0, 3], list("aabbb"), weights={"a": 8, "b": 12})
    assert sure.se[0] == pytest.approx(exact.se[0])


def test_clusters_by_hand() -> None:
    """Two clusters: 6 t on 2 ha, 2 t on 2 ha; R = 2, residuals ±2."""
    found = clusters([1, 5, 2], [1, 1, 2], cluster=["x", "x", "y"])
    assert found.value[0] == 2.0
    assert found.covariance[0, 0] == pytest.approx(2 / 1 * (4 + 4) / 16)


def test_clusters_of_one_plot_are_a_simple_random_sample() -> None:
    y = [3.0, 8.0, 1.0, 7.5]
    assert clusters(y, [1] * 4, cluster=range(4)).se == pytest.approx(simple_random(y).se)


def test_ratio_of_means_by_hand() -> None:
    """With y = 2, 10 and x = 1, 3: R = 3, residuals y − 3x = −1, 1; v = 2/(2·1)/4."""
    found = ratio_of_means(simple_random([[2, 1], [10, 3]]))
    assert found.value.tolist() == [3.0]
    assert found.covariance[0, 0] == pytest.approx(1 / 4)


def test_change_counts_the_covariance() -> None:
    """Every plot grew by 5 exactly: the change is certain, whatever the stocks are."""
    found = change_between(simple_random([[10, 15], [100, 105], [40, 45]]))
    assert found.value[0] == pytest.approx(5)
    assert found.se[0] == pytest.approx(0, abs=1e-9)


@given(amounts)
def test_one_stratum_is_no_stratum(y: list[float]) -> None:
    plain, names = simple_random(y), ["all"] * len(y)
    for found in (
        stratified(y, names, weights={"all": 7.0}), post_stratified(y, names, weights={"all": 7.0})
    ):  # fmt: skip
        assert found.value == pytest.approx(plain.value)
        assert found.covariance == pytest.approx(plain.covariance)


@given(amounts, st.floats(0.01, 100))
def test_units_scale_through(y: list[float], factor: float) -> None:
    """Cubic feet or cubic metres: value by the factor, variance by its square."""
    one, other = simple_random(y), simple_random(np.array(y) * factor)
    assert other.value == pytest.approx(one.value * factor, abs=1e-6)
    assert other.se == pytest.approx(one.se * factor, abs=1e-6)


@given(amounts)
def test_change_agrees_with_the_differences(y: list[float]) -> None:
    later = [value * 1.3 + place for place, value in enumerate(y)]
    paired = change_between(simple_random(np.column_stack([y, later])))
    differences = simple_random(np.array(later) - np.array(y))
    assert paired.value == pytest.approx(differences.value, abs=1e-9)
    assert paired.se == pytest.approx(differences.se, rel=1e-5, abs=1e-5)


def test_one_plot_is_not_estimable() -> None:
    assert not simple_random([5.0]).estimable
    assert np.isnan(simple_random([5.0]).se[0])
    found = stratified([1, 2, 9], ["a", "a", "b"], weights={"a": 1, "b": 1})
    assert found.short == ("b",)
    assert not found.estimable
    assert found.value[0] == pytest.approx((1.5 + 9) / 2)
    empty = post_stratified([1, 2], ["a", "a"], weights={"a": 1, "b": 1})
    assert np.isnan(empty.value[0])
    assert empty.short == ("b",)


def test_what_cannot_be_estimated_is_refused() -> None:
    with pytest.raises(ValueError, match="missing"):
        simple_random([1.0, np.nan])
    with pytest.raises(ValueError, match="weight"):
        stratified([1, 2], ["a", "z"], weights={"a": 1})
    with pytest.raises(ValueError, match="weight"):
        stratified([1, 2], ["a", "a"], weights={"a": 0})
    with pytest.raises(ValueError, match="strata"):
        post_stratified([1, 2], ["a"], weights={"a": 1})
    with pytest.raises(ValueError, match="two points"):
        two_phase([1, 2], ["a", "a"], counts={"a": 1})
    with pytest.raises(ValueError, match="unit"):
        combine([])


def test_units_add_in_quadrature() -> None:
    one = Estimate(np.array([1.0]), np.array([[9.0]]), 5).total(2.0)
    found = combine([one, one])
    assert found.value[0] == 4.0
    assert found.se[0] == pytest.approx(np.sqrt(72))
    assert found.plots == 10


@needs_shared
def test_bartlett_forest_two_dates() -> None:
    """437 permanent plots of Bartlett Experimental Forest, 1991–92 and 2001–03.

    The paired error is far below that of two samples taken for independent, and equals that of
    the plots' differences, which statistics of the standard library give here.
    """
    from statistics import mean, stdev

    path = SHARED / "data/inventory/bartlett/bartlett_bef_1991_2002.csv"
    with path.open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    tonnes = np.array([[float(r["ALLBIO91_KGH"]), float(r["ALLBIO02_KGH"])] for r in rows]) / 1000
    stocks = simple_random(tonnes)
    change = change_between(stocks)
    steps = (tonnes[:, 1] - tonnes[:, 0]).tolist()
    assert len(steps) == 437
    assert change.value[0] == pytest.approx(mean(steps))
    assert change.se[0] == pytest.approx(stdev(steps) / 437**0.5)
    assert change.se[0] < 0.75 * np.hypot(*stocks.se)
