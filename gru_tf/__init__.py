"""RNN, LSTM or GRU, for my data, at what cost? Fair, tuned, tracked comparisons in Keras; see README.md.

The public names are imported when first used: `import gru_tf` alone does not load TensorFlow.
"""

from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from wrapt import register_post_import_hook

from gru_tf.foundation import addresses, lazy

if TYPE_CHECKING:
    from gru_tf.analysis.results import Results as Results
    from gru_tf.experiment.experiment import Experiment as Experiment
    from gru_tf.foundation.errors import UserError as UserError
    from gru_tf.interchange.exporting import export_model as export_model
    from gru_tf.interchange.importing import import_model as import_model
    from gru_tf.interchange.streaming import Streaming as Streaming
    from gru_tf.recurrent import decoding as decoding
    from gru_tf.recurrent import derivation as derivation
    from gru_tf.recurrent import gates as gates
    from gru_tf.recurrent.cells.gru import GRUCell as GRUCell
    from gru_tf.recurrent.cells.gru_reset_before import GRUResetBeforeCell as GRUResetBeforeCell
    from gru_tf.recurrent.cells.indrnn import IndRNNCell as IndRNNCell
    from gru_tf.recurrent.cells.janet import JANETCell as JANETCell
    from gru_tf.recurrent.cells.layer_norm_gru import LayerNormGRUCell as LayerNormGRUCell
    from gru_tf.recurrent.cells.layer_norm_lstm import LayerNormLSTMCell as LayerNormLSTMCell
    from gru_tf.recurrent.cells.layer_norm_rnn import LayerNormRNNCell as LayerNormRNNCell
    from gru_tf.recurrent.cells.lru import LRUCell as LRUCell
    from gru_tf.recurrent.cells.lstm import LSTMCell as LSTMCell
    from gru_tf.recurrent.cells.mgu import MGUCell as MGUCell
    from gru_tf.recurrent.cells.min_gru import MinGRUCell as MinGRUCell
    from gru_tf.recurrent.cells.min_lstm import MinLSTMCell as MinLSTMCell
    from gru_tf.recurrent.cells.mlstm import MLSTMCell as MLSTMCell
    from gru_tf.recurrent.cells.qrnn import QRNNCell as QRNNCell
    from gru_tf.recurrent.cells.rnn import RNNCell as RNNCell
    from gru_tf.recurrent.cells.slstm import SLSTMCell as SLSTMCell
    from gru_tf.recurrent.cells.sru import SRUCell as SRUCell
    from gru_tf.recurrent.layers.attention_cell import AttentionCell as AttentionCell
    from gru_tf.recurrent.layers.attention_decoder import AttentionDecoder as AttentionDecoder
    from gru_tf.recurrent.layers.bidirectional import Bidirectional as Bidirectional
    from gru_tf.recurrent.layers.conv_gru import ConvGRU1D as ConvGRU1D
    from gru_tf.recurrent.layers.conv_gru import ConvGRU2D as ConvGRU2D
    from gru_tf.recurrent.layers.conv_gru import ConvGRU3D as ConvGRU3D
    from gru_tf.recurrent.layers.gru import GRU as GRU
    from gru_tf.recurrent.layers.lstm import LSTM as LSTM
    from gru_tf.recurrent.layers.rnn import RNN as RNN
    from gru_tf.recurrent.layers.simple_rnn import SimpleRNN as SimpleRNN
    from gru_tf.recurrent.layers.stack import RecurrentStack as RecurrentStack
    from gru_tf.recurrent.layers.stacked_model import stacked as stacked
    from gru_tf.recurrent.orthogonal_by_gate import OrthogonalByGate as OrthogonalByGate
    from gru_tf.recurrent.portability import portable as portable
    from gru_tf.suite import check as check
    from gru_tf.suite import load as load
    from gru_tf.suite import results as results
    from gru_tf.suite import run as run
    from gru_tf.suite.comparison import Comparison as Comparison
    from gru_tf.suite.comparison import compare as compare
    from gru_tf.suite.comparison import compared as compared
    from gru_tf.suite.comparison import load_predictor as load_predictor
    from gru_tf.suite.tuning import RecurrentHyperModel as RecurrentHyperModel
    from gru_tf.training import diagnostics as diagnostics
    from gru_tf.training.estimators.classifier import SequenceClassifier as SequenceClassifier
    from gru_tf.training.estimators.forecaster import Forecaster as Forecaster
    from gru_tf.training.estimators.regressor import SequenceRegressor as SequenceRegressor

    __version__: str

_HOMES = {
    "GRU": "gru_tf.recurrent.layers.gru",
    "LSTM": "gru_tf.recurrent.layers.lstm",
    "SimpleRNN": "gru_tf.recurrent.layers.simple_rnn",
    "Bidirectional": "gru_tf.recurrent.layers.bidirectional",
    "RNN": "gru_tf.recurrent.layers.rnn",
    "ConvGRU1D": "gru_tf.recurrent.layers.conv_gru",
    "ConvGRU2D": "gru_tf.recurrent.layers.conv_gru",
    "ConvGRU3D": "gru_tf.recurrent.layers.conv_gru",
    "RecurrentStack": "gru_tf.recurrent.layers.stack",
    "AttentionCell": "gru_tf.recurrent.layers.attention_cell",
    "AttentionDecoder": "gru_tf.recurrent.layers.attention_decoder",
    "stacked": "gru_tf.recurrent.layers.stacked_model",
    "OrthogonalByGate": "gru_tf.recurrent.orthogonal_by_gate",
    "portable": "gru_tf.recurrent.portability",
    "GRUCell": "gru_tf.recurrent.cells.gru",
    "GRUResetBeforeCell": "gru_tf.recurrent.cells.gru_reset_before",
    "JANETCell": "gru_tf.recurrent.cells.janet",
    "LSTMCell": "gru_tf.recurrent.cells.lstm",
    "LayerNormGRUCell": "gru_tf.recurrent.cells.layer_norm_gru",
    "LayerNormLSTMCell": "gru_tf.recurrent.cells.layer_norm_lstm",
    "LayerNormRNNCell": "gru_tf.recurrent.cells.layer_norm_rnn",
    "MGUCell": "gru_tf.recurrent.cells.mgu",
    "MinGRUCell": "gru_tf.recurrent.cells.min_gru",
    "MinLSTMCell": "gru_tf.recurrent.cells.min_lstm",
    "MLSTMCell": "gru_tf.recurrent.cells.mlstm",
    "RNNCell": "gru_tf.recurrent.cells.rnn",
    "IndRNNCell": "gru_tf.recurrent.cells.indrnn",
    "LRUCell": "gru_tf.recurrent.cells.lru",
    "QRNNCell": "gru_tf.recurrent.cells.qrnn",
    "SRUCell": "gru_tf.recurrent.cells.sru",
    "SLSTMCell": "gru_tf.recurrent.cells.slstm",
    "Comparison": "gru_tf.suite.comparison",
    "compare": "gru_tf.suite.comparison",
    "compared": "gru_tf.suite.comparison",
    "load_predictor": "gru_tf.suite.comparison",
    "UserError": "gru_tf.foundation.errors",
    "Experiment": "gru_tf.experiment.experiment",
    "check": "gru_tf.suite",
    "export_model": "gru_tf.interchange.exporting",
    "import_model": "gru_tf.interchange.importing",
    "load": "gru_tf.suite",
    "Results": "gru_tf.analysis.results",
    "results": "gru_tf.suite",
    "run": "gru_tf.suite",
    "RecurrentHyperModel": "gru_tf.suite.tuning",
    "Streaming": "gru_tf.interchange.streaming",
    "Forecaster": "gru_tf.training.estimators.forecaster",
    "SequenceClassifier": "gru_tf.training.estimators.classifier",
    "SequenceRegressor": "gru_tf.training.estimators.regressor",
}

_MODULES = ("decoding", "derivation", "diagnostics", "gates")  # public as a whole, under these short addresses

_public, _names, __all__ = lazy.exports(__name__, _HOMES, _MODULES)

addresses.install()

# as `gru_tf.recurrent.saved_models` has them for cells and layers, which know nothing of the other rooms
_IN_SAVED_MODELS = {
    "DecayingAdam": "gru_tf.training.network.decaying",
    "DecayingRMSprop": "gru_tf.training.network.decaying",
    "DecayingSGD": "gru_tf.training.network.decaying",
    "TaskLoss": "gru_tf.training.network.task_loss",
    "TaskMetric": "gru_tf.training.network.task_loss",
}


def _announce(keras: Any) -> None:
    """Tell Keras where the classes are that saved models name."""
    from gru_tf.recurrent import saved_models

    saved_models.announce(keras)
    stand_ins = {f"gru_tf.training>{name}": saved_models.StandIn(home, name) for name, home in _IN_SAVED_MODELS.items()}
    saved_models.announce_classes(keras, stand_ins)


# the hook runs when Keras is imported, or at once where it already is
register_post_import_hook(_announce, "keras")


def __dir__() -> list[str]:
    return ["__version__", *_names()]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return version("gru-tf")
    if name not in _HOMES and not name.startswith("_") and find_spec(f"gru_tf.{name}"):
        return import_module(f"gru_tf.{name}")  # as `gru_tf.suite` after `import gru_tf` alone
    return _public(name)
