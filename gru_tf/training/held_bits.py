"""Whether another processor gives a run the same bits, and if not, why; recorded with each result."""

import tensorflow as tf

from gru_tf.experiment.experiment import Run
from gru_tf.foundation import arithmetic
from gru_tf.recurrent.kernels import operations
from gru_tf.training.network.resolution import ResolvedNetwork

DEPTH = 256  # terms of the longest sum that TensorFlow's own products do not cut by the size of a cache


def why_not(run: Run, network: ResolvedNetwork, kernel_path: str) -> str:
    """The first reason why the run's numbers may have other bits on another machine; "" where there is none.

    Args:
        run: what was trained.
        network: of it.
        kernel_path: what executed its recurrence, as in `CompiledSteps`.
    """
    if not run.training.deterministic:
        return "training.deterministic is false"
    if run.training.seconds is not None:
        return "training.seconds: the machine's speed decides how many epochs there are"
    if tf.config.list_logical_devices("GPU"):
        return "a GPU computes"
    return arithmetic.why_not_held() or operations.why_not() or _of_network(network, kernel_path)


def _of_network(network: ResolvedNetwork, kernel_path: str) -> str:
    if kernel_path.startswith("xla"):
        return "XLA compiles the network for this processor"
    if kernel_path != "fused cpu":
        return "TensorFlow's own products compute the recurrence"
    if network.model.layer_norm:
        return "TensorFlow's own sums normalise layers"
    if not network.signature.decoded:
        return ""
    attention = network.model.attention
    if attention == "additive":  # whose decoder goes step by step
        return "TensorFlow's own products compute the decoder's recurrence"
    beside = network.units if attention == "context" else 0
    longest = max(network.units, network.signature.span, network.signature.decoded, network.signature.features + beside)
    if tf.config.threading.get_intra_op_parallelism_threads() != 1 or longest > DEPTH:
        what = "attention" if attention == "general" else "writing"
        return f"{what} in TensorFlow's own products, by more than one thread or of more than {DEPTH} units or steps"
    return ""
