"""What the cells share whose next state is linear in the one before, so that a scan can compute all steps at once.

    s_t = a_t ∘ s_{t−1} + b_t

where a and b follow from the inputs alone. s is the output itself, or a state beside it of which the output is read, or a
pair of states, the real and the imaginary part of complex numbers.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
from keras import ops

from gru_tf.recurrent.cells._cell import RecurrentCell
from gru_tf.recurrent.linear_scan import Parts, plus, times

Before = Callable[[Any, Any], Any]


@keras.saving.register_keras_serializable(package="gru_tf")
def positive(a: Any) -> Any:
    """g(a) = a + ½ for a ≥ 0 and σ(a) below: continuous, increasing, above zero (arXiv 2410.01201, appendix B)."""
    return ops.where(a >= 0, a + 0.5, ops.sigmoid(a))


class LinearForm(NamedTuple):
    """What a cell's inputs make of its recurrence; arrays (batch, size) of one step or (batch, T, size) of all.

    Args:
        a: factors, one array, or real and imaginary parts; (1, size) or (1, 1, size) where they are the same at all steps.
        b: terms, likewise one array or two, none of them broadcast.
        output: of the states s, one array or two, → the output; None where s is the output.
        beside: further states, which follow from the inputs without a recurrence.
        dtype: in which s is computed; None for that of the cell.
    """

    a: Parts
    b: Parts
    output: Callable[[Parts], Any] | None = None
    beside: tuple[Any, ...] = ()
    dtype: str | None = None


class LinearCell(RecurrentCell):
    """Base of the cells with such a state; their states are the output, s where it is not the output, and what is beside.

    A subclass writes `coefficients`, or `linear_form` where its output is not s.
    """

    states: tuple[str, ...] = ("h",)
    recurrent = False
    adapts = True  # whether int8 and LoRA know all of its matrices

    def quantize(self, *args: Any, **options: Any) -> None:
        """As for every cell; refused where there are matrices beside the kernel."""
        if not self.adapts:
            raise NotImplementedError(f"{type(self).__name__}: quantize expected no matrix beside the kernel")
        super().quantize(*args, **options)

    def enable_lora(self, *args: Any, **options: Any) -> None:
        """Likewise."""
        if not self.adapts:
            raise ValueError(f"{type(self).__name__}: LoRA expected no matrix beside the kernel")
        super().enable_lora(*args, **options)

    def coefficients(self, x: Any, training: bool = False) -> tuple[Any, Any]:
        """(a, b), each (…, H), of inputs (batch, I) or (batch, T, I); the subclass's equation."""
        raise NotImplementedError

    def linear_form(self, x: Any, states: list[Any], before: Before, training: bool = False) -> LinearForm:
        """The recurrence that inputs (batch, I) or (batch, T, I) make.

        Args:
            x: the inputs.
            states: what the first of the steps begins with.
            before: `before(values, first)` → what one of the values (…, size) was a real step earlier, at each step;
                `first` (batch, size) at the first step.
            training: whether inputs are dropped out.
        """
        a, b = self.coefficients(x, training)
        return LinearForm((a,), (b,))

    def step(self, x: Any, states: list[Any], training: bool = False) -> list[Any]:
        """X (batch, I) and states, each (batch, its size) → new states."""
        form = self.linear_form(x, states, lambda values, first: first, training)
        dtype, at = form.dtype or self.compute_dtype, 0 if form.output is None else 1
        old = tuple(ops.cast(state, dtype) for state in states[at : at + len(form.a)])
        new = plus(times(form.a, old), form.b)
        output = () if form.output is None else (form.output(new),)
        return [*output, *(ops.cast(state, self.compute_dtype) for state in new), *form.beside]
