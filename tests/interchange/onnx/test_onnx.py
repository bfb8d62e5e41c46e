"""ONNX files in and out: the same numbers as NumPy's cells, as onnxruntime and as PyTorch, or a refusal that says why.

What is compared with: `gru_tf.recurrent.cells` step by step in NumPy float64 on arrays laid out here by hand after
the ONNX standard; onnxruntime and the reference implementation of the onnx package; torch modules, where torch is installed.
"""

import sys
import warnings
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from gru_tf.experiment.specs import ModelSpec
from gru_tf.foundation.errors import UserError
from gru_tf.interchange import building, importing
from gru_tf.interchange import onnx as ours
from gru_tf.interchange.network import Linear, Network, Recurrent
from gru_tf.interchange.onnx import activations
from gru_tf.recurrent.cells import CELLS
from gru_tf.recurrent.gates import GateWeights
from gru_tf.training.network import pretrained

F, H, T, B = 3, 4, 6, 5
ORDER = {"gru": ("zrh", "zrh"), "lstm": ("iofc", "ifco"), "rnn": ("h", "h")}  # the standard's, Keras'
FLOAT32 = 1e-5
MOVED = 1e-3  # far beyond: what a comparison cannot miss
CELL = {"gru": {"linear_before_reset": 1}, "lstm": {}, "rnn": {}}
MASKED = np.array([6, 1, 3, 5, 2])


def normal(seed, *shape):
    """The same numbers at each call, all of which float32 holds exactly."""
    return np.random.default_rng(seed).normal(size=shape).astype("float32").astype("float64")


X = normal([9, 9], B, T, F)


def blocks(cell, seed=0, features=F, units=H):
    """W_g (F, H), U_g (H, H), b_g, c_g (H,) of every gate."""
    shapes = {"W": (features, units), "U": (units, units), "b": (units,), "c": (units,)}
    return {
        f"{letter}_{g}": normal([seed, n, m], *shape) / 2
        for n, (letter, shape) in enumerate(shapes.items())
        for m, g in enumerate(ORDER[cell][0])
    }


def stacked(cell, each):
    """W (D, G·H, F), R (D, G·H, H), B (D, 2·G·H) as the standard has them, of one direction or two."""
    gates = ORDER[cell][0]
    return (
        np.stack([np.concatenate([one[f"W_{g}"].T for g in gates]) for one in each]),
        np.stack([np.concatenate([one[f"U_{g}"].T for g in gates]) for one in each]),
        np.stack([np.concatenate([one[f"{letter}_{g}"] for letter in "bc" for g in gates]) for one in each]),
    )


def in_numpy(cell, one, x, lengths=None, backward=False, reset_after=True):
    """Outputs (B, T, H), zero in padding, and final states, by the cells' NumPy steps in float64, one sequence at a time."""
    w, u, b, c = (np.concatenate([one[f"{k}_{g}"] for g in ORDER[cell][1]], axis=-1) for k in "WUbc")
    options = {"reset_after": reset_after} if cell == "gru" else {}
    bias = np.stack([b, c]) if cell == "gru" and reset_after else b + c
    weights = {"kernel": w, "recurrent_kernel": u, "bias": bias}
    lengths = np.full(len(x), x.shape[1]) if lengths is None else lengths
    y, ends = np.zeros((*x.shape[:2], u.shape[0])), []
    for n, length in enumerate(lengths):
        states = [np.zeros((1, u.shape[0])) for _ in CELLS.find(cell).states]
        for t in range(length)[:: -1 if backward else 1]:
            states = CELLS.find(cell).step(x[n : n + 1, t], states, weights, **options)
            y[n, t] = states[0][0]
        ends.append([state[0] for state in states])
    return y, [np.stack(each) for each in zip(*ends, strict=True)]


def expected(cell, each, x, lengths=None, direction="forward", reset_after=True):
    """Of a layer: outputs side by side and states, forward before backward."""
    ways = {"forward": [False], "reverse": [True], "bidirectional": [False, True]}[direction]
    directions = [in_numpy(cell, one, x, lengths, way, reset_after) for one, way in zip(each, ways, strict=True)]
    return np.concatenate([y for y, _ in directions], axis=-1), [state for _, states in directions for state in states]


# --- files made by hand ---


class Hand:
    """A graph as it is put together."""

    def __init__(self, kind="float32"):
        self.kind, self.nodes, self.arrays, self.inputs, self.outputs = kind, [], [], [], []
        self.type = helper.np_dtype_to_tensor_dtype(np.dtype(kind))

    def array(self, name, array, kind=None):
        self.arrays.append(numpy_helper.from_array(np.asarray(array, kind or self.kind), name))
        return name

    def add(self, op, inputs, *outputs, **attributes):
        before = sum(node.op_type == op for node in self.nodes)
        name = f"the {op}{f' {before + 1}' if before else ''}"
        self.nodes.append(helper.make_node(op, inputs, outputs, name=name, **attributes))
        return outputs[0]

    def input(self, name, *shape, kind=None):
        self.inputs.append(helper.make_tensor_value_info(name, kind or self.type, shape))
        return name

    def output(self, *names):
        self.outputs += [helper.make_tensor_value_info(name, self.type, None) for name in names]

    def model(self, opset=17, **options):
        graph = helper.make_graph(self.nodes, "by hand", self.inputs, self.outputs, self.arrays)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8, **options)

    def save(self, folder, **options):
        path = folder / "model.onnx"
        path.write_bytes(self.model(**options).SerializeToString())
        return path


def recurrent(hand, cell, each, x, n=0, lengths="", **attributes):
    """A node and the names of its outputs."""
    names = [hand.array(f"{letter}{n}", array) for letter, array in zip("WRB", stacked(cell, each), strict=True)]
    outputs = [f"{name}{n}" for name in ("Y", "Y_h", "Y_c")[: 3 if cell == "lstm" else 2]]
    hand.add(cell.upper(), [x, *names, lengths], *outputs, hidden_size=H, **{**CELL[cell], **attributes})
    return outputs


def one_layer(cell="gru", direction="forward", seed=0, kind="float32", lengths=None, **attributes):
    """A file of one layer, batch first, as torch writes it."""
    each = [blocks(cell, seed + n) for n in range(2 if direction == "bidirectional" else 1)]
    hand = Hand(kind)
    x = hand.add("Transpose", [hand.input("x", "batch", "steps", F)], "by_time", perm=[1, 0, 2])
    steps = ""
    if lengths:
        steps = hand.input("lengths", "batch", kind=TensorProto.INT64 if lengths == "cast" else TensorProto.INT32)
        steps = hand.add("Cast", [steps], "short", to=TensorProto.INT32) if lengths == "cast" else steps
    y, *ends = recurrent(hand, cell, each, x, lengths=steps, direction=direction, **attributes)
    if len(each) == 1:
        y = hand.add("Squeeze", [y, hand.array("one", [1], "int64")], "steps")
    else:
        y = hand.add("Transpose", [y], "turned", perm=[0, 2, 1, 3])
        y = hand.add("Reshape", [y, hand.array("flat", [0, 0, -1], "int64")], "steps")
    hand.add("Transpose", [y], "out", perm=[1, 0, 2])
    hand.output("out", *ends)
    return hand, each


def ours_of(foreign, x=X, lengths=None, dtype="float32"):
    """Output and states of the Keras model."""
    inputs = [x if foreign.network.tokens else x.astype(dtype)]
    if lengths is not None:
        inputs.append(np.arange(x.shape[1]) < lengths[:, None])
    model = building.build(foreign.network, states=True, dtype=dtype)
    output, *states = (np.asarray(each) for each in model(inputs if lengths is not None else inputs[0]))
    return output, states


def apart(one, other, lengths=None):
    """Largest difference of outputs at real steps and of states."""
    real = np.arange(one[0].shape[1]) < lengths[:, None] if lengths is not None and one[0].ndim == 3 else ...
    assert one[0].shape == other[0].shape
    assert len(one[1]) == len(other[1])
    pairs = [(one[0][real], other[0][real]), *zip(one[1], other[1], strict=True)]
    return max(float(np.abs(a - b).max()) for a, b in pairs)


def both_agree(foreign, wanted, x=X, lengths=None, tolerance=FLOAT32, by="onnxruntime"):
    """Keras and the runtime that verifies give what is wanted."""
    name, run = foreign.framework()
    assert name.startswith(by)
    assert apart(ours_of(foreign, x, lengths), wanted, lengths) < tolerance
    assert apart(run(x, lengths), wanted, lengths) < tolerance
    return True


# --- read ---


@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
@pytest.mark.parametrize(
    ("direction", "lengths"), [("forward", None), ("reverse", "given"), ("bidirectional", None), ("bidirectional", "cast")]
)
def test_a_layer_computes_what_its_equations_say(tmp_path, cell, direction, lengths):
    hand, each = one_layer(cell, direction, lengths=lengths)
    foreign = ours.read(hand.save(tmp_path))
    steps = MASKED if lengths else None
    assert foreign.network.masked == bool(lengths)
    assert both_agree(foreign, expected(cell, each, X, steps, direction), lengths=steps)


@pytest.mark.parametrize("reset_after", [True, False])
def test_both_resets_are_read_and_differ(tmp_path, reset_after):
    hand, each = one_layer(linear_before_reset=int(reset_after))
    foreign = ours.read(hand.save(tmp_path))
    assert foreign.network.layers[0].forward.reset_after is reset_after
    assert not any("linear_before_reset" in note for note in foreign.warnings)
    assert both_agree(foreign, expected("gru", each, X, reset_after=reset_after))
    assert apart(ours_of(foreign), expected("gru", each, X, reset_after=not reset_after)) > MOVED


@pytest.mark.parametrize("mistake", ["gates", "directions", "biases", "transposed"])
def test_comparisons_notice_mistakes(tmp_path, mistake):
    hand, each = one_layer("gru", "bidirectional")
    wrong = {
        "gates": [{**one, "W_z": one["W_r"], "W_r": one["W_z"]} for one in each],
        "directions": each[::-1],
        "biases": [{**one, "b_h": one["c_h"], "c_h": one["b_h"]} for one in each],
        "transposed": [{**one, "U_h": one["U_h"].T} for one in each],
    }[mistake]
    assert apart(ours_of(ours.read(hand.save(tmp_path))), expected("gru", wrong, X, direction="bidirectional")) > MOVED


def test_the_reset_of_pytorchs_faulty_exporter_is_warned_of_and_can_be_set_right(tmp_path):
    hand, each = one_layer(linear_before_reset=0)
    path = hand.save(tmp_path, producer_name="pytorch")
    foreign = ours.read(path)
    assert "node 'the GRU': linear_before_reset is 0" in foreign.warnings[0]
    assert "reset_after=True" in foreign.warnings[0]
    assert both_agree(foreign, expected("gru", each, X, reset_after=False))
    right = ours.read(path, reset_after=True)
    assert not any("linear_before_reset" in note for note in right.warnings)
    assert both_agree(right, expected("gru", each, X, reset_after=True))


@pytest.mark.parametrize("part", range(3))
def test_numbers_that_are_not_finite_are_refused_by_the_nodes_name(tmp_path, part):
    hand, _ = one_layer("lstm")
    spoiled = numpy_helper.to_array(hand.arrays[part]).copy()
    spoiled.flat[0] = np.nan
    hand.arrays[part].CopyFrom(numpy_helper.from_array(spoiled, hand.arrays[part].name))
    path = hand.save(tmp_path)
    wanted = f"the LSTM: {'WUb'[part]}_i: expected finite numbers. Received: 1 of .* nan or infinite"
    for verify in (None, False):
        with pytest.raises(UserError, match=wanted) as caught:
            importing.import_file(path, verify=verify)
        assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
def test_batch_first_nodes_are_run_by_the_reference(tmp_path, cell):
    each = [blocks(cell), blocks(cell, 1)]
    hand = Hand()
    outputs = recurrent(hand, cell, each, hand.input("x", "batch", "steps", F), direction="bidirectional", layout=1)
    hand.output(*outputs)
    foreign = ours.read(hand.save(tmp_path))
    assert both_agree(foreign, expected(cell, each, X, direction="bidirectional"), by="onnx ")


def test_float64_stays_float64(tmp_path):
    hand, each = one_layer("gru", kind="float64")
    foreign = ours.read(hand.save(tmp_path))
    name, run = foreign.framework()
    wanted = expected("gru", each, X)
    assert name.endswith("reference")
    assert apart(ours_of(foreign, dtype="float64"), wanted) < 1e-12
    assert apart(run(X), wanted) < 1e-12


def test_float16_is_computed_in_float32(tmp_path):
    hand, each = one_layer("lstm", kind="float16")
    half = [{name: block.astype("float16").astype("float64") for name, block in one.items()} for one in each]
    foreign = ours.read(hand.save(tmp_path))
    assert both_agree(foreign, expected("lstm", half, X))


@pytest.mark.parametrize("glue", ["state", "gather", "slice", "both", "turned"])
def test_the_last_step_is_recognised_however_it_is_taken(tmp_path, glue):
    direction = "bidirectional" if glue in ("both", "turned") else "forward"
    hand, each = one_layer("gru", direction)
    numbers = {"first": [0], "end": [2**63 - 1], "last": [-1], "axis": [1], "flat": [0, 2 * H], "zero": 0, "minus": -1}
    for name, value in numbers.items():
        hand.array(f"n_{name}", value, "int64")
    if glue == "state":
        hand.add("Squeeze", ["Y_h0", "n_first"], "last")
    elif glue == "gather":
        hand.add("Gather", ["out", "n_minus"], "last", axis=1)
    elif glue == "slice":
        hand.add("Slice", ["out", "n_last", "n_end", "n_axis"], "sliced")
        hand.add("Squeeze", ["sliced", "n_axis"], "last")
    elif glue == "both":
        hand.add("Gather", ["Y_h0", "n_zero"], "one", axis=0)
        hand.add("Gather", ["Y_h0", "n_minus"], "two", axis=0)
        hand.add("Concat", ["one", "two"], "last", axis=1)
    else:
        hand.add("Transpose", ["Y_h0"], "by_sequence", perm=[1, 0, 2])
        hand.add("Reshape", ["by_sequence", "n_flat"], "last")
    kernel, bias = normal(5, 2, H * len(each)), normal(6, 2)
    hand.add("Gemm", ["last", hand.array("kernel", kernel), hand.array("bias", bias)], "answer", transB=1)
    hand.outputs = []
    hand.output("answer")
    foreign = ours.read(hand.save(tmp_path))
    assert not foreign.network.every_step
    _, states = expected("gru", each, X, direction=direction)
    assert both_agree(foreign, (np.concatenate(states, axis=-1) @ kernel.T + bias, states))


def language_model(hand, inner="lstm"):
    """Tokens → embedding → two layers with states as inputs → dropout → linear; glue as torch's newer exporter writes it."""
    table, kernel, bias = normal(1, 11, F), normal(2, H, 11), normal(3, 11)
    x = hand.add("Gather", [hand.array("table", table), hand.input("tokens", "batch", "steps", kind=TensorProto.INT64)], "e")
    x = hand.add("Transpose", [x], "by_time", perm=[1, 0, 2])
    hand.input("first", 2, "batch", H)
    each, ends = [], []
    for n, cut in enumerate(("[0:1]", "[1:2]")):
        one = blocks(inner, n, H if n else F)
        each.append(one)
        bounds = [hand.array(f"{cut}{k}", [value], "int64") for k, value in (("from", n), ("to", n + 1), ("axis", 0))]
        start = hand.add("Slice", ["first", *bounds], f"start{n}")
        y, *end = recurrent(hand, inner, [one], x, n)
        hand.nodes[-1].input.extend([start, start])
        ends.append(end)
        turned = hand.add("Transpose", [y], f"turned{n}", perm=[0, 2, 1, 3])
        shape = hand.add("Shape", [turned], f"shape{n}")
        sizes = []
        for place in range(4):
            index = hand.array(f"index{n}{place}", [place], "int64")
            sizes.append(hand.add("Gather", [shape, index], f"size{n}{place}"))
        width = hand.add("Mul", sizes[2:], f"width{n}")
        target = hand.add("Concat", [*sizes[:2], width], f"target{n}", axis=0)
        x = hand.add("Reshape", [turned, target], f"steps{n}")
        x = hand.add("Dropout", [x], f"kept{n}")
    x = hand.add("Transpose", [x], "by_sequence", perm=[1, 0, 2])
    x = hand.add("MatMul", [x, hand.array("kernel", kernel)], "product")
    hand.add("Add", [hand.array("bias", bias), x], "logits")
    hand.output(
        "logits", *(hand.add("Concat", list(pair), f"all{n}", axis=0) for n, pair in enumerate(zip(*ends, strict=True)))
    )
    return table, kernel, bias, each


def test_a_language_model_with_states_as_inputs(tmp_path):
    hand = Hand()
    table, kernel, bias, (one, two) = language_model(hand)
    foreign = ours.read(hand.save(tmp_path))
    tokens = np.random.default_rng(0).integers(0, 11, (B, T))
    below, first = in_numpy("lstm", one, table[tokens])
    above, second = in_numpy("lstm", two, below)
    assert foreign.network.tokens == 11
    assert foreign.warnings == (
        "ignored inputs: 'first'; initial states are zero",
        "the model has the output 'logits' alone; outputs that are final states are left out: 'all0', 'all1'",
    )
    assert both_agree(foreign, (above @ kernel + bias, [*first, *second]), x=tokens)


def test_a_scale_on_a_time_major_input(tmp_path):
    hand, each = Hand(), [blocks("rnn")]
    x = hand.add("Div", [hand.input("x", "steps", "batch", F), hand.array("by", 4.0)], "small")
    y, _ = recurrent(hand, "rnn", each, x)
    hand.add("Identity", [y], "out")
    hand.output("out")  # (T, 1, B, H)
    foreign = ours.read(hand.save(tmp_path))
    assert foreign.network.scale == 0.25
    assert both_agree(foreign, expected("rnn", each, X / 4))


def test_a_file_of_one_shape_is_read_and_says_which_length_it_computes(tmp_path):
    hand, each = one_layer()
    hand.inputs = []
    hand.input("x", 2, T, F)
    hand.arrays = [array for array in hand.arrays if array.name != "one"]
    hand.nodes[-2] = helper.make_node("Reshape", ["Y0", hand.array("baked", [T, 2, H], "int64")], ["steps"])
    foreign = ours.read(hand.save(tmp_path))
    assert foreign.lengths == (T,)
    assert both_agree(foreign, expected("gru", each, X))  # five sequences, two at a time
    with pytest.raises(UserError, match="expected 6 steps, the only length that the file computes. Received: 2"):
        foreign.framework()[1](X[:, :2])


def test_initial_states_of_a_huge_declared_shape_take_no_memory(tmp_path):
    hand, _ = one_layer()
    hand.nodes[1].input.append(hand.input("first", 1, "batch", 10**11))
    with pytest.raises(UserError, match=r"input 'first': expected at most .* numbers. Received: shape \[1, 5, 1000"):
        ours.read(hand.save(tmp_path)).framework()[1](X)


def test_zero_states_of_one_batch_size_are_read(tmp_path):
    hand, each = one_layer()
    hand.nodes[1].input.append(hand.array("first", np.zeros((1, 2, H))))
    assert both_agree(ours.read(hand.save(tmp_path)), expected("gru", each, X))


@pytest.mark.parametrize(("gate", "activation"), [("hard_sigmoid", "relu"), ("sigmoid", "softsign"), ("sigmoid", "elu")])
def test_activations_that_both_define_alike_are_read_as_written(tmp_path, gate, activation):
    hand, _ = one_layer("lstm", "bidirectional", **activations.attributes("lstm", gate, activation, 2))
    foreign = ours.read(hand.save(tmp_path))
    assert foreign.network.layers[0].recurrent_activation == gate
    assert foreign.network.layers[0].activation == activation
    name, run = foreign.framework()
    assert name.startswith("onnxruntime")
    assert apart(ours_of(foreign), run(X)) < FLOAT32


def test_batch_and_time_may_be_one_axis_for_a_while_and_not_at_the_end(tmp_path):
    hand, each = one_layer()
    kernel = normal(5, H, 2)
    hand.add("Reshape", ["out", hand.array("rows", [-1, H], "int64")], "flat")
    hand.add("Gemm", ["flat", hand.array("kernel", kernel)], "product")
    hand.outputs = []
    hand.output("product")
    with pytest.raises(UserError, match="output 'product': expected .* Received: batch and time in one axis"):
        ours.read(hand.save(tmp_path))
    hand.add("Shape", ["x"], "shape", end=1)
    hand.add("Concat", ["shape", hand.array("rest", [-1, 2], "int64")], "back", axis=0)
    hand.add("Reshape", ["product", "back"], "answer")
    hand.outputs = []
    hand.output("answer")
    y, states = expected("gru", each, X)
    assert both_agree(ours.read(hand.save(tmp_path)), (y @ kernel, states))


def test_a_linear_layer_on_states_as_the_node_gives_them(tmp_path):
    hand, each = one_layer()
    kernel = normal(5, H, 2)
    hand.add("MatMul", ["Y_h0", hand.array("kernel", kernel)], "answer")  # (1, B, 2)
    hand.outputs = []
    hand.output("answer")
    _, states = expected("gru", each, X)
    assert both_agree(ours.read(hand.save(tmp_path)), (states[0] @ kernel, states))


def test_weights_in_a_file_beside_the_model(tmp_path):
    hand, each = one_layer()
    model = hand.model()
    onnx.save(model, tmp_path / "model.onnx", save_as_external_data=True, location="data.bin", size_threshold=0)
    foreign = ours.read(tmp_path / "model.onnx")
    assert both_agree(foreign, expected("gru", each, X))
    assert foreign.beside == (tmp_path / "data.bin",)
    starts = ModelSpec.model_validate({"from": str(tmp_path / "model.onnx")})
    with pytest.raises(UserError, match=r"model\.from: .*expected weights in the file itself; .* Received: data\.bin$"):
        pretrained.read(pretrained.pinned(starts))
    before = importing.import_file(tmp_path / "model.onnx", verify=False).record["sha256"]
    (tmp_path / "data.bin").write_bytes((tmp_path / "data.bin").read_bytes() + b"more")
    assert importing.import_file(tmp_path / "model.onnx", verify=False).record["sha256"] != before


# --- bad input ---


def spoiled(change):
    """A file's bytes with something changed in its model."""
    model = one_layer()[0].model()
    change(model, model.graph)
    return model.SerializeToString()


def attribute(name, value):
    return lambda model, graph: graph.node[1].attribute.append(helper.make_attribute(name, value))


def exchanged(name, shape):
    """Another array in the place of one."""

    def change(model, graph):
        array = next(each for each in graph.initializer if each.name == name)
        array.CopyFrom(numpy_helper.from_array(normal(0, *shape).astype("float32"), name))

    return change


def external(location, **more):
    def change(model, graph):
        array = graph.initializer[0]
        array.ClearField("raw_data")
        array.data_location = TensorProto.EXTERNAL
        for key, value in {"location": location, **more}.items():
            array.external_data.add(key=key, value=str(value))

    return change


def instead(op, domain=""):
    def change(model, graph):
        graph.node[0].CopyFrom(helper.make_node(op, ["x"], ["by_time"], name="odd", domain=domain))

    return change


def only(op):
    def change(model, graph):
        del graph.node[:]
        graph.node.append(helper.make_node(op, ["x"], ["out"]))

    return change


def lying(model, graph):
    graph.initializer[0].dims[1] = 2**40


def hidden(model, graph):
    next(each for each in graph.node[1].attribute if each.name == "hidden_size").i = 7


def peepholes(model, graph):
    graph.node[1].op_type = "LSTM"
    for name, array in zip("WRB", stacked("lstm", [blocks("lstm")]), strict=True):
        exchanged(f"{name}0", array.shape)(model, graph)
    graph.initializer.append(numpy_helper.from_array(np.ones((1, 3 * H), "float32"), "P"))
    graph.node[1].input.extend(["", "", "P"])
    del graph.node[1].attribute[1:]


def ones(model, graph):
    graph.initializer.append(numpy_helper.from_array(np.ones((1, B, H), "float32"), "h"))
    graph.node[1].input.append("h")


def inner_linear(model, graph):
    graph.initializer.append(numpy_helper.from_array(np.ones((H, F), "float32"), "kernel"))
    for name in "WRB":
        graph.initializer.append(numpy_helper.from_array(stacked("gru", [blocks("gru")])["WRB".index(name)], f"{name}1"))
    graph.node.append(helper.make_node("MatMul", ["steps", "kernel"], ["inner"]))
    graph.node.append(helper.make_node("GRU", ["inner", "W0", "R0", "B0"], ["more"], name="second"))
    graph.output[0].name = "more"


def functions(model, graph):
    model.functions.append(
        helper.make_function("own", "Trick", ["a"], ["b"], [helper.make_node("Identity", ["a"], ["b"])], [])
    )


def old(model, graph):
    model.opset_import[0].version = 6


def again(op, **more):
    """A node that takes the same thing twice, many times over."""

    def change(model, graph):
        x = "Y_h0"
        for n in range(40):
            graph.node.append(helper.make_node(op, [x, x], [f"more{n}"], **more))
            x = f"more{n}"
        graph.output[1].name = x

    return change


def negative(model, graph):
    graph.initializer.append(numpy_helper.from_array(np.array([1, -1, H]), "lengths"))
    graph.node.insert(0, helper.make_node("ConstantOfShape", ["lengths"], ["zeros"], name="fill"))
    graph.node[2].input.append("zeros")


def huge(model, graph):
    negative(model, graph)
    graph.initializer[-1].CopyFrom(numpy_helper.from_array(np.array([1, 2**40, H]), "lengths"))


def parallel(model, graph):
    graph.node.append(helper.make_node("GRU", ["by_time", "W0", "R0", "B0"], ["", "other"], name="second"))
    graph.output[1].name = "other"


def truncated(model, graph):
    graph.node.insert(1, helper.make_node("Cast", ["by_time"], ["whole"], to=TensorProto.INT64))
    graph.node.insert(2, helper.make_node("Cast", ["whole"], ["floats"], to=TensorProto.FLOAT))
    graph.node[3].input[0] = "floats"


def turned_bias(model, graph):
    graph.initializer.append(numpy_helper.from_array(np.ones((H, T), "float32"), "kernel"))
    graph.initializer.append(numpy_helper.from_array(np.ones(T, "float32"), "bias"))
    graph.node.append(helper.make_node("MatMul", ["out", "kernel"], ["product"]))
    graph.node.append(helper.make_node("Transpose", ["product"], ["turned"], perm=[0, 2, 1]))
    graph.node.append(helper.make_node("Add", ["turned", "bias"], ["sum"], name="plus"))
    graph.output[0].name = "sum"


def made_twice(model, graph):
    graph.node.append(helper.make_node("Identity", ["x"], ["out"], name="again"))


def training(model, graph):
    graph.initializer.append(numpy_helper.from_array(np.array(True), "yes"))
    graph.node.append(helper.make_node("Dropout", ["out", "", "yes"], ["kept"], name="drop"))
    graph.output[0].name = "kept"


def many_from_one(model, graph):
    external("model.onnx", offset=0)(model, graph)
    graph.initializer[0].dims[2] = 30
    for n in range(100):
        graph.initializer.add().CopyFrom(graph.initializer[0])
        graph.initializer[-1].name = f"more{n}"


def many_constants(model, graph):
    external("model.onnx", offset=0)(model, graph)
    graph.initializer[0].dims[2] = 30
    for n in range(100):
        graph.node.insert(n, helper.make_node("Constant", [], [f"more{n}"], value=graph.initializer[0]))


def copies(model, graph):
    graph.initializer.append(numpy_helper.from_array(np.zeros((500, 100), "float32"), "x0"))
    graph.initializer.append(numpy_helper.from_array(np.array([500, 100]), "shape"))
    for n in range(10):
        graph.node.insert(2 * n, helper.make_node("Transpose", [f"x{n}"], [f"turned{n}"]))
        graph.node.insert(2 * n + 1, helper.make_node("Reshape", [f"turned{n}", "shape"], [f"x{n + 1}"]))
    next(node for node in graph.node if node.op_type == "GRU").input[1] = "x10"


def backward_step(model, graph):
    graph.node[1].attribute.append(helper.make_attribute("direction", "reverse"))
    graph.initializer.append(numpy_helper.from_array(np.array(-1), "last"))
    graph.node.append(helper.make_node("Gather", ["out", "last"], ["final"], axis=1, name="pick"))
    graph.output[0].name = "final"


def softmax(model, graph):
    graph.node.append(helper.make_node("Softmax", ["out"], ["p"], name="soft"))
    graph.output[0].name = "p"


def padded_step(model, graph):
    graph.input.append(helper.make_tensor_value_info("lengths", TensorProto.INT32, ["batch"]))
    graph.node[1].input[4] = "lengths"
    graph.initializer.append(numpy_helper.from_array(np.array(-1), "last"))
    graph.node.append(helper.make_node("Gather", ["out", "last"], ["final"], axis=1, name="pick"))
    graph.output[0].name = "final"


def one_way(model, graph):
    model.CopyFrom(one_layer("gru", "bidirectional")[0].model())
    graph = model.graph
    graph.initializer.append(numpy_helper.from_array(np.array(-1), "last"))
    graph.node.append(helper.make_node("Gather", ["Y_h0", "last"], ["final"], axis=0, name="pick"))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("final", TensorProto.FLOAT, None))


def swapped_axes(model, graph):
    graph.node.append(helper.make_node("GRU", ["out", "W1", "R0", "B0"], ["more"], name="second"))
    graph.initializer.append(numpy_helper.from_array(normal(0, 1, 3 * H, H).astype("float32"), "W1"))
    graph.output[0].name = "more"


def bomb(model, graph):
    x = "W0"
    for n in range(40):
        graph.node.insert(0 + n, helper.make_node("Concat", [x, x], [f"more{n}"], axis=1))
        x = f"more{n}"
    next(node for node in graph.node if node.op_type == "GRU").input[1] = x


AROUND = "expected only embeddings, linear layers and reshaping around recurrent nodes. Received: "
BESIDE = "expected a file in the model's own folder. Received: location "
LOOP = "the weights of a recurrent layer written as a loop cannot be identified"
BAD = {
    "softmax after it": (softmax, f"node 'soft': {AROUND}Softmax; export without it"),
    "convolution below": (instead("Conv"), f"node 'the GRU': its input: node 'odd': {AROUND}Conv"),
    "sorted by length": (instead("TopK"), f"node 'odd': {AROUND}TopK; it sorts .*enforce_sorted=True.*or without packing"),
    "no operator": (instead("Gathr"), r"node 'odd': expected .* nodes\. Did you mean 'Gather'\? Received: Gathr$"),
    "no recurrent operator": (only("GRUU"), r"a GRU, LSTM or RNN node\. Did you mean 'GRU'\? Received: GRUU$"),
    "custom domain": (instead("Trick", "com.evil"), "expected operators of the ONNX standard. Received: com.evil.Trick"),
    "scan below": (instead("Scan"), f"node 'odd': Scan: {LOOP}"),
    "loop alone": (only("Loop"), f"expected a GRU, LSTM or RNN node. Received: Loop: {LOOP}"),
    "nothing recurrent": (only("Relu"), "expected a GRU, LSTM or RNN node. Received: Relu"),
    "functions": (functions, "expected nodes of the ONNX standard. Received: functions of the file's own, Trick"),
    "opset": (old, "expected opset 7 or later. Received: 6"),
    "hidden size": (hidden, r"node 'the GRU': expected hidden_size=4 by R of shape \[1, 12, 4\]. Received: 7"),
    "W": (exchanged("W0", (1, 11, F)), r"node 'the GRU': expected W of shape \(3H, I\). Received: shape \(11, 3\)"),
    "R": (exchanged("R0", (1, 12, 5)), r"node 'the GRU': expected hidden_size=5 by R of shape \[1, 12, 5\]. Received: 4"),
    "B": (exchanged("B0", (1, 23)), r"node 'the GRU': expected B of shape \(6H,\) = \(24,\)"),
    "features": (exchanged("W0", (1, 12, 2)), "node 'the GRU': expected input X of 2 features by W. Received: 3"),
    "rank": (exchanged("W0", (12, 3)), r"node 'the GRU': expected W with 3 axes .* Received: shape \[12, 3\]"),
    "directions": (attribute("direction", "bidirectional"), "expected W for 2 directions, as direction is bidirectional"),
    "direction": (attribute("direction", "revers"), "direction forward, reverse, bidirectional. Did you mean 'reverse'"),
    "clip": (attribute("clip", 3.0), "expected no clip, which Keras does not support. Received: clip=3"),
    "clip as text": (attribute("clip", "3"), "node 'the GRU': expected inputs and attributes that GRU can take"),
    "unknown attribute": (attribute("direktion", "forward"), "Did you mean 'direction'.* Received: direktion"),
    "activation": (
        attribute("activations", ["Sigmoid", "ScaledTanh"]),
        "expected one of the activations Tanh, .* Received: ScaledTanh",
    ),
    "number of activations": (attribute("activations", ["Sigmoid"]), "expected 2 activations, 2 per direction"),
    "alpha": (
        attribute("activations", ["HardSigmoid", "Tanh"]),
        "HardSigmoid with alpha and beta .* as in Keras' hard_sigmoid. Received: 0.2, 0.5",
    ),
    "peepholes": (peepholes, "expected no peepholes, which Keras does not support. Received: input P"),
    "first state": (ones, "expected initial_h to be zero, absent or an input of the graph. Received: numbers up to 1"),
    "linear between": (inner_linear, "node 'second': expected linear layers only after all recurrent ones"),
    "axes": (swapped_axes, r"node 'second': expected input X of axes \(x\[1\], x\[0\], .* Received: \(x\[0\], x\[1\], "),
    "last step of a reverse layer": (backward_step, "node 'pick': expected the last step of a layer that reads forward"),
    "last step of padding": (
        padded_step,
        "node 'pick': expected the final state Y_h. Received: the last step, which may be padding",
    ),
    "one direction's state": (
        one_way,
        "expected the last layer's final state in each of its directions. Received: the GRU b",
    ),
    "external absolute": (external("/etc/passwd"), f"external data of array 'W0': {BESIDE}'/etc/passwd'"),
    "external above": (external("../secret.bin"), f"{BESIDE}'../secret.bin'"),
    "external missing": (external("gone.bin"), "expected the file 'gone.bin' beside the model. Received: no such file"),
    "external without end": (external("a" * 5000), "expected the file .* beside the model. Received: no such file"),
    "external no name": (external("a\0b"), f"{BESIDE}'a.x00b'"),
    "external far": (external("model.onnx", offset="1" * 5000), "expected 144 bytes .* Received: offset '111"),
    "external constants": (many_constants, "expected external data of at most .* bytes, the size of its files. Received: "),
    "copies": (copies, "expected constants no larger than the file's weights"),
    "external short": (
        external("model.onnx", offset=10**9),
        "expected 144 bytes .* within the .* of 'model.onnx'",
    ),
    "external nonsense": (external("model.onnx", offset="-1"), "Received: offset '-1'"),
    "shape without bytes": (lying, "array 'W0': expected .* bytes for shape"),
    "exponential": (bomb, "expected constants no larger than the file's weights"),
    "negative lengths": (negative, r"node 'the GRU': initial_h: node 'fill': expected lengths .* Received: \(1, -1, 4\)"),
    "huge states": (huge, "node 'fill': expected lengths of at most 268,435,456 numbers"),
    "states without end": (again("Concat", axis=0), "expected at most 500 layers and states"),
    "another network beside": (
        parallel,
        "expected final states of the layers of output 'out'. Received: those of 'second'",
    ),
    "fractions cut off": (
        truncated,
        "node 'the GRU': expected the original sequence as input X. Received: a cast",
    ),
    "bias over time": (turned_bias, "node 'plus': expected Add after a product, as its bias"),
    "made twice": (made_twice, "node 'again': expected outputs with new names. Received: 'out' again"),
    "training": (training, "node 'drop': expected a model for inference. Received: Dropout in training mode"),
    "external many times": (many_from_one, "expected external data of at most .* bytes, the size of its files. Received: "),
    "unmade input": (
        lambda m, g: g.node[0].input.__setitem__(0, "ghost"),
        "expected inputs computed before it. Received: 'ghost'",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_what_cannot_be_read_is_refused_by_name(tmp_path, what):
    change, message = BAD[what]
    path = tmp_path / "model.onnx"
    path.write_bytes(spoiled(change))
    (tmp_path.parent / "secret.bin").write_bytes(bytes(1000))
    with pytest.raises(UserError, match=message) as caught:
        ours.read(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    assert [each.name for each in tmp_path.iterdir()] == ["model.onnx"]


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret.bin").write_bytes(bytes(1000))
    (folder / "near.bin").symlink_to(tmp_path / "secret.bin")
    path = folder / "model.onnx"
    path.write_bytes(spoiled(external("near.bin")))
    with pytest.raises(UserError, match="expected a file in the model's own folder. Received: location 'near.bin'"):
        ours.read(path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a zip", bytes(100), b"\x80\x04\x95cos\nsystem\n(S'true'\ntR."])
def test_bytes_that_are_no_onnx_file_are_refused(tmp_path, content):
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(UserError, match="expected an ONNX file"):
        ours.read(path)


def test_a_file_cut_off_anywhere_is_refused_and_never_read_wrongly(tmp_path):
    content = one_layer()[0].model().SerializeToString()
    path = tmp_path / "model.onnx"
    for end in range(0, len(content) - 1, 37):
        path.write_bytes(content[:end])
        with pytest.raises(UserError, match=r"model\.onnx: "):
            ours.read(path)


def test_files_with_bytes_flipped_are_refused_or_read_and_raise_nothing_else(tmp_path):
    content = one_layer("gru", "bidirectional", lengths="cast")[0].model().SerializeToString()
    path, random, refused = tmp_path / "model.onnx", np.random.default_rng(0), 0
    for _ in range(300):
        spoilt = bytearray(content)
        for place in random.integers(0, len(content), 3):
            spoilt[place] = random.integers(256)
        path.write_bytes(bytes(spoilt))
        try:
            ours.read(path)
        except UserError:
            refused += 1
    assert refused > 30


def of_network(network, x):
    """What a network computes, in NumPy."""
    y = x if network.embedding is None else network.embedding[x]
    states = []
    for one in network.layers:
        cell, zeros = one.forward.cell, np.zeros(one.forward.units)
        each = [
            {f"{k}_{g}": gates.blocks.get(f"{k}_{g}", zeros) for k in "WUbc" for g in ORDER[cell][0]}
            for gates in one.directions
        ]
        way = "bidirectional" if one.backward is not None else "reverse" if one.reverse else "forward"
        y, ends = expected(cell, each, y, direction=way, reset_after=one.forward.reset_after is not False)
        states += ends
    if not network.every_step:
        y = np.concatenate(ends[:: len(ends) // len(one.directions)], axis=-1)
    for linear in network.head:
        y = y @ linear.kernel + (0 if linear.bias is None else linear.bias)
    return y, states


def exchange_something(model, random):
    """Another number in a constant or an attribute, axes in another order, or another value as a node's input."""
    graph, what = model.graph, random.integers(3)
    node = graph.node[random.integers(len(graph.node))]
    if what == 0:
        array = random.choice([each for each in graph.initializer if each.data_type == TensorProto.INT64])
        numbers = numpy_helper.to_array(array).copy()
        numbers.flat[random.integers(numbers.size)] = random.integers(-2, 6)
        array.CopyFrom(numpy_helper.from_array(numbers, array.name))
    elif what == 1:
        for each in node.attribute:
            each.i = random.integers(3)
            numbers = random.permutation(each.ints)
            del each.ints[:]
            each.ints.extend(int(number) for number in numbers)
    else:
        outputs = [name for other in graph.node for name in other.output if name]
        node.input[random.integers(len(node.input))] = random.choice([*outputs, *(each.name for each in graph.initializer)])


def test_whatever_is_exchanged_in_a_file_it_is_refused_or_read_as_onnxruntime_computes_it(tmp_path):
    language, layer_alone = Hand(), one_layer("gru", "bidirectional")[0]
    language_model(language)
    random, counts = np.random.default_rng(0), {"refused": 0, "the same": 0, "not run": 0}
    for n in range(400):
        model = (language, layer_alone)[n % 2].model()
        exchange_something(model, random)
        path = tmp_path / "model.onnx"
        path.write_bytes(model.SerializeToString())
        try:
            foreign = ours.read(path)
        except UserError:
            counts["refused"] += 1
            continue
        x = X if foreign.network.tokens is None else np.abs(X[:, :, 0] * 5).astype(int) % 11
        try:
            outputs = foreign.framework()[1](x)
        except UserError:  # onnxruntime itself refuses it
            counts["not run"] += 1
            continue
        assert apart(outputs, of_network(foreign.network, x)) < FLOAT32, n
        counts["the same"] += 1
    assert counts["refused"] > 100
    assert counts["the same"] > 40


def test_no_such_file_and_no_such_library(tmp_path, monkeypatch):
    with pytest.raises(UserError, match="expected a readable ONNX file. Received: No such file"):
        ours.read(tmp_path / "none.onnx")
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(UserError, match="needs the onnx package: pip install"):
        ours.read(tmp_path / "none.onnx")


# --- write ---


def layer(cell, seed, features=F, both=False, reverse=False, reset_after=True, **names):
    """A recurrent layer of a network."""
    options = {"convention": "keep", "reset_after": reset_after} if cell == "gru" else {}
    weights = [GateWeights(blocks(cell, seed + n, features), cell=cell, **options) for n in range(1 + both)]
    if cell == "gru" and not reset_after:
        weights = [one.with_one_bias() for one in weights]
    return Recurrent(weights[0], weights[1] if both else None, reverse, **names)


NETWORKS = {
    "gru": Network((layer("gru", 0, both=True), layer("gru", 2, 2 * H)), scale=0.5),
    "gru before": Network(
        (layer("gru", 0, reset_after=False), layer("gru", 1, H, both=True, reset_after=False)), masked=True
    ),
    "lstm": Network((layer("lstm", 0), layer("lstm", 1, H, reverse=True)), normal(3, 11, F), every_step=False, masked=True),
    "rnn": Network(
        (layer("rnn", 0, both=True, activation="relu"),),
        head=(Linear(normal(4, 2 * H, 3), normal(5, 3)), Linear(normal(6, 3, 2))),
        every_step=False,
    ),
    "hard": Network(
        (layer("lstm", 0, recurrent_activation="hard_sigmoid"), layer("gru", 1, H)), head=(Linear(normal(4, H, 2)),)
    ),
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Name → file and the line that says how it was verified."""
    folder = tmp_path_factory.mktemp("written")
    return {
        name: (folder / f"{name}.onnx", ours.write(network, folder / f"{name}.onnx", initial=name in ("lstm", "gru before")))
        for name, network in NETWORKS.items()
    }


@pytest.mark.parametrize("name", NETWORKS)
def test_a_written_file_is_verified_and_reads_back_to_the_bit(written, name):
    path, message = written[name]
    network = NETWORKS[name]
    assert message.startswith("verified by onnxruntime ")
    assert ": outputs and states of 8 batches differ by at most " in message
    onnx.checker.check_model(onnx.load(path), full_check=True)
    back = ours.read(path).network
    assert (back.every_step, back.masked, back.tokens, back.scale) == (
        network.every_step, network.masked, network.tokens, network.scale,
    )  # fmt: skip
    for one, other in zip(back.layers, network.layers, strict=True):
        assert (one.reverse, one.activation, one.recurrent_activation) == (
            other.reverse, other.activation, other.recurrent_activation,
        )  # fmt: skip
        for mine, theirs in zip(one.directions, other.directions, strict=True):
            assert mine.reset_after == theirs.reset_after
            for block in theirs.blocks:
                np.testing.assert_array_equal(mine.blocks[block], theirs.blocks[block].astype("float32"))
    for one, other in zip(back.head, network.head, strict=True):
        np.testing.assert_array_equal(one.kernel, other.kernel.astype("float32"))


def test_a_written_file_computes_what_the_equations_say_with_states_by_name(written):
    import onnxruntime

    path, _ = written["gru before"]
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    one, two = NETWORKS["gru before"].layers
    for batch, steps in ((B, T), (2, 3)):
        x, lengths = X[:batch, :steps], np.minimum(MASKED[:batch], steps)
        feed = {"input": x.astype("float32"), "lengths": lengths.astype("int32")}
        feed |= {
            f"initial_{name}": np.zeros((batch, H), "float32")
            for name in ("layer0_forward_h", "layer1_forward_h", "layer1_backward_h")
        }
        outputs = dict(zip([each.name for each in session.get_outputs()], session.run(None, feed), strict=True))
        zero = {f"c_{g}": np.zeros(H) for g in "zrh"}
        full = [{**zero, **each.blocks} for layer in (one, two) for each in layer.directions]
        below, states = expected("gru", full[:1], x, lengths, reset_after=False)
        above, more = expected("gru", full[1:], below, lengths, "bidirectional", reset_after=False)
        np.testing.assert_allclose(outputs.pop("output"), above, atol=FLOAT32)  # with zeros behind the real steps
        assert list(outputs) == ["layer0_forward_h", "layer1_forward_h", "layer1_backward_h"]
        for got, wanted in zip(outputs.values(), [*states, *more], strict=True):
            np.testing.assert_allclose(got, wanted, atol=FLOAT32)


@pytest.mark.parametrize("fault", ["activations", "direction", "zero"])
def test_a_file_that_computes_something_else_is_not_kept(tmp_path, monkeypatch, fault):
    if fault == "activations":
        monkeypatch.setattr(activations, "attributes", lambda *_: {"activations": ["Relu"] * 2})
    elif fault == "direction":
        real = helper.make_node
        monkeypatch.setattr(
            helper, "make_node", lambda op, *a, **k: real(op, *a, **({**k, "direction": "reverse"} if op == "RNN" else k))
        )
    else:
        real_array = numpy_helper.from_array
        monkeypatch.setattr(numpy_helper, "from_array", lambda a, n: real_array(a * 0 if n == "layer0_B" else a, n))
    path = tmp_path / "model.onnx"
    path.write_bytes(b"the old file")
    network = (
        Network((layer("rnn", 0),))
        if fault != "activations"
        else replace(NETWORKS["rnn"], layers=(layer("rnn", 0, both=True),))
    )
    with pytest.raises(UserError, match=r"not the same: expected what Keras gives, within 1e-05.* in (output|layer0_)"):
        ours.write(network, path)
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("model.onnx", b"the old file")]


def test_without_onnxruntime_the_line_says_that_nothing_was_verified(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    expected = "not verified: onnxruntime is not installed (pip install 'gru-tf[interchange]')"
    assert ours.write(Network((layer("rnn", 0),)), tmp_path / "model.onnx") == expected
    foreign = ours.read(tmp_path / "model.onnx")
    assert foreign.framework() is None


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (
            Network((layer("rnn", 0, activation="gelu"),)),
            "expected one of the activations tanh, .* Did you mean 'elu'. Received: gelu",
        ),
        (
            Network((Recurrent(layer("gru", 0).forward.in_convention("write"), recurrent_activation="relu"),)),
            "expected convention 'keep', or gates of one of sigmoid, hard_sigmoid, keras2_hard_sigmoid."
            " Received: 'write' with relu",
        ),
    ],
)
def test_activations_and_gates_that_onnx_does_not_have_are_refused_by_name(tmp_path, network, message):
    with pytest.raises(UserError, match=message):
        ours.write(network, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_a_file_larger_than_a_protobuf_holds_is_refused(tmp_path, monkeypatch):
    from gru_tf.interchange.onnx import graph_builder

    monkeypatch.setattr(graph_builder, "MOST", 100)
    with pytest.raises(UserError, match="expected weights of at most 2 GiB.* Received: .* bytes"):
        ours.write(Network((layer("rnn", 0),)), tmp_path / "model.onnx")


def test_every_activation_is_the_same_in_both(tmp_path):
    weights = GateWeights({name: block / 4 for name, block in blocks("rnn").items()}, cell="rnn")  # "linear" stays bounded
    for name in activations.SAME:
        message = ours.write(Network((Recurrent(weights, activation=name),)), tmp_path / "model.onnx")
        assert message.startswith("verified")


# --- PyTorch's exporter ---


def exported(net, x, path, dynamic=True):
    """A file by torch's TorchScript exporter, which warns that it is the older one."""
    import torch

    axes = {"x": {0: "batch", 1: "steps"}} if dynamic else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(net.eval(), (x,), str(path), dynamo=False, input_names=["x"], dynamic_axes=axes)


@pytest.mark.torch
@pytest.mark.parametrize("kind", ["GRU", "LSTM", "RNN"])
@pytest.mark.parametrize(("both", "last"), [(False, "step"), (True, "state"), (True, "flat")])
def test_torch_modules_come_over(tmp_path, kind, both, last):
    torch = pytest.importorskip("torch")

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.stack = getattr(torch.nn, kind)(F, H, 2, bidirectional=both, batch_first=True)
            self.head = torch.nn.Linear(H * (1 + both), 2)

        def forward(self, x):
            y, ends = self.stack(x)
            h = ends[0] if kind == "LSTM" else ends
            if last == "flat":
                return self.head(y.reshape(-1, 2 * H)).reshape(x.shape[0], -1, 2), ends
            return self.head(y[:, -1] if last == "step" else torch.cat([h[-2], h[-1]], 1)), ends

    torch.manual_seed(0)
    net, path = Net(), tmp_path / "model.onnx"
    exported(net, torch.zeros(2, 5, F), path, dynamic=last != "step")
    with torch.no_grad():
        y, ends = net(torch.tensor(X, dtype=torch.float32))
    ends = [each.numpy() for each in (ends if kind == "LSTM" else (ends,))]
    states = [each[row] for row in range(len(ends[0])) for each in ends]
    assert both_agree(ours.read(path), (y.numpy(), states))
