"""Recurrent layers of arrays that are named as in Keras: the cell by its number of gates, the reset by its biases."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError, several
from gru_tf.interchange import option_names
from gru_tf.interchange.named_weights.contents import Entry, FileLayer
from gru_tf.interchange.network import Recurrent
from gru_tf.recurrent import gates
from gru_tf.recurrent.gates import GATES, GateWeights

CELLS = {len(names): cell for cell, names in GATES.items()}  # by gates
NEEDED = {"kernel", "recurrent_kernel"}
WRAPPED = re.compile(r"time_?distributed", re.IGNORECASE)
FORWARD, BACKWARD = "forward", "backward"  # beginnings of the names of a Bidirectional's layers


@dataclass(frozen=True, eq=False)
class Functions:
    """What a file of weights does not record of recurrent layers.

    Args:
        activation: of the candidate and the output.
        recurrent_activation: of the gates, None where it must be stated.
        reset_after: of a GRU without biases; None where it must be stated.
    """

    activation: str
    recurrent_activation: str | None
    reset_after: bool | None


def is_recurrent(layer: FileLayer) -> bool:
    """Whether it has a kernel that acts on a state."""
    return any(entry.role == "recurrent_kernel" for entry in layer.entries)


def read(layer: FileLayer, functions: Functions, where: str) -> tuple[Recurrent, ...]:
    """The recurrent layers in a layer of the file: one, or those of stacked cells.

    Args:
        layer: with a recurrent kernel.
        functions: what the file does not record.
        where: the file, for messages.

    Raises:
        UserError: for arrays that no GRU, LSTM or SimpleRNN has, and for what must be stated.
    """
    if WRAPPED.match(layer.kind or layer.name):  # reads each step of a sequence of sequences
        raise _strange(layer, where)
    parts: dict[str, dict[str, Entry]] = {}
    for entry in layer.entries:
        own = parts.setdefault(entry.within, {})
        if entry.role in own or entry.role not in NEEDED | {"bias"}:
            raise _strange(layer, where)
        own[entry.role] = entry
    cells = [(part, *_cell(own, layer, functions, where)) for part, own in parts.items()]
    directions = [part.split("/")[0].split("_")[0] for part, *_ in cells]
    if sorted(directions) == [BACKWARD, FORWARD]:
        forward, backward = (cells[directions.index(each)] for each in (FORWARD, BACKWARD))
        if (forward[1].cell, forward[1].units, forward[2]) != (backward[1].cell, backward[1].units, backward[2]):
            raise UserError(f"{where}: {layer.name}: expected both directions alike. Received: {several(layer.described())}")
        return (_recurrent(forward[1], forward[2], layer, functions, where, backward[1]),)
    stacked = all("cells" in part for part, *_ in cells) and not {FORWARD, BACKWARD} & set(directions)
    if len(cells) > 1 and not stacked:  # such as stacked cells in both directions, which are no stack of such layers
        raise _strange(layer, where)
    return tuple(_recurrent(weights, cudnn, layer, functions, where) for _, weights, cudnn in cells)


def _strange(layer: FileLayer, where: str) -> UserError:
    leave = option_names.called("leave_out", layer.name)
    expected = f"the arrays of a GRU, LSTM or SimpleRNN (kernel, recurrent_kernel, bias), or {leave}"
    return UserError(f"{where}: {layer.name}: expected {expected}. Received: {several(layer.described())}")


def _cell(own: Mapping[str, Entry], layer: FileLayer, functions: Functions, where: str) -> tuple[GateWeights, bool]:
    """The gates of one cell, and whether it is in the layout of a layer for cuDNN."""
    if not own.keys() >= NEEDED or any(own[role].array.ndim != 2 for role in NEEDED):
        raise _strange(layer, where)
    units, width = own["recurrent_kernel"].array.shape
    cell = CELLS.get(width // units) if units and width % units == 0 else None
    if cell is None:
        raise _strange(layer, where)
    bias = own["bias"].array if "bias" in own else None
    cudnn = bias is not None and cell != "rnn" and bias.shape == (2 * width,)
    name = _layout(cell, bias, cudnn, layer, functions, where)
    arrays: dict[str, Array] = {role: entry.array for role, entry in own.items()}
    try:
        return gates.read(arrays, name), cudnn
    except ValueError as error:
        raise UserError(f"{where}: {layer.name}: {str(error).removeprefix('gates: ')}") from None


def _layout(cell: str, bias: Array | None, cudnn: bool, layer: FileLayer, functions: Functions, where: str) -> str:
    """The name of the layout in `gates.LAYOUTS`."""
    if cudnn:
        return f"legacy_cudnn_{cell}"
    if cell != "gru":
        return f"keras_{cell}"
    stated = functions.reset_after
    if bias is None and stated is None:
        both = f"{option_names.called('reset_after', True)} or {option_names.called('reset_after', False)}"
        raise UserError(f"{where}: {layer.name}: expected {both}, which a GRU's biases tell. Received: a GRU without biases")
    after = bool(stated) if bias is None else bias.ndim == 2
    if stated is not None and stated != after:
        expected = (
            f"{option_names.called('reset_after', after)}, as its bias of shape {bias.shape if bias is not None else ()}"
        )
        raise UserError(
            f"{where}: {layer.name}: expected {expected} tells. Received: {option_names.called('reset_after', stated)}"
        )
    return "keras" if after else "keras_reset_before"


def _recurrent(
    weights: GateWeights,
    cudnn: bool,
    layer: FileLayer,
    functions: Functions,
    where: str,
    backward: GateWeights | None = None,
) -> Recurrent:
    if cudnn:  # these layers have no others
        return Recurrent(weights, backward, name=layer.name)
    if functions.recurrent_activation is None and weights.cell != "rnn":
        option = option_names.called("recurrent_activation", "hard_sigmoid")
        raise UserError(
            f"{where}: {layer.name}: expected {option}, the default of Keras before 2.3 and of TensorFlow 1, or"
            f" {option_names.called('recurrent_activation', 'sigmoid')}, that of later ones. Received: a file that does not"
            " say which wrote it"
        )
    gate = functions.recurrent_activation or "sigmoid"
    return Recurrent(weights, backward, False, functions.activation, gate, layer.name)


def widths(layers: Sequence[Recurrent]) -> tuple[int, int]:
    """Features that the first takes and the last gives."""
    return layers[0].forward.features, layers[-1].width
