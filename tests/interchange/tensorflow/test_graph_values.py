"""Graphs of TensorFlow computed in NumPy: the same numbers as TensorFlow's sessions, or refused by the operation's name."""

import numpy as np
import pytest
import tensorflow as tf
from tf1_programs import loops

from gru_tf import UserError
from gru_tf.interchange.tensorflow.graph import file, limits
from gru_tf.interchange.tensorflow.graph.values import Values

v1 = tf.compat.v1
X = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
POSITIVE = np.abs(X) + 0.1
TOKENS = np.array([[0, 2], [1, 1]], "int32")


def weights(*shape):
    return np.random.default_rng(len(shape)).normal(size=shape).astype("float32")


POINTWISE = (
    *(tf.nn.relu, tf.nn.relu6, tf.nn.elu, tf.nn.selu, tf.tanh, tf.sigmoid, tf.nn.softplus, tf.nn.softsign, tf.abs, tf.sign),
    *(tf.nn.softmax, tf.nn.log_softmax, tf.nn.leaky_relu, tf.square, tf.exp, tf.floor, tf.negative),
)
REDUCTIONS = (tf.reduce_sum, tf.reduce_mean, tf.reduce_max, tf.reduce_min, tf.reduce_prod)


def products(x):
    pairs = tf.stack([x, x])
    turned = [
        tf.matmul(x, x, transpose_b=True),
        tf.matmul(x, x, transpose_a=True),
        tf.matmul(pairs, pairs, transpose_b=True),
    ]
    return [*turned, tf.tensordot(x[None], weights(4, 5), 1)]


def slices(x):
    return [
        *(x[1], x[:, 1:3], x[..., -1], x[::-1], x[:, None], x[1:, ::2], tf.slice(x, [1, 0], [2, -1])),
        *(tf.gather(x, [2, 0]), tf.gather(x, [1, 3], axis=1), tf.gather_nd(x, [[0, 1], [2, 3]])),
        *(*tf.split(x, 2, axis=1), *tf.split(x, [1, 3], axis=1), *tf.unstack(x, axis=1)),
        *(tf.reverse(x, [1]), tf.reverse_sequence(x, [1, 2, 4], seq_axis=1, batch_axis=0)),
    ]


def shapes(x):
    return [
        *(
            tf.tile(x, [2, 1]),
            tf.transpose(x),
            tf.squeeze(x[None, :, None], [0]),
            tf.stack([x, x], 1),
            tf.concat([x, x], -1),
        ),
        *(tf.pad(x, [[1, 0], [0, 2]]), tf.one_hot([1, 0], 3), tf.where(x > 0, x, -x), tf.cast(x > 0, "float32")),
        *(tf.broadcast_to(x[0], [2, 4]), tf.zeros_like(x), tf.fill([2, 2], 3.0), tf.cast(tf.range(1, 7, 2), "float32")),
        tf.cast(tf.argmax(x, 1), "float32"),
    ]


def branches(x):
    first = tf.cond(tf.reduce_sum(x) > 0, lambda: x + 1, lambda: x - 1)
    return [first, tf.cond(x[0, 0] > 9, lambda: x, lambda: -x)]


def loops_in_loops(x):
    def outer(n, y):
        return n + 1, tf.while_loop(lambda m, _: m < n, lambda m, z: (m + 1, tf.tanh(z) * 1.5), [0, y])[1] + x

    return [tf.while_loop(lambda n, _: n < 3, outer, [0, x])[1]]


def block_cells(x):
    lstm = {
        "cs_prev": x[:, :2],
        "h_prev": x[:, 2:],
        "w": weights(6, 8),
        "b": weights(8),
        "forget_bias": 0.7,
        "cell_clip": -1,
    }
    lstm |= {key: [0.0, 0.0] for key in ("wci", "wcf", "wco")}
    sequence = tf.raw_ops.BlockLSTM(x=tf.stack([x, 2 * x, x]), seq_len_max=tf.constant(2, "int64"), **lstm)
    gru = {"w_ru": weights(6, 4), "w_c": weights(6, 2), "b_ru": weights(4), "b_c": weights(2)}
    return [
        *tf.raw_ops.LSTMBlockCell(x=x, **lstm),
        sequence.cs,
        sequence.h,
        *tf.raw_ops.GRUBlockCell(x=x, h_prev=x[:, :2], **gru),
    ]


COMPUTATIONS = {
    "pointwise": lambda x: [function(x) for function in POINTWISE],
    "arithmetic": lambda x: [x + 1, x - 2 * x, x / 3, tf.maximum(x, 0.1), tf.minimum(x, x[0]), tf.add_n([x, x]), x**2],
    "reductions": lambda x: [f(x, axis, keep) for f in REDUCTIONS for axis in (0, [0, 1], -1) for keep in (False, True)],
    "products": products,
    "slices": slices,
    "shapes": shapes,
    "branches": branches,
    "loops in loops": loops_in_loops,
    "block cells": block_cells,
}


@pytest.mark.parametrize("of_2", [False, True], ids=["loops of 1", "loops of 2"])
@pytest.mark.parametrize("name", COMPUTATIONS)
def test_numbers_are_those_of_a_session(name, of_2):
    with loops(of_2), tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        x = v1.placeholder("float32", [None, 4])
        tensors = COMPUTATIONS[name](x)
        expected = session.run(tensors, {x: X})
        values = Values(file.graph_of(graph.as_graph_def(add_shapes=True)), lambda _: None, {x.op.name: X})
    for tensor, array in zip(tensors, expected, strict=True):
        own = values[tensor.name]
        assert own.shape == array.shape
        np.testing.assert_allclose(own, array, rtol=2e-6, atol=2e-6, err_msg=tensor.name)


REFUSED = {
    r"\(ReadFile\)": lambda: tf.io.read_file("/etc/hostname"),
    r"\(EagerPyFunc\)|\(PyFunc\)": lambda: v1.py_func(lambda: 1.0, [], "float32"),
    r"\(Placeholder\)": lambda: v1.placeholder("float32", []),
    r"Fill\): a tensor of shape": lambda: tf.fill([1 << 20, 1 << 20], 0.0),
    r"\(Mul\): a tensor of shape": lambda: tf.zeros([1 << 14, 1]) * tf.zeros([1, 1 << 14]),
    r"\(MatMul\): a tensor of shape": lambda: tf.matmul(tf.zeros([1 << 14, 1]), tf.zeros([1, 1 << 14])),
    r"more than .* numbers in all": lambda: tf.while_loop(lambda _: True, lambda x: x * 1.5, [tf.zeros([1000, 1000])])[0],
    r"TensorListReserve|TensorArrayV3\): .* steps": lambda: tf.TensorArray("float32", 1 << 30).stack(),
    r"more than .* operations": lambda: tf.while_loop(lambda _: True, lambda n: n + 1.0, [0.0])[0],
}


@pytest.mark.parametrize("of_2", [False, True], ids=["loops of 1", "loops of 2"])
@pytest.mark.parametrize("words", REFUSED)
def test_what_does_more_than_compute_or_is_too_large_is_refused(words, of_2, monkeypatch):
    monkeypatch.setattr("gru_tf.interchange.tensorflow.graph.values.MOST_OPERATIONS", 2000)
    monkeypatch.setattr("gru_tf.interchange.tensorflow.graph.values.MOST_NUMBERS", 1 << 28)
    with loops(of_2), tf.Graph().as_default() as graph:
        tensor = REFUSED[words]()
        values = Values(file.graph_of(graph.as_graph_def()), lambda _: None, {})
    with pytest.raises(limits.UnfollowedError, match=words):
        values[tensor.name]


def test_a_file_that_is_no_graph_or_too_large_is_refused(tmp_path, monkeypatch):
    (tmp_path / "a.meta").write_bytes(b"\xff" * 100)
    with pytest.raises(UserError, match="a.meta: expected a graph of TensorFlow"):
        file.read_meta_graph(tmp_path / "a.meta")
    monkeypatch.setattr(file, "LARGEST", 10)
    with pytest.raises(UserError, match="a.meta: expected a graph of at most 10 bytes. Received: 100"):
        file.read_meta_graph(tmp_path / "a.meta")
