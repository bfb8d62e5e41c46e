"""Parts of sequences and states: the last step, one layer's state, states one after the other."""

from collections.abc import Sequence
from dataclasses import replace

from gru_tf.interchange.onnx.graph import Node, as_flow, put, shape_of
from gru_tf.interchange.onnx.values import Axis, Const, Filled, Flow, Row, Size, Sizes, UnreadableError, Value, numbers


def complete(flow: Flow) -> None:
    """Raise UnreadableError unless final states are those of the last layer's every direction, as a `Network` gives them."""
    wanted = [(flow.layer, n, "h") for n in range(len(flow.layer.recurrent.directions))] if flow.layer else []
    if flow.rows and list(flow.rows) != wanted:
        received = ", ".join(f"{layer.recurrent.name} {'forward' if not d else 'backward'} {s}" for layer, d, s in flow.rows)
        raise UnreadableError(f"expected the last layer's final state in each of its directions. Received: {received}")


def cut(node: Node, value: Value, axis: int, part: slice) -> Value:
    """A part of one axis: of constants any, of states along "direction", of a sequence its last step."""
    if isinstance(value, Const):
        return Const(value.array[(slice(None),) * axis + (part,)])
    if isinstance(value, Sizes):
        return Sizes(value.values[part])
    length = shape_of(value)[axis]
    count = len(range(length)[part]) if isinstance(length, int) else None
    if isinstance(value, Filled):
        if count is None:
            raise UnreadableError("expected a slice of an axis whose length is known")
        return Filled(value.value, (*value.shape[:axis], count, *value.shape[axis + 1 :]))
    flow = as_flow(value)
    if not flow.parts:
        known = node.graph.declared.get(str(length))
        count = 1 if part.stop == (part.start or 0) + 1 else len(range(known)[part]) if known is not None else None
        cut = Axis(flow.axes[axis].name, count) if count is not None else flow.axes[axis]
        return replace(flow, axes=put(flow.axes, axis, cut), cut=True)
    if flow.axes[axis].name == "direction" and flow.rows and count:
        axes = put(flow.axes, axis, Axis("direction", count))
        return replace(flow, axes=axes, rows=flow.rows[part])
    if flow.axes[axis].name == node.graph.time and not flow.rows:
        return _last_step(node, flow, axis, part)
    raise UnreadableError(f"expected whole {flow.axes[axis].name}")


def _last_step(node: Node, flow: Flow, axis: int, part: slice) -> Flow:
    """The last step of a layer's output is its final state, where it reads forward and every step is real."""
    known = node.graph.declared.get(node.graph.time)
    if part.step in (None, 1) and part.start in (None, 0) and part.stop is not None and part.stop >= 1 << 31:
        return flow
    at_end = part.step in (None, 1) and (part.start == -1 or (known is not None and part.start == known - 1))
    if not at_end or (part.stop is not None and part.stop < (known or 1 << 31)):
        raise UnreadableError("expected every step, or the last. Received: some steps")
    if part.start != -1:
        node.graph.fixed.add(node.graph.time)
    layer = flow.layer
    if layer is None or flow.parts[-1] is not layer or layer.recurrent.backward is not None or layer.recurrent.reverse:
        raise UnreadableError(
            "expected the last step of a layer that reads forward, for one that reads backward has seen one step there;"
            " its final state Y_h has seen all"
        )
    if layer.lengths:
        raise UnreadableError(
            f"expected the final state Y_h. Received: the last step, padding where '{layer.lengths}' says so"
        )
    return replace(flow, axes=put(flow.axes, axis, Axis("one", 1)), rows=((layer, 0, "h"),))


def joined(flows: Sequence[Flow], axis: int) -> Flow:
    """Final states one after the other, along "direction" or side by side as features."""
    first = max(flows, key=lambda flow: len(flow.parts))
    if all(not flow.parts for flow in flows):  # first states that are inputs
        return replace(first, roots=tuple(root for flow in flows for root in flow.roots), cut=True)
    place = range(len(first.axes))[axis]
    if not all(flow.rows and len(flow.axes) == len(first.axes) for flow in flows):
        raise UnreadableError("Concat of sequences, where one network runs through")
    rows: tuple[Row, ...] = tuple(row for flow in flows for row in flow.rows)
    names = {flow.axes[place].name for flow in flows}
    if names == {"features"} and not any(flow.at("direction") is not None and len(flow.rows) > 1 for flow in flows):
        width: Size = sum(numbers(Sizes(tuple(flow.axes[place].size for flow in flows))))
        return replace(first, axes=put(first.axes, place, Axis("features", width)), rows=rows)
    elsewhere = names == {"one"} and any(flow.at("direction") is not None for flow in flows)
    if names <= {"direction", "one"} and not elsewhere and len({flow.axes[-1] for flow in flows}) == 1:
        return replace(first, axes=put(first.axes, place, Axis("direction", len(rows))), rows=rows)
    raise UnreadableError("expected final states one after the other")
