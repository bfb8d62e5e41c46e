"""What stands between the recurrent layers of a network, as `gru_tf.stacked` has it.

For layer n with input x (batch, T, I) and output y (batch, T, W), after dropout:

    v = y + P x                         residual; P is the identity where the widths agree, else learned, without bias
    x' = LayerNorm(v)                   layer_norm                              (Ba et al. 2016, arXiv 1607.06450)

Where one output follows a sequence, it is that of each direction's last step of x'.
"""

from collections.abc import Callable
from typing import Any

from gru_tf.experiment.specs import ModelSpec
from gru_tf.foundation.errors import UserError
from gru_tf.tasks import Signature

FIELDS = ("residual", "layer_norm")


def check(model: ModelSpec, signature: Signature) -> None:
    """Raise UserError for either of them where an encoder and a decoder are, which have none."""
    for name in FIELDS:
        if getattr(model, name) and signature.decoded:
            raise UserError(
                f"model.{name}: received true, expected false: this task's answer is written token by token, by an encoder"
                " and a decoder, which have none"
            )


def any_of(model: ModelSpec) -> bool:
    """Whether there is any: then the last layer gives every step."""
    return model.residual or model.layer_norm


def parameters(model: ModelSpec, features: int, width: int) -> int:
    """How many weights they have.

    Args:
        model: with the number of layers.
        features: that the first layer reads.
        width: of each layer's output.
    """
    projection = features * width if model.residual and features != width else 0
    return projection + (2 * width * model.layers if model.layer_norm else 0)


def joined(x: Any, y: Any, depth: int, model: ModelSpec, dense: Callable[..., Any]) -> Any:
    """What the next layer reads, (batch, T, W).

    Args:
        x: (batch, T, I), what this layer reads.
        y: (batch, T, W), what it gives.
        depth: its number, from 0.
        model: the specification.
        dense: makes a dense layer.
    """
    import keras  # sizes are counted without it

    if model.residual:
        width = y.shape[-1]
        skipped = x if x.shape[-1] == width else dense(width, use_bias=False, name=f"projection_{depth}")(x)
        y = keras.layers.Add(name=f"residual_{depth}")([y, skipped])
    return keras.layers.LayerNormalization(name=f"norm_{depth}")(y) if model.layer_norm else y
