"""A network as TensorFlow Lite (LiteRT) file, of built-in operations alone: phones and small boards run it as it is.

Two forms: a whole sequence of a fixed length, its steps a loop in the file, so that length costs neither size nor time to
convert; or one step with its states as inputs and outputs, for streams without an end.
"""

import re
import tempfile
import warnings
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import keras
import numpy as np

from gru_tf.foundation import atomic_file, startup
from gru_tf.foundation.errors import UserError, one_line, several
from gru_tf.interchange import agreement, option_names, random_inputs
from gru_tf.interchange.building import build
from gru_tf.interchange.network import Network
from gru_tf.interchange.streaming import OneStep
from gru_tf.interchange.tensorflow.saved_model import WHOLE, by_name, step_signature, without_cudnn

Runner = Callable[[Mapping[str, Any]], Mapping[str, Any]]
CASES = 3  # of random inputs


def write(
    model: Network | Any, path: str | Path, *, timesteps: int | None = None, streaming: bool = False, batch: int = 1
) -> str:
    """Write a network, or a Keras model, as `.tflite` and run it beside the model; returns what came of that in a line.

    The file has one signature, for `interpreter.get_signature_runner()`. Of a whole sequence it takes the model's inputs
    by name: "sequence" (batch, T, I) or token numbers (batch, T), where it is masked also "mask" (batch, T), and gives
    "output". Of one step it takes "input", (batch, I) or (batch,), and each state under its name, "layer0_forward_h"
    (batch, H) and so on, zeros at first, and gives "output" and the states under the same names. Numbers are float32; token
    numbers of sequences are of the model's own type, int32 in one that `building.build` made, those of one step int32.

    Args:
        model: of one output.
        path: the file; an older one is replaced when the new one is verified.
        timesteps: T, for whole sequences; or
        streaming: one step at a time.
        batch: sequences side by side.

    Raises:
        UserError: where neither or both of the forms are asked for, a network cannot be streamed, an operation has no
            counterpart in TensorFlow Lite, or the file answers otherwise: nothing is then written.
    """
    path = Path(path)
    if (timesteps is None) != streaming:
        one, other = option_names.called("timesteps", timesteps or option_names.ANY), option_names.called("streaming", True)
        received = f"{one} and {other}" if streaming else "neither"
        raise UserError(f"{path}: expected {one}, the length of every sequence, or {other}. Received: {received}")
    found = build(model) if isinstance(model, Network) else model
    if len(found.outputs) != 1:
        raise UserError(f"{path}: expected a model of one output. Received: {len(found.outputs)}")
    _check(found, path)
    content = _converted(found, path, timesteps, batch)
    with startup.quiet():  # the runtime says on stderr what it computes with
        line = _verified(found, path, content, timesteps, batch)
    atomic_file.write(path, content)
    return line


def _check(model: Any, path: Path) -> None:
    """Refuse types that TensorFlow Lite's operations lack, before its converter fails at the first of them."""
    for layer in model._flatten_layers(include_self=False):
        if layer.compute_dtype != "float32":
            raise UserError(f"{path}: expected layers of float32. Received: {layer.compute_dtype} in '{layer.name}'")


def _converted(model: Any, path: Path, timesteps: int | None, batch: int) -> bytes:
    import tensorflow as tf
    from tensorflow.lite.python.convert_phase import ConverterError  # TensorFlow exports it nowhere

    archive = keras.export.ExportArchive()
    archive.track(model)
    with tempfile.TemporaryDirectory() as folder, without_cudnn(model), startup.quiet():
        function, signature = _endpoint(model, timesteps, batch)
        archive.add_endpoint(WHOLE, function, input_signature=signature)
        archive.write_out(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        try:
            return bytes(converter.convert())
        except ConverterError as error:
            named = sorted(set(re.findall(r"'(tfl?\.\w+)' op", str(error))))
            received = several(named) or one_line(error)
            raise UserError(f"{path}: expected operations that TensorFlow Lite has. Received: {received}") from error


def _endpoint(model: Any, timesteps: int | None, batch: int) -> tuple[Any, list[Any]]:
    """What is converted, and what it takes."""
    import tensorflow as tf

    if timesteps is None:
        step = OneStep(model)
        return by_name(step), [step_signature(step, batch)]
    shapes = [tensor.shape for tensor in model.inputs]
    fixed = [(batch, *(timesteps if size is None else size for size in shape[1:])) for shape in shapes]
    given = [tf.TensorSpec(shape, t.dtype, name=t.name) for shape, t in zip(fixed, model.inputs, strict=True)]
    several = len(given) > 1
    return lambda *x: {"output": model(list(x) if several else x[0], training=False)}, given


def runtime() -> tuple[str, Any] | None:
    """Name and version of what runs TensorFlow Lite files here, and its Interpreter; None where nothing does."""
    try:
        from ai_edge_litert.interpreter import Interpreter

        return f"LiteRT {metadata.version('ai-edge-litert')}", Interpreter
    except ImportError:
        pass
    import tensorflow as tf

    if not hasattr(tf.lite, "Interpreter"):  # TensorFlow has announced to leave it out
        return None
    return f"TensorFlow Lite of TensorFlow {tf.__version__}", tf.lite.Interpreter


def runner(content: bytes) -> tuple[str, Runner] | None:
    """What runs a file, by name, and the file as a function of a dict; None where no runtime is installed."""
    found = runtime()
    if found is None:
        return None
    name, interpreter = found
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # TensorFlow's own interpreter says that it is to move
        called = interpreter(model_content=content).get_signature_runner()
    return name, lambda given: called(**given)


def _verified(model: Any, path: Path, content: bytes, timesteps: int | None, batch: int) -> str:
    import tensorflow as tf

    found = runner(content)
    if found is None:
        return "not verified: pip install ai-edge-litert, which runs such files, and write it again"
    name, run = found
    said = agreement.Agreement(path, name)
    if timesteps is None:
        agreement.compare_steps(said, model, run, batch)
        return str(said.judged())
    rng = np.random.default_rng(0)
    whole = tf.function(lambda given: agreement.answer(model, given), autograph=False)  # a thousand steps take a second
    for n in range(CASES):
        given = random_inputs.of_model(model, batch, timesteps, rng)
        said.compare(f"case {n + 1}", run(given), {"output": whole(given)})
    return str(said.judged())
