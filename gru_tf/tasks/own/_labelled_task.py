"""What tasks on labelled sequences or texts of a user's own share: their split, their score, and answers in words."""

import json
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import model_validator

from gru_tf.data import array_cache
from gru_tf.data.datasets import DatasetError
from gru_tf.data.own import dialect, files, labels, memory_limit, splits
from gru_tf.data.own.labels import Labelled, SplitBy
from gru_tf.data.own.origins import LEAST_TRAINING
from gru_tf.data.own.overlap import Overlap
from gru_tf.foundation.errors import UserError
from gru_tf.foundation.option_spelling import setting, spelled
from gru_tf.tasks import Array, Evaluation, Metric, Outputs, _class_scores
from gru_tf.tasks._baselines import constant_accuracy
from gru_tf.tasks._text_arrays import to_array, to_text
from gru_tf.tasks.evaluation import Parts
from gru_tf.tasks.own._task import OwnData, Share, ShareOrNone, expect_training_share
from gru_tf.tasks.prediction_intervals import calibrated

VERSION = 2  # of the arrays, as the cache keeps them
PARTS = {"validation": splits.VALIDATION, "test": splits.TEST}
MOST_CLASSES = 30  # of which the confusion is kept
LABEL_NAMES = {"table": "label", "arrays": "y", "series": "label"}  # where no option names it


class LabelledData(OwnData):
    """One label for each sequence or text: which class, or what value?

    Args:
        kind: whether a label is one of several classes or a number.
        label: the column of labels.
        group: the column that says whose it is; one person's, say, are never in two splits.
        validation: share to validate on; 0 for none, with `training.validation: none`.
        test: share to test on; not with `test_path`.
        split: "group" keeps each group in one part, "time" tests on the last ones, "random" on any; None: by group where
            there is one, else at random. By group without a column of groups, windows that overlap are kept together.
        draws: "fixed": the same ones test at all seeds; "drawn": each seed draws its own split.
        measure: the metric that chooses and that is tested: of classes "accuracy", "balanced_accuracy", "macro_f1" or
            "roc_auc", of values "rmse" or "mae"; None for the first of them.
        class_weights: whether all classes weigh the same in training, "balanced", or by their examples, "none".
    """

    unit: ClassVar[str] = "sequences"  # what has a label, for errors

    kind: Literal["class", "value"] = "class"
    label: str | None = None
    group: str | None = None
    split: SplitBy | None = None
    validation: ShareOrNone = 0.2
    test: Share = 0.2
    measure: Literal["accuracy", "balanced_accuracy", "macro_f1", "roc_auc", "rmse", "mae"] | None = None
    class_weights: Literal["none", "balanced"] = "none"

    @model_validator(mode="after")
    def _measure_of_kind(self) -> Self:
        if self.measure is not None and (self.measure in ("rmse", "mae")) != (self.kind == "value"):
            names = "rmse or mae" if self.kind == "value" else "accuracy, balanced_accuracy, macro_f1 or roc_auc"
            raise ValueError(f"received measure {self.measure}, expected {names}: the metrics of kind {self.kind}.")
        if self.class_weights != "none" and self.kind == "value":
            raise ValueError("received class_weights balanced, expected none: a value has no classes.")
        return self

    @model_validator(mode="after")
    def _enough_to_train_on(self) -> Self:
        if self.test_path is not None and "test" in self.model_fields_set:
            raise ValueError("received both test_path and test, expected one: a file to test on, or a share of the first.")
        if self.test_path is None:
            expect_training_share(self.validation, self.test)
        if self.split in ("time", "random") and self.group is not None:
            both = f"{spelled('group')} and {setting('split', self.split)}"
            raise ValueError(f"received both {both}, expected one: groups are kept whole.")
        return self

    @property
    def overlap(self) -> float:
        """By the shares; split by time, training counts as in the middle between the first origin and the last."""
        left = 1 - self.validation - self.test
        if self.draws == "fixed":
            return 0.0
        return 2 * self.test / (min(LEAST_TRAINING, left) + left) if self.split_by == "time" else self.test / left

    @property
    def counted(self) -> str:
        """What the parts of the split have."""
        return self.unit

    @property
    def kept_whole(self) -> str | None:
        """The column, or array, of what is in one part as a whole."""
        return self.group

    @property
    def split_by(self) -> SplitBy:
        """By what the data are split."""
        return self.split or ("random" if self.kept_whole is None else "group")

    def split_in_words(self) -> str:
        """By time, by group with how many there are, or at random, and how many are in each part, without a draw."""
        about, parts = self.encodings(), self.at(0).arrays()["split"]
        train, validation, test = (int((parts == part).sum()) for part in (splits.TRAIN, splits.VALIDATION, splits.TEST))
        tested = f", {test:,} test" if self.test_path is None else f"; the test data have {test:,}"
        if self.split_by == "time":
            unused = f"; {about['unused']:,} that share steps with later ones are left out" if about["unused"] else ""
            return f"by time: the first {train:,} {self.counted} train, {validation:,} validate{tested}{unused}"
        counts = f"{train:,} {self.counted} train, {validation:,} validate{tested}"
        if self.split_by == "random":
            return f"at random: {counts}"
        whole = f"{about['whole']:,}"
        groups = f"'{self.kept_whole}' ({whole})" if self.kept_whole else f"{whole} recordings, as overlaps tell"
        return f"by group: {groups}, none in two parts; {counts}"

    def drawn_in_words(self) -> str:
        """By group, by time, or by sequence where there are no groups."""
        unit = {"random": self.unit.removesuffix("s"), "time": "time, up to an end", "group": f"group ('{self.kept_whole}')"}
        words = "recording" if self.split_by == "group" and self.kept_whole is None else unit[self.split_by]
        return "" if self.draws == "fixed" else f"by {words}"

    @abstractmethod
    def _parse(self) -> dict[str, Array]:
        """The arrays "targets", "split" (N,) and "about" (`encodings` as JSON in bytes), and those of the inputs."""

    def arrays(self) -> array_cache.Arrays:
        """The arrays of `_parse`, mapped from the cache; raises UserError where the files are not as they should be."""
        if self._carried is not None:
            return self._carried
        meaning = self.model_dump_json(exclude={"path", "sha256", "test_path", "draws", "measure", "class_weights"})
        forms = [files.form(path) for path in self.paths]

        def parse() -> dict[str, Array]:
            self.content()  # the files that were pinned are those that are read
            with dialect.quoted(self.quoting):
                return self._parse()

        name = type(self).__name__.lower()
        draw = [f"draw {self.draw}"] if self.draw else []
        return array_cache.load(name, [self.sha256 or self.content(), *forms, meaning, *draw], VERSION, parse)

    @property
    def predicted(self) -> tuple[str, ...]:
        """The label where it is a value."""
        return (self.encodings()["label"],) if self.kind == "value" else ()

    def carried(self, whole: bool) -> dict[str, Array]:
        """What labels and inputs are, and the shortest and the longest length; no sequence."""
        arrays = self.arrays()
        kept = {name: np.asarray(array[:0]) for name, array in arrays.items() if name not in ("about", "lengths")}
        lengths = np.asarray(arrays["lengths"])
        return {**kept, "about": np.asarray(arrays["about"]), "lengths": np.array([lengths.min(), lengths.max()], np.int32)}

    def encodings(self) -> dict[str, Any]:
        """What the labels are, `kind` with `classes` or `mean` and `deviation`, and how the inputs are made."""
        about: dict[str, Any] = json.loads(to_text(self.arrays()["about"]))
        return about | ({"draw": self.draw} if self.draw else {})

    @property
    def metric(self) -> Metric:
        """The `measure`: by default accuracy, or the root of the mean squared error in the label's units.

        The baseline is the majority class of the training split, the first of equals, or a uniform guess where that is
        better; of values it is the mean of the training labels. Further metrics are recorded beside it.

        Raises:
            UserError: where a file is not as it should be, and where the measure is not defined on these labels.
        """
        about = self.encodings()
        train, test = self.labels_in(splits.TRAIN), self.labels_in(splits.TEST)
        if self.kind == "value":
            return self._metric_of_values(np.asarray(test, np.float64), about["deviation"])
        chance, trivial = constant_accuracy(train, test, len(about["classes"]), about["classes"])
        if self.measure in (None, "accuracy"):
            return Metric("accuracy", "max", chance, 1.0, trivial=trivial)
        assert self.measure is not None  # noqa: S101
        validation = self.labels_in(splits.VALIDATION)
        judged = (validation, test) if self.validation else (test,)
        if self.measure == "roc_auc" and min(len(np.unique(part)) for part in judged) < len(about["classes"]):
            raise DatasetError(f"{self.path}: measure: received roc_auc, expected every class in validation and test")
        best = _class_scores.constant(train, test, len(about["classes"]))[self.measure]
        return Metric(self.measure, "max", best, 1.0, trivial=trivial, whole=True)

    def labels_in(self, part: int) -> Array:
        """The targets of a part of the split, (targets,) or (targets, values): those that there are."""
        arrays = self.arrays()
        return np.asarray(arrays["targets"][arrays["split"] == part])

    def _with_targets(self, part: int, outputs: Array) -> Array:
        """Of a model's outputs on a part those that `labels_in` has a target for."""
        return outputs

    def _metric_of_values(self, test: Array, deviation: float) -> Metric:
        trivial = "the mean of the training labels (constant prediction)"
        rmse, mae = deviation * float(np.sqrt(np.mean(test**2))), deviation * float(np.mean(np.abs(test)))
        if self.measure == "mae":
            return Metric("mae", "min", mae, 0.0, scale=deviation, also=("rmse",), trivial=trivial)
        return Metric("rmse", "min", rmse, 0.0, scale=deviation, also=("mae",), trivial=trivial)

    @property
    def is_evaluated(self) -> bool:
        """Further metrics, and which class was taken for which; of values prediction intervals."""
        return True

    def measured(self, split: Literal["validation", "test"], outputs: Array) -> dict[str, float]:
        """The metrics of `gru_tf.tasks._class_scores`."""
        part = PARTS[split]
        return _class_scores.scores(self.labels_in(part), self._with_targets(part, outputs))

    def evaluated(self, outputs: Outputs) -> Evaluation:
        """Metrics of classes and their confusion; of values prediction intervals, and their coverage."""
        truth = {split: self.labels_in(part) for split, part in PARTS.items()}
        tested = self._with_targets(splits.TEST, outputs.test)
        if self.kind == "class":
            names = [str(name) for name in self.encodings()["classes"]]
            parts = _class_scores.confusion(truth["test"], tested, names) if len(names) <= MOST_CLASSES else {}
            return Evaluation(_class_scores.scores(truth["test"], tested), parts)
        validated = None if outputs.validation is None else self._with_targets(splits.VALIDATION, outputs.validation)
        chosen = replace(outputs, validation=validated, test=tested)
        intervals = calibrated(chosen, lambda split, values: values - truth[split])
        return Evaluation(intervals.covered, self._parts_of_values(truth["test"], tested), intervals.radii)

    def _parts_of_values(self, truth: Array, tested: Array) -> Parts:
        """The errors by label, where there are several."""
        return {}

    @property
    def weights(self) -> tuple[float, ...]:
        """What each class weighs in training; () where examples weigh the same."""
        if self.class_weights == "none":
            return ()
        labels = self.labels_in(splits.TRAIN)
        counts = np.bincount(labels, minlength=len(self.encodings()["classes"]))
        return tuple(float(len(labels) / (len(counts) * max(1, count))) for count in counts)

    @property
    def outputs(self) -> int:
        """Size of the network's output: a score for each class, or one value."""
        return len(self.encodings()["classes"]) if self.kind == "class" else 1

    def notes(self) -> tuple[str, ...]:
        """That some of the test file is in the training file as well, where it is."""
        about, notes = self.encodings(), []
        if about["copies"]:
            first, test = (Path(path).name for path in self.paths)
            notes.append(f"{about['copies']:,} of the {about['tested']:,} {self.unit} of {test} are in {first} as well.")
        if self.split_by == "random" and about["overlap"]:
            notes.append(f"{about['overlap']}; split at random, near copies of what is tested are in training.")
        return tuple(notes)

    def _targets(
        self, labelled: Sequence[Labelled], content: Sequence[Array], order: Array, shared: Overlap | None = None
    ) -> tuple[Array, Array, dict[str, Any]]:
        """Targets and split of the sequences of all files, (N,) or (N, 1) and (N,) int8, and what the labels are.

        Args:
            labelled: the labels of `path` and, where there is one, of `test_path`.
            content: of each of these files (N,) whole numbers, equal where sequences are equal.
            order: of the first file (N,) when each is, or its place.
            shared: which sequences of the first file share steps.
        """
        first, *later = labelled
        numbers, names = labels.classes(first) if self.kind == "class" else (labels.values(first), None)
        split, about = self._split(labelled, content, labels.Classes(numbers, names), order, shared)
        for other in later:
            more = labels.values(other) if names is None else labels.known(other, names, first.where)
            numbers = np.append(numbers, more)
        if names is not None:
            _expect_several_classes(numbers[split == splits.TEST], names, labelled[-1].where)
            return numbers.astype(np.int32), split, about | {"classes": names}
        mean, deviation = _mean_and_deviation(numbers[split == splits.TRAIN], first)
        targets = ((numbers - mean) / deviation).astype(np.float32)
        return targets[:, None], split, about | {"mean": mean, "deviation": deviation}

    def _split(
        self,
        labelled: Sequence[Labelled],
        content: Sequence[Array],
        classes: labels.Classes,
        order: Array,
        shared: Overlap | None,
    ) -> tuple[Array, dict[str, Any]]:
        """The split (N,) of the sequences of all files, and what is known of it; arguments as of `_targets`."""
        first, *later = labelled
        drawn = labels.SplitShares(self.validation, 0.0 if later else self.test, self.unit, self.draw)
        split, whole = labels.split(first, content[0], classes, drawn, self.split_by, order, shared)
        unused = int((split == splits.UNUSED).sum()) if not self.draw else 0
        for other in later:
            if self.group is not None:
                labels.separate(first, other)
            split = np.append(split, np.full(len(other), splits.TEST, np.int8))
        about: dict[str, Any] = {"kind": self.kind, "label": self._label_name(), "group": self.group}
        copies = int(np.isin(content[1], content[0]).sum()) if later else 0
        about |= {"tested": int((split == splits.TEST).sum()), "copies": copies, "whole": whole, "unused": unused}
        about["overlap"] = "" if shared is None else overlap_in_words(shared, self.unit)
        return split, about

    def _label_name(self) -> str:
        return self.label or LABEL_NAMES[files.form(self.path)]

    def _answered(self, outputs: Array, beside: dict[str, Any]) -> Any:
        """A frame of the answers: the class and the probability of each, or the value, after the columns `beside`."""
        import pandas

        about, scores = self.encodings(), np.asarray(outputs, np.float64)
        if scores.ndim != 2 or scores.shape[1] != self.outputs:
            raise UserError(f"answer: expected outputs of the shape (N, {self.outputs}). Received: {scores.shape}")
        if self.kind == "value":
            answers = {about["label"]: scores[:, 0] * about["deviation"] + about["mean"]}
        else:
            probabilities = _class_scores.probabilities(scores)
            answers = {about["label"]: np.array(about["classes"])[probabilities.argmax(1)]}
            answers |= {f"probability of {name}": probabilities[:, place] for place, name in enumerate(about["classes"])}
        return pandas.DataFrame({**beside, **answers})


def overlap_in_words(shared: Overlap, unit: str) -> str:
    """How many sequences are windows that overlap, and by how much: "97 % of the sequences begin inside another one"."""
    by = f"most {shared.step} step{'s' * (shared.step > 1)} after it begins"
    return f"{max(1, round(100 * shared.share))} % of the {unit} begin inside another one, {by}"


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
