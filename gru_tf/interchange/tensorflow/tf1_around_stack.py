"""The layers around the cells in a TensorFlow 1 checkpoint: the embedding below them, the linear layers on top."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gru_tf.foundation.errors import UserError, counted, did_you_mean, several
from gru_tf.interchange import before_stack, chain, option_names
from gru_tf.interchange.parts import Activation
from gru_tf.interchange.tensorflow import tf1_positions
from gru_tf.interchange.tensorflow.tf1_checkpoint import Given, repeated
from gru_tf.interchange.tensorflow.tf1_file import Shapes
from gru_tf.interchange.tensorflow.tf1_positions import Positions

BIASES = {"kernel": "bias", "weights": "biases", "W": "b", "w": "b"}  # last part of a head's names, or its end after "_"
Names = tuple[str, str | None]  # of a kernel and its bias


@dataclass(frozen=True)
class Tf1AroundStack:
    """Names of the variables around the cells.

    Args:
        table: of the embedding; "" for none.
        before: of kernel and bias of each linear layer before the cells, in their order, and activations.
        linear: the same for those on top.
        left: of weights that are neither.
    """

    table: str
    before: Sequence[Names | Activation]
    linear: Sequence[Names | Activation]
    left: Sequence[str]


def find(weights: Shapes, given: Given, widths: tuple[int, int], where: str) -> Tf1AroundStack:
    """Find the layers around the cells among the other weights.

    Args:
        weights: their shapes.
        given: options.
        widths: of the cells' input and of their output.
        where: the file, for messages.

    Raises:
        UserError: where a named variable does not exist, several fit, or one has no place.
    """
    features, width = widths
    left_out = before_stack.keys_left_out(given.leave_out, list(weights), between="/")
    every, weights = weights, {name: shape for name, shape in weights.items() if name not in left_out}
    table = _table(weights, given, features, where)
    left = {name: shape for name, shape in weights.items() if name != table}
    named = {option: _items(left, names, option, where) for option, names in _options(given)}
    kernels = None if given.heads is None else _kernels(named["head"])
    matrices = {name: shape for name, shape in left.items() if len(shape) == 2 and not _called_embedding(name)}
    positions = _positions(matrices, (features, width), weights[table][1] if table else None, named, where)
    _check_between(positions.on_top, given, where)
    before, linear = (
        [item if isinstance(item, Activation) else (item, _bias(item, left, where)) for item in items]
        for items in (named.get("before", positions.before), named.get("head", positions.on_top))
    )
    taken = {name for names in (*before, *linear) if not isinstance(names, Activation) for name in names}
    unread = [name for name in left if name not in taken]
    not_read = {name: shape for name, shape in every.items() if name in unread or name in left_out}
    on_top = {width, *(left[name][1] for name in positions.on_top)} if kernels is not None else set()
    for name in unread:
        after = len(left[name]) == 2 and left[name][0] in on_top  # a layer behind those that were named
        after = after and (left[name][1] != features or tf1_positions.role(name) == "on top")
        known = after or (given.embedding is not None and _called_embedding(name)) or _is_left_over(name, not_read)
        if not known:
            raise UserError(f"{where}: {_unknown(name, left[name], features)}")
    return Tf1AroundStack(table, before, linear, [*unread, *sorted(left_out)])


def _table(left: Shapes, given: Given, width: int, where: str) -> str:
    """The name of the embedding, "" where there is none."""
    name = "" if given.embedding is False else None if given.embedding is True else given.embedding
    if name is not None:
        if name and name not in left:
            expected = f"a variable for {option_names.called('embedding')}.{did_you_mean(name, left)}"
            raise UserError(f"{where}: {name}: expected {expected} Received: none")
        return name
    fits = [name for name, shape in left.items() if _called_embedding(name) and len(shape) == 2 and shape[1] == width]
    if len(fits) > 1:
        expected = f"one embedding of width {width}, or {option_names.called('embedding')}"
        raise UserError(f"{where}: expected {expected}. Received: {several(sorted(fits))}")
    return fits[0] if fits else ""


def _called_embedding(name: str) -> bool:
    return "embed" in name.lower()


def _options(given: Given) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The options that name linear layers and activations, where they were given."""
    for option, names in (("head", given.heads), ("before", given.befores)):
        if names is not None:
            yield option, names


def _items(left: Shapes, names: Sequence[str], option: str, where: str) -> list[str | Activation]:
    """Kernels and activations by their names; refused where a name is neither."""
    items: list[str | Activation] = []
    for name in names:
        if name in left and len(left[name]) != 2:
            expected = f"a matrix for {option_names.called(option)}"
            raise UserError(f"{where}: {name}: expected {expected}. Received: shape {left[name]}")
        item = name if name in left else chain.activation(chain.parse(name, option)[0], list(left), option)
        items += [item] if item is not None else []
    return items


def _kernels(items: Sequence[str | Activation]) -> tuple[str, ...]:
    return tuple(item for item in items if isinstance(item, str))


def _check_between(on_top: Sequence[str], given: Given, where: str) -> None:
    """Refuse linear layers in a row whose order was not given: nobody trains two without an activation between them."""
    if given.heads is None and len(on_top) > 1:
        example = [on_top[0], "relu", *on_top[1:]]
        expected = f"{option_names.called('head')} with what is between {several(on_top)}, which a checkpoint does not state"
        forms = f"{repeated('head', example)} with a ReLU, {repeated('head', on_top)} with nothing"
        raise UserError(f"{where}: expected {expected}: {forms}. Received: no graph (.meta) beside it")


def _positions(
    matrices: Shapes,
    widths: tuple[int, int],
    start: int | None,
    named: Mapping[str, Sequence[str | Activation]],
    where: str,
) -> Positions:
    """Where the linear layers are; refused where names and shapes leave several possibilities."""
    features, width = widths
    advice = f"{option_names.called('before')}, {option_names.called('head')} and {option_names.called('leave_out')} decide"
    try:
        fits = tf1_positions.possible(
            matrices,
            features,
            width,
            start,
            *(_kernels(named[option]) if option in named else None for option in ("head", "before")),
        )
    except tf1_positions.TooManyError:
        expected = f"kernels whose order their shapes tell; {advice}"
        raise UserError(f"{where}: expected {expected}. Received: {several(sorted(matrices))}") from None
    if not named and len(fits) == 1:
        for name in fits[0].before:  # it fits only there, but it may as well be no part of the network
            if tf1_positions.role(name) != "before":
                expected = f"{option_names.called('before', name)}, or {option_names.called('leave_out', name)}"
                received = f"shape {matrices[name]}, which could be a layer in front of the cells, and no name that says so"
                raise UserError(f"{where}: {name}: expected {expected}. Received: {received}")
    if len({each.on_top for each in fits if not each.before}) > 1 and not any(each.before for each in fits):
        expected = f"one kernel that takes {counted(width, 'feature')}, or {option_names.called('head')}"
        doubtful = sorted(
            {name for each in fits for name in each.on_top[:1]} or {name for each in fits for name in each.on_top}
        )
        raise UserError(f"{where}: expected {expected}. Received: {several(doubtful)}")
    if len(fits) > 1:
        doubtful = sorted({name for each in fits for name in each.before})
        expected = "names that tell which linear layers are before the cells and which are on top, as `w_in` and `logits` do"
        received = (
            f"{several(doubtful)}, which by shape could be before the {features} features of the cells as well as on top"
        )
        raise UserError(f"{where}: expected {expected}; {advice}. Received: {received}")
    return fits[0] if fits else Positions()


def _bias(kernel: str, left: Shapes, where: str) -> str | None:
    """The bias of a kernel: the vector of the matching name, or the only one of its width in its scope."""
    width = left[kernel][1]
    vectors = [name for name, shape in left.items() if shape == (width,)]
    for called in _bias_names(kernel):
        if called in vectors:
            return called
    scope = kernel.rpartition("/")[0]
    near = [name for name in vectors if name.rpartition("/")[0] == scope]
    if len(near) > 1:
        expected = f"one bias of {kernel}, or {option_names.called('leave_out')} for the others"
        raise UserError(f"{where}: expected {expected}. Received: {several(sorted(near))}")
    return near[0] if near else None


def _bias_names(kernel: str) -> Iterator[str]:
    """What the bias may be called: its kernel's name with the other word, at its end, or anywhere in its last part."""
    for one, other in BIASES.items():
        if kernel.endswith(one):
            yield kernel[: -len(one)] + other
    scope, between, last = kernel.rpartition("/")
    for one, other in BIASES.items():
        yield scope + between + re.sub(rf"(?<![A-Za-z]){one}(?![A-Za-z])", other, last)


def _unknown(name: str, shape: tuple[int, ...], features: int) -> str:
    """The message on a variable that has no place: what it may be, and how to leave it out."""
    if len(shape) > 1 and shape[-1] == features:
        return f"{before_stack.doubt(name, name, features)}. Received: shape {shape}"
    normalizes = re.search(r"norm|gamma|beta|moving_(mean|var)", name.lower())
    kind = "a normalization, which is not read" if normalizes else "part of a layer or state that is not known"
    expected = (
        f"cells, an embedding and linear layers only, or {option_names.called('leave_out', name)} for those without it"
    )
    return f"{name}: expected {expected}. Received: shape {shape}, {kind}"


def _is_left_over(name: str, left: Shapes) -> bool:
    """Whether a vector belongs to a matrix that is not read either."""
    return any(len(shape) > 1 and name != other and name in _bias_names(other) for other, shape in left.items())
