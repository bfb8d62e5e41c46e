"""Cells: one step of a recurrent network, one file each. A cell knows one step; a layer owns time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from gru_tf.foundation.array import Array
from gru_tf.foundation.catalogues import CELLS as CELLS
from gru_tf.foundation.errors import UserError, did_you_mean
from gru_tf.recurrent.cells._ranges import Real as Real
from gru_tf.recurrent.cells._ranges import Share as Share
from gru_tf.recurrent.cells._ranges import Whole as Whole

# blocks of a kernel that are no gates, and what they are: under a tilde in the equations, what a memory is asked by, or
# the parts of a complex input
CANDIDATES = {"h": "candidate", "c": "candidate", "q": "query", "k": "key", "v": "value", "re": "input", "im": "input"}
OF_TIME = ("return_sequences", "return_state", "go_backwards", "stateful", "unroll", "zero_output_for_mask")
OF_LAYER = (*OF_TIME, "activity_regularizer", "name", "dtype", "trainable")


# what every cell with a recurrent kernel takes beside its own options; see `gru_tf.recurrent.cells._dropout`
OF_ANY: Mapping[str, tuple[Any, ...]] = {
    "recurrent_dropout": (0.0, Share()),
    "weight_dropout": (0.0, Share()),
    "zoneout": (0.0, Share()),
}
WITHOUT_ZONEOUT: Mapping[str, tuple[Any, ...]] = {"recurrent_dropout": (0.0, Share()), "weight_dropout": (0.0, Share())}
WITHOUT_KERNEL: Mapping[str, tuple[Any, ...]] = {"recurrent_dropout": (Share(),), "zoneout": (Share(),)}  # of these


@dataclass(frozen=True)
class CellSpec:
    """What the suite knows of a cell.

    Args:
        name: the file's stem.
        build: `build(units, **options)` → the Keras cell.
        step: `step(x, states, weights, **options)` → new states, in NumPy float64; x is (batch, features),
            each state (batch, its size), `weights` maps the Keras cell's weight names to arrays.
        gate_values: like `step`, but returns what each of `gates` is in this step, after its activation, by name,
            each (batch, units).
        kept: `kept(values, **options)`, of what `gate_values` returned → the share of each unit's old state that the
            step keeps, in [0, 1], or None where these options have no such share; None for a cell without such a gate.
        gates: names of the blocks of the kernel's last axis, in order; the candidate is one of them.
        states: names of the states; the first one is the output.
        parameters: `parameters(features, units, **options)` → number of weights.
        sizes: `sizes(units, **options)` → the width of each state, where one is not `units`.
        least_units: the fewest units with which its output depends on its input.
        memory: the state of which `kept` speaks; the last one if None, the first where the options leave that one out.
        gates_by: `gates_by(**options)` → the gates, where they depend on options; `gates` are those of the defaults.
        states_by: `states_by(**options)` → the states, likewise.
        remembered: `remembered(states)` → what that state holds, (batch, units), where others say in which measure it is
            written; linear in it. None where it is written as it is.
        products: `products(features, units, **options)` → the multiplications of a step's matrix products where they do not
            follow from the number of weights: with the input, with the state, and those that make the output alone.
        multiple: `multiple(**options)` → of what number `units` are a multiple; None for any.
        fused: `fused(units, **options)` → a layer that computes all steps faster than `keras.layers.RNN` over the cell:
            this project's (a fused kernel on a CPU, cuDNN on a GPU), Keras' own, a parallel scan; None if there is none.
        reference: author, year, arXiv id or venue.
        options: the cell's own options, each with its allowed values, the default first; a `Whole` among them stands
            for all numbers of its range, a `Real` for all numbers.
            These functions are called with the cell's own options; those of `OF_ANY`, where a cell has them, are
            applied by `new_states`, `count` and `kept_share`.
        unfused: for each option, the values that the fused layer does not offer.
        apart: pairs of options that say different things of the same weights: no more than one of each can be given.
        ordinary: `ordinary(units, **options)` → Keras' own layer of the same function and weights, for files that load
            without this project; or None where Keras has none with these options.
    """

    name: str
    build: Callable[..., Any]
    step: Callable[..., Sequence[Array]]
    gate_values: Callable[..., dict[str, Array]]
    kept: Callable[..., Array | None] | None
    gates: tuple[str, ...]
    states: tuple[str, ...]
    parameters: Callable[..., int]
    fused: Callable[..., Any] | None
    reference: str
    options: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    unfused: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    ordinary: Callable[..., Any] | None = None
    sizes: Callable[..., Sequence[int]] | None = None
    memory: str | None = None
    least_units: int = 1
    gates_by: Callable[..., Sequence[str]] | None = None
    states_by: Callable[..., Sequence[str]] | None = None
    remembered: Callable[..., Array] | None = None
    products: Callable[..., tuple[int, int, int]] | None = None
    multiple: Callable[..., int] | None = None
    apart: tuple[tuple[str, str], ...] = ()

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise UserError for an option or value that this cell does not have, and for two that exclude each other."""
        for name, value in options.items():
            if name not in self.options:
                valid = ", ".join(self.options) or "none"
                raise UserError(f"{self.name}.{name}: no such option.{did_you_mean(name, self.options)} Options: {valid}")
            if not any(_allows(allowed, value) for allowed in self.options[name]):
                valid = ", ".join(str(v) if isinstance(v, Whole | Share | Real) else repr(v) for v in self.options[name])
                raise UserError(f"{self.name}.{name}: received {value!r}, expected one of {valid}")
        for one, other in self.apart:
            if all(options.get(name, self.options[name][0]) != self.options[name][0] for name in (one, other)):
                raise UserError(f"{self.name}.{other}: received {options[other]!r}, expected it to be left out beside {one}")

    def examples(self, option: str) -> tuple[Any, ...]:
        """Values of an option to try: all that it has, the lowest for a range; the default first."""
        return tuple(v.example if isinstance(v, Whole | Share | Real) else v for v in self.options[option])

    def own(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Those of the options that the cell's equations depend on."""
        return {name: value for name, value in options.items() if name not in OF_ANY}

    def gate_names(self, options: Mapping[str, Any]) -> tuple[str, ...]:
        """The gates with these options."""
        return tuple(self.gates_by(**self.own(options))) if self.gates_by else self.gates

    def state_names(self, options: Mapping[str, Any]) -> tuple[str, ...]:
        """The states with these options."""
        return tuple(self.states_by(**self.own(options))) if self.states_by else self.states

    def memory_at(self, options: Mapping[str, Any]) -> int:
        """Which of the states `kept` speaks of."""
        names = self.state_names(options)
        return len(names) - 1 if self.memory is None else names.index(self.memory) if self.memory in names else 0

    def state_sizes(self, units: int, options: Mapping[str, Any]) -> tuple[int, ...]:
        """The width of each state; the first is that of the output."""
        own = self.own(options)
        return tuple(self.sizes(units, **own)) if self.sizes else (units,) * len(self.states)

    def step_of_units(self, options: Mapping[str, Any]) -> int:
        """Of what number `units` must be a multiple."""
        return int(self.multiple(**self.own(options))) if self.multiple else 1

    def fewest_units(self, options: Mapping[str, Any]) -> int:
        """The smallest size that it can have with these options."""
        step = self.step_of_units(options)
        return -(-self.least_units // step) * step

    def count(self, features: int, units: int, options: Mapping[str, Any]) -> int:
        """Number of weights."""
        return int(self.parameters(features, units, **self.own(options)))

    def values(
        self, x: Array, states: Sequence[Array], weights: Mapping[str, Array], options: Mapping[str, Any]
    ) -> dict[str, Array]:
        """What each gate is in this step, by name, (batch, units) each."""
        return self.gate_values(x, states, weights, **self.own(options))

    def new_states(
        self, x: Array, states: Sequence[Array], weights: Mapping[str, Array], options: Mapping[str, Any]
    ) -> list[Array]:
        """The states after one step at inference, where zoneout mixes each with the one before."""
        new, zoneout = self.step(x, states, weights, **self.own(options)), options.get("zoneout", 0.0)
        return [zoneout * o + (1 - zoneout) * n for o, n in zip(states, new, strict=True)] if zoneout else list(new)

    def kept_share(self, values: Mapping[str, Array], options: Mapping[str, Any]) -> Array | None:
        """The share of each unit's old state that a step with these gate values keeps; None where no gate says so."""
        if self.kept is None:
            return None
        share: Array | None = self.kept(values, **self.own(options))
        if share is None:
            return None
        zoneout = options.get("zoneout", 0.0)
        return zoneout + (1 - zoneout) * share if zoneout else share

    def has_fused(self, options: Mapping[str, Any]) -> bool:
        """Whether there is a fused layer with these options."""
        given = {**{name: values[0] for name, values in self.options.items()}, **options}
        slow = (_allows(barred, value) for name, value in given.items() for barred in self.unfused.get(name, ()))
        return self.fused is not None and not any(slow)

    def layer(self, units: int, options: Mapping[str, Any], **layer_options: Any) -> Any:
        """The fastest layer there is with these options: the fused one, or else `gru_tf.RNN` over the cell."""
        self.check(options)
        if self.fused is not None and self.has_fused(options):
            return self.fused(units, **options, **layer_options)
        return around(rnn_layer(), self.build, units, **options, **layer_options)


def around(layer: Callable[..., Any], build: Callable[..., Any], units: int, **options: Any) -> Any:
    """`layer` over `build`'s cell in one call, like a stock layer's: each takes its own options, both dtype, trainable."""
    of_layer = {name: value for name, value in options.items() if name in OF_LAYER}
    of_cell = {name: value for name, value in options.items() if name not in OF_LAYER[:-2]}
    return layer(build(units, **of_cell), **of_layer)


def rnn_layer() -> Any:
    """The class of `gru_tf.RNN`, imported on first use: layers are built on cells."""
    return import_module("gru_tf.recurrent.layers.rnn").RNN


def scanned(build: Callable[..., Any]) -> Callable[..., Any]:
    """Makes `ParallelRNN` over the cells of a class that are linear in their state."""

    def make(units: int, **options: Any) -> Any:
        parallel = import_module("gru_tf.recurrent.layers.parallel_rnn").ParallelRNN
        return around(parallel, build, units, **options)

    return make


def of_layers(module: str, name: str, **fixed: Any) -> Callable[..., Any]:
    """Makes a layer of `gru_tf.recurrent.layers`, imported when the first is made: layers are built on cells.

    Args:
        module: its module there.
        name: its class.
        **fixed: arguments that are the same for every layer.
    """

    def make(units: int, **options: Any) -> Any:
        layer = getattr(import_module(f"gru_tf.recurrent.layers.{module}"), name)
        return layer(units, **fixed, **options)

    return make


def _allows(allowed: Any, value: Any) -> bool:
    if isinstance(allowed, Whole | Share | Real):
        return value in allowed
    return value is allowed or (type(value) is type(allowed) and value == allowed)
