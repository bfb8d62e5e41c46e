"""Graphs of TensorFlow 1 that give another function for other numbers of steps or sequences are refused, not read."""

import numpy as np
import pytest
import tensorflow as tf
from refusals import refused
from tf1_graphs import CLOSE, dynamic, head, saved

import gru_tf
from gru_tf.foundation.errors import UserError
from gru_tf.interchange.tensorflow import tf1
from gru_tf.interchange.tensorflow.graph import values

pytestmark = [
    pytest.mark.filterwarnings("ignore:.tf.nn.rnn_cell:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*deprec"),
]
OF_ONE_SIZE = {  # with 5 steps, or 3 sequences, the same as a network
    "step 4": lambda x: head(dynamic(x)[0][:, 4]),
    "step 4 without a head": lambda x: dynamic(x)[0][:, 4],
    "the first 5 steps": lambda x: head(dynamic(x[:, :5])[0]),
    "a scale by the sequences": lambda x: head(dynamic(x)[0] * tf.cast(tf.shape(x)[0], "float32") / 3.0),
    "a scale by the steps": lambda x: head(dynamic(x)[0] * (tf.cast(tf.shape(x)[1], "float32") / 5.0)),
}


@pytest.mark.parametrize("name", OF_ONE_SIZE)
def test_what_is_a_network_for_one_size_only_is_refused(tmp_path, name):
    path, *_ = saved(lambda x: (OF_ONE_SIZE[name](x), []), tmp_path)
    refused(lambda: gru_tf.import_model(path, verify=False), "expected")


def test_the_last_step_is_read(tmp_path):
    path, inputs, expected = saved(lambda x: (head(dynamic(x)[0][:, -1]), []), tmp_path)
    np.testing.assert_allclose(np.asarray(gru_tf.import_model(path)(inputs)), expected, rtol=0, atol=CLOSE)


def test_a_size_that_the_graph_cannot_compute_is_refused_in_one_line(tmp_path, monkeypatch):
    path, inputs, _ = saved(lambda x: (head(dynamic(x)[0]), []), tmp_path)
    run = tf1.read(path).framework()[1]
    run(inputs)
    monkeypatch.setattr(values, "MOST_OPERATIONS", 20)
    with pytest.raises(
        UserError, match="model: expected its graph .* to compute 3 sequences of 6 steps. Received: more than 20"
    ):
        run(inputs)
