"""What happens inside a recurrent layer: gates over time, saturation, memory, and gradients against lag.

For any Keras model or layer that contains a cell of the catalogue, stock or custom, in any number of layers, in one or two
directions:

    from gru_tf.training import diagnostics

    (first, *_) = diagnostics.gates(model, x)            # x as the model takes it: (batch, T, features)
    first.values["z"]                                    # (batch, T, units), in float64
    diagnostics.memory_length(first)                     # (units,), in steps
    diagnostics.saturation(first)["r"].high              # (units,), share of activations above 0.9
    (slopes, *_) = diagnostics.gradients(model, x, y, "mse")
    slopes.whole                                         # (batch, T): ‖∂L/∂state‖ at lag 0, 1, …
    diagnostics.draw_gates(first.example(0)).savefig("gates.svg")

Results come in the order in which the model runs its layers, forward before backward. An experiment with
`diagnostics: true` has the same in the record of each of its final runs; `gru_tf.suite.diagnostics` reads it.
"""

from typing import TYPE_CHECKING

from gru_tf.foundation import lazy

if TYPE_CHECKING:
    from gru_tf.training.diagnostics.figures import draw_gates as draw_gates
    from gru_tf.training.diagnostics.figures import draw_gradients as draw_gradients
    from gru_tf.training.diagnostics.figures import draw_saturation as draw_saturation
    from gru_tf.training.diagnostics.gates_over_time import Gates as Gates
    from gru_tf.training.diagnostics.gates_over_time import gates as gates
    from gru_tf.training.diagnostics.gradient_by_lag import Gradients as Gradients
    from gru_tf.training.diagnostics.gradient_by_lag import gradients as gradients
    from gru_tf.training.diagnostics.recurrence import Place as Place
    from gru_tf.training.diagnostics.summary import Saturation as Saturation
    from gru_tf.training.diagnostics.summary import memory_length as memory_length
    from gru_tf.training.diagnostics.summary import saturation as saturation


_HOMES = {
    "Gates": "gru_tf.training.diagnostics.gates_over_time",
    "gates": "gru_tf.training.diagnostics.gates_over_time",
    "Saturation": "gru_tf.training.diagnostics.summary",
    "saturation": "gru_tf.training.diagnostics.summary",
    "memory_length": "gru_tf.training.diagnostics.summary",
    "Gradients": "gru_tf.training.diagnostics.gradient_by_lag",
    "gradients": "gru_tf.training.diagnostics.gradient_by_lag",
    "Place": "gru_tf.training.diagnostics.recurrence",
    "draw_gates": "gru_tf.training.diagnostics.figures",
    "draw_gradients": "gru_tf.training.diagnostics.figures",
    "draw_saturation": "gru_tf.training.diagnostics.figures",
}

__getattr__, __dir__, __all__ = lazy.exports(__name__, _HOMES)
