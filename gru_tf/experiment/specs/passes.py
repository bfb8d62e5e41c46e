"""What the fields of a training about its passes allow together: steps, validation, the epoch that is tested, truncation.

A training is a `TrainingSpec` everywhere, which checks itself by this.
"""

from collections.abc import Collection, Iterator
from typing import Any, Literal, get_args

from gru_tf.foundation.errors import did_you_mean
from gru_tf.tasks.task import MetricName

LOSS = "loss"  # what a monitor may be beside a metric: the mean loss of a target
MAXIMA = ("accuracy", "balanced_accuracy", "macro_f1", "roc_auc", "bleu", "beam_bleu")  # of which more is better


def direction_of(monitor: str) -> Literal["max", "min"]:
    """Whether more or less of a metric, or of the loss, is better."""
    return "max" if monitor in MAXIMA else "min"


def check(training: Any) -> None:
    """Raise ValueError for fields that contradict each other, or that would not be read."""
    for wrong in (*_of_steps(training), *_of_validation(training), *_of_the_rest(training)):
        raise ValueError(wrong)


def check_search(training: Any, tuner: str | None, axes: Collection[str], diagnostics: Collection[str]) -> None:
    """Raise ValueError for an experiment whose search or diagnostics the passes of its training do not allow.

    Args:
        training: of the experiment.
        tuner: of its search; None for no search.
        axes: names of what is searched.
        diagnostics: names of what is recorded.
    """
    if training.validation == "none" and tuner is not None:
        raise ValueError("expected no 'search' together with 'training.validation: none', by which it would choose")
    if training.validation == "none" and diagnostics:
        received = ", ".join(diagnostics)
        raise ValueError(
            f"expected no 'diagnostics' together with 'training.validation: none', of which they are. Received: {received}"
        )
    if tuner == "hyperband" and training.steps is not None:
        raise ValueError(
            f"search.tuner: received hyperband, which sets epochs, expected another one beside training.steps,"
            f" {training.steps}"
        )
    if training.steps is not None and "epochs" in axes:
        raise ValueError("search.space.epochs: expected it to be left out beside training.steps")
    if training.steps is None and "steps" in axes:
        raise ValueError("search.space.steps: expected training.steps beside it, in place of training.epochs")


def _of_steps(training: Any) -> Iterator[str]:
    if training.steps is None:
        if training.evaluate_every is not None:
            yield f"expected 'steps' together with 'evaluate_every'. Received: evaluate_every {training.evaluate_every}"
        return
    if "epochs" in training.model_fields_set:
        yield f"expected one of 'steps' and 'epochs'. Received: steps {training.steps} and epochs {training.epochs}"
    if training.seconds is not None:
        yield f"expected one of 'steps' and 'seconds'. Received: steps {training.steps} and seconds {training.seconds:g}"
    if training.evaluate_every is not None and training.evaluate_every > training.steps:
        yield f"expected 'evaluate_every' of at most 'steps', {training.steps}. Received: {training.evaluate_every}"


def _of_validation(training: Any) -> Iterator[str]:
    if training.validation != "none":
        return
    if training.select != "last":
        yield "expected 'select: last' together with 'validation: none': nothing shows a best epoch. Received: select best"
    for name in ("patience", "monitor", "stop_at", "evaluate_every"):
        if (value := getattr(training, name)) is not None:
            yield f"expected no '{name}' together with 'validation: none': nothing is validated. Received: {value}"
    for name in ("refit", "fresh"):
        if getattr(training, name):
            yield f"expected no '{name}' together with 'validation: none'. Received: true"
    if training.decay == "plateau":
        yield "expected no 'decay: plateau' together with 'validation: none': nothing is validated. Received: plateau"


def _of_the_rest(training: Any) -> Iterator[str]:
    if training.seconds is not None and training.patience is not None:
        yield f"expected no 'patience' together with 'seconds', which alone end it. Received: {training.patience}"
    if training.seconds is not None and training.stop_at is not None:
        yield f"expected no 'stop_at' together with 'seconds', which alone end it. Received: {training.stop_at:g}"
    if training.fresh and training.refit:
        yield "expected no 'refit' together with 'fresh': examples are drawn, none need be saved. Received: true"
    names = (*get_args(MetricName), LOSS)
    if training.monitor is not None and training.monitor not in names:
        near = did_you_mean(training.monitor, names)
        yield f"monitor: received '{training.monitor}', expected a metric.{near} Metrics: {', '.join(names)}"
