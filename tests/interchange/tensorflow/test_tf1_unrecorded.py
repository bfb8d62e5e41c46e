"""Checkpoints of TensorFlow 1 without their graph: what only the program states is named, as the model may differ in it."""

import numpy as np
import pytest
import tensorflow as tf
from tf1_graphs import BATCH, H, dynamic, head, saved
from tf1_programs import rnn_cell, v1

from gru_tf.interchange import building
from gru_tf.interchange.tensorflow import tf1

DIFFERENT = 1e-2

pytestmark = [
    pytest.mark.filterwarnings("ignore:.tf.nn.rnn_cell:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*deprec"),
]


def state_c(x):
    _, state = v1.nn.dynamic_rnn(rnn_cell.LSTMCell(H), x, dtype="float32")
    return head(state.c)


def directions_turned(x):
    y, _ = v1.nn.bidirectional_dynamic_rnn(rnn_cell.GRUCell(H), rnn_cell.GRUCell(H), x, dtype="float32")
    return head(tf.concat(y[::-1], -1))


def transposed(x):
    return tf.tensordot(dynamic(x)[0], tf.transpose(v1.get_variable("w_out", [H, H])), 1)


PROGRAMS = {
    "which steps": (lambda x: head(dynamic(x)[0][:, 0]), "whether every step or only the last is the output"),
    "state c": (state_c, "whether the output is h or the cells' state c"),
    "directions": (directions_turned, "the order in which outputs of the two directions are joined"),
    "lengths": (lambda x: head(dynamic(x, sequence_length=[2, 3, 6])[0]), "lengths of sequences"),
    "initial states": (lambda x: head(dynamic(x, initial_state=tf.ones([BATCH, H]))[0]), "initial states"),
    "a transposed kernel": (transposed, "whether w_out is transposed"),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_the_program_alone_states_is_named(tmp_path, name):
    program, words = PROGRAMS[name]
    path, inputs, expected = saved(lambda x: (program(x), []), tmp_path)
    path.with_name("model.meta").unlink()
    foreign = tf1.read(path)
    assert any(words in each for each in foreign.uncovered), foreign.uncovered
    own = np.asarray(building.build(foreign.network)(inputs))
    own = own if expected.ndim == 3 else own[:, -1]
    assert np.abs(own - expected).max() > DIFFERENT  # so that the words are needed


def test_what_is_not_in_question_is_not_named(tmp_path):
    path, *_ = saved(lambda x: (head(dynamic(x)[0]), []), tmp_path)
    path.with_name("model.meta").unlink()
    phrases = " ".join(tf1.read(path, every_step=False, masked=True).uncovered)
    for words in ("which is taken for every step", "state c", "two directions", "lengths of", "transposed"):
        assert words not in phrases
