"""Recurrent stacks in a PyTorch state_dict: found by name, at any prefix, and checked part by part."""

from gru_tf.interchange.pytorch.stacks import made_anew
from gru_tf.interchange.pytorch.stacks.entries import BIASES, FLOATS, KEY, WEIGHTS, Stack, Tensor, choose, find, suffix
from gru_tf.interchange.pytorch.stacks.layers import CELLS, TITLES, Read, read

__all__ = [
    "BIASES",
    "CELLS",
    "FLOATS",
    "KEY",
    "TITLES",
    "WEIGHTS",
    "Read",
    "Stack",
    "Tensor",
    "choose",
    "find",
    "made_anew",
    "read",
    "suffix",
]
