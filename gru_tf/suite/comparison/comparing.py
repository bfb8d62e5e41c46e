"""The comparison for Python users: trained now, or loaded from the store."""

from typing import Any, Unpack

from gru_tf import suite
from gru_tf.foundation import startup
from gru_tf.suite.comparison.answer import Comparison
from gru_tf.suite.comparison.options import ComparisonOptions
from gru_tf.suite.comparison.planning import plan
from gru_tf.suite.comparison.signatures import documented
from gru_tf.suite.progress import Progress, display, phase
from gru_tf.suite.result_writer import complain


@documented
def compare(
    data: Any,
    *,
    test: Any = None,
    name: str | None = None,
    store: str | None = None,
    workers: int | None = None,
    progress: Progress | bool | None = None,
    final: bool = False,
    **options: Unpack[ComparisonOptions],
) -> Comparison:
    """Compare recurrent cells on your own data, with the same budget, tuning and seeds for each.

    Options that you leave out are inferred from the data and listed in the answer.

    Args:
        data: a path (CSV, TSV, text, Parquet, JSON lines, Excel, NPZ or .ts), a pandas frame, arrays by name such as
            {"X": …, "y": …, "lengths": …},
            or a pair (X, y) with X (sequences, steps, features).
        test: the same for data to test on; a part of `data` if None.
        **options: each of `ComparisonOptions`.
        name: name of the experiment in the store; the file's name if None.
        store: tracking URI of MLflow; ./mlruns/mlflow.db if None.
        workers: processes, one per GPU or else per core if None; 0 trains in this process.
        progress: what is shown meanwhile, as in `gru_tf.run`: a bar in a notebook and nothing elsewhere if None.
        final: whether the recommended model is trained anew on all of the data, to predict, with the settings and as many
            epochs as validation chose. Metrics stay those of the model that was tested.

    Raises:
        UserError: in one line, before anything starts, for whatever is wrong with the data or the arguments.
    """
    with display(progress) as shown_by:
        phase(shown_by, "reading the data")
        with startup.quiet():  # a text's vocabulary imports TensorFlow, which writes ten lines on devices
            planned = plan(data, test=test, name=name, store=store, **options)
        results = suite.run(planned.experiment, store, workers, progress=shown_by or False)
        answer = Comparison(results, store, planned.inferences)
        phase(shown_by, "training on all of the data" if final else "keeping the predictor")
        refusal = answer.keep(final)
    if refusal:
        complain(refusal)
    return answer


def compared(name: str, store: str | None = None) -> Comparison:
    """A comparison that was run before, from the store.

    Raises:
        UserError: where the store has none of that name.
    """
    return Comparison(suite.results(name, store), store)
