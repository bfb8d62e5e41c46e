"""Recurrent stacks in a PyTorch state_dict: found by name, at any prefix, and checked part by part."""

from gru_tf.interchange.pytorch.stacks import parametrizations
from gru_tf.interchange.pytorch.stacks.layers import ACTIVATIONS, TITLES, LoadedStack, load
from gru_tf.interchange.pytorch.stacks.torch_stack import KEY, TorchStack, choose, find, named, suffix

__all__ = [
    "ACTIVATIONS",
    "KEY",
    "TITLES",
    "LoadedStack",
    "TorchStack",
    "choose",
    "find",
    "load",
    "named",
    "parametrizations",
    "suffix",
]
