"""RNN, LSTM or GRU on a user's own data: guess, experiment, run, and a recommendation in words."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from gru_tf import experiment_file, suite
from gru_tf.coordinator import Progress
from gru_tf.errors import UserError, shown
from gru_tf.experiment import Experiment
from gru_tf.guess import Guess, guess
from gru_tf.guess.look import Said
from gru_tf.own_data import files, given
from gru_tf.protocol import protocol
from gru_tf.recommendation import Recommendation, recommend
from gru_tf.run_result import RunResult
from gru_tf.specs import PINNED
from gru_tf.suite import Results
from gru_tf.table import Row
from gru_tf.tasks import Task, create
from gru_tf.tasks._own import OwnData
from gru_tf.tracking import model as trained
from gru_tf.tracking import registry
from gru_tf.wording import listed

PROTOCOL = ("cells", "seeds", "parameters", "units", "trials", "epochs", "batch_size")
COUNTS = ("window", "horizon", "stride", "season", "seeds", "parameters", "units", "trials", "epochs", "batch_size")
COLUMNS = ("time", "group", "label", "id", "order", "text")
BATCH = 256  # sequences at a time in a prediction


@dataclass(frozen=True)
class Plan:
    """What will be compared, and why.

    Args:
        guess: the task and its options.
        experiment: what `gru-tf run` would run, the files' checksum in it.
        said: every guess and default in words, with the options that say otherwise.
        notes: what was found in the data that a user should know.
    """

    guess: Guess
    experiment: Experiment
    said: tuple[Said, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, repr=False)
class Comparison:
    """The answer to a comparison.

    Args:
        results: of the experiment, every run.
        store: tracking URI, None for the default.
        said: guesses and defaults in words; empty for a comparison from the store.
    """

    results: Results
    store: str | None = None
    said: tuple[Said, ...] = ()

    @property
    def guess(self) -> tuple[str, ...]:
        """What was guessed, a line each, with the arguments that say otherwise."""
        return tuple(f"{text} (otherwise: {', '.join(options)})" for text, options in self.said)

    def table(self) -> list[Row]:
        """One row a cell, under the comparison's name: the task's own is long."""
        return [replace(row, title=self.results.experiment.name) for row in self.results.table()]

    @cached_property
    def recommendation(self) -> Recommendation:
        """Which cell, how sure, at what cost, against the trivial answer, and where the model is; `str` of it is text."""
        models = {cell: f"{uri} ({_which(run)})" for cell, (uri, run) in self._models.items()}
        return recommend(self.results.experiment, self.results.runs, self._task.metric.trivial, models)

    def __repr__(self) -> str:
        return str(self.recommendation)

    def model(self) -> Any:
        """The recommended cell's network with the weights of its best seed, a `keras.Model`, from the store.

        Where the trivial answer is recommended, the cell that comes nearest to it.

        Raises:
            UserError: where the store has no model of it.
        """
        return self._model

    def predict(self, frame: Any) -> Any:
        """What the recommended network says of new data with the columns of training; labels and targets may be absent.

        Args:
            frame: a pandas frame, arrays by name, or the path of a table, an NPZ or a `.ts` file; of a forecast, the last
                rows of each series, at least a window.

        Returns:
            A pandas frame: forecasts in the units of the data, or classes with their probabilities.

        Raises:
            UserError: where the data are not as in training, naming row and column.
        """
        task, frame = self._task, _read(frame)
        prepared = task.prepare(frame)
        return task.answer(_outputs(self.model(), prepared.inputs, prepared.lengths), frame)

    def lines(self) -> tuple[str, str]:
        """One line of Python that loads the comparison from the store, and one that predicts."""
        store = f", store={self.store!r}" if self.store else ""
        name = self.results.experiment.name
        return f"found = gru_tf.compared({name!r}{store})", "found.predict(new_rows)  # found.model() is the Keras model"

    def _repr_html_(self) -> str:
        """For notebooks: the recommendation."""
        from html import escape

        rows = "".join(f"<tr><th>{escape(h)}</th><td>{escape(t)}</td></tr>" for h, t in self.recommendation.lines)
        return f"<table>{rows}</table>"

    @cached_property
    def _model(self) -> Any:
        cell, record = self.recommendation.nearest, self.results.record
        if record is None or cell not in self._models:
            raise UserError(f"{self.results.experiment.name}: the store has no trained model of {cell or 'any cell'}")
        return trained.load(record.uri, self._models[cell][0])

    @property
    def _task(self) -> OwnData:
        task = _task_of(self.results.experiment)
        if not isinstance(task, OwnData):
            raise UserError(
                f"{self.results.experiment.name}: expected a comparison on own data. Received: another experiment"
            )
        return task

    @cached_property
    def _models(self) -> dict[str, tuple[str, RunResult]]:
        """Cell → (URI of its model, the run that trained it)."""
        record = self.results.record
        return registry.models(record, self.results.runs) if record else {}


def plan(
    data: Any,
    *,
    test: Any = None,
    name: str | None = None,
    **given: Any,
) -> Plan:
    """What `compare` with the same arguments would run; reads the data and starts nothing.

    Raises:
        UserError: for whatever is wrong with the data or the arguments, in one line.
    """
    path, test_path = _file(data), None if test is None else _file(test)
    asked = {key: _asked(key, value) for key, value in given.items() if value is not None}
    try:
        return _planned(path, test_path, name, asked)
    except UserError as error:
        if isinstance(data, (str, Path)):
            raise
        raise UserError(str(error).replace(path, "the data").replace(test_path or path, "the test data")) from error


def _planned(path: str, test_path: str | None, name: str | None, asked: dict[str, Any]) -> Plan:
    guessed = guess(path, test_path, {key: value for key, value in asked.items() if key not in PROTOCOL})
    task = create(guessed.task, guessed.options)
    examples = len(task.splits(np.random.default_rng(0)).train)
    protocols = protocol(task.signature, examples, asked)
    name = name or _name(path, test_path)
    cells = protocols.content["cells"]
    content = {
        "name": name,
        "question": f"{listed(cells, 'or')} for {guessed.summary}?",
        "tasks": [{guessed.task: _plain(guessed.options)}],
        **protocols.content,
    }
    experiment = suite.load(experiment_file.validate(content, name))
    said = (*guessed.said, *(Said(*entry) for entry in protocols.said))
    return Plan(guessed, experiment, said, task.notes() if isinstance(task, OwnData) else ())


def compare(
    data: Any,
    *,
    test: Any = None,
    kind: str | None = None,
    target: str | Sequence[str] | None = None,
    time: str | None = None,
    group: str | None = None,
    covariates: str | Sequence[str] | None = None,
    window: int | None = None,
    horizon: int | None = None,
    stride: int | None = None,
    season: int | None = None,
    relative: bool | None = None,
    label: str | None = None,
    id: str | None = None,  # noqa: A002, as the option is called
    order: str | None = None,
    features: str | Sequence[str] | None = None,
    text: str | None = None,
    missing: str | None = None,
    cells: str | Sequence[str] | None = None,
    seeds: int | None = None,
    parameters: int | None = None,
    units: int | None = None,
    trials: int | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    name: str | None = None,
    store: str | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Compare recurrent cells on your own data: the same budget, tuning and seeds for all; what is left out is guessed.

    Args:
        data: a path (CSV, TSV, Parquet, NPZ or .ts), a pandas frame, arrays by name such as {"X": …, "y": …, "lengths": …},
            or a pair (X, y) with X (sequences, steps, features).
        test: the same for data to test on; a part of `data` if None.
        kind: "forecast", "class", "value" or "text".
        target: of a forecast: the column or columns that are foretold.
        time: of a forecast: the column of times.
        group: of a forecast: the column of independent series; else of what no two splits share, e.g. a person.
        covariates: of a forecast: further columns among the inputs.
        window: of a forecast: steps that are seen.
        horizon: of a forecast: steps that are foretold.
        stride: of a forecast: one window in so many trains.
        season: of a forecast: steps of the season that the trivial answer repeats; 0 for none.
        relative: of a forecast: whether the change from a window's last value is foretold, not the value.
        label: of sequences and texts: the column, or the array, that is to be said.
        id: of sequences: the column that is equal in all rows of one.
        order: of sequences: the column that orders their rows.
        features: of sequences: the columns, or the array, of the inputs.
        text: of texts: their column.
        missing: what to do where values are missing: "refuse", "drop", "forward", "interpolate" or "mean".
        cells: names from `gru-tf list cells`.
        seeds: how many final trainings of each cell.
        parameters: the budget of each network, head included.
        units: in its place, the size of each network's state.
        trials: of the search of each cell; 0 tunes nothing.
        epochs: of each training, at most.
        batch_size: sequences a step.
        name: of the experiment in the store; the file's name if None.
        store: tracking URI of MLflow; ./mlruns/mlflow.db if None.
        workers: processes, one per GPU or else per core if None; 0 trains in this process.
        progress: called after each run, as in `gru_tf.run`.

    Raises:
        UserError: in one line, before anything starts, for whatever is wrong with the data or the arguments.
    """
    given = {name: value for name, value in locals().items() if name not in _NOT_GIVEN}
    for several in ("target", "covariates", "features", "cells"):
        given[several] = _names(given[several])
    made = plan(data, test=test, name=name, **given)
    return conducted(made, suite.run(made.experiment, store, workers, progress=progress), store)


_NOT_GIVEN = ("data", "test", "name", "store", "workers", "progress")


def compared(name: str, store: str | None = None) -> Comparison:
    """A comparison that was made before, from the store.

    Raises:
        UserError: where the store has none of that name.
    """
    return Comparison(suite.results(name, store), store)


def conducted(made: Plan, results: Results, store: str | None) -> Comparison:
    """The answer that the results of a plan give."""
    return Comparison(results, store, made.said)


def write(made: Plan, file: Path) -> None:
    """Write a plan as an experiment file for `gru-tf run`, which makes of it the same runs.

    Raises:
        UserError: where the file is there already, or cannot be written.
    """
    import yaml

    if file.suffix not in (".yaml", ".yml"):
        raise UserError(f"{file}: expected a name that ends in .yaml")
    content = made.experiment.model_dump(mode="json", exclude={"name"}, exclude_defaults=True)
    content["tasks"] = [
        {task.name: _plain({k: v for k, v in task.options.items() if k != PINNED})} for task in made.experiment.tasks
    ]
    content["cells"] = [cell.name for cell in made.experiment.cells]
    content["seeds"] = len(made.experiment.seeds)
    try:
        with file.open("x", encoding="utf-8") as stream:
            yaml.safe_dump(content, stream, sort_keys=False, allow_unicode=True, width=120)
    except FileExistsError as error:
        raise UserError(f"{file}: there already; it is not overwritten") from error
    except OSError as error:
        raise UserError(f"{file}: {error.strerror}") from error


def _file(data: Any) -> str:
    """The absolute path of what is given; frames and arrays are written into the cache first."""
    if isinstance(data, (str, Path)):
        return str(Path(data).expanduser().absolute())
    if isinstance(data, tuple) and len(data) == 2:
        data = {"X": data[0], "y": data[1]}
    return str(given.keep(data))


def _read(data: Any) -> Any:
    """New data: what a file holds, or as given."""
    if isinstance(data, (np.ndarray, tuple)):
        data = {"X": data[0] if isinstance(data, tuple) else data}
    if not isinstance(data, (str, Path)):
        return (
            {str(name): np.asarray(array) for name, array in data.items()}
            if isinstance(data, Mapping)
            else given.table(data)
        )
    match files.form(data):
        case "arrays":
            return files.read_arrays(data)
        case "table":
            return files.read_table(data)
    return str(data)  # a .ts file is read as its task reads it


def _asked(option: str, value: Any) -> Any:
    """An option's value as the tasks take it: whole numbers, and names of columns, which are text."""
    if option in COUNTS and not isinstance(value, int):
        if not isinstance(value, np.integer):
            raise UserError(f"{option}: expected a whole number. Received: {shown(value)}")
        return int(value)
    if option in COLUMNS:
        return str(value)
    return tuple(map(str, value)) if option in ("target", "covariates", "features") else value


def _names(given: str | Sequence[str] | None) -> tuple[str, ...] | None:
    return (given,) if isinstance(given, str) else None if given is None else tuple(given)


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as YAML holds them."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in options.items()}


def _name(path: str, test: str | None) -> str:
    """The file's name without its suffixes, and without the "_TRAIN" that a "_TEST" stands beside."""
    stem = Path(path).name
    for suffix in files.FORMS:
        stem = stem.removesuffix(suffix)
    stem = re.sub(r"[-_.]train$", "", stem, flags=re.IGNORECASE) if test else stem
    return re.sub(r"[^\w.-]+", "-", stem).strip("-.") or "data"


def _task_of(experiment: Experiment) -> Task:
    return create(experiment.tasks[0].name, experiment.tasks[0].options)


def _which(run: RunResult) -> str:
    return f"{run.run.cell.label}, seed {run.run.seed}, the best of its seeds on validation"


def _outputs(model: Any, inputs: Any, lengths: Any) -> Any:
    """The network's outputs, told where each sequence ends if it asks."""
    given = [inputs]
    if len(model.inputs) > 1:
        given.append(np.arange(inputs.shape[1]) < np.asarray(lengths)[:, None])
    return model.predict(given if len(given) > 1 else inputs, batch_size=BATCH, verbose=0)
