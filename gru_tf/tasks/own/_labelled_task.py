"""What tasks on labelled sequences or texts of a user's own share: their split, their score, and answers in words."""

import json
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import model_validator

from gru_tf.data import array_cache
from gru_tf.data.datasets import DatasetError
from gru_tf.data.own import files, labels, memory_limit, splits
from gru_tf.data.own.labels import Labelled
from gru_tf.tasks import Array, Metric
from gru_tf.tasks._baselines import constant_accuracy
from gru_tf.tasks._text_arrays import to_array, to_text
from gru_tf.tasks.own._task import OwnData, Share, expect_training_share

VERSION = 1  # of the arrays, as the cache keeps them
LABEL_NAMES = {"table": "label", "arrays": "y", "series": "label"}  # where no option names it


class LabelledData(OwnData):
    """One label for each sequence or text: which class, or what value?

    Args:
        kind: whether a label is one of several classes or a number.
        label: the column of labels.
        group: the column that says whose it is; one person's, say, are never in two splits.
        validation: share to validate on.
        test: share to test on; not with `test_path`.
        split: "fixed": the same ones test at all seeds; "drawn": each seed draws its own split, by group.
    """

    unit: ClassVar[str] = "sequences"  # what has a label, for errors

    kind: Literal["class", "value"] = "class"
    label: str | None = None
    group: str | None = None
    validation: Share = 0.2
    test: Share = 0.2

    @model_validator(mode="after")
    def _enough_to_train_on(self) -> Self:
        if self.test_path is not None and "test" in self.model_fields_set:
            raise ValueError("received both test_path and test, expected one: a file to test on, or a share of the first.")
        if self.test_path is None:
            expect_training_share(self.validation, self.test)
        return self

    @property
    def overlap(self) -> float:
        """By the shares."""
        return 0.0 if self.split == "fixed" else self.test / (1 - self.validation - self.test)

    def drawn_in_words(self) -> str:
        """By group, or by sequence where there are no groups."""
        unit = self.unit if self.group is None else f"group ('{self.group}')"
        return "" if self.split == "fixed" else f"by {unit.removesuffix('s')}"

    @abstractmethod
    def _parse(self) -> dict[str, Array]:
        """The arrays "targets", "split" (N,) and "about" (`encodings` as JSON in bytes), and those of the inputs."""

    def arrays(self) -> array_cache.Arrays:
        """The arrays of `_parse`, mapped from the cache; raises UserError where the files are not as they should be."""
        meaning = self.model_dump_json(exclude={"path", "sha256", "test_path", "split"})
        forms = [files.form(path) for path in self.paths]

        def parse() -> dict[str, Array]:
            self.content()  # the files that were pinned are those that are read
            return self._parse()

        name = type(self).__name__.lower()
        draw = [f"draw {self.draw}"] if self.draw else []
        return array_cache.load(name, [self.sha256 or self.content(), *forms, meaning, *draw], VERSION, parse)

    def encodings(self) -> dict[str, Any]:
        """What the labels are, `kind` with `classes` or `mean` and `deviation`, and how the inputs are made."""
        about: dict[str, Any] = json.loads(to_text(self.arrays()["about"]))
        return about | ({"draw": self.draw} if self.draw else {})

    @property
    def metric(self) -> Metric:
        """Accuracy, or the root of the mean squared error in the label's units, with the mean absolute error.

        The baseline is the majority class of the training split, the first of equals, or a uniform guess where that is
        better; of values it is the mean of the training labels.

        Raises:
            UserError: where a file is not as it should be.
        """
        arrays, about = self.arrays(), self.encodings()
        train, test = (arrays["targets"][arrays["split"] == split] for split in (splits.TRAIN, splits.TEST))
        if self.kind == "value":
            chance = about["deviation"] * float(np.sqrt(np.mean(np.square(test, dtype=np.float64))))
            trivial = "the mean of the training labels (constant prediction)"
            return Metric("rmse", "min", chance, 0.0, scale=about["deviation"], also=("mae",), trivial=trivial)
        chance, trivial = constant_accuracy(train, test, len(about["classes"]), about["classes"])
        return Metric("accuracy", "max", chance, 1.0, trivial=trivial)

    @property
    def outputs(self) -> int:
        """Size of the network's output: a score for each class, or one value."""
        return len(self.encodings()["classes"]) if self.kind == "class" else 1

    def notes(self) -> tuple[str, ...]:
        """That some of the test file is in the training file as well, where it is."""
        about = self.encodings()
        if not about["copies"]:
            return ()
        first, test = (Path(path).name for path in self.paths)
        return (f"{about['copies']:,} of the {about['tested']:,} {self.unit} of {test} are in {first} as well.",)

    def _targets(self, labelled: Sequence[Labelled], content: Sequence[Array]) -> tuple[Array, Array, dict[str, Any]]:
        """Targets and split of the sequences of all files, (N,) or (N, 1) and (N,) int8, and what the labels are.

        Args:
            labelled: the labels of `path` and, where there is one, of `test_path`.
            content: of each of these files (N,) whole numbers, equal where sequences are equal.
        """
        first, *later = labelled
        numbers, names = labels.classes(first) if self.kind == "class" else (labels.values(first), None)
        shares = self.validation, 0.0 if later else self.test
        split = labels.split(first, content[0], numbers, names, *shares, self.unit, self.draw)
        for other in later:
            labels.separate(first, other)
            more = labels.values(other) if names is None else labels.known(other, names, first.where)
            numbers, split = np.append(numbers, more), np.append(split, np.full(len(more), splits.TEST, np.int8))
        about: dict[str, Any] = {"kind": self.kind, "label": self._label_name(), "group": self.group}
        copies = int(np.isin(content[1], content[0]).sum()) if later else 0
        about |= {"tested": int((split == splits.TEST).sum()), "copies": copies}
        if names is not None:
            _expect_several_classes(numbers[split == splits.TEST], names, labelled[-1].where)
            return numbers.astype(np.int32), split, about | {"classes": names}
        mean, deviation = _mean_and_deviation(numbers[split == splits.TRAIN], first)
        targets = ((numbers - mean) / deviation).astype(np.float32)
        return targets[:, None], split, about | {"mean": mean, "deviation": deviation}

    def _label_name(self) -> str:
        return self.label or LABEL_NAMES[files.form(self.path)]

    def _answered(self, outputs: Array, beside: dict[str, Any]) -> Any:
        """A frame of the answers: the class and the probability of each, or the value, after the columns `beside`."""
        import pandas

        about, scores = self.encodings(), np.asarray(outputs, np.float64)
        if self.kind == "value":
            answers = {about["label"]: scores[:, 0] * about["deviation"] + about["mean"]}
        else:
            probabilities = np.exp(scores - scores.max(1, keepdims=True))
            probabilities /= probabilities.sum(1, keepdims=True)
            answers = {about["label"]: np.array(about["classes"])[probabilities.argmax(1)]}
            answers |= {f"probability of {name}": probabilities[:, place] for place, name in enumerate(about["classes"])}
        return pandas.DataFrame({**beside, **answers})


def json_array(about: dict[str, Any]) -> Array:
    """JSON as an array, for the cache."""
    return to_array(json.dumps(about, ensure_ascii=False))


def expect_to_fit_memory(path: str, split: Array, lengths: Array, size: int) -> None:
    """Raise where sequences, padded to the longest of their split, would not fit the memory.

    Args:
        path: named in the error.
        split: (N,) of each sequence.
        lengths: (N,) of each sequence.
        size: bytes of a step.

    Raises:
        DatasetError: with the memory that they need.
    """
    parts = [lengths[split == number] for number in np.unique(split)]
    needed = sum(len(part) * int(part.max()) * size for part in parts)
    if needed > memory_limit.LIMIT:
        raise DatasetError(
            f"{path}: expected sequences that fit {memory_limit.LIMIT / 1e9:g} GB of memory, padded to the longest."
            f" Received: {len(lengths):,} of up to {lengths.max():,} steps of {size} bytes, {needed / 1e9:.3g} GB:"
            " cut the longest into parts, or name fewer features"
        )


def _expect_several_classes(tested: Array, names: Sequence[str], where: str) -> None:
    """Raise DatasetError where the test split has one class: the majority class may then be right every time."""
    if len(np.unique(tested)) < 2:
        raise DatasetError(
            f"{where}: expected two classes or more to test on. Received: '{names[tested[0]]}' alone in {len(tested):,}"
        )


def _mean_and_deviation(values: Array, labelled: Labelled) -> tuple[float, float]:
    """Mean and deviation of the training labels."""
    if values.min() == values.max():
        raise DatasetError(
            f"{labelled.where}: {labelled.row(0)}: expected labels that differ."
            f" Received: {values[0]:g} in every training sequence"
        )
    return float(values.mean()), float(values.std())
