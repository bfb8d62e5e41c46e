"""What a run's record says of its bits."""

from types import SimpleNamespace

import pytest

from gru_tf.foundation import arithmetic
from gru_tf.recurrent.kernels import operations
from gru_tf.training import held_bits


@pytest.fixture(autouse=True)
def _held(monkeypatch):
    monkeypatch.setattr(arithmetic, "why_not_held", lambda: "")
    monkeypatch.setattr(operations, "why_not", lambda: "")
    monkeypatch.setattr("tensorflow.config.list_logical_devices", lambda kind: [])
    monkeypatch.setattr("tensorflow.config.threading.get_intra_op_parallelism_threads", lambda: 1)


def said(path="fused cpu", deterministic=True, seconds=None, attention="general", **signature):
    run = SimpleNamespace(training=SimpleNamespace(deterministic=deterministic, seconds=seconds))
    signature = SimpleNamespace(**{"decoded": 0, "span": 20, "features": 8, **signature})
    network = SimpleNamespace(signature=signature, units=64, model=SimpleNamespace(attention=attention, layer_norm=False))
    return held_bits.why_not(run, network, path)


def test_held():
    assert said() == ""
    assert said(decoded=30) == ""
    assert said(decoded=30, attention="context", features=192) == ""


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"deterministic": False}, "training.deterministic is false"),
        ({"seconds": 3.0}, "training.seconds: the machine's speed decides how many epochs there are"),
        ({"path": "xla parallel scan"}, "XLA compiles the network for this processor"),
        ({"path": "while-loop"}, "TensorFlow's own products compute the recurrence"),
        (
            {"decoded": 300},
            "attention in TensorFlow's own products, by more than one thread or of more than 256 units or steps",
        ),
        (
            {"decoded": 30, "features": 193, "attention": "context"},
            "writing in TensorFlow's own products, by more than one thread or of more than 256 units or steps",
        ),
        ({"decoded": 30, "attention": "additive"}, "TensorFlow's own products compute the decoder's recurrence"),
    ],
)
def test_not_held(options, why):
    assert said(**options) == why


def test_of_the_process(monkeypatch):
    monkeypatch.setattr("tensorflow.config.threading.get_intra_op_parallelism_threads", lambda: 2)
    assert said() == ""
    assert said(decoded=30).startswith("attention")
    monkeypatch.setattr(operations, "why_not", lambda: "GRU_TF_KERNELS=off")
    assert said() == "GRU_TF_KERNELS=off"
    monkeypatch.setattr(arithmetic, "why_not_held", lambda: "OPENBLAS_CORETYPE is not set")
    assert said() == "OPENBLAS_CORETYPE is not set"
    monkeypatch.setattr("tensorflow.config.list_logical_devices", lambda kind: ["GPU:0"])
    assert said() == "a GPU computes"
