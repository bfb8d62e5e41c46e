"""What is said of a model that differs in form from its ONNX file."""

import numpy as np
import onnx
from onnx import helper
from onnx_graphs import FEATURES, Graph, computed, normal

from gru_tf.interchange import importing


def network(path, *, time_first=False, states=True):
    """A file of one GRU, which is read as a network."""
    graph = Graph()
    x = graph.input("x", "batch", "steps", FEATURES)
    y, (final,) = graph.batch_first("GRU", x)
    graph.output(graph.add("Transpose", y, perm=[1, 0, 2]) if time_first else y, *([final] if states else []))
    return graph.save(path)


def test_final_states_that_a_network_does_not_return_are_named(tmp_path):
    imported = importing.import_file(network(tmp_path / "model.onnx"))
    assert imported.network is not None
    (note,) = imported.notes
    assert "outputs that are final states are left out: 'gru1_1'" in note
    assert importing.import_file(network(tmp_path / "model.onnx", states=False)).notes == ()


def test_an_output_with_the_steps_first_is_named(tmp_path):
    path = network(tmp_path / "model.onnx", time_first=True, states=False)
    imported = importing.import_file(path)
    (note,) = imported.notes
    assert "is (time, batch, …) in the file and (batch, time, …) in the model" in note
    x = normal(1, 2, 5, FEATURES)
    np.testing.assert_allclose(np.asarray(imported.model(x)).swapaxes(0, 1), computed(path, x)[0], atol=1e-6)


def with_default(path, ir_version):
    """A file in which a scale is an input with a default."""
    graph = Graph()
    gain = graph.array(np.full(FEATURES, 2.0))
    y, _ = graph.batch_first("GRU", graph.add("Mul", graph.input("x", "batch", "steps", FEATURES), gain))
    graph.output(graph.add("Softplus", y))
    model = graph.model()
    model.graph.input.append(helper.make_tensor_value_info(gain, onnx.TensorProto.FLOAT, [FEATURES]))
    model.ir_version = ir_version
    path.write_bytes(model.SerializeToString())
    return path, gain


def test_inputs_with_defaults_are_constants_and_named(tmp_path):
    path, gain = with_default(tmp_path / "model.onnx", 8)
    imported = importing.import_file(path, verify=True)
    assert len(imported.model.inputs) == 1
    assert f"are no inputs of it: '{gain}'" in " ".join(imported.notes)


def test_arrays_that_old_files_list_as_inputs_are_not_named(tmp_path):
    path, _ = with_default(tmp_path / "model.onnx", 3)
    assert importing.import_file(path, verify=True).notes == ()
