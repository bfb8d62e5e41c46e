"""Keras files: `.h5` of Keras 2 and of TensorFlow 1's times, `.keras` of Keras 2 and 3, as models of Keras 3.

Layers that were programmed for cuDNN alone (CuDNNGRU, CuDNNLSTM) become GRU and LSTM in the form that cuDNN takes. What
Keras 2 calls hard_sigmoid becomes `gru_tf.recurrent.layers.hard_sigmoid`, for Keras 3 means another function by it.

A config is rewritten from known parts (`gru_tf.interchange.keras.config`), weights are looked through before they are read
(`gru_tf.interchange.keras.hdf5`), and of a `.keras` archive only its config, metadata and weights are read, by their names:
nothing of a file is run and nothing of it is written anywhere.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from gru_tf.foundation.errors import UserError, one_line
from gru_tf.interchange.keras.config import ConfigRewriter
from gru_tf.interchange.keras.file import File, Room
from gru_tf.interchange.keras.stock import CUDNN
from gru_tf.interchange.model_states import ModelRun
from gru_tf.interchange.source import Computation


@dataclass(frozen=True, eq=False)
class LegacyModel:
    """A Keras file that was read.

    Args:
        model: of Keras 3, built and with its weights, not compiled.
        source: format and version, e.g. "Keras 2.2.4-tf .h5"; stands in messages and in the model's metadata.
        warnings: sentences on what is not as in the file.
    """

    model: Any
    source: str
    warnings: tuple[str, ...] = ()


def read_model(path: Path | str) -> Any:
    """The `keras.Model` in a `.h5` or `.keras` file; see `read`."""
    return read(path).model


def read(path: Path | str) -> LegacyModel:
    """The model in a `.h5` or `.keras` file, with where it comes from.

    Raises:
        UserError: for a file that is no whole model, has a layer, function or option that is not known, or weights that do
            not belong to its layers; the message names them.
    """
    file = File(Path(path))
    model = _built(file)
    file.fill(model)
    warnings = []
    if "hard_sigmoid" in json.dumps(file.config) and file.keras_2:
        warnings.append(
            "hard_sigmoid is the one of Keras 2, clip(0.2 x + 0.5, 0, 1), which Keras 3 does not have: the model names it"
            " gru_tf>keras2_hard_sigmoid, loads after `import gru_tf`, and layers with it do without cuDNN"
        )
    return LegacyModel(model, file.source, tuple(warnings))


def framework(path: Path | str) -> tuple[str, Computation] | None:
    """TF-Keras, which is Keras 2: its name and version, and its own computation of the file.

    None without it, and for files of Keras 3, which are read by Keras itself. The file is checked as in `read` first, and
    of its config TF-Keras gets classes and options: by a module's name it would import the module.

    Raises:
        UserError: as `read`.
    """
    file = File(Path(path))
    file.fill(_built(file))  # whatever is wrong with it is said before the framework sees it
    if not file.keras_2 or file.path.suffix not in (".h5", ".hdf5", ".keras"):
        return None
    if file.archive is not None and any(f'"{kind}"' in json.dumps(file.config) for kind in CUDNN):
        return None  # it converts weights of layers for cuDNN from .h5 alone
    try:
        import tf_keras
    except ImportError:
        return None
    config = _bare(file.config)
    kind = tf_keras.Sequential if config["class_name"] == "Sequential" else tf_keras.Model
    try:
        # by Keras 2's own conversion; GRU and LSTM have the options that layers for cuDNN lack at their values there
        with tf_keras.utils.custom_object_scope({old: getattr(tf_keras.layers, new) for old, new in CUDNN.items()}):
            model = kind.from_config(config["config"])
        model.load_weights(file.path)
    except Exception as error:  # it raises whatever it meets
        raise UserError(f"{file.where}: expected a file that TF-Keras loads. Received: {one_line(error)}") from None
    return f"TF-Keras {tf_keras.__version__}", ModelRun(model)


def _bare(value: Any) -> Any:
    """A config without modules, registered names and whatever else stands beside classes and their options."""
    if isinstance(value, list):
        return [_bare(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "class_name" not in value or "config" not in value:
        return {key: _bare(each) for key, each in value.items()}
    if value["class_name"] == "function":
        return value["config"]
    return {key: _bare(value[key]) for key in ("class_name", "config", "name", "inbound_nodes") if key in value}


def _built(file: File) -> Any:
    """The model of the file's config, with the weights that a new model has."""
    room = Room(file)
    try:
        clean = ConfigRewriter(file.where, file.keras_2).model(file.config)
        with room:
            return keras.saving.deserialize_keras_object(clean, safe_mode=True)
    except UserError:
        raise
    except RecursionError:
        raise UserError(f"{file.where}: expected a model. Received: a config nested too deep") from None
    except Exception as error:  # Keras raises whatever the wrong option leads to
        if room.refused:
            raise room.refused from None
        raise UserError(f"{file.where}: expected a config that Keras can build. Received: {one_line(error)}") from None
