"""Which kernel computes a recurrent layer, and if it is neither cuDNN nor a fused one, why: the conditions, as data.

Those of cuDNN are Keras 3.15's on TensorFlow, in keras/src/layers/rnn/{gru,lstm}.py, keras/src/backend/tensorflow/rnn.py
and, for XLA, keras/src/trainers/trainer.py. `gru_tf.GRU` and `gru_tf.LSTM` differ in two of them, both in their favour: a
mask that cuDNN cannot take is sent to the loop instead of failing, and recurrent dropout is in the way only while training.
Those of the fused CPU kernels, `gru_tf.recurrent.kernels`, are this project's own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
from keras.layers import GRU, LSTM, RNN, SimpleRNN  # at once: programs may put other classes in their place

from gru_tf.recurrent import kernels, portability
from gru_tf.recurrent.cells._parallel import ParallelRNN

MASKS = (None, "right-padded", "left-padded", "gaps", "empty row")


@dataclass(frozen=True)
class Path:
    """What executes the recurrence.

    Args:
        name: "cudnn"; "fused cpu", this project's kernels; "while-loop", "unrolled" or "parallel scan", with "xla " before
            it where XLA compiles it; "fails" where the call raises; "loop" on another backend of Keras than TensorFlow.
        why_not_cudnn: the first of cuDNN's conditions that fails, in words; empty where the path is cuDNN.
        why_not_fused: the same of the fused kernels; empty where the path is theirs.
    """

    name: str
    why_not_cudnn: str = ""
    why_not_fused: str = ""

    def __str__(self) -> str:
        fast = self.name in ("cudnn", "fused cpu")
        reasons = [] if fast else dict.fromkeys(filter(None, (self.why_not_cudnn, self.why_not_fused)))
        return f"{self.name} ({'; '.join(reasons)})" if reasons else self.name


@dataclass(frozen=True)
class Facts:
    """What the choice depends on.

    Args:
        kind: "GRU", "LSTM", "SimpleRNN", or "RNN" for a layer that runs a cell step by step, "scan" for a parallel scan.
        ours: whether it is `gru_tf.GRU`, `gru_tf.LSTM` or `gru_tf.SimpleRNN`.
        masks_by_gate: whether each gate has a dropout mask of its own for the inputs.
        use_cudnn, recurrent_dropout, activation, recurrent_activation, unroll, use_bias, reset_after: the layer's own;
            the activations are "tanh" and "sigmoid" where they are Keras' or TensorFlow's own functions.
        gpu: whether TensorFlow sees a logical GPU.
        mask: one of `MASKS`.
        training: whether dropout is on.
        takes_kernel: whether the layer can call a fused kernel: one of this project's, or of Keras' and accelerated.
        dtype: that it computes in.
        no_kernels: why there are no fused kernels in this process; empty where there are.
        portable: whether the graph is to leave the process.
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
    takes_kernel: bool = False
    dtype: str = "float32"
    no_kernels: str = ""
    portable: bool = False

    @property
    def bars_xla(self) -> bool:
        """Whether `model.compile` leaves XLA off: the layer may hold cuDNN's operation, which XLA does not know."""
        return self.gpu and not first_failing(self, OF_THE_ARGUMENTS)


@dataclass(frozen=True)
class Condition:
    """A condition for a kernel: whether it holds, and what to say where it does not (a format of `Facts`)."""

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
FUSED = (
    Condition(lambda f: f.takes_kernel, "not one of gru_tf's layers GRU, LSTM and SimpleRNN"),
    Condition(lambda f: f.use_cudnn is not True, "use_cudnn=True"),
    Condition(lambda f: f.dtype in ("float32", "float64"), "computes in {dtype}, the fused kernels in float32 and float64"),
    Condition(lambda f: f.activation == "tanh", "activation is {activation}, not tanh"),
    Condition(
        lambda f: f.kind == "SimpleRNN" or f.recurrent_activation == "sigmoid",
        "recurrent_activation is {recurrent_activation}, not sigmoid",
    ),
    Condition(lambda f: not f.unroll, "unroll=True"),
    Condition(
        lambda f: not (f.recurrent_dropout and f.training),
        "recurrent_dropout={recurrent_dropout}, the fused kernels have none",
    ),
    Condition(lambda f: not (f.masks_by_gate and f.training), "implementation=1 draws a dropout mask for each gate"),
    Condition(lambda f: not f.gpu, "TensorFlow sees a GPU"),
    Condition(lambda f: not f.no_kernels, "{no_kernels}"),
    Condition(lambda f: not f.portable, "the graph is to leave this process"),
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
        layer: one of this project's or Keras' recurrent layers, or a `Bidirectional` around one.
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
        why = f"Keras' backend is {backend}, these are TensorFlow's paths"
        return Path("loop", why, why)
    return choose(facts_of(layer, gpu, mask, training), jit, deterministic)


def choose(facts: Facts, jit: bool | None = None, deterministic: bool = False) -> Path:
    """The path that follows from the facts; see `find_path`."""
    if jit is None:
        jit = facts.gpu and not deterministic and not facts.bars_xla
    why, why_not_fused = first_failing(facts), why_no_kernel(facts, jit)
    if failure := _failure(facts, why, jit):
        return Path("fails", failure, why_not_fused)
    if not why or not why_not_fused:
        return Path("fused cpu" if why else "cudnn", why, why_not_fused)
    loop = "unrolled" if facts.unroll else "parallel scan" if facts.kind == "scan" else "while-loop"
    return Path(f"xla {loop}" if jit else loop, why, why_not_fused)


def _failure(facts: Facts, why_not_cudnn: str, jit: bool) -> str:
    """Why the call will raise; empty where it will not."""
    if not why_not_cudnn:
        return "XLA cannot compile cuDNN's operation" if jit else ""
    if facts.kind in ("GRU", "LSTM") and facts.use_cudnn is True:
        return f"use_cudnn=True, but {why_not_cudnn}"
    if first_failing(facts, OF_THE_ARGUMENTS + OF_THE_CALL[:-1]):
        return ""
    if not facts.ours:  # all but the mask would do
        return why_not_cudnn
    return "XLA cannot compile cuDNN's operation, which stands beside the loop for other masks" if jit else ""


def why_no_kernel(facts: Facts, jit: bool) -> str:
    """The first condition of the fused kernels that does not hold, in words; empty where one computes the call.

    Args:
        facts: of the layer and its call.
        jit: whether XLA compiles the call.
    """
    return first_failing(facts, FUSED) or ("XLA compiles it" if jit else "")


def under_xla() -> bool:
    """Whether what is traced now is inside `tf.function(jit_compile=True)`."""
    import tensorflow as tf
    from tensorflow.python.ops import control_flow_util  # TensorFlow does not export it

    return bool(control_flow_util.GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph()))


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
        takes_kernel=getattr(layer, "takes_kernel", False),
        dtype=str(layer.compute_dtype),
        no_kernels=_why_no_kernels(),
        portable=_backend() == "tensorflow" and portability.leaves_process(),
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


def _why_no_kernels() -> str:
    """Why there are no fused kernels in this process; loads TensorFlow's part of them, once."""
    if (why := kernels.why_not()) or _backend() != "tensorflow":
        return why
    from gru_tf.recurrent.kernels import operations

    return operations.why_not()


def _backend() -> str:
    return str(keras.backend.backend())


def _sees_gpu() -> bool:
    if _backend() != "tensorflow":
        return False
    import tensorflow as tf

    return bool(tf.config.list_logical_devices("GPU"))
