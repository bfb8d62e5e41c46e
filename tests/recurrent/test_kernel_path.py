"""What `kernel_path` says against the truth: the traced graph, the numbers, and what `model.compile` resolves.

No GPU is needed: TensorFlow is told of one, and for the numbers cuDNN's operation is replaced by its documented meaning.
"""

from unittest.mock import patch

import keras
import numpy as np
import pytest
import tensorflow as tf

from gru_tf import GRU, LSTM, GRUCell, SimpleRNN, portable
from gru_tf.recurrent import kernel_conditions, kernel_path, kernels
from gru_tf.recurrent.cells import CELLS
from gru_tf.recurrent.kernel_path import Path
from gru_tf.recurrent.layers.acceleration import accelerate

BATCH, STEPS, FEATURES, UNITS = 3, 4, 2, 3
CLOSE = {"rtol": 0, "atol": 1e-6}
MASKS = {
    None: None,
    "right-padded": [[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 0, 0]],
    "left-padded": [[1, 1, 1, 1], [0, 0, 1, 1], [0, 0, 0, 1]],
    "gaps": [[1, 0, 1, 1], [0, 1, 0, 1], [1, 0, 0, 0]],
    "empty row": [[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 0, 0]],
}
CONDITIONS = {
    "use_cudnn": False,
    "recurrent_dropout": 0.5,
    "activation": "relu",
    "recurrent_activation": "hard_sigmoid",
    "unroll": True,
    "use_bias": False,
    "reset_after": False,
}
NEUTRAL = {"dropout": 0.5, "return_sequences": True, "go_backwards": True, "stateful": True}


def equals_tanh(x):
    return keras.ops.tanh(x)


@pytest.fixture
def gpu():
    """TensorFlow told of a GPU."""
    with (
        patch.object(tf.config, "list_logical_devices", return_value=["GPU:0"]),
        patch.object(tf.config, "list_physical_devices", return_value=[tf.config.PhysicalDevice("GPU:0", "GPU")]),
    ):
        yield


def sequence():
    return np.random.default_rng(1).normal(size=(BATCH, STEPS, FEATURES)).astype("float32")


def mask_named(name):
    return None if MASKS[name] is None else tf.constant(np.array(MASKS[name], bool))


def operations(layer, training=True):
    """Types of the operations in the graph that a call traces to, in functions of control flow as well."""
    call = tf.function(lambda x: layer(x, training=training), autograph=False)
    traced = call.get_concrete_function(tf.TensorSpec((BATCH, 2, FEATURES))).graph.as_graph_def()
    nodes = [*traced.node, *(node for function in traced.library.function for node in function.node_def)]
    return {node.op for node in nodes}


def has_cudnn(found):
    return any(name.startswith("CudnnRNN") for name in found)


def has_fused(found):
    return any(name.startswith("GruTf") for name in found)


def loop_in(found):
    return "while-loop" if "While" in found else "unrolled"


# --- the graph ---


def deviations(kind):
    """No, one or (for our GRU) two conditions of cuDNN broken, each beside two others; and what has no influence."""
    known = {**CONDITIONS, **NEUTRAL}
    if issubclass(kind, keras.layers.LSTM):
        del known["reset_after"]
    if issubclass(kind, keras.layers.SimpleRNN):
        known = {name: known[name] for name in ("dropout", "unroll", "use_bias")}
    broken = list(CONDITIONS.items())
    pairs = zip(broken, broken[1:] + broken[:1], strict=True) if kind is GRU else []
    return [{}, *({name: value} for name, value in known.items()), *map(dict, pairs)]


LAYERS = [GRU, LSTM, SimpleRNN, keras.layers.GRU, keras.layers.LSTM, keras.layers.SimpleRNN]


@pytest.mark.parametrize("kind", LAYERS, ids=lambda kind: f"{kind.__module__.partition('.')[0]}.{kind.__name__}")
def test_the_graph_holds_cudnn_exactly_when_the_path_says_so(kind, gpu):
    seen = set()
    cases = [(options, True) for options in deviations(kind)]
    cases += [(options, False) for options, _ in cases if "recurrent_dropout" in options]
    for options, training in cases:
        layer = kind(UNITS, **options)
        path = kernel_path.find_path(layer, training=training, jit=False)
        found = operations(layer, training)
        told = f"{options}, training={training}: {path}"
        assert has_cudnn(found) == (path.name == "cudnn") == (not path.why_not_cudnn), told
        assert path.why_not_fused, "on a GPU none is used"
        assert not has_fused(found)
        if path.name != "cudnn":
            assert path.name == loop_in(found), told
        seen.add(path.name)
    simple = issubclass(kind, keras.layers.SimpleRNN)
    assert seen == ({"while-loop", "unrolled"} if simple else {"cudnn", "while-loop", "unrolled"})


def on_cpu(kind, options, training):
    """Where the graph and the path must say the same of the fused kernels: the path, what the graph holds, in words."""
    layer = kind(UNITS, **options)
    path = kernel_path.find_path(layer, training=training)
    return path, operations(layer, training), f"{kind}, {options}, training={training}: {path}"


@pytest.mark.skipif(bool(kernels.why_not()), reason=kernels.why_not() or "-")
@pytest.mark.parametrize("kind", LAYERS, ids=lambda kind: f"{kind.__module__.partition('.')[0]}.{kind.__name__}")
def test_the_graph_holds_a_fused_kernel_exactly_when_the_path_says_so(kind):
    seen = set()
    own = [{"dtype": "float64"}, {"dtype": "mixed_bfloat16"}, {"activation": "relu"}, {"recurrent_dropout": 0.5}]
    own += [{"recurrent_activation": "relu"}] if not issubclass(kind, keras.layers.SimpleRNN) else []
    own += [{"dropout": 0.5, "implementation": 1}] if kind in (GRU, LSTM) else []
    own += [{"convention": "write"}, {"convention": "write", "reset_after": False}] if kind is GRU else []
    for options in deviations(kind) + own:
        for training in (True, False):
            path, found, told = on_cpu(kind, options, training)
            assert has_fused(found) == (path.name == "fused cpu") == (not path.why_not_fused), told
            assert "While" not in found or not has_fused(found), told
            seen.add((path.name, training))
    if kind.__module__.startswith("keras"):
        assert {name for name, _ in seen} == {"while-loop", "unrolled"}
    else:
        assert {("fused cpu", True), ("fused cpu", False), ("while-loop", True), ("unrolled", True)} <= seen


FUSED = {  # what a fused kernel is not for → the words that say so
    "use_cudnn": ({"use_cudnn": True}, "use_cudnn=True"),
    "half precision": ({"dtype": "mixed_bfloat16"}, "computes in bfloat16, the fused kernels in float32 and float64"),
    "activation": ({"activation": "relu"}, "activation is relu, not tanh"),
    "a function that equals tanh": ({"activation": equals_tanh}, "activation is equals_tanh, not tanh"),
    "recurrent_activation": ({"recurrent_activation": "relu"}, "recurrent_activation is relu, not sigmoid"),
    "unroll": ({"unroll": True}, "unroll=True"),
    "recurrent_dropout": ({"recurrent_dropout": 0.5}, "recurrent_dropout=0.5, the fused kernels have none"),
    "a dropout mask a gate": ({"dropout": 0.5, "implementation": 1}, "implementation=1 draws a dropout mask for each gate"),
}


@pytest.mark.parametrize("case", FUSED)
def test_the_reason_of_no_fused_kernel_is_the_condition_that_fails(case, monkeypatch):
    options, words = FUSED[case]
    monkeypatch.setattr(kernel_conditions, "why_no_kernels", lambda: "")
    for kind in (GRU, LSTM):
        path = kind(UNITS, **options).kernel_path()
        assert (path.name == "fused cpu", path.why_not_fused) == (False, words)
    if "dropout" in case:
        assert GRU(UNITS, **options).kernel_path(training=False).name == "fused cpu"


def test_circumstances_keep_a_fused_kernel_away(monkeypatch):
    monkeypatch.setattr(kernel_conditions, "why_no_kernels", lambda: "")
    for kind in (GRU, LSTM, SimpleRNN):
        layer = kind(UNITS)
        for mask in MASKS:
            path = layer.kernel_path(mask)
            assert (path.name, path.why_not_fused, str(path)) == ("fused cpu", "", "fused cpu")
        assert layer.kernel_path(gpu=True).why_not_fused == "TensorFlow sees a GPU"
        assert layer.kernel_path(jit=True) == Path("xla while-loop", layer.kernel_path().why_not_cudnn, "XLA compiles it")
        with portable():
            assert layer.kernel_path().why_not_fused == "the graph is to leave this process"
        monkeypatch.setattr(kernel_conditions, "why_no_kernels", lambda: "no library was built")
        assert str(layer.kernel_path()).startswith("while-loop (")
        assert str(layer.kernel_path()).endswith("; no library was built)")
        monkeypatch.setattr(kernel_conditions, "why_no_kernels", lambda: "")
    theirs = "Keras' own layer; gru_tf.LSTM has a fused kernel"
    assert kernel_path.find_path(keras.layers.LSTM(UNITS)).why_not_fused == theirs
    by_step = keras.layers.RNN(GRUCell(UNITS))
    assert kernel_path.find_path(by_step).why_not_fused == "no fused kernel for RNN over GRUCell"
    assert kernel_path.find_path(accelerate(keras.layers.LSTM(UNITS))) == Path("fused cpu", "TensorFlow sees no GPU")


class Halved(GRUCell):
    def step(self, x, states, training=False):
        return [0.5 * h for h in super().step(x, states, training)]


def test_a_cell_of_another_class_is_computed_by_itself():
    """A fused kernel would not see what a subclass does in its step."""
    own, plain = GRU(UNITS), GRU(UNITS)
    own.cell = Halved(UNITS)
    for layer in (own, plain):
        layer.build((BATCH, STEPS, FEATURES))
    plain.set_weights(own.get_weights())
    assert own.kernel_path().why_not_fused == "no fused kernel for GRU over Halved"
    np.testing.assert_allclose(own(sequence()[:, :1]), 0.5 * plain(sequence()[:, :1]), **CLOSE)


@pytest.mark.parametrize("convention", ["keep", "write"])
@pytest.mark.parametrize(
    "kind", ["sigmoid and tanh of Keras", "of keras.ops", "of TensorFlow", "a function that equals tanh"]
)
def test_only_the_functions_themselves_count(kind, convention, gpu):
    own = {
        "sigmoid and tanh of Keras": (keras.activations.tanh, keras.activations.sigmoid),
        "of keras.ops": (keras.ops.tanh, keras.ops.sigmoid),
        "of TensorFlow": (tf.tanh, tf.sigmoid),
        "a function that equals tanh": (equals_tanh, "sigmoid"),
    }
    activation, recurrent_activation = own[kind]
    layer = GRU(UNITS, activation=activation, recurrent_activation=recurrent_activation, convention=convention)
    assert has_cudnn(operations(layer)) == (layer.kernel_path().name == "cudnn") == (kind != "a function that equals tanh")


@pytest.mark.parametrize("name", CELLS.names())
def test_every_cell_of_the_catalogue(name, gpu):
    spec = CELLS.find(name)
    for layer in (spec.layer(UNITS, {}), keras.layers.RNN(spec.build(UNITS))):
        path, found = kernel_path.find_path(layer, jit=False), operations(layer)
        assert has_cudnn(found) == (path.name == "cudnn")
        assert path.name in ("cudnn", "parallel scan", "while-loop")
        assert (path.name == "while-loop") == ("While" in found)


def test_on_a_cpu_nothing_is_cudnn():
    for layer in (GRU(UNITS), keras.layers.GRU(UNITS), keras.layers.LSTM(UNITS)):
        assert kernel_path.find_path(layer).why_not_cudnn == "TensorFlow sees no GPU"
        assert not has_cudnn(operations(layer))


def test_a_wrapper_is_what_it_wraps(gpu):
    layer = keras.layers.Bidirectional(GRU(UNITS, unroll=True))
    assert kernel_path.find_path(layer, jit=False) == Path("unrolled", "unroll=True", "unroll=True")


@pytest.mark.parametrize(("options", "why"), [
    ({"use_cudnn": False}, "use_cudnn=False"),
    ({"recurrent_dropout": 0.2}, "recurrent_dropout=0.2"),
    ({"activation": "relu"}, "activation is relu"),
    ({"activation": equals_tanh}, "activation is equals_tanh"),
    ({"recurrent_activation": "hard_sigmoid"}, "recurrent_activation is hard_sigmoid"),
    ({"unroll": True}, "unroll=True"),
    ({"use_bias": False}, "use_bias=False"),
    ({"reset_after": False}, "reset_after=False"),
    ({"dropout": 0.2, "implementation": 1}, "implementation=1"),
], ids=lambda case: case if isinstance(case, str) else "-".join(case))  # fmt: skip
def test_the_reason_is_the_condition_that_fails(options, why):
    assert GRU(UNITS, **options).kernel_path(gpu=True).why_not_cudnn.startswith(why)


def test_the_first_of_several_reasons_is_given():
    assert GRU(UNITS, unroll=True, use_bias=False).kernel_path(gpu=False).why_not_cudnn == "unroll=True"
    assert kernel_path.find_path(keras.layers.RNN(GRUCell(3))).why_not_cudnn == "not one of cuDNN's layers, GRU and LSTM"


# --- XLA ---


@pytest.mark.parametrize("options", [{}, {"unroll": True}, {"use_cudnn": False}, {"recurrent_dropout": 0.5}], ids=str)
@pytest.mark.parametrize("kind", LAYERS, ids=lambda kind: f"{kind.__module__.partition('.')[0]}.{kind.__name__}")
def test_xla_is_what_model_compile_resolves(kind, options):
    if issubclass(kind, keras.layers.SimpleRNN):
        options = {name: value for name, value in options.items() if name != "use_cudnn"}
    for devices in (["GPU:0"], []):
        physical = [tf.config.PhysicalDevice("GPU:0", "GPU")] if devices else tf.config.list_physical_devices("CPU")
        with (
            patch.object(tf.config, "list_logical_devices", return_value=devices),
            patch.object(tf.config, "list_physical_devices", return_value=physical),
        ):
            model = keras.Sequential([keras.Input((STEPS, FEATURES)), kind(UNITS, **options)])
            model.compile("sgd", "mse")
            assert kernel_path.find_path(model.layers[0]).name.startswith("xla ") == model.jit_compile
    name = kernel_path.find_path(kind(UNITS, **options), gpu=True, deterministic=True).name
    assert not name.startswith("xla "), "determinism turns it off"


def test_cudnn_in_a_function_that_xla_compiles_fails(gpu):
    for layer in (GRU(UNITS), keras.layers.GRU(UNITS)):
        path = kernel_path.find_path(layer, jit=True)
        assert (path.name, path.why_not_cudnn) == ("fails", "XLA cannot compile cuDNN's operation")
        with pytest.raises(tf.errors.InvalidArgumentError, match="CudnnRNN"):
            tf.function(layer, jit_compile=True)(sequence())
    assert kernel_path.find_path(GRU(UNITS, use_cudnn=False), jit=True).name == "xla while-loop"


# --- masks ---


def cudnn(**arguments):
    """What cuDNN's operation computes, step by step: a GRU that keeps or an LSTM, zeros at padded steps."""
    x, h, lengths = arguments["input"], arguments["input_h"][:, 0], arguments["sequence_lengths"]
    assert not arguments["time_major"]
    if arguments["rnn_mode"] == "lstm":
        return cudnn_lstm(x, h, arguments["input_c"][:, 0], lengths, arguments["params"])
    features, units = x.shape[2], h.shape[1]
    sizes = [units * features] * 3 + [units * units] * 3 + [units] * 6
    parts = tf.split(arguments["params"], sizes)
    if tf.sysconfig.get_build_info()["is_cuda_build"]:  # there Keras exchanges the first two gates
        parts = [parts[i] for i in (1, 0, 2, 4, 3, 5, 7, 6, 8, 10, 9, 11)]
    w = [tf.transpose(tf.reshape(p, (units, features))) for p in parts[:3]]
    u = [tf.transpose(tf.reshape(p, (units, units))) for p in parts[3:6]]
    b, c = parts[6:9], parts[9:]
    outputs = []
    for t in range(x.shape[1]):
        a = [x[:, t] @ w[i] + b[i] for i in range(3)]
        z, r = (tf.sigmoid(a[i] + h @ u[i] + c[i]) for i in (0, 1))
        new = z * h + (1 - z) * tf.tanh(a[2] + r * (h @ u[2] + c[2]))
        real = (t < lengths)[:, None]
        outputs.append(tf.where(real, new, tf.zeros_like(new)))
        h = tf.where(real, new, h)
    nothing = tf.zeros(())
    return tf.stack(outputs, 1), h[:, None], nothing, nothing, nothing


def cudnn_lstm(x, h, c, lengths, params):
    """The same of an LSTM, whose blocks are i, f, c, o and whose first biases Keras leaves zero."""
    features, units = x.shape[2], h.shape[1]
    parts = tf.split(params, [units * features] * 4 + [units * units] * 4 + [units] * 8)
    w = tf.concat([tf.transpose(tf.reshape(p, (units, features))) for p in parts[:4]], 1)
    u = tf.concat([tf.transpose(tf.reshape(p, (units, units))) for p in parts[4:8]], 1)
    b = tf.concat(parts[8:12], 0) + tf.concat(parts[12:], 0)
    outputs = []
    for t in range(x.shape[1]):
        i, f, g, o = tf.split(x[:, t] @ w + h @ u + b, 4, 1)
        new_c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
        new = tf.sigmoid(o) * tf.tanh(new_c)
        real = (t < lengths)[:, None]
        outputs.append(tf.where(real, new, tf.zeros_like(new)))
        h, c = tf.where(real, new, h), tf.where(real, new_c, c)
    return tf.stack(outputs, 1), h[:, None], c[:, None], tf.zeros(()), tf.zeros(())


@pytest.fixture
def operation(gpu):
    """cuDNN's operation replaced; counts its calls."""
    with patch.object(tf.raw_ops, "CudnnRNNV3", side_effect=cudnn) as replaced:
        yield replaced


def weighted(kind, **options):
    layer = kind(UNITS, **options)
    layer.build((BATCH, STEPS, FEATURES))
    rng = np.random.default_rng(3)
    layer.set_weights([rng.normal(scale=0.6, size=w.shape) for w in layer.weights])
    return layer


def gradients(layer, **call):
    with tf.GradientTape() as tape:
        total = tf.add_n([tf.reduce_sum(v * v) for v in keras.tree.flatten(layer(sequence(), **call))])
    return [g.numpy() for g in tape.gradient(total, layer.trainable_weights)]


FORMS = [
    {"return_sequences": True, "return_state": True},
    {},
    {"return_sequences": True, "go_backwards": True, "return_state": True},
    {"return_sequences": True, "zero_output_for_mask": True},
    {"zero_output_for_mask": True},
    {"return_sequences": True, "dropout": 0.5, "seed": 4},
]


KINDS = {"GRU, keep": (GRU, {}), "GRU, write": (GRU, {"convention": "write"}), "LSTM": (LSTM, {})}


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("name", KINDS)
def test_on_a_gpu_the_numbers_are_those_of_a_cpu_and_the_path_is_the_one_named(name, mask, operation):
    kind, own = KINDS[name]
    states = [np.full((BATCH, UNITS), 0.3, "float32"), np.full((BATCH, UNITS), -0.4, "float32")]
    call = {"mask": mask_named(mask), "training": True, "initial_state": states[: 2 if kind is LSTM else 1]}
    for options in FORMS[:3] if own else FORMS:
        layer = weighted(kind, **own, **options)
        expected = [
            np.array(v) for v in keras.tree.flatten(weighted(kind, use_cudnn=False, **own, **options)(sequence(), **call))
        ]
        operation.reset_mock()
        actual = keras.tree.flatten(layer(sequence(), **call))
        assert operation.called == (layer.kernel_path(mask).name == "cudnn") == (mask in (None, "right-padded"))
        for a, b in zip(actual, expected, strict=True):
            np.testing.assert_allclose(a, b, **CLOSE, err_msg=str(options))
        if options == FORMS[0]:
            compiled = keras.tree.flatten(tf.function(layer)(sequence(), **call))
            for a, b in zip(compiled, expected, strict=True):
                np.testing.assert_allclose(a, b, **CLOSE, err_msg=str(options))


@pytest.mark.parametrize("mask", [None, "right-padded", "gaps"])
def test_on_a_gpu_the_gradients_are_those_of_a_cpu(mask, operation):
    for kind, own in KINDS.values():
        on_gpu, on_cpu = (weighted(kind, use_cudnn=use, return_sequences=True, **own) for use in ("auto", False))
        for a, b in zip(gradients(on_gpu, mask=mask_named(mask)), gradients(on_cpu, mask=mask_named(mask)), strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-5)


def test_the_replaced_operation_is_what_keras_takes_for_cudnn(operation):
    for kind in (keras.layers.GRU, keras.layers.LSTM):
        operation.reset_mock()
        by_keras = weighted(kind)(sequence())
        assert operation.called
        np.testing.assert_allclose(by_keras, weighted(kind, use_cudnn=False)(sequence()), **CLOSE)


@pytest.mark.parametrize("mask", ["left-padded", "gaps", "empty row"])
def test_where_keras_fails_at_a_mask_the_path_says_so(mask, operation):
    theirs = weighted(keras.layers.GRU)
    path = kernel_path.find_path(theirs, mask=mask)
    why = f"the mask is not right-padded with a step in every row: {mask}"
    assert (path.name, path.why_not_cudnn) == ("fails", why)
    with pytest.raises(tf.errors.InvalidArgumentError, match="right-padded"):
        tf.function(theirs)(sequence(), mask=mask_named(mask))


@pytest.mark.parametrize("mask", ["left-padded", "gaps", "empty row"])
def test_cudnn_demanded_for_a_mask_that_it_cannot_take_fails(mask, operation):
    for kind in (GRU, LSTM):
        layer = weighted(kind, use_cudnn=True)
        assert layer.kernel_path(mask).name == "fails"
        with pytest.raises(tf.errors.InvalidArgumentError, match="right-padded"):
            tf.function(layer)(sequence(), mask=mask_named(mask))


# --- mistakes ---


def test_an_unknown_kind_of_mask_is_refused():
    with pytest.raises(ValueError, match=r"Expected `mask` to be one of .*'right-padded'.*Received: mask='padded'"):
        GRU(UNITS).kernel_path("padded")


def test_a_layer_that_is_not_recurrent_is_refused():
    with pytest.raises(ValueError, match=r"Expected a recurrent Keras layer. Received: layer=<Dense"):
        kernel_path.find_path(keras.layers.Dense(3))


def test_a_path_reads_as_its_name_and_reason():
    assert str(Path("cudnn")) == "cudnn"
    assert str(Path("while-loop", "unroll=True")) == "while-loop (unroll=True)"
    assert str(Path("unrolled", "unroll=True", "unroll=True")) == "unrolled (unroll=True)"
    assert str(Path("while-loop", "no GPU", "turned off")) == "while-loop (no GPU; turned off)"
    assert str(Path("fused cpu", "no GPU")) == "fused cpu"
