"""A linear path beside the recurrence: the last steps of the input, mapped to the output by weights alone.

    ŷ = head(recurrence(x)) + Σ_k W_k x_{T−k}                                                       k = 0 … steps − 1

Of a forecast, each output sees only the column that it continues, and all columns share their weights:

    ŷ_{h,j} = head(…)_{h,j} + Σ_k w_{h,k} x_{T−k,j}

the autoregressive component of LSTNet (G. Lai and others, SIGIR 2018, arXiv 1703.07015), whose output follows the scale of
the input where that of a saturating recurrence cannot. The head has the bias of both. The weights begin at zero: a network
begins as it would without them.
"""

from collections.abc import Callable
from typing import Any

from gru_tf.experiment.specs import ModelSpec
from gru_tf.foundation.errors import UserError
from gru_tf.tasks import Signature
from gru_tf.training.network.window_scaling import columns


def check(model: ModelSpec, signature: Signature) -> None:
    """Raise UserError where there are no last steps of numbers from which one output could follow."""
    reasons = {
        "tokens": signature.tokens > 0,
        "an output at every step": signature.per_step,
        "sequences of several lengths": signature.varying,
    }
    if not model.linear_path:
        return
    for words, given in reasons.items():
        if given:
            raise UserError(f"model.linear_path: received {model.linear_path}, expected 0: this task has {words}")
    if model.linear_path > signature.timesteps:
        longest = f"{signature.timesteps}, the steps of a sequence"
        raise UserError(f"model.linear_path: received {model.linear_path}, expected at most {longest}")


def parameters(model: ModelSpec, signature: Signature) -> int:
    """How many weights it has."""
    if signature.continued:
        return model.linear_path * (signature.outputs // len(signature.continued))
    return model.linear_path * signature.features * signature.outputs


def outputs(sequence: Any, steps: int, signature: Signature, dense: Callable[..., Any]) -> Any:
    """(batch, T, columns) → (batch, outputs), what is added to the head's.

    Args:
        sequence: what the recurrence reads.
        steps: how many of its last steps.
        signature: of the task.
        dense: makes a dense layer.
    """
    from keras import ops  # sizes are counted, and results listed, without it

    last = sequence[:, -steps:]
    options = {"use_bias": False, "kernel_initializer": "zeros", "name": "linear_path"}
    if not signature.continued:
        return dense(signature.outputs, **options)(ops.reshape(last, (-1, steps * signature.features)))
    targets = len(signature.continued)
    own = columns(ops.reshape(last, (-1, steps, signature.features)), signature.continued)
    by_column = ops.transpose(own, (0, 2, 1))
    ahead = dense(signature.outputs // targets, **options)(by_column)  # (batch, targets, horizon)
    return ops.reshape(ops.transpose(ahead, (0, 2, 1)), (-1, signature.outputs))
