"""Raking: a published example, what must hold for any table, and totals that disagree."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinks.ipf import balance, rake

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Women of England and Wales by age (rows) and marital status, 1957, and the margins of 1958:
#: Bishop, Fienberg & Holland (1975), Discrete Multivariate Analysis, ch. 3; the fitted table as
#: SAS/IML prints it (General Statistics Examples, example 9.14).
WOMEN = [
    [1306, 83, 0], [619, 765, 3], [263, 1194, 9], [173, 1372, 28], [171, 1393, 51],
    [159, 1372, 81], [208, 1350, 108], [1116, 4100, 2329],
]  # fmt: skip
AGES = [1412, 1402, 1450, 1541, 1681, 1532, 1662, 7644]
STATUS = [3988, 11702, 2634]
FITTED = [
    [1325.27, 86.73, 0.00], [615.56, 783.39, 3.05], [253.94, 1187.18, 8.88],
    [165.13, 1348.55, 27.32], [173.41, 1454.71, 52.87], [147.21, 1308.12, 76.67],
    [202.33, 1352.28, 107.40], [1105.16, 4181.04, 2357.81],
]  # fmt: skip


def sides(rows: int, columns: int) -> list[Ints]:
    """Return the cells of every row and column of a table."""
    cells = np.arange(rows * columns).reshape(rows, columns)
    return [*cells, *cells.T]


def fitted(table: Floats, totals: Floats) -> Floats:
    found = rake(table.reshape(-1, 1), sides(*table.shape), totals=totals.reshape(-1, 1))
    assert found.worst.max() < 1e-8
    return found.cells[:, 0].reshape(table.shape)


def test_published_example_with_a_cell_of_zero() -> None:
    found = fitted(np.array(WOMEN, float), np.array([*AGES, *STATUS], float))
    assert found == pytest.approx(np.array(FITTED), abs=0.005)
    assert found[0, 2] == 0


def test_order_of_the_margins_does_not_matter() -> None:
    table, margins = np.array(WOMEN, float), sides(8, 3)
    totals = np.array([*AGES, *STATUS], float)
    turned = rake(table.reshape(-1, 1), margins[::-1], totals=totals[::-1, None])
    direct = fitted(table, totals)
    assert turned.cells[:, 0].reshape(8, 3) == pytest.approx(direct, rel=1e-8)


def tables(least: float) -> st.SearchStrategy[Floats]:
    # Where cells differ by more, blocks hardly touch, and it takes thousands of sweeps.
    cell = st.floats(least, 30.0)
    size = st.tuples(st.integers(2, 5), st.integers(2, 4))
    return size.flatmap(
        lambda shape: st.lists(
            st.lists(cell, min_size=shape[1], max_size=shape[1]),
            min_size=shape[0], max_size=shape[0],
        ).map(np.array)
    )  # fmt: skip


def margins_of(table: Floats) -> Floats:
    return np.concatenate([table.sum(axis=1), table.sum(axis=0)])


@settings(deadline=None)
@given(tables(1.0))
def test_margins_of_the_table_itself_change_nothing(table: Floats) -> None:
    assert fitted(table, margins_of(table)) == pytest.approx(table, rel=1e-9)


@settings(deadline=None)
@given(tables(1.0), st.integers(0, 2**32 - 1))
def test_sums_are_the_margins_and_odds_stay(table: Floats, seed: int) -> None:
    """The margins are those of a table that is the first times a factor of row and column."""
    rng = np.random.default_rng(seed)
    rows, columns = (rng.uniform(0.3, 3.0, size) for size in table.shape)
    wanted = table * rows[:, None] * columns
    found = fitted(table, margins_of(wanted))
    assert found == pytest.approx(wanted, rel=1e-6)


def test_draws_are_raked_one_by_one() -> None:
    table = np.array([[3.0, 5.0], [2.0, 7.0]])
    totals = np.array([[8.0, 16.0], [9.0, 18.0], [5.0, 10.0], [12.0, 24.0]])
    cells = np.stack([table.ravel(), table.ravel()], axis=1)
    found = rake(cells, sides(2, 2), totals=totals)
    assert found.cells[:, 1] == pytest.approx(2 * found.cells[:, 0])
    assert found.cells[:, 0] == pytest.approx(table.ravel())


def test_what_cannot_be_reached_is_told() -> None:
    """The first row holds only the first column, and that column is to be smaller."""
    found = rake(
        np.array([[1.0], [0.0], [1.0], [1.0]]), sides(2, 2),
        totals=np.array([[10.0], [10.0], [5.0], [15.0]]), sweeps=50,
    )  # fmt: skip
    assert found.worst.max() > 0.1


def test_totals_that_disagree_give_way_by_their_errors() -> None:
    """Two parts of 60 ± 3 and 50 ± 4 against a whole of 100 ± 0: 10 too many, as 9 to 16."""
    members = [np.array([0]), np.array([1]), np.array([0, 1])]
    totals, cells = np.array([60.0, 50.0, 100.0]), np.ones(2)
    even = balance(members, totals, se=np.array([3.0, 4.0, 0.0]), cells=cells)
    found = even.apply(totals[:, None])[:, 0]
    assert found == pytest.approx([60 - 10 * 9 / 25, 50 - 10 * 16 / 25, 100], abs=1e-3)
    assert found[:2].sum() == pytest.approx(found[2], rel=1e-12)


@settings(deadline=None)
@given(tables(1.0))
def test_totals_that_agree_stay(table: Floats) -> None:
    totals = margins_of(table)
    even = balance(sides(*table.shape), totals, se=0.1 * totals, cells=table.ravel())
    assert even.apply(totals[:, None])[:, 0] == pytest.approx(totals, rel=1e-9)
