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
from gru_tf.training.network import budget
from gru_tf.training.network.budget import Size

KEPT = 8  # files read
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
        found = files.digest(model.start)
    except UserError as error:
        raise UserError(f"model.from: {error}") from error
    if model.sha256 and found != model.sha256:
        raise UserError(f"model.from: {model.start}: changed. Received: sha256 {found}, expected {model.sha256}")
    return found


def network(model: ModelSpec) -> Network | None:
    """What the file holds; None for an experiment that starts from nothing.

    Raises:
        UserError: where the file cannot be read, is no stack with what lies around it, or has changed.
    """
    return None if model.start is None else _read(model.start, _digest(model))


@lru_cache(maxsize=KEPT)
def _read(path: str, _: str) -> Network:
    """Once for each content that the file has had."""
    from gru_tf.interchange import building, importing, option_names

    try:
        with option_names.of_commands():
            found = importing.bring(Path(path), verify=False)
        network = building.of(found.model)
    except UserError as error:
        how = "; gru-tf import takes such options and makes a .keras file" if OPTION.search(str(error)) else ""
        raise UserError(f"model.from: {error}{how}") from error
    if found.record["beside"]:  # the checksum of the file says nothing of them
        elsewhere = ", ".join(found.record["beside"])
        raise UserError(
            f"model.from: {path}: expected weights in the file itself; gru-tf import makes one. Received: {elsewhere}"
        )
    return network


def bidirectional(model: ModelSpec) -> bool:
    """Whether any layer reads backwards."""
    found = network(model)
    return model.bidirectional if found is None else any(layer.backward is not None for layer in found.layers)


def takes_embedding(found: Network, signature: Signature) -> bool:
    """Whether the file's embedding is used: the task has as many tokens as it."""
    return found.embedding is not None and found.tokens == signature.tokens


def size(cell: CellSpec, options: Mapping[str, Any], signature: Signature, model: ModelSpec) -> Size:
    """Exact size of a network: as `budget.solve`, or with the file's layers; `units` are then those of the last one."""
    found = network(model)
    if found is None:
        return budget.solve(cell, options, signature, model)
    each = [gates for layer in found.layers for gates in layer.directions]
    recurrent = sum(cell.parameters(weights.features, weights.units, **options) for weights in each)
    head = (found.layers[-1].width + 1) * signature.outputs
    units = found.layers[-1].forward.units
    return Size(units, signature.tokens * found.features + recurrent + head, recurrent)


def check(model: ModelSpec, signature: Signature, cell: CellSpec, options: Mapping[str, Any]) -> None:
    """Refuse a file that is no recurrent part for this task and cell.

    Raises:
        UserError: in one line, naming what the file has and what the experiment wants.
    """
    found = network(model)
    if found is None:
        return
    for wrong in (_cell(found, cell, options), _inputs(found, signature), _targets(found, signature)):
        if wrong:
            raise UserError(f"model.from: {model.start}: {wrong}")


def _cell(found: Network, cell: CellSpec, options: Mapping[str, Any]) -> str:
    """What is wrong with the file's layers; "" where nothing is."""
    for layer in found.layers:
        weights, words = layer.forward, f"layer '{layer.name}'"
        if weights.cell != cell.name:
            return f"expected layers of the experiment's cell {cell.name}. Received: {words} of {weights.cell}"
        after = options.get("reset_after", True)
        if weights.reset_after not in (None, after):
            return (
                f"expected a gru with reset_after: {str(after).lower()}, as the experiment's cell. Received: {words} with"
                f" reset_after: {str(weights.reset_after).lower()}, another function"
            )
        if layer.reverse:
            return f"expected layers that read forwards, or both ways. Received: {words}, which reads backwards alone"
        if (layer.activation, layer.recurrent_activation) != ("tanh", "sigmoid"):
            received = layer.activation if cell.name == "rnn" else f"{layer.activation} and {layer.recurrent_activation}"
            return f"{EQUATIONS}. Received: {words} with {received}"
    return ""


def _inputs(found: Network, signature: Signature) -> str:
    if signature.tokens:
        return ""
    features = counted(signature.features, "feature")
    if found.tokens is not None:
        return f"expected a stack that reads {features} a step, as the task has. Received: one of tokens"
    if found.features != signature.features:
        return (
            f"expected a stack that reads {features} a step, as the task has. Received: {counted(found.features, 'feature')}"
        )
    if found.scale not in (1.0, signature.scale):
        return f"expected inputs multiplied by {signature.scale:g}, as the task's are. Received: by {found.scale:g}"
    return ""


def _targets(found: Network, signature: Signature) -> str:
    if signature.decoded:
        return "expected a task that is answered step by step or once. Received: one whose answer is written token by token"
    if signature.causal and any(layer.backward is not None for layer in found.layers):
        return "expected layers that read forwards: this task predicts the next step. Received: layers of both directions"
    return ""


def begin(layers: Sequence[Any], found: Network, frozen: bool, embedding: Any = None) -> None:
    """Let built layers begin with the file's weights.

    Args:
        layers: recurrent ones, or `Bidirectional` around two, as many as the file has.
        found: the file's network.
        frozen: whether they shall keep them.
        embedding: the embedding layer, where the file's is used.
    """
    from gru_tf.interchange import building

    for layer, recurrent in zip(layers, found.layers, strict=True):
        building.fill(layer, recurrent)
        layer.trainable = not frozen
    if embedding is not None:
        embedding.set_weights([found.embedding])
        embedding.trainable = not frozen
