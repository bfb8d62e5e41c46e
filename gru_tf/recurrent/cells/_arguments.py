"""Checks of what the constructors of cells and layers take, and the words of a refusal."""

import math
import operator
from numbers import Real
from typing import Any


def check_arguments(
    who: str, units: Any, dropout: Any, recurrent_dropout: Any, seed: Any = None, implementation: Any = 2
) -> None:
    """Refuse values that a cell's or layer's arguments of these names do not take; raises ValueError, begun with `who`."""
    expect(is_whole(units) and units > 0, who, "units", "a positive integer", units)
    for name, value in (("dropout", dropout), ("recurrent_dropout", recurrent_dropout)):
        expect(is_share(value), who, name, "a number from 0 to below 1", value)
    expect(seed is None or is_whole(seed), who, "seed", "an integer or None", seed)
    expect(is_whole(implementation) and implementation in (1, 2), who, "implementation", "1 or 2", implementation)


def expect(holds: Any, who: str, name: str, expected: str, received: Any) -> None:
    """Raise ValueError with what was expected of an argument and received, unless it holds."""
    if not holds:
        raise ValueError(f"{who}: expected `{name}` to be {expected}. Received: {name}={received!r}")


def is_whole(value: Any) -> bool:
    """Whether it is an integer, and not a truth value."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_share(value: Any) -> bool:
    """Whether it is a number from 0 to below 1, and not a truth value."""
    return is_number(value) and 0 <= float(value) < 1


def is_number(value: Any) -> bool:
    """Whether it is a real number, and not a truth value."""
    return isinstance(value, Real) and not isinstance(value, bool)


def is_finite(value: Any) -> bool:
    """Whether it is a finite real number, and not a truth value."""
    return is_number(value) and math.isfinite(value)


def whole(value: Any) -> Any:
    """Python's integer in the place of NumPy's; anything else as it is, an array of one number as well."""
    is_scalar = hasattr(value, "__index__") and not isinstance(value, bool) and getattr(value, "shape", ()) == ()
    return operator.index(value) if is_scalar else value
