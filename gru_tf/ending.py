"""What the dashboard shows of an experiment when its runs are done: answer, data, report, the best models.

All of it follows from the store and may be done again: a coordinator that was killed in the middle does it all anew.
"""

import os
import tempfile
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from gru_tf import brief, evidence
from gru_tf.experiment import Experiment
from gru_tf.run_result import RunResult
from gru_tf.tracking import Record, addresses, described, registry
from gru_tf.writer import Writer

REPORT = "report.html"
SWITCH = "GRU_TF_REPORT"  # "no" where many small experiments are run: a page takes seconds to draw


class Found(Protocol):
    """Results with their experiment."""

    @property
    def experiment(self) -> Experiment:
        """The question."""

    @property
    def runs(self) -> tuple[RunResult, ...]:
        """Every trial and every final seed."""


def show(found: Found, record: Record, writer: Writer) -> None:
    """Show all that an experiment found; what of it cannot be shown is said in a line, and costs no result.

    Raises:
        UserError: where the store stays out of reach.
    """
    links = _report(found, record, writer) | {"Charts, a bar a seed": addresses.charts(record.experiment_id)}
    text = brief.markdown(evidence.gather(found.experiment, found.runs), _answer(found), links)
    writer.insist(lambda: described.view(record))
    writer.insist(lambda: described.note(record, text))
    writer.insist(lambda: described.data(record, found.runs))
    _register(found, record, writer)


def _answer(found: Found) -> tuple[str, ...]:
    if find_spec("gru_tf.answer") is None:
        return ()
    return tuple(import_module("gru_tf.answer").answer(evidence.gather(found.experiment, found.runs)))


def _report(found: Found, record: Record, writer: Writer) -> dict[str, str]:
    """Keep the report with the parent run; where in the dashboard it is, or nothing."""
    if os.environ.get(SWITCH) == "no" or find_spec("gru_tf.report") is None:
        return {}
    write = import_module("gru_tf.report").write
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / REPORT
        try:
            write(found, file)
        except Exception as error:  # whatever is wrong with a page, runs that are done are closed
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            writer.say(f"the report is not written: {reason}. Results are stored: gru-tf report {found.experiment.name}")
            return {}
        writer.insist(lambda: described.file(record, file))
    return {"The report": addresses.artifact(record.experiment_id, record.parent, REPORT)}


def _register(found: Found, record: Record, writer: Writer) -> None:
    refused: list[str] = []
    writer.insist(lambda: refused.append(registry.register(record, found.runs)))
    if refused[-1]:
        writer.say(f"the best models of {found.experiment.name} are not registered: {refused[-1]}. Results are not affected")
