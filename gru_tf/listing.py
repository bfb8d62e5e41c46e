"""What there is to choose from, with a line on each; read, not imported, so that it is instant."""

from collections.abc import Iterator

from gru_tf import experiment_file
from gru_tf.cells import CELLS
from gru_tf.errors import UserError
from gru_tf.tasks import TASKS


def catalogues(kind: str | None = None) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """(kind, [(name, one line)]) of cells, tasks and experiments, or of one kind."""
    for heading, catalogue in (("cells", CELLS), ("tasks", TASKS)):
        if kind in (None, heading):
            yield heading, [(name, catalogue.summary(name)) for name in catalogue.names()]
    if kind in (None, "experiments"):
        yield "experiments", [(name, _question(name)) for name in experiment_file.names()]


def _question(name: str) -> str:
    try:
        return experiment_file.load(experiment_file.names()[name]).question
    except UserError as error:
        return f"cannot be read: {error}"
