"""PyTorch's own modules with the arrays of a state_dict, run to verify an import."""

from importlib.metadata import version
from typing import Any

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.interchange.pytorch.file import pytorch
from gru_tf.interchange.pytorch.reading import StateDictNetwork
from gru_tf.interchange.pytorch.stacks import TITLES, LoadedStack
from gru_tf.interchange.source import Computation


def framework(state_dict: StateDictNetwork) -> tuple[str, Computation] | None:
    """PyTorch's name and its computation with the file's own arrays, unconverted; None if it is not installed."""
    torch = pytorch()
    if torch is None:
        return None
    around = state_dict.around
    table = None if around.embedding is None else torch.tensor(around.embedding.weight.array())
    heads = [
        (torch.tensor(head.weight.array()), None if head.bias is None else torch.tensor(head.bias.array()))
        for head in around.heads
    ]
    modules = [_module(torch, stack) for stack in state_dict.stacks]
    weights = [*(p for module in modules for p in module.parameters()), *(w for w, _ in heads)]
    stored = torch.float64 if any(w.dtype == torch.float64 for w in weights) else torch.float32

    def run(inputs: Array, lengths: Array | None = None) -> tuple[Array, list[Array]]:
        x = torch.from_numpy(np.ascontiguousarray(inputs))
        dtype = torch.float64 if x.dtype == torch.float64 else stored
        x = x.to(dtype) if table is None else torch.nn.functional.embedding(x.long(), table.to(dtype))
        states: list[Any] = []
        with torch.inference_mode():
            for module in modules:
                x, last, final = _step_through(torch, module.to(dtype), x, lengths)
                states += final
            x = x if state_dict.network.every_step else last
            for kernel, bias in heads:
                x = torch.nn.functional.linear(x, kernel.to(dtype), None if bias is None else bias.to(dtype))
        return x.numpy(), [state.numpy() for state in states]

    return f"PyTorch {version('torch').partition('+')[0]}", run


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


def _step_through(torch: Any, module: Any, x: Any, lengths: Array | None) -> tuple[Any, Any, list[Any]]:
    """Every step, the last of each direction, and the states: layer by layer, forward before backward, h before c."""
    rnn = torch.nn.utils.rnn
    sequences = x
    if lengths is not None:
        sequences = rnn.pack_padded_sequence(x, torch.as_tensor(lengths).long(), batch_first=True, enforce_sorted=False)
    every, final = module(sequences)
    if lengths is not None:
        every, _ = rnn.pad_packed_sequence(every, batch_first=True, total_length=x.shape[1])
    kinds = final if isinstance(final, tuple) else (final,)
    states = [kind[n] for n in range(kinds[0].shape[0]) for kind in kinds]
    directions = 2 if module.bidirectional else 1
    return every, torch.cat(list(kinds[0][-directions:]), dim=-1), states
