"""RNN, LSTM or GRU on a user's own data: inferred options, an experiment, its run, and a recommendation in words."""

from typing import TYPE_CHECKING

from gru_tf.foundation import lazy

if TYPE_CHECKING:
    from gru_tf.suite.comparison.answer import Comparison as Comparison
    from gru_tf.suite.comparison.artifact import load_predictor as load_predictor
    from gru_tf.suite.comparison.comparing import compare as compare
    from gru_tf.suite.comparison.comparing import compared as compared
    from gru_tf.suite.comparison.planning import ComparisonPlan as ComparisonPlan
    from gru_tf.suite.comparison.planning import plan as plan
    from gru_tf.suite.comparison.planning import write as write

# imported when first used: the command line reads the options next to these at every start
_HOMES = {
    "Comparison": "gru_tf.suite.comparison.answer",
    "ComparisonPlan": "gru_tf.suite.comparison.planning",
    "compare": "gru_tf.suite.comparison.comparing",
    "compared": "gru_tf.suite.comparison.comparing",
    "load_predictor": "gru_tf.suite.comparison.artifact",
    "plan": "gru_tf.suite.comparison.planning",
    "write": "gru_tf.suite.comparison.planning",
}

__getattr__, __dir__, __all__ = lazy.exports(__name__, _HOMES)
