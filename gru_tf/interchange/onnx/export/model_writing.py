"""A whole Keras model, sequential or functional, as an ONNX file, verified with onnxruntime."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gru_tf.foundation import atomic_file
from gru_tf.foundation.errors import UserError, one_line
from gru_tf.interchange import int8_export
from gru_tf.interchange.onnx import file, quantizing
from gru_tf.interchange.onnx.export import walking
from gru_tf.interchange.onnx.export.exported_tensor import KINDS, ExportedTensor, NotExportedError, kind_of
from gru_tf.interchange.onnx.export.flattening import FlatModel, flatten
from gru_tf.interchange.onnx.export.model_checking import verify
from gru_tf.interchange.onnx.export.model_graph import ModelGraph

MOST_NAMED = 20  # obstacles in a message


def write_model(model: Any, path: Path, *, quantize: str | None = None) -> str:
    """Write a Keras model to `path`, and return a line that says how it was verified.

    Inputs have the model's names; numbers are float32, tokens int64, masks bool; batch size and lengths are free where the
    model leaves them free. The output is "output"; several have the names of the layers they come from, or of the model's
    dict. Weights are rounded to float32.

    Args:
        model: functional or sequential, of stock layers, this project's and operations of `keras.ops`.
        path: of the file; an older one is replaced once the new one is verified.
        quantize: "int8" for weights of eight-bit integers, see `gru_tf.interchange.onnx.quantizing`.

    Raises:
        UserError: for layers, operations and activations that ONNX export does not write, all of them in one message; for
            more than 2 GiB; and where onnxruntime's outputs differ from Keras'. Nothing is then written.
    """
    try:
        flat = flatten(model, getattr(model, "inputs", ()))
        names = _output_names(model, flat)
        proto = _graph(model, flat, names).model(__doc__ or "")
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None
    content = proto.SerializeToString()
    _check(proto, path)
    line = str(verify(model, content, path, names, flat.tokens()))
    if quantize is not None:
        whole, content = len(content), quantizing.quantized(proto).SerializeToString()
        rounded = verify(model, content, path, names, flat.tokens(), int8_export.TOLERANCE)
        line = int8_export.line(line, rounded, (whole, len(content)))
    atomic_file.write(path, content)
    return line


def _check(proto: Any, path: Path) -> None:
    """Refuse a graph whose shapes do not fit together, as of a Keras layer that declares other shapes than it gives."""
    onnx = file.library()
    try:
        onnx.checker.check_model(proto, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise UserError(f"{path}: expected layers whose shapes fit together. Received: {one_line(error)}") from None


def _graph(model: Any, flat: FlatModel, names: Sequence[str]) -> ModelGraph:
    graph, obstacles = ModelGraph(apply=walking.apply), []
    inputs = []
    for spec in flat.inputs:
        try:
            inputs.append(ExportedTensor(spec.name, tuple(spec.shape), kind_of(spec.dtype)))
        except NotExportedError:
            obstacles.append(f"input '{spec.name}': {spec.dtype}")
            inputs.append(ExportedTensor(spec.name, tuple(spec.shape)))
    outputs = walking.write_calls(graph, flat, inputs, obstacles)
    if obstacles:
        unique = list(dict.fromkeys(obstacles))
        named, more = unique[:MOST_NAMED], len(unique) - MOST_NAMED
        received = "; ".join([*named, *([f"and {more:,} more"] if more > 0 else [])])
        raise UserError(
            f"model '{model.name}': expected layers and operations that ONNX export writes."
            f" Received: {received}. A SavedModel, a name without an ending, holds any Keras model"
        )
    graph.inputs = [graph.value(each.name, KINDS[each.kind], *_sizes(each, len(inputs) == 1)) for each in inputs]
    for name, output in zip(names, outputs, strict=True):
        graph.node("Identity", [output.name], name)
        sizes = ["batch" if n == 0 and size is None else size for n, size in enumerate(output.shape)]
        graph.outputs.append(graph.value(name, KINDS[output.kind], *sizes))
    return graph


def _sizes(tensor: ExportedTensor, alone: bool) -> list[int | str]:
    """The shape of an input: free axes have names."""
    names = ["batch", *("time" if alone and n == 1 else f"{tensor.name}_axis_{n}" for n in range(1, tensor.rank))]
    return [name if size is None else size for name, size in zip(names, tensor.shape, strict=True)]


def _output_names(model: Any, flat: FlatModel) -> list[str]:
    """The name "output"; where there are several, a dict's keys or the names of what gives them, all different."""
    if len(flat.outputs) == 1:
        given = ["output"]
    else:
        structure = getattr(model, "_functional", None) or model
        struct = structure._outputs_struct
        given = sorted(struct) if isinstance(struct, dict) else [str(name) for name in model.output_names]
        given = given if len(given) == len(flat.outputs) else [f"output_{n}" for n in range(len(flat.outputs))]
    taken, names = Counter(spec.name for spec in flat.inputs), []
    for name in given:
        number = taken[name]
        while f"{name}_{number}" in taken and number:
            number += 1
        names.append(f"{name}_{number}" if number else name)
        taken[name] += 1
        taken[names[-1]] += name != names[-1]
    return names
