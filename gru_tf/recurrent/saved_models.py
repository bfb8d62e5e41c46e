"""Lets a saved model be loaded by a process that imported `gru_tf` and none of its cells or layers.

Keras finds a custom class by the name under which its module registered it, so that the module has to be imported
first. The tables here name the module of each: `announce` registers a stand-in that imports the class when Keras asks it
to build one. A function that a module registers, such as an activation, has a stand-in that imports it when it is called.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

PACKAGE = "gru_tf"  # with which names are registered
CLASSES = {  # class → its module, below gru_tf.recurrent
    "AttentionCell": "layers.attention_cell",
    "AttentionDecoder": "layers.attention_decoder",
    "Bidirectional": "layers.bidirectional",
    "ConvGRU1D": "layers.conv_gru",
    "ConvGRU2D": "layers.conv_gru",
    "ConvGRU3D": "layers.conv_gru",
    "ChunkedMLSTM": "layers.chunked_mlstm",
    "GRU": "layers.gru",
    "GRUCell": "cells.gru",
    "GRUResetBeforeCell": "cells.gru_reset_before",
    "IndRNNCell": "cells.indrnn",
    "JANETCell": "cells.janet",
    "LRUCell": "cells.lru",
    "LSTM": "layers.lstm",
    "LSTMCell": "cells.lstm",
    "LayerNormGRUCell": "cells.layer_norm_gru",
    "LayerNormLSTMCell": "cells.layer_norm_lstm",
    "LayerNormRNNCell": "cells.layer_norm_rnn",
    "MaximumMagnitude": "cells.indrnn",
    "MGUCell": "cells.mgu",
    "MLSTMCell": "cells.mlstm",
    "MinGRUCell": "cells.min_gru",
    "MinLSTMCell": "cells.min_lstm",
    "OrthogonalByGate": "orthogonal_by_gate",
    "ParallelRNN": "layers.parallel_rnn",
    "QRNNCell": "cells.qrnn",
    "RNN": "layers.rnn",
    "RNNCell": "cells.rnn",
    "RecurrentStack": "layers.stack",
    "ReverseTime": "layers.reverse_time",
    "SRUCell": "cells.sru",
    "SLSTMCell": "cells.slstm",
    "SimpleRNN": "layers.simple_rnn",
}
FUNCTIONS = {
    "keras2_hard_sigmoid": "layers.hard_sigmoid",
    "positive": "cells._linear",
}


@dataclass(frozen=True)
class StandIn:
    """In the place of a class whose module is not imported yet; importing it takes the stand-in's place.

    Args:
        module: the module that registers the class.
        name: the class's name in it.
    """

    module: str
    name: str

    def from_config(self, config: dict[str, Any], **options: Any) -> Any:
        """The object of this configuration, by the class itself."""
        return getattr(import_module(self.module), self.name).from_config(config, **options)


def stand_ins() -> dict[str, StandIn]:
    """Registered name → stand-in, of every class that a module of cells or layers registers with Keras."""
    return _stand_ins(CLASSES)


def functions() -> dict[str, StandIn]:
    """Registered name → where it is, of every function that a module of cells or layers registers with Keras."""
    return _stand_ins(FUNCTIONS)


def _stand_ins(modules: dict[str, str]) -> dict[str, StandIn]:
    return {f"{PACKAGE}>{name}": StandIn(f"{__package__}.{module}", name) for name, module in modules.items()}


def announce(keras: Any) -> None:
    """Tell Keras the names of the cells' and layers' classes and functions; those that are registered already stay."""
    announce_classes(keras, stand_ins())
    registered = keras.saving.get_custom_objects()
    for name, where in functions().items():
        if name not in registered:
            keras.saving.register_keras_serializable(package=PACKAGE)(_calling(where))


def announce_classes(keras: Any, where: Mapping[str, StandIn]) -> None:
    """Tell Keras the registered names of classes, each with its stand-in; those that are registered already stay."""
    registered = keras.saving.get_custom_objects()
    for name, stand_in in where.items():
        registered.setdefault(name, stand_in)


def _calling(where: StandIn) -> Callable[..., Any]:
    """A function that Keras can name in a saved model, and that imports the one meant when it is called."""

    def stand_in(*inputs: Any, **options: Any) -> Any:
        return getattr(import_module(where.module), where.name)(*inputs, **options)

    stand_in.__module__, stand_in.__name__, stand_in.__qualname__ = where.module, where.name, where.name
    return stand_in
