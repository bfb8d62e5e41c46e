"""Checkpoints of TensorFlow 1: networks of `rnn_cell` compute the same as Keras models, or are refused by name.

What is compared with: TensorFlow 1's own cells, in a graph, in a session, as TF-Keras still has them; TensorFlow's kernels
for them; the equations in NumPy in float64.
"""

import shutil

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit as sigmoid
from tf_keras.src.layers.rnn import legacy_cells as rnn_cell

from gru_tf import UserError
from gru_tf.interchange import building
from gru_tf.interchange.tensorflow import tf1

v1 = tf.compat.v1
FLOAT32, FLOAT64 = 2e-6, 1e-12
MOVED = 1e-3  # far beyond both: what a comparison cannot miss
BATCH, T, F, TOKENS = 2, 4, 3, 11

pytestmark = pytest.mark.filterwarnings("ignore:.tf.nn.rnn_cell:UserWarning")


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


X = normal(1, BATCH, T, F).astype("float32")
WORDS = np.random.default_rng(2).integers(0, TOKENS, (BATCH, T)).astype("int32")


# --- programs of TensorFlow 1 ---


def ordered(state):
    """The states of a cell, or of each cell of several: h before c, which TensorFlow 1 has after it."""
    if isinstance(state, rnn_cell.LSTMStateTuple):
        return [state.h, state.c]
    return [each for inner in state for each in ordered(inner)] if isinstance(state, tuple) else [state]


def dynamic(cell, x):
    y, state = v1.nn.dynamic_rnn(cell, x, dtype="float32")
    return y, ordered(state)


def two_ways(forward, backward, x):
    y, states = v1.nn.bidirectional_dynamic_rnn(forward, backward, x, dtype="float32")
    return tf.concat(y, -1), ordered(states)


def matmul(y, w, b):
    return tf.tensordot(y, w, 1) + b


def language_model():
    with v1.variable_scope("Model"):
        words = v1.placeholder("int32", [None, T])
        x = tf.nn.embedding_lookup(v1.get_variable("embedding", [TOKENS, F]), words)
        with v1.variable_scope("RNN"):
            y, states = dynamic(rnn_cell.MultiRNNCell([rnn_cell.BasicLSTMCell(5), rnn_cell.LSTMCell(4)]), x)
        return words, matmul(y, v1.get_variable("softmax_w", [4, TOKENS]), v1.get_variable("softmax_b", [TOKENS])), states


def grus():
    x = v1.placeholder("float32", [None, T, F])
    y, states = dynamic(rnn_cell.MultiRNNCell([rnn_cell.GRUCell(5), rnn_cell.GRUCell(4)]), x)
    return x, matmul(y, v1.get_variable("dense/kernel", [4, 2]), v1.get_variable("dense/bias", [2])), states


def plain():
    x = v1.placeholder("float32", [None, T, F])
    return x, *dynamic(rnn_cell.BasicRNNCell(4), x)


def both_directions():
    x = v1.placeholder("float32", [None, T, F])
    return x, *two_ways(rnn_cell.BasicLSTMCell(4, forget_bias=0.3), rnn_cell.BasicLSTMCell(4, forget_bias=0.3), x)


def directions_apart():
    x = v1.placeholder("float32", [None, T, F])
    one, other = (rnn_cell.MultiRNNCell([rnn_cell.GRUCell(4), rnn_cell.GRUCell(4)]) for _ in range(2))
    y, (forward_0, forward_1, backward_0, backward_1) = two_ways(one, other, x)
    return x, y, [forward_0, backward_0, forward_1, backward_1]


def directions_together():
    y = x = v1.placeholder("float32", [None, T, F])
    final = []
    with v1.variable_scope("stack_bidirectional_rnn"):
        for n in range(2):
            with v1.variable_scope(f"cell_{n}"):
                y, states = two_ways(rnn_cell.LSTMCell(4), rnn_cell.LSTMCell(4), y)
                final += states
    return x, y, final


def two_scopes():
    x = v1.placeholder("float32", [None, T, F])
    with v1.variable_scope("upper_name"):
        y, first = dynamic(rnn_cell.GRUCell(4), x)
    with v1.variable_scope("lower_name"):
        y, second = dynamic(rnn_cell.GRUCell(4), y)
    return x, y, [*first, *second]


PROGRAMS = {
    language_model: {},
    grus: {},
    plain: {},
    both_directions: {"forget_bias": 0.3},
    directions_apart: {},
    directions_together: {},
    two_scopes: {"scopes": ("upper_name", "lower_name")},
}


def run(program, path, inputs, form=2):
    """Run a program once with random variables, trained by Adam, and save them; its output and final states."""
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        x, y, states = program()
        v1.train.AdamOptimizer().minimize(tf.reduce_sum(y))
        session.run(v1.global_variables_initializer())
        for n, variable in enumerate(v1.trainable_variables()):
            variable.load(normal([3, n], *variable.shape).astype("float32") / 2, session)
        v1.train.Saver(write_version=form).save(session, str(path))
        return session.run([y, states], {x: inputs})


def differ(one, other):
    assert len(one) == len(other)
    return max(np.abs(np.asarray(a) - b).max() for a, b in zip(one, other, strict=True))


def computed(foreign, inputs, **options):
    return building.build(foreign.network, states=True, **options)(inputs)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tf1")


@pytest.fixture(scope="module")
def saved(folder):
    """Program → the prefix of its checkpoint, and what it computed; the first one's in the format of version 1."""
    checkpoints = {}
    for program in PROGRAMS:
        path = folder / program.__name__ / "model.ckpt-7"
        path.parent.mkdir()
        inputs = WORDS if program is language_model else X
        checkpoints[program] = path, inputs, run(program, path, inputs, form=1 if program is language_model else 2)
    return checkpoints


@pytest.fixture(scope="module")
def bare(saved):
    """The same without graphs."""
    checkpoints = {}
    for program, (path, inputs, result) in saved.items():
        folder = path.parent.with_name(f"{program.__name__}_bare")
        shutil.copytree(path.parent, folder, ignore=shutil.ignore_patterns("*.meta"))
        checkpoints[program] = folder / path.name, inputs, result
    return checkpoints


@pytest.mark.filterwarnings("ignore:.*deprecated")
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_a_program_of_tensorflow_1_computes_the_same(saved, program):
    path, inputs, (y, states) = saved[program]
    foreign = tf1.read(path)  # all options are in the graph
    assert differ(computed(foreign, inputs), [y, *states]) < FLOAT32
    called, graph = foreign.framework()
    assert called == f"its own graph and TensorFlow {tf.__version__} (BlockLSTM, GRUBlockCell)"
    first, rest = graph(inputs)
    assert differ([first, *rest], [y, *states]) < FLOAT32
    assert "the order of its layers is that of its graph (.meta)" in foreign.warnings[0]
    assert foreign.lengths == (T,)


@pytest.mark.filterwarnings("ignore:.*deprecated")
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_without_its_graph_it_is_read_by_names_and_options(bare, program):
    path, inputs, (y, states) = bare[program]
    foreign = tf1.read(path, **PROGRAMS[program])
    outputs = computed(foreign, inputs)
    assert differ(outputs, [y, *states]) < FLOAT32
    called, kernels = foreign.framework()
    assert called == f"TensorFlow {tf.__version__} (BlockLSTM, GRUBlockCell)"
    first, rest = kernels(inputs)
    assert differ([first, *rest], [y, *states]) < FLOAT32
    notes = " ".join((*foreign.warnings, *foreign.uncovered))
    assert ("forget_bias" in notes) == (program in (language_model, directions_together))
    assert ("its own direction" in notes) == (program is directions_apart)
    assert "left out" not in notes
    alike = any(layer.forward.features == layer.width for layer in foreign.network.layers)  # what a residual needs
    assert ("residual connections" in notes) == alike


def test_the_last_step_and_masked_steps_are_those_of_the_kernels(saved):
    path, inputs, _ = saved[both_directions]
    lengths = np.array([2, 4])
    for every_step in (True, False):
        foreign = tf1.read(path, masked=True, every_step=every_step)
        real = np.arange(T) < lengths[:, None]
        y, *states = computed(foreign, [inputs, real])
        expected, final = foreign.framework()[1](inputs, lengths)
        y = np.where(real[..., None], y, 0) if every_step else y
        assert differ([y, *states], [expected, *final]) < FLOAT32


def test_options_that_the_graph_contradicts_are_refused(saved):
    path, _, _ = saved[language_model]
    with pytest.raises(UserError, match="expected its graph .* to compute .* Received: a graph that gives other numbers"):
        tf1.read(path, forget_bias=0.0)
    path, _, _ = saved[grus]
    with pytest.raises(UserError, match="expected `before` as in its graph .*: none. Received: dense/kernel"):
        tf1.read(path, before="dense/kernel")
    for without in ({"leave_out": ["dense"]}, {"head": False}):
        foreign = tf1.read(path, **without)
        assert foreign.network.outputs == 4
        assert "what was left out: dense/bias, dense/kernel" in foreign.uncovered


def test_a_wrong_reading_is_noticed(bare):
    saved = bare
    path, inputs, (y, _) = saved[language_model]
    assert differ([computed(tf1.read(path, forget_bias=0.0), inputs)[0]], [y]) > MOVED
    path, inputs, (y, _) = saved[two_scopes]
    turned = tf1.read(path.parent / "model.ckpt-7.index", scopes=("upper_name",), leave_out=["lower_name"])
    assert computed(turned, inputs)[0].shape == y.shape
    assert differ([computed(turned, inputs)[0]], [y]) > MOVED


def test_a_checkpoint_is_found_by_its_files_and_its_folder(saved, tmp_path):
    path, inputs, (y, _) = saved[grus]
    for name in ("model.ckpt-7.index", "model.ckpt-7.meta", "model.ckpt-7.data-00000-of-00001", ""):
        assert differ([computed(tf1.read(path.parent / name), inputs)[0]], [y]) < FLOAT32
    (tmp_path / "checkpoint").write_text(f'model_checkpoint_path: "{path}"')  # of another folder: not followed
    with pytest.raises(UserError, match="model.ckpt-7: expected a complete checkpoint"):
        tf1.read(tmp_path)
    (tmp_path / "checkpoint").write_bytes(bytes(range(256)))
    with pytest.raises(UserError, match="checkpoint: expected a checkpoint's name"):
        tf1.read(tmp_path)


# --- by hand: names of other times, and float64 ---


def write(path, arrays):
    arrays = {name: np.asarray(array) for name, array in arrays.items()}
    tf.raw_ops.SaveV2(
        prefix=str(path), tensor_names=list(arrays), shape_and_slices=[""] * len(arrays), tensors=list(arrays.values())
    )
    return path


def lstm(path, units=4, features=F, kernel="kernel", bias="bias", dtype="float64"):
    return {
        f"{path}/{kernel}": normal(5, features + units, 4 * units).astype(dtype),
        f"{path}/{bias}": normal(6, 4 * units).astype(dtype),
    }


def gru(path, units=4, features=F, names=("gates/kernel", "gates/bias", "candidate/kernel", "candidate/bias")):
    shapes = [(features + units, 2 * units), (2 * units,), (features + units, units), (units,)]
    return {f"{path}/{name}": normal([7, n], *shape) for n, (name, shape) in enumerate(zip(names, shapes, strict=True))}


def by_equations(arrays, x, forget_bias=1.0):
    """The outputs of BasicLSTMCell or GRUCell, whichever these arrays are of."""
    w, b, *candidate = arrays.values()
    units = b.size // (2 if candidate else 4)
    h, c, outputs = np.zeros((len(x), units)), 0.0, []
    for step in np.moveaxis(x, 1, 0):
        if candidate:
            r, u = np.split(sigmoid(np.concatenate([step, h], 1) @ w + b), 2, axis=1)
            h = u * h + (1 - u) * np.tanh(np.concatenate([step, r * h], 1) @ candidate[0] + candidate[1])
        else:
            i, j, f, o = np.split(np.concatenate([step, h], 1) @ w + b, 4, axis=1)
            c = c * sigmoid(f + forget_bias) + sigmoid(i) * np.tanh(j)
            h = np.tanh(c) * sigmoid(o)
        outputs.append(h)
    return np.stack(outputs, axis=1)


NAMES = {
    "fused": (lstm("lstm_fused_cell"), 1.0),
    "block": (lstm("net/rnn/lstm_cell"), 1.0),
    "before 1.2": (lstm("rnn/basic_lstm_cell", kernel="weights", bias="biases"), 1.0),
    "of the cuDNN layer": (lstm("cudnn_lstm/rnn/multi_rnn_cell/cell_0/cudnn_compatible_lstm_cell"), 0.0),
    "gru": (gru("rnn/gru_cell"), 0.0),
    "Sonnet 1": (lstm("core/lstm", kernel="w_gates", bias="b_gates"), 1.0),
    "gru before 1.2": (gru("g", names=("gates/weights", "gates/biases", "candidate/weights", "candidate/biases")), 0.0),
    "gru block": (gru("rnn/gru_cell", names=("w_ru", "b_ru", "w_c", "b_c")), 0.0),
}


@pytest.mark.parametrize("name", NAMES)
def test_names_of_every_time_are_known_and_numbers_are_exact_in_float64(tmp_path, name):
    arrays, forget_bias = NAMES[name]
    x = X.astype("float64")
    slots = {f"train/{variable}/Adam_1": np.zeros_like(array) for variable, array in arrays.items()}
    path = write(tmp_path / "model", arrays | slots | {"global_step": np.int64(3), "beta1_power": np.float32(0.9)})
    foreign = tf1.read(path)
    output = computed(foreign, x, dtype="float64")[0]
    np.testing.assert_allclose(output, by_equations(arrays, x, forget_bias), rtol=0, atol=FLOAT64)
    assert any("forget gates" in each for each in foreign.uncovered) == (forget_bias == 1)


def test_heads_and_embeddings_are_found_by_shape_and_by_the_options(tmp_path):
    cell = gru("rnn/gru_cell", 4, F)
    around = {"words_embedding": normal(1, TOKENS, F), "w1": normal(2, 4, 5), "b1": normal(3, 5), "w2": normal(4, 5, 2)}
    path = write(tmp_path / "one", cell | around)
    with pytest.raises(
        UserError, match=r"expected `head` with what is between w1, w2, .*: `head=\['w1', 'relu', 'w2'\]` with a"
    ):
        tf1.read(path)
    foreign = tf1.read(path, head=("w1", "w2"))
    assert [(head.name, head.bias is None) for head in foreign.network.head] == [("w1", False), ("w2", True)]
    assert foreign.network.tokens == TOKENS
    x = normal(9, BATCH, T, F)
    y = by_equations(cell, x) @ around["w1"] + around["b1"]
    foreign = tf1.read(path, embedding=False, head=("w1", "relu", "w2"))
    for output in (computed(foreign, x, dtype="float64")[0], foreign.framework()[1](x)[0]):
        np.testing.assert_allclose(output, np.maximum(y, 0) @ around["w2"], rtol=0, atol=FLOAT32)
    bare = tf1.read(path, embedding="", head=("w1",))
    np.testing.assert_allclose(computed(bare, x, dtype="float64")[0], y, rtol=0, atol=FLOAT64)
    assert "what was left out: w2, words_embedding" in bare.uncovered
    with pytest.raises(UserError, match=r"head: expected a module .* Did you mean 'w[12]'\?"):
        tf1.read(path, head=("w3",))
    with pytest.raises(UserError, match=r"one: words: expected a variable for `embedding`. Did you mean 'words_embedding'"):
        tf1.read(path, embedding="words")
    path = write(tmp_path / "two", cell | around | {"w3": normal(5, 4, 2), "more_embeddings": normal(6, 9, F)})
    with pytest.raises(UserError, match="two: expected one embedding of width 3, or `embedding`. Received: more_emb"):
        tf1.read(path)
    with pytest.raises(UserError, match="two: expected one kernel that takes 4 features, or `head`. Received: w1, w3"):
        tf1.read(path, embedding="more_embeddings")


def test_what_could_be_in_front_of_the_cells_is_not_passed_over(tmp_path):
    """A network that reads its inputs through a linear layer is another function than its cells."""
    cell, front = gru("rnn/gru_cell", 4, F), {"fc/kernel": normal(1, 6, F), "fc/bias": normal(2, F)}
    path = write(tmp_path / "one", cell | front)
    with pytest.raises(UserError, match=r"one: fc/kernel: expected `before='fc/kernel'`, or `leave_out='fc/kernel'`"):
        tf1.read(path)
    for name in ("fc", "fc/kernel"):
        assert "what was left out: fc/" in tf1.read(path, leave_out=[name]).uncovered[-1]
    with pytest.raises(UserError, match=r"leave_out: expected one of fc/kernel, fc/bias. Did you mean 'fc'\?"):
        tf1.read(path, leave_out=["fd"])
    x = normal(9, BATCH, T, 6)
    y = by_equations(cell, x @ front["fc/kernel"] + front["fc/bias"])
    foreign = tf1.read(path, before="fc/kernel")
    np.testing.assert_allclose(computed(foreign, x, dtype="float64")[0], y, rtol=0, atol=FLOAT64)
    np.testing.assert_allclose(foreign.framework()[1](x)[0], y, rtol=0, atol=FLOAT32)
    assert "before the cells: fc/kernel, without an activation behind it; give `before=[" in foreign.warnings[-1]


def lines(matrices):
    """Kernels of these names and shapes, around one cell of 8 features and 8 units."""
    return gru("rnn/gru_cell", 8, 8) | {name: normal([8, n], *shape) for n, (name, shape) in enumerate(matrices.items())}


@pytest.mark.parametrize(
    "matrices",
    [
        {"w_1": (1, 8), "w_2": (8, 1)},  # 8 → 1 → 8 on top fits by shape as well
        {"project/kernel": (8, 8)},
        {"w1": (1, 8), "w2": (8, 1)},
        {"fc": (8, 8)},
        {"fc1": (8, 5), "fc2": (5, 8), "logits": (8, 2)},
    ],
    ids=" ".join,
)
def test_a_layer_that_could_be_before_the_cells_is_never_put_on_top_by_its_shape(tmp_path, matrices):
    path = write(tmp_path / "model", lines(matrices))
    with pytest.raises(UserError, match=r"model: .*before the 8 features of the cells as well as on top"):
        tf1.read(path)


def test_names_and_options_tell_what_is_on_top(tmp_path):
    def heads(matrices, **options):
        return [head.name for head in tf1.read(write(tmp_path / "model", lines(matrices)), **options).network.head]

    assert heads({"net/output/kernel": (8, 8)}) == ["net/output/kernel"]
    assert heads({"fc": (8, 8)}, head="fc") == ["fc"]
    assert heads({"w_in": (1, 8), "w_out": (8, 1)}, leave_out=["w_in"]) == ["w_out"]


def test_a_layer_before_the_cells_is_read_where_its_name_says_so(tmp_path):
    arrays = lines({"w_in": (1, 8), "b_in": (8,), "w_out": (8, 1), "b_out": (1,)})
    foreign = tf1.read(write(tmp_path / "model", arrays))
    x = normal(3, BATCH, T, 1)
    cell = {name: array for name, array in arrays.items() if "gru_cell" in name}
    y = by_equations(cell, x @ arrays["w_in"] + arrays["b_in"]) @ arrays["w_out"] + arrays["b_out"]
    np.testing.assert_allclose(computed(foreign, x, dtype="float64")[0], y, rtol=0, atol=FLOAT64)


def test_a_vector_that_no_layer_reads_is_not_passed_over(tmp_path):
    around = {"w_out": normal(1, 8, 8), "b_out": normal(2, 8)}
    path = write(tmp_path / "model", lines({}) | around | {"b_in": normal(3, 8)})
    with pytest.raises(
        UserError, match=r"model: b_in: expected cells, an embedding and linear layers only, or `leave_out='b_in'`"
    ):
        tf1.read(path)
    network = tf1.read(path, leave_out=["b_in"]).network
    np.testing.assert_array_equal(network.head[0].bias, around["b_out"])
    path = write(tmp_path / "state", lines({"out": (8, 2), "h0": (1, 8)}))  # a learned initial state
    with pytest.raises(UserError, match="state: h0: "):
        tf1.read(path)
    path = write(tmp_path / "narrow", gru("rnn/gru_cell", 4, F) | {"out": normal(1, 4, 2), "h0": normal(2, 1, 4)})
    with pytest.raises(UserError, match="narrow: h0: expected cells, an embedding and linear layers only"):
        tf1.read(path)
    path = write(tmp_path / "further", lines({"out": (8, 2), "attention_query": (5, 7)}))
    with pytest.raises(UserError, match="further: attention_query: "):
        tf1.read(path)
    path = write(tmp_path / "norm", lines({"out": (8, 2)}) | {"batch_normalization/moving_mean": normal(3, 5)})
    with pytest.raises(UserError, match="norm: batch_normalization/moving_mean: .* a normalization, which is not read"):
        tf1.read(path)
    path = write(tmp_path / "two", lines({"out": (8, 2)}) | {"x": normal(3, 2), "y": normal(4, 2)})
    with pytest.raises(UserError, match="two: expected one bias of out, or `leave_out` for the others. Received: x, y"):
        tf1.read(path)


# --- what is refused ---

LSTM, GRU = lstm("rnn/lstm_cell"), gru("rnn/gru_cell")
DEEP = "rnn/multi_rnn_cell/cell_{}/gru_cell"
REFUSED = {
    r"rnn/lstm_cell/w_f_diag: expected a plain .* Received: peepholes": LSTM | {"rnn/lstm_cell/w_f_diag": normal(1, 4)},
    r"projection/kernel: .* Received: a projection": LSTM | {"rnn/lstm_cell/projection/kernel": normal(1, 4, 2)},
    r"gru_cell/candidate/input_projection/bias: .* CudnnCompatibleGRUCell": gru("rnn/gru_cell")
    | {"rnn/gru_cell/candidate/input_projection/bias": normal(1, 4)},
    r"rnn/gru_cell/candidate/kernel: expected this variable": {n: a for n, a in GRU.items() if "candidate/k" not in n},
    r"rnn/lstm_cell/bias: expected this variable": {"rnn/lstm_cell/kernel": LSTM["rnn/lstm_cell/kernel"]},
    r"expected variables of cell_1\. Received: none": gru(DEEP.format(0)) | gru(DEEP.format(2), 4, 4),
    r"one scope, or `scopes`, .* Received: a, b": gru("a/gru_cell") | gru("b/gru_cell"),
    r"expected one cell in each layer and direction. Received: also rnn/gru_cell": LSTM | GRU,
    r"bidirectional_rnn: expected cells in fw and bw or in neither. Received: fw": gru("bidirectional_rnn/fw/gru_cell"),
    r"expected the kind of cell of b/fw/gru_cell": gru("b/fw/gru_cell") | lstm("b/bw/lstm_cell"),
    r"rnn/lstm_cell: gates: expected kernel of shape \(I \+ H, 4H\)": LSTM | {"rnn/lstm_cell/kernel": normal(1, 7, 15)},
    r"rnn/lstm_cell: gates: expected bias of shape \(4H,\) = \(16,\)": LSTM | {"rnn/lstm_cell/bias": normal(1, 12)},
    r"expected \S+cell_1/gru_cell to take the 4 features": gru(DEEP.format(0)) | gru(DEEP.format(1), 4, 5),
    r"layer_norm_basic_lstm_cell/kernel: expected a GRU, LSTM .* layer_norm": LSTM
    | {"rnn2/layer_norm_basic_lstm_cell/kernel": normal(1, 7, 16)},
    r"core/gru/ur: expected a GRU, .* Received: Sonnet's GRU": {"core/gru/ur": normal(1, 4, 4)},
    r"core/lstm/w_h_projection: expected a plain .* Received: a projection": lstm(
        "core/lstm", kernel="w_gates", bias="b_gates"
    )
    | {"core/lstm/w_h_projection": normal(1, 4, 2)},
    r"one of TensorFlow 2, of objects of Sonnet 2, which": {"m/_w_h/.ATTRIBUTES/VARIABLE_VALUE": normal(1, 2, 2)},
    r"attention_layer/kernel: .* Received: attention": LSTM | {"decoder/attention_layer/kernel": normal(1, 7, 16)},
    r"rnn/lstm_cell/kernel: expected floating": {n: a.astype("int32") for n, a in LSTM.items()},
    r"expected variables of rnn_cell, such as .* Received: dense/kernel": {"dense/kernel": normal(1, 2, 2)},
    r"expected a checkpoint of TensorFlow 1": {"layer/kernel/.ATTRIBUTES/VARIABLE_VALUE": normal(1, 2, 2)},
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_cannot_be_converted_is_refused_by_name(tmp_path, message):
    path = write(tmp_path / "model", REFUSED[message])
    with pytest.raises(UserError, match=message) as error:
        tf1.read(path)
    assert str(error.value).startswith("model: ")
    assert "\n" not in str(error.value)


def test_a_checkpoint_that_is_not_whole_is_refused(tmp_path):
    path = write(tmp_path / "model", LSTM)
    for part in tmp_path.glob("model.*"):
        whole = part.read_bytes()
        for share in (0.0, 0.3, 0.9):
            part.write_bytes(whole[: int(share * len(whole))])
            words = r"model: (\S+: )?expected (a complete checkpoint|readable numbers)"
            with pytest.raises(UserError, match=words) as error:
                tf1.read(path)
            assert "\n" not in str(error.value)
        part.write_bytes(whole)
    (tmp_path / "text").write_text("words")
    with pytest.raises(UserError, match="text: expected a complete checkpoint"):
        tf1.read(tmp_path / "text")
    with pytest.raises(UserError, match="modell: expected a checkpoint's prefix.* Did you mean 'model'"):
        tf1.read(tmp_path / "modell")
    with pytest.raises(UserError, match="expected a folder with one checkpoint"):
        tf1.read(write(tmp_path / "second", LSTM).parent)
    scoped = write(tmp_path / "scoped", gru("a/gru_cell") | gru("b/gru_cell", 4, 4))
    with pytest.raises(UserError, match="scoped: expected each of `scopes` to be one of a, b.* Received: 'c'"):
        tf1.read(scoped, scopes=("c",))
