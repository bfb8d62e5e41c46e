"""Former addresses of modules: documents, programs and saved models name them, and get the module where it is now."""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

# documented, or named by the pickled classes of a registered model; a package stands for all modules in it
FORMER = {
    "gru_tf.cells._parallel": "gru_tf.recurrent.layers.parallel_rnn",
    "gru_tf.recurrent.cells._parallel": "gru_tf.recurrent.layers.parallel_rnn",
    "gru_tf.cells": "gru_tf.recurrent.cells",
    "gru_tf.layers": "gru_tf.recurrent.layers",
    "gru_tf.gates": "gru_tf.recurrent.gates",
    "gru_tf.derivation": "gru_tf.recurrent.derivation",
    "gru_tf.decoding": "gru_tf.recurrent.decoding",
    "gru_tf.tasks.adding": "gru_tf.tasks.memory.adding",
    "gru_tf.interchange.metadata": "gru_tf.interchange.provenance",
    "gru_tf.diagnostics": "gru_tf.training.diagnostics",
    "gru_tf.document": "gru_tf.analysis.formats.json_document",
    "gru_tf.frame": "gru_tf.analysis.formats.frame",
    "gru_tf.registered": "gru_tf.recurrent.saved_models",
    "gru_tf.silence": "gru_tf.foundation.startup",
}


def current(name: str) -> str | None:
    """Where the module of a former address is now; None for any other name."""
    if not name.startswith("gru_tf."):  # nearly every import of a process
        return None
    for former, now in FORMER.items():
        if name == former or name.startswith(f"{former}."):
            return now + name.removeprefix(former)
    return None


class FormerAddresses(MetaPathFinder):
    """Finds a module by its former address.

    It comes first in `sys.meta_path`: otherwise a module inside such a package would be imported a second time, from the
    package's folder, and its classes would exist twice.
    """

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """The module's spec; None where it has never had this address."""
        where = current(name)
        return None if where is None else ModuleSpec(name, _SameModule(where))


class _SameModule(Loader):
    """Loads nothing anew: the module has one copy of its classes, whatever it is called."""

    def __init__(self, where: str):
        self.where = where

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = import_module(self.where)
        self.spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.spec  # the import system has just put the former address there


def install() -> None:
    """Let Python find modules by their former addresses, once a process."""
    if not any(isinstance(finder, FormerAddresses) for finder in sys.meta_path):
        sys.meta_path.insert(0, FormerAddresses())
