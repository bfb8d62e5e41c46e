"""Experiments carried out: coordinator, engines, MLflow, resume, comparison on your own data."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gru_tf.analysis.results import Results as Results
    from gru_tf.suite.running import check as check
    from gru_tf.suite.running import diagnostics as diagnostics
    from gru_tf.suite.running import engine_for as engine_for
    from gru_tf.suite.running import load as load
    from gru_tf.suite.running import results as results
    from gru_tf.suite.running import run as run

__all__ = ["Results", "check", "diagnostics", "engine_for", "load", "results", "run"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'gru_tf.suite' has no attribute '{name}'")
    home = "gru_tf.analysis.results" if name == "Results" else "gru_tf.suite.running"
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
