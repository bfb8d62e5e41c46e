"""An encoder reads one sequence of tokens, a decoder writes another and looks back at what was read by attention.

    h_1 … h_S, s_0 = encoder(x_1 … x_S)                      the cell's layers, in one or two directions
    s_t = decoder(y_{t−1}, s_{t−1})                          the same cell; y_0 is END            (Sutskever et al. 2014)
    a_t(i) = softmax_i(s_tᵀ W_a h_i)                         "general" attention over the real steps     (Luong eq. 7, 8)
    c_t = Σ_i a_t(i) h_i
    s̃_t = tanh(W_c [c_t; s_t])                                                                           (Luong eq. 5)
    p(y_t | y_1 … y_{t−1}, x) = softmax(W_s s̃_t + b_s)                                                   (Luong eq. 6)

Each decoder layer begins with the last states of the encoder layer of its depth; of a bidirectional one with a linear map
of both directions' states, one for each state of the cell. s̃ is not fed back into the next step (Luong's "input feeding"),
so that the recurrence sees nothing of the attention and runs over the whole target in one fused kernel.

The decoder is `gru_tf.AttentionDecoder`. A network is made of its parts, which are Keras' own layers, not of the layer: so
files load without this project, and those of earlier versions do.

Reference: M.-T. Luong, H. Pham, C. D. Manning, "Effective approaches to attention-based neural machine translation",
EMNLP 2015, arXiv 1508.04025; I. Sutskever, O. Vinyals, Q. V. Le, NIPS 2014, arXiv 1409.3215.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras

from gru_tf.recurrent.layers import recurrent
from gru_tf.recurrent.layers.attention_decoder import AttentionDecoder
from gru_tf.recurrent.layers.memory_attention import MemoryAttention
from gru_tf.training.network import dropouts
from gru_tf.training.network.resolution import ResolvedNetwork


def build(
    network: ResolvedNetwork,
    dropout: Callable[..., Any] = keras.layers.Dropout,
    ordinary: bool = False,
    dense: Callable[..., Any] = keras.layers.Dense,
    word_dropout: Callable[..., Any] | None = None,
) -> Any:
    """A `keras.Model`, ("sequence" (batch, S), "mask" (batch, S), "written" (batch, T)) → logits (batch, T, outputs).

    "written" holds what stands before each target: END and then the targets but the last. Where lengths do not vary
    there is no mask. Keras' own layers and the cell's are all that it is made of.

    Args:
        network: of a task with `decoded` targets; its units are those of each layer, of the attention and of s̃.
        dropout: makes the layer that follows each recurrent layer, or either embedding, where its rate is above 0.
        ordinary: whether recurrent layers are Keras' own where Keras has them.
        dense: makes the dense layers.
        word_dropout: makes the layer that drops words behind either embedding; None for none.
    """
    model, signature, cell, options = network.model, network.signature, network.cell, network.options
    units = network.units
    sequence = keras.Input((None,), dtype="int32", name="sequence")
    call = {"mask": keras.Input((None,), dtype="bool", name="mask")} if signature.varying else {}
    written = keras.Input((None,), dtype="int32", name="written")
    over_time = {"return_sequences": True, "return_state": True, "ordinary": ordinary}

    x, starts = _embedding(signature.tokens, signature.features, "embedding")(sequence), []
    x = dropouts.of_words(x, sequence, signature.tokens, model, word_dropout)
    x = dropouts.of_input(x, model, dropout)
    for n in range(model.layers):
        x, *states = recurrent(cell, units, options, model.implementation, model.bidirectional, **over_time)(x, **call)
        starts.append(_bridged(states, model.bidirectional, n, dense))
        x = dropouts.of_output(x, model, dropout)
    y = _embedding(signature.outputs, signature.features, "target_embedding")(written)
    y = dropouts.of_words(y, written, signature.outputs, model, word_dropout, "target_")
    y = dropouts.of_input(y, model, dropout, "target_")
    layers = []
    for n in range(model.layers):
        layers.append(recurrent(cell, units, options, model.implementation, name=f"decoder_{n}", **over_time))
        layers += [dropouts.layer_of_output(model, dropout)] if model.dropout > 0 else []
    decoder = AttentionDecoder(layers, attention=MemoryAttention("AttentionDecoder", units, dense=dense))
    y, _ = decoder.recur(y, [state for states in starts for state in states])
    context, _ = decoder.attention.context(y, [decoder.attention.keyed(x), x, *call.values()])
    attended = decoder.attention.output(context, y)
    head = dense(signature.outputs, name="head")(attended)
    return keras.Model([sequence, *call.values(), written], head, name=cell.name)


def _embedding(tokens: int, features: int, name: str) -> Any:
    """Of deviation 1: from Keras' own, ±0.05, states and scores start so near zero that attention is slow to form."""
    initializer = keras.initializers.RandomNormal(stddev=1.0)
    return keras.layers.Embedding(tokens, features, embeddings_initializer=initializer, name=name)


def _bridged(states: Sequence[Any], bidirectional: bool, n: int, dense: Callable[..., Any]) -> list[Any]:
    """The states that decoder layer n begins with, in layers that a trained model can be asked for by name."""
    if not bidirectional:
        return [keras.layers.Identity(name=f"bridge_{n}_{i}")(state) for i, state in enumerate(states)]
    half = len(states) // 2
    pairs = enumerate(zip(states[:half], states[half:], strict=True))
    return [dense(pair[0].shape[-1], name=f"bridge_{n}_{i}")(keras.layers.Concatenate()(pair)) for i, pair in pairs]


class SequenceWriter:
    """What decoding needs of a network that `build` made, or that was loaded from a file; shares its weights.

    Args:
        model: the network.
    """

    def __init__(self, model: Any):
        self.names = [layer.name for layer in model.layers]
        self.layer = model.get_layer
        depth = sum(name.startswith("decoder_") for name in self.names)
        counts = [sum(name.startswith(f"bridge_{n}_") for name in self.names) for n in range(depth)]
        starts = [self.layer(f"bridge_{n}_{i}").output for n in range(depth) for i in range(counts[n])]
        attention = MemoryAttention("AttentionDecoder", self.layer("keys").units, part=self.layer)
        self.decoder = AttentionDecoder([self.layer(f"decoder_{n}") for n in range(depth)], attention=attention)
        keys = self.layer("keys")
        self.reader = keras.Model(model.inputs[:-1], [keys.output, keys.input, *starts])

    def read(self, inputs: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """States before the first token, and what to attend to, of the inputs: tokens (batch, S), and the mask if any."""
        keys, values, *states = self.reader(list(inputs), training=False)
        return states, [keys, values, *inputs[1:]]

    def step(self, tokens: Any, states: list[Any], memory: list[Any]) -> tuple[Any, list[Any]]:
        """One step: the tokens before (batch,), states and memory → logits (batch, outputs), new states."""
        attended, new = self.decoder.step(self.layer("target_embedding")(tokens), states, memory)
        return self.layer("head")(attended[:, None])[:, 0], new  # of the shape of a sequence, as in training
