"""Which kernel computes a recurrent layer, and if it is neither cuDNN nor a fused one, why.

The conditions are in `gru_tf.recurrent.kernel_conditions`; when `model.compile` takes XLA, in keras/src/trainers/trainer.py.
"""

from dataclasses import dataclass
from typing import Any

from gru_tf.recurrent.kernel_conditions import FUSED, OF_THE_ARGUMENTS, OF_THE_CALL, Facts, backend, facts_of, first_failing

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
    if backend() != "tensorflow":
        why = f"Keras' backend is {backend()}, these are TensorFlow's paths"
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
