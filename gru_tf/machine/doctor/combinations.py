"""Combinations that are known to fail or to mislead, what happens, and what to write instead."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Combination:
    """One of them.

    Args:
        what: is asked for.
        then: what this project does about it.
        instead: what to ask for.
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
        "refused when the data are made, naming the row: an empty row stops cuDNN, and a mean over no step is no number",
        "leave such sequences out",
    ),
    Combination(
        "a mask with an empty row, or not right-padded, on a GPU",
        "keras.layers.GRU and LSTM fail; gru_tf.GRU takes the loop for that batch",
        "pad on the right, or use gru_tf.GRU",
    ),
    Combination(
        "use_cudnn=True where a condition of cuDNN fails",
        "refused at the first call; layer.kernel_path() names the condition",
        'use_cudnn="auto"',
    ),
    Combination(
        "recurrent_dropout with cuDNN",
        "keras.layers.GRU leaves cuDNN without a word, also for inference; gru_tf.GRU only while training",
        "dropout between layers, which leaves cuDNN alone",
    ),
    Combination(
        "bidirectional: true where each step predicts the next",
        "refused by check and run: the backward layer reads the answer",
        "bidirectional: false",
    ),
    Combination(
        "deterministic kernels and Keras' own jit_compile='auto'",
        "enable_op_determinism() turns Keras' automatic XLA off; gru-tf run decides by itself and keeps it",
        "jit_compile=True in a program of your own",
    ),
)
