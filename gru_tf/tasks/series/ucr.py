"""Time series classification: series of the UCR and UEA archives, or of any `.ts` file.

Series have one channel or several, one length or many. Classes are those of the training file, in numerical or else
alphabetical order; each channel is standardised by the training series.

Worked example, "JapaneseVowels": nine men say /ae/; each utterance is 7 to 29 steps of 12 LPC cepstrum coefficients.

    step 0   1.861 −0.207  0.262 …
    step 1   1.892 −0.193  0.236 …      → speaker 1 of 9
"""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
from pydantic import Field, model_validator

from gru_tf.data import array_cache, ts_file
from gru_tf.data.datasets import DataFile, DatasetError, locate
from gru_tf.data.own.labels import ordered
from gru_tf.data.ts_file import TsSeries
from gru_tf.foundation.digest import sha256_of_file
from gru_tf.foundation.errors import cannot_read
from gru_tf.tasks import Array, Metric, Signature, Splits, Task
from gru_tf.tasks._baselines import constant_accuracy
from gru_tf.tasks._padding import padded
from gru_tf.tasks._pinned_files import pinned_digest

ADDRESS = "https://raw.githubusercontent.com/aeon-toolkit/aeon/a101ddc/aeon/datasets/data"


def _files(name: str, train: tuple[int, str], test: tuple[int, str]) -> tuple[DataFile, DataFile]:
    parts = ((f"{name}_{part}.ts", content) for part, content in (("TRAIN", train), ("TEST", test)))
    first, second = (DataFile(f"ucr/{file}", f"{ADDRESS}/{name}/{file}", sha, size) for file, (size, sha) in parts)
    return first, second


FILES = {
    "ArrowHead": _files(
        "ArrowHead",
        (100_357, "a83c470aaf611a5f5284377cce27a5fc9f6292bc3d110257b0fd4905ced5ee72"),
        (484_894, "5417dab42626d41df5e435bb22458c2df40dfad4bcd3b59559bbe72e20e84904"),
    ),
    "GunPoint": _files(
        "GunPoint",
        (84_188, "f842401779fd9800d247d8b33121a1a4643710a19b24917dbdd9a060ca8630d5"),
        (252_305, "79332750788a6227b325b96bd0d70130c8eb707b9731f8d7dec62b7a7d36017e"),
    ),
    "ItalyPowerDemand": _files(
        "ItalyPowerDemand",
        (18_300, "341269cb7e6cef96846b30e774580beec79addb93848ba360145219115a74b7c"),
        (274_054, "26122451f87dd0387ef90b18bc8a86c041371b8a1c068004922b939971247144"),
    ),
    "JapaneseVowels": _files(
        "JapaneseVowels",
        (487_971, "68a430eabd919cc77f40b1f5f3bc0dcafacc1486bca9260785aeb7d262cc78cd"),
        (649_132, "b3d41d6a0ca3bcad3afb9ca7d4365382aa51341e2e58bae2a574babdda5b9462"),
    ),
}


class Shape(NamedTuple):
    """Longest series, channels, classes, and whether lengths vary."""

    timesteps: int
    channels: int
    classes: int
    varying: bool


SHAPES = {  # checked when read
    "ArrowHead": Shape(251, 1, 3, False),
    "GunPoint": Shape(150, 1, 2, False),
    "ItalyPowerDemand": Shape(24, 1, 2, False),
    "JapaneseVowels": Shape(29, 12, 9, True),
}


class Ucr(Task):
    """Classify the series of a published set, or of two files of the same form, with the split that the files make.

    There is no published validation set. A share of each class of the training file is the validation split, at least one
    series and never all of a class. The choice is fixed, the same for every seed and every run.

    Args:
        name: a published set: "ArrowHead" (36 series to train on, 175 to test), "GunPoint" (50, 150), "ItalyPowerDemand"
            (67, 1,029) or "JapaneseVowels" (270, 370).
        path: a `.ts` file to train on, in place of a published set.
        test_path: the `.ts` file to test on that goes with `path`.
        validation: share of each training class to validate on; 0 trains on the whole training file, with no validation
            split, as publications do.
        sha256: first 16 digits of the checksum of `path` and `test_path`, filled in when an experiment is loaded.
    """

    question: ClassVar[str] = "Which class does a time series belong to?"
    reference: ClassVar[str] = (
        "A. Bagnall and others, The UEA multivariate time series classification archive, arXiv 1811.00075, 2018;"
        " H. A. Dau and others, The UCR time series archive, arXiv 1810.07758, 2018; files from github.com/aeon-toolkit/aeon"
    )
    licence: ClassVar[str] = "not stated for the published sets"

    name: Literal["ArrowHead", "GunPoint", "ItalyPowerDemand", "JapaneseVowels"] = "JapaneseVowels"
    path: str | None = None
    test_path: str | None = None
    validation: Annotated[float, Field(ge=0, lt=1)] = 0.25
    sha256: str = ""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.path is None) != (self.test_path is None):
            raise ValueError("received one of path and test_path, expected both: a file to train on and one to test on.")
        if self.path is not None and "name" in self.model_fields_set:
            raise ValueError("received both name and path, expected one: a published set or files.")
        if self.path is None and self.sha256:
            raise ValueError("received sha256 without path, expected it with files alone: published sets have their own.")
        return self

    @property
    def signature(self) -> Signature:
        """The longest series' steps, the channels, the classes; known without the data for a published set.

        Raises:
            DatasetError: where `path` or `test_path` cannot be read or has another form.
        """
        shape = SHAPES[self.name] if self.path is None else _shape(*self._read())
        return Signature(
            timesteps=shape.timesteps,
            features=shape.channels,
            outputs=shape.classes,
            target="class",
            varying=shape.varying,
        )

    @property
    def metric(self) -> Metric:
        """Accuracy; the baseline is the majority class of the training split, the first of equals.

        Or a uniform guess, where that is better.

        Raises:
            DatasetError: where a file is damaged or unavailable.
        """
        train, _, test = self._targets()
        chance, trivial = constant_accuracy(train, test, self.signature.outputs)
        return Metric("accuracy", "max", chance=chance, solved=1.0, trivial=trivial)

    @property
    def baselines(self) -> tuple[str, ...]:
        """Those of sequences, and the benchmark of the archive."""
        names = super().baselines
        after = names.index("nearest") + 1
        return (*names[:after], "dtw", *names[after:])

    def splits(self, rng: np.random.Generator) -> Splits:
        """Inputs (N, T, channels) float32, zeros after the end of a series, and targets (N,) int32; `rng` is not used.

        Raises:
            DatasetError: where a file is damaged or unavailable, there is only one class, or a class occurs in the test file
                alone.
        """
        source, test = self._read()
        labels, test_labels = self._labels()
        validation = _validation(labels, self.validation, self._training_file())
        train = np.repeat(~validation, source.lengths)
        mean, deviation = source.values[train].mean(0), source.values[train].std(0)
        deviation = np.where(deviation > 0, deviation, 1.0)  # a channel that never changes stays at 0
        rows, test_rows = ((series.values - mean) / deviation for series in (source, test))
        return Splits(
            train=padded(rows, source.lengths, ~validation, labels),
            validation=padded(rows, source.lengths, validation, labels) if validation.any() else None,
            test=padded(test_rows, test.lengths, np.ones(len(test.lengths), bool), test_labels),
        )

    def pinned(self) -> dict[str, str]:
        """The checksum of the two files as they are now; nothing for a published set, which has its own.

        Raises:
            DatasetError: where a file cannot be read, or is not the one that `sha256` names.
        """
        return {} if self.path is None else {"sha256": pinned_digest(self.sha256, [self.path, self.test_path or ""])}

    def checksums(self) -> dict[str, str]:
        """Path and sha256 of the two files."""
        if self.path is None:
            return {file.path: file.sha256 for file in FILES[self.name]}
        return {path: _sha256(path) for path in (self.path, self.test_path or "")}

    def _read(self) -> tuple[TsSeries, TsSeries]:
        self.pinned()
        sources: list[Any] = list(FILES[self.name]) if self.path is None else [self.path, self.test_path]
        train, test = (_series(source) for source in sources)
        if train.values.shape[1] != test.values.shape[1]:
            raise DatasetError(
                f"{self._test_file()}: line {test.lines[0]}: expected {train.values.shape[1]} channels, as in"
                f" {self._training_file()}. Received: {test.values.shape[1]}"
            )
        if self.path is None and _shape(train, test) != SHAPES[self.name]:
            raise DatasetError(f"{self._training_file()}: expected {SHAPES[self.name]}. Received: {_shape(train, test)}")
        return train, test

    def _training_file(self) -> str:
        return self.path or FILES[self.name][0].path

    def _test_file(self) -> str:
        return self.test_path or FILES[self.name][1].path

    def _labels(self) -> tuple[Array, Array]:
        """The classes of both files as numbers from 0, int32."""
        train, test = self._read()
        classes = ordered(train.labels)
        if len(classes) < 2:
            raise DatasetError(
                f"{self._training_file()}: line {train.lines[0]}: expected two classes or more."
                f" Received: '{classes[0]}' in this and every other line"
            )
        number = {label: index for index, label in enumerate(classes)}
        unseen = [row for row, label in enumerate(test.labels) if label not in number]
        if unseen:
            raise DatasetError(
                f"{self._test_file()}: line {test.lines[unseen[0]]}: expected a class of {self._training_file()}:"
                f" {', '.join(classes)}. Received: '{test.labels[unseen[0]]}'"
            )
        first, second = (np.array([number[label] for label in part.labels], np.int32) for part in (train, test))
        return first, second

    def _targets(self) -> tuple[Array, Array, Array]:
        labels, test = self._labels()
        validation = _validation(labels, self.validation, self._training_file())
        return labels[~validation], labels[validation], test


def _series(source: DataFile | str) -> TsSeries:
    """The series of one file, mapped from the cache."""
    sha256 = _sha256(source) if isinstance(source, str) else source.sha256

    def parse() -> dict[str, Array]:
        return vars(ts_file.read(Path(source) if isinstance(source, str) else locate(source)))

    return TsSeries(**array_cache.load("ts", [sha256], ts_file.VERSION, parse))


def _sha256(path: str) -> str:
    try:
        return sha256_of_file(Path(path))
    except OSError as error:
        raise DatasetError(cannot_read(Path(path), error)) from error


def _shape(train: TsSeries, test: TsSeries) -> Shape:
    lengths = np.concatenate([train.lengths, test.lengths])
    varying = bool(lengths.min() < lengths.max())
    return Shape(int(lengths.max()), train.values.shape[1], len(ordered(train.labels)), varying)


def _validation(labels: Array, share: float, file: str) -> Array:
    """(N,) whether a series of the training file is of the validation split."""
    chosen, rng = np.zeros(len(labels), bool), np.random.default_rng(0)
    if share == 0:
        return chosen
    for label in range(int(labels.max()) + 1):
        rows = rng.permutation(np.flatnonzero(labels == label))
        chosen[rows[: min(max(1, round(share * len(rows))), len(rows) - 1)]] = True
    if not chosen.any():
        raise DatasetError(f"{file}: expected a class with two series or more, one of them to validate on. Received: none")
    return chosen


TASK = Ucr
