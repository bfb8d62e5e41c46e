"""Experiments carried out: coordinator, engines, MLflow, resume, comparison on your own data."""

from typing import TYPE_CHECKING

from gru_tf.foundation import lazy

if TYPE_CHECKING:
    from gru_tf.analysis.results import Results as Results
    from gru_tf.suite.definitions import load as load
    from gru_tf.suite.running import engine_for as engine_for
    from gru_tf.suite.running import run as run
    from gru_tf.suite.sizes import check as check
    from gru_tf.suite.stored_results import diagnostics as diagnostics
    from gru_tf.suite.stored_results import expect_alone as expect_alone
    from gru_tf.suite.stored_results import finished as finished
    from gru_tf.suite.stored_results import results as results

_HOMES = {
    "Results": "gru_tf.analysis.results",
    "check": "gru_tf.suite.sizes",
    "diagnostics": "gru_tf.suite.stored_results",
    "engine_for": "gru_tf.suite.running",
    "expect_alone": "gru_tf.suite.stored_results",
    "finished": "gru_tf.suite.stored_results",
    "load": "gru_tf.suite.definitions",
    "results": "gru_tf.suite.stored_results",
    "run": "gru_tf.suite.running",
}

__getattr__, __dir__, __all__ = lazy.exports(__name__, _HOMES)
