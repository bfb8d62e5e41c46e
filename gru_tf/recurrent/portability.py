"""Graphs that leave the process hold none of this project's operations, which no other program could load.

A layer asks `leaves_process` whenever it is traced. TensorFlow says itself while it saves; Keras' archives and converters
trace before they save, and are recognised by their modules on the stack; what neither shows is traced inside `portable`.
A `tf.function` that was traced before, for use in this process, is saved as it is: trace it inside `portable` as well.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# modules, with all below them, that trace a function in order to write its graph
EXPORTERS = ("keras.src.export", "tensorflow.lite", "tf2onnx", "tensorflowjs", "ai_edge_tensorflow", "openvino")

_portable: ContextVar[bool] = ContextVar("gru_tf.portable", default=False)


@contextmanager
def portable() -> Iterator[None]:
    """Inside, what is traced holds TensorFlow's own operations alone, and can be loaded where this project is not.

    Example:
        >>> with gru_tf.portable():
        ...     concrete = tf.function(model).get_concrete_function(tf.TensorSpec((None, 20, 4)))
    """
    token = _portable.set(True)
    try:
        yield
    finally:
        _portable.reset(token)


def leaves_process() -> bool:
    """Whether what is computed or traced now must do without this project's operations; asks TensorFlow, which is loaded."""
    if _portable.get():
        return True
    import tensorflow as tf
    from tensorflow.python.saved_model import save_context  # TensorFlow does not export it

    if tf.executing_eagerly():
        return False
    return bool(save_context.in_save_context()) or _exporter_traces()


def _exporter_traces() -> bool:
    """Whether a module of one of the exporters is on this thread's stack."""
    frame = sys._getframe()
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        if any(name == exporter or name.startswith(f"{exporter}.") for exporter in EXPORTERS):
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False
