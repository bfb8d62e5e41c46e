"""Networks from ONNX files; networks and other Keras models as ONNX files, with native GRU, LSTM and RNN nodes.

`read` takes what exporters make of a recurrent stack, `read_file` also graphs that are more than that; `write` makes a file
that any ONNX runtime computes, and proves it with onnxruntime. None runs anything of a file: weights are taken, and the
operators between them are followed by their shapes.
"""

from gru_tf.interchange.onnx.model_or_network import write
from gru_tf.interchange.onnx.reading import read, read_file

__all__ = ["read", "read_file", "write"]
