"""Initial values of all weights from one distribution, in place of each layer's own.

    uniform          w ~ U(−s, s)             s: `initial_scale`; all weights and biases   (Zaremba et al. 2014, sec. 4.1)
    normal           w ~ N(0, s²)             likewise
    glorot_…         variance 2 / (fan-in + fan-out)      matrices alone: biases stay as Keras has them
    he_…             variance 2 / fan-in
    lecun_…          variance 1 / fan-in

The last three are Keras' own, by whose counts a kernel of G gates of H units has a fan-in of its rows and a fan-out of G·H.
"Normal" is cut at two deviations there, and not in `normal`. What is left alone in any case: gains and shifts of
normalisations, decays and phases of linear cells, a linear path, which begins at zero, and recurrent weights that the cell's
own `recurrent_start` sets, or of an IndRNN its `longest`. Vectors that are no biases, of which these three know no fan-in,
are drawn by the first two alone: the v of additive attention, the recurrent weights of an IndRNN and of an SRU. Biases that
are drawn take in the forget gate of an LSTM.

Reference: W. Zaremba, I. Sutskever, O. Vinyals, "Recurrent neural network regularization", arXiv 1409.2329, 2014.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from gru_tf.experiment.specs import ModelSpec
from gru_tf.foundation.errors import UserError

SEED = 20140908  # apart from all other draws of a run's seed
KERNELS = ("kernel", "recurrent_kernel", "projection_kernel", "peephole_kernel")
OF_ONE_CELL = ("highway_kernel", "output_kernel", "skip_kernel")  # of an SRU; of an LRU
OF_ATTENTION = "scale"  # as Keras calls the v of additive attention
MATRICES = (*KERNELS, *OF_ONE_CELL, "embeddings")
BIAS = "bias"
OF_BIASES = ("longest", "forget_bias")  # options of cells about the biases with which they begin


def check(model: ModelSpec, cell: str, options: Mapping[str, Any]) -> None:
    """Raise UserError where the cell's options say how biases begin that are drawn."""
    for name in OF_BIASES if cell != "indrnn" else ():  # whose `longest` is of its recurrent weights
        if _draws_biases(model) and name in options and options[name] is not None:
            raise UserError(
                f"model.initial: received '{model.initial}', expected keep_biases: true beside it, or no {name} of {cell}:"
                " both say how biases begin"
            )


def draw(network: Any, model: ModelSpec, options: Mapping[str, Any], seed: int) -> None:
    """Draw the weights of a new network again, as `model.initial` has it; each weight has a seed of its own.

    Args:
        network: a `keras.Model` as built.
        model: its specification.
        options: of the cell.
        seed: of the run.
    """
    if model.initial == "keras":
        return
    for place, weight in enumerate(_drawn(network, model, options)):
        own = int(np.random.SeedSequence([seed, SEED, place]).generate_state(1)[0])
        weight.assign(_initializer(model, own)(tuple(weight.shape), dtype="float32"))


def _drawn(network: Any, model: ModelSpec, options: Mapping[str, Any]) -> Iterator[Any]:
    """The weights that are drawn, in the network's order."""
    names = {*MATRICES, *([BIAS] if _draws_biases(model) else []), *([OF_ATTENTION] if _draws_vectors(model) else [])}
    if options.get("recurrent_start", "orthogonal") != "orthogonal":
        names.remove("recurrent_kernel")
    for weight in network.trainable_variables:
        if weight.name in names and not weight.path.startswith("linear_path/") and not _is_left(weight, model, options):
            yield weight


def _is_left(weight: Any, model: ModelSpec, options: Mapping[str, Any]) -> bool:
    """Whether it is a vector but no bias, and stays as it is."""
    if len(weight.shape) > 1 or weight.name == BIAS:
        return False
    return not _draws_vectors(model) or (weight.name == "recurrent_kernel" and options.get("longest") is not None)


def _draws_vectors(model: ModelSpec) -> bool:
    return model.initial_scale is not None


def _draws_biases(model: ModelSpec) -> bool:
    return model.initial_scale is not None and not model.keep_biases


def _initializer(model: ModelSpec, seed: int) -> Any:
    import keras  # sizes are counted, and options checked, without it

    match model.initial:
        case "uniform":
            return keras.initializers.RandomUniform(-model.initial_scale, model.initial_scale, seed=seed)  # type: ignore[operator]
        case "normal":
            return keras.initializers.RandomNormal(stddev=model.initial_scale, seed=seed)
    return keras.initializers.get({"class_name": _CLASSES[model.initial], "config": {"seed": seed}})


_CLASSES = {
    "glorot_uniform": "GlorotUniform",
    "glorot_normal": "GlorotNormal",
    "he_uniform": "HeUniform",
    "he_normal": "HeNormal",
    "lecun_uniform": "LecunUniform",
    "lecun_normal": "LecunNormal",
}
