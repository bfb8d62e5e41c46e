"""A function called when a module is imported, not before, and without importing it: every command starts with this package.

`wrapt.register_post_import_hook` does the same for six times the time, for it imports asyncio.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType


def call(address: str, module: str) -> None:
    """Call a function with a module, once: at once where it is imported, else when it is.

    Args:
        address: "package.module:function", imported no earlier than it is called.
        module: the module's name.
    """
    imported = sys.modules.get(module)
    if imported is not None:
        _called(address, imported)
    else:
        sys.meta_path.insert(0, _Waiting(address, module))


def _called(address: str, module: ModuleType) -> None:
    place, _, name = address.partition(":")
    getattr(import_module(place), name)(module)


class _Waiting(MetaPathFinder):
    """Finds the module as others do, and has its loader call the function when the module is there."""

    def __init__(self, address: str, module: str):
        self.address, self.module, self.asking = address, module, False

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """That of the other finders; None for any other module."""
        if name != self.module or self.asking:
            return None
        self.asking = True
        try:
            spec = find_spec(name)
        finally:
            self.asking = False
        if spec is not None and spec.loader is not None:
            self._follow(spec.loader)
        return spec

    def _follow(self, loader: object) -> None:
        load = loader.exec_module  # type: ignore[attr-defined]

        def load_and_call(module: ModuleType) -> None:
            load(module)
            if self in sys.meta_path:
                sys.meta_path.remove(self)
                _called(self.address, module)

        loader.exec_module = load_and_call  # type: ignore[attr-defined]
