"""Your own sequences: predict the class, or a value, of each sequence of steps.

A long table (CSV or Parquet) has a row for each step; a column says which rows are one sequence, and each of its rows
holds the label. An NPZ file has "X" (N, T, features) or (N, T), "y" (N,) and, where lengths vary, "lengths" (N,). A `.ts`
file is read as by the task `ucr`. Numbers are standardised by the training sequences, text becomes one input for each
category.

Worked example, id: trip, order: second, label: by:

    trip  second  speed  road   by
    7     0       4.0    path   foot     → trip 7, two steps of speed, road=path, road=street: foot
    7     1       4.4    path   foot
    8     0       19.0   street bicycle  → trip 8, one step: bicycle

With `per_step` every step has a label of its own, or none: a step without one has no target. Worked example, label: on:

    trip  second  speed  on
    7     0       4.0    path
    7     1       6.1    street   → trip 7: path, street
    8     0       19.0            → trip 8: nothing to learn from its step
"""

from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from gru_tf.data.own import columns, files, splits
from gru_tf.data.own import sequences as gathered
from gru_tf.data.own.encoding import Encoding
from gru_tf.data.own.labels import Classes
from gru_tf.data.own.missing_values import Missing
from gru_tf.data.own.overlap import overlap
from gru_tf.data.own.sequences import windows
from gru_tf.tasks import Array, Count, Examples, Metric, Signature, Splits
from gru_tf.tasks._padding import padded, right_padded
from gru_tf.tasks.evaluation import LARGEST, Parts
from gru_tf.tasks.own import _step_targets
from gru_tf.tasks.own._labelled_task import LabelledData, expect_to_fit_memory, json_array
from gru_tf.tasks.own._task import Names, PreparedInputs, warn_of_unknown


class Sequences(LabelledData):
    """Classify sequences of a user's own, or predict a value of each.

    Args:
        kind: whether a label is one of several classes or a number.
        label: the column of labels, the same in every row of a sequence; for an NPZ file the array, by default "y". With
            `per_step` a label at each row, or none; an array (N, T), or (N, T, labels) of values.
        group: the column, or array, that says whose a sequence is; one person's, say, are never in two splits.
        validation: share to validate on; 0 for none, with `training.validation: none`.
        test: share to test on; not with `test_path`.
        split: "group" keeps each group in one part, "time" tests on the last ones, "random" on any; None: by group where
            there is one, else at random. By group without a column of groups, windows that overlap are kept together.
        draws: "fixed": the same ones test at all seeds; "drawn": each seed draws its own split.
        id: the column that says which rows are one sequence.
        order: the column by which its rows are ordered, numbers or times; by default their order in the file.
        features: the columns of the inputs, by default all others; for an NPZ file the array, by default "X".
        layout: of a table, "long", a row a step, or "wide", a row a sequence and a column a step; a step that is empty at
            the end of a row is none.
        window: steps up to each label, where every step has one, such as a remaining life; sequences are then kept whole.
            None: a sequence has one label.
        stride: steps from one window to the next; the last step of a sequence always ends one.
        per_step: whether every step has a label, and the network an output at every step, from one sequence to another.
        labels: further columns of values at each step, beside `label`, with `per_step`.
        missing: how missing values of features are treated: "refuse" them, "drop" the step, "forward" (the last value
            before), "interpolate", or "mean" of the training steps (text: the most frequent).
    """

    question: ClassVar[str] = "Which class or value does a sequence have?"

    id: str | None = None
    order: str | None = None
    features: Names = ()
    layout: Literal["long", "wide"] = "long"
    window: Annotated[int | None, Field(ge=1)] = None
    stride: Count = 1
    missing: Missing = "refuse"
    per_step: bool = False
    labels: Names = ()

    @property
    def signature(self) -> Signature:
        """The longest sequence's steps, the encoded features, the classes or one value.

        Raises:
            UserError: where a file cannot be read or is not as the options say.
        """
        arrays = self.arrays()
        return Signature(
            timesteps=int(arrays["lengths"].max()),
            features=arrays["rows"].shape[1],
            outputs=self.outputs,
            target=self.kind,
            weights=self.weights,
            varying=bool(arrays["lengths"].min() < arrays["lengths"].max()),
            per_step=self.per_step,
        )

    def splits(self, rng: np.random.Generator) -> Splits:
        """Inputs (N, T, features) float32, zeros after the end of a sequence; targets (N,) int32 or (N, 1) float32.

        With `per_step` targets are (N, T) int32, −1 where a step has no label, or (N, T, labels) float32, NaN there.

        `rng` is not used: `at` draws.

        Raises:
            UserError: where a file cannot be read or is not as the options say.
        """
        arrays = self.arrays()
        rows, lengths, targets = arrays["rows"], arrays["lengths"], arrays["targets"]

        def part(number: int) -> Examples:
            chosen = arrays["split"] == number
            if not self.per_step:
                return padded(rows, lengths, chosen, targets)
            steps = lengths[chosen].astype(np.int32)
            inputs = right_padded(rows[np.repeat(chosen, lengths)], steps, np.float32)
            return Examples(inputs, _step_targets.padded(targets, lengths, chosen), steps)

        validation = part(splits.VALIDATION) if self.validation else None
        return Splits(part(splits.TRAIN), validation, part(splits.TEST))

    def labels_in(self, part: int) -> Array:
        """The targets of a part: of its labelled steps where every step has a label."""
        if not self.per_step:
            return super().labels_in(part)
        of_steps, _ = self._steps_of(part)
        return of_steps[_step_targets.there(of_steps)]

    def _with_targets(self, part: int, outputs: Array) -> Array:
        if not self.per_step:
            return outputs
        of_steps, lengths = self._steps_of(part)
        return _step_targets.of_real_steps(outputs, lengths)[_step_targets.there(of_steps)]

    def _steps_of(self, part: int) -> tuple[Array, Array]:
        """The targets of all steps of a part, and the lengths of its sequences."""
        arrays = self.arrays()
        chosen = np.asarray(arrays["split"] == part)
        lengths = np.asarray(arrays["lengths"])
        return np.asarray(arrays["targets"])[np.repeat(chosen, lengths)], lengths[chosen]

    def looks_at(self, splits: Splits) -> bool:
        """Whether all outputs are held at once: of steps only where they are not too many."""
        if not self.per_step:
            return super().looks_at(splits)
        signature = self.signature
        most = max(len(splits.validation or ()), len(splits.test)) * signature.outputs * signature.timesteps
        return most <= LARGEST or self.metric.whole

    @property
    def outputs(self) -> int:
        """Size of the network's output: a score for each class, or each value."""
        about = self.encodings()
        return len(about["labels"]) if self.per_step and self.kind == "value" else super().outputs

    @property
    def predicted(self) -> tuple[str, ...]:
        """The labels where they are values."""
        return tuple(self.encodings()["labels"]) if self.per_step and self.kind == "value" else super().predicted

    def _metric_of_values(self, test: Array, deviation: Any) -> Metric:
        """In the label's units; of several values at each step in deviations of each in training."""
        if not self.per_step:
            return super()._metric_of_values(test, deviation)
        metric = super()._metric_of_values(test, deviation[0] if len(deviation) == 1 else 1.0)
        words = metric.trivial if len(deviation) == 1 else f"{metric.trivial}, in deviations of each label"
        return replace(metric, trivial=words)

    def _parts_of_values(self, truth: Array, tested: Array) -> Parts:
        if self.outputs == 1:
            return {}
        about = self.encodings()
        errors = (tested - truth).astype(np.float64) * about["deviation"]
        return {
            "label": {
                name: {"rmse": float(np.sqrt(np.mean(each**2))), "mae": float(np.mean(np.abs(each)))}
                for name, each in zip(about["labels"], errors.T, strict=True)
            }
        }

    @property
    def baselines(self) -> tuple[str, ...]:
        """Those of sequences, or of steps."""
        return ("current_step", "sliding_window") if self.per_step else super().baselines

    def prepare(self, frame: Any) -> PreparedInputs:
        """Inputs made from new sequences, in the form of training's: a frame of steps, or arrays by name.

        Where training's file is a `.ts`, the path of another, or arrays: "X" (N, T, channels), and "lengths" if they vary.

        Raises:
            UserError: naming row and column where they are not as in training.
        """
        about = self.encodings()
        sequences = self._new(frame)
        steps = _filled(sequences.steps, about["fills"]) if self.missing == "mean" else sequences.steps
        encoding = Encoding.model_validate(about["encoding"])
        warn_of_unknown(encoding.unknown(steps))
        rows = encoding.apply(steps, sequences.where)
        lengths = sequences.lengths.astype(np.int32)
        return PreparedInputs(right_padded(rows, lengths, np.float32), lengths)

    def answer(self, outputs: Array, frame: Any) -> Any:
        """A row for each sequence: its `id`, the label, and the probability of each class.

        With `per_step` a row for each row of the frame, in their order; for each step of arrays.
        """
        if self.per_step:
            return self._answered_steps(outputs, frame)
        return self._answered(outputs, {self.id or "sequence": self._new(frame).names})

    def _answered_steps(self, outputs: Array, frame: Any) -> Any:
        import pandas

        new = self._new(frame)
        _step_targets.expect_outputs(outputs, new.lengths, self.outputs)
        answers = _step_targets.answers(self.encodings(), _step_targets.of_real_steps(outputs, new.lengths))
        if files.form(self.path) != "table":
            beside = {"sequence": np.repeat(new.names, new.lengths), "step": new.places + 1}
            return pandas.DataFrame({**beside, **answers})
        rows = frame.reset_index(drop=True)
        beside = {name: columns.joined(rows, [name])[name] for name in (self.id, self.order) if name is not None}
        # a step that was dropped has no prediction
        made = pandas.DataFrame(answers, index=new.steps.index).reindex(rows.index)
        return pandas.concat([pandas.DataFrame(beside), made], axis=1)

    @model_validator(mode="after")
    def _labels_of_steps(self) -> Self:
        if self.labels and not self.per_step:
            raise ValueError("received labels without per_step, expected both: several values of each step.")
        if self.labels and (self.kind == "class" or self.label is None):
            received = "kind: class" if self.kind == "class" else "no label"
            raise ValueError(f"received labels beside {received}, expected kind: value and label, the first of the values.")
        if self.per_step and (self.window is not None or self.layout == "wide"):
            other = "window" if self.window is not None else "layout: wide"
            raise ValueError(f"received both per_step and {other}, expected one: a row a step has a label, and no window.")
        if self.per_step and files.form(self.path) == "series":
            raise ValueError("received per_step for a .ts file, expected a table or .npz: a series has one label there.")
        return self

    @model_validator(mode="after")
    def _windows_of_a_table(self) -> Self:
        if self.window is not None and files.form(self.path) != "table":
            raise ValueError("received window, expected none: only a table has a label at every step.")
        if self.window is None and self.stride > 1:
            raise ValueError("received stride without window, expected both.")
        if self.window is not None and self.split == "random":
            raise ValueError("received split: random beside window, expected group or time: windows of a sequence overlap.")
        return self

    def notes(self) -> tuple[str, ...]:
        """Copies in the test file, windows that overlap, and classes and categories that training does not have."""
        about = self.encodings()
        unseen = _step_targets.note_of_unseen(about)
        return (*super().notes(), *about["unknown"], *((unseen,) if unseen else ()))

    @property
    def counted(self) -> str:
        """Windows, where sequences are cut into these."""
        return self.unit if self.window is None else "windows"

    @property
    def kept_whole(self) -> str | None:
        """The column of groups; that of sequences where these are cut into windows."""
        return self.id if self.window is not None and self.group is None else self.group

    def _columns(self, features: tuple[str, ...]) -> gathered.Columns:
        group = self.kept_whole if self.window is not None else self.group
        every = self.window is not None or self.per_step
        return gathered.Columns(self.label, self.id, self.order, features, group, every, self.labels, self.layout)

    @property
    def _splits_by_overlap(self) -> bool:
        """Whether it matters which sequences share steps: for the split, or, once for all draws, to be noted."""
        by_steps = self.split_by == "time" or (self.split_by == "group" and self.kept_whole is None)
        return self.window is None and (by_steps or not self.draw)

    def _cut(self, whole: gathered.GatheredSequences) -> gathered.GatheredSequences:
        return whole if self.window is None else windows.cut(whole, self.window, self.stride)

    def _new(self, frame: Any) -> gathered.GatheredSequences:
        where, about = "the data", self.encodings()
        if files.form(self.path) == "table":
            if self.layout == "wide":
                names = self._columns(self.features)
                return gathered.of_wide(frame.reset_index(drop=True), where, names, self.missing, labels=False)
            names = self._columns(tuple(about["features"]))
            whole = gathered.of_table(frame.reset_index(drop=True), where, names, self.missing, labels=False)
            return whole if self.window is None else windows.last(whole, self.window)
        if isinstance(frame, str):
            sequences = gathered.read(frame, self._columns(self.features), self.missing)
        else:
            sequences = gathered.of_arrays(frame, where, self._columns(self.features), self.missing, labels=False)
        gathered.as_many(sequences, about["features"])
        return replace(sequences, steps=sequences.steps.set_axis(about["features"], axis=1))

    def _parse(self) -> dict[str, Array]:
        first = gathered.read(self.path, self._columns(self.features), self.missing)
        parts = [first]
        if self.test_path is not None:
            long = files.form(self.path) == "table" and self.layout == "long"
            wanted = self._columns(tuple(first.steps.columns) if long else self.features)
            inside = self.test_path == self.path  # X_test beside X_train
            wanted = replace(wanted, part="test") if inside else wanted
            parts.append(gathered.read(self.test_path, wanted, self.missing))
            gathered.as_many(parts[1], list(first.steps.columns))
        parts = [self._cut(part) for part in parts]
        first, labelled = parts[0], [part.labelled for part in parts if part.labelled]
        shared = overlap(first.hashes, first.lengths) if self._splits_by_overlap else None
        content, lengths = [part.content() for part in parts], np.concatenate([part.lengths for part in parts])
        if self.per_step:
            of_each = [_step_targets.firsts(part) for part in parts]
            # sequences hold several classes: they are shared out by their number alone
            split, about = self._split(of_each, content, Classes(np.zeros(0), None), first.when, shared)
            targets, more = _step_targets.targets(self.kind, labelled, np.repeat(split, lengths))
            about |= more
        else:
            targets, split, about = self._targets(labelled, content, first.when, shared)
        training = np.repeat(split[: len(first.lengths)] == splits.TRAIN, first.lengths)
        fills = _fills(first.steps, training) if self.missing == "mean" else {}
        steps = [_filled(part.steps, fills) for part in parts]
        encoding = Encoding.fit(steps[0], list(first.steps.columns), training, first.where)
        expect_to_fit_memory(self.path, split, lengths, 4 * len(encoding.names))
        about |= {"features": list(first.steps.columns), "id": self.id, "order": self.order, "missing": self.missing}
        about |= {"fills": fills, "inputs": encoding.names, "encoding": encoding.model_dump()}
        about["unknown"] = [sentence for part in steps for sentence in encoding.unknown(part)]
        rows = [encoding.apply(part, whole.where) for part, whole in zip(steps, parts, strict=True)]
        return {
            "rows": np.concatenate(rows),
            "lengths": lengths.astype(np.int32),
            "targets": targets,
            "split": split,
            "about": json_array(about),
        }


def _fills(steps: Any, training: Array) -> dict[str, float | str]:
    """Column → what a missing value of it becomes: the mean of the training steps, of text the most frequent."""
    import pandas

    fills: dict[str, float | str] = {}
    absent = columns.missing(steps, list(steps.columns))
    for place, name in enumerate(steps.columns):
        values = steps[name][training & ~absent[:, place]]
        number = pandas.api.types.is_numeric_dtype(values.dtype) and not pandas.api.types.is_bool_dtype(values.dtype)
        if len(values):  # else the encoding says that training has no value
            fills[name] = float(values.mean()) if number else str(values.mode().iloc[0])
    return fills


def _filled(steps: Any, fills: dict[str, float | str]) -> Any:
    """The steps with missing values filled."""
    if not fills:
        return steps
    steps = steps.copy(deep=False)
    absent = columns.missing(steps, list(steps.columns))
    for place, name in enumerate(steps.columns):
        if absent[:, place].any() and name in fills:
            steps[name] = steps[name].mask(absent[:, place], fills[name])
    return steps


TASK = Sequences
