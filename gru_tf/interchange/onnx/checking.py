"""A written file beside Keras: onnxruntime's outputs and states on several lengths and batch sizes, or no file."""

from pathlib import Path

import numpy as np
from keras import ops

from gru_tf.foundation.array import Array
from gru_tf.interchange import building, random_inputs
from gru_tf.interchange.agreement import Agreement
from gru_tf.interchange.network import Network
from gru_tf.interchange.onnx.running import session
from gru_tf.interchange.source import BATCHES, LENGTHS
from gru_tf.interchange.verification import batch_of, given_to, real_steps

UNVERIFIED = "not verified: onnxruntime is not installed"


def verified(network: Network, content: bytes, path: Path, initial: bool) -> str:
    """A line on how far onnxruntime's outputs and states are from Keras'.

    Args:
        network: what was written.
        content: the file's bytes.
        path: what messages call it.
        initial: whether first states are inputs; random ones are then given to both.

    Raises:
        UserError: where they are further apart than `Agreement` lets them be, naming the output.
    """
    found = session(content, path)
    if found is None:
        return UNVERIFIED
    by, run = found
    names = [name for name, _ in network.states()]
    model = building.build(network, states=True, initial=initial)
    compared = Agreement(path, by)
    for seed, (steps, batch) in enumerate((steps, batch) for steps in LENGTHS for batch in BATCHES):
        rng = np.random.default_rng(seed)
        inputs, real = random_inputs.of_network(network, batch, steps, rng)
        first = [rng.normal(size=(batch, h)).astype("float32") for _, h in network.states()] if initial else []
        feed = _named(network, inputs, real, dict(zip(names, first, strict=False)))
        whole = given_to(inputs, real)
        given = [*(whole if network.masked else [whole]), *map(ops.convert_to_tensor, first)]
        expected, *ends = model(given if len(given) > 1 else given[0], training=False)
        output, *states = run(["output", *names], feed)
        there, here = real_steps(output, np.asarray(expected), real, network.every_step)
        compared.compare(
            batch_of(batch, steps),
            {"output": there, **dict(zip(names, states, strict=True))},
            {"output": here, **dict(zip(names, ends, strict=True))},
        )
    return str(compared.judged())


def _named(network: Network, inputs: Array, real: Array | None, first: dict[str, Array]) -> dict[str, Array]:
    """Inputs by the file's names and in its types."""
    feed = {"input": inputs if network.tokens is None else inputs.astype("int64")}
    if real is not None:
        feed["lengths"] = real.astype("int32")
    return feed | {f"initial_{name}": array for name, array in first.items()}
