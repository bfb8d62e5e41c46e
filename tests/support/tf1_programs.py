"""Random programs as they were written for TensorFlow 1: their graphs, checkpoints and numbers."""

import contextlib
import warnings
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from tf_keras.src.layers.rnn import legacy_cells as rnn_cell

v1 = tf.compat.v1
TOKENS, BATCH = 9, 2
NAMES_BEFORE = ("w_in", "proj", "w_1", "dense/kernel", "input_layer/weights", "fc")
NAMES_ON_TOP = ("w_out", "fc", "w_2", "dense_1/kernel", "logits/kernel", "output/weights", "softmax_w")
ACTIVATIONS = {"relu": tf.nn.relu, "tanh": tf.nn.tanh, "sigmoid": tf.nn.sigmoid, "elu": tf.nn.elu}


@dataclass(frozen=True)
class Program:
    """What a program does.

    Args:
        hidden: whether it does something that leaves no trace in a checkpoint without a graph.
    """

    seed: int
    cells: tuple[str, ...]
    units: int
    two_ways: bool
    features: int
    tokens: bool
    before: str
    before_activation: str
    runner: str
    after: str
    heads: tuple[str, ...]
    head_activation: str
    end: str
    forget_bias: float
    loops_of_2: bool
    graph: bool

    @property
    def hidden(self):
        computed = (self.before_activation, self.head_activation, self.end, self.after not in ("", "last"))
        return (
            any(computed) or (self.forget_bias != 1 and any("lstm" in cell for cell in self.cells)) or "relu" in self.cells
        )


def draw(seed):
    rng = np.random.default_rng([seed, 5])

    def one(*values):
        return values[rng.integers(len(values))]

    units = int(one(3, 4))
    cells = tuple(one("gru", "basic_lstm", "lstm", "rnn", "relu") for _ in range(one(1, 1, 2)))
    before = one("", "", *NAMES_BEFORE)
    heads = tuple(str(name) for name in rng.permutation(NAMES_ON_TOP)[: one(0, 1, 1, 2)] if name != before)
    two_ways = one(False, False, True)
    return Program(
        seed,
        cells[:1] if two_ways else cells,
        units,
        two_ways,
        int(one(1, 3, units)),
        one(False, False, True),
        before,
        one("", "", *ACTIVATIONS) if before else "",
        "dynamic" if two_ways else one("dynamic", "dynamic", "static", "time_major"),
        one(*[""] * 6, "last", "last", "last", "mean", "relu", "residual", "dropout", "active dropout", "scale"),
        heads,
        one("", *ACTIVATIONS) if len(heads) > 1 else "",
        one("", "", "", "sigmoid"),
        float(one(1.0, 1.0, 0.3)),
        one(False, True),
        one(True, True, False),
    )


CELLS = {
    "gru": lambda program: rnn_cell.GRUCell(program.units),
    "basic_lstm": lambda program: rnn_cell.BasicLSTMCell(program.units, forget_bias=program.forget_bias),
    "lstm": lambda program: rnn_cell.LSTMCell(program.units, forget_bias=program.forget_bias),
    "rnn": lambda program: rnn_cell.BasicRNNCell(program.units),
    "relu": lambda program: rnn_cell.BasicRNNCell(program.units, activation=tf.nn.relu),
}


def linear(x, name, width):
    """A linear layer with a bias, in the names of one manner or another."""
    kernel = v1.get_variable(name, [x.shape[-1], width])
    scope, _, last = name.rpartition("/")
    bias = {"kernel": "bias", "weights": "biases"}.get(last, last.replace("w", "b") if "w" in last else f"{last}_bias")
    bias = v1.get_variable(f"{scope}/{bias}" if scope else bias, [width])
    return tf.tensordot(x, kernel, 1) + bias if len(x.shape) > 2 else tf.matmul(x, kernel) + bias


def cells_of(program):
    cells = [CELLS[name](program) for name in program.cells]
    return cells[0] if len(cells) == 1 else rnn_cell.MultiRNNCell(cells)


def recurrent(program, x, steps):
    if program.two_ways:
        y, _ = v1.nn.bidirectional_dynamic_rnn(cells_of(program), cells_of(program), x, dtype="float32")
        return tf.concat(y, -1)
    if program.runner == "static":
        y, _ = v1.nn.static_rnn(cells_of(program), tf.unstack(x, steps, axis=1), dtype="float32")
        return tf.stack(y, axis=1)
    if program.runner == "time_major":
        y, _ = v1.nn.dynamic_rnn(cells_of(program), tf.transpose(x, [1, 0, 2]), dtype="float32", time_major=True)
        return tf.transpose(y, [1, 0, 2])
    return v1.nn.dynamic_rnn(cells_of(program), x, dtype="float32")[0]


def behind(program, x, y):
    if program.after == "residual":
        return y + x if x.shape[-1] == y.shape[-1] else y * 1.5
    if program.after == "dropout":
        return tf.nn.dropout(y, rate=1 - v1.placeholder_with_default(1.0, [], name="keep_prob"))
    functions = {
        "last": lambda y: y[:, -1],
        "mean": lambda y: tf.reduce_mean(y, axis=1),
        "relu": tf.nn.relu,
        "active dropout": lambda y: tf.nn.dropout(y, rate=0.4, seed=1),
        "scale": lambda y: 1.1 * y,
    }
    return functions.get(program.after, lambda y: y)(y)


def written(program, steps):
    """The program's input and output, in the graph that is the default."""
    if program.tokens:
        inputs = v1.placeholder("int32", [None, steps if program.runner == "static" else None])
        x = tf.nn.embedding_lookup(v1.get_variable("embedding", [TOKENS, program.features]), inputs)
    else:
        inputs = x = v1.placeholder("float32", [None, steps if program.runner == "static" else None, program.features])
    if program.before:
        x = linear(x, program.before, program.units if program.seed % 2 else 5)
        x = ACTIVATIONS.get(program.before_activation, lambda x: x)(x)
    y = behind(program, x, recurrent(program, x, steps))
    for n, name in enumerate(program.heads):
        y = linear(y, name, [2, int(x.shape[-1]), 5][(program.seed + n) % 3])
        y = ACTIVATIONS.get(program.head_activation if n < len(program.heads) - 1 else "", lambda y: y)(y)
    return inputs, ACTIVATIONS.get(program.end, lambda y: y)(y)


@contextlib.contextmanager
def loops(of_2):
    """Inside, loops are those of TensorFlow 2, or of 1; variables, too."""
    before = v1.control_flow_v2_enabled(), v1.resource_variables_enabled()
    try:
        (v1.enable_control_flow_v2 if of_2 else v1.disable_control_flow_v2)()
        (v1.enable_resource_variables if of_2 else v1.disable_resource_variables)()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on what TensorFlow 2 calls deprecated
            yield
    finally:
        (v1.enable_control_flow_v2 if before[0] else v1.disable_control_flow_v2)()
        (v1.enable_resource_variables if before[1] else v1.disable_resource_variables)()


def save(program, folder, steps=4):
    """Train nothing, save the program's checkpoint; its prefix, input and output."""
    rng = np.random.default_rng([program.seed, 6])
    sequences = rng.normal(size=(BATCH, steps, program.features)).astype("float32")
    sequences = rng.integers(0, TOKENS, (BATCH, steps)).astype("int32") if program.tokens else sequences
    with loops(program.loops_of_2), tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        inputs, y = written(program, steps)
        targets = v1.placeholder("float32", y.shape)
        v1.train.AdamOptimizer().minimize(tf.reduce_sum((y - targets) ** 2))
        session.run(v1.global_variables_initializer())
        for variable in v1.trainable_variables():
            variable.load(rng.normal(size=variable.shape).astype("float32") / 1.5, session)
        path = folder / f"program-{program.seed}"
        v1.train.Saver().save(session, str(path), write_meta_graph=program.graph)
        return path, sequences, session.run(y, {inputs: sequences})
