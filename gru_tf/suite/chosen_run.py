"""Which of several runs is chosen: of a search's trials the best, of final seeds the one whose model is kept and predicts.

Where all seeds have one split, that is the best on validation, or where nothing is validated the first seed. Where each
draws its own, their validation metrics are of different data: then it is the one whose data are the newest. Seed 0 has all
of a series up to its end.
"""

from collections.abc import Iterable

from gru_tf.experiment.result import RunResult, sign
from gru_tf.tasks.own._task import OwnData


def best_of(results: Iterable[RunResult], direction: str) -> RunResult | None:
    """The finished result with the best validation metric, the first of equals."""
    validated = [result for result in _finished(results) if result.validation is not None]
    return max(validated, key=lambda r: sign(direction) * (r.validation or 0.0), default=None)


def kept_of(results: Iterable[RunResult]) -> RunResult | None:
    """Of the results of one model on one task at several seeds the one that predicts; None where none has finished.

    Raises:
        UserError: where seeds draw splits, and the user's file cannot be read.
    """
    finished = _finished(results)
    if len(finished) < 2:
        return finished[0] if finished else None
    task = finished[0].run.drawn_task()
    if not task.overlap or not isinstance(task, OwnData):
        best = best_of(finished, finished[0].direction)
        return min(finished, key=lambda r: r.run.seed) if best is None else best
    if any(result.run.seed == 0 for result in finished):  # no file is read for it
        return next(result for result in finished if result.run.seed == 0)
    ends = {result.run.seed: task.at(result.run.seed).recency for result in finished}
    return max(sorted(finished, key=lambda r: r.run.seed), key=lambda r: ends[r.run.seed])


def _finished(results: Iterable[RunResult]) -> list[RunResult]:
    return [r for r in results if r.status == "finished" and (r.validation is not None or r.test is not None)]
