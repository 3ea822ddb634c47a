"""Random forests as plain arrays: grown by scikit-learn, applied without it.

The probabilities are those of ``RandomForestClassifier.predict_proba`` to the last bit: features
as float32, compared with thresholds as float64, the shares of the leaves added tree by tree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import RandomForestClassifier

from sinks.compiled import compiled

Floats = npt.NDArray[np.float64]
Features = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

#: Names of the arrays of a forest, as they are stored.
ARRAYS: Final = ("starts", "left", "right", "feature", "threshold", "shares")


@dataclass(frozen=True, eq=False)
class Forest:
    """A random forest: the nodes of all trees in a row.

    Attributes
    ----------
    starts : ndarray, dims (tree + 1)
        First node of each tree, and the number of nodes.
    left, right : ndarray, dims (node)
        Children, by position among all nodes; −1 for leaves. A child stands after its parent.
    feature : ndarray, dims (node)
        Band that is asked at a node; −1 for leaves.
    threshold : ndarray, dims (node)
        A cell goes left if its value is not larger.
    shares : ndarray, dims (node, class)
        Shares of the classes among the training cells of a node.
    """

    starts: Ints
    left: Ints
    right: Ints
    feature: Ints
    threshold: Floats
    shares: Floats

    def probabilities(self, features: Features) -> Floats:
        """Return the probability of every class.

        Parameters
        ----------
        features : ndarray, dims (cell, band)
            Finite.

        Returns
        -------
        ndarray, dims (cell, class)
            Mean over the trees of the shares in the leaf that a cell comes to; Breiman 2001.
        """
        features = np.ascontiguousarray(features, np.float32)
        total = _summed(
            features, self.starts, self.left, self.right, self.feature, self.threshold, self.shares
        )
        return np.asarray(total / (len(self.starts) - 1))

    def fault(self, *, bands: int, classes: int) -> str:
        """Return what is wrong with arrays that come from a file; "" if a cell can pass through.

        Parameters
        ----------
        bands, classes : int
            What the model says of them.
        """
        count = len(self.left)
        arrays = (self.right, self.feature, self.threshold, self.shares)
        if count == 0 or any(len(array) != count for array in arrays):
            return "nodes"
        if self.shares.shape != (count, classes) or not np.isfinite(self.shares).all():
            return "shares"
        starts = self.starts
        if len(starts) < 2 or starts[0] != 0 or starts[-1] != count or (np.diff(starts) < 1).any():
            return "starts"
        inner = self.left >= 0
        place = np.flatnonzero(inner)
        ends = starts[np.searchsorted(starts, place, side="right")]
        for child in (self.left[inner], self.right[inner]):
            if (child <= place).any() or (child >= ends).any():  # else a cell might never arrive
                return "children"
        asked = self.feature[inner]
        if (asked < 0).any() or (asked >= bands).any() or np.isnan(self.threshold[inner]).any():
            return "feature"
        return ""


def grown(features: Features, labels: Ints, *, trees: int, seed: int) -> RandomForestClassifier:
    """Grow a random forest: the same cells, settings and seed give the same trees.

    Parameters
    ----------
    features : ndarray, dims (cell, band)
    labels : ndarray, dims (cell)
    trees : int
    seed : int
    """
    forest = RandomForestClassifier(n_estimators=trees, random_state=seed, n_jobs=1)
    return forest.fit(np.ascontiguousarray(features, np.float32), labels)


def as_arrays(model: Any) -> Forest:
    """Return the nodes of a forest of scikit-learn."""
    trees = [estimator.tree_ for estimator in model.estimators_]
    starts = np.cumsum([0, *(tree.node_count for tree in trees)]).astype(np.int64)
    children: dict[str, list[Ints]] = {"left": [], "right": []}
    for start, tree in zip(starts.tolist(), trees, strict=False):
        for side, own in (("left", tree.children_left), ("right", tree.children_right)):
            children[side].append(np.where(own >= 0, own + start, -1).astype(np.int64))
    feature = np.concatenate([np.maximum(tree.feature, -1) for tree in trees]).astype(np.int64)
    return Forest(
        starts, np.concatenate(children["left"]), np.concatenate(children["right"]), feature,
        np.concatenate([tree.threshold for tree in trees]).astype(np.float64),
        np.concatenate([tree.value[:, 0, :] for tree in trees]).astype(np.float64),
    )  # fmt: skip


@compiled
def _summed(
    features: Features, starts: Ints, left: Ints, right: Ints, feature: Ints, threshold: Floats,
    shares: Floats,
) -> Floats:  # fmt: skip
    """Add up the shares of the leaves that every cell comes to, tree by tree."""
    total = np.zeros((features.shape[0], shares.shape[1]))
    for tree in range(starts.size - 1):
        for cell in range(features.shape[0]):
            node = starts[tree]
            while left[node] >= 0:
                value = np.float64(features[cell, feature[node]])
                node = left[node] if value <= threshold[node] else right[node]
            for k in range(shares.shape[1]):
                total[cell, k] += shares[node, k]
    return total
