"""Words without their order: a linear model of how often each occurs, weighted by its rarity (TF-IDF).

x_{n,w} = (1 + log tf_{n,w}) · (log((1 + N) / (1 + df_w)) + 1), each text's vector then of length 1

tf is how often word w occurs in text n, df in how many training texts. Pairs of adjacent words count as words of their own
where that is tried. Classes are by logistic regression, values by ridge regression.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from gru_tf.baselines.baseline import Baseline, FittedBaseline, ModelInputs, Settings, TrainingData, chosen, limited
from gru_tf.foundation.array import Array
from gru_tf.tasks import Signature

STRENGTHS = (1.0, 4.0, 16.0)
ITERATIONS = 100  # of L-BFGS
LEAST = 2  # training texts that a pair of words must be in
WORK = 6e6  # words of all training texts together, times classes
RARE = 100  # training texts


@dataclass(frozen=True)
class Bag:
    """Which words, and pairs of words, make which column.

    Args:
        pairs: (P,) rising, first word · vocabulary + second; columns after those of words.
        vocabulary: number of different words.
        rarity: (columns,) factor of each.
    """

    pairs: Array
    vocabulary: int
    rarity: Array

    def vectors(self, inputs: ModelInputs) -> Any:
        """(N, columns) sparse."""
        counts = counted_words(inputs, self.vocabulary, self.pairs)
        counts.data = (1 + np.log(counts.data)) * self.rarity[counts.indices]
        lengths = np.sqrt(np.asarray(counts.multiply(counts).sum(1))).ravel()
        counts.data /= np.repeat(np.maximum(lengths, 1e-300), np.diff(counts.indptr))
        return counts


def counted_words(inputs: ModelInputs, vocabulary: int, pairs: Array) -> Any:
    """(N, vocabulary + pairs) sparse: how often each word and each pair occurs in each text's real steps."""
    from scipy.sparse import csr_matrix

    text, word, pair = _tokens(inputs, vocabulary)
    place = np.minimum(np.searchsorted(pairs, pair[1]), max(len(pairs) - 1, 0))
    known = pairs[place] == pair[1] if len(pairs) else np.zeros(len(place), bool)
    rows = np.concatenate([text, pair[0][known]])
    columns = np.concatenate([word, vocabulary + place[known]])
    shape = (len(inputs), vocabulary + len(pairs))
    return csr_matrix((np.ones(len(rows)), (rows, columns)), shape)  # equal places are added up


def _tokens(inputs: ModelInputs, vocabulary: int) -> tuple[Array, Array, tuple[Array, Array]]:
    """Of each real step its text and word; of each two adjacent ones their text and pair."""
    values = np.asarray(inputs.values)
    real = np.arange(values.shape[1]) < inputs.lengths[:, None]
    text, step = np.nonzero(real)
    word = values[text, step].astype(np.int64)
    follows = text[1:] == text[:-1]
    return text, word, (text[1:][follows], (word[:-1] * vocabulary + word[1:])[follows])


@dataclass(frozen=True)
class BagModel(FittedBaseline):
    """A linear function of a bag of words.

    Args:
        signature: of the task.
        bag: what the columns are.
        weights: (columns + 1, outputs), the last row added.
    """

    signature: Signature
    bag: Bag
    weights: Array

    @property
    def size(self) -> int:  # type: ignore[override]
        """Coefficients, rarities and the pairs."""
        return self.weights.size + len(self.bag.rarity) + len(self.bag.pairs)

    def predict(self, inputs: ModelInputs) -> Array:
        """(N, classes) logarithms of probabilities, or (N, outputs) values."""
        scores = np.asarray(self.bag.vectors(inputs) @ self.weights[:-1] + self.weights[-1])
        if self.signature.target == "value":
            return scores
        scores = scores - scores.max(1, keepdims=True)
        logarithms: Array = scores - np.log(np.exp(scores).sum(1, keepdims=True))
        return logarithms


class BagOfWords(Baseline):
    """TF-IDF, and logistic or ridge regression by scikit-learn."""

    reference: ClassVar[str] = "K. Spärck Jones, Journal of Documentation 28(1), 1972; S. Wang, C. D. Manning, ACL 2012"

    def grid(self, signature: Signature, training: TrainingData) -> tuple[Settings, ...]:
        """Words, or pairs of adjacent words as well; and C, of values 1 / (2 α)."""
        some = limited(len(training.examples), _most(signature, training))
        return tuple({"words": words, "C": strength, **some} for words in (1, 2) for strength in STRENGTHS)

    def fit(self, signature: Signature, training: TrainingData, settings: Settings, seed: int) -> BagModel:
        """Rarities and pairs are those of the training texts that are used."""
        examples = training.examples
        rows = chosen(len(examples), _most(signature, training), seed)
        inputs = ModelInputs(np.asarray(examples.inputs[rows]), examples.lengths[rows])
        targets = np.asarray(examples.targets[rows])
        bag = _bag(inputs, signature.tokens, pairs=settings["words"] == 2)
        weights = _weights(signature, bag.vectors(inputs), targets, float(settings["C"]))
        return BagModel(signature, bag, weights)

    def why_not(self, signature: Signature, training: TrainingData) -> str:
        """Where texts and classes are too many."""
        if _most(signature, training) >= min(RARE, len(training.examples)):
            return ""
        return (
            f"texts of {training.examples.lengths.mean():,.0f} words, of {signature.outputs:,} classes, take too long to fit"
        )


def _most(signature: Signature, training: TrainingData) -> int:
    """Training texts that are used."""
    classes = signature.outputs if signature.outputs > 2 else 1
    return int(WORK / (float(training.examples.lengths.mean()) * classes))


def _bag(inputs: ModelInputs, vocabulary: int, pairs: bool) -> Bag:
    """Pairs that several training texts have, and the rarity of each word and pair."""
    kept = np.empty(0, np.int64)
    if pairs:
        text, pair = _tokens(inputs, vocabulary)[2]
        order = np.lexsort((text, pair))
        text, pair = text[order], pair[order]
        first = np.append(True, (pair[1:] != pair[:-1]) | (text[1:] != text[:-1])) if len(pair) else np.zeros(0, bool)
        known, texts = np.unique(pair[first], return_counts=True)
        kept = known[texts >= LEAST]
    counts = counted_words(inputs, vocabulary, kept)
    texts_with = np.bincount(counts.indices, minlength=counts.shape[1])
    return Bag(kept, vocabulary, np.log((1 + len(inputs)) / (1 + texts_with)) + 1)


def _weights(signature: Signature, vectors: Any, targets: Array, strength: float) -> Array:
    """(columns + 1, outputs)."""
    from sklearn.linear_model import LogisticRegression, Ridge

    if signature.target == "value":
        ridge = Ridge(alpha=1 / (2 * strength), solver="sparse_cg", tol=1e-8).fit(vectors, targets.astype(np.float64))
        coefficients, intercept = np.atleast_2d(ridge.coef_), np.atleast_1d(ridge.intercept_)
        return np.concatenate([coefficients, intercept[:, None]], axis=1).T
    weights = np.zeros((vectors.shape[1] + 1, signature.outputs))
    weights[-1] = -np.inf  # a class that is not in training
    present = np.unique(targets)
    if len(present) == 1:
        weights[-1, present] = 0.0
        return weights
    model = LogisticRegression(C=strength, max_iter=ITERATIONS).fit(vectors, targets)
    both = np.concatenate([model.coef_, model.intercept_[:, None]], axis=1)
    weights[:, present] = np.concatenate([np.zeros_like(both), both]).T if len(present) == 2 else both.T
    return weights


BASELINE = BagOfWords()
