"""Cross-validation of a classifier, with whole blocks of land held back and with random cells.

Cells near each other are alike. Where cells of one place stand on both sides of the line, a
classifier is tested on what it has all but seen. Held back block by block it is tested on land
that it has not: Roberts et al. 2017, Ploton et al. 2020.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from sinks.landcover.trees import Features, grown

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Method = Literal["random", "blocked"]
METHODS: Final[tuple[Method, ...]] = ("random", "blocked")


@dataclass(frozen=True, eq=False)
class Validation:
    """What cross-validation found.

    Attributes
    ----------
    method : {"random", "blocked"}
    folds : int
    matrix : ndarray, dims (mapped, reference)
        Training cells.
    """

    method: Method
    folds: int
    matrix: Ints

    @property
    def overall(self) -> float:
        """Part of the cells that were classified rightly."""
        return float(np.trace(self.matrix) / self.matrix.sum())

    @property
    def users(self) -> Floats:
        """User's accuracy of every class: of what is mapped as it, the part that is; or NaN."""
        return _ratio(np.diagonal(self.matrix), self.matrix.sum(axis=1))

    @property
    def producers(self) -> Floats:
        """Producer's accuracy of every class: of what is it, the part that is mapped; or NaN."""
        return _ratio(np.diagonal(self.matrix), self.matrix.sum(axis=0))


def _ratio(part: Ints, whole: Ints) -> Floats:
    return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)


def cross_validate(
    features: Features, labels: Ints, *, blocks: Ints, folds: int, trees: int, seed: int,
    method: Method,
) -> Validation:  # fmt: skip
    """Grow a forest as often as there are folds, each time without one, and test it on that.

    Parameters
    ----------
    features : ndarray, dims (cell, band)
    labels : ndarray, dims (cell)
        Position of the class, from 0.
    blocks : ndarray, dims (cell)
        Block of land that a cell belongs to: held back as a whole if `method` is ``blocked``,
        which takes two at least.
    folds, trees, seed : int
    method : {"random", "blocked"}

    Returns
    -------
    Validation
        Every cell tested once.
    """
    count = int(labels.max()) + 1
    matrix = np.zeros((count, count), np.int64)
    folds = min(folds, int(np.bincount(labels).max()))
    if method == "blocked":
        folds = min(folds, len(np.unique(blocks)))
    for learnt, held in _splits(labels, blocks, folds=folds, seed=seed, method=method):
        model = grown(features[learnt], labels[learnt], trees=trees, seed=seed)
        np.add.at(matrix, (model.predict(features[held]), labels[held]), 1)
    return Validation(method, folds, matrix)


def _splits(
    labels: Ints, blocks: Ints, *, folds: int, seed: int, method: Method
) -> Iterator[tuple[Ints, Ints]]:
    kind = StratifiedGroupKFold if method == "blocked" else StratifiedKFold
    with warnings.catch_warnings():  # of rare classes, which our own checks tell
        warnings.simplefilter("ignore", UserWarning)
        splits = kind(n_splits=folds, shuffle=True, random_state=seed)
        for learnt, held in splits.split(np.zeros(len(labels)), labels, blocks):
            if len(learnt) and len(held):
                yield learnt, held
