"""What the dashboard shows of an experiment when its runs are done: answer, data, report, the best models.

All of it follows from the store and may be repeated: after a coordinator was killed in the middle, the next does it again.
"""

import tempfile
from pathlib import Path

from gru_tf.analysis import report
from gru_tf.analysis.answer import answer
from gru_tf.analysis.formats import summary
from gru_tf.analysis.results import Results
from gru_tf.foundation.errors import one_line
from gru_tf.suite import baseline_models, publishing_libraries
from gru_tf.suite.progress import Progress, phase
from gru_tf.suite.result_writer import ResultWriter
from gru_tf.suite.tracking import Record, dashboard_links, description, registry

REPORT = "report.html"


def publish(results: Results, record: Record, writer: ResultWriter, progress: Progress | None = None) -> None:
    """Show an experiment's results; a part that cannot be shown is reported in one line, and no result is lost.

    Args:
        results: of the experiment.
        record: of the experiment.
        writer: to that record.
        progress: what is shown meanwhile; its method `phase`, if it has one, is told what begins.

    Raises:
        UserError: where the store stays out of reach.
    """
    phase(progress, "writing the report")
    links = _report(results, record, writer) | {"Charts, one bar per seed": dashboard_links.charts(record.experiment_id)}
    phase(progress, "publishing the answer and the data")
    lines = answer(results.evidence)
    text = summary.markdown(results.evidence, lines, links)
    writer.insist(lambda: description.view(record))
    writer.insist(lambda: description.note(record, text))
    writer.insist(lambda: description.answer(record, results.evidence, lines))
    writer.insist(lambda: description.data(record, results.runs))
    phase(progress, "publishing the best models")
    baseline_models.keep(results, record, writer)
    _register(results, record, writer)


def _report(results: Results, record: Record, writer: ResultWriter) -> dict[str, str]:
    """Keep the report with the parent run; its link in the dashboard, or nothing where there is no report."""
    if not publishing_libraries.report_is_on():
        return {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / REPORT
        try:
            report.write(results, file)
        except Exception as error:  # whatever is wrong with a page, the experiment is closed
            reason = one_line(f"{type(error).__name__}: {error}")
            name = results.experiment.name
            writer.say(f"the report was not written: {reason}. The results are stored; to try again: gru-tf report {name}")
            return {}
        writer.insist(lambda: description.file(record, file))
    return {"The report": dashboard_links.artifact(record.experiment_id, record.parent, REPORT)}


def _register(results: Results, record: Record, writer: ResultWriter) -> None:
    refusal = writer.insist(lambda: registry.register(record, results.runs))
    if refusal:
        writer.say(f"the best models of {results.experiment.name} were not registered: {refusal}. Results are not affected")
