"""What will run where: this machine, the kernel path of every cell and option, combinations that fail, determinism."""

from collections.abc import Iterator
from typing import Any

from gru_tf.experiment import Experiment


def examine(experiment: Experiment | None = None) -> Iterator[Any]:
    """What the terminal shows, block by block; initialises TensorFlow.

    Args:
        experiment: what trains each of its cells; every cell and layer option if None.

    Raises:
        UserError: where this machine cannot train a cell as the experiment asks.
    """
    import keras
    import tensorflow as tf

    from gru_tf.doctor import combinations, machine, paths, screen
    from gru_tf.layers.gru import GRU

    gpu = bool(tf.config.list_logical_devices("GPU"))
    yield screen.facts(machine.describe())
    if experiment is not None:
        yield screen.paths(f"{experiment.name}: what trains each cell", paths.of_experiment(experiment, gpu), "cell")
        return
    yield screen.paths("gru-tf run, as shipped", paths.of_cells(gpu), "cell")
    for name, layer in (("gru_tf.GRU", GRU), ("keras.layers.LSTM", keras.layers.LSTM)):
        yield screen.paths(f"{name} in model.fit", paths.of_options(layer, gpu), "option")
    yield screen.combinations(combinations.KNOWN)


def measure() -> Any:
    """What deterministic kernels cost here, as a table."""
    from gru_tf.doctor import cost, screen

    return screen.determinism(cost.of_determinism())
