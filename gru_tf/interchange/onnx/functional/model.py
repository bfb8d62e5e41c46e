"""An ONNX graph as a Keras functional model: what the importer gets, and what is to be said of it."""

from pathlib import Path
from typing import Any

import keras

from gru_tf.foundation.errors import UserError, one_line, several
from gru_tf.interchange.onnx import file, runnable_copy, whole_copy
from gru_tf.interchange.onnx.functional import running
from gru_tf.interchange.onnx.functional.outputs import Output, output_of
from gru_tf.interchange.onnx.functional.sizes import named
from gru_tf.interchange.onnx.functional.steps import built
from gru_tf.interchange.onnx.functional.tracing import GraphTracer, Trace
from gru_tf.interchange.onnx.notes import defaults
from gru_tf.interchange.source import BATCHES, LENGTHS, GraphModel

LONGEST = 1 << 12  # up to which a length is searched for that a graph can compute
OWN_ACTIVATION = (
    "hard_sigmoid of {names} is that of Keras 2, clip(0.2 x + 0.5, 0, 1), which Keras 3 does not have: the model names it"
    " gru_tf>keras2_hard_sigmoid, loads after `import gru_tf`, and layers with it do not use cuDNN"
)


DOUBLE = (
    "float64 in the file stays float64 before the recurrent layers; these and what follows them compute in the model's dtype"
)
HALF = "float16 is computed in float32: what the file rounds at {names} is not rounded"


def read(model: Any, path: Path, reset_after: bool | None = None) -> GraphModel:
    """The graph of a file as a Keras model.

    Args:
        model: the file's ModelProto.
        path: of the file.
        reset_after: how every GRU resets; None: as the file says.

    Raises:
        UserError: with all parts that are in the way.
    """
    trace = GraphTracer(model, path, file.stored_bytes(model, path), reset_after).trace()
    if not trace.inputs:
        raise UserError(f"{path}: expected outputs that depend on an input. Received: none that does")
    outputs = tuple(output_of(name, tensor) for name, tensor in trace.outputs.items())
    steps = [output.step for output in outputs]

    def build(dtype: str) -> Any:
        tensors = built([each.step for each in trace.inputs] + steps, dtype)
        count = len(trace.inputs)
        inputs, results = tensors[:count], tensors[count:]
        try:
            return keras.Model(
                inputs if count > 1 else inputs[0], results if len(results) > 1 else results[0], name="imported"
            )
        except RecursionError:
            raise UserError(
                f"{path}: expected fewer nodes one after the other than Keras can save. Received: more"
            ) from None
        except Exception as error:  # Keras raises anything
            raise UserError(f"{path}: expected a graph that Keras can build. Received: {one_line(error)}") from None

    return GraphModel(
        build,
        "ONNX",
        lambda: running.framework(model, trace, outputs, path, reset_after),
        (*_notes(trace, outputs), *_types(model), *defaults(model)),
        tuple(file.external_files(model, path)),
        _lengths(trace, path),
        BATCHES,
    )


def _lengths(trace: Trace, path: Path) -> tuple[int, ...]:
    """Lengths of the axes that are free with which every length computed from them is at least 1."""
    known = trace.known
    roots = known.roots([*map(named, known.derived), *known.required])
    lengths: list[int] = [n for n in LENGTHS if known.fits(dict.fromkeys(roots, n))]
    for n in range(max(LENGTHS) + 1, LONGEST):
        if len(lengths) > 1:
            break
        if known.fits(dict.fromkeys(roots, n)):
            lengths.append(n)
    if not lengths:
        raise UserError(f"{path}: expected a graph that computes sequences of up to {LONGEST:,} steps. Received: none")
    return tuple(lengths)


def _types(model: Any) -> list[str]:
    """What the model computes in another type than the file."""
    notes = []
    if whole_copy.has_double(model):
        notes.append(DOUBLE)
    rounded = [node.name or node.op_type for node in model.graph.node if _to_half(node)]
    if rounded:
        notes.append(HALF.format(names=several([f"'{name}'" for name in rounded], 3)))
    return notes


def _to_half(node: Any) -> bool:
    kind = file.attributes(node).get("to") if node.op_type == "Cast" else None
    return kind == runnable_copy.HALF


def _notes(trace: Trace, outputs: tuple[Output, ...]) -> list[str]:
    """What the model has in another way than the file."""
    notes, known = [], trace.known
    if trace.unused:
        unused = several([f"'{name}'" for name in trace.unused])
        notes.append(f"inputs that no output needs are left out: {unused}")
    for each in trace.inputs:
        if each.tensor is None:
            notes.append(
                f"input '{each.name}', the steps of each sequence, is a mask (batch, time) in the model: true at these"
            )
        elif each.tensor.layout != each.tensor.axes:
            before, after = (known.text(map(each.tensor.size, axes)) for axes in (each.tensor.axes, each.tensor.layout))
            notes.append(f"input '{each.name}' is {before} in the file and {after} in the model")
    notes += [note for output in outputs if (note := output.note())]
    rows = {known.fixed.get(known.name(name)) for name in known.batch}
    notes += [
        f"the model computes batches of {number}, as the file does" for number in rows if rows != {None} and None not in rows
    ]
    for size, least in sorted(known.required.items(), key=str):
        if known.settled(size).number is None:
            notes.append(f"the file needs sequences of which {known.settled(size)} is at least {least}")
    needed = [f"{name} = {known.fixed[name]}" for name in sorted(known.needed) if name not in known.batch]
    if needed:
        notes.append(f"lengths that the file declares and depends on are the only ones: {several(needed)}")
    if trace.own_activations:
        notes.append(OWN_ACTIVATION.format(names=several([f"'{name}'" for name in trace.own_activations], 3)))
    return notes
