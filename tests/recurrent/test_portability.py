"""What leaves the process holds none of this project's operations, and loads where this project is not."""

import os
import subprocess
import sys
import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from gru_tf import GRU, LSTM, SimpleRNN, portable
from gru_tf.recurrent import kernels, portability

pytestmark = pytest.mark.skipif(bool(kernels.why_not()), reason=kernels.why_not() or "-")

BATCH, STEPS, FEATURES, UNITS = 2, 5, 3, 4
OWN = b"GruTf"  # begins the name of each operation
SPEC = tf.TensorSpec((None, STEPS, FEATURES), tf.float32)


def x():
    return np.random.default_rng(1).normal(size=(BATCH, STEPS, FEATURES)).astype("float32")


def model_of():
    """A model with a layer of each kind, used in this process before it leaves it."""
    layers = [GRU(UNITS, return_sequences=True), LSTM(UNITS, return_sequences=True), SimpleRNN(UNITS)]
    model = keras.Sequential([keras.Input((STEPS, FEATURES)), *layers])
    model.compile("sgd", "mse")
    model.fit(x(), np.zeros((BATCH, UNITS)), verbose=0)
    model.predict(x(), verbose=0)
    assert holds_own(tf.function(model).get_concrete_function(SPEC))
    return model


def holds_own(concrete):
    return OWN in concrete.graph.as_graph_def().SerializeToString()


def export(model, folder):
    model.export(folder, verbose=False)


def archive(model, folder):
    one = keras.export.ExportArchive()
    one.track(model)
    one.add_endpoint("serve", lambda x: model(x, training=False), input_signature=[SPEC])
    one.write_out(folder, verbose=False)


def module(model, folder):
    class Served(tf.Module):
        def __init__(self):
            super().__init__()
            self.variables_of_model = [v.value for v in model.variables]

        @tf.function(input_signature=[SPEC])
        def serve(self, x):
            return model(x)

    served = Served()
    tf.saved_model.save(served, folder, signatures={"serving_default": served.serve})


def traced_before_inside_portable(model, folder):
    served = tf.Module()
    served.kept = [v.value for v in model.variables]
    with portable():
        served.serve = tf.function(lambda x: model(x, training=False))
        concrete = served.serve.get_concrete_function(SPEC)
    tf.saved_model.save(served, folder, signatures={"serving_default": concrete})


WRITERS = [export, archive, module, traced_before_inside_portable]
ELSEWHERE = """
import sys
import numpy as np, tensorflow as tf
loaded = tf.saved_model.load(sys.argv[1])
outputs = loaded.signatures["serving_default"](tf.constant(np.load(sys.argv[2])))
np.testing.assert_allclose(next(iter(outputs.values())), np.load(sys.argv[3]), rtol=0, atol=2e-6)
assert not any(name.partition(".")[0] == "gru_tf" for name in sys.modules)
"""


@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)
def test_a_saved_model_holds_no_operation_of_this_project(write, tmp_path):
    model = model_of()
    write(model, str(tmp_path / "model"))
    assert OWN not in (tmp_path / "model" / "saved_model.pb").read_bytes()
    assert holds_own(tf.function(model).get_concrete_function(SPEC)), "in this process it is as fast as before"


def test_a_saved_model_runs_where_this_project_is_not(tmp_path):
    model = model_of()
    export(model, str(tmp_path / "model"))
    np.save(tmp_path / "x.npy", x())
    np.save(tmp_path / "y.npy", model(x()))
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-c", ELSEWHERE, *(str(tmp_path / name) for name in ("model", "x.npy", "y.npy"))]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_test_sees_an_operation_that_got_out(tmp_path, monkeypatch):
    monkeypatch.setattr(portability, "leaves_process", lambda: False)
    archive(model_of(), str(tmp_path / "model"))
    assert OWN in (tmp_path / "model" / "saved_model.pb").read_bytes()


def test_tensorflow_lite():
    converter = tf.lite.TFLiteConverter.from_keras_model(model_of())
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
    assert OWN not in converter.convert()


@pytest.mark.parametrize("name", ["tf2onnx", "tf2onnx.convert", "keras.src.export.onnx"])
def test_a_converter_is_recognised_by_its_module(name):
    model = model_of()
    converter = types.ModuleType(name)
    exec("def convert(function, spec):\n    return function.get_concrete_function(spec)", vars(converter))  # noqa: S102
    assert not holds_own(converter.convert(tf.function(model), SPEC))
    other = types.ModuleType(name.replace("tf2onnx", "tf2onnx_like").replace("export", "exports"))
    exec("def convert(function, spec):\n    return function.get_concrete_function(spec)", vars(other))  # noqa: S102
    assert holds_own(other.convert(tf.function(model), SPEC))


def test_portable_ends_with_its_block_and_holds_within_another():
    assert not portability.leaves_process()
    with portable():
        assert portability.leaves_process()
        with portable():
            assert portability.leaves_process()
        assert portability.leaves_process()
    assert not portability.leaves_process()
    with pytest.raises(ZeroDivisionError), portable():
        print(1 / 0)  # noqa: T201
    assert not portability.leaves_process()
