"""Sequences of unequal length, cut and padded, against rows written by hand."""

import numpy as np

from gru_tf.tasks._padding import cut_words, padded, right_padded

LENGTHS = np.array([2, 3, 1])


def test_sequences_are_padded_to_the_longest_of_those_chosen() -> None:
    rows = np.arange(12.0).reshape(6, 2)
    examples = padded(rows, LENGTHS, np.array([True, False, True]), np.array([7, 8, 9]))
    assert examples.inputs.tolist() == [[[0, 1], [2, 3]], [[10, 11], [0, 0]]]
    assert (examples.targets.tolist(), examples.lengths.tolist()) == ([7, 9], [2, 1])
    assert right_padded(np.array([4, 5, 6]), np.array([1, 2]), np.int32).tolist() == [[4, 0], [5, 6]]


def test_words_are_cut_padded_and_unknown_beyond_the_vocabulary() -> None:
    words = np.array([2, 3, 4, 5, 6, 7])
    numbers, lengths = cut_words(words, LENGTHS, slice(1, None), longest=2, vocabulary=5)
    assert (numbers.tolist(), lengths.tolist()) == ([[4, 1], [1, 0]], [2, 1])
    numbers, lengths = cut_words(words, LENGTHS, slice(None), longest=9, vocabulary=100, padding=-1)
    assert (numbers.tolist(), lengths.tolist()) == ([[2, 3, -1], [4, 5, 6], [7, -1, -1]], [2, 3, 1])
    assert numbers.dtype == lengths.dtype == np.int32


def test_the_last_words_are_those_at_the_end_of_each_text() -> None:
    words = np.array([2, 3, 4, 5, 6, 7])
    numbers, lengths = cut_words(words, LENGTHS, slice(None), longest=2, vocabulary=100, last=True)
    assert (numbers.tolist(), lengths.tolist()) == ([[2, 3], [5, 6], [7, 0]], [2, 2, 1])
