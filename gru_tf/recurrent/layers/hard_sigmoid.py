"""The hard sigmoid of Keras 1 and 2, which is not the one of Keras 3."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="gru_tf")
def keras2_hard_sigmoid(x: Any) -> Any:
    """clip(0.2 x + 0.5, 0, 1), element by element: 0 below −2.5, 1 above 2.5.

    Keras 3 calls relu6(x + 3) / 6 by the same name, which differs by up to 0.083 at ±2.5. A layer trained with this one
    computes something else with that one. In an LSTM or GRU it rules cuDNN out, as it always did.
    """
    return ops.clip(0.2 * x + 0.5, 0.0, 1.0)
