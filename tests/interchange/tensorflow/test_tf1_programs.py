"""Programs of TensorFlow 1 drawn at random: the imported model gives a session's numbers, or is refused."""

import numpy as np
import pytest
import tensorflow as tf
import tf1_programs
from refusals import refused
from tf1_programs import rnn_cell, v1

import gru_tf
from gru_tf import UserError

RELATIVE = 1e-5
READ = {1, 3, 5, 8}  # of the first programs, so that not everything is refused

pytestmark = [
    pytest.mark.filterwarnings("ignore:.tf.nn.rnn_cell:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*deprec"),
]


def imported(program, folder, **options):
    """The outputs of the model and of the session; None where it was refused."""
    path, inputs, expected = tf1_programs.save(program, folder)
    try:
        model = gru_tf.import_model(path, verify=False, **options)
    except UserError:
        return None
    return np.asarray(model(inputs)), expected


def check(seed, folder):
    program = tf1_programs.draw(seed)
    if program.hidden and not program.graph:
        return None  # the checkpoint alone does not tell
    results = [imported(program, folder)]
    if program.graph and program.heads:
        results.append(imported(program, folder, head=list(program.heads)))
    for result in filter(None, results):
        own, expected = result
        assert own.shape == expected.shape, program
        np.testing.assert_allclose(
            own, expected, rtol=0, atol=RELATIVE * max(1, np.abs(expected).max()), err_msg=str(program)
        )
    return results[0] is not None


def test_a_program_is_read_with_its_numbers_or_refused(tmp_path):
    read = {seed for seed in range(9) if check(seed, tmp_path)}
    assert read == READ


@pytest.mark.slow
@pytest.mark.parametrize("first", range(9, 129, 20))
def test_more_programs_are_read_with_their_numbers_or_refused(tmp_path, first):
    assert sum(bool(check(seed, tmp_path)) for seed in range(first, first + 20)) > 2


def test_another_function_would_be_noticed(tmp_path, monkeypatch):
    """The comparison itself: a ReLU that is not read is another function."""
    seed = next(
        seed for seed in range(500) if (p := tf1_programs.draw(seed)).graph and p.head_activation == "relu" and not p.after
    )
    program = tf1_programs.draw(seed)
    own, expected = imported(program, tmp_path)
    assert np.abs(own - expected).max() < RELATIVE * np.abs(expected).max()
    monkeypatch.setattr("gru_tf.interchange.tensorflow.tf1_nodes.ACTIVATIONS", {"Relu": "tanh", "Sigmoid": "sigmoid"})
    assert imported(program, tmp_path) is None


# --- programs that do more ---


class Projected(rnn_cell.GRUCell):
    """A linear layer within the loop, as OutputProjectionWrapper has it."""

    def __init__(self, units):
        super().__init__(units)
        self.projection = v1.get_variable("projection/kernel", [units, 2]), v1.get_variable("projection/bias", [2])

    @property
    def output_size(self):
        return 2

    def call(self, inputs, state):
        y, state = super().call(inputs, state)
        return tf.matmul(y, self.projection[0]) + self.projection[1], state


def dynamic(x, cell=None, **options):
    return v1.nn.dynamic_rnn(cell or rnn_cell.GRUCell(4), x, **{"dtype": "float32", **options})


def head(y, name="out/kernel", width=2):
    kernel = v1.get_variable(name, [4, width])
    return tf.tensordot(y, kernel, 1) if len(y.shape) > 2 else tf.matmul(y, kernel)


def attention(x):
    y, _ = dynamic(x)
    scores = tf.tensordot(
        tf.tanh(tf.tensordot(y, v1.get_variable("w_omega", [4, 4]), 1)), v1.get_variable("u_omega", [4]), 1
    )
    return head(tf.reduce_sum(y * tf.nn.softmax(scores)[..., None], 1))


def layer_norm(x):
    y, _ = dynamic(x)
    mean, variance = tf.nn.moments(y, [-1], keepdims=True)
    return head((y - mean) * tf.math.rsqrt(variance + 1e-6) * v1.get_variable("norm/gamma", [4]))


def initial_state(x):
    first = tf.tile(v1.get_variable("h0", [1, 4]), [tf.shape(x)[0], 1])
    return head(dynamic(x, initial_state=first)[0])


def two_heads(x):
    y, _ = dynamic(x)
    return tf.concat([head(y, "a/kernel"), head(y, "b/kernel", 3)], -1)


def lengths(x):
    return head(dynamic(x, sequence_length=tf.fill([tf.shape(x)[0]], tf.shape(x)[1]))[1])


def two_programs(x):
    """The network for training, with dropout, and for testing, which share their variables."""
    with v1.variable_scope("net", reuse=v1.AUTO_REUSE):
        for keep in (0.5, 1.0):
            y = head(tf.nn.dropout(dynamic(x)[0], rate=1 - keep))
    return y


READ_WITH_GRAPH = {
    "a layer within the loop": lambda x: dynamic(x, Projected(4))[0],
    "lengths, the final state": lengths,
    "time first": lambda x: tf.transpose(head(dynamic(tf.transpose(x, [1, 0, 2]), time_major=True)[0]), [1, 0, 2]),
    "training and testing": two_programs,
}
REFUSED_WITH_GRAPH = {
    "attention": (attention, "Sum (Sum)"),
    "a normalization": (layer_norm, "moments/mean (Mean)"),
    "a learned initial state": (initial_state, "Received: h0 too"),
    "two heads": (two_heads, "side by side"),
    "a clipped cell": (lambda x: head(dynamic(x, rnn_cell.LSTMCell(4, cell_clip=0.3))[0]), "gives other numbers"),
    "a scaled input": (lambda x: head(dynamic(2 * x)[0]), "between the input and"),
    "a residual connection": (lambda x: head(dynamic(x)[0]) + head(x, "skip/kernel"), "add (AddV2)"),
}


def saved(program, folder, features):
    with tf1_programs.loops(False), tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        x = v1.placeholder("float32", [None, None, features])
        inputs = np.random.default_rng(0).normal(size=(2, 4, features)).astype("float32")
        y = program(x)
        v1.train.AdamOptimizer().minimize(tf.reduce_sum((y - v1.placeholder("float32", y.shape)) ** 2))
        session.run(v1.global_variables_initializer())
        v1.train.Saver().save(session, str(folder / "model"))
        return folder / "model", inputs, session.run(y, {x: inputs})


@pytest.mark.parametrize("name", READ_WITH_GRAPH)
def test_what_a_graph_does_is_read(tmp_path, name):
    path, inputs, expected = saved(READ_WITH_GRAPH[name], tmp_path, 3)
    own = np.asarray(gru_tf.import_model(path)(inputs))
    assert own.shape == expected.shape
    np.testing.assert_allclose(own, expected, rtol=0, atol=RELATIVE * np.abs(expected).max())


@pytest.mark.parametrize("name", REFUSED_WITH_GRAPH)
def test_what_a_model_cannot_have_is_refused_by_name(tmp_path, name):
    program, words = REFUSED_WITH_GRAPH[name]
    path, _, _ = saved(program, tmp_path, 4)
    refused(lambda: gru_tf.import_model(path), words)
