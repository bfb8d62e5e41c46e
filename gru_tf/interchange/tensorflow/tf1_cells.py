"""Cells of TensorFlow 1's `rnn_cell`, by the names of their variables: layers, directions, what cannot be converted."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gru_tf.foundation.errors import UserError, did_you_mean, several
from gru_tf.interchange import option_names

LSTM = {"basic_lstm_cell", "lstm_cell", "lstm_block_cell", "lstm_fused_cell", "cudnn_compatible_lstm_cell"}
WITHOUT_FORGET_BIAS = {"cudnn_compatible_lstm_cell"}
RNN = {"basic_rnn_cell", "rnn_cell"}
LETTERS = {"kernel": ("kernel", "weights"), "bias": ("bias", "biases")}  # since 1.2, before
GRU_PARTS = {f"{part}_{letter}": f"{part}/{letter}" for part in ("gates", "candidate") for letter in LETTERS}
GRU_BLOCK = {"gates_kernel": "w_ru", "gates_bias": "b_ru", "candidate_kernel": "w_c", "candidate_bias": "b_c"}
SONNET_LSTM = {"kernel": "w_gates", "bias": "b_gates"}
REASONS = {
    r"w_[fio]_diag": "peepholes, gates that read the cell's state: no stock Keras layer has them",
    r"w_h_projection": "a projection of the output: no stock Keras layer has one",
    r".*(layer_norm|batch_norm|gamma_|beta_).*": "a normalization within the cell: no stock Keras layer has one",
    r"projection/.*": "a projection of the output (num_proj): no stock Keras layer has one",
    r"candidate/(input|hidden)_projection/.*": "CudnnCompatibleGRUCell: save the CudnnGRU's Keras model as .h5 instead",
}


@dataclass(frozen=True)
class Cell:
    """One cell.

    Args:
        kind: "gru", "lstm" or "rnn".
        path: the beginning of its variables' names.
        variables: array of the layout "tf1_gru", "tf1_lstm" or "tf1_rnn" → name of the variable.
        forget_bias: whether the program adds one at run time.
    """

    kind: str
    path: str
    variables: Mapping[str, str]
    forget_bias: bool = False


@dataclass(frozen=True)
class Tf1Stack:
    """Layers of cells.

    Args:
        layers: from the first to the last, each of one cell or of a forward and a backward one.
        separate: whether each direction is a stack of its own, whose layers read only their own direction.
    """

    layers: tuple[tuple[Cell, ...], ...]
    separate: bool = False


@dataclass(frozen=True)
class _Place:
    """The place of a cell: its scope, its layer, its direction."""

    scope: str
    layer: int
    direction: str
    within: bool  # whether the layers are counted within the direction


def find_stack(
    variables: Collection[str], scopes: Sequence[str], where: str, order: Callable[[Mapping[str, Cell]], Sequence[str]]
) -> Tf1Stack:
    """Find the recurrent layers among variables of these names, without those of optimizers.

    Args:
        variables: names.
        scopes: of the layers, in order, if the cells have several scopes.
        where: the file, for messages.
        order: of several scopes, each with one of its cells, where none are given; none where it is not known.

    Raises:
        UserError: naming the variable or scope that does not fit.
    """
    cells_by_scope: dict[str, dict[tuple[int, str], Cell]] = {}
    within: set[str] = set()
    for cell in _cells(variables, where):
        place = _place(cell.path)
        cells = cells_by_scope.setdefault(place.scope, {})
        if (place.layer, place.direction) in cells:
            other = cells[place.layer, place.direction].path
            raise UserError(f"{where}: {cell.path}: expected one cell in each layer and direction. Received: also {other}")
        cells[place.layer, place.direction] = cell
        within |= {place.scope} if place.within and place.layer else set()
    if not cells_by_scope:
        known = "gru_cell/gates/kernel, basic_lstm_cell/kernel, lstm_cell/kernel or basic_rnn_cell/kernel"
        raise UserError(f"{where}: expected variables of rnn_cell, such as {known}. Received: {several(sorted(variables))}")
    if not scopes and len(cells_by_scope) > 1:
        scopes = order({scope: next(iter(cells.values())) for scope, cells in cells_by_scope.items()})
    chosen = _chosen(list(cells_by_scope), scopes, where)
    if len(chosen) > 1 and within & set(chosen):
        raise UserError(
            f"{where}: expected one scope where MultiRNNCell runs in two directions. Received: {several(chosen)}"
        )
    layers = tuple(layer for scope in chosen for layer in _layers(cells_by_scope[scope], scope, where))
    return Tf1Stack(layers, bool(within & set(chosen)))


def _cells(variables: Collection[str], where: str) -> Iterator[Cell]:
    claimed: set[str] = set()
    for name in sorted(variables):
        cell = _cell(name, variables, where)
        if cell is not None:
            claimed |= set(cell.variables.values())
            others = [
                other for other in variables if other.startswith(f"{cell.path}/") and other not in cell.variables.values()
            ]
            _refuse(cell.path, others, where)
            yield cell
    for name in sorted(set(variables) - claimed):
        strange = re.search(r"(?:^|/)((?!multi_)\w+_cell(?:_v2)?)(?:_\d+)?/", name)
        sonnet = re.search(r"(?:^|/)(uz|ur)$", name)
        if strange or sonnet or "attention" in name.lower():
            gru = "Sonnet's GRU, whose update gate is the other way round; save it as a Keras model"
            kind = strange[1] if strange else gru if sonnet else "attention"
            raise UserError(f"{where}: {name}: expected a GRU, LSTM or basic RNN cell of rnn_cell. Received: {kind}")


def _cell(name: str, variables: Collection[str], where: str) -> Cell | None:
    """The cell whose first variable has this name."""
    if match := re.fullmatch(r"(.*)/gates/(?:kernel|weights)", name):
        return Cell("gru", match[1], _parts(match[1], GRU_PARTS, variables, where))
    if match := re.fullmatch(r"(.*)/w_gates", name):  # Sonnet 1, in the order of BasicLSTMCell
        return Cell("lstm", match[1], _parts(match[1], SONNET_LSTM, variables, where), True)
    if match := re.fullmatch(r"(.*)/w_ru", name):
        return Cell("gru", match[1], _parts(match[1], GRU_BLOCK, variables, where))
    if match := re.fullmatch(r"((?:.*/)?([a-z_]+?)(?:_\d+)?)/(?:kernel|weights)", name):
        path, kind = match[1], match[2]
        if kind in LSTM | RNN:
            parts = _parts(path, {letter: letter for letter in LETTERS}, variables, where)
            return Cell("lstm" if kind in LSTM else "rnn", path, parts, kind in LSTM - WITHOUT_FORGET_BIAS)
    return None


def _parts(path: str, parts: Mapping[str, str], variables: Collection[str], where: str) -> dict[str, str]:
    """Array → name of its variable, which is the new or the old one."""
    _refuse(path, [name for name in variables if name.startswith(f"{path}/candidate/") and "projection" in name], where)
    names_of_arrays = {}
    for array, part in parts.items():
        *before, last = part.split("/")
        names = ["/".join((path, *before, each)) for each in LETTERS.get(last, (last,))]
        present = [name for name in names if name in variables]
        if not present:
            near = did_you_mean(names[0], [name for name in variables if name.startswith(path)])
            raise UserError(
                f"{where}: {names[0]}: expected this variable beside the others of its cell.{near} Received: none"
            )
        names_of_arrays[array] = present[0]
    return names_of_arrays


def _refuse(path: str, others: Collection[str], where: str) -> None:
    """Refuse a cell that has more variables than the cells known here."""
    for name in sorted(others):
        rest = name[len(path) + 1 :]
        reason = next((why for pattern, why in REASONS.items() if re.fullmatch(pattern, rest)), "a variable of another cell")
        raise UserError(f"{where}: {name}: expected a plain GRU, LSTM or RNN cell. Received: {reason}")


def _place(path: str) -> _Place:
    """The place of the cell with this path.

    Examples: Model/RNN/multi_rnn_cell/cell_1/basic_lstm_cell, bidirectional_rnn/fw/multi_rnn_cell/cell_0/gru_cell and
    stack_bidirectional_rnn/cell_0/bidirectional_rnn/bw/lstm_cell.
    """
    *segments, own = path.split("/")
    layer, direction, within, scope = 0, "", False, []
    for segment in segments:
        if segment in ("fw", "bw"):
            direction = segment
        elif counted := re.fullmatch(r"cell_(\d+)", segment):
            layer, within = int(counted[1]), bool(direction)
        elif segment != "multi_rnn_cell":
            scope.append(segment)
    number = re.search(r"_\d+$", own)
    return _Place("/".join([*scope, own] if number or not scope else scope), layer, direction, within)


def _chosen(known: list[str], scopes: Sequence[str], where: str) -> list[str]:
    if not scopes:
        if len(known) > 1:
            which = f"{option_names.called('scopes')}, in the order of the layers"
            raise UserError(f"{where}: expected cells in one scope, or {which}. Received: {several(known)}")
        return known
    chosen = []
    for scope in scopes:
        fits = [each for each in known if each == scope] or [each for each in known if each.startswith(f"{scope}/")]
        if len(fits) != 1:
            near = did_you_mean(scope, known)
            expected = f"each of {option_names.called('scopes')} to be one of {several(known)}.{near}"
            raise UserError(f"{where}: expected {expected} Received: {scope!r}")
        chosen += fits
    return chosen


def _layers(cells: Mapping[tuple[int, str], Cell], scope: str, where: str) -> Iterator[tuple[Cell, ...]]:
    directions = [each for each in ("", "fw", "bw") if any(direction == each for _, direction in cells)]
    if directions not in ([""], ["fw", "bw"]):
        raise UserError(f"{where}: {scope}: expected cells in fw and bw or in neither. Received: {' and '.join(directions)}")
    for n in range(max(layer for layer, _ in cells) + 1):
        missing = [direction for direction in directions if (n, direction) not in cells]
        if missing:
            at = f"cell_{n} of {missing[0]}" if missing[0] else f"cell_{n}"
            raise UserError(f"{where}: {scope}: expected variables of {at}. Received: none")
        yield tuple(cells[n, direction] for direction in directions)
