"""The call of a Keras layer for a recurrent node."""

from dataclasses import dataclass
from typing import Any

import keras

from gru_tf.interchange import building
from gru_tf.interchange.network import Recurrent
from gru_tf.interchange.onnx.functional.steps import Building, cast
from gru_tf.recurrent.layers.hard_sigmoid import keras2_hard_sigmoid

OWN = {"keras2_hard_sigmoid": keras2_hard_sigmoid}


@dataclass(frozen=True)
class RecurrentCall:
    """A layer's call.

    Args:
        layer: what it computes.
        sequences: whether every step is needed.
        states: whether the final states are needed besides what the layer returns.
        masked: whether its second input is a mask.
    """

    layer: Recurrent
    sequences: bool
    states: bool
    masked: bool

    def __call__(self, made: Building, x: Any, *others: Any) -> list[Any]:
        """Outputs: the sequences or last step, then the states of each direction."""
        layer = self._layer(made)
        x = cast(x, made.dtype)
        call = {"mask": others[0]} if self.masked else {}
        states = [cast(each, made.dtype) for each in (others[1:] if self.masked else others)]
        inner = [layer.forward_layer, layer.backward_layer] if self.layer.backward is not None else [layer]
        with building.changed([each.cell for each in inner], "recurrent_initializer", keras.initializers.Zeros()):
            result = layer(x, **call, **({"initial_state": states} if states else {}))
        building.fill(layer, self.layer)
        result = list(result) if self.states else [result]
        if self.sequences:
            if self.layer.reverse:
                result[0] = keras.ops.flip(result[0], axis=1)
            if self.masked:
                result[0] = keras.ops.where(keras.ops.expand_dims(others[0], -1), result[0], 0.0)  # as ONNX does
        return result

    def _layer(self, made: Building) -> Any:
        one = self.layer.forward
        options: dict[str, Any] = {"activation": OWN.get(self.layer.activation, self.layer.activation)}
        if one.cell != "rnn":
            gate = self.layer.recurrent_activation
            options["recurrent_activation"] = OWN.get(gate, gate)
        if one.cell == "gru":
            options["reset_after"] = bool(one.reset_after)
        options |= {"return_sequences": self.sequences, "return_state": self.states, "go_backwards": self.layer.reverse}
        layer = made.layer(building.LAYERS[one.cell], self.layer.name, one.units, **options)
        return layer if self.layer.backward is None else made.layer(keras.layers.Bidirectional, f"{layer.name}_both", layer)
