"""What a cell's file says of the cell, read off its source: sizes are counted without Keras, whose import takes seconds."""

import ast
from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gru_tf.recurrent.cells import CELLS, CellSpec, Real, Share, Whole

READ = (
    "name",
    "gates",
    "states",
    "parameters",
    "reference",
    "options",
    "unfused",
    "sizes",
    "memory",
    "products",
    "multiple",
    "least_units",
    "apart",
)
CALLED = {"Whole": Whole, "Share": Share, "Real": Real, "partial": partial}


def described(name: str) -> CellSpec:
    """The cell of this name; what computes in it, such as its layers, imports the cell's module when it is called.

    A file that does not name things as plainly as `gru_tf.recurrent.cells.rnn` is imported.

    Raises:
        UserError: where no cell is called so, with the nearest name.
    """
    source = _source(CELLS.address(name))
    try:
        call = source.named[CELLS.attribute]
        given = {str(keyword.arg): keyword.value for keyword in call.keywords}
        read: dict[str, Any] = {key: source.value(node) for key, node in given.items() if key in READ}
    except (KeyError, AttributeError, TypeError, ValueError):
        return CELLS.find(name)  # type: ignore[no-any-return]
    later: dict[str, Any] = {
        key: None if isinstance(node, ast.Constant) and node.value is None else _imported(name, key)
        for key, node in given.items()
        if key not in READ
    }
    return CellSpec(**read, **later)


def _imported(name: str, key: str) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        return getattr(CELLS.find(name), key)(*arguments, **options)

    return call


@lru_cache
def _source(module: str) -> "_Source":
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise ValueError(f"expected a module with a source. Received: {module}")
    return _Source(ast.parse(Path(spec.origin).read_text(encoding="utf-8")))


class _Source:
    """A module's syntax tree, of which constants and closed forms have values."""

    def __init__(self, tree: ast.Module):
        self.tree = tree

    @cached_property
    def named(self) -> Mapping[str, Any]:
        """Name → what the module defines by it."""
        names: dict[str, Any] = {}
        for node in self.tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                names[node.name] = node
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                names[node.targets[0].id] = node.value
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                names[node.target.id] = node.value
            elif isinstance(node, ast.ImportFrom):
                names |= {alias.asname or alias.name: (node.module, alias.name) for alias in node.names}
        return names

    def value(self, node: Any) -> Any:
        """The value of an expression; KeyError or ValueError for one that is not as plain as that."""
        match node:
            case ast.Name(id=name):
                return CALLED[name] if name in CALLED else self.of_name(name)
            case ast.Attribute(value=ast.Name(id=name), attr=attribute):
                return self.of_class(name, attribute)
            case ast.Lambda():
                return eval(compile(ast.Expression(node), "<closed form>", "eval"), {})  # noqa: S307, this package's own
            case ast.Tuple(elts=values):
                return tuple(map(self.value, values))
            case ast.Dict(keys=keys, values=values):
                pairs = [(key, self.value(value)) for key, value in zip(keys, values, strict=True)]
                parts = [value if key is None else {self.value(key): value} for key, value in pairs]  # None: **value
                return {name: value for part in parts for name, value in part.items()}
            case ast.Call(func=called, args=arguments, keywords=options):
                named = {str(option.arg): self.value(option.value) for option in options}
                return self.value(called)(*map(self.value, arguments), **named)
        return ast.literal_eval(node)

    def of_name(self, name: str) -> Any:
        """The value of what the module defines or imports by a name."""
        match self.named[name]:
            case (str(module), str(original)):
                return _source(module).of_name(original)
            case ast.FunctionDef() as function:
                space: dict[str, Any] = {}
                exec(compile(ast.Module([function], []), "<closed form>", "exec"), space)  # noqa: S102, likewise
                return space[name]
            case node:
                return self.value(node)

    def of_class(self, name: str, attribute: str) -> Any:
        """The value of a class's attribute, its own or that of its base."""
        match self.named[name]:
            case (str(module), str(original)):
                return _source(module).of_class(original, attribute)
            case ast.ClassDef() as kind:
                for node in kind.body:
                    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
                    if any(isinstance(target, ast.Name) and target.id == attribute for target in targets):
                        return self.value(node.value)  # type: ignore[attr-defined]
                return self.of_class(kind.bases[0].id, attribute)  # type: ignore[attr-defined]
        raise ValueError(f"expected a class. Received: {name}")
