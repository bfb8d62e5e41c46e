"""The conformance table: every public layer and cell does what a Keras layer must do, on every backend at hand.

Each check is a plain function of a layer's maker. The last sections show that no public layer is missing from the table
and that the checks are able to fail.
"""

import os
import pkgutil
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.layers import RNN, Bidirectional
from places import ROOT

import gru_tf
import gru_tf.recurrent.cells
import gru_tf.recurrent.layers
from gru_tf.recurrent.cells import CELLS
from gru_tf.recurrent.layers.parallel_rnn import ParallelRNN
from gru_tf.recurrent.layers.reverse_time import ReverseTime

APART = ROOT / ".jax"  # where `make test` puts JAX
BATCH, STEPS, FEATURES, UNITS = 3, 5, 4, 3
CLOSE = {"rtol": 0, "atol": 1e-5}
# what is asked of layers over one sequence does not hold for them; test_layers.py, test_attention.py, test_scan_cells.py do
NOT_RECURRENT = {ReverseTime, gru_tf.AttentionCell, gru_tf.AttentionDecoder}


def stepwise(name):
    """Makes `keras.layers.RNN` over the catalogue's cell."""
    return lambda **o: RNN(CELLS.find(name).build(UNITS, dtype=o.get("dtype")), **o)


def scanned(name, **options):
    """Makes the parallel scan for the catalogue's cell."""
    return lambda **o: CELLS.find(name).layer(UNITS, options, **o)


TABLE = {f"RNN({name})": stepwise(name) for name in CELLS.names()}
TABLE |= {f"ParallelRNN({name})": scanned(name) for name in ("min_gru", "min_lstm", "lru", "qrnn")}
TABLE |= {"ParallelRNN(sru)": scanned("sru", state_gates=False)}
TABLE |= {f"ParallelRNN({name})": scanned(name) for name in ("min_gru", "min_lstm")}
TABLE["ChunkedMLSTM"] = scanned("mlstm")
TABLE |= {
    f"GRU({convention}, reset {'after' if after else 'before'})": lambda c=convention, a=after, **o: gru_tf.GRU(
        UNITS, convention=c, reset_after=a, **o
    )
    for convention in ("keep", "write")
    for after in (True, False)
}
TABLE |= {
    "LSTM": lambda **o: gru_tf.LSTM(UNITS, **o),
    "LSTM(peepholes, projection)": lambda **o: gru_tf.LSTM(UNITS, peepholes=True, projection=2, **o),
    "gru_tf.RNN": lambda **o: gru_tf.RNN(gru_tf.LSTMCell(UNITS, dtype=o.get("dtype")), **o),
    "SimpleRNN": lambda **o: gru_tf.SimpleRNN(UNITS, **o),
    "RNN(list of cells)": lambda **o: gru_tf.RNN([gru_tf.LSTMCell(4), gru_tf.GRUCell(UNITS)], **o),
    "RNN(zoneout)": lambda **o: gru_tf.RNN(gru_tf.LSTMCell(UNITS, zoneout=0.2, dtype=o.get("dtype")), **o),
    "gru_tf.Bidirectional(GRU)": lambda name=None, dtype=None, **o: gru_tf.Bidirectional(
        gru_tf.GRU(UNITS, dtype=dtype, **o), name=name, dtype=dtype
    ),
    "Bidirectional(GRU)": lambda name=None, dtype=None, **o: Bidirectional(
        gru_tf.GRU(UNITS, convention="write", dtype=dtype, **o), name=name, dtype=dtype
    ),
    "ConvGRU1D": lambda **o: gru_tf.ConvGRU1D(UNITS, 2, convention="write", reset_after=True, **o),
    "ConvGRU2D": lambda **o: gru_tf.ConvGRU2D(UNITS, (2, 3), strides=2, padding="same", **o),
    "ConvGRU3D": lambda **o: gru_tf.ConvGRU3D(UNITS, 2, data_format="channels_first", **o),
    "RecurrentStack": lambda **o: gru_tf.RecurrentStack("gru", [4, UNITS], **o),
    "RecurrentStack(everything)": lambda **o: gru_tf.stacked(
        "lstm", [4, UNITS], bidirectional=True, residual=True, layer_norm=True, dropout=0.2, **o
    ),
}


def shape_of(layer):
    """Of a layer's inputs: features at each step, in as many spatial axes as the layer wants, each as long."""
    specs = keras.tree.flatten(layer.input_spec or [])
    return (BATCH, STEPS, *[FEATURES] * (specs[0].ndim - 2 if specs else 1))


def sequence(layer):
    return np.random.default_rng(1).normal(size=shape_of(layer)).astype("float32")


def weighted(layer):
    """The layer, built, with random weights."""
    if not layer.built:
        layer.build(shape_of(layer))
    rng = np.random.default_rng(2)
    layer.set_weights([rng.normal(scale=0.5, size=w.shape) if "float" in w.dtype else w for w in layer.weights])
    return layer


def check_built_and_called(make):
    """The output has the shape that was announced, for a symbol as for numbers, and stays the same when called again."""
    for options in ({}, {"return_sequences": True}, {"return_state": True}):
        layer = weighted(make(**options))
        outputs = keras.tree.flatten(layer(sequence(layer)))
        announced = layer.compute_output_shape(shape_of(layer))
        announced = announced if "return_state" in options else [announced]
        announced = [one for each in announced for one in (each if isinstance(each, list) else [each])]  # of a list of cells
        assert [tuple(o.shape) for o in outputs] == [tuple(shape) for shape in announced]
        symbol = keras.tree.flatten(layer(keras.Input((None, *shape_of(layer)[2:]))))
        assert [o.shape[1:] for o in symbol][-1] == tuple(outputs[-1].shape[1:]) or options == {"return_sequences": True}
        for again, output in zip(keras.tree.flatten(layer(sequence(layer))), outputs, strict=True):
            np.testing.assert_array_equal(again, output)


def check_configuration(make):
    """The configuration makes the layer again."""
    layer = make(name="one")
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert again.name == "one"
    weighted(again)
    np.testing.assert_array_equal(again(sequence(layer)), weighted(layer)(sequence(layer)))


def check_saved(make):
    """A saved model gives the same numbers."""
    layer = make()
    model = keras.Sequential([keras.Input((None, *shape_of(layer)[2:])), layer])
    weighted(layer)
    with TemporaryDirectory() as folder:
        model.save(Path(folder, "model.keras"))
        loaded = keras.saving.load_model(Path(folder, "model.keras"))
    assert type(loaded.layers[0]) is type(model.layers[0])
    np.testing.assert_array_equal(loaded(sequence(layer)), model(sequence(layer)))


def check_masked(make):
    """The output of a right-padded sequence is that of the sequence alone, whatever the padding holds."""
    lengths = [2, 4, STEPS]
    mask = np.arange(STEPS) < np.array(lengths)[:, None]
    layer = weighted(make())
    x = sequence(layer)
    padded = layer(np.where(mask.reshape(BATCH, STEPS, *[1] * (x.ndim - 2)), x, 9), mask=tf.constant(mask))
    for row, length in enumerate(lengths):
        np.testing.assert_allclose(padded[row], layer(x[row : row + 1, :length])[0], **CLOSE)


def check_gradient(make):
    """Every weight has a gradient that is finite and not zero throughout."""
    layer = weighted(make())
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(sequence(layer)) ** 3)
    for weight, gradient in zip(layer.trainable_weights, tape.gradient(loss, layer.trainable_weights), strict=True):
        assert gradient is not None, weight.path
        assert np.isfinite(gradient).all(), weight.path
        assert np.any(gradient), weight.path


def check_mixed_precision(make):
    """Half-precision outputs from float32 weights, near the float32 numbers."""
    half, single = weighted(make(dtype="mixed_bfloat16")), weighted(make())
    assert {w.dtype for w in half.trainable_weights} == {"float32"}
    assert half(sequence(half)).dtype == tf.bfloat16
    np.testing.assert_allclose(tf.cast(half(sequence(half)), "float32"), single(sequence(single)), rtol=0, atol=0.08)


CHECKS = [value for name, value in list(globals().items()) if name.startswith("check_")]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
@pytest.mark.parametrize("name", TABLE)
def test_layer(name, check):
    check(TABLE[name])


# --- other backends of Keras ---

ELSEWHERE = """
import sys
from pathlib import Path
import gru_tf, keras, numpy as np
assert keras.backend.backend() == sys.argv[2]
folder = Path(sys.argv[1])
mask = np.load(folder / "mask.npy")
for file in sorted(folder.glob("*.keras")):
    model = keras.saving.load_model(file)
    found, layer = np.load(file.with_suffix(".npz")), model.layers[0]
    x = found["x"]
    np.testing.assert_allclose(keras.ops.convert_to_numpy(layer(x)), found["plain"], rtol=0, atol=1e-5, err_msg=layer.name)
    if "masked" in found:
        outputs = keras.ops.convert_to_numpy(layer(x, mask=keras.ops.convert_to_tensor(mask)))
        np.testing.assert_allclose(outputs, found["masked"], rtol=0, atol=1e-5, err_msg=layer.name)
    if "trained" in found:
        model.compile(keras.optimizers.SGD(0.1), "mse")
        model.fit(x, np.zeros_like(found["plain"]), batch_size=len(x), verbose=0)
        outputs = keras.ops.convert_to_numpy(model(x))
        np.testing.assert_allclose(outputs, found["trained"], rtol=0, atol=1e-5, err_msg=layer.name)
    print("same", file.stem)
"""


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    """A model of each layer, and what TensorFlow computes of it: outputs; for some masked and trained as well."""
    folder = tmp_path_factory.mktemp("numbers")
    mask = np.arange(STEPS) < np.array([[2], [4], [5]])
    np.save(folder / "mask.npy", mask)
    for n, (name, make) in enumerate(TABLE.items()):
        layer = make()
        x, symbol = sequence(layer), keras.Input((None, *shape_of(layer)[2:]))
        model = keras.Sequential([symbol, layer], name=f"layer_{n}")
        weighted(layer)
        if "everything" in name:  # its dropout draws other numbers elsewhere
            model = keras.Sequential([symbol, without_dropout(layer)])
        model.save(folder / f"{n:02}.keras")
        found = {"x": x, "plain": np.array(model(x))}
        if "GRU(" in name or "ConvGRU" in name or "Stack" in name or "Parallel" in name or name in ("LSTM", "SimpleRNN"):
            found["masked"] = np.array(model.layers[0](x, mask=tf.constant(mask)))
        if name in ("GRU(write, reset after)", "RecurrentStack"):  # a training step is compiled: seconds each
            model.compile(keras.optimizers.SGD(0.1), "mse", run_eagerly=True)
            model.fit(x, np.zeros_like(found["plain"]), batch_size=BATCH, verbose=0)
            found["trained"] = np.array(model(x))
        np.savez(folder / f"{n:02}.npz", **found)
    return folder


BACKENDS = {"jax": pytest.mark.slow, "torch": pytest.mark.torch}


def without_dropout(stack):
    again = type(stack).from_config({**stack.get_config(), "dropout": 0.0})
    weighted(again)
    return again


@pytest.mark.parametrize("backend", [pytest.param(name, marks=mark) for name, mark in BACKENDS.items()])
def test_same_numbers_on_another_backend(backend, numbers):
    if not (find_spec(backend) or (APART / backend).is_dir()):
        pytest.skip(f"{backend} is not installed")
    command = [sys.executable, "-c", ELSEWHERE, str(numbers), backend]
    environment = {
        **os.environ,
        "KERAS_BACKEND": backend,
        "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path[1:], str(APART)]),
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("same") == len(TABLE)


# --- the table is whole ---


def classes_within(layer):
    """The classes of this project in a layer."""
    return {type(found) for found in layer._flatten_layers() if type(found).__module__.startswith("gru_tf.")}


def test_no_public_layer_or_cell_is_missing_from_the_table():
    for package in (gru_tf.recurrent.cells, gru_tf.recurrent.layers):
        for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            import_module(module.name)
    registered = {v for k, v in keras.saving.get_custom_objects().items() if k.startswith("gru_tf>") and isinstance(v, type)}
    public = {value for name in gru_tf.__all__ if isinstance(value := getattr(gru_tf, name), type)}
    layers = {value for value in registered | public if issubclass(value, keras.layers.Layer)}
    assert {gru_tf.GRU, gru_tf.LSTM, gru_tf.SimpleRNN, gru_tf.GRUCell, gru_tf.RecurrentStack, ParallelRNN} <= layers
    assert layers >= NOT_RECURRENT
    missing = layers - NOT_RECURRENT - set().union(*(classes_within(make()) for make in TABLE.values()))
    assert not missing, f"add to TABLE: {missing}"


# --- shown able to fail ---


class Unannounced(gru_tf.GRU):
    def compute_output_shape(self, *shapes):
        return (BATCH, 2 * UNITS)


class Forgetful(gru_tf.GRU):
    def get_config(self):
        return {name: value for name, value in super().get_config().items() if name != "convention"}


class Unmasked(gru_tf.GRU):
    def call(self, sequences, initial_state=None, mask=None, training=False):
        return super().call(sequences, initial_state=initial_state, training=training)


class Detached(gru_tf.GRU):
    def call(self, sequences, initial_state=None, mask=None, training=False):
        return keras.ops.stop_gradient(super().call(sequences, initial_state=initial_state, mask=mask, training=training))


class Widening(gru_tf.GRU):
    def call(self, sequences, initial_state=None, mask=None, training=False):
        return keras.ops.cast(super().call(sequences, initial_state=initial_state, mask=mask, training=training), "float32")


BROKEN = {
    check_built_and_called: Unannounced,
    check_configuration: Forgetful,
    check_saved: Forgetful,
    check_masked: Unmasked,
    check_gradient: Detached,
    check_mixed_precision: Widening,
}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
def test_a_broken_layer_fails(check):
    check(lambda **o: gru_tf.GRU(UNITS, **{"convention": "write", **o}))
    with pytest.raises((AssertionError, TypeError)):
        check(lambda **o: BROKEN[check](UNITS, **{"convention": "write", **o}))
