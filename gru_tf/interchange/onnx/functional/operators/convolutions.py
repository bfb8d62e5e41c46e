"""Convolutions and pooling over time, or over time and frequency: Conv, MaxPool, AveragePool."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.interchange.onnx.functional.node import OperatorNode
from gru_tf.interchange.onnx.functional.operators.padding import padded
from gru_tf.interchange.onnx.functional.sizes import SymbolicSize
from gru_tf.interchange.onnx.functional.values import Value
from gru_tf.interchange.onnx.functional.views import Group, Layout, TensorView, fresh
from gru_tf.interchange.onnx.values import UnreadableError

AUTO = ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER")
CONV = {1: keras.layers.Conv1D, 2: keras.layers.Conv2D}
DEPTHWISE = {1: keras.layers.DepthwiseConv1D, 2: keras.layers.DepthwiseConv2D}
MAX = {1: keras.layers.MaxPooling1D, 2: keras.layers.MaxPooling2D}
AVERAGE = {1: keras.layers.AveragePooling1D, 2: keras.layers.AveragePooling2D}


@dataclass(frozen=True)
class Window:
    """What slides over the axes behind batch and channels.

    Args:
        kernel, strides, dilations: one number for each axis.
        before, after: entries added to each axis.
        same: whether Keras' "same" adds them, which depends on the length.
    """

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]
    same: bool

    @property
    def pads(self) -> bool:
        """Whether entries are to be added."""
        return any(self.before) or any(self.after)


def _window(node: OperatorNode, kernel: tuple[int, ...]) -> Window:
    """Of a node's attributes; `kernel` is that of its weights or attribute."""
    axes, auto = len(kernel), node.attributes.get("auto_pad", "NOTSET")
    if axes not in CONV:
        raise UnreadableError(f"expected one or two axes behind batch and channels. Received: {axes}")
    strides = tuple(node.attributes.get("strides", (1,) * axes))
    dilations = tuple(node.attributes.get("dilations", (1,) * axes))
    pads = tuple(node.attributes.get("pads", (0,) * 2 * axes)) if auto == "NOTSET" else (0,) * 2 * axes
    lengths = (len(strides), len(dilations), len(pads) // 2)
    if auto not in AUTO or lengths != (axes,) * 3 or min(*strides, *dilations, *kernel) < 1 or min(pads) < 0:
        received = f"auto_pad {auto}, strides {list(strides)}, dilations {list(dilations)}, pads {list(pads)}"
        raise UnreadableError(f"expected numbers of at least 1 for each of {axes} axes. Received: {received}")
    spans = [(k - 1) * d for k, d in zip(kernel, dilations, strict=True)]
    if auto == "SAME_LOWER" and (any(span % 2 for span in spans) or any(stride > 1 for stride in strides)):
        raise UnreadableError("expected auto_pad SAME_UPPER. Received: SAME_LOWER, which Keras does not have")
    same = auto.startswith("SAME")
    if any(stride > 1 for stride in strides) and any(dilation > 1 for dilation in dilations):
        raise UnreadableError("expected strides or dilations of 1, as Keras has no both. Received: both")
    return Window(kernel, strides, dilations, pads[:axes], pads[axes:], same)


def conv(node: OperatorNode) -> Value:
    """Conv: a Conv1D or Conv2D layer, channels last."""
    x, weights, bias = node.tensor(0), node.constant(1, "W"), node.constant(2, "B")
    if weights is None or weights.ndim != x.rank or x.kind != "float":
        raise UnreadableError(
            f"expected a sequence (batch, channels, time) and weights of as many axes. Received: {x.rank} axes"
        )
    kernel, groups = tuple(weights.shape[2:]), node.attributes.get("group", 1)
    if tuple(node.attributes.get("kernel_shape", kernel)) != kernel:
        received = list(node.attributes["kernel_shape"])
        raise UnreadableError(f"expected kernel_shape {list(kernel)} by W. Received: {received}")
    window = _window(node, kernel)
    outputs, each = weights.shape[:2]
    if groups < 1 or outputs % groups or (bias is not None and bias.shape != (outputs,)):
        raise UnreadableError(f"expected groups that {outputs} channels can be divided into, and a bias of these")
    node.known.equate(x.size(x.axes[1]), SymbolicSize(each * groups))
    node.graph.count_bytes(2 * weights.nbytes)
    moved = np.moveaxis(weights, (0, 1), (-1, -2))  # (…, inputs, outputs)
    options: dict[str, Any] = {"kernel_size": kernel, "strides": window.strides, "dilation_rate": window.dilations}
    depthwise = groups > 1 and each == 1
    if depthwise:  # outputs of one channel follow each other
        moved = moved.reshape(*kernel, groups, outputs // groups)
        options |= {"depth_multiplier": outputs // groups}
    else:
        options |= {"filters": outputs, "groups": groups}
    if len(kernel) == 1 or not depthwise:
        options = {
            name: value[0] if len(kernel) == 1 and isinstance(value, tuple) else value for name, value in options.items()
        }
    kind = (DEPTHWISE if depthwise else CONV)[len(kernel)]
    arrays = (np.ascontiguousarray(moved), *(() if bias is None else (bias,)))
    return _slid(
        node,
        x,
        window,
        kind,
        arrays,
        options | {"use_bias": bias is not None},
        fresh(SymbolicSize(outputs), node.known),
        0.0,
    )


def _slid(
    node: OperatorNode,
    x: TensorView,
    window: Window,
    kind: Any,
    weights: tuple[Array, ...],
    options: dict[str, Any],
    channels: Group,
    fill: float,
) -> TensorView:
    """A layer that slides over the axes behind the channels."""
    x.check_apart(range(1, x.rank))
    padding = _padding(window, causal=kind is keras.layers.Conv1D)
    if padding == "valid" and window.pads:
        pairs = {n + 2: pair for n, pair in enumerate(zip(window.before, window.after, strict=True)) if any(pair)}
        x = padded(node, x, pairs, "constant", fill)
    first = tuple(x.cells(x.axes[0])) if x.axes[0] else ((),)
    target: Layout = (*first, *x.axes[2:], x.axes[1])
    each = len(first) > 1  # pictures of each step, which ONNX has with batch and time in one axis
    step = node.layer(kind, x.arranged(target, node.title), weights=weights, each_step=each, padding=padding, **options)
    new = tuple(fresh(_length(node, x, window, n, padding), node.known) for n in range(len(window.kernel)))
    return TensorView(step, (*first, *new, channels), (x.axes[0], channels, *new), "float", node.known, node.title)


def _padding(window: Window, causal: bool) -> str:
    """Keras' name of what is added: the entries themselves where none does it."""
    if window.same:
        return "same"
    spans = [(k - 1) * d for k, d in zip(window.kernel, window.dilations, strict=True)]
    halves = [(span // 2, span - span // 2) for span in spans]
    pads = list(zip(window.before, window.after, strict=True))
    if all(stride == 1 for stride in window.strides) and window.pads:
        if pads == halves:
            return "same"
        if causal and pads == [(span, 0) for span in spans]:
            return "causal"
    return "valid"


def _length(node: OperatorNode, x: TensorView, window: Window, n: int, padding: str) -> SymbolicSize:
    """The length of an axis afterwards."""
    size, stride = x.size(x.axes[n + 2]), window.strides[n]
    span = 0 if padding in ("same", "causal") else (window.kernel[n] - 1) * window.dilations[n]
    return node.known.window([size], -span - 1, stride)


def pool(node: OperatorNode) -> Value:
    """MaxPool and AveragePool: a pooling layer, channels last."""
    x, average = node.tensor(0), node.op == "AveragePool"
    window = _window(node, tuple(node.attributes.get("kernel_shape", ())))
    if x.rank != len(window.kernel) + 2 or x.kind != "float":
        raise UnreadableError(f"expected a sequence (batch, channels, time). Received: {x.rank} axes")
    if any(each > 1 for each in window.dilations):
        raise UnreadableError("expected no dilations, which Keras' pooling does not have")
    if node.attributes.get("ceil_mode", 0):
        _check_whole(x, window)
    counted = bool(node.attributes.get("count_include_pad", 0))
    if average and ((window.pads and not counted and _padding(window, causal=False) != "same") or (window.same and counted)):
        raise UnreadableError("expected an average that counts the entries added, or none added")
    if average and counted and window.pads:
        pairs = {n + 2: pair for n, pair in enumerate(zip(window.before, window.after, strict=True)) if any(pair)}
        x, zeros = padded(node, x, pairs, "constant", 0.0), (0,) * len(window.kernel)
        window = Window(window.kernel, window.strides, window.dilations, zeros, zeros, same=False)
    kind = (AVERAGE if average else MAX)[len(window.kernel)]
    sizes = {"pool_size": window.kernel, "strides": window.strides}
    options: dict[str, Any] = {name: value[0] if len(value) == 1 else value for name, value in sizes.items()}
    return _slid(node, x, window, kind, (), options, x.axes[1], float("-inf"))


def _check_whole(x: TensorView, window: Window) -> None:
    """Refuse lengths that are rounded up, unless they are known and nothing is left over."""
    for n, (kernel, stride, before, after) in enumerate(
        zip(window.kernel, window.strides, window.before, window.after, strict=True)
    ):
        if stride > 1 and (x.number(n + 2) + before + after - kernel) % stride:
            raise UnreadableError("expected ceil_mode 0. Received: 1, and a last window that is not full")
