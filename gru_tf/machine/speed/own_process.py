"""Measurements in separate processes: settings made there, such as determinism, end with them."""

import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from gru_tf.foundation import startup
from gru_tf.machine.speed.cases import Case, Effort
from gru_tf.machine.speed.measurement import Failure, Measurement

_rounds: Iterator[list[Measurement | Failure]] = iter(())  # of this process


def measure(parts: Sequence[Sequence[Case]], rate: float, effort: Effort, threads: int) -> list[Measurement | Failure]:
    """Each part in a fresh process, taking turns round by round, so that other work on the machine disturbs all parts alike.

    Args:
        parts: the cases of each process.
        rate: floating-point operations a second, for the floor.
        effort: how long to time.
        threads: of each process.
    """
    pools = [ProcessPoolExecutor(1, get_context("spawn")) for _ in parts]
    try:
        for pool, part in zip(pools, parts, strict=True):
            pool.submit(_begin, list(part), rate, effort, threads).result()
        for _ in range(effort.rounds):
            results = [pool.submit(_round).result() for pool in pools]
        return [result for part in results for result in part] if pools else []
    finally:
        for pool in pools:
            pool.shutdown(cancel_futures=True)


def _begin(cases: list[Case], rate: float, effort: Effort, threads: int) -> None:
    global _rounds  # noqa: PLW0603, a worker process's only state
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it at once and without a traceback
    with startup.quiet():
        from gru_tf.machine.speed import timing
        from gru_tf.training import trainer

        trainer.configure(threads)
    _rounds = timing.rounds(cases, rate, effort)


def _round() -> list[Measurement | Failure]:
    return next(_rounds)
