"""Classifiers of real-valued sequences, against loops, brute force and scikit-learn's own neighbours."""

import itertools
from functools import cache
from typing import Any

import made_splits
import numpy as np
import pytest

from gru_tf.baselines.baseline import BASELINES, ModelInputs
from gru_tf.baselines.sequences import rocket
from gru_tf.baselines.sequences.nearest import warped_distances
from gru_tf.baselines.vectors import STATISTICS, summarised


def fitted(name: str, task: Any, **settings: Any) -> Any:
    return BASELINES.find(name).fit(task.signature, made_splits.training(task), settings, 0)


def gradient(vectors: Any, targets: Any, weights: Any, strength: float) -> Any:
    """Of Σ −log p + |w|²/2C by all weights, written out."""
    vectors = np.column_stack([vectors, np.ones(len(vectors))])
    scores = vectors @ weights
    probabilities = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    penalised = weights / strength
    penalised[-1] = 0
    return vectors.T @ (probabilities - np.eye(weights.shape[1])[targets]) + penalised


@pytest.mark.parametrize("strength", [0.01, 0.1])
def test_logistic_regression_stands_where_its_loss_is_flat(strength: float) -> None:
    task = made_splits.classified()
    train = task.data.train
    model = fitted("logistic", task, C=strength)
    vectors = train.inputs.reshape(len(train), -1).astype(float)
    deviation = vectors.std(0)
    standard = (vectors - vectors.mean(0)) / np.where(deviation > 0, deviation, 1)
    assert np.abs(gradient(standard, train.targets, model.weights, strength)).max() < 0.02
    assert np.abs(gradient(standard, train.targets, model.weights * 1.1, strength)).max() > 0.05
    predicted = model.predict(made_splits.asked(train))
    scores = standard @ model.weights[:-1] + model.weights[-1]
    assert np.allclose(np.exp(predicted), np.exp(scores) / np.exp(scores).sum(1, keepdims=True))


def test_two_classes_and_one() -> None:
    task = made_splits.classified(classes=2)
    predicted = fitted("logistic", task, C=0.1).predict(made_splits.asked(task.data.test))
    assert np.allclose(np.exp(predicted).sum(1), 1)
    assert (predicted.argmax(1) == task.data.test.targets).mean() > 0.7
    one = made_splits.classified(classes=1).model_copy(update={"shapes": task.shapes})
    predicted = fitted("logistic", one, C=0.1).predict(made_splits.asked(task.data.test))
    assert np.array_equal(np.exp(predicted), np.tile([1.0, 0.0], (60, 1)))


def test_summaries_are_those_of_each_channel_over_its_real_steps() -> None:
    task = made_splits.classified()
    examples = task.data.train
    summaries = summarised(task.signature, made_splits.asked(examples), len(STATISTICS))
    for row, (sequence, length) in enumerate(zip(examples.inputs.astype(float), examples.lengths, strict=True)):
        real = sequence[:length]
        expected = [real.mean(0), real.std(0), real[0], real[-1], real.min(0), real.max(0)]
        assert np.allclose(summaries[row], np.concatenate(expected))
    assert np.array_equal(summarised(task.signature, made_splits.asked(examples), 2), summaries[:, :4])


def warped(x: Any, y: Any, band: int) -> float:
    """The recurrence of DTW, as it is written."""
    width = max(band, abs(len(x) - len(y)))

    @cache
    def cell(i: int, j: int) -> float:
        if i == j == 0:
            return 0.0
        if i == 0 or j == 0 or abs(i - j) > width:
            return float("inf")
        cost = float(np.square(x[i - 1] - y[j - 1]).sum())
        return cost + min(cell(i - 1, j), cell(i, j - 1), cell(i - 1, j - 1))

    return cell(len(x), len(y))


@pytest.mark.parametrize("band", [0, 1, 3, 20])
def test_warped_distances_are_those_of_the_recurrence(band: int) -> None:
    one, others = made_splits.waves(count=6, seed=8), made_splits.waves(count=9, seed=9)
    values = others.inputs.astype(float)
    received = warped_distances(one.inputs.astype(float), one.lengths, values, others.lengths, band)
    for row, (sequence, length) in enumerate(zip(one.inputs.astype(float), one.lengths, strict=True)):
        pairs = zip(values, others.lengths, strict=True)
        assert np.allclose(received[row], [warped(sequence[:length], y[:n], band) for y, n in pairs])


def test_the_nearest_is_scikit_learns() -> None:
    from sklearn.neighbors import KNeighborsClassifier

    task = made_splits.classified(vary=False)
    train, test = task.data.train, task.data.test
    model = fitted("nearest", task, distance="euclidean")
    neighbours = KNeighborsClassifier(1).fit(train.inputs.reshape(60, -1), train.targets)
    predicted = model.predict(made_splits.asked(test))
    assert np.array_equal(predicted.argmax(1), neighbours.predict(test.inputs.reshape(60, -1)))
    assert np.allclose(np.exp(predicted).sum(1), 1)
    by_warping = fitted("nearest", task, distance="dtw", band=0.1)
    assert by_warping.band == 2
    distances = [[warped(x, y, 2) for y in train.inputs.astype(float)] for x in test.inputs[:10].astype(float)]
    expected = train.targets[np.argmin(distances, axis=1)]
    assert np.array_equal(by_warping.predict(made_splits.asked(test))[:10].argmax(1), expected)
    assert model.size == 60 * 20 * 2 + 60


def test_dtw_without_a_window_compares_all_paths() -> None:
    task = made_splits.classified()
    train, test = task.data.train, task.data.test
    model = fitted("dtw", task, band="none")
    few = slice(0, 8)
    distances = [
        [warped(x[:n], y[:m], 1000) for y, m in zip(train.inputs.astype(float), train.lengths, strict=True)]
        for x, n in zip(test.inputs[few].astype(float), test.lengths[few], strict=True)
    ]
    expected = train.targets[np.argmin(distances, axis=1)]
    assert np.array_equal(model.predict(made_splits.asked(test))[few].argmax(1), expected)
    narrow = fitted("nearest", task, distance="dtw", band=0.05)
    assert not np.array_equal(narrow.predict(made_splits.asked(test)), model.predict(made_splits.asked(test)))


# --- MiniRocket ---


def test_there_are_84_kernels_that_sum_to_zero() -> None:
    assert rocket.WEIGHTS.shape == (84, 9)
    assert len(np.unique(rocket.WEIGHTS, axis=0)) == 84
    assert (rocket.WEIGHTS.sum(1) == 0).all()
    assert {tuple(np.unique(row).tolist()) for row in rocket.WEIGHTS} == {(-1.0, 2.0)}


def plain_convolution(sequence: Any, weights: Any, dilation: int) -> list[float]:
    """Σ_i w_i x_{t+(i−4)d} for each step, zeros outside."""
    steps = range(len(sequence))
    return [
        sum(w * sequence[t + (i - 4) * dilation] for i, w in enumerate(weights) if t + (i - 4) * dilation in steps)
        for t in steps
    ]


def test_features_are_the_shares_of_steps_above_each_bias() -> None:
    """Sum over the channels that a kernel has, with and without zeros around the sequence in turn, real steps alone."""
    task = made_splits.classified(features=3, steps=40)
    train = task.data.train
    values = train.inputs.astype(float)
    kernels = rocket.fit_kernels(train.inputs, train.lengths, 840, np.random.default_rng(0))
    assert kernels.dilations.tolist() == sorted(set(kernels.dilations.tolist()))
    assert kernels.dilations[0] == 1
    assert kernels.dilations[-1] <= (40 - 1) // 8
    assert kernels.counts.sum() == 10
    features = kernels.features(train.inputs, train.lengths)
    assert features.shape == (60, 840)
    for row in (0, 7):
        place, length = 0, int(train.lengths[row])
        for index, (dilation, count) in enumerate(zip(kernels.dilations.tolist(), kernels.counts.tolist(), strict=True)):
            for kernel, weights in enumerate(rocket.WEIGHTS):
                summed = sum(values[row, :length, channel] for channel in kernels.channels[index][kernel])
                outputs = np.array(plain_convolution(list(summed), weights, dilation))
                if (index + kernel) % 2:
                    outputs = outputs[4 * dilation : length - 4 * dilation]
                for bias in kernels.biases[place : place + count]:
                    expected = (outputs > bias).mean() if len(outputs) else 0.0
                    # an output that equals its bias but for rounding may be counted either way
                    tolerance = (np.abs(outputs - bias) < 1e-4).mean() if len(outputs) else 0.0
                    assert abs(features[row, place] - expected) <= tolerance + 1e-6
                    place += 1


def test_rocket_tells_frequencies_apart_and_reads_nothing_after_the_end() -> None:
    task = made_splits.classified()
    model = fitted("rocket", task, features=840)
    test = task.data.test
    predicted = model.predict(made_splits.asked(test))
    assert (predicted.argmax(1) == test.targets).mean() > 0.8
    dirty = test.inputs.copy()
    dirty[np.arange(20) >= test.lengths[:, None]] = 9
    assert np.array_equal(predicted, model.predict(ModelInputs(dirty, test.lengths)))


def test_rocket_of_two_classes_and_of_few_sequences() -> None:
    task = made_splits.classified(classes=2, count=20)
    assert BASELINES.find("rocket").why_not(task.signature, made_splits.training(task)) == ""
    predicted = fitted("rocket", task, features=840).predict(made_splits.asked(task.data.test))
    assert np.allclose(np.exp(predicted).sum(1), 1)
    assert (predicted.argmax(1) == task.data.test.targets).mean() > 0.7


def test_features_and_sequences_keep_to_the_time_that_there_is() -> None:
    for steps, count in itertools.product((10, 100, 800), (50, 2000, 50_000)):
        features, most = rocket._limits(made_splits.Signature(steps, 1, 10, "class"), count)
        assert features % 84 == 0
        seconds = rocket._step_seconds(made_splits.Signature(steps, 1, 10, "class"), features) * steps * most
        assert seconds <= rocket.SECONDS
        assert most == min(count, rocket.KEPT if features > rocket.KEPT else rocket.MANY) or features == rocket.FEWEST
