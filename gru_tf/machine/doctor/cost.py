"""What deterministic kernels cost on this machine, measured."""

from gru_tf.experiment.specs import Choice
from gru_tf.machine.speed import own_process, timing
from gru_tf.machine.speed.cases import Effort
from gru_tf.machine.speed.measurement import Measurement
from gru_tf.machine.speed.spec import SpeedSpec
from gru_tf.machine.speed.tensorflow_case import why_not_fused

CELLS = ("rnn", "lstm", "gru")
EFFORT = Effort(rounds=3, groups=3, group_seconds=0.02)


def of_determinism(threads: int = 1) -> list[tuple[Measurement, Measurement]]:
    """(without, with) deterministic kernels: a training step of each classical cell, in two processes of their own."""
    cells = tuple(Choice(name=name) for name in CELLS)
    spec = SpeedSpec(cells=cells, threads=threads, fused=not why_not_fused(), quick=True, determinism=True)
    parts = list(zip(*spec.determinism_cases(), strict=True))
    results = own_process.measure(parts, timing.product_rate(EFFORT), EFFORT, threads)
    half = len(results) // 2
    pairs = zip(results[:half], results[half:], strict=True)  # a failure removes its own pair and shifts no other
    return [(a, b) for a, b in pairs if isinstance(a, Measurement) and isinstance(b, Measurement)]
