"""Whether a GRU of a Keras 2 file applies its reset gate after the matrix product, where its config does not say so.

The option `reset_after` came in the middle of Keras 2, and configs of before lack it: such a GRU resets before. TensorFlow
2's GRU resets after unless the option says otherwise, and so does a file's whose config was cut or converted. The bias
proves which one it is: (3H,) before, (2, 3H) after, which has a bias for each of its two matrix products.
"""

import re
from typing import Any

from gru_tf.foundation.errors import UserError, shown
from gru_tf.interchange.keras import hdf5
from gru_tf.interchange.keras.objects import class_name, options_of
from gru_tf.interchange.keras.weights import placed

RESETTING = {"GRU", "GRUCell"}
AFTER_BY_DEFAULT = (2, 4)  # Keras 2 became TensorFlow 2's, whose GRU resets after


def complete(model: Any, config: Any, contents: hdf5.Contents, version: str) -> bool:
    """Add `reset_after` to the configs of all GRUs that lack it.

    Args:
        model: built from the config, in which such a GRU resets before.
        config: of the file; changed in place.
        contents: with the weights.
        version: of Keras.

    Returns:
        Whether one of them resets after, so that the model is not that of the config.

    Raises:
        UserError: for a GRU of a late version whose config does not say it and that has no bias.
    """
    if not _lacks(config):
        return False
    lacking = []
    for _, raw, paths in placed(model, config, contents):
        options = options_of(raw)
        if class_name(raw) in RESETTING and "reset_after" not in options:
            biases = [contents.array(path) for path in paths[2:]]
            after = biases[0].ndim == 2 if biases else _without_bias(contents.where, options, version)
            lacking.append((options, after))
    for options, after in lacking:
        options["reset_after"] = after
    return any(after for _, after in lacking)


def _without_bias(where: str, options: Any, version: str) -> bool:
    """That it resets before, which all versions did that could leave the option out."""
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    if numbers >= AFTER_BY_DEFAULT:
        received = f"none, no bias that would show it, and Keras {version}, which always writes it"
        expected = f"layer {shown(options.get('name'))}: expected reset_after in its config"
        raise UserError(f"{where}: {expected}. Received: {received}")
    return False


def _lacks(config: Any) -> bool:
    """Whether there is a GRU that lacks the option."""
    if isinstance(config, list):
        return any(map(_lacks, config))
    if not isinstance(config, dict):
        return False
    options = options_of(config)
    own = class_name(config) in RESETTING and isinstance(options, dict) and "reset_after" not in options
    return own or any(map(_lacks, config.values()))
