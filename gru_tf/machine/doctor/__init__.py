"""Diagnosis of the environment: this machine, the kernel path of every cell and option, combinations that fail."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gru_tf.experiment.experiment import Experiment

if TYPE_CHECKING:  # these import TensorFlow
    from gru_tf.machine.doctor.combinations import Combination
    from gru_tf.machine.doctor.paths import PathRow
    from gru_tf.machine.speed.measurement import Measurement


FAILING = ("fails", "refused")  # names of paths on which nothing trains


@dataclass(frozen=True)
class Paths:
    """Kernel paths.

    Args:
        title: of the table.
        kind: what a row is about, "cell" or "option".
        rows: one for each cell or option.
    """

    title: str
    kind: str
    rows: tuple["PathRow", ...]


@dataclass(frozen=True)
class Examination:
    """The results of an examination.

    Args:
        facts: (name, value) about this machine.
        paths: tables of kernel paths.
        combinations: those that fail or mislead; empty for a single experiment.
    """

    facts: tuple[tuple[str, str], ...]
    paths: tuple[Paths, ...]
    combinations: tuple["Combination", ...]

    @property
    def verdict(self) -> str:
        """In a line: whether cells train here, by what, and what is in the way."""
        first, named = self.paths[0], dict(self.facts)
        failing = [row for row in first.rows if row.here.name in FAILING]
        if failing:
            return f"Not ready: {', '.join(row.name for row in failing)} cannot be trained here: {failing[0].here}."
        if not named["GPU"].startswith("none"):
            return f"Ready: cells train on the GPU, {named['GPU']}."
        absent, _, why = named["CPU kernels"].partition(", ")
        if absent == "none":
            return f"Ready, but slower than possible: there is no GPU, and no fused CPU kernel: {why}."
        return "Ready: cells train on the CPU, by fused kernels where the table below says so; there is no GPU."


def examine(experiment: Experiment | None = None) -> Examination:
    """Examine this machine; initialises TensorFlow.

    Args:
        experiment: whose cells are examined; every cell and layer option if None.

    Raises:
        UserError: where this machine cannot train a cell as the experiment specifies.
    """
    import tensorflow as tf

    from gru_tf.machine.doctor import combinations, facts, paths

    gpu = bool(tf.config.list_logical_devices("GPU"))
    described = tuple(facts.describe())
    if experiment is None:
        return Examination(described, tuple(_all_paths(gpu)), combinations.KNOWN)
    rows = tuple(paths.of_experiment(experiment, gpu))
    return Examination(described, (Paths(f"{experiment.name}: what trains each cell", "cell", rows),), ())


def _all_paths(gpu: bool) -> Iterator[Paths]:
    import keras

    from gru_tf.machine.doctor import paths
    from gru_tf.recurrent.layers.gru import GRU

    yield Paths("gru-tf run, as shipped", "cell", tuple(paths.of_cells(gpu)))
    for name, layer in (("gru_tf.GRU and LSTM", GRU), ("keras.layers.GRU and LSTM", keras.layers.LSTM)):
        yield Paths(f"{name} in model.fit", "option", tuple(paths.of_options(layer, gpu)))


def measure() -> "tuple[tuple[Measurement, Measurement], ...]":
    """A training step of some cells without and with deterministic kernels, timed here."""
    from gru_tf.machine.doctor import cost

    return tuple(cost.of_determinism())
