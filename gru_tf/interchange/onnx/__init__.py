"""Networks from ONNX files and as ONNX files, with native GRU, LSTM and RNN nodes.

`read` takes what exporters make of a recurrent stack; `write` makes a file that any ONNX runtime computes, and proves it
with onnxruntime. Neither runs anything of a file: weights are taken, and the glue between them is followed by its shapes.
"""

from gru_tf.interchange.onnx.reading import read
from gru_tf.interchange.onnx.writing import write

__all__ = ["read", "write"]
