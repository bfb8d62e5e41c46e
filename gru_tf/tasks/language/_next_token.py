"""Language models: one long text, read in consecutive parts, in which every token predicts the next."""

import math
from abc import abstractmethod
from functools import cache
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from gru_tf.data import array_cache
from gru_tf.tasks import Array, Count, Examples, Metric, Signature, Splits, Task

UNIGRAMS = "each token's frequency in training (unigram model)"
LEAST = 1000  # tokens: more than any `timesteps`, so that there is a whole part


class LanguageModel(Task):
    """Predict each token from all that precede it, with states carried from part to part of the text.

    Args:
        timesteps: T, tokens of a part: the length of the truncated back-propagation through time.
        embedding: size of a token's embedding.
        train_tokens: tokens to train on, the first ones of the text; fewer for a laptop. None for all.
    """

    timesteps: Annotated[int, Field(ge=2, le=LEAST)] = 50
    embedding: Count = 64
    train_tokens: Annotated[int, Field(ge=LEAST)] | None = None

    @property
    def unit(self) -> Literal["bpc", "perplexity"]:
        """Name of the metric: bits per character."""
        return "bpc"

    @property
    @abstractmethod
    def vocabulary(self) -> int:
        """Different tokens of the whole text; known without the data."""

    @abstractmethod
    def texts(self) -> array_cache.Arrays:
        """The whole texts "train", "validation" and "test", (tokens,) integers; raises DatasetError."""

    @property
    def signature(self) -> Signature:
        """T tokens in, the token that follows each of them out; known without the data."""
        return Signature(
            timesteps=self.timesteps,
            features=self.embedding,
            outputs=self.vocabulary,
            target="class",
            per_step=True,
            causal=True,
            tokens=self.vocabulary,
            carried=True,
        )

    @property
    def metric(self) -> Metric:
        """Bits per character, or perplexity, over all predicted tokens of a text: all but its first.

        The baseline predicts each token with its frequency in the training text (`unigram_nll`). Solved, 0 bits or a
        perplexity of 1, is an unreachable ideal: no text is certain. The first call reads the files.

        Raises:
            DatasetError: where a file is damaged or unavailable.
        """
        nats = _unigram_nats(self)
        if self.unit == "bpc":
            return Metric("bpc", "min", chance=nats / math.log(2), solved=0.0, trivial=UNIGRAMS)
        return Metric("perplexity", "min", chance=math.exp(nats), solved=1.0, trivial=UNIGRAMS)

    def splits(self, rng: np.random.Generator) -> Splits:
        """Inputs (N, T) integers, targets (N, T) int32, the N parts of each text in order; `rng` is not used.

        The last token of a text has no target (−1); the last part may be shorter than the others.

        Raises:
            DatasetError: where a file is damaged or unavailable.
        """
        texts = self.texts()
        return Splits(
            train=parts(texts["train"][: self.train_tokens], self.timesteps),
            validation=parts(texts["validation"], self.timesteps),
            test=parts(texts["test"], self.timesteps),
        )


def parts(text: Array, timesteps: int) -> Examples:
    """A text (tokens,) as consecutive parts (N, T), each token's target the one that follows it, −1 for the last."""
    count = -(-len(text) // timesteps)
    inputs = np.zeros(count * timesteps, text.dtype)
    targets = np.full(count * timesteps, -1, np.int32)
    inputs[: len(text)], targets[: len(text) - 1] = text, text[1:]
    lengths = np.full(count, timesteps, np.int32)
    lengths[-1] = len(text) - (count - 1) * timesteps
    return Examples(inputs.reshape(count, timesteps), targets.reshape(count, timesteps), lengths)


def unigram_nll(train: Array, test: Array, vocabulary: int) -> float:
    """Nats per token of `test` for a prediction that ignores the input: each token as often as in `train`.

    A token that occurs k times among n gets (k + 1) / (n + vocabulary) (Laplace), so one that never occurs in training
    costs a finite amount. Only tokens that are predicted count: the first of each text does not.
    """
    counts = np.bincount(train[1:], minlength=vocabulary) + 1
    return float(np.log(counts.sum()) - np.log(counts)[test[1:]].mean())


@cache
def _unigram_nats(task: LanguageModel) -> float:
    texts = task.texts()
    return unigram_nll(texts["train"][: task.train_tokens], texts["test"], task.vocabulary)
