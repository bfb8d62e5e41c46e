"""Programs of TensorFlow 1 around one GRU, saved with their graphs and a session's numbers."""

import numpy as np
import tensorflow as tf
import tf1_programs
from tf1_programs import rnn_cell, v1

H, F, BATCH, T = 5, 4, 3, 6
CLOSE = 2e-6


def dynamic(x, **options):
    return v1.nn.dynamic_rnn(rnn_cell.GRUCell(H), x, dtype="float32", **options)


def head(y, width=2):
    return tf.tensordot(y, v1.get_variable("w_out", [y.shape[-1], width]), 1) + v1.get_variable("b_out", [width])


def saved(program, folder, *values):
    """The checkpoint of a program of the data and further inputs, the data, and what a session computes with `values`."""
    with tf1_programs.loops(False), tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        x = v1.placeholder("float32", [None, None, F], name="x")
        y, others = program(x)
        session.run(v1.global_variables_initializer())
        rng = np.random.default_rng(0)
        for variable in v1.global_variables():
            variable.load(rng.normal(size=variable.shape).astype("float32") / 2, session)
        v1.train.Saver().save(session, str(folder / "model"))
        inputs = rng.normal(size=(BATCH, T, F)).astype("float32")
        return folder / "model", inputs, session.run(y, {x: inputs, **dict(zip(others, values, strict=True))})
