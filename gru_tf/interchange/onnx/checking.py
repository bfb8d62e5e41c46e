"""A written file against Keras: the same numbers from onnxruntime, on several lengths and batch sizes, or no file."""

from pathlib import Path
from typing import Any

import numpy as np

from gru_tf.interchange import building
from gru_tf.interchange.agreement import Agreement
from gru_tf.interchange.foreign import BATCHES, LENGTHS, Array
from gru_tf.interchange.network import Network
from gru_tf.interchange.onnx.running import session

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
    names = ["output", *(name for name, _ in network.states())]
    model = building.build(network, states=True, initial=initial)
    cases = [(steps, batch) for steps in LENGTHS for batch in BATCHES]
    compared = Agreement(path, by)
    for seed, (steps, batch) in enumerate(cases):
        feed, lengths = _case(network, steps, batch, initial, np.random.default_rng(seed))
        expected = _by_keras(model, network, feed, lengths)
        real = _real(lengths, steps) if network.every_step else ...
        case, (output, *states), (own, *ends) = f"{steps} steps, {batch} sequences", run(names, feed), expected
        compared.compare(
            case, dict(zip(names, (output[real], *states), strict=True)), dict(zip(names, (own[real], *ends), strict=True))
        )
    return f"verified: {by} within {compared.largest():.1e} of Keras on {len(cases)} inputs, outputs and states"


def _case(network: Network, steps: int, batch: int, initial: bool, random: Any) -> tuple[dict[str, Array], Array]:
    """Inputs by the file's names, and the lengths behind its mask."""
    if network.tokens is not None:
        feed = {"input": random.integers(0, network.tokens, (batch, steps))}
    else:
        feed = {"input": random.normal(size=(batch, steps, network.features)).astype("float32") / (network.scale or 1)}
        feed["input"] = feed["input"].astype("float32")
    lengths = random.integers(1, steps + 1, batch) if network.masked else np.full(batch, steps)
    if network.masked:
        feed["lengths"] = lengths.astype("int32")
    if initial:
        feed |= {f"initial_{name}": random.normal(size=(batch, h)).astype("float32") for name, h in network.states()}
    return feed, lengths


def _real(lengths: Array, steps: int) -> Array:
    """Which steps are no padding, (batch, T)."""
    return np.asarray(np.arange(steps) < lengths[:, None])


def _by_keras(model: Any, network: Network, feed: dict[str, Array], lengths: Array) -> list[Array]:
    given = [feed["input"]]
    if network.masked:
        given.append(_real(lengths, feed["input"].shape[1]))
    given += [array for name, array in feed.items() if name.startswith("initial_")]
    return [np.asarray(each) for each in model(given if len(given) > 1 else given[0], training=False)]
