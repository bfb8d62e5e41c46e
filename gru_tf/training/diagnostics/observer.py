"""What a final run records of the inside of its network, before and after training."""

import time
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from gru_tf.experiment.experiment import Run
from gru_tf.experiment.reading import Diagnostics, LayerReading, Shares
from gru_tf.tasks import Array, Examples, Signature
from gru_tf.training.diagnostics.gates_over_time import Gates, gates
from gru_tf.training.diagnostics.gradient_by_lag import Gradients, gradients, quartiles
from gru_tf.training.diagnostics.summary import memory_length, saturation
from gru_tf.training.network import quantile_head
from gru_tf.training.network.model import loss

EXAMPLES = 32  # sequences that the diagnostics are computed on
STEPS, UNITS = 128, 64  # of the example whose gates are kept: its last steps, each layer's first units
AT_ONCE = 8192  # steps of all sequences that one gradient is taken over: bounds its memory


class Observer:
    """Records the diagnostics that a run requests; draws no random number and changes no variable.

    Args:
        run: with the names of the diagnostics to record.
        signature: the task's.
        validation: the split whose first sequences are used; the test split stays unread. None for a run that requests no
            diagnostics.
        model: the network, with the weights that it has at each look.
    """

    def __init__(self, run: Run, signature: Signature, validation: Examples | None, model: Any):
        self.requested, self.signature, self.model = run.diagnostics, signature, model
        self._levels = quantile_head.levels(run.model)
        self.readings: dict[str, tuple[LayerReading, ...]] = {"before": (), "after": ()}
        self.seconds = 0.0
        if self.requested and validation is not None:
            self._take(signature, validation)

    def _take(self, signature: Signature, validation: Examples) -> None:
        self.lengths = validation.lengths[:EXAMPLES]
        timesteps = int(max(self.lengths)) if signature.per_step else signature.timesteps
        self.inputs = _padded(validation.inputs[:EXAMPLES], timesteps).astype("float32")
        targets = validation.targets[:EXAMPLES]
        self.targets = _padded(targets, timesteps) if signature.per_step else targets

    def look(self, when: Literal["before", "after"]) -> None:
        """Record the requested diagnostics with the network's current weights."""
        if not self.requested:
            return
        clock = time.perf_counter()
        self.readings[when] = tuple(self._readings(keep_gates=when == "after"))
        self.seconds += time.perf_counter() - clock

    def diagnostics(self) -> Diagnostics | None:
        """All that was recorded; None where nothing was requested."""
        if not self.requested:
            return None
        inputs = self.inputs[0, self._window()]
        return Diagnostics(
            **self.readings,
            examples=len(self.inputs),
            inputs=_short(inputs) if "gates" in self.requested else [],
            seconds=self.seconds,
        )

    def _readings(self, keep_gates: bool) -> Iterator[LayerReading]:
        layers = gates(self.model, self.inputs, self.lengths)
        slopes = self._gradients() if "gradients" in self.requested else [None] * len(layers)
        for layer, slope in zip(layers, slopes, strict=True):
            memory = memory_length(layer) if "memory" in self.requested else None
            yield LayerReading(
                layer=layer.place.depth,
                direction=layer.place.direction,
                saturation=_saturation(layer) if "saturation" in self.requested else {},
                memory=[] if memory is None else _short(memory),
                gradients=_by_lag(layer, slope) if slope else {},
                gates=self._example(layer) if keep_gates and "gates" in self.requested else {},
            )

    def _gradients(self) -> list[Gradients]:
        size = max(1, AT_ONCE // self.inputs.shape[1])
        cuts = [slice(i, i + size) for i in range(0, len(self.inputs), size)]
        parts = [gradients(self.model, self.inputs[cut], self.targets[cut], self._loss, self.lengths[cut]) for cut in cuts]
        return [_joined(layer) for layer in zip(*parts, strict=True)]

    def _loss(self, targets: Any, outputs: Any) -> Any:
        return loss(self.signature, targets, outputs, self._levels)

    def _window(self) -> slice:
        end = int(self.lengths[0])
        return slice(max(0, end - STEPS), end)

    def _example(self, layer: Gates) -> dict[str, list[list[float]]]:
        return {name: _short(value[self._window(), :UNITS]) for name, value in layer.example(0).items()}


def _padded(values: Array, timesteps: int) -> Array:
    """(N, T, …) → (N, timesteps, …), truncated or padded with zeros."""
    values = values[:, :timesteps]
    return np.pad(values, [(0, 0), (0, timesteps - values.shape[1]), *[(0, 0)] * (values.ndim - 2)])


def _joined(parts: tuple[Gradients, ...]) -> Gradients:
    states = tuple(np.concatenate(same) for same in zip(*(part.states for part in parts), strict=True))
    return Gradients(parts[0].place, states, np.concatenate([part.whole for part in parts]))


def _saturation(layer: Gates) -> dict[str, Shares]:
    return {gate: Shares(low=_short(s.low), high=_short(s.high)) for gate, s in saturation(layer).items()}


def _by_lag(layer: Gates, slopes: Gradients) -> dict[str, Any]:
    parts = {"state": slopes.whole}
    if len(layer.states) > 1:
        parts |= dict(zip(layer.states, slopes.states, strict=True))
    return {name: {k: _short(v) for k, v in quartiles(norms).model_dump().items()} for name, norms in parts.items()}


def _short(values: Any) -> Any:
    """The values as nested lists, to four significant digits: the record is for reading, not for computing."""
    if np.ndim(values):
        return [_short(value) for value in values]
    return float(f"{float(values):.4g}")
