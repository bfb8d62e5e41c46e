"""Lengths of axes as products of numbers and of the inputs' lengths, which are known only when the model runs."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class SymbolicSize:
    """A number of entries: a factor times the lengths of that name.

    Args:
        factor: a whole number.
        names: of lengths that are not known, in order, each as often as it is a factor.
    """

    factor: int = 1
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [*([str(self.factor)] if self.factor != 1 or not self.names else []), *self.names]
        return "·".join(parts)

    @property
    def number(self) -> int | None:
        """It as a number, None if it depends on an input."""
        return None if self.names else self.factor


ONE = SymbolicSize()


def named(name: str) -> SymbolicSize:
    """The length of that name."""
    return SymbolicSize(1, (name,))


def product(sizes: Iterable[SymbolicSize]) -> SymbolicSize:
    """All multiplied."""
    sizes = tuple(sizes)
    return SymbolicSize(
        math.prod(size.factor for size in sizes), tuple(sorted(name for size in sizes for name in size.names))
    )


def quotient(size: SymbolicSize, by: SymbolicSize) -> SymbolicSize | None:
    """One divided by another; None if that is not a whole number of entries for every length."""
    names = Counter(size.names)
    names.subtract(by.names)
    if not by.factor or size.factor % by.factor or min(names.values(), default=0) < 0:
        return None
    return SymbolicSize(size.factor // by.factor, tuple(sorted(names.elements())))


@dataclass(frozen=True)
class Derived:
    """A length computed from others: (their sum + add) // stride + 1.

    Args:
        parts: the others.
        add: a number, mostly below 0.
        stride: at least 1.
    """

    parts: tuple[SymbolicSize, ...]
    add: int
    stride: int = 1

    def value(self, numbers: Iterable[int]) -> int:
        """Of these lengths in place of the parts."""
        return (sum(numbers) + self.add) // self.stride + 1

    def __str__(self) -> str:
        total = "+".join(map(str, self.parts))
        if self.stride == 1:
            return f"({total}{self.add + 1:+d})" if self.add != -1 else f"({total})"
        return f"(({total}{self.add:+d})//{self.stride}+1)"


def evaluated(
    names: Iterable[str], derived: Mapping[str, Derived], known: Mapping[str, int], name_of: Callable[[str], str]
) -> dict[str, int]:
    """Lengths of these names as numbers, those of them that are known, and all that they are derived from.

    Each is computed once, and without recursion: lengths may be derived from others at any depth.

    Args:
        names: of the lengths.
        derived: name → what it is computed by.
        known: name → number.
        name_of: a name → the one of all equal lengths.
    """
    numbers: dict[str, int] = {}
    done: set[str] = set()
    waiting = [name for name in names if name in known or name in derived]
    while waiting:
        name = waiting[-1]
        parts = [] if name in known else [[name_of(own) for own in part.names] for part in derived[name].parts]
        missing = [own for part in parts for own in part if own not in done and (own in known or own in derived)]
        if name not in done and missing:
            waiting.extend(missing)
            continue
        waiting.pop()
        done.add(name)
        if name in known:
            numbers[name] = known[name]
        elif all(own in numbers for part in parts for own in part):
            factors = [part.factor for part in derived[name].parts]
            sizes = [factor * math.prod(numbers[own] for own in part) for factor, part in zip(factors, parts, strict=True)]
            numbers[name] = derived[name].value(sizes)
    return numbers


def shape_text(sizes: Iterable[SymbolicSize]) -> str:
    """For messages: (x[0], 4)."""
    return f"({', '.join(map(str, sizes))})"
