"""A network as TensorFlow SavedModel: any batch, any length, for TensorFlow Serving and every program with TensorFlow.

The endpoint "serving_default" takes whole sequences; "step", only of a network that reads forwards, takes one step and the
states before it. Layers are written without cuDNN, whose operations need a GPU, and without this project's kernels, so that
the folder works on any machine.
"""

import json
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np

from gru_tf.foundation.errors import UserError, several
from gru_tf.interchange import agreement, random_inputs
from gru_tf.interchange.building import build, changed
from gru_tf.interchange.network import Network
from gru_tf.interchange.streaming import OneStep
from gru_tf.interchange.tensorflow.saved_model_file import CONFIG
from gru_tf.interchange.verification import batch_of
from gru_tf.recurrent.portability import portable

MARK = "saved_model.pb"  # every SavedModel has it
PARTS = {MARK, "fingerprint.pb", "variables", "assets", "assets.extra", "keras_metadata.pb"}  # and these it may have
WHOLE, STEP = "serving_default", "step"
SHAPES = ((1, 1), (3, 2), (1, 7), (3, 30))  # batch, T


def write(model: Network | Any, folder: str | Path) -> str:
    """Write a network, or a Keras model, as SavedModel and compare it with the model; returns the result in one line.

    Inputs have the model's names: "sequence" (batch, T, I) or token numbers (batch, T), where it is masked also "mask"
    (batch, T), True at real steps. The result is "output". The endpoint "step" takes "input", (batch, I) or (batch,), and
    each state under its name, "layer0_forward_h" (batch, H) and so on; it gives "output" and the states after the step.
    Token numbers are of the model's own type, int32 in one that `building.build` made; those of "step" are int32.

    Args:
        model: of one output, named or not.
        folder: a new one; or an older SavedModel, which is replaced when the new one is written and verified.

    Raises:
        UserError: where the folder contains something else, the model has several outputs, or the written one computes
            something else: nothing is then written.
    """
    folder = Path(folder)
    folder = folder.resolve() if folder.is_symlink() else folder  # the link stays, and points to the new one
    _check(folder)
    keras_model = with_one_output(model, folder)
    neighbour = folder.with_name(f".writing-{secrets.token_hex(8)}")
    try:
        _save(keras_model, neighbour)
        line = _verify(keras_model, neighbour, folder)
        _move(neighbour, folder)
    finally:
        shutil.rmtree(neighbour, ignore_errors=True)
    return line


def with_one_output(model: Network | Any, path: Path) -> Any:
    """The Keras model of a network, or the model itself; raises UserError where it has several outputs."""
    keras_model = build(model) if isinstance(model, Network) else model
    if len(keras_model.outputs) != 1:
        raise UserError(f"{path}: expected a model of one output. Received: {len(keras_model.outputs)}")
    return keras_model


def _check(folder: Path) -> None:
    if not folder.exists():
        return
    names = {file.name for file in folder.iterdir()} if folder.is_dir() else set()
    if not folder.is_dir() or (names and MARK not in names):
        raise UserError(f"{folder}: expected a new folder, or an older SavedModel. Received: something else")
    if others := sorted(names - PARTS):  # the whole folder is replaced
        raise UserError(f"{folder}: expected an older SavedModel and nothing beside it. Received: also {several(others, 4)}")


def _move(neighbour: Path, folder: Path) -> None:
    """Rename the written folder; an older one is deleted when the new one is in its place."""
    if not folder.exists():
        neighbour.rename(folder)
        return
    older = folder.with_name(f".older-{secrets.token_hex(8)}")
    folder.rename(older)
    try:
        neighbour.rename(folder)
    except BaseException:
        older.rename(folder)
        raise
    shutil.rmtree(older, ignore_errors=True)


def _save(model: Any, folder: Path) -> None:
    import tensorflow as tf

    archive = keras.export.ExportArchive()
    archive.track(model)
    with portable_graph(model):
        signature = [tf.TensorSpec(tensor.shape, tensor.dtype, name=tensor.name) for tensor in model.inputs]
        archive.add_endpoint(WHOLE, whole_sequence(model), input_signature=signature)
        if (step := _step(model)) is not None:
            archive.add_endpoint(STEP, by_name(step), input_signature=[step_signature(step, None)])
        archive.write_out(folder, verbose=False)
    _write_config(model, folder)


def _write_config(model: Any, folder: Path) -> None:
    """The layers, which the graph does not state, so that the folder can be imported again."""
    try:
        config = keras.saving.serialize_keras_object(model)
    except (NotImplementedError, TypeError, ValueError):  # a model of a class of its own: only its program states its layers
        return
    weights = [weight.path for weight in model.weights]
    if len(set(weights)) < len(weights):  # they could not be told apart
        return
    path = folder / CONFIG
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"keras": keras.__version__, "weights": weights, "model": config}), encoding="utf-8")


def whole_sequence(model: Any) -> Callable[..., dict[str, Any]]:
    """The model as a function of its inputs, one argument each; its output by name."""
    return lambda *inputs: {"output": model(random_inputs.called_with(model, inputs), training=False)}


def _step(model: Any) -> OneStep | None:
    """The model's computation of one step; None where it needs the whole sequence."""
    try:
        return OneStep(model)
    except UserError:
        return None


def step_signature(step: OneStep, batch: int | None) -> dict[str, Any]:
    """The inputs of an endpoint for one step, by name."""
    import tensorflow as tf

    shape = (batch,) if step.features is None else (batch, step.features)
    states = {name: tf.TensorSpec((batch, units), step.state_dtype, name=name) for name, units in step.states}
    return {"input": tf.TensorSpec(shape, step.dtype, name="input"), **states}


def by_name(step: OneStep) -> Any:
    """One step as a function of a dict: input and states in, output and states out."""
    names = [name for name, _ in step.states]

    def call(inputs: dict[str, Any]) -> dict[str, Any]:
        output, states = step(inputs["input"], [inputs[name] for name in names])
        return {"output": output, **dict(zip(names, states, strict=True))}

    return call


@contextmanager
def portable_graph(model: Any) -> Iterator[None]:
    """Inside, what is traced runs on any machine that has TensorFlow: without cuDNN and this project's own operations."""
    with_cudnn = [layer for layer in model._flatten_layers() if hasattr(layer, "use_cudnn")]
    with portable(), changed(with_cudnn, "use_cudnn", False):
        yield


def _verify(model: Any, written: Path, folder: Path) -> str:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(written)).signatures
    comparisons = agreement.Agreement(folder, f"TensorFlow {tf.__version__}")
    rng = np.random.default_rng(0)
    for batch, timesteps in SHAPES:
        inputs = random_inputs.of_model(model, batch, timesteps, rng)
        expected = {"output": agreement.answer(model, inputs)}
        comparisons.compare(batch_of(batch, timesteps), loaded[WHOLE](**_tensors(inputs)), expected)
    if STEP in loaded:
        agreement.compare_steps(comparisons, model, lambda inputs: loaded[STEP](**_tensors(inputs)))
    return str(comparisons.judged())


def _tensors(arrays: Mapping[str, Any]) -> dict[str, Any]:
    import tensorflow as tf

    return {name: tf.constant(value) for name, value in arrays.items()}
