"""Bags of words against scikit-learn's vectoriser; n-grams against the recursion, written out with dictionaries."""

from collections import Counter, defaultdict
from typing import Any

import made_splits
import numpy as np
import pytest

from gru_tf.baselines.baseline import BASELINES, ModelInputs
from gru_tf.baselines.tokens import bag_of_words, ngram
from gru_tf.baselines.tokens.bag_of_words import Bag


def as_words(examples: Any) -> list[str]:
    pairs = zip(examples.inputs, examples.lengths, strict=True)
    return [" ".join(f"w{token}" for token in tokens[:length]) for tokens, length in pairs]


@pytest.mark.parametrize("pairs", [False, True])
def test_vectors_are_those_of_scikit_learn(pairs: bool) -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    task = made_splits.texts()
    train, test = task.data.train, task.data.test
    bag: Bag = bag_of_words._bag(made_splits.asked(train), 12, pairs)
    vectorizer = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2 if pairs else 1), min_df=2, token_pattern=r"\S+")
    expected = vectorizer.fit(as_words(train)).transform(as_words(test)).toarray()
    names = [" ".join(f"w{token}" for token in divmod(code, 12)) for code in bag.pairs.tolist()]
    columns = [f"w{token}" for token in range(12)] + names
    received = bag.vectors(made_splits.asked(test)).toarray()
    assert set(vectorizer.vocabulary_) == {name for name in columns if name not in ("w0", "w1")}
    for name, place in vectorizer.vocabulary_.items():
        assert np.allclose(received[:, columns.index(name)], expected[:, place])


def test_a_bag_of_words_learns_which_word_counts() -> None:
    task = made_splits.texts(count=300)
    model = BASELINES.find("bag_of_words").fit(task.signature, made_splits.training(task), {"words": 1, "C": 3.0}, 0)
    predicted = model.predict(made_splits.asked(task.data.test))
    assert np.allclose(np.exp(predicted).sum(1), 1)
    assert (predicted.argmax(1) == task.data.test.targets).mean() > 0.85
    weights: Any = model
    assert weights.weights[2, 1] - weights.weights[2, 0] == max(weights.weights[2:12, 1] - weights.weights[2:12, 0])


def test_values_of_texts_are_ridge_regression() -> None:
    task = made_splits.texts(values=True)
    train, test = task.data.train, task.data.test
    model: Any = BASELINES.find("bag_of_words").fit(task.signature, made_splits.training(task), {"words": 1, "C": 0.5}, 0)
    vectors, others = (model.bag.vectors(made_splits.asked(part)).toarray() for part in (train, test))
    mean, targets = vectors.mean(0), train.targets.astype(float)
    centred = vectors - mean
    weights = np.linalg.solve(centred.T @ centred + np.eye(12), centred.T @ (targets - targets.mean()))
    expected = (others - mean) @ weights + targets.mean()
    assert np.allclose(model.predict(made_splits.asked(test)), expected, atol=1e-5)


# --- n-grams ---


class PlainKneserNey:
    """The same probabilities by recursion over tuples."""

    def __init__(self, text: list[int], order: int, vocabulary: int) -> None:
        self.vocabulary, self.order = vocabulary, order
        raw = {n: Counter(tuple(text[i : i + n]) for i in range(len(text) - n + 1)) for n in range(1, order + 1)}
        self.counts: dict[int, dict[Any, int]] = {order: raw[order]}
        for n in range(1, order):
            before = defaultdict(set)
            for gram in raw[n + 1]:
                before[gram[1:]].add(gram[0])
            self.counts[n] = {gram: len(before[gram]) for gram in raw[n]}
        self.discounts = {n: ngram.discounts_of(np.array(list(c.values()))) for n, c in self.counts.items()}

    def probability(self, token: int, context: tuple[int, ...]) -> float:
        n = len(context) + 1
        lower = self.probability(token, context[1:]) if context else 1 / self.vocabulary
        after = {gram[-1]: count for gram, count in self.counts[n].items() if gram[:-1] == context}
        total = sum(after.values())
        if total == 0:
            return lower
        discounts = self.discounts[n]
        left = sum(min(discounts[min(count, 3)], count) for count in after.values())
        count = after.get(token, 0)
        return (max(count - discounts[min(count, 3)], 0) + left * lower) / total


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_probabilities_are_those_of_the_recursion(order: int) -> None:
    task = made_splits.next_tokens()
    train, test = task.data.train, task.data.test
    model = BASELINES.find("ngram").fit(task.signature, made_splits.training(task), {"order": order}, 0)
    text, real = ngram.as_text(made_splits.asked(train))
    plain = PlainKneserNey(text.tolist(), order, 5)
    asked, tokens = made_splits.asked(test), ngram.as_text(made_splits.asked(test))[0].tolist()
    surprise, whole = model.surprise(asked, test.targets), np.exp(model.predict(asked))
    assert np.allclose(whole.sum(-1), 1)
    assert real.sum() == 400
    steps = iter(np.argwhere(ngram.as_text(asked)[1]))
    for place, (row, step) in enumerate(steps):
        context = tuple(tokens[max(0, place - order + 2) : place + 1]) if order > 1 else ()
        while context and not any(gram[:-1] == context for gram in plain.counts[len(context) + 1]):
            context = context[1:]
        expected = [plain.probability(token, context) for token in range(5)]
        assert np.allclose(whole[row, step], expected)
        if test.targets[row, step] >= 0:
            assert np.isclose(np.exp(-surprise[row, step]), expected[test.targets[row, step]])


def test_discounts_are_chen_and_goodmans() -> None:
    """n_1 … n_4 = 8, 4, 2, 1: Y = 1/2, D = 1 − 1/2, 2 − 3/4, 3 − 1."""
    counts = np.repeat([1, 2, 3, 4, 9], [8, 4, 2, 1, 3])
    assert ngram.discounts_of(counts).tolist() == [0.0, 0.5, 1.25, 2.0]
    assert ngram.discounts_of(np.array([1, 1])).tolist() == [0.0, 0.5, 1.0, 1.5]


def test_a_part_continues_the_one_before_it() -> None:
    task = made_splits.next_tokens()
    model = BASELINES.find("ngram").fit(task.signature, made_splits.training(task), {"order": 3}, 0)
    test = task.data.test
    whole = np.exp(model.predict(made_splits.asked(test)))
    alone = np.exp(model.predict(ModelInputs(test.inputs[1:2], test.lengths[1:2])))
    assert not np.allclose(whole[1, 0], alone[0, 0])
    assert np.allclose(whole[1, 2:], alone[0, 2:])
