"""Sequential MNIST: handwritten digits read pixel by pixel or row by row, in order or in one fixed random order.

70,000 images of 28 × 28 grey levels. With permuted=True one permutation of the 784 pixels, the same for every image, seed
and machine, separates neighbours, so that related pixels lie far apart in time.

Worked example, reading="rows": the first training image is a 5. Its step 5 is

    0 0 0 0 0 0 0 0 0 0 0 0 3 18 18 18 126 136 175 26 166 255 247 127 0 0 0 0

and with reading="pixels" the same numbers are its steps 140 to 167, one feature each. The network divides them by 255.
"""

import gzip
import zlib
from functools import cache
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from gru_tf.data import array_cache
from gru_tf.data.datasets import DataFile, DatasetError, locate
from gru_tf.tasks import Array, Examples, Metric, Signature, Splits, Task
from gru_tf.tasks._baselines import constant_accuracy

ADDRESS = "https://raw.githubusercontent.com/patrick-kidger/equinox/9336d82/docs/examples/MNIST/MNIST/raw/"
TRAIN, VALIDATION, TEST, SIDE, CLASSES = 50_000, 10_000, 10_000, 28, 10
PERMUTATION_SEED = 0
VERSION = 2  # of the arrays, as the cache keeps them


def _file(name: str, size: int, sha256: str) -> DataFile:
    return DataFile(f"mnist/{name}.gz", f"{ADDRESS}{name}.gz", sha256, size)


FILES = (
    _file("train-images-idx3-ubyte", 9_912_422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
    _file("train-labels-idx1-ubyte", 28_881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
    _file("t10k-images-idx3-ubyte", 1_648_877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
    _file("t10k-labels-idx1-ubyte", 4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
)


class Mnist(Task):
    """Classify a 28 × 28 image read as a sequence.

    The published training images are split into 50,000 to train on and the last 10,000 to validate on; the published 10,000
    test images are the test split. All are fixed.

    Args:
        reading: "pixels" (784 steps of 1 feature) or "rows" (28 steps of 28 features).
        permuted: whether the pixels are read in one fixed random order.
        examples: images to train on, the first ones; fewer for a laptop. Papers use all, some with 5,000 to validate on.
        validation_examples: images to validate on, the first ones of the 10,000.
    """

    question: ClassVar[str] = "Which handwritten digit does a 28×28 image show, read as a sequence?"
    reference: ClassVar[str] = (
        "Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Proceedings of the IEEE 86(11), 1998;"
        " as sequences, plain and permuted: Q. V. Le, N. Jaitly, G. E. Hinton, arXiv 1504.00941, 2015"
    )
    licence: ClassVar[str] = "not stated for the data"

    reading: Literal["pixels", "rows"] = "pixels"
    permuted: bool = False
    examples: Annotated[int, Field(ge=1, le=TRAIN)] = TRAIN
    validation_examples: Annotated[int, Field(ge=1, le=VALIDATION)] = VALIDATION

    @property
    def signature(self) -> Signature:
        """784 steps of 1 feature or 28 steps of 28, of grey levels that the network divides by 255; 10 classes."""
        timesteps, features = (SIDE * SIDE, 1) if self.reading == "pixels" else (SIDE, SIDE)
        return Signature(timesteps=timesteps, features=features, outputs=CLASSES, target="class", scale=1 / 255)

    @property
    def metric(self) -> Metric:
        """Accuracy; the baseline is the majority class of the training split.

        Or a uniform guess, where that is better.

        With all training images that is the digit 1: 1,135 of 10,000 test images, 0.1135.

        Raises:
            DatasetError: where a file is damaged or unavailable.
        """
        chance, trivial = _chance(self.permuted, self.examples)
        return Metric("accuracy", "max", chance=chance, solved=1.0, trivial=trivial)

    def splits(self, rng: np.random.Generator) -> Splits:
        """Inputs (N, T, I) uint8, grey levels from 0 to 255, targets (N,) int32; `rng` is not used.

        The inputs are read-only, mapped from a file of 55 MB in the cache (another of that size where permuted), whose
        pages all processes share; only the pages that are read take memory. They are bytes on the device too: a step casts
        its batch, and the network scales it.

        Raises:
            DatasetError: where a file is damaged or unavailable.
        """
        arrays = _arrays(self.permuted)
        images, labels = arrays["images"], arrays["labels"]
        last, held_out = TRAIN + VALIDATION, slice(TRAIN, TRAIN + self.validation_examples)
        return Splits(
            train=self._part(images[: self.examples], labels[: self.examples]),
            validation=self._part(images[held_out], labels[held_out]),
            test=self._part(images[last:], labels[last:]),
        )

    def checksums(self) -> dict[str, str]:
        """Path and sha256 of the four files."""
        return {file.path: file.sha256 for file in FILES}

    def _part(self, images: Array, labels: Array) -> Examples:
        shape = self.signature
        return Examples.unpadded(images.reshape(-1, shape.timesteps, shape.features), labels)


def read_idx(path: Path) -> Array:
    """The uint8 array of a gzip-compressed IDX file: 0, 0, 8, dimensions, then each size in 4 bytes, then the values.

    Raises:
        DatasetError: where the file cannot be read, is no gzip file, is truncated, or has another form.
    """
    try:
        with gzip.open(path) as stream:
            content = stream.read()
    except (OSError, EOFError, zlib.error) as error:  # BadGzipFile is an OSError
        raise DatasetError(f"{path}: expected a gzip file. Received: {type(error).__name__}: {error}") from error
    if len(content) < 4 or content[:3] != b"\0\0\x08":
        raise DatasetError(f"{path}: expected an IDX file of bytes, which begins 0 0 8. Received: {list(content[:3])}")
    start = 4 + 4 * content[3]
    shape = tuple(map(int, np.frombuffer(content[4:start].ljust(start - 4, b"\0"), ">u4")))
    if len(content) != start + int(np.prod(shape)):
        expected = " × ".join(map(str, shape))
        raise DatasetError(f"{path}: expected {expected} bytes after {start}. Received: {len(content) - start:,}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def permutation() -> Array:
    """The order (784,) in which permuted=True reads the pixels: step t is pixel `permutation()[t]`, row by row."""
    return np.random.default_rng(PERMUTATION_SEED).permutation(SIDE * SIDE)


def _arrays(permuted: bool) -> array_cache.Arrays:
    """Images (70000, 784) uint8 and labels (70000,) int32: training, then test images; mapped from the cache."""
    name, seed = ("mnist_permuted", [str(PERMUTATION_SEED)]) if permuted else ("mnist", [])
    return array_cache.load(name, [*(file.sha256 for file in FILES), *seed], VERSION, lambda: _parse(permuted))


def _parse(permuted: bool) -> dict[str, Array]:
    train, train_labels, test, test_labels = (read_idx(locate(file)) for file in FILES)
    counts = tuple(map(len, (train, train_labels, test, test_labels)))
    if counts != (TRAIN + VALIDATION, TRAIN + VALIDATION, TEST, TEST) or train.shape[1:] != (SIDE, SIDE):
        raise DatasetError(f"mnist: expected 60,000 and 10,000 images of 28 × 28. Received: {counts}, {train.shape}")
    images = np.concatenate([train, test]).reshape(-1, SIDE * SIDE)
    order = permutation() if permuted else slice(None)
    return {"images": images[:, order], "labels": np.concatenate([train_labels, test_labels]).astype(np.int32)}


@cache
def _chance(permuted: bool, examples: int) -> tuple[float, str]:
    labels = _arrays(permuted)["labels"]
    return constant_accuracy(labels[:examples], labels[TRAIN + VALIDATION :], CLASSES)


TASK = Mnist
