"""A folder is a catalogue: one module per entry, found by name and imported only when asked for."""

import ast
import os
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from gru_tf.foundation.errors import UserError, did_you_mean


@dataclass(frozen=True)
class Catalogue:
    """The modules of one package, each holding one object under the same attribute name.

    Args:
        kind: what an entry is called in messages, e.g. "cell".
        package: dotted name of the package, e.g. "gru_tf.recurrent.cells".
        attribute: name of the object that every module defines, e.g. "CELL".
        by_kind: whether the modules lie one folder deeper, in folders by kind; no two of them are called the same.
    """

    kind: str
    package: str
    attribute: str
    by_kind: bool = False

    @property
    def folder(self) -> Path:
        """Where the modules lie."""
        return Path(__file__).parents[1].joinpath(*self.package.split(".")[1:])

    def names(self) -> list[str]:
        """Every entry's name, sorted; imports nothing."""
        return sorted(self._files())

    def _files(self) -> dict[str, str]:
        """Name → file; looked up anew each time, so that a file that was just added is there."""
        folders = [entry.path for entry in os.scandir(self.folder) if entry.is_dir()] if self.by_kind else [str(self.folder)]
        files = ((folder, name) for folder in folders for name in os.listdir(folder))
        return {
            name[: -len(".py")]: os.path.join(folder, name)
            for folder, name in files
            if name.endswith(".py") and not name.startswith("_")
        }

    def _file(self, name: str) -> Path:
        """The module's file; UserError with the nearest valid name where no entry is called so."""
        files = self._files()
        if name not in files:
            names = sorted(files)
            raise UserError(
                f"no {self.kind} is called '{name}'.{did_you_mean(name, names)}"
                f" {self.kind.capitalize()}s: {', '.join(names)}"
            )
        return Path(files[name])

    def check(self, name: str) -> str:
        """Return `name`; raise UserError with the nearest valid name where no entry is called so."""
        self._file(name)
        return name

    def address(self, name: str) -> str:
        """Dotted name of the entry's module, e.g. "gru_tf.tasks.images.digits"."""
        file = self._file(name)
        return ".".join((self.package, *file.relative_to(self.folder).with_suffix("").parts))

    def find(self, name: str) -> Any:
        """Import the module called `name` and return its entry."""
        return getattr(import_module(self.address(name)), self.attribute)

    def summary(self, name: str) -> str:
        """First line of the entry's docstring; read, not imported, so TensorFlow stays unloaded."""
        return (ast.get_docstring(self.parsed(name)) or "").partition("\n")[0]

    def parsed(self, name: str) -> ast.Module:
        """The entry's module as a syntax tree; read, not imported."""
        return ast.parse(self._file(name).read_text(encoding="utf-8"))
