"""Checkpoints of TensorFlow 1, of networks made of `rnn_cell` cells: variables found by their names.

A checkpoint holds variables and no program. What only the program says is given here: the forget bias that LSTM cells add
while they run, an activation other than tanh, the order of scopes, what is read at the end. Wrappers that have no
variables (dropout, residual connections) leave no trace in it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gru_tf import gates
from gru_tf.errors import UserError, did_you_mean, several
from gru_tf.gates import Gates
from gru_tf.interchange import tf1_run
from gru_tf.interchange.foreign import Foreign
from gru_tf.interchange.network import Linear, Network, Recurrent
from gru_tf.interchange.tf1_cells import Cell, Stack, stack

Array = np.ndarray[Any, np.dtype[Any]]
BIASES = {"kernel": "bias", "weights": "biases", "W": "b", "w": "b"}  # last part of a head's names, or its end after "_"
FRAMEWORK = "TensorFlow 1 checkpoint"


def read(
    path: Path | str,
    *,
    scopes: Sequence[str] = (),
    forget_bias: float = 1.0,
    activation: str = "tanh",
    embedding: str | bool | None = None,
    head: str | Sequence[str] | bool | None = None,
    every_step: bool = True,
    masked: bool = False,
) -> Foreign:
    """The network in a checkpoint.

    Args:
        path: its prefix, such as "model.ckpt-1000", one of its files, or its folder, whose newest is then read.
        scopes: where the recurrent layers are, from the first to the last, if there are cells in several scopes.
        forget_bias: what the program added to the forget gate; 1 where LSTM cells were told nothing else.
        activation: of the cells.
        embedding: the variable that token numbers are looked up in, (tokens, width); False: none; None: the one called so.
        head: kernels of the linear layers on top, (I, O), in their order; False: none; None: those whose shapes follow.
        every_step: whether the output is for each step, or for the last one.
        masked: whether it is told which steps are real.

    Raises:
        UserError: for a file that is no whole checkpoint, variables that are missing or do not fit, cells with peepholes or
            projections, or where more than one variable could be meant; the message names them.
    """
    where, variables, get = _opened(Path(path))
    own = {name: shape for name, shape in variables.items() if not _belongs_to_another(name, variables)}
    found = stack(own, scopes, where)
    arrays = {name: get(name) for layer in found.layers for cell in layer for name in cell.variables.values()}
    layers = _layers(found, arrays, forget_bias, activation, where)
    left = {name: shape for name, shape in own.items() if name not in arrays and _is_weight(name, shape)}
    table = _table(left, _key(embedding), layers[0].forward.features, where)
    left.pop(table, None)
    linear = _head(left, _listed(head), layers[-1].width, where)
    for name, bias in linear:
        left.pop(name, None)
        left.pop(bias or "", None)
    try:
        network = Network(
            tuple(layers),
            get(table) if table else None,
            tuple(Linear(get(name), get(bias) if bias else None, name) for name, bias in linear),
            every_step,
            masked,
            source=FRAMEWORK,
        )
    except ValueError as error:
        raise UserError(f"{where}: {error}") from None
    warnings = tuple(_warnings(found, layers, forget_bias, len(linear), list(left)))
    return Foreign(network, FRAMEWORK, tf1_run.framework(found, arrays, network, forget_bias, activation), warnings)


# --- the file ---


def _opened(path: Path) -> tuple[str, dict[str, tuple[int, ...]], Callable[[str], Array]]:
    """What to call it, the shapes of its variables, and what reads one."""
    import tensorflow as tf

    prefix = _prefix(path)
    where = prefix.name
    try:
        reader = tf.train.load_checkpoint(str(prefix))
        shapes = {name: tuple(shape) for name, shape in reader.get_variable_to_shape_map().items()}
    except (tf.errors.OpError, ValueError, RuntimeError, LookupError) as error:
        raise UserError(f"{where}: expected a whole checkpoint. Received: {_line(error)}") from None
    if any(".ATTRIBUTES" in name for name in shapes):
        raise UserError(
            f"{where}: expected a checkpoint of TensorFlow 1, with variables by name. Received: one of TensorFlow 2, of"
            " objects; load it in its program and save the Keras model"
        )

    def get(name: str) -> Array:
        try:
            found = np.asarray(reader.get_tensor(name))
        except (tf.errors.OpError, ValueError, RuntimeError, LookupError, MemoryError) as error:
            raise UserError(f"{where}: {name}: expected readable numbers. Received: {_line(error)}") from None
        if found.dtype.kind != "f":
            raise UserError(f"{where}: {name}: expected floating point numbers. Received: {found.dtype}")
        return found

    return where, shapes, get


def _prefix(path: Path) -> Path:
    """What the names of the checkpoint's files have in common."""
    if path.is_dir():
        return _newest(path)
    if found := re.fullmatch(r"(.+)\.(index|meta|data-\d{5}-of-\d{5})", path.name):
        return path.with_name(found[1])
    if not path.is_file() and not path.with_name(f"{path.name}.index").is_file():
        near = did_you_mean(path.name, [each.name.removesuffix(".index") for each in path.parent.glob("*.index")])
        raise UserError(
            f"{path}: expected a checkpoint's prefix, one of its files or its folder.{near} Received: no such file"
        )
    return path


def _newest(folder: Path) -> Path:
    """The checkpoint that a folder's `checkpoint` file names, always one in the folder itself."""
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


def _belongs_to_another(name: str, variables: Mapping[str, tuple[int, ...]]) -> bool:
    """Whether it is an optimizer's or an average: called like another variable, perhaps in a scope, and one word more."""
    parts = name.split("/")[:-1]
    return any("/".join(parts[n:]) in variables for n in range(len(parts)))


def _is_weight(name: str, shape: tuple[int, ...]) -> bool:
    return len(shape) > 0 and name not in ("global_step", "beta1_power", "beta2_power")


# --- recurrent layers ---


def _layers(found: Stack, arrays: Mapping[str, Array], added: float, activation: str, where: str) -> list[Recurrent]:
    layers: list[Recurrent] = []
    for n, cells in enumerate(found.layers):
        try:
            weights = [_gates(cell, arrays, added) for cell in cells]
        except ValueError as error:
            raise UserError(f"{where}: {cells[0].path}: {error}") from None
        if found.apart and n:
            weights = _reading_their_own(weights, layers[-1], cells, where)
        kind = cells[0].kind
        if any(cell.kind != kind for cell in cells):
            raise UserError(
                f"{where}: {cells[1].path}: expected the kind of cell of {cells[0].path}. Received: {cells[1].kind}"
            )
        backward = weights[1] if len(weights) > 1 else None
        layers.append(Recurrent(weights[0], backward, activation=activation, name=cells[0].path))
    return layers


def _gates(cell: Cell, arrays: Mapping[str, Array], added: float) -> Gates:
    found = gates.read({array: arrays[name] for array, name in cell.variables.items()}, f"tf1_{cell.kind}")
    return found.with_forget_bias(added) if cell.forget_bias else found


def _reading_their_own(weights: list[Gates], below: Recurrent, cells: Sequence[Cell], where: str) -> list[Gates]:
    """Each direction reads its own direction below: among the features of both, those of the other have weight zero."""
    widths = [direction.units for direction in below.directions]
    found = []
    for n, (one, cell) in enumerate(zip(weights, cells, strict=True)):
        if one.features != widths[n]:
            expected = f"{cell.path}: expected {widths[n]} features, from its own direction of the layer before"
            raise UserError(f"{where}: {expected}. Received: {one.features}")
        rows = [(0, widths[1]), (widths[0], 0)][n]
        blocks = {name: np.pad(block, (rows, (0, 0))) if name[0] == "W" else block for name, block in one.blocks.items()}
        found.append(Gates(blocks, one.convention, one.reset_after, one.cell))
    return found


# --- what lies around them ---


def _key(embedding: str | bool | None) -> str | None:
    """A key, "" for none of them, None for the one that fits."""
    return "" if embedding is False else None if embedding is True else embedding


def _listed(head: str | Sequence[str] | bool | None) -> Sequence[str] | None:
    """Keys; none of them for False."""
    if head is None or head is True:
        return None
    return () if head is False else [head] if isinstance(head, str) else head


def _table(left: Mapping[str, tuple[int, ...]], given: str | None, width: int, where: str) -> str:
    """The name of the embedding, or nothing."""
    if given is not None:
        if given and given not in left:
            raise UserError(
                f"{where}: {given}: expected a variable for `embedding`.{did_you_mean(given, left)} Received: none"
            )
        return given
    fits = [name for name, shape in left.items() if "embed" in name.lower() and len(shape) == 2 and shape[1] == width]
    if len(fits) > 1:
        raise UserError(
            f"{where}: expected one embedding of width {width}, or `embedding`. Received: {several(sorted(fits))}"
        )
    return fits[0] if fits else ""


def _head(
    left: Mapping[str, tuple[int, ...]], given: Sequence[str] | None, width: int, where: str
) -> list[tuple[str, str | None]]:
    """Names of kernel and bias of each linear layer on top: those given, or those whose shapes follow one another."""
    found: list[tuple[str, str | None]] = []
    matrices = {name: shape for name, shape in left.items() if len(shape) == 2 and "embed" not in name.lower()}
    for name in given or ():
        if len(left.get(name, ())) != 2:
            near = did_you_mean(name, left)
            raise UserError(
                f"{where}: {name}: expected a matrix for `head`.{near} Received: {left.get(name, 'no such variable')}"
            )
        found.append((name, _bias(name, left)))
    while given is None:
        taken = {name for name, _ in found}
        fits = sorted(name for name, shape in matrices.items() if shape[0] == width and name not in taken)
        if len(fits) > 1:
            raise UserError(
                f"{where}: expected one kernel that takes {width} features, or `head`. Received: {several(fits)}"
            )
        if not fits:
            break
        found.append((fits[0], _bias(fits[0], left)))
        width = left[fits[0]][1]
    return found


def _bias(kernel: str, left: Mapping[str, tuple[int, ...]]) -> str | None:
    """The vector that goes with a kernel: called like it, or the only one of its width in its scope."""
    width = left[kernel][1]
    vectors = [name for name, shape in left.items() if shape == (width,)]
    for one, other in BIASES.items():
        called = kernel[: -len(one)] + other
        if kernel.endswith(one) and called in vectors:
            return called
    scope = kernel.rpartition("/")[0]
    near = [name for name in vectors if name.rpartition("/")[0] == scope]
    return near[0] if len(near) == 1 else None


def _warnings(found: Stack, layers: Sequence[Recurrent], added: float, linear: int, left: Sequence[str]) -> list[str]:
    said = []
    if any(cell.forget_bias for layer in found.layers for cell in layer):
        said.append(
            f"forget_bias={added:g} is added to the forget gates' biases, as TensorFlow 1 added it while it ran; the file"
            " does not say how much: give forget_bias where the program said otherwise"
        )
    if found.apart:
        said.append(
            "each direction reads its own direction below alone: the weights of the other are zeros, and are trained"
        )
    if any(layer.forward.features == layer.width for layer in layers):
        said.append("a residual connection (ResidualWrapper) would leave no trace in the file; here there is none")
    if linear > 1:
        said.append(f"the {linear} layers on top are linear: the file does not say whether there was an activation between")
    if left:
        said.append(f"not read, for the file does not say what they are for: {several(sorted(left))}")
    return said


def _line(error: BaseException) -> str:
    return " ".join(str(getattr(error, "message", error)).split())[:200] or type(error).__name__
