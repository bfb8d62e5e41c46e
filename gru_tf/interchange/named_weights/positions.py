"""Arrays by position alone, as `np.savez(FILE, *model.get_weights())` writes them: what layers they can only be.

All ways to cut the list into layers of Keras whose widths follow each other are tried; one alone must be left.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError, several
from gru_tf.interchange import option_names
from gru_tf.interchange.named_weights.cells import CELLS
from gru_tf.interchange.named_weights.contents import Entry, FileLayer, WeightsFile

NAME = re.compile(r"arr_(\d+)")
NAMES = {"gru": "gru", "lstm": "lstm", "rnn": "simple_rnn"}
MOST, MOST_ARRAYS = 20_000, 400  # steps of the search
EMBEDDING, DENSE = "embedding", "dense"
NORMS = ("layer_normalization", "batch_normalization")
Roles = tuple[tuple[str, str], ...]  # part and role of each array


@dataclass(frozen=True)
class _Cut:
    """A layer that the next arrays may be."""

    kind: str
    roles: Roles
    takes: int | None
    gives: int
    merged: int | None = None  # of a Bidirectional, with a merge_mode other than concat


def is_one(names: Sequence[str]) -> bool:
    """Whether these are the names that NumPy gives to arrays without one."""
    return bool(names) and all(NAME.fullmatch(name) for name in names)


def read(
    arrays: Mapping[str, Array], left_out: Sequence[str], source: str, where: str, *, dense_first: bool = False
) -> WeightsFile:
    """The layers of arrays called arr_0, arr_1 and so on.

    Args:
        arrays: by these names.
        left_out: names of arrays that are no part of the network.
        source: program and format.
        where: the file, for messages.
        dense_first: whether a first matrix without a bias is that of a dense layer, rather than an embedding.

    Raises:
        UserError: where no layers have these shapes one after the other, or several lists of layers.
    """
    names = sorted((name for name in arrays if name not in left_out), key=lambda name: int(name.partition("_")[2]))
    if len(names) > MOST_ARRAYS:
        raise UserError(f"{where}: expected at most {MOST_ARRAYS} arrays without names. Received: {len(names):,}")
    searched = [0]
    ways: list[tuple[_Cut, ...]] = []
    for cuts in _ways([arrays[name] for name in names], dense_first, (), searched):
        if any(role == "recurrent_kernel" for cut in cuts for _, role in cut.roles):
            ways.append(cuts)
        if len(ways) > 1:
            break
    if len(ways) != 1 or searched[0] > MOST:  # then there may be others
        raise _refused(arrays, ways, where)
    rest, kinds = list(names), [cut.kind for cut in ways[0]]
    layers: list[FileLayer] = []
    for cut, called in zip(ways[0], _names(kinds), strict=True):
        own = [rest.pop(0) for _ in cut.roles]
        entries = (Entry(name, *place, arrays[name]) for name, place in zip(own, cut.roles, strict=True))
        layers.append(FileLayer(called, tuple(entries), cut.kind))
    layers += [FileLayer(name, (Entry(name, "", name, arrays[name]),)) for name in left_out if name in arrays]
    assumed = [_either(names[0], kinds)] if kinds[0] == EMBEDDING else []
    if any(role == "bias" for cut in ways[0] for _, role in cut.roles):
        assumed.append("biases, which could be the only array of a normalization behind a layer without one")
    return WeightsFile(tuple(layers), source, True, lists_all=False, assumed=tuple(assumed))


def _names(kinds: Sequence[str]) -> list[str]:
    """The names of layers of these classes, numbered as in Keras."""
    seen = Counter[str]()
    names: list[str] = []
    for kind in kinds:
        names.append(f"{kind}_{seen[kind]}" if seen[kind] else kind)
        seen[kind] += 1
    return names


def _either(first: str, kinds: Sequence[str]) -> str:
    other = option_names.called("order", ",".join(_names([DENSE, *kinds[1:]])))
    return f"what {first} is, which is taken for an embedding ({other} for a dense layer without a bias)"


def _refused(arrays: Mapping[str, Array], ways: Sequence[Sequence[_Cut]], where: str) -> UserError:
    shapes = several([f"{name} {array.shape}" for name, array in arrays.items()])
    several_ways = " or ".join(", ".join(cut.kind for cut in cuts) for cuts in ways)
    why = f"arrays that could be {several_ways}" if ways else "arrays of no known list of layers"
    why += ", of more lists than can be tried" if len(ways) == 1 else ""
    advice = "save them by name: np.savez(FILE, **{weight.path: weight.numpy() for weight in model.weights})"
    return UserError(f"{where}: expected arrays that can only be one list of layers; {advice}. Received: {why}: {shapes}")


def _ways(
    arrays: Sequence[Array], dense_first: bool, before: tuple[_Cut, ...], searched: list[int]
) -> Iterator[tuple[_Cut, ...]]:
    searched[0] += 1
    if searched[0] > MOST:
        return
    if not arrays:
        yield before
        return
    widths = (before[-1].gives, before[-1].merged) if before else ()
    for cut in _next(arrays, not before and not dense_first):
        norms = before and before[-1].kind in NORMS and cut.kind in NORMS
        if not norms and (not before or cut.takes in widths):
            yield from _ways(arrays[len(cut.roles) :], dense_first, (*before, cut), searched)


def _next(arrays: Sequence[Array], embedding: bool) -> Iterator[_Cut]:
    """All layers that the first of these arrays may be; a matrix alone is either an embedding or a dense layer."""
    array = arrays[0]
    if array.ndim == 2:
        if embedding:
            yield _Cut(EMBEDDING, (("", "embeddings"),), None, array.shape[1])
        else:
            yield _Cut(DENSE, (("", "kernel"),), *array.shape)
        if len(arrays) > 1 and arrays[1].shape == array.shape[1:]:
            yield _Cut(DENSE, (("", "kernel"), ("", "bias")), *array.shape)
        yield from _recurrent(arrays)
    elif array.ndim == 1:
        yield from _norms(arrays)


def _norms(arrays: Sequence[Array]) -> Iterator[_Cut]:
    width = len(arrays[0])
    alike = [array.shape == (width,) for array in arrays[:4]]
    if sum(alike[:2]) == 2:
        yield _Cut("layer_normalization", (("", "gamma"), ("", "beta")), width, width)
        if (arrays[1] >= 0).all():  # a variance
            yield _Cut("batch_normalization", (("", "moving_mean"), ("", "moving_variance")), width, width)
    if sum(alike) == 4 and (arrays[3] >= 0).all():
        roles = ("gamma", "beta", "moving_mean", "moving_variance")
        yield _Cut("batch_normalization", tuple(("", role) for role in roles), width, width)


def _recurrent(arrays: Sequence[Array]) -> Iterator[_Cut]:
    for roles, cell in _cells(arrays):
        takes, units = arrays[0].shape[0], arrays[1].shape[0]
        yield _Cut(NAMES[cell], tuple(("", role) for role in roles), takes, units)
        n = len(roles)
        if [array.shape for array in arrays[:n]] == [array.shape for array in arrays[n : 2 * n]]:
            both = tuple((part, role) for part in ("forward_layer", "backward_layer") for role in roles)
            yield _Cut("bidirectional", both, takes, 2 * units, units)


def _cells(arrays: Sequence[Array]) -> Iterator[tuple[tuple[str, ...], str]]:
    shapes = [array.shape for array in arrays[:3]]
    if len(shapes) < 2 or len(shapes[1]) != 2 or shapes[0][1] != shapes[1][1] or not shapes[1][0]:
        return
    units, width = shapes[1]
    cell = CELLS.get(width // units) if width % units == 0 else None
    if cell is None:
        return
    yield ("kernel", "recurrent_kernel"), cell
    biases = {"gru": [(width,), (2, width), (2 * width,)], "lstm": [(width,), (2 * width,)], "rnn": [(width,)]}
    if len(shapes) == 3 and shapes[2] in biases[cell]:
        yield ("kernel", "recurrent_kernel", "bias"), cell
