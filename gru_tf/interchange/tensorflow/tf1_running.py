"""TensorFlow's own kernels for TF1's cells, run on a checkpoint's unchanged variables to verify an import.

`BlockLSTM` and `GRUBlockCell` take the kernels of `rnn_cell` unchanged; `gru_tf.recurrent.gates` is not involved.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.interchange.network import Network
from gru_tf.interchange.parts import Activation, Linear, Part
from gru_tf.interchange.source import Computation, Framework
from gru_tf.interchange.tensorflow.tf1_cells import Cell, Tf1Stack

Steps = tuple[Array, list[Array]]  # (T, H), final states


def framework(
    stack: Tf1Stack, arrays: Mapping[str, Array], network: Network, forget_bias: float, activation: str
) -> Framework:
    """`ForeignModel.framework` of a checkpoint: name with version, and the computation; None unless activation is tanh."""

    def start() -> tuple[str, Computation] | None:
        if activation != "tanh":
            return None
        import tensorflow as tf

        def cell(own: Cell, x: Array) -> Steps:
            weights = {array: arrays[name].astype("float32") for array, name in own.variables.items()}
            return _KINDS[own.kind](tf.raw_ops, weights, x, forget_bias if own.forget_bias else 0.0)

        def run(inputs: Array, lengths: Array | None = None) -> tuple[Array, list[Array]]:
            lengths = np.full(len(inputs), inputs.shape[1]) if lengths is None else lengths
            rows = [_sequence(stack, cell, network, inputs[n, : lengths[n]]) for n in range(len(inputs))]
            outputs = [np.pad(y, ((0, inputs.shape[1] - len(y)), (0, 0))) if network.every_step else y for y, _ in rows]
            return np.stack(outputs), [np.stack(states) for states in zip(*(states for _, states in rows), strict=True)]

        return f"TensorFlow {tf.__version__} (BlockLSTM, GRUBlockCell)", run

    return start


def _sequence(
    stack: Tf1Stack, cell: Callable[[Cell, Array], Steps], network: Network, tokens: Array
) -> tuple[Array, list[Array]]:
    """Output and final states of one sequence."""
    x = _parts(network.before, tokens if network.embedding is None else network.embedding[tokens])
    below = [x.astype("float32")] * len(stack.layers[0])  # what each direction reads
    states: list[Array] = []
    for cells in stack.layers:
        outputs = []
        for n, (own, read) in enumerate(zip(cells, below, strict=True)):
            y, final = cell(own, read[::-1] if n else read)
            outputs.append(y[::-1] if n else y)
            states += final
        both = np.concatenate(outputs, axis=-1)
        below = outputs if stack.separate else [both] * len(cells)
    last = np.concatenate([y[0] if n else y[-1] for n, y in enumerate(outputs)])
    y = both if network.every_step else last
    return _parts(network.head, y), states


def _parts(parts: Sequence[Part], x: Array) -> Array:
    """What linear layers and activations give, one after the other."""
    import tensorflow as tf

    for part in parts:
        if isinstance(part, Linear):
            x = x @ part.kernel + (0 if part.bias is None else part.bias)
        elif isinstance(part, Activation):
            own = {} if part.slope is None else {"alpha": part.slope}
            x = getattr(tf.nn, part.function)(x, **own).numpy()
        else:
            raise TypeError(f"expected linear layers and activations. Received: {part.name}")
    return x


def _lstm(ops: Any, weights: Mapping[str, Array], x: Array, forget_bias: float) -> Steps:
    units = weights["bias"].size // 4
    state, vector = np.zeros((1, units), "float32"), np.zeros(units, "float32")
    peepholes = {"wci": vector, "wcf": vector, "wco": vector}
    rest = {"w": weights["kernel"], "b": weights["bias"], "cs_prev": state, "h_prev": state, **peepholes}
    result = ops.BlockLSTM(
        seq_len_max=len(x), x=x[:, None], forget_bias=forget_bias, cell_clip=-1.0, use_peephole=False, **rest
    )
    h = result.h.numpy()[:, 0]
    return h, [h[-1], result.cs.numpy()[-1, 0]]


def _gru(ops: Any, arrays: Mapping[str, Array], x: Array, _: float) -> Steps:
    h = np.zeros((1, arrays["candidate_bias"].size), "float32")
    weights = {"w_ru": arrays["gates_kernel"], "b_ru": arrays["gates_bias"]}
    weights |= {"w_c": arrays["candidate_kernel"], "b_c": arrays["candidate_bias"]}
    steps = []
    for step in x:
        h = ops.GRUBlockCell(x=step[None], h_prev=h, **weights).h.numpy()
        steps.append(h[0])
    return np.stack(steps), [steps[-1]]


def _rnn(ops: Any, weights: Mapping[str, Array], x: Array, _: float) -> Steps:
    h = np.zeros((1, weights["bias"].size), "float32")
    steps = []
    for step in x:
        product = ops.MatMul(a=np.concatenate([step[None], h], axis=1), b=weights["kernel"])
        h = ops.Tanh(x=ops.BiasAdd(value=product, bias=weights["bias"])).numpy()
        steps.append(h[0])
    return np.stack(steps), [steps[-1]]


_KINDS: Mapping[str, Callable[[Any, Mapping[str, Array], Array, float], Steps]] = {"lstm": _lstm, "gru": _gru, "rnn": _rnn}
