"""ONNX graphs that are more than a network, as Keras models with the numbers of onnxruntime."""

import json
import subprocess
import sys
import time
import zipfile

import keras
import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops
from model_corpus import onnx_files
from onnx import TensorProto, numpy_helper
from onnx_graphs import FEATURES, UNITS, Graph, computed, normal
from refusals import refused

from gru_tf.foundation import stage
from gru_tf.foundation.errors import UserError
from gru_tf.interchange import importing
from gru_tf.interchange.onnx.functional import sums
from gru_tf.interchange.onnx.functional.views import TensorView

RELATIVE = 1e-5
SIZES = (
    (1, 1),
    (2, 5),
    (4, 4),
    (3, 8),
)  # batches and steps, equal to each other, to the features and to the units among them


def close(own, wanted):
    own, wanted = np.asarray(own), np.asarray(wanted)
    assert own.shape == wanted.shape
    np.testing.assert_allclose(own, wanted, rtol=0, atol=RELATIVE * max(np.abs(wanted).max(), 1e-30))


def outputs_of(model, *inputs):
    """All outputs of a model."""
    given = model(list(inputs) if len(inputs) > 1 else inputs[0], training=False)
    return [np.asarray(each) for each in (given if isinstance(given, (list, tuple)) else [given])]


def agrees(path, model, *make, sizes=SIZES):
    """The model gives what onnxruntime gives for inputs of each size; `make`: (batch, steps) → an input."""
    for batch, steps in sizes:
        inputs = [each(batch, steps) for each in make]
        for own, wanted in zip(outputs_of(model, *inputs), computed(path, *inputs), strict=True):
            close(own, wanted)


def sequences(batch, steps):
    return normal([batch, steps], batch, steps, FEATURES)


def sequence(graph):
    return graph.input("x", "batch", "steps", FEATURES)


# --- outputs, inputs and lengths ---


def test_all_outputs_of_a_graph_are_those_of_the_model(tmp_path):
    graph = Graph()
    y, states = graph.batch_first("LSTM", sequence(graph), direction="bidirectional")
    mean = graph.add("ReduceMean", y, axes=[1], keepdims=0)
    graph.output(graph.linear(y, 2 * UNITS, 3), graph.add("Sigmoid", graph.linear(mean, 2 * UNITS, 1)))
    imported = importing.import_file(graph.save(tmp_path / "model.onnx"), verify=True)
    assert imported.network is None
    assert imported.verified.by.startswith("onnxruntime")
    assert len(imported.model.outputs) == 2
    agrees(tmp_path / "model.onnx", imported.model, sequences)
    assert states


def test_the_batch_comes_first_where_the_file_has_time_first_and_a_note_says_so(tmp_path):
    graph = Graph()
    x = graph.input("x", "steps", "batch", FEATURES)
    y, state = graph.recurrent("GRU", graph.add("Relu", x))
    graph.output(graph.linear(graph.add("Squeeze", y, graph.ints(1)), UNITS, 2), state)
    path = graph.save(tmp_path / "model.onnx")
    imported = importing.import_file(path)
    own = sequences(3, 5)
    y, state = outputs_of(imported.model, own)
    wanted_y, wanted_state = computed(path, own.swapaxes(0, 1))
    close(y, wanted_y.swapaxes(0, 1))
    close(state, wanted_state.swapaxes(0, 1))
    notes = " ".join(imported.notes)
    assert "input 'x' is (x[0], batch, 3) in the file and (batch, x[0], 3) in the model" in notes
    assert "is (1, batch, 4) in the file and (batch, 1, 4) in the model" in notes


def test_initial_states_may_be_inputs_that_are_used(tmp_path):
    graph = Graph()
    x = sequence(graph)
    states = [graph.input(name, 2, "batch", UNITS) for name in ("h", "c")]
    y, _ = graph.batch_first("LSTM", x, rest=("", *states), direction="bidirectional")
    graph.output(graph.add("Relu", y))
    path = graph.save(tmp_path / "model.onnx")
    imported = importing.import_file(path)
    assert [tuple(each.shape) for each in imported.model.inputs] == [(None, None, 3), (None, 2, 4), (None, 2, 4)]
    h, c = normal(1, 3, 2, UNITS), normal(2, 3, 2, UNITS)
    (own,) = outputs_of(imported.model, sequences(3, 5), h, c)
    (wanted,) = computed(path, sequences(3, 5), h.swapaxes(0, 1), c.swapaxes(0, 1))
    close(own, wanted)
    (other,) = outputs_of(imported.model, sequences(3, 5), 0 * h, c)
    assert np.abs(other - wanted).max() > 1e-2


def test_lengths_become_a_mask_and_padding_is_zero(tmp_path):
    graph = Graph()
    x, lengths = sequence(graph), graph.input("lengths", "batch", kind=TensorProto.INT64)
    short = graph.add("Cast", lengths, to=TensorProto.INT32)
    turned = graph.add("Transpose", graph.add("Relu", x), perm=[1, 0, 2])
    y, ends = graph.recurrent("GRU", turned, rest=(short,), direction="bidirectional")
    graph.output(graph.add("Exp", y), ends)
    path = graph.save(tmp_path / "model.onnx")
    imported = importing.import_file(path, verify=True)
    steps = np.array([5, 1, 3])
    own_y, own_ends = outputs_of(imported.model, sequences(3, 5), np.arange(5) < steps[:, None])
    wanted_y, wanted_ends = computed(path, sequences(3, 5), steps)
    close(own_y, wanted_y.transpose(2, 0, 1, 3))
    close(own_ends, wanted_ends.swapaxes(0, 1))
    assert "is a mask (batch, time) in the model" in " ".join(imported.notes)


@pytest.mark.parametrize("reshaped", [False, True])
def test_a_file_of_one_shape_becomes_a_model_for_any_batch(tmp_path, reshaped):
    graph = Graph()
    y, _ = graph.batch_first("GRU", graph.input("x", 2, 5, FEATURES))
    y = graph.add("Relu", y)
    if reshaped:
        flat = graph.add("Reshape", y, graph.ints(10, UNITS))
        y = graph.add("Reshape", graph.linear(flat, UNITS, 3), graph.ints(2, 5, 3))
    graph.output(y)
    path = graph.save(tmp_path / "model.onnx")
    imported = importing.import_file(path, verify=True)
    steps = 5 if reshaped else None
    assert tuple(imported.model.inputs[0].shape) == (None, steps, FEATURES)
    assert any("x[1] = 5" in note for note in imported.notes) is reshaped
    for rows in (sequences(2, 5), sequences(4, 5)):
        (own,) = outputs_of(imported.model, rows)
        close(own, np.concatenate([computed(path, rows[n : n + 2])[0] for n in range(0, len(rows), 2)]))


def test_a_file_whose_constants_differ_for_each_sequence_keeps_its_batch_size(tmp_path):
    graph = Graph()
    states = graph.array(normal(3, 1, 2, UNITS))
    y, _ = graph.batch_first("GRU", graph.input("x", 2, "steps", FEATURES), rest=("", states))
    graph.output(graph.add("Relu", y))
    path = graph.save(tmp_path / "model.onnx")
    imported = importing.import_file(path, verify=True)
    assert tuple(imported.model.inputs[0].shape) == (2, None, FEATURES)
    assert "the model computes batches of 2, as the file does" in imported.notes
    agrees(path, imported.model, sequences, sizes=((2, 1), (2, 6)))


def test_a_length_that_weights_require_is_that_of_the_model(tmp_path):
    graph = Graph()
    y, _ = graph.batch_first("GRU", sequence(graph))
    graph.output(graph.add("Gemm", graph.add("Flatten", y), graph.weights(6 * UNITS, 2)))
    path = graph.save(tmp_path / "model.onnx")
    imported = importing.import_file(path, verify=True)
    assert tuple(imported.model.inputs[0].shape) == (None, 6, FEATURES)
    agrees(path, imported.model, sequences, sizes=((1, 6), (3, 6)))


@pytest.mark.parametrize("kind", ["float16", "float64"])
def test_files_in_other_precisions_are_computed_in_float32(tmp_path, kind):
    graph = Graph()
    y, _ = graph.batch_first("GRU", sequence(graph))
    graph.output(graph.add("Softmax", graph.linear(y, UNITS, 3), axis=-1))
    path = graph.save(tmp_path / "model.onnx")
    exact = importing.import_file(path).model
    model = onnx.load(path)
    code = {"float16": TensorProto.FLOAT16, "float64": TensorProto.DOUBLE}[kind]
    for each in (*model.graph.input, *model.graph.output):
        each.type.tensor_type.elem_type = code
    for array in model.graph.initializer:
        if array.data_type == TensorProto.FLOAT:
            array.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(array).astype(kind), array.name))
    path.write_bytes(model.SerializeToString())
    imported = importing.import_file(path, verify=True)
    assert str(imported.model.outputs[0].dtype) == "float32"
    (own,), (wanted,) = (outputs_of(each, sequences(3, 5)) for each in (imported.model, exact))
    np.testing.assert_allclose(own, wanted, atol=2e-3 if kind == "float16" else 1e-6)
    double = importing.import_file(path, dtype="float64")
    assert str(double.model.outputs[0].dtype) == "float64"


def test_weights_in_a_file_beside_the_model_are_read_and_named_in_the_record(tmp_path):
    graph = Graph()
    y, _ = graph.batch_first("GRU", sequence(graph))
    graph.output(graph.add("Relu", y))
    path = tmp_path / "model.onnx"
    onnx.save(graph.model(), path, save_as_external_data=True, location="weights.bin", size_threshold=64)
    imported = importing.import_file(path, verify=True)
    assert imported.record["beside"] == ["weights.bin"]
    agrees(path, imported.model, sequences)


@pytest.mark.parametrize("opset", [7, 9, 11, 13, 18, 21])
def test_operators_are_read_as_each_opset_has_them(tmp_path, opset):
    graph = Graph(opset=opset)
    axes_as_inputs, sums_as_inputs = opset >= 13, opset >= 18

    def axes(op, x, *which, **more):
        own = axes_as_inputs if op in ("Squeeze", "Unsqueeze", "ReduceSum") else sums_as_inputs
        return graph.add(op, x, graph.ints(*which), **more) if own else graph.add(op, x, axes=list(which), **more)

    x = graph.add("Dropout", sequence(graph)) if opset >= 12 else graph.add("Dropout", sequence(graph), ratio=0.5)
    y, states = graph.recurrent("GRU", graph.add("Transpose", x, perm=[1, 0, 2]))
    y = graph.add("Transpose", axes("Squeeze", y, 1), perm=[1, 0, 2])
    bounds = [graph.array(-0.5), graph.array(0.4)]
    y = graph.add("Clip", y, *bounds) if opset >= 11 else graph.add("Clip", y, min=-0.5, max=0.4)
    probabilities = graph.add("Softmax", y, axis=1)  # before opset 13 over steps and features together
    pads = [0, 0, 1, 0, 0, 2]
    if opset >= 11:
        padded = graph.add("Pad", y, graph.ints(*pads), graph.array(0.25))
        one, two = (
            graph.add("Split", y, graph.ints(1, 3), outputs=2, axis=2)
            if opset >= 13
            else graph.add("Split", y, outputs=2, axis=2, split=[1, 3])
        )
    else:
        padded = graph.add("Pad", y, pads=pads, value=0.25)
        one, two = graph.add("Split", y, outputs=2, axis=2, split=[1, 3])
    if opset >= 10:
        part = graph.add("Slice", y, *(graph.ints(value) for value in (1, 3, 2)))
    else:
        part = graph.add("Slice", y, starts=[1], ends=[3], axes=[2])
    mean, total = axes("ReduceMean", two, 1, keepdims=0), axes("ReduceSum", part, 2, keepdims=1)
    graph.output(probabilities, padded, one, mean, total, axes("Unsqueeze", mean, 1), states)
    path = graph.save(tmp_path / "model.onnx")
    agree_but_for_the_state(path, importing.import_file(path, verify=True).model)


def agree_but_for_the_state(path, model):
    for batch, steps in SIZES:
        x = sequences(batch, steps)
        *own, state = outputs_of(model, x)
        *wanted, wanted_state = computed(path, x)
        for one, other in zip(own, wanted, strict=True):
            close(one, other)
        close(state, wanted_state.swapaxes(0, 1))


# --- the model ---


@pytest.mark.slow
def test_a_saved_model_loads_with_keras_alone(tmp_path):
    graph = Graph()
    x = graph.add("Transpose", sequence(graph), perm=[0, 2, 1])
    x = graph.add("Conv", x, graph.weights(6, FEATURES, 3), pads=[1, 1])
    y, states = graph.batch_first("LSTM", graph.add("Transpose", x, perm=[0, 2, 1]), 6, direction="bidirectional")
    y = graph.add("LayerNormalization", y, graph.weights(2 * UNITS), graph.weights(2 * UNITS))
    scores = graph.add("Softmax", graph.add("MatMul", y, graph.add("Transpose", y, perm=[0, 2, 1])), axis=-1)
    graph.output(graph.add("Add", graph.add("MatMul", scores, y), graph.weights(2 * UNITS)))
    path = graph.save(tmp_path / "model.onnx")
    importing.import_file(path).model.save(tmp_path / "model.keras")
    np.save(tmp_path / "x.npy", sequences(2, 5))
    program = (
        "import sys, keras, numpy as np; m = keras.models.load_model('model.keras'); assert 'gru_tf' not in sys.modules;"
        " np.save('y.npy', m(np.load('x.npy')))"
    )
    subprocess.run([sys.executable, "-P", "-c", program], cwd=tmp_path, check=True, capture_output=True)
    close(np.load(tmp_path / "y.npy"), computed(path, sequences(2, 5))[0])
    assert states


def test_a_layer_is_one_of_keras_own_for_each_operator(tmp_path):
    graph = Graph()
    x = graph.add("Relu", graph.linear(sequence(graph), FEATURES, 6))
    y, _ = graph.batch_first("GRU", x, 6, direction="bidirectional")
    graph.output(graph.add("Softmax", graph.linear(graph.add("ReduceMean", y, axes=[1], keepdims=0), 2 * UNITS, 2), axis=1))
    model = importing.import_file(graph.save(tmp_path / "model.onnx")).model
    model.save(tmp_path / "model.keras")
    config = json.loads(zipfile.ZipFile(tmp_path / "model.keras").read("config.json"))
    kinds = [each["class_name"] for each in config["config"]["layers"]]
    assert kinds == ["InputLayer", "Dense", "Relu", "Bidirectional", "Mean", "Dense", "Softmax"]


def by_hand():
    return [case for case in onnx_files.CASES if not case.torch and not case.refusal]


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in by_hand()])
def test_every_model_of_the_corpus_is_saved_as_one_of_keras_own_parts(case, tmp_path):
    made = case.make(tmp_path)
    imported = importing.import_file(made.path, verify=False)
    imported.model.save(tmp_path / "model.keras")
    content = zipfile.ZipFile(tmp_path / "model.keras").read("config.json").decode()
    noted = any("import gru_tf" in note for note in imported.notes)
    assert ("gru_tf" in content) is noted
    loaded = keras.models.load_model(tmp_path / "model.keras")
    close(outputs_of(loaded, *made.inputs)[0], made.output)


def test_keras_2s_hard_sigmoid_needs_this_package_and_a_note_says_so(tmp_path):
    graph = Graph()
    y, _ = graph.batch_first("GRU", sequence(graph), activations=["HardSigmoid", "Tanh"])
    graph.output(y)
    path = graph.save(tmp_path / "model.onnx")
    imported = importing.import_file(path, verify=True)
    assert "loads after `import gru_tf`" in " ".join(imported.notes)
    imported.model.save(tmp_path / "model.keras")
    agrees(path, keras.models.load_model(tmp_path / "model.keras"), sequences)


def test_how_the_reset_is_taken_can_be_set_right(tmp_path):
    graph = Graph("pytorch")
    y, _ = graph.batch_first("GRU", sequence(graph))
    graph.output(graph.add("Relu", y))
    path = graph.save(tmp_path / "model.onnx")
    as_written, right = importing.import_file(path), importing.import_file(path, reset_after=True, verify=True)
    assert "linear_before_reset is 0" in " ".join(as_written.notes)
    (one,), (two,) = (outputs_of(each.model, sequences(2, 6)) for each in (as_written, right))
    assert np.abs(one - two).max() > 1e-3


def test_a_stored_reference_is_compared_with(tmp_path):
    graph = Graph()
    y, _ = graph.batch_first("GRU", sequence(graph))
    graph.output(graph.add("Relu", y))
    path, x = graph.save(tmp_path / "model.onnx"), sequences(2, 5)
    np.savez(tmp_path / "right.npz", inputs=x, outputs=computed(path, x)[0])
    np.savez(tmp_path / "wrong.npz", inputs=x, outputs=computed(path, x)[0] + 0.01)
    assert importing.import_file(path, reference=tmp_path / "right.npz").verified.cases == 1
    refused(lambda: importing.import_file(path, reference=tmp_path / "wrong.npz"), "not the same")


# --- what the comparison is for ---


@pytest.mark.parametrize("mistake", ["axes", "weights", "activation"])
def test_a_model_that_computes_something_else_is_refused(tmp_path, monkeypatch, mistake):
    graph = Graph()
    y, _ = graph.batch_first("GRU", sequence(graph))
    y = graph.add("Softmax", graph.linear(y, UNITS, UNITS), axis=-1)
    graph.output(graph.add("MatMul", y, graph.add("Transpose", y, perm=[0, 2, 1])))
    path = graph.save(tmp_path / "model.onnx")
    importing.import_file(path, verify=True)
    if mistake == "axes":
        monkeypatch.setattr(TensorView, "_transposed", lambda self, target: list(range(len(target))))
    elif mistake == "weights":
        fill = keras.layers.Layer.set_weights
        monkeypatch.setattr(keras.layers.Layer, "set_weights", lambda self, arrays: fill(self, [1.01 * a for a in arrays]))
    else:
        from gru_tf.interchange.onnx.functional.operators import reductions

        monkeypatch.setattr(reductions.ops, "softmax", lambda x, axis=-1: ops.sigmoid(x))
    with pytest.raises(UserError, match=r"not the same|expected what Keras can build|expected a model that Keras can run"):
        importing.import_file(path, verify=True)


def test_sums_are_broadcast_as_numpy_broadcasts_them():
    rng = np.random.default_rng(0)
    shapes = ((4, 4, 4), (4, 1, 4), (4, 4, 1), (1, 4, 1), (1, 1, 4), (4, 1, 1), (4,), (1, 4), (4, 1))
    for one in shapes:
        for two in shapes:
            x, y = keras.Input(batch_shape=one), keras.Input(batch_shape=two)
            model = keras.Model([x, y], sums.add(x, y))
            a, b = rng.normal(size=one).astype("float32"), rng.normal(size=two).astype("float32")
            np.testing.assert_array_equal(np.asarray(model([a, b])), a + b, err_msg=f"{one} + {two}")


# --- random chains of operators ---

POINTWISE = ("Relu", "Sigmoid", "Tanh", "Softplus", "Erf", "Abs", "Neg", "HardSwish", "HardSigmoid", "Elu", "Softsign")


class Chain:
    """A value (batch, steps, features), or (batch, features) after a reduction over time, and operators on it."""

    def __init__(self, graph, x):
        self.graph, self.x, self.width, self.steps, self.before, self.normal = graph, x, FEATURES, True, [], False

    def pointwise(self, n):
        self.x = self.graph.add(POINTWISE[n % len(POINTWISE)], self.x)

    def linear(self, n):
        width = 2 + n % 4
        self.x, self.width = self.graph.linear(self.x, self.width, width), width

    def recurrent(self, n):
        if self.steps:
            direction = ("forward", "reverse", "bidirectional")[n % 3]
            cell = ("GRU", "LSTM", "RNN")[n // 3 % 3]
            self.x, _ = self.graph.batch_first(cell, self.x, self.width, direction=direction)
            self.width = UNITS * (2 if direction == "bidirectional" else 1)

    def last_state(self, n):
        if self.steps:
            _, states = self.graph.batch_first("LSTM", self.x, self.width, direction="bidirectional")
            turned = self.graph.add("Transpose", states[n % 2], perm=[1, 0, 2])
            self.x, self.steps, self.width = self.graph.add("Reshape", turned, self.graph.ints(0, -1)), False, 2 * UNITS

    def convolution(self, n):
        if self.steps:
            x = self.graph.add("Transpose", self.x, perm=[0, 2, 1])
            pads = ([1, 1], [2, 0], [0, 2])[n % 3]
            x = self.graph.add("Conv", x, self.graph.weights(5, self.width, 3), self.graph.weights(5), pads=pads)
            self.x, self.width = self.graph.add("Transpose", x, perm=[0, 2, 1]), 5

    def reduction(self, n):
        if self.steps:
            op = ("ReduceMean", "ReduceMax", "ReduceMin")[n % 3]
            self.x, self.steps = self.graph.add(op, self.x, axes=[1], keepdims=0), False

    def step(self, n):
        if self.steps:
            index = self.graph.array((0, -1)[n % 2], "int64")
            self.x, self.steps = self.graph.add("Gather", self.x, index, axis=1), False

    def softmax(self, n):
        axis = (-1, 1)[n % 2] if self.steps else -1
        self.x = self.graph.add(("Softmax", "LogSoftmax")[n // 2 % 2], self.x, axis=axis)

    def normalised(self, n):
        if self.normal:  # once: a second time it may divide rounding errors by hardly more than these
            return
        self.normal = True
        self.x = self.graph.add("LayerNormalization", self.x, self.graph.weights(self.width), self.graph.weights(self.width))

    def residual(self, n):
        same = [x for x, width, steps in self.before if (width, steps) == (self.width, self.steps)]
        self.x = self.graph.add("Add", self.x, same[n % len(same)] if same else self.x)

    def joined(self, n):
        same = [(x, width) for x, width, steps in self.before if steps == self.steps and width <= 8]
        if same:
            x, width = same[n % len(same)]
            self.x, self.width = self.graph.add("Concat", self.x, x, axis=-1), self.width + width

    def part(self, n):
        if self.width > 2:
            start, end = n % 2, self.width - n // 2 % 2
            self.x = self.graph.add("Slice", self.x, *(self.graph.ints(v) for v in (start, end, -1)))
            self.width = end - start

    def scaled(self, n):
        shape = ((self.width,), (1,), (1, self.width), ())[n % 4]
        op = ("Add", "Sub", "Mul", "Div")[n // 4 % 4]
        self.x = self.graph.add(op, self.x, self.graph.array(1 + self.graph.rng.uniform(size=shape)))

    def flat_and_back(self, n):
        if self.steps:
            shape = self.graph.add("Shape", self.x)
            flat = self.graph.add("Reshape", self.x, self.graph.ints(-1, self.width))
            self.x = self.graph.add("Reshape", self.graph.add("Relu", flat), shape)

    def attention(self, n):
        if self.steps:
            turned = self.graph.add("Transpose", self.x, perm=[0, 2, 1])
            scores = self.graph.add("Softmax", self.graph.add("MatMul", self.x, turned), axis=(-1, 1)[n % 2])
            self.x = self.graph.add("MatMul", scores, self.x)

    def apply(self, name, n):
        self.before.append((self.x, self.width, self.steps))
        getattr(self, name)(n)


OPERATORS = sorted(name for name in vars(Chain) if name not in ("apply",) and not name.startswith("_"))
STEPS = st.lists(st.tuples(st.sampled_from(OPERATORS), st.integers(0, 35)), max_size=4)


def chain_is_read_as_onnxruntime_computes_it(folder, before, after):
    graph = Graph(seed=len(before) + 7 * len(after))
    chain = Chain(graph, sequence(graph))
    for name, n in (
        *((name, n) for name, n in before if name not in ("reduction", "step", "last_state")),
        ("recurrent", 0),
        *after,
    ):
        chain.apply(name, n)
    graph.output(chain.x)
    path = graph.save(folder / "model.onnx")
    imported = importing.import_file(path, verify=False)
    agrees(path, imported.model, sequences, sizes=((1, 3), (2, 5), (3, 8)))


@settings(max_examples=25, deadline=None)
@given(before=STEPS, after=STEPS)
def test_any_chain_of_operators_is_read_as_onnxruntime_computes_it(tmp_path_factory, before, after):
    chain_is_read_as_onnxruntime_computes_it(tmp_path_factory.mktemp("chain"), before, after)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(before=STEPS, after=STEPS)
def test_hundreds_of_chains_are_read_as_onnxruntime_computes_them(tmp_path_factory, before, after):
    chain_is_read_as_onnxruntime_computes_it(tmp_path_factory.mktemp("chain"), before, after)


# --- long reads ---


def test_a_long_sequence_is_compared_in_seconds_and_it_is_said_what_is_done(tmp_path):
    graph = Graph()
    y, _ = graph.batch_first("LSTM", graph.input("x", 1, 4000, FEATURES))
    graph.output(graph.add("Gather", y, graph.array(3999, "int64"), axis=1))
    path, said = graph.save(tmp_path / "model.onnx"), []
    start = time.monotonic()
    with stage.heard(said.append):
        imported = importing.import_file(path, verify=True)
    assert imported.network is not None
    assert any(text.startswith("comparing with onnxruntime") and "4,000 steps" in text for text in said)
    assert time.monotonic() - start < 15  # operation by operation it would take 20 and more
