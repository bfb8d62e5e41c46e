"""A whole Keras model into a graph: call by call, each by the function for its layer or operation."""

from collections.abc import Sequence
from typing import Any

import keras

from gru_tf.foundation.errors import UserError
from gru_tf.interchange.onnx.export import declared_types, registry
from gru_tf.interchange.onnx.export.exported_tensor import COMPUTED, ExportedTensor, NotExportedError, kind_of
from gru_tf.interchange.onnx.export.flattening import FlatModel, flatten
from gru_tf.interchange.onnx.export.model_graph import ModelGraph
from gru_tf.interchange.onnx.export.recording import MODELS, LayerCall


def write_calls(
    graph: ModelGraph, flat: FlatModel, inputs: Sequence[ExportedTensor], obstacles: list[str]
) -> list[ExportedTensor]:
    """Write every call of a model; returns its outputs.

    Args:
        graph: to write into.
        flat: the model's calls.
        inputs: its inputs in the graph.
        obstacles: gets a line for each call that cannot be written; the others are written nevertheless, so that all
            obstacles are known at once.
    """
    known = {id(spec): tensor for spec, tensor in zip(flat.inputs, inputs, strict=True)}
    for call in flat.calls:
        arguments = {name: _replaced(value, flat, known) for name, value in call.arguments.items()}
        try:
            declared_types.check(call.operation, call.arguments, call.outputs)
            outputs = _write(graph, call.operation, arguments, call.outputs)
        except NotExportedError as error:
            obstacles.append(f"{described(call.operation)}: {error}" if str(error) else described(call.operation))
            outputs = [ExportedTensor("", tuple(spec.shape), _kind_or_float(spec)) for spec in call.outputs]
        known.update({id(spec): tensor for spec, tensor in zip(call.outputs, outputs, strict=True)})
    return [known[id(flat.recorder.inner(spec))] for spec in flat.outputs]


def apply(graph: ModelGraph, layer: Any, arguments: dict[str, Any], specs: Sequence[Any]) -> list[ExportedTensor]:
    """Write a layer inside another one, also a whole model.

    Args:
        graph: to write into.
        layer: the inner layer.
        arguments: of its call, by name.
        specs: symbolic tensors of its outputs.

    Raises:
        NotExportedError: where it cannot be written.
    """
    if type(layer) not in MODELS:
        try:
            return _write(graph, layer, arguments, specs)
        except NotExportedError as error:
            raise NotExportedError(f"with {described(layer)}{f': {error}' if str(error) else ''}") from None
    tensors = [leaf for leaf in keras.tree.flatten(arguments) if isinstance(leaf, ExportedTensor)]
    obstacles: list[str] = []
    try:
        flat = flatten(
            layer, [keras.KerasTensor(each.shape, _dtype(each), name=f"inner_{n}") for n, each in enumerate(tensors)]
        )
    except UserError as error:
        raise NotExportedError(str(error)) from None
    outputs = write_calls(graph, flat, tensors, obstacles)
    if obstacles:
        raise NotExportedError(f"with {', '.join(obstacles)}")
    return outputs


def described(operation: Any) -> str:
    """A layer or an operation in messages: its class and its name."""
    return f"{type(operation).__name__} '{operation.name}'"


def _write(graph: ModelGraph, operation: Any, arguments: dict[str, Any], specs: Sequence[Any]) -> list[ExportedTensor]:
    kinds = [kind_of(spec.dtype) for spec in specs]
    if isinstance(operation, keras.layers.Layer):
        _check(operation)
    before = graph.scope, graph.whole
    graph.scope, graph.whole = operation.name, set(kinds) == {"int"}
    try:
        given = registry.writer_of(operation)(graph, LayerCall(operation, arguments, list(specs)))
    finally:
        graph.scope, graph.whole = before
    names = [given] if isinstance(given, str) else list(given)
    pairs = zip(names, specs, kinds, strict=True)
    return [ExportedTensor(name, tuple(spec.shape), kind) for name, spec, kind in pairs]


def _check(layer: Any) -> None:
    """Refuse what any layer may be and no file of float32 computes."""
    if getattr(layer, "quantization_mode", None):
        raise NotExportedError(f"is quantized ({layer.quantization_mode})")
    if layer.compute_dtype not in COMPUTED and "int" not in layer.compute_dtype:
        raise NotExportedError(f"computes in {layer.compute_dtype}")


def _replaced(structure: Any, flat: FlatModel, known: dict[int, ExportedTensor]) -> Any:
    """Arguments with tensors of the graph in the place of symbolic ones."""

    def replace(leaf: Any) -> Any:
        return known.get(id(flat.recorder.inner(leaf))) if isinstance(leaf, keras.KerasTensor) else leaf

    return keras.tree.map_structure(replace, structure)


def _dtype(tensor: ExportedTensor) -> str:
    return {"float": "float32", "int": "int32", "bool": "bool"}[tensor.kind]


def _kind_or_float(spec: Any) -> str:
    try:
        return kind_of(spec.dtype)
    except NotExportedError:
        return "float"
