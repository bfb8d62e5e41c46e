"""What a file of weights does not record, as the user states it."""

from collections.abc import Sequence
from dataclasses import dataclass

from gru_tf.foundation.errors import UserError, did_you_mean
from gru_tf.interchange import option_names
from gru_tf.interchange.chain import OTHER_NAMES
from gru_tf.interchange.named_weights.cells import Functions
from gru_tf.interchange.named_weights.contents import WeightsFile
from gru_tf.interchange.parts import ACTIVATIONS

KERAS_2_HARD_SIGMOID = "keras2_hard_sigmoid"
CHANGED = (2, 3)  # version of Keras from which on gates are sigmoid by default, not hard sigmoid
SAME_NAME = "2.2.4-tf"  # of tf.keras in TensorFlow 1.13 to 2.1, of which 2.0 changed that
FUNCTIONS = ("linear", *ACTIVATIONS, KERAS_2_HARD_SIGMOID)


@dataclass(frozen=True)
class WeightsOptions:
    """What a file of weights does not record.

    Args:
        order: the whole network from the lowest to the highest, by the file's names, with activations:
            "embedding,gru,relu,dense"; see `gru_tf.interchange.chain`; none for the order that the file proves.
        between: what stands behind the first recurrent module, behind the next module, and so on: "relu,dropout".
        leave_out: layers that are no part of the network.
        every_step: whether the output has every step, or each direction's last.
        masked: whether the network takes a mask of the real steps.
        activation: of recurrent layers.
        recurrent_activation: of the gates; None for the default of the Keras that wrote the file.
        reset_after: of a GRU without biases.
    """

    order: str | Sequence[str] = ()
    between: str | Sequence[str] = ()
    leave_out: str | Sequence[str] = ()
    every_step: bool = True
    masked: bool = False
    activation: str | None = None
    recurrent_activation: str | None = None
    reset_after: bool | None = None


DEFAULTS = WeightsOptions()


def functions(options: WeightsOptions, file: WeightsFile) -> Functions:
    """What recurrent layers of the file compute with.

    Raises:
        UserError: for an activation that Keras does not have.
    """
    activation = _known(options.activation or "tanh", "activation", file)
    stated = options.recurrent_activation
    gate = _default_gate(file) if stated is None else _known(stated, "recurrent_activation", file)
    return Functions(activation, gate, options.reset_after)


def _known(name: str, option: str, file: WeightsFile) -> str:
    lower = OTHER_NAMES.get(str(name).lower(), str(name).lower())
    if lower not in FUNCTIONS:
        near = did_you_mean(str(name), FUNCTIONS)
        expected = f"one of {', '.join(FUNCTIONS)}"
        raise UserError(f"{option_names.where(option)}: expected {expected}.{near} Received: {name!r}")
    return KERAS_2_HARD_SIGMOID if lower == "hard_sigmoid" and file.keras_2 else lower


def _default_gate(file: WeightsFile) -> str | None:
    """The gates' activation in the Keras that wrote the file; None where it could be either."""
    if not file.keras_2:
        return "sigmoid"
    number = tuple(int(part) for part in file.version.partition("-")[0].split(".")[:2] if part.isdigit())
    if not number or file.version == SAME_NAME:
        return None
    return "sigmoid" if number >= CHANGED else KERAS_2_HARD_SIGMOID
