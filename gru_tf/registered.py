"""Lets a saved model be loaded by a process that imported `gru_tf` and none of its cells or layers.

Keras finds a custom class by the name under which its module registered it, so that the module has to be imported
first. Here each name stands for its module: `announce` registers a stand-in that imports the class when Keras asks it
to build one. The names are read from the sources, so that a new cell is still one file.
"""

import ast
from dataclasses import dataclass
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
    root = Path(__file__).parent
    return {
        f"{PACKAGE}>{node.name}": StandIn(".".join((PACKAGE, *path.relative_to(root).with_suffix("").parts)), node.name)
        for folder in FOLDERS
        for path in sorted((root / folder).glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and any(_registers(decorator) for decorator in node.decorator_list)
    }


def announce(keras: Any) -> None:
    """Tell Keras the names of this project's classes; classes that are registered already stay."""
    registered = keras.saving.get_custom_objects()
    for name, stand_in in stand_ins().items():
        registered.setdefault(name, stand_in)


def _registers(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith("register_keras_serializable")
