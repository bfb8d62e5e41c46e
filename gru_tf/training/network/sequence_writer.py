"""A network that writes sequences, token by token: its encoder once, then its decoder step by step, with its weights."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
from keras import ops

from gru_tf.recurrent.layers.flat_states import output_place, run_cell, states_of
from gru_tf.recurrent.layers.memory_attention import MemoryAttention
from gru_tf.recurrent.layers.variable_dropout import VariableDropout
from gru_tf.recurrent.layers.word_dropout import WordDropout


class SequenceWriter:
    """What decoding needs of a network that `encoder_decoder.build` made, or that was loaded from a file, with its weights.

    Args:
        model: the network.
        training: whether it writes as in training, with dropout; see `same_noise`.
    """

    def __init__(self, model: Any, training: bool = False):
        self.names, self.training = [layer.name for layer in model.layers], training
        self.layer = model.get_layer
        self.whole = self.layer("decoder") if "decoder" in self.names else None  # with attention before each step
        depth = sum(name.startswith("decoder_") for name in self.names)
        recurrent = [self.layer(f"decoder_{n}") for n in range(depth)] if self.whole is None else self.whole.recurrent
        self.recurrent = recurrent
        counts = [sum(name.startswith(f"bridge_{n}_") for name in self.names) for n in range(len(recurrent))]
        starts = [self.layer(f"bridge_{n}_{i}").output for n in range(len(recurrent)) for i in range(counts[n])]
        self.attention = self._attention()
        self.reader = keras.Model(model.inputs[:-1], [*self._remembered(), *starts])
        written = {"target_embedding", "decoder", *(layer.name for layer in recurrent)}
        self.dropout = {name: layer for layer in model.layers for name in _behind(layer) if name in written}
        self._generators = [v for v in model.variables if v.path.endswith("seed_generator_state")]
        self._kept: dict[str, Any] = {}

    def _attention(self) -> Any:
        if self.whole is not None:
            return self.whole.attention
        if "keys" not in self.names:
            return None
        return MemoryAttention("AttentionDecoder", self.layer("keys").units, part=self.layer)

    def _remembered(self) -> list[Any]:
        if self.whole is not None:
            return [self.layer("memory").output]
        if self.attention is not None:
            return [self.layer("keys").output, self.layer("keys").input]
        return [self.layer("context").output] if "context" in self.names else []

    def read(self, inputs: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """States before the first token, and what to attend to, of the inputs: tokens (batch, S), and the mask if any."""
        outputs = self.reader(list(inputs), training=self.training)
        outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
        count = len(self._remembered())
        memory, states = outputs[:count], outputs[count:]
        if self.whole is not None:
            memory = self.attention.remember(memory[0], *inputs[1:])
        elif self.attention is not None:
            memory = [*memory, *inputs[1:]]
        return states, memory

    def step(self, tokens: Any, states: list[Any], memory: list[Any], t: Any = None) -> tuple[Any, list[Any]]:
        """One step: the tokens before (batch,), states and memory → logits (batch, outputs), new states; t counts steps."""
        y = self._dropped("target_embedding", self.layer("target_embedding")(tokens), t)

        def run(x: Any, states: list[Any]) -> tuple[Any, list[Any]]:
            return self._run(x, states, t)

        if self.attention is None:
            s, new = run(ops.concatenate([y, *memory], axis=-1) if memory else y, list(states))
            head = ops.concatenate([y, s, *memory], axis=-1) if memory else s
        else:
            head, _, _, new = self.attention.step(run, y, states, memory, self._place())
            if self.whole is not None:
                head = ops.concatenate([self._dropped("decoder", head, t), y], axis=-1)
        return self.layer("head")(head[:, None])[:, 0], new  # of the shape of a sequence, as in training

    def _place(self) -> int:
        *lower, top = self.recurrent
        below = sum(len(keras.tree.flatten(layer.cell.state_size)) for layer in lower)
        return below + output_place("AttentionDecoder", top.cell) if self.attention.attend_first else 0

    def _run(self, x: Any, rest: list[Any], t: Any) -> tuple[Any, list[Any]]:
        after: list[Any] = []
        for layer in self.recurrent:
            given, rest = states_of(layer, rest)
            x, new = run_cell(layer.cell, x, given, False)
            x, after = self._dropped(layer.name, x, t), after + new
        return x, after

    def _dropped(self, name: str, x: Any, t: Any) -> Any:
        """What is behind the layer of this name at step t: its outputs, less those that dropout drops in training."""
        if name not in self._kept:
            return x
        return self.dropout[name].dropped(x, self._kept[name][:, t])

    @contextmanager
    def same_noise(self, rows: int, steps: int) -> Iterator[None]:
        """Within it, what is dropped is what the network drops when it is next called in training, on arrays of this size.

        The generators stand afterwards where they stood before.
        """
        before = [variable.value + 0 for variable in self._generators]
        for name, layer in self.dropout.items() if self.training else ():
            shape = (rows, steps, layer.output.shape[-1])
            self._kept[name] = ops.broadcast_to(layer.kept(shape), shape)  # of one mask for all steps, that mask
        yield
        self._kept = {}
        for variable, state in zip(self._generators, before, strict=True):
            variable.assign(state)


def _behind(layer: Any) -> list[str]:
    """The name of the layer whose outputs a layer of dropout drops; none of any other layer, of one that drops words too."""
    drops = isinstance(layer, VariableDropout) and not isinstance(layer, WordDropout)
    return [layer.input._keras_history.operation.name] if drops else []
