"""Accuracy and area from a sample: published worked examples, an oracle, properties, coverage."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from sinks.landcover.accuracy import Accuracy, ErrorMatrix, error_matrix, estimate

Floats = npt.NDArray[np.float64]
Z95 = float(norm.ppf(0.975))


def by_map_class(counts: list[list[float]], area: list[float]) -> ErrorMatrix:
    """Return the matrix of a sample whose strata are the map classes."""
    table = np.array(counts, dtype=float)
    size = len(table)
    cells = np.zeros((size, size, size))
    for i in range(size):
        cells[i, i] = table[i]
    names = tuple("abcdefghij"[:size])
    return ErrorMatrix(names, names, cells, np.array(area, dtype=float), tuple(range(size)))


# Olofsson et al. (2014), table 8: deforestation, forest gain, stable forest, stable non-forest.
CHANGE_2014 = [[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]]
PIXELS_2014 = [200_000, 150_000, 3_200_000, 6_450_000]


def test_olofsson_2014() -> None:
    """Areas and accuracies with half a 95 % interval, section 5.1.3 (pixels of 900 m²)."""
    found = estimate(by_map_class(CHANGE_2014, [0.09 * pixels for pixels in PIXELS_2014]))
    assert found.area.value == pytest.approx([21_158, 11_686, 285_770, 581_386], abs=0.6)
    half = 1.96 * found.area.se
    assert half == pytest.approx([6_158, 3_756, 15_510, 16_282], abs=1.0)
    assert found.users.value == pytest.approx([0.88, 0.73, 0.93, 0.96], abs=0.005)
    assert 1.96 * found.users.se == pytest.approx([0.07, 0.10, 0.04, 0.02], abs=0.005)
    assert found.producers.value == pytest.approx([0.75, 0.85, 0.93, 0.96], abs=0.005)
    # The paper's fourth, 0.01, does not follow from its own equation 7, which gives 0.018.
    assert 1.96 * found.producers.se[:3] == pytest.approx([0.21, 0.25, 0.03], abs=0.006)
    assert found.overall.value[0] == pytest.approx(0.95, abs=0.005)
    assert 1.96 * found.overall.se[0] == pytest.approx(0.02, abs=0.005)
    assert found.proportions[0] == pytest.approx([0.0176, 0, 0.0013, 0.0011], abs=5e-5)


def test_olofsson_2013() -> None:
    """First example: the paper prints S(A) = 10,751 ha; its 45,651 ha is of rounded shares."""
    counts = [[97.0, 0, 3], [3, 279, 18], [2, 1, 97]]
    found = estimate(by_map_class(counts, [22_353, 1_122_543, 610_228]))
    assert found.area.value[0] == pytest.approx(45_112, abs=1)
    assert found.area.se[0] == pytest.approx(10_751, rel=2e-4)
    assert found.users.value[0] == pytest.approx(0.97)
    assert found.producers.value[0] == pytest.approx(0.48, abs=0.005)
    assert found.overall.value[0] == pytest.approx(0.94, abs=0.005)


def stehman() -> Accuracy:
    """Stehman (2014), table 2: 40 units in four strata that are not the map classes."""
    strata = "A" * 10 + "B" * 10 + "C" * 10 + "D" * 10
    mapped = "A" * 7 + "B" * 3 + "A" + "B" * 11 + "C" * 6 + "B" * 2 + "D" * 10
    truth = "AAAAACB" + "ABC" + "ABBBBBAABB" + "CCCCCDDBBA" + "DDDDDDDCCB"
    pixels = {"A": 40_000.0, "B": 30_000.0, "C": 20_000.0, "D": 10_000.0}
    rows = list(zip(strata, mapped, truth, strict=True))
    return estimate(error_matrix(rows, area=pixels, units=pixels, classes="ABCD"))


def test_stehman_2014() -> None:
    """Sections 3.2 and 3.3; the standard error of producer's accuracy of B as corrected."""
    found = stehman()
    a, b, c = 0, 1, 2
    assert found.area.value[[a, c]] / 1e5 == pytest.approx([0.35, 0.20])
    assert found.area.se[[a, c]] / 1e5 == pytest.approx([0.082, 0.064], abs=5e-4)
    assert found.overall.value[0] == pytest.approx(0.63)
    assert found.overall.se[0] == pytest.approx(0.085, abs=5e-4)
    assert found.users.value[b] == pytest.approx(0.574, abs=5e-4)
    assert found.users.se[b] == pytest.approx(0.125, abs=5e-4)
    assert found.producers.value[b] == pytest.approx(0.794, abs=5e-4)
    assert found.producers.se[b] == pytest.approx(0.1165, abs=5e-5)
    assert found.proportions[b, c] == pytest.approx(0.08)


def card(counts: Floats, shares: Floats) -> tuple[Floats, Floats, Floats]:
    """Return Card's (1982) true shares, and his variances of the overall accuracy and of these."""
    n = counts.sum(axis=1)
    cells = shares[:, None] * counts / n[:, None]
    spread = cells * (shares[:, None] - cells) / n[:, None]
    return cells.sum(axis=0), np.array([np.trace(spread)]), spread.sum(axis=0)


def test_card_1982() -> None:
    """The example by which textbooks teach Card (1982): 434 units, known shares of four classes.

    Card divides by n where an unbiased variance takes n − 1: ours are larger by that. His variance
    for simple random samples, 0.00040, takes each class's expected number of units for its own.
    """
    counts = np.array([[65, 4, 22, 24], [6, 81, 5, 8], [0, 11, 85, 19], [4, 7, 3, 90]], dtype=float)
    shares = np.array([0.3, 0.4, 0.1, 0.2])
    found = estimate(by_map_class(counts.tolist(), shares.tolist()))
    assert np.diag(found.proportions) == pytest.approx([0.170, 0.324, 0.074, 0.173], abs=6e-4)
    assert found.area.value == pytest.approx([0.202, 0.357, 0.157, 0.284], abs=2e-3)
    assert found.overall.value[0] == pytest.approx(0.74, abs=0.005)
    expected = counts * (434 * shares / counts.sum(axis=1))[:, None]
    simple = estimate(by_map_class(expected.tolist(), shares.tolist()))
    assert simple.overall.se[0] ** 2 == pytest.approx(0.00040, abs=1.5e-5)
    true, overall, areas = card(counts, shares)
    assert found.area.value == pytest.approx(true)
    assert found.overall.se**2 == pytest.approx(overall, rel=0.011)
    assert found.area.se**2 == pytest.approx(areas, rel=0.011)
    assert (found.area.se**2 > areas).all()


def olofsson(counts: Floats, area: Floats) -> dict[str, Floats]:
    """Return Olofsson et al. (2014), eq. 4 to 11, as they stand in the paper."""
    n = counts.sum(axis=1)
    weight = area / area.sum()
    p = weight[:, None] * counts / n[:, None]
    users = np.diag(counts) / n
    producers = np.diag(p) / p.sum(axis=0)
    v_users = users * (1 - users) / (n - 1)
    mapped, true = area, p.sum(axis=0) * area.sum()
    share = counts / n[:, None]
    spread = area[:, None] ** 2 * share * (1 - share) / (n[:, None] - 1)
    v_area = spread.sum(axis=0)
    v_producers = (
        mapped**2 * (1 - producers) ** 2 * v_users + producers**2 * (v_area - np.diag(spread))
    ) / true**2
    return {
        "area": true, "users": users, "producers": producers, "v_users": v_users,
        "v_area": v_area, "v_producers": v_producers,
        "overall": np.array([np.trace(p)]), "v_overall": np.array([(weight**2 * v_users).sum()]),
    }  # fmt: skip


@given(st.data())
def test_olofsson_is_stehman_where_strata_are_the_map(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 5))
    counts = np.array(
        [[data.draw(st.integers(0, 40)) + (2 if i == j else 0) for j in range(size)]
         for i in range(size)], dtype=float,
    )  # fmt: skip
    area = np.array([data.draw(st.floats(1.0, 1e6)) for _ in range(size)])
    own = estimate(by_map_class(counts.tolist(), area.tolist()))
    paper = olofsson(counts, area)
    for name in ("area", "users", "producers", "overall"):
        got = getattr(own, name)
        assert got.value == pytest.approx(paper[name], rel=1e-9)
        assert got.se**2 == pytest.approx(paper[f"v_{name}"], rel=1e-6, abs=1e-12 * area.sum())
    assert own.area.value.sum() == pytest.approx(area.sum())


def test_a_class_that_the_map_does_not_have() -> None:
    """Interpreters find marsh on land mapped as cropland: it gets an area, no user's accuracy."""
    rows = [("crop", "crop", "crop")] * 8 + [("crop", "crop", "marsh")] * 2
    rows += [("forest", "forest", "forest")] * 5
    names = {"crop": "crop", "forest": "forest"}
    matrix = error_matrix(rows, area={"crop": 100.0, "forest": 50.0}, map_class=names)
    found = estimate(matrix)
    marsh = found.classes.index("marsh")
    assert found.area.value[marsh] == pytest.approx(20.0)
    assert found.area.se[marsh] == pytest.approx(100 * np.sqrt(0.2 * 0.8 / 9))
    assert np.isnan(found.users.value[marsh])
    assert found.producers.value[marsh] == 0.0


def test_strata_with_fewer_than_two_units_are_not_estimable() -> None:
    rows = [("a", "a", "a")] * 5 + [("a", "a", "b")] + [("b", "b", "b")]
    areas = {"a": 10.0, "b": 5.0, "c": 1.0}
    own = {"a": "a", "b": "b", "c": "c"}
    found = estimate(error_matrix(rows, area=areas, map_class=own, classes="abc"))
    assert error_matrix(rows, area=areas, map_class=own).thin == ("b", "c")
    assert found.users.value[0] == pytest.approx(5 / 6)
    assert np.isfinite(found.users.se[0])  # the others hold nothing that the map calls a
    assert found.users.value[1] == 1.0
    assert np.isnan(found.users.se[1])
    assert np.isnan(found.users.value[2])
    assert np.isnan(found.area.value).all()
    assert np.isnan(found.overall.value[0])
    # With a unit in every stratum there are values, but no errors.
    one_each = estimate(error_matrix([*rows, ("c", "c", "c")], area=areas, map_class=own))
    assert one_each.area.value.sum() == pytest.approx(16.0)
    assert np.isnan(one_each.area.se).all()


def test_buffer_strata_find_the_loss_that_the_map_missed() -> None:
    """Worked by hand: 2 of 20 units of the buffer around mapped loss are loss themselves.

    Loss: 100 · 18/20 + 400 · 2/20 + 9,500 · 0 = 130; V = 100² · 0.09/19 + 400² · 0.09/19.
    """
    rows = [("loss", "loss", "loss")] * 18 + [("loss", "loss", "rest")] * 2
    rows += [("buffer", "rest", "loss")] * 2 + [("buffer", "rest", "rest")] * 18
    rows += [("core", "rest", "rest")] * 30
    found = estimate(error_matrix(rows, area={"loss": 100.0, "buffer": 400.0, "core": 9500.0}))
    assert found.area.value[0] == pytest.approx(130.0)
    assert found.area.se[0] ** 2 == pytest.approx((100**2 + 400**2) * 0.09 / 19)
    assert found.producers.value[0] == pytest.approx(90 / 130)


def simulated(design: str, *, repeats: int, rng: np.random.Generator) -> Floats:
    """Return how often the 95 % intervals of areas and accuracies hold the truth."""
    # Truth of a landscape of three classes: share of land by map class and reference class.
    truth = np.array([[0.16, 0.02, 0.02], [0.03, 0.40, 0.07], [0.02, 0.03, 0.25]])
    shares = truth.sum(axis=1)
    known = np.concatenate([truth.sum(axis=0), np.diag(truth) / shares, [np.trace(truth)]])
    held = np.zeros(7)
    for _ in range(repeats):
        if design == "stratified":
            counts = np.stack([rng.multinomial(150, row / row.sum()) for row in truth])
        else:
            counts = rng.multinomial(450, truth.ravel()).reshape(3, 3)
        if design == "simple":
            names = ("a", "b", "c")
            matrix = ErrorMatrix(("all",), names, counts[None] * 1.0, np.ones(1), (None,))
        else:
            matrix = by_map_class(counts.tolist(), shares.tolist())
        found = estimate(matrix)
        values = (found.area, found.users, found.overall)
        value = np.concatenate([item.value for item in values])
        se = np.concatenate([item.se for item in values])
        held += np.abs(value - known) <= Z95 * se
    return held / repeats


@pytest.mark.parametrize("design", ["stratified", "post-stratified", "simple"])
def test_intervals_hold_the_truth_as_often_as_they_say(design: str) -> None:
    """95 % intervals cover 93.5 to 96.5 %: mean over seven figures, and each within 2 %."""
    held = simulated(design, repeats=1500, rng=np.random.default_rng(7))
    assert 0.935 <= held.mean() <= 0.965
    assert (held > 0.93).all()
    assert (held < 0.975).all()
