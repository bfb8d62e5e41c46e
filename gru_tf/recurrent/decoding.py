"""Decoding: a network writes a sequence token by token: the likeliest at each step, drawn ones, or by a beam search.

All three are loops of the backend over `step(tokens (R,), states, memory) → (logits (R, V), states)`, where states and
memory are lists of arrays with R rows, and states follow the tokens while memory stays. `begin` stands before the first
token and `end` ends a sequence; behind its end a sequence holds `end`.

Greedy: y_t = argmax_y p(y | y_1 … y_{t−1}).

Sampling: y_t is drawn from softmax(logits / temperature).

Beam search keeps the `width` best beginnings by their score, all of one rule: kept, compared with those that have
ended, and chosen at the end,

    score(y) = log p(y) / lp(|y|),    lp(n) = ((5 + n) / 6)^α                  (Wu et al. 2016, arXiv 1609.08144, eq. 14)

with n the tokens written, `end` included. A sequence that has ended keeps its place as long as its score is among the best.
With α = 0 it is log p(y) alone, and with a width of 1 the same as greedy decoding at any α.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from gru_tf.recurrent.cells._arguments import expect, is_finite, is_whole, whole

Step = Callable[[Any, list[Any], list[Any]], tuple[Any, list[Any]]]
Choice = Callable[[Any, Any], Any]
LEAST = 1e-30  # a temperature, below which float32 has too few digits of it
ALPHA = 0.6  # of the length penalty, between the 0.6 and 0.7 that Wu et al. found best


def greedy(
    step: Step, states: Sequence[Any], memory: Sequence[Any], longest: int, end: int = 0, begin: int | None = None
) -> Any:
    """The likeliest token at each step, (R, longest) int32.

    Args:
        step: the network.
        states: before the first token, each (R, …).
        memory: what the network looks at in every step, each (R, …).
        longest: steps after which a sequence that has not ended is cut.
        end: the token that ends a sequence.
        begin: the token before the first; `end` where it is None.

    Raises:
        ValueError: for impossible arguments.
    """
    states = _check("greedy", states, memory, longest, end, begin)
    return _write("greedy", step, states, memory, longest, end, begin, lambda logits, _: ops.argmax(logits, axis=-1))


def sample(
    step: Step,
    states: Sequence[Any],
    memory: Sequence[Any],
    longest: int,
    end: int = 0,
    begin: int | None = None,
    temperature: float = 1.0,
    seed: Any = None,
) -> Any:
    """Tokens drawn from the network's distribution at each step, (R, longest) int32.

    Args:
        step: the network.
        states: before the first token, each (R, …).
        memory: what the network looks at in every step, each (R, …).
        longest: steps after which a sequence that has not ended is cut.
        end: the token that ends a sequence.
        begin: the token before the first; `end` where it is None.
        temperature: below 1 likely tokens become likelier still, above 1 less so.
        seed: an integer for the same draw at every call, a `keras.random.SeedGenerator`, or None for Keras' own.

    Raises:
        ValueError: for impossible arguments.
    """
    holds = is_finite(temperature) and temperature >= LEAST
    expect(holds, "sample", "temperature", f"a number above 0, from {LEAST} on", temperature)
    states = _check("sample", states, memory, longest, end, begin)
    # one number for each token, all drawn ahead: a loop must not move a generator
    uniform = keras.random.uniform((ops.shape(states[0])[0], longest), seed=seed, dtype="float32")

    def drawn(logits: Any, t: Any) -> Any:
        logits = ops.cast(logits, "float32")
        lower = logits - ops.max(logits, axis=-1, keepdims=True)  # at most 0, which no temperature makes infinite
        below = ops.cumsum(ops.softmax(lower / float(temperature), axis=-1), axis=-1)
        bound = ops.take(uniform, t, axis=1)[:, None] * below[:, -1:]  # whose sum is 1 but for rounding
        return ops.sum(ops.cast(below <= bound, "int32"), axis=-1)

    return _write("sample", step, states, memory, longest, end, begin, drawn)


def _write(
    who: str,
    step: Step,
    states: Sequence[Any],
    memory: Sequence[Any],
    longest: int,
    end: int,
    begin: int | None,
    choice: Choice,
) -> Any:
    """The tokens that `choice(logits, t)` takes, of arguments that were checked."""
    none = ops.zeros((ops.shape(states[0])[0],), dtype="int32")
    written = none[:, None] + ops.full((1, longest), end, "int32")

    def unended(t: Any, last: Any, ended: Any, *_: Any) -> Any:
        return ops.logical_and(t < longest, ops.logical_not(ops.all(ended)))

    def body(t: Any, last: Any, ended: Any, written: Any, *states: Any) -> Any:
        logits, new = _stepped(who, step, last, states, memory)
        token = ops.where(ended, end, ops.cast(choice(logits, t), "int32"))
        written = ops.where(_at(t, longest), token[:, None], written)
        return (t + 1, token, ops.logical_or(ended, ops.equal(token, end)), written, *new)

    start = (ops.zeros((), "int32"), none + (end if begin is None else begin), ops.not_equal(none, 0), written, *states)
    return ops.while_loop(unended, body, start)[3]


def beam(
    step: Step,
    states: Sequence[Any],
    memory: Sequence[Any],
    longest: int,
    width: int,
    alpha: float = ALPHA,
    end: int = 0,
    begin: int | None = None,
) -> tuple[Any, Any]:
    """The best sequence of each row, (R, longest) int32, and its score, (R,).

    Args:
        step: the network.
        states: before the first token, each (R, …).
        memory: what the network looks at in every step, each (R, …).
        longest: steps after which a sequence that has not ended is cut.
        end: the token that ends a sequence.
        begin: the token before the first; `end` where it is None.
        width: beginnings that are kept of each row.
        alpha: of the length penalty.

    Raises:
        ValueError: for impossible arguments.
    """
    states = _check("beam", states, memory, longest, end, begin)
    width = whole(width)
    expect(is_finite(alpha), "beam", "alpha", "a finite number", alpha)
    expect(is_whole(width) and width > 0, "beam", "width", "a positive integer", width)
    memory = [ops.repeat(array, width, axis=0) for array in memory]
    copies = [ops.repeat(array, width, axis=0) for array in states]
    none = ops.zeros((ops.shape(states[0])[0], width), dtype="int32")
    first = ops.where(ops.equal(ops.arange(width), 0), 0.0, -float("inf"))  # the copies of a row are one beginning
    logp = first + ops.zeros_like(none, dtype="float32")
    written = none[:, :, None] + ops.full((1, 1, longest), end, "int32")

    def unended(t: Any, last: Any, ended: Any, *_: Any) -> Any:
        return ops.logical_and(t < longest, ops.logical_not(ops.all(ended)))

    def body(t: Any, last: Any, ended: Any, lengths: Any, logp: Any, scores: Any, written: Any, *states: Any) -> Any:
        logits, new = _stepped("beam", step, ops.reshape(last, (-1,)), states, memory)
        lengths = lengths + ops.cast(ops.logical_not(ended), "int32")
        total, parent, token, scores = _best(logits, logp, ended, lengths, alpha, end)
        rows = ops.reshape(ops.arange(ops.shape(none)[0], dtype="int32")[:, None] * width + parent, (-1,))
        ended, lengths = (ops.take_along_axis(array, parent, axis=1) for array in (ended, lengths))
        written = ops.take_along_axis(written, parent[:, :, None], axis=1)
        written = ops.where(_at(t, longest), token[:, :, None], written)
        ended = ops.logical_or(ended, ops.equal(token, end))
        return (t + 1, token, ended, lengths, total, scores, written, *(ops.take(state, rows, axis=0) for state in new))

    before = none + (end if begin is None else begin)
    start = (ops.zeros((), "int32"), before, ops.not_equal(none, 0), none, logp, logp, written, *copies)
    _, _, _, _, _, scores, written, *_ = ops.while_loop(unended, body, start)
    return written[:, 0], scores[:, 0]  # the best come first


def _best(logits: Any, logp: Any, ended: Any, lengths: Any, alpha: float, end: int) -> tuple[Any, Any, Any, Any]:
    """Of all beginnings (R, width) with each token behind, the best: log p, which beginning, which token, score."""
    size, width = logits.shape[-1], logp.shape[1]
    stays = ops.where(ops.equal(ops.arange(size), end), 0.0, -float("inf"))  # nothing follows an end
    following = ops.reshape(ops.log_softmax(ops.cast(logits, "float32"), axis=-1), (-1, width, size))
    total = logp[:, :, None] + ops.where(ended[:, :, None], stays, following)
    penalty = ops.power((5.0 + ops.cast(lengths, "float32")) / 6.0, alpha)
    scores, index = ops.top_k(ops.reshape(total / penalty[:, :, None], (-1, width * size)), width)
    total = ops.take_along_axis(ops.reshape(total, (-1, width * size)), index, axis=1)
    index = ops.cast(index, "int32")
    return total, index // size, index % size, scores


def _at(t: Any, longest: int) -> Any:
    return ops.equal(ops.arange(longest, dtype="int32"), t)


def _stepped(who: str, step: Step, tokens: Any, states: Sequence[Any], memory: Sequence[Any]) -> tuple[Any, list[Any]]:
    """The network's logits, and its states in the types of those before, which a loop's must keep."""
    logits, new = step(tokens, list(states), list(memory))
    expect(len(logits.shape) == 2, who, "step", "a function whose logits are (rows, tokens)", tuple(logits.shape))
    expect(len(new) == len(states), who, "step", f"a function that returns {len(states)} states", len(new))
    return logits, [ops.cast(state, old.dtype) for state, old in zip(new, states, strict=True)]


def _check(who: str, states: Sequence[Any], memory: Sequence[Any], longest: Any, end: Any, begin: Any) -> list[Any]:
    """The states as tensors; raises ValueError for what cannot be decoded with."""
    longest, end, begin = whole(longest), whole(end), whole(begin)
    expect(len(states) > 0, who, "states", "one array of (rows, …) at least", states)
    expect(is_whole(longest) and longest > 0, who, "longest", "a positive integer", longest)
    expect(is_whole(end) and end >= 0, who, "end", "a token's number", end)
    expect(begin is None or (is_whole(begin) and begin >= 0), who, "begin", "a token's number or None", begin)
    states = [ops.convert_to_tensor(state) for state in states]
    for name, arrays in (("states", states), ("memory", memory)):
        shapes = [tuple(array.shape) for array in arrays]
        known = {shape[0] for shape in shapes if shape and shape[0] is not None} | {states[0].shape[0]} - {None}
        expect(all(shapes) and len(known) < 2, who, name, "arrays with as many rows as the states", shapes)
    return states
