"""The baseline of a task: its prediction, from the definition, and the metric that it gets."""

from typing import Any

import naive
import numpy as np
import pytest
from sacrebleu import corpus_bleu

from gru_tf.data.datasets import locate
from gru_tf.tasks import Examples, Splits, Task
from gru_tf.tasks.language.multi30k import FILES as CAPTIONS
from gru_tf.tasks.language.multi30k import read_sentences, tokens


def draw(task: Task, seed: int = 0) -> Splits:
    return task.splits(np.random.default_rng([seed, 7]))


def parts(splits: Splits) -> tuple[Examples, Examples, Examples]:
    return splits.train, splits.validation, splits.test


def real_steps(examples: Examples) -> Any:
    """(N, T): whether a step is real, not padding."""
    return np.arange(examples.inputs.shape[1]) < examples.lengths[:, None]


def counted(task: Task, examples: Examples) -> Any:
    """(N,) or (N, T): whether there is a target."""
    if task.signature.decoded:
        return examples.targets >= 0
    there = real_steps(examples) if task.signature.per_step else np.ones(len(examples), bool)
    if task.signature.scored == "last":
        there = there & (np.arange(there.shape[1]) == examples.lengths[:, None] - 1)
    return there & (examples.targets >= 0) if task.signature.target == "class" else there


def losses(task: Task, examples: Examples, predicted: Any) -> Any:
    """What the metric averages, one number a target, (N,) or (N, T), from its definition; 0 where there is no target.

    Args:
        predicted: values; probabilities of ones; classes for "accuracy", else probabilities of classes; of any shape that
            broadcasts against the targets.
    """
    targets, name = examples.targets, task.metric.name
    with np.errstate(divide="ignore"):  # a target with the predicted probability 0 costs infinitely much
        if name == "accuracy":
            each = (targets == predicted).astype(float)
        elif task.signature.target == "value":
            error = targets.astype(float) - predicted
            each = (np.abs(error) if name == "mae" else error**2).mean(-1)
        elif task.signature.target == "binary":
            each = -np.log(np.where(targets == 1, predicted, 1 - predicted)).sum(-1)
        else:
            likely = np.broadcast_to(predicted, (*targets.shape, task.signature.outputs))
            each = -np.log(np.take_along_axis(likely, np.maximum(targets, 0)[..., None], -1)[..., 0])
    return np.where(counted(task, examples), each, 0.0)


def value(task: Task, examples: Examples, predicted: Any) -> float:
    """The metric: over all targets together, not by example first; of sentences, BLEU."""
    if task.signature.decoded:
        references = read_sentences(locate(CAPTIONS["test", task.languages[1]]))
        if task.bleu == "13a":
            return float(corpus_bleu(predicted, [references], lowercase=True).score)
        words = ([" ".join(tokens(text)) for text in texts] for texts in (predicted, references))
        written, wanted = words
        return float(corpus_bleu(written, [wanted], tokenize="none", smooth_method="none", force=True).score)
    return task.metric.value(losses(task, examples, predicted).sum() / counted(task, examples).sum())


def standard_error(task: Task, examples: Examples, predicted: Any) -> float:
    """Of the mean over all targets, where examples are independent and the targets of one example need not be."""
    each, there = losses(task, examples, predicted), counted(task, examples)
    rows = (each - there * each.sum() / there.sum()).reshape(len(examples), -1).sum(1)
    return float(rows.std() * np.sqrt(len(rows)) / there.sum())


def baseline(task: Task, train: Examples) -> Any:
    """The best prediction from the training targets alone, without inputs, but by step where all sequences have one length.

    Of a forecast, the better naive one.
    """
    if naive.covers(task):
        return naive.best(task, draw(task).test.targets)
    if type(task).__name__ == "Counting":  # an a after #, else the symbol that was read last
        return np.maximum(draw(task).test.inputs.argmax(-1), 1)
    if type(task).__name__ == "CopyMemory":  # the blank, and where symbols are asked for any of them
        test = draw(task).test
        before = np.arange(test.inputs.shape[1]) < test.lengths[:, None] - task.copied
        return np.where(before[..., None], np.eye(task.alphabet + 1)[0], [0.0] + [1 / task.alphabet] * task.alphabet)
    if type(task).__name__ == "Waves":  # the better of the last value and the mean of training, at each step
        test, axes = draw(task).test, (slice(None), None, slice(None)) if task.signature.per_step else ()
        both = [test.inputs[:, -1][axes], np.broadcast_to(train.targets.mean(0), test.targets.shape)]
        return min(both, key=lambda predicted: value(task, test, predicted))
    if task.signature.decoded:  # the constant that the task names is a training sentence
        constant = task.metric.trivial.removeprefix("always '").removesuffix("'")
        assert constant in read_sentences(locate(CAPTIONS["train", task.languages[1]]))
        translations = [constant] * len(draw(task).test), read_sentences(locate(CAPTIONS["test", task.languages[0]]))
        return max(translations, key=lambda translation: value(task, draw(task).test, translation))
    if task.signature.target == "value":
        return train.targets.mean(0)
    if task.signature.target == "binary":
        real = train.targets[real_steps(train)]
        return (real.sum(0, dtype=int) + 1) / (len(real) + 2)
    if task.signature.carried:  # one text: as often as in training, and what never came there a little
        counts = np.bincount(train.targets[counted(task, train)], minlength=task.signature.outputs) + 1
        return counts / counts.sum()
    counts = np.stack([(train.targets == label).sum(0) for label in range(task.signature.outputs)], axis=-1)
    if task.signature.per_step and train.lengths.min() < train.lengths.max():
        counts = counts.sum(0)
    if task.metric.name == "accuracy":
        return counts.argmax(-1)
    return counts / np.maximum(counts.sum(-1, keepdims=True), 1)


def check_baseline_scores_chance(task: Task, fixed: bool) -> None:
    """Exactly on fixed data. On drawn data within four standard errors of the test mean, and four times the expected
    cost of a prediction learned from so few training examples."""
    splits = draw(task)
    predicted = baseline(task, splits.train)
    received, error = value(task, splits.test, predicted), 0.0
    if (
        task.metric.name == "accuracy" and fixed
    ):  # or a guess, where the most frequent class of training is rarer in the test
        received = max(received, 1 / task.signature.outputs)
    if not fixed:
        error = 4 * standard_error(task, splits.test, predicted) + 4 * received / len(splits.train)
    rounding = 1e-6 if task.signature.target == "value" else 1e-9  # these targets are float32
    assert received == pytest.approx(task.metric.chance, rel=rounding, abs=error)
    assert task.metric.score(task.metric.chance) == 0
    assert task.metric.score(task.metric.solved) == 1
    assert (task.metric.solved > task.metric.chance) == (task.metric.direction == "max")
