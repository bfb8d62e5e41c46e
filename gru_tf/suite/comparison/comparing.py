"""The comparison for Python users: trained now, or loaded from the store."""

from typing import Any, Unpack

from gru_tf import suite
from gru_tf.foundation import startup
from gru_tf.suite.comparison.answer import Comparison
from gru_tf.suite.comparison.options import ComparisonOptions
from gru_tf.suite.comparison.planning import plan
from gru_tf.suite.comparison.signatures import documented
from gru_tf.suite.progress import Progress, display, phase


@documented
def compare(
    data: Any,
    *,
    test: Any = None,
    name: str | None = None,
    store: str | None = None,
    workers: int | None = None,
    progress: Progress | bool | None = None,
    **options: Unpack[ComparisonOptions],
) -> Comparison:
    """Compare recurrent cells on your own data, with the same budget, tuning and seeds for each.

    Options that you leave out are inferred from the data and listed in the answer.

    Args:
        data: a path (CSV, TSV, Parquet, NPZ or .ts), a pandas frame, arrays by name such as {"X": …, "y": …, "lengths": …},
            or a pair (X, y) with X (sequences, steps, features).
        test: the same for data to test on; a part of `data` if None.
        **options: each of `ComparisonOptions`.
        name: name of the experiment in the store; the file's name if None.
        store: tracking URI of MLflow; ./mlruns/mlflow.db if None.
        workers: processes, one per GPU or else per core if None; 0 trains in this process.
        progress: what is shown meanwhile, as in `gru_tf.run`: a bar in a notebook and nothing elsewhere if None.

    Raises:
        UserError: in one line, before anything starts, for whatever is wrong with the data or the arguments.
    """
    with display(progress) as shown_by:
        phase(shown_by, "reading the data")
        with startup.quiet():  # a text's vocabulary imports TensorFlow, which writes ten lines on devices
            planned = plan(data, test=test, name=name, **options)
        results = suite.run(planned.experiment, store, workers, progress=shown_by or False)
    return Comparison(results, store, planned.inferences)


def compared(name: str, store: str | None = None) -> Comparison:
    """A comparison that was run before, from the store.

    Raises:
        UserError: where the store has none of that name.
    """
    return Comparison(suite.results(name, store), store)
