"""A baseline fitted to a task: its settings chosen on validation, its score on the test split, its size and times."""

import math
import pickle
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from gru_tf.baselines.baseline import BASELINES, Baseline, FittedBaseline, ModelInputs, Settings, TrainingData
from gru_tf.baselines.scoring import Scores, outputs, score, targets_of
from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError
from gru_tf.tasks import Evaluation, Examples, ForecastRows, Outputs, Splits, Task


@dataclass(frozen=True)
class BaselineFit:
    """A baseline and its outcome.

    Args:
        name: of the baseline.
        settings: those with the best score on the validation split, the first of equals.
        validation, test: the task's metric, the latter of the chosen settings alone; the former None where there is no
            validation split.
        more: further metrics on the test split by name, and metrics on further splits as "SPLIT_METRIC".
        size: numbers that the model keeps.
        bytes: of the model when stored.
        fit_seconds: to fit the chosen settings; grid_seconds: to fit and validate all of them.
        predict_seconds: to predict and score the test split.
        tried: all settings, each with its score on the validation split.
        losses: (N,) of the test examples, see `Scores`; weights: (N,) their numbers of targets.
        model: the fitted model.
        evaluation: what its outputs on the test split show beside the score.
    """

    name: str
    settings: Settings
    validation: float | None
    test: float
    more: dict[str, float]
    size: int
    bytes: int
    fit_seconds: float
    grid_seconds: float
    predict_seconds: float
    tried: tuple[tuple[Settings, float], ...]
    losses: Array
    weights: Array
    model: FittedBaseline
    evaluation: Evaluation


def why_not(name: str, task: Task, splits: Splits) -> str:
    """Why a baseline cannot be used on a task, in words; "" where it can."""
    if name not in task.baselines:
        return f"it does not fit this kind of task; those that do: {', '.join(task.baselines) or 'none'}"
    baseline: Baseline = BASELINES.find(name)
    training = TrainingData.of_task(task, splits)
    reason = baseline.why_not(task.signature, training)
    if not reason and splits.validation is None and len(baseline.grid(task.signature, training)) > 1:
        return "there is no validation split to choose its settings on"
    return reason


def fit(name: str, task: Task, splits: Splits, seed: int, refit: bool = False) -> BaselineFit:
    """Fit all settings of a grid to the training split, choose on validation, and score the test split once.

    The same arguments give the same numbers: one thread computes.

    Args:
        name: of the baseline.
        task: with data of `splits`.
        splits: as the networks have them.
        seed: of what is drawn, such as the examples that are used where there are too many.
        refit: whether the chosen settings are fitted anew to training and validation split together, to be tested.

    Raises:
        UserError: where the baseline cannot be used on the task (`why_not`), or no setting gives a finite score.
    """
    reason = why_not(name, task, splits)
    if reason:
        raise UserError(f"{name}: {reason}")
    with _one_thread():
        return _fit(name, task, splits, seed, refit)


def fit_again(
    name: str, task: Task, splits: Splits, seed: int, settings: Settings, refit: bool = False
) -> tuple[FittedBaseline, float | None]:
    """The model of settings that were chosen before, and their metric on the validation split, if any: as `fit` had both.

    Raises:
        UserError: where the baseline cannot be used on the task.
    """
    reason = why_not(name, task, splits)
    if reason:
        raise UserError(f"{name}: {reason}")
    training = TrainingData.of_task(task, splits)
    with _one_thread():
        baseline: Baseline = BASELINES.find(name)
        model = baseline.fit(task.signature, training, settings, seed)
        if splits.validation is None:
            return model, None
        validation = _scores(task, splits, "validation", training.rows, model).values[task.metric.name]
        if refit:
            model = baseline.fit(task.signature, _joined(training, splits, "validation"), settings, seed)
        return model, validation


def fit_to_all(name: str, task: Task, splits: Splits, seed: int, settings: Settings) -> FittedBaseline:
    """The model of settings that were chosen before, fitted to training, validation and test split together."""
    training = TrainingData.of_task(task, splits)
    with _one_thread():
        baseline: Baseline = BASELINES.find(name)
        both = training if splits.validation is None else _joined(training, splits, "validation")
        return baseline.fit(task.signature, _joined(both, splits, "test"), settings, seed)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Linear algebra by one thread, and no warnings of solvers that stop at their limit, which is part of the settings."""
    # limits reach libraries that are loaded, so these come first
    import scipy.linalg  # noqa: F401
    import sklearn.ensemble
    import sklearn.linear_model  # noqa: F401
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _fit(name: str, task: Task, splits: Splits, seed: int, refit: bool) -> BaselineFit:
    baseline: Baseline = BASELINES.find(name)
    signature, metric, training = task.signature, task.metric, TrainingData.of_task(task, splits)
    tried: list[tuple[Settings, float]] = []
    best: tuple[Settings, float, FittedBaseline, float] | None = None
    start = time.perf_counter()
    for settings in baseline.grid(signature, training):
        clock = time.perf_counter()
        model = baseline.fit(signature, training, settings, seed)
        seconds = time.perf_counter() - clock
        if splits.validation is None:  # then there is one setting alone, see `why_not`
            best = (settings, math.nan, model, seconds)
            break
        value = _scores(task, splits, "validation", training.rows, model).values[metric.name]
        tried.append((settings, value))
        if np.isfinite(value) and (best is None or (value > best[1] if metric.direction == "max" else value < best[1])):
            best = (settings, value, model, seconds)
    grid_seconds = time.perf_counter() - start
    if best is None:
        raise UserError(f"{name}: expected a finite score on validation. Received: {', '.join(str(v) for _, v in tried)}")
    settings, chosen_at, model, seconds = best
    validation = None if splits.validation is None else chosen_at
    looked_at, validated = task.looks_at(splits), None
    if looked_at and splits.validation is not None:
        validated = _outputs(task, splits, "validation", training.rows, model)
    if refit and splits.validation is not None:
        clock = time.perf_counter()
        model = baseline.fit(signature, _joined(training, splits, "validation"), settings, seed)
        seconds = time.perf_counter() - clock
    clock = time.perf_counter()
    test = _scores(task, splits, "test", training.rows, model)
    predict_seconds = time.perf_counter() - clock
    evaluation = Evaluation()
    if looked_at:
        evaluation = task.evaluated(Outputs(validated, _outputs(task, splits, "test", training.rows, model)))
    values = {**evaluation.values, **test.values}
    first = values.pop(metric.name)
    for split in splits.more:
        further = _scores(task, splits, split, training.rows, model).values
        values |= {f"{split}_{name}": value for name, value in further.items()}
    return BaselineFit(
        name=name,
        settings=settings,
        validation=validation,
        test=first,
        more=values,
        size=model.size,
        bytes=len(pickle.dumps(model)),
        fit_seconds=seconds,
        grid_seconds=grid_seconds,
        predict_seconds=predict_seconds,
        tried=tuple(tried),
        losses=test.losses,
        weights=test.weights,
        model=model,
        evaluation=evaluation,
    )


def _outputs(task: Task, splits: Splits, split: str, rows: ForecastRows | None, model: FittedBaseline) -> Array:
    """All predictions on a split."""
    steps = getattr(splits, split).inputs.shape[1]
    return outputs(task.signature, ModelInputs.of_split(splits, split, rows), steps, model)


def _scores(task: Task, splits: Splits, split: str, rows: ForecastRows | None, model: FittedBaseline) -> Scores:
    examples = splits.more[split] if split in splits.more else getattr(splits, split)
    if task.metric.whole and split in ("validation", "test"):
        values = task.measured(split, _outputs(task, splits, split, rows, model))  # type: ignore[arg-type]
        return Scores(values, np.zeros(len(examples)), targets_of(task.signature, examples))
    return score(task.signature, task.metric, examples, ModelInputs.of_split(splits, split, rows), model)


def _joined(training: TrainingData, splits: Splits, split: str) -> TrainingData:
    """What is learned from, and another split, together."""
    first, second = training.examples, getattr(splits, split)
    steps = max(first.inputs.shape[1], second.inputs.shape[1])
    inputs = np.concatenate([_padded(part.inputs, steps, 0) for part in (first, second)])
    targets = [np.asarray(part.targets) for part in (first, second)]
    if targets[0].ndim > 1 and targets[0].shape[1] != targets[1].shape[1]:  # a target a step
        targets = [_padded(part, steps, -1 if part.ndim == 2 else 0) for part in targets]
    examples = Examples(inputs, np.concatenate(targets), np.concatenate([first.lengths, second.lengths]))
    rows = training.rows
    if rows is not None:
        known = rows.training.copy()
        for start in rows.starts[split]:
            known[start : start + rows.horizon] = True
        starts = np.concatenate([rows.starts["train"], rows.starts[split]])
        rows = replace(rows, training=known, starts={**rows.starts, "train": starts})
    return TrainingData(examples, rows, training.asked)


def _padded(array: Array, steps: int, filler: int) -> Array:
    missing = steps - array.shape[1]
    pairs = ((0, 0), (0, missing), *((0, 0),) * (array.ndim - 2))
    return np.pad(np.asarray(array), pairs, constant_values=filler)
