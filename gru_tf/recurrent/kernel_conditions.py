"""What the choice of a kernel depends on, and the conditions of each, as data; `gru_tf.recurrent.kernel_path` chooses.

The conditions of cuDNN are Keras 3.15's on TensorFlow, in keras/src/layers/rnn/{gru,lstm}.py and
keras/src/backend/tensorflow/rnn.py. `gru_tf.GRU` and `gru_tf.LSTM` differ in two of them, both in their favour: a mask that
cuDNN cannot take is sent to the loop instead of failing, and recurrent dropout is in the way only while training. Those of
the fused CPU kernels, `gru_tf.recurrent.kernels`, are this project's own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
from keras.layers import (  # at once: programs may put other classes in their place
    GRU,
    LSTM,
    RNN,
    SimpleRNN,
    SimpleRNNCell,
)
from keras.layers import GRUCell as StockGRUCell
from keras.layers import LSTMCell as StockLSTMCell

from gru_tf.recurrent import kernels, portability
from gru_tf.recurrent.cells.gru import GRUCell
from gru_tf.recurrent.cells.lstm import LSTMCell
from gru_tf.recurrent.cells.rnn import RNNCell

# kind of layer → the cells whose equations the fused kernels compute; a subclass may compute something else
KERNEL_CELLS = {
    "SimpleRNN": (SimpleRNNCell, RNNCell),
    "LSTM": (StockLSTMCell, LSTMCell),
    "GRU": (StockGRUCell, GRUCell),
}


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
        mask: None, "right-padded", "left-padded", "gaps" or "empty row".
        training: whether dropout is on.
        takes_kernel: whether the layer can call a fused kernel: one of this project's, or of Keras' and accelerated.
        cell: the class of its cell, with its layer; empty where the fused kernels compute it.
        dtype: that it computes in.
        no_kernels: why there are no fused kernels in this process; empty where there are.
        portable: whether the graph is to leave the process.
        by_steps: what of the cell only a loop over the steps computes; empty for nothing.
        quantized: the mode in which the cell's kernels are quantised; empty where they are not.
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
    cell: str = ""
    dtype: str = "float32"
    no_kernels: str = ""
    portable: bool = False
    by_steps: str = ""
    quantized: str = ""

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
    Condition(lambda f: not f.by_steps, "{by_steps}, cuDNN has none"),
    Condition(lambda f: not f.quantized, "its weights are quantised to {quantized}, cuDNN's are floats"),
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
    Condition(lambda f: not f.cell, "no fused kernel for {cell}"),
    Condition(lambda f: f.takes_kernel, "Keras' own layer; gru_tf.{kind} has a fused kernel"),
    Condition(lambda f: f.use_cudnn is not True, "use_cudnn=True"),
    Condition(lambda f: not f.by_steps, "{by_steps}, the fused kernels have none"),
    Condition(lambda f: not f.quantized, "its weights are quantised to {quantized}, the fused kernels' are floats"),
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


def facts_of(layer: Any, gpu: bool | None = None, mask: str | None = None, training: bool = True) -> Facts:
    """The facts of a recurrent Keras layer; see `gru_tf.recurrent.kernel_path.find_path`.

    Raises:
        ValueError: for a layer that is not recurrent.
    """
    if not isinstance(layer, RNN):
        raise ValueError(f"Expected a recurrent Keras layer. Received: layer={layer!r}")
    kinds = {"GRU": GRU, "LSTM": LSTM, "SimpleRNN": SimpleRNN}
    default = "scan" if getattr(layer, "scans", False) else "RNN"
    kind = next((name for name, layers in kinds.items() if isinstance(layer, layers)), default)
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
        cell="" if type(cell) in KERNEL_CELLS.get(kind, ()) else f"{type(layer).__name__} over {type(cell).__name__}",
        dtype=str(layer.compute_dtype),
        no_kernels=why_no_kernels(),
        portable=backend() == "tensorflow" and portability.leaves_process(),
        by_steps=getattr(cell, "by_steps", ""),
        quantized=str(getattr(cell, "quantization_mode", None) or ""),
    )


def _name(activation: Any, wanted: str) -> str:
    """The name, if the function is Keras' or TensorFlow's own; cuDNN is not chosen for one that merely equals it."""
    name = str(getattr(activation, "__name__", activation))
    if name != wanted:
        return name
    own = [getattr(keras.activations, wanted), getattr(keras.ops, wanted)]
    if backend() == "tensorflow":
        import tensorflow as tf

        own.append(getattr(tf, wanted))
    return name if activation in own else f"another function named {name}"


def why_no_kernels() -> str:
    """Why there are no fused kernels in this process; loads TensorFlow's part of them, once."""
    if (why := kernels.why_not()) or backend() != "tensorflow":
        return why
    from gru_tf.recurrent.kernels import operations

    return operations.why_not()


def backend() -> str:
    """The name of Keras' backend."""
    return str(keras.backend.backend())


def _sees_gpu() -> bool:
    if backend() != "tensorflow":
        return False
    import tensorflow as tf

    return bool(tf.config.list_logical_devices("GPU"))
