"""Small made data for baselines: sequences with a class or a value, texts, piano rolls."""

from dataclasses import replace
from typing import Any

import numpy as np
from pydantic import ConfigDict

from gru_tf.baselines.baseline import ModelInputs, TrainingData
from gru_tf.tasks import Examples, Metric, Signature, Splits, Task


class Made(Task):
    """A task on data that a test has made."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)
    question = reference = licence = "made"

    shapes: Any
    scored_by: Any
    data: Any

    @property
    def signature(self) -> Signature:
        return self.shapes

    @property
    def metric(self) -> Metric:
        return self.scored_by

    def splits(self, rng: np.random.Generator) -> Splits:
        return self.data


def waves(
    classes: int = 3, count: int = 60, steps: int = 20, features: int = 2, seed: int = 0, vary: bool = True
) -> Examples:
    """Noisy waves whose frequency is the class, of 12 to `steps` steps."""
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, classes, count).astype(np.int32)
    time = np.arange(steps)[None, :, None] + rng.uniform(0, 2, (count, 1, features))
    inputs = np.sin(time * (targets[:, None, None] + 1) / 2) + rng.normal(0, 0.7, (count, steps, features))
    lengths = (rng.integers(12, steps + 1, count) if vary else np.full(count, steps)).astype(np.int32)
    lengths[0] = steps
    inputs[np.arange(steps) >= lengths[:, None]] = 0
    return Examples(inputs.astype(np.float32), targets, lengths)


def classified(**options: Any) -> Made:
    """A task of `waves`."""
    train, validation, test = (waves(seed=seed, **options) for seed in range(3))
    signature = Signature(train.inputs.shape[1], train.inputs.shape[2], options.get("classes", 3), "class", varying=True)
    metric = Metric("accuracy", "max", 1 / signature.outputs, 1.0)
    return Made(shapes=signature, scored_by=metric, data=Splits(train, validation, test))


def valued() -> Made:
    """Two values of sequences of three steps: noisy linear functions of them."""
    rng = np.random.default_rng(3)
    weights = rng.normal(size=(6, 2))

    def part(count: int) -> Examples:
        inputs = rng.normal(size=(count, 3, 2)).astype(np.float32)
        targets = inputs.reshape(count, -1) @ weights + rng.normal(0, 0.3, (count, 2))
        return Examples.unpadded(inputs, targets.astype(np.float32))

    metric = Metric("mse", "min", 1.0, 0.0, also=("mae",))
    return Made(shapes=Signature(3, 2, 2, "value"), scored_by=metric, data=Splits(part(50), part(30), part(30)))


class Stepwise(Made):
    """A task that names its baselines."""

    @property
    def baselines(self) -> tuple[str, ...]:
        return ("current_step", "sliding_window") if self.shapes.per_step else ("dtw",)


def warped() -> Made:
    """A task of `waves` whose benchmark is DTW."""
    made = classified()
    return Stepwise(shapes=made.shapes, scored_by=made.scored_by, data=made.data)


def stepwise() -> Made:
    """Whether the first number of the step before is above 0, at every step; none at the first one."""
    made = classified()

    def part(examples: Examples) -> Examples:
        before = np.roll(np.asarray(examples.inputs)[..., 0], 1, axis=1) > 0
        targets = before.astype(np.int32)
        targets[:, 0] = -1
        return Examples(examples.inputs, targets, examples.lengths)

    shapes = Signature(made.shapes.timesteps, made.shapes.features, 2, "class", per_step=True, varying=True)
    data = Splits(part(made.data.train), part(made.data.validated), part(made.data.test))
    return Stepwise(shapes=shapes, scored_by=Metric("accuracy", "max", 0.5, 1.0), data=data)


def texts(vocabulary: int = 12, count: int = 80, values: bool = False) -> Made:
    """Texts of 1 to 9 tokens from 2 on; the class is which of two tokens occurs the more often."""
    rng = np.random.default_rng(4)

    def part(size: int) -> Examples:
        lengths = rng.integers(1, 10, size).astype(np.int32)
        inputs = rng.integers(2, vocabulary, (size, 9)).astype(np.int32)
        inputs[np.arange(9) >= lengths[:, None]] = 0
        balance = (inputs == 2).sum(1) - (inputs == 3).sum(1) + 0.1 * (inputs == 4).sum(1)
        targets = balance[:, None].astype(np.float32) if values else (balance > 0).astype(np.int32)
        return Examples(inputs, targets, lengths)

    signature = Signature(9, 4, 1 if values else 2, "value" if values else "class", tokens=vocabulary, varying=True)
    metric = Metric("mse", "min", 1.0, 0.0) if values else Metric("accuracy", "max", 0.5, 1.0)
    return Made(shapes=signature, scored_by=metric, data=Splits(part(count), part(40), part(40)))


def next_tokens(vocabulary: int = 5, timesteps: int = 7) -> Made:
    """A text in which each token depends on the two before it, cut into parts."""
    rng = np.random.default_rng(5)
    table = rng.dirichlet(np.full(vocabulary, 0.3), (vocabulary, vocabulary))

    def part(size: int) -> Examples:
        text = [0, 1]
        while len(text) < size:
            text.append(int(rng.choice(vocabulary, p=table[text[-2], text[-1]])))
        count = -(-size // timesteps)
        inputs, targets = np.zeros(count * timesteps, np.uint8), np.full(count * timesteps, -1, np.int32)
        inputs[:size], targets[: size - 1] = text, text[1:]
        lengths = np.full(count, timesteps, np.int32)
        lengths[-1] = size - (count - 1) * timesteps
        return Examples(inputs.reshape(count, timesteps), targets.reshape(count, timesteps), lengths)

    options: Any = {"per_step": True, "causal": True, "tokens": vocabulary, "carried": True}
    signature = Signature(timesteps, 4, vocabulary, "class", **options)
    metric = Metric("perplexity", "min", float(vocabulary), 1.0)
    return Made(shapes=signature, scored_by=metric, data=Splits(part(400), part(101), part(102)))


def music(notes: int = 4) -> Made:
    """Rolls in which a note that sounds goes on for a while."""
    rng = np.random.default_rng(6)

    def part(count: int) -> Examples:
        lengths = rng.integers(3, 16, count).astype(np.int32)
        rolls = np.zeros((count, 17, notes), np.uint8)
        for step in range(1, 17):
            change = rng.random((count, notes)) < 0.25
            rolls[:, step] = np.where(change, 1 - rolls[:, step - 1], rolls[:, step - 1])
        inputs, targets = rolls[:, :-1].copy(), rolls[:, 1:].copy()
        end = np.arange(16) >= lengths[:, None]
        inputs[end] = targets[end] = 0
        return Examples(inputs, targets, lengths)

    signature = Signature(16, notes, notes, "binary", per_step=True, causal=True)
    metric = Metric("nll", "min", 4.0, 0.0)
    return Made(shapes=signature, scored_by=metric, data=Splits(part(20), part(8), part(9)))


def training(task: Task) -> TrainingData:
    return TrainingData.of_task(task, task.splits(np.random.default_rng(0)))


def asked(examples: Examples) -> ModelInputs:
    return ModelInputs(examples.inputs, examples.lengths)


def with_test_targets(task: Made, targets: Any) -> Made:
    """The same task, but for the targets of the test split."""
    test = replace(task.data.test, targets=targets)
    return task.model_copy(update={"data": replace(task.data, test=test)})
