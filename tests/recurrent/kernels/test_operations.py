"""`operations.sequence` against the equations in float64 and Keras' layers: numbers, gradients of both orders, graphs."""

from dataclasses import replace
from itertools import product

import keras
import numpy as np
import pytest
import tensorflow as tf
from core_checks import CELLS, MASKS, WITHIN, Equations, all_choices, all_shapes, differences, made, name_of, results
from core_library import Core
from sequence_equations import Arrays, Layer, Result
from tensorflow.python.eager import context  # which graphs were run is told by nothing public

from gru_tf.recurrent.kernels import operations

pytestmark = pytest.mark.usefixtures("library")  # skipped or failed where there are no kernels
every_cell = pytest.mark.parametrize("layer", CELLS, ids=name_of)
every_type = pytest.mark.parametrize("dtype", list(WITHIN))
SHAPE = (5, 4, 7, 13)


def call(layer, inputs, states, kernel, recurrent_kernel, bias, mask=None, training=True):
    """`operations.sequence` with what the layer says."""
    flags = ("go_backwards", "return_sequences", "zero_output_for_mask", "convention")
    named = {flag: getattr(layer, flag) for flag in flags}
    return operations.sequence(
        layer.cell, inputs, states, kernel, recurrent_kernel, bias, mask, training=training, **named
    )  # fmt: skip


def tensors(arrays):
    """As `call` takes them."""
    states = [tf.constant(state) for state in arrays.states]
    bias = None if arrays.bias is None else tf.constant(arrays.bias)
    mask = None if arrays.mask is None else tf.constant(arrays.mask)
    weights = (tf.constant(arrays.kernel), tf.constant(arrays.recurrent_kernel))
    return [tf.constant(arrays.inputs), states, *weights, bias, mask]


class Operations:
    """The operations with the methods of `Equations`, step by step or in a graph."""

    def __init__(self, training=True, graph=False):
        self.training = training
        self.wrap = (lambda f: tf.function(f, autograph=False)) if graph else lambda f: f

    def forward(self, layer, arrays):
        last, outputs, states = self.wrap(lambda given: call(layer, *given, training=self.training))(tensors(arrays))
        return Result(last.numpy(), outputs.numpy(), [state.numpy() for state in states])

    def gradient(self, layer, arrays, d_outputs, d_states, d_last=None):
        def derived(given):
            inputs, states, kernel, recurrent_kernel, bias, mask = given
            by = [inputs, *states, kernel, recurrent_kernel, *([] if bias is None else [bias])]
            with tf.GradientTape() as tape:
                tape.watch(by)
                last, outputs, states = call(layer, inputs, states, kernel, recurrent_kernel, bias, mask, self.training)
                targets = [outputs, *states, *([] if d_last is None else [last])]
            upstream = [tf.constant(d) for d in (d_outputs, *d_states, *([] if d_last is None else [d_last]))]
            return tape.gradient(targets, by, upstream)

        inputs, *rest = (array.numpy() for array in self.wrap(derived)(tensors(arrays)))
        return Arrays(inputs, rest[: len(arrays.states)], *rest[len(arrays.states) :])


def assert_same_bits(actual, expected):
    assert actual.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(actual[name], array, err_msg=name)


# --- the same numbers ---


@every_type
@every_cell
def test_shapes_of_all_sizes(layer, dtype):
    # every fourth of the shapes that the library alone is tested with; they share its numbers
    for case in list(all_shapes(dtype, (layer,)))[::4]:
        apart = differences(results(Operations(), case), results(Equations, case.in_float64()))
        assert max(apart.values()) <= WITHIN[dtype], f"{name_of(case.layer)}, {case.arrays.inputs.shape}: {apart}"


@every_type
@every_cell
@pytest.mark.parametrize("graph", [False, True], ids=["eager", "graph"])
def test_the_library_answers_to_the_bit(core, layer, dtype, graph):
    # what the library is given and gives is handed over as it is: flags, masks, biases, states
    cases = list(all_choices(dtype, (layer,), shape=(3, 4, 2, 5)))
    for case in cases[:: 17 if graph else 3]:
        assert_same_bits(results(Operations(graph=graph), case), results(core, case))


@every_type
@every_cell
def test_training_changes_no_bit(layer, dtype):
    for mask, sequences in product(("none", "gaps"), (True, False)):
        case = made(replace(layer, return_sequences=sequences), SHAPE, mask, dtype=dtype)
        assert_same_bits(results(Operations(training=False), case), results(Operations(training=True), case))


@every_cell
def test_the_last_output_has_a_gradient(layer):
    d_last = np.random.default_rng(4).normal(size=(5, 13))
    for sequences, graph in product((True, False), (True, False)):
        case = made(replace(layer, return_sequences=sequences), SHAPE, "gaps", dtype="float64")
        actual = Operations(graph=graph).gradient(*case.arguments(), d_last).named()
        expected = Equations.gradient(*case.arguments(), d_last).named()
        assert max(differences(actual, expected).values()) <= WITHIN["float64"]


# --- what Keras answers ---


def keras_layer(layer, units, dtype="float32"):
    """Keras' layer for "keep", with a state of its own in the answer."""
    kind = {"rnn": keras.layers.SimpleRNN, "lstm": keras.layers.LSTM}.get(layer.cell, keras.layers.GRU)
    named = {"reset_after": layer.cell == "gru"} if kind is keras.layers.GRU else {}
    return kind(units, return_sequences=layer.return_sequences, return_state=True, dtype=dtype, **named)


def both(layer, case):
    """Keras' and our answers with all gradients, as lists of arrays: outputs, states, by inputs, by weights."""
    theirs = keras_layer(layer, case.arrays.states[0].shape[1])
    theirs.build(case.arrays.inputs.shape)
    theirs.set_weights([case.arrays.kernel, case.arrays.recurrent_kernel, case.arrays.bias])
    inputs, states, *_, mask = tensors(case.arrays)
    weights = [w.value for w in theirs.trainable_weights]
    answers = []
    for run in (
        lambda: theirs(inputs, initial_state=states, mask=mask),
        lambda: (lambda last, outputs, new: [outputs if layer.return_sequences else last, *new])(
            *call(layer, inputs, states, *weights, mask)
        ),
    ):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            values = list(run())
        derived = tape.gradient(values, [inputs, *weights])
        answers.append([array.numpy() for array in (*values, *derived)])
    return answers


KEEP = [layer for layer in CELLS if layer.convention == "keep"]


@pytest.mark.parametrize("sequences", [True, False])
@pytest.mark.parametrize("layer", [layer for layer in KEEP if layer.cell != "lstm"], ids=name_of)
def test_an_empty_batch_is_answered_as_keras_does(layer, sequences):
    layer = replace(layer, return_sequences=sequences)
    for mask in ("none", "gaps"):
        theirs, ours = both(layer, made(layer, (0, 4, 7, 13), mask))
        for a, b in zip(ours, theirs, strict=True):
            assert a.shape == b.shape
            np.testing.assert_array_equal(a, b)


@every_type
@every_cell
def test_an_empty_batch_is_answered_as_the_equations_do(layer, dtype):
    # an LSTM's too, where Keras 3.15 fails
    for mask, sequences in product(("none", "gaps"), (True, False)):
        case = made(replace(layer, return_sequences=sequences), (0, 4, 7, 13), mask, dtype=dtype)
        ours, theirs = results(Operations(), case), results(Equations, case)
        assert_same_bits(ours, theirs)


def test_keras_fails_for_an_lstm_of_an_empty_batch():
    # when it no longer does, the test above compares with it
    with pytest.raises(tf.errors.InvalidArgumentError, match="Biases must be 1D"):
        keras.layers.LSTM(13)(tf.zeros((0, 4, 7)))


@pytest.mark.parametrize("layer", KEEP, ids=name_of)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_keras_says_is_no_number_is_none_here(layer, value):
    case = made(layer, SHAPE)
    case.arrays.inputs[2, 1, 3] = value
    theirs, ours = both(layer, case)
    assert any(np.isnan(a).any() for a in theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert not (np.isfinite(a) & np.isnan(b)).any()  # never finite without a word
        assert (np.isfinite(a) == np.isfinite(b)).all()


@pytest.mark.parametrize("layer", KEEP, ids=name_of)
def test_a_masked_step_that_is_no_number_spoils_nothing(layer):
    # a decision: there Keras' gradients are NaN, though its outputs are not; here such a step counts for nothing
    case = made(layer, SHAPE, "gaps")
    clean = both(layer, case)[1]
    case.arrays.inputs[~case.arrays.mask] = np.nan
    theirs, ours = both(layer, case)
    assert np.isnan(np.concatenate([a.ravel() for a in theirs])).any()
    for a, b in zip(ours, clean, strict=True):
        np.testing.assert_array_equal(a, b)


# --- derivatives ---


@pytest.mark.parametrize("mask", ["none", "gaps", "empty row"])
@every_cell
def test_second_derivatives_are_differences_of_the_first(layer, mask):
    """⟨gradients, direction⟩ is derived by all arrays, and by what the results are multiplied with."""
    layer = replace(layer, go_backwards=mask == "gaps", return_sequences=mask != "empty row")
    case = made(layer, (3, 4, 2, 3), mask, bias=mask != "none", dtype="float64")
    rng = np.random.default_rng(6)

    def random():
        return {name: rng.normal(size=array.shape) for name, array in case.arrays.named().items()}

    along, step, d_step = random(), random(), rng.normal(size=case.d_outputs.shape)

    def slope(by):
        arrays = case.arrays.with_named({n: a + by * step[n] for n, a in case.arrays.named().items()}).astype("longdouble")
        found = Equations.gradient(layer, arrays, case.d_outputs + by * d_step, case.d_states).named()
        return sum(np.vdot(found[name], along[name]) for name in found)

    expected = (slope(np.longdouble(1e-6)) - slope(np.longdouble(-1e-6))) / 2e-6

    for training in (True, False):
        values, upstream = {n: tf.constant(a) for n, a in case.arrays.named().items()}, tf.constant(case.d_outputs)
        with tf.GradientTape() as outer:
            outer.watch([*values.values(), upstream])
            with tf.GradientTape() as inner:
                inner.watch(values)
                given = case.arrays.with_named(values)
                mask_ = None if given.mask is None else tf.constant(given.mask)
                arrays = (given.inputs, given.states, given.kernel, given.recurrent_kernel, given.bias, mask_)
                _, outputs, states = call(layer, *arrays, training=training)
                loss = tf.reduce_sum(outputs * upstream)
                loss += tf.add_n([tf.reduce_sum(s * d) for s, d in zip(states, case.d_states, strict=True)])
            first = inner.gradient(loss, values)
            total = tf.add_n([tf.reduce_sum(first[name] * along[name]) for name in first])
        second = outer.gradient(total, [*values.values(), upstream])
        actual = sum(np.vdot(a.numpy(), b) for a, b in zip(second, [*step.values(), d_step], strict=True))
        np.testing.assert_allclose(actual, float(expected), rtol=1e-8)


@every_cell
def test_what_is_not_asked_for_has_no_gradient_and_what_is_has_one(layer):
    case = made(layer, SHAPE, "gaps")
    inputs, states, *weights, mask = tensors(case.arrays)
    unused = tf.Variable(1.0)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([inputs, *states, *weights])
        last, outputs, new = call(layer, inputs, states, *weights, mask)
    # by one output alone, the others' gradients being zero
    zeros = [np.zeros_like(d) for d in case.d_states]
    by = [inputs, *states, *weights]
    expected = list(Equations.gradient(layer, case.in_float64().arrays, np.ones(outputs.shape), zeros).named().values())
    for array, theirs in zip(sorted_like(tape.gradient(outputs, by)), expected, strict=True):
        np.testing.assert_allclose(array, theirs, rtol=0, atol=1e-6 * max(1, np.abs(theirs).max()))
    for output in (last, outputs, *new):
        assert all(gradient is not None for gradient in tape.gradient(output, by))
    assert tape.gradient(outputs, unused) is None
    assert tape.gradient(outputs, [mask])[0] is None
    assert tape.gradient(outputs, unused, unconnected_gradients="zero").numpy() == 0


def sorted_like(gradients):
    """[inputs, states …, kernel, recurrent kernel, bias] in the order of `Arrays.named`."""
    inputs, *states, kernel, recurrent_kernel, bias = (array.numpy() for array in gradients)
    return [inputs, kernel, recurrent_kernel, *states, bias]


# --- graphs ---


def operations_run(function, *arguments):
    """Types of the kernels' operations in the graphs that TensorFlow runs for a call, when it has left out what it can."""
    context.enable_run_metadata()
    try:
        function(*arguments)
        graphs = context.export_run_metadata().function_graphs
    finally:
        context.disable_run_metadata()
    return {node.op for graph in graphs for node in graph.post_optimization_graph.node if node.op.startswith("GruTf")}


@pytest.mark.parametrize("nested", [False, True])
@every_cell
def test_the_gradient_by_inputs_is_left_out_where_nobody_asks(layer, nested):
    case = made(layer, SHAPE)
    inputs, states, *weights, _ = tensors(case.arrays)

    def derived(by_inputs):
        def step(x):
            with tf.GradientTape() as tape:
                tape.watch([x, *weights])
                loss = tf.reduce_sum(call(layer, x, states, *weights)[1])
            return tape.gradient(loss, [*weights, *([x] if by_inputs else [])])

        inner = tf.function(step, autograph=False) if nested else step  # as in Keras' training steps
        return operations_run(tf.function(inner, autograph=False), inputs)

    weights_alone = {"GruTfSequence", "GruTfSequenceBackward", "GruTfWeightGradient"}
    assert derived(by_inputs=False) == weights_alone
    assert derived(by_inputs=True) == weights_alone | {"GruTfInputGradient"}


@every_cell
def test_unknown_batch_and_time(layer):
    for sequences in (True, False):
        layer_ = replace(layer, return_sequences=sequences)
        states = len(made(layer, SHAPE).arrays.states)
        spec = [
            tf.TensorSpec((None, None, 7)),
            [tf.TensorSpec((None, 13))] * states,
            tf.TensorSpec((None, None), "bool"),
        ]
        weights = [tf.Variable(w) for w in tensors(made(layer, SHAPE).arrays)[2:5]]

        @tf.function(input_signature=spec, autograph=False)
        def run(inputs, given, mask, layer_=layer_, weights=weights):
            with tf.GradientTape() as tape:
                tape.watch(inputs)
                last, outputs, new = call(layer_, inputs, given, *weights, mask)
            assert last.shape.as_list() == [None, 13]
            assert outputs.shape.as_list() == [None, None if layer_.return_sequences else 1, 13]
            assert all(state.shape.as_list() == [None, 13] for state in new)
            return last, outputs, tape.gradient(outputs, [inputs, *weights])

        for batch, steps in ((1, 1), (5, 4), (3, 9)):
            case = made(layer_, (batch, steps, 7, 13), "gaps")
            inputs, given, *_, mask = tensors(case.arrays)
            last, outputs, gradients = run(inputs, given, mask)
            kernel, recurrent_kernel, bias = (w.numpy() for w in weights)
            arrays = replace(case.arrays, kernel=kernel, recurrent_kernel=recurrent_kernel, bias=bias)
            expected = Equations.forward(layer_, arrays.astype("float64"))
            np.testing.assert_allclose(outputs, expected.outputs, rtol=0, atol=1e-6)
            np.testing.assert_allclose(last, expected.last, rtol=0, atol=1e-6)
            assert all(np.isfinite(g).all() for g in gradients)


@pytest.mark.parametrize("mask", MASKS)
def test_a_mask_may_be_of_any_type(mask):
    layer = Layer("gru")
    case = made(layer, SHAPE, mask)
    if case.arrays.mask is None:
        return
    inputs, states, *weights, mask_ = tensors(case.arrays)
    expected = call(layer, inputs, states, *weights, mask_)[1]
    for dtype in ("int32", "float32", "uint8"):
        np.testing.assert_array_equal(call(layer, inputs, states, *weights, tf.cast(mask_, dtype))[1], expected)


@every_cell
def test_threads_change_no_bit(layer):
    import ctypes

    from gru_tf.recurrent.kernels import library

    case = made(layer, (150, 3, 5, 17), "gaps")
    expected = results(Operations(), case)
    set_threads = ctypes.CDLL(str(library.operations())).gru_tf_set_threads
    try:
        for threads in (1, 2, 3):
            set_threads(threads)
            assert_same_bits(results(Operations(), case), expected)
    finally:
        set_threads(operations._threads())
    assert_same_bits(results(Core(library.core()), case), expected)


# --- what does not fit ---


@pytest.mark.parametrize(
    ("place", "shape"),
    [
        ("kernel", (6, 39)),
        ("kernel", (7, 38)),
        ("recurrent_kernel", (13, 38)),
        ("bias", (2, 38)),
        ("states", (4, 13)),
        ("states", (5, 12)),
        ("mask", (5, 3)),
        ("mask", (4, 4)),
    ],
)
def test_shapes_that_do_not_fit_are_refused(place, shape):
    layer = Layer("gru")
    names = ("inputs", "states", "kernel", "recurrent_kernel", "bias", "mask")
    given = dict(zip(names, tensors(made(layer, SHAPE, "gaps").arrays), strict=True))
    wrong = tf.zeros(shape, "bool" if place == "mask" else "float32")
    given[place] = [wrong] if place == "states" else wrong
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError), match="expected"):
        call(layer, **given)[1].numpy()


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru, reset before"])
def test_two_biases_are_refused_where_a_cell_has_one(cell):
    # or else the second is not read, and its gradient is what lay in the memory
    inputs, states, kernel, recurrent_kernel, bias, _ = tensors(made(Layer(cell), SHAPE).arrays)
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError), match="bias"):
        call(Layer(cell), inputs, states, kernel, recurrent_kernel, tf.stack([bias, bias]))


@every_type
@pytest.mark.parametrize("transposed", list(product((False, True), repeat=2)))
@pytest.mark.parametrize("sizes", [(5, 7, 3), (1, 1, 1), (3, 300, 2), (0, 4, 2)])
def test_matrix_product(sizes, transposed, dtype):
    rows, depth, columns = sizes
    rng = np.random.default_rng(sizes)
    a, b, u = (rng.normal(size=s).astype(dtype) for s in ((rows, depth), (depth, columns), (rows, columns)))
    factors = [tf.constant(array.T if turned else array) for array, turned in zip((a, b), transposed, strict=True)]
    with tf.GradientTape() as outer:
        outer.watch(factors)
        with tf.GradientTape() as inner:
            inner.watch(factors)
            found = operations.product(*factors, *transposed)
        by_a, by_b = inner.gradient(found, factors, tf.constant(u))
        of_gradients = tf.reduce_sum(by_a**2) + tf.reduce_sum(by_b**2)
    again = outer.gradient(of_gradients, factors)
    a, b, u = (array.astype("float64") for array in (a, b, u))
    by_factors = [(by_a, u @ b.T), (again[0], 2 * u @ u.T @ a)], [(by_b, a.T @ u), (again[1], 2 * b @ u.T @ u)]
    pairs = [(found, a @ b)]
    pairs += [
        (ours, theirs.T if turned else theirs)
        for two, turned in zip(by_factors, transposed, strict=True)
        for ours, theirs in two
    ]
    for ours, theirs in pairs:
        within = WITHIN[dtype] * max(1, depth**0.5) * max(1.0, np.abs(theirs).max(initial=0))
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=within)


def test_matrix_product_of_unknown_sizes():
    graph = tf.function(operations.product, autograph=False).get_concrete_function(
        *(tf.TensorSpec((None, None), "float32") for _ in range(2))
    )
    np.testing.assert_array_equal(graph(tf.ones((2, 3)), tf.ones((3, 4))), np.full((2, 4), 3.0))


def test_matrix_product_of_factors_that_do_not_fit():
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"expected right factor of shape \(3, 4\). Received: 2 dimensions: 2, 4"
    ):
        operations.product(tf.ones((2, 3)), tf.ones((2, 4)))
