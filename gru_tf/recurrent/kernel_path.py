"""Which kernel computes a recurrent layer, and if it is not cuDNN, why: Keras 3.15's conditions on TensorFlow, as data.

The conditions are those of keras/src/layers/rnn/{gru,lstm}.py, keras/src/backend/tensorflow/rnn.py and, for XLA,
keras/src/trainers/trainer.py. `gru_tf.GRU` differs in two of them, both in its favour: a mask that cuDNN cannot take is
sent to the loop instead of failing, and recurrent dropout is in the way only while training.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
from keras.layers import GRU, LSTM, RNN, SimpleRNN  # at once: programs may put other classes in their place

from gru_tf.recurrent.cells._parallel import ParallelRNN

MASKS = (None, "right-padded", "left-padded", "gaps", "empty row")


@dataclass(frozen=True)
class Path:
    """What executes the recurrence.

    Args:
        name: "cudnn"; "while-loop", "unrolled" or "parallel scan", with "xla " before it where XLA compiles it; "fails"
            where the call raises; "loop" on another backend of Keras than TensorFlow.
        why_not_cudnn: the first condition that fails, in words; empty where the path is cuDNN.
    """

    name: str
    why_not_cudnn: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.why_not_cudnn})" if self.why_not_cudnn else self.name


@dataclass(frozen=True)
class Facts:
    """What the choice depends on.

    Args:
        kind: "GRU", "LSTM", "SimpleRNN", or "RNN" for a layer that runs a cell step by step, "scan" for a parallel scan.
        ours: whether it is `gru_tf.GRU`.
        masks_by_gate: whether each gate has a dropout mask of its own for the inputs.
        use_cudnn, recurrent_dropout, activation, recurrent_activation, unroll, use_bias, reset_after: the layer's own;
            the activations are "tanh" and "sigmoid" where they are Keras' or TensorFlow's own functions.
        gpu: whether TensorFlow sees a logical GPU.
        mask: one of `MASKS`.
        training: whether dropout is on.
    """

    kind: str
    ours: bool
    use_cudnn: Any
    recurrent_dropout: float
    masks_by_gate: bool
    activation: str
    recurrent_activation: str
    unroll: bool
    use_bias: bool
    reset_after: bool
    gpu: bool
    mask: str | None
    training: bool

    @property
    def bars_xla(self) -> bool:
        """Whether `model.compile` leaves XLA off: the layer may hold cuDNN's operation, which XLA does not know."""
        return self.gpu and not first_failing(self, OF_THE_ARGUMENTS)


@dataclass(frozen=True)
class Condition:
    """One of the conditions for cuDNN: whether it holds, and what to say where it does not (a format of `Facts`)."""

    holds: Callable[[Facts], bool]
    words: str


OF_THE_ARGUMENTS = (
    Condition(lambda f: f.kind in ("GRU", "LSTM"), "not one of cuDNN's layers, GRU and LSTM"),
    Condition(lambda f: f.use_cudnn is not False, "use_cudnn=False"),
    Condition(lambda f: f.activation == "tanh", "activation is {activation}, not tanh"),
    Condition(lambda f: f.recurrent_activation == "sigmoid", "recurrent_activation is {recurrent_activation}, not sigmoid"),
    Condition(lambda f: not f.unroll, "unroll=True"),
    Condition(lambda f: f.use_bias, "use_bias=False, cuDNN has biases"),
    Condition(lambda f: f.reset_after, "reset_after=False, cuDNN resets after the product"),
)
OF_THE_CALL = (
    Condition(
        lambda f: not f.recurrent_dropout or (f.ours and not f.training),
        "recurrent_dropout={recurrent_dropout}, cuDNN has none",
    ),
    Condition(lambda f: not (f.masks_by_gate and f.training), "implementation=1 draws a dropout mask for each gate"),
    Condition(lambda f: f.gpu, "TensorFlow sees no GPU"),
    Condition(lambda f: f.mask in (None, "right-padded"), "the mask is not right-padded with a step in every row: {mask}"),
)


def first_failing(facts: Facts, conditions: tuple[Condition, ...] = OF_THE_ARGUMENTS + OF_THE_CALL) -> str:
    """The first of the conditions that does not hold, in words; empty where all hold."""
    return next((c.words.format_map(vars(facts)) for c in conditions if not c.holds(facts)), "")


def find_path(
    layer: Any,
    gpu: bool | None = None,
    mask: str | None = None,
    training: bool = True,
    jit: bool | None = None,
    deterministic: bool = False,
) -> Path:
    """The path that a recurrent layer's call will take on TensorFlow; of a `Bidirectional`, its forward layer's.

    Args:
        layer: `gru_tf.GRU`, one of Keras' recurrent layers or a `Bidirectional` around one.
        gpu: whether TensorFlow sees a logical GPU; None asks it, which initialises its devices.
        mask: what kind of mask comes with the call; None for no mask.
        training: whether the call is a training step.
        jit: True for `tf.function(jit_compile=True)`, False for no XLA, None for what `model.compile` resolves "auto"
            to for a model whose other layers have no objection.
        deterministic: whether `tf.config.experimental.enable_op_determinism()` was called, which turns "auto" off.

    Raises:
        ValueError: for an unknown kind of mask and for a layer that is not recurrent.
    """
    if mask not in MASKS:
        raise ValueError(f"Expected `mask` to be one of {MASKS}. Received: mask={mask!r}")
    layer = getattr(layer, "forward_layer", layer)
    backend = _backend()
    if backend != "tensorflow":
        return Path("loop", f"Keras' backend is {backend}, these are TensorFlow's paths")
    return choose(facts_of(layer, gpu, mask, training), jit, deterministic)


def choose(facts: Facts, jit: bool | None = None, deterministic: bool = False) -> Path:
    """The path that follows from the facts; see `find_path`."""
    why = first_failing(facts)
    only_mask = why and not first_failing(facts, OF_THE_ARGUMENTS + OF_THE_CALL[:-1])
    if not why:
        return Path("fails", "XLA cannot compile cuDNN's operation") if jit else Path("cudnn")
    if facts.kind in ("GRU", "LSTM") and facts.use_cudnn is True:
        return Path("fails", f"use_cudnn=True, but {why}")
    if only_mask and not facts.ours:
        return Path("fails", why)
    if only_mask and jit:
        return Path("fails", "XLA cannot compile cuDNN's operation, which stands beside the loop for other masks")
    if jit is None:
        jit = facts.gpu and not deterministic and not facts.bars_xla
    loop = "unrolled" if facts.unroll else "parallel scan" if facts.kind == "scan" else "while-loop"
    return Path(f"xla {loop}" if jit else loop, why)


def facts_of(layer: Any, gpu: bool | None = None, mask: str | None = None, training: bool = True) -> Facts:
    """The facts of a recurrent Keras layer; see `find_path`.

    Raises:
        ValueError: for a layer that is not recurrent.
    """
    if not isinstance(layer, RNN):
        raise ValueError(f"Expected a recurrent Keras layer. Received: layer={layer!r}")
    kinds = {"GRU": GRU, "LSTM": LSTM, "SimpleRNN": SimpleRNN, "scan": ParallelRNN}
    kind = next((name for name, layers in kinds.items() if isinstance(layer, layers)), "RNN")
    cell = layer.cell
    return Facts(
        kind=kind,
        ours=hasattr(layer, "kernel_path"),
        use_cudnn=getattr(layer, "use_cudnn", "auto"),
        recurrent_dropout=getattr(cell, "recurrent_dropout", 0.0),
        masks_by_gate=getattr(cell, "implementation", 2) == 1 and getattr(cell, "dropout", 0.0) > 0,
        activation=_name(getattr(cell, "activation", None), "tanh"),
        recurrent_activation=_name(getattr(cell, "recurrent_activation", None), "sigmoid"),
        unroll=layer.unroll,
        use_bias=getattr(cell, "use_bias", True),
        reset_after=getattr(cell, "reset_after", True),
        gpu=_sees_gpu() if gpu is None else gpu,
        mask=mask,
        training=training,
    )


def _name(activation: Any, wanted: str) -> str:
    """The name, if the function is Keras' or TensorFlow's own; cuDNN is not chosen for one that merely equals it."""
    name = str(getattr(activation, "__name__", activation))
    if name != wanted:
        return name
    own = [getattr(keras.activations, wanted), getattr(keras.ops, wanted)]
    if _backend() == "tensorflow":
        import tensorflow as tf

        own.append(getattr(tf, wanted))
    return name if activation in own else f"another function named {name}"


def _backend() -> str:
    return str(keras.backend.backend())


def _sees_gpu() -> bool:
    if _backend() != "tensorflow":
        return False
    import tensorflow as tf

    return bool(tf.config.list_logical_devices("GPU"))
