"""What the dashboard shows of an experiment when its runs are done: answer, data, report, the best models.

All of it follows from the store and may be done again: a coordinator that was killed in the middle does it all anew.
"""

import os
import tempfile
from importlib import import_module
from pathlib import Path

from gru_tf.analysis import report
from gru_tf.analysis.answer import answer
from gru_tf.analysis.formats import summary
from gru_tf.analysis.report.findings import Results
from gru_tf.foundation import startup
from gru_tf.foundation.errors import one_line
from gru_tf.suite.result_writer import Writer
from gru_tf.suite.tracking import Record, dashboard_links, description, registry

REPORT = "report.html"
SWITCH = "GRU_TF_REPORT"  # "no" where many small experiments are run: a page takes seconds to draw
DRAWS = ("gru_tf.analysis.report.page", "jinja2", "matplotlib.figure", "matplotlib.backends.backend_svg", "sklearn.ensemble")


def get_ready() -> None:
    """Import what an ending computes and draws with: two seconds that a run which trains alone leaves to spare."""
    with startup.without_garbage_collection():
        for name in ("scipy.stats", *(DRAWS if os.environ.get(SWITCH) != "no" else ())):
            import_module(name)


def show(found: Results, record: Record, writer: Writer) -> None:
    """Show all that an experiment found; what of it cannot be shown is said in a line, and costs no result.

    Raises:
        UserError: where the store stays out of reach.
    """
    links = _report(found, record, writer) | {"Charts, a bar a seed": dashboard_links.charts(record.experiment_id)}
    text = summary.markdown(found.evidence, answer(found.evidence), links)
    writer.insist(lambda: description.view(record))
    writer.insist(lambda: description.note(record, text))
    writer.insist(lambda: description.data(record, found.runs))
    _register(found, record, writer)


def _report(found: Results, record: Record, writer: Writer) -> dict[str, str]:
    """Keep the report with the parent run; where in the dashboard it is, or nothing."""
    if os.environ.get(SWITCH) == "no":
        return {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / REPORT
        try:
            report.write(found, file)
        except Exception as error:  # whatever is wrong with a page, runs that are done are closed
            reason = one_line(f"{type(error).__name__}: {error}")
            writer.say(f"the report is not written: {reason}. Results are stored: gru-tf report {found.experiment.name}")
            return {}
        writer.insist(lambda: description.file(record, file))
    return {"The report": dashboard_links.artifact(record.experiment_id, record.parent, REPORT)}


def _register(found: Results, record: Record, writer: Writer) -> None:
    refused: list[str] = []
    writer.insist(lambda: refused.append(registry.register(record, found.runs)))
    if refused[-1]:
        writer.say(f"the best models of {found.experiment.name} are not registered: {refused[-1]}. Results are not affected")
