"""What the tasks on a user's own files share: the files, their pinned content, and the way in and out for new data."""

import warnings
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self, get_args

from pydantic import Field, PrivateAttr, model_validator

from gru_tf.data.own import files
from gru_tf.data.own.dialect import Quoting
from gru_tf.tasks import Array, ForecastRows, Task
from gru_tf.tasks._pinned_files import pinned_digest

Names = Annotated[tuple[str, ...], Field(strict=False)]  # a list in YAML
Draws = Literal["fixed", "drawn"]
Share = Annotated[float, Field(gt=0, lt=1)]
ShareOrNone = Annotated[float, Field(ge=0, lt=1)]  # 0 for no such part


class PreparedInputs(NamedTuple):
    """Inputs made from new data as those of training were.

    Args:
        inputs: (N, T, I) float32, or (N, T) whole numbers; as `Examples.inputs`.
        lengths: (N,) int32, real steps of each.
    """

    inputs: Array
    lengths: Array


class NewHistory(NamedTuple):
    """The rows before the forecasts of new data.

    Args:
        rows: all series of training in their order, then those that training does not have. A series begins with the rows of
            training where the new ones follow these without a gap, or are later ones of the same; else with the new rows.
        starts: (N,) the row after the last of each series that is to be forecast, in the order of `OwnData.prepare`.
        whole: (N,) whether its series begins with the first row of training.
        names: (N,) of its series; "" where there is one.
    """

    rows: ForecastRows
    starts: Array
    whole: Array
    names: tuple[str, ...]


class OwnData(Task):
    """A task on a user's own file.

    Args:
        path: the file.
        sha256: first 16 digits of its checksum (with that of `test_path`); filled in when an experiment is loaded, so that
            a run always means the same data. Empty: whatever the file holds now.
        test_path: a second file of the same form, to test on; None: a part of the first.
        draws: whether all seeds have the same split ("fixed"), or each draws its own ("drawn"); seed 0 has the fixed one. A
            file to test on is the same at every seed.
        quoting: what a '"' means in a file of text: "standard", the beginning of a text that may span lines, or "none", a
            character as any other; None: what fits the file.
    """

    reference: ClassVar[str] = "a user's own data"
    licence: ClassVar[str] = "the user's"

    path: str
    sha256: str = ""
    test_path: str | None = None
    draws: Draws = "fixed"
    quoting: Quoting | None = None
    _draw: int = PrivateAttr(default=0)
    _carried: dict[str, Array] | None = PrivateAttr(default=None)  # arrays of a task that has left its files

    @model_validator(mode="before")
    @classmethod
    def _as_called_before(cls, options: Any) -> Any:
        """`split` was the name of `draws`, before it said by what data are split."""
        if isinstance(options, dict) and options.get("split") in get_args(Draws) and "draws" not in options:
            return {"draws" if name == "split" else name: value for name, value in options.items()}
        return options

    @model_validator(mode="after")
    def _one_test(self) -> Self:
        if self.draws == "drawn" and self.test_path is not None:
            raise ValueError(
                "received both draws: drawn and test_path, expected one: what each seed draws to test on is a part of path."
            )
        return self

    @property
    def draw(self) -> int:
        """The seed whose split this is; 0 where all have the same."""
        return self._draw

    def at(self, seed: int) -> Self:
        """The task with the split that a seed draws; itself where `draws` is "fixed"."""
        if self.draws == "fixed" or seed == self._draw:
            return self
        drawn = self.model_copy()
        drawn._draw = seed
        return drawn

    @abstractmethod
    def split_in_words(self) -> str:
        """By what training, validation and test are told apart: "by time: the last 20 % of the rows test".

        Raises:
            UserError: where a file cannot be read or is not as the options say.
        """

    @abstractmethod
    def drawn_in_words(self) -> str:
        """What the seeds draw to test on: "by group", or "origins between …"; "" where they draw nothing.

        Raises:
            UserError: where a file cannot be read or is not as the options say.
        """

    @property
    @abstractmethod
    def predicted(self) -> tuple[str, ...]:
        """The columns of `answer` that hold predictions of numbers; () where classes are predicted."""

    @abstractmethod
    def carried(self, whole: bool) -> dict[str, Array]:
        """What `prepare` and `answer` read of the arrays of training, to be taken along in place of the files.

        Args:
            whole: with what models read that read a series from its beginning.
        """

    def on(self, carried: Mapping[str, Array], draw: int = 0) -> Self:
        """The task on arrays that `carried` gave, without its files."""
        task = self.model_copy()
        task._carried, task._draw = dict(carried), draw
        return task

    @property
    def recency(self) -> Any:
        """The larger, the newer the data that it ends with; by default all splits are as new."""
        return 0

    @property
    def paths(self) -> list[str]:
        """The file, or both."""
        return [self.path] + ([self.test_path] if self.test_path is not None else [])

    def pinned(self) -> dict[str, str]:
        """The checksum of the files as they are now, which are read, so that errors show before anything starts.

        Raises:
            DatasetError: where a file cannot be read, has changed since `sha256` was noted, or is not as the options say.
        """
        content = self.content()
        _ = self.signature
        return {"sha256": content}

    def content(self) -> str:
        """The checksum that stands for the data; checked against the files where they must be read."""
        return pinned_digest(self.sha256, self.paths)

    def checksums(self) -> dict[str, str]:
        """Path and first digits of the sha256 of each file."""
        return {path: files.digest(path) for path in self.paths}

    @abstractmethod
    def encodings(self) -> dict[str, Any]:
        """All that turns data into inputs and outputs into answers, as JSON can hold it: names, means, categories."""

    @abstractmethod
    def prepare(self, frame: Any) -> PreparedInputs:
        """Inputs made from new data of the same columns; the columns to predict need not be there.

        Raises:
            UserError: naming row and column where the data are not as in training.
        """

    def history(self, frame: Any) -> "NewHistory | None":
        """What models read that read a series from its beginning: the rows before each forecast; None of other data.

        Raises:
            UserError: as `prepare`.
        """
        return None

    @abstractmethod
    def answer(self, outputs: Array, frame: Any) -> Any:
        """The network's outputs for `prepare(frame)` as a pandas frame, in the user's units and names."""

    def notes(self) -> tuple[str, ...]:
        """What a user should know of the data, a sentence each, such as gaps in time."""
        return ()


def warn_of_unknown(sentences: Sequence[str]) -> None:
    """Warn of categories in new data that training did not have.

    Warns:
        UserWarning: for each sentence.
    """
    for sentence in sentences:
        warnings.warn(sentence, UserWarning, stacklevel=2)


def percent(share: float) -> str:
    """A share in words, such as "20 %"."""
    return f"{100 * share:g} %"


def expect_training_share(validation: float, test: float) -> None:
    """Raise ValueError where two shares leave nothing to train on."""
    if validation + test >= 1:
        shares = f"{validation:g} to validate and {test:g} to test"
        raise ValueError(f"received shares of {shares}, expected less than 1 together.")
