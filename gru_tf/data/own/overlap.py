"""Sequences that are windows of longer recordings: which of them share steps, found from the steps alone.

A window i that begins k steps before a window j of the same recording ends with what j begins with: X[i, k:] = X[j, :−k].
Such windows are near copies. A random split puts one into training and the other into the test, where the network knows it.

Worked example, windows of three steps: a b c, b c d, p q r. The second begins inside the first, and the third in none: two
recordings, of which the first has two windows.

Equal steps come about by chance where steps have few values. An overlap counts where it says more than that: where the
entropy of the steps that change in it, in bits, exceeds what all places of all windows could show by chance.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from gru_tf.foundation.array import Array

GRAM = 16  # steps that are looked up at first, or a quarter of a window
MOST = 5_000_000  # steps that are looked at, those of the first sequences
CERTAIN = 20.0  # bits by which an overlap exceeds chance
FEW = 0.01  # with a smaller share of sequences that begin inside another one, windows do not count as overlapping
FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd, so that its powers are too


@dataclass(frozen=True)
class Overlap:
    """Which sequences share steps.

    Args:
        links: (links, 2) int64: the end of the first sequence is the beginning of the second.
        steps: (links,) int64 by how many steps the second begins later.
        lengths: (N,) of each sequence.
        examined: the first so many were looked at.
    """

    links: Array
    steps: Array
    lengths: Array
    examined: int

    @property
    def count(self) -> int:
        """Of all sequences."""
        return len(self.lengths)

    @property
    def share(self) -> float:
        """Of the sequences that were looked at, those that begin inside another one."""
        return len(np.unique(self.links[:, 1])) / self.examined

    @property
    def step(self) -> int:
        """By which most windows follow each other."""
        nearest = np.full(self.count, np.iinfo(np.int64).max)
        np.minimum.at(nearest, self.links[:, 1], self.steps)
        values, counts = np.unique(nearest[np.unique(self.links[:, 1])], return_counts=True)
        return int(values[counts.argmax()])

    def recordings(self) -> Array:
        """(N,) the number of the recording that each is cut from, as far as overlaps link its windows."""
        from scipy.sparse.csgraph import connected_components

        number: Array = connected_components(self._graph(), directed=False)[1]
        return number

    def begins(self) -> Array:
        """(N,) the step of its recording at which each begins, counted from that of any of its windows."""
        from scipy.sparse.csgraph import breadth_first_order

        later = {(int(one), int(other)): int(step) for (one, other), step in zip(self.links, self.steps, strict=True)}
        begins, graph = np.zeros(self.count, np.int64), self._graph()
        for first in np.unique(self.recordings(), return_index=True)[1]:
            order, before = breadth_first_order(graph, first, directed=False)
            for place in order[1:]:
                one, other = int(before[place]), int(place)
                step = later[one, other] if (one, other) in later else -later[other, one]
                begins[place] = begins[one] + step
        return begins

    def _graph(self) -> Any:
        from scipy.sparse import coo_array

        shape = (self.count, self.count)
        return coo_array((np.ones(len(self.links), np.int8), tuple(self.links.T)), shape=shape).tocsr()

    def without_shared(self, part: Array, unused: int) -> Array:
        """(N,) the parts; of two windows with shared steps in two parts the one in the earlier part is `unused`."""
        parts, recordings, begins = part.copy(), self.recordings(), self.begins()
        long = int(self.lengths.max())
        axis = recordings * (int(np.ptp(begins)) + 2 * long) + begins - begins.min()  # recordings one after another
        for number in np.unique(part[part >= 0])[:-1]:
            own, later = np.flatnonzero(part == number), np.sort(axis[part > number])
            inside = np.searchsorted(later, axis[own] + self.lengths[own]) - np.searchsorted(
                later, axis[own] - long, "right"
            )
            parts[own[inside > 0]] = unused
        return parts


def overlap(steps: Array, lengths: Array) -> Overlap | None:
    """How sequences overlap; None where fewer than one in a hundred begins inside another one.

    Args:
        steps: (steps of all sequences,) uint64, equal where steps are.
        lengths: (N,) of each.
    """
    whole = lengths
    lengths = lengths[: max(1, int(np.searchsorted(np.cumsum(lengths), MOST)))].astype(np.int64)
    steps = steps[: lengths.sum()]
    gram = int(min(GRAM, max(2, np.median(lengths) // 4)))
    if len(lengths) < 2 or len(steps) <= gram:
        return None
    windows, places, others = _verified(steps, lengths, *_candidates(steps, lengths, gram))
    links = np.stack([windows, others], axis=1)
    shared = Overlap(links, places, whole, len(lengths))
    return shared if len(links) and shared.share >= FEW else None


def _candidates(steps: Array, lengths: Array, gram: int) -> tuple[Array, Array, Array]:
    """(window, place in it, another window) where the first steps of another one stand, after its own beginning."""
    starts = np.cumsum(lengths) - lengths
    grams = np.zeros(len(steps) - gram + 1, np.uint64)
    with np.errstate(over="ignore"):
        for offset in range(gram):
            grams = grams * FACTOR + steps[offset : offset + len(grams)]
    window = np.repeat(np.arange(len(lengths)), lengths)[: len(grams)]
    place = np.arange(len(grams)) - starts[window]
    whole = place + gram <= lengths[window]
    begins = np.flatnonzero((place == 0) & whole)
    order = begins[np.argsort(grams[begins], kind="stable")]
    first = grams[order]
    inside = np.flatnonzero(whole & (place > 0) & np.isin(grams, first))
    lowest = np.searchsorted(first, grams[inside], "left")
    highest = np.searchsorted(first, grams[inside], "right") - 1
    pairs = [(window[inside], place[inside], window[order[which]]) for which in (lowest, highest)]
    windows, places, others = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    once = np.unique(np.stack([windows, places, others], axis=1)[windows != others], axis=0)
    return once[:, 0], once[:, 1], once[:, 2]


def _verified(steps: Array, lengths: Array, windows: Array, places: Array, others: Array) -> tuple[Array, Array, Array]:
    """Those of the candidates that overlap to the end of the first window, and not by chance."""
    starts = np.cumsum(lengths) - lengths
    long = lengths[windows] - places
    fits = long <= lengths[others]
    windows, places, others, long = windows[fits], places[fits], others[fits], long[fits]
    one, other = starts[windows] + places, starts[others]
    with np.errstate(over="ignore"):
        powers = np.concatenate([np.ones(1, np.uint64), np.full(len(steps), FACTOR)]).cumprod(dtype=np.uint64)
        sums = np.concatenate([np.zeros(1, np.uint64), (steps * powers[:-1]).cumsum(dtype=np.uint64)])
        equal = (sums[one + long] - sums[one]) * powers[other] == (sums[other + long] - sums[other]) * powers[one]
    changes = np.concatenate([np.zeros(2, np.int64), np.cumsum(steps[1:] != steps[:-1])])
    changing = changes[one + long] - changes[one + 1]
    shares = np.unique(steps, return_counts=True)[1] / len(steps)
    bits = float(-(shares * np.log2(shares)).sum())
    certain = changing * bits >= np.log2(float(len(lengths)) * len(steps)) + CERTAIN
    kept = equal & certain
    return windows[kept], places[kept], others[kept]
