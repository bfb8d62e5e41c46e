"""From a Keras model to the `Network` in it; `gru_tf.interchange.building` is the way back."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError, shown
from gru_tf.interchange.network import Linear, Network, Recurrent
from gru_tf.recurrent import gates
from gru_tf.recurrent.gates.layer import POINT_SYMMETRIC
from gru_tf.recurrent.layers.reverse_time import ReverseTime
from gru_tf.recurrent.layers.stack import RecurrentStack

IDLE = (keras.layers.Dropout, keras.layers.InputLayer, keras.layers.Identity)  # do nothing outside training
MASKING = (keras.layers.Embedding, keras.layers.Masking)
SIDES = ("_inbound_nodes", "_outbound_nodes")  # Keras' names for the calls before and after a layer


def network_of(model: Any) -> Network:
    """The network in a Keras model: an input, an embedding or a scale, recurrent layers, dense layers, one after the other.

    Stock layers, this project's, `RecurrentStack` and `Bidirectional` are read; dropout is ignored. Subclasses are taken for
    their base classes: `verification.check_network` detects one that computes something else.

    Raises:
        UserError: for a model with other layers, naming the layer.
    """
    outputs = getattr(model, "outputs", None) or ()
    if len(outputs) != 1:
        received = f"{len(outputs)} outputs" if outputs else f"{type(model).__name__}, whose shapes are not known"
        raise UserError(
            f"model '{model.name}': expected a functional or sequential model of one output. Received: {received}"
        )
    inputs = [tensor.name for tensor in model.inputs if tensor.name != "mask"]
    if len(inputs) != 1:
        raise UserError(f"model '{model.name}': expected one input, and a mask. Received: {', '.join(inputs)}")
    embedding, scale, every_step, masked = None, 1.0, True, False
    backwards = False  # whether steps come from the last to the first
    layers: list[Recurrent] = []
    head: list[Linear] = []
    for layer in in_line(model):
        if isinstance(layer, keras.layers.InputLayer) and layer.name == "mask":
            masked = True
        elif isinstance(layer, IDLE):
            continue
        elif backwards != isinstance(layer, ReverseTime):
            raise _misordered(layer, backwards)
        elif backwards:
            backwards = False
        elif isinstance(layer, keras.layers.Embedding) and not layers:
            embedding, masked = _numbers(layer.embeddings), masked or layer.mask_zero
        elif isinstance(layer, keras.layers.Rescaling) and not layers and np.all(np.equal(layer.offset, 0)):
            scale = _number(layer)
        elif isinstance(layer, keras.layers.Dense) and layers:
            head.append(_linear(layer))
        elif not head and _recurrent(layer):
            _check_below(layers, every_step, layer)
            layers.append(read_layer(layer))
            every_step = layer.return_sequences
            backwards = layers[-1].reverse and every_step
        else:
            raise _refused(model, layer)
    if backwards:
        raise _misordered(model.layers[-1], backwards)
    if not layers:
        raise UserError(f"model '{model.name}': expected at least one recurrent layer. Received: none")
    return Network(tuple(layers), embedding, tuple(head), every_step, masked, scale, "Keras model")


def in_line(model: Any) -> Iterator[Any]:
    """All layers in order, with those of nested models and stacks; raises UserError where they branch or are not alone."""
    nodes = _nodes(model)
    own, masks = {id(node) for node in nodes}, _masks(nodes)
    for operation in _operations(model):
        if not isinstance(operation, keras.layers.Layer) and id(operation) not in masks:  # which `layers` leaves out
            kind = type(operation).__name__
            raise UserError(
                f"model '{model.name}': expected layers alone, as this format holds no others. Received: the operation"
                f" '{operation.name}' ({kind}), such as networks with scaling or a linear path have"
            )
    for layer in model.layers:
        before, after = (sum(id(node) in own for node in getattr(layer, side, ())) for side in SIDES)
        if before > 1 or (after > 1 and layer.name != "mask"):
            raise _refused(model, layer)
        if isinstance(layer, keras.Model):
            yield from in_line(layer)
        elif isinstance(layer, RecurrentStack):
            if layer.residual or layer.layer_norm:
                raise UserError(f"{layer.name}: expected a stack without residual and layer_norm")
            yield from layer.layers
        else:
            yield layer


def _nodes(model: Any) -> list[Any]:
    """The calls that make up the model; its layers may have been called elsewhere too, as Keras does while it loads."""
    return [node for nodes in getattr(_graph(model), "_nodes_by_depth", {}).values() for node in nodes]


def _operations(model: Any) -> list[Any]:
    return list(getattr(_graph(model), "operations", ()))


def _masks(nodes: list[Any]) -> set[int]:
    """The operations that Keras adds where a layer computes a mask of its inputs, which say no more than the layer does."""
    calls = [node for node in nodes if isinstance(node.operation, MASKING)]
    data = {id(tensor) for node in calls for tensor in node.input_tensors}  # that the mask is of: what made it is no mask
    tensors = [getattr(tensor, "_keras_mask", None) for node in calls for tensor in node.output_tensors]
    masks: set[int] = set()
    while tensors:
        tensor = tensors.pop()
        history = getattr(tensor, "_keras_history", None)
        if history is not None and id(tensor) not in data and not isinstance(history.operation, keras.layers.Layer):
            masks.add(id(history.operation))
            tensors.extend(history.operation._inbound_nodes[history.node_index].input_tensors)
    return masks


def _graph(model: Any) -> Any:
    return getattr(model, "_functional", None) or model  # that of a Sequential


def _number(layer: Any) -> float:
    try:
        return float(layer.scale)
    except (TypeError, ValueError):
        raise UserError(f"{layer.name}: expected one number as scale. Received: {shown(layer.scale)}") from None


def _misordered(layer: Any, backwards: bool) -> UserError:
    expected = "gru_tf's ReverseTime after a layer that returns its steps from the last to the first, and nowhere else"
    received = "steps from the last to the first" if backwards else "steps in their order"
    return UserError(f"{layer.name}: expected {expected}. Received: {received}")


def _recurrent(layer: Any) -> bool:
    if isinstance(layer, keras.layers.Bidirectional):
        return _recurrent(layer.forward_layer)
    return isinstance(layer, keras.layers.RNN)


def _check_below(layers: list[Recurrent], every_step: bool, layer: Any) -> None:
    if layers and not every_step:
        raise UserError(f"{layer.name}: expected every step of the layer before. Received: only its last")


def read_layer(layer: Any) -> Recurrent:
    """A built recurrent Keras layer, in one direction or two.

    Raises:
        UserError: for a cell that is not a GRU, LSTM or plain RNN, or computes more than these, naming the layer.
    """
    both = isinstance(layer, keras.layers.Bidirectional)
    first = layer.forward_layer if both else layer
    if both and layer.merge_mode != "concat":
        raise UserError(f"{layer.name}: expected merge_mode 'concat'. Received: {layer.merge_mode!r}")
    for each in (first, layer.backward_layer) if both else (first,):
        if by_steps := getattr(getattr(each, "cell", None), "by_steps", ""):
            expected = "a plain GRU, LSTM or RNN, as this format holds no others"
            raise UserError(f"{layer.name}: expected {expected}. Received: {by_steps}")
    if both and first.go_backwards:
        raise UserError(f"{layer.name}: expected a forward layer that reads forwards. Received: go_backwards=True")
    try:
        forward, backward = gates.from_layer(first), gates.from_layer(layer.backward_layer) if both else None
    except ValueError as error:
        raise UserError(f"{layer.name}: {error}") from None
    cell = first.cell
    gate = getattr(cell, "recurrent_activation", None)
    if forward.convention == "write" and _name(gate) not in POINT_SYMMETRIC:  # it has no twin in the other convention
        expected = f"a GRU of convention 'write' with a gate that is {' or '.join(POINT_SYMMETRIC)}"
        raise UserError(f"{layer.name}: expected {expected}. Received: recurrent_activation={_name(gate)!r}")
    reverse = bool(first.go_backwards) and not both
    return Recurrent(forward, backward, reverse, _name(cell.activation), _name(gate) if gate else "sigmoid", layer.name)


def _linear(layer: Any) -> Linear:
    if _name(layer.activation) != "linear":
        raise UserError(f"{layer.name}: expected a linear dense layer. Received: activation={_name(layer.activation)}")
    kernel, bias = layer.kernel, layer.bias  # with what LoRA adds
    return Linear(_numbers(kernel), None if bias is None else _numbers(bias), layer.name)


def _numbers(weight: Any) -> Array:
    return np.asarray(keras.ops.convert_to_numpy(weight))


def _name(activation: Any) -> str:
    return str(getattr(activation, "__name__", activation))


def _refused(model: Any, layer: Any) -> UserError:
    expected = "an embedding or a scale, recurrent layers, then linear dense layers, one after the other"
    return UserError(f"model '{model.name}': expected {expected}. Received: {type(layer).__name__} '{layer.name}'")
