"""A file before it is kept: onnxruntime's outputs and states compared with Keras', at several lengths and batch sizes."""

from pathlib import Path

import numpy as np
from keras import ops

from gru_tf.foundation import extras
from gru_tf.foundation.array import Array
from gru_tf.interchange import building, random_inputs
from gru_tf.interchange.agreement import Agreement
from gru_tf.interchange.differences import TOLERANCE, Verified
from gru_tf.interchange.network import Network
from gru_tf.interchange.onnx.running import session
from gru_tf.interchange.real_steps import model_inputs, real_steps
from gru_tf.interchange.source import BATCHES, LENGTHS
from gru_tf.interchange.verification import batch_of

UNVERIFIED = f"not verified: {extras.absent('onnxruntime')}"


def verify(network: Network, content: bytes, path: Path, initial: bool, tolerance: float = TOLERANCE) -> Verified | str:
    """How far onnxruntime's outputs and states differ from Keras', or why that is not known.

    Args:
        network: what was written.
        content: the file's bytes.
        path: what messages call it.
        initial: whether initial states are inputs; both then get the same random ones.
        tolerance: the largest relative difference that passes.

    Raises:
        UserError: if they differ by more than the tolerance, naming the output.
    """
    runtime = session(content, path)
    if runtime is None:
        return UNVERIFIED
    by, run = runtime
    names = [name for name, _ in network.states()]
    model = building.build(network, states=True, initial=initial)
    agreement = Agreement(path, by, tolerance)
    for seed, (steps, batch) in enumerate((steps, batch) for steps in LENGTHS for batch in BATCHES):
        rng = np.random.default_rng(seed)
        inputs, real = random_inputs.of_network(network, batch, steps, rng)
        initial_states = [rng.normal(size=(batch, h)).astype("float32") for _, h in network.states()] if initial else []
        feed = _feed(network, inputs, real, dict(zip(names, initial_states, strict=False)))
        whole = model_inputs(inputs, real)
        arguments = [*(whole if network.masked else [whole]), *map(ops.convert_to_tensor, initial_states)]
        expected_output, *expected_states = model(arguments if len(arguments) > 1 else arguments[0], training=False)
        output, *states = run(["output", *names], feed)
        output, expected_output = real_steps(output, np.asarray(expected_output), real, network.every_step)
        agreement.compare(
            batch_of(batch, steps),
            {"output": output, **dict(zip(names, states, strict=True))},
            {"output": expected_output, **dict(zip(names, expected_states, strict=True))},
        )
    return agreement.judged()


def _feed(network: Network, inputs: Array, real: Array | None, states: dict[str, Array]) -> dict[str, Array]:
    """Inputs by the file's names and in its types."""
    feed = {"input": inputs if network.tokens is None else inputs.astype("int64")}
    if real is not None:
        feed["lengths"] = real.astype("int32")
    return feed | {f"initial_{name}": array for name, array in states.items()}
