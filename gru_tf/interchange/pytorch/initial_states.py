"""Learned initial states in a PyTorch state_dict: parameters of a module that passes them to its stack."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError, counted, did_you_mean, several
from gru_tf.interchange import option_names
from gru_tf.interchange.network import STATES
from gru_tf.interchange.pytorch.matrices import is_nearest
from gru_tf.interchange.pytorch.stacks import KEY, LoadedStack, TorchStack
from gru_tf.interchange.tensor import Tensor

ZEROS = "zeros"
OF_MODULES = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
START = r"(?:init(?:ial)?|learn(?:ed|t|able)?|start)"
STATE = r"(?:hidden|cell)(?:_?state)?|state"
NAME = re.compile(
    rf"(?:{START}_?)?(?P<letter>[hc])_?(?:0|n?_?{START})|{START}_?(?P<other>[hc]|{STATE})|(?P<word>{STATE})_?(?:0|{START})",
    re.IGNORECASE,
)


@dataclass(frozen=True, eq=False)
class InitialStates:
    """The states that a stack begins with.

    Args:
        tensors: "h", and of an LSTM "c" → its entries, which together have (layers · directions) × H numbers, as torch.nn's
            modules take them; none for zeros.
    """

    tensors: Mapping[str, tuple[Tensor, ...]]

    def entries(self) -> Iterator[Tensor]:
        """All of them."""
        for tensors in self.tensors.values():
            yield from tensors

    def array(self, state: str, stack: LoadedStack) -> Array:
        """(layers · directions, H); raises UserError for another shape."""
        count = stack.stack.depth * stack.stack.directions
        tensors = self.tensors[state]
        if not tensors:
            return np.zeros((count, stack.units), "float32")
        if not _fit(tensors, stack):
            received = ", ".join(f"{tensor.key} {tensor.shape}" for tensor in tensors)
            expected = f"shape {(count, 1, stack.units)}, or {counted(count, 'entry')} of {counted(stack.units, 'unit')}"
            raise UserError(f"{tensors[0].key}: expected {expected}. Received: {received}")
        return np.concatenate([tensor.array().reshape(-1, stack.units) for tensor in tensors])

    def of_layers(self, stack: LoadedStack) -> list[tuple[Array, ...]]:
        """For each layer its states as `Recurrent.initial` orders them: forward before backward, h before c."""
        arrays = {state: self.array(state, stack) for state in STATES[stack.cell]}
        directions = stack.stack.directions
        return [
            tuple(arrays[state][n * directions + d] for d in range(directions) for state in STATES[stack.cell])
            for n in range(stack.stack.depth)
        ]


def find(
    left: Mapping[str, Tensor], loaded: Sequence[LoadedStack], others: Sequence[TorchStack]
) -> dict[str, InitialStates]:
    """Stack's prefix → its initial states, by the names of entries that nothing else has read: "h0", "init_hidden", "c_0".

    Raises:
        UserError: where they are not those of one stack, may be those of one that is left out, or an LSTM has only one.
    """
    states: dict[str, Tensor] = {}
    for key, tensor in left.items():
        state = _state(key.rpartition(".")[2])
        if state and tensor.shape:
            if state in states:
                raise _unclear(tensor, f"one state {state}. Received: {states[state].key} as well", loaded)
            if not is_nearest(key, [stack.stack for stack in loaded], others):
                names = ", ".join(stack.name for stack in others)
                raise _unclear(tensor, f"a name that tells it from those of what is left out ({names})", loaded)
            states[state] = tensor
    if not states:
        return {}
    first = next(iter(states.values()))
    fits = [stack for stack in loaded if _fit([first], stack)] if len(loaded) > 1 else list(loaded)
    if len(fits) != 1:
        received = ", ".join(stack.stack.name for stack in fits) or "none"
        expected = f"one stack that could begin with shape {first.shape}. Received: {received}"
        raise _unclear(first, expected, loaded)
    return {fits[0].stack.prefix: _complete(states, fits[0], loaded)}


def named(keys: Sequence[str], entries: Mapping[str, Tensor], loaded: Sequence[LoadedStack]) -> dict[str, InitialStates]:
    """Stack's prefix → its initial states, by keys that the user gives.

    Of each stack "KEY", or "STACK=KEY" of several: one of h, and of an LSTM one of c; or those of all layers, h before c.
    `ZEROS` in place of a key: the state begins with zeros.

    Raises:
        UserError: for a key or stack that does not exist, with the nearest, one that is a module's, and for another number
            of keys than of states.
    """
    by_stack: dict[str, list[tuple[Tensor, ...]]] = {}
    for each in [keys] if isinstance(keys, str) else keys:
        name, key = _parted(each, entries, loaded)
        taken = [tensor for given in by_stack.values() for tensors in given for tensor in tensors]
        if key != ZEROS and entries[key] in taken:
            raise UserError(f"{option_names.where('initial_state')}: expected each key once. Received: '{key}' twice")
        by_stack.setdefault(name, []).append(() if key == ZEROS else (entries[key],))
    return {
        stack.stack.prefix: _in_order(by_stack[stack.stack.name], stack) for stack in loaded if stack.stack.name in by_stack
    }


def _parted(each: str, entries: Mapping[str, Tensor], loaded: Sequence[LoadedStack]) -> tuple[str, str]:
    """Name of the stack, and key."""
    place, names = option_names.where("initial_state"), [stack.stack.name for stack in loaded]
    name, key = (names[0], each) if len(loaded) == 1 and each in (*entries, ZEROS) else _halves(each)
    if name is None and len(loaded) == 1:
        name = names[0]
    if name not in names:
        expected = f"STACK=KEY, with one of {', '.join(names)}"
        raise UserError(f"{place}: expected {expected}.{did_you_mean(name or '', names)} Received: '{each}'")
    last = key.rpartition(".")[2]
    if key != ZEROS and (key not in entries or last in OF_MODULES or KEY.fullmatch(key)):
        possible = [other for other in entries if other.rpartition(".")[2] not in OF_MODULES and not KEY.fullmatch(other)]
        expected = f"one of {several(possible)}" if possible else "none, as every key is a module's"
        raise UserError(f"{place}: expected {expected}, or '{ZEROS}'.{did_you_mean(key, possible)} Received: '{key}'")
    return name, key


def _halves(each: str) -> tuple[str | None, str]:
    name, equals, key = each.rpartition("=")
    return (name if equals else None), key


def _in_order(given: Sequence[tuple[Tensor, ...]], stack: LoadedStack) -> InitialStates:
    states, count = STATES[stack.cell], stack.stack.depth * stack.stack.directions
    if len(given) == len(states):
        return InitialStates(dict(zip(states, given, strict=True)))
    if len(given) == len(states) * count:
        parts = [sum(given[n * count : (n + 1) * count], ()) for n in range(len(states))]
        return InitialStates(dict(zip(states, parts, strict=True)))
    each = f", or {len(states) * count}, those of each layer" if count > 1 else ""
    expected = f"{counted(len(states), 'key')} of {stack.stack.name or 'the stack'}, {' before '.join(states)}{each}"
    received = ", ".join(tensor.key for tensors in given for tensor in tensors)
    raise UserError(f"{option_names.where('initial_state')}: expected {expected}. Received: {received}")


def _fit(tensors: Sequence[Tensor], stack: LoadedStack) -> bool:
    """Whether entries have the numbers of a stack's states, with or without an axis of one sequence; one, or one each."""
    count = stack.stack.depth * stack.stack.directions
    if len(tensors) == count:
        one = [(1, 1, stack.units), (1, stack.units), (stack.units,)]
        return all(tensor.shape in one for tensor in tensors)
    return len(tensors) == 1 and tensors[0].shape in [(count, 1, stack.units), (1, count, stack.units), (count, stack.units)]


def _complete(states: Mapping[str, Tensor], stack: LoadedStack, loaded: Sequence[LoadedStack]) -> InitialStates:
    expected = STATES[stack.cell]
    if set(states) != set(expected):
        received = several([tensor.key for tensor in states.values()])
        first = next(iter(states.values()))
        raise _unclear(first, f"the states {' and '.join(expected)}. Received: {received} alone", loaded)
    return InitialStates({state: (states[state],) for state in expected})


def _unclear(tensor: Tensor, expected: str, loaded: Sequence[LoadedStack]) -> UserError:
    value = tensor.key if len(loaded) == 1 else f"{loaded[0].stack.name}={tensor.key}"
    zeros = f" ('{ZEROS}' for one that is none)" if any(stack.cell == "lstm" for stack in loaded) else ""
    initial = f"{option_names.called('initial_state', value)}, for each state in order{zeros}"
    options = f"{initial}, or {option_names.called('leave_out', tensor.key)}"
    return UserError(f"{tensor.key}: could be a learned initial state: expected {options}, or {expected}")


def _state(name: str) -> str:
    """The state, h or c, where the name of an entry says that it is an initial one; else nothing."""
    match = NAME.fullmatch(name)
    if match is None:
        return ""
    word = (match["letter"] or match["other"] or match["word"]).lower()
    return "c" if word.startswith("c") else "h"
