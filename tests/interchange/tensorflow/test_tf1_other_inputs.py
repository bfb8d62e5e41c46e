"""Graphs of TensorFlow 1 with more inputs than the data: the session's numbers, each input named, or refused by name."""

import re

import numpy as np
import pytest
import tensorflow as tf
from refusals import refused
from tf1_graphs import BATCH, CLOSE, H, T, dynamic, head, saved
from tf1_programs import rnn_cell, v1

import gru_tf
from gru_tf.interchange.tensorflow import tf1

LENGTHS = np.array([2, 3, 6], "int32")

pytestmark = [
    pytest.mark.filterwarnings("ignore:.tf.nn.rnn_cell:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*deprec"),
]


def lengths():
    return v1.placeholder("int32", [None], name="lengths")


def last_by_lengths(x):
    real = lengths()
    return head(dynamic(x, sequence_length=real)[1]), [real]


def last_by_default_lengths(x):
    real = v1.placeholder_with_default(LENGTHS, [None], name="lengths")
    return head(dynamic(x, sequence_length=real)[1]), [real]


def all_by_lengths(x):
    real = lengths()
    return head(dynamic(x, sequence_length=real)[0]), [real]


def both_directions(x):
    real = lengths()
    cells = rnn_cell.GRUCell(H), rnn_cell.GRUCell(H)
    (_, states) = v1.nn.bidirectional_dynamic_rnn(*cells, x, dtype="float32", sequence_length=real)
    return head(tf.concat(states, -1)), [real]


def gathered(x):
    real = lengths()
    y = dynamic(x, sequence_length=real)[0]
    return head(tf.gather_nd(y, tf.stack([tf.range(tf.shape(x)[0]), real - 1], 1))), [real]


def first_of_reversed(x):
    """Lengths that are no mask: the real steps turned, without a second direction."""
    real = lengths()
    return head(dynamic(tf.reverse_sequence(x, tf.minimum(real, tf.shape(x)[1] - real), seq_axis=1))[1]), [real]


def state(x):
    first = v1.placeholder("float32", [None, H], name="state_in")
    return head(dynamic(x, initial_state=first)[0]), [first]


def index(x):
    n = v1.placeholder("int32", [], name="n")
    return head(dynamic(x)[0][:, n - 1]), [n]


def offset(x):
    added = v1.placeholder("float32", [None, 2], name="offset")
    return head(dynamic(x)[1]) + added, [added]


def temperature(x):
    scale = v1.placeholder("float32", [], name="temperature")
    return head(dynamic(x)[1]) / scale, [scale]


def phase(x):
    training, keep = v1.placeholder("bool", [], name="training"), v1.placeholder_with_default(0.5, [], name="keep")
    kept = v1.cond(training, lambda: keep / 2, lambda: keep)
    return head(tf.nn.dropout(dynamic(x)[0], rate=1 - kept)), [training, keep]


def batch_size(x):
    batch = v1.placeholder("int32", [], name="batch_size")
    return head(dynamic(x, initial_state=rnn_cell.GRUCell(H).zero_state(batch, "float32"))[0]), [batch]


WITH_LENGTHS = {each.__name__: each for each in (last_by_lengths, all_by_lengths, both_directions, gathered)}
REFUSED = {
    "state": (state, np.ones((BATCH, H), "float32"), "state_in: expected no input of its graph"),
    "index": (index, 3, "n: expected no input of its graph"),
    "offset": (offset, np.ones((BATCH, 2), "float32"), "(AddV2) with offset"),
    "temperature": (temperature, 2.0, "(RealDiv) with temperature"),
    "default lengths": (last_by_default_lengths, LENGTHS, "lengths: expected no input"),
}


@pytest.mark.parametrize("name", WITH_LENGTHS)
def test_lengths_are_the_mask_of_the_model_or_refused(tmp_path, name):
    path, inputs, expected = saved(WITH_LENGTHS[name], tmp_path, LENGTHS)
    refused(lambda: gru_tf.import_model(path), "lengths: expected no input", "`masked=True` makes a model that takes a mask")
    mask = np.arange(T) < LENGTHS[:, None]
    model = gru_tf.import_model(path, masked=True)
    own = np.asarray(model([inputs, mask]))
    if own.ndim == 3:
        own, expected = own[mask], expected[mask]
    np.testing.assert_allclose(own, expected, rtol=0, atol=CLOSE)
    assert any("the steps behind the lengths lengths" in each for each in tf1.read(path, masked=True).uncovered)


def test_lengths_that_are_no_mask_are_refused(tmp_path):
    path, *_ = saved(first_of_reversed, tmp_path, LENGTHS)
    refused(lambda: gru_tf.import_model(path, masked=True))


@pytest.mark.parametrize("name", REFUSED)
def test_inputs_that_change_the_output_are_refused_by_name(tmp_path, name):
    program, value, words = REFUSED[name]
    path, *_ = saved(program, tmp_path, value)
    refused(lambda: gru_tf.import_model(path), words)


@pytest.mark.parametrize("name", ["offset", "temperature"])
def test_what_a_further_input_makes_of_the_output_is_named_where_the_head_is_given(tmp_path, name):
    program, value, words = REFUSED[name]
    path, *_ = saved(program, tmp_path, value)
    assert any(words in each for each in tf1.read(path, head="w_out").uncovered)


@pytest.mark.parametrize(
    ("program", "values", "words"),
    [
        (phase, (False, 1.0), ("other values of training, which the graph was given as False", "keep, which .* as 1$")),
        (batch_size, (BATCH,), ("other values of batch_size, which the graph was given as 3",)),
    ],
    ids=["phase", "batch size"],
)
def test_inputs_that_are_no_data_are_named_with_their_values(tmp_path, program, values, words):
    path, inputs, expected = saved(program, tmp_path, *values)
    np.testing.assert_allclose(np.asarray(gru_tf.import_model(path)(inputs)), expected, rtol=0, atol=CLOSE)
    uncovered = tf1.read(path).uncovered
    for each in words:
        assert any(re.search(each, phrase) for phrase in uncovered), uncovered
