"""Names of a package that are imported from their modules when first used, so that the package alone loads nothing heavy."""

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any

Exports = tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]


def exports(package: str, homes: Mapping[str, str], more: Iterable[str] = ()) -> Exports:
    """A package's `__getattr__`, `__dir__` and `__all__`.

    Args:
        package: its `__name__`.
        homes: name → address of the module that has it.
        more: names that are public as well and that the package itself provides.
    """
    names = sorted([*homes, *more])

    def from_its_module(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module '{package}' has no attribute '{name}'")
        return getattr(import_module(homes[name]), name)

    return from_its_module, lambda: list(names), names
