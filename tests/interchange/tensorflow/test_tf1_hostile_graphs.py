"""Graphs (.meta) that no program writes, beside a checkpoint that one wrote: refused in one line that names the node."""

import shutil
import tracemalloc

import pytest
import tensorflow as tf
from refusals import refused
from tf1_graphs import dynamic, head, saved
from tf1_programs import v1

from gru_tf.interchange import importing
from gru_tf.interchange.tensorflow.graph.file import Graph
from gru_tf.interchange.tensorflow.graph.flow import Flow

pytestmark = [
    pytest.mark.filterwarnings("ignore:.tf.nn.rnn_cell:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*deprec"),
]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return saved(lambda x: (head(dynamic(x)[0][:, -1]), []), tmp_path_factory.mktemp("whole"))[0]


def imported(checkpoint, folder, change):
    """Import the checkpoint, with a change to its graph."""
    for each in checkpoint.parent.glob("model.*"):
        shutil.copy(each, folder)
    meta = v1.MetaGraphDef()
    meta.ParseFromString((folder / "model.meta").read_bytes())
    change(meta.graph_def, {node.name: node for node in meta.graph_def.node})
    (folder / "model.meta").write_bytes(meta.SerializeToString())
    return importing.import_file(folder / "model", verify=False)


def inserted(graph, nodes, op, inputs, name="odd", **attributes):
    """A node between the cells' steps and what reads them."""
    (last,) = [
        node for node in graph.node if node.op == "StridedSlice" and node.input[0].startswith(("rnn/transpose", "chain"))
    ]
    new = graph.node.add(name=name, op=op, input=[each.format(last.input[0]) for each in inputs])
    for key, value in attributes.items():
        new.attr[key].CopyFrom(value)
    last.input[0] = name


def to(op, *inputs, **attributes):
    return lambda graph, nodes: inserted(graph, nodes, op, inputs, **attributes)


def dims(*sizes):
    def change(_, nodes):
        shape = nodes["x"].attr["shape"].shape
        for dim, size in zip(shape.dim, sizes, strict=True):
            dim.size = size

    return change


def without_inputs(op):
    def change(graph, _):
        next(node for node in graph.node if node.op == op).ClearField("input")

    return change


def without_node(op):
    def change(graph, _):
        (index,) = [n for n, node in enumerate(graph.node) if node.op == op][:1]
        del graph.node[index]

    return change


def ring(graph, nodes):
    """Two nodes behind the last product that read each other, and nothing else does."""
    output = nodes["add"]
    assert "b_out" in output.input[1]
    graph.node.add(name="one", op="Identity", input=[output.input[0], "two"])
    graph.node.add(name="two", op="Identity", input=["one"])
    output.input[0] = output.input[1]


def random(shape):
    """A random number that is added to the steps."""

    def change(graph, nodes):
        graph.node.add(name="shape", op="Const").attr["value"].tensor.CopyFrom(tf.make_tensor_proto(shape, "int32"))
        graph.node.add(name="random", op="RandomUniform", input=["shape"]).attr["dtype"].type = 1
        inserted(graph, nodes, "AddV2", ["{}", "random"], "dropout/odd")

    return change


def added(op, *inputs):
    """A node that nothing reads."""
    return lambda graph, _: graph.node.add(name="odd", op=op, input=list(inputs))


TYPE = tf.compat.v1.AttrValue
HOSTILE = {
    "Switch with one input": (to("Switch", "{}"), "odd (Switch)"),
    "ReadVariableOp without inputs": (to("ReadVariableOp"), "odd (ReadVariableOp)"),
    "If without inputs": (to("If"), "odd (If)"),
    "Exit without inputs": (to("Exit"), "odd (Exit)"),
    "an output that is no number": (to("Identity", "{}:x"), "odd (Identity)"),
    "Merge of a missing node": (to("Merge", "{}", "nowhere"), "odd (Merge)"),
    "Merge and nothing behind it": (added("Merge", "x", "nowhere"), "odd (Merge)"),
    "a loop without its next value": (without_inputs("NextIteration"), "(NextIteration)"),
    "a loop without its first value": (without_inputs("Enter"), "(Enter)"),
    "a loop's node that is missing": (without_node("NextIteration"), "(Merge)"),
    "a random number of no shape": (random(7), "random (RandomUniform)"),
    "a large random number": (random([1 << 20, 1 << 20]), "random (RandomUniform): a tensor of shape"),
    "a cast to a reference": (to("Cast", "{}", DstT=TYPE(type=20)), "odd (Cast)"),
    "a product of one": (to("MatMul", "{}"), "odd (MatMul)"),
    "an operation of one number": (to("Mul", "{}"), "odd (Mul)"),
    "a step of nothing": (to("StridedSlice", "{}"), "odd (StridedSlice)"),
    "a lookup of one input": (to("GatherV2", "{}"), "odd (GatherV2)"),
    "many sequences": (dims(10**12, -1, 4), "1,000,000,000,000 sequences"),
    "many steps": (dims(-1, 10**7, 4), "10,000,000 steps"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_graph_that_no_program_writes_is_refused_by_its_node(checkpoint, tmp_path, name):
    change, words = HOSTILE[name]
    refused(lambda: imported(checkpoint, tmp_path, change), "model: expected", words)


def test_nodes_that_read_each_other_are_not_followed_without_end(checkpoint, tmp_path):
    """The output does not need them: what is behind it is left out, with words."""
    assert any("b_out" in each for each in imported(checkpoint, tmp_path, ring).uncovered)


def test_a_long_chain_of_nodes_takes_memory_that_grows_with_its_length_only(checkpoint, tmp_path):
    def change(graph, nodes):
        inserted(graph, nodes, "Identity", ["{}"], "chain/0000")
        for n in range(1, 3000):
            graph.node.add(name=f"chain/{n:04}", op="Identity", input=[f"chain/{n - 1:04}"])
        inserted(graph, nodes, "Identity", ["chain/2999"], "chain/end")

    tracemalloc.start()
    try:
        assert len(imported(checkpoint, tmp_path, change).model.layers) > 1
        assert tracemalloc.get_traced_memory()[1] < 300 << 20
    finally:
        tracemalloc.stop()


def test_nodes_on_a_way_are_in_the_order_of_the_computation():
    inputs = {"start": [], "b": ["start"], "a": ["b"], "d": ["start"], "c": ["d", "a"], "end": ["c"], "aside": ["start"]}
    nodes = {name: tf.compat.v1.NodeDef(name=name, op="Identity", input=each) for name, each in inputs.items()}
    assert Flow(Graph(nodes)).between(["start"], "end") == ["b", "a", "d", "c"]


def test_the_unchanged_graph_is_read(checkpoint, tmp_path):
    imported(checkpoint, tmp_path, lambda *_: None)
