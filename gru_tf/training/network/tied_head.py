"""An embedding whose matrix is that of the output too: logits are what a step's output has in common with each word.

    x_t = E_{w_t};   logits_t = E h_t                               (Press and Wolf 2017, arXiv 1608.05859; Inan et al. 2017)

E is (tokens, width), in the layer that Keras has for it, without a bias. Its gradient is the sum of both uses'.
"""

from typing import Any

from gru_tf.experiment.specs import ModelSpec
from gru_tf.foundation.errors import UserError
from gru_tf.foundation.option_spelling import flag, in_command
from gru_tf.tasks import Signature


def check(model: ModelSpec, signature: Signature) -> None:
    """Raise UserError where the output is no word of the input's vocabulary."""
    if not model.tied:
        return
    reasons = {
        "this task has no tokens": not signature.tokens,
        "this task's answer is written token by token, by a decoder with an embedding of its own": signature.decoded > 0,
        f"this task has {signature.tokens:,} tokens and {signature.outputs:,} outputs": signature.tokens
        != signature.outputs,
    }
    for words, holds in reasons.items():
        if holds:
            raise UserError(f"model.tied: received true, expected false: {words}")


def check_width(model: ModelSpec, signature: Signature, cell: str, width: int, units: int) -> None:
    """Raise UserError where the embedding is not as wide as the last recurrent layer's output.

    Args:
        model: the network's specification.
        signature: of its task.
        cell: name of the cell.
        width: of that output, in all directions.
        units: with which it has that width.
    """
    if model.tied and width != signature.features:
        where = flag("units") if in_command() else "model.units"
        raise UserError(
            f"model.tied: received true, expected outputs as wide as the embedding, {signature.features}: set {where} so"
            f" that they are, or the task's embedding. Received: {width} of {units} {cell} units"
        )


def embedding(tokens: int, width: int, name: str, held: bool) -> Any:
    """The layer: (batch, T) tokens → (batch, T, width), and with `reverse=True` (…, width) → (…, tokens).

    Args:
        tokens: rows of the matrix.
        width: its columns.
        name: of the layer.
        held: whether the product is the kernels', whose bits depend neither on the processor nor on threads.
    """
    import keras

    from gru_tf.training.network.dense import HeldReversibleEmbedding

    return (HeldReversibleEmbedding if held else keras.layers.ReversibleEmbedding)(tokens, width, name=name)
