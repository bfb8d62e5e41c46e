"""An n-gram model with interpolated, modified Kneser–Ney smoothing: the next token by the last n − 1.

p_n(w | h) = max(c(h w) − D, 0) / c(h ·) + γ(h) p_{n−1}(w | h')          h' = h without its first token
γ(h) = (D_1 N_1(h ·) + D_2 N_2(h ·) + D_3 N_{3+}(h ·)) / c(h ·)          p_0 = 1 / vocabulary

c counts occurrences in training for the highest order, and for lower ones the different tokens that precede an n-gram.
N_k(h ·) tokens follow h with the count k. D is D_1, D_2 or D_3 by the count of h w, 1, 2 or more; n_k n-grams have count k:

    Y = n_1 / (n_1 + 2 n_2)     D_1 = 1 − 2Y n_2/n_1     D_2 = 2 − 3Y n_3/n_2     D_3 = 3 − 4Y n_4/n_3

A text is read as one, from part to part; each text begins without a context.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gru_tf.baselines.baseline import Baseline, FittedBaseline, ModelInputs, Settings, TrainingData
from gru_tf.foundation.array import Array
from gru_tf.tasks import Signature

ORDERS = (2, 3, 4, 5, 6, 7, 8)
MANY_TOKENS = (3, 5)  # orders for a vocabulary of words, of which longer sequences do not repeat
WORDS = 1000
WORK = 5e7  # tokens times orders, of all that are tried


@dataclass(frozen=True)
class Order:
    """The n-grams of one length.

    Args:
        codes: (K,) rising, the number of the (n − 1)-gram before · vocabulary + the last token; the place is its number.
        discounted: (K,) max(count − D, 0).
        total: (contexts,) c(h ·).
        left: (contexts,) γ(h) c(h ·).
    """

    codes: Array
    discounted: Array
    total: Array
    left: Array


@dataclass(frozen=True)
class NgramModel(FittedBaseline):
    """Orders 1 to n.

    Args:
        vocabulary: number of different tokens.
        orders: those of length 1 first.
    """

    vocabulary: int
    orders: tuple[Order, ...]

    @property
    def size(self) -> int:  # type: ignore[override]
        """Code and count of each n-gram, and two numbers of each context."""
        return sum(2 * len(order.codes) + 2 * len(order.total) for order in self.orders)

    def surprise(self, inputs: ModelInputs, targets: Array) -> Array:
        """(N, T), the targets' own probabilities; 0 where there is no target."""
        text, real = as_text(inputs)
        tokens = np.asarray(targets)[real]
        probability = np.full(len(text), 1 / self.vocabulary)
        for order, context in zip(self.orders, self._contexts(text), strict=True):
            known = (context >= 0) & (tokens >= 0)
            at = context[known]
            number = find(order.codes, at * self.vocabulary + tokens[known])
            counted = np.where(number >= 0, order.discounted[number], 0.0)
            total, left = order.total[at], order.left[at]
            seen = total > 0
            mixed = (counted + left * probability[known]) / np.where(seen, total, 1)
            probability[known] = np.where(seen, mixed, probability[known])
        result = np.zeros(real.shape)
        result[real] = np.where(tokens >= 0, -np.log(probability), 0.0)
        return result

    def predict(self, inputs: ModelInputs) -> Array:
        """(N, T, vocabulary)."""
        text, real = as_text(inputs)
        probabilities = np.full((len(text), self.vocabulary), 1 / self.vocabulary)
        for order, context in zip(self.orders, self._contexts(text), strict=True):
            known = np.flatnonzero((context >= 0) & (order.total[context] > 0))
            at = context[known]
            probabilities[known] *= order.left[at, None]
            first, end = (np.searchsorted(order.codes, (at + shift) * self.vocabulary) for shift in (0, 1))
            row = np.repeat(known, end - first)
            children = np.arange(len(row)) - np.repeat(np.cumsum(end - first) - (end - first), end - first)
            children += np.repeat(first, end - first)
            probabilities[row, order.codes[children] % self.vocabulary] += order.discounted[children]
            probabilities[known] /= order.total[at, None]
        logarithms = np.full((*real.shape, self.vocabulary), -np.log(self.vocabulary))
        logarithms[real] = np.log(probabilities)
        return logarithms

    def _contexts(self, text: Array) -> list[Array]:
        """For each order, (tokens,) the number of the n − 1-gram that ends at each token; −1 if it is not in training."""
        numbers = [np.zeros(len(text), np.int64)]  # the empty one
        for order in self.orders[:-1]:
            before = np.append(-1 if len(numbers) > 1 else 0, numbers[-1][:-1])
            number = find(order.codes, before * self.vocabulary + text)
            numbers.append(np.where(before >= 0, number, -1))
        return numbers


class Ngram(Baseline):
    """Interpolated Kneser–Ney with three discounts, in NumPy."""

    reference: ClassVar[str] = (
        "R. Kneser, H. Ney, ICASSP 1995; S. F. Chen, J. Goodman, Computer Speech and Language 13(4), 1999"
    )

    def grid(self, signature: Signature, training: TrainingData) -> tuple[Settings, ...]:
        """The order n; the last training tokens alone where there are too many."""
        orders: tuple[int, ...] = MANY_TOKENS if signature.tokens > WORDS else ORDERS
        count = int(training.examples.lengths.sum())
        if count * sum(orders) > WORK:
            orders = tuple(n for n in orders if n % 2) if len(orders) > 2 else orders
        most = int(WORK / sum(orders))
        some: Settings = {"tokens": most} if count > most else {}
        return tuple({"order": order, **some} for order in orders)

    def fit(self, signature: Signature, training: TrainingData, settings: Settings, seed: int) -> NgramModel:
        """Counts."""
        examples = training.examples
        text, _ = as_text(ModelInputs(examples.inputs, examples.lengths))
        return fit_ngrams(text[-int(settings.get("tokens", 0)) :], int(settings["order"]), signature.tokens)


def as_text(inputs: ModelInputs) -> tuple[Array, Array]:
    """(tokens,) int64 of all parts, one after another, and (N, T) which steps these are."""
    values = np.asarray(inputs.values)
    real = np.arange(values.shape[1]) < inputs.lengths[:, None]
    return values[real].astype(np.int64), real


def find(codes: Array, wanted: Array) -> Array:
    """The places of numbers in rising ones; −1 where they are not among them."""
    if not len(codes):
        return np.full(len(wanted), -1)
    place = np.minimum(np.searchsorted(codes, wanted), len(codes) - 1)
    return np.where(codes[place] == wanted, place, -1)


def fit_ngrams(text: Array, length: int, vocabulary: int) -> NgramModel:
    """The orders 1 to `length` of a text (tokens,)."""
    length = min(length, len(text))
    numbers: list[Array] = []  # for each order, that of the n-gram that ends at each token, from the first whole one on
    codes: list[Array] = []
    counts: list[Array] = []
    firsts: list[Array] = []  # a token at which each n-gram ends
    before = np.zeros(len(text), np.int64)
    for n in range(1, length + 1):
        code = before * vocabulary + text[n - 1 :]
        known, first, number, count = np.unique(code, return_index=True, return_inverse=True, return_counts=True)
        codes.append(known)
        counts.append(count)
        firsts.append(first + n - 1)
        numbers.append(number)
        before = number[:-1]
    orders = []
    for n in range(1, length + 1):
        count = counts[n - 1]
        if n < length:  # of an n-gram, the different n + 1-grams that end with it
            shorter = numbers[n - 1][firsts[n] - (n - 1)]
            count = np.bincount(shorter, minlength=len(codes[n - 1]))
        contexts = len(codes[n - 2]) if n > 1 else 1
        orders.append(_order(codes[n - 1], count, vocabulary, contexts))
    return NgramModel(vocabulary, tuple(orders))


def _order(codes: Array, counts: Array, vocabulary: int, contexts: int) -> Order:
    discounts = discounts_of(counts)
    context, discount = codes // vocabulary, discounts[np.minimum(counts, 3)]
    total = np.bincount(context, counts, contexts)
    left = np.bincount(context, np.minimum(discount, counts), contexts)
    return Order(codes, np.maximum(counts - discount, 0.0), total, left)


def discounts_of(counts: Array) -> Array:
    """(4,) D_0 = 0, D_1, D_2, D_3 from the counts of all n-grams of a length; 0.5, 1, 1.5 where small counts are missing."""
    n1, n2, n3, n4 = (int((counts == k).sum()) for k in (1, 2, 3, 4))
    if min(n1, n2, n3, n4) == 0:
        return np.array([0.0, 0.5, 1.0, 1.5])
    y = n1 / (n1 + 2 * n2)
    discounts = np.array([0.0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3])
    within: Array = np.clip(discounts, [0, 0.05, 0.05, 0.05], [0, 1, 2, 3])
    return within


BASELINE = Ngram()
