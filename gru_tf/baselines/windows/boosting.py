"""Gradient boosting of trees on the flattened sequence, with features counted in bins (as LightGBM has them).

Of values, each output has a model of its own; of classes, each iteration grows a tree for every class.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from gru_tf.baselines.baseline import Baseline, FittedBaseline, ModelInputs, Settings, TrainingData, chosen, limited
from gru_tf.baselines.vectors import flattened
from gru_tf.baselines.windows._forest import NODE, Forest
from gru_tf.foundation.array import Array
from gru_tf.tasks import Signature

MOST_TREES, BINS = 500, 63  # of classes, before a class has fewer than 100 trees
ITERATIONS = (30, 100)  # fewest and most
GRID = ((4, 0.05), (4, 0.2), (16, 0.1))  # leaves and learning rate
SECONDS = 5.0  # of a fit, as `_seconds` estimates it
LEAST = 500  # training sequences, or all of them
LEAF = 20  # sequences in a leaf, at the least


@dataclass(frozen=True)
class BoostedTrees(FittedBaseline):
    """One classifier, or one regressor for each output.

    Args:
        signature: of the task.
        models: scikit-learn's; classes that are not in training have no probability.
    """

    signature: Signature
    models: tuple[Any, ...]

    @property
    def size(self) -> int:  # type: ignore[override]
        """Numbers in the nodes of all trees."""
        trees = [tree for model in self.models for trees in model._predictors for tree in trees]
        return sum(NODE * len(tree.nodes) for tree in trees)

    def predict(self, inputs: ModelInputs) -> Array:
        """(N, outputs)."""
        vectors = flattened(self.signature, inputs)
        if self.signature.target == "value":
            return np.stack([model.predict(vectors) for model in self.models], axis=1)
        logarithms = np.full((len(inputs), self.signature.outputs), -np.inf)
        with np.errstate(divide="ignore"):
            logarithms[:, self.models[0].classes_] = np.log(self.models[0].predict_proba(vectors))
        return logarithms

    def as_arrays(self) -> Forest:
        """The trees themselves."""
        return Forest.of_models(self.signature, self.models)


class Boosting(Baseline):
    """Histogram-based gradient boosting by scikit-learn, 100 iterations, or fewer where there are many classes."""

    reference: ClassVar[str] = (
        "J. H. Friedman, Annals of Statistics 29(5), 2001; G. Ke and others, LightGBM, NeurIPS 2017; scikit-learn"
    )

    def grid(self, signature: Signature, training: TrainingData) -> tuple[Settings, ...]:
        """The leaves of a tree, and the learning rate; with the iterations, which depend on the number of classes."""
        more: Settings = {"iterations": _iterations(signature), **limited(len(training.examples), _most(signature))}
        return tuple({"leaves": leaves, "learning_rate": rate, **more} for leaves, rate in GRID)

    def fit(self, signature: Signature, training: TrainingData, settings: Settings, seed: int) -> BoostedTrees:
        """Without early stopping, so that no training sequence is held out."""
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        examples = training.examples
        rows = chosen(len(examples), _most(signature), seed)
        vectors = flattened(signature, ModelInputs(examples.inputs[rows], examples.lengths[rows]))
        targets = np.asarray(examples.targets[rows])
        kind = HistGradientBoostingClassifier if signature.target == "class" else HistGradientBoostingRegressor
        columns = targets[:, None] if targets.ndim == 1 else targets
        options = {"max_leaf_nodes": settings["leaves"], "learning_rate": settings["learning_rate"]}
        options["min_samples_leaf"] = max(1, min(LEAF, len(rows) // 10))  # else few sequences make no tree at all
        options |= {"max_iter": _iterations(signature), "max_bins": BINS, "early_stopping": False, "random_state": seed}
        return BoostedTrees(signature, tuple(kind(**options).fit(vectors, column) for column in columns.T))

    def why_not(self, signature: Signature, training: TrainingData) -> str:
        """Where even a few hundred training sequences would take too long."""
        if signature.target == "class" and len(np.unique(training.examples.targets)) < 2:
            return "training has one class alone"
        if _most(signature) >= min(LEAST, len(training.examples)):
            return ""
        width, trees = signature.timesteps * signature.features, _trees(signature)
        return f"{trees:,} trees on {width:,} columns, steps times features, take too long to grow"


def _trees(signature: Signature) -> int:
    single = signature.target == "class" and signature.outputs == 2
    return _iterations(signature) * (1 if single else signature.outputs)


def _iterations(signature: Signature) -> int:
    fewest, most = ITERATIONS
    return max(fewest, min(most, MOST_TREES // signature.outputs)) if signature.target == "class" else most


def _most(signature: Signature) -> int:
    """Training sequences that are used: as many as can be fitted in `SECONDS`.

    A tree takes about 4 ns for each column of each sequence and 100 ns for each column of each leaf, and 1 ms: measured.
    """
    width, leaves = signature.timesteps * signature.features, max(leaves for leaves, _ in GRID)
    seconds = SECONDS / _trees(signature) - 1e-3 - 1e-7 * leaves * width
    return max(0, int(seconds / (4e-9 * width)))


BASELINE = Boosting()
