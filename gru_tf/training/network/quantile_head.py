"""The head of a network that learns quantiles: each output at all levels, in blocks, and the loss that makes them quantiles.

With y the target and q its quantile at the level τ, the loss of one output is the mean over all levels of

    ρ_τ(y − q) = (y − q) · (τ − [y < q])

(R. Koenker and G. Bassett, Regression quantiles, Econometrica, 1978), whose mean is least at the τ-quantile. What
undoes the scaling of windows, and what is added by a linear path, is the same for each block: a block is one forecast.
"""

from typing import Any

from gru_tf.experiment.specs import ModelSpec
from gru_tf.foundation.errors import UserError
from gru_tf.tasks import Signature
from gru_tf.tasks.prediction_intervals import LEVELS, with_quantiles


def check(model: ModelSpec, signature: Signature) -> None:
    """Raise UserError for quantiles of what is no value, or of more than one target a sequence."""
    reasons = {
        "no values as targets": signature.target != "value",
        "a target at every step": signature.per_step,
    }
    for words, given in reasons.items():
        if model.quantiles and given:
            raise UserError(f"model.quantiles: received true, expected false: this task has {words}")


def levels(model: ModelSpec) -> tuple[float, ...]:
    """The levels that each output has, the median first; () where it is one value."""
    return LEVELS if model.quantiles else ()


def widened(model: ModelSpec, signature: Signature) -> Signature:
    """The signature of what the head gives: with as many outputs as there are levels of each."""
    return with_quantiles(signature) if model.quantiles else signature


def medians(signature: Signature, outputs: Any) -> Any:
    """(batch, outputs) of (batch, levels · outputs): the first block."""
    return outputs[..., : signature.outputs]


def loss(levels: tuple[float, ...], targets: Any, outputs: Any) -> Any:
    """(batch,) the mean of ρ over levels and outputs.

    Args:
        levels: of the blocks, in their order.
        targets: (batch, outputs).
        outputs: (batch, levels · outputs).
    """
    import numpy as np
    from keras import ops  # sizes are counted without it

    count = targets.shape[-1]
    each = ops.convert_to_tensor(np.repeat(levels, count), outputs.dtype)
    above = ops.tile(targets, (1, len(levels))) - outputs
    return ops.mean(ops.maximum(each * above, (each - 1) * above), axis=-1)
