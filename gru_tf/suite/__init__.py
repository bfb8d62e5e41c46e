"""Experiments carried out: coordinator, engines, MLflow, resume, comparison on your own data."""

from typing import TYPE_CHECKING

from gru_tf.foundation import lazy

if TYPE_CHECKING:
    from gru_tf.analysis.results import Results as Results
    from gru_tf.suite.running import check as check
    from gru_tf.suite.running import diagnostics as diagnostics
    from gru_tf.suite.running import engine_for as engine_for
    from gru_tf.suite.running import load as load
    from gru_tf.suite.running import results as results
    from gru_tf.suite.running import run as run

_RUNNING = "gru_tf.suite.running"
_HOMES = dict.fromkeys(("check", "diagnostics", "engine_for", "load", "results", "run"), _RUNNING)
_HOMES["Results"] = "gru_tf.analysis.results"

__getattr__, __dir__, __all__ = lazy.exports(__name__, _HOMES)
