"""The pages of the Python interface: which public name is on which page; Sphinx reads the docstrings."""

from collections.abc import Iterator
from typing import NamedTuple


class Group(NamedTuple):
    """A page: its heading, what is on it, and public names or modules."""

    heading: str
    about: str
    names: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()


CELLS = (
    *("GRUCell", "GRUResetBeforeCell", "LSTMCell", "RNNCell", "JANETCell", "MGUCell", "MinGRUCell", "MinLSTMCell"),
    *("LayerNormGRUCell", "LayerNormLSTMCell", "LayerNormRNNCell"),
    *("SRUCell", "QRNNCell", "IndRNNCell", "LRUCell", "SLSTMCell", "MLSTMCell"),
)
CONVOLUTIONAL = ("ConvGRU1D", "ConvGRU2D", "ConvGRU3D")
GROUPS = {
    "layers": Group(
        "Layers and cells",
        "Keras layers and cells for any Keras program. Layers own time; a cell is one step, for `gru_tf.RNN`.",
        (
            "GRU",
            "LSTM",
            "SimpleRNN",
            "RNN",
            "Bidirectional",
            *CONVOLUTIONAL,
            "stacked",
            "RecurrentStack",
            "AttentionDecoder",
            "AttentionCell",
            "portable",
            "OrthogonalByGate",
            *CELLS,
        ),
    ),
    "experiments": Group(
        "Experiments and results",
        "An experiment is data; running it fills a store, from which results are read.",
        ("Experiment", "load", "check", "run", "results", "Results", "RecurrentHyperModel", "UserError"),
    ),
    "comparison": Group(
        "Comparison on your own data",
        "A file, a frame or arrays in; a recommendation and a model out.",
        ("compare", "compared", "Comparison", "load_predictor"),
    ),
    "estimators": Group(
        "scikit-learn",
        "One network each, for scikit-learn's pipelines, searches and cross-validation.",
        ("SequenceClassifier", "SequenceRegressor", "Forecaster"),
    ),
    "interchange": Group(
        "Import, export, streaming",
        "Stacks trained elsewhere in, verified models out, and predictions step by step.",
        ("import_model", "export_model", "Streaming"),
    ),
    "decoding": Group("gru_tf.decoding", "", modules=("gru_tf.recurrent.decoding",)),
    "gates": Group("gru_tf.gates", "", modules=("gru_tf.recurrent.gates",)),
    "derivation": Group("gru_tf.derivation", "", modules=("gru_tf.recurrent.derivation",)),
    "diagnostics": Group("gru_tf.diagnostics", "", modules=("gru_tf.training.diagnostics",)),
}
HOMES = {"Results": "gru_tf.analysis.results", "Comparison": "gru_tf.suite.comparison.answer"}
INDEX = """# Python

`import gru_tf` loads neither TensorFlow nor Keras: a public name is imported when it is first used. Everything on these
pages is public; other modules may change.
"""


def pages() -> dict[str, str]:
    """File name → text, the index among them."""
    listed = [f"{stem}" for stem in GROUPS]
    index = [INDEX, "```{toctree}", ":maxdepth: 2", "", *listed, "```", ""]
    return {"index.md": "\n".join(index), **{f"{stem}.md": "\n".join(_page(group)) for stem, group in GROUPS.items()}}


def _page(group: Group) -> Iterator[str]:
    yield from (f"# {group.heading}", "", group.about, "", "```{eval-rst}")
    for name in group.names:
        yield from _directive(name)
    for module in group.modules:
        yield from (f".. automodule:: {module}", "   :members:", "   :member-order: bysource", "")
    yield from ("```", "")


def _directive(name: str) -> Iterator[str]:
    """A class with its own documented members, or a function."""
    home = HOMES.get(name, "gru_tf")
    yield from (f".. currentmodule:: {home}", "")
    if name[0].isupper():
        yield from (f".. autoclass:: {name}", "   :members:", "   :member-order: bysource", "")
    else:
        yield from (f".. autofunction:: {name}", "")
