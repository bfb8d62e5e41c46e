"""What is shown while runs go on: on a terminal, in a notebook, or by a function of the user's own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gru_tf.experiment.result import RunResult
from gru_tf.suite.progress.notebook import NotebookProgress, in_notebook

Progress = Callable[[RunResult | None, int, int], None]


@contextmanager
def display(wanted: Progress | bool | None) -> Iterator[Progress | None]:
    """What shows the runs inside the block.

    Args:
        wanted: True for a bar in a notebook or on a terminal, and lines elsewhere; False for nothing; None for a bar in a
            notebook and nothing elsewhere; or a function of the user's own, which stays what it is.
    """
    notebook = in_notebook()
    if callable(wanted):
        yield wanted
    elif wanted is False or (wanted is None and not notebook):
        yield None
    elif notebook:
        with NotebookProgress() as shown_in_notebook:
            yield shown_in_notebook
    else:
        from rich.console import Console

        from gru_tf.suite.progress.terminal import RunProgress

        with RunProgress(Console()) as shown_on_terminal:
            yield shown_on_terminal


def phase(progress: Progress | None, text: str) -> None:
    """Tell a display that has the method `phase` what begins that is no run, such as "importing TensorFlow"."""
    tell = getattr(progress, "phase", None)
    if tell:
        tell(text)
