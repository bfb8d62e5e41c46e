"""Keras files: `.h5` of Keras 2 and of the time of TensorFlow 1, `.keras` of Keras 2 and 3, as models of Keras 3.

Layers that were written for cuDNN only (CuDNNGRU, CuDNNLSTM) become GRU and LSTM in the form that cuDNN takes. Keras 2's
hard_sigmoid becomes `gru_tf.recurrent.layers.hard_sigmoid`, because Keras 3 has another function of this name.

A config is rewritten from known parts (`gru_tf.interchange.keras.config`), weights are checked before they are read
(`gru_tf.interchange.keras.hdf5`), and from a `.keras` archive only the config, metadata and weights are read, by name:
no code in a file is run, and nothing from it is written anywhere.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gru_tf.foundation.errors import UserError, one_line
from gru_tf.interchange.keras import masks, sizes
from gru_tf.interchange.keras.build import built
from gru_tf.interchange.keras.file import KerasFile
from gru_tf.interchange.keras.keras_2_options import WHOLE
from gru_tf.interchange.keras.stock import CUDNN
from gru_tf.interchange.keras.tf_means import check_means
from gru_tf.interchange.model_states import ModelRun
from gru_tf.interchange.source import LENGTHS, Computation, NotComputable


@dataclass(frozen=True, eq=False)
class LegacyModel:
    """A Keras file as a model of Keras 3.

    Args:
        model: built and with its weights, not compiled.
        source: format and version, e.g. "Keras 2.2.4-tf .h5"; part of messages and of the model's record.
        warnings: sentences on what differs from the file.
        lengths: steps to verify with: those that the model computes.
        masks: a sentence on layers that treat masks otherwise than in the file's Keras, for messages; "" where none does.
    """

    model: Any
    source: str
    warnings: tuple[str, ...] = ()
    lengths: tuple[int, ...] = LENGTHS
    masks: str = ""


def read_model(path: Path | str) -> Any:
    """The `keras.Model` in a `.h5` or `.keras` file; see `read`."""
    return read(path).model


def read(path: Path | str) -> LegacyModel:
    """The model in a `.h5` or `.keras` file, with its source.

    Raises:
        UserError: for a file that is not a complete model, has an unknown layer, function or option, or weights that do
            not fit its layers; the message names them.
    """
    file = KerasFile(Path(path))
    model, lengths = _filled(file)
    warnings = []
    if "hard_sigmoid" in json.dumps(file.config) and file.keras_2:
        warnings.append(
            "hard_sigmoid is that of Keras 2, clip(0.2 x + 0.5, 0, 1), which Keras 3 does not have: the model names it"
            " gru_tf>keras2_hard_sigmoid, loads after `import gru_tf`, and layers with it do not use cuDNN"
        )
    otherwise = masks.difference(model) if file.keras_2 else ""
    if otherwise:
        warnings.append(f"{otherwise}: import it with verification")
    return LegacyModel(model, file.source, tuple(warnings), lengths, otherwise)


def framework(path: Path | str) -> tuple[str, Computation] | None:
    """TF-Keras, which is Keras 2: its name and version, and its own computation of the file.

    A file of Keras 2 it loads itself. For one of Keras 3 a model of its layers is built from the file's own config and
    weights, see `gru_tf.interchange.keras.counterpart`. None where it is not installed. The file is checked first, as in
    `read`, and of its config TF-Keras gets only classes and options: it would import a module that is named.

    Raises:
        UserError: as `read`.
        NotComputable: for a file of Keras 3 with a part that TF-Keras does not have, naming it.
    """
    file = KerasFile(Path(path))
    _filled(file)  # anything wrong with it is reported before the framework sees it
    try:
        import tf_keras
    except ImportError:
        return None
    called = f"TF-Keras {tf_keras.__version__}"
    if not file.keras_2:
        return f"{called}, from the file's own layers, options and weights", ModelRun(_counterpart(file))
    if file.path.suffix not in (".h5", ".hdf5", ".keras"):
        return None
    if file.archive is not None and any(f'"{kind}"' in json.dumps(file.config) for kind in CUDNN):
        return None  # TF-Keras converts weights of layers for cuDNN from .h5 only
    config = _without_modules(file.config)
    kind = tf_keras.Sequential if config["class_name"] == "Sequential" else tf_keras.Model
    try:
        # by Keras 2's own conversion; the options that layers for cuDNN lack have the right defaults in GRU and LSTM
        with tf_keras.utils.custom_object_scope({old: getattr(tf_keras.layers, new) for old, new in CUDNN.items()}):
            model = kind.from_config(config["config"])
        model.load_weights(file.path)
    except Exception as error:  # TF-Keras lets any exception through
        raise UserError(f"{file.where}: expected a file that TF-Keras loads. Received: {one_line(error)}") from None
    return called, ModelRun(model)


def _counterpart(file: KerasFile) -> Any:
    """The model of TF-Keras that computes what a file of Keras 3 says."""
    from gru_tf.interchange.keras.counterpart import graph, weights  # with TF-Keras

    model = graph.model(file.config)
    try:
        with file.weights() as contents:
            (weights.fill_by_name if file.archive is None else weights.fill_by_path)(model, file.config, contents)
        weights.finalize(model)
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        raise NotComputable(f"its weights are not placed as Keras 3 places them: {one_line(error)}") from None
    return model


def _without_modules(value: Any) -> Any:
    """A config of classes, options, names and nodes only: no modules, registered names or anything else."""
    if isinstance(value, list):
        return [_without_modules(each) for each in value]
    if not isinstance(value, dict):
        return value
    if value == {"class_name": "__ellipsis__"}:
        return ...  # Keras 2 writes it into a .h5 file, but does not read it
    if "class_name" not in value or "config" not in value:
        return {key: _without_modules(each) for key, each in value.items()}
    if value["class_name"] == "function":
        return value["config"]
    clean = {key: _without_modules(value[key]) for key in ("class_name", "config", "name", "inbound_nodes") if key in value}
    if clean["class_name"] == "Embedding" and clean["config"].get("dtype") in WHOLE:
        del clean["config"]["dtype"]  # that of its input, in old files: TF-Keras would make integers of its numbers
    return clean


def _filled(file: KerasFile) -> tuple[Any, tuple[int, ...]]:
    """The model in the file, with its weights, and lengths that it computes."""
    model = built(file, file.config, file.keras_2)
    if file.complete(model):
        model = built(file, file.config, file.keras_2)
    lengths = sizes.computable(file.where, model)
    if file.keras_2:
        check_means(file.where, model)
    file.fill(model)
    return model, lengths
