"""The ONNX package's own tests of GRU, LSTM and RNN nodes: each read with its own numbers, or refused with the reason."""

from importlib import import_module

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from refusals import refused

from gru_tf.interchange import importing

RELATIVE = 1e-5
REFUSED = {"test_lstm_with_peepholes": "peepholes"}
WEIGHTS = ("W", "R", "B", "P")


def node_tests():
    """Name → model with its data sets, of every test of a recurrent node in the onnx package."""
    for module in ("gru", "lstm", "rnn"):  # which add their tests when they are imported; all operators' take long
        import_module(f"onnx.backend.test.case.node.{module}")
    collected = import_module("onnx.backend.test.case.node")._NodeTestCases
    kinds = ("GRU", "LSTM", "RNN")
    return {case.name: case for case in collected if case.model.graph.node[0].op_type in kinds}


@pytest.fixture(scope="module")
def cases():
    return node_tests()


NAMES = (
    *(
        f"test_gru_{name}"
        for name in ("batchwise", "bidirectional", "defaults", "reverse", "seq_length", "with_initial_bias")
    ),
    *(
        f"test_lstm_{name}"
        for name in ("batchwise", "bidirectional", "defaults", "reverse", "with_initial_bias", "with_peepholes")
    ),
    "test_rnn_seq_length",
    *(f"test_simple_rnn_{name}" for name in ("batchwise", "bidirectional", "defaults", "reverse", "with_initial_bias")),
)


def stored(case, path):
    """The test's model with its weights in the file; its inputs that are left, and its outputs."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    inputs, outputs = case.data_sets[0]
    left, roles = [], dict(zip(model.graph.node[0].input, ("X", "W", "R", "B", "lengths", "h", "c", "P"), strict=False))
    for proto, array in zip(list(model.graph.input), inputs, strict=True):
        if roles[proto.name] in WEIGHTS:
            model.graph.initializer.append(numpy_helper.from_array(np.asarray(array), proto.name))
            model.graph.input.remove(proto)
        else:
            left.append((roles[proto.name], np.asarray(array)))
    path.write_bytes(model.SerializeToString())
    return left, [np.asarray(array) for array in outputs]


def test_there_is_a_test_for_each_name_and_none_besides(cases):
    assert sorted(cases) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_node_is_read_with_its_own_numbers_or_refused_with_the_reason(cases, tmp_path, name):
    case, path = cases[name], tmp_path / "model.onnx"
    left, outputs = stored(case, path)
    if name in REFUSED:
        refused(lambda: importing.import_file(path), REFUSED[name])
        return
    (role, x), *others = left
    assert role == "X"
    assert not others
    imported = importing.import_file(path)
    batchwise = helper.get_node_attr_value(case.model.graph.node[0], "layout") if "batchwise" in name else 0
    given = imported.model(x if batchwise else x.swapaxes(0, 1), training=False)
    received = [np.asarray(each) for each in (given if isinstance(given, (list, tuple)) else [given])]
    assert 1 <= len(received) <= len(outputs)  # a network has no outputs for final states besides its own
    for own, output in zip(received, outputs, strict=False):
        wanted = in_order(output, own.shape, batchwise)
        np.testing.assert_allclose(own, wanted, rtol=0, atol=RELATIVE * np.abs(wanted).max())


def in_order(output, shape, batchwise):
    """A node's output with the axes of the model: the batch first, directions side by side where it has no axis for them."""
    if not batchwise:
        output = np.moveaxis(output, -2, 0)
    return output.reshape(shape)
