"""A layer in both directions: `keras.layers.Bidirectional`, which reads ragged tensors and keeps masks."""

from typing import Any

import keras
from keras import ops
from keras.layers import Bidirectional as StockBidirectional  # of its own name: a program may put the class below there

from gru_tf.recurrent.layers import ragged
from gru_tf.recurrent.layers.adapted_cells import AdaptedCells


@keras.saving.register_keras_serializable(package="gru_tf")
class Bidirectional(AdaptedCells, StockBidirectional):
    """`keras.layers.Bidirectional`; a drop-in replacement.

    Beyond `keras.layers.Bidirectional`: ragged tensors of TensorFlow are read as padded sequences, whose mask goes on to
    the next layer (Keras' own loses it); where `layer` reads backwards the mask is turned round as the outputs are; the
    mask of a stateful layer with `return_state` does not fail; `quantize` and `enable_lora` go on to the cells of both
    directions.

    Args:
        layer: a recurrent layer; its copies read forwards and backwards.
        merge_mode: "concat", "sum", "ave", "mul", or None for both outputs.
        weights: initial weights of both directions.
        backward_layer: the layer that reads backwards; a copy of `layer` if None.
        **kwargs: `name`, `dtype`, `trainable`.

    Shapes: inputs (batch, T, I); output (batch, 2H) with "concat", (batch, T, 2H) with `return_sequences`.

    Raises:
        ValueError: as `keras.layers.Bidirectional`.

    Example:
        >>> gru_tf.Bidirectional(gru_tf.GRU(32))(keras.random.normal((8, 20, 4))).shape
        (8, 64)
    """

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool | None = None) -> Any:
        """The merged outputs, and the states of both directions with `return_state`."""
        sequences, mask = ragged.padded(sequences, mask)
        return super().call(sequences, initial_state=initial_state, mask=mask, training=training)

    def parts(self) -> dict[str, Any]:
        """The cells of both directions, by name."""
        directions = {"forward": self.forward_layer, "backward": self.backward_layer}
        inner = {name: AdaptedCells.parts(layer) for name, layer in directions.items()}
        return {f"{name}.{part}": cell for name, cells in inner.items() for part, cell in cells.items()}

    def compute_mask(self, inputs: Any, mask: Any) -> Any:
        """The mask of each output: the input's, where every step is returned; none of the states."""
        sequences = inputs[0] if isinstance(inputs, (list, tuple)) else inputs
        masks = keras.tree.flatten(mask)
        one = ragged.mask_of(sequences) if ragged.is_ragged(sequences) else masks[0] if masks else None
        if one is not None and self.forward_layer.go_backwards:  # then outputs are in the order of its reading, both
            one = ops.flip(one, axis=1)
        outputs = [one if self.return_sequences else None] * (1 if self.merge_mode else 2)
        if not self.return_state:
            return outputs[0] if self.merge_mode else tuple(outputs)
        states = len(keras.tree.flatten(list(self.forward_layer.state_size)))
        return (*outputs, *[None] * (2 * states))
