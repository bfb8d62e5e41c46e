"""Attention of a query to a memory, made of Keras' own layers, so that a network built of them loads without this project.

With the query s (H), the memory h_1 … h_S (W each), of which only the real steps count:

    score(s, h_i) = sᵀ h_i                          "dot", W = H                       (Luong et al. 2015, eq. 8)
    score(s, h_i) = sᵀ W_a h_i                      "general"                          (eq. 8)
    score(s, h_i) = vᵀ tanh(W_a s + U_a h_i)        "additive"                         (Bahdanau et al. 2015, A.1.2)
    a(i) = exp(score(s, h_i)) / Σ_j exp(score(s, h_j))                                 (Luong, eq. 7; Bahdanau, eq. 6)
    c = Σ_i a(i) h_i                                                                   (Bahdanau, eq. 5)
    s̃ = tanh(W_c [c; s])                            the attention layer                (Luong, eq. 5)

The query is s_t, the output of the step, and s̃_t may be fed to the next step, "input feeding" (Luong, section 3.3); or with
`attend_first` the query is s_{t−1} and c_t stands beside the inputs of step t (Bahdanau, eq. 4 and A.2.2).

With `scaled` the first two scores are multiplied by a number g that is learned and begins with 1.

Padding is set to 0 before anything is computed of it: whatever it holds has no effect. A row of the memory without a real
step has c = 0 and a(i) = 0, hence s̃ = tanh(W_c [0; s]).

References: M.-T. Luong, H. Pham, C. D. Manning, EMNLP 2015, arXiv 1508.04025; D. Bahdanau, K. Cho, Y. Bengio, ICLR 2015,
arXiv 1409.0473.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import keras
from keras import ops

from gru_tf.recurrent.cells._arguments import expect, is_whole, whole
from gru_tf.recurrent.layers.adapted_cells import build, configuration_of, restore

SCORES = ("general", "dot", "additive")
Run = Callable[[Any, list[Any]], tuple[Any, list[Any]]]
OPTIONS = ("score", "units", "scaled", "attention_layer", "input_feeding", "attend_first")  # of every class that attends


class MemoryAttention(keras.layers.Layer):
    """The parts of an attention and what is computed of them; `AttentionCell` and `AttentionDecoder` have one each.

    Args:
        who: the class that refuses arguments.
        width: H of the query.
        score: "general", "dot" or "additive".
        units: A, of s̃ and of the additive score; H where it is None.
        scaled: whether g is learned.
        attention_layer: whether there is s̃, or else [c; s] in its place.
        input_feeding: whether s̃, or else c, of a step stands beside the inputs of the next.
        attend_first: whether the query is the output of the step before, and c stands beside the step's inputs.
        dense: makes the dense layers.
        part: gives each part by its name, of those that are there already; None to make new ones.
        **kwargs: `dtype`, `name`.
    """

    def __init__(
        self,
        who: str,
        width: int,
        score: str = "general",
        units: int | None = None,
        scaled: bool = False,
        attention_layer: bool = True,
        input_feeding: bool = False,
        attend_first: bool = False,
        dense: Callable[..., Any] = keras.layers.Dense,
        part: Callable[[str], Any] | None = None,
        **kwargs: Any,
    ):
        units = whole(units)
        expect(score in SCORES, who, "score", "'general', 'dot' or 'additive'", score)
        expect(units is None or (is_whole(units) and units > 0), who, "units", "a positive integer or None", units)
        expect(units is None or attention_layer or score == "additive", who, "units", "None where nothing has them", units)
        expect(not (scaled and score == "additive"), who, "scaled", "False with the additive score, which has v", scaled)
        expect(not (input_feeding and attend_first), who, "attend_first", "False with input feeding", attend_first)
        super().__init__(**kwargs)
        self.input_feeding, self.attend_first = bool(input_feeding), bool(attend_first)
        self.who, self.width, self.score, self.units = who, width, score, units
        self.scaled, self.attention_layer = bool(scaled), bool(attention_layer)
        parts = {"query": score == "additive", "keys": score != "dot", "attention": True, "joined": True}
        make = part or partial(self._part, dense)
        for name, there in {**parts, "attended": self.attention_layer}.items():
            setattr(self, name, make(name) if there else None)

    def _part(self, dense: Callable[..., Any], name: str) -> Any:
        """A new part of this name."""
        options, size = {"name": name, "dtype": self.dtype_policy}, self.units or self.width
        if name == "joined":
            return keras.layers.Concatenate(**options)
        if name == "attention" and self.score == "additive":
            return keras.layers.AdditiveAttention(**options)
        if name == "attention":
            return keras.layers.Attention(use_scale=self.scaled, **options)
        if name == "attended":
            return dense(size, activation="tanh", use_bias=False, **options)
        return dense(self.width if self.score == "general" else size, use_bias=False, **options)

    def build(self, memory_shape: tuple[int | None, ...]) -> None:
        """Create the weights for a memory of shape (batch, S, W)."""
        width, query = int(memory_shape[-1] or 0), (None, None, self.width)
        values = (None, None, width)
        fits = self.score != "dot" or values == query
        expect(fits, self.who, "memory", f"of shape (batch, steps, {self.width}) for the score 'dot'", tuple(memory_shape))
        keys = values if self.keys is None else (None, None, self.keys.units)
        shapes: list[tuple[Any, Any]] = [(self.keys, values), (self.query, query)]
        shapes += [(self.attention, [query if self.query is None else keys, values, keys])]
        shapes.append((self.joined, [values, query]))  # which Keras would build at its first call, in a loop's own graph
        for part, shape in [*shapes, (self.attended, (None, None, self.width + width))]:
            if part is not None and not part.built:  # `remember` may have built one
                build(part, shape)

    def remember(self, values: Any, mask: Any = None) -> list[Any]:
        """What is the same for every query: keys (batch, S, ·), values (batch, S, W), and the mask if there is one.

        Args:
            values: the memory (batch, S, W).
            mask: (batch, S), whether a step is real.
        """
        values = ops.cast(values, self.compute_dtype)
        if mask is None:
            return [self.keyed(values), values]
        mask = ops.cast(mask, "bool")
        values = ops.where(mask[:, :, None], values, ops.zeros_like(values))
        return [self.keyed(values), values, mask]

    def keyed(self, values: Any) -> Any:
        """The part of the score that the memory alone decides: (batch, S, W) → (batch, S, ·)."""
        if self.keys is not None and not self.keys.built:
            build(self.keys, values.shape)
        return values if self.keys is None else self.keys(values)

    def context(self, query: Any, memory: Sequence[Any], alignments: bool = False) -> tuple[Any, Any]:
        """Of queries (batch, T, H): c (batch, T, W), and a (batch, T, S) if asked for, or else None.

        Args:
            query: s of one step or more.
            memory: what `remember` gave.
            alignments: whether a is asked for.
        """
        keys, values, *mask = memory
        real = mask[0] if mask else None
        counted = real
        if real is not None and self.compute_dtype == "float16":
            # Keras subtracts 65504 from masked scores: of a row without a real step all would be −∞, and shares not a number
            counted = ops.logical_or(real, ops.logical_not(ops.any(real, axis=-1, keepdims=True)))
        inputs = [query if self.query is None else self.query(query), values, keys]
        if not alignments:
            return self.attention(inputs, mask=[None, counted]), None
        context, shares = self.attention(inputs, mask=[None, counted], return_attention_scores=True)
        if real is not None:  # a row without a real step has equal shares of nothing
            shares = shares * ops.cast(real, shares.dtype)[:, None, :]
        return context, shares

    def output(self, context: Any, s: Any) -> Any:
        """What is made of c and s, each (batch, T, ·): s̃, or [c; s]."""
        joined = self.joined([context, s])
        return joined if self.attended is None else self.attended(joined)

    def step(
        self, run: Run, x: Any, states: Sequence[Any], memory: Sequence[Any], place: int, alignments: bool = False
    ) -> tuple[Any, Any, Any, list[Any]]:
        """One step of a recurrence that attends: output (batch, A), the query (batch, H), a (batch, S) or None, states.

        Args:
            run: the recurrence alone: `run(x, states)` → (s, states).
            x: the step's inputs (batch, I).
            states: those of the recurrence, with input feeding then what is fed.
            memory: what `remember` gave.
            place: which of the states is the output of the step before.
            alignments: whether a is asked for.
        """
        before = list(states)
        beside = before.pop() if self.input_feeding else None
        if self.attend_first:
            query = before[place]
            context, shares = self.context(query[:, None], memory, alignments)
            beside = context[:, 0]
        if beside is not None:
            x = ops.concatenate([ops.cast(x, beside.dtype), beside], axis=-1)
        s, after = run(x, before)
        if not self.attend_first:
            query = s
            context, shares = self.context(query[:, None], memory, alignments)
        output = self.output(context, s[:, None])[:, 0]
        if self.input_feeding:
            after = [*after, output if self.attention_layer else context[:, 0]]
        return output, query, None if shares is None else shares[:, 0], after

    def output_width(self, memory_width: int) -> int:
        """Of the output, with a memory of this width."""
        return (self.units or self.width) if self.attention_layer else memory_width + self.width

    def fed_width(self, memory_width: int) -> int:
        """Of the state that input feeding adds; 0 without it."""
        fed = (self.units or self.width) if self.attention_layer else memory_width
        return fed if self.input_feeding else 0

    def added_width(self, memory_width: int) -> int:
        """Of what stands beside the inputs of a step."""
        return memory_width if self.attend_first else self.fed_width(memory_width)

    def options(self) -> dict[str, Any]:
        """The arguments that it was made with, and under "adapted" what quantisation and LoRA of its dense layers need."""
        adapted = configuration_of(self._dense_parts())
        return {**{name: getattr(self, name) for name in OPTIONS}, **({"adapted": adapted} if adapted else {})}

    def restore(self, adapted: dict[str, Any]) -> None:
        """Give the dense layers, before they are built, what `options` has of them."""
        for name, part in self._dense_parts().items():
            restore(part, adapted.get(name, {}))

    def _dense_parts(self) -> dict[str, Any]:
        parts = {name: getattr(self, name) for name in ("query", "keys", "attended")}
        return {name: part for name, part in parts.items() if isinstance(part, keras.layers.Dense)}


def check_policy(who: str, policy: Any) -> None:
    """Refuse a quantised policy, of which parts without weights have no form."""
    plain = getattr(policy, "quantization_mode", None) is None
    expect(plain, who, "dtype", "a policy without quantisation, which `model.quantize` adds", policy.name)


def mask_of(memory: Any, mask: Any) -> Any:
    """The mask that was given, or else the one that comes with what a Keras layer returned; None for none."""
    return getattr(memory, "_keras_mask", None) if mask is None else mask


def check_rows(who: str, name: str, rows: int | None, arrays: Sequence[Any], of: str) -> None:
    """Refuse arrays of another number of rows, which would be broadcast, where both numbers are known."""
    received = [array.shape[0] for array in arrays]
    fits = rows is None or all(number in (None, rows) for number in received)
    expect(fits, who, name, f"of as many rows as `{of}`, {rows}", received)


def check_memory(who: str, memory: Any, mask: Any) -> None:
    """Refuse a memory that is not (batch, S, W), or a mask that is not (batch, S)."""
    shape = tuple(getattr(memory, "shape", ()))
    if len(shape) != 3:
        raise ValueError(f"{who}: expected `memory` of shape (batch, steps, width). Received: shape={shape}")
    check_mask(who, "memory_mask", mask, shape)


def check_mask(who: str, argument: str, mask: Any, shape: tuple[int | None, ...]) -> None:
    """Refuse a mask whose shape is not that of the first two axes of what it masks."""
    received = shape[:2] if mask is None else tuple(getattr(mask, "shape", ()))
    fits = len(received) == 2 and all(None in pair or pair[0] == pair[1] for pair in zip(received, shape[:2], strict=True))
    if not fits:
        expected = f"`{argument}` of shape (batch, steps) = {shape[:2]}"
        raise ValueError(f"{who}: expected {expected}. Received: shape={received}")
