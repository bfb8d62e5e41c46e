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

from importlib import import_module
from typing import TYPE_CHECKING, Any

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
    "Gates": "gates_over_time",
    "gates": "gates_over_time",
    "Saturation": "summary",
    "saturation": "summary",
    "memory_length": "summary",
    "Gradients": "gradient_by_lag",
    "gradients": "gradient_by_lag",
    "Place": "recurrence",
    "draw_gates": "figures",
    "draw_gradients": "figures",
    "draw_saturation": "figures",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605, the table is the list


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'gru_tf.training.diagnostics' has no attribute '{name}'")
    return getattr(import_module(f"gru_tf.training.diagnostics.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOMES)
