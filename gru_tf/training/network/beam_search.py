"""Decoding: a network writes a sequence token by token, the most likely one at each step, or by a beam search.

Both are graph loops over `step(tokens (R,), states, memory) → (logits (R, V), states)`, where states and memory are lists
of arrays with R rows, and states follow the tokens while memory stays. `END` stands before the first token and ends a
sequence; behind its end a sequence holds END.

Greedy: y_t = argmax_y p(y | y_1 … y_{t−1}).

Beam search keeps the `width` best beginnings by their score, all of one rule: kept, compared with those that have
ended, and chosen at the end,

    score(y) = log p(y) / lp(|y|),    lp(n) = ((5 + n) / 6)^α                  (Wu et al. 2016, arXiv 1609.08144, eq. 14)

with n the tokens written, END included. A sequence that has ended keeps its place as long as its score is among the best.
With α = 0 it is log p(y) alone, and with a width of 1 the same as greedy decoding at any α.
"""

from collections.abc import Callable, Sequence
from typing import Any

from keras import ops

from gru_tf.tasks import END

Step = Callable[[Any, list[Any], list[Any]], tuple[Any, list[Any]]]
ALPHA = 0.6  # of the length penalty, between the 0.6 and 0.7 that Wu et al. found best


def greedy(step: Step, states: Sequence[Any], memory: Sequence[Any], longest: int) -> Any:
    """The tokens written, (R, longest) int32.

    Args:
        step: the network.
        states: before the first token, each (R, …).
        memory: what the network looks at in every step, each (R, …).
        longest: steps after which a sequence that has not ended is cut.
    """
    none = ops.zeros_like(states[0][:, 0], dtype="int32") + END
    written = none[:, None] + ops.zeros((1, longest), "int32")

    def unended(t: Any, last: Any, ended: Any, *_: Any) -> Any:
        return ops.logical_and(t < longest, ops.logical_not(ops.all(ended)))

    def body(t: Any, last: Any, ended: Any, written: Any, *states: Any) -> Any:
        logits, new = step(last, list(states), list(memory))
        token = ops.where(ended, END, ops.cast(ops.argmax(logits, axis=-1), "int32"))
        written = ops.where(_at(t, longest), token[:, None], written)
        return (t + 1, token, ops.logical_or(ended, ops.equal(token, END)), written, *new)

    start = (ops.zeros((), "int32"), none, ops.not_equal(none, END), written, *states)
    return ops.while_loop(unended, body, start)[3]


def beam(
    step: Step, states: Sequence[Any], memory: Sequence[Any], longest: int, width: int, alpha: float = ALPHA
) -> tuple[Any, Any]:
    """The best sequence of each row, (R, longest) int32, and its score, (R,).

    Args:
        step: the network.
        states: before the first token, each (R, …).
        memory: what the network looks at in every step, each (R, …).
        longest: steps after which a sequence that has not ended is cut.
        width: beginnings that are kept of each row.
        alpha: of the length penalty.
    """
    memory = [ops.repeat(array, width, axis=0) for array in memory]
    copies = [ops.repeat(array, width, axis=0) for array in states]
    none = ops.reshape(ops.zeros_like(copies[0][:, 0], dtype="int32"), (-1, width))
    first = ops.where(ops.equal(ops.arange(width), 0), 0.0, -float("inf"))  # the copies of a row are one beginning
    logp = first + ops.zeros_like(none, dtype="float32")
    written = none[:, :, None] + ops.full((1, 1, longest), END, "int32")

    def unended(t: Any, last: Any, ended: Any, *_: Any) -> Any:
        return ops.logical_and(t < longest, ops.logical_not(ops.all(ended)))

    def body(t: Any, last: Any, ended: Any, lengths: Any, logp: Any, scores: Any, written: Any, *states: Any) -> Any:
        logits, new = step(ops.reshape(last, (-1,)), list(states), memory)
        lengths = lengths + ops.cast(ops.logical_not(ended), "int32")
        total, parent, token, scores = _best(logits, logp, ended, lengths, alpha)
        rows = ops.reshape(ops.arange(ops.shape(none)[0], dtype="int32")[:, None] * width + parent, (-1,))
        ended, lengths = (ops.take_along_axis(array, parent, axis=1) for array in (ended, lengths))
        written = ops.take_along_axis(written, parent[:, :, None], axis=1)
        written = ops.where(_at(t, longest), token[:, :, None], written)
        ended = ops.logical_or(ended, ops.equal(token, END))
        return (t + 1, token, ended, lengths, total, scores, written, *(ops.take(state, rows, axis=0) for state in new))

    start = (ops.zeros((), "int32"), none + END, ops.not_equal(none, 0), none, logp, logp, written, *copies)
    _, _, _, _, _, scores, written, *_ = ops.while_loop(unended, body, start)
    return written[:, 0], scores[:, 0]  # the best come first


def _best(logits: Any, logp: Any, ended: Any, lengths: Any, alpha: float) -> tuple[Any, Any, Any, Any]:
    """Of all beginnings (R, width) with each token behind, the best: log p, which beginning, which token, score."""
    size, width = logits.shape[-1], logp.shape[1]
    stays = ops.where(ops.equal(ops.arange(size), END), 0.0, -float("inf"))  # nothing follows an end
    following = ops.reshape(ops.log_softmax(ops.cast(logits, "float32"), axis=-1), (-1, width, size))
    total = logp[:, :, None] + ops.where(ended[:, :, None], stays, following)
    penalty = ops.power((5.0 + ops.cast(lengths, "float32")) / 6.0, alpha)
    scores, index = ops.top_k(ops.reshape(total / penalty[:, :, None], (-1, width * size)), width)
    total = ops.take_along_axis(ops.reshape(total, (-1, width * size)), index, axis=1)
    index = ops.cast(index, "int32")
    return total, index // size, index % size, scores


def _at(t: Any, longest: int) -> Any:
    return ops.equal(ops.arange(longest, dtype="int32"), t)
