"""A TensorFlow 1 checkpoint on disk: its files, its variables, and which of them are weights."""

import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError, did_you_mean, one_line, several
from gru_tf.interchange.tensorflow.saved_model_file import folder_of

Shapes = Mapping[str, tuple[int, ...]]


def open_checkpoint(path: Path) -> tuple[Path, dict[str, tuple[int, ...]], Callable[[str], Array]]:
    """The common beginning of a checkpoint's files, the shapes of its variables, and a function that reads one of them.

    Raises:
        UserError: for what is not a complete checkpoint of TensorFlow 1; the function for variables that are not numbers.
    """
    prefix, shapes, get, _ = open_any(path)
    if any(".ATTRIBUTES" in name or name == "_CHECKPOINTABLE_OBJECT_GRAPH" for name in shapes):
        if (folder := folder_of(prefix)) is not None:
            raise folder.without_layers()
        layers = sorted({match[0] for name in shapes if (match := re.search(r"layer_with_weights-\d+", name))})
        sonnet = any(re.search(r"/_?w_[ih]/\.ATTR", name) for name in shapes)
        of = f" {several(layers)}" if layers else " of Sonnet 2" if sonnet else ""
        raise UserError(
            f"{prefix.name}: expected a checkpoint of TensorFlow 1, with variables by name. Received: one of TensorFlow 2,"
            f" of objects{of}, which states no layers: in its program, load it (model.load_weights, or"
            " tf.train.Checkpoint(model=model).restore) and save the model by model.save('model.keras')"
        )
    return prefix, shapes, get


def open_any(
    path: Path,
) -> tuple[Path, dict[str, tuple[int, ...]], Callable[[str], Array], Callable[[str], Any]]:
    """The same of a checkpoint of any age, and a function that reads what is not numbers."""
    prefix = _prefix(path)
    reader, shapes = _reader(prefix)
    return prefix, shapes, cache(lambda name: _array(reader, name, prefix.name)), reader.get_tensor


def _reader(prefix: Path) -> tuple[Any, dict[str, tuple[int, ...]]]:
    import tensorflow as tf

    try:
        reader = tf.train.load_checkpoint(str(prefix))
        return reader, {name: tuple(shape) for name, shape in reader.get_variable_to_shape_map().items()}
    except (tf.errors.OpError, ValueError, RuntimeError, LookupError) as error:
        raise UserError(f"{prefix.name}: expected a complete checkpoint. Received: {_line(error)}") from None


def _array(reader: Any, name: str, where: str) -> Array:
    import tensorflow as tf

    try:
        array = np.asarray(reader.get_tensor(name))
    except (tf.errors.OpError, ValueError, RuntimeError, LookupError, MemoryError) as error:
        raise UserError(f"{where}: {name}: expected readable numbers. Received: {_line(error)}") from None
    if array.dtype.kind != "f":
        raise UserError(f"{where}: {name}: expected floating point numbers. Received: {array.dtype}")
    return array


def _prefix(path: Path) -> Path:
    """The common beginning of the names of the checkpoint's files."""
    if path.is_dir():
        within = path / "variables" / "variables"  # of a SavedModel
        return within if within.with_name("variables.index").is_file() else _newest(path)
    if match := re.fullmatch(r"(.+)\.(index|meta|data-\d{5}-of-\d{5})", path.name):
        return path.with_name(match[1])
    if not path.is_file() and not path.with_name(f"{path.name}.index").is_file():
        near = did_you_mean(path.name, [each.name.removesuffix(".index") for each in path.parent.glob("*.index")])
        raise UserError(
            f"{path}: expected a checkpoint's prefix, one of its files or its folder.{near} Received: no such file"
        )
    return path


def _newest(folder: Path) -> Path:
    """The checkpoint named by a folder's `checkpoint` file, always one in the folder itself."""
    import tensorflow as tf

    try:
        state = tf.train.get_checkpoint_state(str(folder)) if (folder / "checkpoint").is_file() else None
    except (tf.errors.OpError, ValueError) as error:
        raise UserError(f"{folder}: checkpoint: expected a checkpoint's name. Received: {_line(error)}") from None
    names = (
        [state.model_checkpoint_path] if state else sorted(str(each)[: -len(".index")] for each in folder.glob("*.index"))
    )
    if len(names) != 1 or not names[0]:
        known = several([Path(name).name for name in names])
        raise UserError(
            f"{folder}: expected a folder with one checkpoint, or a file `checkpoint`. Received: {known or 'none'}"
        )
    return folder / Path(names[0]).name


def _line(error: BaseException) -> str:
    return one_line(getattr(error, "message", "") or error)


def without_optimizers(variables: Shapes) -> dict[str, tuple[int, ...]]:
    """Variables that belong to no optimizer and are not averages of others."""
    return {name: shape for name, shape in variables.items() if not _belongs_to_another(name, variables)}


def _belongs_to_another(name: str, variables: Shapes) -> bool:
    """Whether it is an optimizer's or an average: its name is another variable's, perhaps in a scope, and one word more."""
    parts = name.split("/")[:-1]
    return any("/".join(parts[n:]) in variables for n in range(len(parts)))


def is_weight(name: str, shape: tuple[int, ...]) -> bool:
    """Whether a variable is one of a layer, not a counter of steps or the like."""
    return len(shape) > 0 and name not in ("global_step", "beta1_power", "beta2_power")
