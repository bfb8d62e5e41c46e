"""Pad: with a constant, or reflected."""

import keras

from gru_tf.interchange.onnx.functional.node import OperatorNode
from gru_tf.interchange.onnx.functional.values import Value
from gru_tf.interchange.onnx.functional.views import TensorView, fresh
from gru_tf.interchange.onnx.graph import normalize_axes
from gru_tf.interchange.onnx.values import UnreadableError


def pad(node: OperatorNode) -> Value:
    """Pad: with a constant, or reflected."""
    tensor, mode = node.tensor(0), node.attributes.get("mode", "constant")
    pads = node.setting("pads", 1) or []
    given = node.setting("axes", 3)
    axes = list(range(tensor.rank)) if given is None else normalize_axes(given, tensor.rank)
    fill = node.attributes.get("value", 0.0 if (array := node.constant(2, "value")) is None else array.reshape(()).item())
    if mode not in ("constant", "reflect") or len(pads) != 2 * len(axes) or min(pads, default=0) < 0:
        raise UnreadableError(
            f"expected constant or reflect, and two lengths of at least 0 for each axis. Received: {mode}, {pads}"
        )
    pairs = {axis: (pads[n], pads[n + len(axes)]) for n, axis in enumerate(axes) if pads[n] or pads[n + len(axes)]}
    if not pairs:
        return tensor
    return padded(node, tensor, pairs, mode, fill)


def padded(node: OperatorNode, tensor: TensorView, pairs: dict[int, tuple[int, int]], mode: str, fill: float) -> TensorView:
    """A tensor with more entries before and behind those of some axes."""
    tensor.check_apart(list(pairs))
    target = tensor.canonical(last=list(pairs))
    start = len(target) - len(pairs)
    widths = [(0, 0)] * start + list(pairs.values())
    options = {"constant_values": fill} if mode == "constant" else {}
    step = node.applied(lambda x: keras.ops.pad(x, widths, mode=mode, **options), tensor.arranged(target, node.title))
    new = {
        axis: fresh(node.known.window([tensor.size(tensor.axes[axis])], before + after - 1), node.known)
        for axis, (before, after) in pairs.items()
    }
    axes = tuple(new.get(n, group) for n, group in enumerate(tensor.axes))
    return TensorView(step, (*target[:start], *new.values()), axes, tensor.kind, node.known, node.title)
