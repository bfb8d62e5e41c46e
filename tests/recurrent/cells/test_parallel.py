"""The parallel layer is `keras.layers.RNN` over the same cell in all that this promises."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance import combinations_of

from gru_tf.experiment.experiment import Run
from gru_tf.recurrent.cells import CELLS
from gru_tf.recurrent.cells.gru import GRUCell
from gru_tf.recurrent.layers.parallel_rnn import ParallelRNN
from gru_tf.training import trainer

BATCH, STEPS, FEATURES, UNITS, LONG = 4, 7, 3, 5, 4096


def first_scanned(spec):
    """The first of a cell's forms for which there is a parallel scan; None where there is none."""
    forms = (
        o for o in combinations_of(spec) if spec.has_fused(o) and type(spec.layer(spec.step_of_units(o), o)) is ParallelRNN
    )
    return next(forms, None)


FORMS = {name: form for name in CELLS.names() if (form := first_scanned(CELLS.find(name))) is not None}
PARALLEL = pytest.mark.parametrize("name", FORMS)
RIGHT = np.arange(STEPS) < np.array([1, 3, 6, STEPS])[:, None]
HOLES = np.random.default_rng(5).random((BATCH, STEPS)) < 0.6


def x(steps=STEPS, seed=1):
    return np.random.default_rng(seed).normal(size=(BATCH, steps, FEATURES)).astype("float32")


def start(name):
    """States that no positive candidate makes."""
    rng = np.random.default_rng(2)
    sizes = CELLS.find(name).state_sizes(UNITS, FORMS[name])
    return [tf.constant(rng.normal(size=(BATCH, size)).astype("float32")) for size in sizes]


def pair(name, steps=STEPS, cell_options=None, by=keras.layers.RNN, **options):
    """The parallel layer and `keras.layers.RNN`, with the same random weights, gates mostly open."""
    found = []
    for kind in (ParallelRNN, by):
        layer = kind(CELLS.find(name).build(UNITS, **FORMS[name], **(cell_options or {})), **options)
        layer.build((BATCH, steps, FEATURES))
        rng = np.random.default_rng(3)
        layer.set_weights([rng.normal(scale=0.7, size=w.shape) for w in layer.weights])
        found.append(layer)
    return found


def same(parallel, steps, tolerance=1e-5):
    """Asserts that all arrays agree."""
    for one, other in zip(tf.nest.flatten(parallel), tf.nest.flatten(steps), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance)


def test_the_cells_that_are_linear_in_their_state_have_it():
    assert list(FORMS) == ["lru", "min_gru", "min_lstm", "qrnn", "sru"]
    assert FORMS["sru"]["state_gates"] is False


OPTIONS = [
    {"return_sequences": True, "return_state": True},
    {"return_state": True},
    {"return_sequences": True, "return_state": True, "go_backwards": True},
    {"return_state": True, "go_backwards": True},
    {"return_sequences": True, "return_state": True, "zero_output_for_mask": True},
    {"return_sequences": True, "unroll": True},
]


@PARALLEL
@pytest.mark.parametrize("options", OPTIONS, ids="-".join)
def test_all_that_a_layer_returns_is_that_of_the_step_by_step_form(name, options):
    parallel, steps = pair(name, **options)
    right, holes = {"mask": tf.constant(RIGHT)}, {"mask": tf.constant(HOLES)}
    calls = [{}, {"initial_state": start(name)}]
    if not options.get("unroll"):
        calls += [right, holes]
        if not options.get("go_backwards"):  # Keras' backends differ in what they give for padding before the first step
            calls += [{**right, "initial_state": start(name)}]
    for call in calls:
        same(parallel(x(), **call), steps(x(), **call))
    assert np.abs(tf.nest.flatten(parallel(x()))[0] - tf.nest.flatten(parallel(x(seed=2)))[0]).max() > 1e-2


@PARALLEL
def test_a_row_that_is_all_padding_ends_in_its_initial_state(name):
    (parallel, _) = pair(name)
    empty = tf.zeros((BATCH, STEPS), "bool")
    same(parallel(x(), mask=empty), tf.zeros((BATCH, UNITS)))
    same(parallel(x(), mask=empty, initial_state=start(name)), start(name)[0])


@PARALLEL
def test_stateful_layers_go_on_where_they_ended_and_begin_anew_when_told(name):
    parallel, steps = pair(name, stateful=True)
    first, second = (parallel(x(seed=seed)).numpy() for seed in (1, 2))
    same([first, second], [steps(x(seed=seed)) for seed in (1, 2)])
    parallel.reset_state()
    same(parallel(x(seed=1)), first)
    assert np.abs(parallel(x(seed=1)) - first).max() > 1e-3


@PARALLEL
@pytest.mark.parametrize("sequences", [False, True])
def test_in_both_directions_with_a_mask_from_the_layer_before(name, sequences):
    outputs = []
    for kind in (ParallelRNN, keras.layers.RNN):
        layer = kind(CELLS.find(name).build(UNITS, **FORMS[name]), return_sequences=sequences)
        model = keras.Sequential(
            [keras.Input((STEPS, FEATURES)), keras.layers.Masking(9.0), keras.layers.Bidirectional(layer)]
        )
        rng = np.random.default_rng(3)
        model.set_weights([rng.normal(scale=0.7, size=w.shape) for w in model.get_weights()])
        assert type(model.layers[-1].backward_layer) is kind
        outputs.append(model(np.where(RIGHT[..., None], x(), 9.0)))
    same(*outputs)


@PARALLEL
@pytest.mark.parametrize("options", [{"dropout": 0.4}, {"dropout": 0.4, "implementation": 1}])
def test_dropout_is_that_of_the_step_by_step_form(name, options):
    parallel, steps = pair(name, cell_options={**options, "seed": 7}, return_sequences=True)
    same(parallel(x(), training=True), steps(x(), training=True))
    assert np.abs(parallel(x(), training=True) - parallel(x())).max() > 1e-2


@PARALLEL
def test_regularizers_and_constraints_reach_the_weights_through_one_call(name):
    of = {"kernel_regularizer": "l2", "kernel_constraint": "unit_norm", "bias_constraint": "non_neg"}
    layer = CELLS.find(name).layer(UNITS, FORMS[name], return_sequences=True, name="n", **of)
    layer(x())
    kernels = [w for w in layer.weights if "kernel" in w.name]
    assert (layer.name, layer.return_sequences, len(layer.losses)) == ("n", True, len(kernels))
    assert {type(w.constraint) for w in kernels} == {keras.constraints.UnitNorm}
    assert {type(w.constraint) for w in layer.weights if w.name == "bias"} <= {keras.constraints.NonNeg}


@PARALLEL
@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16", "float64"])
def test_other_precisions(name, dtype):
    parallel, steps = (
        keras.layers.RNN(
            CELLS.find(name).build(UNITS, **FORMS[name], dtype="float64"), return_sequences=True, dtype="float64"
        ),
        CELLS.find(name).layer(UNITS, FORMS[name], return_sequences=True, dtype=dtype),
    )
    for layer in (parallel, steps):
        layer.build((BATCH, STEPS, FEATURES))
        rng = np.random.default_rng(3)
        layer.set_weights([rng.normal(scale=0.7, size=w.shape) for w in layer.weights])
    outputs = steps(x())
    assert outputs.dtype == {"mixed_float16": "float16", "mixed_bfloat16": "bfloat16"}.get(dtype, dtype)
    assert {w.dtype for w in steps.weights} == {"float64" if dtype == "float64" else "float32"}
    tolerance = {"float64": 1e-12, "mixed_float16": 2e-2, "mixed_bfloat16": 2e-1}[dtype]
    same(tf.cast(outputs, "float64"), parallel(x().astype("float64")), tolerance)


@PARALLEL
@pytest.mark.parametrize("jit", [False, True])
def test_a_length_that_only_the_running_graph_knows(name, jit):
    parallel, steps = pair(name, return_sequences=True)
    traced = tf.function(parallel, input_signature=[tf.TensorSpec((None, None, FEATURES))], jit_compile=jit)
    for length in (1, 2, 9):
        same(traced(x(length)), steps(x(length)))


def outputs_and_gradients(layer, inputs):
    """Of a loss that every step has a part in, the last one a large one."""
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = layer(inputs)
        loss = tf.reduce_sum(tf.square(outputs[:, -1])) + tf.reduce_mean(tf.square(outputs))
    return outputs, tape.gradient(loss, [inputs, *[w.value for w in layer.trainable_weights]])


@PARALLEL
def test_a_long_sequence_has_the_outputs_and_gradients_of_the_step_by_step_form(name):
    """T = 4,096; gradients within 1e-4 of the largest of each weight: float32 sums over 4,096 steps in two orders."""
    results = []
    for layer in pair(name, LONG, return_sequences=True):
        results.append(tf.function(outputs_and_gradients)(layer, tf.constant(x(LONG))))
    (parallel, by_scan), (steps, by_steps) = results
    np.testing.assert_allclose(parallel, steps, rtol=0, atol=1e-5)
    for one, other in zip(by_scan, by_steps, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-4 * np.abs(other).max())
        assert np.abs(other).max() > 1e-3


@PARALLEL
def test_gates_shut_or_open_for_good_stay_finite_over_a_long_sequence(name):
    """Inputs of ±1,000 make every gate exactly 0 or 1 in float32, and products of 4,096 factors vanish."""
    parallel, _ = pair(name, LONG, return_sequences=True)
    inputs = tf.constant(1000 * np.sign(x(LONG)))
    with tf.GradientTape() as tape:
        outputs = parallel(inputs)
        loss = tf.reduce_mean(outputs)
    assert np.isfinite(outputs).all()
    assert all(np.isfinite(gradient).all() for gradient in tape.gradient(loss, parallel.trainable_weights))


@PARALLEL
def test_models_are_saved_loaded_cloned_and_trained(name, tmp_path):
    layer = CELLS.find(name).layer(UNITS, FORMS[name])
    model = keras.Sequential([keras.Input((None, FEATURES)), layer, keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.Adam(0.03), loss="mse", jit_compile=False)  # XLA trains a scan further down
    before, after = (model.fit(x(), x()[:, -1:, 0], epochs=20, verbose=0).history["loss"] for _ in range(2))
    assert after[-1] < 0.8 * before[0]
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded.layers[0]) is ParallelRNN
    same(loaded(x()), model(x()), 1e-6)
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    same(clone(x()), model(x()), 1e-6)


def test_a_cell_that_is_not_linear_is_refused():
    with pytest.raises(
        ValueError, match=r"^ParallelRNN: expected `cell` to be linear in its state, .* Received: cell=<GRUCell"
    ):
        ParallelRNN(GRUCell(UNITS))


@pytest.mark.parametrize(("implementation", "path"), [("stock", "parallel scan"), ("custom", "while-loop")])
@pytest.mark.parametrize("jit", [False, True])
def test_a_run_records_which_of_the_two_it_took(implementation, path, jit):
    task = {"adding": {"length": 5, "examples": 90, "validation_examples": 20, "test_examples": 30}}
    model = {"units": 4, "implementation": implementation}
    run = {
        "purpose": "final",
        "task": task,
        "cell": "min_gru",
        "seed": 0,
        "model": model,
        "training": {"epochs": 1, "jit": jit},
    }
    result = trainer.train(Run.model_validate(run))
    assert result.kernel_path == ("xla " if jit else "") + path
