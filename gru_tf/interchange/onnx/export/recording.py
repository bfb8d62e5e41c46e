"""Symbolic calls of a model's layers recorded as Keras makes them, with the masks that it hands to each.

What Keras itself records of a call lacks masks that it found by itself, and ends at nested models.
"""

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import keras
from keras.src import backend  # masks of symbolic tensors
from keras.src.models.functional import Functional

from gru_tf.interchange.building import changed
from gru_tf.interchange.onnx.export import declared_types
from gru_tf.interchange.onnx.export.exported_tensor import NotExportedError
from gru_tf.recurrent.layers.stack import RecurrentStack

MODELS = (Functional, keras.Sequential)
NODES = ("_inbound_nodes", "_outbound_nodes")  # Keras' names for the calls that a layer is part of
MASK_UNUSED = (keras.layers.BatchNormalization,)  # take a mask only while training


@dataclass(frozen=True, eq=False)
class LayerCall:
    """One call of a layer or an operation.

    Args:
        operation: what is called.
        arguments: by name, with symbolic tensors in them.
        outputs: the symbolic tensors that it gives.
    """

    operation: Any
    arguments: dict[str, Any]
    outputs: list[Any]

    def tensors(self) -> list[Any]:
        """The symbolic tensors that it needs."""
        unused = "mask" if type(self.operation) in MASK_UNUSED else ""
        used = {name: value for name, value in self.arguments.items() if name != unused}
        return _symbolic(used)


@dataclass(frozen=True)
class LastSteps:
    """The end of a stack under a mask, in the place of an operation: each direction's last real step.

    Args:
        name: of the stack.
        half: width of a direction where there are two.
    """

    name: str
    half: int | None


@dataclass
class Recorder:
    """What is recorded.

    Args:
        calls: id of a symbolic tensor → the call of a layer that gave it.
        replaced: id of a symbolic tensor that a nested model returned → the tensor inside.
        alive: tensors that ids stand for.
    """

    calls: dict[int, LayerCall] = field(default_factory=dict)
    replaced: dict[int, Any] = field(default_factory=dict)
    alive: list[Any] = field(default_factory=list)

    def inner(self, tensor: Any) -> Any:
        """The tensor itself, or what a nested model returned as it."""
        while id(tensor) in self.replaced:
            tensor = self.replaced[id(tensor)]
        return tensor

    def call_of(self, tensor: Any) -> LayerCall:
        """The call that gave a tensor; of an operation of `keras.ops`, as Keras recorded it."""
        if id(tensor) in self.calls:
            return self.calls[id(tensor)]
        history = tensor._keras_history
        node = history.operation._inbound_nodes[history.node_index]
        arguments = bound(history.operation, node.arguments.args, node.arguments.kwargs)
        return LayerCall(history.operation, arguments, node.outputs)

    @contextmanager
    def recording(self, model: Any) -> Iterator[None]:
        """Inside, symbolic calls of the model's layers are recorded; afterwards the layers are as before."""
        layers = {id(layer): layer for layer in model._flatten_layers()}
        operations = {id(each): each for owner in layers.values() for each in getattr(owner, "_operations", ())}
        owners = (operations | layers).values()
        before = [(owner, name, list(getattr(owner, name))) for owner in owners for name in NODES if hasattr(owner, name)]
        for layer in layers.values():
            # not by setattr, with which Keras would track it
            vars(layer)["symbolic_call"] = self._recorder(layer)
        try:
            yield
        finally:
            for layer in layers.values():
                vars(layer).pop("symbolic_call", None)
            for owner, name, nodes in before:
                getattr(owner, name)[:] = nodes

    def _recorder(self, layer: Any) -> Any:
        def symbolic_call(*args: Any, **kwargs: Any) -> Any:
            arguments = bound(layer, args, kwargs)
            if type(layer) is RecurrentStack:
                return self._replace(self._stack(layer, arguments))
            if type(layer) in MODELS and getattr(layer, "_functional", layer) is not None:
                return self._replace(layer.call(*args, **kwargs))
            declared = keras.tree.flatten(given := type(layer).symbolic_call(layer, *args, **kwargs))
            copies = [_copy(*pair) for pair in zip(declared, _dtypes(layer, arguments, declared), strict=True)]
            outputs = keras.tree.pack_sequence_as(given, copies)
            self._record(layer, arguments, outputs)
            return outputs

        return symbolic_call

    def _record(self, operation: Any, arguments: dict[str, Any], outputs: Any) -> None:
        call = LayerCall(operation, arguments, keras.tree.flatten(outputs))
        self.calls.update({id(output): call for output in call.outputs})
        self.alive.extend(call.outputs)

    def _replace(self, given: Any) -> Any:
        """Tensors in the place of those inside, as Keras gives them a history of their own."""
        outputs = keras.tree.map_structure(_copy, given)
        pairs = list(zip(keras.tree.flatten(outputs), keras.tree.flatten(given), strict=True))
        self.replaced.update({id(copy): inner for copy, inner in pairs})
        self.alive.extend(pairs)
        return outputs

    def _stack(self, layer: Any, arguments: dict[str, Any]) -> Any:
        """The calls in a stack; under a mask its last steps are looked for by one of their own, as lengths are not known."""
        mask = arguments.get("mask")
        if mask is None or layer.return_sequences or not layer._whole:
            return layer.call(**arguments)
        with changed([layer], "return_sequences", True):
            given = layer.call(**arguments)
        sequence, *states = given if layer.return_state else [given]
        half = layer.units[-1] if layer.bidirectional else None
        last = keras.KerasTensor((sequence.shape[0], sequence.shape[2]), sequence.dtype, name="last_steps")
        self._record(LastSteps(layer.name, half), {"sequence": sequence, "mask": mask}, [last])
        return (last, *states) if layer.return_state else last


def bound(operation: Any, args: Any, kwargs: Any) -> dict[str, Any]:
    """Arguments of a call by name, with defaults."""
    arguments = inspect.signature(operation.call).bind(*args, **kwargs)
    arguments.apply_defaults()
    return dict(arguments.arguments)


def _dtypes(layer: Any, arguments: dict[str, Any], declared: Sequence[Any]) -> Sequence[str | None]:
    """The types of a layer's results, which are not always those that it declares of whole numbers."""
    if declared_types.takes_whole_numbers(layer, arguments):
        with suppress(NotExportedError):  # named where the call is written
            return declared_types.computed(layer, arguments)
    return [None] * len(declared)


def _copy(tensor: Any, dtype: str | None = None) -> Any:
    copy = keras.KerasTensor(tensor.shape, dtype or tensor.dtype, name=tensor.name)
    mask = backend.get_keras_mask(tensor)
    if mask is not None:
        backend.set_keras_mask(copy, mask)
    return copy


def _symbolic(structure: Any) -> list[Any]:
    return [leaf for leaf in keras.tree.flatten(structure) if isinstance(leaf, keras.KerasTensor)]
