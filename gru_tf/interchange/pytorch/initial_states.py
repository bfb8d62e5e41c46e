"""Learned initial states in a PyTorch state_dict: parameters of a module that passes them to its stack."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError, counted, did_you_mean, several
from gru_tf.interchange import option_names
from gru_tf.interchange.network import STATES
from gru_tf.interchange.pytorch.stacks import LoadedStack
from gru_tf.interchange.tensor import Tensor

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
        tensors: "h", and of an LSTM "c" → its entry, of (layers · directions) × H numbers, as torch.nn's modules take them.
    """

    tensors: Mapping[str, Tensor]

    def array(self, state: str, stack: LoadedStack) -> Array:
        """(layers · directions, H); raises UserError for another shape."""
        tensor = self.tensors[state]
        if not _fits(tensor, stack):
            count = stack.stack.depth * stack.stack.directions
            each = f"{counted(count, 'state')} of {counted(stack.units, 'unit')}"
            raise UserError(f"{tensor.key}: expected shape {(count, 1, stack.units)}, {each}. Received: {tensor.shape}")
        return tensor.array().reshape(-1, stack.units)

    def of_layers(self, stack: LoadedStack) -> list[tuple[Array, ...]]:
        """For each layer its states as `Recurrent.initial` orders them: forward before backward, h before c."""
        arrays = {state: self.array(state, stack) for state in STATES[stack.cell]}
        directions = stack.stack.directions
        return [
            tuple(arrays[state][n * directions + d] for d in range(directions) for state in STATES[stack.cell])
            for n in range(stack.stack.depth)
        ]


def find(left: Mapping[str, Tensor], loaded: Sequence[LoadedStack]) -> dict[str, InitialStates]:
    """Stack's prefix → its initial states, by the names of entries that nothing else has read: "h0", "init_hidden", "c_0".

    Raises:
        UserError: where they are not those of one stack, or an LSTM has only one of them.
    """
    states: dict[str, Tensor] = {}
    for key, tensor in left.items():
        state = _state(key.rpartition(".")[2])
        if state and tensor.shape:
            if state in states:
                raise _unclear(tensor, f"one state {state}. Received: {states[state].key} as well")
            states[state] = tensor
    if not states:
        return {}
    first = next(iter(states.values()))
    fits = [stack for stack in loaded if _fits(first, stack)] if len(loaded) > 1 else list(loaded)
    if len(fits) != 1:
        received = ", ".join(stack.stack.name for stack in fits) or "none"
        raise _unclear(first, f"one stack that could begin with shape {first.shape}. Received: {received}")
    return {fits[0].stack.prefix: _complete(states, fits[0])}


def named(keys: Sequence[str], entries: Mapping[str, Tensor], loaded: Sequence[LoadedStack]) -> dict[str, InitialStates]:
    """Stack's prefix → its initial states, by keys that the user gives, h before c: "KEY", or "STACK=KEY" of several stacks.

    Raises:
        UserError: for a key or stack that does not exist, with the nearest, and for another number of keys than of states.
    """
    place = option_names.where("initial_state")
    by_stack: dict[str, list[Tensor]] = {}
    for each in [keys] if isinstance(keys, str) else keys:
        name, _, key = each.rpartition("=")
        name = name or (loaded[0].stack.name if len(loaded) == 1 else "")
        names = [stack.stack.name for stack in loaded]
        if name not in names:
            expected = f"STACK=KEY, with one of {', '.join(names)}"
            raise UserError(f"{place}: expected {expected}.{did_you_mean(name, names)} Received: '{each}'")
        if key not in entries:
            raise UserError(f"{place}: expected a key of the file.{did_you_mean(key, entries)} Received: '{key}'")
        by_stack.setdefault(name, []).append(entries[key])
    return {
        stack.stack.prefix: _in_order(by_stack[stack.stack.name], stack) for stack in loaded if stack.stack.name in by_stack
    }


def _in_order(tensors: Sequence[Tensor], stack: LoadedStack) -> InitialStates:
    states = STATES[stack.cell]
    if len(tensors) != len(states):
        expected = f"{counted(len(states), 'key')} of {stack.stack.name}, {' before '.join(states)}"
        received = ", ".join(tensor.key for tensor in tensors)
        raise UserError(f"{option_names.where('initial_state')}: expected {expected}. Received: {received}")
    return InitialStates(dict(zip(states, tensors, strict=True)))


def _fits(tensor: Tensor, stack: LoadedStack) -> bool:
    """Whether an entry has the numbers of a stack's states, with or without an axis of one sequence."""
    count = stack.stack.depth * stack.stack.directions
    shapes = [(count, 1, stack.units), (1, count, stack.units), (count, stack.units)]
    return tensor.shape in (shapes if count > 1 else [*shapes, (stack.units,)])


def _complete(states: Mapping[str, Tensor], stack: LoadedStack) -> InitialStates:
    expected = set(STATES[stack.cell])
    if set(states) != expected:
        received = several([tensor.key for tensor in states.values()])
        first = next(iter(states.values()))
        raise _unclear(first, f"the states {' and '.join(sorted(expected, reverse=True))}. Received: {received} alone")
    return InitialStates(states)


def _unclear(tensor: Tensor, expected: str) -> UserError:
    options = f"{option_names.called('initial_state')} or {option_names.called('leave_out', tensor.key)}"
    return UserError(f"{tensor.key}: could be a learned initial state: expected {options}, or {expected}")


def _state(name: str) -> str:
    """The state, h or c, where the name of an entry says that it is an initial one; else nothing."""
    match = NAME.fullmatch(name)
    if match is None:
        return ""
    word = (match["letter"] or match["other"] or match["word"]).lower()
    return "c" if word.startswith("c") else "h"
