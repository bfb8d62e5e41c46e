"""A trained stack as the recurrent part of an experiment's networks: `model.from` of an experiment.

    model: {from: encoder.pt, frozen: true}

The file's recurrent layers take the place of fresh ones; the head is new. A task of token numbers takes the file's embedding
too where both know as many tokens, and otherwise gets a new one of the width that the first layer reads. Fine-tuned, all
of it learns; frozen, what comes from the file keeps its weights to the bit.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from gru_tf.data.own import files
from gru_tf.experiment.specs import ModelSpec
from gru_tf.foundation.errors import UserError, counted, near_file
from gru_tf.interchange.network import Network
from gru_tf.recurrent.cells import CellSpec
from gru_tf.tasks import Signature
from gru_tf.training.network import linear_path, quantile_head
from gru_tf.training.network.budget import Size

KEPT = 8  # files read
OF_THE_START = ("longest", "forget_bias", "recurrent_start")  # options of cells that say how new weights begin
OPTION = re.compile(r"(^|\s)--[a-z]")
EQUATIONS = (
    "expected tanh and sigmoid, which the experiment's cell has: its diagnostics and its path on a GPU are those of its"
    " equations, and a layer with other activations is another cell; gru-tf import brings it into Keras, to be trained there"
)


def pinned(model: ModelSpec) -> ModelSpec:
    """The same with the checksum of its file as it is now, so that a run means the same weights for ever.

    Raises:
        UserError: where the file cannot be read, or has changed since its checksum was noted.
    """
    return model if model.start is None else model.but(sha256=_digest(model))


def _digest(model: ModelSpec) -> str:
    file = Path(model.start or "")
    if not file.exists():
        from gru_tf.interchange import readers

        raise UserError(f"model.from: {file}: no such file{near_file(file, readers.BY_NAME)}")
    try:
        digest = files.digest(model.start)
    except UserError as error:
        raise UserError(f"model.from: {error}") from error
    if model.sha256 and digest != model.sha256:
        raise UserError(f"model.from: {model.start}: changed. Received: sha256 {digest}, expected {model.sha256}")
    return digest


def read(model: ModelSpec) -> Network:
    """The network in the file of a model that has `start`; reading it draws random numbers.

    Raises:
        UserError: where the file cannot be read, holds more than a stack with its surroundings, or has changed.
    """
    return _read(model.start or "", _digest(model))


@lru_cache(maxsize=KEPT)
def _read(path: str, _: str) -> Network:
    """Once for each content of the file."""
    from gru_tf.foundation import option_spelling
    from gru_tf.interchange import importing, keras_model

    try:
        with option_spelling.of_commands():
            imported = importing.import_file(Path(path), verify=False)
        network = keras_model.network_of(imported.model)
    except UserError as error:
        how = "; gru-tf import takes such options and makes a .keras file" if OPTION.search(str(error)) else ""
        raise UserError(f"model.from: {error}{how}") from error
    if imported.record["beside"]:  # the checksum of the file says nothing of them
        elsewhere = ", ".join(imported.record["beside"])
        raise UserError(
            f"model.from: {path}: expected weights in the file itself; gru-tf import makes one. Received: {elsewhere}"
        )
    return network


def takes_embedding(start: Network, signature: Signature) -> bool:
    """Whether the file's embedding is used: the task has as many tokens as it."""
    return start.embedding is not None and start.tokens == signature.tokens


def size(start: Network, model: ModelSpec, signature: Signature, cell: CellSpec, options: Mapping[str, Any]) -> Size:
    """Exact size of a network with the file's layers; its units are those of the last one."""
    directions = [weights for layer in start.layers for weights in layer.directions]
    recurrent = sum(cell.count(weights.features, weights.units, options) for weights in directions)
    wide = quantile_head.widened(model, signature)
    head = (start.layers[-1].width + 1) * wide.outputs + linear_path.parameters(model, wide)
    return Size(start.layers[-1].forward.units, signature.tokens * start.features + recurrent + head, recurrent)


def check(start: Network, path: str, signature: Signature, cell: CellSpec, options: Mapping[str, Any]) -> None:
    """Refuse a file that cannot be the recurrent part for this task and cell.

    Args:
        start: what the file holds.
        path: of the file.
        signature: of the task.
        cell: of the experiment.
        options: the cell's own.

    Raises:
        UserError: in one line, naming what the file has and what the experiment wants.
    """
    for mismatch in (_cell(start, cell, options), _inputs(start, signature), _targets(start, signature)):
        if mismatch:
            raise UserError(f"model.from: {path}: {mismatch}")


def _cell(start: Network, cell: CellSpec, options: Mapping[str, Any]) -> str:
    """What is wrong with the file's layers; "" where nothing is."""
    for name in OF_THE_START:
        if name in options:
            return (
                f"expected no {name} of the experiment's cell, whose weights begin as in the file. Received: {options[name]}"
            )
    for layer in start.layers:
        weights, words = layer.forward, f"layer '{layer.name}'"
        if weights.cell != cell.name:
            return f"expected layers of the experiment's cell {cell.name}. Received: {words} of {weights.cell}"
        after = options.get("reset_after", True)
        if weights.reset_after not in (None, after):
            return (
                f"expected a gru with reset_after: {str(after).lower()}, as the experiment's cell. Received: {words} with"
                f" reset_after: {str(weights.reset_after).lower()}, another function"
            )
        for name in ("peepholes", "projection"):
            if options.get(name):
                return f"expected the experiment's cell to be plain, as the file's. Received: {name}: {options[name]}"
        if layer.reverse:
            return f"expected layers that read forwards, or both ways. Received: {words}, which reads backwards alone"
        if cell.name == "rnn" and layer.activation == "relu" == options.get("activation"):
            continue
        if options.get("activation", "tanh") != "tanh":
            return (
                f"expected an rnn with activation: relu, as the experiment's cell. Received: {words} with {layer.activation}"
            )
        if (layer.activation, layer.recurrent_activation) != ("tanh", "sigmoid"):
            received = layer.activation if cell.name == "rnn" else f"{layer.activation} and {layer.recurrent_activation}"
            return f"{EQUATIONS}. Received: {words} with {received}"
    return ""


def _inputs(start: Network, signature: Signature) -> str:
    if signature.tokens:
        return ""
    features = counted(signature.features, "feature")
    if start.tokens is not None:
        return f"expected a stack that reads {features} a step, as the task has. Received: one of tokens"
    if start.features != signature.features:
        return (
            f"expected a stack that reads {features} a step, as the task has. Received: {counted(start.features, 'feature')}"
        )
    if start.scale not in (1.0, signature.scale):
        return f"expected inputs multiplied by {signature.scale:g}, as the task's are. Received: by {start.scale:g}"
    return ""


def _targets(start: Network, signature: Signature) -> str:
    if signature.decoded:
        return "expected a task that is answered step by step or once. Received: one whose answer is written token by token"
    if signature.causal and any(layer.backward is not None for layer in start.layers):
        return "expected layers that read forwards: this task predicts the next step. Received: layers of both directions"
    return ""


def begin(layers: Sequence[Any], start: Network, frozen: bool, embedding: Any = None) -> None:
    """Let built layers begin with the file's weights.

    Args:
        layers: recurrent ones, or `Bidirectional` around two, as many as the file has.
        start: the file's network.
        frozen: whether they shall keep them.
        embedding: the embedding layer, where the file's is used.
    """
    from gru_tf.interchange import building

    for layer, recurrent in zip(layers, start.layers, strict=True):
        building.fill(layer, recurrent)
        layer.trainable = not frozen
    if embedding is not None:
        embedding.set_weights([start.embedding])
        embedding.trainable = not frozen
