"""ONNX graphs that are not read: all parts in the way at once, by name, in one line, soon, and in bounded memory."""

import time
import tracemalloc

import numpy as np
import onnx
import pytest
from model_corpus import onnx_files
from onnx import TensorProto, helper, numpy_helper
from onnx_graphs import FEATURES, UNITS, Graph
from refusals import refused

from gru_tf.foundation.errors import UserError
from gru_tf.interchange import importing

SOON = 20.0  # seconds, on a machine that does other things; what these files are made for would take hours
LITTLE = 200 << 20


def read(path):
    return importing.import_file(path)


def tokens(graph):
    return graph.input("tokens", "batch", "steps", kind=TensorProto.INT64)


def with_network(build, *, opset=17, domains=()):
    """A graph in which a recurrent node follows what `build` makes of its input."""
    graph = Graph(opset=opset, domains=domains)
    y, _ = graph.batch_first("GRU", build(graph, graph.input("x", "batch", "steps", FEATURES)))
    graph.output(y)
    return graph


def behind(build, **options):
    """A graph in which `build` follows a recurrent node."""
    graph = Graph(**options)
    y, states = graph.batch_first("GRU", graph.input("x", "batch", "steps", FEATURES))
    graph.output(build(graph, y, states))
    return graph


def of_node(**attributes):
    """A graph whose recurrent node follows an activation and has these attributes."""
    graph = Graph()
    x = graph.add("Relu", graph.input("x", "batch", "steps", FEATURES))
    graph.output(graph.batch_first("GRU", x, **attributes)[0])
    return graph


REFUSED = {
    "an unknown operator": (
        with_network(lambda g, x: g.add("Relux", x)),
        ["node 'relux0' (Relux): expected an operator that is read around recurrent nodes. Did you mean 'Relu'?"],
    ),
    "one of another domain": (
        with_network(lambda g, x: g.add("FusedMatMul", x, domain="com.microsoft"), domains=("com.microsoft",)),
        ["expected operators of the ONNX standard. Received: com.microsoft.FusedMatMul"],
    ),
    "an unknown attribute": (
        behind(lambda g, y, _: g.add("Softmax", y, axes=1)),
        ["(Softmax): expected attributes axis. Did you mean 'axis'? Received: axes"],
    ),
    "two kinds at once": (
        behind(lambda g, y, _: g.add("Det", g.add("NonZero", y))),
        ["2 parts are not read: (1) node 'nonzero", "(NonZero)", "; (2) node 'det", "(Det)"],
    ),
    "many of one kind": (
        behind(lambda g, y, _: g.add("Max", *(g.add("Hardmax", y) for _ in range(5)))),
        ["node 'hardmax", "and 2 more (Hardmax): expected an operator"],
    ),
    "training": (
        behind(lambda g, y, _: g.add("Dropout", y, "", g.array(True, "bool"))),
        ["(Dropout): expected a model for inference. Received: Dropout in training mode"],
    ),
    "a mean over the batch": (
        behind(lambda g, y, _: g.add("ReduceMean", y, axes=[0])),
        ["(ReduceMean): expected the batch to stay an axis of its own"],
    ),
    "batch and time in one axis": (
        behind(lambda g, y, _: g.add("Softmax", g.add("Reshape", y, g.ints(1, -1, UNITS)), axis=1)),
        ["(Softmax): expected the batch to stay an axis of its own"],
    ),
    "a Reshape that mixes": (
        behind(lambda g, y, _: g.add("Reshape", y, g.ints(-1, 7))),
        ["(Reshape): expected lengths that fit"],
    ),
    "sequences from the batch": (
        behind(lambda g, y, _: g.add("Gather", y, g.array(0, "int64"), axis=0)),
        ["(Gather): expected the batch to stay an axis of its own"],
    ),
    "another number of features": (
        behind(lambda g, y, _: g.add("MatMul", y, g.weights(UNITS + 1, 2))),
        ["(MatMul): expected a matrix for 4 features. Received: one for 5"],
    ),
    "a transposed first factor": (
        behind(lambda g, y, s: g.add("Gemm", g.add("Squeeze", s[0], g.ints(0)), g.weights(UNITS, 2), transA=1)),
        ["(Gemm): expected the product of (batch, features) and a constant matrix"],
    ),
    "averages that leave out what was added": (
        with_network(
            lambda g, x: g.add(
                "Transpose",
                g.add("AveragePool", g.add("Transpose", x, perm=[0, 2, 1]), kernel_shape=[3], pads=[2, 0]),
                perm=[0, 2, 1],
            )
        ),
        ["(AveragePool): expected an average that counts the entries added"],
    ),
    "three axes behind the channels": (
        with_network(lambda g, x: g.add("Conv", g.add("Unsqueeze", x, g.ints(0, 1)), g.weights(1, 1, 1, 1, 1))),
        ["(Conv): expected one or two axes behind batch and channels. Received: 3"],
    ),
    "steps of another length": (
        of_node(rest=("steps", "")),
        ["expected inputs computed before it. Received: 'steps'"],
    ),
    "clip": (of_node(clip=2.0), ["(GRU): expected no clip, which Keras does not support. Received: clip=2"]),
    "activations of Keras alone": (
        of_node(activations=["Sigmoid", "ScaledTanh"]),
        ["(GRU): expected one of the activations", "Received: ScaledTanh"],
    ),
    "another hard sigmoid": (
        of_node(activations=["HardSigmoid", "Tanh"], activation_alpha=[0.3]),
        ["0.166667, 0.5, as in Keras' hard_sigmoid or 0.2, 0.5, as in Keras' keras2_hard_sigmoid. Received: 0.3, 0.5"],
    ),
    "a sequence without a batch": (
        with_network(lambda g, x: g.add("Unsqueeze", g.input("alone", "steps", FEATURES), g.ints(0))),
        ["expected an input with an axis of the batch. Received: one sequence"],
    ),
    "an input that all sequences share": (
        behind(lambda g, y, _: g.add("Add", y, g.input("places", "all steps", UNITS))),
        ["input 'places': expected an axis of the batch. Received: (", ", 4), the same for all sequences"],
    ),
    "the batch along time": (
        behind(
            lambda g, y, s: g.add(
                "Add", *(g.add("ReduceSum", x, g.ints(*axes), keepdims=0) for x, axes in ((y, [2]), (s[0], [0, 2])))
            )
        ),
        ["(Add): expected the batch to stay an axis of its own"],
    ),
    "whole numbers divided": (
        with_network(
            lambda g, x: g.add("Gather", g.weights(5, FEATURES), g.add("Div", tokens(g), g.array(2, "int64")))
        ),
        ["(Div): expected floating-point numbers. Received: a quotient or power of whole numbers"],
    ),
    "texts as input": (
        with_network(lambda g, x: g.input("words", "batch", "steps", FEATURES, kind=TensorProto.STRING)),
        ["input 'words': expected numbers. Received: string"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_not_read_is_refused_by_name(tmp_path, what):
    graph, words = REFUSED[what]
    path = graph.save(tmp_path / "model.onnx")
    message = refused(lambda: read(path), *words)
    assert message.startswith(str(path))
    assert [each.name for each in tmp_path.iterdir()] == ["model.onnx"]


def test_all_parts_are_listed_also_those_behind_others(tmp_path):
    graph = Graph()
    x = graph.add("NonZero", graph.input("x", "batch", "steps", FEATURES))
    y, _ = graph.batch_first("LSTM", x, input_forget=1)
    graph.output(graph.add("Det", graph.add("Relu", y)))
    words = ["3 parts are not read", "(1) node 'nonzero0'", "(2) node 'lstm", "no input_forget", "(3) node 'det"]
    refused(lambda: read(graph.save(tmp_path / "model.onnx")), *words)


def test_what_no_output_needs_is_not_in_the_way(tmp_path):
    graph = Graph()
    y, _ = graph.batch_first("GRU", graph.input("x", "batch", "steps", FEATURES))
    graph.add("Det", y)
    graph.input("spare", "batch", 2)
    graph.output(graph.add("Relu", y))
    imported = read(graph.save(tmp_path / "model.onnx"))
    assert "inputs that no output needs are left out: 'spare'" in imported.notes


# --- files made to exhaust the machine ---


def doubled(op, **attributes):
    graph = Graph()
    x = graph.input("x", "batch", "steps", FEATURES)
    for _ in range(60):
        x = graph.add(op, x, x, **attributes)
    graph.output(graph.batch_first("GRU", x)[0])
    return graph


def expanded(*shape):
    graph = Graph()
    y, _ = graph.batch_first("GRU", graph.input("x", "batch", "steps", FEATURES))
    graph.output(graph.add("Expand", graph.add("Unsqueeze", y, graph.ints(1)), graph.ints(*shape)))
    return graph


def many_large():
    graph = Graph()
    y, _ = graph.batch_first("GRU", graph.input("x", "batch", "steps", FEATURES))
    wide = graph.add("Expand", graph.add("Unsqueeze", y, graph.ints(1)), graph.ints(1, 1 << 15, 1, 1))
    for _ in range(300):
        wide = graph.add("Exp", wide)
    graph.output(wide)
    return graph


def constant_bomb():
    graph = Graph()
    array = graph.weights(100, 100)
    for _ in range(30):
        array = graph.add("Concat", array, array, axis=0)
    graph.output(graph.add("MatMul", graph.batch_first("GRU", graph.input("x", "batch", "steps", FEATURES))[0], array))
    return graph


def filled(*shape):
    graph = Graph()
    y, _ = graph.batch_first("GRU", graph.input("x", "batch", "steps", FEATURES))
    graph.output(graph.add("Add", y, graph.add("ConstantOfShape", graph.ints(*shape))))
    return graph


def ranged():
    graph = Graph()
    y, _ = graph.batch_first("GRU", graph.input("x", "batch", "steps", FEATURES))
    graph.output(graph.add("Add", y, graph.add("Range", graph.array(0.0), graph.array(1e12), graph.array(1.0))))
    return graph


def chained(count):
    graph = Graph()
    x = graph.input("x", "batch", "steps", FEATURES)
    for _ in range(count):
        x = graph.add("Relu", x)
    graph.output(graph.batch_first("GRU", x)[0])
    return graph


def padded(entries):
    graph = Graph()
    y, _ = graph.batch_first("GRU", graph.input("x", "batch", "steps", FEATURES))
    graph.output(graph.add("Pad", y, graph.ints(0, 0, 0, 0, entries, 0)))
    return graph


HOSTILE = {
    "features doubled": doubled("Concat", axis=2),
    "steps doubled": doubled("Concat", axis=1),
    "expanded without end": expanded(1, 1 << 40, 1, 1),
    "expanded far": expanded(1, 1 << 24, 1, 1),
    "many large arrays": many_large(),
    "constants doubled": constant_bomb(),
    "filled without end": filled(1, 1 << 50, UNITS),
    "a range without end": ranged(),
    "nodes without end": chained(5000),
    "one after the other": chained(1500),
    "padded without end": padded(1 << 40),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_file_made_to_exhaust_the_machine_is_refused_soon_and_in_little_memory(tmp_path, what):
    path = HOSTILE[what].save(tmp_path / "model.onnx")
    tracemalloc.start()
    start = time.monotonic()
    try:
        refused(lambda: read(path), "model.onnx: ", "expected")
        assert tracemalloc.get_traced_memory()[1] < LITTLE
    finally:
        tracemalloc.stop()
    assert time.monotonic() - start < SOON


def test_a_sum_doubled_is_no_more_than_its_nodes(tmp_path):
    imported = read(doubled("Add").save(tmp_path / "model.onnx"))
    assert imported.verified is not None


# --- anything exchanged ---


def exchange(model, random):
    """Another number, another attribute, another input of a node, another length of an input, or another operator."""
    graph, what = model.graph, random.integers(5)
    node = graph.node[random.integers(len(graph.node))]
    if what == 0 and (numbers := [each for each in graph.initializer if each.data_type == TensorProto.INT64]):
        array = numbers[random.integers(len(numbers))]
        values = numpy_helper.to_array(array).copy().reshape(-1)
        values[random.integers(values.size)] = random.integers(-2, 7)
        array.CopyFrom(numpy_helper.from_array(values.reshape(tuple(array.dims)), array.name))
    elif what == 1:
        for each in node.attribute:
            if each.ints:
                each.ints[random.integers(len(each.ints))] = int(random.integers(-1, 4))
            elif each.type == onnx.AttributeProto.INT:
                each.i = int(random.integers(-1, 4))
    elif what == 2 and node.input:
        names = [name for other in graph.node for name in other.output if name] + [each.name for each in graph.input]
        node.input[random.integers(len(node.input))] = names[random.integers(len(names))]
    elif what == 3:
        lengths = graph.input[random.integers(len(graph.input))].type.tensor_type.shape.dim
        lengths[random.integers(len(lengths))].dim_value = int(random.integers(1, 7))
    else:
        alike = (("Add", "Mul", "Sub"), ("ReduceMean", "ReduceSum", "ReduceMax"), ("Relu", "Tanh", "Exp", "Abs"))
        kinds = next((kinds for kinds in alike if node.op_type in kinds), (node.op_type,))
        node.op_type = kinds[random.integers(len(kinds))]


def exchanged_files_are_read_alike_or_refused(folder, count):
    cases = [case for case in onnx_files.CASES if not case.torch and not case.refusal]
    models = [onnx.ModelProto.FromString(case.make(folder).path.read_bytes()) for case in cases]
    # a quotient of something exchanged may be one of rounding errors
    models = [model for model in models if not any(node.op_type == "Div" for node in model.graph.node)]
    random, path, messages = np.random.default_rng(0), folder / "model.onnx", []
    counts = {"the same": 0, "refused": 0}
    for n in range(count):
        model = onnx.ModelProto()
        model.CopyFrom(models[n % len(models)])
        exchange(model, random)
        path.write_bytes(model.SerializeToString())
        try:
            importing.import_file(path, verify=True)
            counts["the same"] += 1
        except UserError as error:
            messages.append(f"{n}: {error}")
            counts["refused"] += 1
    assert not any("\n" in message for message in messages)
    # roots of negative numbers are no numbers, in both
    assert not [text for text in messages if "not the same" in text and "a difference of inf" not in text]
    return counts


def test_whatever_is_exchanged_in_a_graph_it_is_refused_or_read_as_onnxruntime_computes_it(tmp_path):
    counts = exchanged_files_are_read_alike_or_refused(tmp_path, 60)
    assert min(counts.values()) > 10


@pytest.mark.slow
def test_whatever_is_exchanged_a_thousand_times_it_is_refused_or_read_alike(tmp_path):
    counts = exchanged_files_are_read_alike_or_refused(tmp_path, 1000)
    assert min(counts.values()) > 200


@pytest.mark.slow
def test_bytes_flipped_are_refused_or_read_and_raise_nothing_else(tmp_path):
    graph = Graph()
    y, _ = graph.batch_first("GRU", graph.input("x", "batch", "steps", FEATURES))
    graph.output(graph.add("Softmax", graph.linear(y, UNITS, 2), axis=-1))
    content, random, path, count = graph.model().SerializeToString(), np.random.default_rng(0), tmp_path / "model.onnx", 0
    for _ in range(300):
        spoilt = bytearray(content)
        for place in random.integers(0, len(content), 3):
            spoilt[place] = random.integers(256)
        path.write_bytes(bytes(spoilt))
        try:
            importing.import_file(path, verify=False)
        except UserError:
            count += 1
    assert count > 30


def test_a_branch_within_a_branch_is_looked_into(tmp_path):
    inner = Graph()
    y = inner.recurrent("LSTM", "x")[0]
    inner.output(y)
    body = helper.make_graph(inner.nodes, "inner", [], inner.outputs, inner.arrays)
    middle = helper.make_node("If", ["yes"], ["z"], then_branch=body, else_branch=body)
    outer = helper.make_graph([middle], "outer", [], [helper.make_tensor_value_info("z", TensorProto.FLOAT, None)])
    graph = Graph()
    graph.input("x", "steps", "batch", FEATURES)
    graph.output(graph.add("If", graph.array(True, "bool"), then_branch=outer, else_branch=outer))
    refused(
        lambda: read(graph.save(tmp_path / "model.onnx")),
        "expected a recurrent node that always runs. Received: LSTM within If",
    )
