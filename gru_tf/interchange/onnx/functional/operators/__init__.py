"""Operators around recurrent nodes, and these themselves: one function per operator, `OperatorNode` → its outputs.

Whatever is not computed as ONNX does raises UnreadableError.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gru_tf.interchange.onnx.functional.node import OperatorNode
from gru_tf.interchange.onnx.functional.operators import (
    arithmetic,
    axes,
    convolutions,
    embeddings,
    gathering,
    joining,
    lengths,
    normalisation,
    padding,
    pointwise,
    products,
    recurrent,
    reductions,
    repeating,
    slices,
)


@dataclass(frozen=True)
class Operator:
    """How an operator is read.

    Args:
        read: from a node to its first output, or to a list of all.
        attributes: that it may have.
    """

    read: Callable[[OperatorNode], Any]
    attributes: tuple[str, ...] = ()


_SLIDING = ("auto_pad", "dilations", "kernel_shape", "pads", "strides")
_RECURRENT = (
    "activation_alpha", "activation_beta", "activations", "clip", "direction", "hidden_size", "input_forget", "layout",
    "linear_before_reset",
)  # fmt: skip
_REDUCED = ("axes", "keepdims", "noop_with_empty_axes")

OPERATORS: dict[str, Operator] = {
    **{op: Operator(recurrent.read, _RECURRENT) for op in ("GRU", "LSTM", "RNN")},
    **{op: Operator(pointwise.simple) for op in pointwise.SIMPLE},
    **{op: Operator(pointwise.with_parameters, tuple(numbers)) for op, (_, numbers) in pointwise.PARAMETERS.items()},
    **{op: Operator(arithmetic.arithmetic, ("fmod",) * (op == "Mod")) for op in (*arithmetic.BINARY, "Sum")},
    **{op: Operator(arithmetic.compare) for op in arithmetic.COMPARED},
    **{op: Operator(reductions.reduce, _REDUCED) for op in reductions.FUNCTIONS},
    **{op: Operator(reductions.global_pool) for op in reductions.GLOBAL},
    **{op: Operator(reductions.argmax, ("axis", "keepdims", "select_last_index")) for op in ("ArgMax", "ArgMin")},
    **{op: Operator(reductions.softmax, ("axis",)) for op in ("Softmax", "LogSoftmax")},
    "AveragePool": Operator(convolutions.pool, (*_SLIDING, "ceil_mode", "count_include_pad")),
    "BatchNormalization": Operator(normalisation.batch_normalization, ("epsilon", "momentum", "spatial", "training_mode")),
    "Cast": Operator(pointwise.cast, ("to", "saturate", "round_mode")),
    "Clip": Operator(pointwise.clip, ("min", "max")),
    "Concat": Operator(joining.concat, ("axis",)),
    "Constant": Operator(repeating.constant, ("value", "value_float", "value_floats", "value_int", "value_ints")),
    "ConstantOfShape": Operator(repeating.constant_of_shape, ("value",)),
    "Conv": Operator(convolutions.conv, (*_SLIDING, "group")),
    "CumSum": Operator(reductions.cumsum, ("exclusive", "reverse")),
    "Dropout": Operator(axes.identity, ("ratio", "seed")),
    "Einsum": Operator(products.einsum, ("equation",)),
    "Expand": Operator(repeating.expand),
    "Flatten": Operator(axes.flatten, ("axis",)),
    "Gather": Operator(gathering.gather, ("axis",)),
    "Gelu": Operator(pointwise.gelu, ("approximate",)),
    "Gemm": Operator(products.gemm, ("alpha", "beta", "transA", "transB")),
    "Identity": Operator(axes.identity),
    "InstanceNormalization": Operator(normalisation.instance_normalization, ("epsilon",)),
    "LayerNormalization": Operator(normalisation.layer_normalization, ("axis", "epsilon", "stash_type")),
    "LeakyRelu": Operator(pointwise.leaky_relu, ("alpha",)),
    "LpNormalization": Operator(reductions.lp_normalization, ("axis", "p")),
    "MatMul": Operator(products.matmul),
    "MaxPool": Operator(convolutions.pool, (*_SLIDING, "ceil_mode", "storage_order")),
    "OneHot": Operator(embeddings.one_hot, ("axis",)),
    "PRelu": Operator(arithmetic.prelu),
    "Pad": Operator(padding.pad, ("mode", "pads", "value")),
    "Range": Operator(repeating.range_of),
    "Reshape": Operator(axes.reshape, ("allowzero", "shape")),
    "Shape": Operator(lengths.shape, ("start", "end")),
    "Size": Operator(lengths.size),
    "Slice": Operator(slices.slice_axes, ("axes", "ends", "starts")),
    "Split": Operator(slices.split, ("axis", "num_outputs", "split")),
    "Squeeze": Operator(axes.squeeze, ("axes",)),
    "Swish": Operator(pointwise.swish, ("alpha",)),
    "Tile": Operator(repeating.tile),
    "Transpose": Operator(axes.transpose, ("perm",)),
    "Unsqueeze": Operator(axes.unsqueeze, ("axes",)),
    "Where": Operator(arithmetic.where),
}
OTHER_DOMAINS: dict[tuple[str, str], Operator] = {
    ("ai.onnx.ml", "Scaler"): Operator(arithmetic.scaler, ("offset", "scale")),
}
