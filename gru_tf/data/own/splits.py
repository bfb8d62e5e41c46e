"""Which rows or sequences train, which validate and which test: by time, the last ones; by group, none in two parts.

A group is whatever must not lie in two splits: one person's sequences, or copies of one sequence. Groups are never cut;
among the ways to place them, each class is shared out as evenly as they allow. What is drawn is drawn from fixed numbers:
a split follows from groups and classes alone, unless a draw is asked for, which has a number of its own.

Worked example, validation = test = 0.2, of ten groups of one sequence: a a a a a b b b b b. Each class has five, of which
0.2 · 5 = 1 validates and 1 tests. Were the first three a's one person's, that person would train.
"""

from collections.abc import Callable, Sequence

import numpy as np

from gru_tf.data.datasets import DatasetError
from gru_tf.foundation.array import Array

TRAIN, VALIDATION, TEST = 0, 1, 2
UNUSED = -1  # part of what none of them has
ATTEMPTS = 100  # of a draw by group
SPLITS = ("training", "validation", "test")


def by_time(times: Array, validation: float, test: float, where: str = "the data") -> Array:
    """(rows,) int8, 0 to train, 1 to validate, 2 to test: the last moments test, those before them validate.

    Shares are of the moments that there are, each counted once, and the cuts are the same for all groups.

    Args:
        times: (rows,) moments, in any order.
        validation: share of the moments; above 0 it is one moment at least.
        test: the same, of the last ones.
        where: what messages call the file.

    Raises:
        DatasetError: where there are too few moments for the three parts.
    """
    ordered = len(times) < 2 or bool((times[1:] > times[:-1]).all())
    moments = times if ordered else np.unique(times)
    tested, validated = (max(1, round(share * len(moments))) if share > 0 else 0 for share in (test, validation))
    train = len(moments) - validated - tested
    if train < 1:
        raise DatasetError(
            f"{where}: expected at least {1 + validated + tested} moments for training, validation and test."
            f" Received: {len(moments)}"
        )
    number = np.full(len(times), TRAIN, np.int8)
    if validated:
        number[times >= moments[train]] = VALIDATION
    if tested:
        number[times >= moments[train + validated]] = TEST
    return number


def by_group(
    keys: Array,
    classes: Array | None,
    validation: float,
    test: float,
    *,
    where: str,
    row: Callable[[int], str] = lambda number: f"sequence {number + 1}",
    names: Sequence[str] = (),
    unit: str = "sequences",
    draw: int = 0,
) -> Array:
    """(N,) int8: `TRAIN`, `VALIDATION` or `TEST` of each sequence, the same for all of one key.

    Every class gets into every split. Where groups hold several classes, that may not be possible; then every class is
    in training, or it is refused.

    Args:
        keys: (N,) of any type: equal where sequences belong together.
        classes: (N,) whole numbers from 0, or None where there are none.
        validation: share of the sequences; 0 for no such split.
        test: the same.
        where: the file, for errors.
        row: the words for a sequence's place in the file, given its number from 0.
        names: of the classes, for errors.
        unit: what is counted when there are too few, for errors: "sequences", "groups".
        draw: number of the draw; 0 is the split that follows from groups and classes alone. Of the others, one that is
            refused, or has a single class to test on, is drawn again, up to a hundred times.

    Raises:
        DatasetError: where a class has fewer groups than there are splits, a split would be empty, or a class would be in
            no training sequence.
    """
    parts = [TRAIN, *([VALIDATION] if validation else []), *([TEST] if test else [])]
    shares = np.array([1 - validation - test, validation, test])[parts]
    groups = _numbered(keys)
    labels = np.zeros(len(groups), np.intp) if classes is None else classes
    held = np.bincount(_pairs(groups, labels) % (int(labels.max()) + 1))
    for scarce in np.flatnonzero(held < len(shares)):
        place = "" if classes is None else f"{row(int(np.argmax(labels == scarce)))}: "
        of = "" if classes is None else f" of '{names[int(scarce)] if len(names) else scarce}'"
        each = "" if classes is None else " of each class"
        raise DatasetError(
            f"{where}: {place}expected {len(shares)} {unit} or more{each}, one for each split. Received: {held[scarce]}{of}"
        )
    for attempt in range(ATTEMPTS if draw else 1):
        split = _placed(groups, labels, held, shares, (draw, attempt) if draw else None)
        if not draw or _is_whole(split, labels, len(shares), classes is not None):
            break
    split = np.array(parts, np.int8)[split]
    complete(split, labels, parts, where, row, names)
    return split


def _is_whole(split: Array, labels: Array, splits: int, classed: bool) -> bool:
    """Whether no split is empty, training has every class, and the last split has two where there are classes."""
    parts = [np.unique(labels[split == number]) for number in range(splits)]
    tested = not classed or len(parts[-1]) > 1
    return all(map(len, parts)) and tested and len(parts[TRAIN]) == len(np.unique(labels))


def joined(one: Array, other: Array) -> Array:
    """(N,) whole numbers, equal where sequences are linked by equal numbers in `one` or in `other`, however indirectly.

    Args:
        one: (N,) whole numbers from 0.
        other: (N,) whole numbers from 0.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    first = int(one.max()) + 1
    count = first + int(other.max()) + 1
    graph = coo_array((np.ones(len(one), np.int8), (one, first + other)), shape=(count, count))
    linked: Array = connected_components(graph, directed=False)[1][one]
    return linked


def _numbered(keys: Array) -> Array:
    """Whole numbers from 0 in the order in which keys come first, so that what a key is decides nothing."""
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    number = np.empty(len(first), np.intp)
    number[np.argsort(first)] = np.arange(len(first))
    return number[inverse.reshape(-1)]


def _pairs(groups: Array, classes: Array) -> Array:
    """Each (group, class) that there is, once, as one number: group · classes + class."""
    return np.unique(groups.astype(np.int64) * (int(classes.max()) + 1) + classes)


def _placed(groups: Array, classes: Array, held: Array, shares: Array, draw: tuple[int, int] | None) -> Array:
    """Groups of several sequences one by one, the largest first; then single sequences, which fill what is left.

    Without a draw each group goes where it is needed most. A draw places it at random, by what each split still wants:
    groups of different sizes would else go the same way every time.
    """
    split = np.empty(len(groups), np.int8)
    rngs = [np.random.default_rng(number if draw is None else [number, *draw]) for number in (1, 0)]
    state = _Shares(classes, held, shares)
    sizes = np.bincount(groups)
    order, starts = np.argsort(groups, kind="stable"), np.cumsum(sizes) - sizes
    several = rngs[0].permutation(np.flatnonzero(sizes > 1))
    for group in several[np.argsort(-sizes[several], kind="stable")]:
        members = order[starts[group] : starts[group] + sizes[group]]
        split[members] = state.place(*np.unique(classes[members], return_counts=True), rngs[0] if draw else None)
    rng, single = rngs[1], sizes[groups] == 1
    for label in range(len(held)):
        rows = rng.permutation(np.flatnonzero(single & (classes == label)))
        ends = np.cumsum(state.fill(label, len(rows))[1:])
        split[rows] = TRAIN
        for number, part in enumerate(np.split(rows, ends)[:-1], start=1):
            split[part] = number
    return split


class _Shares:
    """How many sequences of each class each split still wants, (splits, classes)."""

    def __init__(self, classes: Array, held: Array, shares: Array) -> None:
        self.counts = np.maximum(np.bincount(classes, minlength=len(held)), 1).astype(float)
        self.shares, self.wanted = shares, shares[:, None] * self.counts
        self.lacking = np.ones(self.wanted.shape, bool)  # splits that have no sequence of a class yet
        self.left = held.copy()  # groups of each class that are not placed yet

    def place(self, present: Array, number: Array, rng: np.random.Generator | None = None) -> int:
        """The split for a group with `number` sequences of each class in `present`.

        It is the one that brings the classes' shares nearest to the wanted ones, as Σ ((wanted − placed) / all)² over
        splits and classes has it; of those that lack a class of which no more than one group each is left. With an `rng` it
        is any that comes nearer by the group, with the probability of what it still wants.
        """
        allowed = np.ones(len(self.shares), bool)
        for label in present[self.left[present] <= self.lacking[:, present].sum(0)]:
            allowed &= self.lacking[:, label]
        gain = (self.wanted[:, present] * (number / self.counts[present] ** 2)).sum(1)  # a product would round by processor
        gain = np.where(allowed, gain, -np.inf) if allowed.any() else gain
        best = int(np.argmax(gain))
        nearer = gain > ((number / self.counts[present]) ** 2).sum() / 2
        if rng is not None and nearer.any():
            odds = np.where(nearer, gain, 0.0)
            best = int(rng.choice(len(odds), p=odds / odds.sum()))
        self.wanted[best, present] -= number
        self.lacking[best, present] = False
        self.left[present] -= 1
        return best

    def fill(self, label: int, count: int) -> Array:
        """(splits,) how many of `count` single sequences of a class each split gets."""
        wanted = np.maximum(self.wanted[:, label], 0)
        wanted = (wanted if wanted.any() else self.shares) * count / (wanted.sum() or 1)
        counts = np.floor(wanted).astype(np.intp)
        later = np.argsort((counts - wanted)[::-1], kind="stable")  # the largest remainders; of equals the later split
        counts[len(counts) - 1 - later[: count - counts.sum()]] += 1
        for split in np.flatnonzero(self.lacking[:, label] & (counts == 0)):
            spare = counts - self.lacking[:, label]
            if spare.max() > 0:
                counts[split], counts[spare.argmax()] = 1, counts[spare.argmax()] - 1
        return counts


def complete(
    split: Array,
    classes: Array,
    splits: Sequence[int],
    where: str,
    row: Callable[[int], str],
    names: Sequence[str],
    used: Array | None = None,
) -> None:
    """Refuse an empty split of these, and a class that is not in training, of those that are `used`."""
    for number in splits:
        if not (split == number).any():
            each = "a group" if used is None else "a sequence"
            raise DatasetError(f"{where}: expected {each} for each split. Received: none to be left for {SPLITS[number]}")
    trained = np.isin(classes, classes[split == TRAIN])
    trained |= False if used is None else ~used
    if not trained.all():
        first = int(np.argmin(trained))
        name = names[classes[first]] if len(names) else classes[first]
        raise DatasetError(
            f"{where}: {row(first)}: expected every class in more groups, so that training has one."
            f" Received: '{name}' only in groups for validation or test"
            if used is None
            else f"{where}: {row(first)}: expected every class among the first ones, which train."
            f" Received: '{name}' only in what validates or tests"
        )
