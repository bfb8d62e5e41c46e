"""RNN, LSTM or GRU on a user's own data: guess, experiment, run, and a recommendation in words."""

from collections.abc import Sequence
from typing import Any

from gru_tf import suite
from gru_tf.suite import Results
from gru_tf.suite.comparison.answer import Comparison as Comparison
from gru_tf.suite.comparison.plan import Plan as Plan
from gru_tf.suite.comparison.plan import plan as plan
from gru_tf.suite.comparison.plan import write as write
from gru_tf.suite.coordinator import Progress


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


def _names(given: str | Sequence[str] | None) -> tuple[str, ...] | None:
    return (given,) if isinstance(given, str) else None if given is None else tuple(given)
