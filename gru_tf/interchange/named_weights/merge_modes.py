"""How a Bidirectional puts its directions together, which no file of weights records: only its width can tell.

A network has them side by side, Keras' `merge_mode="concat"`. Those modes that give one direction's width are refused.
"""

from collections.abc import Sequence
from itertools import pairwise

from gru_tf.foundation.errors import UserError
from gru_tf.interchange.named_weights.modules import Module

OTHERS = "sum, mul or ave"
UNKNOWN = "several orders have fitting widths, some with an unrecorded merge_mode other than concat"
WHOLE = "build the model in Python, call `model.load_weights` with this file and import what `model.save` writes"


def check(order: Sequence[Module], where: str) -> None:
    """Refuse an order in which a layer takes one direction's width of the Bidirectional before it.

    Args:
        order: of all modules, as it is proven or stated.
        where: the file, for messages.

    Raises:
        UserError: for the first such layer, with a way to import the model.
    """
    for earlier, later in pairwise(order):
        if earlier.merged is not None and later.takes == earlier.merged:
            expected = f"the {earlier.gives} features that {earlier.name} gives with merge_mode concat; for others, {WHOLE}"
            received = f"{later.takes} features, as merge_mode {OTHERS} gives"
            raise UserError(f"{where}: {later.name}: expected {expected}. Received: {received}")
