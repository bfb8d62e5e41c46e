"""Networks from ONNX files; networks and other Keras models as ONNX files, with native GRU, LSTM and RNN nodes.

`read` takes what exporters make of a recurrent stack; `write` makes a file that any ONNX runtime computes, and proves it
with onnxruntime. Neither runs anything of a file: weights are taken, and the glue between them is followed by its shapes.
"""

from gru_tf.interchange.onnx.model_or_network import write
from gru_tf.interchange.onnx.reading import read

__all__ = ["read", "write"]
