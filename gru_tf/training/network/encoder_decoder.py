"""An encoder reads one sequence of tokens, a decoder writes another and looks back at what was read by attention.

    h_1 … h_S, s_0 = encoder(x_1 … x_S)                      the cell's layers, in one or two directions
    s_t = decoder(y_{t−1}, s_{t−1})                          the same cell; y_0 is END            (Sutskever et al. 2014)
    a_t(i) = softmax_i(s_tᵀ W_a h_i)                         "general" attention over the real steps     (Luong eq. 7, 8)
    c_t = Σ_i a_t(i) h_i
    s̃_t = tanh(W_c [c_t; s_t])                                                                           (Luong eq. 5)
    p(y_t | y_1 … y_{t−1}, x) = softmax(W_s s̃_t + b_s)                                                   (Luong eq. 6)

That is `attention: general`. Three others read the same, with y the embedding of y_{t−1} and H = [h_1 … h_S]:

    additive   c_t = attention of s_{t−1} to H,   s_t = decoder([y; c_t], s_{t−1}),   logits = W_s [c_t; s_t; y] + b_s
    context    s_t = decoder([y; z], s_{t−1}),    logits = W_s [y; s_t; z] + b_s,     z = s_0 of the last layer
    none       s_t = decoder(y, s_{t−1}),         logits = W_s s_t + b_s

additive is that of Bahdanau and others 2015 (A.2.2, with a linear output instead of their maxout), whose s_0 has a tanh
where there are two directions; its decoder goes step by step. context is Cho and others' (2014), none Sutskever and others'.

Each decoder layer begins with the last states of the encoder layer of its depth; of a bidirectional one with a linear map
of both directions' states, one for each state of the cell. s̃ is not fed back into the next step (Luong's "input feeding"),
so that the recurrence sees nothing of the attention and runs over the whole target in one fused kernel.

The decoder is `gru_tf.AttentionDecoder`. A network is made of its parts, which are Keras' own layers, not of the layer: so
files load without this project, and those of earlier versions do. With additive attention it is made of the layer itself:
its file loads where `gru_tf` can be imported.

References: M.-T. Luong, H. Pham, C. D. Manning, "Effective approaches to attention-based neural machine translation",
EMNLP 2015, arXiv 1508.04025; I. Sutskever, O. Vinyals, Q. V. Le, NIPS 2014, arXiv 1409.3215; D. Bahdanau, K. Cho, Y. Bengio,
ICLR 2015, arXiv 1409.0473; K. Cho and others, EMNLP 2014, arXiv 1406.1078.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from gru_tf.recurrent.layers import recurrent
from gru_tf.recurrent.layers.attention_decoder import AttentionDecoder
from gru_tf.recurrent.layers.flat_states import output_place
from gru_tf.recurrent.layers.memory_attention import MemoryAttention
from gru_tf.training.network import dropouts
from gru_tf.training.network.resolution import ResolvedNetwork


def build(
    network: ResolvedNetwork,
    dropout: Callable[..., Any] = keras.layers.Dropout,
    ordinary: bool = False,
    dense: Callable[..., Any] = keras.layers.Dense,
) -> Any:
    """A `keras.Model`, ("sequence" (batch, S), "mask" (batch, S), "written" (batch, T)) → logits (batch, T, outputs).

    "written" holds what stands before each target: END and then the targets but the last. Where lengths do not vary
    there is no mask. Keras' own layers and the cell's are all that it is made of.

    Args:
        network: of a task with `decoded` targets; its units are those of each layer, of the attention and of s̃.
        dropout: makes the layer that follows each recurrent layer, or either embedding, where its rate is above 0.
        ordinary: whether recurrent layers are Keras' own where Keras has them.
        dense: makes the dense layers.
    """
    model, signature, cell, options = network.model, network.signature, network.cell, network.options
    units = network.units
    sequence = keras.Input((None,), dtype="int32", name="sequence")
    call = {"mask": keras.Input((None,), dtype="bool", name="mask")} if signature.varying else {}
    written = keras.Input((None,), dtype="int32", name="written")
    over_time = {"return_sequences": True, "return_state": True, "ordinary": ordinary}

    additive = model.attention == "additive"
    x, starts = _embedding(signature.tokens, signature.features, "embedding")(sequence), []
    x = dropouts.of_input(x, model, dropout)
    for n in range(model.layers):
        x, *states = recurrent(cell, units, options, model.implementation, model.bidirectional, **over_time)(x, **call)
        starts.append(_bridged(states, model.bidirectional, n, dense, "tanh" if additive else None))
        x = dropouts.of_output(x, model, dropout)
    y = _embedding(signature.outputs, signature.features, "target_embedding")(written)
    y = dropouts.of_input(y, model, dropout, "target_")
    layers = []
    for n in range(model.layers):
        layers.append(recurrent(cell, units, options, model.implementation, name=f"decoder_{n}", **over_time))
        layers += [dropouts.layer_of_output(model, dropout)] if model.dropout > 0 and not additive else []
    begin = [state for states in starts for state in states]
    if additive:
        decoded = _attended_first(layers, begin, x, y, call, units, dense)
        decoded = dropouts.of_output(decoded, model, dropout)
        attended = keras.layers.Concatenate(name="output")([decoded, y])
    elif model.attention == "general":
        decoder = AttentionDecoder(layers, attention=MemoryAttention("AttentionDecoder", units, dense=dense))
        s, _ = decoder.recur(y, begin)
        context, _ = decoder.attention.context(s, [decoder.attention.keyed(x), x, *call.values()])
        attended = decoder.attention.output(context, s)
    else:
        z = [_repeated(starts[-1][output_place("attention: context", _cell(layers))], y)] * (model.attention == "context")
        s, _ = AttentionDecoder(layers, score="dot", attention_layer=False).recur(_joined([y, *z], "input"), begin)
        attended = _joined([y, s, *z], "output") if z else s
    head = dense(signature.outputs, name="head")(attended)
    return keras.Model([sequence, *call.values(), written], head, name=cell.name)


def _attended_first(
    layers: list[Any], begin: list[Any], memory: Any, y: Any, call: dict[str, Any], units: int, dense: Callable[..., Any]
) -> Any:
    """[c_t; s_t] (batch, T, ·) of a decoder that attends before each step; the layer is called "decoder"."""
    options: dict[str, Any] = {"score": "additive", "attention_layer": False, "attend_first": True}
    attention = MemoryAttention("AttentionDecoder", units, dense=dense, **options)
    decoder = AttentionDecoder(layers, attention=attention, name="decoder")
    memory = keras.layers.Identity(name="memory")(memory)
    return decoder(y, memory=memory, initial_state=begin, memory_mask=call.get("mask"))


def _cell(layers: list[Any]) -> Any:
    """The cell of the last recurrent layer."""
    return [layer for layer in layers if hasattr(layer, "cell")][-1].cell


def _repeated(state: Any, y: Any) -> Any:
    """A state (batch, H) beside each step of y: (batch, T, H)."""
    state = keras.layers.Identity(name="context")(state)
    return ops.zeros_like(y[:, :, :1]) + ops.expand_dims(state, 1)


def _joined(parts: list[Any], name: str) -> Any:
    return keras.layers.Concatenate(name=name)(parts) if len(parts) > 1 else parts[0]


def _embedding(tokens: int, features: int, name: str) -> Any:
    """Of deviation 1: from Keras' own, ±0.05, states and scores start so near zero that attention is slow to form."""
    initializer = keras.initializers.RandomNormal(stddev=1.0)
    return keras.layers.Embedding(tokens, features, embeddings_initializer=initializer, name=name)


def _bridged(
    states: Sequence[Any], bidirectional: bool, n: int, dense: Callable[..., Any], activation: str | None
) -> list[Any]:
    """The states that decoder layer n begins with, in layers that a trained model can be asked for by name."""
    if not bidirectional:
        return [keras.layers.Identity(name=f"bridge_{n}_{i}")(state) for i, state in enumerate(states)]
    half = len(states) // 2
    pairs = enumerate(zip(states[:half], states[half:], strict=True))
    return [
        dense(pair[0].shape[-1], activation=activation, name=f"bridge_{n}_{i}")(keras.layers.Concatenate()(pair))
        for i, pair in pairs
    ]
