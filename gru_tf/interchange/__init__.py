"""Import of recurrent stacks from PyTorch, ONNX, old Keras and TensorFlow 1, and export of models to other runtimes."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any


def __getattr__(name: str) -> Any:
    """A module of the package, imported when it is first named: most of them need Keras."""
    if name.startswith("_") or not find_spec(f"gru_tf.interchange.{name}"):
        raise AttributeError(f"module 'gru_tf.interchange' has no attribute '{name}'")
    return import_module(f"gru_tf.interchange.{name}")
