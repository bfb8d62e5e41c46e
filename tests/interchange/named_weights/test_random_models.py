"""Random Sequential models whose weights alone are saved: read as they are, or refused; what was assumed is named.

What is compared with: the model itself, run by the Keras that saved it; and, where the file was read without options, the
same model with every property that the result names as not covered at its usual value.
"""

import random
from dataclasses import dataclass, replace

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from refusals import refused

from gru_tf.foundation.errors import UserError
from gru_tf.interchange import importing

tf_keras = pytest.importorskip("tf_keras")

RELATIVE, TOKENS, WIDTHS = 1e-5, 7, (3, 4, 5)
CELLS = {"gru": "GRU", "lstm": "LSTM", "rnn": "SimpleRNN"}
SNAKE = {"gru": "gru", "lstm": "lstm", "rnn": "simple_rnn", "dense": "dense", "embedding": "embedding"}
NORMS = {"layer_norm": "LayerNormalization", "batch_norm": "BatchNormalization"}
FUNCTIONS = ("relu", "tanh", "softmax", "elu")
FORMS = ("keras_2.h5", "keras_2.weights.h5", "keras_3.weights.h5", "names.npz", "positions.npz")


@dataclass(frozen=True)
class Step:
    """A layer: its kind, units, whether in both directions, and its activation."""

    kind: str
    units: int = 0
    both: bool = False
    function: str = ""


@dataclass(frozen=True)
class Model:
    """A Sequential model."""

    steps: tuple[Step, ...]
    embedded: bool
    features: int = 4
    activation: str = "tanh"
    gate: str = "sigmoid"
    every_step: bool = True
    mask_zero: bool = False
    backwards: bool = False
    reset_after: bool = True
    epsilon: float = 1e-3

    def build(self, library, seed=0):
        """A model of TF-Keras or Keras 3, with random weights."""
        layers, last = library.layers, max(n for n, step in enumerate(self.steps) if step.kind in CELLS)
        model = library.Sequential()
        if self.embedded:
            model.add(layers.Embedding(TOKENS, self.features, mask_zero=self.mask_zero))
        for n, step in enumerate(self.steps):
            model.add(self._layer(layers, step, self.every_step or n < last))
        model(self.inputs())
        rng = np.random.default_rng(seed)
        shapes = [(weight.name, tuple(weight.shape)) for weight in model.weights]
        model.set_weights([rng.normal(0, 0.6, s) if "variance" not in n else rng.uniform(0.5, 2, s) for n, s in shapes])
        return model

    def _layer(self, layers, step, every):
        if step.kind in CELLS:
            options = {
                "activation": self.activation,
                "return_sequences": every,
                "go_backwards": self.backwards and not step.both,
            }
            if step.kind != "rnn":
                options["recurrent_activation"] = self.gate
            if step.kind == "gru":
                options["reset_after"] = self.reset_after
            layer = getattr(layers, CELLS[step.kind])(step.units, **options)
            return layers.Bidirectional(layer) if step.both else layer
        if step.kind in NORMS:
            return getattr(layers, NORMS[step.kind])(epsilon=self.epsilon)
        if step.kind == "dense":
            return layers.Dense(step.units, activation=step.function or None)
        return layers.Dropout(0.2) if step.kind == "dropout" else layers.Activation(step.function)

    def inputs(self):
        rng = np.random.default_rng(3)
        if self.embedded:
            return rng.integers(0, TOKENS, (2, 6)).astype("int32")
        return rng.normal(size=(2, 6, self.features)).astype("float32")

    def assumed(self, form):
        """The same with all that a file cannot tell, and an import without options assumes, at its usual value."""
        steps = [step for step in self.steps if step.kind != "activation" or "npz" not in form]
        modules = [n for n, step in enumerate(steps) if step.kind not in ("dropout", "activation")]
        if steps[modules[-1]].kind == "dense":
            steps[modules[-1]] = replace(steps[modules[-1]], function="")
        usual = Model((), False)
        own = {
            name: getattr(usual, name) for name in ("activation", "gate", "every_step", "mask_zero", "backwards", "epsilon")
        }
        return replace(self, steps=tuple(steps), **own)

    def unusual(self, form):
        """Words that the result must have for each property that is not at its usual value."""
        steps = [step for step in self.steps if step.kind not in ("dropout", "activation")]
        if steps[-1].function:
            yield "the activation of "
        if self.activation != "tanh":
            yield "activation of recurrent layers"
        if self.gate != "sigmoid" and any(step.kind in ("gru", "lstm") for step in steps):
            yield "activation of gates"
        if not self.every_step:
            yield "every step"
        if self.embedded and self.mask_zero:
            yield "mask_zero"
        if self.backwards and any(step.kind in CELLS and not step.both for step in steps):
            yield "backwards"
        if any(step.kind in NORMS for step in steps):
            yield "epsilons"
        if "npz" in form and any(step.kind == "activation" for step in self.steps):
            yield "layers without weights"


def drawn(seed):
    """A random model; widths are few, so that layers often fit in several orders."""
    rng = random.Random(seed)
    steps = []
    for n in range(rng.randint(1, 5)):
        kind = rng.choice([*CELLS, *CELLS, "dense", *NORMS, "dropout", "activation"]) if n else rng.choice([*CELLS])
        steps.append(Step(kind, rng.choice(WIDTHS), kind in CELLS and rng.random() < 0.3, _function(rng, kind)))
    if rng.random() < 0.6:
        steps.append(Step("dense", rng.choice(WIDTHS), function=rng.choice(["", "", "softmax"])))
    odd = rng.random() < 0.5
    return Model(
        tuple(steps),
        rng.random() < 0.6,
        rng.choice(WIDTHS),
        activation=rng.choice(["tanh", "relu"]) if odd else "tanh",
        gate=rng.choice(["sigmoid", "hard_sigmoid"]) if odd else "sigmoid",
        every_step=rng.random() < 0.7,
        mask_zero=odd and rng.random() < 0.3,
        backwards=odd and rng.random() < 0.2,
        reset_after=rng.random() < 0.7,
        epsilon=rng.choice([1e-3, 1e-2]),
    )


def _function(rng, kind):
    if kind == "activation":
        return rng.choice(FUNCTIONS)
    return rng.choice(["", "relu", "tanh"]) if kind == "dense" else ""


def library_of(form):
    return keras if form.startswith("keras_3") else tf_keras


def saved(model, form, folder):
    """A file of this form, and the Keras model that it was saved from."""
    library = library_of(form)
    library.backend.clear_session()
    built, path = model.build(library), folder / form
    if form == "names.npz":
        np.savez(path, **{weight.name: weight.numpy() for weight in built.weights})
    elif form == "positions.npz":
        np.savez(path, *built.get_weights())
    else:
        built.save_weights(path)
    return path, built


def outputs(built, model):
    return np.asarray(built(model.inputs(), training=False))


def agree(own, other):
    return own.shape == other.shape and np.abs(own - other).max() <= RELATIVE * max(np.abs(other).max(), 1e-3)


def order_of(model, built, form):
    """The order that a user states, by the names that the file has."""
    items, seen = [], {}
    steps = iter(model.steps)
    for layer in built.layers:
        kind = "embedding" if type(layer).__name__ == "Embedding" else None
        step = None if kind else next(steps)
        kind = kind or ("bidirectional" if step.both else SNAKE.get(step.kind, type(layer).__name__))
        kind = {"LayerNormalization": "layer_normalization", "BatchNormalization": "batch_normalization"}.get(kind, kind)
        if step is not None and step.kind in ("dropout", "activation"):
            items.append("dropout" if step.kind == "dropout" else step.function)
            continue
        number = seen.get(kind, 0)
        seen[kind] = number + 1
        own = f"{kind}_{number}" if number else kind
        name = layer.name if form in ("keras_2.h5", "names.npz") else own
        items.append(name + (f":{model.epsilon}" if step is not None and step.kind in NORMS else ""))
        if step is not None and step.kind == "dense" and step.function:
            items.append(step.function)
    return ",".join(items)


def stated(model, built, form):
    """The options that say all that the file does not record."""
    gate = "keras2_hard_sigmoid" if model.gate == "hard_sigmoid" and not form.startswith("keras_3") else model.gate
    return {
        "order": order_of(model, built, form),
        "every_step": model.every_step,
        "activation": model.activation,
        "recurrent_activation": gate,
    }


SETTINGS = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_without_options_it_is_the_model_but_for_what_is_named_or_refused(form, tmp_path):
    read = []

    @SETTINGS
    @given(st.integers(0, 10**6))
    def holds(seed):
        model = drawn(seed)
        path, _ = saved(model, form, tmp_path)
        try:
            imported = importing.import_file(path, verify=False)
        except UserError:
            return
        read.append(seed)
        named = " ".join(imported.uncovered)
        for words in model.unusual(form):
            assert words in named, (model, words)
        usual = model.assumed(form).build(library_of(form))
        assert agree(outputs(imported.model, model), outputs(usual, model)), model

    holds()
    assert len(read) >= 5


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_with_the_right_options_it_is_the_model(form, tmp_path):
    read = []

    @SETTINGS
    @given(st.integers(0, 10**6))
    def holds(seed):
        model = replace(drawn(seed), mask_zero=False, backwards=False)
        path, built = saved(model, form, tmp_path)
        try:
            imported = importing.import_file(path, verify=False, **stated(model, built, form))
        except UserError:
            if form != "positions.npz":  # which alone does not tell what its arrays are
                raise
            return
        read.append(seed)
        assert agree(outputs(imported.model, model), outputs(built, model)), model

    holds()
    assert len(read) >= 10


def test_the_comparison_notices_another_activation(tmp_path):
    model = Model((Step("gru", 4), Step("dense", 3, function="softmax")), True)
    path, built = saved(model, "keras_2.h5", tmp_path)
    imported = importing.import_file(path, verify=False)
    assert not agree(outputs(imported.model, model), outputs(built, model))
    assert agree(outputs(imported.model, model), outputs(model.assumed("keras_2.h5").build(tf_keras), model))


def test_an_order_that_does_not_fit_is_refused(tmp_path):
    model = Model((Step("gru", 4), Step("lstm", 5), Step("dense", 3)), True)
    path, _ = saved(model, "keras_2.h5", tmp_path)
    refused(
        lambda: importing.import_file(path, order="embedding,lstm,gru,dense"),
        "expected gru to take the 5 features that lstm gives",
    )
