"""Models of Keras 3 from the configs of files, within limits of the weights and tensors that a file can ask for."""

from contextlib import nullcontext
from typing import Any

import keras

from gru_tf.foundation.errors import UserError, one_line
from gru_tf.interchange.keras import mask_names, masks_with_states
from gru_tf.interchange.keras.config import ConfigRewriter
from gru_tf.interchange.keras.file import WeightLimit, WeightSource
from gru_tf.interchange.keras.sizes import TensorLimit


def built(source: WeightSource, config: Any, keras_2: bool) -> Any:
    """The model of a config, with newly initialized weights.

    Args:
        source: what it is built from.
        config: of the model, as the file has it.
        keras_2: whether it is of Keras 2.

    Raises:
        UserError: for a config that is not known in all its parts, that Keras cannot build, or that asks for more weights
            than the file can have or for too many tensors.
    """
    where = source.where
    limits = WeightLimit(source), TensorLimit(where)
    try:
        clean = ConfigRewriter(where, keras_2).model(config)
        with limits[0], limits[1], mask_names.unlike(clean), masks_with_states.stated() if keras_2 else nullcontext():
            return keras.saving.deserialize_keras_object(clean, safe_mode=True)
    except RecursionError:
        raise UserError(f"{where}: expected a model. Received: a config nested too deep") from None
    except Exception as error:  # a wrong option can make Keras raise anything
        for limit in limits:
            if limit.refused:  # Keras may have written more around its words
                raise limit.refused from None
        if isinstance(error, UserError):
            raise
        raise UserError(f"{where}: expected a config that Keras can build. Received: {one_line(error)}") from None
