"""Lets a saved model be loaded by a process that imported `gru_tf` and none of its cells or layers.

Keras finds a custom class by the name under which its module registered it, so that the module has to be imported
first. Here each name stands for its module: `announce` registers a stand-in that imports the class when Keras asks it
to build one. The names are read from the sources, so that a new cell is still one file. A function that a module
registers, such as an activation, has a stand-in that imports it when it is called.
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

PACKAGE = "gru_tf"
FOLDERS = ("cells", "layers")


@dataclass(frozen=True)
class StandIn:
    """In the place of a class whose module is not imported yet; importing it takes the stand-in's place.

    Args:
        module: the module that registers the class.
        name: the class's name in it.
    """

    module: str
    name: str

    def from_config(self, config: dict[str, Any], **options: Any) -> Any:
        """The object of this configuration, by the class itself."""
        return getattr(import_module(self.module), self.name).from_config(config, **options)


def stand_ins() -> dict[str, StandIn]:
    """Registered name → stand-in, of every class that a module of cells or layers registers with Keras."""
    return {f"{PACKAGE}>{name}": StandIn(module, name) for module, name, kind in _found() if kind is ast.ClassDef}


def functions() -> dict[str, StandIn]:
    """Registered name → where it is, of every function that a module of cells or layers registers with Keras."""
    return {f"{PACKAGE}>{name}": StandIn(module, name) for module, name, kind in _found() if kind is ast.FunctionDef}


def announce(keras: Any) -> None:
    """Tell Keras the names of this project's classes and functions; those that are registered already stay."""
    registered = keras.saving.get_custom_objects()
    for name, stand_in in stand_ins().items():
        registered.setdefault(name, stand_in)
    for name, where in functions().items():
        if name not in registered:
            keras.saving.register_keras_serializable(package=PACKAGE)(_calling(where))


def _calling(where: StandIn) -> Callable[..., Any]:
    """A function that Keras can name in a saved model, and that imports the one meant when it is called."""

    def stand_in(*inputs: Any, **options: Any) -> Any:
        return getattr(import_module(where.module), where.name)(*inputs, **options)

    stand_in.__module__, stand_in.__name__, stand_in.__qualname__ = where.module, where.name, where.name
    return stand_in


@cache  # a saved model asks for each layer and activation, and parsing the sources takes a tenth of a second
def _found() -> tuple[tuple[str, str, type[ast.AST]], ...]:
    """Module, name and kind of what is registered, by the sources."""
    return tuple(_read())


def _read() -> Iterator[tuple[str, str, type[ast.AST]]]:
    root = Path(__file__).parent
    for folder in FOLDERS:
        for path in sorted((root / folder).glob("*.py")):
            module = ".".join((__package__, *path.relative_to(root).with_suffix("").parts))
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef | ast.FunctionDef) and any(map(_registers, node.decorator_list)):
                    yield module, node.name, type(node)


def _registers(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith("register_keras_serializable")
