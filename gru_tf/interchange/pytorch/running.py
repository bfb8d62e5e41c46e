"""PyTorch's own modules with the arrays of a state_dict, run to verify an import."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.interchange.network import STATES
from gru_tf.interchange.pytorch.arrangement import Element
from gru_tf.interchange.pytorch.file import pytorch
from gru_tf.interchange.pytorch.initial_states import InitialStates
from gru_tf.interchange.pytorch.matrices import Matrix
from gru_tf.interchange.pytorch.norms import Norm
from gru_tf.interchange.pytorch.reading import StateDictNetwork
from gru_tf.interchange.pytorch.stacks import TITLES, LoadedStack
from gru_tf.interchange.source import Computation


def framework(state_dict: StateDictNetwork) -> tuple[str, Computation] | None:
    """PyTorch's name and its computation with the file's own arrays, unconverted; None if it is not installed."""
    torch = pytorch()
    if torch is None:
        return None
    table = None if state_dict.embedding is None else torch.tensor(state_dict.embedding.weight.array())
    steps = [_step(torch, element, state_dict) for element in state_dict.elements]
    stored = torch.float64 if any(array.dtype == np.float64 for _, array in state_dict.network.arrays()) else torch.float32
    return f"PyTorch {version('torch').partition('+')[0]}", _Run(torch, table, steps, stored, state_dict.network.every_step)


class _Run:
    """The computation of a state_dict by PyTorch, see `gru_tf.interchange.source.ExactComputation`."""

    def __init__(self, torch: Any, table: Any, steps: Sequence[Any], stored: Any, every_step: bool):
        self.torch, self.table, self.steps, self.stored, self.every_step = torch, table, steps, stored, every_step

    def __call__(self, inputs: Array, lengths: Array | None = None) -> tuple[Array, list[Array]]:
        """In the dtype of the inputs, or of the file for token numbers."""
        double = inputs.dtype == np.float64
        return self._run(inputs, lengths, self.torch.float64 if double else self.stored)

    def in_float32(self, inputs: Array, lengths: Array | None = None) -> tuple[Array, list[Array]]:
        """In float32, whatever the file has."""
        return self._run(inputs, lengths, self.torch.float32)

    def in_float64(self, inputs: Array, lengths: Array | None = None) -> tuple[Array, list[Array]]:
        """In float64."""
        return self._run(inputs, lengths, self.torch.float64)

    def _run(self, inputs: Array, lengths: Array | None, dtype: Any) -> tuple[Array, list[Array]]:
        x = self.torch.from_numpy(np.ascontiguousarray(inputs))
        embed = self.torch.nn.functional.embedding
        x = x.to(dtype) if self.table is None else embed(x.long(), self.table.to(dtype))
        last, states = x, []
        with self.torch.inference_mode():
            for step in self.steps:
                if isinstance(step, _Stack):
                    x, last, final = step(x, lengths)
                    states += final
                else:  # of each step alone: the last is computed from the last
                    x, last = step(x), step(last)
        return (x if self.every_step else last).numpy(), [state.numpy() for state in states]


def _step(torch: Any, element: Element, state_dict: StateDictNetwork) -> Any:
    """What computes an element, of a tensor in its dtype."""
    functional = torch.nn.functional
    if isinstance(element, LoadedStack):
        return _Stack(torch, element, state_dict.initial.get(element.stack.prefix))
    if isinstance(element, Matrix):
        kernel = torch.tensor(element.weight.array())
        bias = None if element.bias is None else torch.tensor(element.bias.array())
        return lambda x: functional.linear(x, kernel.to(x.dtype), None if bias is None else bias.to(x.dtype))
    if isinstance(element, Norm):
        return _normalization(torch, element)
    if element.function == "leaky_relu":
        return lambda x: functional.leaky_relu(x, element.slope)
    return _activation(torch, element.function)


def _normalization(torch: Any, norm: Norm) -> Any:
    vectors = {name: torch.tensor(tensor.array()) for name, tensor in norm.vectors.items()}

    def normalize(x: Any) -> Any:
        weight, bias, mean, variance = (
            vectors[name].to(x.dtype) if name in vectors else None
            for name in ("weight", "bias", "running_mean", "running_var")
        )
        if mean is None:
            return torch.nn.functional.layer_norm(x, (norm.width,), weight, bias, norm.epsilon)
        rows = x.reshape(-1, norm.width)
        return torch.nn.functional.batch_norm(rows, mean, variance, weight, bias, eps=norm.epsilon).reshape(x.shape)

    return normalize


def _activation(torch: Any, name: str) -> Any:
    functional = torch.nn.functional
    if name in ("softmax", "log_softmax"):
        return lambda x: getattr(functional, name)(x, dim=-1)
    others = {"exponential": torch.exp, "sigmoid": torch.sigmoid, "tanh": torch.tanh}
    renamed = {"hard_sigmoid": "hardsigmoid", "hard_silu": "hardswish", "hard_tanh": "hardtanh",
               "log_sigmoid": "logsigmoid", "tanh_shrink": "tanhshrink"}  # fmt: skip
    return others.get(name) or getattr(functional, renamed.get(name, name))


class _Stack:
    """A recurrent module of PyTorch with a file's arrays, and the states that it begins with."""

    def __init__(self, torch: Any, stack: LoadedStack, initial: InitialStates | None):
        self.torch, self.module = torch, _module(torch, stack)
        arrays = [] if initial is None else [initial.array(state, stack) for state in STATES[stack.cell]]
        self.initial = [torch.tensor(array) for array in arrays]

    def __call__(self, x: Any, lengths: Array | None) -> tuple[Any, Any, list[Any]]:
        """Every step, the last of each direction, and the states."""
        start = [state.to(x.dtype)[:, None].repeat(1, len(x), 1) for state in self.initial]
        initial = None if not start else start[0] if len(start) == 1 else tuple(start)
        return _step_through(self.torch, self.module.to(x.dtype), x, lengths, initial)


def _module(torch: Any, loaded: LoadedStack) -> Any:
    stack = loaded.stack
    options: dict[str, Any] = {"nonlinearity": loaded.layers[0].activation} if loaded.cell == "rnn" else {}
    kind = getattr(torch.nn, TITLES[loaded.cell])
    with torch.device("meta"):  # no random numbers are drawn for weights that are replaced
        module = kind(
            loaded.features,
            loaded.units,
            stack.depth,
            bias=stack.biased,
            batch_first=True,
            bidirectional=stack.directions == 2,
            **options,
        )
    module.load_state_dict({name: torch.tensor(array) for name, array in loaded.arrays.items()}, strict=True, assign=True)
    return module.eval()


def _step_through(torch: Any, module: Any, x: Any, lengths: Array | None, initial: Any) -> tuple[Any, Any, list[Any]]:
    """Every step, the last of each direction, and the states: layer by layer, forward before backward, h before c."""
    rnn = torch.nn.utils.rnn
    sequences = x
    if lengths is not None:
        sequences = rnn.pack_padded_sequence(x, torch.as_tensor(lengths).long(), batch_first=True, enforce_sorted=False)
    every, final = module(sequences, initial)
    if lengths is not None:
        every, _ = rnn.pad_packed_sequence(every, batch_first=True, total_length=x.shape[1])
    kinds = final if isinstance(final, tuple) else (final,)
    states = [kind[n] for n in range(kinds[0].shape[0]) for kind in kinds]
    directions = 2 if module.bidirectional else 1
    return every, torch.cat(list(kinds[0][-directions:]), dim=-1), states
