"""Handwritten digits of 8 × 8 pixels, read as a sequence pixel by pixel or row by row.

1,797 images of 8 × 8 pixels, grey levels 0 to 16, that come with scikit-learn: no download. It is a small version of
sequential MNIST (Le, Jaitly and Hinton 2015), quick enough for a laptop without a GPU.

Worked example, reading="rows": the image of a 0 below is 8 steps of 8 features; its label is 0.

    step 0   0  0  5 13  9  1  0  0      each divided by 16
    step 1   0  0 13 15 10 15  5  0
    …

With reading="pixels" the same numbers are read one at a time, left to right and top to bottom: 64 steps of 1 feature, so
the top row must be remembered for 56 steps.
"""

from functools import cache
from itertools import pairwise
from typing import ClassVar, Literal

import numpy as np

from gru_tf.tasks import Array, Examples, Metric, Signature, Splits, Task
from gru_tf.tasks._baselines import constant_accuracy

CLASSES = 10
TRAIN, VALIDATION = 1078, 359  # the other 360 are the test split: 60 %, 20 %, 20 %


@cache
def _images() -> tuple[Array, Array]:
    """Images (1797, 8, 8) float32 in [0, 1] and labels (1797,) int32, in the order of the fixed split."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    order = np.random.default_rng(0).permutation(len(bunch.target))
    images, labels = ((bunch.images[order] / 16.0).astype(np.float32), bunch.target[order].astype(np.int32))
    images.flags.writeable = labels.flags.writeable = False  # shared between calls
    return images, labels


class Digits(Task):
    """Classify an 8 × 8 image read as a sequence.

    The split is fixed, the same for every seed: were it drawn from the run's seed, tuning on one seed would see the
    test digits of another. No two of the images are equal. The splits share the 13 writers (the data do not say who
    wrote what), so the score says nothing about a new writer.

    Args:
        reading: "pixels" (64 steps of 1 feature) or "rows" (8 steps of 8 features).
    """

    question: ClassVar[str] = "Which handwritten digit does an 8×8 image show, read as a sequence?"
    reference: ClassVar[str] = (
        "E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998,"
        " doi 10.24432/C50P49 (its test part, as sklearn.datasets.load_digits gives it)"
    )
    licence: ClassVar[str] = "CC BY 4.0 (UCI Machine Learning Repository); the copy read here comes with scikit-learn"

    reading: Literal["pixels", "rows"] = "pixels"

    @property
    def signature(self) -> Signature:
        """64 steps of 1 feature or 8 steps of 8; 10 classes."""
        timesteps, features = (64, 1) if self.reading == "pixels" else (8, 8)
        return Signature(timesteps=timesteps, features=features, outputs=CLASSES, target="class")

    @property
    def metric(self) -> Metric:
        """Accuracy; the baseline is a uniform guess, 1/10.

        It is above the majority class of the training split, 3, which is rare in the test split: 27/360 = 0.075.
        """
        labels = _images()[1]
        chance, trivial = constant_accuracy(labels[:TRAIN], labels[TRAIN + VALIDATION :], CLASSES)
        return Metric(name="accuracy", direction="max", chance=chance, solved=1.0, trivial=trivial)

    def splits(self, rng: np.random.Generator) -> Splits:
        """1,078, 359 and 360 images: inputs (N, T, I) float32 in [0, 1], targets (N,) int32; `rng` is not used."""
        images, labels = _images()
        inputs = images.reshape(-1, self.signature.timesteps, self.signature.features)
        ends = [0, TRAIN, TRAIN + VALIDATION, len(labels)]
        train, validation, test = (Examples.unpadded(inputs[a:b].copy(), labels[a:b].copy()) for a, b in pairwise(ends))
        return Splits(train, validation, test)


TASK = Digits
