"""Values of an option that are too many to list."""

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Whole:
    """Among an option's values: each whole number from `low` to `high`."""

    low: int
    high: int

    def __contains__(self, value: Any) -> bool:
        return type(value) is int and self.low <= value <= self.high

    def __str__(self) -> str:
        return f"a whole number from {self.low:,} to {self.high:,}"

    @property
    def example(self) -> int:
        """One of them to try."""
        return self.low


@dataclass(frozen=True)
class Share:
    """Among an option's values: each number above 0 and below 1."""

    low, high = 0, 1

    def __contains__(self, value: Any) -> bool:
        return type(value) is float and 0 < value < 1

    def __str__(self) -> str:
        return "a number between 0 and 1"

    @property
    def example(self) -> float:
        """One of them to try, which shows in numbers."""
        return 0.25


@dataclass(frozen=True)
class Real:
    """Among an option's values: each finite number, whole or not."""

    def __contains__(self, value: Any) -> bool:
        return type(value) in (int, float) and math.isfinite(value)

    def __str__(self) -> str:
        return "a number"

    @property
    def example(self) -> float:
        """One of them to try, which shows in numbers."""
        return -0.5
