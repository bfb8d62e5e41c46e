"""The score of a task: its name and direction, and what it is of a mean over targets."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

MetricName = Literal[
    "accuracy",
    "balanced_accuracy",
    "macro_f1",
    "roc_auc",
    "mse",
    "mae",
    "rmse",
    "mape",
    "smape",
    "mase",
    "nll",
    "bpc",
    "perplexity",
    "bleu",
    "beam_bleu",
]
WRITTEN = ("bleu", "beam_bleu")  # metrics of whole sequences that the network writes; all others are means over targets
LARGEST_EXPONENT = 700.0


@dataclass(frozen=True)
class Metric:
    """The score of a task.

    Args:
        name: "accuracy"; "mse", "mae" or "rmse" of values; "nll" in nats a target, "bpc" in bits, "perplexity"; of what
            the network writes "bleu" by greedy decoding and "beam_bleu" by beam search, from 0 to 100.
        direction: whether higher or lower is better.
        chance: the baseline's value on the test split.
        solved: the value of a perfect, or the best imaginable, model.
        scale: factor from the target's units to those of "mae" and "rmse", e.g. the deviation it was divided by.
        also: names of further metrics that are recorded beside it on the test split.
        trivial: the baseline's name, e.g. "the majority class" or "the seasonal naive forecast (12 steps before)".
        beam: width of the beam search of "beam_bleu".
        chances: the baseline's value on further test splits, by the split's name, where that is not `chance`.
        whole: whether it and those beside it are no means of terms, and `Task.measured` computes them from all outputs.
    """

    name: MetricName
    direction: Literal["max", "min"]
    chance: float
    solved: float
    scale: float = 1.0
    also: tuple[MetricName, ...] = ()
    trivial: str = "the baseline"
    beam: int = 1
    chances: Mapping[str, float] = field(default_factory=dict)
    whole: bool = False

    @property
    def means(self) -> tuple[MetricName, ...]:
        """Those of `name` and `also` that are computed from means over targets."""
        return () if self.whole else tuple(name for name in (self.name, *self.also) if name not in WRITTEN)

    def value(self, mean: float, name: "MetricName | None" = None) -> float:
        """The metric from the mean over all targets of accuracy, squared or absolute error, or nll."""
        match name or self.name:
            case "bpc":
                return mean / math.log(2)
            case "perplexity":
                return math.exp(mean) if mean < LARGEST_EXPONENT else math.inf
            case "rmse":
                return self.scale * math.sqrt(mean)
            case "mae":
                return self.scale * mean
        return mean

    def chance_on(self, split: str) -> float:
        """The baseline's value on a further test split, e.g. "longer"."""
        return self.chances.get(split, self.chance)

    def score(self, value: float) -> float:
        """(value − chance) / (solved − chance): 0 for the baseline, 1 for a solved task."""
        return (value - self.chance) / (self.solved - self.chance)
