"""Which hyperparameter mattered: permutation importance of a random forest that predicts where a trial stands.

A forest (L. Breiman, Random forests, 2001) learns the standing of a trial, its rank among the trials of the same task and
cell between 0 and 1, from its settings. On trials that it has not seen, one hyperparameter's values are shuffled among them;
what R² loses is the importance of it. A forest without predictive power (R² not above 0) says nothing of importance either.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

FEW = 30  # trials below which importances are only a hint
LEAST = 8  # trials below which no forest is trained
TREES, FOLDS, SHUFFLES = 60, 4, 10


@dataclass(frozen=True)
class Importance:
    """Importances by a forest.

    Args:
        names: hyperparameters; means, deviations: what R² loses by shuffling each, over shuffles.
        trials: how many it learned from; r2: on trials that it has not seen.
    """

    names: tuple[str, ...]
    means: tuple[float, ...]
    deviations: tuple[float, ...]
    trials: int
    r2: float

    @property
    def few(self) -> bool:
        """Whether there were too few trials to rely on it."""
        return self.trials < FEW

    @property
    def silent(self) -> bool:
        """Whether the forest has no predictive power, so that its importances mean nothing."""
        return not self.r2 > 0


def standings(values: Sequence[float]) -> list[float]:
    """Rank of each value between 0, the smallest, and 1, the largest; ties share theirs, one alone stands at 0.5."""
    from scipy.stats import rankdata

    if len(values) < 2:
        return [0.5] * len(values)
    return [float(rank) for rank in (rankdata(values) - 1) / (len(values) - 1)]


def importance(settings: Mapping[str, Sequence[float]], standing: Sequence[float], seed: int = 0) -> Importance | None:
    """Importance of each hyperparameter for a trial's standing; None for fewer than eight trials, or equal standings.

    Args:
        settings: hyperparameter → its value of each trial, as a number.
        standing: of each trial, larger is better.
        seed: of the forest, the folds and the shuffles.

    Raises:
        ValueError: where a hyperparameter has not as many values as there are trials.
    """
    for name, values in settings.items():
        if len(values) != len(standing):
            raise ValueError(f"importance: expected {len(standing)} values of {name}. Received: {len(values)}")
    if len(standing) < LEAST or not settings or np.ptp(standing) == 0:
        return None
    x, y = np.asarray(list(settings.values()), float).T, np.asarray(standing, float)
    lost, missed = _held_out(x, y, seed)
    whole = float(((y - y.mean()) ** 2).sum())
    return Importance(
        names=tuple(settings),
        means=tuple(float(v) for v in lost.mean(1) / whole),
        deviations=tuple(float(v) for v in lost.std(1) / whole),
        trials=len(y),
        r2=1 - missed / whole,
    )


def _held_out(x: Any, y: Any, seed: int) -> tuple[Any, float]:
    """(more squared error by each shuffle (hyperparameters, shuffles), squared error), over all trials when held out."""
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.model_selection import KFold

    lost, missed, rng = np.zeros((x.shape[1], SHUFFLES)), 0.0, np.random.default_rng(seed)
    for learned, held in KFold(FOLDS, shuffle=True, random_state=seed).split(x):
        forest = RandomForestRegressor(TREES, random_state=seed).fit(x[learned], y[learned])
        error = float(((forest.predict(x[held]) - y[held]) ** 2).sum())
        missed += error
        for place in range(x.shape[1]):
            shuffled = np.repeat(x[held][None], SHUFFLES, axis=0)  # all in one call: a forest is slow to predict
            shuffled[:, :, place] = rng.permuted(shuffled[:, :, place], axis=1)
            predicted = forest.predict(shuffled.reshape(-1, x.shape[1])).reshape(SHUFFLES, -1)
            lost[place] += ((predicted - y[held]) ** 2).sum(1) - error
    return lost, missed
