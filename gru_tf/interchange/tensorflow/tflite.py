"""A network as TensorFlow Lite (LiteRT) file, of built-in operations only, which phones and small boards can run.

Two forms: a whole sequence of a fixed length, whose steps are a loop, so that the length affects neither the file's size nor
the time to convert it; or one step with its states as inputs and outputs, for endless streams.
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

from gru_tf.foundation import atomic_file, extras, startup
from gru_tf.foundation.errors import UserError, one_line, several
from gru_tf.interchange import agreement, int8_export, option_names, random_inputs
from gru_tf.interchange.differences import TOLERANCE, Verified
from gru_tf.interchange.network import Network
from gru_tf.interchange.streaming import OneStep
from gru_tf.interchange.tensorflow.saved_model import (
    WHOLE,
    by_name,
    portable_graph,
    step_signature,
    whole_sequence,
    with_one_output,
)

Runner = Callable[[Mapping[str, Any]], Mapping[str, Any]]
CASES = 3  # of random inputs


def write(
    model: Network | Any,
    path: str | Path,
    *,
    timesteps: int | None = None,
    streaming: bool = False,
    batch: int = 1,
    quantize: str | None = None,
) -> str:
    """Write a network, or a Keras model, as `.tflite` and compare it with the model; returns the result in one line.

    The file has one signature, for `interpreter.get_signature_runner()`. For whole sequences it takes the model's inputs
    by name: "sequence" (batch, T, I) or token numbers (batch, T), where it is masked also "mask" (batch, T), and gives
    "output". For one step it takes "input", (batch, I) or (batch,), and each state under its name, "layer0_forward_h"
    (batch, H) and so on, zeros at first, and gives "output" and the states under the same names. Numbers are float32; token
    numbers of sequences are of the model's own type, int32 in one that `building.build` made, those of one step int32.

    Args:
        model: of one output.
        path: the file; an older one is replaced when the new one is verified.
        timesteps: T, for whole sequences.
        streaming: whether the file computes one step at a time instead.
        batch: sequences side by side.
        quantize: "int8" for the converter's dynamic-range quantisation: weights of eight-bit integers where they are large,
            and what they are multiplied with rounded to such row by row, where the runtime has such a product.

    Raises:
        UserError: where neither or both of the forms are requested, a network cannot be streamed, an operation has no
            counterpart in TensorFlow Lite, or the file computes something else: nothing is then written.
    """
    path = Path(path)
    int8_export.check(path, quantize)
    if (timesteps is None) != streaming:
        one, other = option_names.called("timesteps", timesteps or option_names.ANY), option_names.called("streaming", True)
        received = f"{one} and {other}" if streaming else "neither"
        raise UserError(f"{path}: expected {one}, the length of every sequence, or {other}. Received: {received}")
    keras_model = with_one_output(model, path)
    _check_dtypes(keras_model, path)
    content = _convert(keras_model, path, timesteps, batch)
    with startup.quiet():  # the runtime logs to stderr
        line = str(_verify(keras_model, path, content, timesteps, batch))
    if quantize is not None:
        whole, content = len(content), _convert(keras_model, path, timesteps, batch, int8=True)
        with startup.quiet():
            rounded = _verify(keras_model, path, content, timesteps, batch, int8_export.TOLERANCE)
        line = int8_export.line(line, rounded, (whole, len(content)))
    atomic_file.write(path, content)
    return line


def _check_dtypes(model: Any, path: Path) -> None:
    """Refuse dtypes that TensorFlow Lite's operations lack, before its converter fails."""
    for layer in model._flatten_layers(include_self=False):
        if layer.compute_dtype != "float32":
            raise UserError(f"{path}: expected layers of float32. Received: {layer.compute_dtype} in '{layer.name}'")


def _convert(model: Any, path: Path, timesteps: int | None, batch: int, int8: bool = False) -> bytes:
    import tensorflow as tf
    from tensorflow.lite.python.convert_phase import ConverterError  # TensorFlow does not export it

    archive = keras.export.ExportArchive()
    archive.track(model)
    with tempfile.TemporaryDirectory() as folder, portable_graph(model), startup.quiet():
        function, signature = _endpoint(model, timesteps, batch)
        archive.add_endpoint(WHOLE, function, input_signature=signature)
        archive.write_out(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        if int8:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        try:
            return bytes(converter.convert())
        except ConverterError as error:
            named = sorted(set(re.findall(r"'(tfl?\.\w+)' op", str(error))))
            received = several(named) or one_line(error)
            raise UserError(f"{path}: expected operations that TensorFlow Lite has. Received: {received}") from error


def _endpoint(model: Any, timesteps: int | None, batch: int) -> tuple[Any, list[Any]]:
    """The function to convert, and its signature."""
    import tensorflow as tf

    if timesteps is None:
        step = OneStep(model)
        return by_name(step), [step_signature(step, batch)]
    shapes = [tensor.shape for tensor in model.inputs]
    fixed = [(batch, *(timesteps if size is None else size for size in shape[1:])) for shape in shapes]
    signature = [tf.TensorSpec(shape, t.dtype, name=t.name) for shape, t in zip(fixed, model.inputs, strict=True)]
    return whole_sequence(model), signature


def runtime() -> tuple[str, Any] | None:
    """Name and version of the installed runtime for TensorFlow Lite files, and its Interpreter; None where there is none."""
    try:
        from ai_edge_litert.interpreter import Interpreter

        return f"LiteRT {metadata.version('ai-edge-litert')}", Interpreter
    except ImportError:
        pass
    import tensorflow as tf

    if not hasattr(tf.lite, "Interpreter"):  # TensorFlow has announced its removal
        return None
    return f"TensorFlow Lite of TensorFlow {tf.__version__}", tf.lite.Interpreter


def runner(content: bytes) -> tuple[str, Runner] | None:
    """The name of the runtime, and the file as a function of a dict; None where no runtime is installed."""
    installed = runtime()
    if installed is None:
        return None
    name, interpreter = installed
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # TensorFlow's own interpreter is deprecated
        called = interpreter(model_content=content).get_signature_runner()
    return name, lambda inputs: called(**inputs)


def _verify(
    model: Any, path: Path, content: bytes, timesteps: int | None, batch: int, tolerance: float = TOLERANCE
) -> Verified | str:
    import tensorflow as tf

    installed = runner(content)
    if installed is None:
        return f"not verified: {extras.absent('ai_edge_litert')}, which runs such files"
    name, run = installed
    comparisons = agreement.Agreement(path, name, tolerance)
    if timesteps is None:
        agreement.compare_steps(comparisons, model, run, batch)
        return comparisons.judged()
    rng = np.random.default_rng(0)
    # compiled, because a thousand steps take a second otherwise
    whole = tf.function(lambda inputs: agreement.answer(model, inputs), autograph=False)
    for n in range(CASES):
        inputs = random_inputs.of_model(model, batch, timesteps, rng)
        comparisons.compare(f"case {n + 1}", run(inputs), {"output": whole(inputs)})
    return comparisons.judged()
