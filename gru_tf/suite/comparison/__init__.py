"""RNN, LSTM or GRU on a user's own data: inferred options, an experiment, its run, and a recommendation in words."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gru_tf.suite.comparison.answer import Comparison as Comparison
    from gru_tf.suite.comparison.comparing import compare as compare
    from gru_tf.suite.comparison.comparing import compared as compared
    from gru_tf.suite.comparison.planning import ComparisonPlan as ComparisonPlan
    from gru_tf.suite.comparison.planning import plan as plan
    from gru_tf.suite.comparison.planning import write as write

# imported when first used: the command line reads the options next to these at every start
_HOMES = {
    "Comparison": "answer",
    "ComparisonPlan": "planning",
    "compare": "comparing",
    "compared": "comparing",
    "plan": "planning",
    "write": "planning",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605, the table is the list


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'gru_tf.suite.comparison' has no attribute '{name}'")
    return getattr(import_module(f"gru_tf.suite.comparison.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOMES)
