"""Whole Keras models as ONNX files, layer by layer: `write_model`.

`flattening` lists the calls of a model, `registry` knows a function for each class of layer and each operation, `layers` has
these functions, `walking` calls them one after the other, and `model_checking` compares the file with the model.
"""

from gru_tf.interchange.onnx.export.model_writing import write_model

__all__ = ["write_model"]
