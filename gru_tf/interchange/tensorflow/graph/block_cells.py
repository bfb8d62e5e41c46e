"""The cells that TensorFlow has as single operations, in NumPy: LSTMBlockCell, BlockLSTM, GRUBlockCell."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.interchange.tensorflow.graph.limits import UnfollowedError, attribute


def _sigmoid(x: Array) -> Array:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)), x.dtype)


def _lstm_step(node: Any, x: Array, cs: Array, h: Array, w: Array, b: Array) -> tuple[Array, ...]:
    """Outputs i, cs, f, o, ci, co and h of a step; gates are in the order i, ci, f, o."""
    if node.attr["use_peephole"].b or attribute(node, "cell_clip", 3.0) > 0:
        raise UnfollowedError(f"{node.name} ({node.op} with peepholes or a clipped cell)")
    i, ci, f, o = np.split(np.concatenate([x, h], axis=1) @ w + b, 4, axis=1)
    added = np.asarray(attribute(node, "forget_bias", 1.0), f.dtype)
    i, ci, f, o = _sigmoid(i), np.tanh(ci), _sigmoid(f + added), _sigmoid(o)
    cs = ci * i + cs * f
    co = np.tanh(cs)
    return i, cs, f, o, ci, co, co * o


def _lstm_cell(node: Any, x: Array, cs: Array, h: Array, w: Array, *rest: Array) -> tuple[Array, ...]:
    return _lstm_step(node, x, cs, h, w, rest[-1])


def _lstm(node: Any, longest: Array, x: Array, cs: Array, h: Array, w: Array, *rest: Array) -> tuple[Array, ...]:
    """All steps of x, (T, batch, I); those from `longest` on are zeros."""
    steps = []
    for step in x[: int(longest)]:
        steps.append(_lstm_step(node, step, cs, h, w, rest[-1]))
        cs, h = steps[-1][1], steps[-1][-1]
    outputs = [np.stack(each) for each in zip(*steps, strict=True)]
    left = len(x) - int(longest)
    return tuple(np.pad(each, ((0, left), (0, 0), (0, 0))) for each in outputs)


def _gru_cell(_: Any, x: Array, h: Array, w_ru: Array, w_c: Array, b_ru: Array, b_c: Array) -> tuple[Array, ...]:
    r, u = np.split(_sigmoid(np.concatenate([x, h], axis=1) @ w_ru + b_ru), 2, axis=1)
    c = np.tanh(np.concatenate([x, r * h], axis=1) @ w_c + b_c)
    return r, u, c, u * h + (1 - u) * c


BLOCK_CELLS: Mapping[str, Callable[..., Any]] = {"LSTMBlockCell": _lstm_cell, "BlockLSTM": _lstm, "GRUBlockCell": _gru_cell}
