"""Combinations that are known to fail or mislead, what happens, and what to use instead."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Combination:
    """A combination of settings.

    Args:
        what: the settings.
        then: what happens with them here.
        instead: what to use.
    """

    what: str
    then: str
    instead: str


KNOWN = (
    Combination(
        "training.jit: true with a stock gru or lstm on a GPU",
        "refused by check and run: XLA cannot compile cuDNN's operation",
        "jit: auto; or implementation: custom, which XLA compiles",
    ),
    Combination(
        "a sequence of length 0 in a task's data",
        "refused when the data are created, naming the row: cuDNN fails on it, and a mean over no steps is undefined",
        "remove such sequences",
    ),
    Combination(
        "a mask with an empty row, or not right-padded, on a GPU",
        "keras.layers.GRU and LSTM fail; gru_tf.GRU and LSTM run the loop for that batch",
        "pad on the right, or use gru_tf.GRU and LSTM",
    ),
    Combination(
        "use_cudnn=True where a condition of cuDNN is not met",
        "refused at the first call; layer.kernel_path() names the condition",
        'use_cudnn="auto"',
    ),
    Combination(
        "recurrent_dropout with cuDNN or a fused CPU kernel",
        "keras.layers.GRU silently avoids cuDNN, also for inference; gru_tf's layers avoid both, only while training",
        "dropout between layers, which works with both",
    ),
    Combination(
        "training.jit: true, or jit_compile=True, on a CPU",
        "XLA compiles Keras' loop: slower than the fused kernel, and seconds of compiling for each shape",
        "jit: auto; or no jit_compile, with gru_tf's layers",
    ),
    Combination(
        "a tf.function that was called, then saved by tf.saved_model.save",
        "the SavedModel holds the fused kernel's operation, and loads only where it is registered",
        "let the saving trace it, as model.export does, or trace it inside gru_tf.portable()",
    ),
    Combination(
        "bidirectional: true where each step predicts the next",
        "refused by check and run: the backward layer sees the target",
        "bidirectional: false",
    ),
    Combination(
        "deterministic kernels and Keras' own jit_compile='auto'",
        "enable_op_determinism() turns Keras' automatic XLA off; gru-tf run decides on XLA itself and keeps it",
        "jit_compile=True in your own program",
    ),
)
