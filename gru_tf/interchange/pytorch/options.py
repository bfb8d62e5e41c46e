"""What a state_dict does not record, as the user states it."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class StateDictOptions:
    """What a state_dict does not record, and which of its parts are meant if there are several.

    Args:
        prefix: of the stack, if there are several; or those of several, in their order.
        embedding: its key, False for none, None to find it.
        head: its key, or several from the lowest on; False for none, None to find it.
        every_step: whether the output has every step, or each direction's last.
        activation: of a plain RNN, "tanh" (None) or "relu".
        masked: whether the sequences of a batch differ in length.
        leave_out: keys or modules that are no part of the network.
        between: activations and normalisations behind the first stack, behind what follows it, and so on: "relu,dropout".
        order: all modules and activations from the lowest to the highest, in place of `prefix`, `head` and `between`; see
            `gru_tf.interchange.chain`.
        initial_state: keys of learned initial states whose names do not tell, h before c.
    """

    prefix: str | Sequence[str] | None = None
    embedding: str | bool | None = None
    head: str | Sequence[str] | bool | None = None
    every_step: bool = True
    activation: str | None = None
    masked: bool = False
    leave_out: Sequence[str] = ()
    between: str | Sequence[str] = ()
    order: str | Sequence[str] = ()
    initial_state: Sequence[str] = ()


DEFAULTS = StateDictOptions()
