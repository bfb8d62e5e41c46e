"""Small programs of users, written for `keras.layers.GRU`: with `gru_tf.GRU` in its place they give the same numbers.

Each program builds and uses a model with `layers.GRU` and returns numbers. Its weights are random and the same whatever
the layer; for a layer in the convention "write" they are those of the same function, the update gate's blocks negated.
"""

import re
from functools import partial
from pathlib import Path
from unittest.mock import patch

import keras
import keras_tuner
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from places import ROOT
from safetensors.numpy import save_file

import gru_tf

CLOSE = {"rtol": 0, "atol": 5e-6}
ROUNDED = {"rtol": 0, "atol": 3e-2}  # bfloat16 has eight bits


def data(*shape):
    return np.random.default_rng(1).normal(size=shape).astype("float32")


def same_weights(model):
    """Random weights, the same in each run; of a layer in the convention "write", those of the same function."""
    rng = np.random.default_rng(2)
    writers = [layer for layer in model._flatten_layers() if getattr(layer, "convention", "") == "write"]
    negated = {id(w): layer.units for layer in writers if isinstance(layer, gru_tf.GRU) for w in layer.weights}
    for weight in model.trainable_weights:
        value = rng.normal(scale=0.5, size=weight.shape)
        value[..., : negated.get(id(weight), 0)] *= -1
        weight.assign(value)
    return model


def functional(tmp_path):
    inputs = keras.Input((6, 3))
    x = layers.GRU(4, return_sequences=True)(inputs)
    x, state = layers.GRU(4, return_state=True, reset_after=False)(x)
    model = same_weights(keras.Model(inputs, [layers.Dense(2)(x), state]))
    return [*model.predict(data(5, 6, 3), verbose=0)]


def sequential(tmp_path):
    model = keras.Sequential([keras.Input((6, 3)), layers.GRU(4, "tanh", kernel_regularizer="l2"), layers.Dense(1)])
    same_weights(model)
    model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=False)  # XLA would take seconds for each layer
    history = model.fit(data(8, 6, 3), data(8, 1), epochs=3, batch_size=4, shuffle=False, verbose=0)
    return [
        history.history["loss"],
        model.predict(data(8, 6, 3), verbose=0),
        model.evaluate(data(8, 6, 3), data(8, 1), verbose=0),
    ]


def subclassed(tmp_path):
    class Tagger(keras.Model):
        def __init__(self):
            super().__init__()
            self.read = layers.GRU(5, return_sequences=True, go_backwards=True)
            self.tag = layers.TimeDistributed(layers.Dense(2))

        def call(self, x):
            return self.tag(self.read(x))

    model = Tagger()
    model(data(2, 4, 3))
    same_weights(model)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(model(data(2, 4, 3))))
    return [loss, tape.gradient(loss, model.tag.trainable_weights)[0]]


def bidirectional(tmp_path):
    model = keras.Sequential(
        [keras.Input((None, 3)), layers.Bidirectional(layers.GRU(4), merge_mode="sum"), layers.Dense(2)]
    )
    return [same_weights(model).predict(data(3, 7, 3), verbose=0)]


def stateful(tmp_path):
    model = same_weights(keras.Sequential([keras.Input((4, 3), batch_size=2), layers.GRU(4, stateful=True)]))
    parts = [model.predict(part, verbose=0) for part in (data(2, 8, 3)[:, :4], data(2, 8, 3)[:, 4:])]
    model.layers[0].reset_state()
    return [*parts, model.predict(data(2, 8, 3)[:, 4:], verbose=0)]


def masked(tmp_path):
    words = np.array([[3, 1, 4, 1, 5], [9, 2, 0, 0, 0], [6, 0, 5, 0, 3], [0, 0, 0, 0, 0]])
    model = keras.Sequential(
        [keras.Input((5,)), layers.Embedding(10, 3, mask_zero=True), layers.GRU(4, dropout=0.2), layers.Dense(1)]
    )
    return [same_weights(model).predict(words, verbose=0)]


def mixed_precision(tmp_path):
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        model = same_weights(keras.Sequential([keras.Input((6, 3)), layers.GRU(4), layers.Dense(1, dtype="float32")]))
        assert model.layers[0].compute_dtype == "bfloat16"
        return [model.predict(data(5, 6, 3), verbose=0)]
    finally:
        keras.mixed_precision.set_global_policy("float32")


def exported(tmp_path):
    model = same_weights(keras.Sequential([keras.Input((6, 3), batch_size=2), layers.GRU(4), layers.Dense(2)]))
    model.export(tmp_path / "exported", verbose=False)
    loaded = tf.saved_model.load(tmp_path / "exported")
    return [loaded.serve(data(2, 6, 3))]


def cloned(tmp_path):
    model = same_weights(
        keras.Sequential([keras.Input((6, 3)), layers.GRU(4, recurrent_dropout=0.1, seed=1), layers.Dense(2)])
    )
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    assert type(clone.layers[0]) is layers.GRU or type(clone.layers[0]) is gru_tf.GRU
    return [clone.predict(data(3, 6, 3), verbose=0)]


def tuned(tmp_path):
    def build(hp):
        units = hp.Choice("units", [3, 4])
        model = same_weights(keras.Sequential([keras.Input((6, 3)), layers.GRU(units), layers.Dense(1)]))
        model.compile(keras.optimizers.SGD(hp.Float("rate", 0.01, 0.1)), "mse", run_eagerly=True)
        return model

    tuner = keras_tuner.RandomSearch(build, "loss", max_trials=2, seed=3, directory=tmp_path, project_name="tuned")
    tuner.search(data(8, 6, 3), data(8, 1), epochs=2, shuffle=False, verbose=0)
    best = tuner.oracle.get_best_trials(2)
    return [[trial.score for trial in best], [trial.hyperparameters.values["units"] for trial in best]]


PROGRAMS = [functional, sequential, subclassed, bidirectional, stateful, masked, mixed_precision, exported, cloned, tuned]


@keras.saving.register_keras_serializable(package="tests")
class Write(gru_tf.GRU):
    """`gru_tf.GRU` whose convention is "write" by default."""

    def __init__(self, *args, **options):
        super().__init__(*args, **{"convention": "write", **options})


def run(program, layer, tmp_path):
    """The program's numbers with `keras.layers.GRU` replaced."""
    keras.utils.set_random_seed(0)
    with patch.object(layers, "GRU", layer):
        return [np.array(number, "float32") for number in program(tmp_path)]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_same_numbers(program, tmp_path):
    expected = run(program, layers.GRU, tmp_path / "stock")
    assert any(np.ptp(number) > 0 for number in expected), "numbers that could differ"
    for name, layer in (("keep", gru_tf.GRU), ("write", Write)):
        actual = run(program, layer, tmp_path / name)
        assert len(actual) == len(expected)
        for a, b in zip(actual, expected, strict=True):
            np.testing.assert_allclose(a, b, **(ROUNDED if program is mixed_precision else CLOSE), err_msg=name)


def test_ten_programs_and_another_layer_gives_other_numbers(tmp_path):
    assert len(PROGRAMS) == 10
    other = partial(layers.GRU, recurrent_activation="hard_sigmoid")
    for program in (functional, bidirectional, masked):
        expected, actual = (run(program, layer, tmp_path) for layer in (layers.GRU, other))
        with pytest.raises(AssertionError):
            np.testing.assert_allclose(actual[0], expected[0], **CLOSE)


GUIDES = ("your_data", "import_and_export", "inside", "attention", "experiments", "gpu")
PAGES = [ROOT / "README.md", ROOT / "docs" / "index.md", ROOT / "docs" / "reference" / "layers.md"]
PAGES += [ROOT / "docs" / "how-to" / f"{name}.md" for name in GUIDES]
EXAMPLES = [e for p in PAGES for e in re.findall(r"^```python\n(.*?)^```", p.read_text("utf-8"), re.MULTILINE | re.DOTALL)]
OF_LAYERS = [example for example in EXAMPLES if not re.search(r"gru_tf\.(run|compare|results)\(", example)]


@pytest.mark.filterwarnings("ignore:Layer \\w+ does not have a `quantize`")  # Keras' of each model that is quantised
@pytest.mark.parametrize("example", OF_LAYERS, ids=lambda example: example.splitlines()[0])
def test_the_pages_examples_run_and_print_what_they_say(example, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # one saves a figure, one reads a model
    weights = {"embedding.weight": (65, 5), "rnn.weight_ih_l0": (12, 5), "rnn.weight_hh_l0": (12, 4)}
    save_file({key: data(*shape) for key, shape in (weights | {"head.weight": (65, 4)}).items()}, "model.safetensors")
    names = {}
    exec(example, names)  # noqa: S102
    printed = capsys.readouterr().out.splitlines()
    said = [line.rpartition("  # ")[2] for line in example.splitlines() if line.startswith("print(") and "  # " in line]
    assert len(printed) == len(said) or not said
    for line, comment in zip(printed, said, strict=False):
        if "machine without a GPU" not in comment or not tf.config.list_logical_devices("GPU"):
            assert comment.endswith(line)
    if "stack" in names:
        assert names["outputs"].shape == (8, 20, 32)
        assert names["stack"](names["outputs"]).shape == (8, 128)
        assert names["model"].output_shape == (None, 1)
    if "import_model" in example:
        assert names["model"].output_shape == (None, None, 65)
        assert Path("streaming.onnx").is_file()


def test_there_are_examples_of_layers():
    assert len(OF_LAYERS) == 8
