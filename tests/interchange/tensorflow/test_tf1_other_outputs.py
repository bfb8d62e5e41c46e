"""Graphs of TensorFlow 1 that build their network twice: one output is read, as a session computes it, the other named."""

import numpy as np
import pytest
import tensorflow as tf
from tf1_graphs import CLOSE, dynamic, head, saved
from tf1_programs import v1

from gru_tf.interchange import building
from gru_tf.interchange.tensorflow import tf1

FURTHER = "a further output of the graph by"

pytestmark = [
    pytest.mark.filterwarnings("ignore:.tf.nn.rnn_cell:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*deprec"),
]


def twice(first, second):
    """The network built with shared variables: the outputs of both."""

    def program(x):
        with v1.variable_scope("net", reuse=v1.AUTO_REUSE):
            return [first(x), second(x)], []

    return program


def plain(x):
    return head(dynamic(x)[0])


def relu(x):
    return head(tf.nn.relu(dynamic(x)[0]))


def relu_on_top(x):
    return tf.nn.relu(plain(x))


def cells(x):
    return dynamic(x)[0]


OTHERWISE = {
    "relu before the head, then plain": (relu, plain),
    "plain, then relu before the head": (plain, relu),
    "relu on top, then plain": (relu_on_top, plain),
    "training and testing": (lambda x: head(tf.nn.dropout(dynamic(x)[0], rate=0.5)), plain),
    "cells alone": (lambda x: dynamic(2 * x)[0], cells),
}


@pytest.mark.parametrize("name", OTHERWISE)
def test_the_output_that_is_read_is_one_of_the_two_and_the_other_is_named(tmp_path, name):
    path, inputs, outputs = saved(twice(*OTHERWISE[name]), tmp_path)
    foreign = tf1.read(path)
    own = np.asarray(building.build(foreign.network)(inputs))
    assert min(np.abs(own - each).max() for each in outputs) < CLOSE
    assert sum(FURTHER in each for each in foreign.uncovered) == 1, foreign.uncovered


def test_a_second_network_of_the_same_numbers_is_not_named(tmp_path):
    path, *_ = saved(twice(plain, plain), tmp_path)
    assert not any(FURTHER in each for each in tf1.read(path).uncovered)


def test_one_network_has_one_output(tmp_path):
    path, *_ = saved(lambda x: (plain(x), []), tmp_path)
    assert not any(FURTHER in each for each in tf1.read(path).uncovered)
