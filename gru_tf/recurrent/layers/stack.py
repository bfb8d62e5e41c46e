"""Recurrent layers on top of each other: any cell, any depth, both directions, with what belongs between them.

For layer n with input x (batch, T, I) and a cell that gives y (batch, T, H; 2H in two directions):

    u = dropout(y)                      not after the last layer
    v = u + P x                         residual; P is the identity where the widths agree, else learned, without bias
    x' = LayerNorm(v)                   layer_norm                              (Ba et al. 2016, arXiv 1607.06450)

Both directions of layer n feed both of layer n + 1, as in PyTorch's stacks.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops
from keras.src.utils import tracking  # keras exports no way to hold a layer without being its owner

from gru_tf.recurrent.cells import CELLS, OF_ANY, CellSpec, rnn_layer
from gru_tf.recurrent.cells._arguments import whole
from gru_tf.recurrent.kernel_path import Path, find_path
from gru_tf.recurrent.layers import checks, ragged, recurrent
from gru_tf.recurrent.layers.adapted_cells import AdaptedCells, build
from gru_tf.recurrent.layers.cell_copies import BETWEEN, copied, moved
from gru_tf.recurrent.layers.last_steps import last_steps

# what a named cell's layers take beside its options: arguments of Keras' cells
OF_CELLS = (
    *("activation", "recurrent_activation", "use_bias"),
    *(f"{role}_{kind}" for role in ("kernel", "recurrent", "bias") for kind in ("initializer", "regularizer", "constraint")),
)


@keras.saving.register_keras_serializable(package="gru_tf")
class RecurrentStack(AdaptedCells, keras.layers.Layer):
    """Recurrent layers on top of each other, as one Keras layer.

    Args:
        cell: a name of the catalogue ("gru", "lstm", …), its `CellSpec`, or a Keras cell, which is copied for each layer
            with that layer's units.
        units: H of each layer, from the first to the last; a number for one layer.
        options: the cell's own options, where it is named; e.g. `{"reset_after": False}` for "gru".
        bidirectional: whether each layer reads in both directions, its outputs concatenated.
        dropout: share of each layer's outputs that is dropped while training, but not of the last layer's.
        residual: whether each layer's input is added to its output.
        layer_norm: whether each layer's output is normalised.
        return_sequences: whether every step's output is returned; else, of the same numbers, each direction's last one.
        return_state: whether the states follow the output: those of the first layer, forward then backward, and so on.
        implementation: "stock" for the fastest layer that there is for the cell, "custom" for `gru_tf.RNN`
            over this project's cell.
        seed: of the dropout, between layers and within a named cell.
        stateful: whether each call goes on with the states that the one before ended with; `reset_state` sets them to zero.
        **kwargs: `name`, `dtype`, `trainable`; where the cell is named, `activation`, `recurrent_activation`, `use_bias`,
            initializers, regularizers and constraints, as in `keras.layers.LSTM`, for all layers.

    A masked step counts for nothing, whatever it holds; in a row without a real step each layer's output is its initial
    state. Ragged tensors of TensorFlow are read as padded sequences with their mask.

    Shapes: inputs (batch, T, I); mask (batch, T); output (batch, T, W) or (batch, W) with W the last of `units`, or what the
    cell projects it to, doubled if bidirectional; each state (batch, its size in the cell). `initial_state` is a list in
    the order of `return_state`.

    Raises:
        ValueError: for impossible arguments.
        UserError: for a cell or an option of it that is unknown.

    Example:
        >>> stack = gru_tf.RecurrentStack("gru", [64, 64], bidirectional=True, dropout=0.2, residual=True)
        >>> stack(keras.random.normal((8, 20, 4))).shape
        (8, 128)
    """

    def __init__(
        self,
        cell: Any,
        units: int | Sequence[int],
        options: Mapping[str, Any] | None = None,
        bidirectional: bool = False,
        dropout: float = 0.0,
        residual: bool = False,
        layer_norm: bool = False,
        return_sequences: bool = False,
        return_state: bool = False,
        implementation: str = "stock",
        seed: int | None = None,
        stateful: bool = False,
        **kwargs: Any,
    ):
        self.of_cells = {name: kwargs.pop(name) for name in OF_CELLS if name in kwargs}
        super().__init__(**kwargs)
        self.units = _checked_units(units)
        _check(0 <= dropout < 1, "dropout", "a share of at least 0 and below 1", dropout)
        _check(implementation in ("stock", "custom"), "implementation", "'stock' or 'custom'", implementation)
        plain = self.dtype_policy.quantization_mode is None  # of what is between the layers, which has no other form
        _check(plain, "dtype", "a policy without quantisation, which `quantize` adds", self.dtype_policy.name)
        with tracking.DotNotTrackScope():  # it is copied, and has no weights of its own to be quantised
            self.cell = _known(cell, {"options": options, **self.of_cells})
        self._arguments = self._serialised()
        self.options = dict(options or {})
        self.bidirectional = bidirectional
        self.dropout = dropout
        self.residual = residual
        self.layer_norm = layer_norm
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.implementation = implementation
        self.seed = seed
        self.stateful = stateful
        self.supports_masking = True
        self.input_spec = keras.layers.InputSpec(ndim=3)
        # where the whole last layer is needed, `last_steps` picks from it
        self._whole = return_sequences or residual or layer_norm
        self._make_layers()

    def _make_layers(self) -> None:
        """The layers over time and what belongs between them; projections are made when widths are known."""
        depth = len(self.units)
        self.layers = [self._layer(n) for n in range(depth)]
        seeds = [None if self.seed is None else self.seed + n for n in range(depth - 1)]
        self.dropouts = [keras.layers.Dropout(self.dropout, seed=seed, dtype=self.dtype_policy) for seed in seeds]
        normed = depth if self.layer_norm else 0
        self.norms = [keras.layers.LayerNormalization(dtype=self.dtype_policy) for _ in range(normed)]
        self.projections: list[Any] = []

    def _layer(self, n: int) -> Any:
        """Layer n over time; a backward layer draws other numbers than the forward one."""
        options = {
            "return_sequences": self._whole or n < len(self.units) - 1,
            "return_state": self.return_state,
            "stateful": self.stateful,
            "dtype": self.dtype_policy,
        }
        if not self.bidirectional:
            return self._one_way(n, n, options)
        forward = self._one_way(n, n, options)
        if not isinstance(self.cell, str) or self.of_cells or self._seeds(n):
            backward = self._one_way(n, n + len(self.units), {**options, "go_backwards": True})
            return keras.layers.Bidirectional(forward, backward_layer=backward, dtype=self.dtype_policy)
        return keras.layers.Bidirectional(forward, dtype=self.dtype_policy)

    def _one_way(self, n: int, place: int, options: dict[str, Any]) -> Any:
        """The layer of one direction, which draws its numbers as the one of this place."""
        if not isinstance(self.cell, str):
            return rnn_layer()(copied(self.cell, self.units[n], place), **options)
        spec = CELLS.find(self.cell)
        spec.check(self.options)
        arguments = {**moved(self._arguments, place), **self._seeds(place)}
        return recurrent(spec, self.units[n], self.options, self.implementation, **arguments, **options)

    def _serialised(self) -> dict[str, Any]:
        """The arguments of the cells, as a configuration has them: each layer makes its own of them."""
        if not self.of_cells:  # nor may a cell be made in vain, which takes random numbers for its seeds
            return {}
        config = CELLS.find(str(self.cell)).build(1, **self.of_cells).get_config()
        return {name: config[name] for name in self.of_cells}

    def _seeds(self, place: int) -> dict[str, int]:
        """The seed of a named cell's masks, where it has any and a seed was given."""
        drops = any(self.options.get(name) for name in OF_ANY)
        return {} if self.seed is None or not drops else {"seed": self.seed + (place + 1) * BETWEEN}

    def reset_state(self) -> None:
        """Set the states that a stateful stack carries to zero."""
        for layer in self.layers:
            layer.reset_state()

    def _widths(self) -> list[int]:
        """The width of each layer's output."""
        return [size * (2 if self.bidirectional else 1) for size in map(_output_size, self._inner())]

    def _inner(self) -> list[Any]:
        """The layer over time of each layer, the forward one of two."""
        return [getattr(layer, "forward_layer", layer) for layer in self.layers]

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        """Create the weights for inputs of shape (batch, T, I)."""
        shape = tuple(sequences_shape)
        for n, width in enumerate(self._widths()):
            self.layers[n].build(shape)
            if self.residual:
                self.projections.append(self._projection(shape, width, n))
            shape = (*shape[:2], width)
            if self.layer_norm:
                self.norms[n].build(shape)

    def _projection(self, shape: tuple[int | None, ...], width: int, n: int) -> Any:
        """P of layer n: a Dense layer, or the identity where the widths agree."""
        if shape[-1] == width:
            return keras.layers.Identity(name=f"skip_{n}", dtype=self.dtype_policy)
        projection = keras.layers.Dense(width, use_bias=False, name=f"projection_{n}", dtype=self.dtype_policy)
        self._restore(f"projections.{n}", projection)
        build(projection, shape)
        return projection

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool | None = None) -> Any:
        """The output, and the states with `return_state`; shapes as in the class's description."""
        sequences, mask = ragged.padded(sequences, mask)
        before = self._states_by_layer(initial_state)
        if mask is not None:
            mask = checks.checked_mask(type(self).__name__, mask, tuple(sequences.shape[:2]))
            # in operations that ONNX export reads
            sequences = ops.where(ops.expand_dims(mask, -1), sequences, ops.zeros_like(sequences))
        x, states = sequences, []
        for n, layer in enumerate(self.layers):
            y = layer(x, mask=mask, training=training, initial_state=before[n])
            if self.return_state:
                y, *new = y
                states += new
            if n < len(self.dropouts):
                y = self.dropouts[n](y, training=training)
            if self.residual:
                y = y + self.projections[n](x)
            x = self.norms[n](y) if self.layer_norm else y
        if self._whole and not self.return_sequences:
            x = last_steps(x, mask, self._widths()[-1] // 2 if self.bidirectional else None)
        return (x, *states) if self.return_state else x

    def _states_by_layer(self, states: Any) -> list[Any]:
        """The initial states that belong to each layer, or None for zeros."""
        if states is None:
            return [None] * len(self.layers)
        counts = [len(shapes) for shapes in self._state_shapes(None)]
        states = list(states) if isinstance(states, (list, tuple)) else [states]
        if len(states) != sum(counts):
            raise ValueError(
                f"RecurrentStack: expected `initial_state` to be {sum(counts)} arrays, {counts} for the layers in order. "
                f"Received: {len(states)}"
            )
        starts = [sum(counts[:n]) for n in range(len(counts))]
        return [states[start : start + count] for start, count in zip(starts, counts, strict=True)]

    def _state_shapes(self, batch: int | None) -> list[list[tuple[int | None, int]]]:
        """Of each layer, the shapes of its states."""
        directions = 2 if self.bidirectional else 1
        return [[(batch, size) for size in keras.tree.flatten(layer.state_size)] * directions for layer in self._inner()]

    def compute_output_shape(self, sequences_shape: Any, initial_state_shape: Any = None) -> Any:
        """The output's shape, and the states' with `return_state`."""
        batch, timesteps = sequences_shape[:2]
        width = self._widths()[-1]
        shape = (batch, timesteps, width) if self.return_sequences else (batch, width)
        return (shape, *(s for shapes in self._state_shapes(batch) for s in shapes)) if self.return_state else shape

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask of the output: the input's, where every step is returned."""
        mask = ragged.mask_of(inputs) if ragged.is_ragged(inputs) else mask
        mask = mask if self.return_sequences else None
        states = sum(len(shapes) for shapes in self._state_shapes(None))
        return [mask, *[None] * states] if self.return_state else mask

    def parts(self) -> dict[str, Any]:
        """The cells, and the projections that have been made, by name."""
        parts = {}
        for n, layer in enumerate(self.layers):
            parts[f"layers.{n}"] = getattr(layer, "forward_layer", layer).cell
            if self.bidirectional:
                parts[f"layers.{n}.backward"] = layer.backward_layer.cell
        learned = {n: layer for n, layer in enumerate(self.projections) if isinstance(layer, keras.layers.Dense)}
        return parts | {f"projections.{n}": layer for n, layer in learned.items()}

    def kernel_path(self, **circumstances: Any) -> list[Path]:
        """The path that each layer will take; `circumstances` are those of `gru_tf.recurrent.kernel_path.find_path`."""
        return [find_path(layer, **circumstances) for layer in self.layers]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, serialised."""
        names = ("bidirectional", "dropout", "residual", "layer_norm", "return_sequences", "return_state", "implementation")
        cell = self.cell if isinstance(self.cell, str) else keras.saving.serialize_keras_object(self.cell)
        own = {"cell": cell, "units": list(self.units), "options": dict(self.options), "seed": self.seed}
        own |= self._arguments
        own |= {"stateful": True} if self.stateful else {}  # files without it load where it is unknown
        return {**super().get_config(), **own, **{name: getattr(self, name) for name in names}}

    @classmethod
    def from_config(cls, config: dict[str, Any], **options: Any) -> Any:
        """The layer of this configuration."""
        cell = config["cell"]
        if not isinstance(cell, str):
            cell = keras.saving.deserialize_keras_object(cell)
        return super().from_config({**config, "cell": cell}, **options)


def _output_size(layer: Any) -> int:
    """The width of the output of a layer over time."""
    size = getattr(layer.cell, "output_size", None)
    return int(keras.tree.flatten(layer.cell.state_size)[0] if size is None else size)


def _known(cell: Any, others: Mapping[str, Any]) -> Any:
    """The cell's name in the catalogue, or a Keras cell to copy, which has `others`, arguments of named cells, itself."""
    if isinstance(cell, CellSpec) and cell.name in CELLS.names() and CELLS.find(cell.name) is cell:
        return cell.name
    if isinstance(cell, str):
        return CELLS.find(cell).name
    is_cell = hasattr(cell, "state_size") and hasattr(cell, "get_config") and "units" in cell.get_config()
    _check(is_cell, "cell", "a cell's name, its CellSpec, or a Keras cell with `units`", cell)
    for name, value in others.items():
        _check(not value and value is not False, name, "left out beside a Keras cell, which has its own", value)
    return cell


def _checked_units(units: Any) -> tuple[int, ...]:
    several = isinstance(units, (list, tuple)) or len(getattr(units, "shape", ())) == 1
    sizes = tuple(map(whole, units)) if several else (whole(units),)
    valid = sizes and all(isinstance(u, int) and not isinstance(u, bool) and u > 0 for u in sizes)
    _check(bool(valid), "units", "a positive integer for each layer", units)
    return sizes


def _check(holds: bool, argument: str, expected: str, received: Any) -> None:
    if not holds:
        raise ValueError(f"RecurrentStack: expected `{argument}` to be {expected}. Received: {argument}={received!r}")
