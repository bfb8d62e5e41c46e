"""Boosted trees as arrays, for storing: what scikit-learn grew, without its objects."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from gru_tf.baselines.baseline import FittedBaseline, ModelInputs
from gru_tf.baselines.vectors import flattened
from gru_tf.foundation.array import Array
from gru_tf.tasks import Signature

NODE = 5  # numbers of a node of a tree: feature, threshold, two children or a value, and where a missing value goes


@dataclass(frozen=True)
class Forest(FittedBaseline):
    """The sum of the values of the leaves that a sequence falls into, tree by tree.

    Args:
        signature: of the task.
        classes: (C,) those of training; empty where values are predicted.
        first: (columns,) what the sums begin with: a column for each output or class, one alone for two classes.
        roots, column: (trees,) the first node of each tree, and the column that it is added to.
        feature, threshold: (nodes,) a sequence goes left where the feature is at most the threshold.
        left, right: (nodes,) the nodes below; a leaf's are itself.
        value: (nodes,) of a leaf.
    """

    signature: Signature
    classes: Array
    first: Array
    roots: Array
    column: Array
    feature: Array
    threshold: Array
    left: Array
    right: Array
    value: Array

    @classmethod
    def of_models(cls, signature: Signature, models: tuple[Any, ...]) -> Self:
        """The trees of one classifier, or of a regressor for each output."""
        values = signature.target == "value"
        trees = [
            (place if values else number, tree.nodes)
            for place, model in enumerate(models)
            for trees in model._predictors
            for number, tree in enumerate(trees)
        ]
        sizes = np.array([len(nodes) for _, nodes in trees])
        roots = np.cumsum(sizes) - sizes
        nodes = np.concatenate([nodes for _, nodes in trees])
        own, leaf, base = np.arange(len(nodes)), nodes["is_leaf"] > 0, np.repeat(roots, sizes)
        return cls(
            signature=signature,
            classes=np.empty(0, np.int64) if values else np.asarray(models[0].classes_, np.int64),
            first=np.concatenate([np.ravel(model._baseline_prediction) for model in models]),
            roots=roots,
            column=np.array([column for column, _ in trees]),
            feature=np.where(leaf, 0, nodes["feature_idx"]).astype(np.int64),
            threshold=nodes["num_threshold"].astype(np.float64),
            left=np.where(leaf, own, nodes["left"] + base).astype(np.int64),
            right=np.where(leaf, own, nodes["right"] + base).astype(np.int64),
            value=nodes["value"].astype(np.float64),
        )

    @property
    def size(self) -> int:  # type: ignore[override]
        """Numbers in the nodes of all trees."""
        return NODE * len(self.value)

    def predict(self, inputs: ModelInputs) -> Array:
        """(N, outputs) values, or logarithms of probabilities; −inf for classes that are not in training."""
        sums = self._sums(flattened(self.signature, inputs))
        if self.signature.target == "value":
            return sums
        if sums.shape[1] == 1:  # two classes: of the second against the first
            sums = np.concatenate([np.zeros_like(sums), sums], axis=1)
        logarithms = np.full((len(sums), self.signature.outputs), -np.inf)
        logarithms[:, self.classes] = sums - np.logaddexp.reduce(sums, axis=1, keepdims=True)
        return logarithms

    def _sums(self, vectors: Array) -> Array:
        """(N, columns)."""
        sums = np.tile(self.first, (len(vectors), 1)).astype(np.float64)
        rows = np.arange(len(vectors))
        for root, column in zip(self.roots.tolist(), self.column.tolist(), strict=True):
            node = np.full(len(vectors), root)
            for _ in range(len(self.value)):
                goes_left = vectors[rows, self.feature[node]] <= self.threshold[node]
                below = np.where(goes_left, self.left[node], self.right[node])
                if np.array_equal(below, node):
                    break
                node = below
            sums[:, column] += self.value[node]
        return sums
